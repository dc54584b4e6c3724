package persistence

import (
	"context"
	"maps"
	"slices"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// What the exported methods of Tx on objects promise is said by the ports in app/objects.

// together bounds how many objects one statement changes: somebody may own any number.
const together = 500

// The rows beside an object's own.
type objectNameRow struct {
	bun.BaseModel `bun:"table:object_names"`

	OrganizationID int64  `bun:",pk"`
	Kind           string `bun:",pk"`
	Name           string `bun:",pk"`
	ObjectID       int64
}

type accessRow struct {
	bun.BaseModel `bun:"table:object_access"`

	OrganizationID        int64 `bun:",pk"`
	ObjectID              int64 `bun:",pk"`
	SubjectKind           int64 `bun:",pk"`
	SubjectID             int64 `bun:",pk"`
	SubjectOrganizationID int64
	Level                 int64
}

type useRow struct {
	bun.BaseModel `bun:"table:object_uses"`

	OrganizationID int64 `bun:",pk"`
	ObjectID       int64 `bun:",pk"`
	UsedID         int64 `bun:",pk"`
}

func toAccessRow(o *domain.Object, a domain.Access) accessRow {
	is := ofUser(a.User)
	if a.Group != 0 {
		is = ofGroup(a.Group)
	}
	return accessRow{OrganizationID: int64(o.Organization), ObjectID: int64(o.ID), SubjectKind: is.kind, SubjectID: is.id,
		SubjectOrganizationID: is.organization, Level: int64(a.Level)}
}

func (s *Store) NextObject(ctx context.Context) (domain.ObjectID, error) {
	id, err := s.db.NextID(ctx, db.ObjectNumbers)
	return domain.ObjectID(id), err
}

func (tx *Tx) Object(key domain.ObjectKey) (domain.Object, error) { return tx.object("UPDATE", key) }

// object reads an object with what those on its lists are called, and locks it.
func (tx *Tx) object(lock string, key domain.ObjectKey) (domain.Object, error) {
	objects, err := tx.lockObjects(lock, tx.Scope().Of(key.Organization), func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("o.organization_id = ? AND o.id = ?", int64(key.Organization), int64(key.Object))
	})
	if err == nil {
		err = labelObjects(tx.Ctx, tx, objects)
	}
	return db.First(objects, err, domain.ErrObjectNotFound)
}

// Parent keeps the place before the object, the order in which a move of the place takes the two.
func (tx *Tx) Parent(of *domain.Object) (*domain.Object, error) {
	if of.Parent == 0 {
		return nil, nil
	}
	if err := tx.holdPlace(of.Organization, of.Environment, of.Path, "environment"); err != nil {
		return nil, err
	}
	parent, err := tx.object("SHARE", domain.ObjectKey{Organization: of.Organization, Object: of.Parent})
	if err != nil {
		return nil, domain.AsError(err).On("parent")
	}
	return &parent, nil
}

func (tx *Tx) ObjectsBelow(top *domain.Object) ([]domain.Object, error) {
	if kind, _ := top.Kind.Info(); !kind.NamesArePaths {
		return nil, nil
	}
	sc := tx.Scope().Of(top.Organization)
	admin := viewed(sc, domain.LevelAdmin)
	return tx.lockObjects("UPDATE", sc, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where(admin.Text(), admin.Args...).ApplyQueryBuilder(below(top, false)).Order("o.id").
			Limit(domain.MaxTogether)
	})
}

// lockObjects locks the objects that narrow leaves of those in sc, which is the scope, of one organization, and
// reads them then: whether they are in it is asked of the rows as they are now.
func (tx *Tx) lockObjects(lock string, sc tenancy.Scope,
	narrow func(*bun.SelectQuery) *bun.SelectQuery) ([]domain.Object, error) {
	var rows []objectRow
	if err := tx.Hold(lock, db.From(tx, sc, &rows).Apply(narrow)); err != nil {
		return nil, err
	}
	return readObjects(tx.Ctx, sc, db.From(tx, sc, &rows).Apply(narrow), &rows)
}

