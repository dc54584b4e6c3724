package persistence

import (
	"context"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// Store begins transactions.
type Store struct{ db *db.DB }

// NewStore returns what begins transactions in d.
func NewStore(d *db.DB) *Store { return &Store{d} }

// Do runs work in a transaction within w and commits it, or nothing of it if work returns an error.
// The whole of work is run again on a conflict, so it does nothing but what tx offers.
// A review in ctx has the last word, as tenancy.Review says. The first of a domain.Once in ctx is done once: it
// returns domain.ErrOnceRunning or domain.ErrOnceReused if another request with its key was there before.
func (s *Store) Do(ctx context.Context, w tenancy.WriteScope, work func(*Tx) error) error {
	if review := tenancy.ReviewFrom(ctx); review != nil {
		return s.reviewed(ctx, w, work, review)
	}
	return s.do(ctx, w, func(tx *Tx) error {
		if err := work(tx); err != nil {
			return err
		}
		return tx.post()
	})
}

// Tx is one transaction of the stores: each noun's file has its methods. One that reads locks what it
// reads, and finds nothing outside of the scope that the transaction was opened with; one that changes
// rows counts them, and writes the counters, the versions and the audit entry that go with them.
type Tx struct {
	*db.Tx
	// users are those it has locked, as they are stored.
	users map[domain.UserID]domain.User
	mails []domain.Mail
	// entries are what it wrote into the audit trail, for a review.
	entries []domain.AuditEntry
	// ways are the rules on the ways that it read, by the place that each leads to.
	ways map[domain.EnvironmentPath][]domain.PlacedRules
	// watched are the accounts for emergencies that got in before the transaction changed them.
	watched map[domain.UserKey]domain.User
	// late is set in a transaction that writes whole organizations.
	late *late
}

// Mail puts mail into the outbox when the rest of the transaction is done.
func (tx *Tx) Mail(mails ...domain.Mail) { tx.mails = append(tx.mails, mails...) }

// unscoped runs work in a transaction that is on behalf of nobody and reaches nothing by a scope: of an
// account before there is a principal, or of what is the directory's own.
func unscoped(ctx context.Context, d *db.DB, work func(*Tx) error) error {
	return NewStore(d).Do(ctx, tenancy.WriteScope{}, work)
}

// record writes the audit entry of a change. The caller gives the action, the target, the place and the
// changes.
func (tx *Tx) record(e domain.AuditEntry) error {
	row, err := tx.stamped(e)
	if err != nil {
		return err
	}
	if tx.late != nil {
		return tx.recordLate(row)
	}
	tx.entries = append(tx.entries, e)
	return tx.Insert(row)
}

// holdOrganization makes changes of an organization as a whole wait for one another.
func (tx *Tx) holdOrganization(o domain.OrganizationID) error {
	return tx.Hold("UPDATE", tx.NewSelect().Model((*organizationRow)(nil)).Where("organization_id = ?", int64(o)))
}

// bump counts a change of the environments or groups of an organization.
func (tx *Tx) bump(o domain.OrganizationID) error {
	if tx.late != nil {
		tx.late.touched[o] = true
		return nil
	}
	return tx.One(tx.NewUpdate().Model((*organizationRow)(nil)).Set("generation = generation + 1").
		Where("organization_id = ?", int64(o)),
		domain.ErrChanged)
}
