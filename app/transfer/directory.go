package transfer

import (
	"context"
	"iter"
	"time"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// Directory imports and exports organizations. It is for whoever works on the directory
// itself: it asks for no principal and names its operator in the audit trail.
type Directory struct {
	store    DirectoryStore
	names    directory.LoginNames
	operator string
	now      func() time.Time
}

// NewDirectory returns the use cases of the whole directory, done by operator.
func NewDirectory(store DirectoryStore, names directory.LoginNames, operator string, now func() time.Time) *Directory {
	return &Directory{store: store, names: names, operator: operator, now: now}
}

// DirectoryStore reads and writes whole organizations.
type DirectoryStore interface {
	// Environments yields every environment in sc, in tree order.
	Environments(ctx context.Context, sc tenancy.Scope) iter.Seq2[domain.Environment, error]
	// Groups returns the groups in sc, by organization in tree order, then by number.
	Groups(ctx context.Context, sc tenancy.Scope) ([]domain.Group, error)
	// Users yields the users of organization o in sc, in tree order.
	Users(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID) iter.Seq2[domain.StoredUser, error]
	// Claim takes the numbers of each kind up to and including the given ones, and returns
	// the first of each that nobody had; from there on they are the caller's.
	Claim(ctx context.Context, w tenancy.WriteScope, last domain.Numbers) (domain.Numbers, error)
	// Reserve takes n numbers of a kind that nobody had, and returns the first.
	Reserve(ctx context.Context, w tenancy.WriteScope, kind int, n int64) (int64, error)
	// List yields the rows of a list in sc, by their primary keys.
	List(ctx context.Context, sc tenancy.Scope, info *domain.ListInfo) iter.Seq2[domain.ListRow, error]
	// PutList brings rows of a list to what the document says, each on its own, and returns what
	// became of them, in their order. Nothing is written if rehearse.
	PutList(ctx context.Context, w tenancy.WriteScope, info *domain.ListInfo, rows []domain.ListRow,
		refs domain.ListReferences, rehearse bool) ([]domain.ListOutcome, error)
	// Write runs work in one transaction, once. What it writes is not held to quotas, and may name places
	// that are written later.
	Write(ctx context.Context, w tenancy.WriteScope, work func(Tx) error) error
}

// Tx is one transaction that brings an organization. Counters, versions and audit entries are part of what
// it writes. Nothing of it stays if one of its methods returned an error.
type Tx interface {
	// Reserve takes n numbers of a kind that nobody had, and returns the first.
	Reserve(kind int, n int64) (first int64, err error)
	// InsertEnvironments adds environments whose places are known, each behind the one above it. It returns
	// domain.ErrChanged if one that was there is no longer where they say.
	InsertEnvironments([]domain.PlacedEnvironment) error
	// HoldEnvironment keeps an environment that was read before the transaction from being changed by others,
	// or returns domain.ErrChanged if it is no longer where and what it was called then.
	HoldEnvironment(before *domain.Environment) error
	// SaveEnvironment makes before, as it is held, after.
	SaveEnvironment(before, after *domain.Environment) error
	// InsertGroup adds g to g.Organization, and completes it.
	InsertGroup(g *domain.Group) error
	// SaveGroup makes before, as it was read, after.
	SaveGroup(before, after *domain.Group) error
	// SuperUsers returns the superUsers but the one with that number, and the root's groups, and keeps
	// superUsers from being changed by others.
	SuperUsers(but domain.UserID) ([]domain.User, []domain.Group, error)
	// UsersNamed returns the users with these aliases, by folded alias.
	UsersNamed(aliases []string) (map[string]domain.StoredUser, error)
	// MailTaken returns whose the mail addresses are that are taken, by folded address.
	MailTaken(addresses []string) (map[string]domain.UserID, error)
	// InsertUsers adds users whose places are known.
	InsertUsers([]domain.StoredUser) error
	// HoldUsers keeps users of an organization whom UsersNamed returned from being changed by others, so that
	// SaveUser takes them, and lets go those held before. It returns domain.ErrChanged if one of them was
	// changed meanwhile.
	HoldUsers(o domain.OrganizationID, before []domain.StoredUser) error
	// User returns the user with that key, held.
	User(domain.UserKey) (domain.User, error)
	// SaveUser writes what has become of a user who is held, with their password unless that is empty.
	SaveUser(after *domain.User, password domain.PasswordHash) error
}
