package transfer

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"canopy/app/directory"
	"canopy/app/transfer/document"
	"canopy/domain"
	"canopy/tenancy"
)

// organizationImport is the import of one organization.
type organizationImport struct {
	*importer
	section *document.Section
	tx      Tx
	border  *planned
	// groups are those that can be used here: the root's and this organization's, as they are to be.
	groups  []domain.Group
	report  ImportReport // of this organization alone
	foreign []foreignGrant
	freed   map[string]domain.UserID
	// superUsers are those of before who could run the directory; superUser says that the
	// section has one.
	superUsers []domain.User
	superUser  bool
	last       int // the line of the last user
}

// errRefused ends the transaction of an organization with bad records.
var errRefused = errors.New("an organization with bad records is not imported")

// organization imports one section, or writes nothing of it and notes its problems.
func (i *importer) organization(ctx context.Context, section *document.Section) error {
	o := &organizationImport{importer: i, section: section, freed: make(map[string]domain.UserID)}
	err := i.store.Write(ctx, i.w, func(tx Tx) error {
		o.tx = tx
		for _, step := range []func() error{o.begin, o.putEnvironments, o.putGroups, o.putUsers} {
			if err := step(); err != nil {
				return err
			}
		}
		if o.bad() {
			return errRefused
		}
		return nil
	})
	if err != nil && !errors.Is(err, errRefused) {
		if err := o.note(section.Line, err); err != nil {
			return err
		}
	}
	if o.border != nil {
		i.written[o.border.Organization] = !o.bad()
	}
	if o.bad() {
		o.report.Environments, o.report.Groups, o.report.Users = Tally{}, Tally{}, Tally{}
		i.report.merge(&o.report)
		i.lose(o)
		if section.Path != "" {
			i.report.Refused = append(i.report.Refused, section.Path)
		}
		return nil
	}
	i.report.Organizations++
	i.report.merge(&o.report)
	if o.border != nil {
		i.groups[o.border.Organization] = slices.DeleteFunc(o.groups,
			func(g domain.Group) bool { return g.Organization != o.border.Organization })
	}
	i.foreign = append(i.foreign, o.foreign...)
	maps.Copy(i.freed, o.freed)
	return nil
}

// lose notes the lines of an organization that is refused.
func (i *importer) lose(o *organizationImport) {
	if o.last > 0 {
		i.lost = append(i.lost, lineRange{o.section.Line, o.last + 1})
	}
}

// serious reports whether err is no fault of a record.
func serious(err error) bool {
	kind := domain.AsError(err).Kind
	return kind == domain.Internal || kind == domain.Unavailable
}

// bad reports whether something is wrong with the organization, so that nothing of it is written.
func (o *organizationImport) bad() bool { return len(o.report.Problems) > 0 }

// writes reports whether the organization is written, not only looked at.
func (o *organizationImport) writes() bool { return !o.options.DryRun && !o.bad() }

// note notes what is wrong with the record at line, each of several errors that are joined. A
// serious error is returned as it is.
func (o *organizationImport) note(line int, err error) error {
	if err == nil {
		return nil
	}
	if several, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // of errors.Join, not of what it joins
		for _, err := range several.Unwrap() {
			if err := o.note(line, err); err != nil {
				return err
			}
		}
		return nil
	}
	if serious(err) {
		return err
	}
	e := domain.AsError(err)
	o.report.add(ImportProblem{line, e.On(document.Field(e.Field))})
	return nil
}

// refuse notes the error of a write, after which the transaction can do nothing more.
func (o *organizationImport) refuse(line int, err error) error {
	return cmp.Or(o.note(line, err), errRefused)
}

// begin finds the organization's own environment. Without one the users are looked at all the same.
func (o *organizationImport) begin() error {
	if o.section.Path == "" {
		return nil // each of the users says so
	}
	border := o.places[domain.PathKey(o.section.Path)]
	switch {
	case border == nil:
		return o.note(o.section.Line, domain.ErrEnvironmentNotFound.Saying("There is no environment %q.", o.section.Path))
	case !border.IsOrganization:
		return o.note(o.section.Line, domain.ErrEnvironmentNotFound.Saying("There is no organization %q.", o.section.Path))
	}
	o.border = border
	if border.Organization != domain.RootOrganization {
		o.groups = slices.Clone(o.importer.groups[border.Organization])
	}
	o.groups = append(o.groups, o.importer.groups[domain.RootOrganization]...)
	if border.Organization != domain.RootOrganization || border.before == nil {
		return nil
	}
	all, _, err := o.tx.SuperUsers(0)
	if err != nil {
		return err
	}
	groups := tenancy.GroupsOf(o.groups)
	o.superUsers = slices.DeleteFunc(all, func(u domain.User) bool { return !o.able(groups, &u) })
	return nil
}

