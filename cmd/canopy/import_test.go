package main_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// write writes a file of this test and returns its path.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// export returns the directory document of a place.
func export(t testing.TB, at place, flags ...string) string {
	t.Helper()
	return canopy(append([]string{"export"}, flags...)...).in(at).succeeds(t)
}

// importFile imports a file as a first superUser with adminPassword would be made for it.
func importFile(at place, file string, flags ...string) *invocation {
	return canopy(append([]string{"import", file}, flags...)...).in(at).with("CANOPY_ADMIN_PASSWORD", adminPassword)
}

func TestImportOfAnExportIsTheSameDirectory(t *testing.T) {
	t.Parallel()
	for engine, from := range places {
		t.Run("from "+engine, func(t *testing.T) {
			t.Parallel()
			source := from(t)
			s := serve(t, source, "--demo")
			varied(t, s)
			s.stop(t)
			plain, secret := export(t, source), export(t, source, "--hashes")
			require.NotContains(t, plain, "argon2id")
			require.Equal(t, strings.Count(secret, `"person":`), strings.Count(secret, `"passwordhash":"$argon2id$`),
				"every user has a hash, and it is in the document that was asked for it")
			for other, to := range places {
				t.Run("to "+other, func(t *testing.T) {
					t.Parallel()
					copied := to(t)
					importFile(copied, write(t, "all.json", secret)).succeeds(t)
					require.Equal(t, secret, export(t, copied, "--hashes"))
					require.Equal(t, plain, export(t, copied))

					// Once more nothing changes.
					report := importFile(copied, write(t, "all.json", secret)).succeeds(t)
					require.NotRegexp(t, `[1-9]\d* (created|changed)`, report)
					require.Equal(t, secret, export(t, copied, "--hashes"))
					serve(t, copied).as("grace.hopper", adminPassword).get(t, "/rest/me").ok(t)
				})
			}

			// Without hashes it is the same directory, with nobody's password.
			bare := from(t)
			importFile(bare, write(t, "all.json", plain)).succeeds(t)
			require.Equal(t, plain, export(t, bare))
			s = serve(t, bare)
			for _, guess := range []string{adminPassword, "", "[hash]"} {
				s.as("grace.hopper", guess).get(t, "/rest/me").is(t, http.StatusUnauthorized)
			}
		})
	}
}

// varied changes the demo so that every field of the document has something to keep.
func varied(t *testing.T, s *server) {
	t.Helper()
	admin := s.admin()
	odd := newUser("Ünïcode \"quoted\", 'single'; <b>", "long enough")
	odd["envId"], odd["role"], odd["group"], odd["groups"] = "Globex/Labs", "power", "Researchers2", []string{"User"}
	odd["envs"], odd["envsbloque"] = []string{"/Acme/Prod", "/Initech"}, []string{"/Acme/Prod/Europe"}
	odd["language"], odd["timezone"], odd["defaultpage"], odd["firstaccess"] = "Fr", "Europe/Paris", 7, true
	odd["passworddelay"], odd["revokedelay"], odd["state"] = 90, 400, "pending"
	odd["person"] = fields{"firstname": "=1+1", "lastname": "O'Neil\u2028\\", "mailaddress": "odd@globex.example",
		"phone": "+33 1 23", "role": "Chef; \"adjoint\"", "service": "R&D"}
	admin.post(t, "/rest/groups", fields{"alias": "Researchers2", "organization": "Globex/Labs", "parent": "User", "permission": "7"}).ok(t)
	admin.post(t, "/rest/groups", fields{"alias": "Interns", "organization": "Globex/Labs", "parent": "Researchers2", "permission": "3"}).ok(t)
	admin.post(t, "/rest/environments", fields{"alias": "Zürich", "parent": "/Globex/Labs", "code": "Z-1", "sendurl": true,
		"timezone": "Europe/Zurich", "gitRepository": "https://git.example/a?b=c&d", "active": false}).ok(t)
	admin.post(t, "/rest/users", odd).ok(t)
	// A deleted user leaves a gap in the numbers, which is kept.
	var gone user
	admin.post(t, "/rest/users", newUser("gone", "long enough")).ok(t)
	admin.get(t, "/rest/users/gone").ok(t).into(t, &gone)
	admin.delete(t, fmt.Sprintf("/rest/users/%d", gone.UserID)).ok(t)
	admin.post(t, "/rest/users", newUser("last", "long enough")).ok(t)
}

