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

// readSecret returns the first secret of a user that q finds, in rows, that has not expired, without its
// text, or ErrSecret.
func readSecret(ctx context.Context, d *db.DB, q *bun.SelectQuery, rows *[]secretRow,
	u domain.UserKey) (domain.Secret, error) {
	err := q.Apply(owned(u)).Where("s.expires_at > ?", db.Millis(d.Now())).Order("s.created_at DESC", "s.hash").Limit(1).
		Scan(ctx)
	r, err := db.First(*rows, err, domain.ErrSecret)
	if err != nil {
		return domain.Secret{}, err
	}
	return domain.Secret{Purpose: domain.SecretPurpose(r.Purpose), Address: r.Address, Approves: r.Approves,
		Expires: db.Moment(r.ExpiresAt)}, nil
}

func (s *AccountStore) Holds(ctx context.Context, u domain.UserKey, p domain.Presented) error {
	var rows []secretRow
	_, err := findSecret(ctx, s.db, s.db.NewSelect().Model(&rows), &rows, u, p)
	return err
}

func (s *AccountStore) Latest(ctx context.Context, u domain.UserKey,
	purpose domain.SecretPurpose) (domain.Secret, error) {
	var rows []secretRow
	return readSecret(ctx, s.db, s.db.NewSelect().Model(&rows).Where("s.purpose = ?", string(purpose)), &rows, u)
}

// findSecret returns the presented secret of the account.
func findSecret(ctx context.Context, d *db.DB, q *bun.SelectQuery, rows *[]secretRow, u domain.UserKey,
	p domain.Presented) (domain.Secret, error) {
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
	return readSecret(ctx, d, q.Where("s.purpose IN (?) AND s.hash IN (?)", db.In(p.Purposes), db.In(hashes)), rows, u)
}

// Spend removes every other secret of the same purpose too. One that was sent to an address that the account
// no longer has does not fit; that of a change of address was sent to the new one.
func (tx *Tx) Spend(u domain.UserKey, p domain.Presented) (domain.Secret, error) {
	held, err := tx.stored(u)
	if err != nil {
		return domain.Secret{}, err
	}
	var rows []secretRow
	secret, err := findSecret(tx.Ctx, tx.DB, tx.NewSelect().Model(&rows).Apply(tx.For("UPDATE")), &rows, u, p)
	if err != nil {
		return secret, err
	}
	if secret.Purpose != domain.ChangeAddress && !domain.MailMatches(secret.Address, held.Person.Mail) {
		return secret, domain.ErrSecret
	}
	return secret, tx.withdraw(u, secret.Purpose)
}

func (tx *Tx) Withdraw(u domain.UserKey, purposes ...domain.SecretPurpose) error {
	if _, err := tx.stored(u); err != nil {
		return err
	}
	return tx.withdraw(u, purposes...)
}

func (tx *Tx) withdraw(u domain.UserKey, purposes ...domain.SecretPurpose) error {
	if len(purposes) == 0 {
		return nil
	}
	_, err := deleteOwn(tx.Ctx, tx.Bun, u, "secrets", "purpose IN (?)", db.In(purposes))
	return err
}

// AddSecret gives a user a secret, in place of the oldest where there would be more than
// domain.MaxSecrets of its purpose.
func (tx *Tx) AddSecret(u domain.UserKey, secret domain.Secret) error {
	if _, err := tx.stored(u); err != nil {
		return err
	}
	hash, err := secretHash(tx.DB, u, secret.Purpose, secret.Text)
	if err != nil {
		return err
	}
	var present []string
	err = tx.NewSelect().Model((*secretRow)(nil)).Column("hash").Apply(owned(u)).
		Where("s.purpose = ?", string(secret.Purpose)).
		Order("s.created_at DESC", "s.hash").Scan(tx.Ctx, &present)
	if err != nil {
		return db.Translate(err)
	}
	if len(present) >= domain.MaxSecrets {
		_, err := deleteOwn(tx.Ctx, tx.Bun, u, "secrets", "purpose = ? AND hash IN (?)", string(secret.Purpose),
			db.In(present[domain.MaxSecrets-1:]))
		if err != nil {
			return err
		}
	}
	return tx.Insert(&secretRow{
		OrganizationID: int64(u.Organization), UserID: int64(u.User), Purpose: string(secret.Purpose), Hash: hash,
		Address: secret.Address, Approves: secret.Approves, CreatedAt: db.Millis(tx.DB.Now()),
		ExpiresAt: db.Millis(secret.Expires),
	})
}

func (s *AccountStore) Stale(ctx context.Context, before, now time.Time, n int) ([]domain.UserKey, error) {
	return keysOf(ctx, s.db.NewSelect().
		Where("u.state = ? AND u.created_at < ?", int64(domain.Unverified), db.Millis(before)).
		Where(`NOT EXISTS (SELECT 1 FROM secrets s WHERE s.organization_id = u.organization_id AND s.user_id = u.id
			AND s.purpose = ? AND s.expires_at > ?)`, string(domain.VerifyAddress), db.Millis(now)).
		Order("u.created_at").Limit(int64(n)))
}

// keysOf returns the keys of the users that q finds.
func keysOf(ctx context.Context, q *bun.SelectQuery) ([]domain.UserKey, error) {
	var rows []userRow
	err := q.Model(&rows).Column("organization_id", "id").Scan(ctx)
	keys := make([]domain.UserKey, len(rows))
	for i, r := range rows {
		keys[i] = userKey(r.OrganizationID, r.ID)
	}
	return keys, db.Translate(err)
}

func (s *AccountStore) ByMail(ctx context.Context, address string) (domain.UserKey, error) {
	return s.nameOwner(ctx, mailAddresses, address)
}

func (s *AccountStore) ByAlias(ctx context.Context, alias string) (domain.UserKey, error) {
	return s.nameOwner(ctx, loginNames, alias)
}

// nameOwner returns whose a name is that is unique over the directory, or ErrUserNotFound. What is looked up for
// a caller is found in their scope by one statement in place of it, as namedIn does.
func (s *AccountStore) nameOwner(ctx context.Context, table, name string) (domain.UserKey, error) {
	var rows []nameRow
	err := s.db.NewSelect().Model(&rows).ModelTableExpr("? AS name_row", bun.Ident(table)).
		Where("name = ?", domain.Fold(name)).Scan(ctx)
	row, err := db.First(rows, err, domain.ErrUserNotFound)
	if err != nil {
		return domain.UserKey{}, err
	}
	return userKey(row.OrganizationID, row.UserID), nil
}
