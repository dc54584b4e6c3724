package tenancy

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"canopy/domain"
)

// Effect is all that a user can do: what on their own account, what within their reach, and where that is.
// The zero Effect is of somebody who can do nothing.
type Effect struct {
	Role         domain.Role // what they act with
	Self, Within domain.Mask
	reach        Reach
	nominal      Reach
}

// Reaches reports whether the reach has the environment at p.
func (e *Effect) Reaches(p domain.EnvironmentPath) bool { return e.reach.Contains(p) }

// Effects computes what people can do, many at a time, by what decides their requests.
type Effects struct {
	policy Policy
	view   View
	now    time.Time
	groups map[domain.OrganizationID][]domain.Group
	masks  map[held][2]domain.Mask
}

// held is what the policy decides by.
type held struct {
	role domain.Role
	mask domain.Mask
}

// The sizes of what Effects remembers of the people before.
const (
	effectGroups = 1000
	effectMasks  = 10_000
)

// Effects returns what computes effects in the directory that view shows.
func (g *Gate) Effects(view View, now time.Time) *Effects {
	return &Effects{policy: g.policy, view: view, now: now, groups: make(map[domain.OrganizationID][]domain.Group),
		masks: make(map[held][2]domain.Mask)}
}

// Of returns the effect of each of the users. Somebody whose account cannot be used has none.
func (e *Effects) Of(ctx context.Context, users []domain.User) ([]Effect, error) {
	groups, err := e.groupsOf(ctx, users)
	if err != nil {
		return nil, err
	}
	effects, subjects := make([]Effect, len(users)), make([]domain.Subject, len(users))
	above := make(map[domain.EnvironmentPath]bool)
	var in []Range
	for i := range users {
		if !users[i].Usable(e.now) {
			continue
		}
		s := users[i].Subject()
		s.Role = groups.Role(&s)
		subjects[i] = s
		masks := e.permitted(held{s.Role, groups.Mask(s.Organization, s.Groups)})
		nominal := NominalReach(&s)
		effects[i] = Effect{Role: s.Role, Self: masks[0], Within: masks[1], reach: nominal, nominal: nominal}
		if s.Role != domain.RoleSuperUser {
			in = append(in, nominal.set...)
			for _, p := range nominal.above() {
				above[p] = true
			}
		}
	}
	inactive, err := e.view.Inactive(ctx, slices.Collect(maps.Keys(above)), union(in...))
	if err != nil || len(inactive) == 0 {
		return effects, err
	}
	slices.Sort(inactive)
	for i := range effects {
		if f := &effects[i]; f.Role != 0 {
			f.reach = newReach(&subjects[i], f.nominal.touchedBy(inactive))
		}
	}
	return effects, nil
}

// touchedBy returns those of the paths, which ascend, that lie in the reach or above a part of it.
func (r *Reach) touchedBy(paths []domain.EnvironmentPath) []domain.EnvironmentPath {
	var touched []domain.EnvironmentPath
	for _, in := range r.set {
		first, _ := slices.BinarySearch(paths, in.From)
		for _, p := range paths[first:] {
			if p >= in.Until {
				break
			}
			touched = append(touched, p)
		}
	}
	for _, p := range r.above() {
		if _, there := slices.BinarySearch(paths, p); there {
			touched = append(touched, p)
		}
	}
	return touched
}

func (e *Effects) groupsOf(ctx context.Context, users []domain.User) (*Groups, error) {
	wanted := map[domain.OrganizationID]bool{domain.RootOrganization: true}
	for i := range users {
		wanted[users[i].Organization] = true
	}
	if len(e.groups) > effectGroups {
		clear(e.groups)
	}
	var missing []domain.OrganizationID
	for o := range wanted {
		if _, known := e.groups[o]; !known {
			missing = append(missing, o)
			e.groups[o] = nil
		}
	}
	if len(missing) > 0 {
		read, err := e.view.Groups(ctx, missing)
		if err != nil {
			return nil, err
		}
		for _, g := range read {
			e.groups[g.Organization] = append(e.groups[g.Organization], g)
		}
	}
	var all []domain.Group
	for o := range wanted {
		all = append(all, e.groups[o]...)
	}
	return GroupsOf(all), nil
}

