package rest

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"canopy/app/httpx"
	"canopy/app/objects"
	"canopy/domain"
)

// objectRoutes lists the routes of what users own.
func (s *Surface) objectRoutes(r fiber.Router) {
	b := s.uses.Objects

	r.Get("/rest/kinds", httpx.Handle(s.auth, decodeNothing, httpx.Alone(objects.ObjectKinds), encodeAll(s, writeKind)))
	r.Get("/rest/objects", ofEnvironment(httpx.Handle(s.auth, decodeObjectList, b.List, encodeListed(s, writeObject))))
	r.Post("/rest/objects", httpx.Handle(s.auth, decodeNewObject, b.Create, s.encodeCreatedObject))
	r.Post("/rest/objects/assign", httpx.Handle(s.auth, decodeAssign, b.HandOverAll, encode(s, writeCount)))
	r.Get("/rest/objects/:object", httpx.Handle(s.auth, decodeObjectRef, b.Get, encodeVersion(s, writeObject)))
	changes(r, "/rest/objects/:object", httpx.Handle(s.auth, decodeObjectChange, b.Update, encodeVersion(s, writeObject)))
	r.Delete("/rest/objects/:object",
		httpx.Handle(s.auth, decodeDeleteObject, httpx.Done(b.Delete), encodeTrue[httpx.Just](s)))
	r.Post("/rest/objects/:object/move", httpx.Handle(s.auth, decodeObjectMove, b.Move, encode(s, writeObject)))
	r.Post("/rest/objects/:object/owner",
		httpx.Handle(s.auth, decodeObjectTo("owner"), b.HandOver, encode(s, writeObject)))
	r.Get("/rest/objects/:object/owners",
		httpx.Handle(s.auth, bare(decodeObjectRef), b.Owners, encodeAll(s, writeOwnership)))
	r.Post("/rest/objects/:object/access", httpx.Handle(s.auth, decodeObjectGrant, b.Grant, encode(s, writeObject)))
	r.Post("/rest/objects/:object/copies",
		httpx.Handle(s.auth, decodeObjectTo("to"), b.OfferCopy, encode(s, writeCopyRequest)))
	r.Post("/rest/objects/:object/bookmark",
		httpx.Handle(s.auth, decodeObjectRef, httpx.Done(b.AddBookmark), encodeTrue[httpx.Just](s)))
	r.Delete("/rest/objects/:object/bookmark",
		httpx.Handle(s.auth, decodeObjectRef, httpx.Done(b.RemoveBookmark), encodeTrue[httpx.Just](s)))
	r.Get("/rest/objects/:object/usage", httpx.Handle(s.auth, decodeUsage, b.Usage, encodeListed(s, writeUsage)))
	r.Post("/rest/objects/:object/usage", httpx.Handle(s.auth, decodeUse, b.RecordUsage, encodeTrue[int64](s)))
	r.Get("/rest/me/bookmarks", httpx.Handle(s.auth, decodeKinds, b.Bookmarks, encodeListed(s, writeBookmark)))
	r.Get("/rest/me/usage", httpx.Handle(s.auth, decodeOwnUsage, b.Usage, encodeListed(s, writeUsage)))
	r.Get("/rest/me/copyrequests", httpx.Handle(s.auth, decodeKinds, b.CopyRequests, encodeListed(s, writeCopyRequest)))
	r.Post("/rest/me/copyrequests/:request", httpx.Handle(s.auth, decodeAnswer, b.AcceptCopy, encode(s, writeObject)))
	r.Delete("/rest/me/copyrequests/:request",
		httpx.Handle(s.auth, decodeAnswer, b.DeclineCopy, encode(s, writeCopyRequest)))
}

func decodeObjectRef(c *fiber.Ctx) (domain.ObjectRef, error) {
	return domain.ObjectRef(httpx.Param(c, "object")), nil
}

func decodeAnswer(c *fiber.Ctx) (in objects.AnswerCopy, err error) {
	id, ok := domain.ParseID[domain.CopyRequestID](httpx.Param(c, "request"))
	if !ok {
		return in, domain.ErrCopyRequestNotFound
	}
	return objects.AnswerCopy{ID: id}, nil
}

// queryKinds reads the parameter kind: names of kinds with commas between them.
func queryKinds(c *fiber.Ctx) ([]domain.ObjectKind, error) {
	text := httpx.Query(c, "kind")
	if text == "" {
		return nil, nil
	}
	var kinds []domain.ObjectKind
	for name := range strings.SplitSeq(text, ",") {
		kind, err := domain.ParseObjectKind(name)
		if err != nil {
			return nil, err
		}
		kinds = append(kinds, kind)
	}
	return kinds, nil
}

