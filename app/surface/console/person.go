package console

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/objects"
	"canopy/domain"
)

// personRoutes lists the pages about one person. What is sent to the page says in the field do what is wanted.
func (s *Surface) personRoutes(r fiber.Router) {
	r.Get(Base+"/"+personPage, s.on(s.person))
	r.Post(Base+"/"+personPage, s.on(s.changePerson))
}

const personPage = "person"

// The tabs of the page.
const (
	tabProfile  = ""
	tabAccess   = "access"
	tabSessions = "sessions"
	tabKeys     = "keys"
	tabPassword = "password"
	tabDelete   = "delete"
)

// inviteLifetime is how long an invitation works.
const inviteLifetime = 7 * 24 * time.Hour

// A personView is somebody, as a page about them shows them.
type personView struct {
	directory.UserDocument
	rights   directory.UserRights
	tab      string
	reach    *directory.AccessDocument
	sessions []accounts.SessionDocument
	keys     []accounts.KeyDocument
	made     *accounts.KeyDocument // a key that was just made
	factors  accounts.FactorDocument
	links    []domain.Link
	// providers are those at which somebody else may be linked; none for a reader who may not see them.
	providers []accounts.ProviderDocument
}

// at returns the address of a tab of the page.
func (p *personView) at(tab string) string { return at(personPage, "id", numberOf(p.ID), "tab", tab) }

func (p *personView) tabs(v *visit) []tab {
	w := &v.words.Person
	all := []tab{{tabProfile, w.Profile, p.at(tabProfile)}, {tabAccess, w.Access, p.at(tabAccess)},
		{tabReach, w.Reach, p.at(tabReach)}}
	if p.rights.Update && !p.System { // by which a program does not sign in
		all = append(all, tab{tabSessions, w.Sessions, p.at(tabSessions)},
			tab{tabPassword, w.Password, p.at(tabPassword)})
	}
	if p.rights.Update {
		all = append(all, tab{tabKeys, w.Keys, p.at(tabKeys)})
	}
	if v.can(domain.AuditRead) {
		all = append(all, tab{"history", w.History, at("audit", "target", p.Alias)})
	}
	if p.rights.Delete {
		all = append(all, tab{tabDelete, w.Delete, p.at(tabDelete)})
	}
	return all
}

// way are the crumbs to the page.
func (p *personView) way(v *visit) []crumb {
	if p.HomeShown == nil {
		return []crumb{{v.words.People.Title, peoplePage}}
	}
	way := placeWay(p.HomeShown, peopleAt)
	way[len(way)-1].page = peopleAt(p.Home)
	return way
}

// waits reports whether they are a newcomer to be let in or turned away.
func (p *personView) waits() bool { return p.User.Waits() }

// readPerson reads whom the page is about.
func (s *Surface) readPerson(ctx context.Context, v *visit) (*personView, error) {
	p := &personView{tab: v.query("tab")}
	var err error
	p.UserDocument, err = s.uses.Users.Get(ctx, v.caller,
		directory.GetUser{User: domain.ParseUserRef(v.query("id")), Home: true})
	if err != nil {
		return p, err
	}
	p.rights, err = s.uses.Users.Rights(ctx, v.caller, &p.User)
	return p, err
}

// person is the page about somebody.
func (s *Surface) person(ctx context.Context, v *visit) (answer, error) {
	p, err := s.readPerson(ctx, v)
	if err != nil {
		return answer{}, err
	}
	if err := s.readTab(ctx, v, p); err != nil {
		return answer{}, err
	}
	return shown(personPageOf(v, p))
}

// readTab reads what the tab of the page shows. It returns NotFound for one that is not offered.
func (s *Surface) readTab(ctx context.Context, v *visit, p *personView) (err error) {
	if !slices.ContainsFunc(p.tabs(v), func(t tab) bool { return t.name == p.tab }) {
		return domain.ErrNotFound
	}
	switch p.tab {
	case tabReach:
		var reach directory.AccessDocument
		reach, err = s.uses.Explain.Access(ctx, v.caller, directory.AccessOf{User: p.ref()})
		p.reach = &reach
	case tabSessions:
		if p.sessions, err = s.uses.Sessions.List(ctx, v.caller, p.ref()); err == nil {
			p.factors, err = s.uses.Factors.List(ctx, v.caller, p.ref())
		}
		if err == nil {
			p.links, err = s.uses.Providers.Links(ctx, v.caller, p.ref())
		}
		if err == nil {
			p.providers, err = s.providersOf(ctx, v, p.Organization)
		}
	case tabKeys:
		p.keys, err = s.uses.APIKeys.List(ctx, v.caller, p.ref())
		if err == nil && p.System { // begun with a password that a product gave it
			p.sessions, err = s.uses.Sessions.List(ctx, v.caller, p.ref())
		}
	}
	return err
}

