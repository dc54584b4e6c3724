package persistence

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// Of a list of objects the keys are found first and then the rows are read by them, as those of a list of users are:
// by walking in its order as far as patience goes, then by an index that has few, of which the one on their places is
// the last, and only then by walking on. The keys are found by statements of text, as each way must be the one that is
// meant.

// An objectListing is a list of objects that is being read: what of sc it keeps, in the order of a column and then of
// numbers, behind a spot.
type objectListing struct {
	sc     tenancy.Scope
	keeps  db.Predicate
	order  domain.ObjectOrder
	behind objectSpot
}

// objectSpot is an object at which a list looked, and where it is by the order's column. The zero one is before all.
type objectSpot struct {
	key  rowKey
	path domain.EnvironmentPath
	kept bool
	at   string
}

// objectOrders are the columns of the orders.
var objectOrders = [...]string{domain.ObjectsByPlace: "o.environment_path", domain.ObjectsByName: "o.full_name_key",
	domain.ObjectsByLetter: "o.full_name"}

// columns are what scan reads of an object o.
func (l *objectListing) columns() string {
	return "o.organization_id, o.id, o.environment_path, CASE WHEN " + l.keeps.Text() + " THEN 1 ELSE 0 END, " +
		objectOrders[l.order]
}

func scanSpot(r db.Row) (o objectSpot, err error) {
	var path string
	var kept int64
	err = r.Scan(&o.key.organization, &o.key.id, &path, &kept, &o.at)
	o.path, o.kept = domain.EnvironmentPath(path), kept != 0
	return o, err
}

// has reports whether the list has an object at which it looked, behind where it stands.
func (l *objectListing) has(o *objectSpot) bool {
	return o.kept && l.sc.Covers(o.path) && compareSpots(*o, l.behind) > 0
}

func compareSpots(a, b objectSpot) int {
	return cmp.Or(strings.Compare(a.at, b.at), cmp.Compare(a.key.id, b.key.id))
}

// ahead looks at the next n objects in the order, which need not lie in the scope.
func (s *ObjectStore) ahead(ctx context.Context, l *objectListing, n int) ([]objectSpot, error) {
	where, args, organization := "", slices.Clone(l.keeps.Args), "o.organization_id"
	if l.order == domain.ObjectsByPlace {
		ranges := l.sc.Ranges()
		where, args = "o.environment_path < ? AND ", append(args, string(ranges[len(ranges)-1].Until))
		organization = s.db.Aside(organization)
	}
	if o, one := l.sc.Organization(); one {
		where, args = where+organization+" = ? AND ", append(args, int64(o))
	}
	column := objectOrders[l.order]
	rows, err := s.db.QueryContext(ctx, "SELECT "+l.columns()+" FROM objects o WHERE "+where+"("+column+", o.id) > (?, ?)"+
		" ORDER BY "+column+", o.id LIMIT "+strconv.Itoa(n), append(args, l.behind.at, l.behind.key.id)...)
	return db.Collect(rows, err, scanSpot)
}

// skip moves a list in the order of places on to where the scope goes on, and reports whether it does.
func (l *objectListing) skip() bool {
	if l.order != domain.ObjectsByPlace {
		return true
	}
	rest := beyond(l.sc.Ranges(), domain.EnvironmentPath(l.behind.at))
	if len(rest) > 0 && string(rest[0].From) > l.behind.at {
		l.behind = objectSpot{at: string(rest[0].From)}
	}
	return len(rest) > 0
}

// walk moves the list on past up to most objects in its order, and returns the keys of up to n that it has. It
// reports whether there are no others.
func (s *ObjectStore) walk(ctx context.Context, l *objectListing, n, most int) (keys []rowKey, end bool, err error) {
	for window := max(2*n, 64); most > 0; window = min(2*window, 4096) {
		if !l.skip() {
			return keys, true, nil
		}
		window = min(window, most)
		ahead, err := s.ahead(ctx, l, window)
		if err != nil {
			return nil, false, err
		}
		for i := range ahead {
			has := l.has(&ahead[i])
			if l.behind = ahead[i]; !has {
				continue
			}
			if keys = append(keys, ahead[i].key); len(keys) == n {
				return keys, false, nil
			}
		}
		if len(ahead) < window {
			return keys, true, nil
		}
		most -= window
	}
	return keys, false, nil
}

// found returns what the list has of the objects whose keys an index finds, and false if these are more than most.
func (s *ObjectStore) found(ctx context.Context, l *objectListing, index db.Predicate,
	most int) ([]objectSpot, bool, error) {
	keys := s.db.Lazily(index, most+1)
	rows, err := s.db.QueryContext(ctx, "SELECT count(*) FROM ("+keys.Raw+") AS p", keys.Args...)
	n, err := db.Only(rows, err, db.Scalar[int], domain.ErrInternal)
	if err != nil || n == 0 || n > most {
		return nil, err == nil && n == 0, err
	}
	its := s.db.Beside(keys, "objects o", db.Pinned(l.sc, "o.organization_id").
		And("o.organization_id = m.organization_id AND o.id = m.id"))
	rows, err = s.db.QueryContext(ctx, "SELECT "+l.columns()+" FROM "+its.Raw, slices.Concat(l.keeps.Args, its.Args)...)
	all, err := db.Collect(rows, err, scanSpot)
	if err != nil || len(all) > most {
		return nil, false, err
	}
	all = slices.DeleteFunc(all, func(o objectSpot) bool { return !l.has(&o) })
	slices.SortFunc(all, compareSpots)
	return slices.Compact(all), true, nil
}

