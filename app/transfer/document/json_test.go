package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app/authn"
	"canopy/domain"
)

// whole is a document with every member, as it is written.
const whole = `{"canopy": "directory/1", "organizations": [
{"path": "/", "environments": [
{"path":"/","number":1,"id":"00000000-0000-7000-8000-000000000001","alias":"root","organization":true,"code":"R","sendurl":true,"active":true,"timezone":"GMT","gitRepository":"git@example.org:r"},
{"path":"Acme \"\u0026\u2028 Söhne"}
], "groups": [
{"alias":"Root","number":1,"id":"00000000-0000-7000-8000-000000000002","parent":"Root","permission":"562949953421311","role":"power","roletitle":"Operator","description":"Runs it","created":0},
{"alias":null}
], "users": [
{"alias":"ada","number":1,"person":2,"id":"00000000-0000-7000-8000-000000000003","environment":"/","role":"superUser","group":"Root","groups":["User"],"envs":["Acme"],"envsbloque":[],"state":"pending","active":false,"firstname":"Ada","lastname":"","mailaddress":"ada@example.org","phone":"1","jobtitle":"Countess","service":"Engines","language":"en","timezone":"GMT","defaultpage":0,"firstaccess":true,"passworddelay":-1,"revokedelay":3,"created":1,"lastpassword":-1,"lastconnected":1795334400123,"logged":5,"idlesince":6,"attributes":{"archived":"true","claims":"eve@example.org","listsUsers":"true","mobile":"2","system":"true"},"passwordhash":"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"},
{"alias":"bob","passwordhash":""}
]},
{"path": "Acme", "environments": [
], "groups": [
], "users": [
]}
]}
`

func jsonOf(open Open) JSON { return JSON{Open: open, CheckHash: authn.CheckHash} }

func TestJSONKeepsEverything(t *testing.T) {
	for _, record := range []any{environmentJSON{}, groupJSON{}, userJSON{}} {
		for i := range reflect.TypeOf(record).NumField() {
			name, _, _ := strings.Cut(reflect.TypeOf(record).Field(i).Tag.Get("json"), ",")
			require.Contains(t, whole, `"`+name+`":`, "%T", record)
		}
	}
	var out bytes.Buffer
	require.NoError(t, WriteJSON(&out, jsonOf(from(whole))))
	require.Equal(t, whole, out.String())

	ada := users(t, jsonOf(from(whole)))[0] // what became of the account is state, not an attribute
	require.True(t, *ada.Archived && *ada.System && *ada.ListsUsers)
	require.Equal(t, "eve@example.org", *ada.Claims)
	require.Equal(t, domain.Attributes{"mobile": "2"}, ada.Attributes)
}

func TestJSONLines(t *testing.T) {
	read := users(t, jsonOf(
		from("\n{\"canopy\": \"directory/1\", \"organizations\": [{\"path\": \"A\", \"users\":[{\"alias\": \"one\"},\n\n"+
			"{\"alias\":\n\"two\"}, {\"alias\": \"three\"}\n]}]}")))
	lines := map[string]int{}
	for _, u := range read {
		lines[*u.Alias] = u.Line
	}
	require.Equal(t, map[string]int{"one": 2, "two": 5, "three": 5}, lines)
}

// What is left of a section's users is skipped, and of the document when nobody wants more.
func TestJSONMayBeLeft(t *testing.T) {
	var paths []string
	for s, err := range (jsonOf(from(whole))).Sections() {
		require.NoError(t, err)
		paths = append(paths, s.Path)
		for range s.Users {
			break
		}
	}
	require.Equal(t, []string{"/", "Acme"}, paths)
	for s, err := range (jsonOf(from(whole[:strings.Index(whole, `{"path": "Acme"`)]))).Sections() {
		require.NoError(t, err)
		require.Equal(t, "/", s.Path)
		break
	}
}

