package app_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"canopy/app/directory"
	"canopy/domain"
)

// TestNobodyClimbs lets one random admin, and whoever they make, and whoever those make,
// change whatever they can. None of them ever ends with a role, a permission or a place
// that the first one did not have, and what the first one was blocked from nobody reaches.
func TestNobodyClimbs(t *testing.T) {
	onRandomDirectories(t, 8, func(rt *rapid.T, m *machine) {
		first := m.founder(rt)
		m.actors = []domain.UserID{first}
		actions := m.actions()
		actions["make somebody of their own"] = m.addOwn
		had := m.mask(m.users[first])
		actions[""] = func(rt *rapid.T) { m.hold(rt, first, had) }
		rt.Repeat(actions)
	})
}

// founder makes a tree with people in it, and an admin who has a part of it.
func (m *machine) founder(t *rapid.T) domain.UserID {
	admin := m.users[slices.Min(slices.Collect(maps.Keys(m.users)))].ID
	m.actors = []domain.UserID{admin}
	for range 6 {
		m.addEnvironment(t)
	}
	for range 3 {
		m.addGroup(t)
		m.addUser(t)
	}
	role := rapid.SampledFrom([]domain.Role{domain.RolePower, domain.RoleOAdmin}).Draw(t, "the founder's role")
	for {
		m.actors = []domain.UserID{admin}
		in := m.patch(t)
		in.Role = &role
		home := domain.NumberRef(pick(t, "home", m.environments))
		in.Home, in.Alias = &home, m.next("founder")
		in.FirstName = in.Alias
		u, err := m.d.Users.Create(context.Background(), m.as(t, "admin"), in)
		if done(t, err) {
			m.users[u.ID] = &u.User
			return u.ID
		}
		group := domain.GroupRef("Admin")
		in.Group = &group
	}
}

// addOwn makes a user in the place where one of the actors is, with the actor's group: what
// an honest admin does, so that the line goes on.
func (m *machine) addOwn(t *rapid.T) {
	u := m.users[rapid.SampledFrom(m.actors).Draw(t, "maker")]
	role := rapid.SampledFrom(domain.Roles).Draw(t, "role")
	group := domain.NumberRef(domain.EnvironmentID(u.Groups[0]))
	ref := domain.GroupRef(group)
	alias := m.next("own")
	made, err := m.d.Users.Create(context.Background(), m.as(t, u.Alias),
		directory.UserPatch{Alias: alias, FirstName: alias, Role: &role, Group: &ref})
	if done(t, err) {
		m.users[made.ID] = &made.User
		m.actors = append(m.actors, made.ID)
	}
}

// hold checks that nobody of the line that began with first has more than first: than its
// role and its places as they are, and than the permissions it had, since the line may
// have taken some away.
func (m *machine) hold(t *rapid.T, first domain.UserID, had domain.Mask) {
	if there := m.users[first]; there != nil {
		m.first = there
	}
	founder := m.first
	for _, id := range m.actors {
		u := m.users[id]
		if u == nil {
			continue
		}
		if m.role(u) > m.role(founder) || !m.mask(u).Within(had) {
			t.Fatalf("%s has %v %b, %s had %v %b", u.Alias, m.role(u), m.mask(u), founder.Alias, m.role(founder), had)
		}
		for e := range m.environments {
			if m.reaches(u, e) && !m.reaches(founder, e) {
				t.Fatalf("%s reaches %d, %s does not", u.Alias, e, founder.Alias)
			}
		}
	}
}
