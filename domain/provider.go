package domain

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ProviderKey is where an identity provider is stored.
type ProviderKey struct {
	Organization OrganizationID
	ID           UUID
}

// String returns the key as addresses name the provider: "7-" with the UUID behind it.
func (k ProviderKey) String() string { return number(k.Organization) + "-" + string(k.ID) }

// ParseProviderKey reads what String writes. It reports false for anything else.
func ParseProviderKey(text string) (ProviderKey, bool) {
	organization, id, _ := strings.Cut(text, "-")
	o, ok := ParseID[OrganizationID](organization)
	uuid, err := ParseUUID(id)
	return ProviderKey{o, uuid}, ok && err == nil && string(uuid) == id
}

// Newcomers says for whom a provider makes an account, of those who have none that is linked.
type Newcomers uint8

// The kinds of newcomers.
const (
	NoNewcomers     Newcomers = iota // nobody
	PlacedNewcomers                  // those for whom there is a rule
	AllNewcomers                     // everybody; without a rule as a user of the organization
)

var newcomerNames = [...]string{"none", "rules", "all"}

// String returns the name: "none", "rules" or "all".
func (n Newcomers) String() string {
	if int(n) < len(newcomerNames) {
		return newcomerNames[n]
	}
	return "unknown"
}

// ParseNewcomers reads what String writes. It returns an Invalid error for anything else.
func ParseNewcomers(text string) (Newcomers, error) {
	if i := slices.Index(newcomerNames[:], text); i >= 0 {
		return Newcomers(i), nil
	}
	return 0, InvalidField("newcomers", "Give one of none, rules and all.")
}

// SubjectClaim is the claim that says who somebody is at a provider.
type SubjectClaim string

// The claims that say who somebody is. A mail address never does.
const (
	// SubjectSub is the one that providers promise to give to one person only, ever (OpenID Connect Core 1.0, 2).
	SubjectSub SubjectClaim = "sub"
	// SubjectOID is Entra's object, within its tenant. It is the same for each program that asks; "sub" is not.
	SubjectOID SubjectClaim = "oid"
)

// entra are the hosts of Entra's issuers.
var entra = []string{"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn",
	"sts.windows.net"}

// SubjectOf returns the claim that says who somebody is at an issuer of which nothing else is known.
func SubjectOf(issuer string) SubjectClaim {
	if u, err := url.Parse(issuer); err == nil && slices.Contains(entra, strings.ToLower(u.Hostname())) {
		return SubjectOID
	}
	return SubjectSub
}

// Provider is an identity provider of an organization, which signs in accounts of that organization and no others
// (OpenID Connect).
type Provider struct {
	ProviderKey
	Name string // as people see it
	// Issuer is who the provider is, and where; it does not change. Within an organization it is one provider's.
	Issuer       string
	ClientID     string
	ClientSecret SecretText // empty for a client that is public
	Scopes       []string   // to ask for, beside openid
	Subject      SubjectClaim
	// Domains are those of mail addresses, in lower case, by which people are led here once the organization has proved
	// that they are its own; see MailDomain.
	Domains []string
	Enabled bool
	// TrustsStrong means that what the provider says of how strongly somebody proved themselves counts.
	TrustsStrong bool

	Newcomers Newcomers
	// Rules say where accounts that are made land; the first that fits decides. Most is what whoever wrote them
	// had: no account gets more.
	Rules []PlacementRule
	Most  Ceiling

	Created   time.Time
	CreatedBy string // the alias of who set it up
}

// Ceiling is the role and the permissions that somebody had.
type Ceiling struct {
	Role Role
	Mask Mask
}

// Placement is where an account is to be at home, in which group and with which role.
type Placement struct {
	Environment EnvironmentID
	Group       GroupID
	Role        Role
}

// PlacementRule places those who have a value of a claim. An empty claim is everybody's.
type PlacementRule struct {
	Claim, Value string
	Placement
}

// Fits reports whether the rule is about somebody with these claims. Values are compared exactly.
func (r *PlacementRule) Fits(c Claims) bool {
	return r.Claim == "" || slices.Contains(c[r.Claim], r.Value)
}

// String writes the rule as the audit trail keeps it.
func (r *PlacementRule) String() string {
	who := "everybody"
	if r.Claim != "" {
		who = fmt.Sprintf("%s=%q", r.Claim, r.Value)
	}
	return fmt.Sprintf("%s: home %d, group %d, role %s", who, r.Environment, r.Group, r.Role)
}

// Place returns where the account of a newcomer with these claims is to be, and the number of the rule that says so,
// from 1, 0 for none. It returns ErrNoNewcomer where no account is to be made for them.
func (p *Provider) Place(c Claims) (Placement, int, error) {
	if p.Newcomers != NoNewcomers {
		for i := range p.Rules {
			if p.Rules[i].Fits(c) {
				return p.Rules[i].Placement, i + 1, nil
			}
		}
	}
	if p.Newcomers == AllNewcomers {
		return Placement{p.Organization.Environment(), UserGroup, RoleUser}, 0, nil
	}
	return Placement{}, 0, ErrNoNewcomer
}

