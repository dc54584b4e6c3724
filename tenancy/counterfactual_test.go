package tenancy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/rbac"
)

// The small worlds: an organization in the root with three environments below one another and one beside them, a
// group of the organization below one of the root, and one user.
const (
	worldTop   = domain.EnvironmentPath("/1/2/")
	worldMid   = domain.EnvironmentPath("/1/2/3/")
	worldLeaf  = domain.EnvironmentPath("/1/2/3/4/")
	worldAside = domain.EnvironmentPath("/1/2/5/")
)

var worldPlaces = []domain.EnvironmentPath{domain.RootPath, worldTop, worldMid, worldLeaf, worldAside}

// drawWorld draws a case of a small world.
func drawWorld(r *rand.Rand, policy Policy) Case {
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	some := func(n int) []domain.EnvironmentPath {
		var places []domain.EnvironmentPath
		for _, p := range worldPlaces {
			if r.IntN(n) == 0 {
				places = append(places, p)
			}
		}
		return places
	}
	c := Case{Now: now, policy: policy,
		Permission: domain.Catalogue[r.IntN(len(domain.Catalogue))].Permission,
		Place:      append([]domain.EnvironmentPath{""}, worldPlaces...)[r.IntN(6)],
		Standing: domain.Standing{Active: r.IntN(5) > 0, State: domain.UserState(max(r.IntN(6)-4, 0)),
			FirstAccess: r.IntN(6) == 0, Created: now},
		Subject: domain.Subject{Organization: 2, Home: worldPlaces[1+r.IntN(4)],
			Role: domain.Roles[r.IntN(3)], Allowed: some(8), Blocked: some(9)}}
	if r.IntN(3) == 0 {
		c.Subject.Organization, c.Subject.Home, c.Subject.Role = 1, domain.RootPath, domain.Roles[r.IntN(4)]
	}
	c.Subject.Role = c.Subject.Role.In(c.Subject.Organization, c.Subject.Home)
	for _, p := range WayUp(c.Place) {
		if c.Place != "" && p != domain.RootPath && r.IntN(6) == 0 {
			c.Inactive = append(c.Inactive, p)
		}
	}
	mask := func() domain.Mask {
		m := domain.AllPermissions
		if r.IntN(2) == 0 {
			m &^= c.Permission.Mask()
		}
		return m
	}
	role := func() domain.Role { return []domain.Role{0, 0, domain.RolePower, domain.RoleOAdmin}[r.IntN(4)] }
	c.Groups = GroupsOf([]domain.Group{
		{ID: 1, Organization: 1, Parent: 1, Mask: domain.AllPermissions},
		{ID: 7, Organization: 1, Parent: 1, Mask: mask(), Role: role()},
		{ID: 8, Organization: 2, Parent: 7, Mask: mask(), Role: role()},
	})
	c.Subject.Groups = []domain.GroupID{7}
	if c.Subject.Organization == 2 {
		c.Subject.Groups = [][]domain.GroupID{{7}, {8}, {7, 8}}[r.IntN(3)]
	}
	return c
}

// everyEdit returns all edits there are that would change something, whether they would help or not.
func everyEdit(c *Case, see Sight) []domain.Edit {
	edits := []domain.Edit{{Kind: domain.EditActivate}, {Kind: domain.EditApprove}, {Kind: domain.EditPassword}, {Kind: domain.EditDeactivate}}
	edits = append(edits, c.roles()...)
	for _, id := range c.Groups.usable(c.Subject.Organization) {
		if slices.Contains(c.Subject.Groups, id) {
			if len(c.Subject.Groups) > 1 {
				edits = append(edits, domain.Edit{Kind: domain.EditLeave, Group: id})
			}
		} else {
			edits = append(edits, domain.Edit{Kind: domain.EditJoin, Group: id})
		}
		if id != domain.RootGroup {
			edits = append(edits, domain.Edit{Kind: domain.EditGive, Group: id}, domain.Edit{Kind: domain.EditTake, Group: id})
		}
	}
	for _, p := range worldPlaces {
		allow, block, open := domain.EditAllow, domain.EditBlock, domain.EditClose
		if slices.Contains(c.Subject.Allowed, p) {
			allow = domain.EditDisallow
		}
		if slices.Contains(c.Subject.Blocked, p) {
			block = domain.EditUnblock
		}
		if slices.Contains(c.Inactive, p) {
			open = domain.EditOpen
		}
		edits = append(edits, domain.Edit{Kind: allow, Place: p}, domain.Edit{Kind: block, Place: p})
		if p != domain.RootPath && p.Contains(c.Place) {
			edits = append(edits, domain.Edit{Kind: open, Place: p})
		}
	}
	return slices.DeleteFunc(edits, func(e domain.Edit) bool { return !see.names(c, e) })
}

