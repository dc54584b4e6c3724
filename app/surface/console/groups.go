package console

import (
	"context"
	mathbits "math/bits"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"canopy/app/directory"
	"canopy/domain"
)

// groupRoutes lists the pages of groups.
func (s *Surface) groupRoutes(r fiber.Router) {
	r.Get(Base+"/groups", s.on(s.groups))
	r.Get(Base+"/group", s.on(s.group))
	r.Post(Base+"/group", s.on(s.changeGroup))
	r.Get(Base+"/group-new", s.on(s.newGroup))
	r.Post(Base+"/group-new", s.on(s.makeGroup))
	r.Get(Base+"/group-delete", s.on(s.askDeleteGroup))
	r.Post(Base+"/group-delete", s.on(s.deleteGroup))
}

func (v *visit) groupAreas() []tab {
	w := &v.words.Groups
	return []tab{{"groups", w.Tree, "groups"}, {"roles", w.Roles, "roles"}}
}

// groupAt returns the address of a group's page.
func groupAt(id domain.GroupID) string { return at("group", "id", numberOf(id)) }

// groupsShown is how many groups a page has.
const groupsShown = 100

// groups is the page of the groups that can be used at a place.
func (s *Surface) groups(ctx context.Context, v *visit) (answer, error) {
	all, err := s.uses.Groups.Usable(ctx, v.caller, directory.ListUsable{Counted: true,
		Environment: domain.EnvironmentRef(v.query("env")),
		Page:        domain.Page{Limit: groupsShown, After: domain.Cursor(v.query("after"))}})
	if err != nil {
		return answer{}, err
	}
	return shown(groupsPage(v, &all))
}

// depth returns how far a group lies below RootGroup.
func depth(d *directory.GroupDocument) int {
	if d.ID == domain.RootGroup {
		return 0
	}
	return min(len(d.Chain), 8)
}

// gives says in words what a mask of permissions gives.
func (v *view) gives(m domain.Mask) string {
	w := &v.words.Groups
	all := domain.AllPermissions.Named()
	switch without := all &^ m; {
	case m.Named() == 0:
		return w.Nothing
	case without == 0:
		return w.Everything
	case len(without.Permissions()) < len(domain.Catalogue)/2:
		return fill(w.EverythingBut, "list", v.listed(without))
	}
	return raised(v.listed(m))
}

// A withholding is what a group above withholds from one below.
type withholding struct {
	by   domain.Group
	mask domain.Mask
}

// withheld returns what the groups above a group withhold of what its own mask has, each permission by the first of
// them without it.
func withheld(d *directory.GroupDocument) []withholding {
	var all []withholding
	left := d.Mask.Named() &^ d.Effective
	for i := 1; i < len(d.Chain); i++ {
		if mask := left &^ d.Chain[i].Mask; mask != 0 {
			all = append(all, withholding{d.Chain[i], mask})
			left &^= mask
		}
	}
	return all
}

// withholder returns the group above that withholds a permission, nil if none does.
func withholder(d *directory.GroupDocument, p domain.Permission) *domain.Group {
	for i := 1; i < len(d.Chain); i++ {
		if !d.Chain[i].Mask.Has(p) {
			return &d.Chain[i]
		}
	}
	return nil
}

// parentOf returns the group above, nil if that is none or it is not named.
func parentOf(d *directory.GroupDocument) *domain.Group {
	if len(d.Chain) > 1 {
		return &d.Chain[1]
	}
	return nil
}

// parentName returns the reference that names the group above one in its form. A group of the root has a slash before
// it, since one of the organization may have the same alias.
func parentName(d *directory.GroupDocument) string {
	p := parentOf(d)
	switch {
	case p == nil && d.Parent == domain.RootGroup:
		return "/Root"
	case p == nil:
		return numberOf(d.Parent)
	case p.Organization == domain.RootOrganization && d.Organization != domain.RootOrganization:
		return "/" + p.Alias
	}
	return p.Alias
}

// bits returns how many bits a mask has.
func bits(m domain.Mask) int64 { return int64(mathbits.OnesCount64(uint64(m))) }

// members says how many people are in a group; empty where it is not the reader's to know.
func (v *view) members(t *domain.Tally) string {
	switch {
	case t == nil:
		return ""
	case t.More:
		return fill(v.words.Groups.MoreThan, "n", v.number(t.N))
	}
	return v.number(t.N)
}

// A groupView is a group with what the reader may do with it.
type groupView struct {
	*directory.GroupDocument
	may directory.GroupRights
	tab string
}

// studied returns the group that a page or a form names.
func (s *Surface) studied(ctx context.Context, v *visit, ref string) (*groupView, error) {
	d, err := s.uses.Groups.Get(ctx, v.caller, domain.GroupRef(ref))
	if err != nil {
		return nil, err
	}
	g := &groupView{GroupDocument: &d, tab: "gives"}
	g.may, err = s.uses.Groups.Rights(ctx, v.caller, &d.Group)
	return g, err
}

