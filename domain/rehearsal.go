package domain

import (
	"context"
	"sync/atomic"
)

// Errors about previews.
var (
	// ErrRehearsed ends the transaction of a change that was only tried.
	ErrRehearsed = &Error{Kind: Conflict, Code: "rehearsed", Public: "This change was only tried."}
	// ErrPlanChanged refuses a change that would not do what its preview said.
	ErrPlanChanged = &Error{Kind: Conflict, Code: "plan_changed", Field: "plan",
		Public: "The directory was changed since the preview, which says something else now; ask for it again."}
	// ErrManyConcerned refuses a preview of what concerns too many people.
	ErrManyConcerned = &Error{Kind: Conflict, Code: "many_concerned", Public: "This concerns too many people."}
)

// ManyConcerned returns ErrManyConcerned, saying how many a preview takes.
func ManyConcerned(most int) *Error {
	return ErrManyConcerned.Saying("This may concern more than %d people, which is more than a preview takes. "+
		"Preview it for smaller environments or groups, one after the other, or make the change without a preview.", most)
}

type rehearsalKey struct{}

// WithRehearsal returns a context in which a change is only tried: its transaction is rolled back, so that
// what costs much or lasts, such as hashing a password or taking a number, need not be done.
func WithRehearsal(ctx context.Context) context.Context {
	if Rehearses(ctx) {
		return ctx
	}
	return context.WithValue(ctx, rehearsalKey{}, new(atomic.Int64))
}

// Rehearses reports whether WithRehearsal made ctx.
func Rehearses(ctx context.Context) bool { return ctx.Value(rehearsalKey{}) != nil }

// RehearsedNumber returns a number for what a rehearsal makes: one above MaxGiven, higher than those it returned in ctx
// before. Without a rehearsal there is none.
func RehearsedNumber(ctx context.Context) (n int64, ok bool) {
	last, ok := ctx.Value(rehearsalKey{}).(*atomic.Int64)
	if !ok {
		return 0, false
	}
	return MaxGiven + last.Add(1), true
}

// Extent says how much of the tree at a place is meant.
type Extent uint8

// The extents.
const (
	ExtentWhole  Extent = iota // the environment and what is below it, as far as nothing else is said of that
	ExtentAlone                // the environment without what is below it
	ExtentBelow                // what is below it, as far as nothing else is said of that
	ExtentWithin               // some of the environment and what is below it
)

var extentNames = [...]string{"whole", "alone", "below", "within"}

// String returns the extent's name.
func (e Extent) String() string { return extentNames[e] }

// WarningCode says what somebody should know before they carry a change out.
type WarningCode string

// The warnings of a preview.
const (
	// WarnNoAdmin is that an organization would have no admin whom the reader sees.
	WarnNoAdmin WarningCode = "no_admin"
	// WarnSuperUsersOnly is that nobody but superUsers could undo the change.
	WarnSuperUsersOnly WarningCode = "super_users_only"
	// WarnNotByYou is that the reader could not undo the change.
	WarnNotByYou WarningCode = "not_by_you"
	// WarnForGood is that what is deleted does not come back.
	WarnForGood WarningCode = "for_good"
	// WarnEmergency is that an account for emergencies could no longer sign in.
	WarnEmergency WarningCode = "emergency"
)

var warningSentences = map[WarningCode]string{
	WarnNoAdmin:        "No admin would be left in this organization.",
	WarnSuperUsersOnly: "Nobody but a superUser could undo this.",
	WarnNotByYou:       "You could not undo this yourself.",
	WarnForGood:        "What is deleted cannot be brought back.",
	WarnEmergency:      "An emergency account could no longer sign in without the identity provider.",
}

// Sentence returns the warning in words.
func (w WarningCode) Sentence() string { return warningSentences[w] }
