package authn

import (
	"encoding/base64"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestAuthorization(t *testing.T) {
	basic := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	tests := []struct {
		name, header    string
		login, password string
		isBasic         bool
		token           string
	}{
		{name: "no header"},
		{name: "a name and a password", header: "Basic " + basic("ada:secret"), login: "ada", password: "secret",
			isBasic: true},
		{name: "the scheme in other letters", header: "bASIC " + basic("ada:secret"), login: "ada", password: "secret",
			isBasic: true},
		{name: "several spaces", header: "Basic   " + basic("ada:secret") + " ", login: "ada", password: "secret",
			isBasic: true},
		{name: "a colon in the password", header: "Basic " + basic("ada:se:cr:et"), login: "ada", password: "se:cr:et",
			isBasic: true},
		{name: "letters beyond ASCII", header: "Basic " + basic("Ångström:пароль"), login: "Ångström", password: "пароль",
			isBasic: true},
		{name: "no password", header: "Basic " + basic("ada:"), login: "ada", isBasic: true},
		{name: "no colon", header: "Basic " + basic("ada"), login: "ada", isBasic: true},
		{name: "no name", header: "Basic " + basic(":secret"), password: "secret", isBasic: true},
		{name: "a NUL", header: "Basic " + basic("ada\x00:secret"), isBasic: true},
		{name: "a NUL in the password", header: "Basic " + basic("ada:secret\x00"), isBasic: true},
		{name: "Latin-1", header: "Basic " + basic("\xc5ngstr\xf6m:secret"), isBasic: true},
		{name: "no Base64", header: "Basic ada:secret", isBasic: true},
		{name: "Base64 that broke off", header: "Basic " + basic("ada:secret")[:5], isBasic: true},
		{name: "Base64 without padding", header: "Basic " + strings.TrimRight(basic("ada:secrets"), "="), isBasic: true},
		{name: "nothing behind Basic", header: "Basic ", isBasic: true, token: "Basic"},
		{name: "a token", header: "Bearer a.b.c", token: "a.b.c"},
		{name: "a token, the scheme in other letters", header: "bearer a.b.c", token: "a.b.c"},
		{name: "a token behind several spaces", header: "Bearer   a.b.c ", token: "a.b.c"},
		{name: "a bare token", header: " a.b.c ", token: "a.b.c"},
		{name: "nothing behind Bearer", header: "Bearer ", token: "Bearer"},
		{name: "another scheme", header: "Digest username=ada"},
		{name: "a scheme that begins alike", header: "Bearers a.b.c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			login, password, ok := parseBasic(tt.header)
			require.Equal(t, tt.isBasic, ok)
			require.Equal(t, []string{tt.login, tt.password}, []string{login, password})
			require.Equal(t, tt.token, parseBearer(tt.header))
		})
	}
}

// FuzzAuthorization holds that what is sent as Basic arrives as it is, and that no header
// makes credentials that no database could look for.
func FuzzAuthorization(f *testing.F) {
	for _, seed := range []string{"ada:secret", "Basic YWRhOnNlY3JldA==", "Basic YWRh\nOnNlY3JldA==", "Basic AAAA",
		"Bearer a.b.c", "Basic", " \tx", "a:b\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		login, password, _ := parseBasic(text)
		if all := login + password; strings.Contains(login, ":") || strings.Contains(all, "\x00") || !utf8.ValidString(all) {
			t.Errorf("read as %q and %q", login, password)
		}
		if token := parseBearer(text); token != strings.TrimSpace(token) || !strings.Contains(text, token) {
			t.Errorf("read as the token %q", token)
		}
		login, password, ok := parseBasic("Basic " + base64.StdEncoding.EncodeToString([]byte(text)))
		wantLogin, wantPassword, _ := strings.Cut(text, ":")
		if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
			wantLogin, wantPassword = "", ""
		}
		if !ok || login != wantLogin || password != wantPassword {
			t.Errorf("came back as %q and %q", login, password)
		}
	})
}
