package authn

import (
	"context"
	"sync"
	"time"

	"canopy/domain"
)

// Activity notes when users were seen, and writes it down together, so that no request
// waits for it. It is safe for concurrent use.
type Activity struct {
	accounts Accounts
	now      func() time.Time

	mu   sync.Mutex
	seen map[domain.UserKey]time.Time
}

const (
	// seenEvery is how far the time a user was last seen may lag behind.
	seenEvery = time.Minute
	// maxSeen bounds how many users are noted between two flushes; more are not.
	maxSeen = 10_000
)

// NewActivity returns an empty note over accounts.
func NewActivity(accounts Accounts, now func() time.Time) *Activity {
	return &Activity{accounts: accounts, now: now, seen: make(map[domain.UserKey]time.Time)}
}

// Saw notes that the account sent a request, if that is news.
func (a *Activity) Saw(account *domain.Account) {
	now := a.now()
	if now.Sub(account.LastSeen) < seenEvery {
		return
	}
	key := domain.UserKey{Organization: account.Organization, User: account.User}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, noted := a.seen[key]; noted || len(a.seen) < maxSeen {
		a.seen[key] = now
	}
}

// Flush writes down what was noted. What could not be written is lost: it is a hint.
func (a *Activity) Flush(ctx context.Context) error {
	a.mu.Lock()
	seen := a.seen
	a.seen = make(map[domain.UserKey]time.Time)
	a.mu.Unlock()
	return a.accounts.Seen(ctx, seen)
}
