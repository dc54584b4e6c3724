package storetest

import (
	"context"
	"time"

	"canopy/domain"
	"canopy/persistence"
	"canopy/tenancy"
)

// ObjectStore is the store of objects together with the changes that use cases make of its transactions.
type ObjectStore struct {
	*persistence.ObjectStore
	*persistence.Store
}

// Insert adds an object and returns it with its numbers.
func (s ObjectStore) Insert(ctx context.Context, w tenancy.WriteScope, o domain.Object) (domain.Object, error) {
	id, err := s.NextObject(ctx)
	if err != nil {
		return o, err
	}
	o.ID = id
	return o, s.Do(ctx, w, func(tx *persistence.Tx) error { return insertObject(tx, &o) })
}

func insertObject(tx *persistence.Tx, o *domain.Object) error {
	parent, err := tx.Parent(o)
	if err != nil {
		return err
	}
	return tx.InsertObject(o, parent)
}

// with runs work on an object, locked, and returns it.
func (s ObjectStore) with(ctx context.Context, w tenancy.WriteScope, key domain.ObjectKey,
	work func(*persistence.Tx, *domain.Object) error) (o domain.Object, err error) {
	err = s.Do(ctx, w, func(tx *persistence.Tx) (err error) {
		if o, err = tx.Object(key); err != nil {
			return err
		}
		return work(tx, &o)
	})
	return o, err
}

// Update saves what change makes of an object, and returns it.
func (s ObjectStore) Update(ctx context.Context, w tenancy.WriteScope, of domain.Object,
	change func(*domain.Object) error) (domain.Object, error) {
	return s.with(ctx, w, of.Key(), func(tx *persistence.Tx, o *domain.Object) error {
		before := o.Clone()
		if err := change(o); err != nil {
			return err
		}
		return tx.SaveObject(&before, o)
	})
}

// Delete removes an object.
func (s ObjectStore) Delete(ctx context.Context, w tenancy.WriteScope, o domain.Object) error {
	_, err := s.with(ctx, w, o.Key(), (*persistence.Tx).DeleteObject)
	return err
}

// Share puts an entry on the access list of an object and, if below says so, of all below it.
func (s ObjectStore) Share(ctx context.Context, w tenancy.WriteScope, of domain.Object, below bool,
	entry domain.Access) error {
	_, err := s.with(ctx, w, of.Key(), func(tx *persistence.Tx, o *domain.Object) error {
		all := []domain.Object{*o}
		if below {
			rest, err := tx.ObjectsBelow(o)
			if err != nil {
				return err
			}
			all = append(all, rest...)
		}
		if len(all) > domain.MaxTogether {
			return domain.ErrTooManyBelow
		}
		var changed []domain.Object
		for _, o := range all {
			if o.Listed(entry).Level != entry.Level {
				changed = append(changed, o)
			}
		}
		if len(changed) == 0 {
			return nil
		}
		return tx.GrantObjects(changed, entry)
	})
	return err
}

// HandOverAll gives to another user what from owns.
func (s ObjectStore) HandOverAll(ctx context.Context, w tenancy.WriteScope, from,
	to domain.UserKey) (n int64, err error) {
	err = s.Do(ctx, w, func(tx *persistence.Tx) (err error) {
		n, err = tx.HandOverObjects(from, to)
		return err
	})
	return n, err
}

// Offer offers a copy of an object.
func (s ObjectStore) Offer(ctx context.Context, w tenancy.WriteScope, of domain.Object, to domain.UserKey,
	until time.Time) (domain.CopyRequest, error) {
	id, err := s.NextCopyRequest(ctx)
	c := domain.CopyRequest{ID: id, To: to, Expires: until}
	if err != nil {
		return c, err
	}
	_, err = s.with(ctx, w, of.Key(), func(tx *persistence.Tx, o *domain.Object) error {
		c.Object = *o
		return tx.InsertCopyRequest(&c)
	})
	return c, err
}

// Accept makes the copy that copied describes.
func (s ObjectStore) Accept(ctx context.Context, w tenancy.WriteScope, id domain.CopyRequestID,
	copied func(*domain.CopyRequest) (domain.Object, error)) (o domain.Object, err error) {
	number, err := s.NextObject(ctx)
	if err != nil {
		return o, err
	}
	err = s.Do(ctx, w, func(tx *persistence.Tx) error {
		c, err := tx.CopyRequest(id)
		if err != nil {
			return err
		}
		if o, err = copied(&c); err != nil {
			return err
		}
		o.ID = number
		return tx.AcceptCopyRequest(&c, &o)
	})
	return o, err
}

// Decline removes an offer.
func (s ObjectStore) Decline(ctx context.Context, w tenancy.WriteScope, id domain.CopyRequestID) error {
	return s.Do(ctx, w, func(tx *persistence.Tx) error {
		c, err := tx.CopyRequest(id)
		if err != nil {
			return err
		}
		return tx.DeclineCopyRequest(&c)
	})
}

// Bookmark and Unbookmark change the bookmarks of whoever w was given to.
func (s ObjectStore) Bookmark(ctx context.Context, w tenancy.WriteScope, o domain.Object) error {
	return s.Do(ctx, w, func(tx *persistence.Tx) error { return tx.AddBookmark(o.Key()) })
}

// Unbookmark is described at Bookmark.
func (s ObjectStore) Unbookmark(ctx context.Context, w tenancy.WriteScope, o domain.Object) error {
	return s.Do(ctx, w, func(tx *persistence.Tx) error { return tx.RemoveBookmark(o.Key()) })
}

// SocialStore is the same for what people keep for themselves.
type SocialStore struct {
	*persistence.SocialStore
	*persistence.Store
}

// AddFavourite, RemoveFavourite, SetFavourites, AddContact, RemoveContact and SetPresence are those of a transaction.
func (s SocialStore) AddFavourite(ctx context.Context, w tenancy.WriteScope, list domain.FavouriteList,
	name string) error {
	return s.Do(ctx, w, func(tx *persistence.Tx) error { return tx.AddFavourite(list, name) })
}

// RemoveFavourite is described at AddFavourite.
func (s SocialStore) RemoveFavourite(ctx context.Context, w tenancy.WriteScope, list domain.FavouriteList,
	name string) error {
	return s.Do(ctx, w, func(tx *persistence.Tx) error { return tx.RemoveFavourite(list, name) })
}

// SetFavourites is described at AddFavourite.
func (s SocialStore) SetFavourites(ctx context.Context, w tenancy.WriteScope, list domain.FavouriteList,
	names []string) error {
	return s.Do(ctx, w, func(tx *persistence.Tx) error { return tx.SetFavourites(list, names) })
}

// AddContact is described at AddFavourite.
func (s SocialStore) AddContact(ctx context.Context, w tenancy.WriteScope, alias string) error {
	return s.Do(ctx, w, func(tx *persistence.Tx) error { return tx.AddContact(alias) })
}

// RemoveContact is described at AddFavourite.
func (s SocialStore) RemoveContact(ctx context.Context, w tenancy.WriteScope, alias string) error {
	return s.Do(ctx, w, func(tx *persistence.Tx) error { return tx.RemoveContact(alias) })
}

// SetPresence is described at AddFavourite.
func (s SocialStore) SetPresence(ctx context.Context, w tenancy.WriteScope, topic domain.ObjectID,
	status domain.PresenceStatus, at time.Time) error {
	return s.Do(ctx, w, func(tx *persistence.Tx) error { return tx.SetPresence(topic, status, at) })
}
