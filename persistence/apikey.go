package persistence

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// APIKeyStore shows, adds and revokes the API keys of users. A key lies in a scope if its
// user does. AccountStore finds whose a key is.
type APIKeyStore struct {
	db    *db.DB
	users UserStore
}

// NewAPIKeyStore returns the store of API keys in d.
func NewAPIKeyStore(d *db.DB) *APIKeyStore { return &APIKeyStore{d, UserStore{d}} }

// apiKeyRow is a row of the table api_keys.
type apiKeyRow struct {
	bun.BaseModel `bun:"table:api_keys"`

	OrganizationID int64
	UserID         int64
	ID             string
	Name           string
	Hash           string
	Sealed         string
	CreatedAt      int64
	LastAt         int64

	ExpiresAt       int64
	Mask            int64
	EnvironmentPath string
}

// apiKeyNameRow is a row of the table api_key_names.
type apiKeyNameRow struct {
	bun.BaseModel `bun:"table:api_key_names"`

	Name           string
	OrganizationID int64
	UserID         int64
	KeyID          string
}

// apiKeyPlace binds what is sealed of a key to where it is stored.
func apiKeyPlace(k domain.APIKeyRef) string {
	return "api key " + strconv.FormatInt(int64(k.Organization), 10) + "|" + strconv.FormatInt(int64(k.User), 10) + "|" + string(k.ID)
}

func apiKeyHash(d *db.DB, text domain.SecretText) (string, error) {
	return d.Vault.Hash("api key", string(text))
}

func scanAPIKey(d *db.DB, r db.Row) (k domain.APIKey, err error) {
	var sealed string
	var created, last, expires int64
	err = r.Scan(&k.Organization, &k.User, &k.ID, &k.Name, &sealed, &created, &last, &expires, &k.Narrowed.Mask, &k.Narrowed.Place)
	if err != nil {
		return k, err
	}
	k.Created, k.LastUsed, k.Expires = db.Moment(created), db.Moment(last), db.Moment(expires)
	text, err := d.Vault.Open(apiKeyPlace(k.APIKeyRef), sealed)
	k.Text = domain.SecretText(text)
	return k, err
}

// List returns the keys of the user with that number with their texts, the oldest first. It
// is empty if there is no such user in sc.
func (s *APIKeyStore) List(ctx context.Context, sc tenancy.Scope, user domain.UserID) ([]domain.APIKey, error) {
	where := db.Account(sc).And("u.id = ?", int64(user))
	return s.list(ctx, s.db, where)
}

func (s *APIKeyStore) list(ctx context.Context, q db.Querier, where db.Predicate) ([]domain.APIKey, error) {
	rows, err := q.QueryContext(ctx, `SELECT k.organization_id, k.user_id, k.id, k.name, k.sealed, k.created_at, k.last_at,
			k.expires_at, k.mask, k.environment_path FROM users u
		JOIN api_keys k ON k.organization_id = u.organization_id AND k.user_id = u.id
		WHERE `+where.Text()+" ORDER BY k.created_at, k.id", where.Args...)
	return db.Collect(rows, err, func(r db.Row) (domain.APIKey, error) { return scanAPIKey(s.db, r) })
}

// Show returns the key with that id, with none the oldest plain one, of the user with that number,
// unless check returns an error, and notes in the audit trail that it was shown. It is
// ErrUserNotFound if there is no such user in w and ErrAPIKeyNotFound if they have no such key.
func (s *APIKeyStore) Show(ctx context.Context, w tenancy.WriteScope, user domain.UserID, id domain.UUID, check func(domain.User) error) (shown domain.APIKey, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		u, err := s.users.lock(ctx, tx, w, user)
		if err != nil {
			return err
		}
		if err := check(u); err != nil {
			return err
		}
		all, err := s.list(ctx, tx, db.Where("u.organization_id = ? AND u.id = ?", int64(u.Organization), int64(u.ID)))
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(k domain.APIKey) bool { return k.ID == id || id == "" && k.Plain() })
		if i < 0 {
			return domain.ErrAPIKeyNotFound
		}
		shown = all[i]
		note := apiKeyEntry("apikey:show", &u, domain.Change{Field: "key", Before: shown.Name, After: shown.Name})
		note.Actor = w.Actor()
		return recordBy(ctx, s.db, tx, note) // a request that only reads may do this
	})
	return shown, err
}

