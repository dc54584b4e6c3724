package usecase

import (
	"context"
	"crypto/rand"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// APIKeys shows, makes and revokes the keys by which programs act as users.
type APIKeys struct {
	gate  *tenancy.Gate
	users *Users
	store APIKeyStore
	now   func() time.Time
}

// NewAPIKeys returns the use cases of API keys.
func NewAPIKeys(gate *tenancy.Gate, users *Users, store APIKeyStore, now func() time.Time) *APIKeys {
	return &APIKeys{gate: gate, users: users, store: store, now: now}
}

// firstAPIKey is what a key is called that was made without being asked for.
const firstAPIKey = "First key"

// newAPIKey returns a key nobody has, with a text of 260 random bits.
func newAPIKey(name string, now time.Time) domain.APIKey {
	return domain.APIKey{Name: name, Text: domain.SecretText(rand.Text() + rand.Text()), Created: now}
}

// KeyHolder is a user with one of their API keys.
type KeyHolder struct {
	User domain.User
	Key  domain.APIKey
}

// OfUser names a user and what is asked about them.
type OfUser[T any] struct {
	User domain.UserID // 0 is who asks
	In   T
}

// holder is somebody whose keys are to be seen or changed.
type holder struct {
	id    domain.UserID
	w     tenancy.WriteScope
	own   bool
	check func(domain.User) error
}

// over returns the proof that who may use the keys of the user with that number: their own by
// domain.APIKeyManage, those of others by domain.UserUpdate on somebody whom who may change.
func (k *APIKeys) over(ctx context.Context, who *domain.Principal, id domain.UserID) (holder, error) {
	if id == 0 || id == who.User {
		w, err := k.gate.EnterWrite(ctx, who, domain.APIKeyManage, tenancy.Anywhere())
		return holder{who.User, w, true, anybody}, err
	}
	target, err := k.users.read(ctx, who, id)
	if err != nil {
		return holder{}, err
	}
	w, err := k.gate.EnterUser(ctx, who, domain.UserUpdate, &target)
	if err != nil {
		return holder{}, err
	}
	giver, err := k.gate.Giver(ctx, who, target.Organization)
	if err != nil {
		return holder{}, err
	}
	check := func(u domain.User) error { return giver.MayChange(&u) }
	return holder{id, w, false, check}, check(target)
}

// List returns the keys of the user with that number, 0 is who, without their texts, the
// oldest first. It needs domain.APIKeyManage for who's own; for those of others
// domain.UserUpdate on the user, and the rules of Users.Update hold. It is NotFound outside
// who's reach.
func (k *APIKeys) List(ctx context.Context, who domain.Principal, user domain.UserID) ([]domain.APIKey, error) {
	h, err := k.over(ctx, &who, user)
	if err != nil {
		return nil, err
	}
	all, err := k.store.List(ctx, h.w.Read(), h.id)
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].Text = ""
	}
	return all, nil
}

// Get returns one key of a user with its text, under the rules of List. That somebody else's was
// shown is noted.
func (k *APIKeys) Get(ctx context.Context, who domain.Principal, in OfUser[domain.UUID]) (domain.APIKey, error) {
	h, err := k.over(ctx, &who, in.User)
	if err != nil {
		return domain.APIKey{}, err
	}
	return k.shown(ctx, &h, in.In)
}

// shown returns the holder's key with that id, with none the oldest.
func (k *APIKeys) shown(ctx context.Context, h *holder, id domain.UUID) (domain.APIKey, error) {
	if !h.own {
		return k.store.Show(ctx, h.w, h.id, id, h.check)
	}
	all, err := k.store.List(ctx, h.w.Read(), h.id)
	if err != nil {
		return domain.APIKey{}, err
	}
	for _, key := range all {
		if id == "" || key.ID == id {
			return key, nil
		}
	}
	return domain.APIKey{}, domain.ErrAPIKeyNotFound
}

// Create makes a key of that name for a user and returns it with its text, under the rules of
// List. It is Conflict beyond domain.MaxAPIKeys.
func (k *APIKeys) Create(ctx context.Context, who domain.Principal, in OfUser[string]) (domain.APIKey, error) {
	h, err := k.over(ctx, &who, in.User)
	if err != nil {
		return domain.APIKey{}, err
	}
	key := newAPIKey(in.In, k.moment())
	if err := key.Validate(); err != nil {
		return domain.APIKey{}, err
	}
	return k.store.Insert(ctx, h.w, h.id, key, func(u domain.User, present []domain.APIKey) error {
		if len(present) >= domain.MaxAPIKeys {
			return domain.ErrTooManyAPIKeys
		}
		return h.check(u)
	})
}

// Revoke takes a key away from a user, under the rules of List. No request is taken with it
// any more, on any server.
func (k *APIKeys) Revoke(ctx context.Context, who domain.Principal, in OfUser[domain.UUID]) error {
	h, err := k.over(ctx, &who, in.User)
	if err != nil {
		return err
	}
	return k.store.Delete(ctx, h.w, h.id, in.In, h.check)
}

// First returns the user with that number, 0 is who, and their oldest key, its text included.
// It makes one for a user who has none. The rules of List hold.
func (k *APIKeys) First(ctx context.Context, who domain.Principal, user domain.UserID) (KeyHolder, error) {
	h, err := k.over(ctx, &who, user)
	if err != nil {
		return KeyHolder{}, err
	}
	u, err := k.users.store.Get(ctx, h.w.Read(), h.id)
	if err != nil {
		return KeyHolder{}, err
	}
	key, err := k.shown(ctx, &h, "")
	if !domain.ErrAPIKeyNotFound.Is(err) {
		return KeyHolder{u, key}, err
	}
	made := newAPIKey(firstAPIKey, k.moment())
	key, err = k.store.Insert(ctx, h.w, h.id, made, func(u domain.User, others []domain.APIKey) error {
		if len(others) > 0 {
			return domain.ErrTooManyAPIKeys // somebody else made it meanwhile
		}
		return h.check(u)
	})
	if domain.ErrTooManyAPIKeys.Is(err) {
		key, err = k.shown(ctx, &h, "")
	}
	return KeyHolder{u, key}, err
}

func (k *APIKeys) moment() time.Time { return k.now().UTC().Truncate(time.Millisecond) }
