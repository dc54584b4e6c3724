package persistence

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// reviewed runs work like Do and has review decide whether it is committed. The directory before it is read by a
// connection that is taken first: whoever waits for one holds no locks.
func (s *Store) reviewed(ctx context.Context, w tenancy.WriteScope, work func(*Tx) error,
	review *tenancy.Review) error {
	return s.db.Snapshot(ctx, func(before *db.Snapshot) error {
		var trial *tenancy.Trial
		err := s.do(ctx, w, func(tx *Tx) error {
			began := time.Now()
			defer func() { review.Held(time.Since(began)) }()
			if err := work(tx); err != nil {
				return err
			}
			if err := tx.post(); err != nil {
				return err
			}
			// Now, when nobody else changes what this does.
			if err := before.Take(ctx); err != nil {
				return err
			}
			var err error
			switch trial, err = tx.trial(&view{before, s.db.Now}); {
			case err != nil:
				return err
			case review.Rehearsal:
				return domain.ErrRehearsed
			}
			return review.Look(ctx, trial)
		})
		if review.Rehearsal && domain.ErrRehearsed.Is(err) {
			return orElse(review.Look(ctx, trial), err)
		}
		return err
	})
}

// trial describes what the transaction does, in so few reads that it can be rolled back at once.
func (tx *Tx) trial(before *view) (*tenancy.Trial, error) {
	after := &later{before: before, users: make(map[domain.UserKey]*domain.User),
		active: make(map[domain.EnvironmentPath]bool), groups: make(map[domain.OrganizationID][]domain.Group)}
	var ids []domain.EnvironmentID
	for i := range tx.entries {
		switch e := &tx.entries[i]; e.Target.Kind {
		case "user", "factor":
			after.users[domain.UserKey{Organization: e.Organization, User: domain.UserID(e.Target.ID)}] = nil
		case "group":
			after.groups[e.Organization] = nil
		case "environment":
			ids = append(ids, domain.EnvironmentID(e.Target.ID))
		}
	}
	t := &tenancy.Trial{Entries: tx.entries, Before: before, After: after}
	now := &view{tx, before.now}
	if err := after.readPeople(tx.Ctx, now); err != nil {
		return nil, err
	}
	groups, err := now.Groups(tx.Ctx, slices.Collect(maps.Keys(after.groups)))
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		after.groups[g.Organization] = append(after.groups[g.Organization], g)
	}
	if len(ids) == 0 {
		return t, nil
	}
	was, err := before.Numbered(tx.Ctx, ids)
	if err != nil {
		return nil, err
	}
	is, err := now.Numbered(tx.Ctx, ids)
	if err != nil {
		return nil, err
	}
	after.moves = movesBetween(was, is)
	for i := range is {
		after.active[is[i].Path] = is[i].Active
		if after.moves.Made(is[i].Path) {
			t.Made = append(t.Made, is[i])
		}
	}
	t.Moves = after.moves
	return t, nil
}

// movesBetween returns where environments came, went and were moved to.
func movesBetween(was, is []domain.Environment) tenancy.Moves {
	moves := make(map[domain.EnvironmentID]tenancy.Move)
	for i := range was {
		moves[was[i].ID] = tenancy.Move{From: was[i].Path}
	}
	for i := range is {
		moves[is[i].ID] = tenancy.Move{From: moves[is[i].ID].From, To: is[i].Path}
	}
	var all []tenancy.Move
	for _, m := range moves {
		if m.From != m.To {
			all = append(all, m)
		}
	}
	return tenancy.MovesOf(all)
}

// later implements tenancy.View over what a transaction did, and the directory before it: whoever is not changed
// themselves is as before it, with the places that were moved.
type later struct {
	before   *view
	users    map[domain.UserKey]*domain.User // those who are changed; nil is gone
	sessions map[domain.UserKey]int64
	groups   map[domain.OrganizationID][]domain.Group // of the organizations of which one is changed
	moves    tenancy.Moves
	active   map[domain.EnvironmentPath]bool // the environments that are made or changed, where they lie now
}

// togetherRead bounds the users that one statement reads.
const togetherRead = 500

// readPeople reads the users who are changed.
func (l *later) readPeople(ctx context.Context, now *view) (err error) {
	l.sessions = make(map[domain.UserKey]int64)
	for part := range slices.Chunk(slices.Collect(maps.Keys(l.users)), togetherRead) {
		users, err := now.Users(ctx, part)
		if err != nil {
			return err
		}
		for i := range users {
			l.users[users[i].Key()] = &users[i]
		}
		open, err := now.Sessions(ctx, part)
		if err != nil {
			return err
		}
		maps.Copy(l.sessions, open)
	}
	return nil
}

