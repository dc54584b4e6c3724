package persistence

import (
	"context"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
)

// A tally is a kind of things whose number is kept for each organization, the name of a column of
// organization_counts.
type tally string

const (
	users        tally = "users"
	environments tally = "environments"
	groups       tally = "groups"
	objects      tally = "objects"
)

// quota returns how many there may be of one organization; 0 is any number.
func quota(d *db.DB, of tally) int64 {
	switch of {
	case users:
		return d.Quotas.Users
	case environments:
		return d.Quotas.Environments
	case groups:
		return d.Quotas.Groups
	}
	return d.Quotas.Objects
}

// admit counts one more thing of an organization. It is ErrQuota where there are as many as may be.
func admit(ctx context.Context, d *db.DB, tx bun.Tx, o domain.OrganizationID, of tally) error {
	most := quota(d, of)
	if most == 0 {
		return tallied(ctx, tx, o, of, 1)
	}
	res, err := tallying(tx, o, of, 1).Where("? < ?", bun.Ident(of), most).Exec(ctx)
	return db.One(res, err, domain.OverQuota(string(of), most, "organization"))
}

// tallied adds n, which may be negative, to how many things of a kind an organization has, whatever
// the quota.
func tallied(ctx context.Context, tx bun.Tx, o domain.OrganizationID, of tally, n int64) error {
	res, err := tallying(tx, o, of, n).Exec(ctx)
	return db.One(res, err, domain.ErrChanged)
}

func tallying(tx bun.Tx, o domain.OrganizationID, of tally, n int64) *bun.UpdateQuery {
	return tx.NewUpdate().Model((*organizationCountRow)(nil)).Set("? = ? + ?", bun.Ident(of), bun.Ident(of), n).
		Where("organization_id = ?", int64(o))
}

// admitOwned is ErrQuota if somebody owns as many objects as one user may. It reads no more than that.
func admitOwned(ctx context.Context, d *db.DB, tx bun.Tx, owner domain.UserKey) error {
	most := d.Quotas.Owned
	if most == 0 || owner.User == 0 {
		return nil
	}
	some := tx.NewSelect().Table("objects").ColumnExpr("1").
		Where("owner_organization_id = ? AND owner_id = ?", int64(owner.Organization), int64(owner.User)).Limit(most)
	owned, err := tx.NewSelect().TableExpr("(?) AS owned", some).Count(ctx)
	if err == nil && owned >= most {
		return domain.OverQuota("objects", most, "user")
	}
	return db.Translate(err)
}
