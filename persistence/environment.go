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

// Children returns the environments in sc directly below parent, in tree order.
func (s *EnvironmentStore) Children(ctx context.Context, sc tenancy.Scope,
	parent domain.EnvironmentID) ([]domain.Environment, error) {
	var rows []environmentRow
	q := db.From(s.db, sc, &rows).Where("e.parent_id = ? AND e.id <> e.parent_id", int64(parent)).Order("e.path")
	return readEnvironments(ctx, q, &rows)
}
