package tenancy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"canopy/domain"
)

// Gate decides who may do what, where, and is the only issuer of scopes. It is safe for
// concurrent use.
type Gate struct {
	policy    Policy
	source    Source
	documents *Documents
	accesses  *lru.Cache[accessKey, *access]
	counter   DecisionCounter
}

// DecisionCounter counts decisions and cache look-ups for the metrics. Its methods are
// safe for concurrent use.
type DecisionCounter interface {
	Counter
	// Decided counts one decision about a permission.
	Decided(p domain.Permission, allowed bool)
}

// accessEntries is how many principals' reaches are remembered, at about 1 KB each.
const accessEntries = 16 << 10

// NewGate returns a gate that decides by policy and reads the directory through source.
func NewGate(policy Policy, source Source, documents *Documents, c DecisionCounter) *Gate {
	accesses, _ := lru.New[accessKey, *access](accessEntries) // fails for sizes below 1 only
	return &Gate{policy: policy, source: source, documents: documents, accesses: accesses, counter: c}
}

// accessKey is everything an access was computed from.
type accessKey struct {
	organization domain.OrganizationID
	user         domain.UserID
	epoch        int64
	generation   int64
	rootGroups   int64 // as Documents.rootGroups numbers them
	narrowed     domain.Narrowing
	proof        domain.Proof
}

// access is what a principal has: permissions and places.
type access struct {
	role    domain.Role // what they act with
	mask    domain.Mask
	reach   Reach // what is open to them now
	nominal Reach // what they have, inactive or not
	// only is the organization all of reach lies in; 0 if it may span several.
	only domain.OrganizationID
}

// access returns what the caller has, remembered from an earlier request of the same versions.
func (g *Gate) access(ctx context.Context, caller *domain.Principal) (*access, error) {
	rootGroups, err := g.documents.rootGroups(ctx, caller.RootGeneration)
	if err != nil {
		return nil, err
	}
	key := accessKey{caller.Organization, caller.User, caller.Epoch, caller.Generation, rootGroups, caller.Narrowed,
		caller.Proved.Proof}
	a, hit := g.accesses.Get(key)
	g.counter.Looked("access", hit)
	if hit {
		return a, nil
	}
	if a, err = g.compute(ctx, caller); err != nil {
		return nil, err
	}
	g.accesses.Add(key, a)
	return a, nil
}

func (g *Gate) compute(ctx context.Context, caller *domain.Principal) (*access, error) {
	groups, err := g.documents.groupsAt(ctx, Generations{
		caller.Organization:     caller.Generation,
		domain.RootOrganization: caller.RootGeneration,
	})
	if err != nil {
		return nil, err
	}
	subject := caller.Subject
	subject.Role = groups.Role(&caller.Subject)
	a := &access{role: subject.Role, mask: groups.Mask(caller.Organization, caller.Groups),
		nominal: NominalReach(&subject)}
	a.reach = a.nominal
	if a.role != domain.RoleSuperUser {
		inactive, err := g.source.Inactive(ctx, a.nominal.above(), a.nominal.set)
		if err != nil {
			return nil, err
		}
		a.reach = newReach(&subject, inactive)
	}
	if err := g.guard(ctx, caller, a); err != nil {
		return nil, err
	}
	a.mask = caller.Narrowed.Of(a.mask)
	if caller.Narrowed.Place != "" {
		a.nominal, a.reach = a.nominal.within(caller.Narrowed.Place), a.reach.within(caller.Narrowed.Place)
	}
	border := caller.OrganizationPath()
	if border == "" {
		return nil, fmt.Errorf("user %d has no organization above their home", caller.User)
	}
	if (ranges{subtree(border)}).covers(a.reach.set) {
		nested, err := g.source.HasNested(ctx, border)
		if err != nil {
			return nil, err
		}
		if !nested {
			a.only = caller.Organization
		}
	}
	return a, nil
}

// above returns the paths above the subtrees that are in the reach: if one of these
// environments is inactive, so is everything below it.
func (r *Reach) above() []domain.EnvironmentPath {
	seen := make(map[domain.EnvironmentPath]bool)
	climb := func(p domain.EnvironmentPath) {
		for p != domain.RootPath && !seen[p.Parent()] {
			p = p.Parent()
			seen[p] = true
		}
	}
	if r.home != "" {
		climb(r.home)
	}
	for _, m := range r.in {
		climb(m.Path)
	}
	paths := make([]domain.EnvironmentPath, 0, len(seen))
	for p := range seen {
		paths = append(paths, p)
	}
	return paths
}

// Where says in which part of the principal's reach a permission is to be used.
type Where struct {
	anywhere bool
	ref      domain.EnvironmentRef
	path     domain.EnvironmentPath
}

