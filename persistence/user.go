package persistence

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// UserStore keeps users. A user lies in a scope if their home does, or if the scope is
// their own account.
type UserStore struct {
	db       *db.DB
	patience patience
}

// NewUserStore returns the store of users in d.
func NewUserStore(d *db.DB) *UserStore { return &UserStore{d, usualPatience} }

// userRow is a row of the table users.
type userRow struct {
	bun.BaseModel `bun:"table:users,alias:u"`

	OrganizationID  int64 `bun:",pk"`
	ID              int64 `bun:",pk"`
	UUID            string
	EnvironmentID   int64
	EnvironmentPath string
	Alias           string
	AliasKey        string
	Role            int64
	State           int64
	Active          bool
	PersonID        int64
	FirstName       string
	FirstNameKey    string
	LastName        string
	LastNameKey     string
	Mail            string
	MailKey         string
	Phone           string
	PhoneKey        string
	JobTitle        string
	Department      string
	Language        string
	TimeZone        string
	DefaultPage     int64
	FirstAccess     bool
	PasswordDelay   int64
	RevokeDelay     int64
	Archived        bool
	System          bool
	ListsUsers      bool
	Claims          string
	PasswordHash    string
	CreatedAt       int64
	LastPasswordAt  int64
	LastConnectedAt int64
	LastSeenAt      int64
	IdleSince       int64
	Epoch           int64
	TokenEpoch      int64
}

// Within implements db.Scoped.
func (userRow) Within(sc tenancy.Scope) db.Predicate { return db.Account(sc) }

// knownIn is the condition that users u lie in sc, for a query that has their keys. No index serves their places there:
// a planner would walk all of the scope to find a few of it.
func knownIn(sc tenancy.Scope) db.Predicate {
	within := db.Unindexed(db.Account(sc))
	if o, one := sc.Organization(); one {
		return db.Where("u.organization_id = ?", int64(o)).Also(within)
	}
	return within
}

// usersIn begins a query of the users in sc.
func usersIn(r db.Reader, sc tenancy.Scope) *bun.SelectQuery { return db.From(r, sc, &[]userRow{}) }

func toUserRow(u *domain.User) *userRow {
	return &userRow{
		OrganizationID: int64(u.Organization), ID: int64(u.ID), UUID: string(u.UUID),
		EnvironmentID: int64(u.Home), EnvironmentPath: string(u.HomePath),
		Alias: u.Alias, AliasKey: domain.Fold(u.Alias), Role: int64(u.Role), State: int64(u.State), Active: u.Active,
		PersonID: int64(u.Person.ID), FirstName: u.Person.FirstName, FirstNameKey: domain.Fold(u.Person.FirstName),
		LastName: u.Person.LastName, LastNameKey: domain.Fold(u.Person.LastName),
		Mail: u.Person.Mail, MailKey: domain.Fold(u.Person.Mail), Phone: u.Person.Phone,
		PhoneKey: domain.Fold(u.Person.Phone),
		JobTitle: u.Person.JobTitle, Department: u.Person.Department, Language: u.Language, TimeZone: u.TimeZone,
		DefaultPage: u.DefaultPage, FirstAccess: u.FirstAccess,
		PasswordDelay: int64(u.PasswordDelay), RevokeDelay: int64(u.RevokeDelay),
		Archived: u.Archived, System: u.System, ListsUsers: u.ListsUsers, Claims: u.Claims,
		CreatedAt: db.Millis(u.Created), LastPasswordAt: db.Millis(u.LastPassword),
		LastConnectedAt: db.Millis(u.LastConnected),
		LastSeenAt:      db.Millis(u.LastSeen), IdleSince: db.Millis(u.IdleSince), Epoch: 1, TokenEpoch: 1,
	}
}

// userColumns are what is read of a user, for scanUser: where they stand in a list, and the rest packed into one text.
// A column costs a driver more than the same value costs in a text, and there are many. What few have is one value,
// and their lists are others. The names are those of users u.
const (
	userColumns = `u.id, u.environment_path, concat_ws('` + db.Separator + `', u.organization_id, u.uuid, u.environment_id,
	u.alias, u.role, u.state, u.active, u.person_id, u.first_name, u.last_name, u.mail, u.phone, u.job_title,
	u.department, u.language, u.time_zone, u.default_page, u.first_access, u.password_delay, u.revoke_delay,
	u.created_at, u.last_password_at, u.last_connected_at, u.last_seen_at, u.idle_since, ` + markList + `, ` + userLists +
		`) AS packed`
	userLists = `(SELECT o.generation FROM organizations o WHERE o.organization_id = u.organization_id),
	` + groupList + `, ` + grantList
)

