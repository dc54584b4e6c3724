package domain

import (
	"errors"
	"fmt"
	"time"
)

// Kind sorts errors by what the caller can do about them. The list is closed.
type Kind uint8

// The kinds of errors. The zero Kind is Internal, so that an error nobody classified
// is never shown.
const (
	Internal        Kind = iota // a fault of ours; its cause is for the log only
	Invalid                     // the input is malformed or breaks a rule of an entity
	Unauthenticated             // who is asking is not known
	Forbidden                   // reachable, but not permitted
	NotFound                    // absent, or outside the reach of who is asking
	Conflict                    // the state of the directory stands against it
	TooMany                     // to be tried again later
	Unavailable                 // a part we depend on does not answer
)

var kindNames = [...]string{
	"internal", "invalid", "unauthenticated", "forbidden", "not_found", "conflict", "too_many", "unavailable",
}

// String returns the kind's name in snake case.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[Internal]
}

// Error is the error every use case returns: a kind, a stable code, the field it is
// about, a sentence that may be shown, and a cause that may not.
type Error struct {
	Kind   Kind
	Code   string // [a-z_]+, never reused and never renamed
	Field  string // the input's name in domain words; empty if it is about none
	Public string // a full sentence for the caller
	// RetryAfter is how many seconds to wait, for TooMany and Unavailable; 0 says nothing.
	RetryAfter int
	// Proof is by what the caller has to prove who they are, ProofAge how long ago at most, for ErrFactorNeeded and
	// ErrProveAgain; zero says nothing.
	Proof    Proof
	ProofAge time.Duration

	cause error
}

// Error returns the public sentence with the code and, if there is one, the cause. It
// is for logs; surfaces show Public.
func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Public, e.cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Public)
}

// Unwrap returns the private cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Is compares codes, so that a copy made by Because, On or Saying still matches its sentinel.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Because returns a copy of e that carries cause for the log; callers never see it.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// On returns a copy of e that names field.
func (e *Error) On(field string) *Error {
	c := *e
	c.Field = field
	return &c
}

// Saying returns a copy of e with another public sentence.
func (e *Error) Saying(format string, args ...any) *Error {
	c := *e
	c.Public = fmt.Sprintf(format, args...)
	return &c
}

// After returns a copy of e that asks to wait for the given number of seconds.
func (e *Error) After(seconds int) *Error {
	c := *e
	c.RetryAfter = max(seconds, 1)
	return &c
}

// Proving returns a copy of e that says by what, or how long ago at most, the caller has to prove who they are.
func (e *Error) Proving(by Proof, age time.Duration) *Error {
	c := *e
	c.Proof, c.ProofAge = by, age
	return &c
}

// AsError returns err as an *Error. An error of another type becomes ErrInternal with
// err as its cause; nil stays nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return ErrInternal.Because(err)
}

// InvalidField returns the error for a field whose value cannot be accepted.
func InvalidField(field, format string, args ...any) *Error {
	return ErrInvalid.On(field).Saying(format, args...)
}

// The errors that belong to no single entity.
var (
	ErrInternal = &Error{Kind: Internal, Code: "internal", Public: "Something went wrong on our side."}
	ErrInvalid  = &Error{Kind: Invalid, Code: "invalid", Public: "The input is not valid."}
	ErrNotFound = &Error{Kind: NotFound, Code: "not_found", Public: "Not found."}

	ErrUnauthenticated = &Error{Kind: Unauthenticated, Code: "unauthenticated", Public: "Sign in first."}
	ErrForbidden       = &Error{Kind: Forbidden, Code: "forbidden", Public: "You may not do this."}
	ErrTooMany         = &Error{Kind: TooMany, Code: "too_many", Public: "Too many requests; try again later.",
		RetryAfter: 1}
	ErrUnavailable = &Error{Kind: Unavailable, Code: "unavailable",
		Public: "The directory cannot be reached right now; try again later.", RetryAfter: 1}

	// ErrOverloaded reports that the server has no room for the request now: memory, processors or
	// open answers are used up, whoever asks. It says nothing about how often the caller asked, as
	// ErrTooMany does, nor about how much there may be, as ErrQuota does.
	ErrOverloaded = &Error{Kind: Unavailable, Code: "overloaded",
		Public: "The server is busy right now; try again in a moment.", RetryAfter: 1}
	// ErrQuota reports that there are as many of something as there may be. Its sentence says how
	// many and where the number is changed.
	ErrQuota = &Error{Kind: Conflict, Code: "quota_exceeded",
		Public: "There are as many of these as the server's --quotas allow."}

	// ErrClimbing reports an attempt to give more than the giver has.
	ErrClimbing = &Error{Kind: Forbidden, Code: "climbing", Public: "You cannot give what you do not have."}
	// ErrChanged reports that something the request relied on was changed meanwhile.
	ErrChanged = &Error{Kind: Conflict, Code: "changed_meanwhile", Public: "This was changed meanwhile; try again."}
)
