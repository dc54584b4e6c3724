package persistence_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

// TestHotUsers holds that what the statements of text about users answer is what built ones do.
func TestHotUsers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d *db.DB) {
		w, ctx, yes := storetest.NewWorld(t, d), t.Context(), true
		users := persistence.NewUserStore(d)
		_, err := w.Users.Update(ctx, storetest.Everything(domain.UserUpdate), w.KeyOf("acme.user"), "",
			func(u *domain.User) error {
				u.Archived, u.ListsUsers, u.Claims = true, true, "ada@example.org"
				u.Blocked = []domain.Grant{{Environment: w.Places["Acme/Test"].ID, Organization: u.Organization,
					Path: w.Places["Acme/Test"].Path}}
				return nil
			})
		require.NoError(t, err)
		for _, who := range []string{"root.admin", "acme.admin", "acme.power", "acme.user", "bolt.admin"} {
			sc := w.Scope(t, who, domain.UserRead).Read()
			for _, f := range []domain.UserFilter{{}, {Role: domain.RoleUser}, {Active: &yes, Prefix: "acme"},
				{Group: domain.AdminGroup}, {Part: "me.u", Connected: new(bool)}, {BlockedHome: &yes},
				{AllowedOutside: new(bool)}} {
				want, err := persistence.BuiltUsers(ctx, users, sc, f)
				require.NoError(t, err)
				got, page := []domain.User{}, domain.Page{Limit: 2}
				for more := true; more; more = page.After != "" {
					some, next, err := users.List(ctx, sc, f, page)
					require.NoError(t, err)
					got, page.After = append(got, some...), next
				}
				require.Equal(t, want, got, "%s, %v", who, f)
			}
			all, err := persistence.BuiltUsers(ctx, users, sc, domain.UserFilter{})
			require.NoError(t, err)
			seen := make(map[string]domain.User)
			for _, u := range all {
				seen[u.Alias] = u
			}
			for alias, u := range w.People {
				for _, ref := range []domain.UserRef{{ID: u.ID}, {UUID: u.UUID}, {Alias: alias}} {
					got, err := users.Get(ctx, sc, ref)
					if want, sees := seen[alias]; sees {
						require.NoError(t, err)
						require.Equal(t, want, got)
					} else {
						require.ErrorIs(t, err, domain.ErrUserNotFound)
					}
				}
			}
		}
	})
}
