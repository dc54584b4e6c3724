package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/surface/axway"
	"canopy/domain"
)

// What published advisories about other servers tell of second factors and sessions, each tried here.

// onFactors serves the demo under a clock of its own.
func onFactors(t *testing.T) (*running, *clock) {
	t.Helper()
	c := newClock(time.Now())
	return openConsole(t, "sqlite", func(cfg *app.Config) { cfg.Now = c.now }), c
}

// addPasskey adds a passkey to the account that a browser is signed in to, and returns the page that comes then.
func (g *guest) addPasskey(t *testing.T) (*passkey, page) {
	t.Helper()
	form := formOf(t, g.get(t, "my-factors"), "my-passkey")
	form.Set("password", demoPassword)
	offered := g.send(t, http.MethodPost, "my-passkey-offer", form)
	require.Equal(t, 200, offered.status, offered.text)
	p, answer := newPasskey(t, publicURL, offered.text)
	form.Set("answer", answer)
	added := g.follow(t, g.send(t, http.MethodPost, "my-passkey", form))
	require.Equal(t, 200, added.status, added.text)
	return p, added
}

// askPasskey asks to sign in by a passkey alone, and returns what is to be signed.
func (g *guest) askPasskey(t *testing.T) string {
	t.Helper()
	asked := g.send(t, http.MethodPost, "passkey-challenge", url.Values{"lang": {"en"}})
	require.Equal(t, 200, asked.status, asked.text)
	return asked.text
}

// byPasskey signs in by a passkey alone.
func (g *guest) byPasskey(t *testing.T, p *passkey) page {
	t.Helper()
	return g.send(t, http.MethodPost, "passkey", url.Values{"answer": {p.sign(t, g.askPasskey(t))}})
}

// byPasskeyAlone signs somebody in by their only factor, a passkey, and returns them in that session and the factor.
func (r *running) byPasskeyAlone(t *testing.T, alias string, p *passkey) (*guest, domain.Principal, domain.UUID) {
	t.Helper()
	g, ref := r.visit(t), domain.UserRef{Alias: alias}
	require.Equal(t, 303, g.byPasskey(t, p).status)
	holder := r.asOwner(t, alias)
	sessions, err := r.directory.Sessions.List(t.Context(), mustOperator(t, r), ref)
	require.NoError(t, err)
	holder.Session = sessions[0].ID
	held, err := r.directory.Factors.List(t.Context(), mustOperator(t, r), ref)
	require.NoError(t, err)
	require.Len(t, held.Factors, 1)
	return g, holder, held.Factors[0].ID
}

// askProof has a passkey sign what the browser's session is asked, and returns the form that proves it.
func (g *guest) askProof(t *testing.T, p *passkey) url.Values {
	t.Helper()
	form := formOf(t, g.get(t, "prove"), "prove-passkey")
	asked := g.send(t, http.MethodPost, "prove-challenge", form)
	require.Equal(t, 200, asked.status, asked.text)
	form.Set("answer", p.sign(t, asked.text))
	return form
}

// copied returns another browser with the same cookies.
func (r *running) copied(t *testing.T, g *guest) *guest {
	t.Helper()
	other, at := r.visit(t), mustURL(t, r.Address())
	other.client.Jar.SetCookies(at, g.client.Jar.Cookies(at))
	return other
}

// hold has a browser hold the cookie of that name which another one holds.
func (g *guest) hold(t *testing.T, name string, of *guest) {
	t.Helper()
	at := mustURL(t, g.base)
	for _, c := range of.client.Jar.Cookies(at) {
		if c.Name == name {
			g.client.Jar.SetCookies(at, []*http.Cookie{c})
			return
		}
	}
	require.Fail(t, "there is no such cookie", name)
}

const passkeyTicket = "canopy-passkey"

