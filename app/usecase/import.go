package usecase

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// ImportOptions say how a document is imported.
type ImportOptions struct {
	// DryRun finds out what would change and changes nothing.
	DryRun bool
	// CreateEnvironments makes environments that users name and that do not exist. One
	// directly below the root becomes an organization.
	CreateEnvironments bool
	// Progress is told of each user that was dealt with; it may be nil.
	Progress func()
}

// ImportReport says what an import did, or would do.
type ImportReport struct {
	Organizations               int // with nothing wrong in them
	Environments, Groups, Users Tally
	Problems                    []ImportProblem // by line
	Refused                     []string        // paths of organizations of which nothing was written
}

// Tally counts records by what became of them.
type Tally struct{ Created, Updated, Unchanged int }

func (t *Tally) add(o Tally) {
	t.Created += o.Created
	t.Updated += o.Updated
	t.Unchanged += o.Unchanged
}

// count counts a record that was there before, or was not, and differs, or does not.
func (t *Tally) count(there, differs bool) {
	switch {
	case !there:
		t.Created++
	case differs:
		t.Updated++
	default:
		t.Unchanged++
	}
}

// ImportProblem is a record that cannot be imported.
type ImportProblem struct {
	Line int
	Err  *domain.Error
}

const (
	// maxProblems is how many problems of one organization are looked for.
	maxProblems = 20
	// chunk is how many users are written at once.
	chunk = 500
)

// Import brings the directory to what the document says: what is missing is created, what
// differs is changed, nothing is deleted. Each organization is one transaction; of one
// with a bad record nothing is written, and the others are imported. Numbers of the
// document are kept where nobody had them before. The error is about the document or the
// database as a whole.
func (d *Directory) Import(ctx context.Context, document Document, o ImportOptions) (ImportReport, error) {
	if o.Progress == nil {
		o.Progress = func() {}
	}
	i := &importer{
		store: d.store, w: tenancy.Operator(d.operator, domain.OrganizationWrite), options: o, now: d.now().UTC().Truncate(time.Millisecond),
		places: make(map[string]*planned), kept: make(map[number]bool), written: make(map[domain.OrganizationID]bool),
	}
	if err := i.load(ctx); err != nil {
		return i.report, err
	}
	if err := i.plan(ctx, document); err != nil {
		return i.report, err
	}
	for section, err := range i.sections(document) {
		if err != nil {
			return i.report, err
		}
		if err := i.organization(ctx, section); err != nil {
			return i.report, err
		}
	}
	err := i.withdraw(ctx)
	slices.SortStableFunc(i.report.Problems, func(a, b ImportProblem) int { return a.Line - b.Line })
	return i.report, err
}

// importer is one import under way.
type importer struct {
	store   DirectoryStore
	w       tenancy.WriteScope
	options ImportOptions
	now     time.Time
	report  ImportReport

	first   domain.Numbers      // from which on the document's numbers are ours
	kept    map[number]bool     // the document's numbers that were kept
	places  map[string]*planned // every environment there is or is to be, by placeKey
	fresh   []*planned          // those to be created or changed, parents first
	byID    map[domain.EnvironmentID]*planned
	groups  []domain.Group                 // every group there is
	written map[domain.OrganizationID]bool // organizations that were dealt with
	foreign []foreignGrant
}

// number is a number of the document.
type number struct {
	kind int
	n    int64
}

// planned is an environment as it is to be; before is nil if it is not there yet.
type planned struct {
	domain.Environment
	before *domain.Environment
	parent domain.OrganizationID // the organization of the environment above
	line   int
	number int64 // the document's
}

// foreignGrant is an environment on a user's list that belongs to an organization not yet
// dealt with.
type foreignGrant struct {
	line  int
	user  *domain.StoredUser
	place *planned
}

