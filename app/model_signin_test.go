package app_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
)

// A signInModel is an organization in a server together with what the oracle thinks of its sign-ins.
type signInModel struct {
	*signInOracle
	t        *testing.T
	w        *twoTenants
	inside   []domain.EnvironmentID // the organization and those below it
	given    []domain.GroupID       // groups of the organization
	ways     map[domain.UserID][]wayIn
	ended    map[domain.UserID]bool // whether the tokens among the ways have ended
	recovery map[domain.UserID][]string
	sessions []*modelSession
	company  *rogue // the provider of the organization
	provider accounts.ProviderDocument
	trusted  bool // it is trusted with more than a password
	off      bool
	links    map[domain.UserID][]string // whom the provider means by its subjects
}

// A modelSession is a browser in which somebody has signed in.
type modelSession struct {
	*guest
	user   *domain.User
	proved domain.Proof
	factor *oracleFactor // nil for a password or a recovery code
	at     time.Time
	way    string
	// byProvider says that they came from the provider, as subject, whatever they proved since.
	byProvider bool
	subject    string
}

// serveSignIns serves a directory in which no session ends by itself.
func serveSignIns(t *testing.T, engine string) *twoTenants {
	t.Helper()
	w := newTwoTenants(t, engine, func(cfg *app.Config) {
		cfg.PublicURL, cfg.AnswerFloor, cfg.AllowPrivateProviders = publicURL, 0, true
		forever := 1000 * 24 * time.Hour
		cfg.Sessions.Cookie, cfg.Sessions.CookieIdle, cfg.Sessions.Unproved = forever, forever, forever
		cfg.Sessions.Most = 1 << 20
	})
	w.clock.set(time.Now()) // browsers forget cookies by their own clock
	return w
}

// newSignInModel adds an organization of random environments to a server, with people and a program in it, and
// somebody above.
func newSignInModel(t *testing.T, rt *rapid.T, w *twoTenants, company *rogue) *signInModel {
	m := &signInModel{t: t, w: w, ways: map[domain.UserID][]wayIn{}, ended: map[domain.UserID]bool{},
		recovery: map[domain.UserID][]string{}, company: company, links: map[domain.UserID][]string{},
		signInOracle: &signInOracle{oracle: newOracle(), now: w.clock.now,
			rules: map[domain.EnvironmentID]domain.SignInRules{}, have: map[domain.UserID][]*oracleFactor{}}}
	m.environments[domain.RootEnvironment] = &oracleEnvironment{parent: 1, active: true, organization: true}
	for _, g := range domain.BuiltInGroups() {
		m.groups[g.ID] = &g
	}
	m.setRules(domain.RootEnvironment, domain.SignInRules{}) // as another run has left them
	top := m.addEnvironment(domain.RootEnvironment, true)
	m.inside = []domain.EnvironmentID{top}
	m.setUpProvider(rt, top)
	for range rapid.IntRange(2, 4).Draw(rt, "environments") {
		m.inside = append(m.inside, m.addEnvironment(rapid.SampledFrom(m.inside).Draw(rt, "parent"), false))
	}
	all, root, in := domain.AllPermissions, domain.NumberedGroup(domain.RootGroup), domain.NumberRef(top)
	for _, role := range []domain.Role{0, domain.RolePower, domain.RoleOAdmin} {
		g, err := w.directory.Groups.Create(t.Context(), w.operator(t), directory.GroupPatch{Organization: &in,
			Parent: &root, Mask: &all, Role: &role, Alias: m.name("g")})
		require.NoError(t, err)
		m.groups[g.ID], m.given = &g.Group, append(m.given, g.ID)
	}
	for _, program := range []bool{false, false, true} {
		m.addUser(rt, m.drawHome(rt), program)
	}
	m.addUser(rt, domain.RootEnvironment, false)
	m.link(rt)
	return m
}

func (m *signInModel) name(prefix string) *string {
	m.w.made++
	name := fmt.Sprintf("%s%d", prefix, m.w.made)
	return &name
}

func (m *signInModel) addEnvironment(parent domain.EnvironmentID, organization bool) domain.EnvironmentID {
	ref := domain.NumberRef(parent)
	e, err := m.w.directory.Environments.Create(m.t.Context(), m.w.operator(m.t),
		directory.EnvironmentPatch{Parent: &ref, Alias: m.name("e"), IsOrganization: &organization})
	require.NoError(m.t, err)
	m.environments[e.ID] = &oracleEnvironment{parent: parent, active: true, organization: organization}
	return e.ID
}

