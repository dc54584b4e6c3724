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

// NextEnvironment returns the number of an environment to be. Numbers are leased in a transaction of their
// own, so it is called before the one that inserts the environment.
func (s *Store) NextEnvironment(ctx context.Context) (domain.EnvironmentID, error) {
	id, err := s.db.NextID(ctx, db.EnvironmentNumbers)
	return domain.EnvironmentID(id), err
}

// Environment implements directory.EnvironmentTx.
func (tx *Tx) Environment(key tenancy.EnvironmentKey) (domain.Environment, error) {
	var rows []environmentRow
	q := db.From(tx, tx.Scope(), &rows).Where("e.organization_id = ? AND e.id = ?", int64(key.Organization), int64(key.ID))
	found, err := readEnvironments(tx.Ctx, q.Apply(tx.For("UPDATE")), &rows)
	e, err := db.First(found, err, domain.ErrEnvironmentNotFound)
	if err != nil || !e.IsOrganization {
		return e, err
	}
	err = addOrganizationExtras(tx.Ctx, tx.Bun, found)
	return found[0], err
}

// InsertEnvironment implements directory.EnvironmentTx.
func (tx *Tx) InsertEnvironment(e *domain.Environment) error {
	parent, err := tx.parent(environmentsIn(tx.Scope()).
		And("e.organization_id = ? AND e.id = ?", int64(e.Organization), int64(e.Parent)))
	if err != nil {
		return err
	}
	e.UUID = db.NewUUID()
	e.Hang(&parent)
	if e.IsOrganization {
		e.Attributes = e.Attributes.With(
			domain.Attributes{domain.AttributeCreated: strconv.FormatInt(db.Millis(tx.DB.Now()), 10)})
	}
	if err := e.Validate(); err != nil {
		return err
	}
	if err := tx.admit(parent.Organization, environments); err != nil {
		return err
	}
	if err := tx.insertEnvironments(domain.PlacedEnvironment{Environment: *e, Above: parent.Organization}); err != nil {
		return err
	}
	if err := tx.saveOrganizationExtras(&domain.Environment{}, e); err != nil {
		return err
	}
	if e.IsOrganization || !e.Active {
		err = tx.bumpAround(e.Path)
	} else {
		err = tx.bump(e.Organization)
	}
	if err != nil {
		return err
	}
	return tx.record(environmentEntry("environment:create", e, domain.Diff(nil, e.Fields())))
}

// parent reads the environment that another one is to be put below, and keeps it where it is
// until the transaction ends.
func (tx *Tx) parent(where db.Predicate) (domain.Environment, error) {
	parent, err := selectEnvironment(tx.Ctx, tx.Bun, where, "")
	if err != nil {
		return parent, domain.AsError(err).On("parent")
	}
	if err := tx.holdWay(parent.Organization, parent.Path); err != nil {
		return parent, err
	}
	return selectEnvironment(tx.Ctx, tx.Bun,
		db.Where("e.organization_id = ? AND e.path = ?", int64(parent.Organization), string(parent.Path)), "")
}

// SaveEnvironment implements directory.EnvironmentTx.
func (tx *Tx) SaveEnvironment(before, after *domain.Environment) error {
	changes := domain.Diff(before.Fields(), after.Fields())
	if len(changes) == 0 {
		return nil
	}
	if after.ID == domain.RootEnvironment && (after.Parent != before.Parent || !after.Active) {
		return domain.ErrRootFixed
	}
	if err := tx.saveEnvironment(before, after); err != nil {
		return err
	}
	if after.Parent != before.Parent {
		lost, err := tx.rulesLost(before.Path.Parent(), after.Path.Parent())
		if err != nil {
			return err
		}
		changes = append(changes, lost...)
	}
	return tx.record(environmentEntry("environment:update", after, changes))
}

// saveEnvironment writes after in place of before.
func (tx *Tx) saveEnvironment(before, after *domain.Environment) error {
	moved := after.Parent != before.Parent
	renamed := after.Alias != before.Alias
	if moved || before.Active && !after.Active {
		if err := tx.watchWithin(before); err != nil {
			return err
		}
	}
	if (moved || renamed) && after.ID != domain.RootEnvironment {
		if err := tx.hang(before, after); err != nil {
			return err
		}
	}
	if err := after.Validate(); err != nil {
		return err
	}
	row := toEnvironmentRow(after)
	saved := tx.NewUpdate().Model(row).Column(tx.Changed(toEnvironmentRow(before), row)...).WherePK()
	if err := tx.One(saved, domain.ErrEnvironmentNotFound); err != nil {
		return err
	}
	if err := tx.saveOrganizationExtras(before, after); err != nil {
		return err
	}
	if moved || renamed || after.Active != before.Active {
		return tx.bumpAround(slices.Compact([]domain.EnvironmentPath{before.Path, after.Path})...)
	}
	return tx.bump(after.Organization)
}

