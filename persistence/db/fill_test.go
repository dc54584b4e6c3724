package db_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	neturl "net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/persistence/sharddb"
	"canopy/persistence/testdb"
	"canopy/tenancy"
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

// postgres opens a database of PostgreSQL.
func postgres(t *testing.T, url string) *db.DB {
	t.Helper()
	d, err := db.OpenPostgres(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { d.Close() })
	return d
}

// number returns what a query counts.
func number(t *testing.T, r bun.IConn, query string) (n int) {
	t.Helper()
	require.NoError(t, r.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}

// dumped returns the lines in which pg_dump says what the schema is, but for its commands to psql, which are of chance.
func dumped(t *testing.T, url string) []string {
	t.Helper()
	text, err := exec.CommandContext(t.Context(), "pg_dump", "--schema-only", url).CombinedOutput()
	require.NoError(t, err, string(text))
	return slices.DeleteFunc(strings.Split(string(text), "\n"), func(line string) bool { return strings.HasPrefix(line, `\`) })
}

// A database of PostgreSQL that is filled, and was empty or had the schema, has the schema that it has otherwise.
func TestAFilledPostgresIsMadeAsAnyOther(t *testing.T) {
	t.Parallel()
	plain := testdb.Postgres(t)
	d := postgres(t, plain)
	_, err := d.Migrate(t.Context())
	require.NoError(t, err)
	const indexes = "SELECT count(*) FROM pg_index WHERE indrelid > 16000"
	const keys = "SELECT count(*) FROM pg_constraint WHERE contype = 'f'"
	whole, foreign, want := number(t, d.Writer(), indexes), number(t, d.Writer(), keys), dumped(t, plain)
	require.Contains(t, strings.Join(want, "\n"), "gin_trgm_ops")
	for name, url := range map[string]string{"empty": testdb.Postgres(t), "migrated": plain} {
		d := postgres(t, url)
		can, err := d.CanFill(t.Context())
		require.NoError(t, err)
		require.True(t, can)
		require.NoError(t, d.FillPostgres(t.Context(), func(ctx context.Context, d *db.DB) error {
			require.True(t, d.Filling())
			require.Less(t, number(t, d.Writer(), indexes), whole-30, "it is filled without most of the indexes")
			require.Less(t, number(t, d.Writer(), keys), foreign)
			return block(ctx, d, 7)
		}))
		require.True(t, slices.Equal(want, dumped(t, url)), name)
		require.Equal(t, 1, blocks(t, d.Writer()))
		require.Equal(t, 6+1, number(t, d.Writer(), "SELECT CAST(reltuples AS bigint) FROM pg_class WHERE relname = 'id_blocks'"),
			"the planner knows what is there")
	}
}

// Tables in parts, and those of another role, are not filled so.
func TestWhichPostgresCanBeFilled(t *testing.T) {
	t.Parallel()
	url := testdb.Postgres(t)
	d := postgres(t, url)
	_, err := d.Migrate(t.Context())
	require.NoError(t, err)
	role := "plain_" + strings.ToLower(rand.Text())
	_, err = d.ExecContext(t.Context(), "CREATE ROLE "+role+" LOGIN PASSWORD 'plain'")
	require.NoError(t, err)
	defer d.ExecContext(context.WithoutCancel(t.Context()), "DROP ROLE "+role) //nolint:errcheck // of this test alone
	u, err := neturl.Parse(url)
	require.NoError(t, err)
	u.User = neturl.UserPassword(role, "plain")
	can, err := postgres(t, u.String()).CanFill(t.Context())
	require.NoError(t, err)
	require.False(t, can)

	double, err := sharddb.Split(t.Context(), url)
	require.NoError(t, err)
	defer double.Close(t.Context())
	can, err = postgres(t, url+"&"+sharddb.Parameters).CanFill(t.Context())
	require.NoError(t, err)
	require.False(t, can)
}

// fillers fill a new database and return it.
var fillers = map[string]func(*testing.T, func(context.Context, *db.DB) error) *db.DB{
	"sqlite": func(t *testing.T, fill func(context.Context, *db.DB) error) *db.DB {
		t.Helper()
		path := filepath.Join(t.TempDir(), "filled.db")
		require.NoError(t, db.FillSQLite(t.Context(), path, fill))
		d, err := db.OpenSQLite(path)
		require.NoError(t, err)
		t.Cleanup(func() { d.Close() })
		return d
	},
	"postgres": func(t *testing.T, fill func(context.Context, *db.DB) error) *db.DB {
		t.Helper()
		d := postgres(t, testdb.Postgres(t))
		require.NoError(t, d.FillPostgres(t.Context(), fill))
		return d
	},
}

// Transactions of who fills are nested in one: what is rolled back is gone, the rest stays, and is read by statements
// outside of them too.
func TestTransactionsOfWhoFills(t *testing.T) {
	t.Parallel()
	for engine, filled := range fillers {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			no := errors.New("no")
			d := filled(t, func(ctx context.Context, d *db.DB) error {
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
			})
			rows, err := d.QueryContext(t.Context(),
				"SELECT name FROM id_blocks WHERE name IN ('test', 'in it', 'within') ORDER BY name")
			names, err := db.Collect(rows, err, db.Scalar[string])
			require.NoError(t, err)
			require.Equal(t, []string{"test", "within"}, names)
		})
	}
}

// oddRow has a column of each type of which many rows are written at once.
type oddRow struct {
	bun.BaseModel `bun:"table:odd"`

	N    int64
	Text string
	Yes  bool
	Raw  []byte
}

// Whatever is written while a database is filled is read as it was, whether the rows are few or many, and not if what
// wrote it is undone.
func TestRowsThatFill(t *testing.T) {
	t.Parallel()
	for engine, filled := range fillers {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			var want []*oddRow
			for i := range int64(40) {
				row := &oddRow{N: i<<58 - 7, Text: strings.Repeat("\\N\t\r\n\",'\\.é\u2028", int(i%3)), Yes: i%2 == 0, Raw: []byte{}}
				if i > 0 {
					row.Raw = []byte{0, byte(i), 0xff, '\n'}
				}
				want = append(want, row)
			}
			no := errors.New("no")
			d := filled(t, func(ctx context.Context, d *db.DB) error {
				types := map[db.Engine]string{db.SQLite: "blob", db.PostgreSQL: "bytea"}
				_, err := d.ExecContext(ctx, "CREATE TABLE odd (n bigint PRIMARY KEY, text text NOT NULL, yes boolean NOT NULL, "+
					"raw "+types[d.Engine()]+" NOT NULL)")
				require.NoError(t, err)
				w := tenancy.Operator("test", domain.OrganizationWrite)
				write := func(end error, rows ...*oddRow) error {
					return d.Once(ctx, w, func(tx *db.Tx) error { return errors.Join(tx.Insert(&rows), end) })
				}
				require.NoError(t, write(nil, want[:20]...))
				require.ErrorIs(t, write(no, want[20:]...), no)
				require.NoError(t, write(nil, want[20:22]...))
				require.NoError(t, write(nil, want[22:]...))
				return nil
			})
			var got []*oddRow
			require.NoError(t, d.NewSelect().Model(&got).Order("n").Scan(t.Context()))
			slices.SortFunc(want, func(a, b *oddRow) int { return cmp.Compare(a.N, b.N) })
			require.Equal(t, want, got)
		})
	}
}

// Of a PostgreSQL nothing is left either, and whoever comes meanwhile is told so.
func TestWhatIsNotFilledLeavesNothingOnPostgres(t *testing.T) {
	t.Parallel()
	url := testdb.Postgres(t)
	d := postgres(t, url)
	empty := func() {
		t.Helper()
		require.Zero(t, number(t, d.Writer(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))
	}
	no := errors.New("no")
	require.ErrorIs(t, d.FillPostgres(t.Context(), func(ctx context.Context, d *db.DB) error {
		require.NoError(t, block(ctx, d, 7))
		return no
	}), no)
	empty()

	ending, end := context.WithCancel(t.Context())
	began := time.Now()
	require.ErrorIs(t, d.FillPostgres(ending, func(ctx context.Context, d *db.DB) error {
		time.AfterFunc(100*time.Millisecond, end)
		_, err := d.ExecContext(ctx, "SELECT pg_sleep(60)")
		require.Error(t, err)
		require.ErrorIs(t, block(ctx, d, 7), context.Canceled)
		return nil
	}), context.Canceled)
	require.Less(t, time.Since(began), 30*time.Second, "the server is told")
	empty()

	// What failed outside of a nested transaction, and was taken for nothing, has nothing filled.
	require.Error(t, d.FillPostgres(t.Context(), func(ctx context.Context, d *db.DB) error {
		_, err := d.ExecContext(ctx, "SELECT nothing")
		require.Error(t, err)
		return nil
	}))
	empty()

	require.NoError(t, d.FillPostgres(t.Context(), func(ctx context.Context, filled *db.DB) error {
		other := postgres(t, url)
		require.ErrorIs(t, other.FillPostgres(t.Context(), func(context.Context, *db.DB) error { return nil }), db.ErrFilling)
		_, err := other.Migrate(t.Context())
		require.ErrorIs(t, err, db.ErrFilling)
		_, err = filled.ExecContext(ctx, "INSERT INTO organizations (organization_id, generation) VALUES (1, 1)")
		return err
	}))
	require.ErrorIs(t, d.FillPostgres(t.Context(), func(context.Context, *db.DB) error { return nil }), db.ErrPresent)
	_, err := d.Migrate(t.Context())
	require.NoError(t, err)
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
