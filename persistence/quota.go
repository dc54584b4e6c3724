package persistence

import (
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

// admit counts one more thing of an organization. It returns ErrQuota if there are as many as may be; an
// import is not held to that.
func (tx *Tx) admit(o domain.OrganizationID, of tally) error {
	most := map[tally]int64{users: tx.DB.Quotas.Users, environments: tx.DB.Quotas.Environments,
		groups: tx.DB.Quotas.Groups, objects: tx.DB.Quotas.Objects}[of]
	if most == 0 || tx.late != nil {
		return tx.tallied(o, of, 1)
	}
	return tx.One(tx.tally(o, of, 1).Where("? < ?", bun.Ident(of), most),
		domain.OverQuota(string(of), most, "organization"))
}

// tallied adds n, which may be negative, to how many things of a kind an organization has.
func (tx *Tx) tallied(o domain.OrganizationID, of tally, n int64) error {
	if tx.late != nil {
		tx.late.tallies[tallyKey{o, of}] += n
		return nil
	}
	return tx.One(tx.tally(o, of, n), domain.ErrChanged)
}

func (tx *Tx) tally(o domain.OrganizationID, of tally, n int64) *bun.UpdateQuery {
	return tx.NewUpdate().Model((*organizationCountRow)(nil)).Set("? = ? + ?", bun.Ident(of), bun.Ident(of), n).
		Where("organization_id = ?", int64(o))
}

// admitOwned returns ErrQuota if somebody owns as many objects as one user may. It reads no more than that.
func (tx *Tx) admitOwned(owner domain.UserKey) error {
	most := tx.DB.Quotas.Owned
	if most == 0 || owner.User == 0 {
		return nil
	}
	some := tx.NewSelect().Table("objects").ColumnExpr("1").
		Where("owner_organization_id = ? AND owner_id = ?", int64(owner.Organization), int64(owner.User)).Limit(most)
	owned, err := tx.NewSelect().TableExpr("(?) AS owned", some).Count(tx.Ctx)
	if err == nil && owned >= most {
		return domain.OverQuota("objects", most, "user")
	}
	return db.Translate(err)
}
