package oauth

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"canopy/app/httpx"
	"canopy/domain"
)

// codes are the words of RFC 6749 (5.2 and 4.1.2.1) for kinds of errors.
var codes = map[domain.Kind]string{
	domain.Unauthenticated: "invalid_client", domain.Forbidden: "unauthorized_client",
	domain.TooMany: "temporarily_unavailable", domain.Unavailable: "temporarily_unavailable",
	domain.Internal: "server_error",
}

// problem answers an error in the envelope of RFC 6749, 5.2.
func problem(c *fiber.Ctx, err error) error {
	status, p := httpx.Problem(c, err)
	if status == fiber.StatusUnauthorized {
		c.Set(fiber.HeaderWWWAuthenticate, `Basic realm="Canopy", charset="UTF-8", Bearer realm="Canopy"`)
	}
	code, ok := codes[p.Kind]
	if !ok {
		code = "invalid_request"
	}
	description := p.Public
	if p.Field != "" {
		description = strings.TrimSuffix(description, ".") + ": " + p.Field
	}
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Text("error", code)
	w.Text("error_description", strings.Map(allowed, description))
	w.Close('}')
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Status(status)
	return send(c, w)
}

// allowed returns what stands for a character in a description, which has few (RFC 6749, 5.2).
func allowed(r rune) rune {
	switch {
	case r == '"':
		return '\''
	case r < ' ' || r > '~' || r == '\\':
		return '?'
	}
	return r
}
