package accounts

import (
	"context"
	"time"

	"canopy/app/directory"
	"canopy/domain"
)

// AskLink is how strangers ask for the link to an account of theirs.
type AskLink struct {
	Whose
	Link     string // as in Register
	Note     string // as in Register
	Lifetime time.Duration
	Source   string
}

// Forgot sends a link for another password to the account's address, if there is such an
// account, it can be used, and its address has not had too much mail. It is TooMany beyond
// the limits of who asks, and otherwise has one answer.
func (a *Accounts) Forgot(ctx context.Context, in AskLink) error {
	return a.askLink(ctx, in, domain.ResetPassword)
}

// Resend is Forgot for another link to whoever registered and has not proven their address.
func (a *Accounts) Resend(ctx context.Context, in AskLink) error {
	return a.askLink(ctx, in, domain.VerifyAddress)
}

func (a *Accounts) askLink(ctx context.Context, in AskLink, purpose domain.SecretPurpose) error {
	defer a.passwords.Evenly(ctx)()
	if err := a.mayAsk(ctx, in.Source); err != nil {
		return err
	}
	u, err := a.find(ctx, in.Whose)
	if err != nil || u.Person.Mail == "" {
		return quietly(err)
	}
	if open, err := a.takes(ctx, &u, purpose); !open || err != nil {
		return err
	}
	kind, may, approves := domain.LetterForgot, a.mayReach, false
	if purpose == domain.VerifyAddress {
		kind, may = domain.LetterVerify, a.mayRemind
		if approves, err = a.renewable(ctx, &u, &in.Lifetime); err != nil || in.Lifetime <= 0 {
			return err
		}
	}
	if may, err := may(ctx, u.Person.Mail); !may || err != nil {
		return err
	}
	return quietly(a.store.Do(ctx, a.self(domain.UserUpdate), func(tx Tx) error {
		u, err := tx.User(u.Key())
		if err != nil || !purpose.Fits(&u.Standing, a.now()) { // closed meanwhile
			return err
		}
		secret := a.secret(purpose, u.Person.Mail, in.Lifetime)
		secret.Approves = approves
		return a.give(tx, &u, secret, in.Link, domain.Letter{Kind: kind, Login: u.Alias, Valid: in.Lifetime, Note: in.Note})
	}))
}

// SendReset asks for a link for another password to be mailed to a user.
type SendReset struct {
	User     domain.UserRef
	Link     string // as in Register
	Lifetime time.Duration
}

// SendReset mails the user a link for another password, as Forgot does, by who may change them. It needs
// domain.UserUpdate on them, and the rules of Users.Update hold. It returns Conflict for a user without a mail
// address or whose account is not open, and TooMany beyond the limits.
func (a *Accounts) SendReset(ctx context.Context, caller domain.Principal, in SendReset) error {
	h, err := a.over(ctx, &caller, domain.UserUpdate, in.User)
	if err != nil {
		return err
	}
	if h.found.Person.Mail == "" {
		return domain.ErrNoMail
	}
	if err := a.mayMail(ctx, &caller, h.found.Person.Mail); err != nil {
		return err
	}
	return a.store.Do(ctx, h.w, func(tx Tx) error {
		u, err := h.user(tx)
		if err != nil {
			return err
		}
		if !domain.ResetPassword.Fits(&u.Standing, a.now()) {
			return domain.ErrNotWaiting.Saying("This account is not open: no password can be chosen for it.")
		}
		domain.Conclude(ctx, nil)
		return a.give(tx, &u, a.secret(domain.ResetPassword, u.Person.Mail, in.Lifetime), in.Link,
			domain.Letter{Kind: domain.LetterForgot, Login: u.Alias, Valid: in.Lifetime})
	})
}

// renewable reports whether the link of a sign-up approves it, and bounds the lifetime of another one: it
// keeps the sign-up no longer than it would stay without.
func (a *Accounts) renewable(ctx context.Context, u *domain.User, lifetime *time.Duration) (approves bool, err error) {
	last, err := a.accounts.Latest(ctx, u.Key(), domain.VerifyAddress)
	if err != nil && !domain.ErrSecret.Is(err) {
		return false, err
	}
	now := a.moment()
	*lifetime = min(*lifetime, max(last.Expires.Sub(now), u.Created.Add(unverifiedFor).Sub(now)))
	return last.Approves, nil
}

// Reset gives the account of a secret of Forgot another password, once, which ends its sessions. It returns
// domain.ErrSecret if there is no such account or secret or the account cannot be used, Invalid, field "password", for
// a password that breaks a rule, and TooMany beyond the limits.
func (a *Accounts) Reset(ctx context.Context, in Redeem) (directory.Proven, error) {
	if in.Way == OwnPassword && in.Password == "" {
		return directory.Proven{}, domain.InvalidField("password", "A value is required.")
	}
	return a.redeem(ctx, in, domain.ResetPassword)
}

// ResetPassword gives a user, whom it returns whole, a random password, which is mailed and
// must be changed at the first sign-in. It needs domain.UserUpdate on them, and the rules
// of Users.Update hold; an account without a mail address is Conflict.
func (a *Accounts) ResetPassword(ctx context.Context, caller domain.Principal,
	ref domain.UserRef) (directory.UserDocument, error) {
	h, err := a.over(ctx, &caller, domain.UserUpdate, ref)
	if err != nil {
		return directory.UserDocument{}, err
	}
	password, hash, err := a.password(ctx, domain.PartyOf(caller.UserKey()))
	if err != nil {
		return directory.UserDocument{}, err
	}
	var u domain.User
	now := a.moment()
	err = a.store.Do(ctx, h.w, func(tx Tx) error {
		if u, err = h.user(tx); err != nil {
			return err
		}
		if u.Person.Mail == "" {
			return domain.ErrNoMail
		}
		u.FirstAccess, u.LastPassword = true, now
		tx.Mail(a.mail(&u, domain.Letter{Kind: domain.LetterPassword, Login: u.Alias, Password: domain.SecretText(password)}))
		return tx.SaveUser(&u, hash)
	})
	if err != nil {
		return directory.UserDocument{}, err
	}
	return a.users.Show(ctx, &caller, u)
}
