package app_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// TestPeopleProveWhatTheyHave holds that the page of one more step asks nobody for what they do not have or what would
// not be enough, and says what to do without.
func TestPeopleProveWhatTheyHave(t *testing.T) {
	r := openConsole(t, "sqlite", nil)
	r.having(t, "ada.lovelace", domain.PasskeyFactor)
	r.having(t, "alan.turing", domain.CodeFactor)
	r.having(t, "radia.perlman", domain.CodeFactor|domain.PasskeyFactor)
	const passkey, code, recovery, password = `action="prove-passkey"`, `<label for="code">One-time code<`,
		`<label for="code">Recovery code<`, `name="password"`
	offers := func(login string, offered ...string) {
		t.Helper()
		asked := r.visitAs(t, login).get(t, "my-keys")
		require.Equal(t, "/console/prove", asked.at.Path, login)
		var found []string
		for _, what := range []string{passkey, code, recovery, password} {
			if strings.Contains(asked.text, what) {
				found = append(found, what)
			}
		}
		require.Equal(t, offered, found, login)
		require.Contains(t, asked.text, "none of this any more", login)
		require.Contains(t, asked.text, `action="sign-out"`, login)
	}
	offers("ada.lovelace", passkey, recovery)
	offers("alan.turing", code)
	offers("radia.perlman", passkey, code)
	r.demand(t, "Acme", domain.SignInRules{People: domain.ByPasskey})
	offers("ada.lovelace", passkey)
	offers("radia.perlman", passkey)
	offers("alan.turing", code) // by which they get to add a passkey
	require.Equal(t, "/console/my-factors", r.visitAs(t, "rob.pike").get(t, "my-keys").at.Path)
}
