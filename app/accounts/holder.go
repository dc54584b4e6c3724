package accounts

import (
	"context"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// A holder is whose account is looked at or changed, with the proof that the caller may.
type holder struct {
	found domain.User // as they were found; of oneself nothing is read
	w     tenancy.WriteScope
	giver tenancy.Giver
	own   bool // it is the caller, who needs not have what they have
}

// may returns an error if the user has more than the caller.
func (h *holder) may(u *domain.User) error {
	if h.own {
		return nil
	}
	return h.giver.MayChange(u)
}

// user returns the holder as they are now, locked, if the caller may change them.
func (h *holder) user(tx interface {
	User(key domain.UserKey) (domain.User, error)
}) (domain.User, error) {
	u, err := tx.User(h.found.Key())
	if err != nil {
		return u, err
	}
	return u, h.may(&u)
}

// enter adds the proof that the caller may use p on the holder.
func (h *holder) enter(ctx context.Context, gate *tenancy.Gate, caller *domain.Principal,
	p domain.Permission) (err error) {
	if h.w, err = gate.EnterUser(ctx, caller, p, &h.found); err != nil || h.own {
		return err
	}
	h.giver, err = gate.Giver(ctx, caller, h.found.Organization)
	return err
}

// oneself returns the caller, if they may use p on their own account.
func oneself(ctx context.Context, gate *tenancy.Gate, caller *domain.Principal, p domain.Permission) (holder, error) {
	self := domain.User{ID: caller.User, Organization: caller.Organization, Alias: caller.Alias, HomePath: caller.Home}
	h := holder{found: self, own: true}
	return h, h.enter(ctx, gate, caller, p)
}

// find returns the user that ref names.
func find(ctx context.Context, users *directory.Users, caller *domain.Principal, ref domain.UserRef) (holder, error) {
	found, err := users.Read(ctx, caller, ref)
	return holder{found: found, own: found.ID == caller.User}, err
}
