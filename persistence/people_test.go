package persistence_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
	"canopy/tenancy"
)

// TestReadsOfAReachInPieces holds that what is read, sorted, counted and found of a reach is the people in it, however
// many places are cut out of it: whole organizations, a few places of one, or so many that no index serves each.
func TestReadsOfAReachInPieces(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d *db.DB) {
		w, ctx := storetest.NewWorld(t, d), t.Context()
		everything := storetest.Everything(domain.UserUpdate)
		var every, some []domain.Grant
		for i := range 80 {
			name := fmt.Sprintf("Acme/Prod/Lot%d", i)
			w.AddEnvironment(t, name, false)
			if i%20 == 1 {
				some = append(some, w.Grant(name))
			}
			if i%2 == 1 {
				every = append(every, w.Grant(name))
			}
			if i < 8 {
				u := w.AddUser(t, fmt.Sprintf("lot%d", 7-i), name, domain.RoleUser, domain.UserGroup)
				if i > 5 {
					_, err := w.Users.Update(ctx, everything, u.Key(), "", func(u *domain.User) error {
						u.Archived = true
						return nil
					})
					require.NoError(t, err)
				}
			}
		}
		all, _, err := w.Users.List(ctx, everything.Read(), domain.UserFilter{}, domain.Page{Limit: 1000})
		require.NoError(t, err)
		cases := []tenancy.Scope{everything.Read(), everything.Read().Below(w.Places["Acme/Prod"].Path)}
		for _, alias := range []string{"root.admin", "acme.admin", "acme.power", "bolt.admin"} {
			for _, blocked := range [][]domain.Grant{nil, some, every, append(some[:1:1], w.Grant("Acme/Labs"), w.Grant("Bolt"))} {
				_, err := w.Users.Update(ctx, everything, w.KeyOf(alias), "", func(u *domain.User) error {
					u.Blocked = blocked
					return nil
				})
				require.NoError(t, err)
				cases = append(cases, w.Scope(t, alias, domain.UserRead).Read())
			}
		}
		_, err = w.Users.Update(ctx, everything, w.KeyOf("bolt.power"), "", func(u *domain.User) error {
			u.Allowed = append(slices.Clone(every), w.Grant("Acme/Labs"))
			u.Blocked = []domain.Grant{w.Grant("Acme/Prod/Lot1"), w.Grant("Bolt/Prod/East")}
			return nil
		})
		require.NoError(t, err)
		cases = append(cases, w.Scope(t, "bolt.power", domain.UserRead).Read())
		for i, sc := range cases {
			reached, people := []string{}, []string{}
			for _, u := range all {
				if sc.Covers(u.HomePath) {
					reached = append(reached, u.Alias)
					if !u.Archived {
						people = append(people, u.Alias)
					}
				}
				got, err := w.Users.Get(ctx, sc, domain.UserRef{Alias: u.Alias})
				if sc.Covers(u.HomePath) {
					require.NoError(t, err, "%d: %s", i, u.Alias)
					require.Equal(t, u.Key(), got.Key())
				} else {
					require.ErrorIs(t, err, domain.ErrUserNotFound, "%d: %s", i, u.Alias)
				}
			}
			slices.Sort(reached)
			sorted, _, err := w.Users.List(ctx, sc, domain.UserFilter{Order: domain.AliasOrder}, domain.Page{Limit: 1000})
			require.NoError(t, err)
			require.Equal(t, reached, aliases(sorted), "%d: sorted", i)
			named, _, err := w.Users.Newest(ctx, sc, domain.PeopleFilter{Aliases: []string{"lot1", "lot2", "lot6", "nobody"}},
				0, domain.Page{})
			require.NoError(t, err)
			slices.SortFunc(named, func(a, b domain.User) int { return cmp.Compare(a.Alias, b.Alias) })
			require.Equal(t, slices.DeleteFunc(slices.Clone(reached), func(alias string) bool {
				return !slices.Contains(people, alias) || alias != "lot1" && alias != "lot2" && alias != "lot6"
			}), aliases(named), "%d: named", i)
			n, err := w.Users.Count(ctx, sc, domain.UserFilter{})
			require.NoError(t, err)
			require.EqualValues(t, len(reached), n, "%d: counted", i)
			kept, total, err := w.Users.Totals(ctx, sc, domain.UserFilter{Prefix: "lot"})
			require.NoError(t, err)
			require.True(t, total == n && kept.N <= n, "%d: %d of %d", i, kept.N, total)
			n, err = w.Users.CountPeople(ctx, sc, domain.PeopleFilter{})
			require.NoError(t, err)
			require.EqualValues(t, len(people), n, "%d: people counted", i)
		}
	})
}
