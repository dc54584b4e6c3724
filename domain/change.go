package domain

import (
	"strconv"
	"strings"
	"time"
)

// Fields is an entity as names and values, for the audit trail. It holds no secrets.
type Fields []Field

// Field is one name and value of an entity.
type Field struct{ Name, Value string }

// Diff returns the fields that differ between two states of an entity: those of before in
// their order, then those that only after has. Created entities have nil before, deleted
// ones nil after; a field that is missing on one side is empty there.
func Diff(before, after Fields) []Change {
	rest := make(map[string]string, len(after))
	for _, f := range after {
		rest[f.Name] = f.Value
	}
	var changes []Change
	add := func(c Change) {
		if c.Before != c.After {
			changes = append(changes, c)
		}
	}
	for _, f := range before {
		add(Change{f.Name, f.Value, rest[f.Name]})
		delete(rest, f.Name)
	}
	for _, f := range after {
		if value, left := rest[f.Name]; left {
			add(Change{f.Name, "", value})
		}
	}
	return changes
}

// Fields returns what the audit trail keeps of a user.
func (u *User) Fields() Fields {
	fields := Fields{
		{"alias", u.Alias},
		{"home", number(u.Home)},
		{"role", u.Role.String()},
		{"group", numbers(u.Groups)},
		{"allowed", grants(u.Allowed)},
		{"blocked", grants(u.Blocked)},
		{"state", u.State.String()},
		{"active", strconv.FormatBool(u.Active)},
		{"person.first_name", u.Person.FirstName},
		{"person.last_name", u.Person.LastName},
		{"person.mail", u.Person.Mail},
		{"person.phone", u.Person.Phone},
		{"person.job_title", u.Person.JobTitle},
		{"person.department", u.Person.Department},
		{"language", u.Language},
		{"time_zone", u.TimeZone},
		{"default_page", number(u.DefaultPage)},
		{"first_access", strconv.FormatBool(u.FirstAccess)},
		{"password_delay", number(u.PasswordDelay)},
		{"revoke_delay", number(u.RevokeDelay)},
		{"last_password", moment(u.LastPassword)},
		{"picture", u.Picture.Tag},
	}
	for _, rare := range (Fields{
		{"archived", ifTrue(u.Archived)}, {"claims", u.Claims}, {"lists_users", ifTrue(u.ListsUsers)},
		{"system", ifTrue(u.System)},
	}) {
		if rare.Value != "" {
			fields = append(fields, rare)
		}
	}
	return append(fields, u.Attributes.fields()...)
}

func ifTrue(b bool) string {
	if b {
		return "true"
	}
	return ""
}

// Fields returns what the audit trail keeps of an environment.
func (e *Environment) Fields() Fields {
	return append(Fields{
		{"alias", e.Alias},
		{"parent", number(e.Parent)},
		{"active", strconv.FormatBool(e.Active)},
		{"organization", strconv.FormatBool(e.IsOrganization)},
		{"code", e.Code},
		{"send_url", strconv.FormatBool(e.SendURL)},
		{"time_zone", e.TimeZone},
		{"git_repository", e.GitRepository},
		{"picture", e.Picture.Tag},
	}, e.Attributes.With(Attributes{AttributeCreated: ""}).fields()...)
}

// Fields returns what the audit trail keeps of a group.
func (g *Group) Fields() Fields {
	return Fields{
		{"alias", g.Alias},
		{"parent", number(g.Parent)},
		{"permission", g.Mask.String()},
		{"role", g.Role.String()},
		{"description", g.Description},
	}
}

// Fields returns what the audit trail keeps of a new API key.
func (k *APIKey) Fields() []Change {
	narrowed := ""
	if k.Narrowed.Mask != 0 {
		narrowed = k.Narrowed.Mask.String()
	}
	place := ""
	if k.Narrowed.Place != "" {
		place = number(k.Narrowed.Place.ID())
	}
	return Diff(nil, Fields{{"key", k.Name}, {"expires", moment(k.Expires)}, {"permission", narrowed},
		{"environment", place}})
}

func flag(b bool) string { return strconv.FormatBool(b) }

// Fields returns what the audit trail keeps of an object. Of an owner or reader it keeps the
// number, which says nothing to whoever does not see them.
func (o *Object) Fields() Fields {
	fields := Fields{
		{"name", o.FullName},
		{"home", number(o.Environment)},
		{"owner", number(o.Owner.User)},
		{"parent", number(o.Parent)},
		{"visibility", o.Visibility.String()},
		{"uses", numbers(o.Uses)},
		{"access", accessText(o.Access)},
	}
	if kind, ok := o.Kind.Info(); ok {
		for _, a := range kind.Attributes {
			fields = append(fields, Field{a.Name, o.Attributes[a.Name]})
		}
	}
	return fields
}

func accessText(list []Access) string {
	text := make([]string, len(list))
	for i, a := range list {
		if a.Group != 0 {
			text[i] = "group " + number(a.Group) + " " + a.Level.String()
		} else {
			text[i] = "user " + number(a.User.User) + " " + a.Level.String()
		}
	}
	return strings.Join(text, ", ")
}

func number[T ~int | ~int64](n T) string { return strconv.FormatInt(int64(n), 10) }

func numbers[T ~int64](ids []T) string {
	text := make([]string, len(ids))
	for i, id := range ids {
		text[i] = number(id)
	}
	return strings.Join(text, " ")
}

// grants writes places, not numbers, so that a reader can be shown only their own.
func grants(grants []Grant) string {
	paths := make([]string, len(grants))
	for i, g := range grants {
		paths[i] = string(g.Path)
	}
	return strings.Join(paths, " ")
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