// narrowing narrows a query to objects, of those of sc's organization where that is one.
type narrowing func(sc tenancy.Scope) func(*bun.SelectQuery) *bun.SelectQuery

// inBatches runs change on the objects that of leaves, some at a time, until there are none: one organization after
// the other. That they lie in sc is for of to say.
func (tx *Tx) inBatches(sc tenancy.Scope, of narrowing, change func([]domain.Object) error) error {
	for {
		var found []domain.OrganizationID
		err := tx.NewSelect().Model((*objectRow)(nil)).Column("organization_id").Apply(of(sc)).
			Order("o.organization_id").Limit(1).Scan(tx.Ctx, &found)
		if err != nil || len(found) == 0 {
			return db.Translate(err)
		}
		its := sc.Of(found[0])
		for {
			var rows []objectRow
			q := tx.NewSelect().Model(&rows).Where("o.organization_id = ?", int64(found[0])).Apply(of(its)).
				Order("o.id").Limit(together).Apply(tx.For("UPDATE"))
			objects, err := readObjects(tx.Ctx, its, q, &rows)
			if err != nil {
				return err
			}
			if len(objects) == 0 {
				break
			}
			if err := change(objects); err != nil {
				return err
			}
		}
	}
}

// below keeps what lies below an object by name, with itself if it says so.
func below(o *domain.Object, itself bool) func(bun.QueryBuilder) bun.QueryBuilder {
	key := domain.Fold(o.FullName)
	return func(q bun.QueryBuilder) bun.QueryBuilder {
		q = q.Where("o.organization_id = ? AND o.kind = ?", int64(o.Organization), string(o.Kind))
		if itself {
			return q.Where("o.id = ? OR o.full_name_key >= ? AND o.full_name_key < ?", int64(o.ID), key+"/", key+"0")
		}
		return q.Where("o.full_name_key >= ? AND o.full_name_key < ?", key+"/", key+"0")
	}
}

func (tx *Tx) InsertObject(o *domain.Object, parent *domain.Object) error {
	o.UUID, o.Created = db.NewUUID(), db.Moment(db.Millis(tx.DB.Now()))
	o.Changed = o.Created
	if err := o.PutBelow(parent); err != nil {
		return err
	}
	if err := o.Validate(); err != nil {
		return err
	}
	if err := tx.holdForObject(o); err != nil {
		return err
	}
	// The first makes those who add to one organization wait for one another, so that the second counts
	// what they added.
	if err := tx.admit(o.Organization, objects); err != nil {
		return err
	}
	if err := tx.admitOwned(o.Owner); err != nil {
		return err
	}
	if err := tx.Insert(toObjectRow(o)); err != nil {
		return err
	}
	if kind, _ := o.Kind.Info(); kind.NamesArePaths {
		if err := tx.Insert(&objectNameRow{OrganizationID: int64(o.Organization), Kind: string(o.Kind),
			Name: domain.Fold(o.FullName), ObjectID: int64(o.ID)}); err != nil {
			return err
		}
	}
	if err := insertRows(tx, o.Access, func(a domain.Access) accessRow { return toAccessRow(o, a) }); err != nil {
		return err
	}
	if err := tx.insertUses(o); err != nil {
		return err
	}
	if o.Owner.User != 0 {
		if err := tx.Insert(toOwnerRow(o.Key(), o.Owner, o.Created.UnixMilli(), 1)); err != nil {
			return err
		}
	}
	return tx.record(objectEntry("create", o, domain.Diff(nil, o.Fields())))
}

// holdForObject keeps what a new object names.
func (tx *Tx) holdForObject(o *domain.Object) error {
	if err := tx.holdPlace(o.Organization, o.Environment, o.Path, "environment"); err != nil {
		return err
	}
	if err := tx.holdOwner(o); err != nil {
		return err
	}
	if err := tx.holdAccess(o.Organization, o.Access); err != nil {
		return err
	}
	return tx.holdUses(o, o.Uses)
}

