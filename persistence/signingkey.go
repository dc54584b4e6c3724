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

// signingKeyRow is a row of the table signing_keys. The key that signs now has no end.
type signingKeyRow struct {
	bun.BaseModel `bun:"table:signing_keys,alias:k"`

	ID        string `bun:",pk"`
	CreatedAt int64
	UntilAt   int64
}

// signingKey returns the name of the key that signs now.
func (tx *Tx) signingKey() (string, error) {
	var ids []string
	err := tx.NewSelect().Model((*signingKeyRow)(nil)).Column("id").Where("k.until_at = 0").
		Order("k.created_at DESC", "k.id DESC").Limit(1).
		Scan(tx.Ctx, &ids)
	return db.First(ids, err, domain.ErrInternal)
}

func (s *SigningKeyStore) List(ctx context.Context) ([]domain.SigningKey, error) {
	var rows []signingKeyRow
	err := s.db.NewSelect().Model(&rows).Order("k.created_at DESC", "k.id DESC").Scan(ctx)
	keys := make([]domain.SigningKey, len(rows))
	for i, r := range rows {
		keys[i] = domain.SigningKey{ID: r.ID, Created: db.Moment(r.CreatedAt), Until: db.Moment(r.UntilAt)}
	}
	return keys, db.Translate(err)
}

// Ensure makes the first key of a directory. Of several servers that start together each
// may make one, and all of them are good.
func (s *SigningKeyStore) Ensure(ctx context.Context) error {
	return unscoped(ctx, s.db, func(tx *Tx) error {
		there, err := tx.NewSelect().Model((*signingKeyRow)(nil)).Exists(ctx)
		if err != nil || there {
			return db.Translate(err)
		}
		return tx.Insert(&signingKeyRow{ID: newKeyName(), CreatedAt: db.Millis(s.db.Now())})
	})
}

// Rotate leaves the others good until every session there is has expired, and for lifetime, in case a server is
// signing with one at this moment.
func (s *SigningKeyStore) Rotate(ctx context.Context, operator string, lifetime time.Duration,
	revoke bool) (domain.SigningKey, error) {
	key := domain.SigningKey{ID: newKeyName(), Created: s.db.Now().UTC().Truncate(time.Millisecond)}
	err := unscoped(ctx, s.db, func(tx *Tx) error {
		if err := tx.endSigningKeys(db.Millis(key.Created.Add(lifetime)), revoke); err != nil {
			return err
		}
		if err := tx.Insert(&signingKeyRow{ID: key.ID, CreatedAt: db.Millis(key.Created)}); err != nil {
			return err
		}
		return recordBy(ctx, s.db, tx.Bun, domain.AuditEntry{
			Actor:        domain.Actor{Organization: domain.RootOrganization, Alias: operator},
			Action:       either(revoke, "key:revoke", "key:rotate"),
			Target:       domain.Target{Kind: "key", ID: int64(domain.RootEnvironment), Name: key.ID},
			Organization: domain.RootOrganization, Place: domain.RootEnvironment, Path: domain.RootPath,
		})
	})
	return key, err
}

// endSigningKeys lets the key that signs be good until then at least, or ends all keys at once.
func (tx *Tx) endSigningKeys(then int64, revoke bool) error {
	if revoke {
		if err := tx.Run(tx.NewDelete().Model((*signingKeyRow)(nil)).Where("1 = 1")); err != nil {
			return err
		}
		return tx.Run(tx.NewDelete().Model((*sessionRow)(nil)).Where("kind = ?", int64(domain.TokenSession)))
	}
	var last int64
	if err := tx.NewSelect().Model((*sessionRow)(nil)).ColumnExpr("coalesce(max(s.expires_at), 0)").
		Scan(tx.Ctx, &last); err != nil {
		return db.Translate(err)
	}
	return tx.Run(tx.NewUpdate().Model((*signingKeyRow)(nil)).Set("until_at = ?", max(last, then)).Where("until_at = 0"))
}

// newKeyName returns a name that no key ever had: a key follows from its name, so a name
// that comes again would bring back a key that was revoked.
func newKeyName() string {
	var name [8]byte
	rand.Read(name[:]) // never fails
	return hex.EncodeToString(name[:])
}
