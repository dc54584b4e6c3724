package storetest

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	"modernc.org/sqlite"

	"canopy/persistence/db"
)

// A Look is what was seen of a statement that was run: how much of the database it read, and how.
type Look struct {
	// Read is how many rows of tables PostgreSQL read, and how many pages SQLite did, the same one several times.
	Read int
	Plan string
}

// LookAt runs a statement with the values of its marks, and returns what was seen of it. What it changes is undone. d
// must be open for this alone, without anything between it and its driver.
func LookAt(ctx context.Context, d *db.DB, statement string, values ...any) (l Look, err error) {
	conn, err := d.Writer().(*bun.DB).DB.Conn(ctx)
	if err != nil {
		return l, err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return l, err
	}
	look, end := lookAtRows, "ROLLBACK; DEALLOCATE ALL"
	if d.Engine() == db.SQLite {
		look, end = lookAtPages, "ROLLBACK"
	}
	l, err = look(ctx, conn, statement, values)
	_, undone := conn.ExecContext(ctx, end)
	return l, errors.Join(err, undone)
}

// lookAtPages counts what SQLite asks its cache for.
func lookAtPages(ctx context.Context, conn *sql.Conn, statement string, values []any) (l Look, err error) {
	pages := func() (sum int, err error) {
		return sum, conn.Raw(func(c any) error {
			for _, op := range []sqlite.DBStatusOp{sqlite.DBStatusCacheHit, sqlite.DBStatusCacheMiss} {
				n, _, err := c.(sqlite.DBStatus).Status(op, true)
				if err != nil {
					return err
				}
				sum += n
			}
			return nil
		})
	}
	if l.Plan, err = lines(conn.QueryContext(ctx, "EXPLAIN QUERY PLAN "+statement, values...)); err != nil {
		return l, err
	}
	if _, err := pages(); err != nil {
		return l, err
	}
	if _, err := lines(conn.QueryContext(ctx, statement, values...)); err != nil {
		return l, err
	}
	l.Read, err = pages()
	return l, err
}

// lines returns the last column of each row, nothing for a statement without any.
func lines(rows *sql.Rows, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return "", err
	}
	cells := make([]any, len(columns))
	var last sql.RawBytes
	for i := range cells {
		cells[i] = new(any)
	}
	if len(cells) > 0 {
		cells[len(cells)-1] = &last
	}
	var text strings.Builder
	for rows.Next() {
		if err := rows.Scan(cells...); err != nil {
			return "", err
		}
		text.Write(last)
		text.WriteByte('\n')
	}
	return text.String(), rows.Err()
}

// A planNode is a step by which PostgreSQL answers a statement.
type planNode struct {
	Relation string     `json:"Relation Name"`
	Rows     float64    `json:"Actual Rows"`
	Removed  float64    `json:"Rows Removed by Filter"`
	Loops    float64    `json:"Actual Loops"`
	Plans    []planNode `json:"Plans"`
}

// read sums up what a step and those below it read. Tables that are small in a small directory are left out: they are
// read whole there.
func (n *planNode) read() float64 {
	var rows float64
	if n.Relation != "" && n.Relation != "organizations" && n.Relation != "groups" {
		rows = (n.Rows + n.Removed) * n.Loops
	}
	for i := range n.Plans {
		rows += n.Plans[i].read()
	}
	return rows
}

// lookAtRows has PostgreSQL tell what it reads. A statement with marks is one that is kept prepared: of the plan for
// these values and the one for any the worse counts.
func lookAtRows(ctx context.Context, conn *sql.Conn, statement string, values []any) (worst Look, err error) {
	modes := []string{"auto"}
	if len(values) > 0 {
		modes = []string{"force_custom_plan", "force_generic_plan"}
		parts, marked := strings.Split(statement, "?"), ""
		if len(parts)-1 != len(values) {
			return worst, errors.New("there are not as many values as marks")
		}
		written := make([]string, len(values))
		for i, part := range parts[1:] {
			marked += fmt.Sprintf("$%d%s", i+1, part)
			written[i] = literal(values[i])
		}
		if _, err := conn.ExecContext(ctx, "PREPARE looked_at AS "+parts[0]+marked); err != nil {
			return worst, err
		}

		statement = "EXECUTE looked_at(" + strings.Join(written, ", ") + ")"
	}
	for _, mode := range modes {
		if _, err := conn.ExecContext(ctx, "SET LOCAL plan_cache_mode = "+mode); err != nil {
			return worst, err
		}
		text, err := lines(conn.QueryContext(ctx, "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) "+statement))
		if err != nil {
			return worst, err
		}
		var plans []struct{ Plan planNode }
		if err := json.Unmarshal([]byte(text), &plans); err != nil {
			return worst, err
		}
		if l := (Look{int(plans[0].Plan.read()), text}); l.Read >= worst.Read {
			worst = l
		}
	}
	return worst, nil
}

// literal writes a value into a statement.
func literal(value any) string {
	if text, ok := value.(string); ok {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return fmt.Sprint(value)
}
