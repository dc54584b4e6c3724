package persistence

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// limitTogether bounds how many objects one statement changes: somebody may own any number.
const limitTogether = " LIMIT 500"

// lock reads the object and keeps others from changing it.
func (s *ObjectStore) lock(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, id domain.ObjectID) (domain.Object, error) {
	where := objectsIn(w.Read()).And("o.id = ?", int64(id))
	// Locked first and read then: whether it is in w is asked of the row as it is now.
	if err := s.db.Lock(ctx, tx, "UPDATE", "objects o WHERE "+where.Text(), where.Args...); err != nil {
		return domain.Object{}, err
	}
	return selectObject(ctx, tx, where, "")
}

// Update loads the object, runs change and saves, in one transaction, and returns what was
// saved. Another owner begins a new stretch of ownership, also of the keys and the like
// that belong to the object and were the same owner's. To another place go also those that
// lay where the object was. Offers of copies that others than
// the owner made do not outlive a change of who may do what. It is ErrObjectNotFound if
// there is none in w, ErrObjectBorder for an environment of another organization, the
// errors of Insert, or the error of change, and then nothing is saved.
func (s *ObjectStore) Update(ctx context.Context, w tenancy.WriteScope, id domain.ObjectID, change func(*domain.Object) error) (after domain.Object, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		before, err := s.lock(ctx, tx, w, id)
		if err != nil {
			return err
		}
		after = before.Clone()
		if err := change(&after); err != nil {
			return err
		}
		if after.Name != before.Name {
			if err := rename(ctx, tx, &after); err != nil {
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
		after.Changed = db.Moment(db.Millis(s.db.Now()))
		if err := s.save(ctx, tx, w, &before, &after); err != nil {
			return err
		}
		if after.Owner != before.Owner {
			after, err = selectObject(ctx, tx, db.Where("o.organization_id = ? AND o.id = ?", int64(after.Organization), int64(after.ID)), "")
			if err != nil {
				return err
			}
		}
		return record(ctx, s.db, tx, w, objectEntry("update", &after, changes))
	})
	return after, err
}

// rename gives o the full name that goes with its name. The object it belongs to is not kept:
// one that is renamed at the same time waits for o and then renames it, see renameBelow.
func rename(ctx context.Context, tx bun.Tx, o *domain.Object) error {
	kind, _ := o.Kind.Info()
	above := ""
	if o.Parent != 0 && kind.NamesArePaths {
		rows, err := tx.QueryContext(ctx, "SELECT full_name FROM objects WHERE organization_id = ? AND id = ?", int64(o.Organization), int64(o.Parent))
		if above, err = db.Only(rows, err, db.Scalar[string], domain.ErrObjectNotFound.On("parent")); err != nil {
			return err
		}
	}
	o.FullName = kind.FullName(above, o.Name)
	return nil
}

// save writes after in place of before.
func (s *ObjectStore) save(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, before, after *domain.Object) error {
	if after.Organization != before.Organization {
		return domain.ErrObjectBorder
	}
	if after.Environment != before.Environment {
		if err := holdPlace(ctx, s.db, tx, w, after); err != nil {
			return err
		}
		if err := s.bring(ctx, tx, w, before, after); err != nil {
			return err
		}
	}
	if err := saveName(ctx, tx, before, after, domain.MaxFullName); err != nil {
		return err
	}
	if err := s.saveUses(ctx, tx, w, before, after); err != nil {
		return err
	}
	if after.Owner != before.Owner {
		if err := holdOwner(ctx, s.db, tx, after); err != nil {
			return err
		}
		if err := s.passOn(ctx, tx, w, before, after); err != nil {
			return err
		}
	}
	access, err := s.saveAccess(ctx, tx, before, after)
	if err != nil || !access && after.Owner == before.Owner {
		return err
	}
	return voidOffers(ctx, tx, after.Owner, []domain.Object{*after})
}

