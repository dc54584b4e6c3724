package persistence_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

// Those who are blocked at home are the same, and in the same order, whether a list meets them along blocks that are
// at their homes, above them or both, some at a time, or not.
func TestWhoIsBlockedAtHomeIsMetAlongBlocks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d *db.DB) {
		w, ctx := storetest.NewWorld(t, d), t.Context()
		for i := range 30 {
			home := []string{"Acme/Prod", "Acme/Test", "Acme/Labs/One", "Bolt/Prod"}[i%4]
			u := w.AddUser(t, fmt.Sprintf("b%02d", i), home, domain.RoleUser, domain.UserGroup)
			_, err := w.Users.Update(ctx, storetest.Everything(domain.UserUpdate), u.Key(), "", func(u *domain.User) error {
				for name, is := range map[string]bool{home: i%2 == 0, "Acme": i%7 < 2, "Bolt/Prod": i%3 == 0} {
					if e := w.Places[name]; is && (name == home || e.ID != u.Home) {
						u.Blocked = append(u.Blocked, domain.Grant{Environment: e.ID, Organization: e.Organization, Path: e.Path})
					}
				}
				return nil
			})
			require.NoError(t, err)
		}
		yes := true
		f := domain.UserFilter{BlockedHome: &yes}
		users := persistence.NewUserStore(d)
		for _, caller := range []string{"root.admin", "acme.admin", "acme.power"} {
			sc := w.Scope(t, caller, domain.UserRead).Read()
			kept, err := persistence.BuiltUsers(ctx, users, sc, f)
			require.NoError(t, err)
			require.Greater(t, len(kept), 3, caller)
			for _, found := range []int{0, 1, 5, 9, 12, 3000} {
				for _, size := range []int{1, 2, 5, 100} {
					got := paged(ctx, t, persistence.Patient(users, 1, found), sc, f, size)
					require.Equal(t, ordered(domain.TreeOrder, kept), aliases(got), "%s, %d of %d", caller, size, found)
				}
			}
		}
	})
}
