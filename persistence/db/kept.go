package db

import (
	"context"
	"database/sql/driver"
	"errors"

	"modernc.org/sqlite"
)

// keptStatements is how many statements a connection that writes keeps prepared while nobody uses them.
const keptStatements = 128

// keeping makes connections of SQLite that keep statements prepared.
type keeping struct{ driver.Connector }

// Connect implements driver.Connector.
func (k keeping) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return keep(c), nil
}

// sqliteConn is what a connection of the driver can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// sqliteStmt is a statement of it.
type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// keeper is a connection that keeps the statements that were prepared, for whoever asks for the same text again, and
// prepares all that have marks: to read a change of users with all its triggers takes longer than to make it. What has
// its values in its text is not asked for again.
type keeper struct {
	sqliteConn
	idle map[string]driver.Stmt // those that nobody uses, by their texts
}

func keep(c driver.Conn) *keeper { return &keeper{c.(sqliteConn), make(map[string]driver.Stmt)} }

// Prepare implements driver.Conn.
func (k *keeper) Prepare(text string) (driver.Stmt, error) {
	return k.PrepareContext(context.Background(), text)
}

// PrepareContext implements driver.ConnPrepareContext.
func (k *keeper) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	return k.prepare(ctx, text)
}

func (k *keeper) prepare(ctx context.Context, text string) (*kept, error) {
	s, ok := k.idle[text]
	if !ok {
		var err error
		if s, err = k.sqliteConn.PrepareContext(ctx, text); err != nil {
			return nil, err
		}
	}
	delete(k.idle, text)
	return &kept{s.(sqliteStmt), k, text}, nil
}

// ExecContext implements driver.ExecerContext.
func (k *keeper) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) == 0 {
		return k.sqliteConn.ExecContext(ctx, text, nil)
	}
	s, err := k.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	done, err := s.ExecContext(ctx, args)
	return done, errors.Join(err, s.Close())
}

// QueryContext implements driver.QueryerContext.
func (k *keeper) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	if len(args) == 0 {
		return k.sqliteConn.QueryContext(ctx, text, nil)
	}
	s, err := k.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return keptRows{rows, s}, nil
}

// Status implements sqlite.DBStatus.
func (k *keeper) Status(op sqlite.DBStatusOp, reset bool) (current, high int, err error) {
	return k.sqliteConn.(sqlite.DBStatus).Status(op, reset)
}

// Close implements driver.Conn.
func (k *keeper) Close() error {
	var errs []error
	for _, s := range k.idle {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, k.sqliteConn.Close())...)
}

// kept is a prepared statement that is kept when it is closed.
type kept struct {
	sqliteStmt
	keeper *keeper
	text   string
}

// Close implements driver.Stmt.
func (k *kept) Close() error {
	idle := k.keeper.idle
	if _, another := idle[k.text]; another {
		return k.sqliteStmt.Close()
	}
	idle[k.text] = k.sqliteStmt
	if len(idle) <= keptStatements {
		return nil
	}
	for text, s := range idle { // one that is often asked for is soon back
		delete(idle, text)
		return s.Close()
	}
	return nil
}

// keptRows are the rows of a statement that is kept when they are closed.
type keptRows struct {
	driver.Rows
	of *kept
}

// Close implements driver.Rows.
func (r keptRows) Close() error { return errors.Join(r.Rows.Close(), r.of.Close()) }
