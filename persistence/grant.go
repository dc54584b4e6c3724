package persistence

import (
	"strconv"
	"strings"

	"canopy/domain"
)

// The lists of a user are read with the user's row, as text: groups as "2 7" in the order
// of their rank, environments as "+1/1/19/ -4/1/4/9/" in tree order, a sign for allowed
// or blocked before the environment's organization and path. What few users have is read
// as "asl" and what they claim: a letter for archived, system and listing users, or -.
const (
	markList = `CASE WHEN u.archived OR u.system OR u.lists_users OR u.claims <> ''
		THEN CASE WHEN u.archived THEN 'a' ELSE '-' END ||
		CASE WHEN u.system THEN 's' ELSE '-' END || CASE WHEN u.lists_users THEN 'l' ELSE '-' END || u.claims ELSE '' END`
	groupList = `coalesce((SELECT string_agg(CAST(g.group_id AS text), ' ' ORDER BY g.rank)
		FROM user_groups g WHERE g.organization_id = u.organization_id AND g.user_id = u.id), '')`
	grantList = `coalesce((SELECT string_agg(CASE WHEN e.blocked THEN '-' ELSE '+' END ||
			CAST(e.environment_organization_id AS text) || e.environment_path, ' ' ORDER BY e.environment_path)
		FROM user_environments e WHERE e.organization_id = u.organization_id AND e.user_id = u.id), '')`
)

// parseGroups reads a groupList.
func parseGroups(list string) []domain.GroupID {
	groups := make([]domain.GroupID, 0, strings.Count(list, " ")+1)
	for step := range strings.FieldsSeq(list) {
		id, _ := strconv.ParseInt(step, 10, 64)
		groups = append(groups, domain.GroupID(id))
	}
	return groups
}

// parseGrants reads a grantList.
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
	return allowed, blocked
}

// parseMarks reads a markList into u.
func parseMarks(list string, u *domain.User) {
	if list != "" {
		u.Archived, u.System, u.ListsUsers, u.Claims = list[0] == 'a', list[1] == 's', list[2] == 'l', list[3:]
	}
}
