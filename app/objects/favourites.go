package objects

import (
	"context"
	"time"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// Social is what people keep for themselves beside their account: topics and tags they like, topics they want no news
// of, contacts; and who is where at the moment.
type Social struct {
	gate    *tenancy.Gate
	me      *directory.Me
	objects *Objects
	store   SocialStore
	now     func() time.Time
}

// NewSocial returns the use cases of what people keep for themselves.
func NewSocial(gate *tenancy.Gate, me *directory.Me, objects *Objects, store SocialStore,
	now func() time.Time) *Social {
	return &Social{gate: gate, me: me, objects: objects, store: store, now: now}
}

// SocialStore reads what whoever a scope was given to keeps for themselves, and who was when in which topic. A topic,
// and somebody, that a scope does not cover does not exist.
type SocialStore interface {
	// Favourites returns the lists of names.
	Favourites(ctx context.Context, sc tenancy.Scope) (domain.Favourites, error)
	// Contacts returns the contacts in the order in which they were added.
	Contacts(ctx context.Context, sc tenancy.Scope) ([]domain.Contact, error)
	presenceReader
	// Do runs work in one transaction within w. The whole of work is run again on a conflict, so it does nothing but
	// what tx offers.
	Do(ctx context.Context, w tenancy.WriteScope, work func(tx SocialTx) error) error
}

// SocialTx is one transaction on what whoever it was opened for keeps for themselves.
type SocialTx interface {
	// AddFavourite puts a name on a list. It returns domain.ErrAlreadyFavourite if it is there, compared by
	// domain.Fold, and domain.ErrTooManyFavourites.
	AddFavourite(list domain.FavouriteList, name string) error
	// RemoveFavourite takes a name off a list, or returns domain.ErrNotFavourite if it is not there.
	RemoveFavourite(list domain.FavouriteList, name string) error
	// SetFavourites makes names, of which none comes twice, all there is on a list, or returns
	// domain.ErrTooManyFavourites.
	SetFavourites(list domain.FavouriteList, names []string) error
	// AddContact makes the user with that alias a contact. It returns domain.ErrUserNotFound, domain.ErrContact if
	// they are one already, and domain.ErrTooManyContacts.
	AddContact(alias string) error
	// RemoveContact takes a contact away, or returns domain.ErrNotContact.
	RemoveContact(alias string) error
	// SetPresence says that they are in a topic of their organization, or returns domain.ErrObjectNotFound.
	SetPresence(topic domain.ObjectID, status domain.PresenceStatus, at time.Time) error
	// EndPresence takes away where a user was said to be; it does nothing if they were not.
	EndPresence(topic domain.ObjectKey, of domain.UserKey) error
}

// Profile is one's own account with everything one keeps.
type Profile struct {
	directory.UserDocument
	Favourites domain.Favourites
	Contacts   []domain.Contact
}

// Profile returns the caller's own account. It needs domain.ProfileRead.
func (s *Social) Profile(ctx context.Context, caller domain.Principal) (p Profile, err error) {
	sc, err := s.gate.Enter(ctx, &caller, domain.ProfileRead, tenancy.Anywhere())
	if err != nil {
		return p, err
	}
	if p.UserDocument, err = s.me.Get(ctx, caller); err != nil {
		return p, err
	}
	if p.Favourites, err = s.store.Favourites(ctx, sc); err != nil {
		return p, err
	}
	fellows, err := s.fellows(ctx, &caller)
	if domain.ErrForbidden.Is(err) {
		return p, nil
	}
	if err == nil {
		p.Contacts, err = s.store.Contacts(ctx, fellows.Read())
	}
	return p, err
}

// keep runs change on what the caller keeps, which needs domain.ProfileUpdate.
func (s *Social) keep(ctx context.Context, caller *domain.Principal, change func(tx SocialTx) error) error {
	w, err := s.gate.EnterWrite(ctx, caller, domain.ProfileUpdate, tenancy.Anywhere())
	if err != nil {
		return err
	}
	return s.store.Do(ctx, w, change)
}

// Favourite is a name on one of the lists; of topics it is the full name.
type Favourite struct {
	List domain.FavouriteList
	Name string
}

// AddFavourite puts a name on a list of the caller's. It needs domain.ProfileUpdate, is Invalid for what cannot be on
// the list, domain.ErrAlreadyFavourite and domain.ErrTooManyFavourites. A favourite topic must be one that the caller
// may read, or it returns domain.ErrObjectNotFound; whether there is a topic that is muted does not matter.
func (s *Social) AddFavourite(ctx context.Context, caller domain.Principal, in Favourite) error {
	if in.List == domain.FavouriteTopics {
		o, _, err := s.objects.readPersonally(ctx, &caller, domain.ObjectRef(in.Name))
		if err != nil {
			return err
		}
		in.Name = o.FullName
	}
	return s.keep(ctx, &caller, func(tx SocialTx) error {
		if err := domain.CheckFavourite(in.List, in.Name); err != nil {
			return err
		}
		return tx.AddFavourite(in.List, in.Name)
	})
}

// RemoveFavourite takes back AddFavourite, or is domain.ErrNotFavourite. A muted topic must be one that the caller
// may read, or it returns domain.ErrObjectNotFound; a favourite one may be gone.
func (s *Social) RemoveFavourite(ctx context.Context, caller domain.Principal, in Favourite) error {
	if in.List == domain.MutedTopics {
		if _, _, err := s.objects.readPersonally(ctx, &caller, domain.ObjectRef(in.Name)); err != nil {
			return err
		}
	}
	return s.keep(ctx, &caller, func(tx SocialTx) error { return tx.RemoveFavourite(in.List, in.Name) })
}

// MuteAll mutes every topic that the caller may read, except those made for one user alone, in place of what was
// muted before. It returns domain.ErrTooManyFavourites if these are more than a list can have.
func (s *Social) MuteAll(ctx context.Context, caller domain.Principal) error {
	w, err := s.gate.EnterWrite(ctx, &caller, domain.ProfileUpdate, tenancy.Anywhere())
	if err != nil {
		return err
	}
	topics, err := s.objects.List(ctx, caller, ListObjects{Everywhere: true, Personal: true,
		Filter: domain.ObjectFilter{Kinds: []domain.ObjectKind{domain.KindTopic}, Order: domain.ObjectsByName}})
	if err != nil {
		return err
	}
	var names []string
	for topic, err := range topics.Items {
		switch {
		case err != nil:
			return err
		case len(names) > domain.MaxFavourites:
			return domain.ErrTooManyFavourites
		case topic.Organization == caller.Organization && !domain.IsPrivateTopic(topic.FullName):
			names = append(names, topic.FullName)
		}
	}
	return s.store.Do(ctx, w, func(tx SocialTx) error { return tx.SetFavourites(domain.MutedTopics, names) })
}

// UnmuteAll takes back what mutes any topic.
func (s *Social) UnmuteAll(ctx context.Context, caller domain.Principal) error {
	return s.keep(ctx, &caller, func(tx SocialTx) error { return tx.SetFavourites(domain.MutedTopics, nil) })
}
