package directory

import (
	"cmp"
	"context"
	"slices"

	"canopy/domain"
	"canopy/tenancy"
)

// ListUsable asks for the groups that can be used in an organization.
type ListUsable struct {
	Environment domain.EnvironmentRef // the organization's, or one in it; empty is the current one
	Counted     bool                  // asks for Members, as PageOfGroups does
	Page        domain.Page           // without a limit all are returned
}

// UsableGroups are groups, each behind the one above it, and those below the same one by alias.
type UsableGroups struct {
	Environment EnvironmentDocument // as it was asked for
	Groups      []GroupDocument
	Next        domain.Cursor
	MayCreate   bool // the caller may add one to the organization, for those who offer it
}

// Usable returns the groups that List shows and that can be used in the organization of an environment: its own,
// and the root's. It needs domain.GroupRead in the environment, and is NotFound outside the caller's reach.
func (g *Groups) Usable(ctx context.Context, caller domain.Principal, in ListUsable) (u UsableGroups, err error) {
	if _, err = g.gate.Enter(ctx, &caller, domain.GroupRead, tenancy.In(in.Environment)); err != nil {
		return u, err
	}
	sc, err := g.gate.Enter(ctx, &caller, domain.GroupRead, tenancy.Anywhere())
	if err != nil {
		return u, err
	}
	e, err := g.gate.Environment(ctx, &caller, in.Environment)
	if err != nil {
		return u, err
	}
	u.Environment = DescribeEnvironment(sc, e)
	known, err := g.documents.Groups(ctx, sc, nil, e.Organization)
	if err != nil {
		return u, err
	}
	border := e.Path.UpTo(e.Organization.Environment())
	own := e.Organization == caller.Organization || sc.Covers(border)
	for _, group := range inTreeOrder(known.Of(e.Organization)) {
		if group.Organization == domain.RootOrganization || own {
			u.Groups = append(u.Groups, describeGroup(sc, known, group))
		}
	}
	if err := u.cut(in.Page); err != nil {
		return u, err
	}
	if u.MayCreate, err = g.mayWrite(ctx, &caller, e.Organization, border); err != nil || !in.Counted {
		return u, err
	}
	return u, g.count(ctx, &caller, u.Groups)
}

// cut leaves of the groups those of a page. The cursor is the number of the last one.
func (u *UsableGroups) cut(p domain.Page) error {
	if p.After != "" {
		last := slices.IndexFunc(u.Groups, func(d GroupDocument) bool { return numberRef(d.ID) == p.After })
		if last < 0 {
			return domain.ErrCursor
		}
		u.Groups = u.Groups[last+1:]
	}
	if p.Limit > 0 && len(u.Groups) > p.Limit {
		u.Groups = u.Groups[:p.Limit]
		u.Next = numberRef(u.Groups[p.Limit-1].ID)
	}
	return nil
}

func numberRef(id domain.GroupID) domain.Cursor { return domain.Cursor(domain.NumberedGroup(id)) }

// inTreeOrder returns groups, each behind the one above it, and those below the same one by alias.
func inTreeOrder(groups []domain.Group) []domain.Group {
	below := make(map[domain.GroupID][]domain.Group)
	var first []domain.Group
	for _, group := range groups {
		if group.ID == domain.RootGroup {
			first = append(first, group)
		} else {
			below[group.Parent] = append(below[group.Parent], group)
		}
	}
	ordered := make([]domain.Group, 0, len(groups))
	for stack := first; len(stack) > 0; {
		group := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		ordered = append(ordered, group)
		next := below[group.ID]
		slices.SortFunc(next, func(a, b domain.Group) int {
			return cmp.Or(cmp.Compare(domain.Fold(b.Alias), domain.Fold(a.Alias)), cmp.Compare(b.ID, a.ID))
		})
		stack = append(stack, next...)
	}
	return ordered
}

// mayWrite reports whether the caller may add groups to an organization, whose environment is at border.
func (g *Groups) mayWrite(ctx context.Context, caller *domain.Principal, o domain.OrganizationID,
	border domain.EnvironmentPath) (bool, error) {
	may, err := g.gate.Can(ctx, caller, domain.GroupWrite, border)
	if err != nil || !may {
		return false, err
	}
	err = g.mayWriteIn(ctx, caller, o)
	if domain.ErrForbidden.Is(err) {
		return false, nil
	}
	return err == nil, err
}

// GroupRights are what a caller may do with a group, for those who offer it. They decide nothing.
type GroupRights struct {
	Update, Delete bool
	Give           domain.Mask // the named permissions that the caller could give by it
}

// Rights returns what the caller may do with a group that Get or List returned.
func (g *Groups) Rights(ctx context.Context, caller domain.Principal, group *domain.Group) (r GroupRights, err error) {
	if r.Update, err = g.mayWrite(ctx, &caller, group.Organization, group.Path); err != nil {
		return r, err
	}
	giver, err := g.gate.Giver(ctx, &caller, group.Organization)
	if err != nil {
		return r, err
	}
	r.Update = r.Update && giver.MayChangeGroup(group) == nil
	r.Delete = r.Update && !group.BuiltIn()
	for i := range domain.Catalogue {
		if p := domain.Catalogue[i].Permission; giver.MayGiveMask(p.Mask()) == nil {
			r.Give |= p.Mask()
		}
	}
	return r, nil
}

// RightsOver is Rights for the group that ref names. It needs what Get needs.
func (g *Groups) RightsOver(ctx context.Context, caller domain.Principal, ref domain.GroupRef) (GroupRights, error) {
	d, err := g.Get(ctx, caller, ref)
	if err != nil {
		return GroupRights{}, err
	}
	return g.Rights(ctx, caller, &d.Group)
}

// GroupUses are a group, with Members as of List, and what would lose by its end besides its members.
type GroupUses struct {
	GroupDocument
	Below []GroupDocument // the groups right below it, by alias
}

// Uses returns the group that ref names with the groups below it that List shows and that can be used in its
// organization. It needs what Get needs.
func (g *Groups) Uses(ctx context.Context, caller domain.Principal, ref domain.GroupRef) (u GroupUses, err error) {
	sc, err := g.gate.Enter(ctx, &caller, domain.GroupRead, tenancy.Anywhere())
	if err != nil {
		return u, err
	}
	found, err := g.find(ctx, &caller, sc, ref)
	if err != nil {
		return u, err
	}
	known, err := g.documents.Groups(ctx, sc, nil, found.Organization)
	if err != nil {
		return u, err
	}
	counted := []GroupDocument{describeGroup(sc, known, found)}
	if len(counted[0].Chain) == 0 { // it has gone since
		return u, domain.ErrGroupNotFound
	}
	if err := g.count(ctx, &caller, counted); err != nil {
		return u, err
	}
	u.GroupDocument = counted[0]
	for _, child := range inTreeOrder(known.Of(found.Organization)) {
		if child.Parent == found.ID && child.ID != found.ID {
			u.Below = append(u.Below, describeGroup(sc, known, child))
		}
	}
	return u, nil
}
