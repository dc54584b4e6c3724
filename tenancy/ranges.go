package tenancy

import (
	"slices"
	"sort"
	"strings"

	"canopy/domain"
)

// Range is a stretch of the tree in path order: every path p with From <= p < Until,
// compared bytewise.
type Range struct{ From, Until domain.EnvironmentPath }

// ranges is a set of places: stretches in ascending order that neither overlap nor touch.
type ranges []Range

func subtree(p domain.EnvironmentPath) Range { return Range{p, p.End()} }

func alone(p domain.EnvironmentPath) Range { return Range{p, p.Only()} }

// union returns the set of everything in any of the stretches, in whatever order.
func union(stretches ...Range) ranges {
	slices.SortFunc(stretches, func(a, b Range) int { return strings.Compare(string(a.From), string(b.From)) })
	var set ranges
	for _, r := range stretches {
		if n := len(set); n > 0 && r.From <= set[n-1].Until {
			set[n-1].Until = max(set[n-1].Until, r.Until)
			continue
		}
		set = append(set, r)
	}
	return set
}

// minus returns what is in s and not in t.
func (s ranges) minus(t ranges) ranges {
	var left ranges
	for _, r := range s {
		from := r.From
		for _, cut := range t[t.after(from):] {
			if cut.From >= r.Until {
				break
			}
			if from < cut.From {
				left = append(left, Range{from, cut.From})
			}
			from = max(from, cut.Until)
		}
		if from < r.Until {
			left = append(left, Range{from, r.Until})
		}
	}
	return left
}

// within returns what is in s and in r.
func (s ranges) within(r Range) ranges {
	var left ranges
	for _, o := range s[s.after(r.From):] {
		if o.From >= r.Until {
			break
		}
		left = append(left, Range{max(o.From, r.From), min(o.Until, r.Until)})
	}
	return left
}

// covers reports whether all of t is in s.
func (s ranges) covers(t ranges) bool {
	for _, r := range t {
		if i := s.after(r.From); i == len(s) || s[i].From > r.From || s[i].Until < r.Until {
			return false
		}
	}
	return true
}

// contains reports whether p is in s.
func (s ranges) contains(p domain.EnvironmentPath) bool {
	i := s.after(p)
	return i < len(s) && s[i].From <= p
}

// after returns the index of the first stretch that ends after p.
func (s ranges) after(p domain.EnvironmentPath) int {
	return sort.Search(len(s), func(i int) bool { return s[i].Until > p })
}
