package app

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"errors"
	"html/template"
	"io"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/swaggest/swgui/v5/static"
	"github.com/valyala/fasthttp/fasthttpadaptor"

	"canopy/app/httpx"
	"canopy/app/surface/axway"
	"canopy/app/surface/console"
	"canopy/domain"
	"canopy/persistence/db"
)

// operations is the application for what belongs to no surface: health, metrics and the
// descriptions of the surfaces. It also answers for every path that no surface claims.
func (s *Server) operations(common *httpx.Server) *fiber.App {
	always := *common
	always.Entrance = nil // who watches the server is answered also when it is busy
	app := always.NewApp("operations", plainProblem)
	app.Get("/healthz", func(c *fiber.Ctx) error { return c.SendString("alive\n") })
	app.Get("/readyz", s.ready)
	metrics := fasthttpadaptor.NewFastHTTPHandler(promhttp.HandlerFor(s.watch.metrics.registry, promhttp.HandlerOpts{}))
	app.Get("/metrics", func(c *fiber.Ctx) error { metrics(c.Context()); return nil })
	app.Get("/openapi/:name", s.description)
	if pages := s.config.pages(); pages != "" {
		app.All("/", console.Landing(string(pages), func(*fiber.Ctx) error { return fiber.ErrNotFound }))
	}
	app.Get("/docs", s.docs)
	app.Get(axway.Home, func(c *fiber.Ctx) error {
		return c.SendString("This is done. What this server offers to programs is described at /docs.\n")
	})
	app.Get("/docs/:file", asset)
	return app
}

func plainProblem(c *fiber.Ctx, err error) error {
	status, problem := httpx.Problem(c, err)
	return c.Status(status).SendString(problem.Public + "\n")
}

// ready answers whether the server can do its work: it is not stopping, the database answers, takes
// changes, and has the schema it should have. It answers within a second, whatever the database does.
func (s *Server) ready(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), askWithin)
	defer cancel()
	if s.stopping.Load() {
		return domain.ErrUnavailable.Saying("stopping")
	}
	err := s.watch.health.check(ctx)
	pending := false
	if err == nil {
		pending, err = s.watch.db.MigrationsPending(ctx)
	}
	if err != nil {
		return domain.ErrUnavailable.Saying("%s", readiness(err)).Because(err)
	}
	if pending {
		return domain.ErrUnavailable.Saying("migrations are pending")
	}
	unknown, err := s.watch.unknownSteps(ctx)
	if err != nil {
		return domain.ErrUnavailable.Saying("%s", readiness(err)).Because(err)
	}
	if len(unknown) > 0 {
		return c.SendString("ready; the database has steps that this program does not have: " + strings.Join(unknown, ", ") +
			"\n")
	}
	return c.SendString("ready\n")
}

// readiness says in a few words why a server is not ready.
func readiness(err error) string {
	if errors.Is(err, errTooOld) {
		return err.Error()
	}
	switch db.TroubleOf(err) {
	case db.TroubleFull, db.TroubleReadOnly, db.TroubleStorage:
		return "the database takes no changes"
	}
	return "the database does not answer"
}

// atServer is where a description says that its paths begin.
var atServer = []byte("\n  - url: /\n")

// description sends the OpenAPI document of a surface.
func (s *Server) description(c *fiber.Ctx) error {
	name, ok := strings.CutSuffix(httpx.Param(c, "name"), ".yaml")
	for _, surface := range s.surfaces {
		if ok && surface.name == name && surface.openAPI != nil {
			c.Set(fiber.HeaderContentType, "application/yaml")
			return c.Send(bytes.Replace(surface.openAPI, atServer,
				[]byte("\n  - url: /"+strings.TrimPrefix(surface.prefix, "/")+"\n"), 1))
		}
	}
	return fiber.ErrNotFound
}

// The page that shows the descriptions. It asks nothing of any other server, and has no
// script or style but those of files; the viewer's styles have images in data URLs.
var (
	//go:embed docs.html
	docsHTML string
	//go:embed docs.js
	docsJS string
	//go:embed docs.css
	docsCSS  string
	docsPage = template.Must(template.New("docs").Parse(docsHTML))
)

const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func (s *Server) docs(c *fiber.Ctx) error {
	var names []string
	for _, surface := range s.surfaces {
		if surface.openAPI != nil {
			names = append(names, surface.name)
		}
	}
	var page bytes.Buffer
	if err := docsPage.Execute(&page, names); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentSecurityPolicy, docsPolicy)
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return c.Send(page.Bytes())
}

// asset sends a file of the viewer, which is kept compressed.
func asset(c *fiber.Ctx) error {
	name := httpx.Param(c, "file")
	kinds := map[string]string{
		"docs.js": "text/javascript; charset=utf-8", "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
		"docs.css": "text/css; charset=utf-8", "swagger-ui.css": "text/css; charset=utf-8",
	}
	kind, known := kinds[name]
	if !known {
		return fiber.ErrNotFound
	}
	c.Set(fiber.HeaderContentType, kind)
	c.Set(fiber.HeaderCacheControl, "public, max-age=3600")
	switch name {
	case "docs.js":
		return c.SendString(docsJS)
	case "docs.css":
		return c.SendString(docsCSS)
	}
	packed, err := static.FS.ReadFile(name + ".gz")
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	if c.AcceptsEncodings("gzip") == "gzip" {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(packed)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(unpacked)
	if err != nil {
		return err
	}
	return c.Send(text)
}
