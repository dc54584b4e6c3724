package persistence

import (
	"context"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// SessionStore shows the sessions of users, which Tx ends. AccountStore begins them and finds them again.
type SessionStore struct{ db *db.DB }

// NewSessionStore returns the store of sessions in d.
func NewSessionStore(d *db.DB) *SessionStore { return &SessionStore{d} }

// sessionRow is a row of the table sessions.
type sessionRow struct {
	bun.BaseModel `bun:"table:sessions,alias:s"`

	OrganizationID int64  `bun:",pk"`
	UserID         int64  `bun:",pk"`
	ID             string `bun:",pk"`
	Kind           int64
	TokenEpoch     int64
	EnvironmentID  int64
	SecretHash     string
	Renewals       int64
	RenewedAt      int64
	CreatedAt      int64
	LastAt         int64
	ExpiresAt      int64
	IdleLimit      int64
	Client         string
	Network        string
	Surface        string
	Proof          int64
	FactorID       string
	ProvedAt       int64
}

// Within implements db.Scoped.
func (sessionRow) Within(sc tenancy.Scope) db.Predicate { return withUser(sc, "s") }

func toSessionRow(s *domain.Session) *sessionRow {
	return &sessionRow{
		OrganizationID: int64(s.Organization), UserID: int64(s.User), ID: string(s.ID), Kind: int64(s.Kind),
		TokenEpoch: s.TokenEpoch, EnvironmentID: int64(s.Environment), SecretHash: string(s.Hash),
		Renewals: s.Renewals, RenewedAt: db.Millis(s.Renewed),
		CreatedAt: db.Millis(s.Created), LastAt: db.Millis(s.LastUsed), ExpiresAt: db.Millis(s.Expires),
		IdleLimit: s.Idle.Milliseconds(),
		Client:    s.Client, Network: s.Network, Surface: s.Surface,
		Proof: int64(s.Proved.Proof), FactorID: string(s.Proved.Factor), ProvedAt: db.Millis(s.Proved.At),
	}
}

func (r *sessionRow) session() domain.Session {
	return domain.Session{
		SessionKey: domain.SessionKey{UserKey: userKey(r.OrganizationID, r.UserID), ID: domain.UUID(r.ID)},
		Kind:       domain.SessionKind(r.Kind), TokenEpoch: r.TokenEpoch, Environment: domain.EnvironmentID(r.EnvironmentID),
		Hash: domain.SecretHash(r.SecretHash), Renewals: r.Renewals, Renewed: db.Moment(r.RenewedAt),
		Created:  db.Moment(r.CreatedAt),
		LastUsed: db.Moment(r.LastAt), Expires: db.Moment(r.ExpiresAt), Idle: time.Duration(r.IdleLimit) * time.Millisecond,
		Client: r.Client, Network: r.Network, Surface: r.Surface,
		Proved: domain.Proved{Proof: domain.Proof(r.Proof), Factor: domain.UUID(r.FactorID), At: r.proved()},
	}
}

// proved returns when the session was proved: when it was made, where nothing else was noted.
func (r *sessionRow) proved() time.Time {
	if r.ProvedAt == 0 {
		return db.Moment(r.CreatedAt)
	}
	return db.Moment(r.ProvedAt)
}

func (s *SessionStore) List(ctx context.Context, sc tenancy.Scope, user domain.UserKey) ([]domain.Session, error) {
	now := db.Millis(s.db.Now())
	var rows []sessionRow
	err := db.From(s.db, sc, &rows).Apply(owned(user)).
		Where("s.token_epoch = (SELECT u.token_epoch FROM users u WHERE u.organization_id = ? AND u.id = ?)",
			int64(user.Organization), int64(user.User)).
		Where("s.expires_at > ? AND (s.idle_limit = 0 OR s.last_at + s.idle_limit > ?)", now, now).
		Order("s.last_at DESC", "s.id DESC").Scan(ctx)
	sessions := make([]domain.Session, len(rows))
	for i := range rows {
		sessions[i] = rows[i].session()
	}
	return sessions, db.Translate(err)
}

// HasSession reports whether a session of a user whom User returned is there, and not one from before all were ended.
func (tx *Tx) HasSession(k domain.SessionKey) (bool, error) {
	if _, err := tx.stored(k.UserKey); err != nil {
		return false, err
	}
	has, err := tx.NewSelect().Model((*sessionRow)(nil)).Apply(owned(k.UserKey)).Where("s.id = ?", string(k.ID)).
		Where("s.token_epoch = (SELECT u.token_epoch FROM users u WHERE u.organization_id = ? AND u.id = ?)",
			int64(k.Organization), int64(k.User)).Exists(tx.Ctx)
	return has, db.Translate(err)
}

func (tx *Tx) EndSession(u domain.UserKey, id domain.UUID) error {
	user, err := tx.stored(u)
	if err != nil {
		return err
	}
	ended, err := deleteOwn(tx.Ctx, tx.Bun, u, "sessions", "id = ?", string(id))
	if err == nil && ended == 0 {
		err = domain.ErrSessionNotFound
	}
	if err != nil {
		return err
	}
	return tx.record(sessionEntry(user, domain.Change{Field: "session", Before: string(id)}))
}

func (tx *Tx) EndSessions(u domain.UserKey) error {
	user, err := tx.stored(u)
	if err != nil {
		return err
	}
	ended, err := deleteOwn(tx.Ctx, tx.Bun, u, "sessions", "")
	if err != nil || ended == 0 {
		return err
	}
	return tx.record(sessionEntry(user,
		domain.Change{Field: "sessions", Before: strconv.FormatInt(ended, 10), After: "0"}))
}

// sessionEntry is the audit entry of the end of sessions of u.
func sessionEntry(u *domain.User, c domain.Change) domain.AuditEntry {
	e := userEntry("session:end", u, []domain.Change{c})
	e.Target.Kind = "session"
	return e
}

// Begin removes the user's other sessions that have ended, and of the rest those that were unused for the
// longest time.
func (s *AccountStore) Begin(ctx context.Context, session domain.Session, keep int,
	tell func(*domain.User) domain.Mail) (key string, err error) {
	err = unscoped(ctx, s.db, func(tx *Tx) error {
		if err := tx.insertSession(&session, keep, tell); err != nil {
			return err
		}
		if err := tx.keepFactor(session.UserKey, session.Proved.Factor); err != nil {
			return err
		}
		key, err = tx.signingKey()
		return err
	})
	return key, err
}

// insertSession adds a session as Begin says. Unfinished sessions and others make room among their own, so that whoever
// has a password only ends none that were proved by more.
func (tx *Tx) insertSession(session *domain.Session, keep int, tell func(*domain.User) domain.Mail) error {
	now, row := db.Millis(tx.DB.Now()), toSessionRow(session)
	beyond := func(keep int64) *bun.SelectQuery {
		return tx.NewSelect().Model((*sessionRow)(nil)).Column("id").Apply(owned(session.UserKey)).
			Where("(s.environment_id = 0) = ?", session.Unfinished()).
			Order("s.last_at DESC", "s.id DESC").Limit(1_000_000).Offset(keep - 1)
	}
	gone := tx.NewDelete().Model((*sessionRow)(nil)).
		Where("organization_id = ? AND user_id = ?", row.OrganizationID, row.UserID)
	ended := "expires_at <= ? OR token_epoch < ? OR idle_limit > 0 AND last_at + idle_limit <= ? OR id IN (?)"
	if !session.Unfinished() {
		gone = gone.Where(ended, now, row.TokenEpoch, now, beyond(int64(keep)))
	} else {
		gone = gone.Where(ended+" OR id IN (?)", now, row.TokenEpoch, now, beyond(int64(keep)),
			beyond(domain.UnfinishedFrom).Where("s.network = ?", row.Network))
	}
	if err := tx.Run(gone); err != nil {
		return err
	}
	if err := tx.Insert(row); err != nil {
		return err
	}
	if tell != nil && !session.Unfinished() {
		if err := tx.noteDevice(session, tell); err != nil {
			return err
		}
	}
	return tx.noteProvider(session)
}

// keepFactor returns domain.ErrChanged unless a user, whose session was added, has that confirmed factor, empty for
// none. Who removes it waits for the user, whom the session refers to, and finds the session then.
func (tx *Tx) keepFactor(u domain.UserKey, id domain.UUID) error {
	if id == "" {
		return nil
	}
	has, err := tx.NewSelect().Model((*factorRow)(nil)).Apply(owned(u)).Where("f.id = ?", string(id)).
		Where("f.confirmed").Exists(tx.Ctx)
	if err == nil && !has {
		return domain.ErrChanged
	}
	return db.Translate(err)
}

func (s *AccountStore) Renew(ctx context.Context, r domain.Renewal) (session domain.Session, key string, err error) {
	k := r.Presented.SessionKey
	var refused error
	err = unscoped(ctx, s.db, func(tx *Tx) error {
		var rows []sessionRow
		err := tx.NewSelect().Model(&rows).Apply(owned(k.UserKey)).Where("s.id = ?", string(k.ID)).Apply(tx.For("UPDATE")).
			Scan(ctx)
		row, err := db.First(rows, err, domain.ErrSessionNotFound)
		if err != nil {
			return err
		}
		session = row.session()
		if refused = session.Renew(&r); refused != nil {
			if domain.ErrRefreshReused.Is(refused) {
				return tx.endOwn(k, func(*domain.User) domain.Actor {
					return domain.Actor{Organization: k.Organization, Alias: "(refresh token used twice)"}
				})
			}
			return nil
		}
		if err := tx.One(tx.NewUpdate().Model(toSessionRow(&session)).WherePK(), domain.ErrSessionNotFound); err != nil {
			return err
		}
		key, err = tx.signingKey()
		return err
	})
	return session, key, orElse(err, refused)
}

func (s *AccountStore) SignOut(ctx context.Context, k domain.SessionKey) error {
	return unscoped(ctx, s.db, func(tx *Tx) error {
		return tx.endOwn(k, func(u *domain.User) domain.Actor {
			return domain.Actor{Organization: u.Organization, User: u.ID, Alias: u.Alias}
		})
	})
}

func (tx *Tx) endOwn(k domain.SessionKey, by func(*domain.User) domain.Actor) error {
	ended, err := deleteOwn(tx.Ctx, tx.Bun, k.UserKey, "sessions", "id = ?", string(k.ID))
	if err != nil || ended == 0 {
		return err
	}
	u, err := userWith(tx.Ctx, tx, k.UserKey)
	if err != nil {
		return err
	}
	e := sessionEntry(&u, domain.Change{Field: "session", Before: string(k.ID)})
	e.Actor = by(&u)
	return recordBy(tx.Ctx, tx.DB, tx.Bun, e)
}
