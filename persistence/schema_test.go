package persistence_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/persistence"
	"canopy/persistence/storetest"
)

// table is what both engines must agree on, and what the rules for many machines speak of.
type table struct {
	columns []string // "name kind"
	keys    []string // "unique column, column", "primary …"
	foreign []string // "column, column -> table column, column"
}

// oneMachine are tables that belong to no tenant, with the reason.
var oneMachine = map[string]string{
	"settings":                "settings of the directory as a whole",
	"id_blocks":               "numbers are handed out over the whole directory",
	"login_names":             "unique over the directory, keyed by the folded name",
	"mail_addresses":          "unique over the directory, keyed by the folded address",
	"sign_in_failures":        "counted before anybody knows whose they are",
	"signing_keys":            "keys belong to the directory as a whole",
	"goose_db_version":        "the migrations' own",
	"schema_steps":            "the migrations' own",
	"limits":                  "counted before anybody knows whose they are",
	"registration_code_names": "unique over the directory, keyed by the code's hash",
	"api_key_names":           "unique over the directory, keyed by the key's hash",
}

func TestSchemaIsTheSameOnBothEngines(t *testing.T) {
	lite, pg := schemaOfSQLite(t, storetest.SQLite(t)), schemaOfPostgres(t, storetest.Postgres(t))
	delete(lite, "goose_db_version")
	delete(pg, "goose_db_version")
	require.Greater(t, len(lite), 10)
	require.Equal(t, pg, lite)
}

func TestSchemaIsReadyForManyMachines(t *testing.T) {
	db := storetest.Postgres(t)
	for name, s := range schemaOfPostgres(t, db) {
		if oneMachine[name] != "" {
			continue
		}
		require.True(t, slices.ContainsFunc(s.keys, func(k string) bool { return strings.HasPrefix(k, "primary ") }), "%s has no primary key", name)
		for _, key := range s.keys {
			_, columns, _ := strings.Cut(key, " ")
			require.True(t, strings.HasPrefix(columns, "organization_id"), "%s: the key (%s) does not begin with organization_id", name, columns)
		}
		for _, key := range s.foreign {
			from, to, _ := strings.Cut(key, " -> ")
			require.True(t, strings.HasPrefix(from, "organization_id"), "%s: the foreign key %s could leave the organization", name, key)
			require.Contains(t, to, " organization_id", "%s: the foreign key %s could leave the organization", name, key)
		}
		require.NotContains(t, strings.Join(s.columns, "\n"), " integer", "%s: numbers are bigint", name)
	}
	require.Empty(t, strings1(t, db, "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"), "there are no triggers")
	require.Empty(t, strings1(t, db, "SELECT sequencename FROM pg_sequences WHERE sequencename NOT LIKE 'goose%'"), "numbers come from leased blocks")
	require.Empty(t, strings1(t, db, `SELECT c.table_name || '.' || c.column_name FROM information_schema.columns c JOIN pg_indexes i
		ON i.tablename = c.table_name AND i.indexdef ~ ('[(, ]' || c.column_name || '[,)]')
		WHERE c.table_schema = 'public' AND c.data_type = 'text' AND coalesce(c.collation_name, '') <> 'C'`), "text in an index compares bytewise")
}

func strings1(t *testing.T, db *persistence.DB, query string) []string {
	t.Helper()
	rows, err := db.Pool().QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		require.NoError(t, rows.Scan(&s))
		all = append(all, s)
	}
	require.NoError(t, rows.Err())
	return all
}

func schemaOfPostgres(t *testing.T, db *persistence.DB) map[string]*table {
	t.Helper()
	schema := map[string]*table{}
	for _, name := range strings1(t, db, "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'") {
		s := &table{}
		s.columns = strings1(t, db, fmt.Sprintf(`SELECT column_name || ' ' || data_type || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END
			FROM information_schema.columns WHERE table_name = '%s' AND table_schema = 'public' ORDER BY column_name`, name))
		s.keys = strings1(t, db, fmt.Sprintf(`SELECT CASE WHEN i.indisprimary THEN 'primary ' ELSE 'unique ' END ||
				(SELECT string_agg(a.attname, ', ' ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY k(attnum, n)
					JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum)
			FROM pg_index i WHERE i.indrelid = '%s'::regclass AND i.indisunique`, name))
		s.foreign = strings1(t, db, fmt.Sprintf(`SELECT (SELECT string_agg(a.attname, ', ' ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY k(attnum, n)
					JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) || ' -> ' || c.confrelid::regclass || ' ' ||
				(SELECT string_agg(a.attname, ', ' ORDER BY k.n) FROM unnest(c.confkey) WITH ORDINALITY k(attnum, n)
					JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum)
			FROM pg_constraint c WHERE c.conrelid = '%s'::regclass AND c.contype = 'f'`, name))
		slices.Sort(s.columns)
		slices.Sort(s.keys)
		slices.Sort(s.foreign)
		schema[name] = s
	}
	return schema
}

