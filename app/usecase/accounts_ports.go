package usecase

import (
	"context"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// ChangeStore changes users together with what goes with the change, in one transaction.
// The rules of UserStore hold.
type ChangeStore interface {
	Get(ctx context.Context, sc tenancy.Scope, id domain.UserID) (domain.User, error)
	ByUUID(ctx context.Context, sc tenancy.Scope, id domain.UUID) (domain.User, error)
	Attributes(ctx context.Context, sc tenancy.Scope, ids []domain.UserID) (map[domain.UserID]domain.Attributes, error)
	Newest(ctx context.Context, sc tenancy.Scope, f domain.PeopleFilter, skip int, p domain.Page) ([]domain.User, domain.Cursor, error)
	// InsertWith adds a user whose home lies in w; with says what goes with them once they
	// have their numbers.
	InsertWith(ctx context.Context, w tenancy.WriteScope, u domain.User, hash domain.PasswordHash,
		with func(*domain.User) (domain.Enclosure, error)) (domain.User, error)
	// Register adds a newcomer: with a code, which is used up and decides the home, it is
	// domain.ErrRegistrationCode unless the code is open; as the first it is
	// domain.ErrNotFirst if somebody is there.
	Register(ctx context.Context, w tenancy.WriteScope, r domain.Registration,
		with func(*domain.User) (domain.Enclosure, error)) (domain.User, error)
	// UpdateWith changes a user. A presented secret is used up first, in the same
	// transaction, and is domain.ErrSecret if it does not fit.
	UpdateWith(ctx context.Context, w tenancy.WriteScope, id domain.UserID, hash domain.PasswordHash, presented *domain.Presented,
		change func(*domain.User, domain.Secret, domain.SuperUsers) (domain.Enclosure, error)) (domain.User, error)
	// DeleteWith removes a user, and posts the mail that check returns.
	DeleteWith(ctx context.Context, w tenancy.WriteScope, id domain.UserID,
		check func(domain.User, domain.SuperUsers) ([]domain.Mail, error)) error
	// Approvers returns up to n users with a mail address who may approve newcomers of an
	// organization.
	Approvers(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID, n int) ([]domain.User, error)
}

// AccountFinder finds accounts before there is a principal, and keeps one-time secrets and
// limits.
type AccountFinder interface {
	// ByMail and ByAlias return whose it is, or domain.ErrUserNotFound.
	ByMail(ctx context.Context, address string) (domain.UserKey, error)
	ByAlias(ctx context.Context, alias string) (domain.UserKey, error)
	// ByID returns the account with that number, or domain.ErrUserNotFound.
	ByID(ctx context.Context, o domain.OrganizationID, id domain.UserID) (domain.Account, error)
	// Holds returns nil if the account has the presented secret, else domain.ErrSecret.
	Holds(ctx context.Context, u domain.UserKey, p domain.Presented) error
	// Latest returns the account's newest secret of that purpose without its text, or
	// domain.ErrSecret.
	Latest(ctx context.Context, u domain.UserKey, purpose domain.SecretPurpose) (domain.Secret, error)
	// CodeOpen returns nil if somebody can register with the code now, else
	// domain.ErrRegistrationCode.
	CodeOpen(ctx context.Context, code domain.SecretText) error
	// Count adds one use to the subject in an atomic step and returns the new count and when
	// it began: now, if that was before since.
	Count(ctx context.Context, subject string, now, since time.Time) (uses int64, began time.Time, err error)
	// Stale returns up to n sign-ups made before the given time whose address can no longer
	// be proven at now.
	Stale(ctx context.Context, before, now time.Time, n int) ([]domain.UserKey, error)
	// SweepSecrets and SweepLimits forget what ended before the given time.
	SweepSecrets(ctx context.Context, before time.Time) error
	SweepLimits(ctx context.Context, before time.Time) error
}

// RegistrationCodeStore keeps registration codes, under the rules of UserStore.
type RegistrationCodeStore interface {
	// List returns the codes of an organization, oldest first.
	List(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID) ([]domain.RegistrationCode, error)
	// Get returns the code, or domain.ErrRegistrationCodeNotFound.
	Get(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID, code domain.SecretText) (domain.RegistrationCode, error)
	// Insert adds a code to its organization.
	Insert(ctx context.Context, w tenancy.WriteScope, c domain.RegistrationCode) (domain.RegistrationCode, error)
	// Update loads the code, runs change and saves.
	Update(ctx context.Context, w tenancy.WriteScope, o domain.OrganizationID, code domain.SecretText,
		change func(*domain.RegistrationCode) error) (domain.RegistrationCode, error)
	// Delete removes the code.
	Delete(ctx context.Context, w tenancy.WriteScope, o domain.OrganizationID, code domain.SecretText) error
}

// Outbox takes mail that goes with no change to a user.
type Outbox interface {
	// Post keeps the mail until it is sent.
	Post(ctx context.Context, mails []domain.Mail) error
}
