package persistence

import (
	"context"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

type bookmarkRow struct {
	bun.BaseModel `bun:"table:bookmarks,alias:b"`

	OrganizationID       int64 `bun:",pk"`
	UserID               int64 `bun:",pk"`
	ObjectID             int64 `bun:",pk"`
	ObjectOrganizationID int64
	CreatedAt            int64
}

// MaxBookmarks is how many bookmarks one user may have.
const MaxBookmarks = 1000

// Bookmarks returns one page of the objects of the given kinds, all for none, that whoever sc was given to has
// bookmarked, by number, and the cursor of the next page.
func (s *ObjectStore) Bookmarks(ctx context.Context, sc tenancy.Scope, kinds []domain.ObjectKind, p domain.Page) ([]domain.Bookmark, domain.Cursor, error) {
	var after domain.ObjectID
	if _, err := readCursor(p.After, "bookmarks", &after); err != nil {
		return nil, "", err
	}
	me, limit := sc.Actor(), pageSize(p)
	var rows []objectRow
	objects, err := s.named(ctx, sc, db.From(s.db, sc, &rows).ColumnExpr("b.created_at AS bookmarked_at").
		Join("JOIN bookmarks AS b ON o.organization_id = b.object_organization_id AND o.id = b.object_id").
		Where("b.organization_id = ? AND b.user_id = ? AND b.object_id > ?", int64(me.Organization), int64(me.User), int64(after)).
		Apply(ofKinds(kinds)).Order("b.object_id").Limit(int64(limit)+1), &rows)
	bookmarks := make([]domain.Bookmark, len(objects))
	for i := range objects {
		bookmarks[i] = domain.Bookmark{Object: objects[i], Created: db.Moment(rows[i].BookmarkedAt)}
	}
	return page(bookmarks, err, limit, func(b *domain.Bookmark) domain.Cursor { return writeCursor("bookmarks", int64(b.Object.ID)) })
}

// AddBookmark bookmarks an object for whoever the transaction was opened for; it does nothing if it is
// bookmarked. It returns ErrObjectNotFound if there is none in the scope, and ErrTooManyBookmarks beyond MaxBookmarks.
func (tx *Tx) AddBookmark(key domain.ObjectKey) error {
	if err := tx.holdObject(key); err != nil {
		return err
	}
	me := tx.Write.Actor()
	others, err := tx.NewSelect().Model((*bookmarkRow)(nil)).
		Where("organization_id = ? AND user_id = ? AND object_id <> ?", int64(me.Organization), int64(me.User), int64(key.Object)).Count(tx.Ctx)
	if err == nil && others >= MaxBookmarks {
		err = domain.ErrTooManyBookmarks
	}
	if err != nil {
		return db.Translate(err)
	}
	_, err = tx.Bun.NewInsert().Model(&bookmarkRow{OrganizationID: int64(me.Organization), UserID: int64(me.User), ObjectID: int64(key.Object),
		ObjectOrganizationID: int64(key.Organization), CreatedAt: db.Millis(tx.DB.Now())}).On("CONFLICT DO NOTHING").Exec(tx.Ctx)
	return db.Translate(err)
}

// RemoveBookmark takes back AddBookmark, and does nothing if there is none. It returns ErrObjectNotFound if the
// object is not in the scope.
func (tx *Tx) RemoveBookmark(key domain.ObjectKey) error {
	if err := tx.holdObject(key); err != nil {
		return err
	}
	_, err := deleteOwn(tx.Ctx, tx.Bun, tx.me(), "bookmarks", "object_id = ?", int64(key.Object))
	return err
}

// holdObject keeps the object from being deleted. It returns ErrObjectNotFound if there is none in the scope.
func (tx *Tx) holdObject(key domain.ObjectKey) error {
	var rows []objectRow
	err := db.From(tx, tx.Scope(), &rows).Column("id").Where("o.organization_id = ? AND o.id = ?", int64(key.Organization), int64(key.Object)).
		Apply(tx.For("SHARE")).Scan(tx.Ctx)
	_, err = db.First(rows, err, domain.ErrObjectNotFound)
	return err
}
