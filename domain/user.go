package domain

import (
	"errors"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"time"
)

// User is an account and the person behind it.
type User struct {
	ID           UserID
	UUID         UUID
	Organization OrganizationID
	Home         EnvironmentID
	HomePath     EnvironmentPath

	Alias string // the login name, unique over the directory
	// AliasSpellings are other ways, folded, in which somebody could have been given the alias by
	// an earlier rule: nobody else must have one when the alias is given. They are not stored.
	AliasSpellings []string
	Person         Person
	Role           Role
	// Groups are the user's groups; the first is the one surfaces with a single group show.
	Groups []GroupID
	// Allowed and Blocked are in tree order.
	Allowed []Grant
	Blocked []Grant

	Standing
	// Archived says that the account is kept under another name, and nobody can use it any more.
	Archived bool
	// System says that the account is a program's instead of a person's. It has no mail address,
	// and stays one.
	System bool
	// ListsUsers lets the account of a program see everything about the people it may list.
	ListsUsers bool
	// Factors are the kinds of factors that the user has. They are not stored with the user.
	Factors Factors
	// Claims is the mail address in whose name a sign-up keeps its login name from others that has no
	// address of its own. Whether there is an account with the address is not told by
	// which names are free: a name is kept either way, and for as long.
	Claims string

	Language      string
	TimeZone      string
	DefaultPage   int64
	LastConnected time.Time // when the user last signed in; zero is never
	LastSeen      time.Time // about when the user last sent a request; zero is never
	// Attributes are read with a user only where that is said.
	Attributes Attributes
	// Picture too; its JPEG is there only to be stored.
	Picture Picture

	// Unproven is the mail address that a change asked for and that is to be proven first. It is
	// there only in what that change returns.
	Unproven string

	// Generation is the organization's when the user was read, for what is remembered of
	// the organization. It is not stored with the user.
	Generation int64
}

// Person is who an account belongs to. JobTitle and Department are free text.
type Person struct {
	ID         PersonID
	FirstName  string
	LastName   string
	Mail       string // unique over the directory; empty is none
	Phone      string
	JobTitle   string
	Department string
}

// SuperUsers reads, in the transaction of a change, the other superUsers and the groups of
// their organization, and keeps all superUsers from being changed until it ends.
type SuperUsers func() ([]User, []Group, error)

// UserRef is how a client names a user: by number, by UUID, or by alias. An alias that nobody has is a
// number or a UUID if it is one in text. The zero reference names nobody.
type UserRef struct {
	ID    UserID
	UUID  UUID
	Alias string
}

// ParseUserRef reads a reference that is a number, else a UUID, else an alias.
func ParseUserRef(text string) UserRef {
	if ref := (UserRef{Alias: text}).Other(); ref != (UserRef{}) {
		return ref
	}
	return UserRef{Alias: text}
}

// Other returns what an alias that nobody has can be besides: a number or a UUID; zero for neither.
func (r UserRef) Other() UserRef {
	if id, ok := ParseID[UserID](r.Alias); ok {
		return UserRef{ID: id}
	}
	if id, err := ParseUUID(r.Alias); err == nil {
		return UserRef{UUID: id}
	}
	return UserRef{}
}

// Grant is an environment listed on a user, with the place it has in the tree.
type Grant struct {
	Environment  EnvironmentID
	Organization OrganizationID
	Path         EnvironmentPath
}

