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

// ContactStore keeps the contacts of whoever a scope was given to. Somebody who is not in
// the scope does not exist, also as a contact.
type ContactStore struct{ db *db.DB }

// NewContactStore returns the store of contacts in d.
func NewContactStore(d *db.DB) *ContactStore { return &ContactStore{d} }

// contactRow is a row of the table user_contacts.
type contactRow struct {
	bun.BaseModel `bun:"table:user_contacts"`

	OrganizationID        int64
	UserID                int64
	ContactOrganizationID int64
	ContactID             int64
	Rank                  int64
}

const contactColumns = "u.organization_id, u.id, u.alias, u.first_name, u.last_name"

// scanContactAnd reads a contact and, behind its columns, into more.
func scanContactAnd(r db.Row, more ...any) (c domain.Contact, err error) {
	var p domain.Person
	err = r.Scan(append([]any{&c.User.Organization, &c.User.User, &c.Alias, &p.FirstName, &p.LastName}, more...)...)
	c.Name = p.Name()
	return c, err
}

// List returns the contacts in the order in which they were added.
func (s *ContactStore) List(ctx context.Context, sc tenancy.Scope) ([]domain.Contact, error) {
	caller := sc.Actor()
	where := db.Account(sc).And("c.organization_id = ? AND c.user_id = ?", int64(caller.Organization), int64(caller.User))
	rows, err := s.db.QueryContext(ctx, "SELECT "+contactColumns+` FROM user_contacts c
		JOIN users u ON u.organization_id = c.contact_organization_id AND u.id = c.contact_id
		WHERE `+where.Text()+" ORDER BY c.rank, c.contact_id", where.Args...)
	return db.Collect(rows, err, func(r db.Row) (domain.Contact, error) { return scanContactAnd(r) })
}

// Add makes the user with that alias a contact. It is ErrUserNotFound if there is none in w,
// ErrContact if they are one already, and ErrTooManyContacts.
func (s *ContactStore) Add(ctx context.Context, w tenancy.WriteScope, alias string) error {
	caller := w.Actor()
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		contact, err := userNamed(ctx, tx, w, alias)
		if err != nil {
			return err
		}
		// Only this one row is held, so that two who add each other do not wait in a circle.
		err = s.db.Lock(ctx, tx, "NO KEY UPDATE", "users u WHERE u.organization_id = ? AND u.id = ?", int64(caller.Organization), int64(caller.User))
		if err != nil {
			return db.Translate(err)
		}
		rows, err := tx.QueryContext(ctx, "SELECT 1 FROM user_contacts WHERE organization_id = ? AND user_id = ? AND contact_id = ?",
			int64(caller.Organization), int64(caller.User), int64(contact.User))
		if there, err := db.Collect(rows, err, db.Scalar[int]); err != nil || len(there) > 0 {
			return orElse(err, domain.ErrContact)
		}
		rank, err := room(ctx, tx, "user_contacts WHERE organization_id = ? AND user_id = ?", domain.MaxContacts, domain.ErrTooManyContacts,
			int64(caller.Organization), int64(caller.User))
		if err != nil {
			return err
		}
		return insertAll(ctx, tx, []*contactRow{{OrganizationID: int64(caller.Organization), UserID: int64(caller.User),
			ContactOrganizationID: int64(contact.Organization), ContactID: int64(contact.User), Rank: rank}})
	})
}

// userNamed returns where the user with that alias is stored, or ErrUserNotFound.
func userNamed(ctx context.Context, q db.Querier, w tenancy.WriteScope, alias string) (domain.UserKey, error) {
	where := db.Account(w.Read()).And("(u.organization_id, u.id) IN (SELECT organization_id, user_id FROM login_names WHERE name = ?)", domain.Fold(alias))
	rows, err := q.QueryContext(ctx, "SELECT u.organization_id, u.id FROM users u WHERE "+where.Text(), where.Args...)
	return db.Only(rows, err, func(r db.Row) (k domain.UserKey, err error) {
		err = r.Scan(&k.Organization, &k.User)
		return k, err
	}, domain.ErrUserNotFound)
}

