package accounts

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"canopy/domain"
	"canopy/tenancy"
)

// DomainRecords asks DNS.
type DomainRecords interface {
	// Texts returns the texts of the TXT records at a name, none if there are none, or domain.ErrDNSUnreachable.
	Texts(ctx context.Context, name string) ([]string, error)
}

// DomainProofs finds which domains of mail addresses are whose, before there is a principal.
type DomainProofs interface {
	// MailDomain returns what an organization has proved of a domain, or domain.ErrDomainNotFound.
	MailDomain(ctx context.Context, o domain.OrganizationID, name string) (domain.MailDomain, error)
	// ProviderOfDomain returns the provider to which a domain leads whose proof is good at now, or
	// domain.ErrProviderNotFound.
	ProviderOfDomain(ctx context.Context, name string, now time.Time) (domain.ProviderKey, error)
	// DomainsDue returns domains whose proof was looked for before a time, the longest ago first, at most so many.
	DomainsDue(ctx context.Context, before time.Time, most int64) ([]domain.MailDomain, error)
}

// The limits of asking DNS: how often an organization may have it asked within an hour, by people who sign in apart
// from those who administer it; how often people who sign in have it asked for one domain; and how many domains are
// looked at again at once.
const (
	proofsPerHour = 60
	looksEvery    = time.Minute
	domainsAtOnce = 100
)

// DomainDocument is a domain of an organization's providers. Record is the name of the record of DNS, of the type TXT,
// that proves it, and Text what that must say. MailDomain is zero but for its name where it is not proved.
type DomainDocument struct {
	domain.MailDomain
	Record, Text string
	Proven       bool
}

func (s *Providers) describeDomain(o domain.OrganizationID, name string, d domain.MailDomain) (DomainDocument, error) {
	d.Organization, d.Name = o, name
	token, err := s.vault.Hash("mail domain", numberOf(o), name)
	if err != nil {
		return DomainDocument{}, err
	}
	return DomainDocument{MailDomain: d, Record: domain.DomainRecord(name), Text: domain.DomainText(token),
		Proven: d.Good(s.now(), domain.DomainKept)}, nil
}

func numberOf(o domain.OrganizationID) string { return strconv.FormatInt(int64(o), 10) }

