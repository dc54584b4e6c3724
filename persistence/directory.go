package persistence

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// DirectoryStore reads and writes whole organizations at once, for import and export.
type DirectoryStore struct{ db *db.DB }

// NewDirectoryStore returns the store of the whole directory in d.
func NewDirectoryStore(d *db.DB) *DirectoryStore { return &DirectoryStore{d} }

// Environments yields every environment in sc, in tree order.
func (s *DirectoryStore) Environments(ctx context.Context, sc tenancy.Scope) iter.Seq2[domain.Environment, error] {
	return each(func(after domain.Cursor) ([]domain.Environment, domain.Cursor, error) {
		return NewEnvironmentStore(s.db).List(ctx, sc, domain.Page{Limit: exportPage, After: after})
	})
}

// Groups returns the groups in sc, by organization in tree order, then by number.
func (s *DirectoryStore) Groups(ctx context.Context, sc tenancy.Scope) ([]domain.Group, error) {
	return NewGroupStore(s.db).List(ctx, sc)
}

// Users yields the users of organization o in sc with the hashes of their passwords, in
// tree order.
func (s *DirectoryStore) Users(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID) iter.Seq2[domain.StoredUser, error] {
	var path domain.EnvironmentPath
	var id domain.UserID
	return each(func(domain.Cursor) ([]domain.StoredUser, domain.Cursor, error) {
		where := db.Placed(sc, "u.environment_path", "u.organization_id").
			And("u.organization_id = ? AND (u.environment_path, u.id) > (?, ?)", int64(o), string(path), int64(id))
		rows, err := s.db.QueryContext(ctx, "SELECT u.password_hash, "+userColumns+" FROM users u WHERE "+where.Text()+
			" ORDER BY u.environment_path, u.id LIMIT ?", append(where.Args, exportPage)...)
		all, err := storedUsers(ctx, s.db, rows, err)
		if err != nil || len(all) < exportPage {
			return all, "", err
		}
		last := &all[len(all)-1]
		path, id = last.HomePath, last.ID
		return all, "more", nil
	})
}

// exportPage is how many rows an export reads at once.
const exportPage = 500

func scanStoredUser(r db.Row) (domain.StoredUser, error) {
	var hash string
	u, err := scanUser(scanBehind{r, &hash})
	return domain.StoredUser{User: u, Hash: domain.PasswordHash(hash)}, err
}

// storedUsers reads users with their attributes.
func storedUsers(ctx context.Context, q db.Reader, rows db.Rows, err error) ([]domain.StoredUser, error) {
	all, err := db.Collect(rows, err, scanStoredUser)
	if err != nil {
		return nil, err
	}
	users := make([]*domain.User, len(all))
	for i := range all {
		users[i] = &all[i].User
	}
	return all, addAttributes(ctx, q, users...)
}

// scanBehind scans a row that has one more column before the others.
type scanBehind struct {
	db.Row
	first *string
}

func (s scanBehind) Scan(dest ...any) error { return s.Row.Scan(append([]any{s.first}, dest...)...) }

// each yields the entries of all pages.
func each[T any](page func(after domain.Cursor) ([]T, domain.Cursor, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for after := domain.Cursor(""); ; {
			entries, next, err := page(after)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, entry := range entries {
				if !yield(entry, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			after = next
		}
	}
}

// Claim takes the numbers of each kind up to and including the given ones, and returns
// the first of each that nobody had; from there on they are the caller's.
func (s *DirectoryStore) Claim(ctx context.Context, _ tenancy.WriteScope, last domain.Numbers) (first domain.Numbers, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		for kind, n := range last {
			var err error
			if first[kind], err = db.NextNumber(ctx, s.db, tx, numberKinds[kind]); err != nil {
				return err
			}
			if n < first[kind] {
				continue
			}
			if err := db.SetNext(ctx, tx, numberKinds[kind], n+1); err != nil {
				return err
			}
		}
		return nil
	})
	return first, err
}

// Reserve takes n numbers of a kind that nobody had, and returns the first.
func (s *DirectoryStore) Reserve(ctx context.Context, _ tenancy.WriteScope, kind int, n int64) (first int64, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		first, err = reserve(ctx, s.db, tx, kind, n)
		return err
	})
	return first, err
}

