package persistence

import (
	"strings"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// SocialStore reads what whoever a scope was given to keeps for themselves, and who is where, as the ports in
// app/objects say.
type SocialStore struct{ db *db.DB }

// NewSocialStore returns the store of what people keep for themselves in d.
func NewSocialStore(d *db.DB) *SocialStore { return &SocialStore{d} }

// favouriteRow is a row of the table user_marks.
type favouriteRow struct {
	bun.BaseModel `bun:"table:user_marks,alias:m"`

	OrganizationID int64  `bun:",pk"`
	UserID         int64  `bun:",pk"`
	List           int64  `bun:",pk"`
	NameKey        string `bun:",pk"`
	Name           string
	Rank           int64
}

func toFavouriteRow(u domain.UserKey, list domain.FavouriteList, name string, rank int64) favouriteRow {
	return favouriteRow{OrganizationID: int64(u.Organization), UserID: int64(u.User), List: int64(list),
		NameKey: domain.Fold(name), Name: name, Rank: rank}
}

// me is where whoever the transaction was opened for is stored.
func (tx *Tx) me() domain.UserKey {
	me := tx.Write.Actor()
	return domain.UserKey{Organization: me.Organization, User: me.User}
}

// holdMe keeps whoever the transaction was opened for, so that two changes of what is theirs wait for one
// another. It returns ErrUserNotFound if they are gone.
func (tx *Tx) holdMe() (domain.UserKey, error) {
	me := tx.me()
	var rows []userRow
	err := tx.NewSelect().Model(&rows).Column("id").
		Where("organization_id = ? AND id = ?", int64(me.Organization), int64(me.User)).
		Apply(tx.For("NO KEY UPDATE")).Scan(tx.Ctx)
	_, err = db.First(rows, err, domain.ErrUserNotFound)
	return me, err
}

// last returns how many rows of a list there are, and the last rank.
func (tx *Tx) last(list *bun.SelectQuery) (count, rank int64, err error) {
	err = list.ColumnExpr("count(*), coalesce(max(rank), 0)").Scan(tx.Ctx, &count, &rank)
	return count, rank, db.Translate(err)
}

func (tx *Tx) AddFavourite(list domain.FavouriteList, name string) error {
	me, err := tx.holdMe()
	if err != nil {
		return err
	}
	row := toFavouriteRow(me, list, name, 0)
	count, rank, err := tx.last(tx.NewSelect().Model((*favouriteRow)(nil)).
		Where("organization_id = ? AND user_id = ? AND list = ?", row.OrganizationID, row.UserID, row.List))
	if err != nil {
		return err
	}
	row.Rank = rank + 1
	if err := tx.Insert(&row); err != nil || count < domain.MaxFavourites {
		return err
	}
	return domain.ErrTooManyFavourites
}

func (tx *Tx) RemoveFavourite(list domain.FavouriteList, name string) error {
	row := toFavouriteRow(tx.me(), list, name, 0)
	return tx.One(tx.NewDelete().Model(&row).WherePK(), domain.ErrNotFavourite)
}

func (tx *Tx) SetFavourites(list domain.FavouriteList, names []string) error {
	if len(names) > domain.MaxFavourites {
		return domain.ErrTooManyFavourites
	}
	me, err := tx.holdMe()
	if err != nil {
		return err
	}
	if _, err := deleteOwn(tx.Ctx, tx.Bun, me, "user_marks", "list = ?", int64(list)); err != nil {
		return err
	}
	rank := int64(-1)
	return insertRows(tx, names, func(name string) favouriteRow {
		rank++
		return toFavouriteRow(me, list, name, rank)
	})
}

// topicLists keeps the lists whose names are those of topics, of an organization.
func topicLists(o domain.OrganizationID) func(bun.QueryBuilder) bun.QueryBuilder {
	return func(q bun.QueryBuilder) bun.QueryBuilder {
		return q.Where("organization_id = ? AND list IN (?, ?)", int64(o), domain.FavouriteTopics, domain.MutedTopics)
	}
}

// renameFavourites gives the topic that was called before, and what lies below it, its new name on
// the lists of people of its organization.
func (tx *Tx) renameFavourites(o domain.OrganizationID, before, after string) error {
	old, renamed := domain.Fold(before), domain.Fold(after)
	if old != renamed {
		// A name that a list has already stays once.
		err := tx.Run(tx.NewDelete().Model((*favouriteRow)(nil)).ApplyQueryBuilder(topicLists(o)).
			Where("name_key = ? OR name_key >= ? AND name_key < ?", renamed, renamed+"/", renamed+"0").
			Where(`EXISTS (SELECT 1 FROM user_marks b WHERE b.organization_id = m.organization_id AND b.user_id = m.user_id
				AND b.list = m.list AND b.name_key = ? || substr(m.name_key, ?))`, old, runes(renamed)+1))
		if err != nil {
			return err
		}
	}
	return tx.Run(tx.NewUpdate().Model((*favouriteRow)(nil)).Set("name = ? || substr(name, ?)", after, runes(before)+1).
		Set("name_key = ? || substr(name_key, ?)", renamed, runes(old)+1).ApplyQueryBuilder(topicLists(o)).
		Where("name_key = ? OR name_key >= ? AND name_key < ?", old, old+"/", old+"0"))
}

// forgetFavourites takes the name of a topic that is gone off the lists of people.
func (tx *Tx) forgetFavourites(o *domain.Object) error {
	if o.Kind != domain.KindTopic {
		return nil
	}
	return tx.Run(tx.NewDelete().Model((*favouriteRow)(nil)).ApplyQueryBuilder(topicLists(o.Organization)).
		Where("name_key = ?", domain.Fold(o.FullName)))
}

// privateTopic reads the topic that is for one user alone, and keeps it. It returns ErrObjectNotFound if there
// is none, or the one with its name is somebody else's.
func (tx *Tx) privateTopic(u *domain.User) (domain.Object, error) {
	var rows []objectRow
	q := tx.NewSelect().Model(&rows).Where("o.organization_id = ? AND o.kind = ? AND o.full_name_key = ?",
		int64(u.Organization), string(domain.KindTopic), domain.Fold(domain.PrivateTopic(u.Alias))).
		Apply(ownedBy(u.Key())).Apply(tx.For("UPDATE"))
	objects, err := readObjects(tx.Ctx, tenancy.Scope{}.Of(u.Organization), q, &rows)
	return db.First(objects, err, domain.ErrObjectNotFound)
}

// renamePrivateTopic gives the topic that is for one user alone, and what lies below it, the
// user's new alias.
func (tx *Tx) renamePrivateTopic(before, after *domain.User) error {
	if before.Alias == after.Alias {
		return nil
	}
	topic, err := tx.privateTopic(before)
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
	if err := tx.nameInFull(&to); err != nil {
		return err
	}
	to.Changed = db.Moment(db.Millis(tx.DB.Now()))
	if err := tx.saveName(&topic, &to, unlimited); err != nil {
		return err
	}
	return tx.record(objectEntry("update", &to, domain.Diff(topic.Fields(), to.Fields())))
}
