package app_test

import (
	"cmp"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/authn"
	"canopy/persistence"
)

// serveSignUp serves a directory in which people can register.
func serveSignUp(t *testing.T, change func(*app.Config)) (*running, *signUp) {
	t.Helper()
	c := newClock(storyBegins)
	cfg := settings(t, c)
	cfg.PublicURL, cfg.SignUpEnvironment, cfg.AnswerFloor = publicURL, "Acme", 0
	cfg.MailLimits = accounts.MailLimits{Address: 1000, Source: 1000, User: 1000, Overall: 1000}
	change(&cfg)
	db, err := app.OpenDatabase(t.Context(), &cfg)
	require.NoError(t, err)
	_, err = app.Begin(t.Context(), &cfg, db)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	r := serve(t, cfg)
	s := &signUp{r.directory, c, persistence.NewOutboxStore(r.directory.DB)}
	s.organization(t, "Acme")
	s.organization(t, "Bolt")
	return r, s
}

// stranger returns a request without credentials; its body is a form unless it looks like JSON.
func stranger(method, target, header, body string) []byte {
	kind := "application/x-www-form-urlencoded"
	if strings.HasPrefix(body, "{") {
		kind = "application/json"
	}
	if !strings.Contains(header, "Host: ") {
		header += "Host: canopy.example\r\n"
	}
	return fmt.Appendf(nil, "%s %s HTTP/1.1\r\n%sContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", method, target, header,
		kind, len(body), body)
}

// TestNoLinkLeadsToTheHostHeader holds that what a request says about the server's name gets
// neither into a mail nor into an answer.
func TestNoLinkLeadsToTheHostHeader(t *testing.T) {
	r, s := serveSignUp(t,
		func(cfg *app.Config) { cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	for i, header := range []string{
		"Host: evil.example\r\n",
		"Host: evil.example:8080\r\n",
		"Host: canopy.example@evil.example\r\n",
		"Host: canopy.example\r\nX-Forwarded-Host: evil.example\r\nX-Original-Host: evil.example\r\nX-Host: " +
			"evil.example\r\nForwarded: host=evil.example\r\n",
		"Host: canopy.example\r\nReferer: https://evil.example/\r\n",
		"Host: canopy.example\r\nReferer: https://evil.example/\r\nOrigin: https://evil.example\r\n",
	} {
		for _, base := range []string{"", "http://evil.example"} {
			name := fmt.Sprintf("n%d%d", i, len(base))
			for _, request := range []struct{ method, path, body string }{
				{"POST", "/api/portal/v1.3/users/register", "name=N&email=" + name + "@example.org&password=surely+long+enough"},
				{"POST", "/api/portal/v1.3/users/forgotpassword", "email=acme.user@example.org"},
				{"POST", "/user", `{"username":"` + name + `t","fullname":"N N","email":"` + name + `t@example.org"}`},
				{"POST", "/user/reset", `{"username":"acme.user","email":"acme.user@example.org"}`},
			} {
				c := &client{address: r.host()}
				got, err := c.send(stranger(request.method, base+request.path, header, request.body), request.method)
				c.close()
				require.NoError(t, err)
				answer := fmt.Sprint(got.status, got.header, string(got.body))
				require.NotContains(t, answer, "evil", "%s %s", request.path, header)
				if strings.Contains(header, "Origin: ") && strings.HasPrefix(request.path, "/api/") { // Tat's pages may be anywhere
					require.Contains(t, got.status, "403", "%s %s: %s", request.path, header, answer)
					require.Empty(t, s.mails(t), "%s %s", request.path, header)
					continue
				}
				require.Contains(t, got.status, "201", "%s %s: %s", request.path, header, answer)
				mails := s.mails(t)
				require.Len(t, mails, 1, "%s %s", request.path, header)
				require.Contains(t, mails[0].Text, publicURL+"/")
				require.NotContains(t, mails[0].Text+mails[0].Subject, "evil", "%s %s", request.path, header)
			}
		}
	}
}

// TestTimeTellsNothing holds that whether there is an account cannot be told from how long
// an answer takes: of an answer about somebody and one about nobody, asked in any order, either
// is about as often the slower one.
func TestTimeTellsNothing(t *testing.T) {
	notShort(t)
	const rounds = 30
	r, s := serveSignUp(t, func(cfg *app.Config) {
		cfg.PasswordCost = authn.Cost{Memory: 4 << 10, Passes: 1}
		cfg.AnswerFloor = 80 * time.Millisecond
		cfg.Log = slog.New(slog.DiscardHandler)
	})
	c := &client{address: r.host()}
	defer c.close()
	for name, request := range map[string]func(who string, round int) []byte{
		"sign-in": func(who string, _ int) []byte {
			return stranger("POST", "/auth", "", `{"user":"`+who+`","password":"wrong"}`)
		},
		"axway forgotten": func(who string, _ int) []byte {
			return stranger("POST", "/api/portal/v1.3/users/forgotpassword", "", "email="+who+"@example.org")
		},
		"axway registration": func(who string, round int) []byte {
			if who == "nobody" {
				who = fmt.Sprintf("new%d", round)
			}
			return stranger("POST", "/api/portal/v1.3/users/register", "", "name=N&email="+who+
				"@example.org&password=surely+long+enough")
		},
		"tat forgotten": func(who string, _ int) []byte {
			return stranger("POST", "/user/reset", "", `{"username":"`+who+`","email":"`+who+`@example.org"}`)
		},
	} {
		ask := func(who string, round int) time.Duration {
			s.clock.set(s.clock.now().Add(20 * time.Minute)) // nobody is slowed down for guessing
			began := time.Now()
			got, err := c.send(request(who, round), http.MethodPost)
			took := time.Since(began)
			require.NoError(t, err)
			require.NotContains(t, got.status, "429", name)
			require.NotContains(t, got.status, "404", name)
			require.NotContains(t, got.status, "500", name)
			return took
		}
		var somebody, nobody []time.Duration
		for round := range rounds {
			// In an order that is not known: when a timer rings depends on when the last one did.
			first := rand.IntN(2)
			for turn := range 2 {
				if turn == first {
					somebody = append(somebody, ask("acme.user", round))
				} else {
					nobody = append(nobody, ask("nobody", round))
				}
			}
		}
		slower := share(somebody, nobody)
		t.Logf("%s: somebody is the slower one in %.2f of the pairs", name, slower)
		// Among so many pairs of one distribution, 0.2 is more than four standard errors away from a half.
		require.InDelta(t, 0.5, slower, 0.3, name)
	}
}

// share returns how often one of a is greater than one of b (the statistic of Mann and Whitney).
func share[T cmp.Ordered](a, b []T) float64 {
	slices.Sort(b)
	var less int
	for _, x := range a {
		i, _ := slices.BinarySearch(b, x)
		less += i
	}
	return float64(less) / float64(len(a)*len(b))
}
