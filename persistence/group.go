package persistence

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// GroupStore reads groups. A group lies in a scope if its organization's place does.
type GroupStore struct {
	db    *db.DB
	users *UserStore
	// few is up to how many accounts of a scope are looked through for members of groups: a group that everybody is in
	// would otherwise be read for the few of them who may be shown. told is up to how many are counted of a group, and
	// page how many members of one group are read at once where there are more than few.
	few, told int64
	page      int
	// sorted is up to how many groups are read to be put in order: more are met in the order of their aliases.
	sorted int64
}

// NewGroupStore returns the store of groups in d.
func NewGroupStore(d *db.DB) *GroupStore {
	return &GroupStore{db: d, users: NewUserStore(d), few: domain.MaxCounted, told: domain.MaxTold, page: 500,
		sorted: 1000}
}

type groupRow struct {
	bun.BaseModel `bun:"table:groups,alias:g"`

	OrganizationID  int64 `bun:",pk"`
	ID              int64 `bun:",pk"`
	UUID            string
	EnvironmentPath string
	ParentID        int64
	Alias           string
	AliasKey        string
	Mask            int64
	Role            int64
	RoleTitle       string
	Description     string
	CreatedAt       int64
}

// Within implements db.Scoped.
func (groupRow) Within(sc tenancy.Scope) db.Predicate {
	return db.Placed(sc, "g.environment_path", "g.organization_id")
}

func toGroupRow(g *domain.Group) *groupRow {
	return &groupRow{OrganizationID: int64(g.Organization), ID: int64(g.ID), UUID: string(g.UUID),
		EnvironmentPath: string(g.Path),
		ParentID:        int64(g.Parent), Alias: g.Alias, AliasKey: domain.Fold(g.Alias), Mask: int64(g.Mask),
		Role: int64(g.Role), RoleTitle: g.RoleTitle, Description: g.Description, CreatedAt: db.Millis(g.Created)}
}

func (r *groupRow) group() domain.Group {
	return domain.Group{Organization: domain.OrganizationID(r.OrganizationID), ID: domain.GroupID(r.ID),
		UUID: domain.UUID(r.UUID),
		Path: domain.EnvironmentPath(r.EnvironmentPath), Parent: domain.GroupID(r.ParentID), Alias: r.Alias,
		Mask: domain.Mask(r.Mask),
		Role: domain.Role(r.Role), RoleTitle: r.RoleTitle, Description: r.Description, Created: db.Moment(r.CreatedAt)}
}

// readGroups reads the groups that q finds, in rows.
func readGroups(ctx context.Context, q *bun.SelectQuery, rows *[]groupRow) ([]domain.Group, error) {
	err := q.Scan(ctx)
	groups := make([]domain.Group, len(*rows))
	for i := range *rows {
		groups[i] = (*rows)[i].group()
	}
	return groups, db.Translate(err)
}

// List returns the groups in sc, by organization in tree order, then by number.
func (s *GroupStore) List(ctx context.Context, sc tenancy.Scope) ([]domain.Group, error) {
	var rows []groupRow
	return readGroups(ctx, db.From(s.db, sc, &rows).Order("g.environment_path", "g.id"), &rows)
}

// Page returns one page of the groups in sc, as List has them, and the cursor of the next page, empty after the last.
func (s *GroupStore) Page(ctx context.Context, sc tenancy.Scope, p domain.Page) ([]domain.Group, domain.Cursor, error) {
	var path domain.EnvironmentPath
	var id domain.GroupID
	ranges, keeps := sc.Ranges(), db.Pinned(sc, s.db.Aside("g.organization_id"))
	continued, err := readCursor(p.After, "groups", &id, &path)
	if err != nil {
		return nil, "", err
	}
	if continued {
		ranges = beyond(ranges, path)
		keeps = keeps.Also(db.Unindexed(db.Where("(g.environment_path, g.id) > (?, ?)", string(path), int64(id))))
	}
	if len(ranges) == 0 {
		return []domain.Group{}, "", nil
	}
	limit := pageSize(p)
	some := s.db.Along(ranges, "groups g", "g.environment_path, g.id", keeps, limit+1)
	var rows []groupRow
	all, err := readGroups(ctx, s.db.NewSelect().Model(&rows).ModelTableExpr(some.Raw, some.Args...), &rows)
	if err != nil {
		return nil, "", err
	}
	slices.SortFunc(all, func(a, b domain.Group) int {
		return cmp.Or(strings.Compare(string(a.Path), string(b.Path)), cmp.Compare(a.ID, b.ID))
	})
	return page(all, nil, limit, func(g *domain.Group) domain.Cursor { return writeCursor("groups", int64(g.ID), g.Path) })
}