// Errors about users.
var (
	ErrUserNotFound = &Error{Kind: NotFound, Code: "user_not_found", Field: "user",
		Public: "This user does not exist."}
	ErrUserAliasTaken = &Error{Kind: Conflict, Code: "user_alias_taken", Field: "alias",
		Public: "This alias is already in use."}
	ErrUserMailTaken = &Error{Kind: Conflict, Code: "user_mail_taken", Field: "person.mail",
		Public: "This mail address is already in use."}
	ErrLastSuperUser = &Error{Kind: Conflict, Code: "last_super_user", Field: "role",
		Public: "This is the last superUser; make another one first."}
	ErrOwnAccount = &Error{Kind: Forbidden, Code: "own_account",
		Public: "Nobody can delete, deactivate or demote themselves."}
	ErrHasMore = &Error{Kind: Forbidden, Code: "has_more", Field: "user",
		Public: "A user can be changed only by someone who has everything that user has."}
	ErrSuperUserOutside = &Error{Kind: Conflict, Code: "super_user_outside", Field: "role",
		Public: "Only a member of the root organization can be a superUser."}
	ErrAdminOutside = &Error{Kind: Conflict, Code: "admin_outside", Field: "role",
		Public: "In the root's organization only somebody at home in the root itself can be an oadmin. " +
			"Make an organization first and the user in it, or give the role power."}
	ErrUserBorder = &Error{Kind: Conflict, Code: "user_border", Field: "home",
		Public: "A user cannot be moved to another organization."}
)

// maxDelay bounds the delays, in days; the samples of the documents go to 99999.
const maxDelay = 999_999

// The most that one user can list.
const (
	maxGrants = 1000
	maxGroups = 200
)

// CheckGrants returns an Invalid error on the field of a list of environments if n are too many
// for one user.
func CheckGrants(field string, n int) error {
	if n > maxGrants {
		return InvalidField(field, "At most %d environments are allowed.", maxGrants)
	}
	return nil
}

// CheckGroups returns an Invalid error if n groups are too many for one user.
func CheckGroups(n int) error {
	if n > maxGroups {
		return InvalidField("groups", "At most %d groups are allowed.", maxGroups)
	}
	return nil
}

// Validate returns an Invalid error for each field that breaks a rule, joined, and Conflict
// for a superUser outside the root organization or an oadmin of it elsewhere than at home in
// the root. Uniqueness and existence are the store's.
func (u *User) Validate() error { return u.ValidateAfter(nil) }

// ValidateAfter is Validate for a user who was before, if that is not nil. What was given by an
// earlier rule stays where it is left as it is: an admin's role where it counts for less by now.
func (u *User) ValidateAfter(before *User) error {
	return errors.Join(
		checkLogin(u.Alias),
		u.checkRole(before),
		u.checkLists(),
		checkNumber("password_delay", int64(u.PasswordDelay), maxDelay, "Give a number of days from 0 to %d."),
		checkNumber("revoke_delay", int64(u.RevokeDelay), maxDelay, "Give a number of days from 0 to %d."),
		checkNumber("default_page", u.DefaultPage, MaxID, "Give a number from 0 to %d."),
		checkText("language", u.Language, 35),
		checkText("time_zone", u.TimeZone, maxNameLength),
		checkText("person.mail", u.Claims, maxMailLength),
		u.Person.validate(),
		u.Attributes.validate(),
	)
}

func (u *User) checkRole(before *User) error {
	if u.Role < RoleUser || u.Role > RoleSuperUser {
		return InvalidField("role", "A role is required.")
	}
	if u.Role == RoleSuperUser && u.Organization != RootOrganization {
		return ErrSuperUserOutside
	}
	kept := before != nil && u.Role == before.Role && u.HomePath == before.HomePath
	if !kept && u.HomePath != "" && u.Role.In(u.Organization, u.HomePath) != u.Role {
		return ErrAdminOutside
	}
	return nil
}

func (u *User) checkLists() error {
	if len(u.Groups) == 0 {
		return InvalidField("group", "A group is required.")
	}
	return errors.Join(CheckGroups(len(u.Groups)), CheckGrants("allowed", len(u.Allowed)),
		CheckGrants("blocked", len(u.Blocked)))
}

// checkNumber refuses a number that is not between 0 and most.
func checkNumber(field string, n, most int64, sentence string) error {
	if n < 0 || n > most {
		return InvalidField(field, sentence, most)
	}
	return nil
}

