package app_test

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/surface/console"
	"canopy/domain"
	"canopy/persistence/db"
	"canopy/persistence/faultdb"
)

// asking is a directory about whose tokens programs ask, on two servers.
type asking struct {
	*running
	second *running
	clock  *clock
	cfg    app.Config
}

// onTokens runs a test on a directory of its own on each engine.
func onTokens(t *testing.T, test func(t *testing.T, a *asking)) {
	eachEngine(t, func(t *testing.T, engine string) {
		c := newClock(storyBegins)
		cfg := fixtureSettings(t, engine, "oauth", c)
		test(t, &asking{serve(t, cfg), serve(t, cfg), c, cfg})
	})
}

func (r *running) signedIn(t *testing.T, login string, kind domain.SessionKind) accounts.SignedIn {
	t.Helper()
	in, err := r.directory.Sessions.SignIn(t.Context(), accounts.SignIn{Login: login, Password: "secret1", Kind: kind})
	require.NoError(t, err)
	return in
}

// form sends a token as a form to an address of the surface, as somebody with that login name.
func (r *running) form(t *testing.T, login, path, token string) *reply {
	t.Helper()
	c := client{address: r.host()}
	defer c.close()
	body := url.Values{"token": {token}}.Encode()
	got, err := c.send(fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", path,
		base64.StdEncoding.EncodeToString([]byte(login+":secret1")), len(body), body), "POST")
	require.NoError(t, err)
	return got
}

// active reports whether somebody is told that a token is good.
func (r *running) active(t *testing.T, login, token string) bool {
	t.Helper()
	got := r.form(t, login, "/oauth/introspect", token)
	require.Equal(t, "200 OK", got.status, "%s", got.body)
	if string(got.body) == `{"active":false}` {
		return false
	}
	require.Contains(t, string(got.body), `{"active":true,`)
	return true
}

func (r *running) revoke(t *testing.T, login, token string) {
	t.Helper()
	got := r.form(t, login, "/oauth/revoke", token)
	require.Equal(t, "200 OK", got.status, "%s", got.body)
	require.Empty(t, got.body)
}

// works reports whether a token is taken at rest.
func (r *running) works(t *testing.T, token string) bool {
	t.Helper()
	status, _ := caller{r.Address(), map[string]string{"Authorization": "Bearer " + token}}.
		call(t, "GET", "/rest/me", "")
	require.Contains(t, []int{200, 401}, status)
	return status == 200
}

// mayAsk says who may ask about the tokens of others in the fixture, besides their own.
var mayAsk = map[string][]string{
	"superUser":  {"acme.admin", "acme.power", "acme.user", "bolt.admin", "bolt.user"},
	"acme.admin": {"acme.power", "acme.user"},
	"acme.power": {"acme.user"}, "acme.user": nil,
	"bolt.admin": {"bolt.user"}, "bolt.user": nil,
}

// TestTokensAreAskedAboutAndEnded holds who is told what a token is worth and may end it, and that what has ended is
// refused on every server at once, with everything else of its session.
func TestTokensAreAskedAboutAndEnded(t *testing.T) {
	onTokens(t, func(t *testing.T, a *asking) {
		for _, asker := range slices.Sorted(maps.Keys(mayAsk)) {
			for _, owner := range slices.Sorted(maps.Keys(mayAsk)) {
				may := asker == owner || slices.Contains(mayAsk[asker], owner)
				what := asker + " asks about " + owner
				whole, pair := a.signedIn(t, owner, domain.TokenSession), a.signedIn(t, owner, domain.RefreshSession)
				another := a.signedIn(t, owner, domain.RefreshSession)
				for _, token := range []string{whole.Access, pair.Access, pair.Refresh} {
					require.Equal(t, may, a.active(t, asker, token), what)
					require.Equal(t, may, a.second.active(t, asker, token), what)
				}

				a.revoke(t, asker, whole.Access)
				a.revoke(t, asker, pair.Refresh)
				a.revoke(t, asker, another.Access)
				for _, server := range []*running{a.second, a.running} {
					for _, token := range []string{whole.Access, pair.Access, another.Access} {
						require.Equal(t, !may, server.works(t, token), what)
						require.Equal(t, !may, server.active(t, owner, token), what)
					}
					require.Equal(t, !may, server.active(t, owner, another.Refresh), what)
				}
				for _, ended := range []accounts.SignedIn{pair, another} {
					_, err := a.second.directory.Sessions.Refresh(t.Context(), accounts.Refresh{Token: ended.Refresh})
					require.Equal(t, may, domain.ErrBadRefresh.Is(err), "%s: %v", what, err)
				}
			}
		}
	})
}