// indexed returns what the list has, in its order, if one of the indexes finds no more than most for the filter.
func (s *ObjectStore) indexed(ctx context.Context, l *objectListing, f *domain.ObjectFilter,
	most int) ([]objectSpot, bool, error) {
	for _, index := range s.indexes(l.sc, f, most) {
		if all, ok, err := s.found(ctx, l, index, most); ok || err != nil {
			return all, ok, err
		}
	}
	return nil, false, nil
}

// keys returns the keys of the first n objects that the list has.
func (s *ObjectStore) keys(ctx context.Context, l objectListing, f *domain.ObjectFilter, n int) ([]rowKey, error) {
	begin := l
	keys, end, err := s.walk(ctx, &l, n, s.patience.near)
	if err != nil || end || len(keys) == n {
		return keys, err
	}
	if all, ok, err := s.indexed(ctx, &begin, f, s.patience.found); ok || err != nil {
		keys = keys[:0]
		for _, o := range all[:min(n, len(all))] {
			keys = append(keys, o.key)
		}
		return keys, err
	}
	more, _, err := s.walk(ctx, &l, n-len(keys), math.MaxInt)
	return append(keys, more...), err
}

// kindsIn returns the kinds of objects that f keeps of those that may be read in sc, and whether others are left out.
func kindsIn(sc tenancy.Scope, f *domain.ObjectFilter) (kinds []domain.ObjectKind, some bool) {
	_, kinds, _, _ = sc.Objects()
	if len(f.Kinds) > 0 {
		kinds = slices.DeleteFunc(slices.Clone(kinds), func(k domain.ObjectKind) bool {
			return !slices.Contains(f.Kinds, k)
		})
	}
	return kinds, len(kinds) < len(domain.ObjectKinds)
}

// indexes returns queries of the keys of what f keeps in sc, and perhaps of other objects, that an index answers each:
// what tells objects apart best is the first, and the last is the one of the places of sc, which finds no more than
// most and one.
func (s *ObjectStore) indexes(sc tenancy.Scope, f *domain.ObjectFilter, most int) (all []db.Predicate) {
	beside := db.Pinned(sc, s.db.Aside("o.organization_id"))
	add := func(asked bool, text string, args ...any) {
		if asked {
			p := beside.And(text, args...)
			all = append(all, db.Where("SELECT o.organization_id, o.id FROM objects o WHERE "+p.Raw, p.Args...))
		}
	}
	add(len(f.IDs) > 0, "o.id IN (?)", db.In(f.IDs))
	if f.Uses != 0 {
		p := db.Pinned(sc, s.db.Aside("x.organization_id")).And("x.used_id = ?", int64(f.Uses))
		all = append(all, db.Where("SELECT x.organization_id, x.object_id AS id FROM object_uses x WHERE "+p.Raw, p.Args...))
	}
	add(f.Parent != 0, "o.parent_id = ?", int64(f.Parent))
	add(f.Owner != domain.UserKey{}, "o.owner_id = ?", int64(f.Owner.User))
	hull := placesAround(sc)
	if viewer, _, managed, _ := sc.Objects(); len(managed) == 0 {
		all = append(all, s.viewable(sc, viewer, hull))
	}
	if kinds, some := kindsIn(sc, f); some {
		add(true, "o.kind IN (?) AND "+hull.Raw, append([]any{db.In(kinds)}, hull.Args...)...)
	}
	beside = db.Pinned(sc, "o.organization_id") // by which names have their index
	add(len(f.Names) > 0, "o.full_name_key IN (?)", db.In(folded(f.Names)))
	prefix := domain.Fold(f.Prefix)
	add(prefix != "", "o.full_name_key >= ? AND o.full_name_key < ?", prefix, prefix+lastRune)
	return append(all, lying(s.db, "o.organization_id, o.id", "objects o", "o.environment_path", sc.Ranges(),
		db.Pinned(sc, s.db.Aside("o.organization_id")), int64(most)+1))
}

// placesAround is the condition that an object lies between the first and the last place of sc.
func placesAround(sc tenancy.Scope) db.Predicate {
	ranges := sc.Ranges()
	return db.Where("o.environment_path >= ? AND o.environment_path < ?", string(ranges[0].From),
		string(ranges[len(ranges)-1].Until))
}

// viewable finds what a viewer who manages nothing may read: what is shared, theirs, or was given to them.
func (s *ObjectStore) viewable(sc tenancy.Scope, viewer domain.Viewer, hull db.Predicate) db.Predicate {
	pinned := db.Pinned(sc, s.db.Aside("o.organization_id"))
	shared := pinned.Also(db.Where("o.visibility = 1 AND "+hull.Raw, hull.Args...))
	own := pinned.And("o.owner_id = ?", int64(viewer.User.User))
	of := db.Where("s.subject_kind = 1 AND s.subject_id = ?", int64(viewer.User.User))
	if len(viewer.Groups) > 0 {
		of = db.AnyOf(of, db.Where("s.subject_kind = 2 AND s.subject_id IN (?)", db.In(viewer.Groups)))
	}
	given := db.Pinned(sc, s.db.Aside("s.organization_id")).Also(of)
	return db.Where("SELECT o.organization_id, o.id FROM objects o WHERE "+own.Raw+
		" UNION ALL SELECT s.organization_id, s.object_id AS id FROM object_access s WHERE "+given.Raw+
		" UNION ALL SELECT o.organization_id, o.id FROM objects o WHERE "+shared.Raw,
		slices.Concat(own.Args, given.Args, shared.Args)...)
}
