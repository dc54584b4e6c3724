package main_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// flagsOf returns the names of a command's flags, from its help.
func flagsOf(t *testing.T, command ...string) []string {
	t.Helper()
	help := canopy(append(command, "--help")...).succeeds(t)
	var names []string
	for _, f := range regexp.MustCompile(`(?m)^ +(?:-\w, +)?--([a-z-]+)`).FindAllStringSubmatch(help, -1) {
		if f[1] != "help" {
			names = append(names, f[1])
		}
	}
	return names
}

func variable(flag string) string {
	return "CANOPY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Each flag of serve is given a value that it refuses, as a variable, as a flag, and as a variable
// that a good flag overrides.
func TestFlagsOfServeAreVariables(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	values := map[string]struct{ bad, good, says string }{
		"listen":                  {"nowhere", "127.0.0.1:0", "listen"},
		"data":                    {file, t.TempDir(), "data folder"},
		"database-url":            {"postgres://[", "", "the database URL cannot be read"},
		"demo":                    {"perhaps", "false", "CANOPY_DEMO|--demo"},
		"root-alias":              {"a/b", "trunk", "slash"},
		"bootstrap":               {"magic", "admin", "magic"},
		"token-lifetime":          {"soon", "1h", "CANOPY_TOKEN_LIFETIME|--token-lifetime"},
		"access-lifetime":         {"soon", "1h", "CANOPY_ACCESS_LIFETIME|--access-lifetime"},
		"refresh-lifetime":        {"0s", "1h", "--refresh-lifetime"},
		"refreshed-lifetime":      {"0s", "1h", "--refreshed-lifetime"},
		"idle-lifetime":           {"0s", "1h", "--idle-lifetime"},
		"session-lifetime":        {"-1h", "1h", "--session-lifetime"},
		"mail-limits":             {"address=0", "address=3,overall=9", "--mail-limits"},
		"min-password-length":     {"short", "8", "CANOPY_MIN_PASSWORD_LENGTH|--min-password-length"},
		"breached-passwords":      {file, "", "--breached-passwords: .*the file is empty"},
		"signup-environment":      {"nowhere", "/", "--signup-environment"},
		"auto-approve":            {"perhaps", "true", "CANOPY_AUTO_APPROVE|--auto-approve"},
		"public-url":              {"canopy", "https://canopy.example", "--public-url"},
		"allow-private-providers": {"perhaps", "true", "CANOPY_ALLOW_PRIVATE_PROVIDERS|--allow-private-providers"},
		"dns-server":              {"nowhere", "192.0.2.53:53", "--dns-server"},
		"link-hosts":              {"https://portal.example", "portal.example,localhost:3000", "--link-hosts"},
		"smtp-url":                {"mail.example", "", "--smtp-url"},
		"mail-from":               {"nobody", "canopy@example.org", "--mail-from"},
		"redirects":               {"welcome", "/welcome,https://portal.example", "--redirects"},
		"custom-properties":       {file, "", "must be a JSON object"},
		"surfaces":                {"rest,none", "tellius=/products/tellius", "none"},
		"tls-cert":                {file, "", "certificate"},
		"tls-key":                 {file, "", "certificate"},
		"tls-self-signed":         {"perhaps", "false", "CANOPY_TLS_SELF_SIGNED|--tls-self-signed"},
		"trusted-proxies":         {"home", "10.0.0.0/8", "home"},
		"request-limit":           {"soon", "10s", "CANOPY_REQUEST_LIMIT|--request-limit"},
		"max-body":                {"much", "4096", "CANOPY_MAX_BODY|--max-body"},
		"max-body-memory":         {"4096", "2097152", "--max-body-memory"},
		"max-connections":         {"0", "100", "--max-connections"},
		"max-open-answers":        {"0", "16", "--max-open-answers"},
		"quotas":                  {"users=0", "users=9,keys=3", "--quotas"},
		"stop-grace":              {"-1s", "1s", "--stop-grace"},
		"write-rate":              {"0", "20", "--write-rate"},
		"log-level":               {"loud", "warn", "loud"},
	}
	names := flagsOf(t, "serve")
	require.Len(t, names, len(values), "%v", names)
	for _, name := range names {
		require.Contains(t, values, name)
		v := values[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain := func() *invocation {
				i := canopy("serve").with("CANOPY_ADMIN_PASSWORD", adminPassword)
				if name != "data" {
					i.args = append(i.args, "--data", t.TempDir())
				}
				if name != "listen" {
					i.args = append(i.args, "--listen", "127.0.0.1:0")
				}
				return i
			}
			require.Regexp(t, v.says, plain().with(variable(name), v.bad).fails(t), "as a variable")
			flagged := plain()
			flagged.args = append(flagged.args, "--"+name+"="+v.bad)
			require.Regexp(t, v.says, flagged.fails(t), "as a flag")
			wins := plain().with(variable(name), v.bad)
			wins.args = append(wins.args, "--"+name+"="+v.good)
			wins.serve(t).stop(t)
		})
	}
}

