package directory

import (
	"context"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// StrengthDocument says how strongly the people of an environment, and of everything below it, can prove who they are:
// those whose account is active, by the strongest proof that they have, and by what else there is to look after.
type StrengthDocument struct {
	Environment               EnvironmentDocument
	Passkey, Code, Password   domain.Tally
	Unverified, Programs, Old domain.Tally // addresses, programs, and programs with old keys
}

// Strength returns how strongly the people prove who they are of the environment that ref names, the current one if
// that is empty. It needs domain.UserRead there, on others than oneself, and domain.EnvironmentRead.
func (o *Overviews) Strength(ctx context.Context, caller domain.Principal,
	ref domain.EnvironmentRef) (d StrengthDocument, err error) {
	sc, people, at, err := o.over(ctx, &caller, ref)
	if err != nil {
		return d, err
	}
	d.Environment = DescribeEnvironment(sc, at)
	yes, no, unverified := true, false, domain.Unverified
	proof := func(p domain.Proof) domain.UserFilter {
		return domain.UserFilter{Strongest: &p, Active: &yes, Programs: &no}
	}
	for _, counted := range []struct {
		of *domain.Tally
		f  domain.UserFilter
	}{
		{&d.Passkey, proof(domain.ByPasskey)}, {&d.Code, proof(domain.ByCode)}, {&d.Password, proof(domain.ByPassword)},
		{&d.Unverified, domain.UserFilter{State: &unverified, Active: &yes}},
		{&d.Programs, domain.UserFilter{Programs: &yes}},
		{&d.Old, domain.UserFilter{OldKeys: domain.OldKeysAt(o.now())}},
	} {
		if *counted.of, err = o.store.Tally(ctx, people, counted.f); err != nil {
			return d, err
		}
	}
	return d, nil
}

// over returns the scopes of the environments and of the people of a place, and the place.
func (o *Overviews) over(ctx context.Context, caller *domain.Principal, ref domain.EnvironmentRef) (sc,
	people tenancy.Scope, at domain.Environment, err error) {
	if at, err = o.gate.Environment(ctx, caller, ref); err != nil {
		return sc, people, at, err
	}
	if sc, err = o.gate.Enter(ctx, caller, domain.EnvironmentRead, tenancy.At(at.Path)); err != nil {
		return sc, people, at, err
	}
	people, err = o.gate.Enter(ctx, caller, domain.UserRead, tenancy.At(at.Path))
	if err == nil && len(people.Ranges()) == 0 {
		err = domain.ErrForbidden
	}
	return sc, people, at, err
}

// LockedOut says how many of a role an environment's rules would keep out, and what they lack.
type LockedOut struct {
	Role   domain.Role
	Demand domain.Proof
	People domain.Tally
}

// LockedOut returns, by role, how many of the active people in and below an environment cannot give what rules demand.
// Roles from whom nothing is demanded are left out. It needs what Strength does.
func (o *Overviews) LockedOut(ctx context.Context, caller domain.Principal, ref domain.EnvironmentRef,
	rules domain.SignInRules) (all []LockedOut, err error) {
	_, people, _, err := o.over(ctx, &caller, ref)
	if err != nil {
		return nil, err
	}
	yes, no := true, false
	for _, role := range domain.Roles {
		l := LockedOut{Role: role, Demand: rules.Demands(role, false)}
		if l.Demand == domain.ByPassword {
			continue
		}
		l.People, err = o.store.Tally(ctx, people,
			domain.UserFilter{Role: role, Weaker: l.Demand, Active: &yes, Programs: &no})
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// PreviewSignInRules returns what UpdateSignInRules would, as if no grace were left, and changes
// nothing. It needs what that needs and returns its errors.
func (e *Environments) PreviewSignInRules(ctx context.Context, caller domain.Principal,
	in SignInRulesPatch) (d SignInRulesDocument, err error) {
	if err := e.gate.Recent(&caller); err != nil {
		return d, err
	}
	target, sc, err := e.enter(ctx, &caller, in.Environment)
	if err != nil {
		return d, err
	}
	if _, err := e.gate.EnterWrite(ctx, &caller, domain.EnvironmentWrite, tenancy.At(target.Path)); err != nil {
		return d, err
	}
	if err := e.hasWhole(ctx, &caller, &target); err != nil {
		return d, err
	}
	d.Environment = DescribeEnvironment(sc, target)
	before, err := e.store.SignInRulesOf(ctx, sc, tenancy.KeyOf(&target))
	if err != nil {
		return d, err
	}
	levels, err := e.gate.LevelsAbove(ctx, &caller, target.Path)
	if err == nil {
		err = e.resolve(ctx, &caller, &target, &in)
	}
	if err != nil {
		return d, err
	}
	if d.Own, err = e.patched(ctx, &caller, &target, before, &in, levels); err != nil {
		return d, err
	}
	var above []domain.SignInRules
	if target.Path != domain.RootPath {
		if above, err = e.rules.Latest(ctx, target.Path.Parent()); err != nil {
			return d, err
		}
	}
	open := d.Own
	open.Grace = time.Time{}
	d.All = domain.Strictest(e.now(), append(above[:len(above):len(above)], open)...)
	return d, nil
}
