package accounts

import (
	"context"
	"time"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// Reminders tell people by mail of demands that count later and that they cannot meet yet. They are safe for concurrent
// use, and on several servers at once.
type Reminders struct {
	store  ReminderStore
	outbox Outbox
	users  *directory.Users
	pages  Pages
	now    func() time.Time
}

// ReminderStore finds whom to tell.
type ReminderStore interface {
	// Remind tells some more people in w, at most so many, at now of a demand, by the mail that tell returns, in one
	// transaction with the note that they were told. It reports false if there is nobody to tell, or another server is
	// telling people.
	Remind(ctx context.Context, w tenancy.WriteScope, now time.Time, most int,
		tell func(*domain.User, domain.Coming) domain.Mail) (more bool, err error)
}

// Outbox is where mail waits.
type Outbox interface {
	// Waiting returns how many mails wait.
	Waiting(ctx context.Context) (int64, error)
}

// NewReminders returns what tells people of demands. pages is where they add factors.
func NewReminders(store ReminderStore, outbox Outbox, users *directory.Users, pages Pages,
	now func() time.Time) *Reminders {
	return &Reminders{store: store, outbox: outbox, users: users, pages: pages, now: now}
}

// mayWait is up to how many waiting mails reminders are added, so that what people wait for is not behind all of an
// announcement.
const mayWait = 500

// Run tells people, a part after the other, until all are told or many mails wait.
func (r *Reminders) Run(ctx context.Context) error {
	for {
		waiting, err := r.outbox.Waiting(ctx)
		if err != nil || waiting >= mayWait {
			return err
		}
		more, err := r.store.Remind(ctx, tenancy.Operator("(reminders)", domain.UserRead), r.now(),
			mayWait-int(waiting), r.letter)
		if err != nil || !more {
			return err
		}
	}
}

// letter returns the letter about what comes.
func (r *Reminders) letter(u *domain.User, coming domain.Coming) domain.Mail {
	return r.users.MailTo(u.Person.Mail, u, domain.Letter{Kind: domain.LetterFactorAsked, Login: u.Alias,
		Link: r.pages.Factors(), At: coming.From, Passkey: coming.Proof == domain.ByPasskey})
}
