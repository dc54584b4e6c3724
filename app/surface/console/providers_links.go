package console

import (
	"context"
	"strings"

	"canopy/app/accounts"
	"canopy/app/httpx"
	"canopy/domain"
)

// linkProblems are why somebody who went to a provider came back without a link, by their codes.
var linkProblems = map[string]*domain.Error{
	domain.ErrLinked.Code:              domain.ErrLinked,
	domain.ErrProviderAnswer.Code:      domain.ErrProviderAnswer,
	domain.ErrProviderDeclined.Code:    domain.ErrProviderDeclined,
	domain.ErrProviderNotFound.Code:    domain.ErrProviderNotFound,
	domain.ErrProviderUnreachable.Code: domain.ErrProviderUnreachable,
}

// linkMe shows the way to a provider, on which the caller is linked with whoever they are there.
func (s *Surface) linkMe(ctx context.Context, v *visit) (answer, error) {
	f, err := s.factors(ctx, v)
	if err != nil {
		return answer{}, err
	}
	key, _ := domain.ParseProviderKey(v.form["provider"]) // none is one that is not there
	sent, err := s.uses.Providers.BeginLink(ctx, v.caller, fresh(s, v, accounts.BeginProvider{Provider: key,
		Next: at(factorsPage, "said", "linked")}))
	if err != nil {
		return s.mendFactors(ctx, v, err)
	}
	httpx.SetCookie(v.c, s.providerCookie(v.c), sent.Cookie, "/", sent.Expires, httpx.Secure(v.c, s.trusted))
	name := ""
	for i := range f.offered {
		if f.offered[i].ProviderKey == key {
			name = f.offered[i].Name
		}
	}
	return shown(goPage(v, name, sent.Address))
}

// unlinkMe takes a link of the caller away, which may end the session.
func (s *Surface) unlinkMe(ctx context.Context, v *visit) (answer, error) {
	if err := s.unlink(ctx, v, domain.UserRef{}, v.caller.Organization); err != nil {
		return s.mendFactors(ctx, v, err)
	}
	return went(factorsPage, "deleted")
}

// providersOf returns the providers of an organization, none for who may not see them.
func (s *Surface) providersOf(ctx context.Context, v *visit,
	o domain.OrganizationID) ([]accounts.ProviderDocument, error) {
	all, err := s.uses.Providers.List(ctx, v.caller, domain.NumberRef(o.Environment()))
	if domain.ErrForbidden.Is(err) || domain.ErrEnvironmentNotFound.Is(err) {
		return nil, nil
	}
	return all, err
}

// link lets whoever has the subject that the form names at a provider in to the account of a user.
func (s *Surface) link(ctx context.Context, v *visit, user domain.UserRef) error {
	key, _ := domain.ParseProviderKey(v.form["provider"]) // none is one that is not there
	return s.uses.Providers.Link(ctx, v.caller, accounts.OfUser[accounts.LinkSubject]{User: user,
		In: accounts.LinkSubject{Provider: key.ID, Subject: strings.TrimSpace(v.form["subject"])}})
}

// unlink takes away the link of a user that the form names. One that is gone already is no error.
func (s *Surface) unlink(ctx context.Context, v *visit, user domain.UserRef, o domain.OrganizationID) error {
	err := s.uses.Providers.Unlink(ctx, v.caller, accounts.OfUser[domain.Identity]{User: user,
		In: domain.Identity{Organization: o, Issuer: v.form["issuer"], Subject: v.form["subject"]}})
	if domain.ErrLinkNotFound.Is(err) {
		return nil
	}
	return err
}

// providerOptions offers the providers that are on.
func providerOptions(all []accounts.ProviderDocument) (options []option) {
	for i := range all {
		if all[i].Enabled {
			options = append(options, option{all[i].ProviderKey.String(), all[i].Name})
		}
	}
	return options
}

// providerOf returns the name of the provider at which a link is, or its issuer where it is none of those.
func providerOf(l *domain.Link, known []accounts.ProviderDocument) string {
	for i := range known {
		if known[i].IdentityIssuer() == l.Issuer {
			return known[i].Name
		}
	}
	issuer, _, _ := strings.Cut(l.Issuer, "#")
	return issuer
}

// knownAs returns what a provider calls somebody.
func knownAs(l *domain.Link) string {
	if l.Shown != "" {
		return l.Shown
	}
	return l.Subject
}

// linkedBy says how somebody came to be linked.
func (v *view) linkedBy(by domain.LinkedBy) string {
	w := &v.words.Providers
	return map[domain.LinkedBy]string{domain.LinkedByPerson: w.ByPerson, domain.LinkedByAdmin: w.ByAdmin,
		domain.LinkedFirst: w.ByFirst, domain.LinkedByDomain: w.ByDomain}[by]
}
