package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"canopy/app/httpx"
	"canopy/domain"
)

// Server answers HTTP for a directory.
type Server struct {
	http     *fasthttp.Server
	listener *Listener
	bodies   *httpx.Budget // in bytes
	stopping atomic.Bool
	config   *Config
	watch    *watch
	surfaces []surface
	handlers []fasthttp.RequestHandler
	rest     fasthttp.RequestHandler
	app      *fiber.App // operations
}

// The limits of a connection. A request must arrive within readWithin; an answer may take
// as long as its reader goes on reading (listener.go).
const (
	readWithin = 30 * time.Second
	idleWithin = 2 * time.Minute
	headerSize = 16 << 10
)

// placesOf is how many requests are worked on at once for each processor: most of them wait for the database.
const placesOf = 32

// Listen takes the configured address. Whoever connects waits until a server serves there.
func Listen(cfg *Config) (*Listener, error) {
	config, err := tlsConfig(cfg)
	if err != nil {
		return nil, err
	}
	if err := checkListen(cfg.Listen); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, listenError(cfg.Listen, err)
	}
	return listen(l, config, newDoor(cfg.MaxConnections, cfg.TrustedProxies)), nil
}

// checkListen refuses what is no address to listen on.
func checkListen(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("--listen: %q is no address and port, such as 127.0.0.1:8080 or :8443", address)
	}
	return nil
}

// listenError says why an address cannot be listened on, and what to do.
func listenError(address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("--listen: another program listens on %s already; stop it, or name another port", address)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("--listen: this user may not listen on %s; name a port from 1024 on", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("--listen: %s is no address of this machine", address)
	}
	return fmt.Errorf("--listen: %s cannot be listened on: it is no address of this machine, or its name is not known",
		address)
}

// exposed reports whether passwords may be read on their way: the server answers others than this
// machine, without TLS, and is not behind a proxy that has it.
func (s *Server) exposed() bool {
	cfg := s.config
	address, ok := s.listener.Addr().(*net.TCPAddr)
	return ok && !address.IP.IsLoopback() && cfg.TLSCert == "" && !cfg.TLSSelfSigned && len(cfg.TrustedProxies) == 0
}

// NewServer returns the server of a directory, which answers on l, made by Listen, from Serve
// on.
func NewServer(d *Directory, l *Listener) (*Server, error) {
	cfg := &d.config
	common := &httpx.Server{Limit: cfg.RequestLimit, Trusted: cfg.TrustedProxies, Origins: d.redirects,
		Public: origin(cfg.PublicURL),
		// Half of what the database does at once, so that one user leaves others the other half.
		Entrance: httpx.NewEntrance(max(placesOf*runtime.GOMAXPROCS(0), 2*d.DB.Readers())),
		Turns:    httpx.NewBudget(0, int64(max(d.DB.Readers()/2, 2)), 0), Answers: cfg.answers(),
		Keeper: d.answers, Log: cfg.Log, Observe: d.watch.metrics.observe}
	offered, err := choose(d.surfaces(common), cfg.Surfaces)
	if err != nil {
		return nil, fmt.Errorf("--surfaces: %w", err)
	}
	s := &Server{config: cfg, watch: d.watch, surfaces: offered, listener: l, bodies: cfg.bodies()}
	d.watch.metrics.watch(l.door, s.bodies, common)
	for _, surface := range s.surfaces {
		s.handlers = append(s.handlers, surface.app.Handler())
	}
	s.app = s.operations(common)
	s.rest = s.app.Handler()
	s.http = &fasthttp.Server{
		Handler: s.handle, ErrorHandler: s.handleBroken, NoDefaultServerHeader: true,
		ReadTimeout: readWithin, IdleTimeout: idleWithin, ReadBufferSize: headerSize, MaxRequestBodySize: cfg.MaxBody,
		// Parsing ends where the form does, and would take the rest of the body for a request.
		DisablePreParseMultipartForm: true,
		// The handler reads bodies, when it knows whose they are and that there is room for them.
		StreamRequestBody: true, HeaderReceived: s.headed,
		CloseOnShutdown: true, Logger: quiet{cfg.Log},
	}
	return s, nil
}

// Address returns the base of the server's URLs.
func (s *Server) Address() string {
	scheme := "http"
	if s.config.TLSCert != "" || s.config.TLSSelfSigned {
		scheme = "https"
	}
	return scheme + "://" + s.listener.Addr().String()
}

// base returns where the paths of a surface begin, and whether it is offered.
func (s *Server) base(surface string) (string, bool) {
	for _, offered := range s.surfaces {
		if offered.name == surface {
			return s.Address() + offered.prefix, true
		}
	}
	return "", false
}