// hang gives the subtree of before its new place and name: the path and alias path of
// every environment in it, and of everything that carries the path of one.
func (tx *Tx) hang(before, after *domain.Environment) error {
	// For a new name only, the parent itself need not be in the scope.
	where := oneAbove(before)
	if after.Parent != before.Parent {
		where = environmentsIn(tx.Scope()).And("e.id = ?", int64(after.Parent))
	}
	parent, err := tx.parent(where)
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
		if err := tx.recount(before, &parent); err != nil {
			return err
		}
	}
	after.Hang(&parent)
	its, err := tx.subtree(before)
	if err != nil {
		return err
	}
	if err := tx.fits(its, before.Path, after.Path); err != nil {
		return err
	}
	if err := after.Validate(); err != nil {
		return err
	}
	if err := tx.freeAlias(before); err != nil {
		return err
	}
	if err := tx.Insert(
		toAliasRow(&domain.PlacedEnvironment{Environment: *after, Above: parent.Organization})); err != nil {
		return err
	}
	behind := runes(before.AliasPath) + 1
	err = tx.Run(tx.NewUpdate().Model((*environmentRow)(nil)).Apply(rehung(its, "path", before.Path, after.Path)).
		Set("alias_path = ? || substr(e.alias_path, ?)", after.AliasPath, behind).
		Set("alias_path_key = ? || substr(e.alias_path_key, ?)", domain.Fold(after.AliasPath), behind))
	if err != nil || after.Path == before.Path {
		return err
	}
	for _, table := range []string{"environment_counts", "groups", "users", "user_environments", "objects", "audit",
		"api_keys", "sign_in_rules", "break_glass"} {
		where := its
		if table == "user_environments" || table == "api_keys" { // others are allowed the places, and blocked
			where = db.Predicate{}
		}
		err := tx.Run(tx.NewUpdate().Table(table).Apply(rehung(where, "environment_path", before.Path, after.Path)))
		if err != nil {
			return err
		}
	}
	return nil
}

// oneAbove returns the condition that an environment e is the one above another, which is of the same organization
// unless that is an organization itself.
func oneAbove(e *domain.Environment) db.Predicate {
	where := db.Where("e.path = ?", string(e.Path.Parent()))
	if !e.IsOrganization {
		where = where.And("e.organization_id = ?", int64(e.Organization))
	}
	return where
}

// subtree returns the condition that keeps a statement about what lies at or below e to its organization, nothing if
// other organizations hang in that.
func (tx *Tx) subtree(e *domain.Environment) (db.Predicate, error) {
	nested, err := hasNested(tx.Ctx, tx, e.Organization)
	if err != nil || nested {
		return db.Predicate{}, err
	}
	return db.Where("organization_id = ?", int64(e.Organization)), nil
}

// rehung returns the change of the paths in a column that lie at or below from, of rows that meet a condition: they
// lie at to.
func rehung(where db.Predicate, column string,
	from, to domain.EnvironmentPath) func(*bun.UpdateQuery) *bun.UpdateQuery {
	path := bun.Ident(column)
	return func(q *bun.UpdateQuery) *bun.UpdateQuery {
		return q.Where(where.Text(), where.Args...).Set("? = ? || substr(?, ?)", path, string(to), path, len(from)+1).
			Where("? >= ? AND ? < ?", path, string(from), path, string(from.End()))
	}
}

// recount counts an organization that moves where it will be, instead of where it was.
func (tx *Tx) recount(before, to *domain.Environment) error {
	from, err := selectEnvironment(tx.Ctx, tx.Bun, db.Where("e.path = ?", string(before.Path.Parent())), "")
	if err != nil || from.Organization == to.Organization {
		return err
	}
	if err := tx.tallied(from.Organization, environments, -1); err != nil {
		return err
	}
	return tx.admit(to.Organization, environments)
}

