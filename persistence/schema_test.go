package persistence_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

var update = flag.Bool("update", false, "write the schema that the steps make into testdata")

// The steps make the schema that testdata says, down to collations, defaults, what a foreign key does
// and the rows that are there from the start.
func TestSchemaIsAsWritten(t *testing.T) {
	for engine, schema := range map[string]map[string][]string{
		"sqlite": schemaOfSQLite(t, storetest.SQLite(t)), "postgres": schemaOfPostgres(t, storetest.Postgres(t)),
	} {
		var text strings.Builder
		for _, name := range slices.Sorted(maps.Keys(schema)) {
			fmt.Fprintf(&text, "%s\n\t%s\n", name, strings.Join(schema[name], "\n\t"))
		}
		file := "testdata/schema_" + engine + ".txt"
		if *update {
			require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o644))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(want), text.String(),
			"if this is meant: go test ./persistence -run TestSchemaIsAsWritten -update")
	}
}

// enginesOwn matches what only one engine has or tells: collations, the names of constraints, and how
// tables are stored.
var enginesOwn = regexp.MustCompile(`^(collate .*|without rowid|constraint \S+ |.* (users|users_phone|user_attributes)_words_idx .*)`)

func TestSchemaIsTheSameOnBothEngines(t *testing.T) {
	lite, pg := schemaOfSQLite(t, storetest.SQLite(t)), schemaOfPostgres(t, storetest.Postgres(t))
	require.Greater(t, len(lite), 10)
	for _, schema := range []map[string][]string{lite, pg} {
		for name, lines := range schema {
			for i, line := range lines {
				lines[i] = enginesOwn.ReplaceAllString(line, "")
			}
			slices.Sort(lines)
			schema[name] = slices.DeleteFunc(lines, func(line string) bool { return line == "" })
		}
	}
	require.Equal(t, pg, lite)
}

// key matches what is unique in a table, and foreign a foreign key.
var (
	key     = regexp.MustCompile(`(?:PRIMARY KEY|UNIQUE|UNIQUE index \S+) \((.*)\)`)
	foreign = regexp.MustCompile(`FOREIGN KEY \((.*)\) REFERENCES (\w+)\((.*?)\)`)
)

// Each table is spread over machines in a way that db.Distribution says, in an order in which it can be.
func TestSchemaIsReadyForManyMachines(t *testing.T) {
	pg := storetest.Postgres(t)
	schema := schemaOfPostgres(t, pg)
	schema["goose_db_version"] = nil // the migrations' own
	by := make(map[string]db.Spread)
	for _, table := range db.Distribution {
		name := table.Table
		require.Empty(t, by[name], "%s is said twice", name)
		require.Contains(t, schema, name, "there is no table %s", name)
		by[name] = table.Spread
		all := strings.Join(schema[name], "\n")
		for _, k := range foreign.FindAllStringSubmatch(all, -1) {
			require.Equal(t, db.ByOrganization, table.Spread, "%s: only what is with an organization may have the %s",
				name, k[0])
			require.Equal(t, db.ByOrganization, by[k[2]], "%s: the %s leads to a table that is not spread before", name, k[0])
			require.Regexp(t, `^organization_id\b`, k[1], "%s: the %s could leave the organization", name, k[0])
			require.Regexp(t, `^organization_id\b`, k[3], "%s: the %s could leave the organization", name, k[0])
		}
		switch table.Spread {
		case db.Everywhere, db.OnOne:
			continue
		}
		require.Contains(t, all, "PRIMARY KEY", "%s has no primary key", name)
		for _, k := range key.FindAllStringSubmatch(all, -1) {
			require.Regexp(t, "^"+string(table.Spread)+`\b`, k[1], "%s: a key does not begin with %s", name, table.Spread)
		}
		require.NotContains(t, all, " integer", "%s: numbers are bigint", name)
	}
	for name := range schema {
		require.NotEmpty(t, by[name], "db.Distribution does not say how the table %s is spread", name)
	}
	db := pg
	require.Empty(t, strings1(t, db, "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"), "there are no triggers")
	require.Empty(t, strings1(t, db, "SELECT sequencename FROM pg_sequences WHERE sequencename NOT LIKE 'goose%'"),
		"numbers come from leased blocks")
	require.Empty(t, strings1(t, db,
		`SELECT c.table_name || '.' || c.column_name FROM information_schema.columns c JOIN pg_indexes i
		ON i.tablename = c.table_name AND i.indexdef ~ ('[(, ]' || c.column_name || '[,)]')
		WHERE c.table_schema = 'public' AND c.data_type = 'text' AND coalesce(c.collation_name, '') <> 'C'`), "text in an index compares bytewise")
}

