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

// The statements about environments that most requests make are text: the pages of their list, and who
// is called by a name.

const environmentColumns = `e.organization_id, e.id, e.uuid, e.parent_id, e.path, e.is_organization, e.alias,
	e.alias_path, e.code, e.send_url, e.active, e.time_zone, e.git_repository`

func scanEnvironment(r db.Row) (e domain.Environment, err error) {
	err = r.Scan(&e.Organization, &e.ID, &e.UUID, &e.Parent, &e.Path, &e.IsOrganization, &e.Alias,
		&e.AliasPath, &e.Code, &e.SendURL, &e.Active, &e.TimeZone, &e.GitRepository)
	return e, err
}

// List returns one page of the environments in sc, in tree order, and the cursor of the
// next page, empty after the last.
func (s *EnvironmentStore) List(ctx context.Context, sc tenancy.Scope,
	p domain.Page) ([]domain.Environment, domain.Cursor, error) {
	stretches := sc.Ranges()
	var after domain.EnvironmentPath
	if continued, err := readCursor(p.After, &after); err != nil {
		return nil, "", err
	} else if continued {
		stretches = beyond(stretches, after+"!") // behind after itself and before its children
	}
	organization, args := db.InOrganization(sc, "e.organization_id")
	limit := pageSize(p)
	all, err := walk(stretches, limit+1, func(part []tenancy.Range, n int) ([]domain.Environment, error) {
		one := "SELECT " + environmentColumns + " FROM environments e WHERE " + organization +
			"e.path >= ? AND e.path < ? ORDER BY e.path" + limitMark
		query, values := chain(part, one, "path", n, func(r tenancy.Range) []any {
			return append(args[:len(args):len(args)], string(r.From), string(r.Until), n)
		})
		rows, err := s.db.HotRows(ctx, query, values...)
		return db.Collect(rows, err, db.Weighed(ctx, scanEnvironment))
	})
	return page(all, err, limit, func(e *domain.Environment) domain.Cursor { return writeCursor(e.Path) })
}

// Find implements tenancy.Source.
func (s *Source) Find(ctx context.Context, sc tenancy.Scope,
	refs []domain.EnvironmentRef) ([][]domain.Environment, error) {
	var text strings.Builder
	var args []any
	for i, ref := range refs {
		where := named(sc, ref)
		fmt.Fprintf(&text,
			"%sSELECT * FROM (SELECT '%d' AS ref, %s FROM environments e WHERE %s ORDER BY length(e.alias_path_key), e.path "+
				"LIMIT 200) AS r%d",
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
	if o, one := sc.Organization(); one { // whose keys are better than its places
		where = db.Where("e.organization_id = ?", int64(o)).Also(db.Unindexed(where))
	}
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
