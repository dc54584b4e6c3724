package console

import (
	"context"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
)

// placeRoutes lists the pages of a place.
func (s *Surface) placeRoutes(r fiber.Router) {
	r.Get(Base+"/place", s.on(s.place))
	r.Post(Base+"/place-signin", s.on(s.changeRules))
	r.Get(Base+"/strength", s.on(s.strength))
	r.Get(Base+"/place-settings", s.on(s.placeSettings))
	r.Post(Base+"/place-settings", s.on(s.changePlace))
	r.Get(Base+"/place-new", s.on(s.newPlace))
	r.Post(Base+"/place-new", s.on(s.makePlace))
	r.Get(Base+"/place-move", s.on(s.movePlace))
	r.Post(Base+"/place-move", s.on(s.movePlace))
	r.Get(Base+"/place-switch", s.on(s.switchPlace))
	r.Post(Base+"/place-switch", s.on(s.switchPlace))
	r.Get(Base+"/place-delete", s.on(s.deletePlace))
	r.Post(Base+"/place-delete", s.on(s.deletePlace))
}

// The tabs of a place.
const (
	tabBelow    = "below"
	tabPeople   = "people"
	tabAdmins   = "admins"
	tabReach    = "reach"
	tabSettings = "settings"
	tabSignIn   = "signin"
)

// A placeView is what the page of a place shows at one of its tabs.
type placeView struct {
	directory.Branch
	tab        string
	children   []directory.EnvironmentDocument
	people     []directory.UserDocument
	more       bool // there are more people than these
	reaching   []directory.ReachingDocument
	permission string // that those who reach the place have; empty for any
	next       domain.Cursor
	rules      directory.SignInRulesDocument
	leftOut    string // the login names of the accounts that the rules leave out
}

// peopleShown is how many people the page of a place shows, and how many of those who reach it at a time.
const (
	peopleShown   = 10
	reachingShown = 50
)

// place is the page of a place.
func (s *Surface) place(ctx context.Context, v *visit) (answer, error) {
	p := &placeView{tab: v.query("tab")}
	var err error
	if p.Branch, err = s.uses.Environments.Branch(ctx, v.caller, domain.EnvironmentRef(v.query("id"))); err != nil {
		return answer{}, err
	}
	switch p.tab {
	case tabPeople:
		err = s.addPeople(ctx, v, p)
	case tabAdmins:
		p.permission = domain.UserUpdate.String()
		err = s.addReaching(ctx, v, p)
	case tabReach:
		p.permission = v.query("permission")
		err = s.addReaching(ctx, v, p)
	case tabSignIn:
		p.rules, err = s.uses.Environments.SignInRules(ctx, v.caller, domain.NumberRef(p.ID))
		p.leftOut = s.named(ctx, v, p.rules.Own.BreakGlass.Users())
	default:
		p.tab = tabBelow
		p.children, p.next, err = s.children(ctx, v, p.ID)
	}
	if err != nil {
		return answer{}, err
	}
	return shown(placePage(v, p))
}

// addPeople adds the first of those who are at home in the place itself.
func (s *Surface) addPeople(ctx context.Context, v *visit, p *placeView) error {
	list, err := s.uses.Users.List(ctx, v.caller, directory.ListUsers{Environment: domain.NumberRef(p.ID), Alone: true,
		Page: domain.Page{Limit: peopleShown}})
	if err != nil {
		return err
	}
	for u, err := range list.Items {
		if err != nil {
			return err
		}
		p.people = append(p.people, u)
	}
	p.more = list.Next != ""
	return nil
}

// addReaching adds a page of those who reach the place, with the permission if there is one.
func (s *Surface) addReaching(ctx context.Context, v *visit, p *placeView) error {
	in := directory.ListReaching{Environment: domain.NumberRef(p.ID),
		Page: domain.Page{Limit: reachingShown, After: domain.Cursor(v.query("after"))}}
	if p.permission != "" {
		permission, err := domain.ParsePermission(p.permission)
		if err != nil {
			return err
		}
		in.Permission = &permission
	}
	list, err := s.uses.Explain.Reaching(ctx, v.caller, in)
	if err != nil {
		return err
	}
	for u, err := range list.Items {
		if err != nil {
			return err
		}
		p.reaching = append(p.reaching, u)
	}
	p.next = list.Next
	return nil
}

