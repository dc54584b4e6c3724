package transfer

import (
	"context"
	"hash/maphash"
	"iter"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"time"

	"canopy/app/directory"
	"canopy/app/transfer/document"
	"canopy/domain"
	"canopy/tenancy"
)

// ImportOptions say how a document is imported.
type ImportOptions struct {
	// DryRun finds out what would change and changes nothing.
	DryRun bool
	// CreateEnvironments makes environments that users name and that do not exist.
	CreateEnvironments bool
	// FirstOnly ends a dry run once there is an organization that can be imported.
	FirstOnly bool
	// Progress is told how many of the document's users were dealt with; it may be nil.
	Progress func(done, all int)
}

// ImportReport says what an import did, or would do.
type ImportReport struct {
	Organizations               int // with nothing wrong in them
	Environments, Groups, Users Tally
	// Objects and Rows are of the lists behind the organizations; Listed says that there are any.
	Objects, Rows Tally
	Listed        bool
	Problems      []ImportProblem // by line, the first maxProblems
	MoreProblems  int             // how many there are beyond
	Refused       []string        // paths of organizations of which nothing was written
	// Unreadable says that records could not be read, so that nothing at all was written.
	Unreadable bool
}

// Refuses reports whether nothing of the document was imported, because of what is wrong with it.
func (r *ImportReport) Refuses() bool {
	return r.Unreadable || r.Organizations == 0 && len(r.Problems) > 0
}

// add notes a problem.
func (r *ImportReport) add(p ImportProblem) {
	if r.Problems = append(r.Problems, p); len(r.Problems) == 2*maxProblems {
		r.sortProblems()
	}
}

// sortProblems puts the problems into the order of their lines and leaves out what is too much.
func (r *ImportReport) sortProblems() {
	slices.SortStableFunc(r.Problems, func(a, b ImportProblem) int { return a.Line - b.Line })
	if more := len(r.Problems) - maxProblems; more > 0 {
		r.Problems, r.MoreProblems = r.Problems[:maxProblems], r.MoreProblems+more
	}
}

// merge adds what was found of one organization.
func (r *ImportReport) merge(o *ImportReport) {
	for _, p := range o.Problems {
		r.add(p)
	}
	r.MoreProblems += o.MoreProblems
	r.Environments.add(o.Environments)
	r.Groups.add(o.Groups)
	r.Users.add(o.Users)
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
	// maxProblems is how many problems are told; the rest is counted.
	maxProblems = 100
	// chunk is how many users are written at once.
	chunk = 500
)

// Import brings the directory to what the document says: what is missing is created, what
// differs is changed, nothing is deleted. Each organization is one transaction; of one
// with a bad record nothing is written, and the others are imported. Of a document with
// records that cannot be read nothing is. Either way every record is looked at, so that the
// report has all that is wrong. Numbers of the document are kept where nobody had them
// before. The error is about the document or the database as a whole; the report has what
// was found wrong until then.
func (d *Directory) Import(ctx context.Context, doc document.Document, o ImportOptions) (ImportReport, error) {
	if o.Progress == nil {
		o.Progress = func(int, int) {}
	}
	i := &importer{
		store: d.store, names: d.names, w: tenancy.Operator(d.operator, domain.OrganizationWrite), options: o, now: d.now().
			UTC().Truncate(time.Millisecond),
		places: make(map[string]*planned), kept: make(map[number]uint64), written: make(map[domain.OrganizationID]bool),
		coming: newSeenNames(0), freed: make(map[string]domain.UserID),
		named: make(map[domain.OrganizationID][]*planned), groups: make(map[domain.OrganizationID][]domain.Group),
	}
	err := i.run(ctx, doc)
	i.report.sortProblems()
	return i.report, err
}

func (i *importer) run(ctx context.Context, doc document.Document) error {
	if err := i.load(ctx); err != nil {
		return err
	}
	if err := i.plan(ctx, doc); err != nil {
		return err
	}
	for section, err := range i.sections(doc) {
		if err != nil {
			return err
		}
		put := i.organization
		if section.List != nil {
			put = i.list
		}
		if err := put(ctx, section); err != nil {
			return err
		}
		if i.options.FirstOnly && !i.report.Refuses() && i.report.Organizations > 0 {
			return nil
		}
	}
	if err := i.withdraw(ctx); err != nil {
		return err
	}
	if i.report.Unreadable {
		r := &i.report
		r.Organizations, r.Environments, r.Groups, r.Users, r.Objects, r.Rows = 0, Tally{}, Tally{}, Tally{}, Tally{}, Tally{}
		i.report.Refused = nil
	}
	return nil
}

