package main_test

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A logLine is what the tests look at of a line of the log.
type logLine struct {
	Time, Level, Msg, ID, Surface, Method, Route, Address, Code string
	Status                                                      int
	MS                                                          *float64
	Organization, User                                          int64
}

// requestLines reads the log, every line of which must be JSON, and returns those of requests.
func (s *server) requestLines(t testing.TB) []logLine {
	t.Helper()
	var lines []logLine
	for text := range strings.Lines(s.err.String()) {
		var line logLine
		require.NoError(t, json.Unmarshal([]byte(text), &line), "%s", text)
		require.NotEmpty(t, line.Time)
		require.NotEmpty(t, line.Level)
		if line.Msg == "request" {
			lines = append(lines, line)
		}
	}
	return lines
}

// logs waits for a line of the log.
func (s *server) logs(t testing.TB, line string) {
	t.Helper()
	eventually(t, func() bool { return regexp.MustCompile(line).MatchString(s.err.String()) }, "a line of the log: %s",
		line)
}

func TestLogHasOneLineARequest(t *testing.T) {
	t.Parallel()
	s := serve(t, inSQLite(t))
	admin, nobody := s.admin(), s.anonymous()
	requests := []struct {
		from                 caller
		method, path         string
		surface, route, code string
		status               int
		user                 int64
	}{
		{admin, "GET", "/rest/users?limit=1", "rest", "/rest/users", "", 200, 1},
		{admin, "GET", "/rest/users/admin", "rest", "/rest/users/:alias", "", 200, 1},
		{admin, "HEAD", "/rest/users/admin", "rest", "/rest/users/:alias", "", 200, 1},
		{admin, "GET", "/rest/users/nobody", "rest", "/rest/users/:alias", "user_not_found", 404, 1},
		{admin, "GET", "/rest/nowhere", "rest", "unmatched", "route_not_found", 404, 0},
		{admin, "PUT", "/rest/users", "rest", "unmatched", "method_not_allowed", 405, 0},
		{admin, "BREW", "/rest/users", "rest", "refused", "method_unknown", 501, 0},
		{nobody, "GET", "/rest/users", "rest", "/rest/users", "unauthenticated", 401, 0},
		{nobody, "GET", "/readyz", "operations", "/readyz", "", 200, 0},
		{nobody, "GET", "/", "operations", "unmatched", "route_not_found", 404, 0},
	}
	for _, r := range requests {
		a, err := r.from.send(r.method, r.path, nil)
		require.NoError(t, err)
		require.Equal(t, r.status, a.status, "%s %s: %s", r.method, r.path, a.body)
		require.NotEmpty(t, a.header.Get("X-Request-Id"), "%s %s", r.method, r.path)
		if r.surface == "rest" && r.status >= 400 && r.method != "HEAD" {
			require.Equal(t, r.code, a.code(t), "%s %s", r.method, r.path)
		}
		var found []logLine
		eventually(t, func() bool {
			found = nil
			for _, line := range s.requestLines(t) {
				if line.ID == a.header.Get("X-Request-Id") {
					found = append(found, line)
				}
			}
			return len(found) > 0
		}, "the line of %s %s", r.method, r.path)
		require.Len(t, found, 1)
		line := found[0]
		require.NotNil(t, line.MS)
		line.Time, line.MS, line.Level = "", nil, ""
		if r.route == "refused" {
			r.method = "other"
		}
		want := logLine{Msg: "request", ID: line.ID, Surface: r.surface, Method: r.method, Route: r.route, Code: r.code,
			Status: r.status, User: r.user, Organization: r.user, Address: "127.0.0.1"}
		require.Equal(t, want, line)
	}
	s.stop(t)
	require.Len(t, s.requestLines(t), len(requests), "no more lines than requests")
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	s := serve(t, inSQLite(t))
	id := func(given string) string {
		return s.anonymous().with("X-Request-Id", given).get(t, "/healthz").ok(t).header.Get("X-Request-Id")
	}
	seen := make(map[string]bool)
	for _, given := range []string{"", "from-a_proxy.1", "from-a_proxy.1", "with blank", "\"quote\"",
		strings.Repeat("x", 65), "é"} {
		made := id(given)
		require.Regexp(t, `\A[A-Z0-9]{26}\z`, made)
		require.False(t, seen[made])
		seen[made] = true
	}
	// What was done can be found by ours, and by the client's if it is harmless.
	type entry struct {
		Action, Request, Surface string
		ClientRequest            *string
	}
	trail := func(target string) (entries []entry) {
		s.admin().get(t, "/rest/audit?target="+target).ok(t).into(t, &entries)
		return entries
	}
	ticket := "ticket-42"
	made := s.admin().with("X-Request-Id", ticket).post(t, "/rest/users", newUser("ada", "long enough")).ok(t).
		header.Get("X-Request-Id")
	require.Equal(t, []entry{{"user:create", made, "rest", &ticket}}, trail("ada"))
	ours := s.admin().with("X-Request-Id", "with blank").post(t, "/rest/users", newUser("bob", "long enough")).ok(t).
		header.Get("X-Request-Id")
	require.Equal(t, []entry{{"user:create", ours, "rest", nil}}, trail("bob"))
	require.Regexp(t, `"id":"`+made+`".*"client_id":"ticket-42"`, s.err.String())
	require.NotContains(t, s.err.String(), "with blank")
}

