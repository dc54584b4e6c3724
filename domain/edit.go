package domain

// EditKind says what an edit changes.
type EditKind uint8

// The kinds of edits: on the user, on a group, on an environment.
const (
	EditActivate   EditKind = iota // the account is made active
	EditApprove                    // the account is approved
	EditPassword                   // the user changes their password
	EditRole                       // the user gets Role
	EditJoin                       // the user gets into Group
	EditAllow                      // the user is allowed Place
	EditUnblock                    // the user is not blocked from Place any more
	EditGive                       // Group gets the permission
	EditOpen                       // the environment at Place is made active
	EditDeactivate                 // the account is deactivated
	EditLeave                      // the user gets out of Group
	EditDisallow                   // the user is not allowed Place any more
	EditBlock                      // the user is blocked from Place
	EditTake                       // Group loses the permission
	EditClose                      // the environment at Place is deactivated
)

var editNames = [...]string{"activate", "approve", "password", "role", "join", "allow", "unblock", "give", "open",
	"deactivate", "leave", "disallow", "block", "take", "close"}

// String returns the kind's name.
func (k EditKind) String() string { return editNames[k] }

// Edit is one change to what a decision about a user is made of.
type Edit struct {
	Kind  EditKind
	Role  Role
	Group GroupID
	Place EnvironmentPath
}

// Field returns what the edit changes, in the words of patches: which kind of thing, which field of it, and whether
// something is set there, added or removed.
func (k EditKind) Field() (subject, field, op string) {
	switch k {
	case EditActivate, EditDeactivate:
		return "user", "active", "set"
	case EditApprove:
		return "user", "state", "set"
	case EditPassword:
		return "user", "password", "set"
	case EditRole:
		return "user", "role", "set"
	case EditJoin:
		return "user", "groups", "add"
	case EditLeave:
		return "user", "groups", "remove"
	case EditAllow:
		return "user", "allowed", "add"
	case EditDisallow:
		return "user", "allowed", "remove"
	case EditBlock:
		return "user", "blocked", "add"
	case EditUnblock:
		return "user", "blocked", "remove"
	case EditGive:
		return "group", "permission", "add"
	case EditTake:
		return "group", "permission", "remove"
	default:
		return "environment", "active", "set"
	}
}
