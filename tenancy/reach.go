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
	in, out []domain.Cause
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
	var in, out []domain.Cause
	switch s.Role {
	case domain.RoleUser:
		r.home = s.Home
	case domain.RolePower:
		in = append(in, domain.Cause{Kind: domain.CauseHome, Path: s.Home})
	case domain.RoleOAdmin:
		in = append(in, domain.Cause{Kind: domain.CauseOrganization, Path: s.OrganizationPath()})
	case domain.RoleSuperUser:
		in = append(in, domain.Cause{Kind: domain.CauseTree, Path: domain.RootPath})
	default:
		return Reach{}
	}
	for _, p := range s.Allowed {
		in = append(in, domain.Cause{Kind: domain.CauseAllowed, Path: p})
	}
	for _, p := range s.Blocked {
		out = append(out, domain.Cause{Kind: domain.CauseBlocked, Path: p})
	}
	if s.Role != domain.RoleSuperUser {
		for _, p := range inactive {
			out = append(out, domain.Cause{Kind: domain.CauseInactive, Path: p})
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
			n.in = append(n.in, domain.Cause{Kind: m.Kind, Path: p})
		}
	}
	n.set = n.ranges()
	return n
}

// outermost sorts causes by path and drops those that lie within another one.
func outermost(causes []domain.Cause) []domain.Cause {
	causes = slices.DeleteFunc(causes, func(m domain.Cause) bool { return m.Path == "" })
	slices.SortStableFunc(causes, func(a, b domain.Cause) int { return strings.Compare(string(a.Path), string(b.Path)) })
	var kept []domain.Cause
	for _, m := range causes {
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
	return included.Kind != domain.CauseNone && excluded.Kind == domain.CauseNone
}

// Why returns the cause that puts the environment at p into the reach and the cause that
// takes it out, each with CauseNone if there is none. p is reached if only the first is there.
func (r *Reach) Why(p domain.EnvironmentPath) (included, excluded domain.Cause) {
	if p != "" && p == r.home {
		included = domain.Cause{Kind: domain.CauseHome, Path: r.home}
	} else {
		included = find(r.in, p)
	}
	return included, find(r.out, p)
}

// find returns the cause whose subtree contains p. As none lies within another, only the
// greatest cause that is not above p can.
func find(causes []domain.Cause, p domain.EnvironmentPath) domain.Cause {
	i := sort.Search(len(causes), func(i int) bool { return causes[i].Path > p })
	if i > 0 && causes[i-1].Path.Contains(p) {
		return causes[i-1]
	}
	return domain.Cause{}
}

// Covers reports whether every place of o is a place of r.
func (r *Reach) Covers(o *Reach) bool { return r.set.covers(o.set) }
