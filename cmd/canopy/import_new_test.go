package main_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/persistence/sharddb"
	"canopy/persistence/testdb"
)

// stepwise are places with an empty database, by engine, into which an import writes one organization after the other,
// as into a directory that is there. On PostgreSQL its tables are in parts.
var stepwise = map[string]func(testing.TB) place{
	"sqlite": func(t testing.TB) place {
		at := inSQLite(t)
		canopy("migrate", "up").in(at).succeeds(t)
		return at
	},
	"postgres": func(t testing.TB) place {
		at := inPostgres(t)
		canopy("migrate", "up").in(at).succeeds(t)
		double, err := sharddb.Split(t.Context(), at[3])
		require.NoError(t, err)
		require.NoError(t, double.Close(t.Context()))
		_, err = at.open(t).Exec(`DO $$ DECLARE t text; BEGIN
			FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public'
				AND tablename NOT IN (SELECT tablename FROM pg_tables WHERE schemaname = 'parts')
			LOOP EXECUTE format('ALTER TABLE public.%I SET SCHEMA parts', t); END LOOP; END $$`)
		require.NoError(t, err)
		at[3] += "&" + sharddb.Parameters
		return at
	},
}

// Of a directory that is made by an import everything is as if it had been filled step by step.
func TestADirectoryThatAnImportMakes(t *testing.T) {
	t.Parallel()
	source := inSQLite(t)
	s := serve(t, source, "--demo")
	varied(t, s)
	s.stop(t)
	document := write(t, "all.json", export(t, source, "--hashes"))
	table, _ := community(4, 4, 20)
	bad := strings.NewReplacer("Member-1-7,Member-1-7", "Member-1-7,", "Member-3-8,Member-3-8", "member-0-8,Twice",
		"member-3-9@example.org", "Member-0-9@example.org").Replace(table)
	behind := func(t testing.TB) place {
		return place{"--data", t.TempDir(), "--database-url", testdb.Pooler(t, testdb.Postgres(t))}
	}
	for file, path := range map[string]string{"document": document, "table": write(t, "people.csv", bad)} {
		for where, at := range map[string]func(testing.TB) place{"sqlite": inSQLite, "postgres": inPostgres, "pooler": behind} {
			t.Run(file+" in "+where, func(t *testing.T) {
				t.Parallel()
				step, read := stepwise["postgres"], postgresContents
				if where == "sqlite" {
					step, read = stepwise["sqlite"], contents
				}
				made, filled := at(t), step(t)
				flags := []string{}
				if file == "table" {
					flags = []string{"--create-environments"}
				}
				one, other := importFile(made, path, flags...).run(t), importFile(filled, path, flags...).run(t)
				require.Equal(t, other.out.String(), one.out.String())
				if file == "document" {
					require.Equal(t, other.err.String(), one.err.String())
				}
				if file == "table" {
					require.Contains(t, one.err.String(), "not imported, because of the lines above: org-1, org-3\n")
					require.Contains(t, one.err.String(), "line 70: alias: \"member-0-8\" comes on line 10 too.\n")
					require.Contains(t, one.err.String(), "line 71: mailaddress: \"Member-0-9@example.org\" comes on line 11 too.\n")
					require.NotContains(t, export(t, made), `"Member-1-`)
					require.Contains(t, export(t, made), `"Member-2-19"`)
				}
				require.Equal(t, read(t, filled.open(t)), read(t, made.open(t)))
				s := serve(t, made)
				s.admin().get(t, "/rest/users?q=alias%3D~ember-2-5&sort=-alias").ok(t)
			})
		}
	}
}

// contents returns the schema of an SQLite database and what is in its tables, as rowsOf. It fails unless the database is
// whole.
func contents(t *testing.T, d *sql.DB) map[string][]string {
	t.Helper()
	_, err := d.Exec("PRAGMA temp_store = MEMORY")
	require.NoError(t, err)
	require.Equal(t, []string{"ok"}, lines(t, d, "PRAGMA integrity_check"))
	require.Empty(t, lines(t, d, "PRAGMA foreign_key_check"))
	found := rowsOf(t, d, "SELECT name FROM pragma_table_info('%s')")
	found["schema"] = lines(t, d, "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")
	for _, words := range []string{"users_words", "users_words_details"} {
		_, err := d.Exec(fmt.Sprintf("INSERT INTO %s (%[1]s) VALUES ('integrity-check')", words))
		require.NoError(t, err)
		_, err = d.Exec(fmt.Sprintf("CREATE VIRTUAL TABLE temp.%s_of USING fts5vocab(main, %[1]s, 'instance')", words))
		require.NoError(t, err)
		found[words] = lines(t, d, "SELECT * FROM "+words+"_of ORDER BY 1, 2, 3, 4")
	}
	require.NotEmpty(t, found["users_words"])
	return found
}

