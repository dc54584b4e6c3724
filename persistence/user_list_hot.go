package persistence

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// Of a list of users that is sorted or narrowed the keys are found first and then the rows are read by them. The
// keys are found by statements of text, as each way to them must be the one that is meant: planners guess how many
// of a scope a filter keeps, and guess wrong.
//
// What many are, is found soon by walking in the order of the list; what few are, an index finds. Which of both it is,
// nobody knows before, so that both are tried, as far as patience goes. Only for what is neither few nor to be met
// on the way all of the scope is looked at.

// patience is how many people are looked at in one way before another one is tried: in the order of a list, and of
// those whom an index finds. Where a scope has more than across stretches, they are read together.
type patience struct{ near, found, across int }

var usualPatience = patience{near: 448, found: 3000, across: 4}

// growing is how far both ways are tried, one time after the other: what an index finds among a few times more than it
// finds at first is not worth reading all of a large scope. Whom it finds by a word has that word mostly: of very many
// of them some come soon.
func (p patience) growing(f *domain.UserFilter) []patience {
	more := 10
	if f.Prefix != "" || f.Part != "" {
		more = 4
	}
	return []patience{p, {16 * p.near, more * p.found, p.across}}
}

// mostAsked is more than lists ask of an index.
const mostAsked = 30_001

// A listing is a list of users that is being read: whom of sc it keeps, by an order, behind somebody; nil is the
// beginning.
type listing struct {
	sc     tenancy.Scope
	keeps  db.Predicate
	by     userOrder
	behind *listed
}

// listed is a user at whom a list looked: at are the values of the order's columns.
type listed struct {
	key  domain.UserKey
	path domain.EnvironmentPath
	kept bool
	at   []any
}

// treeOrder is the order of the tree, as others are.
var treeOrder = userOrder{columns: []string{"environment_path"}}

// columns are what scan reads of a user u.
func (l *listing) columns() (string, []any) {
	var text strings.Builder
	text.WriteString("u.organization_id, u.id, u.environment_path, CASE WHEN " + l.keeps.Text() +
		" THEN 1 ELSE 0 END AS kept")
	for _, column := range l.by.columns {
		text.WriteString(", u." + column)
	}
	return text.String(), slices.Clone(l.keeps.Args)
}

func (l *listing) scan(r db.Row) (listed, error) {
	u := listed{at: make([]any, len(l.by.columns))}
	var organization, id, kept int64
	var path string
	values := []any{&organization, &id, &path, &kept}
	for i := range u.at {
		values = append(values, &u.at[i])
	}
	err := r.Scan(values...)
	u.key = domain.UserKey{Organization: domain.OrganizationID(organization), User: domain.UserID(id)}
	u.path, u.kept = domain.EnvironmentPath(path), kept != 0
	return u, err
}

// has reports whether the list has a user at whom it looked, behind where it stands.
func (l *listing) has(u *listed) bool {
	return u.kept && l.sc.Covers(u.path) && (l.behind == nil || l.compare(u, l.behind) > 0)
}

// compare compares where in the list two users are.
func (l *listing) compare(a, b *listed) int {
	order := cmp.Compare(a.key.User, b.key.User)
	for i := len(a.at) - 1; i >= 0; i-- {
		switch x := a.at[i].(type) {
		case string:
			order = cmp.Or(strings.Compare(x, b.at[i].(string)), order)
		case int64:
			order = cmp.Or(cmp.Compare(x, b.at[i].(int64)), order)
		}
	}
	if l.by.descending {
		return -order
	}
	return order
}

// ahead looks at the next n users of the index on the order, who need not lie in the scope.
func (s *UserStore) ahead(ctx context.Context, l *listing, n int) ([]listed, error) {
	columns, args := l.columns()
	organization, of := db.InOrganization(l.sc, "u.organization_id")
	args = append(args, of...)
	behind := "1 = 1"
	if l.behind != nil {
		behind = l.by.behind()
		args = append(append(args, l.behind.at...), int64(l.behind.key.User))
	}
	rows, err := s.db.QueryContext(ctx, "SELECT "+columns+" FROM users u WHERE "+organization+behind+" ORDER BY "+
		l.by.by(true)+" LIMIT "+strconv.Itoa(n), args...)
	return db.Collect(rows, err, l.scan)
}

