package rest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/gofiber/fiber/v2"

	"canopy/app/httpx"
	"canopy/domain"
)

// version reads the version that a change is made for, from the ETag of one answer in the header If-Match. What is no
// such ETag is the version of nothing.
func version(c *fiber.Ctx) domain.Version {
	tag, expected := httpx.ExpectedTag(c)
	if !expected {
		return ""
	}
	v, _, _ := strings.Cut(tag, ".")
	return cmp.Or(domain.Version(v), "nothing")
}

// encodeVersion is encode with an ETag: the version of what is shown, and behind a dot a hash of all of data, such as
// when a user was last seen, which no change is refused for. A client that has the same is answered with 304.
func encodeVersion[T any, P interface {
	*T
	Version() domain.Version
}](s *Surface, write writer[T]) func(*fiber.Ctx, T) error {
	return func(c *fiber.Ctx, v T) error {
		w := s.envelope(fiber.StatusOK)
		begin := len(w.Bytes())
		write(w, "data", &v)
		sum := sha256.Sum256(w.Bytes()[begin:])
		tag := `"` + string(P(&v).Version()) + "." + hex.EncodeToString(sum[:8]) + `"`
		c.Set(fiber.HeaderETag, tag)
		if c.Method() == fiber.MethodGet && httpx.HasTag(c, tag) {
			c.Status(fiber.StatusNotModified)
			return nil
		}
		w.Close('}')
		return send(c, fiber.StatusOK, w)
	}
}
