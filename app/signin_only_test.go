package app_test

import (
	"crypto/rand"
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

// only has an environment let people in by a provider only, but for those who are named.
func (w *twoTenants) only(t *testing.T, environment string, on bool, leftOut ...string) {
	t.Helper()
	users := make([]domain.UserRef, len(leftOut))
	for i, alias := range leftOut {
		users[i].Alias = alias
	}
	_, err := w.directory.Environments.UpdateSignInRules(t.Context(), w.operator(t), directory.SignInRulesPatch{
		Environment: domain.EnvironmentRef(environment), OnlyProvider: &on, BreakGlass: &users})
	require.NoError(t, err)
}

// Every door is closed to whoever does not come from their organization's provider where an environment on the way to
// their home says so, but for the accounts that it leaves out, which get in on the pages alone, and are told of.
func TestEveryDoorIsClosedButTheProvider(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		ways := map[string][]wayIn{}
		before := map[string]int{}
		for _, login := range []string{"acme.user", "acme.power", "bolt.admin"} {
			ways[login] = w.credentials(t, login)
			for _, in := range ways[login] {
				before[login+in.name] = w.enter(t, in)
				require.NotContains(t, []int{400, 401, 404, 405}, before[login+in.name], in.name)
			}
		}
		expect := func(login string, open bool, why string) {
			t.Helper()
			for _, in := range ways[login] {
				if status := w.enter(t, in); open {
					require.Equal(t, before[login+in.name], status, "%s: %s", why, in.name)
				} else {
					require.Contains(t, []int{401, 403}, status, "%s: %s", why, in.name)
				}
			}
		}
		signIn := func(alias string) (accounts.SignedIn, error) {
			return w.directory.Sessions.SignIn(t.Context(), accounts.SignIn{Login: alias, Password: testPassword,
				Address: "192.0.2.5", Kind: domain.CookieSession, Steps: true})
		}
		w.only(t, "Acme", true)
		expect("acme.user", false, "said above")
		expect("acme.power", false, "said above")
		expect("bolt.admin", true, "of another organization")
		_, err := signIn("acme.user")
		require.ErrorIs(t, err, domain.ErrOnlyProvider)
		w.give(t, "acme.admin", "another good password", false)
		_, err = w.directory.Sessions.SignIn(t.Context(), accounts.SignIn{Login: "acme.admin",
			Password: "another good password", Address: "192.0.2.5", Kind: domain.CookieSession, Steps: true})
		require.ErrorIs(t, err, domain.ErrOnlyProvider, "another password is no way in")
		w.only(t, "Acme/Prod", true, "acme.user")
		_, err = signIn("acme.user")
		require.ErrorIs(t, err, domain.ErrOnlyProvider, "what is below leaves nobody out of what is above")
		w.only(t, "Acme", true, "acme.power")
		_, err = signIn("acme.power")
		require.ErrorIs(t, err, domain.ErrOnlyProvider, "nor the other way round")
		w.only(t, "Acme/Prod", false)
		_, err = signIn("acme.user")
		require.ErrorIs(t, err, domain.ErrOnlyProvider)

		in, err := signIn("acme.power")
		require.NoError(t, err)
		require.True(t, in.Principal.BreakGlass)
		for _, way := range ways["acme.power"] {
			status := w.enter(t, way)
			session := strings.Contains(way.name, "login") || strings.Contains(way.name, "/auth") ||
				strings.Contains(way.name, "from before")
			if session {
				require.Equal(t, before["acme.power"+way.name], status, way.name)
			} else {
				require.Contains(t, []int{401, 403}, status, way.name)
			}
		}
		told := signInsTold(t, w.running, w.principal(t, "admin"))
		require.GreaterOrEqual(t, told[domain.SignInBreakGlass+" acme.power"], int64(1))
		require.Zero(t, told[domain.SignInBreakGlass+" acme.user"])
		var mails int
		require.NoError(t, w.directory.DB.Pool().QueryRowContext(t.Context(),
			"SELECT count(*) FROM outbox WHERE kind = 'break_glass'").Scan(&mails))
		require.GreaterOrEqual(t, mails, 1)

		w.only(t, "Acme", false)
		expect("acme.user", true, "no longer")
		soon := w.clock.now().Add(time.Hour)
		yes := true
		_, err = w.directory.Environments.UpdateSignInRules(t.Context(), w.operator(t),
			directory.SignInRulesPatch{Environment: "Acme", OnlyProvider: &yes, Grace: &soon})
		require.NoError(t, err)
		expect("acme.user", true, "announced")
		w.clock.set(soon)
		_, err = signIn("acme.user")
		require.ErrorIs(t, err, domain.ErrOnlyProvider, "announced, and now it counts")
	})
}