func TestExportOfOneOrganization(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		serve(t, at, "--demo").stop(t)
		labs := export(t, at, "--organization", "Globex/Labs")
		require.Equal(t, 1, strings.Count(labs, `{"path": "`))
		require.Contains(t, labs, "lynn.conway")
		globex := export(t, at, "--organization", "globex")
		require.Equal(t, 2, strings.Count(globex, `{"path": "`), "with the organization nested in it")
		for _, stranger := range []string{`"admin"`, "ada.lovelace", "bill.lumbergh", "Acme", "Initech"} {
			require.NotContains(t, globex, stranger)
		}
		require.Contains(t, canopy("export", "--organization", "Nowhere").in(at).fails(t), `There is no organization "Nowhere".`)
		require.Contains(t, canopy("export", "--organization", "Acme/Prod").in(at).fails(t), `There is no organization "Acme/Prod".`)

		file := filepath.Join(t.TempDir(), "globex.json")
		require.Empty(t, canopy("export", "--organization", "Globex", "--output", file).in(at).succeeds(t))
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		require.NotRegexp(t, `[1-9]\d* (created|changed)`, importFile(at, file).succeeds(t))
	})
}

func TestExportAndImportOfATable(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := serve(t, at, "--demo")
		varied(t, s)
		s.stop(t)
		table, before := export(t, at, "--format", "csv"), export(t, at)
		require.Contains(t, canopy("export", "--format", "csv", "--hashes").in(at).fails(t), "--hashes: ", "a table never has hashes")
		rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 1+49+2)
		for _, row := range rows[1:] {
			for i, cell := range row {
				require.NotRegexp(t, "^[=+\\-@\t\r]", cell, "%s would be run by a spreadsheet program", rows[0][i])
			}
		}
		file := write(t, "people.csv", table)
		require.Contains(t, importFile(at, file).succeeds(t), "users:        0 created, 0 changed, 51 unchanged")
		require.Equal(t, before, export(t, at))

		// Environments are made on demand. What a table does not have, such as groups, is refused.
		empty := inSQLite(t)
		bare := write(t, "bare.csv", strings.NewReplacer("Researchers2", "User", "/Researchers", "/User", "Researchers", "User",
			"Operators", "Admin", "Readers", "User").Replace(table))
		importFile(empty, bare, "--create-environments").succeeds(t)
		require.Equal(t, 52, strings.Count(export(t, empty, "--format", "csv"), "\n"))
		require.Contains(t, export(t, empty), `"path":"Acme/Prod/Europe"`)
	})
}

func TestImportNamesTheLineAndWritesNothingOfTheOrganization(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		document := `{"canopy": "directory/1", "organizations": [
{"path": "Good", "environments": [
{"path": "Good", "organization": true}
], "users": [
{"alias": "good", "environment": "Good", "firstname": "Good"}
]},
{"path": "Bad", "environments": [
{"path": "Bad", "organization": true},
{"path": "Bad/Below"}
], "groups": [
{"alias": "Some", "parent": "/User", "permission": "1"}
], "users": [
{"alias": "first", "environment": "Bad", "firstname": "First"},
{"alias": "second", "environment": "Bad/Nowhere", "firstname": "Second"},
{"alias": "first", "environment": "Bad/Below", "firstname": "Twice"},
{"alias": "third", "environment": "Bad/Below", "firstname": "Third", "group": "Others"}
]},
{"path": "Last", "environments": [
{"path": "Last", "organization": true}
], "users": [
{"alias": "last", "environment": "Last", "firstname": "Last", "envs": ["Good"]}
]}
]}`
		canopy("user", "create", "boss", "--generate").in(at).succeeds(t)
		before := export(t, at)
		file := write(t, "three.json", document)
		for _, flags := range [][]string{{"--dry-run"}, nil} {
			run := importFile(at, file, flags...).run(t)
			require.Equal(t, 1, run.code())
			require.Equal(t, `line 14: environment: There is no environment "Bad/Nowhere".
line 15: alias: "first" comes on line 13 too.
line 16: group: This group does not exist.
canopy: not imported, because of the lines above: Bad
`, run.err.String())
			if flags != nil {
				require.Equal(t, before, export(t, at))
				require.Contains(t, run.out.String(), "2 organizations would be imported\n")
				require.Contains(t, run.out.String(), "users:        2 would be created")
			}
		}
		after := export(t, at)
		require.Contains(t, after, `"good"`)
		require.Contains(t, after, `"last"`)
		require.NotContains(t, after, "Bad")
		require.NotContains(t, after, "Some")

		// Repaired, the rest is imported, and the names that were refused are free.
		repaired := strings.NewReplacer("Bad/Nowhere", "Bad/Below", `"first", "environment": "Bad/Below"`, `"fourth", "environment": "Bad/Below"`,
			`"Others"`, `"Some"`).Replace(document)
		require.Contains(t, importFile(at, write(t, "again.json", repaired)).succeeds(t), "users:        4 created, 0 changed, 2 unchanged")
	})
}

