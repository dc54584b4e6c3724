package domain

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// ObjectID numbers an object, CopyRequestID a copy request; 0 means none.
type (
	ObjectID      int64
	CopyRequestID int64
)

// Object is something a user owns in an environment.
type Object struct {
	ID           ObjectID
	UUID         UUID
	Kind         ObjectKind
	Organization OrganizationID
	Environment  EnvironmentID
	Path         EnvironmentPath

	// Owner may belong to another organization than the object, as people work wherever
	// they are allowed to. The zero key is nobody: the owner was deleted.
	Owner UserKey
	// OwnerAlias and OwnerHome are the owner's when the object was read. They are not
	// stored with the object.
	OwnerAlias string
	OwnerHome  EnvironmentPath

	// Parent is the object this one belongs to; it is of the same organization and fixed
	// from the beginning.
	Parent ObjectID
	Name   string
	// FullName is Name behind the full name of the parent, as in "/Alerts/Night", for kinds
	// whose names are paths; else it is Name.
	FullName   string
	Attributes map[string]string
	Visibility Visibility
	// Access is in the order of Access.Compare, Uses ascending.
	Access []Access
	Uses   []ObjectID

	Created, Changed time.Time
}

// ObjectKey is where an object is stored.
type ObjectKey struct {
	Organization OrganizationID
	Object       ObjectID
}

// Key returns where o is stored.
func (o *Object) Key() ObjectKey { return ObjectKey{o.Organization, o.ID} }

// PutBelow makes o belong to parent, nil for none, and gives it the full name that goes with that. It returns
// an Invalid error for a parent of a kind that o's does not belong to.
func (o *Object) PutBelow(parent *Object) error {
	kind, known := o.Kind.Info()
	if !known {
		return ErrObjectKind
	}
	if parent == nil {
		o.Parent, o.FullName = 0, kind.FullName("", o.Name)
		return nil
	}
	if !slices.Contains(kind.Parents, parent.Kind) {
		return InvalidField("parent", "An object of the kind %s does not belong to one of the kind %s.", o.Kind, parent.Kind)
	}
	o.Parent, o.FullName = parent.ID, kind.FullName(parent.FullName, o.Name)
	return nil
}

// Visibility says who may read an object besides its owner, its access list and whoever
// manages the objects of its environment.
type Visibility uint8

// The visibilities.
const (
	Private Visibility = iota // nobody
	Shared                    // everybody who works in its environment
)

var visibilityNames = []string{"private", "shared"}

// String returns the visibility's name.
func (v Visibility) String() string { return visibilityNames[v] }

// ParseVisibility reads a visibility's name, exactly as String writes it.
func ParseVisibility(s string) (Visibility, error) {
	if i := slices.Index(visibilityNames, s); i >= 0 {
		return Visibility(i), nil
	}
	return 0, InvalidField("visibility", "Give one of private and shared.")
}

// Level is how far somebody's rights on one object go. Each includes the ones below it.
type Level uint8

// The levels. The zero Level is none.
const (
	NoLevel    Level = iota
	LevelRead        // see it
	LevelWrite       // change it, and count its usage
	LevelAdmin       // move it, hand it over, delete it, and say who has which level
)

var levelNames = []string{"none", "read", "write", "admin"}

// String returns the level's name.
func (l Level) String() string { return levelNames[l] }

// ParseLevel reads a level's name, exactly as String writes it.
func ParseLevel(s string) (Level, error) {
	if i := slices.Index(levelNames, s); i >= 0 {
		return Level(i), nil
	}
	return 0, InvalidField("level", "Give one of none, read, write and admin.")
}

// Access is an entry of an object's access list: a user, or the members of a group, with a
// level. One of User and Group is zero.
type Access struct {
	User  UserKey
	Group GroupID
	Level Level
	// Name is the alias of the user or group when the object was read, Home the user's and
	// Organization the group's. They are not stored with the object.
	Name         string
	Home         EnvironmentPath
	Organization OrganizationID
}