// ByAlias returns up to n groups in sc that f keeps behind the first skip of them, by alias in the order of its bytes
// and then as List has them, and how many f keeps; n of 0 is without a bound.
func (s *GroupStore) ByAlias(ctx context.Context, sc tenancy.Scope, f domain.GroupFilter, skip,
	n int) ([]domain.Group, int64, error) {
	within := groupRow{}.Within(sc)
	named := len(f.IDs) > 0 || len(f.Aliases) > 0
	if named { // whose indexes find them
		within = db.Pinned(sc, "g.organization_id").Also(db.Unindexed(within))
	}
	keeps := groupsKept(&f)
	kept := s.db.NewSelect().TableExpr("groups AS g").Apply(within.Also(keeps).Narrow)
	if !named && db.Many(sc.Ranges()) {
		across := s.db.Across(sc.Ranges(), "groups g", "g.environment_path",
			db.Pinned(sc, s.db.Aside("g.organization_id")).Also(keeps))
		kept = s.db.NewSelect().TableExpr(across.Raw, across.Args...)
	}
	var rows []groupRow
	q := s.db.NewSelect().Model(&rows)
	if f.Matches != nil {
		ids, err := s.matching(ctx, kept, f.Matches)
		if err != nil || len(ids) <= skip {
			return []domain.Group{}, int64(len(ids)), err
		}
		total := int64(len(ids))
		if ids = ids[skip:]; n > 0 {
			ids = ids[:min(n, len(ids))]
		}
		inside := db.Unindexed(groupRow{}.Within(sc))
		groups, err := readGroups(ctx, q.Where("g.id IN (?)", db.In(ids)).Apply(inside.Narrow).
			OrderExpr(s.db.Bytewise("g.alias")).Order("g.environment_path", "g.id"), &rows)
		return groups, total, err
	}
	var total int64
	err := kept.ColumnExpr("count(*)").Scan(ctx, &total)
	if err != nil || total <= int64(skip) {
		return []domain.Group{}, total, db.Translate(err)
	}
	if total <= s.sorted {
		q = q.Apply(within.Narrow).OrderExpr(s.db.Bytewise("(g.alias || '')"))
	} else {
		q = q.Apply(db.Unindexed(within).Narrow).OrderExpr(s.db.Bytewise("g.alias"))
	}
	q = q.Apply(keeps.Narrow).Order("g.environment_path", "g.id").Offset(int64(skip))
	if n > 0 {
		q = q.Limit(int64(n))
	}
	groups, err := readGroups(ctx, q, &rows)
	return groups, total, err
}

// matching returns the numbers of groups of a query whose aliases match, in the order of ByAlias.
func (s *GroupStore) matching(ctx context.Context, q *bun.SelectQuery, matches func(string) bool) ([]int64, error) {
	var rows []struct {
		Alias string
		ID    int64
	}
	err := q.ColumnExpr("g.alias, g.id").OrderExpr(s.db.Bytewise("g.alias")).Order("g.environment_path", "g.id").
		Scan(ctx, &rows)
	var ids []int64
	for _, r := range rows {
		if matches(r.Alias) {
			ids = append(ids, r.ID)
		}
	}
	return ids, db.Translate(err)
}

