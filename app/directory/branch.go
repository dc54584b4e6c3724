package directory

import (
	"context"

	"canopy/domain"
)

// A Branch is an environment as somebody finds it in the tree.
type Branch struct {
	EnvironmentDocument
	// Way leads from the topmost environment above that the reader reaches without a gap down to the one itself.
	Way []EnvironmentDocument
	// Tops are the environments at which the reader's reach begins, in tree order: the first MaxTops of them.
	Tops []EnvironmentDocument
	May  EnvironmentRights
}

// MaxTops bounds the tops of a Branch.
const MaxTops = 50

// EnvironmentRights say what somebody may do to an environment, for those who offer it to them. They decide nothing.
type EnvironmentRights struct {
	Create, CreateOrganization   bool // below it
	Change, Move, Switch, Delete bool
}

// Branch returns the environment that ref names with the way to it. It needs domain.EnvironmentRead; it returns
// NotFound, or Conflict for a name that several have.
func (e *Environments) Branch(ctx context.Context, caller domain.Principal, ref domain.EnvironmentRef) (Branch, error) {
	found, sc, err := e.enter(ctx, &caller, ref)
	if err != nil {
		return Branch{}, err
	}
	extent, err := e.gate.Extent(ctx, &caller)
	if err != nil {
		return Branch{}, err
	}
	way := []domain.EnvironmentPath{found.Path}
	for p := found.Path; p != domain.RootPath && sc.Shows(p.Parent()); p = p.Parent() {
		way = append(way, p.Parent())
	}
	var tops []domain.EnvironmentPath
	for _, p := range extent.Edges() {
		if sc.Shows(p) && (p == domain.RootPath || !sc.Shows(p.Parent())) && len(tops) < MaxTops {
			tops = append(tops, p)
		}
	}
	all, err := e.gate.EnvironmentsAt(ctx, &caller, append(way[1:len(way):len(way)], tops...))
	if err != nil {
		return Branch{}, err
	}
	all[found.Path] = found
	b := Branch{EnvironmentDocument: DescribeEnvironment(sc, found)}
	for i := len(way) - 1; i >= 0; i-- {
		if at, there := all[way[i]]; there { // it may have been moved meanwhile
			b.Way = append(b.Way, DescribeEnvironment(sc, at))
		}
	}
	for _, p := range tops {
		if at, there := all[p]; there {
			b.Tops = append(b.Tops, DescribeEnvironment(sc, at))
		}
	}
	b.May, err = e.rights(ctx, &caller, &found)
	return b, err
}

// rights returns what the caller may do to target.
func (e *Environments) rights(ctx context.Context, caller *domain.Principal,
	target *domain.Environment) (r EnvironmentRights, err error) {
	if r.Change, err = e.gate.Can(ctx, caller, domain.EnvironmentWrite, target.Path); err != nil {
		return r, err
	}
	if r.CreateOrganization, err = e.gate.Can(ctx, caller, domain.OrganizationWrite, target.Path); err != nil {
		return r, err
	}
	r.Create = r.Change
	if r.Delete = r.Change; target.IsOrganization {
		r.Delete = r.CreateOrganization
	}
	if target.Path == domain.RootPath || !r.Delete {
		r.Delete = false
		return r, nil
	}
	switch err := e.hasWhole(ctx, caller, target); {
	case domain.ErrForbidden.Is(err):
		return r, nil
	case err != nil:
		return r, err
	}
	r.Move, r.Switch = r.Change, r.Change
	if r.Switch && target.Path.Contains(caller.Home) {
		err := e.gate.Above(ctx, caller, writes(target))
		if r.Switch = err == nil; err != nil && !domain.ErrForbidden.Is(err) {
			return r, err
		}
	}
	return r, nil
}
