package app_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/cmd/check/requests"
	"canopy/persistence/db"
	"canopy/persistence/faultdb"
	"canopy/persistence/skewed"
	"canopy/persistence/storetest"
)

// mostRead is how much one statement may read where there are twenty thousand people: a page of fifty reads a few
// hundred rows or pages, and whoever walks a scope reads several thousand.
const mostRead = 2000

// A bound is how much a statement may read of a request that reads more where a reach is large, and why it does. It is
// a bit more than it was when it was written: no request is without any.
type bound struct {
	most int
	why  string
}

var (
	found  = bound{9000, "looks at 3,000 people whom an index finds"}
	levels = bound{6000, "adds up what lies below each child"}
	look   = bound{30_000, "counts 1,000 people of each kind, and adds up places"}
	each   = bound{38_000, "counts 1,000 members of each group"}
)

// bounded are the requests whose statements may read more than mostRead.
var bounded = map[string]bound{
	"audit":                         {2500, "tells of fifty actors whether they may be named"},
	"audit, actor":                  {5000, "tells of 448 actors whether they may be named"},
	"axway ne role":                 found,
	"axway ne role and state":       {3000, "looks at all who have not the usual role and account"},
	"children with counts":          levels,
	"console find person":           {3000, "looks at 3,000 people whom an index finds"},
	"console groups":                each,
	"console home":                  look,
	"console people, search, many":  found,
	"console place":                 levels,
	"console tree":                  levels,
	"contents":                      {5000, "counts up to 100,000 environments"},
	"groups with counts":            each,
	"overview":                      look,
	"tat groups":                    {5500, "looks at a page of the members of each group"},
	"tat users, skip":               {3000, "reads past 1,000 people"},
	"users, acts as oadmin, total":  {34_000, "looks at 3,000 people whom an index finds, and their groups"},
	"users, acts as power":          {34_000, "looks at 3,000 people whom an index finds, and their groups"},
	"users, blocked anywhere":       {11_000, "looks at 3,000 people whom an index finds"},
	"users, group of few":           {17_000, "looks at 3,000 people whom an index finds"},
	"users, group of most, total":   {50_000, "counts up to 10,000 people"},
	"users, inactive":               found,
	"users, kept out by a demand":   {39_000, "counts up to 10,000 people, and looks at their groups"},
	"users, kept out by a provider": {30_000, "counts up to 10,000 people, and looks at their links"},
	"users, never connected, total": {17_500, "counts up to 10,000 people"},
	"users, q, sort alias":          {3000, "looks at 3,000 people whom an index finds"},
	"users, q, many":                found,
	"users, q, total":               {3000, "counts up to 10,000 people"},
	"users, q=~, many":              found,
	"users, q=~, total":             {7000, "counts up to 10,000 people"},
	"users, role oadmin, total":     {4500, "counts up to 10,000 people"},
	"users, role power":             found,
	"users, sort -userid":           {20_000, "walks past organizations that came later, on PostgreSQL"},
	"users, state invited":          found,
	"users, usable, total":          {20_500, "counts up to 10,000 people"},
	"uses of a group":               each,
}

// byKey are the requests that name one thing: no statement of theirs walks the places of a scope to find it.
var byKey = []string{"user by alias", "user by number", "user that is not there", "user outside", "me",
	"environment by alias", "environment", "group", "object", "axway user", "axway currentuser", "axway eq loginName",
	"tellius user", "tat me", "console person", "explain"}

// walk is a step of SQLite that reads the people or places of a stretch of the tree.
var walk = regexp.MustCompile(`(SEARCH|SCAN) [ue] USING .*_(path_idx|id_idx|environments_\d) \(.*path>\?`)

// TestPlans looks at how both engines answer the statements of each request, in a directory where organizations are
// of very different size, for people of very different reach. SQLite is asked as it is in life, where nobody has
// analyzed it, and analyzed.
func TestPlans(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			open := storetest.Fresh(t, engine)
			plain := open()
			cfg := testConfig(t)
			_, err := app.Begin(t.Context(), &cfg, plain)
			require.NoError(t, err)
			size := skewed.Directory{Organizations: 200, Environments: 4000, Users: 20_000, Blocks: 100}
			require.NoError(t, size.Fill(t.Context(), plain))
			faults, err := faultdb.New(engine == "postgres")
			require.NoError(t, err)
			_, address := serveFor(t, open(db.Through(faults.Connector, faults.Hot)), nil)
			all := statementsOf(t, faults, address)
			require.Greater(t, len(all), 200)
			lookAt(t, plain, all)
			if engine == "sqlite" {
				_, err := plain.Writer().ExecContext(t.Context(), "ANALYZE")
				require.NoError(t, err)
				lookAt(t, open(), all)
			}
		})
	}
}

// asked is a statement that a request of somebody sent.
type asked struct {
	request, reach, statement string
	values                    []any
}

// statementsOf sends each request as people of different reach, and returns the statements that read for it.
func statementsOf(t *testing.T, faults *faultdb.Faults, address string) (all []asked) {
	t.Helper()
	seen := make(map[string]bool)
	for _, reach := range requests.Reaches {
		v, err := requests.Visit(address, reach.Login, testPassword)
		require.NoError(t, err)
		for i := range requests.All {
			r := &requests.All[i]
			done := faults.Follow(faultdb.Plan{})
			status, _, err := v.Ask(r)
			followed := done()
			require.NoError(t, err, r.Name)
			require.Less(t, status, 500, "%s for %s", r.Name, reach.Name)
			for i, statement := range followed.Statements {
				values := followed.Values[i]
				if values == nil || !strings.HasPrefix(statement, "SELECT") && !strings.HasPrefix(statement, "WITH") {
					continue
				}
				if key := fmt.Sprint(statement, values); !seen[key] {
					seen[key] = true
					all = append(all, asked{r.Name, reach.Name, statement, values})
				}
			}
		}
	}
	return all
}

// lookAt fails for each statement that reads too much.
func lookAt(t *testing.T, d *db.DB, all []asked) {
	t.Helper()
	for _, a := range all {
		l, err := storetest.LookAt(t.Context(), d, a.statement, a.values...)
		require.NoError(t, err, "%s: %s %v", a.request, a.statement, a.values)
		if slices.Contains(byKey, a.request) {
			require.NotRegexp(t, walk, l.Plan, "%s for %q: %s", a.request, a.reach, a.statement)
		}
		b, more := bounded[a.request]
		if !more {
			b = bound{mostRead, "reads a page"}
		}
		if l.Read > b.most {
			t.Errorf("%q for %q %s, and reads %d instead of %d: %s %v\n%s", a.request, a.reach, b.why, l.Read, b.most,
				a.statement, a.values, l.Plan)
		}
	}
}
