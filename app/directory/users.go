package directory

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// Users lists and keeps users.
type Users struct {
	gate      *tenancy.Gate
	documents *tenancy.Documents
	store     UserStore
	groups    GroupStore
	passwords Passwords
	chosen    *OwnPasswords
	pictures  Pictures
	names     LoginNames
	// properties are what was declared of users.
	properties domain.Properties
	*Post
	now     func() time.Time
	ownMail OwnMail
}

// NewUsers returns the use cases of users, who have the declared properties and are written to by post.
func NewUsers(gate *tenancy.Gate, documents *tenancy.Documents, store UserStore, groups GroupStore, passwords Passwords,
	chosen *OwnPasswords, pictures Pictures, names LoginNames, properties domain.Properties, post *Post,
	now func() time.Time) *Users {
	return &Users{gate: gate, documents: documents, store: store, groups: groups, passwords: passwords, chosen: chosen,
		pictures: pictures, names: names, properties: properties, Post: post, now: now}
}

// UserStore keeps users. For its methods a row that the scope does not reach does not
// exist: not in reads, not in counts, not in changes.
type UserStore interface {
	// List returns one page of the users f keeps, in f's order, and the cursor of the next
	// page, empty after the last. A cursor of another order is domain.ErrCursor. No match
	// is an empty slice.
	List(ctx context.Context, sc tenancy.Scope, f domain.UserFilter, p domain.Page) ([]domain.User, domain.Cursor, error)
	// Count returns how many users f keeps, and Totals how many it keeps and how many there are without it.
	Count(ctx context.Context, sc tenancy.Scope, f domain.UserFilter) (int64, error)
	Totals(ctx context.Context, sc tenancy.Scope, f domain.UserFilter) (kept domain.Tally, all int64, err error)
	// Newest returns a page of the people f keeps, the newest first, without the first skip
	// behind the cursor, and the cursor of the next page, empty after the last. CountPeople
	// returns how many there are.
	Newest(ctx context.Context, sc tenancy.Scope, f domain.PeopleFilter, skip int,
		p domain.Page) ([]domain.User, domain.Cursor, error)
	CountPeople(ctx context.Context, sc tenancy.Scope, f domain.PeopleFilter) (int64, error)
	// Get returns the user that ref names, or domain.ErrUserNotFound.
	Get(ctx context.Context, sc tenancy.Scope, ref domain.UserRef) (domain.User, error)
	// ByUUIDs returns the users with these UUIDs, by number, without those there are not.
	ByUUIDs(ctx context.Context, sc tenancy.Scope, ids []domain.UUID) ([]domain.User, error)
	// Attributes returns the attributes of the users with these numbers; the methods above
	// leave them out.
	Attributes(ctx context.Context, sc tenancy.Scope, ids []domain.UserID) (map[domain.UserID]domain.Attributes, error)
	// Pictures returns the tags of the pictures of the users with these numbers, and Picture the
	// picture of the user that ref names, or domain.ErrUserNotFound or domain.ErrPictureNotFound.
	Pictures(ctx context.Context, sc tenancy.Scope, ids []domain.UserID) (map[domain.UserID]string, error)
	Picture(ctx context.Context, sc tenancy.Scope, ref domain.UserRef) (domain.Picture, error)
	// Number gives a new user numbers and a UUID that nobody has.
	Number(ctx context.Context, u *domain.User) error
	// Do runs change in one transaction on behalf of whoever w was given to. The error of change comes back
	// as it is, and nothing is saved. After a conflict with others the whole of change runs again.
	Do(ctx context.Context, w tenancy.WriteScope, change func(UserTx) error) error
}

