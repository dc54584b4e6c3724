package db

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
	bundialect "github.com/uptrace/bun/dialect"

	"canopy/domain"
	"canopy/persistence/db/migrations"
	"canopy/tenancy"
)

// Engine is a kind of database.
type Engine string

// The engines.
const (
	SQLite     Engine = "sqlite"
	PostgreSQL Engine = "postgres"
)

// dialect is everything that the engines do in different ways, besides how they are opened and what
// their errors are. No other place asks which engine it is.
type dialect struct {
	engine Engine
	// file is true for a database that is one file of this machine and has one writer at a time: a
	// transaction has it to itself, so rows need no locks, and the file is locked and copied by us.
	file bool
	// tableExists counts the tables of a name.
	tableExists string
	// steps are the migrations as goose and the engine read them.
	steps func() fs.FS
	goose goose.Dialect
	// having is described at DB.Having, detailed at DB.HavingDetail, lazily at DB.Lazily and beside at DB.Beside; these
	// have the places of the texts.
	having   func(Needles, Haystack) (Index, bool)
	detailed func(Detail, string, domain.OrganizationID) (Predicate, bool)
	lazily   string
	beside   string
	along    string
	// stretches are described at DB.stretches.
	stretches func([]tenancy.Range) Predicate
	// among is what stands before and behind places, quoted, of which a text is one.
	among [2]string
	quote string
	// needless reads the statements that drop, and those that make again, what is described at DB.dropIndexes, of some
	// tables but for indexes of some names; fillWords are described at migrations.FillWords.
	needless  string
	fillWords func() []string
}

// dialects are those of the engines by their names for Bun.
var dialects = map[bundialect.Name]*dialect{bundialect.SQLite: &sqliteDialect, bundialect.PG: &postgresDialect}

var sqliteDialect = dialect{
	engine:      SQLite,
	file:        true,
	tableExists: "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?",
	steps:       migrations.SQLite,
	goose:       goose.DialectSQLite3,
	having:      havingSQLite,
	detailed:    detailedSQLite,
	lazily:      "SELECT * FROM (%s)",
	beside:      "(%[1]s) AS m CROSS JOIN %[2]s AS %[3]s WHERE %[4]s",
	along:       "(%[1]s) AS m CROSS JOIN %[2]s AS %[3]s WHERE %[4]s LIMIT %[6]d OFFSET %[7]d",
	stretches:   stretchesSQLite,
	among:       [2]string{"IN (SELECT value FROM json_each('[", "]'))"},
	quote:       `"`,
	needless: "SELECT 'DROP ' || type || ' ' || name, sql FROM sqlite_schema " +
		"WHERE type IN ('index', 'trigger') AND sql IS NOT NULL AND tbl_name IN (?) AND name NOT IN (?) ORDER BY rowid",
	fillWords: migrations.FillWords,
}

var postgresDialect = dialect{
	engine:      PostgreSQL,
	tableExists: "SELECT count(to_regclass(?))",
	steps:       migrations.Postgres,
	goose:       goose.DialectPostgres,
	having:      havingPostgres,
	detailed:    detailedPostgres,
	lazily:      "WITH m AS MATERIALIZED (%s) SELECT * FROM m",
	beside:      "(%[1]s) AS m CROSS JOIN LATERAL (SELECT * FROM %[2]s AS %[3]s WHERE %[4]s OFFSET 0) AS %[3]s WHERE true",
	along: "(%[1]s) AS m CROSS JOIN LATERAL (SELECT * FROM %[2]s AS %[3]s WHERE %[4]s ORDER BY %[5]s LIMIT %[8]d) " +
		"AS %[3]s LIMIT %[6]d OFFSET %[7]d",
	stretches: stretchesPostgres,
	among:     [2]string{"= ANY(CAST('{", "}' AS text[]))"},
	needless:  needlessPostgres,
	fillWords: func() []string { return nil },
}

// Engine returns the kind of database, to name it.
func (d *DB) Engine() Engine { return d.dialect.engine }

// OneWriter reports whether one transaction at a time writes. It must not wait for another one then.
func (d *DB) OneWriter() bool { return d.dialect.file || d.filling }

// For is the clause that locks the rows which a statement of a transaction reads: For("UPDATE"),
// For("SHARE"), For("UPDATE OF c SKIP LOCKED") and so on. It is empty where a transaction has the
// database to itself.
func (d *DB) For(lock string) string {
	if d.OneWriter() {
		return ""
	}
	return " FOR " + lock
}

// Aside names a column in an equality beside a stretch of another column by which an index is to find the rows.
// SQLite takes any equality for the narrower of the two.
func (d *DB) Aside(column string) string {
	if d.dialect.file {
		return "+" + column
	}
	return column
}

// Bytewise names a column of text in the order of its bytes, whatever else it is ordered by.
func (d *DB) Bytewise(column string) string {
	if d.dialect.file {
		return column
	}
	return column + ` COLLATE "C"`
}

// lockMigrations keeps other processes from migrating: those with the same file, or those that take
// goose's lock on the server, also in a session as programs before did. Both locks end with the process.
func (d *DB) lockMigrations(ctx context.Context) (release func(), err error) {
	if !d.dialect.file {
		return d.lockServer(ctx)
	}
	file := flock.New(d.path + ".migrate")
	held, err := file.TryLockContext(ctx, 50*time.Millisecond)
	if err != nil || !held {
		return nil, fmt.Errorf("lock %s for migration: %w", d.path, err)
	}
	return func() { _ = file.Unlock() }, nil
}
