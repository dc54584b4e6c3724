package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
)

// filled are the tables that have most of what a directory has. Until it is filled they are asked by their keys only,
// by what is unique in them and by the indexes in asked.
var (
	filled = []string{"environments", "environment_names", "environment_counts", "groups", "users", "user_groups",
		"user_environments", "user_attributes", "audit"}
	asked = []string{"environments_id_idx"}
)

// FillSQLite makes a database in a file at path, where none may be, with the current schema and what fill puts into
// it. It is made in a folder beside its place, and put there whole: nothing is left of one that failed or was cut off
// once another is made there. All that fill does is one transaction, in which its own are nested, and the indexes are
// made at the end. The context given to fill does not end; what it does fails when ctx ends. FillSQLite returns
// ErrFilling while another process makes one there, ErrPresent if one has appeared meanwhile, and ErrLeft if there is a
// log of another database, whose file is not there any more.
func FillSQLite(ctx context.Context, path string, fill func(context.Context, *DB) error) (err error) {
	for _, log := range []string{"-wal", "-journal"} { // SQLite would write what is in it into the new file
		if _, err := os.Lstat(path + log); err == nil {
			return fmt.Errorf("%w: %s", ErrLeft, path+log)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	folder := path + ".import"
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(folder, "lock"))
	held, err := lock.TryLock()
	if err != nil {
		return err
	}
	if !held {
		return fmt.Errorf("%w: %s", ErrFilling, folder)
	}
	defer func() { err = errors.Join(err, lock.Unlock(), os.RemoveAll(folder)) }()
	file := filepath.Join(folder, filepath.Base(path))
	for _, left := range []string{"", "-wal", "-shm", ".migrate"} {
		if err := os.Remove(file + left); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := makeFilled(ctx, file, fill); err != nil {
		return err
	}
	// A link, unlike a new name, fails if a database has appeared meanwhile.
	err = os.Link(file, path)
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("%w: %s", ErrPresent, path)
	}
	return err
}

// Errors of FillSQLite and FillPostgres.
var (
	ErrFilling = errors.New("another import makes a directory there")
	ErrPresent = errors.New("a directory has appeared there meanwhile")
	ErrLeft    = errors.New("the log of a directory is there, without its file: put that back, or move the log away")
)

// makeFilled makes the database of FillSQLite in a file.
func makeFilled(ctx context.Context, file string, fill func(context.Context, *DB) error) error {
	if err := makeMigrated(ctx, file); err != nil {
		return err
	}
	d, one, err := openAlone(ctx, file)
	if err != nil {
		return err
	}
	if err = d.fill(ctx, fill); err == nil {
		err = Translate(one.run("COMMIT"))
	}
	return errors.Join(err, d.Close(), one.close())
}

// makeMigrated makes a database with the current schema.
func makeMigrated(ctx context.Context, file string) error {
	d, err := OpenSQLite(file)
	if err != nil {
		return err
	}
	_, err = d.Migrate(ctx)
	return errors.Join(err, d.Close())
}

// fill has fill write into a database that is open and current, without most indexes.
func (d *DB) fill(ctx context.Context, fill func(context.Context, *DB) error) error {
	if err := d.dropIndexes(ctx); err != nil {
		return err
	}
	if err := fill(context.WithoutCancel(ctx), d); err != nil {
		return err
	}
	return d.Index(ctx)
}

// Filling reports whether the database is being filled, and does not have its indexes yet: nobody else has read
// anything of it, and Index makes the names of users and the numbers of what there is.
func (d *DB) Filling() bool { return d.later != nil }

// dropIndexes drops what tables that are filled have, but need only when others read them or change rows.
func (d *DB) dropIndexes(ctx context.Context) error {
	rows, err := d.read.QueryContext(ctx, d.dialect.needless, In(filled), In(asked))
	found, err := Collect(rows, err, func(r Row) (pair [2]string, err error) { return pair, r.Scan(&pair[0], &pair[1]) })
	if err != nil {
		return err
	}
	d.later = slices.Concat(fillNames(), fillCounts, d.dialect.fillWords())
	for _, statements := range found {
		if _, err := d.write.DB.ExecContext(ctx, statements[0]); err != nil {
			return Translate(err)
		}
		d.later = append(d.later, statements[1])
	}
	return nil
}

// fillNames are the statements that make the names of all users. In the order of names they are written from page to
// page; from user to user each would be written into another page, and all of these be kept until the organization is
// whole.
func fillNames() []string {
	var statements []string
	for table, key := range map[string]string{"login_names": "alias_key", "mail_addresses": "mail_key"} {
		statements = append(statements, "DELETE FROM "+table, fmt.Sprintf("INSERT INTO %s (name, organization_id, user_id) "+
			"SELECT %[2]s, organization_id, id FROM users WHERE %[2]s <> '' ORDER BY %[2]s", table, key))
	}
	return statements
}

// fillCounts are the statements that count what organizations and environments have.
var fillCounts = []string{"INSERT INTO organization_counts (organization_id, users, environments, groups, objects) " +
	"SELECT o.organization_id, coalesce(u.n, 0), coalesce(e.n, 0), coalesce(g.n, 0), 0 FROM organizations AS o " +
	countedBy("users", "u", "organization_id") + countedBy("environment_names", "e", "organization_id") +
	countedBy("groups", "g", "organization_id"),
	"INSERT INTO environment_counts (organization_id, environment_id, environment_path, users) " +
		"SELECT o.organization_id, o.environment_id, o.path, coalesce(u.n, 0) FROM " +
		"(SELECT organization_id, id AS environment_id, path FROM environments) AS o " +
		countedBy("users", "u", "organization_id", "environment_id")}

// countedBy joins how many rows a table has to o by columns that both have.
func countedBy(table, alias string, columns ...string) string {
	by, on := strings.Join(columns, ", "), make([]string, len(columns))
	for i, column := range columns {
		on[i] = fmt.Sprintf("%s.%s = o.%[2]s", alias, column)
	}
	return fmt.Sprintf("LEFT JOIN (SELECT %[1]s, count(*) AS n FROM %[2]s GROUP BY %[1]s) AS %[3]s ON %[4]s ", by, table,
		alias, strings.Join(on, " AND "))
}

// Index makes the indexes that a database which is filled does not have yet, the names of its users and the numbers of
// what it has. It does nothing where there are all.
func (d *DB) Index(ctx context.Context) error {
	later := d.later
	d.later = nil
	for _, statement := range later {
		if _, err := d.write.DB.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("make the indexes: %w", Translate(err))
		}
	}
	return nil
}

