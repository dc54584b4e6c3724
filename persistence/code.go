package persistence

import (
	"context"
	"strconv"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// RegistrationCodeStore keeps registration codes. A code lies in a scope if the
// environment of its organization does.
type RegistrationCodeStore struct{ db *db.DB }

// NewRegistrationCodeStore returns the store of registration codes in d.
func NewRegistrationCodeStore(d *db.DB) *RegistrationCodeStore { return &RegistrationCodeStore{d} }

// codeRow is a row of the table registration_codes.
type codeRow struct {
	bun.BaseModel `bun:"table:registration_codes,alias:c"`

	OrganizationID int64
	Hash           string
	Sealed         string
	CreatedAt      int64
	CreatedBy      string
	ExpiresAt      int64
	MaxUsers       int64
	Used           int64
	Enabled        bool
}

// codeNameRow is a row of the table registration_code_names.
type codeNameRow struct {
	bun.BaseModel `bun:"table:registration_code_names"`

	Name           string
	OrganizationID int64
}

const codeTables = ` registration_codes c JOIN environments e ON e.organization_id = c.organization_id AND e.id = c.organization_id `

func selectCodes(ctx context.Context, d *db.DB, q db.Querier, where db.Predicate, rest string) ([]domain.RegistrationCode, error) {
	rows, err := q.QueryContext(ctx, `SELECT c.organization_id, c.hash, c.sealed, c.created_at, c.created_by, c.expires_at, c.max_users, c.used, c.enabled
		FROM`+codeTables+"WHERE "+where.Text()+rest, where.Args...)
	return db.Collect(rows, err, func(r db.Row) (c domain.RegistrationCode, err error) {
		var hash, sealed string
		var created, expires int64
		if err = r.Scan(&c.Organization, &hash, &sealed, &created, &c.CreatedBy, &expires, &c.MaxUsers, &c.Used, &c.Enabled); err != nil {
			return c, err
		}
		c.Created, c.Expires = db.Moment(created), db.Moment(expires)
		text, err := d.Vault.Open(codePlace(c.Organization, hash), sealed)
		c.Code = domain.SecretText(text)
		return c, err
	})
}

func codePlace(o domain.OrganizationID, hash string) string {
	return "code " + strconv.FormatInt(int64(o), 10) + " " + hash
}

// codesIn returns the condition that a code lies in sc and belongs to organization o.
func codesIn(sc tenancy.Scope, o domain.OrganizationID) db.Predicate {
	return db.Placed(sc, "e.path", "c.organization_id").And("c.organization_id = ?", int64(o))
}

// List returns the codes of organization o, oldest first; none if it is not in sc.
func (s *RegistrationCodeStore) List(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID) ([]domain.RegistrationCode, error) {
	return selectCodes(ctx, s.db, s.db, codesIn(sc, o), " ORDER BY c.created_at, c.hash")
}

// Get returns the code of organization o, or ErrRegistrationCodeNotFound.
func (s *RegistrationCodeStore) Get(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID, code domain.SecretText) (domain.RegistrationCode, error) {
	return s.get(ctx, s.db, sc, o, code, "")
}

func (s *RegistrationCodeStore) get(ctx context.Context, q db.Querier, sc tenancy.Scope, o domain.OrganizationID, code domain.SecretText, rest string) (domain.RegistrationCode, error) {
	hash, err := codeHash(s.db, code)
	if err != nil {
		return domain.RegistrationCode{}, err
	}
	found, err := selectCodes(ctx, s.db, q, codesIn(sc, o).And("c.hash = ?", hash), rest)
	if err != nil || len(found) == 0 {
		return domain.RegistrationCode{}, orElse(err, domain.ErrRegistrationCodeNotFound)
	}
	return found[0], nil
}

func codeHash(d *db.DB, code domain.SecretText) (string, error) {
	return d.Vault.Hash("registration code", string(code))
}

// Insert adds c to its organization, whose environment must lie in w, else it is
// ErrEnvironmentNotFound.
func (s *RegistrationCodeStore) Insert(ctx context.Context, w tenancy.WriteScope, c domain.RegistrationCode) (domain.RegistrationCode, error) {
	if err := c.Validate(); err != nil {
		return c, err
	}
	hash, err := codeHash(s.db, c.Code)
	if err != nil {
		return c, err
	}
	sealed, err := s.db.Vault.Seal(codePlace(c.Organization, hash), string(c.Code))
	if err != nil {
		return c, err
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		place, err := s.place(ctx, tx, w, c.Organization)
		if err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(&codeNameRow{Name: hash, OrganizationID: int64(c.Organization)}).Exec(ctx); err != nil {
			return db.Translate(err)
		}
		_, err = tx.NewInsert().Model(&codeRow{OrganizationID: int64(c.Organization), Hash: hash, Sealed: sealed, CreatedAt: db.Millis(c.Created),
			CreatedBy: c.CreatedBy, ExpiresAt: db.Millis(c.Expires), MaxUsers: c.MaxUsers, Enabled: c.Enabled}).Exec(ctx)
		if err != nil {
			return db.Translate(err)
		}
		return record(ctx, s.db, tx, w, codeEntry("registration_code:create", &place, domain.Diff(nil, c.Fields())))
	})
	return c, err
}