// Groups implements tenancy.View.
func (l *later) Groups(ctx context.Context, organizations []domain.OrganizationID) ([]domain.Group, error) {
	var all []domain.Group
	var others []domain.OrganizationID
	for _, o := range organizations {
		if groups, changed := l.groups[o]; changed {
			all = append(all, groups...)
		} else {
			others = append(others, o)
		}
	}
	if len(others) == 0 {
		return all, nil
	}
	read, err := l.before.Groups(ctx, others)
	return append(all, read...), err
}

// Inactive implements tenancy.View.
func (l *later) Inactive(ctx context.Context, above []domain.EnvironmentPath,
	in []tenancy.Range) ([]domain.EnvironmentPath, error) {
	asked := func(p domain.EnvironmentPath) bool {
		within := func(r tenancy.Range) bool { return string(r.From) <= string(p) && string(p) < string(r.Until) }
		return slices.Contains(above, p) || slices.ContainsFunc(in, within)
	}
	were, err := l.before.Inactive(ctx, above, append(slices.Clip(in), l.moves.Left()...))
	if err != nil {
		return nil, err
	}
	var are []domain.EnvironmentPath
	for _, p := range were {
		if p, there := l.moves.Later(p); there && asked(p) {
			if _, changed := l.active[p]; !changed {
				are = append(are, p)
			}
		}
	}
	for p, active := range l.active {
		if !active && asked(p) {
			are = append(are, p)
		}
	}
	return are, nil
}

// Users implements tenancy.View.
func (l *later) Users(ctx context.Context, keys []domain.UserKey) ([]domain.User, error) {
	var all []domain.User
	var others []domain.UserKey
	for _, k := range keys {
		switch u, changed := l.users[k]; {
		case !changed:
			others = append(others, k)
		case u != nil:
			all = append(all, u.Clone())
		}
	}
	if len(others) == 0 {
		return all, nil
	}
	users, err := l.before.Users(ctx, others)
	if err != nil {
		return nil, err
	}
	for i := range users {
		u := &users[i]
		u.HomePath, _ = l.moves.Later(u.HomePath)
		u.Allowed, u.Blocked = l.moved(u.Allowed), l.moved(u.Blocked)
	}
	return append(all, users...), nil
}

// moved returns the grants where their places are now, without those of places that went away.
func (l *later) moved(grants []domain.Grant) []domain.Grant {
	var kept []domain.Grant
	for _, g := range grants {
		var there bool
		if g.Path, there = l.moves.Later(g.Path); there {
			kept = append(kept, g)
		}
	}
	return kept
}

// Sessions implements tenancy.View.
func (l *later) Sessions(ctx context.Context, keys []domain.UserKey) (map[domain.UserKey]int64, error) {
	open, err := l.before.Sessions(ctx, slices.DeleteFunc(slices.Clone(keys), func(k domain.UserKey) bool {
		_, changed := l.users[k]
		return changed
	}))
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if n, has := l.sessions[k]; has {
			open[k] = n
		}
	}
	return open, nil
}

// view implements tenancy.View over the database, or over a transaction.
type view struct {
	db.Reader
	now func() time.Time
}

// Groups implements tenancy.View.
func (v *view) Groups(ctx context.Context, organizations []domain.OrganizationID) ([]domain.Group, error) {
	return groupsOf(ctx, v, organizations)
}

// Inactive implements tenancy.View.
func (v *view) Inactive(ctx context.Context, above []domain.EnvironmentPath,
	in []tenancy.Range) ([]domain.EnvironmentPath, error) {
	return inactive(ctx, v, above, in)
}

// Numbered implements tenancy.Former.
func (v *view) Numbered(ctx context.Context, ids []domain.EnvironmentID) ([]domain.Environment, error) {
	var rows []environmentRow
	return readEnvironments(ctx, v.NewSelect().Model(&rows).Where("e.id IN (?)", db.In(ids)), &rows)
}

// Concerned implements tenancy.Former.
func (v *view) Concerned(ctx context.Context, a tenancy.Area, most int) ([]domain.UserKey, error) {
	var parts []*bun.SelectQuery
	if len(a.Groups) > 0 {
		parts = append(parts, v.membersBelow("g.id IN (?)", db.In(a.Groups)))
	}
	organizations := slices.Clone(a.Admins)
	up := make(map[domain.EnvironmentPath]bool)
	for _, p := range slices.Concat(a.Places, a.Within) {
		for _, q := range tenancy.WayUp(p) {
			if !up[q] {
				up[q], organizations = true, append(organizations, domain.OrganizationID(q.ID()))
			}
		}
	}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(up)), togetherRead) {
		parts = append(parts, v.placed("t.environment_path IN (?)", db.In(some))...)
	}
	for some := range slices.Chunk(a.Places, rangesTogether) {
		stretches := make([]tenancy.Range, len(some))
		for i, p := range some {
			stretches[i] = tenancy.Range{From: p, Until: p.End()}
		}
		within := db.InRanges(stretches, "t.environment_path")
		parts = append(parts, v.placed(within.Text(), within.Args...)...)
	}
	for some := range slices.Chunk(organizations, togetherRead) {
		parts = append(parts, v.adminsOf(some)...)
	}
	var keys []domain.UserKey
	for _, q := range parts {
		var rows []userKeyRow
		if err := q.Distinct().Limit(int64(most)+1).Scan(ctx, &rows); err != nil {
			return nil, db.Translate(err)
		}
		if len(rows) > most {
			return nil, domain.ManyConcerned(most)
		}
		for _, r := range rows {
			keys = append(keys, userKey(r.OrganizationID, r.UserID))
		}
	}
	return keys, nil
}

