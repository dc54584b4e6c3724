package db_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
	"canopy/persistence/testdb"
	"canopy/tenancy"
)

func TestMain(m *testing.M) { testdb.Main(m) }

type environmentRow struct {
	bun.BaseModel `bun:"table:environments,alias:e"`

	OrganizationID int64 `bun:",pk"`
	ID             int64 `bun:",pk"`
	Path           string
	Alias          string
}

func (environmentRow) Within(sc tenancy.Scope) db.Predicate {
	return db.Placed(sc, "e.path", "e.organization_id")
}

func (r *environmentRow) AfterScanRow(ctx context.Context) error {
	return db.Weigh(ctx, 4, r.Path, r.Alias)
}

// What is added to a query with a scope narrows it, and a row outside is not found.
func TestQueriesStayInTheirScope(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d *db.DB) {
		w := storetest.NewWorld(t, d)
		acme, bolt := w.Places["Acme"], w.Places["Bolt"]
		mine := w.Scope(t, "acme.admin", domain.UserUpdate)
		var rows []environmentRow
		err := db.From(d, mine.Read(), &rows).WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where("e.id = ?", int64(acme.ID)).WhereOr("e.id = ?", int64(bolt.ID))
		}).Scan(t.Context())
		require.NoError(t, err)
		require.Len(t, rows, 1)
		require.Equal(t, "Acme", rows[0].Alias)

		for name, scope := range map[string]tenancy.WriteScope{"several organizations": mine,
			"one": w.Scope(t, "acme.power", domain.UserUpdate)} {
			err = d.Do(t.Context(), scope, func(tx *db.Tx) error {
				row, err := db.Locked[environmentRow](tx, "UPDATE", int64(w.Places["Acme/Prod"].ID), domain.ErrEnvironmentNotFound)
				require.NoError(t, err, name)
				require.Equal(t, "Prod", row.Alias, name)
				_, err = db.Locked[environmentRow](tx, "UPDATE", int64(bolt.ID), domain.ErrEnvironmentNotFound)
				return err
			})
			require.ErrorIs(t, err, domain.ErrEnvironmentNotFound, name)
		}
	})
}

// A page that weighs too much is read no further.
func TestRowsAreWeighedWhileTheyAreRead(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d *db.DB) {
		storetest.NewWorld(t, d)
		weight := &domain.Weight{Most: 150}
		var rows []environmentRow
		err := db.From(d, storetest.Everything(domain.EnvironmentRead).Read(), &rows).Order("e.path").
			Scan(domain.WithWeight(t.Context(), weight))
		require.ErrorIs(t, err, domain.ErrHeavy)
		require.Equal(t, 3, weight.Rows)
		require.Greater(t, weight.Read, weight.Most)
	})
}

// The alias of a row's table stands for it in changes, what is wrong with their number is an error, and
// something is told of a transaction only once it is committed.
func TestTransactions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d *db.DB) {
		w := storetest.NewWorld(t, d)
		prod := w.Places["Acme/Prod"]
		told, runs := 0, 0
		rename := func(alias string, fail error) error {
			return d.Do(t.Context(), storetest.Everything(domain.EnvironmentWrite), func(tx *db.Tx) error {
				runs++
				tx.AfterCommit(func() { told++ })
				row := &environmentRow{OrganizationID: int64(prod.Organization), ID: int64(prod.ID)}
				require.NoError(t, tx.One(tx.NewUpdate().Model(row).Set("alias = ? || substr(e.alias, 1, 2)", alias).WherePK(),
					domain.ErrChanged))
				require.NoError(t, tx.Run(tx.NewDelete().Model(row).Where("e.alias = 'nobody'")))
				row.ID = 9999
				require.ErrorIs(t, tx.One(tx.NewDelete().Model(row).WherePK(), domain.ErrChanged), domain.ErrChanged)
				return fail
			})
		}
		alias := func() string {
			var rows []environmentRow
			err := db.From(d, storetest.Everything(domain.EnvironmentRead).Read(), &rows).Where("e.id = ?", int64(prod.ID)).
				Scan(t.Context())
			row, err := db.First(rows, err, domain.ErrEnvironmentNotFound)
			require.NoError(t, err)
			return row.Alias
		}
		other := errors.New("other")
		require.ErrorIs(t, rename("A", other), other)
		require.Equal(t, "Prod", alias())
		require.Zero(t, told)
		require.NoError(t, rename("A", nil))
		require.Equal(t, "APr", alias())
		require.Equal(t, []int{1, 2}, []int{told, runs})
	})
}

func TestPackedValues(t *testing.T) {
	v := db.Unpack(strings.Join([]string{"7", "", "t", "1", "f"}, db.Separator))
	require.Equal(t, int64(7), v.Number())
	require.Equal(t, "", v.Text())
	require.True(t, v.Flag())
	require.True(t, v.Flag())
	require.ErrorIs(t, v.End(), domain.ErrInternal, "one is left")
	require.False(t, v.Flag())
	require.NoError(t, v.End())
	require.Equal(t, "", v.Text())
	require.ErrorIs(t, v.End(), domain.ErrInternal, "one too many was read")
	v = db.Unpack("x")
	v.Number()
	require.ErrorIs(t, v.End(), domain.ErrInternal, "no number")
}
