package app_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"canopy/app"
	"canopy/app/authn"
	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

// openDirectory begins the empty directory in db and wires it, with passwords that cost
// next to nothing.
func openDirectory(tb testing.TB, db *db.DB) *app.Directory {
	tb.Helper()
	cfg := testConfig(tb)
	if _, err := app.Begin(context.Background(), &cfg, db); err != nil {
		tb.Fatal(err)
	}
	d, err := app.Wire(context.Background(), cfg, db)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func testConfig(tb testing.TB) app.Config {
	cfg := app.DefaultConfig()
	cfg.Data = tb.TempDir()
	cfg.AdminPassword = testPassword
	cfg.ServerKey = "a server key that is long enough for tests"
	cfg.PasswordCost = authn.Cost{Memory: 8, Passes: 1}
	cfg.Previews.Share = 1000 // nobody waits
	return cfg
}

// machine is a directory together with what the oracle thinks of it.
type machine struct {
	*oracle
	d        *app.Directory
	accounts *persistence.AccountStore
	made     int
	// actors are the users who make changes; if empty, everybody, and the superUser more
	// often than others.
	actors []domain.UserID
	// first is the first of them as they were last: others of the line may delete them.
	first *domain.User
}

func newMachine(t *testing.T, db *db.DB) *machine {
	m := &machine{oracle: newOracle(), d: openDirectory(t, db), accounts: persistence.NewAccountStore(db)}
	m.environments[domain.RootEnvironment] = &oracleEnvironment{parent: 1, active: true, organization: true}
	for _, g := range domain.BuiltInGroups() {
		m.groups[g.ID] = &g
	}
	admin, err := m.d.Users.Get(context.Background(), m.as(t, "admin"),
		directory.GetUser{User: domain.UserRef{Alias: "admin"}})
	if err != nil {
		t.Fatal(err)
	}
	m.users[admin.ID] = &admin.User
	return m
}

type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// as returns the principal of a user as a request would find it.
func (m *machine) as(t fataler, alias string) domain.Principal {
	t.Helper()
	a, err := m.accounts.ByLogin(context.Background(), alias)
	if err != nil {
		t.Fatal(err)
	}
	return a.Principal
}

// operator returns whoever works at the command line, whom no change can keep from
// anything.
func (m *machine) operator(t fataler) domain.Principal {
	t.Helper()
	who, err := m.d.Operator(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return who
}

func pick[K ~int64, V any](t *rapid.T, name string, from map[K]V) K {
	return rapid.SampledFrom(slices.Sorted(maps.Keys(from))).Draw(t, name)
}

func (m *machine) refs(t *rapid.T, name string) *[]domain.EnvironmentRef {
	refs := []domain.EnvironmentRef{}
	for range rapid.IntRange(0, 2).Draw(t, name) {
		refs = append(refs, domain.NumberRef(pick(t, name, m.environments)))
	}
	return &refs
}

// actor draws who makes a change.
func (m *machine) actor(t *rapid.T) domain.Principal {
	switch {
	case len(m.actors) > 0:
		return m.as(t, m.users[rapid.SampledFrom(m.actors).Draw(t, "actor")].Alias)
	case rapid.Bool().Draw(t, "the superUser acts"):
		return m.operator(t)
	}
	return m.as(t, m.users[pick(t, "actor", m.users)].Alias)
}

// done reports whether a change went through. A change may be refused for any reason but a
// fault of ours.
func done(t *rapid.T, err error) bool {
	if err != nil && domain.AsError(err).Kind == domain.Internal {
		t.Fatalf("internal error: %v", errors.Unwrap(domain.AsError(err)))
	}
	return err == nil
}

func (m *machine) next(prefix string) *string {
	m.made++
	name := fmt.Sprintf("%s%d", prefix, m.made)
	return &name
}

func (m *machine) addEnvironment(t *rapid.T) {
	below := pick(t, "parent", m.environments)
	parent, organization := domain.NumberRef(below), rapid.IntRange(0, 3).Draw(t, "organization") == 0
	in := directory.EnvironmentPatch{Parent: &parent, Alias: m.next("e"), IsOrganization: &organization}
	if rapid.IntRange(0, 3).Draw(t, "says nothing of organizations") == 0 {
		in.IsOrganization, organization = nil, below == domain.RootEnvironment
	}
	e, err := m.d.Environments.Create(context.Background(), m.actor(t), in)
	if done(t, err) {
		m.environments[e.ID] = &oracleEnvironment{parent: e.Environment.Parent, active: true, organization: organization}
	}
}

func (m *machine) changeEnvironment(t *rapid.T) {
	id, who := pick(t, "environment", m.environments), m.actor(t)
	active := rapid.IntRange(0, 2).Draw(t, "active") > 0
	e, err := m.d.Environments.Update(context.Background(), who,
		directory.UpdateEnvironment{Environment: domain.NumberRef(id),
			EnvironmentPatch: directory.EnvironmentPatch{Active: &active, Alias: m.next("r")}})
	if !done(t, err) {
		return
	}
	if u, known := m.users[who.User]; known && m.environments[id].active != e.Active && !m.hasAll(u, id) {
		t.Fatalf("%s switched environment %d without having all of it", u.Alias, id)
	}
	m.environments[id].active = e.Active
}

func (m *machine) moveEnvironment(t *rapid.T) {
	id, parent := pick(t, "environment", m.environments), domain.NumberRef(pick(t, "parent", m.environments))
	who := m.actor(t)
	e, err := m.d.Environments.Update(context.Background(), who,
		directory.UpdateEnvironment{Environment: domain.NumberRef(id),
			EnvironmentPatch: directory.EnvironmentPatch{Parent: &parent}})
	if !done(t, err) {
		return
	}
	if u, known := m.users[who.User]; known && m.environments[id].parent != e.Environment.Parent && !m.hasAll(u, id) {
		t.Fatalf("%s moved environment %d without having all of it", u.Alias, id)
	}
	m.environments[id].parent = e.Environment.Parent
	for _, u := range m.users { // what they are allowed stays in tree order
		slices.SortFunc(u.Allowed, func(a, b domain.Grant) int { return m.byPath(a.Environment, b.Environment) })
	}
}

func (m *machine) deleteEnvironment(t *rapid.T) {
	id := pick(t, "environment", m.environments)
	if !done(t, m.d.Environments.Delete(context.Background(), m.actor(t), directory.DeleteEnvironment{Environment: domain.NumberRef(id)})) {
		return
	}
	delete(m.environments, id)
	for _, u := range m.users {
		gone := func(g domain.Grant) bool { return g.Environment == id }
		u.Allowed, u.Blocked = slices.DeleteFunc(u.Allowed, gone), slices.DeleteFunc(u.Blocked, gone)
	}
}

func (m *machine) addGroup(t *rapid.T) {
	organization := domain.NumberRef(m.organizationOf(pick(t, "organization", m.environments)))
	parent := domain.GroupRef(fmt.Sprint(pick(t, "parent", m.groups)))
	mask := domain.Mask(rapid.Uint64Range(0, uint64(domain.AllPermissions)).Draw(t, "mask")) | domain.UserRead.Mask()
	role := rapid.SampledFrom([]domain.Role{0, 0, domain.RoleUser, domain.RolePower, domain.RoleOAdmin}).Draw(t, "role")
	g, err := m.d.Groups.Create(context.Background(), m.actor(t),
		directory.GroupPatch{Organization: &organization, Parent: &parent, Mask: &mask, Role: &role, Alias: m.next("g")})
	if done(t, err) {
		m.groups[g.ID] = &g.Group
	}
}

func (m *machine) changeGroup(t *rapid.T) {
	id := pick(t, "group", m.groups)
	parent := domain.GroupRef(fmt.Sprint(pick(t, "parent", m.groups)))
	mask := domain.AllPermissions &^ domain.Mask(rapid.Uint64Range(0, uint64(domain.AllPermissions)).Draw(t, "without"))
	in := directory.GroupPatch{Mask: &mask}
	if rapid.Bool().Draw(t, "moves") {
		in = directory.GroupPatch{Parent: &parent}
	}
	who := m.actor(t)
	g, err := m.d.Groups.Update(context.Background(), who,
		directory.UpdateGroup{Group: domain.NumberedGroup(id), GroupPatch: in})
	if !done(t, err) {
		return
	}
	if u, known := m.users[who.User]; known && (m.groups[id].Role > m.role(u) || !m.through(id).Within(m.mask(u))) {
		t.Fatalf("%s changed group %d, which gives more than they have", u.Alias, id)
	}
	m.groups[id] = &g.Group
}

// patch draws what a user is to become.
func (m *machine) patch(t *rapid.T) directory.UserPatch {
	role := rapid.SampledFrom(domain.Roles).Draw(t, "role")
	group := domain.GroupRef(fmt.Sprint(pick(t, "group", m.groups)))
	return directory.UserPatch{Role: &role, Group: &group, Allowed: m.refs(t, "allowed"), Blocked: m.refs(t, "blocked")}
}

func (m *machine) addUser(t *rapid.T) {
	in := m.patch(t)
	home := domain.NumberRef(pick(t, "home", m.environments))
	in.Home, in.Alias = &home, m.next("u")
	in.FirstName = in.Alias
	u, err := m.d.Users.Create(context.Background(), m.actor(t), in)
	if done(t, err) {
		m.users[u.ID] = &u.User
		if len(m.actors) > 0 {
			m.actors = append(m.actors, u.ID)
		}
	}
}

func (m *machine) changeUser(t *rapid.T) {
	id, in := pick(t, "user", m.users), m.patch(t)
	if rapid.Bool().Draw(t, "moves") {
		home := domain.NumberRef(pick(t, "home", m.environments))
		in = directory.UserPatch{Home: &home}
	}
	who := m.actor(t)
	u, err := m.d.Users.Update(context.Background(), who,
		directory.UpdateUser{User: domain.UserRef{ID: id}, UserPatch: in})
	if !done(t, err) {
		return
	}
	m.mayHaveChanged(t, who, m.users[id])
	m.users[id] = &u.User
}

// mayHaveChanged fails if who has changed a user who had more.
func (m *machine) mayHaveChanged(t *rapid.T, who domain.Principal, before *domain.User) {
	if u, known := m.users[who.User]; known {
		if more := m.exceeds(u, before); more != "" {
			t.Fatalf("%s changed %s, who has %s more", u.Alias, before.Alias, more)
		}
	}
}

func (m *machine) deleteUser(t *rapid.T) {
	if len(m.users) == 1 {
		return // somebody must be left to ask
	}
	id, who := pick(t, "user", m.users), m.actor(t)
	err := m.d.Users.Delete(context.Background(), who, directory.DeleteUser{User: domain.UserRef{ID: id}})
	if u, known := m.users[who.User]; known && domain.ErrHasMore.Is(err) && m.exceeds(u, m.users[id]) == "" {
		t.Fatalf("%s has all that %s has, and may not delete them", u.Alias, m.users[id].Alias)
	}
	if done(t, err) {
		m.mayHaveChanged(t, who, m.users[id])
		delete(m.users, id)
		m.actors = slices.DeleteFunc(m.actors, func(a domain.UserID) bool { return a == id })
	}
}

// agree compares what the directory answers to some principals with what the oracle says.
func (m *machine) agree(t *rapid.T) {
	for range 3 {
		m.agreeFor(t, m.users[pick(t, "principal", m.users)])
	}
}

func (m *machine) agreeFor(t *rapid.T, u *domain.User) {
	ctx, who := context.Background(), m.as(t, u.Alias)
	at := pick(t, "at", m.environments)
	ref := domain.NumberRef(at)
	if rapid.Bool().Draw(t, "here") {
		ref, at = "", m.start(u)
	}
	var want []domain.UserID
	for id, v := range m.users {
		if at != 0 && m.sees(u, v) && m.below(v.Home, at) {
			want = append(want, id)
		}
	}
	slices.Sort(want)
	list, err := m.d.Users.List(ctx, who, directory.ListUsers{Environment: ref, Total: true})
	var got []domain.UserID
	if err == nil {
		for v, err := range list.Items {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, v.ID)
		}
		if list.Total != int64(len(got)) {
			t.Fatalf("%s lists %d users and is told of %d", u.Alias, len(got), list.Total)
		}
	}
	slices.Sort(got)
	mayList := at != 0 && m.reaches(u, at) &&
		(m.policy.Decide(m.role(u), m.mask(u), domain.Within, domain.UserRead).Allowed ||
			m.policy.Decide(m.role(u), m.mask(u), domain.Self, domain.UserRead).Allowed)
	if mayList != (err == nil) || mayList && !slices.Equal(got, want) {
		t.Fatalf("%s at %d lists %v (%v), the oracle says %v", u.Alias, at, got, err, want)
	}
	for _, v := range m.users {
		read, err := m.d.Users.Get(ctx, who, directory.GetUser{User: domain.UserRef{Alias: v.Alias}})
		if (err == nil) != m.sees(u, v) {
			t.Fatalf("%s reads %s: %v, the oracle says %v", u.Alias, v.Alias, err, m.sees(u, v))
		}
		if err == nil && !slices.EqualFunc(read.AllowedShown, m.shown(u, v.Allowed),
			func(e directory.EnvironmentShown, id domain.EnvironmentID) bool { return e.ID == id }) {
			t.Fatalf("%s is shown %v of %s's allowed, the oracle says %v", u.Alias, read.AllowedShown, v.Alias,
				m.shown(u, v.Allowed))
		}
	}
	m.agreeOnEnvironments(t, u, who)
	e, p := pick(t, "explained", m.environments), rapid.SampledFrom(domain.Catalogue).Draw(t, "permission").Permission
	x, err := m.d.Explain.Decision(ctx, m.operator(t),
		directory.ExplainDecision{User: domain.UserRef{Alias: u.Alias}, Permission: p, Environment: domain.NumberRef(e)})
	if err != nil {
		t.Fatal(err)
	}
	if x.Allowed != m.may(u, p, e) || x.Held != m.mask(u).Has(p) || (x.Position == domain.Within) != m.reaches(u, e) {
		t.Fatalf("%s %s at %d is explained as %s, the oracle says %v", u.Alias, p, e, x.Sentence(), m.may(u, p, e))
	}
	can, err := m.d.Gate.Can(ctx, &who, p, x.Environment.Path)
	if err != nil || can != x.Allowed {
		t.Fatalf("%s %s at %d: decided %v (%v), explained %v", u.Alias, p, e, can, err, x.Allowed)
	}
	m.agreeOnAccess(t, u)
	m.agreeOnReaching(t, u, who, e, p)
}

// agreeOnAccess compares what is said of a user's places with what the oracle says of each environment.
func (m *machine) agreeOnAccess(t *rapid.T, u *domain.User) {
	access, err := m.d.Explain.Access(context.Background(), m.operator(t), directory.AccessOf{User: domain.UserRef{ID: u.ID}})
	if err != nil {
		t.Fatal(err)
	}
	if access.Role != m.role(u) || access.More || access.Elsewhere {
		t.Fatalf("%s acts as %s, the oracle says %s", u.Alias, access.Role, m.role(u))
	}
	var held domain.Mask
	for _, p := range access.Permissions {
		held |= p.Permission.Mask()
		for _, g := range p.Groups {
			if !m.through(g.ID).Has(p.Permission) {
				t.Fatalf("%s has %s through %s, the oracle says no", u.Alias, p.Permission, g.Alias)
			}
		}
	}
	if held != m.mask(u).Named() {
		t.Fatalf("%s holds %s, the oracle says %s", u.Alias, held, m.mask(u))
	}
	for e := range m.environments {
		in := false
		for _, p := range access.Places { // in tree order: the nearest above comes last
			if p.ID == e || !p.Alone && m.below(e, p.ID) {
				in = p.In()
			}
		}
		if in != m.reaches(u, e) {
			t.Fatalf("%s reaches %d: %v by the places %v, the oracle says %v", u.Alias, e, in, access.Places, !in)
		}
	}
}

// agreeOnReaching compares the lists of who reaches an environment with the oracle.
func (m *machine) agreeOnReaching(t *rapid.T, u *domain.User, who domain.Principal, e domain.EnvironmentID,
	p domain.Permission) {
	for _, permission := range []*domain.Permission{nil, &p} {
		var got, want []domain.UserID
		page := domain.Page{Limit: rapid.IntRange(1, 3).Draw(t, "limit")}
		for {
			list, err := m.d.Explain.Reaching(context.Background(), who,
				directory.ListReaching{Environment: domain.NumberRef(e), Permission: permission, Page: page})
			may := m.reaches(u, e) &&
				m.policy.Decide(m.role(u), m.mask(u), domain.Within, domain.EnvironmentRead).Allowed &&
				(m.policy.Decide(m.role(u), m.mask(u), domain.Within, domain.UserRead).Allowed ||
					m.policy.Decide(m.role(u), m.mask(u), domain.Self, domain.UserRead).Allowed)
			if may != (err == nil) {
				t.Fatalf("%s asks who reaches %d: %v, the oracle says %v", u.Alias, e, err, may)
			}
			if err != nil {
				return
			}
			for r, err := range list.Items {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, r.ID)
			}
			if page.After = list.Next; page.After == "" {
				break
			}
		}
		for id, v := range m.users {
			if m.sees(u, v) && m.reaches(v, e) && (permission == nil || m.may(v, p, e)) {
				want = append(want, id)
			}
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("%s is told that %v reach %d (%v), the oracle says %v", u.Alias, got, e, permission, want)
		}
	}
}

