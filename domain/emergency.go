package domain

import (
	"slices"
	"time"
)

// EmergencyLost is the action of the audit trail that tells of an emergency account that can no longer sign in.
const EmergencyLost = "user:emergency_lost"

// LostEmergency is an account that was left out of SignInRules.OnlyProvider and got in, as it was before it no longer
// does, with the administrators who are to know by mail.
type LostEmergency struct {
	User   User
	Admins []User
}

// ComesIn reports whether an account gets in at now where no provider answers: whether it is left out by these rules,
// which are of all places on the way to its home, and can sign in as they demand of somebody with the role. It has to
// be a person's account that can be used, not blocked from its home, with a password or a passkey, and with a factor as
// strong as what is demanded: in an emergency nobody adds one first.
func (r *SignInRules) ComesIn(u *User, role Role, password bool, now time.Time) bool {
	blocked := slices.ContainsFunc(u.Blocked, func(g Grant) bool { return g.Path.Contains(u.HomePath) })
	return r.OnlyProvider && r.BreakGlass.Has(u.ID) && !u.System && u.Usable(now) && !blocked &&
		(password || u.Factors&PasskeyFactor != 0) && u.Factors.Strongest() >= r.Demands(role, false)
}
