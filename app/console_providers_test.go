package app_test

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-proxy/mockoidc"
	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/domain"
)

// openCompany serves the demo beside an identity provider that is nobody's of ours.
func openCompany(t *testing.T, engine string, change func(*app.Config)) (*running, *mockoidc.MockOIDC) {
	t.Helper()
	r := openConsole(t, engine, func(cfg *app.Config) {
		private(cfg)
		if change != nil {
			change(cfg)
		}
	})
	m, err := mockoidc.Run()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Shutdown()) })
	return r, m
}

// meets goes to a provider as somebody there, and returns where they are sent back to.
func (g *guest) meets(t *testing.T, m *mockoidc.MockOIDC, user *mockoidc.MockUser, address string) string {
	t.Helper()
	m.QueueUser(user)
	there, err := g.client.Get(address)
	require.NoError(t, err)
	require.NoError(t, there.Body.Close())
	back, err := there.Location()
	require.NoError(t, err)
	return strings.TrimPrefix(back.Path, "/console/") + "?" + back.RawQuery
}

// linked begins to link whoever is signed in, and returns where the page leads to.
func (g *guest) linked(t *testing.T, password string) (page, string) {
	t.Helper()
	shown := g.press(t, g.get(t, "my-factors"), "my-link", map[string]string{"password": password})
	for _, a := range elements(t, shown, "a") {
		if href := attr(a, "href"); strings.HasPrefix(href, "http") {
			return shown, href
		}
	}
	return shown, ""
}

// setUpPage sets a provider of Acme up on the pages, and returns the page of it.
func setUpPage(t *testing.T, admin *guest, m *mockoidc.MockOIDC) page {
	t.Helper()
	form := admin.get(t, "provider-new?organization=Acme")
	form = admin.press(t, form, "provider-new", map[string]string{"do": "add"})
	return admin.press(t, form, "provider-new", map[string]string{"name": "Company", "issuer": m.Issuer(),
		"client_id": m.ClientID, "client_secret": m.ClientSecret, "scopes": "profile email groups", "newcomers": "rules",
		"rule.1.claim": "groups", "rule.1.value": "engineers", "rule.1.place": "/Acme/Prod/Europe",
		"rule.1.group": "Operators", "rule.1.role": "power", "domains": "Acme.example"})
}

