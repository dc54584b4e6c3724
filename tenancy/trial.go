package tenancy

import (
	"context"
	"time"

	"canopy/domain"
)

// Trial is a change that was made in a transaction and is not committed, or never will be.
type Trial struct {
	// Entries are what the audit trail would keep of it.
	Entries []domain.AuditEntry
	// Made are the environments that come with it, Moves where environments come, go and are moved to.
	Made  []domain.Environment
	Moves Moves
	// Before is the directory without the change, After with it. They are not used once the review returned.
	Before Former
	After  View
}

// Former is the directory without a change.
type Former interface {
	View
	// Numbered returns those of the environments that exist, in any order.
	Numbered(ctx context.Context, ids []domain.EnvironmentID) ([]domain.Environment, error)
	// Concerned returns the people of an area, in any order, some of them perhaps several times: all of them but
	// those whom the change is of. It may return domain.ErrManyConcerned if they are more than most.
	Concerned(ctx context.Context, a Area, most int) ([]domain.UserKey, error)
}

// View is what a review reads of a directory, below the gate: nothing of it may be shown before a reach was
// asked.
type View interface {
	// Groups and Inactive are those of Source.
	Groups(ctx context.Context, organizations []domain.OrganizationID) ([]domain.Group, error)
	Inactive(ctx context.Context, above []domain.EnvironmentPath, in []Range) ([]domain.EnvironmentPath, error)
	// Users returns those of the users that exist, in any order.
	Users(ctx context.Context, keys []domain.UserKey) ([]domain.User, error)
	// Sessions returns how many sessions of each of the users are open.
	Sessions(ctx context.Context, keys []domain.UserKey) (map[domain.UserKey]int64, error)
}

// Area is where to look for people whom a change may concern.
type Area struct {
	// Groups are those whose members are meant, and those of the groups below them.
	Groups []domain.GroupID
	// Places are environments: whoever may reach one of them or a place below it is meant. Within are others: whoever
	// may reach one of them itself is.
	Places Tops
	Within []domain.EnvironmentPath
	// Admins are organizations whose admins are meant.
	Admins []domain.OrganizationID
}

// Review decides about a change.
type Review struct {
	// Look returns nil if the transaction of a trial may be committed; it is rolled back with any other error,
	// which is returned to whoever wanted the change. It may be called again for the same change.
	Look func(context.Context, *Trial) error
	// Rehearsal says that the transaction is rolled back before Look is called, so that nobody waits for that.
	// Whoever wanted the change is returned domain.ErrRehearsed where that returns nil.
	Rehearsal bool
	// Held is told how long a transaction was open.
	Held func(time.Duration)
}

type reviewKey struct{}

// WithReview returns a context in which review decides about changes; nil lets them all be.
func WithReview(ctx context.Context, review *Review) context.Context {
	return context.WithValue(ctx, reviewKey{}, review)
}

// ReviewFrom returns what WithReview put into ctx, or nil.
func ReviewFrom(ctx context.Context) *Review {
	review, _ := ctx.Value(reviewKey{}).(*Review)
	return review
}
