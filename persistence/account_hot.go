package persistence

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
)

// The look-ups of callers are text, since each request begins with one of them, or with what the last one found if
// nothing was written since (remembered). The writes here are text
// for another reason, as most requests make none of them: each counts, or compares with what is there, in the
// one statement that writes (touch, countFailure, Forgive, Count), which Bun cannot say plainly.

// The root's generation has a LIMIT, so that a database that is split by organization asks for it alone, at the root's
// shard.
const accountFields = `u.organization_id, u.id, u.uuid, u.alias, u.role, u.environment_path, u.state, u.active,
	u.first_access,
	u.password_delay, u.revoke_delay, u.created_at, u.last_password_at, u.idle_since, u.last_seen_at, u.password_hash,
	u.epoch, u.token_epoch, u.factors, u.system, o.generation,
	(SELECT r.generation FROM organizations r WHERE r.organization_id = 1 LIMIT 1),
	coalesce((SELECT CAST(v.value AS bigint) FROM settings v WHERE v.name = 'sign_in_rules'), 0), `

// accountColumns are those of an account, whose organization each of the two lists has as a constant.
var accountColumns = accountFields + strings.ReplaceAll(groupList+", "+grantList, "u.organization_id", "?")

// accountTables leave out whose organization is being deleted.
const accountTables = ` FROM users u JOIN organizations o ON o.organization_id = u.organization_id AND NOT o.departing `

// accountWith returns what reads an account, with the columns behind the account's into more.
func accountWith(more ...any) func(r db.Row) (domain.Account, error) {
	return func(r db.Row) (a domain.Account, err error) {
		var created, lastPassword, idleSince, lastSeen int64
		var groups, grants, hash string
		err = r.Scan(append([]any{&a.Organization, &a.User, &a.UUID, &a.Alias, &a.Role, &a.Home, &a.State, &a.Active,
			&a.FirstAccess,
			&a.PasswordDelay, &a.RevokeDelay, &created, &lastPassword, &idleSince, &lastSeen, &hash,
			&a.Epoch, &a.TokenEpoch, &a.Factors, &a.Program, &a.Generation, &a.RootGeneration, &a.SignInRules, &groups,
			&grants}, more...)...)
		a.Created, a.LastPassword, a.IdleSince, a.LastSeen = db.Moment(created), db.Moment(lastPassword),
			db.Moment(idleSince), db.Moment(lastSeen)
		a.Hash = domain.PasswordHash(hash)
		a.Groups = parseGroups(groups)
		allowed, blocked := parseGrants(grants)
		u := domain.User{Allowed: allowed, Blocked: blocked}
		s := u.Subject()
		a.Allowed, a.Blocked = s.Allowed, s.Blocked
		return a, err
	}
}

func (s *AccountStore) ByLogin(ctx context.Context, name string) (domain.Account, error) {
	name = domain.Fold(name)
	a, err := s.remembered(asked{login: name}, func() (a presented, err error) {
		a.account, err = s.byLogin(ctx, name)
		return a, err
	})
	return a.account, err
}

// byLogin reads what ByLogin returns of a folded name.
func (s *AccountStore) byLogin(ctx context.Context, name string) (domain.Account, error) {
	return find(s.names, name, domain.ErrUserNotFound, func() (domain.UserKey, error) {
		rows, err := s.db.HotRows(ctx, "SELECT n.organization_id, n.user_id FROM login_names n WHERE n.name = ?", name)
		return db.OnlyIf(rows, err, func(r db.Row) (domain.UserKey, error) {
			var o, id int64
			err := r.Scan(&o, &id)
			return userKey(o, id), err
		})
	}, func(k domain.UserKey) (domain.Account, error) {
		o := int64(k.Organization)
		rows, err := s.db.HotRows(ctx, "SELECT "+accountColumns+accountTables+
			"WHERE u.organization_id = ? AND u.id = ? AND u.alias_key = ?", o, o, o, int64(k.User), name)
		return db.Only(rows, err, accountWith(), domain.ErrUserNotFound)
	})
}

func (s *AccountStore) ByID(ctx context.Context, o domain.OrganizationID, id domain.UserID) (domain.Account, error) {
	rows, err := s.db.HotRows(ctx, "SELECT "+accountColumns+accountTables+
		"WHERE u.organization_id = ? AND u.id = ?", int64(o), int64(o), int64(o), int64(id))
	return db.Only(rows, err, accountWith(), domain.ErrUserNotFound)
}

