package app_test

import (
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
)

// Somebody is who may be kept out by a demand, with all that they can prove.
type somebody struct {
	alias, home string
	role        domain.Role
	group       string
	kind        domain.Proof // of the factor that they have
	subject     string       // whom the provider means by it, empty for nobody
	key         string       // of a program

	code   string
	secret *passkey
}

// A demandZoo is a directory with everybody of whom demands may think differently.
type demandZoo struct {
	*twoTenants
	all      []*somebody
	company  *rogue
	provider accounts.ProviderDocument
}

// strictPlace asks for more than the demands of the test.
const strictPlace = "Acme/Prod/Strict"

func newDemandZoo(t *testing.T, engine string) *demandZoo {
	t.Helper()
	z := &demandZoo{twoTenants: serveSignIns(t, engine), company: newRogue(t)}
	z.addEnvironment(t, "Acme/Prod", "Strict", false)
	groups := map[string]domain.GroupRef{"": "User"}
	for _, g := range []struct {
		organization, alias, parent string
		role                        domain.Role
	}{{"Acme", "Deputies", "Root", domain.RolePower}, {"Acme", "Heads", "Root", domain.RoleOAdmin},
		{"Acme", "Staff", "Deputies", 0}, {"/", "Chiefs", "Root", domain.RolePower}} {
		in, parent, all := domain.EnvironmentRef(g.organization), domain.GroupRef(g.parent), domain.AllPermissions
		made, err := z.directory.Groups.Create(t.Context(), z.operator(t), directory.GroupPatch{Organization: &in,
			Parent: &parent, Alias: &g.alias, Role: &g.role, Mask: &all})
		require.NoError(t, err)
		groups[g.alias] = domain.NumberedGroup(made.ID)
	}
	z.provider = z.setUp(t, "Acme", z.company.URL, "canopy", "", nil)
	off := z.setUp(t, "Acme", newRogue(t).URL, "canopy", "", nil)
	code, key := domain.ByCode, domain.ByPasskey
	const user, power, admin = domain.RoleUser, domain.RolePower, domain.RoleOAdmin
	for _, p := range []somebody{
		{alias: "plain", home: "Acme/Prod", role: user}, {alias: "plain.code", home: "Acme/Prod", role: user, kind: code},
		{alias: "plain.key", home: "Acme/Prod", role: user, kind: key},
		{alias: "own", home: "Acme/Prod", role: power}, {alias: "own.code", home: "Acme/Prod", role: power, kind: code},
		{alias: "own.key", home: "Acme", role: admin, kind: key},
		{alias: "group", home: "Acme/Prod", role: user, group: "Deputies"},
		{alias: "group.code", home: "Acme/Prod", role: user, group: "Deputies", kind: code},
		{alias: "group.key", home: "Acme/Test", role: user, group: "Deputies", kind: key},
		{alias: "head.code", home: "Acme/Test", role: power, group: "Heads", kind: code},
		{alias: "staff.code", home: "Acme/Test", role: user, group: "Staff", kind: code}, // below a group with a role
		{alias: "chief.code", home: "Acme/Labs", role: user, group: "Chiefs", kind: code},
		{alias: "labs", home: "Acme/Labs", role: user},
		{alias: "strict", home: strictPlace, role: user}, {alias: "strict.code", home: strictPlace, role: user, kind: code},
		{alias: "strict.key", home: strictPlace, role: power, kind: key},
		{alias: "blocked", home: "Acme/Prod", role: user}, {alias: "off", home: "Acme/Prod", role: user},
		{alias: "invited", home: "Acme/Prod", role: user}, {alias: "idle", home: "Acme/Prod", role: user},
		{alias: "elsewhere", home: "Bolt/Prod", role: power},
		{alias: "linked", home: "Acme/Prod", role: user, subject: "one"},
		{alias: "linked.code", home: "Acme/Labs", role: power, group: "Chiefs", kind: code}, // Labs has no provider
		{alias: "linked.key", home: "Acme", role: user, group: "Heads", kind: key, subject: "three"},
		{alias: "linked.off", home: "Acme/Test", role: user},
		{alias: "emergency", home: "Acme", role: user}, {alias: "emergency.code", home: "Acme/Prod", role: user, kind: code},
		{alias: "program", home: "Acme/Prod", role: user, key: "yes"},
		{alias: "program.group", home: "Acme/Test", role: user, group: "Deputies", key: "yes"},
		{alias: "program.strict", home: strictPlace, role: user, key: "yes"},
		{alias: "program.off", home: "Acme/Test", role: user, key: "yes"},
	} {
		if p.key != "" {
			home, group := domain.EnvironmentRef(p.home), groups[p.group]
			made, err := z.directory.Accounts.CreateProgram(t.Context(), z.operator(t), accounts.NewProgram{
				User: directory.UserPatch{Alias: &p.alias, FirstName: &p.alias, Home: &home, Role: &p.role, Group: &group},
				Key:  accounts.NewAPIKey{Name: "key", Expires: z.clock.now().AddDate(1, 0, 0)}})
			require.NoError(t, err)
			p.key = string(made.Key.Text)
		} else {
			z.addUser(t, p.alias, p.home, p.role, groups[p.group])
			z.enrol(t, &p)
		}
		if p.subject != "" {
			z.linkTo(t, p.alias, z.provider, p.subject)
		}
		z.all = append(z.all, &p)
	}
	z.linkTo(t, "linked.off", off, "who is off")
	no := false
	_, err := z.directory.Providers.Update(t.Context(), z.operator(t), accounts.UpdateProvider{
		OrganizationProvider: accounts.OrganizationProvider{Organization: "Acme", Provider: off.ID},
		ProviderPatch:        accounts.ProviderPatch{Enabled: &no}})
	require.NoError(t, err)
	z.block(t, "blocked", "Acme/Prod")
	z.exec(t, "UPDATE users SET active = FALSE WHERE alias IN ('off', 'program.off')")
	z.exec(t, "UPDATE users SET state = 1 WHERE alias = 'invited'")
	z.exec(t, "UPDATE users SET revoke_delay = 1, idle_since = 1000 WHERE alias = 'idle'")
	z.demand(t, strictPlace, domain.SignInRules{People: domain.ByPasskey})
	return z
}

