package accounts

import (
	"context"

	"canopy/app/directory"
	"canopy/domain"
)

// Approve opens the account of a newcomer, tells them, and returns them whole. It needs domain.UserUpdate on
// them, and the rules of Users.Update hold. It returns Conflict for an account that does not
// wait.
func (a *Accounts) Approve(ctx context.Context, caller domain.Principal,
	ref domain.UserRef) (directory.UserDocument, error) {
	h, err := a.over(ctx, &caller, domain.UserUpdate, ref)
	if err != nil {
		return directory.UserDocument{}, err
	}
	shown, err := a.users.Show(ctx, &caller, h.found)
	if err != nil {
		return directory.UserDocument{}, err
	}
	err = a.store.Do(ctx, h.w, func(tx Tx) error {
		u, err := a.waiting(tx, &h)
		if err != nil {
			return err
		}
		if err := a.users.LetIn(tx, &u); err != nil {
			return err
		}
		u.Attributes = shown.Attributes
		shown.User = u
		domain.Conclude(ctx, shown)
		return nil
	})
	return shown, err
}

// Reject removes the account of a newcomer, and tells them if they have proven their
// address. It needs domain.UserDelete on them, and is Conflict for an account that does
// not wait.
func (a *Accounts) Reject(ctx context.Context, caller domain.Principal, ref domain.UserRef) error {
	h, err := a.over(ctx, &caller, domain.UserDelete, ref)
	if err != nil {
		return err
	}
	return a.store.Do(ctx, h.w, func(tx Tx) error {
		u, err := a.waiting(tx, &h)
		if err != nil {
			return err
		}
		domain.Conclude(ctx, nil)
		return a.users.TurnAway(tx, &u)
	})
}

// waiting returns the holder, whom the caller may change, if the account is a newcomer's.
func (a *Accounts) waiting(tx Tx, h *holder) (domain.User, error) {
	u, err := tx.User(h.found.Key())
	if err != nil {
		return u, err
	}
	if !u.Waits() {
		return u, domain.ErrNotWaiting
	}
	return u, h.may(&u)
}

// over returns the user that ref names, who is not the caller, if the caller may use p on them.
func (a *Accounts) over(ctx context.Context, caller *domain.Principal, p domain.Permission,
	ref domain.UserRef) (holder, error) {
	h, err := find(ctx, a.users, caller, ref)
	if err != nil {
		return h, err
	}
	if h.own {
		return h, domain.ErrOwnAccount
	}
	return h, h.enter(ctx, a.gate, caller, p)
}
