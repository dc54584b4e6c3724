package accounts

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// Sessions signs people in and out, and shows and ends what came of it.
type Sessions struct {
	gate      *tenancy.Gate
	users     *directory.Users
	me        *directory.Me
	store     SessionStore
	signIns   SignInStore
	passwords directory.Passwords
	demands   Demands
	tokens    Tokens
	pages     Pages // where people see their sessions
	limits    SessionLimits
	watch     *Watch
	now       func() time.Time
}

// Demands says what an account needs beside what was proved.
type Demands interface {
	// Refuse returns domain.ErrFactorNeeded for an account that is proved by less than it needs. Hold says in its
	// principal what is missing instead.
	Refuse(ctx context.Context, a *domain.Account) error
	Hold(ctx context.Context, a *domain.Account) error
}

// SessionLimits says how long sessions, and what clients hold of them, last.
type SessionLimits struct {
	Token  time.Duration // a session of one access token, and the token
	Access time.Duration // an access token of a session that has a refresh token

	Refresh time.Duration // a refresh token that nobody uses
	Longest time.Duration // a session, however often it is refreshed

	CookieIdle time.Duration // a session with a cookie that nobody uses
	Cookie     time.Duration // one that is used
	Unproved   time.Duration // one whose user has still to prove a second factor

	// Most is how many one user may have; behind it the one that was unused for the longest time ends.
	Most int64
}

// DefaultSessionLimits are the limits nobody configured.
var DefaultSessionLimits = SessionLimits{
	Token: 365 * 24 * time.Hour, Access: time.Hour, Refresh: 30 * 24 * time.Hour, Longest: 365 * 24 * time.Hour,
	CookieIdle: time.Hour, Cookie: 12 * time.Hour, Unproved: 10 * time.Minute, Most: domain.DefaultQuotas.Sessions,
}

// NewSessions returns the use cases of sessions.
func NewSessions(gate *tenancy.Gate, users *directory.Users, me *directory.Me, store SessionStore,
	signIns SignInStore, passwords directory.Passwords, demands Demands, tokens Tokens, pages Pages,
	limits SessionLimits, watch *Watch, now func() time.Time) *Sessions {
	return &Sessions{gate: gate, users: users, me: me, store: store, signIns: signIns, passwords: passwords,
		demands: demands, tokens: tokens, pages: pages, limits: limits, watch: watch, now: now}
}

// SessionStore shows the sessions of users, and ends them in transactions. What a method takes of a scope is
// all there is for it.
type SessionStore interface {
	// List returns the living sessions of a user, the last used first; none if there is no such user.
	List(ctx context.Context, sc tenancy.Scope, user domain.UserKey) ([]domain.Session, error)
	// Do runs work in one transaction within w. The whole of work is run again on a conflict.
	Do(ctx context.Context, w tenancy.WriteScope, work func(tx SessionTx) error) error
}

// SessionTx ends sessions in one transaction.
type SessionTx interface {
	// User returns a user, locked, or domain.ErrUserNotFound.
	User(key domain.UserKey) (domain.User, error)
	// EndSession ends a session of a user whom User returned, or returns domain.ErrSessionNotFound. EndSessions
	// ends all there are.
	EndSession(user domain.UserKey, id domain.UUID) error
	EndSessions(user domain.UserKey) error
}

// SignInStore keeps what signing in begins, before there is a principal.
type SignInStore interface {
	// Begin adds a session and returns the name of the key that signs its tokens. Of the
	// user's sessions the keep used last are left. Unfinished ones are counted by themselves, and of those
	// from the session's network domain.UnfinishedFrom are left. It returns domain.ErrChanged if there is no
	// such user, or they have not the factor any more that the session was proved by, or the provider that it was
	// begun by is off or has no link to them any more. If tell is not nil, where and with what a session that is
	// finished is begun is remembered, and if its user, whom a letter reaches, began others before but none from there
	// or none with that, what tell returns is mailed, a few times a day at most.
	Begin(ctx context.Context, s domain.Session, keep int, tell func(*domain.User) domain.Mail) (key string, err error)
	// BySession is that of authn.Accounts.
	BySession(ctx context.Context, k domain.SessionKey, key string) (account domain.Account, signed bool, err error)
	// Renew renews the session that the presented token is of, in one transaction that keeps others
	// from the session, or returns domain.ErrSessionNotFound. After domain.ErrRefreshReused the session is ended,
	// after another error it is as it was.
	Renew(ctx context.Context, r domain.Renewal) (s domain.Session, key string, err error)
	// SignOut ends a session; one that has ended is no error.
	SignOut(ctx context.Context, k domain.SessionKey) error
}

