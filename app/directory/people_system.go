package directory

import (
	"context"
	"crypto/rand"
	"slices"

	"canopy/domain"
)

// SystemUser names the account of a program, and says whether it sees everything about the
// people it may list.
type SystemUser struct {
	Alias string
	Lists bool
}

// Proven is an account whose secret was used, or a program's. Password is the new one, if it was
// made to be returned.
type Proven struct {
	User     domain.User
	Password string
}

// MakePassword returns a password that nobody guesses, for an account that is given one.
func MakePassword() string { return rand.Text() }

// MakeSystem makes the account with that alias a program's, which it then stays: without a
// mail address, of which nobody is told, and with a password that is returned, once. To list people it gets the role
// of those who may. It returns domain.ErrSystemAlias, domain.ErrSystem, or domain.ErrListsTooMuch
// where the account's groups would let it change whom it lists.
func (p *People) MakeSystem(ctx context.Context, caller domain.Principal, in SystemUser) (Proven, error) {
	return p.system(ctx, &caller, in.Alias, func(u *domain.User, password *string) (UserPatch, error) {
		if u.System {
			return UserPatch{}, domain.ErrSystem
		}
		none, yes, no := "", true, false
		patch, err := p.lists(ctx, &caller, u, in.Lists)
		patch.System, patch.Password, patch.Mail, patch.FirstAccess = &yes, password, &none, &no
		patch.Revise = sameRights(u, func(now *domain.User) error {
			if now.System {
				return domain.ErrSystem
			}
			return nil
		})
		return patch, err
	})
}

// ChangeSystem changes what a program sees. It returns domain.ErrNotSystem for a person's account,
// and otherwise as MakeSystem.
func (p *People) ChangeSystem(ctx context.Context, caller domain.Principal, in SystemUser) error {
	_, err := p.system(ctx, &caller, in.Alias, func(u *domain.User, _ *string) (UserPatch, error) {
		if !u.System {
			return UserPatch{}, domain.ErrNotSystem
		}
		patch, err := p.lists(ctx, &caller, u, in.Lists)
		patch.Revise = sameRights(u, func(*domain.User) error { return nil }) // nothing makes it a person's again
		return patch, err
	})
	return err
}

// ResetSystem gives a program another password, which is returned, once.
func (p *People) ResetSystem(ctx context.Context, caller domain.Principal, alias string) (Proven, error) {
	return p.system(ctx, &caller, alias, func(u *domain.User, password *string) (UserPatch, error) {
		if !u.System {
			return UserPatch{}, domain.ErrNotSystem
		}
		return UserPatch{Password: password}, nil
	})
}

// system changes the account with that alias, which must be one that a program can have.
func (p *People) system(ctx context.Context, caller *domain.Principal, alias string,
	patch func(*domain.User, *string) (UserPatch, error)) (Proven, error) {
	if err := domain.CheckSystemAlias(alias); err != nil {
		return Proven{}, err
	}
	var proven Proven
	var err error
	proven.User, err = p.change(ctx, caller, alias, func(u *domain.User) (UserPatch, error) {
		proven.Password = MakePassword()
		return patch(u, &proven.Password)
	})
	if err != nil {
		return Proven{}, err
	}
	return proven, nil
}

// sameRights is same for a patch that was made of what before may do.
func sameRights(before *domain.User, check func(*domain.User) error) func(*domain.User) error {
	role, groups := before.Role, slices.Clone(before.Groups)
	return same(before, func(u *domain.User) error {
		if u.Role != role || !slices.Equal(u.Groups, groups) {
			return domain.ErrChanged
		}
		return check(u)
	})
}

// lists returns the patch by which the account sees the people of its home and below, or not
// any more.
func (p *People) lists(ctx context.Context, caller *domain.Principal, u *domain.User, yes bool) (UserPatch, error) {
	role := u.Role
	patch := UserPatch{Role: &role, ListsUsers: &yes}
	if !yes {
		if u.ListsUsers && role == domain.RolePower {
			role = domain.RoleUser
		}
		return patch, nil
	}
	giver, err := p.gate.Giver(ctx, caller, u.Organization)
	if err != nil {
		return patch, err
	}
	if role == domain.RoleUser {
		role = domain.RolePower
		for _, change := range []domain.Permission{domain.UserCreate, domain.UserUpdate, domain.UserDelete} {
			if giver.Mask(u).Has(change) {
				return patch, domain.ErrListsTooMuch
			}
		}
	}
	return patch, nil
}
