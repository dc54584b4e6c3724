package main_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUserCommands(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		serve(t, at, "--demo").stop(t)
		run := func(words ...string) *invocation { return canopy(append([]string{"user"}, words...)...).in(at) }

		made := run("create", "bob", "--environment", "Acme/Prod", "--role", "power", "--group", "Operators",
			"--firstname", "Bob", "--lastname", "Builder", "--mail", "bob@acme.example", "--generate").succeeds(t)
		password := regexp.MustCompile(`(?m)^bob has number \d+ and the role power\npassword: (\S+)$`).
			FindStringSubmatch(made)
		require.NotNil(t, password, made)
		shown := run("show", "BOB").succeeds(t)
		for _, line := range []string{"alias bob", "role power", "active true", "firstname Bob",
			"mailaddress bob@acme.example"} {
			require.Contains(t, strings.Join(strings.Fields(shown), " "), line)
		}
		require.NotContains(t, shown, "argon2id")

		s := serve(t, at)
		bob := s.bearing(s.signIn(t, "bob", password[1]))
		bob.get(t, "/rest/users").ok(t)
		run("deactivate", "bob").succeeds(t)
		bob.get(t, "/rest/users").is(t, http.StatusUnauthorized)
		run("activate", "bob").succeeds(t)
		bob.get(t, "/rest/users").ok(t)
		made = run("set-password", "bob", "--generate").succeeds(t)
		bob.get(t, "/rest/users").is(t, http.StatusUnauthorized)
		s.as("bob", password[1]).get(t, "/rest/users").is(t, http.StatusUnauthorized)
		bob = s.as("bob", strings.TrimSpace(strings.TrimPrefix(made, "password: ")))
		bob.get(t, "/rest/users").ok(t)
		run("delete", "bob").succeeds(t)
		bob.get(t, "/rest/users").is(t, http.StatusUnauthorized)

		var entries []struct {
			Action, Actor string
			Target        struct{ Name string }
		}
		s.admin().get(t, "/rest/audit?target=bob").ok(t).into(t, &entries)
		var done []string
		for _, e := range entries {
			if strings.HasPrefix(e.Action, "signin:") {
				continue
			}
			require.Equal(t, "(command line)", e.Actor)
			done = append([]string{e.Action}, done...)
		}
		require.Equal(t, []string{"user:create", "user:update", "user:update", "user:update", "user:delete"}, done)
	})
}

func TestUserCommandsRefuse(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	serve(t, at, "--demo").stop(t)
	for words, want := range map[string]string{
		"create admin --generate":                              "alias: This alias is already in use.",
		"create ADA.Lovelace --generate":                       "alias: This alias is already in use.",
		"create x --generate --mail Ada.Lovelace@acme.example": "--mail: This mail address is already in use.",
		"create x:y --generate":                                "alias: Colons and slashes are not allowed.",
		"create x --generate --role king":                      "--role: Give one of user, power, oadmin and superUser.",
		"create x --generate --group Nobodies":                 "--group: This group does not exist.",
		"create x --generate --environment Nowhere":            "--environment: This environment does not exist.",
		"create x --generate --environment Acme --role superUser": "--role: Only a member of the root organization can be " +
			"a superUser.",
		"create x":                       "no password: set CANOPY_PASSWORD, give one on standard input, or use --generate",
		"show nobody":                    "user: This user does not exist.",
		"set-password nobody --generate": "user: This user does not exist.",
		"deactivate admin":               "role: This is the last superUser; make another one first.",
		"delete admin":                   "role: This is the last superUser; make another one first.",
	} {
		require.Equal(t, want, canopy(append([]string{"user"}, strings.Fields(words)...)...).in(at).fails(t), words)
	}
	require.Equal(t, "password: At least 6 characters are required.",
		canopy("user", "create", "x").in(at).reading("short\n").fails(t))
	require.Contains(t, canopy("user", "show", "x").in(at).fails(t), "does not exist", "nothing was made of it")
}

// What is shown of a user can be read without looking numbers up.
func TestUserShowSpeaksNames(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		serve(t, at, "--demo").stop(t)
		shown := canopy("user", "show", "dennis.ritchie").in(at).succeeds(t)
		for name, want := range map[string]string{"environment": "Acme/Staging", "envs": "Acme/Prod",
			"envsbloque": "Acme/Prod/Europe", "group": "User", "role": "user", "firstname": "Dennis"} {
			require.Regexp(t, `(?m)^`+name+` +`+want+`$`, shown)
		}
		require.NotRegexp(t, `(?m)^(envId|person\.)`, shown)
		require.Regexp(t, `(?m)^environment +/$`, canopy("user", "show", "admin").in(at).succeeds(t))
	})
}

func TestExplain(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		serve(t, at, "--demo").stop(t)
		tests := map[string][]string{
			"--user ada.lovelace --permission user:update --environment Acme/Prod/Europe": {
				`Allowed in Acme/Prod/Europe by the policy "p, power, reach, user, update".`,
				"group      Operators < Admin gives it", "included   home Acme/Prod"},
			"--user dennis.ritchie --permission environment:read --environment Acme/Prod/Europe": {
				"Denied: the user is blocked from Acme/Prod/Europe.", "included   allowed Acme/Prod",
				"excluded   blocked Acme/Prod/Europe"},
			"--user ada.lovelace --permission user:update --environment Acme/Archive": {
				"Denied: Acme/Archive is inactive.", "Acme/Archive would have to be active.",
				"Acme/Archive, or an environment above it, would have to be allowed to the user."},
			"--user grace.hopper --permission user:update --environment Acme/Archive": {"Denied: ",
				"excluded   inactive Acme/Archive"},
			"--user jean.sammet --permission profile:read": {
				"Denied: the account is inactive, pending or revoked."},
			"--user alan.turing --permission profile:read": {"Allowed", "position   self"},
		}
		for words, lines := range tests {
			out := canopy(append([]string{"explain"}, strings.Fields(words)...)...).in(at).succeeds(t)
			for _, line := range lines {
				require.Contains(t, out, line, words)
			}
		}
		for words, want := range map[string]string{
			"--user nobody --permission profile:read": "user: This user does not exist.",
			"--permission profile:read":               "--user is required",
			"--user ada.lovelace --permission user:update --environment Acme/Nowhere": "environment: This environment does " +
				"not exist.",
		} {
			require.Equal(t, want, canopy(append([]string{"explain"}, strings.Fields(words)...)...).in(at).fails(t))
		}
	})
}

func TestMigrate(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		if len(at) > 2 { // an embedded database is not made to be looked at
			require.Regexp(t, `\Apending +\d+_directory_create\.sql\n`, canopy("migrate", "status").in(at).succeeds(t))
		}

		// Of several that start at once one does the work, and the others wait for it.
		runs := make([]*program, 4)
		for i := range runs {
			runs[i] = canopy("migrate", "up").in(at).start(t)
		}
		applied := 0
		for _, run := range runs {
			run.wait(t)
			require.Zero(t, run.code(), run.err.String())
			if strings.HasPrefix(run.out.String(), "applied ") {
				applied++
			} else {
				require.Equal(t, "nothing to do\n", run.out.String())
			}
		}
		require.Equal(t, 1, applied)
		require.Regexp(t, `\A\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +\d+_directory_create\.sql\n`, canopy("migrate", "status").in(at).
			succeeds(t))
		serve(t, at).admin().get(t, "/rest/me").ok(t)
	})
}