// Remove takes the user with that alias off the contacts. It is ErrNotContact if they are
// not one, or not in w.
func (s *ContactStore) Remove(ctx context.Context, w tenancy.WriteScope, alias string) error {
	caller := w.Actor()
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		contact, err := userNamed(ctx, tx, w, alias)
		if domain.ErrUserNotFound.Is(err) {
			return domain.ErrNotContact
		}
		if err != nil {
			return err
		}
		n, err := deleteOwn(ctx, tx, domain.UserKey{Organization: caller.Organization, User: caller.User}, "user_contacts",
			"contact_id = ?", int64(contact.User))
		if err == nil && n == 0 {
			err = domain.ErrNotContact
		}
		return err
	})
}

// PresenceStore keeps who was when in which topic. A topic that a scope does not cover does
// not exist.
type PresenceStore struct{ db *db.DB }

// NewPresenceStore returns the store of presences in d.
func NewPresenceStore(d *db.DB) *PresenceStore { return &PresenceStore{d} }

// Put says that whoever w was given to is in a topic of their organization. It is
// ErrObjectNotFound if there is none in w.
func (s *PresenceStore) Put(ctx context.Context, w tenancy.WriteScope, topic domain.ObjectID, status domain.PresenceStatus, at time.Time) error {
	caller := w.Actor()
	where := objectsIn(w.Read()).And("o.organization_id = ? AND o.id = ?", int64(caller.Organization), int64(topic))
	res, err := s.db.ExecContext(ctx, `INSERT INTO presences (organization_id, topic_id, user_id, status, at)
		SELECT o.organization_id, o.id, CAST(? AS bigint), CAST(? AS text), CAST(? AS bigint) FROM objects o WHERE `+where.Text()+`
		ON CONFLICT (organization_id, topic_id, user_id) DO UPDATE SET status = excluded.status, at = excluded.at`,
		append([]any{int64(caller.User), string(status), db.Millis(at)}, where.Args...)...)
	return db.One(res, err, domain.ErrObjectNotFound)
}

// shownUsers is the condition that the user u may be named to whom sc was given to.
func shownUsers(sc tenancy.Scope) db.Predicate {
	me, seen := sc.Actor(), db.InRanges(sc.Sight(), "u.environment_path")
	return db.Where("u.organization_id = ? AND u.id = ? OR "+seen.Text(), append([]any{int64(me.Organization), int64(me.User)}, seen.Args...)...)
}

// In returns the presences in a topic since a time of people who may be named to whom sc was
// given to, the newest first.
func (s *PresenceStore) In(ctx context.Context, sc tenancy.Scope, topic domain.ObjectID, since time.Time) ([]domain.Presence, error) {
	return s.list(ctx, "", objectsIn(sc).Also(shownUsers(sc)).And("o.id = ? AND p.at >= ?", int64(topic), db.Millis(since)))
}

// ofOrganization is the condition of the presences that f keeps in topics that sc covers, of
// the viewer's own organization, and of people who may be named to the viewer.
func ofOrganization(sc tenancy.Scope, f *domain.PresenceFilter) db.Predicate {
	where := objectsIn(sc).Also(shownUsers(sc)).And("o.organization_id = ?", int64(sc.Actor().Organization))
	if f.Topic != 0 {
		where = where.And("o.id = ?", int64(f.Topic))
	}
	if len(f.Statuses) > 0 {
		where = where.And("p.status IN (?)", db.In(f.Statuses))
	}
	if len(f.Aliases) > 0 {
		folded := make([]string, len(f.Aliases))
		for i, alias := range f.Aliases {
			folded[i] = domain.Fold(alias)
		}
		where = where.And("u.alias_key IN (?) AND u.alias IN (?)", db.In(folded), db.In(f.Aliases))
	}
	if !f.Since.IsZero() {
		where = where.And("p.at >= ?", f.Since.UnixMilli())
	}
	if !f.Until.IsZero() {
		where = where.And("p.at < ?", f.Until.UnixMilli())
	}
	return where
}

// List returns up to limit of the presences that f keeps in topics of the viewer's own
// organization that sc covers, the newest first, without the first skip.
func (s *PresenceStore) List(ctx context.Context, sc tenancy.Scope, f domain.PresenceFilter, skip, limit int) ([]domain.Presence, error) {
	return s.part(ctx, "", ofOrganization(sc, &f), skip, limit)
}