// Tokens makes and reads what clients hold of sessions.
type Tokens interface {
	// Issue returns an access token that says s.
	Issue(s domain.AccessToken) (string, error)
	// Read returns what an access token says, and false for one that is not ours or has expired.
	Read(text string) (domain.AccessToken, bool)
	// Audience returns the surfaces that read access tokens.
	Audience() []string
	// NewSecret returns a new refresh token or cookie, as kind says, and what to store of
	// it. renewals is how many refresh tokens the session had before.
	NewSecret(kind domain.SessionKind, s domain.SessionKey, renewals int64) (text string, hash domain.SecretHash)
	// ReadSecret reads what NewSecret returned for that kind, and reports false for anything
	// else.
	ReadSecret(kind domain.SessionKind, text string) (domain.SessionSecret, bool)
	// CSRF returns the CSRF token of a session.
	CSRF(s domain.SessionKey) string
}

// SignIn asks for a session. Environment is where it is to be used; Client is what the
// client calls itself. The zero Kind is a session of one long access token. NewPassword, if it is not empty,
// takes the place of a password that must be changed first; it does nothing to another one. Audience are the surfaces
// on which that token is to be good; none are all that read tokens.
type SignIn struct {
	Login, Password string
	NewPassword     string
	Environment     domain.EnvironmentRef
	Kind            domain.SessionKind
	Audience        []string
	Address, Client string
	// Steps says that the client goes on to prove a second factor where one is missing: it gets a session that is good
	// for nothing else. Programs' accounts have none of these.
	Steps bool

	// provider is the session at an identity provider by which somebody signs in.
	provider domain.ProviderSession
}

// SignedIn is a session with what its client gets.
type SignedIn struct {
	Session     domain.Session
	Principal   domain.Principal
	Environment domain.Environment

	// Access is an access token; empty for a CookieSession. Refresh is the refresh token of
	// a RefreshSession. Cookie and CSRF are those of a CookieSession.
	Access  string
	Expires time.Time // of Access, or of the cookie
	Refresh string
	Cookie  string
	CSRF    string
}

// SignIn begins a session for whoever has that name and password. It is always a new one,
// whatever the client held before. An environment that is not reached, or not named, is
// replaced by the one the user starts from. It is Unauthenticated for wrong credentials and where a second
// factor is needed that the client cannot prove, TooMany after too many, Forbidden where the password must
// be changed first or no environment is open to the user, and Invalid (field "audience") for a surface that reads no
// tokens. With domain.ErrOnlyProvider it returns the principal, who can be shown their providers, and nothing else.
func (s *Sessions) SignIn(ctx context.Context, in SignIn) (SignedIn, error) {
	account, err := s.recognise(ctx, &in)
	if err != nil {
		return SignedIn{}, err
	}
	out, err := s.begin(ctx, &account, &in, s.judge(in.Steps), func() (domain.Proved, error) {
		return domain.Proved{At: s.moment()}, nil
	})
	if domain.ErrPasswordExpired.Is(err) && in.NewPassword != "" {
		if err := s.me.ChangePassword(ctx, account.Principal,
			directory.ChangePassword{Old: in.Password, New: in.NewPassword, Address: in.Address}); err != nil {
			return SignedIn{}, err
		}
		in.Password, in.NewPassword = in.NewPassword, ""
		return s.SignIn(ctx, in)
	}
	return out, err
}

// recognise returns the account with that name and password, which nothing was compared of but the password.
func (s *Sessions) recognise(ctx context.Context, in *SignIn) (domain.Account, error) {
	for _, surface := range in.Audience {
		if !slices.Contains(s.tokens.Audience(), surface) {
			return domain.Account{}, domain.InvalidField("audience", "Name surfaces that read tokens: %s.",
				strings.Join(s.tokens.Audience(), ", "))
		}
	}
	account, err := s.passwords.Recognise(ctx, in.Login, in.Password, in.Address)
	if err == nil && in.Steps && account.Program {
		err = domain.ErrProgram
	}
	account.Session = sessionToBe(&account, domain.Proved{At: s.now()})
	return account, err
}

// sessionToBe returns what an account is judged by before it gets a session: as the one that it gets.
func sessionToBe(a *domain.Account, proved domain.Proved) domain.Session {
	return domain.Session{SessionKey: domain.SessionKey{UserKey: a.UserKey(), ID: "to be"}, Proved: proved}
}

