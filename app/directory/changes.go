package directory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// ChangeDocument is edits that turn a decision round together, and no part of them does.
type ChangeDocument struct {
	Edits []EditDocument
	// Beyond says that something must be changed besides that is not to be named to the reader.
	Beyond bool
}

// EditDocument is one edit of a change, with who may make it.
type EditDocument struct {
	Kind domain.EditKind
	// Role, Group and Environment are what the edit names, zero and nil if it names none.
	Role        domain.Role
	Group       *domain.Group
	Environment *EnvironmentDocument
	// Mine says that the reader may make it, once the edits before it are made. Administrators are others who may: the
	// nearest up the tree whom the reader sees, a few of them, if the reader may not.
	Mine           bool
	Administrators []domain.User
}

// Value returns what the edit sets, adds or removes in the explanation it is of: a name, true or false; empty for a
// password.
func (e *EditDocument) Value(of *ExplanationDocument) string {
	switch e.Kind {
	case domain.EditActivate, domain.EditOpen:
		return "true"
	case domain.EditDeactivate, domain.EditClose:
		return "false"
	case domain.EditApprove:
		return domain.Approved.String()
	case domain.EditRole:
		return e.Role.String()
	case domain.EditGive, domain.EditTake:
		return of.Permission.String()
	}
	switch {
	case e.Group != nil:
		return e.Group.Alias
	case e.Environment != nil:
		return e.Environment.ShownPath
	}
	return ""
}

const (
	// maxChanges bounds the changes of an explanation, maxAdministrators who is named for one edit.
	maxChanges        = 50
	maxAdministrators = 3
	// maxCandidates bounds who is looked at as an administrator, of each kind.
	maxCandidates = 16
)

// addChanges adds the smallest changes that would turn the decision round.
func (m *makers) addChanges(ctx context.Context, caller *domain.Principal, c *tenancy.Case,
	d *ExplanationDocument) error {
	giver, err := m.gate.GiverOf(ctx, caller, c.Groups)
	if err != nil {
		return err
	}
	changes, more := c.Changes(tenancy.Sight{Place: m.view.places.Covers, Group: m.view.showsGroup}, maxChanges)
	d.MoreChanges = more
	for _, change := range changes {
		described := ChangeDocument{Beyond: change.Beyond}
		for n := range change.Edits {
			described.Edits = append(described.Edits, m.describe(giver, change.Edits[:n+1]))
		}
		d.Changes = append(d.Changes, described)
	}
	return m.nameAdministrators(ctx, c.Place, changes, d)
}

// onTheWay describes the environment at p as far as places covers it, else it is nil. Whatever decides about a place is
// on the way up from it, which its judge knows.
func onTheWay(judge *tenancy.Judge, places tenancy.Scope, p domain.EnvironmentPath) *EnvironmentDocument {
	e, ok := judge.Environment(places, p)
	if !ok {
		return nil
	}
	described := DescribeEnvironment(places, e)
	return &described
}

// makers says who may make edits to what decides about a user.
type makers struct {
	*Explain
	judge      tenancy.Judge
	view       *userView
	permission domain.Permission
	now        time.Time
}

// describe returns the last of edits with whether the reader, of whom giver is, may make it.
func (m *makers) describe(giver tenancy.Giver, edits []domain.Edit) EditDocument {
	e := edits[len(edits)-1]
	d := EditDocument{Kind: e.Kind, Role: e.Role, Mine: m.may(giver, edits),
		Environment: onTheWay(&m.judge, m.view.places, e.Place)}
	if group, ok := giver.Groups().Get(m.view.user.Organization, e.Group); ok {
		d.Group = &group
	}
	return d
}

// may reports whether whoever giver is of may make the last of edits once those before it are made, since together
// they can give more than each alone: by the rules of the change that makes it but for what only its transaction
// knows, whether somebody else could still run the directory.
func (m *makers) may(giver tenancy.Giver, edits []domain.Edit) bool {
	before, e := edits[:len(edits)-1], edits[len(edits)-1]
	switch subject, _, _ := e.Kind.Field(); subject {
	case "group":
		group, ok := giver.Groups().Get(m.view.user.Organization, e.Group)
		return ok && m.mayChangeGroup(giver, group, e.Kind)
	case "environment":
		at, ok := m.judge.Environment(m.view.places, e.Place)
		return ok && m.maySwitch(giver, &at)
	}
	if e.Kind == domain.EditPassword {
		return giver.Is(&m.view.user)
	}
	user := m.view.user.Clone()
	for _, b := range before {
		m.edit(&user, b)
	}
	return m.mayChangeUser(giver, &user, e)
}

