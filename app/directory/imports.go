package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// Imports bring people and environments of a file into the part of the tree that whoever has the file reaches: who is
// there by their login name is changed, who is not is made, and so are environments by their paths. Each line is held
// to the rules of Create and Update of Users and Environments.
type Imports struct {
	store        ImportStore
	users        *Users
	environments *Environments
	previews     *Previews
	audit        *Audit
}

// NewImports returns the use cases of imports, which are previewed by previews and told of as by audit.
func NewImports(store ImportStore, users *Users, environments *Environments, previews *Previews,
	audit *Audit) *Imports {
	return &Imports{store: store, users: users, environments: environments, previews: previews, audit: audit}
}

// ImportRow is a line of a file: what the user with its alias is to be. Wrong is what could not be read of it.
type ImportRow struct {
	Line  int
	Wrong []*domain.Error
	UserPatch
}

// ImportUsers asks for an import. DryRun only tries it; Plan is the hash that trying it returned, and empty is to
// carry it out whatever it does.
type ImportUsers struct {
	Rows []ImportRow
	// Environments may be named by Rows, and by one another.
	Environments []ImportEnvironment
	DryRun       bool
	Plan         string
	// Progress is told how many of the users and environments that differ were written; it may be nil. After a
	// conflict with others it begins anew.
	Progress func(done, all int)
}

// ImportReport says what an import did, or would do, by line.
type ImportReport struct {
	Created, Updated, Unchanged int // people
	Environments                ImportTally
	Lines                       []ImportLine    // who and what is made or changed, in the order of the file
	Problems                    []ImportProblem // in the order of the file; with any nothing is written
	Preview                     *PreviewDocument
}

// ImportLine is somebody or an environment that is made or changed, as the audit trail tells it with names.
type ImportLine struct {
	Line    int
	Created bool
	AuditDocument
}

// ImportProblem is what is wrong with a line of a file.
type ImportProblem struct {
	Line int
	Err  *domain.Error
}

// MaxImport is how many people, and how many environments, a file has at most: they are written in one transaction,
// for which others wait.
const MaxImport = 5000

// ErrImport refuses an import of a file in which lines are wrong.
var ErrImport = domain.ErrInvalid.On("file")

// plannedUser is a line that makes a difference.
type plannedUser struct {
	line   int
	change *userChange
	before *domain.User // nil for a new one
	after  domain.User
}

// Run imports what a file has, all in one transaction or nothing. It needs domain.UserCreate where people are made and
// domain.UserUpdate where they are changed, and what Environments need. What is wrong is in the report, with ErrImport
// unless it is only tried; domain.ErrPlanChanged is for a plan that would do something else now.
func (i *Imports) Run(ctx context.Context, caller domain.Principal, in ImportUsers) (ImportReport, error) {
	r := &importRun{Imports: i, caller: &caller, now: i.users.now().UTC().Truncate(time.Millisecond), in: in,
		givers: make(map[domain.OrganizationID]tenancy.Giver),
		places: make(map[domain.EnvironmentRef]tenancy.NamedEnvironment), made: make(map[string]*plannedPlace)}
	if in.DryRun {
		ctx = domain.WithRehearsal(ctx)
	} else if err := i.users.gate.Recent(&caller); err != nil {
		return r.report, err
	}
	if err := r.prepare(ctx); err != nil {
		return r.report, err
	}
	if len(r.report.Problems) > 0 {
		return r.refused()
	}
	var err error
	switch {
	case in.DryRun:
		var preview PreviewDocument
		if preview, err = i.previews.Run(ctx, caller, r.write); err == nil {
			preview.Changes = nil // which Lines are
			r.report.Preview = &preview
		}
	case in.Plan != "":
		err = i.previews.CarryOut(ctx, caller, in.Plan, r.write)
	default:
		err = r.write(ctx)
	}
	if r.failed != nil && errors.Is(err, r.failed.Err) {
		r.report.Problems = append(r.report.Problems, *r.failed)
		return r.refused()
	}
	return r.report, err
}

func (r *importRun) refused() (ImportReport, error) {
	r.report = ImportReport{Problems: r.report.Problems}
	slices.SortStableFunc(r.report.Problems, func(a, b ImportProblem) int { return a.Line - b.Line })
	if r.in.DryRun {
		return r.report, nil
	}
	first := r.report.Problems[0]
	return r.report, ErrImport.Saying(
		"Line %d: %s Nothing was imported; try it with dryRun=true to see all that is wrong.", first.Line, first.Err.Public)
}