func TestImportOfAFileThatCannotBeReadChangesNothing(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	canopy("user", "create", "boss", "--generate").in(at).succeeds(t)
	before := export(t, at)
	people := "alias,firstname,environment\nada,Ada,Acme\n"
	for text, want := range map[string]string{
		people + "bob,Bob,Acme,more\n":           "Line 3: wrong number of fields.",
		people + "bob,\"Bob,Acme\n":              `Line 3: extraneous or missing " in quoted-field.`,
		"alias,first name\n":                     `Line 1: the column "first name" is not known.`,
		"alias,firstname,alias\n":                `Line 1: the column "alias" comes twice.`,
		"firstname\n":                            `Line 1: the column "alias" is required.`,
		"":                                       "The file is empty; its first row names the columns.",
		"alias,role\nada,user\nbob,king\n":       "Line 3: role: One of user, power, oadmin and superUser is expected.",
		"alias,active\nada,true\nbob,perhaps\n":  "Line 3: active: one of true and false is expected.",
		"alias,firstname\n\nada,Ada\nbob,\xff\n": "Line 4: firstname is not valid UTF-8.",
	} {
		require.Equal(t, want, importFile(at, write(t, "people.csv", text), "--create-environments").fails(t), "%q", text)
	}
	for text, want := range map[string]string{
		"{\n\"canopy\": \"directory/2\"}": `Line 2: a document of the format "directory/1" is expected.`,
		"":                                "Line 1: the document ends too early.",
		"[]":                              `Line 1: "{" is expected.`,
		"{\"canopy\": \"directory/1\", \"organizations\": [\n{\"path\": \"Acme\",\n":                             "Line 2: the document ends too early.",
		"{\"canopy\": \"directory/1\", \"organizations\": [\n{\"path\": \"A\", \"users\": [\n{\"alias\": 1}]}]}": "Line 3: ",
	} {
		require.Contains(t, importFile(at, write(t, "all.json", text)).fails(t), want, "%q", text)
	}
	require.Equal(t, before, export(t, at))
}

