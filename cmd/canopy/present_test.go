package main_test

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// presentCommands are those that work on a directory that is there.
var presentCommands = []string{
	"user show admin", "user set-password admin --generate", "user deactivate admin", "user delete admin",
	"explain --user admin --permission profile:read", "keys list", "keys rotate", "export",
}

// A command in the wrong folder makes nothing there.
func TestCommandsWithoutADirectory(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "none")
	for _, words := range append(presentCommands, "migrate status") {
		require.Equal(t, "there is no directory in "+folder, canopy(append(strings.Fields(words), "--data", folder)...).
			fails(t), words)
	}
	people := write(t, "people.csv", "alias,firstname,environment\nada,Ada,Acme\n")
	require.Contains(t, canopy("import", people, "--create-environments", "--dry-run", "--data", folder).succeeds(t),
		"users:        1 would be created")
	require.NoDirExists(t, folder)
}

func TestCommandsInAnEmptyDatabase(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		canopy("migrate", "up").in(at).succeeds(t)
		for _, words := range presentCommands {
			require.Regexp(t, "^there is no directory in ", canopy(strings.Fields(words)...).in(at).fails(t), words)
		}
		require.NoFileExists(t, filepath.Join(at.data(), "server.key"))
		people := write(t, "people.csv", "alias,firstname,environment\nada,Ada,Acme\n")
		require.Contains(t, importFile(at, people, "--create-environments", "--dry-run").succeeds(t),
			"users:        1 would be created")
		require.Regexp(t, "^there is no directory in ", canopy("export").in(at).fails(t))
		s := canopy("serve").in(at).serve(t)
		s.as("admin", shownPassword(t, s)).get(t, "/rest/me").ok(t)
	})
}

// Only what may migrate the schema does; the others say that it is not up to date.
func TestCommandsBesideAnOldSchema(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		serve(t, at).stop(t)
		db := at.open(t)
		_, err := db.Exec("DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)")
		require.NoError(t, err)
		people := write(t, "people.csv", "alias,firstname,environment\nada,Ada,/\n")
		for _, words := range append(presentCommands, "import --dry-run "+people) {
			require.Equal(t, "migrations are pending: run canopy migrate up, or start the server",
				canopy(strings.Fields(words)...).in(at).fails(t), words)
		}
		require.Regexp(t, `(?m)^pending `, canopy("migrate", "status").in(at).succeeds(t), "nothing was migrated")
	})
}

// A second server does not touch the schema under the first one.
func TestServeLocksBeforeItMigrates(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	serve(t, at)
	_, err := at.open(t).
		Exec("DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)")
	require.NoError(t, err)
	require.Contains(t, canopy("serve", "--listen", "127.0.0.1:0").in(at).fails(t), "another server is using")
	require.Regexp(t, `(?m)^pending `, canopy("migrate", "status").in(at).succeeds(t))
}

// A directory without anybody gets its superUser from the next start that makes one.
func TestServeMakesAnAdminWhereNobodyIs(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		canopy("serve", "--bootstrap", "first-user").in(at).serve(t).stop(t)
		s := canopy("serve").in(at).serve(t)
		s.as("admin", shownPassword(t, s)).get(t, "/rest/me").ok(t)
	})
}

// What can be known to be wrong is told before anything is made.
func TestServeThatCannotStartMakesNothing(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { busy.Close() })
	folder := filepath.Join(t.TempDir(), "none")
	for flags, want := range map[string]string{
		"--listen " + busy.Addr().String():   "--listen: ",
		"--min-password-length -3":           "--min-password-length: -3 ",
		"--min-password-length 0":            "--min-password-length: 0 ",
		"--min-password-length 2000":         "--min-password-length: 2000 ",
		"--max-body 0":                       "--max-body: 0 ",
		"--max-body -5":                      "--max-body: -5 ",
		"--token-lifetime -1h":               "--token-lifetime: -1h0m0s ",
		"--request-limit 0":                  "--request-limit: 0s ",
		"--root-alias a/b":                   "--root-alias: ",
		"--bootstrap magic":                  "--bootstrap: ",
		"--demo --bootstrap first-user":      "--demo ",
		"--surfaces none":                    "--surfaces: ",
		"--redirects ftp://x":                "--redirects: ",
		"--public-url canopy.example":        "--public-url: ",
		"--link-hosts a/b":                   "--link-hosts: ",
		"--smtp-url smtp://mail.example:587": "--smtp-url ",
		"--custom-properties /nowhere":       "--custom-properties: ",
		"--breached-passwords /nowhere":      "--breached-passwords: ",
		"--tls-cert /nowhere":                "--tls-cert, --tls-key: ",
	} {
		i := canopy(append([]string{"serve", "--data", folder, "--listen", "127.0.0.1:0"}, strings.Fields(flags)...)...)
		require.True(t, strings.HasPrefix(i.fails(t), want), flags)
	}
	require.NoDirExists(t, folder)
}

// A demo whose first start was interrupted is finished by the next one, however far it came.
func TestServeDemoThatWasInterrupted(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		canopy("serve").in(at).serve(t).stop(t)
		_, err := at.open(t).Exec("INSERT INTO settings (name, value) VALUES ('demo_begun', 'yes')")
		require.NoError(t, err)
		s := serve(t, at, "--demo")
		require.Len(t, s.admin().get(t, "/rest/users").list(t), 53)
		s.stop(t)

		_, err = at.open(t).Exec("DELETE FROM settings WHERE name = 'demo'")
		require.NoError(t, err)
		s = canopy("serve", "--demo").in(at).with("CANOPY_ADMIN_PASSWORD", "another one").serve(t)
		require.Len(t, s.as("admin", "another one").get(t, "/rest/users").list(t), 53)
		require.Len(t, s.as("grace.hopper", "another one").get(t, "/rest/users").list(t), 24)
	})
}

// The curl of a demo is for a surface that is offered, where it is.
func TestServeDemoOfSomeSurfaces(t *testing.T) {
	t.Parallel()
	s := serve(t, inSQLite(t), "--demo", "--surfaces", "tat")
	s.stop(t)
	require.Contains(t, s.out.String(), "Everybody's password is")
	require.NotContains(t, s.out.String(), "curl")
	s = serve(t, inSQLite(t), "--demo", "--surfaces", "rest=/idm")
	s.stop(t)
	require.Contains(t, s.out.String(), "'"+s.address+"/idm/rest/users?limit=3'")
}

// A password that is given in vain is not passed over in silence.
func TestServeSaysThatAPasswordWasNotUsed(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	for range 2 {
		s := serve(t, at)
		s.stop(t)
		require.NotContains(t, s.err.String(), adminPassword)
		if strings.Contains(s.err.String(), "CANOPY_ADMIN_PASSWORD was not used") {
			return
		}
	}
	require.Fail(t, "it is not said")
}