// smallest tries all sets of edits by their size, up to most, and returns those of the first size that has any which
// turn the decision round.
func smallest(c *Case, edits []domain.Edit, most int) [][]domain.Edit {
	before := c.Allowed()
	for size := 1; size <= most; size++ {
		var found [][]domain.Edit
		var choose func(from int, chosen []domain.Edit)
		choose = func(from int, chosen []domain.Edit) {
			if len(chosen) == size {
				if c.with(chosen...).Allowed() != before {
					found = append(found, slices.Clone(chosen))
				}
				return
			}
			for i := from; i < len(edits); i++ {
				choose(i+1, append(chosen, edits[i]))
			}
		}
		choose(0, nil)
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// TestChangesAreAllTheSmallest compares the changes that are found with a search through all sets of edits, on small
// worlds and for readers who see all of one or a part.
func TestChangesAreAllTheSmallest(t *testing.T) {
	policy, err := rbac.Shipped()
	require.NoError(t, err)
	everything := Sight{Place: func(domain.EnvironmentPath) bool { return true },
		Group: func(*domain.Group) bool { return true }}
	r := rand.New(rand.NewPCG(1, 2))
	sizes, beyond, turned := map[int]int{}, 0, map[bool]int{}
	for began := time.Now(); time.Since(began) < 4*time.Second; {
		c := drawWorld(r, policy)
		see := everything
		if r.IntN(3) == 0 {
			hidden := domain.RootPath
			if r.IntN(2) == 0 {
				hidden = worldTop
			}
			see.Place = func(p domain.EnvironmentPath) bool { return p == c.Place || !p.Contains(hidden) }
		}
		if r.IntN(4) == 0 {
			see.Group = func(g *domain.Group) bool { return g.Organization == domain.RootOrganization }
		}
		about := fmt.Sprintf("%+v of %+v", c.Subject, c)
		before := fmt.Sprintf("%+v", c.Groups)
		changes, more := c.Changes(see, 1000)
		require.False(t, more, about)
		require.Equal(t, before, fmt.Sprintf("%+v", c.Groups), "what is shared was changed")
		turned[c.Allowed()]++
		want := smallest(&c, everyEdit(&c, see), 3)
		var got [][]domain.Edit
		for _, change := range changes {
			for _, e := range change.Edits {
				require.True(t, see.names(&c, e), "%v is named: %s", e, about)
			}
			if change.Beyond {
				require.Empty(t, want, "%v, where others need nothing that is hidden: %s", change, about)
				beyond++
				continue
			}
			require.NotEqual(t, c.Allowed(), c.with(change.Edits...).Allowed(), "%v: %s", change, about)
			if len(change.Edits) <= 3 {
				got = append(got, change.Edits)
			}
		}
		require.Len(t, got, len(want), "%v\n%v: %s", got, want, about)
		for _, edits := range want {
			require.True(t, slices.ContainsFunc(got, func(g []domain.Edit) bool { return sameEdits(g, edits) }),
				"%v is not among %v: %s", edits, got, about)
			sizes[len(edits)]++
		}
	}
	t.Log(sizes, beyond, turned)
	require.Positive(t, sizes[1]*sizes[2]*sizes[3]*beyond*turned[true]*turned[false])
}

// TestChangesAreBounded holds that a list which is cut says so.
func TestChangesAreBounded(t *testing.T) {
	policy, err := rbac.Shipped()
	require.NoError(t, err)
	c := deepCase(policy, 12)
	see := Sight{Place: func(domain.EnvironmentPath) bool { return true }, Group: func(*domain.Group) bool { return true }}
	all, more := c.Changes(see, 1000)
	require.False(t, more)
	require.Greater(t, len(all), 20)
	some, more := c.Changes(see, 20)
	require.True(t, more)
	require.Equal(t, all[:20], some)
}

// deepCase is of a user who is in twenty groups that do not give what is asked at a depth, where eighty others do.
func deepCase(policy Policy, depth int) Case {
	place := domain.EnvironmentPath("/1/2/")
	for id := domain.EnvironmentID(3); place.Depth() < depth; id++ {
		place = place.Child(id)
	}
	groups := domain.BuiltInGroups()
	c := Case{policy: policy, Permission: domain.UserUpdate, Place: place,
		Standing: domain.Standing{Active: true},
		Subject:  domain.Subject{Organization: 2, Home: "/1/2/99/", Role: domain.RoleUser}}
	for id := domain.GroupID(10); id < 110; id++ {
		g := domain.Group{ID: id, Organization: 2, Parent: domain.AdminGroup, Mask: domain.AllPermissions}
		if id < 30 {
			g.Parent = domain.UserGroup
			c.Subject.Groups = append(c.Subject.Groups, id)
		}
		groups = append(groups, g)
	}
	c.Groups = GroupsOf(groups)
	return c
}

func BenchmarkChanges(b *testing.B) {
	policy, err := rbac.Shipped()
	require.NoError(b, err)
	see := Sight{Place: func(domain.EnvironmentPath) bool { return true }, Group: func(*domain.Group) bool { return true }}
	for _, depth := range []int{2, 12, 32} {
		c := deepCase(policy, depth)
		b.Run(fmt.Sprint("deny at ", depth), func(b *testing.B) {
			for b.Loop() {
				c.Changes(see, 20)
			}
		})
		allowed := c.with(domain.Edit{Kind: domain.EditRole, Role: domain.RoleOAdmin}, domain.Edit{Kind: domain.EditJoin, Group: 50})
		b.Run(fmt.Sprint("allow at ", depth), func(b *testing.B) {
			for b.Loop() {
				allowed.Changes(see, 50)
			}
		})
	}
}
