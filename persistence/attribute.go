package persistence

import (
	"context"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// userAttributeRow is a row of the table user_attributes.
type userAttributeRow struct {
	bun.BaseModel `bun:"table:user_attributes,alias:a"`

	OrganizationID int64
	UserID         int64
	Name           string
	Value          string
	ValueKey       string
}

// AfterScanRow counts the row into the weight of its page.
func (r *userAttributeRow) AfterScanRow(ctx context.Context) error {
	return db.Weigh(ctx, 3, r.Name, r.Value)
}

// Attributes returns the attributes of the users with these numbers that lie in sc. Who has none is not
// in the map.
func (s *UserStore) Attributes(ctx context.Context, sc tenancy.Scope,
	ids []domain.UserID) (map[domain.UserID]domain.Attributes, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []userAttributeRow
	return attributesOf(ctx, s.db.NewSelect().Model(&rows).
		Join("JOIN users AS u ON u.organization_id = a.organization_id AND u.id = a.user_id").
		Apply(knownIn(sc).Narrow).Where("u.id IN (?)", db.In(ids)), &rows)
}

// attributesOf reads the attributes that q finds, in rows.
func attributesOf(ctx context.Context, q *bun.SelectQuery,
	rows *[]userAttributeRow) (map[domain.UserID]domain.Attributes, error) {
	err := q.ExcludeColumn("value_key").Scan(ctx)
	found := make(map[domain.UserID]domain.Attributes)
	for _, r := range *rows {
		user := domain.UserID(r.UserID)
		if found[user] == nil {
			found[user] = make(domain.Attributes)
		}
		found[user][r.Name] = r.Value
	}
	return found, db.Translate(err)
}

// addAttributes reads the attributes of users that were read in a transaction.
func addAttributes(ctx context.Context, r db.Reader, users ...*domain.User) error {
	if len(users) == 0 {
		return nil
	}
	of := make(map[domain.OrganizationID][]domain.UserID, 1)
	for _, u := range users {
		of[u.Organization] = append(of[u.Organization], u.ID)
	}
	var rows []userAttributeRow
	found, err := attributesOf(ctx, r.NewSelect().Model(&rows).
		WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			for o, ids := range of {
				q = q.WhereOr("a.organization_id = ? AND a.user_id IN (?)", int64(o), db.In(ids))
			}
			return q
		}), &rows)
	for _, u := range users {
		u.Attributes = found[u.ID]
	}
	return err
}

func (t *Tx) insertAttributes(users ...*domain.User) error {
	var rows []*userAttributeRow
	for _, u := range users {
		for name, value := range u.Attributes {
			rows = append(rows, &userAttributeRow{OrganizationID: int64(u.Organization), UserID: int64(u.ID),
				Name: name, Value: value, ValueKey: domain.Fold(value)})
		}
	}
	return t.Insert(&rows)
}
