package oauth

import (
	_ "embed"
	"net/url"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/httpx"
)

// OpenAPI is the description of the surface.
//
//go:embed openapi.yaml
var OpenAPI []byte

// The paths of the surface.
const (
	pathKeys       = "/.well-known/jwks.json"
	pathMetadata   = "/.well-known/oauth-authorization-server"
	pathIntrospect = "/oauth/introspect"
	pathRevoke     = "/oauth/revoke"
)

// Bases are the paths at and below which the surface answers.
var Bases = []string{pathKeys, pathMetadata, "/oauth"}

// Uses are the use cases the surface offers.
type Uses struct {
	Sessions    *accounts.Sessions
	SigningKeys *accounts.SigningKeys
}

// Surface answers requests of this API.
type Surface struct {
	uses   Uses
	auth   httpx.Auth
	issuer string
}

// New returns the application of the surface. issuer is the server's address, as its tokens say it; auth finds the
// principal of a request.
func New(server *httpx.Server, uses Uses, issuer string, auth httpx.Auth) *fiber.App {
	s := &Surface{uses: uses, auth: auth, issuer: issuer}
	app := server.NewApp("oauth", problem)
	s.routes(app)
	return app
}

func (s *Surface) routes(r fiber.Router) {
	r.Get(pathKeys, httpx.Open(decodeNothing, httpx.OpenAlone(s.uses.SigningKeys.Public), encodeKeys))
	// A server whose address has a path says what there is behind that, too (RFC 8414, 3.1).
	metadata := httpx.Open(decodeNothing, httpx.OpenNothing, s.encodeMetadata)
	r.Get(pathMetadata, metadata)
	if issuer, err := url.Parse(s.issuer); err == nil && issuer.Path != "" {
		r.Get(pathMetadata+issuer.Path, metadata)
	}
	r.Post(pathIntrospect,
		httpx.Asks(httpx.Handle(s.auth, decodeToken, s.uses.Sessions.Introspect, s.encodeIntrospection)))
	r.Post(pathRevoke, httpx.Handle(s.auth, decodeToken, httpx.Done(s.uses.Sessions.Revoke), httpx.Empty))
}

// decodeNothing is for what takes no parameters.
func decodeNothing(c *fiber.Ctx) (httpx.Just, error) { return httpx.Just{}, httpx.RefuseUnknown(c) }
