package persistence

import (
	"context"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// CopyRequestStore keeps offers of copies. An offer lies in a scope if its object's place
// and kind do, and if the viewer made it or it was made to them; whether they may read the
// object does not matter. An offer that has expired does not exist.
type CopyRequestStore struct{ db *db.DB }

// NewCopyRequestStore returns the store of copy requests in d.
func NewCopyRequestStore(d *db.DB) *CopyRequestStore { return &CopyRequestStore{d} }

// copyRequestRow is a row of the table copy_requests.
type copyRequestRow struct {
	bun.BaseModel `bun:"table:copy_requests,alias:c"`

	OrganizationID     int64
	ID                 int64
	ObjectID           int64
	FromOrganizationID int64
	FromID             int64
	ToOrganizationID   int64
	ToID               int64
	CreatedAt          int64
	ExpiresAt          int64
}

// MaxOffers is how many offers may wait for the answer of one person.
const MaxOffers = 100

func (s *CopyRequestStore) in(sc tenancy.Scope) db.Predicate {
	viewer, kinds, _, ok := sc.Objects()
	if !ok || len(kinds) == 0 {
		return db.Where("1 = 0")
	}
	o, u := int64(viewer.User.Organization), int64(viewer.User.User)
	return db.Placed(sc, "o.environment_path", "o.organization_id").And("o.kind IN (?) AND c.expires_at > ?", db.In(kinds), db.Millis(s.db.Now())).
		And("(c.from_organization_id = ? AND c.from_id = ? OR c.to_organization_id = ? AND c.to_id = ?)", o, u, o, u)
}

func selectCopyRequests(ctx context.Context, q db.Querier, where db.Predicate, rest string) ([]domain.CopyRequest, error) {
	rows, err := q.QueryContext(ctx, "SELECT "+objectColumns+`, c.organization_id, c.id, c.from_organization_id, c.from_id, c.to_organization_id, c.to_id,
			c.created_at, c.expires_at,
			coalesce((SELECT w.alias FROM users w WHERE w.organization_id = c.from_organization_id AND w.id = c.from_id), ''),
			coalesce((SELECT w.alias FROM users w WHERE w.organization_id = c.to_organization_id AND w.id = c.to_id), ''),
			coalesce((SELECT w.environment_path FROM users w WHERE w.organization_id = c.from_organization_id AND w.id = c.from_id), ''),
			coalesce((SELECT w.environment_path FROM users w WHERE w.organization_id = c.to_organization_id AND w.id = c.to_id), '')
		FROM copy_requests c JOIN objects o ON o.organization_id = c.organization_id AND o.id = c.object_id WHERE `+where.Text()+rest, where.Args...)
	return db.Collect(rows, err, func(r db.Row) (c domain.CopyRequest, err error) {
		var created, expires int64
		c.Object, err = scanObjectAnd(r, &c.Organization, &c.ID, &c.From.Organization, &c.From.User, &c.To.Organization, &c.To.User,
			&created, &expires, &c.FromAlias, &c.ToAlias, &c.FromHome, &c.ToHome)
		c.Created, c.Expires = db.Moment(created), db.Moment(expires)
		return c, err
	})
}

// List returns one page of the offers in sc of objects of the given kinds, all for none,
// oldest first, and the cursor of the next page, empty after the last. Their objects have
// no access lists.
func (s *CopyRequestStore) List(ctx context.Context, sc tenancy.Scope, kinds []domain.ObjectKind, p domain.Page) ([]domain.CopyRequest, domain.Cursor, error) {
	where := s.in(sc)
	if len(kinds) > 0 {
		where = where.And("o.kind IN (?)", db.In(kinds))
	}
	var after domain.CopyRequestID
	if _, err := readCursor(p.After, "copies", &after); err != nil {
		return nil, "", err
	}
	where = where.And("c.id > ?", int64(after))
	limit := pageSize(p)
	all, err := selectCopyRequests(ctx, s.db, where, " ORDER BY c.id LIMIT "+strconv.Itoa(limit+1))
	return page(all, err, limit, func(c *domain.CopyRequest) domain.Cursor { return writeCursor("copies", int64(c.ID)) })
}

// Insert offers a copy of the object to a user until a time, in the name of whoever w was
// given to, unless check returns an error. It is ErrObjectNotFound if the object is not in
// w, ErrUserNotFound on "to", ErrCopyRequested if a copy is already offered to them, and
// ErrTooManyCopyRequests if MaxOffers wait for their answer.
func (s *CopyRequestStore) Insert(ctx context.Context, w tenancy.WriteScope, object domain.ObjectID, to domain.UserKey, until time.Time,
	check func(*domain.Object) error) (domain.CopyRequest, error) {
	c := domain.CopyRequest{To: to, Expires: db.Moment(db.Millis(until)), Created: db.Moment(db.Millis(s.db.Now())),
		From: domain.UserKey{Organization: w.Actor().Organization, User: w.Actor().User}}
	id, err := s.db.NextID(ctx, db.CopyRequestNumbers)
	if err != nil {
		return c, err
	}
	c.ID = domain.CopyRequestID(id)
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		o, err := NewObjectStore(s.db).lock(ctx, tx, w, object)
		if err != nil {
			return err
		}
		if err := check(&o); err != nil {
			return err
		}
		// The person is locked, so that their offers are counted by one after the other.
		err = s.db.Lock(ctx, tx, "UPDATE", "users u WHERE u.organization_id = ? AND u.id = ?", int64(to.Organization), int64(to.User))
		if err != nil {
			return db.Translate(err)
		}
		if err := holdUsers(ctx, s.db, tx, []domain.UserKey{to}); err != nil {
			return domain.AsError(err).On("to")
		}
		now := db.Millis(s.db.Now())
		_, err = tx.ExecContext(ctx, "DELETE FROM copy_requests WHERE to_organization_id = ? AND to_id = ? AND expires_at <= ?", int64(to.Organization), int64(to.User), now)
		if err != nil {
			return db.Translate(err)
		}
		rows, err := tx.QueryContext(ctx, "SELECT count(*) FROM copy_requests WHERE to_organization_id = ? AND to_id = ?", int64(to.Organization), int64(to.User))
		waiting, err := db.Only(rows, err, db.Scalar[int], domain.ErrInternal)
		if err != nil {
			return err
		}
		if waiting >= MaxOffers {
			return domain.ErrTooManyCopyRequests
		}
		c.Organization, c.Object = o.Organization, o
		if err := insertAll(ctx, tx, []*copyRequestRow{{OrganizationID: int64(o.Organization), ID: id, ObjectID: int64(o.ID),
			FromOrganizationID: int64(c.From.Organization), FromID: int64(c.From.User),
			ToOrganizationID: int64(to.Organization), ToID: int64(to.User), CreatedAt: db.Millis(c.Created), ExpiresAt: db.Millis(c.Expires)}}); err != nil {
			return err
		}
		return record(ctx, s.db, tx, w, objectEntry("offer", &o, offered(&c)))
	})
	return c, err
}

