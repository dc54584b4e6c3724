package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
)

// noted returns what is kept of the sign-ins of somebody: when the last one was, from where and with what they were,
// and what mail told of them.
func (r *running) noted(t *testing.T, alias string) (all []string) {
	t.Helper()
	for _, query := range []string{
		"SELECT 'last ' || coalesce(last_connected_at, 0) || ' ' || coalesce(idle_since, 0) FROM users WHERE alias = '%s'",
		"SELECT 'from ' || k.address || ' ' || k.last_at FROM known_addresses k JOIN users u ON u.id = k.user_id " +
			"WHERE u.alias = '%s'",
		"SELECT 'with ' || k.network || k.client || ' ' || k.last_at FROM known_devices k JOIN users u " +
			"ON u.id = k.user_id WHERE u.alias = '%s'",
		"SELECT 'told ' || o.kind || ' ' || o.id FROM outbox o JOIN users u ON u.id = o.user_id WHERE u.alias = '%s' " +
			"AND o.kind = 'new_device'",
		"SELECT 'session ' || s.id FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.alias = '%s' " +
			"AND s.environment_id <> 0",
	} {
		rows, err := r.directory.DB.Pool().QueryContext(t.Context(), fmt.Sprintf(query+" ORDER BY 1", alias))
		require.NoError(t, err)
		for rows.Next() {
			var text string
			require.NoError(t, rows.Scan(&text))
			all = append(all, text)
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
	}
	return all
}

// What the rules of a place refuse is no sign-in, by whatever door it is tried: nothing is kept of it but, in the audit
// trail, that the password was right.
func TestNothingIsKeptOfWhoIsRefused(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		ways, open := w.credentials(t, "acme.user"), map[string]int{}
		for _, in := range ways {
			open[in.name] = w.enter(t, in)
		}
		refused := func(why string) {
			t.Helper()
			w.clock.set(w.clock.now().Add(time.Hour))
			before := w.noted(t, "acme.user")
			for _, in := range ways {
				require.Contains(t, []int{401, 403}, w.enter(t, in), "%s: %s", why, in.name)
				require.Equal(t, before, w.noted(t, "acme.user"), "%s: %s", why, in.name)
			}
		}
		let := func() {
			t.Helper()
			w.clock.set(w.clock.now().Add(time.Hour))
			for _, in := range ways {
				before := w.noted(t, "acme.user")
				w.clock.set(w.clock.now().Add(time.Hour)) // so that it is due again
				require.Equal(t, open[in.name], w.enter(t, in), in.name)
				if strings.Contains(in.name, "key") || strings.Contains(in.name, "before") {
					require.Equal(t, before, w.noted(t, "acme.user"), in.name)
				} else {
					require.NotEqual(t, before, w.noted(t, "acme.user"), in.name)
				}
			}
		}
		whole := signInsTold(t, w.running, w.principal(t, "admin"))[domain.SignInSuccess+" acme.user"]
		w.only(t, "Acme", true)
		refused("by the provider only")
		w.only(t, "Acme", false)
		w.demand(t, "Acme", domain.SignInRules{People: domain.ByCode})
		refused("a second factor")
		told := signInsTold(t, w.running, w.principal(t, "admin"))
		require.Equal(t, whole, told[domain.SignInSuccess+" acme.user"], "those of before")
		require.Positive(t, told[domain.SignInPassword+" acme.user"])
		w.demand(t, "Acme", domain.SignInRules{})
		let()

		// On the pages who has no factor yet goes on to make one, and has not signed in before that.
		w.only(t, "Acme", true)
		page := accounts.SignIn{Login: "acme.user", Password: testPassword, Address: "192.0.2.77",
			Kind: domain.CookieSession, Steps: true}
		before := w.noted(t, "acme.user")
		_, err := w.directory.Sessions.SignIn(t.Context(), page)
		require.ErrorIs(t, err, domain.ErrOnlyProvider)
		require.Equal(t, before, w.noted(t, "acme.user"))
		_, err = w.directory.Factors.SignIn(t.Context(), accounts.SignInByCode{SignIn: page, Code: "123456"})
		require.ErrorIs(t, err, domain.ErrOnlyProvider)
		require.Equal(t, before, w.noted(t, "acme.user"))
		w.only(t, "Acme", false)
		_, err = w.directory.Factors.SignIn(t.Context(), accounts.SignInByCode{SignIn: page, Code: "123456"})
		require.ErrorIs(t, err, domain.ErrBadCode)
		require.Equal(t, before, w.noted(t, "acme.user"), "a wrong code")
		_, err = w.directory.DB.Writer().ExecContext(t.Context(),
			"UPDATE users SET first_access = TRUE WHERE alias = 'acme.user'")
		require.NoError(t, err)
		_, err = w.directory.Sessions.SignIn(t.Context(), page)
		require.ErrorIs(t, err, domain.ErrPasswordExpired)
		require.Equal(t, before, w.noted(t, "acme.user"), "a password that has to be changed first")
	})
}

