package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// Groups tests what the port of groups promises.
func Groups(t *testing.T, db *db.DB) {
	w := NewWorld(t, db)
	ctx := t.Context()
	all := Everything(domain.GroupWrite)
	acme := w.Places["Acme"].Organization
	insert := func(g domain.Group) (domain.Group, error) { return w.InsertGroup(ctx, all, g) }

	t.Run("a group comes back as it was stored", func(t *testing.T) {
		g, err := insert(domain.Group{Organization: acme, Parent: w.Teams["Acme/Team"].ID, Alias: "Sub",
			Mask: domain.AllPermissions,
			Role: domain.RolePower, RoleTitle: "editor", Description: "Those who edit"})
		require.NoError(t, err)
		read, err := w.Groups.Get(ctx, all.Read(), g.ID)
		require.NoError(t, err)
		require.Equal(t, g, read)
		read, err = w.Groups.ByUUID(ctx, all.Read(), g.UUID)
		require.NoError(t, err)
		require.Equal(t, g, read)
		w.Teams["Acme/Sub"] = g
	})

	t.Run("a search finds those of the list whose alias begins so, by alias", func(t *testing.T) {
		for _, sc := range []tenancy.Scope{all.Read(), all.Read().Below(w.Places["Acme"].Path)} {
			list, err := w.Groups.List(ctx, sc)
			require.NoError(t, err)
			for _, prefix := range []string{"", "tEA", "u", "%", "nothing"} {
				want := slices.DeleteFunc(slices.Clone(list), func(g domain.Group) bool {
					return !strings.HasPrefix(domain.Fold(g.Alias), domain.Fold(prefix))
				})
				slices.SortStableFunc(want, func(a, b domain.Group) int {
					return strings.Compare(domain.Fold(a.Alias), domain.Fold(b.Alias))
				})
				for _, n := range []int{1, 20} {
					got, err := w.Groups.Search(ctx, sc, prefix, n)
					require.NoError(t, err)
					require.Equal(t, want[:min(n, len(want))], got, prefix)
				}
			}
		}
	})

	t.Run("pages are the list in parts, for whoever reaches it", func(t *testing.T) {
		for _, sc := range groupScopes(t, w) {
			list, err := w.Groups.List(ctx, sc)
			require.NoError(t, err)
			for _, limit := range []int{1, 2, 100} {
				all := []domain.Group{}
				for p := (domain.Page{Limit: limit}); ; {
					some, next, err := w.Groups.Page(ctx, sc, p)
					require.NoError(t, err)
					require.LessOrEqual(t, len(some), limit)
					if all = append(all, some...); next == "" {
						break
					}
					p.After = next
				}
				require.Equal(t, list, all)
			}
			_, _, err = w.Groups.Page(ctx, sc, domain.Page{After: "users 1 /1/"})
			require.ErrorIs(t, err, domain.ErrCursor)
		}
	})

	t.Run("by alias there are those that a filter keeps, with how many they are", func(t *testing.T) {
		for _, sc := range groupScopes(t, w) {
			list, err := w.Groups.List(ctx, sc)
			require.NoError(t, err)
			since := w.Teams["Acme/Sub"].Created
			for _, f := range []domain.GroupFilter{{}, {Aliases: []string{"Team", "User"}}, {Aliases: []string{"team"}},
				{IDs: []domain.GroupID{domain.UserGroup, w.Teams["Acme/Team"].ID, 999}}, {Descriptions: []string{"Those who edit"}},
				{Since: since}, {Until: since}, {Matches: func(s string) bool { return strings.HasSuffix(s, "m") }},
				{Matches: func(s string) bool { return s > "S" }, Aliases: []string{"Sub", "Admin"}}} {
				want := slices.DeleteFunc(slices.Clone(list), func(g domain.Group) bool {
					return len(f.IDs) > 0 && !slices.Contains(f.IDs, g.ID) ||
						len(f.Aliases) > 0 && !slices.Contains(f.Aliases, g.Alias) ||
						len(f.Descriptions) > 0 && !slices.Contains(f.Descriptions, g.Description) ||
						g.Created.Before(f.Since) || !f.Until.IsZero() && !g.Created.Before(f.Until) ||
						f.Matches != nil && !f.Matches(g.Alias)
				})
				slices.SortStableFunc(want, func(a, b domain.Group) int { return strings.Compare(a.Alias, b.Alias) })
				for _, part := range [][2]int{{0, 0}, {0, 1}, {1, 2}, {100, 1}} {
					got, total, err := w.Groups.ByAlias(ctx, sc, f, part[0], part[1])
					require.NoError(t, err)
					some := want[min(part[0], len(want)):]
					if part[1] > 0 {
						some = some[:min(part[1], len(some))]
					}
					require.Equal(t, some, got, "%+v, %v", f, part)
					require.EqualValues(t, len(want), total, "%+v", f)
				}
			}
		}
	})

	t.Run("an alias is unique in its organization only", func(t *testing.T) {
		_, err := insert(domain.Group{Organization: acme, Parent: domain.UserGroup, Alias: "TEAM"})
		require.ErrorIs(t, err, domain.ErrGroupAliasTaken)
		_, err = insert(domain.Group{Organization: acme, Parent: domain.UserGroup, Alias: "User"})
		require.NoError(t, err, "the root's groups are of another organization")
	})

	t.Run("a parent is of the same organization or of the root", func(t *testing.T) {
		_, err := insert(domain.Group{Organization: acme, Parent: w.Teams["Bolt/Team"].ID, Alias: "X"})
		require.ErrorIs(t, err, domain.ErrGroupNotFound)
		_, err = insert(domain.Group{Organization: acme, Parent: 999, Alias: "X"})
		require.ErrorIs(t, err, domain.ErrGroupNotFound)
		_, err = insert(domain.Group{Organization: domain.RootOrganization, Parent: w.Teams["Acme/Team"].ID, Alias: "X"})
		require.ErrorIs(t, err, domain.ErrGroupNotFound)
		_, err = insert(domain.Group{Organization: 999, Parent: domain.UserGroup, Alias: "X"})
		require.ErrorIs(t, err, domain.ErrEnvironmentNotFound)
	})

	t.Run("a group cannot be moved below itself", func(t *testing.T) {
		for _, parent := range []domain.GroupID{w.Teams["Acme/Team"].ID, w.Teams["Acme/Sub"].ID} {
			_, err := w.UpdateGroup(ctx, all, w.Teams["Acme/Team"].ID, func(g *domain.Group) { g.Parent = parent })
			require.ErrorIs(t, err, domain.ErrGroupCycle)
		}
	})

	t.Run("a group has admins of its organization, up to a number", func(t *testing.T) {
		team := w.Teams["Acme/Team"].ID
		add := func(alias string) error { return w.AddGroupAdmin(ctx, all, team, w.KeyOf(alias)) }
		require.NoError(t, add("acme.user"))
		require.NoError(t, add("acme.user"), "again is nothing")
		require.ErrorIs(t, add("bolt.user"), domain.ErrGroupAdminElsewhere)
		require.ErrorIs(t, w.AddGroupAdmin(ctx, all, team, domain.UserKey{Organization: acme, User: 9999}),
			domain.ErrUserNotFound)
		admins, err := w.Groups.Admins(ctx, w.Scope(t, "acme.power", domain.UserRead).Read(), []domain.GroupID{team})
		require.NoError(t, err)
		require.Equal(t, []domain.GroupMember{{Group: team, User: w.KeyOf("acme.user"), Alias: "acme.user"}}, admins,
			"only who is in the scope")
		for i := range domain.MaxGroupAdmins - 2 { // beside the two there are
			alias := fmt.Sprintf("chief%d", i)
			w.AddUser(t, alias, "Acme/Prod", domain.RoleUser, domain.UserGroup)
			require.NoError(t, add(alias))
		}
		require.ErrorIs(t, add("acme.power"), domain.ErrTooManyGroupAdmins)
		is, err := w.Groups.Administers(ctx, w.Scope(t, "acme.user", domain.GroupRead).Read(), team)
		require.NoError(t, err)
		require.True(t, is)
		require.NoError(t, w.RemoveGroupAdmin(ctx, all, team, w.KeyOf("acme.user")))
		require.NoError(t, w.RemoveGroupAdmin(ctx, all, team, w.KeyOf("acme.user")), "again is nothing")
		is, err = w.Groups.Administers(ctx, w.Scope(t, "acme.user", domain.GroupRead).Read(), team)
		require.NoError(t, err)
		require.False(t, is)
		require.NoError(t, w.Users.Delete(ctx, Everything(domain.UserDelete), w.KeyOf("chief0")))
		require.NotContains(t, w.Dump(t), fmt.Sprintf("group_admins organization_id=%d group_id=%d user_id=%d\n", acme, team,
			w.People["chief0"].ID))
	})

	t.Run("a change bumps the generation of its organization", func(t *testing.T) {
		before := w.As(t, "acme.user").Generation
		other := w.As(t, "bolt.user").Generation
		_, err := w.UpdateGroup(ctx, all, w.Teams["Acme/Team"].ID, func(g *domain.Group) { g.Mask = domain.AllPermissions })
		require.NoError(t, err)
		require.Greater(t, w.As(t, "acme.user").Generation, before)
		require.Equal(t, other, w.As(t, "bolt.user").Generation)
		root := w.As(t, "acme.user").RootGeneration
		_, err = w.UpdateGroup(ctx, all, domain.UserGroup, func(g *domain.Group) { g.Mask = domain.UserRead.Mask() })
		require.NoError(t, err)
		require.Greater(t, w.As(t, "acme.user").RootGeneration, root, "the root's groups are everybody's")
	})

	t.Run("a group that is used cannot be deleted", func(t *testing.T) {
		require.ErrorIs(t, w.DeleteGroup(ctx, all, w.Teams["Acme/Team"].ID), domain.ErrGroupNotEmpty, "a group below it")
		require.ErrorIs(t, w.DeleteGroup(ctx, all, domain.UserGroup), domain.ErrGroupNotEmpty, "members")
		require.NoError(t, w.DeleteGroup(ctx, all, w.Teams["Acme/Sub"].ID))
		require.ErrorIs(t, w.DeleteGroup(ctx, all, w.Teams["Acme/Sub"].ID), domain.ErrGroupNotFound)
	})
}