// walk moves the list on past up to most users of the index on its order, and returns the keys of up to n
// whom it has. It reports whether there are no others.
func (s *UserStore) walk(ctx context.Context, l *listing, n, most int) (keys []domain.UserKey, end bool, err error) {
	for window := max(2*n, 64); most > 0; window = min(2*window, 4096) {
		window = min(window, most)
		ahead, err := s.ahead(ctx, l, window)
		if err != nil {
			return nil, false, err
		}
		for i := range ahead {
			has := l.has(&ahead[i])
			if l.behind = &ahead[i]; !has {
				continue
			}
			if keys = append(keys, ahead[i].key); len(keys) == n {
				return keys, false, nil
			}
		}
		if len(ahead) < window {
			return keys, true, nil
		}
		most -= window
	}
	return keys, false, nil
}

// inStretches reads users u in ranges m who meet a condition, by the index on their places, one range after the
// other.
func (s *UserStore) inStretches(sc tenancy.Scope, ranges []tenancy.Range, keeps db.Predicate) db.Predicate {
	return s.db.Across(ranges, "users", "u.environment_path", db.Pinned(sc, "u.organization_id").Also(keeps))
}

// onTheWay returns the condition of a filter for a statement that reads people by where they are. An index on what it
// names would have all whom it keeps, wherever they are, read and sorted.
func onTheWay(keeps db.Predicate) db.Predicate {
	if keeps.Raw == "" {
		return keeps
	}
	return db.Unindexed(keeps)
}

// all returns the keys of the first n users whom the list has, by looking at all of the scope.
func (s *UserStore) all(ctx context.Context, l *listing, n int) ([]domain.UserKey, error) {
	columns, args := l.columns()
	from := s.inStretches(l.sc, l.sc.Ranges(), onTheWay(l.keeps))
	text := "SELECT " + columns + " FROM " + from.Raw
	args = append(args, from.Args...)
	if l.behind != nil {
		text += " AND " + l.by.behind()
		args = append(append(args, l.behind.at...), int64(l.behind.key.User))
	}
	rows, err := s.db.QueryContext(ctx, text+" ORDER BY "+l.by.by(false)+" LIMIT "+strconv.Itoa(n), args...)
	all, err := db.Collect(rows, err, l.scan)
	if err != nil {
		return nil, err
	}
	return keysAt(all), nil
}

func keysAt(all []listed) []domain.UserKey {
	keys := make([]domain.UserKey, len(all))
	for i := range all {
		keys[i] = all[i].key
	}
	return keys
}

// probed returns how many an index finds, up to one more than most.
func (s *UserStore) probed(ctx context.Context, index db.Index, most int) (int, error) {
	probe := s.db.Lazily(index.Probe, most+1)
	rows, err := s.db.QueryContext(ctx, "SELECT count(*) FROM ("+probe.Raw+") AS p", probe.Args...)
	return db.Only(rows, err, db.Scalar[int], domain.ErrInternal)
}

// lookedUp reads up to n users u whom an index finds. They are looked up with a column that only their rows have:
// PostgreSQL may else look for each of them in all of the organization, in an index by places that has the rest of
// what is read.
func (s *UserStore) lookedUp(sc tenancy.Scope, index db.Index, n int) db.Predicate {
	return s.db.Beside(s.db.Lazily(index.Keys, n), "users",
		db.Where("u.organization_id = m.organization_id AND u.id = m.id AND u.uuid <> ''").
			Also(db.Pinned(sc, s.db.Aside("u.organization_id"))))
}

// found returns those whom an index finds, and false if they are more than most.
func (s *UserStore) found(ctx context.Context, l *listing, index db.Index, most int) ([]listed, bool, error) {
	if n, err := s.probed(ctx, index, most); err != nil || n == 0 || n > most {
		return nil, err == nil && n == 0, err
	}
	columns, args := l.columns()
	from := s.lookedUp(l.sc, index, most+1)
	rows, err := s.db.QueryContext(ctx, "SELECT "+columns+" FROM "+from.Raw, append(args, from.Args...)...)
	all, err := db.Collect(rows, err, l.scan)
	if err != nil || len(all) > most {
		return nil, false, err
	}
	return slices.DeleteFunc(all, func(u listed) bool { return !l.has(&u) }), true, nil
}

