package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"canopy/app/transfer/archive"
	"canopy/persistence"
	"canopy/persistence/db"
)

// errPostgresBackup says how a directory in PostgreSQL is kept.
var errPostgresBackup = errors.New(
	"a directory in PostgreSQL is backed up and restored with PostgreSQL's own programs " +
		"(pg_dump --format=custom and pg_restore, or pg_basebackup); keep the server's key beside the copy " +
		"(CANOPY_SERVER_KEY, or " + keyFile + " in the data folder), without which it cannot be opened")

// Backup writes the embedded database and the server's key to path, also while a server runs:
// everything that was acknowledged before is in it. The copy was opened and found whole when
// Backup returns. A backup that is there is replaced, any other file is not.
func Backup(ctx context.Context, cfg Config, path string) (m archive.Manifest, err error) {
	if cfg.DatabaseURL != "" {
		return m, errPostgresBackup
	}
	if err := archive.CheckTarget(path); err != nil {
		return m, err
	}
	db, err := ConnectPresent(ctx, &cfg)
	if err != nil {
		return m, err
	}
	defer db.Close()
	folder, err := os.MkdirTemp(filepath.Dir(path), ".canopy-backup-*") // 0700
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // nothing is left to do
	file := filepath.Join(folder, filepath.Base(cfg.databaseFile()))
	m.Version, m.Time = ReadBuild().Version, cfg.Now().UTC()
	if err := db.Copy(ctx, file); err != nil {
		return m, err
	}
	check, err := inspect(ctx, &cfg, file, &m)
	if err != nil {
		return m, err
	}
	key, err := keyFor(&cfg, check)
	if err != nil {
		return m, err
	}
	return archive.Write(path, file, key, m)
}

// inspect opens a database file, and returns an error unless it is whole and has a directory. It
// puts the schema into the manifest and returns what the server's key is checked by, empty if
// the directory has none yet.
func inspect(ctx context.Context, cfg *Config, file string, m *archive.Manifest) (check string, err error) {
	db, err := db.OpenSQLite(file)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }() // leaves one file
	if err := db.CheckIntegrity(ctx); err != nil {
		return "", err
	}
	steps, err := db.MigrationStatus(ctx)
	if err != nil {
		return "", err
	}
	for _, step := range steps {
		if !step.Applied.IsZero() {
			m.Schema = step.Version
		}
	}
	if m.Schema == 0 {
		return "", noDirectory(cfg)
	}
	return persistence.NewSettingStore(db).Get(ctx, keyCheck)
}

// keyFor returns the server's key that fits check, empty if there is none to fit.
func keyFor(cfg *Config, check string) (string, error) {
	key := cfg.ServerKey
	if key == "" {
		var err error
		if key, err = readServerKey(filepath.Join(cfg.Data, keyFile)); errors.Is(err, fs.ErrNotExist) && check == "" {
			return "", nil
		} else if errors.Is(err, fs.ErrNotExist) {
			return "", errKeyMissing
		} else if err != nil {
			return "", err
		}
	}
	if check != "" && check != checkOf(key) {
		return "", errOtherKey
	}
	return key, nil
}

// Restore puts the directory of the backup at path into the data folder, which has none. It never
// writes over anything; what it puts there was opened and found whole, with its key, before.
func Restore(ctx context.Context, cfg Config, path string) (m archive.Manifest, err error) {
	if cfg.DatabaseURL != "" {
		return m, errPostgresBackup
	}
	if _, err := os.Stat(path); err != nil {
		return m, err
	}
	unmake, err := makeData(&cfg)
	if err != nil {
		return m, err
	}
	defer func() {
		if err != nil {
			unmake()
		}
	}()
	if err := checkVacant(&cfg); err != nil {
		return m, err
	}
	folder, err := os.MkdirTemp(cfg.Data, ".restore-*")
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	file := filepath.Join(folder, filepath.Base(cfg.databaseFile()))
	m, key, err := archive.Extract(path, file)
	if err != nil {
		return m, err
	}
	check, err := inspect(ctx, &cfg, file, &m)
	if err != nil {
		return m, err
	}
	if check != "" && check != checkOf(key) {
		return m, errors.New("the key in the backup is not the directory's")
	}
	if err := putKey(&cfg, key); err != nil {
		return m, err
	}
	// A link, unlike a new name, fails if a database has appeared meanwhile.
	if err := os.Link(file, cfg.databaseFile()); errors.Is(err, fs.ErrExist) {
		return m, checkVacant(&cfg)
	} else if err != nil {
		return m, err
	}
	return m, archive.SyncFolder(cfg.Data)
}

// checkVacant returns an error if a directory, or what a running server keeps of one, is in the
// data folder.
func checkVacant(cfg *Config) error {
	there, err := filepath.Glob(globbed(cfg.databaseFile()) + "*")
	if err != nil {
		return err
	}
	if len(there) > 0 {
		return fmt.Errorf("a directory is in %s already (%s): restore writes over nothing; name another folder with --data, "+
			"or stop the server and move this one away", cfg.Data, filepath.Base(there[0]))
	}
	return nil
}

// globbed returns the pattern that only path matches.
func globbed(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func present(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// putKey writes the restored key, unless the folder has that key already.
func putKey(cfg *Config, key string) error {
	path := filepath.Join(cfg.Data, keyFile)
	if present(path) {
		if have, err := readServerKey(path); err != nil || have != key {
			return fmt.Errorf(
				"another server key is in %s already: restore writes over nothing; move it away, or name another folder with "+
					"--data", path)
		}
		return nil
	}
	if key == "" {
		return nil
	}
	return writeServerKey(path, key)
}
