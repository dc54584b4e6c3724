package objects

import (
	"context"
	"time"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// Social is what people keep for themselves beside their account: topics and tags they like,
// topics they want no news of, contacts; and who is where at the moment.
type Social struct {
	gate       *tenancy.Gate
	me         *directory.Me
	objects    *Objects
	favourites FavouriteStore
	contacts   ContactStore
	presences  PresenceStore
	now        func() time.Time
}

// SocialStores are the parts of the directory that Social works on.
type SocialStores struct {
	Favourites FavouriteStore
	Contacts   ContactStore
	Presences  PresenceStore
}

// NewSocial returns the use cases of what people keep for themselves.
func NewSocial(gate *tenancy.Gate, me *directory.Me, objects *Objects, stores SocialStores, now func() time.Time) *Social {
	return &Social{gate: gate, me: me, objects: objects, favourites: stores.Favourites, contacts: stores.Contacts, presences: stores.Presences, now: now}
}

// FavouriteStore keeps lists of names of users, under the rule of UserStore.
type FavouriteStore interface {
	// Of returns the lists of the user with that number.
	Of(ctx context.Context, sc tenancy.Scope, id domain.UserID) (domain.Favourites, error)
	// Add puts a name on a list. It is domain.ErrAlreadyFavourite if it is there, compared by
	// domain.Fold, and domain.ErrTooManyFavourites.
	Add(ctx context.Context, w tenancy.WriteScope, id domain.UserID, list domain.FavouriteList, name string) error
	// Remove takes a name off a list. It is domain.ErrNotFavourite if it is not there.
	Remove(ctx context.Context, w tenancy.WriteScope, id domain.UserID, list domain.FavouriteList, name string) error
	// Replace makes names all there is on a list.
	Replace(ctx context.Context, w tenancy.WriteScope, id domain.UserID, list domain.FavouriteList, names []string) error
}

// ContactStore keeps the contacts of whoever a scope was given to. Somebody whom the scope
// does not cover does not exist, also as a contact.
type ContactStore interface {
	// List returns the contacts in the order in which they were added.
	List(ctx context.Context, sc tenancy.Scope) ([]domain.Contact, error)
	// Add makes the user with that alias a contact. It is domain.ErrUserNotFound,
	// domain.ErrContact if they are one already, or domain.ErrTooManyContacts.
	Add(ctx context.Context, w tenancy.WriteScope, alias string) error
	// Remove takes a contact away. It is domain.ErrNotContact if there is none.
	Remove(ctx context.Context, w tenancy.WriteScope, alias string) error
}

// PresenceStore keeps who was when in which topic. A topic that a scope does not cover does
// not exist.
type PresenceStore interface {
	// Put says that whoever w was given to is in a topic of their organization. It is
	// domain.ErrObjectNotFound if there is none.
	Put(ctx context.Context, w tenancy.WriteScope, topic domain.ObjectID, status domain.PresenceStatus, at time.Time) error
	// In returns the presences in a topic since a time, the newest first.
	In(ctx context.Context, sc tenancy.Scope, topic domain.ObjectID, since time.Time) ([]domain.Presence, error)
	// List returns up to limit of the presences that f keeps in topics of the viewer's own
	// organization, the newest first, without the first skip.
	List(ctx context.Context, sc tenancy.Scope, f domain.PresenceFilter, skip, limit int) ([]domain.Presence, error)
	// Count returns how many presences List returns without a limit.
	Count(ctx context.Context, sc tenancy.Scope, f domain.PresenceFilter) (int64, error)
	// Visited returns in which of the topics whoever sc was given to ever said they were, and
	// in how many altogether.
	Visited(ctx context.Context, sc tenancy.Scope, topics []domain.ObjectID) (visited []domain.ObjectID, all int64, err error)
	// Delete takes away where a user was said to be; it is nil if they were not.
	Delete(ctx context.Context, w tenancy.WriteScope, topic domain.ObjectID, of domain.UserKey) error
	// OfContacts returns the presences since a time of the contacts of whoever sc was given
	// to, in topics that the scope topics covers, the newest first.
	OfContacts(ctx context.Context, sc, topics tenancy.Scope, since time.Time) ([]domain.Presence, error)
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
	if p.Favourites, err = s.favourites.Of(ctx, sc, caller.User); err != nil {
		return p, err
	}
	p.Contacts, err = s.listContacts(ctx, &caller)
	return p, err
}

// keep is the proof that the caller may change what they keep.
func (s *Social) keep(ctx context.Context, caller *domain.Principal) (tenancy.WriteScope, error) {
	return s.gate.EnterWrite(ctx, caller, domain.ProfileUpdate, tenancy.Anywhere())
}

// AddTag puts a tag on the caller's favourites. It needs domain.ProfileUpdate, is Invalid for what
// cannot be a tag, domain.ErrAlreadyFavourite if it is there and domain.ErrTooManyFavourites.
func (s *Social) AddTag(ctx context.Context, caller domain.Principal, tag string) error {
	return s.add(ctx, &caller, domain.FavouriteTags, tag)
}

func (s *Social) add(ctx context.Context, caller *domain.Principal, list domain.FavouriteList, name string) error {
	w, err := s.keep(ctx, caller)
	if err != nil {
		return err
	}
	if err := domain.CheckFavourite(list, name); err != nil {
		return err
	}
	return s.favourites.Add(ctx, w, caller.User, list, name)
}

func (s *Social) remove(ctx context.Context, caller *domain.Principal, list domain.FavouriteList, name string) error {
	w, err := s.keep(ctx, caller)
	if err != nil {
		return err
	}
	return s.favourites.Remove(ctx, w, caller.User, list, name)
}

// RemoveTag takes a tag off the caller's favourites. It is domain.ErrNotFavourite if it is not there.
func (s *Social) RemoveTag(ctx context.Context, caller domain.Principal, tag string) error {
	return s.remove(ctx, &caller, domain.FavouriteTags, tag)
}

// topic returns the topic of that full name that was made for who, given to them, or opened
// to everybody; who manages topics does not read the others here.
func (s *Social) topic(ctx context.Context, caller *domain.Principal, name string) (ObjectDocument, error) {
	return s.objects.Named(ctx, *caller, NamedObject{Kind: domain.KindTopic, FullName: name, Personal: true})
}

// AddFavourite puts a topic that the caller may read on their favourites. It is
// domain.ErrObjectNotFound for any other, and otherwise as AddTag.
func (s *Social) AddFavourite(ctx context.Context, caller domain.Principal, topic string) error {
	o, err := s.topic(ctx, &caller, topic)
	if err != nil {
		return err
	}
	return s.add(ctx, &caller, domain.FavouriteTopics, o.FullName)
}

// RemoveFavourite takes a topic off the caller's favourites, also one that the caller may not read any
// more. It is domain.ErrNotFavourite if it is not there.
func (s *Social) RemoveFavourite(ctx context.Context, caller domain.Principal, topic string) error {
	return s.remove(ctx, &caller, domain.FavouriteTopics, topic)
}

// Mute notes that who wants no news of a topic, whether or not there is one of that name.
// It is as AddTag otherwise.
func (s *Social) Mute(ctx context.Context, caller domain.Principal, topic string) error {
	return s.add(ctx, &caller, domain.MutedTopics, topic)
}

// Unmute takes back Mute of a topic that the caller may read. It is domain.ErrObjectNotFound for
// any other, and domain.ErrNotFavourite if the caller does want its news.
func (s *Social) Unmute(ctx context.Context, caller domain.Principal, topic string) error {
	if _, err := s.topic(ctx, &caller, topic); err != nil {
		return err
	}
	return s.remove(ctx, &caller, domain.MutedTopics, topic)
}

// MuteAll is Mute of every topic that the caller may read, except those made for one user
// alone, in place of what was muted before. It is domain.ErrTooManyFavourites if these are more
// than a list can have.
func (s *Social) MuteAll(ctx context.Context, caller domain.Principal) error {
	w, err := s.keep(ctx, &caller)
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
	return s.favourites.Replace(ctx, w, caller.User, domain.MutedTopics, names)
}

// UnmuteAll takes back Mute of every topic.
func (s *Social) UnmuteAll(ctx context.Context, caller domain.Principal) error {
	w, err := s.keep(ctx, &caller)
	if err != nil {
		return err
	}
	return s.favourites.Replace(ctx, w, caller.User, domain.MutedTopics, nil)
}

// fellows is the proof of which people who can name to themselves: whoever is at home where
// who works, whether or not who may list people.
func (s *Social) fellows(ctx context.Context, caller *domain.Principal) (tenancy.WriteScope, error) {
	return s.gate.EnterWrite(ctx, caller, domain.EnvironmentRead, tenancy.Anywhere())
}

// AddContact makes the user with that alias one of the caller's contacts. It needs
// domain.ProfileUpdate. It is domain.ErrUserNotFound for somebody who is not at home where
// who works, domain.ErrContact for a contact, and domain.ErrTooManyContacts.
func (s *Social) AddContact(ctx context.Context, caller domain.Principal, alias string) error {
	if _, err := s.keep(ctx, &caller); err != nil {
		return err
	}
	w, err := s.fellows(ctx, &caller)
	if err != nil {
		return err
	}
	return s.contacts.Add(ctx, w, alias)
}

// RemoveContact takes the user with that alias off the caller's contacts. It is
// domain.ErrNotContact if they are none.
func (s *Social) RemoveContact(ctx context.Context, caller domain.Principal, alias string) error {
	if _, err := s.keep(ctx, &caller); err != nil {
		return err
	}
	w, err := s.fellows(ctx, &caller)
	if err != nil {
		return err
	}
	return s.contacts.Remove(ctx, w, alias)
}

// listContacts returns the caller's contacts, as far as they are still at home where who works.
func (s *Social) listContacts(ctx context.Context, caller *domain.Principal) ([]domain.Contact, error) {
	w, err := s.fellows(ctx, caller)
	if domain.ErrForbidden.Is(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.contacts.List(ctx, w.Read())
}

// ContactsSeen are the caller's contacts, and where they were.
type ContactsSeen struct {
	Contacts  []domain.Contact
	Presences []domain.Presence // the newest first
}

// Contacts returns the caller's contacts and their presences within the given time until now, in
// topics that the caller may read. It needs domain.ProfileRead.
func (s *Social) Contacts(ctx context.Context, caller domain.Principal, within time.Duration) (seen ContactsSeen, err error) {
	if _, err := s.gate.Enter(ctx, &caller, domain.ProfileRead, tenancy.Anywhere()); err != nil {
		return seen, err
	}
	w, err := s.fellows(ctx, &caller)
	if err != nil {
		return seen, err
	}
	if seen.Contacts, err = s.contacts.List(ctx, w.Read()); err != nil {
		return seen, err
	}
	topics, err := s.gate.EnterObjects(ctx, &caller, tenancy.Anywhere())
	if domain.ErrForbidden.Is(err) {
		return seen, nil
	}
	if err != nil {
		return seen, err
	}
	seen.Presences, err = s.presences.OfContacts(ctx, w.Read(), topics.Personally(), s.now().Add(-within))
	return seen, err
}

// PresenceWithin is for how long a presence counts as one of now.
const PresenceWithin = 15 * time.Second

// SetPresence says where somebody is.
type SetPresence struct {
	Topic  string // its full name
	Status domain.PresenceStatus
}

// SetPresence notes that who is in a topic that they may read, and returns who else is, the
// newest first. It needs domain.TopicRead.
func (s *Social) SetPresence(ctx context.Context, caller domain.Principal, in SetPresence) ([]domain.Presence, error) {
	if _, err := domain.ParsePresenceStatus(string(in.Status)); err != nil {
		return nil, err
	}
	o, err := s.topic(ctx, &caller, in.Topic)
	if err != nil {
		return nil, err
	}
	w, err := s.gate.EnterObjectsWrite(ctx, &caller, domain.TopicRead)
	if err != nil {
		return nil, err
	}
	w = w.Personally()
	now := s.now()
	if err := s.presences.Put(ctx, w, o.ID, in.Status, now); err != nil {
		return nil, err
	}
	return s.presences.In(ctx, w.Read(), o.ID, now.Add(-PresenceWithin))
}

// ListPresences asks for presences.
type ListPresences struct {
	Topic       string // a full name; empty is any
	Filter      domain.PresenceFilter
	None        bool // keeps nothing
	Skip, Limit int
}

// PresenceList is a part of the presences that a filter keeps, the newest first.
type PresenceList struct {
	Presences []domain.Presence
	Total     int64 // how many the filter keeps
}

// ListPresences returns who was when in the topics of the caller's organization that they may read. It
// needs domain.TopicRead, and is domain.ErrObjectNotFound for a topic that the caller may not read.
func (s *Social) ListPresences(ctx context.Context, caller domain.Principal, in ListPresences) (list PresenceList, err error) {
	if in.Limit < 1 || in.Limit > domain.MaxPresences {
		in.Limit = domain.MaxPresences
	}
	if in.Topic != "" {
		o, err := s.topic(ctx, &caller, in.Topic)
		if err != nil {
			return list, err
		}
		in.Filter.Topic = o.ID
	}
	sc, err := s.gate.EnterObjects(ctx, &caller, tenancy.Anywhere())
	if err != nil || in.None {
		return list, err
	}
	if list.Total, err = s.presences.Count(ctx, sc.Personally(), in.Filter); err != nil || list.Total <= int64(in.Skip) {
		return list, err
	}
	list.Presences, err = s.presences.List(ctx, sc.Personally(), in.Filter, in.Skip, in.Limit)
	return list, err
}

// Absence names a topic and a user who is not there any more.
type Absence struct {
	Topic string // its full name
	Alias string // empty is whoever asks
}

// EndPresence takes away where somebody was said to be; nothing happens if they were not. One's
// own needs a topic that one may read, another's domain.LevelAdmin on it: it is
// domain.ErrUserNotFound for somebody who is not at home where who works.
func (s *Social) EndPresence(ctx context.Context, caller domain.Principal, in Absence) error {
	o, err := s.objects.Named(ctx, caller, NamedObject{Kind: domain.KindTopic, FullName: in.Topic,
		Personal: in.Alias == "" || domain.Fold(in.Alias) == domain.Fold(caller.Alias)})
	if err != nil {
		return err
	}
	w, err := s.gate.EnterObjectsWrite(ctx, &caller, domain.TopicRead)
	if err != nil {
		return err
	}
	of := domain.UserKey{Organization: caller.Organization, User: caller.User}
	if in.Alias != "" && domain.Fold(in.Alias) != domain.Fold(caller.Alias) {
		if o.Level < domain.LevelAdmin {
			return domain.ErrForbidden
		}
		u, err := s.objects.fellow(ctx, &caller, domain.TopicWrite, domain.UserRef{Alias: in.Alias}, "user")
		if err != nil {
			return err
		}
		of = u.Key()
	}
	return s.presences.Delete(ctx, w, o.ID, of)
}