// Share runs change on the access lists of the object and, if below says so, of all that lies
// below it by name and is the viewer's to administer, and saves them in one transaction. change
// may put one and the same entry on each of them, or take the one of its user or group away. It
// is ErrObjectNotFound if the object is not in w, ErrTooManyBelow for more than
// domain.MaxTogether, ErrUserNotFound or ErrGroupNotFound on "access", or the error of change,
// and then nothing is saved.
func (s *ObjectStore) Share(ctx context.Context, w tenancy.WriteScope, id domain.ObjectID, below bool, change func(*domain.Object) error) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		top, err := s.lock(ctx, tx, w, id)
		if err != nil {
			return err
		}
		all := []domain.Object{top}
		if kind, _ := top.Kind.Info(); below && kind.NamesArePaths {
			rest, err := s.lockBelow(ctx, tx, w, &top)
			if err != nil {
				return err
			}
			all = append(all, rest...)
		}
		if len(all) > domain.MaxTogether {
			return domain.ErrTooManyBelow
		}
		return s.share(ctx, tx, w, all, change)
	})
}

// lockBelow reads what lies below an object by name and is the viewer's to administer, and
// keeps others from changing it. It stops where there is too much.
func (s *ObjectStore) lockBelow(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, top *domain.Object) ([]domain.Object, error) {
	key, least := domain.Fold(top.FullName), viewed(w.Read(), domain.LevelAdmin)
	where := objectsIn(w.Read()).Also(least).
		And("o.organization_id = ? AND o.kind = ? AND o.full_name_key >= ? AND o.full_name_key < ?",
			int64(top.Organization), string(top.Kind), key+"/", key+"0")
	order := " ORDER BY o.id LIMIT " + strconv.Itoa(domain.MaxTogether)
	if err := s.db.Lock(ctx, tx, "UPDATE", "objects o WHERE "+where.Text()+order, where.Args...); err != nil {
		return nil, err
	}
	return selectObjects(ctx, tx, where, order)
}