// Count returns how many presences List returns without a limit.
func (s *PresenceStore) Count(ctx context.Context, sc tenancy.Scope, f domain.PresenceFilter) (int64, error) {
	where := ofOrganization(sc, &f)
	rows, err := s.db.QueryContext(ctx, "SELECT count(*) FROM "+presenceJoins+" WHERE "+where.Text(), where.Args...)
	return db.Only(rows, err, db.Scalar[int64], domain.ErrInternal)
}

// Visited returns which of the topics, as far as sc covers them, whoever it was given to ever
// said they were in, and how many topics that was altogether.
func (s *PresenceStore) Visited(ctx context.Context, sc tenancy.Scope, topics []domain.ObjectID) (visited []domain.ObjectID, all int64, err error) {
	me := sc.Actor()
	where := objectsIn(sc).And("p.organization_id = ? AND p.user_id = ?", int64(me.Organization), int64(me.User))
	rows, err := s.db.QueryContext(ctx, "SELECT count(*) FROM "+presenceJoins+" WHERE "+where.Text(), where.Args...)
	if all, err = db.Only(rows, err, db.Scalar[int64], domain.ErrInternal); err != nil || all == 0 || len(topics) == 0 {
		return nil, all, err
	}
	where = where.And("o.id IN (?)", db.In(topics))
	rows, err = s.db.QueryContext(ctx, "SELECT o.id FROM "+presenceJoins+" WHERE "+where.Text(), where.Args...)
	visited, err = db.Collect(rows, err, db.Scalar[domain.ObjectID])
	return visited, all, err
}

// Delete takes away where a user was said to be, in a topic that w covers. It is nil if they
// were not, or there is no such topic in w.
func (s *PresenceStore) Delete(ctx context.Context, w tenancy.WriteScope, topic domain.ObjectID, of domain.UserKey) error {
	where := objectsIn(w.Read()).And("o.id = ?", int64(topic))
	_, err := s.db.ExecContext(ctx, `DELETE FROM presences WHERE organization_id = ? AND user_id = ?
		AND EXISTS (SELECT 1 FROM objects o WHERE o.organization_id = presences.organization_id AND o.id = presences.topic_id AND `+where.Text()+")",
		append([]any{int64(of.Organization), int64(of.User)}, where.Args...)...)
	return db.Translate(err)
}

// OfContacts returns the presences since a time of the contacts of whoever sc was given to,
// in topics that the scope topics covers, the newest first.
func (s *PresenceStore) OfContacts(ctx context.Context, sc, topics tenancy.Scope, since time.Time) ([]domain.Presence, error) {
	caller := sc.Actor()
	in := db.Account(sc)
	where := objectsIn(topics).Also(in).
		And("c.organization_id = ? AND c.user_id = ? AND p.at >= ?", int64(caller.Organization), int64(caller.User), db.Millis(since))
	return s.list(ctx, "JOIN user_contacts c ON c.contact_organization_id = u.organization_id AND c.contact_id = u.id", where)
}

func (s *PresenceStore) list(ctx context.Context, join string, where db.Predicate) ([]domain.Presence, error) {
	return s.part(ctx, join, where, 0, domain.MaxPresences)
}

// presenceJoins are presences with their topics and users.
const presenceJoins = `presences p JOIN objects o ON o.organization_id = p.organization_id AND o.id = p.topic_id
	JOIN users u ON u.organization_id = p.organization_id AND u.id = p.user_id `

func (s *PresenceStore) part(ctx context.Context, join string, where db.Predicate, skip, limit int) ([]domain.Presence, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT "+contactColumns+", o.full_name, p.status, p.at FROM "+presenceJoins+join+
		" WHERE "+where.Text()+" ORDER BY p.at DESC, p.user_id, p.topic_id LIMIT "+strconv.Itoa(limit)+" OFFSET "+strconv.Itoa(skip), where.Args...)
	return db.Collect(rows, err, func(r db.Row) (p domain.Presence, err error) {
		var at int64
		p.User, err = scanContactAnd(r, &p.Topic, &p.Status, &at)
		p.At = db.Moment(at)
		return p, err
	})
}
