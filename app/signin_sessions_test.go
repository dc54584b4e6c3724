package app_test

import (
	"context"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"canopy/app/accounts"
	"canopy/app/authn"
	"canopy/app/directory"
	"canopy/domain"
)

// signing is a directory in which user1 of the fixture signs in.
type signing struct {
	*running
	clock *clock
}

// onSessions runs a test on a directory of its own on each engine.
func onSessions(t *testing.T, test func(t *testing.T, d *signing)) {
	eachEngine(t, func(t *testing.T, engine string) {
		c := newClock(storyBegins)
		test(t, &signing{serveFixture(t, engine, "rest", c), c})
	})
}

func (d *signing) pass(by time.Duration) { d.clock.set(d.clock.now().Add(by)) }

func (d *signing) in(t *testing.T, kind domain.SessionKind) accounts.SignedIn {
	t.Helper()
	s, err := d.directory.Sessions.SignIn(t.Context(),
		accounts.SignIn{Login: "user1", Password: "abcdef", Kind: kind, Address: "192.0.2.7", Client: "a test"})
	require.NoError(t, err)
	return s
}

func (d *signing) refresh(t *testing.T, token string) (accounts.SignedIn, error) {
	t.Helper()
	return d.directory.Sessions.Refresh(t.Context(),
		accounts.Refresh{Token: token, Address: "192.0.2.8", Client: "another"})
}

// bears reports whether the access token is good.
func (d *signing) bears(t *testing.T, token string) error {
	t.Helper()
	_, err := d.find(t, map[string]string{"Authorization": "Bearer " + token}, "", "GET")
	return err
}

const cookieName, csrfHeader = "APIMANAGERSESSION", "CSRF-Token"

// find asks who sends a request with headers and a cookie.
func (d *signing) find(t *testing.T, headers map[string]string, cookie, method string) (domain.Principal, error) {
	t.Helper()
	finder := authn.First(d.directory.Passwords(), d.directory.Activity(), d.directory.Demands().Refuse,
		authn.Bearer(d.directory.Tokens(), "rest"),
		authn.Cookie(d.directory.Tokens(), cookieName, csrfHeader))
	return finder(t.Context(), authn.Request{
		Header: func(name string) string { return headers[name] },
		Cookie: func(name string) string { return map[string]string{cookieName: cookie}[name] },
		Method: method, Address: "192.0.2.7",
	})
}

func TestRefreshTokensRotate(t *testing.T) {
	onSessions(t, func(t *testing.T, d *signing) {
		first := d.in(t, domain.RefreshSession)
		require.NoError(t, d.bears(t, first.Access))
		require.Equal(t, d.clock.now().Add(time.Hour), first.Expires)
		d.pass(time.Hour)
		require.ErrorIs(t, d.bears(t, first.Access), domain.ErrUnauthenticated, "an access token lasts for an hour")

		second, err := d.refresh(t, first.Refresh)
		require.NoError(t, err)
		require.NoError(t, d.bears(t, second.Access))
		require.NotEqual(t, first.Refresh, second.Refresh)
		require.Equal(t, first.Session.ID, second.Session.ID)
		require.Equal(t, first.Environment, second.Environment)

		shown, err := d.directory.Sessions.List(t.Context(), second.Principal, domain.UserRef{})
		require.NoError(t, err)
		require.Len(t, shown, 1)
		require.True(t, shown[0].Current)
		require.Equal(t, d.clock.now(), shown[0].LastUsed)
		require.Equal(t, "another", shown[0].Client)
		require.Equal(t, "192.0.2.8", shown[0].Network)

		third, err := d.refresh(t, second.Refresh)
		require.NoError(t, err)
		require.NoError(t, d.bears(t, third.Access))
	})
}

