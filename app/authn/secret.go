package authn

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/google/uuid"

	"canopy/domain"
)

// A refresh token or a cookie is 89 bytes in base64url: kind, organization, user, session,
// how many refresh tokens came before it, a random secret, and a keyed hash of all that.
// By the keyed hash we know what we gave out, also when it no longer counts, and whatever
// else comes costs no look-up; by the secret, of which the row has the hash, we know what
// counts.
const (
	userAt     = 1
	sessionAt  = userAt + 16
	renewalsAt = sessionAt + 16
	secretAt   = renewalsAt + 8
	sealAt     = secretAt + 32
	secretSize = sealAt + 16
)

// NewSecret returns a new refresh token or cookie of session k, as kind says, and what to
// store of it. renewals is how many refresh tokens the session had before.
func (t *Tokens) NewSecret(kind domain.SessionKind, k domain.SessionKey,
	renewals int64) (text string, hash domain.SecretHash) {
	var b [secretSize]byte
	b[0] = byte(kind)
	place(b[userAt:], k)
	binary.BigEndian.PutUint64(b[renewalsAt:], uint64(renewals))
	rand.Read(b[secretAt:sealAt]) // never fails
	copy(b[sealAt:], keyedHash(t.seal, b[:sealAt]))
	return base64.RawURLEncoding.EncodeToString(b[:]), hashOf(b[secretAt:sealAt])
}

// ReadSecret reads what NewSecret returned for that kind. It reports false for anything
// else.
func (t *Tokens) ReadSecret(kind domain.SessionKind, text string) (domain.SessionSecret, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != secretSize || !hmac.Equal(b[sealAt:], keyedHash(t.seal, b[:sealAt])[:secretSize-sealAt]) ||
		b[0] != byte(kind) {
		return domain.SessionSecret{}, false
	}
	return domain.SessionSecret{
		SessionKey: domain.SessionKey{
			UserKey: domain.UserKey{
				Organization: domain.OrganizationID(binary.BigEndian.Uint64(b[userAt:])),
				User:         domain.UserID(binary.BigEndian.Uint64(b[userAt+8:])),
			},
			ID: domain.UUID(uuid.UUID(b[sessionAt:renewalsAt]).String()),
		},
		Renewals: int64(binary.BigEndian.Uint64(b[renewalsAt:])),
		Hash:     hashOf(b[secretAt:sealAt]),
	}, true
}

// place writes where a session is stored into 32 bytes.
func place(b []byte, k domain.SessionKey) {
	binary.BigEndian.PutUint64(b, uint64(k.Organization))
	binary.BigEndian.PutUint64(b[8:], uint64(k.User))
	id, _ := uuid.Parse(string(k.ID)) // an id that is no UUID finds no session
	copy(b[16:32], id[:])
}

func keyedHash(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}

func hashOf(secret []byte) domain.SecretHash {
	sum := sha256.Sum256(secret)
	return domain.SecretHash(base64.RawURLEncoding.EncodeToString(sum[:]))
}

// CSRF returns the CSRF token of a session. It stays the same while the session lives, and
// does not follow from the cookie.
func (t *Tokens) CSRF(k domain.SessionKey) string {
	var b [32]byte
	place(b[:], k)
	return base64.RawURLEncoding.EncodeToString(keyedHash(t.csrf, b[:]))
}

// Cookie returns whose session a cookie is of. It returns domain.ErrUnauthenticated for one that
// is not ours, or whose session has ended.
func (t *Tokens) Cookie(ctx context.Context, text string) (domain.Account, error) {
	secret, ok := t.ReadSecret(domain.CookieSession, text)
	if !ok {
		return domain.Account{}, errBadCookie
	}
	account, err := t.admit(ctx, secret.SessionKey, "", errBadCookie)
	if err != nil {
		return domain.Account{}, err
	}
	if account.Session.Kind != domain.CookieSession || !account.Session.Hash.Equal(secret.Hash) {
		return domain.Account{}, errBadCookie
	}
	if e := account.Session.Environment; e != 0 { // one that began before all was proved is in none
		account.Current = domain.NumberRef(e)
	}
	return account, nil
}

var errBadCookie = domain.ErrUnauthenticated.Saying("The session has ended; sign in again.")
