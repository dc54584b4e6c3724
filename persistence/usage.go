package persistence

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// UsageStore keeps how often objects were used. Usage lies in a scope if the object does, or
// if the object's place and kind do and the viewer owned the object when it was used.
type UsageStore struct{ db *db.DB }

// NewUsageStore returns the store of usage in d.
func NewUsageStore(d *db.DB) *UsageStore { return &UsageStore{d} }

// usageTogether is how many counts one statement adds.
const usageTogether = 500

// Add adds counts to the usage of objects. Objects that are gone are left out.
func (s *UsageStore) Add(ctx context.Context, _ tenancy.WriteScope, counts map[domain.UsageKey]int64) error {
	// Sorted, so that two servers that write at once wait for each other in one order.
	order := slices.SortedFunc(maps.Keys(counts), func(a, b domain.UsageKey) int {
		return cmp.Or(cmp.Compare(a.Organization, b.Organization), cmp.Compare(a.Object, b.Object), cmp.Compare(a.Month, b.Month),
			cmp.Compare(a.Owner.Organization, b.Owner.Organization), cmp.Compare(a.Owner.User, b.Owner.User))
	})
	if len(order) == 0 {
		return nil
	}
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		for part := range slices.Chunk(order, usageTogether) {
			args := make([]any, 0, 6*len(part))
			for _, k := range part {
				args = append(args, int64(k.Organization), int64(k.Object), int64(k.Month), int64(k.Owner.Organization), int64(k.Owner.User), counts[k])
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO object_usage (organization_id, object_id, month, owner_organization_id, owner_id, uses)
				SELECT c.* FROM (WITH counted (organization_id, object_id, month, owner_organization_id, owner_id, uses) AS (VALUES `+
				strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?, ?, ?), ", len(part)), ", ")+`) SELECT * FROM counted) AS c
				WHERE EXISTS (SELECT 1 FROM objects o WHERE o.organization_id = c.organization_id AND o.id = c.object_id)
				ON CONFLICT (organization_id, object_id, month, owner_organization_id, owner_id)
				DO UPDATE SET uses = object_usage.uses + excluded.uses`, args...)
			if err != nil {
				return db.Translate(err)
			}
		}
		return nil
	})
}

// List returns one page of the usage in sc that f keeps, by object, month and owner, and the
// cursor of the next page, empty after the last.
func (s *UsageStore) List(ctx context.Context, sc tenancy.Scope, f domain.UsageFilter, p domain.Page) ([]domain.Usage, domain.Cursor, error) {
	its := viewed(sc, domain.LevelRead)
	viewer, kinds, _, ok := sc.Objects()
	where := db.Placed(sc, "o.environment_path", "o.organization_id")
	if !ok || len(kinds) == 0 {
		where = db.Where("1 = 0")
	} else {
		where = where.And("o.kind IN (?)", db.In(kinds)).And(its.Text()+" OR n.owner_organization_id = ? AND n.owner_id = ?",
			append(its.Args[:len(its.Args):len(its.Args)], int64(viewer.User.Organization), int64(viewer.User.User))...)
	}
	if f.Object != 0 {
		where = where.And("n.object_id = ?", int64(f.Object))
	}
	if f.Owner != (domain.UserKey{}) {
		where = where.And("n.owner_organization_id = ? AND n.owner_id = ?", int64(f.Owner.Organization), int64(f.Owner.User))
	}
	if len(f.Kinds) > 0 {
		where = where.And("o.kind IN (?)", db.In(f.Kinds))
	}
	if f.From != 0 {
		where = where.And("n.month >= ?", int64(f.From))
	}
	if f.Until != 0 {
		where = where.And("n.month <= ?", int64(f.Until))
	}
	var object, month, owner int64
	if continued, err := readCursor(p.After, "usage", &object, &month, &owner); err != nil {
		return nil, "", err
	} else if continued {
		where = where.And("(n.object_id, n.month, n.owner_id) > (?, ?, ?)", object, month, owner)
	}
	limit := pageSize(p)
	rows, err := s.db.QueryContext(ctx, `SELECT n.object_id, o.uuid, o.kind, o.full_name, n.owner_organization_id, n.owner_id, n.month, n.uses
		FROM object_usage n JOIN objects o ON o.organization_id = n.organization_id AND o.id = n.object_id
		WHERE `+where.Text()+" ORDER BY n.object_id, n.month, n.owner_id LIMIT "+strconv.Itoa(limit+1), where.Args...)
	all, err := db.Collect(rows, err, func(r db.Row) (u domain.Usage, err error) {
		err = r.Scan(&u.Object, &u.UUID, &u.Kind, &u.Name, &u.Owner.Organization, &u.Owner.User, &u.Month, &u.Count)
		return u, err
	})
	return page(all, err, limit, func(u *domain.Usage) domain.Cursor {
		return writeCursor("usage", int64(u.Object), int64(u.Month), int64(u.Owner.User))
	})
}