// importer is one import under way.
type importer struct {
	store   DirectoryStore
	names   directory.LoginNames
	w       tenancy.WriteScope
	options ImportOptions
	now     time.Time
	report  ImportReport
	// done and all are how many of the document's users were dealt with, and how many there are.
	done, all int

	empty  bool                // nothing was there before, so that nobody has a name that the document gives somebody
	first  domain.Numbers      // from which on the document's numbers are ours
	kept   map[number]uint64   // the document's numbers that were kept: a bit for each of 64, whose n / 64 is n
	places map[string]*planned // every environment there is or is to be, by domain.PathKey
	fresh  []*planned          // those to be created or changed, parents first
	byID   map[domain.EnvironmentID]*planned
	// named are the places of each organization that the document names, each behind the one above it.
	named   map[domain.OrganizationID][]*planned
	groups  map[domain.OrganizationID][]domain.Group
	written map[domain.OrganizationID]bool // organizations that were dealt with
	foreign []foreignGrant

	seen  *seenNames               // which line has which name
	freed map[string]domain.UserID // whose the folded mail addresses were that others may have now

	// coming are the UUIDs of the document's objects, as seenNames keeps names; lost are the lines
	// of organizations and objects that were refused.
	coming *seenNames
	lost   []lineRange
}

// lineRange is the lines from one up to and without another.
type lineRange struct{ from, until int }

// seenNames knows the lines of the names of a document. It keeps hashes instead of names, in a table
// that has room for a few more than there are: there may be millions.
type seenNames struct {
	seed   maphash.Seed
	hashes []uint64 // 0 where there is none; one whose place is taken is in the next that is free
	lines  []uint32
	count  int
}

// newSeenNames returns a table that need not grow for n names.
func newSeenNames(n int) *seenNames {
	s := &seenNames{seed: maphash.MakeSeed()}
	s.room(n)
	return s
}

// room makes the table one in which n names fill four fifths.
func (s *seenNames) room(n int) {
	hashes, lines := s.hashes, s.lines
	s.hashes, s.lines = make([]uint64, n+n/4+8), make([]uint32, n+n/4+8)
	for i, hash := range hashes {
		if hash != 0 {
			at := s.at(hash)
			s.hashes[at], s.lines[at] = hash, lines[i]
		}
	}
}

// at returns where a hash is in the table, or would be.
func (s *seenNames) at(hash uint64) int {
	first, _ := bits.Mul64(hash, uint64(len(s.hashes)))
	at := int(first)
	for s.hashes[at] != 0 && s.hashes[at] != hash {
		at = (at + 1) % len(s.hashes)
	}
	return at
}

func (s *seenNames) hash(field, name string) uint64 {
	return maphash.String(s.seed, field+"\x00"+domain.Fold(name)) | 1
}

// line returns the line that has the name, 0 if none had.
func (s *seenNames) line(field, name string) int { return int(s.lines[s.at(s.hash(field, name))]) }

// once notes that a line has the name. It is an error if one before had it.
func (s *seenNames) once(field, name string, line int) error {
	if name == "" {
		return nil
	}
	hash := s.hash(field, name)
	at := s.at(hash)
	if s.hashes[at] != 0 {
		return domain.ErrInvalid.On(field).Saying("%q comes on line %d too.", name, s.lines[at])
	}
	if s.count++; s.count > len(s.hashes)/5*4 {
		s.room(s.count * 3 / 2)
		at = s.at(hash)
	}
	s.hashes[at], s.lines[at] = hash, uint32(line)
	return nil
}

// number is a number of the document.
type number struct {
	kind int
	n    int64
}

// planned is an environment as it is to be; before is nil if it is not there yet.
type planned struct {
	domain.Environment
	key    string // domain.PathKey of its path
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
		key := domain.PathKey(e.AliasPath)
		i.places[key] = &planned{Environment: e, key: key, before: &e}
	}
	i.empty = len(i.places) == 0
	groups, err := i.store.Groups(ctx, i.w.Read())
	for _, g := range groups {
		i.groups[g.Organization] = append(i.groups[g.Organization], g)
	}
	return err
}

// plan reads the document once to its end, so that one that cannot be read changes
// nothing, and gives every environment it has its place. Records that cannot be read make the
// import a rehearsal, which finds out what else is wrong.
func (i *importer) plan(ctx context.Context, doc document.Document) error {
	var last domain.Numbers
	highest := func(kind int, n int64) { last[kind] = max(last[kind], n) }
	for section, err := range doc.Sections() {
		if err != nil {
			return err
		}
		i.unread(section.Line, section.Wrong)
		if section.List != nil {
			if err := i.planList(section, highest); err != nil {
				return err
			}
			continue
		}
		for _, r := range section.Environments {
			i.unread(r.Line, r.Wrong)
			highest(domain.EnvironmentNumber, r.Number)
			i.planRecord(r)
		}
		for _, wanted := range section.Wanted {
			i.planWanted(wanted.Line, wanted.Path)
		}
		for _, r := range section.Groups {
			i.unread(r.Line, r.Wrong)
			highest(domain.GroupNumber, r.Number)
		}
		for r, err := range section.Users {
			if err != nil {
				return err
			}
			i.all++
			i.unread(r.Line, r.Wrong)
			highest(domain.UserNumber, r.Number)
			highest(domain.PersonNumber, r.Person)
			if i.options.CreateEnvironments {
				i.planNamed(r)
			}
		}
	}
	i.seen = newSeenNames(2 * i.all) // login names and mail addresses
	return i.settle(ctx, last)
}

