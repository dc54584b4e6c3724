package axway

import (
	_ "embed"
	"net/netip"
	"time"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/app/objects"
	"canopy/domain"
)

// OpenAPI is the description of the surface.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Bases are the addresses below which the surface is: the same at each.
var Bases = []string{"/api/portal/v1.3", "/api/portal/v1.4"}

// product is the version of API Manager whose clients the surface is for.
const product = "7.7.20240830"

// The cookie of a session, and the header of its CSRF token.
const (
	SessionCookie = "APIMANAGERSESSION"
	CSRFHeader    = "CSRF-Token"
)

// Uses are the use cases the surface offers.
type Uses struct {
	Users         *directory.Users
	Organizations *directory.Organizations
	Me            *directory.Me
	Sessions      *accounts.Sessions
	Accounts      *accounts.Accounts
	Codes         *accounts.RegistrationCodes
	Objects       *objects.Objects
}

// Config is what the surface tells clients of how the directory is configured.
type Config struct {
	MinPasswordLength int
	SessionIdle       time.Duration
	Registration      bool
	AutoApprove       bool
	Redirects         domain.Redirects
	// Properties are those that were declared.
	Properties domain.Declared
	// Pages are where a browser gets, by the links of our mails.
	Pages accounts.Pages
}

// Surface answers requests of this API.
type Surface struct {
	uses    Uses
	config  Config
	auth    httpx.Auth
	trusted []netip.Prefix
}

// New returns the application of the surface. auth finds the principal of a request.
func New(server *httpx.Server, uses Uses, config Config, auth httpx.Auth) *fiber.App {
	s := &Surface{uses: uses, config: config, auth: auth, trusted: server.Trusted}
	app := server.NewApp("axway", s.problem)
	app.Use(func(c *fiber.Ctx) error {
		dress(c)
		return c.Next()
	})
	for _, base := range Bases {
		s.routes(app.Group(base))
	}
	return app
}

// dress gives an answer the headers that clients of the original see on each.
func dress(c *fiber.Ctx) {
	c.Set(fiber.HeaderCacheControl, "no-cache, no-store, must-revalidate")
	c.Set(fiber.HeaderPragma, "no-cache")
	c.Set(fiber.HeaderExpires, "0")
	c.Set(fiber.HeaderXFrameOptions, "DENY")
}

// routes lists every route: those of the document in its order, then what its clients need
// around them.
func (s *Surface) routes(r fiber.Router) {
	u, o, a := s.uses.Users, s.uses.Organizations, s.uses.Accounts

	r.Post("/users", httpx.Handle(s.auth, s.decodeNewUser, u.Create, s.encodeCreatedUser))
	r.Get("/users", httpx.Handle(s.auth, decodeUserList, u.List, s.encodeUsers))
	r.Post("/users/forgotpassword", s.redirecting(httpx.Open(s.decodeForgot, httpx.OpenDone(a.Forgot), encodeForgot)))
	r.Post("/users/register", s.redirecting(httpx.Open(s.decodeRegister, a.Register, encodeRegistered)))
	r.Get("/users/resetpassword",
		s.onPage("reset", absent(httpx.Acts(httpx.Open(s.validated(accounts.MailPassword), a.Reset, encodeProven)))))
	r.Get("/users/validateuser",
		s.onPage("verify", httpx.Acts(httpx.Open(s.validated(accounts.OwnPassword), a.Verify, encodeProven))))
	r.Get("/users/:id", httpx.Handle(s.auth, decodeGetUser, u.Get, s.encodeUser))
	r.Put("/users/:id", httpx.Handle(s.auth, s.decodeUserChange, u.Update, s.encodeUser))
	r.Delete("/users/:id", httpx.Handle(s.auth, decodeDeleteUser, httpx.Done(u.Delete), httpx.NoContent))
	r.Post("/users/:id/approve", httpx.Handle(s.auth, decodeUserRef, a.Approve, s.encodeCreatedUser))
	r.Post("/users/:id/changepassword", httpx.Handle(s.auth, decodePassword, u.Update, httpx.NoContent))
	r.Get("/users/:id/image", httpx.Handle(s.auth, decodeUserRef, u.Picture, encodePicture))
	r.Post("/users/:id/image", httpx.Handle(s.auth, decodePicture, u.Update, httpx.NoContent))
	r.Put("/users/:id/resetpassword", httpx.Handle(s.auth, decodeUserRef, a.ResetPassword, s.encodeUser))

	r.Post("/login", s.redirecting(httpx.Open(s.decodeLogin, s.uses.Sessions.SignIn, s.encodeLogin)))
	r.Delete("/login", httpx.Handle(s.auth, httpx.Nothing, httpx.AloneDone(s.uses.Sessions.SignOut), s.encodeLogout))
	r.Get("/currentuser", httpx.Handle(s.auth, decodeGetSelf, u.Get, s.encodeUser))
	r.Put("/currentuser", httpx.Handle(s.auth, s.decodeOwnChange, u.Update, s.encodeUser))
	r.Post("/currentuser/changepassword",
		httpx.Handle(s.auth, s.decodeOwnPassword, httpx.Done(s.uses.Me.ChangePassword), httpx.NoContent))

	r.Get("/organizations", httpx.Handle(s.auth, decodeOrganizationList, o.List, encodeOrganizations))
	r.Post("/organizations", httpx.Handle(s.auth, s.decodeNewOrganization, o.Create, encodeCreatedOrganization))
	r.Get("/organizations/:id", httpx.Handle(s.auth, decodeOrganizationRef, o.Get, encodeOrganization))
	r.Put("/organizations/:id", httpx.Handle(s.auth, s.decodeOrganizationChange, o.Update, encodeOrganization))
	r.Delete("/organizations/:id", httpx.Handle(s.auth, decodeOrganizationEnd, httpx.Done(o.Delete), httpx.NoContent))
	r.Get("/organizations/:id/apis", httpx.Handle(s.auth, decodeAPIs, s.uses.Objects.List, encodeAPIs))
	r.Get("/organizations/:id/image", httpx.Handle(s.auth, decodeOrganizationRef, o.Picture, encodePicture))
	r.Post("/organizations/:id/image", httpx.Handle(s.auth, decodeOrganizationPicture, o.Update, httpx.NoContent))
	r.Get("/organizations/:id/tokens", httpx.Handle(s.auth, decodeOrganizationRef, s.uses.Codes.List, encodeCodes))
	r.Post("/organizations/:id/tokens", httpx.Handle(s.auth, decodeNewCode, s.uses.Codes.Create, encodeCreatedCode))
	r.Get("/organizations/:id/tokens/:token", httpx.Handle(s.auth, decodeCode, s.uses.Codes.Get, encodeCode))
	r.Put("/organizations/:id/tokens/:token", httpx.Handle(s.auth, decodeCodeChange, s.uses.Codes.Update, encodeCode))
	r.Delete("/organizations/:id/tokens/:token",
		httpx.Handle(s.auth, decodeCode, httpx.Done(s.uses.Codes.Delete), httpx.NoContent))

	r.Get("/config", httpx.Handle(s.auth, httpx.Nothing, httpx.SignedIn, s.encodeConfig))
	r.Get("/config/customproperties", httpx.Handle(s.auth, httpx.Nothing, httpx.SignedIn, s.encodeProperties))
	r.Get("/sysconfig", httpx.Handle(s.auth, httpx.Nothing, httpx.SignedIn, encodeSystem))
}
