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
	db    *db.DB
	users *UserStore
	// looked is at how many people and entries of the audit trail it looks at most, most at how many people who are
	// unusual.
	looked, most int64
}

// NewOverviewStore returns the store of overviews of d.
func NewOverviewStore(d *db.DB) *OverviewStore {
	return &OverviewStore{d, NewUserStore(d), domain.MaxLooked, domain.MaxUnusual}
}

// People counts the people in sc by what they are, and those who have not signed in since a time, as
// directory.OverviewStore says.
func (s *OverviewStore) People(ctx context.Context, sc tenancy.Scope,
	since time.Time) (o domain.PeopleOverview, err error) {
	if o, err = s.standings(ctx, sc); err != nil || len(sc.Ranges()) == 0 {
		return o, err
	}
	yes := true
	for _, counted := range []struct {
		of *domain.Tally
		f  domain.UserFilter
	}{
		{&o.NotConnected, domain.UserFilter{NotConnectedSince: since}},
		{&o.BlockedHome, domain.UserFilter{BlockedHome: &yes}},
		{&o.AllowedOutside, domain.UserFilter{AllowedOutside: &yes}},
	} {
		if *counted.of, err = s.users.tally(ctx, sc, &counted.f, domain.MaxTold); err != nil {
			return o, err
		}
	}
	return o, nil
}

// Tally counts the people in sc whom f keeps, as directory.OverviewStore says.
func (s *OverviewStore) Tally(ctx context.Context, sc tenancy.Scope, f domain.UserFilter) (domain.Tally, error) {
	if len(sc.Ranges()) == 0 {
		return domain.Tally{}, nil
	}
	return s.users.tally(ctx, sc, &f, domain.MaxTold)
}

// standings counts the people in sc by role, state and being active. Most have the least role and an account in use:
// the others are counted, and these are the rest of all.
func (s *OverviewStore) standings(ctx context.Context, sc tenancy.Scope) (domain.PeopleOverview, error) {
	ranges := sc.Ranges()
	if len(ranges) == 0 {
		return domain.PeopleOverview{Complete: true}, nil
	}
	many, err := s.manyUnusual(ctx, ranges)
	if err != nil {
		return domain.PeopleOverview{}, err
	}
	if many {
		last, more, err := s.users.treeKey(ctx, sc, ranges, spot{}, int(s.most))
		if err != nil {
			return domain.PeopleOverview{}, err
		}
		if more {
			return s.unusual(ctx, before(ranges, last.path), last.until(), db.Where("?", s.most))
		}
	}
	o, err := s.unusual(ctx, ranges, db.Predicate{}, population(s.db, sc))
	o.Complete = true
	return o, err
}

// unusualPeople is the condition of the index of those who have not the least role or no account in use.
var unusualPeople = db.Where("((u.role <> 1) OR (u.state <> 0) OR (NOT u.active))")

// manyUnusual reports whether more people in ranges than s.most have a role or a standing that is not the usual one.
// Nobody is counted where the directory has no more.
func (s *OverviewStore) manyUnusual(ctx context.Context, ranges []tenancy.Range) (bool, error) {
	if all, err := s.db.Population(ctx); err != nil || all <= float64(s.most) {
		return false, err
	}
	some := lying(s.db, "1", "users u", "u.environment_path", ranges, unusualPeople, s.most+1)
	var n int64
	err := s.db.NewSelect().TableExpr("("+some.Raw+") AS p", some.Args...).ColumnExpr("count(*)").Scan(ctx, &n)
	return n > s.most, db.Translate(err)
}

