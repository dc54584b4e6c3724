package tenancy

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"

	"canopy/domain"
)

// Documents remembers environments and groups by organization and generation. It is
// safe for concurrent use. What it returns is shared and must not be changed.
type Documents struct {
	source       Source
	environments *lru.Cache[environmentVersion, *domain.Environment]
	groups       *lru.Cache[versioned, groupTree]
	hits         Counter
	// root is what was last read of the root's groups; renumber is held while it is replaced.
	root     atomic.Pointer[rootGroups]
	renumber sync.Mutex
}

// rootGroups are the root's groups at a generation of the root. Their number is another one for as long as
// this process runs whenever what they give is.
type rootGroups struct {
	generation, number int64
	tree               groupTree
}

type environmentVersion struct {
	versioned
	id domain.EnvironmentID
}

// Counter counts look-ups in a cache, for the metrics. Its methods are safe for
// concurrent use.
type Counter interface {
	// Looked counts one look-up in the named cache.
	Looked(cache string, hit bool)
}

// The sizes of the caches, in entries: an environment takes about 400 bytes, a group 200,
// an organization rarely has more than a hundred groups.
const (
	environmentEntries = 64 << 10
	groupEntries       = 4 << 10
)

// NewDocuments returns an empty memory over source that counts its look-ups in c.
func NewDocuments(source Source, c Counter) *Documents {
	environments, _ := lru.New[environmentVersion, *domain.Environment](environmentEntries) // fails for sizes below 1 only
	groups, _ := lru.New[versioned, groupTree](groupEntries)
	return &Documents{source: source, environments: environments, groups: groups, hits: c}
}

// Generations are the generations of organizations as they were read at the beginning of a
// request or with a row.
type Generations map[domain.OrganizationID]int64