// Compare orders the entries of an access list: users before groups, each by number.
func (a Access) Compare(b Access) int {
	return slices.Compare([]int64{int64(a.Group), int64(a.User.User), int64(a.User.Organization)},
		[]int64{int64(b.Group), int64(b.User.User), int64(b.User.Organization)})
}

// Viewer is who looks at objects: a user with their groups.
type Viewer struct {
	User   UserKey
	Groups []GroupID
}

// LevelOf returns the level that v has on o as its owner, by its access list or by its
// visibility, given that v works where o is.
func (o *Object) LevelOf(v Viewer) Level {
	if o.Owner == v.User && v.User.User != 0 {
		return LevelAdmin
	}
	level := NoLevel
	if o.Visibility == Shared {
		level = LevelRead
	}
	for _, a := range o.Access {
		if a.User == v.User && v.User.User != 0 || a.Group != 0 && slices.Contains(v.Groups, a.Group) {
			level = max(level, a.Level)
		}
	}
	return level
}

// Listed returns the entry of o's access list for whom a names, with NoLevel if there is none.
func (o *Object) Listed(a Access) Access {
	i := slices.IndexFunc(o.Access, func(b Access) bool { return b.User == a.User && b.Group == a.Group })
	if i < 0 {
		return Access{User: a.User, Group: a.Group}
	}
	return o.Access[i]
}

// Grant puts an entry on o's access list in place of the one that names the same; with
// NoLevel there is none any more.
func (o *Object) Grant(a Access) {
	o.Access = slices.DeleteFunc(slices.Clone(o.Access),
		func(b Access) bool { return b.User == a.User && b.Group == a.Group })
	if a.Level != NoLevel {
		o.Access = append(o.Access, a)
		slices.SortFunc(o.Access, Access.Compare)
	}
}

// Clone returns a copy of o that shares nothing with it.
func (o *Object) Clone() Object {
	c := *o
	c.Attributes = maps.Clone(o.Attributes)
	c.Access = slices.Clone(o.Access)
	c.Uses = slices.Clone(o.Uses)
	return c
}

// What one object can list.
const (
	maxAccess = 1000
	maxUses   = 200
)

// Validate returns an Invalid error for the first field that breaks a rule of o's kind.
// Uniqueness and existence are the store's.
func (o *Object) Validate() error {
	kind, known := o.Kind.Info()
	if !known {
		return ErrObjectKind
	}
	if err := checkName("name", o.Name); err != nil {
		return err
	}
	if kind.NamesArePaths {
		if err := checkPathName(o.Name, o.FullName); err != nil {
			return err
		}
	}
	switch {
	case o.Parent == 0 && kind.ParentRequired:
		return InvalidField("parent", "Name the object that this one of the kind %s belongs to.", o.Kind)
	case o.Parent != 0 && len(kind.Parents) == 0:
		return InvalidField("parent", "Leave this out; an object of the kind %s belongs to no other one.", o.Kind)
	case len(o.Uses) > 0 && kind.Uses == "":
		return InvalidField("uses", "Leave this out; an object of the kind %s uses no other ones.", o.Kind)
	case len(o.Uses) > maxUses:
		return InvalidField("uses", "At most %d are allowed.", maxUses)
	case len(o.Access) > maxAccess:
		return InvalidField("access", "At most %d entries are allowed.", maxAccess)
	}
	return kind.check(o.Attributes)
}

// MaxTogether is how many objects one request changes at once.
const MaxTogether = 1000

// MaxFullName bounds the name of an object with the names above it, in characters.
const MaxFullName = 100

// checkPathName refuses names that would make two paths look alike.
func checkPathName(name, full string) error {
	for step := range strings.SplitSeq(name, "/") {
		if step == "" || step == "." || step == ".." || strings.TrimSpace(step) != step {
			return InvalidField("name", "Give a name, or several with a slash between them.")
		}
	}
	return checkText("name", full, MaxFullName)
}