// enrol gives somebody the factor that they are to have.
func (z *demandZoo) enrol(t *testing.T, p *somebody) {
	t.Helper()
	if p.kind == domain.ByPassword {
		return
	}
	g := z.visit(t)
	g.send(t, http.MethodPost, "sign-in", url.Values{"login": {p.alias}, "password": {testPassword}})
	if p.kind == domain.ByCode {
		offered := g.press(t, g.get(t, "my-factors"), "my-code-offer", map[string]string{"password": testPassword})
		p.code = secretsOf(t, offered)[0]
		added := g.press(t, offered, "my-code", map[string]string{"name": "mine", "code": codeAt(t, p.code, z.clock.now())})
		require.Equal(t, 200, added.status, added.text)
		return
	}
	form := formOf(t, g.get(t, "my-factors"), "my-passkey")
	form.Set("password", testPassword)
	form.Set("name", "mine")
	offered := g.send(t, http.MethodPost, "my-passkey-offer", form)
	require.Equal(t, 200, offered.status, offered.text)
	var answer string
	p.secret, answer = newPasskey(t, publicURL, offered.text)
	form.Set("answer", answer)
	require.Less(t, g.send(t, http.MethodPost, "my-passkey", form).status, 400)
}

// opens reports whether some door opens to somebody who brings all that they have: to a program by its key, to a person
// by the password or the provider, and by their factor where that is asked for.
func (z *demandZoo) opens(t *testing.T, p *somebody) bool {
	t.Helper()
	if p.key != "" {
		status, _ := z.withKey(t, "apiKey", p.key, "GET", "/rest/me", "")
		return status == http.StatusOK
	}
	if status, _ := basicCaller(z.Address(), p.alias, testPassword).call(t, "GET", "/rest/me", ""); status == 200 {
		return true // also to who is blocked at home, whom the console does not let in
	}
	z.clock.set(z.clock.now().Add(time.Minute)) // a code is good once
	g := z.visit(t)
	g.send(t, http.MethodPost, "sign-in", url.Values{"login": {p.alias}, "password": {testPassword}})
	if z.proves(t, g, p) {
		return true
	}
	if p.subject == "" {
		return false
	}
	g = z.visit(t)
	asked, now := g.leaves(t, z.provider), z.clock.now()
	z.company.nonce = asked.Get("nonce")
	z.company.says(jwt.MapClaims{"sub": p.subject, "iat": now.Unix(), "auth_time": now.Unix(),
		"exp": now.Add(time.Minute).Unix()})
	g.comes(t, z.provider, url.Values{"state": {asked.Get("state")}, "code": {rand.Text()}})
	return z.proves(t, g, p)
}

// proves reports whether somebody comes to the pages, proving the factor that they have where they are asked for it.
func (z *demandZoo) proves(t *testing.T, g *guest, p *somebody) bool {
	t.Helper()
	at := g.get(t, "me")
	if at.at.Path == "/console/prove" && p.code != "" {
		g.press(t, at, "prove", map[string]string{"code": codeAt(t, p.code, z.clock.now())})
	} else if at.at.Path == "/console/prove" && p.secret != nil {
		form := formOf(t, at, "prove-passkey")
		asked := g.send(t, http.MethodPost, "prove-challenge", form)
		form.Set("answer", p.secret.sign(t, asked.text))
		g.send(t, http.MethodPost, "prove-passkey", form)
	}
	return g.get(t, "me").at.Path == "/console/me"
}

