package directory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// SignInRulesDocument is what an environment asks of sign-ins.
type SignInRulesDocument struct {
	Environment EnvironmentDocument
	// Own is what the environment itself asks. All is that together with what the environments above it ask, which is
	// what counts for people at home there.
	Own, All domain.SignInRules
}

// SignInRules returns what the environment that ref names asks of sign-ins. It needs domain.EnvironmentRead there.
func (e *Environments) SignInRules(ctx context.Context, caller domain.Principal,
	ref domain.EnvironmentRef) (SignInRulesDocument, error) {
	found, sc, err := e.enter(ctx, &caller, ref)
	if err != nil {
		return SignInRulesDocument{}, err
	}
	return e.describeRules(ctx, sc, &found)
}

func (e *Environments) describeRules(ctx context.Context, sc tenancy.Scope,
	at *domain.Environment) (d SignInRulesDocument, err error) {
	d.Environment = DescribeEnvironment(sc, *at)
	if d.Own, err = e.store.SignInRulesOf(ctx, sc, tenancy.KeyOf(at)); err != nil {
		return d, err
	}
	all, err := e.rules.Latest(ctx, at.Path)
	if err != nil {
		return d, err
	}
	d.All = domain.Strictest(e.now(), all...)
	return d, nil
}

// SignInRulesPatch says what an environment is to ask of sign-ins. A nil field is left as it is.
type SignInRulesPatch struct {
	Environment                        domain.EnvironmentRef
	MinPassword, MinPasswordWithFactor *int
	MinSetPassword                     *int
	PasswordDays                       *int
	People, Admins, Above              *domain.Proof
	ProofAge                           *time.Duration
	Grace                              *time.Time
	ProgramsExempt, OnlyProvider       *bool
	// BreakGlass are the accounts that are left out where there is only the provider, of people at home there.
	BreakGlass *[]domain.UserRef

	named domain.BreakGlass // the numbers of BreakGlass
}

func (p *SignInRulesPatch) apply(r *domain.SignInRules) {
	Set(&r.MinPassword, p.MinPassword)
	Set(&r.MinPasswordWithFactor, p.MinPasswordWithFactor)
	Set(&r.MinSetPassword, p.MinSetPassword)
	Set(&r.PasswordDays, p.PasswordDays)
	Set(&r.People, p.People)
	Set(&r.Admins, p.Admins)
	Set(&r.Above, p.Above)
	Set(&r.ProofAge, p.ProofAge)
	Set(&r.Grace, p.Grace)
	Set(&r.ProgramsExempt, p.ProgramsExempt)
	Set(&r.OnlyProvider, p.OnlyProvider)
	if p.BreakGlass != nil {
		r.BreakGlass = p.named
	}
	r.Grace = r.Grace.UTC().Truncate(time.Millisecond)
}

// UpdateSignInRules changes what an environment asks of sign-ins. It needs domain.EnvironmentWrite and a recent proof,
// and that the caller has the whole environment. What it asks counts from the answer on, for sessions that there are
// too; what environments above it ask goes on to count whatever it says. It returns Invalid for a demand that the
// caller's own proof does not meet, so that nobody shuts themselves out, and domain.ErrNoBreakGlass where somebody at
// home there asks for a provider only and leaves no account out that can sign in; who administers from above is such a
// way in themselves. For less than before it returns domain.ErrKeyWeakens to any API key, and domain.ErrRulesHeld to
// who stands below those who asked for it.
func (e *Environments) UpdateSignInRules(ctx context.Context, caller domain.Principal,
	in SignInRulesPatch) (SignInRulesDocument, error) {
	if err := e.gate.Recent(&caller); err != nil {
		return SignInRulesDocument{}, err
	}
	target, _, err := e.enter(ctx, &caller, in.Environment)
	if err != nil {
		return SignInRulesDocument{}, err
	}
	w, err := e.gate.EnterWrite(ctx, &caller, domain.EnvironmentWrite, tenancy.At(target.Path))
	if err != nil {
		return SignInRulesDocument{}, err
	}
	if err := e.hasWhole(ctx, &caller, &target); err != nil {
		return SignInRulesDocument{}, err
	}
	levels, err := e.gate.LevelsAbove(ctx, &caller, target.Path)
	if err == nil {
		err = e.resolve(ctx, &caller, &target, &in)
	}
	if err != nil {
		return SignInRulesDocument{}, err
	}
	var rules domain.SignInRules
	err = e.store.Do(ctx, w, func(tx EnvironmentTx) error {
		before, err := tx.SignInRulesOf(tenancy.KeyOf(&target))
		if err != nil {
			return err
		}
		if rules, err = e.patched(ctx, &caller, &target, before, &in, levels); err != nil {
			return err
		}
		if rules.OnlyProvider && isHome(&caller, &target) {
			in, err := tx.LetIn(tenancy.KeyOf(&target), rules.BreakGlass.Users())
			if err == nil && !in {
				err = domain.ErrNoBreakGlass
			}
			if err != nil {
				return err
			}
		}
		return tx.SaveSignInRules(tenancy.KeyOf(&target), rules)
	})
	if err != nil {
		return SignInRulesDocument{}, err
	}
	return e.describeRules(ctx, w.Read(), &target)
}

