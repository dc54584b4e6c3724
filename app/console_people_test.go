package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// chosen returns what the buttons of a picker's answer would put into its field.
func chosen(t *testing.T, p page) []string {
	t.Helper()
	var values []string
	for _, n := range elements(t, p, "button") {
		if has(n, "data-choose") {
			values = append(values, attr(n, "data-choose"))
		}
	}
	return values
}

// TestPickersOfferWhatIsInReach holds what a picker finds, and that it finds nothing of others.
func TestPickersOfferWhatIsInReach(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		grace, user := r.visitAs(t, "grace.hopper"), r.visitAs(t, "alan.turing")
		admin := r.visitAs(t, "admin")
		for _, c := range []struct {
			by    *guest
			query string
			want  []string
		}{
			{grace, "kind=place&q=pro", []string{"/Acme/Prod"}},
			{grace, "kind=place&q=/Acme/pr", []string{"/Acme/Prod"}},
			{grace, "kind=place&q=glo", nil},
			{admin, "kind=place&q=glo", []string{"/Globex"}},
			{grace, "kind=person&q=hop", []string{"grace.hopper"}},
			{grace, "kind=person&q=", nil},
			{grace, "kind=group&q=us", []string{"/User"}},
			{grace, "kind=permission&q=user:del", []string{"user:delete"}},
			{user, "kind=person&q=grace", nil},
		} {
			p := c.by.get(t, "find?"+c.query)
			require.Equal(t, 200, p.status, p.text)
			require.Equal(t, c.want, chosen(t, p), c.query)
		}
		require.Equal(t, 404, grace.get(t, "find?kind=secret&q=a").status)
	})
}
