package app

import (
	"context"
	"errors"
	"os"

	"canopy/app/authn"
	"canopy/app/transfer"
	"canopy/app/transfer/archive"
	"canopy/app/transfer/document"
	"canopy/persistence"
	"canopy/persistence/db"
)

// Import imports a document. A directory that is new begins with the document's own root;
// if the document has none, as a server would begin it. It is begun only if anything of the
// document can be imported: one that is refused leaves nothing behind. An embedded directory whose
// file is not there is made whole or not at all.
func Import(ctx context.Context, cfg Config, doc document.Document,
	o transfer.ImportOptions) (transfer.ImportReport, Begun, error) {
	db, err := OpenPresent(ctx, &cfg)
	switch {
	case err == nil:
		defer db.Close()
		if err := db.WriteMuch(ctx); err != nil {
			return transfer.ImportReport{}, Begun{}, err
		}
		openVault(&cfg, db)
		report, err := Transfer(db, importer).Import(ctx, doc, o)
		return report, Begun{}, err
	case !errors.Is(err, errNoDirectory):
		return transfer.ImportReport{}, Begun{}, err
	}
	if !o.DryRun {
		if fill, close, err := filler(ctx, &cfg); err != nil || fill != nil {
			if err != nil {
				return transfer.ImportReport{}, Begun{}, err
			}
			defer close()
			return fillNew(ctx, &cfg, fill, doc, o)
		}
	}
	first := o
	if !o.DryRun {
		first.DryRun, first.FirstOnly, first.Progress = true, true, nil
	}
	report, err := rehearse(ctx, cfg, doc, first)
	if err != nil || o.DryRun || report.Refuses() {
		return report, Begun{}, err
	}
	if db, err = OpenDatabase(ctx, &cfg); err != nil {
		return transfer.ImportReport{}, Begun{}, err
	}
	defer db.Close()
	if err := db.WriteMuch(ctx); err != nil {
		return transfer.ImportReport{}, Begun{}, err
	}
	return importNew(ctx, &cfg, db, doc, o)
}

// openVault lets the directory's secrets be read and written when there are any: only then the
// server's key is needed, and made if it is a new directory's.
func openVault(cfg *Config, database *db.DB) {
	opened := false
	database.OpenVault = func(ctx context.Context, make bool) error {
		settings := persistence.NewSettingStore(database)
		if known, err := settings.Get(ctx, keyCheck); err != nil || opened || known == "" && !make {
			return err
		}
		secret, err := loadKeys(ctx, cfg, settings)
		if err == nil {
			database.Vault, opened = db.NewVault(secret.vault), true
		}
		return err
	}
}

// importer is who imports, in the audit trail.
const importer = "(import)"

// importNew imports into a directory that is new.
func importNew(ctx context.Context, cfg *Config, db *db.DB, doc document.Document,
	o transfer.ImportOptions) (report transfer.ImportReport, begun Begun, err error) {
	openVault(cfg, db)
	if !hasRoot(doc) {
		if begun, err = Begin(ctx, cfg, db); err != nil {
			return report, begun, err
		}
	}
	report, err = Transfer(db, importer).Import(ctx, doc, o)
	return report, begun, err
}

// errRefused ends the making of a directory into which nothing was imported.
var errRefused = errors.New("nothing was imported")

// filling makes a directory of what write writes, at once: nothing is left if that fails or is cut off.
type filling func(ctx context.Context, write func(context.Context, *db.DB) error) error

// filler returns what makes the directory of an import at once, where that can be done, and what ends its use.
func filler(ctx context.Context, cfg *Config) (fill filling, end func(), err error) {
	if cfg.DatabaseURL != "" {
		database, err := ConnectDatabase(ctx, cfg)
		if err != nil {
			return nil, nil, err
		}
		if can, err := database.CanFill(ctx); err != nil || !can {
			database.Close()
			return nil, nil, err
		}
		return database.FillPostgres, func() { database.Close() }, nil
	}
	if present(cfg.databaseFile()) {
		return nil, nil, nil
	}
	unmake, err := makeData(cfg)
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context, write func(context.Context, *db.DB) error) error {
		err := db.FillSQLite(ctx, cfg.databaseFile(), write)
		if err == nil {
			return archive.SyncFolder(cfg.Data)
		}
		unmake()
		return err
	}, func() {}, nil
}

// fillNew imports into a directory that fill makes. Nothing is left of an import that is refused either.
func fillNew(ctx context.Context, cfg *Config, fill filling, doc document.Document,
	o transfer.ImportOptions) (report transfer.ImportReport, begun Begun, err error) {
	err = fill(ctx, func(ctx context.Context, db *db.DB) (err error) {
		db.Now = cfg.Now
		report, begun, err = importNew(ctx, cfg, db, doc, o)
		if err == nil && report.Refuses() {
			err = errRefused
		}
		return err
	})
	if err == nil {
		return report, begun, nil
	}
	if errors.Is(err, errRefused) {
		err = nil
	}
	return report, Begun{}, err
}

// rehearse finds out what an import into a new directory would do, in one that goes away again.
func rehearse(ctx context.Context, cfg Config, doc document.Document,
	o transfer.ImportOptions) (transfer.ImportReport, error) {
	folder, err := os.MkdirTemp("", "canopy-")
	if err != nil {
		return transfer.ImportReport{}, err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // nothing is left to do
	cfg.Data, cfg.DatabaseURL = folder, ""
	db, err := OpenDatabase(ctx, &cfg)
	if err != nil {
		return transfer.ImportReport{}, err
	}
	defer db.Close()
	report, _, err := importNew(ctx, &cfg, db, doc, o)
	return report, err
}

// hasRoot reports whether a document begins with the root organization.
func hasRoot(doc document.Document) bool {
	for section, err := range doc.Sections() {
		return err == nil && section.Path == "/"
	}
	return false
}

// Export gives write a document of the directory.
func Export(ctx context.Context, cfg Config, o transfer.ExportOptions, write func(document.Document) error) error {
	db, err := OpenPresent(ctx, &cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	openVault(&cfg, db)
	doc, err := Transfer(db, "(export)").Export(ctx, o)
	if err != nil {
		return err
	}
	return write(doc)
}

// WithDirectory opens the directory for one piece of work at the command line.
func WithDirectory(ctx context.Context, cfg Config, work func(*Directory) error) error {
	db, err := OpenPresent(ctx, &cfg)
	if err != nil {
		return err
	}
	return within(ctx, cfg, db, work)
}

// WithNewDirectory is WithDirectory, but begins the directory if it is new: without anybody, so
// that the first user created becomes the superUser.
func WithNewDirectory(ctx context.Context, cfg Config, work func(*Directory) error) error {
	db, err := OpenDatabase(ctx, &cfg)
	if err != nil {
		return err
	}
	cfg.Bootstrap = BootstrapFirstUser
	if _, err := Begin(ctx, &cfg, db); err != nil {
		db.Close()
		return err
	}
	return within(ctx, cfg, db, work)
}

func within(ctx context.Context, cfg Config, db *db.DB, work func(*Directory) error) error {
	d, err := Wire(ctx, cfg, db)
	if err != nil {
		db.Close()
		return err
	}
	return errors.Join(work(d), d.Close())
}

// ReadJSON returns the directory document whose text open opens.
func ReadJSON(open document.Open) document.JSON {
	return document.JSON{Open: open, CheckHash: authn.CheckHash}
}
