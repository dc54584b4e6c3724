package domain

import "time"

// Subject is what decides the reach and the mask of a user: not who they are, but where
// they stand and what they were given.
type Subject struct {
	Organization OrganizationID
	Home         EnvironmentPath
	Role         Role
	Groups       []GroupID
	Allowed      []EnvironmentPath
	Blocked      []EnvironmentPath
}

// OrganizationPath returns the place of the subject's organization.
func (s *Subject) OrganizationPath() EnvironmentPath {
	return s.Home.UpTo(s.Organization.Environment())
}

// Principal is who acts in a request. It is read from the directory at the beginning of
// each request and not changed afterwards.
type Principal struct {
	Subject
	User  UserID
	UUID  UUID
	Alias string

	// Epoch counts the changes to the user that decide what they may do; Generation and
	// RootGeneration count the changes to the environments and groups of their
	// organization and of the root's. What was computed from a principal is valid for
	// exactly these three; of the root's organization only the groups decide about members
	// of others.
	Epoch          int64
	Generation     int64
	RootGeneration int64

	// SignInRules counts the changes to what environments ask of sign-ins, over the whole directory; 0 is none yet.
	SignInRules int64

	// Proved is what the request proved, and Missing the proof that it would have to: until then nothing is possible
	// but proving it. Missing is ByPassword where nothing is missing. Enrols means that the user has proved all that
	// they can, so that they may add a factor. ByKey means that the request came with an API key, which proves nobody
	// anew. Stale means that the proof is too old for what is dangerous, or that there is no such proof; it may be
	// ProofAge old, and 0 is as old as the session.
	Proved  Proved
	Missing Proof
	Enrols  bool
	ByKey   bool
	Stale   bool
	// Coming is what will be demanded of the user that they cannot give yet. It is read with a session only.
	Coming Coming
	// ByProvider means that the session was begun at an identity provider, and BreakGlass that it had to be and was not,
	// for the account is left out.
	ByProvider, BreakGlass bool

	ProofAge time.Duration

	// Current is the environment the client asked to be in; empty if it asked for none.
	Current EnvironmentRef
	// Narrowed is what the request is narrowed to, of what the user has.
	Narrowed Narrowing
	// Session is the session the request belongs to; empty if it carried a name and password. Language
	// and TimeZone are what the user asked to be written to in; they are read with a session only.
	Session            UUID
	Language, TimeZone string
	// PasswordExpired means that nothing but a change of the password is possible.
	PasswordExpired bool
}

// Narrowing takes away from what a user has, for a program that acts as them. The zero Narrowing takes
// nothing away.
type Narrowing struct {
	Mask  Mask            // the permissions that are left; 0 is all
	Place EnvironmentPath // the environment that is left, with everything below it; empty is all
}

// guarded are the permissions that a program whose key is narrowed never has: by them it would get at
// more than it was given.
const guarded = 1<<PasswordChange | 1<<SessionManage | 1<<APIKeyManage | 1<<ProfileUpdate

// Of returns what is left of the permissions of m.
func (n Narrowing) Of(m Mask) Mask {
	if n == (Narrowing{}) {
		return m
	}
	if n.Mask != 0 {
		m &= n.Mask
	}
	return m &^ guarded
}

// Actor names who did something, for the audit trail.
type Actor struct {
	Organization OrganizationID
	User         UserID
	Alias        string
}

// Ref returns the reference that names the principal.
func (p *Principal) Ref() UserRef { return UserRef{ID: p.User} }

// Is reports whether a reference names the principal.
func (p *Principal) Is(ref UserRef) bool {
	switch {
	case ref.ID != 0:
		return ref.ID == p.User
	case ref.UUID != "":
		return ref.UUID == p.UUID
	}
	return ref.Alias != "" && Fold(ref.Alias) == Fold(p.Alias)
}

// UserKey returns the key of the user that p is.
func (p *Principal) UserKey() UserKey { return UserKey{Organization: p.Organization, User: p.User} }

// Actor returns p's name for the audit trail.
func (p *Principal) Actor() Actor {
	return Actor{Organization: p.Organization, User: p.User, Alias: p.Alias}
}

// Errors about signing in.
var (
	ErrBadCredentials = &Error{Kind: Unauthenticated, Code: "bad_credentials",
		Public: "The user's name or password is wrong."}
	ErrPasswordExpired = &Error{Kind: Forbidden, Code: "password_expired", Field: "password",
		Public: "The password must be changed first."}
	ErrNoEnvironment = &Error{Kind: Forbidden, Code: "no_environment", Field: "current",
		Public: "No environment is open to this user."}
)
