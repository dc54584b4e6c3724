package usecase

import (
	"context"
	"errors"
	"slices"
	"strings"

	"canopy/domain"
	"canopy/tenancy"
)

// organizationImport is the import of one organization.
type organizationImport struct {
	*importer
	section *Section
	tx      domain.DirectoryWriter
	border  *planned
	// groups are all groups, those of this organization as they are to be.
	groups   []domain.Group
	report   ImportReport
	problems []ImportProblem
	foreign  []foreignGrant
	// superUsers are those of before who could run the directory; superUser says that the
	// section has one.
	superUsers []domain.User
	superUser  bool
	// aliases and mails are the lines of the names the section has, folded.
	aliases, mails map[string]int
}

// errRefused ends the transaction of an organization with bad records.
var errRefused = errors.New("an organization with bad records is not imported")

// organization imports one section, or writes nothing of it and notes its problems.
func (i *importer) organization(ctx context.Context, section *Section) error {
	o := &organizationImport{importer: i, section: section, groups: slices.Clone(i.groups),
		aliases: make(map[string]int), mails: make(map[string]int)}
	err := i.store.Write(ctx, i.w, func(tx domain.DirectoryWriter) error {
		o.tx = tx
		for _, step := range []func() error{o.begin, o.putEnvironments, o.putGroups, o.putUsers} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, errRefused) {
		if serious(err) {
			return err
		}
		o.problems = append(o.problems, ImportProblem{section.Line, domain.AsError(err)})
	}
	if o.border != nil {
		i.written[o.border.Organization] = len(o.problems) == 0
	}
	if len(o.problems) > 0 {
		i.report.Problems = append(i.report.Problems, o.problems...)
		i.report.Refused = append(i.report.Refused, section.Path)
		return nil
	}
	i.report.Organizations++
	i.report.Environments.add(o.report.Environments)
	i.report.Groups.add(o.report.Groups)
	i.report.Users.add(o.report.Users)
	i.groups = o.groups
	i.foreign = append(i.foreign, o.foreign...)
	return nil
}

// serious reports whether err is no fault of a record.
func serious(err error) bool {
	kind := domain.AsError(err).Kind
	return kind == domain.Internal || kind == domain.Unavailable
}

// bad notes err as a problem of the record at line and ends the transaction; a serious
// error is returned as it is.
func (o *organizationImport) bad(line int, err error) error {
	if serious(err) {
		return err
	}
	e := domain.AsError(err)
	o.problems = append(o.problems, ImportProblem{line, e.On(documentField(e.Field))})
	return errRefused
}

// documentField returns what a document calls a field of a user.
func documentField(field string) string {
	switch field {
	case "envId":
		return "environment"
	case "person.role":
		return "jobtitle"
	}
	return strings.TrimPrefix(field, "person.")
}

// begin finds the organization's own environment.
func (o *organizationImport) begin() error {
	border := o.places[placeKey(o.section.Path)]
	switch {
	case border == nil:
		return o.bad(o.section.Line, domain.ErrEnvironmentNotFound.Saying("There is no environment %q.", o.section.Path))
	case !border.IsOrganization:
		return o.bad(o.section.Line, domain.ErrEnvironmentNotFound.Saying("There is no organization %q.", o.section.Path))
	}
	o.border = border
	if border.Organization != domain.RootOrganization || border.before == nil {
		return nil
	}
	all, err := o.tx.SuperUsers()
	if err != nil {
		return err
	}
	groups := tenancy.GroupsOf(o.groups)
	o.superUsers = slices.DeleteFunc(all, func(u domain.User) bool { return !o.able(groups, &u) })
	return nil
}

// able reports whether a user with these groups can run the directory.
func (o *organizationImport) able(groups *tenancy.Groups, u *domain.User) bool {
	return able(groups, u, o.now)
}

// keepSuperUser returns ErrLastSuperUser, with the line that did it, if somebody could run
// the directory before and nobody could afterwards.
func (o *organizationImport) keepSuperUser(groups *tenancy.Groups) error {
	if len(o.superUsers) == 0 || o.superUser {
		return nil
	}
	line := o.section.Line
	for _, u := range o.superUsers {
		if at, named := o.aliases[domain.Fold(u.Alias)]; named {
			line = at
		} else if o.able(groups, &u) {
			return nil
		}
	}
	return o.bad(line, domain.ErrLastSuperUser)
}

// putEnvironments writes the environments that were planned for the organization.
func (o *organizationImport) putEnvironments() error {
	for _, r := range o.section.Environments {
		if err := o.checkEnvironment(r); err != nil {
			return o.bad(r.Line, err)
		}
	}
	for key, p := range o.inOrder() {
		if p.Organization != o.border.Organization || p.line == 0 {
			continue
		}
		above, ok := o.above(key)
		if !ok || above != nil && o.missing(above) && above.Organization != p.Organization {
			return o.bad(p.line, domain.ErrEnvironmentNotFound.On("path").Saying("There is no environment above %q.", p.AliasPath))
		}
		if err := p.Validate(); err != nil {
			return o.bad(p.line, err)
		}
		o.report.Environments.count(p.before != nil, p.before != nil && len(domain.Diff(p.before.Fields(), p.Fields())) > 0)
		if o.options.DryRun {
			continue
		}
		if _, err := o.tx.PutEnvironment(p.before, p.Environment, p.parent); err != nil {
			return o.bad(p.line, err)
		}
	}
	return nil
}

// checkEnvironment returns an error unless the record was planned as it stands, in this
// organization.
func (o *organizationImport) checkEnvironment(r EnvironmentRecord) error {
	p := o.places[placeKey(r.Path)]
	switch {
	case p == nil:
		return domain.ErrEnvironmentNotFound.On("path").Saying("There is no environment above %q.", r.Path)
	case p.Organization != o.border.Organization:
		return domain.InvalidField("path", "%q does not belong to this organization.", r.Path)
	case p.line != r.Line:
		return domain.InvalidField("path", "%q comes twice.", r.Path)
	case p.AliasPath != "" && domain.Fold(p.Alias) != domain.Fold(lastStep(r.Path)):
		return domain.InvalidField("alias", "The alias is not the end of the path %q.", r.Path)
	case r.IsOrganization != nil && *r.IsOrganization != p.IsOrganization:
		return domain.InvalidField("organization", "An environment is an organization from its creation on, or never.")
	}
	return nil
}

// missing reports whether a place is neither there nor was written.
func (i *importer) missing(p *planned) bool { return p.before == nil && !i.written[p.Organization] }

// putGroups writes the section's groups, one above before those below it.
func (o *organizationImport) putGroups() error {
	for waiting := o.section.Groups; len(waiting) > 0; {
		var later []GroupRecord
		for _, r := range waiting {
			parent, err := o.parentOf(r)
			if err != nil {
				later = append(later, r)
				continue
			}
			if err := o.putGroup(r, parent); err != nil {
				return o.bad(r.Line, err)
			}
		}
		if len(later) == len(waiting) {
			return o.bad(later[0].Line, domain.ErrGroupNotFound.On("parent"))
		}
		waiting = later
	}
	return nil
}

// parentOf returns the group above the one of the record. RootGroup is its own.
func (o *organizationImport) parentOf(r GroupRecord) (domain.GroupID, error) {
	if r.Parent == nil {
		return domain.UserGroup, nil
	}
	root := o.border.Organization == domain.RootOrganization
	if root && r.Alias != nil && domain.Fold(strings.TrimPrefix(string(*r.Parent), "/")) == domain.Fold(*r.Alias) {
		return domain.RootGroup, nil
	}
	return tenancy.GroupsOf(o.groups).Find(o.border.Organization, *r.Parent)
}

func (o *organizationImport) putGroup(r GroupRecord, parent domain.GroupID) error {
	g := domain.Group{UUID: r.UUID, Organization: o.border.Organization}
	set(&g.Alias, r.Alias)
	var before *domain.Group
	at := slices.IndexFunc(o.groups, func(have domain.Group) bool {
		return have.Organization == g.Organization && domain.Fold(have.Alias) == domain.Fold(g.Alias)
	})
	if at >= 0 {
		present := o.groups[at]
		before, g = &present, present
		set(&g.Alias, r.Alias)
	}
	g.Parent = parent
	set(&g.Mask, r.Mask)
	set(&g.Role, r.Role)
	set(&g.RoleTitle, r.RoleTitle)
	set(&g.Description, r.Description)
	if err := g.Validate(); err != nil {
		return err
	}
	if g.ID == domain.RootGroup && g.Mask != domain.AllPermissions || before != nil && before.BuiltIn() && g.Parent != before.Parent {
		return domain.ErrGroupFixed
	}
	o.report.Groups.count(before != nil, before != nil && len(domain.Diff(before.Fields(), g.Fields())) > 0)
	if before == nil {
		if err := o.numberGroup(&g, r.Number); err != nil {
			return err
		}
	}
	if !o.options.DryRun {
		var err error
		if g, err = o.tx.PutGroup(before, g, o.border.Path); err != nil {
			return err
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
	case o.options.DryRun:
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
	var part []UserRecord
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
	if err := o.putSome(groups, part); err != nil {
		return err
	}
	if len(o.problems) > 0 {
		return errRefused
	}
	return o.keepSuperUser(groups)
}

func (o *organizationImport) putSome(groups *tenancy.Groups, records []UserRecord) error {
	present, mails, err := o.present(records)
	if err != nil {
		return err
	}
	var created []record
	for _, r := range records {
		o.options.Progress()
		if len(o.problems) >= maxProblems {
			continue
		}
		user, err := o.user(groups, r, present, mails)
		if err != nil {
			if err := o.bad(r.Line, err); !errors.Is(err, errRefused) {
				return err
			}
			continue
		}
		o.superUser = o.superUser || o.able(groups, &user.after.User)
		differs := user.before != nil && (len(domain.Diff(user.before.Fields(), user.after.Fields())) > 0 || user.after.Hash != user.before.Hash)
		o.report.Users.count(user.before != nil, differs)
		switch {
		case o.options.DryRun || len(o.problems) > 0:
		case user.before == nil:
			created = append(created, user)
		case differs:
			if err := o.tx.UpdateUser(*user.before, *user.after); err != nil {
				return o.bad(r.Line, err)
			}
		}
	}
	return o.insert(created)
}

// present returns the users with the aliases of the records, and whose their mail
// addresses are.
func (o *organizationImport) present(records []UserRecord) (map[string]domain.StoredUser, map[string]domain.UserID, error) {
	var aliases, addresses []string
	for _, r := range records {
		if r.Alias != nil {
			aliases = append(aliases, *r.Alias)
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

// user returns what the record makes of a user.
func (o *organizationImport) user(groups *tenancy.Groups, r UserRecord, present map[string]domain.StoredUser, mails map[string]domain.UserID) (record, error) {
	var alias, address string
	set(&alias, r.Alias)
	set(&address, r.Mail)
	if err := once(o.aliases, alias, "alias", r.Line); err != nil {
		return record{}, err
	}
	if err := once(o.mails, address, "person.mailaddress", r.Line); err != nil {
		return record{}, err
	}
	resolved, err := o.resolve(groups, r)
	if err != nil {
		return record{}, err
	}
	rec := record{line: r.Line}
	user := domain.StoredUser{User: domain.User{
		ID: domain.UserID(r.Number), Person: domain.Person{ID: domain.PersonID(r.Person)}, Organization: o.border.Organization,
		Role: domain.RoleUser, Groups: []domain.GroupID{domain.UserGroup}, DefaultPage: 1,
		Standing: domain.Standing{Active: true, Created: o.now, IdleSince: o.now},
	}}
	set(&user.UUID, r.UUID)
	if have, ok := present[domain.Fold(alias)]; ok {
		if have.Organization != o.border.Organization {
			return rec, domain.ErrUserAliasTaken
		}
		rec.before = &have
		user = domain.StoredUser{User: have.Clone(), Hash: have.Hash}
	}
	if owner, ok := mails[domain.Fold(address)]; ok && (rec.before == nil || owner != rec.before.ID) {
		return rec, domain.ErrUserMailTaken
	}
	resolved.apply(&user.User, func(domain.EnvironmentPath) bool { return true }, o.now)
	set(&user.Hash, r.Hash)
	set(&user.Created, r.Created)
	set(&user.LastPassword, r.LastPassword)
	set(&user.LastConnected, r.LastConnected)
	set(&user.LastSeen, r.LastSeen)
	set(&user.IdleSince, r.IdleSince)
	rec.after = &user
	for _, list := range [][]domain.Grant{resolved.allowed, resolved.blocked} {
		for _, g := range list {
			if p := o.byID[g.Environment]; p.Organization != o.border.Organization && o.missing(p) {
				o.foreign = append(o.foreign, foreignGrant{r.Line, &user, p})
			}
		}
	}
	if user.Home == 0 {
		return rec, domain.InvalidField("environment", "A value is required.")
	}
	return rec, user.Validate()
}

// once returns a Conflict if the name came before in the section.
func once(lines map[string]int, name, field string, line int) error {
	if name == "" {
		return nil
	}
	key := domain.Fold(name)
	if before, again := lines[key]; again {
		return domain.ErrInvalid.On(field).Saying("%q comes on line %d too.", name, before)
	}
	lines[key] = line
	return nil
}

// resolve looks up what the record names.
func (o *organizationImport) resolve(groups *tenancy.Groups, r UserRecord) (resolved, error) {
	made := resolved{UserPatch: r.UserPatch}
	var err error
	if r.Home != nil {
		home, err := o.place("environment", *r.Home)
		if err != nil {
			return made, err
		}
		if home.Organization != o.border.Organization {
			return made, domain.ErrUserBorder.On("environment").Saying("%q belongs to another organization.", string(*r.Home))
		}
		made.home = &home.Environment
	}
	if r.Group != nil {
		if made.group, err = groups.Find(o.border.Organization, *r.Group); err != nil {
			return made, err
		}
	}
	if r.Groups != nil {
		for _, ref := range *r.Groups {
			id, err := groups.Find(o.border.Organization, ref)
			if err != nil {
				return made, domain.AsError(err).On("groups")
			}
			made.groups = append(made.groups, id)
		}
	}
	if made.allowed, err = o.grants("envs", r.Allowed); err != nil {
		return made, err
	}
	made.blocked, err = o.grants("envsbloque", r.Blocked)
	return made, err
}

func (o *organizationImport) place(field string, ref domain.EnvironmentRef) (*planned, error) {
	p := o.places[placeKey(string(ref))]
	if p == nil || o.refused(p) {
		return nil, domain.ErrEnvironmentNotFound.On(field).Saying("There is no environment %q.", string(ref))
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
	for _, ref := range *refs {
		p, err := o.place(field, ref)
		if err != nil {
			return nil, err
		}
		grants = append(grants, domain.Grant{Environment: p.ID, Organization: p.Organization, Path: p.Path})
	}
	return grants, nil
}

// insert writes new users, with the document's numbers where they may be kept.
func (o *organizationImport) insert(records []record) error {
	if len(records) == 0 || len(o.problems) > 0 {
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
		return o.bad(records[0].line, err)
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
		i.report.Problems = append(i.report.Problems, ImportProblem{g.line, domain.ErrEnvironmentNotFound.Saying(
			"%q was not imported, so it is not on the list of %s.", g.place.AliasPath, g.user.Alias)})
		if i.options.DryRun {
			continue
		}
		err := i.store.Write(ctx, i.w, func(tx domain.DirectoryWriter) error { return tx.Withdraw(g.user.Key(), g.place.ID) })
		if err != nil {
			return err
		}
	}
	return nil
}
