package console

import (
	"bytes"
	"context"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/app/objects"
	"canopy/domain"
)

// Base is the path below which the pages are.
const Base = "/console"

// Uses are the use cases the surface offers.
type Uses struct {
	Users         *directory.Users
	Environments  *directory.Environments
	Organizations *directory.Organizations
	Groups        *directory.Groups
	Me            *directory.Me
	Explain       *directory.Explain
	Previews      *directory.Previews
	Imports       *directory.Imports
	Overviews     *directory.Overviews
	Objects       *objects.Objects
	Audit         *directory.Audit
	Sessions      *accounts.Sessions
	Factors       *accounts.Factors
	Accounts      *accounts.Accounts
	APIKeys       *accounts.APIKeys
	Providers     *accounts.Providers
}

// Config is what the surface needs to know of the server.
type Config struct {
	PublicURL string // where people reach the server
	// MinPasswordLength bounds passwords, in characters.
	MinPasswordLength int
	// MaxBody bounds what is sent to the server, in bytes.
	MaxBody int
	// Pages is where links of mail lead.
	Pages accounts.Pages
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
	auth    httpx.Auth
	config  Config
	site    string
	trusted []netip.Prefix
	// progress is of what is carried out now.
	progress progress
}

// New returns the application of the surface. auth finds the principal of a request by the session's cookie.
func New(server *httpx.Server, uses Uses, config Config, auth httpx.Auth) *fiber.App {
	s := &Surface{uses: uses, auth: signedIn(auth), config: config, site: config.site(), trusted: server.Trusted}
	app := server.NewApp("console", s.problem)
	app.Use((&httpx.Keyed{Key: sentForm, Place: func(domain.Target) string { return "" }, Lead: s.leadOn,
		For: onceFor, Changes: true}).Use)
	s.linkRoutes(app)
	s.routes(app)
	return app
}

// linkRoutes lists the pages to which links of mail lead.
func (s *Surface) linkRoutes(r fiber.Router) {
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
}

// routes lists the pages of people who are signed in, and how they get there. Every page is one level below
// Base, so that links between pages are names without a slash.
func (s *Surface) routes(r fiber.Router) {
	for _, a := range assets {
		r.Get(Base+"/"+a.file, a.send)
	}
	r.Get(Base, func(c *fiber.Ctx) error { return leave(c, httpx.Mounted(c, Base)+"/"+homePage) })
	r.Get(Base+"/"+signInPage, s.showSignIn)
	r.Post(Base+"/"+signInPage, s.signIn)
	s.providerRoutes(r)
	r.Get(Base+"/"+forgotPage, s.showForgot)
	r.Post(Base+"/"+forgotPage, s.forgot)
	r.Post(Base+"/sign-out", s.on(s.signOut))
	r.Get(Base+"/"+homePage, s.on(s.home))
	r.Post(Base+"/theme", s.setTheme)
	s.meRoutes(r)
	s.factorRoutes(r)
	s.roleRoutes(r)
	r.Get(Base+"/find", s.on(s.find))
	s.treeRoutes(r)
	s.placeRoutes(r)
	s.auditRoutes(r)
	s.peopleRoutes(r)
	s.personRoutes(r)
	s.newcomerRoutes(r)
	s.groupRoutes(r)
	s.whyRoutes(r)
	s.importRoutes(r)
}

// Landing answers a browser at the root of the server, which has the pages at base, and is what
// else to do for everybody else.
func Landing(base string, otherwise fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		c.Vary(fiber.HeaderAccept)
		if method := httpx.Method(c); method != fiber.MethodGet && method != fiber.MethodHead || !wantsPage(c) {
			return otherwise(c)
		}
		return leave(c, strings.TrimPrefix(base, "/")+"/"+homePage)
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
	base  string // where people and programs reach the server
	least int    // characters of a password that is chosen; where no account is known, for whom more may be asked
	// known is true where the account is known, chooses where a password is chosen without being signed in.
	known, chooses bool
	passkeys       bool   // whether the page is one that proves passkeys without being signed in
	other          string // the address of the page in the other language; empty for a page that is shown once
	theme          string // light, dark, or empty for what the browser is set to
}

// view returns what a page is written with, in the language that lang names, or else one that the
// browser asks for.
func (s *Surface) view(c *fiber.Ctx, lang string) *view {
	if lang == "" {
		lang = httpx.Query(c, "lang")
	}
	w := choose(lang, httpx.Header(c, fiber.HeaderAcceptLanguage))
	return &view{words: w, site: s.site, base: s.config.PublicURL, least: s.config.MinPasswordLength,
		other: "?lang=" + w.Other, theme: themeOf(c)}
}

// speak changes the language to the one that somebody asked to be written to in, if it is one of ours.
func (v *view) speak(language string) {
	if language != "" {
		v.words = choose(language, v.words.Language)
	}
}

// hint says what a password must be.
func (v *view) hint() string {
	if v.known {
		return fill(v.words.PasswordHint, "least", strconv.Itoa(v.least))
	}
	return fill(v.words.PasswordAdvice, "enough", strconv.Itoa(max(v.least, usualLength)))
}

// usualLength is how many characters are asked for nearly everywhere.
const usualLength = 15

// policy returns what the page may have.
func (v *view) policy() string {
	if v.passkeys {
		return scripted
	}
	if v.chooses {
		return metered
	}
	return policy
}

// waiting says when another attempt may be made.
func (v *view) waiting(problem *domain.Error) string {
	minutes := max((problem.RetryAfter+59)/60, 1)
	if minutes == 1 {
		return v.words.TooManyOne
	}
	return fill(v.words.TooMany, "minutes", strconv.Itoa(minutes))
}

// policy lets a page have our style sheet and send forms here, and nothing else; metered also lets it have our
// scripts, and scripted lets them ask this server.
const (
	policy = "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; " +
		"base-uri 'none'"
	metered  = policy + "; script-src 'self'"
	scripted = metered + "; connect-src 'self'"
)

// render sends a page. Nothing keeps it or shows it inside of another, and where it leads is not
// told its address, which may hold a secret.
func render(c *fiber.Ctx, status int, page templ.Component) error {
	return renderWith(c, policy, status, page)
}

func renderWith(c *fiber.Ctx, policy string, status int, page templ.Component) error {
	var b bytes.Buffer
	if err := page.Render(context.WithoutCancel(c.UserContext()), &b); err != nil { // also that the time is up
		return err
	}
	c.Set(fiber.HeaderContentSecurityPolicy, policy)
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	c.Set("Cross-Origin-Resource-Policy", "same-origin")
	c.Set("X-Robots-Tag", "noindex")
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Vary(fiber.HeaderAcceptLanguage, "HX-Request")
	return c.Status(status).Send(b.Bytes())
}
