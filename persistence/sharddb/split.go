package sharddb

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"canopy/persistence/db"
)

// parts is into how many a table is split.
const parts = 8

// by says what each table is split by, which is of no organization if that is not its column.
func by(table string) db.Spread {
	for _, t := range db.Distribution {
		if t.Table == table {
			return t.Spread
		}
	}
	return ""
}

// Double is a database whose tables are in parts.
type Double struct{ conn *pgx.Conn }

// Split puts all tables of a migrated database into parts, in a schema of its own, without rows. It returns
// an error if a key of a table or a foreign key does not allow that.
func Split(ctx context.Context, url string) (*Double, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	d := &Double{conn}
	if err := d.split(ctx); err != nil {
		_ = conn.Close(ctx)
		return nil, err
	}
	return d, nil
}

// Close closes the connection.
func (d *Double) Close(ctx context.Context) error { return d.conn.Close(ctx) }

func (d *Double) split(ctx context.Context) error {
	tables, err := d.texts(ctx, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
	if err != nil {
		return err
	}
	var statements []string
	for _, table := range tables {
		column := string(by(table))
		switch by(table) {
		case db.Everywhere, db.OnOne:
			continue
		case db.ByOrganization:
			column += " spread"
		case "":
			return fmt.Errorf("db.Distribution does not say how the table %s is spread", table)
		}
		statements = append(statements, fmt.Sprintf(
			"CREATE TABLE parts.%s (LIKE public.%[1]s INCLUDING DEFAULTS INCLUDING INDEXES) PARTITION BY HASH (%s)",
			table, column))
		for i := range parts {
			statements = append(statements, fmt.Sprintf(
				"CREATE TABLE parts.%[1]s_part%[2]d PARTITION OF parts.%[1]s FOR VALUES WITH (MODULUS %[3]d, REMAINDER %[2]d)",
				table, i, parts))
		}
	}
	foreign, err := d.texts(ctx, `SELECT format('ALTER TABLE parts.%I ADD %s', conrelid::regclass,
		replace(pg_get_constraintdef(oid), 'REFERENCES ', 'REFERENCES parts.'))
		FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND conparentid = 0
		ORDER BY conname`)
	if err != nil {
		return err
	}
	statements = append([]string{
		"CREATE SCHEMA parts",
		// Neighbours are in different parts, so that two organizations are not in one by chance.
		`CREATE FUNCTION spread(bigint, bigint) RETURNS bigint IMMUTABLE STRICT LANGUAGE sql AS 'SELECT $1'`,
		`CREATE FUNCTION spread(integer, bigint) RETURNS bigint IMMUTABLE STRICT LANGUAGE sql AS 'SELECT $1::bigint'`,
		"CREATE OPERATOR CLASS spread FOR TYPE bigint USING hash AS OPERATOR 1 =, FUNCTION 2 spread(bigint, bigint)",
		`ALTER OPERATOR FAMILY spread USING hash ADD OPERATOR 1 = (bigint, integer), OPERATOR 1 = (integer, integer),
			FUNCTION 2 (integer, integer) spread(integer, bigint)`,
	}, append(statements, foreign...)...)
	statements = append(statements, "SET search_path = parts, public")
	for _, statement := range statements {
		if _, err := d.conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// Parameters are those of a URL by which a directory is served from the tables in parts.
const Parameters = "search_path=parts,public&plan_cache_mode=force_custom_plan"

// Fill copies the rows of the tables into their parts.
func (d *Double) Fill(ctx context.Context) error {
	for _, t := range db.Distribution {
		if t.Spread == db.Everywhere || t.Spread == db.OnOne {
			continue
		}
		if _, err := d.conn.Exec(ctx, "INSERT INTO parts."+t.Table+" SELECT * FROM public."+t.Table); err != nil {
			return fmt.Errorf("fill %s: %w", t.Table, err)
		}
	}
	return nil
}

// Down has the part of an organization answer nobody until up is called.
func (d *Double) Down(ctx context.Context, organization int64) (up func() error, err error) {
	asked, err := d.Explain(ctx, Statement{Text: "SELECT 1 FROM organizations WHERE organization_id = $1",
		Args: []any{organization}})
	if err != nil {
		return nil, err
	}
	tx, err := d.conn.Begin(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range db.Distribution {
		if t.Spread != db.ByOrganization {
			continue
		}
		lock := fmt.Sprintf("LOCK TABLE parts.%s_part%d IN ACCESS EXCLUSIVE MODE", t.Table,
			asked[string(db.ByOrganization)][0])
		if _, err := tx.Exec(ctx, lock); err != nil {
			_ = tx.Rollback(ctx)
			return nil, err
		}
	}
	return func() error { return tx.Rollback(ctx) }, nil
}

func (d *Double) texts(ctx context.Context, query string) ([]string, error) {
	rows, err := d.conn.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// Asked is which parts a statement goes to, by what their tables are split by: "organization_id", or the
// name of a table that is split by something else.
type Asked map[string][]int

var part = regexp.MustCompile(`\b(?:on|using \w+ on) (?:parts\.)?(\w+)_part(\d)\b`)

// Explain returns which parts a statement goes to by its plan, which is made with the values it was sent with.
func (d *Double) Explain(ctx context.Context, s Statement) (Asked, error) {
	args := append([]any{pgx.QueryExecModeExec}, s.Args...)
	rows, err := d.conn.Query(ctx, "EXPLAIN (COSTS off) "+s.Text, args...)
	if err != nil {
		return nil, err
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	asked := make(Asked)
	for _, found := range part.FindAllStringSubmatch(strings.ToLower(strings.Join(lines, "\n")), -1) {
		group := found[1]
		if by(group) == db.ByOrganization {
			group = string(db.ByOrganization)
		}
		if n, _ := strconv.Atoi(found[2]); !slices.Contains(asked[group], n) {
			asked[group] = append(asked[group], n)
		}
	}
	return asked, nil
}

// Without returns which parts are asked besides those of another statement.
func (a Asked) Without(other Asked) Asked {
	rest := make(Asked, len(a))
	for by, parts := range a {
		rest[by] = slices.DeleteFunc(slices.Clone(parts), func(n int) bool { return slices.Contains(other[by], n) })
	}
	return rest
}

// One reports whether that is one shard, or none.
func (a Asked) One() bool {
	n := 0
	for _, parts := range a {
		n += len(parts)
	}
	return n <= 1
}
