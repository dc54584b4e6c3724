package skewed

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/jackc/pgx/v5"

	"canopy/persistence/db"
)

// dropIndexes drops what only makes reading faster, and returns what makes it again.
func (f *filling) dropIndexes() ([]string, error) {
	query := "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql NOT LIKE 'CREATE UNIQUE%'"
	if f.engine == db.PostgreSQL {
		query = `SELECT indexname, indexdef FROM pg_indexes
			WHERE schemaname = 'public' AND indexdef NOT LIKE 'CREATE UNIQUE%'`
	}
	rows, err := f.conn.QueryContext(f.ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var drop, again []string
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		drop, again = append(drop, "DROP INDEX "+name), append(again, text)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	return again, f.run(drop...)
}

// write writes rows into a table: on PostgreSQL by COPY, on SQLite a few at once in one transaction.
func (f *filling) write(table, columns string, rows iter.Seq[[]any]) error {
	names := strings.Fields(columns)
	if f.engine == db.PostgreSQL {
		return f.conn.Raw(func(c any) error {
			next, stop := iter.Pull(rows)
			defer stop()
			from := pgx.CopyFromFunc(func() ([]any, error) {
				row, _ := next()
				return row, nil
			})
			_, err := c.(interface{ Conn() *pgx.Conn }).Conn().CopyFrom(f.ctx, pgx.Identifier{table}, names, from)
			return err
		})
	}
	const atOnce = 20
	one := "(" + strings.Repeat("?, ", len(names)-1) + "?)"
	insert := "INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") VALUES " + one
	prepared, err := f.conn.PrepareContext(f.ctx, insert+strings.Repeat(", "+one, atOnce-1))
	if err != nil {
		return err
	}
	defer prepared.Close()
	if err := f.run("BEGIN"); err != nil {
		return err
	}
	var values []any
	for row := range rows {
		if values = append(values, row...); len(values) < atOnce*len(names) {
			continue
		}
		if _, err := prepared.ExecContext(f.ctx, values...); err != nil {
			return err
		}
		values = values[:0]
	}
	for ; len(values) > 0; values = values[len(names):] {
		if _, err := f.conn.ExecContext(f.ctx, insert, values[:len(names)]...); err != nil {
			return err
		}
	}
	return f.run("COMMIT")
}

// run runs statements one after the other.
func (f *filling) run(statements ...string) error {
	for _, statement := range statements {
		if _, err := f.conn.ExecContext(f.ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
