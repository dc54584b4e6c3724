package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/domain"
)

// TestPeopleWithoutAPasswordProveThemselves holds that who has no password changes what they sign in by in a session
// that their provider or a factor of theirs proved a moment ago, and by nothing else.
func TestPeopleWithoutAPasswordProveThemselves(t *testing.T) {
	c := newClock(time.Now())
	r := openConsole(t, "sqlite", func(cfg *app.Config) {
		private(cfg)
		cfg.Now = c.now
	})
	h := newRogue(t)
	p := r.setUp(t, "Acme", h.URL, "canopy", "", func(in *accounts.CreateProvider) {
		all := domain.AllNewcomers
		in.Newcomers = &all
	})
	// at moves the clock, and the provider's with it.
	at := func(to time.Time, more jwt.MapClaims) {
		c.set(to)
		h.person = jwt.MapClaims{"sub": "new", "preferred_username": "brand-new", "iat": to.Unix(),
			"exp": to.Add(time.Minute).Unix(), "auth_time": to.Unix()}
		for name, value := range more {
			h.person[name] = value
		}
	}
	signIn := func() *guest {
		g := r.visit(t)
		done := g.signsIn(t, h, p)
		require.Equal(t, 303, done.status, done.text)
		return g
	}
	refused := func(t *testing.T, g *guest) {
		t.Helper()
		mine := g.get(t, "my-factors")
		for _, action := range []string{"my-code-offer", "my-link"} {
			got := g.press(t, mine, action, map[string]string{"password": "any password at all"})
			require.Equal(t, 403, got.status, action)
			require.Contains(t, got.text, "this needs a sign-in of the last five minutes", action)
			require.Empty(t, secretsOf(t, got))
		}
	}
	const kept = 5 * time.Minute
	began := c.now()
	at(began, nil)
	g := signIn()
	mine := g.get(t, "my-factors")
	require.Contains(t, mine.text, "You have no password: this goes on within five minutes")
	require.NotContains(t, formOf(t, mine, "my-code-offer"), "password", "nobody is asked for what they do not have")
	require.NotContains(t, formOf(t, mine, "my-link"), "password")

	newcomer := r.asOwner(t, "brand-new")
	sessions, err := r.directory.Sessions.List(t.Context(), mustOperator(t, r), domain.UserRef{Alias: "brand-new"})
	require.NoError(t, err)
	newcomer.Session = sessions[0].ID
	offer := func(who domain.Principal) error {
		_, err := r.directory.Factors.OfferCode(t.Context(), who, accounts.Fresh[struct{}]{Password: "x"})
		return err
	}
	require.NoError(t, offer(newcomer))

	t.Run("a token, a key and a password that comes along prove nothing", func(t *testing.T) {
		without := newcomer
		without.Session = ""
		require.ErrorIs(t, offer(without), domain.ErrForbidden)
		for _, kind := range []domain.SessionKind{domain.TokenSession, domain.RefreshSession} {
			r.exec(t, fmt.Sprintf("UPDATE sessions SET kind = %d WHERE id = '%s'", kind, newcomer.Session))
			require.ErrorIs(t, offer(newcomer), domain.ErrForbidden, kind)
			_, err := r.directory.Providers.BeginLink(t.Context(), newcomer,
				accounts.Fresh[accounts.BeginProvider]{In: accounts.BeginProvider{Provider: p.ProviderKey}})
			require.ErrorIs(t, err, domain.ErrForbidden, kind)
		}
		r.exec(t, fmt.Sprintf("UPDATE sessions SET kind = %d WHERE id = '%s'", domain.CookieSession, newcomer.Session))
		require.NoError(t, offer(newcomer))

		key, err := r.directory.APIKeys.Create(t.Context(), newcomer,
			accounts.OfUser[accounts.NewAPIKey]{In: accounts.NewAPIKey{Name: "mine"}})
		require.NoError(t, err)
		status, _ := caller{r.Address(), map[string]string{"Authorization": "Bearer " + string(key.Text)}}.
			call(t, "POST", "/rest/me/factors", `{"password": "any password at all"}`)
		require.Equal(t, 403, status)
		status, _ = basicCaller(r.Address(), "brand-new", "").call(t, "POST", "/rest/me/factors", `{"password": ""}`)
		require.Equal(t, 401, status)
	})

	t.Run("a moment ago, and no later", func(t *testing.T) {
		at(began.Add(kept-time.Millisecond), nil)
		require.Equal(t, 200, g.press(t, g.get(t, "my-factors"), "my-code-offer", nil).status)
		_, to := g.linked(t, "")
		require.NotEmpty(t, to)
		at(began.Add(kept), nil)
		refused(t, g)
	})

	t.Run("a provider that says how long ago it was is believed, and one that does not is not", func(t *testing.T) {
		for _, when := range []any{began.Unix() - 1, nil} {
			at(began.Add(kept), jwt.MapClaims{"auth_time": when})
			refused(t, signIn())
		}
	})

	var secret string
	t.Run("they sign in again, and add a factor", func(t *testing.T) {
		at(began.Add(kept), nil)
		g = signIn()
		offered := g.press(t, g.get(t, "my-factors"), "my-code-offer", nil)
		require.Equal(t, 200, offered.status, offered.text)
		secret = secretsOf(t, offered)[0]
		added := g.press(t, offered, "my-code", map[string]string{"name": "phone", "code": codeAt(t, secret, c.now())})
		require.Equal(t, 200, added.status, added.text)
	})

	t.Run("they take it away by a factor that was proved a moment ago", func(t *testing.T) {
		at(began.Add(3*kept), nil)
		old := g.press(t, g.get(t, "my-factors"), "my-factor-remove", nil)
		require.Equal(t, 403, old.status)
		require.Contains(t, old.text, "sign-in of the last five minutes")
		require.Equal(t, 403, g.press(t, old, "my-recovery-codes", nil).status)
		require.Contains(t, g.get(t, "my-factors").text, "prove?again=1&amp;next=my-factors")
		in := g.press(t, g.get(t, "prove?again=1&next=my-factors"), "prove",
			map[string]string{"code": codeAt(t, secret, c.now())})
		require.Equal(t, "/console/my-factors", in.at.Path, in.text)
		gone := g.press(t, g.get(t, "my-factors"), "my-factor-remove", nil)
		require.Equal(t, "/console/sign-in", gone.at.Path, "the session that was proved by it has ended")
		require.Contains(t, signIn().get(t, "my-factors").text, "You sign in with your organization alone.")
	})
}