type userKeyRow struct {
	OrganizationID int64
	UserID         int64
}

// membersBelow finds the members of the groups that meet a condition and of all groups below them.
func (v *view) membersBelow(condition string, args ...any) *bun.SelectQuery {
	chosen := v.NewSelect().Model((*groupRow)(nil)).Column("id").Where(condition, args...)
	lower := v.NewSelect().Model((*groupRow)(nil)).Column("id").Join("JOIN lower ON lower.id = g.parent_id")
	return v.NewSelect().WithRecursive("lower", chosen.Union(lower)).TableExpr("user_groups AS m").
		Column("m.organization_id", "m.user_id").Where("m.group_id IN (SELECT id FROM lower)")
}

// adminsOf finds everybody who may be an admin of one of the organizations, by their own role or by a group's.
func (v *view) adminsOf(organizations []domain.OrganizationID) []*bun.SelectQuery {
	of := db.In(organizations)
	byRole := func(role domain.Role) *bun.SelectQuery {
		return v.NewSelect().Model((*userRow)(nil)).Column("u.organization_id").ColumnExpr("u.id AS user_id").
			Where("u.organization_id IN (?)", of).Where("u.role = ?", int64(role))
	}
	return []*bun.SelectQuery{byRole(domain.RoleOAdmin), byRole(domain.RoleSuperUser),
		v.NewSelect().TableExpr("user_groups AS m").Column("m.organization_id", "m.user_id").
			Join("JOIN groups AS g ON g.id = m.group_id").
			Where("m.organization_id IN (?) AND g.role >= ?", of, int64(domain.RoleOAdmin))}
}

// rangesTogether bounds the stretches of the tree in which one statement looks for people.
const rangesTogether = 16

// placed finds everybody who is at home where a condition on t says, or has such a place on their lists.
func (v *view) placed(condition string, args ...any) []*bun.SelectQuery {
	at := func(table, id string) *bun.SelectQuery {
		return v.NewSelect().TableExpr(table+" AS t").Column("t.organization_id").ColumnExpr("t."+id+" AS user_id").
			Where(condition, args...)
	}
	return []*bun.SelectQuery{at("users", "id"), at("user_environments", "user_id")}
}

// Users implements tenancy.View.
func (v *view) Users(ctx context.Context, keys []domain.UserKey) ([]domain.User, error) {
	return readUsers(ctx, tenancy.Scope{}, v.NewSelect().Model((*userRow)(nil)).Apply(withUserKeys("u.id", keys)))
}

// withUserKeys narrows a query to the users with these keys.
func withUserKeys(id string, keys []domain.UserKey) func(*bun.SelectQuery) *bun.SelectQuery {
	ids := make(map[domain.OrganizationID][]domain.UserID)
	for _, k := range keys {
		ids[k.Organization] = append(ids[k.Organization], k.User)
	}
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			for _, o := range slices.Sorted(maps.Keys(ids)) {
				q = q.WhereOr("?TableAlias.organization_id = ? AND ? IN (?)", int64(o), bun.Safe(id), db.In(ids[o]))
			}
			return q
		})
	}
}

// Sessions implements tenancy.View.
func (v *view) Sessions(ctx context.Context, keys []domain.UserKey) (map[domain.UserKey]int64, error) {
	var rows []struct {
		userKeyRow
		Open int64
	}
	now := db.Millis(v.now())
	err := v.NewSelect().Model((*sessionRow)(nil)).Column("s.organization_id", "s.user_id").ColumnExpr("count(*) AS open").
		Join("JOIN users AS u ON u.organization_id = s.organization_id AND u.id = s.user_id").
		Where("s.token_epoch = u.token_epoch AND s.expires_at > ?", now).
		Where("(s.idle_limit = 0 OR s.last_at + s.idle_limit > ?)", now).
		Apply(withUserKeys("s.user_id", keys)).Group("s.organization_id", "s.user_id").Scan(ctx, &rows)
	open := make(map[domain.UserKey]int64, len(rows))
	for _, r := range rows {
		open[userKey(r.OrganizationID, r.UserID)] = r.Open
	}
	return open, db.Translate(err)
}