// unread notes what cannot be read of a record.
func (i *importer) unread(line int, wrong []*domain.Error) {
	for _, err := range wrong {
		i.report.add(ImportProblem{line, err})
		i.report.Unreadable, i.options.DryRun, i.options.Progress = true, true, func(int, int) {}
	}
}

// planRecord plans an environment of the document. One without a parent is left out: its
// organization is refused when it is dealt with.
func (i *importer) planRecord(r document.EnvironmentRecord) {
	key := domain.PathKey(r.Path)
	if p, ok := i.places[key]; ok {
		if p.line == 0 {
			p.line = r.Line
			r.Apply(&p.Environment)
			i.fresh = append(i.fresh, p)
		}
		return
	}
	i.planNew(key, r.Line, r.Number, func(e *domain.Environment) {
		e.UUID, e.Alias = r.UUID, lastStep(r.Path)
		r.Apply(e)
		directory.Set(&e.IsOrganization, r.IsOrganization)
	})
}

func (i *importer) planNew(key string, line int, n int64, apply func(*domain.Environment)) {
	if _, ok := i.above(key); !ok {
		return
	}
	var parent domain.EnvironmentID // known once the place is settled
	if key != "" && !strings.Contains(key, "/") {
		parent = domain.RootEnvironment
	}
	p := &planned{Environment: domain.NewEnvironment(parent), key: key, line: line, number: n}
	apply(&p.Environment)
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
func (i *importer) planNamed(r document.UserRecord) {
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
		if key := domain.PathKey(strings.Join(steps[:n+1], "/")); i.places[key] == nil {
			i.planNew(key, line, 0, func(e *domain.Environment) { e.Alias = steps[n] })
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
	for _, p := range i.inOrder() {
		if p.before == nil {
			i.hang(p)
		}
		if p.line != 0 {
			i.named[p.Organization] = append(i.named[p.Organization], p)
		}
	}
	i.byID = make(map[domain.EnvironmentID]*planned, len(i.places))
	for _, p := range i.places {
		i.byID[p.ID] = p
	}
	return nil
}

// hang gives a new place, whose number is known, its place in the tree.
func (i *importer) hang(p *planned) {
	p.ID = domain.EnvironmentID(p.number)
	if p.key == "" {
		p.AliasPath, p.IsOrganization = "", true
		p.Parent, p.Path, p.Organization, p.parent = p.ID, domain.RootPath, domain.RootOrganization, domain.RootOrganization
		return
	}
	above, _ := i.above(p.key)
	p.Hang(&above.Environment)
	p.parent = above.Organization
}

// inOrder returns the places that are new or named, each behind the one above it.
func (i *importer) inOrder() []*planned {
	return slices.SortedFunc(slices.Values(i.fresh), func(a, b *planned) int { return strings.Compare(a.key, b.key) })
}

// keep reports whether the document's number may be used for a new entity.
func (i *importer) keep(kind int, n int64) bool {
	k, bit := number{kind, n / 64}, uint64(1)<<(n%64)
	if n <= 0 || n < i.first[kind] || i.kept[k]&bit != 0 {
		return false
	}
	i.kept[k] |= bit
	return true
}

// sections yields the organizations to deal with: the document's, and for users of any
// organization one for each that they belong to.
func (i *importer) sections(doc document.Document) iter.Seq2[*document.Section, error] {
	return func(yield func(*document.Section, error) bool) {
		for section, err := range doc.Sections() {
			if err != nil {
				yield(nil, err)
				return
			}
			if section.Path != "" || section.List != nil {
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

// split sorts users by the organization of their home. Those whose home is not known are
// together in a section without a path.
func (i *importer) split(section *document.Section) []*document.Section {
	byKey := make(map[string][]document.UserRecord)
	for _, p := range i.fresh {
		if !i.written[p.Organization] {
			byKey[i.borderKey(domain.PathKey(p.AliasPath))] = nil
		}
	}
	for r := range section.Users {
		home := ""
		if r.Home != nil {
			home = domain.PathKey(string(*r.Home))
		}
		key := i.borderKey(home)
		byKey[key] = append(byKey[key], r)
	}
	var parts []*document.Section
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		users := byKey[key]
		part := &document.Section{Path: "/" + key, Line: section.Line,
			Users: func(yield func(document.UserRecord, error) bool) {
				for _, r := range users {
					if !yield(r, nil) {
						return
					}
				}
			}}
		if key == nowhere {
			part.Path = ""
		} else if p := i.places[key]; p.AliasPath != "" {
			part.Path = p.AliasPath
		}
		parts = append(parts, part)
	}
	return parts
}

// nowhere is the key of no place: no path ends in a slash.
const nowhere = "/"

// borderKey returns the key of the organization that the place with that key belongs to,
// or nowhere if there is no such place.
func (i *importer) borderKey(key string) string {
	for up := key; ; up = up[:max(strings.LastIndexByte(up, '/'), 0)] {
		p := i.places[up]
		if p == nil {
			return nowhere
		}
		if p.IsOrganization || up == "" {
			return up
		}
	}
}