// TestEndingATokenIsInTheTrail holds that the audit trail says who ended the session of whom.
func TestEndingATokenIsInTheTrail(t *testing.T) {
	onTokens(t, func(t *testing.T, a *asking) {
		for _, asker := range []string{"acme.admin", "acme.user"} {
			in := a.signedIn(t, "acme.user", domain.TokenSession)
			a.revoke(t, asker, in.Access)
			a.revoke(t, asker, in.Access)
			a.revoke(t, "bolt.admin", in.Access)
			status, answer := basicCaller(a.Address(), "acme.admin", "secret1").
				call(t, "GET", "/rest/audit?action=session:end", "")
			require.Equal(t, 200, status)
			entry := answer.each(t, "data")[0]
			require.Equal(t, asker, entry.find(t, "actor"))
			require.Contains(t, fmt.Sprint(entry.value), string(in.Session.ID))
		}
	})
}

// TestTokensAreWorthNothingWithoutTheAccount holds that an admin is told when somebody's tokens are refused for what
// became of the account or of time.
func TestTokensAreWorthNothingWithoutTheAccount(t *testing.T) {
	onTokens(t, func(t *testing.T, a *asking) {
		ctx := t.Context()
		operator, err := a.directory.Operator(ctx)
		require.NoError(t, err)
		whole, pair := a.signedIn(t, "acme.user", domain.TokenSession), a.signedIn(t, "acme.user", domain.RefreshSession)
		expect := func(active bool, why string) {
			t.Helper()
			for _, token := range []string{whole.Access, pair.Access, pair.Refresh} {
				require.Equal(t, active, a.second.active(t, "acme.admin", token), why)
			}
		}
		change := func(patch directory.UserPatch) {
			t.Helper()
			_, err := a.directory.Users.Update(ctx, operator,
				directory.UpdateUser{User: domain.UserRef{ID: whole.Principal.User}, UserPatch: patch})
			require.NoError(t, err)
		}
		no, yes, password := false, true, "secret1"
		expect(true, "at first")
		change(directory.UserPatch{Active: &no})
		expect(false, "the account is blocked")
		change(directory.UserPatch{Active: &yes})
		expect(true, "it is not any more")
		change(directory.UserPatch{Password: &password})
		expect(false, "a new password")

		pair = a.signedIn(t, "acme.user", domain.RefreshSession)
		a.clock.set(pair.Expires)
		require.False(t, a.active(t, "acme.admin", pair.Access), "an hour has passed")
		require.True(t, a.active(t, "acme.admin", pair.Refresh))
		a.clock.set(pair.Session.Expires)
		require.False(t, a.active(t, "acme.admin", pair.Refresh), "nobody has refreshed it")
	})
}

// oldToken returns a token as servers signed it before there were public keys.
func (a *asking) oldToken(t *testing.T, in accounts.SignedIn) string {
	t.Helper()
	keys, err := a.directory.SigningKeys.List(t.Context())
	require.NoError(t, err)
	root, err := hkdf.Key(sha256.New, []byte(a.cfg.ServerKey), nil, "canopy tokens", 64)
	require.NoError(t, err)
	key, err := hkdf.Key(sha512.New, root, nil, "canopy signing key "+keys[0].ID, 64)
	require.NoError(t, err)
	token := jwt.NewWithClaims(jwt.SigningMethodHS512, jwt.MapClaims{
		"id": strconv.Itoa(int(in.Principal.User)), "env": in.Environment.Alias, "time": in.Expires.UnixMilli(),
		"org": int64(in.Principal.Organization), "envid": int64(in.Environment.ID), "sid": in.Session.ID,
		"sub": in.Principal.Alias, "iat": a.clock.now().Unix(), "exp": in.Expires.Unix()})
	token.Header["kid"] = keys[0].ID
	text, err := token.SignedString(key)
	require.NoError(t, err)
	return text
}

