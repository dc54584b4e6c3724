package main_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// inMigrated returns a place with an empty database: an import into it writes one organization after the other, as
// into a directory that is there.
func inMigrated(t *testing.T) place {
	t.Helper()
	at := inSQLite(t)
	canopy("migrate", "up").in(at).succeeds(t)
	return at
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
	for name, file := range map[string]string{"document": document, "table": write(t, "people.csv", bad)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made, filled := inSQLite(t), inMigrated(t)
			flags := []string{}
			if name == "table" {
				flags = []string{"--create-environments"}
			}
			one, other := importFile(made, file, flags...).run(t), importFile(filled, file, flags...).run(t)
			require.Equal(t, other.out.String(), one.out.String())
			if name == "document" {
				require.Equal(t, other.err.String(), one.err.String())
			}
			if name == "table" {
				require.Contains(t, one.err.String(), "not imported, because of the lines above: org-1, org-3\n")
				require.Contains(t, one.err.String(), "line 70: alias: \"member-0-8\" comes on line 10 too.\n")
				require.Contains(t, one.err.String(), "line 71: mailaddress: \"Member-0-9@example.org\" comes on line 11 too.\n")
				require.NotContains(t, export(t, made), `"Member-1-`)
				require.Contains(t, export(t, made), `"Member-2-19"`)
			}
			require.Equal(t, contents(t, filled.open(t)), contents(t, made.open(t)))
			s := serve(t, made)
			s.admin().get(t, "/rest/users?q=alias%3D~ember-2-5&sort=-alias").ok(t)
		})
	}
}

// contents returns the schema of an SQLite database and what is in its tables, but for what depends on the time and on
// chance, and for the versions of organizations and users, of which nobody has a copy of a directory that is made. It
// fails unless the database is whole.
func contents(t *testing.T, d *sql.DB) map[string][]string {
	t.Helper()
	_, err := d.Exec("PRAGMA temp_store = MEMORY")
	require.NoError(t, err)
	lines := func(query string) (all []string) {
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
	require.Equal(t, []string{"ok"}, lines("PRAGMA integrity_check"))
	require.Empty(t, lines("PRAGMA foreign_key_check"))
	found := map[string][]string{"schema": lines("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")}
	for _, words := range []string{"users_words", "users_words_details"} {
		_, err := d.Exec(fmt.Sprintf("INSERT INTO %s (%[1]s) VALUES ('integrity-check')", words))
		require.NoError(t, err)
		_, err = d.Exec(fmt.Sprintf("CREATE VIRTUAL TABLE temp.%s_of USING fts5vocab(main, %[1]s, 'instance')", words))
		require.NoError(t, err)
		found[words] = lines("SELECT * FROM " + words + "_of ORDER BY 1, 2, 3, 4")
	}
	require.NotEmpty(t, found["users_words"])
	without := map[string]string{"audit": "'id', 'at'", "users": "'epoch', 'password_hash', 'uuid', 'created_at', " +
		"'last_password_at', 'idle_since'", "environments": "'uuid'", "groups": "'uuid', 'created_at'",
		"organizations": "'generation'"}
	for _, table := range []string{"organizations", "organization_counts", "environments", "environment_names",
		"environment_counts", "groups", "users", "user_groups", "user_environments", "user_attributes", "login_names",
		"mail_addresses", "audit", "id_blocks", "objects", "object_names"} {
		columns := lines(fmt.Sprintf("SELECT name FROM pragma_table_info('%s') WHERE name NOT IN (%s)", table,
			without[table]))
		found[table] = lines(fmt.Sprintf("SELECT %s FROM %s ORDER BY %[1]s", strings.Join(columns, ", "), table))
	}
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
