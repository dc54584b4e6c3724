package persistence

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// ObjectStore keeps objects. An object lies in a scope if it lies in one of its places, is
// of one of its kinds, and is the viewer's to read.
type ObjectStore struct{ db *db.DB }

// NewObjectStore returns the store of objects in d.
func NewObjectStore(d *db.DB) *ObjectStore { return &ObjectStore{d} }

// objectRow is a row of the table objects.
type objectRow struct {
	bun.BaseModel `bun:"table:objects,alias:o"`

	OrganizationID      int64
	ID                  int64
	UUID                string
	Kind                string
	EnvironmentID       int64
	EnvironmentPath     string
	OwnerOrganizationID int64
	OwnerID             int64
	ParentID            int64
	Name                string
	FullName            string
	FullNameKey         string
	Attributes          string
	Visibility          int64
	CreatedAt           int64
	ChangedAt           int64
}

func toObjectRow(o *domain.Object) *objectRow {
	attributes, _ := json.Marshal(o.Attributes) // texts always marshal
	return &objectRow{
		OrganizationID: int64(o.Organization), ID: int64(o.ID), UUID: string(o.UUID), Kind: string(o.Kind),
		EnvironmentID: int64(o.Environment), EnvironmentPath: string(o.Path),
		OwnerOrganizationID: int64(o.Owner.Organization), OwnerID: int64(o.Owner.User), ParentID: int64(o.Parent),
		Name: o.Name, FullName: o.FullName, FullNameKey: domain.Fold(o.FullName), Attributes: string(attributes),
		Visibility: int64(o.Visibility), CreatedAt: db.Millis(o.Created), ChangedAt: db.Millis(o.Changed),
	}
}

const objectColumns = `o.organization_id, o.id, o.uuid, o.kind, o.environment_id, o.environment_path,
	o.owner_organization_id, o.owner_id, o.parent_id, o.name, o.full_name, o.attributes, o.visibility, o.created_at, o.changed_at,
	coalesce((SELECT w.alias FROM users w WHERE w.organization_id = o.owner_organization_id AND w.id = o.owner_id), '') AS owner_alias,
	coalesce((SELECT w.environment_path FROM users w WHERE w.organization_id = o.owner_organization_id AND w.id = o.owner_id), '') AS owner_path,
	coalesce((SELECT string_agg(CAST(x.used_id AS text), ' ' ORDER BY x.used_id)
		FROM object_uses x WHERE x.organization_id = o.organization_id AND x.object_id = o.id), '') AS use_list`

// scanObjectAnd reads an object and, behind its columns, into more.
func scanObjectAnd(r db.Row, more ...any) (domain.Object, error) {
	var o domain.Object
	var created, changed int64
	var attributes, uses string
	err := r.Scan(append([]any{&o.Organization, &o.ID, &o.UUID, &o.Kind, &o.Environment, &o.Path,
		&o.Owner.Organization, &o.Owner.User, &o.Parent, &o.Name, &o.FullName, &attributes, &o.Visibility, &created, &changed,
		&o.OwnerAlias, &o.OwnerHome, &uses}, more...)...)
	if err != nil {
		return o, err
	}
	o.Created, o.Changed = db.Moment(created), db.Moment(changed)
	for step := range strings.FieldsSeq(uses) {
		id, _ := strconv.ParseInt(step, 10, 64)
		o.Uses = append(o.Uses, domain.ObjectID(id))
	}
	return o, json.Unmarshal([]byte(attributes), &o.Attributes)
}

func scanObject(r db.Row) (domain.Object, error) { return scanObjectAnd(r) }

// The kinds of subjects of an access list.
const (
	userSubject  = 1
	groupSubject = 2
)

// objectKey is where an object is stored.
type objectKey struct {
	organization domain.OrganizationID
	id           domain.ObjectID
}

func keyOf(o *domain.Object) objectKey { return objectKey{o.Organization, o.ID} }