// TestProvidersAreSetUpOnPages goes the life of a provider by pages: written, tried, used, linked and removed.
func TestProvidersAreSetUpOnPages(t *testing.T) {
	z := newZone(t)
	r, m := openCompany(t, "sqlite", func(cfg *app.Config) { cfg.DNSServer = z.address })
	admin := r.visitAs(t, "admin")
	list := admin.get(t, linkTo(t, admin.get(t, "place?id=Acme"), "Identity providers"))
	require.Contains(t, list.text, "has no identity provider")
	form := admin.get(t, linkTo(t, list, "Set up a provider"))

	wrong := admin.press(t, form, "provider-new", map[string]string{"name": "Company", "issuer": "login.example",
		"client_id": m.ClientID, "client_secret": "keep me"})
	require.Equal(t, 400, wrong.status)
	require.Contains(t, wrong.text, `id="issuer-wrong"`)
	require.Contains(t, wrong.text, `value="login.example"`)
	require.NotContains(t, wrong.text, "keep me")

	form = admin.press(t, wrong, "provider-new", map[string]string{"do": "add", "issuer": m.Issuer()})
	form = admin.press(t, form, "provider-new", map[string]string{"do": "add", "rule.1.claim": "department",
		"rule.1.value": "Berlin", "rule.1.place": "/Acme/Dev", "rule.1.group": "/User"})
	refused := admin.press(t, form, "provider-new", map[string]string{"do": "try", "rule.2.place": "/Acme/Nowhere",
		"rule.2.group": "Operators"})
	require.Equal(t, 404, refused.status)
	require.Contains(t, refused.text, "Rule 2: ")
	require.Contains(t, refused.text, `id="rules-wrong"`)
	form = admin.press(t, refused, "provider-new", map[string]string{"do": "up.2", "rule.2.claim": "groups",
		"rule.2.value": "engineers", "rule.2.place": "/Acme/Prod/Europe", "rule.2.role": "power"})
	values := formOf(t, form, "provider-new")
	require.Equal(t, []string{"engineers", "Berlin"}, []string{values.Get("rule.1.value"), values.Get("rule.2.value")})
	values = formOf(t, admin.press(t, form, "provider-new", map[string]string{"do": "out.1"}), "provider-new")
	require.Equal(t, []string{"1", "Berlin"}, []string{values.Get("rules"), values.Get("rule.1.value")})

	unread := admin.press(t, form, "provider-new", map[string]string{"do": "try", "newcomers": "rules",
		"claims": "department is Berlin"})
	require.Contains(t, unread.text, `id="claims-wrong"`)
	tried := admin.press(t, unread, "provider-new", map[string]string{"do": "try",
		"claims": `{"department": "Berlin", "groups": ["engineers"], "name": "Ada King"}`})
	require.Equal(t, 200, tried.status, tried.text)
	require.Contains(t, tried.text, "Rule 1 fits.")
	require.Equal(t, []string{"Acme/Prod/Europe", "Operators", "Power user", "Ada"}, factsOf(t, tried)[:4])
	tried = admin.press(t, tried, "provider-new", map[string]string{"do": "try", "claims": "department = Berlin"})
	require.Contains(t, tried.text, "Rule 2 fits.")
	tried = admin.press(t, tried, "provider-new", map[string]string{"do": "try", "claims": "department = Rome"})
	require.Contains(t, tried.text, "No account would be made for them.")
	require.Contains(t, admin.get(t, "providers?organization=Acme").text, "has no identity provider", "nothing was saved")

	require.Contains(t, tried.text, "No rule fits.")
	lost := admin.press(t, tried, "provider-new", nil)
	require.Contains(t, lost.text, `id="client_secret-wrong"`, "what was typed before is not in the page")
	made := admin.press(t, lost, "provider-new", map[string]string{"domains": "Acme.example, acme.test",
		"scopes": "profile email groups", "client_secret": m.ClientSecret, "enabled": "on"})
	require.Contains(t, made.text, "Created.")
	require.NotContains(t, made.text, m.ClientSecret)
	back := textOf(elements(t, made, "code")[0])
	require.True(t, strings.HasPrefix(back, publicURL+"/console/provider-"), back)
	key := strings.TrimPrefix(back, publicURL+"/console/provider-")
	saved := admin.press(t, made, "provider", map[string]string{"name": "The company"})
	require.Equal(t, "acme.example acme.test", formOf(t, saved, "provider").Get("domains"))
	require.Equal(t, "/Acme/Prod/Europe", formOf(t, saved, "provider").Get("rule.1.place"))

	list = admin.get(t, "providers?organization=Acme")
	require.Contains(t, list.text, "acme.test")
	require.Equal(t, 2, strings.Count(list.text, "Not proved"))
	unproved := admin.press(t, list, "providers", nil)
	require.Equal(t, 409, unproved.status)
	require.Contains(t, unproved.text, "is not in DNS")
	record, text := elements(t, unproved, "code")[0], elements(t, unproved, "code")[1]
	z.has(textOf(record), []string{textOf(text)})
	proved := admin.press(t, unproved, "providers", nil)
	require.Contains(t, proved.text, "The domain is proved.")
	require.Equal(t, 1, strings.Count(proved.text, "Not proved"))

	t.Run("who may not change it reads it", func(t *testing.T) {
		grace := r.visitAs(t, "grace.hopper")
		all := grace.get(t, linkTo(t, grace.get(t, "place?id=Acme"), "Identity providers"))
		seen := grace.get(t, linkTo(t, all, "The company"))
		const notice = "takes the role “Superuser”"
		for _, told := range []page{all, seen} {
			require.Contains(t, told.text, notice)
		}
		for _, own := range []page{list, saved} {
			require.NotContains(t, own.text, notice)
		}
		require.Equal(t, []string{"groups is engineers", "/Acme/Prod/Europe", "Operators", "Power user"}, rows(t, seen)[0])
		require.NotContains(t, seen.text, `action="provider"`)
		require.Equal(t, 403, grace.get(t, "provider-new?organization=Acme").status)
		require.Equal(t, 403, grace.get(t, "provider-delete?"+made.at.RawQuery).status)
		form := formOf(t, saved, "provider")
		form.Set("csrf", formOf(t, grace.get(t, "me"), "me").Get("csrf"))
		require.Equal(t, 403, grace.send(t, "POST", "provider", form).status)
	})
	t.Run("others are told of nothing", func(t *testing.T) {
		id := made.at.Query().Get("id")
		claude := r.visitAs(t, "claude.shannon")
		for _, organization := range []string{"Acme", "Globex", made.at.Query().Get("organization")} {
			require.Equal(t, 404, claude.get(t, "provider?organization="+organization+"&id="+id).status, organization)
			require.Equal(t, 404, admin.get(t, "provider?organization=Globex&id="+id).status)
		}
		status, answer := basicCaller(r.Address(), "admin", demoPassword).call(t, "POST", "/rest/users",
			`{"alias": "power.user", "envId": `+made.at.Query().Get("organization")+`, "role": "power", "group": "Operators",
			"password": "`+demoPassword+`", "person": {"firstname": "P", "lastname": "U", "mailaddress": "p@acme.example"}}`)
		require.Equal(t, 200, status, answer)
		power := r.visitAs(t, "power.user")
		place := power.get(t, "place?id=Acme")
		require.Contains(t, place.text, "tab=people", "whoever may not list them is led to them by nothing")
		require.NotContains(t, place.text, "provider")
		require.Equal(t, 403, power.get(t, "providers?organization=Acme").status)
		require.Equal(t, 403, power.get(t, "provider?"+made.at.RawQuery).status)
	})

	engineer := &mockoidc.MockUser{Subject: "0815", Email: "new@acme.example", EmailVerified: true,
		PreferredUsername: "newcomer", Groups: []string{"engineers"}}
	g := r.visit(t)
	in := g.follow(t, g.send(t, "GET", g.meets(t, m, engineer,
		g.send(t, "GET", "provider-in?provider="+key, nil).header.Get("Location")), nil))
	require.Equal(t, "/console/home", in.at.Path, in.text)
	require.Equal(t, domain.RolePower, r.account(t, "newcomer").Role)

	t.Run("the only way in is not taken away by oneself, but by an admin", func(t *testing.T) {
		mine := g.get(t, "my-factors")
		require.Equal(t, []string{"The company", "newcomer", "The account was made for them"}, rows(t, mine)[0][:3])
		kept := g.press(t, mine, "my-unlink", nil)
		require.Equal(t, 409, kept.status)
		require.Contains(t, kept.text, "could not sign in any more")

		grace := r.visitAs(t, "grace.hopper")
		person := grace.get(t, "person?id=newcomer&tab=sessions")
		action := strings.TrimPrefix(person.at.Path, "/console/") + "?id=" + numberIn(t,
			basicCaller(r.Address(), "grace.hopper", demoPassword), "newcomer") + "&tab=sessions"
		var form url.Values
		for _, n := range elements(t, person, "form") {
			if fieldsOf(n).Get("do") == "unlink" {
				require.Equal(t, action, attr(n, "action"))
				form = fieldsOf(n)
			}
		}
		done := grace.follow(t, grace.send(t, "POST", action, form))
		require.Contains(t, done.text, "Deleted.")
		require.Contains(t, done.text, "linked with nobody")
		require.Empty(t, g.in(t), "the session that was begun by it has ended")
	})

	gone := admin.press(t, admin.get(t, linkTo(t, saved, "Remove the provider")), "provider-delete", nil)
	require.Contains(t, gone.text, "has no identity provider")
	require.Equal(t, 404, admin.get(t, "provider?"+made.at.RawQuery).status)
}