// share is described at Share. It takes as many statements for one object as for many.
func (s *ObjectStore) share(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, all []domain.Object, change func(*domain.Object) error) error {
	now := db.Moment(db.Millis(s.db.Now()))
	var changed, before []domain.Object
	var entry domain.Access
	var added []*accessRow
	for i := range all {
		after := all[i].Clone()
		if err := change(&after); err != nil {
			return err
		}
		gone, given := differing(all[i].Access, after.Access)
		if len(gone)+len(given) == 0 {
			continue
		}
		if err := after.Validate(); err != nil {
			return err
		}
		entry = append(gone, given...)[0]
		after.Changed = now
		added = append(added, accessRows(&after, given)...)
		changed, before = append(changed, after), append(before, all[i])
	}
	if len(changed) == 0 {
		return nil
	}
	if len(added) > 0 {
		if err := holdAccess(ctx, s.db, tx, changed[0].Organization, []domain.Access{entry}); err != nil {
			return err
		}
	}
	subject := accessRows(&changed[0], []domain.Access{entry})[0]
	of := keys("organization_id, object_id", changed)
	_, err := tx.ExecContext(ctx, "DELETE FROM object_access WHERE subject_kind = ? AND subject_id = ? AND "+of.Text(),
		append([]any{subject.SubjectKind, subject.SubjectID}, of.Args...)...)
	if err != nil {
		return db.Translate(err)
	}
	if err := insertAll(ctx, tx, added); err != nil {
		return err
	}
	itself := keys("organization_id, id", changed)
	_, err = tx.ExecContext(ctx, "UPDATE objects SET changed_at = ? WHERE "+itself.Text(), append([]any{db.Millis(now)}, itself.Args...)...)
	if err != nil {
		return db.Translate(err)
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM copy_requests WHERE EXISTS (SELECT 1 FROM objects o WHERE o.organization_id = copy_requests.organization_id
		AND o.id = copy_requests.object_id AND (o.owner_organization_id <> from_organization_id OR o.owner_id <> from_id)) AND `+of.Text(), of.Args...)
	if err != nil {
		return db.Translate(err)
	}
	was := make(map[domain.ObjectID]domain.Fields, len(before))
	for i := range before {
		was[before[i].ID] = before[i].Fields()
	}
	return recordAll(ctx, s.db, tx, w, changed, func(o *domain.Object) domain.AuditEntry {
		return objectEntry("update", o, domain.Diff(was[o.ID], o.Fields()))
	})
}

// differing returns the entries of an access list that are gone, and those that are new.
func differing(before, after []domain.Access) (gone, added []domain.Access) {
	same := func(a domain.Access) func(domain.Access) bool {
		return func(b domain.Access) bool { return a.User == b.User && a.Group == b.Group && a.Level == b.Level }
	}
	gone = slices.DeleteFunc(slices.Clone(before), func(a domain.Access) bool { return slices.ContainsFunc(after, same(a)) })
	added = slices.DeleteFunc(slices.Clone(after), func(a domain.Access) bool { return slices.ContainsFunc(before, same(a)) })
	return gone, added
}

// unlimited is a length that no name has.
const unlimited = 1 << 20

// saveName writes the row of after in place of before's and, if the full name is another one,
// the names that go with it, none of which may become longer than longest.
func saveName(ctx context.Context, tx bun.Tx, before, after *domain.Object, longest int) error {
	res, err := tx.NewUpdate().Model(toObjectRow(after)).
		Where("organization_id = ?", int64(after.Organization)).Where("id = ?", int64(after.ID)).Exec(ctx)
	if err := db.One(res, err, domain.ErrObjectNotFound); err != nil || after.FullName == before.FullName {
		return err
	}
	if err := renameBelow(ctx, tx, before, after, longest); err != nil || after.Kind != domain.KindTopic {
		return err
	}
	return renameFavourites(ctx, tx, after.Organization, before.FullName, after.FullName)
}

// renameBelow gives everything whose full name lies below before's its new one, whether or not
// it belongs to before: one that belongs to none has its path as its name. Full names are
// paths.
func renameBelow(ctx context.Context, tx bun.Tx, before, after *domain.Object, most int) error {
	if kind, _ := after.Kind.Info(); !kind.NamesArePaths {
		return nil
	}
	old, key := before.FullName, domain.Fold(before.FullName)
	below := db.Where("organization_id = ? AND kind = ? AND full_name_key >= ? AND full_name_key < ?",
		int64(after.Organization), string(after.Kind), key+"/", key+"0")
	_, err := tx.ExecContext(ctx, `DELETE FROM object_names WHERE organization_id = ? AND kind = ? AND (name = ? OR name >= ? AND name < ?)`,
		int64(after.Organization), string(after.Kind), key, key+"/", key+"0")
	if err != nil {
		return db.Translate(err)
	}
	_, err = tx.ExecContext(ctx, "UPDATE objects SET full_name = ? || substr(full_name, ?), full_name_key = ? || substr(full_name_key, ?) WHERE "+below.Text()+" AND id <> ?",
		append(append([]any{after.FullName, runes(old) + 1, domain.Fold(after.FullName), runes(old) + 1}, below.Args...), int64(after.ID))...)
	if err != nil {
		return db.Translate(err)
	}
	_, err = tx.ExecContext(ctx, `UPDATE objects SET name = substr(full_name, 2 + coalesce((SELECT length(p.full_name) FROM objects p
			WHERE p.organization_id = objects.organization_id AND p.id = objects.parent_id), 0))
		WHERE organization_id = ? AND kind = ? AND full_name_key >= ? AND full_name_key < ?`,
		int64(after.Organization), string(after.Kind), domain.Fold(after.FullName)+"/", domain.Fold(after.FullName)+"0")
	if err != nil {
		return db.Translate(err)
	}
	rows, err := tx.QueryContext(ctx, `SELECT coalesce(max(length(full_name)), 0) FROM objects WHERE organization_id = ? AND kind = ? AND full_name_key >= ? AND full_name_key < ?`,
		int64(after.Organization), string(after.Kind), domain.Fold(after.FullName)+"/", domain.Fold(after.FullName)+"0")
	longest, err := db.Only(rows, err, db.Scalar[int], domain.ErrInternal)
	if err != nil {
		return err
	}
	if longest > most {
		return domain.InvalidField("name", "Choose a shorter name; names below this one would become longer than %d characters.", most)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO object_names (organization_id, kind, name, object_id)
		SELECT o.organization_id, o.kind, o.full_name_key, o.id FROM objects o
		WHERE o.organization_id = ? AND o.kind = ? AND (o.full_name_key = ? OR o.full_name_key >= ? AND o.full_name_key < ?)
			AND NOT EXISTS (SELECT 1 FROM object_names n WHERE n.organization_id = o.organization_id AND n.object_id = o.id)`,
		int64(after.Organization), string(after.Kind), domain.Fold(after.FullName), domain.Fold(after.FullName)+"/", domain.Fold(after.FullName)+"0")
	return db.Translate(err)
}

