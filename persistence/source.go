package persistence

import (
	"context"
	"fmt"
	"strconv"
	"strings"

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
	pairs := strings.TrimSuffix(strings.Repeat("(?, ?), ", len(keys)), ", ")
	args := make([]any, 0, 2*len(keys))
	for _, k := range keys {
		args = append(args, int64(k.Organization), int64(k.ID))
	}
	return selectEnvironments(ctx, s.db, db.Where("(e.organization_id, e.id) IN (VALUES "+pairs+")", args...), "")
}

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
	rows, err := s.db.QueryContext(ctx, `SELECT EXISTS (SELECT 1 FROM environments
		WHERE is_organization AND path > ? AND path < ?)`, string(p), string(p.End()))
	return db.Only(rows, err, db.Scalar[bool], domain.ErrEnvironmentNotFound)
}

// Find implements tenancy.Source.
func (s *Source) Find(ctx context.Context, sc tenancy.Scope, refs []domain.EnvironmentRef) ([][]domain.Environment, error) {
	var text strings.Builder
	var args []any
	for i, ref := range refs {
		where := named(sc, ref)
		fmt.Fprintf(&text, "%sSELECT * FROM (SELECT '%d' AS ref, %s FROM environments e WHERE %s ORDER BY length(e.alias_path_key), e.path LIMIT 200) AS r%d",
			either(i > 0, " UNION ALL ", ""), i, environmentColumns, where.Text(), i)
		args = append(args, where.Args...)
	}
	found := make([][]domain.Environment, len(refs))
	rows, err := s.db.QueryContext(ctx, text.String(), args...)
	_, err = db.Collect(rows, err, func(r db.Row) (struct{}, error) {
		var ref string
		e, err := scanEnvironment(scanBehind{r, &ref})
		if i, _ := strconv.Atoi(ref); err == nil {
			found[i] = append(found[i], e)
		}
		return struct{}{}, err
	})
	return found, err
}

// named returns the condition that an environment lies in sc and may be what ref names.
func named(sc tenancy.Scope, ref domain.EnvironmentRef) db.Predicate {
	where := environmentsIn(sc)
	name := domain.Fold(strings.TrimPrefix(string(ref), "/"))
	if id, ok := ref.Number(); ok {
		return where.And("e.id = ?", int64(id))
	}
	if id, ok := ref.UUID(); ok {
		return where.And("(e.uuid = ? OR e.alias_key = ?)", string(id), name)
	}
	if name == "" {
		return where.And("e.id = ?", int64(domain.RootEnvironment))
	}
	where = where.And("e.alias_key = ?", domain.Fold(ref.Alias()))
	if strings.Contains(name, "/") {
		where = where.And(`(e.alias_path_key = ? OR e.alias_path_key LIKE ? ESCAPE '\')`, name, "%/"+literal.Replace(name))
	}
	return where
}

// literal makes text stand for itself in a LIKE whose escape is the backslash.
var literal = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
