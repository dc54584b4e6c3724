package main_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// open opens the database of a place beside whatever else has it open.
func (p place) open(t testing.TB) *sql.DB {
	t.Helper()
	driver, name := "sqlite", "file:"+filepath.Join(p.data(), "canopy.db")+"?_txlock=immediate"
	if len(p) > 2 {
		driver, name = "pgx", p[3]
	}
	db, err := sql.Open(driver, name)
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

// holdWrites keeps every change of users waiting until the returned function is called; reading
// goes on.
func (p place) holdWrites(t testing.TB) (release func()) {
	t.Helper()
	tx, err := p.open(t).Begin() // on SQLite that alone keeps other writers out
	require.NoError(t, err)
	if len(p) > 2 {
		_, err = tx.Exec("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")
		require.NoError(t, err)
	}
	return func() { require.NoError(t, tx.Rollback()) }
}

// waitUntilBusy waits until a request of the server is in the database.
func (s *server) waitUntilBusy(t testing.TB) {
	t.Helper()
	eventually(t, func() bool { return s.metric(t, `canopy_database_connections{state="used"}`) > 0 },
		"a connection in use")
}
