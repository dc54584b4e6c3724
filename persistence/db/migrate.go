package db

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/pressly/goose/v3"

	"canopy/domain"
)

// Migration is one step of the schema.
type Migration struct {
	Version int64
	Name    string
	// Applied is when the step was run; zero if it was not.
	Applied time.Time
	// Unknown is that this program does not have the step: a newer one ran it.
	Unknown bool
	// Needs is the version that a program must have to work with a schema with this step, such as
	// 0.2; empty for any.
	Needs string
}

// Migrate brings the schema up to date and returns the steps it ran. Several processes
// may call it at once: one does the work while the others wait.
func (d *DB) Migrate(ctx context.Context) ([]Migration, error) {
	done, err := d.runSteps(ctx)
	if err != nil {
		return done, err
	}
	return done, d.prepareWords(ctx)
}

// runSteps runs the steps that were not run yet, and returns them.
func (d *DB) runSteps(ctx context.Context) ([]Migration, error) {
	release, err := d.lockMigrations(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	p, err := d.migrations()
	if err != nil {
		return nil, err
	}
	if err := d.declareSteps(ctx, p); err != nil { // before them: a program that is too old is never let in between
		return nil, err
	}
	results, err := p.Up(ctx)
	var done []Migration
	for _, r := range results {
		done = append(done, Migration{Version: r.Source.Version, Name: r.Source.Path, Applied: time.Now()})
	}
	if err != nil {
		return done, fmt.Errorf("migrate: %w", Translate(err))
	}
	return done, d.declareSteps(ctx, p)
}

// needsLine is the line in which a step says which program it needs at least.
var needsLine = regexp.MustCompile(`(?m)^-- canopy: needs ([0-9]+(?:\.[0-9]+){1,2})$`)

// needs returns which program a step needs at least, empty for any.
func (d *DB) needs(file string) (string, error) {
	text, err := fs.ReadFile(d.dialect.steps(), file)
	if err != nil {
		return "", fmt.Errorf("read the migrations: %w", err)
	}
	found := needsLine.FindSubmatch(text)
	if found == nil {
		return "", nil
	}
	return string(found[1]), nil
}

// declareSteps writes down what this program's steps are called and need, once there is a place for it.
func (d *DB) declareSteps(ctx context.Context, p *goose.Provider) error {
	if there, err := d.hasTable(ctx, "schema_steps"); err != nil || !there {
		return Translate(err)
	}
	rows, err := d.read.QueryContext(ctx, "SELECT version FROM schema_steps")
	declared, err := Collect(rows, err, Scalar[int64])
	if err != nil {
		return err
	}
	for _, source := range p.ListSources() {
		if slices.Contains(declared, source.Version) {
			continue
		}
		needs, err := d.needs(source.Path)
		if err != nil {
			return err
		}
		_, err = d.write.ExecContext(ctx,
			"INSERT INTO schema_steps (version, name, needs) VALUES (?, ?, ?) ON CONFLICT (version) DO NOTHING",
			source.Version, source.Path, needs)
		if err != nil {
			return fmt.Errorf("migrate: %w", Translate(err))
		}
	}
	return nil
}

// hasTable reports whether there is a table of that name.
func (d *DB) hasTable(ctx context.Context, name string) (bool, error) {
	rows, err := d.read.QueryContext(ctx, d.dialect.tableExists, name)
	n, err := Only(rows, err, Scalar[int], domain.ErrInternal)
	return n > 0, err
}

// MigrationStatus returns all steps, oldest first, those this program does not have among them. It
// changes nothing: a database that is empty stays so.
func (d *DB) MigrationStatus(ctx context.Context) ([]Migration, error) {
	p, err := d.migrations()
	if err != nil {
		return nil, err
	}
	applied, err := d.appliedMigrations(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", Translate(err))
	}
	var steps []Migration
	for _, source := range p.ListSources() {
		needs, err := d.needs(source.Path)
		if err != nil {
			return nil, err
		}
		steps = append(steps, Migration{Version: source.Version, Name: source.Path, Applied: applied[source.Version],
			Needs: needs})
		delete(applied, source.Version)
	}
	unknown, err := d.unknownSteps(ctx, applied)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	steps = append(steps, unknown...)
	slices.SortStableFunc(steps, func(a, b Migration) int { return cmp.Compare(a.Version, b.Version) })
	return steps, nil
}

// unknownSteps returns what is known of steps that were run and that this program does not have. The
// step 0 is goose's own.
func (d *DB) unknownSteps(ctx context.Context, applied map[int64]time.Time) ([]Migration, error) {
	delete(applied, 0)
	if len(applied) == 0 {
		return nil, nil
	}
	known := make(map[int64]Migration)
	there, err := d.hasTable(ctx, "schema_steps")
	if err != nil {
		return nil, err
	}
	if there {
		rows, err := d.read.QueryContext(ctx, "SELECT version, name, needs FROM schema_steps")
		_, err = Collect(rows, err, func(r Row) (struct{}, error) {
			var m Migration
			err := r.Scan(&m.Version, &m.Name, &m.Needs)
			known[m.Version] = m
			return struct{}{}, err
		})
		if err != nil {
			return nil, err
		}
	}
	var steps []Migration
	for version, at := range applied {
		m := known[version]
		if m.Name == "" {
			m.Name = strconv.FormatInt(version, 10)
		}
		m.Version, m.Applied, m.Unknown = version, at, true
		steps = append(steps, m)
	}
	return steps, nil
}

// appliedMigrations returns when each step was run, by version.
func (d *DB) appliedMigrations(ctx context.Context) (map[int64]time.Time, error) {
	begun, err := d.hasTable(ctx, goose.DefaultTablename)
	if err != nil || !begun {
		return nil, err
	}
	applied := make(map[int64]time.Time)
	rows, err := d.read.QueryContext(ctx, "SELECT version_id, tstamp FROM "+goose.DefaultTablename+" WHERE is_applied")
	_, err = Collect(rows, err, func(r Row) (struct{}, error) {
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

// migrations returns what runs the steps.
func (d *DB) migrations() (*goose.Provider, error) {
	provider, err := goose.NewProvider(d.dialect.goose, d.write.DB, d.dialect.steps())
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return provider, nil
}
