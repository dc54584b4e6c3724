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
	var above []domain.EnvironmentID
	for _, p := range tenancy.WayUp(at) {
		above = append(above, p.ID())
	}
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

// emergenciesIn is emergencyKeys for the accounts in sc.
func emergenciesIn(sc tenancy.Scope) db.Predicate {
	o, _ := sc.Organization()
	return emergencyKeys(o, above(sc.Ranges()))
}
