package persistence_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/faultdb"
	"canopy/persistence/storetest"
)

// TestDepartureGoesOn holds that an organization of many is out of everybody's reach with the first transaction, that
// what it has goes a part at a time, whatever stops it in between, and that the trail has everybody once, in the name
// of who asked for it.
func TestDepartureGoesOn(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			d, _, faults := watched(t, engine)
			w, ctx := storetest.NewWorld(t, d), t.Context()
			all := storetest.Everything(domain.OrganizationWrite)
			require.NoError(t, w.Environments.Purge(ctx, all, w.Places["Bolt/Labs"].Organization))
			crowd(t, d, 0, 350)
			bolt := w.Places["Bolt"]
			asked := w.Scope(t, "root.admin", domain.OrganizationWrite)
			require.NotEmpty(t, peopleOf(t, w, "root.admin", bolt.Organization))
			require.NoError(t, w.Environments.Shut(ctx, asked, bolt.Organization))

			for _, alias := range []string{"root.admin", "acme.admin"} {
				require.Empty(t, peopleOf(t, w, alias, bolt.Organization), alias)
			}
			again := w.Scope(t, "root.admin", domain.OrganizationWrite)
			require.ErrorIs(t, w.Environments.Shut(ctx, again, bolt.Organization), domain.ErrEnvironmentNotFound)
			_, err := w.Accounts.ByLogin(ctx, "bolt.admin")
			require.ErrorIs(t, err, domain.ErrUserNotFound)
			_, _, err = w.Accounts.BySession(ctx, w.SignIns["bolt.admin"].SessionKey, "")
			require.ErrorIs(t, err, domain.ErrSessionNotFound)
			_, err = w.Accounts.ByAPIKey(ctx, "key of bolt")
			require.ErrorIs(t, err, domain.ErrAPIKeyNotFound)

			store := persistence.NewStore(d)
			parts, stopped := 0, 0
			for ended := false; !ended; parts++ {
				done := faults.Follow(faultdb.Plan{Nth: 3 + 5*parts, Kind: faultdb.Broken})
				_, err := store.Depart(ctx, all, 0)
				if done().Failed {
					require.Error(t, err)
					stopped++
				}
				departing, err := store.Depart(ctx, all, 0)
				require.NoError(t, err)
				ended = departing == nil || departing.Ended
			}
			require.Greater(t, parts, 4)
			require.Greater(t, stopped, 2)
			departing, err := store.Depart(ctx, all, 0)
			require.NoError(t, err)
			require.Nil(t, departing)
			for _, table := range []string{"users", "environments", "organizations", "audit", "departures", "user_groups"} {
				require.Zero(t, count(t, d, fmt.Sprintf("%s WHERE organization_id = %d", table, bolt.Organization)), table)
			}
			require.Zero(t, count(t, d, fmt.Sprintf("user_environments WHERE environment_id = %d", bolt.ID)))
			const gone = "audit WHERE action = 'user:delete' AND target_name LIKE 'bolt.%' AND target_name <> 'bolt.labs'"
			require.EqualValues(t, 353, count(t, d, gone), "350 and three who were there before")
			require.EqualValues(t, 353, count(t, d, gone+" AND actor_alias = 'root.admin'"))
			_, err = w.Users.Insert(ctx, all, w.NewUser("bolt.admin", "Acme", domain.RoleUser, domain.UserGroup), "")
			require.NoError(t, err, "names are free again")
		})
	}
}

// peopleOf returns the users of an organization whom somebody sees.
func peopleOf(t *testing.T, w *storetest.World, alias string, o domain.OrganizationID) []domain.User {
	t.Helper()
	sc := w.Scope(t, alias, domain.UserRead).Read()
	found, _, err := w.Users.Newest(t.Context(), sc, domain.PeopleFilter{}, 0, domain.Page{Limit: 1000})
	require.NoError(t, err)
	return slices.DeleteFunc(found, func(u domain.User) bool { return u.Organization != o })
}

func count(t *testing.T, d *db.DB, from string) int64 {
	t.Helper()
	rows, err := d.QueryContext(t.Context(), "SELECT count(*) FROM "+from)
	n, err := db.Only(rows, err, db.Scalar[int64], domain.ErrInternal)
	require.NoError(t, err)
	return n
}
