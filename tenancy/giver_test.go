package tenancy_test

import (
	"maps"
	"slices"
	"strings"
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
		"a lower role": {"lead", w.NewUser("x", "Acme/Prod", domain.RoleUser, domain.UserGroup), ""},
		"the own role, below": {"lead", w.NewUser("x", "Acme/Prod/East", domain.RolePower, domain.AdminGroup),
			""},
		"a place that is inactive": {"lead",
			with(w.NewUser("x", "Acme/Prod", domain.RoleUser, domain.UserGroup), "Acme/Prod/East", ""), ""},
		"a higher role": {"lead", w.NewUser("x", "Acme/Prod", domain.RoleOAdmin, domain.UserGroup),
			"role"},
		"the own group": {"clerk", w.NewUser("x", "Acme/Prod", domain.RoleUser, team), ""},
		"a group that has more": {"clerk", w.NewUser("x", "Acme/Prod", domain.RoleUser, domain.UserGroup),
			"group"},
		"a home elsewhere": {"lead", w.NewUser("x", "Acme/Test", domain.RoleUser, domain.UserGroup),
			"allowed"},
		"a home where the giver is not": {"lead", w.NewUser("x", "Acme/Prod/West", domain.RoleUser, domain.UserGroup),
			"allowed"},
		"an allowed environment elsewhere": {"lead",
			with(w.NewUser("x", "Acme/Prod", domain.RoleUser, domain.UserGroup), "Acme/Test", ""), "allowed"},
		"all below, with what is blocked": {"lead", w.NewUser("x", "Acme/Prod", domain.RolePower, domain.UserGroup),
			"allowed"},
		"all below, blocked alike": {"lead",
			with(w.NewUser("x", "Acme/Prod", domain.RolePower, domain.UserGroup), "", "Acme/Prod/West"), ""},
		"another organization": {"acme.admin",
			with(w.NewUser("x", "Acme", domain.RoleOAdmin, domain.UserGroup), "Bolt/Prod", ""), "allowed"},
		"a group of another organization": {"root.admin", w.NewUser("x", "Acme", domain.RoleUser, w.Teams["Bolt/Team"].ID),
			"no such group"},
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

// Whoever has everything that somebody has may change them, and nobody else.
func TestWhatOneCouldGiveOneMayTakeAway(t *testing.T) {
	w := newWorld(t)
	setActive(t, w, "Acme/Prod/West", false)
	add := func(alias, home string, role domain.Role, group domain.GroupID, allowed, blocked string) {
		u := w.NewUser(alias, home, role, group)
		if allowed != "" {
			u.Allowed = []domain.Grant{w.Grant(allowed)}
		}
		if blocked != "" {
			u.Blocked = []domain.Grant{w.Grant(blocked)}
		}
		created, err := w.Users.Insert(t.Context(), storetest.Everything(domain.UserCreate), u, "")
		require.NoError(t, err)
		w.People[alias] = created
	}
	add("equal", "Acme/Prod/East", domain.RoleOAdmin, domain.AdminGroup, "", "")
	add("guest", "Acme/Test", domain.RoleUser, domain.UserGroup, "Bolt/Prod", "")
	add("half", "Acme", domain.RoleOAdmin, domain.AdminGroup, "", "Acme/Prod/West")
	add("narrow", "Acme", domain.RoleOAdmin, domain.UserGroup, "", "")
	add("second", "/", domain.RoleSuperUser, domain.RootGroup, "", "")
	everybody := slices.DeleteFunc(slices.Collect(maps.Keys(w.People)), func(alias string) bool {
		return strings.HasPrefix(alias, "bolt.") || strings.HasSuffix(alias, ".labs")
	})
	for who, may := range map[string]string{ // a space before and behind each name
		"root.admin": " " + strings.Join(everybody, " ") + " ",
		"second":     " " + strings.Join(everybody, " ") + " ",
		"acme.admin": " equal half narrow acme.power lead clerk acme.user ",
		"equal":      " acme.admin half narrow acme.power lead clerk acme.user ",
		"half":       " lead acme.user ",  // who is blocked from a place has not what is there, closed or not
		"narrow":     " clerk acme.user ", // without the administrative permissions
		"acme.power": " lead clerk acme.user ",
		"lead":       " acme.user ",
		"clerk":      " ",
	} {
		giver, err := w.Gate.Giver(t.Context(), w.As(t, who), w.Places["Acme"].Organization)
		require.NoError(t, err)
		for _, alias := range everybody {
			if alias == who {
				continue
			}
			u := w.People[alias]
			err := giver.MayChange(&u)
			if strings.Contains(may, " "+alias+" ") {
				require.NoError(t, err, "%s changes %s", who, alias)
			} else {
				require.ErrorIs(t, err, domain.ErrHasMore, "%s changes %s", who, alias)
			}
		}
	}
}

// A group is changed by who has the role and the permissions that its members have by it,
// whatever its own mask would give under another parent.
func TestAGroupIsChangedByWhoHasWhatItGives(t *testing.T) {
	w := newWorld(t)
	acme := w.Places["Acme"].Organization
	add := func(alias string, parent domain.GroupID, role domain.Role, mask domain.Mask) domain.Group {
		g, err := w.InsertGroup(t.Context(), storetest.Everything(domain.GroupWrite),
			domain.Group{Organization: acme, Parent: parent, Alias: alias, Role: role, Mask: mask})
		require.NoError(t, err)
		return g
	}
	wide := add("Wide", domain.RootGroup, 0, domain.AllPermissions)
	under := add("Under", w.Teams["Acme/Team"].ID, 0, domain.AllPermissions)
	raises := add("Raises", w.Teams["Acme/Team"].ID, domain.RoleOAdmin, 0)
	for who, may := range map[string][3]bool{
		"acme.admin": {true, true, true}, "acme.power": {true, true, false}, "clerk": {false, true, false},
		"acme.user": {false, true, false},
	} {
		giver, err := w.Gate.Giver(t.Context(), w.As(t, who), acme)
		require.NoError(t, err)
		for i, g := range []domain.Group{wide, under, raises} {
			if may[i] {
				require.NoError(t, giver.MayChangeGroup(&g), "%s changes %s", who, g.Alias)
			} else {
				require.ErrorIs(t, giver.MayChangeGroup(&g), domain.ErrGroupHasMore, "%s changes %s", who, g.Alias)
			}
		}
	}
}

// A group lifts to an admin only who could be one: in the root's organization somebody at home
// in the root, elsewhere anybody.
func TestAnAdminOfTheRootIsAtHomeThere(t *testing.T) {
	w := newWorld(t)
	w.AddEnvironment(t, "Office", false)
	w.AddEnvironment(t, "Office/Floor", false)
	lift, err := w.InsertGroup(t.Context(), storetest.Everything(domain.GroupWrite), domain.Group{
		Organization: domain.RootOrganization, Parent: domain.RootGroup, Alias: "Lift", Role: domain.RoleOAdmin,
		Mask: domain.AllPermissions})
	require.NoError(t, err)
	for alias, home := range map[string]string{"of.root": "/", "of.office": "Office", "of.east": "Acme/Prod/East"} {
		w.AddUser(t, alias, home, domain.RoleUser, lift.ID)
	}
	reaches := func(alias, place string) bool {
		may, err := w.Gate.Can(t.Context(), w.As(t, alias), domain.UserRead, w.Places[place].Path)
		require.NoError(t, err)
		return may
	}
	require.True(t, reaches("of.root", "Acme"), "an admin of the root")
	require.True(t, reaches("of.office", "Office/Floor"), "who acts as power")
	require.False(t, reaches("of.office", "/"))
	require.False(t, reaches("of.office", "Acme"))
	require.True(t, reaches("of.east", "Acme/Test"), "an admin of Acme")
	require.False(t, reaches("of.east", "Office"))

	for _, c := range []struct {
		role, acts domain.Role
		o          domain.OrganizationID
		home       domain.EnvironmentPath
	}{
		{domain.RoleOAdmin, domain.RoleOAdmin, domain.RootOrganization, domain.RootPath},
		{domain.RoleOAdmin, domain.RolePower, domain.RootOrganization, "/1/7/"},
		{domain.RoleOAdmin, domain.RoleOAdmin, 7, "/1/7/8/"},
		{domain.RoleSuperUser, domain.RoleSuperUser, domain.RootOrganization, "/1/7/"},
		{domain.RolePower, domain.RolePower, domain.RootOrganization, "/1/7/"},
		{domain.RoleUser, domain.RoleUser, domain.RootOrganization, "/1/7/"},
	} {
		require.Equal(t, c.acts, c.role.In(c.o, c.home))
	}
}
