package accounts

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"canopy/domain"
)

// Passkeys speaks WebAuthn (Level 3) with browsers, of this server's name. Its users are named by where they are
// stored. What a browser is told and what it answers is JSON.
type Passkeys interface {
	// Possible returns nil, or domain.ErrNoPasskeys, as all others do then.
	Possible() error
	// Offer returns by what a browser makes a passkey of the user, who has those already.
	Offer(user domain.UserKey, login string, have []domain.Factor, challenge []byte) ([]byte, error)
	// Made returns the credential and the signature count in a browser's answer, or domain.ErrBadPasskey unless it is to
	// the challenge, by an authenticator that verified the user.
	Made(user domain.UserKey, challenge, answer []byte) (credential domain.SecretText, count int64, err error)
	// Ask returns by what a browser proves one of these passkeys, any of this server's for none.
	Ask(have []domain.Factor, challenge []byte) ([]byte, error)
	// Whose returns whom an answer names, or domain.ErrBadPasskey.
	Whose(answer []byte) (domain.UserKey, error)
	// Proved returns which of the user's factors signed the challenge, and its signature count, or domain.ErrBadPasskey,
	// also for a count that is not behind the factor's.
	Proved(user domain.UserKey, have []domain.Factor, challenge, answer []byte) (which domain.Factor, count int64,
		err error)
	// Accepted returns by what a browser forgets passkeys of the user that are none of these (the Signal API).
	Accepted(user domain.UserKey, have []domain.Factor) ([]byte, error)
}

// PasskeysPossible returns nil if this server can have passkeys, else domain.ErrNoPasskeys.
func (f *Factors) PasskeysPossible() error { return f.passkeys.Possible() }

// Ceremony is what a browser needs to make or prove a passkey. Ticket comes back with its answer, which is good once
// and within domain.PasskeyWithin.
type Ceremony struct {
	Options []byte // JSON
	Ticket  string
	Expires time.Time
}

// noSession is what a ceremony belongs to that signs in.
var noSession = domain.SessionKey{ID: domain.UUID(uuid.Nil.String())}

// ceremony begins a ceremony of that kind, which belongs to a session.
func (f *Factors) ceremony(kind domain.SessionKind, of domain.SessionKey,
	options func(challenge []byte) ([]byte, error)) (c Ceremony, err error) {
	c.Expires = f.moment().Add(domain.PasskeyWithin)
	ticket, challenge := f.sessions.tokens.NewSecret(kind, of, c.Expires.UnixMilli())
	c.Ticket = ticket
	c.Options, err = options([]byte(challenge))
	return c, err
}

// challengeOf returns the challenge of a ticket that was given out for the session, or domain.ErrBadPasskey.
func (f *Factors) challengeOf(kind domain.SessionKind, of domain.SessionKey, ticket string) ([]byte, error) {
	secret, ours := f.sessions.tokens.ReadSecret(kind, ticket)
	if !ours || secret.SessionKey != of || !f.moment().Before(time.UnixMilli(secret.Renewals)) {
		return nil, domain.ErrBadPasskey
	}
	return []byte(secret.Hash), nil
}

// once returns domain.ErrBadPasskey for a challenge that was answered before, on any server.
func (f *Factors) once(ctx context.Context, challenge []byte) error {
	now := f.moment()
	uses, _, err := f.accounts.Count(ctx, "passkey "+string(challenge), now, now.Add(-2*domain.PasskeyWithin))
	if err == nil && uses > 1 {
		err = domain.ErrBadPasskey
	}
	return err
}

// passkeysOf returns the passkeys among factors.
func passkeysOf(all []domain.Factor) []domain.Factor {
	return slices.DeleteFunc(slices.Clone(all), func(f domain.Factor) bool {
		return !f.Confirmed || f.Kind != domain.PasskeyFactor
	})
}

// OfferPasskey begins to make a passkey of the caller's, in a session. It needs what OfferCode needs.
func (f *Factors) OfferPasskey(ctx context.Context, caller domain.Principal, in Fresh[struct{}]) (c Ceremony,
	err error) {
	_, account, err := f.freshly(ctx, &caller, in.Password, in.Address)
	if err != nil {
		return c, err
	}
	if caller.Session == "" {
		return c, domain.ErrForbidden
	}
	have, err := f.accounts.Held(ctx, account.UserKey())
	if err != nil {
		return c, err
	}
	if len(have) >= domain.MaxFactors {
		return c, domain.ErrTooManyFactors
	}
	return f.ceremony(domain.PasskeyOffer, sessionOf(&caller), func(challenge []byte) ([]byte, error) {
		return f.passkeys.Offer(account.UserKey(), account.Alias, passkeysOf(have), challenge)
	})
}