// TestPeopleLinkThemselves holds that who proves both accounts links them, in the session that asked for it and in no
// other.
func TestPeopleLinkThemselves(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r, m := openCompany(t, engine, nil)
		setUpPage(t, r.visitAs(t, "admin"), m)
		alan := r.visitAs(t, "alan.turing")
		user := &mockoidc.MockUser{Subject: "alan", PreferredUsername: "aturing"}
		mallory := &mockoidc.MockUser{Subject: "mallory", PreferredUsername: "mallory"}

		wrong, to := alan.linked(t, "not the password")
		require.Equal(t, 403, wrong.status)
		require.Contains(t, wrong.text, "The password is wrong.")
		require.Empty(t, to)
		none := func() {
			t.Helper()
			require.NotContains(t, alan.get(t, "my-factors").text, "my-unlink")
		}
		none()

		t.Run("begun in one session and finished in another", func(t *testing.T) {
			tony := r.visitAs(t, "tony.hoare")
			at := mustURL(t, r.Address())
			for name, finisher := range map[string]*guest{"somebody else": tony, "nobody": r.visit(t),
				"another session of the same": r.visitAs(t, "alan.turing")} {
				_, to := alan.linked(t, demoPassword)
				back := alan.meets(t, m, mallory, to)
				for _, c := range alan.client.Jar.Cookies(at) {
					if c.Name == "canopy-provider" {
						finisher.client.Jar.SetCookies(at, []*http.Cookie{c})
					}
				}
				done := finisher.send(t, "GET", back, nil)
				require.Equal(t, "my-factors?problem=provider_answer", done.header.Get("Location"), name)
				require.Nil(t, cookieOf(t, done), name)
			}
			require.NotContains(t, tony.get(t, "my-factors").text, "my-unlink")
			require.Contains(t, tony.get(t, "my-factors?problem=provider_answer").text, "begin the sign-in again")
			none()
		})
		t.Run("an answer without having asked, and a form without its token", func(t *testing.T) {
			tony := r.visitAs(t, "tony.hoare")
			_, to := alan.linked(t, demoPassword)
			require.Equal(t, 401, tony.send(t, "GET", alan.meets(t, m, mallory, to), nil).status)
			form := formOf(t, alan.get(t, "my-factors"), "my-link")
			form.Set("password", demoPassword)
			form.Del("csrf")
			require.Equal(t, 403, alan.send(t, "POST", "my-link", form).status)
			none()
		})

		_, to = alan.linked(t, demoPassword)
		done := alan.follow(t, alan.send(t, "GET", alan.meets(t, m, user, to), nil))
		require.Contains(t, done.text, "The account is linked.")
		require.Equal(t, []string{"Company", "aturing", "Linked by themselves"}, rows(t, done)[0][:3])

		g := r.visit(t)
		key := formOf(t, alan.get(t, "my-factors"), "my-link").Get("provider")
		sent := g.send(t, "GET", "provider-in?provider="+key, nil)
		require.Equal(t, 303, g.send(t, "GET", g.meets(t, m, user, sent.header.Get("Location")), nil).status)
		require.Equal(t, "Alan", g.in(t))

		tony := r.visitAs(t, "tony.hoare")
		_, to = tony.linked(t, demoPassword)
		taken := tony.follow(t, tony.send(t, "GET", tony.meets(t, m, user, to), nil))
		require.Contains(t, taken.text, "is linked with an account already")

		require.Contains(t, alan.press(t, alan.get(t, "my-factors"), "my-unlink", nil).text, "Deleted.")
		require.Empty(t, g.in(t), "whoever has signed in by it is signed out")
		none()

		r.having(t, "alan.turing", domain.CodeFactor)
		sent = alan.send(t, "POST", "my-link", formOf(t, tony.get(t, "my-factors"), "my-link"))
		require.NotEqual(t, 200, sent.status, "with a factor only who has proved it")
	})
}

