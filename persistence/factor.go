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

// FactorStore shows what users prove themselves by beside a password, which Tx adds, uses and removes.
type FactorStore struct{ db *db.DB }

// NewFactorStore returns the store of factors in d.
func NewFactorStore(d *db.DB) *FactorStore { return &FactorStore{d} }

// factorRow is a row of the table factors.
type factorRow struct {
	bun.BaseModel `bun:"table:factors,alias:f"`

	OrganizationID int64  `bun:",pk"`
	UserID         int64  `bun:",pk"`
	ID             string `bun:",pk"`
	Kind           int64
	Name           string
	Sealed         string
	Step           int64
	Confirmed      bool
	CreatedAt      int64
	LastAt         int64
}

// Within implements db.Scoped.
func (factorRow) Within(sc tenancy.Scope) db.Predicate { return withUser(sc, "f") }

// recoveryRow is a row of the table recovery_codes.
type recoveryRow struct {
	bun.BaseModel `bun:"table:recovery_codes,alias:c"`

	OrganizationID int64  `bun:",pk"`
	UserID         int64  `bun:",pk"`
	Hash           string `bun:",pk"`
	UsedAt         int64
}

// Within implements db.Scoped.
func (recoveryRow) Within(sc tenancy.Scope) db.Predicate { return withUser(sc, "c") }

// factorPlace binds what is sealed of a factor to where it is stored.
func factorPlace(u domain.UserKey, id string) string {
	return "factor " + strconv.FormatInt(int64(u.Organization), 10) + "|" + strconv.FormatInt(int64(u.User), 10) + "|" + id
}

// recoveryHash binds a recovery code to its account.
func recoveryHash(d *db.DB, u domain.UserKey, text domain.SecretText) (string, error) {
	return d.Vault.Hash("recovery code", strconv.FormatInt(int64(u.Organization), 10),
		strconv.FormatInt(int64(u.User), 10), string(text))
}

func (r *factorRow) factor() domain.Factor {
	return domain.Factor{UserKey: userKey(r.OrganizationID, r.UserID), ID: domain.UUID(r.ID),
		Kind: domain.Factors(r.Kind), Name: r.Name, Step: r.Step, Confirmed: r.Confirmed, Created: db.Moment(r.CreatedAt),
		LastUsed: db.Moment(r.LastAt)}
}

func (s *FactorStore) List(ctx context.Context, sc tenancy.Scope, user domain.UserKey) ([]domain.Factor, error) {
	var rows []factorRow
	err := db.From(s.db, sc, &rows).Apply(owned(user)).Where("f.confirmed").Order("f.created_at", "f.id").Scan(ctx)
	factors := make([]domain.Factor, len(rows))
	for i := range rows {
		factors[i] = rows[i].factor()
	}
	return factors, db.Translate(err)
}

func (s *FactorStore) RecoveryCodes(ctx context.Context, sc tenancy.Scope, user domain.UserKey) (int64, error) {
	n, err := db.From(s.db, sc, &[]recoveryRow{}).Apply(owned(user)).Where("c.used_at = 0").Count(ctx)
	return n, db.Translate(err)
}

// Held returns the confirmed factors of an account with their secrets, the oldest first, before there is a principal.
func (s *AccountStore) Held(ctx context.Context, u domain.UserKey) ([]domain.Factor, error) {
	var rows []factorRow
	return openFactors(ctx, s.db, s.db.NewSelect().Model(&rows).Where("f.confirmed"), &rows, u)
}

// openFactors reads the factors of a user that q finds, in rows, with their secrets, the oldest first.
func openFactors(ctx context.Context, d *db.DB, q *bun.SelectQuery, rows *[]factorRow,
	u domain.UserKey) ([]domain.Factor, error) {
	if err := q.Apply(owned(u)).Order("f.created_at", "f.id").Scan(ctx); err != nil {
		return nil, db.Translate(err)
	}
	factors := make([]domain.Factor, len(*rows))
	for i := range *rows {
		r := &(*rows)[i]
		text, err := d.Vault.Open(factorPlace(u, r.ID), r.Sealed)
		if err != nil {
			return nil, err
		}
		factors[i] = r.factor()
		factors[i].Secret = domain.SecretText(text)
	}
	return factors, nil
}

func (tx *Tx) Factors(u domain.UserKey) ([]domain.Factor, error) {
	if _, err := tx.stored(u); err != nil {
		return nil, err
	}
	var rows []factorRow
	return openFactors(tx.Ctx, tx.DB, tx.NewSelect().Model(&rows), &rows, u)
}