// A client that repeats a request gets nothing, and loses nothing.
func TestRefreshRepeatedAtOnceIsHarmless(t *testing.T) {
	onSessions(t, func(t *testing.T, d *signing) {
		first := d.in(t, domain.RefreshSession)
		second, err := d.refresh(t, first.Refresh)
		require.NoError(t, err)
		d.pass(domain.RepeatWithin - time.Millisecond)
		_, err = d.refresh(t, first.Refresh)
		require.ErrorIs(t, err, domain.ErrRefreshRepeated)
		require.NoError(t, d.bears(t, second.Access))
		_, err = d.refresh(t, second.Refresh)
		require.NoError(t, err)
	})
}

// Whoever of thief and owner comes second ends the session for both.
func TestRefreshTokenTheft(t *testing.T) {
	for name, steal := range map[string]func(t *testing.T, d *signing, first, second accounts.SignedIn) string{
		"the last one, later": func(t *testing.T, d *signing, first, second accounts.SignedIn) string {
			d.pass(domain.RepeatWithin)
			return first.Refresh
		},
		"one before the last, at once": func(t *testing.T, d *signing, first, second accounts.SignedIn) string {
			_, err := d.refresh(t, second.Refresh)
			require.NoError(t, err)
			return first.Refresh
		},
		"one of long ago": func(t *testing.T, d *signing, first, second accounts.SignedIn) string {
			next := second
			for range 5 {
				var err error
				d.pass(24 * time.Hour)
				next, err = d.refresh(t, next.Refresh)
				require.NoError(t, err)
			}
			return first.Refresh
		},
	} {
		t.Run(name, func(t *testing.T) {
			onSessions(t, func(t *testing.T, d *signing) {
				other := d.in(t, domain.RefreshSession)
				first := d.in(t, domain.RefreshSession)
				second, err := d.refresh(t, first.Refresh)
				require.NoError(t, err)
				stolen := steal(t, d, first, second)

				_, err = d.refresh(t, stolen)
				require.ErrorIs(t, err, domain.ErrRefreshReused)
				_, err = d.refresh(t, second.Refresh)
				require.ErrorIs(t, err, domain.ErrBadRefresh, "the whole family is void")
				require.ErrorIs(t, d.bears(t, second.Access), domain.ErrUnauthenticated)
				_, err = d.refresh(t, other.Refresh)
				require.NoError(t, err, "another session of the user goes on")

				who, err := d.directory.Operator(t.Context())
				require.NoError(t, err)
				trail, err := d.directory.Audit.List(t.Context(), who,
					directory.ListAudit{Environment: "/", Filter: domain.AuditFilter{Action: "session:end"}})
				require.NoError(t, err)
				var told []domain.AuditEntry
				for entry, err := range trail.Items {
					require.NoError(t, err)
					told = append(told, entry.AuditEntry)
				}
				require.Len(t, told, 1)
				require.Equal(t, "(refresh token used twice)", told[0].Actor.Alias)
				require.Equal(t, []domain.Change{{Field: "session", Before: string(first.Session.ID)}}, told[0].Changes)
			})
		})
	}
}

func TestRefreshAtTheSameTime(t *testing.T) {
	onSessions(t, func(t *testing.T, d *signing) {
		token := d.in(t, domain.RefreshSession).Refresh
		for range 3 {
			var mu sync.Mutex
			var won []accounts.SignedIn
			var clients sync.WaitGroup
			for range 64 {
				clients.Go(func() {
					next, err := d.directory.Sessions.Refresh(context.Background(), accounts.Refresh{Token: token})
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						won = append(won, next)
					} else if !domain.ErrRefreshRepeated.Is(err) {
						t.Errorf("a loser got %v", err)
					}
				})
			}
			clients.Wait()
			require.Len(t, won, 1)
			require.NoError(t, d.bears(t, won[0].Access))
			token = won[0].Refresh
		}
		d.pass(domain.RepeatWithin)
		_, err := d.refresh(t, token)
		require.NoError(t, err, "the winner goes on")
	})
}

