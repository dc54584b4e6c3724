package accounts

import (
	"context"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// BreakGlassStore keeps that somebody signed in who is left out of signing in by a provider only.
type BreakGlassStore interface {
	// Do runs work in one transaction within w. The whole of work is run again on a conflict.
	Do(ctx context.Context, w tenancy.WriteScope, work func(tx BreakGlassTx) error) error
}

// BreakGlassTx is one transaction of it.
type BreakGlassTx interface {
	// User returns a user, locked, or domain.ErrUserNotFound.
	User(key domain.UserKey) (domain.User, error)
	// NoteBreakGlass writes into the audit trail that a user whom User returned signed in from a network. It returns the
	// first n of the administrators whom Approvers finds; none where they were told of enough such sign-ins within the
	// hour.
	NoteBreakGlass(u domain.UserKey, network string, n int) ([]domain.User, error)
	// LostEmergencies returns the accounts that are left out and got in before the transaction changed them, and do not
	// any more, each with the first n of the administrators whom Approvers finds; with none where they were told of enough
	// others within the hour. It writes that into the audit trail, and returns each once.
	LostEmergencies(n int) ([]domain.LostEmergency, error)
	// Mail sends mails with the transaction.
	Mail(mails ...domain.Mail)
}

// Watch tells of sign-ins by accounts that are left out of signing in by a provider only.
type Watch struct {
	post  *directory.Post
	store BreakGlassStore
}

// NewWatch returns what tells of them.
func NewWatch(post *directory.Post, store BreakGlassStore) *Watch { return &Watch{post, store} }

// note tells the audit trail and the administrators of the account's organization who reach its home of a sign-in. A
// sign-in that cannot be told is none.
func (w *Watch) note(ctx context.Context, a *domain.Account, network string) error {
	return w.store.Do(ctx, tenancy.Operator(a.Alias, domain.UserUpdate), func(tx BreakGlassTx) error {
		u, err := tx.User(a.UserKey())
		if err != nil {
			return err
		}
		admins, err := tx.NoteBreakGlass(u.Key(), network, maxApprovers)
		if err != nil {
			return err
		}
		tellAdmins(w.post, tx, admins, &u, domain.LetterBreakGlass)
		return nil
	})
}

// TellLost returns what is done at the end of each transaction: it tells the audit trail and the administrators of the
// organization who reach the home of an account that is left out of signing in by a provider only, and that got in
// before the transaction, that it does not any more.
func TellLost(post *directory.Post) func(tx BreakGlassTx) error {
	return func(tx BreakGlassTx) error {
		lost, err := tx.LostEmergencies(maxApprovers)
		if err != nil {
			return err
		}
		for i := range lost {
			tellAdmins(post, tx, lost[i].Admins, &lost[i].User, domain.LetterEmergencyLost)
		}
		return nil
	}
}

// tellAdmins mails a letter about an account to those administrators who reach its home.
func tellAdmins(post *directory.Post, tx BreakGlassTx, admins []domain.User, u *domain.User, kind domain.LetterKind) {
	for i := range admins {
		subject := admins[i].Subject()
		if reach := tenancy.NominalReach(&subject); admins[i].Active && reach.Contains(u.HomePath) {
			tx.Mail(post.MailTo(admins[i].Person.Mail, u, domain.Letter{Kind: kind, Login: u.Alias,
				Language: admins[i].Language}))
		}
	}
}
