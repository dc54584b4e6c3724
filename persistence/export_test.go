package persistence

import (
	"context"
	"testing"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// ListedColumns returns the columns that the lists of the directory document keep, by table.
func ListedColumns() map[string][]string {
	listed := make(map[string][]string)
	for _, info := range domain.DirectoryLists {
		t := listTables[info.Name]
		listed[t.name] = append(listed[t.name], t.columns()...)
	}
	return listed
}

// ReadingMembers returns the store with other sizes of what it reads at once.
func ReadingMembers(s *GroupStore, few int64, page int) *GroupStore {
	return &GroupStore{db: s.db, users: s.users, few: few, told: few, page: page}
}

// MeetingGroups returns the store that meets all groups in the order of their aliases, however few they are.
func MeetingGroups(s *GroupStore) *GroupStore {
	meeting := *s
	meeting.sorted = 0
	return &meeting
}

// BuiltUsers reads the users in sc that f keeps, in tree order, with a statement that is built.
func BuiltUsers(ctx context.Context, s *UserStore, sc tenancy.Scope, f domain.UserFilter) ([]domain.User, error) {
	return readUsers(ctx, sc, usersIn(s.db, sc).Apply(filtered(sc, f).Narrow).Order("u.environment_path", "u.id"))
}

// NewestPage reads n people of sc in the order of their list, behind somebody, nil for nobody, and the next skip of them.
func NewestPage(ctx context.Context, s *UserStore, sc tenancy.Scope, behind *domain.User,
	skip, n int) ([]domain.User, error) {
	l := listing{sc: sc, keeps: peopleKept(&domain.PeopleFilter{}), by: newestFirst}
	if behind != nil {
		l.behind = &listed{key: behind.Key(), at: []any{db.Millis(behind.Created)}}
	}
	return s.newestPage(ctx, &l, skip, n)
}

// NthUser returns where in the tree's order the nth of the users in sc is who come behind somebody, nil for nobody, and
// false if there are fewer.
func NthUser(ctx context.Context, s *UserStore, sc tenancy.Scope, behind *domain.User,
	n int) (domain.EnvironmentPath, domain.UserID, bool, error) {
	ranges, from := sc.Ranges(), spot{}
	if behind != nil {
		ranges, from = beyond(ranges, behind.HomePath), spot{behind.HomePath, behind.ID}
	}
	last, found, err := s.treeKey(ctx, sc, ranges, from, n)
	return last.path, last.id, found, err
}

// Patient returns the store with another patience: how many people are looked at in the order of a list, and of
// those whom an index finds, before another way is tried.
func Patient(s *UserStore, near, found int) *UserStore {
	return &UserStore{s.db, patience{near: near, found: found}}
}

// CountingUnusual returns the store that counts most unusual people.
func CountingUnusual(s *OverviewStore, most int64) *OverviewStore {
	return &OverviewStore{s.db, s.users, s.looked, most}
}

// PatientAudit is Patient of the audit trail.
func PatientAudit(s *AuditStore, near, found int) *AuditStore {
	return &AuditStore{s.db, patience{near: near, found: found}}
}

// AllAudit reads all of the audit trail, with all actors.
func AllAudit(t *testing.T, d *db.DB) []domain.AuditEntry {
	t.Helper()
	var rows []auditRow
	if err := d.NewSelect().Model(&rows).Scan(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := make([]domain.AuditEntry, len(rows))
	for i := range rows {
		rows[i].Named = true
		var err error
		if all[i], err = rows[i].entry(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// PatientObjects is Patient of objects.
func PatientObjects(s *ObjectStore, near, found int) *ObjectStore {
	return &ObjectStore{s.db, patience{near: near, found: found}}
}

// BuiltObjects reads the numbers of the objects in sc that f keeps, in an order of SQL, with a statement that is built.
func BuiltObjects(ctx context.Context, s *ObjectStore, sc tenancy.Scope, f domain.ObjectFilter,
	order string) (ids []domain.ObjectID, err error) {
	var rows []objectRow
	err = db.From(s.db, sc, &rows).Column("id").Apply(meeting(sc, &f).Narrow).OrderExpr(order).Scan(ctx, &ids)
	return ids, err
}

// Rename gives another alias to all callers whom the store remembers.
func Rename(s *AccountStore, alias string) {
	for _, key := range s.recent.Keys() {
		known, _ := s.recent.Peek(key)
		known.account.Alias = alias
		s.recent.Add(key, known)
	}
}
