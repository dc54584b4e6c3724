package persistence

import (
	"context"
	"strings"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// EnvironmentStore keeps environments.
type EnvironmentStore struct{ db *db.DB }

// NewEnvironmentStore returns the store of environments in d.
func NewEnvironmentStore(d *db.DB) *EnvironmentStore { return &EnvironmentStore{d} }

// environmentRow is a row of the table environments.
type environmentRow struct {
	bun.BaseModel `bun:"table:environments,alias:e"`

	OrganizationID int64 `bun:",pk"`
	ID             int64 `bun:",pk"`
	UUID           string
	ParentID       int64
	Path           string
	IsOrganization bool
	Alias          string
	AliasKey       string
	AliasPath      string
	AliasPathKey   string
	Code           string
	SendURL        bool
	Active         bool
	TimeZone       string
	GitRepository  string
}

// Within implements db.Scoped.
func (environmentRow) Within(sc tenancy.Scope) db.Predicate {
	return db.Placed(sc, "e.path", "e.organization_id")
}

// AfterScanRow counts the row into the weight of its page.
func (r *environmentRow) AfterScanRow(ctx context.Context) error {
	return db.Weigh(ctx, 13, r.UUID, r.Path, r.Alias, r.AliasPath, r.Code, r.TimeZone, r.GitRepository)
}

func toEnvironmentRow(e *domain.Environment) *environmentRow {
	return &environmentRow{
		OrganizationID: int64(e.Organization), ID: int64(e.ID), UUID: string(e.UUID), ParentID: int64(e.Parent),
		Path: string(e.Path), IsOrganization: e.IsOrganization, Alias: e.Alias, AliasKey: domain.Fold(e.Alias),
		AliasPath: e.AliasPath, AliasPathKey: domain.Fold(e.AliasPath), Code: e.Code, SendURL: e.SendURL,
		Active: e.Active, TimeZone: e.TimeZone, GitRepository: e.GitRepository,
	}
}

func (r *environmentRow) environment() domain.Environment {
	return domain.Environment{
		ID: domain.EnvironmentID(r.ID), UUID: domain.UUID(r.UUID), Organization: domain.OrganizationID(r.OrganizationID),
		Parent: domain.EnvironmentID(r.ParentID), Path: domain.EnvironmentPath(r.Path), AliasPath: r.AliasPath,
		Alias: r.Alias,
		Code:  r.Code, SendURL: r.SendURL, Active: r.Active, TimeZone: r.TimeZone, GitRepository: r.GitRepository,
		IsOrganization: r.IsOrganization,
	}
}

// readEnvironments reads the environments that q finds, in rows.
func readEnvironments(ctx context.Context, q *bun.SelectQuery, rows *[]environmentRow) ([]domain.Environment, error) {
	err := q.Scan(ctx)
	environments := make([]domain.Environment, len(*rows))
	for i := range *rows {
		environments[i] = (*rows)[i].environment()
	}
	return environments, db.Translate(err)
}

// selectEnvironment reads one environment, whose place is the caller's, and locks it as lock says.
func selectEnvironment(ctx context.Context, r db.Reader, where db.Predicate, lock string) (domain.Environment, error) {
	var rows []environmentRow
	q := r.NewSelect().Model(&rows).Where(where.Text(), where.Args...)
	if lock != "" {
		q = q.For(strings.TrimPrefix(lock, " FOR "))
	}
	all, err := readEnvironments(ctx, q, &rows)
	return db.First(all, err, domain.ErrEnvironmentNotFound)
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func environmentsIn(sc tenancy.Scope) db.Predicate { return environmentRow{}.Within(sc) }

// Children returns one page of the environments in sc directly below parent, in tree order, and the cursor
// of the next page, empty after the last.
func (s *EnvironmentStore) Children(ctx context.Context, sc tenancy.Scope, parent domain.EnvironmentID,
	p domain.Page) ([]domain.Environment, domain.Cursor, error) {
	var rows []environmentRow
	q, err := childrenIn(db.From(s.db, sc, &rows), parent, p)
	if err != nil {
		return nil, "", err
	}
	all, err := readEnvironments(ctx, q, &rows)
	return page(all, err, pageSize(p), func(e *domain.Environment) domain.Cursor { return writeCursor(e.Path) })
}

// childrenIn narrows q to a page of the environments below parent, and one more.
func childrenIn(q *bun.SelectQuery, parent domain.EnvironmentID, p domain.Page) (*bun.SelectQuery, error) {
	q = q.Where("e.parent_id = ? AND e.id <> e.parent_id", int64(parent)).Order("e.path").Limit(int64(pageSize(p)) + 1)
	var after domain.EnvironmentPath
	if continued, err := readCursor(p.After, &after); err != nil || !continued {
		return q, err
	}
	return q.Where("e.path > ?", string(after)), nil
}

// countedRow is a row of the table environments with what lies below it.
type countedRow struct {
	environmentRow `bun:",extend"`

	HasChildren bool  `bun:",scanonly"`
	People      int64 `bun:",scanonly"`
	PeopleBelow int64 `bun:",scanonly"`
}

// homes returns the condition that counted people are at home in sc, for what lies at or below an environment: an
// index finds that by its place.
func homes(d *db.DB, sc tenancy.Scope) db.Predicate {
	p := db.Unindexed(db.InRanges(sc.Ranges(), "c.environment_path"))
	if o, one := sc.Organization(); one {
		p = p.And(d.Aside("c.organization_id")+" = ?", int64(o))
	}
	return p
}

// peopleBelow is how many people, of those whose homes meet the condition, are in and below an environment.
func peopleBelow(homes db.Predicate) string {
	return `CAST(coalesce((SELECT sum(c.users) FROM environment_counts c
		WHERE c.environment_path >= e.path AND c.environment_path < substr(e.path, 1, length(e.path) - 1) || '0'
			AND ` + homes.Text() + `), 0) AS bigint)`
}

// CountedChildren is Children with what in sc lies below each, and the people in the scope beside it.
func (s *EnvironmentStore) CountedChildren(ctx context.Context, sc tenancy.Scope, parent domain.EnvironmentID,
	p domain.Page) ([]domain.CountedEnvironment, domain.Cursor, error) {
	var rows []countedRow
	below := db.Placed(sc, "k.path", "k.organization_id")
	q := db.From(s.db, sc, &rows).ExcludeColumn("alias_key", "alias_path_key").
		ColumnExpr("EXISTS (SELECT 1 FROM environments k WHERE k.parent_id = e.id AND k.id <> k.parent_id AND "+
			below.Text()+") AS has_children", below.Args...)
	if people := sc.Beside(); len(people.Ranges()) > 0 {
		homes := homes(s.db, people)
		q = q.ColumnExpr(`CAST(coalesce((SELECT sum(c.users) FROM environment_counts c
				WHERE c.environment_path = e.path AND `+homes.Text()+`), 0) AS bigint) AS people`, homes.Args...).
			ColumnExpr(peopleBelow(homes)+" AS people_below", homes.Args...)
	} else {
		q = q.ColumnExpr("-1 AS people, -1 AS people_below")
	}
	q, err := childrenIn(q, parent, p)
	if err != nil {
		return nil, "", err
	}
	err = q.Scan(ctx)
	all := make([]domain.CountedEnvironment, len(rows))
	for i := range rows {
		r := &rows[i]
		all[i] = domain.CountedEnvironment{Environment: r.environment(),
			Counts: domain.SubtreeCounts{HasChildren: r.HasChildren, People: r.People, PeopleBelow: r.PeopleBelow}}
	}
	return page(all, db.Translate(err), pageSize(p),
		func(e *domain.CountedEnvironment) domain.Cursor { return writeCursor(e.Path) })
}

// lastRune comes behind every other in a name.
const lastRune = "\U0010FFFF"

// Search returns up to n environments in sc whose alias begins with prefix, compared by Fold, by alias and then
// in tree order. No index serves the places of the scope: the names are looked up, in the scope's own
// organization where it has one.
func (s *EnvironmentStore) Search(ctx context.Context, sc tenancy.Scope, prefix string,
	n int) ([]domain.Environment, error) {
	var rows []environmentRow
	from := domain.Fold(prefix)
	q := s.db.NewSelect().Model(&rows).Apply(db.Unindexed(environmentsIn(sc)).Narrow).
		Where("e.alias_key >= ? AND e.alias_key < ?", from, from+lastRune).Order("e.alias_key", "e.path").Limit(int64(n))
	if o, one := sc.Organization(); one {
		q = q.Where("e.organization_id = ?", int64(o))
	}
	return readEnvironments(ctx, q, &rows)
}
