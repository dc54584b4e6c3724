package app

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"canopy/app/httpx"
	"canopy/app/surface/axway"
	"canopy/domain"
)

// loadProperties reads the properties of users that a file declares, in the order of their keys.
// The file has the form in which Axway's clients are told of them:
//
//	{"user": {"costCenter": {"label": "Cost center", "type": "custom", "disabled": false, "required": true,
//	  "permissions": {"user": {"read": true, "write": false, "visible": true}, "oadmin": {…}, "admin": {…}}}}}
//
// A type is custom (text), switch or select, which has options of a label and a value. A role
// that is not named may do nothing. No name is no properties.
func loadProperties(name string) (domain.Properties, error) {
	if name == "" {
		return nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the custom properties: %w", err)
	}
	properties, err := parseProperties(text)
	if err != nil {
		e := domain.AsError(err)
		return nil, fmt.Errorf("%s: %s: %s", name, e.Field, e.Public)
	}
	return properties, nil
}

func parseProperties(text []byte) (domain.Properties, error) {
	file, err := httpx.ParseObject(text)
	if err != nil {
		return nil, err
	}
	if err := file.RefuseUnknown("user"); err != nil {
		return nil, err
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
	return all, all.Validate(axway.ReservedKeys)
}

// given returns a member of an object, the zero value where there is none. The first error is
// kept in err.
func given[T any](o httpx.Object, key string, err *error) (value T) {
	v, problem := httpx.Value[T](o, key)
	if *err == nil {
		*err = problem
	}
	if v != nil {
		value = *v
	}
	return value
}

var propertyKinds = map[string]domain.PropertyKind{
	"": domain.FreeText, "custom": domain.FreeText, "select": domain.Choice, "switch": domain.Switch}

func parseProperty(key string, o httpx.Object) (p domain.Property, err error) {
	if err := o.RefuseUnknown("label", "type", "disabled", "required", "options", "permissions"); err != nil {
		return p, err
	}
	p = domain.Property{Key: key, Label: given[string](o, "label", &err), Disabled: given[bool](o, "disabled", &err),
		Required: given[bool](o, "required", &err), Access: make(map[domain.Role]domain.PropertyAccess)}
	kind, known := propertyKinds[given[string](o, "type", &err)]
	if !known {
		return p, domain.InvalidField("type", "One of custom, select and switch is expected.")
	}
	p.Kind = kind
	for _, option := range given[[]map[string]string](o, "options", &err) {
		p.Options = append(p.Options, domain.PropertyOption{Label: option["label"], Value: option["value"]})
	}
	if err != nil || !o.Has("permissions") {
		return p, err
	}
	permissions, err := o.Object("permissions")
	if err != nil {
		return p, err
	}
	roles := map[string]domain.Role{"user": domain.RoleUser, "oadmin": domain.RoleOAdmin, "admin": domain.RoleSuperUser}
	if err := permissions.RefuseUnknown(slices.Collect(maps.Keys(roles))...); err != nil {
		return p, err
	}
	for name := range permissions {
		a, err := permissions.Object(name)
		if err != nil {
			return p, err
		}
		access := domain.PropertyAccess{Read: given[bool](a, "read", &err), Write: given[bool](a, "write", &err), Visible: given[bool](a, "visible", &err)}
		if err != nil {
			return p, err
		}
		p.Access[roles[name]] = access
	}
	return p, nil
}
