package persistence

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// copyRequestRow is a row of the table copy_requests, and what is told of its object. An offer lies in a scope
// if its object's place and kind do, and if the viewer made it or it was made to them; whether they may read
// the object does not matter.
type copyRequestRow struct {
	bun.BaseModel `bun:"table:copy_requests,alias:c"`

	OrganizationID     int64 `bun:",pk"`
	ID                 int64 `bun:",pk"`
	ObjectID           int64
	FromOrganizationID int64
	FromID             int64
	ToOrganizationID   int64
	ToID               int64
	CreatedAt          int64
	ExpiresAt          int64

	UUID            string `bun:",scanonly"`
	Kind            string `bun:",scanonly"`
	EnvironmentID   int64  `bun:",scanonly"`
	EnvironmentPath string `bun:",scanonly"`
	Name            string `bun:",scanonly"`
	FullName        string `bun:",scanonly"`
	Attributes      string `bun:",scanonly"`
}

// Within implements db.Scoped, for a query that joins the objects.
func (copyRequestRow) Within(sc tenancy.Scope) db.Predicate {
	viewer, kinds, _, ok := sc.Objects()
	if !ok || len(kinds) == 0 {
		return db.Where("1 = 0")
	}
	o, u := int64(viewer.User.Organization), int64(viewer.User.User)
	return db.Placed(sc, "o.environment_path", "o.organization_id").And("o.kind IN (?)", db.In(kinds)).
		And("c.from_organization_id = ? AND c.from_id = ? OR c.to_organization_id = ? AND c.to_id = ?", o, u, o, u)
}

func (r *copyRequestRow) request() (domain.CopyRequest, error) {
	c := domain.CopyRequest{ID: domain.CopyRequestID(r.ID), Organization: domain.OrganizationID(r.OrganizationID),
		From: userKey(r.FromOrganizationID, r.FromID), To: userKey(r.ToOrganizationID, r.ToID),
		Created: db.Moment(r.CreatedAt), Expires: db.Moment(r.ExpiresAt),
		Object: domain.Object{Organization: domain.OrganizationID(r.OrganizationID), ID: domain.ObjectID(r.ObjectID),
			UUID: domain.UUID(r.UUID),
			Kind: domain.ObjectKind(r.Kind), Environment: domain.EnvironmentID(r.EnvironmentID),
			Path: domain.EnvironmentPath(r.EnvironmentPath),
			Name: r.Name, FullName: r.FullName}}
	return c, json.Unmarshal([]byte(r.Attributes), &c.Object.Attributes)
}

// readCopyRequests reads the offers in sc that narrow leaves and that have not expired, oldest first.
func readCopyRequests(ctx context.Context, d *db.DB, r db.Reader, sc tenancy.Scope,
	narrow func(*bun.SelectQuery) *bun.SelectQuery) ([]domain.CopyRequest, error) {
	var rows []copyRequestRow
	err := db.From(r, sc, &rows).ColumnExpr("?TableColumns").
		ColumnExpr("o.uuid, o.kind, o.environment_id, o.environment_path, o.name, o.full_name, o.attributes").
		Join("JOIN objects AS o ON o.organization_id = c.organization_id AND o.id = c.object_id").
		Where("c.expires_at > ?", db.Millis(d.Now())).Apply(narrow).Order("c.id").Scan(ctx)
	requests := make([]domain.CopyRequest, len(rows))
	for i := 0; err == nil && i < len(rows); i++ {
		requests[i], err = rows[i].request()
	}
	return requests, db.Translate(err)
}

// copyRequests is readCopyRequests outside of a transaction, with what both sides are called.
func (s *ObjectStore) copyRequests(ctx context.Context, sc tenancy.Scope,
	narrow func(*bun.SelectQuery) *bun.SelectQuery) ([]domain.CopyRequest, error) {
	requests, err := readCopyRequests(ctx, s.db, s.db, sc, narrow)
	if err != nil {
		return nil, err
	}
	var all []subject
	for _, c := range requests {
		all = append(all, ofUser(c.From), ofUser(c.To))
	}
	names, err := called(ctx, s.db, all...)
	for i := range requests {
		from, to := names[all[2*i]], names[all[2*i+1]]
		c := &requests[i]
		c.FromAlias, c.FromHome, c.ToAlias, c.ToHome = from.Alias, from.home(), to.Alias, to.home()
	}
	return requests, err
}

func (s *ObjectStore) CopyRequests(ctx context.Context, sc tenancy.Scope, kinds []domain.ObjectKind,
	p domain.Page) ([]domain.CopyRequest, domain.Cursor, error) {
	var after domain.CopyRequestID
	if _, err := readCursor(p.After, "copies", &after); err != nil {
		return nil, "", err
	}
	limit := pageSize(p)
	all, err := s.copyRequests(ctx, sc, func(q *bun.SelectQuery) *bun.SelectQuery {
		return when(q, len(kinds) > 0, "o.kind IN (?)", db.In(kinds)).Where("c.id > ?", int64(after)).
			Limit(int64(limit) + 1)
	})
	return page(all, err, limit, func(c *domain.CopyRequest) domain.Cursor { return writeCursor("copies", int64(c.ID)) })
}

