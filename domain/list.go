package domain

import "slices"

// ListInfo describes a list of the directory document: what a table keeps beside organizations,
// environments, groups and users, one row after the other. Rows name what they are about, as
// numbers differ from directory to directory.
type ListInfo struct {
	Name    string
	Columns []ListColumn
	// Secret means that rows hold what opens something, so that they are written only if that
	// was asked for.
	Secret bool
}

// ListColumn is a column of a list.
type ListColumn struct {
	Name string
	Type ListType
	// Choices are the texts of a ChoiceColumn, by the number that is stored.
	Choices []string
	// Key means that the column is part of what tells the rows of a list apart.
	Key bool
	// Optional means that it may be nil: nobody, or none. Gone means that it may be the number of
	// a user who is gone.
	Optional, Gone bool
}

// ListType says what a value of a column is in Go, and what it means.
type ListType uint8

// The types.
const (
	TextColumn         ListType = iota // string
	NumberColumn                       // int64; of a time, milliseconds since 1970
	FlagColumn                         // bool
	BytesColumn                        // []byte
	ChoiceColumn                       // string, one of Choices
	AttributesColumn                   // Attributes
	SecretColumn                       // string, sealed where it is stored
	OrganizationColumn                 // string, its complete alias path, "/" for the root's
	EnvironmentColumn                  // string, its complete alias path, "/" for the root
	PlaceColumn                        // string, the complete alias path of an environment kept by its path alone
	UserColumn                         // string, the login name; int64, the number of one who is gone
	GroupColumn                        // string, the alias, with a slash before it for one of the root's elsewhere
	ObjectColumn                       // string, the UUID
)

// PlaceGone is the value of a PlaceColumn whose environment is gone. Its row is not written.
const PlaceGone = int64(0)

// ListRow is a row of a list: a value for each of its columns.
type ListRow struct {
	Values []any
}

// ListOutcome says what became of a row.
type ListOutcome struct {
	There   bool // it was there before
	Differs bool // and was different
	// Waits means that the row names one that may come later in the list.
	Waits bool
	Err   error // why it was not written
}

// ListReferences resolve what rows name that is not looked up in the database.
type ListReferences struct {
	// Place returns the environment with a complete alias path.
	Place func(path string) (Environment, bool)
	// Group returns the group that ref names in an organization.
	Group func(o OrganizationID, ref GroupRef) (GroupID, bool)
	// Coming reports whether a user with that login name, or an object with that UUID, is in the
	// document. A rehearsal takes them for there.
	Coming func(t ListType, name string) bool
	// Keep reports whether a new row gets the document's number of that kind.
	Keep func(kind int, n int64) bool
}

// Column returns where the column with that name is, -1 if there is none.
func (l *ListInfo) Column(name string) int {
	return slices.IndexFunc(l.Columns, func(c ListColumn) bool { return c.Name == name })
}

// ListNamed returns the list with that name, nil if there is none.
func ListNamed(name string) *ListInfo {
	for i := range DirectoryLists {
		if DirectoryLists[i].Name == name {
			return &DirectoryLists[i]
		}
	}
	return nil
}

func key(c ListColumn) ListColumn {
	c.Key = true
	return c
}

func optional(c ListColumn) ListColumn {
	c.Optional = true
	return c
}

