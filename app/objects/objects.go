package objects

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// Objects lists and keeps what users own. Whoever cannot read an object cannot tell whether
// it exists: that is NotFound, and only what is read there can be Forbidden.
type Objects struct {
	gate      *tenancy.Gate
	users     directory.UserStore
	store     ObjectStore
	copies    CopyRequestStore
	bookmarks BookmarkStore
	usage     *UsageCounter
	now       func() time.Time
}

// NewObjects returns the use cases of objects. usage counts how often they are used.
func NewObjects(gate *tenancy.Gate, users directory.UserStore, store ObjectStore, copies CopyRequestStore, bookmarks BookmarkStore,
	usage *UsageCounter, now func() time.Time) *Objects {
	return &Objects{gate: gate, users: users, store: store, copies: copies, bookmarks: bookmarks, usage: usage, now: now}
}

// ObjectStore keeps objects. For its methods an object that the scope does not cover with
// LevelRead or more does not exist.
type ObjectStore interface {
	// List returns one page of the objects f keeps, in f's order, and the cursor of the next
	// page, empty after the last. A cursor of another order is domain.ErrCursor. No match is
	// an empty slice.
	List(ctx context.Context, sc tenancy.Scope, f domain.ObjectFilter, p domain.Page) ([]domain.Object, domain.Cursor, error)
	// Count returns how many objects f keeps.
	Count(ctx context.Context, sc tenancy.Scope, f domain.ObjectFilter) (int64, error)
	// Get returns the object that ref names, or domain.ErrObjectNotFound.
	Get(ctx context.Context, sc tenancy.Scope, ref domain.ObjectRef) (domain.Object, error)
	// Named returns the object of an organization with that full name, of a kind whose names
	// are paths, or domain.ErrObjectNotFound.
	Named(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID, kind domain.ObjectKind, fullName string) (domain.Object, error)
	// Owners returns whose the object was, the first owner first.
	Owners(ctx context.Context, sc tenancy.Scope, ref domain.ObjectRef) ([]domain.Ownership, error)
	// Insert adds o, whose environment lies in w, after prepare completed it, given the object
	// that o belongs to, nil for none. It returns o with its numbers and full name. An error of
	// prepare comes back as it is, and nothing is saved.
	Insert(ctx context.Context, w tenancy.WriteScope, o domain.Object, prepare func(o, parent *domain.Object) error) (domain.Object, error)
	// Update loads the object, runs change and saves, in one transaction. An error of change
	// comes back as it is, and nothing is saved.
	Update(ctx context.Context, w tenancy.WriteScope, id domain.ObjectID, change func(*domain.Object) error) (domain.Object, error)
	// Delete removes the object with what is deleted with it, unless check returns an error.
	Delete(ctx context.Context, w tenancy.WriteScope, id domain.ObjectID, check func(*domain.Object) error) error
	// Share runs change, which puts one entry on an access list or takes it away, on the object
	// and, if below says so, on all that lies below it by name and is the viewer's to administer,
	// in one transaction. It is domain.ErrTooManyBelow for more than domain.MaxTogether.
	Share(ctx context.Context, w tenancy.WriteScope, id domain.ObjectID, below bool, change func(*domain.Object) error) error
	// HandOverAll gives to another user everything that from owns and on which the scope is of
	// LevelAdmin, in one transaction, and returns how many objects that was.
	HandOverAll(ctx context.Context, w tenancy.WriteScope, from, to domain.UserKey) (int64, error)
}

// CopyRequestStore keeps offers of copies: those that the viewer of a scope made or that were
// made to them, as far as the place and the kind of the object are covered. Others, and those
// that have expired, do not exist.
type CopyRequestStore interface {
	// List returns one page of the offers of objects of the given kinds, all for none, oldest
	// first, and the cursor of the next page.
	List(ctx context.Context, sc tenancy.Scope, kinds []domain.ObjectKind, p domain.Page) ([]domain.CopyRequest, domain.Cursor, error)
	// Get returns the offer with that number, or domain.ErrCopyRequestNotFound.
	Get(ctx context.Context, sc tenancy.Scope, id domain.CopyRequestID) (domain.CopyRequest, error)
	// Insert offers a copy of the object until a time, unless check returns an error.
	Insert(ctx context.Context, w tenancy.WriteScope, object domain.ObjectID, to domain.UserKey, until time.Time,
		check func(*domain.Object) error) (domain.CopyRequest, error)
	// Accept makes the copy that copied describes and removes the offer, in one transaction.
	Accept(ctx context.Context, w tenancy.WriteScope, id domain.CopyRequestID,
		copied func(*domain.CopyRequest) (domain.Object, error)) (domain.Object, error)
	// Decline removes the offer and returns what it was.
	Decline(ctx context.Context, w tenancy.WriteScope, id domain.CopyRequestID) (domain.CopyRequest, error)
}

