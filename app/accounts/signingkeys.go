package accounts

import (
	"context"
	"time"

	"canopy/domain"
)

// SigningKeys is the keys that sign access tokens. It is for whoever works on the directory
// itself, and asks for no principal.
type SigningKeys struct {
	store    SigningKeyStore
	halves   PublicHalves
	operator string
	lifetime time.Duration
	now      func() time.Time
}

// NewSigningKeys returns the use cases of signing keys, done by operator. lifetime is that
// of the longest token.
func NewSigningKeys(store SigningKeyStore, halves PublicHalves, operator string, lifetime time.Duration,
	now func() time.Time) *SigningKeys {
	return &SigningKeys{store: store, halves: halves, operator: operator, lifetime: lifetime, now: now}
}

// PublicHalves knows the keys by their names.
type PublicHalves interface {
	// Public returns the public half of the key with that name.
	Public(name string) domain.VerifyingKey
}

// SigningKeyStore keeps the names of the keys that sign tokens.
type SigningKeyStore interface {
	// List returns all keys, the newest first.
	List(ctx context.Context) ([]domain.SigningKey, error)
	// Rotate makes a new key that signs from now on, in the name of operator. The others are
	// good until every token signed with one of them has expired, of which the longest lasts
	// for lifetime; with revoke they are good for nothing, and the sessions that live by their
	// tokens alone end.
	Rotate(ctx context.Context, operator string, lifetime time.Duration, revoke bool) (domain.SigningKey, error)
}

// List returns all keys, the newest first, which signs.
func (s *SigningKeys) List(ctx context.Context) ([]domain.SigningKey, error) {
	return s.store.List(ctx)
}

// Public returns the public halves of the keys whose signatures are good, the newest first.
func (s *SigningKeys) Public(ctx context.Context) ([]domain.VerifyingKey, error) {
	keys, err := s.store.List(ctx)
	if err != nil {
		return nil, err
	}
	public := make([]domain.VerifyingKey, 0, len(keys))
	for _, k := range keys {
		if k.Until.IsZero() || s.now().Before(k.Until) {
			public = append(public, s.halves.Public(k.ID))
		}
	}
	return public, nil
}

// Rotate makes a new key, which signs from the answer on, on every server. What others have
// signed is good until it expires.
func (s *SigningKeys) Rotate(ctx context.Context) (domain.SigningKey, error) {
	return s.store.Rotate(ctx, s.operator, s.lifetime, false)
}

// Revoke is Rotate after a key was lost: what others have signed is void from the answer on,
// on every server. Refresh tokens and cookies, which no key signs, are good as before.
func (s *SigningKeys) Revoke(ctx context.Context) (domain.SigningKey, error) {
	return s.store.Rotate(ctx, s.operator, s.lifetime, true)
}