func (m *signInModel) drawHome(t *rapid.T) domain.EnvironmentID {
	return rapid.SampledFrom(m.inside).Draw(t, "home")
}

// rights draws what somebody in the organization may do, by themselves and by a group.
func (m *signInModel) rights(t *rapid.T) directory.UserPatch {
	role := rapid.SampledFrom(domain.Roles[:3]).Draw(t, "role")
	group, allowed := domain.NumberedGroup(rapid.SampledFrom(m.given).Draw(t, "group")), []domain.EnvironmentRef{}
	if rapid.Bool().Draw(t, "allowed more") {
		allowed = append(allowed, domain.NumberRef(rapid.SampledFrom(m.inside).Draw(t, "allowed")))
	}
	return directory.UserPatch{Role: &role, Group: &group, Allowed: &allowed}
}

// addUser adds somebody who may do all that is asked here, and notes every way in that they have.
func (m *signInModel) addUser(t *rapid.T, home domain.EnvironmentID, program bool) {
	ctx, in, password := m.t.Context(), directory.UserPatch{}, testPassword
	if home == domain.RootEnvironment {
		role, group := domain.RoleSuperUser, domain.NumberedGroup(domain.RootGroup)
		in.Role, in.Group = &role, &group
	} else {
		in = m.rights(t)
	}
	ref := domain.NumberRef(home)
	in.Home, in.Alias, in.FirstName, in.System = &ref, m.name("u"), m.name("f"), &program
	if !program {
		in.Password = &password
	}
	d, err := m.w.directory.Users.Create(ctx, m.w.operator(m.t), in)
	require.NoError(m.t, err)
	u := &d.User
	m.users[u.ID] = u
	key, token := m.w.newKey(m.t, u.Alias, accounts.NewAPIKey{Expires: m.now().AddDate(2, 0, 0)}), ""
	if !program {
		signed, err := m.w.directory.Sessions.SignIn(ctx, accounts.SignIn{Login: u.Alias, Password: testPassword})
		require.NoError(m.t, err)
		token = signed.Access
	}
	for _, way := range waysIn(string(u.UUID), u.Alias, testPassword, key, token) {
		if !program || usesKey(way) {
			require.NotEqual(m.t, 401, m.w.enter(m.t, way), way.name)
			m.ways[u.ID] = append(m.ways[u.ID], way)
		}
	}
}

func usesKey(way wayIn) bool { return strings.HasSuffix(way.name, "key") }
func usesSession(way wayIn) bool {
	return usesToken(way) || strings.HasSuffix(way.name, "login") || strings.HasSuffix(way.name, "/auth")
}
func usesToken(way wayIn) bool { return strings.HasSuffix(way.name, "from before") }

// setRules has an environment ask this of sign-ins.
func (m *signInModel) setRules(e domain.EnvironmentID, r domain.SignInRules) {
	m.w.demand(m.t, string(domain.NumberRef(e)), r)
	leftOut := []domain.UserRef{}
	for _, u := range r.BreakGlass.Users() {
		leftOut = append(leftOut, domain.UserRef{ID: u})
	}
	_, err := m.w.directory.Environments.UpdateSignInRules(m.t.Context(), m.w.operator(m.t), directory.SignInRulesPatch{
		Environment: domain.NumberRef(e), OnlyProvider: &r.OnlyProvider, BreakGlass: &leftOut})
	require.NoError(m.t, err)
	m.rules[e] = r
}

