package persistence

import (
	"strings"

	"canopy/domain"
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

// meets returns the condition that a row meets the conditions, which are valid and at least one,
// as one term. What a condition compares with besides the row must be in sc too.
func meets(sc tenancy.Scope, cs domain.Conditions) predicate {
	var all predicate
	for i := range cs.All {
		one := met(sc, &cs.All[i])
		all.text += either(i == 0, "", either(cs.Any, " OR ", " AND ")) + one.text
		all.args = append(all.args, one.args...)
	}
	all.text = "(" + all.text + ")"
	return all
}

// given returns the condition that the user of a row owns or was given access to an application
// in sc, one of those with the UUIDs, or one that uses an API with one of them.
func given(sc tenancy.Scope, c *domain.Condition) predicate {
	p := predicate{`EXISTS (SELECT 1 FROM objects o WHERE o.kind = ? AND (o.owner_organization_id = u.organization_id AND o.owner_id = u.id
		OR EXISTS (SELECT 1 FROM object_access s WHERE s.organization_id = o.organization_id AND s.object_id = o.id
			AND s.subject_kind = 1 AND s.subject_organization_id = u.organization_id AND s.subject_id = u.id))`, []any{string(domain.KindApplication)}}
	if _, self := sc.Self(); !self { // what one has oneself is in reach, wherever it is
		in := inRanges(sc.Ranges(), "o.environment_path")
		p = p.and(in.text, in.args...)
	}
	ids := make([]string, len(c.Texts))
	for i, text := range c.Texts {
		ids[i] = strings.ToLower(text)
	}
	if c.Field == domain.UserApplication {
		p = p.and("o.uuid IN (?))", in(ids))
	} else {
		p = p.and(`EXISTS (SELECT 1 FROM object_uses x JOIN objects a ON a.organization_id = x.organization_id AND a.id = x.used_id
			WHERE x.organization_id = o.organization_id AND x.object_id = o.id AND a.kind = ? AND a.uuid IN (?)))`,
			string(domain.KindAPI), in(ids))
	}
	if c.Is == domain.NotEqual {
		p.text = "NOT " + p.text
	}
	return p
}

func met(sc tenancy.Scope, c *domain.Condition) predicate {
	if c.Field == domain.UserApplication || c.Field == domain.UserAPI {
		return given(sc, c)
	}
	column := listColumns[c.Field]
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
		return predicate{column + " IN (?)", []any{in(values)}}
	case domain.NotEqual:
		return predicate{column + " NOT IN (?)", []any{in(values)}}
	case domain.Between:
		return predicate{"(" + column + " >= ? AND " + column + " <= ?)", values}
	case domain.Contains:
		return predicate{column + ` LIKE ? ESCAPE '\'`, []any{"%" + literal.Replace(values[0].(string)) + "%"}}
	}
	return predicate{column + " " + signs[c.Is] + " ?", values}
}