func (s *ObjectStore) CopyRequest(ctx context.Context, sc tenancy.Scope,
	id domain.CopyRequestID) (domain.CopyRequest, error) {
	found, err := s.copyRequests(ctx, sc, numbered(id))
	return db.First(found, err, domain.ErrCopyRequestNotFound)
}

func numbered(id domain.CopyRequestID) func(*bun.SelectQuery) *bun.SelectQuery {
	return func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("c.id = ?", int64(id)) }
}

// SweepCopyRequests removes the offers that had expired before a time.
func (s *ObjectStore) SweepCopyRequests(ctx context.Context, w tenancy.WriteScope, before time.Time) error {
	return s.db.Do(ctx, w, func(tx *db.Tx) error {
		return tx.Run(tx.NewDelete().Model((*copyRequestRow)(nil)).Where("expires_at <= ?", db.Millis(before)))
	})
}

func (s *Store) NextCopyRequest(ctx context.Context) (domain.CopyRequestID, error) {
	id, err := s.db.NextID(ctx, db.CopyRequestNumbers)
	return domain.CopyRequestID(id), err
}

// MaxOffers is how many offers may wait for the answer of one person.
const MaxOffers = 100

func (tx *Tx) InsertCopyRequest(c *domain.CopyRequest) error {
	now := db.Millis(tx.DB.Now())
	from, to := tx.Write.Actor(), c.To
	c.Organization, c.From = c.Object.Organization, domain.UserKey{Organization: from.Organization, User: from.User}
	c.Created, c.Expires = db.Moment(now), db.Moment(db.Millis(c.Expires))
	// The person is locked, so that their offers are counted by one after the other.
	var rows []userRow
	err := tx.NewSelect().Model(&rows).Column("id").
		Where("organization_id = ? AND id = ?", int64(to.Organization), int64(to.User)).
		Apply(tx.For("UPDATE")).Scan(tx.Ctx)
	if _, err := db.First(rows, err, domain.ErrUserNotFound.On("to")); err != nil {
		return err
	}
	err = tx.Run(tx.NewDelete().Model((*copyRequestRow)(nil)).
		Where("to_organization_id = ? AND to_id = ? AND expires_at <= ?", int64(to.Organization), int64(to.User), now))
	if err != nil {
		return err
	}
	waiting, err := tx.NewSelect().Model((*copyRequestRow)(nil)).
		Where("to_organization_id = ? AND to_id = ?", int64(to.Organization), int64(to.User)).Count(tx.Ctx)
	if err == nil && waiting >= MaxOffers {
		err = domain.ErrTooManyCopyRequests
	}
	if err != nil {
		return db.Translate(err)
	}
	err = tx.Insert(&copyRequestRow{OrganizationID: int64(c.Organization), ID: int64(c.ID),
		ObjectID:           int64(c.Object.ID),
		FromOrganizationID: int64(from.Organization), FromID: int64(from.User),
		ToOrganizationID: int64(to.Organization), ToID: int64(to.User), CreatedAt: now, ExpiresAt: db.Millis(c.Expires)})
	if err != nil {
		return err
	}
	return tx.record(objectEntry("offer", &c.Object, offered(c)))
}

func offered(c *domain.CopyRequest) []domain.Change {
	return []domain.Change{{Field: "copy_to", After: strconv.FormatInt(int64(c.To.User), 10)}}
}

func (tx *Tx) CopyRequest(id domain.CopyRequestID) (domain.CopyRequest, error) {
	found, err := readCopyRequests(tx.Ctx, tx.DB, tx, tx.Scope(), numbered(id))
	c, err := db.First(found, err, domain.ErrCopyRequestNotFound)
	if err != nil || tx.DB.For("UPDATE") == "" {
		return c, err
	}
	found, err = readCopyRequests(tx.Ctx, tx.DB, tx, tx.Scope(), func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Apply(numbered(id)).Where("c.organization_id = ?", int64(c.Organization)).Apply(tx.For("UPDATE OF c"))
	})
	return db.First(found, err, domain.ErrCopyRequestNotFound)
}

func (tx *Tx) AcceptCopyRequest(c *domain.CopyRequest, o *domain.Object) error {
	if err := tx.removeCopyRequest(c); err != nil {
		return err
	}
	return tx.InsertObject(o, nil)
}

func (tx *Tx) DeclineCopyRequest(c *domain.CopyRequest) error {
	if err := tx.removeCopyRequest(c); err != nil {
		return err
	}
	return tx.record(objectEntry("decline", &c.Object, offered(c)))
}

func (tx *Tx) removeCopyRequest(c *domain.CopyRequest) error {
	return tx.One(tx.NewDelete().Model(&copyRequestRow{OrganizationID: int64(c.Organization), ID: int64(c.ID)}).
		WherePK(), domain.ErrCopyRequestNotFound)
}
