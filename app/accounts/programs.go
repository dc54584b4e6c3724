package accounts

import (
	"context"

	"canopy/app/directory"
	"canopy/domain"
)

// NewProgram is what a program's account is to be, and its first API key.
type NewProgram struct {
	User directory.UserPatch
	Key  NewAPIKey
}

// errEndless is about the key of a program that is to have no end.
var errEndless = domain.InvalidField("expires", "Say until when the key is good.")

// CreateProgram makes the account of a program, a service account: it has neither a password nor a mail address, so
// that nobody signs in to it, and acts by API keys alone. It returns the account with its first key, which must have an
// end; it is called as it signs in if no name is given. The rules of Users.Create hold. What is wrong with the key is
// told of fields "key.name", "key.expires" and so on.
func (a *Accounts) CreateProgram(ctx context.Context, caller domain.Principal, in NewProgram) (KeyHolder, error) {
	if in.Key.Expires.IsZero() {
		return KeyHolder{}, errEndless.On("key.expires")
	}
	key, err := in.Key.key(ctx, a.gate, &caller, a.moment())
	if err != nil {
		problem := domain.AsError(err)
		return KeyHolder{}, problem.On("key." + problem.Field)
	}
	if err := a.gate.Recent(&caller); err != nil {
		return KeyHolder{}, err
	}
	yes, none := true, ""
	in.User.System, in.User.Mail, in.User.Password = &yes, &none, nil
	if in.User.FirstName == nil {
		in.User.FirstName = in.User.Alias
	}
	w, user, _, err := a.users.Prepare(ctx, &caller, in.User)
	if err != nil {
		return KeyHolder{}, err
	}
	made := KeyHolder{}
	err = a.store.Do(ctx, w, func(tx Tx) error {
		made = KeyHolder{User: user, Key: key}
		if err := tx.InsertUser(&made.User, ""); err != nil {
			return err
		}
		if err := tx.AddKey(made.User.Key(), &made.Key); err != nil {
			return err
		}
		domain.Conclude(ctx, made)
		return nil
	})
	return made, err
}