// TestPeopleAreLinkedByHand holds that an organization's admin links somebody with a subject at a provider, as rest has
// it, sees what only others may change, and that the form is nobody else's.
func TestPeopleAreLinkedByHand(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r, m := openCompany(t, engine, nil)
		admin, grace := r.visitAs(t, "admin"), r.visitAs(t, "grace.hopper")
		who := "takes the role “Superuser”"
		require.Contains(t, grace.get(t, "providers?organization=Acme").text, who)
		require.NotContains(t, admin.get(t, "providers?organization=Acme").text, who)
		sessions := grace.get(t, "person?id=alan.turing&tab=sessions")
		require.NotContains(t, sessions.text, `value="link"`, "there is no provider")

		made := setUpPage(t, admin, m)
		require.Contains(t, grace.get(t, "provider?"+made.at.RawQuery).text, who)
		sessions = grace.get(t, "person?id=alan.turing&tab=sessions")
		wrong := grace.do(t, sessions, "link", map[string]string{"subject": ""})
		require.Equal(t, 400, wrong.status)
		require.Contains(t, wrong.text, `<p class="wrong" id="subject-wrong">Give what the provider calls the person`)
		done := grace.do(t, sessions, "link", map[string]string{"subject": " 0815 "})
		require.Contains(t, done.text, "The account is linked.")
		require.Contains(t, done.text, `<th scope="row">Company</th><td>0815</td><td>Linked by an administrator</td>`)
		tony := grace.do(t, grace.get(t, "person?id=tony.hoare&tab=sessions"), "link", map[string]string{"subject": "0815"})
		require.Equal(t, 409, tony.status)
		require.Contains(t, tony.text, "is linked with an account already")

		g := r.visit(t)
		sent := g.send(t, "GET", "provider-in?provider="+fieldsOf(formDoing(t, sessions, "link")).Get("provider"), nil)
		back := g.meets(t, m, &mockoidc.MockUser{Subject: "0815"}, sent.header.Get("Location"))
		require.Equal(t, 303, g.send(t, "GET", back, nil).status)
		require.Equal(t, "Alan", g.in(t))

		claude := r.visitAs(t, "claude.shannon")
		form := fieldsOf(formDoing(t, sessions, "link"))
		form.Set("csrf", formOf(t, claude.get(t, "me"), "me").Get("csrf"))
		form.Set("subject", "0816")
		require.Equal(t, 404, claude.send(t, "POST", "person?id=alan.turing&tab=sessions", form).status)
		elsewhere := claude.send(t, "POST", "person?id=marvin.minsky&tab=sessions", form)
		require.Equal(t, 404, elsewhere.status, "the provider is another organization's")

		all, err := r.directory.Providers.List(t.Context(), mustOperator(t, r), "Acme")
		require.NoError(t, err)
		_, err = r.directory.Providers.Update(t.Context(), mustOperator(t, r), accounts.UpdateProvider{
			OrganizationProvider: accounts.OrganizationProvider{Organization: "Acme", Provider: all[0].ID},
			ProviderPatch:        accounts.ProviderPatch{Enabled: new(false)}})
		require.NoError(t, err)
		require.NotContains(t, grace.get(t, "person?id=alan.turing&tab=sessions").text, `value="link"`, "it is off")
	})
}

