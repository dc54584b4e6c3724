package persistence

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// reminderRow is a row of the table sign_in_reminders.
type reminderRow struct {
	bun.BaseModel `bun:"table:sign_in_reminders,alias:m"`

	OrganizationID int64 `bun:",pk"`
	EnvironmentID  int64 `bun:",pk"`
	People         int64
	Admins         int64
	GraceUntil     int64
	BegunAt        int64
	Stage          int64
	AfterPath      string
	AfterID        int64
	Done           bool
}

// remindedAtOnce is how many people are looked at in one transaction.
const remindedAtOnce = 100

// Remind tells the next people, at most so many and of one place, at now of a demand that counts later and that they
// cannot meet: it puts into the outbox what tell returns. Each of them is told once when the demand is made and once at
// each of domain.RemindedBefore, by whichever server; of several demands only of the one that counts first. People whom
// no letter reaches are passed over, as are programs. A demand that is changed is announced anew a day after it was
// announced before, at the earliest. It reports false if there is nobody to tell.
func (s *Store) Remind(ctx context.Context, w tenancy.WriteScope, now time.Time, most int,
	tell func(*domain.User, domain.Coming) domain.Mail) (more bool, err error) {
	err = s.Do(ctx, w, func(tx *Tx) error {
		rule, progress, err := tx.dueReminder(now)
		more = rule != nil
		if err != nil || !more {
			return err
		}
		return tx.remind(now, rule, progress, min(most, remindedAtOnce), tell)
	})
	return more, err
}

// dueReminder returns rules of which people are to be told at now, with how far that is, locked; nil for none.
func (tx *Tx) dueReminder(now time.Time) (*signInRulesRow, *reminderRow, error) {
	var due []signInRulesRow
	week, last := now.Add(domain.RemindedBefore[0]), now.Add(domain.RemindedBefore[1])
	const same = "m.people = r.people AND m.admins = r.admins AND m.grace_until = r.grace_until"
	err := db.From(tx, tx.Scope(), &due).
		Join("LEFT JOIN sign_in_reminders AS m").
		JoinOn("m.environment_id = r.environment_id AND m.organization_id = r.organization_id").
		Where("r.grace_until > ? AND (r.people > 0 OR r.admins > 0)", db.Millis(now)).
		Where("m.environment_id IS NULL OR NOT ("+same+") AND m.begun_at <= ? OR "+same+` AND (NOT m.done OR
			m.stage < CASE WHEN r.grace_until <= ? THEN 2 WHEN r.grace_until <= ? THEN 1 ELSE 0 END)`,
			db.Millis(now.Add(-day)), db.Millis(last), db.Millis(week)).
		Order("r.grace_until", "r.environment_id").Limit(1).Scan(tx.Ctx)
	if err != nil || len(due) == 0 {
		return nil, nil, db.Translate(err)
	}
	rule := &due[0]
	progress, err := tx.lockReminder(rule)
	if err != nil || progress == nil || !progress.goesOn(now, rule) { // another server is there, or was meanwhile
		return nil, nil, err
	}
	return rule, progress, nil
}

// lockReminder returns how far people were told of rules, nil while another transaction tells them.
func (tx *Tx) lockReminder(rule *signInRulesRow) (*reminderRow, error) {
	key := &reminderRow{OrganizationID: rule.OrganizationID, EnvironmentID: rule.EnvironmentID}
	if _, err := tx.Bun.NewInsert().Model(key).On("CONFLICT DO NOTHING").Exec(tx.Ctx); err != nil {
		return nil, db.Translate(err)
	}
	var rows []reminderRow
	err := tx.NewSelect().Model(&rows).
		Where("m.environment_id = ? AND m.organization_id = ?", rule.EnvironmentID, rule.OrganizationID).
		Apply(tx.For("UPDATE SKIP LOCKED")).Scan(tx.Ctx)
	if err != nil || len(rows) == 0 {
		return nil, db.Translate(err)
	}
	return &rows[0], nil
}

// goesOn makes a row what it is to be while people are told of rules at now, and reports whether they are to be.
func (m *reminderRow) goesOn(now time.Time, rule *signInRulesRow) bool {
	stage := int64(domain.ReminderStage(now, db.Moment(rule.GraceUntil)))
	same := m.People == rule.People && m.Admins == rule.Admins && m.GraceUntil == rule.GraceUntil
	switch {
	case !same && m.BegunAt > db.Millis(now.Add(-day)):
		return false
	case !same:
		m.People, m.Admins, m.GraceUntil, m.BegunAt = rule.People, rule.Admins, rule.GraceUntil, db.Millis(now)
	case m.Stage >= stage:
		return true // and where all are told by now there is nobody behind the last one
	}
	m.Stage, m.AfterPath, m.AfterID, m.Done = stage, "", 0, false
	return true
}

