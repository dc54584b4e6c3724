package accounts

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// APIKeys shows, makes and revokes the keys by which programs act as users.
type APIKeys struct {
	gate     *tenancy.Gate
	users    *directory.Users
	accounts directory.UserStore
	store    APIKeyStore
	most     int64 // of one user
	now      func() time.Time
}

// NewAPIKeys returns the use cases of API keys, of which one user has at most a number.
func NewAPIKeys(gate *tenancy.Gate, users *directory.Users, accounts directory.UserStore, store APIKeyStore, most int64, now func() time.Time) *APIKeys {
	return &APIKeys{gate: gate, users: users, accounts: accounts, store: store, most: most, now: now}
}

// APIKeyStore shows, adds and revokes the API keys of users, under the same rule.
type APIKeyStore interface {
	// List returns the keys of the user with that number with their texts, the oldest first;
	// none if there is no such user.
	List(ctx context.Context, sc tenancy.Scope, user domain.UserID) ([]domain.APIKey, error)
	// Show returns the user's key with that id, with none the oldest, unless check returns an
	// error, and notes that it was shown. It is domain.ErrAPIKeyNotFound if they have no such
	// key.
	Show(ctx context.Context, w tenancy.WriteScope, user domain.UserID, id domain.UUID, check func(domain.User) error) (domain.APIKey, error)
	// Insert gives the user a key, unless check, which is asked about the user and their keys
	// as they are then, returns an error.
	Insert(ctx context.Context, w tenancy.WriteScope, user domain.UserID, k domain.APIKey,
		check func(domain.User, []domain.APIKey) error) (domain.APIKey, error)
	// Delete revokes a key of the user, unless check returns an error. It is
	// domain.ErrAPIKeyNotFound if they have no such key.
	Delete(ctx context.Context, w tenancy.WriteScope, user domain.UserID, id domain.UUID, check func(domain.User) error) error
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
	User domain.UserRef // zero is the caller
	In   T
}

// holder is somebody whose keys are to be seen or changed.
type holder struct {
	id    domain.UserID
	w     tenancy.WriteScope
	own   bool
	check func(domain.User) error
}

// over returns the proof that the caller may use the keys of the user that ref names: their own by
// domain.APIKeyManage, those of others by domain.UserUpdate on somebody whom who may change.
func (k *APIKeys) over(ctx context.Context, caller *domain.Principal, ref domain.UserRef) (holder, error) {
	if ref == (domain.UserRef{}) || caller.Is(ref) {
		w, err := k.gate.EnterWrite(ctx, caller, domain.APIKeyManage, tenancy.Anywhere())
		return holder{caller.User, w, true, anybody}, err
	}
	target, err := k.users.Read(ctx, caller, ref)
	if err != nil {
		return holder{}, err
	}
	if target.ID == caller.User {
		return k.over(ctx, caller, caller.Ref())
	}
	w, err := k.gate.EnterUser(ctx, caller, domain.UserUpdate, &target)
	if err != nil {
		return holder{}, err
	}
	giver, err := k.gate.Giver(ctx, caller, target.Organization)
	if err != nil {
		return holder{}, err
	}
	check := func(u domain.User) error { return giver.MayChange(&u) }
	return holder{target.ID, w, false, check}, check(target)
}

// KeyDocument is an API key with the environment it is narrowed to, nil for none and where the reader
// does not reach it.
type KeyDocument struct {
	domain.APIKey
	Environment *directory.EnvironmentDocument
}

// describe adds to keys what a surface shows beside them, of all at once.
func (k *APIKeys) describe(ctx context.Context, caller *domain.Principal, keys ...domain.APIKey) ([]KeyDocument, error) {
	var refs []domain.EnvironmentRef
	sc, err := k.gate.Enter(ctx, caller, domain.EnvironmentRead, tenancy.Anywhere())
	if err != nil && !domain.ErrForbidden.Is(err) {
		return nil, err
	}
	for _, key := range keys {
		if place := key.Narrowed.Place; place != "" && sc.Covers(place) {
			refs = append(refs, domain.NumberRef(place.ID()))
		}
	}
	places, err := k.gate.Environments(ctx, caller, refs)
	if err != nil {
		return nil, err
	}
	described := make([]KeyDocument, len(keys))
	for i, key := range keys {
		described[i].APIKey = key
		j := slices.IndexFunc(places, func(e domain.Environment) bool { return e.Path == key.Narrowed.Place })
		if j >= 0 {
			e := directory.DescribeEnvironment(sc, places[j])
			described[i].Environment = &e
		}
	}
	return described, nil
}

func (k *APIKeys) describeOne(ctx context.Context, caller *domain.Principal, key domain.APIKey, err error) (KeyDocument, error) {
	if err != nil {
		return KeyDocument{}, err
	}
	described, err := k.describe(ctx, caller, key)
	if err != nil {
		return KeyDocument{}, err
	}
	return described[0], nil
}

// List returns the keys of a user, zero is the caller, without their texts, the
// oldest first. It needs domain.APIKeyManage for the caller's own; for those of others
// domain.UserUpdate on the user, and the rules of Users.Update hold. It is NotFound outside
// The caller's reach.
func (k *APIKeys) List(ctx context.Context, caller domain.Principal, user domain.UserRef) ([]KeyDocument, error) {
	h, err := k.over(ctx, &caller, user)
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
	return k.describe(ctx, &caller, all...)
}