// Domains returns the domains that the providers of an organization have, by name. It needs domain.OrganizationRead
// there. Whether another organization has one of them it does not say.
func (s *Providers) Domains(ctx context.Context, caller domain.Principal,
	organization domain.EnvironmentRef) ([]DomainDocument, error) {
	w, e, err := s.enter(ctx, &caller, domain.OrganizationRead, organization)
	if err != nil {
		return nil, err
	}
	names, err := s.claimed(ctx, w.Read(), e.Organization)
	if err != nil {
		return nil, err
	}
	proved, err := s.store.Domains(ctx, w.Read(), e.Organization)
	if err != nil {
		return nil, err
	}
	of := make(map[string]domain.MailDomain, len(proved))
	for _, d := range proved {
		of[d.Name] = d
	}
	all := make([]DomainDocument, len(names))
	for i, name := range names {
		if all[i], err = s.describeDomain(e.Organization, name, of[name]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// claimed returns the domains that the providers of an organization have, by name.
func (s *Providers) claimed(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID) ([]string, error) {
	providers, err := s.store.List(ctx, sc, o)
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range providers {
		names = append(names, providers[i].Domains...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// ProveDomain names a domain of the providers of an organization that is to be proved. Confirm says that it is the
// organization's, without asking DNS.
type ProveDomain struct {
	Organization domain.EnvironmentRef
	Domain       string
	Confirm      bool
}

// ProveDomain looks in DNS for the proof that a domain is the organization's. It needs domain.OrganizationWrite there
// and a recent proof, and to confirm one without DNS a caller who has everything below the root. It returns
// domain.ErrDomainNotFound for a domain of no provider, domain.ErrDomainUnproved, domain.ErrDNSUnreachable, and TooMany
// for an organization that asks too often.
func (s *Providers) ProveDomain(ctx context.Context, caller domain.Principal, in ProveDomain) (DomainDocument, error) {
	w, e, err := s.change(ctx, &caller, in.Organization)
	if err != nil {
		return DomainDocument{}, err
	}
	name := asciiDomain(in.Domain)
	names, err := s.claimed(ctx, w.Read(), e.Organization)
	if err == nil && !slices.Contains(names, name) {
		err = domain.ErrDomainNotFound
	}
	if err != nil {
		return DomainDocument{}, err
	}
	now := s.now().UTC().Truncate(time.Millisecond)
	shown, err := s.describeDomain(e.Organization, name,
		domain.MailDomain{Proved: now, Found: now, Asked: now, Confirmed: in.Confirm})
	if err != nil {
		return DomainDocument{}, err
	}
	if in.Confirm {
		err = s.hasRoot(ctx, &caller)
	} else {
		err = s.prove(ctx, &shown)
	}
	if err != nil {
		return DomainDocument{}, err
	}
	err = s.store.Do(ctx, w, func(tx ProviderTx) error {
		if err := tx.SaveDomain(&shown.MailDomain); err != nil {
			return err
		}
		domain.Conclude(ctx, shown)
		return nil
	})
	return shown, err
}

// hasRoot returns domain.ErrForbidden, field "confirm", unless the caller, who may write an organization, has
// everything below the root.
func (s *Providers) hasRoot(ctx context.Context, caller *domain.Principal) error {
	giver, err := s.gate.Giver(ctx, caller, domain.RootOrganization)
	if err == nil {
		err = giver.MayGivePlaces(domain.RootPath)
	}
	if domain.ErrForbidden.Is(err) {
		return domain.ErrForbidden.On("confirm")
	}
	return err
}

// prove asks DNS for the proof of a domain, within the limit of its organization.
func (s *Providers) prove(ctx context.Context, d *DomainDocument) error {
	if err := s.limit(ctx, "domain proofs of "+numberOf(d.Organization), proofsPerHour, time.Hour); err != nil {
		return err
	}
	return s.look(ctx, d)
}

// limit counts something that may be done so often within a time, on all servers together, and returns
// domain.ErrTooMany beyond that.
func (s *Providers) limit(ctx context.Context, what string, most int64, within time.Duration) error {
	now := s.now()
	uses, since, err := s.accounts.Count(ctx, what, now, now.Add(-within))
	if err == nil && uses > most {
		err = domain.ErrTooMany.After(int((since.Add(within).Sub(now) + time.Second - 1) / time.Second))
	}
	return err
}

// look returns nil if the proof of a domain is in DNS, else domain.ErrDomainUnproved or domain.ErrDNSUnreachable.
func (s *Providers) look(ctx context.Context, d *DomainDocument) error {
	defer domain.Aside(ctx)()
	texts, err := s.records.Texts(ctx, d.Record)
	if err == nil && !slices.Contains(texts, d.Text) {
		err = domain.ErrDomainUnproved
	}
	return err
}

// ask looks again for the proof of a domain, keeps what came of it in d and in the store, and returns what look does.
func (s *Providers) ask(ctx context.Context, d *domain.MailDomain) error {
	shown, err := s.describeDomain(d.Organization, d.Name, *d)
	if err != nil {
		return err
	}
	found := s.look(ctx, &shown)
	d.Asked = s.now().UTC().Truncate(time.Millisecond)
	if found == nil {
		d.Found = d.Asked
	}
	err = s.store.Do(ctx, tenancy.Operator("(domains)", domain.OrganizationWrite),
		func(tx ProviderTx) error { return tx.DomainAsked(d) })
	return cmp.Or(err, found)
}

// AskAgain looks again for the proof of domains that were last looked at a day ago. One that is not found for as long
// as domain.DomainKept is not the organization's any more.
func (s *Providers) AskAgain(ctx context.Context) error {
	due, err := s.accounts.DomainsDue(ctx, s.now().Add(-domain.DomainAsked), domainsAtOnce)
	if err != nil {
		return err
	}
	var failed []error
	for i := range due {
		err := s.ask(ctx, &due[i])
		if !domain.ErrDomainUnproved.Is(err) && !domain.ErrDNSUnreachable.Is(err) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// vouches reports whether an address is of a domain that the provider has and its organization has proved, which it
// returns. It asks nothing of DNS.
func (s *Providers) vouches(ctx context.Context, p *domain.Provider, address string) (d domain.MailDomain, ok bool,
	err error) {
	name, ok := p.Vouches(address)
	if !ok {
		return d, false, nil
	}
	d, err = s.accounts.MailDomain(ctx, p.Organization, name)
	if domain.ErrDomainNotFound.Is(err) {
		return d, false, nil
	}
	return d, err == nil && d.Good(s.now(), domain.DomainKept), err
}

// freshen has DNS asked for the proof of a domain that was not found there for domain.DomainFresh. Of all who sign in
// one has it asked, and waits: the others are told domain.ErrTooMany until it is found, as is whoever comes beyond the
// limit of the organization. It returns domain.ErrDomainUnproved where the proof is gone, and domain.ErrDNSUnreachable.
func (s *Providers) freshen(ctx context.Context, d *domain.MailDomain) error {
	if d.Good(s.now(), domain.DomainFresh) {
		return nil
	}
	o := numberOf(d.Organization)
	if err := s.limit(ctx, "domain look "+o+" "+d.Name, 1, looksEvery); err != nil {
		return err
	}
	if err := s.limit(ctx, "domain looks of "+o, proofsPerHour, time.Hour); err != nil {
		return err
	}
	return s.ask(ctx, d)
}

// recognise links somebody whom nobody is linked with to the account that has their address, if the provider has proved
// that the address is theirs and its organization that the domain is its own. The account must be of that organization
// and get into no other, be one that nobody can sign in to, without a password, a factor or a link, and have no more
// than whoever wrote the provider had. They are told by mail. It returns domain.ErrLinkNotFound where there is no such
// account, and domain.ErrTooMany or domain.ErrDNSUnreachable where there is one and it cannot be known now whether the
// domain is still proved.
func (s *Providers) recognise(ctx context.Context, p *domain.Provider, id domain.Identity, claims domain.Claims) error {
	address := claims.Address()
	d, proved, err := s.vouches(ctx, p, address)
	if err != nil {
		return err
	}
	if !proved || !isPlain(address) {
		return domain.ErrLinkNotFound
	}
	key, err := s.accounts.ByMail(ctx, address)
	if domain.ErrUserNotFound.Is(err) || err == nil && key.Organization != p.Organization {
		return domain.ErrLinkNotFound
	}
	if err != nil {
		return err
	}
	account, err := s.accounts.ByID(ctx, key.Organization, key.User)
	if err != nil {
		return err
	}
	if account.Hash != "" || account.Factors != 0 || !account.Usable(s.now()) {
		return domain.ErrLinkNotFound
	}
	if err := s.freshen(ctx, &d); domain.ErrDomainUnproved.Is(err) {
		return domain.ErrLinkNotFound
	} else if err != nil {
		return err
	}
	groups, err := s.documents.Groups(ctx, tenancy.Operator("", domain.GroupRead).Read(), nil, p.Organization)
	if err != nil {
		return err
	}
	by := tenancy.Operator("(identity provider)", domain.UserUpdate)
	return s.store.Do(ctx, by, func(tx ProviderTx) error {
		u, err := tx.User(key)
		if err != nil {
			return err
		}
		links, err := tx.Links(key)
		if err != nil {
			return err
		}
		now, err := tx.Provider(p.ProviderKey)
		if err != nil {
			return err
		}
		_, claimed := now.Vouches(address)
		if len(links) > 0 || u.Standing != account.Standing || u.System || !claimed ||
			!domain.MailMatches(address, u.Person.Mail) || !opens(&now, groups, &u) {
			return domain.ErrLinkNotFound
		}
		tell(s.users, tx, &u, domain.Letter{Kind: domain.LetterLinked})
		return tx.InsertLink(key, p.ID, &domain.Link{Identity: id, Shown: claims.Shown(), By: domain.LinkedByDomain,
			Created: s.now().UTC().Truncate(time.Millisecond)})
	})
}

// opens reports whether a provider lets people in to u by a mail address, of whose organization the groups are: whoever
// wrote it had all that u has, and u gets into no other organization.
func opens(p *domain.Provider, groups *tenancy.Groups, u *domain.User) bool {
	subject := u.Subject()
	beyond := slices.ContainsFunc(subject.Allowed, func(at domain.EnvironmentPath) bool {
		return !subject.OrganizationPath().Contains(at)
	})
	return !beyond && groups.Role(&subject) <= p.Most.Role &&
		groups.Mask(u.Organization, u.Groups).Within(p.Most.Mask)
}

// isPlain reports whether a mail address has ASCII characters only, so that no two that look alike are taken for one.
func isPlain(address string) bool {
	return !strings.ContainsFunc(address, func(r rune) bool { return r > '~' })
}

// asciiDomain returns a domain as DNS has it (RFC 5891), and what is none as it is.
func asciiDomain(name string) string {
	if ascii, err := idna.Lookup.ToASCII(strings.TrimSpace(name)); err == nil {
		return ascii
	}
	return name
}

// cutLast cuts text around the last separator.
func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}
