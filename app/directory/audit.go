package directory

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"

	"canopy/domain"
	"canopy/tenancy"
)

// Audit reads the audit trail.
type Audit struct {
	gate      *tenancy.Gate
	documents *tenancy.Documents
	store     AuditStore
	signIns   Flusher
	users     UserStore
	objects   ObjectLister
	declared  domain.Declared
}

// Flusher writes down what was only noted so far.
type Flusher interface {
	Flush(ctx context.Context) error
}

// ObjectLister lists objects.
type ObjectLister interface {
	// List returns a page of the objects that f keeps and sc covers, and the cursor of the next one.
	List(ctx context.Context, sc tenancy.Scope, f domain.ObjectFilter,
		p domain.Page) ([]domain.Object, domain.Cursor, error)
}

// NewAudit returns the use case of reading the audit trail of users who have the declared
// properties. Sign-ins are written into it by signIns.
func NewAudit(gate *tenancy.Gate, documents *tenancy.Documents, store AuditStore, users UserStore,
	objects ObjectLister, signIns Flusher, declared domain.Declared) *Audit {
	return &Audit{gate: gate, documents: documents, store: store, users: users, objects: objects, signIns: signIns,
		declared: declared}
}

// AuditStore reads the audit trail, under the same rule.
type AuditStore interface {
	// List returns one page of the entries f keeps, newest first, and the cursor of the
	// next page.
	List(ctx context.Context, sc tenancy.Scope, f domain.AuditFilter,
		p domain.Page) ([]domain.AuditEntry, domain.Cursor, error)
}

// ListAudit asks for entries of an environment and everything below it.
type ListAudit struct {
	Environment domain.EnvironmentRef // empty is the current one
	Everywhere  bool                  // asks for the caller's whole reach instead
	Filter      domain.AuditFilter
	Page        domain.Page // without a limit the whole trail is returned
	Named       bool        // asks for the names of what entries have by number
}

// AuditDocument is an entry of the audit trail. Its place, and Named for each of its changes, are there only if
// they were asked for.
type AuditDocument struct {
	domain.AuditEntry
	// ShownPlace is the path of the environment in which it happened, empty if that is gone.
	ShownPlace string
	Named      []NamedChange
}

// NamedChange has the names of what a change tells by number, in its order: the paths of environments and the
// aliases of groups and users. What is gone is named by its number. Both are nil for a change that names nothing.
type NamedChange struct{ Before, After []string }

// List returns the entries of an environment and everything below it, newest first,
// within the caller's reach. It needs domain.AuditRead there. Who acted is named, and found by the
// filter, where the caller has domain.UserRead on them; of environments, groups, users and objects that
// changes name only those are told that the caller reaches, and of properties that are not the caller's to
// read only that they changed.
func (a *Audit) List(ctx context.Context, caller domain.Principal,
	in ListAudit) (list Listed[AuditDocument], err error) {
	where := tenancy.In(in.Environment)
	if in.Everywhere {
		where = tenancy.Anywhere()
	}
	sc, err := a.gate.Enter(ctx, &caller, domain.AuditRead, where)
	if err != nil {
		return list, err
	}
	people, err := a.gate.Enter(ctx, &caller, domain.UserRead, tenancy.Anywhere())
	if err != nil && !domain.ErrForbidden.Is(err) {
		return list, err
	}
	sc = sc.Choosing(people)
	role, err := a.gate.Role(ctx, &caller)
	if err != nil {
		return list, err
	}
	if err := a.signIns.Flush(ctx); err != nil { // what is read can still be told
		slog.WarnContext(ctx, "sign-ins could not be written into the audit trail", "error", err)
	}
	return ReadList(ctx, in.Page, func(ctx context.Context, p domain.Page) ([]AuditDocument, domain.Cursor, error) {
		page, next, err := a.store.List(ctx, sc, in.Filter, p)
		if err != nil {
			return nil, "", err
		}
		var places []domain.EnvironmentID
		if in.Named {
			places = placesIn(page)
		}
		known, err := a.known(ctx, &caller, page, places...)
		if err != nil {
			return nil, "", err
		}
		described := make([]AuditDocument, len(page))
		for i := range page {
			a.redact(role, sc, &page[i], known)
			described[i].AuditEntry = page[i]
		}
		if in.Named {
			err = a.name(ctx, sc, described, known)
		}
		return described, next, err
	})
}