// able reports whether a user with these groups can run the directory.
func (o *organizationImport) able(groups *tenancy.Groups, u *domain.User) bool {
	return directory.CanRun(groups, u, o.now)
}

// keepSuperUser returns ErrLastSuperUser, with the line that did it, if somebody could run
// the directory before and nobody could afterwards.
func (o *organizationImport) keepSuperUser(groups *tenancy.Groups) error {
	if len(o.superUsers) == 0 || o.superUser || o.importer.report.Unreadable {
		return nil
	}
	line := o.section.Line
	for _, u := range o.superUsers {
		if at := o.seen.line("alias", u.Alias); at != 0 {
			line = at
		} else if o.able(groups, &u) {
			return nil
		}
	}
	return o.note(line, domain.ErrLastSuperUser)
}

// putEnvironments writes the environments that were planned for the organization.
func (o *organizationImport) putEnvironments() error {
	if o.border == nil {
		return nil
	}
	for _, r := range o.section.Environments {
		if err := o.note(r.Line, o.checkEnvironment(r)); err != nil {
			return err
		}
	}
	var created []domain.PlacedEnvironment
	var present []*planned
	for _, p := range o.named[o.border.Organization] {
		above, ok := o.above(p.key)
		if !ok || above != nil && o.missing(above) && above.Organization != p.Organization {
			err := domain.ErrEnvironmentNotFound.On("path").Saying("There is no environment above %q.", p.AliasPath)
			if err := o.note(p.line, err); err != nil {
				return err
			}
			continue
		}
		if err := o.note(p.line, p.Validate()); err != nil {
			return err
		}
		o.report.Environments.count(p.before != nil, p.before != nil && len(domain.Diff(p.before.Fields(), p.Fields())) > 0)
		if p.before == nil {
			created = append(created, domain.PlacedEnvironment{Environment: p.Environment, Above: p.parent})
		} else {
			present = append(present, p)
		}
	}
	return o.writeEnvironments(created, present)
}

func (o *organizationImport) writeEnvironments(created []domain.PlacedEnvironment, present []*planned) error {
	if !o.writes() {
		return nil
	}
	for part := range slices.Chunk(created, chunk) {
		if err := o.tx.InsertEnvironments(part); err != nil {
			return o.refuse(o.section.Line, err)
		}
	}
	for _, p := range present {
		if len(domain.Diff(p.before.Fields(), p.Fields())) == 0 {
			continue
		}
		if err := o.tx.HoldEnvironment(p.before); err != nil {
			return o.refuse(p.line, err)
		}
		if err := o.tx.SaveEnvironment(p.before, &p.Environment); err != nil {
			return o.refuse(p.line, err)
		}
	}
	return nil
}

// checkEnvironment returns an error unless the record was planned as it stands, in this
// organization.
func (o *organizationImport) checkEnvironment(r document.EnvironmentRecord) error {
	p := o.places[domain.PathKey(r.Path)]
	switch {
	case p == nil:
		return domain.ErrEnvironmentNotFound.On("path").Saying("There is no environment above %q.", r.Path)
	case p.before == nil && p.IsOrganization && r.IsOrganization == nil && p.Organization != o.border.Organization:
		return domain.InvalidField("organization",
			"Directly below the root %q is an organization, with a part of the document of its own, "+
				"unless \"organization\": false is said.", r.Path)
	case p.Organization != o.border.Organization:
		return domain.InvalidField("path", "%q does not belong to this organization.", r.Path)
	case p.line != r.Line:
		return domain.InvalidField("path", "Name %q only once.", r.Path)
	case p.AliasPath != "" && domain.Fold(p.Alias) != domain.Fold(lastStep(r.Path)):
		return domain.InvalidField("alias", "The alias must be the end of the path %q.", r.Path)
	case r.IsOrganization != nil && *r.IsOrganization != p.IsOrganization:
		return domain.InvalidField("organization", "This can be chosen only when the environment is created.")
	}
	return nil
}

// missing reports whether a place is neither there nor was written.
func (i *importer) missing(p *planned) bool { return p.before == nil && !i.written[p.Organization] }

