package axway

import (
	"maps"
	"slices"

	"github.com/gofiber/fiber/v2"

	"canopy/app/httpx"
	"canopy/domain"
)

// otherThings are what has properties besides users for clients of the original. Here they have none.
var otherThings = []string{"organization", "application", "api"}

var propertyKinds = [...]string{domain.FreeText: "custom", domain.Choice: "select", domain.Switch: "switch"}

// ParseProperties reads the properties of users that a file declares, in the order of their keys.
// The file has the form in which clients are told of them:
//
//	{"user": {"costCenter": {"label": "Cost center", "type": "custom", "disabled": false, "required": true,
//	  "permissions": {"user": {"read": true, "write": false, "visible": true}, "oadmin": {…}, "admin": {…}}}}}
//
// A type is custom (text), switch or select, which has options of a label and a value. A role
// that is not named may do nothing. It is Invalid for any other form.
func ParseProperties(text []byte) (domain.Properties, error) {
	file, err := httpx.ParseObject(text)
	if err != nil {
		return nil, err
	}
	if err := file.RefuseUnknown(append([]string{"user"}, otherThings...)...); err != nil {
		return nil, err
	}
	f := fields{o: file}
	for _, kind := range otherThings {
		f.only(kind, "{}")
	}
	if f.err != nil {
		return nil, f.err
	}
	users, err := file.Object("user")
	if err != nil {
		return nil, err
	}
	var all domain.Properties
	for _, key := range slices.Sorted(maps.Keys(users)) {
		o, err := users.Object(key)
		if err != nil {
			return nil, err
		}
		p, err := parseProperty(key, o)
		if err != nil {
			e := domain.AsError(err)
			return nil, e.On(key + "." + e.Field)
		}
		all = append(all, p)
	}
	return all, all.Validate(reservedKeys)
}

// given returns a member of an object, the zero value where there is none.
func given[T any](f *fields, key string) (value T) {
	if v := valueIf[T](f, key); v != nil {
		value = *v
	}
	return value
}

func parseProperty(key string, o httpx.Object) (p domain.Property, err error) {
	if err := o.RefuseUnknown("label", "type", "disabled", "required", "options", "permissions"); err != nil {
		return p, err
	}
	f := fields{o: o}
	p = domain.Property{Key: key, Label: given[string](&f, "label"), Disabled: given[bool](&f, "disabled"),
		Required: given[bool](&f, "required"), Access: make(map[domain.Role]domain.PropertyAccess)}
	if kind := given[string](&f, "type"); kind != "" {
		i := slices.Index(propertyKinds[:], kind)
		if i < 0 {
			return p, domain.InvalidField("type", "One of custom, select and switch is expected.")
		}
		p.Kind = domain.PropertyKind(i)
	}
	for _, option := range given[[]map[string]string](&f, "options") {
		p.Options = append(p.Options, domain.PropertyOption{Label: option["label"], Value: option["value"]})
	}
	if f.err != nil || !o.Has("permissions") {
		return p, f.err
	}
	permissions, err := o.Object("permissions")
	if err != nil {
		return p, err
	}
	for name := range permissions {
		roles, err := wireRoles.parse(name)
		if err != nil {
			return p, domain.AsError(err).On("permissions." + name)
		}
		a, err := permissions.Object(name)
		if err != nil {
			return p, err
		}
		f := fields{o: a}
		p.Access[roles[0]] = domain.PropertyAccess{Read: given[bool](&f, "read"), Write: given[bool](&f, "write"), Visible: given[bool](&f, "visible")}
		if f.err != nil {
			return p, f.err
		}
	}
	return p, nil
}

// encodeProperties answers with what was declared.
func encodeProperties(c *fiber.Ctx, all domain.Properties) error {
	var w httpx.Writer
	writeProperties(&w, all)
	return send(c, fiber.StatusOK, &w)
}

// writeProperties writes properties in the form in which ParseProperties reads them.
func writeProperties(w *httpx.Writer, all domain.Properties) {
	w.Open("", '{')
	w.Open("user", '{')
	for i := range all {
		writeProperty(w, &all[i])
	}
	w.Close('}')
	for _, kind := range otherThings {
		w.Open(kind, '{')
		w.Close('}')
	}
	w.Close('}')
}

func writeProperty(w *httpx.Writer, p *domain.Property) {
	w.Open(p.Key, '{')
	w.Text("label", p.Label)
	w.Text("type", propertyKinds[p.Kind])
	w.Flag("disabled", p.Disabled)
	w.Flag("required", p.Required)
	if p.Kind == domain.Choice {
		w.Open("options", '[')
		for _, o := range p.Options {
			w.Open("", '{')
			w.Text("label", o.Label)
			w.Text("value", o.Value)
			w.Close('}')
		}
		w.Close(']')
	}
	w.Open("permissions", '{')
	for _, role := range wireRoles {
		a := p.Access[role.means[0]]
		w.Open(role.name, '{')
		w.Flag("read", a.Read)
		w.Flag("write", a.Write)
		w.Flag("visible", a.Visible)
		w.Close('}')
	}
	w.Close('}')
	w.Close('}')
}
