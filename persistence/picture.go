package persistence

import (
	"context"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/tenancy"
)

// userPictureRow is a row of the table user_pictures.
type userPictureRow struct {
	bun.BaseModel `bun:"table:user_pictures"`

	OrganizationID int64
	UserID         int64
	Tag            string
	JPEG           []byte `bun:"jpeg"`
}

// Pictures returns the tags of the pictures of the users with these numbers that lie in sc. Who
// has none is not in the map.
func (s *UserStore) Pictures(ctx context.Context, sc tenancy.Scope, ids []domain.UserID) (map[domain.UserID]string, error) {
	return readPictures(ctx, s.db.read, account(sc), ids)
}

func readPictures(ctx context.Context, q querier, where predicate, ids []domain.UserID) (map[domain.UserID]string, error) {
	found := make(map[domain.UserID]string)
	if len(ids) == 0 {
		return found, nil
	}
	where = where.and("u.id IN (?)", in(ids))
	rows, err := q.QueryContext(ctx, "SELECT p.user_id, p.tag FROM users u JOIN user_pictures p "+
		"ON p.organization_id = u.organization_id AND p.user_id = u.id WHERE "+where.text, where.args...)
	_, err = collect(rows, err, func(r row) (struct{}, error) {
		var id domain.UserID
		var tag string
		err := r.Scan(&id, &tag)
		found[id] = tag
		return struct{}{}, err
	})
	return found, err
}

// Picture returns the picture of the user with that UUID. It is ErrUserNotFound if there is no
// such user in sc, and ErrPictureNotFound if they have none.
func (s *UserStore) Picture(ctx context.Context, sc tenancy.Scope, id domain.UUID) (domain.Picture, error) {
	where := account(sc).and("u.uuid = ?", string(id))
	rows, err := s.db.read.QueryContext(ctx, "SELECT coalesce(p.tag, ''), p.jpeg FROM users u LEFT JOIN user_pictures p "+
		"ON p.organization_id = u.organization_id AND p.user_id = u.id WHERE "+where.text, where.args...)
	picture, err := only(rows, err, func(r row) (p domain.Picture, err error) {
		err = r.Scan(&p.Tag, &p.JPEG)
		return p, err
	}, domain.ErrUserNotFound)
	if err == nil && picture.Tag == "" {
		err = domain.ErrPictureNotFound
	}
	return picture, err
}

func insertPicture(ctx context.Context, tx bun.Tx, u *domain.User) error {
	if u.Picture.Tag == "" {
		return nil
	}
	_, err := tx.NewInsert().Model(&userPictureRow{OrganizationID: int64(u.Organization), UserID: int64(u.ID),
		Tag: u.Picture.Tag, JPEG: u.Picture.JPEG}).Exec(ctx)
	return translate(err)
}

// savePicture writes the picture of after, if it is not before's.
func savePicture(ctx context.Context, tx bun.Tx, before, after *domain.User) error {
	if before.Picture.Tag == after.Picture.Tag {
		return nil
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM user_pictures WHERE organization_id = ? AND user_id = ?",
		int64(after.Organization), int64(after.ID))
	if err != nil {
		return translate(err)
	}
	return insertPicture(ctx, tx, after)
}