// What a client holds of a session is worth nothing while its user is to come from a provider, and is not used up by
// being refused.
func TestTokensUnderAProviderOnly(t *testing.T) {
	w := newTwoTenants(t, "sqlite")
	in, err := w.directory.Sessions.SignIn(t.Context(), accounts.SignIn{Login: "acme.user", Password: testPassword,
		Address: "192.0.2.5", Kind: domain.RefreshSession})
	require.NoError(t, err)
	active := func(token string) bool {
		t.Helper()
		found, err := w.directory.Sessions.Introspect(t.Context(), w.principal(t, "admin"), token)
		require.NoError(t, err)
		return found.Active
	}
	refresh := func() error {
		_, err := w.directory.Sessions.Refresh(t.Context(), accounts.Refresh{Token: in.Refresh, Address: "192.0.2.5"})
		return err
	}
	require.True(t, active(in.Access))
	require.True(t, active(in.Refresh))
	w.only(t, "Acme", true)
	require.False(t, active(in.Access))
	require.False(t, active(in.Refresh))
	require.ErrorIs(t, refresh(), domain.ErrOnlyProvider)
	w.only(t, "Acme", false)
	require.True(t, active(in.Access))
	require.NoError(t, refresh())
}

// Of an emergency those administrators are told who reach the account that was used, and the history tells all of them.
func TestWhoIsToldOfAnEmergency(t *testing.T) {
	w := newTwoTenants(t, "sqlite")
	w.only(t, "Acme", true, "acme.user")
	mails := func() (n int) {
		t.Helper()
		_, err := w.directory.Sessions.SignIn(t.Context(), accounts.SignIn{Login: "acme.user", Password: testPassword,
			Address: "192.0.2.5", Kind: domain.CookieSession, Steps: true})
		require.NoError(t, err)
		require.NoError(t, w.directory.DB.Pool().QueryRowContext(t.Context(),
			"SELECT count(*) FROM outbox WHERE kind = 'break_glass'").Scan(&n))
		return n
	}
	told := mails()
	require.Positive(t, told)
	w.block(t, "acme.admin", "Acme/Prod")
	require.Equal(t, told, mails(), "nobody else reaches it")
	w.block(t, "acme.admin")
	for n := range 3 {
		require.Equal(t, (n+2)*told, mails())
	}
	require.Equal(t, 4*told, mails(), "of more than five within an hour nobody is told")
	require.Equal(t, int64(6), signInsTold(t, w.running, w.principal(t, "admin"))[domain.SignInBreakGlass+" acme.user"])
}

// Programs go on with their keys where all environments that ask for something exempt them.
func TestProgramsUnderAProviderOnly(t *testing.T) {
	w := newTwoTenants(t, "sqlite")
	key := w.newKey(t, "acme.user", accounts.NewAPIKey{})
	_, err := w.directory.DB.Writer().ExecContext(t.Context(), "UPDATE users SET system = TRUE WHERE alias = 'acme.user'")
	require.NoError(t, err)
	status := func() int {
		n, _ := w.withKey(t, "apiKey", key, "GET", "/rest/me", "")
		return n
	}
	w.only(t, "Acme", true)
	require.Equal(t, 401, status())
	w.demand(t, "Acme", domain.SignInRules{ProgramsExempt: true})
	require.Equal(t, 200, status())
	w.only(t, "Acme/Prod", true)
	require.Equal(t, 401, status())
}

