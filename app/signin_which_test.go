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
)

// TestSignInsAreOfTheirProvider holds that a session is of the link and of the provider by which its person came: it
// ends with those and with nothing else, and begins by no other ones.
func TestSignInsAreOfTheirProvider(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		c := newClock(time.Now())
		r := openConsole(t, engine, func(cfg *app.Config) {
			private(cfg)
			cfg.Now = c.now
		})
		h, other := newRogue(t), newRogue(t)
		byOID := func(in *accounts.CreateProvider) { in.Subject = domain.SubjectOID }
		p, q := r.setUp(t, "Acme", h.URL, "canopy", "", byOID), r.setUp(t, "Acme", other.URL, "canopy", "", nil)
		remove := func(p accounts.ProviderDocument) {
			require.NoError(t, r.directory.Providers.Remove(t.Context(), mustOperator(t, r),
				accounts.OrganizationProvider{Organization: "Acme", Provider: p.ID}))
		}
		as := func(h *rogue, claims jwt.MapClaims) {
			h.person = jwt.MapClaims{"sub": "alan", "tid": "t", "iat": c.now().Unix(), "auth_time": c.now().Unix(),
				"exp": c.now().Add(time.Minute).Unix()}
			for name, value := range claims {
				h.person[name] = value
			}
		}
		signs := func(h *rogue, p accounts.ProviderDocument, claims jwt.MapClaims) *guest {
			t.Helper()
			as(h, claims)
			g := r.visit(t)
			done := g.signsIn(t, h, p)
			require.Equal(t, 303, done.status, done.text)
			require.Equal(t, "Alan", g.in(t))
			return g
		}
		r.linkTo(t, "alan.turing", p, "t/1")
		r.linkTo(t, "alan.turing", p, "t/2")
		r.linkTo(t, "alan.turing", q, "alan")
		one, two := signs(h, p, jwt.MapClaims{"oid": "1", "sid": "s"}), signs(h, p, jwt.MapClaims{"oid": "2", "sid": "z"})
		elsewhere := signs(other, q, jwt.MapClaims{"sid": "s"})
		still := func(why string, one, two, elsewhere bool, guests ...*guest) {
			t.Helper()
			for i, in := range []bool{one, two, elsewhere} {
				require.Equal(t, in, guests[i].in(t) != "", "%s: %d", why, i)
			}
		}
		ends := func(h *rogue, p accounts.ProviderDocument, claims jwt.MapClaims) {
			t.Helper()
			token := jwt.MapClaims{"iss": h.URL, "aud": "canopy", "jti": rand.Text(), "iat": c.now().Unix(),
				"exp":    c.now().Add(time.Minute).Unix(),
				"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}
			for name, value := range claims {
				token[name] = value
			}
			got := r.visit(t).send(t, "POST", "provider-"+p.ProviderKey.String(), url.Values{"logout_token": {h.sign(token)}})
			require.Equal(t, 200, got.status, got.text)
		}

		require.NoError(t, r.directory.Providers.Unlink(t.Context(), mustOperator(t, r), accounts.OfUser[domain.Identity]{
			User: domain.UserRef{Alias: "alan.turing"}, In: domain.Identity{Issuer: p.IdentityIssuer(), Subject: "t/1"}}))
		still("a link of two", false, true, true, one, two, elsewhere)
		one = signs(h, p, jwt.MapClaims{"oid": "2", "sid": "s"})
		ends(other, q, jwt.MapClaims{"sid": "s"})
		still("a session of theirs at one of two", true, true, false, one, two, elsewhere)
		elsewhere = signs(other, q, jwt.MapClaims{"sid": "s"})
		ends(h, p, jwt.MapClaims{"sid": "s"})
		still("a session of theirs at the other one", false, true, true, one, two, elsewhere)

		t.Run("a proof is as new as the provider says at which it was made", func(t *testing.T) {
			r.demand(t, "Acme", domain.SignInRules{ProofAge: time.Minute})
			defer r.demand(t, "Acme", domain.SignInRules{})
			c.set(c.now().Add(2 * time.Minute))
			proves := func(g *guest) bool { return g.get(t, "prove?next=my-keys").at.Path == "/console/my-keys" }
			require.False(t, proves(elsewhere))
			require.False(t, proves(two))
			as(other, jwt.MapClaims{"sid": "new"})
			sent := two.send(t, "GET", "provider-in?anew=1&provider="+q.ProviderKey.String(), nil)
			asked := mustURL(t, sent.header.Get("Location")).Query()
			other.nonce = asked.Get("nonce")
			cookies := two.client.Jar.Cookies(mustURL(t, two.base))
			require.Equal(t, 303, two.comes(t, q, url.Values{"state": {asked.Get("state")}, "code": {rand.Text()}}).status)
			require.True(t, proves(two))
			require.False(t, proves(elsewhere), "that is another session")
			before := r.visit(t)
			before.client.Jar.SetCookies(mustURL(t, two.base), cookies)
			require.False(t, proves(before), "the session from before is as old as it was")
			ends(other, q, jwt.MapClaims{"sid": "new"})
			require.Empty(t, two.in(t), "it is the other provider's")
			require.NotEmpty(t, before.in(t))
			two = before
		})

		remove(q)
		still("one of two providers", false, true, false, one, two, elsewhere)

		t.Run("who came by a provider that is replaced does not get in", func(t *testing.T) {
			as(h, jwt.MapClaims{"oid": "2"})
			h.token = func(nonce string) string {
				h.token = nil
				remove(p)
				p = r.setUp(t, "Acme", h.URL, "canopy", "", byOID)
				r.linkTo(t, "alan.turing", p, "t/2")
				return h.sign(h.claims(nonce, nil))
			}
			g := r.visit(t)
			late := g.signsIn(t, h, p)
			require.Equal(t, 401, late.status, late.text)
			require.Nil(t, cookieOf(t, late))
			require.Empty(t, g.in(t))
			require.Empty(t, two.in(t))
			signs(h, p, jwt.MapClaims{"oid": "2"})
		})
	})
}
