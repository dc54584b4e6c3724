package tenancy

import "canopy/domain"

// Scope proves that a principal may use one permission inside a set of environments, or
// on their own account. Only a Gate makes scopes. The zero Scope reaches nothing:
// forgetting one hides rows, it never shows them. Scopes are immutable and safe for
// concurrent use.
type Scope struct {
	by receipt
	// set is where the permission may be used; self is used instead where the principal
	// may only act on their own account.
	set  ranges
	self *domain.Actor
	home domain.EnvironmentPath // the principal's
	// organization is the only organization that has places in set; 0 if there may be several.
	organization domain.OrganizationID
	// groupsOf is the organization of which, beside the root, all groups in set are; 0 if there may be others.
	groupsOf domain.OrganizationID
	// reach is the principal's whole reach, which says what may be shown beside a row.
	reach *Reach
	// objects says which objects of the places in set the scope covers; nil is none.
	objects *objectView
	// beside is what rows may be chosen by that are not the scope's own; nil is nothing.
	beside *Scope
	// own is the principal's organization with its generation, root the root's.
	own, root versioned
}

// receipt says who was given a scope, and for what.
type receipt struct {
	actor      domain.Actor
	permission domain.Permission
}

// versioned is an organization at one generation.
type versioned struct {
	organization domain.OrganizationID
	generation   int64
}

// WriteScope proves the same for changes. No other package can make one of a Scope.
type WriteScope struct{ scope Scope }

// Read gives the weaker proof.
func (w WriteScope) Read() Scope { return w.scope }

// Covers reports whether the environment at p is in the scope.
func (w WriteScope) Covers(p domain.EnvironmentPath) bool { return w.scope.Covers(p) }

// Actor returns who the scope was given to.
func (w WriteScope) Actor() domain.Actor { return w.scope.by.actor }

// InNameOf returns the scope with another actor, whom the audit trail names: one who asked before for what is
// done now.
func (w WriteScope) InNameOf(actor domain.Actor) WriteScope {
	w.scope.by.actor = actor
	return w
}

// Permission returns what the scope is for.
func (w WriteScope) Permission() domain.Permission { return w.scope.by.permission }

// Actor returns who the scope was given to.
func (s Scope) Actor() domain.Actor { return s.by.actor }

// Ranges returns the stretches of the tree the scope covers, ascending and disjoint. The
// caller must not change them. It is empty for a scope that is only Self.
func (s Scope) Ranges() []Range { return s.set }

// Self returns the one account the scope covers, and false if it covers environments.
func (s Scope) Self() (domain.Actor, bool) {
	if s.self == nil {
		return domain.Actor{}, false
	}
	return *s.self, true
}

// Organization returns the only organization in which the scope has places. It reports
// false if there may be several.
func (s Scope) Organization() (domain.OrganizationID, bool) {
	return s.organization, s.organization != 0
}

// Organizations returns the organizations in which the scope has places, in ascending order, nil if there may
// be any.
func (s Scope) Organizations() []domain.OrganizationID {
	switch {
	case s.organization != 0:
		return []domain.OrganizationID{s.organization}
	case s.groupsOf != 0:
		return []domain.OrganizationID{domain.RootOrganization, s.groupsOf}
	}
	return nil
}

// Of returns the scope for a statement that keeps to what belongs to organization o: that is the only one in it
// then, if it was not of one before.
func (s Scope) Of(o domain.OrganizationID) Scope {
	if s.organization == 0 {
		s.organization = o
	}
	return s
}

// Covers reports whether the environment at p is in the scope.
func (s Scope) Covers(p domain.EnvironmentPath) bool { return s.set.contains(p) }

// Everywhere reports whether the scope covers the whole tree, with nothing taken out of it.
func (s Scope) Everywhere() bool { return len(s.set) == 1 && s.set[0] == subtree(domain.RootPath) }

// Shows reports whether the environment at p may be shown to the principal beside a row
// that the scope covers: whether it is anywhere in their reach.
func (s Scope) Shows(p domain.EnvironmentPath) bool { return s.reach != nil && s.reach.Contains(p) }

// Sight returns the stretches of the tree that Shows accepts, as Ranges returns its own.
func (s Scope) Sight() []Range {
	if s.reach == nil {
		return nil
	}
	return s.reach.set
}

// Below narrows the scope to the subtree of the environment at p.
func (s Scope) Below(p domain.EnvironmentPath) Scope { return s.within(subtree(p)) }

// Only narrows the scope to the one environment at p.
func (s Scope) Only(p domain.EnvironmentPath) Scope { return s.within(alone(p)) }

func (s Scope) within(r Range) Scope {
	s.set = s.set.within(r)
	if s.home < r.From || s.home >= r.Until {
		s.self = nil
	}
	return s
}

// Later returns the same scope for reading again after a change: what was remembered of
// organizations at the beginning of the request does not count for it.
func (s Scope) Later() Scope {
	s.own, s.root = versioned{}, versioned{}
	return s
}

// Choosing returns the scope for a list that is chosen by rows of another kind as well: those
// that other covers.
func (s Scope) Choosing(other Scope) Scope {
	s.beside = &other
	return s
}

// Beside returns the scope that Choosing was given, one that reaches nothing if it was not.
func (s Scope) Beside() Scope {
	if s.beside == nil {
		return Scope{}
	}
	return *s.beside
}

// Operator returns the scope of whoever works on the directory itself instead of through
// a surface: the command line and the server's own jobs. name is who the audit trail names.
func Operator(name string, p domain.Permission) WriteScope {
	kinds := make([]domain.ObjectKind, len(domain.ObjectKinds))
	for i := range domain.ObjectKinds {
		kinds[i] = domain.ObjectKinds[i].Kind
	}
	everything := Reach{in: []domain.Cause{{Kind: domain.CauseTree, Path: domain.RootPath}}}
	everything.set = everything.ranges()
	return WriteScope{Scope{
		by:      receipt{domain.Actor{Organization: domain.RootOrganization, Alias: name}, p},
		set:     everything.set,
		reach:   &everything,
		objects: &objectView{kinds: kinds, managed: everything.set},
	}}
}
