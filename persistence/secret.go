package persistence

import (
	"context"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
)

// secretRow is a row of the table secrets.
type secretRow struct {
	bun.BaseModel `bun:"table:secrets,alias:s"`

	OrganizationID int64
	UserID         int64
	Purpose        string
	Hash           string
	Address        string
	Approves       bool
	CreatedAt      int64
	ExpiresAt      int64
}

// secretHash binds a secret to its purpose and account.
func secretHash(d *db.DB, u domain.UserKey, purpose domain.SecretPurpose, text domain.SecretText) (string, error) {
	return d.Vault.Hash("secret", string(purpose), strconv.FormatInt(int64(u.Organization), 10),
		strconv.FormatInt(int64(u.User), 10), string(text))
}

// Holds returns nil if the account has the presented secret and it has not expired. It is
// ErrSecret otherwise, and the secret stays.
func (s *AccountStore) Holds(ctx context.Context, u domain.UserKey, p domain.Presented) error {
	_, err := findSecret(ctx, s.db, s.db, u, p, "")
	return err
}

// Latest returns the newest secret of that purpose the account has, without its text, or
// ErrSecret.
func (s *AccountStore) Latest(ctx context.Context, u domain.UserKey, purpose domain.SecretPurpose) (domain.Secret, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT purpose, address, approves, expires_at FROM secrets
		WHERE organization_id = ? AND user_id = ? AND purpose = ? AND expires_at > ? ORDER BY created_at DESC, hash LIMIT 1`,
		int64(u.Organization), int64(u.User), string(purpose), db.Millis(s.db.Now()))
	return db.Only(rows, err, scanSecret, domain.ErrSecret)
}

func scanSecret(r db.Row) (secret domain.Secret, err error) {
	var expires int64
	err = r.Scan(&secret.Purpose, &secret.Address, &secret.Approves, &expires)
	secret.Expires = db.Moment(expires)
	return secret, err
}

// findSecret returns the presented secret of the account.
func findSecret(ctx context.Context, d *db.DB, q db.Querier, u domain.UserKey, p domain.Presented, rest string) (domain.Secret, error) {
	if len(p.Purposes) == 0 {
		return domain.Secret{}, domain.ErrSecret
	}
	hashes := make([]string, len(p.Purposes))
	for i, purpose := range p.Purposes {
		var err error
		if hashes[i], err = secretHash(d, u, purpose, p.Text); err != nil {
			return domain.Secret{}, err
		}
	}
	// The database compares keyed hashes, of which how far they agree tells nothing.
	rows, err := q.QueryContext(ctx, `SELECT purpose, address, approves, expires_at FROM secrets
		WHERE organization_id = ? AND user_id = ? AND purpose IN (?) AND hash IN (?) AND expires_at > ?`+rest,
		int64(u.Organization), int64(u.User), db.In(p.Purposes), db.In(hashes), db.Millis(d.Now()))
	return db.Only(rows, err, scanSecret, domain.ErrSecret)
}

// Spend uses up the presented secret of a user whom User returned, together with every other of the same
// purpose, and returns it. It is ErrSecret if it does not fit, or was sent to an address that the account
// no longer has; that of a change of address was sent to the new one. It is ErrUserNotFound for anybody
// else, as are the next.
func (t *Tx) Spend(u domain.UserKey, p domain.Presented) (domain.Secret, error) {
	if err := t.holds(u); err != nil {
		return domain.Secret{}, err
	}
	secret, err := findSecret(t.Ctx, t.DB, t.Bun, u, p, t.DB.For("UPDATE"))
	if err != nil {
		return secret, err
	}
	if held := t.users[u.User]; secret.Purpose != domain.ChangeAddress && !domain.MailMatches(secret.Address, held.Person.Mail) {
		return secret, domain.ErrSecret
	}
	return secret, t.withdraw(u, secret.Purpose)
}

// Withdraw removes the secrets of a user that have one of the purposes.
func (t *Tx) Withdraw(u domain.UserKey, purposes ...domain.SecretPurpose) error {
	if err := t.holds(u); err != nil {
		return err
	}
	return t.withdraw(u, purposes...)
}

func (t *Tx) withdraw(u domain.UserKey, purposes ...domain.SecretPurpose) error {
	if len(purposes) == 0 {
		return nil
	}
	_, err := deleteOwn(t.Ctx, t.Bun, u, "secrets", "purpose IN (?)", db.In(purposes))
	return err
}

// AddSecret gives a user a secret, in place of the oldest where there would be more than
// domain.MaxSecrets of its purpose.
func (t *Tx) AddSecret(u domain.UserKey, secret domain.Secret) error {
	if err := t.holds(u); err != nil {
		return err
	}
	hash, err := secretHash(t.DB, u, secret.Purpose, secret.Text)
	if err != nil {
		return err
	}
	var present []string
	err = t.Bun.NewSelect().Table("secrets").Column("hash").Where("organization_id = ? AND user_id = ?", int64(u.Organization), int64(u.User)).
		Where("purpose = ?", string(secret.Purpose)).Order("created_at DESC", "hash").Scan(t.Ctx, &present)
	if err != nil {
		return db.Translate(err)
	}
	if len(present) >= domain.MaxSecrets {
		_, err := deleteOwn(t.Ctx, t.Bun, u, "secrets", "purpose = ? AND hash IN (?)", string(secret.Purpose), db.In(present[domain.MaxSecrets-1:]))
		if err != nil {
			return err
		}
	}
	_, err = t.Bun.NewInsert().Model(&secretRow{
		OrganizationID: int64(u.Organization), UserID: int64(u.User), Purpose: string(secret.Purpose), Hash: hash,
		Address: secret.Address, Approves: secret.Approves, CreatedAt: db.Millis(t.DB.Now()), ExpiresAt: db.Millis(secret.Expires),
	}).Exec(t.Ctx)
	return db.Translate(err)
}

// SweepSecrets forgets secrets that expired before the given time.
func (s *AccountStore) SweepSecrets(ctx context.Context, before time.Time) error {
	_, err := s.db.ExecContext(ctx, "DELETE FROM secrets WHERE expires_at < ?", db.Millis(before))
	return db.Translate(err)
}

// Stale returns up to n accounts of sign-ups made before the given time whose address is
// not proven and cannot be any more, because no secret for that is left at now.
func (s *AccountStore) Stale(ctx context.Context, before, now time.Time, n int) ([]domain.UserKey, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT u.organization_id, u.id FROM users u WHERE u.state = ? AND u.created_at < ?
		AND NOT EXISTS (SELECT 1 FROM secrets s WHERE s.organization_id = u.organization_id AND s.user_id = u.id
			AND s.purpose = ? AND s.expires_at > ?) ORDER BY u.created_at LIMIT ?`,
		int64(domain.Unverified), db.Millis(before), string(domain.VerifyAddress), db.Millis(now), n)
	return db.Collect(rows, err, scanKey)
}

