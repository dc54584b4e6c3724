package usecase

import (
	"context"
	"iter"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// UserStore keeps users. For its methods a row that the scope does not reach does not
// exist: not in reads, not in counts, not in changes.
type UserStore interface {
	// List returns one page of the users f keeps, in f's order, and the cursor of the next
	// page, empty after the last. A cursor of another order is domain.ErrCursor. No match
	// is an empty slice.
	List(ctx context.Context, sc tenancy.Scope, f domain.UserFilter, p domain.Page) ([]domain.User, domain.Cursor, error)
	// Count returns how many users f keeps.
	Count(ctx context.Context, sc tenancy.Scope, f domain.UserFilter) (int64, error)
	// Newest returns a page of the people f keeps, the newest first, without the first skip
	// behind the cursor, and the cursor of the next page, empty after the last. CountPeople
	// returns how many there are.
	Newest(ctx context.Context, sc tenancy.Scope, f domain.PeopleFilter, skip int, p domain.Page) ([]domain.User, domain.Cursor, error)
	CountPeople(ctx context.Context, sc tenancy.Scope, f domain.PeopleFilter) (int64, error)
	// Get, ByUUID and Named return the user with that number, UUID or alias, or
	// domain.ErrUserNotFound.
	Get(ctx context.Context, sc tenancy.Scope, id domain.UserID) (domain.User, error)
	ByUUID(ctx context.Context, sc tenancy.Scope, id domain.UUID) (domain.User, error)
	Named(ctx context.Context, sc tenancy.Scope, alias string) (domain.User, error)
	// ByUUIDs returns the users with these UUIDs, by number, without those there are not.
	ByUUIDs(ctx context.Context, sc tenancy.Scope, ids []domain.UUID) ([]domain.User, error)
	// Attributes returns the attributes of the users with these numbers; the methods above
	// leave them out.
	Attributes(ctx context.Context, sc tenancy.Scope, ids []domain.UserID) (map[domain.UserID]domain.Attributes, error)
	// Pictures returns the tags of the pictures of the users with these numbers, and Picture the
	// picture of the user with that UUID, or domain.ErrUserNotFound or domain.ErrPictureNotFound.
	Pictures(ctx context.Context, sc tenancy.Scope, ids []domain.UserID) (map[domain.UserID]string, error)
	Picture(ctx context.Context, sc tenancy.Scope, id domain.UUID) (domain.Picture, error)
	// Insert adds a user whose home lies in w and returns it with its numbers. InsertFirst is
	// domain.ErrNotFirst if somebody is there.
	InsertFirst(ctx context.Context, w tenancy.WriteScope, u domain.User, hash domain.PasswordHash) (domain.User, error)
	Insert(ctx context.Context, w tenancy.WriteScope, u domain.User, hash domain.PasswordHash) (domain.User, error)
	// Update loads the user, runs change and saves, in one transaction. A hash that is not
	// empty becomes the password and ends the user's sessions. An error of change comes
	// back as it is, and nothing is saved.
	Update(ctx context.Context, w tenancy.WriteScope, id domain.UserID, hash domain.PasswordHash,
		change func(*domain.User, domain.SuperUsers) error) (domain.User, error)
	// UpdateWith is Update with what change encloses; for a presented secret see ChangeStore.
	UpdateWith(ctx context.Context, w tenancy.WriteScope, id domain.UserID, hash domain.PasswordHash, presented *domain.Presented,
		change func(*domain.User, domain.Secret, domain.SuperUsers) (domain.Enclosure, error)) (domain.User, error)
	// UpdateAll is Update of several users, all or none of them.
	UpdateAll(ctx context.Context, w tenancy.WriteScope, ids []domain.UserID,
		change func(*domain.User, domain.SuperUsers) error) error
	// Delete removes the user with everything that is theirs, unless check returns an error.
	Delete(ctx context.Context, w tenancy.WriteScope, id domain.UserID,
		check func(domain.User, domain.SuperUsers) error) error
}

// EnvironmentStore keeps environments, under the same rule.
type EnvironmentStore interface {
	// List returns one page in tree order and the cursor of the next page.
	List(ctx context.Context, sc tenancy.Scope, p domain.Page) ([]domain.Environment, domain.Cursor, error)
	// Children returns the environments directly below parent, in tree order.
	Children(ctx context.Context, sc tenancy.Scope, parent domain.EnvironmentID) ([]domain.Environment, error)
	// Insert adds e below e.Parent and returns it with its numbers and place.
	Insert(ctx context.Context, w tenancy.WriteScope, e domain.Environment) (domain.Environment, error)
	// Update loads the environment, runs change and saves; another Parent moves the subtree.
	Update(ctx context.Context, w tenancy.WriteScope, id domain.EnvironmentID, change func(*domain.Environment) error) (domain.Environment, error)
	// Delete removes the environment; it is domain.ErrEnvironmentNotEmpty unless it is empty.
	Delete(ctx context.Context, w tenancy.WriteScope, id domain.EnvironmentID) error
}

// OrganizationStore keeps organizations, under the same rule.
type OrganizationStore interface {
	// Organizations returns one page of the organizations f keeps, with their attributes and the
	// tags of their pictures, in tree order, and the cursor of the next page.
	Organizations(ctx context.Context, sc tenancy.Scope, f domain.OrganizationFilter, p domain.Page) ([]domain.Environment, domain.Cursor, error)
	// Picture returns the picture of the organization with that UUID. It is
	// domain.ErrEnvironmentNotFound, or domain.ErrPictureNotFound if it has none.
	Picture(ctx context.Context, sc tenancy.Scope, id domain.UUID) (domain.Picture, error)
	// Purge removes an organization with everything in it; it is domain.ErrEnvironmentNotEmpty
	// while others lie below it.
	Purge(ctx context.Context, w tenancy.WriteScope, id domain.OrganizationID) error
}

// GroupStore keeps groups, under the same rule.
type GroupStore interface {
	// List returns the groups by organization in tree order, then by number.
	List(ctx context.Context, sc tenancy.Scope) ([]domain.Group, error)
	// Get returns the group with that number, or domain.ErrGroupNotFound.
	Get(ctx context.Context, sc tenancy.Scope, id domain.GroupID) (domain.Group, error)
	// ByUUID is Get by the UUID.
	ByUUID(ctx context.Context, sc tenancy.Scope, id domain.UUID) (domain.Group, error)
	// Insert adds g to g.Organization and returns it with its numbers.
	Insert(ctx context.Context, w tenancy.WriteScope, g domain.Group) (domain.Group, error)
	// Update loads the group, runs change, which may ask for the superUsers, and saves.
	Update(ctx context.Context, w tenancy.WriteScope, id domain.GroupID, change func(*domain.Group, domain.SuperUsers) error) (domain.Group, error)
	// Delete removes the group; it is domain.ErrGroupNotEmpty while it is used.
	Delete(ctx context.Context, w tenancy.WriteScope, id domain.GroupID) error
	// Members returns the members of groups who are in sc, group after group in the order given,
	// read while they are ranged over.
	Members(ctx context.Context, sc tenancy.Scope, groups []domain.GroupID) iter.Seq2[domain.GroupMember, error]
	// Admins returns the admins of groups who are in sc, by group and number.
	Admins(ctx context.Context, sc tenancy.Scope, groups []domain.GroupID) ([]domain.GroupMember, error)
	// Administers reports whether whoever sc was given to is an admin of the group in sc.
	Administers(ctx context.Context, sc tenancy.Scope, id domain.GroupID) (bool, error)
	// AddAdmin and RemoveAdmin make a user of the group's organization one of its admins, unless
	// check returns an error, and take that back; they do nothing where it is so.
	AddAdmin(ctx context.Context, w tenancy.WriteScope, id domain.GroupID, admin domain.UserKey, check func(*domain.Group) error) error
	RemoveAdmin(ctx context.Context, w tenancy.WriteScope, id domain.GroupID, admin domain.UserKey, check func(*domain.Group) error) error
}

// AuditStore reads the audit trail, under the same rule.
type AuditStore interface {
	// List returns one page of the entries f keeps, newest first, and the cursor of the
	// next page.
	List(ctx context.Context, sc tenancy.Scope, f domain.AuditFilter, p domain.Page) ([]domain.AuditEntry, domain.Cursor, error)
}

// AccountStore reads accounts.
type AccountStore interface {
	// ByID returns the account, or domain.ErrUserNotFound.
	ByID(ctx context.Context, o domain.OrganizationID, id domain.UserID) (domain.Account, error)
}

// Passwords makes and checks what is stored of passwords.
type Passwords interface {
	// Judge returns an Invalid error, field "password", for a new password that breaks a rule. It
	// takes no time, so it is asked before any of the others.
	Judge(password string) error
	// Hash returns the hash of a new password. It waits for by's turn, because hashing takes
	// memory. It returns the errors of Judge, and domain.ErrOverloaded if too many wait.
	Hash(ctx context.Context, by domain.Party, password string) (domain.PasswordHash, error)
	// SignIn returns the account with that name and password, and notes the sign-in. It is
	// domain.ErrBadCredentials for a wrong or unknown one or one that may not sign in, in
	// the same time, domain.ErrTooMany after too many failures, and domain.ErrOverloaded.
	SignIn(ctx context.Context, login, password, address string) (domain.Account, error)
	// Check is SignIn for an account that is known, without noting a sign-in.
	Check(ctx context.Context, a domain.Account, password, address string) error
	// Evenly returns what waits until a stranger may be answered, counted from now, so that
	// the time tells nothing of what was done.
	Evenly(ctx context.Context) (wait func())
}

// Pictures makes pictures of what people send.
type Pictures interface {
	// Picture returns the picture in an image of JPEG or PNG without anything else that was in
	// it. It is domain.ErrPictureBroken for what is none, domain.ErrPictureTooLarge for too many
	// bytes or pixels, and domain.ErrTooMany if too many wait.
	Picture(ctx context.Context, image []byte) (domain.Picture, error)
}

// SessionStore shows and ends the sessions of users, under the same rule.
type SessionStore interface {
	// List returns the living sessions of the user with that number, the last used first;
	// none if there is no such user.
	List(ctx context.Context, sc tenancy.Scope, user domain.UserID) ([]domain.Session, error)
	// End ends one session of the user, unless check, which is asked about the user as they
	// are then, returns an error. It is domain.ErrSessionNotFound if they have no such session.
	End(ctx context.Context, w tenancy.WriteScope, user domain.UserID, id domain.UUID, check func(domain.User) error) error
	// EndAll ends all of them, and is nil if there are none.
	EndAll(ctx context.Context, w tenancy.WriteScope, user domain.UserID, check func(domain.User) error) error
}

// APIKeyStore shows, adds and revokes the API keys of users, under the same rule.
type APIKeyStore interface {
	// List returns the keys of the user with that number with their texts, the oldest first;
	// none if there is no such user.
	List(ctx context.Context, sc tenancy.Scope, user domain.UserID) ([]domain.APIKey, error)
	// Show returns the user's key with that id, with none the oldest, unless check returns an
	// error, and notes that it was shown. It is domain.ErrAPIKeyNotFound if they have no such
	// key.
	Show(ctx context.Context, w tenancy.WriteScope, user domain.UserID, id domain.UUID, check func(domain.User) error) (domain.APIKey, error)
	// Insert gives the user a key, unless check, which is asked about the user and their keys
	// as they are then, returns an error.
	Insert(ctx context.Context, w tenancy.WriteScope, user domain.UserID, k domain.APIKey,
		check func(domain.User, []domain.APIKey) error) (domain.APIKey, error)
	// Delete revokes a key of the user, unless check returns an error. It is
	// domain.ErrAPIKeyNotFound if they have no such key.
	Delete(ctx context.Context, w tenancy.WriteScope, user domain.UserID, id domain.UUID, check func(domain.User) error) error
}

// SignInStore keeps what signing in begins, before there is a principal.
type SignInStore interface {
	// Begin adds a session and returns the name of the key that signs its tokens. Of the
	// user's sessions the keep used last are left. It is domain.ErrChanged if there is no
	// such user.
	Begin(ctx context.Context, s domain.Session, keep int) (key string, err error)
	// BySession returns the account of a session with what decides whether the session can
	// be used, or domain.ErrSessionNotFound, and whether a key is good.
	BySession(ctx context.Context, k domain.SessionKey, key string) (account domain.Account, signed bool, err error)
	// Renew loads the session, runs change and saves, in one transaction that keeps others
	// from the session. After domain.ErrRefreshReused of change the session is ended; after
	// another error it is left as it is.
	Renew(ctx context.Context, k domain.SessionKey, change func(*domain.Session) error) (s domain.Session, key string, err error)
	// SignOut ends a session; one that has ended is no error.
	SignOut(ctx context.Context, k domain.SessionKey) error
}

// Tokens makes and reads what clients hold of sessions.
type Tokens interface {
	// Issue returns an access token by which a can act in e until expires, as part of the
	// session; key is the name of the key that signs it.
	Issue(a domain.Account, s domain.SessionKey, e domain.Environment, key string, expires time.Time) (string, error)
	// NewSecret returns a new refresh token or cookie, as kind says, and what to store of
	// it. renewals is how many refresh tokens the session had before.
	NewSecret(kind domain.SessionKind, s domain.SessionKey, renewals int64) (text string, hash domain.SecretHash)
	// ReadSecret reads what NewSecret returned for that kind, and reports false for anything
	// else.
	ReadSecret(kind domain.SessionKind, text string) (domain.SessionSecret, bool)
	// CSRF returns the CSRF token of a session.
	CSRF(s domain.SessionKey) string
}

// ObjectStore keeps objects. For its methods an object that the scope does not cover with
// LevelRead or more does not exist.
type ObjectStore interface {
	// List returns one page of the objects f keeps, in f's order, and the cursor of the next
	// page, empty after the last. A cursor of another order is domain.ErrCursor. No match is
	// an empty slice.
	List(ctx context.Context, sc tenancy.Scope, f domain.ObjectFilter, p domain.Page) ([]domain.Object, domain.Cursor, error)
	// Count returns how many objects f keeps.
	Count(ctx context.Context, sc tenancy.Scope, f domain.ObjectFilter) (int64, error)
	// Get returns the object that ref names, or domain.ErrObjectNotFound.
	Get(ctx context.Context, sc tenancy.Scope, ref domain.ObjectRef) (domain.Object, error)
	// Named returns the object of an organization with that full name, of a kind whose names
	// are paths, or domain.ErrObjectNotFound.
	Named(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID, kind domain.ObjectKind, fullName string) (domain.Object, error)
	// Owners returns whose the object was, the first owner first.
	Owners(ctx context.Context, sc tenancy.Scope, ref domain.ObjectRef) ([]domain.Ownership, error)
	// Insert adds o, whose environment lies in w, after prepare completed it, given the object
	// that o belongs to, nil for none. It returns o with its numbers and full name. An error of
	// prepare comes back as it is, and nothing is saved.
	Insert(ctx context.Context, w tenancy.WriteScope, o domain.Object, prepare func(o, parent *domain.Object) error) (domain.Object, error)
	// Update loads the object, runs change and saves, in one transaction. An error of change
	// comes back as it is, and nothing is saved.
	Update(ctx context.Context, w tenancy.WriteScope, id domain.ObjectID, change func(*domain.Object) error) (domain.Object, error)
	// Delete removes the object with what is deleted with it, unless check returns an error.
	Delete(ctx context.Context, w tenancy.WriteScope, id domain.ObjectID, check func(*domain.Object) error) error
	// Share runs change, which puts one entry on an access list or takes it away, on the object
	// and, if below says so, on all that lies below it by name and is the viewer's to administer,
	// in one transaction. It is domain.ErrTooManyBelow for more than domain.MaxTogether.
	Share(ctx context.Context, w tenancy.WriteScope, id domain.ObjectID, below bool, change func(*domain.Object) error) error
	// HandOverAll gives to another user everything that from owns and on which the scope is of
	// LevelAdmin, in one transaction, and returns how many objects that was.
	HandOverAll(ctx context.Context, w tenancy.WriteScope, from, to domain.UserKey) (int64, error)
}

// CopyRequestStore keeps offers of copies: those that the viewer of a scope made or that were
// made to them, as far as the place and the kind of the object are covered. Others, and those
// that have expired, do not exist.
type CopyRequestStore interface {
	// List returns one page of the offers of objects of the given kinds, all for none, oldest
	// first, and the cursor of the next page.
	List(ctx context.Context, sc tenancy.Scope, kinds []domain.ObjectKind, p domain.Page) ([]domain.CopyRequest, domain.Cursor, error)
	// Get returns the offer with that number, or domain.ErrCopyRequestNotFound.
	Get(ctx context.Context, sc tenancy.Scope, id domain.CopyRequestID) (domain.CopyRequest, error)
	// Insert offers a copy of the object until a time, unless check returns an error.
	Insert(ctx context.Context, w tenancy.WriteScope, object domain.ObjectID, to domain.UserKey, until time.Time,
		check func(*domain.Object) error) (domain.CopyRequest, error)
	// Accept makes the copy that copied describes and removes the offer, in one transaction.
	Accept(ctx context.Context, w tenancy.WriteScope, id domain.CopyRequestID,
		copied func(*domain.CopyRequest) (domain.Object, error)) (domain.Object, error)
	// Decline removes the offer and returns what it was.
	Decline(ctx context.Context, w tenancy.WriteScope, id domain.CopyRequestID) (domain.CopyRequest, error)
}

// BookmarkStore keeps the bookmarks of whoever a scope was given to. A bookmark of an object
// that the scope does not cover does not exist.
type BookmarkStore interface {
	// List returns one page of the bookmarks of objects of the given kinds, all for none, and
	// the cursor of the next page.
	List(ctx context.Context, sc tenancy.Scope, kinds []domain.ObjectKind, p domain.Page) ([]domain.Bookmark, domain.Cursor, error)
	// Add and Remove do nothing if it is so already.
	Add(ctx context.Context, w tenancy.WriteScope, id domain.ObjectID) error
	Remove(ctx context.Context, w tenancy.WriteScope, id domain.ObjectID) error
}

// UsageStore keeps how often objects were used: of those the scope covers, and of those that
// the viewer owned when they were used, as far as the place and the kind are covered.
type UsageStore interface {
	// List returns one page by object, month and owner, and the cursor of the next page.
	List(ctx context.Context, sc tenancy.Scope, f domain.UsageFilter, p domain.Page) ([]domain.Usage, domain.Cursor, error)
	// Add adds counts, leaving out objects that are gone: all of them or, with an error, none.
	Add(ctx context.Context, w tenancy.WriteScope, counts map[domain.UsageKey]int64) error
}

// MarkStore keeps lists of names of users, under the rule of UserStore.
type MarkStore interface {
	// Of returns the lists of the user with that number.
	Of(ctx context.Context, sc tenancy.Scope, id domain.UserID) (domain.Marks, error)
	// Add puts a name on a list. It is domain.ErrMarked if it is there, compared by
	// domain.Fold, and domain.ErrTooManyMarks.
	Add(ctx context.Context, w tenancy.WriteScope, id domain.UserID, list domain.MarkList, name string) error
	// Remove takes a name off a list. It is domain.ErrNotMarked if it is not there.
	Remove(ctx context.Context, w tenancy.WriteScope, id domain.UserID, list domain.MarkList, name string) error
	// Replace makes names all there is on a list.
	Replace(ctx context.Context, w tenancy.WriteScope, id domain.UserID, list domain.MarkList, names []string) error
}

// ContactStore keeps the contacts of whoever a scope was given to. Somebody whom the scope
// does not cover does not exist, also as a contact.
type ContactStore interface {
	// List returns the contacts in the order in which they were added.
	List(ctx context.Context, sc tenancy.Scope) ([]domain.Contact, error)
	// Add makes the user with that alias a contact. It is domain.ErrUserNotFound,
	// domain.ErrContact if they are one already, or domain.ErrTooManyContacts.
	Add(ctx context.Context, w tenancy.WriteScope, alias string) error
	// Remove takes a contact away. It is domain.ErrNotContact if there is none.
	Remove(ctx context.Context, w tenancy.WriteScope, alias string) error
}

// PresenceStore keeps who was when in which topic. A topic that a scope does not cover does
// not exist.
type PresenceStore interface {
	// Put says that whoever w was given to is in a topic of their organization. It is
	// domain.ErrObjectNotFound if there is none.
	Put(ctx context.Context, w tenancy.WriteScope, topic domain.ObjectID, status domain.PresenceStatus, at time.Time) error
	// In returns the presences in a topic since a time, the newest first.
	In(ctx context.Context, sc tenancy.Scope, topic domain.ObjectID, since time.Time) ([]domain.Presence, error)
	// List returns up to limit of the presences that f keeps in topics of the viewer's own
	// organization, the newest first, without the first skip.
	List(ctx context.Context, sc tenancy.Scope, f domain.PresenceFilter, skip, limit int) ([]domain.Presence, error)
	// Count returns how many presences List returns without a limit.
	Count(ctx context.Context, sc tenancy.Scope, f domain.PresenceFilter) (int64, error)
	// Visited returns in which of the topics whoever sc was given to ever said they were, and
	// in how many altogether.
	Visited(ctx context.Context, sc tenancy.Scope, topics []domain.ObjectID) (visited []domain.ObjectID, all int64, err error)
	// Delete takes away where a user was said to be; it is nil if they were not.
	Delete(ctx context.Context, w tenancy.WriteScope, topic domain.ObjectID, of domain.UserKey) error
	// OfContacts returns the presences since a time of the contacts of whoever sc was given
	// to, in topics that the scope topics covers, the newest first.
	OfContacts(ctx context.Context, sc, topics tenancy.Scope, since time.Time) ([]domain.Presence, error)
}