// BookmarkStore keeps the bookmarks of whoever a scope was given to. A bookmark of an object
// that the scope does not cover does not exist.
type BookmarkStore interface {
	// List returns one page of the bookmarks of objects of the given kinds, all for none, and
	// the cursor of the next page.
	List(ctx context.Context, sc tenancy.Scope, kinds []domain.ObjectKind, p domain.Page) ([]domain.Bookmark, domain.Cursor, error)
	// Add and Remove do nothing if it is so already.
	Add(ctx context.Context, w tenancy.WriteScope, id domain.ObjectID) error
	Remove(ctx context.Context, w tenancy.WriteScope, id domain.ObjectID) error
}

// ObjectDocument is an object as far as the reader may see it: its owner is named to those
// who reach them, and its access list shown to those who may change it, with whom they reach.
type ObjectDocument struct {
	domain.Object
	OrganizationShown tenancy.Shown[domain.OrganizationID]
	// Level is the reader's.
	Level domain.Level
}

func describeObject(sc tenancy.Scope, o domain.Object) ObjectDocument {
	d := ObjectDocument{Object: o, Level: sc.Level(&o), OrganizationShown: sc.ShowOrganization(o.Organization, o.Path)}
	if !sc.ShowsUser(o.Owner, o.OwnerHome) {
		d.Owner, d.OwnerAlias = domain.UserKey{}, ""
	}
	d.Access = nil
	if d.Level >= domain.LevelAdmin {
		d.Access = slices.Clone(o.Access)
		for i := range d.Access {
			a := &d.Access[i]
			if a.Group == 0 && !sc.ShowsUser(a.User, a.Home) || a.Group != 0 && !sc.ShowsGroup(a.Organization, o.Path) {
				*a = domain.Access{Level: a.Level}
			}
		}
	}
	return d
}

func describeObjects(sc tenancy.Scope, objects []domain.Object) []ObjectDocument {
	described := make([]ObjectDocument, len(objects))
	for i := range objects {
		described[i] = describeObject(sc, objects[i])
	}
	return described
}

// ListObjects asks for objects of an environment and, unless Alone, everything below it.
type ListObjects struct {
	Environment domain.EnvironmentRef // empty is the current one
	// Everywhere asks for the whole reach instead, and for what the reader's organization
	// shares with its members.
	Everywhere bool
	Alone      bool
	// Within asks for the organization that Environment names, without those nested in it.
	Within bool
	Filter domain.ObjectFilter
	Owner  domain.UserRef   // narrows Filter; zero keeps all
	Parent domain.ObjectRef // narrows Filter; empty keeps all
	Uses   domain.ObjectRef // narrows Filter; empty keeps all
	// Personal leaves out what the reader sees only because they manage objects.
	Personal bool
	Page     domain.Page // without a limit the whole list is returned
	Total    bool        // asks for Total
}