func offered(c *domain.CopyRequest) []domain.Change {
	return []domain.Change{{Field: "copy_to", After: strconv.FormatInt(int64(c.To.User), 10)}}
}

// take reads the offer in w and removes it.
func (s *CopyRequestStore) take(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, id domain.CopyRequestID) (domain.CopyRequest, error) {
	found, err := selectCopyRequests(ctx, tx, s.in(w.Read()).And("c.id = ?", int64(id)), s.db.For("UPDATE OF c"))
	if err != nil || len(found) == 0 {
		return domain.CopyRequest{}, orElse(err, domain.ErrCopyRequestNotFound)
	}
	c := found[0]
	res, err := tx.ExecContext(ctx, "DELETE FROM copy_requests WHERE organization_id = ? AND id = ?", int64(c.Organization), int64(c.ID))
	return c, db.One(res, err, domain.ErrCopyRequestNotFound)
}

// Get returns the offer with that number, or ErrCopyRequestNotFound.
func (s *CopyRequestStore) Get(ctx context.Context, sc tenancy.Scope, id domain.CopyRequestID) (domain.CopyRequest, error) {
	found, err := selectCopyRequests(ctx, s.db, s.in(sc).And("c.id = ?", int64(id)), "")
	if err != nil || len(found) == 0 {
		return domain.CopyRequest{}, orElse(err, domain.ErrCopyRequestNotFound)
	}
	return found[0], nil
}

// Accept makes the copy that copied describes and removes the offer, in one transaction, so
// that one offer makes one copy. It is ErrCopyRequestNotFound if there is none in w, the
// errors of ObjectStore.Insert, or the error of copied, and then nothing is saved.
func (s *CopyRequestStore) Accept(ctx context.Context, w tenancy.WriteScope, id domain.CopyRequestID,
	copied func(*domain.CopyRequest) (domain.Object, error)) (domain.Object, error) {
	number, err := s.db.NextID(ctx, db.ObjectNumbers)
	if err != nil {
		return domain.Object{}, err
	}
	var o domain.Object
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		c, err := s.take(ctx, tx, w, id)
		if err != nil {
			return err
		}
		if o, err = copied(&c); err != nil {
			return err
		}
		o.ID, o.UUID = domain.ObjectID(number), db.NewUUID()
		return insertObject(ctx, s.db, tx, w, &o, func(_, _ *domain.Object) error { return nil })
	})
	return o, err
}

// Decline removes the offer and returns what it was. It is ErrCopyRequestNotFound if there
// is none in w.
func (s *CopyRequestStore) Decline(ctx context.Context, w tenancy.WriteScope, id domain.CopyRequestID) (c domain.CopyRequest, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if c, err = s.take(ctx, tx, w, id); err != nil {
			return err
		}
		return record(ctx, s.db, tx, w, objectEntry("decline", &c.Object, offered(&c)))
	})
	return c, err
}

// Sweep removes the offers that had expired before a time.
func (s *CopyRequestStore) Sweep(ctx context.Context, _ tenancy.WriteScope, before time.Time) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM copy_requests WHERE expires_at <= ?", db.Millis(before))
		return db.Translate(err)
	})
}
