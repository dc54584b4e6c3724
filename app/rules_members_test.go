package app_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/directory"
	"canopy/app/objects"
	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

// staff is a directory with an organization Acme, its admin, who has all permissions, and
// somebody without any.
type staff struct {
	*testing.T
	d        *app.Directory
	accounts *persistence.AccountStore
}

func newStaff(t *testing.T, db *db.DB) *staff {
	s := &staff{T: t, d: openDirectory(t, db), accounts: persistence.NewAccountStore(db)}
	acme, yes := "Acme", true
	_, err := s.d.Environments.Create(t.Context(), s.as("admin"),
		directory.EnvironmentPatch{Alias: &acme, IsOrganization: &yes})
	require.NoError(t, err)
	s.add("admin", "ada", domain.RoleOAdmin, domain.AdminGroup)
	s.add("admin", "bob", domain.RoleUser, domain.UserGroup)
	return s
}

func (s *staff) as(alias string) domain.Principal {
	a, err := s.accounts.ByLogin(context.Background(), alias)
	require.NoError(s, err)
	return a.Principal
}

func (s *staff) add(who, alias string, role domain.Role, group domain.GroupID) domain.User {
	home, ref := domain.EnvironmentRef("Acme"), domain.GroupRef(domain.NumberRef(domain.EnvironmentID(group)))
	u, err := s.d.Users.Create(s.Context(), s.as(who),
		directory.UserPatch{Alias: &alias, FirstName: &alias, Home: &home, Role: &role, Group: &ref})
	require.NoError(s, err)
	return u.User
}

func (s *staff) group(who, alias string, role domain.Role) (directory.GroupDocument, error) {
	return s.d.Groups.Create(s.Context(), s.as(who), directory.GroupPatch{Alias: &alias, Role: &role})
}

func (s *staff) find(alias string) domain.User {
	u, err := s.d.Users.Get(s.Context(), s.as("admin"), directory.GetUser{User: domain.UserRef{Alias: alias}})
	require.NoError(s, err)
	return u.User
}

// mayCreate reports whether a user may create others where they are.
func (s *staff) mayCreate(alias string) bool {
	who := s.as(alias)
	may, err := s.d.Gate.Can(s.Context(), &who, domain.UserCreate, who.Home)
	require.NoError(s, err)
	return may
}

func TestAMemberActsWithTheHigherRole(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		admins, err := s.group("ada", "Admins", domain.RoleOAdmin)
		require.NoError(t, err)
		require.Equal(t, domain.AllPermissions, admins.Effective)
		bob, ann := s.find("bob"), s.add("ada", "ann", domain.RolePower, domain.AdminGroup)
		both := directory.GroupMembers{Group: domain.GroupRef(admins.UUID), Users: []domain.UserRef{{UUID: bob.UUID}}}

		require.False(t, s.mayCreate("bob"))
		require.NoError(t, s.d.Users.Join(t.Context(), s.as("admin"), both))
		require.True(t, s.mayCreate("bob"), "the group's role is higher than bob's")
		require.Equal(t, domain.RoleUser, s.find("bob").Role, "bob's own role is what it was")
		explained, err := s.d.Explain.Decision(t.Context(), s.as("bob"),
			directory.ExplainDecision{Permission: domain.UserCreate})
		require.NoError(t, err)
		require.Equal(t, domain.RoleOAdmin, explained.Role)

		phone := "1"
		_, err = s.d.Users.Update(t.Context(), s.as("ann"),
			directory.UpdateUser{User: domain.UserRef{ID: bob.ID}, UserPatch: directory.UserPatch{Phone: &phone}})
		require.ErrorIs(t, err, domain.ErrHasMore, "a power user does not change who acts as an admin")
		both.Users = []domain.UserRef{{UUID: ann.UUID}}
		require.ErrorIs(t, s.d.Users.Join(t.Context(), s.as("ann"), both), domain.ErrForbidden, "nobody raises themselves")
		joe := s.add("ann", "joe", domain.RoleUser, domain.UserGroup)
		both.Users = []domain.UserRef{{UUID: joe.UUID}}
		require.ErrorIs(t, s.d.Users.Join(t.Context(), s.as("ann"), both), domain.ErrClimbing, "nor anybody above themselves")

		both.Users = []domain.UserRef{{UUID: bob.UUID}}
		require.NoError(t, s.d.Users.Leave(t.Context(), s.as("admin"), both))
		require.False(t, s.mayCreate("bob"))
	})
}