// membersShown is how many members a page has.
const membersShown = 50

// group is the page of a group: what it gives, or who is in it.
func (s *Surface) group(ctx context.Context, v *visit) (answer, error) {
	g, err := s.studied(ctx, v, v.query("id"))
	if err != nil {
		return answer{}, err
	}
	if v.query("tab") != "people" || !v.can(domain.UserRead) {
		return shown(groupPage(v, g))
	}
	g.tab = "people"
	people, next, err := s.peopleOf(ctx, v, g.ID)
	if err != nil {
		return answer{}, err
	}
	return shown(groupPeoplePage(v, g, people, next))
}

// peopleOf returns a page of the members of a group whom the reader may list.
func (s *Surface) peopleOf(ctx context.Context, v *visit, id domain.GroupID) ([]directory.UserDocument, domain.Cursor,
	error) {
	list, err := s.uses.Users.List(ctx, v.caller, directory.ListUsers{Everywhere: true, Group: domain.NumberedGroup(id),
		Page: domain.Page{Limit: membersShown, After: domain.Cursor(v.query("after"))}})
	if err != nil {
		return nil, "", err
	}
	var people []directory.UserDocument
	for u, err := range list.Items {
		if err != nil {
			return nil, "", err
		}
		people = append(people, u)
	}
	return people, list.Next, nil
}

// tickedPermissions returns the permissions that the ticks of a form give.
func (v *visit) tickedPermissions() domain.Mask {
	var m domain.Mask
	for i := range domain.Catalogue {
		if v.form["permission."+domain.Catalogue[i].Code()] != "" {
			m |= domain.Catalogue[i].Permission.Mask()
		}
	}
	return m
}

// tickedOr returns the permissions that a form shows with a tick: those that were sent, else stored.
func (v *visit) tickedOr(stored domain.Mask) domain.Mask {
	if v.form != nil {
		return v.tickedPermissions()
	}
	return stored
}

// changeGroup changes a group. What moves access is shown before it is made.
func (s *Surface) changeGroup(ctx context.Context, v *visit) (answer, error) {
	g, err := s.studied(ctx, v, v.form["id"])
	if err != nil {
		return answer{}, err
	}
	alias, description, named := v.form["alias"], v.form["description"], v.tickedPermissions()
	in := directory.UpdateGroup{Group: domain.NumberedGroup(g.ID), Version: domain.Version(v.form["version"]),
		GroupPatch: directory.GroupPatch{Alias: &alias, Description: &description}}
	if g.ID != domain.RootGroup {
		in.Named = &named
	}
	if parent, given := v.form["parent"]; given && parent != parentName(g.GroupDocument) {
		ref := domain.GroupRef(parent)
		in.Parent = &ref
	}
	change := func(ctx context.Context) error {
		_, err := s.uses.Groups.Update(ctx, v.caller, in)
		return err
	}
	page := func() templ.Component { return groupPage(v, g) }
	done := func() (answer, error) { return went(groupAt(g.ID), "saved") }
	if in.Parent != nil || in.Named != nil && named != g.Mask.Named() {
		return s.planned(ctx, v, plan{area: areaGroups, title: fill(v.words.Groups.Preview, "group", g.Alias),
			way: v.groupWay(g.GroupDocument), action: "group", button: v.words.Groups.Carry, form: page, change: change,
			done: done})
	}
	if err := change(ctx); err != nil {
		return v.mend(err, page)
	}
	return done()
}

// groupWay are the steps to a group's page.
func (v *visit) groupWay(d *directory.GroupDocument) []crumb {
	way := []crumb{{v.words.Groups.Title, "groups"}}
	for i := len(d.Chain) - 1; i > 0; i-- {
		way = append(way, crumb{d.Chain[i].Alias, groupAt(d.Chain[i].ID)})
	}
	return way
}

func (v *visit) groupTabs(g *groupView) []tab {
	w := &v.words.Groups
	all := []tab{{"gives", w.Facts, groupAt(g.ID)}}
	if v.can(domain.UserRead) {
		all = append(all, tab{"people", w.Members, at("group", "id", numberOf(g.ID), "tab", "people")})
	}
	return all
}

// A matrixRow is a permission of a group's form.
type matrixRow struct {
	permission domain.Permission
	given      bool          // shown with a tick
	offered    bool          // its tick can be changed
	withheld   *domain.Group // by whom
}

// matrix returns the rows of an area of the permissions of a group. A permission that the reader cannot give can only
// be taken away.
func (v *visit) matrix(g *groupView, area permissionArea) []matrixRow {
	given := v.tickedOr(g.Mask)
	var rows []matrixRow
	for _, p := range permissionsOf(area) {
		rows = append(rows, matrixRow{p, given.Has(p), g.may.Update && g.ID != domain.RootGroup &&
			(g.may.Give.Has(p) || g.Mask.Has(p)), withholder(g.GroupDocument, p)})
	}
	return rows
}

