package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/testdb"
	"canopy/rbac"
	"canopy/tenancy"
)

// Options are what databases of PostgreSQL are opened with. They are set before the first test.
var Options []db.Option

// Each runs test on an empty, migrated database of each engine.
func Each(t *testing.T, test func(t *testing.T, db *db.DB)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, SQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, Postgres(t))
	})
}

// SQLite returns an empty, migrated SQLite database.
func SQLite(tb testing.TB) *db.DB {
	tb.Helper()
	db, err := db.OpenSQLite(SQLiteFile(tb))
	require.NoError(tb, err)
	tb.Cleanup(func() {
		checkTallies(tb, db)
		db.Close()
	})
	return db
}

// SQLiteFile returns the path of an empty, migrated SQLite database, in a folder of its own.
func SQLiteFile(tb testing.TB) string {
	tb.Helper()
	return testdb.SQLiteFrom(tb, "migrated", func(path string) error {
		return migrated(db.OpenSQLite(path))
	})
}

// Postgres returns an empty, migrated PostgreSQL database.
func Postgres(tb testing.TB) *db.DB {
	tb.Helper()
	db, err := db.OpenPostgres(tb.Context(), PostgresURL(tb), Options...)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		checkTallies(tb, db)
		db.Close()
	})
	return db
}

// PostgresURL returns the URL of an empty, migrated PostgreSQL database.
func PostgresURL(tb testing.TB) string {
	tb.Helper()
	return testdb.PostgresFrom(tb, "migrated", func(url string) error {
		return migrated(db.OpenPostgres(context.Background(), url))
	})
}

// Fresh returns what opens one empty, migrated database of an engine, "sqlite" or "postgres", as often as it is called.
func Fresh(t *testing.T, engine string) func(...db.Option) *db.DB {
	t.Helper()
	open, at := db.OpenSQLite, ""
	if engine == "sqlite" {
		at = SQLiteFile(t)
	} else {
		at = PostgresURL(t)
		open = func(url string, o ...db.Option) (*db.DB, error) { return db.OpenPostgres(t.Context(), url, o...) }
	}
	return func(o ...db.Option) *db.DB {
		d, err := open(at, o...)
		require.NoError(t, err)
		t.Cleanup(func() { d.Close() })
		return d
	}
}

// checkTallies fails if what is kept of how many things organizations have is not what there is: it
// runs behind every test of the stores, whatever that did.
func checkTallies(tb testing.TB, db *db.DB) {
	rows, err := db.Pool().QueryContext(context.Background(), `SELECT o.organization_id FROM organizations o
		LEFT JOIN organization_counts c ON c.organization_id = o.organization_id
		WHERE coalesce(c.users, -1) <> (SELECT count(*) FROM users x WHERE x.organization_id = o.organization_id)
			OR coalesce(c.environments, -1) <> (SELECT count(*) FROM environment_names x
				WHERE x.organization_id = o.organization_id)
			OR coalesce(c.groups, -1) <> (SELECT count(*) FROM groups x WHERE x.organization_id = o.organization_id)
			OR coalesce(c.objects, -1) <> (SELECT count(*) FROM objects x WHERE x.organization_id = o.organization_id)`)
	if err != nil {
		return // the test closed or broke the database
	}
	defer rows.Close()
	for rows.Next() {
		var organization int64
		if err := rows.Scan(&organization); err == nil {
			tb.Errorf("organization_counts says something else of organization %d than there is", organization)
		}
	}
	if err := rows.Err(); err != nil {
		tb.Logf("organization_counts was not read to its end: %v", err)
	}
}

// migrated migrates and closes a database that was opened.
func migrated(db *db.DB, err error) error {
	if err != nil {
		return err
	}
	_, err = db.Migrate(context.Background())
	return errors.Join(err, db.Close())
}

// Post puts mail into the outbox of a directory.
func Post(tb testing.TB, db *db.DB, mails ...domain.Mail) {
	tb.Helper()
	require.NoError(tb, persistence.NewStore(db).Do(tb.Context(), tenancy.WriteScope{}, func(tx *persistence.Tx) error {
		tx.Mail(mails...)
		return nil
	}))
}

// silent counts nothing.
type silent struct{}

func (silent) Looked(string, bool)             {}
func (silent) Decided(domain.Permission, bool) {}

// Gate returns a gate over db with the policy of the directory.
func Gate(tb testing.TB, db *db.DB) *tenancy.Gate {
	tb.Helper()
	policy, err := rbac.Shipped()
	require.NoError(tb, err)
	source := persistence.NewSource(db)
	return tenancy.NewGate(policy, source, tenancy.NewDocuments(source, silent{}), silent{})
}
