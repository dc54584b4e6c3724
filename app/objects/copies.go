package objects

import (
	"context"
	"time"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// copyReader reads offers of copies: those that the viewer of a scope made or that were made to them, as far as the
// place and the kind of the object are covered. Others, and those that have expired, do not exist. Their objects have
// no owner and no lists.
type copyReader interface {
	// CopyRequests returns one page of the offers of objects of the given kinds, all for none, oldest first, and the
	// cursor of the next page.
	CopyRequests(ctx context.Context, sc tenancy.Scope, kinds []domain.ObjectKind,
		p domain.Page) ([]domain.CopyRequest, domain.Cursor, error)
	// CopyRequest returns the offer with that number, or domain.ErrCopyRequestNotFound.
	CopyRequest(ctx context.Context, sc tenancy.Scope, id domain.CopyRequestID) (domain.CopyRequest, error)
}

// copyWriter changes them in a transaction.
type copyWriter interface {
	// CopyRequest is copyReader's, locked.
	CopyRequest(id domain.CopyRequestID) (domain.CopyRequest, error)
	// InsertCopyRequest adds an offer, with a number of NextCopyRequest, of an object that was read, in the name of
	// whoever the transaction was opened for. It returns domain.ErrUserNotFound on "to", domain.ErrCopyRequested, and
	// domain.ErrTooManyCopyRequests.
	InsertCopyRequest(c *domain.CopyRequest) error
	// AcceptCopyRequest removes an offer that was read, and inserts the copy.
	AcceptCopyRequest(c *domain.CopyRequest, o *domain.Object) error
	// DeclineCopyRequest removes an offer that was read.
	DeclineCopyRequest(c *domain.CopyRequest) error
}

// CopyLifetime is how long an offer of a copy waits for an answer.
const CopyLifetime = 30 * 24 * time.Hour

// OfferCopy offers a copy of an object to a user, whose home is in the caller's reach. It needs the kind's permission
// to write and LevelAdmin. It returns Conflict for kinds that are not copied, for a second offer of the same to the
// same person, and if too many offers wait for their answer.
func (b *Objects) OfferCopy(ctx context.Context, caller domain.Principal,
	in ObjectTo) (c domain.CopyRequest, err error) {
	target, w, err := b.enter(ctx, &caller, in.Object)
	if err != nil {
		return c, err
	}
	kind, _ := target.Kind.Info()
	u, err := b.fellow(ctx, &caller, kind.Write, in.To, "to")
	if err != nil {
		return c, err
	}
	if u.ID == caller.User {
		return c, domain.InvalidField("to", "Choose somebody other than yourself.")
	}
	c = domain.CopyRequest{To: u.Key(), Expires: b.now().Add(CopyLifetime),
		FromAlias: caller.Alias, ToAlias: u.Alias, FromHome: caller.Home, ToHome: u.HomePath}
	if c.ID, err = b.store.NextCopyRequest(ctx); err != nil {
		return c, err
	}
	_, err = b.work(ctx, w, target.Key(), domain.LevelAdmin, func(tx ObjectTx, o *domain.Object) error {
		if !kind.Copyable {
			return domain.ErrNotCopyable
		}
		c.Object = *o
		if err := tx.InsertCopyRequest(&c); err != nil {
			return err
		}
		domain.Conclude(ctx, c)
		return nil
	})
	return c, err
}

// ListKinds asks for a list of things that have to do with objects of the given kinds, all for none.
type ListKinds struct {
	Kinds []domain.ObjectKind
	Page  domain.Page
}

// CopyRequests returns the offers that wait for an answer, made to the caller or by them, whose objects' places are
// in the caller's reach.
func (b *Objects) CopyRequests(ctx context.Context, caller domain.Principal,
	in ListKinds) (list directory.Listed[domain.CopyRequest], err error) {
	sc, err := b.gate.EnterObjects(ctx, &caller, tenancy.Anywhere())
	if err != nil {
		return list, err
	}
	return readList(ctx, in.Page,
		func(ctx context.Context, p domain.Page) ([]domain.CopyRequest, domain.Cursor, error) {
			return b.store.CopyRequests(ctx, sc, in.Kinds, p)
		}, func(c domain.CopyRequest) domain.CopyRequest { return describeOffer(sc, c) })
}

// describeOffer takes out of an offer of a copy whom the principal of sc does not reach.
func describeOffer(sc tenancy.Scope, c domain.CopyRequest) domain.CopyRequest {
	hideUser(sc, &c.From, &c.FromAlias, c.FromHome)
	hideUser(sc, &c.To, &c.ToAlias, c.ToHome)
	return c
}

// AnswerCopy names an offer of a copy, of an object of one kind unless it is empty.
type AnswerCopy struct {
	ID   domain.CopyRequestID
	Kind domain.ObjectKind
}

// offer returns an offer of CopyRequests, with the proof that the caller may answer it. It needs the kind's permission
// to write. It returns NotFound for any other offer.
func (b *Objects) offer(ctx context.Context, caller *domain.Principal,
	in AnswerCopy) (c domain.CopyRequest, w tenancy.WriteScope, err error) {
	sc, err := b.gate.EnterObjects(ctx, caller, tenancy.Anywhere())
	if err != nil {
		return c, w, err
	}
	if c, err = b.store.CopyRequest(ctx, sc, in.ID); err != nil {
		return c, w, err
	}
	if in.Kind != "" && c.Object.Kind != in.Kind {
		return c, w, domain.ErrCopyRequestNotFound
	}
	kind, _ := c.Object.Kind.Info()
	w, err = b.gate.EnterObjectsWrite(ctx, caller, kind.Write)
	return c, w, err
}

// answer runs do on an offer, locked.
func (b *Objects) answer(ctx context.Context, w tenancy.WriteScope, id domain.CopyRequestID,
	do func(tx ObjectTx, c *domain.CopyRequest) error) error {
	return b.store.Do(ctx, w, func(tx ObjectTx) error {
		c, err := tx.CopyRequest(id)
		if err != nil {
			return err
		}
		return do(tx, &c)
	})
}

// AcceptCopy makes the caller the owner of a copy of what they were offered, in the same environment, which nobody
// else may read. It needs the kind's permission to write. It returns NotFound for an offer that was made to somebody
// else, has expired or was answered, or whose object's place is outside the caller's reach.
func (b *Objects) AcceptCopy(ctx context.Context, caller domain.Principal, in AnswerCopy) (ObjectDocument, error) {
	_, w, err := b.offer(ctx, &caller, in)
	if err != nil {
		return ObjectDocument{}, err
	}
	id, err := b.store.NextObject(ctx)
	if err != nil {
		return ObjectDocument{}, err
	}
	var o domain.Object
	err = b.answer(ctx, w, in.ID, func(tx ObjectTx, c *domain.CopyRequest) error {
		if c.To != caller.UserKey() {
			return domain.ErrCopyRequestNotFound
		}
		from := &c.Object
		o = domain.Object{ID: id, Kind: from.Kind, Organization: from.Organization, Environment: from.Environment,
			Path: from.Path, Owner: c.To, OwnerAlias: caller.Alias, OwnerHome: caller.Home, Name: from.Name,
			Attributes: from.Attributes}
		if err := tx.AcceptCopyRequest(c, &o); err != nil {
			return err
		}
		domain.Conclude(ctx, describeObject(w.Read(), o))
		return nil
	})
	return documentOr(w.Read(), o, err)
}

// DeclineCopy takes an offer away that was made to the caller or by them, and returns what it was. It returns NotFound
// for any other.
func (b *Objects) DeclineCopy(ctx context.Context, caller domain.Principal, in AnswerCopy) (domain.CopyRequest, error) {
	c, w, err := b.offer(ctx, &caller, in)
	if err != nil {
		return domain.CopyRequest{}, err
	}
	if err := b.answer(ctx, w, in.ID, ObjectTx.DeclineCopyRequest); err != nil {
		return domain.CopyRequest{}, err
	}
	return describeOffer(w.Read(), c), nil
}
