package httpx

import (
	"net/netip"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
)

// Cookie returns a cookie of the request, empty if there is none, if it is not text, or if
// it comes twice: of two cookies with one name somebody else may have set the other one.
func Cookie(c *fiber.Ctx, name string) string {
	value, n := "", 0
	for key, v := range c.Request().Header.Cookies() {
		if string(key) == name {
			value, n = string(v), n+1
		}
	}
	if n != 1 || !isText(value) {
		return ""
	}
	return strings.Clone(value)
}

// Secure reports whether the client speaks HTTPS: with us, or with a proxy in trusted that
// says so in X-Forwarded-Proto.
func Secure(c *fiber.Ctx, trusted []netip.Prefix) bool {
	if c.Context().IsTLS() {
		return true
	}
	ip, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	return among(trusted, ip.Unmap()) && strings.EqualFold(strings.TrimSpace(c.Get(fiber.HeaderXForwardedProto)), "https")
}

// SetCookie gives the client a session's cookie for everything below path until it expires.
// Scripts cannot read it, other sites cannot have it sent with what changes something, and
// with secure it is sent over HTTPS only. A value must be of the letters of base64url.
func SetCookie(c *fiber.Ctx, name, value, path string, expires time.Time, secure bool) {
	c.Cookie(&fiber.Cookie{Name: name, Value: value, Path: path, Expires: expires.UTC(), HTTPOnly: true, Secure: secure,
		SameSite: fiber.CookieSameSiteLaxMode})
}

// DropCookie makes the client forget what SetCookie gave it.
func DropCookie(c *fiber.Ctx, name, path string, secure bool) {
	SetCookie(c, name, "", path, time.Unix(1, 0), secure)
}