// Nobody asks for a provider only and shuts themselves out, or leaves no way in where no provider answers.
func TestAProviderOnlyLeavesAWayIn(t *testing.T) {
	w := newTwoTenants(t, "sqlite")
	yes := true
	ask := func(by domain.Principal, environment domain.EnvironmentRef, leftOut ...string) error {
		users := make([]domain.UserRef, len(leftOut))
		for i, alias := range leftOut {
			users[i].Alias = alias
		}
		_, err := w.directory.Environments.UpdateSignInRules(t.Context(), by,
			directory.SignInRulesPatch{Environment: environment, OnlyProvider: &yes, BreakGlass: &users})
		return err
	}
	admin := w.principal(t, "acme.admin")
	err := ask(admin, "Acme", "acme.user")
	require.Equal(t, "only_provider", domain.AsError(err).Field, "%v", err)
	admin.ByProvider = true
	require.ErrorIs(t, ask(admin, "Acme"), domain.ErrNoBreakGlass)
	for _, statement := range []string{"password_hash = ''", "active = FALSE", "state = 1"} {
		_, err = w.directory.DB.Writer().ExecContext(t.Context(), "UPDATE users SET "+statement+" WHERE alias = 'acme.user'")
		require.NoError(t, err)
		require.ErrorIs(t, ask(admin, "Acme", "acme.user"), domain.ErrNoBreakGlass, statement)
		_, err = w.directory.DB.Writer().ExecContext(t.Context(),
			"UPDATE users SET password_hash = 'x', active = TRUE, state = 0 WHERE alias = 'acme.user'")
		require.NoError(t, err)
	}
	require.Equal(t, "break_glass", domain.AsError(ask(admin, "Acme", "bolt.user")).Field)
	require.ErrorIs(t, ask(w.principal(t, "admin"), "Acme", "bolt.user"), domain.ErrInvalid)
	err = ask(admin, "Acme", slices.Repeat([]string{"acme.user"}, domain.MaxBreakGlass+1)...)
	require.ErrorContains(t, err, "at most 5")
	system := func(is string) {
		_, err := w.directory.DB.Writer().ExecContext(t.Context(),
			"UPDATE users SET system = "+is+" WHERE alias = 'acme.power'")
		require.NoError(t, err)
	}
	system("TRUE")
	err = ask(admin, "Acme", "acme.user", "acme.power")
	require.ErrorContains(t, err, "people at home there", "a program signs in nowhere")
	system("FALSE")
	require.NoError(t, ask(admin, "Acme", "acme.user"))
	_, err = w.directory.Environments.UpdateSignInRules(t.Context(), admin,
		directory.SignInRulesPatch{Environment: "Acme", BreakGlass: &[]domain.UserRef{}})
	require.ErrorIs(t, err, domain.ErrNoBreakGlass, "the last one is not taken off")
	require.NoError(t, ask(w.principal(t, "admin"), "Bolt"), "who administers from above is a way in")
	require.ErrorIs(t, ask(w.principal(t, "acme.power"), "Prod"), domain.ErrForbidden)
}

// Who comes from the provider gets in, and stays in as long as it is on; by nothing else do they, a passkey included.
func TestTheProviderIsTheOnlyWayIn(t *testing.T) {
	r := openConsole(t, "sqlite", private)
	h := newRogue(t)
	p := r.setUp(t, "Acme", h.URL, "canopy", "", nil)
	r.linkTo(t, "alan.turing", p, "alan")
	h.person = jwt.MapClaims{"sub": "alan"}
	standing := r.visitAs(t, "alan.turing")
	require.Equal(t, "Alan", standing.in(t))
	only := func(on bool) {
		t.Helper()
		_, err := r.directory.Environments.UpdateSignInRules(t.Context(), mustOperator(t, r),
			directory.SignInRulesPatch{Environment: "Acme", OnlyProvider: &on})
		require.NoError(t, err)
	}
	key, _ := standing.addPasskey(t)
	byPasskey := func() string {
		g := r.visit(t)
		g.byPasskey(t, key)
		return g.in(t)
	}
	require.Equal(t, "Alan", byPasskey())
	only(true)
	require.Empty(t, byPasskey(), "a passkey alone")
	require.Empty(t, standing.in(t), "a session that was begun by a password")
	g := r.visit(t)
	refused := g.press(t, g.get(t, "sign-in"), "sign-in",
		map[string]string{"login": "alan.turing", "password": demoPassword})
	require.Contains(t, refused.text, "identity provider only")
	require.Empty(t, g.in(t))
	require.Equal(t, 303, g.signsIn(t, h, p).status)
	require.NotEmpty(t, g.get(t, "prove").text)
	asked := g.send(t, "POST", "prove-challenge", formOf(t, g.get(t, "prove"), "prove-passkey"))
	proof := formOf(t, g.get(t, "prove"), "prove-passkey")
	proof.Set("answer", key.sign(t, asked.text))
	require.Equal(t, 303, g.send(t, "POST", "prove-passkey", proof).status)
	require.Equal(t, "Alan", g.in(t), "who proves more is still one who came from the provider")
	off, on := false, true
	enable := func(enabled *bool) {
		t.Helper()
		_, err := r.directory.Providers.Update(t.Context(), mustOperator(t, r), accounts.UpdateProvider{
			OrganizationProvider: accounts.OrganizationProvider{Organization: "Acme", Provider: p.ID},
			ProviderPatch:        accounts.ProviderPatch{Enabled: enabled}})
		require.NoError(t, err)
	}
	enable(&off)
	require.Empty(t, g.in(t), "the provider is off")
	enable(&on)
	require.Empty(t, g.in(t), "and its sessions have ended")
	only(false)
	require.Equal(t, "Alan", byPasskey())
}

