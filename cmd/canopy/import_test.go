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
			require.Equal(t, strings.Count(secret, `"person":`)-strings.Count(secret, `"state":"invited"`),
				strings.Count(secret, `"passwordhash":"$argon2id$`),
				"every user but the invited has a hash, and it is in the document that was asked for it")
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
	admin.post(t, "/rest/groups", fields{"alias": "Researchers2", "organization": "Globex/Labs", "parent": "User",
		"permission": "7"}).ok(t)
	admin.post(t, "/rest/groups", fields{"alias": "Interns", "organization": "Globex/Labs", "parent": "Researchers2",
		"permission": "3"}).ok(t)
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
		require.Contains(t, canopy("export", "--organization", "Nowhere").in(at).fails(t),
			`There is no organization "Nowhere".`)
		require.Contains(t, canopy("export", "--organization", "Acme/Prod").in(at).fails(t),
			`There is no organization "Acme/Prod".`)

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
		require.Contains(t, canopy("export", "--format", "csv", "--hashes").in(at).fails(t), "--hashes: ",
			"a table never has hashes")
		rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 1+53+2)
		for _, row := range rows[1:] {
			for i, cell := range row {
				require.NotRegexp(t, "^[=+\\-@\t\r]", cell, "%s would be run by a spreadsheet program", rows[0][i])
			}
		}
		file := write(t, "people.csv", table)
		require.Contains(t, importFile(at, file).succeeds(t), "users:        0 created, 0 changed, 55 unchanged")
		require.Equal(t, before, export(t, at))

		// Environments are made on demand. What a table does not have, such as groups, is refused.
		empty := inSQLite(t)
		bare := write(t, "bare.csv", strings.NewReplacer("Researchers2", "User", "/Researchers", "/User", "Researchers",
			"User",
			"Operators", "Admin", "Readers", "User", "Auditors", "Admin").Replace(table))
		importFile(empty, bare, "--create-environments").succeeds(t)
		require.Equal(t, 56, strings.Count(export(t, empty, "--format", "csv"), "\n"))
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
line 16: group: There is no group "Others" here.
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
		repaired := strings.NewReplacer("Bad/Nowhere", "Bad/Below", `"first", "environment": "Bad/Below"`,
			`"fourth", "environment": "Bad/Below"`,
			`"Others"`, `"Some"`).Replace(document)
		require.Contains(t, importFile(at, write(t, "again.json", repaired)).succeeds(t),
			"users:        4 created, 0 changed, 2 unchanged")
	})
}

func TestImportOfAFileThatCannotBeReadChangesNothing(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	canopy("user", "create", "boss", "--generate").in(at).succeeds(t)
	before := export(t, at)
	people := "alias,firstname,environment\nada,Ada,Acme\n"
	for text, want := range map[string]string{
		people +
			"bob,Bob,Acme,more\n": "line 3: Wrong number of fields: 4 instead of 3; one that has \",\" in it needs quotes " +
			"around it.",
		people + "bob,\"Bob,Acme\n":              `line 3: This row cannot be read: extraneous or missing " in quoted-field.`,
		"alias,first name\n":                     `line 1: The column "first name" is not known; there are alias, firstname,`,
		"alias,firstname,alias\n":                `line 1: Name the column "alias" only once.`,
		"firstname\n":                            `line 1: The column "alias" is required.`,
		"alias,role\nada,user\nbob,king\n":       "line 3: role: Give one of user, power, oadmin and superUser.",
		"alias,active\nada,true\nbob,perhaps\n":  "line 3: active: Give one of true and false.",
		"alias,firstname\n\nada,Ada\nbob,\xff\n": "line 4: firstname: This is not valid UTF-8.",
	} {
		run := importFile(at, write(t, "people.csv", text), "--create-environments").run(t)
		require.Equal(t, 1, run.code())
		require.Contains(t, run.err.String(), want, "%q", text)
		require.Contains(t, run.err.String(),
			"canopy: nothing was imported, because some of the lines above cannot be read\n")
		require.NotRegexp(t, `[1-9]\d* (organizations imported|created|changed|unchanged)`, run.out.String())
	}
	require.Equal(t, "The file is empty; its first row names the columns.", importFile(at, write(t, "people.csv", "")).
		fails(t))
	for text, want := range map[string]string{
		"{\n\"canopy\": \"directory/2\"}": `Line 2: a document of the format "directory/1" is expected.`,
		"":                                "Line 1: the document ends too early.",
		"[]":                              `Line 1: "{" is expected.`,
		"{\"canopy\": \"directory/1\", \"organizations\": [\n{\"path\": \"Acme\",\n": "Line 2: the document ends too early.",
	} {
		require.Contains(t, importFile(at, write(t, "all.json", text)).fails(t), want, "%q", text)
	}
	require.Equal(t, before, export(t, at))
}

