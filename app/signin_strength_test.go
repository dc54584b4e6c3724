package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// having makes somebody of the demo one who has these kinds of factors.
func (r *running) having(t *testing.T, alias string, f domain.Factors) {
	t.Helper()
	r.exec(t, fmt.Sprintf("UPDATE users SET factors = %d WHERE alias = '%s'", f, alias))
}

func (r *running) exec(t *testing.T, statement string) {
	t.Helper()
	done, err := r.directory.DB.Writer().ExecContext(t.Context(), statement)
	require.NoError(t, err)
	n, err := done.RowsAffected()
	require.NoError(t, err)
	require.Positive(t, n, statement)
}

// numberIn returns the number of somebody whom the caller sees.
func numberIn(t *testing.T, c caller, login string) string {
	t.Helper()
	status, all := c.call(t, "GET", "/rest/users/"+login, "")
	require.Equal(t, 200, status)
	return fmt.Sprint(all.find(t, "data", "userid"))
}

// logins returns the login names that a page of the list of people shows.
func logins(t *testing.T, p page) []string {
	t.Helper()
	require.Equal(t, 200, p.status, p.text)
	var all []string
	for _, row := range rows(t, p) {
		all = append(all, row[1])
	}
	slices.Sort(all)
	return all
}

// TestPeopleAreFoundByTheirFactors holds that lists, of programs and of people, are narrowed by who has which factors,
// and say which.
func TestPeopleAreFoundByTheirFactors(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		r.having(t, "ada.lovelace", domain.PasskeyFactor)
		r.having(t, "alan.turing", domain.CodeFactor)
		r.having(t, "radia.perlman", domain.CodeFactor|domain.PasskeyFactor)
		r.having(t, "admin", domain.PasskeyFactor) // who is elsewhere
		g, caller := r.visitAs(t, "grace.hopper"), basicCaller(r.Address(), "grace.hopper", demoPassword)
		for _, login := range []string{"rob.pike", "ken.thompson"} {
			r.exec(t, "UPDATE users SET system = TRUE WHERE alias = '"+login+"'")
			_, made := caller.call(t, "POST", "/rest/users/"+numberIn(t, caller, login)+"/keys", `{"name":"nightly"}`)
			require.NotEmpty(t, made.find(t, "data", "id"))
			r.exec(t, fmt.Sprintf("UPDATE api_keys SET created_at = created_at - %d WHERE id = '%s'",
				100*24*time.Hour.Milliseconds(), made.find(t, "data", "id")))
		}
		r.exec(t, "UPDATE api_keys SET last_at = created_at + 8640000000 WHERE user_id = "+
			numberIn(t, caller, "ken.thompson"))
		everybody := logins(t, g.get(t, "people"))
		but := func(but ...string) []string {
			return slices.DeleteFunc(slices.Clone(everybody), func(login string) bool { return slices.Contains(but, login) })
		}
		for query, want := range map[string][]string{
			"factor=passkey": {"ada.lovelace", "radia.perlman"}, "factor=otp": {"alan.turing"},
			"weakerThan=none": everybody, "factor=none": but("ada.lovelace", "alan.turing", "radia.perlman"),
			"weakerThan=passkey": but("ada.lovelace", "radia.perlman"), "factor=passkey&weakerThan=otp": nil,
			"programs=true": {"ken.thompson", "rob.pike"}, "programs=false": but("ken.thompson", "rob.pike"),
			"oldKeys=true": {"rob.pike"}, "oldKeys=true&programs=false": nil,
		} {
			require.Equal(t, want, logins(t, g.get(t, "people?"+query)), query)
			status, all := caller.call(t, "GET", "/rest/users?"+query, "")
			require.Equal(t, 200, status)
			require.Len(t, all.find(t, "data"), len(want), query)
		}
		_, ada := caller.call(t, "GET", "/rest/users/ada.lovelace", "")
		require.Equal(t, []any{"passkey"}, ada.find(t, "data", "factors"))
		_, grace := caller.call(t, "GET", "/rest/users/grace.hopper", "")
		require.NotContains(t, grace.find(t, "data"), "factors", "an old client sees what it knows")
		page := g.get(t, linkTo(t, g.get(t, "people?factor=otp"), "alan.turing"))
		require.Contains(t, strings.Join(factsOf(t, page), "\n"), "One-time code")
	})
}
