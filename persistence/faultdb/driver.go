package faultdb

import (
	"context"
	"database/sql/driver"
)

// Connector returns what makes the connections of inner with faults.
func (f *Faults) Connector(inner driver.Connector) driver.Connector { return connector{inner, f} }

type connector struct {
	driver.Connector
	faults *Faults
}

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: inner, faults: c.faults}, nil
}

// conn is a connection of one of our two drivers, which have all that database/sql asks for.
type conn struct {
	driver.Conn
	faults *Faults
	// within is that a transaction is open, and changed that it has changed something.
	within, changed bool
}

func (c *conn) before(ctx context.Context, statement string, args []driver.NamedValue) error {
	changes := c.faults.changes(statement)
	c.changed = c.changed || changes
	values := make([]any, len(args))
	for i := range args {
		values[i] = args[i].Value
	}
	return c.faults.before(ctx, statement, values, changes && !c.within)
}

// BeginTx implements driver.ConnBeginTx.
func (c *conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if err := c.faults.before(ctx, "BEGIN", nil, false); err != nil {
		return nil, err
	}
	inner, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	c.within, c.changed = true, false
	return &tx{inner, c, ctx}, nil
}

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.before(ctx, query, args); err != nil {
		return nil, err
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.before(ctx, query, args); err != nil {
		return nil, err
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if err := c.faults.before(ctx, query, nil, false); err != nil {
		return nil, err
	}
	inner, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.faults.prepared.add(1)
	return &stmt{inner, c, query}, nil
}

// Ping implements driver.Pinger.
func (c *conn) Ping(ctx context.Context) error {
	if err := c.faults.before(ctx, "PING", nil, false); err != nil {
		return err
	}
	return c.Conn.(driver.Pinger).Ping(ctx)
}

// ResetSession implements driver.SessionResetter.
func (c *conn) ResetSession(ctx context.Context) error {
	return c.Conn.(driver.SessionResetter).ResetSession(ctx)
}

// IsValid implements driver.Validator.
func (c *conn) IsValid() bool {
	v, ok := c.Conn.(driver.Validator)
	return !ok || v.IsValid()
}

// CheckNamedValue implements driver.NamedValueChecker.
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type tx struct {
	driver.Tx
	conn *conn
	ctx  context.Context // it was begun with
}

// Commit implements driver.Tx. One that fails leaves nothing behind.
func (t *tx) Commit() error {
	t.conn.within = false
	if err := t.conn.faults.before(t.ctx, "COMMIT", nil, t.conn.changed); err != nil {
		_ = t.Tx.Rollback()
		return err
	}
	if err := t.Tx.Commit(); err != nil {
		return err
	}
	return t.conn.faults.committed(t.ctx, t.conn.changed)
}

// Rollback implements driver.Tx.
func (t *tx) Rollback() error {
	t.conn.within = false
	return t.Tx.Rollback()
}

type stmt struct {
	driver.Stmt
	conn  *conn
	query string
}

// ExecContext implements driver.StmtExecContext.
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.conn.before(ctx, s.query, args); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

// QueryContext implements driver.StmtQueryContext.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.conn.before(ctx, s.query, args); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

// Close implements driver.Stmt.
func (s *stmt) Close() error {
	s.conn.faults.prepared.add(-1)
	return s.Stmt.Close()
}
