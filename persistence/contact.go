package persistence

import (
	"context"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// contactRow is a row of the table user_contacts.
type contactRow struct {
	bun.BaseModel `bun:"table:user_contacts,alias:c"`

	OrganizationID        int64 `bun:",pk"`
	UserID                int64 `bun:",pk"`
	ContactOrganizationID int64
	ContactID             int64 `bun:",pk"`
	Rank                  int64
}

func contact(u domain.UserKey, alias, firstName, lastName string) domain.Contact {
	p := domain.Person{FirstName: firstName, LastName: lastName}
	return domain.Contact{User: u, Alias: alias, Name: p.Name()}
}

func (s *SocialStore) Contacts(ctx context.Context, sc tenancy.Scope) ([]domain.Contact, error) {
	keys, err := s.contactKeys(ctx, sc)
	if err != nil || len(keys) == 0 {
		return []domain.Contact{}, err
	}
	known := knownIn(sc)
	var users []userRow
	err = s.db.NewSelect().Model(&users).Column("organization_id", "id", "alias", "first_name", "last_name").
		ApplyQueryBuilder(among("u.organization_id", "u.id", keys)).Where(known.Text(), known.Args...).Scan(ctx)
	found := make(map[rowKey]*userRow, len(users))
	for i := range users {
		found[rowKey{users[i].OrganizationID, users[i].ID}] = &users[i]
	}
	contacts := make([]domain.Contact, 0, len(users))
	for _, k := range keys {
		if u := found[k]; u != nil {
			contacts = append(contacts, contact(userKey(u.OrganizationID, u.ID), u.Alias, u.FirstName, u.LastName))
		}
	}
	return contacts, db.Translate(err)
}

func (tx *Tx) AddContact(alias string) error {
	row, err := tx.contactOf(alias)
	if err != nil {
		return err
	}
	if _, err := tx.holdMe(); err != nil { // only this one row, so that two who add each other do not wait in a circle
		return err
	}
	count, rank, err := tx.last(tx.NewSelect().Model((*contactRow)(nil)).
		Where("organization_id = ? AND user_id = ?", row.OrganizationID, row.UserID))
	if err != nil {
		return err
	}
	row.Rank = rank + 1
	if err := tx.Insert(row); err != nil || count < domain.MaxContacts {
		return err
	}
	return domain.ErrTooManyContacts
}

func (tx *Tx) RemoveContact(alias string) error {
	row, err := tx.contactOf(alias)
	if domain.ErrUserNotFound.Is(err) {
		return domain.ErrNotContact
	}
	if err != nil {
		return err
	}
	return tx.One(tx.NewDelete().Model(row).WherePK(), domain.ErrNotContact)
}

// contactOf returns the row that makes the user with that alias in the scope a contact of whoever the transaction
// was opened for, or ErrUserNotFound, which takes as long for an alias of elsewhere as for nobody's.
func (tx *Tx) contactOf(alias string) (*contactRow, error) {
	var rows []userRow
	err := tx.NewSelect().Model(&rows).Column("organization_id", "id").
		Apply(namedIn(tx.Scope(), domain.UserRef{Alias: alias}).Narrow).Scan(tx.Ctx)
	of, err := db.First(rows, err, domain.ErrUserNotFound)
	me := tx.me()
	return &contactRow{OrganizationID: int64(me.Organization), UserID: int64(me.User),
		ContactOrganizationID: of.OrganizationID, ContactID: of.ID}, err
}