// TestStepUpIsGoodOnce holds that what proves somebody in a session is good once, in that session, while it lasts.
func TestStepUpIsGoodOnce(t *testing.T) {
	r, c := onFactors(t)
	g := r.visitAs(t, "grace.hopper")
	key, _ := g.addPasskey(t)
	key.synced = true
	refused := func(g *guest, form url.Values, why string) {
		t.Helper()
		form.Set("csrf", formOf(t, g.get(t, "prove"), "prove-passkey").Get("csrf"))
		got := g.send(t, http.MethodPost, "prove-passkey", form)
		require.Equal(t, 403, got.status, why)
		require.Contains(t, got.text, notAccepted, why)
	}

	form := g.askProof(t, key)
	before := r.copied(t, g)
	require.Equal(t, 303, g.send(t, http.MethodPost, "prove-passkey", form).status)
	require.Contains(t, before.send(t, http.MethodPost, "prove-passkey", form).header.Get("Location"), "sign-in",
		"in the session that was proved, which has ended by that")
	g.hold(t, passkeyTicket, before)
	refused(g, form, "in the session that came of it")

	form = g.askProof(t, key)
	other := r.visitAs(t, "grace.hopper")
	require.Equal(t, "/console/prove", other.get(t, "me").at.Path)
	other.hold(t, passkeyTicket, g)
	refused(other, form, "in another session of theirs")
	require.Equal(t, "/console/prove", other.get(t, "me").at.Path)

	ended := r.copied(t, g)
	g.press(t, g.get(t, "me"), "sign-out", nil)
	require.Contains(t, ended.send(t, http.MethodPost, "prove-passkey", form).header.Get("Location"), "sign-in")

	alone := r.visit(t)
	asked := alone.askPasskey(t)
	thief := r.copied(t, alone)
	signed := url.Values{"answer": {key.sign(t, asked)}}
	require.Equal(t, 303, alone.send(t, http.MethodPost, "passkey", signed).status)
	require.Equal(t, 403, thief.send(t, http.MethodPost, "passkey", signed).status, "an answer that signed somebody in")

	in := r.visitAs(t, "ada.lovelace")
	secret, _ := in.addCode(t, c, "phone")
	c.set(c.now().Add(time.Minute))
	code := codeAt(t, secret, c.now())
	first, second := r.visitAs(t, "ada.lovelace"), r.visitAs(t, "ada.lovelace")
	prove := func(g *guest) page { return g.press(t, g.get(t, "prove"), "prove", map[string]string{"code": code}) }
	require.Equal(t, "/console/home", prove(first).at.Path)
	require.Equal(t, 403, prove(second).status, "a code that was used in another session")
}

// TestFixedSessionsGetNothing holds that whoever knows a session before more is proved in it has nothing of it
// afterwards, however it is proved.
func TestFixedSessionsGetNothing(t *testing.T) {
	r, c := onFactors(t)
	var secret string
	var recovery []string
	var key *passkey
	type step struct {
		name  string
		login string
		do    func(g *guest)
	}
	for _, s := range []step{
		{"by the password again", "grace.hopper", func(g *guest) {
			g.press(t, g.get(t, "prove"), "prove", map[string]string{"password": demoPassword})
		}},
		{"by adding one-time codes", "grace.hopper", func(g *guest) { secret, recovery = g.addCode(t, c, "phone") }},
		{"by a one-time code", "grace.hopper", func(g *guest) {
			g.press(t, g.get(t, "prove"), "prove", map[string]string{"code": codeAt(t, secret, c.now())})
		}},
		{"by a recovery code", "grace.hopper", func(g *guest) {
			g.press(t, g.get(t, "prove"), "prove", map[string]string{"code": recovery[0]})
		}},
		{"by adding a passkey", "ada.lovelace", func(g *guest) { key, _ = g.addPasskey(t) }},
		{"by a passkey", "ada.lovelace", func(g *guest) {
			require.Equal(t, 303, g.send(t, http.MethodPost, "prove-passkey", g.askProof(t, key)).status)
		}},
	} {
		c.set(c.now().Add(time.Minute))
		g := r.visitAs(t, s.login)
		fixed := r.copied(t, g)
		require.NotEqual(t, "/console/sign-in", fixed.get(t, "me").at.Path, s.name)
		s.do(g)
		require.Equal(t, "/console/me", g.get(t, "me").at.Path, s.name)
		require.Equal(t, "/console/sign-in", fixed.get(t, "me").at.Path, s.name)
	}
}