func (s *AccountStore) BySession(ctx context.Context, k domain.SessionKey,
	key string) (account domain.Account, signed bool, err error) {
	a, err := s.remembered(asked{session: k, key: key}, func() (a presented, err error) {
		a.account, a.signed, err = s.bySession(ctx, k, key)
		return a, err
	})
	return a.account, a.signed, err
}

// bySession reads what BySession returns.
func (s *AccountStore) bySession(ctx context.Context, k domain.SessionKey,
	key string) (account domain.Account, signed bool, err error) {
	o := int64(k.Organization)
	rows, err := s.db.HotRows(ctx, "SELECT "+accountColumns+
		`, s.kind, s.token_epoch, s.environment_id, s.secret_hash, s.last_at,
			s.expires_at, s.idle_limit, s.created_at, s.proof, s.factor_id, s.proved_at, u.language, u.time_zone,
			coalesce((SELECT p.issuer FROM provider_sessions p WHERE p.organization_id = ?
				AND p.user_id = ? AND p.session_id = ?), ''),
			EXISTS (SELECT 1 FROM signing_keys k WHERE k.id = ?)`+accountTables+
		`JOIN sessions s ON s.organization_id = u.organization_id AND s.user_id = u.id AND s.id = ?
			WHERE u.organization_id = ? AND u.id = ?`, o, o, o, int64(k.User), string(k.ID), key, string(k.ID), o, int64(k.User))
	var r sessionRow
	var language, zone, issuer string
	account, err = db.Only(rows, err,
		accountWith(&r.Kind, &r.TokenEpoch, &r.EnvironmentID, &r.SecretHash, &r.LastAt, &r.ExpiresAt, &r.IdleLimit,
			&r.CreatedAt, &r.Proof, &r.FactorID, &r.ProvedAt, &language, &zone, &issuer, &signed),
		domain.ErrSessionNotFound)
	if err == nil {
		account.Language, account.TimeZone = language, zone
		account.Session = r.session()
		account.Session.SessionKey, account.Session.Provider.Issuer = k, issuer
	}
	return account, signed, err
}

func (s *AccountStore) ByAPIKey(ctx context.Context, text domain.SecretText) (domain.Account, error) {
	hash, err := apiKeyHash(s.db, text)
	if err != nil {
		return domain.Account{}, err
	}
	a, err := s.remembered(asked{apiKey: hash}, func() (a presented, err error) {
		a.account, err = s.byAPIKey(ctx, hash)
		return a, err
	})
	return a.account, err
}

// byAPIKey reads what ByAPIKey returns of a hash. The database compares keyed hashes, of which how far they agree tells
// nothing.
func (s *AccountStore) byAPIKey(ctx context.Context, hash string) (domain.Account, error) {
	var k domain.APIKey
	var last, expires int64
	a, err := find(s.keys, hash, domain.ErrAPIKeyNotFound, func() (domain.APIKeyRef, error) {
		rows, err := s.db.HotRows(ctx,
			"SELECT n.organization_id, n.user_id, n.key_id FROM api_key_names n WHERE n.name = ?", hash)
		return db.OnlyIf(rows, err, func(r db.Row) (ref domain.APIKeyRef, err error) {
			err = r.Scan(&ref.Organization, &ref.User, &ref.ID)
			return ref, err
		})
	}, func(ref domain.APIKeyRef) (domain.Account, error) {
		o := int64(ref.Organization)
		rows, err := s.db.HotRows(ctx, "SELECT "+accountColumns+
			", k.id, k.last_at, k.expires_at, k.mask, k.environment_path"+accountTables+
			`JOIN api_keys k ON k.organization_id = u.organization_id AND k.user_id = u.id
			WHERE k.organization_id = ? AND k.user_id = ? AND k.id = ? AND k.hash = ?`,
			o, o, o, int64(ref.User), string(ref.ID), hash)
		return db.Only(rows, err, accountWith(&k.ID, &last, &expires, &k.Narrowed.Mask, &k.Narrowed.Place),
			domain.ErrAPIKeyNotFound)
	})
	if err != nil {
		return a, err
	}
	k.UserKey, k.LastUsed, k.Expires = a.UserKey(), db.Moment(last), db.Moment(expires)
	a.Key, a.Narrowed = k, k.Narrowed
	return a, nil
}

func (s *AccountStore) Seen(ctx context.Context, seen map[domain.UserKey]time.Time) error {
	return touch(ctx, s.db, "users", "last_seen_at", []string{"organization_id", "id"}, seen,
		func(k domain.UserKey) []any {
			return []any{int64(k.Organization), int64(k.User)}
		})
}