func schemaOfSQLite(t *testing.T, db *persistence.DB) map[string]*table {
	t.Helper()
	schema := map[string]*table{}
	for _, name := range strings1(t, db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'") {
		s := &table{}
		s.columns = strings1(t, db, fmt.Sprintf(`SELECT name || ' ' || lower(type) || CASE "notnull" WHEN 1 THEN ' not null' ELSE '' END FROM pragma_table_info('%s')`, name))
		for _, index := range strings1(t, db, fmt.Sprintf(`SELECT name || ' ' || origin FROM pragma_index_list('%s') WHERE "unique" = 1`, name)) {
			index, origin, _ := strings.Cut(index, " ")
			kind := map[string]string{"pk": "primary ", "u": "unique "}[origin]
			s.keys = append(s.keys, kind+strings.Join(strings1(t, db, fmt.Sprintf("SELECT name FROM pragma_index_info('%s') ORDER BY seqno", index)), ", "))
		}
		if !slices.ContainsFunc(s.keys, func(k string) bool { return strings.HasPrefix(k, "primary ") }) { // an alias of the row's own number
			s.keys = append(s.keys, "primary "+strings.Join(strings1(t, db, fmt.Sprintf("SELECT name FROM pragma_table_info('%s') WHERE pk > 0 ORDER BY pk", name)), ", "))
		}
		for _, id := range strings1(t, db, fmt.Sprintf("SELECT DISTINCT id FROM pragma_foreign_key_list('%s')", name)) {
			list := func(column string) string {
				return strings.Join(strings1(t, db, fmt.Sprintf(`SELECT "%s" FROM pragma_foreign_key_list('%s') WHERE id = %s ORDER BY seq`, column, name, id)), ", ")
			}
			s.foreign = append(s.foreign, list("from")+" -> "+strings.Split(list("table"), ",")[0]+" "+list("to"))
		}
		slices.Sort(s.columns)
		slices.Sort(s.keys)
		slices.Sort(s.foreign)
		schema[name] = s
	}
	return schema
}

// written are the tables whose rows organizations, environments, groups and users of the directory
// document are made of, or that follow from them.
var written = map[string]string{
	"organizations": "the sections", "environments": "environments", "groups": "groups", "users": "users", "user_groups": "users",
	"user_environments": "users", "user_attributes": "users",
	"environment_names": "follows from environments", "environment_counts": "follows from users", "organization_counts": "follows from what there is", "login_names": "follows from users",
	"mail_addresses": "follows from users", "object_names": "follows from objects", "api_key_names": "follows from API keys",
	"registration_code_names": "follows from registration codes", "id_blocks": "follows from the numbers",
}

// unwritten are the tables that the directory document leaves out, with the reason. Everything else
// must be in it.
var unwritten = map[string]string{
	"settings":         "of this server's key and its start",
	"goose_db_version": "the migrations' own",
	"schema_steps":     "the migrations' own",
	"audit":            "what was done stays where it was done",
	"sessions":         "sessions end with their directory",
	"signing_keys":     "of sessions",
	"secrets":          "links under way",
	"outbox":           "mail under way",
	"limits":           "counts of the last hour",
	"sign_in_failures": "counts of the last hours",
	"known_addresses":  "hashes under this server's key",
}

// A table that is added is in the directory document, or it is said why it is not, and so is each
// column of those that its lists keep.
func TestDirectoryDocumentHasEveryTable(t *testing.T) {
	listed := persistence.ListedColumns()
	for name, s := range schemaOfSQLite(t, storetest.SQLite(t)) {
		columns := listed[name]
		ways := 0
		for _, there := range []bool{columns != nil, written[name] != "", unwritten[name] != ""} {
			if there {
				ways++
			}
		}
		require.Equal(t, 1, ways, "%s is not in domain.DirectoryLists, written or unwritten, or in several of them", name)
		for _, c := range s.columns {
			column, _, _ := strings.Cut(c, " ")
			require.True(t, columns == nil || slices.Contains(columns, column), "%s.%s is in no column of domain.DirectoryLists", name, column)
		}
	}
}
