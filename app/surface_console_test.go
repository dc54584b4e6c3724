package app_test

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/persistence/storetest"
)

// A person has a browser without script: they follow links and send forms.
type person struct {
	base     string // of the server, whatever address mail has for it
	language string // what the browser asks for
}

// page is what a browser got.
type page struct {
	status int
	header http.Header
	text   string
	at     *url.URL // where it came from, after redirects
}

// ask sends a request as browsers do. The host of an address is not looked at, since nobody but the
// test's server answers.
func (p person) ask(t *testing.T, method, address string, form url.Values) page {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	base, err := url.Parse(p.base)
	require.NoError(t, err)
	u.Scheme, u.Host = base.Scheme, base.Host
	request, err := http.NewRequestWithContext(t.Context(), method, u.String(), strings.NewReader(form.Encode()))
	require.NoError(t, err)
	request.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	request.Header.Set("Accept-Language", p.language)
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
		request.Header.Set("Origin", "null") // since the page sends no referrer
	}
	response, err := (&http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	if to := response.Header.Get("Location"); response.StatusCode == http.StatusSeeOther && method != http.MethodHead {
		next, err := u.Parse(to)
		require.NoError(t, err)
		return p.ask(t, http.MethodGet, next.String(), nil)
	}
	return page{response.StatusCode, response.Header, string(text), u}
}

var (
	formTag   = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	inputTag  = regexp.MustCompile(`<input[^>]*>`)
	attribute = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
	htmlTag   = regexp.MustCompile(`<[^>]*>`)
	heading   = regexp.MustCompile(`<h1>([^<]*)</h1>`)
)

// press sends the form of a page, with these values in its fields besides those it has.
func (p person) press(t *testing.T, on page, values map[string]string) page {
	t.Helper()
	action := formTag.FindStringSubmatch(on.text)
	require.NotNil(t, action, "there is no form on %s", on.text)
	form := url.Values{}
	for _, tag := range inputTag.FindAllString(on.text, -1) {
		is := map[string]string{}
		for _, a := range attribute.FindAllStringSubmatch(tag, -1) {
			is[a[1]] = html.UnescapeString(a[2])
		}
		if value, given := values[is["name"]]; given {
			is["value"] = value
		}
		form.Set(is["name"], is["value"])
	}
	to, err := on.at.Parse(html.UnescapeString(action[1]))
	require.NoError(t, err)
	return p.ask(t, http.MethodPost, to.String(), form)
}

func (p page) title(t *testing.T) string {
	t.Helper()
	found := heading.FindStringSubmatch(p.text)
	require.NotNil(t, found, p.text)
	return html.UnescapeString(found[1])
}

// openPages serves the directory of rest's fixture, with the mail that somebody is invited by.
func openPages(t *testing.T, engine string, change func(*app.Config)) (*running, person) {
	t.Helper()
	c := newClock(storyBegins)
	cfg := fixtureSettings(t, engine, "rest", c)
	cfg.PublicURL = publicURL
	if change != nil {
		change(&cfg)
	}
	r := serve(t, cfg)
	return r, person{base: r.Address()}
}

func (r *running) invite(t *testing.T, alias, language string) {
	t.Helper()
	status, answer := basicCaller(r.Address(), "admin", "secret1").
		call(t, "POST", "/rest/users/invite", fmt.Sprintf(`{"alias": %q, "envId": 19,
		"group": "User", "language": %q, "person": {"firstname": "I", "lastname": "", "mailaddress": "%s@example.org"}}`, alias, language, alias))
	require.Equal(t, 200, status, answer)
}

// forget asks for another password of the user with that mail address.
func (r *running) forget(t *testing.T, address string) {
	t.Helper()
	status, _ := caller{base: r.Address()}.call(t, "POST", "/rest/accounts/forgot",
		fmt.Sprintf(`{"mailaddress": %q}`, address))
	require.Equal(t, 200, status)
}

