package domain

// Role says how far a user's rights extend. Roles are ordered; each includes the ones
// below it. The zero Role is none and permits nothing.
type Role uint8

// The roles, from the least to the most.
const (
	RoleUser      Role = iota + 1 // only themselves
	RolePower                     // their home and below
	RoleOAdmin                    // their whole organization; in the root's, members at home in the root itself only
	RoleSuperUser                 // the whole tree; members of the root organization only
)

// Roles lists all roles, from the least to the most.
var Roles = []Role{RoleUser, RolePower, RoleOAdmin, RoleSuperUser}

var roleNames = [...]string{"", "user", "power", "oadmin", "superUser"}

// String returns the role's name, empty for the zero Role.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return ""
}

// In returns the role that somebody acts with who was given r, with that home in organization
// o: in the root's organization an admin's role counts only at the root itself. Somebody at
// home elsewhere in it has no organization of their own to be admin of, and would otherwise
// rule everybody from a corner of the tree.
func (r Role) In(o OrganizationID, home EnvironmentPath) Role {
	if r == RoleOAdmin && o == RootOrganization && home != RootPath {
		return RolePower
	}
	return r
}

// ParseRole reads a role's name, exactly as String writes it.
func ParseRole(s string) (Role, error) {
	for _, r := range Roles {
		if r.String() == s {
			return r, nil
		}
	}
	return 0, InvalidField("role", "Give one of user, power, oadmin and superUser.")
}

// Position is where the target of an action stands, seen from the principal.
type Position uint8

// The positions. The zero Position is Outside.
const (
	Outside Position = iota // not within the principal's reach: it does not exist for them
	Self                    // the principal's own account
	Within                  // within the principal's reach
	// Above is what stands above a principal: the root's groups, which are used everywhere, and the
	// environments around their home, which they would shut themselves out of.
	Above
)

var positionNames = [...]string{"outside", "self", "reach", "above"}

// Positions returns the positions in which a target of p can stand that is not Outside, where
// nothing is permitted.
func Positions(p Permission) []Position {
	if p == GroupWrite || p == EnvironmentWrite || p == OrganizationWrite {
		return []Position{Self, Within, Above}
	}
	return []Position{Self, Within}
}

// String returns the position's name as policies write it.
func (p Position) String() string { return positionNames[p] }
