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
	require.NoError(t, os.WriteFile(file, []byte("not a database, and longer than the header of one: "+strings.Repeat("x", 200)), 0o600))
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
		{"the address is taken", []string{"--listen", busy.Addr().String()}, nil, "listen: .*address already in use"},
		{"the address is none", []string{"--listen", "nowhere"}, nil, "listen: "},
		{"the data folder is a file", []string{"--data", file}, nil, "data folder"},
		{"the database is no database", []string{"--data", broken}, nil, "not a database"},
		{"nobody answers at the database's address", []string{"--database-url", "postgres://canopy:hush-hush@127.0.0.1:1/canopy"}, nil, "the database does not answer: .*refused"},
		{"the database's address is none", []string{"--database-url", "postgres://canopy:hush-hush@[/canopy"}, nil, "the database URL cannot be read"},
		{"a certificate without a key", []string{"--tls-cert", file}, nil, "a certificate and its key go together"},
		{"a key without a certificate", []string{"--tls-key", file}, nil, "a certificate and its key go together"},
		{"two certificates", []string{"--tls-self-signed", "--tls-cert", file, "--tls-key", file}, nil, "not both"},
		{"a certificate that is none", []string{"--tls-cert", file, "--tls-key", file}, nil, "read the certificate: "},
		{"a bootstrap that is none", []string{"--bootstrap", "magic"}, nil, `--bootstrap: "magic" is neither admin nor first-user`},
		{"a level that is none", []string{"--log-level", "loud"}, nil, `--log-level: "loud" is not a level`},
		{"a network that is none", []string{"--trusted-proxies", "10.0.0.0/8,home"}, nil, `--trusted-proxies: "home" is not a network`},
		{"a duration that is none", []string{"--request-limit", "soon"}, nil, "request-limit"},
		{"a flag that is none", []string{"--verbose"}, nil, "unknown flag: --verbose"},
		{"an argument", []string{"now"}, nil, `unknown command "now"`},
		{"an alias of the root that is none", []string{"--root-alias", "a/b"}, nil, "slash"},
		{"a password that is too short", nil, []string{"CANOPY_ADMIN_PASSWORD=abc"}, "password: At least 6 characters are required"},
		{"a file for a password that is missing", nil, []string{"CANOPY_ADMIN_PASSWORD_FILE=" + file + ".none"}, "CANOPY_ADMIN_PASSWORD_FILE: "},
		{"a file for a server key that is empty", nil, []string{"CANOPY_SERVER_KEY_FILE=" + file}, "CANOPY_SERVER_KEY_FILE: .* is empty"},
		{"a server key that is too short", nil, []string{"CANOPY_SERVER_KEY=0123456789"}, "the server key must have at least 32 characters"},
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
		require.Equal(t, "Canopy listens on "+s.address+"\n", s.out.String())
	})
}

// key is what tells users apart.
func (u user) key() [4]any { return [4]any{u.UserID, u.Alias, u.EnvID, u.Role} }

func TestServeBootstrapFirstUser(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := canopy("serve", "--bootstrap", "first-user").in(at).with("CANOPY_ADMIN_PASSWORD", adminPassword).serve(t)
		eventually(t, func() bool { return strings.Contains(s.out.String(), "The first user created becomes its superUser") }, "the hint")
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
	require.Contains(t, canopy("serve", "--listen", "127.0.0.1:0").in(at).fails(t), "another server is using "+filepath.Join(at.data(), "canopy.db"))
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
	first, second := place{"--data", t.TempDir(), "--database-url", url}, place{"--data", t.TempDir(), "--database-url", url}
	token := serve(t, first).signIn(t, "admin", adminPassword)

	require.Contains(t, canopy("serve", "--listen", "127.0.0.1:0").in(second).fails(t), "there is none here; set CANOPY_SERVER_KEY")
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
