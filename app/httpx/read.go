package httpx

import (
	"bytes"
	"encoding/base64"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"canopy/domain"
)

// Param returns a parameter of the route, decoded. It is empty only if there is none: what is not text becomes one,
// with U+FFFD for what no text has, so that it is not taken for nothing said, which often is whoever asks.
func Param(c *fiber.Ctx, name string) string {
	value, err := url.PathUnescape(c.Params(name))
	if err != nil {
		value = c.Params(name)
	}
	return strings.ReplaceAll(strings.ToValidUTF8(strings.Clone(value), "\uFFFD"), "\x00", "\uFFFD")
}

// UUIDParam reads a parameter of the route that is a UUID. It reports false for anything
// else, which names nothing.
func UUIDParam(c *fiber.Ctx, name string) (domain.UUID, bool) {
	id, err := domain.ParseUUID(Param(c, name))
	return id, err == nil
}

// isText reports whether s is valid UTF-8 without NUL, which no database keeps.
func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// checkQuery refuses a query with values that are not text.
func checkQuery(c *fiber.Ctx) error {
	for key, value := range c.Context().QueryArgs().All() {
		if !isText(string(key)) || !isText(string(value)) {
			return domain.InvalidField(printable(string(key)), "This is not valid text.")
		}
	}
	return nil
}

// Query returns a parameter of the query, empty if there is none.
func Query(c *fiber.Ctx, name string) string { return strings.Clone(c.Query(name)) }

// HasQuery reports whether the query has a parameter, be it empty.
func HasQuery(c *fiber.Ctx, name string) bool { return c.Context().QueryArgs().Has(name) }

// Header returns the first value of a header, empty if there is none or if it is not text.
func Header(c *fiber.Ctx, name string) string {
	value := c.Get(name)
	if !isText(value) {
		return ""
	}
	return strings.Clone(value)
}

// HasHeader reports whether a request has a header, be it empty or no text.
func HasHeader(c *fiber.Ctx, name string) bool { return c.Request().Header.Peek(name) != nil }

// RefuseUnknown returns an Invalid error that names the first parameter of the query that
// is not one of known, or comes twice: a filter that is misspelt or overlooked must not
// show more than was asked for.
func RefuseUnknown(c *fiber.Ctx, known ...string) error {
	seen := make([]string, 0, len(known))
	for key := range c.Context().QueryArgs().All() {
		name := string(key)
		if !slices.Contains(known, name) {
			return unknown(name, "There is no such parameter; leave it out.")
		}
		if slices.Contains(seen, name) {
			return domain.InvalidField(name, "Give this parameter only once.")
		}
		seen = append(seen, name)
	}
	return nil
}

// Pair is a parameter of a query.
type Pair struct{ Name, Value string }

// QueryPairs returns the parameters of the query in their order, for a list whose parameters may
// come again.
func QueryPairs(c *fiber.Ctx) []Pair {
	var pairs []Pair
	for name, value := range c.Context().QueryArgs().All() {
		pairs = append(pairs, Pair{string(name), string(value)})
	}
	return pairs
}

// UnknownParameter returns the Invalid error for a parameter of a query or form that is not known.
func UnknownParameter(name string) error {
	return unknown(name, "There is no such parameter; leave it out.")
}

// printable is a name from outside, short and harmless enough to be repeated; never empty.
func printable(name string) string {
	if name == "" {
		return `""`
	}
	name = strings.ToValidUTF8(name, "?")
	if len(name) > 40 {
		name = name[:40]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return '?'
		}
		return r
	}, name)
}

// QueryFlag reads a parameter that is true or false ("1" and "0" too). It is nil if there
// is none.
func QueryFlag(c *fiber.Ctx, name string) (*bool, error) {
	switch Query(c, name) {
	case "":
		return nil, nil
	case "true", "1":
		yes := true
		return &yes, nil
	case "false", "0":
		no := false
		return &no, nil
	}
	return nil, domain.InvalidField(name, "Give one of true and false.")
}