// Anywhere is the whole reach.
func Anywhere() Where { return Where{anywhere: true} }

// Here is the current environment and everything below it: the environment the client
// asked to be in, else the principal's home, for an oadmin their organization.
func Here() Where { return Where{} }

// In is the environment that ref names and everything below it; Here for the empty one.
func In(ref domain.EnvironmentRef) Where { return Where{ref: ref} }

// At is the environment at p and everything below it.
func At(p domain.EnvironmentPath) Where { return Where{path: p} }

// Enter returns the proof that the caller may use p at a place. It returns NotFound if the place is
// outside the caller's reach, Conflict if its name is ambiguous, and Forbidden if the place is
// reached but p is not permitted. Where p is permitted on the caller's own account only, the
// scope is that account.
func (g *Gate) Enter(ctx context.Context, caller *domain.Principal, p domain.Permission, at Where) (Scope, error) {
	a, err := g.enter(ctx, caller, p)
	if err != nil {
		return Scope{}, err
	}
	place, err := g.place(ctx, caller, a, at)
	if err != nil {
		return Scope{}, err
	}
	sc := scopeOf(caller, a, p)
	switch {
	case g.decide(caller, a, domain.Within, p).Allowed:
		sc.set = a.reach.set.within(subtree(place))
		if p == domain.GroupRead {
			sc.addGroups(caller)
		}
	case g.decide(caller, a, domain.Self, p).Allowed:
		if place.Contains(caller.Home) {
			sc.openSelf(caller)
		}
	default:
		return Scope{}, domain.ErrForbidden
	}
	return sc, nil
}

// EnterWrite is Enter for changes.
func (g *Gate) EnterWrite(ctx context.Context, caller *domain.Principal, p domain.Permission,
	at Where) (WriteScope, error) {
	sc, err := g.Enter(ctx, caller, p, at)
	return WriteScope{sc}, err
}

// EnterUser returns the proof that the caller may use p on the account of target: NotFound if
// target is not reached, Forbidden if p is not permitted in target's position.
func (g *Gate) EnterUser(ctx context.Context, caller *domain.Principal, p domain.Permission,
	target *domain.User) (WriteScope, error) {
	a, err := g.enter(ctx, caller, p)
	if err != nil {
		return WriteScope{}, err
	}
	sc := scopeOf(caller, a, p)
	position := domain.Outside
	switch {
	case target.ID == caller.User && target.Organization == caller.Organization:
		position = domain.Self
		sc.openSelf(caller)
		if g.policy.Decide(a.role, a.mask, domain.Within, p).Allowed {
			sc.set, sc.organization = a.reach.set, a.only
		}
	case a.reach.Contains(target.HomePath):
		position = domain.Within
		sc.set = a.reach.set
	default:
		return WriteScope{}, domain.ErrUserNotFound
	}
	if !g.decide(caller, a, position, p).Allowed {
		return WriteScope{}, domain.ErrForbidden
	}
	return WriteScope{sc}, nil
}

// enter returns what the caller has, unless their password must be changed before anything else.
func (g *Gate) enter(ctx context.Context, caller *domain.Principal, p domain.Permission) (*access, error) {
	if caller.Missing > domain.ByPassword && !(caller.Enrols && p == domain.PasswordChange) {
		return nil, domain.ErrFactorMissing
	}
	if caller.PasswordExpired && p != domain.PasswordChange {
		return nil, domain.ErrPasswordExpired
	}
	return g.access(ctx, caller)
}

// Can says whether the caller may use p in the environment at path. It is the decision behind
// every scope.
func (g *Gate) Can(ctx context.Context, caller *domain.Principal, p domain.Permission,
	path domain.EnvironmentPath) (bool, error) {
	a, err := g.access(ctx, caller)
	if err != nil {
		return false, err
	}
	return g.decide(caller, a, a.position(path), p).Allowed, nil
}

// Above returns nil if the caller may use p on what stands above them, as domain.Above says; else
// ErrForbidden.
func (g *Gate) Above(ctx context.Context, caller *domain.Principal, p domain.Permission) error {
	a, err := g.enter(ctx, caller, p)
	if err != nil {
		return err
	}
	if !g.decide(caller, a, domain.Above, p).Allowed {
		return domain.ErrForbidden
	}
	return nil
}

// Role returns the role who acts with, as Groups.Role says.
func (g *Gate) Role(ctx context.Context, caller *domain.Principal) (domain.Role, error) {
	a, err := g.access(ctx, caller)
	if err != nil {
		return 0, err
	}
	return a.role, nil
}

