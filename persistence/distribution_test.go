package persistence_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

// notCitus stands for the extension, which cannot be had here: it notes what would be spread, and refuses what the
// extension was seen to refuse.
var notCitus = []string{
	`CREATE SCHEMA citus`,
	`CREATE TABLE citus.pg_dist_partition (n serial, logicalrelid regclass PRIMARY KEY, partmethod "char", partkey text,
		colocationid serial, repmodel "char")`,
	`CREATE TABLE citus.broken (name text)`,
	`CREATE FUNCTION citus.column_to_column_name(regclass, text) RETURNS text LANGUAGE sql AS 'SELECT $2'`,
	`CREATE FUNCTION citus.create_distributed_table(t regclass, col text, colocate_with text) RETURNS void
	LANGUAGE plpgsql AS $$ BEGIN
		IF EXISTS (SELECT FROM citus.broken WHERE name = t::text) THEN
			RAISE 'connection to the remote node failed' USING ERRCODE = '08006';
		END IF;
		IF EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = t AND c.contype = 'f' AND c.confrelid <> t
			AND c.confrelid NOT IN (SELECT p.logicalrelid FROM citus.pg_dist_partition p)) THEN
			RAISE 'referenced table must be a distributed table or a reference table';
		END IF;
		IF EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t AND i.indisunique AND NOT EXISTS (SELECT FROM pg_attribute a
			WHERE a.attrelid = t AND a.attname = col AND a.attnum = ANY (i.indkey))) THEN
			RAISE 'cannot have UNIQUE or PRIMARY KEY constraints that do not include the partition column';
		END IF;
		INSERT INTO citus.pg_dist_partition (logicalrelid, partmethod, partkey, repmodel) VALUES (t, 'h', col, 's');
		UPDATE citus.pg_dist_partition SET colocationid = (SELECT p.colocationid FROM citus.pg_dist_partition p
			WHERE p.logicalrelid = to_regclass(colocate_with)) WHERE logicalrelid = t AND colocate_with <> 'none';
	END $$`,
	`CREATE FUNCTION citus.create_reference_table(t regclass) RETURNS void LANGUAGE sql AS
		$$ INSERT INTO citus.pg_dist_partition (logicalrelid, partmethod, repmodel) VALUES (t, 'n', 't') $$`,
	`CREATE FUNCTION citus.citus_add_local_table_to_metadata(t regclass) RETURNS void LANGUAGE sql AS
		$$ INSERT INTO citus.pg_dist_partition (logicalrelid, partmethod, repmodel) VALUES (t, 'n', 's') $$`,
	`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, citus', current_database()); END $$`,
	`INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
		VALUES (4242424, 'citus', 10, 'citus'::regnamespace, false, '0')`,
}

// The tables are spread in an order that the extension takes, once each, and what was begun is gone on with.
func TestDistribute(t *testing.T) {
	t.Parallel()
	open := storetest.Fresh(t, "postgres")
	d := open()
	run := func(d *db.DB, statements ...string) {
		t.Helper()
		for _, statement := range statements {
			_, err := d.Pool().ExecContext(t.Context(), statement)
			require.NoError(t, err, statement)
		}
	}
	var told []string
	distribute := func(d *db.DB) error {
		told = nil
		return d.Distribute(t.Context(), func(table, how string) { told = append(told, table+" "+how) })
	}
	require.ErrorContains(t, distribute(storetest.SQLite(t)), "only one on PostgreSQL")
	require.ErrorContains(t, distribute(d), "does not have the extension citus, so nothing was changed")
	status, err := d.DistributionStatus(t.Context())
	require.NoError(t, err)
	require.Empty(t, status)

	run(d, notCitus...)
	d = open() // which finds the functions
	run(d, "CREATE TABLE guest (id bigint)")
	require.ErrorContains(t, distribute(d), "nothing was changed: guest is not the directory's")
	run(d, "DROP TABLE guest",
		"INSERT INTO citus.pg_dist_partition (logicalrelid, partmethod, partkey) VALUES ('audit', 'h', 'at')")
	require.ErrorContains(t, distribute(d), "audit is spread by at instead of organization_id")
	run(d, "DELETE FROM citus.pg_dist_partition", "SELECT create_distributed_table('audit', 'organization_id', 'none')",
		"SELECT create_distributed_table('organizations', 'organization_id', 'none')")
	require.ErrorContains(t, distribute(d), "audit is spread by organization_id, apart from the organizations")
	run(d, "DELETE FROM citus.pg_dist_partition")
	require.Empty(t, told)

	run(d, "INSERT INTO citus.broken VALUES ('objects')")
	require.ErrorContains(t, distribute(d), "spread objects: ")
	first := told
	require.Equal(t, "organizations by organization_id", first[0])
	status, err = d.DistributionStatus(t.Context())
	require.NoError(t, err)
	require.Contains(t, status, [2]string{"users", "by organization_id"})
	require.Contains(t, status, [2]string{"objects", "not spread: run canopy migrate distribute"})
	run(d, "DELETE FROM citus.broken")
	require.NoError(t, distribute(d))
	require.Equal(t, "objects by organization_id", told[0], "what is spread stays so")
	var want []string
	for _, table := range db.Distribution {
		want = append(want, table.Table)
	}
	require.Equal(t, want, strings1(t, d, "SELECT logicalrelid::text FROM citus.pg_dist_partition ORDER BY n"))
	all := strings.Join(append(first, told...), "\n")
	for _, line := range []string{"login_names by name", "limits by subject", "settings whole on each machine",
		"id_blocks on the coordinator"} {
		require.Contains(t, all, line)
	}
	require.Equal(t, []string{"1"}, strings1(t, d,
		"SELECT count(DISTINCT colocationid)::text FROM citus.pg_dist_partition WHERE partkey = 'organization_id'"))
	require.NoError(t, distribute(d))
	require.Empty(t, told, "nothing is left to do")
}