func (s *ObjectStore) saveUses(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, before, after *domain.Object) error {
	if slices.Equal(before.Uses, after.Uses) {
		return nil
	}
	added := slices.DeleteFunc(slices.Clone(after.Uses), func(id domain.ObjectID) bool { return slices.Contains(before.Uses, id) })
	if err := holdUses(ctx, tx, w, after, added); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM object_uses WHERE organization_id = ? AND object_id = ?", int64(after.Organization), int64(after.ID))
	if err != nil {
		return db.Translate(err)
	}
	return insertAll(ctx, tx, useRows(after))
}

// saveAccess writes the access list of after, and reports whether it differs from before's.
func (s *ObjectStore) saveAccess(ctx context.Context, tx bun.Tx, before, after *domain.Object) (changed bool, err error) {
	gone, added := differing(before.Access, after.Access)
	if err := holdAccess(ctx, s.db, tx, after.Organization, added); err != nil {
		return false, err
	}
	for _, row := range accessRows(after, gone) {
		_, err := tx.ExecContext(ctx, "DELETE FROM object_access WHERE organization_id = ? AND object_id = ? AND subject_kind = ? AND subject_id = ?",
			row.OrganizationID, row.ObjectID, row.SubjectKind, row.SubjectID)
		if err != nil {
			return false, db.Translate(err)
		}
	}
	return len(gone)+len(added) > 0, insertAll(ctx, tx, accessRows(after, added))
}

// passOn begins the ownership of after's owner, also of what belongs to the object and was
// the same owner's.
func (s *ObjectStore) passOn(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, before, after *domain.Object) error {
	if err := changeOwnership(ctx, tx, after.Owner, after.Changed.UnixMilli(), []domain.Object{*after}); err != nil {
		return err
	}
	for kinds := dependents(after.Kind); len(kinds) > 0; {
		children, err := selectObjects(ctx, tx, db.Where(`o.organization_id = ? AND o.parent_id = ? AND o.kind IN (?)
			AND o.owner_organization_id = ? AND o.owner_id = ?`, int64(before.Organization), int64(before.ID), db.In(kinds),
			int64(before.Owner.Organization), int64(before.Owner.User)), " ORDER BY o.id"+limitTogether)
		if err != nil || len(children) == 0 {
			return err
		}
		if err := s.give(ctx, tx, w, after.Owner, children); err != nil {
			return err
		}
	}
	return nil
}