// told returns entries that are not in the trail as their reader, who sees what sight has, would read them, with what
// they name.
func (a *Audit) told(ctx context.Context, caller *domain.Principal, sight tenancy.Scope,
	entries []domain.AuditEntry, made ...domain.Environment) ([]AuditDocument, error) {
	role, err := a.gate.Role(ctx, caller)
	if err != nil {
		return nil, err
	}
	known, err := a.known(ctx, caller, entries, placesIn(entries)...)
	if err != nil {
		return nil, err
	}
	for i := range made {
		known.environments[made[i].ID] = made[i]
	}
	described := make([]AuditDocument, len(entries))
	for i := range entries {
		a.redact(role, sight, &entries[i], known)
		described[i].AuditEntry = entries[i]
	}
	return described, a.name(ctx, sight, described, known)
}

// mentioned are numbers that changes mention: those of what the reader reaches, with what it is or its name.
type mentioned struct {
	environments map[domain.EnvironmentID]domain.Environment
	users        map[domain.UserID]string
	objects      map[domain.ObjectID]string
}

// known finds out which of what the changes of entries mention who reaches, and of further environments, of all
// at once.
func (a *Audit) known(ctx context.Context, caller *domain.Principal, page []domain.AuditEntry,
	further ...domain.EnvironmentID) (m mentioned, err error) {
	m = mentioned{map[domain.EnvironmentID]domain.Environment{}, map[domain.UserID]string{}, map[domain.ObjectID]string{}}
	for _, id := range further {
		m.environments[id] = domain.Environment{}
	}
	for i := range page {
		e := &page[i]
		for _, c := range e.Changes {
			for _, text := range []string{c.Before, c.After} {
				m.mention(e.Target.Kind, c.Field, text)
			}
		}
	}
	if m.environments, err = a.gate.Reached(ctx, caller, slices.Sorted(maps.Keys(m.environments))); err != nil {
		return m, err
	}
	if len(m.users) > 0 {
		sight, err := a.gate.Sight(ctx, caller)
		if err != nil {
			return m, err
		}
		asked := slices.Sorted(maps.Keys(m.users))
		m.users = map[domain.UserID]string{caller.User: caller.Alias}
		for part := range slices.Chunk(asked, domain.MaxLimit) {
			found, _, err := a.users.Newest(ctx, sight, domain.PeopleFilter{IDs: part}, 0, domain.Page{Limit: len(part)})
			if err != nil {
				return m, err
			}
			for i := range found {
				m.users[found[i].ID] = found[i].Alias
			}
		}
	}
	if len(m.objects) == 0 {
		return m, nil
	}
	asked := slices.Sorted(maps.Keys(m.objects))
	clear(m.objects)
	sc, err := a.gate.EnterObjects(ctx, caller, tenancy.Anywhere())
	if domain.ErrForbidden.Is(err) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	for part := range slices.Chunk(asked, domain.MaxLimit) {
		found, _, err := a.objects.List(ctx, sc, domain.ObjectFilter{IDs: part}, domain.Page{Limit: len(part)})
		if err != nil {
			return m, err
		}
		for i := range found {
			m.objects[found[i].ID] = found[i].FullName
		}
	}
	return m, nil
}

// The kinds of targets whose fields have a meaning of their own; the others are objects.
const (
	targetUser        = "user"
	targetFactor      = "factor" // of a user, whose number it has
	targetGroup       = "group"
	targetEnvironment = "environment"
)

