package console

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"canopy/app/directory"
	"canopy/app/httpx"
	table "canopy/app/transfer/document"
	"canopy/domain"
)

// auditRoutes lists the pages of what happened.
func (s *Surface) auditRoutes(r fiber.Router) {
	r.Get(Base+"/"+auditPage, s.on(s.audit))
	r.Get(Base+"/audit-export", s.on(s.exportAudit))
}

const auditPage = "audit"

// auditFilters are the parameters that choose what is shown.
var auditFilters = []string{"env", "actor", "target", "action", "day", "from", "until"}

// entriesOfAPage is how many a page has.
const entriesOfAPage = 25

// readAudit reads from the address what to show.
func (v *visit) readAudit() (in directory.ListAudit, err error) {
	in = directory.ListAudit{Environment: domain.EnvironmentRef(strings.TrimSpace(v.query("env"))), Named: true,
		Filter: domain.AuditFilter{Actor: strings.TrimSpace(v.query("actor")),
			Target: strings.TrimSpace(v.query("target")), Action: v.query("action")}}
	in.Everywhere = in.Environment == ""
	day, err := v.readDay("day")
	if err != nil {
		return in, err
	}
	if in.Filter.From, in.Filter.Until = day, dayAfter(day); !day.IsZero() {
		return in, nil
	}
	if in.Filter.From, err = v.readDay("from"); err != nil {
		return in, err
	}
	last, err := v.readDay("until")
	if err != nil {
		return in, err
	}
	in.Filter.Until = dayAfter(last)
	return in, nil
}

// readDay reads a day of the address, which begins in the caller's own time zone; without one it returns no time.
func (v *visit) readDay(name string) (time.Time, error) {
	text := strings.TrimSpace(v.query(name))
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, text, v.zone)
	if err != nil {
		return day, domain.InvalidField(name, "Give a day, such as 2027-01-31.")
	}
	return day, nil
}

func dayAfter(day time.Time) time.Time {
	if day.IsZero() {
		return day
	}
	return day.AddDate(0, 0, 1)
}

// audit is the page of what happened, the newest first.
func (s *Surface) audit(ctx context.Context, v *visit) (answer, error) {
	in, err := v.readAudit()
	in.Page = domain.Page{Limit: entriesOfAPage, After: domain.Cursor(v.query("after"))}
	var list directory.Listed[directory.AuditDocument]
	if err == nil {
		list, err = s.uses.Audit.List(ctx, v.caller, in)
	}
	if err != nil {
		return v.mend(err, func() templ.Component { return auditPageOf(v, nil, "") })
	}
	var entries []directory.AuditDocument
	for e, err := range list.Items {
		if err != nil {
			return answer{}, err
		}
		entries = append(entries, e)
	}
	return shown(auditPageOf(v, entries, list.Next))
}

// exportAudit sends all that the filter keeps as a table.
func (s *Surface) exportAudit(ctx context.Context, v *visit) (answer, error) {
	in, err := v.readAudit()
	if err != nil {
		return answer{}, err
	}
	list, err := s.uses.Audit.List(ctx, v.caller, in)
	if err != nil {
		return answer{}, err
	}
	return answer{file: func(c *fiber.Ctx) error {
		return httpx.Table(c, "history.csv", table.AuditColumns, list.Items, table.AuditRows)
	}}, nil
}

// auditQuery returns the filter as an address has it.
func (v *visit) auditQuery() string {
	_, query, chosen := strings.Cut(v.with("after", ""), "?")
	if !chosen {
		return ""
	}
	return "?" + query
}

// filtered reports whether the address chooses anything.
func (v *visit) filtered() bool {
	return slices.ContainsFunc(auditFilters, func(name string) bool { return v.query(name) != "" })
}

// auditChips are what the filter keeps, each with the address of the page without it.
func (v *visit) auditChips() []area {
	var chips []area
	for _, name := range auditFilters {
		value := v.query(name)
		if value == "" {
			continue
		}
		text := value
		switch name {
		case "action":
			for _, o := range v.auditActions() {
				if o.value == value {
					text = o.text
				}
			}
		case "actor":
			text = v.words.Audit.Doers.of(value)
		case "day", "from", "until":
			if day, err := v.readDay(name); err == nil {
				text = v.day(day)
			}
		}
		chips = append(chips, area{name, v.with(name, "", "after", ""), v.words.Audit.Filters.of(name) + ": " + text})
	}
	return chips
}

