package httpx

import (
	"errors"

	"canopy/domain"
)

// FieldNames are what a surface calls fields, by their names in the core (domain.FieldNames). One
// that is not there has the same name on both. One without a name is left out of what is
// said: nothing that clients of the surface send is called so.
type FieldNames map[string]string

// Of returns what the surface calls a field.
func (n FieldNames) Of(field string) string {
	if name, other := n[field]; other {
		return name
	}
	return field
}

// OfError returns what the surface calls the field that an error is about, empty if it is about none.
// What was not known is named as it was sent.
func (n FieldNames) OfError(e *domain.Error) string {
	if errors.Is(e, errUnknown) {
		return e.Field
	}
	return n.Of(e.Field)
}

// errUnknown is the cause of errors about what a client has named and the surface does not know.
var errUnknown = errors.New("not one of the known names")

// unknown returns an Invalid error for a name that the surface does not know.
func unknown(name, sentence string) *domain.Error {
	return domain.InvalidField(printable(name), "%s", sentence).Because(errUnknown)
}
