package domain

import (
	"strconv"
	"strings"
	"time"
)

// systemPrefix begins the alias of every account of a program.
const systemPrefix = "tat.system"

// CheckSystemAlias returns ErrSystemAlias unless alias can be that of a program.
func CheckSystemAlias(alias string) error {
	if !strings.HasPrefix(alias, systemPrefix) {
		return ErrSystemAlias
	}
	return nil
}

// PeopleFilter narrows a list of people, of which archived accounts are never part.
// Each of the lists keeps whoever it names exactly; an empty one keeps all.
type PeopleFilter struct {
	Aliases, Names []string // Names are of the persons
	IDs            []UserID
	// Since and Until bound when the account was made, Until exclusive; zero is unbounded.
	Since, Until time.Time
}

// Plain reports whether the filter keeps all.
func (f *PeopleFilter) Plain() bool {
	return len(f.Aliases)+len(f.Names)+len(f.IDs) == 0 && f.Since.IsZero() && f.Until.IsZero()
}

// The bounds of a list of people.
const (
	maxFilterValues = 200
	MaxSkip         = 100_000 // how many people a page may leave out
)

// Validate returns an Invalid error for lists that are too long.
func (f *PeopleFilter) Validate() error {
	if len(f.Aliases) > maxFilterValues || len(f.Names) > maxFilterValues || len(f.IDs) > maxFilterValues {
		return InvalidField("filter", "At most %d values are allowed.", maxFilterValues)
	}
	return nil
}

// Rename sets the person's names from a whole one. The last name in it is surname if it ends
// with that, else the last name the person has, else the last word. The whole name that the
// person has already changes nothing.
func (p *Person) Rename(name, surname string) {
	name = strings.Join(strings.Fields(name), " ")
	ends := func(last string) bool { return last != "" && strings.HasSuffix(name, " "+last) }
	switch {
	case ends(surname):
	case name == p.Name():
		return
	case ends(p.LastName):
		surname = p.LastName
	default:
		surname = name[strings.LastIndexByte(name, ' ')+1:]
	}
	first, several := strings.CutSuffix(name, " "+surname)
	if !several {
		surname = ""
	}
	p.FirstName, p.LastName = first, surname
}

// Archive archives the account: nobody can use it any more, it is no longer part of lists
// of people, and its names are free for others. The ending has the form of the product that knows
// this, without its name of who did it: not everybody who sees the account may know them.
func (u *User) Archive(now time.Time) {
	ending := "$archive$by$admin$" + strconv.FormatInt(now.Unix(), 10)
	u.Alias = withEnding(u.Alias, ending)
	if u.Person.LastName != "" {
		u.Person.LastName = withEnding(u.Person.LastName, ending)
	} else {
		u.Person.FirstName = withEnding(u.Person.FirstName, ending)
	}
	if u.Person.Mail != "" {
		u.Person.Mail += ending
		if checkMail(u.Person.Mail) != nil {
			u.Person.Mail = ""
		}
	}
	u.Active = false
	u.Archived = true
}

// withEnding appends an ending to a name, of which only the beginning is left where there is no
// room for all of it.
func withEnding(name, ending string) string {
	if suffix := []rune(ending); len(suffix) > maxNameLength-1 {
		ending = string(suffix[:maxNameLength-1])
	}
	room := maxNameLength - len([]rune(ending))
	if runes := []rune(name); len(runes) > room {
		name = string(runes[:room])
	}
	return strings.TrimSpace(name + ending)
}

// PrivateTopic returns the full name of the topic that is for the user of that alias alone.
func PrivateTopic(alias string) string { return PrivateTopics + "/" + alias }

// PrivateTopics is what the topics for one user alone lie below.
const PrivateTopics = "/Private"

// IsPrivateTopic reports whether a full name is that of a topic for one user, or lies below
// one.
func IsPrivateTopic(fullName string) bool {
	return strings.HasPrefix(Fold(fullName)+"/", Fold(PrivateTopics)+"/")
}

// IsReserved reports whether o is a topic whose name comes with an account: one for a user alone,
// the one above those, or one that lies among them but belongs to none of them.
func (o *Object) IsReserved() bool {
	return o.Kind == KindTopic && IsPrivateTopic(o.FullName) && (o.Parent == 0 || strings.Count(o.FullName, "/") <= 2)
}

// TopicName returns the full name that somebody means who wrote a topic's name: with a
// slash before it and none behind it.
func TopicName(s string) string { return "/" + strings.Trim(s, "/") }

// Errors about accounts that are changed for others.
var (
	ErrSystemAlias = &Error{Kind: Invalid, Code: "system_alias", Field: "alias",
		Public: "The alias of a program begins with " + systemPrefix + "."}
	ErrSystem = &Error{Kind: Conflict, Code: "system_user", Field: "user",
		Public: "This is the account of a program already."}
	ErrNotSystem = &Error{Kind: Conflict, Code: "not_system_user", Field: "user",
		Public: "This is not the account of a program."}
	ErrListsTooMuch = &Error{Kind: Conflict, Code: "lists_too_much", Field: "group",
		Public: "This account's groups would let it change the people it lists."}
	ErrAdmin = &Error{Kind: Conflict, Code: "admin_already", Field: "role",
		Public: "This is an admin already."}
	ErrArchived = &Error{Kind: Conflict, Code: "archived", Field: "user",
		Public: "This account is archived already."}
)