func (s *AccountStore) SessionsSeen(ctx context.Context, seen map[domain.SessionKey]time.Time) error {
	return touch(ctx, s.db, "sessions", "last_at", []string{"organization_id", "user_id", "id"}, seen,
		func(k domain.SessionKey) []any {
			return []any{int64(k.Organization), int64(k.User), string(k.ID)}
		})
}

func (s *AccountStore) APIKeysSeen(ctx context.Context, seen map[domain.APIKeyRef]time.Time) error {
	return touch(ctx, s.db, "api_keys", "last_at", []string{"organization_id", "user_id", "id"}, seen,
		func(k domain.APIKeyRef) []any {
			return []any{int64(k.Organization), int64(k.User), string(k.ID)}
		})
}

// touch notes when rows were last used. A row with a later time keeps it. The
// columns of the key are those that of returns the values of.
func touch[K comparable](ctx context.Context, d *db.DB, table, column string, key []string, seen map[K]time.Time,
	of func(K) []any) error {
	if len(seen) == 0 {
		return nil
	}
	one := "(" + strings.Repeat("?, ", len(key)) + "?)"
	args := make([]any, 0, (len(key)+1)*len(seen))
	for k, at := range seen {
		args = append(append(args, of(k)...), db.Millis(at))
	}
	same := ""
	for _, name := range key {
		same += table + "." + name + " = seen." + name + " AND "
	}
	return d.Alone(ctx, func() error {
		_, err := d.ExecContext(ctx, "WITH seen ("+strings.Join(key, ", ")+", at) AS (VALUES "+
			strings.TrimSuffix(strings.Repeat(one+", ", len(seen)), ", ")+") UPDATE "+table+" SET "+column+
			" = seen.at FROM seen WHERE "+
			same+table+"."+column+" < seen.at", args...)
		return err
	})
}

func (s *AccountStore) CountFailure(ctx context.Context, subjects []string, now,
	since time.Time) (counts map[string]int64, err error) {
	err = s.db.Alone(ctx, func() error {
		counts, err = s.countFailure(ctx, subjects, now, since)
		return err
	})
	return counts, err
}

func (s *AccountStore) countFailure(ctx context.Context, subjects []string, now,
	since time.Time) (map[string]int64, error) {
	values, args := "", make([]any, 0, 3*len(subjects)+2)
	for _, subject := range slices.Sorted(slices.Values(subjects)) { // in the order in which Forgive locks them
		values += either(values == "", "", ", ") + "(?, 1, ?, ?)"
		args = append(args, subject, db.Millis(now), db.Millis(now))
	}
	rows, err := s.db.Writer().
		QueryContext(ctx, "INSERT INTO sign_in_failures (subject, failures, since, last_at) VALUES "+values+`
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

func (s *AccountStore) Forgive(ctx context.Context, cleared string, subjects []string) error {
	// One after the other, in the order in which countFailure takes them: each may be on a machine of its own.
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		for _, subject := range slices.Sorted(slices.Values(subjects)) {
			_, err := tx.ExecContext(ctx,
				"UPDATE sign_in_failures SET failures = CASE WHEN subject = ? THEN 0 ELSE failures - 1 END "+
					"WHERE subject = ? AND failures > 0", cleared, subject)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Count stores subjects hashed.
func (s *AccountStore) Count(ctx context.Context, subject string, now,
	since time.Time) (uses int64, began time.Time, err error) {
	hash, err := s.db.Vault.Hash("limit", subject)
	if err != nil {
		return 0, now, err
	}
	rows, err := s.db.Writer().QueryContext(ctx, `INSERT INTO limits (subject, uses, since, last_at) VALUES (?, 1, ?, ?)
		ON CONFLICT (subject) DO UPDATE SET
			uses = CASE WHEN limits.since < ? THEN 1 ELSE limits.uses + 1 END,
			since = CASE WHEN limits.since < ? THEN excluded.since ELSE limits.since END,
			last_at = excluded.last_at
		RETURNING uses, since`, hash, db.Millis(now), db.Millis(now), db.Millis(since), db.Millis(since))
	began, err = db.Only(rows, err, func(r db.Row) (time.Time, error) {
		var at int64
		err := r.Scan(&uses, &at)
		return db.Moment(at), err
	}, domain.ErrInternal)
	return uses, began, err
}