// crumbs are the way to the place, without itself.
func (p *placeView) crumbs() []crumb {
	var way []crumb
	for i := range p.Way {
		if e := &p.Way[i]; e.ID != p.ID {
			way = append(way, crumb{e.Alias, placeAddress(e.ID, "")})
		}
	}
	return way
}

// placeTabs are those of the place that the reader can use.
func (v *visit) placeTabs(b *directory.Branch) []tab {
	w := &v.words.Places
	all := []tab{{tabBelow, w.Place, placeAddress(b.ID, "")}}
	if v.can(domain.UserRead) {
		all = append(all, tab{tabPeople, w.People, placeAddress(b.ID, tabPeople)},
			tab{tabAdmins, w.Admins, placeAddress(b.ID, tabAdmins)}, tab{tabReach, w.Reach, placeAddress(b.ID, tabReach)})
	}
	all = append(all, tab{tabSignIn, v.words.Strength.Tab, placeAddress(b.ID, tabSignIn)})
	if b.IsOrganization && v.can(domain.OrganizationRead) {
		all = append(all, tab{tabProviders, v.words.Providers.Tab, providersAt(b.ID)})
	}
	if b.May.Change {
		all = append(all, tab{tabSettings, w.Settings, at("place-settings", "id", numberOf(b.ID))})
	}
	return all
}

// switchedOff returns the place at or above this one that is switched off and nearest to the top; nil for none.
func (p *placeView) switchedOff() *directory.EnvironmentDocument {
	for i := range p.Way {
		if !p.Way[i].Active {
			return &p.Way[i]
		}
	}
	return nil
}

// cause says by what somebody reaches a place.
func (v *visit) cause(r *directory.ReachingDocument) string {
	w := &v.words.Places
	texts := map[domain.CauseKind][2]string{
		domain.CauseHome:         {w.ByHome, w.ByHomeIn},
		domain.CauseOrganization: {w.ByOrganization, w.ByOrganizationIn},
		domain.CauseTree:         {w.ByTree, w.ByTree},
		domain.CauseAllowed:      {w.ByAllowed, w.ByAllowedIn},
	}[r.By]
	if r.ByEnvironment == nil {
		return texts[0]
	}
	return fill(texts[1], "place", r.ByEnvironment.ShownPath)
}

// permissionChoices are the permissions to choose one of, the first of which is none.
func (v *visit) permissionChoices(none string) []option {
	all := []option{{"", none}}
	for i := range domain.Catalogue {
		p := domain.Catalogue[i].Permission
		all = append(all, option{p.String(), v.permission(p)})
	}
	return all
}

// placeSettings is the form of what can be changed about a place.
func (s *Surface) placeSettings(ctx context.Context, v *visit) (answer, error) {
	b, err := s.uses.Environments.Branch(ctx, v.caller, domain.EnvironmentRef(v.query("id")))
	if err != nil {
		return answer{}, err
	}
	if !b.May.Change {
		return answer{}, domain.ErrForbidden
	}
	return shown(settingsPage(v, &placeView{Branch: b, tab: tabSettings}))
}

func (s *Surface) changePlace(ctx context.Context, v *visit) (answer, error) {
	ref := domain.EnvironmentRef(v.form["id"])
	b, err := s.uses.Environments.Branch(ctx, v.caller, ref)
	if err != nil {
		return answer{}, err
	}
	_, err = s.uses.Environments.Update(ctx, v.caller, directory.UpdateEnvironment{Environment: ref,
		Version: domain.Version(v.form["version"]), EnvironmentPatch: v.placePatch()})
	if err != nil {
		return v.mend(err, func() templ.Component { return settingsPage(v, &placeView{Branch: b, tab: tabSettings}) })
	}
	return went(placeAddress(b.ID, ""), "saved")
}

