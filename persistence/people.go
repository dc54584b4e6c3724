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

// kept returns what narrows a query of users to the people whom f keeps.
func (s *UserStore) kept(ctx context.Context, f *domain.PeopleFilter) (func(*bun.SelectQuery) *bun.SelectQuery, error) {
	var keys []rowKey
	if len(f.Aliases) > 0 {
		var err error
		if keys, err = namedKeys(ctx, s.db, f.Aliases); err != nil {
			return nil, err
		}
	}
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("NOT u.archived")
		if len(f.Aliases) > 0 {
			q = q.ApplyQueryBuilder(among("u.organization_id", "u.id", keys)).Where("u.alias IN (?)", db.In(f.Aliases))
		}
		if len(f.Names) > 0 {
			q = q.Where("trim(u.first_name || ' ' || u.last_name) IN (?)", db.In(f.Names))
		}
		if len(f.IDs) > 0 {
			q = q.Where("u.id IN (?)", db.In(f.IDs))
		}
		if !f.Since.IsZero() {
			q = q.Where("u.created_at >= ?", f.Since.UnixMilli())
		}
		if !f.Until.IsZero() {
			q = q.Where("u.created_at < ?", f.Until.UnixMilli())
		}
		return q
	}, nil
}

// Newest returns a page of the people in sc whom f keeps, as directory.UserStore says.
func (s *UserStore) Newest(ctx context.Context, sc tenancy.Scope, f domain.PeopleFilter, skip int,
	p domain.Page) ([]domain.User, domain.Cursor, error) {
	limit := pageSize(p)
	var many bool
	byKey := len(f.Aliases)+len(f.IDs) > 0
	if !byKey {
		var err error
		if many, err = s.walksIndex(ctx, sc, 0, skip+limit+1); err != nil {
			return nil, "", err
		}
	}
	kept, err := s.kept(ctx, &f)
	if err != nil {
		return nil, "", err
	}
	q := s.searched(sc, many || byKey).Apply(kept)
	var created int64
	var id domain.UserID
	if continued, err := readCursor(p.After, "newest", &created, &id); err != nil {
		return nil, "", err
	} else if continued {
		q = q.Where("(u.created_at, u.id) < (?, ?)", created, int64(id))
	}
	all, err := s.ordered(ctx, sc, q, many, userOrder{[]string{"created_at"}, true}, skip, limit+1)
	return page(all, err, limit,
		func(u *domain.User) domain.Cursor { return writeCursor("newest", u.Created, int64(u.ID)) })
}

// CountPeople returns how many people of sc f keeps.
func (s *UserStore) CountPeople(ctx context.Context, sc tenancy.Scope, f domain.PeopleFilter) (int64, error) {
	if _, self := sc.Self(); self || !f.Plain() {
		kept, err := s.kept(ctx, &f)
		if err != nil {
			return 0, err
		}
		n, err := usersIn(s.db, sc).Apply(kept).Count(ctx)
		return n, db.Translate(err)
	}
	all, err := s.Count(ctx, sc, domain.UserFilter{})
	if err != nil {
		return 0, err
	}
	// Few are archived, whom an index finds; where they live is looked at for each, unless that is anywhere.
	q := s.db.NewSelect().TableExpr("users AS u").Where("u.archived")
	if !sc.Everywhere() {
		within := db.Unindexed(db.Account(sc))
		q = q.Where(within.Text(), within.Args...)
	}
	if o, one := sc.Organization(); one {
		q = q.Where("u.organization_id = ?", int64(o))
	}
	archived, err := q.Count(ctx)
	return all - archived, db.Translate(err)
}
