package domain

import (
	"strconv"
	"strings"
)

// Numbers that the published documents show as integers. They are positive and below
// 2^53, so that every JSON reader keeps them exact; 0 means none.
type (
	// EnvironmentID numbers an environment. RootEnvironment is 1.
	EnvironmentID int64
	// OrganizationID is the number of the environment that is the organization's border.
	OrganizationID int64
	// UserID numbers a user.
	UserID int64
	// PersonID numbers the person behind a user.
	PersonID int64
	// GroupID numbers a group.
	GroupID int64
)

const (
	// RootEnvironment is the environment all others lie below; it is its own parent.
	RootEnvironment EnvironmentID = 1
	// RootOrganization is the operator's own organization.
	RootOrganization OrganizationID = 1
	// MaxID is the largest number an id can have.
	MaxID = 1<<53 - 1
	// MaxGiven is the largest that is given to anything. Those above are of what is only tried: see RehearsedNumber.
	MaxGiven = MaxID - 1<<20
)

// Environment returns the environment that is the organization's border.
func (o OrganizationID) Environment() EnvironmentID { return EnvironmentID(o) }

// ParseID reads a decimal number from 1 to MaxID without sign or leading zero. It
// reports false for anything else.
func ParseID[T ~int64](s string) (T, bool) {
	if s == "" || s[0] < '1' || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return T(n), err == nil && n <= MaxID
}

// UUID is an opaque identifier in canonical lower-case form (RFC 9562).
type UUID string

// uuidForm has an x for each digit of a UUID.
const uuidForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"

// ParseUUID reads a UUID in canonical form, in either case.
func ParseUUID(s string) (UUID, error) {
	s = strings.ToLower(s)
	right := len(s) == len(uuidForm)
	for i := 0; right && i < len(s); i++ {
		hex := '0' <= s[i] && s[i] <= '9' || 'a' <= s[i] && s[i] <= 'f'
		right = uuidForm[i] == 'x' && hex || uuidForm[i] == '-' && s[i] == '-'
	}
	if !right {
		return "", ErrInvalid.Saying("Give a UUID of 36 characters.")
	}
	return UUID(strings.Clone(s)), nil
}

// Time returns when the identifier was made, in milliseconds since 1970, if it is a UUIDv7; else 0.
func (u UUID) Time() int64 {
	if len(u) != 36 || u[14] != '7' {
		return 0
	}
	ms, _ := strconv.ParseInt(string(u[:8]+u[9:13]), 16, 64)
	return ms
}
