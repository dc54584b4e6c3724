package authn

import (
	"context"
	"slices"
	"time"

	"canopy/domain"
)

// Demands compares what a request proved with what its account needs. It is safe for concurrent use.
type Demands struct {
	rules SignInRules
	roles Roles
	now   func() time.Time
}

// SignInRules finds what environments ask of sign-ins.
type SignInRules interface {
	// On returns the rules of the environments on the way to a place, at a version of all rules.
	On(ctx context.Context, version int64, p domain.EnvironmentPath) ([]domain.SignInRules, error)
}

// Roles finds the role that somebody acts with.
type Roles interface {
	Role(ctx context.Context, caller *domain.Principal) (domain.Role, error)
}

// NewDemands returns the demands of rules.
func NewDemands(rules SignInRules, roles Roles, now func() time.Time) *Demands {
	return &Demands{rules: rules, roles: roles, now: now}
}

// Judge looks at an account that a request is of, and completes its principal. It returns an error if the account may
// not be used so.
type Judge func(ctx context.Context, a *domain.Account) error

// Refuse is the Judge of clients that cannot be asked for more: it returns domain.ErrFactorNeeded for an account that
// is proved by less than it needs.
func (d *Demands) Refuse(ctx context.Context, a *domain.Account) error {
	if err := d.Hold(ctx, a); err != nil {
		return err
	}
	if a.Missing > domain.ByPassword {
		return domain.ErrFactorNeeded.Proving(a.Missing, 0)
	}
	return nil
}

// Hold is the Judge of clients that go on to prove more: it says in the principal what is missing. It returns
// domain.ErrOnlyProvider for an account that signs in by its organization's provider only and was proved by something
// else, unless it is left out and in a session, whose beginning was told. An account needs
// what the environments on the way to its home demand, and a second factor if it has one; a key is in the place of both
// password and factor, but not of what is demanded. Where a proof has a greatest age, the key of a person is too old:
// it proves nobody anew, and only accounts of programs have nothing else.
func (d *Demands) Hold(ctx context.Context, a *domain.Account) error {
	now := d.now()
	a.Proved = a.Session.Proved
	if a.Session.ID == "" {
		a.Proved = domain.Proved{At: now}
	}
	a.ByKey, a.ByProvider = a.Key.ID != "", a.Session.Provider.Issuer != ""
	needed := domain.ByPassword
	if a.Factors != 0 && !a.ByKey {
		needed = domain.ByCode
	}
	rules, err := d.rules.On(ctx, a.SignInRules, a.Home)
	if err != nil {
		return err
	}
	if len(rules) > 0 {
		all := domain.Strictest(now, rules...)
		role := a.Role
		if slices.ContainsFunc(rules, func(r domain.SignInRules) bool { return r.Admins > r.People }) {
			if role, err = d.roles.Role(ctx, &a.Principal); err != nil {
				return err
			}
		}
		if a.Session.ID != "" && !a.Program {
			a.Coming, _ = domain.ComingDemand(now, role, a.Factors, rules...)
		}
		needed = max(needed, all.Demands(role, a.Program))
		a.ProofAge = all.ProofAge
		if all.OnlyProvider && !a.ByProvider && !(a.Program && all.ProgramsExempt) {
			if a.Session.ID == "" || !all.BreakGlass.Has(a.User) {
				return domain.ErrOnlyProvider
			}
			a.BreakGlass = true
		}
		a.Stale = all.ProofAge > 0 && (a.ByKey && !a.Program || now.Sub(a.Proved.At) > all.ProofAge)
		if days := all.PasswordDays; days > 0 && !a.Program && (a.PasswordDelay == 0 || days < a.PasswordDelay) {
			a.PasswordDelay = days
			a.Principal.PasswordExpired = a.Standing.PasswordExpired(now)
		}
	}
	if a.Proved.Proof < needed {
		a.Missing, a.Enrols = needed, a.Proved.Proof >= a.Factors.Strongest()
	}
	return nil
}
