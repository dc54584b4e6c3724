package usecase

import (
	"context"
	"net/netip"
	"time"

	"canopy/domain"
)

// The limits of guessing one-time secrets and registration codes. They hold for one
// network address, so that nobody can use up somebody else's; the secrets themselves are
// too long to be guessed from many.
const (
	guessWindow   = 15 * time.Minute
	guessesOfOne  = 10  // of the secrets of one account
	guessesOfAll  = 100 // of any
	codesPerHour  = 20
	limitKept     = 24 * time.Hour
	mailWindow    = time.Hour
	maxApprovers  = 20
	sweptAtOnce   = 500
	unverifiedFor = 24 * time.Hour
)

// mayCause counts a mail to an address that a stranger causes from source, and is
// domain.ErrTooMany beyond the limits. It counts whether or not a mail will be sent.
func (a *Accounts) mayCause(ctx context.Context, address, source string) error {
	counts, err := a.count(ctx, mailWindow, "mail to "+domain.Fold(address), "mail from "+networkOf(source), "mail")
	if err != nil {
		return err
	}
	l := a.rules.Limits
	if counts[0] > l.Address || counts[1] > l.Source || counts[2] > l.Overall {
		return domain.ErrTooMany.After(int(mailWindow / time.Second))
	}
	return nil
}

// mayGuess counts a secret that is presented for an account, and is domain.ErrTooMany
// beyond the limits.
func (a *Accounts) mayGuess(ctx context.Context, whose, source string) error {
	network := networkOf(source)
	counts, err := a.count(ctx, guessWindow, "guess of "+network+" "+domain.Fold(whose), "guess from "+network)
	if err != nil {
		return err
	}
	if counts[0] > guessesOfOne || counts[1] > guessesOfAll {
		return domain.ErrTooMany.After(int(guessWindow / time.Second))
	}
	return nil
}

// mayTryCode counts a registration code that is presented.
func (a *Accounts) mayTryCode(ctx context.Context, source string) error {
	counts, err := a.count(ctx, time.Hour, "code from "+networkOf(source))
	if err == nil && counts[0] > codesPerHour {
		err = domain.ErrTooMany.After(int(time.Hour / time.Second))
	}
	return err
}

func (a *Accounts) count(ctx context.Context, window time.Duration, subjects ...string) ([]int64, error) {
	now := a.now()
	return a.accounts.Count(ctx, subjects, now, now.Add(-window))
}

// networkOf is what counts as one network address: for IPv6 the /64, which one subscriber
// has.
func networkOf(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	prefix, _ := ip.Prefix(64) // fails for more than 128 bits only
	return prefix.String()
}

// Sweep removes sign-ups whose address was never proven, and forgets secrets and counts
// that no longer matter.
func (a *Accounts) Sweep(ctx context.Context) error {
	now := a.moment()
	stale, err := a.accounts.Stale(ctx, now.Add(-unverifiedFor), now, sweptAtOnce)
	if err != nil {
		return err
	}
	for _, key := range stale {
		err := a.store.DeleteWith(ctx, a.self(domain.UserDelete), key.User, func(u domain.User, _ func() ([]domain.User, error)) ([]domain.Mail, error) {
			if u.State != domain.Unverified {
				return nil, domain.ErrChanged
			}
			return nil, nil
		})
		if err != nil && !domain.ErrUserNotFound.Is(err) && !domain.ErrChanged.Is(err) {
			return err
		}
	}
	if err := a.accounts.SweepSecrets(ctx, now.Add(-unverifiedFor)); err != nil {
		return err
	}
	return a.accounts.SweepLimits(ctx, now.Add(-limitKept))
}
