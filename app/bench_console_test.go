package app_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

// BenchmarkPages measures pages of the console with 100 and with 100,000 people and environments, each as a share of
// the JSON list of as many people, and the explanation of a decision with what would change it as a share of the plain
// one.
func BenchmarkPages(b *testing.B) {
	for _, engine := range databases {
		for _, size := range []int{100, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", engine.name, size), func(b *testing.B) {
				db, _ := engine.open(b)
				d, address := serveFor(b, db, nil)
				many{organizations: 1, environments: size, users: size, hash: adminHash(b, d)}.fill(b, db)
				token, cookie := signIn(b, address, "user0.0", testPassword), signInByPage(b, address, "user0.0", testPassword)
				contenders := []*contender{{name: "list", request: get(address+"/rest/users?limit=50&total=true", token)}}
				for _, page := range []string{"people", "tree", "person?id=12", "home", "why?user=12&permission=user:read"} {
					contenders = append(contenders, &contender{name: page, request: see(address+"/console/"+page, cookie)})
				}
				race(b, contenders)
			})
		}
	}
}

// signInByPage signs in at the console, and returns the cookie of the session.
func signInByPage(tb testing.TB, address, login, password string) string {
	tb.Helper()
	req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	req.SetRequestURI(address + "/console/sign-in")
	req.Header.SetMethod("POST")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.PostArgs().Set("login", login)
	req.PostArgs().Set("password", password)
	req.Header.SetContentType("application/x-www-form-urlencoded")
	req.SetBody(req.PostArgs().QueryString())
	require.NoError(tb, fasthttp.Do(req, res))
	var c fasthttp.Cookie
	require.Equal(tb, 303, res.StatusCode(), string(res.Body()))
	require.NoError(tb, c.ParseBytes(res.Header.Peek("Set-Cookie")))
	return string(c.Key()) + "=" + string(c.Value())
}

// see returns a request of a page with the cookie of a session.
func see(address, cookie string) func() *fasthttp.Request {
	return func() *fasthttp.Request {
		req := fasthttp.AcquireRequest()
		req.SetRequestURI(address)
		req.Header.Set("Accept", "text/html")
		req.Header.Set("Cookie", cookie)
		return req
	}
}
