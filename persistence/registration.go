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
	able := func(o domain.OrganizationID, role domain.Role) *bun.SelectQuery {
		return usersIn(s.db, sc).Where("u.organization_id = ? AND u.role = ? AND u.active AND u.state = 0 AND u.mail <> ''",
			int64(o), int64(role)).
			Order("u.id").Limit(int64(n))
	}
	admins, err := readUsers(ctx, sc, able(o, domain.RoleOAdmin))
	if err != nil || len(admins) > 0 {
		return admins, err
	}
	q := able(domain.RootOrganization, domain.RoleSuperUser)
	if !self {
		q = q.Where("EXISTS (?)", db.From(s.db, sc, &[]environmentRow{}).ColumnExpr("1").
			Where("e.organization_id = ? AND e.id = ?", int64(o), int64(o)))
	}
	return readUsers(ctx, sc, q)
}
