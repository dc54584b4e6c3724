package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"canopy/domain"
)

// Spread is how the rows of a table are spread over the machines of a database that is split by organization.
type Spread string

const (
	// ByOrganization are the tables whose rows are with their organization, all on one machine.
	ByOrganization Spread = "organization_id"
	// ByName and BySubject are those whose rows are unique over the directory, each where its value leads.
	ByName    Spread = "name"
	BySubject Spread = "subject"
	// Everywhere are those that each machine has whole, and that change rarely: all machines are needed for that.
	Everywhere Spread = "everywhere"
	// OnOne are those that one machine has for all.
	OnOne Spread = "one"
)

// SpreadTable is a table of the schema with how it is spread.
type SpreadTable struct {
	Table  string
	Spread Spread
}

// Distribution is every table of the schema, in the order in which they can be spread: behind those that their foreign
// keys lead to.
var Distribution = slices.Concat(
	spread(ByOrganization, "organizations", "organization_attributes", "organization_counts",
		"organization_pictures", "registration_codes", "providers", "mail_domains", "provider_links",
		"departures", "environments",
		"environment_names", "environment_counts", "groups", "users", "user_groups", "user_environments",
		"user_attributes", "user_pictures", "user_marks", "user_contacts", "group_admins", "known_addresses", "known_devices",
		"secrets", "sessions", "provider_sessions", "api_keys", "factors", "recovery_codes", "bookmarks", "objects",
		"object_names",
		"object_access", "object_uses", "object_owners", "object_usage", "copy_requests", "presences", "audit",
		"outbox", "kept_answers"),
	spread(ByName, "login_names", "mail_addresses", "registration_code_names", "api_key_names",
		"mail_domain_names"),
	spread(BySubject, "sign_in_failures", "limits"),
	spread(Everywhere, "settings", "signing_keys", "sign_in_rules", "sign_in_reminders",
		"break_glass"),
	spread(OnOne, "id_blocks", "schema_steps", "goose_db_version"),
)

func spread(by Spread, tables ...string) []SpreadTable {
	all := make([]SpreadTable, len(tables))
	for i, table := range tables {
		all[i] = SpreadTable{table, by}
	}
	return all
}

// The errors of a database that cannot be spread. Nothing is changed then.
var (
	errFile  = errors.New("a directory in a file is on one machine; only one on PostgreSQL can be distributed")
	errCitus = errors.New("this PostgreSQL does not have the extension citus, so nothing was changed; " +
		"with citus in shared_preload_libraries, run CREATE EXTENSION citus in the database of the directory")
	errSteps = errors.New("migrations are pending, so nothing was changed; run canopy migrate up")
)

// words says how a table is spread.
func (s Spread) words() string {
	switch s {
	case Everywhere:
		return "whole on each machine"
	case OnOne:
		return "on the coordinator"
	}
	return "by " + string(s)
}

// Distribute spreads the tables of a directory on PostgreSQL with the extension citus, one after the other, and calls
// told with the name of each that it has spread, and how. Those that are spread already it leaves, so that it can be
// called again after an error. It returns an error, and changes nothing, where the database cannot be spread: it is a
// file, has no such extension, has tables that are not in Distribution, or that are spread in another way.
func (d *DB) Distribute(ctx context.Context, told func(table, how string)) error {
	if d.dialect.file {
		return errFile
	}
	pending, err := d.MigrationsPending(ctx)
	if err != nil {
		return err
	}
	if pending {
		return errSteps
	}
	release, err := d.lockMigrations(ctx)
	if err != nil {
		return err
	}
	defer release()
	spread, has, err := d.distributed(ctx)
	if err != nil {
		return err
	}
	if !has {
		return errCitus
	}
	if err := d.checkDistribution(ctx, spread); err != nil {
		return err
	}
	for _, t := range Distribution {
		if spread[t.Table] != "" {
			continue
		}
		err := d.TryTx(beyond(ctx), func(ctx context.Context, tx bun.Tx) error {
			if _, err := tx.ExecContext(ctx, "SET LOCAL statement_timeout = 0"); err != nil { // it takes what the table is large
				return err
			}
			_, err := tx.ExecContext(ctx, "SELECT "+t.call()) // a text that is made of constants
			return err
		})
		if err != nil {
			return fmt.Errorf("spread %s: %w", t.Table, err)
		}
		told(t.Table, t.Spread.words())
	}
	return nil
}

