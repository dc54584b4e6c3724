package domain

import (
	"context"
	"time"
)

// AuditEntry is one change as the audit trail keeps it.
type AuditEntry struct {
	ID     UUID // a UUIDv7
	At     time.Time
	Actor  Actor
	Action string // "user:update"
	Target Target
	// Organization and Place are where the change was made; Path is the place's path.
	Organization OrganizationID
	Place        EnvironmentID
	Path         EnvironmentPath
	// Changes are the fields that became different; never a secret.
	Changes []Change
	Request Request
	// Times is how often it happened, the last time at Last, where an entry counts what is alike;
	// Last is zero where it stands for one change.
	Times int64
	Last  time.Time
}

// Target is what was changed.
type Target struct {
	Kind string // "user", "group", "environment", or a kind of objects
	ID   int64
	Name string
}

// Change is one field of a target, before and after. A created target has no before, a
// deleted one no after. Secrets are never named with their value.
type Change struct {
	Field         string
	Before, After string
}

// AuditFilter narrows the audit trail. The zero filter keeps all.
type AuditFilter struct {
	Actor  string // an alias, compared by Fold
	Target string // the name of a target, compared by Fold
	Action string // "user:update", or "user" for every action on users
	From   time.Time
	Until  time.Time // exclusive
}

// Request is where a change came from.
type Request struct {
	ID string // made by the server
	// ClientID is what the client or a proxy called the request, if that was harmless.
	ClientID string
	Surface  string
	// Reads says that the request must change nothing, since it only asks for something
	// (GET and HEAD, RFC 9110, 9.2.1).
	Reads bool
}

type requestKey struct{}

// WithRequest returns a context that carries r for the audit trail.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestFrom returns what WithRequest put into ctx, or the zero Request.
func RequestFrom(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}