// place returns the environment of organization o if it lies in w.
func (s *RegistrationCodeStore) place(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, o domain.OrganizationID) (domain.Environment, error) {
	return selectEnvironment(ctx, tx, environmentsIn(w.Read()).And("e.id = ? AND e.organization_id = ?", int64(o), int64(o)), s.db.For("SHARE"))
}

func codeEntry(action string, place *domain.Environment, changes []domain.Change) domain.AuditEntry {
	return domain.AuditEntry{
		Action: action, Target: domain.Target{Kind: "registration_code", ID: int64(place.ID), Name: place.Alias},
		Organization: place.Organization, Place: place.ID, Path: place.Path, Changes: changes,
	}
}

// Update loads the code, runs change and saves. What change says of the organization, the
// code and its uses is not saved.
func (s *RegistrationCodeStore) Update(ctx context.Context, w tenancy.WriteScope, o domain.OrganizationID, code domain.SecretText,
	change func(*domain.RegistrationCode) error) (after domain.RegistrationCode, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		before, err := s.get(ctx, tx, w.Read(), o, code, s.db.For("UPDATE OF c"))
		if err != nil {
			return err
		}
		after = before
		if err := change(&after); err != nil {
			return err
		}
		if err := after.Validate(); err != nil {
			return err
		}
		changes := domain.Diff(before.Fields(), after.Fields())
		if len(changes) == 0 {
			return nil
		}
		hash, err := codeHash(s.db, code)
		if err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `UPDATE registration_codes SET expires_at = ?, max_users = ?, enabled = ?
			WHERE organization_id = ? AND hash = ?`, db.Millis(after.Expires), after.MaxUsers, after.Enabled, int64(o), hash)
		if err := db.One(res, err, domain.ErrRegistrationCodeNotFound); err != nil {
			return err
		}
		place, err := s.place(ctx, tx, w, o)
		if err != nil {
			return err
		}
		return record(ctx, s.db, tx, w, codeEntry("registration_code:update", &place, changes))
	})
	return after, err
}

// Delete removes the code, or is ErrRegistrationCodeNotFound.
func (s *RegistrationCodeStore) Delete(ctx context.Context, w tenancy.WriteScope, o domain.OrganizationID, code domain.SecretText) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		c, err := s.get(ctx, tx, w.Read(), o, code, "")
		if err != nil {
			return err
		}
		hash, err := codeHash(s.db, code)
		if err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, "DELETE FROM registration_codes WHERE organization_id = ? AND hash = ?", int64(o), hash)
		if err := db.One(res, err, domain.ErrRegistrationCodeNotFound); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM registration_code_names WHERE name = ?", hash); err != nil {
			return db.Translate(err)
		}
		place, err := s.place(ctx, tx, w, o)
		if err != nil {
			return err
		}
		return record(ctx, s.db, tx, w, codeEntry("registration_code:delete", &place, domain.Diff(c.Fields(), nil)))
	})
}

// CodeOpen returns nil if somebody can register with the code now, else ErrRegistrationCode.
func (s *AccountStore) CodeOpen(ctx context.Context, code domain.SecretText) error {
	hash, err := codeHash(s.db, code)
	if err != nil {
		return err
	}
	rows, err := s.db.QueryContext(ctx, `SELECT 1 FROM registration_code_names n
		JOIN registration_codes c ON c.organization_id = n.organization_id AND c.hash = n.name
		JOIN environments e ON e.organization_id = c.organization_id AND e.id = c.organization_id
		WHERE n.name = ? AND `+openCode+" AND e.active", hash, db.Millis(s.db.Now()))
	_, err = db.Only(rows, err, db.Scalar[int], domain.ErrRegistrationCode)
	return err
}

// openCode is the condition of a code that can be used at a time.
const openCode = "enabled AND (expires_at = 0 OR expires_at > ?) AND (max_users = 0 OR used < max_users)"

// UseCode uses a registration code up by one and returns the place it opens. It is ErrRegistrationCode if
// the code is not open or its environment is not in the scope.
func (t *Tx) UseCode(code domain.SecretText) (domain.Environment, error) {
	var home domain.Environment
	hash, err := codeHash(t.DB, code)
	if err != nil {
		return home, err
	}
	rows, err := t.Bun.QueryContext(t.Ctx, "SELECT organization_id FROM registration_code_names WHERE name = ?", hash)
	o, err := db.Only(rows, err, db.Scalar[int64], domain.ErrRegistrationCode)
	if err != nil {
		return home, err
	}
	res, err := t.Bun.ExecContext(t.Ctx, `UPDATE registration_codes SET used = used + 1 WHERE organization_id = ? AND hash = ?
		AND `+openCode, o, hash, db.Millis(t.DB.Now()))
	if err := db.One(res, err, domain.ErrRegistrationCode); err != nil {
		return home, err
	}
	home, err = selectEnvironment(t.Ctx, t.Bun, environmentsIn(t.Write.Read()).And("e.id = ? AND e.organization_id = ?", o, o), t.DB.For("SHARE"))
	if domain.ErrEnvironmentNotFound.Is(err) || err == nil && !home.Active {
		return home, domain.ErrRegistrationCode
	}
	return home, err
}
