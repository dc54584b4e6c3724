package authn

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"slices"
	"strconv"
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

// here is what tokens say of the server of these tests.
var here = Issuing{Issuer: "https://canopy.example", Audience: []string{"rest", "tellius"}}

func newTokens(accounts Accounts, c Counter, now func() time.Time) *Tokens {
	return NewTokens(accounts, serverKey, here, c, now)
}

// ours is the signer whose tokens are to be accepted, and before the one that signed tokens until there was a public key.
func ours(t testing.TB) signer {
	t.Helper()
	return signer{t, jwt.SigningMethodEdDSA, newTokens(nil, looks{}, time.Now).privateKey(keyName), "ed25519-" + keyName}
}

func before(t testing.TB) signer {
	t.Helper()
	return signer{t, jwt.SigningMethodHS512, derive(sha512.New, serverKey, "signing key "+keyName, 64), keyName}
}

// sign returns a token that is valid from and until the given times; a zero time is not said.
func (s signer) sign(user string, from, until time.Time) string {
	return s.signAs(user, from, until, func(jwt.MapClaims, map[string]any) {})
}

// signAs is sign with what the signer changes of claims and header.
func (s signer) signAs(user string, from, until time.Time, change func(claims jwt.MapClaims, header map[string]any)) string {
	s.t.Helper()
	c := jwt.MapClaims{"id": user, "org": 1, "envid": 1, "iss": here.Issuer, "aud": here.Audience}
	if !from.IsZero() {
		c["nbf"] = from.Unix()
	}
	if !until.IsZero() {
		c["exp"] = until.Unix()
	}
	token := jwt.NewWithClaims(s.method, c)
	token.Header["kid"], token.Header["typ"] = s.name, "at+jwt"
	change(c, token.Header)
	text, err := token.SignedString(s.key)
	require.NoError(s.t, err)
	return text
}