// load reads the environments and groups there are.
func (i *importer) load(ctx context.Context) error {
	for e, err := range i.store.Environments(ctx, i.w.Read()) {
		if err != nil {
			return err
		}
		i.places[placeKey(e.AliasPath)] = &planned{Environment: e, before: &e}
	}
	var err error
	i.groups, err = i.store.Groups(ctx, i.w.Read())
	return err
}

// placeKey is the key of a complete alias path, with or without a slash before it.
func placeKey(path string) string { return domain.Fold(strings.Trim(path, "/")) }

// plan reads the document once to its end, so that one that cannot be read changes
// nothing, and gives every environment it has its place.
func (i *importer) plan(ctx context.Context, document Document) error {
	var last domain.Numbers
	highest := func(kind int, n int64) { last[kind] = max(last[kind], n) }
	for section, err := range document.Sections() {
		if err != nil {
			return err
		}
		for _, r := range section.Environments {
			highest(domain.EnvironmentNumber, r.Number)
			i.planRecord(r)
		}
		for _, wanted := range section.Wanted {
			i.planWanted(wanted.Line, wanted.Path)
		}
		for _, r := range section.Groups {
			highest(domain.GroupNumber, r.Number)
		}
		for r, err := range section.Users {
			if err != nil {
				return err
			}
			highest(domain.UserNumber, r.Number)
			highest(domain.PersonNumber, r.Person)
			if i.options.CreateEnvironments {
				i.planNamed(r)
			}
		}
	}
	return i.settle(ctx, last)
}

// planRecord plans an environment of the document. One without a parent is left out: its
// organization is refused when it is dealt with.
func (i *importer) planRecord(r EnvironmentRecord) {
	key := placeKey(r.Path)
	if p, ok := i.places[key]; ok {
		if p.line == 0 {
			p.line = r.Line
			r.apply(&p.Environment)
			i.fresh = append(i.fresh, p)
		}
		return
	}
	e := domain.Environment{UUID: r.UUID, Active: true, TimeZone: "GMT", Alias: lastStep(r.Path)}
	r.apply(&e)
	set(&e.IsOrganization, r.IsOrganization)
	i.planNew(key, e, r.Line, r.Number)
}

func (i *importer) planNew(key string, e domain.Environment, line int, n int64) {
	if _, ok := i.above(key); !ok {
		return
	}
	p := &planned{Environment: e, line: line, number: n}
	i.places[key] = p
	i.fresh = append(i.fresh, p)
}

// above returns what is planned above the environment with that key; nothing is above the
// root of a new directory.
func (i *importer) above(key string) (*planned, bool) {
	if key == "" {
		return nil, true
	}
	p, ok := i.places[key[:max(strings.LastIndexByte(key, '/'), 0)]]
	return p, ok
}

func lastStep(path string) string {
	path = strings.Trim(path, "/")
	return path[strings.LastIndexByte(path, '/')+1:]
}

// planNamed plans the environments that a user names and that are not there.
func (i *importer) planNamed(r UserRecord) {
	if r.Home != nil {
		i.planWanted(r.Line, *r.Home)
	}
	for _, list := range []*[]domain.EnvironmentRef{r.Allowed, r.Blocked} {
		if list != nil {
			for _, ref := range *list {
				i.planWanted(r.Line, ref)
			}
		}
	}
}

// planWanted plans the environment with that path and those above it.
func (i *importer) planWanted(line int, ref domain.EnvironmentRef) {
	steps := strings.Split(strings.Trim(string(ref), "/"), "/")
	for n := range steps {
		if key := placeKey(strings.Join(steps[:n+1], "/")); i.places[key] == nil {
			i.planNew(key, domain.Environment{Alias: steps[n], Active: true, TimeZone: "GMT", IsOrganization: n == 0}, line, 0)
		}
	}
}