// TestAHundredSessionsAreKept holds that whoever signs in without an end does not fill the
// directory: the session that was unused for the longest time ends.
func TestAHundredSessionsAreKept(t *testing.T) {
	onSessions(t, func(t *testing.T, d *signing) {
		first := d.in(t, domain.TokenSession)
		for range 99 {
			d.pass(time.Second)
			d.in(t, domain.TokenSession)
		}
		require.NoError(t, d.bears(t, first.Access))
		d.pass(time.Second)
		last := d.in(t, domain.TokenSession)
		require.ErrorIs(t, d.bears(t, first.Access), domain.ErrUnauthenticated)
		require.NoError(t, d.bears(t, last.Access))
	})
}

func TestSessionsEndByThemselves(t *testing.T) {
	onSessions(t, func(t *testing.T, d *signing) {
		token, refresh, cookie := d.in(t, domain.TokenSession), d.in(t, domain.RefreshSession), d.in(t, domain.CookieSession)
		d.pass(59 * time.Minute)
		_, err := d.find(t, nil, cookie.Cookie, "GET")
		require.NoError(t, err)
		require.NoError(t, d.directory.RunJobs(t.Context()))
		d.pass(59 * time.Minute)
		_, err = d.find(t, nil, cookie.Cookie, "GET")
		require.NoError(t, err, "its use was noted")
		require.NoError(t, d.directory.RunJobs(t.Context()))
		d.pass(time.Hour)
		_, err = d.find(t, nil, cookie.Cookie, "GET")
		require.ErrorIs(t, err, domain.ErrUnauthenticated, "nobody used it for an hour")

		busy := d.in(t, domain.CookieSession)
		for range 11 {
			d.pass(time.Hour - time.Second)
			_, err = d.find(t, nil, busy.Cookie, "GET")
			require.NoError(t, err)
			require.NoError(t, d.directory.RunJobs(t.Context()))
		}
		d.pass(time.Hour - time.Second)
		_, err = d.find(t, nil, busy.Cookie, "GET")
		require.NoError(t, err)
		d.pass(12 * time.Second)
		_, err = d.find(t, nil, busy.Cookie, "GET")
		require.ErrorIs(t, err, domain.ErrUnauthenticated, "a cookie lasts for twelve hours")

		used, err := d.refresh(t, refresh.Refresh)
		require.NoError(t, err)
		d.pass(30 * 24 * time.Hour)
		_, err = d.refresh(t, used.Refresh)
		require.ErrorIs(t, err, domain.ErrBadRefresh, "nobody refreshed it for thirty days")

		require.NoError(t, d.bears(t, token.Access))
		again := d.in(t, domain.RefreshSession)
		for range 13 {
			d.pass(28 * 24 * time.Hour)
			again, err = d.refresh(t, again.Refresh)
			require.NoError(t, err)
		}
		require.Equal(t, again.Session.Created.AddDate(1, 0, 0), again.Session.Expires, "a year is the longest")
		require.ErrorIs(t, d.bears(t, token.Access), domain.ErrUnauthenticated)

		d.pass(2 * 24 * time.Hour)
		require.NoError(t, d.directory.RunJobs(t.Context()))
		var left int
		require.NoError(t, d.directory.DB.Pool().QueryRow("SELECT count(*) FROM sessions").Scan(&left))
		require.Zero(t, left, "the sweep leaves nothing behind")
	})
}