// insertRows adds a row for each value, if there are any.
func insertRows[T, Row any](tx *Tx, values []T, row func(T) Row) error {
	if len(values) == 0 {
		return nil
	}
	rows := make([]Row, len(values))
	for i, v := range values {
		rows[i] = row(v)
	}
	return tx.Insert(&rows)
}

func (tx *Tx) insertUses(o *domain.Object) error {
	return insertRows(tx, o.Uses, func(id domain.ObjectID) useRow {
		return useRow{OrganizationID: int64(o.Organization), ObjectID: int64(o.ID), UsedID: int64(id)}
	})
}

// holdPlace keeps an environment at its place until the transaction ends. It returns ErrEnvironmentNotFound on the
// field if there is none in the scope, and ErrChanged if it is elsewhere.
func (tx *Tx) holdPlace(o domain.OrganizationID, id domain.EnvironmentID, path domain.EnvironmentPath,
	field string) error {
	var rows []environmentRow
	err := db.From(tx, tx.Scope(), &rows).Where("e.organization_id = ? AND e.id = ?", int64(o), int64(id)).
		Apply(tx.For("SHARE")).Scan(tx.Ctx)
	e, err := db.First(rows, err, domain.ErrEnvironmentNotFound.On(field))
	if err == nil && e.Path != string(path) {
		err = domain.ErrChanged
	}
	return err
}

// holdOwner keeps the owner of o, if there is one.
func (tx *Tx) holdOwner(o *domain.Object) error {
	if o.Owner.User == 0 {
		return nil
	}
	if err := tx.holdUsers(o.Owner); err != nil {
		return domain.AsError(err).On("owner")
	}
	return nil
}

// holdUsers keeps users from being deleted until the transaction ends. It returns ErrUserNotFound if one of
// them is gone.
func (tx *Tx) holdUsers(users ...domain.UserKey) error {
	if len(users) == 0 {
		return nil
	}
	of := make(map[domain.OrganizationID][]domain.UserID, 1)
	for _, u := range users {
		of[u.Organization] = append(of[u.Organization], u.User)
	}
	for _, o := range slices.Sorted(maps.Keys(of)) {
		var ids []int64
		err := tx.NewSelect().Model((*userRow)(nil)).Column("id").
			Where("u.organization_id = ? AND u.id IN (?)", int64(o), db.In(of[o])).
			Order("u.id").Apply(tx.For("SHARE")).Scan(tx.Ctx, &ids)
		if err == nil && len(ids) != len(of[o]) {
			err = domain.ErrUserNotFound
		}
		if err != nil {
			return db.Translate(err)
		}
	}
	return nil
}

// holdAccess keeps the users and groups of an access list. Groups must be usable in the organization.
func (tx *Tx) holdAccess(organization domain.OrganizationID, list []domain.Access) error {
	var users []domain.UserKey
	var groups []domain.GroupID
	for _, a := range list {
		if a.Group != 0 {
			groups = append(groups, a.Group)
		} else {
			users = append(users, a.User)
		}
	}
	err := tx.holdUsers(users...)
	if err == nil {
		err = tx.holdGroups(organization, groups)
	}
	if err != nil {
		err = domain.AsError(err).On("access")
	}
	return err
}

// holdUses checks that o may use the objects: they are in the scope, of o's organization and of the kind that
// o's uses.
func (tx *Tx) holdUses(o *domain.Object, uses []domain.ObjectID) error {
	if len(uses) == 0 {
		return nil
	}
	kind, _ := o.Kind.Info()
	var rows []objectRow
	found, err := db.From(tx, tx.Scope(), &rows).
		Where("o.organization_id = ? AND o.kind = ? AND o.id IN (?)", int64(o.Organization), string(kind.Uses),
			db.In(uses)).Count(tx.Ctx)
	if err == nil && found != int64(len(uses)) {
		err = domain.ErrObjectNotFound.On("uses")
	}
	return db.Translate(err)
}