// A sign-in that is begun with less than the place demands is one when the rest is proved, and not before, also where
// the first factor is made on the way.
func TestASignInIsNotedWhenItIsWhole(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		c := newClock(time.Now())
		r := openConsole(t, engine, func(cfg *app.Config) { cfg.Now = c.now })
		at := func() { c.set(c.now().Add(time.Minute)) }
		r.demand(t, "Acme", domain.SignInRules{People: domain.ByPasskey})
		r.exec(t, "DELETE FROM sessions") // those of the demo's own history
		before := r.noted(t, "grace.hopper")
		unchanged := func(why string) {
			t.Helper()
			require.Equal(t, before, r.noted(t, "grace.hopper"), why)
		}
		g := r.visit(t)
		asked := g.press(t, g.get(t, "sign-in"), "sign-in", map[string]string{"login": "grace.hopper",
			"password": demoPassword})
		require.NotEqual(t, "/console/home", asked.at.Path)
		unchanged("the password alone")
		at()
		secret, _ := g.addCode(t, c, "phone")
		unchanged("a code, where a passkey is demanded")
		require.NotEqual(t, "/console/home", g.get(t, "home").at.Path)
		var expires, created int64
		require.NoError(t, r.directory.DB.Pool().QueryRowContext(t.Context(), "SELECT s.expires_at, s.created_at FROM "+
			"sessions s JOIN users u ON u.id = s.user_id WHERE u.alias = 'grace.hopper' AND s.environment_id = 0").
			Scan(&expires, &created))
		require.LessOrEqual(t, expires-created, (10 * time.Minute).Milliseconds(), "it is as short as before")
		at()
		g = r.visit(t)
		g.press(t, g.get(t, "sign-in"), "sign-in", map[string]string{"login": "grace.hopper", "password": demoPassword})
		g.press(t, g.get(t, "prove"), "prove", map[string]string{"code": codeAt(t, secret, c.now())})
		unchanged("a code proved, where a passkey is demanded")

		at()
		key, _ := g.addPasskey(t)
		require.Equal(t, "/console/home", g.get(t, "home").at.Path)
		after := r.noted(t, "grace.hopper")
		require.NotEqual(t, before[0], after[0], "the last sign-in is now")
		require.Greater(t, len(after), len(before))

		r.demand(t, "Acme", domain.SignInRules{})
		at()
		again := r.visit(t)
		again.press(t, again.get(t, "sign-in"), "sign-in", map[string]string{"login": "grace.hopper",
			"password": demoPassword})
		require.Equal(t, after, r.noted(t, "grace.hopper"), "the password of who has a factor")
		proof := again.send(t, "POST", "prove-challenge", formOf(t, again.get(t, "prove"), "prove-passkey"))
		form := formOf(t, again.get(t, "prove"), "prove-passkey")
		form.Set("answer", key.sign(t, proof.text))
		require.Equal(t, 303, again.send(t, "POST", "prove-passkey", form).status)
		require.NotEqual(t, after[0], r.noted(t, "grace.hopper")[0])
	})
}

// A passkey, and whoever a provider says that somebody is, are judged before they are noted as a password is.
func TestNothingIsKeptOfAPasskeyThatIsRefused(t *testing.T) {
	r := openConsole(t, "sqlite", private)
	h := newRogue(t)
	p := r.setUp(t, "Acme", h.URL, "canopy", "", nil)
	r.linkTo(t, "alan.turing", p, "alan")
	h.person = jwt.MapClaims{"sub": "alan"}
	g := r.visitAs(t, "alan.turing")
	key, _ := g.addPasskey(t)
	only := func(on bool) {
		_, err := r.directory.Environments.UpdateSignInRules(t.Context(), mustOperator(t, r),
			directory.SignInRulesPatch{Environment: "Acme", OnlyProvider: &on})
		require.NoError(t, err)
	}
	only(true)
	before, used := r.noted(t, "alan.turing"), r.passkeyUses(t)
	r.visit(t).byPasskey(t, key)
	require.Equal(t, before, r.noted(t, "alan.turing"))
	require.Equal(t, used, r.passkeyUses(t), "it was not used")
	only(false)
	r.visit(t).byPasskey(t, key)
	require.NotEqual(t, before, r.noted(t, "alan.turing"))
	require.NotEqual(t, used, r.passkeyUses(t))

	// Who comes from the provider and has a passkey has still to prove it.
	only(true)
	before = r.noted(t, "alan.turing")
	require.Equal(t, 303, r.visit(t).signsIn(t, h, p).status)
	require.Equal(t, before, r.noted(t, "alan.turing"))
}

// passkeyUses returns how far each passkey has counted, and when it was used.
func (r *running) passkeyUses(t *testing.T) (uses string) {
	t.Helper()
	require.NoError(t, r.directory.DB.Pool().QueryRowContext(t.Context(),
		"SELECT coalesce(max(step), 0) || ' ' || coalesce(max(last_at), 0) FROM factors").Scan(&uses))
	return uses
}