func decodeObjectList(c *fiber.Ctx) (objects.ListObjects, error) {
	in := objects.ListObjects{
		Environment: domain.EnvironmentRef(httpx.Query(c, "env")),
		Owner:       domain.UserRef{Alias: httpx.Query(c, "owner")},
		Parent:      domain.ObjectRef(httpx.Query(c, "parent")), Uses: domain.ObjectRef(httpx.Query(c, "uses")),
		Filter: domain.ObjectFilter{Prefix: httpx.Query(c, "q")},
	}
	err := httpx.RefuseUnknown(c, "limit", "after", "env", "children", "everywhere", "kind", "q", "owner", "parent",
		"uses", "level",
		"personal", "sort", "total")
	if err != nil {
		return in, err
	}
	if in.Page, err = httpx.QueryPage(c); err != nil {
		return in, err
	}
	if in.Filter.Kinds, err = queryKinds(c); err != nil {
		return in, err
	}
	if level := httpx.Query(c, "level"); level != "" {
		if in.Filter.AtLeast, err = domain.ParseLevel(level); err != nil {
			return in, err
		}
	}
	if in.Filter.Order, err = domain.ParseObjectOrder(httpx.Query(c, "sort")); err != nil {
		return in, err
	}
	children := true
	for _, flag := range []struct {
		name string
		at   *bool
	}{{"children", &children}, {"everywhere", &in.Everywhere}, {"personal", &in.Personal}, {"total", &in.Total}} {
		value, err := httpx.QueryFlag(c, flag.name)
		if err != nil {
			return in, err
		}
		if value != nil {
			*flag.at = *value
		}
	}
	in.Alone = !children
	return in, nil
}

// userRefIf returns a member that names a user: an alias, a number, or one of our answers'
// objects. It is zero if there is none. Text is an alias, even of digits only.
func (f fields) userRefIf(key string) domain.UserRef {
	ref := refIf[string](f, key, "userid")
	if ref == nil {
		return domain.UserRef{}
	}
	if id, ok := domain.ParseID[domain.UserID](*ref); ok && f.Object[key][0] != '"' {
		return domain.UserRef{ID: id}
	}
	return domain.UserRef{Alias: *ref}
}

// attributesIf returns a member that is an object of texts, numbers and flags, as texts. A
// null is empty text.
func (f fields) attributesIf(key string) map[string]string {
	if !f.Has(key) {
		return nil
	}
	o, err := f.Object.Object(key)
	f.Fail(err)
	attributes := make(map[string]string, len(o))
	for _, name := range slices.Sorted(maps.Keys(o)) {
		text, ok := scalar(o[name])
		var flag bool
		switch {
		case string(o[name]) == "null":
			text = ""
		case !ok && json.Unmarshal(o[name], &flag) == nil:
			text = strconv.FormatBool(flag)
		case !ok || hasNUL(text):
			f.fail(key, "a text, number or flag for each attribute")
		}
		attributes[name] = text
	}
	return attributes
}

// The keys of an object that may be sent; the others are those of our answers.
var objectKeys = []string{"id", "uuid", "kind", "name", "fullName", "envId", "organization", "owner", "parent",
	"visibility",
	"attributes", "uses", "level", "created", "changed", "access"}

func decodeNewObject(c *fiber.Ctx) (objects.NewObject, error) {
	var in objects.NewObject
	f := body(c, "kind", "name", "envId", "owner", "parent", "visibility", "attributes", "uses")
	f.Require("kind", "name")
	in.Name = f.text("name", "")
	if kind := parseIf(f, "kind", domain.ParseObjectKind); kind != nil {
		in.Kind = *kind
	}
	if env := refIf[domain.EnvironmentRef](f, "envId", "envid"); env != nil {
		in.Environment = *env
	}
	if parent := refIf[domain.ObjectRef](f, "parent", "id"); parent != nil {
		in.Parent = *parent
	}
	in.Owner = f.userRefIf("owner")
	in.Visibility = parseIf(f, "visibility", domain.ParseVisibility)
	if uses := refs[domain.ObjectRef](f, "uses", "id"); uses != nil {
		in.Uses = *uses
	}
	in.Attributes = f.attributesIf("attributes")
	return in, f.Err
}

// ofObject reads from the body what read makes of it and of the object that the address names.
func ofObject[In any](c *fiber.Ctx, keys []string, required []string,
	read func(ref domain.ObjectRef, f fields) In) (In, error) {
	f := body(c, keys...)
	f.Require(required...)
	in := read(domain.ObjectRef(httpx.Param(c, "object")), f)
	return in, f.Err
}

func decodeObjectChange(c *fiber.Ctx) (objects.UpdateObject, error) {
	return ofObject(c, objectKeys, nil, func(ref domain.ObjectRef, f fields) objects.UpdateObject {
		return objects.UpdateObject{Object: ref, Version: version(c), Name: f.textIf("name"),
			Visibility: parseIf(f, "visibility", domain.ParseVisibility),
			Uses:       refs[domain.ObjectRef](f, "uses", "id"), Attributes: f.attributesIf("attributes")}
	})
}

