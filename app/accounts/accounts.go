package accounts

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// Accounts are what people do about accounts that are not, or not any more, open to them:
// registering, proving an address, choosing another password, accepting an invitation;
// and what those do who let them in. Who may be there already is never told: answers,
// errors and their time are the same.
type Accounts struct {
	gate         *tenancy.Gate
	users        *directory.Users
	people       *directory.People
	environments *directory.Environments
	store        ChangeStore
	accounts     AccountFinder
	passwords    directory.Passwords
	own          *directory.OwnPasswords
	rules        SignUpRules
	now          func() time.Time

	populated populated
}

// SignUpRules say who can register, and what their mail looks like.
type SignUpRules struct {
	// PublicURL is where people reach the server, without a slash at the end. Links in
	// mail begin with it.
	PublicURL string
	// Pages are where people prove another address of theirs.
	Pages Pages
	// Environment is the home of newcomers without a registration code; empty means that
	// they are refused.
	Environment domain.EnvironmentRef
	// AutoApprove opens accounts as soon as their address is proven.
	AutoApprove bool
	// FirstUser makes the first registration of a directory without users its superUser.
	FirstUser bool
	// Limits bound the mail that people cause, per hour.
	Limits MailLimits
	// Names says which login names newcomers can have, and Properties are what was declared of users.
	Names      directory.LoginNames
	Properties domain.Properties
	// LinkHosts are the only hosts, with a port where it is not the usual one, to which others
	// may have links mailed; besides the public one. If there are none it is every host that
	// speaks HTTPS.
	LinkHosts []string
}

// MailLimits bound the mail that people cause within an hour. What strangers cause and what
// users do is counted apart; so are registrations and what is mailed to those who have an account.
type MailLimits struct {
	Address int64 // to one address
	Source  int64 // that strangers ask for from one network address, whether or not it is sent
	User    int64 // caused by one user
	// Overall is of what is really sent. Of what strangers cause a half is for registrations, the
	// other one for people who have an account.
	Overall int64
}

// NewAccounts returns the use cases of sign-up and of accounts that are to be mended, and lets
// users ask for other mail addresses of their own.
func NewAccounts(gate *tenancy.Gate, users *directory.Users, people *directory.People,
	environments *directory.Environments, store ChangeStore, accounts AccountFinder, passwords directory.Passwords,
	own *directory.OwnPasswords, rules SignUpRules, now func() time.Time) *Accounts {
	a := &Accounts{gate: gate, users: users, people: people, environments: environments, store: store,
		accounts: accounts, passwords: passwords, own: own, rules: rules, now: now}
	users.AskOwn(a)
	return a
}

// ChangeStore reads users and changes them together with what goes with the change. The rules of
// directory.UserStore hold.
type ChangeStore interface {
	Get(ctx context.Context, sc tenancy.Scope, ref domain.UserRef) (domain.User, error)
	Number(ctx context.Context, u *domain.User) error
	Do(ctx context.Context, w tenancy.WriteScope, change func(Tx) error) error
	// Approvers returns up to n users with a mail address who may approve newcomers of an
	// organization.
	Approvers(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID, n int) ([]domain.User, error)
}

// Tx changes users, and what opens accounts, in one transaction.
type Tx interface {
	directory.UserTx
	// Spend uses up the secret that is presented for a user, and returns what it was, or
	// domain.ErrSecret if it does not fit.
	Spend(u domain.UserKey, p domain.Presented) (domain.Secret, error)
	// AddKey gives a user who is new an API key, which is theirs then.
	AddKey(u domain.UserKey, k *domain.APIKey) error
	// UseCode uses a registration code up by one, and returns the place it opens, or
	// domain.ErrRegistrationCode unless the code is open.
	UseCode(code domain.SecretText) (domain.Environment, error)
}

// AccountFinder finds accounts before there is a principal, and keeps one-time secrets and
// limits.
type AccountFinder interface {
	// ByMail and ByAlias return whose it is, or domain.ErrUserNotFound; names are compared by domain.Fold.
	ByMail(ctx context.Context, address string) (domain.UserKey, error)
	ByAlias(ctx context.Context, alias string) (domain.UserKey, error)
	// ByID returns the account with that number, or domain.ErrUserNotFound.
	ByID(ctx context.Context, o domain.OrganizationID, id domain.UserID) (domain.Account, error)
	// Holds returns nil if the account has the presented secret, else domain.ErrSecret.
	Holds(ctx context.Context, u domain.UserKey, p domain.Presented) error
	// Latest returns the account's newest secret of that purpose without its text, or
	// domain.ErrSecret.
	Latest(ctx context.Context, u domain.UserKey, purpose domain.SecretPurpose) (domain.Secret, error)
	// CodeOpen returns the organization that somebody can register for with the code now, or
	// domain.ErrRegistrationCode.
	CodeOpen(ctx context.Context, code domain.SecretText) (domain.OrganizationID, error)
	// Count adds one use to the subject in an atomic step and returns the new count and when
	// it began: now, if that was before since.
	Count(ctx context.Context, subject string, now, since time.Time) (uses int64, began time.Time, err error)
	// Stale returns up to n sign-ups made before the given time whose address can no longer
	// be proven at now.
	Stale(ctx context.Context, before, now time.Time, n int) ([]domain.UserKey, error)
	// Sweep forgets what has ended and no longer matters at now.
	Sweep(ctx context.Context, now time.Time) error
}

