package app_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"canopy/app"
)

// TestCredentialsAtTheRoot sends every mix of credentials: none, right and wrong ones, one
// kind and several. Tat's count before Ethersource's, and those before a token.
func TestCredentialsAtTheRoot(t *testing.T) {
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("a:b"))
	tat := []string{""}
	for _, prefix := range []string{"", "X-", "x-"} {
		for _, name := range []string{"Tat_username", "Tat-Username", "tat_username", "TAT-USERNAME", "Tat_password",
			"Tat-Password"} {
			tat = append(tat, prefix+name+": a")
		}
	}
	tat = append(tat, "Tat_username: ", "Tatusername: a", "X-Tat-Referer: a")
	authorizations := []string{"", "Authorization: " + basic, "Authorization: basic x", "Authorization:  BASIC",
		"Authorization: Basic",
		"Authorization: Bearer a.b.c", "Authorization: a.b.c", "Authorization: Digest a", "Authorization: Basically",
		"Token: a.b.c"}
	keys := []string{"", "apiKey: k", "ApiKey: k", "APIKEY: k", "apiKey: "}
	queries := []string{"", "?apiKey=k", "?apiKey=", "?apikey=k", "?firstResult=1&apiKey=k"}
	for _, t1 := range tat {
		for _, authorization := range authorizations {
			for _, key := range keys {
				for _, query := range queries {
					var r fasthttp.Request
					r.SetRequestURI("http://canopy.example/users" + query)
					for _, line := range []string{t1, authorization, key} {
						if name, value, ok := strings.Cut(line, ": "); ok {
							r.Header.Set(name, value)
						}
					}
					want := "tellius"
					if key != "" && key != "apiKey: " || strings.Contains(query, "apiKey") ||
						strings.HasPrefix(strings.ToLower(strings.TrimSpace(strings.TrimPrefix(authorization, "Authorization:"))),
							"basic") &&
							!strings.Contains(authorization, "Basically") {
						want = "ethersource"
					}
					if strings.HasSuffix(t1, ": a") && t1 != "Tatusername: a" && !strings.Contains(t1, "Referer") {
						want = "tat"
					}
					require.Equal(t, want, app.Whose(&r), "%q %q %q %q", t1, authorization, key, query)
				}
			}
		}
	}
}

// TestTheRootAnswersAsTheLastSurface holds that credentials of a product that is not offered
// are answered by the one that is, and that strangers are told what there is to send.
func TestTheRootAnswersAsTheLastSurface(t *testing.T) {
	cfg := settings(t, newClock(storyBegins))
	cfg.Surfaces = []string{"rest", "tellius"}
	server := serve(t, cfg)
	for _, path := range []string{"/users", "/users/x", "/groups", "/groups/x/users"} {
		for _, header := range []string{"", "Tat_username: a\r\n", "Authorization: Basic YTpi\r\n", "apiKey: k\r\n"} {
			caller := &client{address: server.host()}
			got, err := caller.send(fmt.Appendf(nil, "DELETE %s HTTP/1.1\r\nHost: x\r\n%s\r\n", path, header), "DELETE")
			caller.close()
			require.NoError(t, err)
			if got.status == "405 Method Not Allowed" {
				continue
			}
			require.Equal(t, "401 Unauthorized", got.status, "%s %q", path, header)
			for _, name := range []string{"Tat_username", "HTTP Basic", "apiKey", "Authorization"} {
				require.Contains(t, string(got.body), name)
			}
		}
	}
	caller := &client{address: server.host()}
	defer caller.close()
	for _, path := range []string{"/usersx", "/user", "/group", "/users%2Fx", "/api", "/api/loginx"} {
		got, err := caller.send(fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path), "GET")
		require.NoError(t, err)
		require.Equal(t, "404 Not Found", got.status, path)
		require.NotContains(t, string(got.body), "message", "nobody claims "+path)
	}
}
