package tenancy

import (
	"maps"
	"slices"

	"canopy/domain"
)

// Change is edits that turn a decision round together, and no part of them does.
type Change struct {
	Edits []domain.Edit
	// Beyond says that something must be changed besides that may not be named to the reader.
	Beyond bool
}

// Sight says what may be named to a reader.
type Sight struct {
	Place func(domain.EnvironmentPath) bool
	Group func(*domain.Group) bool
}

// names reports whether e may be named.
func (s Sight) names(c *Case, e domain.Edit) bool {
	if e.Place != "" && !s.Place(e.Place) {
		return false
	}
	group, known := c.Groups.Get(c.Subject.Organization, e.Group)
	return !known || s.Group(&group)
}

// Changes returns the smallest changes that turn the decision round, at most limit of them, and whether there are
// more. Each was verified by deciding again. It looks at edits that may be named to the reader, and at others only
// where nothing that may be named would do instead.
func (c *Case) Changes(see Sight, limit int) (changes []Change, more bool) {
	if c.Allowed() {
		return c.denials(see, limit)
	}
	s := search{Case: c, see: see, limit: limit}
	s.allow()
	return s.found, s.more
}

// denials returns the edits that turn an allowed decision round. Each of these is one edit, because to deactivate the
// account always is one.
func (c *Case) denials(see Sight, limit int) (changes []Change, more bool) {
	o := c.Subject.Organization
	var edits []domain.Edit
	for _, id := range c.Subject.Groups {
		if len(c.Subject.Groups) > 1 {
			edits = append(edits, domain.Edit{Kind: domain.EditLeave, Group: id})
		}
	}
	for _, id := range c.Subject.Groups {
		for _, group := range c.Groups.Chain(o, id) {
			e := domain.Edit{Kind: domain.EditTake, Group: group.ID}
			if group.ID != domain.RootGroup && !slices.Contains(edits, e) {
				edits = append(edits, e)
			}
		}
	}
	edits = append(edits, c.roles()...)
	if c.Place != "" {
		way := WayUp(c.Place)
		for _, p := range c.Subject.Allowed {
			edits = append(edits, domain.Edit{Kind: domain.EditDisallow, Place: p})
		}
		for _, p := range way {
			edits = append(edits, domain.Edit{Kind: domain.EditBlock, Place: p})
		}
		for _, p := range way[:len(way)-1] { // the root stays active
			edits = append(edits, domain.Edit{Kind: domain.EditClose, Place: p})
		}
	}
	for _, e := range append(edits, domain.Edit{Kind: domain.EditDeactivate}) {
		if !see.names(c, e) || c.with(e).Allowed() {
			continue
		}
		if len(changes) == limit {
			return changes, true
		}
		changes = append(changes, Change{Edits: []domain.Edit{e}})
	}
	return changes, false
}

// roles returns an edit for each other role that the user can be given.
func (c *Case) roles() []domain.Edit {
	var edits []domain.Edit
	for _, role := range domain.Roles {
		fits := role.In(c.Subject.Organization, c.Subject.Home) == role &&
			(role != domain.RoleSuperUser || c.Subject.Organization == domain.RootOrganization)
		if fits && role != c.Subject.Role {
			edits = append(edits, domain.Edit{Kind: domain.EditRole, Role: role})
		}
	}
	return edits
}

// with returns the case after edits.
func (c *Case) with(edits ...domain.Edit) *Case {
	d := c.clone()
	for _, e := range edits {
		d.apply(e)
	}
	return &d
}

