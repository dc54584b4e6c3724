package persistence

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// OverviewStore counts what is in a place.
type OverviewStore struct {
	db *db.DB
	// looked is at how many people and entries of the audit trail it looks at most.
	looked int64
}

// NewOverviewStore returns the store of overviews of d.
func NewOverviewStore(d *db.DB) *OverviewStore { return &OverviewStore{d, domain.MaxLooked} }

// People counts the people in sc by what they are, and those who have not signed in since a time, as
// directory.OverviewStore says.
func (s *OverviewStore) People(ctx context.Context, sc tenancy.Scope,
	since time.Time) (o domain.PeopleOverview, err error) {
	yes := true
	blocked, outside := blockedHome(sc, yes), allowedOutside(sc, yes)
	idle := filtered(sc, domain.UserFilter{NotConnectedSince: since})
	looked := usersIn(s.db, sc).Column("state", "active", "role", "created_at").
		ColumnExpr("CASE WHEN "+idle.Text()+" THEN 1 ELSE 0 END AS idle", idle.Args...).
		ColumnExpr("CASE WHEN "+blocked.Text()+" THEN 1 ELSE 0 END AS blocked", blocked.Args...).
		ColumnExpr("CASE WHEN "+outside.Text()+" THEN 1 ELSE 0 END AS outside", outside.Args...).
		Order("u.environment_path", "u.id").Limit(s.looked + 1)
	var rows []struct {
		State, Role, N, Idle, Blocked, Outside, Oldest int64
		Active                                         bool
	}
	err = s.db.NewSelect().TableExpr("(?) AS p", looked).
		ColumnExpr(`p.state, p.active, p.role, count(*) AS n, sum(p.idle) AS idle, sum(p.blocked) AS blocked,
			sum(p.outside) AS outside, min(p.created_at) AS oldest`).
		Group("p.state", "p.active", "p.role").Scan(ctx, &rows)
	if err != nil {
		return o, db.Translate(err)
	}
	for _, r := range rows {
		if r.Active {
			o.Active[r.State] += r.N
		} else {
			o.Inactive[r.State] += r.N
		}
		o.Roles[r.Role] += r.N
		o.Looked, o.NotConnected = o.Looked+r.N, o.NotConnected+r.Idle
		o.BlockedHome, o.AllowedOutside = o.BlockedHome+r.Blocked, o.AllowedOutside+r.Outside
		if oldest := db.Moment(r.Oldest); domain.UserState(r.State) == domain.Invited &&
			(o.OldestInvitation.IsZero() || oldest.Before(o.OldestInvitation)) {
			o.OldestInvitation = oldest
		}
	}
	o.Complete = o.Looked <= s.looked
	return o, nil
}

// The kinds of rows that Place reads together.
const (
	rowHere = iota
	rowBelow
	rowLargest
	rowLonely
	rowFirstLonely
	rowGroup
	rowDay
	rowEntries
)

// overviewRow is a row of Place: an environment or a group with a number, or a number alone.
type overviewRow struct {
	Kind, N, OrganizationID, ID int64
	Path, Alias, AliasPath      string
}

// number are the columns of an overviewRow that is a number, as kind, n and id say.
func number(kind int, n, id string) string {
	return "CAST(" + strconv.Itoa(kind) + " AS bigint) AS kind, CAST(" + n + " AS bigint) AS n, CAST(0 AS bigint) AS " +
		"organization_id, CAST(" + id + " AS bigint) AS id, '' AS path, '' AS alias, '' AS alias_path"
}

// from reads rows of an inner query as those of a kind.
func (s *OverviewStore) from(inner *bun.SelectQuery, kind int) *bun.SelectQuery {
	return s.db.NewSelect().TableExpr("(?) AS x", inner).
		ColumnExpr("CAST(? AS bigint) AS kind, x.n, x.organization_id, x.id, x.path, x.alias, x.alias_path", kind)
}

