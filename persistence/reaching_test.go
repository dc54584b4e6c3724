package persistence_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/persistence/faultdb"
	"canopy/persistence/storetest"
)

// TestWhoReachesReadsNobodyElsewhere holds that who reaches a place is found in as many statements with a hundred
// thousand people in another organization as with a hundred, who are all in a group of the root's whose members are
// admins, and that no statement walks them.
func TestWhoReachesReadsNobodyElsewhere(t *testing.T) {
	sizes := []int{100, 100_000}
	if testing.Short() {
		sizes = []int{100, 5_000}
	}
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			d, plain, faults := watched(t, engine)
			w := storetest.NewWorld(t, d)
			_, err := d.Writer().ExecContext(t.Context(), "UPDATE groups SET role = 3 WHERE id = 2")
			require.NoError(t, err)
			sc := storetest.Everything(domain.UserRead).Read()
			asked, there := 0, 0
			for _, size := range sizes {
				crowd(t, d, there, size)
				there = size
				done := faults.Follow(faultdb.Plan{})
				_, _, err := w.Users.Reaching(t.Context(), sc, w.Places["Acme/Prod"].Path, domain.Page{Limit: 50})
				statements := done().Statements
				require.NoError(t, err)
				if asked == 0 {
					asked = len(statements)
				}
				require.Len(t, statements, asked)
				for _, statement := range statements {
					l, err := storetest.LookAt(t.Context(), plain, statement)
					require.NoError(t, err)
					require.Less(t, l.Read, 3_000, "of %d people: %s", size, l.Plan) // few are read whole
				}
			}
		})
	}
}

// TestWhoReachesCountsOnce holds that somebody who is let in by several grants is one, on every page.
func TestWhoReachesCountsOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d *db.DB) {
		w, ctx := storetest.NewWorld(t, d), t.Context()
		at := w.Places["Acme/Prod"]
		var guests []domain.UserID
		for i := range 4 {
			u := w.AddUser(t, fmt.Sprintf("guest%d", i), "Bolt/Prod", domain.RoleUser, domain.UserGroup)
			_, err := w.Users.Update(ctx, storetest.Everything(domain.UserUpdate), u.Key(), "", func(u *domain.User) error {
				for _, name := range []string{"/", "Acme", "Acme/Prod"} {
					e := w.Places[name]
					u.Allowed = append(u.Allowed, domain.Grant{Organization: e.Organization, Environment: e.ID, Path: e.Path})
				}
				return nil
			})
			require.NoError(t, err)
			guests = append(guests, u.ID)
		}
		sc := w.Scope(t, "root.admin", domain.UserRead).Read()
		for _, limit := range []int{1, 2, 100} {
			var found []domain.UserID
			for page := (domain.Page{Limit: limit}); ; {
				users, next, err := w.Users.Reaching(ctx, sc, at.Path, page)
				require.NoError(t, err)
				for i := range users {
					if slices.Contains(guests, users[i].ID) {
						found = append(found, users[i].ID)
					}
				}
				if page.After = next; next == "" {
					break
				}
			}
			require.Equal(t, guests, found, "in pages of %d", limit)
		}
	})
}

// watched opens a database whose statements are told to faults.
func watched(t *testing.T, engine string) (d, plain *db.DB, faults *faultdb.Faults) {
	t.Helper()
	faults, err := faultdb.New(engine == "postgres")
	require.NoError(t, err)
	open := storetest.Fresh(t, engine)
	return open(db.Through(faults.Connector, faults.Hot)), open(), faults
}

// crowd adds people like bolt.user, the from-th to the to-th.
func crowd(t *testing.T, d *db.DB, from, to int) {
	t.Helper()
	for _, table := range []string{"users", "user_groups", "user_environments"} {
		rows, err := d.QueryContext(t.Context(), "SELECT * FROM "+table+" WHERE 1 = 0")
		require.NoError(t, err)
		columns, err := rows.Columns()
		require.NoError(t, err)
		require.NoError(t, rows.Close())
		values := make([]string, len(columns))
		for i, c := range columns {
			switch values[i] = "x." + c; c {
			case "id", "user_id":
				values[i] = "1000000 + s.n"
			case "uuid":
				values[i] = "'crowd-' || s.n"
			}
		}
		id := "x.user_id"
		if table == "users" {
			id = "x.id"
		}
		_, err = d.Writer().ExecContext(t.Context(), fmt.Sprintf(`WITH RECURSIVE s(n) AS (SELECT %d UNION ALL SELECT n + 1 FROM s
			WHERE n < %d) INSERT INTO %s (%s) SELECT %s FROM s, %s AS x
			JOIN users AS bolt ON bolt.alias = 'bolt.user' AND bolt.id < 1000000 AND bolt.organization_id = x.organization_id AND bolt.id = %s`,
			from+1, to, table, strings.Join(columns, ", "), strings.Join(values, ", "), table, id))
		require.NoError(t, err)
	}
	_, err := d.Writer().ExecContext(t.Context(), "ANALYZE")
	require.NoError(t, err)
}
