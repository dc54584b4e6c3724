package authn

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
	lru "github.com/hashicorp/golang-lru/v2"

	"canopy/domain"
)

// Tokens makes and reads what clients hold of sessions: access tokens here, refresh tokens
// and cookies in secret.go. It is safe for concurrent use.
type Tokens struct {
	accounts Accounts
	// root is what the keys that sign are derived from; seal and csrf are keys themselves.
	root, seal, csrf []byte
	now              func() time.Time
	// verified remembers what tokens say whose signature was found good, by the token's
	// SHA-256. What they are worth is asked of the rows, each time.
	verified *lru.Cache[[sha256.Size]byte, *claims]
	counter  Counter
}

// verifiedTokens is how many tokens are remembered, at about 300 bytes.
const verifiedTokens = 16 << 10

// NewTokens returns the tokens of a directory. Every key is derived from key.
func NewTokens(accounts Accounts, key []byte, c Counter, now func() time.Time) *Tokens {
	verified, _ := lru.New[[sha256.Size]byte, *claims](verifiedTokens) // fails for sizes below 1 only
	return &Tokens{accounts: accounts, root: key, seal: derive(sha256.New, key, "session secrets", 32),
		csrf: derive(sha256.New, key, "csrf tokens", 32), now: now, verified: verified, counter: c}
}

func derive[H hash.Hash](of func() H, key []byte, purpose string, length int) []byte {
	derived, err := hkdf.Key(of, key, nil, "canopy "+purpose, length)
	if err != nil {
		panic(err) // for absurd lengths only
	}
	return derived
}

// claims is what a token says. Sub, ID, Env and Time are those of the published sample;
// Time is the expiry in milliseconds.
type claims struct {
	ID   string `json:"id"`
	Env  string `json:"env"`
	Time int64  `json:"time"`

	Organization int64  `json:"org"`
	Environment  int64  `json:"envid"`
	Session      string `json:"sid"`
	jwt.RegisteredClaims

	// key is the name of the key that signed the token, from its header.
	key string
}

// Issue returns a token by which a can act in e as part of session s until expires, in
// whole seconds. key is the name of the key that signs it.
func (t *Tokens) Issue(a domain.Account, s domain.SessionKey, e domain.Environment, key string,
	expires time.Time) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodHS512, claims{
		ID: strconv.FormatInt(int64(a.User), 10), Env: e.Alias, Time: expires.UnixMilli(),
		Organization: int64(a.Organization), Environment: int64(e.ID), Session: string(s.ID),
		RegisteredClaims: jwt.RegisteredClaims{Subject: a.Alias, IssuedAt: jwt.NewNumericDate(t.now()),
			ExpiresAt: jwt.NewNumericDate(expires)},
	})
	token.Header["kid"] = key
	secret, err := t.signingKey(key)
	if err != nil {
		return "", err
	}
	text, err := token.SignedString(secret)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return text, nil
}

// signingKeyLength is that of the name of a key.
const signingKeyLength = 16

// signingKey returns the key with that name. Every name has one, so that a name nobody
// knows costs no look-up; whether the key is good is asked together with the session.
func (t *Tokens) signingKey(name any) ([]byte, error) {
	text, ok := name.(string)
	if !ok || len(text) != signingKeyLength {
		return nil, errors.New("not the name of a key")
	}
	return derive(sha512.New, t.root, "signing key "+text, 64), nil
}

// Principal returns who the token was given to. It returns domain.ErrUnauthenticated for a
// token that is not ours, has expired, was signed with a key that was revoked, or belongs
// to a session that has ended.
func (t *Tokens) Principal(ctx context.Context, text string) (domain.Account, error) {
	c, err := t.verify(text)
	if err != nil {
		return domain.Account{}, errBadToken.Because(err)
	}
	user, ok := domain.ParseID[domain.UserID](c.ID)
	if !ok {
		return domain.Account{}, errBadToken
	}
	k := domain.SessionKey{UserKey: domain.UserKey{Organization: domain.OrganizationID(c.Organization), User: user},
		ID: domain.UUID(c.Session)}
	account, err := t.admit(ctx, k, c.key, errBadToken)
	if err != nil {
		return domain.Account{}, err
	}
	if account.Session.Kind == domain.CookieSession {
		return domain.Account{}, errBadToken
	}
	account.Current = domain.NumberRef(domain.EnvironmentID(c.Environment))
	return account, nil
}

// admit returns the account of the session if both can be used; else it is refused. A key
// that is not empty is the name of one that must be good.
func (t *Tokens) admit(ctx context.Context, k domain.SessionKey, key string,
	refused *domain.Error) (domain.Account, error) {
	account, signed, err := t.accounts.BySession(ctx, k, key)
	if domain.ErrSessionNotFound.Is(err) {
		return domain.Account{}, refused
	}
	if err != nil {
		return domain.Account{}, err
	}
	now := t.now()
	if key != "" && !signed || !account.Session.Alive(account.TokenEpoch, now) || !account.Usable(now) {
		return domain.Account{}, refused
	}
	account.Principal.Session = k.ID
	account.Principal.PasswordExpired = account.Standing.PasswordExpired(now)
	return account, nil
}

// verify returns what the token says if we signed it and it has not expired.
func (t *Tokens) verify(text string) (*claims, error) {
	sum := sha256.Sum256([]byte(text))
	c, hit := t.verified.Get(sum)
	t.counter.Looked("tokens", hit)
	if hit {
		if !t.now().Before(c.ExpiresAt.Time) {
			return nil, jwt.ErrTokenExpired
		}
		return c, nil
	}
	c = new(claims)
	token, err := jwt.ParseWithClaims(text, c,
		func(token *jwt.Token) (any, error) { return t.signingKey(token.Header["kid"]) },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS512.Alg()}), jwt.WithExpirationRequired(), jwt.WithTimeFunc(t.now),
		jwt.WithStrictDecoding())
	if err != nil {
		return nil, err
	}
	c.key, _ = token.Header["kid"].(string)
	t.verified.Add(sum, c)
	return c, nil
}

var errBadToken = domain.ErrUnauthenticated.Saying("The token is not valid; sign in again.")