func decodeDeleteObject(c *fiber.Ctx) (objects.DeleteObject, error) {
	return objects.DeleteObject{Object: domain.ObjectRef(httpx.Param(c, "object")), Version: version(c)}, nil
}

func decodeObjectMove(c *fiber.Ctx) (objects.MoveObject, error) {
	return ofObject(c, []string{"envId"}, []string{"envId"}, func(ref domain.ObjectRef, f fields) objects.MoveObject {
		in := objects.MoveObject{Object: ref}
		if env := refIf[domain.EnvironmentRef](f, "envId", "envid"); env != nil {
			in.To = *env
		}
		return in
	})
}

// decodeObjectTo reads an object and, under the key, who is to have something of it.
func decodeObjectTo(key string) func(*fiber.Ctx) (objects.ObjectTo, error) {
	return func(c *fiber.Ctx) (objects.ObjectTo, error) {
		return ofObject(c, []string{key}, []string{key}, func(ref domain.ObjectRef, f fields) objects.ObjectTo {
			return objects.ObjectTo{Object: ref, To: f.userRefIf(key)}
		})
	}
}

func decodeObjectGrant(c *fiber.Ctx) (objects.GrantObject, error) {
	return ofObject(c, []string{"user", "group", "level"}, []string{"level"},
		func(ref domain.ObjectRef, f fields) objects.GrantObject {
			in := objects.GrantObject{Object: ref, User: f.userRefIf("user")}
			if group := refIf[domain.GroupRef](f, "group", "id"); group != nil {
				in.Group = *group
			}
			if level := parseIf(f, "level", domain.ParseLevel); level != nil {
				in.Level = *level
			}
			return in
		})
}

func decodeUse(c *fiber.Ctx) (objects.RecordUsage, error) {
	return ofObject(c, []string{"count"}, nil, func(ref domain.ObjectRef, f fields) objects.RecordUsage {
		in := objects.RecordUsage{Object: ref, Count: 1}
		if n := f.numberIf("count"); n != nil {
			in.Count = *n
		}
		return in
	})
}

func decodeAssign(c *fiber.Ctx) (objects.HandOverAll, error) {
	f := body(c, "from", "to")
	in := objects.HandOverAll{From: f.userRefIf("from"), To: f.userRefIf("to")}
	f.Require("from", "to")
	return in, f.Err
}

func decodeKinds(c *fiber.Ctx) (in objects.ListKinds, err error) {
	if err := httpx.RefuseUnknown(c, "limit", "after", "kind"); err != nil {
		return in, err
	}
	if in.Kinds, err = queryKinds(c); err != nil {
		return in, err
	}
	in.Page, err = httpx.QueryPage(c)
	return in, err
}

func decodeUsage(c *fiber.Ctx) (in objects.ListUsage, err error) {
	in, err = queryUsage(c)
	in.Object = domain.ObjectRef(httpx.Param(c, "object"))
	return in, err
}

func decodeOwnUsage(c *fiber.Ctx) (in objects.ListUsage, err error) {
	in, err = queryUsage(c)
	in.Own = true
	return in, err
}

func queryUsage(c *fiber.Ctx) (in objects.ListUsage, err error) {
	if err := httpx.RefuseUnknown(c, "limit", "after", "from", "until"); err != nil {
		return in, err
	}
	for _, month := range []struct {
		name string
		at   *domain.Month
	}{{"from", &in.Filter.From}, {"until", &in.Filter.Until}} {
		text := httpx.Query(c, month.name)
		if text == "" {
			continue
		}
		if *month.at, err = domain.ParseMonth(text); err != nil {
			return in, domain.AsError(err).On(month.name)
		}
	}
	in.Page, err = httpx.QueryPage(c)
	return in, err
}

func (s *Surface) encodeCreatedObject(c *fiber.Ctx, o objects.ObjectDocument) error {
	c.Set(fiber.HeaderLocation, "/rest/objects/"+strconv.FormatInt(int64(o.ID), 10))
	return encodeVersion(s, writeObject)(c, o)
}

func writeKind(w *httpx.Writer, key string, k *domain.ObjectKindInfo) {
	w.Open(key, '{')
	w.Text("kind", string(k.Kind))
	w.Text("description", k.Description)
	w.Text("read", k.Read.String())
	w.Text("write", k.Write.String())
	w.Open("attributes", '[')
	for _, a := range k.Attributes {
		w.Open("", '{')
		w.Text("name", a.Name)
		w.Text("type", a.Kind.String())
		w.Flag("required", a.Required)
		w.Open("choices", '[')
		for _, choice := range a.Choices {
			w.Text("", choice)
		}
		w.Close(']')
		w.Close('}')
	}
	w.Close(']')
	w.Open("parents", '[')
	for _, parent := range k.Parents {
		w.Text("", string(parent))
	}
	w.Close(']')
	w.TextOrNull("uses", string(k.Uses))
	w.Text("visibility", k.Visibility.String())
	w.Flag("copyable", k.Copyable)
	w.Text("withoutOwner", k.Departure.String())
	w.Close('}')
}