func (p *personView) ref() domain.UserRef { return domain.UserRef{ID: p.ID} }

// personOnly are the forms of the page that are about how people sign in.
var personOnly = []string{"password", "reset", "invite", "factor", "link", "unlink"}

// changePerson does what a form of the page asks for.
func (s *Surface) changePerson(ctx context.Context, v *visit) (answer, error) {
	p, err := s.readPerson(ctx, v)
	if err != nil {
		return answer{}, err
	}
	page := func() templ.Component { return personPageOf(v, p) }
	done := func(err error, tab, said string) (answer, error) {
		if err == nil {
			return went(p.at(tab), said)
		}
		if unread := s.readTab(ctx, v, p); unread != nil {
			return answer{}, err
		}
		return v.mend(err, page)
	}
	sessions := pick(p.System, tabKeys, tabSessions)
	if p.System && slices.Contains(personOnly, v.form["do"]) || !p.System && v.form["do"] == "key" {
		return answer{}, domain.ErrNotFound
	}
	w := &v.words.Person
	switch v.form["do"] {
	case "profile":
		_, err := s.uses.Users.Update(ctx, v.caller, v.profileOf(p))
		return done(err, tabProfile, "saved")
	case "access":
		return s.changeAccess(ctx, v, p)
	case "activate", "deactivate":
		active := v.form["do"] == "activate"
		return s.plannedFor(ctx, v, p, pick(active, w.Activate, w.Deactivate), tabProfile, "saved",
			func(ctx context.Context) error {
				_, err := s.uses.Users.Update(ctx, v.caller, directory.UpdateUser{User: p.ref(),
					Version: domain.Version(v.form["version"]), UserPatch: directory.UserPatch{Active: &active}})
				return err
			})
	case "approve":
		return s.plannedFor(ctx, v, p, w.Approve, tabProfile, "saved", func(ctx context.Context) error {
			_, err := s.uses.Accounts.Approve(ctx, v.caller, p.ref())
			return err
		})
	case "reject":
		return s.plannedFor(ctx, v, p, w.Reject, "", "deleted",
			func(ctx context.Context) error { return s.uses.Accounts.Reject(ctx, v.caller, p.ref()) })
	case "delete":
		return s.plannedFor(ctx, v, p, w.Delete, "", "deleted", func(ctx context.Context) error {
			return s.uses.Users.Delete(ctx, v.caller, directory.DeleteUser{User: p.ref(),
				Version: domain.Version(v.form["version"])})
		})
	case "handover":
		_, err := s.uses.Objects.HandOverAll(ctx, v.caller, objects.HandOverAll{From: p.ref(),
			To: domain.ParseUserRef(strings.TrimSpace(v.form["to"]))})
		return done(err, tabDelete, "saved")
	case "password":
		return done(s.setPassword(ctx, v, p), tabProfile, "saved")
	case "reset":
		return done(s.uses.Accounts.SendReset(ctx, v.caller, accounts.SendReset{User: p.ref(),
			Link: s.config.Pages.Reset(), Lifetime: resetLifetime}), tabPassword, "sent")
	case "invite":
		return done(s.uses.Accounts.SendConfirmation(ctx, v.caller, accounts.SendConfirmation{User: p.ref(),
			Purpose: domain.AcceptInvite, Link: s.config.Pages.Accept(), Lifetime: inviteLifetime}), tabProfile, "sent")
	case "sessions":
		return done(s.uses.Sessions.EndAll(ctx, v.caller, p.ref()), sessions, "ended")
	case "session":
		id, err := domain.ParseUUID(v.form["session"])
		if err == nil {
			err = s.uses.Sessions.End(ctx, v.caller, accounts.OfUser[domain.UUID]{User: p.ref(), In: id})
		}
		if domain.ErrSessionNotFound.Is(err) { // it had ended already
			err = nil
		}
		return done(err, sessions, "ended")
	case "factor":
		id, err := domain.ParseUUID(v.form["factor"])
		warned := false
		if err == nil {
			warned, err = s.warned(ctx, v, func(ctx context.Context) error {
				return s.uses.Factors.Remove(ctx, v.caller,
					fresh(s, v, accounts.OfUser[domain.UUID]{User: p.ref(), In: id}))
			})
		}
		if domain.ErrFactorNotFound.Is(err) { // it was removed already
			err = nil
		}
		if warned {
			if err := s.readTab(ctx, v, p); err != nil {
				return answer{}, err
			}
			return shown(page())
		}
		return done(err, tabSessions, "deleted")
	case "link":
		return done(s.link(ctx, v, p.ref()), tabSessions, "linked")
	case "unlink":
		return done(s.unlink(ctx, v, p.ref(), p.Organization), tabSessions, "deleted")
	case "key":
		made, err := s.makeKey(ctx, v, p.ref())
		if err != nil {
			return done(err, tabKeys, "")
		}
		p.made = &made
		return shown(page())
	case "revoke":
		id, err := domain.ParseUUID(v.form["key"])
		if err == nil {
			err = s.uses.APIKeys.Revoke(ctx, v.caller, accounts.OfUser[domain.UUID]{User: p.ref(), In: id})
		}
		if domain.ErrAPIKeyNotFound.Is(err) { // it was revoked already
			err = nil
		}
		return done(err, tabKeys, "deleted")
	}
	return answer{}, domain.ErrNotFound
}

