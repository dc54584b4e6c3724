package persistence

import (
	"context"
	"maps"
	"slices"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// Number implements directory.UserStore.
func (s *UserStore) Number(ctx context.Context, u *domain.User) error {
	id, err := s.db.NextID(ctx, db.UserNumbers)
	if err != nil {
		return err
	}
	person, err := s.db.NextID(ctx, db.PersonNumbers)
	u.ID, u.Person.ID, u.UUID = domain.UserID(id), domain.PersonID(person), db.NewUUID()
	return err
}

// User implements directory.UserTx.
func (t *Tx) User(key domain.UserKey) (domain.User, error) {
	found, err := t.Users([]domain.UserKey{key})
	return db.First(found, err, domain.ErrUserNotFound)
}

// Users implements directory.UserTx.
func (t *Tx) Users(keys []domain.UserKey) ([]domain.User, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	of := make(map[domain.OrganizationID][]domain.UserID, 1)
	for _, k := range keys {
		of[k.Organization] = append(of[k.Organization], k.User)
	}
	var found []domain.User
	for _, o := range slices.Sorted(maps.Keys(of)) {
		sc := t.Scope().Of(o)
		with := func() *bun.SelectQuery {
			return usersIn(t, sc).Where("u.organization_id = ? AND u.id IN (?)", int64(o), db.In(of[o])).
				Order("u.id") // who changes the same ones waits
		}
		// Locked first and read then: what was changed by whoever held the row is seen.
		if err := t.Hold("UPDATE", with()); err != nil {
			return nil, err
		}
		some, err := t.usersWith(sc, of[o], with)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	if len(found) == 0 {
		return nil, nil
	}
	users := make([]*domain.User, len(found))
	for i := range found {
		users[i] = &found[i]
	}
	if err := t.addParts(users); err != nil {
		return nil, err
	}
	for _, u := range users {
		t.hold(u)
	}
	return found, nil
}

// hold remembers a user who lies in the scope and whom nobody else changes meanwhile, as they are stored.
func (t *Tx) hold(u *domain.User) {
	if t.users == nil {
		t.users = make(map[domain.UserID]domain.User, 1)
	}
	t.users[u.ID] = u.Clone()
}

// stored returns the user as they are stored whom the transaction holds, or ErrUserNotFound.
func (t *Tx) stored(u domain.UserKey) (*domain.User, error) {
	held, ok := t.users[u.User]
	if !ok || held.Key() != u {
		return nil, domain.ErrUserNotFound
	}
	return &held, nil
}

// SuperUsers implements directory.UserTx.
func (t *Tx) SuperUsers(but domain.UserID) ([]domain.User, []domain.Group, error) {
	root := int64(domain.RootOrganization)
	superUsers := func() *bun.SelectQuery {
		return t.NewSelect().Model((*userRow)(nil)).Where("u.organization_id = ? AND u.role = 4", root).Order("u.id")
	}
	// Locked first and read then, as in User.
	if err := t.Hold("UPDATE", superUsers()); err != nil {
		return nil, nil, err
	}
	others := superUsers().Where("u.id <> ?", int64(but))
	users, err := readUsers(t.Ctx, tenancy.Scope{}.Of(domain.RootOrganization), others)
	if err != nil {
		return nil, nil, err
	}
	var rows []groupRow
	groups, err := readGroups(t.Ctx, t.NewSelect().Model(&rows).Where("g.organization_id = ?", root), &rows)
	return users, groups, err
}

// InsertUser implements directory.UserTx.
func (t *Tx) InsertUser(u *domain.User, hash domain.PasswordHash) error {
	if err := u.Validate(); err != nil {
		return err
	}
	if err := t.holdHome(u); err != nil {
		return err
	}
	if err := t.holdGrants(u.Allowed, u.Blocked); err != nil {
		return err
	}
	if err := t.holdGroups(u.Organization, u.Groups); err != nil {
		return err
	}
	if err := t.insertUsers(domain.StoredUser{User: *u, Hash: hash}); err != nil {
		return err
	}
	t.hold(u)
	return nil
}

// insertUsers adds and counts users whose places are held.
func (t *Tx) insertUsers(added ...domain.StoredUser) error {
	rows, plain := make([]*userRow, len(added)), make([]*domain.User, len(added))
	for i := range added {
		u := &added[i].User
		plain[i], rows[i] = u, toUserRow(u)
		rows[i].PasswordHash = string(added[i].Hash)
		if err := t.admit(u.Organization, users); err != nil {
			return err
		}
		if err := t.countUsers(u, 1); err != nil {
			return err
		}
	}
	for _, table := range nameTables {
		if err := t.takeNames(table, plain...); err != nil {
			return err
		}
	}
	if err := t.Insert(&rows); err != nil {
		return err
	}
	for _, part := range userParts {
		if err := part.insert(t, plain...); err != nil {
			return err
		}
	}
	for _, u := range plain {
		if err := t.record(userEntry("user:create", u, domain.Diff(nil, u.Fields()))); err != nil {
			return err
		}
	}
	return nil
}

// SaveUser implements directory.UserTx.
func (t *Tx) SaveUser(after *domain.User, hash domain.PasswordHash) error {
	held, ok := t.users[after.ID]
	if !ok {
		return domain.ErrUserNotFound
	}
	before := &held
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
		if err := t.holdGrants(after.Allowed, after.Blocked); err != nil {
			return err
		}
		if err := t.holdGroups(after.Organization, after.Groups); err != nil {
			return err
		}
	}
	if err := t.saveUser(before, after, hash); err != nil {
		return err
	}
	if after.Home != before.Home {
		lost, err := t.rulesLost(before.HomePath, after.HomePath)
		if err != nil {
			return err
		}
		changes = append(changes, lost...)
	}
	t.hold(after)
	return t.record(userEntry("user:update", after, changes))
}

// saveUser writes after in place of before. That the environments are where after says is the caller's.
func (t *Tx) saveUser(before, after *domain.User, hash domain.PasswordHash) error {
	if after.Organization != before.Organization {
		return domain.ErrUserBorder
	}
	if before.DecidesDifferently(after) {
		if err := t.watch(before); err != nil {
			return err
		}
	}
	if after.Home != before.Home {
		if err := t.moveUser(before, after); err != nil {
			return err
		}
	} else if after.HomePath != before.HomePath {
		return domain.ErrChanged // the home was moved since it was looked up
	}
	if err := t.renameUser(before, after); err != nil {
		return err
	}
	for _, part := range userParts {
		if part.differs(before, after) {
			if err := t.replace(part, after); err != nil {
				return err
			}
		}
	}
	return t.writeUser(before, after, hash)
}

// writeUser writes the row of after, and ends what was given out before if that no longer holds.
func (t *Tx) writeUser(before, after *domain.User, hash domain.PasswordHash) error {
	row := toUserRow(after)
	columns := t.Changed(toUserRow(before), row)
	var counted []string
	var void []domain.SecretPurpose
	if hash != "" || before.DecidesDifferently(after) {
		counted = append(counted, "epoch")
		if before.Active && !after.Active { // what was given out before is good for nothing after it is opened again
			void = []domain.SecretPurpose{domain.ResetPassword, domain.ChangeAddress}
		}
	}
	if hash != "" {
		row.PasswordHash = string(hash)
		columns, counted = append(columns, "password_hash"), append(counted, "token_epoch")
		void = append(void, domain.ResetPassword)
		if _, err := deleteOwn(t.Ctx, t.Bun, after.Key(), "sessions", ""); err != nil {
			return err
		}
	}
	if err := t.withdraw(after.Key(), void...); err != nil {
		return err
	}
	if len(columns) == 0 && len(counted) == 0 { // the lists alone are others
		return nil
	}
	return t.Update(row, columns, counted, domain.ErrUserNotFound)
}

// moveUser counts a user at another home.
func (t *Tx) moveUser(before, after *domain.User) error {
	if err := t.holdHome(after); err != nil {
		return err
	}
	if err := t.countUsers(before, -1); err != nil {
		return err
	}
	return t.countUsers(after, 1)
}

// renameUser gives a user the names of after in place of before's, and what follows them.
func (t *Tx) renameUser(before, after *domain.User) error {
	for _, table := range nameTables {
		if nameIn(table, before) == nameIn(table, after) {
			continue
		}
		if err := t.freeName(table, before); err != nil {
			return err
		}
		if err := t.takeNames(table, after); err != nil {
			return err
		}
	}
	return t.renamePrivateTopic(before, after)
}

// userPart is what users have in tables of its own: whether it differs, and what adds it for users.
type userPart struct {
	tables  []string
	differs func(before, after *domain.User) bool
	insert  func(t *Tx, users ...*domain.User) error
}

var userParts = []userPart{
	{[]string{"user_groups", "user_environments"}, (*domain.User).ListsDifferently, (*Tx).insertLists},
	{[]string{"user_attributes"}, func(b, a *domain.User) bool { return !maps.Equal(b.Attributes, a.Attributes) }, (*Tx).
		insertAttributes},
	{[]string{"user_pictures"}, func(b, a *domain.User) bool { return b.Picture.Tag != a.Picture.Tag }, (*Tx).
		insertPictures},
}

// replace writes a part of a user anew.
func (t *Tx) replace(part userPart, u *domain.User) error {
	for _, table := range part.tables {
		if _, err := deleteOwn(t.Ctx, t.Bun, u.Key(), table, ""); err != nil {
			return err
		}
	}
	return part.insert(t, u)
}

// DeleteUser implements directory.UserTx.
func (t *Tx) DeleteUser(u domain.UserKey) error {
	held, err := t.stored(u)
	if err != nil {
		return err
	}
	delete(t.users, u.User)
	return t.removeUser(held)
}

// removeUser removes u, who is stored like that.
func (t *Tx) removeUser(u *domain.User) error {
	if err := t.watch(u); err != nil {
		return err
	}
	if err := t.release(u); err != nil {
		return err
	}
	err := t.Run(t.NewDelete().Table("user_contacts").
		Where("contact_organization_id = ? AND contact_id = ?", int64(u.Organization), int64(u.ID)))
	if err != nil {
		return err
	}
	for _, table := range nameTables {
		if err := t.freeName(table, u); err != nil {
			return err
		}
	}
	if err := t.deleteAPIKeys("k.organization_id = ? AND k.user_id = ?", int64(u.Organization), int64(u.ID)); err != nil {
		return err
	}
	if err := t.tallied(u.Organization, users, -1); err != nil {
		return err
	}
	if err := t.countUsers(u, -1); err != nil {
		return err
	}
	if err := t.One(t.NewDelete().Model(toUserRow(u)).WherePK(), domain.ErrUserNotFound); err != nil {
		return err
	}
	return t.record(userEntry("user:delete", u, domain.Diff(u.Fields(), nil)))
}

// holdHome keeps the home of u where u says it is until the transaction ends.
func (t *Tx) holdHome(u *domain.User) error {
	return t.holdPlace(u.Organization, u.Home, u.HomePath, "home")
}

// holdGrants keeps the environments on a user's lists where the lists say they are.
func (t *Tx) holdGrants(lists ...[]domain.Grant) error {
	of := make(map[domain.OrganizationID][]domain.EnvironmentPath)
	for _, list := range lists {
		for _, g := range list {
			if g.Path.ID() != g.Environment {
				return domain.ErrChanged
			}
			of[g.Organization] = append(of[g.Organization], g.Path)
		}
	}
	for _, o := range slices.Sorted(maps.Keys(of)) {
		absent, err := t.holdPresent(o, of[o]...)
		if err == nil && absent > 0 && t.late == nil { // an organization may still be to come
			err = domain.ErrChanged
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// holdGroups keeps groups, which must be usable in the organization.
func (t *Tx) holdGroups(organization domain.OrganizationID, groups []domain.GroupID) error {
	found := 0
	// A statement is of one organization; most people have groups of the root alone.
	for _, o := range slices.Compact([]domain.OrganizationID{domain.RootOrganization, organization}) {
		if found == len(groups) {
			break
		}
		var ids []int64
		err := t.NewSelect().Model((*groupRow)(nil)).Column("id").
			Where("g.organization_id = ? AND g.id IN (?)", int64(o), db.In(groups)).
			Order("g.id").Apply(t.For("SHARE")).Scan(t.Ctx, &ids)
		if err != nil {
			return db.Translate(err)
		}
		found += len(ids)
	}
	if found != len(groups) {
		return domain.ErrGroupNotFound
	}
	return nil
}

// The tables of names that are unique over the directory; both have the same columns.
const (
	loginNames    = "login_names"
	mailAddresses = "mail_addresses"
)

var nameTables = []string{loginNames, mailAddresses}

// nameRow is a row of one of them.
type nameRow struct {
	bun.BaseModel

	Name           string
	OrganizationID int64
	UserID         int64
}

// nameIn returns what a user is called in one of them, empty for nothing.
func nameIn(table string, u *domain.User) string {
	if table == loginNames {
		return domain.Fold(u.Alias)
	}
	return domain.Fold(u.Person.Mail)
}

// takeNames makes the names of users in a table theirs. Of a login name nobody may have another spelling. In a database
// that is filled many at once get theirs at its end: whoever fills it sees that no two of them are the same.
func (t *Tx) takeNames(table string, users ...*domain.User) error {
	if t.DB.Filling() && len(users) > 1 {
		return nil
	}
	var rows []*nameRow
	var spellings []string
	for _, u := range users {
		if name := nameIn(table, u); name != "" {
			rows = append(rows, &nameRow{Name: name, OrganizationID: int64(u.Organization), UserID: int64(u.ID)})
		}
		spellings = append(spellings, u.AliasSpellings...)
	}
	if table == loginNames && len(spellings) > 0 {
		taken, err := t.NewSelect().Table(table).Where("name IN (?)", db.In(spellings)).Exists(t.Ctx)
		if err != nil || taken {
			return orElse(db.Translate(err), domain.ErrUserAliasTaken)
		}
	}
	return t.InsertInto(table, &rows)
}

func (t *Tx) freeName(table string, u *domain.User) error {
	return t.Run(t.NewDelete().Table(table).Where("name = ?", nameIn(table, u)))
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
func (t *Tx) insertLists(us ...*domain.User) error {
	var groups []*userGroupRow
	var environments []*userEnvironmentRow
	for _, u := range us {
		for i, id := range u.Groups {
			groups = append(groups, &userGroupRow{OrganizationID: int64(u.Organization), UserID: int64(u.ID), GroupID: int64(id),
				Rank: int64(i)})
		}
		environments = append(environments, grantRows(u, false, u.Allowed)...)
		environments = append(environments, grantRows(u, true, u.Blocked)...)
	}
	return t.Insert(&groups, &environments)
}

func grantRows(u *domain.User, blocked bool, grants []domain.Grant) []*userEnvironmentRow {
	rows := make([]*userEnvironmentRow, len(grants))
	for i, g := range grants {
		rows[i] = &userEnvironmentRow{
			OrganizationID: int64(u.Organization), UserID: int64(u.ID), Blocked: blocked,
			EnvironmentID: int64(g.Environment), EnvironmentOrganizationID: int64(g.Organization),
			EnvironmentPath: string(g.Path),
		}
	}
	return rows
}

// countUsers adds n to the number of users whose home is u's.
func (t *Tx) countUsers(u *domain.User, n int64) error {
	if t.late != nil {
		t.late.homes[home{u.Organization, u.Home}] += n
		return nil
	}
	return t.One(t.NewUpdate().Model((*countRow)(nil)).Set("users = c.users + ?", n).
		Where("c.organization_id = ? AND c.environment_id = ?", int64(u.Organization), int64(u.Home)), domain.ErrChanged)
}

func userEntry(action string, u *domain.User, changes []domain.Change) domain.AuditEntry {
	return domain.AuditEntry{
		Action: action, Target: domain.Target{Kind: "user", ID: int64(u.ID), Name: u.Alias},
		Organization: u.Organization, Place: u.Home, Path: u.HomePath, Changes: changes,
	}
}