// mistakes is a table in which every line but the first two is wrong, each in another way, and what
// is to be said of them.
const mistakes = `Alias;firstname;mailaddress;environment;role;group;envs
good;Good;good@example.org;Acme;user;User;
ada;Ada;ada@example.org;Acme;king;User;
bob;Bob;bob@example.org;Acme;user
eve;Eve;eve@example.org;Nowhere;user;User;Acme;
zoe;;none;Acme;user;Nobody;"Nowhere;Acme/Else"
good;Again;GOOD@example.org;Acme;user;User;
kim;Kim;;Nowhere;user;User;
lee;Lee;;Acme;superUser;User;
max;Max;"max@example.org;Acme;user;User;
`

var mistakesSaid = `line 3: role: Give one of user, power, oadmin and superUser.
line 4: Wrong number of fields: 5 instead of 7; one that has ";" in it needs quotes around it.
line 5: Wrong number of fields: 8 instead of 7; one that has ";" in it needs quotes around it.
line 6: group: There is no group "Nobody" here.
line 6: envs: There is no environment "Nowhere".
line 6: envs: There is no environment "Acme/Else".
line 6: firstname: A value is required.
line 6: mailaddress: Give a mail address such as name@example.org.
line 7: alias: "good" comes on line 2 too.
line 7: mailaddress: "GOOD@example.org" comes on line 2 too.
line 8: environment: There is no environment "Nowhere".
line 9: role: Only a member of the root organization can be a superUser.
line 10: This row cannot be read: extraneous or missing " in quoted-field.
With --create-environments, environments that users name and that are not there are made.
canopy: nothing was imported, because some of the lines above cannot be read
`

// All mistakes of a file are named in one run, and a dry run says the same.
func TestImportNamesAllMistakesAtOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		importFile(at, write(t, "list.txt", "Acme\n")).succeeds(t)
		before := export(t, at)
		file := write(t, "people.csv", mistakes)
		for _, flags := range [][]string{{"--dry-run"}, nil} {
			run := importFile(at, file, flags...).run(t)
			require.Equal(t, 1, run.code())
			require.Equal(t, mistakesSaid, run.err.String())
			require.Equal(t, before, export(t, at))
		}
		// Without those that cannot be read it is the same of the others, and only Acme is refused.
		var readable []string
		for line := range strings.Lines(mistakes) {
			if !strings.HasPrefix(line, "ada") && !strings.HasPrefix(line, "bob") && !strings.HasPrefix(line, "eve") &&
				!strings.HasPrefix(line, "max") {
				readable = append(readable, line)
			}
		}
		run := importFile(at, write(t, "people.csv", strings.Join(readable, "")+"top;Top;;/;user;User;\n")).run(t)
		require.Equal(t, 9, strings.Count(run.err.String(), "\nline ")+1, run.err.String())
		require.Contains(t, run.err.String(), "canopy: not imported, because of the lines above: Acme\n")
		require.Contains(t, run.out.String(), "1 organizations imported\n")
		require.Contains(t, run.out.String(), "users:        1 created, 0 changed, 0 unchanged\n")
	})
}

