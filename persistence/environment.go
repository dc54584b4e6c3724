package persistence

import (
	"context"
	"maps"
	"slices"
	"strconv"

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

	OrganizationID int64
	ID             int64
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

func toEnvironmentRow(e *domain.Environment) *environmentRow {
	return &environmentRow{
		OrganizationID: int64(e.Organization), ID: int64(e.ID), UUID: string(e.UUID), ParentID: int64(e.Parent),
		Path: string(e.Path), IsOrganization: e.IsOrganization, Alias: e.Alias, AliasKey: domain.Fold(e.Alias),
		AliasPath: e.AliasPath, AliasPathKey: domain.Fold(e.AliasPath), Code: e.Code, SendURL: e.SendURL,
		Active: e.Active, TimeZone: e.TimeZone, GitRepository: e.GitRepository,
	}
}

const environmentColumns = `e.organization_id, e.id, e.uuid, e.parent_id, e.path, e.is_organization, e.alias,
	e.alias_path, e.code, e.send_url, e.active, e.time_zone, e.git_repository`

func scanEnvironment(r db.Row) (e domain.Environment, err error) {
	err = r.Scan(&e.Organization, &e.ID, &e.UUID, &e.Parent, &e.Path, &e.IsOrganization, &e.Alias,
		&e.AliasPath, &e.Code, &e.SendURL, &e.Active, &e.TimeZone, &e.GitRepository)
	return e, err
}

func selectEnvironments(ctx context.Context, q db.Querier, where db.Predicate, rest string) ([]domain.Environment, error) {
	rows, err := q.QueryContext(ctx, "SELECT "+environmentColumns+" FROM environments e WHERE "+where.Text()+rest, where.Args...)
	return db.Collect(rows, err, db.Weighed(ctx, scanEnvironment))
}

func selectEnvironment(ctx context.Context, q db.Querier, where db.Predicate, rest string) (domain.Environment, error) {
	all, err := selectEnvironments(ctx, q, where, rest)
	if err != nil || len(all) == 0 {
		return domain.Environment{}, orElse(err, domain.ErrEnvironmentNotFound)
	}
	return all[0], nil
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func environmentsIn(sc tenancy.Scope) db.Predicate {
	return db.Placed(sc, "e.path", "e.organization_id")
}

// List returns one page of the environments in sc, in tree order, and the cursor of the
// next page, empty after the last.
func (s *EnvironmentStore) List(ctx context.Context, sc tenancy.Scope, p domain.Page) ([]domain.Environment, domain.Cursor, error) {
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
		one := "SELECT " + environmentColumns + " FROM environments e WHERE " + organization + "e.path >= ? AND e.path < ? ORDER BY e.path LIMIT ?"
		query, values := chain(part, one, "path", n, func(r tenancy.Range) []any {
			return append(args[:len(args):len(args)], string(r.From), string(r.Until), n)
		})
		rows, err := s.db.HotRows(ctx, query, values...)
		return db.Collect(rows, err, db.Weighed(ctx, scanEnvironment))
	})
	return page(all, err, limit, func(e *domain.Environment) domain.Cursor { return writeCursor(e.Path) })
}

// Children returns the environments in sc directly below parent, in tree order.
func (s *EnvironmentStore) Children(ctx context.Context, sc tenancy.Scope, parent domain.EnvironmentID) ([]domain.Environment, error) {
	where := environmentsIn(sc).And("e.parent_id = ? AND e.id <> e.parent_id", int64(parent))
	return selectEnvironments(ctx, s.db, where, " ORDER BY e.path")
}