// Serve answers requests until Stop. It returns nil after Stop.
func (s *Server) Serve() error {
	if err := s.http.Serve(s.listener); err != nil && !s.stopping.Load() {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// Stop takes no new requests, waits for those under way until ctx ends, and closes what
// is left.
func (s *Server) Stop(ctx context.Context) error {
	s.stopping.Store(true)
	s.listener.hush()
	err := s.http.ShutdownWithContext(ctx)
	// Nothing knows the listener yet if Serve is only about to begin.
	_ = s.listener.Close()
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("some requests were still under way when the server stopped")
	}
	return err
}

// handle gives a request to the surface that claims its path.
func (s *Server) handle(c *fasthttp.RequestCtx) {
	if conn := plain(c.Conn()); conn != nil && conn.passage.crowded {
		c.SetConnectionClose()
		if c.RequestBodyStream() != nil {
			linger(c)
		}
		s.broken(c, domain.ErrOverloaded)
		return
	}
	if ambiguous(&c.Request.Header) {
		c.SetConnectionClose()
		s.broken(c, fiber.ErrBadRequest)
		return
	}
	b, err := s.receive(c)
	if err != nil {
		c.SetConnectionClose()
		linger(c)
		s.handleBroken(c, err)
		return
	}
	// A client may read the answer for long; the body is not needed for that.
	defer func() {
		c.Request.ResetBody()
		b.release()
	}()
	switch {
	case !slices.Contains(fiber.DefaultMethods, string(c.Method())):
		s.broken(c, fiber.ErrNotImplemented) // Fiber would answer in words of its own
	default:
		s.handler(c)(c)
	}
}

func (s *Server) handler(c *fasthttp.RequestCtx) fasthttp.RequestHandler {
	if i := s.claimant(c); i >= 0 {
		if prefix := s.surfaces[i].prefix; prefix != "" {
			httpx.Mount(c, prefix)
		}
		return s.handlers[i]
	}
	return s.rest
}

// claimant returns the index of the surface that a request is for, -1 for none. Of several
// that share the path it is the one whose credentials the request carries, or the last one
// if that is not offered.
func (s *Server) claimant(c *fasthttp.RequestCtx) int {
	path := string(c.URI().PathOriginal())
	for i, surface := range s.surfaces {
		if surface.claims(path) {
			return i
		}
	}
	if !rootPaths(path) {
		return -1
	}
	name, found := whose(&c.Request), -1
	for i, surface := range s.surfaces {
		if surface.shares == nil || !surface.shares(path) {
			continue
		}
		if found = i; surface.name == name {
			break
		}
	}
	return found
}

// ambiguous reports whether a proxy before us may have read the request in another way: it
// has both a Transfer-Encoding and a Content-Length (RFC 9112, 6.3), or a header that goes
// on on the next line (5.2).
func ambiguous(h *fasthttp.RequestHeader) bool {
	var encoding, length bool
	for line := range bytes.Lines(h.RawHeaders()) {
		if line[0] == ' ' || line[0] == '\t' {
			return true
		}
		encoding = encoding || hasName(line, "transfer-encoding:")
		length = length || hasName(line, "content-length:")
	}
	return encoding && length
}

func hasName(line []byte, name string) bool {
	return len(line) >= len(name) && bytes.EqualFold(line[:len(name)], []byte(name))
}

// handleBroken answers a request that could not be read, in the envelope of its surface as
// far as the path is known.
func (s *Server) handleBroken(c *fasthttp.RequestCtx, err error) {
	if domain.ErrOverloaded.Is(err) {
		s.broken(c, err)
		return
	}
	status := fiber.StatusBadRequest
	var network net.Error
	var small *fasthttp.ErrSmallBuffer
	switch {
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		status = fiber.StatusRequestEntityTooLarge
	case errors.As(err, &small):
		status = fiber.StatusRequestHeaderFieldsTooLarge
	case errors.As(err, &network) && network.Timeout():
		status = fiber.StatusRequestTimeout
	}
	s.broken(c, fiber.NewError(status))
}

// broken answers a request that no surface sees, and logs it as they do.
func (s *Server) broken(c *fasthttp.RequestCtx, err error) {
	name, app := "operations", s.app
	if i := s.claimant(c); i >= 0 {
		name, app = s.surfaces[i].name, s.surfaces[i].app
	}
	ctx := app.AcquireCtx(c)
	defer app.ReleaseCtx(ctx)
	id, _ := httpx.Identify(ctx)
	if err := app.ErrorHandler(ctx, err); err != nil {
		c.SetStatusCode(fiber.StatusInternalServerError)
	}
	status := c.Response.StatusCode()
	_, problem := httpx.Problem(ctx, err)
	s.watch.metrics.refused(name, status)
	s.config.Log.Info("request", "id", id, "surface", name, "method", "other", "route", "refused",
		"status", status, "ms", 0, "address", httpx.Address(ctx, s.config.TrustedProxies), "code", problem.Code)
}

// quiet logs that a connection broke off, where few look. What fasthttp says of it quotes
// the request, credentials and all.
type quiet struct{ log *slog.Logger }

// Printf implements fasthttp.Logger.
func (q quiet) Printf(string, ...any) { q.log.Debug("a connection broke off") }
