package tenancy_test

import (
	"fmt"

	"canopy/domain"
	"canopy/tenancy"
)

// A power user at home in /1/19/25/ reaches that place and what is below it, and what they were allowed
// besides. Blocked beats allowed.
func ExampleNominalReach() {
	reach := tenancy.NominalReach(&domain.Subject{
		Organization: 19, Home: "/1/19/25/", Role: domain.RolePower,
		Allowed: []domain.EnvironmentPath{"/1/40/"},
		Blocked: []domain.EnvironmentPath{"/1/40/41/", "/1/19/25/26/"},
	})
	for _, place := range []domain.EnvironmentPath{"/1/19/", "/1/19/25/", "/1/19/25/26/", "/1/40/", "/1/40/41/50/"} {
		fmt.Println(place, reach.Contains(place))
	}
	// Output:
	// /1/19/ false
	// /1/19/25/ true
	// /1/19/25/26/ false
	// /1/40/ true
	// /1/40/41/50/ false
}

// A group gives what its own mask and those of all groups above it have in common, and a user has what
// any of their groups gives.
func ExampleGroups_Effective() {
	mask := func(codes ...string) domain.Mask {
		m, _ := domain.ParsePermissions(codes...)
		return m
	}
	groups := tenancy.GroupsOf(append(domain.BuiltInGroups(),
		domain.Group{ID: 10, Organization: 19, Parent: domain.RootGroup, Mask: mask("user:read", "user:update")},
		domain.Group{ID: 11, Organization: 19, Parent: 10, Mask: mask("user:read", "user:delete")},
		domain.Group{ID: 12, Organization: 19, Parent: domain.RootGroup, Mask: mask("audit:read")},
	))
	fmt.Println(groups.Effective(19, 11).Permissions())
	fmt.Println(groups.Mask(19, []domain.GroupID{11, 12}).Permissions())
	fmt.Println(groups.Mask(40, []domain.GroupID{11, 12}).Permissions(), "in another organization")
	// Output:
	// [user:read]
	// [user:read audit:read]
	// [] in another organization
}

// Only a Gate makes scopes that reach something: a scope that was forgotten hides rows.
func ExampleScope() {
	var forgotten tenancy.Scope
	fmt.Println(forgotten.Covers(domain.RootPath), forgotten.Everywhere())
	// Output:
	// false false
}
