package objects

import (
	"context"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// fellows is the proof of which people the caller can name to themselves: whoever is at home where the caller works,
// whether or not they may list people.
func (s *Social) fellows(ctx context.Context, caller *domain.Principal) (tenancy.WriteScope, error) {
	return s.gate.EnterWrite(ctx, caller, domain.EnvironmentRead, tenancy.Anywhere())
}

// AddContact makes the user with that alias one of the caller's contacts. It needs domain.ProfileUpdate. It returns
// domain.ErrUserNotFound for somebody who is not at home where the caller works, domain.ErrContact for a contact, and
// domain.ErrTooManyContacts.
func (s *Social) AddContact(ctx context.Context, caller domain.Principal, alias string) error {
	return s.contact(ctx, &caller, alias, SocialTx.AddContact)
}

// RemoveContact takes the user with that alias off the caller's contacts. It returns domain.ErrNotContact if they are
// none.
func (s *Social) RemoveContact(ctx context.Context, caller domain.Principal, alias string) error {
	return s.contact(ctx, &caller, alias, SocialTx.RemoveContact)
}

// contact runs a change on the contact with that alias.
func (s *Social) contact(ctx context.Context, caller *domain.Principal, alias string,
	change func(SocialTx, string) error) error {
	if _, err := s.gate.EnterWrite(ctx, caller, domain.ProfileUpdate, tenancy.Anywhere()); err != nil {
		return err
	}
	w, err := s.fellows(ctx, caller)
	if err != nil {
		return err
	}
	return s.store.Do(ctx, w, func(tx SocialTx) error { return change(tx, alias) })
}

// ContactsSeen are the caller's contacts, and where they were.
type ContactsSeen struct {
	Contacts  []domain.Contact
	Presences []domain.Presence // the newest first
}

// Contacts returns the caller's contacts and their presences within the given time until now, in topics that the
// caller may read. It needs domain.ProfileRead.
func (s *Social) Contacts(ctx context.Context, caller domain.Principal,
	within time.Duration) (seen ContactsSeen, err error) {
	if _, err := s.gate.Enter(ctx, &caller, domain.ProfileRead, tenancy.Anywhere()); err != nil {
		return seen, err
	}
	w, err := s.fellows(ctx, &caller)
	if err != nil {
		return seen, err
	}
	if seen.Contacts, err = s.store.Contacts(ctx, w.Read()); err != nil {
		return seen, err
	}
	topics, err := s.gate.EnterObjects(ctx, &caller, tenancy.Anywhere())
	if domain.ErrForbidden.Is(err) {
		return seen, nil
	}
	if err != nil {
		return seen, err
	}
	seen.Presences, err = s.store.PresencesOfContacts(ctx, w.Read(), topics.Personally(), s.now().Add(-within))
	return seen, err
}