// PasskeyAnswer is what a browser answered in a ceremony.
type PasskeyAnswer struct {
	Ticket          string
	Answer          []byte
	Name            string // of a new passkey
	Address, Client string
}

// AddPasskey makes a passkey count that was made as OfferPasskey offered. With the first factor all other sessions of
// the caller end.
func (f *Factors) AddPasskey(ctx context.Context, caller domain.Principal, in PasskeyAnswer) (out AddedFactor,
	err error) {
	h, account, err := f.own(ctx, &caller)
	if err != nil {
		return out, err
	}
	challenge, err := f.challengeOf(domain.PasskeyOffer, sessionOf(&caller), in.Ticket)
	if err != nil {
		return out, err
	}
	made := domain.Factor{Kind: domain.PasskeyFactor, Name: in.Name, Confirmed: true, Created: f.moment()}
	if err := made.Validate(); err != nil {
		return out, err
	}
	made.Secret, made.Step, err = f.passkeys.Made(account.UserKey(), challenge, in.Answer)
	if err != nil {
		return out, err
	}
	finishing, err := f.finish(ctx, &account, domain.ByPasskey)
	if err != nil {
		return out, err
	}
	if err := f.once(ctx, challenge); err != nil {
		return out, err
	}
	err = f.store.Do(ctx, h.w, func(tx FactorTx) error {
		user, all, err := factors(tx, &h, &account)
		if err != nil {
			return err
		}
		if confirmed(all) >= domain.MaxFactors {
			return domain.ErrTooManyFactors
		}
		if err := tx.AddFactor(user.Key(), &made); err != nil {
			return err
		}
		out, err = f.added(tx, &user, &account, all, &made, client{in.Address, in.Client})
		return err
	})
	if err == nil {
		err = f.note(ctx, finishing, in.Address)
	}
	if err != nil {
		return AddedFactor{}, err
	}
	return out, nil
}

// AskPasskey begins to prove a passkey in the caller's session, which has a cookie. It returns domain.ErrNoFactor for
// who has none.
func (f *Factors) AskPasskey(ctx context.Context, caller domain.Principal) (c Ceremony, err error) {
	_, account, err := f.proving(ctx, &caller)
	if err != nil {
		return c, err
	}
	have, err := f.accounts.Held(ctx, account.UserKey())
	if err != nil {
		return c, err
	}
	passkeys := passkeysOf(have)
	if len(passkeys) == 0 {
		return c, domain.ErrNoFactor
	}
	return f.ceremony(domain.PasskeyProof, sessionOf(&caller), func(challenge []byte) ([]byte, error) {
		return f.passkeys.Ask(passkeys, challenge)
	})
}

// ProvePasskey begins a new session in the place of the caller's by a passkey, as AskPasskey asked for it.
func (f *Factors) ProvePasskey(ctx context.Context, caller domain.Principal, in PasskeyAnswer) (out SignedIn,
	err error) {
	h, account, err := f.proving(ctx, &caller)
	if err != nil {
		return out, err
	}
	challenge, err := f.challengeOf(domain.PasskeyProof, sessionOf(&caller), in.Ticket)
	if err != nil {
		return out, err
	}
	finishing, err := f.finish(ctx, &account, domain.ByPasskey)
	if err != nil {
		return out, err
	}
	which, count, err := f.proved(ctx, account.UserKey(), challenge, in.Answer)
	if err != nil {
		return out, err
	}
	err = f.store.Do(ctx, h.w, func(tx FactorTx) error {
		if _, err := h.user(tx); err != nil {
			return err
		}
		now := f.moment()
		if err := usePasskey(tx, &which, count, now); err != nil {
			return err
		}
		out, err = f.renew(tx, &account, domain.Proved{Proof: domain.ByPasskey, Factor: which.ID, At: now},
			client{in.Address, in.Client})
		return err
	})
	if err == nil {
		err = f.note(ctx, finishing, in.Address)
	}
	if err != nil {
		return SignedIn{}, err
	}
	return out, nil
}

