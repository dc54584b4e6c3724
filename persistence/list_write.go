package persistence

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// listRow is a row of a list on its way into its table.
type listRow struct {
	table   *listTable
	values  []any          // the document's
	cells   map[string]any // by column of the table
	secret  string
	objects map[string]foundObject // by column of the list
	// rehearsed takes for there what is in the document; then coming is true.
	rehearsed, coming bool
	outcome           domain.ListOutcome
}

// foundObject is an object that a row names.
type foundObject struct {
	organization int64
	id           int64
	kind         domain.ObjectKind
	fullName     string
}

func (r *listRow) set(column string, v any)         { r.cells[column] = v }
func (r *listRow) text(column string) string        { text, _ := r.cells[column].(string); return text }
func (r *listRow) number(column string) int64       { n, _ := r.cells[column].(int64); return n }
func (r *listRow) object(column string) foundObject { return r.objects[column] }

func (r *listRow) apiKey() domain.APIKeyRef {
	return domain.APIKeyRef{UserKey: domain.UserKey{Organization: domain.OrganizationID(r.number("organization_id")), User: domain.UserID(r.number("user_id"))},
		ID: domain.UUID(r.text("id"))}
}

// key is what tells the row from others of its table.
func (r *listRow) key() string {
	var b strings.Builder
	for _, c := range r.table.key() {
		fmt.Fprintf(&b, "%v\x00", r.cells[c])
	}
	return b.String()
}

// put puts the cell of a column. It is an error if two columns of the list say different things of
// one of the table, as where an object and a user must be of one organization.
func (r *listRow) put(field, column string, v any) error {
	if before, there := r.cells[column]; there && before != v {
		return domain.InvalidField(field, "This belongs to another organization.")
	}
	r.cells[column] = v
	return nil
}

// PutList brings rows of a list to what the document says, each on its own: what is missing is
// added, what differs is changed. The outcomes are the rows', in their order. Nothing is written if
// rehearse; refs resolve what is not in the database.
func (s *DirectoryStore) PutList(ctx context.Context, w tenancy.WriteScope, info *domain.ListInfo, rows []domain.ListRow, refs domain.ListReferences, rehearse bool) ([]domain.ListOutcome, error) {
	t := listTables[info.Name]
	if info.Secret && s.db.OpenVault != nil {
		if err := s.db.OpenVault(ctx, !rehearse); err != nil {
			return nil, err
		}
	}
	users, objects, err := s.named(ctx, info, rows)
	if err != nil {
		return nil, err
	}
	all := make([]*listRow, len(rows))
	for i := range rows {
		all[i] = &listRow{table: t, values: rows[i].Values, rehearsed: rehearse, cells: make(map[string]any), objects: make(map[string]foundObject)}
		all[i].outcome.Err = s.resolve(info, all[i], users, objects, refs)
	}
	if err := s.compare(ctx, w, info, t, all, refs); err != nil {
		return nil, err
	}
	if !rehearse {
		err := s.writeList(ctx, t, all, func(rows []*listRow) error {
			return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error { return s.upsert(ctx, tx, w, t, rows) })
		})
		if err != nil {
			return nil, err
		}
	}
	outcomes := make([]domain.ListOutcome, len(all))
	for i, r := range all {
		outcomes[i] = r.outcome
	}
	return outcomes, nil
}

// named looks up the users and objects that rows name.
func (s *DirectoryStore) named(ctx context.Context, info *domain.ListInfo, rows []domain.ListRow) (map[string]domain.UserKey, map[string]foundObject, error) {
	users, objects := make(map[string]domain.UserKey), make(map[string]foundObject)
	var aliases, uuids []string
	for i, c := range info.Columns {
		for _, r := range rows {
			text, ok := r.Values[i].(string)
			switch {
			case ok && c.Type == domain.UserColumn:
				aliases = append(aliases, domain.Fold(text))
			case ok && c.Type == domain.ObjectColumn:
				uuids = append(uuids, text)
			}
		}
	}
	if len(aliases) > 0 {
		found, err := s.db.QueryContext(ctx, "SELECT name, organization_id, user_id FROM login_names WHERE name IN (?)", db.In(aliases))
		_, err = db.Collect(found, err, func(r db.Row) (struct{}, error) {
			var name string
			var k domain.UserKey
			err := r.Scan(&name, &k.Organization, &k.User)
			users[name] = k
			return struct{}{}, err
		})
		if err != nil {
			return nil, nil, err
		}
	}
	if len(uuids) == 0 {
		return users, objects, nil
	}
	found, err := s.db.QueryContext(ctx, "SELECT uuid, organization_id, id, kind, full_name FROM objects WHERE uuid IN (?) ORDER BY organization_id DESC", db.In(uuids))
	_, err = db.Collect(found, err, func(r db.Row) (struct{}, error) {
		var uuid string
		var o foundObject
		err := r.Scan(&uuid, &o.organization, &o.id, &o.kind, &o.fullName)
		objects[uuid] = o
		return struct{}{}, err
	})
	return users, objects, err
}

