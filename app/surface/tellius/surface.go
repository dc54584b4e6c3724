package tellius

import (
	_ "embed"
	"net/netip"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/app/objects"
)

// OpenAPI is the description of the surface.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Uses are the use cases the surface offers.
type Uses struct {
	Users    *directory.Users
	Groups   *directory.Groups
	Objects  *objects.Objects
	Sessions *accounts.Sessions
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
	app := server.NewApp("tellius", problem)
	s.routes(app)
	return app
}

// routes lists every route, in the order of the document, then what it leaves out.
func (s *Surface) routes(r fiber.Router) {
	u, g, sessions := s.uses.Users, s.uses.Groups, s.uses.Sessions

	r.Post("/api/login", httpx.Open(s.decodeSignIn, sessions.SignIn, encodeTokens))
	r.Post("/users", admin(s, decodeNewUser, u.Create, encodeWholeUser))
	r.Put("/users/:userId", admin(s, decodeUserChange, u.Update, encodeUser))
	r.Get("/users", admin(s, decodeList, u.List, encodeUserList))
	r.Delete("/users/:userId", admin(s, decodeDeleteUser, httpx.Done(u.Delete), httpx.Empty))
	r.Post("/assignUserObjects", admin(s, decodeHandOver, s.uses.Objects.HandOverAll, httpx.Empty))

	r.Post("/api/auth/login", httpx.Open(s.decodeNewerSignIn, sessions.SignIn, encodeToken))
	r.Post("/api/refresh", httpx.Open(s.decodeRefresh, sessions.Refresh, encodeTokens))
	r.Get("/users/:userId", admin(s, decodeGetUser, u.Get, encodeWholeUser))

	r.Post("/groups", admin(s, decodeNewGroup, g.Create, encodeGroup))
	r.Put("/groups/:groupId", admin(s, decodeGroupChange, g.Update, encodeGroup))
	r.Get("/groups", admin(s, decodeGroups, g.List, encodeGroups))
	r.Delete("/groups/:groupId", admin(s, decodeDeleteGroup, httpx.Done(g.Delete), httpx.Empty))
	r.Post("/groups/:groupId/users", admin(s, decodeMembers, httpx.Done(u.Join), httpx.Empty))
	r.Delete("/groups/:groupId/users", admin(s, decodeMembers, httpx.Done(u.Leave), httpx.Empty))
}

// admin is httpx.Handle for what the document keeps for its superUsers and admins.
func admin[In, Out any](s *Surface, decode func(*fiber.Ctx) (In, error), run directory.Run[In, Out],
	encode func(*fiber.Ctx, Out) error) fiber.Handler {
	return httpx.Handle(s.auth, decode, directory.ByAdmins(s.uses.Admins, run), encode)
}