// keys returns the condition that the two columns are one of the objects' keys.
func keys(columns string, objects []domain.Object) db.Predicate {
	args := make([]any, 0, 2*len(objects))
	for i := range objects {
		args = append(args, int64(objects[i].Organization), int64(objects[i].ID))
	}
	return db.Where("("+columns+") IN (VALUES "+strings.TrimSuffix(strings.Repeat("(?, ?), ", len(objects)), ", ")+")", args...)
}

// readAccess adds their access lists to objects, in one statement.
func readAccess(ctx context.Context, q db.Querier, objects []domain.Object) error {
	if len(objects) == 0 {
		return nil
	}
	at := make(map[objectKey]*domain.Object, len(objects))
	for i := range objects {
		at[keyOf(&objects[i])] = &objects[i]
	}
	where := keys("a.organization_id, a.object_id", objects)
	rows, err := q.QueryContext(ctx, `SELECT a.organization_id, a.object_id, a.subject_kind, a.subject_organization_id, a.subject_id, a.level,
			coalesce(u.alias, g.alias, ''), coalesce(u.environment_path, ''), coalesce(g.organization_id, 0)
		FROM object_access a
		LEFT JOIN users u ON a.subject_kind = 1 AND u.organization_id = a.subject_organization_id AND u.id = a.subject_id
		LEFT JOIN groups g ON a.subject_kind = 2 AND g.id = a.subject_id
		WHERE `+where.Text()+" ORDER BY a.organization_id, a.object_id, a.subject_kind, a.subject_id", where.Args...)
	_, err = db.Collect(rows, err, db.Weighed(ctx, func(r db.Row) (struct{}, error) {
		var k objectKey
		var kind, organization, id int64
		var entry domain.Access
		if err := r.Scan(&k.organization, &k.id, &kind, &organization, &id, &entry.Level, &entry.Name, &entry.Home, &entry.Organization); err != nil {
			return struct{}{}, err
		}
		if kind == userSubject {
			entry.User = domain.UserKey{Organization: domain.OrganizationID(organization), User: domain.UserID(id)}
		} else {
			entry.Group = domain.GroupID(id)
		}
		at[k].Access = append(at[k].Access, entry)
		return struct{}{}, nil
	}))
	return err
}

func selectObjects(ctx context.Context, q db.Querier, where db.Predicate, rest string) ([]domain.Object, error) {
	rows, err := q.QueryContext(ctx, "SELECT "+objectColumns+" FROM objects o WHERE "+where.Text()+rest, where.Args...)
	all, err := db.Collect(rows, err, db.Weighed(ctx, scanObject))
	if err != nil {
		return nil, err
	}
	return all, readAccess(ctx, q, all)
}

func selectObject(ctx context.Context, q db.Querier, where db.Predicate, rest string) (domain.Object, error) {
	all, err := selectObjects(ctx, q, where, rest)
	if err != nil || len(all) == 0 {
		return domain.Object{}, orElse(err, domain.ErrObjectNotFound)
	}
	return all[0], nil
}

// objectsIn returns the condition that a row of objects lies in sc. It says what
// tenancy.Scope.Level says of domain.LevelRead.
func objectsIn(sc tenancy.Scope) db.Predicate {
	where := db.Placed(sc, "o.environment_path", "o.organization_id")
	its := viewed(sc, domain.LevelRead)
	return where.Also(its)
}