// Get returns one key of a user with its text, under the rules of List. That somebody else's was
// shown is noted.
func (k *APIKeys) Get(ctx context.Context, caller domain.Principal, in OfUser[domain.UUID]) (KeyDocument, error) {
	h, err := k.over(ctx, &caller, in.User)
	if err != nil {
		return KeyDocument{}, err
	}
	key, err := k.shown(ctx, &h, in.In)
	return k.describeOne(ctx, &caller, key, err)
}

// shown returns the holder's key with that id, with none the oldest plain one.
func (k *APIKeys) shown(ctx context.Context, h *holder, id domain.UUID) (domain.APIKey, error) {
	if !h.own {
		return k.store.Show(ctx, h.w, h.id, id, h.check)
	}
	all, err := k.store.List(ctx, h.w.Read(), h.id)
	if err != nil {
		return domain.APIKey{}, err
	}
	for _, key := range all {
		if key.ID == id || id == "" && key.Plain() {
			return key, nil
		}
	}
	return domain.APIKey{}, domain.ErrAPIKeyNotFound
}

// NewAPIKey is what a new key is to be.
type NewAPIKey struct {
	Name    string
	Expires time.Time // zero is never
	// Mask narrows the key to permissions, nil to none less than its user has; Environment to that one
	// with everything below it, empty to none less.
	Mask        *domain.Mask
	Environment domain.EnvironmentRef
}

// Create makes a key for a user and returns it with its text, under the rules of List. It is Conflict
// beyond the quota. A key that is narrowed never lets a program change the user's own account,
// password, sessions and keys.
func (k *APIKeys) Create(ctx context.Context, caller domain.Principal, in OfUser[NewAPIKey]) (KeyDocument, error) {
	h, err := k.over(ctx, &caller, in.User)
	if err != nil {
		return KeyDocument{}, err
	}
	key := newAPIKey(in.In.Name, k.moment())
	key.Expires = in.In.Expires.UTC().Truncate(time.Millisecond)
	if mask := in.In.Mask; mask != nil {
		if mask.Named() == 0 {
			return KeyDocument{}, domain.InvalidField("permission", "At least one permission is required.")
		}
		key.Narrowed.Mask = *mask
	}
	if in.In.Environment != "" {
		e, err := k.gate.Environment(ctx, &caller, in.In.Environment)
		if err != nil {
			return KeyDocument{}, domain.AsError(err).On("environment")
		}
		key.Narrowed.Place = e.Path
	}
	if err := key.Validate(); err != nil {
		return KeyDocument{}, err
	}
	key, err = k.store.Insert(ctx, h.w, h.id, key, func(u domain.User, present []domain.APIKey) error {
		if err := k.room(present); err != nil {
			return err
		}
		return h.check(u)
	})
	return k.describeOne(ctx, &caller, key, err)
}

// Revoke takes a key away from a user, under the rules of List. No request is taken with it
// any more, on any server.
func (k *APIKeys) Revoke(ctx context.Context, caller domain.Principal, in OfUser[domain.UUID]) error {
	h, err := k.over(ctx, &caller, in.User)
	if err != nil {
		return err
	}
	return k.store.Delete(ctx, h.w, h.id, in.In, h.check)
}

// First returns a user, zero is the caller, and their oldest plain key, its text included.
// It makes one for a user who has none. The rules of List hold.
func (k *APIKeys) First(ctx context.Context, caller domain.Principal, user domain.UserRef) (KeyHolder, error) {
	h, err := k.over(ctx, &caller, user)
	if err != nil {
		return KeyHolder{}, err
	}
	u, err := k.accounts.Get(ctx, h.w.Read(), domain.UserRef{ID: h.id})
	if err != nil {
		return KeyHolder{}, err
	}
	key, err := k.shown(ctx, &h, "")
	if !domain.ErrAPIKeyNotFound.Is(err) {
		return KeyHolder{u, key}, err
	}
	made := newAPIKey(firstAPIKey, k.moment())
	key, err = k.store.Insert(ctx, h.w, h.id, made, func(u domain.User, others []domain.APIKey) error {
		switch {
		case slices.ContainsFunc(others, func(k domain.APIKey) bool { return k.Plain() }):
			return domain.ErrChanged // somebody else made it meanwhile
		case k.room(others) != nil:
			return k.room(others)
		}
		return h.check(u)
	})
	if domain.ErrChanged.Is(err) {
		key, err = k.shown(ctx, &h, "")
	}
	return KeyHolder{u, key}, err
}

// room is Conflict if a user who has these keys may have no further one.
func (k *APIKeys) room(present []domain.APIKey) error {
	if int64(len(present)) < k.most {
		return nil
	}
	return domain.ErrTooManyAPIKeys.Saying("One user may have at most %d API keys; revoke one first. The server's --quotas say so.", k.most)
}

func (k *APIKeys) moment() time.Time { return k.now().UTC().Truncate(time.Millisecond) }