func (a *access) position(path domain.EnvironmentPath) domain.Position {
	if a.reach.Contains(path) {
		return domain.Within
	}
	return domain.Outside
}

func (g *Gate) decide(caller *domain.Principal, a *access, position domain.Position,
	p domain.Permission) domain.Verdict {
	v := g.policy.Decide(a.role, a.mask, position, p)
	g.counter.Decided(p, v.Allowed)
	return v
}

// Abilities returns the permissions that the caller may use on their own account, and those that they may use
// in their reach.
func (g *Gate) Abilities(ctx context.Context, caller *domain.Principal) (own, within domain.Mask, err error) {
	a, err := g.access(ctx, caller)
	if err != nil {
		return 0, 0, err
	}
	for i := range domain.Catalogue {
		p := domain.Catalogue[i].Permission
		if g.policy.Decide(a.role, a.mask, domain.Self, p).Allowed {
			own |= p.Mask()
		}
		if g.policy.Decide(a.role, a.mask, domain.Within, p).Allowed {
			within |= p.Mask()
		}
	}
	return own, within, nil
}

// Roles returns the roles that the policy permits p to in a position, from the least to the most, given
// that a group gives it.
func (g *Gate) Roles(p domain.Permission, position domain.Position) []domain.Role {
	return rolesOf(g.policy, p, position)
}

func rolesOf(policy Policy, p domain.Permission, position domain.Position) []domain.Role {
	var roles []domain.Role
	for _, role := range domain.Roles {
		if policy.Decide(role, p.Mask(), position, p).Allowed {
			roles = append(roles, role)
		}
	}
	return roles
}

func scopeOf(caller *domain.Principal, a *access, p domain.Permission) Scope {
	return Scope{
		by:           receipt{caller.Actor(), p},
		organization: a.only,
		reach:        &a.reach,
		home:         caller.Home,
		own:          versioned{caller.Organization, caller.Generation},
		root:         versioned{domain.RootOrganization, caller.RootGeneration},
	}
}

// openSelf opens the caller's own account, which is of one organization, whatever lies in their reach.
func (s *Scope) openSelf(caller *domain.Principal) {
	self := caller.Actor()
	s.self, s.organization = &self, caller.Organization
}

// addGroups opens the groups of the caller's own organization and of the root, which are stored
// at the organization's own place: members use them wherever in it they work.
func (s *Scope) addGroups(caller *domain.Principal) {
	s.set = union(append([]Range{alone(caller.OrganizationPath()), alone(domain.RootPath)}, s.set...)...)
	if caller.Organization != domain.RootOrganization {
		s.organization, s.groupsOf = 0, s.organization
	}
}

// place returns the path of the place that at names, in the caller's reach.
func (g *Gate) place(ctx context.Context, caller *domain.Principal, a *access,
	at Where) (domain.EnvironmentPath, error) {
	switch {
	case at.anywhere:
		return domain.RootPath, nil
	case at.path != "":
		if !a.reach.Contains(at.path) {
			return "", domain.ErrEnvironmentNotFound
		}
		return at.path, nil
	case at.ref == "" && caller.Current == "":
		return a.start(caller)
	}
	e, err := g.find(ctx, caller, a, nil, at.ref)
	return e.Path, err
}

// start returns where a principal is who did not say where.
func (a *access) start(caller *domain.Principal) (domain.EnvironmentPath, error) {
	first := caller.Home
	switch {
	case caller.Narrowed.Place != "":
		first = caller.Narrowed.Place
	case a.role == domain.RoleOAdmin:
		first = caller.OrganizationPath()
	}
	if a.reach.Contains(first) {
		return first, nil
	}
	for _, p := range append([]domain.EnvironmentPath{caller.Home}, caller.Allowed...) {
		if a.reach.Contains(p) {
			return p, nil
		}
	}
	return "", domain.ErrNoEnvironment
}

// Environment returns the environment in the caller's reach that ref names; the empty reference
// is the current environment. It returns NotFound if there is none and Conflict, listing their
// paths, if there are several.
func (g *Gate) Environment(ctx context.Context, caller *domain.Principal,
	ref domain.EnvironmentRef) (domain.Environment, error) {
	a, err := g.enter(ctx, caller, domain.EnvironmentRead)
	if err != nil {
		return domain.Environment{}, err
	}
	return g.find(ctx, caller, a, nil, ref)
}

// KnownEnvironment is Environment where the generations of further organizations are known, whose environments are
// remembered too.
func (g *Gate) KnownEnvironment(ctx context.Context, caller *domain.Principal, known Generations,
	ref domain.EnvironmentRef) (domain.Environment, error) {
	a, err := g.enter(ctx, caller, domain.EnvironmentRead)
	if err != nil {
		return domain.Environment{}, err
	}
	return g.find(ctx, caller, a, known, ref)
}

