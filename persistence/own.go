package persistence

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
)

// deleteOwn removes the rows of a table that belong to a user, of these those that the condition
// keeps unless it is empty, and returns how many there were.
func deleteOwn(ctx context.Context, tx bun.IDB, u domain.UserKey, table, condition string, args ...any) (int64, error) {
	query := tx.NewDelete().Table(table).Where("organization_id = ?", int64(u.Organization)).Where("user_id = ?", int64(u.User))
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

// touch notes when rows were last used, in one statement. A row with a later time keeps it. The
// columns of the key are those that of returns the values of.
func touch[K comparable](ctx context.Context, d *db.DB, table, column string, key []string, seen map[K]time.Time, of func(K) []any) error {
	if len(seen) == 0 {
		return nil
	}
	one := "(" + strings.Repeat("?, ", len(key)) + "?)"
	args := make([]any, 0, (len(key)+1)*len(seen))
	for k, at := range seen {
		args = append(append(args, of(k)...), db.Millis(at))
	}
	same := ""
	for _, name := range key {
		same += table + "." + name + " = seen." + name + " AND "
	}
	return d.Alone(ctx, func() error {
		_, err := d.ExecContext(ctx, "WITH seen ("+strings.Join(key, ", ")+", at) AS (VALUES "+
			strings.TrimSuffix(strings.Repeat(one+", ", len(seen)), ", ")+") UPDATE "+table+" SET "+column+" = seen.at FROM seen WHERE "+
			same+table+"."+column+" < seen.at", args...)
		return err
	})
}
