package tenancy

import (
	"maps"
	"slices"

	"canopy/domain"
)

// EditKind says what an edit changes.
type EditKind uint8

// The kinds of edits: on the user, on a group, on an environment.
const (
	EditActivate   EditKind = iota // the account is made active
	EditApprove                    // the account is approved
	EditPassword                   // the user changes their password
	EditRole                       // the user gets Role
	EditJoin                       // the user gets into Group
	EditAllow                      // the user is allowed Place
	EditUnblock                    // the user is not blocked from Place any more
	EditGive                       // Group gets the permission
	EditOpen                       // the environment at Place is made active
	EditDeactivate                 // the account is deactivated
	EditLeave                      // the user gets out of Group
	EditDisallow                   // the user is not allowed Place any more
	EditBlock                      // the user is blocked from Place
	EditTake                       // Group loses the permission
	EditClose                      // the environment at Place is deactivated
)

var editNames = [...]string{"activate", "approve", "password", "role", "join", "allow", "unblock", "give", "open",
	"deactivate", "leave", "disallow", "block", "take", "close"}

// String returns the kind's name.
func (k EditKind) String() string { return editNames[k] }

// Edit is one change to what a case is made of.
type Edit struct {
	Kind  EditKind
	Role  domain.Role
	Group domain.GroupID
	Place domain.EnvironmentPath
}

// Change is edits that turn a decision round together, and no part of them does.
type Change struct {
	Edits []Edit
	// Beyond says that something must be changed besides that may not be named to the reader.
	Beyond bool
}

// Sight says what may be named to a reader.
type Sight struct {
	Place func(domain.EnvironmentPath) bool
	Group func(*domain.Group) bool
}

// names reports whether e may be named.
func (s Sight) names(c *Case, e Edit) bool {
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
	var edits []Edit
	for _, id := range c.Subject.Groups {
		if len(c.Subject.Groups) > 1 {
			edits = append(edits, Edit{Kind: EditLeave, Group: id})
		}
	}
	for _, id := range c.Subject.Groups {
		for _, group := range c.Groups.Chain(o, id) {
			if e := (Edit{Kind: EditTake, Group: group.ID}); group.ID != domain.RootGroup && !slices.Contains(edits, e) {
				edits = append(edits, e)
			}
		}
	}
	edits = append(edits, c.roles()...)
	if c.Place != "" {
		way := WayUp(c.Place)
		for _, p := range c.Subject.Allowed {
			edits = append(edits, Edit{Kind: EditDisallow, Place: p})
		}
		for _, p := range way {
			edits = append(edits, Edit{Kind: EditBlock, Place: p})
		}
		for _, p := range way[:len(way)-1] { // the root stays active
			edits = append(edits, Edit{Kind: EditClose, Place: p})
		}
	}
	for _, e := range append(edits, Edit{Kind: EditDeactivate}) {
		if !see.names(c, e) || c.with(e).Allowed() {
			continue
		}
		if len(changes) == limit {
			return changes, true
		}
		changes = append(changes, Change{Edits: []Edit{e}})
	}
	return changes, false
}

// roles returns an edit for each other role that the user can be given.
func (c *Case) roles() []Edit {
	var edits []Edit
	for _, role := range domain.Roles {
		fits := role.In(c.Subject.Organization, c.Subject.Home) == role &&
			(role != domain.RoleSuperUser || c.Subject.Organization == domain.RootOrganization)
		if fits && role != c.Subject.Role {
			edits = append(edits, Edit{Kind: EditRole, Role: role})
		}
	}
	return edits
}

// with returns the case after edits.
func (c *Case) with(edits ...Edit) *Case {
	d := c.clone()
	for _, e := range edits {
		d.apply(e)
	}
	return &d
}

