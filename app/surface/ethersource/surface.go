package ethersource

import (
	_ "embed"
	"net/netip"

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

// Base is where the product has its API. The surface answers there and at the root.
const Base = "/ethersource/rest/v2"

// Uses are the use cases the surface offers.
type Uses struct {
	Users    *directory.Users
	Accounts *accounts.Accounts
	APIKeys  *accounts.APIKeys
	Objects  *objects.Objects
	Admins   *directory.Admins
}

// Surface answers requests of this API.
type Surface struct {
	uses    Uses
	auth    httpx.Auth
	trusted []netip.Prefix
}

// New returns the application of the surface. auth finds the principal of a request.
func New(server *httpx.Server, uses Uses, auth httpx.Auth) *fiber.App {
	s := &Surface{uses: uses, auth: auth, trusted: server.Trusted}
	app := server.NewApp("ethersource", problem)
	for _, base := range []string{Base, ""} {
		s.routes(app.Group(base))
	}
	return app
}

// routes lists every route, in the order of the document.
func (s *Surface) routes(r fiber.Router) {
	u, a, k, b := s.uses.Users, s.uses.Accounts, s.uses.APIKeys, s.uses.Objects

	r.Post("/users", trusted(s, decodeNewUser, a.InviteWithKey, encodeCreated))
	r.Get("/users/apiKey", httpx.Acts(trusted(s, decodeSelf, k.First, encodeKey)))
	r.Get("/users/bookmarks", httpx.Handle(s.auth, decodeKinds, b.Bookmarks, encodeBookmarks))
	r.Get("/users/copyrequests", httpx.Handle(s.auth, decodeNothing, copyRequests(b), encodeCopyRequests))
	r.Get("/users/roles", trusted(s, decodeNothing, httpx.Alone(directory.Myself), encodeRoles))
	r.Get("/users/usagestatistics", httpx.Handle(s.auth, decodeStatistics, b.Statistics, encodeStatistics))
	r.Put("/users/:userId", trusted(s, decodeUserChange, u.Update, httpx.NoContent))
	r.Get("/users/confirm/credentials", trusted(s, decodeNothing, httpx.Alone(directory.Myself), httpx.Empty))
	r.Delete("/users/copyobserverrequests/:copyRequestId",
		httpx.Handle(s.auth, decodeAnswer(domain.KindObserver), b.DeclineCopy, httpx.NoContent))
	r.Delete("/users/copysectorrequests/:copyRequestId",
		httpx.Handle(s.auth, decodeAnswer(domain.KindSector), b.DeclineCopy, httpx.NoContent))
	r.Post("/users/:userId/activate", trusted(s, decodeSecret, a.Activate, encodeTrue))
	r.Get("/users/:userId/apiKey", httpx.Acts(trusted(s, decodeUser, k.First, encodeKey)))
	r.Put("/users/:userId/email", trusted(s, decodeMail, httpx.Done(a.RequestMailChange), httpx.NoContent))
	r.Put("/users/:userId/password", trusted(s, decodePassword, u.Update, httpx.NoContent))
	r.Post("/users/:userId/sendConfirmationEmail",
		trusted(s, decodeConfirmation, httpx.Done(a.SendConfirmation), encodeTrue))
	r.Put("/users/copyobserverrequests/:copyRequestId/activate",
		httpx.Handle(s.auth, decodeAnswer(domain.KindObserver), b.AcceptCopy, httpx.NoContent))
	r.Put("/users/copysectorrequests/:copyRequestId/activate",
		httpx.Handle(s.auth, decodeAnswer(domain.KindSector), b.AcceptCopy, httpx.NoContent))
	r.Post("/users/:userId/email/confirm", trusted(s, decodeSecret, a.ConfirmMailChangeOf, encodeTrue))
}

// trusted is httpx.Handle for what the document keeps for trusted users.
func trusted[In, Out any](s *Surface, decode func(*fiber.Ctx) (In, error), run directory.Run[In, Out],
	encode func(*fiber.Ctx, Out) error) fiber.Handler {
	return httpx.Handle(s.auth, decode, directory.ByAdmins(s.uses.Admins, run), encode)
}
