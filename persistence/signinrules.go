package persistence

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// signInRulesRow is a row of the table sign_in_rules.
type signInRulesRow struct {
	bun.BaseModel `bun:"table:sign_in_rules,alias:r"`

	OrganizationID        int64 `bun:",pk"`
	EnvironmentID         int64 `bun:",pk"`
	EnvironmentPath       string
	MinPassword           int64
	MinPasswordWithFactor int64
	PasswordDays          int64
	People                int64
	Admins                int64
	Above                 int64
	ProofAge              int64
	GraceUntil            int64
	ProgramsExempt        bool
	MinSetPassword        int64
	FromAbove             int64
	OnlyProvider          bool
}

// breakGlassRow is a row of the table break_glass.
type breakGlassRow struct {
	bun.BaseModel `bun:"table:break_glass,alias:b"`

	OrganizationID  int64 `bun:",pk"`
	EnvironmentID   int64 `bun:",pk"`
	EnvironmentPath string
	UserID          int64 `bun:",pk"`
}

func toSignInRulesRow(e *domain.Environment, r *domain.SignInRules) *signInRulesRow {
	return &signInRulesRow{OrganizationID: int64(e.Organization), EnvironmentID: int64(e.ID),
		EnvironmentPath: string(e.Path), MinPassword: int64(r.MinPassword),
		MinPasswordWithFactor: int64(r.MinPasswordWithFactor), PasswordDays: int64(r.PasswordDays),
		People: int64(r.People), Admins: int64(r.Admins), Above: int64(r.Above), ProofAge: r.ProofAge.Milliseconds(),
		GraceUntil: db.Millis(r.Grace), ProgramsExempt: r.ProgramsExempt, MinSetPassword: int64(r.MinSetPassword),
		FromAbove: int64(r.FromAbove), OnlyProvider: r.OnlyProvider}
}

func (r *signInRulesRow) rules() domain.SignInRules {
	return domain.SignInRules{MinPassword: int(r.MinPassword), MinPasswordWithFactor: int(r.MinPasswordWithFactor),
		PasswordDays: int(r.PasswordDays), People: domain.Proof(r.People), Admins: domain.Proof(r.Admins),
		Above: domain.Proof(r.Above), ProofAge: time.Duration(r.ProofAge) * time.Millisecond,
		Grace: db.Moment(r.GraceUntil), ProgramsExempt: r.ProgramsExempt, MinSetPassword: int(r.MinSetPassword),
		FromAbove: int(r.FromAbove), OnlyProvider: r.OnlyProvider}
}

// SignInRules implements tenancy.Source.
func (s *Source) SignInRules(ctx context.Context, environments []domain.EnvironmentID) ([]domain.SignInRules, error) {
	return signInRules(ctx, s.db, environments)
}

func signInRules(ctx context.Context, r db.Reader, environments []domain.EnvironmentID) ([]domain.SignInRules, error) {
	var rows []signInRulesRow
	err := r.NewSelect().Model(&rows).Where("r.environment_id IN (?)", db.In(environments)).Scan(ctx)
	if err != nil {
		return nil, db.Translate(err)
	}
	return withBreakGlass(ctx, r, rows)
}

// withBreakGlass returns the rules of rows with the accounts that they leave out, for which it asks only where there
// may be some.
func withBreakGlass(ctx context.Context, r db.Reader, rows []signInRulesRow) ([]domain.SignInRules, error) {
	rules, places := make([]domain.SignInRules, len(rows)), make(map[int64]int)
	var ids []int64
	for i := range rows {
		if rules[i] = rows[i].rules(); rules[i].OnlyProvider {
			places[rows[i].EnvironmentID] = i
			ids = append(ids, rows[i].EnvironmentID)
		}
	}
	if len(ids) == 0 {
		return rules, nil
	}
	var named []breakGlassRow
	err := r.NewSelect().Model(&named).Where("b.environment_id IN (?)", db.In(ids)).
		Order("b.environment_id", "b.user_id").Limit(int64(len(ids) * domain.MaxBreakGlass)).Scan(ctx)
	filled := make(map[int64]int)
	for _, n := range named {
		if at := filled[n.EnvironmentID]; at < domain.MaxBreakGlass {
			rules[places[n.EnvironmentID]].BreakGlass[at] = domain.UserID(n.UserID)
			filled[n.EnvironmentID]++
		}
	}
	return rules, db.Translate(err)
}

// Guarded implements tenancy.Source.
func (s *Source) Guarded(ctx context.Context, proof domain.Proof, above []domain.EnvironmentPath,
	ranges []tenancy.Range) (found []domain.EnvironmentPath, err error) {
	guarded := func() *bun.SelectQuery {
		return s.db.NewSelect().Model((*signInRulesRow)(nil)).Column("environment_path").
			Where("r.above > 0 AND r.above > ?", int64(proof))
	}
	q := guarded().Apply(db.InRanges(ranges, "r.environment_path").Narrow)
	if len(above) > 0 {
		q = q.UnionAll(guarded().Where("r.environment_path IN (?)", db.In(above)))
	}
	err = q.Scan(ctx, &found)
	return found, db.Translate(err)
}

