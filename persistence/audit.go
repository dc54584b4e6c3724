package persistence

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// AuditStore reads the audit trail. The other stores write it.
type AuditStore struct {
	db       *db.DB
	patience patience
}

// NewAuditStore returns the store of the audit trail in d.
func NewAuditStore(d *db.DB) *AuditStore { return &AuditStore{d, usualPatience} }

type auditRow struct {
	bun.BaseModel `bun:"table:audit,alias:a"`

	OrganizationID      int64
	ID                  string
	At                  int64
	ActorOrganizationID int64
	ActorID             int64
	ActorAlias          string
	ActorKey            string
	Action              string
	TargetKind          string
	TargetID            int64
	TargetName          string
	TargetKey           string
	EnvironmentID       int64
	EnvironmentPath     string
	Changes             string
	RequestID           string
	ClientRequestID     string
	Surface             string
	Times               int64
	LastAt              int64

	// Named is true where the actor may be told.
	Named bool `bun:",scanonly"`
}

// changeJSON is how one change is stored.
type changeJSON struct {
	Field  string `json:"field"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// errReads reports a change in a request that must make none. Its transaction is rolled back.
var errReads = domain.ErrInternal.Because(
	errors.New("a request that only reads wanted to change something; see httpx.Acts"))

// stamped returns the row of an audit entry of whoever the transaction was opened for. It returns errReads for
// a request that only reads.
func (tx *Tx) stamped(e domain.AuditEntry) (*auditRow, error) {
	e.At, e.Actor, e.Request = tx.DB.Now(), tx.Write.Actor(), domain.RequestFrom(tx.Ctx)
	if e.Request.Reads {
		return nil, errReads
	}
	return toAuditRow(&e), nil
}

// recordBy is Tx.record where the caller knows who it was without a scope.
func recordBy(ctx context.Context, d *db.DB, tx bun.Tx, e domain.AuditEntry) error {
	e.At, e.Request = d.Now(), domain.RequestFrom(ctx)
	_, err := tx.NewInsert().Model(toAuditRow(&e)).Exec(ctx)
	return db.Translate(err)
}

func toAuditRow(e *domain.AuditEntry) *auditRow {
	changes := make([]changeJSON, len(e.Changes))
	for i, c := range e.Changes {
		changes[i] = changeJSON(c)
	}
	text, _ := json.Marshal(changes) // strings always marshal
	return &auditRow{
		OrganizationID: int64(e.Organization), ID: string(db.NewUUID()), At: db.Millis(e.At),
		ActorOrganizationID: int64(e.Actor.Organization), ActorID: int64(e.Actor.User),
		ActorAlias: e.Actor.Alias, ActorKey: domain.Fold(e.Actor.Alias),
		Action: e.Action, TargetKind: e.Target.Kind, TargetID: e.Target.ID,
		TargetName: e.Target.Name, TargetKey: domain.Fold(e.Target.Name),
		EnvironmentID: int64(e.Place), EnvironmentPath: string(e.Path), Changes: string(text),
		RequestID: e.Request.ID, ClientRequestID: e.Request.ClientID, Surface: e.Request.Surface, Times: max(e.Times, 1),
		LastAt: db.Millis(e.Last),
	}
}

// Within implements db.Scoped.
func (auditRow) Within(sc tenancy.Scope) db.Predicate {
	return db.Placed(sc, "a.environment_path", "a.organization_id")
}

// AfterScanRow counts the row into the weight of its page.
func (r *auditRow) AfterScanRow(ctx context.Context) error {
	return db.Weigh(ctx, 19, r.ID, r.ActorAlias, r.Action, r.TargetKind, r.TargetName, r.EnvironmentPath, r.Changes,
		r.RequestID, r.ClientRequestID, r.Surface)
}

func (r *auditRow) entry() (domain.AuditEntry, error) {
	e := domain.AuditEntry{
		ID: domain.UUID(r.ID), At: db.Moment(r.At), Action: r.Action,
		Target:       domain.Target{Kind: r.TargetKind, ID: r.TargetID, Name: r.TargetName},
		Organization: domain.OrganizationID(r.OrganizationID),
		Place:        domain.EnvironmentID(r.EnvironmentID), Path: domain.EnvironmentPath(r.EnvironmentPath),
		Request: domain.Request{ID: r.RequestID, ClientID: r.ClientRequestID, Surface: r.Surface}, Times: r.Times,
		Last: db.Moment(r.LastAt),
	}
	if r.Named {
		e.Actor = domain.Actor{Organization: domain.OrganizationID(r.ActorOrganizationID), User: domain.UserID(r.ActorID),
			Alias: r.ActorAlias}
	}
	var changes []changeJSON
	err := json.Unmarshal([]byte(r.Changes), &changes)
	for _, c := range changes {
		e.Changes = append(e.Changes, domain.Change(c))
	}
	return e, err
}

// namedActors returns the condition that the principal of sc may know who made an entry: it was
// themselves, or the scope beside sc covers where the actor lives. An actor who is gone is looked
// for at their organization's place, and if that is gone too, at the root.
func namedActors(sc tenancy.Scope) db.Predicate {
	me, beside := sc.Actor(), sc.Beside()
	in := db.InRanges(beside.Ranges(), "actor.place")
	lives := db.Where(`EXISTS (SELECT 1 FROM (SELECT coalesce(
		(SELECT u.environment_path FROM users u WHERE u.organization_id = a.actor_organization_id AND u.id = a.actor_id),
		(SELECT e.path FROM environments e WHERE e.organization_id = a.actor_organization_id
			AND e.id = a.actor_organization_id),
		'/1/') AS place) AS actor WHERE `+in.Text()+")", in.Args...)
	if o, one := beside.Organization(); one && o != domain.RootOrganization { // nobody of another one is covered
		lives = db.Where("a.actor_organization_id = ? AND "+strings.ReplaceAll(lives.Raw, "a.actor_organization_id", "?"),
			slices.Concat([]any{int64(o), int64(o), int64(o), int64(o)}, in.Args)...)
	}
	return db.AnyOf(db.Where("a.actor_organization_id = ? AND a.actor_id = ?", int64(me.Organization), int64(me.User)),
		lives)
}

// List returns one page of the entries in sc, newest first, and the cursor of the next
// page, empty after the last. Who made an entry is told, and found by the filter, where the
// scope beside sc covers their home and in the principal's own entries. Names that somebody tried and
// nobody has are told whoever reads the whole tree: to others the absence of one would say that it
// is somebody's.
func (s *AuditStore) List(ctx context.Context, sc tenancy.Scope, f domain.AuditFilter,
	p domain.Page) ([]domain.AuditEntry, domain.Cursor, error) {
	named := namedActors(sc)
	l := auditing{sc: sc}
	l.of, l.keeps = auditOf(sc, &f, named)
	var last auditSpot
	if continued, err := readCursor(p.After, "audit", &last.At, &last.ID); err != nil {
		return nil, "", err
	} else if continued {
		l.behind = &last
	}
	limit := pageSize(p)
	keys, err := s.keys(ctx, l, limit+1)
	if err != nil {
		return nil, "", err
	}
	var rows []auditRow
	if len(keys) > 0 {
		err = s.db.NewSelect().Model(&rows).ExcludeColumn("actor_key", "target_key").
			ColumnExpr(named.Text()+" AS named", named.Args...).
			ApplyQueryBuilder(among("a.organization_id", "a.id", keys)).Order("a.at DESC", "a.id DESC").Scan(ctx)
	}
	all := make([]domain.AuditEntry, len(rows))
	for i := range rows {
		if err == nil {
			all[i], err = rows[i].entry()
		}
	}
	return page(all, db.Translate(err), limit,
		func(e *domain.AuditEntry) domain.Cursor { return writeCursor("audit", e.At, e.ID) })
}

// NoteSignIns adds sign-ins to the audit trail. An entry that counts such sign-ins already counts
// these too.
func (s *AccountStore) NoteSignIns(ctx context.Context, all []*domain.SignIns) error {
	rows := make([]*auditRow, len(all))
	for i, counted := range all {
		e := counted.Entry()
		rows[i] = toAuditRow(&e)
		rows[i].ID = string(e.ID)
	}
	// Sorted, so that two servers that write at once wait for each other in one order.
	slices.SortFunc(rows, func(a, b *auditRow) int {
		return cmp.Or(cmp.Compare(a.OrganizationID, b.OrganizationID), strings.Compare(a.ID, b.ID))
	})
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		for part := range slices.Chunk(rows, signInsTogether) {
			_, err := tx.NewInsert().Model(&part).On("CONFLICT (organization_id, id) DO UPDATE").
				Set("times = a.times + excluded.times").
				Set("at = CASE WHEN excluded.at < a.at THEN excluded.at ELSE a.at END").
				Set("last_at = CASE WHEN excluded.last_at > a.last_at THEN excluded.last_at ELSE a.last_at END").Exec(ctx)
			if err != nil {
				return db.Translate(err)
			}
		}
		return nil
	})
}

// signInsTogether bounds the entries of a statement.
const signInsTogether = 200
