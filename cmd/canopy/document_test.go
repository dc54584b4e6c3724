package main_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// furnished adds to the demo what only lists of the document keep: by requests what is sealed or
// made by the server, and the rest by an import.
func furnished(t *testing.T, s *server, at place) (key, code string) {
	t.Helper()
	var made struct{ Text string }
	s.as("grace.hopper", adminPassword).post(t, "/rest/me/keys", fields{"name": "Nightly \"job\""}).ok(t).into(t, &made)
	s.as("ada.lovelace", adminPassword).post(t, "/rest/me/keys", fields{"name": "Ünïcode"}).ok(t)
	s.as("grace.hopper", adminPassword).
		post(t, "/rest/me/keys", fields{"name": "Narrow", "expires": "2099-01-01T00:00:00Z",
			"permission": []string{"user:read"}, "environment": "Acme/Prod"}).ok(t)
	var organizations []struct{ ID, Name string }
	require.NoError(t, json.Unmarshal(s.admin().get(t, "/api/portal/v1.3/organizations").ok(t).body, &organizations))
	acme := organizations[slices.IndexFunc(organizations, func(o struct{ ID, Name string }) bool {
		return o.Name == "Acme"
	})].ID
	var token struct{ Token string }
	for range 3 {
		a := s.admin().post(t, "/api/portal/v1.3/organizations/"+acme+"/tokens", fields{"maxUsers": 5}).
			is(t, http.StatusCreated)
		require.NoError(t, json.Unmarshal(a.body, &token))
	}
	grace := s.as("grace.hopper", adminPassword)
	grace.post(t, "/rest/objects", fields{"kind": "topic", "name": "Alerts", "envId": "Acme", "visibility": "shared"}).
		ok(t)
	grace.post(t, "/rest/objects", fields{"kind": "observer", "name": "=Watch", "envId": "Acme/Dev",
		"attributes": fields{"language": "EN", "keywords": "a\u2028<b>"}}).ok(t)
	importFile(at, write(t, "more.json",
		randomLists(rand.New(rand.NewPCG(1, 2)), []string{"grace.hopper", "dennis.ritchie", "ada.lovelace", "claude.shannon"},
			[]string{"Acme", "Acme/Prod", "Globex", "Globex/Labs", "/"}))).succeeds(t)
	return made.Text, token.Token
}

