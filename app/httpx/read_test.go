package httpx

import (
	"encoding/base64"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"canopy/domain"
)

var reader = fiber.New()

// request calls read with a request for the address.
func request(address string, read func(*fiber.Ctx)) {
	var raw fasthttp.RequestCtx
	raw.Request.SetRequestURI(address)
	c := reader.AcquireCtx(&raw)
	defer reader.ReleaseCtx(c)
	read(c)
}

func TestQueryPage(t *testing.T) {
	cursor := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	tests := []struct {
		query string
		want  domain.Page
		field string // of the error
	}{
		{"", domain.Page{}, ""},
		{"limit=&after=", domain.Page{}, ""},
		{"limit=1", domain.Page{Limit: 1}, ""},
		{"limit=1000&after=" + cursor("/1/2/ 7"), domain.Page{Limit: 1000, After: "/1/2/ 7"}, ""},
		{"after=" + cursor("ä>?"), domain.Page{After: "ä>?"}, ""},
		{"limit=0", domain.Page{}, "limit"},
		{"limit=-1", domain.Page{}, "limit"},
		{"limit=1001", domain.Page{}, "limit"},
		{"limit=1e2", domain.Page{}, "limit"},
		{"limit=99999999999999999999", domain.Page{}, "limit"},
		{"after=" + cursor("\xff"), domain.Page{}, "after"},
		{"after=" + cursor("a\x00"), domain.Page{}, "after"},
		{"after=a+b", domain.Page{}, "after"},
		{"after=YQ==", domain.Page{}, "after"},
		{"after=*", domain.Page{}, "after"},
	}
	for _, tt := range tests {
		request("/list?"+tt.query, func(c *fiber.Ctx) {
			page, err := QueryPage(c)
			if tt.field != "" {
				require.ErrorContains(t, err, "", tt.query)
				require.Equal(t, tt.field, domain.AsError(err).Field, tt.query)
				return
			}
			require.NoError(t, err, tt.query)
			require.Equal(t, tt.want, page, tt.query)
		})
	}
}

func TestQuery(t *testing.T) {
	tests := []struct {
		query, field string // the parameter that is refused, empty for none
		flag         any    // of "a"
	}{
		{"a=1&b=2", "", true},
		{"a=false", "", false},
		{"b=", "", nil},
		{"a=2", "a", nil},
		{"a=TRUE", "a", nil},
		{"a=1&a=1", "a", nil},
		{"a=1&A=1", "A", nil},
		{"a=1&c=1", "c", nil},
		{"%61=1&b", "", true},
		{"a=1&%00=1", "?", nil},
		{"a=1&b=%00", "b", nil},
		{"a=1&b=%ff", "b", nil},
		{"a=1&%ff=1", "?", nil},
	}
	for _, tt := range tests {
		request("/list?"+tt.query, func(c *fiber.Ctx) {
			err := checkQuery(c)
			if err == nil {
				err = RefuseUnknown(c, "a", "b")
			}
			var flag *bool
			if err == nil {
				flag, err = QueryFlag(c, "a")
			}
			if tt.field != "" {
				require.ErrorIs(t, err, domain.ErrInvalid, tt.query)
				require.Equal(t, tt.field, domain.AsError(err).Field, tt.query)
				return
			}
			require.NoError(t, err, tt.query)
			if tt.flag == nil {
				require.Nil(t, flag, tt.query)
			} else {
				require.Equal(t, tt.flag, *flag, tt.query)
			}
		})
	}
}

var linkNext = regexp.MustCompile(`^<(/list\?[!-;=?-~]*)>; rel="next"$`)

// FuzzCursor holds that the link to the next page leads there, with the parameters that
// the request had, whatever they are.
func FuzzCursor(f *testing.F) {
	f.Add("q=%C3%A4+b&after=YQ&sort=alias", "/1/2/ 7")
	f.Add("q=%0D%0AX:+y&q>=<>;", "a\r\n>; rel=\"x\"")
	f.Add("after=*&&==&%", "\xff")
	f.Fuzz(func(t *testing.T, query, cursor string) {
		var link string
		var before url.Values
		request("/list", func(c *fiber.Ctx) {
			c.Request().URI().SetQueryString(query)
			LinkNext(c, domain.Cursor(cursor))
			link = string(c.Response().Header.Peek(fiber.HeaderLink))
			before = parameters(c)
		})
		if cursor == "" {
			if link != "" {
				t.Errorf("%s", link)
			}
			return
		}
		parts := linkNext.FindStringSubmatch(link)
		if parts == nil {
			t.Fatalf("%q", link)
		}
		request(parts[1], func(c *fiber.Ctx) {
			page, err := QueryPage(c)
			if isText(cursor) && before.Get("limit") == "" && (err != nil || page.After != domain.Cursor(cursor)) {
				t.Errorf("%q led to %q, %v", link, page.After, err)
			}
			after := parameters(c)
			before.Del("after")
			after.Del("after")
			if before.Encode() != after.Encode() {
				t.Errorf("%v became %v", before, after)
			}
		})
	})
}

func parameters(c *fiber.Ctx) url.Values {
	all := make(url.Values)
	for key, value := range c.Context().QueryArgs().All() {
		all.Set(string(key), string(value))
	}
	return all
}

func TestAddress(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/32"), netip.MustParsePrefix("10.0.0.0/8")}
	for forwarded, want := range map[string]string{
		"":                                  "0.0.0.0", // where a request that came over no network is from
		"192.0.2.1":                         "192.0.2.1",
		"192.0.2.9, 192.0.2.1":              "192.0.2.1",
		"192.0.2.9, 192.0.2.1 ,10.1.1.1":    "192.0.2.1",
		"192.0.2.9, ::ffff:192.0.2.1":       "192.0.2.1",
		"192.0.2.9, somebody, 10.1.1.1":     "10.1.1.1",
		"192.0.2.9, 192.0.2.1:80, 10.1.1.1": "10.1.1.1",
		"10.1.1.1, 10.1.1.2":                "10.1.1.1",
		"192.0.2.9\n192.0.2.1":              "192.0.2.1", // the proxy adds a line
		"192.0.2.9\n192.0.2.1\n10.1.1.1":    "192.0.2.1",
	} {
		request("/", func(c *fiber.Ctx) {
			for line := range strings.SplitSeq(forwarded, "\n") {
				c.Request().Header.Add(fiber.HeaderXForwardedFor, line)
			}
			require.Equal(t, want, Address(c, proxies), forwarded)
			require.Equal(t, "0.0.0.0", Address(c, nil), forwarded)
		})
	}
}
