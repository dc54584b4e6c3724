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
func (contactRow) Within(sc tenancy.Scope) db.Predicate { return db.Account(sc) }

func contact(u domain.UserKey, alias, firstName, lastName string) domain.Contact {
	p := domain.Person{FirstName: firstName, LastName: lastName}
	return domain.Contact{User: u, Alias: alias, Name: p.Name()}
}

// Contacts returns the contacts in sc in the order in which they were added.
func (s *SocialStore) Contacts(ctx context.Context, sc tenancy.Scope) ([]domain.Contact, error) {
	me := sc.Actor()
	var rows []contactRow
	err := db.From(s.db, sc, &rows).ColumnExpr("?TableColumns, u.alias, u.first_name, u.last_name").
		Join("JOIN users AS u ON u.organization_id = c.contact_organization_id AND u.id = c.contact_id").
		Where("c.organization_id = ? AND c.user_id = ?", int64(me.Organization), int64(me.User)).Order("c.rank", "c.contact_id").Scan(ctx)
	contacts := make([]domain.Contact, len(rows))
	for i, r := range rows {
		contacts[i] = contact(userKey(r.ContactOrganizationID, r.ContactID), r.Alias, r.FirstName, r.LastName)
	}
	return contacts, db.Translate(err)
}

// AddContact makes the user with that alias in the scope one of the contacts of whoever the transaction was
// opened for. It returns ErrUserNotFound, ErrContact if they are one already, and ErrTooManyContacts.
func (tx *Tx) AddContact(alias string) error {
	of, err := tx.userNamed(alias)
	if err != nil {
		return err
	}
	me, err := tx.holdMe() // only this one row, so that two who add each other do not wait in a circle
	if err != nil {
		return err
	}
	row := contactRow{OrganizationID: int64(me.Organization), UserID: int64(me.User),
		ContactOrganizationID: int64(of.Organization), ContactID: int64(of.User), Rank: 1}
	var there []contactRow
	err = tx.NewSelect().Model(&there).Column("contact_id", "rank").Where("organization_id = ? AND user_id = ?", row.OrganizationID, row.UserID).Scan(tx.Ctx)
	if err != nil {
		return db.Translate(err)
	}
	for _, r := range there {
		if r.ContactID == row.ContactID {
			return domain.ErrContact
		}
		row.Rank = max(row.Rank, r.Rank+1)
	}
	if len(there) >= domain.MaxContacts {
		return domain.ErrTooManyContacts
	}
	return tx.Insert(&row)
}

// userNamed returns where the user with that alias in the scope is stored, or ErrUserNotFound.
func (tx *Tx) userNamed(alias string) (domain.UserKey, error) {
	key, err := nameOwner(tx.Ctx, tx, loginNames, alias)
	if err != nil {
		return key, err
	}
	in := db.Account(tx.Scope())
	var rows []userRow
	err = tx.NewSelect().Model(&rows).Column("id").Where("u.organization_id = ? AND u.id = ?", int64(key.Organization), int64(key.User)).
		Where(in.Text(), in.Args...).Scan(tx.Ctx)
	_, err = db.First(rows, err, domain.ErrUserNotFound)
	return key, err
}

// RemoveContact takes back AddContact, or returns ErrNotContact.
func (tx *Tx) RemoveContact(alias string) error {
	of, err := tx.userNamed(alias)
	if domain.ErrUserNotFound.Is(err) {
		return domain.ErrNotContact
	}
	if err != nil {
		return err
	}
	n, err := deleteOwn(tx.Ctx, tx.Bun, tx.me(), "user_contacts", "contact_id = ?", int64(of.User))
	if err == nil && n == 0 {
		err = domain.ErrNotContact
	}
	return err
}
