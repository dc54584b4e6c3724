package domain_test

import (
	"errors"
	"fmt"

	"canopy/domain"
)

// A mask travels as the decimal number of its 49 bits.
func ExampleParseMask() {
	mask, err := domain.ParseMask("1168231104512")
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(mask.Permissions())
	fmt.Println(mask.Has(domain.UserRead), mask.Has(domain.UserDelete))
	fmt.Println(mask.Bits())
	// Output:
	// [user:read group:read]
	// true false
	// 36, 40
}

// Masks are put together from the codes of permissions.
func ExampleParsePermissions() {
	mask, _ := domain.ParsePermissions("user:read", "group:read")
	all, _ := domain.ParseMask("562949953421311")
	fmt.Println(mask, mask.Within(all), all.Within(mask))
	_, err := domain.ParsePermissions("user:sing")
	fmt.Println(err != nil)
	// Output:
	// 1168231104512 true false
	// true
}

// A path holds the numbers from the root down, and a subtree is one range of paths.
func ExampleEnvironmentPath() {
	acme := domain.RootPath.Child(19)
	prod := acme.Child(25)
	fmt.Println(prod, prod.ID(), prod.Parent())
	fmt.Println(acme.Contains(prod), acme.Contains("/1/190/"))
	fmt.Println(acme <= prod && prod < acme.End())
	// Output:
	// /1/19/25/ 25 /1/19/
	// true false
	// true
}

// Names are compared without regard to case, in any script.
func ExampleFold() {
	fmt.Println(domain.Fold("Ärztin") == domain.Fold("äRZTIN"))
	fmt.Println(domain.Fold("Σίσυφος") == domain.Fold("ΣΊΣΥΦΟΣ"))
	// Output:
	// true
	// true
}

// An error is told by its code. What is said about it may be changed, and what caused it is for the
// log alone.
func ExampleError() {
	err := fmt.Errorf("approve: %w", domain.ErrUserNotFound.Because(errors.New("no row 7")))
	fmt.Println(errors.Is(err, domain.ErrUserNotFound))
	told := domain.AsError(err)
	fmt.Println(told.Code, told.Public)
	// Output:
	// true
	// user_not_found This user does not exist.
}