// importRun is one import under way.
type importRun struct {
	*Imports
	caller *domain.Principal
	in     ImportUsers
	now    time.Time
	sight  tenancy.Scope
	w      tenancy.WriteScope
	givers map[domain.OrganizationID]tenancy.Giver
	places map[domain.EnvironmentRef]tenancy.NamedEnvironment
	report ImportReport
	people []plannedUser
	// made are the new environments by domain.PathKey, and order all that differ, those above before those below.
	made   map[string]*plannedPlace
	order  []*plannedPlace
	failed *ImportProblem // what the transaction refused
}

// prepare finds out what each line does, and what is wrong with it.
func (r *importRun) prepare(ctx context.Context) (err error) {
	switch n := len(r.in.Rows); {
	case n == 0 && len(r.in.Environments) == 0:
		return domain.InvalidField("file", "There is nobody in the file.")
	case len(r.in.Environments) > MaxImport:
		return domain.InvalidField("file", "At most %d environments can be imported together. Cut the file in parts.",
			MaxImport)
	case n > MaxImport:
		return domain.InvalidField("file", "At most %d people can be imported together. Cut the file in parts.",
			MaxImport)
	}
	if err := r.enter(ctx); err != nil {
		return err
	}
	if r.sight, err = r.users.gate.Enter(ctx, r.caller, domain.UserRead, tenancy.Anywhere()); err != nil {
		return err
	}
	if err := r.findPlaces(ctx); err != nil {
		return err
	}
	if err := r.planPlaces(ctx); err != nil {
		return err
	}
	present, err := r.present(ctx)
	if err != nil {
		return err
	}
	aliases, mails := make(map[string]int), make(map[string]int)
	for at := range r.in.Rows {
		row := &r.in.Rows[at]
		r.wrong(row.Line, row.Wrong)
		err := errors.Join(once("alias", row.Alias, row.Line, aliases), once("person.mail", row.Mail, row.Line, mails))
		if err == nil && len(row.Wrong) == 0 {
			err = r.plan(ctx, row, present)
		}
		if err := r.note(row.Line, err); err != nil {
			return err
		}
	}
	return r.describe(ctx)
}

// enter has the proof for all that is written: what may be made and what may be changed is asked for each.
func (r *importRun) enter(ctx context.Context) (err error) {
	permissions := []domain.Permission{domain.UserCreate, domain.UserUpdate}
	if len(r.in.Rows) == 0 {
		permissions = []domain.Permission{domain.EnvironmentWrite, domain.OrganizationWrite}
	}
	for _, p := range permissions {
		if r.w, err = r.users.gate.EnterWrite(ctx, r.caller, p, tenancy.Anywhere()); !domain.ErrForbidden.Is(err) {
			return err
		}
	}
	return err
}

// once notes that a line has a name. It is an error if one before had it.
func once(field string, name *string, line int, seen map[string]int) error {
	if name == nil || *name == "" {
		return nil
	}
	key := domain.Fold(*name)
	if before, again := seen[key]; again {
		return domain.ErrInvalid.On(field).Saying("%q comes on line %d too.", *name, before)
	}
	seen[key] = line
	return nil
}

func (r *importRun) wrong(line int, all []*domain.Error) {
	for _, err := range all {
		r.report.Problems = append(r.report.Problems, ImportProblem{line, err})
	}
}

// note notes each of the errors that are joined. One that is no fault of the line is returned.
func (r *importRun) note(line int, err error) error {
	if err == nil {
		return nil
	}
	if several, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // of errors.Join, not of what it joins
		for _, err := range several.Unwrap() {
			if err := r.note(line, err); err != nil {
				return err
			}
		}
		return nil
	}
	switch e := domain.AsError(err); e.Kind {
	case domain.Invalid, domain.Forbidden, domain.NotFound, domain.Conflict:
		r.wrong(line, []*domain.Error{e})
		return nil
	}
	return err
}

