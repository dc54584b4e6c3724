package authn

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
)

var serverKey = []byte(strings.Repeat("k", 64))

const keyName = "0123456789abcdef"

// signer makes tokens as somebody with that key would.
type signer struct {
	t      testing.TB
	method jwt.SigningMethod
	key    any
	name   any // of the key
}

// ours is the signer whose tokens are to be accepted.
func ours(t testing.TB) signer {
	t.Helper()
	key, err := NewTokens(nil, serverKey, looks{}, time.Now).signingKey(keyName)
	require.NoError(t, err)
	return signer{t, jwt.SigningMethodHS512, key, keyName}
}

// sign returns a token that is valid from and until the given times; a zero time is not said.
func (s signer) sign(user string, from, until time.Time) string {
	s.t.Helper()
	c := claims{ID: user, Organization: 1, Environment: 1}
	if !from.IsZero() {
		c.NotBefore = jwt.NewNumericDate(from)
	}
	if !until.IsZero() {
		c.ExpiresAt = jwt.NewNumericDate(until)
	}
	token := jwt.NewWithClaims(s.method, c)
	token.Header["kid"] = s.name
	text, err := token.SignedString(s.key)
	require.NoError(s.t, err)
	return text
}

func TestTokensOfOthersAreRefused(t *testing.T) {
	c := newClock()
	soon, never := c.at.Add(time.Minute), time.Time{}
	tokens := NewTokens(nil, serverKey, looks{}, c.now)
	us := ours(t)
	by := func(method jwt.SigningMethod, key, name any) string {
		return signer{t, method, key, name}.sign("1", never, soon)
	}
	good := us.sign("1", never, soon)
	parts := strings.Split(good, ".")
	none := by(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, keyName)

	tests := []struct {
		name, token string
		want        error // nil: it is accepted
	}{
		{"ours", good, nil},
		{"one that holds from now on", us.sign("1", c.at, soon), nil},
		{"one that does not hold yet", us.sign("1", c.at.Add(time.Second), soon), jwt.ErrTokenNotValidYet},
		{"one that ends now", us.sign("1", never, c.at), jwt.ErrTokenExpired},
		{"one that never ends", us.sign("1", never, never), jwt.ErrTokenRequiredClaimMissing},
		{"unsigned", none, jwt.ErrTokenSignatureInvalid},
		{"unsigned, with our signature", strings.Split(none, ".")[0] + "." + parts[1] + "." + parts[2],
			jwt.ErrTokenSignatureInvalid},
		{"a shorter hash with our key", by(jwt.SigningMethodHS256, us.key, keyName), jwt.ErrTokenSignatureInvalid},
		{"another key", by(jwt.SigningMethodHS512, []byte(strings.Repeat("x", 64)), keyName), jwt.ErrTokenSignatureInvalid},
		{"the key that keys are derived from", by(jwt.SigningMethodHS512, serverKey, keyName), jwt.ErrTokenSignatureInvalid},
		{"no key", by(jwt.SigningMethodHS512, []byte{}, keyName), jwt.ErrTokenSignatureInvalid},
		{"the name of another key", by(jwt.SigningMethodHS512, us.key, "fedcba9876543210"), jwt.ErrTokenSignatureInvalid},
		{"a longer name", by(jwt.SigningMethodHS512, us.key, keyName+"0"), jwt.ErrTokenUnverifiable},
		{"a name that is no text", by(jwt.SigningMethodHS512, us.key, 7), jwt.ErrTokenUnverifiable},
		{"no name", by(jwt.SigningMethodHS512, us.key, nil), jwt.ErrTokenUnverifiable},
		{"another payload", parts[0] + "." + strings.Split(us.sign("2", never, soon), ".")[1] + "." + parts[2],
			jwt.ErrTokenSignatureInvalid},
		{"no signature", parts[0] + "." + parts[1] + ".", jwt.ErrTokenSignatureInvalid},
		{"two parts", parts[0] + "." + parts[1], jwt.ErrTokenMalformed},
		{"four parts", good + ".", jwt.ErrTokenMalformed},
		{"a signature that goes on", good + "AAAA", jwt.ErrTokenSignatureInvalid},
		{"a signature with padding", good + "==", jwt.ErrTokenMalformed},
		{"a signature with bits left over", leftOver(good), jwt.ErrTokenMalformed},
		{"nothing", "", jwt.ErrTokenMalformed},
		{"two dots", "..", jwt.ErrTokenMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // what is remembered of the first time changes nothing
				_, err := tokens.verify(tt.token)
				require.ErrorIs(t, err, tt.want)
			}
			if tt.want != nil {
				_, err := tokens.Principal(t.Context(), tt.token)
				require.ErrorIs(t, err, domain.ErrUnauthenticated)
				require.Equal(t, errBadToken.Public, domain.AsError(err).Public, "the answer says why")
			}
		})
	}
}