// userColumnsOfOne are the same for users of one organization, which each subselect has as a constant.
var userColumnsOfOne = strings.Replace(userColumns, userLists, strings.ReplaceAll(userLists, "u.organization_id", "?"),
	1)

// userColumnsIn returns the columns to read of users in sc, with the values for their marks.
func userColumnsIn(sc tenancy.Scope) (string, []any) {
	o, one := sc.Organization()
	if !one {
		return userColumns, nil
	}
	return userColumnsOfOne, []any{int64(o), int64(o), int64(o)}
}

// scanUser reads what userColumns say.
func scanUser(r db.Row) (domain.User, error) {
	var id int64
	var path, packed string
	if err := r.Scan(&id, &path, &packed); err != nil {
		return domain.User{}, err
	}
	v := db.Unpack(packed)
	u := domain.User{ID: domain.UserID(id), HomePath: domain.EnvironmentPath(path),
		Organization: domain.OrganizationID(v.Number()), UUID: domain.UUID(v.Text()), Home: domain.EnvironmentID(v.Number()),
		Alias: v.Text(), Role: domain.Role(v.Number()),
		Standing: domain.Standing{State: domain.UserState(v.Number()), Active: v.Flag()},
		Person: domain.Person{ID: domain.PersonID(v.Number()), FirstName: v.Text(), LastName: v.Text(), Mail: v.Text(),
			Phone: v.Text(), JobTitle: v.Text(), Department: v.Text()},
		Language: v.Text(), TimeZone: v.Text(), DefaultPage: v.Number()}
	u.FirstAccess, u.PasswordDelay, u.RevokeDelay = v.Flag(), int(v.Number()), int(v.Number())
	u.Created, u.LastPassword, u.LastConnected = db.Moment(v.Number()), db.Moment(v.Number()), db.Moment(v.Number())
	u.LastSeen, u.IdleSince = db.Moment(v.Number()), db.Moment(v.Number())
	marks := v.Text()
	u.Generation, u.Groups = v.Number(), parseGroups(v.Text())
	grants := v.Text()
	if err := v.End(); err != nil {
		return domain.User{}, err
	}
	u.Allowed, u.Blocked = parseGrants(grants)
	parseMarks(marks, &u)
	return u, nil
}

// readUsers reads the users that q finds, who lie in sc, or anywhere if that is zero.
func readUsers(ctx context.Context, sc tenancy.Scope, q *bun.SelectQuery) ([]domain.User, error) {
	columns, args := userColumnsIn(sc)
	rows, err := q.ColumnExpr(columns, args...).Rows(ctx)
	return db.Collect(rows, err, db.Weighed(ctx, scanUser))
}

// userWith reads the user with that key, whose place is the caller's, or returns ErrUserNotFound.
func userWith(ctx context.Context, r db.Reader, key domain.UserKey) (domain.User, error) {
	o := int64(key.Organization)
	rows, err := r.NewSelect().Model((*userRow)(nil)).ColumnExpr(userColumnsOfOne, o, o, o).
		Where("u.organization_id = ? AND u.id = ?", o, int64(key.User)).Rows(ctx)
	return db.Only(rows, err, scanUser, domain.ErrUserNotFound)
}

// ByUUIDs returns the users with these UUIDs that lie in sc, by number.
func (s *UserStore) ByUUIDs(ctx context.Context, sc tenancy.Scope, ids []domain.UUID) ([]domain.User, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return readUsers(ctx, sc, usersIn(s.db, sc).Where("u.uuid IN (?)", db.In(ids)).Order("u.id"))
}

// byRow ends the statement of an EXISTS that is asked for each row that is met. PostgreSQL would else read all that it
// could be asked, to look each row up in that.
const byRow = " LIMIT 1 OFFSET 0"

