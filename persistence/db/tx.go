package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3/lock"
	"github.com/uptrace/bun"
	"modernc.org/sqlite"

	"canopy/tenancy"
)

// attempts is how often a transaction is run before its error is returned.
const attempts = 6

// Tx is one transaction on behalf of somebody, within the scope that it was opened with. It is not
// used after the function it was given to has returned.
type Tx struct {
	Ctx   context.Context
	DB    *DB
	Write tenancy.WriteScope
	Bun   bun.Tx
	after []func()
}

// Do runs work in a transaction within w and commits it, or nothing of it if work returns an error.
// Work is run again, whole, when the database says that another try may succeed, so it does nothing
// but work on the database. A commit whose outcome is unknown is not tried again.
func (d *DB) Do(ctx context.Context, w tenancy.WriteScope, work func(*Tx) error) error {
	return d.do(ctx, w, d.InTx, work)
}

// DoKnown is Do for work that begins by looking whether it was committed before: it is run again after a commit
// whose outcome is unknown, too.
func (d *DB) DoKnown(ctx context.Context, w tenancy.WriteScope, work func(*Tx) error) error {
	return d.do(ctx, w, func(ctx context.Context, work func(context.Context, bun.Tx) error) error {
		return d.repeat(ctx, func() error { return d.TryTx(ctx, work) },
			func(err error) bool { return repeatable(err) || unknown(err) })
	}, work)
}

// Once is Do with one try, for work that cannot be done again.
func (d *DB) Once(ctx context.Context, w tenancy.WriteScope, work func(*Tx) error) error {
	return Translate(d.do(ctx, w, d.TryTx, work))
}

func (d *DB) do(ctx context.Context, w tenancy.WriteScope,
	inTx func(context.Context, func(context.Context, bun.Tx) error) error, work func(*Tx) error) error {
	var after []func()
	err := inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		t := &Tx{Ctx: ctx, DB: d, Write: w, Bun: tx}
		err := work(t)
		after = t.after
		return err
	})
	if err != nil {
		return err
	}
	for _, f := range after {
		f()
	}
	return nil
}

// Scope is what the transaction reads in.
func (t *Tx) Scope() tenancy.Scope { return t.Write.Read() }

// AfterCommit has f called once the transaction is committed.
func (t *Tx) AfterCommit(f func()) { t.after = append(t.after, f) }

// NewSelect, NewUpdate and NewDelete begin statements on rows that are the transaction's already: their
// keys were read in its scope. Other rows are read with From.
func (t *Tx) NewSelect() *bun.SelectQuery { return t.Bun.NewSelect() }

// NewUpdate is described at NewSelect.
func (t *Tx) NewUpdate() *bun.UpdateQuery { return t.Bun.NewUpdate() }

// NewDelete is described at NewSelect.
func (t *Tx) NewDelete() *bun.DeleteQuery { return t.Bun.NewDelete() }

// Insert adds rows, those of each table in one statement: pointers to a row, or to a slice that may be empty.
func (t *Tx) Insert(tables ...any) error {
	for _, rows := range tables {
		v := reflect.ValueOf(rows).Elem()
		if v.Kind() == reflect.Slice && v.Len() == 0 {
			continue
		}
		if v.Kind() == reflect.Struct {
			row := reflect.ValueOf(rows)
			v = reflect.Append(reflect.MakeSlice(reflect.SliceOf(row.Type()), 0, 1), row)
		}
		if model := t.marked(v); model != nil {
			if err := t.insertMarked(string(model.SQLName), model.Fields, v); err != nil {
				return Translate(err)
			}
			continue
		}
		if _, err := t.Bun.NewInsert().Model(rows).Exec(t.Ctx); err != nil {
			return Translate(err)
		}
	}
	return nil
}

// change is an update or a delete of Bun.
type change interface {
	Exec(ctx context.Context, dest ...any) (sql.Result, error)
}

// Run runs changes of any number of rows, one after the other.
func (t *Tx) Run(changes ...change) error {
	for _, c := range changes {
		if _, err := c.Exec(t.Ctx); err != nil {
			return Translate(err)
		}
	}
	return nil
}

// One runs a change of exactly one row; it returns missing if there is none.
func (t *Tx) One(c change, missing error) error {
	res, err := c.Exec(t.Ctx)
	return One(res, err, missing)
}

// Update sets columns of the row that has row's key, a pointer to which is given, to what row has there, and adds 1 to
// those in counted. It returns missing if there is none. Its text depends on the columns alone.
func (t *Tx) Update(row any, columns, counted []string, missing error) error {
	v := reflect.ValueOf(row).Elem()
	model := t.Bun.Dialect().Tables().Get(v.Type())
	var sets, keys []string
	var values []any
	for _, name := range columns {
		sets, values = append(sets, name+" = ?"), append(values, model.FieldMap[name].Value(v).Interface())
	}
	for _, name := range counted {
		sets = append(sets, name+" = "+name+" + 1")
	}
	for _, f := range model.PKs {
		keys, values = append(keys, f.Name+" = ?"), append(values, f.Value(v).Interface())
	}
	res, err := t.exec("UPDATE "+model.Name+" SET "+strings.Join(sets, ", ")+" WHERE "+strings.Join(keys, " AND "), values)
	return One(res, err, missing)
}

// HotRows is DB.HotRows in the transaction.
func (t *Tx) HotRows(query string, args ...any) (Rows, error) {
	return t.Bun.Tx.QueryContext(t.Ctx, t.marks(query), args...)
}

// exec runs a statement with marks.
func (t *Tx) exec(query string, args []any) (sql.Result, error) {
	return t.Bun.Tx.ExecContext(t.Ctx, t.marks(query), args...)
}

