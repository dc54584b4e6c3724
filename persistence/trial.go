package persistence

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// reviewed runs work like Do and has review decide whether it is committed. The directory before it is read by a
// connection that is taken first: whoever waits for one holds no locks.
func (s *Store) reviewed(ctx context.Context, w tenancy.WriteScope, work func(*Tx) error, review tenancy.Review) error {
	return s.db.Reading(ctx, func(before db.Reader) error {
		return s.db.Do(ctx, w, func(t *db.Tx) error {
			tx := &Tx{Tx: t}
			if err := work(tx); err != nil {
				return err
			}
			if err := tx.post(); err != nil {
				return err
			}
			now := s.db.Now
			return review(ctx, &tenancy.Trial{Entries: tx.entries, Before: &view{before, now}, After: &view{t, now}})
		})
	})
}

// view implements tenancy.View over the database, or over a transaction.
type view struct {
	db.Reader
	now func() time.Time
}

// Groups implements tenancy.View.
func (v *view) Groups(ctx context.Context, organizations []domain.OrganizationID) ([]domain.Group, error) {
	return groupsOf(ctx, v, organizations)
}

// Inactive implements tenancy.View.
func (v *view) Inactive(ctx context.Context, above []domain.EnvironmentPath,
	in []tenancy.Range) ([]domain.EnvironmentPath, error) {
	return inactive(ctx, v, above, in)
}

// Numbered implements tenancy.View.
func (v *view) Numbered(ctx context.Context, ids []domain.EnvironmentID) ([]domain.Environment, error) {
	var rows []environmentRow
	return readEnvironments(ctx, v.NewSelect().Model(&rows).Where("e.id IN (?)", db.In(ids)), &rows)
}

// Concerned implements tenancy.View.
func (v *view) Concerned(ctx context.Context, a tenancy.Area) ([]domain.UserKey, error) {
	var parts []*bun.SelectQuery
	if len(a.Groups) > 0 {
		parts = append(parts, v.membersBelow("g.id IN (?)", db.In(a.Groups)))
	}
	if len(a.Admins) > 0 {
		parts = append(parts, v.adminsOf(a.Admins)...)
	}
	for _, p := range a.Places {
		parts = append(parts, v.reaching(p)...)
	}
	var keys []domain.UserKey
	for _, q := range parts {
		var rows []userKeyRow
		if err := q.Scan(ctx, &rows); err != nil {
			return nil, db.Translate(err)
		}
		for _, r := range rows {
			keys = append(keys, userKey(r.OrganizationID, r.UserID))
		}
	}
	return keys, nil
}

type userKeyRow struct {
	OrganizationID int64
	UserID         int64
}

// membersBelow finds the members of the groups that meet a condition and of all groups below them.
func (v *view) membersBelow(condition string, args ...any) *bun.SelectQuery {
	chosen := v.NewSelect().Model((*groupRow)(nil)).Column("id").Where(condition, args...)
	lower := v.NewSelect().Model((*groupRow)(nil)).Column("id").Join("JOIN lower ON lower.id = g.parent_id")
	return v.NewSelect().WithRecursive("lower", chosen.Union(lower)).TableExpr("user_groups AS m").
		Column("m.organization_id", "m.user_id").Where("m.group_id IN (SELECT id FROM lower)")
}

// adminsOf finds everybody who may be an admin of one of the organizations, by their own role or by a group's.
func (v *view) adminsOf(organizations []domain.OrganizationID) []*bun.SelectQuery {
	of := db.In(organizations)
	byRole := func(role domain.Role) *bun.SelectQuery {
		return v.NewSelect().Model((*userRow)(nil)).Column("u.organization_id").ColumnExpr("u.id AS user_id").
			Where("u.organization_id IN (?)", of).Where("u.role = ?", int64(role))
	}
	return []*bun.SelectQuery{byRole(domain.RoleOAdmin), byRole(domain.RoleSuperUser),
		v.NewSelect().TableExpr("user_groups AS m").Column("m.organization_id", "m.user_id").
			Join("JOIN groups AS g ON g.id = m.group_id").
			Where("m.organization_id IN (?) AND g.role >= ?", of, int64(domain.RoleOAdmin))}
}

// reaching finds everybody who may reach the environment at p or a place below it: those at home there or
// above, those who have one of these on their lists, and the admins of the organizations above.
func (v *view) reaching(p domain.EnvironmentPath) []*bun.SelectQuery {
	up := []string{string(p)}
	organizations := []domain.OrganizationID{domain.OrganizationID(p.ID())}
	for q := p; q != q.Parent(); {
		q = q.Parent()
		up, organizations = append(up, string(q)), append(organizations, domain.OrganizationID(q.ID()))
	}
	at := func(table, id string) *bun.SelectQuery {
		return v.NewSelect().TableExpr(table + " AS t").Column("t.organization_id").ColumnExpr("t." + id + " AS user_id")
	}
	var parts []*bun.SelectQuery
	for table, id := range map[string]string{"users": "id", "user_environments": "user_id"} {
		parts = append(parts, at(table, id).Where("t.environment_path IN (?)", db.In(up)),
			at(table, id).Where("t.environment_path >= ? AND t.environment_path < ?", string(p), string(p.End())))
	}
	return append(parts, v.adminsOf(organizations)...)
}

// Users implements tenancy.View.
func (v *view) Users(ctx context.Context, keys []domain.UserKey) ([]domain.User, error) {
	return readUsers(ctx, tenancy.Scope{}, v.NewSelect().Model((*userRow)(nil)).Apply(withUserKeys("u.id", keys)))
}

// withUserKeys narrows a query to the users with these keys.
func withUserKeys(id string, keys []domain.UserKey) func(*bun.SelectQuery) *bun.SelectQuery {
	ids := make(map[domain.OrganizationID][]domain.UserID)
	for _, k := range keys {
		ids[k.Organization] = append(ids[k.Organization], k.User)
	}
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			for _, o := range slices.Sorted(maps.Keys(ids)) {
				q = q.WhereOr("?TableAlias.organization_id = ? AND ? IN (?)", int64(o), bun.Safe(id), db.In(ids[o]))
			}
			return q
		})
	}
}

// Sessions implements tenancy.View.
func (v *view) Sessions(ctx context.Context, keys []domain.UserKey) (map[domain.UserKey]int64, error) {
	var rows []struct {
		userKeyRow
		Open int64
	}
	now := db.Millis(v.now())
	err := v.NewSelect().Model((*sessionRow)(nil)).Column("s.organization_id", "s.user_id").ColumnExpr("count(*) AS open").
		Join("JOIN users AS u ON u.organization_id = s.organization_id AND u.id = s.user_id").
		Where("s.token_epoch = u.token_epoch AND s.expires_at > ?", now).
		Where("(s.idle_limit = 0 OR s.last_at + s.idle_limit > ?)", now).
		Apply(withUserKeys("s.user_id", keys)).Group("s.organization_id", "s.user_id").Scan(ctx, &rows)
	open := make(map[domain.UserKey]int64, len(rows))
	for _, r := range rows {
		open[userKey(r.OrganizationID, r.UserID)] = r.Open
	}
	return open, db.Translate(err)
}