// Errors about objects.
var (
	ErrObjectNotFound = &Error{Kind: NotFound, Code: "object_not_found", Field: "object",
		Public: "This object does not exist."}
	ErrObjectKind = &Error{Kind: Invalid, Code: "object_kind_unknown", Field: "kind",
		Public: "There is no such kind of objects."}
	ErrObjectNameTaken = &Error{Kind: Conflict, Code: "object_name_taken", Field: "name",
		Public: "Another object of the organization already has this name."}
	ErrObjectNotEmpty = &Error{Kind: Conflict, Code: "object_not_empty", Field: "object",
		Public: "Other objects belong to this one; delete them first."}
	ErrObjectBorder = &Error{Kind: Conflict, Code: "object_border", Field: "environment",
		Public: "An object cannot be moved to another organization."}
	ErrCopyRequestNotFound = &Error{Kind: NotFound, Code: "copy_request_not_found", Field: "copy_request",
		Public: "This copy request does not exist."}
	ErrCopyRequested = &Error{Kind: Conflict, Code: "copy_requested", Field: "to",
		Public: "A copy of this object is already offered to this person."}
	ErrTooManyCopyRequests = &Error{Kind: Conflict, Code: "copy_requests_too_many", Field: "to",
		Public: "Too many copies wait for this person's answer."}
	ErrTooManyBookmarks = &Error{Kind: Conflict, Code: "bookmarks_too_many", Field: "object",
		Public: "There are too many bookmarks; remove one first."}
	ErrTooManyBelow = &Error{Kind: Invalid, Code: "objects_too_many", Field: "recursive",
		Public: "More than " + number(MaxTogether) + " objects would be changed at once; change them in parts."}
	ErrOwnerKeeps = &Error{Kind: Conflict, Code: "object_owner_keeps", Field: "user",
		Public: "The owner of an object keeps all rights on it; hand it over instead."}
	ErrNotCopyable = &Error{Kind: Conflict, Code: "object_not_copyable", Field: "object",
		Public: "Objects of this kind are not copied."}
)

// ObjectRef is how a client names an object: by number ("25"), by UUID, or, if names of its kind are paths,
// by its full name in the caller's organization ("/Alerts/Night").
type ObjectRef string

// NumberedObject returns the reference that names an object by its number.
func NumberedObject(id ObjectID) ObjectRef { return ObjectRef(number(id)) }

// Number returns the number the reference is, if it is one.
func (r ObjectRef) Number() (ObjectID, bool) { return ParseID[ObjectID](string(r)) }

// IsFullName reports whether the reference is a full name.
func (r ObjectRef) IsFullName() bool { return strings.HasPrefix(string(r), "/") }

// ObjectFilter narrows a list of objects. The zero filter keeps all.
type ObjectFilter struct {
	Kinds []ObjectKind // none keeps all
	// Organization keeps what lies in one organization without those nested in it; 0 keeps all.
	Organization OrganizationID
	Prefix       string // the beginning of the full name, compared by Fold
	// Names, IDs and Descriptions keep the objects with one of these full names, compared by
	// Fold, with one of these numbers, and with one of these descriptions; none keep all.
	Names        []string
	IDs          []ObjectID
	Descriptions []string
	Since, Until time.Time // created at Since or later, and before Until; zero is unbounded
	// Without leaves out the objects that lie below this full name, compared by Fold; empty
	// leaves out none.
	Without string
	Parent  ObjectID // 0 keeps all; else what belongs to that object
	Owner   UserKey  // zero keeps all
	Uses    ObjectID // 0 keeps all; else what uses that object
	// AtLeast keeps the objects on which the viewer has this level or more; NoLevel is
	// LevelRead, which everything in a list has.
	AtLeast Level
	Order   ObjectOrder
}

