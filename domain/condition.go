package domain

import "slices"

// What a field is of, and how its values compare.
const (
	ofOrganizations = 1 << iota // of organizations; else of users
	byNumber                    // compared with numbers; else with texts, by Fold
	unordered                   // values are the same or others, never more or less
)

// ListField is something of the entries of a list that the list can be narrowed by.
type ListField uint8

// The fields of users.
const (
	UserAlias   ListField = iota
	UserName              // first and last name
	UserSurname           // the last name, or the first where there is none
	UserMail
	UserPhone
	UserMobile
	UserDescription
	UserCreated      // milliseconds since 1970
	UserRole         // a Role
	UserStanding     // a UserState
	UserActive       // 1 or 0
	UserOrganization // the UUID of the organization's environment
	UserApplication  // the UUID of an application the user owns or was given access to
	UserAPI          // the UUID of an API that such an application uses
	// OrganizationName and the ones behind it are fields of organizations.
	OrganizationName
	OrganizationUUID
	OrganizationActive // 1 or 0
	OrganizationDescription
	OrganizationMail
	OrganizationPhone
	listFields
)

var listFieldKinds = [listFields]uint8{
	UserCreated: byNumber, UserRole: byNumber | unordered, UserStanding: byNumber | unordered,
	UserActive: byNumber | unordered, UserOrganization: unordered, UserApplication: unordered, UserAPI: unordered,
	OrganizationName: ofOrganizations, OrganizationUUID: ofOrganizations | unordered,
	OrganizationActive: ofOrganizations | byNumber | unordered, OrganizationDescription: ofOrganizations,
	OrganizationMail: ofOrganizations, OrganizationPhone: ofOrganizations,
}

// Comparison is how a field is compared with values.
type Comparison uint8

// The comparisons.
const (
	Equal    Comparison = iota // with any of the values
	NotEqual                   // with all of the values
	Greater
	Less
	AtLeast
	AtMost
	Contains // text only
	Between  // from the first value to the second, both included
)

// Condition is one condition on the entries of a list.
type Condition struct {
	Field   ListField
	Is      Comparison
	Texts   []string // the values to compare with, of fields that are text
	Numbers []int64  // the values of the others
}

// The bounds of conditions. The length of a value is counted in characters.
const (
	MaxConditions     = 20
	maxValues         = 200
	maxConditionValue = 1000
)

// Conditions must all hold, or any one of them if Any says so. None keeps all.
type Conditions struct {
	All []Condition
	Any bool
}

// validate returns an Invalid error for the first condition that is not valid, or not one on
// organizations or users, as kind says.
func (cs *Conditions) validate(kind uint8) error {
	if len(cs.All) > MaxConditions {
		return InvalidField("field", "At most %d conditions are allowed.", MaxConditions)
	}
	for i := range cs.All {
		if c := &cs.All[i]; c.Field >= listFields || listFieldKinds[c.Field]&ofOrganizations != kind {
			return InvalidField("field", "There is no such field; leave it out.")
		}
		if err := cs.All[i].Validate(); err != nil {
			return err
		}
	}
	return nil
}

// OfObjects reports whether a condition compares with objects of the user.
func (cs *Conditions) OfObjects() bool {
	return slices.ContainsFunc(cs.All, func(c Condition) bool { return c.Field == UserApplication || c.Field == UserAPI })
}

// Validate returns an Invalid error on "op" for a comparison that the field does not have, and on
// "value" for a value that cannot be compared with.
func (c *Condition) Validate() error {
	kind := listFieldKinds[c.Field]
	values, others := len(c.Texts), len(c.Numbers)
	if kind&byNumber != 0 {
		values, others = others, values
	}
	ordered := kind&unordered == 0
	fits := ordered && values == 1
	switch c.Is {
	case Equal, NotEqual:
		fits = values > 0 && values <= maxValues
	case Contains:
		fits = fits && kind&byNumber == 0
	case Between:
		fits = ordered && values == 2
	}
	if !fits || others > 0 || c.Is > Between {
		return InvalidField("op", "This field cannot be compared with this op.")
	}
	for _, text := range c.Texts {
		if err := checkText("value", text, maxConditionValue); err != nil {
			return err
		}
	}
	return nil
}

// Validate returns an Invalid error for the first condition that is not valid or not of users.
func (f *UserFilter) Validate() error { return f.Conditions.validate(0) }

// OrganizationFilter narrows a list of organizations. The zero filter keeps all.
type OrganizationFilter struct{ Conditions Conditions }

// Validate returns an Invalid error for the first condition that is not valid or not of
// organizations.
func (f *OrganizationFilter) Validate() error { return f.Conditions.validate(ofOrganizations) }