// A document says what is wrong with its environments and groups, and with its users all the same.
func TestImportOfADocumentNamesAllMistakesAtOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		canopy("user", "create", "boss", "--generate").in(at).succeeds(t)
		run := importFile(at, write(t, "all.json", `{"canopy": "directory/1", "organizations": [
{"path": "Acme", "environments": [
{"path": "Acme", "organization": true},
{"path": "Acme/None/Below"},
{"path": "Acme/Long", "code": "`+strings.Repeat("x", 300)+`"},
{"path": "Acme"}
], "groups": [
{"alias": "a/b", "parent": "/User", "permission": "1"},
{"alias": "Lost", "parent": "Nobody", "permission": "1"}
], "users": [
{"alias": "ada", "environment": "Acme", "group": "None"},
{"alias": "bob", "environment": "Acme", "firstname": "Bob", "mailaddress": "none"}
]},
{"path": "Nowhere", "users": [
{"alias": "ada", "environment": "Nowhere"}
]}
]}`)).run(t)
		var lines []string
		for line := range strings.Lines(run.err.String()) {
			if words := strings.Split(line, ": "); len(words) > 1 {
				lines = append(lines, words[0]+" "+words[1])
			}
		}
		require.Equal(t, []string{"line 4 path", "line 5 code", "line 6 path", "line 8 alias", "line 9 parent",
			"line 11 group", "line 11 firstname", "line 12 mailaddress",
			"line 14 environment", "line 15 alias"}, lines[:10], run.err.String())
	})
}

// As many mistakes as a screen holds are named, those of the first lines; the rest is counted.
func TestImportBoundsWhatItSays(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	canopy("user", "create", "boss", "--generate").in(at).succeeds(t)
	var table strings.Builder
	table.WriteString("alias,firstname,environment,role\n")
	for i := range 1234 {
		fmt.Fprintf(&table, "u%d,Some,/,%s\n", i, []string{"king", "user,"}[i%2])
	}
	run := importFile(at, write(t, "people.csv", table.String())).run(t)
	require.Equal(t, 100, strings.Count(run.err.String(), "\nline ")+1)
	require.True(t, strings.HasPrefix(run.err.String(), "line 2: "))
	require.Contains(t, run.err.String(), "\nline 101: ")
	require.Contains(t, run.err.String(), "\nand 1134 more\n")
}

// A dry run counts what the run does: into a new directory, with names that are given up for others,
// with what is there, and with organizations that are refused.
func TestDryRunCountsAsTheRunDoes(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		same := func(file string, flags ...string) {
			t.Helper()
			dry := importFile(at, file, append(flags, "--dry-run")...).run(t)
			run := importFile(at, file, flags...).run(t)
			require.Equal(t, run.code(), dry.code())
			require.Equal(t, run.err.String(), dry.err.String())
			require.Equal(t, run.out.String(), strings.ReplaceAll(dry.out.String(), "would be ", ""))
			require.Contains(t, run.out.String(), "created")
		}
		same(write(t, "people.csv",
			"alias,firstname,mailaddress,environment,role,group\nadmin,Admin,boss@example.org,/,superUser,Root\n"+
				"ada,Ada,ada@example.org,Acme,user,User\nbob,Bob,bob@example.org,Acme/Prod,user,User\n"), "--create-environments")
		same(write(t, "people.csv",
			"alias,firstname,mailaddress,environment\nada,Ada,countess@example.org,Acme\nnew,New,ada@example.org,Acme\n"+
				"else,Else,bob@example.org,Other\nada,Twice,,Other\n"), "--create-environments")
		same(write(t, "people.csv",
			"alias,firstname,mailaddress,environment\nada,Ada,countess@example.org,Acme\nnew,New,ada@example.org,Acme\n"+
				"far,Far,far@example.org,Other\nlost,Lost,,Nowhere\n"))
		same(write(t, "all.json", export(t, at)))
	})
}