// bring moves to after's place what belongs to the object and lay where it was.
func (s *ObjectStore) bring(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, before, after *domain.Object) error {
	for kinds := dependents(after.Kind); len(kinds) > 0; {
		children, err := selectObjects(ctx, tx, db.Where("o.organization_id = ? AND o.parent_id = ? AND o.kind IN (?) AND o.environment_id = ?",
			int64(before.Organization), int64(before.ID), db.In(kinds), int64(before.Environment)), " ORDER BY o.id"+limitTogether)
		if err != nil || len(children) == 0 {
			return err
		}
		of := keys("organization_id, id", children)
		_, err = tx.ExecContext(ctx, "UPDATE objects SET environment_id = ?, environment_path = ?, changed_at = ? WHERE "+of.Text(),
			append([]any{int64(after.Environment), string(after.Path), db.Millis(after.Changed)}, of.Args...)...)
		if err != nil {
			return db.Translate(err)
		}
		err = recordAll(ctx, s.db, tx, w, children, func(o *domain.Object) domain.AuditEntry {
			was := o.Fields()
			o.Environment, o.Path = after.Environment, after.Path
			return objectEntry("update", o, domain.Diff(was, o.Fields()))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// dependents are the kinds of objects that are deleted with one of that kind.
func dependents(of domain.ObjectKind) []domain.ObjectKind {
	var kinds []domain.ObjectKind
	for i := range domain.ObjectKinds {
		if kind := &domain.ObjectKinds[i]; kind.DeletedWithParent && slices.Contains(kind.Parents, of) {
			kinds = append(kinds, kind.Kind)
		}
	}
	return kinds
}

// give makes objects another owner's, with all that goes with it.
func (s *ObjectStore) give(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, to domain.UserKey, objects []domain.Object) error {
	now := db.Millis(s.db.Now())
	of := keys("organization_id, id", objects)
	_, err := tx.ExecContext(ctx, "UPDATE objects SET owner_organization_id = ?, owner_id = ?, changed_at = ? WHERE "+of.Text(),
		append([]any{int64(to.Organization), int64(to.User), now}, of.Args...)...)
	if err != nil {
		return db.Translate(err)
	}
	if err := changeOwnership(ctx, tx, to, now, objects); err != nil {
		return err
	}
	if err := voidOffers(ctx, tx, to, objects); err != nil {
		return err
	}
	return recordAll(ctx, s.db, tx, w, objects, func(o *domain.Object) domain.AuditEntry {
		before := o.Fields()
		o.Owner = to
		return objectEntry("update", o, domain.Diff(before, o.Fields()))
	})
}

// recordAll writes one audit entry for each object, in one statement.
func recordAll(ctx context.Context, d *db.DB, tx bun.Tx, w tenancy.WriteScope, objects []domain.Object, entry func(*domain.Object) domain.AuditEntry) error {
	rows := make([]*auditRow, len(objects))
	for i := range objects {
		e := entry(&objects[i])
		e.At, e.Actor, e.Request = d.Now(), w.Actor(), domain.RequestFrom(ctx)
		rows[i] = toAuditRow(&e)
	}
	return insertAll(ctx, tx, rows)
}

// beginOwnership notes that objects are owner's from at on, unless nobody owns them.
func beginOwnership(ctx context.Context, tx bun.Tx, owner domain.UserKey, at int64, objects []domain.Object) error {
	if owner.User == 0 {
		return nil
	}
	of := keys("o.organization_id, o.id", objects)
	_, err := tx.ExecContext(ctx, `INSERT INTO object_owners (organization_id, object_id, rank, owner_organization_id, owner_id, began_at, ended_at)
		SELECT o.organization_id, o.id, coalesce((SELECT max(h.rank) FROM object_owners h
				WHERE h.organization_id = o.organization_id AND h.object_id = o.id), 0) + 1, CAST(? AS bigint), CAST(? AS bigint), CAST(? AS bigint), 0
		FROM objects o WHERE `+of.Text(), append([]any{int64(owner.Organization), int64(owner.User), at}, of.Args...)...)
	return db.Translate(err)
}

// changeOwnership ends the ownership of objects at a time and begins owner's.
func changeOwnership(ctx context.Context, tx bun.Tx, owner domain.UserKey, at int64, objects []domain.Object) error {
	of := keys("organization_id, object_id", objects)
	_, err := tx.ExecContext(ctx, "UPDATE object_owners SET ended_at = ? WHERE ended_at = 0 AND "+of.Text(), append([]any{at}, of.Args...)...)
	if err != nil {
		return db.Translate(err)
	}
	return beginOwnership(ctx, tx, owner, at, objects)
}

// voidOffers takes back the offers of copies of objects that others than owner made.
func voidOffers(ctx context.Context, tx bun.Tx, owner domain.UserKey, objects []domain.Object) error {
	of := keys("organization_id, object_id", objects)
	_, err := tx.ExecContext(ctx, "DELETE FROM copy_requests WHERE (from_organization_id <> ? OR from_id <> ?) AND "+of.Text(),
		append([]any{int64(owner.Organization), int64(owner.User)}, of.Args...)...)
	return db.Translate(err)
}

// Delete removes the object with what is deleted with it, unless check returns an error. It
// is ErrObjectNotFound if there is none in w, and ErrObjectNotEmpty while others belong to it.
func (s *ObjectStore) Delete(ctx context.Context, w tenancy.WriteScope, id domain.ObjectID, check func(*domain.Object) error) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		o, err := s.lock(ctx, tx, w, id)
		if err != nil {
			return err
		}
		if err := check(&o); err != nil {
			return err
		}
		return removeObjects(ctx, s.db, tx, w, []domain.Object{o})
	})
}

// removeObjects removes objects, with what is deleted with them first.
func removeObjects(ctx context.Context, d *db.DB, tx bun.Tx, w tenancy.WriteScope, removed []domain.Object) error {
	above := keys("o.organization_id, o.parent_id", removed)
	for {
		children, err := selectObjects(ctx, tx, above, " ORDER BY o.id"+limitTogether)
		if err != nil {
			return err
		}
		if len(children) == 0 {
			break
		}
		for i := range children {
			if kind, _ := children[i].Kind.Info(); !kind.DeletedWithParent {
				return domain.ErrObjectNotEmpty
			}
		}
		if err := removeObjects(ctx, d, tx, w, children); err != nil {
			return err
		}
		removed = slices.DeleteFunc(removed, func(o domain.Object) bool {
			return slices.ContainsFunc(children, func(c domain.Object) bool { return c.ID == o.ID })
		})
	}
	marked := keys("object_organization_id, object_id", removed)
	if _, err := tx.ExecContext(ctx, "DELETE FROM bookmarks WHERE "+marked.Text(), marked.Args...); err != nil {
		return db.Translate(err)
	}
	if err := forgetFavourites(ctx, tx, removed); err != nil {
		return err
	}
	gone := make(map[domain.OrganizationID]int64)
	for i := range removed {
		gone[removed[i].Organization]++
	}
	for _, o := range slices.Sorted(maps.Keys(gone)) {
		if err := tallied(ctx, tx, o, objects, -gone[o]); err != nil {
			return err
		}
	}
	of := keys("organization_id, id", removed)
	if _, err := tx.ExecContext(ctx, "DELETE FROM objects WHERE "+of.Text(), of.Args...); err != nil {
		return db.Translate(err)
	}
	return recordAll(ctx, d, tx, w, removed, func(o *domain.Object) domain.AuditEntry {
		return objectEntry("delete", o, domain.Diff(o.Fields(), nil))
	})
}

// HandOverAll gives to another user everything in w that from owns and the viewer has
// LevelAdmin on, of every kind, and returns how many objects that was.
// It is ErrUserNotFound on "to" if there is no such user.
func (s *ObjectStore) HandOverAll(ctx context.Context, w tenancy.WriteScope, from, to domain.UserKey) (given int64, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		given = 0
		if err := holdUsers(ctx, s.db, tx, []domain.UserKey{to}); err != nil {
			return domain.AsError(err).On("to")
		}
		if from == to {
			return nil
		}
		least := viewed(w.Read(), domain.LevelAdmin)
		where := objectsIn(w.Read()).Also(least).
			And("o.owner_organization_id = ? AND o.owner_id = ?", int64(from.Organization), int64(from.User))
		for {
			objects, err := selectObjects(ctx, tx, where, " ORDER BY o.id"+limitTogether+s.db.For("UPDATE"))
			if err != nil || len(objects) == 0 {
				return err
			}
			if err := s.give(ctx, tx, w, to, objects); err != nil {
				return err
			}
			given += int64(len(objects))
		}
	})
	return given, err
}