func objectEntry(verb string, o *domain.Object, changes []domain.Change) domain.AuditEntry {
	return domain.AuditEntry{
		Action: string(o.Kind) + ":" + verb, Target: domain.Target{Kind: string(o.Kind), ID: int64(o.ID),
			Name: o.FullName},
		Organization: o.Organization, Place: o.Environment, Path: o.Path, Changes: changes,
	}
}

// recordAll writes one audit entry for each object, in one statement.
func (tx *Tx) recordAll(objects []domain.Object, entry func(*domain.Object) domain.AuditEntry) error {
	rows := make([]*auditRow, len(objects))
	for i := range objects {
		var err error
		if rows[i], err = tx.stamped(entry(&objects[i])); err != nil {
			return err
		}
	}
	return tx.Insert(&rows)
}

func (tx *Tx) SaveObject(before, after *domain.Object) error {
	if after.Name != before.Name {
		if err := tx.nameInFull(after); err != nil {
			return err
		}
	}
	changes := domain.Diff(before.Fields(), after.Fields())
	if len(changes) == 0 {
		return nil
	}
	if err := after.Validate(); err != nil {
		return err
	}
	if after.Organization != before.Organization {
		return domain.ErrObjectBorder
	}
	after.Changed = db.Moment(db.Millis(tx.DB.Now()))
	if after.Environment != before.Environment {
		if err := tx.moveObject(before, after); err != nil {
			return err
		}
	} else if after.Path != before.Path {
		return domain.ErrChanged // its place was moved since it was looked up
	}
	if err := tx.saveName(before, after, domain.MaxFullName); err != nil {
		return err
	}
	if err := tx.saveUses(before, after); err != nil {
		return err
	}
	if after.Owner != before.Owner {
		if err := tx.passOn(before, after); err != nil {
			return err
		}
	}
	return tx.record(objectEntry("update", after, changes))
}

// nameInFull gives o the full name that goes with its name. The object it belongs to is not kept: one that is
// renamed at the same time waits for o and then renames it, see renameBelow.
func (tx *Tx) nameInFull(o *domain.Object) error {
	kind, _ := o.Kind.Info()
	above := ""
	if o.Parent != 0 && kind.NamesArePaths {
		var names []string
		err := tx.NewSelect().Model((*objectRow)(nil)).Column("full_name").
			Where("organization_id = ? AND id = ?", int64(o.Organization), int64(o.Parent)).Scan(tx.Ctx, &names)
		if above, err = db.First(names, err, domain.ErrObjectNotFound.On("parent")); err != nil {
			return err
		}
	}
	o.FullName = kind.FullName(above, o.Name)
	return nil
}

// moveObject keeps after's place, and moves there what belongs to the object and lay where it was.
func (tx *Tx) moveObject(before, after *domain.Object) error {
	if err := tx.holdPlace(after.Organization, after.Environment, after.Path, "environment"); err != nil {
		return err
	}
	return tx.eachDependent(before, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("o.environment_id = ?", int64(before.Environment))
	}, func(children []domain.Object) error {
		err := tx.Run(tx.updateObjects(children, after.Changed.UnixMilli()).
			Set("environment_id = ?", int64(after.Environment)).Set("environment_path = ?", string(after.Path)))
		if err != nil {
			return err
		}
		return tx.recordUpdates(children, func(o *domain.Object) { o.Environment, o.Path = after.Environment, after.Path })
	})
}

// passOn keeps after's owner, and gives them also what belongs to the object and was the same owner's.
func (tx *Tx) passOn(before, after *domain.Object) error {
	if err := tx.holdOwner(after); err != nil {
		return err
	}
	passed := []domain.Object{*after}
	if err := labelObjects(tx.Ctx, tx, passed); err != nil {
		return err
	}
	*after = passed[0]
	if err := tx.changeOwnership(after.Owner, after.Changed.UnixMilli(), passed); err != nil {
		return err
	}
	if err := tx.voidOffers(after.Owner, passed); err != nil {
		return err
	}
	return tx.eachDependent(before, ownedBy(before.Owner),
		func(children []domain.Object) error { return tx.give(after.Owner, children) })
}