// groupScopes returns scopes of groups: everything, what people of two organizations reach, and stretches of the tree.
func groupScopes(t *testing.T, w *World) []tenancy.Scope {
	t.Helper()
	all := Everything(domain.GroupRead).Read()
	return []tenancy.Scope{all, all.Below(w.Places["Acme"].Path), all.Below(w.Places["Bolt/Prod"].Path),
		w.Scope(t, "root.admin", domain.GroupRead).Read(), w.Scope(t, "acme.admin", domain.GroupRead).Read(),
		w.Scope(t, "bolt.user", domain.GroupRead).Read()}
}

// InsertGroup adds g in a transaction within scope.
func (w *World) InsertGroup(ctx context.Context, scope tenancy.WriteScope, g domain.Group) (domain.Group, error) {
	id, err := w.Store.NextGroup(ctx)
	if err != nil {
		return g, err
	}
	g.ID = id
	err = w.Store.Do(ctx, scope, func(tx *persistence.Tx) error { return tx.InsertGroup(&g) })
	return g, err
}

// UpdateGroup changes the group with that number in a transaction within scope.
func (w *World) UpdateGroup(ctx context.Context, scope tenancy.WriteScope, id domain.GroupID,
	change func(*domain.Group)) (after domain.Group, err error) {
	err = w.withGroup(ctx, scope, id, func(tx *persistence.Tx, before *domain.Group) error {
		after = *before
		change(&after)
		return tx.SaveGroup(before, &after)
	})
	return after, err
}

