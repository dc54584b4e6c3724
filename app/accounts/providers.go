package accounts

import (
	"cmp"
	"context"
	"strings"
	"time"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// Providers keeps the identity providers of organizations, and signs people in by them.
type Providers struct {
	gate      *tenancy.Gate
	documents *tenancy.Documents
	users     *directory.Users
	sessions  *Sessions
	store     ProviderStore
	accounts  ProviderAccounts
	party     RelyingParty
	records   DomainRecords
	vault     Vault
	names     directory.LoginNames
	rules     ProviderRules
	now       func() time.Time
}

// ProviderRules are what the server's configuration says of identity providers.
type ProviderRules struct {
	// Plain lets a provider be asked without TLS.
	Plain bool
	// Return is the address, as people reach it, behind which a provider's key makes the one to come back to from it.
	Return string
	// Entrance is the address, as people reach it, behind which a provider's key makes the one that leads to it.
	Entrance string
}

// NewProviders returns the use cases of identity providers.
func NewProviders(gate *tenancy.Gate, documents *tenancy.Documents, users *directory.Users, sessions *Sessions,
	store ProviderStore, accounts ProviderAccounts, party RelyingParty, records DomainRecords,
	vault Vault, names directory.LoginNames, rules ProviderRules, now func() time.Time) *Providers {
	return &Providers{gate: gate, documents: documents, users: users, sessions: sessions, store: store,
		accounts: accounts, party: party, records: records, vault: vault, names: names, rules: rules, now: now}
}

// ProviderStore reads identity providers and links, and changes them in transactions. What a method takes of a scope
// is all there is for it.
type ProviderStore interface {
	// List returns the providers of an organization, by name.
	List(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID) ([]domain.Provider, error)
	// Get returns the provider with that key, or domain.ErrProviderNotFound.
	Get(ctx context.Context, sc tenancy.Scope, k domain.ProviderKey) (domain.Provider, error)
	// Domains returns the domains that an organization has proved, by name.
	Domains(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID) ([]domain.MailDomain, error)
	// Links returns the links of a user, the oldest first; none if there is no such user.
	Links(ctx context.Context, sc tenancy.Scope, u domain.UserKey) ([]domain.Link, error)
	// Number is that of directory.UserStore.
	Number(ctx context.Context, u *domain.User) error
	// Do runs work in one transaction within w. The whole of work is run again on a conflict.
	Do(ctx context.Context, w tenancy.WriteScope, work func(tx ProviderTx) error) error
}

// ProviderTx changes identity providers and links in one transaction.
type ProviderTx interface {
	directory.UserTx
	// Provider is ProviderStore.Get, locked.
	Provider(k domain.ProviderKey) (domain.Provider, error)
	// InsertProvider adds a provider to its organization, under a new id. It returns domain.ErrIssuerTaken.
	InsertProvider(p *domain.Provider) error
	// SaveProvider makes before, as it was read, after.
	SaveProvider(before, after *domain.Provider) error
	// DeleteProvider removes a provider as it was read, with the links to accounts that are there and the sessions
	// that it began.
	DeleteProvider(p *domain.Provider) error
	// SaveDomain keeps that an organization has proved a domain, or returns domain.ErrDomainNotFound where no provider
	// of it has the domain.
	SaveDomain(d *domain.MailDomain) error
	// DomainAsked keeps when the proof of a domain was looked for and found, and forgets one that is no longer good.
	DomainAsked(d *domain.MailDomain) error
	// Links is ProviderStore.Links.
	Links(u domain.UserKey) ([]domain.Link, error)
	// Factors is that of FactorTx.
	Factors(u domain.UserKey) ([]domain.Factor, error)
	// HasLink reports whether a user whom User returned is linked at a provider that is on, and HasSession whether a
	// session of theirs has not ended.
	HasLink(u domain.UserKey) (bool, error)
	HasSession(k domain.SessionKey) (bool, error)
	// InsertLink links a user whom the transaction returned or added with somebody at a provider of their organization.
	// It returns domain.ErrLinked if whoever the link is of is linked, or was with an account that was removed, and
	// domain.ErrProviderNotFound if the provider is off or gone.
	InsertLink(u domain.UserKey, provider domain.UUID, link *domain.Link) error
	// DeleteLink removes a link of a user whom User returned, with the sessions that were begun by it, or returns
	// domain.ErrLinkNotFound.
	DeleteLink(u domain.UserKey, issuer, subject string) error
}

// ProviderAccounts finds what signing in by a provider needs, before there is a principal.
type ProviderAccounts interface {
	DomainProofs
	// Provider returns the provider with that key, or domain.ErrProviderNotFound.
	Provider(ctx context.Context, k domain.ProviderKey) (domain.Provider, error)
	// Linked returns the link of an identity, also after its account was removed, or domain.ErrLinkNotFound.
	Linked(ctx context.Context, id domain.Identity) (domain.Link, error)
	// SignOutAt ends the sessions that were begun by one at a provider, or, where that has no ID or no subject, by
	// all of the other.
	SignOutAt(ctx context.Context, o domain.OrganizationID, at domain.ProviderSession) error
	// ByID, ByMail and Count are those of AccountFinder.
	ByMail(ctx context.Context, address string) (domain.UserKey, error)
	ByID(ctx context.Context, o domain.OrganizationID, id domain.UserID) (domain.Account, error)
	Count(ctx context.Context, subject string, now, since time.Time) (uses int64, began time.Time, err error)
}

// RelyingParty speaks with identity providers.
type RelyingParty interface {
	// Check returns domain.ErrProviderUnreachable unless the provider answers as itself.
	Check(ctx context.Context, p *domain.Provider) error
	// Authorize returns the address at the provider to send somebody to, or domain.ErrProviderUnreachable.
	Authorize(ctx context.Context, p *domain.Provider, r domain.AuthRequest) (string, error)
	// Redeem returns what the provider has signed of whoever came back with an answer to r. It returns
	// domain.ErrProviderAnswer for what it has not, domain.ErrNotAnew where r asked for a new sign-in there and the
	// provider does not say that it was one, and domain.ErrProviderUnreachable.
	Redeem(ctx context.Context, p *domain.Provider, r domain.AuthRequest, a domain.AuthAnswer) (domain.Claims, error)
	// SignedOut is Redeem for a token that says which session ended.
	SignedOut(ctx context.Context, p *domain.Provider, token string) (domain.SignedOutAt, error)
}

// Vault seals text so that nobody else can read or make it, for one place. Hash is of texts that cannot run into one
// another, and nobody else can make it.
type Vault interface {
	Hash(parts ...string) (string, error)
	Seal(place, text string) (string, error)
	Open(place, text string) (string, error)
}

// RulePatch says what a rule is to be. Environment and Group are looked up where the provider is.
type RulePatch struct {
	Claim, Value string
	Environment  domain.EnvironmentRef
	Group        domain.GroupRef
	Role         domain.Role
}

// ProviderPatch says what a provider is to become. A nil field is left as it is.
type ProviderPatch struct {
	Name, ClientID        *string
	ClientSecret          *domain.SecretText
	Scopes, Domains       *[]string
	Enabled, TrustsStrong *bool
	Newcomers             *domain.Newcomers
	Rules                 *[]RulePatch
}

// CreateProvider says what the new provider of an organization is to be.
type CreateProvider struct {
	Organization domain.EnvironmentRef
	Issuer       string
	Subject      domain.SubjectClaim // empty is the right one for the issuer
	ProviderPatch
}

// OrganizationProvider names a provider of an organization.
type OrganizationProvider struct {
	Organization domain.EnvironmentRef
	Provider     domain.UUID
}

// UpdateProvider says which provider is to be changed, and to what.
type UpdateProvider struct {
	OrganizationProvider
	ProviderPatch
}

// ProviderDocument is a provider as it is shown, without its secret. Return is the address that it has to know: where
// people come back from it, and where it says that they signed out. Entrance is what people open to sign in by it.
type ProviderDocument struct {
	domain.Provider
	Secret           bool // there is one
	Return, Entrance string
	// Placed is what each of the rules names, as far as the reader sees it.
	Placed []ShownPlacement
}

// ShownPlacement is where a rule places people. Environment is nil if it is gone or out of the reader's reach, and
// Group if it is gone.
type ShownPlacement struct {
	Environment *directory.EnvironmentDocument
	Group       *domain.Group
}

// without describes a provider without what its rules name.
func (s *Providers) without(p domain.Provider) ProviderDocument {
	d := ProviderDocument{Provider: p, Secret: p.ClientSecret != "", Return: s.returnTo(p.ProviderKey),
		Entrance: s.rules.Entrance + p.ProviderKey.String()}
	d.ClientSecret = ""
	return d
}

// describe describes providers of an organization for the caller, who reads them in sc.
func (s *Providers) describe(ctx context.Context, caller *domain.Principal, sc tenancy.Scope, o domain.OrganizationID,
	providers ...domain.Provider) ([]ProviderDocument, error) {
	described := make([]ProviderDocument, len(providers))
	var refs []domain.EnvironmentRef
	for i := range providers {
		described[i] = s.without(providers[i])
		for j := range providers[i].Rules {
			refs = append(refs, domain.NumberRef(providers[i].Rules[j].Environment))
		}
	}
	if len(refs) == 0 {
		return described, nil
	}
	named, err := s.gate.EnvironmentsNamed(ctx, caller, refs)
	if err != nil {
		return nil, err
	}
	groups, err := s.documents.Groups(ctx, sc, nil, o)
	if err != nil {
		return nil, err
	}
	for i := range described {
		for _, r := range described[i].Rules {
			var shown ShownPlacement
			if named[0].Err == nil {
				e := directory.DescribeEnvironment(sc, named[0].Environment)
				shown.Environment = &e
			} else if !domain.ErrEnvironmentNotFound.Is(named[0].Err) {
				return nil, named[0].Err
			}
			if g, there := groups.Get(o, r.Group); there {
				shown.Group = &g
			}
			described[i].Placed = append(described[i].Placed, shown)
			named = named[1:]
		}
	}
	return described, nil
}

// one describes one provider.
func (s *Providers) one(ctx context.Context, caller *domain.Principal, sc tenancy.Scope,
	p domain.Provider) (ProviderDocument, error) {
	described, err := s.describe(ctx, caller, sc, p.Organization, p)
	if err != nil {
		return ProviderDocument{}, err
	}
	return described[0], nil
}

// returnTo returns where people come back from a provider: an address of its own, so that no other one's answer is
// taken for its.
func (s *Providers) returnTo(k domain.ProviderKey) string { return s.rules.Return + k.String() }

// enter returns the proof that the caller may use p in the organization that ref names, an environment that is one; the
// empty reference is the organization of the current environment.
func (s *Providers) enter(ctx context.Context, caller *domain.Principal, p domain.Permission,
	ref domain.EnvironmentRef) (w tenancy.WriteScope, e domain.Environment, err error) {
	e, err = s.gate.Environment(ctx, caller, ref)
	if err == nil && ref == "" && !e.IsOrganization {
		e, err = s.gate.Environment(ctx, caller, domain.NumberRef(e.Organization.Environment()))
	}
	if err == nil && !e.IsOrganization {
		err = domain.ErrEnvironmentNotFound
	}
	if err != nil {
		return w, e, domain.AsError(err).On("organization")
	}
	w, err = s.gate.EnterWrite(ctx, caller, p, tenancy.At(e.Path))
	return w, e, err
}

// List returns the providers of an organization, by name. It needs domain.OrganizationRead there.
func (s *Providers) List(ctx context.Context, caller domain.Principal,
	organization domain.EnvironmentRef) ([]ProviderDocument, error) {
	w, e, err := s.enter(ctx, &caller, domain.OrganizationRead, organization)
	if err != nil {
		return nil, err
	}
	found, err := s.store.List(ctx, w.Read(), e.Organization)
	if err != nil {
		return nil, err
	}
	return s.describe(ctx, &caller, w.Read(), e.Organization, found...)
}

// Get returns one provider. It needs what List needs, and is NotFound if the organization has no such provider.
func (s *Providers) Get(ctx context.Context, caller domain.Principal,
	in OrganizationProvider) (ProviderDocument, error) {
	w, e, err := s.enter(ctx, &caller, domain.OrganizationRead, in.Organization)
	if err != nil {
		return ProviderDocument{}, err
	}
	p, err := s.store.Get(ctx, w.Read(), domain.ProviderKey{Organization: e.Organization, ID: in.Provider})
	if err != nil {
		return ProviderDocument{}, err
	}
	return s.one(ctx, &caller, w.Read(), p)
}

// change is enter with domain.OrganizationWrite for what lets people in or keeps them out: it asks for a recent proof
// too.
func (s *Providers) change(ctx context.Context, caller *domain.Principal,
	ref domain.EnvironmentRef) (w tenancy.WriteScope, e domain.Environment, err error) {
	if w, e, err = s.enter(ctx, caller, domain.OrganizationWrite, ref); err == nil {
		err = s.gate.Recent(caller)
	}
	return w, e, err
}

// Create sets a provider up, which makes accounts for nobody unless in says otherwise. It needs
// domain.OrganizationWrite and a recent proof, is Forbidden where a rule gives more than the caller has, and
// Unavailable where the provider does not answer.
func (s *Providers) Create(ctx context.Context, caller domain.Principal, in CreateProvider) (ProviderDocument, error) {
	w, e, err := s.change(ctx, &caller, in.Organization)
	if err != nil {
		return ProviderDocument{}, err
	}
	p := s.fresh(&caller, e.Organization, in.Issuer, in.Subject)
	if err := s.apply(ctx, &caller, &in.ProviderPatch, &p); err != nil {
		return ProviderDocument{}, err
	}
	if err := s.party.Check(ctx, &p); err != nil {
		return ProviderDocument{}, err
	}
	described, err := s.one(ctx, &caller, w.Read(), p)
	if err != nil {
		return ProviderDocument{}, err
	}
	var made ProviderDocument
	err = s.store.Do(ctx, w, func(tx ProviderTx) error {
		if err := tx.InsertProvider(&p); err != nil {
			return err
		}
		made = s.without(p)
		made.Placed = described.Placed
		domain.Conclude(ctx, made)
		return nil
	})
	return made, err
}

// fresh returns a provider that is about to be set up. An empty subject is the right one for the issuer.
func (s *Providers) fresh(caller *domain.Principal, o domain.OrganizationID, issuer string,
	subject domain.SubjectClaim) domain.Provider {
	if subject == "" {
		subject = domain.SubjectOf(issuer)
	}
	return domain.Provider{ProviderKey: domain.ProviderKey{Organization: o}, Issuer: issuer, Subject: subject,
		Enabled: true, Created: s.now().UTC().Truncate(time.Millisecond), CreatedBy: caller.Alias}
}

// Update changes a provider. It needs what Create needs, for the rules that there were too.
func (s *Providers) Update(ctx context.Context, caller domain.Principal, in UpdateProvider) (ProviderDocument, error) {
	w, e, err := s.change(ctx, &caller, in.Organization)
	if err != nil {
		return ProviderDocument{}, err
	}
	key := domain.ProviderKey{Organization: e.Organization, ID: in.Provider}
	before, err := s.store.Get(ctx, w.Read(), key)
	if err != nil {
		return ProviderDocument{}, err
	}
	if err := s.mayGive(ctx, &caller, &before); err != nil {
		return ProviderDocument{}, err
	}
	after := before
	if err := s.apply(ctx, &caller, &in.ProviderPatch, &after); err != nil {
		return ProviderDocument{}, err
	}
	err = s.store.Do(ctx, w, func(tx ProviderTx) error {
		now, err := tx.Provider(key)
		if err != nil {
			return err
		}
		if len(domain.Diff(before.Fields(), now.Fields())) > 0 || now.ClientSecret != before.ClientSecret {
			return domain.ErrChanged
		}
		return tx.SaveProvider(&before, &after)
	})
	if err != nil {
		return ProviderDocument{}, err
	}
	return s.one(ctx, &caller, w.Read(), after)
}

// Remove takes a provider away, with the links to accounts that are there and the sessions it began. It needs
// what Create needs.
func (s *Providers) Remove(ctx context.Context, caller domain.Principal, in OrganizationProvider) error {
	w, e, err := s.change(ctx, &caller, in.Organization)
	if err != nil {
		return err
	}
	return s.store.Do(ctx, w, func(tx ProviderTx) error {
		p, err := tx.Provider(domain.ProviderKey{Organization: e.Organization, ID: in.Provider})
		if err != nil {
			return err
		}
		return tx.DeleteProvider(&p)
	})
}

// apply makes p what the patch says, if the caller may give what its rules give. To trust it with more than a password
// makes sign-ins weaker, which no API key does.
func (s *Providers) apply(ctx context.Context, caller *domain.Principal, in *ProviderPatch, p *domain.Provider) error {
	if in.TrustsStrong != nil && *in.TrustsStrong && !p.TrustsStrong {
		if err := s.gate.Anew(caller); err != nil {
			return err
		}
	}
	directory.Set(&p.Name, in.Name)
	directory.Set(&p.ClientID, in.ClientID)
	directory.Set(&p.ClientSecret, in.ClientSecret)
	directory.Set(&p.Scopes, in.Scopes)
	directory.Set(&p.Enabled, in.Enabled)
	directory.Set(&p.TrustsStrong, in.TrustsStrong)
	directory.Set(&p.Newcomers, in.Newcomers)
	if in.Domains != nil {
		p.Domains = nil
		for _, name := range *in.Domains {
			p.Domains = append(p.Domains, asciiDomain(name))
		}
	}
	if in.Rules != nil {
		var err error
		if p.Rules, err = s.resolve(ctx, caller, p.Organization, *in.Rules); err != nil {
			return err
		}
	}
	if strings.HasPrefix(p.Issuer, "http:") && !s.rules.Plain {
		return domain.InvalidField("issuer", "A provider must be asked with TLS: its address begins with https.")
	}
	if err := p.Validate(); err != nil {
		return err
	}
	return s.mayGive(ctx, caller, p)
}

// resolve returns rules whose environments and groups are looked up for the caller, in the organization.
func (s *Providers) resolve(ctx context.Context, caller *domain.Principal, o domain.OrganizationID,
	patches []RulePatch) ([]domain.PlacementRule, error) {
	giver, err := s.gate.Giver(ctx, caller, o)
	if err != nil {
		return nil, err
	}
	refs := make([]domain.EnvironmentRef, len(patches))
	for i := range patches {
		refs[i] = patches[i].Environment
	}
	homes, err := s.gate.EnvironmentsNamed(ctx, caller, refs)
	if err != nil {
		return nil, err
	}
	rules := make([]domain.PlacementRule, len(patches))
	for i, r := range patches {
		if homes[i].Err != nil {
			return nil, ofRule(i, homes[i].Err)
		}
		if homes[i].Organization != o {
			return nil, ofRule(i, domain.ErrEnvironmentNotFound)
		}
		group, err := giver.Groups().Find(o, r.Group)
		if err != nil {
			return nil, ofRule(i, err)
		}
		rules[i] = domain.PlacementRule{Claim: r.Claim, Value: r.Value,
			Placement: domain.Placement{Environment: homes[i].ID, Group: group, Role: r.Role}}
	}
	return rules, nil
}

// ofRule is an error about the rule with that index.
func ofRule(i int, err error) error {
	problem := domain.AsError(err)
	if problem.Kind == domain.Internal {
		return err
	}
	return problem.On("rules").Saying("Rule %d: %s", i+1, problem.Public)
}

// mayGive returns nil if the caller may give what each rule of p gives, which is the most that p gives then, and has
// the whole organization where mail domains let people in to accounts that are anywhere in it.
func (s *Providers) mayGive(ctx context.Context, caller *domain.Principal, p *domain.Provider) error {
	giver, err := s.gate.Giver(ctx, caller, p.Organization)
	if err != nil {
		return err
	}
	refs := make([]domain.EnvironmentRef, len(p.Rules))
	for i := range p.Rules {
		refs[i] = domain.NumberRef(p.Rules[i].Environment)
	}
	named, err := s.gate.EnvironmentsNamed(ctx, caller, refs)
	if err != nil {
		return err
	}
	for i := range p.Rules {
		if domain.ErrEnvironmentNotFound.Is(named[i].Err) {
			if _, err := s.gate.Place(ctx, refs[i]); domain.ErrEnvironmentNotFound.Is(err) { // it places nobody any more
				continue
			}
			return ofRule(i, domain.ErrClimbing)
		}
		if named[i].Err != nil {
			return named[i].Err
		}
		u := newcomerAt(&named[i].Environment, p.Rules[i].Placement)
		if err := giver.MayGive(&u); err != nil && !domain.ErrGroupNotFound.Is(err) {
			return ofRule(i, err)
		}
	}
	if len(p.Domains) > 0 {
		e, err := s.gate.Place(ctx, domain.NumberRef(p.Organization.Environment()))
		if err == nil && giver.MayGivePlaces(e.Path) != nil {
			err = domain.ErrClimbing.On("domains")
		}
		if err != nil {
			return err
		}
	}
	p.Most = giver.Ceiling()
	return nil
}

func newcomerAt(home *domain.Environment, p domain.Placement) domain.User {
	return domain.User{Organization: home.Organization, Home: home.ID, HomePath: home.Path, Role: p.Role,
		Groups: []domain.GroupID{p.Group}}
}

// PreviewProvider asks where somebody would land if the provider were changed so. Without a Provider it is one that is
// not there yet, with that Issuer.
type PreviewProvider struct {
	OrganizationProvider
	ProviderPatch
	Issuer string
	Claims domain.Claims
}

// Landing is where somebody would land: Rule is the number of the rule that says so, from 1, 0 for none. Refused says
// why no account would be made.
type Landing struct {
	User        domain.User
	Environment directory.EnvironmentDocument
	Group       domain.Group
	Rule        int
	Refused     *domain.Error
}

// Preview says where an account would land that is made for somebody with some claims, and makes none. It needs what
// Update needs, of the rules given too. Whether the login name and the mail address are free is not looked at.
func (s *Providers) Preview(ctx context.Context, caller domain.Principal, in PreviewProvider) (Landing, error) {
	w, e, err := s.enter(ctx, &caller, domain.OrganizationWrite, in.Organization)
	if err != nil {
		return Landing{}, err
	}
	p := s.fresh(&caller, e.Organization, in.Issuer, "")
	if in.Provider != "" {
		p, err = s.store.Get(ctx, w.Read(), domain.ProviderKey{Organization: e.Organization, ID: in.Provider})
		if err != nil {
			return Landing{}, err
		}
	}
	if err := s.apply(ctx, &caller, &in.ProviderPatch, &p); err != nil {
		return Landing{}, err
	}
	user, home, rule, err := s.newcomer(ctx, &p, in.Claims)
	if problem := domain.AsError(err); problem != nil && problem.Kind == domain.Forbidden {
		if rule == 0 {
			problem = problem.Saying("No account would be made for these claims.")
		} else {
			problem = problem.Saying("Rule %d: The environment or the group is not there, or gives too much by now.", rule)
		}
		return Landing{Rule: rule, Refused: problem}, nil
	}
	if err != nil {
		return Landing{}, err
	}
	landing := Landing{User: user, Environment: directory.DescribeEnvironment(w.Read(), home), Rule: rule}
	groups, err := s.documents.Groups(ctx, w.Read(), nil, p.Organization)
	if err != nil {
		return Landing{}, err
	}
	landing.Group, _ = groups.Get(p.Organization, user.Groups[0]) // it is there: newcomer looked
	return landing, nil
}

// over returns the user that ref names, zero is the caller, if the caller may change how they sign in: of oneself by
// domain.PasswordChange, of others by domain.UserUpdate on somebody whom the caller may change. Whoever changes it
// needs a recent proof besides.
func (s *Providers) over(ctx context.Context, caller *domain.Principal, ref domain.UserRef) (h holder, err error) {
	if ref == (domain.UserRef{}) || caller.Is(ref) {
		return oneself(ctx, s.gate, caller, domain.PasswordChange)
	}
	if h, err = find(ctx, s.users, caller, ref); err != nil {
		return h, err
	}
	if err := h.enter(ctx, s.gate, caller, domain.UserUpdate); err != nil {
		return h, err
	}
	return h, h.may(&h.found)
}

// Links returns by whom a user can sign in at providers, the oldest first.
func (s *Providers) Links(ctx context.Context, caller domain.Principal, ref domain.UserRef) ([]domain.Link, error) {
	h, err := s.over(ctx, &caller, ref)
	if err != nil {
		return nil, err
	}
	return s.store.Links(ctx, h.w.Read(), h.found.Key())
}

// Offered returns the providers by which the caller can sign in once they are linked, by name: those of their
// organization that are enabled. It needs domain.PasswordChange on oneself.
func (s *Providers) Offered(ctx context.Context, caller domain.Principal) ([]ProviderDocument, error) {
	if _, err := oneself(ctx, s.gate, &caller, domain.PasswordChange); err != nil {
		return nil, err
	}
	all, err := s.store.List(ctx, tenancy.Operator("", domain.OrganizationRead).Read(), caller.Organization)
	if err != nil {
		return nil, err
	}
	var offered []ProviderDocument
	for i := range all {
		if all[i].Enabled {
			offered = append(offered, s.without(all[i]))
		}
	}
	return offered, nil
}

// LinkSubject names a subject at a provider of a user's organization.
type LinkSubject struct {
	Provider domain.UUID
	Subject  string
}

// Link lets whoever has the subject at a provider in to the account of somebody else. It is Conflict for a subject that
// is linked, or was with an account that was removed, and for a provider that is off, by which nobody gets in.
func (s *Providers) Link(ctx context.Context, caller domain.Principal, in OfUser[LinkSubject]) error {
	h, err := s.over(ctx, &caller, in.User)
	if err = cmp.Or(err, s.gate.Recent(&caller)); err != nil {
		return err
	}
	if h.own { // who prove it instead
		return domain.ErrOwnAccount.Saying("Nobody links their own account like this; sign in at the provider instead.")
	}
	p, err := s.accounts.Provider(ctx, domain.ProviderKey{Organization: h.found.Organization, ID: in.In.Provider})
	if err != nil {
		return err
	}
	link := domain.Link{Identity: domain.Identity{Organization: p.Organization, Issuer: p.IdentityIssuer(),
		Subject: in.In.Subject}, By: domain.LinkedByAdmin}
	if err := link.Validate(); err != nil {
		return err
	}
	if !p.Enabled {
		return domain.ErrProviderOff
	}
	return s.link(ctx, &h, p.ID, link, nil)
}

// link links the holder, who is told by mail, unless may, if it is not nil, has something against it.
func (s *Providers) link(ctx context.Context, h *holder, provider domain.UUID, link domain.Link,
	may func(ProviderTx) error) error {
	link.Created = s.now().UTC().Truncate(time.Millisecond)
	return s.store.Do(ctx, h.w, func(tx ProviderTx) error {
		u, err := h.user(tx)
		if err == nil && may != nil {
			err = may(tx)
		}
		if err != nil {
			return err
		}
		tell(s.users, tx, &u, domain.Letter{Kind: domain.LetterLinked})
		domain.Conclude(ctx, nil)
		return tx.InsertLink(u.Key(), provider, &link)
	})
}

// Unlink takes a link of a user away, with the sessions that were begun by it, and tells them by mail. It returns
// domain.ErrLinkNotFound, and domain.ErrOnlyWayIn for the link without which the caller could not sign in any more.
func (s *Providers) Unlink(ctx context.Context, caller domain.Principal, in OfUser[domain.Identity]) error {
	h, err := s.over(ctx, &caller, in.User)
	if err = cmp.Or(err, s.gate.Recent(&caller)); err != nil {
		return err
	}
	var account domain.Account
	onlyProvider := false
	if h.own {
		if account, err = s.accounts.ByID(ctx, caller.Organization, caller.User); err != nil {
			return err
		}
		if onlyProvider, err = s.only(ctx, account); err != nil {
			return err
		}
	}
	return s.store.Do(ctx, h.w, func(tx ProviderTx) error {
		u, err := h.user(tx)
		if err != nil {
			return err
		}
		if err := tx.DeleteLink(u.Key(), in.In.Issuer, in.In.Subject); err != nil {
			return err
		}
		tell(s.users, tx, &u, domain.Letter{Kind: domain.LetterUnlinked})
		if !h.own {
			return nil
		}
		err = keepsAWayIn(tx, &account, onlyProvider)
		if onlyProvider && domain.ErrOnlyWayIn.Is(err) {
			err = domain.ErrOnlyWayIn.Saying("Without this you could not sign in any more: you come by an identity provider " +
				"only. Link yourself with another one first.")
		}
		return err
	})
}

// only reports whether an account signs in by a provider only.
func (s *Providers) only(ctx context.Context, a domain.Account) (bool, error) {
	a.Session = sessionToBe(&a, domain.Proved{At: s.now()}) // by none
	err := s.sessions.demands.Hold(ctx, &a)
	if domain.ErrOnlyProvider.Is(err) {
		return true, nil
	}
	return false, err
}

// keepsAWayIn returns domain.ErrOnlyWayIn where a transaction that has locked the user leaves an account no password,
// no link at a provider that is on and no passkey; nothing but such a link does for who signs in by a provider only.
// That there is a password holds however long ago it was read: nobody takes one away.
func keepsAWayIn(tx interface {
	HasLink(domain.UserKey) (bool, error)
	Factors(domain.UserKey) ([]domain.Factor, error)
}, a *domain.Account, onlyProvider bool) error {
	if a.Hash != "" && !onlyProvider {
		return nil
	}
	if linked, err := tx.HasLink(a.UserKey()); err != nil || linked {
		return err
	}
	factors, err := tx.Factors(a.UserKey())
	if err != nil || len(passkeysOf(factors)) > 0 && !onlyProvider {
		return err
	}
	return domain.ErrOnlyWayIn
}
