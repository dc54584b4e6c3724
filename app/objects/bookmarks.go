package objects

import (
	"context"
	"time"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// bookmarkReader reads the bookmarks of whoever a scope was given to, of objects that it covers.
type bookmarkReader interface {
	// Bookmarks returns one page of the bookmarks of objects of the given kinds, all for none, and the cursor of the
	// next page.
	Bookmarks(ctx context.Context, sc tenancy.Scope, kinds []domain.ObjectKind,
		p domain.Page) ([]domain.Bookmark, domain.Cursor, error)
}

// BookmarkDocument is a bookmarked object as far as the reader may see it.
type BookmarkDocument struct {
	ObjectDocument
	Since time.Time
}

// Bookmarks returns the caller's bookmarks of objects that they may still read.
func (b *Objects) Bookmarks(ctx context.Context, caller domain.Principal,
	in ListKinds) (list directory.Listed[BookmarkDocument], err error) {
	sc, err := b.gate.EnterObjects(ctx, &caller, tenancy.Anywhere())
	if err != nil {
		return list, err
	}
	return readList(ctx, in.Page, func(ctx context.Context, p domain.Page) ([]domain.Bookmark, domain.Cursor, error) {
		return b.store.Bookmarks(ctx, sc, in.Kinds, p)
	}, func(m domain.Bookmark) BookmarkDocument {
		return BookmarkDocument{describeObject(sc, m.Object), m.Created}
	})
}

// AddBookmark bookmarks the object that ref names, for the caller. It needs the kind's permission to read, and does
// nothing if it is bookmarked.
func (b *Objects) AddBookmark(ctx context.Context, caller domain.Principal, ref domain.ObjectRef) error {
	return b.bookmark(ctx, &caller, ref, ObjectTx.AddBookmark)
}

// RemoveBookmark takes the caller's bookmark of the object that ref names away. It needs the kind's permission to
// read, and does nothing if there is none.
func (b *Objects) RemoveBookmark(ctx context.Context, caller domain.Principal, ref domain.ObjectRef) error {
	return b.bookmark(ctx, &caller, ref, ObjectTx.RemoveBookmark)
}

func (b *Objects) bookmark(ctx context.Context, caller *domain.Principal, ref domain.ObjectRef,
	change func(ObjectTx, domain.ObjectKey) error) error {
	o, _, err := b.read(ctx, caller, ref)
	if err != nil {
		return err
	}
	kind, _ := o.Kind.Info()
	w, err := b.gate.EnterObjectsWrite(ctx, caller, kind.Read)
	if err != nil {
		return err
	}
	return b.store.Do(ctx, w, func(tx ObjectTx) error {
		domain.Conclude(ctx, nil)
		return change(tx, o.Key())
	})
}
