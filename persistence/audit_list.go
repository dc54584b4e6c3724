package persistence

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// Of a page of the audit trail the keys are found first, as those of a list of users are: by walking in its order as
// far as patience goes, then among the few entries of a small place, and only then by walking on. What a filter names
// an index has in the order of the list.

// auditing is a page of the audit trail that is being looked for: of narrows it by indexes, and keeps by looking at
// entries. Behind the spot is what comes next; nil is the beginning.
type auditing struct {
	sc        tenancy.Scope
	of, keeps db.Predicate
	behind    *auditSpot
}

// auditSpot is an entry at which a page looked.
type auditSpot struct {
	OrganizationID  int64
	ID              string
	At              int64
	EnvironmentPath string
	Kept            int64
}

// newest compares where in the audit trail two entries are.
func newest(a, b auditSpot) int { return cmp.Or(cmp.Compare(b.At, a.At), strings.Compare(b.ID, a.ID)) }

// auditOf returns what narrows the audit trail to the entries that f keeps. By an actor only those entries are found
// whose actor may be named, which is decided for each, but for those whose organization alone decides it.
func auditOf(sc tenancy.Scope, f *domain.AuditFilter, named db.Predicate) (of, keeps db.Predicate) {
	if o, one := sc.Organization(); one {
		of = of.And("a.organization_id = ?", int64(o))
	}
	if !sc.Everywhere() {
		keeps = keeps.And("a.target_kind <> ? OR a.target_id <> 0 OR a.environment_path <> ?", domain.SignInKind,
			string(domain.RootPath))
	}
	if f.Actor != "" {
		me := sc.Actor().Organization
		o, one := sc.Beside().Organization()
		if len(sc.Beside().Ranges()) == 0 || one && o == me && o != domain.RootOrganization {
			of = of.And("a.actor_organization_id = ?", int64(me))
		}
		of, keeps = of.And("a.actor_key = ?", domain.Fold(f.Actor)), keeps.Also(named)
	}
	if f.Target != "" {
		of = of.And("a.target_key = ?", domain.Fold(f.Target))
	}
	if kind, verb, whole := strings.Cut(f.Action, ":"); whole {
		of = of.And("a.action = ?", kind+":"+verb)
	} else if kind != "" {
		of = of.And("a.target_kind = ?", kind)
	}
	if !f.From.IsZero() {
		of = of.And("a.at >= ?", db.Millis(f.From))
	}
	if !f.Until.IsZero() {
		of = of.And("a.at < ?", db.Millis(f.Until))
	}
	return of, keeps
}

// wholeAudit is all of the audit trail, to read from.
var wholeAudit = db.Where("audit AS a")

// seen begins a query of entries that are looked at, from what stands behind its FROM.
func (s *AuditStore) seen(from, kept db.Predicate) *bun.SelectQuery {
	return s.db.NewSelect().TableExpr(from.Raw, from.Args...).
		ColumnExpr("a.organization_id, a.id, a.at, a.environment_path").
		ColumnExpr("CASE WHEN "+kept.Text()+" THEN 1 ELSE 0 END AS kept", kept.Args...)
}

// has reports whether the page has an entry at which it looked.
func (l *auditing) has(e *auditSpot) bool {
	return e.Kept != 0 && l.sc.Covers(domain.EnvironmentPath(e.EnvironmentPath)) &&
		(l.behind == nil || newest(*l.behind, *e) < 0)
}

// walk moves the page on past up to most entries in its order, and returns the keys of up to n that it has. It
// reports whether there are no others.
func (s *AuditStore) walk(ctx context.Context, l *auditing, n, most int) (keys []auditKey, end bool, err error) {
	for window := max(2*n, 64); most > 0; window = min(2*window, 4096) {
		window = min(window, most)
		q := s.seen(wholeAudit, l.keeps).Apply(l.of.Narrow).Order("a.at DESC", "a.id DESC").Limit(int64(window))
		if l.behind != nil {
			q = q.Where("(a.at, a.id) < (?, ?)", l.behind.At, l.behind.ID)
		}
		var ahead []auditSpot
		if err := q.Scan(ctx, &ahead); err != nil {
			return nil, false, db.Translate(err)
		}
		for i := range ahead {
			has := l.has(&ahead[i])
			if l.behind = &ahead[i]; !has {
				continue
			}
			if keys = append(keys, ahead[i].key()); len(keys) == n {
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

// few returns the keys of the first n entries that the page has, and false if its places have more than most.
func (s *AuditStore) few(ctx context.Context, l *auditing, n, most int) ([]auditKey, bool, error) {
	var its db.Predicate
	if o, one := l.sc.Organization(); one {
		its = db.Where(s.db.Aside("a.organization_id")+" = ?", int64(o))
	}
	var q *bun.SelectQuery
	if kept, ranges := l.of.Also(l.keeps), l.sc.Ranges(); db.Many(ranges) {
		q = s.seen(s.db.Across(ranges, "audit a", "a.environment_path", its), kept)
	} else {
		q = s.seen(wholeAudit, kept).Apply(db.InRanges(ranges, "a.environment_path").Narrow).Apply(its.Narrow)
	}
	var all []auditSpot
	if err := q.Limit(int64(most)+1).Scan(ctx, &all); err != nil || len(all) > most {
		return nil, false, db.Translate(err)
	}
	all = slices.DeleteFunc(all, func(e auditSpot) bool { return !l.has(&e) })
	slices.SortFunc(all, newest)
	keys := make([]auditKey, min(n, len(all)))
	for i := range keys {
		keys[i] = all[i].key()
	}
	return keys, true, nil
}

// auditKey is where an entry is stored.
type auditKey = keyOf[string]

func (e *auditSpot) key() auditKey { return auditKey{e.OrganizationID, e.ID} }

// keys returns the keys of the first n entries that a page has.
func (s *AuditStore) keys(ctx context.Context, l auditing, n int) ([]auditKey, error) {
	begin := l
	keys, end, err := s.walk(ctx, &l, n, s.patience.near)
	if err != nil || end || len(keys) == n {
		return keys, err
	}
	if found, ok, err := s.few(ctx, &begin, n, s.patience.found); ok || err != nil {
		return found, err
	}
	more, _, err := s.walk(ctx, &l, n-len(keys), math.MaxInt)
	return append(keys, more...), err
}
