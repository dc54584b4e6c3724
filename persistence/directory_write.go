package persistence

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// Write is Store.Do with one try, for work that reads a document that can be read once only. What it
// writes is not held to quotas, and may name places that are written later.
func (s *DirectoryStore) Write(ctx context.Context, w tenancy.WriteScope, work func(*DirectoryTx) error) error {
	return s.db.Once(ctx, w, leaving(work))
}

// leaving is work in a transaction that leaves for its end what late says.
func leaving(work func(*DirectoryTx) error) func(*db.Tx) error {
	return func(t *db.Tx) error {
		tx := &Tx{Tx: t, late: &late{homes: make(map[home]int64), tallies: make(map[tallyKey]int64),
			touched: make(map[domain.OrganizationID]bool),
			borders: make(map[domain.OrganizationID]domain.EnvironmentPath)}}
		if err := work(&DirectoryTx{tx}); err != nil {
			return err
		}
		if _, err := tx.LostEmergencies(0); err != nil {
			return err
		}
		return tx.finish()
	}
}

// DirectoryTx is a transaction of DirectoryStore.Write: Tx with what writes many rows, wherever they lie.
type DirectoryTx struct{ *Tx }

// late is what a transaction that writes whole organizations leaves for its end. Counters and generations
// are rows that others need too, so they are not locked from the first row to the last; and entries of the
// audit trail are written many at once.
type late struct {
	homes   map[home]int64
	tallies map[tallyKey]int64
	touched map[domain.OrganizationID]bool
	around  []domain.EnvironmentPath
	// borders are the environments of the organizations that the transaction made.
	borders map[domain.OrganizationID]domain.EnvironmentPath
	entries []*auditRow
}

// home is where users are counted, tallyKey what the things of an organization are counted by.
type (
	home struct {
		organization domain.OrganizationID
		environment  domain.EnvironmentID
	}
	tallyKey struct {
		organization domain.OrganizationID
		of           tally
	}
)

// fills reports whether the transaction writes whole organizations into a database that is being filled: nobody else
// changes what it builds on, which the importer knows, and what is counted is counted when the indexes are made.
func (tx *Tx) fills() bool { return tx.late != nil && tx.DB.Filling() }

// batch is how many rows are written at once.
const batch = 500

// recordLate keeps an audit entry until there are enough of them.
func (tx *Tx) recordLate(row *auditRow) error {
	tx.late.entries = append(tx.late.entries, row)
	if len(tx.late.entries) < batch {
		return nil
	}
	entries := tx.late.entries
	tx.late.entries = nil
	return tx.Insert(&entries)
}

// finish writes what was left for the end.
func (tx *Tx) finish() error {
	l := tx.late
	tx.late = nil
	if tx.DB.Filling() { // nobody keeps anything that was true before, and all is counted later
		return tx.Insert(&l.entries)
	}
	keys := slices.SortedFunc(maps.Keys(l.tallies), func(a, b tallyKey) int {
		return cmp.Or(cmp.Compare(a.organization, b.organization), cmp.Compare(a.of, b.of))
	})
	for _, k := range keys {
		if err := tx.tallied(k.organization, k.of, l.tallies[k]); err != nil {
			return err
		}
	}
	if err := tx.writeHomes(l.homes); err != nil { // behind the organization's own, as for one user
		return err
	}
	if err := tx.Insert(&l.entries); err != nil {
		return err
	}
	for _, o := range slices.Sorted(maps.Keys(l.touched)) {
		if err := tx.bump(o); err != nil {
			return err
		}
	}
	return tx.bumpAround(l.around...)
}

