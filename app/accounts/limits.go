package accounts

import (
	"context"
	"errors"
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
	mailWindow    = time.Hour
	maxApprovers  = 20
	sweptAtOnce   = 500
	unverifiedFor = 24 * time.Hour
)

// A limit bounds the uses of a subject.
type limit struct {
	subject string
	most    int64
}

// within counts a use of each of the subjects, and returns domain.ErrTooMany at the first that
// had enough within the window. What is refused so uses up nothing of those behind.
func (a *Accounts) within(ctx context.Context, window time.Duration, limits ...limit) error {
	now := a.now()
	for _, l := range limits {
		uses, since, err := a.accounts.Count(ctx, l.subject, now, now.Add(-window))
		if err != nil {
			return err
		}
		if uses > l.most {
			return domain.ErrTooMany.After(int((since.Add(window).Sub(now) + time.Second - 1) / time.Second))
		}
	}
	return nil
}

// mayAsk counts that a stranger asks from source for mail to somebody who may be there or not,
// and returns domain.ErrTooMany beyond the limit.
func (a *Accounts) mayAsk(ctx context.Context, source string) error {
	return a.within(ctx, mailWindow, limit{"mail from " + domain.NetworkOf(source), a.rules.Limits.Source})
}

// mayRegister is mayAsk for mail to an address that the stranger gives, which gets so much and
// no more, whoever has it.
func (a *Accounts) mayRegister(ctx context.Context, source, address string) error {
	return a.within(ctx, mailWindow, limit{"mail from " + domain.NetworkOf(source), a.rules.Limits.Source},
		limit{"mail asked to " + domain.Fold(address), a.rules.Limits.Address})
}

// newcomers and holders share what strangers may cause in all. Each has a half, so that no number
// of registrations keeps mail from those who have an account.
func (l *MailLimits) newcomers() int64 { return max(l.Overall/2, 1) }
func (l *MailLimits) holders() int64   { return max(l.Overall-l.newcomers(), 1) }

// mayMailNewcomer counts mail about a registration, and returns domain.ErrOverloaded beyond the limit.
// A registration that is accepted sends one, whoever has the address.
func (a *Accounts) mayMailNewcomer(ctx context.Context) error {
	err := a.within(ctx, mailWindow, limit{"mail to newcomers", a.rules.Limits.newcomers()})
	if domain.ErrTooMany.Is(err) {
		return domain.ErrOverloaded.Saying("Too many people register right now; try again later.").
			After(domain.AsError(err).RetryAfter)
	}
	return err
}

// mayRemind counts another mail to somebody who registered, and reports whether it may be sent.
func (a *Accounts) mayRemind(ctx context.Context, address string) (bool, error) {
	return a.quietlyWithin(ctx, limit{"mail to " + domain.Fold(address), a.rules.Limits.Address},
		limit{"mail to newcomers", a.rules.Limits.newcomers()})
}

// mayReach counts mail that strangers cause to somebody who has an account, and reports whether
// it may be sent. The first within an hour stands back for nothing but as many others: of their
// share, further ones to the same people get a half.
func (a *Accounts) mayReach(ctx context.Context, address string) (bool, error) {
	l := a.rules.Limits
	now := a.now()
	subject := "mail to " + domain.Fold(address)
	uses, _, err := a.accounts.Count(ctx, subject, now, now.Add(-mailWindow))
	switch {
	case err != nil || uses > l.Address:
		return false, err
	case uses > 1:
		return a.quietlyWithin(ctx, limit{"mail to holders again", l.holders() / 2}, limit{"mail to holders", l.holders()})
	}
	return a.quietlyWithin(ctx, limit{"mail to holders", l.holders()})
}

// quietlyWithin is within of what is only counted when it is really mailed. Nobody is told that
// there was enough, since that would tell whose address it is.
func (a *Accounts) quietlyWithin(ctx context.Context, limits ...limit) (bool, error) {
	err := a.within(ctx, mailWindow, limits...)
	if domain.ErrTooMany.Is(err) {
		return false, nil
	}
	return err == nil, err
}

// mayMail counts mail that the caller has sent to an address, and returns domain.ErrTooMany beyond the
// limits, which strangers do not use up.
func (a *Accounts) mayMail(ctx context.Context, caller *domain.Principal, address string) error {
	if domain.Rehearses(ctx) { // none is sent
		return nil
	}
	l := a.rules.Limits
	return a.within(ctx, mailWindow, limit{"mail of user " + string(caller.UUID), l.User},
		limit{"mail of users to " + domain.Fold(address), l.Address}, limit{"mail of users", l.Overall})
}

// mayGuess counts a secret that is presented for an account, and returns domain.ErrTooMany
// beyond the limits.
func (a *Accounts) mayGuess(ctx context.Context, whose, source string) error {
	network := domain.NetworkOf(source)
	return a.within(ctx, guessWindow, limit{"guess from " + network, guessesOfAll},
		limit{"guess of " + network + " " + domain.Fold(whose), guessesOfOne})
}

// mayTryCode counts a registration code that is presented.
func (a *Accounts) mayTryCode(ctx context.Context, source string) error {
	return a.within(ctx, time.Hour, limit{"code from " + domain.NetworkOf(source), codesPerHour})
}

// Sweep removes sign-ups whose address was never proven, and forgets what has ended: sessions, secrets, counts
// and the like. What fails of it stands in the way of nothing else.
func (a *Accounts) Sweep(ctx context.Context) error {
	now := a.moment()
	return errors.Join(a.sweepSignUps(ctx, now), a.accounts.Sweep(ctx, now))
}

// sweepSignUps removes all sign-ups that are to go, as long as some of those found can be.
func (a *Accounts) sweepSignUps(ctx context.Context, now time.Time) error {
	for {
		stale, err := a.accounts.Stale(ctx, now.Add(-unverifiedFor), now, sweptAtOnce)
		if err != nil {
			return err
		}
		var failed []error
		for _, key := range stale {
			err := a.store.Do(ctx, a.self(domain.UserDelete), func(tx Tx) error {
				u, err := tx.User(key)
				if err == nil && u.State != domain.Unverified {
					err = domain.ErrChanged
				}
				if err != nil {
					return err
				}
				return tx.DeleteUser(key)
			})
			if err != nil && !domain.ErrUserNotFound.Is(err) && !domain.ErrChanged.Is(err) {
				failed = append(failed, err)
			}
		}
		if len(stale) < sweptAtOnce || len(failed) == len(stale) || ctx.Err() != nil {
			return errors.Join(failed...)
		}
	}
}