// Insert gives the user with that number the key k, unless check, which gets the user and
// their keys, returns an error, and returns the key with its numbers. It is ErrUserNotFound
// if there is no such user in w.
func (s *APIKeyStore) Insert(ctx context.Context, w tenancy.WriteScope, user domain.UserID, k domain.APIKey,
	check func(domain.User, []domain.APIKey) error) (domain.APIKey, error) {
	err := s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		u, err := s.users.lock(ctx, tx, w, user)
		if err != nil {
			return err
		}
		present, err := s.list(ctx, tx, db.Where("u.organization_id = ? AND u.id = ?", int64(u.Organization), int64(u.ID)))
		if err != nil {
			return err
		}
		if err := check(u, present); err != nil {
			return err
		}
		if k.Narrowed.Place != "" {
			if err := holdWay(ctx, s.db, tx, k.Narrowed.Place); err != nil {
				return err
			}
		}
		k.UserKey = u.Key()
		if err := addAPIKey(ctx, s.db, tx, &k); err != nil {
			return err
		}
		return record(ctx, s.db, tx, w, apiKeyEntry("apikey:create", &u, k.Fields()...))
	})
	return k, err
}

// AddKey gives a user the key k, which is theirs then, under a new id.
func (t *Tx) AddKey(u domain.UserKey, k *domain.APIKey) error {
	if err := t.holds(u); err != nil {
		return err
	}
	k.UserKey = u
	return addAPIKey(t.Ctx, t.DB, t.Bun, k)
}

func addAPIKey(ctx context.Context, d *db.DB, tx bun.Tx, k *domain.APIKey) error {
	k.ID = db.NewUUID()
	hash, err := apiKeyHash(d, k.Text)
	if err != nil {
		return err
	}
	sealed, err := d.Vault.Seal(apiKeyPlace(k.APIKeyRef), string(k.Text))
	if err != nil {
		return err
	}
	if _, err := tx.NewInsert().Model(&apiKeyNameRow{Name: hash, OrganizationID: int64(k.Organization), UserID: int64(k.User), KeyID: string(k.ID)}).Exec(ctx); err != nil {
		return db.Translate(err)
	}
	_, err = tx.NewInsert().Model(&apiKeyRow{OrganizationID: int64(k.Organization), UserID: int64(k.User), ID: string(k.ID),
		Name: k.Name, Hash: hash, Sealed: sealed, CreatedAt: db.Millis(k.Created), ExpiresAt: db.Millis(k.Expires),
		Mask: int64(k.Narrowed.Mask), EnvironmentPath: string(k.Narrowed.Place)}).Exec(ctx)
	return db.Translate(err)
}

// Delete revokes a key of the user with that number, unless check returns an error. It is
// ErrUserNotFound if there is no such user in w and ErrAPIKeyNotFound if they have no such
// key.
func (s *APIKeyStore) Delete(ctx context.Context, w tenancy.WriteScope, user domain.UserID, id domain.UUID, check func(domain.User) error) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		u, err := s.users.lock(ctx, tx, w, user)
		if err != nil {
			return err
		}
		if err := check(u); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, "SELECT name FROM api_keys WHERE organization_id = ? AND user_id = ? AND id = ?",
			int64(u.Organization), int64(u.ID), string(id))
		name, err := db.Only(rows, err, db.Scalar[string], domain.ErrAPIKeyNotFound)
		if err != nil {
			return err
		}
		if _, err := deleteAPIKeys(ctx, tx, u.Key(), id); err != nil {
			return err
		}
		return record(ctx, s.db, tx, w, apiKeyEntry("apikey:revoke", &u, domain.Change{Field: "key", Before: name}))
	})
}

