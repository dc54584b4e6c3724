package persistence

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// usageRow is a row of the table object_usage, and what is told of its object. Usage lies in a scope if the
// object does, or if the object's place and kind do and the viewer owned the object when it was used.
type usageRow struct {
	bun.BaseModel `bun:"table:object_usage,alias:n"`

	OrganizationID      int64 `bun:",pk"`
	ObjectID            int64 `bun:",pk"`
	Month               int64 `bun:",pk"`
	OwnerOrganizationID int64 `bun:",pk"`
	OwnerID             int64 `bun:",pk"`
	Uses                int64

	UUID     string `bun:",scanonly"`
	Kind     string `bun:",scanonly"`
	FullName string `bun:",scanonly"`
}

// Within implements db.Scoped, for a query that joins the objects.
func (usageRow) Within(sc tenancy.Scope) db.Predicate {
	viewer, kinds, _, ok := sc.Objects()
	if !ok || len(kinds) == 0 {
		return db.Where("1 = 0")
	}
	then := db.Where("n.owner_organization_id = ? AND n.owner_id = ?", int64(viewer.User.Organization),
		int64(viewer.User.User))
	return db.AllOf(db.Placed(sc, "o.environment_path", "o.organization_id"), db.Where("o.kind IN (?)", db.In(kinds)),
		db.AnyOf(viewed(sc, domain.LevelRead), then))
}

func (s *ObjectStore) AddUsage(ctx context.Context, w tenancy.WriteScope, counts map[domain.UsageKey]int64) error {
	// Sorted, so that two servers that write at once wait for each other in one order.
	order := slices.SortedFunc(maps.Keys(counts), func(a, b domain.UsageKey) int {
		return cmp.Or(cmp.Compare(a.Organization, b.Organization), cmp.Compare(a.Object, b.Object),
			cmp.Compare(a.Month, b.Month),
			cmp.Compare(a.Owner.Organization, b.Owner.Organization), cmp.Compare(a.Owner.User, b.Owner.User))
	})
	if len(order) == 0 {
		return nil
	}
	return s.db.Do(ctx, w, func(tx *db.Tx) error {
		for part := range slices.Chunk(order, together) {
			if err := addUsage(tx, part, counts); err != nil {
				return err
			}
		}
		return nil
	})
}

func addUsage(tx *db.Tx, part []domain.UsageKey, counts map[domain.UsageKey]int64) error {
	keys := make([]rowKey, len(part))
	for i, k := range part {
		keys[i] = rowKey{int64(k.Organization), int64(k.Object)}
	}
	var there []objectRow
	err := tx.NewSelect().Model(&there).Column("organization_id", "id").
		ApplyQueryBuilder(among("o.organization_id", "o.id", keys)).
		Order("o.organization_id", "o.id").Apply(tx.For("KEY SHARE")).Scan(tx.Ctx)
	if err != nil {
		return db.Translate(err)
	}
	var rows []usageRow
	for i, k := range part {
		if slices.ContainsFunc(there, func(o objectRow) bool { return rowKey{o.OrganizationID, o.ID} == keys[i] }) {
			rows = append(rows, usageRow{OrganizationID: int64(k.Organization), ObjectID: int64(k.Object),
				Month:               int64(k.Month),
				OwnerOrganizationID: int64(k.Owner.Organization), OwnerID: int64(k.Owner.User), Uses: counts[k]})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	_, err = tx.Bun.NewInsert().Model(&rows).
		On("CONFLICT (organization_id, object_id, month, owner_organization_id, owner_id) DO UPDATE").
		Set("uses = n.uses + EXCLUDED.uses").Exec(tx.Ctx)
	return db.Translate(err)
}

func (s *ObjectStore) Usage(ctx context.Context, sc tenancy.Scope, f domain.UsageFilter,
	p domain.Page) ([]domain.Usage, domain.Cursor, error) {
	limit := pageSize(p)
	var rows []usageRow
	q := db.From(s.db, sc, &rows).ColumnExpr("?TableColumns, o.uuid, o.kind, o.full_name").
		Join("JOIN objects AS o ON o.organization_id = n.organization_id AND o.id = n.object_id").
		Order("n.object_id", "n.month", "n.owner_id").Limit(int64(limit) + 1)
	q = when(q, len(f.Kinds) > 0, "o.kind IN (?)", db.In(f.Kinds))
	q = when(q, f.Object != 0, "n.object_id = ?", int64(f.Object))
	q = when(q, f.Owner != domain.UserKey{}, "n.owner_organization_id = ? AND n.owner_id = ?",
		int64(f.Owner.Organization), int64(f.Owner.User))
	q = when(q, f.From != 0, "n.month >= ?", int64(f.From))
	q = when(q, f.Until != 0, "n.month <= ?", int64(f.Until))
	var object, month, owner int64
	if continued, err := readCursor(p.After, "usage", &object, &month, &owner); err != nil {
		return nil, "", err
	} else if continued {
		q = q.Where("(n.object_id, n.month, n.owner_id) > (?, ?, ?)", object, month, owner)
	}
	err := q.Scan(ctx)
	all := make([]domain.Usage, len(rows))
	for i, r := range rows {
		all[i] = domain.Usage{Object: domain.ObjectID(r.ObjectID), UUID: domain.UUID(r.UUID),
			Kind: domain.ObjectKind(r.Kind), Name: r.FullName,
			Owner: userKey(r.OwnerOrganizationID, r.OwnerID), Month: domain.Month(r.Month), Count: r.Uses}
	}
	return page(all, db.Translate(err), limit, func(u *domain.Usage) domain.Cursor {
		return writeCursor("usage", int64(u.Object), int64(u.Month), int64(u.Owner.User))
	})
}