// remind tells the next people of rules, at most so many, and notes how far that is.
func (tx *Tx) remind(now time.Time, rule *signInRulesRow, progress *reminderRow, most int,
	tell func(*domain.User, domain.Coming) domain.Mail) error {
	path := domain.EnvironmentPath(rule.EnvironmentPath)
	weaker := factorsOf(&domain.UserFilter{Weaker: domain.Proof(max(rule.People, rule.Admins))})
	people, err := readUsers(tx.Ctx, tx.Scope(), usersIn(tx, tx.Scope()).
		Where("u.environment_path >= ? AND u.environment_path < ?", max(rule.EnvironmentPath, progress.AfterPath),
			string(path.End())).
		Where("u.environment_path <> ? OR u.id > ?", progress.AfterPath, progress.AfterID).
		Where("u.active AND NOT u.archived AND NOT u.system AND u.mail <> '' AND u.state = ?", int64(domain.Approved)).
		Where("u.factors IN (?)", db.In(weaker)).
		Order("u.environment_path", "u.id").Limit(int64(most)))
	if err != nil {
		return err
	}
	ways, err := tx.rulesAbove(people)
	if err != nil {
		return err
	}
	groups, err := groupRoles(tx.Ctx, tx, people)
	if err != nil {
		return err
	}
	for i := range people {
		u := &people[i]
		rules, places := ways.to(u.HomePath)
		coming, of := domain.ComingDemand(now, roleOf(u, groups), u.Factors, rules...)
		if of >= 0 && int64(places[of]) == rule.EnvironmentID {
			tx.Mail(tell(u, coming))
		}
		progress.AfterPath, progress.AfterID = string(u.HomePath), int64(u.ID)
	}
	progress.Done = len(people) < most
	return tx.Run(tx.NewUpdate().Model(progress).WherePK())
}

// rulesOnWays are the rules of places, by place.
type rulesOnWays map[domain.EnvironmentID]domain.SignInRules

// rulesAbove returns the rules of all places on the ways to the homes of people.
func (tx *Tx) rulesAbove(people []domain.User) (rulesOnWays, error) {
	var places []domain.EnvironmentID
	seen := make(map[domain.EnvironmentID]bool)
	for i := range people {
		for path := people[i].HomePath; !seen[path.ID()]; path = path.Parent() {
			seen[path.ID()] = true
			places = append(places, path.ID())
		}
	}
	ways := make(rulesOnWays)
	if len(places) == 0 {
		return ways, nil
	}
	var rows []signInRulesRow
	err := tx.NewSelect().Model(&rows).Where("r.environment_id IN (?)", db.In(places)).Scan(tx.Ctx)
	for i := range rows {
		ways[domain.EnvironmentID(rows[i].EnvironmentID)] = rows[i].rules()
	}
	return ways, db.Translate(err)
}

// to returns the rules on the way to a place, and where each is.
func (w rulesOnWays) to(path domain.EnvironmentPath) (rules []domain.SignInRules, places []domain.EnvironmentID) {
	for {
		if r, ok := w[path.ID()]; ok {
			rules, places = append(rules, r), append(places, path.ID())
		}
		if path.Parent() == path {
			return rules, places
		}
		path = path.Parent()
	}
}

// groupRoles returns the roles that the groups of people give.
func groupRoles(ctx context.Context, r db.Reader, people []domain.User) (map[domain.GroupID]domain.Role, error) {
	organizations, groups := []int64{int64(domain.RootOrganization)}, []int64{0} // nobody's, so that there is one
	for i := range people {
		organizations = append(organizations, int64(people[i].Organization))
		for _, g := range people[i].Groups {
			groups = append(groups, int64(g))
		}
	}
	var rows []groupRow
	err := r.NewSelect().Model(&rows).Column("id", "role").
		Where("g.organization_id IN (?) AND g.id IN (?)", db.In(organizations), db.In(groups)).Scan(ctx)
	roles := make(map[domain.GroupID]domain.Role, len(rows))
	for _, g := range rows {
		roles[domain.GroupID(g.ID)] = min(domain.Role(g.Role), domain.MaxGroupRole)
	}
	return roles, db.Translate(err)
}

// roleOf returns the role that somebody acts with whose groups give those roles.
func roleOf(u *domain.User, groups map[domain.GroupID]domain.Role) domain.Role {
	role := u.Role
	for _, g := range u.Groups {
		role = max(role, groups[g])
	}
	return role.In(u.Organization, u.HomePath)
}
