package console

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/domain"
)

// whyRoutes lists the page that explains decisions, and the form of its changes.
func (s *Surface) whyRoutes(r fiber.Router) {
	r.Get(Base+"/why", s.on(s.why))
	r.Post(Base+"/why-change", s.on(s.changeWhy))
}

// whyAt returns the address of the page with a question.
func whyAt(user, permission, environment string) string {
	return at("why", "user", user, "permission", permission, "environment", environment)
}

// why is the page of a question, with its answer if one was asked.
func (s *Surface) why(ctx context.Context, v *visit) (answer, error) {
	if v.query("permission") == "" {
		return shown(whyPage(v, nil))
	}
	v.form = make(httpx.Form)
	for _, name := range []string{"user", "permission", "environment"} {
		v.form[name] = v.query(name)
	}
	d, err := s.explained(ctx, v)
	if err != nil {
		return v.mend(err, func() templ.Component { return whyPage(v, nil) })
	}
	return shown(whyPage(v, d))
}

// explained answers the question that the form has.
func (s *Surface) explained(ctx context.Context, v *visit) (*explanation, error) {
	in := directory.ExplainDecision{User: domain.ParseUserRef(strings.TrimSpace(v.form["user"])),
		Environment: domain.EnvironmentRef(strings.TrimSpace(v.form["environment"])), Changes: true}
	var err error
	if in.Permission, err = domain.ParsePermission(v.form["permission"]); err != nil {
		return nil, err
	}
	d, err := s.uses.Explain.Decision(ctx, v.caller, in)
	if err != nil {
		return nil, err
	}
	x := &explanation{ExplanationDocument: d, command: v.explainCommand(&d)}
	slices.SortStableFunc(x.Changes, func(a, b directory.ChangeDocument) int { return foreign(&a) - foreign(&b) })
	return x, nil
}

// foreign is 0 for a change whose edits all are the reader's to make.
func foreign(c *directory.ChangeDocument) int {
	if slices.ContainsFunc(c.Edits, func(e directory.EditDocument) bool { return !e.Mine }) {
		return 1
	}
	return 0
}

// explanation is why a decision is made, and the command that asks for the same.
type explanation struct {
	directory.ExplanationDocument
	command string
}

// explainCommand returns the command that asks for an explanation as JSON.
func (v *visit) explainCommand(d *directory.ExplanationDocument) string {
	q := url.Values{"user": {d.User.Alias}, "permission": {d.Permission.String()}, "changes": {"true"}}
	if d.Environment != nil {
		q.Set("environment", numberOf(d.Environment.ID))
	}
	return v.curl("explain", q)
}

// verdict says in a sentence what the answer is.
func (v *visit) verdict(x *explanation) string {
	w := &v.words.Why
	text := w.No
	switch {
	case x.Environment == nil && x.Allowed:
		text = w.YesOwn
	case x.Environment == nil:
		text = w.NoOwn
	case x.Allowed:
		text = w.Yes
	}
	text = fill(fill(text, "permission", lowered(v.permission(x.Permission))), "person", fullName(&x.User))
	if x.Environment != nil {
		text = fill(text, "place", x.Environment.ShownPath)
	}
	return text
}

// A line is a sentence in which one place is a link; the others are filled in.
type line struct{ text, place, label, to string }

// parts returns what stands before the link, and behind it.
func (l line) parts() (before, after string) {
	before, after, _ = strings.Cut(l.text, "{"+l.place+"}")
	return before, after
}

// A reasonView is one of the four things that a verdict needs.
type reasonView struct {
	name  string
	holds bool
	lines []line
}

// reasons are the four things that a verdict needs, in the order of the core.
func (v *visit) reasons(x *explanation) []reasonView {
	w, all := &v.words.Why, make([]reasonView, 0, 4)
	for _, r := range x.Reasons() {
		switch r.Factor {
		case "usable":
			all = append(all, reasonView{w.Account, r.Holds, v.accountLines(x)})
		case "policy":
			all = append(all, reasonView{w.Role, r.Holds, v.roleLines(x, r.Holds)})
		case "held":
			all = append(all, reasonView{w.Groups, r.Holds, v.groupLines(x)})
		case "place":
			all = append(all, reasonView{w.Where, r.Holds, []line{v.placeLine(x, r.Environment)}})
		}
	}
	return all
}