// Whose names the account a stranger speaks of: by mail address, by alias or UUID, or by both,
// which must then be the same account's.
type Whose struct{ Mail, Alias string }

func (w Whose) name() string { return w.Mail + "\x00" + w.Alias }

// find returns the account, or domain.ErrUserNotFound.
func (a *Accounts) find(ctx context.Context, w Whose) (domain.User, error) {
	u, err := a.named(ctx, w)
	if err == nil && w.Mail != "" && !domain.MailMatches(w.Mail, u.Person.Mail) {
		return domain.User{}, domain.ErrUserNotFound
	}
	return u, err
}

// named is find without looking whether both are the same account's. What is an account's UUID
// is no other's alias, so that nobody gets in the way of links by being called like them.
func (a *Accounts) named(ctx context.Context, w Whose) (domain.User, error) {
	find, name := a.accounts.ByMail, w.Mail
	if w.Alias != "" {
		if id, err := domain.ParseUUID(w.Alias); err == nil {
			u, err := a.store.Get(ctx, a.self(domain.UserRead).Read(), domain.UserRef{UUID: id})
			if !domain.ErrUserNotFound.Is(err) {
				return u, err
			}
		}
		find, name = a.accounts.ByAlias, w.Alias
	}
	return a.byName(ctx, find, name)
}

// byName returns the account that a look-up finds by a name.
func (a *Accounts) byName(ctx context.Context, find func(context.Context, string) (domain.UserKey, error),
	name string) (domain.User, error) {
	key, err := find(ctx, name)
	if err != nil {
		return domain.User{}, err
	}
	return a.store.Get(ctx, a.self(domain.UserRead).Read(), domain.UserRef{ID: key.User})
}

// takes reports whether a secret of one of the purposes may be given out for the account, or
// taken: none is for an account that nothing could be done with then.
func (a *Accounts) takes(ctx context.Context, u *domain.User, purposes ...domain.SecretPurpose) (bool, error) {
	now := a.now()
	if !slices.ContainsFunc(purposes, func(p domain.SecretPurpose) bool { return p.Fits(&u.Standing, now) }) {
		return false, nil
	}
	account, err := a.accounts.ByID(ctx, u.Organization, u.ID)
	if domain.ErrUserNotFound.Is(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = a.gate.Environment(ctx, &account.Principal, "")
	switch {
	case domain.ErrNoEnvironment.Is(err):
		return false, nil
	case domain.ErrForbidden.Is(err): // an account that may look at no environment works without
		return true, nil
	}
	return err == nil, err
}

// self is the scope of people who act on an account they have proved to be theirs, or are
// about to.
func (a *Accounts) self(p domain.Permission) tenancy.WriteScope {
	return tenancy.Operator("(sign-up)", p)
}

func (a *Accounts) moment() time.Time { return a.now().UTC().Truncate(time.Millisecond) }

// secret returns a new one-time secret, written as a random UUID because two of the
// surfaces call it one.
func (a *Accounts) secret(purpose domain.SecretPurpose, address string, lifetime time.Duration) domain.Secret {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	text := fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	return domain.Secret{Purpose: purpose, Text: domain.SecretText(text), Address: address, Expires: a.moment().
		Add(lifetime)}
}

// mail writes a letter to the user's address.
func (a *Accounts) mail(u *domain.User, letter domain.Letter) domain.Mail {
	return a.users.MailTo(u.Person.Mail, u, letter)
}

// give gives a user a secret, and mails a letter with the link, or the secret by itself, to the address it is
// bound to.
func (a *Accounts) give(tx directory.UserTx, u *domain.User, secret domain.Secret, link string,
	letter domain.Letter) error {
	letter.Note = a.note(letter.Note, link, u, secret)
	tx.Mail(a.users.MailTo(secret.Address, u, a.linked(letter, link, u, secret)))
	return tx.AddSecret(u.Key(), secret)
}

// password returns a new password and its hash, which is made in by's turn.
func (a *Accounts) password(ctx context.Context, by domain.Party) (string, domain.PasswordHash, error) {
	password := directory.MakePassword()
	hash, err := a.passwords.Hash(ctx, by, password)
	return password, hash, err
}
