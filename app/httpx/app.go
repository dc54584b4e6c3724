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
	// Public is the origin at which people reach the server, empty if only their requests say it.
	Public string
	// Entrance bounds how many requests are worked on, whoever they are from.
	Entrance *Entrance
	// Turns are how many requests are worked on, and Answers how many large answers are sent; a
	// user has a share of both, a network of the second.
	Turns, Answers *Budget
	// Keeper keeps answers, for the surfaces that use Keyed.
	Keeper AnswerKeeper
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
	id, theirs := Identify(c)
	ctx := domain.WithRequest(c.UserContext(), domain.Request{ID: id, ClientID: theirs, Surface: surface, Reads: reads(c)})
	place := &Place{entrance: s.Entrance}
	d := begin(c, domain.WithAside(ctx, place.aside), s.Limit)
	d.server, d.id, d.surface = s, id, surface
	defer d.returned()

	err := place.enter(d.ctx, d.party(c).Network, credentialsOf(c))
	if err == nil {
		err = s.next(c)
		place.leave()
	}
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
	if err := c.Next(); err != nil {
		return err
	}
	return holdWhole(c)
}

// checkSite refuses what a browser sends because a page of another site wants something
// changed: it adds credentials that it keeps, those of HTTP's own schemes too, and lets
// others sign somebody in as who they choose. A browser that does not say what site it was, because
// it is old or speaks plain HTTP, still says the page's origin; other clients say neither.
func (s *Server) checkSite(c *fiber.Ctx) error {
	switch c.Method() {
	case fiber.MethodGet, fiber.MethodHead, fiber.MethodOptions:
		return nil
	}
	switch c.Get("Sec-Fetch-Site") {
	case "same-origin", "none": // a page of ours, the person
		return nil
	case "":
		if s.fromHere(c) {
			return nil
		}
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

// Asks says that a handler changes nothing, although its method may.
func Asks(h fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx := c.UserContext()
		r := domain.RequestFrom(ctx)
		r.Reads = true
		c.SetUserContext(domain.WithRequest(ctx, r))
		return h(c)
	}
}

// fromHere reports whether a request names no origin, or ours: where it was sent to, as far as the
// client can know it, or where people reach the server.
func (s *Server) fromHere(c *fiber.Ctx) bool {
	origins := c.Request().Header.PeekAll(fiber.HeaderOrigin)
	if len(origins) == 0 || len(origins) == 1 && len(origins[0]) == 0 {
		return true
	}
	if len(origins) > 1 {
		return false
	}
	origin, scheme, port := string(origins[0]), "http://", ":80"
	if Secure(c, s.Trusted) {
		scheme, port = "https://", ":443"
	}
	hosts := []string{string(c.Context().Host())}
	if ip, _ := netip.AddrFromSlice(c.Context().RemoteIP()); among(s.Trusted, ip.Unmap()) {
		hosts = append(hosts, c.Get(fiber.HeaderXForwardedHost))
	}
	for _, host := range hosts {
		if host != "" && strings.EqualFold(origin, scheme+strings.TrimSuffix(host, port)) {
			return true
		}
	}
	return s.Public != "" && strings.EqualFold(origin, s.Public)
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
		slog.Int("status", status), slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.String("address", Address(c, s.Trusted)),
	}
	if theirs := domain.RequestFrom(c.UserContext()).ClientID; theirs != "" {
		attrs = append(attrs, slog.String("client_id", theirs))
	}
	if caller, ok := PrincipalOf(c); ok {
		attrs = append(attrs, slog.Int64("organization", int64(caller.Organization)), slog.Int64("user", int64(caller.User)))
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
	s.write(c.UserContext(), level, attrs)
}

// write writes a request's line. It goes past slog.Logger, which looks for the line of code that logs: that is always
// this one.
func (s *Server) write(ctx context.Context, level slog.Level, attrs []slog.Attr) {
	h := s.Log.Handler()
	if !h.Enabled(ctx, level) {
		return
	}
	r := slog.NewRecord(time.Now(), level, "request", 0)
	r.AddAttrs(attrs...)
	_ = h.Handle(ctx, r)
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
// request, which is made here, and the one that the client gave it, empty if there is none or it
// is not harmless.
func Identify(c *fiber.Ctx) (id, theirs string) {
	id = rand.Text()
	if c.Context().IsTLS() {
		c.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
	c.Set(fiber.HeaderXRequestID, id)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderCacheControl, "no-store")
	return id, clientID(c)
}

func clientID(c *fiber.Ctx) string {
	id := c.Get(fiber.HeaderXRequestID)
	if len(id) > maxRequestID || strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_' && r != '.'
	}) {
		return ""
	}
	return strings.Clone(id)
}