// An environment that is moved while an import is under way takes the users along, or the import
// is refused: nobody is left behind where the environment was.
func TestImportBesideAMove(t *testing.T) {
	t.Parallel()
	at := inPostgres(t)
	s := serve(t, at, "--demo")
	// The import has read where the environments are, and waits before it writes.
	tx, err := at.open(t).Begin()
	require.NoError(t, err)
	_, err = tx.Exec("LOCK TABLE mail_addresses IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	file := write(t, "people.csv", "alias,firstname,environment,mailaddress\nzed,Zed,Acme/Staging,zed@acme.example\n")
	under := importFile(at, file).start(t)
	watch := at.open(t)
	eventually(t, func() bool {
		var waiting int
		require.NoError(t, watch.QueryRow("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'mail_addresses'::regclass").Scan(&waiting))
		return waiting > 0
	}, "the import to wait")
	var staging struct{ EnvID int64 }
	s.admin().get(t, "/rest/environments/byAlias/Acme%2FStaging").ok(t).into(t, &staging)
	s.admin().post(t, fmt.Sprintf("/rest/environments/%d", staging.EnvID), fields{"parent": "Acme/Dev"}).ok(t)
	require.NoError(t, tx.Rollback())

	under.wait(t)
	require.Equal(t, 1, under.code())
	require.Contains(t, under.err.String(), "line 2: This was changed meanwhile; try again.\n")
	s.admin().get(t, "/rest/users/zed").is(t, http.StatusNotFound)
	importFile(at, write(t, "people.csv", "alias,firstname,environment\nzed,Zed,Acme/Dev/Staging\n")).succeeds(t)
	require.Len(t, s.admin().get(t, "/rest/users?env=Acme/Dev/Staging&q=zed").list(t), 1)
}

// An import takes the last superUser from nobody, and lets another one take over.
func TestImportKeepsASuperUser(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		canopy("user", "create", "boss", "--generate").in(at).succeeds(t)
		before := export(t, at)
		for name, table := range map[string]string{
			"another role": "alias,role,group\nboss,user,User\n",
			"inactive":     "alias,active\nboss,false\n",
			"blocked":      "alias,envsbloque\nboss,/\n",
			"another mask": "alias,group\nboss,User\n",
			"nobody able":  "alias,active,firstname,environment,role,group\nother,false,Other,/,superUser,Root\nboss,false,Boss,/,superUser,Root\n",
		} {
			for _, flags := range [][]string{{"--dry-run"}, nil} {
				run := importFile(at, write(t, "people.csv", table), flags...).run(t)
				require.Equal(t, 1, run.code(), name)
				require.Contains(t, run.err.String(), ": role: This is the last superUser; make another one first.\n", name)
				require.Contains(t, run.err.String(), fmt.Sprintf("line %d: ", strings.Count(table, "\n")), name)
				require.Equal(t, before, export(t, at), name)
			}
		}
		importFile(at, write(t, "people.csv", "alias,role,group,firstname,environment\nboss,user,User,Boss,/\nheir,superUser,Root,Heir,/\n")).succeeds(t)
		importFile(at, write(t, "people.csv", "alias,role,group,active\nboss,superUser,Root,true\nheir,superUser,Root,false\n")).succeeds(t)
	})
}

// A file that is there stays until the export is complete, and is for its owner only then.
func TestExportReplacesAFile(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	canopy("user", "create", "boss", "--generate").in(at).succeeds(t)
	file := write(t, "all.json", "kept")
	require.NoError(t, os.Chmod(file, 0o644))
	run := func(flags ...string) *invocation {
		return canopy(append([]string{"export", "--output", file}, flags...)...).in(at)
	}
	for _, flags := range [][]string{{"--organization", "Nowhere"}, {"--format", "xml"}, {"--format", "csv", "--hashes"}} {
		run(flags...).fails(t)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, "kept", string(text))
	}
	run().succeeds(t)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, export(t, at), string(text))
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	left, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Empty(t, canopy("export", "--output", "/dev/null").in(at).succeeds(t))
	info, err = os.Stat("/dev/null")
	require.NoError(t, err)
	require.False(t, info.Mode().IsRegular())
}

// A file is taken for what its name says, and for nothing if that says nothing.
func TestImportKnowsAFileByItsName(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	for _, name := range []string{"all.json.bak", "people", "people.xlsx"} {
		require.Contains(t, importFile(at, write(t, name, "Acme\n")).fails(t), "must end in .json", name)
	}
	require.Contains(t, importFile(at, write(t, "list.txt", "Acme\n"), "--create-environments").succeeds(t), "environments: 1 created")
	require.Contains(t, importFile(at, write(t, "list.environments", "Acme/Prod\n")).succeeds(t), "environments: 1 created")
}

// What is wrong with a line is named as the table's first row names it.
func TestImportNamesTheColumn(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	canopy("user", "create", "boss", "--mail", "boss@example.org", "--generate").in(at).succeeds(t)
	long := strings.Repeat("x", 300)
	run := importFile(at, write(t, "people.csv", "alias,firstname,lastname,mailaddress,environment,phone,jobtitle,service\n"+
		"a,,A,,/,,,\nb,B,"+long+",,/,,,\nc,C,C,none,/,,,\nd,D,D,boss@example.org,/,,,\ne,E,E,,/,"+long+",,\n"+
		"f,F,F,,/,,"+long+",\ng,G,G,,/,,,"+long+"\nh,H,H,h@example.org,/,,,\ni,I,I,h@example.org,/,,,\n")).run(t)
	var named []string
	for line := range strings.Lines(run.err.String()) {
		if words := strings.SplitN(line, ": ", 3); len(words) == 3 && words[0] != "canopy" {
			named = append(named, words[1])
		}
	}
	require.Equal(t, []string{"firstname", "lastname", "mailaddress", "mailaddress", "phone", "jobtitle", "service", "mailaddress"}, named, run.err.String())
}
