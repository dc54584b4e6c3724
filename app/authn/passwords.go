package authn

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"canopy/domain"
)

// Accounts is what this package reads and keeps of accounts.
type Accounts interface {
	// ByLogin returns the account with that login name, compared by domain.Fold, or
	// domain.ErrUserNotFound; ByID the same for its number.
	ByLogin(ctx context.Context, name string) (domain.Account, error)
	ByID(ctx context.Context, o domain.OrganizationID, id domain.UserID) (domain.Account, error)
	// BySession returns the account of a session with what decides whether the session can
	// be used, and whether what the key of that name signed is good; or
	// domain.ErrSessionNotFound.
	BySession(ctx context.Context, k domain.SessionKey, key string) (account domain.Account, signed bool, err error)
	// SessionsSeen notes when sessions were used.
	SessionsSeen(ctx context.Context, seen map[domain.SessionKey]time.Time) error
	// ByAPIKey returns the account of the user who has that API key, or
	// domain.ErrAPIKeyNotFound. APIKeysSeen notes when keys were used.
	ByAPIKey(ctx context.Context, text domain.SecretText) (domain.Account, error)
	APIKeysSeen(ctx context.Context, seen map[domain.APIKeyRef]time.Time) error
	// SignedIn notes a sign-in, Seen when users sent a request.
	SignedIn(ctx context.Context, o domain.OrganizationID, id domain.UserID, at time.Time) error
	Seen(ctx context.Context, seen map[domain.UserKey]time.Time) error
	// Rehash replaces a hash by another of the same password, unless it was changed.
	Rehash(ctx context.Context, o domain.OrganizationID, id domain.UserID, old, renewed domain.PasswordHash) error

	// Failures returns what is counted for the subjects; CountFailure adds one to each in
	// an atomic step and returns the new counts, beginning anew where a count began before
	// since; Forgive takes one back from each and all from cleared.
	Failures(ctx context.Context, subjects []string) (map[string]domain.Failures, error)
	CountFailure(ctx context.Context, subjects []string, now, since time.Time) (map[string]int64, error)
	Forgive(ctx context.Context, cleared string, subjects []string) error
	// NoteSignIns adds sign-ins to the audit trail, to the entries that count them already where
	// there are such.
	NoteSignIns(ctx context.Context, all []*domain.SignIns) error
	// KnowsAddress reports whether the user signed in from the address after since.
	KnowsAddress(ctx context.Context, o domain.OrganizationID, id domain.UserID, address string,
		since time.Time) (bool, error)
	RememberAddress(ctx context.Context, o domain.OrganizationID, id domain.UserID, address string, at time.Time) error
}

// Counter counts look-ups in a cache, for the metrics.
type Counter interface {
	Looked(cache string, hit bool)
}

// Passwords verifies names and passwords. It is safe for concurrent use.
type Passwords struct {
	*Hasher
	accounts Accounts
	throttle throttle
	trail    trail
	// verified remembers pairs of name and password and when the sign-in was noted.
	verified *lru.Cache[verifiedKey, time.Time]
	// flights lets requests that come together with the same credentials from the same
	// address, as those of one program do, be one attempt.
	flights singleflight.Group
	// guessed remembers names and addresses where the name is guessed at, and until when; lanes
	// slow down what comes from there.
	guessed *lru.Cache[string, time.Time]
	lanes   lanes
	key     [32]byte
	floor   time.Duration
	counter Counter
	now     func() time.Time
}

// verifiedKey is a keyed hash of a user, a password and the address it came from, valid for one
// state of the user. From elsewhere the password is checked, so that nobody can find it out by
// trying what is remembered.
type verifiedKey struct {
	mac   [sha256.Size]byte
	epoch int64
}

const (
	verifiedEntries = 16 << 10
	guessedEntries  = 4 << 10
	// noteEvery is how often the sign-ins of a client that sends its password with each
	// request are noted.
	noteEvery = 10 * time.Minute
)

// NewPasswords returns the verifier over accounts. key is the server's own, for what is
// stored of names and addresses; floor is the least time in which strangers are answered.
func NewPasswords(hasher *Hasher, accounts Accounts, key []byte, floor time.Duration, c Counter,
	now func() time.Time) *Passwords {
	p := &Passwords{Hasher: hasher, accounts: accounts, floor: floor, counter: c, now: now,
		throttle: throttle{accounts: accounts, key: key, now: now}, trail: trail{accounts: accounts, now: now}}
	p.verified, _ = lru.New[verifiedKey, time.Time](verifiedEntries) // fails for sizes below 1 only
	p.guessed, _ = lru.New[string, time.Time](guessedEntries)
	rand.Read(p.key[:]) // never fails
	return p
}

