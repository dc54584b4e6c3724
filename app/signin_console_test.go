package app_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app"
)

// cookieOf returns the session's cookie that an answer gives.
func cookieOf(t *testing.T, p page) *http.Cookie {
	t.Helper()
	for _, c := range (&http.Response{Header: p.header}).Cookies() {
		if strings.HasSuffix(c.Name, "canopy-session") {
			return c
		}
	}
	return nil
}

// TestSigningInWithABrowser goes the way of an account of one's own: in, changed, and out.
func TestSigningInWithABrowser(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		g := r.visit(t)

		asked := g.send(t, "GET", "my-keys?x=1", nil)
		require.Equal(t, 303, asked.status)
		in := g.follow(t, asked)
		require.Equal(t, "/console/sign-in", in.at.Path)
		require.Equal(t, "my-keys?x=1", in.at.Query().Get("next"))

		refused := g.press(t, in, "sign-in", map[string]string{"login": "grace.hopper", "password": "wrong"})
		require.Equal(t, 401, refused.status)
		require.Contains(t, refused.text, "The login name or the password is wrong.")
		require.Contains(t, refused.text, `value="grace.hopper"`)
		require.NotContains(t, refused.text, "wrong\"")
		unknown := g.press(t, in, "sign-in", map[string]string{"login": "nobody", "password": "wrong"})
		require.Equal(t, strings.ReplaceAll(refused.text, "grace.hopper", "nobody"), unknown.text)

		form := formOf(t, in, "sign-in")
		form.Set("login", "grace.hopper")
		form.Set("password", demoPassword)
		done := g.send(t, "POST", "sign-in", form)
		require.Equal(t, 303, done.status)
		require.Equal(t, "my-keys?x=1", done.header.Get("Location"))
		cookie := cookieOf(t, done)
		require.Equal(t, "canopy-session", cookie.Name)
		require.True(t, cookie.HttpOnly)
		require.Equal(t, http.SameSiteLaxMode, cookie.SameSite)
		keys := g.follow(t, done)
		require.Equal(t, "/console/my-keys", keys.at.Path)
		require.Equal(t, 200, keys.status)
		require.Equal(t, "no-store", keys.header.Get("Cache-Control"))
		require.Contains(t, keys.header.Get("Content-Security-Policy"), "script-src 'self'; connect-src 'self'")
		require.NotContains(t, keys.header.Get("Content-Security-Policy"), "unsafe")

		short := g.press(t, keys, "my-keys", map[string]string{"name": "backup", "expires": "tomorrow"})
		require.Equal(t, 400, short.status)
		require.Contains(t, short.text, `value="backup"`, "what was typed stays")
		require.Contains(t, short.text, "Give a day, such as 2027-01-31.")
		made := g.press(t, short, "my-keys", map[string]string{"expires": "2099-01-31", "environment": "/Acme/Prod",
			"permission.user:read": "on"})
		require.Equal(t, 200, made.status, made.text)
		secret := textOf(elements(t, made, "code")[0])
		status, _ := caller{r.Address(), map[string]string{"Authorization": "Bearer " + secret}}.
			call(t, "GET", "/rest/users?limit=1", "")
		require.Equal(t, 200, status, "the key opens what it is for")
		keys = g.get(t, "my-keys")
		require.NotContains(t, keys.text, secret, "it is shown once")
		require.Equal(t, []string{"backup", "See people", "Acme/Prod", "31 Jan 2099 00:00", "Never"}, rows(t, keys)[0][:5])
		gone := g.press(t, keys, "my-key-revoke", nil)
		require.Contains(t, gone.text, "Deleted.")
		require.Contains(t, gone.text, "You have no keys.")

		saved := g.press(t, g.get(t, "me"), "me", map[string]string{"language": "fr", "time_zone": "Europe/Paris"})
		require.Contains(t, saved.text, `<html lang="fr"`)
		require.Contains(t, saved.text, "Enregistré.")

		out := g.press(t, saved, "sign-out", nil)
		require.Equal(t, "/console/sign-in", out.at.Path)
		require.Equal(t, 303, g.send(t, "GET", "me", nil).status)
	})
}