func (tx *Tx) AddFactor(u domain.UserKey, f *domain.Factor) error {
	user, err := tx.stored(u)
	if err != nil {
		return err
	}
	if _, err := deleteOwn(tx.Ctx, tx.Bun, u, "factors", "NOT confirmed"); err != nil {
		return err
	}
	f.UserKey, f.ID = u, db.NewUUID()
	sealed, err := tx.DB.Vault.Seal(factorPlace(u, string(f.ID)), string(f.Secret))
	if err != nil {
		return err
	}
	err = tx.Insert(&factorRow{OrganizationID: int64(u.Organization), UserID: int64(u.User), ID: string(f.ID),
		Kind: int64(f.Kind), Name: f.Name, Sealed: sealed, Step: f.Step, Confirmed: f.Confirmed,
		CreatedAt: db.Millis(f.Created), LastAt: db.Millis(f.LastUsed)})
	if err != nil || !f.Confirmed {
		return err
	}
	return tx.factorAdded(user, f)
}

func (tx *Tx) ConfirmFactor(f *domain.Factor) error {
	user, err := tx.stored(f.UserKey)
	if err != nil {
		return err
	}
	err = tx.One(tx.factor(f.UserKey, f.ID).Where("NOT f.confirmed").Set("confirmed = ?", true).
		Set("name = ?", f.Name).Set("step = ?", f.Step).Set("last_at = ?", db.Millis(f.LastUsed)),
		domain.ErrFactorNotFound)
	if err != nil {
		return err
	}
	f.Confirmed = true
	return tx.factorAdded(user, f)
}

// factor begins a change of one factor of a user.
func (tx *Tx) factor(u domain.UserKey, id domain.UUID) *bun.UpdateQuery {
	return tx.NewUpdate().Model((*factorRow)(nil)).
		Where("f.organization_id = ? AND f.user_id = ? AND f.id = ?", int64(u.Organization), int64(u.User), string(id))
}

// factorAdded notes that a factor counts from now on.
func (tx *Tx) factorAdded(user *domain.User, f *domain.Factor) error {
	if err := tx.noteKinds(f.UserKey); err != nil {
		return err
	}
	return tx.record(factorEntry("factor:add", user, domain.Change{Field: "kind", After: f.Kind.String()},
		domain.Change{Field: "name", After: f.Name}))
}

// noteKinds writes into the user's row which kinds of factors they have, which ends what is remembered of them.
func (tx *Tx) noteKinds(u domain.UserKey) error {
	var kinds []int64
	err := tx.NewSelect().Model((*factorRow)(nil)).Column("kind").Apply(owned(u)).Where("f.confirmed").Scan(tx.Ctx, &kinds)
	if err != nil {
		return db.Translate(err)
	}
	all := int64(0)
	for _, kind := range kinds {
		all |= kind
	}
	return tx.One(tx.NewUpdate().Model((*userRow)(nil)).Set("factors = ?", all).Set("epoch = epoch + 1").
		Where("u.organization_id = ? AND u.id = ?", int64(u.Organization), int64(u.User)), domain.ErrUserNotFound)
}

func (tx *Tx) UseFactor(f *domain.Factor, step int64, at time.Time) error {
	if _, err := tx.stored(f.UserKey); err != nil {
		return err
	}
	further := "f.step < ?"
	if f.Kind == domain.PasskeyFactor && step == 0 { // an authenticator that does not count
		further = "f.step = ?"
	}
	return tx.One(tx.factor(f.UserKey, f.ID).Where("f.confirmed").Where(further, step).Set("step = ?", step).
		Set("last_at = ?", db.Millis(at)), domain.ErrChanged)
}

func (tx *Tx) RenameFactor(u domain.UserKey, id domain.UUID, name string) error {
	user, err := tx.stored(u)
	if err != nil {
		return err
	}
	before, err := tx.confirmed(u, id)
	if err != nil || before.Name == name {
		return err
	}
	if err := tx.One(tx.factor(u, id).Set("name = ?", name), domain.ErrFactorNotFound); err != nil {
		return err
	}
	return tx.record(factorEntry("factor:rename", user, domain.Change{Field: "name", Before: before.Name, After: name}))
}

// confirmed returns a confirmed factor of a user, or ErrFactorNotFound.
func (tx *Tx) confirmed(u domain.UserKey, id domain.UUID) (domain.Factor, error) {
	var rows []factorRow
	err := tx.NewSelect().Model(&rows).Apply(owned(u)).Where("f.confirmed AND f.id = ?", string(id)).Scan(tx.Ctx)
	row, err := db.First(rows, err, domain.ErrFactorNotFound)
	if err != nil {
		return domain.Factor{}, err
	}
	return row.factor(), nil
}

