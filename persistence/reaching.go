package persistence

import (
	"context"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// mayReach narrows users to those whose account is open and whom nothing blocks on the way up from a place.
func mayReach(q *bun.SelectQuery, way []string) *bun.SelectQuery {
	return q.Where("u.active AND u.state = 0 AND NOT u.archived").
		Where(`NOT EXISTS (SELECT 1 FROM user_environments b WHERE b.organization_id = u.organization_id
			AND b.user_id = u.id AND b.blocked AND b.environment_path IN (?))`, db.In(way))
}

// inRoledGroup is the condition that a user is in a group whose members act with power or more.
const inRoledGroup = `EXISTS (SELECT 1 FROM user_groups m JOIN groups g ON g.id = m.group_id
	WHERE m.organization_id = u.organization_id AND m.user_id = u.id AND g.role > 1)`

// wayTo returns the places on the way up from p, and the numbers of those environments, each of which may be
// an organization.
func wayTo(p domain.EnvironmentPath) (way []string, ids []int64) {
	for _, at := range tenancy.WayUp(p) {
		way, ids = append(way, string(at)), append(ids, int64(at.ID()))
	}
	return way, ids
}

// Reaching returns a page of the users in sc who could reach the place p, by number, as directory.ReachStore says.
// Each way to reach it is a part of the statement that an index serves, so that nobody elsewhere is read.
func (s *UserStore) Reaching(ctx context.Context, sc tenancy.Scope, p domain.EnvironmentPath,
	want domain.Page) ([]domain.User, domain.Cursor, error) {
	var behind domain.UserID
	if _, err := readCursor(want.After, "reaching", &behind); err != nil {
		return nil, "", err
	}
	limit := pageSize(want)
	way, ids := wayTo(p)
	part := func(from string, args ...any) *bun.SelectQuery {
		q := s.searched(sc)
		if from != "" { // somebody may be there by several rows, which count as one
			q = q.ModelTableExpr(from, args...).GroupExpr("u.organization_id, u.id")
		}
		return mayReach(q.Column("u.organization_id", "u.id"), way).Where("u.id > ?", int64(behind)).
			OrderExpr("u.id + 0").Limit(int64(limit + 1))
	}
	parts := []*bun.SelectQuery{
		part("").Where("u.organization_id = 1 AND u.role = 4"),
		part("").Where("u.role = 3 AND u.organization_id IN (?)", db.In(ids)),
		// Joined in this order: SQLite would read everybody in the order of the groups of rows.
		part("user_environments AS a CROSS JOIN users AS u").
			Where("u.organization_id = a.organization_id AND u.id = a.user_id").
			Where("a.environment_path IN (?) AND NOT a.blocked", db.In(way)),
		part("groups AS g CROSS JOIN user_groups AS m CROSS JOIN users AS u").
			Where("m.group_id = g.id AND u.organization_id = m.organization_id AND u.id = m.user_id").
			Where("g.role = 3 AND g.organization_id IN (?) AND m.organization_id IN (?)", db.In(ids), db.In(ids)),
	}
	var above []string
	_, self := sc.Self()
	for _, at := range way[1:] {
		if self || sc.Covers(domain.EnvironmentPath(at)) {
			above = append(above, at)
		}
	}
	if len(above) > 0 {
		parts = append(parts, part("").Where("u.environment_path IN (?) AND (u.role > 1 OR "+inRoledGroup+")", db.In(above)))
	}
	found := s.db.NewSelect().TableExpr("(?) AS s", part("").Where("u.environment_path = ?", way[0]))
	for _, q := range parts {
		found = found.UnionAll(s.db.NewSelect().TableExpr("(?) AS s", q))
	}
	keys := s.db.NewSelect().TableExpr("(?) AS k", found).ColumnExpr("DISTINCT k.organization_id, k.id").
		OrderExpr("k.id").Limit(int64(limit + 1))
	users, err := readUsers(ctx, sc, s.db.NewSelect().Model((*userRow)(nil)).OrderExpr("u.id").
		Join("JOIN (?) AS found ON found.organization_id = u.organization_id AND found.id = u.id", keys))
	return page(users, err, limit, func(u *domain.User) domain.Cursor { return writeCursor("reaching", int64(u.ID)) })
}

// Administrators returns users in sc who act with power or more, as directory.ReachStore says.
func (s *UserStore) Administrators(ctx context.Context, sc tenancy.Scope, home, at domain.EnvironmentPath,
	limit int) ([]domain.User, error) {
	way, ids := wayTo(home)
	if at != "" {
		more, further := wayTo(at)
		way, ids = append(way, more...), append(ids, further...)
	}
	part := func(depth string) *bun.SelectQuery {
		return s.searched(sc).ColumnExpr("u.organization_id, u.id, " + depth + " AS depth").
			Where("u.active AND u.state = 0 AND NOT u.archived").OrderExpr("depth DESC, u.id + 0").Limit(int64(limit))
	}
	union := s.db.NewSelect().TableExpr("(?) AS s", part("length(u.environment_path)").
		Where("u.environment_path IN (?) AND (u.role > 1 OR "+inRoledGroup+")", db.In(way)))
	for _, q := range []*bun.SelectQuery{
		part("length(b.path)").
			Join("JOIN environments AS b ON b.organization_id = u.organization_id AND b.id = u.organization_id").
			Where("u.role = 3 AND u.organization_id IN (?)", db.In(ids)),
		part("0").Where("u.organization_id = 1 AND u.role = 4"),
	} {
		union = union.UnionAll(s.db.NewSelect().TableExpr("(?) AS s", q))
	}
	found := s.db.NewSelect().TableExpr("(?) AS k", union).ColumnExpr("k.organization_id, k.id, max(k.depth) AS depth").
		GroupExpr("k.organization_id, k.id")
	return readUsers(ctx, sc, s.db.NewSelect().Model((*userRow)(nil)).OrderExpr("found.depth DESC, u.id").
		Join("JOIN (?) AS found ON found.organization_id = u.organization_id AND found.id = u.id", found))
}
