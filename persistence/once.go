package persistence

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// AnswerStore keeps what callers were answered to requests that have a key.
type AnswerStore struct{ db *db.DB }

// NewAnswerStore returns the store of answers in d.
func NewAnswerStore(d *db.DB) *AnswerStore { return &AnswerStore{d} }

// keptAnswerRow is a row of the table kept_answers. It is the caller's alone, whoever can reach them.
type keptAnswerRow struct {
	bun.BaseModel `bun:"table:kept_answers,alias:k"`

	OrganizationID int64  `bun:",pk"`
	UserID         int64  `bun:",pk"`
	Key            string `bun:",pk"`
	Request        string
	Attempt        string
	CreatedAt      int64
	ExpiresAt      int64
	TargetKind     string
	TargetID       int64
	Answer         string
}

// answerJSON is how an answer is stored, sealed.
type answerJSON struct {
	Rights string      `json:"rights"`
	Status int         `json:"status,omitempty"`
	Header [][2]string `json:"header,omitempty"`
	Body   []byte      `json:"body,omitempty"`
}

// stalledAfter is when nobody is taken to be about to answer any more what was changed.
const stalledAfter = time.Minute

// errCommitted reports that a transaction was committed at an earlier try, whose outcome was not known.
var errCommitted = errors.New("the transaction was committed before")

// keptAnswer returns the row of a request that was not answered yet.
func keptAnswer(d *db.DB, o *domain.Once) (*keptAnswerRow, error) {
	by := strconv.FormatInt(int64(o.By.Organization), 10) + "/" + strconv.FormatInt(int64(o.By.User), 10)
	key, err := d.Vault.Hash("key of a request", by, o.Key)
	if err != nil {
		return nil, err
	}
	request, err := d.Vault.Hash("request", by, o.Request)
	if err != nil {
		return nil, err
	}
	now := d.Now()
	return &keptAnswerRow{OrganizationID: int64(o.By.Organization), UserID: int64(o.By.User), Key: key, Request: request,
		Attempt: o.Attempt, CreatedAt: db.Millis(now), ExpiresAt: db.Millis(now.Add(o.For))}, nil
}

// place is what the row's answer is sealed for.
func (r *keptAnswerRow) place() string {
	return "answer " + strconv.FormatInt(r.OrganizationID, 10) + "/" + strconv.FormatInt(r.UserID, 10) + "/" + r.Key
}

// seal puts an answer into the row, for those who have the rights of o.
func (r *keptAnswerRow) seal(d *db.DB, o *domain.Once, a *domain.Answer) error {
	text, err := json.Marshal(answerJSON{o.Rights, a.Status, a.Header, a.Body})
	if err != nil {
		return err
	}
	r.Answer, err = d.Vault.Seal(r.place(), string(text))
	return err
}

// find returns the row with the key of want, or ErrOnceReused if it is of another request; found is false for none.
func (r *keptAnswerRow) find(ctx context.Context, from db.Reader) (found bool, row keptAnswerRow, err error) {
	var rows []keptAnswerRow
	err = from.NewSelect().Model(&rows).Where("k.organization_id = ? AND k.user_id = ? AND k.key = ?", r.OrganizationID,
		r.UserID, r.Key).Where("k.expires_at > ?", r.CreatedAt).Scan(ctx)
	if err != nil || len(rows) == 0 {
		return false, row, db.Translate(err)
	}
	if rows[0].Request != r.Request {
		return false, row, domain.ErrOnceReused
	}
	return true, rows[0], nil
}

// Kept returns what is known of the request's key, and whether anything is. It returns domain.ErrOnceReused if the key
// came with another request.
func (s *AnswerStore) Kept(ctx context.Context, o *domain.Once) (kept domain.Kept, found bool, err error) {
	asked, err := keptAnswer(s.db, o)
	if err != nil {
		return kept, false, err
	}
	found, row, err := asked.find(ctx, s.db)
	if err != nil || !found {
		return kept, false, err
	}
	kept.Own = row.Attempt == asked.Attempt
	kept.Target = domain.Target{Kind: row.TargetKind, ID: row.TargetID}
	if row.Answer == "" {
		kept.Given = row.CreatedAt <= db.Millis(s.db.Now().Add(-stalledAfter))
		return kept, true, nil
	}
	text, err := s.db.Vault.Open(row.place(), row.Answer)
	if err != nil {
		return kept, false, err
	}
	var a answerJSON
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return kept, false, err
	}
	if a.Rights != o.Rights {
		return domain.Kept{Given: true}, true, nil
	}
	kept.Given, kept.Answer = true, domain.Answer{Status: a.Status, Header: a.Header, Body: a.Body}
	return kept, true, nil
}

// Keep keeps what the request was answered, and its key if no change was noted with it.
func (s *AnswerStore) Keep(ctx context.Context, o *domain.Once, a domain.Answer) error {
	row, err := keptAnswer(s.db, o)
	if err != nil {
		return err
	}
	if err := row.seal(s.db, o, &a); err != nil {
		return err
	}
	return s.db.Do(ctx, tenancy.WriteScope{}, func(t *db.Tx) error {
		if !o.Made {
			if err := (&Tx{Tx: t}).claim(o); err != nil {
				return err
			}
		}
		return t.One(t.NewUpdate().Model(row).Column("answer").WherePK().Where("attempt = ?", row.Attempt), domain.ErrChanged)
	})
}

