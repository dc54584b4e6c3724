package objects

import (
	"context"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// presenceReader reads who was when in which topic.
type presenceReader interface {
	// Presences returns up to limit of the presences that f keeps in topics of the viewer's own organization, the
	// newest first, without the first skip.
	Presences(ctx context.Context, sc tenancy.Scope, f domain.PresenceFilter,
		skip, limit int) ([]domain.Presence, error)
	// CountPresences returns how many presences Presences returns without a limit.
	CountPresences(ctx context.Context, sc tenancy.Scope, f domain.PresenceFilter) (int64, error)
	// PresencesOfContacts returns the presences since a time of the contacts of whoever sc was given to, in topics
	// that the scope topics covers, the newest first.
	PresencesOfContacts(ctx context.Context, sc, topics tenancy.Scope, since time.Time) ([]domain.Presence, error)
	// Visited returns in which of the topics whoever sc was given to ever said they were, and in how many altogether.
	Visited(ctx context.Context, sc tenancy.Scope,
		topics []domain.ObjectID) (visited []domain.ObjectID, all int64, err error)
}

// PresenceWithin is for how long a presence counts as one of now.
const PresenceWithin = 15 * time.Second

// SetPresence says where somebody is.
type SetPresence struct {
	Topic  domain.ObjectRef
	Status domain.PresenceStatus
}

// SetPresence notes that the caller is in a topic that they may read, and returns who else is, the newest first. It
// needs domain.TopicRead.
func (s *Social) SetPresence(ctx context.Context, caller domain.Principal, in SetPresence) ([]domain.Presence, error) {
	if _, err := domain.ParsePresenceStatus(string(in.Status)); err != nil {
		return nil, err
	}
	o, _, err := s.objects.readPersonally(ctx, &caller, in.Topic)
	if err != nil {
		return nil, err
	}
	w, err := s.gate.EnterObjectsWrite(ctx, &caller, domain.TopicRead)
	if err != nil {
		return nil, err
	}
	w = w.Personally()
	now := s.now()
	if err := s.store.Do(ctx, w, func(tx SocialTx) error { return tx.SetPresence(o.ID, in.Status, now) }); err != nil {
		return nil, err
	}
	return s.store.Presences(ctx, w.Read(), domain.PresenceFilter{Topic: o.ID, Since: now.Add(-PresenceWithin)}, 0,
		domain.MaxPresences)
}

// ListPresences asks for presences.
type ListPresences struct {
	Topic       domain.ObjectRef // empty is any
	Filter      domain.PresenceFilter
	None        bool // keeps nothing
	Skip, Limit int
}

// PresenceList is a part of the presences that a filter keeps, the newest first.
type PresenceList struct {
	Presences []domain.Presence
	Total     int64 // how many the filter keeps
}

// ListPresences returns who was when in the topics of the caller's organization that they may read. It needs
// domain.TopicRead, and is domain.ErrObjectNotFound for a topic that the caller may not read.
func (s *Social) ListPresences(ctx context.Context, caller domain.Principal,
	in ListPresences) (list PresenceList, err error) {
	if in.Limit < 1 || in.Limit > domain.MaxPresences {
		in.Limit = domain.MaxPresences
	}
	if in.Topic != "" {
		o, _, err := s.objects.readPersonally(ctx, &caller, in.Topic)
		if err != nil {
			return list, err
		}
		in.Filter.Topic = o.ID
	}
	sc, err := s.gate.EnterObjects(ctx, &caller, tenancy.Anywhere())
	if err != nil || in.None {
		return list, err
	}
	if list.Total, err = s.store.CountPresences(ctx, sc.Personally(), in.Filter); err != nil ||
		list.Total <= int64(in.Skip) {
		return list, err
	}
	list.Presences, err = s.store.Presences(ctx, sc.Personally(), in.Filter, in.Skip, in.Limit)
	return list, err
}

// Absence names a topic and a user who is not there any more.
type Absence struct {
	Topic domain.ObjectRef
	User  domain.UserRef // zero is whoever asks
}

// EndPresence takes away where somebody was said to be; nothing happens if they were not. One's own needs a topic
// that one may read, another's domain.LevelAdmin on it: it returns domain.ErrUserNotFound for somebody who is not at
// home where the caller works.
func (s *Social) EndPresence(ctx context.Context, caller domain.Principal, in Absence) error {
	own, read := in.User == (domain.UserRef{}) || caller.Is(in.User), s.objects.read
	if own {
		read = s.objects.readPersonally
	}
	o, sc, err := read(ctx, &caller, in.Topic)
	if err != nil {
		return err
	}
	w, err := s.gate.EnterObjectsWrite(ctx, &caller, domain.TopicRead)
	if err != nil {
		return err
	}
	of := caller.UserKey()
	if !own {
		if sc.Level(&o) < domain.LevelAdmin {
			return domain.ErrForbidden
		}
		u, err := s.objects.fellow(ctx, &caller, domain.TopicWrite, in.User, "user")
		if err != nil {
			return err
		}
		of = u.Key()
	}
	return s.store.Do(ctx, w, func(tx SocialTx) error { return tx.EndPresence(o.Key(), of) })
}
