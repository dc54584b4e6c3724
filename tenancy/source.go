package tenancy

import (
	"context"

	"canopy/domain"
)

// Source is what this package reads of the directory. It reads below the gate, before
// there is a scope, so nothing it returns may be shown before a reach was asked.
type Source interface {
	// Generations returns the generation of each of the organizations that exist.
	Generations(ctx context.Context, organizations []domain.OrganizationID) (map[domain.OrganizationID]int64, error)
	// Groups returns all groups of the organizations.
	Groups(ctx context.Context, organizations []domain.OrganizationID) ([]domain.Group, error)
	// Environments returns those of the environments that exist, in any order.
	Environments(ctx context.Context, keys []EnvironmentKey) ([]domain.Environment, error)
	// At returns those of the environments at the paths that exist, in any order.
	At(ctx context.Context, paths []domain.EnvironmentPath) ([]domain.Environment, error)
	// Inactive returns the paths of the inactive environments that are one of above or
	// lie in one of the ranges, in any order.
	Inactive(ctx context.Context, above []domain.EnvironmentPath, in []Range) ([]domain.EnvironmentPath, error)
	// Guarded returns the paths of the environments that demand more than proof of whoever administers from elsewhere,
	// and are one of above or lie in one of the ranges, in any order.
	Guarded(ctx context.Context, proof domain.Proof, above []domain.EnvironmentPath,
		in []Range) ([]domain.EnvironmentPath, error)
	// SignInRules returns the rules of those of the environments that have some, in any order.
	SignInRules(ctx context.Context, environments []domain.EnvironmentID) ([]domain.SignInRules, error)
	// SignInRulesVersion counts the changes to sign-in rules over the whole directory; 0 is none.
	SignInRulesVersion(ctx context.Context) (int64, error)
	// HasNested reports whether other organizations lie below the organization at p.
	HasNested(ctx context.Context, p domain.EnvironmentPath) (bool, error)
	// Find returns for each of refs the environments in sc that it may name: the one with
	// that number, or those whose alias path ends with it, compared by domain.Fold, at most
	// 200, the shortest alias paths first. "/" names the root. There are at most FindTogether
	// refs.
	Find(ctx context.Context, sc Scope, refs []domain.EnvironmentRef) ([][]domain.Environment, error)
}

// FindTogether is how many references are looked for at once.
const FindTogether = 50

// EnvironmentKey is where an environment is stored.
type EnvironmentKey struct {
	Organization domain.OrganizationID
	ID           domain.EnvironmentID
}

// KeyOf returns the key of e.
func KeyOf(e *domain.Environment) EnvironmentKey { return EnvironmentKey{e.Organization, e.ID} }

// Policy decides by role, mask and position; package rbac implements it.
type Policy interface {
	Decide(domain.Role, domain.Mask, domain.Position, domain.Permission) domain.Verdict
}
