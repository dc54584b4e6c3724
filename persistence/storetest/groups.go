package storetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence/db"
)

// Groups tests what the port of groups promises.
func Groups(t *testing.T, db *db.DB) {
	w := NewWorld(t, db)
	ctx := t.Context()
	all := Everything(domain.GroupWrite)
	acme := w.Places["Acme"].Organization
	insert := func(g domain.Group) (domain.Group, error) { return w.Groups.Insert(ctx, all, g) }

	t.Run("a group comes back as it was stored", func(t *testing.T) {
		g, err := insert(domain.Group{Organization: acme, Parent: w.Teams["Acme/Team"].ID, Alias: "Sub", Mask: domain.AllPermissions,
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
			_, err := w.Groups.Update(ctx, all, w.Teams["Acme/Team"].ID, func(g *domain.Group, _ domain.SuperUsers) error { g.Parent = parent; return nil })
			require.ErrorIs(t, err, domain.ErrGroupCycle)
		}
	})

	t.Run("a group has admins of its organization, up to a number", func(t *testing.T) {
		team, fine := w.Teams["Acme/Team"].ID, func(*domain.Group) error { return nil }
		add := func(alias string, check func(*domain.Group) error) error {
			return w.Groups.AddAdmin(ctx, all, team, w.keyOf(alias), check)
		}
		require.NoError(t, add("acme.user", fine))
		require.NoError(t, add("acme.user", fine), "again is nothing")
		require.ErrorIs(t, add("acme.power", func(*domain.Group) error { return domain.ErrForbidden }), domain.ErrForbidden)
		require.ErrorIs(t, add("bolt.user", fine), domain.ErrGroupAdminElsewhere)
		require.ErrorIs(t, w.Groups.AddAdmin(ctx, all, team, domain.UserKey{Organization: acme, User: 9999}, fine), domain.ErrUserNotFound)
		admins, err := w.Groups.Admins(ctx, w.Scope(t, "acme.power", domain.UserRead).Read(), []domain.GroupID{team})
		require.NoError(t, err)
		require.Equal(t, []domain.GroupMember{{Group: team, User: w.keyOf("acme.user"), Alias: "acme.user"}}, admins, "only who is in the scope")
		for i := range domain.MaxGroupAdmins - 2 { // beside the two there are
			alias := fmt.Sprintf("chief%d", i)
			w.AddUser(t, alias, "Acme/Prod", domain.RoleUser, domain.UserGroup)
			require.NoError(t, add(alias, fine))
		}
		require.ErrorIs(t, add("acme.power", fine), domain.ErrTooManyGroupAdmins)
		is, err := w.Groups.Administers(ctx, w.Scope(t, "acme.user", domain.GroupRead).Read(), team)
		require.NoError(t, err)
		require.True(t, is)
		require.NoError(t, w.Groups.RemoveAdmin(ctx, all, team, w.keyOf("acme.user"), fine))
		require.NoError(t, w.Groups.RemoveAdmin(ctx, all, team, w.keyOf("acme.user"), fine), "again is nothing")
		is, err = w.Groups.Administers(ctx, w.Scope(t, "acme.user", domain.GroupRead).Read(), team)
		require.NoError(t, err)
		require.False(t, is)
		require.NoError(t, w.Users.Delete(ctx, Everything(domain.UserDelete), w.People["chief0"].ID, noCheck))
		require.NotContains(t, w.Dump(t), fmt.Sprintf("group_admins organization_id=%d group_id=%d user_id=%d\n", acme, team, w.People["chief0"].ID))
	})

	t.Run("a change bumps the generation of its organization", func(t *testing.T) {
		before := w.As(t, "acme.user").Generation
		other := w.As(t, "bolt.user").Generation
		_, err := w.Groups.Update(ctx, all, w.Teams["Acme/Team"].ID, func(g *domain.Group, _ domain.SuperUsers) error { g.Mask = domain.AllPermissions; return nil })
		require.NoError(t, err)
		require.Greater(t, w.As(t, "acme.user").Generation, before)
		require.Equal(t, other, w.As(t, "bolt.user").Generation)
		root := w.As(t, "acme.user").RootGeneration
		_, err = w.Groups.Update(ctx, all, domain.UserGroup, func(g *domain.Group, _ domain.SuperUsers) error { g.Mask = domain.UserRead.Mask(); return nil })
		require.NoError(t, err)
		require.Greater(t, w.As(t, "acme.user").RootGeneration, root, "the root's groups are everybody's")
	})

	t.Run("a group that is used cannot be deleted", func(t *testing.T) {
		require.ErrorIs(t, w.Groups.Delete(ctx, all, w.Teams["Acme/Team"].ID), domain.ErrGroupNotEmpty, "a group below it")
		require.ErrorIs(t, w.Groups.Delete(ctx, all, domain.UserGroup), domain.ErrGroupNotEmpty, "members")
		require.NoError(t, w.Groups.Delete(ctx, all, w.Teams["Acme/Sub"].ID))
		require.ErrorIs(t, w.Groups.Delete(ctx, all, w.Teams["Acme/Sub"].ID), domain.ErrGroupNotFound)
	})
}