// putGroups writes the section's groups, one above before those below it.
func (o *organizationImport) putGroups() error {
	if o.border == nil {
		return nil
	}
	for waiting := o.section.Groups; len(waiting) > 0; {
		var later []document.GroupRecord
		for _, r := range waiting {
			parent, err := o.parentOf(r)
			if err != nil {
				later = append(later, r)
				continue
			}
			if err := o.putGroup(r, parent); err != nil {
				return err
			}
		}
		if len(later) == len(waiting) {
			for _, r := range later {
				if err := o.note(r.Line, domain.ErrGroupNotFound.On("parent")); err != nil {
					return err
				}
			}
			return nil
		}
		waiting = later
	}
	return nil
}

// parentOf returns the group above the one of the record. RootGroup is its own.
func (o *organizationImport) parentOf(r document.GroupRecord) (domain.GroupID, error) {
	if r.Parent == nil {
		return domain.UserGroup, nil
	}
	root := o.border.Organization == domain.RootOrganization
	if root && r.Alias != nil && domain.Fold(strings.TrimPrefix(string(*r.Parent), "/")) == domain.Fold(*r.Alias) {
		return domain.RootGroup, nil
	}
	return tenancy.GroupsOf(o.groups).Find(o.border.Organization, *r.Parent)
}

// putGroup writes one group. A group that is bad counts among the groups all the same, so that not
// everybody in it is bad too.
func (o *organizationImport) putGroup(r document.GroupRecord, parent domain.GroupID) error {
	g := domain.Group{UUID: r.UUID, Organization: o.border.Organization}
	directory.Set(&g.Alias, r.Alias)
	var before *domain.Group
	at := slices.IndexFunc(o.groups, func(have domain.Group) bool {
		return have.Organization == g.Organization && domain.Fold(have.Alias) == domain.Fold(g.Alias)
	})
	if at >= 0 {
		present := o.groups[at]
		before, g = &present, present
		directory.Set(&g.Alias, r.Alias)
	}
	g.Parent = parent
	directory.Set(&g.Mask, r.Mask)
	directory.Set(&g.Role, r.Role)
	directory.Set(&g.RoleTitle, r.RoleTitle)
	directory.Set(&g.Description, r.Description)
	if before == nil {
		g.Created = o.now
		directory.Set(&g.Created, r.Created)
	}
	err := withoutFields(g.Validate(), r.Wrong)
	if g.ID == domain.RootGroup && g.Mask != domain.AllPermissions || before != nil && before.BuiltIn() &&
		g.Parent != before.Parent {
		err = errors.Join(err, domain.ErrGroupFixed)
	}
	if err := o.note(r.Line, err); err != nil {
		return err
	}
	o.report.Groups.count(before != nil, before != nil && len(domain.Diff(before.Fields(), g.Fields())) > 0)
	if before == nil {
		if err := o.numberGroup(&g, r.Number); err != nil {
			return err
		}
	}
	if o.writes() {
		if before == nil {
			err = o.tx.InsertGroup(&g)
		} else {
			err = o.tx.SaveGroup(before, &g)
		}
		if err != nil {
			return o.refuse(r.Line, err)
		}
	}
	if at >= 0 {
		o.groups[at] = g
	} else {
		o.groups = append(o.groups, g)
	}
	return nil
}

func (o *organizationImport) numberGroup(g *domain.Group, n int64) (err error) {
	switch {
	case !o.writes():
		n = int64(-1 - len(o.groups)) // no number is taken
	case !o.keep(domain.GroupNumber, n):
		n, err = o.tx.Reserve(domain.GroupNumber, 1)
	}
	g.ID = domain.GroupID(n)
	return err
}

// record is a user's record with the user as they are to be; before is nil for a new one.
type record struct {
	line   int
	before *domain.StoredUser
	after  *domain.StoredUser
}

// putUsers writes the section's users, a chunk at a time. After a bad one the others are
// only looked at, so that the operator hears of more than the first.
func (o *organizationImport) putUsers() error {
	groups := tenancy.GroupsOf(o.groups)
	var part []document.UserRecord
	for r, err := range o.section.Users {
		if err != nil {
			return err
		}
		if part = append(part, r); len(part) == chunk {
			if err := o.putSome(groups, part); err != nil {
				return err
			}
			part = part[:0]
		}
	}
	if err := o.putSome(groups, part); err != nil || o.bad() {
		return err
	}
	return o.keepSuperUser(groups)
}