// shown are the environments of grants that u may be shown, in tree order.
func (m *machine) shown(u *domain.User, grants []domain.Grant) []domain.EnvironmentID {
	var shown []domain.EnvironmentID
	for _, g := range grants {
		if m.reaches(u, g.Environment) {
			shown = append(shown, g.Environment)
		}
	}
	slices.SortFunc(shown, m.byPath)
	return shown
}

// byPath compares in tree order.
func (m *machine) byPath(a, b domain.EnvironmentID) int {
	return strings.Compare(string(m.path(a)), string(m.path(b)))
}

func (m *machine) path(e domain.EnvironmentID) domain.EnvironmentPath {
	if e == domain.RootEnvironment {
		return domain.RootPath
	}
	return m.path(m.environments[e].parent).Child(e)
}

func (m *machine) agreeOnEnvironments(t *rapid.T, u *domain.User, who domain.Principal) {
	may := m.policy.Decide(m.role(u), m.mask(u), domain.Within, domain.EnvironmentRead).Allowed
	for id := range m.environments {
		_, err := m.d.Environments.Get(context.Background(), who, domain.NumberRef(id))
		if want := may && m.reaches(u, id); (err == nil) != want {
			t.Fatalf("%s reads environment %d: %v, the oracle says %v", u.Alias, id, err, want)
		}
	}
	at := m.start(u)
	list, err := m.d.Environments.List(context.Background(), who, directory.ListEnvironments{})
	if (err == nil) != (may && at != 0) {
		t.Fatalf("%s lists environments: %v, the oracle says %v", u.Alias, err, may && at != 0)
	}
	if err != nil {
		return
	}
	var got, want []domain.EnvironmentID
	for e, err := range list.Items {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.ID)
	}
	for id := range m.environments {
		if m.below(id, at) && m.reaches(u, id) {
			want = append(want, id)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%s lists the environments %v, the oracle says %v", u.Alias, got, want)
	}
}