// findPlaces finds the environments that lines name, all together.
func (r *importRun) findPlaces(ctx context.Context) error {
	var refs []domain.EnvironmentRef
	name := func(all ...domain.EnvironmentRef) {
		for _, ref := range all {
			if _, known := r.places[ref]; !known {
				r.places[ref] = tenancy.NamedEnvironment{}
				refs = append(refs, ref)
			}
		}
	}
	for i := range r.in.Rows {
		row := &r.in.Rows[i]
		for _, list := range []*[]domain.EnvironmentRef{row.Allowed, row.Blocked} {
			if list != nil {
				name(*list...)
			}
		}
		if row.Home != nil {
			name(*row.Home)
		}
	}
	for i := range r.in.Environments {
		path := r.in.Environments[i].Path
		above, _ := split(path)
		name(namesOf(path)...)
		name(namesOf(above)...)
	}
	named, err := r.users.gate.EnvironmentsNamed(ctx, r.caller, refs)
	for i, n := range named {
		r.places[refs[i]] = n
	}
	return err
}

// present returns the users whom the caller sees with the aliases of the file.
func (r *importRun) present(ctx context.Context) (map[string]domain.User, error) {
	var aliases []string
	for i := range r.in.Rows {
		if alias := r.in.Rows[i].Alias; alias != nil {
			aliases = append(aliases, *alias)
		}
	}
	present := make(map[string]domain.User, len(aliases))
	for part := range slices.Chunk(aliases, 100) {
		found, _, err := r.users.store.Newest(ctx, r.sight, domain.PeopleFilter{Aliases: part}, 0,
			domain.Page{Limit: len(part)})
		if err != nil {
			return nil, err
		}
		for i := range found {
			present[domain.Fold(found[i].Alias)] = found[i]
		}
	}
	return present, nil
}

// plan finds out what a line does.
func (r *importRun) plan(ctx context.Context, row *ImportRow, present map[string]domain.User) error {
	if row.Alias == nil || *row.Alias == "" {
		return domain.InvalidField("alias", "A value is required.")
	}
	p := plannedUser{line: row.Line, change: &userChange{Users: r.users, caller: r.caller, w: r.w, now: r.now}}
	home, err := r.home(ctx, row)
	if err != nil {
		return err
	}
	organization := home.Organization
	if before, there := present[domain.Fold(*row.Alias)]; there {
		p.before, p.after, organization = &before, before.Clone(), before.Organization
	} else {
		if _, err := r.users.gate.EnterWrite(ctx, r.caller, domain.UserCreate, tenancy.At(home.Path)); err != nil {
			return err
		}
		p.after = domain.User{Role: domain.RoleUser, Groups: []domain.GroupID{domain.UserGroup}, DefaultPage: 1,
			Standing: domain.Standing{Active: true, Created: r.now, IdleSince: r.now}}
	}
	if p.change.giver, err = r.giver(ctx, organization); err != nil {
		return err
	}
	if err := r.resolve(row, organization, home, &p); err != nil {
		return err
	}
	if err := p.change.patch.Apply(&p.after, r.w.Read().Shows, r.now); err != nil {
		return err
	}
	if p.before == nil {
		err = errors.Join(p.after.Validate(), GiveName(r.users.names, &p.after))
	} else if len(domain.Diff(p.before.Fields(), p.after.Fields())) == 0 {
		r.report.Unchanged++
		return nil
	} else if p.before.ID == r.caller.User {
		return domain.ErrOwnAccount.Saying("This is your own account. Change it yourself, or leave the line out.")
	} else if _, err = r.users.gate.EnterUser(ctx, r.caller, domain.UserUpdate, p.before); err == nil {
		err = errors.Join(p.after.ValidateAfter(p.before), p.change.giver.MayChange(p.before))
	}
	if err != nil {
		return err
	}
	if err := p.change.giver.MayGive(&p.after); err != nil {
		return err
	}
	if p.before == nil {
		r.report.Created++
	} else {
		r.report.Updated++
	}
	r.people = append(r.people, p)
	return nil
}

// home returns where a line says that its user belongs, the current environment if it does not.
func (r *importRun) home(ctx context.Context, row *ImportRow) (domain.Environment, error) {
	if row.Home == nil {
		return r.users.gate.Environment(ctx, r.caller, "")
	}
	found := r.place(*row.Home)
	if found.Err != nil {
		return found.Environment, r.missing("home", *row.Home, found.Err)
	}
	return found.Environment, nil
}

// place returns what a reference names: an environment that the file makes, or one that is there.
func (r *importRun) place(ref domain.EnvironmentRef) tenancy.NamedEnvironment {
	if made := r.made[domain.PathKey(string(ref))]; made != nil {
		return tenancy.NamedEnvironment{Environment: made.after}
	}
	return r.places[ref]
}

