package domain

import (
	"slices"
	"time"
)

// Contact is somebody whom a user keeps on their list of contacts.
type Contact struct {
	User  UserKey
	Alias string
	Name  string // the person's
}

// MaxContacts is how many contacts one user can have.
const MaxContacts = 1000

// PresenceStatus is what somebody says of themselves in a topic.
type PresenceStatus string

// The statuses.
const (
	PresenceOnline  PresenceStatus = "online"
	PresenceOffline PresenceStatus = "offline"
	PresenceBusy    PresenceStatus = "busy"
)

// ParsePresenceStatus reads a status, exactly as it is written.
func ParsePresenceStatus(s string) (PresenceStatus, error) {
	status := PresenceStatus(s)
	if !slices.Contains([]PresenceStatus{PresenceOnline, PresenceOffline, PresenceBusy}, status) {
		return "", ErrPresenceStatus
	}
	return status, nil
}

// Presence says that somebody was in a topic, and what they said of themselves. There is
// one of each user in a topic, the latest.
type Presence struct {
	User   Contact
	Topic  string // its full name
	Status PresenceStatus
	At     time.Time
}

// MaxPresences bounds a list of presences.
const MaxPresences = 1000

// PresenceFilter narrows a list of presences. The zero filter keeps all.
type PresenceFilter struct {
	Topic        ObjectID         // 0 keeps all
	Statuses     []PresenceStatus // none keeps all
	Aliases      []string         // of users, exactly; none keeps all
	Since, Until time.Time        // at Since or later, and before Until; zero is unbounded
}

// Errors about contacts and presences.
var (
	ErrContact = &Error{Kind: Conflict, Code: "contact_there", Field: "user",
		Public: "This is a contact already."}
	ErrNotContact = &Error{Kind: NotFound, Code: "contact_not_found", Field: "user",
		Public: "This is not a contact."}
	ErrTooManyContacts = &Error{Kind: Conflict, Code: "contacts_too_many", Field: "user",
		Public: "There are too many contacts; remove one first."}
	ErrPresenceStatus = &Error{Kind: Invalid, Code: "presence_status", Field: "status",
		Public: "Give one of online, offline and busy."}
)
