package directory

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// rehearsal is one change that is tried or carried out, and what was found out about it.
type rehearsal struct {
	*Previews
	caller *domain.Principal
	// people are whom the caller sees, and sight what.
	people, sight tenancy.Scope
	turn          chan struct{} // of the caller's organization

	found
}

// found is what look finds out; it begins anew when the change is made again.
type found struct {
	entries []domain.AuditEntry
	moves   tenancy.Moves
	// roots are the environments that change, as they lie after it.
	roots   tenancy.Tops
	changed map[domain.UserKey]bool
	made    map[domain.UserKey]bool
	// places are the environments that are made, by number, as the digest calls them.
	places map[domain.EnvironmentID]string
	area   tenancy.Area

	digest   hash.Hash
	hash     string
	counts   map[countKey]int
	first    []person
	gaining  int
	losing   int
	affected int
	ending   int64
	leftOut  bool
	unmanned map[domain.OrganizationID]domain.EnvironmentPath // organizations that lose an admin
	warnings []warning
	// environments are those that are told of, by where they lie after the change.
	environments map[domain.EnvironmentPath]*EnvironmentDocument
}

// placeKey is where something becomes different; the zero one is the user's own account.
type placeKey struct {
	at     domain.EnvironmentPath
	extent domain.Extent
}

func (p placeKey) compare(q placeKey) int {
	return cmp.Or(strings.Compare(string(p.at), string(q.at)), cmp.Compare(p.extent, q.extent))
}

type countKey struct {
	place      placeKey
	permission domain.Permission
	gained     bool
}

// part is what somebody gains and loses at a place.
type part struct {
	placeKey
	gained, lost domain.Mask
}

type person struct {
	user  domain.User
	parts []part
}

type warning struct {
	code domain.WarningCode
	at   domain.EnvironmentPath
}

// side is the directory before or after the change.
type side struct {
	tenancy.View
	effects *tenancy.Effects
}

func (r *rehearsal) side(view tenancy.View, now time.Time) side {
	return side{view, r.gate.Effects(view, now)}
}

// standing is somebody on one side, with what they can do there; a nil user is not there.
type standing struct {
	user   *domain.User
	effect tenancy.Effect
}

// look finds out what the change does.
func (r *rehearsal) look(ctx context.Context, t *tenancy.Trial) error {
	r.found = found{entries: t.Entries, moves: t.Moves, changed: make(map[domain.UserKey]bool),
		made: make(map[domain.UserKey]bool), places: make(map[domain.EnvironmentID]string), digest: sha256.New(),
		counts:       make(map[countKey]int),
		unmanned:     make(map[domain.OrganizationID]domain.EnvironmentPath),
		environments: make(map[domain.EnvironmentPath]*EnvironmentDocument)}
	r.survey()
	keys, err := r.concerned(ctx, t)
	if err != nil {
		return err
	}
	now := r.now()
	before, after := r.side(t.Before, now), r.side(t.After, now)
	for page := range slices.Chunk(keys, peopleTogether) {
		if err := r.compare(ctx, before, after, page); err != nil {
			return err
		}
	}
	if err := r.warn(ctx, t.Before, after); err != nil {
		return err
	}
	fmt.Fprintf(r.digest, "%d %t %v\n", r.ending, r.leftOut, r.warnings)
	r.hash = hex.EncodeToString(r.digest.Sum(nil)[:16])
	r.forgetNumbers()
	return r.name(ctx, t)
}

// peopleTogether is how many people are compared at once.
const peopleTogether = 500