// SignInRulesOf implements directory.EnvironmentStore.
func (s *EnvironmentStore) SignInRulesOf(ctx context.Context, sc tenancy.Scope,
	key tenancy.EnvironmentKey) (domain.SignInRules, error) {
	return signInRulesOf(ctx, s.db, sc, key)
}

func signInRulesOf(ctx context.Context, r db.Reader, sc tenancy.Scope,
	key tenancy.EnvironmentKey) (domain.SignInRules, error) {
	var rows []signInRulesRow
	err := db.From(r, sc, &rows).
		Where("r.organization_id = ? AND r.environment_id = ?", int64(key.Organization), int64(key.ID)).Scan(ctx)
	if err != nil || len(rows) == 0 {
		return domain.SignInRules{}, db.Translate(err)
	}
	rules, err := withBreakGlass(ctx, r, rows)
	if err != nil {
		return domain.SignInRules{}, err
	}
	return rules[0], nil
}

// Within implements db.Scoped.
func (signInRulesRow) Within(sc tenancy.Scope) db.Predicate {
	return db.Placed(sc, "r.environment_path", "r.organization_id")
}

// SignInRulesOf implements directory.EnvironmentTx.
func (tx *Tx) SignInRulesOf(key tenancy.EnvironmentKey) (domain.SignInRules, error) {
	if _, err := tx.Environment(key); err != nil {
		return domain.SignInRules{}, err
	}
	return signInRulesOf(tx.Ctx, tx, tx.Scope(), key)
}

// RulesOnWay implements directory.UserTx and directory.EnvironmentTx.
func (tx *Tx) RulesOnWay(p domain.EnvironmentPath) ([]domain.PlacedRules, error) {
	if !tx.Scope().Covers(p) {
		return nil, domain.ErrEnvironmentNotFound
	}
	return tx.rulesOnWay(p)
}

// rulesOnWay is RulesOnWay wherever the place is. It reads each way once: many may be moved from one place to another.
func (tx *Tx) rulesOnWay(p domain.EnvironmentPath) ([]domain.PlacedRules, error) {
	rules, known := tx.ways[p]
	if !known {
		var err error
		if rules, err = tx.readWay(p); err != nil {
			return nil, err
		}
		if tx.ways == nil {
			tx.ways = make(map[domain.EnvironmentPath][]domain.PlacedRules)
		}
		tx.ways[p] = rules
	}
	return slices.Clone(rules), nil
}

func (tx *Tx) readWay(p domain.EnvironmentPath) ([]domain.PlacedRules, error) {
	var ids []domain.EnvironmentID
	for _, at := range tenancy.WayUp(p) {
		ids = append(ids, at.ID())
	}
	var rows []signInRulesRow
	err := tx.NewSelect().Model(&rows).Where("r.environment_id IN (?)", db.In(ids)).
		Order("r.environment_path").Scan(tx.Ctx)
	if err != nil {
		return nil, db.Translate(err)
	}
	rules, err := withBreakGlass(tx.Ctx, tx, rows)
	if err != nil {
		return nil, err
	}
	placed := make([]domain.PlacedRules, len(rules))
	for i := range rules {
		placed[i] = domain.PlacedRules{Path: domain.EnvironmentPath(rows[i].EnvironmentPath), SignInRules: rules[i]}
	}
	return placed, nil
}

// rulesLost returns what is asked less of people who are moved, with what was asked more, nil where it is not less.
func (tx *Tx) rulesLost(from, to domain.EnvironmentPath) ([]domain.Change, error) {
	before, err := tx.rulesOnWay(from)
	if err != nil {
		return nil, err
	}
	after, err := tx.rulesOnWay(to)
	now := tx.DB.Now()
	if err != nil || !domain.Laxer(now, before, after) {
		return nil, err
	}
	asked, asks := domain.Announced(before), domain.Together(now, after) // what is announced is lost too
	return domain.Diff(asked.Fields(), asks.Fields()), nil
}

// SignInRulesVersion implements tenancy.Source.
func (s *Source) SignInRulesVersion(ctx context.Context) (int64, error) {
	var versions []int64
	err := s.db.NewSelect().Model((*settingRow)(nil)).ColumnExpr("CAST(s.value AS bigint)").
		Where("s.name = ?", signInRulesSetting).Scan(ctx, &versions)
	if err != nil || len(versions) == 0 {
		return 0, db.Translate(err)
	}
	return versions[0], nil
}