func TestJSONThatCannotBeRead(t *testing.T) {
	const head = "{\"canopy\": \"directory/1\", \"organizations\": [\n"
	const acme = head + "{\"path\": \"Acme\", \"users\": [\n{\"alias\": \"ada\"},\n"
	tests := []struct{ name, text, want string }{
		{"a key that is not known", head + `{"path": "Acme", "people": []}]}`, `Line 2: "people" is not known here.`},
		{"a path that does not come first", head + `{"users": []}]}`, `Line 2: an organization begins with its "path".`},
		{"no path", head + "{}]}", `Line 2: an organization begins with its "path".`},
		{"something behind the users", head + `{"path": "Acme", "users": [], "groups": []}]}`, `Line 2: "}" is expected.`},
		{"the format behind the organizations", `{"organizations": [], "canopy": "directory/1"}`,
			`Line 1: "canopy", then "organizations" and then lists are expected, not "organizations".`},
		{"nothing in it", "{}", "Line 1: this is not a directory document."},
		{"a user that is no object", acme + "7]}]}", "Line 4: "},
		{"a member that is not known", acme + `{"alias": "bob", "first": "Bob"}]}]}`,
			"Line 4: first: There is no such field; leave it out."},
		{"a member of another kind", acme + `{"alias": "bob", "firstname": 7}]}]}`,
			"Line 4: firstname: This cannot be a number."},
		{"a number that is too large", acme + `{"alias": "bob", "number": 9223372036854775808}]}]}`,
			"Line 4: number: This cannot be a number 9223372036854775808."},
		{"a role that is none", acme + `{"alias": "bob", "role": "king"}]}]}`,
			"Line 4: role: Give one of user, power, oadmin and superUser."},
		{"a UUID in capitals", acme + `{"alias": "bob", "id": "00000000-0000-7000-8000-00000000000A"}]}]}`,
			"Line 4: id: Give a UUID in lower case."},
		{"a hash that cannot be checked", acme + `{"alias": "bob", "passwordhash": "secret"}]}]}`,
			"Line 4: passwordhash: This is not an argon2id hash."},
		{"no colon", acme + `{"alias" "bob"}]}]}`, "Line 4: invalid character '\"' after object key."},
		{"no comma", acme + "{\"alias\": \"bob\"}\n{\"alias\": \"eve\"}]}]}", "Line 5: expected comma after array element."},
		{"a comma too many", acme + "{\"alias\": \"bob\"},\n]}]}",
			"Line 5: invalid character ']' looking for beginning of value."},
		{"an end too early", acme + `{"alias": "bo`, "Line 4: the document ends too early."},
		{"text that is not UTF-8", acme + "{\"alias\": \"bob\",\n\"firstname\": \"R\xf6bert\"}]}]}",
			"Line 5: this is not valid UTF-8."},
		{"a character that is cut off", acme + "{\"alias\": \"bob\"}]}]}\n\xc3", "Line 5: this is not valid UTF-8."},
		{"values one in the other without end", acme + `{"alias": ` + strings.Repeat("[", 1<<20),
			"Line 4: invalid character '[' exceeded max depth."},
		{"two documents", whole + whole,
			fmt.Sprintf("Line %d: there is something behind the end of the document.", strings.Count(whole, "\n")+1)},
		{"something behind it", whole + "}",
			fmt.Sprintf("Line %d: there is something behind the end of the document.", strings.Count(whole, "\n")+1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Contains(t, refusal(t, jsonOf(from(tt.text))), tt.want)
		})
	}
	require.NotEmpty(t, refusal(t, jsonOf(from("{\"canopy\": \"directory/1\""))))
	require.Empty(t, refusal(t, jsonOf(from(whole+" \n\n"))))
}

