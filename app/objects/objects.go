package objects

import (
	"context"
	"slices"
	"time"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// Objects lists and keeps what users own. Whoever cannot read an object cannot tell whether it exists: that is
// NotFound, and only what is read there can be Forbidden.
type Objects struct {
	gate  *tenancy.Gate
	users directory.UserStore
	store ObjectStore
	usage *UsageCounter
	now   func() time.Time
}

// NewObjects returns the use cases of objects. usage counts how often they are used.
func NewObjects(gate *tenancy.Gate, users directory.UserStore, store ObjectStore, usage *UsageCounter,
	now func() time.Time) *Objects {
	return &Objects{gate: gate, users: users, store: store, usage: usage, now: now}
}

// ObjectStore reads objects and what is kept of them, and changes them in transactions. An object that the scope does
// not cover with LevelRead or more does not exist.
type ObjectStore interface {
	// List returns one page of the objects f keeps, in f's order, and the cursor of the next page, empty after the
	// last. A cursor of another order is domain.ErrCursor. No match is an empty slice.
	List(ctx context.Context, sc tenancy.Scope, f domain.ObjectFilter,
		p domain.Page) ([]domain.Object, domain.Cursor, error)
	// Count returns how many objects f keeps.
	Count(ctx context.Context, sc tenancy.Scope, f domain.ObjectFilter) (int64, error)
	// Get returns the object that ref names, or domain.ErrObjectNotFound.
	Get(ctx context.Context, sc tenancy.Scope, ref domain.ObjectRef) (domain.Object, error)
	// Owners returns whose the object was, the first owner first, or domain.ErrObjectNotFound.
	Owners(ctx context.Context, sc tenancy.Scope, ref domain.ObjectRef) ([]domain.Ownership, error)
	// NextObject and NextCopyRequest return the number of what is to be. They are called before the transaction that
	// inserts it.
	NextObject(ctx context.Context) (domain.ObjectID, error)
	NextCopyRequest(ctx context.Context) (domain.CopyRequestID, error)
	// Do runs work in one transaction within w. The whole of work is run again on a conflict, so it does nothing but
	// what tx offers.
	Do(ctx context.Context, w tenancy.WriteScope, work func(tx ObjectTx) error) error
	copyReader
	bookmarkReader
}

// ObjectDocument is an object as far as the reader may see it: its owner is named to those who reach them, and its
// access list shown to those who may change it, with whom they reach.
type ObjectDocument struct {
	domain.Object
	OrganizationShown tenancy.Shown[domain.OrganizationID]
	// Level is the reader's.
	Level domain.Level
}

// Version returns the version of the object for the reader.
func (d *ObjectDocument) Version() domain.Version { return domain.VersionOf(d.UUID, d.Fields()) }

func describeObject(sc tenancy.Scope, o domain.Object) ObjectDocument {
	d := ObjectDocument{Object: o, Level: sc.Level(&o), OrganizationShown: sc.ShowOrganization(o.Organization, o.Path)}
	hideUser(sc, &d.Owner, &d.OwnerAlias, o.OwnerHome)
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

// hideUser takes away who somebody is whom the reader does not reach.
func hideUser(sc tenancy.Scope, u *domain.UserKey, alias *string, home domain.EnvironmentPath) {
	if !sc.ShowsUser(*u, home) {
		*u, *alias = domain.UserKey{}, ""
	}
}

// readList returns a list of what describe makes of the rows that read reads.
func readList[Row, T any](ctx context.Context, p domain.Page,
	read func(context.Context, domain.Page) ([]Row, domain.Cursor, error),
	describe func(Row) T) (directory.Listed[T], error) {
	return directory.ReadList(ctx, p, func(ctx context.Context, p domain.Page) ([]T, domain.Cursor, error) {
		rows, next, err := read(ctx, p)
		if err != nil {
			return nil, "", err
		}
		all := make([]T, len(rows))
		for i := range rows {
			all[i] = describe(rows[i])
		}
		return all, next, nil
	})
}

// ListObjects asks for objects of an environment and, unless Alone, everything below it.
type ListObjects struct {
	Environment domain.EnvironmentRef // empty is the current one
	// Everywhere asks for the whole reach instead, and for what the reader's organization shares with its members.
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

// List returns the objects of an environment that the caller may read, of the kinds whose permission to read they
// have there.
func (b *Objects) List(ctx context.Context, caller domain.Principal,
	in ListObjects) (list directory.Listed[ObjectDocument], err error) {
	where := tenancy.In(in.Environment)
	if in.Everywhere {
		where = tenancy.Anywhere()
	}
	sc, err := b.gate.EnterObjects(ctx, &caller, where)
	if err != nil {
		return list, err
	}
	if in.Alone || in.Within {
		e, err := b.gate.Environment(ctx, &caller, in.Environment)
		switch {
		case err != nil:
			return list, err
		case in.Alone:
			sc = sc.Only(e.Path)
		case !e.IsOrganization:
			return list, domain.ErrEnvironmentNotFound
		default:
			in.Filter.Organization = e.Organization
		}
	}
	if in.Personal {
		sc = sc.Personally()
	}
	if err := b.narrow(ctx, &caller, &in); err != nil {
		return list, err
	}
	list, err = readList(ctx, in.Page,
		func(ctx context.Context, p domain.Page) ([]domain.Object, domain.Cursor, error) {
			return b.store.List(ctx, sc, in.Filter, p)
		}, func(o domain.Object) ObjectDocument { return describeObject(sc, o) })
	if err == nil && in.Total {
		list.Total, err = b.store.Count(ctx, sc, in.Filter)
	}
	return list, err
}

// narrow looks up what the filter of a list names.
func (b *Objects) narrow(ctx context.Context, caller *domain.Principal, in *ListObjects) (err error) {
	if in.Owner != (domain.UserRef{}) {
		if in.Filter.Owner, err = b.owner(ctx, caller, in.Owner); err != nil {
			return err
		}
	}
	if in.Filter.Parent, err = b.named(ctx, caller, in.Parent, "parent"); err != nil {
		return err
	}
	in.Filter.Uses, err = b.named(ctx, caller, in.Uses, "uses")
	return err
}

// named returns the number of the object that a field names, 0 for none.
func (b *Objects) named(ctx context.Context, caller *domain.Principal, ref domain.ObjectRef,
	field string) (domain.ObjectID, error) {
	if ref == "" {
		return 0, nil
	}
	o, _, err := b.read(ctx, caller, ref)
	if err != nil {
		return 0, domain.AsError(err).On(field)
	}
	return o.ID, nil
}

// owner returns the user whose objects are asked for: the caller, or somebody in their reach.
func (b *Objects) owner(ctx context.Context, caller *domain.Principal, ref domain.UserRef) (domain.UserKey, error) {
	if caller.Is(ref) {
		return caller.UserKey(), nil
	}
	u, err := b.fellow(ctx, caller, domain.UserRead, ref, "owner")
	if domain.ErrForbidden.Is(err) && caller.Is(ref.Other()) {
		return caller.UserKey(), nil
	}
	return u.Key(), err
}

// fellow returns the user whom the caller names to give them something: somebody whose home is in the caller's reach.
// People who work in an environment can name each other there, whether or not they may list users; whoever is not
// there is NotFound.
func (b *Objects) fellow(ctx context.Context, caller *domain.Principal, p domain.Permission, ref domain.UserRef,
	field string) (u domain.User, err error) {
	sc, err := b.gate.Enter(ctx, caller, p, tenancy.Anywhere())
	if err != nil {
		return u, err
	}
	if u, err = b.users.Get(ctx, sc, ref); err != nil {
		err = domain.AsError(err).On(field)
	}
	return u, err
}

// read returns the object that ref names, wherever in the caller's reach.
func (b *Objects) read(ctx context.Context, caller *domain.Principal,
	ref domain.ObjectRef) (o domain.Object, sc tenancy.Scope, err error) {
	if sc, err = b.gate.EnterObjects(ctx, caller, tenancy.Anywhere()); err == nil {
		o, err = b.store.Get(ctx, sc, ref)
	}
	return o, sc, err
}

// readPersonally is read, without what the caller sees only because they manage objects. The scope is read's.
func (b *Objects) readPersonally(ctx context.Context, caller *domain.Principal,
	ref domain.ObjectRef) (o domain.Object, sc tenancy.Scope, err error) {
	if sc, err = b.gate.EnterObjects(ctx, caller, tenancy.Anywhere()); err == nil {
		o, err = b.store.Get(ctx, sc.Personally(), ref)
	}
	return o, sc, err
}

// Get returns the object that ref names, wherever in the caller's reach. It needs the kind's permission to read, and
// is NotFound for whoever may not read the object.
func (b *Objects) Get(ctx context.Context, caller domain.Principal, ref domain.ObjectRef) (ObjectDocument, error) {
	o, sc, err := b.read(ctx, &caller, ref)
	return documentOr(sc, o, err)
}

// documentOr describes an object, if there was no error.
func documentOr(sc tenancy.Scope, o domain.Object, err error) (ObjectDocument, error) {
	if err != nil {
		return ObjectDocument{}, err
	}
	return describeObject(sc, o), nil
}

// Owners returns whose the object was, the first owner first; owners who may not be named to the caller, or are gone,
// without a name. It needs what Get needs.
func (b *Objects) Owners(ctx context.Context, caller domain.Principal,
	ref domain.ObjectRef) ([]domain.Ownership, error) {
	sc, err := b.gate.EnterObjects(ctx, &caller, tenancy.Anywhere())
	if err != nil {
		return nil, err
	}
	owners, err := b.store.Owners(ctx, sc, ref)
	if err != nil {
		return nil, err
	}
	for i := range owners {
		hideUser(sc, &owners[i].Owner, &owners[i].Alias, owners[i].Home)
	}
	return owners, nil
}

// ObjectKinds returns all kinds of objects. Everybody may see them.
func ObjectKinds(context.Context, domain.Principal) ([]domain.ObjectKindInfo, error) {
	return domain.ObjectKinds, nil
}
