package db_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"canopy/persistence/db"
)

// schema returns what a database is made of.
func schema(t *testing.T, path string) []string {
	t.Helper()
	raw, err := sql.Open("sqlite", "file:"+path)
	require.NoError(t, err)
	defer raw.Close()
	rows, err := raw.Query("SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1")
	all, err := db.Collect(rows, err, db.Scalar[string])
	require.NoError(t, err)
	return all
}

// block counts the numbers of a kind that is not there but in these tests.
func block(ctx context.Context, d *db.DB, next int) error {
	_, err := d.ExecContext(ctx, "INSERT INTO id_blocks (name, next) VALUES (?, ?)", "test", next)
	return err
}

func blocks(t *testing.T, r bun.IConn) (n int) {
	t.Helper()
	require.NoError(t, r.QueryRowContext(t.Context(), "SELECT count(*) FROM id_blocks WHERE name = 'test'").Scan(&n))
	return n
}

func TestAFilledDatabaseIsMadeAsAnyOther(t *testing.T) {
	t.Parallel()
	plain, filled := filepath.Join(t.TempDir(), "plain.db"), filepath.Join(t.TempDir(), "filled.db")
	d, err := db.OpenSQLite(plain)
	require.NoError(t, err)
	_, err = d.Migrate(t.Context())
	require.NoError(t, err)
	require.False(t, d.Filling())
	require.NoError(t, d.Close())
	without := 0
	require.NoError(t, db.FillSQLite(t.Context(), filled, func(ctx context.Context, d *db.DB) error {
		require.True(t, d.Filling())
		require.NoError(t, d.NewSelect().Table("sqlite_schema").ColumnExpr("count(*)").Scan(ctx, &without))
		return block(ctx, d, 7)
	}))
	require.Less(t, without, len(schema(t, plain))-30, "it is filled without most of the indexes")
	require.Equal(t, schema(t, plain), schema(t, filled))
	d, err = db.OpenSQLite(filled)
	require.NoError(t, err)
	defer d.Close()
	require.NoError(t, d.CheckIntegrity(t.Context()))
	require.Equal(t, 1, blocks(t, d.Writer()))
	left, err := filepath.Glob(filepath.Join(filepath.Dir(filled), "*import*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// Transactions of who fills are nested in one: what is rolled back is gone, the rest stays, and is read by statements
// outside of them too.
func TestTransactionsOfWhoFills(t *testing.T) {
	t.Parallel()
	filled := filepath.Join(t.TempDir(), "filled.db")
	no := errors.New("no")
	require.NoError(t, db.FillSQLite(t.Context(), filled, func(ctx context.Context, d *db.DB) error {
		insert := func(name string, end error) error {
			return d.TryTx(ctx, func(ctx context.Context, tx bun.Tx) error {
				_, err := tx.ExecContext(ctx, "INSERT INTO id_blocks (name, next) VALUES (?, 1)", name)
				return errors.Join(err, end)
			})
		}
		require.ErrorIs(t, insert("test", no), no)
		require.Zero(t, blocks(t, d.Writer()))
		require.NoError(t, insert("test", nil))
		require.Equal(t, 1, blocks(t, d.Writer()))
		require.Error(t, insert("test", nil), "the name is taken")
		require.NoError(t, d.TryTx(ctx, func(ctx context.Context, tx bun.Tx) error {
			require.ErrorIs(t, insert("in it", no), no)
			return insert("within", nil)
		}))
		return nil
	}))
	raw, err := sql.Open("sqlite", "file:"+filled)
	require.NoError(t, err)
	defer raw.Close()
	rows, err := raw.Query("SELECT name FROM id_blocks WHERE name IN ('test', 'in it', 'within') ORDER BY name")
	names, err := db.Collect(rows, err, db.Scalar[string])
	require.NoError(t, err)
	require.Equal(t, []string{"test", "within"}, names)
}

func TestWhatIsNotFilledLeavesNothing(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "canopy.db")
	empty := func() {
		t.Helper()
		there, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.Empty(t, there)
	}
	no := errors.New("no")
	require.ErrorIs(t, db.FillSQLite(t.Context(), path, func(ctx context.Context, d *db.DB) error {
		require.NoError(t, block(ctx, d, 7))
		return no
	}), no)
	empty()

	ending, end := context.WithCancel(t.Context())
	require.ErrorIs(t, db.FillSQLite(ending, path, func(ctx context.Context, d *db.DB) error {
		end()
		require.ErrorIs(t, block(ctx, d, 7), context.Canceled)
		return nil
	}), context.Canceled)
	empty()

	// What was left of one that was killed is in nobody's way.
	require.NoError(t, os.Mkdir(path+".import", 0o700))
	for _, name := range []string{"canopy.db", "canopy.db-wal", "lock"} {
		require.NoError(t, os.WriteFile(filepath.Join(path+".import", name), []byte("left"), 0o600))
	}
	require.NoError(t, db.FillSQLite(t.Context(), path, func(ctx context.Context, d *db.DB) error {
		another := db.FillSQLite(ctx, path, func(context.Context, *db.DB) error { return nil })
		require.ErrorIs(t, another, db.ErrFilling)
		return block(ctx, d, 7)
	}))
	there, err := os.ReadFile(path)
	require.NoError(t, err)
	require.ErrorIs(t, db.FillSQLite(t.Context(), path, func(context.Context, *db.DB) error { return nil }), db.ErrPresent)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, there, after)
}

// Indexes of very many are sorted in files beside the database: where there is no other folder to write to, as in a
// container, it can be filled too. No other database is filled meanwhile, as the folder is the process's.
func TestFillingSortsBesideTheDatabase(t *testing.T) { //nolint:paralleltest // as said
	path := filepath.Join(t.TempDir(), "it's.db")
	require.NoError(t, db.FillSQLite(t.Context(), path, func(ctx context.Context, d *db.DB) error {
		rows, err := d.Writer().QueryContext(ctx, "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n "+
			"WHERE n < 60000) SELECT hex(randomblob(500)) AS text FROM n ORDER BY text")
		require.NoError(t, err)
		defer rows.Close()
		require.True(t, rows.Next())
		open, err := filepath.Glob("/proc/self/fd/*")
		require.NoError(t, err)
		beside := 0
		for _, file := range open {
			if name, err := os.Readlink(file); err == nil && strings.HasPrefix(name, path+".import/etilqs_") {
				beside++
			}
		}
		require.Positive(t, beside)
		return rows.Err()
	}))
}