// viewed returns the condition that a row of objects, wherever it lies, is of one of the
// scope's kinds and that the viewer has at least the given level on it.
func viewed(sc tenancy.Scope, least domain.Level) db.Predicate {
	viewer, kinds, managed, ok := sc.Objects()
	if !ok || len(kinds) == 0 {
		return db.Where("1 = 0")
	}
	of := db.Where("o.kind IN (?)", db.In(kinds))
	if slices.Equal(managed, sc.Ranges()) {
		return of
	}
	either := db.InRanges(managed, "o.environment_path")
	text, args := either.Text(), either.Args
	if least <= domain.LevelRead {
		text += " OR o.visibility = 1"
	}
	if viewer.User.User != 0 {
		text += " OR (o.owner_organization_id = ? AND o.owner_id = ?)"
		args = append(args, int64(viewer.User.Organization), int64(viewer.User.User))
	}
	subject := "s.subject_kind = 1 AND s.subject_organization_id = ? AND s.subject_id = ?"
	values := []any{int64(least), int64(viewer.User.Organization), int64(viewer.User.User)}
	if len(viewer.Groups) > 0 {
		subject += " OR s.subject_kind = 2 AND s.subject_id IN (?)"
		values = append(values, db.In(viewer.Groups))
	}
	text += ` OR EXISTS (SELECT 1 FROM object_access s WHERE s.organization_id = o.organization_id AND s.object_id = o.id
		AND s.level >= ? AND (` + subject + "))"
	return of.And(text, append(args, values...)...)
}

// filteredObjects returns the conditions of f that sc does not say already.
func filteredObjects(sc tenancy.Scope, f *domain.ObjectFilter) db.Predicate {
	var p db.Predicate
	if len(f.Kinds) > 0 {
		p = p.And("o.kind IN (?)", db.In(f.Kinds))
	}
	if f.Organization != 0 {
		p = p.And("o.organization_id = ?", int64(f.Organization))
	}
	if f.Prefix != "" {
		p = p.And(`o.full_name_key LIKE ? ESCAPE '\'`, literal.Replace(domain.Fold(f.Prefix))+"%")
	}
	if len(f.Names) > 0 {
		folded := make([]string, len(f.Names))
		for i, name := range f.Names {
			folded[i] = domain.Fold(name)
		}
		p = p.And("o.full_name_key IN (?)", db.In(folded))
	}
	if len(f.IDs) > 0 {
		p = p.And("o.id IN (?)", db.In(f.IDs))
	}
	if len(f.Descriptions) > 0 {
		p = p.Also(described(f.Descriptions))
	}
	if !f.Since.IsZero() {
		p = p.And("o.created_at >= ?", f.Since.UnixMilli())
	}
	if !f.Until.IsZero() {
		p = p.And("o.created_at < ?", f.Until.UnixMilli())
	}
	if f.Without != "" {
		key := domain.Fold(f.Without)
		p = p.And("NOT (o.full_name_key >= ? AND o.full_name_key < ?)", key+"/", key+"0")
	}
	if f.Parent != 0 {
		p = p.And("o.parent_id = ?", int64(f.Parent))
	}
	if f.Owner != (domain.UserKey{}) {
		p = p.And("o.owner_organization_id = ? AND o.owner_id = ?", int64(f.Owner.Organization), int64(f.Owner.User))
	}
	if f.Uses != 0 {
		p = p.And("EXISTS (SELECT 1 FROM object_uses x WHERE x.organization_id = o.organization_id AND x.object_id = o.id AND x.used_id = ?)", int64(f.Uses))
	}
	if f.AtLeast > domain.LevelRead {
		least := viewed(sc, f.AtLeast)
		p = p.Also(least)
	}
	return p
}

// described returns the condition that an object has one of the descriptions. It looks for the
// member in the text of the attributes: a quotation mark in a value is escaped there, so that
// no value can pass for a member.
func described(descriptions []string) db.Predicate {
	var alternatives []db.Predicate
	for _, description := range descriptions {
		member, _ := json.Marshal(map[string]string{"description": description}) // texts always marshal
		alternatives = append(alternatives, db.Where("o.attributes <> replace(o.attributes, ?, '')", string(member[1:len(member)-1])))
	}
	return db.AnyOf(alternatives...)
}

// Get returns the object that ref names. It is ErrObjectNotFound if there is none in sc.
func (s *ObjectStore) Get(ctx context.Context, sc tenancy.Scope, ref domain.ObjectRef) (domain.Object, error) {
	if id, ok := ref.Number(); ok {
		return selectObject(ctx, s.db, objectsIn(sc).And("o.id = ?", int64(id)), "")
	}
	uuid, err := domain.ParseUUID(string(ref))
	if err != nil {
		return domain.Object{}, domain.ErrObjectNotFound
	}
	return selectObject(ctx, s.db, objectsIn(sc).And("o.uuid = ?", string(uuid)), "")
}