// randomLists is a document with rows in every list that is not secret, about users and places that
// are there, in which rows name others that come later too.
func randomLists(r *rand.Rand, users, places []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"canopy": "directory/1", "organizations": []`)
	list := func(name string, rows ...fields) {
		fmt.Fprintf(&b, ",\n%q: [\n", name)
		for i, row := range rows {
			text, _ := json.Marshal(row)
			fmt.Fprintf(&b, "%s%s", []string{"", ",\n"}[min(i, 1)], text)
		}
		b.WriteString("\n]")
	}
	id := func() string { return uuid.Must(uuid.NewV7()).String() }
	at := func() int64 { return 1_700_000_000_000 + r.Int64N(1e9) }
	odd := []string{"plain", "Söhne & Co", `quo"ted`, "O'Neil", "שלום", "x\u2028y", strings.Repeat("é", 40)}
	user := func() string { return users[r.IntN(len(users))] }
	jpeg := base64.StdEncoding.EncodeToString(append([]byte{0xff, 0xd8, 0xff, 0xe0}, fmt.Sprint(r.Uint64())...))

	list("organizationattributes", fields{"organization": "Acme", "name": "restricted", "value": "true"},
		fields{"organization": "/", "name": "note", "value": odd[r.IntN(len(odd))]})
	list("organizationpictures", fields{"organization": "Acme", "jpeg": jpeg})
	list("pictures", fields{"user": users[0], "jpeg": jpeg}, fields{"user": users[1], "jpeg": jpeg})
	list("breakglass", fields{"environment": "Acme", "user": "grace.hopper"})
	list("groupadmins", fields{"user": "admin", "group": "User"})
	var marks, contacts []fields
	for i, name := range odd {
		marks = append(marks, fields{"user": user(),
			"list": []string{"favouritetopics", "silencedtopics", "favouritetags"}[i%3], "name": name, "rank": i})
	}
	list("marks", marks...)
	for i, name := range users[1:] {
		contacts = append(contacts, fields{"user": users[0], "contact": name, "rank": i})
	}
	list("contacts", contacts...)

	// Topics three deep, the deepest first; applications with keys and APIs.
	top, middle, low, api, app := id(), id(), id(), id(), id()
	object := func(environment, id, kind, name string, more fields) fields {
		o := fields{"environment": environment, "id": id, "number": 1 + r.IntN(1000), "kind": kind, "owner": user(),
			"name": name, "attributes": fields{},
			"visibility": []string{"private", "shared"}[r.IntN(2)], "created": at(), "changed": at()}
		for k, v := range more {
			o[k] = v
		}
		return o
	}
	objects := []fields{
		object("Acme", low, "topic", "Low", fields{"parent": middle}),
		object("Acme", middle, "topic", "Söhne", fields{"parent": top, "attributes": fields{"description": odd[1]}}),
		object("Acme", top, "topic", fmt.Sprintf("Top %d", r.IntN(1e6)), fields{}),
		object("Acme/Prod", id(), "key", "Key",
			fields{"parent": app, "attributes": fields{"type": "apikey", "enabled": "true"}}),
		object("Acme/Prod", app, "application", "App", fields{}),
		object("Acme", api, "api", "API", fields{"attributes": nil}),
	}
	delete(objects[5], "owner") // nobody's
	others := []string{}
	for range 20 {
		others = append(others, id())
		objects = append(objects, object(places[r.IntN(len(places))], others[len(others)-1],
			[]string{"observer", "sector"}[r.IntN(2)], odd[r.IntN(len(odd))], fields{}))
	}
	list("objects", objects...)
	list("uses", fields{"object": app, "used": api})
	level := func() string { return []string{"read", "write", "admin"}[r.IntN(3)] }
	var access, owners, usage, copies, bookmarks []fields
	for i, o := range append(others, top, low) {
		access = append(access, fields{"object": o, "user": user(), "level": level()})
		owners = append(owners, fields{"object": o, "rank": 1, "owner": user(), "since": at(), "until": at()},
			fields{"object": o, "rank": 2, "owner": 900_000 + i, "since": at(), "until": 0}) // who is gone
		usage = append(usage, fields{"object": o, "month": 202601 + r.IntN(12), "owner": user(), "uses": r.IntN(1000)},
			fields{"object": o, "month": 202512, "uses": 7})
		copies = append(copies, fields{"object": o, "to": users[r.IntN(2)], "number": 1 + r.IntN(100),
			"from": users[2+r.IntN(2)], "created": at(), "expires": at()})
		bookmarks = append(bookmarks, fields{"user": user(), "object": o, "created": at()})
	}
	list("useraccess", access...)
	list("groupaccess", fields{"object": top, "group": "/User", "level": level()},
		fields{"object": others[0], "group": "/Admin", "level": level()})
	list("owners", owners...)
	list("usage", usage...)
	list("copyrequests", copies...)
	list("bookmarks", bookmarks...)
	list("presences", fields{"topic": top, "user": "grace.hopper", "status": "busy", "at": at()})
	b.WriteString("}\n")
	return b.String()
}

