package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync"
)

// Version is a state of the database: where two are equal nothing was written between them.
type Version struct {
	// connections is how many were opened to ask: what one of them says tells nothing beside what another says.
	connections int
	number      int64
}

// versions asks for the version of an SQLite database by a connection that does nothing else.
type versions struct {
	file driver.Connector
	db   *sql.DB // of one connection

	mu          sync.Mutex
	asked       *sql.Stmt // nil until the first time
	connections int
}

func openVersions(path string, o *options) (v *versions, err error) {
	v = new(versions)
	if v.file, err = fileAt(path, readOnly, o); err != nil {
		return nil, err
	}
	v.db = sql.OpenDB(v)
	v.db.SetMaxOpenConns(1)
	return v, nil
}

func (v *versions) close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.asked != nil {
		_ = v.asked.Close()
	}
	return v.db.Close()
}

// Connect implements driver.Connector. It is called while the version is asked for.
func (v *versions) Connect(ctx context.Context) (driver.Conn, error) {
	v.connections++
	return v.file.Connect(ctx)
}

// Driver implements driver.Connector.
func (v *versions) Driver() driver.Driver { return v.file.Driver() }

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
func (v *versions) now() (_ Version, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.asked == nil { // which few commands need
		asked, err := v.db.Prepare("PRAGMA data_version")
		if err != nil {
			return Version{}, false
		}
		v.asked = asked
	}
	var number int64
	err := v.asked.QueryRow().Scan(&number)
	return Version{v.connections, number}, err == nil
}