// filtered returns the conditions of f.
func filtered(sc tenancy.Scope, f domain.UserFilter) db.Predicate {
	var p db.Predicate
	if f.Role != 0 {
		p = p.And("u.role = ?", int64(f.Role))
	}
	if f.Active != nil {
		p = p.And("u.active = ?", *f.Active)
	}
	if f.State != nil {
		p = p.And("u.state = ?", int64(*f.State))
	}
	if f.Connected != nil {
		p = p.And("u.last_connected_at " + either(*f.Connected, "<>", "=") + " 0")
	}
	if !f.NotConnectedSince.IsZero() {
		p = p.And("u.last_connected_at < ?", max(db.Millis(f.NotConnectedSince), 1)) // 0 is never
	}
	if !f.ConnectedSince.IsZero() {
		p = p.And("u.last_connected_at >= ?", max(db.Millis(f.ConnectedSince), 1))
	}
	if f.Mail != "" {
		p = p.And("u.mail_key = ?", domain.Fold(f.Mail))
	}
	if f.Blocked != nil {
		p = p.Also(blocked(sc, "", *f.Blocked))
	}
	if f.BlockedHome != nil {
		p = p.Also(blockedHome(sc, *f.BlockedHome))
	}
	if f.AllowedOutside != nil {
		p = p.Also(allowedOutside(sc, *f.AllowedOutside))
	}
	if kinds := factorsOf(&f); kinds != nil {
		p = p.And("u.factors IN (?)", db.In(kinds))
	}
	if f.Programs != nil {
		p = p.And("u.system = ?", *f.Programs)
	}
	if f.ActsAs != 0 {
		p = p.Also(actingAs(sc, f.ActsAs))
	}
	if !f.UsableAt.IsZero() {
		p = p.And("u.active AND u.state = ? AND (u.revoke_delay = 0 OR u.idle_since = 0 OR "+
			"u.idle_since + u.revoke_delay * 86400000 > ?)", int64(domain.Approved), db.Millis(f.UsableAt))
	}
	if f.Linked != nil {
		p = p.And(either(*f.Linked, "", "NOT ")+"EXISTS (SELECT 1 FROM provider_links l JOIN providers i "+
			"ON i.organization_id = l.organization_id AND i.issuer = l.issuer AND i.enabled "+
			"WHERE l.organization_id = ? AND l.user_id = u.id"+byRow+")", db.Its(sc, "u.organization_id"))
	}
	if left := f.Except.Users(); len(left) > 0 {
		p = p.And("u.id NOT IN (?)", db.In(left))
	}
	if f.OldKeys != (domain.OldKeys{}) {
		used := db.Millis(f.OldKeys.Used)
		p = p.And("u.system AND EXISTS (SELECT 1 FROM api_keys k WHERE k.organization_id = ? AND k.user_id = u.id AND "+
			"(k.created_at < ? OR k.created_at < ? AND k.last_at < ?)"+byRow+")", db.Its(sc, "u.organization_id"),
			db.Millis(f.OldKeys.Made), used, used)
	}
	if f.Emergency != nil {
		p = p.Also(forEmergencies(sc, *f.Emergency))
	}
	if f.Group != 0 {
		p = p.And("EXISTS (SELECT 1 FROM user_groups m WHERE m.organization_id = ? AND m.user_id = u.id AND m.group_id = ?"+
			byRow+")", db.Its(sc, "u.organization_id"), int64(f.Group))
	}
	if f.Prefix != "" {
		begins := literal.Replace(domain.Fold(f.Prefix)) + "%"
		p = p.And(`(u.alias_key LIKE ? ESCAPE '\' OR u.first_name_key LIKE ? ESCAPE '\'
			OR u.last_name_key LIKE ? ESCAPE '\' OR u.mail_key LIKE ? ESCAPE '\')`, begins, begins, begins, begins)
	}
	if f.Part != "" {
		has := either(f.PartBegins(), "", "%") + literal.Replace(domain.Fold(f.Part)) + "%"
		p = p.And(`(u.alias_key LIKE ? ESCAPE '\' OR u.first_name_key LIKE ? ESCAPE '\'
			OR u.last_name_key LIKE ? ESCAPE '\' OR u.mail_key LIKE ? ESCAPE '\' OR u.phone_key LIKE ? ESCAPE '\')`,
			has, has, has, has, has)
	}
	if len(f.Conditions.All) > 0 {
		all := meets(sc, f.Conditions)
		p = p.Also(all)
	}
	return p
}