func ownedBy(u domain.UserKey) func(*bun.SelectQuery) *bun.SelectQuery {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("o.owner_organization_id = ? AND o.owner_id = ?", int64(u.Organization), int64(u.User))
	}
}

// whole is a narrowing that names no organization.
func whole(narrow func(*bun.SelectQuery) *bun.SelectQuery) narrowing {
	return func(tenancy.Scope) func(*bun.SelectQuery) *bun.SelectQuery { return narrow }
}

// eachDependent runs change on what is deleted with the object and narrow leaves, until there is nothing left.
func (tx *Tx) eachDependent(of *domain.Object, narrow func(*bun.SelectQuery) *bun.SelectQuery,
	change func([]domain.Object) error) error {
	kinds := kindsOf(func(k *domain.ObjectKindInfo) bool {
		return k.DeletedWithParent && slices.Contains(k.Parents, of.Kind)
	})
	if len(kinds) == 0 {
		return nil
	}
	dependent := func(q *bun.SelectQuery) *bun.SelectQuery {
		return narrow(q.Where("o.organization_id = ? AND o.parent_id = ? AND o.kind IN (?)",
			int64(of.Organization), int64(of.ID), db.In(kinds)))
	}
	return tx.inBatches(tenancy.Scope{}.Of(of.Organization), whole(dependent), change)
}

// updateObjects begins a change of the rows of objects, at a time.
func (tx *Tx) updateObjects(objects []domain.Object, at int64) *bun.UpdateQuery {
	return tx.NewUpdate().Model((*objectRow)(nil)).Set("changed_at = ?", at).
		ApplyQueryBuilder(among("organization_id", "id", objectKeys(objects)))
}

// recordUpdates writes down what change makes of objects.
func (tx *Tx) recordUpdates(objects []domain.Object, change func(*domain.Object)) error {
	return tx.recordAll(objects, func(o *domain.Object) domain.AuditEntry {
		before := o.Fields()
		change(o)
		return objectEntry("update", o, domain.Diff(before, o.Fields()))
	})
}

// GrantObjects takes as many statements for one object as for many.
func (tx *Tx) GrantObjects(objects []domain.Object, entry domain.Access) error {
	for i := range objects {
		after := objects[i].Clone()
		after.Grant(entry)
		if err := after.Validate(); err != nil {
			return err
		}
	}
	if entry.Level != domain.NoLevel {
		if err := tx.holdAccess(objects[0].Organization, []domain.Access{entry}); err != nil {
			return err
		}
	}
	keys := objectKeys(objects)
	subject := toAccessRow(&objects[0], entry)
	now := db.Millis(tx.DB.Now())
	err := tx.Run(tx.NewDelete().Model((*accessRow)(nil)).
		ApplyQueryBuilder(among("organization_id", "object_id", keys)).
		Where("subject_kind = ? AND subject_id = ?", subject.SubjectKind, subject.SubjectID),
		tx.updateObjects(objects, now),
		tx.NewDelete().Model((*copyRequestRow)(nil)).ApplyQueryBuilder(among("organization_id", "object_id", keys)).
			Where(`EXISTS (SELECT 1 FROM objects o WHERE o.organization_id = c.organization_id AND o.id = c.object_id
				AND (o.owner_organization_id <> c.from_organization_id OR o.owner_id <> c.from_id))`))
	if err != nil {
		return err
	}
	if entry.Level != domain.NoLevel {
		if err := insertRows(tx, objects,
			func(o domain.Object) accessRow { return toAccessRow(&o, entry) }); err != nil {
			return err
		}
	}
	return tx.recordUpdates(objects, func(o *domain.Object) {
		o.Grant(entry)
		o.Changed = db.Moment(now)
	})
}

// unlimited is a length that no name has.
const unlimited = 1 << 20

