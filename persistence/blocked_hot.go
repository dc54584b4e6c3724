package persistence

import (
	"context"
	"slices"
	"strings"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// Whoever is blocked at home has a block at or above it. Of very many people few have blocks, so that a list of those
// who are blocked at home is met along the blocks: all that are at or above a home come before it in the order of the
// tree, as a place comes before what is below it.

// alongBlocks is how many blocks are looked at first.
const alongBlocks = 512

// blockedAlong returns the keys of the first n users in stretches whom a list of those who are blocked at home has. It
// returns false where it would have to look at more than most blocks at once, or where very many are of one place.
func (s *UserStore) blockedAlong(ctx context.Context, l *listing, stretches []tenancy.Range, n,
	most int) ([]domain.UserKey, bool, error) {
	var found []listed
	seen := make(map[domain.UserKey]bool)
	places := atOrAbove(stretches)
	for window := max(1, min(alongBlocks, s.patience.found)); len(places) > 0; window *= 2 {
		if window > most {
			return nil, false, nil
		}
		looked, last, more, err := s.besideBlocks(ctx, l, places, window)
		if err != nil || more && len(looked) == 0 {
			return nil, false, err
		}
		for _, u := range looked {
			if !seen[u.key] && l.has(&u) {
				found = append(found, u)
			}
			seen[u.key] = true
		}
		sure := 0 // who is blocked further on does not come before these
		for i := range found {
			if found[i].path < last {
				sure++
			}
		}
		if !more || sure >= n {
			break
		}
		places = beyond(places, last)
	}
	return l.first(found, n), true, nil
}

// atOrAbove is the stretches and the places on the way up from there, ascending.
func atOrAbove(stretches []tenancy.Range) []tenancy.Range {
	var all []tenancy.Range
	known := make(map[domain.EnvironmentPath]bool)
	for _, r := range stretches {
		from := string(r.From)
		for _, at := range tenancy.WayUp(domain.EnvironmentPath(from[:strings.LastIndexByte(from, '/')+1])) {
			if !known[at] {
				all = append(all, tenancy.Range{From: at, Until: at.Only()})
			}
			known[at] = true
		}
	}
	all = slices.DeleteFunc(all, func(above tenancy.Range) bool {
		return slices.ContainsFunc(stretches, func(r tenancy.Range) bool {
			return r.From <= above.From && above.From < r.Until
		})
	})
	all = append(all, stretches...)
	slices.SortFunc(all, func(a, b tenancy.Range) int { return strings.Compare(string(a.From), string(b.From)) })
	return all
}

// besideBlocks looks at those who have one of the blocks in places, before the place of the nth of these if there are
// more.
func (s *UserStore) besideBlocks(ctx context.Context, l *listing, places []tenancy.Range,
	n int) (looked []listed, last domain.EnvironmentPath, more bool, err error) {
	keeps := db.Where("x.blocked").Also(db.Pinned(l.sc, s.db.Aside("x.organization_id")))
	nth := s.db.Nth(places, "user_environments x", "x.environment_path", keeps, n)
	rows, err := s.db.QueryContext(ctx, "SELECT x.environment_path FROM "+nth.Raw, nth.Args...)
	bounds, err := db.Collect(rows, err, db.Scalar[string])
	if err != nil {
		return nil, "", false, err
	}
	if more = len(bounds) > 0; more {
		last = domain.EnvironmentPath(bounds[0])
		places = slices.DeleteFunc(before(places, last), func(r tenancy.Range) bool { return r.From == last })
		if len(places) == 0 {
			return nil, last, true, nil
		}
		places[len(places)-1].Until = min(places[len(places)-1].Until, last)
	}
	blocks := s.db.Across(places, "user_environments x", "x.environment_path", keeps)
	keys := db.Where("SELECT DISTINCT x.organization_id, x.user_id FROM "+blocks.Raw, blocks.Args...)
	from := s.db.Beside(keys, "users", db.Where("u.organization_id = m.organization_id AND u.id = m.user_id "+
		"AND u.uuid <> ''").Also(db.Pinned(l.sc, s.db.Aside("u.organization_id"))))
	columns, args := l.columns()
	rows, err = s.db.QueryContext(ctx, "SELECT "+columns+" FROM "+from.Raw, append(args, from.Args...)...)
	looked, err = db.Collect(rows, err, l.scan)
	return looked, last, more, err
}
