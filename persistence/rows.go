package persistence

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
)

// querier is what a statement runs on: the database or a transaction of it. The values
// are written into the text by Bun.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// row is what a scan function reads from: *sql.Rows or *sql.Row.
type row interface{ Scan(dest ...any) error }

// collect reads all rows of a statement. It returns an empty slice for none.
func collect[T any](rows result, err error, scan func(row) (T, error)) ([]T, error) {
	if err != nil {
		return nil, translate(err)
	}
	defer rows.Close()
	all := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, translate(err)
		}
		all = append(all, v)
	}
	return all, translate(rows.Err())
}

// weighed returns scan, counting what it reads into the weight of the page that is read in ctx. Past
// that it is domain.ErrHeavy.
func weighed[T any](ctx context.Context, scan func(row) (T, error)) func(row) (T, error) {
	w := domain.WeightFrom(ctx)
	if w == nil {
		return scan
	}
	counted := &weighedRow{weight: w}
	return func(r row) (T, error) {
		counted.row = r
		return scan(counted)
	}
}

type weighedRow struct {
	row
	weight *domain.Weight
}

// Scan implements row.
func (r *weighedRow) Scan(dest ...any) error {
	if err := r.row.Scan(dest...); err != nil {
		return err
	}
	bytes := 16 * len(dest) // what a value takes besides its text
	for _, d := range dest {
		if text, ok := d.(*string); ok {
			bytes += len(*text)
		}
	}
	return r.weight.Add(bytes)
}

// only reads the one row of a statement; missing if there is none.
func only[T any](rows result, err error, scan func(row) (T, error), missing error) (T, error) {
	var none T
	all, err := collect(rows, err, scan)
	if err != nil {
		return none, err
	}
	if len(all) == 0 {
		return none, missing
	}
	return all[0], nil
}

// scalar reads one value.
func scalar[T any](r row) (v T, err error) {
	err = r.Scan(&v)
	return v, err
}

// in returns the values for an IN of Bun.
func in[T any](values []T) any { return bun.List(values) }

// millis is how a time is stored: 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// moment is the time that millis stored.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// The lists of a user are read with the user's row, as text: groups as "2 7" in the order
// of their rank, environments as "+1/1/19/ -4/1/4/9/" in tree order, a sign for allowed
// or blocked before the environment's organization and path.
const (
	groupList = `coalesce((SELECT string_agg(CAST(g.group_id AS text), ' ' ORDER BY g.rank)
		FROM user_groups g WHERE g.organization_id = u.organization_id AND g.user_id = u.id), '')`
	grantList = `coalesce((SELECT string_agg(CASE WHEN e.blocked THEN '-' ELSE '+' END ||
			CAST(e.environment_organization_id AS text) || e.environment_path, ' ' ORDER BY e.environment_path)
		FROM user_environments e WHERE e.organization_id = u.organization_id AND e.user_id = u.id), '')`
)

// parseGroups reads a groupList.
func parseGroups(list string) []domain.GroupID {
	groups := make([]domain.GroupID, 0, strings.Count(list, " ")+1)
	for step := range strings.FieldsSeq(list) {
		id, _ := strconv.ParseInt(step, 10, 64)
		groups = append(groups, domain.GroupID(id))
	}
	return groups
}

// parseGrants reads a grantList.
func parseGrants(list string) (allowed, blocked []domain.Grant) {
	for step := range strings.FieldsSeq(list) {
		cut := strings.IndexByte(step, '/')
		organization, _ := strconv.ParseInt(step[1:cut], 10, 64)
		path := domain.EnvironmentPath(step[cut:])
		grant := domain.Grant{Environment: path.ID(), Organization: domain.OrganizationID(organization), Path: path}
		if step[0] == '-' {
			blocked = append(blocked, grant)
		} else {
			allowed = append(allowed, grant)
		}
	}
	return allowed, blocked
}