// Insert adds e below e.Parent, which must lie in w, and returns it with its numbers and
// place. It belongs to its parent's organization, or is one if e.IsOrganization says so.
// It is ErrEnvironmentNotFound on "parent" without a parent in w, and
// ErrEnvironmentAliasTaken if a sibling has the alias. An organization is given the time it was
// made.
func (s *EnvironmentStore) Insert(ctx context.Context, w tenancy.WriteScope, e domain.Environment) (domain.Environment, error) {
	id, err := s.db.NextID(ctx, db.EnvironmentNumbers)
	if err != nil {
		return e, err
	}
	e.ID, e.UUID = domain.EnvironmentID(id), db.NewUUID()
	if e.IsOrganization {
		e.Attributes = e.Attributes.With(domain.Attributes{domain.AttributeCreated: strconv.FormatInt(db.Millis(s.db.Now()), 10)})
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		parent, err := s.parent(ctx, tx, environmentsIn(w.Read()).And("e.id = ?", int64(e.Parent)))
		if err != nil {
			return err
		}
		e.Hang(&parent)
		if err := e.Validate(); err != nil {
			return err
		}
		if err := admit(ctx, s.db, tx, parent.Organization, environments); err != nil {
			return err
		}
		if err := insertEnvironments(ctx, tx, newEnvironment{e, parent.Organization}); err != nil {
			return err
		}
		if err := saveOrganizationExtras(ctx, tx, &domain.Environment{}, &e); err != nil {
			return err
		}
		if e.IsOrganization || !e.Active {
			err = bumpAround(ctx, tx, e.Path)
		} else {
			err = bump(ctx, tx, e.Organization)
		}
		if err != nil {
			return err
		}
		return record(ctx, s.db, tx, w, environmentEntry("environment:create", &e, domain.Diff(nil, e.Fields())))
	})
	return e, err
}

// parent reads the environment that another one is to be put below, and keeps it where it is
// until the transaction ends.
func (s *EnvironmentStore) parent(ctx context.Context, tx bun.Tx, where db.Predicate) (domain.Environment, error) {
	parent, err := selectEnvironment(ctx, tx, where, "")
	if err != nil {
		return parent, domain.AsError(err).On("parent")
	}
	if err := holdWay(ctx, s.db, tx, parent.Path); err != nil {
		return parent, err
	}
	return selectEnvironment(ctx, tx, db.Where("e.path = ?", string(parent.Path)), "")
}

// holdWay keeps the environments at the paths and all above them, but the root, from being
// changed until the transaction ends: a change of one of them would miss what is written below
// it meanwhile. It is ErrChanged if one of them is not, or no longer, at its path.
func holdWay(ctx context.Context, d *db.DB, tx bun.Tx, paths ...domain.EnvironmentPath) error {
	absent, err := holdPresent(ctx, d, tx, paths...)
	if err == nil && absent > 0 {
		err = domain.ErrChanged
	}
	return err
}

// holdPresent is holdWay for environments some of which need not be there, and returns how
// many are not.
func holdPresent(ctx context.Context, d *db.DB, tx bun.Tx, paths ...domain.EnvironmentPath) (absent int, err error) {
	places := make(map[domain.EnvironmentID]domain.EnvironmentPath)
	for _, p := range paths {
		for ; p != domain.RootPath; p = p.Parent() {
			places[p.ID()] = p
		}
	}
	if len(places) == 0 {
		return 0, nil
	}
	rows, err := tx.QueryContext(ctx, "SELECT e.path FROM environments e WHERE e.id IN (?) ORDER BY e.path"+d.For("SHARE"),
		db.In(slices.Collect(maps.Keys(places))))
	found, err := db.Collect(rows, err, db.Scalar[domain.EnvironmentPath])
	for _, p := range found {
		if places[p.ID()] != p {
			return 0, domain.ErrChanged
		}
	}
	return len(places) - len(found), err
}

// newEnvironment is an environment whose place is known, and the organization of the one
// above it.
type newEnvironment struct {
	domain.Environment
	parent domain.OrganizationID
}

// aliasRow is a row of the table environment_names, countRow one of environment_counts.
type aliasRow struct {
	bun.BaseModel `bun:"table:environment_names"`

	OrganizationID            int64
	ParentID                  int64
	AliasKey                  string
	EnvironmentOrganizationID int64
	EnvironmentID             int64
}

type countRow struct {
	bun.BaseModel `bun:"table:environment_counts"`

	OrganizationID  int64
	EnvironmentID   int64
	EnvironmentPath string
	Users           int64
}

type organizationRow struct {
	bun.BaseModel `bun:"table:organizations"`

	OrganizationID int64
	Generation     int64
}

// organizationCountRow is a row of the table organization_counts.
type organizationCountRow struct {
	bun.BaseModel `bun:"table:organization_counts"`

	OrganizationID int64
	Users          int64
	Environments   int64
	Groups         int64
	Objects        int64
}