// TestProviderInABrowser goes the same way with Chromium, where no form leads elsewhere and the keyboard does it all.
func TestProviderInABrowser(t *testing.T) {
	notShort(t)
	t.Parallel()
	r := openNamedBy(t, "sqlite", newClock(time.Now()), private)
	m, err := mockoidc.Run()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Shutdown()) })
	base := r.named() + "/console/"
	b := openBrowser(t)
	b.signIn(t, r.named(), "admin")
	b.open(t, base+"provider-new?organization=Acme")
	settled := func(holds string) { b.await(t, holds+` && document.readyState === "complete"`) }
	b.submitBy(t, "provider-new", "add", map[string]string{"name": "Company", "issuer": m.Issuer(),
		"client_id": m.ClientID, "client_secret": m.ClientSecret, "scopes": "profile email groups", "newcomers": "rules",
		"domains": "acme.example"})
	settled(`document.getElementById("rule.1.claim")`)
	b.submitBy(t, "provider-new", "try", map[string]string{"rule.1.claim": "groups", "rule.1.value": "engineers",
		"rule.1.place": "/Acme/Dev", "rule.1.group": "/User", "claims": "groups = engineers\nname = Ada King"})
	settled(`document.activeElement.getAttribute("aria-labelledby") === "landing"`)
	require.Contains(t, evaluate[string](t, b, "document.activeElement.textContent"), "Acme/Dev")
	script, err := os.ReadFile("testdata/axe-core-4.14.1/axe.min.js")
	require.NoError(t, err)
	b.submitBy(t, "provider-new", "", map[string]string{"client_secret": m.ClientSecret})
	settled(`location.pathname.endsWith("/provider")`)
	provider := evaluate[string](t, b, "location.href")
	b.checkQuiet(t, r.named())

	guest := openBrowser(t)
	guest.open(t, base+"provider-in?provider="+evaluate[string](t, b,
		`document.querySelector("code").textContent.split("/provider-")[1]`))
	guest.await(t, `document.body.textContent.includes("ask an administrator")`) // the mock's own user is no engineer
	m.QueueUser(&mockoidc.MockUser{Subject: "1", PreferredUsername: "newcomer", Groups: []string{"engineers"}})
	guest.open(t, base+"provider-in?provider="+evaluate[string](t, b,
		`document.querySelector("code").textContent.split("/provider-")[1]`))
	guest.await(t, `document.querySelector(".account a").textContent === "newcomer"`)

	own := openBrowser(t)
	own.signIn(t, r.named(), "alan.turing")
	own.open(t, base+"my-factors")
	m.QueueUser(&mockoidc.MockUser{Subject: "alan", PreferredUsername: "aturing"})
	own.submit(t, "my-link", map[string]string{"password": demoPassword})
	own.await(t, `document.activeElement.matches("main a.button")`)
	own.write(t, "\r")
	own.await(t, `location.search === "?said=linked" && document.body.textContent.includes("aturing")`)
	own.checkAccess(t, base+"my-factors", "en", string(script))
	own.submit(t, "my-unlink", nil)
	own.await(t, `!document.body.textContent.includes("aturing") && document.readyState === "complete"`)

	b.checkAccess(t, provider, "en", string(script))
	for _, name := range []string{"providers?organization=Acme", "provider-new?organization=Acme"} {
		b.checkAccess(t, base+name, "en", string(script))
	}
	b.checkAccess(t, strings.Replace(provider, "/provider?", "/provider-delete?", 1), "en", string(script))
	b.submit(t, "provider-delete", nil)
	b.await(t, `document.body.textContent.includes("has no identity provider")`)
	b.checkQuiet(t, r.named())
}

// submitBy sends the form of a page in the browser by one of its buttons, the first for none.
func (b *browser) submitBy(t *testing.T, action, do string, values map[string]string) {
	t.Helper()
	b.fill(t, action, values)
	evaluate[bool](t, b, `(() => { const f = document.querySelector('form[action="`+action+`"]');
		f.requestSubmit(f.querySelector('button[value="`+do+`"]') ?? f.querySelector("button")); return true })()`)
}
