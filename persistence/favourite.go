package persistence

import (
	"context"
	"strings"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// FavouriteStore keeps the lists of names of the users a scope covers.
type FavouriteStore struct{ db *db.DB }

// NewFavouriteStore returns the store of favourites in d.
func NewFavouriteStore(d *db.DB) *FavouriteStore { return &FavouriteStore{d} }

// favouriteRow is a row of the table user_marks.
type favouriteRow struct {
	bun.BaseModel `bun:"table:user_marks"`

	OrganizationID int64
	UserID         int64
	List           int64
	NameKey        string
	Name           string
	Rank           int64
}

// Of returns the lists of the user with that number; they are empty if there is none in sc.
func (s *FavouriteStore) Of(ctx context.Context, sc tenancy.Scope, id domain.UserID) (favourites domain.Favourites, err error) {
	where := db.Account(sc).And("u.id = ?", int64(id))
	rows, err := s.db.QueryContext(ctx, `SELECT m.list, m.name FROM users u
		JOIN user_marks m ON m.organization_id = u.organization_id AND m.user_id = u.id
		WHERE `+where.Text()+" ORDER BY m.list, m.rank, m.name_key", where.Args...)
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

// holdUser keeps the user with that number, so that two changes of what is theirs wait for
// one another. It is ErrUserNotFound if there is none in w.
func holdUser(ctx context.Context, d *db.DB, tx bun.Tx, w tenancy.WriteScope, id domain.UserID) (domain.UserKey, error) {
	where := db.Account(w.Read()).And("u.id = ?", int64(id))
	rows, err := tx.QueryContext(ctx, "SELECT u.organization_id FROM users u WHERE "+where.Text()+
		d.For("NO KEY UPDATE"), where.Args...)
	organization, err := db.Only(rows, err, db.Scalar[int64], domain.ErrUserNotFound)
	return domain.UserKey{Organization: domain.OrganizationID(organization), User: id}, err
}

// room returns the rank behind a list's last entry, or full if it has as many as it may.
// The statement selects both the count and the last rank.
func room(ctx context.Context, tx bun.Tx, statement string, most int64, full error, args ...any) (int64, error) {
	rows, err := tx.QueryContext(ctx, "SELECT count(*), coalesce(max(rank), 0) FROM "+statement, args...)
	last, err := db.Only(rows, err, func(r db.Row) (last [2]int64, err error) {
		err = r.Scan(&last[0], &last[1])
		return last, err
	}, domain.ErrInternal)
	if err == nil && last[0] >= most {
		err = full
	}
	return last[1] + 1, err
}

// Add puts a name on a list of the user with that number. It is ErrUserNotFound if there is
// none in w, ErrAlreadyFavourite if the name is there, compared by domain.Fold, and ErrTooManyFavourites.
func (s *FavouriteStore) Add(ctx context.Context, w tenancy.WriteScope, id domain.UserID, list domain.FavouriteList, name string) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		key, err := holdUser(ctx, s.db, tx, w, id)
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, "SELECT 1 FROM user_marks WHERE organization_id = ? AND user_id = ? AND list = ? AND name_key = ?",
			int64(key.Organization), int64(id), int64(list), domain.Fold(name))
		if there, err := db.Collect(rows, err, db.Scalar[int]); err != nil || len(there) > 0 {
			return orElse(err, domain.ErrAlreadyFavourite)
		}
		rank, err := room(ctx, tx, "user_marks WHERE organization_id = ? AND user_id = ? AND list = ?", domain.MaxFavourites, domain.ErrTooManyFavourites,
			int64(key.Organization), int64(id), int64(list))
		if err != nil {
			return err
		}
		return insertAll(ctx, tx, []*favouriteRow{{OrganizationID: int64(key.Organization), UserID: int64(id), List: int64(list),
			NameKey: domain.Fold(name), Name: name, Rank: rank}})
	})
}

// Remove takes a name off a list of the user with that number. It is ErrUserNotFound if
// there is none in w, and ErrNotFavourite if the name is not there.
func (s *FavouriteStore) Remove(ctx context.Context, w tenancy.WriteScope, id domain.UserID, list domain.FavouriteList, name string) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		key, err := holdUser(ctx, s.db, tx, w, id)
		if err != nil {
			return err
		}
		n, err := deleteOwn(ctx, tx, key, "user_marks", "list = ? AND name_key = ?", int64(list), domain.Fold(name))
		if err == nil && n == 0 {
			err = domain.ErrNotFavourite
		}
		return err
	})
}

