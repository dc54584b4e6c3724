package persistence

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
)

// rowKey is where a row is stored: the organization, and the number in it.
type rowKey = keyOf[int64]

// keyOf is where a row with an id of that type is stored.
type keyOf[ID cmp.Ordered] struct {
	organization int64
	id           ID
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
func among[ID cmp.Ordered](organization, id string, keys []keyOf[ID]) func(bun.QueryBuilder) bun.QueryBuilder {
	ids := make(map[int64][]ID, 1)
	for _, k := range keys {
		ids[k.organization] = append(ids[k.organization], k.id)
	}
	return func(q bun.QueryBuilder) bun.QueryBuilder {
		if len(ids) == 0 {
			return q.Where("1 = 0")
		}
		return q.WhereGroup(" AND ", func(q bun.QueryBuilder) bun.QueryBuilder {
			for _, o := range slices.Sorted(maps.Keys(ids)) {
				q = q.WhereOr("? = ? AND ? IN (?)", bun.Ident(organization), o, bun.Ident(id),
					db.In(slices.Compact(slices.Sorted(slices.Values(ids[o])))))
			}
			return q
		})
	}
}

// when narrows a query by a condition if it is asked for.
func when(q *bun.SelectQuery, asked bool, condition string, args ...any) *bun.SelectQuery {
	if !asked {
		return q
	}
	return q.Where(condition, args...)
}

// subject is a user or group by where they are stored; a group is looked for by its number alone.
type subject struct{ kind, organization, id int64 }

// The kinds of subjects of an access list.
const (
	userSubject  = 1
	groupSubject = 2
)

func ofUser(u domain.UserKey) subject {
	return subject{userSubject, int64(u.Organization), int64(u.User)}
}

func ofGroup(g domain.GroupID) subject { return subject{kind: groupSubject, id: int64(g)} }

type subjectRow struct {
	Kind            int64
	OrganizationID  int64
	ID              int64
	Alias           string
	EnvironmentPath string
}

// home is a user's; it is empty for groups.
func (r subjectRow) home() domain.EnvironmentPath { return domain.EnvironmentPath(r.EnvironmentPath) }

// called reads what users and groups are called, in one statement. Nobody, and whoever is gone, is called nothing.
func called(ctx context.Context, r db.Reader, all ...subject) (map[subject]subjectRow, error) {
	var users []rowKey
	var groups []int64
	for _, is := range all {
		switch {
		case is.id == 0:
		case is.kind == userSubject:
			users = append(users, rowKey{is.organization, is.id})
		default:
			groups = append(groups, is.id)
		}
	}
	if len(users)+len(groups) == 0 {
		return nil, nil
	}
	q := r.NewSelect().TableExpr("users AS u").
		ColumnExpr("? AS kind, u.organization_id, u.id, u.alias, u.environment_path", userSubject).
		ApplyQueryBuilder(among("u.organization_id", "u.id", users))
	if len(groups) > 0 {
		q = q.UnionAll(r.NewSelect().TableExpr("groups AS g").
			ColumnExpr("? AS kind, g.organization_id, g.id, g.alias, ''", groupSubject).
			Where("g.id IN (?)", db.In(groups)))
	}
	var rows []subjectRow
	err := q.Scan(ctx, &rows)
	names := make(map[subject]subjectRow, len(rows))
	for _, row := range rows {
		if row.Kind == groupSubject {
			names[ofGroup(domain.GroupID(row.ID))] = row
		} else {
			names[subject{userSubject, row.OrganizationID, row.ID}] = row
		}
	}
	return names, db.Translate(err)
}