// permitted returns what the policy lets somebody do on their own account, and within their reach.
func (e *Effects) permitted(h held) [2]domain.Mask {
	if known, ok := e.masks[h]; ok {
		return known
	}
	var masks [2]domain.Mask
	for _, info := range domain.Catalogue {
		for i, position := range []domain.Position{domain.Self, domain.Within} {
			if e.policy.Decide(h.role, h.mask, position, info.Permission).Allowed {
				masks[i] |= info.Permission.Mask()
			}
		}
	}
	if len(e.masks) > effectMasks {
		clear(e.masks)
	}
	e.masks[h] = masks
	return masks
}

// Move says where the subtree of an environment is after a change: From is empty for one that was made, To for
// one that went away.
type Move struct{ From, To domain.EnvironmentPath }

// Moves are those of one change. A place that comes or goes counts for the difference of those who reach it. The zero
// value is of a change that moves nothing.
type Moves struct {
	from, to Tops
	later    map[domain.EnvironmentPath]domain.EnvironmentPath // by where it was; empty for one that went away
	earlier  map[domain.EnvironmentPath]domain.EnvironmentPath // by where it is; empty for one that was made
}

// MovesOf returns moves, those made below another one with it. No other lies within another one.
func MovesOf(all []Move) Moves {
	ms := Moves{later: make(map[domain.EnvironmentPath]domain.EnvironmentPath),
		earlier: make(map[domain.EnvironmentPath]domain.EnvironmentPath)}
	for _, m := range all {
		if m.From != "" {
			ms.from, ms.later[m.From] = append(ms.from, m.From), m.To
		}
		if m.To != "" {
			ms.to, ms.earlier[m.To] = append(ms.to, m.To), m.From
		}
	}
	ms.from, ms.to = TopsOf(ms.from), TopsOf(ms.to)
	return ms
}

// Later returns where the environment at p before the change is after it, and whether it is there; one that went
// away stays where it was.
func (ms *Moves) Later(p domain.EnvironmentPath) (domain.EnvironmentPath, bool) {
	from, moves := ms.from.Over(p)
	switch to := ms.later[from]; {
	case !moves:
		return p, true
	case to == "":
		return p, false
	default:
		return to + p[len(from):], true
	}
}

// Earlier returns where the environment at Later(p) was; it is empty for one that was made.
func (ms *Moves) Earlier(p domain.EnvironmentPath) domain.EnvironmentPath {
	to, moved := ms.to.Over(p)
	switch from := ms.earlier[to]; {
	case !moved:
		return p
	case from == "":
		return ""
	default:
		return from + p[len(to):]
	}
}

// Gone reports whether the environment at p went away.
func (ms *Moves) Gone(p domain.EnvironmentPath) bool {
	_, there := ms.Later(p)
	return !there
}

// Made reports whether the environment at p was made.
func (ms *Moves) Made(p domain.EnvironmentPath) bool { return ms.Earlier(p) == "" }

// Left returns the stretches of the tree that were moved or went away.
func (ms *Moves) Left() []Range {
	left := make([]Range, len(ms.from))
	for i, p := range ms.from {
		left[i] = subtree(p)
	}
	return left
}

// points returns the places that move, as they are after the change, but for those that were made where reached has
// nothing.
func (ms *Moves) points(reached ranges) []domain.EnvironmentPath {
	var points []domain.EnvironmentPath
	for _, p := range ms.from {
		later, _ := ms.Later(p)
		points = append(points, later)
	}
	for _, r := range reached {
		if p, in := ms.to.Over(r.From); in {
			points = append(points, p)
		}
		first, _ := slices.BinarySearch(ms.to, r.From)
		for _, p := range ms.to[first:] {
			if p >= r.Until {
				break
			}
			points = append(points, p)
		}
	}
	return points
}

// Tops are places in ascending order, none of them within another.
type Tops []domain.EnvironmentPath

// TopsOf returns the places, which may come in any order and several times, without those within another one.
func TopsOf(places []domain.EnvironmentPath) Tops {
	slices.Sort(places)
	var tops Tops
	for _, p := range places {
		if n := len(tops); n == 0 || !tops[n-1].Contains(p) {
			tops = append(tops, p)
		}
	}
	return tops
}