// mailedLink returns the link that was mailed last to an address.
func (r *running) mailedLink(t *testing.T, address string) string {
	t.Helper()
	require.NoError(t, r.directory.RunJobs(t.Context()))
	letters := r.letters(t)
	for i := len(letters) - 1; i >= 0; i-- {
		if letters[i].to == address && len(letters[i].links()) > 0 {
			return letters[i].links()[0]
		}
	}
	t.Fatalf("nobody mailed a link to %s", address)
	return ""
}

func (r *running) signsIn(t *testing.T, login, password string) bool {
	t.Helper()
	status, _ := basicCaller(r.Address(), login, password).call(t, "GET", "/rest/me", "")
	return status == 200
}

// TestPeopleChooseTheirPassword goes the ways of an invitation and of a forgotten password, as people
// do: no password is in any mail, and a page that is loaded again posts nothing.
func TestPeopleChooseTheirPassword(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r, ivy := openPages(t, engine, nil)
		r.invite(t, "ivy", "Fr")
		link := r.mailedLink(t, "ivy@example.org")
		require.True(t, strings.HasPrefix(link, publicURL+"/console/accept?"), link)
		asked := ivy.ask(t, "GET", link, nil)
		require.Equal(t, 200, asked.status)
		require.Equal(t, "Ouvrez votre compte", asked.title(t), "the language is the reader's, whatever the browser's is")
		require.Contains(t, asked.text, `<html lang="fr">`)
		require.Contains(t, asked.text, `value="ivy@example.org"`)
		require.Contains(t, asked.text, "canopy.example", "it says who asks")

		short := ivy.press(t, asked, map[string]string{"password": "abc", "again": "abc"})
		require.Equal(t, 400, short.status)
		require.Equal(t, "Ouvrez votre compte", short.title(t), "the page stays")
		require.Contains(t, short.text, "Saisissez au moins 6 caractères.")
		require.Regexp(t,
			`id="password"[^>]*aria-describedby="password-wrong password-hint"[^>]*aria-invalid="true"[^>]*autofocus`,
			short.text)
		require.NotContains(t, short.text, `value="abc"`, "a password is not sent back")
		unlike := ivy.press(t, short, map[string]string{"password": "chosen-1", "again": "chosen-2"})
		require.Equal(t, 400, unlike.status)
		require.Regexp(t, `id="again"[^>]*aria-describedby="again-wrong"[^>]*aria-invalid="true"`, unlike.text)
		none := ivy.press(t, unlike, nil)
		require.Contains(t, none.text, "Saisissez un mot de passe.")
		long := ivy.press(t, none, map[string]string{"password": strings.Repeat("é", 513), "again": strings.Repeat("é", 513)})
		require.Contains(t, long.text, "Au plus 1024 octets")
		require.False(t, r.signsIn(t, "ivy", "chosen-1"))

		opened := ivy.press(t, long, map[string]string{"password": "chosen-1", "again": "chosen-1"})
		require.Equal(t, 200, opened.status)
		require.Equal(t, "/console/done", opened.at.Path,
			"the browser gets what it shows, so that loading it again posts nothing")
		require.NotContains(t, opened.at.RawQuery, "secret")
		require.Equal(t, "Votre compte est ouvert", opened.title(t))
		require.Contains(t, opened.text, "Connectez-vous maintenant")
		require.True(t, r.signsIn(t, "ivy", "chosen-1"))

		used := ivy.press(t, asked, map[string]string{"password": "chosen-2", "again": "chosen-2"})
		require.Equal(t, 400, used.status)
		require.Equal(t, "Ce lien ne fonctionne pas", used.title(t))
		require.True(t, r.signsIn(t, "ivy", "chosen-1"))

		r.forget(t, "ivy@example.org")
		forgot := ivy.ask(t, "GET", r.mailedLink(t, "ivy@example.org"), nil)
		require.Equal(t, "Choisissez un autre mot de passe", forgot.title(t))
		changed := ivy.press(t, forgot, map[string]string{"password": "chosen-3", "again": "chosen-3"})
		require.Equal(t, "Votre mot de passe a été changé", changed.title(t))
		require.True(t, r.signsIn(t, "ivy", "chosen-3"))
		require.False(t, r.signsIn(t, "ivy", "chosen-1"))
		require.NoError(t, r.directory.RunJobs(t.Context()))
		for _, l := range r.letters(t) {
			require.NotRegexp(t, `\b[A-Z2-7]{26}\b`, l.text, "no password is mailed on these ways")
		}
	})
}