// Secrets are sent wherever a client can put them, right and wrong, and the log of everything, at
// the most talkative level, has none of them.
func TestLogHasNoSecrets(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		const secret = "S3cr3t" // in every secret of this test
		password := secret + "-pässword"
		s := canopy("serve", "--log-level", "debug").in(at).with("CANOPY_ADMIN_PASSWORD", password).
			with("CANOPY_SERVER_KEY", secret+strings.Repeat("k", 32)).serve(t)
		admin := s.as("admin", password)
		token := s.signIn(t, "admin", password)
		var secrets []string
		for _, header := range []string{admin.header.Get("Authorization"), token} {
			secrets = append(secrets, header, strings.TrimPrefix(header, "Basic "))
		}
		secrets = append(secrets, secret, strings.ToLower(secret), strings.ToUpper(secret), "argon2id",
			strings.Split(token, ".")[2])

		send := func(c caller, method, path string, body any) {
			_, err := c.send(method, path, body)
			require.NoError(t, err)
		}
		nobody := s.anonymous()
		for _, c := range []caller{admin, s.bearing(token), nobody.with("token", token), nobody.with("Authorization", token),
			s.as("admin", secret+"wrong"), s.as(secret+"nobody", secret), s.bearing(secret), nobody.with("token", secret),
			nobody.with("Authorization", "Digest "+secret), nobody.with("Authorization", "Basic "+secret+"%"),
			nobody.with("Cookie", "token="+secret),
			nobody.with("Referer", "http://x/?token="+secret), nobody.with("X-Request-Id", secret+" ."),
			admin.with("X-Environment", secret)} {
			send(c, "GET", "/rest/users?q="+secret, nil)
			send(c, "GET", "/rest/users?"+secret+"="+secret, nil)
			send(c, "GET", "/rest/users/"+secret+"?token="+secret, nil)
			send(c, "GET", "/rest/explain?user="+secret+"&permission="+secret, nil)
			send(c, "GET", "/"+secret+"?"+secret, nil)
			send(c, "BREW", "/rest/users?"+secret, nil)
		}
		for _, body := range []any{fields{"user": "admin", "password": secret},
			fields{"user": secret, "password": secret, "env": secret},
			fields{secret: secret}, "{\"password\": \"" + secret, secret, fields{"password": fields{"x": secret}}} {
			send(nobody, "POST", "/auth?password="+secret, body)
			send(admin, "POST", "/rest/users?password="+secret, body)
			send(admin, "POST", "/rest/me/password?password="+secret, body)
		}
		send(nobody.with("login", "admin").with("password", secret), "POST", "/auth", nil)
		send(admin, "POST", "/rest/users", newUser("ada", secret+"1"))
		send(admin, "POST", "/rest/users", newUser("ada", secret+"2"))
		send(admin, "POST", "/rest/users/2", fields{"password": secret + "3"})
		send(s.as("ada", secret+"3"), "POST", "/rest/me/password",
			fields{"oldPassword": secret + "3", "newPassword": secret + "4 and some words"})
		for _, broken := range []string{
			"GET /rest/users?" + secret + " HTTP/1.1\nHost: x\nAuthorization: Bearer " + secret + "\nno colon " + secret +
				"\n\n",
			"GET /rest/users?" + secret + " HTTP/1.1\nHost: x\nHost: y\nAuthorization: Bearer " + token + "\n\n",
			"GET /rest/users?" + secret + " HTTP/1.1\nHost: x\nAuthorization: Bearer " + token + "\nX: " +
				strings.Repeat("x", 20_000) + "\n\n",
			"POST /auth?" + secret + " HTTP/1.1\nHost: x\nContent-Length: 5x\n\n" + secret,
			"POST /auth?" + secret + " HTTP/1.1\nHost: x\nContent-Length: 50000000\n\n" + secret,
			"POST /auth?" + secret + " HTTP/1.1\nHost: x\nContent-Length: 5\nTransfer-Encoding: chunked\n\n" + secret,
			"POST /auth?" + secret + " HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n" + secret,
			secret + " /" + secret + " " + secret + "\n\n",
		} {
			c := s.dial(t)
			_, err := io.WriteString(c, strings.ReplaceAll(broken, "\n", "\r\n"))
			require.NoError(t, err)
			_, _ = io.Copy(io.Discard, c)
		}
		short := s.dial(t)
		_, err := io.WriteString(short, "POST /auth?"+secret+" HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n"+secret)
		require.NoError(t, err)
		require.NoError(t, short.Close())

		s.stop(t)
		require.Greater(t, len(s.requestLines(t)), 90)
		for _, text := range secrets {
			require.NotContains(t, s.err.String()+s.out.String(), text)
		}
	})
}

func TestLogLevel(t *testing.T) {
	t.Parallel()
	s := serve(t, inSQLite(t), "--log-level", "error")
	s.admin().get(t, "/rest/users").ok(t)
	s.admin().get(t, "/rest/nowhere").is(t, http.StatusNotFound)
	s.stop(t)
	require.Empty(t, s.err.String())
}

// The log says when the server began and ended, and what it is.
func TestLogOfAStartAndAStop(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := serve(t, at)
		s.stop(t)
		require.Regexp(t, `"msg":"started","version":"[^"]+","address":"`+s.address+`","engine":"(sqlite|postgres)"`,
			s.err.String())
		require.Regexp(t, `"msg":"stopping"`, s.err.String())
		require.Regexp(t, `"msg":"stopped"`, s.err.String())
	})
}
