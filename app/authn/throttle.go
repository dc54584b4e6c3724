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
	// nameFree is the same for one name over all addresses. From then on the name is being
	// guessed: an address from which it was hardly tried has freshTries attempts in freshWindow,
	// each freshPause longer after the one before; all others together have one per namePause.
	nameFree    = 50
	freshTries  = 3
	freshPause  = 5 * time.Second
	freshWindow = 24 * time.Hour
	namePause   = 10 * time.Second
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
	pair, address, name, fresh string
	// counted are those that count it.
	counted []string
	// from is the address as it is remembered for a user; known is whether it is, as far as
	// that was asked.
	from  string
	known bool
	// guessed says that the name is being guessed at from the address, which is known: the
	// attempt is not to be refused for it, but made after others.
	guessed bool
}

// begin lets an attempt through and counts it as failed until it is known to be otherwise.
// account is the one the login names, nil if there is none. An address from which that account has
// signed in before is never made to wait: others may be there too.
func (t *throttle) begin(ctx context.Context, login, address string, account *domain.Account) (attempt, error) {
	a := t.attempt(login, address)
	now := t.now()
	failures, err := t.accounts.Failures(ctx, []string{a.pair, a.address, a.name, a.fresh})
	if err != nil {
		return a, err
	}
	since := now.Add(-failureWindow)
	pair, from, name := counted(failures, a.pair, since), counted(failures, a.address, since),
		counted(failures, a.name, since)
	unused := counted(failures, a.fresh, now.Add(-freshWindow))
	wait := max(until(now, pair, pause(pair.Count, pairFree)), until(now, from, pause(from.Count, addressFree)))
	besieged, first := name.Count >= nameFree, max(pair.Count, unused.Count) < freshTries
	switch {
	case besieged && first:
		pair.Last = latest(pair.Last, unused.Last)
		wait = max(wait, until(now, pair, freshPause*time.Duration(max(pair.Count, unused.Count))))
	case besieged:
		wait = max(wait, until(now, name, namePause))
	}
	if wait > 0 || pair.Count >= pairFree {
		if a.known, err = t.known(ctx, a, account); err != nil {
			return a, err
		}
	}
	if wait > 0 && !a.known {
		return a, tooMany(wait)
	}
	a.guessed = a.known && pair.Count >= pairFree
	a.counted = []string{a.pair, a.address, a.name}
	counts, err := t.accounts.CountFailure(ctx, a.counted, now, since)
	if err != nil || a.known {
		return a, err
	}
	// Others may have been let through at the same moment: the counts tell.
	switch {
	case counts[a.pair] > max(pair.Count, pairFree)+1:
		return a, tooMany(pause(counts[a.pair], pairFree))
	case counts[a.address] > max(from.Count, addressFree)+1:
		return a, tooMany(pause(counts[a.address], addressFree))
	case besieged && !first && counts[a.name] > name.Count+1:
		return a, tooMany(namePause)
	case besieged && first:
		return t.beginFresh(ctx, a, now)
	}
	return a, nil
}

// beginFresh counts an attempt at a name that is being guessed from an address from which it was
// hardly tried.
func (t *throttle) beginFresh(ctx context.Context, a attempt, now time.Time) (attempt, error) {
	tries, err := t.accounts.CountFailure(ctx, []string{a.fresh}, now, now.Add(-freshWindow))
	if err != nil {
		return a, err
	}
	a.counted = append(a.counted, a.fresh)
	if tries[a.fresh] > freshTries {
		return a, tooMany(namePause)
	}
	return a, nil
}

// attempt returns an attempt that has not begun.
func (t *throttle) attempt(login, address string) attempt {
	network, name := domain.NetworkOf(address), domain.Fold(login)
	return attempt{
		pair:    "pair " + t.mac(name, network),
		address: "address " + t.mac(network),
		name:    "name " + t.mac(name),
		fresh:   "fresh " + t.mac(name, network),
		from:    t.mac(network),
	}
}

// counted returns what is counted for a subject, nothing if that began before since.
func counted(failures map[string]domain.Failures, subject string, since time.Time) domain.Failures {
	if f := failures[subject]; !f.Since.Before(since) {
		return f
	}
	return domain.Failures{}
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func (t *throttle) known(ctx context.Context, a attempt, account *domain.Account) (bool, error) {
	if account == nil {
		return false, nil
	}
	return t.accounts.KnowsAddress(ctx, account.Organization, account.User, a.from, t.now().Add(-knownFor))
}

// succeeded takes the attempt back, and all of the name from the address.
func (t *throttle) succeeded(ctx context.Context, a attempt) error {
	return t.accounts.Forgive(ctx, a.pair, a.counted)
}

// undone takes back an attempt that was none.
func (t *throttle) undone(ctx context.Context, a attempt) error {
	return t.accounts.Forgive(ctx, "", a.counted)
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

// until is how long of the pause after the last failure is left at now, 0 if there is no pause: a failure can be later
// than now, which was counted meanwhile or by a server whose clock is ahead.
func until(now time.Time, f domain.Failures, pause time.Duration) time.Duration {
	if pause == 0 {
		return 0
	}
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
