package persistence

import (
	"context"
	"strconv"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// RegistrationCodeStore reads registration codes, which Tx changes.
type RegistrationCodeStore struct{ db *db.DB }

// NewRegistrationCodeStore returns the store of registration codes in d.
func NewRegistrationCodeStore(d *db.DB) *RegistrationCodeStore { return &RegistrationCodeStore{d} }

// codeRow is a row of the table registration_codes.
type codeRow struct {
	bun.BaseModel `bun:"table:registration_codes,alias:c"`

	OrganizationID int64  `bun:",pk"`
	Hash           string `bun:",pk"`
	Sealed         string
	CreatedAt      int64
	CreatedBy      string
	ExpiresAt      int64
	MaxUsers       int64
	Used           int64
	Enabled        bool
}

// Within implements db.Scoped: a code lies where the environment of its organization does.
func (codeRow) Within(sc tenancy.Scope) db.Predicate { return atBorder(sc, "c") }

// atBorder returns the condition that the environment of the organization to which a row belongs lies in sc. The
// alias is the table's.
func atBorder(sc tenancy.Scope, alias string) db.Predicate {
	in := environmentRow{}.Within(sc)
	return db.Where("EXISTS (SELECT 1 FROM environments e WHERE e.organization_id = "+alias+
		".organization_id AND e.id = "+alias+".organization_id AND "+in.Text()+")", in.Args...)
}

// codeNameRow is a row of the table registration_code_names.
type codeNameRow struct {
	bun.BaseModel `bun:"table:registration_code_names,alias:n"`

	Name           string `bun:",pk"`
	OrganizationID int64
}

func codePlace(o domain.OrganizationID, hash string) string {
	return "code " + strconv.FormatInt(int64(o), 10) + " " + hash
}

func codeHash(d *db.DB, code domain.SecretText) (string, error) {
	return d.Vault.Hash("registration code", string(code))
}

// toCodeRow returns the row of a code, sealed.
func toCodeRow(d *db.DB, c *domain.RegistrationCode) (*codeRow, error) {
	hash, err := codeHash(d, c.Code)
	if err != nil {
		return nil, err
	}
	sealed, err := d.Vault.Seal(codePlace(c.Organization, hash), string(c.Code))
	return &codeRow{OrganizationID: int64(c.Organization), Hash: hash, Sealed: sealed, CreatedAt: db.Millis(c.Created),
		CreatedBy: c.CreatedBy,
		ExpiresAt: db.Millis(c.Expires), MaxUsers: c.MaxUsers, Used: c.Used, Enabled: c.Enabled}, err
}

// readCodes reads the codes that q finds, in rows, the oldest first.
func readCodes(ctx context.Context, d *db.DB, q *bun.SelectQuery, rows *[]codeRow) ([]domain.RegistrationCode, error) {
	if err := q.Order("c.created_at", "c.hash").Scan(ctx); err != nil {
		return nil, db.Translate(err)
	}
	codes := make([]domain.RegistrationCode, len(*rows))
	for i, r := range *rows {
		o := domain.OrganizationID(r.OrganizationID)
		text, err := d.Vault.Open(codePlace(o, r.Hash), r.Sealed)
		if err != nil {
			return nil, err
		}
		codes[i] = domain.RegistrationCode{Organization: o, Code: domain.SecretText(text), Created: db.Moment(r.CreatedAt),
			CreatedBy: r.CreatedBy,
			Expires:   db.Moment(r.ExpiresAt), MaxUsers: r.MaxUsers, Used: r.Used, Enabled: r.Enabled}
	}
	return codes, nil
}

func (s *RegistrationCodeStore) List(ctx context.Context, sc tenancy.Scope,
	o domain.OrganizationID) ([]domain.RegistrationCode, error) {
	var rows []codeRow
	return readCodes(ctx, s.db, db.From(s.db, sc, &rows).Where("c.organization_id = ?", int64(o)), &rows)
}

func (s *RegistrationCodeStore) Get(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID,
	code domain.SecretText) (domain.RegistrationCode, error) {
	var rows []codeRow
	return readCode(ctx, s.db, db.From(s.db, sc, &rows), &rows, o, code)
}

func readCode(ctx context.Context, d *db.DB, q *bun.SelectQuery, rows *[]codeRow, o domain.OrganizationID,
	code domain.SecretText) (domain.RegistrationCode, error) {
	hash, err := codeHash(d, code)
	if err != nil {
		return domain.RegistrationCode{}, err
	}
	codes, err := readCodes(ctx, d, q.Where("c.organization_id = ? AND c.hash = ?", int64(o), hash), rows)
	return db.First(codes, err, domain.ErrRegistrationCodeNotFound)
}

func (tx *Tx) RegistrationCode(o domain.OrganizationID, code domain.SecretText) (domain.RegistrationCode, error) {
	var rows []codeRow
	return readCode(tx.Ctx, tx.DB, db.From(tx, tx.Scope(), &rows).Apply(tx.For("UPDATE")), &rows, o, code)
}

// InsertRegistrationCode adds c to its organization. It returns ErrEnvironmentNotFound unless the place of
// that lies in the scope.
func (tx *Tx) InsertRegistrationCode(c *domain.RegistrationCode) error {
	if err := c.Validate(); err != nil {
		return err
	}
	place, err := tx.border(int64(c.Organization))
	if err != nil {
		return err
	}
	row, err := toCodeRow(tx.DB, c)
	if err != nil {
		return err
	}
	if err := tx.Insert(&codeNameRow{Name: row.Hash, OrganizationID: row.OrganizationID}); err != nil {
		return err
	}
	if err := tx.Insert(row); err != nil {
		return err
	}
	return tx.recordCode("registration_code:create", &place, domain.Diff(nil, c.Fields()))
}

// SaveRegistrationCode makes before, as it was read, after, but for its uses, which UseCode counts. Where nothing
// changed it does nothing. It returns ErrEnvironmentNotFound unless the place of the code lies in the scope.
func (tx *Tx) SaveRegistrationCode(before, after *domain.RegistrationCode) error {
	changes := domain.Diff(before.Fields(), after.Fields())
	if err := after.Validate(); err != nil || len(changes) == 0 {
		return err
	}
	place, err := tx.border(int64(after.Organization))
	if err != nil {
		return err
	}
	row, err := toCodeRow(tx.DB, after)
	if err != nil {
		return err
	}
	saved := tx.NewUpdate().Model(row).ExcludeColumn("used").WherePK()
	if err := tx.One(saved, domain.ErrRegistrationCodeNotFound); err != nil {
		return err
	}
	return tx.recordCode("registration_code:update", &place, changes)
}

// DeleteRegistrationCode removes a code as it was read. It returns ErrEnvironmentNotFound unless the place of the
// code lies in the scope.
func (tx *Tx) DeleteRegistrationCode(c *domain.RegistrationCode) error {
	place, err := tx.border(int64(c.Organization))
	if err != nil {
		return err
	}
	row, err := toCodeRow(tx.DB, c)
	if err != nil {
		return err
	}
	if err := tx.One(tx.NewDelete().Model(row).WherePK(), domain.ErrRegistrationCodeNotFound); err != nil {
		return err
	}
	if err := tx.Run(tx.NewDelete().Model(&codeNameRow{Name: row.Hash}).WherePK()); err != nil {
		return err
	}
	return tx.recordCode("registration_code:delete", &place, domain.Diff(c.Fields(), nil))
}

// recordCode writes the audit entry of a change to a code of an organization, whose place border returned.
func (tx *Tx) recordCode(action string, place *domain.Environment, changes []domain.Change) error {
	return tx.record(domain.AuditEntry{
		Action: action, Target: domain.Target{Kind: "registration_code", ID: int64(place.ID), Name: place.Alias},
		Organization: place.Organization, Place: place.ID, Path: place.Path, Changes: changes,
	})
}

// border returns the environment of an organization that lies in the scope, and keeps it.
func (tx *Tx) border(o int64) (domain.Environment, error) {
	var rows []environmentRow
	found, err := readEnvironments(tx.Ctx, db.From(tx, tx.Scope(), &rows).
		Where("e.organization_id = ? AND e.id = ?", o, o).Apply(tx.For("SHARE")), &rows)
	return db.First(found, err, domain.ErrEnvironmentNotFound)
}

// openCode is the condition of a code that can be used at a time.
const openCode = "c.enabled AND (c.expires_at = 0 OR c.expires_at > ?) AND (c.max_users = 0 OR c.used < c.max_users)"

// codeKey returns the organization of the code with that hash, 0 if there is none: a code that nobody has is looked
// for by key too, so that it takes as long as one that is not open.
func codeKey(ctx context.Context, r db.Reader, hash string) (o int64, err error) {
	var rows []codeNameRow
	err = r.NewSelect().Model(&rows).Where("n.name = ?", hash).Scan(ctx)
	for _, row := range rows {
		o = row.OrganizationID
	}
	return o, db.Translate(err)
}

func (s *AccountStore) CodeOpen(ctx context.Context, code domain.SecretText) (domain.OrganizationID, error) {
	hash, err := codeHash(s.db, code)
	if err != nil {
		return 0, err
	}
	o, err := codeKey(ctx, s.db, hash)
	if err != nil {
		return 0, err
	}
	open, err := s.db.NewSelect().Model((*codeRow)(nil)).Where("c.organization_id = ? AND c.hash = ?", o, hash).
		Where(openCode, db.Millis(s.db.Now())).
		Where("EXISTS (SELECT 1 FROM environments e WHERE e.organization_id = ? AND e.id = ? AND e.active)", o, o).
		Exists(ctx)
	if err == nil && !open {
		err = domain.ErrRegistrationCode
	}
	if err != nil {
		return 0, db.Translate(err)
	}
	return domain.OrganizationID(o), nil
}

// UseCode uses a registration code up by one and returns the place it opens. It returns ErrRegistrationCode if
// the code is not open or its environment is not in the scope.
func (tx *Tx) UseCode(code domain.SecretText) (domain.Environment, error) {
	hash, err := codeHash(tx.DB, code)
	if err != nil {
		return domain.Environment{}, err
	}
	o, err := codeKey(tx.Ctx, tx, hash)
	if err != nil {
		return domain.Environment{}, err
	}
	row := &codeRow{}
	mine := db.Where("c.organization_id = ? AND c.hash = ?", o, hash).
		Also(row.Within(tx.Scope().Of(domain.OrganizationID(o))))
	used := tx.NewUpdate().Model(row).Set("used = c.used + 1").Where(mine.Text(), mine.Args...).
		Where(openCode, db.Millis(tx.DB.Now())).Returning("organization_id")
	if err := tx.One(used, domain.ErrRegistrationCode); err != nil {
		return domain.Environment{}, err
	}
	home, err := tx.border(row.OrganizationID)
	if domain.ErrEnvironmentNotFound.Is(err) || err == nil && !home.Active {
		err = domain.ErrRegistrationCode
	}
	return home, err
}