// Vouches returns the domain of a mail address if it is one of the provider's, else false.
func (p *Provider) Vouches(address string) (string, bool) {
	name, ok := DomainOf(address)
	return name, ok && slices.Contains(p.Domains, name)
}

// Identity is who somebody is at an issuer. No two people ever have the same.
type Identity struct {
	Organization    OrganizationID
	Issuer, Subject string
}

// maxSubject bounds what a provider calls somebody, in bytes (OpenID Connect Core 1.0, 2).
const maxSubject = 255

// Identity returns who somebody is with these claims, which were verified. It returns ErrProviderAnswer if they do
// not say it.
func (p *Provider) Identity(c Claims) (Identity, error) {
	id := Identity{p.Organization, p.IdentityIssuer(), c.First("sub")}
	if p.Subject == SubjectOID {
		id.Subject = ""
		if tenant, object := c.First("tid"), c.First("oid"); tenant != "" && object != "" {
			id.Subject = tenant + "/" + object
		}
	}
	if id.Subject == "" || len(id.Subject) > maxSubject {
		return id, ErrProviderAnswer.Because(fmt.Errorf("no claim %s of 1 to %d bytes", p.Subject, maxSubject))
	}
	return id, nil
}

// IdentityIssuer returns the issuer of the identities that the provider proves: one of their own for each claim that
// says who somebody is, so that none is taken for another's.
func (p *Provider) IdentityIssuer() string {
	if p.Subject == SubjectOID {
		return p.Issuer + oidMark
	}
	return p.Issuer
}

// oidMark follows an issuer whose people are known by SubjectOID. No issuer has a fragment.
const oidMark = "#oid"

// IssuerOf returns the issuer of the provider that proves identities of an issuer: what Provider.IdentityIssuer was
// made of.
func IssuerOf(identities string) string { return strings.TrimSuffix(identities, oidMark) }

// LinkedBy says how somebody at a provider came to be linked with an account.
type LinkedBy string

// The ways to be linked.
const (
	LinkedByPerson LinkedBy = "person" // they signed in to both
	LinkedByAdmin  LinkedBy = "admin"
	LinkedFirst    LinkedBy = "first"  // the account was made for them
	LinkedByDomain LinkedBy = "domain" // by an address of a domain that their organization proved
)

// LinkedBys are all of them.
var LinkedBys = []LinkedBy{LinkedByPerson, LinkedByAdmin, LinkedFirst, LinkedByDomain}

// Link lets whoever is somebody at a provider in to an account.
type Link struct {
	Identity
	User    UserID
	Shown   string // what the provider calls them, for people to recognise
	By      LinkedBy
	Created time.Time
}

// Validate returns an Invalid error for a subject that nobody has.
func (l *Link) Validate() error {
	if l.Subject == "" || len(l.Subject) > maxSubject || checkText("subject", l.Subject, maxSubject) != nil {
		return InvalidField("subject", "Give what the provider calls the person, at most %d characters.", maxSubject)
	}
	return nil
}

// ProviderSession is the session at a provider by which one of ours was begun; its zero value is none. Issuer and
// Subject are those of the Identity that it proved, and ID is what the provider calls it, empty if it does not say.
// Provider is known while a session begins.
type ProviderSession struct {
	Provider            UUID
	Issuer, Subject, ID string
}

// AuthRequest is what somebody is sent to a provider with (OpenID Connect Core 1.0, 3.1.2.1), and Redirect where they
// come back. Verifier is kept from the browser's address (RFC 7636). Login is what they are to be called there, empty
// for nothing. Anew is when it began where they have to sign in there anew, zero where they may be signed in.
type AuthRequest struct {
	Redirect, State, Nonce, Verifier, Login string
	Anew                                    time.Time
}

// AuthAnswer is what somebody comes back from a provider with: a code, and who it says it is (RFC 9207), empty if it
// does not say.
type AuthAnswer struct {
	Code, Issuer string
}

// SignedOutAt is what a provider says of a session that ended there (OpenID Connect Back-Channel Logout 1.0). Message
// is the ID of the token that says so.
type SignedOutAt struct {
	ProviderSession
	Message string
}

// The limits of a provider.
const (
	maxRules     = 100
	maxDomains   = 50
	maxScopes    = 20
	maxClaimName = 200
	maxURL       = 500
)

// Validate returns an Invalid error for the first field that breaks a rule.
func (p *Provider) Validate() error {
	if err := checkName("name", p.Name); err != nil {
		return err
	}
	if err := checkIssuer(p.Issuer); err != nil {
		return err
	}
	if err := checkName("client_id", p.ClientID); err != nil {
		return err
	}
	if err := checkText("client_secret", string(p.ClientSecret), maxURL); err != nil {
		return err
	}
	if p.Subject != SubjectSub && p.Subject != SubjectOID {
		return InvalidField("subject", "Give sub or oid.")
	}
	if len(p.Scopes) > maxScopes || slices.ContainsFunc(p.Scopes, func(s string) bool { return !isScope(s) }) {
		return InvalidField("scopes", "Give at most %d scopes of visible ASCII characters without quotes.", maxScopes)
	}
	if len(p.Domains) > maxDomains || slices.ContainsFunc(p.Domains, func(d string) bool { return !isDomain(d) }) {
		return InvalidField("domains", "Give at most %d domains such as example.org, in the letters of DNS.", maxDomains)
	}
	if int(p.Newcomers) >= len(newcomerNames) {
		return InvalidField("newcomers", "Give one of none, rules and all.")
	}
	return p.checkRules()
}