// proved returns which passkey of a user signed the challenge, and its signature count.
func (f *Factors) proved(ctx context.Context, user domain.UserKey, challenge,
	answer []byte) (which domain.Factor, count int64, err error) {
	have, err := f.accounts.Held(ctx, user)
	if err != nil {
		return which, 0, err
	}
	if which, count, err = f.passkeys.Proved(user, passkeysOf(have), challenge, answer); err != nil {
		return which, 0, err
	}
	return which, count, f.once(ctx, challenge)
}

// usePasskey takes a passkey's signature count on. One that another request was quicker with, or that was removed
// meanwhile, is not accepted.
func usePasskey(tx FactorTx, which *domain.Factor, count int64, now time.Time) error {
	err := tx.UseFactor(which, count, now)
	if domain.ErrChanged.Is(err) {
		err = domain.ErrBadPasskey
	}
	return err
}

// AskSignIn begins a sign-in by a passkey alone.
func (f *Factors) AskSignIn(context.Context) (Ceremony, error) {
	return f.ceremony(domain.PasskeySignIn, noSession, func(challenge []byte) ([]byte, error) {
		return f.passkeys.Ask(nil, challenge)
	})
}

// SignInByPasskey begins a session with a cookie for whose passkey it is, as AskSignIn asked for it. It returns
// domain.ErrBadPasskey after the same time whether there is no such account, it has no such passkey or may not be used,
// and errors as Sessions.SignIn does beyond that.
func (f *Factors) SignInByPasskey(ctx context.Context, in PasskeyAnswer) (out SignedIn, err error) {
	wait := f.sessions.passwords.Evenly(ctx)
	if out, err = f.signInByPasskey(ctx, in); domain.ErrBadPasskey.Is(err) {
		wait()
	}
	return out, err
}

func (f *Factors) signInByPasskey(ctx context.Context, in PasskeyAnswer) (out SignedIn, err error) {
	challenge, err := f.challengeOf(domain.PasskeySignIn, noSession, in.Ticket)
	if err != nil {
		return out, err
	}
	user, err := f.passkeys.Whose(in.Answer)
	if err != nil {
		return out, err
	}
	account, err := f.accounts.ByID(ctx, user.Organization, user.User)
	if domain.ErrUserNotFound.Is(err) {
		err = domain.ErrBadPasskey
	}
	if err != nil {
		return out, err
	}
	which, count, err := f.proved(ctx, user, challenge, in.Answer)
	if err != nil {
		return out, err
	}
	now := f.moment()
	if !account.Usable(now) || account.Program {
		return out, domain.ErrBadPasskey
	}
	proved := domain.Proved{Proof: domain.ByPasskey, Factor: which.ID, At: now}
	account.Session = sessionToBe(&account, proved)
	// A password that was not used does not matter more because of what the place asks for.
	expired := account.Standing.PasswordExpired(now)
	hold := func(ctx context.Context, a *domain.Account) error {
		err := f.sessions.demands.Hold(ctx, a)
		a.Principal.PasswordExpired = expired
		return err
	}
	return f.sessions.begin(ctx, &account,
		&SignIn{Kind: domain.CookieSession, Address: in.Address, Client: in.Client}, hold,
		func() (domain.Proved, error) {
			h, err := oneself(ctx, f.sessions.gate, &account.Principal, domain.PasswordChange)
			if err != nil {
				return proved, err
			}
			err = f.store.Do(ctx, h.w, func(tx FactorTx) error {
				if _, err := h.user(tx); err != nil {
					return err
				}
				return usePasskey(tx, &which, count, proved.At)
			})
			if domain.ErrUserNotFound.Is(err) {
				err = domain.ErrBadPasskey
			}
			return proved, err
		})
}

// AcceptedPasskeys returns by what a browser forgets passkeys of the caller's that were removed.
func (f *Factors) AcceptedPasskeys(ctx context.Context, caller domain.Principal) ([]byte, error) {
	if _, err := oneself(ctx, f.sessions.gate, &caller, domain.PasswordChange); err != nil {
		return nil, err
	}
	have, err := f.accounts.Held(ctx, caller.UserKey())
	if err != nil {
		return nil, err
	}
	return f.passkeys.Accepted(caller.UserKey(), passkeysOf(have))
}
