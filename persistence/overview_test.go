package persistence_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

// Where more people are unusual than are counted, the numbers are of the first people, who are as many as they say.
func TestOverviewsOfVeryMany(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d *db.DB) {
		w := storetest.NewWorld(t, d)
		for i := range 9 {
			u := w.NewUser(fmt.Sprint("many", i), "Acme", domain.RolePower, domain.UserGroup)
			_, err := w.Users.Insert(t.Context(), storetest.Everything(domain.UserCreate), u, "")
			require.NoError(t, err)
		}
		people := storetest.Everything(domain.UserRead).Read().Below(w.Places["Acme"].Path)
		all, _, err := w.Users.List(t.Context(), people, domain.UserFilter{}, domain.Page{})
		require.NoError(t, err)
		const most = 6
		want := domain.PeopleOverview{Looked: most}
		for _, u := range all[:most] {
			want.Roles[u.Role]++
			if u.Active {
				want.Active[u.State]++
			} else {
				want.Inactive[u.State]++
			}
		}
		got, err := persistence.CountingUnusual(persistence.NewOverviewStore(d), most).
			People(t.Context(), people, time.UnixMilli(1))
		require.NoError(t, err)
		got.NotConnected = domain.Tally{}
		require.Equal(t, want, got)
	})
}