// ObjectOrder is the order of a list of objects.
type ObjectOrder uint8

// The orders. Ties are broken by the object's number.
const (
	ObjectsByPlace  ObjectOrder = iota // by place in the tree, then number
	ObjectsByName                      // by full name, folded
	ObjectsByLetter                    // by full name as it is written, by the letters' codes
)

// objectOrders are the orders that a client can ask for by name.
var objectOrders = []string{"place", "name"}

// ParseObjectOrder reads the name of an order; the empty name is ObjectsByPlace.
func ParseObjectOrder(s string) (ObjectOrder, error) {
	if s == "" {
		return ObjectsByPlace, nil
	}
	if i := slices.Index(objectOrders, s); i >= 0 {
		return ObjectOrder(i), nil
	}
	return 0, InvalidField("sort", "Give one of place and name.")
}

// Ownership is a stretch of time during which somebody owned an object.
type Ownership struct {
	Owner UserKey
	// Alias is the owner's when this was read; empty if they are gone.
	Alias string
	Home  EnvironmentPath
	Since time.Time
	Until time.Time // zero is until now
}

// CopyRequest is the offer of a copy of an object to another user.
type CopyRequest struct {
	ID           CopyRequestID
	Organization OrganizationID // the object's
	Object       Object
	From, To     UserKey
	// FromAlias to ToHome are of the users when the offer was read.
	FromAlias, ToAlias string
	FromHome, ToHome   EnvironmentPath
	Created, Expires   time.Time
}

// Bookmark is an object that somebody wants to find again.
type Bookmark struct {
	Object  Object
	Created time.Time
}

// Month is a month of the calendar in UTC, as year times 100 plus month.
type Month int

// MonthOf returns the month of t.
func MonthOf(t time.Time) Month {
	t = t.UTC()
	return Month(t.Year()*100 + int(t.Month()))
}

// NearestMonth returns the month whose first moment is nearest to t, of two the later one.
func NearestMonth(t time.Time) Month {
	m := MonthOf(t)
	begin := m.Start()
	next := begin.AddDate(0, 1, 0)
	if t.Sub(begin) < next.Sub(t) {
		return m
	}
	return MonthOf(next)
}

// Before returns the month before m.
func (m Month) Before() Month { return MonthOf(m.Start().AddDate(0, -1, 0)) }

// Year and Number return the parts of m.
func (m Month) Year() int   { return int(m) / 100 }
func (m Month) Number() int { return int(m) % 100 }

// Start returns the first moment of m.
func (m Month) Start() time.Time {
	return time.Date(m.Year(), time.Month(m.Number()), 1, 0, 0, 0, 0, time.UTC)
}

// String returns m as in "2026-11".
func (m Month) String() string { return m.Start().Format("2006-01") }

// ParseMonth reads a month as String writes it.
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse("2006-01", s)
	if err != nil || t.Year() < 1970 {
		return 0, ErrInvalid.Saying("Give a month like 2026-11.")
	}
	return MonthOf(t), nil
}

// UsageKey is what usage is counted by: an object and a month, and who owned the object
// then.
type UsageKey struct {
	Organization OrganizationID
	Object       ObjectID
	Owner        UserKey
	Month        Month
}

// Usage is how often an object was used in a month while Owner owned it.
type Usage struct {
	Object ObjectID
	UUID   UUID
	Kind   ObjectKind
	Name   string
	Owner  UserKey
	Month  Month
	Count  int64
}

// UsageFilter narrows usage. The zero filter keeps all.
type UsageFilter struct {
	Object      ObjectID     // 0 keeps all
	Owner       UserKey      // zero keeps all; else what was used while they owned it
	Kinds       []ObjectKind // none keeps all
	From, Until Month        // both included; 0 is unbounded
}

// MaxUsage is how much usage can be counted at once.
const MaxUsage = 1_000_000_000