// plannedFor makes a change of somebody after showing what it would do, and then goes to a tab, or to the list
// if they are gone.
func (s *Surface) plannedFor(ctx context.Context, v *visit, p *personView, text, tab, said string,
	change func(context.Context) error) (answer, error) {
	gone := said == "deleted"
	to := p.at(tab)
	if gone {
		to = peopleAt(p.Home)
	}
	return s.planned(ctx, v, plan{area: areaPeople, title: fill(v.words.Person.PlanTitle, "name", fullName(&p.User)),
		way: p.way(v), action: p.at(p.tab), button: text, bad: gone,
		form: func() templ.Component { return personPageOf(v, p) }, change: change,
		done: func() (answer, error) { return went(to, said) }})
}

// typed returns what was typed into a field of the form, nil if the form does not have it.
func (v *visit) typed(name string) *string {
	if value, given := v.form[name]; given {
		return &value
	}
	return nil
}

// profileOf reads what somebody is called and how they are reached.
func (v *visit) profileOf(p *personView) directory.UpdateUser {
	return directory.UpdateUser{User: p.ref(), Version: domain.Version(v.form["version"]), UserPatch: directory.UserPatch{
		Alias: v.typed("alias"), FirstName: v.typed("person.first_name"), LastName: v.typed("person.last_name"),
		Mail: v.typed("person.mail"), Phone: v.typed("person.phone"), JobTitle: v.typed("person.job_title"),
		Department: v.typed("person.department"), Language: v.typed("language"), TimeZone: v.typed("time_zone")}}
}

// languagesOf are the choices of somebody's language, of which the present one may be written in another way.
func (v *visit) languagesOf(present string) []option {
	all := []option{{"", v.words.Person.NoLanguage}}
	for _, o := range v.languages() {
		if present != "" && choose(present).Language == o.value {
			o.value = present
		}
		all = append(all, o)
	}
	return all
}

// setPassword gives somebody a password that they must change at their first sign-in.
func (s *Surface) setPassword(ctx context.Context, v *visit, p *personView) error {
	if v.form["password"] != v.form["again"] {
		return errDifferent
	}
	_, err := s.uses.Users.Update(ctx, v.caller, directory.UpdateUser{User: p.ref(),
		UserPatch: directory.UserPatch{Password: v.typed("password"), FirstAccess: new(true)}})
	return err
}

// prefilled is value for a form that another page leads to with values in the address.
func (v *visit) prefilled(name, stored string) string {
	if asked := v.query(name); asked != "" && v.form == nil {
		return asked
	}
	return v.value(name, stored)
}

// ticked reports whether a box is ticked that is stored without a tick.
func (v *visit) ticked(name string) bool { return v.prefilled(name, "") != "" }

// The names of the boxes that take something away from somebody.
func dropGroup(id domain.GroupID) string         { return "drop.groups." + numberOf(id) }
func dropAllowed(id domain.EnvironmentID) string { return "drop.allowed." + numberOf(id) }
func dropBlocked(id domain.EnvironmentID) string { return "drop.blocked." + numberOf(id) }
func (p *personView) homeShown() (path string) {
	if p.HomeShown != nil {
		return placeRef(p.HomeShown.ShownPath)
	}
	return ""
}

