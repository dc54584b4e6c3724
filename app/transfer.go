package app

import (
	"context"
	"errors"
	"iter"
	"os"

	"canopy/app/usecase"
	"canopy/persistence"
)

// Import imports a document. A directory that is new begins with the document's own root;
// if the document has none, as a server would begin it.
func Import(ctx context.Context, cfg Config, doc usecase.Document, o usecase.ImportOptions) (usecase.ImportReport, Begun, error) {
	if o.DryRun {
		report, err := rehearse(ctx, cfg, doc, o)
		return report, Begun{}, err
	}
	db, err := OpenDatabase(ctx, &cfg)
	if err != nil {
		return usecase.ImportReport{}, Begun{}, err
	}
	defer db.Close()
	var begun Begun
	if !hasRoot(doc) {
		if begun, err = Begin(ctx, &cfg, db); err != nil {
			return usecase.ImportReport{}, begun, err
		}
	}
	report, err := Transfer(db, "(import)").Import(ctx, doc, o)
	return report, begun, err
}

// rehearse imports without changing anything. Where there is no directory yet it is done in
// one that goes away again.
func rehearse(ctx context.Context, cfg Config, doc usecase.Document, o usecase.ImportOptions) (usecase.ImportReport, error) {
	db, err := OpenPresent(ctx, &cfg)
	if errors.Is(err, errNoDirectory) {
		folder, err := os.MkdirTemp("", "canopy-")
		if err != nil {
			return usecase.ImportReport{}, err
		}
		defer os.RemoveAll(folder)
		cfg.Data, cfg.DatabaseURL = folder, ""
		if !hasRoot(doc) {
			doc = joined{sections{rootSection(cfg.RootAlias)}, doc}
		}
		if db, err = OpenDatabase(ctx, &cfg); err != nil {
			return usecase.ImportReport{}, err
		}
	} else if err != nil {
		return usecase.ImportReport{}, err
	}
	defer db.Close()
	return Transfer(db, "(import)").Import(ctx, doc, o)
}

// joined is one document behind another.
type joined [2]usecase.Document

// Sections implements usecase.Document.
func (j joined) Sections() iter.Seq2[*usecase.Section, error] {
	return func(yield func(*usecase.Section, error) bool) {
		for _, doc := range j {
			for s, err := range doc.Sections() {
				if !yield(s, err) {
					return
				}
			}
		}
	}
}

// hasRoot reports whether a document begins with the root organization.
func hasRoot(doc usecase.Document) bool {
	for section, err := range doc.Sections() {
		return err == nil && section.Path == "/"
	}
	return false
}

// Export gives write a document of the directory.
func Export(ctx context.Context, cfg Config, o usecase.ExportOptions, write func(usecase.Document) error) error {
	db, err := OpenPresent(ctx, &cfg)
	if err != nil {
		return err
	}
	defer db.Close()
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

func within(ctx context.Context, cfg Config, db *persistence.DB, work func(*Directory) error) error {
	d, err := Wire(ctx, cfg, db)
	if err != nil {
		db.Close()
		return err
	}
	return errors.Join(work(d), d.Close())
}
