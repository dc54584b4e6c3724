package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// BeginProvider asks to be sent to a provider.
type BeginProvider struct {
	Provider domain.ProviderKey
	Next     string // where to go afterwards; it has no line breaks
	Login    string // what the person says they are called there, empty for nothing
	Anew     bool   // whether they have to sign in there anew, also if they are signed in there
}

// SentToProvider is where to send a browser, and the cookie to give it until it comes back.
type SentToProvider struct {
	Address, Cookie string
	Expires         time.Time
}

// signInWithin is how long somebody may be at a provider.
const signInWithin = 10 * time.Minute

// underway is what a browser keeps, sealed, while its person is at a provider.
type underway struct {
	provider domain.ProviderKey
	domain.AuthRequest
	next    string
	expires time.Time
	// links is the session whose user wants to be linked; zero to sign in.
	links domain.SessionKey
}

// underwayPlace is what is sealed for.
const underwayPlace = "provider sign-in"

// base64url writes what the vault does in the letters of cookies, and back.
var base64url, base64std = strings.NewReplacer("+", "-", "/", "_"), strings.NewReplacer("-", "+", "_", "/")

func (s *Providers) seal(u *underway) (string, error) {
	parts := []string{u.provider.String(), u.State, u.Nonce, u.Verifier,
		strconv.FormatInt(u.expires.UnixMilli(), 10), strconv.FormatInt(int64(u.links.Organization), 10),
		strconv.FormatInt(int64(u.links.User), 10), string(u.links.ID), u.next}
	if !u.Anew.IsZero() { // behind all that the version before reads
		parts = append(parts, "anew")
	}
	text, err := s.vault.Seal(underwayPlace, strings.Join(parts, "\n"))
	if err != nil {
		return "", err
	}
	return base64url.Replace(text), nil
}

// open returns what was sealed into a cookie and has not expired. It reports false for anything else.
func (s *Providers) open(cookie string) (u underway, ok bool) {
	text, err := s.vault.Open(underwayPlace, base64std.Replace(cookie))
	if err != nil {
		return u, false
	}
	parts := strings.Split(text, "\n") // it was written by seal
	u.provider, ok = domain.ParseProviderKey(parts[0])
	u.State, u.Nonce, u.Verifier, u.next = parts[1], parts[2], parts[3], parts[8]
	expires, _ := strconv.ParseInt(parts[4], 10, 64)
	organization, _ := strconv.ParseInt(parts[5], 10, 64)
	user, _ := strconv.ParseInt(parts[6], 10, 64)
	u.expires = time.UnixMilli(expires)
	u.links.UserKey = domain.UserKey{Organization: domain.OrganizationID(organization), User: domain.UserID(user)}
	u.links.ID = domain.UUID(parts[7])
	u.Redirect = s.returnTo(u.provider)
	if len(parts) > 9 {
		u.Anew = u.expires.Add(-signInWithin)
	}
	return u, ok && s.now().Before(u.expires)
}

// Discover returns the provider to which a mail address leads, whose organization has proved the domain. It returns
// domain.ErrProviderNotFound for any other domain, or where the provider is not enabled; whether anybody has the
// address it does not look at.
func (s *Providers) Discover(ctx context.Context, address string) (ProviderDocument, error) {
	local, name, _ := cutLast(address, "@")
	name, ok := domain.DomainOf(local + "@" + asciiDomain(name))
	if !ok {
		return ProviderDocument{}, domain.ErrProviderNotFound
	}
	key, err := s.accounts.ProviderOfDomain(ctx, name, s.now())
	if err != nil {
		return ProviderDocument{}, err
	}
	p, err := s.enabled(ctx, key)
	if err != nil {
		return ProviderDocument{}, err
	}
	return s.without(p), nil
}

// enabled returns a provider by which people sign in, or domain.ErrProviderNotFound.
func (s *Providers) enabled(ctx context.Context, k domain.ProviderKey) (domain.Provider, error) {
	p, err := s.accounts.Provider(ctx, k)
	if err == nil && !p.Enabled {
		err = domain.ErrProviderNotFound
	}
	if err != nil {
		return domain.Provider{}, err
	}
	return p, nil
}

// Begin sends somebody to a provider to sign in.
func (s *Providers) Begin(ctx context.Context, in BeginProvider) (SentToProvider, error) {
	return s.begin(ctx, in, domain.SessionKey{})
}

