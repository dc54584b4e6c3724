package persistence

import (
	"context"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// contactRow is a row of the table user_contacts, and what is told of the contact.
type contactRow struct {
	bun.BaseModel `bun:"table:user_contacts,alias:c"`

	OrganizationID        int64 `bun:",pk"`
	UserID                int64 `bun:",pk"`
	ContactOrganizationID int64
	ContactID             int64 `bun:",pk"`
	Rank                  int64

	Alias     string `bun:",scanonly"`
	FirstName string `bun:",scanonly"`
	LastName  string `bun:",scanonly"`
}

// Within implements db.Scoped, for a query that joins the users.
func (contactRow) Within(sc tenancy.Scope) db.Predicate { return knownIn(sc) }

func contact(u domain.UserKey, alias, firstName, lastName string) domain.Contact {
	p := domain.Person{FirstName: firstName, LastName: lastName}
	return domain.Contact{User: u, Alias: alias, Name: p.Name()}
}

func (s *SocialStore) Contacts(ctx context.Context, sc tenancy.Scope) ([]domain.Contact, error) {
	me := sc.Actor()
	var rows []contactRow
	err := db.From(s.db, sc, &rows).ColumnExpr("?TableColumns, u.alias, u.first_name, u.last_name").
		Join("JOIN users AS u ON u.organization_id = c.contact_organization_id AND u.id = c.contact_id").
		Where("c.organization_id = ? AND c.user_id = ?", int64(me.Organization), int64(me.User)).
		Order("c.rank", "c.contact_id").Scan(ctx)
	contacts := make([]domain.Contact, len(rows))
	for i, r := range rows {
		contacts[i] = contact(userKey(r.ContactOrganizationID, r.ContactID), r.Alias, r.FirstName, r.LastName)
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