// QueryPage reads the parameters limit and after.
func QueryPage(c *fiber.Ctx) (domain.Page, error) {
	after, err := base64.RawURLEncoding.DecodeString(Query(c, "after"))
	if err != nil || !isText(string(after)) {
		return domain.Page{}, domain.ErrCursor
	}
	page := domain.Page{After: domain.Cursor(after)}
	text := Query(c, "limit")
	if text == "" {
		return page, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > domain.MaxLimit {
		return page, domain.InvalidField("limit", "Give a number from 1 to %d; without a limit the whole list is sent.",
			domain.MaxLimit)
	}
	page.Limit = n
	return page, nil
}

// LinkNext adds a Link header (RFC 8288) to the page behind cursor, with the parameters of
// this request; none if the cursor is empty. The address is relative, so that no header of
// the request gets into it.
func LinkNext(c *fiber.Ctx, next domain.Cursor) {
	if next == "" {
		return
	}
	query := make(url.Values)
	for key, value := range c.Context().QueryArgs().All() {
		query.Set(string(key), string(value))
	}
	query.Set("after", base64.RawURLEncoding.EncodeToString([]byte(next)))
	c.Set(fiber.HeaderLink, "<"+Mounted(c, string(c.Context().URI().PathOriginal()))+"?"+query.Encode()+`>; rel="next"`)
}

// Mount takes the prefix of a surface out of the path of a request to it, which must have
// it, so that its routes need not know of it.
func Mount(c *fasthttp.RequestCtx, prefix string) {
	uri := strings.TrimPrefix(string(c.URI().PathOriginal()), prefix)
	if query := c.URI().QueryString(); len(query) > 0 {
		uri += "?" + string(query)
	}
	c.Request.SetRequestURI(uri)
	c.SetUserValue(prefixKey{}, prefix)
}

type prefixKey struct{}

// Mounted returns a path of the surface as clients have to write it: behind its prefix.
func Mounted(c *fiber.Ctx, path string) string {
	prefix, _ := c.Context().UserValue(prefixKey{}).(string)
	return prefix + path
}

// Address returns the network address a request comes from. Behind proxies in trusted it
// is the last address of X-Forwarded-For, however many lines it has, that is not a trusted
// proxy's.
func Address(c *fiber.Ctx, trusted []netip.Prefix) string {
	return remote(c.Context(), trusted).String()
}

// Network returns the network of the address a request comes from, told as Address tells it.
func Network(c *fasthttp.RequestCtx, trusted []netip.Prefix) netip.Prefix {
	return NetworkOf(remote(c, trusted))
}

func remote(c *fasthttp.RequestCtx, trusted []netip.Prefix) netip.Addr {
	ip, _ := netip.AddrFromSlice(c.RemoteIP())
	ip = ip.Unmap()
	if !among(trusted, ip) {
		return ip
	}
	lines := c.Request.Header.PeekAll(fiber.HeaderXForwardedFor)
	hops := strings.Split(string(bytes.Join(lines, []byte(","))), ",")
	for i := len(hops) - 1; i >= 0 && among(trusted, ip); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		ip = hop.Unmap()
	}
	return ip
}

func among(prefixes []netip.Prefix, ip netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// Method returns the method of a request.
func Method(c *fiber.Ctx) string { return strings.Clone(c.Method()) }

// ExpectedTag returns what stands between the quotes of the entity tag that a change is made for (If-Match, RFC
// 9110, 13.1.1), and false if any will do.
func ExpectedTag(c *fiber.Ctx) (string, bool) {
	tag := strings.TrimSpace(c.Get(fiber.HeaderIfMatch))
	return strings.Clone(strings.Trim(strings.TrimPrefix(tag, "W/"), `"`)), tag != "" && tag != "*"
}

// HasTag reports whether the client has what has that entity tag (If-None-Match, RFC 9110,
// 13.1.2).
func HasTag(c *fiber.Ctx, tag string) bool {
	for listed := range strings.SplitSeq(c.Get(fiber.HeaderIfNoneMatch), ",") {
		if listed = strings.TrimSpace(listed); listed == "*" || strings.TrimPrefix(listed, "W/") == tag {
			return true
		}
	}
	return false
}