// TestTokensOfBeforeAreGood holds that what was signed before there were public keys is good until it expires.
func TestTokensOfBeforeAreGood(t *testing.T) {
	onTokens(t, func(t *testing.T, a *asking) {
		in := a.signedIn(t, "acme.admin", domain.TokenSession)
		old := a.oldToken(t, in)
		require.True(t, a.works(t, old))
		status, _ := caller{a.Address(), map[string]string{"Authorization": old}}.call(t, "GET", "/users", "")
		require.Equal(t, 200, status, "at tellius")
		require.True(t, a.active(t, "acme.admin", old))
		require.Contains(t, string(a.form(t, "acme.admin", "/oauth/introspect", old).body),
			`"aud":["rest","tellius","oauth"]`)
		a.clock.set(in.Expires.Add(-time.Second))
		require.True(t, a.works(t, old))
		a.clock.set(in.Expires)
		require.False(t, a.works(t, old))

		again := a.oldToken(t, a.signedIn(t, "acme.admin", domain.TokenSession))
		a.revoke(t, "acme.admin", again)
		require.False(t, a.second.works(t, again))
	})
}

// TestWhatIsNoGoodTokenIsAnsweredAlike holds that everything that is not a good token of the caller's or of somebody
// they may ask about is answered with the same bytes and headers, and that revoking it ends nothing.
func TestWhatIsNoGoodTokenIsAnsweredAlike(t *testing.T) {
	onTokens(t, func(t *testing.T, a *asking) {
		ctx := t.Context()
		tokens := a.directory.Tokens()
		in, pair := a.signedIn(t, "acme.user", domain.TokenSession), a.signedIn(t, "acme.user", domain.RefreshSession)
		cookie := a.signedIn(t, "acme.user", domain.CookieSession)
		used := a.signedIn(t, "acme.user", domain.RefreshSession)
		renewed, err := a.directory.Sessions.Refresh(ctx, accounts.Refresh{Token: used.Refresh})
		require.NoError(t, err)
		keys, err := a.directory.SigningKeys.List(ctx)
		require.NoError(t, err)
		ofCookie, err := tokens.Issue(domain.AccessToken{Session: cookie.Session.SessionKey, Key: keys[0].ID,
			Environment: cookie.Environment, Expires: cookie.Expires})
		require.NoError(t, err)
		unknownKey, err := tokens.Issue(domain.AccessToken{Session: in.Session.SessionKey, Key: "0123456789abcdef",
			Environment: in.Environment, Expires: in.Expires})
		require.NoError(t, err)
		expired, err := tokens.Issue(domain.AccessToken{Session: in.Session.SessionKey, Key: keys[0].ID,
			Environment: in.Environment, Expires: a.clock.now()})
		require.NoError(t, err)
		another, _ := tokens.NewSecret(domain.RefreshSession, pair.Session.SessionKey, 0)
		parts := strings.Split(in.Access, ".")
		theirs := a.signedIn(t, "bolt.user", domain.RefreshSession)
		ended := a.signedIn(t, "bolt.user", domain.TokenSession)
		require.NoError(t, a.directory.Sessions.SignOut(ctx, ended.Principal))
		key, err := a.directory.APIKeys.Create(ctx, in.Principal, accounts.OfUser[accounts.NewAPIKey]{In: accounts.NewAPIKey{Name: "a program"}})
		require.NoError(t, err)

		var sessions []string
		for _, of := range []accounts.SignedIn{in, pair, cookie, renewed, theirs} {
			sessions = append(sessions, string(of.Session.ID))
		}
		unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt","kid":"ed25519-`+keys[0].ID+
			`"}`)) + "." + parts[1] + "."
		for name, token := range map[string]string{
			"nonsense": "x", "white space": " ", "dots": "..", "a long text": strings.Repeat("x", 900_000),
			"a long token": in.Access + strings.Repeat("A", 8<<10), "letters of another kind": "é漢" + in.Access,
			"a token with a space": in.Access + " ", "the word before it": "Bearer " + in.Access,
			"unsigned": unsigned, "half a token": parts[0] + "." + parts[1],
			"a cookie": cookie.Cookie, "its token against forgery": cookie.CSRF, "a token of a cookie's session": ofCookie,
			"an API key": string(key.Text), "a refresh token that was used": used.Refresh,
			"a refresh token that never counted": another, "a key that is not kept": unknownKey, "expired": expired,
			"somebody else's token": theirs.Access, "somebody else's refresh token": theirs.Refresh,
			"somebody else's token that has ended": ended.Access,
		} {
			got := a.form(t, "acme.user", "/oauth/introspect", token)
			require.Equal(t, "200 OK", got.status, name)
			require.Equal(t, `{"active":false}`, string(got.body), name)
			got.header.Del("X-Request-Id")
			got.header.Del("Date")
			require.Equal(t, map[string][]string{"Content-Type": {"application/json"}, "Content-Length": {"16"},
				"Cache-Control": {"no-store"}, "X-Content-Type-Options": {"nosniff"}}, map[string][]string(got.header), name)
			switch name {
			case "a refresh token that was used", "a refresh token that never counted", "a key that is not kept",
				"a token of a cookie's session":
				continue // these are of the caller's own sessions, and end them
			}
			a.revoke(t, "acme.user", token)
		}
		var left []string
		rows, err := a.directory.DB.Pool().QueryContext(ctx, "SELECT id FROM sessions")
		require.NoError(t, err)
		defer rows.Close()
		for rows.Next() {
			var id string
			require.NoError(t, rows.Scan(&id))
			left = append(left, id)
		}
		require.NoError(t, rows.Err())
		require.ElementsMatch(t, sessions, left)
		require.True(t, a.works(t, in.Access), "asking about a token ends nothing")

		a.revoke(t, "acme.user", used.Refresh)
		require.False(t, a.works(t, renewed.Access), "a refresh token of before names its session too")
	})
}

