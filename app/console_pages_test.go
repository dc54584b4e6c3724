package app_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"canopy/app/directory"
)

// consolePages are addresses of every page of the demo's console, by route: each at least once, and in each of its
// shapes. A route that is not here fails the tests.
var consolePages = map[string][]string{
	"/console":             {""},
	"/console/sign-in":     {"sign-in", "sign-in?ended=1&next=people"},
	"/console/forgot":      {"forgot", "forgot?sent=1"},
	"/console/home":        {"home", "home?env=Prod"},
	"/console/me":          {"me", "me?said=saved"},
	"/console/my-password": {"my-password"},
	"/console/my-sessions": {"my-sessions"},
	"/console/my-keys":     {"my-keys"},
	"/console/my-factors":  {"my-factors"},
	"/console/prove":       nil, // a step of signing in, which has tests of its own
	"/console/people": {"people", "people?q=a&state=approved&sort=-name", "people?env=Prod&children=false&role=power",
		"people?q=nobody-is-called-so"},
	"/console/people-bulk": {"people-bulk?state=approved", "people-bulk"},
	"/console/person": {"person?id=16", "person?id=16&tab=access", "person?id=16&tab=access&role=power&allowed=Dev",
		"person?id=16&tab=reach", "person?id=16&tab=sessions", "person?id=2", "person?id=alan.turing&tab=keys",
		"person?id=16&tab=password", "person?id=16&tab=delete", "person?id=mary.jackson", "person?id=annie.easley"},
	"/console/person-new":  {"person-new", "person-new?home=Prod"},
	"/console/program-new": {"program-new", "program-new?home=Prod"},
	"/console/invite":      {"invite"},
	"/console/audit": {"audit", "audit?target=alan.turing&action=user:update", "audit?day=2027-01-01",
		"audit?env=Acme%2FProd&from=2020-01-01&until=2099-01-01&action=signin"},
	"/console/audit-export": nil, // a table
	"/console/tree":         {"tree", "tree?open=Prod", "tree?open=Prod&closed=1", "tree?q=p", "tree?q=none"},
	"/console/place": {"place?id=Acme", "place?id=Prod&tab=people", "place?id=Prod&tab=admins", "place?id=Prod&tab=reach",
		"place?id=Prod&tab=signin"},
	"/console/strength":       {"strength", "strength?env=Prod"},
	"/console/place-settings": {"place-settings?id=Prod"},
	"/console/place-new":      {"place-new?parent=Prod"},
	"/console/place-move":     {"place-move?id=Prod"},
	"/console/place-switch":   {"place-switch?id=Prod"},
	"/console/place-delete":   {"place-delete?id=Prod", "place-delete?id=Acme/Prod/America"},

	"/console/roles":        {"roles"},
	"/console/find":         nil, // a part of pages
	"/console/groups":       {"groups", "groups?env=/Acme/Prod"},
	"/console/group":        {"group?id=2", "group?id=4", "group?id=4&tab=people"},
	"/console/group-new":    {"group-new", "group-new?parent=4"},
	"/console/group-delete": {"group-delete?id=4"},
	"/console/why": {"why", "why?user=alan.turing&permission=user:update&environment=/Acme",
		"why?user=ada.lovelace&permission=user:update&environment=/Acme/Prod", "why?permission=password:change"},

	"/console/export":          nil, // a table
	"/console/import-progress": nil, // a part of a page
	"/console/import":          {"import", "import?created=1&updated=2&said=imported"},
	// Pages to which links of mail lead have tests of their own.
	"/console/accept": nil, "/console/reset": nil, "/console/verify": nil, "/console/mail": nil, "/console/begin": nil,
	"/console/done":      nil,
	"/console/providers": {"providers", "providers?organization=Acme"},
	// And so have the pages of one identity provider, which the demo does not have, and the ways to it and back.
	"/console/provider": nil, "/console/provider-new": nil, "/console/provider-delete": nil,
	"/console/provider-in": nil, "/console/provider-:provider": nil,
}

// consoleParts are addresses of what is no page: parts of pages, and tables.
var consoleParts = []string{"find?kind=place&q=p", "find?kind=person&q=g", "find?kind=group&q=r", "audit-export",
	"import-progress?work=x"}

