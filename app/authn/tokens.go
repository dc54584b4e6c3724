package authn

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
	lru "github.com/hashicorp/golang-lru/v2"

	"canopy/domain"
)

// Tokens gives out access tokens and reads them. It is safe for concurrent use.
type Tokens struct {
	accounts Accounts
	key      []byte
	keyID    string
	lifetime time.Duration
	now      func() time.Time
	// verified remembers the claims of tokens whose signature was found good, by the
	// token's SHA-256. What they are worth is asked of the row, each time.
	verified *lru.Cache[[sha256.Size]byte, *claims]
	counter  Counter
}

// verifiedTokens is how many tokens are remembered, at about 300 bytes.
const verifiedTokens = 16 << 10

// NewTokens returns the tokens signed with key, which last for lifetime.
func NewTokens(accounts Accounts, key []byte, lifetime time.Duration, c Counter, now func() time.Time) *Tokens {
	sum := sha256.Sum256(key)
	verified, _ := lru.New[[sha256.Size]byte, *claims](verifiedTokens) // fails for sizes below 1 only
	return &Tokens{accounts: accounts, key: key, keyID: hex.EncodeToString(sum[:4]), lifetime: lifetime, now: now, verified: verified, counter: c}
}

// claims is what a token says. Sub, ID, Env and Time are those of the published sample;
// Time is the expiry in milliseconds.
type claims struct {
	ID   string `json:"id"`
	Env  string `json:"env"`
	Time int64  `json:"time"`

	Organization int64 `json:"org"`
	Environment  int64 `json:"envid"`
	Epoch        int64 `json:"epoch"`
	jwt.RegisteredClaims
}

// Issue returns a token by which a can act in e until it expires, in whole milliseconds.
func (t *Tokens) Issue(a domain.Account, e domain.Environment) (string, time.Time, error) {
	now := t.now()
	expires := now.Add(t.lifetime).Truncate(time.Millisecond)
	token := jwt.NewWithClaims(jwt.SigningMethodHS512, claims{
		ID: strconv.FormatInt(int64(a.User), 10), Env: e.Alias, Time: expires.UnixMilli(),
		Organization: int64(a.Organization), Environment: int64(e.ID), Epoch: a.TokenEpoch,
		RegisteredClaims: jwt.RegisteredClaims{Subject: a.Alias, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires)},
	})
	token.Header["kid"] = t.keyID
	text, err := token.SignedString(t.key)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign a token: %w", err)
	}
	return text, expires, nil
}

// Principal returns who the token was given to. It is domain.ErrUnauthenticated for a
// token that is not ours, has expired, or was given out before the account was closed or
// its password changed.
func (t *Tokens) Principal(ctx context.Context, text string) (domain.Account, error) {
	c, err := t.verify(text)
	if err != nil {
		return domain.Account{}, errBadToken.Because(err)
	}
	user, ok := domain.ParseID[domain.UserID](c.ID)
	if !ok {
		return domain.Account{}, errBadToken
	}
	account, err := t.accounts.ByID(ctx, domain.OrganizationID(c.Organization), user)
	if domain.ErrUserNotFound.Is(err) {
		return domain.Account{}, errBadToken
	}
	if err != nil {
		return domain.Account{}, err
	}
	now := t.now()
	if account.TokenEpoch != c.Epoch || !account.Usable(now) {
		return domain.Account{}, errBadToken
	}
	account.Principal.PasswordExpired = account.Standing.PasswordExpired(now)
	account.Current = domain.NumberRef(domain.EnvironmentID(c.Environment))
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
	_, err := jwt.ParseWithClaims(text, c, func(*jwt.Token) (any, error) { return t.key, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS512.Alg()}), jwt.WithExpirationRequired(), jwt.WithTimeFunc(t.now))
	if err != nil {
		return nil, err
	}
	t.verified.Add(sum, c)
	return c, nil
}

var errBadToken = domain.ErrUnauthenticated.Saying("The token is not valid; sign in again.")