// openAlone opens a file that nobody else has open by one connection, in a transaction.
func openAlone(ctx context.Context, path string) (*DB, *oneConnection, error) {
	o := chosen(nil)
	file, err := fileAt(path, alone, &o)
	if err != nil {
		return nil, nil, err
	}
	c, err := file.Connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	one := &oneConnection{driver: file.Driver(), until: ctx, conn: c.(engineConn)}
	for _, statement := range []string{temporaryIn(filepath.Dir(path)), "BEGIN EXCLUSIVE"} {
		if err := one.run(statement); err != nil {
			return nil, nil, errors.Join(Translate(err), c.Close())
		}
	}
	all := bun.NewDB(sql.OpenDB(one), sqlitedialect.New())
	d := newDB(sqliteDialect, all, all)
	d.path, d.readers, d.filling = path, 1, true
	d.hot = d.prepared.query
	return d, one, nil
}

// temporaryIn is the statement that has SQLite sort in files in a folder, beside the database: elsewhere may be little
// room, or no folder at all, as in a container. It is for the whole process; of no name is what SQLite finds itself.
func temporaryIn(folder string) string {
	return "PRAGMA temp_store_directory = '" + strings.ReplaceAll(folder, "'", "''") + "'"
}

// oneConnection makes connections that are all the same one, in a transaction that is under way: theirs are nested in
// it, and what was written in it is read by all. It is for work that does one thing after the other.
type oneConnection struct {
	driver driver.Driver
	until  context.Context // whose end is the end of the work
	conn   engineConn
	depth  int
}

// engineConn is a connection of a driver.
type engineConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

// Connect implements driver.Connector.
func (o *oneConnection) Connect(context.Context) (driver.Conn, error) { return nested{o}, nil }

// Driver implements driver.Connector.
func (o *oneConnection) Driver() driver.Driver { return o.driver }

// run runs a statement that is about the connection.
func (o *oneConnection) run(statement string) error {
	_, err := o.conn.ExecContext(context.Background(), statement, nil)
	return err
}

// close closes the connection to a file. What was not committed is gone.
func (o *oneConnection) close() error {
	return errors.Join(o.run(temporaryIn("")), o.conn.Close())
}

// nested is one of the connections of a oneConnection.
type nested struct{ *oneConnection }

// Close implements driver.Conn.
func (nested) Close() error { return nil }

// Begin implements driver.Conn.
func (n nested) Begin() (driver.Tx, error) {
	if err := n.until.Err(); err != nil {
		return nil, err
	}
	n.depth++
	return savepoint{n.oneConnection, n.depth}, n.run(fmt.Sprintf("SAVEPOINT s%d", n.depth))
}

// Prepare implements driver.Conn.
func (n nested) Prepare(text string) (driver.Stmt, error) {
	return n.PrepareContext(context.Background(), text)
}

// PrepareContext implements driver.ConnPrepareContext.
func (n nested) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	if err := n.until.Err(); err != nil {
		return nil, err
	}
	return n.conn.PrepareContext(ctx, text)
}

// ExecContext implements driver.ExecerContext.
func (n nested) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	if err := n.until.Err(); err != nil {
		return nil, err
	}
	return n.conn.ExecContext(ctx, text, args)
}

// QueryContext implements driver.QueryerContext.
func (n nested) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	if err := n.until.Err(); err != nil {
		return nil, err
	}
	return n.conn.QueryContext(ctx, text, args)
}

// CheckNamedValue implements driver.NamedValueChecker.
func (n nested) CheckNamedValue(v *driver.NamedValue) error {
	if c, ok := n.conn.(driver.NamedValueChecker); ok {
		return c.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// savepoint is a transaction in another one.
type savepoint struct {
	*oneConnection
	depth int
}

// Commit implements driver.Tx.
func (s savepoint) Commit() error { return s.release() }

// Rollback implements driver.Tx.
func (s savepoint) Rollback() error {
	return errors.Join(s.run(fmt.Sprintf("ROLLBACK TO s%d", s.depth)), s.release())
}

// release ends the savepoint.
func (s savepoint) release() error {
	s.oneConnection.depth--
	return s.run(fmt.Sprintf("RELEASE s%d", s.depth))
}