func (v *visit) accountLines(x *explanation) []line {
	w := &v.words.Why
	text := w.Usable
	switch {
	case !x.Usable && !x.User.Active:
		text = w.Off
	case !x.Usable && x.User.State != domain.Approved:
		text = w.Pending
	case !x.Usable:
		text = w.Idle
	case x.Expired:
		text = w.Expired
	}
	return []line{{text: text}}
}

func (v *visit) roleLines(x *explanation, holds bool) []line {
	w := &v.words.Why
	text := w.RoleDoesNot
	switch {
	case x.Environment == nil && holds:
		text = w.RoleOwn
	case x.Environment == nil:
		text = w.RoleNotOwn
	case holds:
		text = w.RoleDoes
	}
	lines := []line{{text: fill(text, "role", v.role(x.Role))}}
	if x.Role > x.User.Role {
		lines = append(lines, line{text: fill(w.ByGroup, "role", v.role(x.Role))})
	}
	if !holds && len(x.Roles) > 0 {
		names := make([]string, len(x.Roles))
		for i, r := range x.Roles {
			names[i] = v.role(r)
		}
		lines = append(lines, line{text: fill(w.Needs, "roles", strings.Join(names, ", "))})
	}
	return lines
}

// groupLines say of the groups that give a permission that they do, or of all that they do not.
func (v *visit) groupLines(x *explanation) []line {
	w := &v.words.Why
	var lines []line
	for i, reason := range x.Groups {
		if reason.Gives != x.Held {
			continue
		}
		lines = append(lines, v.groupLine(&reason, x.Chains[i]))
	}
	if len(lines) == 0 {
		return []line{{text: w.NoGroup}}
	}
	return lines
}

func (v *visit) groupLine(reason *domain.GroupReason, chain []domain.Group) line {
	w := &v.words.Why
	switch {
	case len(chain) == 0 && reason.Gives:
		return line{text: w.GroupHiddenGives}
	case len(chain) == 0:
		return line{text: w.GroupHidden}
	case reason.Gives:
		return line{w.Gives, "group", chain[0].Alias, groupAt(chain[0].ID)}
	}
	for i := 1; i < len(chain); i++ {
		if chain[i].ID == reason.WithheldBy {
			return line{fill(w.Withholds, "group", chain[0].Alias), "above", chain[i].Alias, groupAt(chain[i].ID)}
		}
	}
	return line{w.Lacks, "group", chain[0].Alias, groupAt(chain[0].ID)}
}

// placeLine says why a place is in somebody's reach, or why it is not; e is the place that decides, nil if it may not
// be named.
func (v *visit) placeLine(x *explanation, e *directory.EnvironmentDocument) line {
	w := &v.words.Why
	if x.Environment == nil {
		return line{text: w.Own}
	}
	named, hidden := w.Outside, w.Outside
	switch {
	case x.Excluded.Kind == domain.CauseBlocked:
		named, hidden = w.Blocked, w.BlockedHidden
	case x.Excluded.Kind == domain.CauseInactive:
		named, hidden = w.Inactive, w.InactiveHidden
	case x.Included.Kind == domain.CauseHome:
		named, hidden = w.Home, w.HomeHidden
	case x.Included.Kind == domain.CauseOrganization:
		named, hidden = w.Organization, w.OrgHidden
	case x.Included.Kind == domain.CauseTree:
		return line{text: w.Tree}
	case x.Included.Kind == domain.CauseAllowed:
		named, hidden = w.Allowed, w.AllHidden
	}
	if e == nil || named == w.Outside {
		return line{text: hidden}
	}
	return line{named, "place", e.ShownPath, placeAt(e.ID)}
}

// placeAt returns the address of a place's page.
func placeAt(id domain.EnvironmentID) string { return at("place", "id", numberOf(id)) }