// DeleteEnvironment implements directory.EnvironmentTx.
func (tx *Tx) DeleteEnvironment(e *domain.Environment) error {
	if e.ID == domain.RootEnvironment {
		return domain.ErrRootFixed
	}
	if err := tx.isEmpty(e); err != nil {
		return err
	}
	// Before the mentions go: bumpAround finds their users by them.
	if err := tx.bumpAround(e.Path); err != nil {
		return err
	}
	entry := environmentEntry("environment:delete", e, domain.Diff(e.Fields(), nil))
	if e.IsOrganization {
		above, err := selectEnvironment(tx.Ctx, tx.Bun, db.Where("e.path = ?", string(e.Path.Parent())), "")
		if err != nil {
			return err
		}
		if err := tx.removeOrganization(e, above.Organization); err != nil {
			return err
		}
		entry.Organization = above.Organization
		return tx.record(entry)
	}
	if err := tx.forget(e); err != nil {
		return err
	}
	if err := tx.tallied(e.Organization, environments, -1); err != nil {
		return err
	}
	if err := tx.One(tx.NewDelete().Model(toEnvironmentRow(e)).WherePK(), domain.ErrEnvironmentNotFound); err != nil {
		return err
	}
	return tx.record(entry)
}

// forget removes the alias of an environment and what others have that names it or a place below it.
func (tx *Tx) forget(e *domain.Environment) error {
	if err := tx.freeAlias(e); err != nil {
		return err
	}
	err := tx.Run(tx.NewDelete().Model((*userEnvironmentRow)(nil)).
		Where("environment_path >= ? AND environment_path < ?", string(e.Path), string(e.Path.End())))
	if err != nil {
		return err
	}
	if err := tx.Run(tx.NewDelete().Model((*signInRulesRow)(nil)).Where("environment_id = ?", int64(e.ID)),
		tx.NewDelete().Model((*breakGlassRow)(nil)).Where("environment_id = ?", int64(e.ID))); err != nil {
		return err
	}
	// Keys that are narrowed to the environment, whoever has them, are good for nothing any more.
	return tx.deleteAPIKeys("k.environment_path >= ? AND k.environment_path < ?", string(e.Path), string(e.Path.End()))
}

// isEmpty returns ErrEnvironmentNotEmpty if there is anything in an environment.
func (tx *Tx) isEmpty(e *domain.Environment) error {
	o, id := int64(e.Organization), int64(e.ID)
	var there int64
	var objects bool
	var seen domain.EnvironmentCount
	err := tx.NewSelect().
		ColumnExpr("(SELECT count(*) FROM environment_names n WHERE n.organization_id = ? AND n.parent_id = ?)", o, id).
		ColumnExpr("(?)", db.From(tx, tx.Scope(), &[]environmentRow{}).ColumnExpr("count(*)").Where("e.parent_id = ?", id)).
		ColumnExpr("(SELECT c.users FROM environment_counts c WHERE c.organization_id = ? AND c.environment_id = ?)", o, id).
		ColumnExpr("(SELECT count(*) FROM groups g WHERE g.organization_id = ? AND ?)", o, e.IsOrganization).
		ColumnExpr("EXISTS (SELECT 1 FROM objects o WHERE o.organization_id = ? AND o.environment_id = ?)", o, id).
		Scan(tx.Ctx, &there, &seen.Environments, &seen.Users, &seen.Groups, &objects)
	if err != nil {
		return db.Translate(err)
	}
	switch {
	case seen.Environments+seen.Users+seen.Groups > 0:
		return domain.ErrEnvironmentNotEmpty.Saying(
			"This environment still has environments (%d), users (%d) and groups (%d) in it.",
			seen.Environments, seen.Users, seen.Groups)
	case there > 0:
		return domain.ErrEnvironmentNotEmpty
	case objects: // how many is for those to know who may see them
		return domain.ErrEnvironmentNotEmpty.Saying("This environment still has objects in it.")
	}
	return nil
}

// holdPresent keeps the environments at the paths and all above them, but the root, from being changed until
// the transaction ends: a change of one of them would miss what is written below it meanwhile. It returns how
// many are not there, and ErrChanged if one of them is no longer at its path. They belong to o up to its border;
// to whom what is above that belongs, and all if o is 0, is looked for first. One organization is locked after the
// other.
func (tx *Tx) holdPresent(of domain.OrganizationID, paths ...domain.EnvironmentPath) (absent int, err error) {
	at := make(map[domain.EnvironmentID]domain.EnvironmentPath)
	ids := make(map[domain.OrganizationID][]domain.EnvironmentID)
	for _, p := range paths {
		for o := of; p != domain.RootPath; p = p.Parent() {
			if _, known := at[p.ID()]; !known {
				ids[o] = append(ids[o], p.ID())
			}
			at[p.ID()] = p
			if p.ID() == o.Environment() {
				o = 0 // what is above belongs to another one
			}
		}
	}
	if err := tx.place(ids); err != nil {
		return 0, err
	}
	found := 0
	for _, o := range slices.Sorted(maps.Keys(ids)) {
		var there []domain.EnvironmentPath
		slices.Sort(ids[o])
		err := tx.NewSelect().Model((*environmentRow)(nil)).Column("path").Order("e.path").
			Where("e.organization_id = ? AND e.id IN (?)", int64(o), db.In(ids[o])).
			Apply(tx.For("SHARE")).Scan(tx.Ctx, &there)
		if err != nil {
			return 0, db.Translate(err)
		}
		for _, p := range there {
			if at[p.ID()] != p {
				return 0, domain.ErrChanged
			}
		}
		found += len(there)
	}
	return len(at) - found, nil
}

