package rest

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/domain"
)

// providerRoutes lists the routes of identity providers, then those of who is linked with whom there.
func (s *Surface) providerRoutes(r fiber.Router) {
	p := s.uses.Providers
	r.Get("/rest/providers", ofProvider(httpx.Handle(s.auth, decodeProviderList, p.List, encodeAll(s, writeProvider))))
	r.Post("/rest/providers",
		ofProvider(httpx.Handle(s.auth, bare(decodeNewProvider), p.Create, encode(s, writeProvider))))
	r.Post("/rest/providers/preview",
		ofProvider(httpx.Handle(s.auth, bare(decodeLanding), p.Preview, encode(s, writeLanding))))
	r.Get("/rest/providers/domains",
		ofProvider(httpx.Handle(s.auth, decodeProviderList, p.Domains, encodeAll(s, writeDomain))))
	r.Post("/rest/providers/domains",
		ofProvider(httpx.Handle(s.auth, bare(decodeDomainProof), p.ProveDomain, encode(s, writeDomain))))
	r.Get("/rest/providers/:id", ofProvider(httpx.Handle(s.auth, bare(decodeProvider), p.Get, encode(s, writeProvider))))
	r.Put("/rest/providers/:id",
		ofProvider(httpx.Handle(s.auth, bare(decodeProviderChange), p.Update, encode(s, writeProvider))))
	r.Delete("/rest/providers/:id",
		ofProvider(httpx.Handle(s.auth, bare(decodeProvider), httpx.Done(p.Remove), encodeTrue[httpx.Just](s))))

	r.Get("/rest/users/:id/links", httpx.Handle(s.auth, bare(decodeUserRef), p.Links, encodeAll(s, writeLink)))
	r.Post("/rest/users/:id/links", httpx.Handle(s.auth, bare(decodeLink), httpx.Done(p.Link), encodeTrue[httpx.Just](s)))
	r.Delete("/rest/users/:id/links", httpx.Handle(s.auth, decodeUnlink, httpx.Done(p.Unlink), encodeTrue[httpx.Just](s)))
}

// providerNamed is the local of a request that names a provider by its key, with the organization in it.
type providerNamed struct{}

// providerOf returns the provider that text names.
func providerOf(c *fiber.Ctx, text string) (in accounts.OrganizationProvider, err error) {
	c.Locals(providerNamed{}, true)
	key, ok := domain.ParseProviderKey(text)
	if !ok {
		return in, domain.ErrProviderNotFound
	}
	return accounts.OrganizationProvider{Organization: domain.NumberRef(key.Organization.Environment()),
		Provider: key.ID}, nil
}

// ofProvider makes an error about a provider's organization name where the client named that: in the provider's key,
// the parameter env, the header, or the body.
func ofProvider(handle fiber.Handler) fiber.Handler {
	return ofEnvironment(func(c *fiber.Ctx) error {
		err := handle(c)
		var e *domain.Error
		switch {
		case !errors.As(err, &e) || e.Field != "organization":
			return err
		case c.Locals(providerNamed{}) != nil && domain.ErrEnvironmentNotFound.Is(e):
			return domain.ErrProviderNotFound
		case c.Method() == fiber.MethodGet:
			return e.On(domain.ErrEnvironmentNotFound.Field)
		}
		return err
	})
}

func decodeProviderList(c *fiber.Ctx) (domain.EnvironmentRef, error) {
	return domain.EnvironmentRef(httpx.Query(c, "env")), httpx.RefuseUnknown(c, "env")
}

func decodeProvider(c *fiber.Ctx) (accounts.OrganizationProvider, error) {
	return providerOf(c, httpx.Param(c, "id"))
}

// The keys of a provider that may be sent with a change, those that only a new one takes besides, and those that only
// answers have.
var (
	providerKeys = []string{"name", "clientId", "clientSecret", "scopes", "domains", "enabled", "trustsStrong",
		"newcomers", "rules"}
	newProviderKeys   = slices.Concat([]string{"organization", "issuer", "subject"}, providerKeys)
	shownProviderKeys = []string{"id", "secret", "returnAddress", "created"}
)

