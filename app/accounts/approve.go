package accounts

import (
	"context"

	"canopy/domain"
	"canopy/tenancy"
)

// Approve opens the account of a newcomer, and tells them. It needs domain.UserUpdate on
// them, and the rules of Users.Update hold. It is Conflict for an account that does not
// wait.
func (a *Accounts) Approve(ctx context.Context, caller domain.Principal, id domain.UserID) (domain.User, error) {
	w, giver, err := a.over(ctx, &caller, domain.UserUpdate, id)
	if err != nil {
		return domain.User{}, err
	}
	return a.store.UpdateWith(ctx, w, id, "", nil, func(u *domain.User, _ domain.Secret, _ domain.SuperUsers) (domain.Enclosure, error) {
		if !waits(u) {
			return domain.Enclosure{}, domain.ErrNotWaiting
		}
		if err := giver.MayChange(u); err != nil {
			return domain.Enclosure{}, err
		}
		u.State, u.IdleSince = domain.Approved, a.moment()
		return domain.Enclosure{Mails: a.welcome(u), Withdraw: []domain.SecretPurpose{domain.VerifyAddress}}, nil
	})
}

func (a *Accounts) welcome(u *domain.User) []domain.Mail {
	if u.Person.Mail == "" {
		return nil
	}
	return []domain.Mail{a.mail(u, domain.Letter{Kind: domain.LetterWelcome, Login: u.Alias})}
}

// Reject removes the account of a newcomer, and tells them if they have proven their
// address. It needs domain.UserDelete on them, and is Conflict for an account that does
// not wait.
func (a *Accounts) Reject(ctx context.Context, caller domain.Principal, id domain.UserID) error {
	w, giver, err := a.over(ctx, &caller, domain.UserDelete, id)
	if err != nil {
		return err
	}
	return a.store.DeleteWith(ctx, w, id, func(u domain.User, _ domain.SuperUsers) ([]domain.Mail, error) {
		if !waits(&u) {
			return nil, domain.ErrNotWaiting
		}
		if err := giver.MayChange(&u); err != nil || u.State != domain.Pending {
			return nil, err
		}
		return []domain.Mail{a.mail(&u, domain.Letter{Kind: domain.LetterRejected})}, nil
	})
}

// waits reports whether the account is a newcomer's.
func waits(u *domain.User) bool {
	return u.State == domain.Pending || u.State == domain.Unverified && u.Claims == ""
}

// over returns the proof that the caller may use p on the user with that number, who is not
// themselves, and what the caller can give.
func (a *Accounts) over(ctx context.Context, caller *domain.Principal, p domain.Permission, id domain.UserID) (tenancy.WriteScope, tenancy.Giver, error) {
	target, err := a.users.Read(ctx, caller, id)
	if err != nil {
		return tenancy.WriteScope{}, tenancy.Giver{}, err
	}
	if target.ID == caller.User {
		return tenancy.WriteScope{}, tenancy.Giver{}, domain.ErrOwnAccount
	}
	w, err := a.gate.EnterUser(ctx, caller, p, &target)
	if err != nil {
		return tenancy.WriteScope{}, tenancy.Giver{}, err
	}
	giver, err := a.gate.Giver(ctx, caller, target.Organization)
	return w, giver, err
}
