package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"canopy/persistence/db"
)

// OpenDatabase opens the configured database, which it makes if there is none, and brings
// its schema up to date.
func OpenDatabase(ctx context.Context, cfg *Config) (*db.DB, error) {
	db, err := ConnectDatabase(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if _, err := Migrate(ctx, db); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// OpenPresent opens the database of a directory that is there, and changes nothing: it fails
// if there is none, or if its schema is not up to date.
func OpenPresent(ctx context.Context, cfg *Config) (*db.DB, error) {
	db, err := ConnectPresent(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := checkPresent(ctx, cfg, db); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

func checkPresent(ctx context.Context, cfg *Config, database *db.DB) error {
	if _, err := unknownSteps(ctx, database, ReadBuild().Version); err != nil {
		return err
	}
	steps, err := database.MigrationStatus(ctx)
	if err != nil {
		return err
	}
	pending := func(m db.Migration) bool { return m.Applied.IsZero() }
	switch {
	case pending(steps[0]):
		return noDirectory(cfg)
	case slices.ContainsFunc(steps, pending):
		return errors.New("migrations are pending: run canopy migrate up, or start the server")
	}
	there, err := exists(ctx, database)
	if err == nil && !there {
		err = noDirectory(cfg)
	}
	return err
}

// errNoDirectory is the cause of an error that says where there is no directory.
var errNoDirectory = errors.New("there is no directory")

func noDirectory(cfg *Config) error {
	if cfg.DatabaseURL != "" {
		return fmt.Errorf("%w in the database", errNoDirectory)
	}
	return fmt.Errorf("%w in %s", errNoDirectory, cfg.Data)
}

// ConnectPresent opens the configured database as it is, and does not make one.
func ConnectPresent(ctx context.Context, cfg *Config) (*db.DB, error) {
	if cfg.DatabaseURL == "" {
		if _, err := os.Stat(cfg.databaseFile()); errors.Is(err, fs.ErrNotExist) {
			return nil, noDirectory(cfg)
		}
	}
	return ConnectDatabase(ctx, cfg)
}

// connectWithin bounds how long the database may take to answer at the start.
const connectWithin = 10 * time.Second

// ConnectDatabase opens the configured database as it is, or makes an empty one.
func ConnectDatabase(ctx context.Context, cfg *Config) (*db.DB, error) {
	var database *db.DB
	var err error
	if cfg.DatabaseURL == "" {
		if _, err := makeData(cfg); err != nil {
			return nil, err
		}
		database, err = db.OpenSQLite(cfg.databaseFile())
	} else {
		database, err = connectPostgres(ctx, cfg.DatabaseURL)
	}
	if err != nil {
		return nil, err
	}
	database.Now = cfg.Now
	return database, nil
}

// makeData makes the data folder. What it returns removes it again if it was not there and nothing is in it.
func makeData(cfg *Config) (unmake func(), err error) {
	there := present(cfg.Data)
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("--data: make the data folder: %w", err)
	}
	return func() {
		if !there {
			_ = os.Remove(cfg.Data)
		}
	}, nil
}

func connectPostgres(ctx context.Context, url string) (*db.DB, error) {
	database, err := db.OpenPostgres(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("--database-url: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	if err := database.Ping(ctx); err != nil {
		database.Close()
		return nil, fmt.Errorf("--database-url: the database does not answer: %s", db.WhyNoConnection(err))
	}
	return database, nil
}
