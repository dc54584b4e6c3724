package authn

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
	lru "github.com/hashicorp/golang-lru/v2"

	"canopy/domain"
)

// Tokens makes and reads what clients hold of sessions: access tokens here, refresh tokens
// and cookies in secret.go. It is safe for concurrent use.
type Tokens struct {
	accounts Accounts
	issuing  Issuing
	// root is what the keys that sign are derived from; seal and csrf are keys themselves.
	root, seal, csrf []byte
	now              func() time.Time
	// verified remembers what tokens say whose signature was found good, by the token's
	// SHA-256. What they are worth is asked of the rows, each time.
	verified *lru.Cache[[sha256.Size]byte, *claims]
	// last is the key that signed the last token.
	last    atomic.Pointer[namedKey]
	counter Counter
}

// Issuing is what the tokens of a server say of it.
type Issuing struct {
	// Issuer is the server's address. With AnyIssuer tokens that name another one are good too: servers that nobody
	// gave a common address call themselves what they listen on.
	Issuer    string
	AnyIssuer bool
	// Audience are the surfaces that read tokens.
	Audience []string
}

// verifiedTokens is how many tokens are remembered, at about 700 bytes.
const verifiedTokens = 16 << 10

// NewTokens returns the tokens of a directory. Every key is derived from key.
func NewTokens(accounts Accounts, key []byte, issuing Issuing, c Counter, now func() time.Time) *Tokens {
	verified, _ := lru.New[[sha256.Size]byte, *claims](verifiedTokens) // fails for sizes below 1 only
	return &Tokens{accounts: accounts, issuing: issuing, root: key, seal: derive(sha256.New, key, "session secrets", 32),
		csrf: derive(sha256.New, key, "csrf tokens", 32), now: now, verified: verified, counter: c}
}

// claims is what a token says (RFC 9068). Sub, ID, Env and Time are those of the published
// sample; Time is the expiry in milliseconds.
type claims struct {
	ID   string `json:"id"`
	Env  string `json:"env"`
	Time int64  `json:"time"`

	Organization int64  `json:"org"`
	Environment  int64  `json:"envid"`
	Session      string `json:"sid"`
	Client       string `json:"client_id,omitempty"`
	jwt.RegisteredClaims

	// key is the name of the key that signed the token, from its header.
	key string
}

// Issue returns a token that says s.
func (t *Tokens) Issue(s domain.AccessToken) (string, error) {
	if len(s.Audience) == 0 {
		s.Audience = t.issuing.Audience
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		ID: strconv.FormatInt(int64(s.Session.User), 10), Env: s.Environment.Alias, Time: s.Expires.UnixMilli(),
		Organization: int64(s.Session.Organization), Environment: int64(s.Environment.ID), Session: string(s.Session.ID),
		Client: s.Client,
		RegisteredClaims: jwt.RegisteredClaims{Issuer: t.issuing.Issuer, Subject: s.Alias, Audience: s.Audience,
			IssuedAt: jwt.NewNumericDate(t.now()), ExpiresAt: jwt.NewNumericDate(s.Expires), ID: rand.Text()},
	})
	token.Header["typ"], token.Header["kid"] = tokenType, kidOf(s.Key)
	text, err := token.SignedString(t.signingKey(s.Key))
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return text, nil
}

// Read returns what a token says. It reports false for one that is not ours, or has expired.
func (t *Tokens) Read(text string) (domain.AccessToken, bool) {
	c, err := t.verify(text)
	if err != nil {
		return domain.AccessToken{}, false
	}
	k, ok := c.session()
	var issued time.Time
	if c.IssuedAt != nil {
		issued = c.IssuedAt.Time
	}
	return domain.AccessToken{Session: k, Alias: c.Subject,
		Environment: domain.Environment{ID: domain.EnvironmentID(c.Environment), Alias: c.Env}, Key: c.key,
		Audience: c.Audience, Client: c.Client, Expires: c.ExpiresAt.Time, Issuer: c.Issuer, Issued: issued,
		ID: c.RegisteredClaims.ID}, ok
}

// Audience returns the surfaces that read tokens, which are not to be changed.
func (t *Tokens) Audience() []string { return t.issuing.Audience }

// session returns the session that a token belongs to, and false if it says none.
func (c *claims) session() (domain.SessionKey, bool) {
	user, ok := domain.ParseID[domain.UserID](c.ID)
	return domain.SessionKey{UserKey: domain.UserKey{Organization: domain.OrganizationID(c.Organization), User: user},
		ID: domain.UUID(c.Session)}, ok
}

// Principal returns who the token was given to. It returns domain.ErrUnauthenticated for a
// token that is not ours, is not good on the surface, has expired, was signed with a key that
// was revoked, or belongs to a session that has ended.
func (t *Tokens) Principal(ctx context.Context, text, surface string) (domain.Account, error) {
	c, err := t.verify(text)
	if err != nil {
		return domain.Account{}, errBadToken.Because(err)
	}
	k, ok := c.session()
	if !ok || !slices.Contains(c.Audience, surface) {
		return domain.Account{}, errBadToken
	}
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

// maxToken is more than any token has, in bytes.
const maxToken = 8 << 10

// verify returns what the token says if we signed it and it has not expired.
func (t *Tokens) verify(text string) (*claims, error) {
	if len(text) > maxToken {
		return nil, jwt.ErrTokenMalformed
	}
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
	token, err := jwt.ParseWithClaims(text, c, t.verifyingKey,
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg(), jwt.SigningMethodHS512.Alg()}),
		jwt.WithExpirationRequired(), jwt.WithTimeFunc(t.now), jwt.WithStrictDecoding())
	if err != nil {
		return nil, err
	}
	name, signs := keyNamed(token)
	if c.key = name; signs {
		err = t.checkIssued(c)
	} else { // which says neither
		c.Issuer, c.Audience = t.issuing.Issuer, t.issuing.Audience
	}
	if err != nil {
		return nil, err
	}
	t.verified.Add(sum, c)
	return c, nil
}

// checkIssued returns an error unless a token says who issued it, which is this server, and where it is good.
func (t *Tokens) checkIssued(c *claims) error {
	switch {
	case c.Issuer == "" || c.Issuer != t.issuing.Issuer && !t.issuing.AnyIssuer:
		return jwt.ErrTokenInvalidIssuer
	case len(c.Audience) == 0:
		return jwt.ErrTokenInvalidAudience
	}
	return nil
}

var errBadToken = domain.ErrUnauthenticated.Saying("The token is not valid; sign in again.")