// One mistake of a record hides no other one, nor those of the records behind it.
func TestJSONNamesAllThatIsWrong(t *testing.T) {
	text := `{"canopy": "directory/1", "organizations": [
{"path": "Acme", "environments": [
{"path": "Acme", "id": "X", "sendurl": 1}
], "groups": [
{"alias": "Some", "permission": "many", "role": "king"}
], "users": [
{"alias": "ada", "role": "king", "firstname": 7, "nickname": "A", "state": "lost"},
7,
{"alias": "bob"}
]}]}`
	var wrong []string
	note := func(line int, errs []*domain.Error) {
		for _, err := range errs {
			wrong = append(wrong, fmt.Sprint(line, " ", err.Field))
		}
	}
	for s, err := range (jsonOf(from(text))).Sections() {
		require.NoError(t, err)
		note(s.Environments[0].Line, s.Environments[0].Wrong)
		note(s.Groups[0].Line, s.Groups[0].Wrong)
		for u, err := range s.Users {
			require.NoError(t, err)
			note(u.Line, u.Wrong)
		}
	}
	require.Equal(t, []string{"3 sendurl", "3 id", "5 permission", "5 role", "7 firstname", "7 nickname", "7 role",
		"7 state", "8 "}, wrong)
	require.Equal(t, "ada", *users(t, jsonOf(from("\ufeff"+strings.Replace(whole, "Ada", "ada", 1))))[0].FirstName,
		"behind a byte order mark")
}

// FuzzJSON holds that a document that can be read is written as JSON that says the same.
func FuzzJSON(f *testing.F) {
	const head = `{"canopy": "directory/1", "organizations": [`
	f.Add(head +
		`{"path": "/", "environments": [{"path": "/", "id": "00000000-0000-7000-8000-000000000001", "sendurl": true}]}]}`)
	f.Add(head + `{"path": "A", "groups": [{"alias": null, "permission": "7"}]}]}`)
	f.Add(head + `{"path": "A", "users": [{"alias": "a", "role": "user", "envs": ["\u2028\n"], "created": -1}]}]}`)
	f.Add(
		`{"canopy": "directory/1", "organizations": [{"path": "A\ud800", "users": [null, {"ALIAS": "a", "created": 0}]}, {"path": "A"}]}`)
	f.Add("{\"canopy\": \"directory/1\", \"organizations\": [{\"path\": \"\xff\"}], \"organizations\": []} {}")
	f.Fuzz(func(t *testing.T, text string) {
		var out bytes.Buffer
		if WriteJSON(&out, jsonOf(from(text))) == nil && !(json.Valid([]byte(text)) && json.Valid(out.Bytes())) {
			t.Errorf("%s", out.String())
		}
		holdsStill(t, text, func(open Open) Document { return jsonOf(open) }, WriteJSON)
	})
}

// The reader keeps no more of a document than its window, and knows the line all the same.
func TestJSONIsReadInLittleMemory(t *testing.T) {
	text := head(100_000)
	r := newReader(io.NopCloser(strings.NewReader(text)), nil)
	require.NoError(t, r.sections(func(s *Section) bool {
		for u, err := range s.Users {
			require.NoError(t, err)
			require.Equal(t, "Some", *u.FirstName)
		}
		return true
	}))
	require.Equal(t, strings.Count(text, "\n")+1, r.line)
	require.Len(t, r.buf, window)
}

// A value that is longer than the window is read whole, and what stands behind it on its line.
func TestJSONHasLongValues(t *testing.T) {
	for _, length := range []int{window - 100, window, 3 * window} {
		name := strings.Repeat("n", length)
		read := users(t, jsonOf(from(strings.Replace(head(3), "Some", name, 1))))
		require.Len(t, read, 3)
		require.Equal(t, name, *read[0].FirstName)
		require.Equal(t, 4, read[2].Line)
		cut := strings.Replace(head(1), "Some\"}\n]}]}", name, 1)
		require.Equal(t, "Line 2: the document ends too early.", refusal(t, jsonOf(from(cut))))
		require.Equal(t, "Line 2: this is not valid UTF-8.", refusal(t, jsonOf(from(cut+"\xff"))))
	}
}

// head returns a document of n users.
func head(n int) string {
	return `{"canopy": "directory/1", "organizations": [{"path": "A", "users": [` +
		strings.TrimSuffix(strings.Repeat("\n{\"alias\": \"somebody\", \"firstname\": \"Some\"},", n), ",") + "\n]}]}"
}
