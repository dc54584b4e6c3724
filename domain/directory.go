package domain

// Numbers holds one number of each kind.
type Numbers [6]int64

// The kinds of numbers.
const (
	EnvironmentNumber = iota
	GroupNumber
	UserNumber
	PersonNumber
	ObjectNumber
	CopyRequestNumber
)

// StoredUser is a user with the hash of their password.
type StoredUser struct {
	User
	Hash PasswordHash
}

// PlacedEnvironment is an environment whose place is known, and the organization of the one above it.
type PlacedEnvironment struct {
	Environment
	Above OrganizationID
}
