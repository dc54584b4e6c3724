package persistence

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// listTable is where a list of the directory document is kept.
type listTable struct {
	name string
	// at has, for each column of the list, those of the table: two for a user and an object
	// (organization and number), three for an environment (with its path), the hash and the
	// sealed text of a secret.
	at [][]string
	// order is the primary key, by which rows are read.
	order []string
	// identity is what tells rows apart, if it is not the primary key.
	identity []string
	// fixed are columns that are the same in all rows of the list; where leaves out the others.
	fixed map[string]any
	where string
	// derived are columns that follow from the others.
	derived []string
	derive  func(*listRow) error
	// place binds a secret to where it is stored; purpose is what its hash is for.
	place   func(*listRow) string
	purpose string
	// check returns an error for a row that breaks a rule; beside writes what goes with rows in
	// other tables, and entry is their audit entry.
	check  func(*listRow) error
	beside func(context.Context, bun.Tx, []*listRow) error
	entry  func(*listRow) domain.AuditEntry
}

// own are the columns of whoever has the row.
var (
	ownUser   = []string{"organization_id", "user_id"}
	ownObject = []string{"organization_id", "object_id"}
)

// listTables has the table of each list.
var listTables = map[string]*listTable{
	"organizationattributes": {name: "organization_attributes", at: [][]string{{"organization_id"}, {"name"}, {"value"}},
		order: []string{"organization_id", "name"}, derived: []string{"value_key"},
		derive: func(r *listRow) error { r.set("value_key", domain.Fold(r.text("value"))); return nil },
		check: func(r *listRow) error {
			return checkAttributes(domain.Attributes{r.text("name"): r.text("value")})
		}},
	"organizationpictures": {name: "organization_pictures", at: [][]string{{"organization_id"}, {"jpeg"}}, order: []string{"organization_id"},
		derived: []string{"tag"}, derive: deriveTag},
	"registrationcodes": {name: "registration_codes", at: [][]string{{"organization_id"}, {"hash", "sealed"}, {"created_at"}, {"created_by"},
		{"expires_at"}, {"max_users"}, {"used"}, {"enabled"}}, order: []string{"organization_id", "hash"},
		purpose: "registration code", place: func(r *listRow) string {
			return codePlace(domain.OrganizationID(r.number("organization_id")), r.text("hash"))
		}, check: func(r *listRow) error {
			c := domain.RegistrationCode{MaxUsers: r.number("max_users"), Used: r.number("used")}
			return c.Validate()
		}, beside: nameCodes},
	"pictures": {name: "user_pictures", at: [][]string{ownUser, {"jpeg"}}, order: ownUser, derived: []string{"tag"}, derive: deriveTag},
	"apikeys": {name: "api_keys", at: [][]string{ownUser, {"id"}, {"name"}, {"hash", "sealed"}, {"created_at"}, {"last_at"},
		{"expires_at"}, {"mask"}, {"environment_path"}},
		order: []string{"organization_id", "user_id", "id"}, purpose: "api key", place: func(r *listRow) string { return apiKeyPlace(r.apiKey()) },
		check: func(r *listRow) error {
			k := domain.APIKey{Name: r.text("name")}
			if r.number("mask") > int64(domain.AllPermissions) {
				return domain.InvalidField("permission", "Give a number up to %s.", domain.AllPermissions)
			}
			_, err := domain.ParseUUID(r.text("id"))
			return cmp.Or(err, k.Validate())
		}, beside: nameAPIKeys},
	"groupadmins": {name: "group_admins", at: [][]string{ownUser, {"group_id"}}, order: []string{"organization_id", "group_id", "user_id"}},
	"marks": {name: "user_marks", at: [][]string{ownUser, {"list"}, {"name"}, {"rank"}}, order: []string{"organization_id", "user_id", "list", "name_key"},
		derived: []string{"name_key"},
		derive:  func(r *listRow) error { r.set("name_key", domain.Fold(r.text("name"))); return nil },
		check: func(r *listRow) error {
			return domain.CheckFavourite(domain.FavouriteList(r.number("list")), r.text("name"))
		}},
	"contacts": {name: "user_contacts", at: [][]string{ownUser, {"contact_organization_id", "contact_id"}, {"rank"}},
		order: []string{"organization_id", "user_id", "contact_id"}},
	"objects": {name: "objects", at: [][]string{{"organization_id", "environment_id", "environment_path"}, {"uuid"}, {"id"}, {"kind"},
		{"owner_organization_id", "owner_id"}, {"organization_id", "parent_id"}, {"name"}, {"attributes"}, {"visibility"}, {"created_at"}, {"changed_at"}},
		order: []string{"organization_id", "id"}, identity: []string{"organization_id", "uuid"}, derived: []string{"full_name", "full_name_key"},
		derive: deriveFullName, check: checkObject, beside: nameObjects, entry: objectRowEntry},
	"uses": {name: "object_uses", at: [][]string{ownObject, {"organization_id", "used_id"}}, order: []string{"organization_id", "object_id", "used_id"},
		check: func(r *listRow) error {
			kind, _ := r.object("object").kind.Info()
			if r.object("used").kind != "" && r.object("object").kind != "" && r.object("used").kind != kind.Uses {
				return domain.InvalidField("used", "An object of the kind %s does not use one of the kind %s.", kind.Kind, r.object("used").kind)
			}
			return nil
		}},
	"useraccess": {name: "object_access", at: [][]string{ownObject, {"subject_organization_id", "subject_id"}, {"level"}},
		order: []string{"organization_id", "object_id", "subject_kind", "subject_id"}, fixed: map[string]any{"subject_kind": int64(userSubject)},
		where: "t.subject_kind = 1", check: checkLevel},
	"groupaccess": {name: "object_access", at: [][]string{ownObject, {"subject_id"}, {"level"}},
		order: []string{"organization_id", "object_id", "subject_kind", "subject_id"},
		fixed: map[string]any{"subject_kind": int64(groupSubject), "subject_organization_id": int64(0)},
		where: "t.subject_kind = 2", check: checkLevel},
	"owners": {name: "object_owners", at: [][]string{ownObject, {"rank"}, {"owner_organization_id", "owner_id"}, {"began_at"}, {"ended_at"}},
		order: []string{"organization_id", "object_id", "rank"}},
	"usage": {name: "object_usage", at: [][]string{ownObject, {"month"}, {"owner_organization_id", "owner_id"}, {"uses"}},
		order: []string{"organization_id", "object_id", "month", "owner_organization_id", "owner_id"}},
	"copyrequests": {name: "copy_requests", at: [][]string{ownObject, {"to_organization_id", "to_id"}, {"id"}, {"from_organization_id", "from_id"},
		{"created_at"}, {"expires_at"}}, order: []string{"organization_id", "id"}, identity: []string{"organization_id", "object_id", "to_id"}},
	"bookmarks": {name: "bookmarks", at: [][]string{ownUser, {"object_organization_id", "object_id"}, {"created_at"}},
		order: []string{"organization_id", "user_id", "object_id"}},
	"presences": {name: "presences", at: [][]string{{"organization_id", "topic_id"}, ownUser, {"status"}, {"at"}},
		order: []string{"organization_id", "topic_id", "user_id"},
		check: func(r *listRow) error {
			_, err := domain.ParsePresenceStatus(r.text("status"))
			return err
		}},
}