// Over returns the one that p is or lies within, and whether there is one. Only the greatest that is not above p can
// be.
func (t Tops) Over(p domain.EnvironmentPath) (domain.EnvironmentPath, bool) {
	n, there := slices.BinarySearch(t, p)
	if there {
		return p, true
	}
	if n > 0 && t[n-1].Contains(p) {
		return t[n-1], true
	}
	return "", false
}

// Difference is what somebody gains and loses at a place.
type Difference struct {
	// Before and After are where the place is; Before is empty for one that was made. Both are empty for
	// the user's own account.
	Before, After domain.EnvironmentPath
	Extent        domain.Extent
	Gained, Lost  domain.Mask
}

// Differences returns what becomes different for somebody by a change that moves environments as said, in
// tree order. Every place is one at which either reach begins or ends.
func Differences(before, after *Effect, moves *Moves) []Difference {
	var all []Difference
	if before.Self != after.Self {
		all = append(all, Difference{Gained: after.Self &^ before.Self, Lost: before.Self &^ after.Self})
	}
	if before.same(after) && len(moves.from)+len(moves.to) == 0 {
		return all
	}
	var above []Difference // what holds below the places above the one looked at
	for _, p := range bounds(before, after, moves) {
		for len(above) > 0 && !above[len(above)-1].After.Contains(p) {
			above = above[:len(above)-1]
		}
		at, below := differenceAt(before, after, moves, p), differenceAt(before, after, moves, p.Child(0))
		below.After = p
		var around Difference
		if len(above) > 0 {
			around = above[len(above)-1]
		}
		above = append(above, below)
		if !at.alike(&below) || !at.alike(&around) {
			all = append(all, at.split(&below)...)
		}
	}
	return all
}

func (d *Difference) alike(e *Difference) bool { return d.Gained == e.Gained && d.Lost == e.Lost }

// split returns what is different at a place and below it alike, at the place alone, and below it alone.
func (d *Difference) split(below *Difference) []Difference {
	var parts []Difference
	for extent, part := range map[domain.Extent][2]domain.Mask{
		domain.ExtentWhole: {d.Gained & below.Gained, d.Lost & below.Lost},
		domain.ExtentAlone: {d.Gained &^ below.Gained, d.Lost &^ below.Lost},
		domain.ExtentBelow: {below.Gained &^ d.Gained, below.Lost &^ d.Lost},
	} {
		if part[0]|part[1] != 0 {
			parts = append(parts, Difference{d.Before, d.After, extent, part[0], part[1]})
		}
	}
	slices.SortFunc(parts, func(a, b Difference) int { return int(a.Extent) - int(b.Extent) })
	return parts
}

// same reports whether both can do the same within the same reach.
func (e *Effect) same(f *Effect) bool {
	return e.Within == f.Within && slices.Equal(e.reach.set, f.reach.set)
}

// differenceAt is what becomes different at the place that is at p after the change.
func differenceAt(before, after *Effect, moves *Moves, p domain.EnvironmentPath) Difference {
	d := Difference{Before: moves.Earlier(p), After: p}
	var had, has domain.Mask
	if d.Before != "" && before.Reaches(d.Before) {
		had = before.Within
	}
	if !moves.Gone(p) && after.Reaches(p) {
		has = after.Within
	}
	d.Gained, d.Lost = has&^had, had&^has
	return d
}

// bounds returns where either reach begins or ends, and the places that move, as they are after the change.
func bounds(before, after *Effect, moves *Moves) []domain.EnvironmentPath {
	points := moves.points(after.reach.set)
	for _, p := range before.reach.bounds() {
		later, _ := moves.Later(p)
		points = append(points, later)
	}
	points = append(points, after.reach.bounds()...)
	slices.SortFunc(points, func(a, b domain.EnvironmentPath) int { return strings.Compare(string(a), string(b)) })
	return slices.Compact(points)
}

func (r *Reach) bounds() []domain.EnvironmentPath {
	var points []domain.EnvironmentPath
	if r.home != "" {
		points = append(points, r.home)
	}
	for _, causes := range [][]domain.Cause{r.in, r.out} {
		for _, c := range causes {
			points = append(points, c.Path)
		}
	}
	return points
}