// placePatch returns what the fields of a form say that a place is to be.
func (v *visit) placePatch() directory.EnvironmentPatch {
	text := func(name string) *string {
		if value, given := v.form[name]; given {
			value = strings.TrimSpace(value)
			return &value
		}
		return nil
	}
	send := v.form["send_url"] != ""
	return directory.EnvironmentPatch{Alias: text("alias"), Code: text("code"), TimeZone: text("time_zone"),
		GitRepository: text("git_repository"), SendURL: &send}
}

// newPlace is the form of a place to be made below another one.
func (s *Surface) newPlace(ctx context.Context, v *visit) (answer, error) {
	b, err := s.uses.Environments.Branch(ctx, v.caller, domain.EnvironmentRef(v.query("parent")))
	if err != nil {
		return answer{}, err
	}
	if !b.May.Create {
		return answer{}, domain.ErrForbidden
	}
	return shown(newPlacePage(v, &b))
}

// acceptLifetime is how long the link of an invitation works.
const acceptLifetime = 7 * 24 * time.Hour

func (s *Surface) makePlace(ctx context.Context, v *visit) (answer, error) {
	ref := domain.EnvironmentRef(v.form["parent"])
	b, err := s.uses.Environments.Branch(ctx, v.caller, ref)
	if err != nil {
		return answer{}, err
	}
	in := accounts.Found{Environment: v.placePatch(), Link: s.config.Pages.Accept(), Lifetime: acceptLifetime}
	organization := v.form["organization"] != ""
	in.Environment.Parent, in.Environment.IsOrganization = &ref, &organization
	if organization {
		in.Admin = v.firstAdmin()
	}
	made, err := s.uses.Accounts.Found(ctx, v.caller, in)
	if err != nil {
		return v.mend(err, func() templ.Component { return newPlacePage(v, &b) })
	}
	return went(placeAddress(made.ID, ""), "made")
}

// firstAdmin returns who is to be the admin of an organization that is made, by the fields of its form; nil for nobody.
func (v *visit) firstAdmin() *directory.UserPatch {
	text := func(name string) *string { return new(strings.TrimSpace(v.form[name])) }
	admin := directory.UserPatch{Alias: text("admin.alias"), FirstName: text("person.first_name"),
		LastName: text("person.last_name"), Mail: text("person.mail")}
	if *admin.Alias == "" {
		admin.Alias = admin.Mail
	}
	if *admin.Alias+*admin.Mail+*admin.FirstName+*admin.LastName == "" {
		return nil
	}
	return &admin
}

// wayThrough is the way to what is about to be made or changed below or at a place, with the place itself.
func wayThrough(b *directory.Branch) []crumb {
	var way []crumb
	for i := range b.Way {
		way = append(way, crumb{b.Way[i].Alias, placeAddress(b.Way[i].ID, "")})
	}
	return way
}

// newEnvironment is what a place below another one is where nothing else is said.
func newEnvironment(parent domain.EnvironmentID) *domain.Environment {
	e := domain.NewEnvironment(parent)
	return &e
}

// stale reports whether what a form was made for has been changed since.
func (v *visit) stale() bool { return v.wrong != nil && domain.ErrStale.Is(v.wrong) }

// version returns the version that a form is for: the one that it was made for, and that of now once its reader was
// told what that is.
func (v *visit) version(now domain.Version) string {
	if v.stale() {
		return string(now)
	}
	return v.value("version", string(now))
}

// changeable returns the place that a form or the address of its page names, and ErrForbidden unless the reader may do
// to it what may says.
func (s *Surface) changeable(ctx context.Context, v *visit,
	may func(*directory.EnvironmentRights) bool) (directory.Branch, error) {
	id := v.query("id")
	if v.form != nil {
		id = v.form["id"]
	}
	b, err := s.uses.Environments.Branch(ctx, v.caller, domain.EnvironmentRef(id))
	if err == nil && !may(&b.May) {
		err = domain.ErrForbidden
	}
	return b, err
}

