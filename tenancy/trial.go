package tenancy

import (
	"context"

	"canopy/domain"
)

// Trial is a change that was made in a transaction and is not committed yet.
type Trial struct {
	// Entries are what the audit trail would keep of it.
	Entries []domain.AuditEntry
	// Before is the directory without the change, After with it. They are not used once the review returned.
	Before, After View
}

// View is what a review reads of a directory, below the gate: nothing of it may be shown before a reach was
// asked.
type View interface {
	// Groups and Inactive are those of Source.
	Groups(ctx context.Context, organizations []domain.OrganizationID) ([]domain.Group, error)
	Inactive(ctx context.Context, above []domain.EnvironmentPath, in []Range) ([]domain.EnvironmentPath, error)
	// Numbered returns those of the environments that exist, in any order.
	Numbered(ctx context.Context, ids []domain.EnvironmentID) ([]domain.Environment, error)
	// Concerned returns the people of an area, in any order, some of them perhaps several times.
	Concerned(ctx context.Context, a Area) ([]domain.UserKey, error)
	// Users returns those of the users that exist, in any order.
	Users(ctx context.Context, keys []domain.UserKey) ([]domain.User, error)
	// Sessions returns how many sessions of each of the users are open.
	Sessions(ctx context.Context, keys []domain.UserKey) (map[domain.UserKey]int64, error)
}

// Area is where to look for people whom a change may concern.
type Area struct {
	// Groups are those whose members are meant, and those of the groups below them.
	Groups []domain.GroupID
	// Places are environments: whoever may reach one of them or a place below it is meant.
	Places []domain.EnvironmentPath
	// Admins are organizations whose admins are meant.
	Admins []domain.OrganizationID
}

// Review returns nil if the transaction of a trial may be committed; it is rolled back with any other error,
// which is returned to whoever wanted the change. It may be called again for the same change.
type Review func(context.Context, *Trial) error

type reviewKey struct{}

// WithReview returns a context in which review decides about changes; nil lets them all be.
func WithReview(ctx context.Context, review Review) context.Context {
	return context.WithValue(ctx, reviewKey{}, review)
}

// ReviewFrom returns what WithReview put into ctx, or nil.
func ReviewFrom(ctx context.Context) Review {
	review, _ := ctx.Value(reviewKey{}).(Review)
	return review
}
