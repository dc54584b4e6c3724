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

// Source reads what package tenancy decides by. It implements tenancy.Source.
type Source struct{ db *db.DB }

// NewSource returns the source of decisions in d.
func NewSource(d *db.DB) *Source { return &Source{d} }

// Generations implements tenancy.Source.
func (s *Source) Generations(ctx context.Context,
	organizations []domain.OrganizationID) (map[domain.OrganizationID]int64, error) {
	var rows []organizationRow
	err := s.db.NewSelect().Model(&rows).Where("organization_id IN (?)", db.In(organizations)).Scan(ctx)
	generations := make(map[domain.OrganizationID]int64, len(rows))
	for _, r := range rows {
		generations[domain.OrganizationID(r.OrganizationID)] = r.Generation
	}
	return generations, db.Translate(err)
}

// Groups implements tenancy.Source.
func (s *Source) Groups(ctx context.Context, organizations []domain.OrganizationID) ([]domain.Group, error) {
	return groupsOf(ctx, s.db, organizations)
}

// groupsOf reads all groups of the organizations.
func groupsOf(ctx context.Context, r db.Reader, organizations []domain.OrganizationID) ([]domain.Group, error) {
	var rows []groupRow
	return readGroups(ctx, r.NewSelect().Model(&rows).Where("g.organization_id IN (?)", db.In(organizations)), &rows)
}

// Environments implements tenancy.Source.
func (s *Source) Environments(ctx context.Context, keys []tenancy.EnvironmentKey) ([]domain.Environment, error) {
	ids := make(map[domain.OrganizationID][]domain.EnvironmentID)
	for _, k := range keys {
		ids[k.Organization] = append(ids[k.Organization], k.ID)
	}
	found := make([]domain.Environment, 0, len(keys))
	for part := range slices.Chunk(slices.Sorted(maps.Keys(ids)), organizationsTogether) {
		these := make(map[domain.OrganizationID][]domain.EnvironmentID, len(part))
		for _, o := range part {
			these[o] = ids[o]
		}
		var rows []environmentRow
		some, err := readEnvironments(ctx, s.db.NewSelect().Model(&rows).Apply(withKeys(these)), &rows)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}

// organizationsTogether bounds the organizations that one statement asks for by alternatives.
const organizationsTogether = 100

// At implements tenancy.Source.
func (s *Source) At(ctx context.Context, paths []domain.EnvironmentPath) ([]domain.Environment, error) {
	// One of the environments on its way up is the organization of each.
	organizations := make(map[int64]bool)
	for _, p := range paths {
		for _, at := range tenancy.WayUp(p) {
			organizations[int64(at.ID())] = true
		}
	}
	var rows []environmentRow
	return readEnvironments(ctx, s.db.NewSelect().Model(&rows).Where("e.path IN (?)", db.In(paths)).
		Where("e.organization_id IN (?)", db.In(slices.Sorted(maps.Keys(organizations)))), &rows)
}

// Inactive implements tenancy.Source.
func (s *Source) Inactive(ctx context.Context, above []domain.EnvironmentPath,
	ranges []tenancy.Range) ([]domain.EnvironmentPath, error) {
	return inactive(ctx, s.db, above, ranges)
}

// inactive reads the paths of the inactive environments that are one of above or lie in one of the ranges.
func inactive(ctx context.Context, r db.Reader, above []domain.EnvironmentPath,
	ranges []tenancy.Range) (found []domain.EnvironmentPath, err error) {
	inactive := func() *bun.SelectQuery {
		return r.NewSelect().Model((*environmentRow)(nil)).Column("path").Where("NOT e.active")
	}
	q := inactive().Apply(db.InRanges(ranges, "e.path").Narrow)
	if len(above) > 0 {
		q = q.UnionAll(inactive().Where("e.path IN (?)", db.In(above)))
	}
	err = q.Scan(ctx, &found)
	return found, db.Translate(err)
}

// HasNested implements tenancy.Source.
func (s *Source) HasNested(ctx context.Context, p domain.EnvironmentPath) (bool, error) {
	return hasNested(ctx, s.db, domain.OrganizationID(p.ID()))
}

// hasNested reports whether other organizations hang in o: the name of one is kept with the organization above.
func hasNested(ctx context.Context, r db.Reader, o domain.OrganizationID) (bool, error) {
	// Counted, as PostgreSQL takes most names for such and would look for the first one among all.
	n, err := r.NewSelect().Model((*aliasRow)(nil)).
		Where("organization_id = ? AND environment_organization_id <> organization_id", int64(o)).Count(ctx)
	return n > 0, db.Translate(err)
}
