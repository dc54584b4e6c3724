package accounts

import (
	"cmp"
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
	gate  *tenancy.Gate
	users *directory.Users
	store APIKeyStore
	most  int64 // of one user
	now   func() time.Time
}

// NewAPIKeys returns the use cases of API keys, of which one user has at most a number.
func NewAPIKeys(gate *tenancy.Gate, users *directory.Users, store APIKeyStore, most int64,
	now func() time.Time) *APIKeys {
	return &APIKeys{gate: gate, users: users, store: store, most: most, now: now}
}

// APIKeyStore shows the API keys of users, and changes them in transactions. What a method takes of a scope is
// all there is for it.
type APIKeyStore interface {
	// List returns the keys of a user with their texts, the oldest first; none if there is no such user.
	List(ctx context.Context, sc tenancy.Scope, user domain.UserKey) ([]domain.APIKey, error)
	// Do runs work in one transaction within w. The whole of work is run again on a conflict.
	Do(ctx context.Context, w tenancy.WriteScope, work func(tx APIKeyTx) error) error
}

// APIKeyTx changes the API keys of users whom User returned, in one transaction.
type APIKeyTx interface {
	// User returns a user, locked, or domain.ErrUserNotFound.
	User(key domain.UserKey) (domain.User, error)
	// APIKeys is APIKeyStore.List.
	APIKeys(user domain.UserKey) ([]domain.APIKey, error)
	// NoteAPIKeyShown notes that a key is shown to somebody else than its user.
	NoteAPIKeyShown(k *domain.APIKey) error
	// InsertAPIKey gives a user a key, which is theirs then, under a new id.
	InsertAPIKey(user domain.UserKey, k *domain.APIKey) error
	// DeleteAPIKey revokes a key of a user, or returns domain.ErrAPIKeyNotFound.
	DeleteAPIKey(user domain.UserKey, id domain.UUID) error
}

// firstAPIKey is what a key is called that was made without being asked for.
const firstAPIKey = "First key"

// newAPIKey returns a key nobody has, with a text of 260 random bits.
func newAPIKey(name string, now time.Time) domain.APIKey {
	return domain.APIKey{Name: name, Text: domain.SecretText(rand.Text() + rand.Text()), Created: now}
}

