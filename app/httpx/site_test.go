package httpx

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"canopy/domain"
)

// A browser that does not say of what site a page is, because it speaks plain HTTP, names the
// page's origin; a page of another site changes nothing then either.
func TestOriginsOfOtherSites(t *testing.T) {
	s := &Server{Limit: time.Minute, Origins: domain.Redirects{"https://portal.example"}, Public: "https://id.example",
		Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Log:     slog.New(slog.NewTextHandler(io.Discard, nil)), Observe: func(string, string, string, int, time.Duration) {}}
	app := s.NewApp("test", func(c *fiber.Ctx, err error) error {
		status, problem := Problem(c, err)
		return c.Status(status).SendString(problem.Code)
	})
	app.All("/", func(c *fiber.Ctx) error { return c.SendString("done") })
	const proxy, stranger = "10.1.2.3", "192.0.2.1"
	ask := func(method, from, host string, headers ...string) string {
		var request fasthttp.Request
		request.Header.SetMethod(method)
		request.Header.SetHost(host)
		for i := 0; i < len(headers); i += 2 {
			request.Header.Add(headers[i], headers[i+1])
		}
		var raw fasthttp.RequestCtx
		raw.Init(&request, &net.TCPAddr{IP: net.ParseIP(from), Port: 4711}, nil)
		app.Handler()(&raw)
		return fmt.Sprint(raw.Response.StatusCode(), " ", string(raw.Response.Body()))
	}
	const done, refused = "200 done", "403 other_site"
	for _, c := range []struct {
		why, from, host string
		headers         []string
		want            string
	}{
		{"no browser", stranger, "canopy:8080", nil, done},
		{"a page of ours", stranger, "canopy:8080", []string{"Origin", "http://canopy:8080"}, done},
		{"in other letters", stranger, "canopy:8080", []string{"Origin", "http://CANOPY:8080"}, done},
		{"the port that goes without saying", stranger, "canopy:80", []string{"Origin", "http://canopy"}, done},
		{"where people reach us", stranger, "internal:8080", []string{"Origin", "https://id.example"}, done},
		{"an origin that is let", stranger, "canopy:8080", []string{"Origin", "https://portal.example"}, done},
		{"another site", stranger, "canopy:8080", []string{"Origin", "http://evil.example"}, refused},
		{"a page that hides its site", stranger, "canopy:8080", []string{"Origin", "null"}, refused},
		{"another port", stranger, "canopy:8080", []string{"Origin", "http://canopy:8081"}, refused},
		{"another scheme", stranger, "canopy:8080", []string{"Origin", "https://canopy:8080"}, refused},
		{"a host that begins with ours", stranger, "canopy", []string{"Origin", "http://canopy.evil.example"}, refused},
		{"two origins, one ours", stranger, "canopy", []string{"Origin", "http://canopy", "Origin", "http://evil.example"},
			refused},
		{"two of ours", stranger, "canopy", []string{"Origin", "http://canopy", "Origin", "http://canopy"}, refused},
		{"a stranger names the host", stranger, "canopy",
			[]string{"Origin", "http://evil.example", "X-Forwarded-Host", "evil.example"}, refused},
		{"a proxy names the host", proxy, "internal:8080",
			[]string{"Origin", "https://id2.example", "X-Forwarded-Host", "id2.example", "X-Forwarded-Proto", "https"}, done},
		{"a proxy names another host", proxy, "internal:8080",
			[]string{"Origin", "https://evil.example", "X-Forwarded-Host", "id2.example", "X-Forwarded-Proto", "https"},
			refused},
		{"a proxy that speaks HTTPS with the client", proxy, "id2.example",
			[]string{"Origin", "https://id2.example", "X-Forwarded-Proto", "https"}, done},
	} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			require.Equal(t, c.want, ask(method, c.from, c.host, c.headers...), "%s, %s", c.why, method)
		}
		require.Equal(t, done, ask("GET", c.from, c.host, c.headers...), "%s, following a link", c.why)
	}
	s.AnySite = true
	require.Equal(t, done, ask("POST", stranger, "canopy", "Origin", "https://evil.example"),
		"credentials that no browser adds")
}