func (o *organizationImport) putSome(groups *tenancy.Groups, records []document.UserRecord) error {
	present, mails, err := o.present(records)
	if err != nil {
		return err
	}
	var created, changed []record
	for _, r := range records {
		o.importer.done++
		o.options.Progress(o.importer.done, o.importer.all)
		o.last = max(o.last, r.Line)
		user, err := o.user(groups, r, present, mails)
		if err != nil {
			if err := o.note(r.Line, err); err != nil {
				return err
			}
			continue
		}
		if len(r.Wrong) > 0 || user.after == nil { // that the organization is not there was noted
			continue
		}
		o.superUser = o.superUser || o.able(groups, &user.after.User)
		differs := user.before != nil &&
			(len(domain.Diff(user.before.Fields(), user.after.Fields())) > 0 || user.after.Hash != user.before.Hash)
		o.report.Users.count(user.before != nil, differs)
		if differs && domain.Fold(user.before.Person.Mail) != domain.Fold(user.after.Person.Mail) {
			o.freed[domain.Fold(user.before.Person.Mail)] = user.before.ID
		}
		switch {
		case !o.writes():
		case user.before == nil:
			created = append(created, user)
		case differs:
			changed = append(changed, user)
		}
	}
	if err := o.save(changed); err != nil {
		return err
	}
	return o.insert(created)
}

// present returns the users with the aliases of the records, and whose their mail
// addresses are.
func (o *organizationImport) present(
	records []document.UserRecord) (map[string]domain.StoredUser, map[string]domain.UserID, error) {
	if o.empty {
		return nil, nil, nil
	}
	var aliases, addresses []string
	for _, r := range records {
		if r.Alias != nil {
			aliases = append(append(aliases, *r.Alias), o.names.Spellings(*r.Alias)...)
		}
		if r.Mail != nil {
			addresses = append(addresses, *r.Mail)
		}
	}
	users, err := o.tx.UsersNamed(aliases)
	if err != nil {
		return nil, nil, err
	}
	mails, err := o.tx.MailTaken(addresses)
	return users, mails, err
}

// user returns what the record makes of a user. The error has everything that is wrong with the
// record but what could not be read of it.
func (o *organizationImport) user(groups *tenancy.Groups, r document.UserRecord, present map[string]domain.StoredUser,
	mails map[string]domain.UserID) (record, error) {
	var alias, address string
	directory.Set(&alias, r.Alias)
	directory.Set(&address, r.Mail)
	err := errors.Join(o.seen.once("alias", alias, r.Line), o.seen.once("person.mail", address, r.Line))
	if slices.ContainsFunc(r.Wrong, func(w *domain.Error) bool { return w.Field == "" }) {
		return record{}, err // what was read may not be what was meant
	}
	if o.border == nil {
		if o.section.Path == "" && r.Home != nil {
			err = errors.Join(err, missingEnvironment("home", *r.Home))
		}
		return record{}, err
	}
	resolved, errResolve := o.resolve(groups, r)
	err = errors.Join(err, errResolve)
	rec := record{line: r.Line}
	var user domain.StoredUser
	if have, ok := present[domain.Fold(alias)]; !ok {
		user = o.blank(r)
	} else if have.Organization == o.border.Organization {
		rec.before, user = &have, domain.StoredUser{User: have.Clone(), Hash: have.Hash}
	} else if r.Home == nil {
		return rec, errors.Join(err,
			domain.ErrUserBorder.Saying("Name the environment of %q, which is in another organization.", alias))
	} else {
		return rec, errors.Join(err, domain.ErrUserAliasTaken)
	}
	err = errors.Join(err, o.checkMail(rec, address, mails),
		resolved.Apply(&user.User, func(domain.EnvironmentPath) bool { return true }, o.now))
	directory.Set(&user.Claims, r.Claims)
	directory.Set(&user.Hash, r.Hash)
	directory.Set(&user.Created, r.Created)
	directory.Set(&user.LastPassword, r.LastPassword)
	directory.Set(&user.LastConnected, r.LastConnected)
	directory.Set(&user.LastSeen, r.LastSeen)
	directory.Set(&user.IdleSince, r.IdleSince)
	if rec.before == nil && alias != "" {
		err = errors.Join(err, o.giveName(&user.User, r, present))
	}
	rec.after = &user
	o.expect(rec, resolved)
	if user.Home == 0 && r.Home == nil {
		err = errors.Join(err, domain.InvalidField("home", "A value is required."))
	}
	var before *domain.User
	if rec.before != nil {
		before = &rec.before.User
	}
	return rec, errors.Join(err, withoutFields(user.ValidateAfter(before), r.Wrong))
}

