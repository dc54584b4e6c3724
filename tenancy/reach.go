package tenancy

import (
	"slices"
	"sort"
	"strings"

	"canopy/domain"
)

// Reach is where a subject's role works. Its zero value is nowhere. It is immutable and
// safe for concurrent use.
type Reach struct {
	// home is the one environment a user without a higher role starts from; it counts
	// without what lies below. Empty for higher roles.
	home domain.EnvironmentPath
	// in and out are subtrees in path order, none within another of the same list. A
	// place is reached if an entry of in contains it and no entry of out does.
	in, out []domain.Mark
	// set is the same as one set of ranges, for statements and comparisons.
	set ranges
}

// NominalReach returns the reach a subject has by role, allowed and blocked environments
// alone, whatever is inactive. It is what can be given away.
func NominalReach(s *domain.Subject) Reach {
	return newReach(s, nil)
}

// newReach returns the reach of s with the inactive environments taken out.
func newReach(s *domain.Subject, inactive []domain.EnvironmentPath) Reach {
	var r Reach
	var in, out []domain.Mark
	switch s.Role {
	case domain.RoleUser:
		r.home = s.Home
	case domain.RolePower:
		in = append(in, domain.Mark{Kind: domain.MarkHome, Path: s.Home})
	case domain.RoleOAdmin:
		in = append(in, domain.Mark{Kind: domain.MarkOrganization, Path: s.OrganizationPath()})
	case domain.RoleSuperUser:
		in = append(in, domain.Mark{Kind: domain.MarkTree, Path: domain.RootPath})
	default:
		return Reach{}
	}
	for _, p := range s.Allowed {
		in = append(in, domain.Mark{Kind: domain.MarkAllowed, Path: p})
	}
	for _, p := range s.Blocked {
		out = append(out, domain.Mark{Kind: domain.MarkBlocked, Path: p})
	}
	if s.Role != domain.RoleSuperUser {
		for _, p := range inactive {
			out = append(out, domain.Mark{Kind: domain.MarkInactive, Path: p})
		}
	}
	r.in, r.out = outermost(in), outermost(out)
	r.set = r.ranges()
	return r
}

// within returns what of the reach lies in the subtree at p.
func (r *Reach) within(p domain.EnvironmentPath) Reach {
	n := Reach{out: r.out}
	if p.Contains(r.home) {
		n.home = r.home
	}
	for _, m := range r.in {
		switch {
		case p.Contains(m.Path):
			n.in = append(n.in, m)
		case m.Path.Contains(p):
			n.in = append(n.in, domain.Mark{Kind: m.Kind, Path: p})
		}
	}
	n.set = n.ranges()
	return n
}

// outermost sorts marks by path and drops those that lie within another one.
func outermost(marks []domain.Mark) []domain.Mark {
	marks = slices.DeleteFunc(marks, func(m domain.Mark) bool { return m.Path == "" })
	slices.SortStableFunc(marks, func(a, b domain.Mark) int { return strings.Compare(string(a.Path), string(b.Path)) })
	var kept []domain.Mark
	for _, m := range marks {
		if n := len(kept); n == 0 || !kept[n-1].Path.Contains(m.Path) {
			kept = append(kept, m)
		}
	}
	return kept
}

// ranges computes in minus out.
func (r *Reach) ranges() ranges {
	var in, out []Range
	if r.home != "" {
		in = append(in, alone(r.home))
	}
	for _, m := range r.in {
		in = append(in, subtree(m.Path))
	}
	for _, m := range r.out {
		out = append(out, subtree(m.Path))
	}
	return union(in...).minus(union(out...))
}

// Contains reports whether the environment at p is reached.
func (r *Reach) Contains(p domain.EnvironmentPath) bool {
	included, excluded := r.Why(p)
	return included.Kind != domain.MarkNone && excluded.Kind == domain.MarkNone
}

// Why returns the mark that puts the environment at p into the reach and the mark that
// takes it out, each with MarkNone if there is none. p is reached if only the first is there.
func (r *Reach) Why(p domain.EnvironmentPath) (included, excluded domain.Mark) {
	if p != "" && p == r.home {
		included = domain.Mark{Kind: domain.MarkHome, Path: r.home}
	} else {
		included = find(r.in, p)
	}
	return included, find(r.out, p)
}

// find returns the mark whose subtree contains p. As none lies within another, only the
// greatest mark that is not above p can.
func find(marks []domain.Mark, p domain.EnvironmentPath) domain.Mark {
	i := sort.Search(len(marks), func(i int) bool { return marks[i].Path > p })
	if i > 0 && marks[i-1].Path.Contains(p) {
		return marks[i-1]
	}
	return domain.Mark{}
}

// Covers reports whether every place of o is a place of r.
func (r *Reach) Covers(o *Reach) bool { return r.set.covers(o.set) }