// The flags of the other commands are read by the same few lines; each command is tried once.
func TestFlagsOfCommandsAreVariables(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	serve(t, at, "--demo").stop(t)
	data := func(words ...string) *invocation { return canopy(words...).with("CANOPY_DATA", at.data()) }

	require.Contains(t, data("migrate", "status").succeeds(t), "directory_create")
	require.Contains(t, data("user", "show", "grace.hopper").succeeds(t), "oadmin")
	require.Contains(t, data("export").with("CANOPY_FORMAT", "csv").with("CANOPY_ORGANIZATION", "Initech").succeeds(t),
		"milton.waddams")
	require.Contains(t, data("export", "--format", "json").with("CANOPY_FORMAT", "csv").succeeds(t),
		`"canopy": "directory/1"`)
	output := filepath.Join(t.TempDir(), "all.json")
	require.Empty(t, data("export").with("CANOPY_OUTPUT", output).with("CANOPY_HASHES", "true").succeeds(t))
	text, err := os.ReadFile(output)
	require.NoError(t, err)
	require.Contains(t, string(text), `"passwordhash":"$argon2id$`)
	require.Contains(t, data("import", output).with("CANOPY_DRY_RUN", "true").succeeds(t), "would be")
	require.Contains(t, data("explain").with("CANOPY_USER", "alan.turing").with("CANOPY_PERMISSION", "user:read").
		with("CANOPY_ENVIRONMENT", "Acme/Prod/Europe").succeeds(t), "Denied: the environment is not within the user's reach.")
	require.Contains(t, data("user", "create", "peter").with("CANOPY_PASSWORD", "long enough").
		with("CANOPY_ENVIRONMENT", "Initech").with("CANOPY_ROLE", "power").with("CANOPY_MAIL", "peter@initech.example").
		succeeds(t), "power")
	require.Contains(t, data("user", "show", "peter").succeeds(t), "peter@initech.example")
	require.Contains(t, data("export").with("CANOPY_HASHES", "perhaps").fails(t), "CANOPY_HASHES")
}

func TestSecretsComeFromFiles(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	write := func(text string) string {
		file := filepath.Join(t.TempDir(), "secret")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	key := strings.Repeat("key ", 10)
	s := canopy("serve").in(at).with("CANOPY_ADMIN_PASSWORD_FILE", write("from a file\n")).
		with("CANOPY_SERVER_KEY_FILE", write(key+"\r\n")).serve(t)
	s.as("admin", "from a file").get(t, "/rest/me").ok(t)
	require.NoFileExists(t, filepath.Join(at.data(), "server.key"))

	set := func(i *invocation) { i.succeeds(t) }
	set(canopy("user", "set-password", "admin").in(at).with("CANOPY_PASSWORD_FILE", write("another file")).
		with("CANOPY_SERVER_KEY", key))
	s.as("admin", "another file").get(t, "/rest/me").ok(t)
	set(canopy("user", "set-password", "admin").in(at).with("CANOPY_PASSWORD", "a variable").
		with("CANOPY_SERVER_KEY", key))
	s.as("admin", "a variable").get(t, "/rest/me").ok(t)
	set(canopy("user", "set-password", "admin").in(at).reading("a line\n").with("CANOPY_SERVER_KEY", key))
	s.as("admin", "a line").get(t, "/rest/me").ok(t)
	for _, old := range []string{"from a file", "another file", "a variable"} {
		s.as("admin", old).get(t, "/rest/me").is(t, http.StatusUnauthorized)
	}
	require.Contains(t, canopy("user", "set-password", "admin").in(at).with("CANOPY_SERVER_KEY", key).fails(t),
		"no password: set CANOPY_PASSWORD")

	// No command takes a secret as a flag's value.
	for command, help := range helps(t) {
		for _, f := range regexp.MustCompile(`(?m)^ +--(\S+) (\w+)`).FindAllStringSubmatch(help, -1) {
			if f[2] != "int" { // as lengths are
				require.NotRegexp(t, `password$|secret|token$|key$`, strings.ReplaceAll(f[1], "tls-key", ""), "canopy %s", command)
			}
		}
	}
}
