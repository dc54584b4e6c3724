package persistence

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"canopy/persistence/migrations"
)

// Migration is one step of the schema.
type Migration struct {
	Version int64
	Name    string
	// Applied is when the step was run; zero if it was not.
	Applied time.Time
}

// Migrate brings the schema up to date and returns the steps it ran. Several processes
// may call it at once: one does the work while the others wait.
func (d *DB) Migrate(ctx context.Context) ([]Migration, error) {
	release, err := d.lockMigrations(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	p, err := d.migrations()
	if err != nil {
		return nil, err
	}
	results, err := p.Up(ctx)
	var done []Migration
	for _, r := range results {
		done = append(done, Migration{Version: r.Source.Version, Name: r.Source.Path, Applied: time.Now()})
	}
	if err != nil {
		return done, fmt.Errorf("migrate: %w", translate(err))
	}
	return done, nil
}

// MigrationStatus returns all steps, oldest first. It changes nothing: a database that is
// empty stays so.
func (d *DB) MigrationStatus(ctx context.Context) ([]Migration, error) {
	p, err := d.migrations()
	if err != nil {
		return nil, err
	}
	applied, err := d.appliedMigrations(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", translate(err))
	}
	var steps []Migration
	for _, source := range p.ListSources() {
		steps = append(steps, Migration{Version: source.Version, Name: source.Path, Applied: applied[source.Version]})
	}
	return steps, nil
}

// appliedMigrations returns when each step was run, by version.
func (d *DB) appliedMigrations(ctx context.Context) (map[int64]time.Time, error) {
	exists := "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '" + goose.DefaultTablename + "'"
	if d.engine == PostgreSQL {
		exists = "SELECT count(to_regclass('" + goose.DefaultTablename + "'))"
	}
	var begun int
	if err := d.read.DB.QueryRowContext(ctx, exists).Scan(&begun); err != nil || begun == 0 {
		return nil, err
	}
	applied := make(map[int64]time.Time)
	rows, err := d.read.DB.QueryContext(ctx, "SELECT version_id, tstamp FROM "+goose.DefaultTablename+" WHERE is_applied")
	_, err = collect(rows, err, func(r row) (struct{}, error) {
		var version int64
		var at time.Time
		err := r.Scan(&version, &at)
		applied[version] = at
		return struct{}{}, err
	})
	return applied, err
}

// MigrationsPending reports whether steps are missing. A schema that was current stays so,
// so the database is not asked again.
func (d *DB) MigrationsPending(ctx context.Context) (bool, error) {
	if d.current.Load() {
		return false, nil
	}
	steps, err := d.MigrationStatus(ctx)
	if err != nil {
		return false, err
	}
	pending := slices.ContainsFunc(steps, func(m Migration) bool { return m.Applied.IsZero() })
	d.current.Store(!pending)
	return pending, nil
}

// lockMigrations keeps other processes of an SQLite file out; PostgreSQL has a lock of
// its own. Both kinds end with the process.
func (d *DB) lockMigrations(ctx context.Context) (release func(), err error) {
	if d.engine != SQLite {
		return func() {}, nil
	}
	file := flock.New(d.path + ".migrate")
	held, err := file.TryLockContext(ctx, 50*time.Millisecond)
	if err != nil || !held {
		return nil, fmt.Errorf("lock %s for migration: %w", d.path, err)
	}
	return func() { _ = file.Unlock() }, nil
}

func (d *DB) dialect() goose.Dialect {
	if d.engine == PostgreSQL {
		return goose.DialectPostgres
	}
	return goose.DialectSQLite3
}

// migrations returns the steps of the database's engine.
func (d *DB) migrations() (*goose.Provider, error) {
	folder, err := fs.Sub(migrations.FS, string(d.engine))
	if err != nil {
		return nil, err
	}
	var options []goose.ProviderOption
	if d.engine == PostgreSQL {
		// Whoever finds the lock taken looks again each second; the default is five.
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(d.dialect(), d.write.DB, folder, options...)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return provider, nil
}
