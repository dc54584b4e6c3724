package persistence

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
)

// SigningKeyStore keeps the names of the keys that sign tokens.
type SigningKeyStore struct{ db *DB }

// NewSigningKeyStore returns the store of signing keys in db.
func NewSigningKeyStore(db *DB) *SigningKeyStore { return &SigningKeyStore{db} }

// signingKey returns the name of the key that signs now.
func signingKey(ctx context.Context, q querier) (string, error) {
	rows, err := q.QueryContext(ctx, "SELECT id FROM signing_keys WHERE until_at = 0 ORDER BY created_at DESC, id DESC LIMIT 1")
	return only(rows, err, scalar[string], domain.ErrInternal)
}

// List returns all keys, the newest first.
func (s *SigningKeyStore) List(ctx context.Context) ([]domain.SigningKey, error) {
	rows, err := s.db.read.QueryContext(ctx, "SELECT id, created_at, until_at FROM signing_keys ORDER BY created_at DESC, id DESC")
	return collect(rows, err, func(r row) (k domain.SigningKey, err error) {
		var created, until int64
		err = r.Scan(&k.ID, &created, &until)
		k.Created, k.Until = moment(created), moment(until)
		return k, err
	})
}

// Ensure makes the first key of a directory. Of several servers that start together each
// may make one, and all of them are good.
func (s *SigningKeyStore) Ensure(ctx context.Context) error {
	_, err := s.db.write.ExecContext(ctx, "INSERT INTO signing_keys (id, created_at, until_at) SELECT ?, ?, 0 WHERE NOT EXISTS (SELECT 1 FROM signing_keys)",
		newKeyName(), millis(s.db.Now()))
	return translate(err)
}

// Rotate makes a new key that signs from now on, in the name of operator. The others are good for
// what they have signed: until every session there is has expired, and for lifetime, which
// is that of the longest token, in case a server is signing with one at this moment. With
// revoke they are good for nothing, and the sessions that lived by their tokens alone end.
func (s *SigningKeyStore) Rotate(ctx context.Context, operator string, lifetime time.Duration, revoke bool) (domain.SigningKey, error) {
	key := domain.SigningKey{ID: newKeyName(), Created: s.db.Now().UTC().Truncate(time.Millisecond)}
	err := s.db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE signing_keys SET until_at =
			(SELECT CASE WHEN coalesce(max(s.expires_at), 0) > ? THEN max(s.expires_at) ELSE ? END FROM sessions s) WHERE until_at = 0`,
			millis(key.Created.Add(lifetime)), millis(key.Created.Add(lifetime)))
		if err != nil {
			return translate(err)
		}
		if revoke {
			for _, statement := range []string{"DELETE FROM signing_keys", "DELETE FROM sessions WHERE kind = 0"} {
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return translate(err)
				}
			}
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO signing_keys (id, created_at, until_at) VALUES (?, ?, 0)", key.ID, millis(key.Created))
		if err != nil {
			return translate(err)
		}
		return s.db.recordBy(ctx, tx, domain.AuditEntry{
			Actor:  domain.Actor{Organization: domain.RootOrganization, Alias: operator},
			Action: either(revoke, "key:revoke", "key:rotate"), Target: domain.Target{Kind: "key", ID: int64(domain.RootEnvironment), Name: key.ID},
			Organization: domain.RootOrganization, Place: domain.RootEnvironment, Path: domain.RootPath,
		})
	})
	return key, err
}

// newKeyName returns a name that no key ever had: a key follows from its name, so a name
// that comes again would bring back a key that was revoked.
func newKeyName() string {
	var name [8]byte
	rand.Read(name[:]) // never fails
	return hex.EncodeToString(name[:])
}
