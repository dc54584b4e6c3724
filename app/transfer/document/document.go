package document

import (
	"iter"
	"time"

	"canopy/app/directory"
	"canopy/domain"
)

// Section is one organization of a directory document, or one of the lists behind them.
type Section struct {
	// Path is the organization's complete alias path, "/" for the root's. A section
	// without a path has users of any organization, and no groups.
	Path string
	Line int
	// Wrong is what cannot be read of the section as a whole.
	Wrong        []*domain.Error
	Environments []EnvironmentRecord
	// Wanted are environments to be made, with those above them, if they are not there.
	Wanted []WantedEnvironment
	Groups []GroupRecord
	// Users yields the users; an error ends it. A list has none.
	Users iter.Seq2[UserRecord, error]
	// List is what list this is, nil for an organization; Rows yields its rows, and an error ends
	// it.
	List *domain.ListInfo
	Rows iter.Seq2[ListRecord, error]
}

// ListRecord is a row of a list of a document.
type ListRecord struct {
	Line  int
	Wrong []*domain.Error // what cannot be read of it
	domain.ListRow
}

// NoUsers are the users of a section that has none.
func NoUsers(func(UserRecord, error) bool) {}

// WantedEnvironment is a complete alias path that a document names without describing it.
type WantedEnvironment struct {
	Line int
	Path domain.EnvironmentRef
}

// EnvironmentRecord is an environment of a document. Its number and UUID may be 0 and empty.
type EnvironmentRecord struct {
	Line   int
	Wrong  []*domain.Error // what cannot be read of it
	Path   string          // the complete alias path, "/" for the root
	Number int64
	UUID   domain.UUID
	directory.EnvironmentPatch
}

// GroupRecord is a group of a document. Its number and UUID may be 0 and empty.
type GroupRecord struct {
	Line   int
	Wrong  []*domain.Error // what cannot be read of it
	Number int64
	UUID   domain.UUID
	directory.GroupPatch
	Created *time.Time
}

// UserRecord is a user of a document: a patch whose references are complete alias paths
// and group names, with what only a document can carry. Its numbers may be 0, and nil
// fields are not given.
type UserRecord struct {
	Line   int
	Wrong  []*domain.Error // what cannot be read of it; one without a field is about all of it
	Number int64
	Person int64
	directory.UserPatch
	UUID                                                      *domain.UUID
	Claims                                                    *string
	Hash                                                      *domain.PasswordHash
	Created, LastPassword, LastConnected, LastSeen, IdleSince *time.Time
}

// Document is a directory document. It can be read several times.
type Document interface {
	// Sections yields the organizations, a parent before those nested in it. The users of
	// a section can be ranged over once, before the next section. An error is about the
	// document as a whole, and names the line.
	Sections() iter.Seq2[*Section, error]
}

// fields are what documents call fields, where that is not as in the core.
var fields = map[string]string{
	"home": "environment", "allowed": "envs", "blocked": "envsbloque",
	"person.first_name": "firstname", "person.last_name": "lastname", "person.mail": "mailaddress",
	"person.phone":     "phone",
	"person.job_title": "jobtitle", "person.department": "service",
	"time_zone": "timezone", "default_page": "defaultpage", "first_access": "firstaccess",
	"password_delay": "passworddelay", "revoke_delay": "revokedelay", "last_password": "lastpassword",
	"send_url": "sendurl", "git_repository": "gitRepository",
}

// Field returns what documents call a field.
func Field(field string) string {
	if name, other := fields[field]; other {
		return name
	}
	return field
}
