package persistence

import (
	"context"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// departureRow is a row of the table departures.
type departureRow struct {
	bun.BaseModel `bun:"table:departures,alias:d"`

	OrganizationID      int64 `bun:",pk"`
	BeganAt             int64
	ActorOrganizationID int64
	ActorID             int64
	ActorAlias          string
	RequestID           string
	ClientRequestID     string
	Surface             string
	Users               int64
	Gone                int64
}

// How much of an organization goes in one transaction, for which others wait.
const (
	usersDepart   = 100
	othersDepart  = 500
	entriesDepart = 500
)

// PurgeOrganization implements directory.EnvironmentTx.
func (tx *Tx) PurgeOrganization(e *domain.Environment) error {
	switch {
	case !e.IsOrganization:
		return domain.ErrEnvironmentNotFound
	case e.ID == domain.RootEnvironment:
		return domain.ErrRootFixed
	}
	nested, err := tx.NewSelect().Table("environments").Where("is_organization AND path > ? AND path < ?",
		string(e.Path), string(e.Path.End())).Count(tx.Ctx)
	if err != nil {
		return db.Translate(err)
	}
	if nested > 0 {
		return domain.ErrEnvironmentNotEmpty.Saying("Other organizations (%d) lie below this one; delete them first.", nested)
	}
	above, err := selectEnvironment(tx.Ctx, tx.Bun, db.Where("e.path = ?", string(e.Path.Parent())), "")
	if err != nil {
		return err
	}
	if err := tx.shut(e); err != nil {
		return err
	}
	if err := tx.noteDeparture(e.Organization); err != nil {
		return err
	}
	entry := environmentEntry("environment:delete", e, domain.Diff(e.Fields(), nil))
	entry.Organization = above.Organization
	return tx.record(entry)
}

// shut takes an organization out of everybody's reach: nobody of it signs in, it is inactive, which keeps out all but
// superUsers, and these are blocked from it. Programs of before know the latter two.
func (tx *Tx) shut(e *domain.Environment) error {
	superUsers, _, err := tx.SuperUsers(0)
	if err != nil {
		return err
	}
	var blocks []*userEnvironmentRow
	for i := range superUsers {
		listed := false
		for _, g := range superUsers[i].Blocked {
			listed = listed || g.Environment == e.ID
		}
		if !listed {
			blocks = append(blocks, grantRows(&superUsers[i], true,
				[]domain.Grant{{Organization: e.Organization, Environment: e.ID, Path: e.Path}})...)
		}
	}
	if err := tx.Insert(&blocks); err != nil {
		return err
	}
	if err := tx.forgetCodes(e.Organization); err != nil {
		return err
	}
	if err := tx.forgetProviders(e.Organization); err != nil {
		return err
	}
	err = tx.One(tx.NewUpdate().Model((*organizationRow)(nil)).Set("departing = ?", true).
		Where("organization_id = ?", int64(e.Organization)), domain.ErrEnvironmentNotFound)
	if err != nil {
		return err
	}
	err = tx.One(tx.NewUpdate().Model((*environmentRow)(nil)).Set("active = ?", false).
		Where("e.organization_id = ? AND e.id = ?", int64(e.Organization), int64(e.ID)), domain.ErrEnvironmentNotFound)
	if err != nil {
		return err
	}
	return tx.bumpAround(e.Path)
}

// forgetCodes deletes the registration codes of an organization.
func (tx *Tx) forgetCodes(o domain.OrganizationID) error {
	return tx.Run(
		tx.NewDelete().Table("registration_code_names").
			Where("name IN (SELECT c.hash FROM registration_codes c WHERE c.organization_id = ?)", int64(o)),
		tx.NewDelete().Table("registration_codes").Where("organization_id = ?", int64(o)))
}

// noteDeparture has what an organization has taken away by Depart, in the name of whom the transaction is.
func (tx *Tx) noteDeparture(o domain.OrganizationID) error {
	var count []organizationCountRow
	err := tx.NewSelect().Model(&count).Where("organization_id = ?", int64(o)).Scan(tx.Ctx)
	had, err := db.First(count, db.Translate(err), domain.ErrEnvironmentNotFound)
	if err != nil {
		return err
	}
	actor, request := tx.Write.Actor(), domain.RequestFrom(tx.Ctx)
	return tx.Insert(&departureRow{OrganizationID: int64(o), BeganAt: db.Millis(tx.DB.Now()),
		ActorOrganizationID: int64(actor.Organization), ActorID: int64(actor.User), ActorAlias: actor.Alias,
		RequestID: request.ID, ClientRequestID: request.ClientID, Surface: request.Surface, Users: had.Users})
}

// Depart takes away a part of what the organization o, 0 for any, has that PurgeOrganization put out of reach, and the
// organization once it has nothing more. It returns how far that is, nil if there is nothing to do or another process
// does it. The audit trail names who asked for it.
func (s *Store) Depart(ctx context.Context, w tenancy.WriteScope, o domain.OrganizationID) (*domain.Departing, error) {
	var departing *domain.Departing
	err := s.Do(ctx, w, func(tx *Tx) error {
		departing = nil
		var rows []departureRow
		q := tx.NewSelect().Model(&rows).Order("d.began_at", "d.organization_id").Limit(1).
			Apply(tx.For("UPDATE SKIP LOCKED"))
		if o != 0 {
			q = q.Where("d.organization_id = ?", int64(o))
		}
		if err := q.Scan(tx.Ctx); err != nil || len(rows) == 0 {
			return db.Translate(err)
		}
		d := &rows[0]
		tx.Write = tx.Write.InNameOf(domain.Actor{Organization: domain.OrganizationID(d.ActorOrganizationID),
			User: domain.UserID(d.ActorID), Alias: d.ActorAlias})
		tx.Ctx = domain.WithRequest(tx.Ctx,
			domain.Request{ID: d.RequestID, ClientID: d.ClientRequestID, Surface: d.Surface})
		ended, err := tx.depart(d)
		departing = &domain.Departing{Organization: domain.OrganizationID(d.OrganizationID), Users: d.Users, Gone: d.Gone,
			Ended: ended}
		return err
	})
	return departing, err
}

// depart takes away a part of an organization, or what is left of it, and reports whether it did the latter.
func (tx *Tx) depart(d *departureRow) (ended bool, err error) {
	e, err := selectEnvironment(tx.Ctx, tx.Bun,
		db.Where("e.organization_id = ? AND e.id = ?", d.OrganizationID, d.OrganizationID), "")
	if err != nil {
		return false, err
	}
	above, err := selectEnvironment(tx.Ctx, tx.Bun, db.Where("e.path = ?", string(e.Path.Parent())), "")
	if err != nil {
		return false, err
	}
	for _, part := range []func() (bool, error){
		func() (bool, error) { return tx.departObjects(e.Organization) },
		func() (bool, error) { return tx.departUsers(d, above.Organization) },
		func() (bool, error) { return tx.departEntries(e.Organization, above.Organization) },
		func() (bool, error) { return tx.departPlaces(&e) },
	} {
		if some, err := part(); err != nil || some {
			return false, err
		}
	}
	if err := tx.bumpAround(e.Path); err != nil { // before the mentions go, by which it finds whom they concern
		return false, err
	}
	return true, tx.removeOrganization(&e, above.Organization)
}

// departObjects removes objects of an organization that no others belong to.
func (tx *Tx) departObjects(o domain.OrganizationID) (some bool, err error) {
	var rows []objectRow
	q := tx.NewSelect().Model(&rows).Where("o.organization_id = ?", int64(o)).Where(ends, int64(o)).Order("o.id").
		Limit(together).Apply(tx.For("UPDATE"))
	objects, err := readObjects(tx.Ctx, tenancy.Scope{}.Of(o), q, &rows)
	if err != nil || len(objects) == 0 {
		return false, err
	}
	return true, tx.removeObjects(objects)
}

// departUsers removes people of an organization that has no objects any more, with all that is theirs. That they went
// is written into the trail of above.
func (tx *Tx) departUsers(d *departureRow, above domain.OrganizationID) (some bool, err error) {
	users, err := readUsers(tx.Ctx, tenancy.Scope{}, tx.NewSelect().Model((*userRow)(nil)).
		Where("u.organization_id = ?", d.OrganizationID).Order("u.id").Limit(usersDepart))
	if err != nil || len(users) == 0 {
		return false, err
	}
	ids, names, addresses := make([]int64, len(users)), make([]string, len(users)), make([]string, len(users))
	entries := make([]*auditRow, len(users))
	for i := range users {
		u := &users[i]
		ids[i], names[i], addresses[i] = int64(u.ID), nameIn(loginNames, u), nameIn(mailAddresses, u)
		entry := userEntry("user:delete", u, domain.Diff(u.Fields(), nil))
		entry.Organization = above
		if entries[i], err = tx.stamped(entry); err != nil {
			return false, err
		}
	}
	if err := tx.releaseOwners(domain.OrganizationID(d.OrganizationID), ids, users); err != nil {
		return false, err
	}
	o, these := d.OrganizationID, db.In(ids)
	err = tx.Run(
		tx.NewDelete().Model((*accessRow)(nil)).
			Where("subject_kind = ? AND subject_organization_id = ? AND subject_id IN (?)", userSubject, o, these),
		tx.NewDelete().Model((*copyRequestRow)(nil)).Where("from_organization_id = ? AND from_id IN (?)", o, these),
		tx.NewDelete().Model((*copyRequestRow)(nil)).Where("to_organization_id = ? AND to_id IN (?)", o, these),
		tx.NewDelete().Table("user_contacts").Where("contact_organization_id = ? AND contact_id IN (?)", o, these),
		tx.NewDelete().Table(loginNames).Where("name IN (?)", db.In(names)),
		tx.NewDelete().Table(mailAddresses).Where("name IN (?)", db.In(addresses)))
	if err != nil {
		return false, err
	}
	if err := tx.deleteAPIKeys("k.organization_id = ? AND k.user_id IN (?)", o, these); err != nil {
		return false, err
	}
	err = tx.Run(tx.NewDelete().Model((*userRow)(nil)).Where("organization_id = ? AND id IN (?)", o, these))
	if err != nil {
		return false, err
	}
	d.Gone += int64(len(users))
	if err := tx.Run(tx.NewUpdate().Model(d).Column("gone").WherePK()); err != nil {
		return false, err
	}
	return true, tx.Insert(&entries)
}

// releaseOwners lets go what those of the users own that lies in other organizations.
func (tx *Tx) releaseOwners(o domain.OrganizationID, ids []int64, users []domain.User) error {
	var owners []int64
	err := tx.NewSelect().Model((*objectRow)(nil)).ColumnExpr("DISTINCT o.owner_id").
		Where("o.owner_organization_id = ? AND o.owner_id IN (?)", int64(o), db.In(ids)).Scan(tx.Ctx, &owners)
	if err != nil {
		return db.Translate(err)
	}
	owns := make(map[int64]bool, len(owners))
	for _, id := range owners {
		owns[id] = true
	}
	for i := range users {
		if owns[int64(users[i].ID)] {
			if err := tx.release(&users[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// departEntries gives entries of the audit trail of an organization to the one above it.
func (tx *Tx) departEntries(o, above domain.OrganizationID) (some bool, err error) {
	var ids []string
	err = tx.NewSelect().Model((*auditRow)(nil)).Column("id").Where("a.organization_id = ?", int64(o)).
		Limit(entriesDepart).Scan(tx.Ctx, &ids)
	if err != nil || len(ids) == 0 {
		return false, db.Translate(err)
	}
	return true, tx.giveEntries(above, db.Where("organization_id = ? AND id IN (?)", int64(o), db.In(ids)))
}

// giveEntries gives the entries of the audit trail that meet a condition to another organization, where they are
// stored then: a database that is split changes no key of a row.
func (tx *Tx) giveEntries(to domain.OrganizationID, where db.Predicate) error {
	kept := tx.DB.Columns((*auditRow)(nil), "organization_id")
	given := tx.NewSelect().Model((*auditRow)(nil)).ColumnExpr("CAST(? AS bigint) AS organization_id", int64(to)).
		Column(kept...).Where(where.Text(), where.Args...)
	return tx.Run(
		tx.Bun.NewInsert().Table("audit").TableExpr("(?) AS given", given).Column("organization_id").Column(kept...),
		tx.NewDelete().Model((*auditRow)(nil)).Where(where.Text(), where.Args...))
}

// departPlaces removes environments below an organization that has nobody any more, the lowest first.
func (tx *Tx) departPlaces(e *domain.Environment) (some bool, err error) {
	var ids []int64
	err = tx.NewSelect().Model((*environmentRow)(nil)).Column("id").
		Where("e.organization_id = ? AND e.path > ?", int64(e.Organization), string(e.Path)).
		Order("e.path DESC").Limit(othersDepart).Scan(tx.Ctx, &ids)
	if err != nil || len(ids) == 0 {
		return false, db.Translate(err)
	}
	return true, tx.Run(
		tx.NewDelete().Model((*aliasRow)(nil)).
			Where("organization_id = ? AND environment_id IN (?)", int64(e.Organization), db.In(ids)),
		tx.NewDelete().Model((*environmentRow)(nil)).
			Where("organization_id = ? AND id IN (?)", int64(e.Organization), db.In(ids)))
}
