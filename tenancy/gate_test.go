package tenancy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/storetest"
	"canopy/rbac"
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
		"acme.user": domain.ErrEnvironmentNotFound, "acme.admin": domain.ErrEnvironmentNotFound,
		"guest": domain.ErrEnvironmentNotFound, "root.admin": nil,
	} {
		ask := func() error {
			_, err := w.Gate.Enter(t.Context(), w.As(t, alias), domain.EnvironmentRead,
				tenancy.At(w.Places["Acme/Prod/East"].Path))
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
			return e, persistence.NewDirectoryStore(w.DB).
				Write(t.Context(), storetest.Everything(domain.EnvironmentWrite), func(tx *persistence.DirectoryTx) error {
					return tx.InsertEnvironments([]domain.PlacedEnvironment{{Environment: e, Above: labs.Organization}})
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

// What somebody read by number is remembered for their organization; others of it who do not
// reach the environment are not shown it.
func TestWhatIsRememberedIsShownInTheReachOnly(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"Acme/Test", "Acme/Prod/West"} {
		ref := domain.NumberRef(w.Places[path].ID)
		for range 2 {
			_, err := w.Gate.Environment(t.Context(), w.As(t, "acme.admin"), ref)
			require.NoError(t, err)
			_, err = w.Gate.Environment(t.Context(), w.As(t, "lead"), ref)
			require.ErrorIs(t, err, domain.ErrEnvironmentNotFound, path)
		}
	}
}

// A user who lives outside the reach does not exist, whatever is to be done with them.
func TestUsersOutsideTheReachAreNotFound(t *testing.T) {
	w := newWorld(t)
	for alias, want := range map[string]error{"acme.user": nil, "acme.admin": domain.ErrUserNotFound,
		"bolt.user": domain.ErrUserNotFound, "acme.labs": domain.ErrUserNotFound} {
		u := w.People[alias]
		_, err := w.Gate.EnterUser(t.Context(), w.As(t, "acme.power"), domain.UserUpdate, &u)
		if want == nil {
			require.NoError(t, err, alias)
		} else {
			require.ErrorIs(t, err, want, alias)
		}
	}
}

// Decisions follow every change that they were computed from.
func TestDecisionsFollowChanges(t *testing.T) {
	w := newWorld(t)
	prod := w.Places["Acme/Prod"]
	group := func(id domain.GroupID, mask domain.Mask) {
		_, err := w.UpdateGroup(t.Context(), storetest.Everything(domain.GroupWrite), id,
			func(g *domain.Group) { g.Mask = mask })
		require.NoError(t, err)
	}
	user := func(f func(*domain.User)) {
		clerk, err := w.Users.Get(t.Context(), storetest.Everything(domain.UserRead).Read(), domain.UserRef{Alias: "clerk"})
		require.NoError(t, err)
		_, err = w.Users.Update(t.Context(), storetest.Everything(domain.UserUpdate), clerk.Key(), "",
			func(u *domain.User) error { f(u); return nil })
		require.NoError(t, err)
	}
	team := w.Teams["Acme/Team"]
	for name, c := range map[string]struct{ take, give func() }{
		"the mask of the group": {func() { group(team.ID, 0) }, func() { group(team.ID, team.Mask) }},
		"the mask of the root's group above it": {func() { group(domain.UserGroup, 0) },
			func() { group(domain.UserGroup, domain.AllPermissions) }},
		"the environment": {func() { setActive(t, w, "Acme/Prod", false) },
			func() { setActive(t, w, "Acme/Prod", true) }},
		"the user": {func() { user(func(u *domain.User) { u.Blocked = []domain.Grant{w.Grant("Acme/Prod")} }) },
			func() { user(func(u *domain.User) { u.Blocked = nil }) }},
	} {
		can := func() bool {
			yes, err := w.Gate.Can(t.Context(), w.As(t, "clerk"), domain.UserRead, prod.Path)
			require.NoError(t, err)
			return yes
		}
		require.True(t, can(), name)
		c.take()
		require.False(t, can(), "%s was changed", name)
		c.give()
		require.True(t, can(), "%s was changed back", name)
	}
}

// accesses counts how often somebody's reach was computed.
type accesses struct{ computed int }

func (a *accesses) Looked(cache string, hit bool) {
	if cache == "access" && !hit {
		a.computed++
	}
}

func (*accesses) Decided(domain.Permission, bool) {}

// A change of the tree elsewhere, which counts for the root too, lets nobody's reach be computed again; one of what
// the root's groups give is seen by everybody at once, also if a program of before wrote it, which counts it no
// other way than a rename.
func TestAReachOutlastsChangesElsewhere(t *testing.T) {
	w, counted := newWorld(t), &accesses{}
	policy, err := rbac.Shipped()
	require.NoError(t, err)
	source := persistence.NewSource(w.DB)
	gate := tenancy.NewGate(policy, source, tenancy.NewDocuments(source, counted), counted)
	prod := w.Places["Acme/Prod"].Path
	can := func() bool {
		yes, err := gate.Can(t.Context(), w.As(t, "acme.power"), domain.UserRead, prod)
		require.NoError(t, err)
		return yes
	}
	root := func() int64 { return w.As(t, "acme.power").RootGeneration }
	require.True(t, can())
	for i := range 3 {
		before := root()
		_, err := w.Environments.Update(t.Context(), storetest.Everything(domain.EnvironmentWrite), w.Places["Bolt"].ID,
			func(e *domain.Environment) error { e.Alias, e.Active = fmt.Sprint("Bolt", i), i%2 == 1; return nil })
		require.NoError(t, err)
		require.Greater(t, root(), before)
		require.True(t, can())
	}
	require.Equal(t, 1, counted.computed)
	write := func(set string) {
		for _, statement := range []string{"UPDATE groups SET " + set + " WHERE organization_id = 1 AND id = 3",
			"UPDATE organizations SET generation = generation + 1 WHERE organization_id = 1"} {
			_, err := w.DB.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
	}
	for i, change := range []struct {
		set  string
		want bool
	}{
		{"mask = 1", false}, {fmt.Sprintf("mask = %d", domain.AllPermissions), true},
		{"parent_id = 999", false}, {"parent_id = 1", true}, {"role = 3", true},
	} {
		write(change.set)
		require.Equal(t, change.want, can(), change.set)
		require.True(t, can() == change.want && counted.computed == i+2, change.set)
	}
	write("alias = 'Admins', alias_key = 'admins'")
	require.True(t, can())
	require.Equal(t, 6, counted.computed)
}

// What somebody may write but not read they would make without seeing it.
func TestWritingObjectsNeedsReadingThem(t *testing.T) {
	w := newWorld(t)
	team := w.Teams["Acme/Team"]
	for mask, want := range map[domain.Mask]error{
		domain.ObserverWrite.Mask() | domain.ObserverRead.Mask(): nil,
		domain.ObserverWrite.Mask() | domain.SectorRead.Mask():   domain.ErrForbidden,
		domain.ObserverWrite.Mask():                              domain.ErrForbidden,
		domain.ObserverRead.Mask():                               domain.ErrForbidden,
	} {
		_, err := w.UpdateGroup(t.Context(), storetest.Everything(domain.GroupWrite), team.ID,
			func(g *domain.Group) { g.Mask = mask })
		require.NoError(t, err)
		_, err = w.Gate.EnterObjectsWrite(t.Context(), w.As(t, "clerk"), domain.ObserverWrite)
		if want == nil {
			require.NoError(t, err, mask)
		} else {
			require.ErrorIs(t, err, want, mask)
		}
	}
}

// counts nothing.
type uncounted struct{}

func (uncounted) Looked(string, bool) {}

func TestDocumentsFollowChanges(t *testing.T) {
	w := newWorld(t)
	documents := tenancy.NewDocuments(persistence.NewSource(w.DB), uncounted{})
	east := w.Places["Acme/Prod/East"]
	code := func() string {
		sc := w.Scope(t, "acme.admin", domain.EnvironmentRead).Read()
		found, err := documents.Environments(t.Context(), sc, nil,
			[]tenancy.EnvironmentKey{{Organization: east.Organization, ID: east.ID}})
		require.NoError(t, err)
		return found[east.ID].Code
	}
	mask := func() domain.Mask {
		groups, err := documents.Groups(t.Context(), w.Scope(t, "acme.admin", domain.GroupRead).Read(), nil,
			east.Organization)
		require.NoError(t, err)
		return groups.Effective(east.Organization, w.Teams["Acme/Team"].ID)
	}
	require.Empty(t, code())
	require.Equal(t, domain.UserRead.Mask(), mask())
	_, err := w.Environments.Update(t.Context(), storetest.Everything(domain.EnvironmentWrite), east.ID,
		func(e *domain.Environment) error { e.Code = "E"; return nil })
	require.NoError(t, err)
	require.Equal(t, "E", code())
	_, err = w.UpdateGroup(t.Context(), storetest.Everything(domain.GroupWrite), w.Teams["Acme/Team"].ID,
		func(g *domain.Group) { g.Mask = domain.GroupRead.Mask() })
	require.NoError(t, err)
	require.Equal(t, domain.GroupRead.Mask(), mask())
	_, err = w.UpdateGroup(t.Context(), storetest.Everything(domain.GroupWrite), domain.UserGroup,
		func(g *domain.Group) { g.Mask = 0 })
	require.NoError(t, err)
	require.Zero(t, mask(), "a group gives no more than the groups above it")
}

// References are resolved one by one: neither a number nor the name itself, said once more,
// makes a name ambiguous.
func TestReferencesDoNotDisturbEachOther(t *testing.T) {
	w := newWorld(t)
	east := w.Places["Acme/Prod/East"]
	var refs []domain.EnvironmentRef
	for range tenancy.FindTogether {
		refs = append(refs, "East", domain.NumberRef(east.ID), "east")
	}
	refs = append(refs, "Test", domain.NumberRef(east.ID))
	found, err := w.Gate.Environments(t.Context(), w.As(t, "acme.admin"), refs)
	require.NoError(t, err)
	require.Len(t, found, len(refs))
	for i, e := range found {
		if refs[i] == "Test" {
			require.Equal(t, w.Places["Acme/Test"].ID, e.ID)
		} else {
			require.Equal(t, east.ID, e.ID)
		}
	}
}

// An error names some of what a name may mean, not all of it.
func TestFewOfManyAreListed(t *testing.T) {
	w := newWorld(t)
	for n := range 12 {
		w.AddEnvironment(t, fmt.Sprintf("Acme/Lot%d", n), false)
		w.AddEnvironment(t, fmt.Sprintf("Acme/Lot%d/Same", n), false)
	}
	_, err := w.Gate.Environment(t.Context(), w.As(t, "acme.admin"), "Same")
	require.ErrorIs(t, err, domain.ErrEnvironmentAmbiguous)
	require.Equal(t, 10, strings.Count(domain.AsError(err).Public, "/Same"))
	require.Contains(t, domain.AsError(err).Public, ", ....")
}

// A scope of one's own account has nobody in it who does not live in the place it is narrowed
// to, also if that is oneself.
func TestOnesOwnAccountIsWhereOneLives(t *testing.T) {
	w := newWorld(t)
	who := w.As(t, "acme.user") // in Acme/Prod/East
	sc, err := w.Gate.Enter(t.Context(), who, domain.UserRead, tenancy.Anywhere())
	require.NoError(t, err)
	organization, _ := sc.Organization()
	require.Equal(t, who.Organization, organization, "whatever hangs in it")
	for name, c := range map[string]struct {
		narrowed tenancy.Scope
		want     bool
	}{
		"home alone": {sc.Only(who.Home), true}, "home and below": {sc.Below(who.Home), true},
		"around home": {sc.Below(who.Home.Parent()), true},
		"above home":  {sc.Only(who.Home.Parent()), false}, "elsewhere": {sc.Below(w.Places["Acme/Test"].Path), false},
	} {
		_, self := c.narrowed.Self()
		require.Equal(t, c.want, self, name)
	}
}

// What stands above everybody is a superUser's, with the permission, whatever else others may do.
func TestAboveEverybodyIsOnlyASuperUser(t *testing.T) {
	w := newWorld(t)
	for _, alias := range []string{"acme.user", "acme.power", "acme.admin"} {
		require.ErrorIs(t, w.Gate.Above(t.Context(), w.As(t, alias), domain.GroupWrite), domain.ErrForbidden, alias)
	}
	admin := w.As(t, "root.admin")
	require.NoError(t, w.Gate.Above(t.Context(), admin, domain.GroupWrite))
	admin.Narrowed.Mask = domain.UserRead.Mask()
	require.ErrorIs(t, w.Gate.Above(t.Context(), admin, domain.GroupWrite), domain.ErrForbidden)
}
