package directory

import (
	"context"

	"canopy/domain"
	"canopy/tenancy"
)

// CreateFirst is Create, but makes the first user of a directory its superUser, with the
// group Root, in the root environment.
func (u *Users) CreateFirst(ctx context.Context, caller domain.Principal, in UserPatch) (UserDocument, error) {
	w, err := u.gate.EnterWrite(ctx, &caller, domain.UserCreate, tenancy.At(domain.RootPath))
	if err != nil {
		return UserDocument{}, err
	}
	there, err := u.store.Count(ctx, w.Read(), domain.UserFilter{})
	if err != nil {
		return UserDocument{}, err
	}
	if there > 0 {
		return u.Create(ctx, caller, in)
	}
	first := in
	role, group, home := domain.RoleSuperUser, domain.GroupRef("Root"), domain.EnvironmentRef("/")
	first.Role, first.Group, first.Home = &role, &group, &home
	w, user, hash, err := u.Prepare(ctx, &caller, first)
	if err != nil {
		return UserDocument{}, err
	}
	err = u.store.Do(ctx, w, func(tx UserTx) error {
		if err := MakeRoomForFirst(tx); err != nil {
			return err
		}
		return tx.InsertUser(&user, hash)
	})
	if domain.ErrNotFirst.Is(err) {
		return u.Create(ctx, caller, in)
	}
	return UserDocument{User: user}, err
}

// MakeRoomForFirst makes sure that nobody of the directory has ever proven who they are, one registration
// at a time. A superUser who has not gives way: whoever lost the link registers again. It returns
// domain.ErrNotFirst if somebody has.
func MakeRoomForFirst(tx UserTx) error {
	superUsers, err := tx.HoldEmpty()
	if err != nil {
		return err
	}
	for _, key := range superUsers { // one, as each gives way to the next
		err := GiveWay(tx, key)
		if domain.ErrUserMailTaken.Is(err) {
			return domain.ErrNotFirst // proven meanwhile
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// GiveWay removes an account that must be unverified still, else it returns domain.ErrUserMailTaken. One that
// went meanwhile is no error.
func GiveWay(tx UserTx, key domain.UserKey) error {
	_, there, err := Unverified(tx, key)
	if err != nil || !there {
		return err
	}
	return tx.DeleteUser(key)
}

// Unverified returns an account that must be unverified still, else it returns domain.ErrUserMailTaken, and
// false if it went meanwhile.
func Unverified(tx UserTx, key domain.UserKey) (u domain.User, there bool, err error) {
	u, err = tx.User(key)
	switch {
	case domain.ErrUserNotFound.Is(err):
		return u, false, nil
	case err == nil && u.State != domain.Unverified:
		err = domain.ErrUserMailTaken
	}
	return u, err == nil, err
}