// TestPagesTellNothing holds that a page is the same for a right and a wrong secret and for everybody,
// and says nothing that is not in its own address.
func TestPagesTellNothing(t *testing.T) {
	r, p := openPages(t, "sqlite", nil)
	r.invite(t, "ivy", "en")
	right, err := url.Parse(r.mailedLink(t, "ivy@example.org"))
	require.NoError(t, err)
	before := storetest.Dump(t, r.directory.DB)
	for _, path := range []string{"accept", "reset", "verify"} {
		var texts []string
		for _, secret := range []string{right.Query().Get("secret"), "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"} {
			for _, address := range []string{"ivy@example.org", "eve@example.org"} {
				u := *right
				u.Path = "/console/" + path
				u.RawQuery = url.Values{"mailaddress": {address}, "secret": {secret}, "lang": {"en"}}.Encode()
				got := p.ask(t, "GET", u.String(), nil)
				require.Equal(t, 200, got.status)
				texts = append(texts, strings.NewReplacer(secret, "S", address, "A", url.QueryEscape(address), "A").
					Replace(got.text))
			}
		}
		for _, text := range texts[1:] {
			require.Equal(t, texts[0], text, path)
		}
	}
	require.Equal(t, before, storetest.Dump(t, r.directory.DB))
	// What somebody else wrote into a link is not shown as words of this server.
	for _, text := range []string{"Call +1 800 555", "https://evil.example", "<script>alert(1)</script>", `"><b>x`,
		"a\u202eb@example.org"} {
		for _, name := range []string{"mailaddress", "user"} {
			q := url.Values{"mailaddress": {"ivy@example.org"}, "secret": {"s"}, "lang": {text}}
			q.Set(name, text)
			got := p.ask(t, "GET", publicURL+"/console/accept?"+q.Encode(), nil)
			require.Equal(t, 200, got.status)
			shown := inputTag.ReplaceAllStringFunc(got.text, func(tag string) string {
				if strings.Contains(tag, `type="hidden"`) {
					return ""
				}
				return strings.ReplaceAll(tag, ">", "/")
			})
			require.NotContains(t, html.UnescapeString(htmlTag.ReplaceAllString(shown, "")), text)
			require.Equal(t, 1, strings.Count(got.text, "<script"), "that of the meter")
			require.NotContains(t, got.text, "<b>")
		}
	}
}

