package httpx

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"canopy/domain"
)

// Server is what the surfaces of one server have in common.
type Server struct {
	// Limit is how long a request may take.
	Limit time.Duration
	// Trusted are the networks of proxies whose X-Forwarded-For is believed.
	Trusted []netip.Prefix
	// Origins are the other sites whose pages may have a browser change something here.
	Origins domain.Redirects
	// AnySite lets the pages of every site. It is for surfaces whose credentials are in headers
	// that no browser adds by itself.
	AnySite bool
	// Log gets one line a request.
	Log *slog.Logger
	// Observe is told of each request when it was answered; for one that streams, when
	// the stream begins.
	Observe func(surface, route, method string, status int, took time.Duration)
}

// NewApp returns an empty application for one surface, whose errors are answered by
// problems. Each request has an id, a deadline and a line in the log; a panic is answered
// as an internal error.
func (s *Server) NewApp(surface string, problems fiber.ErrorHandler) *fiber.App {
	app := fiber.New(fiber.Config{
		CaseSensitive:         true,
		DisableStartupMessage: true,
		ErrorHandler:          problems,
	})
	app.Use(func(c *fiber.Ctx) error { return s.serve(surface, problems, c) })
	return app
}

// serve wraps what every request has around its handler.
func (s *Server) serve(surface string, problems fiber.ErrorHandler, c *fiber.Ctx) error {
	began := time.Now()
	id := Identify(c)
	ctx := domain.WithRequest(c.UserContext(), domain.Request{ID: id, Surface: surface, Reads: reads(c)})
	d := begin(c, ctx, s.Limit)
	d.log = s.Log.With("id", id, "surface", surface)
	defer d.returned()

	err := s.next(c)
	if err != nil {
		if failed := problems(c, err); failed != nil {
			return failed
		}
	}
	s.log(surface, id, c, err, time.Since(began))
	return nil
}

// next runs the handler; a panic becomes an error.
func (s *Server) next(c *fiber.Ctx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = domain.ErrInternal.Because(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	if err := s.checkSite(c); err != nil {
		return err
	}
	if err := checkQuery(c); err != nil {
		return err
	}
	return c.Next()
}

// checkSite refuses what a browser sends because a page of another site wants something
// changed: it adds credentials that it keeps, those of HTTP's own schemes too, and lets
// others sign somebody in as who they choose.
func (s *Server) checkSite(c *fiber.Ctx) error {
	switch c.Method() {
	case fiber.MethodGet, fiber.MethodHead, fiber.MethodOptions:
		return nil
	}
	switch c.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none": // no browser, a page of ours, the person
		return nil
	}
	if s.AnySite || s.Origins.Allows(c.Get(fiber.HeaderOrigin)) {
		return nil
	}
	return domain.ErrOtherSite
}

// reads reports whether a request is one that must change nothing.
func reads(c *fiber.Ctx) bool {
	return c.Method() == fiber.MethodGet || c.Method() == fiber.MethodHead
}

// Acts lets a handler of GET change something, because the document of its product says that it
// does, or promises what has to be made for it. HEAD, which those documents do not speak of and
// which is sent by programs that look at links, runs nothing.
func Acts(h fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if c.Method() == fiber.MethodHead {
			c.Set(fiber.HeaderAllow, fiber.MethodGet)
			return fiber.ErrMethodNotAllowed
		}
		ctx := c.UserContext()
		r := domain.RequestFrom(ctx)
		r.Reads = false
		c.SetUserContext(domain.WithRequest(ctx, r))
		return h(c)
	}
}

// log writes the request's line: the route, not the address, whose query may hold secrets.
func (s *Server) log(surface, id string, c *fiber.Ctx, err error, took time.Duration) {
	status := c.Response().StatusCode()
	route := "unmatched"
	if r := c.Route(); r != nil && r.Path != "/" && status != fiber.StatusMethodNotAllowed {
		route = strings.Clone(r.Path)
	}
	method := strings.Clone(c.Method())
	s.Observe(surface, route, method, status, took)
	attrs := []slog.Attr{
		slog.String("id", id), slog.String("surface", surface), slog.String("method", method), slog.String("route", route),
		slog.Int("status", status), slog.Float64("ms", float64(took.Microseconds())/1000), slog.String("address", Address(c, s.Trusted)),
	}
	if who, ok := PrincipalOf(c); ok {
		attrs = append(attrs, slog.Int64("organization", int64(who.Organization)), slog.Int64("user", int64(who.User)))
	}
	level := slog.LevelInfo
	if err != nil {
		_, problem := Problem(c, err)
		attrs = append(attrs, slog.String("code", problem.Code))
	}
	if status >= 500 {
		level = slog.LevelError
		if err != nil {
			attrs = append(attrs, slog.Any("error", because(c.UserContext(), err)))
		}
	}
	s.Log.LogAttrs(c.UserContext(), level, "request", attrs...)
}

// because returns err with the reason why the context ended, if it did: that a request took
// too long reads as "context canceled" otherwise.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// maxRequestID bounds a request id that a client or proxy gives.
const maxRequestID = 64

// Identify gives a response the headers that every one has, and returns the id of its
// request.
func Identify(c *fiber.Ctx) string {
	id := requestID(c)
	c.Set(fiber.HeaderXRequestID, id)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderCacheControl, "no-store")
	return id
}

// requestID returns the id the request came with, if it is harmless, or a new one.
func requestID(c *fiber.Ctx) string {
	id := c.Get(fiber.HeaderXRequestID)
	if id == "" || len(id) > maxRequestID || strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_' && r != '.'
	}) {
		return rand.Text()
	}
	return strings.Clone(id)
}