// What the document holds, it holds from one engine to the other, under another server's key.
func TestDirectoryDocumentHoldsEverything(t *testing.T) {
	t.Parallel()
	for engine, from := range places {
		t.Run("from "+engine, func(t *testing.T) {
			t.Parallel()
			source := from(t)
			s := serve(t, source, "--demo")
			varied(t, s)
			key, code := furnished(t, s, source)
			s.stop(t)
			plain, secret := export(t, source), export(t, source, "--hashes")
			for _, info := range domain.DirectoryLists {
				require.Contains(t, secret, fmt.Sprintf("], %q: [\n{", info.Name))
				require.Equal(t, !info.Secret, strings.Contains(plain, fmt.Sprintf("], %q: [\n{", info.Name)), info.Name)
			}
			require.Regexp(t, `"name":"Narrow".*"expires":4070908800000,"permission":68719476736,"place":"Acme/Prod"`, secret)
			for _, opens := range []string{key, code, "argon2id"} {
				require.NotContains(t, plain, opens)
				require.Contains(t, secret, opens)
			}
			for other, to := range places {
				t.Run("to "+other, func(t *testing.T) {
					t.Parallel()
					copied := to(t)
					dry := importFile(copied, write(t, "all.json", secret), "--dry-run").succeeds(t)
					report := importFile(copied, write(t, "all.json", secret)).succeeds(t)
					require.Equal(t, report, strings.ReplaceAll(dry, "would be ", ""))
					require.Regexp(t, `objects: +28 created`, report)
					require.Equal(t, secret, export(t, copied, "--hashes"))
					require.Equal(t, plain, export(t, copied))

					// Once more nothing changes, and a dry run says so.
					for _, flags := range [][]string{{"--dry-run"}, nil} {
						report := importFile(copied, write(t, "all.json", secret), flags...).succeeds(t)
						require.NotRegexp(t, `[1-9]\d* (would be )?(created|changed)`, report)
					}
					require.Equal(t, secret, export(t, copied, "--hashes"))

					for _, of := range []string{"objects", "users", "groups"} {
						var wrong int
						require.NoError(t, copied.open(t).QueryRow("SELECT count(*) FROM organization_counts c WHERE c."+of+
							" <> (SELECT count(*) FROM "+of+" x WHERE x.organization_id = c.organization_id)").Scan(&wrong))
						require.Zero(t, wrong, "%s are counted for quotas", of)
					}

					// What opened something opens it here.
					s := serve(t, copied)
					s.anonymous().with("apiKey", key).get(t, "/rest/me").ok(t)
					s.as("grace.hopper", adminPassword).get(t, "/rest/objects").ok(t)
					require.Contains(t, string(s.admin().get(t, "/rest/objects?everywhere=true").ok(t).body), `"/Top `)
				})
			}

			// Without what opens something it is the same directory without that.
			bare := from(t)
			importFile(bare, write(t, "all.json", plain)).succeeds(t)
			require.Equal(t, plain, export(t, bare))
			require.Equal(t, plain, strings.ReplaceAll(export(t, bare, "--hashes"), `,"passwordhash":""`, ""))
		})
	}
}

// Random rows come through both engines, and once more through a directory that has others: there
// they get numbers of their own and are otherwise the same.
func TestRandomListsComeThrough(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	base := inSQLite(t)
	serve(t, base, "--demo").stop(t)
	users, places := []string{"grace.hopper", "dennis.ritchie", "ada.lovelace", "claude.shannon"},
		[]string{"Acme", "Acme/Prod/Europe", "Globex", "Globex/Labs/Beta", "Initech", "/"}
	demo := export(t, base, "--hashes")
	sqlite, postgres := inSQLite(t), inPostgres(t)
	for _, at := range []place{sqlite, postgres} {
		importFile(at, write(t, "demo.json", demo)).succeeds(t)
	}
	r := rand.New(rand.NewPCG(seed, 0))
	for range 3 {
		file := write(t, "lists.json", randomLists(r, users, places))
		require.Equal(t, importFile(sqlite, file).succeeds(t), importFile(postgres, file).succeeds(t))
		require.Equal(t, export(t, sqlite), export(t, postgres))
		require.NotRegexp(t, `[1-9]\d* (created|changed)`, importFile(postgres, file).succeeds(t))
	}
	numbers := regexp.MustCompile(`"number":\d+`)
	sorted := func(text string) []string {
		lines := strings.Split(numbers.ReplaceAllString(text, ""), "\n")
		for i := range lines {
			lines[i] = strings.TrimSuffix(lines[i], ",")
		}
		slices.Sort(lines)
		return lines
	}
	other := inPostgres(t)
	importFile(other, write(t, "demo.json", demo)).succeeds(t)
	importFile(other, write(t, "lists.json", randomLists(r, users, places))).succeeds(t)
	importFile(other, write(t, "all.json", export(t, sqlite))).succeeds(t)
	all := sorted(export(t, other))
	for _, line := range sorted(export(t, sqlite)) {
		require.Contains(t, all, line)
	}
}

