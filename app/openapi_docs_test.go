package app_test

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"testing"
)

// TestDocsInChromium opens the page with the descriptions, as people do.
func TestDocsInChromium(t *testing.T) {
	notShort(t)
	t.Parallel()
	server := serve(t, settings(t, newClock(storyBegins)))
	b := openBrowser(t)
	for _, offered := range server.Surfaces() {
		all := operations(describe(t, offered).doc)
		b.open(t, server.Address()+"/docs?surface="+offered.Name)
		b.await(t, count(".opblock")+" > 0")
		shown := evaluate[[]string](t, b, `[...document.querySelectorAll(".opblock")].map((o) =>
			o.querySelector(".opblock-summary-method").textContent + " " +
			o.querySelector(".opblock-summary-path").dataset.path.replace(/\{[^{}]*\}/g, "{}"))`)
		slices.Sort(shown)
		if described := slices.Sorted(maps.Keys(all)); !slices.Equal(described, shown) {
			t.Errorf("%s: the page lists\n%q\nnot\n%q", offered.Name, shown, described)
		}
		for what, condition := range map[string]string{
			"has a title that names the surface": `document.title === "Canopy: ` + offered.Name + `"`,
			"has one heading of the first level": count("h1") + " === 1",
			"has a heading of the description":   count("main h2") + " > 0",
			"says its language":                  `document.documentElement.lang === "en"`,
			"has one main landmark":              count("main") + " === 1",
			"has a banner":                       count("body > header") + " === 1",
			"has a named navigation":             count("nav[aria-label]") + " === 1",
			"marks the surface in the navigation": `document.querySelector("nav [aria-current=page]").textContent === "` +
				offered.Name + `"`,
			"has links to every surface": count("nav a") + " === " + strconv.Itoa(len(server.Surfaces())),
		} {
			if !evaluate[bool](t, b, condition) {
				t.Errorf("%s: it is not so that the page %s", offered.Name, what)
			}
		}
		for _, method := range []string{"get", "post"} {
			evaluate[bool](t, b, `document.querySelector(".opblock-`+method+` .opblock-summary-control").click() === undefined`)
			b.await(t, count(".opblock-"+method+" .responses-table")+" > 0")
		}
	}
	b.checkQuiet(t, server.Address())
}

// TestDescriptionsAreServed holds that programs get the descriptions where the page does.
func TestDescriptionsAreServed(t *testing.T) {
	server := serve(t, settings(t, newClock(storyBegins)))
	get := func(path string) (status int, kind, body string) {
		response, err := http.Get(server.Address() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, response.Header.Get("Content-Type"), string(text)
	}
	for _, offered := range server.Surfaces() {
		status, kind, body := get("/openapi/" + offered.Name + ".yaml")
		if status != http.StatusOK || kind != "application/yaml" || body != string(offered.OpenAPI) {
			t.Errorf("%s: %d, %s and %d bytes, not %d", offered.Name, status, kind, len(body), len(offered.OpenAPI))
		}
	}
	for _, path := range []string{"/openapi/nothing.yaml", "/openapi/rest", "/openapi/rest.json", "/docs/nothing.js"} {
		if status, _, _ := get(path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// TestBrowserHearsErrors holds that a page that does what the page with the descriptions
// must not do would be noticed.
func TestBrowserHearsErrors(t *testing.T) {
	notShort(t)
	t.Parallel()
	server := serve(t, settings(t, newClock(storyBegins)))
	b := openBrowser(t)
	b.open(t, server.Address()+"/docs")
	evaluate[bool](t, b,
		`document.body.insertAdjacentHTML("beforeend", "<p style='color: red'></p><img src='http://127.0.0.1:1/'>") === undefined`)
	evaluate[bool](t, b, `setTimeout(() => { console.error("said so"); throw new Error("thrown") }) > 0`)
	for _, wanted := range []string{"style-src", "img-src", "said so", "thrown"} {
		b.awaitNote(t, "an error about "+wanted, func() bool { return slices.ContainsFunc(b.errors, containing(wanted)) })
	}
	b.awaitNote(t, "the request for the script",
		func() bool { return slices.ContainsFunc(b.addresses, containing("/docs/docs.js")) })
}
