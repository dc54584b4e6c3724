package tenancy

import (
	"context"
	"slices"

	"canopy/domain"
)

// objectView is the part of a scope that says which objects it covers.
type objectView struct {
	viewer domain.Viewer
	// kinds are the kinds of objects that may be read.
	kinds []domain.ObjectKind
	// managed are the places whose objects are the principal's to manage, whoever owns them.
	managed ranges
}

// EnterObjects returns the proof that the caller may read objects at a place, of the kinds whose
// permission to read they have. Which objects these are is said by Level. Besides the
// places in the caller's reach it covers the place of the caller's own organization, as far as the
// organization keeps objects there that are the caller's or were given to them: members use them
// wherever in it they work. The errors are those of Enter; it returns Forbidden if no kind may
// be read.
func (g *Gate) EnterObjects(ctx context.Context, caller *domain.Principal, at Where) (Scope, error) {
	a, err := g.enter(ctx, caller, domain.ObjectManage)
	if err != nil {
		return Scope{}, err
	}
	place, err := g.place(ctx, caller, a, at)
	if err != nil {
		return Scope{}, err
	}
	return g.objects(caller, a, domain.ObjectManage, place)
}

// EnterObjectsWrite is EnterObjects, wherever in the caller's reach, for changes that need p. Which
// objects may be changed is said by Level. To write objects of a kind is Forbidden to
// somebody who may not read them: they would make what they cannot see.
func (g *Gate) EnterObjectsWrite(ctx context.Context, caller *domain.Principal,
	p domain.Permission) (WriteScope, error) {
	a, err := g.enter(ctx, caller, p)
	if err != nil {
		return WriteScope{}, err
	}
	if !g.decide(caller, a, domain.Within, p).Allowed {
		return WriteScope{}, domain.ErrForbidden
	}
	sc, err := g.objects(caller, a, p, domain.RootPath)
	if err != nil {
		return WriteScope{}, err
	}
	for i := range domain.ObjectKinds {
		if kind := &domain.ObjectKinds[i]; kind.Write == p && !slices.Contains(sc.objects.kinds, kind.Kind) {
			return WriteScope{}, domain.ErrForbidden
		}
	}
	return WriteScope{sc}, nil
}

func (g *Gate) objects(caller *domain.Principal, a *access, p domain.Permission,
	place domain.EnvironmentPath) (Scope, error) {
	view := &objectView{viewer: domain.Viewer{
		User:   domain.UserKey{Organization: caller.Organization, User: caller.User},
		Groups: caller.Groups,
	}}
	for i := range domain.ObjectKinds {
		if kind := &domain.ObjectKinds[i]; g.decide(caller, a, domain.Within, kind.Read).Allowed {
			view.kinds = append(view.kinds, kind.Kind)
		}
	}
	if len(view.kinds) == 0 {
		return Scope{}, domain.ErrForbidden
	}
	sc := scopeOf(caller, a, p)
	sc.objects = view
	sc.set = a.reach.set.within(subtree(place))
	if g.decide(caller, a, domain.Within, domain.ObjectManage).Allowed {
		view.managed = sc.set
	}
	border := caller.OrganizationPath()
	narrowed := caller.Narrowed.Place != "" && !caller.Narrowed.Place.Contains(border)
	if find(a.reach.out, border).Kind == domain.CauseNone && place.Contains(border) && !narrowed {
		sc.set = union(append([]Range{alone(border)}, sc.set...)...)
	}
	return sc, nil
}

// Level returns the level that the principal has on o as it is: LevelAdmin where they
// manage objects, else what o itself gives them; NoLevel if the scope does not cover o. The
// predicate by which objects are read says the same as Level of LevelRead and more.
func (s Scope) Level(o *domain.Object) domain.Level {
	v := s.objects
	switch {
	case v == nil || !slices.Contains(v.kinds, o.Kind) || !s.set.contains(o.Path):
		return domain.NoLevel
	case v.managed.contains(o.Path):
		return domain.LevelAdmin
	}
	return o.LevelOf(v.viewer)
}

// Level returns the level that the principal has on o as it is.
func (w WriteScope) Level(o *domain.Object) domain.Level { return w.scope.Level(o) }

// Manages reports whether the objects of the environment at p are the principal's to manage,
// whoever owns them.
func (w WriteScope) Manages(p domain.EnvironmentPath) bool {
	return w.scope.objects != nil && w.scope.objects.managed.contains(p)
}

// Objects returns what says which objects of its places a scope covers: who looks, the
// kinds that may be read, and where all of them may be. It reports false for a scope that
// covers no objects. The caller must not change the slices.
func (s Scope) Objects() (viewer domain.Viewer, kinds []domain.ObjectKind, managed []Range, ok bool) {
	if s.objects == nil {
		return domain.Viewer{}, nil, nil, false
	}
	return s.objects.viewer, s.objects.kinds, s.objects.managed, true
}

// Personally returns the scope without what is covered only because the principal manages
// objects: what is left is theirs, was given to them or is open to everybody there.
func (s Scope) Personally() Scope {
	if s.objects != nil {
		view := *s.objects
		view.managed = nil
		s.objects = &view
	}
	return s
}

// Personally is Scope's.
func (w WriteScope) Personally() WriteScope { return WriteScope{w.scope.Personally()} }