// BeginLink sends the caller, who has a session, to a provider of their organization to be linked with whoever they
// are there. It needs what adding a factor needs: domain.PasswordChange on oneself, a fresh proof, and a session proved
// by a factor of whoever has one.
func (s *Providers) BeginLink(ctx context.Context, caller domain.Principal,
	in Fresh[BeginProvider]) (SentToProvider, error) {
	if _, err := oneself(ctx, s.gate, &caller, domain.PasswordChange); err != nil {
		return SentToProvider{}, err
	}
	if caller.Session == "" || in.In.Provider.Organization != caller.Organization {
		return SentToProvider{}, domain.ErrProviderNotFound
	}
	account, err := s.sessions.account(ctx, &caller)
	if err != nil {
		return SentToProvider{}, err
	}
	if err := byFactor(&account, account.Factors != 0); err != nil {
		return SentToProvider{}, err
	}
	if err := s.sessions.fresh(ctx, &account, in.Password, in.Address); err != nil {
		return SentToProvider{}, err
	}
	return s.begin(ctx, in.In, sessionOf(&caller))
}

func (s *Providers) begin(ctx context.Context, in BeginProvider, links domain.SessionKey) (SentToProvider, error) {
	p, err := s.enabled(ctx, in.Provider)
	if err != nil {
		return SentToProvider{}, err
	}
	u := underway{provider: p.ProviderKey, next: in.Next, expires: s.now().Add(signInWithin), links: links,
		AuthRequest: domain.AuthRequest{Redirect: s.returnTo(p.ProviderKey), State: random(), Nonce: random(),
			Verifier: random(), Login: in.Login}}
	if in.Anew {
		u.Anew = u.expires.Add(-signInWithin)
	}
	address, err := s.party.Authorize(ctx, &p, u.AuthRequest)
	if err != nil {
		return SentToProvider{}, err
	}
	cookie, err := s.seal(&u)
	return SentToProvider{Address: address, Cookie: cookie, Expires: u.expires}, err
}

// random returns text of 256 random bits, of letters that a verifier may have (RFC 7636, 4.1).
func random() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// FinishProvider is what somebody comes back from a provider with. Caller is who they are here by their session, zero
// for nobody.
type FinishProvider struct {
	Provider            domain.ProviderKey // whose address it was
	Cookie              string
	State, Code, Issuer string
	Error               string // what the provider says went wrong, empty for nothing
	Caller              domain.Principal
	Address, Client     string
}

// FinishedProvider is where to go next. Linked means that it was about linking the caller, also where that failed; else
// SignedIn is their session.
type FinishedProvider struct {
	SignedIn
	Next   string
	Linked bool
}

// Finish signs in whoever comes back from a provider, or links them. Whose account it is follows from the issuer and
// the subject alone; who is not linked gets an account where the provider makes one. It returns
// domain.ErrProviderAnswer for what does not belong to a sign-in that this browser began at this provider, was used
// before, or is not proved; domain.ErrNotAnew; domain.ErrProviderDeclined; domain.ErrNoNewcomer, domain.ErrLinkGone or
// domain.ErrLinked; domain.ErrProviderUnreachable; for an account that an address leads to, domain.ErrTooMany and
// domain.ErrDNSUnreachable; and the errors of Sessions.SignIn.
func (s *Providers) Finish(ctx context.Context, in FinishProvider) (out FinishedProvider, err error) {
	u, ok := s.open(in.Cookie)
	if !ok || u.provider != in.Provider || subtle.ConstantTimeCompare([]byte(u.State), []byte(in.State)) != 1 {
		return out, domain.ErrProviderAnswer
	}
	out.Next, out.Linked = u.next, u.links != (domain.SessionKey{})
	if out.Linked && sessionOf(&in.Caller) != u.links { // it is linked with the account of the session that asked
		return out, domain.ErrProviderAnswer
	}
	p, err := s.enabled(ctx, u.provider)
	if err != nil {
		return out, err
	}
	id, claims, err := s.redeem(ctx, &p, &u, &in)
	if err != nil {
		return out, err
	}
	if out.Linked {
		return out, s.linkCaller(ctx, &p, &in.Caller, id, claims)
	}
	account, err := s.account(ctx, &p, id, claims)
	if err != nil {
		return out, err
	}
	out.SignedIn, err = s.signIn(ctx, &p, &in, account, id, claims)
	return out, err
}

// redeem returns who came back from a provider.
func (s *Providers) redeem(ctx context.Context, p *domain.Provider, u *underway,
	in *FinishProvider) (id domain.Identity, claims domain.Claims, err error) {
	if err := s.once(ctx, "state", u.State); err != nil {
		return id, claims, err
	}
	if in.Error != "" || in.Code == "" {
		return id, claims, domain.ErrProviderDeclined.Because(errors.New(domain.CleanName(in.Error)))
	}
	if err := s.once(ctx, "code of "+p.ProviderKey.String(), in.Code); err != nil {
		return id, claims, err
	}
	claims, err = s.party.Redeem(ctx, p, u.AuthRequest, domain.AuthAnswer{Code: in.Code, Issuer: in.Issuer})
	if err != nil {
		return id, claims, err
	}
	id, err = p.Identity(claims)
	return id, claims, err
}