// count returns how many of those whom an index finds the list has, and false if the index finds more than most.
func (s *UserStore) count(ctx context.Context, l *listing, index db.Index, most int) (int64, bool, error) {
	if n, err := s.probed(ctx, index, most); err != nil || n == 0 || n > most {
		return 0, err == nil && n == 0, err
	}
	from, within := s.lookedUp(l.sc, index, most+1), db.Unindexed(db.Account(l.sc))
	text := "SELECT count(*), coalesce(sum(CASE WHEN " + l.keeps.Text() + " AND " + within.Text() +
		" THEN 1 ELSE 0 END), 0) FROM " + from.Raw
	rows, err := s.db.QueryContext(ctx, text, slices.Concat(l.keeps.Args, within.Args, from.Args)...)
	var looked, kept int64
	_, err = db.Only(rows, err, func(r db.Row) (struct{}, error) { return struct{}{}, r.Scan(&looked, &kept) },
		domain.ErrInternal)
	return kept, err == nil && looked <= int64(most), err
}

// first returns the keys of the first n users whom the list has, if one of the indexes finds no more than most for the
// filter.
func (s *UserStore) first(ctx context.Context, l *listing, f *domain.UserFilter,
	n, most int) ([]domain.UserKey, bool, error) {
	indexes, err := s.indexes(ctx, l.sc, f)
	if err != nil {
		return nil, false, err
	}
	for _, index := range indexes {
		if all, ok, err := s.found(ctx, l, index, most); ok || err != nil {
			return l.first(all, n), ok, err
		}
	}
	return nil, false, nil
}

// first returns the keys of the first n of users whom the list has.
func (l *listing) first(all []listed, n int) []domain.UserKey {
	slices.SortFunc(all, func(a, b listed) int { return l.compare(&a, &b) })
	return keysAt(all[:min(n, len(all))])
}

// named returns the index that finds users by their whole names: the first one may end at any blank.
func (s *UserStore) named(sc tenancy.Scope, names []string) db.Index {
	pairs := make(map[[2]string]bool)
	for _, name := range names {
		name = domain.Fold(name)
		pairs[[2]string{name, ""}], pairs[[2]string{"", name}] = true, true
		for i := range len(name) {
			if name[i] == ' ' {
				pairs[[2]string{name[:i], name[i+1:]}] = true
			}
		}
	}
	var args []any
	for pair := range pairs {
		args = append(args, pair[0], pair[1])
	}
	rows := db.Where("WITH name (first, last) AS (VALUES "+
		strings.TrimSuffix(strings.Repeat("(?, ?), ", len(pairs)), ", ")+") SELECT first, last FROM name", args...)
	organization, of := db.InOrganization(sc, "u.organization_id")
	from := s.db.Beside(rows, "users",
		db.Where(organization+"u.last_name_key = m.last AND u.first_name_key = m.first", of...))
	keys := db.Where("SELECT u.organization_id, u.id FROM "+from.Raw, from.Args...)
	return db.Index{Keys: keys, Probe: keys}
}

// sortedKeys returns the keys of the first n users whom a list that is not in tree order has.
func (s *UserStore) sortedKeys(ctx context.Context, l listing, f *domain.UserFilter, n int) ([]domain.UserKey, error) {
	mine, among, err := s.share(ctx, l.sc, f.Everybody)
	if err != nil {
		return nil, err
	}
	few := mine <= 1000 || float64(n)*among >= mine*mine
	if few && (f.Plain() || mine <= float64(s.patience.found)) {
		return s.all(ctx, &l, n)
	}
	begin := l
	if f.Plain() {
		keys, end, err := s.walk(ctx, &l, n, int(mine))
		if err != nil || end || len(keys) == n {
			return keys, err
		}
		return s.all(ctx, &begin, n) // they all come late
	}
	var keys []domain.UserKey
	for _, p := range s.patience.growing(f) {
		some, end, err := s.walk(ctx, &l, n-len(keys), p.near)
		if keys = append(keys, some...); err != nil || end || len(keys) == n {
			return keys, err
		}
		if found, ok, err := s.first(ctx, &begin, f, n, p.found); ok || err != nil {
			return found, err
		}
		if few {
			return s.all(ctx, &begin, n)
		}
	}
	more, _, err := s.walk(ctx, &l, n-len(keys), math.MaxInt)
	return append(keys, more...), err
}