// unusual counts the people in ranges of sc who meet a condition, of whom there are as many as all says: those by
// themselves who have a role or a standing that is not the usual one.
func (s *OverviewStore) unusual(ctx context.Context, ranges []tenancy.Range,
	until, all db.Predicate) (o domain.PeopleOverview, err error) {
	some := lying(s.db, "u.role, u.state, u.active, u.created_at", "users u", "u.environment_path", ranges,
		unusualPeople.Also(until), s.most+1)
	q := s.db.NewSelect().TableExpr("("+some.Raw+") AS p", some.Args...).
		ColumnExpr("CAST("+all.Text()+" AS bigint), count(*)", all.Args...).
		ColumnExpr("coalesce(min(CASE WHEN p.state = ? THEN p.created_at END), 0)", int64(domain.Invited))
	var n, oldest int64
	values := []any{&o.Looked, &n, &oldest}
	count := func(into *int64, condition string, args ...any) {
		q = q.ColumnExpr("count(CASE WHEN "+condition+" THEN 1 END)", args...)
		values = append(values, into)
	}
	for _, state := range domain.UserStates {
		count(&o.Active[state], "p.active AND p.state = ?", int64(state))
		count(&o.Inactive[state], "NOT p.active AND p.state = ?", int64(state))
	}
	for _, role := range domain.Roles {
		count(&o.Roles[role], "p.role = ?", int64(role))
	}
	rows, err := q.Rows(ctx)
	_, err = db.Only(rows, err, func(r db.Row) (struct{}, error) { return struct{}{}, r.Scan(values...) },
		domain.ErrInternal)
	usual := o.Looked - n
	o.Active[domain.Approved] += usual
	o.Roles[domain.RoleUser] += usual
	o.OldestInvitation = db.Moment(oldest)
	return o, err
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
	within := db.Unindexed(auditRow{}.Within(signIns)) // sign-ins have an index of their own, by time
	entries := s.db.NewSelect().TableExpr("audit AS a").ColumnExpr("a.at, a.times").
		Where("a.action = ? AND a.at >= ?", domain.SignInSuccess, db.Millis(since)).
		Apply(db.Pinned(signIns, "a.organization_id").Narrow).Where(within.Text(), within.Args...).
		Order("a.at DESC", "a.id DESC").Limit(s.looked + 1)
	lonely := s.lonely(sc)
	all := s.db.NewSelect().TableExpr("(?) AS x", here.Where("c.environment_path = ?", string(at.Path)).
		ColumnExpr("coalesce(sum(c.users), 0) AS n")).ColumnExpr(number(rowHere, "x.n", "0"))
	for _, part := range []*bun.SelectQuery{
		s.db.NewSelect().TableExpr("(SELECT "+everybody.Raw+" AS n) AS x", everybody.Args...).
			ColumnExpr(number(rowBelow, "x.n", "0")),
		s.from(s.largest(sc, at), rowLargest),
		s.db.NewSelect().TableExpr("(SELECT "+lonely.Text()+" AS n) AS x", lonely.Args...).
			ColumnExpr(number(rowLonely, "x.n", "0")),
		s.from(s.firstLonely(sc), rowFirstLonely),
		s.from(s.firstGroups(groups), rowGroup),
		s.db.NewSelect().TableExpr("entries AS e").ColumnExpr(number(rowDay, "sum(e.times)", "e.at / 86400000")).
			GroupExpr("e.at / 86400000"),
		s.db.NewSelect().TableExpr("(SELECT count(*) AS n FROM entries) AS x").ColumnExpr(number(rowEntries, "x.n", "0")),
	} {
		all = all.UnionAll(part)
	}
	var rows []overviewRow
	err = s.db.NewSelect().With("entries", entries).With("crowded", s.crowded(sc.Beside())).
		TableExpr("(?) AS y", all).ColumnExpr("y.*").
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
	environments := lying(s.db, "1", "environments e", "e.path", sc.Below(at).Ranges(), db.Where("e.path > ?", string(at)),
		limit)
	everybody := population(s.db, people.Below(at))
	in, out, err := s.grants(ctx, people, at, limit)
	if err != nil {
		return c, err
	}
	var rows []struct{ Environments, People, GrantsIn, GrantsOut int64 }
	err = s.db.NewSelect().
		ColumnExpr("(SELECT count(*) FROM ("+environments.Raw+") AS a) AS environments", environments.Args...).
		ColumnExpr(everybody.Raw+" AS people", everybody.Args...).
		ColumnExpr("(SELECT count(*) FROM ("+in.Raw+") AS a) AS grants_in", in.Args...).
		ColumnExpr("(SELECT count(*) FROM ("+out.Raw+") AS a) AS grants_out", out.Args...).Scan(ctx, &rows)
	if err != nil {
		return c, db.Translate(err)
	}
	r := rows[0]
	return domain.Contents{Environments: min(r.Environments, s.looked), People: r.People,
		GrantsIn: min(r.GrantsIn, s.looked), GrantsOut: min(r.GrantsOut, s.looked),
		Complete: max(r.Environments, r.GrantsIn, r.GrantsOut) <= s.looked}, nil
}

// largest finds the environments in sc directly below at in which most people of the scope beside it are. Below the
// root most are organizations of which all is in sc, and what is kept of each tells: only the largest of those are
// looked at, and what is not such a one.
func (s *OverviewStore) largest(sc tenancy.Scope, at *domain.Environment) *bun.SelectQuery {
	people := homes(s.db, sc.Beside())
	n := db.Where(peopleBelow(people), people.Args...)
	q := db.From(s.db, sc, &[]environmentRow{}).Column("organization_id", "id", "path", "alias", "alias_path").
		OrderExpr("n DESC, e.path").Limit(domain.MaxLargest)
	cut, known := cutBelowRoot(sc.Beside().Ranges())
	if at.ID != domain.RootEnvironment || !known || !slices.Equal(sc.Ranges(), sc.Beside().Ranges()) {
		return q.ColumnExpr(n.Raw+" AS n", n.Args...).Where("e.parent_id = ? AND e.id <> e.parent_id", int64(at.ID))
	}
	large := largeBelowRoot(cut)
	return q.Where(s.db.Aside("e.parent_id")+" = ? AND e.id <> e.parent_id", int64(at.ID)).
		Where("e.id IN ("+large.Raw+")", large.Args...).
		ColumnExpr("CASE WHEN e.is_organization AND e.id NOT IN (?) AND e.id NOT IN ("+holders+") THEN CAST(coalesce("+
			"(SELECT k.users FROM organization_counts k WHERE k.organization_id = e.organization_id), 0) AS bigint) ELSE "+
			n.Raw+" END AS n", append([]any{db.In(cut)}, n.Args...)...)
}

