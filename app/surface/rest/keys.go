package rest

import (
	"cmp"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/httpx"
	"canopy/domain"
)

// keyRoutes lists the routes of API keys: one's own, then those of a user.
func (s *Surface) keyRoutes(r fiber.Router) {
	k := s.uses.APIKeys
	for _, of := range []struct {
		keys string
		user func(*fiber.Ctx) (domain.UserRef, error)
	}{{"/rest/me/keys", oneself}, {"/rest/users/:id/keys", decodeUserRef}} {
		r.Get(of.keys, httpx.Handle(s.auth, bare(of.user), k.List, encodeAll(s, writeKey)))
		r.Post(of.keys, httpx.Handle(s.auth, newKey(of.user), k.Create, encode(s, writeWholeKey)))
		r.Get(of.keys+"/:key", httpx.Handle(s.auth, keyOf(of.user), k.Get, encode(s, writeWholeKey)))
		r.Delete(of.keys+"/:key", httpx.Handle(s.auth, keyOf(of.user), httpx.Done(k.Revoke), encodeTrue[httpx.Just](s)))
	}
}

// oneself names whoever asks.
func oneself(*fiber.Ctx) (domain.UserRef, error) { return domain.UserRef{}, nil }

// keyOf reads which key of which user is meant.
func keyOf(user func(*fiber.Ctx) (domain.UserRef, error)) func(*fiber.Ctx) (accounts.OfUser[domain.UUID], error) {
	return func(c *fiber.Ctx) (in accounts.OfUser[domain.UUID], err error) {
		if in.User, err = user(c); err != nil {
			return in, err
		}
		id, ok := httpx.UUIDParam(c, "key")
		if !ok {
			return in, domain.ErrAPIKeyNotFound
		}
		in.In = id
		return in, nil
	}
}

// newKey reads what a new key is to be.
func newKey(user func(*fiber.Ctx) (domain.UserRef, error)) func(
	*fiber.Ctx) (accounts.OfUser[accounts.NewAPIKey], error) {
	return func(c *fiber.Ctx) (in accounts.OfUser[accounts.NewAPIKey], err error) {
		if in.User, err = user(c); err != nil {
			return in, err
		}
		f := body(c, keyKeys...)
		in.In = f.key()
		return in, f.Err
	}
}

var keyKeys = []string{"name", "expires", "permission", "environment"}

// key reads what a new key is to be.
func (f fields) key() (in accounts.NewAPIKey) {
	in.Name = f.text("name", "")
	if expires := parseIf(f, "expires", parseTime); expires != nil {
		in.Expires = *expires
	}
	exact, named := f.maskIf("permission")
	in.Mask = cmp.Or(exact, named)
	if ref := refIf[domain.EnvironmentRef](f, "environment", "envid"); ref != nil {
		in.Environment = *ref
	}
	return in
}

// decodeProgram reads what a program's account is to be, and its first key.
func decodeProgram(c *fiber.Ctx) (in accounts.NewProgram, err error) {
	f := body(c, "alias", "name", "envId", "group", "groups", "role", "key")
	f.Require("alias", "key")
	in.User.Alias, in.User.FirstName = f.textIf("alias"), f.textIf("name")
	in.User.Home = refIf[domain.EnvironmentRef](f, "envId", "envid")
	in.User.Group = refIf[domain.GroupRef](f, "group", "id")
	in.User.Groups = refs[domain.GroupRef](f, "groups", "id")
	in.User.Role = parseIf(f, "role", domain.ParseRole)
	if f.Has("key") {
		o, err := f.Object.Object("key")
		f.Fail(err)
		k := fields{&httpx.Members{Object: o, Err: o.RefuseUnknown(keyKeys...)}}
		in.Key = k.key()
		f.Fail(inside("key", k.Err))
	}
	return in, f.Err
}

// writeProgram writes a program's account with the text of its key, which no other answer has.
func writeProgram(w *httpx.Writer, key string, h *accounts.KeyHolder) {
	w.Open(key, '{')
	w.Number("userid", int64(h.User.ID))
	w.Text("id", string(h.User.UUID))
	w.Text("alias", h.User.Alias)
	w.Open("key", '{')
	w.Text("id", string(h.Key.ID))
	w.Text("name", h.Key.Name)
	writeMillis(w, "expires", h.Key.Expires)
	w.Text("text", string(h.Key.Text))
	w.Close('}')
	w.Close('}')
}

func writeKey(w *httpx.Writer, key string, k *accounts.KeyDocument) {
	w.Open(key, '{')
	writeKeyFields(w, k)
	w.Close('}')
}

// writeWholeKey writes a key with its text.
func writeWholeKey(w *httpx.Writer, key string, k *accounts.KeyDocument) {
	w.Open(key, '{')
	writeKeyFields(w, k)
	w.Text("text", string(k.Text))
	w.Close('}')
}

func writeKeyFields(w *httpx.Writer, k *accounts.KeyDocument) {
	w.Text("id", string(k.ID))
	w.Text("name", k.Name)
	w.Number("created", k.Created.UnixMilli())
	if k.LastUsed.IsZero() {
		w.Null("used")
	} else {
		w.Number("used", k.LastUsed.UnixMilli())
	}
	if k.Expires.IsZero() {
		w.Null("expires")
	} else {
		w.Number("expires", k.Expires.UnixMilli())
	}
	if k.Narrowed.Mask == 0 {
		w.Null("permission")
		w.Null("permissions")
	} else {
		w.Text("permission", k.Narrowed.Mask.String())
		writeTexts(w, "permissions", k.Narrowed.Mask.Permissions())
	}
	switch {
	case k.Narrowed.Place == "":
		w.Null("environment")
	case k.Environment == nil:
		w.Open("environment", '{')
		w.Null("envid")
		w.Null("path")
		w.Close('}')
	default:
		writePlace(w, "environment", k.Environment)
	}
}