// Replace makes names, of which none may come twice, all there is on a list of the user with
// that number. It is ErrUserNotFound if there is none in w, and ErrTooManyFavourites.
func (s *FavouriteStore) Replace(ctx context.Context, w tenancy.WriteScope, id domain.UserID, list domain.FavouriteList, names []string) error {
	if len(names) > domain.MaxFavourites {
		return domain.ErrTooManyFavourites
	}
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		key, err := holdUser(ctx, s.db, tx, w, id)
		if err != nil {
			return err
		}
		if _, err := deleteOwn(ctx, tx, key, "user_marks", "list = ?", int64(list)); err != nil {
			return err
		}
		rows := make([]*favouriteRow, len(names))
		for i, name := range names {
			rows[i] = &favouriteRow{OrganizationID: int64(key.Organization), UserID: int64(id), List: int64(list),
				NameKey: domain.Fold(name), Name: name, Rank: int64(i)}
		}
		return insertAll(ctx, tx, rows)
	})
}

// topicLists are the lists whose names are those of topics.
const topicLists = "list IN (0, 1)"

// renameFavourites gives the topic that was called before, and what lies below it, its new name on
// the lists of people of its organization.
func renameFavourites(ctx context.Context, tx bun.Tx, o domain.OrganizationID, before, after string) error {
	old, renamed := domain.Fold(before), domain.Fold(after)
	if old != renamed {
		// A name that a list has already stays once.
		_, err := tx.ExecContext(ctx, "DELETE FROM user_marks WHERE organization_id = ? AND "+topicLists+` AND (name_key = ? OR name_key >= ? AND name_key < ?)
			AND EXISTS (SELECT 1 FROM user_marks m WHERE m.organization_id = user_marks.organization_id AND m.user_id = user_marks.user_id
				AND m.list = user_marks.list AND m.name_key = ? || substr(user_marks.name_key, ?))`,
			int64(o), renamed, renamed+"/", renamed+"0", old, runes(renamed)+1)
		if err != nil {
			return db.Translate(err)
		}
	}
	_, err := tx.ExecContext(ctx, "UPDATE user_marks SET name = ? || substr(name, ?), name_key = ? || substr(name_key, ?) WHERE organization_id = ? AND "+
		topicLists+" AND (name_key = ? OR name_key >= ? AND name_key < ?)",
		after, runes(before)+1, renamed, runes(old)+1, int64(o), old, old+"/", old+"0")
	return db.Translate(err)
}

// forgetFavourites takes the names of topics that are gone off the lists of people.
func forgetFavourites(ctx context.Context, tx bun.Tx, objects []domain.Object) error {
	for i := range objects {
		o := &objects[i]
		if o.Kind != domain.KindTopic {
			continue
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM user_marks WHERE organization_id = ? AND "+topicLists+" AND name_key = ?",
			int64(o.Organization), domain.Fold(o.FullName))
		if err != nil {
			return db.Translate(err)
		}
	}
	return nil
}

// privateTopic reads the topic that is for one user alone, and keeps it. It is
// ErrObjectNotFound if there is none, or the one with its name is somebody else's.
func privateTopic(ctx context.Context, d *db.DB, tx bun.Tx, u *domain.User) (domain.Object, error) {
	return selectObject(ctx, tx, db.Where(`o.organization_id = ? AND o.kind = ? AND o.full_name_key = ?
		AND o.owner_organization_id = ? AND o.owner_id = ?`,
		int64(u.Organization), string(domain.KindTopic), domain.Fold(domain.PrivateTopic(u.Alias)), int64(u.Organization), int64(u.ID)), d.For("UPDATE"))
}

// renamePrivateTopic gives the topic that is for one user alone, and what lies below it, the
// user's new alias.
func renamePrivateTopic(ctx context.Context, d *db.DB, tx bun.Tx, w tenancy.WriteScope, before, after *domain.User) error {
	if before.Alias == after.Alias {
		return nil
	}
	topic, err := privateTopic(ctx, d, tx, before)
	if domain.ErrObjectNotFound.Is(err) {
		return nil
	}
	if err != nil {
		return err
	}
	to := topic.Clone()
	to.Name = after.Alias // below a topic that has the rest of the name
	if topic.Parent == 0 {
		to.Name = strings.TrimPrefix(domain.PrivateTopic(after.Alias), "/")
	}
	if err := rename(ctx, tx, &to); err != nil {
		return err
	}
	to.Changed = db.Moment(db.Millis(d.Now()))
	if err := saveName(ctx, tx, &topic, &to, unlimited); err != nil {
		return err
	}
	return record(ctx, d, tx, w, objectEntry("update", &to, domain.Diff(topic.Fields(), to.Fields())))
}
