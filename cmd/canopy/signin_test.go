package main_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Who works at the machine sees and sets what a place asks of sign-ins, and lets people in again whom a provider that
// does not answer keeps out, while the server runs.
func TestSignInCommands(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := serve(t, at, "--demo")
		run := func(words ...string) *invocation { return canopy(append([]string{"signin"}, words...)...).in(at) }
		rule := func(shown, name string) string {
			t.Helper()
			found := regexp.MustCompile(`(?m)^` + name + ` +(\S+ +\S+)$`).FindStringSubmatch(shown)
			require.NotNil(t, found, "%s in %s", name, shown)
			return strings.Join(strings.Fields(found[1]), " ")
		}
		enters := func(login string) bool {
			t.Helper()
			a, err := s.as(login, adminPassword).send("GET", "/rest/me", nil)
			require.NoError(t, err)
			return a.status == http.StatusOK
		}
		require.Equal(t, "false false", rule(run("show", "Acme").succeeds(t), "only-provider"))
		require.True(t, enters("alan.turing"))
		set := run("set", "Acme", "--only-provider", "--emergency-accounts", "grace.hopper,ada.lovelace", "--people", "otp",
			"--grace", "2099-01-31T00:00:00Z").succeeds(t)
		require.Equal(t, "2099-01-31T00:00:00Z -", rule(set, "grace"))
		require.Equal(t, "true false", rule(set, "only-provider"), "not yet")
		require.True(t, enters("alan.turing"))
		set = run("set", "Acme", "--grace", "", "--people", "none").succeeds(t)
		require.Equal(t, "true true", rule(set, "only-provider"), "what is not named stays")
		require.Equal(t, "none none", rule(set, "people"))
		require.Contains(t, rule(set, "emergency-accounts"), "grace.hopper")
		require.Contains(t, rule(set, "emergency-accounts"), "ada.lovelace")
		require.False(t, enters("alan.turing"))
		require.False(t, enters("grace.hopper"), "an emergency account signs in on the pages only")
		require.Equal(t, "- ada.lovelace,grace.hopper",
			rule(strings.ReplaceAll(run("show", "Acme/Prod").succeeds(t), "grace.hopper,ada.lovelace",
				"ada.lovelace,grace.hopper"), "emergency-accounts"))

		require.Contains(t, run("set", "Acme", "--people", "much").fails(t), "--people: Give one of none, otp and passkey.")
		require.Contains(t, run("set", "Acme", "--grace", "soon").fails(t), "--grace: ")
		require.Contains(t, run("set", "Acme", "--min-password", "65").fails(t), "--min-password: ")
		require.Contains(t, run("set", "Acme", "--emergency-accounts", "nobody").fails(t), "--emergency-accounts: ")
		require.Contains(t, run("show", "Nowhere").fails(t), "This environment does not exist.")

		run("set", "Acme", "--only-provider=false", "--emergency-accounts", "").succeeds(t)
		require.True(t, enters("alan.turing"), "at once")
		require.Equal(t, "- -", rule(run("show", "Acme").succeeds(t), "emergency-accounts"))
		s.stop(t)
	})
}
