package rest

import (
	"net/url"
	"strconv"
	"time"
	_ "time/tzdata" // zones of environments, also on machines without a database of them

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/app/transfer/document"
	"canopy/domain"
)

// writer writes one value as a member or, with an empty key, as an element.
type writer[T any] func(w *httpx.Writer, key string, v *T)

// encode answers with one value as data.
func encode[T any](s *Surface, write writer[T]) func(*fiber.Ctx, T) error {
	return func(c *fiber.Ctx, v T) error {
		w := s.envelope(fiber.StatusOK)
		write(w, "data", &v)
		w.Close('}')
		return send(c, fiber.StatusOK, w)
	}
}

// encodeAll answers with a list of values as data.
func encodeAll[T any](s *Surface, write writer[T]) func(*fiber.Ctx, []T) error {
	return func(c *fiber.Ctx, all []T) error {
		w := s.envelope(fiber.StatusOK)
		w.Open("data", '[')
		for i := range all {
			write(w, "", &all[i])
		}
		w.Close(']')
		w.Close('}')
		return send(c, fiber.StatusOK, w)
	}
}

// encodeTrue answers that something was done.
func encodeTrue[T any](s *Surface) func(*fiber.Ctx, T) error {
	return encode(s, func(w *httpx.Writer, key string, _ *T) { w.Flag(key, true) })
}

// setTotal says how many there are on all pages, unless that is negative, and whether there may be more.
func setTotal(c *fiber.Ctx, total int64, more bool) {
	if total < 0 {
		return
	}
	c.Set("X-Total-Count", strconv.FormatInt(total, 10))
	if more {
		c.Set("X-Total-More", "true")
	}
}

// encodeListed answers with a list that is read while it is written.
func encodeListed[T any](s *Surface, write writer[T]) func(*fiber.Ctx, directory.Listed[T]) error {
	return func(c *fiber.Ctx, list directory.Listed[T]) error {
		httpx.LinkNext(c, list.Next)
		setTotal(c, list.Total, list.More)
		return httpx.Stream(c, list.Items,
			func(w *httpx.Writer) {
				s.open(w, fiber.StatusOK)
				w.Open("data", '[')
			},
			func(w *httpx.Writer, v *T) { write(w, "", v) },
			func(w *httpx.Writer) {
				w.Close(']')
				w.Close('}')
			})
	}
}

func (s *Surface) encodeUsable(c *fiber.Ctx, u directory.UsableGroups) error {
	httpx.LinkNext(c, u.Next)
	return encodeAll(s, writeGroup)(c, u.Groups)
}

func (s *Surface) encodeUserList(c *fiber.Ctx, list directory.Listed[directory.UserDocument]) error {
	if table, _ := asTable(c); table { // which was read before
		httpx.LinkNext(c, list.Next)
		setTotal(c, list.Total, list.More)
		return httpx.Table(c, "people.csv", document.UserColumns(), list.Items, document.UserRows)
	}
	return encodeListed(s, make(fragments).writeUser)(c, list)
}

// fragments remembers, within one answer, the text of groups and environments, which come
// again and again on a list of users.
type fragments map[any][]byte

// maxFragments bounds them: an answer may have any number of users.
const maxFragments = 400

// write writes what of points to, as text writes it into an empty Writer.
func (f fragments) write(w *httpx.Writer, key string, of any, text func(*httpx.Writer)) {
	known, ok := f[of]
	if !ok {
		var sub httpx.Writer
		text(&sub)
		known = sub.Bytes()
		if len(f) == maxFragments {
			clear(f)
		}
		f[of] = known
	}
	w.Raw(key, known)
}

func (s *Surface) encodeCreatedUser(c *fiber.Ctx, u directory.UserDocument) error {
	c.Set(fiber.HeaderLocation, "/rest/users/"+url.PathEscape(u.Alias))
	return encodeTrue[directory.UserDocument](s)(c, u)
}

