package httpx

import (
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"canopy/domain"
)

// A page of another site changes nothing, unless its origin is one of those that are let.
func TestOtherSites(t *testing.T) {
	s := &Server{Limit: time.Minute, Origins: domain.Redirects{"/welcome", "https://portal.example"},
		Log:     slog.New(slog.NewTextHandler(io.Discard, nil)),
		Observe: func(string, string, string, int, time.Duration) {}}
	app := s.NewApp("test", func(c *fiber.Ctx, err error) error {
		status, problem := Problem(c, err)
		return c.Status(status).SendString(problem.Code)
	})
	app.All("/", func(c *fiber.Ctx) error { return c.SendString("done") })
	ask := func(method, site, origin string) string {
		var raw fasthttp.RequestCtx
		raw.Request.Header.SetMethod(method)
		raw.Request.Header.Set("Sec-Fetch-Site", site)
		raw.Request.Header.Set("Origin", origin)
		app.Handler()(&raw)
		return fmt.Sprint(raw.Response.StatusCode(), " ", string(raw.Response.Body()))
	}
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		for _, site := range []string{"cross-site", "same-site", "Same-Origin", "x"} {
			for _, origin := range []string{"", "null", "https://evil.example", "http://portal.example",
				"https://portal.example:444"} {
				require.Equal(t, "403 other_site", ask(method, site, origin), "%s %s %s", method, site, origin)
			}
			require.Equal(t, "200 done", ask(method, site, "https://portal.example"), "%s %s", method, site)
		}
		for _, site := range []string{"none", "same-origin"} {
			require.Equal(t, "200 done", ask(method, site, "https://evil.example"), "%s %s", method, site)
		}
	}
	s.AnySite = true
	require.Equal(t, "200 done", ask("POST", "cross-site", "https://evil.example"))
	s.AnySite = false
	require.Equal(t, "200 done", ask("GET", "cross-site", ""), "following a link")
}

// A request that finds no place is told so in the words of its surface, and one that panics or is done leaves its.
func TestRequestsHavePlaces(t *testing.T) {
	s := &Server{Limit: time.Minute, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Entrance: NewEntrance(1),
		Observe: func(string, string, string, int, time.Duration) {}}
	app := s.NewApp("test", func(c *fiber.Ctx, err error) error {
		status, problem := Problem(c, err)
		return c.Status(status).SendString(problem.Code)
	})
	begun, over := make(chan bool), make(chan bool)
	app.Get("/long", func(*fiber.Ctx) error { begun <- true; <-over; return nil })
	app.Get("/panics", func(*fiber.Ctx) error { panic("at the disco") })
	app.Get("/waits", func(c *fiber.Ctx) error {
		defer domain.Aside(c.UserContext())()
		begun <- true
		<-over
		return nil
	})
	ask := func(path string) string {
		var raw fasthttp.RequestCtx
		raw.Request.SetRequestURI(path)
		app.Handler()(&raw)
		return fmt.Sprint(raw.Response.StatusCode(), " ", string(raw.Response.Header.Peek("Retry-After")))
	}
	answered := make(chan string)
	for path, meanwhile := range map[string]string{"/long": "503 1", "/waits": "500 "} {
		go func() { answered <- ask(path) }()
		<-begun
		s.Entrance.every = time.Minute // waiting would be long
		require.Equal(t, meanwhile, ask("/panics"), path)
		over <- true
		require.Equal(t, "200 ", <-answered)
		require.Equal(t, "500 ", ask("/panics"))
		require.Zero(t, s.Entrance.working)
	}
}