// Who has to come from a provider, and has proved by something else who they are, is shown the way to each provider of
// their organization that is on; whoever has not proved it is shown none. Who is left out is told what they came in by.
func TestWhoComesByAProviderIsShownTheWay(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, private)
		h := newRogue(t)
		p := r.setUp(t, "Acme", h.URL, "canopy", "", nil)
		second := newRogue(t)
		off := r.setUp(t, "Acme", second.URL, "canopy", "", func(in *accounts.CreateProvider) { in.Enabled = new(false) })
		other := r.setUp(t, "Globex", h.URL, "canopy", "", nil)
		r.linkTo(t, "alan.turing", p, "alan")
		h.person = jwt.MapClaims{"sub": "alan"}
		alan := r.visitAs(t, "alan.turing")
		key, _ := alan.addPasskey(t)
		_, err := r.directory.Environments.UpdateSignInRules(t.Context(), mustOperator(t, r),
			directory.SignInRulesPatch{Environment: "Acme", OnlyProvider: new(true),
				BreakGlass: &[]domain.UserRef{{Alias: "grace.hopper"}}})
		require.NoError(t, err)

		g := r.visit(t)
		ways := func(on page) (to []string) {
			for _, a := range elements(t, on, "a") {
				if href := attr(a, "href"); strings.HasPrefix(href, "provider-in") {
					to = append(to, href)
				}
			}
			return to
		}
		try := func(login, password string) page {
			return g.press(t, g.get(t, "sign-in?next=my-keys"), "sign-in",
				map[string]string{"login": login, "password": password})
		}
		require.Empty(t, ways(try("alan.turing", "wrong")))
		require.Empty(t, ways(try("nobody.here", demoPassword)))
		shown := ways(try("alan.turing", demoPassword))
		require.Len(t, shown, 1, "not %s, which is off, nor %s", off.ProviderKey, other.ProviderKey)
		require.Contains(t, shown[0], p.ProviderKey.String())
		require.Len(t, ways(g.byPasskey(t, key)), 1)
		require.Empty(t, g.in(t))

		sent := g.send(t, "GET", shown[0], nil)
		to := mustURL(t, sent.header.Get("Location"))
		require.Equal(t, h.URL, "http://"+to.Host)
		h.nonce = to.Query().Get("nonce")
		done := g.comes(t, p, url.Values{"state": {to.Query().Get("state")}, "code": {rand.Text()}})
		require.Contains(t, done.header.Get("Location"), "my-keys", "where they wanted to go")

		entrance := mustURL(t, p.Entrance)
		require.Equal(t, 303, r.visit(t).send(t, "GET", entrance.RequestURI(), nil).status)
		require.Contains(t, r.visitAs(t, "grace.hopper").get(t, "me").text, "You came in by an emergency account.")
		require.NotContains(t, r.visitAs(t, "admin").get(t, "me").text, "emergency account")

		_, err = r.directory.Environments.UpdateSignInRules(t.Context(), mustOperator(t, r),
			directory.SignInRulesPatch{Environment: "Acme", People: new(domain.ByPasskey)})
		require.NoError(t, err)
		g = r.visit(t)
		require.Len(t, ways(try("alan.turing", demoPassword)), 1, "whatever else is demanded")
	})
}