// Named returns the object of organization with that full name, compared by domain.Fold, of
// a kind whose names are paths. It is ErrObjectNotFound if there is none in sc.
func (s *ObjectStore) Named(ctx context.Context, sc tenancy.Scope, organization domain.OrganizationID, kind domain.ObjectKind, fullName string) (domain.Object, error) {
	return selectObject(ctx, s.db, objectsIn(sc).And(`(o.organization_id, o.id) IN
		(SELECT organization_id, object_id FROM object_names WHERE organization_id = ? AND kind = ? AND name = ?)`,
		int64(organization), string(kind), domain.Fold(fullName)), "")
}

// List returns one page of the objects in sc that f keeps, in f's order, and the cursor of
// the next page, empty after the last. A cursor of another order is ErrCursor. No match is
// an empty slice.
func (s *ObjectStore) List(ctx context.Context, sc tenancy.Scope, f domain.ObjectFilter, p domain.Page) ([]domain.Object, domain.Cursor, error) {
	limit := pageSize(p)
	list := strconv.Itoa(int(f.Order)) // for its cursors
	var all []domain.Object
	var err error
	var id domain.ObjectID
	if f.Order == domain.ObjectsByPlace {
		var path domain.EnvironmentPath
		if _, err := readCursor(p.After, list, &id, &path); err != nil {
			return nil, "", err
		}
		all, err = s.byPlace(ctx, sc, &f, path, id, limit+1)
	} else {
		var key string
		if _, err := readCursor(p.After, list, &id, &key); err != nil {
			return nil, "", err
		}
		filter, column := filteredObjects(sc, &f), either(f.Order == domain.ObjectsByName, "o.full_name_key", "o.full_name")
		where := objectsIn(sc).And("("+column+", o.id) > (?, ?)", key, int64(id)).Also(filter)
		all, err = selectObjects(ctx, s.db, where, " ORDER BY "+column+", o.id LIMIT "+strconv.Itoa(limit+1))
	}
	return page(all, err, limit, func(o *domain.Object) domain.Cursor {
		var key any = o.Path
		switch f.Order {
		case domain.ObjectsByName:
			key = domain.Fold(o.FullName)
		case domain.ObjectsByLetter:
			key = o.FullName
		}
		return writeCursor(list, int64(o.ID), key)
	})
}

// byPlace reads up to n objects in tree order.
func (s *ObjectStore) byPlace(ctx context.Context, sc tenancy.Scope, f *domain.ObjectFilter, path domain.EnvironmentPath, id domain.ObjectID, n int) ([]domain.Object, error) {
	stretches := sc.Ranges()
	if path != "" {
		stretches = beyond(stretches, path)
	}
	organization, args := db.InOrganization(sc, "o.organization_id")
	its, filter := viewed(sc, domain.LevelRead), filteredObjects(sc, f)
	one := "SELECT " + objectColumns + " FROM objects o WHERE " + organization +
		"(o.environment_path, o.id) > (?, ?) AND o.environment_path < ?" + its.Further() + filter.Further() +
		" ORDER BY o.environment_path, o.id LIMIT ?"
	all, err := walk(stretches, n, func(part []tenancy.Range, n int) ([]domain.Object, error) {
		query, values := chain(part, one, "environment_path, id", n, func(r tenancy.Range) []any {
			behind := int64(0)
			if r.From == path {
				behind = int64(id)
			}
			values := append(args[:len(args):len(args)], string(r.From), behind, string(r.Until))
			return append(append(append(values, its.Args...), filter.Args...), n)
		})
		rows, err := s.db.QueryContext(ctx, query, values...)
		return db.Collect(rows, err, db.Weighed(ctx, scanObject))
	})
	if err != nil {
		return nil, err
	}
	return all, readAccess(ctx, s.db, all)
}