func reserve(ctx context.Context, d *db.DB, tx bun.Tx, kind int, n int64) (int64, error) {
	first, err := db.NextNumber(ctx, d, tx, numberKinds[kind])
	if err != nil {
		return 0, err
	}
	return first, db.SetNext(ctx, tx, numberKinds[kind], first+n)
}

// numberKinds names the kinds of numbers in the order of domain.Numbers.
var numberKinds = [...]string{db.EnvironmentNumbers, db.GroupNumbers, db.UserNumbers, db.PersonNumbers, db.ObjectNumbers, db.CopyRequestNumbers}

// Write runs work in one transaction, once: work may read a document that can be read once
// only. An error of work is returned as it is, and nothing is written.
func (s *DirectoryStore) Write(ctx context.Context, w tenancy.WriteScope, work func(domain.DirectoryWriter) error) error {
	return db.Translate(s.db.TryTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		writer := &directoryTx{Tx: begun(ctx, s.db, tx, w), touched: make(map[domain.OrganizationID]bool), homes: make(map[domain.EnvironmentID]int64), tallies: make(map[tallyKey]int64)}
		if err := work(writer); err != nil {
			return err
		}
		return writer.finish()
	}))
}

// tallyKey is what an organization's things of one kind are counted by.
type tallyKey struct {
	organization domain.OrganizationID
	of           tally
}

// directoryTx writes many rows of one organization. It implements domain.DirectoryWriter.
type directoryTx struct {
	*Tx
	touched map[domain.OrganizationID]bool
	around  []domain.EnvironmentPath

	// What is collected here is written together: environments before anything that lies
	// in them, the rest when there is enough of it or at the end.
	environments []newEnvironment
	homes        map[domain.EnvironmentID]int64
	tallies      map[tallyKey]int64
	entries      []*auditRow
}

// note keeps an audit entry for the end of the transaction.
func (t *directoryTx) note(e domain.AuditEntry) error {
	e.At, e.Actor, e.Request = t.DB.Now(), t.Write.Actor(), domain.RequestFrom(t.Ctx)
	t.entries = append(t.entries, toAuditRow(&e))
	if len(t.entries) < exportPage {
		return nil
	}
	return t.writeEntries()
}

func (t *directoryTx) writeEntries() error {
	part := t.entries
	t.entries = nil
	return insertAll(t.Ctx, t.Bun, part)
}

// writeEnvironments writes the environments that are new below those that were there: these
// were read before the transaction.
func (t *directoryTx) writeEnvironments() error {
	part := t.environments
	t.environments = nil
	written := make(map[domain.EnvironmentPath]bool, len(part))
	var above []domain.EnvironmentPath
	for i := range part {
		if part[i].ID != domain.RootEnvironment {
			t.tallies[tallyKey{part[i].parent, environments}]++
		}
		if up := part[i].Path.Parent(); !written[up] {
			above = append(above, up)
		}
		written[part[i].Path] = true
	}
	if err := holdWay(t.Ctx, t.DB, t.Bun, above...); err != nil {
		return err
	}
	return insertEnvironments(t.Ctx, t.Bun, part...)
}

// writeCounts adds the users that are new to the numbers of their homes.
func (t *directoryTx) writeCounts() error {
	ids := slices.Sorted(maps.Keys(t.homes))
	for part := range slices.Chunk(ids, exportPage) {
		values, args := "", make([]any, 0, 2*len(part))
		for _, id := range part {
			values += either(values == "", "", ", ") + "(?, ?)"
			args = append(args, int64(id), t.homes[id])
		}
		_, err := t.Bun.ExecContext(t.Ctx, "WITH added (id, n) AS (VALUES "+values+`) UPDATE environment_counts SET users = users + added.n
			FROM added WHERE environment_counts.environment_id = added.id`, args...)
		if err != nil {
			return db.Translate(err)
		}
	}
	return nil
}

// writeTallies adds what is new to the numbers of its organizations. An import is not held to quotas.
func (t *directoryTx) writeTallies() error {
	keys := slices.SortedFunc(maps.Keys(t.tallies), func(a, b tallyKey) int {
		return cmp.Or(cmp.Compare(a.organization, b.organization), cmp.Compare(a.of, b.of))
	})
	for _, k := range keys {
		if err := tallied(t.Ctx, t.Bun, k.organization, k.of, t.tallies[k]); err != nil {
			return err
		}
	}
	return nil
}