// release takes everything away from a user who is being deleted: of what they own, what
// goes with its owner is removed, as is the topic for them alone with all that lies below it,
// and the rest is nobody's from now on.
func (s *ObjectStore) release(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, user *domain.User) error {
	u := user.Key()
	topic, err := privateTopic(ctx, s.db, tx, user)
	if err != nil && !domain.ErrObjectNotFound.Is(err) {
		return err
	}
	key := domain.Fold(topic.FullName)
	private := db.Where(`o.organization_id = ? AND o.kind = ? AND (o.id = ? OR o.full_name_key >= ? AND o.full_name_key < ?)
		AND NOT EXISTS (SELECT 1 FROM objects c WHERE c.organization_id = o.organization_id AND c.parent_id = o.id)`,
		int64(topic.Organization), string(topic.Kind), int64(topic.ID), key+"/", key+"0")
	owned := db.Where("o.owner_organization_id = ? AND o.owner_id = ?", int64(u.Organization), int64(u.User))
	remove := func(objects []domain.Object) error { return removeObjects(ctx, s.db, tx, w, objects) }
	leave := func(objects []domain.Object) error { return s.give(ctx, tx, w, domain.UserKey{}, objects) }
	// What is still shared, or has something below it that stays, is found by taking away
	// what is not, from the ends of the tree.
	unshared := owned.And("o.kind IN (?)", db.In(departing(domain.StaysIfShared))).And(`o.visibility = 0
		AND NOT EXISTS (SELECT 1 FROM object_access s WHERE s.organization_id = o.organization_id AND s.object_id = o.id
			AND NOT (s.subject_kind = 1 AND s.subject_organization_id = ? AND s.subject_id = ?))
		AND NOT EXISTS (SELECT 1 FROM objects c WHERE c.organization_id = o.organization_id AND c.parent_id = o.id)`,
		int64(u.Organization), int64(u.User))
	for _, step := range []struct {
		where db.Predicate
		do    func([]domain.Object) error
	}{
		{private, remove}, // from the ends of the tree
		{owned.And("o.kind IN (?)", db.In(departing(domain.GoesWithOwner))), remove},
		{unshared, remove},
		{owned, leave},
	} {
		for {
			objects, err := selectObjects(ctx, tx, step.where, " ORDER BY o.id"+limitTogether+s.db.For("UPDATE"))
			if err != nil {
				return err
			}
			if len(objects) == 0 {
				break
			}
			if err := step.do(objects); err != nil {
				return err
			}
		}
	}
	for _, statement := range []string{
		"DELETE FROM object_access WHERE subject_kind = 1 AND subject_organization_id = ? AND subject_id = ?",
		"DELETE FROM copy_requests WHERE from_organization_id = ? AND from_id = ?",
		"DELETE FROM copy_requests WHERE to_organization_id = ? AND to_id = ?",
	} {
		if _, err := tx.ExecContext(ctx, statement, int64(u.Organization), int64(u.User)); err != nil {
			return db.Translate(err)
		}
	}
	return nil
}

// departing are the kinds whose objects depart in that way.
func departing(how domain.Departure) []domain.ObjectKind {
	var kinds []domain.ObjectKind
	for i := range domain.ObjectKinds {
		if kind := &domain.ObjectKinds[i]; kind.Departure == how {
			kinds = append(kinds, kind.Kind)
		}
	}
	return kinds
}