// share returns how many users sc has, and how many are in the index of an order that is walked for it.
func (s *UserStore) share(ctx context.Context, sc tenancy.Scope, everybody int64) (mine, among float64, err error) {
	if everybody == 0 {
		if everybody, err = s.Count(ctx, sc, domain.UserFilter{}); err != nil {
			return 0, 0, err
		}
	}
	if o, one := sc.Organization(); one {
		all, err := s.number(ctx, sc, "SELECT c.users FROM organization_counts c WHERE c.organization_id = ?", int64(o))
		return float64(everybody), float64(all), err
	}
	among, err = s.db.Population(ctx)
	return float64(everybody), among, err
}

// byKeys reads the users in sc with these keys, in an order.
func (s *UserStore) byKeys(ctx context.Context, sc tenancy.Scope, by userOrder,
	keys []domain.UserKey) ([]domain.User, error) {
	if len(keys) == 0 {
		return []domain.User{}, nil
	}
	ids := make([]int64, len(keys))
	for i, k := range keys {
		ids[i] = int64(k.User)
	}
	within := db.Unindexed(db.Account(sc))
	q := s.db.NewSelect().Model((*userRow)(nil)).Where("u.id IN (?)", db.In(ids)).Where(within.Text(), within.Args...)
	if o, one := sc.Organization(); one {
		q = q.Where("u.organization_id = ?", int64(o))
	}
	return readUsers(ctx, sc, q.OrderExpr(by.by(false)))
}

// indexes returns the indexes that find whom f keeps, and perhaps others, beginning with what tells people
// apart best.
func (s *UserStore) indexes(ctx context.Context, sc tenancy.Scope, f *domain.UserFilter) ([]db.Index, error) {
	o, _ := sc.Organization()
	words, ok, err := s.db.Having(ctx, needlesOf(f), db.Haystack{Organization: o, Path: above(sc.Ranges())})
	if err != nil {
		return nil, err
	}
	all, err := s.conditionIndexes(ctx, sc, &f.Conditions)
	if err != nil {
		return nil, err
	}
	if ok {
		all = append(all, words)
	}
	add := func(text string, args ...any) {
		p := db.Where(text, args...)
		all = append(all, db.Index{Keys: p, Probe: p})
	}
	of, is := db.InOrganization(sc, "x.organization_id")
	with := func(args ...any) []any { return append(slices.Clone(is), args...) }
	if f.Group != 0 {
		add("SELECT x.organization_id, x.user_id AS id FROM user_groups x WHERE "+of+"x.group_id = ?",
			with(int64(f.Group))...)
	}
	if p := unusual(sc, f); p.Raw != "" && len(sc.Ranges()) > 0 {
		ranges := sc.Ranges()
		p = p.And("u.environment_path >= ? AND u.environment_path < ?", string(ranges[0].From),
			string(ranges[len(ranges)-1].Until))
		add("SELECT u.organization_id, u.id FROM users u WHERE ((u.role <> 1) OR (u.state <> 0) OR (NOT u.active)) AND "+
			p.Text(), p.Args...)
	}
	if ranges := sc.Ranges(); len(ranges) > 0 {
		along := []any{string(ranges[0].From), string(ranges[len(ranges)-1].Until)}
		const read = "SELECT u.organization_id, u.id FROM users u WHERE u.environment_path >= ? AND " +
			"u.environment_path < ? AND "
		if kinds := factorsOf(f); kinds != nil {
			add(read+"u.factors IN (?)", append(slices.Clone(along), db.In(kinds))...)
		}
		if f.OldKeys != (domain.OldKeys{}) || f.Programs != nil && *f.Programs {
			add(read+"u.system", along...)
		}
	}
	if f.ActsAs > domain.RoleUser && len(sc.Ranges()) > 0 {
		all = append(all, actingIndex(sc, f.ActsAs))
	}
	if f.Linked != nil && *f.Linked {
		add("SELECT DISTINCT x.organization_id, x.user_id AS id FROM provider_links x WHERE "+of+"x.user_id > 0", is...)
	}
	if f.AllowedOutside != nil && *f.AllowedOutside {
		add("SELECT DISTINCT x.organization_id, x.user_id AS id FROM user_environments x WHERE "+of+
			"NOT x.blocked AND x.environment_organization_id <> x.organization_id", is...)
	}
	if f.BlockedHome != nil && *f.BlockedHome || f.Blocked != nil && *f.Blocked {
		add("SELECT DISTINCT x.organization_id, x.user_id AS id FROM user_environments x WHERE "+of+"x.blocked", is...)
	}
	if f.Emergency != nil && *f.Emergency {
		keys := emergenciesIn(sc)
		add(keys.Raw, keys.Args...)
	}
	of = strings.ReplaceAll(of, "x.", "u.")
	if made := filtered(sc, domain.UserFilter{Conditions: whenMade(f)}); made.Raw != "" {
		// The order and the bound make it the index on when they were made that is read.
		add("SELECT u.organization_id, u.id FROM users u WHERE "+of+made.Text()+" ORDER BY u.created_at, u.id LIMIT "+
			strconv.Itoa(mostAsked), with(made.Args...)...)
	}
	if f.Mail != "" {
		add("SELECT u.organization_id, u.id FROM users u WHERE "+of+"u.mail_key = ?", with(domain.Fold(f.Mail))...)
	}
	connected := filtered(sc, domain.UserFilter{Connected: f.Connected, NotConnectedSince: f.NotConnectedSince,
		ConnectedSince: f.ConnectedSince})
	if connected.Raw != "" {
		add("SELECT u.organization_id, u.id FROM users u WHERE "+of+connected.Text(), with(connected.Args...)...)
	}
	return all, nil
}

