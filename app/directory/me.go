package directory

import (
	"context"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// Me is what people do with their own account.
type Me struct {
	gate      *tenancy.Gate
	documents *tenancy.Documents
	users     UserStore
	accounts  AccountStore
	passwords Passwords
	own       *OwnPasswords
	now       func() time.Time
}

// NewMe returns the use cases of one's own account.
func NewMe(gate *tenancy.Gate, documents *tenancy.Documents, users UserStore, accounts AccountStore,
	passwords Passwords, own *OwnPasswords, now func() time.Time) *Me {
	return &Me{gate: gate, documents: documents, users: users, accounts: accounts, passwords: passwords, own: own,
		now: now}
}

// AccountStore reads accounts.
type AccountStore interface {
	// ByID returns the account, or domain.ErrUserNotFound.
	ByID(ctx context.Context, o domain.OrganizationID, id domain.UserID) (domain.Account, error)
}

// Get returns the caller's own account. It needs domain.ProfileRead.
func (m *Me) Get(ctx context.Context, caller domain.Principal) (UserDocument, error) {
	sc, err := m.gate.Enter(ctx, &caller, domain.ProfileRead, tenancy.Anywhere())
	if err != nil {
		return UserDocument{}, err
	}
	user, err := m.users.Get(ctx, sc, caller.Ref())
	if err != nil {
		return UserDocument{}, err
	}
	described, err := describeUsers(ctx, m.documents, sc, []domain.User{user})
	if err != nil {
		return UserDocument{}, err
	}
	return described[0], nil
}

// Abilities are what a caller may do, for those who offer it to them. They decide nothing.
type Abilities struct {
	Role domain.Role // they act with
	// Own are the permissions on their own account, Within those in their reach.
	Own, Within domain.Mask
}

// Abilities returns what the caller may do: nothing while their password must be changed first.
func (m *Me) Abilities(ctx context.Context, caller domain.Principal) (a Abilities, err error) {
	if caller.PasswordExpired {
		return a, nil
	}
	if a.Role, err = m.gate.Role(ctx, &caller); err != nil {
		return a, err
	}
	a.Own, a.Within, err = m.gate.Abilities(ctx, &caller)
	return a, err
}

// LeastPassword returns how many characters a password needs that the caller chooses, as far as environments ask.
func (m *Me) LeastPassword(ctx context.Context, caller domain.Principal) (int, error) {
	account, err := m.accounts.ByID(ctx, caller.Organization, caller.User)
	if err != nil {
		return 0, err
	}
	all, err := m.own.all(ctx, caller.Home)
	if err != nil {
		return 0, err
	}
	return all.MinLength(account.Factors), nil
}

// ChangePassword asks for another password.
type ChangePassword struct {
	Old, New string
	Address  string
}

// ChangePassword gives who another password, which ends all their sessions. It needs
// domain.PasswordChange and the old password, and is possible when nothing else is
// because the password expired. It returns Invalid, field "new_password", for a new password that breaks a
// rule of their home, whatever the old one is: looking at that one takes time that others wait for.
func (m *Me) ChangePassword(ctx context.Context, caller domain.Principal, in ChangePassword) error {
	w, err := m.gate.EnterWrite(ctx, &caller, domain.PasswordChange, tenancy.Anywhere())
	if err != nil {
		return err
	}
	if in.New == in.Old {
		return domain.InvalidField("new_password", "Choose a password that differs from the old one.")
	}
	user, err := m.users.Get(ctx, w.Read(), caller.Ref())
	if err != nil {
		return err
	}
	account, err := m.accounts.ByID(ctx, caller.Organization, caller.User)
	if err != nil {
		return err
	}
	if err := m.own.Judge(ctx, &user, account.Factors, in.New); err != nil {
		if e := domain.AsError(err); e.Kind == domain.Invalid {
			err = e.On("new_password")
		}
		return err
	}
	if err := m.passwords.Check(ctx, account, in.Old, in.Address); err != nil {
		if domain.ErrBadCredentials.Is(err) {
			return domain.ErrForbidden.On("old_password").Saying("The old password is wrong.")
		}
		return err
	}
	hash, err := m.passwords.Hash(ctx, domain.PartyOf(caller.UserKey()), in.New)
	if err != nil {
		return err
	}
	now := m.now().UTC().Truncate(time.Millisecond)
	return m.users.Do(ctx, w, func(tx UserTx) error {
		u, err := tx.User(caller.UserKey())
		if err != nil {
			return err
		}
		u.LastPassword, u.FirstAccess = now, false
		domain.Conclude(ctx, nil)
		return tx.SaveUser(&u, hash)
	})
}
