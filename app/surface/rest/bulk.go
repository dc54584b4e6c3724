package rest

import (
	"github.com/gofiber/fiber/v2"

	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/domain"
)

// decodeUsersChange reads who is to be changed from the query, as for the list of users, and the change from the body.
func decodeUsersChange(c *fiber.Ctx) (in directory.UpdateUsers, err error) {
	if in.List, err = decodeUserList(c); err != nil {
		return in, err
	}
	for _, name := range []string{"limit", "after", "sort", "total"} {
		if httpx.HasQuery(c, name) {
			return in, domain.InvalidField(name, "The change is of everybody on the list; leave this out.")
		}
	}
	f := body(c, "change", "action", "expect")
	in.Expect = f.numberIf("expect")
	if f.Has("change") == f.Has("action") && f.Err == nil {
		return in, domain.InvalidField("change", "Give either a change or an action.")
	}
	if action := parseIf(f, "action", directory.ParseUserAction); action != nil {
		in.Action = *action
		return in, f.Err
	}
	o, err := f.Object.Object("change")
	f.Fail(err)
	p := fields{&httpx.Members{Object: o, Err: o.RefuseUnknown("active", "role", "envId", "language", "addGroups",
		"removeGroups")}}
	in.Active, in.Language = p.flagIf("active"), p.textIf("language")
	in.Role = parseIf(p, "role", domain.ParseRole)
	in.Home = refIf[domain.EnvironmentRef](p, "envId", "envid")
	if groups := refs[domain.GroupRef](p, "addGroups", "id"); groups != nil {
		in.Join = *groups
	}
	if groups := refs[domain.GroupRef](p, "removeGroups", "id"); groups != nil {
		in.Leave = *groups
	}
	f.Fail(inside("change", p.Err))
	return in, f.Err
}

func writeUpdated(w *httpx.Writer, key string, u *directory.UsersUpdated) {
	w.Open(key, '{')
	w.Number("changed", u.Changed)
	w.Number("unchanged", u.Unchanged)
	w.Close('}')
}
