package console

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/domain"
)

// peopleRoutes lists the pages of people in lists.
func (s *Surface) peopleRoutes(r fiber.Router) {
	r.Get(Base+"/"+peoplePage, s.on(s.people))
	r.Get(Base+"/people-bulk", s.on(s.bulk))
	r.Post(Base+"/people-bulk", s.on(s.changeBulk))
}

const peoplePage = "people"

// peopleOfAPage is how many a page of the list has.
const peopleOfAPage = 25

// peopleFilters are the parameters of the list, which are those of the same list for programs; but q is always
// looked for inside words.
var peopleFilters = []string{"env", "children", "q", "role", "group", "state", "active", "connected",
	"notConnectedSince", "blockedHome", "allowedOutside", "factor", "weakerThan", "programs", "oldKeys", "actsAs",
	"usable", "linked", "except", "emergency"}

// readPeople reads from the address which people are asked for, and in which order.
func (v *visit) readPeople() (in directory.ListUsers, err error) {
	in = directory.ListUsers{Environment: domain.EnvironmentRef(strings.TrimSpace(v.query("env"))),
		Group: domain.GroupRef(strings.TrimSpace(v.query("group")))}
	f := &in.Filter
	f.Part = strings.TrimPrefix(strings.TrimSpace(v.query("q")), "~")
	if role := v.query("role"); role != "" {
		if f.Role, err = domain.ParseRole(role); err != nil {
			return in, err
		}
	}
	if text := v.query("state"); text != "" {
		state, err := domain.ParseUserState(text)
		if err != nil {
			return in, err
		}
		f.State = &state
	}
	if day := strings.TrimSpace(v.query("notConnectedSince")); day != "" {
		if f.NotConnectedSince, err = time.Parse(time.DateOnly, day); err != nil {
			return in, domain.InvalidField("notConnectedSince", "Give a day, such as 2027-01-31.")
		}
	}
	if text := v.query("factor"); text != "" {
		strongest, err := domain.ParseProof("factor", text)
		if err != nil {
			return in, err
		}
		f.Strongest = &strongest
	}
	if text := v.query("weakerThan"); text != "" {
		if f.Weaker, err = domain.ParseProof("weakerThan", text); err != nil {
			return in, err
		}
	}
	if role := v.query("actsAs"); role != "" {
		if f.ActsAs, err = domain.ParseRole(role); err != nil {
			return in, domain.AsError(err).On("actsAs")
		}
	}
	if f.Except, err = domain.ParseBreakGlass("except", v.query("except")); err != nil {
		return in, err
	}
	var children, oldKeys, usable *bool
	for name, flag := range map[string]**bool{"active": &f.Active, "connected": &f.Connected,
		"blockedHome": &f.BlockedHome, "allowedOutside": &f.AllowedOutside, "children": &children,
		"programs": &f.Programs, "oldKeys": &oldKeys, "usable": &usable, "linked": &f.Linked,
		"emergency": &f.Emergency} {
		if *flag, err = httpx.QueryFlag(v.c, name); err != nil {
			return in, err
		}
	}
	in.Alone, in.OldKeys = children != nil && !*children, oldKeys != nil && *oldKeys
	in.Usable = usable != nil && *usable
	f.Order, err = domain.ParseUserOrder(v.query("sort"))
	return in, err
}

// A peopleList is what the page shows.
type peopleList struct {
	place *directory.EnvironmentDocument // nil if it could not be found
	users []directory.UserDocument
	next  domain.Cursor
	total int64
	more  bool // there may be more than total
}

// people is the list of people at a place.
func (s *Surface) people(ctx context.Context, v *visit) (answer, error) {
	l, err := s.listPeople(ctx, v, peopleOfAPage, domain.Cursor(v.query("after")))
	if err != nil {
		return v.mend(err, func() templ.Component { return peoplePageOf(v, &peopleList{}) })
	}
	return shown(peoplePageOf(v, &l))
}

// listPeople returns the people that the address asks for.
func (s *Surface) listPeople(ctx context.Context, v *visit, limit int, after domain.Cursor) (l peopleList, err error) {
	in, err := v.readPeople()
	if err != nil {
		return l, err
	}
	in.Total, in.Homes, in.Page = true, true, domain.Page{Limit: limit, After: after}
	list, err := s.uses.Users.List(ctx, v.caller, in)
	if domain.ErrNoWords.Is(err) { // the best there is
		in.Filter.Prefix, in.Filter.Part = in.Filter.Part, ""
		list, err = s.uses.Users.List(ctx, v.caller, in)
	}
	if err != nil {
		return l, err
	}
	for u, err := range list.Items {
		if err != nil {
			return l, err
		}
		l.users = append(l.users, u)
	}
	l.next, l.total, l.more = list.Next, list.Total, list.More
	if in.Environment == "" || !v.can(domain.EnvironmentRead) {
		return l, nil
	}
	place, err := s.uses.Environments.Get(ctx, v.caller, in.Environment)
	l.place = &place
	return l, err
}