// saveName writes the row of after in place of before's and, if the full name is another one,
// the names that go with it, none of which may become longer than longest.
func (tx *Tx) saveName(before, after *domain.Object, longest int) error {
	row := toObjectRow(after)
	saved := tx.NewUpdate().Model(row).Column(tx.Changed(toObjectRow(before), row)...).WherePK()
	if err := tx.One(saved, domain.ErrObjectNotFound); err != nil || after.FullName == before.FullName {
		return err
	}
	if err := tx.renameBelow(before, after, longest); err != nil || after.Kind != domain.KindTopic {
		return err
	}
	return tx.renameFavourites(after.Organization, before.FullName, after.FullName)
}

// renameBelow gives everything whose full name lies below before's its new one, whether or not
// it belongs to before: one that belongs to none has its path as its name. Full names are
// paths.
func (tx *Tx) renameBelow(before, after *domain.Object, most int) error {
	if kind, _ := after.Kind.Info(); !kind.NamesArePaths {
		return nil
	}
	key, from := domain.Fold(before.FullName), runes(before.FullName)+1
	err := tx.Run(
		tx.NewDelete().Model((*objectNameRow)(nil)).
			Where("organization_id = ? AND kind = ?", int64(after.Organization), string(after.Kind)).
			Where("name = ? OR name >= ? AND name < ?", key, key+"/", key+"0"),
		tx.NewUpdate().Model((*objectRow)(nil)).Set("full_name = ? || substr(full_name, ?)", after.FullName, from).
			Set("full_name_key = ? || substr(full_name_key, ?)", domain.Fold(after.FullName), from).
			ApplyQueryBuilder(below(before, false)).Where("o.id <> ?", int64(after.ID)),
		tx.NewUpdate().Model((*objectRow)(nil)).
			Set(`name = substr(full_name, 2 + coalesce((SELECT length(p.full_name) FROM objects p
			WHERE p.organization_id = o.organization_id AND p.id = o.parent_id), 0))`).ApplyQueryBuilder(below(after, false)))
	if err != nil {
		return err
	}
	var longest int
	err = tx.NewSelect().Model((*objectRow)(nil)).ColumnExpr("coalesce(max(length(o.full_name)), 0)").
		ApplyQueryBuilder(below(after, false)).Scan(tx.Ctx, &longest)
	if err != nil {
		return db.Translate(err)
	}
	if longest > most {
		return domain.InvalidField("name",
			"Choose a shorter name; names below this one would become longer than %d characters.", most)
	}
	// What lay below the new name before has its row.
	unnamed := tx.NewSelect().Model((*objectRow)(nil)).Column("organization_id", "kind").
		ColumnExpr("o.full_name_key AS name, o.id AS object_id").ApplyQueryBuilder(below(after, true)).
		Where(`NOT EXISTS (SELECT 1 FROM object_names n
			WHERE n.organization_id = o.organization_id AND n.object_id = o.id)`)
	return tx.Run(tx.Bun.NewInsert().Model((*objectNameRow)(nil)).
		Column("organization_id", "kind", "name", "object_id").TableExpr("(?) AS unnamed", unnamed))
}

func (tx *Tx) saveUses(before, after *domain.Object) error {
	if slices.Equal(before.Uses, after.Uses) {
		return nil
	}
	added := slices.DeleteFunc(slices.Clone(after.Uses),
		func(id domain.ObjectID) bool { return slices.Contains(before.Uses, id) })
	if err := tx.holdUses(after, added); err != nil {
		return err
	}
	err := tx.Run(tx.NewDelete().Model((*useRow)(nil)).
		Where("organization_id = ? AND object_id = ?", int64(after.Organization), int64(after.ID)))
	if err != nil {
		return err
	}
	return tx.insertUses(after)
}

// give makes objects another owner's, with all that goes with it.
func (tx *Tx) give(to domain.UserKey, objects []domain.Object) error {
	now := db.Millis(tx.DB.Now())
	err := tx.Run(tx.updateObjects(objects, now).
		Set("owner_organization_id = ?", int64(to.Organization)).Set("owner_id = ?", int64(to.User)))
	if err != nil {
		return err
	}
	if err := tx.changeOwnership(to, now, objects); err != nil {
		return err
	}
	if err := tx.voidOffers(to, objects); err != nil {
		return err
	}
	return tx.recordUpdates(objects, func(o *domain.Object) { o.Owner = to })
}