// place puts the environments of organization 0 to those that they belong to. Environments never change their
// organization.
func (tx *Tx) place(ids map[domain.OrganizationID][]domain.EnvironmentID) error {
	unknown := ids[0]
	delete(ids, 0)
	if len(unknown) == 0 {
		return nil
	}
	var rows []environmentRow
	slices.Sort(unknown)
	err := tx.NewSelect().Model(&rows).Column("organization_id", "id").Where("e.id IN (?)", db.In(unknown)).Scan(tx.Ctx)
	for _, r := range rows {
		o := domain.OrganizationID(r.OrganizationID)
		ids[o] = append(ids[o], domain.EnvironmentID(r.ID))
	}
	return db.Translate(err)
}

// withKeys narrows a query to environments of these organizations with these numbers. Organization 0 is any.
func withKeys(ids map[domain.OrganizationID][]domain.EnvironmentID) func(*bun.SelectQuery) *bun.SelectQuery {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			for _, o := range slices.Sorted(maps.Keys(ids)) {
				if slices.Sort(ids[o]); o == 0 {
					q = q.WhereOr("e.id IN (?)", db.In(ids[o]))
				} else {
					q = q.WhereOr("e.organization_id = ? AND e.id IN (?)", int64(o), db.In(ids[o]))
				}
			}
			return q
		})
	}
}

// holdWay is holdPresent. It returns ErrChanged too if one of them is not there.
func (tx *Tx) holdWay(of domain.OrganizationID, paths ...domain.EnvironmentPath) error {
	absent, err := tx.holdPresent(of, paths...)
	if err == nil && absent > 0 {
		err = domain.ErrChanged
	}
	return err
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
	bun.BaseModel `bun:"table:environment_counts,alias:c"`

	OrganizationID  int64
	EnvironmentID   int64
	EnvironmentPath string
	Users           int64
}

// Within implements db.Scoped.
func (countRow) Within(sc tenancy.Scope) db.Predicate {
	return db.Placed(sc, "c.environment_path", "c.organization_id")
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
func (tx *Tx) insertEnvironments(es ...domain.PlacedEnvironment) error {
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
		counts = append(counts,
			&countRow{OrganizationID: int64(e.Organization), EnvironmentID: int64(e.ID), EnvironmentPath: string(e.Path)})
		if e.ID != domain.RootEnvironment {
			aliases = append(aliases, toAliasRow(e))
		}
	}
	if tx.fills() {
		return tx.Insert(&organizations, &rows, &aliases)
	}
	return tx.Insert(&organizations, &tallies, &rows, &counts, &aliases)
}

func toAliasRow(e *domain.PlacedEnvironment) *aliasRow {
	return &aliasRow{OrganizationID: int64(e.Above), ParentID: int64(e.Parent), AliasKey: domain.Fold(e.Alias),
		EnvironmentOrganizationID: int64(e.Organization), EnvironmentID: int64(e.ID)}
}

func (tx *Tx) freeAlias(e *domain.Environment) error {
	q := tx.NewDelete().Model((*aliasRow)(nil)).Where("environment_id = ?", int64(e.ID))
	if !e.IsOrganization { // the name of an organization is kept with the one above
		q = q.Where("organization_id = ?", int64(e.Organization))
	}
	return tx.Run(q)
}

// runes counts characters as the databases' substr does.
func runes(s string) int { return len([]rune(s)) }

// fits returns ErrTooDeep if the deepest environment of the subtree at from, whose rows meet a condition, would lie
// too deep at to.
func (tx *Tx) fits(where db.Predicate, from, to domain.EnvironmentPath) error {
	var deepest int
	err := tx.NewSelect().Model((*environmentRow)(nil)).
		ColumnExpr("coalesce(max(length(e.path) - length(replace(e.path, '/', '')) - 1), 0)").
		Where("e.path >= ? AND e.path < ?", string(from), string(from.End())).Apply(where.Narrow).Scan(tx.Ctx, &deepest)
	if err != nil {
		return db.Translate(err)
	}
	if deepest-from.Depth()+to.Depth() > domain.MaxDepth {
		return domain.ErrTooDeep
	}
	return nil
}

