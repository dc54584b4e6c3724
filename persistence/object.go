package persistence

import (
	"cmp"
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

// ObjectStore reads objects, and what is kept of them, as the ports in app/objects say. An object lies in a scope if it
// lies in one of its places, is of one of its kinds, and is the viewer's to read.
type ObjectStore struct {
	db       *db.DB
	patience patience
}

// NewObjectStore returns the store of objects in d.
func NewObjectStore(d *db.DB) *ObjectStore { return &ObjectStore{d, usualPatience} }

type objectRow struct {
	bun.BaseModel `bun:"table:objects,alias:o"`

	OrganizationID      int64 `bun:",pk"`
	ID                  int64 `bun:",pk"`
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

	// The lists of an object are read with its row, as text: what it uses as "7 12", its access list as
	// "1:2:7:3", which is a kind of subject, an organization, a number and a level.
	UseList    string `bun:",scanonly"`
	AccessList string `bun:",scanonly"`
	// BookmarkedAt is read with bookmarks.
	BookmarkedAt int64 `bun:",scanonly"`
}

// Within implements db.Scoped. It says what tenancy.Scope.Level says of domain.LevelRead.
func (objectRow) Within(sc tenancy.Scope) db.Predicate {
	return db.Placed(sc, "o.environment_path", "o.organization_id").Also(viewed(sc, domain.LevelRead))
}

func objectsIn(sc tenancy.Scope) db.Predicate { return objectRow{}.Within(sc) }

// AfterScanRow weighs a row.
func (r *objectRow) AfterScanRow(ctx context.Context) error {
	return db.Weigh(ctx, 18+8*strings.Count(r.AccessList, " "), r.Name, r.FullName, r.FullNameKey, r.Attributes,
		r.UseList, r.AccessList)
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

func (r *objectRow) object() (domain.Object, error) {
	o := domain.Object{
		ID: domain.ObjectID(r.ID), UUID: domain.UUID(r.UUID), Kind: domain.ObjectKind(r.Kind),
		Organization: domain.OrganizationID(r.OrganizationID),
		Environment:  domain.EnvironmentID(r.EnvironmentID), Path: domain.EnvironmentPath(r.EnvironmentPath),
		Owner: userKey(r.OwnerOrganizationID, r.OwnerID), Parent: domain.ObjectID(r.ParentID),
		Name: r.Name, FullName: r.FullName,
		Visibility: domain.Visibility(r.Visibility), Created: db.Moment(r.CreatedAt), Changed: db.Moment(r.ChangedAt),
	}
	for id := range strings.FieldsSeq(r.UseList) {
		n, _ := strconv.ParseInt(id, 10, 64)
		o.Uses = append(o.Uses, domain.ObjectID(n))
	}
	for entry := range strings.FieldsSeq(r.AccessList) {
		var n [4]int64
		for i, part := range strings.SplitN(entry, ":", len(n)) {
			n[i], _ = strconv.ParseInt(part, 10, 64)
		}
		if n[0] == userSubject {
			o.Access = append(o.Access, domain.Access{User: userKey(n[1], n[2]), Level: domain.Level(n[3])})
		} else {
			o.Access = append(o.Access, domain.Access{Group: domain.GroupID(n[2]), Level: domain.Level(n[3])})
		}
	}
	return o, json.Unmarshal([]byte(r.Attributes), &o.Attributes)
}

func userKey(organization, id int64) domain.UserKey {
	return domain.UserKey{Organization: domain.OrganizationID(organization), User: domain.UserID(id)}
}

const (
	useList = `coalesce((SELECT string_agg(CAST(x.used_id AS text), ' ' ORDER BY x.used_id)
		FROM object_uses x WHERE x.organization_id = ? AND x.object_id = o.id), '') AS use_list`
	accessList = `coalesce((SELECT string_agg(CAST(a.subject_kind AS text) || ':' ||
		CAST(a.subject_organization_id AS text) || ':' ||
			CAST(a.subject_id AS text) || ':' || CAST(a.level AS text), ' ' ORDER BY a.subject_kind, a.subject_id)
		FROM object_access a WHERE a.organization_id = ? AND a.object_id = o.id), '') AS access_list`
)

// readObjects reads the objects that q finds, with their lists, in rows. They lie in sc, or anywhere for the zero
// scope.
func readObjects(ctx context.Context, sc tenancy.Scope, q *bun.SelectQuery,
	rows *[]objectRow) ([]domain.Object, error) {
	its := db.Its(sc, "o.organization_id")
	err := q.ColumnExpr("?TableColumns").ColumnExpr(useList, its).ColumnExpr(accessList, its).Scan(ctx)
	objects := make([]domain.Object, len(*rows))
	for i := 0; err == nil && i < len(objects); i++ {
		objects[i], err = (*rows)[i].object()
	}
	return objects, db.Translate(err)
}

// named is readObjects with what their owners and those on their access lists are called.
func (s *ObjectStore) named(ctx context.Context, sc tenancy.Scope, q *bun.SelectQuery,
	rows *[]objectRow) ([]domain.Object, error) {
	objects, err := readObjects(ctx, sc, q, rows)
	if err != nil {
		return nil, err
	}
	return objects, labelObjects(ctx, s.db, objects)
}

// labelObjects adds what their owners and those on their access lists are called to objects.
func labelObjects(ctx context.Context, r db.Reader, objects []domain.Object) error {
	var all []subject
	for i := range objects {
		all = append(all, ofUser(objects[i].Owner))
		for _, a := range objects[i].Access {
			all = append(all, ofUser(a.User), ofGroup(a.Group))
		}
	}
	names, err := called(ctx, r, all...)
	for i := range objects {
		o := &objects[i]
		owner := names[ofUser(o.Owner)]
		o.OwnerAlias, o.OwnerHome = owner.Alias, owner.home()
		for j := range o.Access {
			a := &o.Access[j]
			is := names[ofUser(a.User)]
			if a.Group != 0 {
				is = names[ofGroup(a.Group)]
				a.Organization = domain.OrganizationID(is.OrganizationID)
			}
			a.Name, a.Home = is.Alias, is.home()
		}
	}
	return err
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
	values := []any{db.Its(sc, "o.organization_id"), int64(least), int64(viewer.User.Organization),
		int64(viewer.User.User)}
	if len(viewer.Groups) > 0 {
		subject += " OR s.subject_kind = 2 AND s.subject_id IN (?)"
		values = append(values, db.In(viewer.Groups))
	}
	text += ` OR EXISTS (SELECT 1 FROM object_access s WHERE s.organization_id = ? AND s.object_id = o.id
		AND s.level >= ? AND (` + subject + "))"
	return of.And(text, append(args, values...)...)
}

// meeting returns the condition that a row of objects in sc is one that f keeps.
func meeting(sc tenancy.Scope, f *domain.ObjectFilter) db.Predicate {
	var p db.Predicate
	where := func(asked bool, condition string, args ...any) {
		if asked {
			p = p.And(condition, args...)
		}
	}
	without := domain.Fold(f.Without)
	where(len(f.Kinds) > 0, "o.kind IN (?)", db.In(f.Kinds))
	where(f.Organization != 0, "o.organization_id = ?", int64(f.Organization))
	where(f.Prefix != "", `o.full_name_key LIKE ? ESCAPE '\'`, literal.Replace(domain.Fold(f.Prefix))+"%")
	where(len(f.Names) > 0, "o.full_name_key IN (?)", db.In(folded(f.Names)))
	where(len(f.IDs) > 0, "o.id IN (?)", db.In(f.IDs))
	where(!f.Since.IsZero(), "o.created_at >= ?", f.Since.UnixMilli())
	where(!f.Until.IsZero(), "o.created_at < ?", f.Until.UnixMilli())
	where(without != "", "NOT (o.full_name_key >= ? AND o.full_name_key < ?)", without+"/", without+"0")
	where(f.Parent != 0, "o.parent_id = ?", int64(f.Parent))
	where(f.Owner != (domain.UserKey{}), "o.owner_organization_id = ? AND o.owner_id = ?",
		int64(f.Owner.Organization), int64(f.Owner.User))
	where(f.Uses != 0,
		"EXISTS (SELECT 1 FROM object_uses x WHERE x.organization_id = ? AND x.object_id = o.id AND x.used_id = ?)",
		db.Its(sc, "o.organization_id"), int64(f.Uses))
	if len(f.Descriptions) > 0 {
		p = p.Also(described(f.Descriptions))
	}
	if f.AtLeast > domain.LevelRead {
		p = p.Also(viewed(sc, f.AtLeast))
	}
	return p
}

// described keeps the objects that have one of the descriptions. It looks for the member in the text of the
// attributes: a quotation mark in a value is escaped there, so that no value can pass for a member.
func described(descriptions []string) db.Predicate {
	either := make([]db.Predicate, len(descriptions))
	for i, description := range descriptions {
		member, _ := json.Marshal(map[string]string{"description": description}) // texts always marshal
		either[i] = db.Where("o.attributes <> replace(o.attributes, ?, '')", string(member[1:len(member)-1]))
	}
	return db.AnyOf(either...)
}

// find returns the query of the object in sc that ref names.
func (s *ObjectStore) find(sc tenancy.Scope, ref domain.ObjectRef, rows *[]objectRow) *bun.SelectQuery {
	q := db.From(s.db, sc, rows)
	if id, ok := ref.Number(); ok {
		return q.Where("o.id = ?", int64(id))
	}
	if ref.IsFullName() {
		return q.Where("o.organization_id = ? AND o.full_name_key = ? AND o.kind IN (?)",
			int64(sc.Actor().Organization), domain.Fold(string(ref)),
			db.In(kindsOf(func(k *domain.ObjectKindInfo) bool { return k.NamesArePaths })))
	}
	if uuid, err := domain.ParseUUID(string(ref)); err == nil {
		return q.Where("o.uuid = ?", string(uuid))
	}
	return q.Where("1 = 0")
}

// kindsOf returns the kinds of objects that are so.
func kindsOf(so func(*domain.ObjectKindInfo) bool) []domain.ObjectKind {
	var kinds []domain.ObjectKind
	for i := range domain.ObjectKinds {
		if kind := &domain.ObjectKinds[i]; so(kind) {
			kinds = append(kinds, kind.Kind)
		}
	}
	return kinds
}

func (s *ObjectStore) Get(ctx context.Context, sc tenancy.Scope, ref domain.ObjectRef) (domain.Object, error) {
	var rows []objectRow
	objects, err := s.named(ctx, sc, s.find(sc, ref, &rows), &rows)
	return db.First(objects, err, domain.ErrObjectNotFound)
}

func (s *ObjectStore) List(ctx context.Context, sc tenancy.Scope, f domain.ObjectFilter,
	p domain.Page) ([]domain.Object, domain.Cursor, error) {
	limit := pageSize(p)
	list := strconv.Itoa(int(f.Order)) // for its cursors
	l := objectListing{sc: sc, keeps: viewed(sc, domain.LevelRead).Also(meeting(sc, &f)), order: f.Order}
	var id domain.ObjectID
	var place domain.EnvironmentPath
	var key any = &l.behind.at
	if f.Order == domain.ObjectsByPlace {
		key = &place
	}
	continued, err := readCursor(p.After, list, &id, key)
	if err != nil {
		return nil, "", err
	}
	if continued {
		l.behind.key.id, l.behind.at = int64(id), l.behind.at+string(place)
	}
	all, err := s.listed(ctx, l, &f, limit+1)
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

// listed reads the first n objects that the list has.
func (s *ObjectStore) listed(ctx context.Context, l objectListing, f *domain.ObjectFilter,
	n int) ([]domain.Object, error) {
	if kinds, _ := kindsIn(l.sc, f); len(kinds) == 0 || len(l.sc.Ranges()) == 0 {
		return []domain.Object{}, nil
	}
	for {
		keys, err := s.keys(ctx, l, f, n)
		if err != nil || len(keys) == 0 {
			return []domain.Object{}, err
		}
		var rows []objectRow
		q := s.db.NewSelect().Model(&rows).ApplyQueryBuilder(among("o.organization_id", "o.id", keys)).
			Apply(db.Unindexed(objectsIn(l.sc)).Narrow)
		objects, err := s.named(ctx, l.sc, q, &rows)
		if err != nil || len(objects) == len(keys) {
			at := make(map[domain.ObjectID]int, len(keys))
			for i, key := range keys {
				at[domain.ObjectID(key.id)] = i
			}
			slices.SortFunc(objects, func(a, b domain.Object) int { return cmp.Compare(at[a.ID], at[b.ID]) })
			return objects, err
		}
		// Something went away in between.
	}
}

func (s *ObjectStore) Count(ctx context.Context, sc tenancy.Scope, f domain.ObjectFilter) (int64, error) {
	var rows []objectRow
	n, err := db.From(s.db, sc, &rows).Apply(meeting(sc, &f).Narrow).Count(ctx)
	return n, db.Translate(err)
}

// ownerRow is a row of the table object_owners.
type ownerRow struct {
	bun.BaseModel `bun:"table:object_owners,alias:h"`

	OrganizationID      int64 `bun:",pk"`
	ObjectID            int64 `bun:",pk"`
	Rank                int64 `bun:",pk"`
	OwnerOrganizationID int64
	OwnerID             int64
	BeganAt             int64
	EndedAt             int64
}

func (s *ObjectStore) Owners(ctx context.Context, sc tenancy.Scope, ref domain.ObjectRef) ([]domain.Ownership, error) {
	var found []objectRow
	err := s.find(sc, ref, &found).Scan(ctx)
	o, err := db.First(found, err, domain.ErrObjectNotFound)
	if err != nil {
		return nil, err
	}
	var rows []ownerRow
	err = s.db.NewSelect().Model(&rows).Where("h.organization_id = ? AND h.object_id = ?", o.OrganizationID, o.ID).
		Order("h.rank").Scan(ctx)
	if err != nil {
		return nil, db.Translate(err)
	}
	all := make([]subject, len(rows))
	for i, r := range rows {
		all[i] = subject{userSubject, r.OwnerOrganizationID, r.OwnerID}
	}
	names, err := called(ctx, s.db, all...)
	owners := make([]domain.Ownership, len(rows))
	for i, r := range rows {
		is := names[all[i]]
		owners[i] = domain.Ownership{Owner: userKey(r.OwnerOrganizationID, r.OwnerID), Alias: is.Alias, Home: is.home(),
			Since: db.Moment(r.BeganAt), Until: db.Moment(r.EndedAt)}
	}
	return owners, err
}