// actingAs returns the condition that a user acts with a role: their own, or a higher one of a group, as far as it
// counts at their home. It is what tenancy.Groups.Role says.
func actingAs(sc tenancy.Scope, role domain.Role) db.Predicate {
	its := db.Its(sc, "u.organization_id")
	given := func(least domain.Role) db.Predicate {
		return db.Where("(u.role >= ? OR EXISTS (SELECT 1 FROM user_groups m JOIN groups g ON g.id = m.group_id "+
			"AND g.organization_id IN (?, 1) WHERE m.organization_id = ? AND m.user_id = u.id AND g.role >= ?"+byRow+"))",
			int64(least), its, its, int64(least))
	}
	not := func(p db.Predicate) db.Predicate { return db.Where("NOT "+p.Raw, p.Args...) }
	const counts = "(u.organization_id <> 1 OR u.environment_path = ?)" // an admin's role
	switch below := db.Where("u.role < ?", int64(domain.RoleSuperUser)); role {
	case domain.RoleUser:
		return not(given(domain.RolePower))
	case domain.RolePower:
		admin := given(domain.RoleOAdmin).And(counts, string(domain.RootPath))
		return below.Also(given(domain.RolePower)).Also(not(db.Where("("+admin.Raw+")", admin.Args...)))
	case domain.RoleOAdmin:
		return below.Also(given(domain.RoleOAdmin)).And(counts, string(domain.RootPath))
	}
	return db.Where("u.role = ?", int64(role))
}

// factorsOf returns the sums of kinds of factors that a filter keeps, nil for all.
func factorsOf(f *domain.UserFilter) []int64 {
	if f.Strongest == nil && f.Weaker == domain.ByPassword {
		return nil
	}
	kinds := []int64{-1} // nobody's, so that there is one
	for _, p := range domain.Proofs {
		if f.Strongest != nil && p != *f.Strongest || f.Weaker > domain.ByPassword && p >= f.Weaker {
			continue
		}
		for _, sum := range domain.FactorsOf(p) {
			kinds = append(kinds, int64(sum))
		}
	}
	return kinds
}

// blockedHome returns the condition that a user is blocked from their own home, or is not, by those of
// their blocked environments that sc shows.
func blockedHome(sc tenancy.Scope, is bool) db.Predicate {
	return blocked(sc, " AND substr(u.environment_path, 1, length(x.environment_path)) = x.environment_path", is)
}

// blocked returns the condition that a user is blocked from an environment x that meets a condition, or from none, by
// those of their blocked environments that sc shows.
func blocked(sc tenancy.Scope, where string, is bool) db.Predicate {
	seen := db.InRanges(sc.Sight(), "x.environment_path")
	return db.Where(either(is, "", "NOT ")+`EXISTS (SELECT 1 FROM user_environments x
		WHERE x.organization_id = ? AND x.user_id = u.id AND x.blocked`+where+" AND "+seen.Text()+byRow+")",
		slices.Concat([]any{db.Its(sc, "u.organization_id")}, seen.Args)...)
}

// allowedOutside returns the condition that a user is allowed an environment of another organization, or is
// not, by those of their allowed environments that sc shows.
func allowedOutside(sc tenancy.Scope, is bool) db.Predicate {
	seen := db.InRanges(sc.Sight(), "x.environment_path")
	return db.Where(either(is, "", "NOT ")+`EXISTS (SELECT 1 FROM user_environments x
		WHERE x.organization_id = ? AND x.user_id = u.id AND NOT x.blocked
			AND x.environment_organization_id <> u.organization_id AND `+seen.Text()+byRow+")",
		slices.Concat([]any{db.Its(sc, "u.organization_id")}, seen.Args)...)
}