// An import into a new directory that is refused leaves nothing behind.
func TestRefusedImportLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"unreadable":  "alias,role\nada,king\n",
		"empty":       "",
		"no place":    "alias,firstname,environment\nada,Ada,Nowhere\n",
		"all refused": "alias,firstname,environment\nada,,/\n",
	} {
		file := write(t, "people.csv", text)
		folder := place{"--data", filepath.Join(t.TempDir(), "data")}
		require.Equal(t, 1, importFile(folder, file).run(t).code(), name)
		require.NoDirExists(t, folder.data(), name)

		postgres := inPostgres(t)
		require.Equal(t, 1, importFile(postgres, file).run(t).code(), name)
		require.Empty(t, names(t, postgres.data()), name)
		var tables int
		require.NoError(t, postgres.open(t).QueryRow("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").
			Scan(&tables))
		require.Zero(t, tables, name)
	}
	folder := place{"--data", filepath.Join(t.TempDir(), "data")}
	canopy("import", write(t, "list.txt", "Acme\n")).in(folder).with("CANOPY_ADMIN_PASSWORD", "x").fails(t)
	require.NoDirExists(t, folder.data())
	importFile(folder, write(t, "people.csv", "alias,firstname,environment\nada,Ada,/\nbob,,Acme\n"),
		"--create-environments").run(t)
	require.Contains(t, export(t, folder), `"ada"`, "what can be imported is")
}

// An environment that is moved while an import is under way takes the users along, or the import
// is refused: nobody is left behind where the environment was.
func TestImportBesideAMove(t *testing.T) {
	for name, table := range map[string]string{
		"somebody new":          "alias,firstname,environment,mailaddress\nzed,Zed,Acme/Staging,zed@acme.example\n",
		"somebody who is there": "alias,firstname,environment,mailaddress\nann,Zed,Acme/Staging,zed@acme.example\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			importBesideAMove(t, table)
		})
	}
}

func importBesideAMove(t *testing.T, table string) {
	at := inPostgres(t)
	s := serve(t, at, "--demo")
	importFile(at, write(t, "people.csv", "alias,firstname,environment\nann,Ann,Acme/Staging\n")).succeeds(t)
	// The import has read where the environments are, and waits before it writes.
	tx, err := at.open(t).Begin()
	require.NoError(t, err)
	_, err = tx.Exec("LOCK TABLE mail_addresses IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	under := importFile(at, write(t, "people.csv", table)).start(t)
	watch := at.open(t)
	eventually(t, func() bool {
		var waiting int
		require.NoError(t, watch.QueryRow(
			"SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'mail_addresses'::regclass").Scan(&waiting))
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
	require.Contains(t, string(s.admin().get(t, "/rest/users?env=Acme/Dev/Staging&q=ann").ok(t).body), `"Ann"`)
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
		importFile(at, write(t, "people.csv",
			"alias,role,group,firstname,environment\nboss,user,User,Boss,/\nheir,superUser,Root,Heir,/\n")).succeeds(t)
		importFile(at, write(t, "people.csv",
			"alias,role,group,active\nboss,superUser,Root,true\nheir,superUser,Root,false\n")).succeeds(t)
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
	require.Contains(t, importFile(at, write(t, "list.txt", "Acme\n"), "--create-environments").succeeds(t),
		"environments: 1 created")
	require.Contains(t, importFile(at, write(t, "list.environments", "Acme/Prod\n")).succeeds(t),
		"environments: 1 created")
}

// What is wrong with a line is named as the table's first row names it.
func TestImportNamesTheColumn(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	canopy("user", "create", "boss", "--mail", "boss@example.org", "--generate").in(at).succeeds(t)
	long := strings.Repeat("x", 300)
	run := importFile(at,
		write(t, "people.csv", "alias,firstname,lastname,mailaddress,environment,phone,jobtitle,service\n"+
			"a,,A,,/,,,\nb,B,"+long+",,/,,,\nc,C,C,none,/,,,\nd,D,D,boss@example.org,/,,,\ne,E,E,,/,"+long+",,\n"+
			"f,F,F,,/,,"+long+",\ng,G,G,,/,,,"+long+"\nh,H,H,h@example.org,/,,,\ni,I,I,h@example.org,/,,,\n")).run(t)
	var named []string
	for line := range strings.Lines(run.err.String()) {
		if words := strings.SplitN(line, ": ", 3); len(words) == 3 && words[0] != "canopy" {
			named = append(named, words[1])
		}
	}
	require.Equal(t, []string{"firstname", "lastname", "mailaddress", "mailaddress", "phone", "jobtitle", "service",
		"mailaddress"}, named, run.err.String())
}