// settle gives the planned environments numbers and places.
func (i *importer) settle(ctx context.Context, last domain.Numbers) (err error) {
	if !i.options.DryRun {
		if i.first, err = i.store.Claim(ctx, i.w, last); err != nil {
			return err
		}
	}
	var without []*planned
	for _, p := range i.fresh {
		if p.before == nil && (i.options.DryRun || !i.keep(domain.EnvironmentNumber, p.number)) {
			without = append(without, p)
		}
	}
	next := int64(-len(without)) // numbers nobody has, for a dry run
	if len(without) > 0 && !i.options.DryRun {
		if next, err = i.store.Reserve(ctx, i.w, domain.EnvironmentNumber, int64(len(without))); err != nil {
			return err
		}
	}
	for n, p := range without {
		p.number = next + int64(n)
	}
	for key, p := range i.inOrder() {
		if p.before != nil {
			continue
		}
		p.ID = domain.EnvironmentID(p.number)
		if key == "" {
			p.AliasPath, p.IsOrganization = "", true
			p.Parent, p.Path, p.Organization, p.parent = p.ID, domain.RootPath, domain.RootOrganization, domain.RootOrganization
			continue
		}
		above, _ := i.above(key)
		p.Hang(&above.Environment)
		p.parent = above.Organization
	}
	i.byID = make(map[domain.EnvironmentID]*planned, len(i.places))
	for _, p := range i.places {
		i.byID[p.ID] = p
	}
	return nil
}

// inOrder yields the planned places, each behind the one above it.
func (i *importer) inOrder() iter.Seq2[string, *planned] {
	return func(yield func(string, *planned) bool) {
		for _, key := range slices.Sorted(maps.Keys(i.places)) {
			if !yield(key, i.places[key]) {
				return
			}
		}
	}
}

// keep reports whether the document's number may be used for a new entity.
func (i *importer) keep(kind int, n int64) bool {
	k := number{kind, n}
	if n <= 0 || n < i.first[kind] || i.kept[k] {
		return false
	}
	i.kept[k] = true
	return true
}

// sections yields the organizations to deal with: the document's, and for users of any
// organization one for each that they belong to.
func (i *importer) sections(document Document) iter.Seq2[*Section, error] {
	return func(yield func(*Section, error) bool) {
		for section, err := range document.Sections() {
			if err != nil {
				yield(nil, err)
				return
			}
			if section.Path != "" {
				if !yield(section, nil) {
					return
				}
				continue
			}
			for _, part := range i.split(section) {
				if !yield(part, nil) {
					return
				}
			}
		}
	}
}

// split sorts users by the organization of their home. A user without a home that is
// known stays in a section whose path is not.
func (i *importer) split(section *Section) []*Section {
	byKey := make(map[string][]UserRecord)
	for _, p := range i.fresh {
		if !i.written[p.Organization] {
			byKey[i.borderKey(placeKey(p.AliasPath))] = nil
		}
	}
	for r := range section.Users {
		home := ""
		if r.Home != nil {
			home = placeKey(string(*r.Home))
		}
		key := i.borderKey(home)
		byKey[key] = append(byKey[key], r)
	}
	var parts []*Section
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		users := byKey[key]
		part := &Section{Path: "/" + key, Line: section.Line, Users: func(yield func(UserRecord, error) bool) {
			for _, r := range users {
				if !yield(r, nil) {
					return
				}
			}
		}}
		if p := i.places[key]; p == nil {
			part.Path, part.Line = string(*users[0].Home), users[0].Line // a home that is not there
		} else if p.AliasPath != "" {
			part.Path = p.AliasPath
		}
		parts = append(parts, part)
	}
	return parts
}

// borderKey returns the key of the organization that the place with that key belongs to,
// or the key itself if there is no such place.
func (i *importer) borderKey(key string) string {
	for up := key; ; up = up[:max(strings.LastIndexByte(up, '/'), 0)] {
		p := i.places[up]
		if p == nil {
			return key
		}
		if p.IsOrganization || up == "" {
			return up
		}
	}
}
