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

// SessionStore shows and ends the sessions of users. A session lies in a scope if its user
// does. AccountStore begins sessions and finds them again.
type SessionStore struct {
	db    *db.DB
	users UserStore
}

// NewSessionStore returns the store of sessions in d.
func NewSessionStore(d *db.DB) *SessionStore { return &SessionStore{d, UserStore{d}} }

// sessionRow is a row of the table sessions.
type sessionRow struct {
	bun.BaseModel `bun:"table:sessions,alias:s"`

	OrganizationID int64
	UserID         int64
	ID             string
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
}

func toSessionRow(s *domain.Session) *sessionRow {
	return &sessionRow{
		OrganizationID: int64(s.Organization), UserID: int64(s.User), ID: string(s.ID), Kind: int64(s.Kind),
		TokenEpoch: s.TokenEpoch, EnvironmentID: int64(s.Environment), SecretHash: string(s.Hash),
		Renewals: s.Renewals, RenewedAt: db.Millis(s.Renewed),
		CreatedAt: db.Millis(s.Created), LastAt: db.Millis(s.LastUsed), ExpiresAt: db.Millis(s.Expires), IdleLimit: s.Idle.Milliseconds(),
		Client: s.Client, Network: s.Network, Surface: s.Surface,
	}
}

const sessionColumns = `s.organization_id, s.user_id, s.id, s.kind, s.token_epoch, s.environment_id, s.secret_hash, s.renewals,
	s.renewed_at, s.created_at, s.last_at, s.expires_at, s.idle_limit, s.client, s.network, s.surface`

func scanSession(r db.Row) (s domain.Session, err error) {
	var hash string
	var renewed, created, last, expires, idle int64
	err = r.Scan(&s.Organization, &s.User, &s.ID, &s.Kind, &s.TokenEpoch, &s.Environment, &hash, &s.Renewals,
		&renewed, &created, &last, &expires, &idle, &s.Client, &s.Network, &s.Surface)
	s.Hash, s.Idle = domain.SecretHash(hash), time.Duration(idle)*time.Millisecond
	s.Renewed, s.Created, s.LastUsed, s.Expires = db.Moment(renewed), db.Moment(created), db.Moment(last), db.Moment(expires)
	return s, err
}

// alive is the condition that a session s of a user u can be used at a time given twice.
const alive = "s.token_epoch = u.token_epoch AND s.expires_at > ? AND (s.idle_limit = 0 OR s.last_at + s.idle_limit > ?)"

// List returns the living sessions of the user with that number, the last used first. It
// is empty if there is no such user in sc.
func (s *SessionStore) List(ctx context.Context, sc tenancy.Scope, user domain.UserID) ([]domain.Session, error) {
	now := db.Millis(s.db.Now())
	where := db.Account(sc).And("u.id = ?", int64(user)).And(alive, now, now)
	rows, err := s.db.QueryContext(ctx, "SELECT "+sessionColumns+` FROM users u
		JOIN sessions s ON s.organization_id = u.organization_id AND s.user_id = u.id
		WHERE `+where.Text()+" ORDER BY s.last_at DESC, s.id DESC", where.Args...)
	return db.Collect(rows, err, scanSession)
}

// End ends one session of the user with that number, unless check returns an error. It is
// ErrUserNotFound if there is no such user in w and ErrSessionNotFound if they have no such
// session.
func (s *SessionStore) End(ctx context.Context, w tenancy.WriteScope, user domain.UserID, id domain.UUID, check func(domain.User) error) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error { return s.end(ctx, tx, w, user, id, check) })
}

// EndAll ends all sessions of the user, as End does, and is nil if there are none.
func (s *SessionStore) EndAll(ctx context.Context, w tenancy.WriteScope, user domain.UserID, check func(domain.User) error) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error { return s.end(ctx, tx, w, user, "", check) })
}