// Whatever ends an account's standing ends what its sessions gave out.
func TestSessionsEndWithTheAccount(t *testing.T) {
	onSessions(t, func(t *testing.T, d *signing) {
		ctx := t.Context()
		operator, err := d.directory.Operator(ctx)
		require.NoError(t, err)
		refused := func(t *testing.T, s [3]accounts.SignedIn) {
			t.Helper()
			require.ErrorIs(t, d.bears(t, s[0].Access), domain.ErrUnauthenticated)
			require.ErrorIs(t, d.bears(t, s[1].Access), domain.ErrUnauthenticated)
			_, err := d.refresh(t, s[1].Refresh)
			require.ErrorIs(t, err, domain.ErrBadRefresh)
			_, err = d.find(t, nil, s[2].Cookie, "GET")
			require.ErrorIs(t, err, domain.ErrUnauthenticated)
		}
		all := func(t *testing.T) [3]accounts.SignedIn {
			t.Helper()
			return [3]accounts.SignedIn{d.in(t, domain.TokenSession), d.in(t, domain.RefreshSession),
				d.in(t, domain.CookieSession)}
		}
		id := all(t)[0].Session.User
		no, yes, password := false, true, "abcdef"

		s := all(t)
		_, err = d.directory.Users.Update(ctx, operator,
			directory.UpdateUser{User: domain.UserRef{ID: id}, UserPatch: directory.UserPatch{Active: &no}})
		require.NoError(t, err)
		refused(t, s)
		_, err = d.directory.Users.Update(ctx, operator,
			directory.UpdateUser{User: domain.UserRef{ID: id}, UserPatch: directory.UserPatch{Active: &yes}})
		require.NoError(t, err)
		require.NoError(t, d.bears(t, s[0].Access), "an account that is given back has its sessions again")

		_, err = d.directory.Users.Update(ctx, operator,
			directory.UpdateUser{User: domain.UserRef{ID: id}, UserPatch: directory.UserPatch{Password: &password}})
		require.NoError(t, err)
		refused(t, s)

		s = all(t)
		require.NoError(t, d.directory.Sessions.SignOut(ctx, s[0].Principal))
		require.ErrorIs(t, d.bears(t, s[0].Access), domain.ErrUnauthenticated)
		require.NoError(t, d.bears(t, s[1].Access), "the others go on")
		require.NoError(t, d.directory.Sessions.SignOut(ctx, s[0].Principal), "which ended is no error")

		s = all(t)
		require.NoError(t, d.directory.Sessions.EndAll(ctx, operator, domain.UserRef{ID: id}))
		refused(t, s)

		s = all(t)
		require.NoError(t, d.directory.Users.Delete(ctx, operator, directory.DeleteUser{User: domain.UserRef{ID: id}}))
		refused(t, s)
		var left int
		require.NoError(t, d.directory.DB.Pool().QueryRow("SELECT count(*) FROM sessions").Scan(&left))
		require.Zero(t, left)
	})
}

func TestCookiesNeedTheirCSRFToken(t *testing.T) {
	onSessions(t, func(t *testing.T, d *signing) {
		mine, other := d.in(t, domain.CookieSession), d.in(t, domain.CookieSession)
		require.Equal(t, mine.CSRF, d.directory.Sessions.CSRF(mine.Principal))
		require.NotEqual(t, mine.CSRF, other.CSRF)
		require.Empty(t, mine.Access)
		for _, c := range []struct {
			method, csrf string
			want         error
		}{
			{"GET", "", nil}, {"HEAD", "", nil}, {"OPTIONS", "", nil}, {"GET", "nonsense", nil},
			{"POST", "", domain.ErrCSRF}, {"PUT", "", domain.ErrCSRF}, {"PATCH", "", domain.ErrCSRF},
			{"DELETE", "", domain.ErrCSRF},
			{"", "", domain.ErrCSRF}, {"get", "", domain.ErrCSRF}, {"TRACE", "", domain.ErrCSRF},
			{"POST", other.CSRF, domain.ErrCSRF}, {"POST", mine.CSRF[1:], domain.ErrCSRF},
			{"POST", mine.CSRF + "x", domain.ErrCSRF},
			{"POST", strings.ToUpper(mine.CSRF), domain.ErrCSRF}, {"POST", mine.Cookie, domain.ErrCSRF},
			{"POST", mine.CSRF, nil}, {"DELETE", mine.CSRF, nil},
		} {
			who, err := d.find(t, map[string]string{csrfHeader: c.csrf}, mine.Cookie, c.method)
			if c.want == nil {
				require.NoError(t, err, "%s %s", c.method, c.csrf)
				require.Equal(t, mine.Session.ID, who.Session)
				continue
			}
			require.ErrorIs(t, err, c.want, "%s %s", c.method, c.csrf)
			require.Zero(t, who, "a refused request has nobody behind it")
		}
		_, err := d.find(t, nil, "", "POST")
		require.ErrorIs(t, err, domain.ErrUnauthenticated)
		require.NotErrorIs(t, err, domain.ErrCSRF, "without a cookie nothing tells of one")
		_, err = d.find(t, map[string]string{"Authorization": "Bearer nonsense"}, mine.Cookie, "GET")
		require.ErrorIs(t, err, domain.ErrUnauthenticated, "what is sent on purpose counts")
	})
}