// survey finds out from the entries of the change whom it may concern.
func (r *rehearsal) survey() {
	for i := range r.entries {
		e := &r.entries[i]
		e.Changes = slices.DeleteFunc(e.Changes, func(c domain.Change) bool { return c.Field == "last_password" })
		_, verb, _ := strings.Cut(e.Action, ":")
		r.note(e, verb)
		switch e.Target.Kind {
		case targetUser, targetFactor:
			key := domain.UserKey{Organization: e.Organization, User: domain.UserID(e.Target.ID)}
			r.changed[key], r.made[key] = true, verb == "create"
		case targetGroup:
			if verb == "update" && touches(e, "permission", "parent") {
				r.area.Groups = append(r.area.Groups, domain.GroupID(e.Target.ID))
			}
		case targetEnvironment:
			r.surveyPlace(e, verb)
		}
	}
	r.roots, r.area.Places = tenancy.TopsOf(r.roots), tenancy.TopsOf(r.area.Places)
}

func touches(e *domain.AuditEntry, fields ...string) bool {
	return slices.ContainsFunc(e.Changes, func(c domain.Change) bool { return slices.Contains(fields, c.Field) })
}

// surveyPlace notes an environment that is made, moved, switched or deleted.
func (r *rehearsal) surveyPlace(e *domain.AuditEntry, verb string) {
	switch {
	case verb == "update" && !touches(e, "parent", "active"), verb == "signin": // rights stay as they are
		return
	case verb == "create":
		id := domain.EnvironmentID(e.Target.ID)
		r.places[id] = fmt.Sprint("new ", len(r.places))
		if up := e.Path.Parent(); !r.moves.Made(up) {
			r.area.Within = append(r.area.Within, up)
		}
	default:
		r.area.Places = append(r.area.Places, e.Path)
		if was := r.moves.Earlier(e.Path); was != "" {
			r.area.Places = append(r.area.Places, was)
		}
	}
	r.roots = append(r.roots, e.Path)
}

// note adds an entry to the digest: what the caller asked for, and what it takes the place of as far as they
// see that. What is made has another number each time.
func (r *rehearsal) note(e *domain.AuditEntry, verb string) {
	id := e.Target.ID
	if verb == "create" {
		id = 0
	}
	fmt.Fprintf(r.digest, "%s %s %d\n", e.Action, e.Target.Kind, id)
	for _, c := range e.Changes {
		switch c.Field {
		case "allowed", "blocked":
			c.Before, c.After = r.stable(shownPlaces(r.sight, c.Before)), r.stable(shownPlaces(r.sight, c.After))
		case "home":
			c.Before, c.After = "", r.stable(c.After)
		case "parent":
			c.Before = ""
			if e.Target.Kind == targetEnvironment {
				c.After = r.stable(c.After)
			}
		}
		fmt.Fprintf(r.digest, "%q %q %q\n", c.Field, c.Before, c.After)
	}
}

// stable returns numbers of environments with those that are made as the digest calls them.
func (r *rehearsal) stable(numbers string) string {
	texts := strings.Fields(numbers)
	for i, text := range texts {
		id, _ := domain.ParseID[domain.EnvironmentID](text)
		if name := r.places[id]; name != "" {
			texts[i] = name
		}
	}
	return strings.Join(texts, " ")
}

// concerned returns everybody whom the change may concern, in the order of their keys, those it makes behind the
// others of their organization: their numbers are others each time.
func (r *rehearsal) concerned(ctx context.Context, t *tenancy.Trial) ([]domain.UserKey, error) {
	keys, err := t.Before.Concerned(ctx, r.area, r.limits.People)
	if err != nil {
		return nil, err
	}
	keys = slices.AppendSeq(keys, maps.Keys(r.changed))
	late := func(k domain.UserKey) int {
		if r.made[k] {
			return 1
		}
		return 0
	}
	slices.SortFunc(keys, func(a, b domain.UserKey) int {
		return cmp.Or(cmp.Compare(a.Organization, b.Organization), cmp.Compare(late(a), late(b)), cmp.Compare(a.User, b.User))
	})
	if keys = slices.Compact(keys); len(keys) > r.limits.People {
		return nil, domain.ManyConcerned(r.limits.People)
	}
	return keys, nil
}

