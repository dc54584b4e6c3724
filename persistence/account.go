package persistence

import (
	"context"
	"slices"
	"time"

	"canopy/domain"
	"canopy/persistence/db"
)

// AccountStore reads accounts for signing in, before there is a principal, and keeps what
// signing in leaves behind.
type AccountStore struct{ db *db.DB }

// NewAccountStore returns the store of accounts in d.
func NewAccountStore(d *db.DB) *AccountStore { return &AccountStore{d} }

const accountColumns = `u.organization_id, u.id, u.uuid, u.alias, u.role, u.environment_path, u.state, u.active, u.first_access,
	u.password_delay, u.revoke_delay, u.created_at, u.last_password_at, u.idle_since, u.last_seen_at, u.password_hash,
	u.epoch, u.token_epoch, o.generation, r.generation, ` + groupList + `, ` + grantList

const accountTables = ` users u JOIN organizations o ON o.organization_id = u.organization_id
	JOIN organizations r ON r.organization_id = 1 `

func scanAccount(r db.Row) (domain.Account, error) { return scanAccountWith(r) }

// scanAccountWith reads the columns behind the account's into more.
func scanAccountWith(r db.Row, more ...any) (a domain.Account, err error) {
	var created, lastPassword, idleSince, lastSeen int64
	var groups, grants, hash string
	err = r.Scan(append([]any{&a.Organization, &a.User, &a.UUID, &a.Alias, &a.Role, &a.Home, &a.State, &a.Active, &a.FirstAccess,
		&a.PasswordDelay, &a.RevokeDelay, &created, &lastPassword, &idleSince, &lastSeen, &hash,
		&a.Epoch, &a.TokenEpoch, &a.Generation, &a.RootGeneration, &groups, &grants}, more...)...)
	a.Created, a.LastPassword, a.IdleSince, a.LastSeen = db.Moment(created), db.Moment(lastPassword), db.Moment(idleSince), db.Moment(lastSeen)
	a.Hash = domain.PasswordHash(hash)
	a.Groups = parseGroups(groups)
	allowed, blocked := parseGrants(grants)
	u := domain.User{Allowed: allowed, Blocked: blocked}
	s := u.Subject()
	a.Allowed, a.Blocked = s.Allowed, s.Blocked
	return a, err
}

// ByLogin returns the account with that login name, compared by domain.Fold. It is
// ErrUserNotFound if there is none.
func (s *AccountStore) ByLogin(ctx context.Context, name string) (domain.Account, error) {
	rows, err := s.db.HotRows(ctx, "SELECT "+accountColumns+" FROM"+accountTables+
		"JOIN login_names n ON n.organization_id = u.organization_id AND n.user_id = u.id WHERE n.name = ?", domain.Fold(name))
	return db.Only(rows, err, scanAccount, domain.ErrUserNotFound)
}

// ByID returns the account with that number. It is ErrUserNotFound if there is none.
func (s *AccountStore) ByID(ctx context.Context, o domain.OrganizationID, id domain.UserID) (domain.Account, error) {
	rows, err := s.db.HotRows(ctx, "SELECT "+accountColumns+" FROM"+accountTables+
		"WHERE u.organization_id = ? AND u.id = ?", int64(o), int64(id))
	return db.Only(rows, err, scanAccount, domain.ErrUserNotFound)
}

// SignedIn notes that the user signed in.
func (s *AccountStore) SignedIn(ctx context.Context, o domain.OrganizationID, id domain.UserID, at time.Time) error {
	_, err := s.db.ExecContext(ctx, `UPDATE users SET last_connected_at = ?, last_seen_at = ?, idle_since = ?
		WHERE organization_id = ? AND id = ?`, db.Millis(at), db.Millis(at), db.Millis(at), int64(o), int64(id))
	return db.Translate(err)
}

// Seen notes when users sent a request, in one statement.
func (s *AccountStore) Seen(ctx context.Context, seen map[domain.UserKey]time.Time) error {
	return touch(ctx, s.db, "users", "last_seen_at", []string{"organization_id", "id"}, seen, func(k domain.UserKey) []any {
		return []any{int64(k.Organization), int64(k.User)}
	})
}

// Rehash replaces the hash of a password by another hash of the same password. It does
// nothing if the password was changed meanwhile.
func (s *AccountStore) Rehash(ctx context.Context, o domain.OrganizationID, id domain.UserID, old, renewed domain.PasswordHash) error {
	_, err := s.db.ExecContext(ctx, "UPDATE users SET password_hash = ? WHERE organization_id = ? AND id = ? AND password_hash = ?",
		string(renewed), int64(o), int64(id), string(old))
	return db.Translate(err)
}

