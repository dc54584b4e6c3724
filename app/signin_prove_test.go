package app_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/domain"
)

// TestPeopleProveWhatTheyHave holds that the page of one more step asks nobody for what they do not have or what would
// not be enough, and says what to do without.
func TestPeopleProveWhatTheyHave(t *testing.T) {
	r := openConsole(t, "sqlite", nil)
	r.having(t, "ada.lovelace", domain.PasskeyFactor)
	r.having(t, "alan.turing", domain.CodeFactor)
	r.having(t, "radia.perlman", domain.CodeFactor|domain.PasskeyFactor)
	const passkey, code, recovery, password = `action="prove-passkey"`, `<label for="code">One-time code<`,
		`<label for="code">Recovery code<`, `name="password"`
	offers := func(login string, offered ...string) {
		t.Helper()
		asked := r.visitAs(t, login).get(t, "my-keys")
		require.Equal(t, "/console/prove", asked.at.Path, login)
		var found []string
		for _, what := range []string{passkey, code, recovery, password} {
			if strings.Contains(asked.text, what) {
				found = append(found, what)
			}
		}
		require.Equal(t, offered, found, login)
		require.Contains(t, asked.text, "none of this any more", login)
		require.Contains(t, asked.text, `action="sign-out"`, login)
	}
	offers("ada.lovelace", passkey, recovery)
	offers("alan.turing", code)
	offers("radia.perlman", passkey, code)
	r.demand(t, "Acme", domain.SignInRules{People: domain.ByPasskey})
	offers("ada.lovelace", passkey)
	offers("radia.perlman", passkey)
	offers("alan.turing", code) // by which they get to add a passkey
	require.Equal(t, "/console/my-factors", r.visitAs(t, "rob.pike").get(t, "my-keys").at.Path)
}

// elsewhere are addresses that a browser could take for another site's, for a script or for a line of a header.
var elsewhere = []string{"https://evil.example", "HTTPS://evil.example", "https:evil.example", "//evil.example",
	`/\evil.example`, `\\evil.example`, `\/evil.example`, "%2f%2fevil.example", "%2F%5Cevil.example", "/%09/evil.example",
	"\t//evil.example", "/\t/evil.example", " //evil.example", "\u00a0//evil.example", ".//evil.example",
	"x/../../evil", "/evil", "../evil", "@evil.example", "evil.example", "javascript:alert(1)", "java\tscript:alert(1)",
	"data:text/html,x", "my-keys\r\nLocation: https://evil.example", "my-keys?x\r\nSet-Cookie: x=y", "my-keys\n",
	`my-keys?\`, "my-keys#//evil.example", "#//evil.example", "?//evil.example", "ｈttps://evil.example", "／／evil.example"}

// TestProvingLeadsNowhereElse holds that who has nothing more to prove goes on from the page of one more step, and who
// had after they did, to a page of the console and to nothing else.
func TestProvingLeadsNowhereElse(t *testing.T) {
	c := newClock(time.Now())
	r := openConsole(t, "sqlite", func(cfg *app.Config) { cfg.Now = c.now })
	tony := r.visitAs(t, "tony.hoare")
	asks := func(query string) page { return tony.send(t, "GET", "prove"+query, nil) }
	for _, next := range []string{"my-keys", "place?id=Acme", "person?id=1&tab=sessions"} {
		gone := asks("?next=" + url.QueryEscape(next))
		require.Equal(t, 303, gone.status, gone.text)
		require.Equal(t, next, gone.header.Get("Location"))
	}
	for _, next := range elsewhere {
		gone := asks("?next=" + url.QueryEscape(next))
		require.Equal(t, 303, gone.status, "%q", next)
		require.Equal(t, "home", gone.header.Get("Location"), "%q", next)
		require.Empty(t, gone.header.Get("Set-Cookie"), "%q", next)
	}
	for _, query := range []string{"", "?next=", "?again=1&next=my-keys"} {
		shown := asks(query)
		require.Equal(t, 200, shown.status, "%q", query)
		require.Contains(t, shown.text, `action="prove"`, "who was not led there is shown the page: %q", query)
	}

	secret, _ := r.visitAs(t, "alan.turing").addCode(t, c, "phone")
	for _, next := range append([]string{"my-keys"}, elsewhere...) {
		c.set(c.now().Add(time.Minute)) // a code is good once
		alan := r.visit(t)
		in := alan.send(t, "POST", "sign-in", url.Values{"login": {"alan.turing"}, "password": {demoPassword}, "next": {next}})
		to := mustURL(t, in.header.Get("Location"))
		require.Equal(t, "prove", to.Path, "%q", next)
		asked := alan.get(t, "prove?next="+url.QueryEscape(next))
		form := formOf(t, asked, "prove")
		want := "home"
		if next == "my-keys" {
			want = next
		}
		require.Equal(t, []string{want, want}, []string{to.Query().Get("next"), form.Get("next")}, "%q", next)
		form.Set("next", next)
		form.Set("code", codeAt(t, secret, c.now()))
		done := alan.send(t, "POST", "prove", form)
		require.Equal(t, 303, done.status, done.text)
		require.Equal(t, want, done.header.Get("Location"), "%q", next)
	}
}