// of returns those of the users who are there, with what they can do.
func (s *side) of(ctx context.Context, keys []domain.UserKey) (map[domain.UserKey]standing, error) {
	users, err := s.Users(ctx, keys)
	if err != nil {
		return nil, err
	}
	effects, err := s.effects.Of(ctx, users)
	if err != nil {
		return nil, err
	}
	all := make(map[domain.UserKey]standing, len(users))
	for i := range users {
		all[users[i].Key()] = standing{&users[i], effects[i]}
	}
	return all, nil
}

// compare counts what becomes different for some people.
func (r *rehearsal) compare(ctx context.Context, before, after side, keys []domain.UserKey) error {
	were, err := before.of(ctx, keys)
	if err != nil {
		return err
	}
	are, err := after.of(ctx, keys)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if ctx.Err() != nil {
			return domain.ErrOverloaded.Because(ctx.Err())
		}
		was, is := were[key], are[key]
		known := was.user
		if known == nil {
			known = is.user
		}
		if known == nil { // gone since the keys were read
			continue
		}
		differences := tenancy.Differences(&was.effect, &is.effect, &r.moves)
		if !r.sees(known) {
			r.leftOut = r.leftOut || len(differences) > 0
			continue
		}
		r.count(known, differences)
		r.noteStanding(known, was.user)
		if border := was.admin(); border != "" && (is.user == nil || is.admin() == "") && !r.moves.Gone(border) {
			r.unmanned[key.Organization] = border
		}
	}
	return r.countSessions(ctx, before, after, keys, were, are)
}

// sees reports whether the caller sees somebody, as they are without the change unless it makes them.
func (r *rehearsal) sees(u *domain.User) bool {
	if me, only := r.people.Self(); only {
		return me.User == u.ID && me.Organization == u.Organization
	}
	return r.people.Covers(u.HomePath)
}

// admin returns the place of the organization that somebody is an admin of, empty for none.
func (s *standing) admin() domain.EnvironmentPath {
	if s.user == nil {
		return ""
	}
	subject := s.user.Subject()
	border := subject.OrganizationPath()
	if s.effect.Role < domain.RoleOAdmin || !s.effect.Within.Has(domain.UserUpdate) || !s.effect.Reaches(border) {
		return ""
	}
	return border
}

// count adds what becomes different for somebody whom the caller sees, as far as they see where.
func (r *rehearsal) count(u *domain.User, differences []tenancy.Difference) {
	parts := make(map[placeKey]part)
	var gained, lost domain.Mask
	for _, d := range differences {
		at, shown := r.placeOf(u, &d)
		if !shown {
			r.leftOut = true
			continue
		}
		p := parts[at]
		p.placeKey, p.gained, p.lost = at, p.gained|d.Gained, p.lost|d.Lost
		parts[at] = p
		gained, lost = gained|d.Gained, lost|d.Lost
	}
	if len(parts) == 0 {
		return
	}
	r.affected++
	if gained != 0 {
		r.gaining++
	}
	if lost != 0 {
		r.losing++
	}
	ordered := make([]part, 0, len(parts))
	for _, p := range parts {
		ordered = append(ordered, p)
	}
	slices.SortFunc(ordered, func(a, b part) int { return a.compare(b.placeKey) })
	id := u.ID
	if r.made[u.Key()] {
		id = 0
	}
	fmt.Fprintf(r.digest, "%d %d:", u.Organization, id)
	for _, p := range ordered {
		r.countPart(&p)
	}
	io.WriteString(r.digest, "\n") //nolint:errcheck // it never fails
	if len(r.first) < PreviewPeople {
		r.first = append(r.first, person{*u, ordered})
	}
}