// List returns the objects of an environment that the caller may read, of the kinds whose
// permission to read they have there.
func (b *Objects) List(ctx context.Context, caller domain.Principal, in ListObjects) (directory.Listed[ObjectDocument], error) {
	where := tenancy.In(in.Environment)
	if in.Everywhere {
		where = tenancy.Anywhere()
	}
	sc, err := b.gate.EnterObjects(ctx, &caller, where)
	if err != nil {
		return directory.Listed[ObjectDocument]{}, err
	}
	if in.Alone || in.Within {
		e, err := b.gate.Environment(ctx, &caller, in.Environment)
		if err != nil {
			return directory.Listed[ObjectDocument]{}, err
		}
		switch {
		case in.Alone:
			sc = sc.Only(e.Path)
		case !e.IsOrganization:
			return directory.Listed[ObjectDocument]{}, domain.ErrEnvironmentNotFound
		default:
			in.Filter.Organization = e.Organization
		}
	}
	if in.Personal {
		sc = sc.Personally()
	}
	if err := b.narrow(ctx, &caller, &in); err != nil {
		return directory.Listed[ObjectDocument]{}, err
	}
	list, err := directory.ReadList(ctx, in.Page, func(ctx context.Context, p domain.Page) ([]ObjectDocument, domain.Cursor, error) {
		objects, next, err := b.store.List(ctx, sc, in.Filter, p)
		if err != nil {
			return nil, "", err
		}
		return describeObjects(sc, objects), next, nil
	})
	if err == nil && in.Total {
		list.Total, err = b.store.Count(ctx, sc, in.Filter)
	}
	return list, err
}

// narrow looks up what the filter of a list names.
func (b *Objects) narrow(ctx context.Context, caller *domain.Principal, in *ListObjects) error {
	if in.Owner != (domain.UserRef{}) {
		owner, err := b.owner(ctx, caller, in.Owner)
		if err != nil {
			return err
		}
		in.Filter.Owner = owner
	}
	for _, named := range []struct {
		ref   domain.ObjectRef
		field string
		id    *domain.ObjectID
	}{{in.Parent, "parent", &in.Filter.Parent}, {in.Uses, "uses", &in.Filter.Uses}} {
		if named.ref == "" {
			continue
		}
		o, _, err := b.read(ctx, caller, named.ref)
		if err != nil {
			return domain.AsError(err).On(named.field)
		}
		*named.id = o.ID
	}
	return nil
}

// owner returns the user whose objects are asked for: who, or somebody in the caller's reach.
func (b *Objects) owner(ctx context.Context, caller *domain.Principal, ref domain.UserRef) (domain.UserKey, error) {
	if caller.Is(ref) {
		return caller.UserKey(), nil
	}
	sc, err := b.gate.Enter(ctx, caller, domain.UserRead, tenancy.Anywhere())
	if err != nil {
		if caller.Is(ref.Other()) {
			return caller.UserKey(), nil
		}
		return domain.UserKey{}, err
	}
	u, err := b.users.Get(ctx, sc, ref)
	if err != nil {
		return domain.UserKey{}, domain.AsError(err).On("owner")
	}
	return u.Key(), nil
}

// fellow returns the user whom who names to give them something: somebody whose home is in
// The caller's reach. People who work in an environment can name each other there, whether or not
// they may list users; whoever is not there is NotFound.
func (b *Objects) fellow(ctx context.Context, caller *domain.Principal, p domain.Permission, ref domain.UserRef, field string) (domain.User, error) {
	sc, err := b.gate.Enter(ctx, caller, p, tenancy.Anywhere())
	if err != nil {
		return domain.User{}, err
	}
	u, err := b.users.Get(ctx, sc, ref)
	if err != nil {
		return domain.User{}, domain.AsError(err).On(field)
	}
	return u, nil
}

// read returns the object that ref names, wherever in the caller's reach.
func (b *Objects) read(ctx context.Context, caller *domain.Principal, ref domain.ObjectRef) (domain.Object, tenancy.Scope, error) {
	sc, err := b.gate.EnterObjects(ctx, caller, tenancy.Anywhere())
	if err != nil {
		return domain.Object{}, sc, err
	}
	o, err := b.store.Get(ctx, sc, ref)
	return o, sc, err
}

// Get returns the object that ref names, wherever in the caller's reach. It needs the kind's
// permission to read, and is NotFound for whoever may not read the object.
func (b *Objects) Get(ctx context.Context, caller domain.Principal, ref domain.ObjectRef) (ObjectDocument, error) {
	o, sc, err := b.read(ctx, &caller, ref)
	if err != nil {
		return ObjectDocument{}, err
	}
	return describeObject(sc, o), nil
}

// NamedObject names an object by its full name, of a kind whose names are paths, in the caller's
// own organization.
type NamedObject struct {
	Kind     domain.ObjectKind
	FullName string
	// Personal is that of ListObjects.
	Personal bool
}