// TestRecoveryCodesOpenNothingStricter holds that a recovery code is no more than the one-time code in whose place it
// is: it does not open what demands a passkey, neither of people at home there nor of whoever comes from an organization
// that asks for less, and nobody else's account.
func TestRecoveryCodesOpenNothingStricter(t *testing.T) {
	r, c := onFactors(t)
	prove := func(g *guest, code string) page { // also where the page asks for none, as it is not enough
		t.Helper()
		form := formOf(t, g.get(t, "prove"), "sign-out")
		form.Set("code", code)
		return g.send(t, http.MethodPost, "prove", form)
	}
	recover := func(login, code string) *guest {
		t.Helper()
		g := r.visitAs(t, login)
		p := prove(g, code)
		require.Equal(t, 303, p.status, p.text)
		return g
	}
	_, codes := r.visitAs(t, "grace.hopper").addCode(t, c, "phone")
	_, hers := r.visitAs(t, "ada.lovelace").addCode(t, c, "phone")
	require.Equal(t, "/console/people", recover("grace.hopper", codes[0]).get(t, "people").at.Path)
	r.demand(t, "Acme", domain.SignInRules{People: domain.ByPasskey})
	in := recover("grace.hopper", codes[1])
	require.Equal(t, "/console/my-factors", in.get(t, "people").at.Path, "they have still to add a passkey")
	in.addPasskey(t)
	require.Equal(t, "/console/people", in.get(t, "people").at.Path)
	require.Equal(t, "/console/prove", recover("grace.hopper", codes[2]).get(t, "people").at.Path,
		"who has a passkey proves that")
	thief := r.visitAs(t, "grace.hopper")
	for _, code := range []string{codes[2], hers[0]} {
		require.Equal(t, 403, prove(thief, code).status, "a code that was used, or is somebody else's")
	}

	r.demand(t, "Acme", domain.SignInRules{Above: domain.ByPasskey})
	above := r.visitAs(t, "admin")
	_, own := above.addCode(t, c, "phone")
	key, _ := above.addPasskey(t)
	require.Equal(t, 200, above.get(t, "place?id=Acme").status)
	weak := recover("admin", own[0])
	require.Equal(t, 200, weak.get(t, "place?id=Globex").status)
	require.Equal(t, 404, weak.get(t, "place?id=Acme").status)
	require.Equal(t, 303, weak.send(t, http.MethodPost, "prove-passkey", weak.askProof(t, key)).status)
	require.Equal(t, 200, weak.get(t, "place?id=Acme").status)
}

// TestWhoMustEnrolMayOnlyEnrolOrLeave holds that a password opens no page but that of factors where more is demanded.
func TestWhoMustEnrolMayOnlyEnrolOrLeave(t *testing.T) {
	r, c := onFactors(t)
	r.demand(t, "Acme", domain.SignInRules{People: domain.ByCode})
	g := r.visitAs(t, "grace.hopper")
	token := formOf(t, g.get(t, "my-factors"), "my-code-offer").Get("csrf")
	for _, addresses := range consolePages {
		for _, name := range addresses {
			page, _, _ := strings.Cut(name, "?")
			switch got := g.get(t, name); page {
			case "my-factors", "my-password", "sign-in", "forgot":
			case "roles", "person-new", "program-new", "import", "invite", "why": // which have nothing in them yet
				require.NotContains(t, got.text, "Operators", name)
			default:
				require.Equal(t, "/console/my-factors", got.at.Path, name)
			}
		}
	}
	for _, name := range consoleParts {
		require.NotContains(t, g.get(t, name).text, "Operators", name)
	}
	for _, name := range []string{"me", "my-keys", "my-key-revoke", "my-sessions", "person-new", "place-signin"} {
		got := g.send(t, http.MethodPost, name, url.Values{"csrf": {token}, "name": {"mine"}, "id": {"Acme"},
			"key": {uuid.NewString()}})
		require.Equal(t, 303, got.status, name)
		require.Contains(t, got.header.Get("Location"), "prove", name)
	}
	g.press(t, g.get(t, "my-factors"), "sign-out", nil)
	require.Equal(t, "/console/sign-in", g.get(t, "my-factors").at.Path)

	g = r.visitAs(t, "grace.hopper")
	secret, recovery := g.addCode(t, c, "phone")
	require.Len(t, recovery, 10)
	require.Equal(t, "/console/people", g.get(t, "people").at.Path)
	c.set(c.now().Add(time.Minute))
	g = r.visitAs(t, "grace.hopper")
	require.Equal(t, "/console/prove", g.get(t, "my-factors").at.Path, "who has a factor proves it, and adds none")
	g.press(t, g.get(t, "prove"), "prove", map[string]string{"code": codeAt(t, secret, c.now())})
	require.Equal(t, "/console/people", g.get(t, "people").at.Path)
}

