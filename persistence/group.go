package persistence

import (
	"context"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// GroupStore keeps groups. A group lies in a scope if its organization's place does.
type GroupStore struct {
	db *db.DB
	// few is up to how many accounts of a scope are looked through for members of groups: a group
	// that everybody is in would otherwise be read for the few of them who may be shown. page is
	// how many members of one group are read at once where there are more.
	few  int64
	page int
}

// NewGroupStore returns the store of groups in d.
func NewGroupStore(d *db.DB) *GroupStore { return &GroupStore{db: d, few: 10_000, page: 500} }

type groupRow struct {
	bun.BaseModel `bun:"table:groups,alias:g"`

	OrganizationID  int64
	ID              int64
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

func toGroupRow(g *domain.Group, place domain.EnvironmentPath) *groupRow {
	return &groupRow{OrganizationID: int64(g.Organization), ID: int64(g.ID), UUID: string(g.UUID), EnvironmentPath: string(place),
		ParentID: int64(g.Parent), Alias: g.Alias, AliasKey: domain.Fold(g.Alias), Mask: int64(g.Mask),
		Role: int64(g.Role), RoleTitle: g.RoleTitle, Description: g.Description, CreatedAt: db.Millis(g.Created)}
}

const groupColumns = "g.organization_id, g.id, g.uuid, g.parent_id, g.alias, g.mask, g.role, g.role_title, g.description, g.created_at, g.environment_path"

// placedGroup is a group with the place of its organization.
type placedGroup struct {
	domain.Group
	place domain.EnvironmentPath
}

func scanGroup(r db.Row) (g placedGroup, err error) {
	var created int64
	err = r.Scan(&g.Organization, &g.ID, &g.UUID, &g.Parent, &g.Alias, &g.Mask, &g.Role, &g.RoleTitle, &g.Description, &created, &g.place)
	g.Created = db.Moment(created)
	return g, err
}

func selectGroups(ctx context.Context, q db.Querier, where db.Predicate, rest string) ([]placedGroup, error) {
	rows, err := q.QueryContext(ctx, "SELECT "+groupColumns+" FROM groups g WHERE "+where.Text()+rest, where.Args...)
	return db.Collect(rows, err, scanGroup)
}

func selectGroup(ctx context.Context, q db.Querier, where db.Predicate, rest string) (placedGroup, error) {
	all, err := selectGroups(ctx, q, where, rest)
	if err != nil || len(all) == 0 {
		return placedGroup{}, orElse(err, domain.ErrGroupNotFound)
	}
	return all[0], nil
}

func plainGroups(placed []placedGroup) []domain.Group {
	groups := make([]domain.Group, len(placed))
	for i, g := range placed {
		groups[i] = g.Group
	}
	return groups
}

func groupsIn(sc tenancy.Scope) db.Predicate {
	return db.Placed(sc, "g.environment_path", "g.organization_id")
}

// List returns the groups in sc, by organization in tree order, then by number.
func (s *GroupStore) List(ctx context.Context, sc tenancy.Scope) ([]domain.Group, error) {
	groups, err := selectGroups(ctx, s.db, groupsIn(sc), " ORDER BY g.environment_path, g.id")
	if err != nil {
		return nil, err
	}
	return plainGroups(groups), nil
}

// Get returns the group with that number. It is ErrGroupNotFound if there is none in sc.
func (s *GroupStore) Get(ctx context.Context, sc tenancy.Scope, id domain.GroupID) (domain.Group, error) {
	g, err := selectGroup(ctx, s.db, groupsIn(sc).And("g.id = ?", int64(id)), "")
	return g.Group, err
}

// ByUUID returns the group with that UUID. It is ErrGroupNotFound if there is none in sc.
func (s *GroupStore) ByUUID(ctx context.Context, sc tenancy.Scope, id domain.UUID) (domain.Group, error) {
	g, err := selectGroup(ctx, s.db, groupsIn(sc).And("g.uuid = ?", string(id)), "")
	return g.Group, err
}

// Insert adds g to g.Organization, whose place must lie in w, and returns it with its
// numbers. It is ErrEnvironmentNotFound without such an organization, ErrGroupNotFound
// on "parent" without a parent that can be used there, and ErrGroupAliasTaken.
func (s *GroupStore) Insert(ctx context.Context, w tenancy.WriteScope, g domain.Group) (domain.Group, error) {
	if err := g.Validate(); err != nil {
		return g, err
	}
	id, err := s.db.NextID(ctx, db.GroupNumbers)
	if err != nil {
		return g, err
	}
	g.ID, g.UUID, g.Created = domain.GroupID(id), db.NewUUID(), db.Moment(db.Millis(s.db.Now()))
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		border, err := selectEnvironment(ctx, tx, environmentsIn(w.Read()).And("e.id = ? AND e.is_organization", int64(g.Organization)), s.db.For("SHARE"))
		if err != nil {
			return err
		}
		if err := s.checkParent(ctx, tx, &g); err != nil {
			return err
		}
		if err := admit(ctx, s.db, tx, g.Organization, groups); err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(toGroupRow(&g, border.Path)).Exec(ctx); err != nil {
			return db.Translate(err)
		}
		return s.finish(ctx, tx, w, "group:create", &g, border.Path, domain.Diff(nil, g.Fields()))
	})
	return g, err
}