// postgresContents is rowsOf of a PostgreSQL.
func postgresContents(t *testing.T, d *sql.DB) map[string][]string {
	t.Helper()
	return rowsOf(t, d, "SELECT attname FROM pg_attribute WHERE attrelid = '%s'::regclass AND attnum > 0 ORDER BY attnum")
}

// lines returns the rows of a query.
func lines(t *testing.T, d *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := d.Query(query)
	require.NoError(t, err, query)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		values, places := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			places[i] = &values[i]
		}
		require.NoError(t, rows.Scan(places...))
		all = append(all, fmt.Sprint(values...))
	}
	require.NoError(t, rows.Err())
	return all
}

// rowsOf returns what is in the tables of a directory, whose columns a query tells, but for what depends on the time and
// on chance, and for the versions of organizations and users, of which nobody has a copy of a directory that is made.
func rowsOf(t *testing.T, d *sql.DB, columns string) map[string][]string {
	t.Helper()
	without := map[string][]string{"audit": {"id", "at"}, "users": {"epoch", "password_hash", "uuid", "created_at",
		"last_password_at", "idle_since"}, "environments": {"uuid"}, "groups": {"uuid", "created_at"},
		"organizations": {"generation"}}
	found := make(map[string][]string)
	for _, table := range []string{"organizations", "organization_counts", "environments", "environment_names",
		"environment_counts", "groups", "users", "user_groups", "user_environments", "user_attributes", "user_pictures",
		"login_names", "mail_addresses", "audit", "id_blocks", "objects", "object_names", "sign_in_rules"} {
		some := slices.DeleteFunc(lines(t, d, fmt.Sprintf(columns, table)),
			func(column string) bool { return slices.Contains(without[table], column) })
		found[table] = lines(t, d, fmt.Sprintf("SELECT %s FROM %s ORDER BY %[1]s", strings.Join(some, ", "), table))
	}
	require.NotEmpty(t, found["users"])
	return found
}

// An import that makes a directory and is killed leaves none, and can be run again.
func TestCrashOfAnImportThatMakesADirectory(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	table, _ := community(3, 10, 2000)
	file := write(t, "community.csv", table)
	making := filepath.Join(at.data(), "canopy.db.import", "canopy.db")
	for range crashes() {
		i := importFile(at, file, "--create-environments").start(t)
		eventually(t, func() bool {
			info, err := os.Stat(making)
			return err == nil && info.Size() > 2<<20
		}, "that much is written")
		i.kill(t)
		require.NoFileExists(t, filepath.Join(at.data(), "canopy.db"))
	}
	importFile(at, file, "--create-environments").succeeds(t)
	require.NoDirExists(t, filepath.Dir(making))
	require.Contains(t, importFile(at, file).succeeds(t), "users:        0 created, 0 changed, 6000 unchanged")
}

// An import into an empty PostgreSQL that is killed leaves nothing, keeps a server and another import out while it lasts,
// and can be run again.
func TestCrashOfAnImportThatFillsPostgres(t *testing.T) {
	t.Parallel()
	at := inPostgres(t)
	table, _ := community(3, 10, 2000)
	file := write(t, "community.csv", table)
	watch := at.open(t)
	count := func(query string) (n int) {
		require.NoError(t, watch.QueryRow(query).Scan(&n))
		return n
	}
	const working = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY \"users\"%'"
	for range crashes() {
		i := importFile(at, file, "--create-environments").start(t)
		eventually(t, func() bool { return count(working) > 0 }, "people are written")
		i.signal(t, syscall.SIGSTOP)
		require.Contains(t, importFile(at, file, "--create-environments").fails(t), "another import makes a directory there")
		require.Contains(t, canopy("serve", "--listen", "127.0.0.1:0").in(at).fails(t), "another import makes a directory there")
		require.Contains(t, canopy("export").in(at).fails(t), "there is no directory in the database")
		i.kill(t)
		eventually(t, func() bool { return count(working) == 0 }, "the server noticed")
		require.Zero(t, count("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))
	}
	importFile(at, file, "--create-environments").succeeds(t)
	require.Contains(t, importFile(at, file).succeeds(t), "users:        0 created, 0 changed, 6000 unchanged")
}

// The log that a directory left when its server was killed is not read into another one, which has its place once its
// file is gone: the import is refused, and the directory is as it was when the file is back.
func TestImportBesideTheLogOfAnother(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	s := serve(t, at)
	s.admin().post(t, "/rest/environments", fields{"alias": "Old", "parent": "/"}).ok(t)
	s.program.kill(t)
	file, aside := filepath.Join(at.data(), "canopy.db"), filepath.Join(t.TempDir(), "canopy.db")
	require.FileExists(t, file+"-wal")
	require.NoError(t, os.Rename(file, aside))
	table, _ := community(1, 1, 10)
	people := write(t, "people.csv", table)
	require.Contains(t, importFile(at, people, "--create-environments").fails(t), "canopy.db-wal")
	require.NoFileExists(t, file)
	require.NoError(t, os.Rename(aside, file))
	require.Contains(t, export(t, at), `"Old"`)
}
