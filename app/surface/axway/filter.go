package axway

import (
	"slices"
	"strconv"
	"strings"

	"canopy/app/httpx"
	"canopy/domain"
)

// filterField is a field that clients filter by: what it is of ours, and how its values are
// written. values is nil for text.
type filterField struct {
	field  domain.ListField
	values func(text string) ([]int64, bool)
	// expects says which values there are, for people.
	expects string
}

var userFields = map[string]filterField{
	"apiid":       {field: domain.UserAPI},
	"appid":       {field: domain.UserApplication},
	"description": {field: domain.UserDescription},
	"email":       {field: domain.UserMail},
	"enabled":     {domain.UserActive, oneOf(map[string][]int64{"enabled": {1}, "disabled": {0}}), "enabled or disabled"},
	"createdOn":   {domain.UserCreated, number, "a time in milliseconds"},
	"mobile":      {field: domain.UserMobile},
	"name":        {field: domain.UserName},
	"loginName":   {field: domain.UserAlias},
	"orgid":       {field: domain.UserOrganization},
	"phone":       {field: domain.UserPhone},
	"role":        {domain.UserRole, wireRoles.numbers, wireRoles.names(" or ")},
	"state":       {domain.UserStanding, wireStates.numbers, wireStates.names(" or ")},
	"surname":     {field: domain.UserSurname},
}

var organizationFields = map[string]filterField{
	"name":        {field: domain.OrganizationName},
	"id":          {field: domain.OrganizationUUID},
	"description": {field: domain.OrganizationDescription},
	"email":       {field: domain.OrganizationMail},
	"phone":       {field: domain.OrganizationPhone},
	"enabled": {domain.OrganizationActive,
		oneOf(map[string][]int64{"enabled": {1}, "disabled": {0}, "true": {1}, "false": {0}}), "enabled or disabled"},
}

var comparisons = map[string]domain.Comparison{
	"eq": domain.Equal, "ne": domain.NotEqual, "gt": domain.Greater, "lt": domain.Less,
	"ge": domain.AtLeast, "le": domain.AtMost, "like": domain.Contains, "gete": domain.Between,
}

func oneOf(values map[string][]int64) func(string) ([]int64, bool) {
	return func(text string) ([]int64, bool) {
		found, ok := values[text]
		return found, ok
	}
}

func number(text string) ([]int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return []int64{n}, err == nil
}

// parseFilter reads a filter: the nth field, op and value of the query belong together, and lop
// says whether all conditions must hold or any one.
func parseFilter(query []httpx.Pair, fields map[string]filterField) (domain.Conditions, error) {
	var names, ops, values, lops []string
	for _, p := range query {
		switch p.Name {
		case "field":
			names = append(names, p.Value)
		case "op":
			ops = append(ops, p.Value)
		case "value":
			values = append(values, p.Value)
		case "lop":
			lops = append(lops, p.Value)
		default:
			return domain.Conditions{}, httpx.UnknownParameter(p.Name)
		}
	}
	var all domain.Conditions
	switch {
	case len(names) > domain.MaxConditions:
		return all, domain.InvalidField("field", "At most %d are allowed.", domain.MaxConditions)
	case len(ops) != len(names):
		return all, domain.InvalidField("op", "Give one op for each field.")
	case len(values) != len(names):
		return all, domain.InvalidField("value", "Give one value for each field.")
	case len(lops) > 1 || len(lops) == 1 && lops[0] != "AND" && lops[0] != "OR":
		return all, domain.InvalidField("lop", "Give one of AND and OR.")
	}
	all.Any = slices.Contains(lops, "OR")
	for i := range names {
		c, err := parseCondition(fields, names[i], ops[i], values[i])
		if err != nil {
			return all, err
		}
		all.All = append(all.All, c)
	}
	return all, nil
}

// parseCondition reads one condition. That its comparison is one of its field is the domain's
// to say, but for that a value must be one of the field's.
func parseCondition(fields map[string]filterField, name, op, value string) (domain.Condition, error) {
	f, known := fields[name]
	if !known {
		return domain.Condition{}, domain.InvalidField("field", "There is no such field; leave it out.")
	}
	is, known := comparisons[op]
	if !known {
		return domain.Condition{}, domain.InvalidField("op", "Give one of eq, ne, gt, lt, ge, le, like and gete.")
	}
	c := domain.Condition{Field: f.field, Is: is}
	parts := []string{value}
	if is == domain.Between {
		low, high, both := strings.Cut(value, ",")
		if !both {
			return c, domain.InvalidField("value", "Give a lower and an upper bound with a comma between for %s.", name)
		}
		parts = []string{low, high}
	}
	if f.values == nil {
		c.Texts = parts
	} else {
		for _, part := range parts {
			numbers, ok := f.values(part)
			if !ok {
				return c, domain.InvalidField("value", "Give %[2]s for %[1]s.", name, f.expects)
			}
			c.Numbers = append(c.Numbers, numbers...)
		}
	}
	if err := c.Validate(); err != nil {
		e := domain.AsError(err)
		return c, e.Saying("%s: %s with %s.", strings.TrimSuffix(e.Public, "."), name, op)
	}
	return c, nil
}