// edit says an edit in words.
func (v *visit) edit(x *explanation, e *directory.EditDocument) string {
	w := &v.words.Why.Edits
	text := map[domain.EditKind]string{domain.EditActivate: w.Activate, domain.EditApprove: w.Approve,
		domain.EditPassword: w.Password, domain.EditRole: w.Role, domain.EditJoin: w.Join, domain.EditAllow: w.Allow,
		domain.EditUnblock: w.Unblock, domain.EditGive: w.Give, domain.EditOpen: w.Open,
		domain.EditDeactivate: w.Deactivate, domain.EditLeave: w.Leave, domain.EditDisallow: w.Disallow,
		domain.EditBlock: w.Block, domain.EditTake: w.Take, domain.EditClose: w.Close}[e.Kind]
	text = fill(text, "person", fullName(&x.User))
	switch {
	case e.Role != 0:
		text = fill(text, "role", v.role(e.Role))
	case e.Group != nil:
		text = fill(text, "group", e.Group.Alias)
	case e.Environment != nil:
		text = fill(text, "place", e.Environment.ShownPath)
	}
	return text
}

// touches says whom else an edit concerns; empty for nobody.
func (v *visit) touches(e *directory.EditDocument) string {
	switch subject, _, _ := e.Kind.Field(); subject {
	case "group":
		return v.words.Why.ManyGroup
	case "environment":
		return v.words.Why.ManyPlace
	}
	return ""
}

// editID tells the sentence of an edit from those of other changes: each has its own copy of it.
func editID(x *explanation, e *directory.EditDocument) string {
	for i := range x.Changes {
		for n := range x.Changes[i].Edits {
			if e == &x.Changes[i].Edits[n] {
				return "edit-" + strconv.Itoa(i) + "-" + strconv.Itoa(n)
			}
		}
	}
	return ""
}

// between returns what stands behind the i-th of n things of a list inside a sentence that goes on with after.
func between(i, n int, after string) string {
	if i == n-1 {
		return after
	}
	return ", "
}

// editFields are the fields of the form of an edit.
func editFields(x *explanation, e *directory.EditDocument) []option {
	fields := []option{{"user", numberOf(x.User.ID)}, {"permission", x.Permission.String()}, {"kind", e.Kind.String()}}
	if x.Environment != nil {
		fields = append(fields, option{"environment", numberOf(x.Environment.ID)})
	}
	if e.Role != 0 {
		fields = append(fields, option{"role", e.Role.String()})
	}
	if e.Group != nil {
		fields = append(fields, option{"group", numberOf(e.Group.ID)})
	}
	if e.Environment != nil {
		fields = append(fields, option{"place", numberOf(e.Environment.ID)})
	}
	return fields
}

// changesShown is how many changes are shown before the others are asked for.
const changesShown = 6

// changeWhy makes one edit of those that the page offers, once it was shown what it does.
func (s *Surface) changeWhy(ctx context.Context, v *visit) (answer, error) {
	back := whyAt(v.form["user"], v.form["permission"], v.form["environment"])
	if v.form[stepField] == stepEdit {
		return answer{to: back}, nil
	}
	x, err := s.explained(ctx, v)
	if err != nil {
		return answer{}, err
	}
	e := x.offered(v.form)
	if e == nil { // somebody changed it meanwhile, so that the page says something else now
		return answer{to: back}, nil
	}
	change, err := s.editing(ctx, v, x, e)
	if err != nil {
		return answer{}, err
	}
	then := back
	if e.Kind == domain.EditClose { // the reader does not see the place any more, so that nothing is said of it
		then = "why"
	}
	return s.planned(ctx, v, plan{area: areaWhy, title: v.edit(x, e), way: []crumb{{v.words.Why.Title, back}},
		action: "why-change", button: v.words.Why.Carry, change: change,
		form: func() templ.Component { return whyPage(v, x) },
		done: func() (answer, error) { return went(then, "saved") }})
}

// offered returns the edit that a form names, nil if it would not turn the decision round.
func (x *explanation) offered(form httpx.Form) *directory.EditDocument {
	for i := range x.Changes {
		for n := range x.Changes[i].Edits {
			e := &x.Changes[i].Edits[n]
			same := !slices.ContainsFunc(editFields(x, e), func(f option) bool {
				return f.value != "user" && f.value != "environment" && form[f.value] != f.text
			})
			if same {
				return e
			}
		}
	}
	return nil
}

