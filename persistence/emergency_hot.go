package persistence

import (
	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// emergencyKeys returns the statement that reads the organization_id and id of the accounts that places leave out which
// let in by a provider only: the places above one, itself, and those below it, as far as they are of organization o, or
// of any if that is 0. The places of one organization are looked for among its environments, as rules are not kept by
// organization; those of all, among all rules.
func emergencyKeys(o domain.OrganizationID, at domain.EnvironmentPath) db.Predicate {
	const (
		keys  = "SELECT b.organization_id, b.user_id AS id FROM "
		names = "r.only_provider AND b.environment_id = r.environment_id AND b.organization_id = r.organization_id"
	)
	above := idsAbove(at)
	from, until := string(at), string(at.End())
	if o == 0 {
		return db.Where(keys+"sign_in_rules r CROSS JOIN break_glass b WHERE "+names+" AND r.environment_id IN (?) UNION "+
			keys+"sign_in_rules r CROSS JOIN break_glass b WHERE "+names+
			" AND r.environment_path >= ? AND r.environment_path < ?", db.In(above), from, until)
	}
	return db.Where(keys+"sign_in_rules r CROSS JOIN break_glass b WHERE "+names+
		" AND r.environment_id IN (?) AND r.organization_id = ? UNION "+
		keys+"environments e CROSS JOIN sign_in_rules r CROSS JOIN break_glass b WHERE "+names+
		" AND r.environment_id = e.id AND r.organization_id = e.organization_id AND e.organization_id = ?"+
		" AND e.path >= ? AND e.path < ?", db.In(above), int64(o), int64(o), from, until)
}

// idsAbove returns the numbers of the places above one and of itself.
func idsAbove(at domain.EnvironmentPath) (ids []domain.EnvironmentID) {
	for _, p := range tenancy.WayUp(at) {
		ids = append(ids, p.ID())
	}
	return ids
}

// forEmergencies is the condition on users u of sc that they are among emergenciesIn, or are not. It looks at each user
// who is met: in a list of the others these are nearly all.
func forEmergencies(sc tenancy.Scope, are bool) db.Predicate {
	at := above(sc.Ranges())
	return db.Where(either(are, "", "NOT ")+"EXISTS (SELECT 1 FROM break_glass b JOIN sign_in_rules r "+
		"ON r.environment_id = b.environment_id AND r.organization_id = b.organization_id AND r.only_provider "+
		"WHERE b.organization_id = ? AND b.user_id = u.id "+
		"AND (r.environment_id IN (?) OR r.environment_path >= ? AND r.environment_path < ?)"+byRow+")",
		db.Its(sc, "u.organization_id"), db.In(idsAbove(at)), string(at), string(at.End()))
}

// emergenciesIn is emergencyKeys for the accounts in sc.
func emergenciesIn(sc tenancy.Scope) db.Predicate {
	o, _ := sc.Organization()
	return emergencyKeys(o, above(sc.Ranges()))
}