// DeleteGroup removes the group with that number in a transaction within scope.
func (w *World) DeleteGroup(ctx context.Context, scope tenancy.WriteScope, id domain.GroupID) error {
	return w.withGroup(ctx, scope, id, (*persistence.Tx).DeleteGroup)
}

// AddGroupAdmin makes a user an admin of the group with that number in a transaction within scope.
func (w *World) AddGroupAdmin(ctx context.Context, scope tenancy.WriteScope, id domain.GroupID,
	admin domain.UserKey) error {
	return w.withGroup(ctx, scope, id,
		func(tx *persistence.Tx, g *domain.Group) error { return tx.AddGroupAdmin(g, admin) })
}

// RemoveGroupAdmin takes AddGroupAdmin back.
func (w *World) RemoveGroupAdmin(ctx context.Context, scope tenancy.WriteScope, id domain.GroupID,
	admin domain.UserKey) error {
	return w.withGroup(ctx, scope, id,
		func(tx *persistence.Tx, g *domain.Group) error { return tx.RemoveGroupAdmin(g, admin) })
}

func (w *World) withGroup(ctx context.Context, scope tenancy.WriteScope, id domain.GroupID,
	work func(*persistence.Tx, *domain.Group) error) error {
	return w.Store.Do(ctx, scope, func(tx *persistence.Tx) error {
		g, err := tx.Group(id)
		if err != nil {
			return err
		}
		return work(tx, &g)
	})
}
