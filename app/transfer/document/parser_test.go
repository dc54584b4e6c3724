package document

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every member of a record is among those that are read at once.
func TestMembersAreKnown(t *testing.T) {
	for record, known := range map[reflect.Type][]string{
		reflect.TypeFor[environmentJSON](): slices.Collect(maps.Keys(environmentMembers)),
		reflect.TypeFor[groupJSON]():       slices.Collect(maps.Keys(groupMembers)),
		reflect.TypeFor[userJSON]():        slices.Collect(maps.Keys(userMembers)),
	} {
		var names []string
		for i := range record.NumField() {
			name, _, _ := strings.Cut(record.Field(i).Tag.Get("json"), ",")
			names = append(names, name)
		}
		require.ElementsMatch(t, names, known)
	}
}

// The records of a document as it is written are read at once.
func TestRecordsAreReadAtOnce(t *testing.T) {
	for line := range strings.Lines(whole) {
		record, isRecord := strings.CutSuffix(strings.TrimRight(line, ",\n"), "}")
		if isRecord = isRecord && strings.HasPrefix(line, "{\"") && !strings.Contains(line, "null"); !isRecord {
			continue
		}
		record += "}"
		n := parse(new(parser), []byte(record), userMembers, new(userJSON)) +
			parse(new(parser), []byte(record), groupMembers, new(groupJSON)) +
			parse(new(parser), []byte(record), environmentMembers, new(environmentJSON))
		require.GreaterOrEqual(t, n, len(record), record)
	}
}

// FuzzRecord holds that what is read at once is read as encoding/json reads it.
func FuzzRecord(f *testing.F) {
	for line := range strings.Lines(whole) {
		f.Add(line)
	}
	for _, text := range []string{`{}`,
		` { "alias" : "\u00e4\ud83d\ude00\ud800\n" , "number" : -0 } x`,
		`{"alias":"a","alias":"b"}`,
		`{"groups":["a"],"groups":["b","c"]}`, `{"attributes":{"a":"1"},"attributes":{"b":"2"}}`, `{"alias":"\u0000"}`,
		`{"alias":null}`, `{"ALIAS":"a"}`, `{"number":01}`, `{"number":1.0}`, `{"number":1e2}`,
		`{"number":9223372036854775807}`,
		`{"number":-9223372036854775809}`, `{"active":truer}`, `{"active":tru`, `{"alias":"a",}`, `{"alias":"a"`,
		`{"groups":["a",]}`,
		"{\"alias\":\"a\nb\"}", `{"alias":"\`, `{"number":-}`, `{"number":1`, `{"envs":[],"envsbloque":[ ]}`, `[]`, `{"alias"}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		readsAsJSON(t, text, userMembers)
		readsAsJSON(t, text, groupMembers)
		readsAsJSON(t, text, environmentMembers)
	})
}

func readsAsJSON[T any](t *testing.T, text string, members known[T]) {
	t.Helper()
	text = strings.ToValidUTF8(text, "")
	var fast, slow T
	n := parse(new(parser), []byte(text), members, &fast)
	if n == 0 {
		return
	}
	require.NoError(t, json.Unmarshal([]byte(text[:n]), &slow), text)
	require.NoError(t, strict([]byte(text[:n]), &slow), text)
	require.False(t, hasNUL([]byte(text[:n])), text)
	require.Equal(t, slow, fast, text)
}
