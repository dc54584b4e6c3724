package persistence

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
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
	// check returns an error for a row that breaks a rule; before looks at what rows change, beside writes what goes
	// with rows in other tables, and entry is their audit entry.
	check  func(*listRow) error
	before func(*Tx, []*listRow) error
	beside func(*Tx, []*listRow) error
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
	"organizationpictures": {name: "organization_pictures", at: [][]string{{"organization_id"}, {"jpeg"}},
		order:   []string{"organization_id"},
		derived: []string{"tag"}, derive: deriveTag},
	"signinrules": {name: "sign_in_rules", at: [][]string{{"organization_id", "environment_id", "environment_path"},
		{"min_password"}, {"min_password_with_factor"}, {"password_days"}, {"people"}, {"admins"}, {"above"},
		{"proof_age"}, {"grace_until"}, {"programs_exempt"}, {"min_set_password"}, {"from_above"}, {"only_provider"}},
		derive: func(r *listRow) error { // documents from before do not say it
			only, _ := r.cells["only_provider"].(bool)
			r.set("only_provider", only)
			return nil
		},
		order:  []string{"organization_id", "environment_id"},
		check:  func(r *listRow) error { rules := listedRules(r); return rules.Validate() },
		before: watchListedRules, beside: countListedRules},
	"breakglass": {name: "break_glass", at: [][]string{{"organization_id", "environment_id", "environment_path"}, ownUser},
		order: []string{"organization_id", "environment_id", "user_id"}, beside: countListedRules},
	"registrationcodes": {name: "registration_codes",
		at: [][]string{{"organization_id"}, {"hash", "sealed"}, {"created_at"}, {"created_by"},
			{"expires_at"}, {"max_users"}, {"used"}, {"enabled"}}, order: []string{"organization_id", "hash"},
		purpose: "registration code", place: func(r *listRow) string {
			return codePlace(domain.OrganizationID(r.number("organization_id")), r.text("hash"))
		}, check: func(r *listRow) error {
			c := domain.RegistrationCode{MaxUsers: r.number("max_users"), Used: r.number("used")}
			return c.Validate()
		}, beside: nameCodes},
	"pictures": {name: "user_pictures", at: [][]string{ownUser, {"jpeg"}}, order: ownUser, derived: []string{"tag"},
		derive: deriveTag},
	"apikeys": {name: "api_keys",
		at: [][]string{ownUser, {"id"}, {"name"}, {"hash", "sealed"}, {"created_at"}, {"last_at"},
			{"expires_at"}, {"mask"}, {"environment_path"}},
		order: []string{"organization_id", "user_id", "id"}, purpose: "api key",
		place: func(r *listRow) string { return apiKeyPlace(r.apiKey()) },
		check: func(r *listRow) error {
			k := domain.APIKey{Name: r.text("name")}
			if r.number("mask") > int64(domain.AllPermissions) {
				return domain.InvalidField("permission", "Give a number up to %s.", domain.AllPermissions)
			}
			_, err := domain.ParseUUID(r.text("id"))
			return cmp.Or(err, k.Validate())
		}, beside: nameAPIKeys},
	"groupadmins": {name: "group_admins", at: [][]string{ownUser, {"group_id"}},
		order: []string{"organization_id", "group_id", "user_id"}},
	"marks": {name: "user_marks", at: [][]string{ownUser, {"list"}, {"name"}, {"rank"}},
		order:   []string{"organization_id", "user_id", "list", "name_key"},
		derived: []string{"name_key"},
		derive:  func(r *listRow) error { r.set("name_key", domain.Fold(r.text("name"))); return nil },
		check: func(r *listRow) error {
			return domain.CheckFavourite(domain.FavouriteList(r.number("list")), r.text("name"))
		}},
	"contacts": {name: "user_contacts", at: [][]string{ownUser, {"contact_organization_id", "contact_id"}, {"rank"}},
		order: []string{"organization_id", "user_id", "contact_id"}},
	"objects": {name: "objects", at: [][]string{{"organization_id", "environment_id", "environment_path"}, {"uuid"},
		{"id"}, {"kind"},
		{"owner_organization_id", "owner_id"}, {"organization_id", "parent_id"}, {"name"}, {"attributes"}, {"visibility"},
		{"created_at"}, {"changed_at"}},
		order: []string{"organization_id", "id"}, identity: []string{"organization_id", "uuid"},
		derived: []string{"full_name", "full_name_key"},
		derive:  deriveFullName, check: checkObject, beside: nameObjects, entry: objectRowEntry},
	"uses": {name: "object_uses", at: [][]string{ownObject, {"organization_id", "used_id"}},
		order: []string{"organization_id", "object_id", "used_id"},
		check: func(r *listRow) error {
			object, used := domain.ObjectKind(r.object("object").Kind), domain.ObjectKind(r.object("used").Kind)
			kind, _ := object.Info()
			if used != "" && object != "" && used != kind.Uses {
				return domain.InvalidField("used", "An object of the kind %s does not use one of the kind %s.", kind.Kind, used)
			}
			return nil
		}},
	"useraccess": {name: "object_access", at: [][]string{ownObject, {"subject_organization_id", "subject_id"}, {"level"}},
		order: []string{"organization_id", "object_id", "subject_kind", "subject_id"},
		fixed: map[string]any{"subject_kind": int64(userSubject)},
		where: "t.subject_kind = 1", check: checkLevel},
	"groupaccess": {name: "object_access", at: [][]string{ownObject, {"subject_id"}, {"level"}},
		order: []string{"organization_id", "object_id", "subject_kind", "subject_id"},
		fixed: map[string]any{"subject_kind": int64(groupSubject), "subject_organization_id": int64(0)},
		where: "t.subject_kind = 2", check: checkLevel},
	"owners": {name: "object_owners",
		at:    [][]string{ownObject, {"rank"}, {"owner_organization_id", "owner_id"}, {"began_at"}, {"ended_at"}},
		order: []string{"organization_id", "object_id", "rank"}},
	"usage": {name: "object_usage", at: [][]string{ownObject, {"month"}, {"owner_organization_id", "owner_id"}, {"uses"}},
		order: []string{"organization_id", "object_id", "month", "owner_organization_id", "owner_id"}},
	"copyrequests": {name: "copy_requests",
		at: [][]string{ownObject, {"to_organization_id", "to_id"}, {"id"}, {"from_organization_id", "from_id"},
			{"created_at"}, {"expires_at"}}, order: []string{"organization_id", "id"},
		identity: []string{"organization_id", "object_id", "to_id"}},
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
	all := slices.Concat(slices.Concat(t.at...), t.derived, slices.Collect(maps.Keys(t.fixed)))
	slices.Sort(all)
	return slices.Compact(all)
}