// UserTx changes users in one transaction. Whom it did not return or add is domain.ErrUserNotFound.
type UserTx interface {
	// User returns a user with attributes and the picture's tag, and keeps others from changing them. Users does the
	// same with several together, by organization and number, without those there are not.
	User(key domain.UserKey) (domain.User, error)
	Users(keys []domain.UserKey) ([]domain.User, error)
	// SuperUsers returns the superUsers but the one with that number, and the root's groups, and keeps
	// superUsers from being changed.
	SuperUsers(but domain.UserID) ([]domain.User, []domain.Group, error)
	// HoldEmpty returns the superUsers of a directory in which nobody has ever proven who they are, and
	// keeps others from being the first. It returns domain.ErrNotFirst if somebody has.
	HoldEmpty() ([]domain.UserKey, error)
	// InsertUser adds a user who has their numbers; an empty hash is no password. It returns
	// domain.ErrEnvironmentNotFound on "home" without such a home, domain.ErrChanged if a place that the user
	// names is no longer where they say, domain.ErrGroupNotFound, domain.ErrQuota, domain.ErrUserAliasTaken
	// or domain.ErrUserMailTaken.
	InsertUser(u *domain.User, hash domain.PasswordHash) error
	// SaveUser writes what became of a user whom User returned. A hash that is not empty becomes the password
	// and ends the user's sessions. It returns domain.ErrUserBorder for a home in another organization, and
	// the errors of InsertUser.
	SaveUser(u *domain.User, hash domain.PasswordHash) error
	// DeleteUser removes a user with everything that is theirs.
	DeleteUser(key domain.UserKey) error
	// EndSessions ends all sessions of a user whom the transaction returned.
	EndSessions(u domain.UserKey) error
	// AddSecret gives a user a secret, and Withdraw takes away those of some purposes.
	AddSecret(u domain.UserKey, secret domain.Secret) error
	Withdraw(u domain.UserKey, purposes ...domain.SecretPurpose) error
	// RulesOnWay returns what the environments on the way from the root to a place ask of sign-ins, from the root on,
	// without those that ask for nothing; or domain.ErrEnvironmentNotFound for a place outside of the scope.
	RulesOnWay(p domain.EnvironmentPath) ([]domain.PlacedRules, error)
	// Mail sends mail once all of the change is saved.
	Mail(mails ...domain.Mail)
}

// Passwords makes and checks what is stored of passwords.
type Passwords interface {
	// Judge returns an Invalid error, field "password", for a new password that breaks a rule. It
	// takes no time, so it is asked before any of the others.
	Judge(password string) error
	// JudgeChosen is Judge for a password that somebody chooses for themselves, for which more rules hold. It
	// may return any error on "password" that domain has for those, and Internal if it cannot tell.
	JudgeChosen(p domain.ChosenPassword) error
	// Hash returns the hash of a new password, which it does not judge. It waits for by's turn, because
	// hashing takes memory, and returns domain.ErrOverloaded if too many wait.
	Hash(ctx context.Context, by domain.Party, password string) (domain.PasswordHash, error)
	// Recognise returns the account with that name and password. It returns
	// domain.ErrBadCredentials for a wrong or unknown one or one that may not sign in, in
	// the same time, domain.ErrTooMany after too many failures, and domain.ErrOverloaded.
	Recognise(ctx context.Context, login, password, address string) (domain.Account, error)
	// Enter notes that somebody signs in to an account, unless judge returns an error, which it returns, or finds that a
	// proof is missing. Admit does so for an account that was judged.
	Enter(ctx context.Context, a *domain.Account, address string,
		judge func(context.Context, *domain.Account) error) error
	Admit(ctx context.Context, a *domain.Account, address string) error
	// Check is Recognise for an account that is known.
	Check(ctx context.Context, a domain.Account, password, address string) error
	// Evenly returns what waits until a stranger may be answered, counted from now, so that
	// the time tells nothing of what was done.
	Evenly(ctx context.Context) (wait func())
}

// Pictures makes pictures of what people send.
type Pictures interface {
	// Picture returns the picture in an image of JPEG or PNG without anything else that was in
	// it. It returns domain.ErrPictureBroken for what is none, domain.ErrPictureTooLarge for too many
	// bytes or pixels, and domain.ErrTooMany if too many wait.
	Picture(ctx context.Context, image []byte) (domain.Picture, error)
}

// OwnMail is how people ask for another mail address of their own.
type OwnMail interface {
	// MayAsk returns an error unless caller may ask for the address now.
	MayAsk(ctx context.Context, caller *domain.Principal, address string) error
	// Ask goes with a change by which a user asks for the address.
	Ask(tx UserTx, u *domain.User, address string) error
}

// AskOwn says how people ask for another mail address of their own. It must be called before the
// first use.
func (u *Users) AskOwn(own OwnMail) { u.ownMail = own }

// LoginNames says which login names are given. A name that somebody has is not asked about: what
// was given by an earlier rule keeps working.
type LoginNames interface {
	// Check returns an Invalid error on "alias", which says what would be right, unless alias may
	// be given to somebody.
	Check(alias string) error
	// Spellings returns, folded, how else a name that may be given could have been written before.
	Spellings(alias string) []string
}

// Letters writes mail, in the reader's language.
type Letters interface {
	// Write returns the subject, one line, and the text.
	Write(l domain.Letter) (subject, text string)
}

