package persistence

import (
	"context"
	"slices"
	"strconv"
	"strings"

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
	var its db.Predicate
	if o != 0 {
		its = db.Where(d.Aside("c.organization_id")+" = ?", int64(o))
	}
	across := d.Across(ranges, "environment_counts c", "c.environment_path", its)
	return db.Where("SELECT sum(c.users) FROM "+across.Raw, across.Args...)
}

// lying is what meets a condition of a table whose rows lie in the ranges by a column, no more than n of it, as a
// query that looks for one range after the other: the table's index on the column finds it, whatever planners know.
func lying(d *db.DB, columns, table, column string, ranges []tenancy.Range, keeps db.Predicate, n int64) db.Predicate {
	if db.Many(ranges) {
		across := d.Across(ranges, table, column, keeps)
		return db.Where("SELECT "+columns+" FROM "+across.Raw+" LIMIT "+strconv.FormatInt(n, 10), across.Args...)
	}
	limit := keeps.Further() + " LIMIT " + strconv.FormatInt(n, 10)
	one := func(in []tenancy.Range) db.Predicate {
		p := db.InRanges(in, column)
		return db.Where("SELECT "+columns+" FROM "+table+" WHERE "+p.Text()+limit, slices.Concat(p.Args, keeps.Args)...)
	}
	if len(ranges) < 2 {
		return one(ranges)
	}
	var text strings.Builder
	var args []any
	for i := range ranges {
		part := one(ranges[i : i+1])
		text.WriteString(either(i > 0, " UNION ALL ", "") + "SELECT * FROM (" + part.Raw + ") AS s" + strconv.Itoa(i))
		args = append(args, part.Args...)
	}
	return db.Where("SELECT * FROM ("+text.String()+") AS s LIMIT "+strconv.FormatInt(n, 10), args...)
}

// inside is what of the ranges lies at or below a place.
func inside(ranges []tenancy.Range, at domain.EnvironmentPath) []tenancy.Range {
	var left []tenancy.Range
	for _, r := range ranges {
		if from, until := max(r.From, at), min(r.Until, at.End()); from < until {
			left = append(left, tenancy.Range{From: from, Until: until})
		}
	}
	return left
}

// outside is what of the ranges lies neither at nor below a place.
func outside(ranges []tenancy.Range, at domain.EnvironmentPath) []tenancy.Range {
	var left []tenancy.Range
	for _, r := range ranges {
		if until := min(r.Until, at); r.From < until {
			left = append(left, tenancy.Range{From: r.From, Until: until})
		}
		if from := max(r.From, at.End()); from < r.Until {
			left = append(left, tenancy.Range{From: from, Until: r.Until})
		}
	}
	return left
}

// livingIn is the condition that the user whom a row of a list names is at home in one of the ranges: a subselect for
// one value, of which no planner makes a join with everybody.
func livingIn(ranges []tenancy.Range, list string) db.Predicate {
	home := db.InRanges(ranges, "u.environment_path")
	return db.Where("(SELECT CASE WHEN "+home.Text()+" THEN 1 ELSE 0 END FROM users u "+
		"WHERE u.organization_id = "+list+".organization_id AND u.id = "+list+".user_id) = 1", home.Args...)
}