// List is part of the port. Rows whose keys follow from the server's key are read at once and are in the
// order of their texts, so that two servers write them alike; there are a few to an organization.
func (s *DirectoryStore) List(ctx context.Context, sc tenancy.Scope,
	info *domain.ListInfo) iter.Seq2[domain.ListRow, error] {
	t := listTables[info.Name]
	limit := exportPage
	switch {
	case t.purpose != "" && t.key()[1] == "hash":
		limit = 0
	case slices.ContainsFunc(info.Columns, func(c domain.ListColumn) bool { return c.Type == domain.BytesColumn }):
		limit = exportPage / 20
	}
	var last *listRow
	return each(func(domain.Cursor) ([]domain.ListRow, domain.Cursor, error) {
		if err := s.openVault(ctx, info, false); err != nil {
			return nil, "", err
		}
		found, err := s.listPage(ctx, sc, info, last, limit)
		rows := make([]domain.ListRow, len(found))
		for i, r := range found {
			rows[i].Values = make([]any, len(info.Columns))
			for n, c := range info.Columns {
				if rows[i].Values[n], err = listTypes[c.Type].read(s, r, c, t.at[n]); err != nil {
					return nil, "", err
				}
			}
		}
		if limit == 0 {
			slices.SortFunc(rows, func(a, b domain.ListRow) int {
				return cmp.Or(strings.Compare(a.Values[0].(string), b.Values[0].(string)),
					strings.Compare(a.Values[1].(string), b.Values[1].(string)))
			})
		}
		if err != nil || limit == 0 || len(rows) < limit {
			return rows, "", err
		}
		last = found[len(found)-1]
		return rows, "more", nil
	})
}