func (p *Provider) checkRules() error {
	if len(p.Rules) > maxRules {
		return InvalidField("rules", "At most %d rules are allowed.", maxRules)
	}
	for i := range p.Rules {
		r := &p.Rules[i]
		switch {
		case r.Claim == "" && r.Value != "":
			return InvalidField("rules", "Rule %d: Name the claim that has the value.", i+1)
		case checkText("rules", r.Claim, maxClaimName) != nil || checkText("rules", r.Value, maxURL) != nil:
			return InvalidField("rules", "Rule %d: A claim has at most %d characters and a value at most %d.", i+1,
				maxClaimName, maxURL)
		case r.Environment == 0 || r.Group == 0:
			return InvalidField("rules", "Rule %d: An environment and a group are required.", i+1)
		case r.Role < RoleUser || r.Role > RoleOAdmin:
			return InvalidField("rules", "Rule %d: The role is one of user, power and oadmin.", i+1)
		}
	}
	return nil
}

// checkIssuer refuses what cannot be an issuer (OpenID Connect Discovery 1.0, 3), but for its scheme.
func checkIssuer(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil ||
		strings.ContainsAny(text, "?# \\") || len(text) > maxURL || strings.ToValidUTF8(text, "") != text {
		return InvalidField("issuer", "Give the provider's issuer, an address such as https://login.example.org.")
	}
	return nil
}

// isScope reports whether s is a scope (RFC 6749, 3.3).
func isScope(s string) bool {
	return s != "" && len(s) <= 100 && !strings.ContainsFunc(s, func(r rune) bool {
		return r < '!' || r > '~' || r == '"' || r == '\\'
	})
}

// Fields returns what the audit trail keeps of a provider, without its secret.
func (p *Provider) Fields() Fields {
	rules := make([]string, len(p.Rules))
	for i := range p.Rules {
		rules[i] = p.Rules[i].String()
	}
	return Fields{
		{"name", p.Name},
		{"issuer", p.Issuer},
		{"client_id", p.ClientID},
		{"scopes", strings.Join(p.Scopes, " ")},
		{"subject", string(p.Subject)},
		{"domains", strings.Join(p.Domains, " ")},
		{"enabled", flag(p.Enabled)},
		{"trusts_strong", flag(p.TrustsStrong)},
		{"newcomers", p.Newcomers.String()},
		{"rules", strings.Join(rules, "; ")},
	}
}

// Errors about identity providers.
var (
	ErrProviderNotFound = &Error{Kind: NotFound, Code: "provider_not_found", Field: "provider",
		Public: "There is no such identity provider."}
	ErrProviderOff = &Error{Kind: Conflict, Code: "provider_off", Field: "provider",
		Public: "The identity provider is switched off."}
	ErrIssuerTaken = &Error{Kind: Conflict, Code: "issuer_taken", Field: "issuer",
		Public: "The organization has a provider with this issuer already."}
	ErrProviderUnreachable = &Error{Kind: Unavailable, Code: "provider_unreachable", Field: "issuer",
		Public: "The identity provider does not answer as it should; try again later.", RetryAfter: 5}
	// ErrProviderAnswer is for whatever a provider, or somebody in its name, says and does not prove.
	ErrProviderAnswer = &Error{Kind: Unauthenticated, Code: "provider_answer",
		Public: "The identity provider's answer cannot be taken; begin the sign-in again."}
	ErrProviderDeclined = &Error{Kind: Unauthenticated, Code: "provider_declined",
		Public: "The identity provider did not sign you in."}
	// ErrNotAnew is for a provider that was asked to have somebody sign in anew, and does not say that it did.
	ErrNotAnew = &Error{Kind: Unauthenticated, Code: "provider_not_anew",
		Public: "The identity provider does not say that you signed in there just now, as it was asked to have you do."}
	ErrNoNewcomer = &Error{Kind: Forbidden, Code: "no_newcomer",
		Public: "No account here is linked with yours at the identity provider; ask an administrator."}
	ErrLinkGone = &Error{Kind: Forbidden, Code: "link_gone",
		Public: "The account that was linked with yours at the identity provider was removed; ask an administrator."}
	ErrLinked = &Error{Kind: Conflict, Code: "linked", Field: "subject",
		Public: "This subject of the identity provider is linked with an account already."}
	ErrLinkNotFound = &Error{Kind: NotFound, Code: "link_not_found", Field: "subject",
		Public: "The user has no such link."}
	ErrOnlyWayIn = &Error{Kind: Conflict, Code: "only_way_in", Field: "subject",
		Public: "Without this you could not sign in any more; choose a password first."}
)