// Place counts the rest of what is in an environment, as directory.OverviewStore says.
func (s *OverviewStore) Place(ctx context.Context, sc, groups, signIns tenancy.Scope, at *domain.Environment,
	since time.Time) (o domain.PlaceOverview, err error) {
	here, everybody := db.From(s.db, sc.Beside().Only(at.Path), &[]countRow{}), population(s.db, sc.Beside())
	entries := db.From(s.db, signIns, &[]auditRow{}).Column("at", "times").
		Where("a.action = ? AND a.at >= ?", domain.SignInSuccess, db.Millis(since)).
		Order("a.at DESC", "a.id DESC").Limit(s.looked + 1)
	lonely := s.db.NewSelect().TableExpr("(?) AS l", s.organizations(sc)).ColumnExpr("l.*").Where("l.n <= 1")
	all := s.db.NewSelect().TableExpr("(?) AS x", here.Where("c.environment_path = ?", string(at.Path)).
		ColumnExpr("coalesce(sum(c.users), 0) AS n")).ColumnExpr(number(rowHere, "x.n", "0"))
	for _, part := range []*bun.SelectQuery{
		s.db.NewSelect().TableExpr("(SELECT "+everybody.Raw+" AS n) AS x", everybody.Args...).
			ColumnExpr(number(rowBelow, "x.n", "0")),
		s.from(s.largest(sc, at), rowLargest),
		s.db.NewSelect().TableExpr("(SELECT count(*) AS n FROM lonely) AS x").ColumnExpr(number(rowLonely, "x.n", "0")),
		s.from(s.db.NewSelect().TableExpr("lonely AS l").ColumnExpr("l.*").Order("l.path").Limit(domain.MaxFirst),
			rowFirstLonely),
		s.from(db.From(s.db, groups, &[]groupRow{}).
			ColumnExpr("CAST(0 AS bigint) AS n, g.organization_id, g.id, g.environment_path AS path").
			ColumnExpr("'' AS alias, '' AS alias_path").
			Order("g.environment_path", "g.id").Limit(domain.MaxGroupsSeen+1), rowGroup),
		s.db.NewSelect().TableExpr("entries AS e").ColumnExpr(number(rowDay, "sum(e.times)", "e.at / 86400000")).
			GroupExpr("e.at / 86400000"),
		s.db.NewSelect().TableExpr("(SELECT count(*) AS n FROM entries) AS x").ColumnExpr(number(rowEntries, "x.n", "0")),
	} {
		all = all.UnionAll(part)
	}
	var rows []overviewRow
	err = s.db.NewSelect().With("entries", entries).With("lonely", lonely).TableExpr("(?) AS y", all).ColumnExpr("y.*").
		Scan(ctx, &rows)
	if err != nil {
		return o, db.Translate(err)
	}
	return s.overview(rows), nil
}

// Contents counts what the environment at a path holds, as directory.OverviewStore says.
func (s *OverviewStore) Contents(ctx context.Context, sc tenancy.Scope,
	at domain.EnvironmentPath) (c domain.Contents, err error) {
	people, limit := sc.Beside(), s.looked+1
	inside := func(column string) string { return "(" + column + " >= ? AND " + column + " < ?)" }
	from, until := string(at), string(at.End())
	environments := db.From(s.db, sc, &[]environmentRow{}).ColumnExpr("1").Where("e.path > ?", from).
		Where(inside("e.path"), from, until).Limit(limit)
	everybody := population(s.db, people.Below(at))
	seen := db.InRanges(people.Sight(), "x.environment_path")
	// The first table is walked by its places, whatever a planner knows of the other. What the reader does not see is
	// not counted to the limit either.
	const ofUser = "x.organization_id = u.organization_id AND x.user_id = u.id"
	within := db.Unindexed(db.Account(people))
	in := s.db.NewSelect().TableExpr("user_environments AS x").ColumnExpr("1").Join("CROSS JOIN users AS u").
		Where(ofUser).Where(inside("x.environment_path"), from, until).Where(seen.Text(), seen.Args...).
		Where("NOT "+inside("u.environment_path"), from, until).Where(within.Text(), within.Args...).Limit(limit)
	out := usersIn(s.db, people.Below(at)).ColumnExpr("1").Join("CROSS JOIN user_environments AS x").
		Where(ofUser).Where("NOT "+inside("x.environment_path"), from, until).Where(seen.Text(), seen.Args...).Limit(limit)
	var rows []struct{ Environments, People, GrantsIn, GrantsOut int64 }
	err = s.db.NewSelect().
		ColumnExpr("(SELECT count(*) FROM (?) AS a) AS environments", environments).
		ColumnExpr(everybody.Raw+" AS people", everybody.Args...).
		ColumnExpr("(SELECT count(*) FROM (?) AS a) AS grants_in", in).
		ColumnExpr("(SELECT count(*) FROM (?) AS a) AS grants_out", out).Scan(ctx, &rows)
	if err != nil {
		return c, db.Translate(err)
	}
	r := rows[0]
	return domain.Contents{Environments: min(r.Environments, s.looked), People: r.People,
		GrantsIn: min(r.GrantsIn, s.looked), GrantsOut: min(r.GrantsOut, s.looked),
		Complete: max(r.Environments, r.GrantsIn, r.GrantsOut) <= s.looked}, nil
}