// judge returns what compares an account with what it needs, for a client that goes on to prove more or does not.
func (s *Sessions) judge(steps bool) func(context.Context, *domain.Account) error {
	if steps {
		return s.demands.Hold
	}
	return s.demands.Refuse
}

// begin begins a session, which in describes, for whoever has proved to be the account's user, unless judge has
// something against it. Then prove says how they did, and uses that up. One of an account of which a proof is missing
// is short, and in no environment. Nothing is written of whoever is refused. It is Forbidden as SignIn is, and
// domain.ErrBadCredentials if the account went away a moment ago.
func (s *Sessions) begin(ctx context.Context, account *domain.Account, in *SignIn,
	judge func(context.Context, *domain.Account) error, prove func() (domain.Proved, error)) (SignedIn, error) {
	var environment domain.Environment
	var proved domain.Proved
	err := s.passwords.Enter(ctx, account, in.Address, func(ctx context.Context, a *domain.Account) (err error) {
		if err = judge(ctx, a); err != nil {
			return err
		}
		if a.Missing == domain.ByPassword {
			if environment, err = s.environment(ctx, a, in.Environment); err != nil {
				return err
			}
		}
		if proved, err = prove(); err != nil || !a.BreakGlass {
			return err
		}
		return s.watch.note(ctx, a, domain.NetworkOf(in.Address))
	})
	if domain.ErrOnlyProvider.Is(err) {
		return SignedIn{Principal: account.Principal}, err
	}
	if err != nil {
		return SignedIn{}, err
	}
	now := s.moment()
	session := domain.Session{
		SessionKey: domain.SessionKey{UserKey: account.UserKey(), ID: domain.UUID(uuid.Must(uuid.NewV7()).String())},
		Kind:       in.Kind, TokenEpoch: account.TokenEpoch, Environment: environment.ID, Created: now, LastUsed: now,
		Client: domain.CleanClient(in.Client), Network: domain.NetworkOf(in.Address),
		Surface: domain.RequestFrom(ctx).Surface, Proved: proved, Provider: in.provider,
	}
	secret := ""
	switch in.Kind {
	case domain.CookieSession:
		session.Expires, session.Idle = now.Add(s.limits.Cookie), s.limits.CookieIdle
		if account.Missing > domain.ByPassword {
			session.Expires = now.Add(min(s.limits.Unproved, s.limits.Cookie))
		}
		secret, session.Hash = s.tokens.NewSecret(in.Kind, session.SessionKey, 0)
	case domain.RefreshSession:
		session.Expires = now.Add(min(s.limits.Refresh, s.limits.Longest))
		secret, session.Hash = s.tokens.NewSecret(in.Kind, session.SessionKey, 0)
	default:
		session.Expires = now.Add(s.limits.Token).Truncate(time.Millisecond)
	}
	key, err := s.signIns.Begin(ctx, session, int(s.limits.Most), s.newDevice(&session))
	if domain.ErrChanged.Is(err) {
		return SignedIn{}, domain.ErrBadCredentials // what it was proved by was removed a moment ago
	}
	if err != nil {
		return SignedIn{}, err
	}
	return s.signedIn(*account, session, environment, key, secret, in.Audience)
}

func (s *Sessions) moment() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

// newDevice returns what writes the letter that tells a user of a session from where or with what they never began one.
func (s *Sessions) newDevice(session *domain.Session) func(*domain.User) domain.Mail {
	letter := domain.Letter{Kind: domain.LetterNewDevice, At: session.Created, Link: s.pages.Sessions()}
	if letter.Browser, letter.System = domain.BrowserOf(session.Client); letter.Browser == "" {
		letter.Browser = domain.ProgramOf(session.Client)
	}
	if domain.IsNetwork(session.Network) {
		letter.From = session.Network
	}
	return func(u *domain.User) domain.Mail {
		letter.Login = u.Alias
		return s.users.MailTo(u.Person.Mail, u, letter)
	}
}

// environment returns where a session is to be used.
func (s *Sessions) environment(ctx context.Context, account *domain.Account,
	wanted domain.EnvironmentRef) (domain.Environment, error) {
	if account.Principal.PasswordExpired {
		return domain.Environment{}, domain.ErrPasswordExpired
	}
	environment, err := s.gate.Environment(ctx, &account.Principal, wanted)
	if err != nil && wanted != "" {
		environment, err = s.gate.Environment(ctx, &account.Principal, "")
	}
	return environment, err
}