// Place returns the environment of the whole tree that ref names, whoever reaches it. It is
// for what the server was configured with, and its errors are those of Environment.
func (g *Gate) Place(ctx context.Context, ref domain.EnvironmentRef) (domain.Environment, error) {
	everywhere := func(domain.EnvironmentPath) bool { return true }
	candidates, err := g.source.Find(ctx, Operator("", domain.EnvironmentRead).Read(), []domain.EnvironmentRef{ref})
	if err != nil {
		return domain.Environment{}, err
	}
	return choose(candidates[0], ref, everywhere)
}

// Environments returns for each of refs what Environment returns, reading them together.
// The error is that of the first reference without one environment.
func (g *Gate) Environments(ctx context.Context, caller *domain.Principal,
	refs []domain.EnvironmentRef) ([]domain.Environment, error) {
	named, err := g.EnvironmentsNamed(ctx, caller, refs)
	if err != nil {
		return nil, err
	}
	found := make([]domain.Environment, len(named))
	for i := range named {
		if named[i].Err != nil {
			return nil, named[i].Err
		}
		found[i] = named[i].Environment
	}
	return found, nil
}

// NamedEnvironment is what a reference names, or why it does not name one environment.
type NamedEnvironment struct {
	domain.Environment
	Err error
}

// EnvironmentsNamed is Environments with the error of each reference.
func (g *Gate) EnvironmentsNamed(ctx context.Context, caller *domain.Principal,
	refs []domain.EnvironmentRef) ([]NamedEnvironment, error) {
	a, err := g.enter(ctx, caller, domain.EnvironmentRead)
	if err != nil {
		return nil, err
	}
	named := make([]NamedEnvironment, 0, len(refs))
	for part := range slices.Chunk(refs, FindTogether) {
		candidates, err := g.source.Find(ctx, everywhere(caller, a), part)
		if err != nil {
			return nil, err
		}
		for i, ref := range part {
			e, err := choose(candidates[i], ref, a.reach.Contains)
			named = append(named, NamedEnvironment{e, err})
		}
	}
	return named, nil
}

// everywhere is the scope of finding environments by name.
func everywhere(caller *domain.Principal, a *access) Scope {
	sc := scopeOf(caller, a, domain.EnvironmentRead)
	sc.set = a.reach.set
	return sc
}

func (g *Gate) find(ctx context.Context, caller *domain.Principal, a *access, known Generations,
	ref domain.EnvironmentRef) (domain.Environment, error) {
	if ref == "" {
		ref = caller.Current
	}
	if ref == "" {
		start, err := a.start(caller)
		if err != nil {
			return domain.Environment{}, err
		}
		ref = domain.NumberRef(start.ID())
	}
	sc := everywhere(caller, a)
	known = known.with(sc)
	id, numbered := ref.Number()
	if numbered {
		if e, ok := g.documents.remembered(known, id); ok && sc.Covers(e.Path) {
			return *e, nil
		}
	}
	candidates, err := g.source.Find(ctx, sc, []domain.EnvironmentRef{ref})
	if err != nil {
		return domain.Environment{}, err
	}
	e, err := choose(candidates[0], ref, a.reach.Contains)
	if err == nil && numbered {
		g.documents.remember(known, &e)
	}
	return e, err
}

// maxListed bounds how many paths an error lists.
const maxListed = 10

// choose returns the one environment that ref names among what it may name: the one with that
// number, the one whose shown path it is, or else the only one whose shown path ends with it.
func choose(candidates []domain.Environment, ref domain.EnvironmentRef,
	reaches func(domain.EnvironmentPath) bool) (domain.Environment, error) {
	var fits []domain.Environment
	var paths []string
	id, numbered := ref.Number()
	for _, e := range candidates {
		if numbered {
			if e.ID == id {
				return e, nil
			}
			continue
		}
		shown := e.ShownPath(reaches)
		whole, end := ref.Names(&e, shown)
		if whole {
			return e, nil
		}
		if end {
			fits = append(fits, e)
			paths = append(paths, shown)
		}
	}
	switch len(fits) {
	case 0:
		return domain.Environment{}, domain.ErrEnvironmentNotFound
	case 1:
		return fits[0], nil
	}
	if len(paths) > maxListed {
		paths = append(paths[:maxListed], "...")
	}
	return domain.Environment{}, domain.ErrEnvironmentAmbiguous.Saying(
		"Several environments are called %q: %s. Use a path or a number.", string(ref), strings.Join(paths, ", "))
}
