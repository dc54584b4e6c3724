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

// Members of groups are looked up by their keys: those of few people are found by the people, and those of many by the
// groups, wherever they live. Whom the scope covers of these is known without the database: a statement that says it of
// each group is long where much is cut out of a scope, and planners who do not know how few that are read all people.

// groupsTogether is of how many groups members are read in one statement.
const groupsTogether = 64

// memberPage is the members of a group in a scope among so many who were looked at, of whom last is the last.
type memberPage struct {
	members []domain.GroupMember
	last    domain.GroupMember
	looked  int
}

// fewIn reports whether sc has so few people that members of groups are found by them.
func (s *GroupStore) fewIn(ctx context.Context, sc tenancy.Scope) (bool, error) {
	if _, self := sc.Self(); self {
		return true, nil
	}
	people, err := s.users.Count(ctx, sc, domain.UserFilter{})
	return people <= s.few, err
}

// memberPages looks at the first of the members of groups, a page of each, or at all of them where sc has few people.
func (s *GroupStore) memberPages(ctx context.Context, sc tenancy.Scope, groups []domain.GroupID,
	few bool) (map[domain.GroupID]memberPage, error) {
	if few {
		return s.readPages(ctx, sc, s.membersAmong(sc, groups))
	}
	parts := make([]db.Predicate, len(groups))
	for i, group := range groups {
		parts[i] = s.firstMembers(sc, group, db.Predicate{})
	}
	return s.readPages(ctx, sc, parts...)
}

// membersAmong reads the keys of the members of groups who are in sc.
func (s *GroupStore) membersAmong(sc tenancy.Scope, groups []domain.GroupID) db.Predicate {
	users := accountsOf(sc)
	if _, self := sc.Self(); !self {
		users = lying(s.db, "u.organization_id, u.id", "users u", "u.environment_path", sc.Ranges(),
			db.Pinned(sc, "u.organization_id"), math.MaxInt64)
	}
	keeps := db.Where("m.organization_id = u.organization_id AND m.user_id = u.id").
		Also(db.Pinned(sc, "m.organization_id")).And(s.db.Aside("m.group_id")+" IN (?)", db.In(groups))
	return db.Where("SELECT m.group_id, m.organization_id, m.user_id FROM ("+users.Raw+") AS u CROSS JOIN user_groups m "+
		"WHERE "+keeps.Raw, slices.Concat(users.Args, keeps.Args)...)
}

// membersBehind looks at the next members of a group behind one, a page of them.
func (s *GroupStore) membersBehind(ctx context.Context, sc tenancy.Scope, last domain.GroupMember) (memberPage, error) {
	behind := db.Where("(m.organization_id, m.user_id) > (?, ?)", int64(last.User.Organization), int64(last.User.User))
	pages, err := s.readPages(ctx, sc, s.firstMembers(sc, last.Group, behind))
	return pages[last.Group], err
}

// firstMembers reads the keys of a page of the members of a group that meet a condition, in their order.
func (s *GroupStore) firstMembers(sc tenancy.Scope, group domain.GroupID, behind db.Predicate) db.Predicate {
	keeps := db.Where("m.group_id = ?", int64(group)).Also(db.Pinned(sc, "m.organization_id")).Also(behind)
	return db.Where("SELECT m.group_id, m.organization_id, m.user_id FROM user_groups m WHERE "+keeps.Raw+
		" ORDER BY m.organization_id, m.user_id LIMIT "+strconv.Itoa(s.page), keeps.Args...)
}

// readPages reads whom the parts name, and returns by group those of them who are in sc.
func (s *GroupStore) readPages(ctx context.Context, sc tenancy.Scope,
	parts ...db.Predicate) (map[domain.GroupID]memberPage, error) {
	var text strings.Builder
	var keys db.Predicate
	for i, p := range parts {
		text.WriteString(either(i > 0, " UNION ALL ", "") + "SELECT * FROM (" + p.Raw + ") AS s" + strconv.Itoa(i))
		keys.Args = append(keys.Args, p.Args...)
	}
	keys.Raw = text.String()
	from := s.db.Beside(keys, "users", db.Where("u.organization_id = m.organization_id AND u.id = m.user_id").
		Also(db.Pinned(sc, s.db.Aside("u.organization_id"))))
	rows, err := s.db.QueryContext(ctx, "SELECT m.group_id, u.organization_id, u.id, u.alias, u.environment_path, "+
		"CASE WHEN u.archived THEN 1 ELSE 0 END FROM "+from.Raw, from.Args...)
	type looked struct {
		domain.GroupMember
		in bool
	}
	self, only := sc.Self()
	all, err := db.Collect(rows, err, func(r db.Row) (m looked, err error) {
		var path string
		var archived int64
		err = r.Scan((*int64)(&m.Group), (*int64)(&m.User.Organization), (*int64)(&m.User.User), &m.Alias, &path, &archived)
		in := only && m.User.User == self.User || sc.Covers(domain.EnvironmentPath(path))
		m.in = in && archived == 0
		return m, err
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b looked) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.User.Organization, b.User.Organization),
			cmp.Compare(a.User.User, b.User.User))
	})
	pages := make(map[domain.GroupID]memberPage, len(parts))
	for len(all) > 0 {
		group := all[0].Group
		n := slices.IndexFunc(all, func(m looked) bool { return m.Group != group })
		if n < 0 {
			n = len(all)
		}
		page := memberPage{last: all[n-1].GroupMember, looked: n}
		for i := range all[:n] {
			if all[i].in {
				page.members = append(page.members, all[i].GroupMember)
			}
		}
		pages[group], all = page, all[n:]
	}
	return pages, nil
}