func toOwnerRow(o domain.ObjectKey, owner domain.UserKey, at, rank int64) *ownerRow {
	return &ownerRow{OrganizationID: int64(o.Organization), ObjectID: int64(o.Object), Rank: rank,
		OwnerOrganizationID: int64(owner.Organization), OwnerID: int64(owner.User), BeganAt: at}
}

// changeOwnership ends the ownership of objects at a time and begins owner's, unless that is nobody.
func (tx *Tx) changeOwnership(owner domain.UserKey, at int64, objects []domain.Object) error {
	these := among("organization_id", "object_id", objectKeys(objects))
	err := tx.Run(tx.NewUpdate().Model((*ownerRow)(nil)).Set("ended_at = ?", at).ApplyQueryBuilder(these).
		Where("ended_at = 0"))
	if err != nil || owner.User == 0 {
		return err
	}
	var last []ownerRow
	err = tx.NewSelect().Model(&last).Column("object_id").ColumnExpr("max(rank) AS rank").ApplyQueryBuilder(these).
		Group("object_id").Scan(tx.Ctx)
	if err != nil {
		return db.Translate(err)
	}
	ranks := make(map[int64]int64, len(last))
	for _, r := range last {
		ranks[r.ObjectID] = r.Rank
	}
	return insertRows(tx, objects,
		func(o domain.Object) *ownerRow { return toOwnerRow(o.Key(), owner, at, ranks[int64(o.ID)]+1) })
}

// voidOffers takes back the offers of copies of objects that others than owner made.
func (tx *Tx) voidOffers(owner domain.UserKey, objects []domain.Object) error {
	return tx.Run(tx.NewDelete().Model((*copyRequestRow)(nil)).
		ApplyQueryBuilder(among("organization_id", "object_id", objectKeys(objects))).
		Where("from_organization_id <> ? OR from_id <> ?", int64(owner.Organization), int64(owner.User)))
}

func (tx *Tx) DeleteObject(o *domain.Object) error { return tx.removeObjects([]domain.Object{*o}) }

// removeObjects removes objects, with what is deleted with them first.
func (tx *Tx) removeObjects(removed []domain.Object) error {
	below := whole(func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.ApplyQueryBuilder(among("o.organization_id", "o.parent_id", objectKeys(removed)))
	})
	err := tx.inBatches(tenancy.Scope{}, below, func(children []domain.Object) error {
		for i := range children {
			if kind, _ := children[i].Kind.Info(); !kind.DeletedWithParent {
				return domain.ErrObjectNotEmpty
			}
		}
		removed = slices.DeleteFunc(removed, func(o domain.Object) bool {
			return slices.ContainsFunc(children, func(c domain.Object) bool { return c.ID == o.ID })
		})
		return tx.removeObjects(children)
	})
	if err != nil {
		return err
	}
	err = tx.Run(tx.NewDelete().Model((*bookmarkRow)(nil)).
		ApplyQueryBuilder(among("object_organization_id", "object_id", objectKeys(removed))))
	if err != nil {
		return err
	}
	gone := make(map[domain.OrganizationID]int64)
	for i := range removed {
		gone[removed[i].Organization]++
		if err := tx.forgetFavourites(&removed[i]); err != nil {
			return err
		}
	}
	for _, o := range slices.Sorted(maps.Keys(gone)) {
		if err := tx.tallied(o, objects, -gone[o]); err != nil {
			return err
		}
	}
	err = tx.Run(tx.NewDelete().Model((*objectRow)(nil)).
		ApplyQueryBuilder(among("organization_id", "id", objectKeys(removed))))
	if err != nil {
		return err
	}
	return tx.recordAll(removed, func(o *domain.Object) domain.AuditEntry {
		return objectEntry("delete", o, domain.Diff(o.Fields(), nil))
	})
}