// actingIndex returns the index that finds who may act with a role: those whose own it is, and the members of groups
// that give it, of organizations in sc and on the way up from there. Each part reads no more than lists ask for.
func actingIndex(sc tenancy.Scope, role domain.Role) db.Index {
	ranges := sc.Ranges()
	along := []any{string(ranges[0].From), string(ranges[len(ranges)-1].Until)}
	limit := " LIMIT " + strconv.Itoa(mostAsked)
	own := db.Where("SELECT u.organization_id, u.id FROM users u WHERE ((u.role <> 1) OR (u.state <> 0) OR "+
		"(NOT u.active)) AND u.role >= ? AND u.environment_path >= ? AND u.environment_path < ?"+limit,
		append([]any{int64(min(role, domain.RoleSuperUser))}, along...)...)
	if role == domain.RoleSuperUser {
		return db.Index{Keys: own, Probe: own}
	}
	of, is := db.InOrganization(sc, "m.organization_id")
	members := func(where string, args ...any) db.Predicate {
		return db.Where("SELECT m.organization_id, m.user_id AS id FROM groups g CROSS JOIN user_groups m WHERE "+of+
			"m.group_id = g.id AND g.role >= ? AND "+where+limit, slices.Concat(is, []any{int64(role)}, args)...)
	}
	inside := db.InRanges(ranges, "g.environment_path")
	parts := []db.Predicate{own, members("g.organization_id IN (?)", db.In(holding(ranges))),
		members(inside.Text(), inside.Args...)}
	return db.Index{Keys: union(parts), Probe: unionAll(parts)}
}

