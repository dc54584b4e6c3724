package persistence

import (
	"context"
	"strconv"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// UserStore keeps users. A user lies in a scope if their home does, or if the scope is
// their own account.
type UserStore struct{ db *db.DB }

// NewUserStore returns the store of users in d.
func NewUserStore(d *db.DB) *UserStore { return &UserStore{d} }

// userRow is a row of the table users.
type userRow struct {
	bun.BaseModel `bun:"table:users,alias:u"`

	OrganizationID  int64
	ID              int64
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

func toUserRow(u *domain.User) *userRow {
	return &userRow{
		OrganizationID: int64(u.Organization), ID: int64(u.ID), UUID: string(u.UUID),
		EnvironmentID: int64(u.Home), EnvironmentPath: string(u.HomePath),
		Alias: u.Alias, AliasKey: domain.Fold(u.Alias), Role: int64(u.Role), State: int64(u.State), Active: u.Active,
		PersonID: int64(u.Person.ID), FirstName: u.Person.FirstName, FirstNameKey: domain.Fold(u.Person.FirstName),
		LastName: u.Person.LastName, LastNameKey: domain.Fold(u.Person.LastName),
		Mail: u.Person.Mail, MailKey: domain.Fold(u.Person.Mail), Phone: u.Person.Phone, PhoneKey: domain.Fold(u.Person.Phone),
		JobTitle: u.Person.JobTitle, Department: u.Person.Department, Language: u.Language, TimeZone: u.TimeZone,
		DefaultPage: u.DefaultPage, FirstAccess: u.FirstAccess,
		PasswordDelay: int64(u.PasswordDelay), RevokeDelay: int64(u.RevokeDelay),
		Archived: u.Archived, System: u.System, ListsUsers: u.ListsUsers, Claims: u.Claims,
		CreatedAt: db.Millis(u.Created), LastPasswordAt: db.Millis(u.LastPassword), LastConnectedAt: db.Millis(u.LastConnected),
		LastSeenAt: db.Millis(u.LastSeen), IdleSince: db.Millis(u.IdleSince), Epoch: 1, TokenEpoch: 1,
	}
}

const userColumns = `u.organization_id, u.id, u.uuid, u.environment_id, u.environment_path, u.alias, u.role, u.state, u.active,
	u.person_id, u.first_name, u.last_name, u.mail, u.phone, u.job_title, u.department, u.language, u.time_zone,
	u.default_page, u.first_access, u.password_delay, u.revoke_delay, u.created_at, u.last_password_at,
	u.last_connected_at, u.last_seen_at, u.idle_since, u.archived, u.system, u.lists_users, u.claims,
	(SELECT o.generation FROM organizations o WHERE o.organization_id = u.organization_id) AS generation, ` + groupList + ` AS group_list, ` + grantList + ` AS grant_list`

// scanUser reads into plain types: drivers take several times as long for named ones.
func scanUser(r db.Row) (domain.User, error) {
	var organization, id, home, role, state, person, page, passwordDelay, revokeDelay int64
	var created, lastPassword, lastConnected, lastSeen, idleSince, generation int64
	var uuid, path, alias, first, last, mail, phone, job, department, language, zone, claims, groups, grants string
	var active, firstAccess, archived, system, lists bool
	err := r.Scan(&organization, &id, &uuid, &home, &path, &alias, &role, &state, &active,
		&person, &first, &last, &mail, &phone, &job, &department, &language, &zone,
		&page, &firstAccess, &passwordDelay, &revokeDelay, &created, &lastPassword,
		&lastConnected, &lastSeen, &idleSince, &archived, &system, &lists, &claims, &generation, &groups, &grants)
	if err != nil {
		return domain.User{}, err
	}
	u := domain.User{
		ID: domain.UserID(id), UUID: domain.UUID(uuid), Organization: domain.OrganizationID(organization),
		Home: domain.EnvironmentID(home), HomePath: domain.EnvironmentPath(path), Alias: alias, Role: domain.Role(role),
		Person: domain.Person{ID: domain.PersonID(person), FirstName: first, LastName: last, Mail: mail, Phone: phone, JobTitle: job, Department: department},
		Groups: parseGroups(groups), Language: language, TimeZone: zone, DefaultPage: page,
		Standing: domain.Standing{State: domain.UserState(state), Active: active, FirstAccess: firstAccess,
			PasswordDelay: int(passwordDelay), RevokeDelay: int(revokeDelay),
			Created: db.Moment(created), LastPassword: db.Moment(lastPassword), IdleSince: db.Moment(idleSince)},
		Archived: archived, System: system, ListsUsers: lists, Claims: claims,
		LastConnected: db.Moment(lastConnected), LastSeen: db.Moment(lastSeen), Generation: generation,
	}
	u.Allowed, u.Blocked = parseGrants(grants)
	return u, nil
}

func selectUsers(ctx context.Context, q db.Querier, where db.Predicate, rest string) ([]domain.User, error) {
	rows, err := q.QueryContext(ctx, "SELECT "+userColumns+" FROM users u WHERE "+where.Text()+rest, where.Args...)
	return db.Collect(rows, err, db.Weighed(ctx, scanUser))
}

func selectUser(ctx context.Context, q db.Querier, where db.Predicate, rest string) (domain.User, error) {
	all, err := selectUsers(ctx, q, where, rest)
	if err != nil || len(all) == 0 {
		return domain.User{}, orElse(err, domain.ErrUserNotFound)
	}
	return all[0], nil
}

// Get returns the user that ref names. It is ErrUserNotFound if there is none in sc.
func (s *UserStore) Get(ctx context.Context, sc tenancy.Scope, ref domain.UserRef) (domain.User, error) {
	switch {
	case ref.ID != 0:
		return selectUser(ctx, s.db, db.Account(sc).And("u.id = ?", int64(ref.ID)), "")
	case ref.UUID != "":
		return selectUser(ctx, s.db, db.Account(sc).And("u.uuid = ?", string(ref.UUID)), "")
	}
	u, err := s.named(ctx, sc, ref.Alias)
	if other := ref.Other(); domain.ErrUserNotFound.Is(err) && other != (domain.UserRef{}) {
		return s.Get(ctx, sc, other)
	}
	return u, err
}

// named returns the user with that alias, compared by domain.Fold. Whose it is is read first, so that the
// user is found by key in the largest scope. An alias that nobody has is looked for by key too: one that is
// somebody's outside of sc takes no other time.
func (s *UserStore) named(ctx context.Context, sc tenancy.Scope, alias string) (domain.User, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT organization_id, user_id FROM login_names WHERE name = ?", domain.Fold(alias))
	key, err := db.Only(rows, err, scanKey, domain.ErrUserNotFound)
	if err != nil && !domain.ErrUserNotFound.Is(err) {
		return domain.User{}, err
	}
	return selectUser(ctx, s.db, db.Account(sc).And("u.organization_id = ? AND u.id = ?", int64(key.Organization), int64(key.User)), "")
}

// ByUUIDs returns the users with these UUIDs that lie in sc, by number.
func (s *UserStore) ByUUIDs(ctx context.Context, sc tenancy.Scope, ids []domain.UUID) ([]domain.User, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return selectUsers(ctx, s.db, db.Account(sc).And("u.uuid IN (?)", db.In(ids)), " ORDER BY u.id")
}

// filtered returns the conditions of f.
func filtered(sc tenancy.Scope, f domain.UserFilter) db.Predicate {
	var p db.Predicate
	if f.Role != 0 {
		p = p.And("u.role = ?", int64(f.Role))
	}
	if f.Active != nil {
		p = p.And("u.active = ?", *f.Active)
	}
	if f.Group != 0 {
		p = p.And(`EXISTS (SELECT 1 FROM user_groups m WHERE m.organization_id = u.organization_id
			AND m.user_id = u.id AND m.group_id = ?)`, int64(f.Group))
	}
	if f.Prefix != "" {
		begins := literal.Replace(domain.Fold(f.Prefix)) + "%"
		p = p.And(`(u.alias_key LIKE ? ESCAPE '\' OR u.first_name_key LIKE ? ESCAPE '\'
			OR u.last_name_key LIKE ? ESCAPE '\' OR u.mail_key LIKE ? ESCAPE '\')`, begins, begins, begins, begins)
	}
	if len(f.Conditions.All) > 0 {
		all := meets(sc, f.Conditions)
		p = p.Also(all)
	}
	return p
}

// List returns one page of the users in sc that f keeps, in f's order, and the cursor of
// the next page, empty after the last. A cursor of another order is ErrCursor, and a
// condition that is not valid is Invalid. No match is an empty slice.
func (s *UserStore) List(ctx context.Context, sc tenancy.Scope, f domain.UserFilter, p domain.Page) ([]domain.User, domain.Cursor, error) {
	if err := f.Validate(); err != nil {
		return nil, "", err
	}
	limit := pageSize(p)
	read := s.sorted
	if f.Order == domain.TreeOrder {
		read = s.inTreeOrder
	}
	all, err := read(ctx, sc, f, p.After, limit+1)
	return page(all, err, limit, func(u *domain.User) domain.Cursor {
		var key any = domain.Fold(u.Alias)
		switch f.Order {
		case domain.TreeOrder:
			key = u.HomePath
		case domain.NumberOrder, domain.NumberOrderDescending:
			key = ""
		}
		return writeCursor(userList(f.Order), int64(u.ID), key)
	})
}

// userList names the list of users in an order, for its cursors.
func userList(o domain.UserOrder) string { return strconv.Itoa(int(o)) }

// inTreeOrder reads up to n users in tree order.
func (s *UserStore) inTreeOrder(ctx context.Context, sc tenancy.Scope, f domain.UserFilter, after domain.Cursor, n int) ([]domain.User, error) {
	var path domain.EnvironmentPath
	var id domain.UserID
	continued, err := readCursor(after, userList(domain.TreeOrder), &id, &path)
	if err != nil {
		return nil, err
	}
	if _, self := sc.Self(); self {
		where := db.Account(sc).And("u.id > ?", int64(id)).Also(filtered(sc, f))
		return selectUsers(ctx, s.db, where, "")
	}
	stretches := sc.Ranges()
	if continued {
		stretches = beyond(stretches, path)
	}
	organization, args := db.InOrganization(sc, "u.organization_id")
	filter := filtered(sc, f)
	one := UserPage(organization, filter.Further())
	return walk(stretches, n, func(part []tenancy.Range, n int) ([]domain.User, error) {
		query, values := chain(part, one, "environment_path, id", n, func(r tenancy.Range) []any {
			behind := int64(0)
			if r.From == path {
				behind = int64(id)
			}
			values := append(args[:len(args):len(args)], string(r.From), behind, string(r.Until))
			return append(append(values, filter.Args...), n)
		})
		if len(f.Conditions.All) > 0 { // there are too many of such statements to keep them prepared
			rows, err := s.db.QueryContext(ctx, query, values...)
			return db.Collect(rows, err, db.Weighed(ctx, scanUser))
		}
		rows, err := s.db.HotRows(ctx, query, values...)
		return db.Collect(rows, err, db.Weighed(ctx, scanUser))
	})
}

// UserPage is the statement that reads a page of one stretch of the tree: the directory's
// hottest. Its values are those of organization, a path and number to start behind, the
// path to end before, those of filter, and a limit. It is exported for benchmarks that
// compare the way around it with the bare driver.
func UserPage(organization, filter string) string {
	return "SELECT " + userColumns + " FROM users u WHERE " + organization +
		"(u.environment_path, u.id) > (?, ?) AND u.environment_path < ?" + filter + " ORDER BY u.environment_path, u.id LIMIT ?"
}

// sorted reads up to n users in an order that is not the tree's. How depends on how many
// users the scope has: few are all read and sorted; of many, the directory's own index on
// the order is walked and the ones outside the scope are passed over. The planners would
// guess, and guess wrong for the one or the other.
func (s *UserStore) sorted(ctx context.Context, sc tenancy.Scope, f domain.UserFilter, after domain.Cursor, n int) ([]domain.User, error) {
	var key string
	var id domain.UserID
	continued, err := readCursor(after, userList(f.Order), &id, &key)
	if err != nil {
		return nil, err
	}
	column, direction, sign := "alias_key", "", ">"
	if f.Order == domain.NumberOrder || f.Order == domain.NumberOrderDescending {
		column = "id"
	}
	if f.Order == domain.AliasOrderDescending || f.Order == domain.NumberOrderDescending {
		direction, sign = " DESC", "<"
	}
	many, err := s.walksIndex(ctx, sc, n)
	if err != nil {
		return nil, err
	}
	where, filter := db.Account(sc), filtered(sc, f)
	if many {
		where = db.Unindexed(where)
	}
	where = where.Also(filter)
	switch {
	case continued && column == "id":
		where = where.And("u.id "+sign+" ?", int64(id))
	case continued:
		where = where.And("(u.alias_key, u.id) "+sign+" (?, ?)", key, int64(id))
	}
	order := " ORDER BY u." + column + direction + ", u.id" + direction + " LIMIT " + strconv.Itoa(n)
	if many {
		return selectUsers(ctx, s.db, where, order)
	}
	rows, err := s.db.QueryContext(ctx, "WITH found AS MATERIALIZED (SELECT u.organization_id, u.id FROM users u WHERE "+where.Text()+
		") SELECT "+userColumns+" FROM found JOIN users u ON u.organization_id = found.organization_id AND u.id = found.id"+order, where.Args...)
	return db.Collect(rows, err, db.Weighed(ctx, scanUser))
}

// walksIndex reports whether n users of sc are found sooner by walking an index over all
// users than by reading all of sc: n times the share of others is less than sc.
func (s *UserStore) walksIndex(ctx context.Context, sc tenancy.Scope, n int) (bool, error) {
	mine, err := s.Count(ctx, sc, domain.UserFilter{})
	if err != nil || mine <= 1000 {
		return false, err
	}
	all, err := s.db.Population(ctx)
	return float64(n)*all < float64(mine)*float64(mine), err
}

// Count returns how many users of sc f keeps.
func (s *UserStore) Count(ctx context.Context, sc tenancy.Scope, f domain.UserFilter) (int64, error) {
	if err := f.Validate(); err != nil {
		return 0, err
	}
	_, self := sc.Self()
	if f.Plain() && !self {
		where := db.Placed(sc, "c.environment_path", "c.organization_id")
		rows, err := s.db.QueryContext(ctx, "SELECT CAST(coalesce(sum(c.users), 0) AS bigint) FROM environment_counts c WHERE "+where.Text(), where.Args...)
		return db.Only(rows, err, db.Scalar[int64], domain.ErrInternal)
	}
	where, filter := db.Account(sc), filtered(sc, f)
	where = where.Also(filter)
	rows, err := s.db.QueryContext(ctx, "SELECT count(*) FROM users u WHERE "+where.Text(), where.Args...)
	return db.Only(rows, err, db.Scalar[int64], domain.ErrInternal)
}
