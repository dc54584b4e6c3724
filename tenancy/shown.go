package tenancy

import (
	"context"

	"canopy/domain"
)

// Shown is what a document says of a user, a group, an environment or an organization beside
// what it is about. Only a scope makes one of a value, and what its principal does not reach
// does not come out again: forgetting to ask is not possible where a document holds a Shown.
// The zero Shown is nothing.
type Shown[T any] struct {
	value T
	told  bool
}

// Get returns the value, and false for what is not to be told.
func (s Shown[T]) Get() (T, bool) { return s.value, s.told }

func show[T any](value T, told bool) Shown[T] {
	if !told {
		return Shown[T]{}
	}
	return Shown[T]{value, true}
}

// ShowEnvironment shows the number of the environment at p where the principal reaches it.
func (s Scope) ShowEnvironment(p domain.EnvironmentPath) Shown[domain.EnvironmentID] {
	return show(p.ID(), s.Shows(p))
}

// ShowOrganization shows the organization o of an environment at p where ShowsOrganization says so.
func (s Scope) ShowOrganization(o domain.OrganizationID, p domain.EnvironmentPath) Shown[domain.OrganizationID] {
	return show(o, s.ShowsOrganization(o, p))
}

// ShowsOrganization reports whether the organization o of an environment at p may be named to
// the principal: it is their own, or they reach its environment.
func (s Scope) ShowsOrganization(o domain.OrganizationID, p domain.EnvironmentPath) bool {
	return o == s.by.actor.Organization || s.Shows(p.UpTo(o.Environment()))
}

// ShowOrganizationOf shows the organization of a group that the scope covers. What it covers beside
// the principal's reach are the groups of their own organization and of the root, and who does
// not reach the root is not told whose the latter are.
func (s Scope) ShowOrganizationOf(g *domain.Group) Shown[domain.OrganizationID] {
	foreign := g.Organization == domain.RootOrganization && !s.ShowsOrganization(domain.RootOrganization, domain.RootPath)
	return show(g.Organization, !foreign)
}

// ShowsGroup reports whether a group of organization o, used in an environment at p, may be named
// to the principal: it is of the root, whose groups are everybody's, or ShowsOrganization.
func (s Scope) ShowsGroup(o domain.OrganizationID, p domain.EnvironmentPath) bool {
	return o == domain.RootOrganization || s.ShowsOrganization(o, p)
}

// ShowsUser reports whether a user may be named to the principal: it is themselves, or they reach
// the user's home. An empty home is of somebody who is gone.
func (s Scope) ShowsUser(u domain.UserKey, home domain.EnvironmentPath) bool {
	me := s.by.actor
	return u.User != 0 && (u.Organization == me.Organization && u.User == me.User || s.Shows(home))
}

// Sight returns the scope of the caller's whole reach, for finding out which of the things beside a row
// may be named. It permits to read nothing else.
func (g *Gate) Sight(ctx context.Context, caller *domain.Principal) (Scope, error) {
	a, err := g.access(ctx, caller)
	if err != nil {
		return Scope{}, err
	}
	return everywhere(caller, a), nil
}

// Reached returns those of the environments that the caller reaches.
func (g *Gate) Reached(ctx context.Context, caller *domain.Principal,
	ids []domain.EnvironmentID) (map[domain.EnvironmentID]domain.Environment, error) {
	sc, err := g.Sight(ctx, caller)
	if err != nil {
		return nil, err
	}
	reached := make(map[domain.EnvironmentID]domain.Environment)
	for len(ids) > 0 {
		part := ids[:min(len(ids), FindTogether)]
		ids = ids[len(part):]
		refs := make([]domain.EnvironmentRef, len(part))
		for i, id := range part {
			refs[i] = domain.NumberRef(id)
		}
		candidates, err := g.source.Find(ctx, sc, refs)
		if err != nil {
			return nil, err
		}
		for i, found := range candidates {
			for _, e := range found {
				if e.ID == part[i] && sc.Shows(e.Path) {
					reached[e.ID] = e
				}
			}
		}
	}
	return reached, nil
}