// TestPagesAreStrict holds the headers of every page, and what it has of others: nothing.
func TestPagesAreStrict(t *testing.T) {
	r, p := openPages(t, "sqlite", nil)
	const link = publicURL + "/console/%s?mailaddress=ivy@example.org&user=ivy&secret=s&lang=%s&utm_source=mail"
	pages := map[string]page{}
	for _, lang := range []string{"en", "fr"} {
		for _, path := range []string{"accept", "reset", "verify", "mail"} {
			asked := p.ask(t, "GET", fmt.Sprintf(link, path, lang), nil)
			require.Equal(t, 200, asked.status, path)
			pages[path+" "+lang] = asked
			refused := p.press(t, asked, map[string]string{"password": "chosen-1", "again": "chosen-1"})
			require.Equal(t, 400, refused.status)
			require.NotContains(t, refused.text, "<form")
			pages[path+" refused "+lang] = refused
			if strings.Contains(asked.text, `id="password"`) {
				pages[path+" short "+lang] = p.press(t, asked, map[string]string{"password": "a", "again": "a"})
			}
			looked := p.ask(t, "HEAD", fmt.Sprintf(link, path, lang), nil)
			require.Equal(t, 200, looked.status)
		}
		for _, of := range []string{"accepted", "changed", "verified", "waiting", "mailed", "moved"} {
			pages[of+" "+lang] = p.ask(t, "GET", publicURL+"/console/done?of="+of+"&lang="+lang, nil)
			require.Equal(t, 200, pages[of+" "+lang].status, of)
		}
		pages["no secret "+lang] = p.ask(t, "GET", publicURL+"/console/accept?mailaddress=ivy@example.org&lang="+lang, nil)
		pages["no such page "+lang] = p.ask(t, "GET", publicURL+"/console/none?lang="+lang, nil)
		pages["no such end "+lang] = p.ask(t, "GET", publicURL+"/console/done?of=none&lang="+lang, nil)
		pages["landing "+lang] = person{base: p.base, language: lang}.ask(t, "GET", publicURL+"/", nil)
		require.Equal(t, "/console/sign-in", pages["landing "+lang].at.Path)
		pages["forgotten "+lang] = p.ask(t, "GET", publicURL+"/console/forgot?lang="+lang, nil)
	}
	require.Equal(t, 400, pages["no secret en"].status)
	require.Equal(t, 404, pages["no such page en"].status)
	require.Equal(t, 404, pages["no such end en"].status)
	outside := regexp.MustCompile(`(?:src|href|action)="((?:[a-ce-z][a-z]*:|//|/)[^"]*)"`)
	for name, got := range pages {
		lang := name[len(name)-2:]
		policy, scripts := "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "+
			"frame-ancestors 'none'; base-uri 'none'", 0
		if strings.Contains(got.text, `autocomplete="new-password"`) { // there is a meter
			policy, scripts = policy+"; script-src 'self'", 1
		}
		meters := scripts
		if strings.Contains(got.text, "data-passkey=") {
			policy, scripts = policy+"; script-src 'self'; connect-src 'self'", 1
		}
		for header, want := range map[string]string{
			"Content-Security-Policy": policy,
			"Referrer-Policy":         "no-referrer", "Cache-Control": "no-store", "X-Robots-Tag": "noindex",
			"X-Content-Type-Options": "nosniff", "Content-Type": "text/html; charset=utf-8",
		} {
			require.Equal(t, want, got.header.Get(header), "%s: %s", name, header)
		}
		require.Contains(t, got.text, `<html lang="`+lang+`">`, name)
		require.Equal(t, scripts, strings.Count(got.text, "<script"), name)
		require.Equal(t, meters, strings.Count(got.text, `data-meter="`), name)
		require.NotContains(t, got.text, "style=", name)
		require.Empty(t, outside.FindString(got.text), name)
		require.NotRegexp(t, `\{[a-z]+\}`, got.text, "a place of a text was left open: %s", name)
		require.Equal(t, 1, strings.Count(got.text, "<h1>"), name)
		require.Less(t, len(got.text), 60_000)
	}
	sheet := regexp.MustCompile(`href="(console-[0-9a-f]{16}\.css)"`).FindStringSubmatch(pages["accept en"].text)
	require.NotNil(t, sheet)
	style := p.ask(t, "GET", publicURL+"/console/"+sheet[1], nil)
	require.Equal(t, 200, style.status)
	require.Equal(t, "text/css; charset=utf-8", style.header.Get("Content-Type"))
	require.Contains(t, style.header.Get("Cache-Control"), "immutable")
	require.Contains(t, pages["landing en"].text, `href="../docs"`)

	for _, accept := range []string{"", "*/*", "application/json", "application/json, text/html;q=0", "text/plain"} {
		status, kind := kindAt(t, r.Address()+"/", accept)
		require.Equal(t, 404, status, accept)
		require.Equal(t, "text/plain; charset=utf-8", kind)
	}
}

// TestPagesOfOtherSitesPressNothing holds that a form on a page of another site is refused.
func TestPagesOfOtherSitesPressNothing(t *testing.T) {
	r, p := openPages(t, "sqlite", nil)
	r.invite(t, "ivy", "en")
	asked := p.ask(t, "GET", r.mailedLink(t, "ivy@example.org"), nil)
	form := asked.at.Query()
	form.Set("password", "chosen-1")
	form.Set("again", "chosen-1")
	for _, site := range []string{"cross-site", "same-site"} {
		request, err := http.NewRequestWithContext(t.Context(), "POST", r.Address()+"/console/accept",
			strings.NewReader(form.Encode()))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", site)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		response.Body.Close()
		require.Equal(t, 403, response.StatusCode)
	}
	require.False(t, r.signsIn(t, "ivy", "chosen-1"))
}