// TestAskingCostsTheSame holds that whether somebody else's session is alive, or a text is a token at all, makes no
// difference to what is asked of the database.
func TestAskingCostsTheSame(t *testing.T) {
	faults, err := faultdb.New(false)
	require.NoError(t, err)
	c := newClock(storyBegins)
	cfg := fixtureSettings(t, "sqlite", "oauth", c)
	database, err := db.OpenSQLite(filepath.Join(cfg.Data, "canopy.db"), db.Through(faults.Connector, faults.Hot))
	require.NoError(t, err)
	database.Now, cfg.Log = cfg.Now, slog.New(slog.DiscardHandler)
	r := serveOver(t, cfg, database)
	alive, ended := r.signedIn(t, "bolt.user", domain.TokenSession), r.signedIn(t, "bolt.user", domain.TokenSession)
	pair := r.signedIn(t, "bolt.user", domain.RefreshSession)
	require.NoError(t, r.directory.Sessions.SignOut(t.Context(), ended.Principal))
	mine := r.signedIn(t, "acme.admin", domain.TokenSession)
	statements := func(login, path, token string) []string {
		for range 2 { // the first notes a sign-in, and the second remembers who asks
			r.form(t, login, path, token)
		}
		done := faults.Follow(faultdb.Plan{})
		r.form(t, login, path, token)
		return done().Statements
	}
	for _, login := range []string{"acme.admin", "acme.power", "acme.user"} {
		for _, path := range []string{"/oauth/introspect", "/oauth/revoke"} {
			want := statements(login, path, "nonsense")
			require.NotEmpty(t, want)
			for name, token := range map[string]string{"alive": alive.Access, "ended": ended.Access, "refresh": pair.Refresh} {
				require.Equal(t, want, statements(login, path, token), "%s: %s: %s", login, path, name)
			}
		}
	}
	require.True(t, r.works(t, alive.Access))
	require.True(t, r.active(t, "acme.admin", mine.Access))
	require.NotEqual(t, statements("acme.admin", "/oauth/introspect", "nonsense"),
		statements("acme.admin", "/oauth/introspect", mine.Access), "statements are told apart")
}

// fetch reads a public document.
func fetch(t *testing.T, address string, into any) {
	t.Helper()
	base, path, _ := strings.Cut(strings.TrimPrefix(address, "http://"), "/")
	c := client{address: base}
	defer c.close()
	got, err := c.send([]byte("GET /"+path+" HTTP/1.1\r\nHost: x\r\n\r\n"), "GET")
	require.NoError(t, err)
	require.Equal(t, "200 OK", got.status, address)
	require.NoError(t, json.Unmarshal(got.body, into))
}

// program is somebody who knows nothing but the address of a server and what the standards say.
type program struct {
	issuer string
	keys   map[string]ed25519.PublicKey
}

// accepts checks a token as the description tells programs to.
func (p *program) accepts(t *testing.T, token, surface string) bool {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	var header struct{ Alg, Typ, Kid string }
	var claims struct {
		Iss string
		Aud []string
	}
	for i, into := range []any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, into))
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	require.NoError(t, err)
	key, known := p.keys[header.Kid]
	return known && header.Alg == "EdDSA" && header.Typ == "at+jwt" && claims.Iss == p.issuer &&
		slices.Contains(claims.Aud, surface) && ed25519.Verify(key, []byte(parts[0]+"."+parts[1]), signature)
}