func TestAGroupKeepsItsRole(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		_, err := s.group("ada", "Above", domain.RoleSuperUser)
		require.ErrorIs(t, err, domain.ErrClimbing)
		_, err = s.group("admin", "Super", domain.RoleSuperUser)
		require.Equal(t, domain.Invalid, domain.AsError(err).Kind, "a superUser is made one by one")
		editors, err := s.group("ada", "Editors", domain.RoleUser)
		require.NoError(t, err)
		role, same, name := domain.RoleOAdmin, domain.RoleUser, "Writers"
		_, err = s.d.Groups.Update(t.Context(), s.as("admin"),
			directory.UpdateGroup{Group: domain.GroupRef(editors.UUID), GroupPatch: directory.GroupPatch{Role: &role}})
		require.ErrorIs(t, err, domain.ErrGroupRole)
		changed, err := s.d.Groups.Update(t.Context(), s.as("ada"),
			directory.UpdateGroup{Group: domain.GroupRef(editors.UUID),
				GroupPatch: directory.GroupPatch{Role: &same, Alias: &name}})
		require.NoError(t, err)
		require.Equal(t, name, changed.Alias)
		require.NoError(t, s.d.Groups.Delete(t.Context(), s.as("ada"), directory.DeleteGroup{Group: domain.GroupRef(editors.UUID)}))
		_, err = s.d.Groups.Get(t.Context(), s.as("ada"), domain.GroupRef(editors.UUID))
		require.ErrorIs(t, err, domain.ErrGroupNotFound)
	})
}

// TestMemberships holds what becomes of the default group when others are named.
func TestMemberships(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		named := make(map[string]domain.GroupID)
		for _, alias := range []string{"X", "Y"} {
			g, err := s.group("ada", alias, 0)
			require.NoError(t, err)
			named[alias] = g.ID
		}
		x, y := named["X"], named["Y"]
		yes, no := true, false
		user, admin := domain.RoleUser, domain.RoleOAdmin
		for _, c := range []struct {
			title   string
			before  []domain.GroupID
			named   *[]domain.GroupRef
			standby *bool
			role    *domain.Role
			after   []domain.GroupID
		}{
			{"named ones come before the default one", []domain.GroupID{domain.UserGroup}, &[]domain.GroupRef{"Y", "X"}, nil,
				nil, []domain.GroupID{y, x, domain.UserGroup}},
			{"without the default one", []domain.GroupID{domain.UserGroup}, &[]domain.GroupRef{"X"}, &no, nil,
				[]domain.GroupID{x}},
			{"none is the default one", []domain.GroupID{x}, &[]domain.GroupRef{}, &no, nil, []domain.GroupID{domain.UserGroup}},
			{"who was not in it stays out", []domain.GroupID{x}, &[]domain.GroupRef{"Y"}, nil, nil, []domain.GroupID{y}},
			{"it can be named", []domain.GroupID{x}, &[]domain.GroupRef{"/User", "Y"}, nil, nil,
				[]domain.GroupID{y, domain.UserGroup}},
			{"it is added", []domain.GroupID{x}, nil, &yes, nil, []domain.GroupID{x, domain.UserGroup}},
			{"it follows the role up", []domain.GroupID{x, domain.UserGroup}, nil, nil, &admin,
				[]domain.GroupID{x, domain.AdminGroup}},
			{"it comes with a role that has another one", []domain.GroupID{x}, nil, nil, &admin,
				[]domain.GroupID{x, domain.AdminGroup}},
			{"unless that is not wanted", []domain.GroupID{x}, nil, &no, &admin, []domain.GroupID{x}},
			{"and down", []domain.GroupID{domain.AdminGroup}, nil, nil, &user, []domain.GroupID{domain.UserGroup}},
		} {
			bob := s.find("bob")
			role := domain.RoleUser
			if slices.Contains(c.before, domain.AdminGroup) {
				role = domain.RoleOAdmin
			}
			first, rest := domain.GroupRef(domain.NumberRef(domain.EnvironmentID(c.before[0]))), []domain.GroupRef{}
			for _, id := range c.before[1:] {
				rest = append(rest, domain.GroupRef(domain.NumberRef(domain.EnvironmentID(id))))
			}
			_, err := s.d.Users.Update(t.Context(), s.as("admin"), directory.UpdateUser{User: domain.UserRef{ID: bob.ID},
				UserPatch: directory.UserPatch{Role: &role, Group: &first, Groups: &rest}})
			require.NoError(t, err, c.title)
			changed, err := s.d.Users.Update(t.Context(), s.as("admin"),
				directory.UpdateUser{User: domain.UserRef{UUID: bob.UUID},
					UserPatch: directory.UserPatch{Whole: true, Role: c.role,
						Memberships: &directory.Memberships{Named: c.named, Default: c.standby}}})
			require.NoError(t, err, c.title)
			require.Equal(t, c.after, changed.Groups, c.title)
			for g := range changed.NamedGroups() {
				require.Contains(t, []domain.GroupID{x, y}, g.ID, c.title)
			}
		}
	})
}