// Count returns how many objects of sc f keeps.
func (s *ObjectStore) Count(ctx context.Context, sc tenancy.Scope, f domain.ObjectFilter) (int64, error) {
	filter := filteredObjects(sc, &f)
	where := objectsIn(sc).Also(filter)
	rows, err := s.db.QueryContext(ctx, "SELECT count(*) FROM objects o WHERE "+where.Text(), where.Args...)
	return db.Only(rows, err, db.Scalar[int64], domain.ErrInternal)
}

// Owners returns whose the object was, the first owner first. It is ErrObjectNotFound if
// there is none in sc.
func (s *ObjectStore) Owners(ctx context.Context, sc tenancy.Scope, ref domain.ObjectRef) ([]domain.Ownership, error) {
	o, err := s.Get(ctx, sc, ref)
	if err != nil {
		return nil, err
	}
	where := objectsIn(sc).And("o.organization_id = ? AND o.id = ?", int64(o.Organization), int64(o.ID))
	rows, err := s.db.QueryContext(ctx, `SELECT h.owner_organization_id, h.owner_id, coalesce(u.alias, ''), coalesce(u.environment_path, ''),
			h.began_at, h.ended_at
		FROM objects o JOIN object_owners h ON h.organization_id = o.organization_id AND h.object_id = o.id
		LEFT JOIN users u ON u.organization_id = h.owner_organization_id AND u.id = h.owner_id
		WHERE `+where.Text()+" ORDER BY h.rank", where.Args...)
	return db.Collect(rows, err, func(r db.Row) (own domain.Ownership, err error) {
		var began, ended int64
		err = r.Scan(&own.Owner.Organization, &own.Owner.User, &own.Alias, &own.Home, &began, &ended)
		own.Since, own.Until = db.Moment(began), db.Moment(ended)
		return own, err
	})
}

// Insert adds o, whose environment must lie in w, and returns it with its numbers and full
// name. check is asked with the object that o is to belong to, nil for none. It is
// ErrEnvironmentNotFound on "environment" without such an environment, ErrObjectNotFound on
// "parent" or "uses" for one that is not in w or of another organization, ErrUserNotFound
// on "owner" or "access", ErrGroupNotFound on "access", ErrObjectNameTaken, or the error of
// prepare, and then nothing is saved.
func (s *ObjectStore) Insert(ctx context.Context, w tenancy.WriteScope, o domain.Object, prepare func(o, parent *domain.Object) error) (domain.Object, error) {
	id, err := s.db.NextID(ctx, db.ObjectNumbers)
	if err != nil {
		return o, err
	}
	o.ID, o.UUID = domain.ObjectID(id), db.NewUUID()
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error { return insertObject(ctx, s.db, tx, w, &o, prepare) })
	return o, err
}

// insertObject adds o, which has its numbers, in a transaction.
func insertObject(ctx context.Context, d *db.DB, tx bun.Tx, w tenancy.WriteScope, o *domain.Object, prepare func(o, parent *domain.Object) error) error {
	o.Created = db.Moment(db.Millis(d.Now()))
	o.Changed = o.Created
	if err := holdPlace(ctx, d, tx, w, o); err != nil {
		return err
	}
	parent, err := holdParent(ctx, d, tx, w, o)
	if err != nil {
		return err
	}
	if err := prepare(o, parent); err != nil {
		return err
	}
	if err := o.Validate(); err != nil {
		return err
	}
	if err := holdOwner(ctx, d, tx, o); err != nil {
		return err
	}
	if err := holdAccess(ctx, d, tx, o.Organization, o.Access); err != nil {
		return err
	}
	if err := holdUses(ctx, tx, w, o, o.Uses); err != nil {
		return err
	}
	// The first makes those who add to one organization wait for one another, so that the second counts
	// what they added.
	if err := admit(ctx, d, tx, o.Organization, objects); err != nil {
		return err
	}
	if err := admitOwned(ctx, d, tx, o.Owner); err != nil {
		return err
	}
	if err := insertAll(ctx, tx, []*objectRow{toObjectRow(o)}); err != nil {
		return err
	}
	if err := takeObjectNames(ctx, tx, o); err != nil {
		return err
	}
	if err := insertAll(ctx, tx, accessRows(o, o.Access)); err != nil {
		return err
	}
	if err := insertAll(ctx, tx, useRows(o)); err != nil {
		return err
	}
	if err := beginOwnership(ctx, tx, o.Owner, o.Created.UnixMilli(), []domain.Object{*o}); err != nil {
		return err
	}
	return record(ctx, d, tx, w, objectEntry("create", o, domain.Diff(nil, o.Fields())))
}