func decodeNewProvider(c *fiber.Ctx) (accounts.CreateProvider, error) {
	f := body(c, slices.Concat(shownProviderKeys, newProviderKeys)...)
	f.refuseGiven(shownProviderKeys...)
	f.Require("name", "issuer", "clientId")
	in := accounts.CreateProvider{Issuer: f.text("issuer", ""), Subject: domain.SubjectClaim(f.text("subject", "")),
		ProviderPatch: f.provider()}
	if ref := refIf[domain.EnvironmentRef](f, "organization", "envid"); ref != nil {
		in.Organization = *ref
	}
	return in, f.Err
}

func decodeProviderChange(c *fiber.Ctx) (in accounts.UpdateProvider, err error) {
	if in.OrganizationProvider, err = decodeProvider(c); err != nil {
		return in, err
	}
	f := body(c, slices.Concat(shownProviderKeys, newProviderKeys)...)
	f.refuseGiven(slices.Concat(shownProviderKeys, []string{"organization", "issuer", "subject"})...)
	in.ProviderPatch = f.provider()
	return in, f.Err
}

// provider reads what a provider is to become.
func (f fields) provider() (in accounts.ProviderPatch) {
	in.Name, in.ClientID = f.textIf("name"), f.textIf("clientId")
	if secret := f.textIf("clientSecret"); secret != nil {
		hidden := domain.SecretText(*secret)
		in.ClientSecret = &hidden
	}
	in.Scopes, in.Domains = httpx.Member[[]string](f.Members, "scopes"), httpx.Member[[]string](f.Members, "domains")
	in.Enabled, in.TrustsStrong = f.flagIf("enabled"), f.flagIf("trustsStrong")
	in.Newcomers, in.Rules = parseIf(f, "newcomers", domain.ParseNewcomers), f.rules()
	return in
}

// rules returns the rules that say where accounts land; nil if there are none. Without a role they are of users.
func (f fields) rules() *[]accounts.RulePatch {
	texts := httpx.Member[[]json.RawMessage](f.Members, "rules")
	if texts == nil || f.Err != nil {
		return nil
	}
	rules := make([]accounts.RulePatch, len(*texts))
	for i, text := range *texts {
		o, err := (httpx.Object{"rules": text}).Object("rules")
		if err != nil {
			f.Fail(err)
			return nil
		}
		r := fields{&httpx.Members{Object: o, Err: o.RefuseUnknown("claim", "value", "environment", "group", "role")}}
		r.Require("environment", "group")
		rules[i] = accounts.RulePatch{Claim: r.text("claim", ""), Value: r.text("value", ""), Role: domain.RoleUser}
		if home := refIf[domain.EnvironmentRef](r, "environment", "envid"); home != nil {
			rules[i].Environment = *home
		}
		if group := refIf[domain.GroupRef](r, "group", "id"); group != nil {
			rules[i].Group = *group
		}
		if role := parseIf(r, "role", domain.ParseRole); role != nil {
			rules[i].Role = *role
		}
		f.Fail(inside("rules", r.Err))
	}
	return &rules
}

// decodeLanding reads of whom is asked where they would land, by which provider if it were changed so.
func decodeLanding(c *fiber.Ctx) (in accounts.PreviewProvider, err error) {
	f := body(c, slices.Concat([]string{"provider", "organization", "issuer", "says"}, providerKeys)...)
	f.Require("says")
	if key := f.textIf("provider"); key != nil && f.Err == nil {
		f.Refuse("This follows from the provider.", "organization", "issuer")
		if in.OrganizationProvider, err = providerOf(c, *key); err != nil {
			return in, err
		}
	} else {
		f.Require("name", "issuer", "clientId")
	}
	if ref := refIf[domain.EnvironmentRef](f, "organization", "envid"); ref != nil {
		in.Organization = *ref
	}
	in.Issuer, in.ProviderPatch = f.text("issuer", ""), f.provider()
	if object := httpx.Member[map[string]any](f.Members, "says"); object != nil {
		in.Claims = domain.ClaimsOf(*object)
	}
	return in, f.Err
}

// decodeDomainProof reads which domain of an organization is to be proved.
func decodeDomainProof(c *fiber.Ctx) (in accounts.ProveDomain, err error) {
	f := body(c, "organization", "domain", "confirm")
	f.Require("domain")
	if ref := refIf[domain.EnvironmentRef](f, "organization", "envid"); ref != nil {
		in.Organization = *ref
	}
	in.Domain = f.text("domain", "")
	directory.Set(&in.Confirm, f.flagIf("confirm"))
	return in, f.Err
}