func writeObject(w *httpx.Writer, key string, o *objects.ObjectDocument) {
	w.Open(key, '{')
	writeObjectFields(w, o)
	w.Text("level", o.Level.String())
	w.Number("created", o.Created.UnixMilli())
	w.Number("changed", o.Changed.UnixMilli())
	if o.Level < domain.LevelAdmin {
		w.Null("access")
	} else {
		w.Open("access", '[')
		for i := range o.Access {
			writeAccess(w, &o.Access[i])
		}
		w.Close(']')
	}
	w.Close('}')
}

// writeObjectFields writes what an object is.
func writeObjectFields(w *httpx.Writer, o *objects.ObjectDocument) {
	w.Number("id", int64(o.ID))
	w.Text("uuid", string(o.UUID))
	w.Text("kind", string(o.Kind))
	w.Text("name", o.Name)
	w.Text("fullName", o.FullName)
	w.Number("envId", int64(o.Environment))
	httpx.WriteShown(w, "organization", o.OrganizationShown)
	writeNamedUser(w, "owner", o.Owner, o.OwnerAlias)
	if o.Parent == 0 {
		w.Null("parent")
	} else {
		w.Number("parent", int64(o.Parent))
	}
	w.Text("visibility", o.Visibility.String())
	w.Open("attributes", '{')
	for _, name := range slices.Sorted(maps.Keys(o.Attributes)) {
		w.Text(name, o.Attributes[name])
	}
	w.Close('}')
	w.Open("uses", '[')
	for _, id := range o.Uses {
		w.Number("", int64(id))
	}
	w.Close(']')
}

// writeNamedUser writes a user with number and alias, and null for nobody, or for somebody
// who is not shown.
func writeNamedUser(w *httpx.Writer, key string, u domain.UserKey, alias string) {
	if u.User == 0 {
		w.Null(key)
		return
	}
	w.Open(key, '{')
	w.Number("userid", int64(u.User))
	w.TextOrNull("alias", alias)
	w.Close('}')
}

func writeAccess(w *httpx.Writer, a *domain.Access) {
	w.Open("", '{')
	if a.Group == 0 { // also where neither may be named
		writeNamedUser(w, "user", a.User, a.Name)
		w.Null("group")
	} else {
		w.Null("user")
		w.Open("group", '{')
		w.Number("id", int64(a.Group))
		w.TextOrNull("alias", a.Name)
		w.Close('}')
	}
	w.Text("level", a.Level.String())
	w.Close('}')
}

func writeOwnership(w *httpx.Writer, key string, o *domain.Ownership) {
	w.Open(key, '{')
	writeNamedUser(w, "owner", o.Owner, o.Alias)
	w.Number("since", o.Since.UnixMilli())
	writeMillis(w, "until", o.Until)
	w.Close('}')
}

func writeCopyRequest(w *httpx.Writer, key string, r *domain.CopyRequest) {
	w.Open(key, '{')
	w.Number("id", int64(r.ID))
	w.Open("object", '{')
	w.Number("id", int64(r.Object.ID))
	w.Text("uuid", string(r.Object.UUID))
	w.Text("kind", string(r.Object.Kind))
	w.Text("name", r.Object.Name)
	w.Number("envId", int64(r.Object.Environment))
	w.Close('}')
	writeNamedUser(w, "from", r.From, r.FromAlias)
	writeNamedUser(w, "to", r.To, r.ToAlias)
	w.Number("created", r.Created.UnixMilli())
	w.Number("expires", r.Expires.UnixMilli())
	w.Close('}')
}

func writeBookmark(w *httpx.Writer, key string, b *objects.BookmarkDocument) {
	w.Open(key, '{')
	w.Number("since", b.Since.UnixMilli())
	writeObject(w, "object", &b.ObjectDocument)
	w.Close('}')
}

func writeUsage(w *httpx.Writer, key string, u *objects.UsageDocument) {
	w.Open(key, '{')
	w.Number("object", int64(u.Object))
	w.Text("uuid", string(u.UUID))
	w.Text("kind", string(u.Kind))
	w.Text("name", u.Name)
	w.Text("month", u.Month.String())
	w.Number("count", u.Count)
	w.Flag("own", u.Own)
	w.Close('}')
}

func writeCount(w *httpx.Writer, key string, n *int64) { w.Number(key, *n) }
