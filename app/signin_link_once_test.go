package app_test

import (
	"crypto/rand"
	"net/url"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/domain"
	"canopy/persistence/testdb"
)

// TestLinksAndOtherWaysAtOnce changes by what somebody signs in on one server of a directory while they are linked on
// another: nobody is linked in a session that has ended, or at a provider that is off, and nobody loses the last way in.
func TestLinksAndOtherWaysAtOnce(t *testing.T) {
	address, c := testdb.Postgres(t), newClock(time.Now())
	own := func(cfg *app.Config) {
		private(cfg)
		cfg.DatabaseURL, cfg.AnswerFloor, cfg.PublicURL, cfg.Now = address, 0, publicURL, c.now
	}
	r := openConsole(t, "", own)
	cfg := settings(t, c)
	own(&cfg)
	other := serve(t, cfg)
	h := newRogue(t)
	p := r.setUp(t, "Acme", h.URL, "canopy", "", nil)
	at := accounts.OrganizationProvider{Organization: "Acme", Provider: p.ID}
	enable := func(on bool) {
		_, err := r.directory.Providers.Update(t.Context(), mustOperator(t, r),
			accounts.UpdateProvider{OrganizationProvider: at, ProviderPatch: accounts.ProviderPatch{Enabled: &on}})
		require.NoError(t, err)
	}
	// comes has somebody link themselves on the other server, and does something on the first one while the provider is
	// asked who they are.
	comes := func(login string, meanwhile func()) page {
		t.Helper()
		g := other.visitAs(t, login)
		_, to := g.linked(t, demoPassword)
		asked := mustURL(t, to).Query()
		h.person = jwt.MapClaims{"sub": rand.Text()}
		h.token = func(string) string {
			h.token = nil
			meanwhile()
			return h.sign(h.claims(asked.Get("nonce"), nil))
		}
		return g.comes(t, p, url.Values{"state": {asked.Get("state")}, "code": {rand.Text()}})
	}
	done := comes("alan.turing", func() {})
	require.Equal(t, "my-factors?said=linked", done.header.Get("Location"), done.text)
	require.Len(t, linksOf(t, r, "alan.turing"), 1)

	const theirs = "another long enough password"
	for name, c := range map[string]struct {
		login, location string
		meanwhile       func()
	}{
		"a password": {"tony.hoare", "my-factors?problem=provider_answer", func() {
			g := r.visitAs(t, "tony.hoare")
			changed := g.press(t, g.get(t, "my-password"), "my-password", map[string]string{"old_password": demoPassword,
				"new_password": theirs, "again": theirs})
			require.Equal(t, 200, changed.status, changed.text)
			require.NotContains(t, changed.text, `class="wrong"`)
		}},
		"a first factor": {"donald.knuth", "my-factors?problem=provider_answer", func() {
			r.visitAs(t, "donald.knuth").addCode(t, c, "phone")
		}},
		"the end of their sessions": {"niklaus.wirth", "my-factors?problem=provider_answer", func() {
			require.NoError(t, r.directory.Sessions.EndAll(t.Context(), mustOperator(t, r),
				domain.UserRef{Alias: "niklaus.wirth"}))
		}},
		"a provider that goes off": {"barbara.liskov", "my-factors?problem=provider_not_found", func() { enable(false) }},
	} {
		refused := comes(c.login, c.meanwhile)
		require.Equal(t, c.location, refused.header.Get("Location"), "%s: %s", name, refused.text)
		require.Empty(t, linksOf(t, r, c.login), name)
		enable(true)
	}

	t.Run("by hand, while the passkey is taken away without which there is no other way in", func(t *testing.T) {
		r.exec(t, "UPDATE users SET password_hash = '' WHERE alias = 'alan.turing'")
		alan := domain.UserRef{Alias: "alan.turing"}
		unlink := func(from *running, by domain.Principal, subject string) error {
			return from.directory.Providers.Unlink(t.Context(), by, accounts.OfUser[domain.Identity]{
				User: alan, In: domain.Identity{Issuer: p.Issuer, Subject: subject}})
		}
		first := linksOf(t, r, "alan.turing")[0].Subject
		for range 6 {
			h.person = jwt.MapClaims{"sub": first}
			g := r.visit(t)
			require.Equal(t, 303, g.signsIn(t, h, p).status)
			key, _ := g.addPasskey(t)
			_, holder, factor := r.byPasskeyAlone(t, "alan.turing", key)
			remove := func() error {
				return r.directory.Factors.Remove(t.Context(), holder, accounts.Fresh[accounts.OfUser[domain.UUID]]{
					In: accounts.OfUser[domain.UUID]{In: factor}})
			}
			require.NoError(t, unlink(r, mustOperator(t, r), first))
			next := rand.Text()
			linked, removed := atOnce(func() error {
				return other.directory.Providers.Link(t.Context(), mustOperator(t, other), accounts.OfUser[accounts.LinkSubject]{
					User: alan, In: accounts.LinkSubject{Provider: p.ID, Subject: next}})
			}, remove)
			require.NoError(t, linked)
			if removed != nil {
				require.ErrorIs(t, removed, domain.ErrOnlyWayIn)
				enable(false)
				require.ErrorIs(t, remove(), domain.ErrOnlyWayIn, "the provider is off")
				enable(true)
				a, b := atOnce(func() error { return unlink(other, other.asOwner(t, "alan.turing"), next) }, remove)
				require.True(t, (a == nil) != (b == nil), "one of two ways in stays: %v, %v", a, b)
				if a == nil {
					r.linkTo(t, "alan.turing", p, next)
					require.NoError(t, remove())
				}
			}
			first = next
		}
	})
}