// List returns one page of the users in sc that f keeps, as directory.UserStore says.
func (s *UserStore) List(ctx context.Context, sc tenancy.Scope, f domain.UserFilter,
	p domain.Page) ([]domain.User, domain.Cursor, error) {
	if err := s.check(ctx, &f); err != nil {
		return nil, "", err
	}
	sc, err := s.within(ctx, sc, &f)
	if err != nil {
		return nil, "", err
	}
	limit := pageSize(p)
	read := s.sorted
	if f.Order == domain.TreeOrder {
		read = s.inTreeOrder
	}
	all, err := read(ctx, sc, f, p.After, limit+1)
	return page(all, err, limit, func(u *domain.User) domain.Cursor {
		return writeCursor(append([]any{userList(f.Order), int64(u.ID)}, orderKeys(f.Order, u)...)...)
	})
}

// within narrows sc to the one organization that f keeps people of, if it does: nobody elsewhere is looked at for it.
func (s *UserStore) within(ctx context.Context, sc tenancy.Scope, f *domain.UserFilter) (tenancy.Scope, error) {
	if _, self := sc.Self(); self || f.Conditions.Any {
		return sc, nil
	}
	for _, c := range f.Conditions.All {
		if c.Field != domain.UserOrganization || len(c.Texts) != 1 || c.Is != domain.Equal {
			continue
		}
		path := "/0/" // nobody's
		err := s.db.NewSelect().TableExpr("environments AS e").ColumnExpr("coalesce(max(e.path), ?)", path).
			Where("e.uuid = ?", strings.ToLower(c.Texts[0])).Apply(db.Pinned(sc, "e.organization_id").Narrow).
			Scan(ctx, &path)
		if err != nil {
			return sc, db.Translate(err)
		}
		sc, f.Everybody = sc.Below(domain.EnvironmentPath(path)), 0
	}
	return sc, nil
}

// check returns an error if the filter is not valid, or looks for something that cannot be found here.
func (s *UserStore) check(ctx context.Context, f *domain.UserFilter) error {
	if f.Part != "" {
		if there, err := s.db.SearchesWords(ctx); err != nil || !there {
			return orElse(err, domain.ErrNoWords)
		}
	}
	return f.Validate()
}

// userList names the list of users in an order, for its cursors.
func userList(o domain.UserOrder) string { return strconv.Itoa(int(o)) }

// userOrders are the orders that are not the tree's, without their directions.
var userOrders = map[domain.UserOrder]userOrder{
	domain.AliasOrder:     {columns: []string{"alias_key"}},
	domain.NumberOrder:    {},
	domain.NameOrder:      {columns: []string{"last_name_key", "first_name_key"}},
	domain.CreatedOrder:   {columns: []string{"created_at"}},
	domain.ConnectedOrder: {columns: []string{"last_connected_at"}},
	domain.MailOrder:      {columns: []string{"mail_key"}},
}

// orderOf returns an order that is not the tree's. Each descending one is behind the one that it turns
// round.
func orderOf(o domain.UserOrder) userOrder {
	if by, ascending := userOrders[o]; ascending {
		return by
	}
	by := userOrders[o-1]
	by.descending = true
	return by
}

// orderKeys returns what is written of u behind the number into the cursor of an order.
func orderKeys(o domain.UserOrder, u *domain.User) []any {
	switch o {
	case domain.AliasOrder, domain.AliasOrderDescending:
		return []any{domain.Fold(u.Alias)}
	case domain.NameOrder, domain.NameOrderDescending:
		last := domain.Fold(u.Person.LastName)
		return []any{int64(len(last)), last + domain.Fold(u.Person.FirstName)}
	case domain.CreatedOrder, domain.CreatedOrderDescending:
		return []any{u.Created}
	case domain.ConnectedOrder, domain.ConnectedOrderDescending:
		return []any{u.LastConnected}
	case domain.MailOrder, domain.MailOrderDescending:
		return []any{domain.Fold(u.Person.Mail)}
	case domain.TreeOrder:
		return []any{u.HomePath}
	}
	return []any{""}
}

// readOrder reads the cursor of an order that is not the tree's: the number of a user and the values of the
// order's columns.
func readOrder(after domain.Cursor, o domain.UserOrder) (id domain.UserID, values []any, continued bool, err error) {
	var text string
	var n int64
	switch by := orderOf(o); {
	case len(by.columns) == 0:
		continued, err = readCursor(after, userList(o), &id, "")
	case len(by.columns) == 2:
		continued, err = readCursor(after, userList(o), &id, &n, &text)
		if err != nil || n < 0 || n > int64(len(text)) || !utf8.ValidString(text[:n]) {
			return 0, nil, false, orElse(err, domain.ErrCursor)
		}
		values = []any{text[:n], text[n:]}
	case by.text(0):
		continued, err = readCursor(after, userList(o), &id, &text)
		values = []any{text}
	default:
		continued, err = readCursor(after, userList(o), &id, &n)
		values = []any{n}
	}
	return id, values, continued, err
}