// insertEnvironments adds the rows of environments, each behind the one above it.
func insertEnvironments(ctx context.Context, tx bun.Tx, es ...newEnvironment) error {
	var organizations []*organizationRow
	var tallies []*organizationCountRow
	var rows []*environmentRow
	var counts []*countRow
	var aliases []*aliasRow
	for i := range es {
		e := &es[i]
		if e.IsOrganization {
			organizations = append(organizations, &organizationRow{OrganizationID: int64(e.Organization), Generation: 1})
			tallies = append(tallies, &organizationCountRow{OrganizationID: int64(e.Organization)})
		}
		rows = append(rows, toEnvironmentRow(&e.Environment))
		counts = append(counts, &countRow{OrganizationID: int64(e.Organization), EnvironmentID: int64(e.ID), EnvironmentPath: string(e.Path)})
		if e.ID != domain.RootEnvironment {
			aliases = append(aliases, toAliasRow(e))
		}
	}
	if err := insertAll(ctx, tx, organizations); err != nil {
		return err
	}
	if err := insertAll(ctx, tx, tallies); err != nil {
		return err
	}
	if err := insertAll(ctx, tx, rows); err != nil {
		return err
	}
	if err := insertAll(ctx, tx, counts); err != nil {
		return err
	}
	return insertAll(ctx, tx, aliases)
}

func toAliasRow(e *newEnvironment) *aliasRow {
	return &aliasRow{OrganizationID: int64(e.parent), ParentID: int64(e.Parent), AliasKey: domain.Fold(e.Alias),
		EnvironmentOrganizationID: int64(e.Organization), EnvironmentID: int64(e.ID)}
}

// insertAll adds rows of one table in one statement.
func insertAll[T any](ctx context.Context, tx bun.Tx, rows []*T) error {
	if len(rows) == 0 {
		return nil
	}
	_, err := tx.NewInsert().Model(&rows).Exec(ctx)
	return db.Translate(err)
}

func freeAlias(ctx context.Context, tx bun.Tx, id domain.EnvironmentID) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM environment_names WHERE environment_id = ?", int64(id))
	return db.Translate(err)
}

// Update loads the environment, runs change and saves, in one transaction, and returns
// what was saved, with the attributes and the picture's tag of an organization. Another Parent moves the whole subtree, with its users and everything
// that names a place in it; the new parent must lie in w. It is ErrEnvironmentNotFound if
// there is none in w, ErrEnvironmentCycle, ErrEnvironmentBorder or ErrTooDeep for a move
// that cannot be made, ErrRootFixed, ErrEnvironmentAliasTaken, or the error of change,
// and then nothing is saved.
func (s *EnvironmentStore) Update(ctx context.Context, w tenancy.WriteScope, id domain.EnvironmentID, change func(*domain.Environment) error) (after domain.Environment, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		before, err := selectEnvironment(ctx, tx, environmentsIn(w.Read()).And("e.id = ?", int64(id)), s.db.For("UPDATE"))
		if err != nil {
			return err
		}
		if before.IsOrganization {
			one := []domain.Environment{before}
			if err := addOrganizationExtras(ctx, tx, one); err != nil {
				return err
			}
			before = one[0]
		}
		after = before
		if err := change(&after); err != nil {
			return err
		}
		changes := domain.Diff(before.Fields(), after.Fields())
		if len(changes) == 0 {
			return nil
		}
		if id == domain.RootEnvironment && (after.Parent != before.Parent || !after.Active) {
			return domain.ErrRootFixed
		}
		if err := s.save(ctx, tx, w, &before, &after); err != nil {
			return err
		}
		return record(ctx, s.db, tx, w, environmentEntry("environment:update", &after, changes))
	})
	return after, err
}

// save writes after in place of before.
func (s *EnvironmentStore) save(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, before, after *domain.Environment) error {
	moved := after.Parent != before.Parent
	renamed := after.Alias != before.Alias
	if (moved || renamed) && after.ID != domain.RootEnvironment {
		if err := s.hang(ctx, tx, w, before, after); err != nil {
			return err
		}
	}
	if err := after.Validate(); err != nil {
		return err
	}
	res, err := tx.NewUpdate().Model(toEnvironmentRow(after)).
		Where("organization_id = ?", int64(after.Organization)).Where("id = ?", int64(after.ID)).Exec(ctx)
	if err := db.One(res, err, domain.ErrEnvironmentNotFound); err != nil {
		return err
	}
	if err := saveOrganizationExtras(ctx, tx, before, after); err != nil {
		return err
	}
	if moved || renamed || after.Active != before.Active {
		return bumpAround(ctx, tx, slices.Compact([]domain.EnvironmentPath{before.Path, after.Path})...)
	}
	return bump(ctx, tx, after.Organization)
}

