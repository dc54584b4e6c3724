package objects

import (
	"context"
	"maps"
	"slices"
	"strings"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// ObjectTx is one transaction on objects, within the scope it was opened with. Whatever goes with a change, such as
// counters, names and the audit entry, is part of it.
type ObjectTx interface {
	// Object returns the object that is stored there, locked, or domain.ErrObjectNotFound.
	Object(key domain.ObjectKey) (domain.Object, error)
	// ObjectsBelow returns what lies below an object by name and is the viewer's to administer, locked, up to
	// domain.MaxTogether.
	ObjectsBelow(top *domain.Object) ([]domain.Object, error)
	// Parent returns the object that a new one is to belong to, nil for none. It keeps the new one's place and then
	// what it returns as they are until the transaction ends. It returns domain.ErrObjectNotFound on "parent", and the
	// errors of InsertObject for the place.
	Parent(of *domain.Object) (*domain.Object, error)
	// InsertObject adds o, with a number of NextObject, below what Parent returned, and completes it. Its place must
	// lie in the scope: it returns domain.ErrEnvironmentNotFound on "environment", or domain.ErrChanged if it is
	// elsewhere. It returns domain.ErrUserNotFound on "owner" or "access", domain.ErrGroupNotFound on "access",
	// domain.ErrObjectNotFound on "uses" for what is not in the scope or of another kind, domain.ErrObjectNameTaken
	// and domain.ErrQuota.
	InsertObject(o, parent *domain.Object) error
	// SaveObject makes before, as it was read, after, but for the access list, and completes that. What belongs to
	// the object and lay where it was, or was the same owner's, goes with it to another place and another owner. It
	// returns domain.ErrObjectBorder for an environment of another organization, and the errors of InsertObject.
	// Where nothing changed it does nothing.
	SaveObject(before, after *domain.Object) error
	// GrantObjects puts an entry on the access lists of objects of one organization that were read and have another
	// one, or takes it away with NoLevel, and leaves them as they are then. Offers of copies that others than the
	// owner made do not outlive it. It returns domain.ErrUserNotFound or domain.ErrGroupNotFound on "access".
	GrantObjects(objects []domain.Object, entry domain.Access) error
	// DeleteObject removes the object with what is deleted with it, or returns domain.ErrObjectNotEmpty while others
	// belong to it.
	DeleteObject(o *domain.Object) error
	// HandOverObjects gives to another user everything that from owns and the viewer has LevelAdmin on, and returns
	// how many objects that was. It returns domain.ErrUserNotFound on "to" without such a user.
	HandOverObjects(from, to domain.UserKey) (int64, error)
	copyWriter
	// AddBookmark and RemoveBookmark change the bookmarks of whoever the transaction was opened for; they do nothing
	// if it is so already. They return domain.ErrObjectNotFound, and domain.ErrTooManyBookmarks.
	AddBookmark(key domain.ObjectKey) error
	RemoveBookmark(key domain.ObjectKey) error
}

// NewObject says what an object is to be.
type NewObject struct {
	Kind domain.ObjectKind
	Name string
	// Environment is where it is made: empty is the parent's, else the current one.
	Environment domain.EnvironmentRef
	Parent      domain.ObjectRef // empty is none
	Owner       domain.UserRef   // zero is whoever makes it
	Attributes  map[string]string
	Visibility  *domain.Visibility // nil is the kind's
	Uses        []domain.ObjectRef
}

// Create adds an object. It needs the kind's permission to write in the environment, and LevelWrite on the object it
// is to belong to. One of a kind whose names are paths that belongs to none, and one that is to be somebody else's,
// needs domain.ObjectManage there. One that lies below another by name begins with its access list and visibility. It
// is Conflict for a name that is taken, and Forbidden for one that comes with an account.
func (b *Objects) Create(ctx context.Context, caller domain.Principal, in NewObject) (ObjectDocument, error) {
	kind, known := in.Kind.Info()
	if !known {
		return ObjectDocument{}, domain.ErrObjectKind
	}
	made := domain.Object{Kind: kind.Kind, Name: in.Name, Attributes: given(nil, in.Attributes),
		Visibility: kind.Visibility,
		Owner:      caller.UserKey(), OwnerAlias: caller.Alias, OwnerHome: caller.Home}
	directory.Set(&made.Visibility, in.Visibility)
	if err := b.place(ctx, &caller, &made, in); err != nil {
		return ObjectDocument{}, err
	}
	w, err := b.gate.EnterObjectsWrite(ctx, &caller, kind.Write)
	if err != nil {
		return ObjectDocument{}, err
	}
	if kind.NamesArePaths && made.Parent == 0 && !w.Manages(made.Path) {
		return ObjectDocument{}, domain.ErrForbidden.On("parent")
	}
	if err := b.makeFor(ctx, &caller, w, &made, in.Owner); err != nil {
		return ObjectDocument{}, err
	}
	if made.Uses, err = b.used(ctx, &caller, in.Uses); err != nil {
		return ObjectDocument{}, err
	}
	if made.ID, err = b.store.NextObject(ctx); err != nil {
		return ObjectDocument{}, err
	}
	var o domain.Object
	err = b.store.Do(ctx, w, func(tx ObjectTx) error {
		o = made
		parent, err := above(tx, w, &o)
		if err != nil {
			return err
		}
		if kind.NamesArePaths && parent != nil {
			inherit(&o, parent)
			directory.Set(&o.Visibility, in.Visibility)
		}
		if err := tx.InsertObject(&o, parent); err != nil {
			return err
		}
		domain.Conclude(ctx, describeObject(w.Read(), o))
		return nil
	})
	return documentOr(w.Read(), o, err)
}

// place says where a new object is made: beside the object it is to belong to, unless in names an environment.
func (b *Objects) place(ctx context.Context, caller *domain.Principal, o *domain.Object, in NewObject) error {
	if in.Parent != "" {
		parent, _, err := b.read(ctx, caller, in.Parent)
		if err != nil {
			return domain.AsError(err).On("parent")
		}
		o.Parent, o.Organization, o.Environment, o.Path = parent.ID, parent.Organization, parent.Environment, parent.Path
		if in.Environment == "" {
			return nil
		}
	}
	e, err := b.gate.Environment(ctx, caller, in.Environment)
	if err != nil {
		return err
	}
	if o.Parent != 0 && e.Organization != o.Organization {
		return domain.ErrObjectBorder
	}
	o.Organization, o.Environment, o.Path = e.Organization, e.ID, e.Path
	return nil
}

// makeFor makes ref the owner of a new object of the caller's, unless it is zero.
func (b *Objects) makeFor(ctx context.Context, caller *domain.Principal, w tenancy.WriteScope, o *domain.Object,
	ref domain.UserRef) error {
	if ref == (domain.UserRef{}) {
		return nil
	}
	owner, err := b.fellow(ctx, caller, w.Permission(), ref, "owner")
	if err != nil {
		return err
	}
	if owner.Key() != o.Owner && !w.Manages(o.Path) {
		return domain.ErrForbidden.On("owner")
	}
	o.Owner, o.OwnerAlias, o.OwnerHome = owner.Key(), owner.Alias, owner.HomePath
	return nil
}

// above returns the object that a new one is to belong to, nil for none, which must be the caller's to write to.
func above(tx ObjectTx, w tenancy.WriteScope, o *domain.Object) (*domain.Object, error) {
	parent, err := tx.Parent(o)
	if err != nil {
		return nil, err
	}
	if err := o.PutBelow(parent); err != nil {
		return nil, err
	}
	if err := mayBeCalled(o); err != nil {
		return nil, err
	}
	if parent != nil && w.Level(parent) < domain.LevelWrite {
		return nil, domain.ErrForbidden.On("parent")
	}
	return parent, nil
}

// mayBeCalled returns an error if somebody who gives o its name would take a place among names that are not o's to
// lie among.
func mayBeCalled(o *domain.Object) error {
	kind, _ := o.Kind.Info()
	switch {
	case kind.NamesArePaths && o.Parent != 0 && strings.Contains(o.Name, "/"):
		return domain.InvalidField("name", "Give a name without slashes.")
	case o.IsReserved():
		return domain.ErrForbidden.On("name")
	}
	return nil
}

// rename gives o another name. Where names are paths, what lies below o gets another one with it: that needs
// LevelAdmin, and for what belongs to no other object domain.ObjectManage, as to make it does.
func rename(w tenancy.WriteScope, o *domain.Object, name string) error {
	kind, _ := o.Kind.Info()
	if name == o.Name || !kind.NamesArePaths {
		o.Name = name
		return nil
	}
	if w.Level(o) < domain.LevelAdmin || o.Parent == 0 && !w.Manages(o.Path) || o.IsReserved() {
		return domain.ErrForbidden.On("name")
	}
	o.Name = name
	after := domain.Object{Kind: o.Kind, Name: name, Parent: o.Parent}
	if o.Parent == 0 {
		after.FullName = kind.FullName("", name)
	}
	return mayBeCalled(&after)
}

// inherit gives to an object that lies below another one those who may work with that.
func inherit(o, parent *domain.Object) {
	o.Visibility, o.Access = parent.Visibility, slices.Clone(parent.Access)
	if parent.Owner.User != 0 && parent.Owner != o.Owner {
		o.Grant(domain.Access{User: parent.Owner, Level: domain.LevelAdmin, Name: parent.OwnerAlias})
	}
}

// used looks up the objects that another one is to use.
func (b *Objects) used(ctx context.Context, caller *domain.Principal,
	refs []domain.ObjectRef) ([]domain.ObjectID, error) {
	var ids []domain.ObjectID
	for _, ref := range refs {
		id, numbered := ref.Number()
		if !numbered {
			var err error
			if id, err = b.named(ctx, caller, ref, "uses"); err != nil {
				return nil, err
			}
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// given returns attributes with those of patch in place: an empty value takes one away.
func given(attributes, patch map[string]string) map[string]string {
	merged := maps.Clone(attributes)
	if merged == nil {
		merged = make(map[string]string, len(patch))
	}
	maps.Copy(merged, patch)
	maps.DeleteFunc(merged, func(_, value string) bool { return value == "" })
	return merged
}

// UpdateObject says which object is to be changed, and to what. A nil field is left as it is.
type UpdateObject struct {
	Object  domain.ObjectRef
	Version domain.Version // of the document the change was made for
	Name    *string
	// Attributes has the ones that change; an empty value takes one away.
	Attributes map[string]string
	Visibility *domain.Visibility
	Uses       *[]domain.ObjectRef
}

// Update changes an object; another name is also that of what lies below it, where names are paths. It needs the
// kind's permission to write and LevelWrite, for another visibility LevelAdmin, as for another name that is a path;
// one of an object that belongs to none needs domain.ObjectManage then. Names that come with an account are
// Forbidden. It returns domain.ErrStale if the object has another version than in says.
func (b *Objects) Update(ctx context.Context, caller domain.Principal, in UpdateObject) (ObjectDocument, error) {
	var uses []domain.ObjectID
	if in.Uses != nil {
		var err error
		if uses, err = b.used(ctx, &caller, *in.Uses); err != nil {
			return ObjectDocument{}, err
		}
	}
	return b.change(ctx, &caller, in.Object, domain.LevelWrite, func(w tenancy.WriteScope, o *domain.Object) error {
		if err := check(in.Version, w, o); err != nil {
			return err
		}
		if in.Name != nil {
			if err := rename(w, o, *in.Name); err != nil {
				return err
			}
		}
		o.Attributes = given(o.Attributes, in.Attributes)
		if in.Uses != nil {
			o.Uses = uses
		}
		if in.Visibility != nil && *in.Visibility != o.Visibility {
			if w.Level(o) < domain.LevelAdmin {
				return domain.ErrForbidden.On("visibility")
			}
			o.Visibility = *in.Visibility
		}
		return nil
	})
}

// check returns domain.ErrStale if o, as it is stored, has not the version that whoever w was given to expects.
func check(expected domain.Version, w tenancy.WriteScope, o *domain.Object) error {
	d := describeObject(w.Read(), *o)
	return expected.Check(d.Version())
}

// change runs a change on the object that ref names. It needs the kind's permission to write and the given level on
// the object as it is then.
func (b *Objects) change(ctx context.Context, caller *domain.Principal, ref domain.ObjectRef, least domain.Level,
	change func(tenancy.WriteScope, *domain.Object) error) (ObjectDocument, error) {
	target, w, err := b.enter(ctx, caller, ref)
	if err != nil {
		return ObjectDocument{}, err
	}
	return b.save(ctx, w, target.Key(), least, change)
}

// save is change on an object that the caller may change.
func (b *Objects) save(ctx context.Context, w tenancy.WriteScope, target domain.ObjectKey, least domain.Level,
	change func(tenancy.WriteScope, *domain.Object) error) (ObjectDocument, error) {
	return b.work(ctx, w, target, least, func(tx ObjectTx, before *domain.Object) error {
		after := before.Clone()
		if err := change(w, &after); err != nil {
			return err
		}
		err := tx.SaveObject(before, &after)
		*before = after
		return err
	})
}

// work runs do on an object as it is then, locked, and returns it as do leaves it. It needs the given level.
func (b *Objects) work(ctx context.Context, w tenancy.WriteScope, target domain.ObjectKey, least domain.Level,
	do func(tx ObjectTx, o *domain.Object) error) (ObjectDocument, error) {
	var o domain.Object
	err := b.store.Do(ctx, w, func(tx ObjectTx) (err error) {
		if o, err = tx.Object(target); err != nil {
			return err
		}
		if w.Level(&o) < least {
			return domain.ErrForbidden
		}
		if err := do(tx, &o); err != nil {
			return err
		}
		domain.Conclude(ctx, describeObject(w.Read(), o))
		return nil
	})
	return documentOr(w.Read(), o, err)
}

// enter returns the object that ref names, with the proof that the caller may change objects of its kind.
func (b *Objects) enter(ctx context.Context, caller *domain.Principal,
	ref domain.ObjectRef) (domain.Object, tenancy.WriteScope, error) {
	o, _, err := b.read(ctx, caller, ref)
	if err != nil {
		return o, tenancy.WriteScope{}, err
	}
	kind, _ := o.Kind.Info()
	w, err := b.gate.EnterObjectsWrite(ctx, caller, kind.Write)
	return o, w, err
}

// MoveObject names an object and the environment that it is to lie in.
type MoveObject struct {
	Object domain.ObjectRef
	To     domain.EnvironmentRef
}

// Move hangs an object into another environment of its organization. It needs the kind's permission to write in both
// and LevelAdmin.
func (b *Objects) Move(ctx context.Context, caller domain.Principal, in MoveObject) (ObjectDocument, error) {
	e, err := b.gate.Environment(ctx, &caller, in.To)
	if err != nil {
		return ObjectDocument{}, err
	}
	return b.change(ctx, &caller, in.Object, domain.LevelAdmin, func(_ tenancy.WriteScope, o *domain.Object) error {
		if e.Organization != o.Organization {
			return domain.ErrObjectBorder
		}
		o.Environment, o.Path = e.ID, e.Path
		return nil
	})
}

// ObjectTo names an object and somebody who is to have something of it.
type ObjectTo struct {
	Object domain.ObjectRef
	To     domain.UserRef
}

// HandOver makes an object somebody else's, whose home is in the caller's reach. It needs the kind's permission to
// write and LevelAdmin. The one who owned it keeps nothing but what the object gives everybody.
func (b *Objects) HandOver(ctx context.Context, caller domain.Principal, in ObjectTo) (ObjectDocument, error) {
	target, w, err := b.enter(ctx, &caller, in.Object)
	if err != nil {
		return ObjectDocument{}, err
	}
	kind, _ := target.Kind.Info()
	owner, err := b.fellow(ctx, &caller, kind.Write, in.To, "owner")
	if err != nil {
		return ObjectDocument{}, err
	}
	return b.save(ctx, w, target.Key(), domain.LevelAdmin, func(_ tenancy.WriteScope, o *domain.Object) error {
		o.Owner = owner.Key()
		return nil
	})
}

// HandOverAll names two users.
type HandOverAll struct{ From, To domain.UserRef }

// HandOverAll gives to one user everything in the caller's reach that another one owns, of every kind, in one
// transaction, and returns how many objects that was. It needs domain.ObjectManage, and domain.UserRead to find the
// two; it returns NotFound on "from" or "to" if one of them is not in the caller's reach.
func (b *Objects) HandOverAll(ctx context.Context, caller domain.Principal, in HandOverAll) (given int64, err error) {
	from, err := b.fellow(ctx, &caller, domain.UserRead, in.From, "from")
	if err != nil {
		return 0, err
	}
	to, err := b.fellow(ctx, &caller, domain.UserRead, in.To, "to")
	if err != nil {
		return 0, err
	}
	w, err := b.gate.EnterObjectsWrite(ctx, &caller, domain.ObjectManage)
	if err != nil {
		return 0, err
	}
	err = b.store.Do(ctx, w, func(tx ObjectTx) (err error) {
		if given, err = tx.HandOverObjects(from.Key(), to.Key()); err != nil {
			return err
		}
		domain.Conclude(ctx, given)
		return nil
	})
	return given, err
}

// DeleteObject says which object is to go.
type DeleteObject struct {
	Object  domain.ObjectRef
	Version domain.Version // of the document the deletion was decided on
}

// Delete removes the object that in names, with what is deleted with it. It needs the kind's permission to write and
// LevelAdmin. It returns Conflict while others belong to it.
func (b *Objects) Delete(ctx context.Context, caller domain.Principal, in DeleteObject) error {
	target, w, err := b.enter(ctx, &caller, in.Object)
	if err != nil {
		return err
	}
	_, err = b.work(ctx, w, target.Key(), domain.LevelAdmin, func(tx ObjectTx, o *domain.Object) error {
		if err := check(in.Version, w, o); err != nil {
			return err
		}
		return tx.DeleteObject(o)
	})
	return err
}

// GrantObject names an object, a user or a group, and the level they are to have; NoLevel takes it away.
type GrantObject struct {
	Object domain.ObjectRef
	User   domain.UserRef
	Group  domain.GroupRef
	Level  domain.Level
}

// Grant changes the access list of an object. It needs the kind's permission to write and LevelAdmin. The user's home
// must be in the caller's reach, and the group usable in the object's organization, and the root's or of an
// organization that is the caller's or in their reach; to take a level away it is enough that they are on the list.
func (b *Objects) Grant(ctx context.Context, caller domain.Principal, in GrantObject) (ObjectDocument, error) {
	target, w, err := b.enter(ctx, &caller, in.Object)
	if err != nil {
		return ObjectDocument{}, err
	}
	if w.Level(&target) < domain.LevelAdmin {
		return ObjectDocument{}, domain.ErrForbidden
	}
	if (in.User == domain.UserRef{}) == (in.Group == "") {
		return ObjectDocument{}, domain.InvalidField("user", "Give either a user or a group.")
	}
	entry, err := b.subject(ctx, &caller, w.Read(), &target, in)
	if err != nil {
		return ObjectDocument{}, err
	}
	return b.work(ctx, w, target.Key(), domain.LevelAdmin, func(tx ObjectTx, o *domain.Object) error {
		if o.Listed(entry).Level == entry.Level {
			return nil
		}
		granted := []domain.Object{*o}
		err := tx.GrantObjects(granted, entry)
		*o = granted[0]
		return err
	})
}

// subject returns the entry of the access list that in asks for.
func (b *Objects) subject(ctx context.Context, caller *domain.Principal, sc tenancy.Scope, o *domain.Object,
	in GrantObject) (domain.Access, error) {
	if in.Level == domain.NoLevel {
		if i := slices.IndexFunc(o.Access, in.names); i >= 0 {
			return domain.Access{User: o.Access[i].User, Group: o.Access[i].Group}, nil
		}
	}
	if in.Group != "" {
		giver, err := b.gate.Giver(ctx, caller, o.Organization)
		if err != nil {
			return domain.Access{}, err
		}
		id, err := giver.Groups().Find(o.Organization, in.Group)
		if err != nil {
			return domain.Access{}, domain.AsError(err).On("group")
		}
		g, _ := giver.Groups().Get(o.Organization, id)
		if !sc.ShowsGroup(g.Organization, o.Path) {
			return domain.Access{}, domain.ErrGroupNotFound.On("group")
		}
		return domain.Access{Group: id, Level: in.Level, Name: g.Alias, Organization: g.Organization}, nil
	}
	kind, _ := o.Kind.Info()
	u, err := b.fellow(ctx, caller, kind.Write, in.User, "user")
	if err != nil {
		return domain.Access{}, err
	}
	return domain.Access{User: u.Key(), Level: in.Level, Name: u.Alias, Home: u.HomePath}, nil
}

// names reports whether an entry is of the one that in names in a way that the list shows.
func (in GrantObject) names(a domain.Access) bool {
	if a.Group != 0 {
		id, numbered := in.Group.Number()
		return numbered && a.Group == id
	}
	return a.User.User != 0 && a.User.User == in.User.ID ||
		in.User.ID == 0 && in.User.Alias != "" && domain.Fold(a.Name) == domain.Fold(in.User.Alias)
}
