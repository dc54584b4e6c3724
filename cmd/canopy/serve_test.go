package main_test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/persistence/testdb"
)

func TestServeSaysWhereItListensWhenItIsReady(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		for range 2 {
			s := serve(t, at)
			// The line was just read: nothing here waits or tries again.
			require.Equal(t, "ready\n", string(s.anonymous().get(t, "/readyz").ok(t).body))
			s.admin().get(t, "/rest/me").ok(t)
			require.Equal(t, 1, strings.Count(s.out.String(), "Canopy listens on "))
			s.stop(t)
		}
	})
}

func TestServeCannotStart(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	require.NoError(t, os.WriteFile(file,
		[]byte("not a database, and longer than the header of one: "+strings.Repeat("x", 200)), 0o600))
	broken := t.TempDir()
	require.NoError(t, os.Rename(file, filepath.Join(broken, "canopy.db")))
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { busy.Close() })

	tests := []struct {
		name  string
		flags []string
		env   []string
		want  string
	}{
		{"the address is taken", []string{"--listen", busy.Addr().String()}, nil,
			"--listen: another program listens on 127.0.0.1:.* already; stop it, or name another port"},
		{"the address is none", []string{"--listen", "nowhere"}, nil,
			`--listen: "nowhere" is no address and port, such as 127.0.0.1:8080`},
		{"the data folder is a file", []string{"--data", file}, nil, "data folder"},
		{"the database is no database", []string{"--data", broken}, nil, "not a database"},
		{"nobody answers at the database's address",
			[]string{"--database-url", "postgres://canopy:hush-hush@127.0.0.1:1/canopy"}, nil,
			`--database-url: the database does not answer: nobody listens at its address and port \(the connection was refused\)$`},
		{"the database's address is none", []string{"--database-url", "postgres://canopy:hush-hush@[/canopy"}, nil,
			"--database-url: the database URL cannot be read; an address such as postgres://canopy@db.example:5432/canopy is " +
				"expected$"},
		{"a certificate without a key", []string{"--tls-cert", file}, nil, "a certificate and its key go together"},
		{"a key without a certificate", []string{"--tls-key", file}, nil, "a certificate and its key go together"},
		{"two certificates", []string{"--tls-self-signed", "--tls-cert", file, "--tls-key", file}, nil, "not both"},
		{"a certificate that is none", []string{"--tls-cert", file, "--tls-key", file}, nil, "read the certificate: "},
		{"a bootstrap that is none", []string{"--bootstrap", "magic"}, nil,
			`--bootstrap: "magic" is neither admin nor first-user`},
		{"a level that is none", []string{"--log-level", "loud"}, nil,
			`--log-level: "loud" is none of debug, info, warn and error`},
		{"a network that is none", []string{"--trusted-proxies", "10.0.0.0/8,home"}, nil,
			`--trusted-proxies: "home" is not a network`},
		{"a duration that is none", []string{"--request-limit", "soon"}, nil,
			`--request-limit: "soon": a time such as 90s, 30m or 12h is expected`},
		{"a flag that is none", []string{"--verbose"}, nil, "unknown flag: --verbose"},
		{"an argument", []string{"now"}, nil, `unknown command "now"`},
		{"an alias of the root that is none", []string{"--root-alias", "a/b"}, nil, "slash"},
		{"a password that is too short", nil, []string{"CANOPY_ADMIN_PASSWORD=abc"},
			"CANOPY_ADMIN_PASSWORD: At least 6 characters are required"},
		{"a file for a password that is missing", nil, []string{"CANOPY_ADMIN_PASSWORD_FILE=" + file + ".none"},
			"CANOPY_ADMIN_PASSWORD_FILE: "},
		{"a file for a server key that is empty", nil, []string{"CANOPY_SERVER_KEY_FILE=" + file},
			"CANOPY_SERVER_KEY_FILE: .* is empty"},
		{"a server key that is too short", nil, []string{"CANOPY_SERVER_KEY=0123456789"},
			"the server key must have at least 32 characters"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i := canopy(append([]string{"serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0"}, tt.flags...)...)
			i.env = append(i.env, tt.env...)
			line := i.fails(t)
			require.Regexp(t, tt.want, line)
			require.NotContains(t, line, "hush-hush")
			require.NotContains(t, line, "0123456789")
		})
	}
}