// mayChangeUser is what Users.Update asks.
func (m *makers) mayChangeUser(giver tenancy.Giver, before *domain.User, e domain.Edit) bool {
	after, own, position := before.Clone(), giver.Is(before), giver.Position(before.HomePath)
	m.edit(&after, e)
	if own {
		position = domain.Self
	}
	if !m.judge.May(giver, domain.UserUpdate, position) || own && (!after.Usable(m.now) || after.Role < before.Role) {
		return false
	}
	return cmp.Or(giver.MayChange(before), giver.MayGive(&after), after.ValidateAfter(before)) == nil
}

// edit makes an edit of u; one of something else changes nothing of them.
func (m *makers) edit(u *domain.User, e domain.Edit) {
	grant := domain.Grant{Environment: e.Place.ID(), Path: e.Place}
	away := func(g domain.Grant) bool { return g.Path == e.Place }
	switch e.Kind {
	case domain.EditActivate:
		u.Active, u.IdleSince = true, m.now
	case domain.EditDeactivate:
		u.Active = false
	case domain.EditApprove:
		u.State = domain.Approved
	case domain.EditRole:
		u.Role = e.Role
	case domain.EditJoin:
		u.Groups = append(u.Groups, e.Group)
	case domain.EditLeave:
		u.Groups = without(u.Groups, e.Group)
	case domain.EditAllow:
		u.Allowed = append(u.Allowed, grant)
	case domain.EditDisallow:
		u.Allowed = slices.DeleteFunc(u.Allowed, away)
	case domain.EditBlock:
		u.Blocked = append(u.Blocked, grant)
	case domain.EditUnblock:
		u.Blocked = slices.DeleteFunc(u.Blocked, away)
	}
}

// mayChangeGroup is what Groups.Update asks.
func (m *makers) mayChangeGroup(giver tenancy.Giver, before domain.Group, k domain.EditKind) bool {
	after := before
	after.Mask ^= m.permission.Mask()
	return before.ID != domain.RootGroup && m.judge.May(giver, domain.GroupWrite, giver.Position(before.Path)) &&
		(before.Organization != domain.RootOrganization || m.judge.May(giver, domain.GroupWrite, domain.Above)) &&
		cmp.Or(giver.MayChangeGroup(&before), mayGive(giver, &after)) == nil
}

// maySwitch is what Environments.Update asks.
func (m *makers) maySwitch(giver tenancy.Giver, e *domain.Environment) bool {
	p := writes(e)
	return e.ID != domain.RootEnvironment && m.judge.May(giver, p, giver.Position(e.Path)) &&
		(!e.Path.Contains(giver.Home()) || m.judge.May(giver, p, domain.Above)) && giver.MayGivePlaces(e.Path) == nil
}

// nameAdministrators names who may make the edits that the reader may not.
func (m *makers) nameAdministrators(ctx context.Context, path domain.EnvironmentPath, changes []tenancy.Change,
	d *ExplanationDocument) error {
	all := true
	for i := range d.Changes {
		for n := range d.Changes[i].Edits {
			all = all && d.Changes[i].Edits[n].Mine
		}
	}
	if all {
		return nil
	}
	found, err := m.reaches.Administrators(ctx, m.view.sc, m.view.user.HomePath, path, maxCandidates)
	if err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(u domain.User) bool { return !u.Usable(m.now) || u.PasswordExpired(m.now) })
	known, organizations := tenancy.Generations{}, []domain.OrganizationID{m.view.user.Organization}
	for i := range found {
		known[found[i].Organization] = found[i].Generation
		organizations = append(organizations, found[i].Organization)
	}
	groups, err := m.documents.Groups(ctx, m.view.sc, known, organizations...)
	if err != nil {
		return err
	}
	givers := make([]tenancy.Giver, len(found))
	for i := range found {
		givers[i] = m.judge.Giver(&found[i], groups)
	}
	for i := range d.Changes {
		for n := range d.Changes[i].Edits {
			e := &d.Changes[i].Edits[n]
			switch {
			case e.Mine:
			case e.Kind == domain.EditPassword:
				e.Administrators = []domain.User{m.view.user}
			default:
				for w := 0; w < len(found) && len(e.Administrators) < maxAdministrators; w++ {
					if m.may(givers[w], changes[i].Edits[:n+1]) {
						e.Administrators = append(e.Administrators, found[w])
					}
				}
			}
		}
	}
	return nil
}