func strings1(t *testing.T, db *db.DB, query string) []string {
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

// schemaOfPostgres returns what there is to know of each table, a line for each thing, sorted.
func schemaOfPostgres(t *testing.T, db *db.DB) map[string][]string {
	t.Helper()
	return schemaOf(t, db, "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'",
		`SELECT 'column ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) ||
				CASE WHEN a.attnotnull THEN ' not null' ELSE '' END ||
				coalesce(' default ' || regexp_replace(pg_get_expr(d.adbin, d.adrelid), '::\w+', '', 'g'), '')
			FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
			WHERE a.attrelid = '{table}'::regclass AND a.attnum > 0 AND NOT a.attisdropped`,
		`SELECT 'collate ' || collation_name || ' ' || column_name FROM information_schema.columns
			WHERE table_schema = 'public' AND table_name = '{table}' AND collation_name IS NOT NULL`,
		`SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
			WHERE conrelid = '{table}'::regclass AND contype IN ('p', 'u', 'f', 'c', 'x')`,
		`SELECT replace(regexp_replace(regexp_replace(regexp_replace(pg_get_indexdef(indexrelid),
				'CREATE (UNIQUE )?INDEX (\S+) ON \S+ USING btree', '\1index \2'), 'WHERE \((.*)\)$', 'WHERE \1'), '::\w+', '', 'g'),
				'COLLATE "C"', 'COLLATE BINARY')
			FROM pg_index i WHERE indrelid = '{table}'::regclass
				AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype <> 'f')`)
}

// schemaOfSQLite is schemaOfPostgres for SQLite, in the same words.
func schemaOfSQLite(t *testing.T, db *db.DB) map[string][]string {
	t.Helper()
	return schemaOf(t, db, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
			AND name NOT LIKE 'users_words%'`,
		`SELECT 'column ' || name || ' ' || lower(type) || CASE "notnull" WHEN 1 THEN ' not null' ELSE '' END ||
				coalesce(' default ' || dflt_value, '')
			FROM pragma_table_xinfo('{table}')`,
		`SELECT 'collate ' || c.coll || ' ' || c.name FROM pragma_index_list('{table}') i, pragma_index_xinfo(i.name) c
			WHERE c.coll <> 'BINARY'`,
		`SELECT 'without rowid' FROM pragma_table_list('{table}') WHERE wr`,
		`SELECT 'PRIMARY KEY (' || group_concat(name, ', ' ORDER BY pk) || ')'
			FROM pragma_table_info('{table}') WHERE pk > 0`,
		`SELECT 'UNIQUE (' || (SELECT group_concat(name, ', ' ORDER BY seqno) FROM pragma_index_info(i.name)) || ')'
			FROM pragma_index_list('{table}') i WHERE origin = 'u'`,
		`SELECT 'FOREIGN KEY (' || group_concat("from", ', ' ORDER BY seq) || ') REFERENCES ' ||
				"table" || '(' || group_concat("to", ', ' ORDER BY seq) || ')' ||
				CASE on_update WHEN 'NO ACTION' THEN '' ELSE ' ON UPDATE ' || on_update END ||
				CASE on_delete WHEN 'NO ACTION' THEN '' ELSE ' ON DELETE ' || on_delete END
			FROM pragma_foreign_key_list('{table}') GROUP BY id`,
		`SELECT substr(sql, instr(sql, 'CHECK')) FROM sqlite_master
			WHERE type = 'table' AND name = '{table}' AND instr(sql, 'CHECK') > 0`,
		`SELECT replace(replace(replace(replace(sql, char(10) || '    ', ' '), 'CREATE UNIQUE INDEX', 'UNIQUE index'), 'CREATE INDEX', 'index'), ' ON ' || tbl_name, '')
			FROM sqlite_master WHERE type = 'index' AND tbl_name = '{table}' AND sql IS NOT NULL`)
}

// schemaOf returns what the queries tell of each table, and the rows that are in it.
func schemaOf(t *testing.T, db *db.DB, tables string, queries ...string) map[string][]string {
	t.Helper()
	schema := map[string][]string{}
	for _, name := range strings1(t, db, tables) {
		if name == "goose_db_version" { // the migrations' own
			continue
		}
		var lines []string
		for _, query := range queries {
			lines = append(lines, strings1(t, db, strings.ReplaceAll(query, "{table}", name))...)
		}
		if name != "schema_steps" {
			lines = append(lines, rowsOf(t, db, name)...)
		}
		slices.Sort(lines)
		schema[name] = lines
	}
	return schema
}

func rowsOf(t *testing.T, db *db.DB, table string) []string {
	t.Helper()
	rows, err := db.Pool().QueryContext(t.Context(), "SELECT * FROM "+table)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var lines []string
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		require.NoError(t, rows.Scan(into...))
		line := map[string]any{}
		for i, column := range columns {
			line[column] = values[i]
		}
		lines = append(lines, fmt.Sprint("row ", line))
	}
	require.NoError(t, rows.Err())
	return lines
}

// written are the tables whose rows organizations, environments, groups and users of the directory
// document are made of, or that follow from them.
var written = map[string]string{
	"organizations": "the sections", "environments": "environments", "groups": "groups", "users": "users",
	"user_groups":       "users",
	"user_environments": "users", "user_attributes": "users",
	"environment_names": "follows from environments", "environment_counts": "follows from users",
	"organization_counts": "follows from what there is", "login_names": "follows from users",
	"mail_addresses": "follows from users", "object_names": "follows from objects",
	"api_key_names":           "follows from API keys",
	"registration_code_names": "follows from registration codes", "id_blocks": "follows from the numbers",
}

// unwritten are the tables that the directory document leaves out, with the reason. Everything else
// must be in it.
var unwritten = map[string]string{
	"settings":         "of this server's key and its start",
	"schema_steps":     "the migrations' own",
	"audit":            "what was done stays where it was done",
	"factors":          "what people prove themselves by to one directory",
	"recovery_codes":   "of factors",
	"sessions":         "sessions end with their directory",
	"signing_keys":     "of sessions",
	"secrets":          "links under way",
	"departures":       "deletions under way",
	"outbox":           "mail under way",
	"limits":           "counts of the last hour",
	"kept_answers":     "answers of the last day",
	"sign_in_failures": "counts of the last hours",
	"known_addresses":  "hashes under this server's key",
	"known_devices":    "hashes under this server's key",

	"sign_in_reminders": "who was told of a demand is told again in another directory",

	"providers":         "an identity provider knows the server by its address",
	"mail_domains":      "of providers",
	"mail_domain_names": "of providers",
	"provider_links":    "of providers",
	"provider_sessions": "sessions end with their directory",
}

// A table that is added is in the directory document, or it is said why it is not, and so is each
// column of those that its lists keep.
func TestDirectoryDocumentHasEveryTable(t *testing.T) {
	listed := persistence.ListedColumns()
	for name, lines := range schemaOfSQLite(t, storetest.SQLite(t)) {
		columns := listed[name]
		ways := 0
		for _, there := range []bool{columns != nil, written[name] != "", unwritten[name] != ""} {
			if there {
				ways++
			}
		}
		require.Equal(t, 1, ways, "%s is not in domain.DirectoryLists, written or unwritten, or in several of them", name)
		for _, line := range lines {
			rest, isColumn := strings.CutPrefix(line, "column ")
			column, _, _ := strings.Cut(rest, " ")
			require.True(t, !isColumn || columns == nil || slices.Contains(columns, column),
				"%s.%s is in no column of domain.DirectoryLists", name, column)
		}
	}
}

// table and marked match the tag of a row's table and that of a column of its key.
var (
	table  = regexp.MustCompile(`bun:"table:(\w+)`)
	marked = regexp.MustCompile(`bun:"[^"]*,pk`)
)

// A row that marks columns of its table's key marks all of them: a change by WherePK is one of a single row then.
func TestRowsMarkWholeKeys(t *testing.T) {
	schema := schemaOfSQLite(t, storetest.SQLite(t))
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	found := 0
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			row, ok := n.(*ast.StructType)
			if !ok {
				return true
			}
			of, columns := "", []string{}
			for _, field := range row.Fields.List {
				switch {
				case field.Tag == nil:
				case table.MatchString(field.Tag.Value):
					of = table.FindStringSubmatch(field.Tag.Value)[1]
				case marked.MatchString(field.Tag.Value):
					columns = append(columns, strings.ToLower(field.Names[0].Name))
				}
			}
			if of == "" || len(columns) == 0 {
				return true
			}
			found++
			key := regexp.MustCompile(`PRIMARY KEY \((.*)\)`).FindStringSubmatch(strings.Join(schema[of], "\n"))
			require.NotNil(t, key, of)
			require.ElementsMatch(t, strings.Split(strings.ReplaceAll(key[1], "_", ""), ", "), columns, "%s: %s", name, of)
			return true
		})
	}
	require.Greater(t, found, 10)
}
