package persistence

import (
	"context"
	"maps"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// userAttributeRow is a row of the table user_attributes.
type userAttributeRow struct {
	bun.BaseModel `bun:"table:user_attributes"`

	OrganizationID int64
	UserID         int64
	Name           string
	Value          string
	ValueKey       string
}

// Attributes returns the attributes of the users with these numbers that lie in sc. Who
// has none is not in the map.
func (s *UserStore) Attributes(ctx context.Context, sc tenancy.Scope, ids []domain.UserID) (map[domain.UserID]domain.Attributes, error) {
	return readAttributes(ctx, s.db, db.Account(sc), ids)
}

func readAttributes(ctx context.Context, q db.Querier, where db.Predicate, ids []domain.UserID) (map[domain.UserID]domain.Attributes, error) {
	found := make(map[domain.UserID]domain.Attributes)
	if len(ids) == 0 {
		return found, nil
	}
	where = where.And("u.id IN (?)", db.In(ids))
	rows, err := q.QueryContext(ctx, "SELECT a.user_id, a.name, a.value FROM users u JOIN user_attributes a "+
		"ON a.organization_id = u.organization_id AND a.user_id = u.id WHERE "+where.Text(), where.Args...)
	_, err = db.Collect(rows, err, db.Weighed(ctx, func(r db.Row) (struct{}, error) {
		var id int64
		var name, value string
		err := r.Scan(&id, &name, &value)
		user := domain.UserID(id)
		if found[user] == nil {
			found[user] = make(domain.Attributes)
		}
		found[user][name] = value
		return struct{}{}, err
	}))
	return found, err
}

// addAttributes reads the attributes of users that were read in a transaction.
func addAttributes(ctx context.Context, q db.Querier, users ...*domain.User) error {
	ids := make([]domain.UserID, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	found, err := readAttributes(ctx, q, db.Predicate{}, ids)
	for _, u := range users {
		u.Attributes = found[u.ID]
	}
	return err
}

func insertAttributes(ctx context.Context, tx bun.Tx, users ...*domain.User) error {
	var rows []*userAttributeRow
	for _, u := range users {
		for name, value := range u.Attributes {
			rows = append(rows, &userAttributeRow{OrganizationID: int64(u.Organization), UserID: int64(u.ID),
				Name: name, Value: value, ValueKey: domain.Fold(value)})
		}
	}
	return insertAll(ctx, tx, rows)
}

// saveAttributes writes the attributes of after, if they differ from before's.
func saveAttributes(ctx context.Context, tx bun.Tx, before, after *domain.User) error {
	if maps.Equal(before.Attributes, after.Attributes) {
		return nil
	}
	if _, err := deleteOwn(ctx, tx, after.Key(), "user_attributes", ""); err != nil {
		return err
	}
	return insertAttributes(ctx, tx, after)
}