func (m *signInModel) changeRules(t *rapid.T) {
	proof := rapid.SampledFrom([]domain.Proof{domain.ByPassword, domain.ByPassword, domain.ByCode, domain.ByPasskey})
	minutes := rapid.SampledFrom([]int{0, 0, -1, 30}).Draw(t, "grace")
	r := domain.SignInRules{People: proof.Draw(t, "people"), Admins: proof.Draw(t, "admins"),
		Above: proof.Draw(t, "above"), ProgramsExempt: rapid.Bool().Draw(t, "programs exempt"),
		ProofAge: time.Duration(rapid.SampledFrom([]int{0, 10, 10, 40}).Draw(t, "proof age")) * time.Minute}
	if minutes != 0 {
		r.Grace = m.now().Add(time.Duration(minutes) * time.Minute)
	}
	e := pick(t, "environment", m.environments)
	r.OnlyProvider = rapid.IntRange(0, 2).Draw(t, "only by a provider") == 0
	if r.OnlyProvider && e != domain.RootEnvironment && rapid.Bool().Draw(t, "but for some") {
		r.BreakGlass = m.drawLeftOut(t, e)
	}
	m.setRules(e, r)
}

// moveEnvironment hangs an environment, which people and rules may be in, below another one.
func (m *signInModel) moveEnvironment(t *rapid.T) {
	id := rapid.SampledFrom(m.inside[1:]).Draw(t, "environment")
	others := slices.DeleteFunc(slices.Clone(m.inside), func(e domain.EnvironmentID) bool {
		return m.below(e, id) || e == m.environments[id].parent
	})
	if len(others) == 0 {
		t.Skip("there is no other place for it")
	}
	parent := domain.NumberRef(rapid.SampledFrom(others).Draw(t, "parent"))
	e, err := m.w.directory.Environments.Update(m.t.Context(), m.w.operator(m.t), directory.UpdateEnvironment{
		Environment: domain.NumberRef(id), EnvironmentPatch: directory.EnvironmentPatch{Parent: &parent}})
	require.NoError(m.t, err)
	m.environments[id].parent = e.Environment.Parent
}

// changeUser moves somebody, or changes what they may do.
func (m *signInModel) changeUser(t *rapid.T) {
	u := m.drawUser(t)
	if u.Home == domain.RootEnvironment {
		return
	}
	in := m.rights(t)
	if rapid.Bool().Draw(t, "moves") {
		home := domain.NumberRef(m.drawHome(t))
		in = directory.UserPatch{Home: &home}
	}
	d, err := m.w.directory.Users.Update(m.t.Context(), m.w.operator(m.t),
		directory.UpdateUser{User: domain.UserRef{ID: u.ID}, UserPatch: in})
	if done(t, err) {
		*u = d.User
	}
}

func (m *signInModel) pass(t *rapid.T) {
	m.w.clock.set(m.now().Add(time.Duration(rapid.SampledFrom([]int{1, 11, 31}).Draw(t, "minutes")) * time.Minute))
}

func (m *signInModel) drawUser(t *rapid.T) *domain.User { return m.users[pick(t, "user", m.users)] }

func (m *signInModel) drawPerson(t *rapid.T) *domain.User {
	return m.drawWho(t, "there is nobody", func(*domain.User) bool { return true })
}

// drawWho draws a person who is so, and skips where nobody is.
func (m *signInModel) drawWho(t *rapid.T, why string, is func(u *domain.User) bool) *domain.User {
	people := maps.Clone(m.users)
	maps.DeleteFunc(people, func(_ domain.UserID, u *domain.User) bool { return u.System || !is(u) })
	if len(people) == 0 {
		t.Skip(why)
	}
	return people[pick(t, "person", people)]
}

// drawFactor draws one of somebody's factors of a kind, nil if there is none.
func (m *signInModel) drawFactor(t *rapid.T, u *domain.User, kind domain.Proof) *oracleFactor {
	all := slices.DeleteFunc(slices.Clone(m.have[u.ID]), func(f *oracleFactor) bool { return f.proof != kind })
	if len(all) == 0 {
		return nil
	}
	return rapid.SampledFrom(all).Draw(t, "factor")
}

// signIn signs somebody in on the pages, in one of all ways.
func (m *signInModel) signIn(t *rapid.T) {
	u := m.drawPerson(t)
	s := &modelSession{guest: m.w.visit(m.t), user: u, at: m.now(), way: "the password"}
	got := page{}
	if f := m.drawFactor(t, u, domain.ByPasskey); f != nil && rapid.Bool().Draw(t, "by a passkey alone") {
		got = s.byPasskey(m.t, f.key)
		s.proved, s.factor, s.way = f.proof, f, "a passkey alone"
	} else {
		got = s.send(m.t, http.MethodPost, "sign-in", url.Values{"login": {u.Alias}, "password": {testPassword}})
	}
	m.begun(t, s, got)
}

