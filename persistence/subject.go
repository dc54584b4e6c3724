package persistence

import (
	"context"
	"maps"
	"slices"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
)

// rowKey is where a row is stored: the organization, and the number in it.
type rowKey struct{ organization, id int64 }

func userKeys(keys ...domain.UserKey) []rowKey {
	all := make([]rowKey, len(keys))
	for i, k := range keys {
		all[i] = rowKey{int64(k.Organization), int64(k.User)}
	}
	return all
}

func objectKeys(objects []domain.Object) []rowKey {
	all := make([]rowKey, len(objects))
	for i := range objects {
		all[i] = rowKey{int64(objects[i].Organization), int64(objects[i].ID)}
	}
	return all
}

// among narrows a statement to the rows whose two columns are one of the keys: each organization is a constant
// of its own.
func among(organization, id string, keys []rowKey) func(bun.QueryBuilder) bun.QueryBuilder {
	ids := make(map[int64][]int64, 1)
	for _, k := range keys {
		ids[k.organization] = append(ids[k.organization], k.id)
	}
	return func(q bun.QueryBuilder) bun.QueryBuilder {
		if len(ids) == 0 {
			return q.Where("1 = 0")
		}
		return q.WhereGroup(" AND ", func(q bun.QueryBuilder) bun.QueryBuilder {
			for _, o := range slices.Sorted(maps.Keys(ids)) {
				q = q.WhereOr("? = ? AND ? IN (?)", bun.Ident(organization), o, bun.Ident(id), db.In(ids[o]))
			}
			return q
		})
	}
}

// subjects are users and groups by where they are stored, with what they are called. A group is looked for by
// its number alone. Whoever is gone is called nothing.
type subjects map[subject]subjectRow

type subject struct {
	rowKey
	kind int64
}

type subjectRow struct {
	Kind            int64
	OrganizationID  int64
	ID              int64
	Alias           string
	EnvironmentPath string
}

// home is a user's; it is empty for groups.
func (r subjectRow) home() domain.EnvironmentPath { return domain.EnvironmentPath(r.EnvironmentPath) }

func ofUser(u domain.UserKey) subject { return subject{userKeys(u)[0], userSubject} }

func ofGroup(g domain.GroupID) subject { return subject{rowKey{id: int64(g)}, groupSubject} }

// addUser and addGroup ask for somebody; they do nothing for nobody.
func (s subjects) addUser(u domain.UserKey) {
	if u.User != 0 {
		s[ofUser(u)] = subjectRow{}
	}
}

func (s subjects) addGroup(g domain.GroupID) {
	if g != 0 {
		s[ofGroup(g)] = subjectRow{}
	}
}

func (s subjects) user(u domain.UserKey) subjectRow  { return s[ofUser(u)] }
func (s subjects) group(g domain.GroupID) subjectRow { return s[ofGroup(g)] }

// read reads what all of them are called, in one statement.
func (s subjects) read(ctx context.Context, r db.Reader) error {
	var users []rowKey
	var groups []int64
	for is := range s {
		if is.kind == userSubject {
			users = append(users, is.rowKey)
		} else {
			groups = append(groups, is.id)
		}
	}
	if len(s) == 0 {
		return nil
	}
	q := r.NewSelect().TableExpr("users AS u").ColumnExpr("? AS kind, u.organization_id, u.id, u.alias, u.environment_path", userSubject).
		ApplyQueryBuilder(among("u.organization_id", "u.id", users))
	if len(groups) > 0 {
		q = q.UnionAll(r.NewSelect().TableExpr("groups AS g").ColumnExpr("? AS kind, g.organization_id, g.id, g.alias, ''", groupSubject).
			Where("g.id IN (?)", db.In(groups)))
	}
	var rows []subjectRow
	if err := q.Scan(ctx, &rows); err != nil {
		return db.Translate(err)
	}
	for _, row := range rows {
		is := subject{rowKey{row.OrganizationID, row.ID}, row.Kind}
		if row.Kind == groupSubject {
			is.organization = 0
		}
		s[is] = row
	}
	return nil
}
