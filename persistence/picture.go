package persistence

import (
	"context"
	"maps"
	"slices"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// userPictureRow is a row of the table user_pictures.
type userPictureRow struct {
	bun.BaseModel `bun:"table:user_pictures,alias:p"`

	OrganizationID int64
	UserID         int64
	Tag            string
	JPEG           []byte `bun:"jpeg"`
}

// Pictures returns the tags of the pictures of the users with these numbers that lie in sc. Who has none is
// not in the map.
func (s *UserStore) Pictures(ctx context.Context, sc tenancy.Scope,
	ids []domain.UserID) (map[domain.UserID]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := s.ofUsers(ctx, sc, "user_pictures", "x.tag", ids)
	found := make(map[domain.UserID]string)
	_, err = db.Collect(rows, err, func(r db.Row) (struct{}, error) {
		var id int64
		var tag string
		err := r.Scan(&id, &tag)
		found[domain.UserID(id)] = tag
		return struct{}{}, err
	})
	return found, err
}

// Picture returns the picture of the user that ref names, or ErrUserNotFound if there is no such user in sc,
// and ErrPictureNotFound if they have none.
func (s *UserStore) Picture(ctx context.Context, sc tenancy.Scope, ref domain.UserRef) (domain.Picture, error) {
	u, err := s.Get(ctx, sc, ref)
	if err != nil {
		return domain.Picture{}, err
	}
	var rows []userPictureRow
	err = pictureOf(s.db, u.Key(), &rows).Scan(ctx)
	p, err := db.First(rows, err, domain.ErrPictureNotFound)
	return domain.Picture{Tag: p.Tag, JPEG: p.JPEG}, err
}

func pictureOf(r db.Reader, u domain.UserKey, rows *[]userPictureRow) *bun.SelectQuery {
	return r.NewSelect().Model(rows).Where("p.organization_id = ? AND p.user_id = ?", int64(u.Organization), int64(u.User))
}

// addPictureTags reads the tags of the pictures of users who were read before.
func (tx *Tx) addPictureTags(users []*domain.User) error {
	of := make(map[domain.UserKey]*domain.User, len(users))
	organizations, ids := make([]domain.OrganizationID, len(users)), make([]domain.UserID, len(users))
	for i, u := range users {
		of[u.Key()], organizations[i], ids[i] = u, u.Organization, u.ID
	}
	slices.Sort(organizations)
	var rows []userPictureRow
	err := tx.NewSelect().Model(&rows).Column("organization_id", "user_id", "tag").
		Where("p.organization_id IN (?) AND p.user_id IN (?)", db.In(slices.Compact(organizations)), db.In(ids)).Scan(tx.Ctx)
	for _, r := range rows {
		u := of[domain.UserKey{Organization: domain.OrganizationID(r.OrganizationID), User: domain.UserID(r.UserID)}]
		if u != nil {
			u.Picture.Tag = r.Tag
		}
	}
	return db.Translate(err)
}

func (tx *Tx) insertPictures(users ...*domain.User) error {
	var rows []*userPictureRow
	for _, u := range users {
		if u.Picture.Tag != "" {
			rows = append(rows, &userPictureRow{OrganizationID: int64(u.Organization), UserID: int64(u.ID), Tag: u.Picture.Tag,
				JPEG: u.Picture.JPEG})
		}
	}
	return tx.Insert(&rows)
}

// organizationPictureRow is a row of the table organization_pictures.
type organizationPictureRow struct {
	bun.BaseModel `bun:"table:organization_pictures,alias:p"`

	OrganizationID int64 `bun:",pk"`
	Tag            string
	JPEG           []byte `bun:"jpeg"`
}

// Picture returns the picture of the organization with that key, or ErrEnvironmentNotFound if there is no
// such organization in sc, and ErrPictureNotFound if it has none.
func (s *EnvironmentStore) Picture(ctx context.Context, sc tenancy.Scope,
	key tenancy.EnvironmentKey) (domain.Picture, error) {
	var rows []environmentRow
	var found []organizationPictureRow
	err := db.From(s.db, sc, &rows).ExcludeColumn("*").ColumnExpr("coalesce(p.tag, '') AS tag, p.jpeg").
		Join("LEFT JOIN organization_pictures AS p ON p.organization_id = e.organization_id").
		Where("e.is_organization AND e.organization_id = ? AND e.id = ?", int64(key.Organization), int64(key.ID)).
		Scan(ctx, &found)
	p, err := db.First(found, err, domain.ErrEnvironmentNotFound)
	if err == nil && p.Tag == "" {
		err = domain.ErrPictureNotFound
	}
	return domain.Picture{Tag: p.Tag, JPEG: p.JPEG}, err
}

// addOrganizationPictures reads the tags of the pictures of organizations that were read before.
func addOrganizationPictures(ctx context.Context, r db.Reader, es []domain.Environment) error {
	if len(es) == 0 {
		return nil
	}
	at := make(map[int64]*domain.Environment, len(es))
	for i := range es {
		at[int64(es[i].ID)] = &es[i]
	}
	var rows []organizationPictureRow
	err := r.NewSelect().Model(&rows).Column("organization_id", "tag").
		Where("p.organization_id IN (?)", db.In(slices.Collect(maps.Keys(at)))).Scan(ctx)
	for _, r := range rows {
		at[r.OrganizationID].Picture.Tag = r.Tag
	}
	return db.Translate(err)
}

// saveOrganizationPicture writes the picture of after, if it is not before's.
func (tx *Tx) saveOrganizationPicture(before, after *domain.Environment) error {
	if before.Picture.Tag == after.Picture.Tag {
		return nil
	}
	row := &organizationPictureRow{OrganizationID: int64(after.ID), Tag: after.Picture.Tag, JPEG: after.Picture.JPEG}
	if err := tx.Run(tx.NewDelete().Model(row).WherePK()); err != nil || row.Tag == "" {
		return err
	}
	return tx.Insert(row)
}
