package persistence

import (
	"context"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// namedKeys returns where the users with these names are stored, wherever that is; whoever asks goes on with them as
// constants of a statement that has a scope.
func namedKeys(ctx context.Context, r db.Reader, names []string) ([]rowKey, error) {
	var rows []struct{ OrganizationID, UserID int64 }
	err := r.NewSelect().TableExpr("login_names AS n").Column("organization_id", "user_id").
		Where("n.name IN (?)", db.In(folded(names))).Scan(ctx, &rows)
	keys := make([]rowKey, len(rows))
	for i, r := range rows {
		keys[i] = rowKey{r.OrganizationID, r.UserID}
	}
	return keys, db.Translate(err)
}

// newestFirst is the order of a list of people.
var newestFirst = userOrder{[]string{"created_at"}, true}

// peopleKept returns the condition that a filter keeps somebody, besides aliases.
func peopleKept(f *domain.PeopleFilter) db.Predicate {
	p := db.Where("NOT u.archived")
	if len(f.Names) > 0 {
		p = p.And("trim(u.first_name || ' ' || u.last_name) IN (?)", db.In(f.Names))
	}
	if len(f.IDs) > 0 {
		p = p.And("u.id IN (?)", db.In(f.IDs))
	}
	if !f.Since.IsZero() {
		p = p.And("u.created_at >= ?", f.Since.UnixMilli())
	}
	if !f.Until.IsZero() {
		p = p.And("u.created_at < ?", f.Until.UnixMilli())
	}
	return p
}

// people begins a query of those in sc whom f keeps, in a form that reads them by aliases and numbers of the filter, or
// else in the order of the list.
func (s *UserStore) people(ctx context.Context, sc tenancy.Scope, f *domain.PeopleFilter) (*bun.SelectQuery, error) {
	if _, self := sc.Self(); self {
		q := usersIn(s.db, sc).Apply(peopleKept(f).Narrow)
		if len(f.Aliases) > 0 {
			q = q.Where("u.alias IN (?)", db.In(f.Aliases))
		}
		return q, nil
	}
	q := s.searched(sc).Apply(peopleKept(f).Narrow)
	if o, one := sc.Organization(); one {
		q = q.Where("u.organization_id = ?", int64(o))
	}
	if len(f.Aliases) == 0 {
		return q, nil
	}
	keys, err := namedKeys(ctx, s.db, f.Aliases)
	if err != nil {
		return nil, err
	}
	q = q.ApplyQueryBuilder(among("u.organization_id", "u.id", keys))
	return q.Where("u.alias IN (?)", db.In(f.Aliases)), nil
}

// Newest returns a page of the people in sc whom f keeps, as directory.UserStore says.
func (s *UserStore) Newest(ctx context.Context, sc tenancy.Scope, f domain.PeopleFilter, skip int,
	p domain.Page) ([]domain.User, domain.Cursor, error) {
	l := listing{sc: sc, keeps: peopleKept(&f), by: newestFirst}
	var created int64
	var id domain.UserID
	if continued, err := readCursor(p.After, "newest", &created, &id); err != nil {
		return nil, "", err
	} else if continued {
		l.behind = &listed{key: domain.UserKey{User: id}, at: []any{created}}
	}
	limit := pageSize(p)
	all, err := s.newest(ctx, &l, &f, skip, limit+1)
	return page(all, err, limit,
		func(u *domain.User) domain.Cursor { return writeCursor("newest", u.Created, int64(u.ID)) })
}

// newest reads n people of a list behind the first skip of them.
func (s *UserStore) newest(ctx context.Context, l *listing, f *domain.PeopleFilter, skip,
	n int) ([]domain.User, error) {
	users, ok, err := s.byFound(ctx, l.sc, l.by, func() ([]domain.UserKey, bool, error) {
		keys, ok, err := s.newestKeys(ctx, l, f, skip+n)
		if err != nil {
			return nil, false, err
		}
		return keys[min(skip, len(keys)):], ok, nil
	})
	if ok || err != nil {
		return users, err
	}
	if _, self := l.sc.Self(); f.Plain() && !self {
		return s.newestPage(ctx, l, skip, n)
	}
	q, err := s.people(ctx, l.sc, f)
	if err != nil {
		return nil, err
	}
	if l.behind != nil {
		q = q.Where(l.by.behind(), append(l.behind.at[:1:1], int64(l.behind.key.User))...)
	}
	return readUsers(ctx, l.sc, q.OrderExpr(l.by.by(true)).Limit(int64(n)).Offset(int64(skip)))
}

// newestKeys returns the keys of the first n people of a list, and false if they are found sooner by their aliases or
// numbers, or in the order of the list.
func (s *UserStore) newestKeys(ctx context.Context, l *listing, f *domain.PeopleFilter,
	n int) ([]domain.UserKey, bool, error) {
	if _, self := l.sc.Self(); self || len(f.Aliases)+len(f.IDs) > 0 {
		return nil, false, nil
	}
	if len(f.Names) > 0 {
		if found, ok, err := s.found(ctx, l, s.named(l.sc, f.Names), s.patience.found); ok || err != nil {
			return l.first(found, n), ok, err
		}
	}
	mine, among, err := s.share(ctx, l.sc, 0)
	if err != nil || mine > 1000 && float64(n)*among < mine*mine {
		return nil, false, err
	}
	keys, err := s.all(ctx, l, n)
	return keys, true, err
}

// CountPeople returns how many people of sc f keeps.
func (s *UserStore) CountPeople(ctx context.Context, sc tenancy.Scope, f domain.PeopleFilter) (int64, error) {
	_, self := sc.Self()
	byKey := self || len(f.Aliases)+len(f.IDs) > 0
	if len(f.Names) > 0 && !byKey {
		l := listing{sc: sc, keeps: peopleKept(&f), by: newestFirst}
		if found, ok, err := s.found(ctx, &l, s.named(sc, f.Names), domain.MaxCounted); ok || err != nil {
			return int64(len(found)), err
		}
	}
	if !f.Plain() || self {
		q := usersIn(s.db, sc).Apply(peopleKept(&f).Narrow)
		if byKey {
			var err error
			if q, err = s.people(ctx, sc, &f); err != nil {
				return 0, err
			}
		}
		n, err := q.Count(ctx)
		return int64(n), db.Translate(err)
	}
	all, err := s.Count(ctx, sc, domain.UserFilter{})
	if err != nil {
		return 0, err
	}
	archived, err := s.countArchived(ctx, sc)
	return all - archived, err
}
