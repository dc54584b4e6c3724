package persistence

import (
	"context"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// withUser returns the condition that the user to whom a row belongs lies in sc. The alias is the table's.
func withUser(sc tenancy.Scope, alias string) db.Predicate {
	in := db.Account(sc)
	return db.Where("EXISTS (SELECT 1 FROM users u WHERE u.organization_id = "+alias+".organization_id AND u.id = "+alias+
		".user_id AND "+
		in.Text()+")", in.Args...)
}

// owned narrows a query to the rows that belong to a user: q.Apply(owned(u)).
func owned(u domain.UserKey) func(*bun.SelectQuery) *bun.SelectQuery {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("?TableAlias.organization_id = ? AND ?TableAlias.user_id = ?", int64(u.Organization), int64(u.User))
	}
}

// deleteOwn removes the rows of a table that belong to a user, of these those that the condition
// keeps unless it is empty, and returns how many there were.
func deleteOwn(ctx context.Context, tx bun.IDB, u domain.UserKey, table, condition string, args ...any) (int64, error) {
	query := tx.NewDelete().Table(table).Where("organization_id = ?", int64(u.Organization)).
		Where("user_id = ?", int64(u.User))
	if condition != "" {
		query = query.Where(condition, args...)
	}
	res, err := query.Exec(ctx)
	if err != nil {
		return 0, db.Translate(err)
	}
	n, err := res.RowsAffected()
	return n, db.Translate(err)
}