// TestSecondFactorIsLeftOutByNoDoor holds that what a password begins is no way around the factor: not the cookie of the
// pages in the place of another surface's, not another password by mail, and not a token to be refreshed.
func TestSecondFactorIsLeftOutByNoDoor(t *testing.T) {
	r, c := onFactors(t)
	in, err := r.directory.Sessions.SignIn(t.Context(), accounts.SignIn{Login: "ada.lovelace", Password: demoPassword,
		Address: "192.0.2.5", Kind: domain.RefreshSession})
	require.NoError(t, err)
	r.demand(t, "Acme", domain.SignInRules{People: domain.ByCode})
	_, err = r.directory.Sessions.Refresh(t.Context(), accounts.Refresh{Token: in.Refresh})
	require.ErrorIs(t, err, domain.ErrFactorNeeded)
	r.demand(t, "Acme", domain.SignInRules{})
	_, err = r.directory.Sessions.Refresh(t.Context(), accounts.Refresh{Token: in.Refresh})
	require.NoError(t, err)

	r.visitAs(t, "grace.hopper").addCode(t, c, "phone")
	g := r.visitAs(t, "grace.hopper")
	at := mustURL(t, r.Address())
	for _, cookie := range g.client.Jar.Cookies(at) {
		status, _ := caller{r.Address(), map[string]string{"Cookie": axway.SessionCookie + "=" + cookie.Value}}.
			call(t, "GET", "/api/portal/v1.3/currentuser", "")
		require.Equal(t, 401, status)
	}

	stranger := r.visit(t)
	stranger.press(t, stranger.get(t, "forgot"), "forgot", map[string]string{"name": "grace.hopper"})
	require.NoError(t, r.directory.RunJobs(t.Context()))
	link := mustURL(t, r.mailedLink(t, "grace.hopper@acme.example"))
	const chosen = "another-long-pass-1"
	reset := stranger.get(t, "reset?"+link.RawQuery)
	done := stranger.press(t, reset, "reset", map[string]string{"password": chosen, "again": chosen})
	require.Less(t, done.status, 400, done.text)
	require.NotEqual(t, "/console/me", stranger.get(t, "me").at.Path)
	stranger.press(t, stranger.get(t, "sign-in"), "sign-in", map[string]string{"login": "grace.hopper",
		"password": chosen})
	require.Equal(t, "/console/prove", stranger.get(t, "me").at.Path)
}

// TestWhatIsDangerousIsProvedAgainOnThePages holds that the pages ask again for what somebody has, not for less, and
// lead on from there.
func TestWhatIsDangerousIsProvedAgainOnThePages(t *testing.T) {
	r, c := onFactors(t)
	r.demand(t, "Acme", domain.SignInRules{ProofAge: 10 * time.Minute})
	g := r.visitAs(t, "grace.hopper")
	make := func(name string) page {
		return g.press(t, g.get(t, "my-keys"), "my-keys", map[string]string{"name": name, "expires": "2099-01-31"})
	}
	require.Contains(t, make("at once").text, "secret")
	c.set(c.now().Add(11 * time.Minute))
	require.Equal(t, "/console/my-keys", g.get(t, "my-keys").at.Path, "looking is not dangerous")
	asked := make("too late")
	require.Equal(t, "/console/prove", asked.at.Path)
	require.Equal(t, "my-keys?said=undone", asked.at.Query().Get("next"), "it leads back to the form")
	require.Equal(t, 403, g.press(t, asked, "prove", map[string]string{"password": "wrong"}).status)
	require.Equal(t, "/console/prove", make("still too late").at.Path)
	back := g.press(t, asked, "prove", map[string]string{"password": demoPassword})
	require.Equal(t, "/console/my-keys", back.at.Path)
	require.Contains(t, back.text, "That was not done yet")
	require.Equal(t, "/console/my-keys", g.get(t, "prove?next=my-keys").at.Path, "there is nothing to prove")
	require.Contains(t, make("proved").text, "secret")

	secret, _ := g.addCode(t, c, "phone")
	c.set(c.now().Add(11 * time.Minute))
	asked = make("too late again")
	require.Equal(t, "/console/prove", asked.at.Path)
	form := formOf(t, asked, "prove")
	form.Set("password", demoPassword)
	require.Equal(t, 403, g.send(t, http.MethodPost, "prove", form).status, "a password is less than they have")
	require.Equal(t, "/console/prove", make("not by that").at.Path)
	g.press(t, asked, "prove", map[string]string{"code": codeAt(t, secret, c.now())})
	require.Contains(t, make("proved again").text, "secret")
	keys := g.get(t, "my-keys").text
	require.Contains(t, keys, "proved again")
	require.NotContains(t, keys, "late")
}
