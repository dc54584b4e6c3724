package domain

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestRedirects(t *testing.T) {
	r, err := ParseRedirects([]string{"/welcome", "/a/b", "https://portal.example", "http://localhost:8080"})
	if err != nil {
		t.Fatal(err)
	}
	for _, allowed := range []string{"/welcome", "/welcome?x=y", "/a/b", "https://portal.example",
		"https://portal.example/", "https://portal.example/x?y=z",
		"https://portal.example?x", "http://localhost:8080/x"} {
		if !r.Allows(allowed) {
			t.Errorf("%q is not allowed", allowed)
		}
	}
	for _, refused := range []string{
		"", "/", "/other", "welcome", "/welcome/", "/welcome/x", "/Welcome", "//evil.example", "//welcome", "///evil.example",
		"/\\evil.example", "\\\\evil.example",
		"/welcome/../other", "/./welcome", "/a//b", "/%77elcome", "/welcome%2f", "/welcome%00", "/welcome\r\nSet-Cookie: a=b",
		"/welcome\t", " /welcome", "/welcome ",
		"/\tevil.example", "/welcome#x", "/welcome?x#y", "/welcome?\x00",
		"https://evil.example", "https://portal.example.evil.example", "https://portal.example@evil.example",
		"https://portal.example:443", "https://portal.example\\@evil.example",
		"https:portal.example", "https:/portal.example", "https:///portal.example", "http://portal.example",
		"HTTPS://portal.example", "https://PORTAL.example",
		"https://evil.example/https://portal.example", "https://portal.example%2eevil.example",
		"https://portal.example%00.evil.example", "https://portal。example",
		"//portal.example", "javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,x",
		"https://user:x@portal.example/", "ftp://portal.example", "?x", "#x",
		"https://portal.example" + strings.Repeat("/", 2000),
	} {
		if r.Allows(refused) {
			t.Errorf("%q is allowed", refused)
		}
	}
	for _, wrong := range []string{"", "welcome", "//x", "https://portal.example/", "https://portal.example/x",
		"javascript:x", "/a/../b", "/a?b", "/a%20", "https://", "ftp://x"} {
		if _, err := ParseRedirects([]string{wrong}); err == nil {
			t.Errorf("%q can be configured", wrong)
		}
	}
}

// FuzzRedirects holds that what is allowed leads where the list says, as another parser reads it.
func FuzzRedirects(f *testing.F) {
	list := Redirects{"/welcome", "https://portal.example"}
	for _, seed := range []string{"/welcome?a", "https://portal.example/x", "//evil.example", "/\\evil.example",
		"https://portal.example@evil.example"} {
		f.Add(seed)
	}
	base, _ := url.Parse("https://canopy.example/api/portal/v1.3/login")
	f.Fuzz(func(t *testing.T, target string) {
		if !list.Allows(target) {
			return
		}
		u, err := base.Parse(strings.ReplaceAll(target, "\\", "/")) // as browsers read it
		if err != nil {
			t.Fatalf("%q: %v", target, err)
		}
		here := u.Scheme+"://"+u.Host == "https://canopy.example" && u.Path == "/welcome"
		if !here && !slices.Contains(list, u.Scheme+"://"+u.Host) {
			t.Errorf("%q leads to %s", target, u)
		}
	})
}