// TestGuessesOnPagesAreLimited holds that the pages share the limits of the routes for programs, say
// so on the page, and that nobody is kept out for long.
func TestGuessesOnPagesAreLimited(t *testing.T) {
	c := newClock(storyBegins)
	cfg := fixtureSettings(t, "sqlite", "rest", c)
	cfg.PublicURL = publicURL
	r := serve(t, cfg)
	p := person{base: r.Address()}
	r.invite(t, "ivy", "en")
	asked := p.ask(t, "GET", r.mailedLink(t, "ivy@example.org"), nil)
	wrong := map[string]string{"secret": "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", "password": "chosen-1",
		"again": "chosen-1"}
	for range 5 {
		require.Equal(t, 400, p.press(t, asked, wrong).status)
		status, _ := caller{base: r.Address()}.call(t, "POST", "/rest/accounts/accept",
			`{"mailaddress": "ivy@example.org", "secret": "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", "password": "chosen-1"}`)
		require.Equal(t, 400, status)
	}
	right := map[string]string{"password": "chosen-1", "again": "chosen-1"}
	late := p.press(t, asked, right)
	require.Equal(t, 429, late.status)
	require.NotEmpty(t, late.header.Get("Retry-After"))
	require.Contains(t, late.text, "Wait 15 minutes")
	require.Contains(t, late.text, "<form", "it can be pressed again")
	c.set(c.now().Add(16 * time.Minute))
	require.Equal(t, 200, p.press(t, late, right).status)
}

// TestMailSaysWhatWorks holds where mail leads when the pages are somewhere else or not offered.
func TestMailSaysWhatWorks(t *testing.T) {
	t.Run("elsewhere", func(t *testing.T) {
		r, p := openPages(t, "sqlite", func(c *app.Config) {
			c.Surfaces, c.PublicURL = []string{"rest", "console=/people"},
				publicURL+"/"
		})
		r.invite(t, "ivy", "en")
		link := r.mailedLink(t, "ivy@example.org")
		require.True(t, strings.HasPrefix(link, publicURL+"/people/console/accept?"), link)
		done := p.press(t, p.ask(t, "GET", link, nil), map[string]string{"password": "chosen-1", "again": "chosen-1"})
		require.Equal(t, "/people/console/done", done.at.Path)
		require.Equal(t, 200, done.status)
		landing := p.ask(t, "GET", publicURL+"/", nil)
		require.Equal(t, "/people/console/sign-in", landing.at.Path)
		require.Contains(t, landing.text, `href="console-`)
	})
	t.Run("nowhere", func(t *testing.T) {
		r, p := openPages(t, "sqlite", func(c *app.Config) { c.Surfaces = []string{"rest", "axway"} })
		require.Equal(t, 404, p.ask(t, "GET", publicURL+"/", nil).status)
		require.Equal(t, 404, p.ask(t, "GET", publicURL+"/console/accept?mailaddress=a@b.c&secret=s", nil).status)
		for _, ways := range []struct{ ask, to, redeem, language, says string }{
			{"invite", "ivy@example.org", "accept", "en", "enter this code in the application within 7 days"},
			{"forgot", "ivy@example.org", "reset", "en", "enter this code in the application within 60 minutes"},
			{"invite", "eve@example.org", "accept", "fr", "saisissez ce code dans l'application dans les 7 jours"},
			{"forgot", "eve@example.org", "reset", "fr", "saisissez ce code dans l'application dans les 60 minutes"},
		} {
			login, _, _ := strings.Cut(ways.to, "@")
			if ways.ask == "invite" {
				r.invite(t, login, ways.language)
			} else {
				r.forget(t, ways.to)
			}
			require.NoError(t, r.directory.RunJobs(t.Context()))
			letters := r.letters(t)
			last := letters[len(letters)-1]
			require.Equal(t, ways.to, last.to)
			require.Empty(t, last.links(), "there is nothing to follow")
			require.Contains(t, strings.Join(strings.Fields(last.text), " "), ways.says)
			secret := regexp.MustCompile(`(?m)^[0-9a-f]{8}-[0-9a-f-]{27}$`).FindString(last.text)
			require.NotEmpty(t, secret, last.text)
			password := "chosen-" + ways.redeem
			status, answer := caller{base: r.Address()}.call(t, "POST", "/rest/accounts/"+ways.redeem,
				fmt.Sprintf(`{"mailaddress": %q, "secret": %q, "password": %q}`, ways.to, secret, password))
			require.Equal(t, 200, status, answer)
			require.True(t, r.signsIn(t, login, password))
		}
	})
}

