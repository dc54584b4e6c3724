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

func (s *ObjectStore) Bookmarks(ctx context.Context, sc tenancy.Scope, kinds []domain.ObjectKind,
	p domain.Page) ([]domain.Bookmark, domain.Cursor, error) {
	var after domain.ObjectID
	if _, err := readCursor(p.After, "bookmarks", &after); err != nil {
		return nil, "", err
	}
	me, limit := sc.Actor(), pageSize(p)
	var rows []objectRow
	q := db.From(s.db, sc, &rows).ColumnExpr("b.created_at AS bookmarked_at").
		Join("JOIN bookmarks AS b ON o.organization_id = b.object_organization_id AND o.id = b.object_id").
		Where("b.organization_id = ? AND b.user_id = ? AND b.object_id > ?", int64(me.Organization), int64(me.User),
			int64(after)).
		Order("b.object_id").Limit(int64(limit) + 1)
	objects, err := s.named(ctx, sc, when(q, len(kinds) > 0, "o.kind IN (?)", db.In(kinds)), &rows)
	if err != nil {
		return nil, "", err
	}
	bookmarks := make([]domain.Bookmark, len(objects))
	for i := range objects {
		bookmarks[i] = domain.Bookmark{Object: objects[i], Created: db.Moment(rows[i].BookmarkedAt)}
	}
	return page(bookmarks, nil, limit,
		func(b *domain.Bookmark) domain.Cursor { return writeCursor("bookmarks", int64(b.Object.ID)) })
}

// bookmarkOf returns the row that bookmarks an object for whoever the transaction was opened for. It returns
// ErrObjectNotFound if there is none in the scope.
func (tx *Tx) bookmarkOf(key domain.ObjectKey) (*bookmarkRow, error) {
	me := tx.me()
	return &bookmarkRow{OrganizationID: int64(me.Organization), UserID: int64(me.User), ObjectID: int64(key.Object),
		ObjectOrganizationID: int64(key.Organization), CreatedAt: db.Millis(tx.DB.Now())}, tx.holdObject(key)
}

func (tx *Tx) AddBookmark(key domain.ObjectKey) error {
	row, err := tx.bookmarkOf(key)
	if err != nil {
		return err
	}
	others, err := tx.NewSelect().Model((*bookmarkRow)(nil)).
		Where("organization_id = ? AND user_id = ? AND object_id <> ?", row.OrganizationID, row.UserID, row.ObjectID).
		Count(tx.Ctx)
	if err == nil && others >= MaxBookmarks {
		err = domain.ErrTooManyBookmarks
	}
	if err == nil {
		_, err = tx.Bun.NewInsert().Model(row).On("CONFLICT DO NOTHING").Exec(tx.Ctx)
	}
	return db.Translate(err)
}

func (tx *Tx) RemoveBookmark(key domain.ObjectKey) error {
	row, err := tx.bookmarkOf(key)
	if err != nil {
		return err
	}
	return tx.Run(tx.NewDelete().Model(row).WherePK())
}

// holdObject keeps the object from being deleted. It returns ErrObjectNotFound if there is none in the scope.
func (tx *Tx) holdObject(key domain.ObjectKey) error {
	var rows []objectRow
	err := db.From(tx, tx.Scope().Of(key.Organization), &rows).Column("id").
		Where("o.organization_id = ? AND o.id = ?", int64(key.Organization), int64(key.Object)).
		Apply(tx.For("SHARE")).Scan(tx.Ctx)
	_, err = db.First(rows, err, domain.ErrObjectNotFound)
	return err
}