// do runs work in a transaction. The first one of a request with a key notes the key, and the one that concludes it
// keeps the answer.
func (s *Store) do(ctx context.Context, w tenancy.WriteScope, work func(*Tx) error) error {
	o := domain.OnceFrom(ctx)
	if o != nil && domain.Rehearses(ctx) {
		o.Tried = true
		if o.Whole != nil {
			o.Whole.Tried = true
		}
	}
	if o == nil || o.Tried || o.Kept {
		return s.db.Do(ctx, w, func(t *db.Tx) error { return work(&Tx{Tx: t}) })
	}
	do := s.db.Do
	if !o.Made {
		do = s.db.DoKnown
	}
	err := do(ctx, w, func(t *db.Tx) error {
		tx := &Tx{Tx: t}
		if !o.Made {
			if err := tx.claim(o); err != nil {
				return err
			}
		}
		o.Concluded = nil
		if err := work(tx); err != nil {
			return err
		}
		return tx.note(o)
	})
	if errors.Is(err, errCommitted) {
		err = nil
	}
	if err == nil {
		o.Made, o.Kept = true, o.Concluded != nil
	}
	return err
}

// claim notes the key of a request. Whoever else has the same waits until the transaction has ended. It returns
// errCommitted if the request did so before, and ErrOnceRunning or ErrOnceReused if another one did, or ErrPartDone for
// a part.
func (tx *Tx) claim(o *domain.Once) error {
	row, err := keptAnswer(tx.DB, o)
	if err != nil {
		return err
	}
	if most := tx.DB.Quotas.Answers; most > 0 {
		some := tx.NewSelect().Table("kept_answers").ColumnExpr("1").
			Where("organization_id = ? AND user_id = ? AND expires_at > ?", row.OrganizationID, row.UserID, row.CreatedAt).
			Limit(most)
		if held, err := tx.NewSelect().TableExpr("(?) AS held", some).Count(tx.Ctx); err != nil || held >= most {
			return orElse(db.Translate(err), domain.ErrOnceMany)
		}
	}
	res, err := tx.Bun.NewInsert().Model(row).On("CONFLICT (organization_id, user_id, key) DO UPDATE").
		Set("request = excluded.request").Set("attempt = excluded.attempt").Set("created_at = excluded.created_at").
		Set("expires_at = excluded.expires_at").Set("target_kind = ''").Set("target_id = 0").Set("answer = ''").
		Where("k.expires_at <= ?", row.CreatedAt).Exec(tx.Ctx)
	err = db.One(res, err, domain.ErrOnceRunning)
	if !domain.ErrOnceRunning.Is(err) {
		return err
	}
	found, before, failed := row.find(tx.Ctx, tx)
	switch {
	case failed != nil:
		return failed
	case found && before.Attempt == row.Attempt:
		return errCommitted
	case found && o.Whole != nil:
		o.Target = domain.Target{Kind: before.TargetKind, ID: before.TargetID}
		return domain.ErrPartDone
	}
	return err
}

// note notes what the request changed first, and what it is answered if that is known.
func (tx *Tx) note(o *domain.Once) error {
	var columns []string
	row, err := keptAnswer(tx.DB, o)
	if err != nil {
		return err
	}
	if !o.Made && len(tx.entries) > 0 {
		o.Target = tx.entries[0].Target
		row.TargetKind, row.TargetID = o.Target.Kind, o.Target.ID
		columns = append(columns, "target_kind", "target_id")
	}
	if o.Concluded != nil {
		if err := row.seal(tx.DB, o, o.Concluded); err != nil {
			return err
		}
		columns = append(columns, "answer")
	}
	if len(columns) == 0 {
		return nil
	}
	return tx.One(tx.NewUpdate().Model(row).Column(columns...).WherePK(), domain.ErrChanged)
}

// sweptTogether bounds the answers that are removed together.
const sweptTogether = 500

// sweepAnswers removes the answers that are not kept any more, those of one organization in one statement.
func sweepAnswers(ctx context.Context, d *db.DB, now time.Time) error {
	for {
		var rows []keptAnswerRow
		err := d.NewSelect().Model(&rows).Column("organization_id", "key").Where("k.expires_at <= ?", db.Millis(now)).
			Limit(sweptTogether).Scan(ctx)
		if err != nil {
			return db.Translate(err)
		}
		keys := make(map[int64][]string)
		for _, r := range rows {
			keys[r.OrganizationID] = append(keys[r.OrganizationID], r.Key)
		}
		for organization, some := range keys {
			err := d.Alone(ctx, func() error {
				_, err := d.NewDelete().Table("kept_answers").Where("organization_id = ?", organization).
					Where("key IN (?) AND expires_at <= ?", db.In(some), db.Millis(now)).Exec(ctx)
				return err
			})
			if err != nil {
				return err
			}
		}
		if len(rows) < sweptTogether {
			return nil
		}
	}
}