// finish writes what was kept for the end.
func (t *directoryTx) finish() error {
	for _, write := range []func() error{t.writeEnvironments, t.writeCounts, t.writeTallies, t.writeEntries} {
		if err := write(); err != nil {
			return err
		}
	}
	for o := range t.touched {
		if err := bump(t.Ctx, t.Bun, o); err != nil {
			return err
		}
	}
	return t.bumpAround(t.around...)
}

// Reserve implements domain.DirectoryWriter. On PostgreSQL it is a transaction of its own,
// so that others need not wait for numbers until the import ends.
func (t *directoryTx) Reserve(kind int, n int64) (int64, error) {
	if t.DB.OneWriter() {
		return reserve(t.Ctx, t.DB, t.Bun, kind, n)
	}
	return NewDirectoryStore(t.DB).Reserve(t.Ctx, t.Write, kind, n)
}

// PutEnvironment implements domain.DirectoryWriter.
func (t *directoryTx) PutEnvironment(before *domain.Environment, e domain.Environment, parent domain.OrganizationID) (domain.Environment, error) {
	if err := e.Validate(); err != nil {
		return e, err
	}
	if before == nil {
		if e.UUID == "" {
			e.UUID = db.NewUUID()
		}
		t.environments = append(t.environments, newEnvironment{e, parent})
		if len(t.environments) == exportPage {
			if err := t.writeEnvironments(); err != nil {
				return e, err
			}
		}
		t.touched[e.Organization] = true
		if (e.IsOrganization || !e.Active) && e.ID != domain.RootEnvironment {
			t.around = append(t.around, e.Path)
		}
		return e, t.note(environmentEntry("environment:create", &e, domain.Diff(nil, e.Fields())))
	}
	changes := domain.Diff(before.Fields(), e.Fields())
	if len(changes) == 0 {
		return e, nil
	}
	if err := t.writeEnvironments(); err != nil {
		return e, err
	}
	if err := t.unmoved(before); err != nil {
		return e, err
	}
	if err := t.saveEnvironment(before, &e); err != nil {
		return e, err
	}
	return e, t.note(environmentEntry("environment:update", &e, changes))
}

// unmoved keeps the environment from being changed by others. It is ErrChanged if it is no
// longer where and what it was called when it was read.
func (t *directoryTx) unmoved(before *domain.Environment) error {
	now, err := selectEnvironment(t.Ctx, t.Bun, db.Where("e.id = ?", int64(before.ID)), t.DB.For("UPDATE"))
	if err == nil && (now.Path != before.Path || domain.Fold(now.AliasPath) != domain.Fold(before.AliasPath)) {
		err = domain.ErrChanged
	}
	return err
}

// PutGroup implements domain.DirectoryWriter.
func (t *directoryTx) PutGroup(before *domain.Group, g domain.Group, place domain.EnvironmentPath) (domain.Group, error) {
	if err := g.Validate(); err != nil {
		return g, err
	}
	tx := t.Tx
	g.Path = place
	action, changes := "group:create", domain.Diff(nil, g.Fields())
	if before != nil {
		if action, changes = "group:update", domain.Diff(before.Fields(), g.Fields()); len(changes) == 0 {
			return g, nil
		}
	} else if g.UUID == "" {
		g.UUID = db.NewUUID()
	}
	if err := tx.checkParent(&g); err != nil {
		return g, err
	}
	if err := t.writeEnvironments(); err != nil {
		return g, err
	}
	var err error
	if before == nil {
		t.tallies[tallyKey{g.Organization, groups}]++
		err = tx.Insert(toGroupRow(&g))
	} else {
		err = tx.One(tx.NewUpdate().Model(toGroupRow(&g)).WherePK(), domain.ErrGroupNotFound)
	}
	if err != nil {
		return g, err
	}
	return g, tx.groupChanged(action, &g, changes)
}

// UsersNamed implements domain.DirectoryWriter.
func (t *directoryTx) UsersNamed(aliases []string) (map[string]domain.StoredUser, error) {
	keys := make([]string, len(aliases))
	for i, alias := range aliases {
		keys[i] = domain.Fold(alias)
	}
	rows, err := t.Bun.QueryContext(t.Ctx, "SELECT u.password_hash, "+userColumns+` FROM login_names n JOIN users u
		ON u.organization_id = n.organization_id AND u.id = n.user_id WHERE n.name IN (?)`, db.In(keys))
	all, err := storedUsers(t.Ctx, t.Bun, rows, err)
	found := make(map[string]domain.StoredUser, len(all))
	for _, u := range all {
		found[domain.Fold(u.Alias)] = u
	}
	return found, err
}