// marks writes the marks ? of a statement as the engine has them.
func (t *Tx) marks(query string) string {
	if t.DB.dialect.file {
		return query
	}
	return numbered(query)
}

// Hold locks the rows that q finds until the transaction ends, without reading them. It does nothing where
// a transaction has the database to itself.
func (t *Tx) Hold(lock string, q *bun.SelectQuery) error {
	if t.DB.OneWriter() {
		return nil
	}
	_, err := q.ColumnExpr("1").For(lock).Exec(t.Ctx)
	return Translate(err)
}

// For makes a query lock the rows it reads, as DB.For says: q.Apply(tx.For("UPDATE")).
func (t *Tx) For(lock string) func(*bun.SelectQuery) *bun.SelectQuery {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		if t.DB.For(lock) == "" {
			return q
		}
		return q.For(lock)
	}
}

// InTx runs work in a transaction and commits it. Work is run again, whole, when the
// database says that another try may succeed, so it must do nothing but work on the
// database. A commit whose outcome is unknown is not tried again.
func (d *DB) InTx(ctx context.Context, work func(context.Context, bun.Tx) error) error {
	return d.repeat(ctx, func() error { return d.TryTx(ctx, work) }, repeatable)
}

// Alone runs a statement that changes several rows and is a transaction of its own, again where
// inTx would: whoever changes several rows can meet somebody who does so in another order.
func (d *DB) Alone(ctx context.Context, statement func() error) error {
	return d.repeat(ctx, func() error {
		if err := statement(); err != nil {
			return commitError{err}
		}
		return nil
	}, repeatable)
}

// repeat tries again after errors of which again says so.
func (d *DB) repeat(ctx context.Context, try func() error, again func(error) bool) error {
	for n := 1; ; n++ {
		err := try()
		if err == nil || n == attempts || !again(err) {
			return Translate(err)
		}
		pause := time.Duration(1<<n) * (2*time.Millisecond + rand.N(6*time.Millisecond))
		select {
		case <-ctx.Done():
			return Translate(err)
		case <-time.After(pause):
		}
	}
}

// Snapshot reads the database as it was when Take was last called, outside of any other transaction.
type Snapshot struct {
	bun.Tx
	conn bun.Conn
}

// Snapshot runs work with a snapshot, which has a connection of its own.
func (d *DB) Snapshot(ctx context.Context, work func(*Snapshot) error) error {
	conn, err := d.read.Conn(ctx)
	if err != nil {
		return Translate(err)
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	s := &Snapshot{conn: conn}
	defer s.release()
	return work(s)
}

// Take has the snapshot show what is committed now.
func (s *Snapshot) Take(ctx context.Context) (err error) {
	s.release()
	if s.Tx, err = s.conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}); err != nil {
		return Translate(err)
	}
	_, err = s.ExecContext(ctx, "SELECT 1 FROM organizations WHERE organization_id = 1") // it begins with the first read
	return Translate(err)
}

func (s *Snapshot) release() {
	if s.Tx.Tx != nil {
		_ = s.Rollback()
	}
}

// TryTx is InTx with one try, whose error is returned as the database gave it.
func (d *DB) TryTx(ctx context.Context, work func(context.Context, bun.Tx) error) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	if err := work(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return commitError{err}
	}
	return nil
}

// commitError is the error of a commit, after which a lost connection leaves the outcome
// unknown.
type commitError struct{ error }

func (e commitError) Unwrap() error { return e.error }

// repeatable reports whether err left nothing behind and may not come again.
func repeatable(err error) bool {
	var commit commitError
	committing := errors.As(err, &commit)
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01" || !committing && passing(pg.Code)
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return busy(lite)
	}
	return !committing && disconnected(err)
}

// unknown reports whether err leaves open whether a commit came about: the connection was lost over it, or the
// server went away.
func unknown(err error) bool {
	var commit commitError
	if !errors.As(err, &commit) {
		return false
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return passing(pg.Code)
	}
	return disconnected(err)
}

// lockedWithin is how long others may take to migrate a server.
const lockedWithin = 5 * time.Minute

// lockServer waits for goose's lock on the server, and holds it until release. It returns ErrFilling while somebody
// fills the database.
func (d *DB) lockServer(ctx context.Context) (release func(), err error) {
	err = d.await(ctx, func() (held bool, err error) {
		release, held, err = d.tryLock(ctx, lock.DefaultLockID)
		return held, err
	})
	return release, err
}

// await calls try until it has goose's lock.
func (d *DB) await(ctx context.Context, try func() (held bool, err error)) error {
	waiting, cancel := context.WithTimeout(ctx, lockedWithin)
	defer cancel()
	for {
		held, err := try()
		if err == nil && !held {
			err = d.notFilled(ctx)
		}
		switch {
		case err != nil:
			return fmt.Errorf("lock the database for migration: %w", err)
		case held:
			return nil
		}
		select {
		case <-time.After(time.Second):
		case <-waiting.Done():
			return fmt.Errorf("lock the database for migration: %w", waiting.Err())
		}
	}
}

// tryLock takes a lock on the server unless somebody else has it. It is held in a transaction, because a pooler
// gives sessions to others in between, and asked for without a portal, whose snapshot others would wait for. Who fills
// the database keeps everybody else out, and could not let a lock go without what was done under it.
func (d *DB) tryLock(ctx context.Context, number int64) (release func(), held bool, err error) {
	if d.filling {
		return func() {}, true, nil
	}
	tx, err := d.write.BeginTx(beyond(ctx), nil)
	if err != nil {
		return nil, false, Translate(err)
	}
	release = func() { _ = tx.Rollback() }
	err = tx.Tx.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock($1)", pgx.QueryExecModeSimpleProtocol, number).
		Scan(&held)
	if err != nil || !held {
		release()
		return nil, false, Translate(err)
	}
	return release, true, nil
}