// begun fails unless a sign-in began a session exactly if the oracle says that it does.
func (m *signInModel) begun(t *rapid.T, s *modelSession, got page) {
	shut := m.shut(s.user, s.byProvider, true)
	if shut == (got.status == http.StatusSeeOther) {
		t.Fatalf("%s by %s is answered by %d, the oracle says %v", s.user.Alias, s.way, got.status, !shut)
	}
	if !shut {
		m.sessions = append(m.sessions, s)
		m.look(t, s)
	}
}

func (m *signInModel) drawSession(t *rapid.T) *modelSession {
	open := slices.DeleteFunc(slices.Clone(m.sessions), func(s *modelSession) bool {
		return m.shut(s.user, s.byProvider, true)
	})
	if len(open) == 0 {
		t.Skip("nobody has signed in")
	}
	return rapid.SampledFrom(open).Draw(t, "session")
}

// prove proves something more in a session, or the same again, which begins it anew.
func (m *signInModel) prove(t *rapid.T) {
	s := m.drawSession(t)
	u, form, action := s.user, url.Values{"csrf": {s.token(m.t)}}, "prove"
	code, key := m.drawFactor(t, u, domain.ByCode), m.drawFactor(t, u, domain.ByPasskey)
	m.w.clock.set(m.now().Add(time.Minute)) // a code is good once
	proved, factor := domain.ByPassword, (*oracleFactor)(nil)
	switch recovers := len(m.recovery[u.ID]) > 0 && rapid.Bool().Draw(t, "by a recovery code"); {
	case len(m.have[u.ID]) == 0:
		form.Set("password", testPassword)
	case recovers:
		form.Set("code", m.recovery[u.ID][0])
		m.recovery[u.ID] = m.recovery[u.ID][1:]
		proved, s.way = domain.ByCode, "a recovery code"
	case key == nil || code != nil && rapid.Bool().Draw(t, "by a code"):
		form.Set("code", codeAt(m.t, code.secret, m.now()))
		proved, factor, s.way = domain.ByCode, code, "a code"
	default:
		asked := s.send(m.t, http.MethodPost, "prove-challenge", form)
		form.Set("answer", key.key.sign(m.t, asked.text))
		proved, factor, action, s.way = domain.ByPasskey, key, "prove-passkey", "a passkey"
	}
	before := *s
	before.guest = m.w.visit(m.t)
	before.client.Jar.SetCookies(mustURL(m.t, m.w.Address()), s.client.Jar.Cookies(mustURL(m.t, m.w.Address())))
	got := s.send(m.t, http.MethodPost, action, form)
	if got.status != http.StatusSeeOther {
		t.Fatalf("%s proves %s and is answered by %d", u.Alias, s.way, got.status)
	}
	s.proved, s.factor, s.at = proved, factor, m.now()
	if at := before.landing(m.t); at != signedOut {
		t.Fatalf("the session of %s from before %s was proved leads to %s", u.Alias, s.way, at)
	}
	m.look(t, s)
}

