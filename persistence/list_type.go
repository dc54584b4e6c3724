package persistence

import (
	"cmp"
	"encoding/json"
	"slices"

	"canopy/domain"
)

// listType is how the values of the columns of one type are kept in the columns at of a table.
type listType struct {
	// show is an expression for what is shown instead of the cells, nil if they are.
	show func(at []string) string
	// read makes a value of what was read.
	read func(s *DirectoryStore, r *listRow, c domain.ListColumn, at []string) (any, error)
	// write fills the cells with a value.
	write func(in *listInput, r *listRow, c domain.ListColumn, at []string, v any) error
}

// listTypes has all types of columns.
var listTypes = map[domain.ListType]listType{
	domain.TextColumn:       {read: readCell, write: writeCell},
	domain.NumberColumn:     {read: readCell, write: writeCell},
	domain.BytesColumn:      {read: readCell, write: writeCell},
	domain.FlagColumn:       {read: readFlag, write: writeCell},
	domain.ChoiceColumn:     {read: readChoice, write: writeChoice},
	domain.AttributesColumn: {read: readListed, write: writeListed},
	domain.SecretColumn:     {read: readSealed, write: writeSealed},
	domain.OrganizationColumn: {show: func([]string) string { return "e.alias_path" }, read: readAliasPath,
		write: writeEnvironment},
	domain.EnvironmentColumn: {show: func(at []string) string {
		return "(SELECT x.alias_path FROM environments x WHERE x.organization_id = t.organization_id AND x.id = t." + at[1] +
			")"
	}, read: readAliasPath, write: writeEnvironment},
	domain.PlaceColumn: {show: func(at []string) string {
		return "(SELECT x.alias_path FROM environments x WHERE x.path = t." + at[0] + ")"
	}, read: readPlace, write: writePlace},
	domain.UserColumn: {show: func(at []string) string {
		return "(SELECT x.alias FROM users x WHERE x.organization_id = t." + at[0] + " AND x.id = t." + at[1] + ")"
	}, read: readUser, write: writeUser},
	domain.GroupColumn: {show: func(at []string) string {
		return "(SELECT CASE WHEN x.organization_id = 1 AND t.organization_id <> 1 THEN '/' || x.alias ELSE x.alias END " +
			"FROM groups x WHERE x.id = t." + at[0] + ")"
	}, read: readShown, write: writeGroup},
	domain.ObjectColumn: {show: func(at []string) string {
		return "(SELECT x.uuid FROM objects x WHERE x.organization_id = t." + at[0] + " AND x.id = t." + at[1] + ")"
	}, read: readShown, write: writeObject},
}

// shown is the name of what is shown of a column.
func shown(c domain.ListColumn) string { return "shown_" + c.Name }

func readCell(_ *DirectoryStore, r *listRow, _ domain.ListColumn, at []string) (any, error) {
	return r.cells[at[0]], nil
}

func writeCell(_ *listInput, r *listRow, _ domain.ListColumn, at []string, v any) error {
	r.set(at[0], v)
	return nil
}

func readShown(_ *DirectoryStore, r *listRow, c domain.ListColumn, _ []string) (any, error) {
	return r.cells[shown(c)], nil
}

// readFlag reads a flag, which SQLite keeps as a number.
func readFlag(_ *DirectoryStore, r *listRow, _ domain.ListColumn, at []string) (any, error) {
	if yes, ok := r.cells[at[0]].(bool); ok {
		return yes, nil
	}
	return r.number(at[0]) != 0, nil
}

func readChoice(_ *DirectoryStore, r *listRow, c domain.ListColumn, at []string) (any, error) {
	return c.Choices[r.number(at[0])], nil
}

func writeChoice(_ *listInput, r *listRow, c domain.ListColumn, at []string, v any) error {
	r.set(at[0], int64(slices.Index(c.Choices, v.(string))))
	return nil
}

func readListed(_ *DirectoryStore, r *listRow, _ domain.ListColumn, at []string) (any, error) {
	var a domain.Attributes
	err := json.Unmarshal([]byte(r.text(at[0])), &a)
	return a, err
}

func writeListed(_ *listInput, r *listRow, _ domain.ListColumn, at []string, v any) error {
	encoded, err := json.Marshal(v)
	r.set(at[0], string(encoded))
	return err
}