// No driver, parser or system is quoted: what is said names the setting and what would be right.
func TestSettingsAreRefusedInPlainWords(t *testing.T) {
	t.Parallel()
	database := inPostgres(t)[3]
	missing := regexp.MustCompile(`/[^/?]+(\?|$)`).ReplaceAllString(database, "/nothing_here$1")
	tests := []struct{ flag, value, want string }{
		{"demo", "perhaps", `: "perhaps": true or false is expected`},
		{"auto-approve", "ja", `: "ja": true or false is expected`},
		{"token-lifetime", "1 day", `: "1 day": a time such as 90s, 30m or 12h is expected`},
		{"min-password-length", "six", `: "six": a whole number is expected`},
		{"max-body", "1MB", `: "1MB": a whole number is expected`},
		{"mail-limits", "address=many", `: "address=many": names with numbers, such as address=5,overall=1000, are expected`},
		{"listen", "127.0.0.1", `--listen: "127.0.0.1" is no address and port`},
		{"listen", "127.0.0.1:http-ish", `--listen: "127.0.0.1:http-ish" is no address and port`},
		{"listen", "203.0.113.7:8080", `--listen: 203.0.113.7:8080 is no address of this machine`},
		{"database-url", missing,
			`--database-url: the database does not answer: there is no database of that name; make it with createdb`},
		{"database-url", "postgres://x:hush-hush@nowhere.example/x", `--database-url: the database does not answer: `},
		{"log-level", "", `--log-level: "" is none of debug, info, warn and error`},
	}
	for _, tt := range tests {
		t.Run(tt.flag+" "+tt.value, func(t *testing.T) {
			t.Parallel()
			plain := func(args ...string) *invocation {
				i := canopy(append([]string{"serve", "--data", t.TempDir()}, args...)...).
					with("CANOPY_ADMIN_PASSWORD", adminPassword)
				if tt.flag != "listen" {
					i.args = append(i.args, "--listen", "127.0.0.1:0")
				}
				return i
			}
			for _, line := range []string{plain("--" + tt.flag + "=" + tt.value).fails(t), plain().
				with(variable(tt.flag), tt.value).fails(t)} {
				require.Contains(t, line, tt.want)
				require.NotRegexp(t, "strconv|parsing|invalid|syntax|hush-hush|SQLSTATE|pgx|dial|lookup|listen tcp|flag: ", line)
			}
		})
	}
}

// A variable that is none is named with the one that was meant, and nothing else is.
func TestMisspeltVariables(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	run := canopy("serve", "--listen", "127.0.0.1:0").in(at).with("CANOPY_ADMIN_PASSWORD", adminPassword).
		with("CANOPY_ADMIN_PASWORD", "secret words").
		with("CANOPY_LISTEN_ADDRESS", "x").with("CANOPY_MAXBODY", "1").with("CANOPY_TEST_X", "1").
		with("CANOPY_FLAVOUR", "mint").
		with("CANOPY_FORMAT", "json").with("CANOPY_PASSWORD_FILE", "x").with("OTHER_CANOPY", "1").serve(t)
	run.admin().get(t, "/rest/me").ok(t)
	var said []string
	for line := range strings.Lines(run.err.String()) {
		if strings.HasPrefix(line, "canopy: ") {
			said = append(said, strings.TrimSpace(line))
		}
	}
	require.Equal(t, []string{
		"canopy: CANOPY_ADMIN_PASWORD is no setting and is ignored; did you mean CANOPY_ADMIN_PASSWORD?",
		"canopy: CANOPY_FLAVOUR is no setting and is ignored",
		"canopy: CANOPY_LISTEN_ADDRESS is no setting and is ignored",
		"canopy: CANOPY_MAXBODY is no setting and is ignored; did you mean CANOPY_MAX_BODY?",
	}, said)
	require.NotContains(t, run.err.String(), "secret words")
	require.Contains(t, canopy("export").in(at).with("CANOPY_ORGANISATION", "x").run(t).err.String(),
		"did you mean CANOPY_ORGANIZATION?")
}

// Where others could read passwords on their way, the start says so.
func TestServeWarnsWithoutTLS(t *testing.T) {
	t.Parallel()
	const warning = "passwords can be read on their way"
	start := func(flags ...string) string {
		s := canopy(append([]string{"serve"}, flags...)...).in(inSQLite(t)).with("CANOPY_ADMIN_PASSWORD", adminPassword)
		p := s.start(t)
		eventually(t, func() bool { return strings.Contains(p.out.String(), "/docs") }, "the address")
		p.stop(t)
		require.Regexp(t, `\ACanopy listens on (https?://\S+)\nIts APIs are described at https?://\S+/docs\n`, p.out.String())
		return p.err.String()
	}
	require.Contains(t, start("--listen", "0.0.0.0:0"), warning)
	for _, flags := range [][]string{{"--listen", "127.0.0.1:0"}, {"--listen", "[::1]:0"},
		{"--listen", "0.0.0.0:0", "--tls-self-signed"},
		{"--listen", "0.0.0.0:0", "--trusted-proxies", "10.0.0.0/8"}} {
		require.NotContains(t, start(flags...), warning, flags)
	}
}

// A generated password is shown once, so a start that fails must not use it up.
func TestServeKeepsThePasswordOfAFailedStart(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		busy, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer busy.Close()
		canopy("serve", "--listen", busy.Addr().String()).in(at).fails(t)
		s := canopy("serve").in(at).serve(t)
		password := shownPassword(t, s)
		s.as("admin", password).get(t, "/rest/me").ok(t)
	})
}

