package app_test

import (
	"crypto/rand"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/domain"
)

// TestFreshProofsByProviders holds that where a fresh proof is asked for, a provider is asked to have people sign in anew
// and has to say that they did: an old session there is none, and neither is one of which it says nothing.
func TestFreshProofsByProviders(t *testing.T) {
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
	const kept = 10 * time.Minute
	r.demand(t, "Acme", domain.SignInRules{ProofAge: kept})
	r.linkTo(t, "grace.hopper", p, "grace")
	// says moves the clock, and has the provider say when somebody signed in there.
	says := func(to time.Time, subject string, when any) {
		c.set(to)
		h.person = jwt.MapClaims{"sub": subject, "preferred_username": subject, "iat": to.Unix(),
			"exp": to.Add(time.Minute).Unix(), "auth_time": when}
	}
	goes := func(g *guest, anew string) (asked url.Values) {
		t.Helper()
		sent := g.send(t, "GET", "provider-in?provider="+p.ProviderKey.String()+"&next=my-keys"+anew, nil)
		require.Equal(t, 303, sent.status, sent.text)
		asked = mustURL(t, sent.header.Get("Location")).Query()
		h.nonce = asked.Get("nonce")
		return asked
	}
	back := func(g *guest, asked url.Values) page {
		t.Helper()
		return g.comes(t, p, url.Values{"state": {asked.Get("state")}, "code": {rand.Text()}})
	}
	made := 0
	// makes tries what is dangerous, and reports whether that was done.
	makes := func(g *guest) bool {
		t.Helper()
		mine := g.get(t, "my-keys")
		if mine.at.Path == "/console/prove" {
			return false
		}
		got := g.press(t, mine, "my-keys", map[string]string{"name": rand.Text()})
		keys, err := r.directory.APIKeys.List(t.Context(), mustOperator(t, r), domain.UserRef{Alias: "grace.hopper"})
		require.NoError(t, err)
		done := len(keys) > made
		made = len(keys)
		require.Equal(t, done, got.at.Path != "/console/prove", got.text)
		return done
	}
	signs := func(anew string) *guest {
		t.Helper()
		g := r.visit(t)
		done := back(g, goes(g, anew))
		require.Equal(t, 303, done.status, done.text)
		return g
	}

	now := c.now()
	says(now, "grace", now.Unix())
	g := signs("")
	require.True(t, makes(g))
	says(now.Add(kept), "grace", nil)
	require.True(t, makes(g))
	says(now.Add(kept+time.Second), "grace", nil)
	require.False(t, makes(g), "that was long ago")

	t.Run("a sign-in that asked for nothing is as old as the provider says", func(t *testing.T) {
		now := c.now()
		for name, when := range map[string]any{"old": now.Add(-kept - time.Second).Unix(), "not said": nil,
			"no number": "just now", "not a number": "NaN", "before all": -1,
			"in the first second": 0.5} {
			says(now, "grace", when)
			require.False(t, makes(signs("")), name)
		}
		asked := goes(r.visit(t), "")
		require.Empty(t, asked.Get("prompt"))
		require.Empty(t, asked.Get("max_age"))
	})

	t.Run("one that has to be new is refused otherwise", func(t *testing.T) {
		now := c.now()
		asked := goes(g, "&anew=1")
		require.Equal(t, "login", asked.Get("prompt"))
		require.Equal(t, "0", asked.Get("max_age"))
		for name, when := range map[string]any{"old": now.Add(-2 * time.Minute).Unix(), "not said": nil,
			"no number": "just now", "not a number": "NaN"} {
			says(now, "grace", when)
			asked := goes(g, "&anew=1")
			c.set(now.Add(time.Minute)) // it counts from when they left
			h.person["iat"], h.person["exp"] = c.now().Unix(), c.now().Add(time.Minute).Unix()
			refused := back(g, asked)
			require.Equal(t, 401, refused.status, name)
			require.Contains(t, refused.text, "does not say that you signed in there just now", name)
			require.Nil(t, cookieOf(t, refused), name)
			require.False(t, makes(g), name)
		}
	})

	t.Run("one that is new proves it, for as long as it is new", func(t *testing.T) {
		now := c.now()
		asked := goes(g, "&anew=1")
		c.set(now.Add(5 * time.Minute))
		says(c.now(), "grace", now.Add(4*time.Minute).Unix())
		require.Equal(t, 303, back(g, asked).status)
		require.True(t, makes(g))
		c.set(now.Add(4*time.Minute + kept + time.Second))
		require.False(t, makes(g))
		says(c.now(), "grace", c.now().Add(30*time.Second).Unix())
		g := signs("&anew=1")
		require.True(t, makes(g), "whose clock is ahead")
		c.set(c.now().Add(kept + time.Second))
		require.False(t, makes(g), "which makes a proof no younger")
		says(c.now(), "grace", c.now().Add(-30*time.Second).Unix())
		require.True(t, makes(signs("&anew=1")), "whose clock is behind")
	})

	t.Run("the pages lead there", func(t *testing.T) {
		now := c.now()
		says(now, "brand-new", now.Unix())
		g := signs("")
		c.set(now.Add(kept + time.Second))
		for _, name := range []string{"prove?next=my-keys", "my-factors"} {
			page := g.get(t, name)
			require.Contains(t, page.text, "Sign in again at Company", name)
			require.Contains(t, page.text, "anew=1", name)
		}
		require.NotContains(t, formOf(t, g.get(t, "prove"), "sign-out"), "password")
		require.False(t, strings.Contains(g.get(t, "prove").text, `type="password"`), "which they do not have")
		require.NotContains(t, r.visitAs(t, "alan.turing").get(t, "my-factors").text, "Sign in again at")
	})
}