// patched returns the rules that a patch by the caller, who stands so many levels above target, makes of those before.
func (e *Environments) patched(ctx context.Context, caller *domain.Principal, target *domain.Environment,
	before domain.SignInRules, in *SignInRulesPatch, levels int) (domain.SignInRules, error) {
	now, rules, to := e.now(), before, before
	in.apply(&to)
	if to.Loosens(&before, now) {
		if err := e.gate.Anew(caller); err != nil {
			return rules, err
		}
	}
	rules.FromAbove = min(rules.FromAbove, target.Path.Depth()-1) // it may have moved up
	if err := rules.Change(to, levels, now); err != nil {
		return rules, err
	}
	if err := rules.Validate(); err != nil {
		return rules, err
	}
	return rules, e.keepsIn(ctx, caller, target, &rules)
}

// keepsIn returns an Invalid error for a demand that would shut the caller out.
func (e *Environments) keepsIn(ctx context.Context, caller *domain.Principal, target *domain.Environment,
	rules *domain.SignInRules) error {
	check := func(field string, demand domain.Proof) error {
		if demand > caller.Proved.Proof {
			return domain.InvalidField(field,
				"This would shut yourself out: add that factor to your account and sign in with it first.")
		}
		return nil
	}
	now := domain.Strictest(e.now(), *rules)
	if !target.Path.Contains(caller.Home) {
		return check("above", now.Above)
	}
	if now.OnlyProvider && isHome(caller, target) && !caller.ByProvider && !now.BreakGlass.Has(caller.User) {
		return domain.InvalidField("only_provider",
			"This would shut yourself out: sign in by the identity provider first.")
	}
	if err := check("people", now.People); err != nil {
		return err
	}
	if role, err := e.gate.Role(ctx, caller); err != nil || role == domain.RoleUser {
		return err
	}
	return check("admins", now.Admins)
}

// isHome reports whether the caller is somebody whom rules of target are about. Who works at the command line is not.
func isHome(caller *domain.Principal, target *domain.Environment) bool {
	return caller.User != 0 && target.Path.Contains(caller.Home)
}

// resolve looks up the accounts that are to be left out.
func (e *Environments) resolve(ctx context.Context, caller *domain.Principal, target *domain.Environment,
	in *SignInRulesPatch) (err error) {
	if in.BreakGlass == nil {
		return nil
	}
	if len(*in.BreakGlass) > domain.MaxBreakGlass {
		return domain.InvalidField("break_glass", "Name at most %d accounts.", domain.MaxBreakGlass)
	}
	var users []domain.UserID
	for _, ref := range *in.BreakGlass {
		u, err := e.people.Read(ctx, caller, ref)
		if err != nil {
			return domain.AsError(err).On("break_glass")
		}
		if u.Organization != target.Organization || !target.Path.Contains(u.HomePath) || u.System {
			return domain.InvalidField("break_glass", "Name accounts of people at home there.")
		}
		users = append(users, u.ID)
	}
	in.named, err = domain.BreakGlassOf(users)
	return err
}

// wayRules finds what environments ask of sign-ins, as UserTx does.
type wayRules interface {
	RulesOnWay(p domain.EnvironmentPath) ([]domain.PlacedRules, error)
}

// mayLeave returns nil if the caller may move people from where rules hold to another place. Where that asks for less,
// it is a change that makes their sign-ins weaker: it returns domain.ErrKeyWeakens for any API key,
// domain.ErrProveAgain for an old proof, and domain.ErrLaxer unless the caller could ask for less where they are now.
func mayLeave(tx wayRules, gate *tenancy.Gate, giver tenancy.Giver, caller *domain.Principal,
	before []domain.PlacedRules, to domain.EnvironmentPath, now time.Time) error {
	after, err := tx.RulesOnWay(to)
	if err != nil || !domain.Laxer(now, before, after) {
		return err
	}
	return cmp.Or(giver.MayLeave(before, to), gate.Anew(caller))
}

// mayMove is mayLeave for an environment that is hung below a place with everybody in it. Its own rules go along.
func mayMove(tx wayRules, gate *tenancy.Gate, giver tenancy.Giver, caller *domain.Principal, e *domain.Environment,
	to domain.EnvironmentPath, now time.Time) error {
	before, err := tx.RulesOnWay(e.Path)
	if err != nil {
		return err
	}
	before = slices.DeleteFunc(before, func(r domain.PlacedRules) bool { return r.Path == e.Path })
	return mayLeave(tx, gate, giver, caller, before, to, now)
}

// onField returns err with the field that names where people are moved to, if that is what is refused.
func onField(err error, field string) error {
	if domain.ErrLaxer.Is(err) || domain.ErrEnvironmentNotFound.Is(err) {
		return domain.AsError(err).On(field)
	}
	return err
}