// HeldKey is an API key with what its user is called.
type HeldKey struct {
	domain.APIKey
	Alias string
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

// over returns the user that ref names, zero is the caller, if the caller may use their keys: their own by
// domain.APIKeyManage, those of others by domain.UserUpdate on somebody whom the caller may change.
func (k *APIKeys) over(ctx context.Context, caller *domain.Principal, ref domain.UserRef) (h holder, err error) {
	if ref == (domain.UserRef{}) || caller.Is(ref) {
		return oneself(ctx, k.gate, caller, domain.APIKeyManage)
	}
	if h, err = find(ctx, k.users, caller, ref); err != nil {
		return h, err
	}
	if h.own {
		return oneself(ctx, k.gate, caller, domain.APIKeyManage)
	}
	if err := h.enter(ctx, k.gate, caller, domain.UserUpdate); err != nil {
		return h, err
	}
	return h, h.may(&h.found)
}

// KeyDocument is an API key with the environment it is narrowed to, nil for none and where the reader
// does not reach it.
type KeyDocument struct {
	domain.APIKey
	Environment *directory.EnvironmentDocument
}

// describe adds to keys what a surface shows beside them, of all at once.
func (k *APIKeys) describe(ctx context.Context, caller *domain.Principal,
	keys ...domain.APIKey) ([]KeyDocument, error) {
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

func (k *APIKeys) describeOne(ctx context.Context, caller *domain.Principal, key domain.APIKey,
	err error) (KeyDocument, error) {
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
// domain.UserUpdate on the user, and the rules of Users.Update hold. It returns NotFound outside
// the caller's reach.
func (k *APIKeys) List(ctx context.Context, caller domain.Principal, user domain.UserRef) ([]KeyDocument, error) {
	h, err := k.over(ctx, &caller, user)
	if err != nil {
		return nil, err
	}
	all, err := k.store.List(ctx, h.w.Read(), h.found.Key())
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
	if err = cmp.Or(err, k.gate.Recent(&caller)); err != nil {
		return KeyDocument{}, err
	}
	key, err := k.shown(ctx, &h, in.In)
	return k.describeOne(ctx, &caller, key, err)
}

// shown returns the holder's key with that id, with none the oldest plain one.
func (k *APIKeys) shown(ctx context.Context, h *holder, id domain.UUID) (key domain.APIKey, err error) {
	if h.own {
		all, err := k.store.List(ctx, h.w.Read(), h.found.Key())
		if err != nil {
			return key, err
		}
		return pick(all, id)
	}
	err = k.store.Do(ctx, h.w, func(tx APIKeyTx) error {
		all, err := h.keys(tx)
		if err != nil {
			return err
		}
		if key, err = pick(all, id); err != nil {
			return err
		}
		return h.note(tx, &key)
	})
	return key, err
}

// note notes that a key is shown, if that is to somebody else than its user.
func (h *holder) note(tx APIKeyTx, key *domain.APIKey) error {
	if h.own {
		return nil
	}
	return tx.NoteAPIKeyShown(key)
}

// keys returns the keys of the holder, whom the caller may change.
func (h *holder) keys(tx APIKeyTx) ([]domain.APIKey, error) {
	if _, err := h.user(tx); err != nil {
		return nil, err
	}
	return tx.APIKeys(h.found.Key())
}

func pick(keys []domain.APIKey, id domain.UUID) (domain.APIKey, error) {
	for _, key := range keys {
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

// key returns the key that in asks for, nobody's yet, narrowed to what the caller reaches.
func (in *NewAPIKey) key(ctx context.Context, gate *tenancy.Gate, caller *domain.Principal,
	now time.Time) (domain.APIKey, error) {
	key := newAPIKey(in.Name, now)
	key.Expires = in.Expires.UTC().Truncate(time.Millisecond)
	if mask := in.Mask; mask != nil {
		if mask.Named() == 0 {
			return key, domain.InvalidField("permission", "At least one permission is required.")
		}
		key.Narrowed.Mask = *mask
	}
	if in.Environment != "" {
		e, err := gate.Environment(ctx, caller, in.Environment)
		if err != nil {
			return key, domain.AsError(err).On("environment")
		}
		key.Narrowed.Place = e.Path
	}
	return key, key.Validate()
}

// Create makes a key for a user and returns it with its text, under the rules of List. It returns Conflict
// beyond the quota. A key that is narrowed never lets a program change the user's own account,
// password, sessions and keys. The key of a service account must have an end.
func (k *APIKeys) Create(ctx context.Context, caller domain.Principal, in OfUser[NewAPIKey]) (KeyDocument, error) {
	h, err := k.over(ctx, &caller, in.User)
	if err = cmp.Or(err, k.gate.Recent(&caller)); err != nil {
		return KeyDocument{}, err
	}
	key, err := in.In.key(ctx, k.gate, &caller, k.moment())
	if err != nil {
		return KeyDocument{}, err
	}
	described, err := k.describe(ctx, &caller, key)
	if err != nil {
		return KeyDocument{}, err
	}
	document := described[0]
	err = k.store.Do(ctx, h.w, func(tx APIKeyTx) error {
		user, err := h.user(tx)
		if err != nil {
			return err
		}
		if user.System && key.Expires.IsZero() {
			return errEndless.On("expires")
		}
		present, err := tx.APIKeys(user.Key())
		if err != nil {
			return err
		}
		if err := k.insert(tx, &h, present, &key); err != nil {
			return err
		}
		document.APIKey = key
		domain.Conclude(ctx, document)
		return nil
	})
	return document, err
}

// insert gives the holder, who has those present, a key, unless they have as many as may be.
func (k *APIKeys) insert(tx APIKeyTx, h *holder, present []domain.APIKey, key *domain.APIKey) error {
	if int64(len(present)) >= k.most {
		return domain.ErrTooManyAPIKeys.Saying(
			"One user may have at most %d API keys; revoke one first. The server's --quotas say so.", k.most)
	}
	return tx.InsertAPIKey(h.found.Key(), key)
}

// Revoke takes a key away from a user, under the rules of List. No request is taken with it
// any more, on any server.
func (k *APIKeys) Revoke(ctx context.Context, caller domain.Principal, in OfUser[domain.UUID]) error {
	h, err := k.over(ctx, &caller, in.User)
	if err = cmp.Or(err, k.gate.Recent(&caller)); err != nil {
		return err
	}
	return k.store.Do(ctx, h.w, func(tx APIKeyTx) error {
		if _, err := h.user(tx); err != nil {
			return err
		}
		return tx.DeleteAPIKey(h.found.Key(), in.In)
	})
}

// First returns the oldest plain key of a user, zero is the caller, its text included, and what they are
// called. It makes one for a user who has none. The rules of List hold.
func (k *APIKeys) First(ctx context.Context, caller domain.Principal, user domain.UserRef) (HeldKey, error) {
	h, err := k.over(ctx, &caller, user)
	if err = cmp.Or(err, k.gate.Recent(&caller)); err != nil {
		return HeldKey{}, err
	}
	key, err := k.shown(ctx, &h, "")
	if !domain.ErrAPIKeyNotFound.Is(err) {
		return HeldKey{key, h.found.Alias}, err
	}
	err = k.store.Do(ctx, h.w, func(tx APIKeyTx) error {
		present, err := h.keys(tx)
		if err != nil {
			return err
		}
		if key, err = pick(present, ""); err == nil { // somebody else made it meanwhile
			return h.note(tx, &key)
		}
		key = newAPIKey(firstAPIKey, k.moment())
		return k.insert(tx, &h, present, &key)
	})
	return HeldKey{key, h.found.Alias}, err
}

func (k *APIKeys) moment() time.Time { return k.now().UTC().Truncate(time.Millisecond) }
