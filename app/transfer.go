package app

import (
	"context"
	"iter"

	"canopy/app/usecase"
	"canopy/persistence"
)

// Import imports a document. A directory that is new begins with the document's own root;
// if the document has none, as a server would begin it.
func Import(ctx context.Context, cfg Config, doc usecase.Document, o usecase.ImportOptions) (usecase.ImportReport, Begun, error) {
	db, err := OpenDatabase(ctx, &cfg)
	if err != nil {
		return usecase.ImportReport{}, Begun{}, err
	}
	defer db.Close()
	begun, err := beginFor(ctx, &cfg, db, &doc, o.DryRun)
	if err != nil {
		return usecase.ImportReport{}, begun, err
	}
	report, err := Transfer(db, "(import)").Import(ctx, doc, o)
	return report, begun, err
}

// beginFor begins a new directory for a document without a root. For a dry run it puts the
// root before the document instead.
func beginFor(ctx context.Context, cfg *Config, db *persistence.DB, doc *usecase.Document, dry bool) (Begun, error) {
	there, err := exists(ctx, db)
	if err != nil || there || hasRoot(*doc) {
		return Begun{}, err
	}
	if dry {
		*doc = joined{sections{rootSection(cfg.RootAlias)}, *doc}
		return Begun{}, nil
	}
	return Begin(ctx, cfg, db)
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
	db, err := OpenDatabase(ctx, &cfg)
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

// WithDirectory opens the directory for one piece of work at the command line. In an empty
// one the first user created becomes the superUser.
func WithDirectory(ctx context.Context, cfg Config, work func(*Directory) error) error {
	db, err := OpenDatabase(ctx, &cfg)
	if err != nil {
		return err
	}
	cfg.Bootstrap = BootstrapFirstUser
	if _, err := Begin(ctx, &cfg, db); err != nil {
		db.Close()
		return err
	}
	d, err := Wire(ctx, cfg, db)
	if err != nil {
		db.Close()
		return err
	}
	if err := work(d); err != nil {
		d.Close()
		return err
	}
	return d.Close()
}
