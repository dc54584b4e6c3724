package persistence

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
)

// SigningKeyStore keeps the names of the keys that sign tokens.
type SigningKeyStore struct{ db *db.DB }

// NewSigningKeyStore returns the store of signing keys in d.
func NewSigningKeyStore(d *db.DB) *SigningKeyStore { return &SigningKeyStore{d} }

// signingKey returns the name of the key that signs now.
func signingKey(ctx context.Context, q db.Querier) (string, error) {
	rows, err := q.QueryContext(ctx, "SELECT id FROM signing_keys WHERE until_at = 0 ORDER BY created_at DESC, id DESC LIMIT 1")
	return db.Only(rows, err, db.Scalar[string], domain.ErrInternal)
}

// List returns all keys, the newest first.
func (s *SigningKeyStore) List(ctx context.Context) ([]domain.SigningKey, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT id, created_at, until_at FROM signing_keys ORDER BY created_at DESC, id DESC")
	return db.Collect(rows, err, func(r db.Row) (k domain.SigningKey, err error) {
		var created, until int64
		err = r.Scan(&k.ID, &created, &until)
		k.Created, k.Until = db.Moment(created), db.Moment(until)
		return k, err
	})
}

// Ensure makes the first key of a directory. Of several servers that start together each
// may make one, and all of them are good.
func (s *SigningKeyStore) Ensure(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, "INSERT INTO signing_keys (id, created_at, until_at) SELECT ?, ?, 0 WHERE NOT EXISTS (SELECT 1 FROM signing_keys)",
		newKeyName(), db.Millis(s.db.Now()))
	return db.Translate(err)
}

// Rotate makes a new key that signs from now on, in the name of operator. The others are good for
// what they have signed: until every session there is has expired, and for lifetime, which
// is that of the longest token, in case a server is signing with one at this moment. With
// revoke they are good for nothing, and the sessions that lived by their tokens alone end.
func (s *SigningKeyStore) Rotate(ctx context.Context, operator string, lifetime time.Duration, revoke bool) (domain.SigningKey, error) {
	key := domain.SigningKey{ID: newKeyName(), Created: s.db.Now().UTC().Truncate(time.Millisecond)}
	err := s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE signing_keys SET until_at =
			(SELECT CASE WHEN coalesce(max(s.expires_at), 0) > ? THEN max(s.expires_at) ELSE ? END FROM sessions s) WHERE until_at = 0`,
			db.Millis(key.Created.Add(lifetime)), db.Millis(key.Created.Add(lifetime)))
		if err != nil {
			return db.Translate(err)
		}
		if revoke {
			for _, statement := range []string{"DELETE FROM signing_keys", "DELETE FROM sessions WHERE kind = 0"} {
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return db.Translate(err)
				}
			}
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO signing_keys (id, created_at, until_at) VALUES (?, ?, 0)", key.ID, db.Millis(key.Created))
		if err != nil {
			return db.Translate(err)
		}
		return recordBy(ctx, s.db, tx, domain.AuditEntry{
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