// encodeToken answers a sign-in. The date is in the zone of the environment the token is
// for, as in the published sample.
func (s *Surface) encodeToken(c *fiber.Ctx, t accounts.SignedIn) error {
	zone, err := time.LoadLocation(t.Environment.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	return encode(s, func(w *httpx.Writer, key string, t *accounts.SignedIn) {
		w.Open(key, '{')
		w.Text("Token", t.Access)
		w.Text("Expiration_date", t.Expires.In(zone).Format("2006/01/02 15:04:05"))
		w.Text("Default_env", t.Environment.Alias)
		w.Close('}')
	})(c, t)
}

// writeUser writes one user.
func writeUser(w *httpx.Writer, key string, u *directory.UserDocument) {
	make(fragments).writeUser(w, key, u)
}

// writeUser writes a user as the document shows one; what is ours comes behind envsbloque.
func (f fragments) writeUser(w *httpx.Writer, key string, u *directory.UserDocument) {
	w.Open(key, '{')
	w.Number("userid", int64(u.ID))
	w.Open("person", '{')
	w.Number("trkid", int64(u.Person.ID))
	w.Text("firstname", u.Person.FirstName)
	w.Text("lastname", u.Person.LastName)
	w.Text("mailaddress", u.Person.Mail)
	w.Text("phone", u.Person.Phone)
	w.TextOrNull("role", u.Person.JobTitle)
	w.TextOrNull("service", u.Person.Department)
	w.Close('}')
	f.writeChain(w, "group", u.Group)
	w.Text("alias", u.Alias)
	w.Number("envId", int64(u.Home))
	w.Null("password")
	w.Number("passworddelay", int64(u.PasswordDelay))
	w.Text("language", u.Language)
	writeMillis(w, "lastconnected", u.LastConnected)
	writeMillis(w, "lastpassword", u.LastPassword)
	w.Flag("active", u.Active)
	w.Number("revokedelay", int64(u.RevokeDelay))
	w.Number("defaultpage", u.DefaultPage)
	w.Flag("firstaccess", u.FirstAccess)
	if u.LastSeen.IsZero() {
		w.Null("logged")
	} else {
		w.Text("logged", strconv.FormatInt(u.LastSeen.UnixMilli(), 10))
	}
	w.TextOrNull("timezone", u.TimeZone)
	f.writeEnvironments(w, "envs", u.AllowedShown)
	f.writeEnvironments(w, "envsbloque", u.BlockedShown)

	w.Text("role", u.Role.String())
	httpx.WriteShown(w, "organization", u.OrganizationShown)
	w.Open("groups", '[')
	for _, id := range u.FurtherGroups {
		w.Number("", int64(id))
	}
	w.Close(']')
	w.Text("id", string(u.UUID))
	w.Text("state", u.State.String())
	if u.Factors != 0 {
		writeTexts(w, "factors", factorNames(u.Factors))
	}
	if u.AllowedReached > len(u.AllowedShown) {
		w.Number("envsCount", int64(u.AllowedReached))
	}
	if u.BlockedReached > len(u.BlockedShown) {
		w.Number("envsbloqueCount", int64(u.BlockedReached))
	}
	w.Close('}')
}

// factorNames returns the names of the proofs that somebody with these factors can give beside a password.
func factorNames(f domain.Factors) []string {
	var names []string
	for kind := domain.CodeFactor; kind <= domain.PasskeyFactor; kind <<= 1 {
		if f&kind != 0 {
			names = append(names, kind.Strongest().String())
		}
	}
	return names
}

func writeMillis(w *httpx.Writer, key string, t time.Time) {
	if t.IsZero() {
		w.Null(key)
		return
	}
	w.Number(key, t.UnixMilli())
}

// writeChain writes a group with the groups above it inside one another, up to a child of
// the root group, whose parent is the number 1.
func writeChain(w *httpx.Writer, key string, chain []domain.Group) {
	if len(chain) == 0 {
		w.Null(key)
		return
	}
	openGroup(w, key, chain)
	w.Close('}')
}

func openGroup(w *httpx.Writer, key string, chain []domain.Group) {
	g := &chain[0]
	w.Open(key, '{')
	w.Number("id", int64(g.ID))
	w.Text("alias", g.Alias)
	if len(chain) == 1 {
		w.Number("parent", int64(g.Parent))
	} else {
		writeChain(w, "parent", chain[1:])
	}
	w.Text("permission", g.Mask.String())
}

func (f fragments) writeChain(w *httpx.Writer, key string, chain []domain.Group) {
	if len(chain) == 0 {
		w.Null(key)
		return
	}
	f.write(w, key, &chain[0], func(sub *httpx.Writer) { writeChain(sub, "", chain) })
}

func (f fragments) writeEnvironments(w *httpx.Writer, key string, all []directory.EnvironmentShown) {
	w.Open(key, '[')
	for _, e := range all {
		f.write(w, "", e.Environment, func(sub *httpx.Writer) {
			openEnvironment(sub, "", e)
			sub.Close('}')
		})
	}
	w.Close(']')
}

// openEnvironment writes the documented keys of an environment.
func openEnvironment(w *httpx.Writer, key string, e directory.EnvironmentShown) {
	w.Open(key, '{')
	w.Number("envid", int64(e.ID))
	httpx.WriteShown(w, "parent", e.Parent)
	w.Text("alias", e.Alias)
	w.Text("code", e.Code)
	w.Flag("sendurl", e.SendURL)
	w.Flag("active", e.Active)
	w.Text("timezone", e.TimeZone)
	w.Text("gitRepository", e.GitRepository)
}

func writeEnvironment(w *httpx.Writer, key string, e *directory.EnvironmentDocument) {
	openEnvironment(w, key, directory.EnvironmentShown{Environment: &e.Environment, Parent: e.Parent})
	w.Flag("organization", e.IsOrganization)
	w.Text("path", e.ShownPath)
	w.Text("id", string(e.UUID))
	if e.Counts != nil {
		w.Flag("hasChildren", e.Counts.HasChildren)
		writeCountOrNull(w, "people", e.Counts.People)
		writeCountOrNull(w, "peopleBelow", e.Counts.PeopleBelow)
	}
	w.Close('}')
}

// writeCountOrNull writes a count, null where it is not the reader's to know.
func writeCountOrNull(w *httpx.Writer, key string, n int64) {
	if n < 0 {
		w.Null(key)
		return
	}
	w.Number(key, n)
}

func writeGroup(w *httpx.Writer, key string, g *directory.GroupDocument) {
	openGroup(w, key, g.Chain)
	httpx.WriteShown(w, "organization", g.OrganizationShown)
	w.Text("effective", g.Effective.String())
	w.Text("uuid", string(g.UUID))
	writeTexts(w, "permissions", g.Mask.Permissions())
	writeTexts(w, "effectivePermissions", g.Effective.Permissions())
	writeTexts(w, "warnings", g.Warnings())
	if g.Counted {
		writeTally(w, "members", g.Members)
	}
	w.Close('}')
}

// writeTally writes how many of something there are, null where it is not the reader's to know.
func writeTally(w *httpx.Writer, key string, t *domain.Tally) {
	if t == nil {
		w.Null(key)
		return
	}
	w.Open(key, '{')
	w.Number("count", t.N)
	w.Flag("more", t.More)
	w.Close('}')
}

func writeTexts(w *httpx.Writer, key string, texts []string) {
	w.Open(key, '[')
	for _, text := range texts {
		w.Text("", text)
	}
	w.Close(']')
}

func writeRoles(w *httpx.Writer, key string, roles []domain.Role) {
	w.Open(key, '[')
	for _, role := range roles {
		w.Text("", role.String())
	}
	w.Close(']')
}

func writePermission(w *httpx.Writer, key string, p *directory.PermissionDocument) {
	w.Open(key, '{')
	w.Number("bit", int64(p.Permission))
	w.Text("permission", p.Code())
	w.Text("mask", p.Permission.Mask().String())
	w.Text("description", p.Description)
	w.Open("roles", '{')
	writeRoles(w, "self", p.Own)
	writeRoles(w, "reach", p.Reach)
	w.Close('}')
	w.Close('}')
}

func writeExplanation(w *httpx.Writer, key string, x *directory.ExplanationDocument) {
	w.Open(key, '{')
	w.Flag("allowed", x.Allowed)
	w.Text("because", x.Sentence())
	writeTexts(w, "instead", x.Instead())
	w.Text("user", x.User.Alias)
	w.Text("permission", x.Permission.String())
	writePlace(w, "environment", x.Environment)
	w.Flag("usable", x.Usable)
	w.Text("role", x.Role.String())
	w.Text("position", x.Position.String())
	w.TextOrNull("policy", x.Policy)
	w.Flag("held", x.Held)
	w.Open("groups", '[')
	for i, reason := range x.Groups {
		w.Open("", '{')
		w.Flag("gives", reason.Gives)
		if reason.WithheldBy == 0 {
			w.Null("withheldBy")
		} else {
			w.Number("withheldBy", int64(reason.WithheldBy))
		}
		w.TextOrNull("withheldByAlias", directory.WithheldBy(&reason, x.Chains[i]))
		writeChain(w, "group", x.Chains[i])
		w.Close('}')
	}
	w.Close(']')
	writeCause(w, "included", x.Included.Kind, x.IncludedBy)
	writeCause(w, "excluded", x.Excluded.Kind, x.ExcludedBy)
	if x.Asked {
		writeReasons(w, x)
		writeWhatWouldChange(w, x)
	}
	w.Close('}')
}

func writePlace(w *httpx.Writer, key string, e *directory.EnvironmentDocument) {
	if e == nil {
		w.Null(key)
		return
	}
	w.Open(key, '{')
	w.Number("envid", int64(e.ID))
	w.Text("path", e.ShownPath)
	w.Close('}')
}

func writeCause(w *httpx.Writer, key string, kind domain.CauseKind, by *directory.EnvironmentDocument) {
	if kind == domain.CauseNone {
		w.Null(key)
		return
	}
	w.Open(key, '{')
	w.Text("by", kind.String())
	writePlace(w, "environment", by)
	w.Close('}')
}

func (s *Surface) encodeAudit(c *fiber.Ctx, list directory.Listed[directory.AuditDocument]) error {
	if table, _ := asTable(c); table { // which was read before
		httpx.LinkNext(c, list.Next)
		return httpx.Table(c, "history.csv", document.AuditColumns, list.Items, document.AuditRows)
	}
	return encodeListed(s, writeAudit)(c, list)
}

func writeAudit(w *httpx.Writer, key string, a *directory.AuditDocument) {
	w.Open(key, '{')
	w.Text("id", string(a.ID))
	w.Number("at", a.At.UnixMilli())
	w.TextOrNull("actor", a.Actor.Alias)
	w.Text("action", a.Action)
	w.Open("target", '{')
	w.Text("kind", a.Target.Kind)
	w.Number("id", a.Target.ID)
	w.Text("name", a.Target.Name)
	w.Close('}')
	w.Number("envId", int64(a.Place))
	if a.ShownPlace != "" {
		w.Text("path", a.ShownPlace)
	}
	writeChanges(w, a.Changes, a.Named)
	w.Text("request", a.Request.ID)
	w.TextOrNull("clientRequest", a.Request.ClientID)
	w.Text("surface", a.Request.Surface)
	if !a.Last.IsZero() {
		w.Number("times", a.Times)
		w.Number("last", a.Last.UnixMilli())
	}
	w.Close('}')
}

// writeChanges writes changes with the names of what they have by number; named may be nil.
func writeChanges(w *httpx.Writer, changes []domain.Change, named []directory.NamedChange) {
	w.Open("changes", '[')
	for i, change := range changes {
		w.Open("", '{')
		w.Text("field", FieldNames.Of(change.Field))
		w.Text("before", change.Before)
		w.Text("after", change.After)
		if named != nil && named[i].Before != nil {
			writeTexts(w, "beforeNames", named[i].Before)
			writeTexts(w, "afterNames", named[i].After)
		}
		w.Close('}')
	}
	w.Close(']')
}

func writeSession(w *httpx.Writer, key string, s *accounts.SessionDocument) {
	w.Open(key, '{')
	w.Text("id", string(s.ID))
	w.Text("kind", s.Kind.String())
	w.Number("begun", s.Created.UnixMilli())
	w.Number("used", s.LastUsed.UnixMilli())
	w.Number("ends", s.Expires.UnixMilli())
	w.Text("client", s.Client)
	w.Text("network", s.Network)
	w.Text("surface", s.Surface)
	w.Text("proof", s.Proved.Proof.String())
	w.Flag("current", s.Current)
	browser, system := domain.BrowserOf(s.Client)
	w.TextOrNull("browser", browser)
	w.TextOrNull("system", system)
	w.Close('}')
}
