package persistence

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// listInput is what rows of a list are resolved by: the users and objects that they name, and what is not in
// the database.
type listInput struct {
	store   *DirectoryStore
	users   map[string]domain.UserKey
	objects map[string]foundObject
	refs    domain.ListReferences
}

// PutList is part of the port.
func (s *DirectoryStore) PutList(ctx context.Context, w tenancy.WriteScope, info *domain.ListInfo,
	rows []domain.ListRow, refs domain.ListReferences, rehearse bool) ([]domain.ListOutcome, error) {
	if err := s.db.Index(ctx); err != nil {
		return nil, err
	}
	if err := s.openVault(ctx, info, !rehearse); err != nil {
		return nil, err
	}
	in, err := s.named(ctx, info, rows, refs)
	if err != nil {
		return nil, err
	}
	all := make([]*listRow, len(rows))
	for i := range rows {
		all[i] = &listRow{table: listTables[info.Name], values: rows[i].Values, rehearsed: rehearse,
			cells: make(map[string]any), objects: make(map[string]foundObject)}
		all[i].outcome.Err = in.resolve(info, all[i])
	}
	if err := s.compare(ctx, info, all); err != nil {
		return nil, err
	}
	if err := s.numberRows(ctx, w, info, all, refs); err != nil {
		return nil, err
	}
	if !rehearse {
		differing := slices.DeleteFunc(slices.Clone(all),
			func(r *listRow) bool { return r.outcome.Err != nil || r.outcome.Waits || !r.outcome.Differs })
		err := s.writeList(ctx, differing, func(rows []*listRow) error {
			return s.db.Do(ctx, w, leaving(func(tx *DirectoryTx) error { return tx.upsert(rows) }))
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
func (s *DirectoryStore) named(ctx context.Context, info *domain.ListInfo, rows []domain.ListRow,
	refs domain.ListReferences) (*listInput, error) {
	in := &listInput{store: s, users: make(map[string]domain.UserKey), objects: make(map[string]foundObject), refs: refs}
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
		var found []nameRow
		err := s.db.NewSelect().Table(loginNames).Column("name", "organization_id", "user_id").
			Where("name IN (?)", db.In(aliases)).Scan(ctx, &found)
		if err != nil {
			return nil, db.Translate(err)
		}
		for _, n := range found {
			in.users[n.Name] = domain.UserKey{Organization: domain.OrganizationID(n.OrganizationID),
				User: domain.UserID(n.UserID)}
		}
	}
	if len(uuids) > 0 {
		var found []foundObject
		err := s.db.NewSelect().Table("objects").Column("uuid", "organization_id", "id", "kind", "full_name").
			Where("uuid IN (?)", db.In(uuids)).Order("organization_id DESC").Scan(ctx, &found)
		if err != nil {
			return nil, db.Translate(err)
		}
		for _, o := range found {
			in.objects[o.UUID] = o
		}
	}
	return in, nil
}

// resolve fills the cells of a row.
func (in *listInput) resolve(info *domain.ListInfo, r *listRow) error {
	for i, c := range info.Columns {
		err := listTypes[c.Type].write(in, r, c, r.table.at[i], r.values[i])
		if err != nil || r.outcome.Waits {
			return err
		}
	}
	for name, v := range r.table.fixed {
		r.set(name, v)
	}
	for _, rule := range []func(*listRow) error{r.table.check, r.table.derive} {
		if rule == nil {
			continue
		}
		if err := rule(r); err != nil {
			return err
		}
	}
	return nil
}

// compare finds out which rows are there and which differ.
func (s *DirectoryStore) compare(ctx context.Context, info *domain.ListInfo, all []*listRow) error {
	t := listTables[info.Name]
	byKey := make(map[string]*listRow)
	var asked []*listRow
	for _, r := range all {
		if r.outcome.Err != nil || r.outcome.Waits {
			continue
		}
		r.outcome.Differs = true
		if !r.coming {
			byKey[fmt.Sprintln(r.at(t.key())...)] = r
			asked = append(asked, r)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	q := s.db.NewSelect().Table(t.name).Column(t.columns()...)
	there, err := readRows(ctx, q.Where("(?) IN (VALUES ?)", bunColumns(t.key()), cellsOf(asked, t.key()...)), t)
	for _, have := range there {
		if mine := byKey[fmt.Sprintln(have.at(t.key())...)]; mine != nil {
			mine.meets(have, info)
		}
	}
	return err
}

// numberRows gives rows that are new their numbers: the document's, or ones that nobody had.
func (s *DirectoryStore) numberRows(ctx context.Context, w tenancy.WriteScope, info *domain.ListInfo, all []*listRow,
	refs domain.ListReferences) error {
	if info.Column("number") < 0 {
		return nil
	}
	kind := domain.ObjectNumber
	if info.Name != "objects" {
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
	return a == b
}

// writeList writes rows together or, if that fails because of one of them, each on its own.
func (s *DirectoryStore) writeList(ctx context.Context, rows []*listRow, write func([]*listRow) error) error {
	if len(rows) == 0 {
		return nil
	}
	for _, r := range rows {
		if r.table.place == nil {
			continue
		}
		sealed, err := s.db.Vault.Seal(r.table.place(r), r.secret)
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
		if err := s.writeList(ctx, []*listRow{r}, write); err != nil {
			return err
		}
	}
	return nil
}

// upsert writes rows with what goes with them.
func (tx *DirectoryTx) upsert(rows []*listRow) error {
	t := rows[0].table
	if t.before != nil {
		if err := t.before(tx.Tx, rows); err != nil {
			return err
		}
	}
	if err := tx.upsertRows(t, rows); err != nil {
		return err
	}
	if t.beside != nil {
		if err := t.beside(tx.Tx, rows); err != nil {
			return err
		}
	}
	for _, r := range rows {
		o := domain.OrganizationID(r.number("organization_id"))
		if err := tx.bump(o); err != nil {
			return err
		}
		if t.entry == nil {
			continue
		}
		if err := tx.record(t.entry(r)); err != nil {
			return err
		}
	}
	return nil
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
	full := kind.FullName(r.object("parent").FullName, r.text("name"))
	r.set("full_name", full)
	r.set("full_name_key", domain.Fold(full))
	return nil
}

func (r *listRow) asObject() domain.Object {
	o := domain.Object{ID: domain.ObjectID(r.number("id")), UUID: domain.UUID(r.text("uuid")),
		Kind:         domain.ObjectKind(r.text("kind")),
		Organization: domain.OrganizationID(r.number("organization_id")),
		Environment:  domain.EnvironmentID(r.number("environment_id")),
		Path:         domain.EnvironmentPath(r.text("environment_path")),
		Owner: domain.UserKey{Organization: domain.OrganizationID(r.number("owner_organization_id")),
			User: domain.UserID(r.number("owner_id"))},
		Parent: domain.ObjectID(r.number("parent_id")), Name: r.text("name"), FullName: r.text("full_name"),
		Visibility: domain.Visibility(r.number("visibility"))}
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
	if parent := r.object("parent"); parent.ID != 0 && !slices.Contains(kind.Parents, domain.ObjectKind(parent.Kind)) {
		return domain.InvalidField("parent", "An object of the kind %s does not belong to one of the kind %s.", o.Kind,
			parent.Kind)
	}
	o.FullName = kind.FullName(r.object("parent").FullName, o.Name)
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

// nameObjects counts objects that are new, and takes the names of those whose kinds have unique ones.
func nameObjects(tx *Tx, rows []*listRow) error {
	var names []*objectNameRow
	for _, r := range rows {
		if kind, _ := domain.ObjectKind(r.text("kind")).Info(); kind.NamesArePaths {
			names = append(names, &objectNameRow{OrganizationID: r.number("organization_id"), Kind: r.text("kind"),
				Name: r.text("full_name_key"), ObjectID: r.number("id")})
		}
		if r.outcome.There {
			continue
		}
		if err := tx.tallied(domain.OrganizationID(r.number("organization_id")), objects, 1); err != nil {
			return err
		}
	}
	err := tx.Run(tx.NewDelete().Model((*objectNameRow)(nil)).
		Where("(organization_id, object_id) IN (VALUES ?)", cellsOf(rows, "organization_id", "id")))
	if err != nil {
		return err
	}
	return tx.Insert(&names)
}

// nameAPIKeys notes whose the keys are.
func nameAPIKeys(tx *Tx, rows []*listRow) error {
	err := tx.Run(tx.NewDelete().Model((*apiKeyNameRow)(nil)).
		Where("(organization_id, user_id, key_id) IN (VALUES ?)", cellsOf(rows, "organization_id", "user_id", "id")))
	if err != nil {
		return err
	}
	names := make([]*apiKeyNameRow, len(rows))
	for i, r := range rows {
		names[i] = &apiKeyNameRow{Name: r.text("hash"), OrganizationID: r.number("organization_id"),
			UserID: r.number("user_id"), KeyID: r.text("id")}
	}
	return tx.Insert(&names)
}

// nameCodes notes whose the registration codes are that are new.
func nameCodes(tx *Tx, rows []*listRow) error {
	var names []*codeNameRow
	for _, r := range rows {
		if !r.outcome.There {
			names = append(names, &codeNameRow{Name: r.text("hash"), OrganizationID: r.number("organization_id")})
		}
	}
	return tx.Insert(&names)
}

// cellsOf returns the cells of columns of rows, for an IN.
func cellsOf(rows []*listRow, columns ...string) any {
	keys := make([]bun.TupleValues, len(rows))
	for i, r := range rows {
		keys[i] = bun.Tuple(r.at(columns))
	}
	return db.In(keys)
}
