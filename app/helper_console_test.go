package app_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"canopy/app"
	"canopy/persistence/testdb"
)

// demoPassword is everybody's in the directory of openConsole.
const demoPassword = "try-canopy-1"

// openConsole serves the demo, in which grace.hopper is the admin of the organization Acme. A test whose change names
// no database gets a copy of what was filled once.
func openConsole(t *testing.T, engine string, change func(*app.Config)) *running {
	t.Helper()
	cfg := settings(t, newClock(time.Now())) // since browsers forget cookies by their own clock
	cfg.AnswerFloor, cfg.AdminPassword, cfg.PublicURL = 0, demoPassword, publicURL
	demo := cfg
	if change != nil {
		change(&cfg)
	}
	switch {
	case cfg.DatabaseURL != "":
		require.NoError(t, fillDemo(t.Context(), cfg))
	case engine == "postgres":
		cfg.DatabaseURL = testdb.PostgresFrom(t, "demo", func(url string) error {
			demo.DatabaseURL = url
			return fillDemo(t.Context(), demo)
		})
	default:
		cfg.Data = filepath.Dir(testdb.SQLiteFrom(t, "demo", func(path string) error {
			demo.Data = filepath.Dir(path)
			return fillDemo(t.Context(), demo)
		}))
	}
	return serve(t, cfg)
}

// fillDemo fills the configured database with the demo and closes it.
func fillDemo(ctx context.Context, cfg app.Config) error {
	db, err := app.OpenDatabase(ctx, &cfg)
	if err != nil {
		return err
	}
	return errors.Join(app.FillDemo(ctx, &cfg, db), db.Close())
}

// A guest is somebody with a browser without script, that keeps cookies.
type guest struct {
	base   string
	client *http.Client
	header http.Header // sent with everything
}

// visit returns a browser that nobody is signed in with.
func (r *running) visit(t *testing.T) *guest {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &guest{base: r.Address(), header: http.Header{}, client: &http.Client{Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// visitAs returns a browser in which somebody has signed in.
func (r *running) visitAs(t *testing.T, login string) *guest {
	t.Helper()
	g := r.visit(t)
	in := g.press(t, g.get(t, "sign-in"), "sign-in", map[string]string{"login": login, "password": demoPassword})
	require.NotEqual(t, "/console/sign-in", in.at.Path, in.text)
	return g
}

// send sends a request to a page, named as the links of pages name it, and returns the answer without going on.
func (g *guest) send(t *testing.T, method, name string, form url.Values) page {
	t.Helper()
	u, err := url.Parse(g.base + "/console/")
	require.NoError(t, err)
	u, err = u.Parse(name)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), method, u.String(), strings.NewReader(form.Encode()))
	require.NoError(t, err)
	request.Header = g.header.Clone()
	request.Header.Set("Accept", "text/html,application/xhtml+xml")
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if request.Header.Get("Sec-Fetch-Site") == "" {
			request.Header.Set("Sec-Fetch-Site", "same-origin")
		}
	}
	response, err := g.client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return page{response.StatusCode, response.Header, string(text), u}
}

// follow goes on to where an answer leads.
func (g *guest) follow(t *testing.T, p page) page {
	t.Helper()
	for p.status == http.StatusSeeOther {
		next, err := p.at.Parse(p.header.Get("Location"))
		require.NoError(t, err)
		p = g.send(t, http.MethodGet, next.String(), nil)
	}
	return p
}

func (g *guest) get(t *testing.T, name string) page {
	t.Helper()
	return g.follow(t, g.send(t, http.MethodGet, name, nil))
}

// press sends the form of a page that has this action, with these values in its fields besides those it has. A
// value for a box is "on", or "" to take its tick away; one for a button presses it.
func (g *guest) press(t *testing.T, on page, action string, values map[string]string) page {
	t.Helper()
	form := formOf(t, on, action)
	for name, value := range values {
		if value == "" {
			form.Del(name)
		}
		form.Set(name, value)
	}
	to, err := on.at.Parse(action)
	require.NoError(t, err)
	return g.follow(t, g.send(t, http.MethodPost, to.String(), form))
}

// shownAs is what a page tells which of its showings this one is: forms are sent once as that.
var shownAs = regexp.MustCompile(`name="once" value="[^"]*"`)

// lasting returns a page without what differs whenever it is shown.
func lasting(page string) string { return shownAs.ReplaceAllString(page, "") }

// formOf returns what the form of a page that has this action would send.
func formOf(t *testing.T, on page, action string) url.Values {
	t.Helper()
	for _, found := range elements(t, on, "form") {
		if attr(found, "action") == action && attr(found, "method") == "post" {
			return fieldsOf(found)
		}
	}
	require.Fail(t, "there is no such form", "%s on %s", action, on.text)
	return nil
}

func fieldsOf(form *html.Node) url.Values {
	values := url.Values{}
	for n := range form.Descendants() {
		name := attr(n, "name")
		if n.Type != html.ElementNode || name == "" {
			continue
		}
		switch n.Data {
		case "input":
			if kind := attr(n, "type"); kind == "checkbox" || kind == "radio" {
				if has(n, "checked") {
					values.Set(name, attr(n, "value"))
				}
				continue
			}
			values.Set(name, attr(n, "value"))
		case "textarea":
			values.Set(name, textOf(n))
		case "select":
			for o := range n.Descendants() {
				if o.Type == html.ElementNode && o.Data == "option" && (has(o, "selected") || !values.Has(name)) {
					values.Set(name, attr(o, "value"))
				}
			}
		}
	}
	return values
}

// elements returns the elements of a page with that tag, in their order.
func elements(t *testing.T, p page, tag string) []*html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(p.text))
	require.NoError(t, err)
	var found []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == tag {
			found = append(found, n)
		}
	}
	return found
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// textOf returns the text of an element, with its white space as a reader sees it.
func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// rows returns the texts of the cells of a page's first table, without its head.
func rows(t *testing.T, p page) [][]string {
	t.Helper()
	bodies := elements(t, p, "tbody")
	if len(bodies) == 0 {
		return nil
	}
	var all [][]string
	for n := range bodies[0].Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "tr":
			all = append(all, nil)
		case "td", "th":
			all[len(all)-1] = append(all[len(all)-1], textOf(n))
		}
	}
	return all
}

// factsOf returns what a page's list of facts says.
func factsOf(t *testing.T, p page) (facts []string) {
	t.Helper()
	for _, fact := range elements(t, p, "dd") {
		facts = append(facts, textOf(fact))
	}
	return facts
}
