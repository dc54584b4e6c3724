package directory

import (
	"context"

	"canopy/domain"
	"canopy/tenancy"
)

// Admins lets the admins of organizations do what a product keeps for them, and nobody else.
type Admins struct{ gate *tenancy.Gate }

// NewAdmins returns the use case of asking for an admin.
func NewAdmins(gate *tenancy.Gate) *Admins { return &Admins{gate: gate} }

// Run is a use case that a principal asks for.
type Run[In, Out any] = func(context.Context, domain.Principal, In) (Out, error)

// ByAdmins adapts a use case: it needs domain.OrganizationRead somewhere, which the policy
// gives to admins, besides what run needs.
func ByAdmins[In, Out any](a *Admins, run Run[In, Out]) Run[In, Out] {
	return func(ctx context.Context, caller domain.Principal, in In) (Out, error) {
		if _, err := a.gate.Enter(ctx, &caller, domain.OrganizationRead, tenancy.Anywhere()); err != nil {
			var none Out
			return none, err
		}
		return run(ctx, caller, in)
	}
}

// Myself returns who asks.
func Myself(_ context.Context, caller domain.Principal) (domain.Principal, error) { return caller, nil }