// groupsKept returns the condition that a filter keeps a group, besides Matches.
func groupsKept(f *domain.GroupFilter) (p db.Predicate) {
	if len(f.IDs) > 0 {
		p = p.And("g.id IN (?)", db.In(f.IDs))
	}
	if len(f.Aliases) > 0 {
		p = p.And("g.alias IN (?)", db.In(f.Aliases))
	}
	if len(f.Descriptions) > 0 {
		p = p.And("g.description IN (?)", db.In(f.Descriptions))
	}
	if !f.Since.IsZero() {
		p = p.And("g.created_at >= ?", db.Millis(f.Since))
	}
	if !f.Until.IsZero() {
		p = p.And("g.created_at < ?", db.Millis(f.Until))
	}
	return p
}

// Search returns the first n groups in sc whose alias begins with prefix, compared by domain.Fold, by alias.
func (s *GroupStore) Search(ctx context.Context, sc tenancy.Scope, prefix string, n int) ([]domain.Group, error) {
	var rows []groupRow
	from := domain.Fold(prefix)
	q := s.db.NewSelect().Model(&rows).Apply(db.Pinned(sc, "g.organization_id").Narrow).
		Apply(db.Unindexed(groupRow{}.Within(sc)).Narrow).
		Where("g.alias_key >= ? AND g.alias_key < ?", from, from+lastRune).
		Order("g.alias_key", "g.environment_path", "g.id").Limit(int64(n))
	return readGroups(ctx, q, &rows)
}

// Get returns the group with that number, or ErrGroupNotFound if there is none in sc.
func (s *GroupStore) Get(ctx context.Context, sc tenancy.Scope, id domain.GroupID) (domain.Group, error) {
	return s.get(ctx, sc, "g.id = ?", int64(id))
}

// ByUUID returns the group with that UUID, or ErrGroupNotFound if there is none in sc.
func (s *GroupStore) ByUUID(ctx context.Context, sc tenancy.Scope, id domain.UUID) (domain.Group, error) {
	return s.get(ctx, sc, "g.uuid = ?", string(id))
}

func (s *GroupStore) get(ctx context.Context, sc tenancy.Scope, condition string, value any) (domain.Group, error) {
	var rows []groupRow
	groups, err := readGroups(ctx, db.From(s.db, sc, &rows).Where(condition, value), &rows)
	return db.First(groups, err, domain.ErrGroupNotFound)
}

// NextGroup returns the number of a group to be. Numbers are leased in a transaction of their own, so
// it is called before the one that inserts the group.
func (s *Store) NextGroup(ctx context.Context) (domain.GroupID, error) {
	id, err := s.db.NextID(ctx, db.GroupNumbers)
	return domain.GroupID(id), err
}

// Group implements directory.GroupTx.
func (tx *Tx) Group(id domain.GroupID) (domain.Group, error) {
	row, err := db.Locked[groupRow](tx.Tx, "UPDATE", int64(id), domain.ErrGroupNotFound)
	if err != nil {
		return domain.Group{}, err
	}
	return row.group(), nil
}

// InsertGroup implements directory.GroupTx.
func (tx *Tx) InsertGroup(g *domain.Group) error {
	if err := g.Validate(); err != nil {
		return err
	}
	path, err := tx.borderPath(g.Organization)
	if err != nil {
		return err
	}
	g.Path = path
	if tx.late == nil { // what is imported has been made before
		g.Created = db.Moment(db.Millis(tx.DB.Now()))
	}
	if tx.late == nil || g.UUID == "" {
		g.UUID = db.NewUUID()
	}
	if !tx.fills() {
		if err := tx.checkParent(g); err != nil {
			return err
		}
	}
	if err := tx.admit(g.Organization, groups); err != nil {
		return err
	}
	if err := tx.Insert(toGroupRow(g)); err != nil {
		return err
	}
	return tx.groupChanged("group:create", g, domain.Diff(nil, g.Fields()))
}