func TestTokensOfOthersAreRefused(t *testing.T) {
	c := newClock()
	soon, never := c.at.Add(time.Minute), time.Time{}
	tokens := newTokens(nil, looks{}, c.now)
	us, old := ours(t), before(t)
	by := func(method jwt.SigningMethod, key, name any) string {
		return signer{t, method, key, name}.sign("1", never, soon)
	}
	saying := func(change func(claims jwt.MapClaims, header map[string]any)) string {
		return us.signAs("1", never, soon, change)
	}
	good := us.sign("1", never, soon)
	parts := strings.Split(good, ".")
	ed, another := us.key.(ed25519.PrivateKey), tokens.privateKey("fedcba9876543210")
	public := []byte(ed.Public().(ed25519.PublicKey))
	written, err := x509.MarshalPKIXPublicKey(ed.Public())
	require.NoError(t, err)
	pemText := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: written})
	elliptic, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	factors, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	none := by(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, us.name)
	refresh, _ := tokens.NewSecret(domain.RefreshSession, domain.SessionKey{ID: "01930000-0000-7000-8000-000000000001"}, 0)
	cookie, _ := tokens.NewSecret(domain.CookieSession, domain.SessionKey{ID: "01930000-0000-7000-8000-000000000001"}, 0)

	tests := []struct {
		name, token string
		want        error // nil: it is accepted
	}{
		{"ours", good, nil},
		{"one that holds from now on", us.sign("1", c.at, soon), nil},
		{"one that does not hold yet", us.sign("1", c.at.Add(time.Second), soon), jwt.ErrTokenNotValidYet},
		{"one that ends now", us.sign("1", never, c.at), jwt.ErrTokenExpired},
		{"one that never ends", us.sign("1", never, never), jwt.ErrTokenRequiredClaimMissing},
		{"one of before", old.sign("1", never, soon), nil},
		{"one of before, which says nothing of where it is from", old.signAs("1", never, soon,
			func(claims jwt.MapClaims, header map[string]any) {
				delete(claims, "iss")
				delete(claims, "aud")
				header["typ"] = "JWT"
			}), nil},
		{"one of before that ends now", old.sign("1", never, c.at), jwt.ErrTokenExpired},

		{"unsigned", none, jwt.ErrTokenSignatureInvalid},
		{"unsigned, with our signature", strings.Split(none, ".")[0] + "." + parts[1] + "." + parts[2],
			jwt.ErrTokenSignatureInvalid},
		{"unsigned, with the name of a key of before", by(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, keyName),
			jwt.ErrTokenSignatureInvalid},
		{"HMAC with the public key", by(jwt.SigningMethodHS512, public, us.name), jwt.ErrTokenUnverifiable},
		{"HMAC with the public key and the name of a key of before", by(jwt.SigningMethodHS512, public, keyName),
			jwt.ErrTokenSignatureInvalid},
		{"HMAC with the public key as it is written down", by(jwt.SigningMethodHS512, pemText, us.name),
			jwt.ErrTokenUnverifiable},
		{"a shorter HMAC with the public key", by(jwt.SigningMethodHS256, public, us.name), jwt.ErrTokenSignatureInvalid},
		{"HMAC with the key of before and the name of one that signs", by(jwt.SigningMethodHS512, old.key, us.name),
			jwt.ErrTokenUnverifiable},
		{"our key with the name of a key of before", by(jwt.SigningMethodEdDSA, ed, keyName), jwt.ErrTokenUnverifiable},
		{"an elliptic curve", by(jwt.SigningMethodES256, elliptic, us.name), jwt.ErrTokenSignatureInvalid},
		{"RSA", by(jwt.SigningMethodRS256, factors, us.name), jwt.ErrTokenSignatureInvalid},
		{"RSA with PSS", by(jwt.SigningMethodPS512, factors, us.name), jwt.ErrTokenSignatureInvalid},
		{"a shorter hash with our key of before", by(jwt.SigningMethodHS256, old.key, keyName), jwt.ErrTokenSignatureInvalid},
		{"another key", by(jwt.SigningMethodEdDSA, another, us.name), jwt.ErrTokenSignatureInvalid},
		{"another key of before", by(jwt.SigningMethodHS512, []byte(strings.Repeat("x", 64)), keyName),
			jwt.ErrTokenSignatureInvalid},
		{"the key that keys are derived from", by(jwt.SigningMethodHS512, serverKey, keyName), jwt.ErrTokenSignatureInvalid},
		{"the seed of our key", by(jwt.SigningMethodHS512, ed.Seed(), keyName), jwt.ErrTokenSignatureInvalid},
		{"no key", by(jwt.SigningMethodHS512, []byte{}, keyName), jwt.ErrTokenSignatureInvalid},

		{"the name of another key", by(jwt.SigningMethodEdDSA, ed, kidOf("fedcba9876543210")), jwt.ErrTokenSignatureInvalid},
		{"the name of another key of before", by(jwt.SigningMethodHS512, old.key, "fedcba9876543210"),
			jwt.ErrTokenSignatureInvalid},
		{"a longer name", by(jwt.SigningMethodEdDSA, ed, kidOf(keyName+"0")), jwt.ErrTokenUnverifiable},
		{"a longer name of before", by(jwt.SigningMethodHS512, old.key, keyName+"0"), jwt.ErrTokenUnverifiable},
		{"a name that begins like one that signs", by(jwt.SigningMethodHS512, old.key, kidPrefix+keyName[8:]),
			jwt.ErrTokenUnverifiable},
		{"a name in capitals", by(jwt.SigningMethodEdDSA, ed, "ED25519-"+keyName), jwt.ErrTokenUnverifiable},
		{"a name behind a path", by(jwt.SigningMethodEdDSA, ed, "../"+kidOf(keyName)), jwt.ErrTokenUnverifiable},
		{"a name that is no text", by(jwt.SigningMethodEdDSA, ed, 7), jwt.ErrTokenUnverifiable},
		{"a name that is a list", by(jwt.SigningMethodEdDSA, ed, []string{kidOf(keyName)}), jwt.ErrTokenUnverifiable},
		{"no name", by(jwt.SigningMethodEdDSA, ed, nil), jwt.ErrTokenUnverifiable},
		{"no name, by the key of before", by(jwt.SigningMethodHS512, old.key, nil), jwt.ErrTokenUnverifiable},
		{"a key of its own in the header", signer{t, jwt.SigningMethodEdDSA, another, us.name}.signAs("1", never, soon,
			func(_ jwt.MapClaims, header map[string]any) {
				header["jwk"] = map[string]any{"kty": "OKP", "crv": "Ed25519",
					"x": base64.RawURLEncoding.EncodeToString(another.Public().(ed25519.PublicKey))}
				header["jku"] = "https://elsewhere.example/jwks.json"
			}), jwt.ErrTokenSignatureInvalid},

		{"no type", saying(func(_ jwt.MapClaims, header map[string]any) { delete(header, "typ") }),
			jwt.ErrTokenUnverifiable},
		{"the type of any token", saying(func(_ jwt.MapClaims, header map[string]any) { header["typ"] = "JWT" }),
			jwt.ErrTokenUnverifiable},
		{"the type of a token of sign-out", saying(func(_ jwt.MapClaims, header map[string]any) {
			header["typ"] = "logout+jwt"
		}), jwt.ErrTokenUnverifiable},
		{"a type that is no text", saying(func(_ jwt.MapClaims, header map[string]any) {
			header["typ"] = []string{"at+jwt"}
		}), jwt.ErrTokenUnverifiable},
		{"no issuer", saying(func(claims jwt.MapClaims, _ map[string]any) { delete(claims, "iss") }),
			jwt.ErrTokenInvalidIssuer},
		{"another issuer", saying(func(claims jwt.MapClaims, _ map[string]any) {
			claims["iss"] = "https://canopy.example.org"
		}), jwt.ErrTokenInvalidIssuer},
		{"our issuer with a slash", saying(func(claims jwt.MapClaims, _ map[string]any) {
			claims["iss"] = here.Issuer + "/"
		}), jwt.ErrTokenInvalidIssuer},
		{"no audience", saying(func(claims jwt.MapClaims, _ map[string]any) { delete(claims, "aud") }),
			jwt.ErrTokenInvalidAudience},
		{"an empty audience", saying(func(claims jwt.MapClaims, _ map[string]any) { claims["aud"] = []string{} }),
			jwt.ErrTokenInvalidAudience},
		{"an audience that is no text", saying(func(claims jwt.MapClaims, _ map[string]any) { claims["aud"] = 7 }),
			jwt.ErrTokenMalformed},

		{"ours, longer than any", saying(func(claims jwt.MapClaims, _ map[string]any) {
			claims["sub"] = strings.Repeat("x", maxToken)
		}), jwt.ErrTokenMalformed},
		{"a refresh token", refresh, jwt.ErrTokenMalformed},
		{"a cookie", cookie, jwt.ErrTokenMalformed},
		{"a refresh token in the place of what is signed", parts[0] + "." + refresh + "." + parts[2],
			jwt.ErrTokenMalformed},
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
			_, read := tokens.Read(tt.token)
			require.Equal(t, tt.want == nil, read)
			if tt.want != nil {
				_, err := tokens.Principal(t.Context(), tt.token, "rest")
				require.ErrorIs(t, err, domain.ErrUnauthenticated)
				require.Equal(t, errBadToken.Public, domain.AsError(err).Public, "the answer says why")
			}
		})
	}
}

