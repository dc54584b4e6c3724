package directory

import (
	"cmp"
	"context"
	"iter"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// GroupStore reads groups, and changes them in transactions. What a method takes of a scope is all there
// is for it.
type GroupStore interface {
	// Page returns one page of the groups by organization in tree order, then by number, and the cursor of the next.
	Page(ctx context.Context, sc tenancy.Scope, p domain.Page) ([]domain.Group, domain.Cursor, error)
	// ByAlias returns up to n groups that f keeps behind the first skip of them, by alias in the order of its bytes and
	// then as Page has them, and how many f keeps; n of 0 is without a bound.
	ByAlias(ctx context.Context, sc tenancy.Scope, f domain.GroupFilter, skip, n int) ([]domain.Group, int64, error)
	// Search returns the first n groups whose alias begins with prefix, in any case, by alias and then in tree order.
	Search(ctx context.Context, sc tenancy.Scope, prefix string, n int) ([]domain.Group, error)
	// Get returns the group with that number, or domain.ErrGroupNotFound.
	Get(ctx context.Context, sc tenancy.Scope, id domain.GroupID) (domain.Group, error)
	// ByUUID is Get by the UUID.
	ByUUID(ctx context.Context, sc tenancy.Scope, id domain.UUID) (domain.Group, error)
	// Members returns the members of groups who are in sc, group after group in the order given,
	// read while they are ranged over.
	Members(ctx context.Context, sc tenancy.Scope, groups []domain.GroupID) iter.Seq2[domain.GroupMember, error]
	// CountMembers returns how many members of groups are in sc, as the list of users has them, by group; no
	// entry is none.
	CountMembers(ctx context.Context, sc tenancy.Scope, groups []domain.GroupID) (map[domain.GroupID]domain.Tally, error)
	// Admins returns the admins of groups who are in sc, by group and number.
	Admins(ctx context.Context, sc tenancy.Scope, groups []domain.GroupID) ([]domain.GroupMember, error)
	// Administers reports whether whoever sc was given to is an admin of the group in sc.
	Administers(ctx context.Context, sc tenancy.Scope, id domain.GroupID) (bool, error)
	// NextGroup returns the number of a group to be. It is called before the transaction that inserts it.
	NextGroup(ctx context.Context) (domain.GroupID, error)
	// Do runs work in one transaction within w. The whole of work is run again on a conflict, so it does
	// nothing but what tx offers.
	Do(ctx context.Context, w tenancy.WriteScope, work func(tx GroupTx) error) error
}

// GroupTx is one transaction on groups, within the scope it was opened with. Whatever goes with a change,
// such as its audit entry, is part of it.
type GroupTx interface {
	// Group returns the group with that number, locked, or domain.ErrGroupNotFound.
	Group(id domain.GroupID) (domain.Group, error)
	// InsertGroup adds g, with a number of NextGroup, to g.Organization, and completes it. It returns
	// domain.ErrEnvironmentNotFound without such an organization, domain.ErrGroupNotFound on "parent" without
	// a parent that can be used there, domain.ErrQuota and domain.ErrGroupAliasTaken.
	InsertGroup(g *domain.Group) error
	// SaveGroup makes before, as it was read, after. It returns domain.ErrGroupCycle and the errors of
	// InsertGroup.
	SaveGroup(before, after *domain.Group) error
	// DeleteGroup removes the group, or returns domain.ErrGroupNotEmpty while it is used.
	DeleteGroup(g *domain.Group) error
	// AddGroupAdmin makes a user of the group's organization one of its admins, and RemoveGroupAdmin takes
	// that back; they do nothing where it is so. The first returns domain.ErrGroupAdminElsewhere for a user of
	// another organization, domain.ErrUserNotFound and domain.ErrTooManyGroupAdmins.
	AddGroupAdmin(g *domain.Group, admin domain.UserKey) error
	RemoveGroupAdmin(g *domain.Group, admin domain.UserKey) error
	// SuperUsers returns the superUsers but the one with that number, and the root's groups, and keeps
	// superUsers from being changed.
	SuperUsers(but domain.UserID) ([]domain.User, []domain.Group, error)
}

// Groups lists and keeps groups.
type Groups struct {
	gate      *tenancy.Gate
	documents *tenancy.Documents
	store     GroupStore
	users     UserStore
	now       func() time.Time
}

// NewGroups returns the use cases of groups.
func NewGroups(gate *tenancy.Gate, documents *tenancy.Documents, store GroupStore, users UserStore,
	now func() time.Time) *Groups {
	return &Groups{gate: gate, documents: documents, store: store, users: users, now: now}
}

// PageOfGroups asks for groups.
type PageOfGroups struct {
	Counted bool        // asks for the number of each group's members whom the caller may list
	Page    domain.Page // without a limit all are returned
}

// List returns the groups of the organizations in the caller's reach, of their own and of the
// root, by organization in tree order, then by number. It needs domain.GroupRead. Whoever may list nobody but
// themselves is told no number of members.
func (g *Groups) List(ctx context.Context, caller domain.Principal,
	in PageOfGroups) (list Listed[GroupDocument], err error) {
	sc, err := g.gate.Enter(ctx, &caller, domain.GroupRead, tenancy.Anywhere())
	if err != nil {
		return list, err
	}
	return ReadList(ctx, in.Page, func(ctx context.Context, p domain.Page) ([]GroupDocument, domain.Cursor, error) {
		groups, next, err := g.store.Page(ctx, sc, p)
		if err != nil {
			return nil, "", err
		}
		described, err := g.describe(ctx, sc, groups)
		if err != nil || !in.Counted {
			return described, next, err
		}
		return described, next, g.count(ctx, &caller, described)
	})
}

// count adds to groups how many members they have whom the caller may list.
func (g *Groups) count(ctx context.Context, caller *domain.Principal, groups []GroupDocument) error {
	people, err := g.gate.Enter(ctx, caller, domain.UserRead, tenancy.Anywhere())
	if domain.ErrForbidden.Is(err) {
		err = nil
	}
	if err != nil {
		return err
	}
	ids := make([]domain.GroupID, len(groups))
	for i := range groups {
		ids[i], groups[i].Counted = groups[i].ID, true
	}
	if len(people.Ranges()) == 0 {
		return nil
	}
	counts, err := g.store.CountMembers(ctx, people, ids)
	if err != nil {
		return err
	}
	for i := range groups {
		members := counts[groups[i].ID]
		groups[i].Members = &members
	}
	return nil
}

// Search returns the first domain.MaxFound groups that List would have and whose alias begins with prefix, in any
// case, by alias. It needs domain.GroupRead.
func (g *Groups) Search(ctx context.Context, caller domain.Principal, prefix string) ([]GroupDocument, error) {
	sc, err := g.gate.Enter(ctx, &caller, domain.GroupRead, tenancy.Anywhere())
	if err != nil {
		return nil, err
	}
	groups, err := g.store.Search(ctx, sc, prefix, domain.MaxFound)
	if err != nil {
		return nil, err
	}
	return g.describe(ctx, sc, groups)

}

// Get returns the group that ref names: by number or UUID any that List shows, by alias one that can be used
// in the caller's organization. It needs domain.GroupRead, and is NotFound for any other.
func (g *Groups) Get(ctx context.Context, caller domain.Principal, ref domain.GroupRef) (GroupDocument, error) {
	sc, err := g.gate.Enter(ctx, &caller, domain.GroupRead, tenancy.Anywhere())
	if err != nil {
		return GroupDocument{}, err
	}
	group, err := g.find(ctx, &caller, sc, ref)
	if err != nil {
		return GroupDocument{}, err
	}
	return g.describeOne(ctx, sc, group)
}

func (g *Groups) find(ctx context.Context, caller *domain.Principal, sc tenancy.Scope,
	ref domain.GroupRef) (domain.Group, error) {
	if id, ok := ref.Number(); ok {
		return g.store.Get(ctx, sc, id)
	}
	if id, err := domain.ParseUUID(string(ref)); err == nil {
		return g.store.ByUUID(ctx, sc, id)
	}
	group, _, err := groupNamed(ctx, g.gate, g.documents, caller, ref)
	return group, err
}

// describe returns the documents of groups that were just read, without those that have gone since.
func (g *Groups) describe(ctx context.Context, sc tenancy.Scope, groups []domain.Group) ([]GroupDocument, error) {
	organizations := make([]domain.OrganizationID, len(groups))
	for i, group := range groups {
		organizations[i] = group.Organization
	}
	known, err := g.documents.Groups(ctx, sc, nil, distinct(organizations)...)
	if err != nil {
		return nil, err
	}
	described := make([]GroupDocument, 0, len(groups))
	for _, group := range groups {
		if document := describeGroup(sc, known, group); len(document.Chain) > 0 {
			described = append(described, document)
		}
	}
	return described, nil
}

func describeGroup(sc tenancy.Scope, known *tenancy.Groups, group domain.Group) GroupDocument {
	return GroupDocument{Group: group, OrganizationShown: sc.ShowOrganizationOf(&group),
		Chain: known.Chain(group.Organization, group.ID), Effective: known.Effective(group.Organization, group.ID)}
}

func (g *Groups) describeOne(ctx context.Context, sc tenancy.Scope, group domain.Group) (GroupDocument, error) {
	described, err := g.describe(ctx, sc, []domain.Group{group})
	if err == nil && len(described) == 0 {
		err = domain.ErrGroupNotFound
	}
	if err != nil {
		return GroupDocument{}, err
	}
	return described[0], nil
}

// GroupPatch says what a group is to become. A nil field is left as it is.
type GroupPatch struct {
	Alias       *string
	Description *string
	Parent      *domain.GroupRef
	Mask        *domain.Mask
	// Named are the permissions that the mask is to have of those with a name; bits without one stay.
	Named *domain.Mask
	// Role and RoleTitle are for Create only; another value is refused later.
	Role      *domain.Role
	RoleTitle *string
	// Organization is for Create only: the organization the group is to belong to, the caller's
	// own if nil.
	Organization *domain.EnvironmentRef
}

// UpdateGroup says which group is to be changed, and to what.
type UpdateGroup struct {
	Group   domain.GroupRef
	Version domain.Version // of the document the change was made for
	GroupPatch
}

// setMask makes mask what the patch says.
func (p *GroupPatch) setMask(mask *domain.Mask) {
	Set(mask, p.Mask)
	if p.Named != nil {
		*mask = mask.Unnamed() | *p.Named
	}
}

// Create adds a group. It needs domain.GroupWrite in the organization, a superUser for the
// root's, and the role and every permission the group is to have. Alias is required; the
// parent is otherwise the group UserGroup, AdminGroup for a group of admins, and the
// permissions are the parent's.
func (g *Groups) Create(ctx context.Context, caller domain.Principal, in GroupPatch) (GroupDocument, error) {
	group := domain.Group{Organization: caller.Organization}
	Set(&group.Role, in.Role)
	Set(&group.RoleTitle, in.RoleTitle)
	Set(&group.Description, in.Description)
	group.Parent = domain.DefaultGroup(group.Role)
	border := caller.OrganizationPath()
	if in.Organization != nil {
		e, err := g.gate.Environment(ctx, &caller, *in.Organization)
		if err != nil {
			return GroupDocument{}, domain.AsError(err).On("organization")
		}
		if !e.IsOrganization && e.ID != domain.RootEnvironment {
			return GroupDocument{}, domain.InvalidField("organization", "This environment is not an organization.")
		}
		group.Organization, border = e.Organization, e.Path
	}
	w, err := g.gate.EnterWrite(ctx, &caller, domain.GroupWrite, tenancy.At(border))
	if err != nil {
		return GroupDocument{}, err
	}
	giver, err := g.gate.Giver(ctx, &caller, group.Organization)
	if err != nil {
		return GroupDocument{}, err
	}
	if in.Parent != nil {
		if group.Parent, err = giver.Groups().Find(group.Organization, *in.Parent); err != nil {
			return GroupDocument{}, domain.AsError(err).On("parent")
		}
	}
	parent, _ := giver.Groups().Get(group.Organization, group.Parent)
	group.Mask = parent.Mask
	in.setMask(&group.Mask)
	Set(&group.Alias, in.Alias)
	if err := g.mayWriteIn(ctx, &caller, group.Organization); err != nil {
		return GroupDocument{}, err
	}
	if err := cmp.Or(mayGive(giver, &group), g.gate.Recent(&caller)); err != nil {
		return GroupDocument{}, err
	}
	if err := group.Validate(); err != nil {
		return GroupDocument{}, err
	}
	if group.ID, err = g.store.NextGroup(ctx); err != nil {
		return GroupDocument{}, err
	}
	var document GroupDocument
	err = g.store.Do(ctx, w, func(tx GroupTx) error {
		if err := tx.InsertGroup(&group); err != nil {
			return err
		}
		document = describeGroup(w.Read(), giver.Groups().With(group), group)
		domain.Conclude(ctx, document)
		return nil
	})
	return document, err
}

// mayWriteIn returns ErrForbidden if the groups of the organization are the root's, which are used
// everywhere, and the policy does not let the caller write these.
func (g *Groups) mayWriteIn(ctx context.Context, caller *domain.Principal, o domain.OrganizationID) error {
	if o != domain.RootOrganization {
		return nil
	}
	return g.gate.Above(ctx, caller, domain.GroupWrite)
}

// mayGive returns ErrClimbing for a role or permissions that the caller does not have.
func mayGive(giver tenancy.Giver, group *domain.Group) error {
	if err := giver.MayGiveRole(group.Role); err != nil {
		return err
	}
	return giver.MayGiveMask(group.Mask)
}

// Update changes the group that in names. It needs domain.GroupWrite in its
// organization, a superUser for the root's, everything the group gives and every permission it
// is to have. It returns Conflict if no superUser could run the directory afterwards, and domain.ErrStale if
// it has another version than in says.
func (g *Groups) Update(ctx context.Context, caller domain.Principal, in UpdateGroup) (GroupDocument, error) {
	target, w, giver, err := g.enter(ctx, &caller, in.Group)
	if err != nil {
		return GroupDocument{}, err
	}
	var parent *domain.GroupID
	if in.Parent != nil {
		found, err := giver.Groups().Find(target.Organization, *in.Parent)
		if err != nil {
			return GroupDocument{}, domain.AsError(err).On("parent")
		}
		parent = &found
	}
	var document GroupDocument
	err = g.store.Do(ctx, w, func(tx GroupTx) error {
		before, err := tx.Group(target.ID)
		if err != nil {
			return err
		}
		if err := in.Version.Check((&GroupDocument{Group: before}).Version()); err != nil {
			return err
		}
		if err := giver.MayChangeGroup(&before); err != nil {
			return err
		}
		if in.Role != nil && *in.Role != before.Role || in.RoleTitle != nil && *in.RoleTitle != before.RoleTitle {
			return domain.ErrGroupRole
		}
		group := before
		Set(&group.Alias, in.Alias)
		Set(&group.Description, in.Description)
		in.setMask(&group.Mask)
		Set(&group.Parent, parent)
		if err := g.mayChange(tx, giver, &before, &group); err != nil {
			return err
		}
		if err := tx.SaveGroup(&before, &group); err != nil {
			return err
		}
		document = describeGroup(w.Read(), giver.Groups().With(group), group)
		domain.Conclude(ctx, document)
		return nil
	})
	return document, err
}

// mayChange returns an error if what a group gives would become more than the giver has, if a built-in
// group would not be what it has to be, or if no superUser could run the directory afterwards.
func (g *Groups) mayChange(tx GroupTx, giver tenancy.Giver, before, after *domain.Group) error {
	if before.BuiltIn() && after.Parent != before.Parent || before.ID == domain.RootGroup && after.Mask != before.Mask {
		return domain.ErrGroupFixed
	}
	if after.Mask == before.Mask && after.Parent == before.Parent {
		return nil
	}
	if err := mayGive(giver, after); err != nil || after.Organization != domain.RootOrganization {
		return err
	}
	users, groups, err := tx.SuperUsers(0)
	if err != nil {
		return err
	}
	return keepGroup(after, users, groups, g.now())
}

// enter returns the group that ref names as the caller sees it, with the proof that the caller may
// write it.
func (g *Groups) enter(ctx context.Context, caller *domain.Principal,
	ref domain.GroupRef) (target GroupDocument, w tenancy.WriteScope, giver tenancy.Giver, err error) {
	if target, err = g.Get(ctx, *caller, ref); err != nil {
		return target, w, giver, err
	}
	if w, err = g.gate.EnterWrite(ctx, caller, domain.GroupWrite, tenancy.Anywhere()); err != nil {
		return target, w, giver, err
	}
	if err = g.mayWriteIn(ctx, caller, target.Organization); err != nil {
		return target, w, giver, err
	}
	if err = g.gate.Recent(caller); err != nil {
		return target, w, giver, err
	}
	giver, err = g.gate.Giver(ctx, caller, target.Organization)
	return target, w, giver, err
}

// DeleteGroup says which group is to go.
type DeleteGroup struct {
	Group   domain.GroupRef
	Version domain.Version // of the document the deletion was decided on
}

// Delete removes the group that in names. It needs domain.GroupWrite in its organization, a
// superUser for the root's, and everything the group gives. It returns Conflict while the group is
// used.
func (g *Groups) Delete(ctx context.Context, caller domain.Principal, in DeleteGroup) error {
	target, w, giver, err := g.enter(ctx, &caller, in.Group)
	if err != nil {
		return err
	}
	return g.store.Do(ctx, w, func(tx GroupTx) error {
		group, err := tx.Group(target.ID)
		if err != nil {
			return err
		}
		if err := in.Version.Check((&GroupDocument{Group: group}).Version()); err != nil {
			return err
		}
		if err := giver.MayChangeGroup(&group); err != nil {
			return err
		}
		if group.BuiltIn() {
			return domain.ErrGroupFixed
		}
		return tx.DeleteGroup(&group)
	})
}
