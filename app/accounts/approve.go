package accounts

import (
	"context"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// Approve opens the account of a newcomer, tells them, and returns them whole. It needs domain.UserUpdate on
// them, and the rules of Users.Update hold. It is Conflict for an account that does not
// wait.
func (a *Accounts) Approve(ctx context.Context, caller domain.Principal, ref domain.UserRef) (directory.UserDocument, error) {
	w, target, giver, err := a.over(ctx, &caller, domain.UserUpdate, ref)
	if err != nil {
		return directory.UserDocument{}, err
	}
	var u domain.User
	err = a.store.Do(ctx, w, func(tx Tx) error {
		if u, err = tx.User(target.Key()); err != nil {
			return err
		}
		if !waits(&u) {
			return domain.ErrNotWaiting
		}
		if err := giver.MayChange(&u); err != nil {
			return err
		}
		u.State, u.IdleSince = domain.Approved, a.moment()
		if err := tx.SaveUser(&u, ""); err != nil {
			return err
		}
		if u.Person.Mail != "" {
			tx.Mail(a.mail(&u, domain.Letter{Kind: domain.LetterWelcome, Login: u.Alias}))
		}
		return tx.Withdraw(u.Key(), domain.VerifyAddress)
	})
	if err != nil {
		return directory.UserDocument{}, err
	}
	return a.users.Show(ctx, &caller, u)
}

// Reject removes the account of a newcomer, and tells them if they have proven their
// address. It needs domain.UserDelete on them, and is Conflict for an account that does
// not wait.
func (a *Accounts) Reject(ctx context.Context, caller domain.Principal, ref domain.UserRef) error {
	w, target, giver, err := a.over(ctx, &caller, domain.UserDelete, ref)
	if err != nil {
		return err
	}
	return a.store.Do(ctx, w, func(tx Tx) error {
		u, err := tx.User(target.Key())
		if err != nil {
			return err
		}
		if !waits(&u) {
			return domain.ErrNotWaiting
		}
		if err := giver.MayChange(&u); err != nil {
			return err
		}
		if u.State == domain.Pending {
			tx.Mail(a.mail(&u, domain.Letter{Kind: domain.LetterRejected}))
		}
		return tx.DeleteUser(u.Key())
	})
}

// waits reports whether the account is a newcomer's.
func waits(u *domain.User) bool {
	return u.State == domain.Pending || u.State == domain.Unverified && u.Claims == ""
}

// over returns the user that ref names, who is not the caller, the proof that the caller may use p on
// them, and what the caller can give.
func (a *Accounts) over(ctx context.Context, caller *domain.Principal, p domain.Permission, ref domain.UserRef) (w tenancy.WriteScope, target domain.User, giver tenancy.Giver, err error) {
	if target, err = a.users.Read(ctx, caller, ref); err != nil {
		return w, target, giver, err
	}
	if target.ID == caller.User {
		return w, target, giver, domain.ErrOwnAccount
	}
	if w, err = a.gate.EnterUser(ctx, caller, p, &target); err != nil {
		return w, target, giver, err
	}
	giver, err = a.gate.Giver(ctx, caller, target.Organization)
	return w, target, giver, err
}