// auditActions are the choices of what happened. One that the address has besides them is there too.
func (v *visit) auditActions() []option {
	w := &v.words.Audit.Actions
	all := []option{{"", w.Any}, {"user", w.User}, {"user:create", w.UserCreate}, {"user:update", w.UserUpdate},
		{"user:delete", w.UserDelete}, {"group", w.Group}, {"environment", w.Place}, {domain.SignInKind, w.SignIn},
		{domain.SignInSuccess, w.SignInSuccess}, {domain.SignInFailure, w.SignInFailure},
		{domain.SignInPassword, w.SignInPassword}, {"session", w.Session}, {"apikey", w.Key}, {"factor", w.Factor}}
	asked := v.query("action")
	if !slices.ContainsFunc(all, func(o option) bool { return o.value == asked }) {
		all = append(all, option{asked, asked})
	}
	return all
}

// A segment is a part of a sentence: text, or the name of the place in which something stands.
type segment struct{ text, place string }

// segments takes a sentence apart at its places.
func segments(sentence string) []segment {
	var all []segment
	for sentence != "" {
		text, rest, more := strings.Cut(sentence, "{")
		if text != "" {
			all = append(all, segment{text: text})
		}
		if !more {
			break
		}
		place, after, _ := strings.Cut(rest, "}")
		all = append(all, segment{place: place})
		sentence = after
	}
	return all
}

// auditSentence says what happened.
func (v *visit) auditSentence(e *directory.AuditDocument) []segment {
	w := &v.words.Audit.Sentences
	sentence := map[string]string{
		"user:create": w.UserCreate, "user:update": w.UserUpdate, "user:delete": w.UserDelete,
		"group:create": w.GroupCreate, "group:update": w.GroupUpdate, "group:delete": w.GroupDelete,
		"environment:create": w.PlaceCreate, "environment:update": w.PlaceUpdate, "environment:delete": w.PlaceDelete,
		"environment:signin": w.PlaceSignIn,
		domain.SignInSuccess: w.SignInSuccess, domain.SignInFailure: w.SignInFailure,
		domain.SignInPassword: w.SignInPassword, "session:end": w.SessionEnd,
		"apikey:create": w.KeyCreate, "apikey:show": w.KeyShow, "apikey:revoke": w.KeyRevoke,
		"provider:link": w.Link, "provider:unlink": w.Unlink, "domain:prove": w.Prove, "domain:forget": w.Forget,
		domain.SignInBreakGlass: w.BreakGlass, domain.EmergencyLost: w.EmergencyLost,
		"factor:add": w.FactorAdd, "factor:rename": w.FactorRename, "factor:remove": w.FactorRemove,
		"factor:codes": w.FactorCodes, "factor:recover": w.FactorRecover,
		"key:rotate": w.ServerKey, "key:revoke": w.ServerKey,
	}[e.Action]
	if sentence != "" {
		return segments(sentence)
	}
	switch _, verb, _ := strings.Cut(e.Action, ":"); verb {
	case "create":
		sentence = w.OtherCreate
	case "update":
		sentence = w.OtherUpdate
	case "delete":
		sentence = w.OtherDelete
	default:
		sentence = w.Other
	}
	return segments(sentence)
}

// targetPage returns the address of the page about what an entry is about; empty if there is none.
func targetPage(e *directory.AuditDocument) string {
	_, verb, _ := strings.Cut(e.Action, ":")
	if verb == "delete" || e.Target.ID == 0 {
		return ""
	}
	return pageOf(e.Target)
}

// pageOf returns the address of the page about a target; empty if there is none.
func pageOf(t domain.Target) string {
	id := string(domain.NumberRef(domain.EnvironmentID(t.ID)))
	switch t.Kind {
	case "user", domain.SignInKind:
		return at("person", "id", id)
	case "group":
		return at("group", "id", id)
	case "environment":
		return at("place", "id", id)
	}
	return ""
}

// actorPage returns the address of the page about who made an entry; empty if that is nobody's.
func actorPage(e *directory.AuditDocument) string {
	if e.Actor.User == 0 {
		return ""
	}
	return at("person", "id", string(domain.NumberRef(domain.EnvironmentID(e.Actor.User))))
}

// from says by what an entry was made, and from where if that was noted.
func (v *visit) from(e *directory.AuditDocument) []string {
	w := &v.words.Audit
	by := fill(w.ByAPI, "surface", e.Request.Surface)
	switch e.Request.Surface {
	case "":
		by = w.ByCommand
	case "console":
		by = w.ByConsole
	}
	if e.Target.Kind == domain.SignInKind {
		for _, c := range e.Changes {
			if c.Field == "network" && c.After != "" {
				return []string{by, fill(w.FromNetwork, "network", c.After)}
			}
		}
	}
	return []string{by}
}

