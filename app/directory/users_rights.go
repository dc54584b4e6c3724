package directory

import (
	"context"
	"slices"

	"canopy/domain"
	"canopy/tenancy"
)

// UserRights are what a caller may do with a user, for those who offer it to them. They decide nothing.
type UserRights struct {
	Own            bool // it is the caller's own account
	Update, Delete bool // they may change the user as Update does, and delete them
}

// Rights returns what the caller may do with a user whom Get returned.
func (u *Users) Rights(ctx context.Context, caller domain.Principal, user *domain.User) (r UserRights, err error) {
	if r.Own = user.Key() == caller.UserKey(); r.Own {
		return r, nil
	}
	giver, err := u.gate.Giver(ctx, &caller, user.Organization)
	if err != nil || giver.MayChange(user) != nil {
		return r, err
	}
	may := func(p domain.Permission) (bool, error) {
		_, err := u.gate.EnterUser(ctx, &caller, p, user)
		if domain.ErrForbidden.Is(err) || domain.ErrUserNotFound.Is(err) {
			return false, nil
		}
		return err == nil, err
	}
	if r.Update, err = may(domain.UserUpdate); err != nil {
		return r, err
	}
	r.Delete, err = may(domain.UserDelete)
	return r, err
}

// RightsOver is Rights for the user that ref names. It needs domain.UserRead on them and returns NotFound outside the
// caller's reach.
func (u *Users) RightsOver(ctx context.Context, caller domain.Principal, ref domain.UserRef) (UserRights, error) {
	user, err := u.Read(ctx, &caller, ref)
	if err != nil {
		return UserRights{}, err
	}
	return u.Rights(ctx, caller, &user)
}

// addHomes adds to users of sc the environments that are their homes, of all at once.
func (u *Users) addHomes(ctx context.Context, sc tenancy.Scope, users []UserDocument) error {
	known := make(tenancy.Generations, 1)
	keys := make([]tenancy.EnvironmentKey, 0, len(users))
	for i := range users {
		d := &users[i]
		if d.Generation != 0 {
			known[d.Organization] = d.Generation
		}
		key := tenancy.EnvironmentKey{Organization: d.Organization, ID: d.Home}
		if sc.Shows(d.HomePath) && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	found, err := u.documents.Environments(ctx, sc, known, keys)
	if err != nil {
		return err
	}
	for i := range users {
		if e := found[users[i].Home]; e != nil && sc.Shows(users[i].HomePath) {
			shown := DescribeEnvironment(sc, *e)
			users[i].HomeShown = &shown
		}
	}
	return nil
}
