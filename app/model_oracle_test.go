package app_test

import (
	"fmt"
	"slices"

	"canopy/domain"
	"canopy/rbac"
)

// oracle is the directory as plain maps. It answers by walking up the tree, each time, and
// knows no ranges, scopes, generations or caches.
type oracle struct {
	environments map[domain.EnvironmentID]*oracleEnvironment
	groups       map[domain.GroupID]*domain.Group
	users        map[domain.UserID]*domain.User
	policy       *rbac.Engine
}

type oracleEnvironment struct {
	parent               domain.EnvironmentID
	active, organization bool
}

func newOracle() *oracle {
	policy, err := rbac.Shipped()
	if err != nil {
		panic(err)
	}
	return &oracle{environments: map[domain.EnvironmentID]*oracleEnvironment{}, groups: map[domain.GroupID]*domain.Group{},
		users: map[domain.UserID]*domain.User{}, policy: policy}
}

// up calls visit for e and everything above it, until visit says stop.
func (o *oracle) up(e domain.EnvironmentID, visit func(domain.EnvironmentID) (stop bool)) {
	for !visit(e) && e != domain.RootEnvironment {
		e = o.environments[e].parent
	}
}

func (o *oracle) below(e, top domain.EnvironmentID) (yes bool) {
	o.up(e, func(at domain.EnvironmentID) bool { yes = at == top; return yes })
	return yes
}

func (o *oracle) organizationOf(e domain.EnvironmentID) (border domain.EnvironmentID) {
	o.up(e, func(at domain.EnvironmentID) bool { border = at; return o.environments[at].organization })
	return border
}

// reaches says whether u's role works in e.
func (o *oracle) reaches(u *domain.User, e domain.EnvironmentID) bool {
	open := o.has(u, e)
	o.up(e, func(at domain.EnvironmentID) bool {
		open = open && (o.environments[at].active || o.role(u) == domain.RoleSuperUser)
		return !open
	})
	return open
}

// has says whether e is u's by role, allowed and blocked environments, inactive or not.
func (o *oracle) has(u *domain.User, e domain.EnvironmentID) bool {
	lists := func(grants []domain.Grant, e domain.EnvironmentID) bool {
		return slices.ContainsFunc(grants, func(g domain.Grant) bool { return g.Environment == e })
	}
	in, out := o.role(u) == domain.RoleSuperUser || o.role(u) == domain.RoleUser && e == u.Home, false
	border := o.organizationOf(u.Home)
	o.up(e, func(at domain.EnvironmentID) bool {
		in = in || lists(u.Allowed, at) || o.role(u) == domain.RolePower && at == u.Home || o.role(u) == domain.RoleOAdmin &&
			at == border
		out = out || lists(u.Blocked, at)
		return out
	})
	return in && !out
}

// role is the role u acts with: their own, or a higher one of a group; but nobody is an admin
// of the root's organization who is not at home in the root.
func (o *oracle) role(u *domain.User) domain.Role {
	role := u.Role
	for _, id := range u.Groups {
		role = max(role, o.groups[id].Role)
	}
	if role == domain.RoleOAdmin && u.Home != domain.RootEnvironment &&
		o.organizationOf(u.Home) == domain.RootEnvironment {
		return domain.RolePower
	}
	return role
}

// exceeds says what v has that u has not: nothing, if u may change v.
func (o *oracle) exceeds(u, v *domain.User) string {
	switch {
	case o.role(v) > o.role(u):
		return "a higher role"
	case !o.mask(v).Within(o.mask(u)):
		return "a permission"
	}
	for e := range o.environments {
		if o.has(v, e) && !o.has(u, e) {
			return fmt.Sprint("environment ", e)
		}
	}
	return ""
}

// hasAll says whether e and everything below it is u's.
func (o *oracle) hasAll(u *domain.User, e domain.EnvironmentID) bool {
	for at := range o.environments {
		if o.below(at, e) && !o.has(u, at) {
			return false
		}
	}
	return true
}

// through is what a member of the group has by it.
func (o *oracle) through(id domain.GroupID) domain.Mask {
	mask := domain.AllPermissions
	for g := o.groups[id]; ; g = o.groups[g.Parent] {
		if mask &= g.Mask; g.ID == domain.RootGroup {
			return mask
		}
	}
}

func (o *oracle) mask(u *domain.User) (mask domain.Mask) {
	for _, id := range u.Groups {
		mask |= o.through(id)
	}
	return mask
}

// may says whether u may use p in e.
func (o *oracle) may(u *domain.User, p domain.Permission, e domain.EnvironmentID) bool {
	position := domain.Outside
	if o.reaches(u, e) {
		position = domain.Within
	}
	return o.policy.Decide(o.role(u), o.mask(u), position, p).Allowed
}

// sees says whether u sees v: where they may read users, or themselves.
func (o *oracle) sees(u, v *domain.User) bool {
	if o.policy.Decide(o.role(u), o.mask(u), domain.Within, domain.UserRead).Allowed {
		return o.reaches(u, v.Home)
	}
	return u.ID == v.ID && o.policy.Decide(o.role(u), o.mask(u), domain.Self, domain.UserRead).Allowed
}

// start is where u is who does not say where; 0 is nowhere.
func (o *oracle) start(u *domain.User) domain.EnvironmentID {
	places := []domain.EnvironmentID{u.Home}
	if o.role(u) == domain.RoleOAdmin {
		places = []domain.EnvironmentID{o.organizationOf(u.Home), u.Home}
	}
	for _, g := range u.Allowed {
		places = append(places, g.Environment)
	}
	for _, e := range places {
		if o.reaches(u, e) {
			return e
		}
	}
	return 0
}
