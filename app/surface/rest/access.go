package rest

import (
	"github.com/gofiber/fiber/v2"

	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/domain"
)

func decodeAccessOf(c *fiber.Ctx) (directory.AccessOf, error) {
	ref, err := decodeUserRef(c)
	return directory.AccessOf{User: ref}, err
}

// decodeReaching reads an environment's number, alias, or path whose slashes are encoded.
func decodeReaching(c *fiber.Ctx) (directory.ListReaching, error) {
	in := directory.ListReaching{Environment: domain.EnvironmentRef(httpx.Param(c, "id"))}
	if err := httpx.RefuseUnknown(c, "permission", "limit", "after"); err != nil {
		return in, err
	}
	if text := httpx.Query(c, "permission"); text != "" {
		p, err := domain.ParsePermission(text)
		if err != nil {
			return in, err
		}
		in.Permission = &p
	}
	var err error
	in.Page, err = httpx.QueryPage(c)
	return in, err
}

// writeAccessOf writes what a user may do, and where.
func writeAccessOf(w *httpx.Writer, key string, a *directory.AccessDocument) {
	w.Open(key, '{')
	w.Text("user", a.User.Alias)
	w.Flag("usable", a.Usable)
	w.Flag("expired", a.Expired)
	w.Text("role", a.Role.String())
	w.Open("permissions", '[')
	for i := range a.Permissions {
		p := &a.Permissions[i]
		w.Open("", '{')
		w.Text("permission", p.Permission.String())
		w.Flag("self", p.Own)
		w.Flag("reach", p.Reach)
		w.Open("groups", '[')
		for n := range p.Groups {
			writeGroupName(w, "", &p.Groups[n])
		}
		w.Close(']')
		w.Close('}')
	}
	w.Close(']')
	w.Open("places", '[')
	for i := range a.Places {
		p := &a.Places[i]
		w.Open("", '{')
		w.Flag("in", p.In())
		w.Flag("below", !p.Alone)
		writePlace(w, "environment", &p.EnvironmentDocument)
		writeCause(w, "included", p.Included, p.IncludedBy)
		writeCause(w, "excluded", p.Excluded, p.ExcludedBy)
		w.Close('}')
	}
	w.Close(']')
	w.Flag("more", a.More)
	w.Flag("elsewhere", a.Elsewhere)
	w.Close('}')
}

// writeGroupName writes how a group is called.
func writeGroupName(w *httpx.Writer, key string, g *domain.Group) {
	w.Open(key, '{')
	w.Number("id", int64(g.ID))
	w.Text("alias", g.Alias)
	w.Close('}')
}

// encodeReaching answers with the users who reach an environment, as the list of users has them.
func (s *Surface) encodeReaching(c *fiber.Ctx, list directory.Listed[directory.ReachingDocument]) error {
	texts := make(fragments)
	return encodeListed(s, func(w *httpx.Writer, key string, r *directory.ReachingDocument) {
		w.Open(key, '{')
		texts.writeUser(w, "user", &r.UserDocument)
		w.Text("role", r.Acts.String())
		writeCause(w, "included", r.By, r.ByEnvironment)
		w.Close('}')
	})(c, list)
}

// writeReasons writes the four things that a verdict needs.
func writeReasons(w *httpx.Writer, x *directory.ExplanationDocument) {
	w.Open("reasons", '[')
	for _, r := range x.Reasons() {
		w.Open("", '{')
		w.Text("factor", r.Factor)
		w.Flag("holds", r.Holds)
		w.Text("because", r.Because)
		writeGroupOrNull(w, r.Group)
		writePlace(w, "environment", r.Environment)
		w.Close('}')
	}
	w.Close(']')
}

func writeGroupOrNull(w *httpx.Writer, g *domain.Group) {
	if g == nil {
		w.Null("group")
		return
	}
	writeGroupName(w, "group", g)
}

// writeWhatWouldChange writes the smallest changes that would turn a verdict round.
func writeWhatWouldChange(w *httpx.Writer, x *directory.ExplanationDocument) {
	w.Open("changes", '[')
	for i := range x.Changes {
		w.Open("", '{')
		w.Open("edits", '[')
		for n := range x.Changes[i].Edits {
			writeEdit(w, x, &x.Changes[i].Edits[n])
		}
		w.Close(']')
		w.Flag("beyond", x.Changes[i].Beyond)
		w.Close('}')
	}
	w.Close(']')
	w.Flag("moreChanges", x.MoreChanges)
}

func writeEdit(w *httpx.Writer, x *directory.ExplanationDocument, e *directory.EditDocument) {
	subject, field, op := e.Kind.Field()
	w.Open("", '{')
	w.Text("kind", e.Kind.String())
	w.Text("subject", subject)
	w.Text("field", FieldNames.Of(field))
	w.Text("op", op)
	w.TextOrNull("value", e.Value(x))
	writeGroupOrNull(w, e.Group)
	writePlace(w, "environment", e.Environment)
	w.Flag("mine", e.Mine)
	w.Open("administrators", '[')
	for i := range e.Administrators {
		w.Text("", e.Administrators[i].Alias)
	}
	w.Close(']')
	w.Close('}')
}
