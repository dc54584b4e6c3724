package tenancy

import (
	"context"

	"canopy/domain"
)

// Giver says what a principal can give to users and groups of one organization: nothing
// they do not have. It reads nothing, so it can be asked inside a transaction.
type Giver struct {
	who    *domain.Principal
	has    *access
	groups *Groups
}

// Giver returns what who can give in organization o.
func (g *Gate) Giver(ctx context.Context, who *domain.Principal, o domain.OrganizationID) (Giver, error) {
	a, err := g.access(ctx, who)
	if err != nil {
		return Giver{}, err
	}
	groups, err := g.documents.Groups(ctx, scopeOf(who, a, domain.UserUpdate), nil, o)
	return Giver{who: who, has: a, groups: groups}, err
}

// MayChange returns nil if the principal may change or delete u as u is now: the role u
// acts with is lower, or both are superUsers. Otherwise it is ErrHigherRole.
func (v Giver) MayChange(u *domain.User) error {
	if v.Role(u) < v.has.role || v.has.role == domain.RoleSuperUser {
		return nil
	}
	return domain.ErrHigherRole
}

// MayGive returns nil if everything u has, active or not, is also the principal's: the
// role, each permission of the groups, each place of the reach. Otherwise it is
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
	subject.Role = v.Role(u)
	if subject.Role > v.has.role || !v.groups.Mask(u.Organization, u.Groups).Within(v.has.mask) {
		return domain.ErrClimbing.On("group")
	}
	reach := NominalReach(&subject)
	if !v.has.nominal.Covers(&reach) {
		return domain.ErrClimbing.On("envs")
	}
	return nil
}

// MayActFor returns nil if the principal may do or learn what lets them act as u: they may
// change u, and u has nothing that is not also theirs. Else it is the error of MayChange or
// MayGive.
func (v Giver) MayActFor(u *domain.User) error {
	if err := v.MayChange(u); err != nil {
		return err
	}
	return v.MayGive(u)
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

// Groups returns the groups that can be used in the organization.
func (v Giver) Groups() *Groups { return v.groups }

// Role returns the role u acts with: their own, or a higher one of a group.
func (v Giver) Role(u *domain.User) domain.Role {
	return v.groups.Role(u.Organization, u.Role, u.Groups)
}

// Mask returns the permissions u has through their groups.
func (v Giver) Mask(u *domain.User) domain.Mask {
	return v.groups.Mask(u.Organization, u.Groups)
}