// checkParent reads the way up from g and refuses one that leaves the groups usable in
// g's organization or comes back to g.
func (s *GroupStore) checkParent(ctx context.Context, tx bun.Tx, g *domain.Group) error {
	for up := g.Parent; up != domain.RootGroup; {
		if up == g.ID {
			return domain.ErrGroupCycle
		}
		parent, err := selectGroup(ctx, tx, db.Where("g.id = ? AND g.organization_id IN (?, ?)",
			int64(up), int64(g.Organization), int64(domain.RootOrganization)), s.db.For("SHARE"))
		if err != nil {
			return domain.AsError(err).On("parent")
		}
		up = parent.Parent
	}
	return nil
}

// finish counts the change and writes the audit entry. A group of the root is used
// everywhere, but its generation is part of every principal.
func (s *GroupStore) finish(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, action string, g *domain.Group, place domain.EnvironmentPath, changes []domain.Change) error {
	if err := bump(ctx, tx, g.Organization); err != nil {
		return err
	}
	return record(ctx, s.db, tx, w, domain.AuditEntry{
		Action: action, Target: domain.Target{Kind: "group", ID: int64(g.ID), Name: g.Alias},
		Organization: g.Organization, Place: g.Organization.Environment(), Path: place, Changes: changes,
	})
}

// Update loads the group, runs change and saves, in one transaction, and returns what was
// saved. change may ask for the superUsers. It is ErrGroupNotFound if there is none in w,
// ErrGroupCycle, ErrGroupAliasTaken, or the error of change, and then nothing is saved.
func (s *GroupStore) Update(ctx context.Context, w tenancy.WriteScope, id domain.GroupID,
	change func(*domain.Group, domain.SuperUsers) error) (after domain.Group, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		before, err := selectGroup(ctx, tx, groupsIn(w.Read()).And("g.id = ?", int64(id)), s.db.For("UPDATE"))
		if err != nil {
			return err
		}
		// Two changes that together would make a cycle wait for one another.
		err = s.db.Lock(ctx, tx, "UPDATE", "organizations WHERE organization_id = ?", int64(before.Organization))
		if err != nil {
			return db.Translate(err)
		}
		after = before.Group
		if err := change(&after, NewUserStore(s.db).superUsers(ctx, tx, 0)); err != nil {
			return err
		}
		changes := domain.Diff(before.Fields(), after.Fields())
		if len(changes) == 0 {
			return nil
		}
		if err := after.Validate(); err != nil {
			return err
		}
		if after.Parent != before.Parent {
			if err := s.checkParent(ctx, tx, &after); err != nil {
				return err
			}
		}
		res, err := tx.NewUpdate().Model(toGroupRow(&after, before.place)).
			Where("organization_id = ?", int64(after.Organization)).Where("id = ?", int64(after.ID)).Exec(ctx)
		if err := db.One(res, err, domain.ErrGroupNotFound); err != nil {
			return err
		}
		return s.finish(ctx, tx, w, "group:update", &after, before.place, changes)
	})
	return after, err
}

// Delete removes the group. It is ErrGroupNotFound if there is none in w, and
// ErrGroupNotEmpty if it has members or groups below it.
func (s *GroupStore) Delete(ctx context.Context, w tenancy.WriteScope, id domain.GroupID) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		g, err := selectGroup(ctx, tx, groupsIn(w.Read()).And("g.id = ?", int64(id)), s.db.For("UPDATE"))
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT EXISTS (SELECT 1 FROM user_groups WHERE group_id = ?)
			OR EXISTS (SELECT 1 FROM groups WHERE parent_id = ? AND id <> ?)`, int64(id), int64(id), int64(id))
		used, err := db.Only(rows, err, db.Scalar[bool], domain.ErrGroupNotFound)
		if err != nil {
			return err
		}
		if used {
			return domain.ErrGroupNotEmpty
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM object_access WHERE subject_kind = 2 AND subject_id = ?", int64(id)); err != nil {
			return db.Translate(err)
		}
		if err := tallied(ctx, tx, g.Organization, groups, -1); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, "DELETE FROM groups WHERE organization_id = ? AND id = ?", int64(g.Organization), int64(id))
		if err := db.One(res, err, domain.ErrGroupNotFound); err != nil {
			return err
		}
		return s.finish(ctx, tx, w, "group:delete", &g.Group, g.place, domain.Diff(g.Fields(), nil))
	})
}