// A row that cannot be imported is named and left out; the others are imported, and a dry run says the
// same.
func TestRowsThatCannotBeImported(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		serve(t, at, "--demo").stop(t)
		const id = "00000000-0000-7000-8000-0000000000a"
		document := `{"canopy": "directory/1", "organizations": [], "pictures": [
{"user": "nobody", "jpeg": "/9j/4AAA"},
{"user": "grace.hopper", "jpeg": "AAAA"},
{"user": "ada.lovelace", "jpeg": "/9j/4AAA"},
{"user": "ADA.lovelace", "jpeg": "/9j/4AAB"}
], "marks": [
{"user": "ada.lovelace", "list": "favouritetags", "name": "", "rank": 1}
], "objects": [
{"environment": "Nowhere", "id": "` + id + `1", "number": 1, "kind": "topic", "name": "A", "attributes": {}, "visibility": "shared", "created": 1, "changed": 1},
{"environment": "Acme", "id": "` + id + `2", "number": 2, "kind": "spaceship", "name": "A", "attributes": {}, "visibility": "shared", "created": 1, "changed": 1},
{"environment": "Acme", "id": "` + id + `3", "number": 3, "kind": "topic", "name": "A/../B", "attributes": {}, "visibility": "shared", "created": 1, "changed": 1},
{"environment": "Acme", "id": "` + id + `4", "number": 4, "kind": "topic", "name": "A", "attributes": {"x": "y"}, "visibility": "shared", "created": 1, "changed": 1},
{"environment": "Acme", "id": "` + id + `5", "number": 5, "kind": "topic", "name": "Good", "attributes": {}, "visibility": "shared", "created": 1, "changed": 1},
{"environment": "Acme", "id": "` + id + `6", "number": 6, "kind": "topic", "parent": "` + id + `4", "name": "A", "attributes": {}, "visibility": "shared", "created": 1, "changed": 1},
{"environment": "Globex", "id": "` + id + `7", "number": 7, "kind": "topic", "parent": "` + id + `5", "name": "A", "attributes": {}, "visibility": "shared", "created": 1, "changed": 1}
], "useraccess": [
{"object": "` + id + `4", "user": "grace.hopper", "level": "read"},
{"object": "` + id + `5", "user": "grace.hopper", "level": "none"},
{"object": "` + id + `5", "user": "grace.hopper", "level": "read"}
], "groupaccess": [
{"object": "` + id + `5", "group": "Nobody", "level": "read"}
], "presences": [
{"topic": "` + id + `5", "user": "grace.hopper", "status": "asleep", "at": 1}
]}`
		run := importFile(at, write(t, "lists.json", document)).run(t)
		require.Equal(t, 1, run.code())
		var lines []string
		for line := range strings.Lines(run.err.String()) {
			lines = append(lines, strings.SplitN(line, ": ", 3)[0])
		}
		require.Equal(t, []string{"line 2", "line 3", "line 5", "line 7", "line 9", "line 10", "line 11", "line 12",
			"line 14", "line 15", "line 17", "line 18", "line 19", "line 21", "line 23", "canopy"},
			lines, run.err.String())
		require.Contains(t, run.out.String(), "objects:      1 created, 0 changed, 0 unchanged\n")
		require.Contains(t, run.out.String(), "other rows:   1 created, 0 changed, 0 unchanged\n")
		text := export(t, at)
		require.Contains(t, text, `"name":"Good"`)

		unreadable := importFile(at, write(t, "lists.json", `{"canopy": "directory/1", "organizations": [], "uses": [
{"object": 7, "used": "x", "more": 1},
{"object": "x"}
]}`)).run(t)
		require.Contains(t, unreadable.err.String(),
			"line 2: object: Give a text.\nline 2: more: There is no such field; leave it out.\nline 3: used: A value is "+
				"required.\n")
		require.Equal(t, text, export(t, at))
	})
}
