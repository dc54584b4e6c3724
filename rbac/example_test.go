package rbac_test

import (
	"fmt"

	"canopy/domain"
	"canopy/policies"
	"canopy/rbac"
)

// A decision takes a role, a permission that a group gave, and where the target stands; the row of the
// policy that permits it comes with it.
func ExampleEngine_Decide() {
	engine, err := rbac.New(policies.Model, policies.Policy)
	if err != nil {
		fmt.Println(err)
		return
	}
	mask, _ := domain.ParsePermissions("user:update")
	for _, question := range []struct {
		role     domain.Role
		mask     domain.Mask
		position domain.Position
	}{
		{domain.RolePower, mask, domain.Within},
		{domain.RoleOAdmin, mask, domain.Within}, // has all that power has
		{domain.RolePower, mask, domain.Outside},
		{domain.RolePower, 0, domain.Within}, // no group gives it
		{domain.RoleUser, mask, domain.Within},
	} {
		verdict := engine.Decide(question.role, question.mask, question.position, domain.UserUpdate)
		fmt.Printf("%t %q\n", verdict.Allowed, verdict.Policy)
	}
	// Output:
	// true "p, power, reach, user, update"
	// true "p, power, reach, user, update"
	// false ""
	// false ""
	// false ""
}

// A policy that names what there is not is refused when it is loaded.
func ExampleNew() {
	_, err := rbac.New(policies.Model, "p, king, reach, user, read\n")
	fmt.Println(err != nil)
	// Output:
	// true
}
