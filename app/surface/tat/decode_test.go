package tat

import (
	"net/url"
	"strings"
	"testing"

	"canopy/app/accounts"
	"canopy/domain"
)

func surfaceAt(t testing.TB, public string) *Surface {
	t.Helper()
	address, err := url.Parse(public)
	if err != nil {
		t.Fatal(err)
	}
	return &Surface{public: address}
}

func TestCallbacks(t *testing.T) {
	link := "/user/verify/" + accounts.PlaceAlias + "/" + accounts.PlaceSecret
	for _, c := range []struct{ public, below, callback, want string }{
		{"https://a.example", "", "Click on scheme://:host::port/user/verify/:username/:token now",
			"Click on https://a.example" + link + " now"},
		{"https://a.example:8443/", "", ":scheme://:host::port/user/verify/:username/:token", "https://a.example:8443" +
			link},
		{"http://a.example/base", "", ":scheme://:host::port:path/user/verify/:username/:token", "http://a.example/base" +
			link},
		{"http://a.example/base", "/tat", ":scheme://:host/user/verify/:username/:token", "http://a.example/base/tat" + link},
		{"http://a.example", "", ":scheme :host :port :path", "http a.example 80 "},
		{"https://a.example", "", ":port :username :token", "443 " + accounts.PlaceAlias + " " + accounts.PlaceSecret},
		{"https://a.example", "", "", ""},
	} {
		if got := surfaceAt(t, c.public).note(c.callback, c.below); got != c.want {
			t.Errorf("%q at %s%s is %q, not %q", c.callback, c.public, c.below, got, c.want)
		}
	}
}

func FuzzCallback(f *testing.F) {
	for _, seed := range []string{"", "scheme://:host::port/:token", ":scheme:scheme::port", "::host", "{secret}{link}",
		"\x00\xff:token\r\nTo: a"} {
		f.Add(seed)
	}
	s := surfaceAt(f, "https://a.example:1/b")
	f.Fuzz(func(t *testing.T, callback string) {
		got := s.note(callback, "")
		if !strings.Contains(callback, ":") && got != callback {
			t.Errorf("%q became %q", callback, got)
		}
		if strings.Count(got, accounts.PlaceSecret) != strings.Count(callback, ":token")+strings.Count(callback,
			accounts.PlaceSecret) && !strings.Contains(callback, "{") && !strings.Contains(callback, "}") {
			t.Errorf("%q became %q", callback, got)
		}
	})
}

func FuzzTopicName(f *testing.F) {
	for _, seed := range []string{"", "/", "a", "/a/b/", "//a//", "/Private/bob", "é/\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		full := domain.TopicName(name)
		if !strings.HasPrefix(full, "/") || len(full) > 1 && (full[1] == '/' || strings.HasSuffix(full, "/")) {
			t.Errorf("%q is %q", name, full)
		}
		if domain.TopicName(full) != full {
			t.Errorf("%q is not stable", full)
		}
	})
}

func TestIDs(t *testing.T) {
	for _, id := range []domain.UserID{1, 255, domain.MaxID} {
		if text := formatID(id); len(text) != 24 || parseID[domain.UserID](text) != id {
			t.Errorf("%d is %s and back %d", id, text, parseID[domain.UserID](text))
		}
	}
	for _, text := range []string{"", "1", strings.Repeat("0", 24), strings.Repeat("f", 24), "00000000000000000000000A",
		"0000000000000000000000+1",
		"00000000000000000000000g", strings.Repeat("0", 23) + "1 "} {
		if id := parseID[domain.UserID](text); id != -1 {
			t.Errorf("%q is %d", text, id)
		}
	}
}