// holdPlace keeps the environment of o where o says it is until the transaction ends.
func holdPlace(ctx context.Context, d *db.DB, tx bun.Tx, w tenancy.WriteScope, o *domain.Object) error {
	e, err := selectEnvironment(ctx, tx, environmentsIn(w.Read()).And("e.id = ?", int64(o.Environment)), d.For("SHARE"))
	if err != nil {
		return domain.AsError(err).On("environment")
	}
	if e.Path != o.Path || e.Organization != o.Organization {
		return domain.ErrChanged
	}
	return nil
}

// holdParent keeps the object that o belongs to, and gives o its full name.
func holdParent(ctx context.Context, d *db.DB, tx bun.Tx, w tenancy.WriteScope, o *domain.Object) (*domain.Object, error) {
	kind, known := o.Kind.Info()
	if !known {
		return nil, domain.ErrObjectKind
	}
	if o.Parent == 0 {
		o.FullName = kind.FullName("", o.Name)
		return nil, nil
	}
	parent, err := selectObject(ctx, tx, objectsIn(w.Read()).And("o.organization_id = ? AND o.id = ?", int64(o.Organization), int64(o.Parent)), d.For("SHARE"))
	if err != nil {
		return nil, domain.AsError(err).On("parent")
	}
	if !slices.Contains(kind.Parents, parent.Kind) {
		return nil, domain.InvalidField("parent", "An object of the kind %s does not belong to one of the kind %s.", o.Kind, parent.Kind)
	}
	o.FullName = kind.FullName(parent.FullName, o.Name)
	return &parent, nil
}

// holdOwner keeps the owner of o, if there is one.
func holdOwner(ctx context.Context, d *db.DB, tx bun.Tx, o *domain.Object) error {
	if o.Owner.User == 0 {
		return nil
	}
	if err := holdUsers(ctx, d, tx, []domain.UserKey{o.Owner}); err != nil {
		return domain.AsError(err).On("owner")
	}
	return nil
}

// holdUsers keeps the users from being deleted until the transaction ends.
func holdUsers(ctx context.Context, d *db.DB, tx bun.Tx, users []domain.UserKey) error {
	if len(users) == 0 {
		return nil
	}
	args := make([]any, 0, 2*len(users))
	for _, u := range users {
		args = append(args, int64(u.Organization), int64(u.User))
	}
	rows, err := tx.QueryContext(ctx, "SELECT u.id FROM users u WHERE (u.organization_id, u.id) IN (VALUES "+
		strings.TrimSuffix(strings.Repeat("(?, ?), ", len(users)), ", ")+") ORDER BY u.id"+d.For("SHARE"), args...)
	found, err := db.Collect(rows, err, db.Scalar[int64])
	if err != nil {
		return err
	}
	if len(found) != len(users) {
		return domain.ErrUserNotFound
	}
	return nil
}

