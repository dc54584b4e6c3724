package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
)

// Version is a state of the database: where two are equal nothing was written between them.
type Version struct {
	// connections is how many were opened to ask: what one of them says tells nothing beside what another says.
	connections int
	number      int64
}

// versions asks for the version of an SQLite database by a connection that does nothing else. As each request asks, it
// goes past database/sql.
type versions struct {
	file driver.Connector

	mu          sync.Mutex
	conn        driver.Conn // nil until the first time, and after it failed
	asked       driver.StmtQueryContext
	connections int
}

func openVersions(path string, o *options) (*versions, error) {
	file, err := fileAt(path, readOnly, o)
	return &versions{file: file}, err
}

func (v *versions) close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.hangUp()
}

// hangUp closes the connection. The next time there is another one.
func (v *versions) hangUp() error {
	if v.conn == nil {
		return nil
	}
	err := errors.Join(v.asked.(driver.Stmt).Close(), v.conn.Close())
	v.conn, v.asked = nil, nil
	return err
}

// connect opens a connection.
func (v *versions) connect(ctx context.Context) error {
	v.connections++
	conn, err := v.file.Connect(ctx)
	if err != nil {
		return err
	}
	asked, err := conn.(driver.ConnPrepareContext).PrepareContext(ctx, "PRAGMA data_version")
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	v.conn, v.asked = conn, asked.(driver.StmtQueryContext)
	return nil
}

// Version returns the version of the database. A change, by whichever process, has made another one of it before it was
// acknowledged. It reports false where the version cannot be asked for, so that nothing that is kept is known to be
// true: on PostgreSQL always.
func (d *DB) Version() (Version, bool) {
	if d.versions == nil {
		return Version{}, false
	}
	return d.versions.now()
}

// now does not end with a request: that would interrupt the connection which the others ask.
func (v *versions) now() (Version, bool) {
	ctx := context.Background()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.conn == nil { // which few commands need
		if err := v.connect(ctx); err != nil {
			return Version{}, false
		}
	}
	number, err := v.ask(ctx)
	if err != nil {
		_ = v.hangUp()
		return Version{}, false
	}
	return Version{v.connections, number}, true
}

func (v *versions) ask(ctx context.Context) (int64, error) {
	rows, err := v.asked.QueryContext(ctx, nil)
	if err != nil {
		return 0, err
	}
	var value [1]driver.Value
	err = rows.Next(value[:])
	if err := errors.Join(err, rows.Close()); err != nil {
		return 0, err
	}
	return value[0].(int64), nil
}