// sorted reads up to n users in an order that is not the tree's.
func (s *UserStore) sorted(ctx context.Context, sc tenancy.Scope, f domain.UserFilter, after domain.Cursor,
	n int) ([]domain.User, error) {
	id, values, continued, err := readOrder(after, f.Order)
	if err != nil {
		return nil, err
	}
	by := orderOf(f.Order)
	if _, self := sc.Self(); self {
		q := usersIn(s.db, sc).Apply(filtered(sc, f).Narrow)
		if continued {
			q = q.Where(by.behind(), append(values, int64(id))...)
		}
		return readUsers(ctx, sc, q)
	}
	l := listing{sc: sc, keeps: filtered(sc, f), by: by}
	if continued {
		l.behind = &listed{key: domain.UserKey{User: id}, at: values}
	}
	users, _, err := s.byFound(ctx, sc, by, func() ([]domain.UserKey, bool, error) {
		keys, err := s.sortedKeys(ctx, l, &f, n)
		return keys, true, err
	})
	return users, err
}

// userOrder is an order of users: by columns, and by number where these are the same.
type userOrder struct {
	columns    []string
	descending bool
}

// text reports whether a column is text; else it is a number.
func (o userOrder) text(column int) bool {
	return strings.HasSuffix(o.columns[column], "_key") || strings.HasSuffix(o.columns[column], "_path")
}

// by returns the order, in a form that no index has unless indexed.
func (o userOrder) by(indexed bool) string {
	var order strings.Builder
	for i, column := range o.columns {
		order.WriteString("u." + column + either(indexed, "", either(o.text(i), " || ''", " + 0")) + o.direction() + ", ")
	}
	return order.String() + "u.id" + either(indexed, "", " + 0") + o.direction()
}

func (o userOrder) direction() string { return either(o.descending, " DESC", "") }

// behind returns the condition that a user comes behind the one whose columns and number are the values
// for its marks.
func (o userOrder) behind() string {
	columns := "(u." + strings.Join(append(slices.Clone(o.columns), "id"), ", u.") + ")"
	return columns + either(o.descending, " < (", " > (") + strings.Repeat("?, ", len(o.columns)) + "?)"
}

// searched begins a query of the users in sc that finds them by something else than their places, or walks in an
// order and passes over the ones outside the scope. The planners would guess, and guess wrong.
func (s *UserStore) searched(sc tenancy.Scope) *bun.SelectQuery {
	within := db.Unindexed(db.Account(sc))
	return s.db.NewSelect().Model((*userRow)(nil)).Where(within.Text(), within.Args...)
}

// Totals counts as directory.UserStore says.
func (s *UserStore) Totals(ctx context.Context, sc tenancy.Scope, f domain.UserFilter) (kept domain.Tally, all int64,
	err error) {
	if _, self := sc.Self(); f.Plain() || self {
		kept.N, err = s.Count(ctx, sc, f)
		return kept, kept.N, err
	}
	if err := s.check(ctx, &f); err != nil {
		return kept, 0, err
	}
	there, err := s.within(ctx, sc, &f)
	if err != nil {
		return kept, 0, err
	}
	if kept, err = s.tally(ctx, there, &f, domain.MaxCounted); err != nil {
		return kept, 0, err
	}
	all, err = s.Count(ctx, sc, domain.UserFilter{})
	return kept, all, err
}

// Count returns how many users of sc f keeps.
func (s *UserStore) Count(ctx context.Context, sc tenancy.Scope, f domain.UserFilter) (n int64, err error) {
	if err := s.check(ctx, &f); err != nil {
		return 0, err
	}
	if _, self := sc.Self(); f.Plain() && !self {
		return s.everybody(ctx, sc)
	}
	n, err = usersIn(s.db, sc).Apply(filtered(sc, f).Narrow).Count(ctx)
	return n, db.Translate(err)
}