// Recognise returns the account with that name and password as a principal. Nothing is noted of that: Enter does when
// the account was judged. It returns domain.ErrBadCredentials, after the same time, for a wrong password, a name that
// does not exist, and an account that may not be used; and domain.ErrTooMany after too many failures.
func (p *Passwords) Recognise(ctx context.Context, login, password, address string) (domain.Account, error) {
	wait := p.Evenly(ctx)
	account, err := p.recognise(ctx, login, password, address)
	if domain.ErrBadCredentials.Is(err) {
		var named *domain.Account
		if account.User != 0 {
			named = &account
		}
		p.trail.failed(ctx, login, named, address)
		wait()
	}
	if err != nil {
		return domain.Account{}, err
	}
	return account, nil
}

// Enter lets somebody in who has proved to be the user of an account, unless judge has something against it, and notes
// the sign-in as Admit does. Of whoever is refused nothing is noted, and of whom a proof is still missing nothing but
// that their password was right: for the audit trail both.
func (p *Passwords) Enter(ctx context.Context, a *domain.Account, address string,
	judge func(context.Context, *domain.Account) error) error {
	err := judge(ctx, a)
	if err == nil && a.Missing == domain.ByPassword {
		return p.Admit(ctx, a, address)
	}
	if given, typed := rememberedBy(a); typed {
		if err == nil && !p.verified.Contains(given) {
			p.verified.Add(given, time.Time{})
		}
		p.trail.gavePassword(ctx, a, address)
	}
	return err
}

// Admit notes that somebody signed in to an account, which was judged: when, from where and by what password. Where the
// password comes with each request, that is every ten minutes.
func (p *Passwords) Admit(ctx context.Context, a *domain.Account, address string) error {
	now := p.now()
	given, typed := rememberedBy(a)
	last, remembered := p.verified.Peek(given)
	due := !remembered || now.Sub(last) > noteEvery
	if due {
		if err := p.accounts.SignedIn(ctx, a.Organization, a.User, now); err != nil {
			return err
		}
		from := p.throttle.mac(domain.NetworkOf(address))
		if err := p.accounts.RememberAddress(ctx, a.Organization, a.User, from, now); err != nil {
			return err
		}
		if typed {
			p.verified.Add(given, now)
		}
	}
	if due || a.Session.ID != "" {
		p.trail.signedIn(ctx, a, address)
	}
	return nil
}

// rememberedBy returns by what the password is remembered that an account was recognised by. It reports false for one
// that was recognised by something else.
func rememberedBy(a *domain.Account) (k verifiedKey, typed bool) {
	return verifiedKey{mac: a.PasswordMAC, epoch: a.Epoch}, a.PasswordMAC != [32]byte{}
}

// Flush writes down the sign-ins that were not yet, for the audit trail.
func (p *Passwords) Flush(ctx context.Context) error { return p.trail.flush(ctx) }