// pagesOf returns the addresses of all pages, in order.
func pagesOf(t *testing.T, r *running) []string {
	t.Helper()
	var all []string
	for _, offered := range r.Applications() {
		if offered.Name != "console" {
			continue
		}
		for _, route := range offered.App.GetRoutes(true) {
			if route.Method != "GET" || strings.Contains(route.Path[len("/console"):], ".") {
				continue
			}
			pages, known := consolePages[route.Path]
			require.True(t, known, "give addresses for the route %s", route.Path)
			all = append(all, pages...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestPagesOfTheConsoleAreStrict holds what is true of every page.
func TestPagesOfTheConsoleAreStrict(t *testing.T) {
	r := openConsole(t, "sqlite", nil)
	g := r.visitAs(t, "grace.hopper")
	outside := regexp.MustCompile(`(?:src|href|action|hx-[a-z]+)="((?:[a-z]+:|//|/)[^"]*)"`)
	for _, name := range pagesOf(t, r) {
		got := g.get(t, name)
		require.Equal(t, 200, got.status, "%s: %s", name, got.text)
		require.NotContains(t, got.header.Get("Content-Security-Policy"), "unsafe", name)
		require.Equal(t, "no-store", got.header.Get("Cache-Control"), name)
		for _, vary := range []string{"Accept-Language", "HX-Request"} {
			require.Contains(t, strings.Join(got.header.Values("Vary"), ","), vary, name)
		}
		require.Less(t, len(got.text), 60_000, name)
		for _, found := range outside.FindAllStringSubmatch(got.text, -1) {
			require.Equal(t, "data:,", found[1], "%s leads out of the console", name)
		}
		require.NotRegexp(t, `\sstyle="|\son[a-z]+="|<style`, got.text, name)
		require.NotRegexp(t, `>[^<]*\{[a-z]+\}`, got.text, "a place of a text was left open: %s", name)
		require.Len(t, elements(t, got, "h1"), 1, name)
		require.Len(t, elements(t, got, "main"), 1, name)
		ids := map[string]bool{}
		for n := range elements(t, got, "html")[0].Descendants() {
			if id := attr(n, "id"); id != "" {
				require.False(t, ids[id], "%s has %q twice", name, id)
				ids[id] = true
			}
		}
		for _, tag := range []string{"input", "select", "textarea"} {
			for _, n := range elements(t, got, tag) {
				kind := attr(n, "type")
				require.True(t, kind == "hidden" || attr(n, "name") != "" || attr(n, "readonly") != "", "%s: %s", name, attr(n, "id"))
			}
		}
		for _, n := range elements(t, got, "form") {
			if attr(n, "method") == "post" && attr(n, "action") != "theme" && attr(n, "action") != "sign-in" &&
				attr(n, "action") != "forgot" && attr(n, "action") != "passkey" {
				require.NotEmpty(t, fieldsOf(n).Get("csrf"), "%s: the form %s", name, attr(n, "action"))
			}
		}
	}
}

// TestPagesAreInFrench holds that a page says in French all that it says in English, but for what somebody wrote and
// what is called the same.
func TestPagesAreInFrench(t *testing.T) {
	r := openConsole(t, "sqlite", nil)
	admin := basicCaller(r.Address(), "admin", demoPassword)
	status, answer := admin.call(t, "PUT", "/rest/environments/Acme/signin", `{"minPassword":16}`)
	require.Equal(t, 200, status, answer)
	_, err := r.directory.Environments.UpdateSignInRules(t.Context(), mustOperator(t, r),
		directory.SignInRulesPatch{Environment: "Acme", PasswordDays: new(365)})
	require.NoError(t, err)
	demo, err := os.ReadFile("demo.json")
	require.NoError(t, err)
	word := regexp.MustCompile(`\p{L}{2,}`)
	written := map[string]bool{}
	for _, w := range word.FindAllString(string(demo), -1) {
		written[strings.ToLower(w)] = true
	}
	g := r.visitAs(t, "grace.hopper")
	pages := map[string]map[string][]string{}
	for _, language := range []string{"en", "fr"} {
		status, answer := admin.call(t, "POST", "/rest/users/grace.hopper", fmt.Sprintf(`{"language": %q}`, language))
		require.Equal(t, 200, status, answer)
		g.header.Set("Accept-Language", language) // of pages before the sign-in
		pages[language] = map[string][]string{}
		for _, name := range pagesOf(t, r) {
			pages[language][name] = sayings(elements(t, g.get(t, name), "body")[0])
		}
	}
	compared := 0
	for name, french := range pages["fr"] {
		for _, text := range french {
			compared++
			ours := func(w string) bool { return !written[strings.ToLower(w)] }
			if slices.ContainsFunc(word.FindAllString(text, -1), ours) && slices.Contains(pages["en"][name], text) &&
				!slices.Contains(alikeInFrench, text) {
				t.Errorf("%s says in both languages: %s", name, text)
			}
		}
	}
	require.Greater(t, compared, 2000)
}

// alikeInFrench are texts that are the same in both languages.
var alikeInFrench = []string{"English", "Français", "Permissions", "Root", "Auditors", "User, Auditors", "demo",
	"Go-http-client/1.1", "annie.easley", "Annie Easley", "Annie", "Easley", "annie.easley@acme.example",
	"mary.kenneth.keller", "Mary Kenneth Keller", "Mary Kenneth", "Keller", "mary.kenneth.keller@acme.example"}

// sayings returns the texts of an element: what stands in it, and what is said of parts of it.
func sayings(n *html.Node) (all []string) {
	for d := range n.Descendants() {
		if d.Type == html.TextNode && !slices.Contains([]string{"code", "pre", "script"}, d.Parent.Data) {
			all = append(all, strings.Join(strings.Fields(d.Data), " "))
		}
		for _, name := range []string{"aria-label", "placeholder", "title", "alt"} {
			all = append(all, attr(d, name))
		}
	}
	return all
}

// TestPagesNeedASession holds that no page is there for a stranger, and that every form wants its token.
func TestPagesNeedASession(t *testing.T) {
	r := openConsole(t, "sqlite", nil)
	stranger, g := r.visit(t), r.visitAs(t, "grace.hopper")
	open := []string{"/console", "/console/sign-in", "/console/forgot", "/console/theme", "/console/accept",
		"/console/reset", "/console/verify", "/console/mail", "/console/begin", "/console/done",
		"/console/passkey", "/console/passkey-challenge", "/console/provider-in", "/console/provider-:provider"}
	asked := 0
	for _, offered := range r.Applications() {
		if offered.Name != "console" {
			continue
		}
		for _, route := range offered.App.GetRoutes(true) {
			if slices.Contains(open, route.Path) || strings.Contains(route.Path, ".") || route.Method == "HEAD" {
				continue
			}
			form := url.Values(nil)
			if route.Method == "POST" {
				form = url.Values{"id": {"3"}}
				require.Equal(t, 403, g.send(t, "POST", strings.TrimPrefix(route.Path, "/console/"), form).status,
					"%s takes a form without the token", route.Path)
			}
			got := stranger.send(t, route.Method, strings.TrimPrefix(route.Path, "/console/"), form)
			require.Equal(t, 303, got.status, route.Path)
			require.Contains(t, got.header.Get("Location"), "sign-in", route.Path)
			require.Empty(t, got.text, route.Path)
			asked++
		}
	}
	require.Greater(t, asked, 8)
}

// hostile is text that does something if it is taken for anything else.
const hostile = `"'></title><script>document.title="taken"</script><img src=x onerror=alert(1)>{{7*7}}${1}`

// TestHostileTextIsText fills what the directory keeps with text that is markup elsewhere, and looks at every page:
// nothing of it becomes an element.
func TestHostileTextIsText(t *testing.T) {
	r := openConsole(t, "sqlite", nil)
	poison(t, r)
	g := r.visitAs(t, "grace.hopper")
	clean := r.visitAs(t, "claude.shannon")
	shown := 0
	for _, name := range pagesOf(t, r) {
		got := g.get(t, name)
		shown += strings.Count(got.text, "&lt;/title&gt;")
		for _, tag := range []string{"script", "img", "iframe", "object"} {
			for _, n := range elements(t, got, tag) {
				require.Regexp(t, `^(htmx|console|passkey)-[0-9a-f]{16}\.js$`, attr(n, "src"), "%s: %s", name, tag)
			}
		}
		require.NotContains(t, got.text, "<script>", name)
		for n := range elements(t, got, "html")[0].Descendants() {
			for _, a := range n.Attr {
				require.False(t, strings.HasPrefix(a.Key, "on"), "%s: %s", name, a.Key)
				if a.Key == "href" || a.Key == "action" {
					require.NotRegexp(t, `(?i)^\s*(javascript|data:[^,])`, a.Val, name)
				}
			}
		}
	}
	require.NotZero(t, shown, "the hostile text was on no page")
	require.NotContains(t, clean.get(t, "home").text, "onerror")
}

// poison writes hostile text wherever the people of Acme could.
func poison(t *testing.T, r *running) {
	t.Helper()
	admin := basicCaller(r.Address(), "admin", demoPassword)
	text, err := json.Marshal(hostile)
	require.NoError(t, err)
	send := func(method, path, body string) {
		t.Helper()
		status, answer := admin.call(t, method, path, strings.ReplaceAll(body, "HOSTILE", string(text)))
		require.Equal(t, 200, status, "%s %s: %s", method, path, answer)
	}
	for _, alias := range []string{"grace.hopper", "ada.lovelace", "alan.turing", "dennis.ritchie"} {
		send("POST", "/rest/users/"+alias, `{"person": {"firstname": HOSTILE, "lastname": HOSTILE, "phone": "1",
			"role": HOSTILE, "service": HOSTILE}}`)
	}
	send("POST", "/rest/groups/4", `{"alias": "<b onclick=x>Operators\"'"}`)
	operator, err := r.directory.Operator(t.Context())
	require.NoError(t, err)
	_, err = r.directory.Groups.Update(t.Context(), operator, directory.UpdateGroup{Group: "4",
		GroupPatch: directory.GroupPatch{Description: new(hostile)}})
	require.NoError(t, err)
	send("POST", "/rest/environments/4", `{"code": "<i>\"'", "gitRepository": HOSTILE}`)
	send("POST", "/rest/environments/7", `{"alias": "<b>Dev'\"&"}`)
	send("POST", "/rest/users", `{"alias": "mal<i>\"'&x", "envId": 4, "group": "User", "password": "mallory-pass-1",
		"person": {"firstname": HOSTILE, "lastname": HOSTILE, "mailaddress": "mal@acme.example"}}`)
	for range 2 {
		basicCaller(r.Address(), `"><script>alert(1)</script>`, "x").call(t, "GET", "/rest/me", "")
	}
}

// TestPagesTellNothingOfOthers changes another organization: every page of the people of this one stays as it was,
// byte for byte.
func TestPagesTellNothingOfOthers(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		before := map[string]string{}
		guests := map[string]*guest{}
		for _, login := range []string{"grace.hopper", "ada.lovelace", "alan.turing"} {
			guests[login] = r.visitAs(t, login)
		}
		pages := slices.Concat(pagesOf(t, r), consoleParts)
		for login, g := range guests { // once, so that what one's own visit changes is there
			for _, name := range pages {
				g.get(t, name)
			}
			for _, name := range pages {
				got := g.get(t, name)
				require.Less(t, got.status, 500, "%s: %s", login, name)
				before[login+" "+name] = fmt.Sprint(got.status, lasting(got.text))
			}
		}
		disturbOthers(t, r)
		for login, g := range guests {
			for _, name := range pages {
				got := g.get(t, name)
				require.Equal(t, before[login+" "+name], fmt.Sprint(got.status, lasting(got.text)), "%s: %s", login, name)
			}
		}
	})
}

// disturbOthers changes what it can in the organizations Globex and Initech.
func disturbOthers(t *testing.T, r *running) {
	t.Helper()
	admin := basicCaller(r.Address(), "admin", demoPassword)
	for _, step := range []struct{ method, path, body string }{
		{"POST", "/rest/environments", `{"alias": "Secret", "parent": {"envid": 8}}`},
		{"POST", "/rest/environments", `{"alias": "Prod", "parent": {"envid": 8}}`},
		{"POST", "/rest/users", `{"alias": "grace.other", "envId": 9, "group": "User", "password": "some-pass-1",
			"person": {"firstname": "Grace", "lastname": "Hopper", "mailaddress": "g@globex.example"}}`},
		{"POST", "/rest/users/claude.shannon", `{"person": {"firstname": "Changed"}, "envs": ["Acme/Prod"]}`},
		{"POST", "/rest/users/bob.slydell", `{"active": false}`},
		{"DELETE", "/rest/users/bob.porter", ""},
		{"POST", "/rest/users/peter.gibbons", `{"role": "power", "password": "another-pass-1"}`},
	} {
		status, answer := admin.call(t, step.method, step.path, step.body)
		require.Contains(t, []int{200, 201, 204}, status, "%s %s: %s", step.method, step.path, answer)
	}
	basicCaller(r.Address(), "lynn.conway", "wrong").call(t, "GET", "/rest/me", "")
	basicCaller(r.Address(), "lynn.conway", demoPassword).call(t, "GET", "/rest/me", "")
}

// sees is JavaScript that looks at a page with axe by these options and returns the violations in words.
func sees(options string) string {
	return `axe.run(document, {resultTypes: ["violations"], ` + options + `}).then((found) =>
		JSON.stringify(found.violations.map((v) =>
			v.id + ": " + v.help + " at " + v.nodes.map((n) => n.target.join(" ")).join(", "))))`
}

// TestPagesAreAccessible looks at every page in English; every night the French ones are looked at too.
func TestPagesAreAccessible(t *testing.T) { lookAtPages(t, "en") }

// lookAtPages looks at every page with axe (WCAG 2.2 AA among its rules), in both themes, narrow and wide. No page is
// wider than its window, nor shows an error on the console.
func lookAtPages(t *testing.T, languages ...string) {
	t.Helper()
	notShort(t)
	t.Parallel()
	r := openConsole(t, "sqlite", nil)
	script, err := os.ReadFile("testdata/axe-core-4.14.1/axe.min.js")
	require.NoError(t, err)
	style, err := os.ReadFile("surface/console/console.css")
	require.NoError(t, err)
	require.NotContains(t, string(style), "prefers-color-scheme", "a theme changes colours alone, by light-dark()")
	b := openBrowser(t)
	b.signIn(t, r.Address(), "grace.hopper")
	for _, language := range languages {
		status, answer := basicCaller(r.Address(), "admin", demoPassword).call(t, "POST", "/rest/users/grace.hopper",
			fmt.Sprintf(`{"language": %q}`, language))
		require.Equal(t, 200, status, answer)
		pages := make(chan string, 1000)
		for _, name := range pagesOf(t, r) {
			pages <- name
		}
		close(pages)
		t.Run(language, func(t *testing.T) {
			for n := range tabs {
				t.Run(fmt.Sprint("tab ", n), func(t *testing.T) {
					t.Parallel()
					tab := b.openTab(t)
					command(t, tab, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{ // who is not signed in yet
						Headers: network.Headers{"Accept-Language": language}})
					looked := false
					for name := range pages {
						tab.checkAccess(t, r.Address()+"/console/"+name, language, string(script))
						looked = true
					}
					if looked { // the others may have been faster
						tab.checkQuiet(t, r.Address())
					}
				})
			}
		})
	}
}

// tabs is how many tabs look at pages at once.
const tabs = 2

// looks are how a page is looked at: in the dark, rules of colours are all that can end otherwise than in the light;
// what is asked of style sheets is asked once.
var looks = []struct {
	width          int64
	theme, options string
}{
	{320, "light", ""}, {320, "dark", `preload: false, runOnly: {type: "tag", values: ["cat.color"]}`},
	{1440, "dark", `preload: false, runOnly: {type: "tag", values: ["cat.color"]}`}, {1440, "light", "preload: false"},
}

// checkAccess looks at a page in both themes, narrow and wide.
func (b *browser) checkAccess(t *testing.T, address, language, axe string) {
	t.Helper()
	b.open(t, address)
	require.Equal(t, language, evaluate[string](t, b, axe+";document.documentElement.lang"), address)
	for _, look := range looks {
		require.NoError(t, chromedp.Do(b.ctx, chromedp.EmulateViewport(look.width, 900)))
		command(t, b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.theme}}})
		require.LessOrEqual(t, evaluate[int](t, b, "document.documentElement.scrollWidth - innerWidth"), 0,
			"%s is wider than %d", address, look.width)
		require.Equal(t, "[]", evaluate[string](t, b, sees(look.options), chromedp.EvalAwaitPromise),
			"%s, %s, %s, %d wide", address, language, look.theme, look.width)
	}
}

// signIn signs somebody in with a browser.
func (b *browser) signIn(t *testing.T, base, login string) {
	t.Helper()
	b.open(t, base+"/console/sign-in")
	b.await(t, `document.activeElement?.id === "login"`)
	b.write(t, login)
	b.tabTo(t, "password")
	b.write(t, demoPassword+"\r")
	b.await(t, `!location.pathname.endsWith("/sign-in") && document.readyState === "complete"`)
}