func (r *importRun) missing(field string, ref domain.EnvironmentRef, err error) error {
	if domain.ErrEnvironmentNotFound.Is(err) {
		return domain.ErrEnvironmentNotFound.On(field).Saying("There is no environment %q.", string(ref))
	}
	return domain.AsError(err).On(field)
}

func (r *importRun) giver(ctx context.Context, o domain.OrganizationID) (tenancy.Giver, error) {
	if giver, known := r.givers[o]; known {
		return giver, nil
	}
	giver, err := r.users.gate.Giver(ctx, r.caller, o)
	if err == nil {
		r.givers[o] = giver
	}
	return giver, err
}

// resolve looks up what a line names. The error has everything that is not there.
func (r *importRun) resolve(row *ImportRow, o domain.OrganizationID, home domain.Environment, p *plannedUser) error {
	made := Resolved{UserPatch: row.UserPatch}
	if row.Home != nil || p.before == nil {
		made.HomeFound = &home
	}
	var wrong []error
	group := func(field string, ref domain.GroupRef) domain.GroupID {
		id, err := p.change.giver.Groups().Find(o, ref)
		if err != nil {
			wrong = append(wrong, domain.ErrGroupNotFound.On(field).Saying("There is no group %q here.", string(ref)))
		}
		return id
	}
	if row.Group != nil {
		made.GroupID = group("group", *row.Group)
	}
	if row.Groups != nil {
		for _, ref := range *row.Groups {
			made.GroupIDs = append(made.GroupIDs, group("groups", ref))
		}
		wrong = append(wrong, domain.CheckGroups(len(*row.Groups)))
	}
	grants := func(field string, refs *[]domain.EnvironmentRef) (all []domain.Grant) {
		if refs == nil {
			return nil
		}
		wrong = append(wrong, domain.CheckGrants(field, len(*refs)))
		for _, ref := range *refs {
			e := r.place(ref)
			if e.Err != nil {
				wrong = append(wrong, r.missing(field, ref, e.Err))
			}
			all = append(all, domain.Grant{Environment: e.ID, Organization: e.Organization, Path: e.Path})
		}
		return all
	}
	made.Allows, made.Blocks = grants("allowed", row.Allowed), grants("blocked", row.Blocked)
	p.change.patch = made
	if p.before != nil && row.Home != nil && home.Organization != o {
		wrong = append(wrong, domain.ErrUserBorder.On("home"))
	}
	return errors.Join(wrong...)
}

// describe tells in the report what becomes of whom, as far as the caller may read it.
func (r *importRun) describe(ctx context.Context) error {
	var entries []domain.AuditEntry
	var made []domain.Environment
	for _, p := range r.order {
		entries = append(entries, p.entry())
		r.report.Lines = append(r.report.Lines, ImportLine{Line: p.line, Created: p.before == nil})
		if p.before == nil {
			made = append(made, p.after)
		}
	}
	for i := range r.people {
		p := &r.people[i]
		var before domain.Fields
		action := "user:create"
		if p.before != nil {
			before, action = p.before.Fields(), "user:update"
		}
		entries = append(entries, domain.AuditEntry{At: r.now, Action: action,
			Target:       domain.Target{Kind: targetUser, ID: int64(p.after.ID), Name: p.after.Alias},
			Organization: p.after.Organization, Place: p.after.Home, Path: p.after.HomePath,
			Changes: domain.Diff(before, p.after.Fields())})
		r.report.Lines = append(r.report.Lines, ImportLine{Line: p.line, Created: p.before == nil})
	}
	told, err := r.audit.told(ctx, r.caller, r.sight, entries, made...)
	if err != nil {
		return err
	}
	numbers := make(map[int64]bool, len(made))
	for i := range made {
		numbers[int64(made[i].ID)] = true
	}
	for i := range told {
		if r.in.DryRun {
			forget(&told[i].AuditEntry, numbers)
		}
		r.report.Lines[i].AuditDocument = told[i]
	}
	slices.SortStableFunc(r.report.Lines, func(a, b ImportLine) int { return a.Line - b.Line })
	return nil
}

// forget takes numbers of environments away: those that are made in earnest are others.
func forget(e *domain.AuditEntry, numbers map[int64]bool) {
	for i := range e.Changes {
		switch c := &e.Changes[i]; c.Field {
		case "home", "parent", "allowed", "blocked":
			c.After = keep(c.After, func(n int64) bool { return !numbers[n] })
		}
	}
}