func (c *Case) apply(e domain.Edit) {
	s := &c.Subject
	switch e.Kind {
	case domain.EditActivate:
		c.Standing.Active, c.Standing.IdleSince = true, c.Now
	case domain.EditApprove:
		c.Standing.State = domain.Approved
	case domain.EditPassword:
		c.Standing.FirstAccess, c.Standing.LastPassword = false, c.Now
	case domain.EditRole:
		s.Role = e.Role
	case domain.EditJoin:
		s.Groups = append(s.Groups, e.Group)
	case domain.EditAllow:
		s.Allowed = append(s.Allowed, e.Place)
	case domain.EditUnblock:
		s.Blocked = without(s.Blocked, e.Place)
	case domain.EditGive:
		c.regroup(e.Group, func(g *domain.Group) { g.Mask |= c.Permission.Mask() })
	case domain.EditOpen:
		c.Inactive = without(c.Inactive, e.Place)
	case domain.EditDeactivate:
		c.Standing.Active = false
	case domain.EditLeave:
		s.Groups = without(s.Groups, e.Group)
	case domain.EditDisallow:
		s.Allowed = without(s.Allowed, e.Place)
	case domain.EditBlock:
		s.Blocked = append(s.Blocked, e.Place)
	case domain.EditTake:
		c.regroup(e.Group, func(g *domain.Group) { g.Mask &^= c.Permission.Mask() })
	case domain.EditClose:
		c.Inactive = append(c.Inactive, e.Place)
	}
}

func without[T comparable](list []T, v T) []T {
	return slices.DeleteFunc(list, func(w T) bool { return w == v })
}

// regroup changes a group that the user could be in. The groups are shared, so that they are copied first.
func (c *Case) regroup(id domain.GroupID, change func(*domain.Group)) {
	group, ok := c.Groups.Get(c.Subject.Organization, id)
	if !ok {
		return
	}
	change(&group)
	trees := maps.Clone(c.Groups.trees)
	trees[group.Organization] = maps.Clone(trees[group.Organization])
	trees[group.Organization][id] = group
	c.Groups = &Groups{trees: trees}
}

// usable returns the numbers of the groups that can be used in organization o, ascending.
func (g *Groups) usable(o domain.OrganizationID) []domain.GroupID {
	ids := slices.AppendSeq(slices.Collect(maps.Keys(g.trees[o])), maps.Keys(g.trees[domain.RootOrganization]))
	slices.Sort(ids)
	return slices.Compact(ids)
}

// search looks for the smallest edits that allow what is denied. A decision needs an account that can be used, a role
// that the policy permits it to, a group that gives the permission, and a place that is in the reach; for each there
// are options, and what one option does for two of them is counted once.
type search struct {
	*Case
	see   Sight
	limit int
	best  int
	named bool // what was found can all be named
	found []Change
	more  bool
}

// allow goes through the options.
func (s *search) allow() {
	needed, held := s.needed(), s.heldOptions()
	for _, role := range s.roleOptions() {
		all := slices.Concat(needed, role)
		c := s.with(all...)
		acts, reach := c.acts()
		position, places := domain.Self, [][]domain.Edit{nil}
		if s.Place != "" {
			position, places = domain.Within, s.placeOptions(&reach)
			if acts != domain.RoleSuperUser {
				for _, p := range s.Inactive {
					all = append(all, domain.Edit{Kind: domain.EditOpen, Place: p})
				}
			}
		}
		if !s.policy.Decide(acts, s.Permission.Mask(), position, s.Permission).Allowed {
			continue
		}
		options := held
		if c.mask().Has(s.Permission) {
			options = [][]domain.Edit{nil}
		}
		for _, option := range options {
			for _, place := range places {
				s.try(all, option, place)
			}
		}
	}
}

// needed returns what any change must have.
func (s *search) needed() []domain.Edit {
	var edits []domain.Edit
	if s.Standing.Closed(s.Now) {
		edits = append(edits, domain.Edit{Kind: domain.EditActivate})
	}
	if s.Standing.State != domain.Approved {
		edits = append(edits, domain.Edit{Kind: domain.EditApprove})
	}
	if s.expired() {
		edits = append(edits, domain.Edit{Kind: domain.EditPassword})
	}
	for _, p := range s.Subject.Blocked {
		if p.Contains(s.Place) {
			edits = append(edits, domain.Edit{Kind: domain.EditUnblock, Place: p})
		}
	}
	return edits
}