// Environments returns the environments the keys name, as they were when sc or known was
// read, or later. One that is gone is missing. known may be nil.
func (d *Documents) Environments(ctx context.Context, sc Scope, known Generations,
	keys []EnvironmentKey) (map[domain.EnvironmentID]*domain.Environment, error) {
	found := make(map[domain.EnvironmentID]*domain.Environment, len(keys))
	if len(keys) == 0 {
		return found, nil
	}
	generations, err := d.generations(ctx, sc, known, func(yield func(domain.OrganizationID)) {
		for _, k := range keys {
			yield(k.Organization)
		}
	})
	if err != nil {
		return nil, err
	}
	var missing []EnvironmentKey
	for _, k := range keys {
		if _, dup := found[k.ID]; dup {
			continue
		}
		e, hit := d.environments.Get(environmentVersion{versioned{k.Organization, generations[k.Organization]}, k.ID})
		d.hits.Looked("environments", hit)
		found[k.ID] = e
		if !hit {
			missing = append(missing, k)
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	loaded, err := d.source.Environments(ctx, missing)
	if err != nil {
		return nil, err
	}
	for i := range loaded {
		e := &loaded[i]
		d.environments.Add(environmentVersion{versioned{e.Organization, generations[e.Organization]}, e.ID}, e)
		found[e.ID] = e
	}
	for _, k := range missing {
		if found[k.ID] == nil {
			delete(found, k.ID)
		}
	}
	return found, nil
}

// Groups returns the groups of the organizations and the root's, as they were when sc or
// known was read, or later. known may be nil.
func (d *Documents) Groups(ctx context.Context, sc Scope, known Generations,
	organizations ...domain.OrganizationID) (*Groups, error) {
	generations, err := d.generations(ctx, sc, known, func(yield func(domain.OrganizationID)) {
		yield(domain.RootOrganization)
		for _, o := range organizations {
			yield(o)
		}
	})
	if err != nil {
		return nil, err
	}
	return d.groupsAt(ctx, generations)
}

func (d *Documents) groupsAt(ctx context.Context, generations Generations) (*Groups, error) {
	all := &Groups{trees: make(map[domain.OrganizationID]groupTree, len(generations))}
	var missing []domain.OrganizationID
	for o, generation := range generations {
		tree, hit := d.groups.Get(versioned{o, generation})
		d.hits.Looked("groups", hit)
		all.trees[o] = tree
		if !hit {
			missing = append(missing, o)
		}
	}
	if len(missing) == 0 {
		return all, nil
	}
	loaded, err := d.source.Groups(ctx, missing)
	if err != nil {
		return nil, err
	}
	for _, o := range missing {
		all.trees[o] = make(groupTree)
	}
	for _, g := range loaded {
		all.trees[g.Organization][g.ID] = g
	}
	for _, o := range missing {
		d.groups.Add(versioned{o, generations[o]}, all.trees[o])
	}
	return all, nil
}

// rootGroups returns a number of what the root's groups give, as they were at the generation of the root that a
// request began with, or later. Any change around a place counts for the root as well, of which everything lies
// below; few of them are of its groups, and only those make another number.
func (d *Documents) rootGroups(ctx context.Context, generation int64) (int64, error) {
	if last := d.root.Load(); last != nil && last.generation == generation {
		return last.number, nil
	}
	groups, err := d.groupsAt(ctx, Generations{domain.RootOrganization: generation})
	if err != nil {
		return 0, err
	}
	next := &rootGroups{generation: generation, tree: groups.trees[domain.RootOrganization]}
	d.renumber.Lock()
	defer d.renumber.Unlock()
	if last := d.root.Load(); last != nil {
		next.number = last.number
		if !maps.EqualFunc(last.tree, next.tree, givesLike) {
			next.number++
		}
	}
	d.root.Store(next)
	return next.number, nil
}

// givesLike reports whether a and b give the same to their members and to the groups below.
func givesLike(a, b domain.Group) bool {
	return a.Parent == b.Parent && a.Mask == b.Mask && a.Role == b.Role
}

// generations returns the generation of each organization: those that sc and known have,
// the others in one statement.
func (d *Documents) generations(ctx context.Context, sc Scope, known Generations,
	each func(func(domain.OrganizationID))) (Generations, error) {
	generations := make(Generations, 2)
	var unknown []domain.OrganizationID
	each(func(o domain.OrganizationID) {
		if _, seen := generations[o]; seen {
			return
		}
		generation, ok := known[o]
		switch {
		case ok:
			generations[o] = generation
		case o == sc.own.organization:
			generations[o] = sc.own.generation
		case o == sc.root.organization:
			generations[o] = sc.root.generation
		default:
			generations[o] = 0
			unknown = append(unknown, o)
		}
	})
	if len(unknown) == 0 {
		return generations, nil
	}
	read, err := d.source.Generations(ctx, unknown)
	if err != nil {
		return nil, err
	}
	maps.Copy(generations, read)
	return generations, nil
}

// groupTree holds the groups of one organization at one generation.
type groupTree map[domain.GroupID]domain.Group

// Groups finds groups of some organizations and of the root. It is immutable.
type Groups struct {
	trees map[domain.OrganizationID]groupTree
}

// GroupsOf returns the given groups, which must be all of their organizations and of the
// root.
func GroupsOf(all []domain.Group) *Groups {
	g := &Groups{trees: map[domain.OrganizationID]groupTree{domain.RootOrganization: {}}}
	for _, group := range all {
		if g.trees[group.Organization] == nil {
			g.trees[group.Organization] = make(groupTree)
		}
		g.trees[group.Organization][group.ID] = group
	}
	return g
}

// Get returns the group with that number, if it can be used in organization o.
func (g *Groups) Get(o domain.OrganizationID, id domain.GroupID) (domain.Group, bool) {
	if group, ok := g.trees[o][id]; ok {
		return group, true
	}
	group, ok := g.trees[domain.RootOrganization][id]
	return group, ok
}

// With returns the groups with one more, or with that one in the place of the one with its number.
func (g *Groups) With(group domain.Group) *Groups {
	trees := maps.Clone(g.trees)
	tree := maps.Clone(trees[group.Organization])
	if tree == nil {
		tree = make(groupTree, 1)
	}
	tree[group.ID], trees[group.Organization] = group, tree
	return &Groups{trees}
}

// Of returns the groups that can be used in organization o, in no order.
func (g *Groups) Of(o domain.OrganizationID) []domain.Group {
	groups := slices.Collect(maps.Values(g.trees[domain.RootOrganization]))
	if o != domain.RootOrganization {
		groups = slices.AppendSeq(groups, maps.Values(g.trees[o]))
	}
	return groups
}

// Find returns the number of the group that ref names among those that can be used in
// organization o: the one with that number, UUID or alias, of two with the same alias the
// organization's own unless ref begins with a slash. It returns ErrGroupNotFound if there is
// none.
func (g *Groups) Find(o domain.OrganizationID, ref domain.GroupRef) (domain.GroupID, error) {
	if id, ok := ref.Number(); ok {
		if _, ok := g.Get(o, id); ok {
			return id, nil
		}
		return 0, domain.ErrGroupNotFound
	}
	alias, ofRoot := strings.CutPrefix(domain.Fold(string(ref)), "/")
	trees := []groupTree{g.trees[o], g.trees[domain.RootOrganization]}
	if ofRoot {
		trees = trees[1:]
	}
	uuid, err := domain.ParseUUID(strings.TrimPrefix(string(ref), "/"))
	for _, tree := range trees {
		for id, group := range tree {
			if err == nil && group.UUID == uuid || err != nil && domain.Fold(group.Alias) == alias {
				return id, nil
			}
		}
	}
	return 0, domain.ErrGroupNotFound
}

// maxChain bounds the way up the group tree, should a cycle ever have been stored.
const maxChain = 64

// Chain returns the group with that number and the groups above it, up to a child of
// RootGroup or RootGroup itself. It is nil if there is no such group.
func (g *Groups) Chain(o domain.OrganizationID, id domain.GroupID) []domain.Group {
	var chain []domain.Group
	for len(chain) < maxChain {
		group, ok := g.Get(o, id)
		if !ok {
			return nil
		}
		chain = append(chain, group)
		if group.Parent == domain.RootGroup {
			return chain
		}
		o, id = group.Organization, group.Parent
	}
	return nil
}

// Effective returns the permissions a member of the group has through it: those that its
// own mask and the masks of all groups above it have in common (RootGroup's has all). It
// is 0 if there is no such group.
func (g *Groups) Effective(o domain.OrganizationID, id domain.GroupID) domain.Mask {
	mask := domain.AllPermissions
	for range maxChain {
		group, ok := g.Get(o, id)
		if !ok {
			return 0
		}
		if mask &= group.Mask; group.Parent == domain.RootGroup {
			return mask
		}
		o, id = group.Organization, group.Parent
	}
	return 0
}

// Mask returns the permissions a member of all the groups has: what any of them gives.
func (g *Groups) Mask(o domain.OrganizationID, ids []domain.GroupID) domain.Mask {
	var mask domain.Mask
	for _, id := range ids {
		mask |= g.Effective(o, id)
	}
	return mask
}

// Role returns the role with which s acts: their own, or a higher one of a group, as far as it
// counts at their home.
func (g *Groups) Role(s *domain.Subject) domain.Role {
	role := s.Role
	for _, id := range s.Groups {
		if group, ok := g.Get(s.Organization, id); ok {
			role = max(role, min(group.Role, domain.MaxGroupRole))
		}
	}
	return role.In(s.Organization, s.Home)
}

// Why says of each group whether it gives p.
func (g *Groups) Why(o domain.OrganizationID, ids []domain.GroupID, p domain.Permission) []domain.GroupReason {
	reasons := make([]domain.GroupReason, 0, len(ids))
	for _, id := range ids {
		reason := domain.GroupReason{Chain: []domain.GroupID{id}}
		if chain := g.Chain(o, id); chain != nil {
			reason = reasonOf(chain, p)
		}
		reasons = append(reasons, reason)
	}
	return reasons
}

func reasonOf(chain []domain.Group, p domain.Permission) domain.GroupReason {
	reason := domain.GroupReason{Gives: true}
	for _, group := range chain {
		reason.Chain = append(reason.Chain, group.ID)
		if reason.Gives && !group.Mask.Has(p) {
			reason.Gives, reason.WithheldBy = false, group.ID
		}
	}
	return reason
}

// with returns the generations and those that sc knows.
func (g Generations) with(sc Scope) Generations {
	all := Generations{sc.own.organization: sc.own.generation, sc.root.organization: sc.root.generation}
	maps.Copy(all, g)
	return all
}

// remembered returns the environment with that number in one of the organizations, if it was read before.
func (d *Documents) remembered(known Generations, id domain.EnvironmentID) (*domain.Environment, bool) {
	for o, generation := range known {
		if e, ok := d.environments.Get(environmentVersion{versioned{o, generation}, id}); ok {
			return e, true
		}
	}
	return nil, false
}

// remember keeps an environment that was read after known was.
func (d *Documents) remember(known Generations, e *domain.Environment) {
	if generation, ok := known[e.Organization]; ok {
		d.environments.Add(environmentVersion{versioned{e.Organization, generation}, e.ID}, e)
	}
}

// waysUp returns the environments on the ways up from places that exist, as they were when known was read, or later:
// what is not remembered of the organizations that known has, in one statement.
func (d *Documents) waysUp(ctx context.Context, known Generations,
	places []domain.EnvironmentPath) (map[domain.EnvironmentPath]*domain.Environment, error) {
	found := make(map[domain.EnvironmentPath]*domain.Environment)
	var missing []domain.EnvironmentPath
	for _, place := range places {
		for _, p := range WayUp(place) {
			if _, dup := found[p]; dup {
				continue
			}
			e, hit := d.remembered(known, p.ID())
			if hit = hit && e.Path == p; !hit {
				missing = append(missing, p)
			}
			d.hits.Looked("environments", hit)
			found[p] = e
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	read, err := d.source.At(ctx, missing)
	if err != nil {
		return nil, err
	}
	for _, p := range missing {
		delete(found, p)
	}
	for i := range read {
		d.remember(known, &read[i])
		found[read[i].Path] = &read[i]
	}
	return found, nil
}