// movePlace hangs a place below another one, once it was shown what that does.
func (s *Surface) movePlace(ctx context.Context, v *visit) (answer, error) {
	b, err := s.changeable(ctx, v, func(r *directory.EnvironmentRights) bool { return r.Move })
	if err != nil {
		return answer{}, err
	}
	along, err := s.uses.Overviews.Contents(ctx, v.caller, domain.NumberRef(b.ID))
	counted := err == nil
	if err != nil && !domain.ErrForbidden.Is(err) {
		return answer{}, err
	}
	page := func() templ.Component { return movePage(v, &b, &along, counted) }
	if v.form == nil {
		return shown(page())
	}
	to := domain.EnvironmentRef(strings.TrimSpace(v.form["parent"]))
	if to == "" {
		return v.mend(domain.InvalidField("parent", "Choose a place."), page)
	}
	return s.planned(ctx, v, plan{area: areaTree, title: fill(v.words.Places.MoveOf, "place", b.Alias),
		way: wayThrough(&b), action: "place-move", button: v.words.Places.Move, form: page,
		change: s.updating(v, &b, directory.EnvironmentPatch{Parent: &to}),
		done:   func() (answer, error) { return went(placeAddress(b.ID, ""), "saved") }})
}

// atLeast writes a number that may be a part of what there is.
func (v *view) atLeast(n int64, complete bool) string {
	if complete {
		return v.number(n)
	}
	return fill(v.words.Places.AtLeast, "n", v.number(n))
}

// updating returns the change that makes a place what patch says.
func (s *Surface) updating(v *visit, b *directory.Branch,
	patch directory.EnvironmentPatch) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := s.uses.Environments.Update(ctx, v.caller, directory.UpdateEnvironment{
			Environment: domain.NumberRef(b.ID), Version: domain.Version(v.form["version"]), EnvironmentPatch: patch})
		return err
	}
}

// switchPlace switches a place off, or on again, once it was shown what that does.
func (s *Surface) switchPlace(ctx context.Context, v *visit) (answer, error) {
	b, err := s.changeable(ctx, v, func(r *directory.EnvironmentRights) bool { return r.Switch })
	if err != nil {
		return answer{}, err
	}
	page := func() templ.Component { return switchPage(v, &b) }
	if v.form == nil {
		return shown(page())
	}
	w := &v.words.Places
	active, title, button := v.form["active"] != "", w.SwitchOffOf, w.SwitchOff
	if active {
		title, button = w.SwitchOnOf, w.SwitchOn
	}
	return s.planned(ctx, v, plan{area: areaTree, title: fill(title, "place", b.Alias), way: wayThrough(&b),
		action: "place-switch", button: button, bad: !active, form: page,
		change: s.updating(v, &b, directory.EnvironmentPatch{Active: &active}),
		done: func() (answer, error) {
			if active || v.may.Role == domain.RoleSuperUser {
				return went(placeAddress(b.ID, ""), "saved")
			}
			return went(above(&b), "saved") // what is switched off is closed to them
		}})
}

// deletePlace deletes a place that is empty, once that was confirmed.
func (s *Surface) deletePlace(ctx context.Context, v *visit) (answer, error) {
	b, err := s.changeable(ctx, v, func(r *directory.EnvironmentRights) bool { return r.Delete })
	if err != nil {
		return answer{}, err
	}
	page := func() templ.Component { return deletePage(v, &b) }
	if v.form == nil {
		return shown(page())
	}
	if err := s.uses.Environments.Delete(ctx, v.caller, directory.DeleteEnvironment{
		Environment: domain.NumberRef(b.ID), Version: domain.Version(v.form["version"])}); err != nil {
		return v.mend(err, page)
	}
	return went(above(&b), "deleted")
}

// above is the page of what a place lies below, as far as the reader reaches that.
func above(b *directory.Branch) string {
	if len(b.Way) > 1 {
		return placeAddress(b.Way[len(b.Way)-2].ID, "")
	}
	return "tree"
}