// where returns the place of the list as a form names it: by its path where that is known.
func (l *peopleList) where(v *visit) string {
	if l.place == nil || l.place.ShownPath == "" {
		return v.query("env")
	}
	return placeRef(l.place.ShownPath)
}

// count says how many people there are.
func (l *peopleList) count(v *visit) string {
	if l.more {
		return v.counted(v.words.People.AtLeast, l.total)
	}
	return v.counted(v.words.People.Total, l.total)
}

// title says where the people of the list are.
func (l *peopleList) title(v *visit) string {
	w := &v.words.People
	switch {
	case l.place == nil:
		return w.Title
	case v.query("children") == "false":
		return fill(w.TitleOnlyAt, "place", l.place.Alias)
	}
	return fill(w.TitleAt, "place", l.place.Alias)
}

// placeWay returns the crumbs to a place: the places above it that the reader sees, and the place itself.
func placeWay(e *directory.EnvironmentDocument, page func(domain.EnvironmentID) string) []crumb {
	names := strings.Split(strings.Trim(e.ShownPath, "/"), "/")
	var way []crumb
	path := e.Path
	for i := len(names) - 1; i >= 0 && path != ""; i-- {
		way = append(way, crumb{names[i], page(path.ID())})
		path = path.Parent()
	}
	slices.Reverse(way)
	if n := len(way); n > 0 {
		way[n-1].page = ""
	}
	return way
}

// peopleAt returns the address of the list of people at a place.
func peopleAt(id domain.EnvironmentID) string { return at(peoplePage, "env", numberOf(id)) }

// peopleQuery returns the filter of the address, for the same list on another page.
func (v *visit) peopleQuery(more ...string) []string {
	all := slices.Clone(more)
	for _, name := range append(slices.Clip(peopleFilters), "sort") {
		all = append(all, name, v.query(name))
	}
	return all
}

// peopleCommand returns the command that asks for the same list as JSON.
func (v *visit) peopleCommand() string {
	q := url.Values{}
	for _, name := range append(slices.Clip(peopleFilters), "sort") {
		if value := v.query(name); value != "" {
			if name == "q" {
				value = "~" + strings.TrimPrefix(value, "~")
			}
			q.Set(name, value)
		}
	}
	q.Set("limit", strconv.Itoa(peopleOfAPage))
	return v.curl("users", q)
}

// peopleChips are what the filter keeps, each with the address of the list without it.
func (v *visit) peopleChips() []area {
	w := &v.words.People
	var chips []area
	for _, name := range peopleFilters[1:] {
		value := v.query(name)
		if value == "" {
			continue
		}
		texts := map[string]string{"q": fill(w.ChipPart, "text", value), "role": value,
			"group": fill(w.ChipGroup, "group", value), "state": value, "active": pick(value == "true", w.Active, w.Inactive),
			"connected":         pick(value == "true", w.EverIn, w.NeverIn),
			"notConnectedSince": fill(w.ChipSince, "day", value),
			"blockedHome":       pick(value == "true", w.BlockedHome, w.NotBlockedHome),
			"allowedOutside":    pick(value == "true", v.words.Overview.AllowedOutside, v.words.Overview.NotAllowedOutside),
			"children":          pick(value == "true", w.Below, w.Alone),
			"factor":            fill(v.words.Strength.ChipFactor, "proof", v.proofNamed(value)),
			"weakerThan":        fill(v.words.Strength.ChipWeaker, "proof", v.proofNamed(value)),
			"programs":          pick(value == "true", v.words.Strength.Programs, v.words.Strength.People),
			"oldKeys":           v.words.Strength.OldKeys,
			"usable":            v.words.Strength.ChipUsable,
			"linked":            pick(value == "true", v.words.Strength.ChipLinked, v.words.Strength.ChipNotLinked),
			"except":            v.counted(v.words.Strength.ChipExcept, int64(1+strings.Count(value, ","))),
			"emergency":         pick(value == "true", v.words.Strength.BreakGlass, v.words.Strength.NotBreakGlass)}
		text := texts[name]
		for _, o := range slices.Concat(v.roleOptions(domain.RoleSuperUser), v.stateOptions()) {
			if (name == "role" || name == "state") && o.value == value {
				text = o.text
			}
			if name == "actsAs" && o.value == value {
				text = fill(v.words.Strength.ChipActs, "role", o.text)
			}
		}
		chips = append(chips, area{name, v.with(name, "", "after", ""), text})
	}
	return chips
}

// narrowed reports whether the address has one of the filters that are shown only if they are asked for.
func (v *visit) narrowed() bool {
	return slices.ContainsFunc([]string{"children", "active", "role", "group", "connected", "notConnectedSince",
		"factor", "programs"},
		func(name string) bool { return v.query(name) != "" })
}

func pick(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}

// roleOptions are the choices of a role up to the highest that may be given.
func (v *view) roleOptions(most domain.Role) []option {
	var all []option
	for _, r := range domain.Roles {
		if r <= most {
			all = append(all, option{r.String(), v.role(r)})
		}
	}
	return all
}

func (v *view) stateOptions() []option {
	w := &v.words.People
	return []option{{"approved", w.Approved}, {"pending", w.Pending}, {"unverified", w.Unverified}, {"invited", w.Invited}}
}