// TestProgramsCheckTokensAlone follows a program through the life of the keys.
func TestProgramsCheckTokensAlone(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		c := newClock(storyBegins)
		cfg := fixtureSettings(t, engine, "oauth", c)
		cfg.PublicURL = "https://canopy.example/people/"
		r := serve(t, cfg)
		ask := func() *program {
			t.Helper()
			p := &program{}
			for _, path := range []string{"", "/people"} {
				var says map[string]any
				fetch(t, r.Address()+"/.well-known/oauth-authorization-server"+path, &says)
				require.Equal(t, "https://canopy.example/people", says["issuer"])
				require.Equal(t, "https://canopy.example/people/.well-known/jwks.json", says["jwks_uri"])
				require.Equal(t, "https://canopy.example/people/oauth/introspect", says["introspection_endpoint"])
			}
			var set struct{ Keys []map[string]string }
			fetch(t, r.Address()+"/.well-known/jwks.json", &set)
			p.issuer, p.keys = "https://canopy.example/people", map[string]ed25519.PublicKey{}
			for _, k := range set.Keys {
				p.keys[k["kid"]], _ = base64.RawURLEncoding.DecodeString(k["x"])
			}
			return p
		}
		first := r.signedIn(t, "acme.user", domain.TokenSession).Access
		before := ask()
		require.Len(t, before.keys, 1)
		require.True(t, before.accepts(t, first, "rest"))
		require.False(t, before.accepts(t, first, "axway"))

		_, err := r.directory.SigningKeys.Rotate(t.Context())
		require.NoError(t, err)
		second := r.signedIn(t, "acme.user", domain.TokenSession).Access
		require.False(t, before.accepts(t, second, "rest"), "a new key is not known yet")
		after := ask()
		require.Len(t, after.keys, 2)
		require.True(t, after.accepts(t, first, "rest"))
		require.True(t, after.accepts(t, second, "rest"))

		c.set(c.now().Add(365*24*time.Hour + time.Second))
		require.Len(t, ask().keys, 1, "a key goes with its last token")

		third := r.signedIn(t, "acme.user", domain.TokenSession).Access
		_, err = r.directory.SigningKeys.Revoke(t.Context())
		require.NoError(t, err)
		require.False(t, ask().accepts(t, third, "rest"), "a revoked key is gone at once")
		require.False(t, r.works(t, third))
		require.True(t, ask().accepts(t, r.signedIn(t, "acme.user", domain.TokenSession).Access, "rest"))

		cfg.PublicURL = "https://elsewhere.example"
		moved := serve(t, cfg)
		fourth := r.signedIn(t, "acme.user", domain.TokenSession).Access
		require.True(t, r.works(t, fourth))
		require.False(t, moved.works(t, fourth), "a token of another issuer")
		cfg.PublicURL = ""
		require.True(t, serve(t, cfg).works(t, fourth), "who has no address of its own takes it")
	})
}

// TestTokenAddressesFollowTheSurface holds that the addresses are where the surface was put, and that a server
// without it says nothing of keys.
func TestTokenAddressesFollowTheSurface(t *testing.T) {
	begin := func(surfaces ...string) *running {
		cfg := fixtureSettings(t, "sqlite", "oauth", newClock(storyBegins))
		cfg.Surfaces = surfaces
		return serve(t, cfg)
	}
	status := func(r *running, path string) string {
		c := client{address: r.host()}
		defer c.close()
		got, err := c.send([]byte("GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"), "GET")
		require.NoError(t, err)
		return got.status
	}
	moved := begin("rest", "oauth=/tokens")
	require.Equal(t, "404 Not Found", status(moved, "/.well-known/jwks.json"))
	require.Equal(t, "404 Not Found", status(moved, "/oauth/introspect"))
	require.Equal(t, "405 Method Not Allowed", status(moved, "/tokens/oauth/introspect"))
	var says map[string]any
	fetch(t, moved.Address()+"/tokens/.well-known/oauth-authorization-server", &says)
	require.Equal(t, "http://127.0.0.1:0", says["issuer"])
	require.Equal(t, "http://127.0.0.1:0/tokens/.well-known/jwks.json", says["jwks_uri"])
	require.Equal(t, "http://127.0.0.1:0/tokens/oauth/introspect", says["introspection_endpoint"])
	require.Equal(t, "http://127.0.0.1:0/tokens/oauth/revoke", says["revocation_endpoint"])
	in := moved.signedIn(t, "acme.user", domain.TokenSession)
	require.Contains(t, string(moved.form(t, "acme.user", "/tokens/oauth/introspect", in.Access).body), `"active":true`)

	without := begin("rest")
	require.Equal(t, "404 Not Found", status(without, "/.well-known/jwks.json"))
	require.Equal(t, "404 Not Found", status(without, "/oauth/introspect"))
	require.True(t, without.works(t, without.signedIn(t, "acme.user", domain.TokenSession).Access))
	require.Equal(t, "404 Not Found", status(begin(), "/.well-known/oauth-authorization-server/people"),
		"the address has no path")
}