func TestMembersAreChangedTogether(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		team, err := s.group("ada", "Team", 0)
		require.NoError(t, err)
		bob, ada := s.find("bob"), s.find("ada")
		join := func(ids ...domain.UUID) error {
			in := directory.GroupMembers{Group: domain.GroupRef(team.UUID)}
			for _, id := range ids {
				in.Users = append(in.Users, domain.UserRef{UUID: id})
			}
			return s.d.Users.Join(t.Context(), s.as("ada"), in)
		}
		require.ErrorIs(t, join(bob.UUID, s.find("admin").UUID), domain.ErrUserNotFound, "the superUser is out of reach")
		require.Equal(t, bob.Groups, s.find("bob").Groups)
		require.ErrorIs(t, join(bob.UUID, ada.UUID), domain.ErrForbidden, "one's own groups are for others to change")
		require.Equal(t, bob.Groups, s.find("bob").Groups)
		require.NoError(t, join(bob.UUID, bob.UUID))
		require.Equal(t, []domain.GroupID{team.ID, domain.UserGroup}, s.find("bob").Groups)
		require.NoError(t, join(bob.UUID))
		require.Equal(t, []domain.GroupID{team.ID, domain.UserGroup}, s.find("bob").Groups)
		many := make([]domain.UUID, 101)
		require.Equal(t, domain.Invalid, domain.AsError(join(many...)).Kind)
		require.NoError(t, s.d.Users.Leave(t.Context(), s.as("ada"),
			directory.GroupMembers{Group: domain.GroupRef(team.UUID), Users: []domain.UserRef{{UUID: bob.UUID}}}))
		require.Equal(t, []domain.GroupID{domain.UserGroup}, s.find("bob").Groups)
		require.NoError(t, s.d.Users.Delete(t.Context(), s.as("ada"), directory.DeleteUser{User: domain.UserRef{UUID: bob.UUID}}))
		require.ErrorIs(t, join(bob.UUID), domain.ErrUserNotFound)
	})
}

// TestObjectsAreHandedOverByUUID holds that people named by UUID are the ones it happens to.
func TestObjectsAreHandedOverByUUID(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		bob, ann := s.find("bob"), s.add("ada", "ann", domain.RoleUser, domain.UserGroup)
		o, err := s.d.Objects.Create(t.Context(), s.as("ada"),
			objects.NewObject{Kind: domain.KindObserver, Name: "Watch", Environment: "Acme",
				Owner: domain.UserRef{Alias: "bob"}})
		require.NoError(t, err)
		n, err := s.d.Objects.HandOverAll(t.Context(), s.as("ada"),
			objects.HandOverAll{From: domain.UserRef{UUID: bob.UUID}, To: domain.UserRef{UUID: ann.UUID}})
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		read, err := s.d.Objects.Get(t.Context(), s.as("ada"), domain.NumberedObject(o.ID))
		require.NoError(t, err)
		require.Equal(t, ann.Key(), read.Object.Owner)
	})
}

// Who is in a group is told of the whole reach, wherever the reader is at work.
func TestMembersAreThoseOfTheWholeReach(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		office, acme := "Office", domain.EnvironmentRef("Acme")
		_, err := s.d.Environments.Create(t.Context(), s.as("ada"), directory.EnvironmentPatch{Alias: &office, Parent: &acme})
		require.NoError(t, err)
		ada := s.as("ada")
		ada.Current = "Acme/Office"
		list, err := s.d.Users.Members(t.Context(), ada, directory.ListMembers{Group: "User"})
		require.NoError(t, err)
		var members []string
		for u, err := range list.Items {
			require.NoError(t, err)
			members = append(members, u.Alias)
		}
		require.Equal(t, []string{"bob"}, members)
	})
}

// An import finds whom the reader sees anywhere, wherever they are at work.
func TestImportsFindPeopleOfTheWholeReach(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		office, acme := "Office", domain.EnvironmentRef("Acme")
		_, err := s.d.Environments.Create(t.Context(), s.as("ada"), directory.EnvironmentPatch{Alias: &office, Parent: &acme})
		require.NoError(t, err)
		ada, phone := s.as("ada"), "7"
		ada.Current = "Acme/Office"
		report, err := s.d.Imports.Run(t.Context(), ada, directory.ImportUsers{DryRun: true,
			Rows: []directory.ImportRow{{Line: 2, UserPatch: directory.UserPatch{Alias: new("bob"), Phone: &phone}}}})
		require.NoError(t, err)
		require.Empty(t, report.Problems)
		require.Equal(t, 1, report.Updated)
	})
}