// Named is Get by name.
func (b *Objects) Named(ctx context.Context, caller domain.Principal, in NamedObject) (ObjectDocument, error) {
	sc, err := b.gate.EnterObjects(ctx, &caller, tenancy.Anywhere())
	if err != nil {
		return ObjectDocument{}, err
	}
	if in.Personal {
		sc = sc.Personally()
	}
	o, err := b.store.Named(ctx, sc, caller.Organization, in.Kind, in.FullName)
	if err != nil {
		return ObjectDocument{}, err
	}
	return describeObject(sc, o), nil
}

// Owners returns whose the object was, the first owner first; owners who may not be named to
// who, or are gone, without a name. It needs what Get needs.
func (b *Objects) Owners(ctx context.Context, caller domain.Principal, ref domain.ObjectRef) ([]domain.Ownership, error) {
	sc, err := b.gate.EnterObjects(ctx, &caller, tenancy.Anywhere())
	if err != nil {
		return nil, err
	}
	owners, err := b.store.Owners(ctx, sc, ref)
	if err != nil {
		return nil, err
	}
	for i := range owners {
		if o := &owners[i]; !sc.ShowsUser(o.Owner, o.Home) {
			o.Owner, o.Alias = domain.UserKey{}, ""
		}
	}
	return owners, nil
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

// Create adds an object. It needs the kind's permission to write in the environment, and
// LevelWrite on the object it is to belong to. One of a kind whose names are paths that
// belongs to none, and one that is to be somebody else's, needs domain.ObjectManage there. One
// that lies below another by name begins with its access list and visibility. It is Conflict
// for a name that is taken, and Forbidden for one that comes with an account.
func (b *Objects) Create(ctx context.Context, caller domain.Principal, in NewObject) (ObjectDocument, error) {
	kind, known := in.Kind.Info()
	if !known {
		return ObjectDocument{}, domain.ErrObjectKind
	}
	o := domain.Object{Kind: kind.Kind, Name: in.Name, Attributes: given(nil, in.Attributes), Visibility: kind.Visibility,
		Owner: domain.UserKey{Organization: caller.Organization, User: caller.User}}
	directory.Set(&o.Visibility, in.Visibility)
	if in.Parent != "" {
		parent, _, err := b.read(ctx, &caller, in.Parent)
		if err != nil {
			return ObjectDocument{}, domain.AsError(err).On("parent")
		}
		o.Parent, o.Organization, o.Environment, o.Path = parent.ID, parent.Organization, parent.Environment, parent.Path
	}
	if in.Parent == "" || in.Environment != "" {
		e, err := b.gate.Environment(ctx, &caller, in.Environment)
		if err != nil {
			return ObjectDocument{}, err
		}
		if o.Parent != 0 && e.Organization != o.Organization {
			return ObjectDocument{}, domain.ErrObjectBorder
		}
		o.Organization, o.Environment, o.Path = e.Organization, e.ID, e.Path
	}
	w, err := b.gate.EnterObjectsWrite(ctx, &caller, kind.Write)
	if err != nil {
		return ObjectDocument{}, err
	}
	if kind.NamesArePaths && o.Parent == 0 && !w.Manages(o.Path) {
		return ObjectDocument{}, domain.ErrForbidden.On("parent")
	}
	if in.Owner != (domain.UserRef{}) {
		owner, err := b.fellow(ctx, &caller, kind.Write, in.Owner, "owner")
		if err != nil {
			return ObjectDocument{}, err
		}
		if owner.Key() != o.Owner && !w.Manages(o.Path) {
			return ObjectDocument{}, domain.ErrForbidden.On("owner")
		}
		o.Owner, o.OwnerAlias, o.OwnerHome = owner.Key(), owner.Alias, owner.HomePath
	} else {
		o.OwnerAlias, o.OwnerHome = caller.Alias, caller.Home
	}
	if o.Uses, err = b.used(ctx, &caller, in.Uses); err != nil {
		return ObjectDocument{}, err
	}
	o, err = b.store.Insert(ctx, w, o, func(o, parent *domain.Object) error {
		if err := mayBeCalled(o); err != nil || parent == nil {
			return err
		}
		if w.Level(parent) < domain.LevelWrite {
			return domain.ErrForbidden.On("parent")
		}
		if kind.NamesArePaths {
			inherit(o, parent)
			directory.Set(&o.Visibility, in.Visibility)
		}
		return nil
	})
	if err != nil {
		return ObjectDocument{}, err
	}
	return describeObject(w.Read(), o), nil
}

// mayBeCalled returns an error if somebody who gives o its name would take a place among
// names that are not o's to lie among.
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

// rename gives o another name. Where names are paths, what lies below o gets another one with
// it: that needs LevelAdmin, and for what belongs to no other object domain.ObjectManage, as
// to make it does.
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
func (b *Objects) used(ctx context.Context, caller *domain.Principal, refs []domain.ObjectRef) ([]domain.ObjectID, error) {
	var ids []domain.ObjectID
	for _, ref := range refs {
		id, numbered := ref.Number()
		if !numbered {
			o, _, err := b.read(ctx, caller, ref)
			if err != nil {
				return nil, domain.AsError(err).On("uses")
			}
			id = o.ID
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

// ObjectPatch says what an object is to become. A nil field is left as it is.
type ObjectPatch struct {
	Name *string
	// Attributes has the ones that change; an empty value takes one away.
	Attributes map[string]string
	Visibility *domain.Visibility
	Uses       *[]domain.ObjectRef
}

// Update changes the object that ref names as in says; another name is also that of what
// lies below it, where names are paths. It needs the kind's permission to write and
// LevelWrite, for another visibility LevelAdmin, as for another name that is a path; one of an
// object that belongs to none needs domain.ObjectManage then. Names that come with an account
// are Forbidden.
func (b *Objects) Update(ctx context.Context, caller domain.Principal, ref domain.ObjectRef, in ObjectPatch) (ObjectDocument, error) {
	var uses []domain.ObjectID
	if in.Uses != nil {
		var err error
		if uses, err = b.used(ctx, &caller, *in.Uses); err != nil {
			return ObjectDocument{}, err
		}
	}
	return b.change(ctx, &caller, ref, domain.LevelWrite, func(w tenancy.WriteScope, o *domain.Object) error {
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

// change runs a change on the object that ref names. It needs the kind's permission to write
// and the given level on the object as it is then.
func (b *Objects) change(ctx context.Context, caller *domain.Principal, ref domain.ObjectRef, least domain.Level,
	change func(tenancy.WriteScope, *domain.Object) error) (ObjectDocument, error) {
	target, w, err := b.enter(ctx, caller, ref)
	if err != nil {
		return ObjectDocument{}, err
	}
	o, err := b.store.Update(ctx, w, target.ID, func(o *domain.Object) error {
		if w.Level(o) < least {
			return domain.ErrForbidden
		}
		return change(w, o)
	})
	if err != nil {
		return ObjectDocument{}, err
	}
	return describeObject(w.Read(), o), nil
}

// enter returns the object that ref names, with the proof that the caller may change objects of its
// kind.
func (b *Objects) enter(ctx context.Context, caller *domain.Principal, ref domain.ObjectRef) (domain.Object, tenancy.WriteScope, error) {
	o, _, err := b.read(ctx, caller, ref)
	if err != nil {
		return o, tenancy.WriteScope{}, err
	}
	kind, _ := o.Kind.Info()
	w, err := b.gate.EnterObjectsWrite(ctx, caller, kind.Write)
	return o, w, err
}

// Move hangs the object that ref names into another environment of its organization. It
// needs the kind's permission to write in both and LevelAdmin.
func (b *Objects) Move(ctx context.Context, caller domain.Principal, ref domain.ObjectRef, to domain.EnvironmentRef) (ObjectDocument, error) {
	e, err := b.gate.Environment(ctx, &caller, to)
	if err != nil {
		return ObjectDocument{}, err
	}
	return b.change(ctx, &caller, ref, domain.LevelAdmin, func(_ tenancy.WriteScope, o *domain.Object) error {
		if e.Organization != o.Organization {
			return domain.ErrObjectBorder
		}
		o.Environment, o.Path = e.ID, e.Path
		return nil
	})
}

// HandOver makes the object that ref names somebody else's, whose home is in the caller's reach. It
// needs the kind's permission to write and LevelAdmin. The one who owned it keeps nothing but
// what the object gives everybody.
func (b *Objects) HandOver(ctx context.Context, caller domain.Principal, ref domain.ObjectRef, to domain.UserRef) (ObjectDocument, error) {
	target, _, err := b.enter(ctx, &caller, ref)
	if err != nil {
		return ObjectDocument{}, err
	}
	kind, _ := target.Kind.Info()
	owner, err := b.fellow(ctx, &caller, kind.Write, to, "owner")
	if err != nil {
		return ObjectDocument{}, err
	}
	return b.change(ctx, &caller, ref, domain.LevelAdmin, func(_ tenancy.WriteScope, o *domain.Object) error {
		o.Owner = owner.Key()
		return nil
	})
}

// HandOverAll names two users.
type HandOverAll struct{ From, To domain.UserRef }

// HandOverAll gives to one user everything in the caller's reach that another one owns, of every
// kind, in one transaction, and returns how many objects that was. It needs
// domain.ObjectManage, and domain.UserRead to find the two; it is NotFound on "from" or "to"
// if one of them is not in the caller's reach.
func (b *Objects) HandOverAll(ctx context.Context, caller domain.Principal, in HandOverAll) (int64, error) {
	sc, err := b.gate.Enter(ctx, &caller, domain.UserRead, tenancy.Anywhere())
	if err != nil {
		return 0, err
	}
	from, err := b.users.Get(ctx, sc, in.From)
	if err != nil {
		return 0, domain.AsError(err).On("from")
	}
	to, err := b.users.Get(ctx, sc, in.To)
	if err != nil {
		return 0, domain.AsError(err).On("to")
	}
	w, err := b.gate.EnterObjectsWrite(ctx, &caller, domain.ObjectManage)
	if err != nil {
		return 0, err
	}
	return b.store.HandOverAll(ctx, w, from.Key(), to.Key())
}

// Delete removes the object that ref names, with what is deleted with it. It needs the
// kind's permission to write and LevelAdmin. It is Conflict while others belong to it.
func (b *Objects) Delete(ctx context.Context, caller domain.Principal, ref domain.ObjectRef) error {
	target, w, err := b.enter(ctx, &caller, ref)
	if err != nil {
		return err
	}
	return b.store.Delete(ctx, w, target.ID, func(o *domain.Object) error {
		if w.Level(o) < domain.LevelAdmin {
			return domain.ErrForbidden
		}
		return nil
	})
}

// GrantObject names a user or a group and the level they are to have; NoLevel takes it away.
type GrantObject struct {
	User  domain.UserRef
	Group domain.GroupRef
	Level domain.Level
}

// Grant changes the access list of the object that ref names. It needs the kind's permission
// to write and LevelAdmin. The user's home must be in the caller's reach, and the group usable in
// the object's organization, and the root's or of an organization that is the caller's or in their
// reach; to take a level away it is enough that they are on the list.
func (b *Objects) Grant(ctx context.Context, caller domain.Principal, ref domain.ObjectRef, in GrantObject) (ObjectDocument, error) {
	target, w, err := b.enter(ctx, &caller, ref)
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
	return b.change(ctx, &caller, ref, domain.LevelAdmin, func(_ tenancy.WriteScope, o *domain.Object) error {
		o.Grant(entry)
		return nil
	})
}

// subject returns the entry of the access list that in asks for.
func (b *Objects) subject(ctx context.Context, caller *domain.Principal, sc tenancy.Scope, o *domain.Object, in GrantObject) (domain.Access, error) {
	if in.Level == domain.NoLevel {
		id, numbered := domain.ParseID[domain.GroupID](string(in.Group))
		for _, a := range o.Access {
			if numbered && a.Group == id {
				return domain.Access{Group: id}, nil
			}
			if a.User.User != 0 && a.User.User == in.User.ID || in.User.ID == 0 && in.User.Alias != "" && a.Group == 0 && domain.Fold(a.Name) == domain.Fold(in.User.Alias) {
				return domain.Access{User: a.User}, nil
			}
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

// CopyLifetime is how long an offer of a copy waits for an answer.
const CopyLifetime = 30 * 24 * time.Hour

// OfferCopy offers a copy of the object that ref names to a user, whose home is in the caller's
// reach. It needs the kind's permission to write and LevelAdmin. It is Conflict for kinds
// that are not copied, for a second offer of the same to the same person, and if too many
// offers wait for their answer.
func (b *Objects) OfferCopy(ctx context.Context, caller domain.Principal, ref domain.ObjectRef, to domain.UserRef) (domain.CopyRequest, error) {
	target, w, err := b.enter(ctx, &caller, ref)
	if err != nil {
		return domain.CopyRequest{}, err
	}
	kind, _ := target.Kind.Info()
	u, err := b.fellow(ctx, &caller, kind.Write, to, "to")
	if err != nil {
		return domain.CopyRequest{}, err
	}
	if u.ID == caller.User {
		return domain.CopyRequest{}, domain.InvalidField("to", "Choose somebody other than yourself.")
	}
	c, err := b.copies.Insert(ctx, w, target.ID, u.Key(), b.now().Add(CopyLifetime), func(o *domain.Object) error {
		switch {
		case w.Level(o) < domain.LevelAdmin:
			return domain.ErrForbidden
		case !kind.Copyable:
			return domain.ErrNotCopyable
		}
		return nil
	})
	c.FromAlias, c.ToAlias, c.FromHome, c.ToHome = caller.Alias, u.Alias, caller.Home, u.HomePath
	return c, err
}

// ListKinds asks for a list of things that have to do with objects of the given kinds, all
// for none.
type ListKinds struct {
	Kinds []domain.ObjectKind
	Page  domain.Page
}

// CopyRequests returns the offers that wait for an answer, made to who or by who, whose
// objects' places are in the caller's reach.
func (b *Objects) CopyRequests(ctx context.Context, caller domain.Principal, in ListKinds) (directory.Listed[domain.CopyRequest], error) {
	sc, err := b.gate.EnterObjects(ctx, &caller, tenancy.Anywhere())
	if err != nil {
		return directory.Listed[domain.CopyRequest]{}, err
	}
	return directory.ReadList(ctx, in.Page, func(ctx context.Context, p domain.Page) ([]domain.CopyRequest, domain.Cursor, error) {
		offers, next, err := b.copies.List(ctx, sc, in.Kinds, p)
		if err != nil {
			return nil, "", err
		}
		for i := range offers {
			describeOffer(sc, &offers[i])
		}
		return offers, next, nil
	})
}

// describeOffer takes out of an offer of a copy whom the principal of sc does not reach.
func describeOffer(sc tenancy.Scope, c *domain.CopyRequest) {
	if !sc.ShowsUser(c.From, c.FromHome) {
		c.From, c.FromAlias = domain.UserKey{}, ""
	}
	if !sc.ShowsUser(c.To, c.ToHome) {
		c.To, c.ToAlias = domain.UserKey{}, ""
	}
}

// CopyRequest returns one of CopyRequests, or NotFound.
func (b *Objects) CopyRequest(ctx context.Context, caller domain.Principal, id domain.CopyRequestID) (domain.CopyRequest, error) {
	sc, err := b.gate.EnterObjects(ctx, &caller, tenancy.Anywhere())
	if err != nil {
		return domain.CopyRequest{}, err
	}
	c, err := b.copies.Get(ctx, sc, id)
	if err != nil {
		return domain.CopyRequest{}, err
	}
	describeOffer(sc, &c)
	return c, nil
}

// AcceptCopy makes who the owner of a copy of what they were offered, in the same
// environment, which nobody else may read. It needs the kind's permission to write. It is
// NotFound for an offer that was made to somebody else, has expired or was answered, or
// whose object's place is outside the caller's reach.
func (b *Objects) AcceptCopy(ctx context.Context, caller domain.Principal, id domain.CopyRequestID) (ObjectDocument, error) {
	c, err := b.CopyRequest(ctx, caller, id)
	if err != nil {
		return ObjectDocument{}, err
	}
	kind, _ := c.Object.Kind.Info()
	w, err := b.gate.EnterObjectsWrite(ctx, &caller, kind.Write)
	if err != nil {
		return ObjectDocument{}, err
	}
	me := domain.UserKey{Organization: caller.Organization, User: caller.User}
	o, err := b.copies.Accept(ctx, w, id, func(c *domain.CopyRequest) (domain.Object, error) {
		if c.To != me {
			return domain.Object{}, domain.ErrCopyRequestNotFound
		}
		from := &c.Object
		return domain.Object{Kind: from.Kind, Organization: from.Organization, Environment: from.Environment, Path: from.Path,
			Owner: me, OwnerAlias: caller.Alias, OwnerHome: caller.Home, Name: from.Name, Attributes: from.Attributes}, nil
	})
	if err != nil {
		return ObjectDocument{}, err
	}
	return describeObject(w.Read(), o), nil
}

// DeclineCopy takes an offer away that was made to who or by who, and returns what it was.
// It is NotFound for any other.
func (b *Objects) DeclineCopy(ctx context.Context, caller domain.Principal, id domain.CopyRequestID) (domain.CopyRequest, error) {
	c, err := b.CopyRequest(ctx, caller, id)
	if err != nil {
		return c, err
	}
	kind, _ := c.Object.Kind.Info()
	w, err := b.gate.EnterObjectsWrite(ctx, &caller, kind.Write)
	if err != nil {
		return c, err
	}
	declined, err := b.copies.Decline(ctx, w, id)
	if err != nil {
		return domain.CopyRequest{}, err
	}
	describeOffer(w.Read(), &declined)
	return declined, nil
}

// OfKind adapts a use case on an offer of a copy: an offer of an object of another kind is
// NotFound.
func OfKind[Out any](b *Objects, kind domain.ObjectKind, run directory.Run[domain.CopyRequestID, Out]) directory.Run[domain.CopyRequestID, Out] {
	return func(ctx context.Context, caller domain.Principal, id domain.CopyRequestID) (Out, error) {
		c, err := b.CopyRequest(ctx, caller, id)
		if err == nil && c.Object.Kind != kind {
			err = domain.ErrCopyRequestNotFound
		}
		if err != nil {
			var none Out
			return none, err
		}
		return run(ctx, caller, id)
	}
}

// BookmarkDocument is a bookmarked object as far as the reader may see it.
type BookmarkDocument struct {
	ObjectDocument
	Since time.Time
}

// Bookmarks returns the caller's bookmarks of objects that they may still read.
func (b *Objects) Bookmarks(ctx context.Context, caller domain.Principal, in ListKinds) (directory.Listed[BookmarkDocument], error) {
	sc, err := b.gate.EnterObjects(ctx, &caller, tenancy.Anywhere())
	if err != nil {
		return directory.Listed[BookmarkDocument]{}, err
	}
	return directory.ReadList(ctx, in.Page, func(ctx context.Context, p domain.Page) ([]BookmarkDocument, domain.Cursor, error) {
		bookmarks, next, err := b.bookmarks.List(ctx, sc, in.Kinds, p)
		described := make([]BookmarkDocument, len(bookmarks))
		for i, m := range bookmarks {
			described[i] = BookmarkDocument{describeObject(sc, m.Object), m.Created}
		}
		return described, next, err
	})
}

// AddBookmark bookmarks the object that ref names, for who. It needs the kind's permission
// to read, and does nothing if it is bookmarked.
func (b *Objects) AddBookmark(ctx context.Context, caller domain.Principal, ref domain.ObjectRef) error {
	return b.bookmark(ctx, &caller, ref, b.bookmarks.Add)
}

// RemoveBookmark takes the caller's bookmark of the object that ref names away. It needs the kind's
// permission to read, and does nothing if there is none.
func (b *Objects) RemoveBookmark(ctx context.Context, caller domain.Principal, ref domain.ObjectRef) error {
	return b.bookmark(ctx, &caller, ref, b.bookmarks.Remove)
}

func (b *Objects) bookmark(ctx context.Context, caller *domain.Principal, ref domain.ObjectRef,
	change func(context.Context, tenancy.WriteScope, domain.ObjectID) error) error {
	o, _, err := b.read(ctx, caller, ref)
	if err != nil {
		return err
	}
	kind, _ := o.Kind.Info()
	w, err := b.gate.EnterObjectsWrite(ctx, caller, kind.Read)
	if err != nil {
		return err
	}
	return change(ctx, w, o.ID)
}

// ObjectKinds returns all kinds of objects. Everybody may see them.
func ObjectKinds(context.Context, domain.Principal) ([]domain.ObjectKindInfo, error) {
	return domain.ObjectKinds, nil
}