func (r *rehearsal) countPart(p *part) {
	fmt.Fprintf(r.digest, " %d %d %d %d", r.numberOf(p.at), p.extent, p.gained, p.lost)
	for _, info := range domain.Catalogue {
		if p.gained.Has(info.Permission) {
			r.counts[countKey{p.placeKey, info.Permission, true}]++
		}
		if p.lost.Has(info.Permission) {
			r.counts[countKey{p.placeKey, info.Permission, false}]++
		}
	}
}

// numberOf returns the number of the environment at p, 0 for one that is made.
func (r *rehearsal) numberOf(p domain.EnvironmentPath) domain.EnvironmentID {
	if r.moves.Made(p) {
		return 0
	}
	return p.ID()
}

// placeOf returns under which place a difference is told, and whether the caller sees it.
func (r *rehearsal) placeOf(u *domain.User, d *tenancy.Difference) (placeKey, bool) {
	if d.After == "" {
		return placeKey{}, true
	}
	at := d.Before
	if at == "" { // what is made stands in something that is there
		at = d.After.Parent()
	}
	if !r.sight.Shows(at) {
		return placeKey{}, false
	}
	if root, within := r.roots.Over(d.After); within {
		return placeKey{root, domain.ExtentWithin}, true
	}
	if r.changed[u.Key()] {
		return placeKey{d.After, d.Extent}, true
	}
	subject := u.Subject()
	border := subject.OrganizationPath()
	return placeKey{border, domain.ExtentWithin}, r.sight.Shows(border)
}

// noteStanding adds to the digest what decides about somebody who is changed, as it is without the change:
// what another admin changes of it meanwhile is not overlooked.
func (r *rehearsal) noteStanding(known, was *domain.User) {
	if was == nil || !r.changed[known.Key()] {
		return
	}
	fields := was.Fields()
	for _, f := range fields {
		switch f.Name {
		case "role", "group", "state", "active":
			fmt.Fprintf(r.digest, "%s=%q ", f.Name, f.Value)
		case "allowed", "blocked":
			fmt.Fprintf(r.digest, "%s=%q ", f.Name, shownPlaces(r.sight, f.Value))
		}
	}
}

// countSessions counts the sessions that end, which are of those who are changed themselves.
func (r *rehearsal) countSessions(ctx context.Context, before, after side, keys []domain.UserKey,
	were, are map[domain.UserKey]standing) error {
	keys = slices.DeleteFunc(slices.Clone(keys), func(k domain.UserKey) bool {
		return !r.changed[k] || were[k].user == nil || !r.sees(were[k].user)
	})
	if len(keys) == 0 {
		return nil
	}
	had, err := before.Sessions(ctx, keys)
	if err != nil {
		return err
	}
	have, err := after.Sessions(ctx, keys)
	if err != nil {
		return err
	}
	now := r.now()
	for _, k := range keys {
		r.ending += had[k]
		if is := are[k].user; is != nil && is.Usable(now) {
			r.ending -= have[k]
		}
	}
	return nil
}

// warn finds out what should be known before the change is made.
func (r *rehearsal) warn(ctx context.Context, before tenancy.Former, after side) error {
	for i := range r.entries {
		e := &r.entries[i]
		if strings.HasSuffix(e.Action, ":delete") {
			r.warnings = append(r.warnings, warning{code: domain.WarnForGood})
		}
		if e.Action == domain.EmergencyLost {
			r.warnings = append(r.warnings, warning{code: domain.WarnEmergency})
		}
		off := func(c domain.Change) bool { return c.Field == "active" && c.After == "false" }
		if e.Action == "environment:update" && slices.ContainsFunc(e.Changes, off) {
			r.warnings = append(r.warnings, warning{code: domain.WarnSuperUsersOnly})
		}
	}
	if err := r.warnOfCaller(ctx, after); err != nil {
		return err
	}
	organizations := make([]domain.OrganizationID, 0, len(r.unmanned))
	for o := range r.unmanned {
		organizations = append(organizations, o)
	}
	slices.Sort(organizations)
	for _, o := range organizations {
		manned, err := r.hasAdmin(ctx, before, after, o)
		if err != nil {
			return err
		}
		if border := r.unmanned[o]; !manned && r.sight.Shows(border) {
			later, _ := r.moves.Later(border)
			r.warnings = append(r.warnings, warning{domain.WarnNoAdmin, later})
		}
	}
	return nil
}

