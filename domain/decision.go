package domain

// Verdict is what the policy says about one question: role, permission bit and position.
type Verdict struct {
	Allowed bool
	// Policy is the policy row that permits it, in the words of the policy file; empty
	// if none does.
	Policy string
}

// CauseKind says why an environment, with everything below it, is in or out of a reach.
type CauseKind uint8

// The kinds of causes. The first four put a subtree into a reach, the others take one out.
const (
	CauseNone         CauseKind = iota // nothing speaks for or against it
	CauseHome                          // the user's home, by role
	CauseOrganization                  // the user's organization, by role
	CauseTree                          // the whole tree, by role
	CauseAllowed                       // an environment the user is allowed
	CauseBlocked                       // an environment the user is blocked from
	CauseInactive                      // an inactive environment
	CauseGuarded                       // an environment that demands a stronger proof than the request has
)

var causeNames = [...]string{"", "home", "organization", "tree", "allowed", "blocked", "inactive", "guarded"}

// String returns the kind's name, empty for CauseNone.
func (k CauseKind) String() string { return causeNames[k] }

// Cause is one reason for a place to be in or out of a reach: the subtree at Path.
type Cause struct {
	Kind CauseKind
	Path EnvironmentPath
}

// Explanation says why a decision was made. It is filled in by the code that decides.
type Explanation struct {
	Allowed    bool
	Permission Permission
	Position   Position
	// Role is the role the user acts with: their own, or a higher one of a group.
	Role Role
	// Policy is the policy row that permitted it; empty if none did.
	Policy string
	// Roles are those that the policy permits it to where the target stands; if that is outside, where
	// it would stand within the reach.
	Roles []Role
	// Held says whether a group gives the permission; Groups says it of each group.
	Held   bool
	Groups []GroupReason
	// Included is the cause that puts the environment into the reach and Excluded the
	// one that takes it out; their Kind is CauseNone where there is none.
	Included, Excluded Cause
}

// GroupReason says whether one of a user's groups gives a permission.
type GroupReason struct {
	// Chain is the group and the groups above it whose masks were applied.
	Chain []GroupID
	Gives bool
	// WithheldBy is the first group of the chain without the permission; 0 if all have it.
	WithheldBy GroupID
}