// TestSessionsOfBrowsers holds what becomes of a session that is stolen, fixed, forged or ended elsewhere.
func TestSessionsOfBrowsers(t *testing.T) {
	r := openConsole(t, "sqlite", nil)
	t.Run("a cookie from before signing in is worth nothing after it", func(t *testing.T) {
		g, other := r.visit(t), r.visitAs(t, "ada.lovelace")
		at, err := url.Parse(r.Address())
		require.NoError(t, err)
		planted := other.client.Jar.Cookies(at)
		g.client.Jar.SetCookies(at, planted)
		g.press(t, g.get(t, "sign-in"), "sign-in", map[string]string{"login": "grace.hopper", "password": demoPassword})
		require.NotEqual(t, planted, g.client.Jar.Cookies(at))
		require.Contains(t, g.get(t, "me").text, `value="Hopper"`)
		require.Contains(t, other.get(t, "me").text, `value="Lovelace"`)
	})
	t.Run("a form needs the token of its own session", func(t *testing.T) {
		g, other := r.visitAs(t, "grace.hopper"), r.visitAs(t, "ada.lovelace")
		form := formOf(t, g.get(t, "me"), "me")
		for _, token := range []string{"", "x", formOf(t, other.get(t, "me"), "me").Get("csrf")} {
			form.Set("csrf", token)
			form.Set("person.first_name", "Mallory")
			refused := g.send(t, "POST", "me", form)
			require.Equal(t, 403, refused.status, token)
			require.NotContains(t, refused.text, "Mallory")
		}
		require.Contains(t, g.get(t, "me").text, `value="Grace"`)
	})
	t.Run("a page of another site presses nothing", func(t *testing.T) {
		g := r.visitAs(t, "grace.hopper")
		form := formOf(t, g.get(t, "me"), "me")
		for _, site := range []string{"cross-site", "same-site"} {
			g.header.Set("Sec-Fetch-Site", site)
			require.Equal(t, 403, g.send(t, "POST", "me", form).status)
			require.Equal(t, 403, g.send(t, "POST", "sign-in", url.Values{"login": {"ada.lovelace"},
				"password": {demoPassword}}).status, "signing somebody in as who others choose")
		}
	})
	t.Run("a session that was ended elsewhere leads to signing in, from parts of pages too", func(t *testing.T) {
		g, elsewhere := r.visitAs(t, "grace.hopper"), r.visitAs(t, "grace.hopper")
		before := g.get(t, "me")
		require.Contains(t, elsewhere.press(t, elsewhere.get(t, "my-sessions"), "my-sessions",
			map[string]string{"session": ""}).text, "Signed out there.")
		left := g.send(t, "POST", "me", formOf(t, before, "me"))
		require.Equal(t, 303, left.status)
		require.Contains(t, left.header.Get("Location"), "sign-in")
		require.Contains(t, left.header.Get("Clear-Site-Data"), "storage")
		g.header.Set("HX-Request", "true")
		part := g.send(t, "GET", "me", nil)
		require.Equal(t, 204, part.status)
		require.Contains(t, part.header.Get("HX-Redirect"), "sign-in")
		require.Equal(t, 200, elsewhere.get(t, "me").status, "the one that ended the others stays")
	})
	t.Run("blocking somebody ends it at the next click", func(t *testing.T) {
		g := r.visitAs(t, "alan.turing")
		status, _ := basicCaller(r.Address(), "admin", demoPassword).call(t, "POST", "/rest/users/alan.turing",
			`{"active": false}`)
		require.Equal(t, 200, status)
		require.Equal(t, "/console/sign-in", g.get(t, "me").at.Path)
	})
	t.Run("signing in leads to pages of ours only", func(t *testing.T) {
		for _, next := range []string{"//evil.example", "https://evil.example", `\\evil`, "../rest/me", "/x", "javascript:x",
			"me\t", "ME", "me?x=\\y"} {
			g := r.visit(t)
			form := formOf(t, g.get(t, at("sign-in", "next", next)), "sign-in")
			form.Set("next", next)
			form.Set("login", "grace.hopper")
			form.Set("password", demoPassword)
			require.Equal(t, "home", g.send(t, "POST", "sign-in", form).header.Get("Location"), next)
		}
	})
}