func (c *Case) apply(e Edit) {
	s := &c.Subject
	switch e.Kind {
	case EditActivate:
		c.Standing.Active, c.Standing.IdleSince = true, c.Now
	case EditApprove:
		c.Standing.State = domain.Approved
	case EditPassword:
		c.Standing.FirstAccess, c.Standing.LastPassword = false, c.Now
	case EditRole:
		s.Role = e.Role
	case EditJoin:
		s.Groups = append(s.Groups, e.Group)
	case EditAllow:
		s.Allowed = append(s.Allowed, e.Place)
	case EditUnblock:
		s.Blocked = without(s.Blocked, e.Place)
	case EditGive:
		c.regroup(e.Group, func(g *domain.Group) { g.Mask |= c.Permission.Mask() })
	case EditOpen:
		c.Inactive = without(c.Inactive, e.Place)
	case EditDeactivate:
		c.Standing.Active = false
	case EditLeave:
		s.Groups = without(s.Groups, e.Group)
	case EditDisallow:
		s.Allowed = without(s.Allowed, e.Place)
	case EditBlock:
		s.Blocked = append(s.Blocked, e.Place)
	case EditTake:
		c.regroup(e.Group, func(g *domain.Group) { g.Mask &^= c.Permission.Mask() })
	case EditClose:
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
	found []Change
	more  bool
}

// allow goes through the options.
func (s *search) allow() {
	needed := s.needed()
	for _, role := range s.roleOptions() {
		all := slices.Concat(needed, role)
		c := s.with(all...)
		acts, reach := c.acts()
		position, places := domain.Self, [][]Edit{nil}
		if s.Place != "" {
			position, places = domain.Within, s.placeOptions(&reach)
			if acts != domain.RoleSuperUser {
				for _, p := range s.Inactive {
					all = append(all, Edit{Kind: EditOpen, Place: p})
				}
			}
		}
		if !s.policy.Decide(acts, s.Permission.Mask(), position, s.Permission).Allowed {
			continue
		}
		for _, held := range s.heldOptions(c) {
			for _, place := range places {
				s.try(all, held, place)
			}
		}
	}
}

// needed returns what any change must have.
func (s *search) needed() []Edit {
	var edits []Edit
	if s.Standing.Closed(s.Now) {
		edits = append(edits, Edit{Kind: EditActivate})
	}
	if s.Standing.State != domain.Approved {
		edits = append(edits, Edit{Kind: EditApprove})
	}
	if s.expired() {
		edits = append(edits, Edit{Kind: EditPassword})
	}
	for _, p := range s.Subject.Blocked {
		if p.Contains(s.Place) {
			edits = append(edits, Edit{Kind: EditUnblock, Place: p})
		}
	}
	return edits
}

// roleOptions are to keep the role, to be given another one, and to get one from a group.
func (s *search) roleOptions() [][]Edit {
	options := [][]Edit{nil}
	for _, e := range s.Case.roles() {
		options = append(options, []Edit{e})
	}
	acts := s.Role()
	for _, id := range s.Groups.usable(s.Subject.Organization) {
		group, _ := s.Groups.Get(s.Subject.Organization, id)
		if e := (Edit{Kind: EditJoin, Group: id}); group.Role > acts && s.see.names(s.Case, e) {
			options = append(options, []Edit{e})
		}
	}
	return options
}

// placeOptions are nothing if the reach includes the place, and else to be allowed it or one above it.
func (s *search) placeOptions(reach *Reach) [][]Edit {
	if included, _ := reach.Why(s.Place); included.Kind != domain.CauseNone {
		return [][]Edit{nil}
	}
	var options [][]Edit
	for _, p := range WayUp(s.Place) {
		options = append(options, []Edit{{Kind: EditAllow, Place: p}})
	}
	return s.nameable(options)
}

// heldOptions are nothing if a group of the user gives the permission, and else each group that can be used: to get
// into it, and to have it given what is withheld on its way up.
func (s *search) heldOptions(c *Case) [][]Edit {
	if c.mask().Has(s.Permission) {
		return [][]Edit{nil}
	}
	o := s.Subject.Organization
	var options [][]Edit
	for _, id := range s.Groups.usable(o) {
		var edits []Edit
		if !slices.Contains(c.Subject.Groups, id) {
			edits = append(edits, Edit{Kind: EditJoin, Group: id})
		}
		for _, group := range s.Groups.Chain(o, id) {
			if !group.Mask.Has(s.Permission) {
				edits = append(edits, Edit{Kind: EditGive, Group: group.ID})
			}
		}
		options = append(options, edits)
	}
	return s.nameable(options)
}

// nameable returns the options that may be named to the reader, all if there are none.
func (s *search) nameable(options [][]Edit) [][]Edit {
	hidden := func(option []Edit) bool {
		return slices.ContainsFunc(option, func(e Edit) bool { return !s.see.names(s.Case, e) })
	}
	if visible := slices.DeleteFunc(slices.Clone(options), hidden); len(visible) > 0 {
		return visible
	}
	return options
}

// try keeps the edits of the options if they turn the decision round and none that were found are fewer.
func (s *search) try(parts ...[]Edit) {
	var edits []Edit
	for _, part := range parts {
		for _, e := range part {
			if !slices.Contains(edits, e) {
				edits = append(edits, e)
			}
		}
	}
	switch {
	case len(s.found) > 0 && len(edits) > s.best:
		return
	case len(s.found) > 0 && len(edits) == s.best && len(s.found) == s.limit:
		s.more = true
		return
	case !s.with(edits...).Allowed():
		return
	case len(edits) < s.best:
		s.found, s.more = nil, false
	}
	s.best = len(edits)
	named := slices.DeleteFunc(slices.Clone(edits), func(e Edit) bool { return !s.see.names(s.Case, e) })
	change := Change{Edits: named, Beyond: len(named) < len(edits)}
	if !slices.ContainsFunc(s.found, func(f Change) bool { return sameEdits(f.Edits, named) }) {
		s.found = append(s.found, change)
	}
}

// sameEdits reports whether two changes are the same, in whatever order.
func sameEdits(a, b []Edit) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(e Edit) bool { return !slices.Contains(b, e) })
}