// once returns domain.ErrProviderAnswer for text that was used before.
func (s *Providers) once(ctx context.Context, what, text string) error {
	sum := sha256.Sum256([]byte(text))
	now := s.now()
	uses, _, err := s.accounts.Count(ctx, "provider "+what+" "+hex.EncodeToString(sum[:]), now, now.Add(-24*time.Hour))
	if err == nil && uses > 1 {
		err = domain.ErrProviderAnswer.Because(errors.New("used before"))
	}
	return err
}

// linkCaller links the caller, whose session must not have ended while they were there: as it does when somebody
// changes the password or adds the first factor.
func (s *Providers) linkCaller(ctx context.Context, p *domain.Provider, caller *domain.Principal, id domain.Identity,
	claims domain.Claims) error {
	h, err := oneself(ctx, s.gate, caller, domain.PasswordChange)
	if err != nil {
		return err
	}
	return s.link(ctx, &h, p.ID, domain.Link{Identity: id, Shown: claims.Shown(), By: domain.LinkedByPerson},
		func(tx ProviderTx) error {
			there, err := tx.HasSession(sessionOf(caller))
			if err == nil && !there {
				err = domain.ErrProviderAnswer.Because(errors.New("the session has ended that asked"))
			}
			return err
		})
}

// account returns the account that is linked with an identity, and makes one where the provider says so.
func (s *Providers) account(ctx context.Context, p *domain.Provider, id domain.Identity,
	claims domain.Claims) (domain.Account, error) {
	link, err := s.accounts.Linked(ctx, id)
	if domain.ErrLinkNotFound.Is(err) {
		err = s.recognise(ctx, p, id, claims)
		if domain.ErrLinkNotFound.Is(err) {
			err = s.welcome(ctx, p, id, claims)
		}
		if err == nil || domain.ErrLinked.Is(err) { // by another request, a moment ago
			link, err = s.accounts.Linked(ctx, id)
		}
	}
	if err != nil {
		return domain.Account{}, err
	}
	account, err := s.accounts.ByID(ctx, id.Organization, link.User)
	if domain.ErrUserNotFound.Is(err) {
		return account, domain.ErrLinkGone
	}
	if err == nil && !account.Usable(s.now()) {
		return account, domain.ErrNoNewcomer.Because(errors.New("the account is closed"))
	}
	return account, err
}

// signIn begins a session of an account. It is proved as a password proves it, unless the provider says more and is
// trusted with that, and when the provider says: long ago where it does not say, as it may not have asked for anything.
func (s *Providers) signIn(ctx context.Context, p *domain.Provider, in *FinishProvider, account domain.Account,
	id domain.Identity, claims domain.Claims) (SignedIn, error) {
	if account.Program {
		return SignedIn{}, domain.ErrProgram
	}
	now := s.now()
	account.Principal.PasswordExpired = account.Standing.PasswordExpired(now)
	proved := domain.Proved{Proof: domain.ByPassword, At: claims.SignedInAt(now)}
	if p.TrustsStrong && claims.Strong() {
		proved.Proof = domain.ByCode
	}
	// It is judged as the session that it gets.
	account.Session = sessionToBe(&account, proved)
	account.Session.Provider = domain.ProviderSession{Provider: p.ID, Issuer: id.Issuer, Subject: id.Subject,
		ID: claims.First("sid")}
	return s.sessions.begin(ctx, &account, &SignIn{Kind: domain.CookieSession, Address: in.Address, Client: in.Client,
		provider: account.Session.Provider}, s.sessions.demands.Hold, func() (domain.Proved, error) { return proved, nil })
}

// nameTries is how many login names are tried for a newcomer.
const nameTries = 4