// borderPath returns the path of the environment of an organization, and keeps it there.
func (tx *Tx) borderPath(o domain.OrganizationID) (domain.EnvironmentPath, error) {
	if tx.late != nil && tx.late.borders[o] != "" {
		return tx.late.borders[o], nil
	}
	border, err := selectEnvironment(tx.Ctx, tx.Bun, environmentsIn(tx.Scope().Of(o)).
		And("e.id = ? AND e.is_organization", int64(o)), tx.DB.For("SHARE"))
	return border.Path, err
}

// SaveGroup implements directory.GroupTx.
func (tx *Tx) SaveGroup(before, after *domain.Group) error {
	changes := domain.Diff(before.Fields(), after.Fields())
	if len(changes) == 0 {
		return nil
	}
	if err := after.Validate(); err != nil {
		return err
	}
	if after.Parent != before.Parent {
		// Two changes that together would make a cycle wait for one another.
		if err := tx.holdOrganization(after.Organization); err != nil {
			return err
		}
		if err := tx.checkParent(after); err != nil {
			return err
		}
	}
	if err := tx.One(tx.NewUpdate().Model(toGroupRow(after)).WherePK(), domain.ErrGroupNotFound); err != nil {
		return err
	}
	return tx.groupChanged("group:update", after, changes)
}

// DeleteGroup implements directory.GroupTx.
func (tx *Tx) DeleteGroup(g *domain.Group) error {
	var used bool
	err := tx.NewSelect().ColumnExpr(`EXISTS (SELECT 1 FROM user_groups m WHERE m.group_id = ?)
		OR EXISTS (SELECT 1 FROM groups c WHERE c.parent_id = ?
			AND c.id <> ?)`, int64(g.ID), int64(g.ID), int64(g.ID)).Scan(tx.Ctx, &used)
	if err != nil {
		return db.Translate(err)
	}
	if used {
		return domain.ErrGroupNotEmpty
	}
	if err := tx.Run(tx.NewDelete().Model((*accessRow)(nil)).
		Where("subject_kind = ? AND subject_id = ?", groupSubject, int64(g.ID))); err != nil {
		return err
	}
	if err := tx.tallied(g.Organization, groups, -1); err != nil {
		return err
	}
	if err := tx.One(tx.NewDelete().Model(toGroupRow(g)).WherePK(), domain.ErrGroupNotFound); err != nil {
		return err
	}
	return tx.groupChanged("group:delete", g, domain.Diff(g.Fields(), nil))
}

// checkParent reads the way up from g, and keeps it. It returns an error if it leaves the groups usable
// in g's organization, which are its own and the root's, or comes back to g.
func (tx *Tx) checkParent(g *domain.Group) error {
	organization := int64(g.Organization)
	for up := g.Parent; up != domain.RootGroup; {
		if up == g.ID {
			return domain.ErrGroupCycle
		}
		var rows []groupRow
		for len(rows) == 0 {
			err := tx.NewSelect().Model(&rows).Where("g.organization_id = ? AND g.id = ?", organization, int64(up)).
				Apply(tx.For("SHARE")).Scan(tx.Ctx)
			if err != nil {
				return db.Translate(err)
			}
			if len(rows) == 0 && organization == int64(domain.RootOrganization) {
				return domain.ErrGroupNotFound.On("parent")
			}
			if len(rows) == 0 {
				organization = int64(domain.RootOrganization) // from there on it is the root's
			}
		}
		up = domain.GroupID(rows[0].ParentID)
	}
	return nil
}

// groupChanged counts the change and writes the audit entry. A group of the root is used everywhere,
// but its generation is part of every principal.
func (tx *Tx) groupChanged(action string, g *domain.Group, changes []domain.Change) error {
	if err := tx.bump(g.Organization); err != nil {
		return err
	}
	return tx.record(groupEntry(action, g, changes))
}

func groupEntry(action string, g *domain.Group, changes []domain.Change) domain.AuditEntry {
	return domain.AuditEntry{
		Action: action, Target: domain.Target{Kind: "group", ID: int64(g.ID), Name: g.Alias},
		Organization: g.Organization, Place: g.Organization.Environment(), Path: g.Path, Changes: changes,
	}
}
