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

// StoredUser is a user with the hash of their password. It is for import and export only.
type StoredUser struct {
	User
	Hash PasswordHash
}

// DirectoryWriter writes many rows of one organization in one transaction. Nothing of it
// stays if one of its methods returned an error.
type DirectoryWriter interface {
	// Reserve takes n numbers of a kind that nobody had, and returns the first.
	Reserve(kind int, n int64) (first int64, err error)
	// PutEnvironment adds e, whose place is known, or, with before, changes it. parent is
	// the organization of the environment above it.
	PutEnvironment(before *Environment, e Environment, parent OrganizationID) (Environment, error)
	// PutGroup adds g or, with before, changes it. place is its organization's.
	PutGroup(before *Group, g Group, place EnvironmentPath) (Group, error)
	// UsersNamed returns the users with these aliases, by folded alias.
	UsersNamed(aliases []string) (map[string]StoredUser, error)
	// MailTaken returns whose the mail addresses are that are taken, by folded address.
	MailTaken(addresses []string) (map[string]UserID, error)
	// SuperUsers returns all superUsers, and keeps them from being changed by anybody else
	// until the transaction ends.
	SuperUsers() ([]User, error)
	// InsertUsers adds users whose places are known.
	InsertUsers(users []StoredUser) error
	// UpdateUser saves after in place of before.
	UpdateUser(before, after StoredUser) error
	// Withdraw takes an environment off a user's lists.
	Withdraw(u UserKey, environment EnvironmentID) error
}
