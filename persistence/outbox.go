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
// is about, in that change's transaction, and what is in it is sealed.
type OutboxStore struct{ db *db.DB }

// NewOutboxStore returns the store of outgoing mail in d.
func NewOutboxStore(d *db.DB) *OutboxStore { return &OutboxStore{d} }

// outboxRow is a row of the table outbox.
type outboxRow struct {
	bun.BaseModel `bun:"table:outbox"`

	OrganizationID int64
	ID             string
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

// post puts mail into the outbox, in the transaction of the change it is about.
func post(ctx context.Context, d *db.DB, tx bun.Tx, mails []domain.Mail) error {
	var rows []*outboxRow
	for _, m := range mails {
		id := string(db.NewUUID())
		text, _ := json.Marshal(letterJSON{To: m.To, Subject: m.Subject, Text: m.Text}) // strings always marshal
		letter, err := d.Vault.Seal("outbox "+id, string(text))
		if err != nil {
			return err
		}
		now := db.Millis(d.Now())
		rows = append(rows, &outboxRow{
			OrganizationID: int64(m.User.Organization), ID: id, UserID: int64(m.User.User), Kind: m.Kind,
			State: int64(domain.MailWaiting), CreatedAt: now, NextAt: now, Letter: letter,
		})
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := tx.NewInsert().Model(&rows).Exec(ctx)
	return db.Translate(err)
}

// Post puts mail into the outbox that is about no change.
func (s *OutboxStore) Post(ctx context.Context, mails []domain.Mail) error {
	err := s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error { return post(ctx, s.db, tx, mails) })
	if err == nil {
		s.db.SignalPosted()
	}
	return err
}

// Posted has a signal soon after this process put mail into the outbox. It has one
// receiver.
func (s *OutboxStore) Posted() <-chan struct{} { return s.db.Posted() }

// Claim returns the waiting mail that is due for longest and keeps others from it until
// the given time, or ErrNotFound if none is due. Whoever claims it again afterwards is
// the only one whose Sent, Retry and GiveUp count.
func (s *OutboxStore) Claim(ctx context.Context, claimant string, now, until time.Time) (domain.OutgoingMail, error) {
	skip := s.db.For("UPDATE SKIP LOCKED")
	rows, err := s.db.Writer().QueryContext(ctx, `WITH due AS MATERIALIZED (SELECT organization_id, id FROM outbox
			WHERE state = 0 AND next_at <= ? ORDER BY next_at, id LIMIT 1`+skip+`)
		UPDATE outbox SET claimed_by = ?, next_at = ?, attempts = attempts + 1
		WHERE state = 0 AND (organization_id, id) IN (SELECT organization_id, id FROM due)
		RETURNING organization_id, id, user_id, kind, attempts, created_at, letter`,
		db.Millis(now), claimant, db.Millis(until))
	var letter string
	m, err := db.Only(rows, err, func(r db.Row) (m domain.OutgoingMail, err error) {
		var created int64
		err = r.Scan(&m.Organization, &m.ID, &m.User.User, &m.Kind, &m.Attempts, &created, &letter)
		m.User.Organization, m.Created, m.Claimed = m.Organization, db.Moment(created), claimant
		return m, err
	}, domain.ErrNotFound)
	if err != nil {
		return m, err
	}
	var l letterJSON
	text, err := s.db.Vault.Open("outbox "+string(m.ID), letter)
	if err == nil {
		err = json.Unmarshal([]byte(text), &l)
	}
	if err != nil { // it will not open at another time either
		return m, errors.Join(domain.ErrInternal.Because(err), s.GiveUp(ctx, m, "the letter cannot be opened"))
	}
	m.To, m.Subject, m.Text = l.To, l.Subject, l.Text
	return m, nil
}

// claimed is the condition that a mail is still whose it was when it was claimed.
const claimed = " WHERE organization_id = ? AND id = ? AND claimed_by = ? AND attempts = ? AND state = 0"

func (m claimedMail) args(first ...any) []any {
	return append(first, int64(m.Organization), string(m.ID), m.Claimed, m.Attempts)
}

type claimedMail domain.OutgoingMail

// Keep keeps others from a claimed mail until the given time. It is ErrChanged if the claim
// has ended.
func (s *OutboxStore) Keep(ctx context.Context, m domain.OutgoingMail, until time.Time) error {
	res, err := s.db.ExecContext(ctx, "UPDATE outbox SET next_at = ?"+claimed, claimedMail(m).args(db.Millis(until))...)
	return db.One(res, err, domain.ErrChanged)
}

// Sent notes that the mail was sent, and erases its letter. It is ErrChanged if the claim
// has ended.
func (s *OutboxStore) Sent(ctx context.Context, m domain.OutgoingMail) error {
	res, err := s.db.ExecContext(ctx, "UPDATE outbox SET state = 1, letter = '', error = '', done_at = ?"+claimed,
		claimedMail(m).args(db.Millis(s.db.Now()))...)
	return db.One(res, err, domain.ErrChanged)
}

// Retry lets the mail be claimed again from then on. It is ErrChanged if the claim has
// ended.
func (s *OutboxStore) Retry(ctx context.Context, m domain.OutgoingMail, then time.Time, why string) error {
	res, err := s.db.ExecContext(ctx, "UPDATE outbox SET next_at = ?, error = ?"+claimed,
		claimedMail(m).args(db.Millis(then), why)...)
	return db.One(res, err, domain.ErrChanged)
}

// GiveUp notes that the mail will not be sent, and erases its letter. It is ErrChanged if
// the claim has ended.
func (s *OutboxStore) GiveUp(ctx context.Context, m domain.OutgoingMail, why string) error {
	res, err := s.db.ExecContext(ctx, "UPDATE outbox SET state = 2, letter = '', error = ?, done_at = ?"+claimed,
		claimedMail(m).args(why, db.Millis(s.db.Now()))...)
	return db.One(res, err, domain.ErrChanged)
}

// Waiting returns how many mails wait to be sent.
func (s *OutboxStore) Waiting(ctx context.Context) (int64, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT count(*) FROM outbox WHERE state = 0")
	return db.Only(rows, err, db.Scalar[int64], domain.ErrInternal)
}

// SweepOutbox forgets mail that was sent or given up before the given time.
func (s *OutboxStore) SweepOutbox(ctx context.Context, before time.Time) error {
	_, err := s.db.ExecContext(ctx, "DELETE FROM outbox WHERE state <> 0 AND done_at < ?", db.Millis(before))
	return db.Translate(err)
}