// at returns the address of a page with parameters.
func at(page string, parameters ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(parameters); i += 2 {
		q.Set(parameters[i], parameters[i+1])
	}
	return page + "?" + q.Encode()
}

// TestSecureCookiesOfBrowsers holds that over HTTPS the cookie is one that no neighbour can set.
func TestSecureCookiesOfBrowsers(t *testing.T) {
	r := openConsole(t, "sqlite", func(c *app.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	plain := r.visitAs(t, "grace.hopper")
	secure := r.visit(t)
	secure.header.Set("X-Forwarded-Proto", "https")
	done := secure.send(t, "POST", "sign-in", url.Values{"login": {"grace.hopper"}, "password": {demoPassword}})
	cookie := cookieOf(t, done)
	require.Equal(t, "__Host-canopy-session", cookie.Name)
	require.True(t, cookie.Secure)
	require.Equal(t, "/", cookie.Path)
	require.Empty(t, cookie.Domain)

	plain.header.Set("X-Forwarded-Proto", "https")
	require.Equal(t, 303, plain.send(t, "GET", "me", nil).status, "a cookie that others may have set")
}

// TestPasswordsThatMustBeChangedAreChangedAtTheDoor holds the way of a first password, and of a forgotten one.
func TestPasswordsThatMustBeChangedAreChangedAtTheDoor(t *testing.T) {
	r := openConsole(t, "sqlite", nil)
	admin := basicCaller(r.Address(), "admin", demoPassword)
	status, _ := admin.call(t, "POST", "/rest/users/ada.lovelace", `{"password": "first-pass-1", "firstaccess": true}`)
	require.Equal(t, 200, status)
	g := r.visit(t)
	asked := g.press(t, g.get(t, "sign-in"), "sign-in", map[string]string{"login": "ada.lovelace",
		"password": "first-pass-1"})
	require.Equal(t, 403, asked.status)
	require.Contains(t, asked.text, "Your password must be changed first.")
	for _, wrong := range []struct {
		fields map[string]string
		says   string
	}{
		{map[string]string{"password": "first-pass-1", "new": "another-1", "again": "another-2"},
			"This is not the same as the password above."},
		{map[string]string{"password": "first-pass-1", "new": "x", "again": "x"}, "characters"},
		{map[string]string{"password": "first-pass-1", "new": "first-pass-1", "again": "first-pass-1"}, "differs"},
	} {
		got := g.press(t, asked, "sign-in", wrong.fields)
		require.GreaterOrEqual(t, got.status, 400)
		require.Contains(t, got.text, wrong.says)
		require.Contains(t, got.text, `id="new"`)
	}
	in := g.press(t, asked, "sign-in", map[string]string{"password": "first-pass-1", "new": "my-own-long-pass-1",
		"again": "my-own-long-pass-1"})
	require.Equal(t, 200, in.status)
	require.Contains(t, g.get(t, "me").text, `value="Lovelace"`)
	require.False(t, r.signsIn(t, "ada.lovelace", "first-pass-1"))

	stranger := r.visit(t)
	for _, name := range []string{"grace.hopper", "grace.hopper@acme.example", "nobody"} {
		sent := stranger.press(t, stranger.get(t, "forgot"), "forgot", map[string]string{"name": name})
		require.Equal(t, 200, sent.status)
		require.Contains(t, sent.text, "If there is such an account")
	}
	link := r.mailedLink(t, "grace.hopper@acme.example")
	require.Contains(t, link, publicURL+"/console/reset?")
	require.Contains(t, stranger.press(t, stranger.get(t, "forgot"), "forgot", nil).text,
		"Enter your login name or your mail address.")
}
