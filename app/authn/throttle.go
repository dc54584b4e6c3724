package authn

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"canopy/domain"
)

// The limits of failed sign-ins. A count begins anew failureWindow after its first failure.
const (
	failureWindow = 15 * time.Minute
	// pairFree is how many failures of one name from one address cost nothing; each
	// further one doubles the wait, up to maxWait.
	pairFree = 5
	maxWait  = 15 * time.Minute
	// addressFree is the same for one address over all names.
	addressFree = 50
	// keyFree is how many wrong API keys from one address cost nothing.
	keyFree = 50
	// nameFree is the same for one name over all addresses; from then on there is one
	// attempt per namePause.
	nameFree  = 50
	namePause = 10 * time.Second
	// knownFor is how long an address stays known after a sign-in.
	knownFor = 90 * 24 * time.Hour
)

// throttle slows down guessing. Names and addresses are stored as keyed hashes.
type throttle struct {
	accounts Accounts
	key      []byte
	now      func() time.Time
}

// attempt is one sign-in that was let through.
type attempt struct {
	pair, address, name string
	// from is the address as it is remembered for a user; known is whether it is, as far as
	// that was asked.
	from  string
	known bool
}

func (a attempt) subjects() []string { return []string{a.pair, a.address, a.name} }

// begin lets an attempt through and counts it as failed until it is known to be otherwise.
// account is the one the login names, nil if there is none.
func (t *throttle) begin(ctx context.Context, login, address string, account *domain.Account) (attempt, error) {
	network := domain.NetworkOf(address)
	a := attempt{
		pair:    "pair " + t.mac(domain.Fold(login), network),
		address: "address " + t.mac(network),
		name:    "name " + t.mac(domain.Fold(login)),
		from:    t.mac(network),
	}
	now := t.now()
	failures, err := t.accounts.Failures(ctx, a.subjects())
	if err != nil {
		return a, err
	}
	for subject, f := range failures {
		if f.Since.Before(now.Add(-failureWindow)) {
			delete(failures, subject)
		}
	}
	if wait := until(now, failures[a.pair], pause(failures[a.pair].Count, pairFree)); wait > 0 {
		return a, tooMany(wait)
	}
	wait := max(until(now, failures[a.address], pause(failures[a.address].Count, addressFree)),
		until(now, failures[a.name], steady(failures[a.name].Count)))
	if wait > 0 {
		known, err := t.known(ctx, a, account)
		if err != nil {
			return a, err
		}
		if !known {
			return a, tooMany(wait)
		}
		a.known = true
	}
	counts, err := t.accounts.CountFailure(ctx, a.subjects(), now, now.Add(-failureWindow))
	if err != nil {
		return a, err
	}
	// Others may have been let through at the same moment: the count tells.
	if counts[a.pair] > max(failures[a.pair].Count, pairFree)+1 {
		return a, tooMany(pause(counts[a.pair], pairFree))
	}
	return a, nil
}

func (t *throttle) known(ctx context.Context, a attempt, account *domain.Account) (bool, error) {
	if account == nil {
		return false, nil
	}
	return t.accounts.KnowsAddress(ctx, account.Organization, account.User, a.from, t.now().Add(-knownFor))
}

// succeeded takes the attempt back and remembers the address as one of the user's.
func (t *throttle) succeeded(ctx context.Context, a attempt, account *domain.Account) error {
	if err := t.accounts.Forgive(ctx, a.pair, a.subjects()); err != nil {
		return err
	}
	return t.accounts.RememberAddress(ctx, account.Organization, account.User, a.from, t.now())
}

// undone takes back an attempt that was none.
func (t *throttle) undone(ctx context.Context, a attempt) error {
	return t.accounts.Forgive(ctx, "", a.subjects())
}

// guessed counts a wrong API key that came from address, and is domain.ErrTooMany beyond the
// limit. Right ones are never counted nor refused for it: the keys are too long to be found
// by trying, so the limit saves work and does not have to lock anybody out: what is refused
// while it is paused writes nothing.
func (t *throttle) guessed(ctx context.Context, address string) error {
	now := t.now()
	subject := "key " + t.mac(domain.NetworkOf(address))
	failures, err := t.accounts.Failures(ctx, []string{subject})
	if err != nil {
		return err
	}
	if f := failures[subject]; !f.Since.Before(now.Add(-failureWindow)) && f.Count > keyFree {
		if wait := until(now, f, pause(f.Count, keyFree)); wait > 0 {
			return tooMany(wait)
		}
	}
	counts, err := t.accounts.CountFailure(ctx, []string{subject}, now, now.Add(-failureWindow))
	if err != nil {
		return err
	}
	if counts[subject] > keyFree {
		return tooMany(pause(counts[subject], keyFree))
	}
	return nil
}

// pause is how long to wait after n failures of which some are free.
func pause(n, free int64) time.Duration {
	if n < free {
		return 0
	}
	return min(time.Second<<min(n-free, 20), maxWait)
}

// steady is how long to wait after n failures of one name.
func steady(n int64) time.Duration {
	if n < nameFree {
		return 0
	}
	return namePause
}

func until(now time.Time, f domain.Failures, pause time.Duration) time.Duration {
	return f.Last.Add(pause).Sub(now)
}

func tooMany(wait time.Duration) error {
	return domain.ErrTooMany.Saying("Too many failed sign-ins; try again later.").After(int(wait/time.Second) + 1)
}

// mac is a keyed hash of the parts, which cannot run into one another.
func (t *throttle) mac(parts ...string) string {
	h := hmac.New(sha256.New, t.key)
	for _, part := range parts {
		sum := sha256.Sum256([]byte(part))
		h.Write(sum[:])
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}