// TestAskingIsNoChange holds that a program may ask more often than anybody may change something.
func TestAskingIsNoChange(t *testing.T) {
	cfg := fixtureSettings(t, "sqlite", "oauth", newClock(storyBegins))
	cfg.WriteRate = 1
	r := serve(t, cfg)
	in := r.signedIn(t, "acme.user", domain.TokenSession)
	for range 30 {
		require.True(t, r.active(t, "acme.user", in.Access))
	}
	refused := 0
	for range 30 {
		if r.form(t, "acme.user", "/oauth/revoke", "nonsense").status == "429 Too Many Requests" {
			refused++
		}
	}
	require.Positive(t, refused, "revoking is one")
}

// TestNarrowedKeysGetAtNoSession holds that a program whose key is narrowed neither learns of the sessions of whom it
// acts for nor ends them.
func TestNarrowedKeysGetAtNoSession(t *testing.T) {
	onTokens(t, func(t *testing.T, a *asking) {
		in := a.signedIn(t, "acme.admin", domain.TokenSession)
		all := domain.AllPermissions
		key, err := a.directory.APIKeys.Create(t.Context(), in.Principal,
			accounts.OfUser[accounts.NewAPIKey]{In: accounts.NewAPIKey{Name: "narrow", Mask: &all}})
		require.NoError(t, err)
		program := caller{a.Address(), map[string]string{"apiKey": string(key.Text),
			"Content-Type": "application/x-www-form-urlencoded"}}
		status, answer := program.call(t, "POST", "/oauth/introspect", "token="+in.Access)
		require.Equal(t, 200, status)
		require.Equal(t, map[string]any{"active": false}, answer.value)
		status, _ = program.call(t, "POST", "/oauth/revoke", "token="+in.Access)
		require.Equal(t, 200, status)
		require.True(t, a.works(t, in.Access))
		require.True(t, a.active(t, "acme.admin", in.Access), "who acts for themselves is told")
	})
}

// TestProgramsAskWithKeysAndTokens holds which credentials say who asks.
func TestProgramsAskWithKeysAndTokens(t *testing.T) {
	onTokens(t, func(t *testing.T, a *asking) {
		in := a.signedIn(t, "acme.user", domain.RefreshSession)
		key, err := a.directory.APIKeys.Create(t.Context(), in.Principal, accounts.OfUser[accounts.NewAPIKey]{In: accounts.NewAPIKey{Name: "a program"}})
		require.NoError(t, err)
		cookie := a.signedIn(t, "acme.user", domain.CookieSession)
		for name, tt := range map[string]struct {
			header, value string
			want          int
		}{
			"a key":               {"apiKey", string(key.Text), 200},
			"a key as a token":    {"Authorization", "Bearer " + string(key.Text), 200},
			"a token":             {"Authorization", "Bearer " + in.Access, 200},
			"a refresh token":     {"Authorization", "Bearer " + in.Refresh, 401},
			"a cookie as a token": {"Authorization", "Bearer " + cookie.Cookie, 401},
			"a cookie":            {"Cookie", console.SessionCookie + "=" + cookie.Cookie, 401},
			"a key that is none":  {"apiKey", "nonsense", 401},
			"another scheme":      {"Authorization", "Digest x", 401},
		} {
			status, answer := caller{a.Address(), map[string]string{tt.header: tt.value,
				"Content-Type": "application/x-www-form-urlencoded"}}.
				call(t, "POST", "/oauth/introspect", "token="+in.Access)
			require.Equal(t, tt.want, status, name)
			if status == 200 {
				require.Equal(t, true, answer.find(t, "active"), name)
			}
		}
	})
}