// GiveName returns the error of giving u the login name they are to have, and notes how else somebody
// could have it already.
func GiveName(names LoginNames, u *domain.User) error {
	if err := names.Check(u.Alias); err != nil {
		return err
	}
	u.AliasSpellings = names.Spellings(u.Alias)
	return nil
}

// ListUsers asks for users of an environment and, unless Alone, everything below it.
type ListUsers struct {
	Environment domain.EnvironmentRef // empty is the current one
	Alone       bool
	Everywhere  bool // asks for the caller's whole reach instead
	Filter      domain.UserFilter
	Group       domain.GroupRef // narrows Filter to members; empty keeps all
	OldKeys     bool            // narrows Filter to accounts of programs whose keys are old by now
	Usable      bool            // narrows Filter to accounts that can be used by now
	Page        domain.Page     // without a limit the whole list is returned
	Attributes  bool            // asks for the users' attributes
	Whole       bool            // asks for all that Get shows of a user whole
	Homes       bool            // asks for HomeShown
	Total       bool            // asks for Total
}

// List returns the users of an environment within the caller's reach. It needs domain.UserRead
// there; where that is given for the caller's own account only, the list is that account. Objects that
// the caller may not read are not there for conditions on them.
func (u *Users) List(ctx context.Context, caller domain.Principal,
	in ListUsers) (list Listed[UserDocument], err error) {
	sc, err := u.listed(ctx, &caller, &in)
	if err != nil {
		return list, err
	}
	total := domain.Tally{N: -1}
	if in.Total {
		if total, in.Filter.Everybody, err = u.store.Totals(ctx, sc, in.Filter); err != nil {
			return list, err
		}
	}
	list, err = ReadList(ctx, in.Page, func(ctx context.Context, p domain.Page) ([]UserDocument, domain.Cursor, error) {
		users, next, err := u.store.List(ctx, sc, in.Filter, p)
		if err != nil {
			return nil, "", err
		}
		if in.Whole {
			described, err := u.whole(ctx, &caller, sc, users)
			return described, next, err
		}
		if in.Attributes {
			if err := u.addAttributes(ctx, sc, users); err != nil {
				return nil, "", err
			}
		}
		if !in.Homes {
			described, err := describeListed(ctx, u.documents, sc, users)
			return described, next, err
		}
		described, err := describeUsers(ctx, u.documents, sc, users)
		if err == nil {
			err = u.addHomes(ctx, sc, described)
		}
		return described, next, err
	})
	list.Total, list.More = total.N, total.More
	return list, err
}

// where returns the place that the list covers.
func (in *ListUsers) where() tenancy.Where {
	if in.Everywhere {
		return tenancy.Anywhere()
	}
	return tenancy.In(in.Environment)
}

// listed returns the proof that the caller may read the list, and completes its filter.
func (u *Users) listed(ctx context.Context, caller *domain.Principal, in *ListUsers) (tenancy.Scope, error) {
	sc, err := u.gate.Enter(ctx, caller, domain.UserRead, in.where())
	if err != nil {
		return sc, err
	}
	if in.Alone {
		e, err := u.gate.Environment(ctx, caller, in.Environment)
		if err != nil {
			return sc, err
		}
		sc = sc.Only(e.Path)
	}
	if in.Filter.Group, err = u.group(ctx, sc, caller, in.Group); err != nil {
		return sc, err
	}
	if in.OldKeys {
		in.Filter.OldKeys = domain.OldKeysAt(u.now())
	}
	if in.Usable {
		in.Filter.UsableAt = u.now()
	}
	if in.Filter.Conditions.OfObjects() {
		objects, err := u.gate.EnterObjects(ctx, caller, tenancy.Anywhere())
		if err != nil && !domain.ErrForbidden.Is(err) {
			return sc, err
		}
		sc = sc.Choosing(objects)
	}
	return sc, nil
}

// group returns the number of the group whose members are asked for, 0 for none. A number
// needs no look-up: it is shown with every member there is to find.
func (u *Users) group(ctx context.Context, sc tenancy.Scope, caller *domain.Principal,
	ref domain.GroupRef) (domain.GroupID, error) {
	if id, ok := ref.Number(); ok || ref == "" {
		return id, nil
	}
	groups, err := u.documents.Groups(ctx, sc, nil, caller.Organization)
	if err != nil {
		return 0, err
	}
	return groups.Find(caller.Organization, ref)
}

// GetUser asks for a user. Whole asks for all there is to show: attributes, properties, the tag of the
// picture and the organization's environment.
type GetUser struct {
	User  domain.UserRef
	Whole bool
	Home  bool // asks for HomeShown
}