// folds reports whether the details of an entry are shown only if they are asked for: of what is made or is no
// more there are many, and few of interest.
func folds(e *directory.AuditDocument, changes []shownChange) bool {
	return len(changes) > 12 || len(changes) > 3 && !strings.HasSuffix(e.Action, ":update")
}

// A shownChange is a field in words: what went and what came.
type shownChange struct {
	label      string
	gone, came []string
}

// auditChanges are the changes of an entry in words. Of what is made, or is no more, those are left out that
// say nothing.
func (v *visit) auditChanges(e *directory.AuditDocument) []shownChange {
	w := &v.words.Audit
	_, verb, _ := strings.Cut(e.Action, ":")
	var all []shownChange
	for i, c := range e.Changes {
		s := shownChange{label: v.fieldName(c.Field)}
		if c.Field == "alias" && e.Target.Kind != "user" {
			s.label = w.Fields.Name
		}
		named := i < len(e.Named) && len(e.Named[i].Before)+len(e.Named[i].After) > 0 // of what has no number yet
		switch {
		case e.Target.Kind == domain.SignInKind && c.Field == "network": // which from says
			continue
		case verb != "update" && idle(c.Before) && idle(c.After) && !named:
			continue
		case i < len(e.Named) && e.Named[i].Before != nil:
			s.gone, s.came = apart(e.Named[i].Before, e.Named[i].After)
		case c.Field == "permission":
			before, _ := domain.ParseMask(c.Before) // what is none gives nothing
			after, _ := domain.ParseMask(c.After)
			s.gone, s.came = apart(v.namesOf(before), v.namesOf(after))
		case c.Field == "picture" || c.Field == "password" || c.Field == "last_password" || c.Before == c.After:
			s.came = []string{w.Different}
		default:
			s.gone, s.came = v.auditValue(c.Field, c.Before), v.auditValue(c.Field, c.After)
			if verb == "update" && s.came == nil {
				s.came = []string{w.Nothing}
			}
		}
		all = append(all, s)
	}
	return all
}

// idle reports whether a value is what a field has of which nothing was said.
func idle(value string) bool { return value == "" || value == "false" || value == "0" }

// namesOf returns what a mask gives in words.
func (v *view) namesOf(mask domain.Mask) []string {
	var names []string
	for _, p := range domain.Catalogue {
		if mask.Has(p.Permission) {
			names = append(names, v.words.Permissions[p.Permission].Name)
		}
	}
	return names
}

// apart returns what is only in before and only in after.
func apart(before, after []string) (gone, came []string) {
	without := func(all, other []string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(other, s) })
	}
	return without(before, after), without(after, before)
}

// fieldName returns what a field is called.
func (v *view) fieldName(field string) string {
	w := &v.words.Strength
	if text := map[string]string{"min_password": w.MinPassword, "min_password_with_factor": w.MinPasswordWithFactor,
		"min_set_password": w.MinSetPassword, "password_days": w.PasswordDaysField, "people": w.OfPeople,
		"admins": w.OfAdmins, "above": w.OfAbove, "proof_age": w.ProofAge, "grace": w.Grace, "programs_exempt": w.Exempt,
		"only_provider": w.OnlyProvider, "break_glass": w.BreakGlass}[field]; text != "" {
		return text
	}
	return v.words.Audit.Fields.of(field)
}

// auditValue returns a value in words, nil for none.
func (v *visit) auditValue(field, value string) []string {
	w := v.words
	switch {
	case value == "":
		return nil
	case value == "true":
		return []string{w.Shell.Yes}
	case value == "false":
		return []string{w.Shell.No}
	case field == "role":
		return []string{w.Roles.roleText(value)}
	case field == "state":
		return []string{w.Audit.States.of(value)}
	case slices.Contains([]string{"people", "admins", "above"}, field):
		if p, err := domain.ParseProof(field, value); err == nil {
			return []string{v.demand(p)}
		}
	case field == "language":
		for _, o := range v.languages() {
			if strings.EqualFold(o.value, value) {
				return []string{o.text}
			}
		}
	}
	if t, err := time.Parse(time.RFC3339, value); err == nil {
		return []string{v.when(t)}
	}
	return []string{value}
}
