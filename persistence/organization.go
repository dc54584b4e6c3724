package persistence

import (
	"context"
	"maps"
	"slices"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// Organizations returns one page of the organizations in sc that f keeps, with their
// attributes and the tags of their pictures, in tree order, and the cursor of the next page, empty after the last.
func (s *EnvironmentStore) Organizations(ctx context.Context, sc tenancy.Scope, f domain.OrganizationFilter,
	p domain.Page) ([]domain.Environment, domain.Cursor, error) {
	if err := f.Validate(); err != nil {
		return nil, "", err
	}
	var rows []environmentRow
	q := db.From(s.db, sc, &rows).Where("e.is_organization")
	if len(f.Conditions.All) > 0 {
		all := meets(sc, f.Conditions)
		q = q.Where(all.Text(), all.Args...)
	}
	var after domain.EnvironmentPath
	if continued, err := readCursor(p.After, &after); err != nil {
		return nil, "", err
	} else if continued {
		q = q.Where("e.path > ?", string(after))
	}
	limit := pageSize(p)
	found, err := readEnvironments(ctx, q.Order("e.path").Limit(int64(limit)+1), &rows)
	found, next, err := page(found, err, limit, func(e *domain.Environment) domain.Cursor {
		return writeCursor(e.Path)
	})
	if err != nil {
		return nil, "", err
	}
	return found, next, addOrganizationExtras(ctx, s.db, found)
}

// Complete adds to organizations in sc their attributes and the tags of their pictures. It returns
// ErrEnvironmentNotFound if one of them is not in sc.
func (s *EnvironmentStore) Complete(ctx context.Context, sc tenancy.Scope, organizations []domain.Environment) error {
	for i := range organizations {
		if !sc.Covers(organizations[i].Path) {
			return domain.ErrEnvironmentNotFound
		}
	}
	return addOrganizationExtras(ctx, s.db, organizations)
}

// addOrganizationExtras reads what only organizations have, of organizations that were read before.
func addOrganizationExtras(ctx context.Context, r db.Reader, es []domain.Environment) error {
	if err := addOrganizationAttributes(ctx, r, es); err != nil {
		return err
	}
	return addOrganizationPictures(ctx, r, es)
}

// saveOrganizationExtras writes what only organizations have, as far as after differs from before.
func (tx *Tx) saveOrganizationExtras(before, after *domain.Environment) error {
	if err := tx.saveOrganizationAttributes(before, after); err != nil {
		return err
	}
	return tx.saveOrganizationPicture(before, after)
}

// organizationAttributeRow is a row of the table organization_attributes.
type organizationAttributeRow struct {
	bun.BaseModel `bun:"table:organization_attributes,alias:a"`

	OrganizationID int64
	Name           string
	Value          string
	ValueKey       string
}

// AfterScanRow counts the row into the weight of its page.
func (r *organizationAttributeRow) AfterScanRow(ctx context.Context) error {
	return db.Weigh(ctx, 3, r.Name, r.Value)
}

// addOrganizationAttributes reads the attributes of organizations that were read before.
func addOrganizationAttributes(ctx context.Context, r db.Reader, es []domain.Environment) error {
	if len(es) == 0 {
		return nil
	}
	found := make(map[int64]domain.Attributes, len(es))
	for i := range es {
		found[int64(es[i].ID)] = nil
	}
	var rows []organizationAttributeRow
	err := r.NewSelect().Model(&rows).ExcludeColumn("value_key").
		Where("a.organization_id IN (?)", db.In(slices.Collect(maps.Keys(found)))).Scan(ctx)
	for _, r := range rows {
		if found[r.OrganizationID] == nil {
			found[r.OrganizationID] = make(domain.Attributes)
		}
		found[r.OrganizationID][r.Name] = r.Value
	}
	for i := range es {
		es[i].Attributes = found[int64(es[i].ID)]
	}
	return db.Translate(err)
}

// saveOrganizationAttributes writes the attributes of after, if they differ from before's.
func (tx *Tx) saveOrganizationAttributes(before, after *domain.Environment) error {
	if maps.Equal(before.Attributes, after.Attributes) {
		return nil
	}
	err := tx.Run(tx.NewDelete().Model((*organizationAttributeRow)(nil)).Where("organization_id = ?", int64(after.ID)))
	if err != nil {
		return err
	}
	var rows []*organizationAttributeRow
	for name, value := range after.Attributes {
		rows = append(rows, &organizationAttributeRow{OrganizationID: int64(after.ID), Name: name, Value: value,
			ValueKey: domain.Fold(value)})
	}
	return tx.Insert(&rows)
}

// removeOrganization deletes the organization e, which has no users, with what others have that names its
// places. Its audit entries are kept by the organization above it.
func (tx *Tx) removeOrganization(e *domain.Environment, above domain.OrganizationID) error {
	if err := tx.tallied(above, environments, -1); err != nil {
		return err
	}
	if err := tx.forget(e); err != nil {
		return err
	}
	if err := tx.forgetCodes(e.Organization); err != nil {
		return err
	}
	for _, table := range []string{"groups", "environment_names", "environments", "sign_in_rules", "break_glass",
		"organizations"} {
		if err := tx.Run(tx.NewDelete().Table(table).Where("organization_id = ?", int64(e.ID))); err != nil {
			return err
		}
	}
	return tx.giveEntries(above, db.Where("organization_id = ?", int64(e.ID)))
}