// Get returns a user, wherever in the caller's reach. It needs domain.UserRead and is NotFound for anybody
// else.
func (u *Users) Get(ctx context.Context, caller domain.Principal, in GetUser) (UserDocument, error) {
	sc, err := u.gate.Enter(ctx, &caller, domain.UserRead, tenancy.Anywhere())
	if err != nil {
		return UserDocument{}, err
	}
	user, err := u.store.Get(ctx, sc, in.User)
	if err != nil {
		return UserDocument{}, err
	}
	describe := u.describe
	if in.Whole {
		describe = u.describeWhole
	}
	d, err := describe(ctx, &caller, sc, user)
	if err != nil || !in.Home {
		return d, err
	}
	one := []UserDocument{d}
	err = u.addHomes(ctx, sc, one)
	return one[0], err
}

// addAttributes reads the attributes of users of sc, of all at once.
func (u *Users) addAttributes(ctx context.Context, sc tenancy.Scope, users []domain.User) error {
	ids := make([]domain.UserID, len(users))
	for i := range users {
		ids[i] = users[i].ID
	}
	found, err := u.store.Attributes(ctx, sc, ids)
	for i := range users {
		users[i].Attributes = found[users[i].ID]
	}
	return err
}

// whole reads all there is to show of users, of all at once.
func (u *Users) whole(ctx context.Context, caller *domain.Principal, sc tenancy.Scope,
	users []domain.User) ([]UserDocument, error) {
	if err := u.addAttributes(ctx, sc, users); err != nil {
		return nil, err
	}
	ids := make([]domain.UserID, len(users))
	known := make(tenancy.Generations, 1)
	var borders []tenancy.EnvironmentKey
	for i := range users {
		ids[i] = users[i].ID
		o := users[i].Organization
		if _, again := known[o]; !again {
			borders = append(borders, tenancy.EnvironmentKey{Organization: o, ID: o.Environment()})
		}
		known[o] = users[i].Generation
	}
	tags, err := u.store.Pictures(ctx, sc, ids)
	if err != nil {
		return nil, err
	}
	tenants, err := u.documents.Environments(ctx, sc, known, borders)
	if err != nil {
		return nil, err
	}
	role, err := u.gate.Role(ctx, caller)
	if err != nil {
		return nil, err
	}
	described, err := describeUsers(ctx, u.documents, sc, users)
	if err != nil {
		return nil, err
	}
	for i := range described {
		d := &described[i]
		d.Picture.Tag = tags[d.ID]
		if o, named := d.OrganizationShown.Get(); named {
			d.Tenant = tenants[o.Environment()]
		}
		d.Properties = u.properties.Shown(role, d.Attributes)
	}
	return described, nil
}

// Show returns a user whom the caller has just changed as Get would, whole. It needs domain.UserRead.
func (u *Users) Show(ctx context.Context, caller *domain.Principal, user domain.User) (UserDocument, error) {
	sc, err := u.gate.Enter(ctx, caller, domain.UserRead, tenancy.Anywhere())
	if err != nil {
		return UserDocument{}, err
	}
	return u.describeWhole(ctx, caller, sc.Later(), user)
}

// Picture returns the picture of a user, as Get finds them. It returns domain.ErrPictureNotFound if they have
// none.
func (u *Users) Picture(ctx context.Context, caller domain.Principal, ref domain.UserRef) (domain.Picture, error) {
	sc, err := u.gate.Enter(ctx, &caller, domain.UserRead, tenancy.Anywhere())
	if err != nil {
		return domain.Picture{}, err
	}
	return u.store.Picture(ctx, sc, ref)
}

func (u *Users) describe(ctx context.Context, _ *domain.Principal, sc tenancy.Scope,
	user domain.User) (UserDocument, error) {
	described, err := describeUsers(ctx, u.documents, sc, []domain.User{user})
	if err != nil {
		return UserDocument{}, err
	}
	return described[0], nil
}

func (u *Users) describeWhole(ctx context.Context, caller *domain.Principal, sc tenancy.Scope,
	user domain.User) (UserDocument, error) {
	described, err := u.whole(ctx, caller, sc, []domain.User{user})
	if err != nil {
		return UserDocument{}, err
	}
	return described[0], nil
}

