package db

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3/lock"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/schema"

	"canopy/domain"
)

// fillLock is held by who fills a database, besides goose's.
const fillLock = 7_012_027

// heldWithin is how long who fills a database waits for others to leave its tables.
const heldWithin = "10s"

// needlessPostgres is dialect.needless of PostgreSQL. Foreign keys are made behind the indexes.
const needlessPostgres = `SELECT dropped, made FROM (
		SELECT 1 AS n, x.indexrelid AS id, format('DROP INDEX %s', x.indexrelid::regclass) AS dropped,
				pg_get_indexdef(x.indexrelid) AS made, x.indrelid AS of
			FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
			WHERE c.relname NOT IN (?1) AND NOT x.indisunique
		UNION ALL SELECT 2, oid, format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
				format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)), conrelid
			FROM pg_constraint WHERE contype = 'f') AS d
	WHERE of IN (SELECT oid FROM pg_class WHERE pg_table_is_visible(oid) AND relname IN (?0))
	ORDER BY n, id`

// CanFill reports whether FillPostgres can fill the database: it is on one PostgreSQL, and what tables there are belong
// to whom the connections are of, and have no parts.
func (d *DB) CanFill(ctx context.Context) (bool, error) {
	spread, _, err := d.distributed(ctx)
	if err != nil || len(spread) > 0 || d.dialect.file {
		return false, err
	}
	rows, err := d.read.QueryContext(ctx, "SELECT count(*) FROM pg_class WHERE relname IN (?) AND "+
		"pg_table_is_visible(oid) AND (relkind <> 'r' OR NOT pg_has_role(relowner, 'USAGE'))", In(filled))
	others, err := Only(rows, err, Scalar[int], domain.ErrInternal)
	return others == 0, err
}

// FillPostgres puts the current schema and what fill writes into a database that has no directory. It is one
// transaction, in which those of fill are nested, and the indexes are made at its end: nothing is left of one that
// failed or was cut off. The context given to fill does not end; what it does fails when ctx ends. FillPostgres returns
// ErrFilling while another process does the same, and ErrPresent if there is a directory.
func (d *DB) FillPostgres(ctx context.Context, fill func(context.Context, *DB) error) error {
	err := d.fillPostgres(ctx, fill)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return Translate(err)
}

func (d *DB) fillPostgres(ctx context.Context, fill func(context.Context, *DB) error) error {
	made, err := d.servers.Connect(ctx)
	if err != nil {
		return err
	}
	defer made.Close()
	conn := made.(*pooledConn)
	tx, err := conn.Conn().Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // after a commit there is nothing to roll back
	stop := context.AfterFunc(ctx, func() {       // the server would go on with what it is at
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), askWithin)
		defer cancel()
		_ = conn.Conn().PgConn().CancelRequest(stopping)
	})
	defer stop()
	if err := d.lockFilled(ctx, tx); err != nil {
		return err
	}
	one := &oneConnection{driver: d.servers.Driver(), until: ctx, conn: conn}
	all := bun.NewDB(sql.OpenDB(one), pgdialect.New())
	f := newDB(postgresDialect, all, all)
	f.readers, f.filling, f.Now = 1, true, d.Now
	f.hot = func(ctx context.Context, query string, args ...any) (Rows, error) {
		return all.DB.QueryContext(ctx, numbered(query), args...)
	}
	f.copy = func(statement string, r io.Reader) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		_, err := conn.Conn().PgConn().CopyFrom(context.Background(), r, statement)
		return err
	}
	defer f.Close()
	if err := f.fillEmpty(ctx, fill); err != nil {
		return err
	}
	if !stop() {
		return ctx.Err()
	}
	return tx.Commit(context.WithoutCancel(ctx))
}

// lockFilled keeps others from migrating and filling the database until the transaction ends, which may last.
func (d *DB) lockFilled(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `SELECT set_config(name, CASE name WHEN 'lock_timeout' THEN $1
			WHEN 'maintenance_work_mem' THEN greatest(setting::bigint, 262144)::text ELSE '0' END, true)
		FROM pg_settings WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout',
			'lock_timeout', 'maintenance_work_mem')`, heldWithin)
	if err != nil {
		return err
	}
	err = d.await(ctx, func() (held bool, err error) {
		return held, tx.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock($1)", lock.DefaultLockID).Scan(&held)
	})
	if err == nil {
		_, err = tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", fillLock)
	}
	return err
}

// notFilled returns ErrFilling while somebody fills the database.
func (d *DB) notFilled(ctx context.Context) error {
	rows, err := d.read.QueryContext(beyond(ctx), "SELECT pg_try_advisory_xact_lock_shared(?)", fillLock)
	free, err := Only(rows, err, Scalar[bool], domain.ErrInternal)
	if err == nil && !free {
		err = ErrFilling
	}
	return err
}

// fillEmpty is FillPostgres in the transaction under way.
func (d *DB) fillEmpty(ctx context.Context, fill func(context.Context, *DB) error) error {
	if _, err := d.Migrate(ctx); err != nil {
		return err
	}
	if _, err := d.write.DB.ExecContext(ctx, "LOCK TABLE organizations IN EXCLUSIVE MODE"); err != nil {
		return err
	}
	rows, err := d.read.QueryContext(ctx, "SELECT count(*) FROM organizations")
	there, err := Only(rows, err, Scalar[int], domain.ErrInternal)
	if err == nil && there > 0 {
		err = ErrPresent
	}
	if err != nil {
		return err
	}
	if err := d.fill(ctx, fill); err != nil {
		return err
	}
	tables := make([]string, len(Distribution))
	for i, t := range Distribution {
		tables[i] = t.Table
	}
	_, err = d.write.DB.ExecContext(ctx, "ANALYZE "+strings.Join(tables, ", "))
	return err
}

// copied returns rows in the binary form of COPY.
func copied(fields []*schema.Field, rows reflect.Value) io.Reader {
	b := []byte("PGCOPY\n\377\r\n\000\000\000\000\000\000\000\000\000")
	for n := range rows.Len() {
		row := rows.Index(n).Elem()
		b = binary.BigEndian.AppendUint16(b, uint16(len(fields)))
		for _, f := range fields {
			b = appendCopied(b, f.Value(row))
		}
	}
	return bytes.NewReader(binary.BigEndian.AppendUint16(b, 0xffff))
}

// appendCopied appends a value of one of the types in arrays.
func appendCopied(b []byte, v reflect.Value) []byte {
	size := func(n int) []byte { return binary.BigEndian.AppendUint32(b, uint32(n)) }
	switch v.Kind() {
	case reflect.Int64:
		return binary.BigEndian.AppendUint64(size(8), uint64(v.Int()))
	case reflect.Bool:
		if v.Bool() {
			return append(size(1), 1)
		}
		return append(size(1), 0)
	case reflect.String:
		return append(size(v.Len()), v.String()...)
	case reflect.Slice:
		if v.IsNil() {
			return size(-1)
		}
		return append(size(v.Len()), v.Bytes()...)
	}
	panic(fmt.Sprintf("no column is made of a %s", v.Type()))
}
