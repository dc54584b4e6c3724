package persistence

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"canopy/domain"
)

// The lists of a user are read with the user's row, as text: groups as "0:2 1:7", the rank before the number,
// environments as "+1/1/19/ -4/1/4/9/", a sign for allowed or blocked before the environment's organization and
// path. They are put in order here: a database makes a table for that, of each list, and most have one entry or none.
// What few users have is read as "asl0" and what they claim: a letter for archived, system and listing users, or -, and
// the sum of the kinds of their factors.
const (
	markList = `CASE WHEN u.archived OR u.system OR u.lists_users OR u.factors <> 0 OR u.claims <> ''
		THEN CASE WHEN u.archived THEN 'a' ELSE '-' END ||
		CASE WHEN u.system THEN 's' ELSE '-' END || CASE WHEN u.lists_users THEN 'l' ELSE '-' END ||
		CAST(u.factors AS text) || u.claims ELSE '' END`
	groupList = `coalesce((SELECT string_agg(CAST(g.rank AS text) || ':' || CAST(g.group_id AS text), ' ')
		FROM user_groups g WHERE g.organization_id = u.organization_id AND g.user_id = u.id), '')`
	grantList = `coalesce((SELECT string_agg(CASE WHEN e.blocked THEN '-' ELSE '+' END ||
			CAST(e.environment_organization_id AS text) || e.environment_path, ' ')
		FROM user_environments e WHERE e.organization_id = u.organization_id AND e.user_id = u.id), '')`
)

// parseGroups reads a groupList. The groups are in the order of their ranks.
func parseGroups(list string) []domain.GroupID {
	type ranked struct{ rank, id int64 }
	one := [1]ranked{} // what most have needs no memory of its own
	all := one[:0]
	for step := range strings.FieldsSeq(list) {
		rank, id, _ := strings.Cut(step, ":")
		r, _ := strconv.ParseInt(rank, 10, 64)
		n, _ := strconv.ParseInt(id, 10, 64)
		all = append(all, ranked{r, n})
	}
	slices.SortFunc(all, func(a, b ranked) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.id, b.id)) })
	groups := make([]domain.GroupID, len(all))
	for i := range all {
		groups[i] = domain.GroupID(all[i].id)
	}
	return groups
}

// parseGrants reads a grantList. The environments are in tree order.
func parseGrants(list string) (allowed, blocked []domain.Grant) {
	for step := range strings.FieldsSeq(list) {
		cut := strings.IndexByte(step, '/')
		organization, _ := strconv.ParseInt(step[1:cut], 10, 64)
		path := domain.EnvironmentPath(step[cut:])
		grant := domain.Grant{Environment: path.ID(), Organization: domain.OrganizationID(organization), Path: path}
		if step[0] == '-' {
			blocked = append(blocked, grant)
		} else {
			allowed = append(allowed, grant)
		}
	}
	inTreeOrder := func(a, b domain.Grant) int { return strings.Compare(string(a.Path), string(b.Path)) }
	slices.SortFunc(allowed, inTreeOrder)
	slices.SortFunc(blocked, inTreeOrder)
	return allowed, blocked
}

// parseMarks reads a markList into u.
func parseMarks(list string, u *domain.User) {
	if list != "" {
		u.Archived, u.System, u.ListsUsers, u.Claims = list[0] == 'a', list[1] == 's', list[2] == 'l', list[4:]
		u.Factors = domain.Factors(list[3] - '0')
	}
}