func (s *SessionStore) end(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, user domain.UserID, id domain.UUID, check func(domain.User) error) error {
	u, err := s.users.lock(ctx, tx, w, user)
	if err != nil {
		return err
	}
	if err := check(u); err != nil {
		return err
	}
	ended, err := deleteSessions(ctx, tx, domain.UserKey{Organization: u.Organization, User: u.ID}, id)
	switch {
	case err != nil:
		return err
	case ended > 0:
		return record(ctx, s.db, tx, w, sessionEntry(&u, id, ended))
	case id != "":
		return domain.ErrSessionNotFound
	}
	return nil
}

// deleteSessions removes the session of the user with that id, all of them for none, and
// returns how many there were.
func deleteSessions(ctx context.Context, tx bun.Tx, user domain.UserKey, id domain.UUID) (int64, error) {
	if id == "" {
		return deleteOwn(ctx, tx, user, "sessions", "")
	}
	return deleteOwn(ctx, tx, user, "sessions", "id = ?", string(id))
}

// sessionEntry is the audit entry of the end of one session, or of n.
func sessionEntry(u *domain.User, id domain.UUID, n int64) domain.AuditEntry {
	e := userEntry("session:end", u, []domain.Change{{Field: "session", Before: string(id)}})
	e.Target.Kind = "session"
	if id == "" {
		e.Changes = []domain.Change{{Field: "sessions", Before: strconv.FormatInt(n, 10), After: "0"}}
	}
	return e
}