// resolve fills the cells of a row.
func (s *DirectoryStore) resolve(info *domain.ListInfo, r *listRow, users map[string]domain.UserKey, objects map[string]foundObject, refs domain.ListReferences) error {
	for i, c := range info.Columns {
		if err := s.resolveColumn(c, r.table.at[i], r, r.values[i], users, objects, refs); err != nil {
			return err
		}
		if r.outcome.Waits {
			return nil
		}
	}
	for name, v := range r.table.fixed {
		r.set(name, v)
	}
	if r.table.check != nil {
		if err := r.table.check(r); err != nil {
			return err
		}
	}
	if r.table.derive != nil {
		return r.table.derive(r)
	}
	return nil
}

func (s *DirectoryStore) resolveColumn(c domain.ListColumn, at []string, r *listRow, v any, users map[string]domain.UserKey, objects map[string]foundObject, refs domain.ListReferences) error {
	text, _ := v.(string)
	switch c.Type {
	case domain.UserColumn:
		var k domain.UserKey
		if v, ok := v.(int64); ok {
			k.User = domain.UserID(v)
		} else if text != "" {
			var found bool
			if k, found = users[domain.Fold(text)]; !found {
				if r.rehearsed && refs.Coming(c.Type, text) {
					r.coming = true
					return nil
				}
				return domain.ErrUserNotFound.On(c.Name).Saying("There is no user %q.", text)
			}
		}
		return cmpErr(r.put(c.Name, at[0], int64(k.Organization)), r.put(c.Name, at[1], int64(k.User)))
	case domain.ObjectColumn:
		o, found := objects[text]
		switch {
		case v == nil:
			r.set(at[1], int64(0))
			return nil
		case !found && r.rehearsed && refs.Coming(c.Type, text):
			r.coming = true
			r.set(at[1], int64(-1))
			return nil
		case !found && r.table.name == "objects" && refs.Coming(c.Type, text):
			r.outcome.Waits = true
			return nil
		case !found:
			return domain.ErrObjectNotFound.On(c.Name).Saying("There is no object %q.", text)
		}
		r.objects[c.Name] = o
		return cmpErr(r.put(c.Name, at[0], o.organization), r.put(c.Name, at[1], o.id))
	case domain.GroupColumn:
		if r.coming {
			return nil
		}
		g, found := refs.Group(domain.OrganizationID(r.number("organization_id")), domain.GroupRef(text))
		if !found {
			return domain.ErrGroupNotFound.On(c.Name).Saying("There is no group %q here.", text)
		}
		r.set(at[0], int64(g))
		return nil
	case domain.PlaceColumn:
		if v == nil {
			r.set(at[0], "")
			return nil
		}
		e, found := refs.Place(text)
		if !found {
			return domain.ErrEnvironmentNotFound.On(c.Name).Saying("There is no environment %q.", text)
		}
		r.set(at[0], string(e.Path))
		return nil
	case domain.OrganizationColumn, domain.EnvironmentColumn:
		e, found := refs.Place(text)
		if !found || c.Type == domain.OrganizationColumn && !e.IsOrganization {
			return domain.ErrEnvironmentNotFound.On(c.Name).Saying("There is no %s %q.", c.Name, text)
		}
		r.set(at[0], int64(e.Organization))
		if c.Type == domain.EnvironmentColumn {
			r.set(at[1], int64(e.ID))
			r.set(at[2], string(e.Path))
		}
		return nil
	case domain.ChoiceColumn:
		r.set(at[0], int64(slices.Index(c.Choices, text)))
		return nil
	case domain.AttributesColumn:
		encoded, err := json.Marshal(v)
		r.set(at[0], string(encoded))
		return err
	case domain.SecretColumn:
		r.secret = text
		if !s.db.Vault.HasKey() {
			r.coming = true // a rehearsal before there is a key: nothing can be there
			return nil
		}
		hash, err := s.db.Vault.Hash(r.table.purpose, text)
		if err != nil {
			return err
		}
		r.set(at[0], hash)
		return nil
	}
	r.set(at[0], v)
	return nil
}

func cmpErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// compare finds out which rows are there and which differ, and gives those that are new their
// numbers.
func (s *DirectoryStore) compare(ctx context.Context, w tenancy.WriteScope, info *domain.ListInfo, t *listTable, all []*listRow, refs domain.ListReferences) error {
	byKey := make(map[string]*listRow)
	var values []string
	var args []any
	for _, r := range all {
		if r.outcome.Err != nil || r.outcome.Waits {
			continue
		}
		r.outcome.Differs = true
		if r.coming {
			continue
		}
		byKey[r.key()] = r
		values = append(values, "("+strings.TrimSuffix(strings.Repeat("?, ", len(t.key())), ", ")+")")
		for _, c := range t.key() {
			args = append(args, r.cells[c])
		}
	}
	columns := t.columns()
	if len(values) > 0 {
		rows, err := s.db.QueryContext(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM "+t.name+" WHERE ("+strings.Join(t.key(), ", ")+
			") IN (VALUES "+strings.Join(values, ", ")+")", args...)
		_, err = db.Collect(rows, err, func(r db.Row) (struct{}, error) {
			dest := make([]any, len(columns))
			for i := range dest {
				dest[i] = new(any)
			}
			if err := r.Scan(dest...); err != nil {
				return struct{}{}, err
			}
			have := &listRow{table: t, cells: make(map[string]any)}
			for i, c := range columns {
				have.cells[c] = *dest[i].(*any)
			}
			if mine := byKey[have.key()]; mine != nil {
				mine.meets(have, info)
			}
			return struct{}{}, nil
		})
		if err != nil {
			return err
		}
	}
	if info.Column("number") < 0 {
		return nil
	}
	return s.numberRows(ctx, w, t, all, refs)
}

// numberRows gives rows that are new their numbers: the document's, or ones that nobody had.
func (s *DirectoryStore) numberRows(ctx context.Context, w tenancy.WriteScope, t *listTable, all []*listRow, refs domain.ListReferences) error {
	kind := domain.ObjectNumber
	if t.name != "objects" {
		kind = domain.CopyRequestNumber
	}
	var without []*listRow
	for _, r := range all {
		if r.outcome.Err == nil && !r.outcome.Waits && !r.outcome.There && !refs.Keep(kind, r.number("id")) {
			without = append(without, r)
		}
	}
	if len(without) == 0 {
		return nil
	}
	next, err := s.Reserve(ctx, w, kind, int64(len(without)))
	for i, r := range without {
		r.set("id", next+int64(i))
	}
	return err
}

// meets compares the row with the one that is there, whose number it takes.
func (r *listRow) meets(have *listRow, info *domain.ListInfo) {
	r.outcome.There, r.outcome.Differs = true, false
	if info.Column("number") >= 0 {
		r.set("id", have.cells["id"])
	}
	for c, v := range r.cells {
		r.outcome.Differs = r.outcome.Differs || c != "sealed" && !sameCell(v, have.cells[c])
	}
}

func sameCell(a, b any) bool {
	if n, ok := b.(int64); ok && (a == true || a == false) { // SQLite's flags
		b = n != 0
	}
	if x, ok := a.([]byte); ok {
		y, _ := b.([]byte)
		return bytes.Equal(x, y)
	}
	return fmt.Sprint(plainKey(a)) == fmt.Sprint(plainKey(b))
}

// writeList writes the rows that differ, together or, if that fails because of one of them, each on
// its own.
func (s *DirectoryStore) writeList(ctx context.Context, t *listTable, all []*listRow, write func([]*listRow) error) error {
	rows := slices.DeleteFunc(slices.Clone(all), func(r *listRow) bool { return r.outcome.Err != nil || r.outcome.Waits || !r.outcome.Differs })
	if len(rows) == 0 {
		return nil
	}
	for _, r := range rows {
		if t.place == nil {
			continue
		}
		sealed, err := s.db.Vault.Seal(t.place(r), r.secret)
		if err != nil {
			return err
		}
		r.set("sealed", sealed)
	}
	err := write(rows)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if kind := domain.AsError(err).Kind; kind == domain.Internal || kind == domain.Unavailable {
		return err
	}
	if len(rows) == 1 {
		rows[0].outcome.Err = err
		return nil
	}
	for _, r := range rows {
		if err := s.writeList(ctx, t, []*listRow{r}, write); err != nil {
			return err
		}
	}
	return nil
}

func (s *DirectoryStore) upsert(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, t *listTable, rows []*listRow) error {
	columns := t.columns()
	var updates, values []string
	for _, c := range columns {
		if !slices.Contains(t.key(), c) && !slices.Contains(t.order, c) {
			updates = append(updates, c+" = excluded."+c)
		}
	}
	args := make([]any, 0, len(columns)*len(rows))
	for _, r := range rows {
		values = append(values, "("+strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ")+")")
		for _, c := range columns {
			args = append(args, r.cells[c])
		}
	}
	do := "NOTHING"
	if len(updates) > 0 {
		do = "UPDATE SET " + strings.Join(updates, ", ")
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO "+t.name+" ("+strings.Join(columns, ", ")+") VALUES "+strings.Join(values, ", ")+
		" ON CONFLICT ("+strings.Join(t.key(), ", ")+") DO "+do, args...)
	if err != nil {
		return db.Translate(err)
	}
	if t.beside != nil {
		if err := t.beside(ctx, tx, rows); err != nil {
			return err
		}
	}
	touched := make(map[int64]bool)
	added := make(map[int64]int64)
	var entries []*auditRow
	for _, r := range rows {
		touched[r.number("organization_id")] = true
		if t.name == "objects" && !r.outcome.There {
			added[r.number("organization_id")]++
		}
		if t.entry != nil {
			e := t.entry(r)
			e.At, e.Actor, e.Request = s.db.Now(), w.Actor(), domain.RequestFrom(ctx)
			entries = append(entries, toAuditRow(&e))
		}
	}
	for _, o := range slices.Sorted(maps.Keys(added)) {
		if err := begun(ctx, s.db, tx, w).tallied(domain.OrganizationID(o), objects, added[o]); err != nil {
			return err
		}
	}
	for _, o := range slices.Sorted(maps.Keys(touched)) {
		if err := begun(ctx, s.db, tx, w).bump(domain.OrganizationID(o)); err != nil {
			return err
		}
	}
	return insertAll(ctx, tx, entries)
}

func checkAttributes(a domain.Attributes) error {
	e := domain.Environment{Alias: "a", IsOrganization: true, Attributes: a}
	return e.Validate()
}

func checkLevel(r *listRow) error {
	if r.number("level") == int64(domain.NoLevel) {
		return domain.InvalidField("level", "Give one of read, write and admin.")
	}
	return nil
}

func deriveTag(r *listRow) error {
	jpeg, _ := r.cells["jpeg"].([]byte)
	if !bytes.HasPrefix(jpeg, []byte{0xff, 0xd8, 0xff}) {
		return domain.ErrPictureBroken.On("jpeg")
	}
	r.set("tag", domain.NewPicture(jpeg).Tag)
	return nil
}

// deriveFullName gives an object the name that its parent's and its own make.
func deriveFullName(r *listRow) error {
	kind, _ := domain.ObjectKind(r.text("kind")).Info()
	full := kind.FullName(r.object("parent").fullName, r.text("name"))
	r.set("full_name", full)
	r.set("full_name_key", domain.Fold(full))
	return nil
}

func (r *listRow) asObject() domain.Object {
	o := domain.Object{ID: domain.ObjectID(r.number("id")), UUID: domain.UUID(r.text("uuid")), Kind: domain.ObjectKind(r.text("kind")),
		Organization: domain.OrganizationID(r.number("organization_id")), Environment: domain.EnvironmentID(r.number("environment_id")),
		Path:   domain.EnvironmentPath(r.text("environment_path")),
		Owner:  domain.UserKey{Organization: domain.OrganizationID(r.number("owner_organization_id")), User: domain.UserID(r.number("owner_id"))},
		Parent: domain.ObjectID(r.number("parent_id")), Name: r.text("name"), FullName: r.text("full_name"), Visibility: domain.Visibility(r.number("visibility"))}
	_ = json.Unmarshal([]byte(r.text("attributes")), &o.Attributes) // it was marshalled just now
	return o
}

func checkObject(r *listRow) error {
	o := r.asObject()
	kind, known := o.Kind.Info()
	if !known {
		return domain.ErrObjectKind
	}
	if id, err := domain.ParseUUID(string(o.UUID)); err != nil || id != o.UUID {
		return domain.InvalidField("id", "Give a UUID in lower case.")
	}
	if parent := r.object("parent"); parent.id != 0 && !slices.Contains(kind.Parents, parent.kind) {
		return domain.InvalidField("parent", "An object of the kind %s does not belong to one of the kind %s.", o.Kind, parent.kind)
	}
	o.FullName = kind.FullName(r.object("parent").fullName, o.Name)
	return o.Validate()
}

func objectRowEntry(r *listRow) domain.AuditEntry {
	o := r.asObject()
	verb := "create"
	if r.outcome.There {
		verb = "update"
	}
	return objectEntry(verb, &o, domain.Diff(nil, o.Fields()))
}

// keyed returns the condition that the columns have the rows' values.
func keyed(columns []string, rows []*listRow) db.Predicate {
	var values []string
	var args []any
	for _, r := range rows {
		values = append(values, "("+strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ")+")")
		for _, c := range columns {
			args = append(args, r.cells[c])
		}
	}
	return db.Where("("+strings.Join(columns, ", ")+") IN (VALUES "+strings.Join(values, ", ")+")", args...)
}

// nameObjects takes the names of objects whose kinds have unique ones.
func nameObjects(ctx context.Context, tx bun.Tx, rows []*listRow) error {
	var names []*objectNameRow
	for _, r := range rows {
		if kind, _ := domain.ObjectKind(r.text("kind")).Info(); kind.NamesArePaths {
			names = append(names, &objectNameRow{OrganizationID: r.number("organization_id"), Kind: r.text("kind"), Name: r.text("full_name_key"), ObjectID: r.number("id")})
		}
	}
	of := keyed([]string{"organization_id", "id"}, rows)
	of.Raw = strings.Replace(of.Raw, ", id)", ", object_id)", 1)
	if _, err := tx.ExecContext(ctx, "DELETE FROM object_names WHERE "+of.Text(), of.Args...); err != nil {
		return db.Translate(err)
	}
	return insertAll(ctx, tx, names)
}

// nameAPIKeys notes whose the keys are.
func nameAPIKeys(ctx context.Context, tx bun.Tx, rows []*listRow) error {
	of := keyed([]string{"organization_id", "user_id", "id"}, rows)
	of.Raw = strings.Replace(of.Raw, ", id)", ", key_id)", 1)
	if _, err := tx.ExecContext(ctx, "DELETE FROM api_key_names WHERE "+of.Text(), of.Args...); err != nil {
		return db.Translate(err)
	}
	names := make([]*apiKeyNameRow, len(rows))
	for i, r := range rows {
		names[i] = &apiKeyNameRow{Name: r.text("hash"), OrganizationID: r.number("organization_id"), UserID: r.number("user_id"), KeyID: r.text("id")}
	}
	return insertAll(ctx, tx, names)
}

// nameCodes notes whose the registration codes are that are new.
func nameCodes(ctx context.Context, tx bun.Tx, rows []*listRow) error {
	var names []*codeNameRow
	for _, r := range rows {
		if !r.outcome.There {
			names = append(names, &codeNameRow{Name: r.text("hash"), OrganizationID: r.number("organization_id")})
		}
	}
	return insertAll(ctx, tx, names)
}