// hang gives the subtree of before its new place and name: the path and alias path of
// every environment in it, and of everything that carries the path of one.
func (s *EnvironmentStore) hang(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, before, after *domain.Environment) error {
	// For a new name only, the parent itself need not be in the scope.
	where := db.Where("e.path = ?", string(before.Path.Parent()))
	if after.Parent != before.Parent {
		where = environmentsIn(w.Read()).And("e.id = ?", int64(after.Parent))
	}
	parent, err := s.parent(ctx, tx, where)
	if err != nil {
		return err
	}
	if before.Path.Contains(parent.Path) {
		return domain.ErrEnvironmentCycle
	}
	if !after.IsOrganization && parent.Organization != before.Organization {
		return domain.ErrEnvironmentBorder
	}
	if after.Parent != before.Parent && after.IsOrganization {
		if err := s.recount(ctx, tx, before, &parent); err != nil {
			return err
		}
	}
	after.Hang(&parent)
	if err := fits(ctx, tx, before.Path, after.Path); err != nil {
		return err
	}
	if err := after.Validate(); err != nil {
		return err
	}
	if err := freeAlias(ctx, tx, after.ID); err != nil {
		return err
	}
	if err := insertAll(ctx, tx, []*aliasRow{toAliasRow(&newEnvironment{*after, parent.Organization})}); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE environments SET
			path = ? || substr(path, ?), alias_path = ? || substr(alias_path, ?), alias_path_key = ? || substr(alias_path_key, ?)
		WHERE path >= ? AND path < ?`,
		string(after.Path), len(before.Path)+1,
		after.AliasPath, runes(before.AliasPath)+1, domain.Fold(after.AliasPath), runes(before.AliasPath)+1,
		string(before.Path), string(before.Path.End()))
	if err != nil || after.Path == before.Path {
		return db.Translate(err)
	}
	for _, table := range []string{"environment_counts", "groups", "users", "user_environments", "objects", "audit", "api_keys"} {
		_, err := tx.ExecContext(ctx, "UPDATE "+table+` SET environment_path = ? || substr(environment_path, ?)
			WHERE environment_path >= ? AND environment_path < ?`,
			string(after.Path), len(before.Path)+1, string(before.Path), string(before.Path.End()))
		if err != nil {
			return db.Translate(err)
		}
	}
	return nil
}

// recount counts an organization that moves where it will be, instead of where it was.
func (s *EnvironmentStore) recount(ctx context.Context, tx bun.Tx, before, to *domain.Environment) error {
	from, err := selectEnvironment(ctx, tx, db.Where("e.path = ?", string(before.Path.Parent())), "")
	if err != nil || from.Organization == to.Organization {
		return err
	}
	if err := tallied(ctx, tx, from.Organization, environments, -1); err != nil {
		return err
	}
	return admit(ctx, s.db, tx, to.Organization, environments)
}

// runes counts characters as the databases' substr does.
func runes(s string) int { return len([]rune(s)) }

// fits returns ErrTooDeep if the deepest environment of the subtree at from would lie
// too deep at to.
func fits(ctx context.Context, q db.Querier, from, to domain.EnvironmentPath) error {
	rows, err := q.QueryContext(ctx, `SELECT coalesce(max(length(path) - length(replace(path, '/', '')) - 1), 0)
		FROM environments WHERE path >= ? AND path < ?`, string(from), string(from.End()))
	deepest, err := db.Only(rows, err, db.Scalar[int], domain.ErrEnvironmentNotFound)
	if err != nil {
		return err
	}
	if deepest-from.Depth()+to.Depth() > domain.MaxDepth {
		return domain.ErrTooDeep
	}
	return nil
}

// Delete removes the environment, and with it every mention on users' lists. It is
// ErrEnvironmentNotFound if there is none in w, ErrRootFixed for the root, and
// ErrEnvironmentNotEmpty, counting what w's principal can see of it, unless it is empty.
func (s *EnvironmentStore) Delete(ctx context.Context, w tenancy.WriteScope, id domain.EnvironmentID) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		e, err := selectEnvironment(ctx, tx, environmentsIn(w.Read()).And("e.id = ?", int64(id)), s.db.For("UPDATE"))
		if err != nil {
			return err
		}
		if id == domain.RootEnvironment {
			return domain.ErrRootFixed
		}
		if err := isEmpty(ctx, tx, w, &e); err != nil {
			return err
		}
		// Before the mentions go: bumpAround finds their users by them.
		if err := bumpAround(ctx, tx, e.Path); err != nil {
			return err
		}
		if e.IsOrganization {
			return s.remove(ctx, tx, w, e)
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM user_environments WHERE environment_path = ?", string(e.Path)); err != nil {
			return db.Translate(err)
		}
		if err := deleteNarrowedKeys(ctx, tx, e.Path); err != nil {
			return err
		}
		if err := tallied(ctx, tx, e.Organization, environments, -1); err != nil {
			return err
		}
		if err := freeAlias(ctx, tx, e.ID); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, "DELETE FROM environments WHERE organization_id = ? AND id = ?", int64(e.Organization), int64(e.ID))
		if err := db.One(res, err, domain.ErrEnvironmentNotFound); err != nil {
			return err
		}
		return record(ctx, s.db, tx, w, environmentEntry("environment:delete", &e, domain.Diff(e.Fields(), nil)))
	})
}

func isEmpty(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, e *domain.Environment) error {
	in := environmentsIn(w.Read())
	rows, err := tx.QueryContext(ctx, `SELECT
			(SELECT count(*) FROM environment_names WHERE organization_id = ? AND parent_id = ?),
			(SELECT count(*) FROM environments e WHERE e.parent_id = ? AND `+in.Text()+`),
			(SELECT users FROM environment_counts WHERE organization_id = ? AND environment_id = ?),
			(SELECT count(*) FROM groups WHERE organization_id = ? AND ?),
			EXISTS (SELECT 1 FROM objects WHERE organization_id = ? AND environment_id = ?)`,
		append(append([]any{int64(e.Organization), int64(e.ID), int64(e.ID)}, in.Args...),
			int64(e.Organization), int64(e.ID), int64(e.Organization), e.IsOrganization, int64(e.Organization), int64(e.ID))...)
	var there int64
	var objects bool
	var seen domain.EnvironmentCount
	_, err = db.Only(rows, err, func(r db.Row) (bool, error) {
		return true, r.Scan(&there, &seen.Environments, &seen.Users, &seen.Groups, &objects)
	}, domain.ErrEnvironmentNotFound)
	if err != nil {
		return err
	}
	switch {
	case seen.Environments+seen.Users+seen.Groups > 0:
		return domain.ErrEnvironmentNotEmpty.Saying("This environment still has environments (%d), users (%d) and groups (%d) in it.",
			seen.Environments, seen.Users, seen.Groups)
	case there > 0:
		return domain.ErrEnvironmentNotEmpty
	case objects: // how many is for those to know who may see them
		return domain.ErrEnvironmentNotEmpty.Saying("This environment still has objects in it.")
	}
	return nil
}

func environmentEntry(action string, e *domain.Environment, changes []domain.Change) domain.AuditEntry {
	return domain.AuditEntry{
		Action: action, Target: domain.Target{Kind: "environment", ID: int64(e.ID), Name: e.Alias},
		Organization: e.Organization, Place: e.ID, Path: e.Path, Changes: changes,
	}
}

// bump counts a change to the environments or groups of an organization.
func bump(ctx context.Context, tx bun.Tx, o domain.OrganizationID) error {
	res, err := tx.ExecContext(ctx, "UPDATE organizations SET generation = generation + 1 WHERE organization_id = ?", int64(o))
	return db.One(res, err, domain.ErrChanged)
}

// bumpAround counts a change that alters who reaches the environments at the paths: for
// the organizations on the way up and below, and for the users who are allowed or blocked
// from an environment above, at or below one of them.
func bumpAround(ctx context.Context, tx bun.Tx, paths ...domain.EnvironmentPath) error {
	for _, p := range paths {
		var up []int64
		var ups []string
		for q := p; ; q = q.Parent() {
			up, ups = append(up, int64(q.ID())), append(ups, string(q))
			if q == q.Parent() {
				break
			}
		}
		_, err := tx.ExecContext(ctx, `UPDATE organizations SET generation = generation + 1 WHERE organization_id IN (?)
			OR organization_id IN (SELECT id FROM environments WHERE is_organization AND path >= ? AND path < ?)`,
			db.In(up), string(p), string(p.End()))
		if err != nil {
			return db.Translate(err)
		}
		_, err = tx.ExecContext(ctx, `UPDATE users SET epoch = epoch + 1 WHERE (organization_id, id) IN
			(SELECT organization_id, user_id FROM user_environments WHERE environment_path IN (?)
				UNION SELECT organization_id, user_id FROM user_environments WHERE environment_path >= ? AND environment_path < ?)`,
			db.In(ups), string(p), string(p.End()))
		if err != nil {
			return db.Translate(err)
		}
	}
	return nil
}
