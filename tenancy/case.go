package tenancy

import (
	"context"
	"slices"
	"time"

	"canopy/domain"
)

// Case is all that the decision about one user, one permission and one place is made of. It reads
// nothing, so it can be decided again with anything in it changed.
type Case struct {
	Subject    domain.Subject
	Standing   domain.Standing
	Groups     *Groups
	Permission domain.Permission
	// Place is where; the user's own account if it is empty. Inactive are the inactive environments
	// on the way to it, itself included.
	Place    domain.EnvironmentPath
	Inactive []domain.EnvironmentPath
	Now      time.Time
	policy   Policy
}

// Judge makes the cases of users at one place, and says who may change what decides them.
type Judge struct {
	policy   Policy
	place    domain.EnvironmentPath
	inactive []domain.EnvironmentPath
	now      time.Time
	// on are the environments on the ways up from the place and the others.
	on map[domain.EnvironmentPath]*domain.Environment
}

// JudgeAt returns who makes the cases of users at place, or on their own accounts if that is empty, and says who may
// change what decides them, of which the rest is at the other places. It knows the environments on the ways up from
// all of them as they were when sc or known was read, or later; known may be nil.
func (g *Gate) JudgeAt(ctx context.Context, sc Scope, known Generations, place domain.EnvironmentPath, now time.Time,
	others ...domain.EnvironmentPath) (Judge, error) {
	j := Judge{policy: g.policy, place: place, now: now}
	if place != "" {
		others = append(others, place)
	}
	var err error
	j.on, err = g.documents.waysUp(ctx, known.with(sc), others)
	for p, e := range j.on {
		if !e.Active {
			j.inactive = append(j.inactive, p)
		}
	}
	slices.Sort(j.inactive)
	return j, err
}

// Environment returns the environment at p if it is on one of the ways that the judge knows and sc covers it.
func (j *Judge) Environment(sc Scope, p domain.EnvironmentPath) (domain.Environment, bool) {
	e, ok := j.on[p]
	if !ok || !sc.Covers(p) {
		return domain.Environment{}, false
	}
	return *e, true
}

// WayUp returns p and the places above it, the root last.
func WayUp(p domain.EnvironmentPath) []domain.EnvironmentPath {
	way := make([]domain.EnvironmentPath, 0, p.Depth())
	for ; p != domain.RootPath && p.Parent() != p; p = p.Parent() {
		way = append(way, p)
	}
	return append(way, p)
}

// Case returns the case of u, with the groups of u's organization.
func (j *Judge) Case(u *domain.User, groups *Groups, p domain.Permission) Case {
	c := Case{Subject: u.Subject(), Standing: u.Standing, Groups: groups, Permission: p, Place: j.place,
		Now: j.now, policy: j.policy}
	for _, at := range j.inactive {
		if at.Contains(j.place) {
			c.Inactive = append(c.Inactive, at)
		}
	}
	return c
}

// Giver returns what u could give to users and groups whose organization's groups are among groups, as are u's
// own. Of what is inactive it knows what the judge does.
func (j *Judge) Giver(u *domain.User, groups *Groups) Giver {
	s := u.Subject()
	acting := s
	acting.Role = groups.Role(&s)
	return Giver{caller: &domain.Principal{Subject: s, User: u.ID}, groups: groups, has: &access{role: acting.Role,
		mask: groups.Mask(u.Organization, u.Groups), nominal: NominalReach(&acting), reach: newReach(&acting, j.inactive)}}
}

// May reports whether the policy permits p to whoever v is of, on a target in that position.
func (j *Judge) May(v Giver, p domain.Permission, position domain.Position) bool {
	return j.policy.Decide(v.has.role, v.has.mask, position, p).Allowed
}

// Role returns the role the user acts with.
func (c *Case) Role() domain.Role { return c.Groups.Role(&c.Subject) }

// acts returns the role the user acts with and the reach they have by it.
func (c *Case) acts() (domain.Role, Reach) {
	s := c.Subject
	s.Role = c.Role()
	return s.Role, newReach(&s, c.Inactive)
}

// mask returns the permissions that the user's groups give.
func (c *Case) mask() domain.Mask { return c.Groups.Mask(c.Subject.Organization, c.Subject.Groups) }

// expired reports whether the password must be changed before anything else.
func (c *Case) expired() bool {
	return c.Permission != domain.PasswordChange && c.Standing.PasswordExpired(c.Now)
}

// Usable reports whether the account can be used for anything but changing its password.
func (c *Case) Usable() bool { return c.Standing.Usable(c.Now) && !c.expired() }

// Reached returns what puts the place into the user's reach, and whether nothing takes it out.
func (c *Case) Reached() (domain.Cause, bool) {
	_, reach := c.acts()
	included, excluded := reach.Why(c.Place)
	return included, included.Kind != domain.CauseNone && excluded.Kind == domain.CauseNone
}

// position returns where the place stands in the reach.
func (c *Case) position(reach *Reach) domain.Position {
	switch {
	case c.Place == "":
		return domain.Self
	case reach.Contains(c.Place):
		return domain.Within
	}
	return domain.Outside
}

// Allowed returns the decision: what Explain says, of an account that can be used.
func (c *Case) Allowed() bool {
	role, reach := c.acts()
	return c.Usable() && c.policy.Decide(role, c.mask(), c.position(&reach), c.Permission).Allowed
}

// Explain returns the decision and what led to it, whether or not the account can be used.
func (c *Case) Explain() domain.Explanation {
	role, reach := c.acts()
	x := domain.Explanation{Permission: c.Permission, Position: c.position(&reach), Role: role,
		Held: c.mask().Has(c.Permission), Roles: rolesOf(c.policy, c.Permission, domain.Self),
		Groups: c.Groups.Why(c.Subject.Organization, c.Subject.Groups, c.Permission)}
	if c.Place != "" {
		x.Included, x.Excluded = reach.Why(c.Place)
		x.Roles = rolesOf(c.policy, c.Permission, domain.Within)
	}
	v := c.policy.Decide(role, c.mask(), x.Position, c.Permission)
	x.Allowed, x.Policy = v.Allowed, v.Policy
	return x
}

// clone returns a copy whose lists can be changed.
func (c *Case) clone() Case {
	d := *c
	d.Subject.Groups = slices.Clone(c.Subject.Groups)
	d.Subject.Allowed, d.Subject.Blocked = slices.Clone(c.Subject.Allowed), slices.Clone(c.Subject.Blocked)
	d.Inactive = slices.Clone(c.Inactive)
	return d
}
