package domain

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Property is something that an operator declared people or organizations to have beyond the
// common fields. Its values are attributes.
type Property struct {
	Key   string
	Label string
	Help  string // explains it to those who fill in a form
	Kind  PropertyKind
	// Options are the values of a Choice, and perhaps what the values of a Switch are called.
	Options  []PropertyOption
	Disabled bool // it is declared, and neither read nor written
	Required bool // a new one must have a value
	// Access says who may do what with it. A power user has what a user has.
	Access map[Role]PropertyAccess
}

// PropertyKind says which values a property takes.
type PropertyKind uint8

// The kinds of properties.
const (
	FreeText PropertyKind = iota
	Choice                // one of the options
	Switch                // "true" or "false"
)

// PropertyOption is a value of a property. Boolean says that it was declared as true or false and
// not as text.
type PropertyOption struct {
	Label, Value string
	Boolean      bool
}

// PropertyAccess is what people of a role may do with a property. Visible is for those who draw
// forms.
type PropertyAccess struct{ Read, Write, Visible bool }

// Properties are all that were declared of one kind of thing, in their order.
type Properties []Property

// Declared are the properties of all kinds of things that have some. Those of applications and APIs
// are shown to clients that ask what was declared, and decide nothing.
type Declared struct {
	Users, Organizations, Applications, APIs Properties
}

// PropertyValue is a property of somebody.
type PropertyValue struct{ Key, Value string }

// propertyPrefix is before the key of a property in the name of its attribute.
const propertyPrefix = "custom."

var propertyKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,49}$`)

// Validate returns an Invalid error for the first property that cannot be: without a plain key,
// with a key that comes twice or is in reserved, or a choice without options.
func (ps Properties) Validate(reserved []string) error {
	seen := make(map[string]bool, len(ps))
	for _, p := range ps {
		switch {
		case !propertyKey.MatchString(p.Key):
			return InvalidField(p.Key, "Give a key of at most 50 letters, digits, dashes and underscores.")
		case seen[p.Key]:
			return InvalidField(p.Key, "Declare this property only once.")
		case slices.Contains(reserved, p.Key):
			return InvalidField(p.Key, "This is the key of a common field.")
		case p.Kind == Choice && len(p.Options) == 0:
			return InvalidField(p.Key, "Give a list of options.")
		case p.Kind == Switch && slices.ContainsFunc(p.Options, func(o PropertyOption) bool { return !o.Boolean }):
			return InvalidField(p.Key, "The options of a switch have the values true and false.")
		}
		seen[p.Key] = true
	}
	return nil
}

// Keys returns the keys of all properties.
func (ps Properties) Keys() []string {
	keys := make([]string, len(ps))
	for i := range ps {
		keys[i] = ps[i].Key
	}
	return keys
}

func (p *Property) access(r Role) PropertyAccess {
	if p.Disabled {
		return PropertyAccess{}
	}
	if r == RolePower {
		r = RoleUser
	}
	return p.Access[r]
}

// accepts returns an Invalid error for a value that the property does not take.
func (p *Property) accepts(value string) error {
	switch {
	case value == "":
		if p.Required {
			return InvalidField(p.Key, "A value is required.")
		}
	case p.Kind == Choice && !slices.ContainsFunc(p.Options, func(o PropertyOption) bool { return o.Value == value }):
		return InvalidField(p.Key, "Give one of the options.")
	case p.Kind == Switch && value != "true" && value != "false":
		return InvalidField(p.Key, "Give one of true and false.")
	}
	return nil
}

// Attributes returns the attributes that hold values, which somebody of role r gives. It returns
// Invalid for what is not declared and for a value that is not taken, and Forbidden for what is
// not r's to write.
func (ps Properties) Attributes(r Role, values map[string]string) (Attributes, error) {
	attributes := make(Attributes, len(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		i := slices.IndexFunc(ps, func(p Property) bool { return p.Key == key && !p.Disabled })
		switch {
		case i < 0:
			return nil, InvalidField(key, "This property was not declared.")
		case !ps[i].access(r).Write:
			return nil, ErrForbidden.On(key).Saying("You may not change this.")
		}
		if err := ps[i].accepts(values[key]); err != nil {
			return nil, err
		}
		attributes[propertyPrefix+key] = values[key]
	}
	return attributes, nil
}

// Missing returns an Invalid error for the first property that a new one must have and has not.
func (ps Properties) Missing(a Attributes) error {
	for i := range ps {
		if p := &ps[i]; p.Required && !p.Disabled && a[propertyPrefix+p.Key] == "" {
			return InvalidField(p.Key, "A value is required.")
		}
	}
	return nil
}

// Shown returns the properties among the attributes that somebody of role r may read.
func (ps Properties) Shown(r Role, a Attributes) []PropertyValue {
	var shown []PropertyValue
	for i := range ps {
		if value := a[propertyPrefix+ps[i].Key]; value != "" && ps[i].access(r).Read {
			shown = append(shown, PropertyValue{ps[i].Key, value})
		}
	}
	return shown
}

// IsProperty reports whether a field of a user or an environment, as their Fields name it, is a
// property.
func IsProperty(field string) bool { return strings.HasPrefix(field, "attributes."+propertyPrefix) }

// Hides reports whether a field of a user or an environment is a property that somebody of role r may not read.
// One that is not declared is nobody's to read.
func (ps Properties) Hides(r Role, field string) bool {
	readable := func(p Property) bool { return "attributes."+propertyPrefix+p.Key == field && p.access(r).Read }
	return IsProperty(field) && !slices.ContainsFunc(ps, readable)
}
