package persistence_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

// TestGroupMembers holds that the members of groups are the same however they are read: all whom
// somebody reaches, or group after group in pages of any size.
func TestGroupMembers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		w, ctx := storetest.NewWorld(t, db), t.Context()
		team := w.Teams["Acme/Team"].ID
		for i := range 23 {
			u := w.AddUser(t, fmt.Sprintf("m%02d", i), []string{"Acme/Prod", "Acme/Test", "Bolt/Prod"}[i%3], domain.RoleUser,
				domain.UserGroup)
			if i%3 < 2 && i%2 == 0 {
				_, err := w.Users.Update(ctx, storetest.Everything(domain.UserUpdate), u.Key(), "", func(u *domain.User) error {
					u.Groups = append(u.Groups, team)
					return nil
				})
				require.NoError(t, err)
			}
		}
		gone := w.AddUser(t, "gone", "Acme/Prod", domain.RoleUser, team)
		_, err := w.Users.Update(ctx, storetest.Everything(domain.UserUpdate), gone.Key(), "", func(u *domain.User) error {
			u.Archived = true
			return nil
		})
		require.NoError(t, err)
		asked := []domain.GroupID{team, domain.AdminGroup, w.Teams["Bolt/Team"].ID, domain.UserGroup}
		for _, who := range []string{"root.admin", "acme.admin", "acme.power", "acme.user", "bolt.admin"} {
			sc := w.Scope(t, who, domain.UserRead).Read()
			want := []domain.GroupMember{}
			for _, group := range asked {
				for _, u := range w.People {
					now, err := w.Users.Get(ctx, storetest.Everything(domain.UserRead).Read(), domain.UserRef{ID: u.ID})
					require.NoError(t, err)
					self, only := sc.Self()
					if reached := only && self.User == u.ID || !only && sc.Covers(now.HomePath); reached &&
						!now.Archived && slices.Contains(now.Groups, group) {
						want = append(want, domain.GroupMember{Group: group, User: now.Key(), Alias: now.Alias})
					}
				}
			}
			slices.SortFunc(want, func(a, b domain.GroupMember) int {
				return slices.Compare([]int{slices.Index(asked, a.Group), int(a.User.Organization), int(a.User.User)},
					[]int{slices.Index(asked, b.Group), int(b.User.Organization), int(b.User.User)})
			})
			for _, sizes := range [][2]int{{1000, 500}, {0, 1}, {0, 3}, {0, 500}} {
				got := []domain.GroupMember{}
				for m, err := range persistence.ReadingMembers(w.Groups, int64(sizes[0]), sizes[1]).Members(ctx, sc, asked) {
					require.NoError(t, err)
					got = append(got, m)
				}
				require.Equal(t, want, got, "%s, %v", who, sizes)
			}
			for _, few := range []int64{1000, 4, 0} {
				counts, err := persistence.ReadingMembers(w.Groups, few, 1).CountMembers(ctx, sc, asked)
				require.NoError(t, err)
				everybody, err := w.Users.Count(ctx, sc, domain.UserFilter{})
				require.NoError(t, err)
				for _, group := range asked {
					n, err := w.Users.Count(ctx, sc, domain.UserFilter{Group: group})
					require.NoError(t, err)
					got, about := counts[group], fmt.Sprintf("%s, %d, %d", who, group, few)
					switch whole := who == "root.admin"; {
					case everybody <= few:
						require.Equal(t, domain.Tally{N: n}, got, about)
					case whole && n > few:
						require.Equal(t, domain.Tally{N: few, More: true}, got, about)
					case whole:
						require.Equal(t, domain.Tally{N: n}, got, about)
					default: // at least so many
						require.LessOrEqual(t, got.N, min(n, few), about)
						require.True(t, got.More || got.N == n, about)
					}
				}
			}
		}
	})
}

// TestCountsOfMembersDependOnNobodyElse holds that what somebody is told of how many members groups have stays as it is
// when others whom they do not reach become members, in their own organization and elsewhere.
func TestCountsOfMembersDependOnNobodyElse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		w, ctx := storetest.NewWorld(t, db), t.Context()
		team := w.Teams["Acme/Team"].ID
		asked := []domain.GroupID{team, domain.UserGroup}
		for i := range 6 {
			w.AddUser(t, fmt.Sprint("m", i), "Acme/Prod", domain.RoleUser, asked[i%2])
		}
		who := w.Scope(t, "acme.power", domain.UserRead).Read()
		counts := func() (all []map[domain.GroupID]domain.Tally) {
			for _, few := range []int64{1000, 4, 1} {
				of, err := persistence.ReadingMembers(w.Groups, few, 1).CountMembers(ctx, who, asked)
				require.NoError(t, err)
				all = append(all, of)
			}
			return all
		}
		before := counts()
		for i := range 12 {
			place, group := "Acme/Test", team
			if i%2 == 1 {
				place, group = "Bolt/Prod", domain.UserGroup
			}
			u := w.AddUser(t, fmt.Sprint("n", i), place, domain.RoleUser, group)
			require.False(t, who.Covers(u.HomePath))
		}
		require.Equal(t, before, counts())
	})
}

// TestGroupsByAlias holds that groups are the same in the order of their aliases whether they are sorted or met in it.
func TestGroupsByAlias(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d *db.DB) {
		w, ctx := storetest.NewWorld(t, d), t.Context()
		for i := range 9 {
			_, err := w.InsertGroup(ctx, storetest.Everything(domain.GroupWrite), domain.Group{
				Organization: w.Places[[]string{"Acme", "Bolt", "Acme/Labs"}[i%3]].Organization, Parent: domain.UserGroup,
				Alias: fmt.Sprintf("%c%d", "zZa"[i/3], i), Description: []string{"", "x"}[i%2]})
			require.NoError(t, err)
		}
		for _, who := range []string{"root.admin", "acme.admin", "bolt.user"} {
			sc := w.Scope(t, who, domain.GroupRead).Read()
			for _, f := range []domain.GroupFilter{{}, {Descriptions: []string{"x"}}, {Aliases: []string{"z0", "User"}}} {
				for _, skip := range []int{0, 2} {
					want, all, err := w.Groups.ByAlias(ctx, sc, f, skip, 4)
					require.NoError(t, err)
					require.True(t, len(want) > 0 || f.Aliases != nil || f.Descriptions != nil, who)
					got, n, err := persistence.MeetingGroups(w.Groups).ByAlias(ctx, sc, f, skip, 4)
					require.NoError(t, err)
					require.Equal(t, want, got, "%s, %+v", who, f)
					require.Equal(t, all, n, "%s, %+v", who, f)
				}
			}
		}
	})
}
