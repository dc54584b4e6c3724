package authn

import (
	"context"
	"errors"
	"sync"
	"time"

	"canopy/domain"
)

// Activity notes when users were seen, and sessions and API keys used, and writes it down together, so
// that no request waits for it. It is safe for concurrent use.
type Activity struct {
	accounts Accounts
	now      func() time.Time

	mu   sync.Mutex
	seen map[domain.UserKey]time.Time
	used map[domain.SessionKey]time.Time
	keys map[domain.APIKeyRef]time.Time
}

const (
	// seenEvery is how far the time a user was last seen may lag behind.
	seenEvery = time.Minute
	// maxSeen bounds how many users, sessions and keys each are noted between two flushes;
	// more are not.
	maxSeen = 10_000
)

// NewActivity returns an empty note over accounts.
func NewActivity(accounts Accounts, now func() time.Time) *Activity {
	return &Activity{accounts: accounts, now: now, seen: make(map[domain.UserKey]time.Time),
		used: make(map[domain.SessionKey]time.Time),
		keys: make(map[domain.APIKeyRef]time.Time)}
}

// Saw notes that the account sent a request, if that is news.
func (a *Activity) Saw(account *domain.Account) {
	now := a.now()
	user := now.Sub(account.LastSeen) >= seenEvery
	session := account.Session.ID != "" && now.Sub(account.Session.LastUsed) >= seenEvery
	key := account.Key.ID != "" && now.Sub(account.Key.LastUsed) >= seenEvery
	if !user && !session && !key {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if user {
		note(a.seen, domain.UserKey{Organization: account.Organization, User: account.User}, now)
	}
	if session {
		note(a.used, account.Session.SessionKey, now)
	}
	if key {
		note(a.keys, account.Key.APIKeyRef, now)
	}
}

func note[K comparable](times map[K]time.Time, key K, now time.Time) {
	if _, noted := times[key]; noted || len(times) < maxSeen {
		times[key] = now
	}
}

// Flush writes down what was noted. What could not be written is lost: it is a hint.
func (a *Activity) Flush(ctx context.Context) error {
	a.mu.Lock()
	seen, used, keys := a.seen, a.used, a.keys
	a.seen, a.used = make(map[domain.UserKey]time.Time), make(map[domain.SessionKey]time.Time)
	a.keys = make(map[domain.APIKeyRef]time.Time)
	a.mu.Unlock()
	return errors.Join(a.accounts.Seen(ctx, seen), a.accounts.SessionsSeen(ctx, used), a.accounts.APIKeysSeen(ctx, keys))
}