// addFactor adds a factor in a session, which must be refused where that has not proved enough.
func (m *signInModel) addFactor(t *rapid.T) {
	s := m.drawSession(t)
	u := s.user
	if len(m.have[u.ID]) == 4 {
		t.Skip("they have enough")
	}
	passkey, may := rapid.Bool().Draw(t, "passkey"), m.mayAdd(u, s.proved)
	form, offer := url.Values{"csrf": {s.token(m.t)}, "password": {testPassword}, "name": {"mine"}}, "my-code-offer"
	if passkey {
		offer = "my-passkey-offer"
	}
	offered := s.send(m.t, http.MethodPost, offer, form)
	if may != (offered.status == http.StatusOK) {
		t.Fatalf("%s by %s asks to add a factor and is answered by %d, the oracle says %v", u.Alias, s.way, offered.status,
			may)
	}
	if !may {
		return
	}
	f := &oracleFactor{proof: domain.ByCode}
	action := "my-code"
	if passkey {
		f.proof, action = domain.ByPasskey, "my-passkey"
		var answer string
		f.key, answer = newPasskey(m.t, publicURL, offered.text)
		form.Set("answer", answer)
	} else {
		f.secret = secretsOf(m.t, offered)[0]
		form = formOf(m.t, offered, action)
		form.Set("name", "mine")
		form.Set("code", codeAt(m.t, f.secret, m.now()))
	}
	added := s.send(m.t, http.MethodPost, action, form)
	if added.status >= 400 {
		t.Fatalf("%s by %s adds a factor and is answered by %d", u.Alias, s.way, added.status)
	}
	if len(m.have[u.ID]) == 0 { // all other sessions end
		m.recovery[u.ID], m.ended[u.ID] = secretsOf(m.t, added), true
		m.end(t, func(other *modelSession) bool { return other != s && other.user == u })
	}
	if s.proved < f.proof {
		s.proved, s.factor, s.at, s.way = f.proof, f, m.now(), "the factor that was added"
	}
	known := m.have[u.ID]
	d, err := m.w.directory.Factors.List(m.t.Context(), m.w.operator(m.t), domain.UserRef{ID: u.ID})
	require.NoError(m.t, err)
	for _, listed := range d.Factors {
		if !slices.ContainsFunc(known, func(k *oracleFactor) bool { return k.id == listed.ID }) {
			f.id = listed.ID
		}
	}
	m.have[u.ID] = append(known, f)
	m.look(t, s)
}

// removeFactor takes a factor from somebody who has lost it.
func (m *signInModel) removeFactor(t *rapid.T) {
	u := m.drawPerson(t)
	if len(m.have[u.ID]) == 0 {
		t.Skip("they have none")
	}
	f := rapid.SampledFrom(m.have[u.ID]).Draw(t, "factor")
	err := m.w.directory.Factors.Remove(m.t.Context(), m.w.operator(m.t), accounts.Fresh[accounts.OfUser[domain.UUID]]{
		In: accounts.OfUser[domain.UUID]{User: domain.UserRef{ID: u.ID}, In: f.id}})
	require.NoError(m.t, err)
	m.have[u.ID] = slices.DeleteFunc(m.have[u.ID], func(o *oracleFactor) bool { return o == f })
	if len(m.have[u.ID]) == 0 {
		m.recovery[u.ID] = nil
	}
	m.end(t, func(s *modelSession) bool { return s.factor == f })
}

// signOut ends a session, whatever it has still to prove.
func (m *signInModel) signOut(t *rapid.T) {
	s := m.drawSession(t)
	s.send(m.t, http.MethodPost, "sign-out", url.Values{"csrf": {s.token(m.t)}})
	m.end(t, func(o *modelSession) bool { return o == s })
}

// end fails unless these sessions have ended, and forgets them.
func (m *signInModel) end(t *rapid.T, which func(*modelSession) bool) {
	m.sessions = slices.DeleteFunc(m.sessions, func(s *modelSession) bool {
		if !which(s) {
			return false
		}
		if at := s.landing(m.t); at != signedOut {
			t.Fatalf("the session of %s by %s, which should have ended, leads to %s", s.user.Alias, s.way, at)
		}
		return true
	})
}

// signedOut is where a page leads whose session has ended.
const signedOut = "/console/sign-in"

// landing is where a page of one's own leads.
func (s *modelSession) landing(t *testing.T) string { return s.get(t, "me").at.Path }

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]*)"`)

// token is what forms of the session must have.
func (s *modelSession) token(t *testing.T) string {
	t.Helper()
	found := csrfField.FindStringSubmatch(s.get(t, "me").text)
	require.NotNil(t, found)
	return found[1]
}