// hasAdmin reports whether the organization has an admin whom the caller sees.
func (r *rehearsal) hasAdmin(ctx context.Context, before tenancy.Former, after side,
	o domain.OrganizationID) (bool, error) {
	keys, err := before.Concerned(ctx, tenancy.Area{Admins: []domain.OrganizationID{o}}, r.limits.People)
	if err != nil {
		return false, err
	}
	keys = slices.AppendSeq(keys, maps.Keys(r.changed))
	for page := range slices.Chunk(keys, peopleTogether) {
		people, err := after.of(ctx, page)
		if err != nil {
			return false, err
		}
		for _, p := range people {
			if p.admin() != "" && r.sees(p.user) {
				return true, nil
			}
		}
	}
	return false, nil
}

// undone are the permissions that it takes to change something of each kind again.
var undone = map[string]domain.Permission{targetUser: domain.UserUpdate, targetGroup: domain.GroupWrite,
	targetEnvironment: domain.EnvironmentWrite}

// warnOfCaller warns if the caller would not get at what they changed any more.
func (r *rehearsal) warnOfCaller(ctx context.Context, after side) error {
	me := r.caller.UserKey()
	found, err := after.of(ctx, []domain.UserKey{me})
	if err != nil {
		return err
	}
	am, here := found[me]
	for i := range r.entries {
		e := &r.entries[i]
		own := e.Target.Kind == targetUser && e.Target.ID == int64(me.User) && am.effect.Self.Has(domain.ProfileUpdate)
		if here && !own && strings.HasSuffix(e.Action, ":update") &&
			(!am.effect.Within.Has(undone[e.Target.Kind]) || !am.effect.Reaches(e.Path)) {
			r.warnings = append(r.warnings, warning{code: domain.WarnNotByYou})
		}
	}
	return nil
}

// forgetNumbers takes away the numbers of what is made: another one is given when it is made in earnest.
func (r *rehearsal) forgetNumbers() {
	for i := range r.entries {
		if e := &r.entries[i]; strings.HasSuffix(e.Action, ":create") {
			e.Target.ID = 0
		}
	}
	for i := range r.first {
		u := &r.first[i].user
		if r.made[u.Key()] {
			u.ID, u.UUID, u.Person.ID, u.Generation = 0, "", 0, 0
		}
		if r.moves.Made(u.HomePath) {
			u.Home = 0
		}
	}
}

// name reads the environments that are told of, without the change where they are there without it.
func (r *rehearsal) name(ctx context.Context, t *tenancy.Trial) error {
	at := make(map[domain.EnvironmentID]domain.EnvironmentPath)
	note := func(p domain.EnvironmentPath) {
		if p != "" {
			at[p.ID()] = p
		}
	}
	counts, _ := r.counted()
	for _, k := range counts {
		note(k.place.at)
	}
	for _, p := range r.first {
		for _, part := range p.parts[:min(len(p.parts), PreviewParts)] {
			note(part.at)
		}
	}
	for _, w := range r.warnings {
		note(w.at)
	}
	ids := make([]domain.EnvironmentID, 0, len(at))
	for id := range at {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for part := range slices.Chunk(ids, peopleTogether) {
		read, err := t.Before.Numbered(ctx, part)
		if err != nil {
			return err
		}
		for i := range read {
			d := DescribeEnvironment(r.sight, read[i])
			r.environments[at[read[i].ID]] = &d
		}
	}
	for i := range t.Made {
		d := DescribeEnvironment(r.sight, t.Made[i])
		d.ID, d.UUID = 0, ""
		r.environments[d.Path] = &d
	}
	return nil
}