// preview returns whom the preview of rules for Acme says that they keep out, each number with the list behind it.
func (z *demandZoo) preview(t *testing.T, rules directory.SignInRulesPatch) []string {
	t.Helper()
	d, err := z.directory.Environments.PreviewSignInRules(t.Context(), z.operator(t), rules)
	require.NoError(t, err)
	out, err := z.directory.Overviews.LockedOut(t.Context(), z.operator(t), rules.Environment, d.All)
	require.NoError(t, err)
	kept, yes, no := map[string]bool{}, true, false
	told := func(n domain.Tally, f domain.UserFilter) {
		t.Helper()
		list, err := z.directory.Users.List(t.Context(), z.operator(t),
			directory.ListUsers{Environment: rules.Environment, Filter: f, Usable: true})
		require.NoError(t, err)
		found := 0
		for u, err := range list.Items {
			require.NoError(t, err)
			kept[u.Alias] = true
			found++
		}
		require.Equal(t, domain.Tally{N: int64(found)}, n, "%+v", f)
	}
	for _, l := range out.ByRole {
		told(l.People, domain.UserFilter{ActsAs: l.Role, Weaker: l.Demand, Programs: &no})
		if l.Programs.N > 0 {
			told(l.Programs, domain.UserFilter{ActsAs: l.Role, Programs: &yes})
		}
	}
	require.Equal(t, d.All.OnlyProvider, out.NotLinked != nil)
	if out.NotLinked != nil {
		told(out.NotLinked.People, domain.UserFilter{Linked: &no, Except: d.All.BreakGlass, Programs: &no})
		if out.NotLinked.Programs.N > 0 {
			told(out.NotLinked.Programs, domain.UserFilter{Programs: &yes})
		}
	}
	return slices.Sorted(maps.Keys(kept))
}

// TestPreviewsOfDemandsAreWhatDoorsDo tries the doors of everybody before and after each demand: those to whom no door
// opens any more are those whom its preview named. Of a place below that asks for more the preview names who lacks what
// is demanded above it, though they are kept out before, and nobody else there.
func TestPreviewsOfDemandsAreWhatDoorsDo(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		z := newDemandZoo(t, engine)
		before := map[string]bool{}
		for _, p := range z.all {
			before[p.alias] = z.opens(t, p)
		}
		for _, alias := range []string{"off", "invited", "idle", "program.off", "strict", "strict.code", "program.strict"} {
			require.False(t, before[alias], alias)
		}
		for _, alias := range []string{"plain", "plain.code", "group", "strict.key", "linked", "blocked", "program"} {
			require.True(t, before[alias], alias)
		}
		none, code, key, yes, no := domain.ByPassword, domain.ByCode, domain.ByPasskey, true, false
		left := []domain.UserRef{{Alias: "emergency"}, {Alias: "emergency.code"}}
		for _, rules := range []directory.SignInRulesPatch{
			{People: &code}, {People: &key}, {Admins: &code}, {Admins: &key}, {People: &code, Admins: &key},
			{People: &code, Admins: &key, ProgramsExempt: &yes},
			{OnlyProvider: &yes, BreakGlass: &left}, {OnlyProvider: &yes, BreakGlass: &left, ProgramsExempt: &yes},
			{OnlyProvider: &yes, BreakGlass: &left, People: &code},
		} {
			rules.Environment = "Acme"
			named := z.preview(t, rules)
			d, err := z.directory.Environments.UpdateSignInRules(t.Context(), z.operator(t), rules)
			require.NoError(t, err)
			var lost []string
			for _, p := range z.all {
				after := z.opens(t, p)
				if !after && (before[p.alias] || p.home == strictPlace && slices.Contains(named, p.alias)) {
					lost = append(lost, p.alias)
				}
				require.False(t, after && !before[p.alias], p.alias)
			}
			slices.Sort(lost)
			named = slices.DeleteFunc(named, func(alias string) bool { return strings.HasPrefix(alias, "acme.") })
			require.Equal(t, lost, named, "%v", d.Own.Fields())
			require.NotEmpty(t, lost)
			_, err = z.directory.Environments.UpdateSignInRules(t.Context(), z.operator(t), directory.SignInRulesPatch{
				Environment: "Acme", People: &none, Admins: &none, OnlyProvider: &no, BreakGlass: &[]domain.UserRef{},
				ProgramsExempt: &no})
			require.NoError(t, err)
		}
	})
}