// UserPatch says what a user is to become. A nil field is left as it is.
type UserPatch struct {
	Alias    *string
	Password *string
	Home     *domain.EnvironmentRef
	Role     *domain.Role
	Group    *domain.GroupRef   // the first group
	Groups   *[]domain.GroupRef // the groups behind the first
	// Memberships are the groups in another way than Group and Groups say them.
	Memberships *Memberships
	Allowed     *[]domain.EnvironmentRef
	Blocked     *[]domain.EnvironmentRef
	State       *domain.UserState
	Active      *bool
	Archived    *bool
	System      *bool
	ListsUsers  *bool
	FirstName   *string
	LastName    *string
	Mail        *string
	Phone       *string
	JobTitle    *string
	Department  *string

	Language      *string
	TimeZone      *string
	DefaultPage   *int64
	FirstAccess   *bool
	PasswordDelay *int
	RevokeDelay   *int
	// Attributes are changed by name; an empty value takes one away.
	Attributes domain.Attributes
	// Properties are changed by key, as Attributes. nil says nothing of them; else a new user
	// must have those that are required.
	Properties map[string]string
	// Picture is an image of JPEG or PNG; without a byte it takes the picture away.
	Picture *[]byte

	// Tenant is the UUID of the organization's environment, which does not change: one that is not the
	// user's is refused. A new user has it as home, unless Home says another one.
	Tenant *domain.UUID

	// Revise, where it is not nil, is given the user just before the change, in its transaction
	// and with the home they are to have, and its error refuses the change. What it changes of the
	// user holds where the patch says nothing else. It may be called several times.
	Revise func(*domain.User) error

	// Whole asks for all that Get shows of the user when they are written, which takes domain.UserRead; else
	// the document has the user alone.
	Whole bool
}

// resolved is a patch whose references are resolved.
type Resolved struct {
	UserPatch
	HomeFound      *domain.Environment
	GroupID        domain.GroupID
	GroupIDs       []domain.GroupID
	memberships    []domain.GroupID
	Allows, Blocks []domain.Grant
	hash           domain.PasswordHash
	picture        domain.Picture
}

// resolve looks up what the patch names: environments in the caller's reach, groups that can be
// used in organization o. It checks properties and the password, and decodes the picture; makeHash
// hashes the password.
func (u *Users) resolve(ctx context.Context, caller *domain.Principal, o domain.OrganizationID, groups *tenancy.Groups,
	in UserPatch) (r Resolved, err error) {
	r.UserPatch = in
	if in.Group != nil {
		if r.GroupID, err = groups.Find(o, *in.Group); err != nil {
			return r, err
		}
	}
	if r.GroupIDs, err = findGroups(groups, o, in.Groups); err != nil {
		return r, err
	}
	if in.Memberships != nil {
		if r.memberships, err = findGroups(groups, o, in.Memberships.Named); err != nil {
			return r, err
		}
	}
	if r.Allows, err = u.grants(ctx, caller, "allowed", in.Allowed); err != nil {
		return r, err
	}
	if r.Blocks, err = u.grants(ctx, caller, "blocked", in.Blocked); err != nil {
		return r, err
	}
	role, err := u.gate.Role(ctx, caller)
	if err != nil {
		return r, err
	}
	properties, err := u.properties.Attributes(role, in.Properties)
	if err != nil {
		return r, err
	}
	r.Attributes = MergeAttributes(in.Attributes, properties)
	if in.Picture != nil && len(*in.Picture) > 0 {
		if r.picture, err = u.pictures.Picture(ctx, *in.Picture); err != nil {
			return r, err
		}
	}
	if in.Password != nil {
		err = u.passwords.Judge(*in.Password)
	}
	return r, err
}

// makeHash makes the hash of the patch's password, if it has one. It takes a while that others wait
// for, so whatever can refuse the patch is asked before.
func (r *Resolved) makeHash(ctx context.Context, passwords Passwords, caller *domain.Principal) (err error) {
	if r.Password != nil {
		r.hash, err = passwords.Hash(ctx, domain.PartyOf(caller.UserKey()), *r.Password)
	}
	return err
}

