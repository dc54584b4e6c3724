package persistence

import (
	"context"
	"strconv"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// people returns the condition that a row of users meets where and f keeps it.
func people(where db.Predicate, f *domain.PeopleFilter) db.Predicate {
	where = where.And("NOT u.archived")
	if len(f.Aliases) > 0 {
		folded := make([]string, len(f.Aliases))
		for i, alias := range f.Aliases {
			folded[i] = domain.Fold(alias)
		}
		where = where.And("(u.organization_id, u.id) IN (SELECT organization_id, user_id FROM login_names WHERE name IN (?)) AND u.alias IN (?)",
			db.In(folded), db.In(f.Aliases))
	}
	if len(f.Names) > 0 {
		where = where.And("trim(u.first_name || ' ' || u.last_name) IN (?)", db.In(f.Names))
	}
	if len(f.IDs) > 0 {
		where = where.And("u.id IN (?)", db.In(f.IDs))
	}
	if !f.Since.IsZero() {
		where = where.And("u.created_at >= ?", f.Since.UnixMilli())
	}
	if !f.Until.IsZero() {
		where = where.And("u.created_at < ?", f.Until.UnixMilli())
	}
	return where
}

// Newest returns a page of the people in sc whom f keeps, the newest first, without the first
// skip behind the cursor, and the cursor of the next page, empty after the last. A cursor of
// another list is ErrCursor. No match is an empty slice.
func (s *UserStore) Newest(ctx context.Context, sc tenancy.Scope, f domain.PeopleFilter, skip int, p domain.Page) ([]domain.User, domain.Cursor, error) {
	limit := pageSize(p)
	scope := db.Account(sc)
	var many bool
	if len(f.Aliases)+len(f.IDs) == 0 {
		var err error
		if many, err = s.walksIndex(ctx, sc, skip+limit+1); err != nil {
			return nil, "", err
		}
	}
	if many {
		scope = db.Unindexed(scope)
	}
	where := people(scope, &f)
	var created int64
	var id domain.UserID
	if continued, err := readCursor(p.After, "newest", &created, &id); err != nil {
		return nil, "", err
	} else if continued {
		where = where.And("(u.created_at, u.id) < (?, ?)", created, int64(id))
	}
	order := " ORDER BY u.created_at DESC, u.id DESC LIMIT " + strconv.Itoa(limit+1) + " OFFSET " + strconv.Itoa(skip)
	var all []domain.User
	var err error
	if many {
		all, err = selectUsers(ctx, s.db, where, order)
	} else {
		rows, failed := s.db.QueryContext(ctx, "WITH found AS MATERIALIZED (SELECT u.organization_id, u.id FROM users u WHERE "+where.Text()+
			order+") SELECT "+userColumns+" FROM found JOIN users u ON u.organization_id = found.organization_id AND u.id = found.id"+
			" ORDER BY u.created_at DESC, u.id DESC", where.Args...)
		all, err = db.Collect(rows, failed, db.Weighed(ctx, scanUser))
	}
	return page(all, err, limit, func(u *domain.User) domain.Cursor { return writeCursor("newest", u.Created, int64(u.ID)) })
}

// CountPeople returns how many people of sc f keeps.
func (s *UserStore) CountPeople(ctx context.Context, sc tenancy.Scope, f domain.PeopleFilter) (int64, error) {
	if _, self := sc.Self(); !self && f.Plain() {
		all, err := s.Count(ctx, sc, domain.UserFilter{})
		if err != nil {
			return 0, err
		}
		where := db.Account(sc)
		organization, args := db.InOrganization(sc, "x.organization_id")
		// The few that are archived come first: SQLite keeps the order of a CROSS JOIN.
		rows, err := s.db.QueryContext(ctx, `SELECT count(*) FROM users x CROSS JOIN users u
			WHERE x.archived AND u.organization_id = x.organization_id AND u.id = x.id AND `+organization+where.Text(),
			append(args[:len(args):len(args)], where.Args...)...)
		away, err := db.Only(rows, err, db.Scalar[int64], domain.ErrInternal)
		return all - away, err
	}
	where := people(db.Account(sc), &f)
	rows, err := s.db.QueryContext(ctx, "SELECT count(*) FROM users u WHERE "+where.Text(), where.Args...)
	return db.Only(rows, err, db.Scalar[int64], domain.ErrInternal)
}