// any puts the choice of all before others.
func (v *view) any(options ...option) []option {
	return append([]option{{"", v.words.People.Any}}, options...)
}

// A column is one by which the list is sorted.
type column struct{ order, text string }

func (v *view) peopleColumns() []column {
	w := &v.words.People
	return []column{{"name", w.Name}, {"alias", w.Login}, {"", w.Place}}
}

// sorted says how the list is sorted by an order, as aria-sort does.
func (v *visit) sorted(order string) string {
	switch now := v.query("sort"); {
	case now == order || order == "" && now == "tree":
		return "ascending"
	case order != "" && now == "-"+order:
		return "descending"
	}
	return ""
}

// sortLink returns the address of the list sorted by an order, or the other way round if it is so already.
func (v *visit) sortLink(order string) string {
	if order != "" && v.query("sort") == order {
		order = "-" + order
	}
	return v.with("sort", order, "after", "")
}

// status says in a word whether somebody can use their account, and how that is shown.
func (v *view) status(u *domain.User) (kind, text string) {
	w := &v.words.People
	switch {
	case u.Archived:
		return "bad", w.Archived
	case !u.Active:
		return "bad", w.Inactive
	case u.State == domain.Pending:
		return "warn", w.Pending
	case u.State == domain.Unverified:
		return "warn", w.Unverified
	case u.State == domain.Invited:
		return "", w.Invited
	}
	return "good", w.Active
}

// groupNames are the groups of somebody that the reader may be told.
func groupNames(u *directory.UserDocument) string {
	var names []string
	for g := range u.AllGroups() {
		names = append(names, g.Alias)
	}
	return strings.Join(names, ", ")
}

// bulkPeople is how many of those who are changed together are shown by name.
const bulkPeople = 50

// bulk asks what to do with everybody on a list.
func (s *Surface) bulk(ctx context.Context, v *visit) (answer, error) {
	l, err := s.listPeople(ctx, v, bulkPeople, "")
	if err != nil {
		return answer{}, err
	}
	return shown(bulkPage(v, &l, nil))
}

// changeBulk changes everybody on a list, after showing what that would do.
func (s *Surface) changeBulk(ctx context.Context, v *visit) (answer, error) {
	l, err := s.listPeople(ctx, v, bulkPeople, "")
	if err != nil {
		return answer{}, err
	}
	var refused *directory.RefusedUsers
	form := func() templ.Component { return bulkPage(v, &l, refused) }
	in, err := v.readBulk()
	if err != nil {
		return v.mend(err, form)
	}
	var done directory.UsersUpdated
	return s.planned(ctx, v, plan{area: areaPeople, title: v.counted(v.words.People.BulkTitle, l.total),
		action: at("people-bulk", v.peopleQuery()...), button: v.counted(v.words.People.BulkDo, l.total),
		bad: in.Action == directory.DeleteUsers || in.Action == directory.RejectUsers, form: form,
		change: func(ctx context.Context) (err error) {
			done, err = s.uses.Users.UpdateAll(ctx, v.caller, in)
			errors.As(err, &refused)
			return err
		},
		done: func() (answer, error) {
			return went(at(peoplePage, v.peopleQuery("n", strconv.FormatInt(done.Changed, 10))...), "bulk")
		}})
}

// readBulk reads what is to be done with everybody.
func (v *visit) readBulk() (in directory.UpdateUsers, err error) {
	if in.List, err = v.readPeople(); err != nil {
		return in, err
	}
	if expect, err := strconv.ParseInt(v.form["expect"], 10, 64); err == nil {
		in.Expect = &expect
	}
	switch op := v.form["op"]; op {
	case "activate", "deactivate":
		in.Active = new(op == "activate")
	case "role":
		role, err := domain.ParseRole(v.form["role"])
		in.Role = &role
		return in, err
	case "language":
		in.Language = new(v.form["language"])
	case "join", "leave":
		group := strings.TrimSpace(v.form["groups"])
		if group == "" {
			return in, domain.InvalidField("groups", "Choose a group.")
		}
		if op == "join" {
			in.Join = []domain.GroupRef{domain.GroupRef(group)}
		} else {
			in.Leave = []domain.GroupRef{domain.GroupRef(group)}
		}
	default:
		in.Action, err = directory.ParseUserAction(op)
	}
	return in, err
}

// bulkActions are what can be done with everybody, as far as the caller may do such things at all.
func (v *visit) bulkActions() []option {
	w := &v.words.People
	var all []option
	if v.can(domain.UserUpdate) {
		all = append(all, option{"deactivate", w.OpDeactivate}, option{"activate", w.OpActivate},
			option{"approve", w.OpApprove},
			option{"role", w.OpRole}, option{"join", w.OpJoin}, option{"leave", w.OpLeave},
			option{"language", w.OpLanguage}, option{string(directory.EndSessions), w.OpSessions})
	}
	if v.can(domain.UserDelete) {
		all = append(all, option{"reject", w.OpReject}, option{"delete", w.OpDelete})
	}
	return all
}