// Where nobody gave the servers of a directory one address, each takes the tokens of the others, which say whose they
// are all the same.
func TestTokensOfServersWithoutAnAddress(t *testing.T) {
	c := newClock()
	tokens := NewTokens(nil, serverKey, Issuing{Issuer: "http://127.0.0.1:8080", AnyIssuer: true, Audience: here.Audience},
		looks{}, c.now)
	us, soon := ours(t), c.at.Add(time.Minute)
	_, err := tokens.verify(us.sign("1", time.Time{}, soon))
	require.NoError(t, err)
	_, err = tokens.verify(us.signAs("1", time.Time{}, soon,
		func(claims jwt.MapClaims, _ map[string]any) { delete(claims, "iss") }))
	require.ErrorIs(t, err, jwt.ErrTokenInvalidIssuer)
}

// A token is good on the surfaces that it names; one of before names none and is good on all.
func TestTokensAreGoodOnTheirSurfaces(t *testing.T) {
	c := newClock()
	accounts := accountsOf(t, c, "", "ada")
	expires := c.at.Add(time.Hour)
	ada, session, key := begin(t, accounts, domain.TokenSession, expires)
	tokens := newTokens(accounts, looks{}, c.now)
	issue := func(audience ...string) string {
		text, err := tokens.Issue(domain.AccessToken{Session: session, Alias: ada.Alias,
			Environment: domain.Environment{ID: 1, Alias: "root"}, Key: key, Audience: audience, Client: "tellius",
			Expires: expires})
		require.NoError(t, err)
		return text
	}
	old := jwt.NewWithClaims(jwt.SigningMethodHS512, jwt.MapClaims{"id": strconv.Itoa(int(ada.User)), "env": "root",
		"time": expires.UnixMilli(), "org": int(ada.Organization), "envid": 1, "sid": session.ID, "sub": "ada",
		"iat": c.at.Unix(), "exp": expires.Unix()})
	old.Header["kid"] = key
	before, err := old.SignedString(derive(sha512.New, serverKey, "signing key "+key, 64))
	require.NoError(t, err)
	for _, tt := range []struct {
		token string
		good  []string
	}{
		{issue(), []string{"rest", "tellius"}},
		{issue("rest"), []string{"rest"}},
		{issue("tellius"), []string{"tellius"}},
		{issue("Rest", "rest "), nil},
		{before, []string{"rest", "tellius"}},
	} {
		for _, surface := range []string{"rest", "tellius", "axway", ""} {
			for range 2 {
				_, err := tokens.Principal(t.Context(), tt.token, surface)
				if slices.Contains(tt.good, surface) {
					require.NoError(t, err, surface)
				} else {
					require.ErrorIs(t, err, domain.ErrUnauthenticated, surface)
				}
			}
		}
	}

	said, ok := tokens.Read(issue("rest"))
	require.True(t, ok)
	require.Len(t, said.ID, 26)
	said.ID = ""
	require.Equal(t, domain.AccessToken{Session: session, Alias: "ada", Environment: domain.Environment{ID: 1, Alias: "root"},
		Key: key, Audience: []string{"rest"}, Client: "tellius", Expires: said.Expires, Issuer: here.Issuer,
		Issued: said.Issued}, said)
	require.True(t, said.Expires.Equal(expires))
	require.True(t, said.Issued.Equal(c.at.Truncate(time.Second)))
	another, _ := tokens.Read(issue("rest"))
	require.NotEmpty(t, another.ID, "each has an id of its own")
	require.NotEqual(t, said.ID, another.ID)
	whole, ok := tokens.Read(before)
	require.True(t, ok)
	require.Equal(t, here.Audience, whole.Audience)
	require.Equal(t, here.Issuer, whole.Issuer)
}

