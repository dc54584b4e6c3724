package persistence

import (
	"context"
	"maps"
	"slices"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// Source reads what package tenancy decides by. It implements tenancy.Source.
type Source struct{ db *db.DB }

// NewSource returns the source of decisions in d.
func NewSource(d *db.DB) *Source { return &Source{d} }

// Generations implements tenancy.Source.
func (s *Source) Generations(ctx context.Context, organizations []domain.OrganizationID) (map[domain.OrganizationID]int64, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT organization_id, generation FROM organizations WHERE organization_id IN (?)", db.In(organizations))
	generations := make(map[domain.OrganizationID]int64, len(organizations))
	_, err = db.Collect(rows, err, func(r db.Row) (struct{}, error) {
		var o domain.OrganizationID
		var generation int64
		err := r.Scan(&o, &generation)
		generations[o] = generation
		return struct{}{}, err
	})
	return generations, err
}

// Groups implements tenancy.Source.
func (s *Source) Groups(ctx context.Context, organizations []domain.OrganizationID) ([]domain.Group, error) {
	var rows []groupRow
	return readGroups(ctx, s.db.NewSelect().Model(&rows).Where("g.organization_id IN (?)", db.In(organizations)), &rows)
}

// Environments implements tenancy.Source.
func (s *Source) Environments(ctx context.Context, keys []tenancy.EnvironmentKey) ([]domain.Environment, error) {
	ids := make(map[domain.OrganizationID][]domain.EnvironmentID)
	for _, k := range keys {
		ids[k.Organization] = append(ids[k.Organization], k.ID)
	}
	found := make([]domain.Environment, 0, len(keys))
	for part := range slices.Chunk(slices.Sorted(maps.Keys(ids)), organizationsTogether) {
		of := make([]db.Predicate, len(part))
		for i, o := range part {
			of[i] = db.Where("e.organization_id = ? AND e.id IN (?)", int64(o), db.In(ids[o]))
		}
		where := db.AnyOf(of...)
		var rows []environmentRow
		some, err := readEnvironments(ctx, s.db.NewSelect().Model(&rows).Where(where.Text(), where.Args...), &rows)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}

// organizationsTogether bounds the organizations that one statement asks for by alternatives.
const organizationsTogether = 100

// Inactive implements tenancy.Source.
func (s *Source) Inactive(ctx context.Context, above []domain.EnvironmentPath, ranges []tenancy.Range) ([]domain.EnvironmentPath, error) {
	within := db.InRanges(ranges, "path")
	query, args := "SELECT path FROM environments WHERE NOT active AND "+within.Text(), within.Args
	if len(above) > 0 {
		query += " UNION ALL SELECT path FROM environments WHERE NOT active AND path IN (?)"
		args = append(args, db.In(above))
	}
	rows, err := s.db.QueryContext(ctx, query, args...)
	return db.Collect(rows, err, db.Scalar[domain.EnvironmentPath])
}

// HasNested implements tenancy.Source.
func (s *Source) HasNested(ctx context.Context, p domain.EnvironmentPath) (bool, error) {
	exists, err := s.db.NewSelect().Table("environments").
		Where("is_organization AND path > ? AND path < ?", string(p), string(p.End())).Exists(ctx)
	return exists, db.Translate(err)
}
