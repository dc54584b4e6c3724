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
	rows, err := s.ofUsers(ctx, sc, "user_attributes", "x.name, x.value", ids)
	all, err := db.Collect(rows, err, db.Weighed(ctx, scanAttribute))
	if err != nil {
		return nil, err
	}
	return byUser(all), nil
}

// scanAttribute reads the user, the name and the value.
func scanAttribute(r db.Row) (a userAttributeRow, err error) {
	err = r.Scan(&a.UserID, &a.Name, &a.Value)
	return a, err
}

// byUser returns attributes by whose they are.
func byUser(rows []userAttributeRow) map[domain.UserID]domain.Attributes {
	found := make(map[domain.UserID]domain.Attributes)
	for _, r := range rows {
		user := domain.UserID(r.UserID)
		if found[user] == nil {
			found[user] = make(domain.Attributes)
		}
		found[user][r.Name] = r.Value
	}
	return found
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
	err := r.NewSelect().Model(&rows).ExcludeColumn("value_key").
		WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			for o, ids := range of {
				q = q.WhereOr("a.organization_id = ? AND a.user_id IN (?)", int64(o), db.In(ids))
			}
			return q
		}).Scan(ctx)
	found := byUser(rows)
	for _, u := range users {
		u.Attributes = found[u.ID]
	}
	return db.Translate(err)
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