// findGroups returns the numbers of the groups that refs name.
func findGroups(groups *tenancy.Groups, o domain.OrganizationID,
	refs *[]domain.GroupRef) (ids []domain.GroupID, err error) {
	if refs == nil {
		return nil, nil
	}
	if err := domain.CheckGroups(len(*refs)); err != nil {
		return nil, err
	}
	for _, ref := range *refs {
		id, err := groups.Find(o, ref)
		if err != nil {
			return nil, domain.AsError(err).On("groups")
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// MergeAttributes returns changes to attributes of both kinds.
func MergeAttributes(a, b domain.Attributes) domain.Attributes {
	if len(b) == 0 {
		return a
	}
	merged := make(domain.Attributes, len(a)+len(b))
	maps.Copy(merged, a)
	maps.Copy(merged, b)
	return merged
}

func (u *Users) grants(ctx context.Context, caller *domain.Principal, field string,
	refs *[]domain.EnvironmentRef) ([]domain.Grant, error) {
	if refs == nil {
		return nil, nil
	}
	if err := domain.CheckGrants(field, len(*refs)); err != nil {
		return nil, err
	}
	environments, err := u.gate.Environments(ctx, caller, *refs)
	if err != nil {
		return nil, domain.AsError(err).On(field)
	}
	grants := make([]domain.Grant, len(environments))
	for i, e := range environments {
		grants[i] = domain.Grant{Environment: e.ID, Organization: e.Organization, Path: e.Path}
	}
	return grants, nil
}

// Apply makes user what the patch says. Of the lists it replaces what shows accepts.
func (r *Resolved) Apply(user *domain.User, shows func(domain.EnvironmentPath) bool, now time.Time) error {
	role := user.Role
	if r.HomeFound != nil {
		user.Home, user.HomePath, user.Organization = r.HomeFound.ID, r.HomeFound.Path, r.HomeFound.Organization
	}
	if r.Revise != nil {
		if err := r.Revise(user); err != nil {
			return err
		}
	}
	Set(&user.Alias, r.Alias)
	Set(&user.Role, r.Role)
	if r.Groups != nil {
		user.Groups = append(slices.Clip(user.Groups[:min(1, len(user.Groups))]), r.GroupIDs...)
	}
	if r.Group != nil {
		user.Groups = append([]domain.GroupID{r.GroupID}, user.Groups[min(1, len(user.Groups)):]...)
	}
	if r.Memberships != nil {
		user.Groups = r.Memberships.apply(user, role, r.memberships)
	}
	user.Groups = distinct(user.Groups)
	if r.Allowed != nil {
		user.Allowed = merge(user.Allowed, r.Allows, shows)
	}
	if r.Blocked != nil {
		user.Blocked = merge(user.Blocked, r.Blocks, shows)
	}
	Set(&user.State, r.State)
	Set(&user.Active, r.Active)
	Set(&user.Archived, r.Archived)
	Set(&user.System, r.System)
	Set(&user.ListsUsers, r.ListsUsers)
	Set(&user.Person.FirstName, r.FirstName)
	Set(&user.Person.LastName, r.LastName)
	Set(&user.Person.Mail, r.Mail)
	Set(&user.Person.Phone, r.Phone)
	Set(&user.Person.JobTitle, r.JobTitle)
	Set(&user.Person.Department, r.Department)
	Set(&user.Language, r.Language)
	Set(&user.TimeZone, r.TimeZone)
	Set(&user.DefaultPage, r.DefaultPage)
	Set(&user.FirstAccess, r.FirstAccess)
	Set(&user.PasswordDelay, r.PasswordDelay)
	Set(&user.RevokeDelay, r.RevokeDelay)
	user.Attributes = user.Attributes.With(r.Attributes)
	if r.Picture != nil {
		user.Picture = r.picture
	}
	if r.hash != "" {
		user.LastPassword = now
	}
	if r.Active != nil && *r.Active && user.Revoked(now) {
		user.IdleSince = now
	}
	return nil
}

// Set sets field to what value points to, if there is one.
func Set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// distinct drops what is listed again.
func distinct[T comparable](list []T) []T {
	seen := make(map[T]bool, len(list))
	return slices.DeleteFunc(slices.Clone(list), func(v T) bool {
		again := seen[v]
		seen[v] = true
		return again
	})
}

// merge returns the wanted grants together with the present ones that shows hides, in
// tree order.
func merge(present, wanted []domain.Grant, shows func(domain.EnvironmentPath) bool) []domain.Grant {
	hidden := slices.DeleteFunc(slices.Clone(present), func(g domain.Grant) bool { return shows(g.Path) })
	merged := distinct(append(hidden, wanted...))
	slices.SortFunc(merged, func(a, b domain.Grant) int { return strings.Compare(string(a.Path), string(b.Path)) })
	if len(merged) == 0 {
		return nil
	}
	return merged
}

// Create adds a user to the environment in.Home, the current one if that is nil. It needs
// domain.UserCreate there, is Forbidden where the user would have more than the caller has, and
// Conflict for an alias or mail address that is taken. Alias and FirstName are required;
// a user is otherwise active, approved, of the role user and in the group UserGroup.
func (u *Users) Create(ctx context.Context, caller domain.Principal, in UserPatch) (UserDocument, error) {
	sc, err := u.sight(ctx, &caller, in.Whole)
	if err != nil {
		return UserDocument{}, err
	}
	w, user, hash, err := u.Prepare(ctx, &caller, in)
	if err != nil {
		return UserDocument{}, err
	}
	err = u.store.Do(ctx, w, func(tx UserTx) error {
		if err := tx.InsertUser(&user, hash); err != nil {
			return err
		}
		domain.Conclude(ctx, UserDocument{User: user})
		return nil
	})
	if err != nil || !in.Whole {
		return UserDocument{User: user}, err
	}
	return u.describeWhole(ctx, &caller, sc.Later(), user)
}

// sight returns the proof that the caller sees whom they write, if that is to be shown.
func (u *Users) sight(ctx context.Context, caller *domain.Principal, shown bool) (sc tenancy.Scope, err error) {
	if shown {
		sc, err = u.gate.Enter(ctx, caller, domain.UserRead, tenancy.Anywhere())
	}
	return sc, err
}

// Prepare returns the user that Create inserts, with their numbers and the proof that the caller may.
func (u *Users) Prepare(ctx context.Context, caller *domain.Principal,
	in UserPatch) (w tenancy.WriteScope, user domain.User, hash domain.PasswordHash, err error) {
	var ref domain.EnvironmentRef
	if in.Tenant != nil {
		ref = domain.EnvironmentRef(*in.Tenant)
	}
	Set(&ref, in.Home)
	home, err := u.gate.Environment(ctx, caller, ref)
	if err != nil {
		return w, user, "", domain.AsError(err).On("home")
	}
	if in.Tenant != nil && in.Home == nil && !home.IsOrganization {
		return w, user, "", domain.ErrEnvironmentNotFound.On("home")
	}
	if w, err = u.gate.EnterWrite(ctx, caller, domain.UserCreate, tenancy.At(home.Path)); err != nil {
		return w, user, "", err
	}
	giver, err := u.gate.Giver(ctx, caller, home.Organization)
	if err != nil {
		return w, user, "", err
	}
	r, err := u.resolve(ctx, caller, home.Organization, giver.Groups(), in)
	if err != nil {
		return w, user, "", err
	}
	now := u.now().UTC().Truncate(time.Millisecond)
	r.HomeFound = &home
	user = domain.User{Role: domain.RoleUser, Groups: []domain.GroupID{domain.UserGroup}, DefaultPage: 1,
		Standing: domain.Standing{Active: true, Created: now, IdleSince: now}}
	revised := r.Apply(&user, w.Read().Shows, now)
	user.LastPassword = time.Time{} // the user has not changed it yet
	if err := cmp.Or(revised, errors.Join(user.Validate(), GiveName(u.names, &user))); err != nil {
		return w, user, "", err
	}
	if in.Properties != nil {
		if err := u.properties.Missing(user.Attributes); err != nil {
			return w, user, "", err
		}
	}
	if err := giver.MayGive(&user); err != nil {
		return w, user, "", err
	}
	if user.Role > domain.RoleUser {
		if err := u.gate.Recent(caller); err != nil {
			return w, user, "", err
		}
	}
	if in.Password != nil {
		if err := u.chosen.JudgeSet(ctx, &user, *in.Password, user.HomePath); err != nil {
			return w, user, "", err
		}
	}
	if err = r.makeHash(ctx, u.passwords, caller); err != nil {
		return w, user, "", err
	}
	return w, user, r.hash, u.store.Number(ctx, &user)
}

// MailLeft tells the address that an account had that it has another one. An address that was
// never proven nor given by an administrator to an open account is told nothing.
func (u *Users) MailLeft(before, after *domain.User) []domain.Mail {
	address := before.Person.Mail
	if address == "" || domain.MailMatches(address, after.Person.Mail) || before.State == domain.Unverified ||
		before.State == domain.Invited {
		return nil
	}
	return []domain.Mail{u.MailTo(address, after, domain.Letter{Kind: domain.LetterAddressLeft, Login: after.Alias})}
}

// Post writes letters to people, who reach the server at Site.
type Post struct {
	Letters Letters
	Site    string
}

// MailTo writes a letter about an account to an address.
func (p *Post) MailTo(address string, about *domain.User, letter domain.Letter) domain.Mail {
	letter.Site = p.Site
	if letter.Kind != domain.LetterInvite { // in which an administrator named it
		letter.Login = named(about, letter.Login)
	}
	if letter.Language == "" {
		letter.Language = about.Language
	}
	subject, text := p.Letters.Write(letter)
	return domain.Mail{Kind: string(letter.Kind), To: address, Subject: subject, Text: text, User: about.Key()}
}

// named returns the login name as a letter about the account may have it: if it is a plain word,
// else empty. To an address that nobody has proven yet goes none either that a reader's program
// could take for a link.
func named(about *domain.User, login string) string {
	if !domain.PlainWord(login) || about.State == domain.Unverified && Linkable(login) {
		return ""
	}
	return login
}

// Linkable reports whether a reader's program could turn a word into a link: it has an
// address in it, or a name with a dot or colon between its parts. A placeholder outside of
// a link says nothing and is dropped with it.
func Linkable(word string) bool {
	if strings.ContainsAny(word, "@/\\<>{}[]()") {
		return true
	}
	inner := strings.TrimRight(word, ".,;:!?")
	return strings.ContainsAny(inner, ".:。．｡")
}

// Read returns the user that ref names if the caller may see them.
func (u *Users) Read(ctx context.Context, caller *domain.Principal, ref domain.UserRef) (domain.User, error) {
	sc, err := u.gate.Enter(ctx, caller, domain.UserRead, tenancy.Anywhere())
	if err != nil {
		return domain.User{}, err
	}
	return u.store.Get(ctx, sc, ref)
}

// keepSuperUser returns ErrLastSuperUser if before was able to run the directory, after is
// not, and nobody else is. A nil after is a user who goes away.
func keepSuperUser(tx UserTx, giver tenancy.Giver, before, after *domain.User, now time.Time) error {
	if !CanRun(giver.Groups(), before, now) || after != nil && CanRun(giver.Groups(), after, now) {
		return nil
	}
	others, groups, err := tx.SuperUsers(before.ID)
	if err != nil || anyAble(groups, others, now) {
		return err
	}
	return domain.ErrLastSuperUser
}

// keepGroup returns ErrLastSuperUser if one of the superUsers is able to run the directory, and nobody is
// with after in place of the root's group of that number.
func keepGroup(after *domain.Group, users []domain.User, groups []domain.Group, now time.Time) error {
	if !anyAble(groups, users, now) {
		return nil
	}
	groups[slices.IndexFunc(groups, func(g domain.Group) bool { return g.ID == after.ID })] = *after
	if anyAble(groups, users, now) {
		return nil
	}
	return domain.ErrLastSuperUser.On("permission").Saying("This would leave no superUser with all permissions.")
}

// anyAble reports whether one of the superUsers, whose groups are given, can run the whole directory.
func anyAble(all []domain.Group, superUsers []domain.User, now time.Time) bool {
	groups := tenancy.GroupsOf(all)
	return slices.ContainsFunc(superUsers, func(u domain.User) bool { return CanRun(groups, &u, now) })
}

// CanRun reports whether a user can run the whole directory.
func CanRun(groups *tenancy.Groups, u *domain.User, now time.Time) bool {
	blocked := slices.ContainsFunc(u.Blocked, func(g domain.Grant) bool { return g.Environment == domain.RootEnvironment })
	return u.Role == domain.RoleSuperUser && u.Usable(now) && !blocked &&
		groups.Mask(u.Organization, u.Groups) == domain.AllPermissions
}

// DeleteUser says who is to go.
type DeleteUser struct {
	User    domain.UserRef
	Version domain.Version // of the document the deletion was decided on
}

// Delete removes a user with everything that is theirs. It needs
// domain.UserDelete on them, and the rules of Update hold.
func (u *Users) Delete(ctx context.Context, caller domain.Principal, in DeleteUser) error {
	target, err := u.Read(ctx, &caller, in.User)
	if err != nil {
		return err
	}
	if target.ID == caller.User {
		return domain.ErrOwnAccount
	}
	w, err := u.gate.EnterUser(ctx, &caller, domain.UserDelete, &target)
	if err = cmp.Or(err, u.gate.Recent(&caller)); err != nil {
		return err
	}
	giver, err := u.gate.Giver(ctx, &caller, target.Organization)
	if err != nil {
		return err
	}
	return u.store.Do(ctx, w, func(tx UserTx) error {
		user, err := tx.User(target.Key())
		if err != nil {
			return err
		}
		if err := in.Version.Check(versionOfUser(w.Read(), giver.Groups(), &user)); err != nil {
			return err
		}
		if err := giver.MayChange(&user); err != nil {
			return err
		}
		if err := keepSuperUser(tx, giver, &user, nil, u.now()); err != nil {
			return err
		}
		return tx.DeleteUser(user.Key())
	})
}