// Evenly returns what waits until a stranger may be answered, the floor after now, so that the time
// tells nothing of what was done. It waits no longer than ctx.
func (p *Passwords) Evenly(ctx context.Context) (wait func()) {
	// A processor that becomes idle sleeps for whole milliseconds, so a timer is late by a part of one
	// that depends on when the work was done. Against a point that is drawn that part is drawn too.
	until := time.Now().Add(p.floor + mathrand.N(min(p.floor, time.Millisecond)+1))
	return func() {
		defer domain.Aside(ctx)()
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// recognise returns the account that the login names, also with an error.
func (p *Passwords) recognise(ctx context.Context, login, password, address string) (domain.Account, error) {
	account, err := p.accounts.ByLogin(ctx, login)
	known := err == nil
	if err != nil && !domain.ErrUserNotFound.Is(err) {
		return domain.Account{}, err
	}
	now := p.now()
	key := p.verifiedKey(&account, password, address)
	remembered := false
	if known {
		_, remembered = p.verified.Get(key)
		p.counter.Looked("credentials", remembered)
	}
	if remembered {
		err = p.slowly(ctx, login, address)
	} else {
		var candidate *domain.Account
		if known {
			candidate = &account
		}
		together := fmt.Sprintf("%x %d %s %s", key.mac, key.epoch, address, domain.Fold(login))
		for again := true; again; {
			err, again = p.checkTogether(ctx, together, login, candidate, password, address)
		}
	}
	if err == nil && !account.Usable(now) {
		err = domain.ErrBadCredentials
	}
	if err != nil {
		return account, err
	}
	account.PasswordMAC = key.mac
	account.Principal.PasswordExpired = account.Standing.PasswordExpired(now)
	return account, nil
}

// checkTogether is check, once for all who ask together. It reports true if whoever asked first went
// away meanwhile, which says nothing about the others.
func (p *Passwords) checkTogether(ctx context.Context, together, login string, account *domain.Account, password,
	address string) (err error, again bool) {
	first := false
	back := domain.Aside(ctx)
	defer back()
	_, err, _ = p.flights.Do(together, func() (any, error) {
		first = true
		back()
		return nil, p.check(ctx, login, account, password, address)
	})
	gone := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	return err, gone && !first && ctx.Err() == nil
}

// Check returns nil if the account, which is known, has that password; else it is as
// Recognise, and counts as a failed one.
func (p *Passwords) Check(ctx context.Context, a domain.Account, password, address string) error {
	err := p.check(ctx, a.Alias, &a, password, address)
	if domain.ErrBadCredentials.Is(err) {
		p.trail.failed(ctx, a.Alias, &a, address)
	}
	return err
}

// check verifies the password of account, nil for none, and counts a failure.
func (p *Passwords) check(ctx context.Context, login string, account *domain.Account, password,
	address string) (err error) {
	tried, err := p.throttle.begin(ctx, login, address, account)
	if err != nil {
		return err
	}
	if tried.guessed {
		p.guessed.Add(tried.pair, p.now().Add(failureWindow))
		if err := p.lanes.enter(ctx, tried.pair); err != nil {
			return errors.Join(err, p.throttle.undone(context.WithoutCancel(ctx), tried))
		}
		defer func() { p.lanes.leave(tried.pair, err != nil) }()
	}
	return p.compare(ctx, tried, login, account, password, address)
}

// slowly lets a password that is remembered wait as others do, where the name is guessed at.
func (p *Passwords) slowly(ctx context.Context, login, address string) error {
	if p.guessed.Len() == 0 {
		return nil
	}
	pair := p.throttle.attempt(login, address).pair
	if until, guessed := p.guessed.Get(pair); !guessed || !p.now().Before(until) {
		return nil
	}
	if err := p.lanes.enter(ctx, pair); err != nil {
		return err
	}
	p.lanes.leave(pair, false)
	return nil
}

// compare verifies the password for an attempt that was let through.
func (p *Passwords) compare(ctx context.Context, tried attempt, login string, account *domain.Account, password,
	address string) error {
	var hash domain.PasswordHash
	if account != nil {
		hash = account.Hash
	}
	by, err := p.party(ctx, tried, login, account, address)
	var ok, renew bool
	if err == nil {
		ok, renew, err = p.Verify(ctx, by, hash, password)
	}
	if err != nil { // nothing was compared
		return errors.Join(err, p.throttle.undone(context.WithoutCancel(ctx), tried))
	}
	if !ok || account == nil {
		return domain.ErrBadCredentials
	}
	if err := p.throttle.succeeded(ctx, tried); err != nil {
		return err
	}
	if renew {
		p.renew(ctx, by, account, password)
	}
	return nil
}

// party returns who waits for the check of an attempt. Whether the address is known is asked only
// if somebody has to wait.
func (p *Passwords) party(ctx context.Context, tried attempt, login string, account *domain.Account,
	address string) (domain.Party, error) {
	known := tried.known
	if waiting, _ := p.Waiting(); waiting > 0 && !known {
		var err error
		if known, err = p.throttle.known(ctx, tried, account); err != nil {
			return domain.Party{}, err
		}
	}
	return domain.Claimant(login, account, address, known), nil
}

// renew stores the password's hash at today's cost. A failure leaves the old one, which
// still works.
func (p *Passwords) renew(ctx context.Context, by domain.Party, account *domain.Account, password string) {
	if err := p.queue.enter(ctx, by); err != nil {
		return
	}
	renewed := p.hash(password)
	p.queue.leave()
	if err := p.accounts.Rehash(ctx, account.Organization, account.User, account.Hash, renewed); err != nil {
		slog.WarnContext(ctx, "a password could not be hashed anew", "user", int64(account.User), "error", err)
	}
}

func (p *Passwords) verifiedKey(a *domain.Account, password, address string) verifiedKey {
	h := hmac.New(sha256.New, p.key[:])
	var ids [16]byte
	binary.BigEndian.PutUint64(ids[:8], uint64(a.Organization))
	binary.BigEndian.PutUint64(ids[8:], uint64(a.User))
	h.Write(ids[:])
	h.Write([]byte(domain.NetworkOf(address) + "\x00" + password)) // an address has no NUL
	key := verifiedKey{epoch: a.Epoch}
	h.Sum(key.mac[:0])
	return key
}