// actions are the changes people can make.
func (m *machine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"add an environment": m.addEnvironment, "change an environment": m.changeEnvironment,
		"move an environment":   m.moveEnvironment,
		"delete an environment": m.deleteEnvironment, "add a group": m.addGroup, "change a group": m.changeGroup,
		"add a user": m.addUser, "change a user": m.changeUser, "delete a user": m.deleteUser,
	}
}

// TestModel makes random changes as random people, and after each asks random people for
// lists, counts, single reads and explanations: they must be what the oracle says.
func TestModel(t *testing.T) { runModel(t, 8) }

func runModel(t *testing.T, checks int) {
	t.Helper()
	onRandomDirectories(t, checks, func(rt *rapid.T, m *machine) {
		actions := m.actions()
		actions[""] = m.agree
		rt.Repeat(actions)
	})
}

// onRandomDirectories lets test draw what happens to as many new directories, on each engine.
func onRandomDirectories(t *testing.T, checks int, test func(*rapid.T, *machine)) {
	setChecks(t, checks)
	eachEngine(t, func(t *testing.T, engine string) {
		open := map[string]func(testing.TB) *db.DB{"sqlite": storetest.SQLite, "postgres": storetest.Postgres}[engine]
		rapid.Check(t, func(rt *rapid.T) {
			db := open(t)
			defer db.Close()
			test(rt, newMachine(t, db))
		})
	})
}

// setChecks sets how many runs the properties get that are checked from now on, unless the command
// line says so: at least 5, because rapid does a fifth of them with -short.
func setChecks(t *testing.T, n int) {
	t.Helper()
	require.GreaterOrEqual(t, n, 5)
	checks := flag.Lookup("rapid.checks")
	if checks.Value.String() != checks.DefValue && checks.Value.String() != lastChecks {
		return
	}
	lastChecks = strconv.Itoa(n)
	if err := checks.Value.Set(lastChecks); err != nil {
		t.Fatal(err)
	}
}

// lastChecks is what setChecks set last.
var lastChecks string