// grants are queries of how often people who are at home elsewhere are allowed or blocked at or below a place, and
// those who are at home there elsewhere, as far as a scope of people covers and shows them. Nobody is looked up who
// belongs to an organization that lies there as a whole.
func (s *OverviewStore) grants(ctx context.Context, people tenancy.Scope, at domain.EnvironmentPath,
	limit int64) (in, out db.Predicate, err error) {
	none := db.Where("SELECT 1 WHERE 1 = 0")
	in, out = none, none
	from, until := string(at), string(at.End())
	const borders = "SELECT e.id FROM environments e WHERE e.is_organization AND e.path >= ? AND e.path < ?"
	if elsewhere := outside(people.Ranges(), at); len(elsewhere) > 0 {
		in = lying(s.db, "1", "user_environments x", "x.environment_path", inside(people.Sight(), at),
			db.Where("x.organization_id NOT IN ("+borders+")", from, until).Also(livingIn(elsewhere, "x")), limit)
	}
	there, seen := people.Below(at), outside(people.Sight(), at)
	if len(there.Ranges()) == 0 || len(seen) == 0 {
		return in, out, nil
	}
	sight := db.Unindexed(db.InRanges(seen, "x.environment_path"))
	all, err := s.users.Count(ctx, there, domain.UserFilter{})
	if err != nil {
		return in, out, err
	}
	if all <= domain.MaxTold {
		users := lying(s.db, "u.organization_id, u.id", "users u", "u.environment_path", there.Ranges(), db.Predicate{}, all)
		out = db.Where("SELECT 1 FROM ("+users.Raw+") AS u JOIN user_environments AS x "+
			"ON x.organization_id = u.organization_id AND x.user_id = u.id WHERE "+sight.Text(),
			slices.Concat(users.Args, sight.Args)...)
		return in, out, nil
	}
	lives := livingIn(there.Ranges(), "x")
	out = db.Where("SELECT 1 FROM user_environments x WHERE x.organization_id IN ("+borders+
		" UNION ALL SELECT e.organization_id FROM environments e WHERE e.path = ?) AND "+sight.Text()+" AND "+lives.Text()+
		" LIMIT "+strconv.FormatInt(limit, 10), slices.Concat([]any{from, until, from}, sight.Args, lives.Args)...)
	return in, out, nil
}

// nested is of the names of environments those of organizations in organizations other than the root's.
const nested = "environment_names x WHERE x.environment_organization_id <> x.organization_id AND x.organization_id > 1"

// holders is the organizations, but the root's, in which others are, as a query.
const holders = "SELECT x.organization_id FROM " + nested

// largeBelowRoot is the environments directly below the root of which one may be among those that an overview shows as
// the largest, as a query: organizations that may have as many people as the last of them, and what is not counted as
// a whole. People are cut out of those whose numbers are given.
func largeBelowRoot(cut []int64) db.Predicate {
	const plain = "k.organization_id > 1 AND k.organization_id NOT IN (" + holders +
		") AND k.organization_id NOT IN (SELECT x.environment_organization_id FROM " + nested +
		") AND k.organization_id NOT IN (SELECT x.environment_organization_id FROM environment_names x " +
		"WHERE x.organization_id = 1 AND x.parent_id > 1)"
	// What tells most apart comes first: it is looked at for each organization there is.
	return db.Where("SELECT k.organization_id FROM organization_counts k WHERE k.users >= coalesce("+
		"(SELECT k.users FROM organization_counts k WHERE k.organization_id NOT IN (?) AND "+plain+
		" ORDER BY k.users DESC LIMIT 1 OFFSET "+strconv.Itoa(domain.MaxLargest-1)+"), 0) AND "+plain+" UNION ALL "+holders+
		" UNION ALL SELECT x.environment_id FROM environment_names x WHERE x.organization_id = 1 AND x.parent_id = 1 "+
		"AND x.environment_organization_id = 1", db.In(cut))
}

// accountsOf is the people in a scope of single accounts, by their keys, as a query.
func accountsOf(sc tenancy.Scope) db.Predicate {
	own := db.Account(sc)
	return db.Where("SELECT u.organization_id, u.id FROM users u WHERE "+own.Raw, own.Args...)
}

// countArchived counts the users in sc who are archived. They are few, whom an index finds; where they live is looked
// at for each, unless that is anywhere.
func (s *UserStore) countArchived(ctx context.Context, sc tenancy.Scope) (int64, error) {
	where := db.Where("u.archived").Also(db.Pinned(sc, "u.organization_id"))
	if !sc.Everywhere() {
		where = where.Also(db.Unindexed(db.Account(sc)))
	}
	return s.number(ctx, sc, "SELECT count(*) FROM users u WHERE "+where.Text(), where.Args...)
}

// everybody returns how many people are at home in sc.
func (s *UserStore) everybody(ctx context.Context, sc tenancy.Scope) (int64, error) {
	all := population(s.db, sc)
	return s.number(ctx, sc, "SELECT "+all.Raw, all.Args...)
}