// MailTaken implements domain.DirectoryWriter.
func (t *directoryTx) MailTaken(addresses []string) (map[string]domain.UserID, error) {
	keys := make([]string, len(addresses))
	for i, address := range addresses {
		keys[i] = domain.Fold(address)
	}
	taken := make(map[string]domain.UserID)
	if len(keys) == 0 {
		return taken, nil
	}
	rows, err := t.Bun.QueryContext(t.Ctx, "SELECT name, user_id FROM mail_addresses WHERE name IN (?)", db.In(keys))
	_, err = db.Collect(rows, err, func(r db.Row) (struct{}, error) {
		var address string
		var id domain.UserID
		err := r.Scan(&address, &id)
		taken[address] = id
		return struct{}{}, err
	})
	return taken, err
}

// hold keeps the environments that users name where the users say they are: they were read
// before the transaction. One that is not there belongs to an organization still to come.
func (t *directoryTx) hold(users ...domain.StoredUser) error {
	if err := t.writeEnvironments(); err != nil {
		return err
	}
	var paths []domain.EnvironmentPath
	for i := range users {
		u := &users[i].User
		paths = append(paths, u.HomePath)
		for _, list := range [][]domain.Grant{u.Allowed, u.Blocked} {
			for _, g := range list {
				paths = append(paths, g.Path)
			}
		}
	}
	_, err := holdPresent(t.Ctx, t.DB, t.Bun, paths...)
	return err
}

// SuperUsers implements domain.DirectoryWriter.
func (t *directoryTx) SuperUsers() ([]domain.User, error) {
	users, _, err := t.Tx.SuperUsers(0)
	return users, err
}

// InsertUsers implements domain.DirectoryWriter.
func (t *directoryTx) InsertUsers(users []domain.StoredUser) error {
	if len(users) == 0 {
		return nil
	}
	if err := t.hold(users...); err != nil {
		return err
	}
	rows := make([]*userRow, len(users))
	plain := make([]*domain.User, len(users))
	for i := range users {
		u := &users[i].User
		if u.UUID == "" {
			u.UUID = db.NewUUID()
		}
		plain[i], rows[i] = u, toUserRow(u)
		rows[i].PasswordHash = string(users[i].Hash)
		t.homes[u.Home]++
		t.tallies[tallyKey{u.Organization, tally("users")}]++
		if err := t.note(userEntry("user:create", u, domain.Diff(nil, u.Fields()))); err != nil {
			return err
		}
	}
	if err := takeLogin(t.Ctx, t.Bun, plain...); err != nil {
		return err
	}
	if err := takeMail(t.Ctx, t.Bun, plain...); err != nil {
		return err
	}
	if err := insertAll(t.Ctx, t.Bun, rows); err != nil {
		return err
	}
	if err := insertLists(t.Ctx, t.Bun, plain...); err != nil {
		return err
	}
	return insertAttributes(t.Ctx, t.Bun, plain...)
}

// UpdateUser implements domain.DirectoryWriter.
func (t *directoryTx) UpdateUser(before, after domain.StoredUser) error {
	hash := after.Hash
	if hash == before.Hash {
		hash = ""
	}
	if err := t.hold(after); err != nil {
		return err
	}
	if err := t.saveUser(&before.User, &after.User, hash); err != nil {
		return err
	}
	changes := domain.Diff(before.Fields(), after.Fields())
	if hash != "" {
		changes = append(changes, domain.Change{Field: "password"})
	}
	return t.note(userEntry("user:update", &after.User, changes))
}

// Withdraw implements domain.DirectoryWriter.
func (t *directoryTx) Withdraw(u domain.UserKey, environment domain.EnvironmentID) error {
	if _, err := deleteOwn(t.Ctx, t.Bun, u, "user_environments", "environment_id = ?", int64(environment)); err != nil {
		return err
	}
	_, err := t.Bun.ExecContext(t.Ctx, "UPDATE users SET epoch = epoch + 1 WHERE organization_id = ? AND id = ?", int64(u.Organization), int64(u.User))
	return db.Translate(err)
}
