package persistence

import (
	"context"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
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
	return readPictures(ctx, s.db, db.Account(sc), ids)
}

func readPictures(ctx context.Context, q db.Querier, where db.Predicate, ids []domain.UserID) (map[domain.UserID]string, error) {
	found := make(map[domain.UserID]string)
	if len(ids) == 0 {
		return found, nil
	}
	where = where.And("u.id IN (?)", db.In(ids))
	rows, err := q.QueryContext(ctx, "SELECT p.user_id, p.tag FROM users u JOIN user_pictures p "+
		"ON p.organization_id = u.organization_id AND p.user_id = u.id WHERE "+where.Text(), where.Args...)
	_, err = db.Collect(rows, err, func(r db.Row) (struct{}, error) {
		var id domain.UserID
		var tag string
		err := r.Scan(&id, &tag)
		found[id] = tag
		return struct{}{}, err
	})
	return found, err
}

// Picture returns the picture of the user that ref names. It is ErrUserNotFound if there is no such user in
// sc, and ErrPictureNotFound if they have none.
func (s *UserStore) Picture(ctx context.Context, sc tenancy.Scope, ref domain.UserRef) (domain.Picture, error) {
	u, err := s.Get(ctx, sc, ref)
	if err != nil {
		return domain.Picture{}, err
	}
	rows, err := s.db.QueryContext(ctx, "SELECT tag, jpeg FROM user_pictures WHERE organization_id = ? AND user_id = ?",
		int64(u.Organization), int64(u.ID))
	return db.Only(rows, err, scanPicture, domain.ErrPictureNotFound)
}

func insertPicture(ctx context.Context, tx bun.Tx, u *domain.User) error {
	if u.Picture.Tag == "" {
		return nil
	}
	_, err := tx.NewInsert().Model(&userPictureRow{OrganizationID: int64(u.Organization), UserID: int64(u.ID),
		Tag: u.Picture.Tag, JPEG: u.Picture.JPEG}).Exec(ctx)
	return db.Translate(err)
}

// savePicture writes the picture of after, if it is not before's.
func savePicture(ctx context.Context, tx bun.Tx, before, after *domain.User) error {
	if before.Picture.Tag == after.Picture.Tag {
		return nil
	}
	if _, err := deleteOwn(ctx, tx, after.Key(), "user_pictures", ""); err != nil {
		return err
	}
	return insertPicture(ctx, tx, after)
}

// organizationPictureRow is a row of the table organization_pictures.
type organizationPictureRow struct {
	bun.BaseModel `bun:"table:organization_pictures"`

	OrganizationID int64
	Tag            string
	JPEG           []byte `bun:"jpeg"`
}

// Picture returns the picture of the organization with that key, or ErrEnvironmentNotFound if there is no
// such organization in sc, and ErrPictureNotFound if it has none.
func (s *EnvironmentStore) Picture(ctx context.Context, sc tenancy.Scope, key tenancy.EnvironmentKey) (domain.Picture, error) {
	var rows []environmentRow
	var found []organizationPictureRow
	err := db.From(s.db, sc, &rows).ExcludeColumn("*").ColumnExpr("coalesce(p.tag, '') AS tag, p.jpeg").
		Join("LEFT JOIN organization_pictures AS p ON p.organization_id = e.organization_id").
		Where("e.is_organization AND e.organization_id = ? AND e.id = ?", int64(key.Organization), int64(key.ID)).Scan(ctx, &found)
	p, err := db.First(found, err, domain.ErrEnvironmentNotFound)
	if err == nil && p.Tag == "" {
		err = domain.ErrPictureNotFound
	}
	return domain.Picture{Tag: p.Tag, JPEG: p.JPEG}, err
}

func scanPicture(r db.Row) (p domain.Picture, err error) {
	err = r.Scan(&p.Tag, &p.JPEG)
	return p, err
}

// addOrganizationPictures reads the tags of the pictures of organizations that were read before.
func addOrganizationPictures(ctx context.Context, q db.Querier, es []domain.Environment) error {
	if len(es) == 0 {
		return nil
	}
	at := make(map[domain.EnvironmentID]*domain.Environment, len(es))
	ids := make([]domain.EnvironmentID, len(es))
	for i := range es {
		ids[i], at[es[i].ID] = es[i].ID, &es[i]
	}
	rows, err := q.QueryContext(ctx, "SELECT organization_id, tag FROM organization_pictures WHERE organization_id IN (?)", db.In(ids))
	_, err = db.Collect(rows, err, func(r db.Row) (struct{}, error) {
		var id domain.EnvironmentID
		var tag string
		if err := r.Scan(&id, &tag); err != nil {
			return struct{}{}, err
		}
		at[id].Picture.Tag = tag
		return struct{}{}, nil
	})
	return err
}

// saveOrganizationPicture writes the picture of after, if it is not before's.
func saveOrganizationPicture(ctx context.Context, tx bun.Tx, before, after *domain.Environment) error {
	if before.Picture.Tag == after.Picture.Tag {
		return nil
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM organization_pictures WHERE organization_id = ?", int64(after.ID))
	if err != nil || after.Picture.Tag == "" {
		return db.Translate(err)
	}
	_, err = tx.NewInsert().Model(&organizationPictureRow{OrganizationID: int64(after.ID), Tag: after.Picture.Tag, JPEG: after.Picture.JPEG}).Exec(ctx)
	return db.Translate(err)
}