// Nobody can choose the session of somebody else's sign-in.
func TestSignInBeginsAnotherSession(t *testing.T) {
	onSessions(t, func(t *testing.T, d *signing) {
		for _, kind := range []domain.SessionKind{domain.TokenSession, domain.RefreshSession, domain.CookieSession} {
			one, two := d.in(t, kind), d.in(t, kind)
			require.NotEqual(t, one.Session.ID, two.Session.ID)
			require.Equal(t, kind != domain.TokenSession, one.Refresh+one.Cookie != two.Refresh+two.Cookie)
			require.NoError(t, d.directory.Sessions.SignOut(t.Context(), two.Principal))
		}
	})
}

// A secret that we might have made is good only if it is the one that the row stands for.
func TestSecretsAreThoseOfTheRow(t *testing.T) {
	onSessions(t, func(t *testing.T, d *signing) {
		refresh, cookie := d.in(t, domain.RefreshSession), d.in(t, domain.CookieSession)
		tokens := d.directory.Tokens()
		for name, text := range map[string]func() (string, domain.SecretHash){
			"another secret": func() (string, domain.SecretHash) {
				return tokens.NewSecret(domain.RefreshSession, refresh.Session.SessionKey, 0)
			},
			"a later one": func() (string, domain.SecretHash) {
				return tokens.NewSecret(domain.RefreshSession, refresh.Session.SessionKey, 1)
			},
			"of a cookie's session": func() (string, domain.SecretHash) {
				return tokens.NewSecret(domain.RefreshSession, cookie.Session.SessionKey, 0)
			},
		} {
			secret, _ := text()
			_, err := d.refresh(t, secret)
			require.ErrorIs(t, err, domain.ErrBadRefresh, name)
		}
		require.NoError(t, d.bears(t, refresh.Access), "which ends nothing")
		for name, k := range map[string]domain.SessionKey{"another secret": cookie.Session.SessionKey,
			"of a token's session": refresh.Session.SessionKey} {
			secret, _ := tokens.NewSecret(domain.CookieSession, k, 0)
			_, err := d.find(t, nil, secret, "GET")
			require.ErrorIs(t, err, domain.ErrUnauthenticated, name)
		}
		keys, err := d.directory.SigningKeys.List(t.Context())
		require.NoError(t, err)
		text, err := tokens.Issue(domain.AccessToken{Session: cookie.Session.SessionKey, Alias: cookie.Principal.Alias,
			Environment: cookie.Environment, Key: keys[0].ID, Expires: cookie.Expires})
		require.NoError(t, err)
		require.ErrorIs(t, d.bears(t, text), domain.ErrUnauthenticated, "a session with a cookie has no tokens")

		var hashes []string
		rows, err := d.directory.DB.Pool().QueryContext(t.Context(), "SELECT secret_hash FROM sessions")
		require.NoError(t, err)
		defer rows.Close()
		for rows.Next() {
			var hash string
			require.NoError(t, rows.Scan(&hash))
			hashes = append(hashes, hash)
		}
		require.NoError(t, rows.Err())
		require.Len(t, hashes, 2)
		for _, hash := range hashes {
			require.NotContains(t, refresh.Refresh+cookie.Cookie, hash, "what is stored opens nothing")
		}
	})
}