// editing returns what makes an edit: the use case by which anybody makes it.
func (s *Surface) editing(ctx context.Context, v *visit, x *explanation,
	e *directory.EditDocument) (func(context.Context) error, error) {
	on := e.Kind == domain.EditActivate || e.Kind == domain.EditOpen || e.Kind == domain.EditGive
	patch := directory.UserPatch{}
	switch e.Kind {
	case domain.EditGive, domain.EditTake:
		return s.editingGroup(ctx, v, e.Group, x.Permission, on)
	case domain.EditOpen, domain.EditClose:
		in := directory.UpdateEnvironment{Environment: domain.NumberRef(e.Environment.ID),
			EnvironmentPatch: directory.EnvironmentPatch{Active: &on}}
		return func(ctx context.Context) error {
			_, err := s.uses.Environments.Update(ctx, v.caller, in)
			return err
		}, nil
	case domain.EditJoin, domain.EditLeave:
		in := directory.GroupMembers{Group: domain.GroupRef(e.Group.UUID), Users: []domain.UserRef{{ID: x.User.ID}}}
		if e.Kind == domain.EditJoin {
			return func(ctx context.Context) error { return s.uses.Users.Join(ctx, v.caller, in) }, nil
		}
		return func(ctx context.Context) error { return s.uses.Users.Leave(ctx, v.caller, in) }, nil
	case domain.EditActivate, domain.EditDeactivate:
		patch.Active = &on
	case domain.EditApprove:
		state := domain.Approved
		patch.State = &state
	case domain.EditRole:
		patch.Role = &e.Role
	case domain.EditPassword:
		return nil, domain.ErrForbidden
	default:
		return s.editingPlaces(ctx, v, x, e)
	}
	in := directory.UpdateUser{User: domain.UserRef{ID: x.User.ID}, UserPatch: patch}
	return func(ctx context.Context) error {
		_, err := s.uses.Users.Update(ctx, v.caller, in)
		return err
	}, nil
}

func (s *Surface) editingGroup(ctx context.Context, v *visit, group *domain.Group, p domain.Permission,
	on bool) (func(context.Context) error, error) {
	d, err := s.uses.Groups.Get(ctx, v.caller, domain.NumberedGroup(group.ID))
	if err != nil {
		return nil, err
	}
	named := d.Mask.Named() &^ p.Mask()
	if on {
		named |= p.Mask()
	}
	in := directory.UpdateGroup{Group: domain.NumberedGroup(d.ID), Version: d.Version(),
		GroupPatch: directory.GroupPatch{Named: &named}}
	return func(ctx context.Context) error {
		_, err := s.uses.Groups.Update(ctx, v.caller, in)
		return err
	}, nil
}

// editingPlaces changes the places that somebody is allowed, or blocked from.
func (s *Surface) editingPlaces(ctx context.Context, v *visit, x *explanation,
	e *directory.EditDocument) (func(context.Context) error, error) {
	u, err := s.uses.Users.Get(ctx, v.caller, directory.GetUser{User: domain.UserRef{ID: x.User.ID}})
	if err != nil {
		return nil, err
	}
	in := directory.UpdateUser{User: domain.UserRef{ID: u.ID}, Version: u.Version()}
	places := u.BlockedShown
	if e.Kind == domain.EditAllow || e.Kind == domain.EditDisallow {
		places = u.AllowedShown
	}
	var refs []domain.EnvironmentRef
	for _, place := range places {
		if place.ID != e.Environment.ID {
			refs = append(refs, domain.NumberRef(place.ID))
		}
	}
	if e.Kind == domain.EditAllow || e.Kind == domain.EditBlock {
		refs = append(refs, domain.NumberRef(e.Environment.ID))
	}
	in.Blocked = &refs
	if e.Kind == domain.EditAllow || e.Kind == domain.EditDisallow {
		in.Blocked, in.Allowed = nil, &refs
	}
	return func(ctx context.Context) error {
		_, err := s.uses.Users.Update(ctx, v.caller, in)
		return err
	}, nil
}

// askedUser returns what the field of the person shows: their login name once they were found.
func (v *visit) askedUser(x *explanation) string {
	if x != nil {
		return x.User.Alias
	}
	return v.value("user", v.query("user"))
}

// askedPlace returns what the field of the place shows: its path once it was found.
func (v *visit) askedPlace(x *explanation) string {
	if x != nil && x.Environment != nil {
		return placeRef(x.Environment.ShownPath)
	}
	return v.value("environment", v.query("environment"))
}