func (p *Person) validate() error {
	return errors.Join(
		checkName("person.first_name", p.FirstName),
		checkText("person.last_name", p.LastName, maxNameLength),
		checkMail(p.Mail),
		checkText("person.phone", p.Phone, maxNameLength),
		checkText("person.job_title", p.JobTitle, maxNameLength),
		checkText("person.department", p.Department, maxNameLength),
	)
}

// checkLogin refuses what could not be sent as user name of HTTP Basic (RFC 7617: no
// colon) or stand as one step of a URL.
func checkLogin(alias string) error {
	if err := checkName("alias", alias); err != nil {
		return err
	}
	if strings.ContainsAny(alias, ":/") || alias == "." || alias == ".." {
		return InvalidField("alias", "Colons and slashes are not allowed.")
	}
	return nil
}

// maxMailLength bounds a mail address, in characters.
const maxMailLength = 254

// checkMail accepts an empty address, or a bare one as RFC 5322 allows it, without
// quoting and comments, of at most 254 characters (RFC 5321).
func checkMail(address string) error {
	if address == "" {
		return nil
	}
	a, err := mail.ParseAddress(address)
	if err != nil || a.Address != address || strings.ContainsAny(address, "\"\\ ") {
		return InvalidField("person.mail", "Give a mail address such as name@example.org.")
	}
	return checkText("person.mail", address, maxMailLength)
}

// Name returns the person's first and last name.
func (p *Person) Name() string { return strings.TrimSpace(p.FirstName + " " + p.LastName) }

// Subject returns the part of u that decides what u reaches.
func (u *User) Subject() Subject {
	return Subject{
		Organization: u.Organization, Home: u.HomePath, Role: u.Role, Groups: u.Groups,
		Allowed: grantPaths(u.Allowed), Blocked: grantPaths(u.Blocked),
	}
}

func grantPaths(grants []Grant) []EnvironmentPath {
	if len(grants) == 0 {
		return nil
	}
	paths := make([]EnvironmentPath, len(grants))
	for i, g := range grants {
		paths[i] = g.Path
	}
	return paths
}

// AsksForProof reports whether the change that returned u asked for a mail address that is to be
// proven first.
func (u *User) AsksForProof() bool { return u.Unproven != "" }

// Waits reports whether the account is a newcomer's who is to be let in or turned away.
func (u *User) Waits() bool { return u.State == Pending || u.State == Unverified && u.Claims == "" }

// Reachable reports whether letters about the account reach whoever it belongs to: it has an address, which was proven
// or given by whoever opened it.
func (u *User) Reachable() bool {
	return u.Person.Mail != "" && u.State != Unverified && u.State != Invited
}

// Key returns where u is stored.
func (u *User) Key() UserKey { return UserKey{u.Organization, u.ID} }

// Clone returns a copy of u that shares nothing with it.
func (u *User) Clone() User {
	c := *u
	c.Groups = slices.Clone(u.Groups)
	c.Allowed = slices.Clone(u.Allowed)
	c.Blocked = slices.Clone(u.Blocked)
	c.Attributes = maps.Clone(u.Attributes)
	return c
}

// DecidesDifferently reports whether v differs from u in anything that decides what the
// user may do or whether they may sign in. A changed password is for the caller to add.
func (u *User) DecidesDifferently(v *User) bool {
	return u.Role != v.Role || u.Organization != v.Organization || u.HomePath != v.HomePath ||
		u.Standing != v.Standing || u.Alias != v.Alias || u.ListsDifferently(v)
}

// ListsDifferently reports whether v differs from u in groups, allowed or blocked environments.
func (u *User) ListsDifferently(v *User) bool {
	return !slices.Equal(u.Groups, v.Groups) || !slices.Equal(u.Allowed, v.Allowed) || !slices.Equal(u.Blocked, v.Blocked)
}