// roleOptions are to keep the role, to be given another one, and to get one from a group.
func (s *search) roleOptions() [][]domain.Edit {
	options := [][]domain.Edit{nil}
	for _, e := range s.Case.roles() {
		options = append(options, []domain.Edit{e})
	}
	acts := s.Role()
	for _, id := range s.Groups.usable(s.Subject.Organization) {
		group, _ := s.Groups.Get(s.Subject.Organization, id)
		if e := (domain.Edit{Kind: domain.EditJoin, Group: id}); group.Role > acts && s.see.names(s.Case, e) {
			options = append(options, []domain.Edit{e})
		}
	}
	return options
}

// placeOptions are nothing if the reach includes the place, and else to be allowed it or one above it.
func (s *search) placeOptions(reach *Reach) [][]domain.Edit {
	if included, _ := reach.Why(s.Place); included.Kind != domain.CauseNone {
		return [][]domain.Edit{nil}
	}
	var options [][]domain.Edit
	for _, p := range WayUp(s.Place) {
		options = append(options, []domain.Edit{{Kind: domain.EditAllow, Place: p}})
	}
	return s.nameable(options)
}

// heldOptions are nothing if a group of the user gives the permission, and else each group that can be used: to get
// into it, and to have it given what is withheld on its way up.
func (s *search) heldOptions() [][]domain.Edit {
	if s.mask().Has(s.Permission) {
		return [][]domain.Edit{nil}
	}
	o := s.Subject.Organization
	var options [][]domain.Edit
	for _, id := range s.Groups.usable(o) {
		var edits []domain.Edit
		if !slices.Contains(s.Subject.Groups, id) {
			edits = append(edits, domain.Edit{Kind: domain.EditJoin, Group: id})
		}
		for _, group := range s.Groups.Chain(o, id) {
			if !group.Mask.Has(s.Permission) {
				edits = append(edits, domain.Edit{Kind: domain.EditGive, Group: group.ID})
			}
		}
		options = append(options, edits)
	}
	return s.nameable(options)
}

// nameable returns the options that may be named to the reader, all if there are none.
func (s *search) nameable(options [][]domain.Edit) [][]domain.Edit {
	hidden := func(option []domain.Edit) bool {
		return slices.ContainsFunc(option, func(e domain.Edit) bool { return !s.see.names(s.Case, e) })
	}
	if visible := slices.DeleteFunc(slices.Clone(options), hidden); len(visible) > 0 {
		return visible
	}
	return options
}

// try keeps the edits of the options if they turn the decision round and none that were found are fewer, or can all be
// named where these cannot. An option for the group may be in what comes before it already.
func (s *search) try(before, held, place []domain.Edit) {
	size := len(before) + len(held) + len(place)
	for _, e := range held {
		if slices.Contains(before, e) {
			size--
		}
	}
	if s.named && size > s.best || s.named && size == s.best && s.more {
		return
	}
	edits := slices.Clone(before)
	for _, e := range slices.Concat(held, place) {
		if !slices.Contains(before, e) {
			edits = append(edits, e)
		}
	}
	visible := slices.DeleteFunc(slices.Clone(edits), func(e domain.Edit) bool { return !s.see.names(s.Case, e) })
	named := len(visible) == size
	worse := s.named && !named || s.named == named && size > s.best
	if len(s.found) > 0 && worse || !s.with(edits...).Allowed() {
		return
	}
	if named != s.named || size < s.best {
		s.found, s.more = nil, false
	}
	s.best, s.named = size, named
	switch {
	case slices.ContainsFunc(s.found, func(f Change) bool { return sameEdits(f.Edits, visible) }):
	case len(s.found) == s.limit:
		s.more = true
	default:
		s.found = append(s.found, Change{Edits: visible, Beyond: !named})
	}
}

// sameEdits reports whether two changes are the same, in whatever order.
func sameEdits(a, b []domain.Edit) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(e domain.Edit) bool { return !slices.Contains(b, e) })
}