// newGroup is the page of the form of a group to be, below another one that the address may name.
func (s *Surface) newGroup(ctx context.Context, v *visit) (answer, error) {
	g, err := s.groupToBe(ctx, v, v.query("parent"))
	if err != nil {
		return answer{}, err
	}
	return shown(newGroupPage(v, g))
}

// groupToBe returns what the form of a group begins with: what the group above it gives.
func (s *Surface) groupToBe(ctx context.Context, v *visit, parent string) (*groupView, error) {
	if parent == "" {
		parent = numberOf(domain.UserGroup)
	}
	above, err := s.uses.Groups.Get(ctx, v.caller, domain.GroupRef(parent))
	if domain.ErrGroupNotFound.Is(err) && v.form != nil { // the form says so beside its field
		above, err = s.uses.Groups.Get(ctx, v.caller, domain.NumberedGroup(domain.UserGroup))
	}
	if err != nil {
		return nil, err
	}
	to := directory.GroupDocument{Group: domain.Group{Organization: v.caller.Organization, Parent: above.ID,
		Mask: above.Effective}, Chain: append([]domain.Group{{}}, above.Chain...)}
	rights, err := s.uses.Groups.Rights(ctx, v.caller, &above.Group)
	rights.Update, rights.Delete = true, false
	to.Mask &= rights.Give
	return &groupView{GroupDocument: &to, may: rights}, err
}

// makeGroup adds a group. Nobody is in it, so nothing is previewed.
func (s *Surface) makeGroup(ctx context.Context, v *visit) (answer, error) {
	g, err := s.groupToBe(ctx, v, v.form["parent"])
	if err != nil {
		return answer{}, err
	}
	alias, description, named := v.form["alias"], v.form["description"], v.tickedPermissions()
	in := directory.GroupPatch{Alias: &alias, Description: &description, Mask: &named}
	if parent := domain.GroupRef(v.form["parent"]); parent != "" {
		in.Parent = &parent
	}
	if place := domain.EnvironmentRef(v.form["organization"]); place != "" {
		in.Organization = &place
	}
	page := func() templ.Component { return newGroupPage(v, g) }
	if text := v.form["role"]; text != "" {
		role, err := domain.ParseRole(text)
		if err != nil {
			return v.mend(err, page)
		}
		in.Role = &role
	}
	made, err := s.uses.Groups.Create(ctx, v.caller, in)
	if err != nil {
		return v.mend(err, page)
	}
	return went(groupAt(made.ID), "made")
}

// groupRoles are the roles that the caller can have a group give.
func (v *visit) groupRoles() []option {
	all := []option{{"", v.words.Groups.RoleNone}}
	for _, r := range domain.Roles[1:] {
		if r <= domain.MaxGroupRole && r <= v.may.Role {
			all = append(all, option{r.String(), v.role(r)})
		}
	}
	return all
}

// A groupEnd is a group that may go, and what is in the way.
type groupEnd struct {
	*groupView
	below []directory.GroupDocument
}

func (e *groupEnd) used() bool { return len(e.below) > 0 || e.Members != nil && e.Members.N > 0 }

// ending returns the group that a page or a form names, with what uses it.
func (s *Surface) ending(ctx context.Context, v *visit, ref string) (*groupEnd, error) {
	d, err := s.uses.Groups.Uses(ctx, v.caller, domain.GroupRef(ref))
	if err != nil {
		return nil, err
	}
	e := &groupEnd{&groupView{GroupDocument: &d.GroupDocument}, d.Below}
	if e.may, err = s.uses.Groups.Rights(ctx, v.caller, &d.Group); err == nil && !e.may.Update {
		err = domain.ErrForbidden
	}
	return e, err
}

// askDeleteGroup is the page that says what goes with a group.
func (s *Surface) askDeleteGroup(ctx context.Context, v *visit) (answer, error) {
	e, err := s.ending(ctx, v, v.query("id"))
	if err != nil {
		return answer{}, err
	}
	return shown(deleteGroupPage(v, e))
}

// deleteGroup removes a group that is not used.
func (s *Surface) deleteGroup(ctx context.Context, v *visit) (answer, error) {
	err := s.uses.Groups.Delete(ctx, v.caller, directory.DeleteGroup{Group: domain.GroupRef(v.form["id"]),
		Version: domain.Version(v.form["version"])})
	if err == nil {
		return went("groups", "deleted")
	}
	e, absent := s.ending(ctx, v, v.form["id"])
	if absent != nil {
		return answer{}, err
	}
	return v.mend(err, func() templ.Component { return deleteGroupPage(v, e) })
}