// deleteAPIKeys removes the key of a user with that id, all of them for none, and returns how
// many there were.
func deleteAPIKeys(ctx context.Context, tx bun.Tx, u domain.UserKey, id domain.UUID) (int64, error) {
	where, args := "organization_id = ? AND user_id = ?", []any{int64(u.Organization), int64(u.User)}
	if id != "" {
		where, args = where+" AND id = ?", append(args, string(id))
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM api_key_names WHERE name IN (SELECT hash FROM api_keys WHERE "+where+")", args...); err != nil {
		return 0, db.Translate(err)
	}
	res, err := tx.ExecContext(ctx, "DELETE FROM api_keys WHERE "+where, args...)
	if err != nil {
		return 0, db.Translate(err)
	}
	n, err := res.RowsAffected()
	return n, db.Translate(err)
}

// deleteNarrowedKeys removes the keys that are narrowed to the environment at a path or one below it,
// whoever has them: they are good for nothing any more.
func deleteNarrowedKeys(ctx context.Context, tx bun.Tx, path domain.EnvironmentPath) error {
	const where = "environment_path >= ? AND environment_path < ?"
	from, until := string(path), string(path.End())
	if _, err := tx.ExecContext(ctx, "DELETE FROM api_key_names WHERE name IN (SELECT hash FROM api_keys WHERE "+where+")", from, until); err != nil {
		return db.Translate(err)
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM api_keys WHERE "+where, from, until)
	return db.Translate(err)
}

func apiKeyEntry(action string, u *domain.User, changes ...domain.Change) domain.AuditEntry {
	e := userEntry(action, u, changes)
	e.Target.Kind = "apikey"
	return e
}

// ByAPIKey returns the account of the user whose API key has that text, with the key and narrowed as it
// is. It is
// ErrAPIKeyNotFound if there is none.
func (s *AccountStore) ByAPIKey(ctx context.Context, text domain.SecretText) (domain.Account, error) {
	hash, err := apiKeyHash(s.db, text)
	if err != nil {
		return domain.Account{}, err
	}
	// The database compares keyed hashes, of which how far they agree tells nothing.
	rows, err := s.db.HotRows(ctx, "SELECT "+accountColumns+", k.id, k.last_at, k.expires_at, k.mask, k.environment_path FROM"+accountTables+`
		JOIN api_keys k ON k.organization_id = u.organization_id AND k.user_id = u.id
		JOIN api_key_names n ON n.organization_id = k.organization_id AND n.user_id = k.user_id AND n.key_id = k.id
		WHERE n.name = ?`, hash)
	return db.Only(rows, err, func(r db.Row) (domain.Account, error) {
		var id string
		var last, expires int64
		var narrowed domain.Narrowing
		a, err := scanAccountWith(r, &id, &last, &expires, &narrowed.Mask, &narrowed.Place)
		a.Narrowed = narrowed
		a.Key = domain.APIKey{APIKeyRef: domain.APIKeyRef{UserKey: domain.UserKey{Organization: a.Organization, User: a.User}, ID: domain.UUID(id)},
			LastUsed: db.Moment(last), Expires: db.Moment(expires), Narrowed: narrowed}
		return a, err
	}, domain.ErrAPIKeyNotFound)
}

// APIKeysSeen notes when API keys were used, in one statement.
func (s *AccountStore) APIKeysSeen(ctx context.Context, seen map[domain.APIKeyRef]time.Time) error {
	return touch(ctx, s.db, "api_keys", "last_at", []string{"organization_id", "user_id", "id"}, seen, func(k domain.APIKeyRef) []any {
		return []any{int64(k.Organization), int64(k.User), string(k.ID)}
	})
}
