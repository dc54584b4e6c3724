package domain

import (
	"slices"
	"strings"
	"time"
)

// UserState says how far an account has come.
type UserState uint8

// The states of an account. Only an approved account can sign in.
const (
	Approved   UserState = iota // the zero value: the ordinary account
	Pending                     // waits for approval
	Unverified                  // made by sign-up, whose mail address is not proven yet
	Invited                     // made for somebody who has not accepted yet
)

// UserStates lists all states.
var UserStates = []UserState{Approved, Pending, Unverified, Invited}

var userStates = [...]string{"approved", "pending", "unverified", "invited"}

// String returns the state's name.
func (s UserState) String() string { return userStates[s] }

// ParseUserState reads a state's name, exactly as String writes it.
func ParseUserState(s string) (UserState, error) {
	if i := slices.Index(userStates[:], s); i >= 0 {
		return UserState(i), nil
	}
	return 0, InvalidField("state", "Give one of %s and %s.", strings.Join(userStates[:len(userStates)-1], ", "),
		userStates[len(userStates)-1])
}

// Standing is what decides whether an account can be used, and until when.
type Standing struct {
	State  UserState
	Active bool
	// FirstAccess means that the password must be changed at the first sign-in.
	FirstAccess bool
	// PasswordDelay is after how many days a password expires; 0 is never.
	PasswordDelay int
	// RevokeDelay is after how many days without a sign-in the account is revoked; 0 is never.
	RevokeDelay int

	// Times are in UTC and whole milliseconds, so that Standings compare.
	Created      time.Time
	LastPassword time.Time // when the password was last changed; zero is never
	// IdleSince is the time from which RevokeDelay counts: creation, last sign-in, or
	// the last time an administrator gave the account back.
	IdleSince time.Time
}

// Usable reports whether the account can be used at now: it is approved, active and not
// revoked for want of a sign-in.
func (s *Standing) Usable(now time.Time) bool { return s.State == Approved && !s.Closed(now) }

// Closed reports whether the account is not active or was revoked by now, however far it has
// come.
func (s *Standing) Closed(now time.Time) bool { return !s.Active || s.Revoked(now) }

// Revoked reports whether the account was revoked for want of a sign-in by now.
func (s *Standing) Revoked(now time.Time) bool { return elapsed(s.IdleSince, s.RevokeDelay, now) }

// PasswordExpired reports whether the password must be changed by now: because it is the
// first one given to the user, or because it is too old.
func (s *Standing) PasswordExpired(now time.Time) bool {
	since := s.LastPassword
	if since.IsZero() {
		since = s.Created
	}
	return s.FirstAccess || elapsed(since, s.PasswordDelay, now)
}

func elapsed(since time.Time, days int, now time.Time) bool {
	return days > 0 && !since.IsZero() && !now.Before(since.AddDate(0, 0, days))
}

// Account is a principal together with what proves them and whether they may sign in.
// It is read at the beginning of a request and never shown.
type Account struct {
	Principal
	Standing
	Hash PasswordHash
	// TokenEpoch counts the changes after which tokens given out before are void.
	TokenEpoch int64
	LastSeen   time.Time
	// Factors are the kinds of factors the user has.
	Factors Factors
	// Program says that the account is a program's.
	Program bool
	// Session is what the request belongs to, with ID empty if it belongs to none.
	Session Session
	// Key is the API key the request came with, with ID empty if it came without.
	Key APIKey
	// PasswordMAC is by what a right password is remembered that the request came with; zero if it came without.
	PasswordMAC [32]byte
}

// PasswordHash is what is stored of a password: text in the PHC string format, or empty
// for no password. It does not print.
type PasswordHash string

// String hides the hash, in logs above all.
func (PasswordHash) String() string { return "[hash]" }

// GoString hides the hash too.
func (h PasswordHash) GoString() string { return h.String() }

// UserKey is where a user is stored.
type UserKey struct {
	Organization OrganizationID
	User         UserID
}

// Failures counts failed sign-ins since a point in time.
type Failures struct {
	Count       int64
	Since, Last time.Time
}