func decodeLink(c *fiber.Ctx) (in accounts.OfUser[accounts.LinkSubject], err error) {
	in.User = userOf(c)
	f := body(c, "provider", "subject")
	f.Require("provider", "subject")
	if f.Err != nil {
		return in, f.Err
	}
	of, err := providerOf(c, f.text("provider", ""))
	in.In = accounts.LinkSubject{Provider: of.Provider, Subject: f.text("subject", "")}
	f.Fail(err)
	return in, f.Err
}

// decodeUnlink reads which link of a user is meant.
func decodeUnlink(c *fiber.Ctx) (accounts.OfUser[domain.Identity], error) {
	in := accounts.OfUser[domain.Identity]{User: userOf(c),
		In: domain.Identity{Issuer: httpx.Query(c, "issuer"), Subject: httpx.Query(c, "subject")}}
	if err := httpx.RefuseUnknown(c, "issuer", "subject"); err != nil {
		return in, err
	}
	for _, name := range []string{"issuer", "subject"} {
		if httpx.Query(c, name) == "" {
			return in, domain.InvalidField(name, "A value is required.")
		}
	}
	return in, nil
}

// writeProvider writes a provider as its administrators see it. Its secret is in no answer.
func writeProvider(w *httpx.Writer, key string, p *accounts.ProviderDocument) {
	w.Open(key, '{')
	w.Text("id", p.ProviderKey.String())
	w.Number("organization", int64(p.Organization))
	w.Text("name", p.Name)
	w.Text("issuer", p.Issuer)
	w.Text("subject", string(p.Subject))
	w.Text("clientId", p.ClientID)
	writeTexts(w, "scopes", p.Scopes)
	writeTexts(w, "domains", p.Domains)
	w.Flag("enabled", p.Enabled)
	w.Flag("secret", p.Secret)
	w.Flag("trustsStrong", p.TrustsStrong)
	w.Text("newcomers", p.Newcomers.String())
	w.Open("rules", '[')
	for i := range p.Rules {
		r, placed := &p.Rules[i], &p.Placed[i]
		w.Open("", '{')
		w.Text("claim", r.Claim)
		w.Text("value", r.Value)
		writePlace(w, "environment", placed.Environment)
		if placed.Group == nil {
			w.Null("group")
		} else {
			writeGroupName(w, "group", placed.Group)
		}
		w.Text("role", r.Role.String())
		w.Close('}')
	}
	w.Close(']')
	w.Text("returnAddress", p.Return)
	w.Text("signInAddress", p.Entrance)
	w.Number("created", p.Created.UnixMilli())
	w.Close('}')
}

// writeDomain writes a domain with the record of DNS that proves it. When that was looked for and found is null where
// it was not.
func writeDomain(w *httpx.Writer, key string, d *accounts.DomainDocument) {
	w.Open(key, '{')
	w.Text("domain", d.Name)
	w.Flag("proved", d.Proven)
	w.Flag("confirmed", d.Confirmed)
	w.Text("record", d.Record)
	w.Text("text", d.Text)
	writeMillis(w, "since", d.Proved)
	found, asked := d.Found, d.Asked
	if d.Confirmed {
		found, asked = time.Time{}, time.Time{}
	}
	writeMillis(w, "found", found)
	writeMillis(w, "asked", asked)
	w.Close('}')
}

func writeLanding(w *httpx.Writer, key string, l *accounts.Landing) {
	w.Open(key, '{')
	writeNumber(w, "rule", int64(l.Rule))
	if l.Refused != nil {
		w.Text("refused", l.Refused.Public)
		for _, name := range []string{"alias", "mailaddress", "environment", "group", "role"} {
			w.Null(name)
		}
		w.Close('}')
		return
	}
	w.Null("refused")
	w.Text("alias", l.User.Alias)
	w.Text("mailaddress", l.User.Person.Mail)
	writePlace(w, "environment", &l.Environment)
	writeGroupName(w, "group", &l.Group)
	w.Text("role", l.User.Role.String())
	w.Close('}')
}

func writeLink(w *httpx.Writer, key string, l *domain.Link) {
	w.Open(key, '{')
	w.Text("issuer", l.Issuer)
	w.Text("subject", l.Subject)
	w.Text("shown", l.Shown)
	w.Text("by", string(l.By))
	w.Number("created", l.Created.UnixMilli())
	w.Close('}')
}