func readSealed(s *DirectoryStore, r *listRow, _ domain.ListColumn, at []string) (any, error) {
	return s.db.Vault.Open(r.table.place(r), r.text(at[1]))
}

func writeSealed(in *listInput, r *listRow, _ domain.ListColumn, at []string, v any) (err error) {
	r.secret = v.(string)
	if !in.store.db.Vault.HasKey() {
		r.coming = true // a rehearsal before there is a key: nothing can be there
		return nil
	}
	r.cells[at[0]], err = in.store.db.Vault.Hash(r.table.purpose, r.secret)
	return err
}

func readAliasPath(_ *DirectoryStore, r *listRow, c domain.ListColumn, _ []string) (any, error) {
	return cmp.Or(r.text(shown(c)), "/"), nil
}

func writeEnvironment(in *listInput, r *listRow, c domain.ListColumn, at []string, v any) error {
	e, found := in.refs.Place(v.(string))
	if !found || c.Type == domain.OrganizationColumn && !e.IsOrganization {
		return domain.ErrEnvironmentNotFound.On(c.Name).Saying("There is no %s %q.", c.Name, v)
	}
	for i, cell := range []any{int64(e.Organization), int64(e.ID), string(e.Path)}[:len(at)] {
		r.set(at[i], cell)
	}
	return nil
}

func readPlace(_ *DirectoryStore, r *listRow, c domain.ListColumn, at []string) (any, error) {
	switch {
	case r.text(at[0]) == "":
		return nil, nil
	case r.cells[shown(c)] == nil:
		return domain.PlaceGone, nil // not nil, which may mean everywhere
	}
	return cmp.Or(r.text(shown(c)), "/"), nil
}

func writePlace(in *listInput, r *listRow, c domain.ListColumn, at []string, v any) error {
	if v == nil {
		r.set(at[0], "")
		return nil
	}
	e, found := in.refs.Place(v.(string))
	if !found {
		return domain.ErrEnvironmentNotFound.On(c.Name).Saying("There is no environment %q.", v)
	}
	r.set(at[0], string(e.Path))
	return nil
}

func readUser(_ *DirectoryStore, r *listRow, c domain.ListColumn, at []string) (any, error) {
	if alias := r.cells[shown(c)]; alias != nil || r.number(at[1]) == 0 {
		return alias, nil
	}
	return r.cells[at[1]], nil
}

func writeUser(in *listInput, r *listRow, c domain.ListColumn, at []string, v any) error {
	var k domain.UserKey
	switch v := v.(type) {
	case int64:
		k.User = domain.UserID(v)
	case string:
		found := v == ""
		if !found {
			k, found = in.users[domain.Fold(v)]
		}
		if !found && r.rehearsed && in.refs.Coming(c.Type, v) {
			r.coming = true
			return nil
		}
		if !found {
			return domain.ErrUserNotFound.On(c.Name).Saying("There is no user %q.", v)
		}
	}
	return r.put(c, at, int64(k.Organization), int64(k.User))
}

func writeGroup(in *listInput, r *listRow, c domain.ListColumn, at []string, v any) error {
	if r.coming {
		return nil
	}
	g, found := in.refs.Group(domain.OrganizationID(r.number("organization_id")), domain.GroupRef(v.(string)))
	if !found {
		return domain.ErrGroupNotFound.On(c.Name).Saying("There is no group %q here.", v)
	}
	r.set(at[0], int64(g))
	return nil
}

func writeObject(in *listInput, r *listRow, c domain.ListColumn, at []string, v any) error {
	if v == nil {
		r.set(at[1], int64(0))
		return nil
	}
	if o, found := in.objects[v.(string)]; found {
		r.objects[c.Name] = o
		return r.put(c, at, o.OrganizationID, o.ID)
	}
	coming := in.refs.Coming(c.Type, v.(string))
	switch {
	case coming && r.rehearsed:
		r.coming = true
		r.set(at[1], int64(-1))
	case coming && r.table.name == "objects":
		r.outcome.Waits = true
	default:
		return domain.ErrObjectNotFound.On(c.Name).Saying("There is no object %q.", v)
	}
	return nil
}
