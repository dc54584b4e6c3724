package persistence

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// Members returns the members of groups who are in sc, without archived accounts, group after group in the order given,
// each by organization and number. They are read while they are ranged over, some at a time; an
// error ends them.
func (s *GroupStore) Members(ctx context.Context, sc tenancy.Scope,
	groups []domain.GroupID) iter.Seq2[domain.GroupMember, error] {
	return func(yield func(domain.GroupMember, error) bool) {
		few, err := s.fewIn(ctx, sc)
		for part := range slices.Chunk(groups, groupsTogether) {
			var first map[domain.GroupID]memberPage
			if err == nil {
				first, err = s.memberPages(ctx, sc, part, few)
			}
			for _, group := range part {
				for page := first[group]; err == nil; page, err = s.membersBehind(ctx, sc, page.last) {
					for _, m := range page.members {
						if !yield(m, nil) {
							return
						}
					}
					if few || page.looked < s.page {
						break
					}
				}
			}
			if err != nil {
				yield(domain.GroupMember{}, err)
				return
			}
		}
	}
}

// CountMembers returns how many members of groups are in sc, archived accounts too, by group; no entry is none.
// It counts no further than domain.MaxTold where there are more people than that. In a scope of very many people that
// is not a whole organization it looks at the first domain.MaxCounted of them and says how many are at least: what it
// says depends on nobody outside of sc.
func (s *GroupStore) CountMembers(ctx context.Context, sc tenancy.Scope,
	groups []domain.GroupID) (map[domain.GroupID]domain.Tally, error) {
	if len(groups) == 0 {
		return nil, nil
	}
	if _, self := sc.Self(); self {
		return s.countAmong(ctx, sc, groups, accountsOf(sc), false)
	}
	people, err := s.users.Count(ctx, sc, domain.UserFilter{})
	if err != nil || people == 0 {
		return nil, err
	}
	if people > s.told && hasAll(sc) {
		return s.countIndexed(ctx, sc, groups)
	}
	ranges, until := sc.Ranges(), db.Pinned(sc, "u.organization_id")
	more := people > s.few
	if more {
		last, behind, err := s.users.treeKey(ctx, sc, ranges, spot{}, int(s.few)+1)
		if err != nil {
			return nil, err
		}
		if behind {
			ranges, until = before(ranges, last.path), until.Also(last.until())
		}
	}
	return s.countAmong(ctx, sc, groups, lying(s.db, "u.organization_id, u.id", "users u", "u.environment_path", ranges,
		until, s.few+1), more)
}

// hasAll reports whether sc is a whole organization or the whole tree: whoever belongs to it is in sc.
func hasAll(sc tenancy.Scope) bool {
	o, one := sc.Organization()
	ranges := sc.Ranges()
	return sc.Everywhere() ||
		one && len(ranges) == 1 && ranges[0].From.ID() == o.Environment() && ranges[0].Until == ranges[0].From.End()
}

type memberCount struct{ GroupID, N int64 }

// counted returns the numbers of a statement, of which none is told beyond what is.
func (s *GroupStore) counted(ctx context.Context, q *bun.SelectQuery, more bool) (map[domain.GroupID]domain.Tally,
	error) {
	var rows []memberCount
	err := q.Scan(ctx, &rows)
	counts := make(map[domain.GroupID]domain.Tally, len(rows))
	for _, r := range rows {
		if r.N > 0 {
			counts[domain.GroupID(r.GroupID)] = domain.Tally{N: min(r.N, s.told), More: more || r.N > s.told}
		}
	}
	return counts, db.Translate(err)
}

// countIndexed counts the members of groups wherever they are in the organization of sc, or in all if it has several.
func (s *GroupStore) countIndexed(ctx context.Context, sc tenancy.Scope,
	groups []domain.GroupID) (map[domain.GroupID]domain.Tally, error) {
	one := s.db.NewSelect().TableExpr("user_groups AS m").ColumnExpr("1").Where("m.group_id = g.id").
		Apply(db.Pinned(sc, "m.organization_id").Narrow).Limit(s.told + 1)
	asked := make([]string, len(groups))
	for i, id := range groups {
		asked[i] = "(" + strconv.FormatInt(int64(id), 10) + ")"
	}
	return s.counted(ctx, s.db.NewSelect().
		TableExpr("(WITH asked (id) AS (VALUES "+strings.Join(asked, ", ")+") SELECT DISTINCT id FROM asked) AS g").
		ColumnExpr("g.id AS group_id, (SELECT count(*) FROM (?) AS found) AS n", one), false)
}

// countAmong counts the members of groups among the users of a query, who are not all where more.
func (s *GroupStore) countAmong(ctx context.Context, sc tenancy.Scope, groups []domain.GroupID, users db.Predicate,
	more bool) (map[domain.GroupID]domain.Tally, error) {
	counts, err := s.counted(ctx, s.db.NewSelect().
		TableExpr("("+users.Raw+") AS u CROSS JOIN user_groups AS m", users.Args...).
		ColumnExpr("m.group_id, count(*) AS n").Where("m.organization_id = u.organization_id AND m.user_id = u.id").
		Apply(db.Pinned(sc, "m.organization_id").Narrow).
		Where(s.db.Aside("m.group_id")+" IN (?)", db.In(groups)).Group("m.group_id"), more)
	for _, group := range groups {
		if more && counts[group].N == 0 {
			counts[group] = domain.Tally{More: true}
		}
	}
	return counts, err
}

