package oauth

import (
	"encoding/base64"

	"github.com/gofiber/fiber/v2"

	"canopy/app/httpx"
	"canopy/domain"
)

// encodeKeys answers the public keys, as a JWK Set (RFC 7517, 5; RFC 8037, 2).
func encodeKeys(c *fiber.Ctx, keys []domain.VerifyingKey) error {
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Open("keys", '[')
	for i := range keys {
		w.Open("", '{')
		w.Text("kty", "OKP")
		w.Text("crv", "Ed25519")
		w.Text("x", base64.RawURLEncoding.EncodeToString(keys[i].Ed25519))
		w.Text("kid", keys[i].ID)
		w.Text("use", "sig")
		w.Text("alg", "EdDSA")
		w.Close('}')
	}
	w.Close(']')
	w.Close('}')
	return publish(c, w)
}

// encodeMetadata answers what there is (RFC 8414, 2). Tokens come from the products' own sign-in, so there are no
// grants.
func (s *Surface) encodeMetadata(c *fiber.Ctx, _ httpx.Just) error {
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Text("issuer", s.issuer)
	w.Text("jwks_uri", s.issuer+httpx.Mounted(c, pathKeys))
	w.Text("introspection_endpoint", s.issuer+httpx.Mounted(c, pathIntrospect))
	list(w, "introspection_endpoint_auth_methods_supported", "client_secret_basic", "Bearer")
	w.Text("revocation_endpoint", s.issuer+httpx.Mounted(c, pathRevoke))
	list(w, "revocation_endpoint_auth_methods_supported", "client_secret_basic")
	list(w, "acr_values_supported", domain.ByPassword.String(), domain.ByCode.String())
	list(w, "response_types_supported")
	list(w, "grant_types_supported")
	w.Text("service_documentation", s.issuer+"/docs")
	w.Close('}')
	return publish(c, w)
}

func list(w *httpx.Writer, key string, values ...string) {
	w.Open(key, '[')
	for _, value := range values {
		w.Text("", value)
	}
	w.Close(']')
}

// publish answers what everybody may keep for five minutes. A client that has the same is answered with 304.
func publish(c *fiber.Ctx, w *httpx.Writer) error {
	tag := `"` + httpx.Digest(string(w.Bytes()))[:16] + `"`
	c.Set(fiber.HeaderETag, tag)
	c.Set(fiber.HeaderCacheControl, "public, max-age=300")
	if httpx.HasTag(c, tag) {
		c.Status(fiber.StatusNotModified)
		return nil
	}
	return send(c, w)
}
