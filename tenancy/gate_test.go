package tenancy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/storetest"
	"canopy/tenancy"
)

// What lies below an inactive environment is closed too, to whoever lives there and to
// whoever was allowed it, but not to a superUser.
func TestNothingIsOpenBelowAnInactiveEnvironment(t *testing.T) {
	w := newWorld(t)
	guest := w.NewUser("guest", "Bolt/Test", domain.RoleUser, domain.UserGroup)
	guest.Allowed = []domain.Grant{w.Grant("Acme/Prod/East")}
	_, err := w.Users.Insert(t.Context(), storetest.Everything(domain.UserCreate), guest, "")
	require.NoError(t, err)
	for alias, want := range map[string]error{
		"acme.user": domain.ErrEnvironmentNotFound, "acme.admin": domain.ErrEnvironmentNotFound, "guest": domain.ErrEnvironmentNotFound, "root.admin": nil,
	} {
		ask := func() error {
			_, err := w.Gate.Enter(t.Context(), w.As(t, alias), domain.EnvironmentRead, tenancy.At(w.Places["Acme/Prod/East"].Path))
			return err
		}
		require.NoError(t, ask(), alias)
		setActive(t, w, "Acme/Prod", false)
		if want == nil {
			require.NoError(t, ask(), alias)
		} else {
			require.ErrorIs(t, ask(), want, alias)
		}
		setActive(t, w, "Acme/Prod", true)
		require.NoError(t, ask(), alias)
	}
}

// An environment that is inactive from the beginning is closed to everybody who reaches the
// place above it, whatever was remembered of them: to the admin of an organization above,
// and to a guest of another one.
func TestAnEnvironmentCanBeginInactive(t *testing.T) {
	w := newWorld(t)
	guest := w.NewUser("guest", "Bolt/Test", domain.RoleUser, domain.UserGroup)
	guest.Allowed = []domain.Grant{w.Grant("Acme/Labs")}
	_, err := w.Users.Insert(t.Context(), storetest.Everything(domain.UserCreate), guest, "")
	require.NoError(t, err)
	labs := w.Places["Acme/Labs"]
	for name, begin := range map[string]func(domain.Environment) (domain.Environment, error){
		"made": func(e domain.Environment) (domain.Environment, error) {
			return w.Environments.Insert(t.Context(), storetest.Everything(domain.EnvironmentWrite), e)
		},
		"imported": func(e domain.Environment) (domain.Environment, error) {
			e.ID = 1000
			e.Hang(&labs)
			return e, persistence.NewDirectoryStore(w.DB).Write(t.Context(), storetest.Everything(domain.EnvironmentWrite), func(tx domain.DirectoryWriter) error {
				_, err := tx.PutEnvironment(nil, e, labs.Organization)
				return err
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, alias := range []string{"acme.admin", "guest"} {
				_, err := w.Gate.Enter(t.Context(), w.As(t, alias), domain.EnvironmentRead, tenancy.At(labs.Path))
				require.NoError(t, err, alias)
			}
			closed, err := begin(domain.Environment{Parent: labs.ID, Alias: name})
			require.NoError(t, err)
			for _, alias := range []string{"acme.admin", "guest"} {
				_, err := w.Gate.Enter(t.Context(), w.As(t, alias), domain.EnvironmentRead, tenancy.At(closed.Path))
				require.ErrorIs(t, err, domain.ErrEnvironmentNotFound, alias)
			}
		})
	}
}

// Members see the groups of their organization and of the root wherever in it they work,
// and none of an organization that is nested in theirs unless they reach it.
func TestGroupsOfNestedOrganizationsAreNotSeen(t *testing.T) {
	w := newWorld(t)
	w.AddGroup(t, "Acme/Labs", "Lab team")
	for alias, want := range map[string][]string{
		"acme.user": {"Root", "User", "Admin", "Team"}, "acme.power": {"Root", "User", "Admin", "Team"},
		"acme.labs": {"Root", "User", "Admin", "Lab team"}, "acme.admin": {"Root", "User", "Admin", "Team", "Lab team"},
	} {
		groups, err := w.Groups.List(t.Context(), w.Scope(t, alias, domain.GroupRead).Read())
		require.NoError(t, err)
		var names []string
		for _, g := range groups {
			names = append(names, g.Alias)
		}
		require.Equal(t, want, names, alias)
	}
}