// members makes a query of the users in sc one of those whom a table of members names.
func members(q *bun.SelectQuery, sc tenancy.Scope, table string) *bun.SelectQuery {
	return q.ModelTableExpr("? AS m JOIN users AS u ON u.organization_id = m.organization_id AND u.id = m.user_id",
		bun.Ident(table)).Apply(db.Pinned(sc, "m.organization_id").Narrow)
}

// memberColumns says what readMembers reads, which leaves out archived accounts.
func memberColumns(q *bun.SelectQuery) *bun.SelectQuery {
	return q.ColumnExpr("m.group_id, u.organization_id, u.id, u.alias").Where("NOT u.archived")
}

func readMembers(ctx context.Context, q *bun.SelectQuery) ([]domain.GroupMember, error) {
	var rows []struct {
		GroupID, OrganizationID, ID int64
		Alias                       string
	}
	err := q.Scan(ctx, &rows)
	members := make([]domain.GroupMember, len(rows))
	for i, r := range rows {
		members[i] = domain.GroupMember{Group: domain.GroupID(r.GroupID), Alias: r.Alias,
			User: domain.UserKey{Organization: domain.OrganizationID(r.OrganizationID), User: domain.UserID(r.ID)}}
	}
	return members, db.Translate(err)
}

type groupAdminRow struct {
	bun.BaseModel `bun:"table:group_admins"`

	OrganizationID int64 `bun:",pk"`
	GroupID        int64 `bun:",pk"`
	UserID         int64 `bun:",pk"`
}

// Admins returns the admins of groups who are in sc, without archived accounts, by
// group and number.
func (s *GroupStore) Admins(ctx context.Context, sc tenancy.Scope,
	groups []domain.GroupID) ([]domain.GroupMember, error) {
	if len(groups) == 0 {
		return nil, nil
	}
	return readMembers(ctx, members(s.users.searched(sc), sc, "group_admins").Apply(memberColumns).
		Where("m.group_id IN (?)", db.In(groups)).Order("m.group_id", "m.user_id"))
}

// Administers reports whether whoever sc was given to is an admin of the group with that number.
// They are not if there is none in sc.
func (s *GroupStore) Administers(ctx context.Context, sc tenancy.Scope, id domain.GroupID) (bool, error) {
	me := sc.Actor()
	var rows []groupRow
	is, err := db.From(s.db, sc, &rows).
		Join("JOIN group_admins AS m ON m.organization_id = g.organization_id AND m.group_id = g.id").
		Where("g.id = ? AND m.organization_id = ? AND m.user_id = ?", int64(id), int64(me.Organization), int64(me.User)).
		Exists(ctx)
	return is, db.Translate(err)
}

// AddGroupAdmin implements directory.GroupTx.
func (tx *Tx) AddGroupAdmin(g *domain.Group, admin domain.UserKey) error {
	admins, err := tx.groupAdmins(g, admin)
	switch {
	case err != nil || slices.Contains(admins, admin.User):
		return err
	case len(admins) >= domain.MaxGroupAdmins:
		return domain.ErrTooManyGroupAdmins
	}
	if err := tx.holdUsers(admin); err != nil {
		return err
	}
	if err := tx.Insert(toGroupAdminRow(g, admin)); err != nil {
		return err
	}
	return tx.record(groupEntry("group:update", g, domain.Diff(nil, adminField(admin))))
}

// RemoveGroupAdmin implements directory.GroupTx.
func (tx *Tx) RemoveGroupAdmin(g *domain.Group, admin domain.UserKey) error {
	admins, err := tx.groupAdmins(g, admin)
	if err != nil || !slices.Contains(admins, admin.User) {
		return err
	}
	if err := tx.One(tx.NewDelete().Model(toGroupAdminRow(g, admin)).WherePK(), domain.ErrChanged); err != nil {
		return err
	}
	return tx.record(groupEntry("group:update", g, domain.Diff(adminField(admin), nil)))
}

func toGroupAdminRow(g *domain.Group, admin domain.UserKey) *groupAdminRow {
	return &groupAdminRow{OrganizationID: int64(g.Organization), GroupID: int64(g.ID), UserID: int64(admin.User)}
}

// groupAdmins returns the admins of g, of whose organization admin must be.
func (tx *Tx) groupAdmins(g *domain.Group, admin domain.UserKey) (admins []domain.UserID, err error) {
	if g.Organization != admin.Organization {
		return nil, domain.ErrGroupAdminElsewhere
	}
	err = tx.NewSelect().Model((*groupAdminRow)(nil)).Column("user_id").
		Where("organization_id = ? AND group_id = ?", int64(g.Organization), int64(g.ID)).Scan(tx.Ctx, &admins)
	return admins, db.Translate(err)
}

// adminField is what the audit trail keeps of a group's admin: the number, which says nothing to
// whoever does not see them.
func adminField(admin domain.UserKey) domain.Fields {
	return domain.Fields{{Name: "admin", Value: strconv.FormatInt(int64(admin.User), 10)}}
}
