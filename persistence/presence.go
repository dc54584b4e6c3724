package persistence

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// presenceRow is a row of the table presences, and what is told of the user and the topic.
type presenceRow struct {
	bun.BaseModel `bun:"table:presences,alias:p"`

	OrganizationID int64 `bun:",pk"`
	TopicID        int64 `bun:",pk"`
	UserID         int64 `bun:",pk"`
	Status         string
	At             int64

	FullName  string `bun:",scanonly"`
	Alias     string `bun:",scanonly"`
	FirstName string `bun:",scanonly"`
	LastName  string `bun:",scanonly"`
}

// Within implements db.Scoped, for a query that joins the objects: it is that of the topic.
func (presenceRow) Within(sc tenancy.Scope) db.Predicate { return objectsIn(sc) }

// presences returns the query of presences in the topics that sc covers.
func (s *SocialStore) presences(sc tenancy.Scope, rows *[]presenceRow) *bun.SelectQuery {
	return db.From(s.db, sc, rows).
		Join("JOIN objects AS o ON o.organization_id = p.organization_id AND o.id = p.topic_id").
		Join("JOIN users AS u ON u.organization_id = p.organization_id AND u.id = p.user_id")
}

// readPresences reads up to limit of the presences that q finds, the newest first, without the first skip.
func readPresences(ctx context.Context, q *bun.SelectQuery, rows *[]presenceRow,
	skip, limit int) ([]domain.Presence, error) {
	err := q.ColumnExpr("?TableColumns, o.full_name, u.alias, u.first_name, u.last_name").
		OrderExpr("p.at DESC, p.user_id, p.topic_id").Limit(int64(limit)).Offset(int64(skip)).Scan(ctx)
	presences := make([]domain.Presence, len(*rows))
	for i, r := range *rows {
		presences[i] = domain.Presence{User: contact(userKey(r.OrganizationID, r.UserID), r.Alias, r.FirstName,
			r.LastName),
			Topic: r.FullName, Status: domain.PresenceStatus(r.Status), At: db.Moment(r.At)}
	}
	return presences, db.Translate(err)
}

func (s *SocialStore) Presences(ctx context.Context, sc tenancy.Scope, f domain.PresenceFilter,
	skip, limit int) ([]domain.Presence, error) {
	var rows []presenceRow
	return readPresences(ctx, s.presences(sc, &rows).Apply(present(sc, &f)), &rows, skip, limit)
}

func (s *SocialStore) CountPresences(ctx context.Context, sc tenancy.Scope, f domain.PresenceFilter) (int64, error) {
	var rows []presenceRow
	n, err := s.presences(sc, &rows).Apply(present(sc, &f)).Count(ctx)
	return n, db.Translate(err)
}

// present keeps the presences that f keeps, as Presences says.
func present(sc tenancy.Scope, f *domain.PresenceFilter) func(*bun.SelectQuery) *bun.SelectQuery {
	me, seen := sc.Actor(), db.InRanges(sc.Sight(), "u.environment_path")
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("p.organization_id = ?", int64(me.Organization)).
			WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
				return q.Where("u.organization_id = ? AND u.id = ?", int64(me.Organization), int64(me.User)).
					WhereOr(seen.Text(), seen.Args...)
			})
		q = when(q, f.Topic != 0, "p.topic_id = ?", int64(f.Topic))
		q = when(q, len(f.Statuses) > 0, "p.status IN (?)", db.In(f.Statuses))
		q = when(q, len(f.Aliases) > 0, "u.alias_key IN (?) AND u.alias IN (?)", db.In(folded(f.Aliases)),
			db.In(f.Aliases))
		q = when(q, !f.Since.IsZero(), "p.at >= ?", f.Since.UnixMilli())
		return when(q, !f.Until.IsZero(), "p.at < ?", f.Until.UnixMilli())
	}
}

func (s *SocialStore) PresencesOfContacts(ctx context.Context, sc, topics tenancy.Scope,
	since time.Time) ([]domain.Presence, error) {
	keys, err := s.contactKeys(ctx, sc)
	if err != nil || len(keys) == 0 {
		return []domain.Presence{}, err
	}
	in := db.Account(sc)
	var rows []presenceRow
	q := s.presences(topics, &rows).ApplyQueryBuilder(among("u.organization_id", "u.id", keys)).
		Where(in.Text(), in.Args...).Where("p.at >= ?", db.Millis(since))
	return readPresences(ctx, q, &rows, 0, domain.MaxPresences)
}

func (s *SocialStore) Visited(ctx context.Context, sc tenancy.Scope,
	topics []domain.ObjectID) (visited []domain.ObjectID, all int64, err error) {
	me := sc.Actor()
	var rows []presenceRow
	q := s.presences(sc, &rows).Where("p.organization_id = ? AND p.user_id = ?", int64(me.Organization), int64(me.User))
	n, err := q.Count(ctx)
	if err != nil || n == 0 || len(topics) == 0 {
		return nil, n, db.Translate(err)
	}
	err = q.Column("topic_id").Where("p.topic_id IN (?)", db.In(topics)).Scan(ctx, &visited)
	return visited, n, db.Translate(err)
}

func (tx *Tx) SetPresence(topic domain.ObjectID, status domain.PresenceStatus, at time.Time) error {
	me := tx.me()
	if err := tx.holdObject(domain.ObjectKey{Organization: me.Organization, Object: topic}); err != nil {
		return err
	}
	_, err := tx.Bun.NewInsert().Model(&presenceRow{OrganizationID: int64(me.Organization), TopicID: int64(topic),
		UserID: int64(me.User),
		Status: string(status), At: db.Millis(at)}).
		On("CONFLICT (organization_id, topic_id, user_id) DO UPDATE").Set("status = EXCLUDED.status").
		Set("at = EXCLUDED.at").Exec(tx.Ctx)
	return db.Translate(err)
}

func (tx *Tx) EndPresence(topic domain.ObjectKey, of domain.UserKey) error {
	if err := tx.holdObject(topic); err != nil || topic.Organization != of.Organization {
		return err
	}
	return tx.Run(tx.NewDelete().Model(&presenceRow{OrganizationID: int64(of.Organization),
		TopicID: int64(topic.Object), UserID: int64(of.User)}).WherePK())
}