func scanKey(r db.Row) (k domain.UserKey, err error) {
	err = r.Scan(&k.Organization, &k.User)
	return k, err
}

// ByMail returns whose the mail address is. It is ErrUserNotFound if it is nobody's.
func (s *AccountStore) ByMail(ctx context.Context, address string) (domain.UserKey, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT organization_id, user_id FROM mail_addresses WHERE name = ?", domain.Fold(address))
	return db.Only(rows, err, scanKey, domain.ErrUserNotFound)
}

// ByAlias returns whose the login name is. It is ErrUserNotFound if it is nobody's.
func (s *AccountStore) ByAlias(ctx context.Context, alias string) (domain.UserKey, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT organization_id, user_id FROM login_names WHERE name = ?", domain.Fold(alias))
	return db.Only(rows, err, scanKey, domain.ErrUserNotFound)
}

// Count adds one use to the subject in an atomic step, and returns the new count and when
// it began. A count that began before since starts again at one. Subjects are stored hashed.
func (s *AccountStore) Count(ctx context.Context, subject string, now, since time.Time) (uses int64, began time.Time, err error) {
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

// SweepLimits forgets what was last counted before the given time.
func (s *AccountStore) SweepLimits(ctx context.Context, before time.Time) error {
	_, err := s.db.ExecContext(ctx, "DELETE FROM limits WHERE last_at < ?", db.Millis(before))
	return db.Translate(err)
}
