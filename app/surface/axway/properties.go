package axway

import (
	"maps"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"canopy/app/httpx"
	"canopy/domain"
)

// A kind of things that have properties: what clients call it, and which keys no property of it
// can have.
type propertied struct {
	name     string
	of       func(*domain.Declared) *domain.Properties
	reserved []string
}

// propertiedKinds are all kinds, in the order in which clients are told of them.
var propertiedKinds = []propertied{
	{"user", func(d *domain.Declared) *domain.Properties { return &d.Users }, reservedKeys},
	{"organization", func(d *domain.Declared) *domain.Properties { return &d.Organizations },
		slices.Concat(organizationKeys, ignoredKeys)},
	{"application", func(d *domain.Declared) *domain.Properties { return &d.Applications }, nil},
	{"api", func(d *domain.Declared) *domain.Properties { return &d.APIs }, nil},
}

var propertyKinds = [...]string{domain.FreeText: "custom", domain.Choice: "select", domain.Switch: "switch"}

// ParseProperties reads the properties that a file declares, those of a kind in the order of their
// keys. The file has the form in which clients are told of them, and what API Manager tells of them:
//
//	{"user": {"costCenter": {"label": "Cost center", "help": "Who pays", "type": "custom", "disabled": false,
//	  "required": true, "permissions": {"user": {"read": true, "write": false, "visible": true}, "oadmin": {…},
//
// "admin": {…}}}},
//
//	"organization": {…}, "application": {…}, "api": {…}}
//
// A type is custom (text), switch or select. Options have a label and a value; a select must have
// some, those of a switch have the values true and false. A role that is not named may do nothing.
// It returns Invalid for any other form.
func ParseProperties(text []byte) (domain.Declared, error) {
	var declared domain.Declared
	file, err := httpx.ParseObject(text)
	if err != nil {
		return declared, err
	}
	names := make([]string, len(propertiedKinds))
	for i, kind := range propertiedKinds {
		names[i] = kind.name
	}
	if err := file.RefuseUnknown(names...); err != nil {
		return declared, err
	}
	for _, kind := range propertiedKinds {
		if !file.Has(kind.name) {
			continue
		}
		all, err := parseKind(file, kind)
		if err != nil {
			return declared, err
		}
		*kind.of(&declared) = all
	}
	return declared, nil
}

func parseKind(file httpx.Object, kind propertied) (all domain.Properties, err error) {
	things, err := file.Object(kind.name)
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(things)) {
		o, err := things.Object(key)
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
	return all, all.Validate(kind.reserved)
}

func parseProperty(key string, o httpx.Object) (p domain.Property, err error) {
	f := &httpx.Members{Object: o}
	f.Fail(o.RefuseUnknown("label", "help", "type", "disabled", "required", "options", "permissions"))
	p = domain.Property{Key: key, Label: httpx.Given[string](f, "label"), Help: httpx.Given[string](f, "help"),
		Disabled: httpx.Given[bool](f, "disabled"),
		Required: httpx.Given[bool](f, "required"), Access: make(map[domain.Role]domain.PropertyAccess)}
	if kind := httpx.Given[string](f, "type"); kind != "" {
		i := slices.Index(propertyKinds[:], kind)
		if i < 0 {
			return p, domain.InvalidField("type", "Give one of custom, select and switch.")
		}
		p.Kind = domain.PropertyKind(i)
	}
	for _, raw := range httpx.Given[[]map[string]any](f, "options") {
		option, ok := parseOption(raw)
		if !ok {
			return p, domain.InvalidField("options", "Give objects with a label and a value; a value is a text, true or false.")
		}
		p.Options = append(p.Options, option)
	}
	if !f.Has("permissions") {
		return p, f.Err
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
		f := &httpx.Members{Object: a}
		p.Access[roles[0]] = domain.PropertyAccess{Read: httpx.Given[bool](f, "read"), Write: httpx.Given[bool](f, "write"),
			Visible: httpx.Given[bool](f, "visible")}
		if f.Err != nil {
			return p, f.Err
		}
	}
	return p, nil
}

// parseOption reads a value of a property and what it is called.
func parseOption(raw map[string]any) (o domain.PropertyOption, ok bool) {
	for key, value := range raw {
		text, isText := value.(string)
		yes, isFlag := value.(bool)
		switch {
		case key == "label" && isText:
			o.Label = text
		case key == "value" && isText:
			o.Value = text
		case key == "value" && isFlag:
			o.Value, o.Boolean = strconv.FormatBool(yes), true
		default:
			return o, false
		}
	}
	return o, true
}

// encodeProperties answers with what was declared.
func (s *Surface) encodeProperties(c *fiber.Ctx, _ httpx.Just) error {
	var w httpx.Writer
	writeProperties(&w, &s.config.Properties)
	return send(c, fiber.StatusOK, &w)
}

// writeProperties writes properties in the form in which ParseProperties reads them.
func writeProperties(w *httpx.Writer, declared *domain.Declared) {
	w.Open("", '{')
	for _, kind := range propertiedKinds {
		w.Open(kind.name, '{')
		all := *kind.of(declared)
		for i := range all {
			writeProperty(w, &all[i])
		}
		w.Close('}')
	}
	w.Close('}')
}

func writeProperty(w *httpx.Writer, p *domain.Property) {
	w.Open(p.Key, '{')
	w.Text("label", p.Label)
	if p.Help != "" {
		w.Text("help", p.Help)
	}
	w.Text("type", propertyKinds[p.Kind])
	w.Flag("disabled", p.Disabled)
	w.Flag("required", p.Required)
	if len(p.Options) > 0 {
		w.Open("options", '[')
		for _, o := range p.Options {
			w.Open("", '{')
			w.Text("label", o.Label)
			if o.Boolean {
				w.Flag("value", o.Value == "true")
			} else {
				w.Text("value", o.Value)
			}
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
