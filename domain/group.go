package domain

import (
	"strings"
	"time"
)

// Group is a node of the group tree with a permission mask.
type Group struct {
	ID   GroupID
	UUID UUID
	// Organization is the organization the group belongs to. Groups of
	// RootOrganization can be used everywhere.
	Organization OrganizationID
	// Path is the place of the organization.
	Path EnvironmentPath
	// Parent is the group above; it belongs to the same organization or to the root's.
	// The group RootGroup is its own parent.
	Parent GroupID
	Alias  string
	Mask   Mask
	// Role is the least role its members act with, none or up to MaxGroupRole. It is given
	// when the group is made and stays: members were let in for what they get by it.
	Role Role
	// RoleTitle is what a product calls the role; empty is the role's own name.
	RoleTitle string
	// Description says what the group is for.
	Description string
	Created     time.Time // zero is not known
}

// maxGroupDescription bounds the description of a group, in characters: groups are kept in
// memory.
const maxGroupDescription = 1000

// MaxGroupAdmins is how many admins one group can have.
const MaxGroupAdmins = 100

// GroupMember is a user who is in a group, or an admin of it.
type GroupMember struct {
	Group GroupID
	User  UserKey
	Alias string
}

// MaxGroupRole is the highest role a group can give. A superUser is made one by one.
const MaxGroupRole = RoleOAdmin

// The groups every new directory has.
const (
	RootGroup  GroupID = 1
	UserGroup  GroupID = 2
	AdminGroup GroupID = 3
)

// BuiltInGroups returns the groups of a new directory: Root and Admin with all
// permissions, User below Admin without the administrative ones.
func BuiltInGroups() []Group {
	administrative := UserCreate.Mask() | UserUpdate.Mask() | UserDelete.Mask() | GroupWrite.Mask() |
		EnvironmentWrite.Mask() | AuditRead.Mask() | OrganizationWrite.Mask()
	return []Group{
		{ID: RootGroup, Organization: RootOrganization, Parent: RootGroup, Alias: "Root", Mask: AllPermissions},
		{ID: UserGroup, Organization: RootOrganization, Parent: AdminGroup, Alias: "User",
			Mask: AllPermissions &^ administrative},
		{ID: AdminGroup, Organization: RootOrganization, Parent: RootGroup, Alias: "Admin", Mask: AllPermissions},
	}
}

// DefaultGroup returns the built-in group of those who act with role r: AdminGroup for an
// admin of an organization or more, else UserGroup.
func DefaultGroup(r Role) GroupID {
	if r >= RoleOAdmin {
		return AdminGroup
	}
	return UserGroup
}

// Errors about groups.
var (
	ErrGroupNotFound = &Error{Kind: NotFound, Code: "group_not_found", Field: "group",
		Public: "This group does not exist."}
	ErrGroupAliasTaken = &Error{Kind: Conflict, Code: "group_alias_taken", Field: "alias",
		Public: "Another group of the organization already has this alias."}
	ErrGroupNotEmpty = &Error{Kind: Conflict, Code: "group_not_empty", Field: "group",
		Public: "This group still has members or groups below it."}
	ErrGroupCycle = &Error{Kind: Conflict, Code: "group_cycle", Field: "parent",
		Public: "A group cannot be moved below itself."}
	ErrGroupFixed = &Error{Kind: Conflict, Code: "group_fixed", Field: "group",
		Public: "The built-in groups keep their place and cannot be deleted; Root keeps its permissions too."}
	ErrGroupHasMore = &Error{Kind: Forbidden, Code: "group_has_more", Field: "group",
		Public: "A group can be changed only by someone who has everything it gives."}
	ErrGroupAdminElsewhere = &Error{Kind: Conflict, Code: "group_admin_elsewhere", Field: "user",
		Public: "Only people of the group's organization can be its admins."}
	ErrTooManyGroupAdmins = &Error{Kind: Conflict, Code: "group_admins_too_many", Field: "user",
		Public: "A group has at most " + number(MaxGroupAdmins) + " admins."}
	ErrGroupRole = &Error{Kind: Conflict, Code: "group_role", Field: "role",
		Public: "The role of a group cannot be changed."}
)

// Validate returns an Invalid error for the first field that breaks a rule.
func (g *Group) Validate() error {
	if err := checkName("alias", g.Alias); err != nil {
		return err
	}
	if strings.Contains(g.Alias, "/") || strings.Trim(g.Alias, "0123456789") == "" {
		return InvalidField("alias", "Give an alias that has no slash and is no number.")
	}
	if _, err := ParseUUID(g.Alias); err == nil {
		return InvalidField("alias", "Give an alias that is no UUID.")
	}
	if g.Mask > AllPermissions {
		return InvalidField("permission", "Give a decimal number from 0 to %s.", AllPermissions)
	}
	if g.Role > MaxGroupRole {
		return InvalidField("role", "A group can give a role up to %s.", MaxGroupRole)
	}
	if err := checkText("role", g.RoleTitle, maxNameLength); err != nil {
		return err
	}
	return checkText("description", g.Description, maxGroupDescription)
}

// BuiltIn reports whether g is one of the groups every directory has.
func (g *Group) BuiltIn() bool { return g.ID <= AdminGroup }

// GroupRef is how a client names a group: by number ("2"), by UUID, by alias ("User"), or by alias
// with a slash before it for one of the root's ("/User"). The empty reference names none.
type GroupRef string

// NumberedGroup returns the reference that names a group by its number.
func NumberedGroup(id GroupID) GroupRef { return GroupRef(number(id)) }

// Number returns the number the reference is, if it is one.
func (r GroupRef) Number() (GroupID, bool) { return ParseID[GroupID](string(r)) }

// MaxCounted is up to how many of something are counted where counting more would take long.
const MaxCounted = 10_000

// Tally is how many of something there are. More says that there are more than that, of which only MaxCounted
// were counted.
type Tally struct {
	N    int64
	More bool
}
