package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"canopy/domain"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	dialect dialect
	// write is for transactions; read for statements outside of one. On PostgreSQL they
	// are the same.
	write, read *bun.DB
	// path is the file of an SQLite database.
	path string
	// servers has the connections to PostgreSQL; nil on SQLite.
	servers *servers
	// hot runs a statement that is kept prepared, on SQLite one of prepared.
	hot      func(ctx context.Context, query string, args ...any) (Rows, error)
	prepared *statements
	// versions is described at Version; nil on PostgreSQL.
	versions *versions
	readers  int
	ids      leases
	// Now is the clock; tests set another one before the first use.
	Now func() time.Time
	// Quotas bound what organizations and users have; it is set before the first change.
	Quotas domain.Quotas
	// Vault keeps secrets; it is set before the first use of one.
	Vault Vault
	// OpenVault sets Vault where that is not done at the start, or may leave it without a key if
	// there is none yet and none is to be made; it may be nil.
	OpenVault func(ctx context.Context, make bool) error
	// current is true once the schema is known to be up to date.
	current atomic.Bool
	// words is true once the index of words is known to be there, phones and details once those of phone numbers and
	// attributes are.
	words, phones, details atomic.Bool
	// people is about how many users there are, counted a while ago.
	people atomic.Pointer[population]
	// filling is that the database is filled by this process alone; later are the statements that make what is left out
	// meanwhile, and copy runs a COPY from r where that is PostgreSQL.
	filling bool
	later   []string
	copy    func(statement string, r io.Reader) error
	// mail has a signal when mail was put into the outbox.
	mail chan struct{}
}

// sqliteReaders is how many connections read an SQLite database. It has one writer at a time.
const sqliteReaders = 8

// Readers returns how many statements that read are of use at once: those of an embedded database
// need a processor each.
func (d *DB) Readers() int { return d.readers }

// Option changes how a database is opened.
type Option func(*options)

type options struct {
	connector func(driver.Connector) driver.Connector
	before    func(ctx context.Context, statement string, values ...any) error
	tracer    pgx.QueryTracer
}

// Through has what makes the connections replaced by what connector returns for it, and before
// called before each statement that goes past database/sql, which fails with its error. It is for
// tests that break databases.
func Through(connector func(driver.Connector) driver.Connector,
	before func(ctx context.Context, statement string, values ...any) error) Option {
	return func(o *options) { o.connector, o.before = connector, before }
}

// Traced has tracer told of each statement that is sent to PostgreSQL. It is for tests.
func Traced(tracer pgx.QueryTracer) Option { return func(o *options) { o.tracer = tracer } }

func chosen(choices []Option) options {
	o := options{connector: func(c driver.Connector) driver.Connector { return c }}
	for _, choose := range choices {
		choose(&o)
	}
	return o
}

// OpenSQLite opens the file at path, and creates it if it is not there. Several
// processes may have it open; LockSQLite keeps out a second server.
func OpenSQLite(path string, choices ...Option) (*DB, error) {
	o := chosen(choices)
	if err := create(path); err != nil {
		return nil, err
	}
	write, err := openSQLite(path, "_txlock=immediate", &o)
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	if err := write.Ping(); err != nil { // creates the file, which readers cannot
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	read, err := openSQLite(path, readOnly, &o)
	if err != nil {
		return nil, err
	}
	read.SetMaxOpenConns(sqliteReaders)
	read.SetMaxIdleConns(sqliteReaders)
	d := newDB(sqliteDialect, bun.NewDB(write, sqlitedialect.New()), bun.NewDB(read, sqlitedialect.New()))
	d.path, d.readers = path, min(sqliteReaders, 2*runtime.GOMAXPROCS(0))
	d.hot = d.prepared.query
	if d.versions, err = openVersions(path, &o); err != nil {
		return nil, err
	}
	return d, nil
}

// create makes an empty file that only its owner can read, unless there is one. SQLite gives
// the files beside it the same mode.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	return f.Close()
}

// sqliteFile makes connections to a file.
type sqliteFile struct {
	driver driver.Driver
	name   string
}

// Connect implements driver.Connector.
func (f sqliteFile) Connect(context.Context) (driver.Conn, error) { return f.driver.Open(f.name) }

// Driver implements driver.Connector.
func (f sqliteFile) Driver() driver.Driver { return f.driver }

// readOnly are the parameters of connections that read.
const readOnly = "mode=ro&_pragma=query_only(ON)"

// alone are the parameters of the only connection to a file, which nobody needs before it is whole.
const alone = "_txlock=exclusive"

func openSQLite(path, parameters string, o *options) (*sql.DB, error) {
	file, err := fileAt(path, parameters, o)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(file)
	db.SetConnMaxLifetime(0)
	return db, nil
}

