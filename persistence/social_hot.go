package persistence

import (
	"context"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// What clients of Tat ask about themselves is text that is kept prepared: they ask it before each thing that they do.

func (s *SocialStore) Favourites(ctx context.Context, sc tenancy.Scope) (favourites domain.Favourites, err error) {
	me := sc.Actor()
	rows, err := s.db.HotRows(ctx, "SELECT m.list, m.name FROM user_marks m "+
		"WHERE m.organization_id = ? AND m.user_id = ? ORDER BY m.list, m.rank, m.name_key",
		int64(me.Organization), int64(me.User))
	_, err = db.Collect(rows, err, func(r db.Row) (struct{}, error) {
		var list int64
		var name string
		err := r.Scan(&list, &name)
		if err == nil && list < int64(len(favourites)) {
			favourites[list] = append(favourites[list], name)
		}
		return struct{}{}, err
	})
	return favourites, err
}

// contactKeys returns who the contacts of the actor of sc are, in their order, wherever they are: whoever asks goes on
// with them as constants of a statement that has a scope.
func (s *SocialStore) contactKeys(ctx context.Context, sc tenancy.Scope) ([]rowKey, error) {
	me := sc.Actor()
	rows, err := s.db.HotRows(ctx, "SELECT c.contact_organization_id, c.contact_id FROM user_contacts c "+
		"WHERE c.organization_id = ? AND c.user_id = ? ORDER BY c.rank, c.contact_id",
		int64(me.Organization), int64(me.User))
	return db.Collect(rows, err, func(r db.Row) (k rowKey, err error) {
		err = r.Scan(&k.organization, &k.id)
		return k, err
	})
}
