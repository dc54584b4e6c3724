package persistence

import (
	"context"
	"maps"
	"slices"
	"time"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// comingIn returns which of some users get in at now where no provider answers, as domain.SignInRules.ComesIn says, to
// homes that are in use. How many statements it takes does not depend on how many users there are.
func comingIn(ctx context.Context, r db.Reader, now time.Time, users []domain.User) (map[domain.UserKey]bool, error) {
	in := make(map[domain.UserKey]bool)
	if len(users) == 0 {
		return in, nil
	}
	organizations, places, numbers := make(map[int64]bool), make(map[domain.EnvironmentID]bool), make([]int64, len(users))
	for i := range users {
		u := &users[i]
		numbers[i], organizations[int64(u.Organization)] = int64(u.ID), true
		for _, at := range tenancy.WayUp(u.HomePath) {
			places[at.ID()] = true
		}
	}
	of, ways := db.In(slices.Sorted(maps.Keys(organizations))), db.In(slices.Sorted(maps.Keys(places)))
	var rows []signInRulesRow
	err := r.NewSelect().Model(&rows).Where("r.environment_id IN (?)", ways).Scan(ctx)
	if err != nil {
		return nil, db.Translate(err)
	}
	rules, err := withBreakGlass(ctx, r, rows)
	if err != nil {
		return nil, err
	}
	var passwords []domain.UserID
	err = r.NewSelect().Model((*userRow)(nil)).Column("id").
		Where("u.organization_id IN (?) AND u.id IN (?) AND u.password_hash <> ''", of, db.In(numbers)).Scan(ctx, &passwords)
	if err != nil {
		return nil, db.Translate(err)
	}
	var closed []domain.EnvironmentPath
	err = r.NewSelect().Model((*environmentRow)(nil)).Column("path").
		Where("e.organization_id IN (?) AND e.id IN (?) AND NOT e.active", of, ways).Scan(ctx, &closed)
	if err != nil {
		return nil, db.Translate(err)
	}
	groups, err := groupRoles(ctx, r, users)
	if err != nil {
		return nil, err
	}
	for i := range users {
		u := &users[i]
		var way []domain.PlacedRules
		for j := range rows {
			if p := domain.EnvironmentPath(rows[j].EnvironmentPath); p.Contains(u.HomePath) {
				way = append(way, domain.PlacedRules{Path: p, SignInRules: rules[j]})
			}
		}
		all := domain.Announced(way)
		shut := slices.ContainsFunc(closed, func(p domain.EnvironmentPath) bool { return p.Contains(u.HomePath) })
		in[u.Key()] = !shut && all.ComesIn(u, roleOf(u, groups), slices.Contains(passwords, u.ID), now)
	}
	return in, nil
}

// maxWatched is how many accounts for emergencies a change of a place looks at.
const maxWatched = 100

// watch notes before a change of u that they are an account for emergencies that gets in, for LostEmergencies. For who
// is none it costs the rules on the way to their home, which are read once.
func (tx *Tx) watch(u *domain.User) error {
	if _, known := tx.watched[u.Key()]; known {
		return nil
	}
	way, err := tx.rulesOnWay(u.HomePath)
	if err != nil || !slices.ContainsFunc(way, func(p domain.PlacedRules) bool { return p.BreakGlass.Has(u.ID) }) {
		return err
	}
	return tx.watchThose([]domain.User{*u})
}

// watchWithin is watch before a change of a place, for the first maxWatched accounts of its organization that are at
// home in and below it. Where there are none it costs one statement.
func (tx *Tx) watchWithin(e *domain.Environment) error {
	o := e.Organization
	keys := emergencyKeys(o, e.Path)
	users, err := readUsers(tx.Ctx, tenancy.Scope{}.Of(o), tx.NewSelect().Model((*userRow)(nil)).
		Where("u.organization_id = ?", int64(o)).
		Where("u.id IN (SELECT k.id FROM ("+keys.Text()+") AS k)", keys.Args...).
		Where("u.environment_path >= ? AND u.environment_path < ?", string(e.Path), string(e.Path.End())).
		Order("u.id").Limit(maxWatched))
	if err != nil {
		return err
	}
	return tx.watchThose(users)
}

// watchThose notes which of some accounts get in.
func (tx *Tx) watchThose(users []domain.User) error {
	in, err := comingIn(tx.Ctx, tx, tx.DB.Now(), users)
	if err != nil {
		return err
	}
	for i := range users {
		if u := &users[i]; in[u.Key()] {
			if tx.watched == nil {
				tx.watched = make(map[domain.UserKey]domain.User)
			}
			if _, known := tx.watched[u.Key()]; !known {
				tx.watched[u.Key()] = u.Clone()
			}
		}
	}
	return nil
}

// maxTold is of how many sign-ins by accounts for emergencies, and of how many lost ones, an organization's
// administrators are told within an hour, so that nobody fills the outbox by doing so again and again.
const maxTold = 5

// toBeTold returns of how many more entries with an action the administrators of an organization are told now, and the
// first n of them; nobody where that is none.
func (tx *Tx) toBeTold(o domain.OrganizationID, action string, n int) (admins []domain.User, more int, err error) {
	var ids []string
	err = tx.NewSelect().Model((*auditRow)(nil)).Column("id").
		Where("a.organization_id = ? AND a.action = ? AND a.at > ?", int64(o), action,
			db.Millis(tx.DB.Now().Add(-time.Hour))).Limit(maxTold).Scan(tx.Ctx, &ids)
	if more = maxTold - len(ids); err != nil || more == 0 || n == 0 {
		return nil, 0, db.Translate(err)
	}
	admins, err = tx.approvers(o, n)
	return admins, more, err
}

// NoteBreakGlass implements accounts.BreakGlassTx.
func (tx *Tx) NoteBreakGlass(u domain.UserKey, network string, n int) ([]domain.User, error) {
	user, err := tx.stored(u)
	if err != nil {
		return nil, err
	}
	admins, _, err := tx.toBeTold(u.Organization, domain.SignInBreakGlass, n)
	if err != nil {
		return nil, err
	}
	e := userEntry(domain.SignInBreakGlass, user, []domain.Change{{Field: "network", After: network}})
	e.Target.Kind = domain.SignInKind
	return admins, tx.record(e)
}

// LostEmergencies implements accounts.BreakGlassTx.
func (tx *Tx) LostEmergencies(n int) (lost []domain.LostEmergency, err error) {
	watched := slices.SortedFunc(maps.Values(tx.watched), func(a, b domain.User) int { return int(a.ID - b.ID) })
	tx.watched = nil
	if len(watched) == 0 {
		return nil, nil
	}
	of, before := make(map[domain.OrganizationID][]domain.UserID), make(map[domain.EnvironmentID]bool)
	for i := range watched {
		u := &watched[i]
		of[u.Organization] = append(of[u.Organization], u.ID)
		for _, at := range tenancy.WayUp(u.HomePath) {
			before[at.ID()] = true
		}
	}
	var are []domain.User
	for _, o := range slices.Sorted(maps.Keys(of)) { // one, as places keep to theirs
		some, err := readUsers(tx.Ctx, tenancy.Scope{}.Of(o), tx.NewSelect().Model((*userRow)(nil)).
			Where("u.organization_id = ? AND u.id IN (?)", int64(o), db.In(of[o])))
		if err != nil {
			return nil, err
		}
		are = append(are, some...)
	}
	in, err := comingIn(tx.Ctx, tx, tx.DB.Now(), are)
	if err != nil {
		return nil, err
	}
	// Where no place asks for a provider only any more, nobody needs to be left out.
	var asking []domain.EnvironmentID
	err = tx.NewSelect().Model((*signInRulesRow)(nil)).Column("environment_id").
		Where("r.environment_id IN (?) AND r.only_provider", db.In(slices.Sorted(maps.Keys(before)))).Scan(tx.Ctx, &asking)
	if err != nil {
		return nil, db.Translate(err)
	}
	admins, more := make(map[domain.OrganizationID][]domain.User), make(map[domain.OrganizationID]int)
	for i := range watched {
		u := &watched[i]
		asked := slices.ContainsFunc(tenancy.WayUp(u.HomePath),
			func(at domain.EnvironmentPath) bool { return slices.Contains(asking, at.ID()) })
		if in[u.Key()] || !asked {
			continue
		}
		if _, known := more[u.Organization]; !known {
			admins[u.Organization], more[u.Organization], err = tx.toBeTold(u.Organization, domain.EmergencyLost, n)
			if err != nil {
				return nil, err
			}
		}
		if err := tx.record(userEntry(domain.EmergencyLost, u, nil)); err != nil {
			return nil, err
		}
		one := domain.LostEmergency{User: *u}
		if more[u.Organization]--; more[u.Organization] >= 0 {
			one.Admins = admins[u.Organization]
		}
		lost = append(lost, one)
	}
	return lost, nil
}

// placesLooked is at how many places Unguarded looks.
const placesLooked = 100

// Unguarded implements directory.OverviewStore. It looks at the first placesLooked places that let in by a provider
// only.
func (s *OverviewStore) Unguarded(ctx context.Context, sc tenancy.Scope,
	most int) (places []domain.Environment, more bool, err error) {
	if len(sc.Ranges()) == 0 {
		return nil, false, nil
	}
	var rows []signInRulesRow
	q := db.From(s.db, sc, &rows).Where("r.only_provider").Order("r.environment_path").Limit(placesLooked + 1)
	if _, one := sc.Organization(); one { // whose places are found, where rules are not kept by organization
		q = q.Join("JOIN environments AS e ON e.id = r.environment_id AND e.organization_id = r.organization_id").
			Apply(environmentRow{}.Within(sc).Narrow)
	}
	if err := q.Scan(ctx); err != nil || len(rows) == 0 {
		return nil, false, db.Translate(err)
	}
	if more = len(rows) > placesLooked; more {
		rows = rows[:placesLooked]
	}
	unguarded, err := unguarded(ctx, s.db, s.db.Now(), rows)
	if err != nil || len(unguarded) == 0 {
		return nil, more, err
	}
	if len(unguarded) > most {
		unguarded, more = unguarded[:most], true
	}
	var found []environmentRow
	places, err = readEnvironments(ctx, db.From(s.db, sc, &found).Where("e.id IN (?)", db.In(unguarded)).Order("e.path"),
		&found)
	return places, more, err
}

// unguarded returns the places with these rules that leave out nobody who gets in.
func unguarded(ctx context.Context, r db.Reader, now time.Time, rows []signInRulesRow) ([]int64, error) {
	rules, err := withBreakGlass(ctx, r, rows)
	if err != nil {
		return nil, err
	}
	ids := []int64{0} // nobody's, so that there is one
	var organizations []int64
	for i := range rules {
		organizations = append(organizations, rows[i].OrganizationID)
		for _, u := range rules[i].BreakGlass.Users() {
			ids = append(ids, int64(u))
		}
	}
	users, err := readUsers(ctx, tenancy.Scope{}, r.NewSelect().Model((*userRow)(nil)).
		Where("u.organization_id IN (?) AND u.id IN (?)", db.In(organizations), db.In(ids)))
	if err != nil {
		return nil, err
	}
	in, err := comingIn(ctx, r, now, users)
	if err != nil {
		return nil, err
	}
	var places []int64
	for i := range rows {
		at, o := domain.EnvironmentPath(rows[i].EnvironmentPath), domain.OrganizationID(rows[i].OrganizationID)
		guards := func(u domain.User) bool {
			return u.Organization == o && rules[i].BreakGlass.Has(u.ID) && at.Contains(u.HomePath) && in[u.Key()]
		}
		if !slices.ContainsFunc(users, guards) {
			places = append(places, rows[i].EnvironmentID)
		}
	}
	return places, nil
}