// mention notes the numbers that a field of a target of that kind has.
func (m *mentioned) mention(kind, field, text string) {
	switch {
	case field == "home" || kind == targetEnvironment && field == "parent":
		for _, n := range numbersIn(text) {
			m.environments[domain.EnvironmentID(n)] = domain.Environment{}
		}
	case kind == targetUser || kind == targetGroup || kind == targetEnvironment:
	case field == "owner":
		for _, n := range numbersIn(text) {
			m.users[domain.UserID(n)] = ""
		}
	case field == "parent" || field == "uses":
		for _, n := range numbersIn(text) {
			m.objects[domain.ObjectID(n)] = ""
		}
	case field == "access":
		for entry := range strings.SplitSeq(text, ", ") {
			if n, ok := strings.CutPrefix(entry, "user "); ok {
				for _, n := range numbersIn(n) {
					m.users[domain.UserID(n)] = ""
				}
			}
		}
	}
}

func has[K comparable, V any](m map[K]V, key K) bool {
	_, there := m[key]
	return there
}

// numbersIn returns the numbers among the words of a text.
func numbersIn(text string) (numbers []int64) {
	for word := range strings.FieldsSeq(text) {
		if n, ok := domain.ParseID[int64](word); ok {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// redact takes out of an entry what lies outside the reach of its reader, who acts with role,
// and what is not theirs to read.
func (a *Audit) redact(role domain.Role, sc tenancy.Scope, e *domain.AuditEntry, known mentioned) {
	properties := a.declared.Users
	if e.Target.Kind == targetEnvironment {
		properties = a.declared.Organizations
	}
	for i := range e.Changes {
		c := &e.Changes[i]
		if properties.Hides(role, c.Field) {
			c.Before, c.After = "", ""
			continue
		}
		c.Before, c.After = known.shown(sc, e, c.Field, c.Before), known.shown(sc, e, c.Field, c.After)
	}
}

// shown returns what of a field's text the reader may be told.
func (m *mentioned) shown(sc tenancy.Scope, e *domain.AuditEntry, field, text string) string {
	kind := e.Target.Kind
	switch {
	case text == "":
		return text
	case field == "allowed" || field == "blocked":
		return shownPlaces(sc, text)
	case field == "home" || kind == targetEnvironment && field == "parent":
		return keep(text, func(n int64) bool { return has(m.environments, domain.EnvironmentID(n)) })
	case kind == targetUser && field == "group" || kind == targetGroup && field == "parent":
		if sc.ShowsOrganization(e.Organization, e.Path) {
			return text
		}
		// Of those of the root only the ones that every directory has are known by their numbers.
		return keep(text, func(n int64) bool { return domain.GroupID(n) <= domain.AdminGroup })
	case kind == targetUser || kind == targetGroup || kind == targetEnvironment:
		return text
	case field == "owner":
		return keep(text, func(n int64) bool { return n == 0 || has(m.users, domain.UserID(n)) })
	case field == "parent" || field == "uses":
		return keep(text, func(n int64) bool { return n == 0 || has(m.objects, domain.ObjectID(n)) })
	case field == "access":
		return m.shownAccess(sc, e, text)
	}
	return text
}

// keep returns the numbers among the words of a text that may be told.
func keep(text string, told func(int64) bool) string {
	words := strings.Fields(text)
	return strings.Join(slices.DeleteFunc(words, func(word string) bool {
		n, ok := domain.ParseID[int64](word)
		return word != "0" && (!ok || !told(n))
	}), " ")
}

// shownAccess returns the entries of an access list whose users and groups may be told.
func (m *mentioned) shownAccess(sc tenancy.Scope, e *domain.AuditEntry, text string) string {
	entries := slices.DeleteFunc(strings.Split(text, ", "), func(entry string) bool {
		if rest, ok := strings.CutPrefix(entry, "user "); ok {
			return !slices.ContainsFunc(numbersIn(rest), func(n int64) bool { return has(m.users, domain.UserID(n)) })
		}
		return !sc.ShowsOrganization(e.Organization, e.Path)
	})
	return strings.Join(entries, ", ")
}

// shownPlaces turns a list of paths into the numbers of those that may be shown.
func shownPlaces(sc tenancy.Scope, paths string) string {
	var numbers []string
	for p := range strings.FieldsSeq(paths) {
		if path := domain.EnvironmentPath(p); sc.Shows(path) {
			numbers = append(numbers, string(domain.NumberRef(path.ID())))
		}
	}
	return strings.Join(numbers, " ")
}

// placesIn returns the environments in which entries happened and those on lists that they changed.
func placesIn(page []domain.AuditEntry) (ids []domain.EnvironmentID) {
	for i := range page {
		ids = append(ids, page[i].Place)
		for _, c := range page[i].Changes {
			switch c.Field {
			case "allowed", "blocked":
				for p := range strings.FieldsSeq(c.Before + " " + c.After) {
					ids = append(ids, domain.EnvironmentPath(p).ID())
				}
			case "environment":
				for _, n := range numbersIn(c.Before + " " + c.After) {
					ids = append(ids, domain.EnvironmentID(n))
				}
			}
		}
	}
	return ids
}

// name adds to entries, which have only what the reader may be told, the names of what they have by number.
func (a *Audit) name(ctx context.Context, sc tenancy.Scope, page []AuditDocument, known mentioned) error {
	var organizations []domain.OrganizationID
	for i := range page {
		if e := &page[i]; sc.ShowsOrganization(e.Organization, e.Path) && !slices.Contains(organizations, e.Organization) {
			organizations = append(organizations, e.Organization)
		}
	}
	groups, err := a.documents.Groups(ctx, sc, nil, organizations...)
	if err != nil {
		return err
	}
	for i := range page {
		e := &page[i]
		e.ShownPlace, _ = known.place(sc, int64(e.Place))
		e.Named = make([]NamedChange, len(e.Changes))
		for j, c := range e.Changes {
			if name := known.naming(sc, e, c.Field, groups); name != nil {
				e.Named[j] = NamedChange{name(c.Before), name(c.After)}
			}
		}
	}
	return nil
}

func (m *mentioned) place(sc tenancy.Scope, n int64) (string, bool) {
	e, reached := m.environments[domain.EnvironmentID(n)]
	if !reached {
		return "", false
	}
	return e.ShownPath(sc.Shows), true
}

// naming returns what names the things that a field of an entry has by number, nil if it has none.
func (m *mentioned) naming(sc tenancy.Scope, e *AuditDocument, field string,
	groups *tenancy.Groups) func(string) []string {
	kind := e.Target.Kind
	place := func(n int64) (string, bool) { return m.place(sc, n) }
	group := func(n int64) (string, bool) {
		g, there := groups.Get(e.Organization, domain.GroupID(n))
		return g.Alias, there
	}
	switch {
	case field == "allowed" || field == "blocked" || field == "home" || field == "environment" ||
		kind == targetEnvironment && field == "parent":
		return names(place)
	case kind == targetUser && field == "group" || kind == targetGroup && field == "parent":
		return names(group)
	case kind == targetUser || kind == targetGroup || kind == targetEnvironment:
		return nil
	case field == "owner":
		return names(func(n int64) (string, bool) { name, known := m.users[domain.UserID(n)]; return name, known })
	case field == "parent" || field == "uses":
		return names(func(n int64) (string, bool) { name, known := m.objects[domain.ObjectID(n)]; return name, known })
	}
	return nil
}

// names returns what names the numbers in a text, each by name if it has one.
func names(name func(int64) (string, bool)) func(string) []string {
	return func(text string) []string {
		named := []string{}
		for _, n := range numbersIn(text) {
			text, known := name(n)
			if !known {
				text = strconv.FormatInt(n, 10)
			}
			named = append(named, text)
		}
		return named
	}
}