func environmentEntry(action string, e *domain.Environment, changes []domain.Change) domain.AuditEntry {
	return domain.AuditEntry{
		Action: action, Target: domain.Target{Kind: "environment", ID: int64(e.ID), Name: e.Alias},
		Organization: e.Organization, Place: e.ID, Path: e.Path, Changes: changes,
	}
}

// bumpAround counts a change that alters who reaches the environments at the paths: for
// the organizations on the way up and below, and for the users who are allowed or blocked
// from an environment above, at or below one of them. It costs what these are, not what there is beside them.
func (tx *Tx) bumpAround(paths ...domain.EnvironmentPath) error {
	if tx.late != nil {
		tx.late.around = append(tx.late.around, paths...)
		return nil
	}
	above := make(map[domain.EnvironmentPath]bool)
	var below []tenancy.Range
	for _, p := range slices.Sorted(slices.Values(paths)) {
		if n := len(below); n == 0 || p >= below[n-1].Until {
			below = append(below, tenancy.Range{From: p, Until: p.End()})
		}
		for ; !above[p]; p = p.Parent() {
			above[p] = true
		}
	}
	if err := tx.bumpOrganizations(above, below); err != nil {
		return err
	}
	return tx.bumpListed(slices.Sorted(maps.Keys(above)), below)
}

// bumpOrganizations counts a change for the organizations that are at one of the paths or lie in one of the
// ranges.
func (tx *Tx) bumpOrganizations(at map[domain.EnvironmentPath]bool, in []tenancy.Range) error {
	found := make(map[int64]bool, len(at))
	for p := range at {
		found[int64(p.ID())] = true
	}
	for part := range slices.Chunk(in, rangesTogether) {
		var ids []int64
		err := tx.NewSelect().Model((*environmentRow)(nil)).Column("id").Where("e.is_organization").
			Apply(db.InRanges(part, "e.path").Narrow).Scan(tx.Ctx, &ids)
		if err != nil {
			return db.Translate(err)
		}
		for _, id := range ids {
			found[id] = true
		}
	}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(found)), batch) {
		for _, o := range part {
			err := tx.Hold("UPDATE", tx.NewSelect().Model((*organizationRow)(nil)).Where("organization_id = ?", o))
			if err != nil {
				return err
			}
		}
		err := tx.Run(tx.NewUpdate().Model((*organizationRow)(nil)).Set("generation = generation + 1").
			Where("organization_id IN (?)", db.In(part)))
		if err != nil {
			return err
		}
	}
	return nil
}

// bumpListed counts a change for the users on whose lists an environment is that is at one of the paths or lies
// in one of the ranges: found by the lists first, then by their keys, an organization after the other.
func (tx *Tx) bumpListed(at []domain.EnvironmentPath, in []tenancy.Range) error {
	found := make(map[int64]map[int64]bool)
	find := func(where db.Predicate) error {
		var rows []userEnvironmentRow
		err := tx.NewSelect().Model(&rows).Column("organization_id", "user_id").Distinct().Apply(where.Narrow).Scan(tx.Ctx)
		for _, r := range rows {
			if found[r.OrganizationID] == nil {
				found[r.OrganizationID] = make(map[int64]bool)
			}
			found[r.OrganizationID][r.UserID] = true
		}
		return db.Translate(err)
	}
	for part := range slices.Chunk(at, batch) {
		if err := find(db.Where("environment_path IN (?)", db.In(part))); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(in, rangesTogether) {
		if err := find(db.InRanges(part, "environment_path")); err != nil {
			return err
		}
	}
	for _, o := range slices.Sorted(maps.Keys(found)) {
		for part := range slices.Chunk(slices.Sorted(maps.Keys(found[o])), batch) {
			these := db.Where("u.organization_id = ? AND u.id IN (?)", o, db.In(part))
			err := tx.Hold("UPDATE", tx.NewSelect().Model((*userRow)(nil)).Apply(these.Narrow).Order("u.id"))
			if err != nil {
				return err
			}
			err = tx.Run(tx.NewUpdate().Model((*userRow)(nil)).Set("epoch = u.epoch + 1").
				Where("u.organization_id = ? AND u.id IN (?)", o, db.In(part)))
			if err != nil {
				return err
			}
		}
	}
	return nil
}