// Failures returns the failed sign-ins counted for each of the subjects that has any.
func (s *AccountStore) Failures(ctx context.Context, subjects []string) (map[string]domain.Failures, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT subject, failures, since, last_at FROM sign_in_failures WHERE subject IN (?)", db.In(subjects))
	failures := make(map[string]domain.Failures, len(subjects))
	_, err = db.Collect(rows, err, func(r db.Row) (struct{}, error) {
		var subject string
		var f domain.Failures
		var since, last int64
		err := r.Scan(&subject, &f.Count, &since, &last)
		f.Since, f.Last = db.Moment(since), db.Moment(last)
		failures[subject] = f
		return struct{}{}, err
	})
	return failures, err
}

// CountFailure adds one failed sign-in to each of the subjects, each in one atomic step,
// and returns the new counts. A count that began before since starts again at one.
func (s *AccountStore) CountFailure(ctx context.Context, subjects []string, now, since time.Time) (counts map[string]int64, err error) {
	err = s.db.Alone(ctx, func() error {
		counts, err = s.countFailure(ctx, subjects, now, since)
		return err
	})
	return counts, err
}

func (s *AccountStore) countFailure(ctx context.Context, subjects []string, now, since time.Time) (map[string]int64, error) {
	values, args := "", make([]any, 0, 3*len(subjects)+2)
	for _, subject := range slices.Sorted(slices.Values(subjects)) { // in the order in which Forgive locks them
		values += either(values == "", "", ", ") + "(?, 1, ?, ?)"
		args = append(args, subject, db.Millis(now), db.Millis(now))
	}
	rows, err := s.db.Writer().QueryContext(ctx, "INSERT INTO sign_in_failures (subject, failures, since, last_at) VALUES "+values+`
		ON CONFLICT (subject) DO UPDATE SET
			failures = CASE WHEN sign_in_failures.since < ? THEN 1 ELSE sign_in_failures.failures + 1 END,
			since = CASE WHEN sign_in_failures.since < ? THEN excluded.since ELSE sign_in_failures.since END,
			last_at = excluded.last_at
		RETURNING subject, failures`, append(args, db.Millis(since), db.Millis(since))...)
	counts := make(map[string]int64, len(subjects))
	_, err = db.Collect(rows, err, func(r db.Row) (struct{}, error) {
		var subject string
		var n int64
		err := r.Scan(&subject, &n)
		counts[subject] = n
		return struct{}{}, err
	})
	return counts, err
}

// Forgive takes one failed sign-in back from each of the subjects, and all of them from
// the subject cleared.
func (s *AccountStore) Forgive(ctx context.Context, cleared string, subjects []string) error {
	return s.db.Alone(ctx, func() error {
		_, err := s.db.ExecContext(ctx, `WITH counted AS (SELECT subject FROM sign_in_failures WHERE subject IN (?) ORDER BY subject`+s.db.For("UPDATE")+`)
			UPDATE sign_in_failures SET failures = CASE WHEN subject = ? THEN 0 ELSE failures - 1 END
			WHERE subject IN (SELECT subject FROM counted) AND failures > 0`, db.In(subjects), cleared)
		return err
	})
}

// KnowsAddress reports whether the user signed in from the address after since.
func (s *AccountStore) KnowsAddress(ctx context.Context, o domain.OrganizationID, id domain.UserID, address string, since time.Time) (bool, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT 1 FROM known_addresses
		WHERE organization_id = ? AND user_id = ? AND address = ? AND last_at > ?`, int64(o), int64(id), address, db.Millis(since))
	found, err := db.Collect(rows, err, db.Scalar[int])
	return len(found) > 0, err
}

// RememberAddress notes that the user signed in from the address.
func (s *AccountStore) RememberAddress(ctx context.Context, o domain.OrganizationID, id domain.UserID, address string, at time.Time) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO known_addresses (organization_id, user_id, address, last_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (organization_id, user_id, address) DO UPDATE SET last_at = excluded.last_at`, int64(o), int64(id), address, db.Millis(at))
	return db.Translate(err)
}

// Sweep forgets failures and addresses that were last counted before the given times.
func (s *AccountStore) Sweep(ctx context.Context, failures, addresses time.Time) error {
	return s.db.Alone(ctx, func() error {
		if _, err := s.db.ExecContext(ctx, "DELETE FROM sign_in_failures WHERE last_at < ?", db.Millis(failures)); err != nil {
			return err
		}
		_, err := s.db.ExecContext(ctx, "DELETE FROM known_addresses WHERE last_at < ?", db.Millis(addresses))
		return err
	})
}