// largest finds the environments in sc directly below at in which most people of the scope beside it are.
func (s *OverviewStore) largest(sc tenancy.Scope, at *domain.Environment) *bun.SelectQuery {
	people := homes(s.db, sc.Beside())
	return db.From(s.db, sc, &[]environmentRow{}).Column("organization_id", "id", "path", "alias", "alias_path").
		ColumnExpr(peopleBelow(people)+" AS n", people.Args...).
		Where("e.parent_id = ? AND e.id <> e.parent_id", int64(at.ID)).OrderExpr("n DESC, e.path").Limit(domain.MaxLargest)
}

// organizations finds the organizations in sc but the root's, with their admins in the scope beside it, of whom no
// more than two are counted.
func (s *OverviewStore) organizations(sc tenancy.Scope) *bun.SelectQuery {
	admins := usersIn(s.db, sc.Beside()).ColumnExpr("1").
		Where("u.organization_id = e.organization_id AND u.role = 3 AND u.active AND u.state = 0").Limit(2)
	return db.From(s.db, sc, &[]environmentRow{}).Column("organization_id", "id", "path", "alias", "alias_path").
		ColumnExpr("(SELECT count(*) FROM (?) AS two) AS n", admins).
		Where("e.is_organization AND e.id <> e.parent_id").Order("e.path").Limit(domain.MaxCounted)
}

// overview returns what rows say.
func (s *OverviewStore) overview(rows []overviewRow) (o domain.PlaceOverview) {
	o.SignIns = make(map[int64]int64)
	for _, r := range rows {
		e := domain.Environment{Organization: domain.OrganizationID(r.OrganizationID), ID: domain.EnvironmentID(r.ID),
			Path: domain.EnvironmentPath(r.Path), Alias: r.Alias, AliasPath: r.AliasPath}
		switch r.Kind {
		case rowHere:
			o.Here = r.N
		case rowBelow:
			o.Below = r.N
		case rowLargest:
			o.Largest = append(o.Largest, domain.PeopledEnvironment{Environment: e, People: r.N})
		case rowLonely:
			o.Lonely = r.N
		case rowFirstLonely:
			o.FirstLonely = append(o.FirstLonely, domain.PeopledEnvironment{Environment: e, People: r.N})
		case rowGroup:
			o.Groups = append(o.Groups, domain.GroupKey{Organization: e.Organization, Group: domain.GroupID(r.ID)})
		case rowDay:
			o.SignIns[r.ID] = r.N
		case rowEntries:
			o.AllSignIns = r.N <= s.looked
		}
	}
	byPath := func(a, b domain.PeopledEnvironment) int { return strings.Compare(string(a.Path), string(b.Path)) }
	slices.SortFunc(o.FirstLonely, byPath)
	slices.SortFunc(o.Largest, func(a, b domain.PeopledEnvironment) int {
		return cmp.Or(cmp.Compare(b.People, a.People), byPath(a, b))
	})
	slices.SortFunc(o.Groups, func(a, b domain.GroupKey) int { return cmp.Compare(a.Group, b.Group) })
	return o
}