// call returns what spreads the table.
func (t SpreadTable) call() string {
	switch t.Spread {
	case Everywhere:
		return "create_reference_table('" + t.Table + "')"
	case OnOne:
		return "citus_add_local_table_to_metadata('" + t.Table + "')"
	case ByOrganization:
		with := "organizations"
		if t.Table == with {
			with = "none"
		}
		return "create_distributed_table('" + t.Table + "', 'organization_id', colocate_with => '" + with + "')"
	}
	return "create_distributed_table('" + t.Table + "', '" + string(t.Spread) + "', colocate_with => 'none')"
}

// checkDistribution returns an error unless the tables that there are, are those of Distribution, and those that are
// spread are so in its way.
func (d *DB) checkDistribution(ctx context.Context, spread map[string]Spread) error {
	rows, err := d.read.QueryContext(ctx,
		"SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename")
	tables, err := Collect(rows, err, Scalar[string])
	if err != nil {
		return err
	}
	var wrong []string
	for _, table := range tables {
		switch i := slices.IndexFunc(Distribution, func(t SpreadTable) bool { return t.Table == table }); {
		case i < 0:
			wrong = append(wrong, table+" is not the directory's")
		case spread[table] != "" && spread[table] != Distribution[i].Spread:
			wrong = append(wrong, fmt.Sprintf("%s is spread by %s instead of %s", table, spread[table], Distribution[i].Spread))
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("nothing was changed: %s", strings.Join(wrong, "; "))
	}
	return nil
}

// DistributionStatus returns each table that should be spread, and how it is, in the order of Distribution. It returns
// nothing for a database of which no table is spread.
func (d *DB) DistributionStatus(ctx context.Context) ([][2]string, error) {
	spread, _, err := d.distributed(ctx)
	if err != nil || len(spread) == 0 {
		return nil, err
	}
	status := make([][2]string, len(Distribution))
	for i, t := range Distribution {
		status[i] = [2]string{t.Table, "not spread: run canopy migrate distribute"}
		if by := spread[t.Table]; by != "" {
			status[i][1] = by.words()
		}
	}
	return status, nil
}

// distributed returns how the tables are spread that are, by name. It reports false on a database without the extension
// that spreads them.
func (d *DB) distributed(ctx context.Context) (map[string]Spread, bool, error) {
	if d.dialect.file {
		return nil, false, nil
	}
	rows, err := d.read.QueryContext(ctx, "SELECT count(*) FROM pg_extension WHERE extname = 'citus'")
	extensions, err := Only(rows, err, Scalar[int], domain.ErrInternal)
	if err != nil || extensions == 0 {
		return nil, false, err
	}
	// Tables that are with the organizations have the group of those; others by that column are spread in another way.
	rows, err = d.read.QueryContext(ctx, `SELECT c.relname, CASE
			WHEN p.partmethod = 'h' AND p.partkey IS NOT NULL THEN column_to_column_name(p.logicalrelid, p.partkey) ||
				CASE WHEN column_to_column_name(p.logicalrelid, p.partkey) <> 'organization_id' OR p.colocationid =
					(SELECT o.colocationid FROM pg_dist_partition o WHERE o.logicalrelid = to_regclass('organizations'))
					THEN '' ELSE ', apart from the organizations' END
			WHEN p.partmethod = 'n' AND p.repmodel = 't' THEN 'everywhere'
			WHEN p.partmethod = 'n' AND p.repmodel = 's' THEN 'one'
			ELSE 'method ' || CAST(p.partmethod AS text) END
		FROM pg_dist_partition p JOIN pg_class c ON c.oid = p.logicalrelid
		WHERE c.relnamespace = current_schema()::regnamespace`)
	spread := make(map[string]Spread)
	_, err = Collect(rows, err, func(r Row) (struct{}, error) {
		var table string
		var by Spread
		err := r.Scan(&table, &by)
		spread[table] = by
		return struct{}{}, err
	})
	return spread, true, err
}