// SaveSignInRules implements directory.EnvironmentTx.
func (tx *Tx) SaveSignInRules(key tenancy.EnvironmentKey, rules domain.SignInRules) error {
	e, err := tx.Environment(key)
	if err != nil {
		return err
	}
	before, err := signInRulesOf(tx.Ctx, tx, tx.Scope(), key)
	if err != nil {
		return err
	}
	if err := rules.Validate(); err != nil {
		return err
	}
	changes := domain.Diff(before.Fields(), rules.Fields())
	if len(changes) == 0 {
		return nil
	}
	if err := tx.watchWithin(&e); err != nil {
		return err
	}
	row := toSignInRulesRow(&e, &rules)
	err = tx.Run(tx.NewDelete().Model(row).WherePK())
	if err == nil && rules != (domain.SignInRules{}) {
		err = tx.Insert(row)
	}
	if err == nil {
		err = tx.saveBreakGlass(&e, &rules)
	}
	if err != nil {
		return err
	}
	if before.Above != rules.Above {
		if err := tx.bumpAround(e.Path); err != nil {
			return err
		}
	}
	if err := tx.countSignInRules(); err != nil {
		return err
	}
	return tx.record(environmentEntry("environment:signin", &e, changes))
}

// saveBreakGlass keeps which accounts the rules of an environment leave out.
func (tx *Tx) saveBreakGlass(e *domain.Environment, rules *domain.SignInRules) error {
	err := tx.Run(tx.NewDelete().Model((*breakGlassRow)(nil)).
		Where("environment_id = ? AND organization_id = ?", int64(e.ID), int64(e.Organization)))
	if err != nil {
		return err
	}
	for _, u := range rules.BreakGlass.Users() {
		err := tx.Insert(&breakGlassRow{OrganizationID: int64(e.Organization), EnvironmentID: int64(e.ID),
			EnvironmentPath: string(e.Path), UserID: int64(u)})
		if err != nil {
			return err
		}
	}
	return nil
}

// LetIn implements directory.EnvironmentTx.
func (tx *Tx) LetIn(key tenancy.EnvironmentKey, users []domain.UserID) (bool, error) {
	e, err := tx.Environment(key)
	if err != nil || len(users) == 0 {
		return false, err
	}
	in, err := tx.NewSelect().Model((*userRow)(nil)).Where("u.organization_id = ? AND u.id IN (?)",
		int64(e.Organization), db.In(users)).
		Where("u.environment_path >= ? AND u.environment_path < ?", string(e.Path), string(e.Path.End())).
		Where("u.active AND u.state = ? AND NOT u.system AND (u.password_hash <> '' OR u.factors >= ?)",
			int64(domain.Approved), int64(domain.PasskeyFactor)).Exists(tx.Ctx)
	return in, db.Translate(err)
}

// signInRulesSetting counts the changes to sign-in rules, with which each account is read.
const signInRulesSetting = "sign_in_rules"

// countSignInRules counts a change to sign-in rules. Others who change some wait until the transaction ends.
func (tx *Tx) countSignInRules() error {
	tx.ways = nil
	_, err := tx.Bun.NewInsert().Model(&settingRow{Name: signInRulesSetting, Value: "1"}).
		On("CONFLICT (name) DO UPDATE").Set("value = CAST(CAST(s.value AS bigint) + 1 AS text)").Exec(tx.Ctx)
	return db.Translate(err)
}

// listedRules returns the rules of a row of the list signinrules.
func listedRules(r *listRow) domain.SignInRules {
	row := signInRulesRow{MinPassword: r.number("min_password"),
		MinPasswordWithFactor: r.number("min_password_with_factor"), PasswordDays: r.number("password_days"),
		People: r.number("people"), Admins: r.number("admins"), Above: r.number("above"),
		ProofAge: r.number("proof_age"), MinSetPassword: r.number("min_set_password"), FromAbove: r.number("from_above")}
	return row.rules()
}

// watchListedRules watches before rules of the list are written, as SaveSignInRules does before one environment's.
func watchListedRules(tx *Tx, rows []*listRow) error {
	for _, r := range rows {
		err := tx.watchWithin(&domain.Environment{Organization: domain.OrganizationID(r.number("organization_id")),
			Path: domain.EnvironmentPath(r.text("environment_path"))})
		if err != nil {
			return err
		}
	}
	return nil
}

// countListedRules counts that rules of the list were written, as SaveSignInRules does of one environment's.
func countListedRules(tx *Tx, rows []*listRow) error {
	paths := make([]domain.EnvironmentPath, len(rows))
	for i, r := range rows {
		paths[i] = domain.EnvironmentPath(r.text("environment_path"))
	}
	if err := tx.bumpAround(paths...); err != nil {
		return err
	}
	return tx.countSignInRules()
}