// write makes what was planned, in one transaction.
func (r *importRun) write(ctx context.Context) error {
	keys := make([]domain.UserKey, 0, len(r.people))
	for i := range r.people {
		if p := &r.people[i]; p.before != nil {
			keys = append(keys, p.before.Key())
		} else if err := r.users.store.Number(ctx, &p.after); err != nil {
			return err
		}
	}
	all := len(r.order) + len(r.people)
	tell := func(done int) {
		if r.in.Progress != nil {
			r.in.Progress(done, all)
		}
	}
	return r.store.Do(ctx, r.w, func(tx ImportTx) error {
		r.failed = nil
		for i, p := range r.order {
			if err := p.save(tx); err != nil {
				return r.fail(p.line, err)
			}
			tell(i + 1)
		}
		found, err := tx.Users(keys)
		if err != nil {
			return err
		}
		held := make(map[domain.UserKey]*domain.User, len(found))
		for i := range found {
			held[found[i].Key()] = &found[i]
		}
		for i := range r.people {
			p := &r.people[i]
			if err := p.save(tx, held); err != nil {
				return r.fail(p.line, err)
			}
			tell(len(r.order) + i + 1)
		}
		domain.Conclude(ctx, r.report)
		return nil
	})
}

// fail notes the line of an error, if that is its fault, and returns the error.
func (r *importRun) fail(line int, err error) error {
	e := domain.AsError(err)
	switch e.Kind {
	case domain.Invalid, domain.Forbidden, domain.Conflict, domain.NotFound:
		if !domain.ErrChanged.Is(err) {
			r.failed = &ImportProblem{line, e}
			return e
		}
		return domain.ErrChanged.Saying("Line %d: %s", line, e.Public)
	}
	return fmt.Errorf("line %d: %w", line, err)
}

// save writes a user, unless somebody else changed them meanwhile.
func (p *plannedUser) save(tx UserTx, held map[domain.UserKey]*domain.User) error {
	if p.before == nil {
		user := p.after.Clone()
		return tx.InsertUser(&user, "")
	}
	now := held[p.before.Key()]
	if now == nil {
		return domain.ErrChanged
	}
	sc, groups := p.change.w.Read(), p.change.giver.Groups()
	if versionOfUser(sc, groups, now) != versionOfUser(sc, groups, p.before) {
		return domain.ErrChanged
	}
	if err := p.change.saveOne(tx, now); err != nil {
		return err
	}
	tx.Mail(p.change.MailLeft(now, &p.after)...)
	return nil
}

// Record returns the user as a line of an import has them, as far as the reader may see them. It needs HomeShown.
func (d *UserDocument) Record() UserPatch {
	group := func(id domain.GroupID) domain.GroupRef {
		g, told := d.shownGroup(id)
		switch {
		case !told:
			return ""
		case g.Organization == domain.RootOrganization && d.Organization != domain.RootOrganization:
			return domain.GroupRef("/" + g.Alias)
		}
		return domain.GroupRef(g.Alias)
	}
	paths := func(shown []EnvironmentShown) *[]domain.EnvironmentRef {
		refs := make([]domain.EnvironmentRef, 0, len(shown))
		for _, e := range shown {
			refs = append(refs, domain.EnvironmentRef(e.ShownPath(d.sc.Shows)))
		}
		return &refs
	}
	r := UserPatch{Alias: &d.Alias, Role: &d.Role, Allowed: paths(d.AllowedShown), Blocked: paths(d.BlockedShown),
		FirstName: &d.Person.FirstName, LastName: &d.Person.LastName, Mail: &d.Person.Mail, Phone: &d.Person.Phone,
		JobTitle: &d.Person.JobTitle, Department: &d.Person.Department, Language: &d.Language, TimeZone: &d.TimeZone,
		Active: &d.Active, State: &d.State, DefaultPage: &d.DefaultPage, FirstAccess: &d.FirstAccess,
		PasswordDelay: &d.PasswordDelay, RevokeDelay: &d.RevokeDelay}
	if d.HomeShown != nil {
		home := domain.EnvironmentRef(d.HomeShown.ShownPath)
		r.Home = &home
	}
	groups := []domain.GroupRef{}
	for i, id := range d.Groups {
		ref := group(id)
		if i == 0 && ref != "" {
			r.Group = &ref
		} else if ref != "" {
			groups = append(groups, ref)
		}
	}
	r.Groups = &groups
	return r
}
