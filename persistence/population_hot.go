package persistence

import (
	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// How many people there are is text: it is one value among others of whatever statement asks for it.

// population is how many people are at home in sc, as an expression. Of what is a whole organization, or the whole
// tree, it is what is kept of it, less the people of what is cut out of it.
func population(d *db.DB, sc tenancy.Scope) db.Predicate {
	ranges := sc.Ranges()
	if len(ranges) == 0 {
		return db.Where("CAST(0 AS bigint)")
	}
	o, one := sc.Organization()
	from, until := ranges[0].From, ranges[len(ranges)-1].Until
	var whole db.Predicate
	switch {
	case one && from.ID() == o.Environment() && until == from.End():
		whole = db.Where("SELECT k.users FROM organization_counts k WHERE k.organization_id = ?", int64(o))
	case from == domain.RootPath && until == from.End():
		whole = db.Where("SELECT sum(k.users) FROM organization_counts k")
	default:
		homes := homesIn(d, o, ranges)
		return db.Where("CAST(coalesce("+homes.Text()+", 0) AS bigint)", homes.Args...)
	}
	if len(ranges) == 1 {
		return db.Where("CAST(coalesce("+whole.Text()+", 0) AS bigint)", whole.Args...)
	}
	cut := make([]tenancy.Range, len(ranges)-1)
	for i := range cut {
		cut[i] = tenancy.Range{From: ranges[i].Until, Until: ranges[i+1].From}
	}
	homes := homesIn(d, o, cut)
	return db.Where("CAST(coalesce("+whole.Text()+", 0) - coalesce("+homes.Text()+", 0) AS bigint)",
		append(whole.Args, homes.Args...)...)
}

// homesIn is how many people are at home in the ranges, of organization o unless that is 0, as a query.
func homesIn(d *db.DB, o domain.OrganizationID, ranges []tenancy.Range) db.Predicate {
	stretches := db.Stretches(ranges)
	homes := db.Where("SELECT sum(c.users) FROM ("+stretches.Raw+") AS s CROSS JOIN environment_counts AS c "+
		"WHERE c.environment_path >= s.first AND c.environment_path < s.past", stretches.Args...)
	if o != 0 {
		homes = db.Where(homes.Raw+" AND "+d.Aside("c.organization_id")+" = ?", append(homes.Args, int64(o))...)
	}
	return homes
}