// key is what tells rows of the table apart.
func (t *listTable) key() []string {
	if t.identity != nil {
		return t.identity
	}
	return t.order
}

// columns are all columns of the table that a row fills.
func (t *listTable) columns() []string {
	var all []string
	for _, at := range t.at {
		for _, c := range at {
			if !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	return append(append(all, t.derived...), slices.Sorted(maps.Keys(t.fixed))...)
}

// List yields the rows of a list in sc, by their primary keys.
func (s *DirectoryStore) List(ctx context.Context, sc tenancy.Scope, info *domain.ListInfo) iter.Seq2[domain.ListRow, error] {
	t := listTables[info.Name]
	if info.Secret && s.db.OpenVault != nil {
		if err := s.db.OpenVault(ctx, false); err != nil {
			return func(yield func(domain.ListRow, error) bool) { yield(domain.ListRow{}, err) }
		}
	}
	if t.purpose != "" && t.key()[1] == "hash" {
		return s.sortedList(ctx, sc, info, t)
	}
	var last []any
	return each(func(domain.Cursor) ([]domain.ListRow, domain.Cursor, error) {
		rows, keys, err := s.listPage(ctx, sc, info, t, last, pageOf(info))
		if err != nil || len(rows) < pageOf(info) {
			return rows, "", err
		}
		last = keys[len(keys)-1]
		return rows, "more", nil
	})
}

// sortedList is List for rows whose keys follow from the server's key: in the order of the texts, so
// that two servers write them alike. There are a few to an organization.
func (s *DirectoryStore) sortedList(ctx context.Context, sc tenancy.Scope, info *domain.ListInfo, t *listTable) iter.Seq2[domain.ListRow, error] {
	return func(yield func(domain.ListRow, error) bool) {
		rows, _, err := s.listPage(ctx, sc, info, t, nil, 0)
		if err != nil {
			yield(domain.ListRow{}, err)
			return
		}
		slices.SortFunc(rows, func(a, b domain.ListRow) int {
			return cmp.Or(strings.Compare(a.Values[0].(string), b.Values[0].(string)), strings.Compare(a.Values[1].(string), b.Values[1].(string)))
		})
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// pageOf is how many rows of a list are read at once: fewer where they are large.
func pageOf(info *domain.ListInfo) int {
	if slices.ContainsFunc(info.Columns, func(c domain.ListColumn) bool { return c.Type == domain.BytesColumn }) {
		return exportPage / 20
	}
	return exportPage
}

func (s *DirectoryStore) listPage(ctx context.Context, sc tenancy.Scope, info *domain.ListInfo, t *listTable, last []any, limit int) ([]domain.ListRow, [][]any, error) {
	where := db.Placed(sc, "e.path", "t.organization_id")
	if t.where != "" {
		where = where.And(t.where)
	}
	order := "t." + strings.Join(t.order, ", t.")
	if last != nil {
		where = where.And("("+order+") > ("+strings.TrimSuffix(strings.Repeat("?, ", len(last)), ", ")+")", last...)
	}
	end := ""
	if limit > 0 {
		end = " LIMIT " + strconv.Itoa(limit)
	}
	rows, err := s.db.QueryContext(ctx, "SELECT "+order+", "+selectList(info, t)+" FROM "+t.name+
		" t JOIN environments e ON e.organization_id = t.organization_id AND e.id = t.organization_id WHERE "+where.Text()+" ORDER BY "+order+end, where.Args...)
	var keys [][]any
	all, err := db.Collect(rows, err, func(r db.Row) (domain.ListRow, error) {
		key := make([]any, len(t.order))
		for i := range key {
			key[i] = new(any)
		}
		values, err := s.scanList(r, info, t, key)
		for i := range key {
			key[i] = plainKey(*key[i].(*any))
		}
		keys = append(keys, key)
		return values, err
	})
	return all, keys, err
}

// plainKey returns a value of a key as it is compared.
func plainKey(v any) any {
	if text, ok := v.([]byte); ok {
		return string(text)
	}
	return v
}

// selectList returns the columns that scanList reads.
func selectList(info *domain.ListInfo, t *listTable) string {
	var all []string
	for i, c := range info.Columns {
		at := t.at[i]
		first, last := "t."+at[0], "t."+at[len(at)-1]
		switch c.Type {
		case domain.UserColumn:
			all = append(all, last, "(SELECT x.alias FROM users x WHERE x.organization_id = "+first+" AND x.id = "+last+")")
		case domain.ObjectColumn:
			all = append(all, "(SELECT x.uuid FROM objects x WHERE x.organization_id = "+first+" AND x.id = "+last+")")
		case domain.GroupColumn:
			all = append(all, "(SELECT CASE WHEN x.organization_id = 1 AND t.organization_id <> 1 THEN '/' || x.alias ELSE x.alias END FROM groups x WHERE x.id = "+first+")")
		case domain.EnvironmentColumn:
			all = append(all, "(SELECT x.alias_path FROM environments x WHERE x.organization_id = t.organization_id AND x.id = t."+at[1]+")")
		case domain.PlaceColumn:
			all = append(all, first, "(SELECT x.alias_path FROM environments x WHERE x.path = "+first+")")
		case domain.OrganizationColumn:
			all = append(all, "e.alias_path")
		case domain.SecretColumn:
			all = append(all, "t."+strings.Join(t.placed(), ", t."), last)
		default:
			all = append(all, first)
		}
	}
	return strings.Join(all, ", ")
}

// placed are the columns by which a secret is bound to its place.
func (t *listTable) placed() []string { return t.order }

// scanList reads a row behind the key.
func (s *DirectoryStore) scanList(r db.Row, info *domain.ListInfo, t *listTable, key []any) (domain.ListRow, error) {
	dest := key
	reads := make([]func() (any, error), len(info.Columns))
	for i, c := range info.Columns {
		var more []any
		more, reads[i] = s.reading(c, t)
		dest = append(dest[:len(dest):len(dest)], more...)
	}
	if err := r.Scan(dest...); err != nil {
		return domain.ListRow{}, err
	}
	values := make([]any, len(reads))
	for i, read := range reads {
		var err error
		if values[i], err = read(); err != nil {
			return domain.ListRow{}, err
		}
	}
	return domain.ListRow{Values: values}, nil
}

// reading returns what the columns of c are scanned into, and what makes a value of them.
func (s *DirectoryStore) reading(c domain.ListColumn, t *listTable) (dest []any, read func() (any, error)) {
	switch c.Type {
	case domain.NumberColumn:
		n := new(int64)
		return []any{n}, func() (any, error) { return *n, nil }
	case domain.FlagColumn:
		yes := new(bool)
		return []any{yes}, func() (any, error) { return *yes, nil }
	case domain.BytesColumn:
		text := new([]byte)
		return []any{text}, func() (any, error) { return *text, nil }
	case domain.ChoiceColumn:
		n := new(int64)
		return []any{n}, func() (any, error) { return c.Choices[*n], nil }
	case domain.AttributesColumn:
		text := new(string)
		return []any{text}, func() (any, error) {
			var a domain.Attributes
			err := json.Unmarshal([]byte(*text), &a)
			return a, err
		}
	case domain.UserColumn:
		id, alias := new(int64), new(sql.NullString)
		return []any{id, alias}, func() (any, error) {
			switch {
			case alias.Valid:
				return alias.String, nil
			case *id != 0:
				return *id, nil
			}
			return nil, nil
		}
	case domain.PlaceColumn:
		path, alias := new(string), new(sql.NullString)
		return []any{path, alias}, func() (any, error) {
			switch {
			case *path == "":
				return nil, nil
			case !alias.Valid:
				return domain.PlaceGone, nil // not nil, which may mean everywhere
			}
			return cmp.Or(alias.String, "/"), nil
		}
	case domain.SecretColumn:
		at := &listRow{table: t, cells: make(map[string]any)}
		for range t.placed() {
			dest = append(dest, new(any))
		}
		sealed := new(string)
		return append(dest, sealed), func() (any, error) {
			for i, name := range t.placed() {
				at.cells[name] = plainKey(*dest[i].(*any))
			}
			return s.db.Vault.Open(t.place(at), *sealed)
		}
	}
	text := new(sql.NullString)
	return []any{text}, func() (any, error) {
		switch {
		case c.Type == domain.OrganizationColumn || c.Type == domain.EnvironmentColumn:
			return cmp.Or(text.String, "/"), nil
		case !text.Valid:
			return nil, nil
		}
		return text.String, nil
	}
}
