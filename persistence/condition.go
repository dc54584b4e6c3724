package persistence

import (
	"strconv"
	"strings"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// listColumns are what fields are compared as. Nothing of a filter but its values gets into a
// statement, and those as values.
var listColumns = [...]string{
	domain.UserAlias: "u.alias_key",
	domain.UserName: `(CASE WHEN u.last_name_key = '' THEN u.first_name_key
		ELSE u.first_name_key || ' ' || u.last_name_key END)`,
	domain.UserSurname:     "(CASE WHEN u.last_name_key = '' THEN u.first_name_key ELSE u.last_name_key END)",
	domain.UserMail:        "u.mail_key",
	domain.UserPhone:       "u.phone_key",
	domain.UserMobile:      userAttribute(domain.AttributeMobile),
	domain.UserDescription: userAttribute(domain.AttributeDescription),
	domain.UserCreated:     "u.created_at",
	domain.UserRole:        "u.role",
	domain.UserStanding:    "u.state",
	domain.UserActive:      "(CASE WHEN u.active THEN 1 ELSE 0 END)",
	domain.UserOrganization: `coalesce((SELECT b.uuid FROM environments b
		WHERE b.organization_id = u.organization_id AND b.id = u.organization_id), '')`,
	domain.OrganizationName:        "e.alias_key",
	domain.OrganizationUUID:        "e.uuid",
	domain.OrganizationActive:      "(CASE WHEN e.active THEN 1 ELSE 0 END)",
	domain.OrganizationDescription: organizationAttribute(domain.AttributeDescription),
	domain.OrganizationMail:        organizationAttribute(domain.AttributeMail),
	domain.OrganizationPhone:       organizationAttribute(domain.AttributePhone),
}

// userAttribute is the folded value of an attribute, empty for none.
func userAttribute(name string) string {
	return `coalesce((SELECT t.value_key FROM user_attributes t
		WHERE t.organization_id = u.organization_id AND t.user_id = u.id AND t.name = '` + name + `'), '')`
}

func organizationAttribute(name string) string {
	return `coalesce((SELECT t.value_key FROM organization_attributes t
		WHERE t.organization_id = e.organization_id AND t.name = '` + name + `'), '')`
}

var signs = [...]string{domain.Greater: ">", domain.Less: "<", domain.AtLeast: ">=", domain.AtMost: "<="}

// meets returns the condition that a row meets the conditions, which are valid and at least one.
// Objects that a condition names must be in the scope beside sc.
func meets(sc tenancy.Scope, cs domain.Conditions) db.Predicate {
	parts := make([]db.Predicate, len(cs.All))
	for i := range cs.All {
		parts[i] = met(sc, &cs.All[i])
	}
	if cs.Any {
		return db.AnyOf(parts...)
	}
	return db.AllOf(parts...)
}

// given returns the condition that the user of a row owns or was given access to an application,
// one of those with the UUIDs, or one that uses an API with one of them. Only objects in the
// scope beside sc count, and of access to them what its viewer may see.
func given(sc tenancy.Scope, c *domain.Condition) db.Predicate {
	keys := givenTo(sc, c)
	return db.Where("(u.organization_id, u.id) "+either(c.Is == domain.NotEqual, "NOT ", "")+"IN ("+keys.Raw+")",
		keys.Args...)
}

func met(sc tenancy.Scope, c *domain.Condition) db.Predicate {
	if c.Field == domain.UserApplication || c.Field == domain.UserAPI {
		return given(sc, c)
	}
	column := listColumns[c.Field]
	if o, one := sc.Organization(); one { // whose rows a subselect is sent to
		column = strings.ReplaceAll(column, "u.organization_id", strconv.FormatInt(int64(o), 10))
	}
	var values []any
	for _, n := range c.Numbers {
		values = append(values, n)
	}
	for _, text := range c.Texts {
		if c.Field == domain.UserOrganization || c.Field == domain.OrganizationUUID {
			values = append(values, strings.ToLower(text))
		} else {
			values = append(values, domain.Fold(text))
		}
	}
	switch c.Is {
	case domain.Equal:
		return db.Where(column+" IN (?)", db.In(values))
	case domain.NotEqual:
		return db.Where(column+" NOT IN (?)", db.In(values))
	case domain.Between:
		return db.Where("("+column+" >= ? AND "+column+" <= ?)", values...)
	case domain.Contains:
		return db.Where(column+` LIKE ? ESCAPE '\'`, "%"+literal.Replace(values[0].(string))+"%")
	}
	return db.Where(column+" "+signs[c.Is]+" ?", values...)
}
