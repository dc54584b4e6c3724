package httpx

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

func TestParseObject(t *testing.T) {
	deep := func(n int) string {
		return `{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	tests := []struct{ name, text, field, want string }{
		{"an object", " {\"a\": [1, {\"b\": null}], \"A\": \"\\u00e4\", \"\": 1.5e3}\n", "", ""},
		{"an empty object", "{}", "", ""},
		{"values one in the other", deep(5000), "", ""},
		{"values one in the other without end", deep(20000), "", "The body is not valid JSON, at byte"},
		{"nothing", "", "", "The body must be a JSON object."},
		{"a list", "[]", "", "The body must be a JSON object."},
		{"null", "null", "", "The body must be a JSON object."},
		{"a byte order mark", "\ufeff{}", "", "The body must be a JSON object."},
		{"a key twice", `{"a": 1, "b": 2, "a": 1}`, "a", "Give this only once."},
		{"a key twice, spelt in two ways", `{"a": 1, "\u0061": 1}`, "a", "Give this only once."},
		{"a long key twice", `{"` + strings.Repeat("ä", 30) + `":1,"` + strings.Repeat("ä", 30) + `":1}`,
			strings.Repeat("ä", 20), "Give this only once."},
		{"a key of control characters twice", "{\"\\n\x7f\":1,\"\\n\x7f\":1}", "??", "Give this only once."},
		{"a key that is no text", `{1: 1}`, "", "The body is not valid JSON, at byte 1."},
		{"no colon", `{"a" 1}`, "", "The body is not valid JSON, at byte 5."},
		{"no comma", `{"a": 1 "b": 2}`, "", "The body is not valid JSON, at byte"},
		{"a comma too many", `{"a": 1,}`, "", "The body is not valid JSON, at byte"},
		{"an end too early", `{"a": 1`, "", "The body is not valid JSON, at byte"},
		{"a bracket of the other kind", `{"a": 1]`, "", "The body is not valid JSON, at byte"},
		{"a number with a leading zero", `{"a": 01}`, "", "The body is not valid JSON, at byte"},
		{"a second object", `{"a": 1} {}`, "", "Send one JSON object and nothing after it."},
		{"a comma behind it", `{"a": 1},`, "", "Send one JSON object and nothing after it."},
		{"text that is not UTF-8", "{\"a\": \"\xff\"}", "", "The body is not valid UTF-8."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseObject([]byte(tt.text))
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, domain.ErrInvalid)
			e := domain.AsError(err)
			require.Contains(t, e.Public, tt.want)
			require.Equal(t, tt.field, e.Field)
		})
	}
}

func TestObject(t *testing.T) {
	o, err := ParseObject([]byte(`{"none": null, "text": "x", "yes": true, "number": 7, "part": 7.5, "list": ["x", 1],
		"in": {"b": {"c": 1}}, "twice": {"b": 1, "b": 2}, "nul": "\u0000"}`))
	require.NoError(t, err)
	require.True(t, o.Has("text"))
	require.False(t, o.Has("none"))
	require.False(t, o.Has("Text"), "keys are exact")
	in, err := o.Object("in")
	require.NoError(t, err)
	require.True(t, in.Has("b"))

	field := func(err error) string { return domain.AsError(err).Field }
	_, err = o.Object("twice")
	require.Equal(t, "twice.b", field(err))
	_, err = o.Object("text")
	require.Equal(t, "text", field(err))
	_, err = o.Object("missing")
	require.Equal(t, "missing", field(err))
	require.NoError(t, o.Require("text", "number"))
	require.Equal(t, "none", field(o.Require("text", "none", "missing")))
	require.Equal(t, "missing", field(o.Require("missing")))
	require.NoError(t, in.RefuseUnknown("a", "b"))
	require.Equal(t, "in", field(o.RefuseUnknown("number", "text")))
}

func TestMembers(t *testing.T) {
	o, err := ParseObject([]byte(`{"text": "x", "number": 7, "none": null, "part": 1.5, "list": [7], "nul": "\u0000"}`))
	require.NoError(t, err)
	m := &Members{Object: o}
	require.Equal(t, "x", *Member[string](m, "text"))
	require.Equal(t, int64(7), *Member[int64](m, "number"))
	require.Equal(t, int64(7), Given[int64](m, "number"))
	for _, key := range []string{"none", "missing"} {
		require.Nil(t, Member[string](m, key))
		require.Empty(t, Given[string](m, key))
	}
	length := func(s string) (int, error) { return len(s), nil }
	require.Equal(t, 1, *Parsed(m, "text", length))
	require.Nil(t, Parsed(m, "none", length))
	m.Require("text", "number")
	m.Refuse("Leave this out.", "none", "missing")
	require.NoError(t, m.Err)

	refuse := func(string) (int, error) { return 0, domain.ErrInvalid.Saying("Never.") }
	for key, fail := range map[string]func(*Members){
		"Give a text without NUL. : nul":     func(m *Members) { Member[string](m, "nul") },
		"Give a text. : number":              func(m *Members) { Parsed(m, "number", length) },
		"Give one of true and false. : text": func(m *Members) { Member[bool](m, "text") },
		"Give a whole number. : part":        func(m *Members) { Given[int](m, "part") },
		"Give a list of texts. : list":       func(m *Members) { Member[[]string](m, "list") },
		"Never. : text":                      func(m *Members) { Parsed(m, "text", refuse) },
		"A value is required. : none":        func(m *Members) { m.Require("text", "none", "missing") },
		"Leave this out. : number":           func(m *Members) { m.Refuse("Leave this out.", "none", "number", "text") },
		"This is the first. : text":          func(m *Members) { m.Fail(domain.InvalidField("text", "This is the first.")) },
	} {
		t.Run(key, func(t *testing.T) {
			m := &Members{Object: o}
			fail(m)
			e := domain.AsError(m.Err)
			require.Equal(t, key, e.Public+" : "+e.Field)
			require.Nil(t, Member[string](m, "text"), "nothing is found after an error")
			m.Require("missing")
			m.Fail(domain.ErrInternal)
			require.Equal(t, key, e.Public+" : "+e.Field, "the first error stays")
			require.ErrorIs(t, m.Err, domain.ErrInvalid)
		})
	}
}

// FuzzObject holds that an object is accepted only if every reader of JSON agrees on it.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{`{"a": [1, {"b": "\u00e4"}], "": -0.0e+1}`, `{"a":1,"a":2}`, `{"a":1,}`, `{} {}`,
		`{"\ud800":1}`, "\xff", "[{}]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := ParseObject(bytes.Clone(text))
		var want map[string]json.RawMessage
		failed := json.Unmarshal(text, &want)
		if err != nil {
			e := domain.AsError(err)
			if e.Kind != domain.Invalid || !utf8.ValidString(e.Public) || !utf8.ValidString(e.Field) {
				t.Errorf("%v", err)
			}
			if failed == nil && want != nil && utf8.Valid(text) && e.Public != "Give this only once." {
				t.Errorf("refused: %v", err)
			}
			return
		}
		if failed != nil || !utf8.Valid(text) || len(o) != len(want) {
			t.Fatalf("%v: %v", o, failed)
		}
		for key, value := range want {
			if !bytes.Equal(o[key], value) {
				t.Errorf("%q is %s, not %s", key, o[key], value)
			}
		}
	})
}