// blank is a new user of whom nothing is said but numbers.
func (o *organizationImport) blank(r document.UserRecord) domain.StoredUser {
	user := domain.StoredUser{User: domain.User{
		ID: domain.UserID(r.Number), Person: domain.Person{ID: domain.PersonID(r.Person)},
		Organization: o.border.Organization,
		Role:         domain.RoleUser, Groups: []domain.GroupID{domain.UserGroup}, DefaultPage: 1,
		Standing: domain.Standing{Active: true, Created: o.now, IdleSince: o.now},
	}}
	directory.Set(&user.UUID, r.UUID)
	return user
}

// giveName makes sure that a new user may have their login name.
func (o *organizationImport) giveName(user *domain.User, r document.UserRecord,
	present map[string]domain.StoredUser) error {
	err := withoutFields(directory.GiveName(o.names, user), r.Wrong)
	if slices.ContainsFunc(user.AliasSpellings, func(other string) bool { _, taken := present[other]; return taken }) {
		err = errors.Join(err, domain.ErrUserAliasTaken)
	}
	return err
}

// checkMail returns ErrUserMailTaken if the mail address of a record is somebody else's.
func (o *organizationImport) checkMail(rec record, address string, mails map[string]domain.UserID) error {
	if owner, ok := mails[domain.Fold(address)]; ok && (rec.before == nil || owner != rec.before.ID) &&
		!o.gaveUp(address, owner) {
		return domain.ErrUserMailTaken
	}
	return nil
}

// expect notes the environments on a user's lists that are of organizations still to come.
func (o *organizationImport) expect(rec record, resolved directory.Resolved) {
	for _, g := range slices.Concat(resolved.Allows, resolved.Blocks) {
		if p := o.byID[g.Environment]; p.Organization != o.border.Organization && o.missing(p) {
			o.foreign = append(o.foreign, foreignGrant{rec.line, rec.after, p})
		}
	}
}

// gaveUp reports whether the user who has a mail address gets another one by a line before: when
// the line is reached in a rehearsal, the address is still theirs.
func (o *organizationImport) gaveUp(address string, owner domain.UserID) bool {
	key := domain.Fold(address)
	return o.freed[key] == owner || o.importer.freed[key] == owner
}

// withoutFields leaves out of err what is about fields that could not be read.
func withoutFields(err error, wrong []*domain.Error) error {
	if err == nil || len(wrong) == 0 {
		return err
	}
	if several, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // of errors.Join, not of what it joins
		var left []error
		for _, err := range several.Unwrap() {
			left = append(left, withoutFields(err, wrong))
		}
		return errors.Join(left...)
	}
	field := document.Field(domain.AsError(err).Field)
	if slices.ContainsFunc(wrong, func(w *domain.Error) bool { return w.Field == field }) {
		return nil
	}
	return err
}

// resolve looks up what the record names. The error has everything that is not there.
func (o *organizationImport) resolve(groups *tenancy.Groups, r document.UserRecord) (directory.Resolved, error) {
	made := directory.Resolved{UserPatch: r.UserPatch}
	var wrong []error
	if r.Home != nil {
		home, err := o.place("home", *r.Home)
		switch {
		case err != nil:
			wrong = append(wrong, err)
		case home.Organization != o.border.Organization:
			wrong = append(wrong, domain.ErrUserBorder.Saying("%q belongs to another organization.", string(*r.Home)))
		default:
			made.HomeFound = &home.Environment
		}
	}
	if r.Group != nil {
		var err error
		if made.GroupID, err = groups.Find(o.border.Organization, *r.Group); err != nil {
			wrong = append(wrong, missingGroup("group", *r.Group, err))
		}
	}
	if r.Groups != nil {
		for _, ref := range *r.Groups {
			id, err := groups.Find(o.border.Organization, ref)
			if err != nil {
				wrong = append(wrong, missingGroup("groups", ref, err))
			}
			made.GroupIDs = append(made.GroupIDs, id)
		}
	}
	var errAllowed, errBlocked error
	made.Allows, errAllowed = o.grants("allowed", r.Allowed)
	made.Blocks, errBlocked = o.grants("blocked", r.Blocked)
	return made, errors.Join(append(wrong, errAllowed, errBlocked)...)
}

