package domain

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Attributes are what products keep of a user beyond the common fields: values by name,
// such as "mobile". A name without a value is not there.
type Attributes map[string]string

// Attributes that people may change of their own account, as of every account.
const (
	AttributeDescription = "description"
	AttributeMobile      = "mobile"
)

// Attributes of organizations.
const (
	AttributeMail  = "email"
	AttributePhone = "phone"
	// AttributeCreated is when it was made, in milliseconds since 1970. The store writes it.
	AttributeCreated = "created"
)

// The bounds of one user's attributes. Values are counted in bytes.
const (
	MaxAttributes     = 100
	MaxAttributeValue = 16 << 10
)

var attributeName = regexp.MustCompile(`^[a-z][A-Za-z0-9._-]{0,99}$`)

// lines takes out the control characters that a value of several lines has.
var lines = strings.NewReplacer("\n", "", "\r", "", "\t", "")

func (a Attributes) validate() error {
	if len(a) > MaxAttributes {
		return InvalidField("attributes", "At most %d attributes are allowed.", MaxAttributes)
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if !attributeName.MatchString(name) {
			return InvalidField("attributes", "Give a name of at most 100 letters, digits, dots, dashes and underscores.")
		}
		if len(a[name]) > MaxAttributeValue {
			return InvalidField("attributes."+name, "At most %d bytes are allowed.", MaxAttributeValue)
		}
		if err := checkText("attributes."+name, lines.Replace(a[name]), MaxAttributeValue); err != nil {
			return err
		}
	}
	return nil
}

// With returns a copy of a in which the given names have the given values; an empty value
// takes the name out. It is nil if nothing is left.
func (a Attributes) With(changes Attributes) Attributes {
	after := maps.Clone(a)
	if after == nil {
		after = make(Attributes, len(changes))
	}
	maps.Copy(after, changes)
	maps.DeleteFunc(after, func(_, value string) bool { return value == "" })
	if len(after) == 0 {
		return nil
	}
	return after
}

// fields returns the attributes by name, for the audit trail.
func (a Attributes) fields() Fields {
	fields := make(Fields, 0, len(a))
	for _, name := range slices.Sorted(maps.Keys(a)) {
		fields = append(fields, Field{"attributes." + name, a[name]})
	}
	return fields
}
