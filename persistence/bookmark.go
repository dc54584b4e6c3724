package persistence

import (
	"context"
	"strconv"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// BookmarkStore keeps the bookmarks of whoever a scope was given to. A bookmark of an
// object that is not in the scope does not exist.
type BookmarkStore struct{ db *db.DB }

// NewBookmarkStore returns the store of bookmarks in d.
func NewBookmarkStore(d *db.DB) *BookmarkStore { return &BookmarkStore{d} }

// MaxBookmarks is how many bookmarks one user may have.
const MaxBookmarks = 1000

// List returns one page of the bookmarked objects of the given kinds, all for none, by
// number, and the cursor of the next page, empty after the last.
func (s *BookmarkStore) List(ctx context.Context, sc tenancy.Scope, kinds []domain.ObjectKind, p domain.Page) ([]domain.Bookmark, domain.Cursor, error) {
	caller := sc.Actor()
	where := objectsIn(sc).And("b.organization_id = ? AND b.user_id = ?", int64(caller.Organization), int64(caller.User))
	if len(kinds) > 0 {
		where = where.And("o.kind IN (?)", db.In(kinds))
	}
	var after domain.ObjectID
	if _, err := readCursor(p.After, "bookmarks", &after); err != nil {
		return nil, "", err
	}
	where = where.And("b.object_id > ?", int64(after))
	limit := pageSize(p)
	rows, err := s.db.QueryContext(ctx, "SELECT "+objectColumns+`, b.created_at FROM bookmarks b
		JOIN objects o ON o.organization_id = b.object_organization_id AND o.id = b.object_id
		WHERE `+where.Text()+" ORDER BY b.object_id LIMIT "+strconv.Itoa(limit+1), where.Args...)
	all, err := db.Collect(rows, err, db.Weighed(ctx, func(r db.Row) (b domain.Bookmark, err error) {
		var created int64
		b.Object, err = scanObjectAnd(r, &created)
		b.Created = db.Moment(created)
		return b, err
	}))
	all, next, err := page(all, err, limit, func(b *domain.Bookmark) domain.Cursor {
		return writeCursor("bookmarks", int64(b.Object.ID))
	})
	if err != nil {
		return nil, "", err
	}
	objects := make([]domain.Object, len(all))
	for i := range all {
		objects[i] = all[i].Object
	}
	if err := readAccess(ctx, s.db, objects); err != nil {
		return nil, "", err
	}
	for i := range all {
		all[i].Object = objects[i]
	}
	return all, next, nil
}

// Add bookmarks the object; it does nothing if it is bookmarked. It is ErrObjectNotFound if
// there is none in w, and ErrTooManyBookmarks beyond MaxBookmarks.
func (s *BookmarkStore) Add(ctx context.Context, w tenancy.WriteScope, id domain.ObjectID) error {
	caller := w.Actor()
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		o, err := selectObject(ctx, tx, objectsIn(w.Read()).And("o.id = ?", int64(id)), s.db.For("SHARE"))
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, "SELECT count(*) FROM bookmarks WHERE organization_id = ? AND user_id = ? AND object_id <> ?",
			int64(caller.Organization), int64(caller.User), int64(id))
		others, err := db.Only(rows, err, db.Scalar[int], domain.ErrInternal)
		if err != nil {
			return err
		}
		if others >= MaxBookmarks {
			return domain.ErrTooManyBookmarks
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO bookmarks (organization_id, user_id, object_id, object_organization_id, created_at)
			VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			int64(caller.Organization), int64(caller.User), int64(o.ID), int64(o.Organization), db.Millis(s.db.Now()))
		return db.Translate(err)
	})
}

// Remove takes the bookmark of the object away; it does nothing if there is none. It is
// ErrObjectNotFound if the object is not in w.
func (s *BookmarkStore) Remove(ctx context.Context, w tenancy.WriteScope, id domain.ObjectID) error {
	caller := w.Actor()
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := selectObject(ctx, tx, objectsIn(w.Read()).And("o.id = ?", int64(id)), ""); err != nil {
			return err
		}
		_, err := deleteOwn(ctx, tx, domain.UserKey{Organization: caller.Organization, User: caller.User}, "bookmarks", "object_id = ?", int64(id))
		return err
	})
}