// welcome makes an account for somebody who is linked with none.
func (s *Providers) welcome(ctx context.Context, p *domain.Provider, id domain.Identity, claims domain.Claims) error {
	u, _, _, err := s.newcomer(ctx, p, claims)
	if err != nil {
		return err
	}
	if err := s.store.Number(ctx, &u); err != nil {
		return err
	}
	name := u.Alias
	by := tenancy.Operator("(identity provider)", domain.UserCreate)
	for try := 0; ; try++ {
		err := s.store.Do(ctx, by, func(tx ProviderTx) error {
			if err := tx.InsertUser(&u, ""); err != nil {
				return err
			}
			return tx.InsertLink(u.Key(), p.ID, &domain.Link{Identity: id, Shown: claims.Shown(), By: domain.LinkedFirst,
				Created: u.Created})
		})
		switch {
		case domain.ErrUserMailTaken.Is(err) && u.Person.Mail != "":
			u.Person.Mail = "" // whose it is says nothing of who this is
		case domain.ErrUserAliasTaken.Is(err) && try < nameTries:
			u.Alias = name + "-" + random()[:4]
			u.AliasSpellings = s.names.Spellings(u.Alias)
		default:
			return err
		}
	}
}

// newcomer returns the account that the provider's rules make of claims, with its home and the number of the rule.
// It returns domain.ErrNoNewcomer where they make none, or more than whoever wrote them had.
func (s *Providers) newcomer(ctx context.Context, p *domain.Provider,
	claims domain.Claims) (u domain.User, home domain.Environment, rule int, err error) {
	place, rule, err := p.Place(claims)
	if err != nil {
		return u, home, rule, err
	}
	home, err = s.gate.Place(ctx, domain.NumberRef(place.Environment))
	if domain.ErrEnvironmentNotFound.Is(err) || err == nil && (home.Organization != p.Organization || !home.Active) {
		err = domain.ErrNoNewcomer.Because(errors.New("the rule's environment is not there"))
	}
	if err != nil {
		return u, home, rule, err
	}
	u = newcomerAt(&home, place)
	if err := s.within(ctx, p, &u, rule); err != nil {
		return u, home, rule, err
	}
	now := s.now().UTC().Truncate(time.Millisecond)
	u.DefaultPage, u.Person = 1, claims.Person()
	u.Standing = domain.Standing{Active: true, Created: now, IdleSince: now}
	if _, proved, err := s.vouches(ctx, p, claims.Address()); err != nil {
		return u, home, rule, err
	} else if proved {
		u.Person.Mail = claims.Address()
	}
	if language := claims.First("locale"); domain.PlainWord(language) {
		u.Language = language
	}
	s.name(&u, claims)
	return u, home, rule, u.Validate()
}

// within returns domain.ErrNoNewcomer if u would have more than whoever wrote the rules had, or without a rule more
// than a user.
func (s *Providers) within(ctx context.Context, p *domain.Provider, u *domain.User, rule int) error {
	groups, err := s.documents.Groups(ctx, tenancy.Operator("", domain.GroupRead).Read(), nil, p.Organization)
	if err != nil {
		return err
	}
	subject, most := u.Subject(), p.Most
	if rule == 0 {
		most.Role = min(most.Role, domain.RoleUser)
	}
	_, there := groups.Get(u.Organization, u.Groups[0])
	if !there || max(u.Role, groups.Role(&subject)) > most.Role ||
		!groups.Mask(u.Organization, u.Groups).Within(most.Mask) {
		return domain.ErrNoNewcomer.Because(errors.New("the rule gives more than whoever wrote it had"))
	}
	return nil
}

// name gives u a login name that nobody could take for somebody's mail address but their own.
func (s *Providers) name(u *domain.User, claims domain.Claims) {
	for _, name := range []string{claims.First("preferred_username"), claims.First("email"), u.Person.FirstName} {
		if !domain.MailMatches(name, u.Person.Mail) || u.Person.Mail == "" {
			name, _, _ = strings.Cut(name, "@")
		}
		u.Alias = strings.TrimSpace(name)
		if u.Alias != "?" && u.Validate() == nil && s.names.Check(u.Alias) == nil {
			u.AliasSpellings = s.names.Spellings(u.Alias)
			return
		}
	}
	u.Alias = "user-" + random()[:8]
	u.AliasSpellings = s.names.Spellings(u.Alias)
}

// SignOutProvider is what a provider says of sessions that ended there.
type SignOutProvider struct {
	Provider domain.ProviderKey
	Token    string
}

// SignOut ends the sessions that were begun by one that ended at a provider (OpenID Connect Back-Channel Logout 1.0).
// It returns domain.ErrProviderAnswer for a token that is not the provider's, or was used before.
func (s *Providers) SignOut(ctx context.Context, in SignOutProvider) error {
	p, err := s.accounts.Provider(ctx, in.Provider)
	if err != nil {
		return err
	}
	out, err := s.party.SignedOut(ctx, &p, in.Token)
	if err != nil {
		return err
	}
	if err := s.once(ctx, "sign-out of "+p.ProviderKey.String(), out.Message); err != nil {
		return err
	}
	return s.accounts.SignOutAt(ctx, p.Organization, out.ProviderSession)
}