// What is not ours is refused, in whichever place of which other thing it comes, and without a
// look-up: the database is closed.
func TestForgedSecretsAreRefused(t *testing.T) {
	c := newClock(storyBegins)
	d := &signing{serveFixture(t, "sqlite", "rest", c), c}
	token, refresh, cookie := d.in(t, domain.TokenSession), d.in(t, domain.RefreshSession), d.in(t, domain.CookieSession)
	other := &signing{serveFixture(t, "sqlite", "rest", c), c}
	_, err := other.refresh(t, refresh.Refresh)
	require.ErrorIs(t, err, domain.ErrBadRefresh, "a session of another directory")
	require.ErrorIs(t, other.bears(t, token.Access), domain.ErrUnauthenticated)
	require.NoError(t, d.directory.DB.Close())

	forged := []string{"", "x", token.Access, cookie.Cookie, refresh.Refresh + "A", refresh.Refresh[1:], refresh.Refresh +
		"=", cookie.CSRF}
	raw, err := base64.RawURLEncoding.DecodeString(refresh.Refresh)
	require.NoError(t, err)
	for i := range raw {
		changed := append([]byte(nil), raw...)
		changed[i] ^= 1
		forged = append(forged, base64.RawURLEncoding.EncodeToString(changed))
	}
	for _, text := range forged {
		_, err := d.refresh(t, text)
		require.ErrorIs(t, err, domain.ErrBadRefresh, text)
	}
	for _, text := range []string{token.Access, refresh.Access, refresh.Refresh, cookie.Cookie[1:], "x", cookie.CSRF} {
		_, err := d.find(t, map[string]string{csrfHeader: cookie.CSRF}, text, "GET")
		require.ErrorIs(t, err, domain.ErrUnauthenticated, text)
	}
	for _, text := range []string{refresh.Refresh, cookie.Cookie, cookie.CSRF} {
		require.ErrorIs(t, d.bears(t, text), domain.ErrUnauthenticated, text)
	}

	var claims jwt.MapClaims
	parsed, _, err := jwt.NewParser().ParseUnverified(token.Access, &claims)
	require.NoError(t, err)
	kid := parsed.Header["kid"]
	require.NotEmpty(t, kid)
	forge := func(method jwt.SigningMethod, key any, header map[string]any) string {
		made := jwt.NewWithClaims(method, claims)
		for name, value := range header {
			made.Header[name] = value
		}
		text, err := made.SignedString(key)
		require.NoError(t, err)
		return text
	}
	secret := []byte("one key for every server of these tests")
	parts := strings.Split(token.Access, ".")
	for name, text := range map[string]string{
		"no signature":           forge(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, map[string]any{"kid": kid}),
		"signature cut off":      parts[0] + "." + parts[1] + ".",
		"another algorithm":      forge(jwt.SigningMethodHS256, secret, map[string]any{"kid": kid}),
		"an empty key":           forge(jwt.SigningMethodHS512, []byte{}, map[string]any{"kid": kid}),
		"the server's own key":   forge(jwt.SigningMethodHS512, secret, map[string]any{"kid": kid}),
		"no key named":           forge(jwt.SigningMethodHS512, secret, nil),
		"a name of another kind": forge(jwt.SigningMethodHS512, secret, map[string]any{"kid": 1}),
		"a name that is a path":  forge(jwt.SigningMethodHS512, []byte{}, map[string]any{"kid": "../../../dev/null"}),
		"a name nobody gave":     forge(jwt.SigningMethodHS512, secret, map[string]any{"kid": "0123456789abcdef"}),
		"a key that comes along": forge(jwt.SigningMethodHS512, secret,
			map[string]any{"kid": kid, "jwk": map[string]any{"kty": "oct", "k": "AA"}}),
		"claims of another": parts[0] + "." +
			base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"admin","id":"1","org":1,"exp":9999999999}`)) + "." + parts[2],
	} {
		require.ErrorIs(t, d.bears(t, text), domain.ErrUnauthenticated, name)
	}
}

func TestSigningKeysRotate(t *testing.T) {
	onSessions(t, func(t *testing.T, d *signing) {
		ctx := t.Context()
		kid := func(text string) string {
			parsed, _, err := jwt.NewParser().ParseUnverified(text, &jwt.MapClaims{})
			require.NoError(t, err)
			name, is := strings.CutPrefix(parsed.Header["kid"].(string), "ed25519-")
			require.True(t, is, parsed.Header)
			return name
		}
		before, session, cookie := d.in(t, domain.TokenSession), d.in(t, domain.RefreshSession), d.in(t, domain.CookieSession)
		d.pass(time.Minute)
		key, err := d.directory.SigningKeys.Rotate(ctx)
		require.NoError(t, err)
		after := d.in(t, domain.TokenSession)
		require.Equal(t, key.ID, kid(after.Access))
		require.NotEqual(t, kid(before.Access), kid(after.Access))
		require.NoError(t, d.bears(t, before.Access))
		require.NoError(t, d.bears(t, after.Access))
		keys, err := d.directory.SigningKeys.List(ctx)
		require.NoError(t, err)
		require.Len(t, keys, 2)
		require.Equal(t, key, keys[0])
		require.Equal(t, kid(before.Access), keys[1].ID)
		require.False(t, keys[1].Until.Before(before.Expires), "it is good for what it has signed")

		d.pass(time.Minute)
		_, err = d.directory.SigningKeys.Revoke(ctx)
		require.NoError(t, err)
		for name, text := range map[string]string{"of the first key": before.Access, "of the second": after.Access,
			"with a refresh token": session.Access} {
			require.ErrorIs(t, d.bears(t, text), domain.ErrUnauthenticated, name)
		}
		_, err = d.find(t, nil, cookie.Cookie, "GET")
		require.NoError(t, err, "no key signs a cookie")
		next, err := d.refresh(t, session.Refresh)
		require.NoError(t, err, "nor a refresh token")
		require.NoError(t, d.bears(t, next.Access))
		shown, err := d.directory.Sessions.List(ctx, next.Principal, domain.UserRef{})
		require.NoError(t, err)
		require.Len(t, shown, 2, "sessions without a way back are gone")

		last := d.in(t, domain.TokenSession)
		_, err = d.directory.SigningKeys.Rotate(ctx)
		require.NoError(t, err)
		d.pass(364 * 24 * time.Hour)
		require.NoError(t, d.directory.RunJobs(ctx))
		require.NoError(t, d.bears(t, last.Access), "the sweep keeps a key while its tokens live")
		d.pass(2 * 24 * time.Hour)
		require.NoError(t, d.directory.RunJobs(ctx))
		keys, err = d.directory.SigningKeys.List(ctx)
		require.NoError(t, err)
		require.Len(t, keys, 1)
		require.NoError(t, d.bears(t, d.in(t, domain.TokenSession).Access))
	})
}

// A password that must be changed opens nothing, however one comes.
func TestSessionsWhileThePasswordMustBeChanged(t *testing.T) {
	onSessions(t, func(t *testing.T, d *signing) {
		s := d.in(t, domain.RefreshSession)
		operator, err := d.directory.Operator(t.Context())
		require.NoError(t, err)
		yes := true
		_, err = d.directory.Users.Update(t.Context(), operator,
			directory.UpdateUser{User: domain.UserRef{ID: s.Session.User}, UserPatch: directory.UserPatch{FirstAccess: &yes}})
		require.NoError(t, err)
		_, err = d.refresh(t, s.Refresh)
		require.ErrorIs(t, err, domain.ErrPasswordExpired)
		who, err := d.find(t, map[string]string{"Authorization": s.Access}, "", "GET")
		require.NoError(t, err)
		_, err = d.directory.Sessions.List(t.Context(), who, domain.UserRef{})
		require.ErrorIs(t, err, domain.ErrPasswordExpired)
		require.NoError(t, d.directory.Sessions.SignOut(t.Context(), who), "going is always possible")
	})
}