// Whoever has the public half of a key checks tokens with nothing of ours.
func TestTokensAreCheckedByThePublicKey(t *testing.T) {
	tokens := newTokens(nil, looks{}, newClock().now)
	text, err := tokens.Issue(domain.AccessToken{Key: keyName, Alias: "ada"})
	require.NoError(t, err)
	key := tokens.Public(keyName)
	head, signature := text[:strings.LastIndex(text, ".")], text[strings.LastIndex(text, ".")+1:]
	signed, err := base64.RawURLEncoding.DecodeString(signature)
	require.NoError(t, err)
	require.True(t, ed25519.Verify(key.Ed25519, []byte(head), signed))
	require.False(t, ed25519.Verify(tokens.Public("fedcba9876543210").Ed25519, []byte(head), signed))
	header, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"alg":"EdDSA","typ":"at+jwt","kid":"`+key.ID+`"}`, string(header))
}

// BenchmarkTokens measures what a token costs at its first request and at later ones.
func BenchmarkTokens(b *testing.B) {
	c := newClock()
	soon := c.at.Add(time.Minute)
	for name, s := range map[string]signer{"Ed25519": ours(b), "HMAC": before(b)} {
		text := s.sign("1", time.Time{}, soon)
		tokens := newTokens(nil, looks{}, c.now)
		for _, known := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/known=%v", name, known), func(b *testing.B) {
				for b.Loop() {
					if !known {
						tokens.verified.Purge()
					}
					if _, err := tokens.verify(text); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
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
		domain.Session{SessionKey: k, Kind: kind, TokenEpoch: ada.TokenEpoch, Environment: 1, Expires: until}, 10, nil)
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
	tokens := newTokens(accounts, seen, c.now)
	text, err := tokens.Issue(domain.AccessToken{Session: session, Alias: ada.Alias,
		Environment: domain.Environment{ID: 7, Alias: "East"}, Key: key, Expires: expires})
	require.NoError(t, err)

	for _, at := range []time.Time{began, began, expires.Add(-time.Millisecond)} {
		c.at = at
		found, err := tokens.Principal(t.Context(), text, "rest")
		require.NoError(t, err)
		require.Equal(t, ada.User, found.User)
		require.Equal(t, session.ID, found.Principal.Session)
		require.Equal(t, domain.EnvironmentRef("7"), found.Current)
	}
	c.at = expires
	_, err = tokens.Principal(t.Context(), text, "rest")
	require.ErrorIs(t, err, domain.ErrUnauthenticated)
	require.Equal(t, looks{false: 1, true: 3}, seen)

	// Another server has nothing remembered and says the same.
	fresh := newTokens(accounts, looks{}, c.now)
	_, err = fresh.Principal(t.Context(), text, "rest")
	require.ErrorIs(t, err, domain.ErrUnauthenticated)
	c.at = expires.Add(-time.Millisecond)
	_, err = fresh.Principal(t.Context(), text, "rest")
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
	tokens := newTokens(accounts, looks{}, c.now)
	accepted := func(k domain.SessionKey, key string) error {
		text, err := tokens.Issue(domain.AccessToken{Session: k, Alias: ada.Alias, Environment: domain.Environment{ID: 1},
			Key: key, Expires: expires})
		require.NoError(t, err)
		_, err = tokens.Principal(t.Context(), text, "rest")
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
	f.Add(signer{f, jwt.SigningMethodHS512, []byte(us.key.(ed25519.PrivateKey).Public().(ed25519.PublicKey)), us.name}.
		sign("1", time.Time{}, soon))
	f.Add(signer{f, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, us.name}.sign("1", time.Time{}, soon))
	f.Add(`eyJhbGciOiJIUzUxMiJ9.e30.`)
	f.Fuzz(func(t *testing.T, text string) {
		_, err := newTokens(nil, looks{}, c.now).verify(text)
		if err == nil && withoutBreaks(text) != good || err != nil && text == good {
			t.Errorf("%v", err)
		}
	})
}

func withoutBreaks(text string) string { return strings.NewReplacer("\r", "", "\n", "").Replace(text) }