// DirectoryLists are all lists, each behind those that its rows name.
var DirectoryLists = []ListInfo{
	{Name: "organizationattributes", Columns: []ListColumn{
		key(ListColumn{Name: "organization", Type: OrganizationColumn}), key(ListColumn{Name: "name"}), {Name: "value"}}},
	{Name: "organizationpictures", Columns: []ListColumn{
		key(ListColumn{Name: "organization", Type: OrganizationColumn}), {Name: "jpeg", Type: BytesColumn}}},
	{Name: "signinrules", Columns: []ListColumn{
		key(ListColumn{Name: "environment", Type: EnvironmentColumn}), {Name: "minpassword", Type: NumberColumn},
		{Name: "minpasswordwithfactor", Type: NumberColumn}, {Name: "passworddays", Type: NumberColumn},
		{Name: "people", Type: ChoiceColumn, Choices: proofNames[:]},
		{Name: "admins", Type: ChoiceColumn, Choices: proofNames[:]},
		{Name: "above", Type: ChoiceColumn, Choices: proofNames[:]}, {Name: "proofage", Type: NumberColumn},
		{Name: "grace", Type: NumberColumn}, {Name: "programsexempt", Type: FlagColumn},
		{Name: "minsetpassword", Type: NumberColumn}, {Name: "fromabove", Type: NumberColumn},
		optional(ListColumn{Name: "onlyprovider", Type: FlagColumn})}},
	{Name: "breakglass", Columns: []ListColumn{
		key(ListColumn{Name: "environment", Type: EnvironmentColumn}), key(ListColumn{Name: "user", Type: UserColumn})}},
	{Name: "registrationcodes", Secret: true, Columns: []ListColumn{
		key(ListColumn{Name: "organization", Type: OrganizationColumn}), key(ListColumn{Name: "code", Type: SecretColumn}),
		{Name: "created", Type: NumberColumn}, {Name: "createdby"}, {Name: "expires", Type: NumberColumn},
		{Name: "maxusers", Type: NumberColumn}, {Name: "used", Type: NumberColumn}, {Name: "enabled", Type: FlagColumn}}},
	{Name: "pictures", Columns: []ListColumn{
		key(ListColumn{Name: "user", Type: UserColumn}), {Name: "jpeg", Type: BytesColumn}}},
	{Name: "apikeys", Secret: true, Columns: []ListColumn{
		key(ListColumn{Name: "user", Type: UserColumn}), key(ListColumn{Name: "id"}), {Name: "name"},
		{Name: "key", Type: SecretColumn},
		{Name: "created", Type: NumberColumn}, {Name: "lastused", Type: NumberColumn},
		{Name: "expires", Type: NumberColumn}, {Name: "permission", Type: NumberColumn},
		optional(ListColumn{Name: "place", Type: PlaceColumn})}},
	{Name: "groupadmins", Columns: []ListColumn{
		key(ListColumn{Name: "user", Type: UserColumn}), key(ListColumn{Name: "group", Type: GroupColumn})}},
	{Name: "marks", Columns: []ListColumn{
		key(ListColumn{Name: "user", Type: UserColumn}),
		key(ListColumn{Name: "list", Type: ChoiceColumn, Choices: favouriteLists}), key(ListColumn{Name: "name"}),
		{Name: "rank", Type: NumberColumn}}},
	{Name: "contacts", Columns: []ListColumn{
		key(ListColumn{Name: "user", Type: UserColumn}), key(ListColumn{Name: "contact", Type: UserColumn}),
		{Name: "rank", Type: NumberColumn}}},
	{Name: "objects", Columns: []ListColumn{
		{Name: "environment", Type: EnvironmentColumn}, key(ListColumn{Name: "id"}), {Name: "number", Type: NumberColumn},
		{Name: "kind"},
		optional(ListColumn{Name: "owner", Type: UserColumn}), optional(ListColumn{Name: "parent", Type: ObjectColumn}),
		{Name: "name"},
		{Name: "attributes", Type: AttributesColumn}, {Name: "visibility", Type: ChoiceColumn, Choices: visibilityNames},
		{Name: "created", Type: NumberColumn}, {Name: "changed", Type: NumberColumn}}},
	{Name: "uses", Columns: []ListColumn{
		key(ListColumn{Name: "object", Type: ObjectColumn}), key(ListColumn{Name: "used", Type: ObjectColumn})}},
	{Name: "useraccess", Columns: []ListColumn{
		key(ListColumn{Name: "object", Type: ObjectColumn}), key(ListColumn{Name: "user", Type: UserColumn}),
		{Name: "level", Type: ChoiceColumn, Choices: levelNames}}},
	{Name: "groupaccess", Columns: []ListColumn{
		key(ListColumn{Name: "object", Type: ObjectColumn}), key(ListColumn{Name: "group", Type: GroupColumn}),
		{Name: "level", Type: ChoiceColumn, Choices: levelNames}}},
	{Name: "owners", Columns: []ListColumn{
		key(ListColumn{Name: "object", Type: ObjectColumn}), key(ListColumn{Name: "rank", Type: NumberColumn}),
		{Name: "owner", Type: UserColumn, Gone: true}, {Name: "since", Type: NumberColumn},
		{Name: "until", Type: NumberColumn}}},
	{Name: "usage", Columns: []ListColumn{
		key(ListColumn{Name: "object", Type: ObjectColumn}), key(ListColumn{Name: "month", Type: NumberColumn}),
		optional(key(ListColumn{Name: "owner", Type: UserColumn, Gone: true})), {Name: "uses", Type: NumberColumn}}},
	{Name: "copyrequests", Columns: []ListColumn{
		key(ListColumn{Name: "object", Type: ObjectColumn}), key(ListColumn{Name: "to", Type: UserColumn}),
		{Name: "number", Type: NumberColumn},
		{Name: "from", Type: UserColumn}, {Name: "created", Type: NumberColumn}, {Name: "expires", Type: NumberColumn}}},
	{Name: "bookmarks", Columns: []ListColumn{
		key(ListColumn{Name: "user", Type: UserColumn}), key(ListColumn{Name: "object", Type: ObjectColumn}),
		{Name: "created", Type: NumberColumn}}},
	{Name: "presences", Columns: []ListColumn{
		key(ListColumn{Name: "topic", Type: ObjectColumn}), key(ListColumn{Name: "user", Type: UserColumn}), {Name: "status"},
		{Name: "at", Type: NumberColumn}}},
}