// openVault opens the server's key where a list needs it.
func (s *DirectoryStore) openVault(ctx context.Context, info *domain.ListInfo, make bool) error {
	if !info.Secret || s.db.OpenVault == nil {
		return nil
	}
	return s.db.OpenVault(ctx, make)
}

// listPage reads the rows behind the last, with what is shown of each column beside the table's own.
func (s *DirectoryStore) listPage(ctx context.Context, sc tenancy.Scope, info *domain.ListInfo, last *listRow,
	limit int) ([]*listRow, error) {
	t := listTables[info.Name]
	within := db.Placed(sc, "e.path", "t.organization_id")
	q := s.db.NewSelect().TableExpr("? AS t", bun.Ident(t.name)).ColumnExpr("t.*").
		Join("JOIN environments AS e ON e.organization_id = t.organization_id AND e.id = t.organization_id").
		Where(within.Text(), within.Args...).Limit(int64(limit))
	for i, c := range info.Columns {
		if show := listTypes[c.Type].show; show != nil {
			q = q.ColumnExpr(show(t.at[i])+" AS ?", bun.Ident(shown(c)))
		}
	}
	for _, column := range t.order {
		q = q.OrderExpr("?", bun.Ident("t."+column))
	}
	if t.where != "" {
		q = q.Where(t.where)
	}
	if last != nil {
		q = q.Where("(t."+strings.Join(t.order, ", t.")+") > (?)", db.In(last.at(t.order)))
	}
	return readRows(ctx, q, t)
}

// readRows reads rows of a list's table.
func readRows(ctx context.Context, q *bun.SelectQuery, t *listTable) ([]*listRow, error) {
	var found []map[string]any
	err := q.Scan(ctx, &found)
	rows := make([]*listRow, len(found))
	for i := range found {
		rows[i] = &listRow{table: t, cells: found[i]}
	}
	return rows, db.Translate(err)
}

// listRow is a row of the table of a list.
type listRow struct {
	table *listTable
	cells map[string]any // by column of the table

	// The rest is for one on its way into the table: the values are the document's.
	values  []any
	secret  string
	objects map[string]foundObject // by column of the list
	// rehearsed takes for there what is in the document; then coming is true.
	rehearsed, coming bool
	outcome           domain.ListOutcome
}

// foundObject is an object that a row names.
type foundObject struct {
	OrganizationID, ID   int64
	UUID, Kind, FullName string
}

func (r *listRow) set(column string, v any)         { r.cells[column] = v }
func (r *listRow) text(column string) string        { text, _ := r.cells[column].(string); return text }
func (r *listRow) number(column string) int64       { n, _ := r.cells[column].(int64); return n }
func (r *listRow) object(column string) foundObject { return r.objects[column] }

// at returns the cells of columns.
func (r *listRow) at(columns []string) []any {
	cells := make([]any, len(columns))
	for i, c := range columns {
		cells[i] = r.cells[c]
	}
	return cells
}

// put puts the cells of a column of the list. It is an error if two columns of the list say different things
// of one of the table, as where an object and a user must be of one organization.
func (r *listRow) put(c domain.ListColumn, at []string, cells ...any) error {
	for i, v := range cells {
		if before, there := r.cells[at[i]]; there && before != v {
			return domain.InvalidField(c.Name, "This belongs to another organization.")
		}
		r.cells[at[i]] = v
	}
	return nil
}

func (r *listRow) apiKey() domain.APIKeyRef {
	return domain.APIKeyRef{UserKey: domain.UserKey{Organization: domain.OrganizationID(r.number("organization_id")),
		User: domain.UserID(r.number("user_id"))},
		ID: domain.UUID(r.text("id"))}
}
