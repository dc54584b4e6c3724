package persistence

import (
	"context"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// HoldEmpty keeps others by the root's organization.
func (tx *Tx) HoldEmpty() ([]domain.UserKey, error) {
	root := int64(domain.RootOrganization)
	if err := tx.holdOrganization(domain.RootOrganization); err != nil {
		return nil, err
	}
	found, err := tx.NewSelect().Model((*userRow)(nil)).Where("u.state <> ?", int64(domain.Unverified)).Exists(tx.Ctx)
	if err != nil || found {
		return nil, orElse(db.Translate(err), domain.ErrNotFirst)
	}
	return keysOf(tx.Ctx, tx.NewSelect().Where("u.organization_id = ? AND u.role = ?", root, int64(domain.RoleSuperUser)).
		Order("u.id"))
}

// Approvers returns the admins of organization o, or the superUsers if it has none.
func (s *UserStore) Approvers(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID,
	n int) ([]domain.User, error) {
	_, self := sc.Self()
	admins, err := readUsers(ctx, sc, approving(usersIn(s.db, sc), o, domain.RoleOAdmin, n))
	if err != nil || len(admins) > 0 {
		return admins, err
	}
	q := approving(usersIn(s.db, sc), domain.RootOrganization, domain.RoleSuperUser, n)
	if !self {
		q = q.Where("EXISTS (?)", db.From(s.db, sc, &[]environmentRow{}).ColumnExpr("1").
			Where("e.organization_id = ? AND e.id = ?", int64(o), int64(o)))
	}
	return readUsers(ctx, sc, q)
}

// approving keeps a query of users to the first n people of an organization who have that role and can be written to.
func approving(q *bun.SelectQuery, o domain.OrganizationID, role domain.Role, n int) *bun.SelectQuery {
	return q.Where("u.organization_id = ? AND u.role = ? AND u.active AND u.state = 0 AND u.mail <> ''", int64(o),
		int64(role)).Order("u.id").Limit(int64(n))
}

// approvers is UserStore.Approvers as the transaction sees them, whom it reaches or not.
func (tx *Tx) approvers(o domain.OrganizationID, n int) (admins []domain.User, err error) {
	for _, of := range []struct {
		o    domain.OrganizationID
		role domain.Role
	}{{o, domain.RoleOAdmin}, {domain.RootOrganization, domain.RoleSuperUser}} {
		admins, err = readUsers(tx.Ctx, tenancy.Scope{}.Of(of.o),
			approving(tx.NewSelect().Model((*userRow)(nil)), of.o, of.role, n))
		if err != nil || len(admins) > 0 {
			return admins, err
		}
	}
	return nil, nil
}