func kindAt(t *testing.T, address, accept string) (status int, kind string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
	require.NoError(t, err)
	if accept != "" {
		request.Header.Set("Accept", accept)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	response.Body.Close()
	return response.StatusCode, response.Header.Get("Content-Type")
}

// TestPagesInChromium opens an account and changes a password with the keyboard alone.
func TestPagesInChromium(t *testing.T) {
	notShort(t)
	r, _ := openPages(t, "sqlite", func(c *app.Config) { c.PublicURL = "" })
	b := openBrowser(t)
	r.invite(t, "ivy", "en")
	local := func(link string) string {
		u, err := url.Parse(link)
		require.NoError(t, err)
		return r.Address() + u.RequestURI()
	}
	choose := func(password, heading string) {
		t.Helper()
		b.tabTo(t, "password")
		b.write(t, password)
		b.tabTo(t, "again")
		b.write(t, password)
		b.write(t, "\r")
		b.await(t, `document.readyState === "complete" && document.querySelector("h1")?.textContent === "`+heading+`"`)
	}
	b.open(t, local(r.mailedLink(t, "ivy@example.org")))
	b.await(t, `document.querySelector("h1").textContent === "Open your account"`)
	choose("abc", "Open your account")
	b.await(t, `document.readyState === "complete" && document.activeElement?.id === "password"`)
	for what, condition := range map[string]string{
		"the mistake is tied to the field": `document.getElementById(document.activeElement.getAttribute("aria-describedby").split(" ")[0]).textContent.includes("At least 6")`,
		"the title says so first":          `document.title.startsWith("Mistake: ")`,
		"nothing is wider than the window": `document.documentElement.scrollWidth <= innerWidth`,
	} {
		require.True(t, evaluate[bool](t, b, condition), what)
	}
	weighed := func(text string, level int) {
		t.Helper()
		b.await(t, fmt.Sprintf(`document.querySelector(".meter [role=status]").textContent === %q`, text))
		require.Equal(t, level, evaluate[int](t, b, `document.querySelector(".meter meter").value`))
	}
	require.True(t, evaluate[bool](t, b, `document.querySelector(".meter").hidden`))
	b.write(t, "cho")
	weighed("Too short", 0)
	b.write(t, "sen-")
	weighed("Easy to guess", 1)
	b.write(t, "1")
	b.tabTo(t, "again")
	b.write(t, "chosen-1")
	b.tabTo(t, "")
	require.Equal(t, "Open the account", evaluate[string](t, b, "document.activeElement.textContent"))
	require.NotEqual(t, "none", evaluate[string](t, b, "getComputedStyle(document.activeElement).outlineStyle"),
		"where one is can be seen")
	b.write(t, "\r")
	b.await(t, `document.querySelector("h1")?.textContent === "Your account is open"`)
	require.True(t, r.signsIn(t, "ivy", "chosen-1"))

	r.forget(t, "ivy@example.org")
	b.open(t, local(r.mailedLink(t, "ivy@example.org")))
	choose("chosen-2", "Your password was changed")
	require.True(t, r.signsIn(t, "ivy", "chosen-2"))
	require.Empty(t, evaluate[string](t, b, "document.referrer"))
	b.reload(t)
	b.await(t, `document.querySelector("h1")?.textContent === "Your password was changed"`)
	b.open(t, r.Address()+"/")
	b.await(t, `document.querySelector("h1")?.textContent === "Sign in"`)
	b.excuse(t, "400 (Bad Request)", 1) // the password that was too short
	b.checkQuiet(t, r.Address())
}
