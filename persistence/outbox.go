package persistence

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
)

// OutboxStore keeps mail until it is sent. Mail gets into it together with the change it
// is about, by Tx.Mail, and what is in it is sealed.
type OutboxStore struct{ db *db.DB }

// NewOutboxStore returns the store of outgoing mail in d.
func NewOutboxStore(d *db.DB) *OutboxStore { return &OutboxStore{d} }

// outboxRow is a row of the table outbox.
type outboxRow struct {
	bun.BaseModel `bun:"table:outbox,alias:o"`

	OrganizationID int64  `bun:",pk"`
	ID             string `bun:",pk"`
	UserID         int64
	Kind           string
	State          int64
	Attempts       int64
	CreatedAt      int64
	NextAt         int64
	ClaimedBy      string
	DoneAt         int64
	Error          string
	Letter         string
}

// letterJSON is what of a mail is sealed.
type letterJSON struct {
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

// post puts the transaction's mail into the outbox.
func (tx *Tx) post() error {
	if len(tx.mails) == 0 {
		return nil
	}
	tx.AfterCommit(tx.DB.SignalPosted)
	var rows []*outboxRow
	for _, m := range tx.mails {
		id := string(db.NewUUID())
		text, _ := json.Marshal(letterJSON{To: m.To, Subject: m.Subject, Text: m.Text}) // strings always marshal
		letter, err := tx.DB.Vault.Seal("outbox "+id, string(text))
		if err != nil {
			return err
		}
		now := db.Millis(tx.DB.Now())
		rows = append(rows, &outboxRow{
			OrganizationID: int64(m.User.Organization), ID: id, UserID: int64(m.User.User), Kind: m.Kind,
			State: int64(domain.MailWaiting), CreatedAt: now, NextAt: now, Letter: letter,
		})
	}
	return tx.Insert(&rows)
}

// Posted has a signal soon after this process put mail into the outbox. It has one
// receiver.
func (s *OutboxStore) Posted() <-chan struct{} { return s.db.Posted() }

// claimable is how many mails somebody looks at who wants one of them: others want one too.
const claimable = 16

func (s *OutboxStore) Claim(ctx context.Context, claimant string, now, until time.Time) (domain.OutgoingMail, error) {
	for {
		var due []outboxRow
		err := s.db.NewSelect().Model(&due).Column("organization_id", "id", "attempts").Where(isDue, db.Millis(now)).
			Order("o.next_at", "o.id").Limit(claimable).Scan(ctx)
		if err != nil {
			return domain.OutgoingMail{}, db.Translate(err)
		}
		for i := range due {
			r := &due[i]
			res, err := s.db.NewUpdate().Model(r).Set("claimed_by = ?", claimant).Set("next_at = ?", db.Millis(until)).
				Set("attempts = o.attempts + 1").
				WherePK().Where("o.attempts = ?", r.Attempts).Where(isDue, db.Millis(now)).Returning("*").Exec(ctx)
			switch err := db.One(res, err, domain.ErrChanged); {
			case err == nil:
				return s.opened(ctx, r)
			case !domain.ErrChanged.Is(err): // else somebody was quicker
				return domain.OutgoingMail{}, err
			}
		}
		if len(due) < claimable {
			return domain.OutgoingMail{}, domain.ErrNotFound
		}
	}
}

// isDue is the condition that a mail waits and is due at a time.
const isDue = "o.state = 0 AND o.next_at <= ?"

// opened returns a mail that was claimed, or gives it up if it cannot be read: it will not be at another
// time either.
func (s *OutboxStore) opened(ctx context.Context, r *outboxRow) (domain.OutgoingMail, error) {
	m := domain.OutgoingMail{Organization: domain.OrganizationID(r.OrganizationID), ID: domain.UUID(r.ID),
		Attempts: r.Attempts,
		Created:  db.Moment(r.CreatedAt), Claimed: r.ClaimedBy,
		Mail: domain.Mail{Kind: r.Kind, User: userKey(r.OrganizationID, r.UserID)}}
	var l letterJSON
	text, err := s.db.Vault.Open("outbox "+r.ID, r.Letter)
	if err == nil {
		err = json.Unmarshal([]byte(text), &l)
	}
	if err != nil {
		return m, errors.Join(domain.ErrInternal.Because(err), s.GiveUp(ctx, m, "the letter cannot be opened"))
	}
	m.To, m.Subject, m.Text = l.To, l.Subject, l.Text
	return m, nil
}

// update changes a mail that is still whose it was when it was claimed. It returns ErrChanged if the claim
// has ended.
func (s *OutboxStore) update(ctx context.Context, m *domain.OutgoingMail, assignments string, values ...any) error {
	res, err := s.db.NewUpdate().Model((*outboxRow)(nil)).Set(assignments, values...).
		Where("o.organization_id = ? AND o.id = ?", int64(m.Organization), string(m.ID)).
		Where("o.claimed_by = ? AND o.attempts = ? AND o.state = 0", m.Claimed, m.Attempts).Exec(ctx)
	return db.One(res, err, domain.ErrChanged)
}

func (s *OutboxStore) Keep(ctx context.Context, m domain.OutgoingMail, until time.Time) error {
	return s.update(ctx, &m, "next_at = ?", db.Millis(until))
}

// Sent erases the letter, as GiveUp does.
func (s *OutboxStore) Sent(ctx context.Context, m domain.OutgoingMail) error {
	return s.update(ctx, &m, "state = 1, letter = '', error = '', done_at = ?", db.Millis(s.db.Now()))
}

func (s *OutboxStore) Retry(ctx context.Context, m domain.OutgoingMail, then time.Time, why string) error {
	return s.update(ctx, &m, "next_at = ?, error = ?", db.Millis(then), why)
}

func (s *OutboxStore) GiveUp(ctx context.Context, m domain.OutgoingMail, why string) error {
	return s.update(ctx, &m, "state = 2, letter = '', error = ?, done_at = ?", why, db.Millis(s.db.Now()))
}

// Waiting returns how many mails wait to be sent.
func (s *OutboxStore) Waiting(ctx context.Context) (int64, error) {
	n, err := s.db.NewSelect().Model((*outboxRow)(nil)).Where("o.state = 0").Count(ctx)
	return int64(n), db.Translate(err)
}
