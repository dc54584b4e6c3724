package tenancy

import (
	"context"
	"slices"

	lru "github.com/hashicorp/golang-lru/v2"

	"canopy/domain"
)

// SignInRules finds what environments ask of sign-ins. It is safe for concurrent use.
type SignInRules struct {
	source  Source
	on      *lru.Cache[rulesKey, []domain.SignInRules]
	counter Counter
}

// rulesKey is a place at a version of all rules. What lies on the way to it follows from its path.
type rulesKey struct {
	version int64
	path    domain.EnvironmentPath
}

// ruleEntries is how many places' rules are remembered, at a few hundred bytes each.
const ruleEntries = 16 << 10

// NewSignInRules returns the rules of source.
func NewSignInRules(source Source, c Counter) *SignInRules {
	on, _ := lru.New[rulesKey, []domain.SignInRules](ruleEntries) // fails for sizes below 1 only
	return &SignInRules{source: source, on: on, counter: c}
}

// On returns the rules of the environments on the way from the root to p, p included, at that version of all rules,
// which comes with an account; none at version 0. The caller must not change them.
func (r *SignInRules) On(ctx context.Context, version int64, p domain.EnvironmentPath) ([]domain.SignInRules, error) {
	if version == 0 {
		return nil, nil
	}
	key := rulesKey{version, p}
	rules, hit := r.on.Get(key)
	r.counter.Looked("sign_in_rules", hit)
	if hit {
		return rules, nil
	}
	var ids []domain.EnvironmentID
	for _, at := range WayUp(p) {
		ids = append(ids, at.ID())
	}
	rules, err := r.source.SignInRules(ctx, ids)
	if err != nil {
		return nil, err
	}
	r.on.Add(key, rules)
	return rules, nil
}

// Latest returns On at the latest version of all rules.
func (r *SignInRules) Latest(ctx context.Context, p domain.EnvironmentPath) ([]domain.SignInRules, error) {
	version, err := r.source.SignInRulesVersion(ctx)
	if err != nil {
		return nil, err
	}
	return r.On(ctx, version, p)
}

// guard takes out of what a caller has the environments that demand a stronger proof of whoever administers from
// elsewhere than the request has. Those that the caller is at home in are not among them. A change of such a demand
// counts as one of who reaches the environment.
func (g *Gate) guard(ctx context.Context, caller *domain.Principal, a *access) error {
	if caller.SignInRules == 0 || a.role == domain.RoleUser && len(caller.Allowed) == 0 {
		return nil
	}
	guarded, err := g.source.Guarded(ctx, caller.Proved.Proof, a.nominal.above(), a.nominal.set)
	if err != nil {
		return err
	}
	guarded = slices.DeleteFunc(guarded, func(p domain.EnvironmentPath) bool { return p.Contains(caller.Home) })
	if len(guarded) > 0 {
		a.nominal, a.reach = a.nominal.without(guarded), a.reach.without(guarded)
	}
	return nil
}

// without returns the reach less the guarded environments with everything below them.
func (r *Reach) without(guarded []domain.EnvironmentPath) Reach {
	n := Reach{home: r.home, in: r.in, out: slices.Clone(r.out)}
	for _, p := range guarded {
		n.out = append(n.out, domain.Cause{Kind: domain.CauseGuarded, Path: p})
	}
	n.out = outermost(n.out)
	n.set = n.ranges()
	return n
}

// Recent returns domain.ErrProveAgain if the caller's proof is too old for what is dangerous, else nil.
func (g *Gate) Recent(caller *domain.Principal) error {
	switch {
	case !caller.Stale:
		return nil
	case caller.ByKey:
		return domain.ErrProveAgain.Saying("Where proofs have a greatest age, a person's API key does not do for this: " +
			"sign in, or use a service account's key.")
	}
	return domain.ErrProveAgain.Proving(caller.Proved.Proof, caller.ProofAge)
}

// Anew is Recent for what makes sign-ins weaker. It returns domain.ErrKeyWeakens for any API key.
func (g *Gate) Anew(caller *domain.Principal) error {
	if caller.ByKey {
		return domain.ErrKeyWeakens
	}
	return g.Recent(caller)
}

// LevelsAbove returns how many levels above p the caller stands, by the place that their role reaches down from; below
// 0 if that is not on the way to p.
func (g *Gate) LevelsAbove(ctx context.Context, caller *domain.Principal, p domain.EnvironmentPath) (int, error) {
	role, err := g.Role(ctx, caller)
	if err != nil {
		return 0, err
	}
	return levelsAbove(caller, role, p), nil
}

// levelsAbove is Gate.LevelsAbove for a caller who acts with a role.
func levelsAbove(caller *domain.Principal, role domain.Role, p domain.EnvironmentPath) int {
	stands := caller.Home
	switch role {
	case domain.RoleSuperUser:
		stands = domain.RootPath
	case domain.RoleOAdmin:
		stands = caller.OrganizationPath()
	}
	if stands.Contains(caller.Narrowed.Place) {
		stands = caller.Narrowed.Place
	}
	if !stands.Contains(p) {
		return -1
	}
	return p.Depth() - stands.Depth()
}

// MayLeave returns nil if the principal may move people from where rules hold to a place below none of these
// environments but those on the way to it: at each that asks for something they could ask for less, so they have
// domain.EnvironmentWrite and the whole of it, and stand as high as whoever set it. Else it returns domain.ErrLaxer.
func (v Giver) MayLeave(rules []domain.PlacedRules, to domain.EnvironmentPath) error {
	for i := range rules {
		r := &rules[i]
		if r.Path.Contains(to) {
			continue
		}
		held := min(r.FromAbove, r.Path.Depth()-1) // it may have moved up
		if !v.has.mask.Has(domain.EnvironmentWrite) || v.MayGivePlaces(r.Path) != nil ||
			held > 0 && levelsAbove(v.caller, v.has.role, r.Path) < held {
			return domain.ErrLaxer
		}
	}
	return nil
}