// look compares what a session may do with what the oracle says.
func (m *signInModel) look(t *rapid.T, s *modelSession) {
	u, want := s.user, "/console/me"
	if m.shut(u, s.byProvider, true) {
		if at := s.landing(m.t); at != signedOut {
			t.Fatalf("%s by %s, who did not come from the provider, comes to %s", u.Alias, s.way, at)
		}
		m.sessions = slices.DeleteFunc(m.sessions, func(o *modelSession) bool { return o == s }) // its browser forgets it
		return
	}
	missing := s.proved < m.needed(u, false)
	switch {
	case missing && m.mayAdd(u, s.proved):
		want = "/console/my-factors"
	case missing:
		want = "/console/prove"
	}
	if at := s.landing(m.t); at != want {
		t.Fatalf("%s by %s comes to %s, the oracle says %s", u.Alias, s.way, at, want)
	}
	if missing {
		if at := s.get(m.t, "people").at.Path; at != want {
			t.Fatalf("%s by %s, which is not enough, comes to %s", u.Alias, s.way, at)
		}
		return
	}
	e := pick(t, "seen", m.environments)
	opens := m.opens(u, e, s.proved)
	if got := s.get(m.t, "place?id="+string(domain.NumberRef(e))).status; opens != (got == 200) || got != 200 && got != 404 {
		t.Fatalf("%s by %s is answered by %d at %d, the oracle says %v", u.Alias, s.way, got, e, opens)
	}
	got := s.send(m.t, http.MethodPost, "my-key-revoke", url.Values{"csrf": {s.token(m.t)}, "key": {uuid.NewString()}})
	if to, stale := got.header.Get("Location"), m.stale(u, s.at); strings.HasPrefix(to, "prove") != stale ||
		got.status != http.StatusSeeOther {
		t.Fatalf("%s by %s at %s does what is dangerous and comes to %s, the oracle says %v", u.Alias, s.way, s.at, to, stale)
	}
}

// agree compares what every way in says to somebody, and what a session may do, with what the oracle says.
func (m *signInModel) agree(t *rapid.T) {
	u := m.drawUser(t)
	if len(m.sessions) > 0 {
		s := rapid.SampledFrom(m.sessions).Draw(t, "session")
		m.look(t, s)
		u = s.user // what is remembered of one request is not for another one that has proved less
	}
	m.enterAll(t, u)
	m.enterAll(t, m.drawUser(t))
}

// enterAll compares what every way in says to somebody with what the oracle says, and what they reach by one of them.
func (m *signInModel) enterAll(t *rapid.T, u *domain.User) {
	for _, way := range m.ways[u.ID] {
		open := m.needed(u, usesKey(way)) == domain.ByPassword && !(usesToken(way) && m.ended[u.ID]) &&
			!m.shut(u, false, usesSession(way))
		got := m.w.enter(m.t, way)
		if open != (got != 401) || !slices.Contains([]int{200, 303, 401, 403}, got) {
			t.Fatalf("%s by %s is answered by %d, the oracle says %v", u.Alias, way.name, got, open)
		}
	}
	i := slices.IndexFunc(m.ways[u.ID], usesKey)
	way := m.ways[u.ID][i]
	if m.needed(u, true) > domain.ByPassword || m.shut(u, false, false) {
		return
	}
	for e := range m.environments {
		way.path = "/rest/environments/" + string(domain.NumberRef(e))
		opens := m.opens(u, e, domain.ByPassword)
		if got := m.w.enter(m.t, way); opens != (got == 200) || got != 200 && got != 404 {
			t.Fatalf("%s by %s is answered by %d at %d, the oracle says %v", u.Alias, way.name, got, e, opens)
		}
	}
}

// TestModelOfSignIns changes what environments demand, who is where in the tree and what they have, at random, and
// signs people in by every door: they come as far as the oracle says. A failure ends with the shortest history that
// leads to it.
func TestModelOfSignIns(t *testing.T) { runSignIns(t, 10) }

func runSignIns(t *testing.T, checks int) {
	t.Helper()
	setChecks(t, checks)
	eachEngine(t, func(t *testing.T, engine string) {
		w, company := serveSignIns(t, engine), newRogue(t)
		rapid.Check(t, func(rt *rapid.T) {
			m := newSignInModel(t, rt, w, company)
			rt.Repeat(map[string]func(*rapid.T){
				"": m.agree, "change rules": m.changeRules, "move an environment": m.moveEnvironment,
				"move another environment": m.moveEnvironment,
				"change somebody":          m.changeUser, "time passes": m.pass, "sign in": m.signIn, "prove": m.prove,
				"add a factor": m.addFactor, "add another factor": m.addFactor, "remove a factor": m.removeFactor,
				"ask for the provider": m.askForProvider, "ask for it again": m.askForProvider,
				"sign out": m.signOut, "link": m.link, "link another": m.link, "unlink": m.unlink,
				"unlink another":         m.unlink,
				"come from the provider": m.signInByProvider, "come from it again": m.signInByProvider,
				"switch the provider": m.switchProvider,
			})
		})
	})
}