// cutBelowRoot returns the numbers of the environments directly below the root of whose people not all are in the
// ranges, and 0. It returns false where the ranges are not those of the whole tree but for such environments.
func cutBelowRoot(ranges []tenancy.Range) (cut []int64, known bool) {
	root := domain.RootPath
	if len(ranges) == 0 || ranges[0].From != root || ranges[len(ranges)-1].Until != root.End() {
		return nil, false
	}
	cut = []int64{0}
	for i, r := range ranges[1:] {
		from := ranges[i].Until
		first, _, below := strings.Cut(strings.TrimPrefix(string(from), string(root)), "/")
		id, err := strconv.ParseInt(first, 10, 64)
		if !below || err != nil || r.From > root.Child(domain.EnvironmentID(id)).End() {
			return nil, false
		}
		cut = append(cut, id)
	}
	return slices.Compact(cut), true
}

// actingAdmins is the condition of the index of those who can act as admins of their organizations.
var actingAdmins = db.Where("u.role = 3 AND u.active AND u.state = 0")

// crowded finds the organizations that have more than one admin in people.
func (s *OverviewStore) crowded(people tenancy.Scope) *bun.SelectQuery {
	keeps := actingAdmins
	if o, one := people.Organization(); one {
		keeps = keeps.And(s.db.Aside("u.organization_id")+" = ?", int64(o))
	}
	admins := s.db.Across(people.Ranges(), "users", "u.environment_path", keeps)
	return s.db.NewSelect().TableExpr(admins.Raw, admins.Args...).ColumnExpr("u.organization_id").
		Group("u.organization_id").Having("count(*) > 1")
}

// lonely is how many organizations in sc, but the root's, are not among the crowded ones.
func (s *OverviewStore) lonely(sc tenancy.Scope) db.Predicate {
	organization := db.Where("e.is_organization AND e.path <> ?", string(domain.RootPath))
	if o, one := sc.Organization(); one {
		organization = organization.And(s.db.Aside("e.organization_id")+" = ?", int64(o))
	}
	all := s.db.Across(sc.Ranges(), "environments e", "e.path", organization)
	within := db.Unindexed(environmentRow{}.Within(sc)).Also(db.Pinned(sc, "e.organization_id")).
		And("e.path <> ?", string(domain.RootPath))
	return db.Where("(SELECT count(*) FROM "+all.Raw+") - (SELECT count(*) FROM crowded c JOIN environments e "+
		"ON e.organization_id = c.organization_id AND e.id = c.organization_id WHERE "+within.Text()+")",
		slices.Concat(all.Args, within.Args)...)
}

// firstLonely finds the first of the organizations that lonely counts, with their admins in the scope beside sc.
func (s *OverviewStore) firstLonely(sc tenancy.Scope) *bun.SelectQuery {
	admins := s.users.searched(sc.Beside()).Where(actingAdmins.Raw).
		Apply(db.Pinned(sc.Beside(), "u.organization_id").Narrow)
	lonely := s.db.Along(sc.Ranges(), "environments e", "e.path", db.Where("e.is_organization AND e.id <> e.parent_id").
		Also(db.Pinned(sc, s.db.Aside("e.organization_id"))).
		And("e.organization_id NOT IN (SELECT organization_id FROM crowded)"), domain.MaxFirst)
	return s.db.NewSelect().TableExpr(lonely.Raw, lonely.Args...).
		ColumnExpr("e.organization_id, e.id, e.path, e.alias, e.alias_path").
		ColumnExpr("(SELECT count(*) FROM (?) AS acting) AS n",
			admins.ColumnExpr("1").Where("u.organization_id = e.organization_id"))
}

// firstGroups finds the first groups in sc, one more than are seen.
func (s *OverviewStore) firstGroups(sc tenancy.Scope) *bun.SelectQuery {
	groups := s.db.Along(sc.Ranges(), "groups g", "g.environment_path, g.id",
		db.Pinned(sc, s.db.Aside("g.organization_id")), domain.MaxGroupsSeen+1)
	return s.db.NewSelect().TableExpr(groups.Raw, groups.Args...).
		ColumnExpr("CAST(0 AS bigint) AS n, g.organization_id, g.id, g.environment_path AS path").
		ColumnExpr("'' AS alias, '' AS alias_path")
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
