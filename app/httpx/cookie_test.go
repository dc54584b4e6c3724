package httpx_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"canopy/app/httpx"
)

// exchange serves one handler over a real connection, encrypted or not, and returns the answer
// to a request with headers.
func exchange(t *testing.T, encrypted bool, handler fiber.Handler, headers http.Header) *http.Response {
	t.Helper()
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/", handler)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	scheme, client := "http", http.DefaultClient
	if encrypted {
		certified := httptest.NewTLSServer(nil) // for its certificate
		certificates := certified.TLS.Certificates
		client = certified.Client()
		certified.Close()
		l, scheme = tls.NewListener(l, &tls.Config{Certificates: certificates}), "https"
	}
	served := make(chan error, 1)
	go func() { served <- app.Listener(l) }()
	t.Cleanup(func() {
		require.NoError(t, app.Shutdown())
		require.NoError(t, <-served)
	})
	r, err := http.NewRequest("GET", scheme+"://"+l.Addr().String()+"/", nil)
	require.NoError(t, err)
	r.Header = headers
	answer, err := client.Do(r)
	require.NoError(t, err)
	answer.Body.Close()
	return answer
}

func TestCookieIsSecureWhereTheClientSpeaksHTTPS(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for name, c := range map[string]struct {
		encrypted bool
		trusted   []netip.Prefix
		proto     []string
		secure    bool
	}{
		"in the clear":                       {},
		"over TLS":                           {encrypted: true, secure: true},
		"over TLS, whatever a stranger says": {encrypted: true, proto: []string{"http"}, secure: true},
		"a stranger says https":              {proto: []string{"https"}},
		"a trusted proxy says https":         {trusted: trusted, proto: []string{"https"}, secure: true},
		"a trusted proxy says http":          {trusted: trusted, proto: []string{"http"}},
		"a trusted proxy says nothing":       {trusted: trusted},
		"a trusted proxy lets something by":  {trusted: trusted, proto: []string{"http, https"}},
		"a trusted proxy of another network": {trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
			proto: []string{"https"}},
		"a trusted proxy says it in capitals": {trusted: trusted, proto: []string{"HTTPS"}, secure: true},
	} {
		t.Run(name, func(t *testing.T) {
			expires := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
			answer := exchange(t, c.encrypted, func(r *fiber.Ctx) error {
				httpx.SetCookie(r, "SESSION", "abc-_", "/api", expires, httpx.Secure(r, c.trusted))
				return nil
			}, http.Header{"X-Forwarded-Proto": c.proto})
			require.Len(t, answer.Cookies(), 1)
			got := answer.Cookies()[0]
			require.Equal(t, "abc-_", got.Value)
			require.Equal(t, "/api", got.Path)
			require.Empty(t, got.Domain)
			require.True(t, got.HttpOnly)
			require.Equal(t, http.SameSiteLaxMode, got.SameSite)
			require.Equal(t, expires, got.Expires)
			require.Equal(t, c.secure, got.Secure)
		})
	}
}

func TestDroppedCookieIsForgotten(t *testing.T) {
	answer := exchange(t, false, func(r *fiber.Ctx) error {
		httpx.DropCookie(r, "SESSION", "/api", false)
		return nil
	}, nil)
	require.Len(t, answer.Cookies(), 1)
	got := answer.Cookies()[0]
	require.Empty(t, got.Value)
	require.Equal(t, "/api", got.Path)
	require.True(t, got.Expires.Before(time.Now()))
}

func TestCookieThatComesTwiceIsNone(t *testing.T) {
	for name, c := range map[string]struct {
		cookies []string
		want    string
	}{
		"one":                          {[]string{"SESSION=abc"}, "abc"},
		"beside others":                {[]string{"a=b; SESSION=abc; c=d"}, "abc"},
		"none":                         {nil, ""},
		"another":                      {[]string{"session=abc"}, ""},
		"twice in one header":          {[]string{"SESSION=abc; SESSION=def"}, ""},
		"the same twice":               {[]string{"SESSION=abc; SESSION=abc"}, ""},
		"twice in two headers":         {[]string{"SESSION=abc", "SESSION=def"}, ""},
		"not text":                     {[]string{"SESSION=a\xffc"}, ""},
		"the name inside of a value":   {[]string{"a=SESSION=abc"}, ""},
		"the name with something more": {[]string{"SESSIONx=abc"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			answer := exchange(t, false, func(r *fiber.Ctx) error {
				r.Set("Found", httpx.Cookie(r, "SESSION"))
				return nil
			}, http.Header{"Cookie": c.cookies})
			require.Equal(t, c.want, answer.Header.Get("Found"))
		})
	}
}