// fileAt returns what makes connections to the file at path.
func fileAt(path, parameters string, o *options) (driver.Connector, error) {
	pragmas := "busy_timeout(5000) journal_mode(WAL) synchronous(FULL) foreign_keys(ON) temp_store(MEMORY) " +
		"cache_size(-8000)"
	switch parameters {
	case readOnly:
		pragmas = "busy_timeout(5000) temp_store(MEMORY) cache_size(-8000)"
	case alone:
		pragmas = "journal_mode(MEMORY) synchronous(FULL) foreign_keys(ON) temp_store(FILE) cache_size(-16000)"
	}
	name := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: parameters}
	for _, pragma := range strings.Fields(pragmas) {
		name.RawQuery += "&_pragma=" + pragma
	}
	registered, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	file := driver.Connector(sqliteFile{registered.Driver(), name.String()})
	if parameters != readOnly { // whose statements are kept by database/sql
		file = keeping{file}
	}
	return o.connector(file), nil
}

// LockSQLite takes the lock that one server holds on an SQLite database, and returns
// what releases it. It fails at once if another server holds it. It does nothing on
// PostgreSQL.
func (d *DB) LockSQLite() (release func() error, err error) {
	if !d.dialect.file {
		return func() error { return nil }, nil
	}
	lock := flock.New(d.path + ".lock")
	held, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", d.path, err)
	}
	if !held {
		return nil, fmt.Errorf("another server is using %s", d.path)
	}
	return lock.Unlock, nil
}

func newDB(kind dialect, write, read *bun.DB) *DB {
	d := &DB{dialect: kind, write: write, read: read, Now: time.Now, mail: make(chan struct{}, 1),
		prepared: newStatements(read.DB)}
	d.ids.db = d
	return d
}

// Ping returns nil if the database answers. It does not wait for others' statements to end.
func (d *DB) Ping(ctx context.Context) error { return Translate(d.read.PingContext(beyond(ctx))) }

// tried is the setting that TryWriting writes, of a size that needs room of its own.
const (
	tried     = "tried"
	triedSize = 64 << 10
)

// TryWriting writes something, lets it go again, and returns what keeps the database from taking
// changes.
func (d *DB) TryWriting(ctx context.Context) error {
	random := make([]byte, triedSize/2)
	_, _ = rand.Read(random) // it never fails
	_, err := d.write.ExecContext(ctx,
		"INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		tried, hex.EncodeToString(random))
	if err == nil {
		_, err = d.write.ExecContext(ctx, "DELETE FROM settings WHERE name = ?", tried)
	}
	return Translate(err)
}

// WriteMuch prepares for filling a database by this process, which ends then: an SQLite file gets more memory, and
// what was written is brought to its place less often.
func (d *DB) WriteMuch(ctx context.Context) error {
	if !d.dialect.file {
		return nil
	}
	for _, pragma := range []string{"cache_size = -64000", "wal_autocheckpoint = 16000"} {
		if _, err := d.write.ExecContext(ctx, "PRAGMA "+pragma); err != nil {
			return Translate(err)
		}
	}
	return nil
}

// Pool returns the connection pool that answers reads, for the metrics.
func (d *DB) Pool() *sql.DB { return d.read.DB }

// Connections returns how many connections are open, and how many of them are in use.
func (d *DB) Connections() (open, used int) {
	if d.servers != nil {
		s := d.servers.current.Load().pool.Stat()
		return int(s.TotalConns()), int(s.AcquiredConns())
	}
	r, w := d.read.Stats(), d.write.Stats()
	return r.OpenConnections + w.OpenConnections, r.InUse + w.InUse
}

// Posted has a signal soon after this process put mail into the outbox. It has one receiver.
func (d *DB) Posted() <-chan struct{} { return d.mail }

// SignalPosted tells the receiver of posted that there may be mail.
func (d *DB) SignalPosted() {
	select {
	case d.mail <- struct{}{}:
	default: // a signal is waiting already
	}
}

// QueryContext reads outside of a transaction. Bun writes the values into the text.
func (d *DB) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return d.read.QueryContext(ctx, query, args...)
}

// ExecContext runs one statement that changes rows, as a transaction of its own.
func (d *DB) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return d.write.ExecContext(ctx, query, args...)
}

// Writer runs statements where changes are made: those that change rows and return them, and those
// that must see what was changed a moment ago.
func (d *DB) Writer() bun.IDB { return d.write }

// Close closes all connections. Statements still running are waited for.
func (d *DB) Close() error {
	d.prepared.close()
	err := d.read.Close()
	if d.versions != nil {
		err = errors.Join(err, d.versions.close())
	}
	if d.write != d.read {
		if errWrite := d.write.Close(); err == nil {
			err = errWrite
		}
	}
	if d.servers != nil {
		d.servers.close()
	}
	return err
}

// Rows is the rows of a statement.
type Rows interface {
	Row
	Next() bool
	Err() error
	Close() error
}

// HotRows runs one of the few statements that are long, always the same and asked all the
// time: they are kept prepared, past Bun, which writes values into the text. On PostgreSQL
// they go past database/sql too.
func (d *DB) HotRows(ctx context.Context, query string, args ...any) (Rows, error) {
	return d.hot(ctx, query, args...)
}

// numbered turns the marks ? of a statement into $1, $2 and so on.
func numbered(query string) string {
	var b strings.Builder
	b.Grow(len(query) + 32)
	n := 0
	for i := range len(query) {
		if query[i] != '?' {
			b.WriteByte(query[i])
			continue
		}
		n++
		fmt.Fprintf(&b, "$%d", n)
	}
	return b.String()
}
