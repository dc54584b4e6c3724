package persistence_test

import (
	"strconv"
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
			people, _, err := users.Newest(ctx, sc, domain.PeopleFilter{}, 0, domain.Page{Limit: 1000})
			require.NoError(t, err)
			got, err := persistence.NewestPage(ctx, users, sc, nil, 0, 1000)
			require.NoError(t, err)
			require.Equal(t, people, got, who)
			for i := range people {
				got, err := persistence.NewestPage(ctx, users, sc, &people[i], 1, 2)
				require.NoError(t, err)
				rest := people[min(i+2, len(people)):]
				require.Equal(t, rest[:min(2, len(rest))], got, who)
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

// TestManyCuts holds that lists of whoever is blocked from many places are those of built statements, and that it is
// known where in them anybody is.
func TestManyCuts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d *db.DB) {
		w, ctx := storetest.NewWorld(t, d), t.Context()
		users, yes, no := persistence.NewUserStore(d), true, false
		var cuts []domain.Grant
		for i := range 80 {
			place := "Acme/Place" + strconv.Itoa(i)
			w.AddEnvironment(t, place, false)
			if i%2 == 0 {
				cuts = append(cuts, w.Grant(place))
			}
			for n := range i % 4 {
				w.AddUser(t, "cut."+strconv.Itoa(i)+"."+strconv.Itoa(n), place, domain.RoleUser, domain.UserGroup)
			}
		}
		for _, alias := range []string{"acme.admin", "root.admin"} {
			_, err := w.Users.Update(ctx, storetest.Everything(domain.UserUpdate), w.KeyOf(alias), "",
				func(u *domain.User) error {
					u.Blocked = cuts
					return nil
				})
			require.NoError(t, err)
		}
		for _, caller := range []string{"acme.admin", "root.admin", "acme.power"} {
			sc := w.Scope(t, caller, domain.UserRead).Read()
			all, err := persistence.BuiltUsers(ctx, users, sc, domain.UserFilter{})
			require.NoError(t, err)
			for behind := -1; behind < len(all); behind += 3 {
				var from *domain.User
				if behind >= 0 {
					from = &all[behind]
				}
				for _, n := range []int{1, 2, 7, 40, len(all) - behind - 1, len(all) - behind} {
					if n == 0 {
						continue
					}
					s := []*persistence.UserStore{users, persistence.Patient(users, 1, 0)}[n%2]
					path, id, found, err := persistence.NthUser(ctx, s, sc, from, n)
					require.NoError(t, err)
					require.Equal(t, behind+n < len(all), found, "%s, %d behind %d", caller, n, behind)
					if found {
						u := all[behind+n]
						require.Equal(t, u.HomePath, path, "%s, %d behind %d", caller, n, behind)
						require.Equal(t, u.ID, id, "%s, %d behind %d", caller, n, behind)
					}
				}
			}
			for _, f := range []domain.UserFilter{{}, {Part: "cut"}, {Part: "2"}, {Role: domain.RoleUser},
				{BlockedHome: &no}, {Connected: &no}, {Connected: &yes}} {
				kept, err := persistence.BuiltUsers(ctx, users, sc, f)
				require.NoError(t, err)
				for _, s := range []*persistence.UserStore{users, persistence.Patient(users, 1, 0)} {
					require.Equal(t, aliases(kept), aliases(paged(ctx, t, s, sc, f, 7)), "%s, %+v", caller, f)
				}
			}
		}
	})
}