func (tx *Tx) RemoveFactor(u domain.UserKey, id domain.UUID) (domain.Factor, error) {
	user, err := tx.stored(u)
	if err != nil {
		return domain.Factor{}, err
	}
	f, err := tx.confirmed(u, id)
	if err != nil {
		return f, err
	}
	if err := tx.watch(user); err != nil {
		return f, err
	}
	if _, err := deleteOwn(tx.Ctx, tx.Bun, u, "factors", "id = ?", string(id)); err != nil {
		return f, err
	}
	if _, err := deleteOwn(tx.Ctx, tx.Bun, u, "sessions", "factor_id = ?", string(id)); err != nil {
		return f, err
	}
	others, err := tx.NewSelect().Model((*factorRow)(nil)).Apply(owned(u)).Where("f.confirmed").Exists(tx.Ctx)
	if err != nil {
		return f, db.Translate(err)
	}
	if !others { // there is nothing left that recovery codes could take the place of
		if _, err := deleteOwn(tx.Ctx, tx.Bun, u, "recovery_codes", ""); err != nil {
			return f, err
		}
	}
	if err := tx.noteKinds(u); err != nil {
		return f, err
	}
	return f, tx.record(factorEntry("factor:remove", user, domain.Change{Field: "kind", Before: f.Kind.String()},
		domain.Change{Field: "name", Before: f.Name}))
}

func (tx *Tx) EndOtherSessions(u domain.UserKey, but domain.UUID) error {
	if _, err := tx.stored(u); err != nil {
		return err
	}
	_, err := deleteOwn(tx.Ctx, tx.Bun, u, "sessions", "id <> ?", string(but))
	return err
}

func (tx *Tx) SetRecoveryCodes(u domain.UserKey, codes []domain.SecretText) error {
	user, err := tx.stored(u)
	if err != nil {
		return err
	}
	if _, err := deleteOwn(tx.Ctx, tx.Bun, u, "recovery_codes", ""); err != nil {
		return err
	}
	rows := make([]recoveryRow, len(codes))
	for i, code := range codes {
		hash, err := recoveryHash(tx.DB, u, code)
		if err != nil {
			return err
		}
		rows[i] = recoveryRow{OrganizationID: int64(u.Organization), UserID: int64(u.User), Hash: hash}
	}
	if err := tx.Insert(&rows); err != nil {
		return err
	}
	return tx.record(factorEntry("factor:codes", user,
		domain.Change{Field: "recovery_codes", After: strconv.Itoa(len(codes))}))
}

// SpendRecoveryCode lets the database compare keyed hashes, of which how far they agree tells nothing.
func (tx *Tx) SpendRecoveryCode(u domain.UserKey, code domain.SecretText, at time.Time) (left int64, err error) {
	user, err := tx.stored(u)
	if err != nil {
		return 0, err
	}
	hash, err := recoveryHash(tx.DB, u, code)
	if err != nil {
		return 0, err
	}
	err = tx.One(tx.NewUpdate().Model((*recoveryRow)(nil)).Set("used_at = ?", db.Millis(at)).
		Where("c.organization_id = ? AND c.user_id = ? AND c.hash = ? AND c.used_at = 0", int64(u.Organization),
			int64(u.User), hash), domain.ErrBadCode)
	if err != nil {
		return 0, err
	}
	left, err = tx.NewSelect().Model((*recoveryRow)(nil)).Apply(owned(u)).Where("c.used_at = 0").Count(tx.Ctx)
	if err != nil {
		return 0, db.Translate(err)
	}
	n := strconv.FormatInt(left, 10)
	return left, tx.record(factorEntry("factor:recover", user, domain.Change{Field: "recovery_codes", After: n}))
}

func (tx *Tx) RenewSession(before domain.SessionKey, after domain.Session, keep int,
	tell func(*domain.User) domain.Mail) error {
	if _, err := tx.stored(before.UserKey); err != nil {
		return err
	}
	if before.UserKey != after.UserKey {
		return domain.ErrSessionNotFound
	}
	provider, err := tx.providerOf(before)
	if err != nil {
		return err
	}
	ended, err := deleteOwn(tx.Ctx, tx.Bun, before.UserKey, "sessions", "id = ?", string(before.ID))
	if err != nil {
		return err
	}
	if ended == 0 {
		return domain.ErrSessionNotFound
	}
	after.Provider = provider
	err = tx.insertSession(&after, keep, tell)
	if domain.ErrChanged.Is(err) { // the provider was switched off a moment ago, with the session
		err = domain.ErrSessionNotFound
	}
	return err
}

// factorEntry is the audit entry of a change of what u proves themselves by.
func factorEntry(action string, u *domain.User, changes ...domain.Change) domain.AuditEntry {
	e := userEntry(action, u, changes)
	e.Target.Kind = "factor"
	return e
}
