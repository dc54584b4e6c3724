package tenancy

import (
	"context"

	"canopy/domain"
)

// Giver says what a principal can give to users and groups of one organization: nothing
// they do not have. It reads nothing, so it can be asked inside a transaction.
type Giver struct {
	caller *domain.Principal
	has    *access
	groups *Groups
}

// Giver returns what the caller can give in organization o.
func (g *Gate) Giver(ctx context.Context, caller *domain.Principal, o domain.OrganizationID) (Giver, error) {
	a, err := g.access(ctx, caller)
	if err != nil {
		return Giver{}, err
	}
	groups, err := g.documents.Groups(ctx, scopeOf(caller, a, domain.UserUpdate), nil, o)
	return Giver{caller: caller, has: a, groups: groups}, err
}

// GiverOf returns what the caller can give in the organizations whose groups are among groups.
func (g *Gate) GiverOf(ctx context.Context, caller *domain.Principal, groups *Groups) (Giver, error) {
	a, err := g.access(ctx, caller)
	return Giver{caller: caller, has: a, groups: groups}, err
}

// MayChange returns nil if the principal may change or delete u as u is now, or do and learn
// what lets them act as u: everything u has, active or not, is also the principal's. What they
// could give they may take away, and nothing more. Otherwise it returns ErrHasMore, which does not
// tell what is missing.
func (v Giver) MayChange(u *domain.User) error {
	subject := u.Subject()
	subject.Role = v.groups.Role(&subject)
	reach := NominalReach(&subject)
	if subject.Role > v.has.role || !v.Mask(u).Within(v.has.mask) || !v.has.nominal.Covers(&reach) {
		return domain.ErrHasMore
	}
	return nil
}

// MayGive returns nil if everything u has, active or not, is also the principal's: the
// role, each permission of the groups, each place of the reach. Otherwise it returns
// ErrClimbing on the field that goes too far, or ErrGroupNotFound.
func (v Giver) MayGive(u *domain.User) error {
	if u.Role > v.has.role {
		return domain.ErrClimbing.On("role")
	}
	for _, id := range u.Groups {
		if _, ok := v.groups.Get(u.Organization, id); !ok {
			return domain.ErrGroupNotFound
		}
	}
	subject := u.Subject()
	subject.Role = v.groups.Role(&subject)
	if subject.Role > v.has.role || !v.groups.Mask(u.Organization, u.Groups).Within(v.has.mask) {
		return domain.ErrClimbing.On("group")
	}
	reach := NominalReach(&subject)
	if !v.has.nominal.Covers(&reach) {
		return domain.ErrClimbing.On("allowed")
	}
	return nil
}

// MayChangeGroup returns nil if the principal may change or delete g as g is now: they act with
// its role or a higher one and have every permission that its members have through it.
// Otherwise it returns ErrGroupHasMore.
func (v Giver) MayChangeGroup(g *domain.Group) error {
	if g.Role > v.has.role || !v.groups.Effective(g.Organization, g.ID).Within(v.has.mask) {
		return domain.ErrGroupHasMore
	}
	return nil
}

// MayGiveMask returns nil if the principal has every permission of m; else ErrClimbing.
func (v Giver) MayGiveMask(m domain.Mask) error {
	if !m.Within(v.has.mask) {
		return domain.ErrClimbing.On("permission")
	}
	return nil
}

// MayGiveRole returns nil if the principal acts with r or a higher role; else ErrClimbing.
func (v Giver) MayGiveRole(r domain.Role) error {
	if r > v.has.role {
		return domain.ErrClimbing.On("role")
	}
	return nil
}

// MayGivePlaces returns nil if the principal has the whole subtree at p, active or not;
// else ErrForbidden, which does not tell what is missing.
func (v Giver) MayGivePlaces(p domain.EnvironmentPath) error {
	if !v.has.nominal.set.covers(ranges{subtree(p)}) {
		return domain.ErrForbidden
	}
	return nil
}

// Ceiling returns the role and the permissions that the principal has.
func (v Giver) Ceiling() domain.Ceiling { return domain.Ceiling{Role: v.has.role, Mask: v.has.mask} }

// Is reports whether the principal is u.
func (v Giver) Is(u *domain.User) bool {
	return v.caller.User == u.ID && v.caller.Organization == u.Organization
}

// Home returns the principal's home.
func (v Giver) Home() domain.EnvironmentPath { return v.caller.Home }

// Position returns where the environment at p stands, seen from the principal.
func (v Giver) Position(p domain.EnvironmentPath) domain.Position { return v.has.position(p) }

// Groups returns the groups that can be used in the organization.
func (v Giver) Groups() *Groups { return v.groups }

// Mask returns the permissions u has through their groups.
func (v Giver) Mask(u *domain.User) domain.Mask {
	return v.groups.Mask(u.Organization, u.Groups)
}