// shownPassword returns the generated password that a new directory shows.
func shownPassword(t *testing.T, s *server) string {
	t.Helper()
	shown := regexp.MustCompile(`(?m)^  login +admin\n  password +(\S+)$`)
	eventually(t, func() bool { return shown.MatchString(s.out.String()) }, "the password: %s", s.out.String())
	return shown.FindStringSubmatch(s.out.String())[1]
}

func TestServeBeginsANewDirectory(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := canopy("serve", "--root-alias", "trunk").in(at).serve(t)
		password := shownPassword(t, s)
		admin := s.as("admin", password)
		var me user
		admin.get(t, "/rest/me").ok(t).into(t, &me)
		require.Equal(t, user{UserID: 1, Alias: "admin", EnvID: 1, Role: "superUser", Active: true}.key(), me.key())
		var root struct{ EnvID, Parent int64 }
		admin.get(t, "/rest/environments/byAlias/trunk").ok(t).into(t, &root)
		require.EqualValues(t, 1, root.EnvID)
		require.EqualValues(t, 1, root.Parent)
		s.stop(t)

		// A second start changes nothing: not the password, and it is not shown again.
		s = canopy("serve", "--root-alias", "other").in(at).with("CANOPY_ADMIN_PASSWORD", "another one").serve(t)
		s.as("admin", password).get(t, "/rest/environments/byAlias/trunk").ok(t)
		s.as("admin", "another one").get(t, "/rest/me").is(t, http.StatusUnauthorized)
		s.stop(t)
		require.Equal(t, "Canopy listens on "+s.address+"\nIts APIs are described at "+s.address+"/docs\n", s.out.String())
	})
}

// key is what tells users apart.
func (u user) key() [4]any { return [4]any{u.UserID, u.Alias, u.EnvID, u.Role} }

func TestServeBootstrapFirstUser(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := canopy("serve", "--bootstrap", "first-user").in(at).with("CANOPY_ADMIN_PASSWORD", adminPassword).serve(t)
		eventually(t, func() bool { return strings.Contains(s.out.String(), "The first user created becomes its superUser") },
			"the hint")
		s.admin().get(t, "/rest/me").is(t, http.StatusUnauthorized)

		create := func(alias string) string {
			return canopy("user", "create", alias).in(at).with("CANOPY_PASSWORD", "long enough").succeeds(t)
		}
		require.Contains(t, create("first"), "superUser")
		require.NotContains(t, create("second"), "superUser")
		for alias, role := range map[string]string{"first": "superUser", "second": "user"} {
			var me user
			s.as(alias, "long enough").get(t, "/rest/me").ok(t).into(t, &me)
			require.Equal(t, role, me.Role)
		}
		all := s.as("first", "long enough").get(t, "/rest/users").list(t)
		require.Len(t, all, 2)
	})
}

func TestServeLocksTheFile(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	s := serve(t, at)
	require.Contains(t, canopy("serve", "--listen", "127.0.0.1:0").in(at).fails(t), "another server is using "+
		filepath.Join(at.data(), "canopy.db"))
	s.admin().get(t, "/rest/me").ok(t)

	// Commands work beside the server, and what they did holds at once.
	s.admin().post(t, "/rest/users", newUser("grace", "long enough")).ok(t)
	grace := s.bearing(s.signIn(t, "grace", "long enough"))
	grace.get(t, "/rest/me").ok(t)
	canopy("user", "deactivate", "grace").in(at).succeeds(t)
	grace.get(t, "/rest/me").is(t, http.StatusUnauthorized)

	// A crash leaves no lock behind.
	s.kill(t)
	serve(t, at).admin().get(t, "/rest/users/grace").ok(t)
}

func TestServersShareAKey(t *testing.T) {
	t.Parallel()
	url := testdb.Postgres(t)
	first, second := place{"--data", t.TempDir(), "--database-url", url},
		place{"--data", t.TempDir(), "--database-url", url}
	token := serve(t, first).signIn(t, "admin", adminPassword)

	require.Contains(t, canopy("serve", "--listen", "127.0.0.1:0").in(second).fails(t),
		"there is none here; set CANOPY_SERVER_KEY")
	require.NoFileExists(t, filepath.Join(second.data(), "server.key"))
	another := strings.Repeat("k", 40)
	line := canopy("serve", "--listen", "127.0.0.1:0").in(second).with("CANOPY_SERVER_KEY", another).fails(t)
	require.Contains(t, line, "made with another server key")
	require.NotContains(t, line, another)

	file := filepath.Join(first.data(), "server.key")
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	s := canopy("serve").in(second).with("CANOPY_SERVER_KEY_FILE", file).serve(t)
	s.bearing(token).get(t, "/rest/me").ok(t)
}

func TestFilesAreTheirOwnersOnly(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	require.NoError(t, os.Chmod(at.data(), 0o755)) // as somebody may have made it
	s := serve(t, at)
	s.admin().get(t, "/rest/me").ok(t)
	files, err := os.ReadDir(at.data())
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		info, err := file.Info()
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, "%s has the mode %v", file.Name(), info.Mode())
	}
}