// Begin adds a session and returns the name of the key that signs its tokens. Of the user's
// other sessions those that have ended go, and of the rest those that were unused for the
// longest time, so that keep are left. It is ErrChanged if there is no such user.
func (s *AccountStore) Begin(ctx context.Context, session domain.Session, keep int) (key string, err error) {
	organization, user, now := int64(session.Organization), int64(session.User), db.Millis(s.db.Now())
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE organization_id = ? AND user_id = ? AND (expires_at <= ? OR token_epoch < ?
				OR idle_limit > 0 AND last_at + idle_limit <= ?
				OR id IN (SELECT s.id FROM sessions s WHERE s.organization_id = ? AND s.user_id = ?
					ORDER BY s.last_at DESC, s.id DESC LIMIT 1000000 OFFSET ?))`,
			organization, user, now, session.TokenEpoch, now, organization, user, keep-1)
		if err != nil {
			return db.Translate(err)
		}
		if _, err := tx.NewInsert().Model(toSessionRow(&session)).Exec(ctx); err != nil {
			return db.Translate(err)
		}
		key, err = signingKey(ctx, tx)
		return err
	})
	return key, err
}

// BySession returns the account of a session, with what of the session decides whether it
// can be used, and whether tokens signed with the key of that name are good. It is
// ErrSessionNotFound if there is no such session.
func (s *AccountStore) BySession(ctx context.Context, k domain.SessionKey, key string) (account domain.Account, signed bool, err error) {
	rows, err := s.db.HotRows(ctx, "SELECT "+accountColumns+`, s.kind, s.token_epoch, s.environment_id, s.secret_hash, s.last_at,
			s.expires_at, s.idle_limit, EXISTS (SELECT 1 FROM signing_keys k WHERE k.id = ?) FROM`+accountTables+
		`JOIN sessions s ON s.organization_id = u.organization_id AND s.user_id = u.id AND s.id = ?
			WHERE u.organization_id = ? AND u.id = ?`, key, string(k.ID), int64(k.Organization), int64(k.User))
	account, err = db.Only(rows, err, func(r db.Row) (domain.Account, error) {
		var kind, epoch, environment, last, expires, idle int64
		var hash string
		a, err := scanAccountWith(r, &kind, &epoch, &environment, &hash, &last, &expires, &idle, &signed)
		a.Session = domain.Session{SessionKey: k, Kind: domain.SessionKind(kind), TokenEpoch: epoch,
			Environment: domain.EnvironmentID(environment), Hash: domain.SecretHash(hash),
			LastUsed: db.Moment(last), Expires: db.Moment(expires), Idle: time.Duration(idle) * time.Millisecond}
		return a, err
	}, domain.ErrSessionNotFound)
	return account, signed, err
}

// Renew loads the session, runs change and saves, in one transaction that keeps others from
// the session, and returns it with the name of the key that signs its tokens. After
// ErrRefreshReused of change the session is ended; other errors leave it as it is. It is
// ErrSessionNotFound if there is none.
func (s *AccountStore) Renew(ctx context.Context, k domain.SessionKey, change func(*domain.Session) error) (session domain.Session, key string, err error) {
	var refused error
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT "+sessionColumns+" FROM sessions s WHERE s.organization_id = ? AND s.user_id = ? AND s.id = ?"+
			s.db.For("UPDATE"), int64(k.Organization), int64(k.User), string(k.ID))
		if session, err = db.Only(rows, err, scanSession, domain.ErrSessionNotFound); err != nil {
			return err
		}
		if refused = change(&session); refused != nil {
			if domain.ErrRefreshReused.Is(refused) {
				return s.endByServer(ctx, tx, k)
			}
			return nil
		}
		res, err := tx.NewUpdate().Model(toSessionRow(&session)).Where("organization_id = ?", int64(k.Organization)).
			Where("user_id = ?", int64(k.User)).Where("id = ?", string(k.ID)).Exec(ctx)
		if err := db.One(res, err, domain.ErrSessionNotFound); err != nil {
			return err
		}
		key, err = signingKey(ctx, tx)
		return err
	})
	return session, key, orElse(err, refused)
}

// endByServer ends a session of which a refresh token came again.
func (s *AccountStore) endByServer(ctx context.Context, tx bun.Tx, k domain.SessionKey) error {
	return s.endOwn(ctx, tx, k, func(*domain.User) domain.Actor {
		return domain.Actor{Organization: k.Organization, Alias: "(refresh token used twice)"}
	})
}

// SignOut ends a session because its user wants it. A session that has ended is no error.
func (s *AccountStore) SignOut(ctx context.Context, k domain.SessionKey) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		return s.endOwn(ctx, tx, k, func(u *domain.User) domain.Actor {
			return domain.Actor{Organization: u.Organization, User: u.ID, Alias: u.Alias}
		})
	})
}

func (s *AccountStore) endOwn(ctx context.Context, tx bun.Tx, k domain.SessionKey, by func(*domain.User) domain.Actor) error {
	ended, err := deleteSessions(ctx, tx, k.UserKey, k.ID)
	if err != nil || ended == 0 {
		return err
	}
	u, err := userWith(ctx, tx, k.UserKey)
	if err != nil {
		return err
	}
	e := sessionEntry(&u, k.ID, 1)
	e.Actor = by(&u)
	return recordBy(ctx, s.db, tx, e)
}

// SessionsSeen notes when sessions were used, in one statement.
func (s *AccountStore) SessionsSeen(ctx context.Context, seen map[domain.SessionKey]time.Time) error {
	return touch(ctx, s.db, "sessions", "last_at", []string{"organization_id", "user_id", "id"}, seen, func(k domain.SessionKey) []any {
		return []any{int64(k.Organization), int64(k.User), string(k.ID)}
	})
}

// SweepSessions removes the sessions and the signing keys whose time was over before now.
func (s *AccountStore) SweepSessions(ctx context.Context, now time.Time) error {
	if _, err := s.db.ExecContext(ctx, "DELETE FROM sessions WHERE expires_at <= ?", db.Millis(now)); err != nil {
		return db.Translate(err)
	}
	_, err := s.db.ExecContext(ctx, "DELETE FROM signing_keys WHERE until_at > 0 AND until_at <= ?", db.Millis(now))
	return db.Translate(err)
}