// signedIn returns what the client of a session gets. secret is the session's newest.
func (s *Sessions) signedIn(account domain.Account, session domain.Session, e domain.Environment, key,
	secret string, audience []string) (SignedIn, error) {
	account.Principal.Session, account.Principal.Current = session.ID, domain.NumberRef(e.ID)
	out := SignedIn{Session: session, Principal: account.Principal, Environment: e, Expires: session.Expires}
	if session.Kind == domain.CookieSession {
		out.Cookie, out.CSRF = secret, s.tokens.CSRF(session.SessionKey)
		return out, nil
	}
	if session.Kind == domain.RefreshSession {
		out.Refresh = secret
		if expires := session.LastUsed.Add(s.limits.Access); expires.Before(out.Expires) {
			out.Expires = expires
		}
	}
	out.Expires = out.Expires.Truncate(time.Second) // tokens say no more than that
	var err error
	out.Access, err = s.tokens.Issue(domain.AccessToken{Session: session.SessionKey, Alias: account.Alias, Environment: e,
		Key: key, Audience: audience, Client: session.Surface, Expires: out.Expires})
	return out, err
}

// Refresh asks for the next pair of tokens of a session.
type Refresh struct {
	Token           string
	Address, Client string
}

// Refresh returns another access token and another refresh token for one that was not used
// yet; it can be used once. It is Unauthenticated, and the session ends, if it was used
// before; only the one used last may come again within domain.RepeatWithin, which is a
// Conflict and changes nothing. It is Unauthenticated too for what is no refresh token, or
// one of a session that has ended, and Forbidden as SignIn is.
func (s *Sessions) Refresh(ctx context.Context, in Refresh) (SignedIn, error) {
	presented, ok := s.tokens.ReadSecret(domain.RefreshSession, in.Token)
	if !ok {
		return SignedIn{}, domain.ErrBadRefresh
	}
	now := s.now().UTC().Truncate(time.Millisecond)
	account, _, err := s.signIns.BySession(ctx, presented.SessionKey, "")
	if domain.ErrSessionNotFound.Is(err) || err == nil &&
		(!account.Session.Alive(account.TokenEpoch, now) || !account.Usable(now)) {
		return SignedIn{}, domain.ErrBadRefresh
	}
	if err != nil {
		return SignedIn{}, err
	}
	account.Principal.PasswordExpired = account.Standing.PasswordExpired(now)
	if err := s.demands.Refuse(ctx, &account); err != nil {
		return SignedIn{}, err
	}
	environment, err := s.environment(ctx, &account, domain.NumberRef(account.Session.Environment))
	if err != nil {
		return SignedIn{}, err
	}
	secret, hash := s.tokens.NewSecret(domain.RefreshSession, presented.SessionKey, presented.Renewals+1)
	session, key, err := s.signIns.Renew(ctx,
		domain.Renewal{Presented: presented, Next: hash, Now: now, Lifetime: s.limits.Refresh,
			Longest: s.limits.Longest, Client: domain.CleanClient(in.Client), Network: domain.NetworkOf(in.Address)})
	if domain.ErrSessionNotFound.Is(err) {
		return SignedIn{}, domain.ErrBadRefresh
	}
	if err != nil {
		return SignedIn{}, err
	}
	return s.signedIn(account, session, environment, key, secret, nil)
}

// SignOut ends the session the request belongs to, if it belongs to one. Everybody may.
func (s *Sessions) SignOut(ctx context.Context, caller domain.Principal) error {
	if caller.Session == "" {
		return nil
	}
	return s.signIns.SignOut(ctx, sessionOf(&caller))
}

// CSRF returns the CSRF token of the session the request belongs to, empty if it belongs to
// none.
func (s *Sessions) CSRF(caller domain.Principal) string {
	if caller.Session == "" {
		return ""
	}
	return s.tokens.CSRF(sessionOf(&caller))
}

func sessionOf(caller *domain.Principal) domain.SessionKey {
	return domain.SessionKey{UserKey: caller.UserKey(), ID: caller.Session}
}

// SessionDocument is a session as it is shown.
type SessionDocument struct {
	domain.Session
	Current bool // the request belongs to it
}