func (tx *Tx) HandOverObjects(from, to domain.UserKey) (given int64, err error) {
	if err := tx.holdUsers(to); err != nil {
		return 0, domain.AsError(err).On("to")
	}
	if from == to {
		return 0, nil
	}
	err = tx.inBatches(tx.Scope(), func(sc tenancy.Scope) func(*bun.SelectQuery) *bun.SelectQuery {
		in, admin := objectsIn(sc), viewed(sc, domain.LevelAdmin)
		return func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where(in.Text(), in.Args...).Where(admin.Text(), admin.Args...).Apply(ownedBy(from))
		}
	}, func(objects []domain.Object) error {
		given += int64(len(objects))
		return tx.give(to, objects)
	})
	return given, err
}

// release takes everything away from a user who is being deleted: of what they own, what
// goes with its owner is removed, as is the topic for them alone with all that lies below it,
// and the rest is nobody's from now on.
func (tx *Tx) release(user *domain.User) error {
	u := user.Key()
	topic, err := tx.privateTopic(user)
	if err != nil && !domain.ErrObjectNotFound.Is(err) {
		return err
	}
	departing := func(q *bun.SelectQuery, how domain.Departure) *bun.SelectQuery {
		kinds := kindsOf(func(k *domain.ObjectKindInfo) bool { return k.Departure == how })
		return q.Apply(ownedBy(u)).Where("o.kind IN (?)", db.In(kinds))
	}
	for _, step := range []struct {
		of     func(q *bun.SelectQuery, its any) *bun.SelectQuery
		change func([]domain.Object) error
	}{
		{func(q *bun.SelectQuery, its any) *bun.SelectQuery {
			return q.Where(ends, its).ApplyQueryBuilder(below(&topic, true))
		}, tx.removeObjects},
		{func(q *bun.SelectQuery, _ any) *bun.SelectQuery { return departing(q, domain.GoesWithOwner) }, tx.removeObjects},
		// What is still shared, or has something below it that stays, is found by taking away what is not, from
		// the ends of the tree.
		{func(q *bun.SelectQuery, its any) *bun.SelectQuery {
			return departing(q, domain.StaysIfShared).Where(ends, its).Where("o.visibility = 0").
				Where(`NOT EXISTS (SELECT 1 FROM object_access s WHERE s.organization_id = ? AND s.object_id = o.id
					AND NOT (s.subject_kind = 1 AND s.subject_organization_id = ?
						AND s.subject_id = ?))`, its, int64(u.Organization), int64(u.User))
		}, tx.removeObjects},
		{func(q *bun.SelectQuery, _ any) *bun.SelectQuery { return q.Apply(ownedBy(u)) },
			func(objects []domain.Object) error { return tx.give(domain.UserKey{}, objects) }},
	} {
		err := tx.inBatches(tenancy.Scope{}, func(sc tenancy.Scope) func(*bun.SelectQuery) *bun.SelectQuery {
			its := db.Its(sc, "o.organization_id")
			return func(q *bun.SelectQuery) *bun.SelectQuery { return step.of(q, its) }
		}, step.change)
		if err != nil {
			return err
		}
	}
	is := ofUser(u)
	return tx.Run(
		tx.NewDelete().Model((*accessRow)(nil)).
			Where("subject_kind = ? AND subject_organization_id = ? AND subject_id = ?", is.kind, is.organization,
				is.id),
		tx.NewDelete().Model((*copyRequestRow)(nil)).
			Where("from_organization_id = ? AND from_id = ?", is.organization, is.id),
		tx.NewDelete().Model((*copyRequestRow)(nil)).
			Where("to_organization_id = ? AND to_id = ?", is.organization, is.id))
}

// ends is the condition of objects that no others belong to, with a mark for their organization.
const ends = "NOT EXISTS (SELECT 1 FROM objects c WHERE c.organization_id = ? AND c.parent_id = o.id)"