// leftOver returns another spelling of the same bytes in Base64: its last character has
// bits that mean nothing.
func leftOver(text string) string { return text[:len(text)-1] + string(text[len(text)-1]+1) }

// begin stores a session of ada's, and returns her account and the name of the key.
func begin(t *testing.T, accounts *persistence.AccountStore, kind domain.SessionKind,
	until time.Time) (domain.Account, domain.SessionKey, string) {
	t.Helper()
	ada, err := accounts.ByLogin(t.Context(), "ada")
	require.NoError(t, err)
	k := domain.SessionKey{UserKey: domain.UserKey{Organization: ada.Organization, User: ada.User},
		ID: "01930000-0000-7000-8000-000000000001"}
	key, err := accounts.Begin(t.Context(),
		domain.Session{SessionKey: k, Kind: kind, TokenEpoch: ada.TokenEpoch, Environment: 1, Expires: until}, 10)
	require.NoError(t, err)
	return ada, k, key
}

func TestTokenEnds(t *testing.T) {
	c := newClock()
	began := c.at
	expires := began.Add(time.Hour)
	accounts := accountsOf(t, c, "", "ada")
	ada, session, key := begin(t, accounts, domain.TokenSession, expires.Add(time.Hour))
	seen := looks{}
	tokens := NewTokens(accounts, serverKey, seen, c.now)
	text, err := tokens.Issue(ada, session, domain.Environment{ID: 7, Alias: "East"}, key, expires)
	require.NoError(t, err)

	for _, at := range []time.Time{began, began, expires.Add(-time.Millisecond)} {
		c.at = at
		found, err := tokens.Principal(t.Context(), text)
		require.NoError(t, err)
		require.Equal(t, ada.User, found.User)
		require.Equal(t, session.ID, found.Principal.Session)
		require.Equal(t, domain.EnvironmentRef("7"), found.Current)
	}
	c.at = expires
	_, err = tokens.Principal(t.Context(), text)
	require.ErrorIs(t, err, domain.ErrUnauthenticated)
	require.Equal(t, looks{false: 1, true: 3}, seen)

	// Another server has nothing remembered and says the same.
	fresh := NewTokens(accounts, serverKey, looks{}, c.now)
	_, err = fresh.Principal(t.Context(), text)
	require.ErrorIs(t, err, domain.ErrUnauthenticated)
	c.at = expires.Add(-time.Millisecond)
	_, err = fresh.Principal(t.Context(), text)
	require.NoError(t, err)
}

func TestTokenNeedsItsSession(t *testing.T) {
	c := newClock()
	accounts := accountsOf(t, c, "", "ada")
	expires := c.at.Add(time.Hour)
	ada, session, key := begin(t, accounts, domain.TokenSession, expires)
	another, elses := session, session
	another.ID = "01930000-0000-7000-8000-000000000002"
	elses.User = 99
	tokens := NewTokens(accounts, serverKey, looks{}, c.now)
	accepted := func(k domain.SessionKey, key string) error {
		ada.User = k.User
		text, err := tokens.Issue(ada, k, domain.Environment{ID: 1}, key, expires)
		require.NoError(t, err)
		_, err = tokens.Principal(t.Context(), text)
		return err
	}
	require.NoError(t, accepted(session, key))
	require.ErrorIs(t, accepted(session, keyName), domain.ErrUnauthenticated, "a key that is not kept")
	require.ErrorIs(t, accepted(another, key), domain.ErrUnauthenticated, "no such session")
	require.ErrorIs(t, accepted(elses, key), domain.ErrUnauthenticated, "a session of somebody else")
	require.NoError(t, accounts.SignOut(t.Context(), session))
	require.ErrorIs(t, accepted(session, key), domain.ErrUnauthenticated, "a session that has ended")
	_, session, key = begin(t, accounts, domain.CookieSession, expires)
	require.ErrorIs(t, accepted(session, key), domain.ErrUnauthenticated, "a session with a cookie")
}

// FuzzToken holds that nothing is accepted but the very text that was given out. Line
// breaks are left aside: the reader of Base64 skips them, and no header has any.
func FuzzToken(f *testing.F) {
	c := newClock()
	us := ours(f)
	soon := c.at.Add(time.Minute)
	good := us.sign("1", time.Time{}, soon)
	f.Add(good)
	f.Add(good + "=")
	f.Add(leftOver(good))
	f.Add(signer{f, jwt.SigningMethodHS256, us.key, keyName}.sign("1", time.Time{}, soon))
	f.Add(signer{f, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, keyName}.sign("1", time.Time{}, soon))
	f.Add(`eyJhbGciOiJIUzUxMiJ9.e30.`)
	f.Fuzz(func(t *testing.T, text string) {
		_, err := NewTokens(nil, serverKey, looks{}, c.now).verify(text)
		if err == nil && withoutBreaks(text) != good || err != nil && text == good {
			t.Errorf("%v", err)
		}
	})
}

func withoutBreaks(text string) string { return strings.NewReplacer("\r", "", "\n", "").Replace(text) }
