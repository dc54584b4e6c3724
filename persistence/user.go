package persistence

import (
	"context"
	"slices"
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

// Get returns the user with that number. It is ErrUserNotFound if there is none in sc.
func (s *UserStore) Get(ctx context.Context, sc tenancy.Scope, id domain.UserID) (domain.User, error) {
	return selectUser(ctx, s.db, db.Account(sc).And("u.id = ?", int64(id)), "")
}

// ByUUID returns the user with that UUID. It is ErrUserNotFound if there is none in sc.
func (s *UserStore) ByUUID(ctx context.Context, sc tenancy.Scope, id domain.UUID) (domain.User, error) {
	return selectUser(ctx, s.db, db.Account(sc).And("u.uuid = ?", string(id)), "")
}

// ByUUIDs returns the users with these UUIDs that lie in sc, by number.
func (s *UserStore) ByUUIDs(ctx context.Context, sc tenancy.Scope, ids []domain.UUID) ([]domain.User, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return selectUsers(ctx, s.db, db.Account(sc).And("u.uuid IN (?)", db.In(ids)), " ORDER BY u.id")
}

// Named returns the user with that alias, compared by domain.Fold. It is ErrUserNotFound
// if there is none in sc.
func (s *UserStore) Named(ctx context.Context, sc tenancy.Scope, alias string) (domain.User, error) {
	return selectUser(ctx, s.db, db.Account(sc).And(
		"(u.organization_id, u.id) IN (SELECT organization_id, user_id FROM login_names WHERE name = ?)", domain.Fold(alias)), "")
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

// Insert adds u, whose home must lie in w, with the hash of its password, empty for none,
// and returns it with its numbers. It is ErrEnvironmentNotFound on "home" without such a
// home, ErrChanged if a place u names is no longer where u says, ErrGroupNotFound,
// ErrUserAliasTaken or ErrUserMailTaken.
func (s *UserStore) Insert(ctx context.Context, w tenancy.WriteScope, u domain.User, hash domain.PasswordHash) (domain.User, error) {
	return s.register(ctx, w, domain.Registration{User: u, Hash: hash}, enclosesNothing)
}

func enclosesNothing(*domain.User) (domain.Enclosure, error) { return domain.Enclosure{}, nil }

// insert adds u, who has their numbers.
func (s *UserStore) insert(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, u *domain.User, hash domain.PasswordHash) error {
	if err := s.holdHome(ctx, tx, w, u); err != nil {
		return err
	}
	if err := s.holdGrants(ctx, tx, u.Allowed, u.Blocked); err != nil {
		return err
	}
	if err := s.holdGroups(ctx, tx, u); err != nil {
		return err
	}
	if err := admitUser(ctx, s.db, tx, u); err != nil {
		return err
	}
	if err := insertUser(ctx, tx, u, hash); err != nil {
		return err
	}
	return record(ctx, s.db, tx, w, userEntry("user:create", u, domain.Diff(nil, u.Fields())))
}

// holdHome keeps the home of u where u says it is until the transaction ends.
func (s *UserStore) holdHome(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, u *domain.User) error {
	home, err := selectEnvironment(ctx, tx, environmentsIn(w.Read()).And("e.id = ?", int64(u.Home)), s.db.For("SHARE"))
	if err != nil {
		return domain.AsError(err).On("home")
	}
	if home.Path != u.HomePath || home.Organization != u.Organization {
		return domain.ErrChanged
	}
	return nil
}

// holdGrants keeps the environments on a user's lists where the lists say they are.
func (s *UserStore) holdGrants(ctx context.Context, tx bun.Tx, lists ...[]domain.Grant) error {
	var paths []domain.EnvironmentPath
	for _, list := range lists {
		for _, g := range list {
			if g.Path.ID() != g.Environment {
				return domain.ErrChanged
			}
			paths = append(paths, g.Path)
		}
	}
	return holdWay(ctx, s.db, tx, paths...)
}

// holdGroups keeps the groups of u, which must be usable in u's organization.
func (s *UserStore) holdGroups(ctx context.Context, tx bun.Tx, u *domain.User) error {
	rows, err := tx.QueryContext(ctx, "SELECT g.id FROM groups g WHERE g.id IN (?) AND g.organization_id IN (?, ?) ORDER BY g.id"+s.db.For("SHARE"),
		db.In(u.Groups), int64(u.Organization), int64(domain.RootOrganization))
	found, err := db.Collect(rows, err, db.Scalar[int64])
	if err != nil {
		return err
	}
	if len(found) != len(u.Groups) {
		return domain.ErrGroupNotFound
	}
	return nil
}

// insertUser adds the rows of a user whose places are known.
func insertUser(ctx context.Context, tx bun.Tx, u *domain.User, hash domain.PasswordHash) error {
	if err := takeLogin(ctx, tx, u); err != nil {
		return err
	}
	if err := takeName(mailAddresses, u.Person.Mail)(ctx, tx, u); err != nil {
		return err
	}
	r := toUserRow(u)
	r.PasswordHash = string(hash)
	if _, err := tx.NewInsert().Model(r).Exec(ctx); err != nil {
		return db.Translate(err)
	}
	if err := insertLists(ctx, tx, u); err != nil {
		return err
	}
	if err := insertAttributes(ctx, tx, u); err != nil {
		return err
	}
	return insertPicture(ctx, tx, u)
}

// The tables of names that are unique over the directory; both have the same columns.
const (
	loginNames    = "login_names"
	mailAddresses = "mail_addresses"
)

// nameRow is a row of one of them.
type nameRow struct {
	bun.BaseModel

	Name           string
	OrganizationID int64
	UserID         int64
}

// takeLogin makes the aliases of users theirs, of which nobody may have another spelling.
func takeLogin(ctx context.Context, tx bun.Tx, users ...*domain.User) error {
	var spellings []string
	for _, u := range users {
		spellings = append(spellings, u.AliasSpellings...)
	}
	if len(spellings) > 0 {
		rows, err := tx.QueryContext(ctx, "SELECT n.name FROM login_names n WHERE n.name IN (?) LIMIT 1", db.In(spellings))
		taken, err := db.Collect(rows, err, db.Scalar[string])
		if err != nil || len(taken) > 0 {
			return orElse(err, domain.ErrUserAliasTaken)
		}
	}
	return takeNames(ctx, tx, loginNames, func(u *domain.User) string { return u.Alias }, users...)
}

// takeName returns what makes a name a user's, unless it is empty.
func takeName(table, name string) func(context.Context, bun.Tx, ...*domain.User) error {
	return func(ctx context.Context, tx bun.Tx, u ...*domain.User) error {
		return takeNames(ctx, tx, table, func(*domain.User) string { return name }, u...)
	}
}

// takeNames makes the names that name returns the users', unless they are empty.
func takeNames(ctx context.Context, tx bun.Tx, table string, name func(*domain.User) string, users ...*domain.User) error {
	var rows []*nameRow
	for _, u := range users {
		if n := name(u); n != "" {
			rows = append(rows, &nameRow{Name: domain.Fold(n), OrganizationID: int64(u.Organization), UserID: int64(u.ID)})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := tx.NewInsert().Model(&rows).ModelTableExpr(table).Exec(ctx)
	return db.Translate(err)
}

func freeName(ctx context.Context, tx bun.Tx, table, name string) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE name = ?", domain.Fold(name))
	return db.Translate(err)
}

// userGroupRow and userEnvironmentRow are the rows of a user's lists.
type userGroupRow struct {
	bun.BaseModel `bun:"table:user_groups"`

	OrganizationID int64
	UserID         int64
	GroupID        int64
	Rank           int64
}

type userEnvironmentRow struct {
	bun.BaseModel `bun:"table:user_environments"`

	OrganizationID            int64
	UserID                    int64
	Blocked                   bool
	EnvironmentID             int64
	EnvironmentOrganizationID int64
	EnvironmentPath           string
}

// insertLists adds the groups and environments of users.
func insertLists(ctx context.Context, tx bun.Tx, us ...*domain.User) error {
	var groups []*userGroupRow
	var environments []*userEnvironmentRow
	for _, u := range us {
		for i, id := range u.Groups {
			groups = append(groups, &userGroupRow{OrganizationID: int64(u.Organization), UserID: int64(u.ID), GroupID: int64(id), Rank: int64(i)})
		}
		environments = append(environments, grantRows(u, false, u.Allowed)...)
		environments = append(environments, grantRows(u, true, u.Blocked)...)
	}
	if err := insertAll(ctx, tx, groups); err != nil {
		return err
	}
	return insertAll(ctx, tx, environments)
}

func grantRows(u *domain.User, blocked bool, grants []domain.Grant) []*userEnvironmentRow {
	rows := make([]*userEnvironmentRow, len(grants))
	for i, g := range grants {
		rows[i] = &userEnvironmentRow{
			OrganizationID: int64(u.Organization), UserID: int64(u.ID), Blocked: blocked,
			EnvironmentID: int64(g.Environment), EnvironmentOrganizationID: int64(g.Organization), EnvironmentPath: string(g.Path),
		}
	}
	return rows
}

// admitUser counts a new user: of their organization, which may have no room for one more (ErrQuota),
// and of their home.
func admitUser(ctx context.Context, d *db.DB, tx bun.Tx, u *domain.User) error {
	if err := admit(ctx, d, tx, u.Organization, users); err != nil {
		return err
	}
	return countUsers(ctx, tx, u, 1)
}

// countUsers adds n to the number of users whose home is u's.
func countUsers(ctx context.Context, tx bun.Tx, u *domain.User, n int64) error {
	res, err := tx.ExecContext(ctx, "UPDATE environment_counts SET users = users + ? WHERE organization_id = ? AND environment_id = ?",
		n, int64(u.Organization), int64(u.Home))
	return db.One(res, err, domain.ErrChanged)
}

func userEntry(action string, u *domain.User, changes []domain.Change) domain.AuditEntry {
	return domain.AuditEntry{
		Action: action, Target: domain.Target{Kind: "user", ID: int64(u.ID), Name: u.Alias},
		Organization: u.Organization, Place: u.Home, Path: u.HomePath, Changes: changes,
	}
}

func (s *UserStore) superUsers(ctx context.Context, tx bun.Tx, but domain.UserID) domain.SuperUsers {
	return func() ([]domain.User, []domain.Group, error) {
		root := int64(domain.RootOrganization)
		// Locked first and read then: what was changed by whoever held them is seen.
		err := s.db.Lock(ctx, tx, "UPDATE", "users u WHERE u.organization_id = ? AND u.role = 4 ORDER BY u.id", root)
		if err != nil {
			return nil, nil, db.Translate(err)
		}
		users, err := selectUsers(ctx, tx, db.Where("u.organization_id = ? AND u.role = 4 AND u.id <> ?", root, int64(but)), " ORDER BY u.id")
		if err != nil {
			return nil, nil, err
		}
		var rows []groupRow
		groups, err := readGroups(ctx, tx.NewSelect().Model(&rows).Where("g.organization_id = ?", root), &rows)
		return users, groups, err
	}
}

// lock reads the user with that number, attributes and the picture's tag included, and keeps others from changing it.
func (s *UserStore) lock(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, id domain.UserID) (domain.User, error) {
	where := db.Account(w.Read()).And("u.id = ?", int64(id))
	if err := s.db.Lock(ctx, tx, "UPDATE", "users u WHERE "+where.Text(), where.Args...); err != nil {
		return domain.User{}, err
	}
	u, err := selectUser(ctx, tx, where, "")
	if err != nil {
		return u, err
	}
	tags, err := readPictures(ctx, tx, where, []domain.UserID{u.ID})
	if err != nil {
		return u, err
	}
	u.Picture.Tag = tags[u.ID]
	return u, addAttributes(ctx, tx, &u)
}

// Update loads the user, runs change and saves, in one transaction, and returns what was
// saved. A hash that is not empty becomes the user's password and ends their sessions.
// change may ask for the other superUsers. It is ErrUserNotFound if there is none in w,
// ErrUserBorder if the home would lie in another organization, the errors of Insert, or
// the error of change, and then nothing is saved.
func (s *UserStore) Update(ctx context.Context, w tenancy.WriteScope, id domain.UserID, hash domain.PasswordHash,
	change func(*domain.User, domain.SuperUsers) error) (domain.User, error) {
	return s.UpdateWith(ctx, w, id, hash, nil, enclosing(change))
}

// enclosing makes a change with nothing that goes with it.
func enclosing(change func(*domain.User, domain.SuperUsers) error) changeWith {
	return func(u *domain.User, _ domain.Secret, superUsers domain.SuperUsers) (domain.Enclosure, error) {
		return domain.Enclosure{}, change(u, superUsers)
	}
}

// UpdateAll is Update of several users, all or none of them, without passwords. The last
// superUser is looked for in the state each of them is left in.
func (s *UserStore) UpdateAll(ctx context.Context, w tenancy.WriteScope, ids []domain.UserID, change func(*domain.User, domain.SuperUsers) error) error {
	ids = slices.Sorted(slices.Values(ids)) // two changes of the same users wait instead of crossing
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		for _, id := range ids {
			if _, err := s.update(ctx, tx, w, id, "", nil, enclosing(change)); err != nil {
				return err
			}
		}
		return nil
	})
}

// update loads the user, uses up the secret that is presented, if any, runs change and
// saves, with what goes with it.
func (s *UserStore) update(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, id domain.UserID, hash domain.PasswordHash,
	presented *domain.Presented, change changeWith) (domain.User, error) {
	before, err := s.lock(ctx, tx, w, id)
	if err != nil {
		return before, err
	}
	var secret domain.Secret
	if presented != nil {
		if secret, err = spend(ctx, s.db, tx, &before, *presented); err != nil {
			return before, err
		}
	}
	after := before.Clone()
	enclosure, err := change(&after, secret, s.superUsers(ctx, tx, id))
	if err != nil {
		return after, err
	}
	if err := s.saveChange(ctx, tx, w, &before, &after, hash); err != nil {
		return after, err
	}
	return after, enclose(ctx, s.db, tx, after.Key(), enclosure)
}

// saveChange writes after in place of before, if it differs, with its audit entry.
func (s *UserStore) saveChange(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, before, after *domain.User, hash domain.PasswordHash) error {
	changes := domain.Diff(before.Fields(), after.Fields())
	if hash != "" {
		changes = append(changes, domain.Change{Field: "password"})
	}
	if len(changes) == 0 && before.IdleSince.Equal(after.IdleSince) {
		return nil
	}
	if err := after.ValidateAfter(before); err != nil {
		return err
	}
	if before.ListsDifferently(after) {
		if err := s.holdGrants(ctx, tx, after.Allowed, after.Blocked); err != nil {
			return err
		}
	}
	if err := s.save(ctx, tx, w, before, after, hash); err != nil {
		return err
	}
	return record(ctx, s.db, tx, w, userEntry("user:update", after, changes))
}

// save writes after in place of before.
func (s *UserStore) save(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, before, after *domain.User, hash domain.PasswordHash) error {
	if after.Organization != before.Organization {
		return domain.ErrUserBorder
	}
	if after.Home != before.Home {
		if err := s.holdHome(ctx, tx, w, after); err != nil {
			return err
		}
		if err := countUsers(ctx, tx, before, -1); err != nil {
			return err
		}
		if err := countUsers(ctx, tx, after, 1); err != nil {
			return err
		}
	}
	for _, name := range []struct{ table, before, after string }{
		{loginNames, before.Alias, after.Alias}, {mailAddresses, before.Person.Mail, after.Person.Mail},
	} {
		if domain.Fold(name.before) == domain.Fold(name.after) {
			continue
		}
		if err := freeName(ctx, tx, name.table, name.before); err != nil {
			return err
		}
		take := takeName(name.table, name.after)
		if name.table == loginNames {
			take = takeLogin
		}
		if err := take(ctx, tx, after); err != nil {
			return err
		}
	}
	if err := renamePrivateTopic(ctx, s.db, tx, w, before, after); err != nil {
		return err
	}
	if err := s.saveLists(ctx, tx, before, after); err != nil {
		return err
	}
	if err := saveAttributes(ctx, tx, before, after); err != nil {
		return err
	}
	if err := savePicture(ctx, tx, before, after); err != nil {
		return err
	}
	query := tx.NewUpdate().Model(toUserRow(after)).ExcludeColumn("password_hash", "epoch", "token_epoch").
		Where("organization_id = ?", int64(after.Organization)).Where("id = ?", int64(after.ID))
	res, err := query.Exec(ctx)
	if err := db.One(res, err, domain.ErrUserNotFound); err != nil {
		return err
	}
	if hash == "" && !before.DecidesDifferently(after) {
		return nil
	}
	if before.Active && !after.Active { // what was given out before is good for nothing after it is opened again
		if err := withdraw(ctx, tx, after.Key(), domain.ResetPassword, domain.ChangeAddress); err != nil {
			return err
		}
	}
	set, args := "epoch = epoch + 1", []any(nil)
	if hash != "" {
		if err := withdraw(ctx, tx, after.Key(), domain.ResetPassword); err != nil {
			return err
		}
		set, args = set+", token_epoch = token_epoch + 1, password_hash = ?", []any{string(hash)}
	}
	res, err = tx.ExecContext(ctx, "UPDATE users SET "+set+" WHERE organization_id = ? AND id = ?",
		append(args, int64(after.Organization), int64(after.ID))...)
	if err := db.One(res, err, domain.ErrUserNotFound); err != nil || hash == "" {
		return err
	}
	_, err = deleteSessions(ctx, tx, domain.UserKey{Organization: after.Organization, User: after.ID}, "")
	return err
}

// saveLists writes the groups and environments of after, if they differ from before's. That
// the environments are where after says is the caller's.
func (s *UserStore) saveLists(ctx context.Context, tx bun.Tx, before, after *domain.User) error {
	if !before.ListsDifferently(after) {
		return nil
	}
	if err := s.holdGroups(ctx, tx, after); err != nil {
		return err
	}
	for _, table := range []string{"user_groups", "user_environments"} {
		if _, err := deleteOwn(ctx, tx, after.Key(), table, ""); err != nil {
			return err
		}
	}
	return insertLists(ctx, tx, after)
}

// Delete removes the user with everything that is theirs, unless check, which may ask
// for the other superUsers, returns an error. It is ErrUserNotFound if there is none in w.
func (s *UserStore) Delete(ctx context.Context, w tenancy.WriteScope, id domain.UserID, check func(domain.User, domain.SuperUsers) error) error {
	return s.DeleteWith(ctx, w, id, func(u domain.User, superUsers domain.SuperUsers) ([]domain.Mail, error) {
		return nil, check(u, superUsers)
	})
}

// remove deletes u, whose row the transaction has locked, with everything that is theirs.
func (s *UserStore) remove(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, u *domain.User) error {
	if err := NewObjectStore(s.db).release(ctx, tx, w, u); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM user_contacts WHERE contact_organization_id = ? AND contact_id = ?", int64(u.Organization), int64(u.ID))
	if err != nil {
		return db.Translate(err)
	}
	if err := freeName(ctx, tx, loginNames, u.Alias); err != nil {
		return err
	}
	if err := freeName(ctx, tx, mailAddresses, u.Person.Mail); err != nil {
		return err
	}
	if _, err := deleteAPIKeys(ctx, tx, u.Key(), ""); err != nil {
		return err
	}
	if err := tallied(ctx, tx, u.Organization, users, -1); err != nil {
		return err
	}
	if err := countUsers(ctx, tx, u, -1); err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, "DELETE FROM users WHERE organization_id = ? AND id = ?", int64(u.Organization), int64(u.ID))
	if err := db.One(res, err, domain.ErrUserNotFound); err != nil {
		return err
	}
	return record(ctx, s.db, tx, w, userEntry("user:delete", u, domain.Diff(u.Fields(), nil)))
}