// List returns the sessions of a user, the last used first; zero names the caller. It needs
// domain.SessionManage for one's own, else domain.UserUpdate on the user. It returns NotFound outside the caller's
// reach and Forbidden for a user who has more than the caller.
func (s *Sessions) List(ctx context.Context, caller domain.Principal, ref domain.UserRef) ([]SessionDocument, error) {
	h, err := s.over(ctx, &caller, ref)
	if err != nil {
		return nil, err
	}
	all, err := s.store.List(ctx, h.w.Read(), h.found.Key())
	if err != nil {
		return nil, err
	}
	shown := make([]SessionDocument, len(all))
	for i, session := range all {
		shown[i] = SessionDocument{Session: session, Current: session.SessionKey == sessionOf(&caller)}
	}
	return shown, nil
}

// End ends one session of a user, under the rules of List. It returns domain.ErrSessionNotFound if the user has no
// such session.
func (s *Sessions) End(ctx context.Context, caller domain.Principal, in OfUser[domain.UUID]) error {
	return s.end(ctx, &caller, in.User,
		func(tx SessionTx, user domain.UserKey) error { return tx.EndSession(user, in.In) })
}

// EndAll ends all sessions of a user, the one the request belongs to included, under the rules of List.
func (s *Sessions) EndAll(ctx context.Context, caller domain.Principal, ref domain.UserRef) error {
	return s.end(ctx, &caller, ref, SessionTx.EndSessions)
}

// EndOthers ends all sessions of the caller but the one the request belongs to. It needs domain.SessionManage.
func (s *Sessions) EndOthers(ctx context.Context, caller domain.Principal) error {
	all, err := s.List(ctx, caller, domain.UserRef{})
	if err != nil {
		return err
	}
	return s.end(ctx, &caller, domain.UserRef{}, func(tx SessionTx, user domain.UserKey) error {
		for i := range all {
			if all[i].Current {
				continue
			}
			if err := tx.EndSession(user, all[i].ID); err != nil && !domain.ErrSessionNotFound.Is(err) {
				return err
			}
		}
		return nil
	})
}

func (s *Sessions) end(ctx context.Context, caller *domain.Principal, ref domain.UserRef,
	end func(SessionTx, domain.UserKey) error) error {
	h, err := s.over(ctx, caller, ref)
	if err != nil {
		return err
	}
	return s.store.Do(ctx, h.w, func(tx SessionTx) error {
		if _, err := h.user(tx); err != nil {
			return err
		}
		return end(tx, h.found.Key())
	})
}

func (s *Sessions) over(ctx context.Context, caller *domain.Principal, ref domain.UserRef) (h holder, err error) {
	if ref == (domain.UserRef{}) {
		return oneself(ctx, s.gate, caller, domain.SessionManage)
	}
	if h, err = find(ctx, s.users, caller, ref); err != nil {
		return h, err
	}
	if err := h.enter(ctx, s.gate, caller, domain.UserUpdate); err != nil {
		return h, err
	}
	return h, h.may(&h.found)
}

// account returns the account of the caller, who has a session, with that session.
func (s *Sessions) account(ctx context.Context, caller *domain.Principal) (domain.Account, error) {
	account, _, err := s.signIns.BySession(ctx, sessionOf(caller), "")
	if domain.ErrSessionNotFound.Is(err) {
		err = domain.ErrUnauthenticated
	}
	account.Session.Surface = domain.RequestFrom(ctx).Surface
	return account, err
}

// freshWithin is how old the proof of a session may be that stands in for a password where there is none.
const freshWithin = 5 * time.Minute

// fresh returns nil for who proves anew that an account is theirs: by its password, or where it has none by a session
// with a cookie that was proved within freshWithin. Only a provider or a factor begins such a session then. It returns
// what password returns, and Forbidden for who has no password and no such session.
func (s *Sessions) fresh(ctx context.Context, a *domain.Account, password, address string) error {
	if a.Hash != "" {
		return s.password(ctx, a, password, address)
	}
	if a.Session.Kind != domain.CookieSession || !s.now().Before(a.Session.Proved.At.Add(freshWithin)) {
		return domain.ErrForbidden.Saying("You have no password, so this needs a sign-in of the last five minutes: " +
			"sign in again.")
	}
	return nil
}

// password returns nil for the password of an account. It returns Forbidden, field "password", for another one, which
// counts as a failed sign-in.
func (s *Sessions) password(ctx context.Context, a *domain.Account, password, address string) error {
	err := s.passwords.Check(ctx, *a, password, address)
	if domain.ErrBadCredentials.Is(err) {
		return domain.ErrForbidden.On("password").Saying("The password is wrong.")
	}
	return err
}
