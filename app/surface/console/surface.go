package console

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/httpx"
)

// Base is the path below which the pages are.
const Base = "/console"

// Uses are the use cases the surface offers.
type Uses struct {
	Accounts *accounts.Accounts
}

// Config is what the surface needs to know of the server.
type Config struct {
	PublicURL string // where people reach the server
	// MinPasswordLength and MaxPasswordLength bound passwords, in characters and bytes.
	MinPasswordLength, MaxPasswordLength int
}

// site returns what people know the server by.
func (c *Config) site() string {
	if u, err := url.Parse(c.PublicURL); err == nil && u.Host != "" {
		return u.Host
	}
	return "Canopy"
}

// Surface answers requests of people.
type Surface struct {
	uses    Uses
	config  Config
	site    string
	trusted []netip.Prefix
}

// New returns the application of the surface.
func New(server *httpx.Server, uses Uses, config Config) *fiber.App {
	s := &Surface{uses: uses, config: config, site: config.site(), trusted: server.Trusted}
	app := server.NewApp("console", s.problem)
	s.routes(app)
	return app
}

// routes lists every route.
func (s *Surface) routes(r fiber.Router) {
	a := s.uses.Accounts

	r.Get(Base+"/"+accept.path, s.show(accept))
	r.Post(Base+"/"+accept.path, s.mending(accept, httpx.Open(s.decodeAccept, a.Accept, encodeAccepted)))
	r.Get(Base+"/"+reset.path, s.show(reset))
	r.Post(Base+"/"+reset.path, s.mending(reset, httpx.Open(s.decodeReset, a.Reset, encodeReset)))
	r.Get(Base+"/"+verify.path, s.show(verify))
	r.Post(Base+"/"+verify.path, s.mending(verify, httpx.Open(s.decodeVerify, a.Verify, encodeVerified)))
	r.Get(Base+"/"+mail.path, s.show(mail))
	r.Post(Base+"/"+mail.path, s.mending(mail, httpx.Open(s.decodeMail, a.ConfirmMailChange, encodeMoved)))
	r.Get(Base+"/"+begin.path, s.show(begin))
	r.Post(Base+"/"+begin.path, s.mending(begin, httpx.Open(s.decodeBegin, a.Verify, s.encodeBegun)))
	r.Get(Base+"/"+donePath, httpx.Open(decodeDone, find, s.encodeDone))
	r.Get(Base+"/"+styleFile, sendStyle)
}

// Landing answers a browser at the root of the server, which has the pages at base, and is what
// else to do for everybody else.
func Landing(config Config, base string, otherwise fiber.Handler) fiber.Handler {
	s := &Surface{site: config.site()}
	return func(c *fiber.Ctx) error {
		c.Vary(fiber.HeaderAccept)
		if method := httpx.Method(c); method != fiber.MethodGet && method != fiber.MethodHead || !wantsPage(c) {
			return otherwise(c)
		}
		v := s.view(c, "")
		v.style = strings.TrimPrefix(base, "/") + "/" + styleFile
		v.other = "?lang=" + v.words.Other
		return render(c, fiber.StatusOK, landingPage(v))
	}
}

// wantsPage reports whether the client names HTML among what it takes, as browsers do and programs
// do not.
func wantsPage(c *fiber.Ctx) bool {
	for part := range strings.SplitSeq(httpx.Header(c, fiber.HeaderAccept), ",") {
		kind, parameters, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(kind), fiber.MIMETextHTML) &&
			strings.ReplaceAll(parameters, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

// A view is what every page needs to know.
type view struct {
	words *words
	site  string
	least int
	style string // the address of the style sheet
	other string // the address of the page in the other language; empty for a page that is shown once
}

// view returns what a page is written with, in the language that lang names, or else one that the
// browser asks for.
func (s *Surface) view(c *fiber.Ctx, lang string) *view {
	if lang == "" {
		lang = httpx.Query(c, "lang")
	}
	w := choose(lang, httpx.Header(c, fiber.HeaderAcceptLanguage))
	return &view{words: w, site: s.site, least: s.config.MinPasswordLength, style: styleFile, other: "?lang=" + w.Other}
}

// hint says what a password must be.
func (v *view) hint() string { return with(v.words.PasswordHint, "least", strconv.Itoa(v.least)) }

// policy lets a page have our style sheet and send forms here, and nothing else.
const policy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// render sends a page. Nothing keeps it or shows it inside of another, and where it leads is not
// told its address, which may hold a secret.
func render(c *fiber.Ctx, status int, page templ.Component) error {
	var b bytes.Buffer
	if err := page.Render(c.UserContext(), &b); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentSecurityPolicy, policy)
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set("X-Robots-Tag", "noindex")
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Vary(fiber.HeaderAcceptLanguage)
	return c.Status(status).Send(b.Bytes())
}

//go:embed console.css
var style []byte

// styleFile is the name of the style sheet, which changes with what is in it.
var styleFile = func() string {
	sum := sha256.Sum256(style)
	return "console-" + hex.EncodeToString(sum[:8]) + ".css"
}()

func sendStyle(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, "text/css; charset=utf-8")
	c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	return c.Send(style)
}
