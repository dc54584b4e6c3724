package tenancy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence/storetest"
)

// newWorld returns a directory in which lead has the group Admin in Acme/Prod without
// Acme/Prod/West, and clerk the group Team, which gives user:read alone, in Acme/Prod.
func newWorld(t *testing.T) *storetest.World {
	w := storetest.NewWorld(t, storetest.SQLite(t))
	lead := w.NewUser("lead", "Acme/Prod", domain.RolePower, domain.AdminGroup)
	lead.Blocked = []domain.Grant{w.Grant("Acme/Prod/West")}
	_, err := w.Users.Insert(t.Context(), storetest.Everything(domain.UserCreate), lead, "")
	require.NoError(t, err)
	w.AddUser(t, "clerk", "Acme/Prod", domain.RolePower, w.Teams["Acme/Team"].ID)
	return w
}

// setActive closes or opens the environment with that alias path.
func setActive(t *testing.T, w *storetest.World, path string, active bool) {
	_, err := w.Environments.Update(t.Context(), storetest.Everything(domain.EnvironmentWrite), w.Places[path].ID,
		func(e *domain.Environment) error { e.Active = active; return nil })
	require.NoError(t, err)
}

// The role, the permissions and the places of a user must each be the giver's own.
func TestNobodyGivesMoreThanTheyHave(t *testing.T) {
	w := newWorld(t)
	setActive(t, w, "Acme/Prod/East", false)
	with := func(u domain.User, allowed, blocked string) domain.User {
		if allowed != "" {
			u.Allowed = append(u.Allowed, w.Grant(allowed))
		}
		if blocked != "" {
			u.Blocked = append(u.Blocked, w.Grant(blocked))
		}
		return u
	}
	team := w.Teams["Acme/Team"].ID
	for name, c := range map[string]struct {
		giver string
		given domain.User
		field string // that goes too far, empty for what may be given
	}{
		"a lower role":                     {"lead", w.NewUser("x", "Acme/Prod", domain.RoleUser, domain.UserGroup), ""},
		"the own role, below":              {"lead", w.NewUser("x", "Acme/Prod/East", domain.RolePower, domain.AdminGroup), ""},
		"a place that is inactive":         {"lead", with(w.NewUser("x", "Acme/Prod", domain.RoleUser, domain.UserGroup), "Acme/Prod/East", ""), ""},
		"a higher role":                    {"lead", w.NewUser("x", "Acme/Prod", domain.RoleOAdmin, domain.UserGroup), "role"},
		"the own group":                    {"clerk", w.NewUser("x", "Acme/Prod", domain.RoleUser, team), ""},
		"a group that has more":            {"clerk", w.NewUser("x", "Acme/Prod", domain.RoleUser, domain.UserGroup), "group"},
		"a home elsewhere":                 {"lead", w.NewUser("x", "Acme/Test", domain.RoleUser, domain.UserGroup), "envs"},
		"a home where the giver is not":    {"lead", w.NewUser("x", "Acme/Prod/West", domain.RoleUser, domain.UserGroup), "envs"},
		"an allowed environment elsewhere": {"lead", with(w.NewUser("x", "Acme/Prod", domain.RoleUser, domain.UserGroup), "Acme/Test", ""), "envs"},
		"all below, with what is blocked":  {"lead", w.NewUser("x", "Acme/Prod", domain.RolePower, domain.UserGroup), "envs"},
		"all below, blocked alike":         {"lead", with(w.NewUser("x", "Acme/Prod", domain.RolePower, domain.UserGroup), "", "Acme/Prod/West"), ""},
		"another organization":             {"acme.admin", with(w.NewUser("x", "Acme", domain.RoleOAdmin, domain.UserGroup), "Bolt/Prod", ""), "envs"},
		"a group of another organization":  {"root.admin", w.NewUser("x", "Acme", domain.RoleUser, w.Teams["Bolt/Team"].ID), "no such group"},
	} {
		t.Run(name, func(t *testing.T) {
			giver, err := w.Gate.Giver(t.Context(), w.As(t, c.giver), c.given.Organization)
			require.NoError(t, err)
			err = giver.MayGive(&c.given)
			switch c.field {
			case "":
				require.NoError(t, err)
			case "no such group":
				require.ErrorIs(t, err, domain.ErrGroupNotFound)
			default:
				require.ErrorIs(t, err, domain.ErrClimbing)
				require.Equal(t, c.field, domain.AsError(err).Field)
			}
		})
	}
}

func TestGroupsAndPlacesAreGivenBySomebodyWhoHasThem(t *testing.T) {
	w := newWorld(t)
	acme := w.Places["Acme"].Organization
	clerk, err := w.Gate.Giver(t.Context(), w.As(t, "clerk"), acme)
	require.NoError(t, err)
	require.NoError(t, clerk.MayGiveMask(domain.UserRead.Mask()))
	require.ErrorIs(t, clerk.MayGiveMask(domain.UserRead.Mask()|domain.UserCreate.Mask()), domain.ErrClimbing)

	lead, err := w.Gate.Giver(t.Context(), w.As(t, "lead"), acme)
	require.NoError(t, err)
	require.NoError(t, lead.MayGivePlaces(w.Places["Acme/Prod/East"].Path))
	for _, path := range []string{"Acme/Prod", "Acme/Prod/West", "Acme/Test", "Acme", "/"} {
		require.ErrorIs(t, lead.MayGivePlaces(w.Places[path].Path), domain.ErrForbidden, path)
	}
}

// A user is changed by somebody of a higher role; superUsers also change one another.
func TestHigherRolesChangeLowerOnes(t *testing.T) {
	w := newWorld(t)
	w.AddUser(t, "second.admin", "/", domain.RoleSuperUser, domain.RootGroup)
	inOrder := []string{"acme.user", "acme.power", "acme.admin", "root.admin"}
	for i, who := range inOrder {
		giver, err := w.Gate.Giver(t.Context(), w.As(t, who), w.Places["Acme"].Organization)
		require.NoError(t, err)
		for j, alias := range inOrder {
			u := w.People[alias]
			if j < i || who == "root.admin" {
				require.NoError(t, giver.MayChange(&u), "%s changes %s", who, alias)
			} else {
				require.ErrorIs(t, giver.MayChange(&u), domain.ErrHigherRole, "%s changes %s", who, alias)
			}
		}
	}
}