// changeAccess changes where somebody is at home and what they may do, after showing what that would do.
func (s *Surface) changeAccess(ctx context.Context, v *visit, p *personView) (answer, error) {
	p.tab = tabAccess
	patch, err := v.accessOf(p)
	if err != nil {
		return v.mend(err, func() templ.Component { return personPageOf(v, p) })
	}
	return s.plannedFor(ctx, v, p, v.words.Person.CarryOut, tabAccess, "saved", func(ctx context.Context) error {
		_, err := s.uses.Users.Update(ctx, v.caller, directory.UpdateUser{User: p.ref(),
			Version: domain.Version(v.form["version"]), UserPatch: patch})
		return err
	})
}

// accessOf reads the changes of a form: what is as it was is not among them.
func (v *visit) accessOf(p *personView) (patch directory.UserPatch, err error) {
	if home := strings.TrimSpace(v.form["home"]); home != "" && home != p.homeShown() {
		patch.Home = new(domain.EnvironmentRef(home))
	}
	if text := v.form["role"]; text != "" && text != p.Role.String() {
		role, err := domain.ParseRole(text)
		if err != nil {
			return patch, err
		}
		patch.Role = &role
	}
	patch.Memberships = v.memberships(p)
	patch.Allowed = v.grants("allowed", p.AllowedShown, dropAllowed)
	patch.Blocked = v.grants("blocked", p.BlockedShown, dropBlocked)
	return patch, nil
}

// memberships reads which groups somebody is to be in, nil for those they are in.
func (v *visit) memberships(p *personView) *directory.Memberships {
	var named []domain.GroupRef
	m := directory.Memberships{Named: &named}
	changed := false
	for g := range p.AllGroups() {
		dropped := v.form[dropGroup(g.ID)] != ""
		changed = changed || dropped
		switch {
		case g.ID == domain.DefaultGroup(p.Role):
			if dropped {
				m.Default = new(false)
			}
		case !dropped:
			named = append(named, domain.NumberedGroup(g.ID))
		}
	}
	if added := strings.TrimSpace(v.form["groups"]); added != "" {
		named, changed = append(named, domain.GroupRef(added)), true
	}
	if !changed {
		return nil
	}
	return &m
}

// grants reads a list of places, nil for the present one.
func (v *visit) grants(field string, present []directory.EnvironmentShown,
	drop func(domain.EnvironmentID) string) *[]domain.EnvironmentRef {
	all := make([]domain.EnvironmentRef, 0, len(present)+1)
	for _, e := range present {
		if v.form[drop(e.ID)] == "" {
			all = append(all, domain.NumberRef(e.ID))
		}
	}
	added := strings.TrimSpace(v.form[field])
	if added == "" && len(all) == len(present) {
		return nil
	}
	if added != "" {
		all = append(all, domain.EnvironmentRef(added))
	}
	return &all
}

// A reachNode is a place at which somebody's reach begins or ends, with those within it.
type reachNode struct {
	*directory.PlaceAccess
	below []*reachNode
}

// reachTree puts the places of a reach, which are in tree order, into each other.
func reachTree(places []directory.PlaceAccess) []*reachNode {
	top := &reachNode{}
	way := []*reachNode{top}
	for i := range places {
		n := &reachNode{PlaceAccess: &places[i]}
		for len(way) > 1 && !way[len(way)-1].Path.Contains(n.Path) {
			way = way[:len(way)-1]
		}
		above := way[len(way)-1]
		above.below = append(above.below, n)
		way = append(way, n)
	}
	return top.below
}

// reason says why a place is in somebody's reach or out of it.
func (v *visit) reason(p *directory.PlaceAccess) string {
	w := &v.words.Person.Reasons
	kind, by := p.Included, p.IncludedBy
	if p.Excluded != domain.CauseNone {
		kind, by = p.Excluded, p.ExcludedBy
	}
	text := map[domain.CauseKind]string{domain.CauseNone: w.None, domain.CauseHome: w.Home,
		domain.CauseOrganization: w.Organization, domain.CauseTree: w.Tree, domain.CauseAllowed: w.Allowed,
		domain.CauseBlocked: w.Blocked, domain.CauseInactive: w.Inactive}[kind]
	if by == nil || by.ID == p.ID {
		return text
	}
	return fill(fill(w.By, "reason", text), "place", by.ShownPath)
}
