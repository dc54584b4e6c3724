package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// errNotSQLite reports a copy that was asked of PostgreSQL, which has programs for it.
var errNotSQLite = errors.New("only an SQLite database is copied as a file")

// copyTogether is how many pages are copied between two looks at the context.
const copyTogether = 1024

// Copy writes the SQLite database, as it is at one moment, to a file at path, where none may be.
// Others read and write the database meanwhile, in this process and in others; what was committed
// before Copy is called is in the copy.
func (d *DB) Copy(ctx context.Context, path string) (err error) {
	if !d.dialect.file {
		return errNotSQLite
	}
	if err := create(path); err != nil {
		return err
	}
	conn, err := d.read.DB.Conn(ctx)
	if err != nil {
		return Translate(err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	// One read transaction around all steps: else a write of another process between two of them
	// would begin the copy anew, again and again on a busy server.
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Translate(err)
	}
	defer tx.Rollback() //nolint:errcheck // it only read
	var tables int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil {
		return Translate(err)
	}
	return conn.Raw(func(driver any) error {
		source, ok := driver.(interface {
			NewBackup(string) (*sqlite.Backup, error)
		})
		if !ok {
			return errNotSQLite
		}
		backup, err := source.NewBackup(path)
		if err != nil {
			return fmt.Errorf("copy the database to %s: %w", path, err)
		}
		for more := true; more && err == nil; {
			if more, err = backup.Step(copyTogether); err == nil {
				err = ctx.Err()
			}
		}
		if err := errors.Join(err, backup.Finish()); err != nil {
			return fmt.Errorf("copy the database to %s: %w", path, err)
		}
		return nil
	})
}

// CheckIntegrity returns an error that says what is wrong with an SQLite database: a page that is
// damaged, an index that has not what its table has, a row that points nowhere.
func (d *DB) CheckIntegrity(ctx context.Context) error {
	if !d.dialect.file {
		return errNotSQLite
	}
	rows, err := d.read.DB.QueryContext(ctx, "PRAGMA integrity_check(1)")
	found, err := Collect(rows, err, Scalar[string])
	if err != nil {
		return fmt.Errorf("the database is damaged: %w", err)
	}
	if len(found) != 1 || found[0] != "ok" {
		return fmt.Errorf("the database is damaged: %s", found)
	}
	rows, err = d.read.DB.QueryContext(ctx, `SELECT "table" FROM pragma_foreign_key_check LIMIT 1`)
	astray, err := Collect(rows, err, Scalar[string])
	if err == nil && len(astray) > 0 {
		err = fmt.Errorf("the database is damaged: a row of %s points nowhere", astray[0])
	}
	return err
}
