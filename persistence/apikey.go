package persistence

import (
	"context"
	"slices"
	"strconv"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// APIKeyStore shows the API keys of users, which Tx adds and revokes. AccountStore finds whose a key is.
type APIKeyStore struct{ db *db.DB }

// NewAPIKeyStore returns the store of API keys in d.
func NewAPIKeyStore(d *db.DB) *APIKeyStore { return &APIKeyStore{d} }

// apiKeyRow is a row of the table api_keys.
type apiKeyRow struct {
	bun.BaseModel `bun:"table:api_keys,alias:k"`

	OrganizationID  int64  `bun:",pk"`
	UserID          int64  `bun:",pk"`
	ID              string `bun:",pk"`
	Name            string
	Hash            string
	Sealed          string
	CreatedAt       int64
	LastAt          int64
	ExpiresAt       int64
	Mask            int64
	EnvironmentPath string
}

// Within implements db.Scoped.
func (apiKeyRow) Within(sc tenancy.Scope) db.Predicate { return withUser(sc, "k") }

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
	return "api key " + strconv.FormatInt(int64(k.Organization), 10) + "|" + strconv.FormatInt(int64(k.User), 10) + "|" +
		string(k.ID)
}

func apiKeyHash(d *db.DB, text domain.SecretText) (string, error) {
	return d.Vault.Hash("api key", string(text))
}

func (s *APIKeyStore) List(ctx context.Context, sc tenancy.Scope, user domain.UserKey) ([]domain.APIKey, error) {
	var rows []apiKeyRow
	return readAPIKeys(ctx, s.db, db.From(s.db, sc, &rows).Apply(owned(user)), &rows)
}

// readAPIKeys reads the keys that q finds, in rows, the oldest first.
func readAPIKeys(ctx context.Context, d *db.DB, q *bun.SelectQuery, rows *[]apiKeyRow) ([]domain.APIKey, error) {
	if err := q.Order("k.created_at", "k.id").Scan(ctx); err != nil {
		return nil, db.Translate(err)
	}
	keys := make([]domain.APIKey, len(*rows))
	for i, r := range *rows {
		ref := domain.APIKeyRef{UserKey: userKey(r.OrganizationID, r.UserID), ID: domain.UUID(r.ID)}
		text, err := d.Vault.Open(apiKeyPlace(ref), r.Sealed)
		if err != nil {
			return nil, err
		}
		keys[i] = domain.APIKey{APIKeyRef: ref, Name: r.Name, Text: domain.SecretText(text), Created: db.Moment(r.CreatedAt),
			LastUsed: db.Moment(r.LastAt), Expires: db.Moment(r.ExpiresAt),
			Narrowed: domain.Narrowing{Mask: domain.Mask(r.Mask), Place: domain.EnvironmentPath(r.EnvironmentPath)}}
	}
	return keys, nil
}

func (tx *Tx) APIKeys(u domain.UserKey) ([]domain.APIKey, error) {
	if _, err := tx.stored(u); err != nil {
		return nil, err
	}
	var rows []apiKeyRow
	return readAPIKeys(tx.Ctx, tx.DB, tx.NewSelect().Model(&rows).Apply(owned(u)), &rows)
}

// NoteAPIKeyShown notes in the audit trail that a key of a user whom User returned is shown. A request that
// only reads may do this.
func (tx *Tx) NoteAPIKeyShown(k *domain.APIKey) error {
	user, err := tx.stored(k.UserKey)
	if err != nil {
		return err
	}
	note := apiKeyEntry("apikey:show", user, domain.Change{Field: "key", Before: k.Name, After: k.Name})
	note.Actor = tx.Write.Actor()
	return recordBy(tx.Ctx, tx.DB, tx.Bun, note)
}

// InsertAPIKey is AddKey for a user who is there already. It returns ErrChanged if the place the key is
// narrowed to is no longer there.
func (tx *Tx) InsertAPIKey(u domain.UserKey, k *domain.APIKey) error {
	user, err := tx.stored(u)
	if err != nil {
		return err
	}
	if k.Narrowed.Place != "" {
		if err := tx.holdWay(0, k.Narrowed.Place); err != nil {
			return err
		}
	}
	if err := tx.AddKey(u, k); err != nil {
		return err
	}
	return tx.record(apiKeyEntry("apikey:create", user, k.Fields()...))
}

// AddKey gives a user whom the transaction adds the key k, which is theirs then, under a new id. The audit
// entry of the user tells of it.
func (tx *Tx) AddKey(u domain.UserKey, k *domain.APIKey) error {
	if _, err := tx.stored(u); err != nil {
		return err
	}
	k.UserKey, k.ID = u, db.NewUUID()
	hash, err := apiKeyHash(tx.DB, k.Text)
	if err != nil {
		return err
	}
	sealed, err := tx.DB.Vault.Seal(apiKeyPlace(k.APIKeyRef), string(k.Text))
	if err != nil {
		return err
	}
	err = tx.Insert(&apiKeyNameRow{Name: hash, OrganizationID: int64(u.Organization), UserID: int64(u.User),
		KeyID: string(k.ID)})
	if err != nil {
		return err
	}
	return tx.Insert(&apiKeyRow{OrganizationID: int64(u.Organization), UserID: int64(u.User), ID: string(k.ID),
		Name: k.Name, Hash: hash, Sealed: sealed, CreatedAt: db.Millis(k.Created), ExpiresAt: db.Millis(k.Expires),
		Mask: int64(k.Narrowed.Mask), EnvironmentPath: string(k.Narrowed.Place)})
}

func (tx *Tx) DeleteAPIKey(u domain.UserKey, id domain.UUID) error {
	user, err := tx.stored(u)
	if err != nil {
		return err
	}
	var names []string
	err = tx.NewSelect().Model((*apiKeyRow)(nil)).Column("name").Apply(owned(u)).Where("k.id = ?", string(id)).
		Scan(tx.Ctx, &names)
	name, err := db.First(names, err, domain.ErrAPIKeyNotFound)
	if err != nil {
		return err
	}
	err = tx.deleteAPIKeys("k.organization_id = ? AND k.user_id = ? AND k.id = ?", int64(u.Organization), int64(u.User),
		string(id))
	if err != nil {
		return err
	}
	return tx.record(apiKeyEntry("apikey:revoke", user, domain.Change{Field: "key", Before: name}))
}

// deleteAPIKeys removes the keys that meet a condition.
func (tx *Tx) deleteAPIKeys(condition string, args ...any) error {
	var hashes []string
	err := tx.NewSelect().Model((*apiKeyRow)(nil)).Column("hash").Where(condition, args...).Scan(tx.Ctx, &hashes)
	if err != nil || len(hashes) == 0 {
		return db.Translate(err)
	}
	for some := range slices.Chunk(hashes, together) {
		if err := tx.Run(tx.NewDelete().Model((*apiKeyNameRow)(nil)).Where("name IN (?)", db.In(some))); err != nil {
			return err
		}
	}
	return tx.Run(tx.NewDelete().Model((*apiKeyRow)(nil)).Where(condition, args...))
}

func apiKeyEntry(action string, u *domain.User, changes ...domain.Change) domain.AuditEntry {
	e := userEntry(action, u, changes)
	e.Target.Kind = "apikey"
	return e
}
