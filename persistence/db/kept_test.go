package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/persistence/faultdb"
)

// counting makes a connection that counts the statements that are prepared on it.
type counting struct {
	driver.Connector
	read map[string]int
}

func (c counting) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return countedConn{inner.(sqliteConn), c.read}, nil
}

type countedConn struct {
	sqliteConn
	read map[string]int
}

func (c countedConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	c.read[text]++
	return c.sqliteConn.PrepareContext(ctx, text)
}

// keptFile opens the writing connection of a file of one table, with how often it read each text and what it has open.
func keptFile(t *testing.T) (*sql.DB, map[string]int, *faultdb.Faults) {
	faults, err := faultdb.New(false)
	require.NoError(t, err)
	path, read := filepath.Join(t.TempDir(), "canopy.db"), make(map[string]int)
	o := chosen(nil)
	writing, err := fileAt(path, "_txlock=immediate", &o)
	require.NoError(t, err)
	pool := sql.OpenDB(keeping{counting{faults.Connector(writing.(keeping).Connector), read}})
	pool.SetMaxOpenConns(1)
	t.Cleanup(func() { pool.Close() })
	_, err = pool.Exec("CREATE TABLE things (n integer PRIMARY KEY, name text)")
	require.NoError(t, err)
	return pool, read, faults
}

func TestStatementsWithMarksAreReadOnce(t *testing.T) {
	pool, read, _ := keptFile(t)
	const insert, update = "INSERT INTO things VALUES (?, ?)", "UPDATE things SET name = ? WHERE n = ?"
	const names = "SELECT name FROM things WHERE n >= ? ORDER BY n"
	for i := range 5 {
		tx, err := pool.Begin()
		require.NoError(t, err)
		_, err = tx.Exec(insert, i, "new")
		require.NoError(t, err)
		_, err = tx.Exec(insert, i, "twice")
		require.Error(t, err, "the number is taken")
		res, err := tx.Exec(update, fmt.Sprint("name ", i), i)
		require.NoError(t, err)
		n, err := res.RowsAffected()
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		require.NoError(t, tx.Commit())
		rows, err := pool.Query(names, i)
		found, err := Collect(rows, err, Scalar[string])
		require.NoError(t, err)
		require.Equal(t, []string{fmt.Sprint("name ", i)}, found)
	}
	require.Equal(t, map[string]int{insert: 1, update: 1, names: 1}, read)

	// What the tables have become is what kept statements see.
	_, err := pool.Exec("ALTER TABLE things RENAME COLUMN name TO old; ALTER TABLE things ADD COLUMN name text DEFAULT 'x'")
	require.NoError(t, err)
	_, err = pool.Exec(update, "newer", 2)
	require.NoError(t, err)
	rows, err := pool.Query(names, 1)
	found, err := Collect(rows, err, Scalar[string])
	require.NoError(t, err)
	require.Equal(t, []string{"x", "newer", "x", "x"}, found)
}

func TestStatementsThatAreUsedTwiceAtOnceAreTwo(t *testing.T) {
	pool, read, faults := keptFile(t)
	const count = "WITH RECURSIVE c(n) AS (SELECT ? UNION ALL SELECT n + 1 FROM c WHERE n < 9) SELECT n FROM c"
	tx, err := pool.Begin()
	require.NoError(t, err)
	one, err := tx.Query(count, 1)
	require.NoError(t, err)
	two, err := tx.Query(count, 5)
	require.NoError(t, err)
	require.True(t, one.Next())
	ofTwo, err := Collect(two, nil, Scalar[int])
	require.NoError(t, err)
	require.Equal(t, []int{5, 6, 7, 8, 9}, ofTwo)
	ofOne, err := Collect(one, nil, Scalar[int])
	require.NoError(t, err)
	require.Equal(t, []int{2, 3, 4, 5, 6, 7, 8, 9}, ofOne)
	require.NoError(t, tx.Commit())
	require.Equal(t, 2, read[count])
	require.Equal(t, 1, faults.Prepared(), "one of them is kept")
}

func TestFewStatementsAreKept(t *testing.T) {
	pool, read, faults := keptFile(t)
	for i := range 3 * keptStatements {
		_, err := pool.Exec(fmt.Sprintf("UPDATE things SET name = ? WHERE n = %d", i), "x")
		require.NoError(t, err)
		_, err = pool.Exec(fmt.Sprintf("UPDATE things SET name = 'x' WHERE n = %d", i))
		require.NoError(t, err)
	}
	require.Equal(t, keptStatements, faults.Prepared())
	require.Len(t, read, 3*keptStatements, "what has its values in its text is not kept")
	require.NoError(t, pool.Close())
	require.Zero(t, faults.Prepared())
}