// missingGroup says which group is not there.
func missingGroup(field string, ref domain.GroupRef, err error) error {
	if !domain.ErrGroupNotFound.Is(err) {
		return domain.AsError(err).On(field)
	}
	return domain.ErrGroupNotFound.On(field).Saying("There is no group %q here.", string(ref))
}

func missingEnvironment(field string, ref domain.EnvironmentRef) error {
	return domain.ErrEnvironmentNotFound.On(field).Saying("There is no environment %q.", string(ref))
}

func (o *organizationImport) place(field string, ref domain.EnvironmentRef) (*planned, error) {
	p := o.places[domain.PathKey(string(ref))]
	if p == nil || o.refused(p) {
		return nil, missingEnvironment(field, ref)
	}
	return p, nil
}

// refused reports whether a new place belongs to an organization that was refused.
func (i *importer) refused(p *planned) bool {
	written, dealt := i.written[p.Organization]
	return p.before == nil && dealt && !written
}

func (o *organizationImport) grants(field string, refs *[]domain.EnvironmentRef) ([]domain.Grant, error) {
	if refs == nil {
		return nil, nil
	}
	grants := make([]domain.Grant, 0, len(*refs))
	var wrong []error
	for _, ref := range *refs {
		p, err := o.place(field, ref)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		grants = append(grants, domain.Grant{Environment: p.ID, Organization: p.Organization, Path: p.Path})
	}
	return grants, errors.Join(wrong...)
}

// save writes users who are there and differ.
func (o *organizationImport) save(records []record) error {
	if len(records) == 0 || !o.writes() {
		return nil
	}
	before := make([]domain.StoredUser, len(records))
	for i, r := range records {
		before[i] = *r.before
	}
	if err := o.tx.HoldUsers(o.border.Organization, before); err != nil {
		return o.refuse(records[0].line, err)
	}
	for _, r := range records {
		password := r.after.Hash
		if password == r.before.Hash {
			password = ""
		}
		if err := o.tx.SaveUser(&r.after.User, password); err != nil {
			return o.refuse(r.line, err)
		}
	}
	return nil
}

// insert writes new users, with the document's numbers where they may be kept.
func (o *organizationImport) insert(records []record) error {
	if len(records) == 0 || !o.writes() {
		return nil
	}
	users, persons := make([]*int64, len(records)), make([]*int64, len(records))
	for i, r := range records {
		users[i], persons[i] = (*int64)(&r.after.ID), (*int64)(&r.after.Person.ID)
	}
	if err := o.number(domain.UserNumber, users); err != nil {
		return err
	}
	if err := o.number(domain.PersonNumber, persons); err != nil {
		return err
	}
	created := make([]domain.StoredUser, len(records))
	for i, r := range records {
		created[i] = *r.after
	}
	if err := o.tx.InsertUsers(created); err != nil {
		return o.refuse(records[0].line, err)
	}
	return nil
}

// number replaces the numbers that cannot be kept.
func (o *organizationImport) number(kind int, numbers []*int64) error {
	numbers = slices.DeleteFunc(numbers, func(n *int64) bool { return o.keep(kind, *n) })
	if len(numbers) == 0 {
		return nil
	}
	next, err := o.tx.Reserve(kind, int64(len(numbers)))
	for i, n := range numbers {
		*n = next + int64(i)
	}
	return err
}

// withdraw takes environments off lists again that turned out not to be imported.
func (i *importer) withdraw(ctx context.Context) error {
	for _, g := range i.foreign {
		if !i.missing(g.place) {
			continue
		}
		i.report.add(ImportProblem{g.line, domain.ErrEnvironmentNotFound.Saying(
			"%q was not imported, so it is not on the list of %s.", g.place.AliasPath, g.user.Alias)})
		if i.options.DryRun {
			continue
		}
		err := i.store.Write(ctx, i.w, func(tx Tx) error {
			user, err := tx.User(g.user.Key())
			if errors.Is(err, domain.ErrUserNotFound) {
				return nil // gone meanwhile, and the list with them
			}
			if err != nil {
				return err
			}
			gone := func(at domain.Grant) bool { return at.Environment == g.place.ID }
			user.Allowed, user.Blocked = slices.DeleteFunc(user.Allowed, gone), slices.DeleteFunc(user.Blocked, gone)
			return tx.SaveUser(&user, "")
		})
		if err != nil {
			return err
		}
	}
	return nil
}
