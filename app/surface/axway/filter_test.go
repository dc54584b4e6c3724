package axway

import (
	"strings"
	"testing"

	"canopy/app/httpx"
	"canopy/domain"
)

// TestEveryFieldWithEveryOperation holds which comparisons the document's fields have.
func TestEveryFieldWithEveryOperation(t *testing.T) {
	text := []string{"description", "email", "mobile", "name", "loginName", "phone", "surname"}
	values := map[string]string{"enabled": "enabled", "role": "user", "state": "approved", "createdOn": "1", "orgid": "x",
		"appid": "x", "apiid": "x"}
	for field := range userFields {
		for op := range comparisons {
			value := values[field]
			ordered := field == "createdOn" || value == ""
			want := op == "eq" || op == "ne" || ordered && !(op == "like" && field == "createdOn")
			if op == "gete" {
				value += "," + value
				want = ordered
			}
			cs, err := parseFilter([]httpx.Pair{{Name: "field", Value: field}, {Name: "op", Value: op},
				{Name: "value", Value: value}}, userFields)
			if (err == nil) != want {
				t.Errorf("%s %s %q: %v", field, op, value, err)
			}
			if err == nil {
				f := domain.UserFilter{Conditions: cs}
				if err := f.Validate(); err != nil {
					t.Errorf("%s %s %q: %v", field, op, value, err)
				}
			}
		}
	}
	if len(userFields) != len(text)+len(values) {
		t.Errorf("%d fields", len(userFields))
	}
}

// FuzzParseFilter holds that a filter that is read is one that the domain takes.
func FuzzParseFilter(f *testing.F) {
	f.Add("field=name&op=eq&value=x&lop=OR")
	f.Add("field=createdOn&op=gete&value=1,2&field=role&op=ne&value=user")
	f.Add("field=name&op=like&value='%_\\")
	f.Add("")
	f.Fuzz(func(t *testing.T, query string) {
		var pairs []httpx.Pair
		for pair := range strings.SplitSeq(query, "&") {
			name, value, _ := strings.Cut(pair, "=")
			pairs = append(pairs, httpx.Pair{Name: name, Value: value})
		}
		cs, err := parseFilter(pairs, userFields)
		if err != nil {
			if domain.AsError(err).Kind != domain.Invalid || domain.AsError(err).Field == "" {
				t.Errorf("%q: %v", query, err)
			}
			return
		}
		filter := domain.UserFilter{Conditions: cs}
		if err := filter.Validate(); err != nil {
			t.Errorf("%q: %v", query, err)
		}
	})
}
