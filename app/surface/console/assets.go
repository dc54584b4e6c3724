package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"canopy/app/httpx"
)

//go:embed console.css
var styleText []byte

//go:embed console.js
var scriptText []byte

//go:embed passkey.js
var passkeyText []byte

// htmx is htmx 2.0.11, as its authors publish it (dist/htmx.min.js, under the Zero-Clause BSD licence).
//
//go:embed htmx.min.js
var htmxText []byte

// An asset is a file that pages need. Its name changes with what is in it, so that browsers keep it.
type asset struct {
	file, kind     string
	text, smallest []byte // smallest is compressed
}

var (
	style  = newAsset("console.css", "text/css; charset=utf-8", styleText)
	script = newAsset("console.js", "text/javascript; charset=utf-8", scriptText)
	htmx   = newAsset("htmx.js", "text/javascript; charset=utf-8", htmxText)
	keys   = newAsset("passkey.js", "text/javascript; charset=utf-8", passkeyText)
	assets = []*asset{style, script, htmx, keys}
)

func newAsset(name, kind string, text []byte) *asset {
	sum := sha256.Sum256(text)
	extension := path.Ext(name)
	var small bytes.Buffer
	w, _ := gzip.NewWriterLevel(&small, gzip.BestCompression) // fails for unknown levels only
	_, _ = w.Write(text)                                      // to memory
	_ = w.Close()
	return &asset{file: strings.TrimSuffix(name, extension) + "-" + hex.EncodeToString(sum[:8]) + extension, kind: kind,
		text: text, smallest: small.Bytes()}
}

func (a *asset) send(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, a.kind)
	c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	c.Vary(fiber.HeaderAcceptEncoding)
	if acceptsGzip(c) {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(a.smallest)
	}
	return c.Send(a.text)
}

// acceptsGzip reports whether the client takes gzip.
func acceptsGzip(c *fiber.Ctx) bool {
	for part := range strings.SplitSeq(httpx.Header(c, fiber.HeaderAcceptEncoding), ",") {
		coding, weight, _ := strings.Cut(strings.ReplaceAll(strings.TrimSpace(part), " ", ""), ";")
		if strings.EqualFold(coding, "gzip") {
			return weight != "q=0"
		}
	}
	return false
}

// themeCookie keeps what a browser is to show pages in, for everybody who uses it.
const themeCookie = "canopy-theme"

// themes are its values.
var themes = []string{"light", "dark"}

func themeOf(c *fiber.Ctx) string {
	if theme := httpx.Cookie(c, themeCookie); slices.Contains(themes, theme) {
		return theme
	}
	return ""
}

// setTheme keeps the choice of a theme, and goes back to the page where it was made.
func (s *Surface) setTheme(c *fiber.Ctx) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	secure := httpx.Secure(c, s.trusted)
	if theme := form["theme"]; slices.Contains(themes, theme) {
		httpx.SetCookie(c, themeCookie, theme, "/", time.Now().AddDate(1, 0, 0), secure)
	} else {
		httpx.DropCookie(c, themeCookie, "/", secure)
	}
	return leave(c, nextPage(form["next"]))
}
