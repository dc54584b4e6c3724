package tenancy

import (
	"context"
	"slices"
	"strings"

	"canopy/domain"
)

// Extent is what a user has: permissions and places.
type Extent struct {
	Role   domain.Role // what they act with
	Mask   domain.Mask
	Groups *Groups
	reach  Reach
}

// Extent returns what the user has, whoever sees it.
func (g *Gate) Extent(ctx context.Context, u *domain.Principal) (Extent, error) {
	a, err := g.access(ctx, u)
	if err != nil {
		return Extent{}, err
	}
	groups, err := g.documents.Groups(ctx, scopeOf(u, a, domain.UserRead), nil, u.Organization)
	return Extent{Role: a.role, Mask: a.mask, Groups: groups, reach: a.reach}, err
}

// Why returns what puts the environment at p into the user's reach and what takes it out, as Reach.Why.
func (x *Extent) Why(p domain.EnvironmentPath) (included, excluded domain.Cause) {
	return x.reach.Why(p)
}

// Alone reports whether the environment at p is included without what lies below it.
func (x *Extent) Alone(p domain.EnvironmentPath) bool {
	return p == x.reach.home && find(x.reach.in, p).Kind == domain.CauseNone
}

// Edges returns where the user's reach begins, and within it where it ends again, in tree order:
// what lies below one of these is reached as it is, up to the next.
func (x *Extent) Edges() []domain.EnvironmentPath {
	var edges []domain.EnvironmentPath
	if x.reach.home != "" {
		edges = append(edges, x.reach.home)
	}
	for _, m := range x.reach.in {
		edges = append(edges, m.Path)
	}
	for _, m := range x.reach.out {
		if find(x.reach.in, m.Path).Kind != domain.CauseNone {
			edges = append(edges, m.Path)
		}
	}
	slices.SortFunc(edges, func(a, b domain.EnvironmentPath) int { return strings.Compare(string(a), string(b)) })
	return slices.Compact(edges)
}

// Begins reports whether the user's reach begins at p, whatever takes it out again.
func (x *Extent) Begins(p domain.EnvironmentPath) bool {
	return p == x.reach.home || slices.ContainsFunc(x.reach.in, func(m domain.Cause) bool { return m.Path == p })
}

// EnvironmentsAt returns the environments at the paths that the caller reaches, reading them together.
func (g *Gate) EnvironmentsAt(ctx context.Context, caller *domain.Principal,
	paths []domain.EnvironmentPath) (map[domain.EnvironmentPath]domain.Environment, error) {
	sc, err := g.Sight(ctx, caller)
	if err != nil {
		return nil, err
	}
	found := make(map[domain.EnvironmentPath]domain.Environment, len(paths))
	for part := range slices.Chunk(paths, FindTogether) {
		refs := make([]domain.EnvironmentRef, len(part))
		for i, p := range part {
			refs[i] = domain.NumberRef(p.ID())
		}
		candidates, err := g.source.Find(ctx, sc, refs)
		if err != nil {
			return nil, err
		}
		for i, some := range candidates {
			for _, e := range some {
				if e.Path == part[i] {
					found[e.Path] = e
				}
			}
		}
	}
	return found, nil
}