// holdAccess keeps the users and groups of an access list. Groups must be usable in the
// organization.
func holdAccess(ctx context.Context, d *db.DB, tx bun.Tx, organization domain.OrganizationID, list []domain.Access) error {
	var users []domain.UserKey
	var groups []domain.GroupID
	for _, a := range list {
		if a.Group != 0 {
			groups = append(groups, a.Group)
		} else {
			users = append(users, a.User)
		}
	}
	if err := holdUsers(ctx, d, tx, users); err != nil {
		return domain.AsError(err).On("access")
	}
	if len(groups) == 0 {
		return nil
	}
	rows, err := tx.QueryContext(ctx, "SELECT g.id FROM groups g WHERE g.id IN (?) AND g.organization_id IN (?, ?) ORDER BY g.id"+d.For("SHARE"),
		db.In(groups), int64(organization), int64(domain.RootOrganization))
	found, err := db.Collect(rows, err, db.Scalar[int64])
	if err != nil {
		return err
	}
	if len(found) != len(groups) {
		return domain.ErrGroupNotFound.On("access")
	}
	return nil
}

// holdUses checks that o may use the objects: they are in w, of o's organization and of the
// kind that o's uses.
func holdUses(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, o *domain.Object, uses []domain.ObjectID) error {
	if len(uses) == 0 {
		return nil
	}
	kind, _ := o.Kind.Info()
	where := objectsIn(w.Read()).And("o.organization_id = ? AND o.kind = ? AND o.id IN (?)", int64(o.Organization), string(kind.Uses), db.In(uses))
	rows, err := tx.QueryContext(ctx, "SELECT count(*) FROM objects o WHERE "+where.Text(), where.Args...)
	found, err := db.Only(rows, err, db.Scalar[int], domain.ErrInternal)
	if err != nil {
		return err
	}
	if found != len(uses) {
		return domain.ErrObjectNotFound.On("uses")
	}
	return nil
}

// objectNameRow, accessRow, useRow and ownerRow are the rows beside an object's own.
type objectNameRow struct {
	bun.BaseModel `bun:"table:object_names"`

	OrganizationID int64
	Kind           string
	Name           string
	ObjectID       int64
}

type accessRow struct {
	bun.BaseModel `bun:"table:object_access"`

	OrganizationID        int64
	ObjectID              int64
	SubjectKind           int64
	SubjectID             int64
	SubjectOrganizationID int64
	Level                 int64
}

type useRow struct {
	bun.BaseModel `bun:"table:object_uses"`

	OrganizationID int64
	ObjectID       int64
	UsedID         int64
}

func takeObjectNames(ctx context.Context, tx bun.Tx, o *domain.Object) error {
	if kind, _ := o.Kind.Info(); !kind.NamesArePaths {
		return nil
	}
	return insertAll(ctx, tx, []*objectNameRow{{OrganizationID: int64(o.Organization), Kind: string(o.Kind), Name: domain.Fold(o.FullName), ObjectID: int64(o.ID)}})
}

func accessRows(o *domain.Object, list []domain.Access) []*accessRow {
	rows := make([]*accessRow, len(list))
	for i, a := range list {
		r := &accessRow{OrganizationID: int64(o.Organization), ObjectID: int64(o.ID), Level: int64(a.Level)}
		if a.Group != 0 {
			r.SubjectKind, r.SubjectID = groupSubject, int64(a.Group)
		} else {
			r.SubjectKind, r.SubjectID, r.SubjectOrganizationID = userSubject, int64(a.User.User), int64(a.User.Organization)
		}
		rows[i] = r
	}
	return rows
}

func useRows(o *domain.Object) []*useRow {
	rows := make([]*useRow, len(o.Uses))
	for i, id := range o.Uses {
		rows[i] = &useRow{OrganizationID: int64(o.Organization), ObjectID: int64(o.ID), UsedID: int64(id)}
	}
	return rows
}

func objectEntry(verb string, o *domain.Object, changes []domain.Change) domain.AuditEntry {
	return domain.AuditEntry{
		Action: string(o.Kind) + ":" + verb, Target: domain.Target{Kind: string(o.Kind), ID: int64(o.ID), Name: o.FullName},
		Organization: o.Organization, Place: o.Environment, Path: o.Path, Changes: changes,
	}
}
