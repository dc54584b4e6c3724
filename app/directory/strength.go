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
	// Emergency are the accounts that places leave out which let in by an identity provider only. Unguarded are the first
	// of such places, here and below, that leave out nobody who could sign in now; MoreUnguarded says that there may be
	// more.
	Emergency     domain.Tally
	Unguarded     []EnvironmentDocument
	MoreUnguarded bool
}

// MaxUnguarded is how many places a StrengthDocument names at most.
const MaxUnguarded = 10

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
		{&d.Emergency, domain.UserFilter{Emergency: &yes}},
	} {
		if *counted.of, err = o.store.Tally(ctx, people, counted.f); err != nil {
			return d, err
		}
	}
	places, more, err := o.store.Unguarded(ctx, sc, MaxUnguarded)
	if err != nil {
		return d, err
	}
	for i := range places {
		d.Unguarded = append(d.Unguarded, DescribeEnvironment(sc, places[i]))
	}
	d.MoreUnguarded = more
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

// LockedOut says of those who act with a role how many an environment's rules keep out: people who have nothing as
// strong as Demand, and programs, whose keys prove nothing.
type LockedOut struct {
	Role             domain.Role
	Demand           domain.Proof
	People, Programs domain.Tally
}

// NotLinked says how many rules keep out that ask for a provider: people who are linked with nobody at a provider of
// their organization that is switched on, emergency accounts left out, and programs.
type NotLinked struct{ People, Programs domain.Tally }

// LockedOutDocument says whom an environment's rules keep out of the accounts in and below it that can be used.
type LockedOutDocument struct {
	ByRole    []LockedOut // roles from whom something is demanded
	NotLinked *NotLinked  // nil where no provider is asked for
}

// LockedOut returns whom rules keep out of an environment and what is below it: those whom each door refuses, or sends
// to add a factor. A role counts as it does there: one's own, or a higher one of a group. Places below that ask for
// more keep out more, whatever is asked above them; these are not counted. It needs what Strength does.
func (o *Overviews) LockedOut(ctx context.Context, caller domain.Principal, ref domain.EnvironmentRef,
	rules domain.SignInRules) (d LockedOutDocument, err error) {
	_, people, _, err := o.over(ctx, &caller, ref)
	if err != nil {
		return d, err
	}
	yes, no, now := true, false, o.now()
	count := func(of *domain.Tally, f domain.UserFilter) {
		if f.UsableAt = now; err == nil {
			*of, err = o.store.Tally(ctx, people, f)
		}
	}
	for _, role := range domain.Roles {
		l := LockedOut{Role: role, Demand: rules.Demands(role, false)}
		if l.Demand == domain.ByPassword {
			continue
		}
		count(&l.People, domain.UserFilter{ActsAs: role, Weaker: l.Demand, Programs: &no})
		if rules.Demands(role, true) > domain.ByPassword {
			count(&l.Programs, domain.UserFilter{ActsAs: role, Programs: &yes})
		}
		d.ByRole = append(d.ByRole, l)
	}
	if rules.OnlyProvider {
		d.NotLinked = &NotLinked{}
		count(&d.NotLinked.People, domain.UserFilter{Linked: &no, Except: rules.BreakGlass, Programs: &no})
		if !rules.ProgramsExempt {
			count(&d.NotLinked.Programs, domain.UserFilter{Programs: &yes})
		}
	}
	return d, err
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