// holding returns the numbers of the environments that something of the ranges lies below, each once.
func holding(ranges []tenancy.Range) (ids []int64) {
	for _, r := range ranges {
		from := string(r.From)
		_, way := wayTo(domain.EnvironmentPath(from[:strings.LastIndexByte(from, '/')+1]))
		ids = append(ids, way...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// whenMade returns the conditions of f that bound when users were made.
func whenMade(f *domain.UserFilter) (made domain.Conditions) {
	for _, c := range f.Conditions.All {
		if !f.Conditions.Any && c.Field == domain.UserCreated && c.Is != domain.NotEqual {
			made.All = append(made.All, c)
		}
	}
	return made
}

// usualOf is what most people have of some fields.
var usualOf = map[domain.ListField]int64{
	domain.UserRole: int64(domain.RoleUser), domain.UserStanding: int64(domain.Approved), domain.UserActive: 1,
}

// unusual returns the condition on role, state and being active that f has, if nobody with the least role and an
// account in use meets it.
func unusual(sc tenancy.Scope, f *domain.UserFilter) db.Predicate {
	var p db.Predicate
	rare := false
	with := func(text string, value any, is bool) { p, rare = p.And(text, value), rare || is }
	if f.Role != 0 {
		with("u.role = ?", int64(f.Role), f.Role != domain.RoleUser)
	}
	if f.State != nil {
		with("u.state = ?", int64(*f.State), *f.State != domain.Approved)
	}
	if f.Active != nil {
		with("u.active = ?", *f.Active, !*f.Active)
	}
	for _, c := range f.Conditions.All {
		usual, counts := usualOf[c.Field]
		if f.Conditions.Any || !counts {
			continue
		}
		p = p.Also(met(sc, &c))
		rare = rare || slices.Contains(c.Numbers, usual) == (c.Is == domain.NotEqual)
	}
	if !rare {
		return db.Predicate{}
	}
	return p
}

// above returns the place that all ranges lie below.
func above(ranges []tenancy.Range) domain.EnvironmentPath {
	if len(ranges) == 0 {
		return domain.RootPath
	}
	from, last := string(ranges[0].From), string(ranges[len(ranges)-1].Until)
	same := 0
	for same < min(len(from), len(last)) && from[same] == last[same] {
		same++
	}
	if len(ranges) == 1 && domain.EnvironmentPath(from).End() == domain.EnvironmentPath(last) {
		return ranges[0].From
	}
	return domain.EnvironmentPath(from[:strings.LastIndexByte(from[:same], '/')+1])
}

// needlesOf returns what the index of words is to find for a filter, none if it cannot help.
func needlesOf(f *domain.UserFilter) db.Needles {
	var all []db.Needle
	if f.Prefix != "" {
		all = append(all, db.Needle{Text: domain.Fold(f.Prefix), Begins: true})
	}
	if f.Part != "" {
		all = append(all, db.Needle{Text: domain.Fold(f.Part), Begins: f.PartBegins()})
	}
	if !f.Conditions.Any {
		for i := range f.Conditions.All {
			all = append(all, needlesIn(&f.Conditions.All[i])...)
		}
	}
	if len(all) > 0 {
		return db.Needles{all}
	}
	var each db.Needles
	for i := range f.Conditions.All {
		needles := needlesIn(&f.Conditions.All[i])
		if len(needles) == 0 {
			return nil
		}
		each = append(each, needles)
	}
	return each
}

// needlesIn returns what somebody must have who meets a condition. A name may be of two texts: its words are in one
// of them each.
func needlesIn(c *domain.Condition) []db.Needle {
	if len(c.Texts) != 1 || c.Is != domain.Equal && c.Is != domain.Contains {
		return nil
	}
	text := domain.Fold(c.Texts[0])
	switch c.Field {
	case domain.UserAlias, domain.UserMail, domain.UserPhone, domain.UserSurname:
		if text == "" {
			return nil
		}
		return []db.Needle{{Text: text, Begins: c.Is == domain.Equal}}
	case domain.UserName:
		var words []db.Needle
		for _, word := range strings.Split(text, " ") {
			if word != "" {
				words = append(words, db.Needle{Text: word})
			}
		}
		return words
	}
	return nil
}

// tally counts whom of sc the filter keeps, up to most, as directory.UserStore says of Totals. Where no index finds
// them it looks at the first people of sc, as many as that and no fewer than 2,000.
func (s *UserStore) tally(ctx context.Context, sc tenancy.Scope, f *domain.UserFilter,
	most int) (domain.Tally, error) {
	l := listing{sc: sc, keeps: filtered(sc, *f), by: treeOrder}
	if p := unusual(sc, f); p.Raw != "" && f.Standing() {
		return s.tallied(ctx, lying(s.db, "1", "users u", "u.environment_path", sc.Ranges(),
			unusualPeople.Also(p).Also(db.Pinned(sc, s.db.Aside("u.organization_id"))), int64(most)+1), most)
	}
	indexes, err := s.indexes(ctx, sc, f)
	if err != nil {
		return domain.Tally{}, err
	}
	for _, index := range indexes {
		if n, ok, err := s.count(ctx, &l, index, most); ok || err != nil {
			return domain.Tally{N: n}, err
		}
	}
	ranges := sc.Ranges()
	last, more, err := s.treeKey(ctx, sc, ranges, spot{}, max(most, 2*domain.MaxTold))
	if err != nil {
		return domain.Tally{}, err
	}
	until := db.Predicate{}
	if more {
		ranges = before(ranges, last.path)
		until = last.until()
	}
	from := s.inStretches(sc, ranges, until.Also(onTheWay(l.keeps)))
	tally, err := s.tallied(ctx, db.Where("SELECT 1 FROM "+from.Raw+" LIMIT "+strconv.Itoa(most+1), from.Args...), most)
	tally.More = tally.More || more
	return tally, err
}

// tallied counts the rows of a statement that has no more than one more than most.
func (s *UserStore) tallied(ctx context.Context, rows db.Predicate, most int) (domain.Tally, error) {
	all, err := s.db.QueryContext(ctx, "SELECT count(*) FROM ("+rows.Raw+") AS n", rows.Args...)
	n, err := db.Only(all, err, db.Scalar[int64], domain.ErrInternal)
	return domain.Tally{N: min(n, int64(most)), More: n > int64(most)}, err
}

// spot is where in the tree's order somebody is.
type spot struct {
	path domain.EnvironmentPath
	id   domain.UserID
}

// until returns the condition that a user u is not behind the spot.
func (p spot) until() db.Predicate {
	return db.Where("(u.environment_path, u.id) <= (?, ?)", string(p.path), int64(p.id))
}

// before returns what of the stretches lies at or before a place.
func before(stretches []tenancy.Range, last domain.EnvironmentPath) []tenancy.Range {
	var left []tenancy.Range
	for _, r := range stretches {
		if r.From > last {
			break
		}
		left = append(left, tenancy.Range{From: r.From, Until: min(r.Until, last.Only())})
	}
	return left
}

// treeKey returns where in the tree's order the nth of the users in the stretches is who come behind a spot, and false
// if there are fewer. Those before are passed over by an index, and not read.
func (s *UserStore) treeKey(ctx context.Context, sc tenancy.Scope, stretches []tenancy.Range, from spot,
	n int) (spot, bool, error) {
	organization, of := db.InOrganization(sc, "u.organization_id")
	var rows db.Rows
	var err error
	if len(stretches) == 1 {
		rows, err = s.db.HotRows(ctx, nthUser(organization), append(append(of, from.in(stretches[0])...), n)...)
	} else {
		if from.id > 0 && len(stretches) > 0 && stretches[0].From == from.path {
			last, some, err := s.further(ctx, sc, from, n)
			if err != nil || some == n {
				return last, err == nil, err
			}
			n, stretches = n-some, beyond(stretches, from.path.Only())
		}
		nth := s.db.Nth(stretches, "users", "u.environment_path, u.id", db.Pinned(sc, "u.organization_id"), n)
		rows, err = s.db.QueryContext(ctx, "SELECT u.environment_path, u.id FROM "+nth.Raw, nth.Args...)
	}
	all, err := db.Collect(rows, err, func(r db.Row) (p spot, err error) {
		var path string
		err = r.Scan(&path, (*int64)(&p.id))
		p.path = domain.EnvironmentPath(path)
		return p, err
	})
	if err != nil || len(all) == 0 {
		return spot{}, false, err
	}
	return all[0], true, nil
}

// nthUser is UserPage for the last of a page alone, where that is full.
func nthUser(organization string) string {
	return strings.TrimSuffix(UserPage("u.environment_path, u.id", organization, ""), limitMark) + " LIMIT 1 OFFSET ? - 1"
}

// further returns where the last of the next users behind a spot is who are at home at its place, of up to n, and how
// many they are.
func (s *UserStore) further(ctx context.Context, sc tenancy.Scope, from spot, n int) (last spot, some int, err error) {
	organization, of := db.InOrganization(sc, "u.organization_id")
	rows, err := s.db.HotRows(ctx, "SELECT coalesce(max(s.id), 0), count(*) FROM (SELECT u.id FROM users u WHERE "+
		organization+"u.environment_path = ? AND u.id > ? ORDER BY u.id"+limitMark+") AS s",
		append(of, string(from.path), int64(from.id), n)...)
	last.path = from.path
	_, err = db.Only(rows, err, func(r db.Row) (struct{}, error) { return struct{}{}, r.Scan((*int64)(&last.id), &some) },
		domain.ErrInternal)
	return last, some, err
}

// in returns where in a stretch to begin, and where to end: the values of UserPage between those of its
// organization and its filter.
func (p spot) in(r tenancy.Range) []any {
	behind := int64(0)
	if r.From == p.path {
		behind = int64(p.id)
	}
	return []any{string(r.From), behind, string(r.Until)}
}