// writeHomes adds to the numbers of users of homes. It locks them in their order, so that two do not wait
// for each other, and adds to those with as many new users at once.
func (tx *Tx) writeHomes(added map[home]int64) error {
	byOrganization := make(map[domain.OrganizationID][]int64)
	for h := range added {
		byOrganization[h.organization] = append(byOrganization[h.organization], int64(h.environment))
	}
	for _, o := range slices.Sorted(maps.Keys(byOrganization)) {
		homes := byOrganization[o]
		slices.Sort(homes)
		for part := range slices.Chunk(homes, batch) {
			in := db.Where("c.organization_id = ? AND c.environment_id IN (?)", int64(o), db.In(part))
			err := tx.Hold("UPDATE", tx.NewSelect().Model((*countRow)(nil)).Apply(in.Narrow).Order("c.environment_id"))
			if err != nil {
				return err
			}
			groups := make(map[int64][]int64)
			for _, id := range part {
				n := added[home{o, domain.EnvironmentID(id)}]
				groups[n] = append(groups[n], id)
			}
			for n, ids := range groups {
				err := tx.Run(tx.NewUpdate().Model((*countRow)(nil)).Set("users = c.users + ?", n).
					Where("c.organization_id = ? AND c.environment_id IN (?)", int64(o), db.In(ids)))
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Reserve takes n numbers of a kind that nobody had, and returns the first. On PostgreSQL it is a
// transaction of its own, so that others need not wait for numbers until the import ends.
func (tx *DirectoryTx) Reserve(kind int, n int64) (int64, error) {
	if tx.DB.OneWriter() {
		return reserve(tx.Ctx, tx.DB, tx.Bun, kind, n)
	}
	return NewDirectoryStore(tx.DB).Reserve(tx.Ctx, tx.Write, kind, n)
}

// InsertEnvironments is part of the port.
func (tx *DirectoryTx) InsertEnvironments(added []domain.PlacedEnvironment) error {
	written := make(map[domain.EnvironmentPath]bool, len(added))
	var above []domain.EnvironmentPath
	for i := range added {
		e := &added[i]
		if err := e.Validate(); err != nil {
			return err
		}
		if e.UUID == "" {
			e.UUID = db.NewUUID()
		}
		if up := e.Path.Parent(); !written[up] {
			above = append(above, up)
		}
		written[e.Path] = true
	}
	if !tx.fills() {
		if err := tx.holdWay(0, above...); err != nil {
			return err
		}
	}
	if err := tx.insertEnvironments(added...); err != nil {
		return err
	}
	for i := range added {
		if err := tx.inserted(&added[i]); err != nil {
			return err
		}
	}
	return nil
}

// inserted counts and records a new environment.
func (tx *DirectoryTx) inserted(e *domain.PlacedEnvironment) error {
	bump := func() error { return tx.bump(e.Organization) }
	if e.ID != domain.RootEnvironment {
		if err := tx.admit(e.Above, environments); err != nil {
			return err
		}
		if e.IsOrganization {
			tx.late.borders[e.Organization] = e.Path
		}
		if e.IsOrganization || !e.Active {
			bump = func() error { return tx.bumpAround(e.Path) }
		}
	}
	if err := bump(); err != nil {
		return err
	}
	return tx.record(environmentEntry("environment:create", &e.Environment, domain.Diff(nil, e.Fields())))
}

// HoldEnvironment is part of the port.
func (tx *DirectoryTx) HoldEnvironment(before *domain.Environment) error {
	now, err := tx.Environment(tenancy.EnvironmentKey{Organization: before.Organization, ID: before.ID})
	if err == nil && (now.Path != before.Path || domain.Fold(now.AliasPath) != domain.Fold(before.AliasPath)) {
		err = domain.ErrChanged
	}
	return err
}

// UsersNamed is part of the port.
func (tx *DirectoryTx) UsersNamed(aliases []string) (map[string]domain.StoredUser, error) {
	found := make(map[string]domain.StoredUser)
	keys, err := namedKeys(tx.Ctx, tx.Bun, aliases)
	if err != nil || len(keys) == 0 {
		return found, err
	}
	all, err := storedUsers(tx.Ctx, tx.Bun,
		tx.NewSelect().TableExpr("users AS u").ApplyQueryBuilder(among("u.organization_id", "u.id", keys)))
	for _, u := range all {
		found[domain.Fold(u.Alias)] = u
	}
	return found, err
}

func folded(texts []string) []string {
	keys := make([]string, len(texts))
	for i, text := range texts {
		keys[i] = domain.Fold(text)
	}
	return keys
}

// MailTaken is part of the port.
func (tx *DirectoryTx) MailTaken(addresses []string) (map[string]domain.UserID, error) {
	taken := make(map[string]domain.UserID)
	if len(addresses) == 0 {
		return taken, nil
	}
	var rows []nameRow
	err := tx.NewSelect().Table(mailAddresses).Column("name", "user_id").Where("name IN (?)", db.In(folded(addresses))).
		Scan(tx.Ctx, &rows)
	for _, r := range rows {
		taken[r.Name] = domain.UserID(r.UserID)
	}
	return taken, db.Translate(err)
}

// InsertUsers is part of the port.
func (tx *DirectoryTx) InsertUsers(added []domain.StoredUser) error {
	if len(added) == 0 {
		return nil
	}
	var paths []domain.EnvironmentPath
	for i := range added {
		u := &added[i]
		if u.UUID == "" {
			u.UUID = db.NewUUID()
		}
		paths = append(paths, u.HomePath)
		for _, g := range slices.Concat(u.Allowed, u.Blocked) {
			paths = append(paths, g.Path)
		}
	}
	if !tx.fills() {
		if _, err := tx.holdPresent(0, paths...); err != nil {
			return err
		}
	}
	return tx.insertUsers(added...)
}

// HoldUsers is part of the port.
func (tx *DirectoryTx) HoldUsers(o domain.OrganizationID, before []domain.StoredUser) error {
	tx.users = make(map[domain.UserID]domain.User, len(before))
	ids := make([]domain.UserID, len(before))
	for i := range before {
		ids[i] = before[i].ID
		tx.hold(&before[i].User)
	}
	if len(before) == 0 {
		return nil
	}
	if err := tx.Hold("UPDATE", tx.NewSelect().Model((*userRow)(nil)).
		Where("u.organization_id = ? AND u.id IN (?)", int64(o), db.In(ids)).Order("u.id")); err != nil {
		return err
	}
	now, err := storedUsers(tx.Ctx, tx.Bun, tx.NewSelect().TableExpr("users AS u").
		Where("u.organization_id = ? AND u.id IN (?)", int64(o), db.In(ids)))
	if err != nil {
		return err
	}
	changed := len(now) != len(before)
	for i := range now {
		held := tx.users[now[i].ID]
		changed = changed || now[i].HomePath != held.HomePath || len(domain.Diff(held.Fields(), now[i].Fields())) > 0
	}
	if changed {
		return domain.ErrChanged
	}
	return nil
}
