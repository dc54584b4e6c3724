package persistence

import (
	"context"
	"fmt"
	"io/fs"
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
	var done []Migration
	err = d.withMigrations(func(p *goose.Provider) error {
		results, err := p.Up(ctx)
		for _, r := range results {
			done = append(done, Migration{Version: r.Source.Version, Name: r.Source.Path, Applied: time.Now()})
		}
		return err
	})
	return done, err
}

// MigrationStatus returns all steps, oldest first.
func (d *DB) MigrationStatus(ctx context.Context) ([]Migration, error) {
	var steps []Migration
	err := d.withMigrations(func(p *goose.Provider) error {
		status, err := p.Status(ctx)
		for _, s := range status {
			steps = append(steps, Migration{Version: s.Source.Version, Name: s.Source.Path, Applied: s.AppliedAt})
		}
		return err
	})
	return steps, err
}

// MigrationsPending reports whether steps are missing.
func (d *DB) MigrationsPending(ctx context.Context) (pending bool, err error) {
	err = d.withMigrations(func(p *goose.Provider) error {
		pending, err = p.HasPending(ctx)
		return err
	})
	return pending, err
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

// withMigrations gives use the steps of the database's engine.
func (d *DB) withMigrations(use func(*goose.Provider) error) error {
	folder, err := fs.Sub(migrations.FS, string(d.engine))
	if err != nil {
		return err
	}
	dialect, options := goose.DialectSQLite3, []goose.ProviderOption(nil)
	if d.engine == PostgreSQL {
		// Whoever finds the lock taken looks again each second; the default is five.
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
		if err != nil {
			return err
		}
		dialect, options = goose.DialectPostgres, append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(dialect, d.write.DB, folder, options...)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if err := use(provider); err != nil {
		return fmt.Errorf("migrate: %w", translate(err))
	}
	return nil
}
