package console

import (
	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/httpx"
	"canopy/domain"
)

// ProviderReturn is how the names of the pages begin on which people come back from an identity provider, and to which
// it says who signed out there; behind it stands the provider's key.
const ProviderReturn = "provider-"

// providerPage is where somebody goes who wants to sign in by a provider, and ProviderEntrance the same for the one
// whose key stands behind it.
const (
	providerPage     = "provider-in"
	ProviderEntrance = providerPage + "?provider="
)

// The cookies of somebody who is at a provider, as those of a session.
const (
	providerCookie       = "canopy-provider"
	secureProviderCookie = "__Host-canopy-provider"
)

// providerRoutes lists the pages of identity providers, and the ways to one and back.
func (s *Surface) providerRoutes(r fiber.Router) {
	r.Get(Base+"/"+providersPage, s.on(s.providers))
	r.Post(Base+"/"+providersPage, s.on(s.providers))
	r.Get(Base+"/"+providerOfPage, s.on(s.provider))
	r.Post(Base+"/"+providerOfPage, s.on(s.changeProvider))
	r.Get(Base+"/"+newProviderPage, s.on(s.newProvider))
	r.Post(Base+"/"+newProviderPage, s.on(s.newProvider))
	r.Get(Base+"/"+deleteProviderPage, s.on(s.removeProvider))
	r.Post(Base+"/"+deleteProviderPage, s.on(s.removeProvider))
	r.Post(Base+"/my-link", s.on(s.linkMe))
	r.Post(Base+"/my-unlink", s.on(s.unlinkMe))
	r.Get(Base+"/"+providerPage, s.toProvider)
	r.Get(Base+"/"+ProviderReturn+":provider", httpx.Acts(s.fromProvider))
	r.Post(Base+"/"+ProviderReturn+":provider", s.signedOut)
}

func (s *Surface) providerCookie(c *fiber.Ctx) string {
	if httpx.Secure(c, s.trusted) {
		return secureProviderCookie
	}
	return providerCookie
}

// findProvider shows the page to sign in with the way to the provider to which the address leads that was typed.
func (s *Surface) findProvider(c *fiber.Ctx, v *view, page *signIn) error {
	found, err := s.uses.Providers.Discover(c.UserContext(), page.login)
	switch {
	case domain.ErrProviderNotFound.Is(err):
		page.problem = pick(page.login == "", v.words.SignIn.AddressFirst, v.words.SignIn.NoProvider)
	case err != nil:
		return err
	default:
		page.providers = []accounts.ProviderDocument{found}
	}
	v.other = at(signInPage, "next", page.next, "lang", v.words.Other)
	return s.renderSignIn(c, fiber.StatusOK, v, page)
}

// toProvider sends the browser to a provider.
func (s *Surface) toProvider(c *fiber.Ctx) error {
	key, ok := domain.ParseProviderKey(httpx.Query(c, "provider"))
	if !ok {
		return s.turnedAway(c, domain.ErrProviderNotFound)
	}
	sent, err := s.uses.Providers.Begin(c.UserContext(), accounts.BeginProvider{Provider: key,
		Next: nextPage(httpx.Query(c, "next")), Login: domain.CleanName(httpx.Query(c, "login")),
		Anew: httpx.Query(c, "anew") != ""})
	if err != nil {
		return s.turnedAway(c, err)
	}
	httpx.SetCookie(c, s.providerCookie(c), sent.Cookie, "/", sent.Expires, httpx.Secure(c, s.trusted))
	return leave(c, sent.Address)
}

// fromProvider begins a session for whoever comes back from a provider.
func (s *Surface) fromProvider(c *fiber.Ctx) error {
	key, ok := domain.ParseProviderKey(httpx.Param(c, "provider"))
	if !ok {
		return s.turnedAway(c, domain.ErrProviderNotFound)
	}
	caller, err := s.auth(c)
	if err != nil {
		caller = domain.Principal{}
	}
	out, err := s.uses.Providers.Finish(c.UserContext(), accounts.FinishProvider{Provider: key,
		Cookie: httpx.Cookie(c, s.providerCookie(c)), State: httpx.Query(c, "state"), Code: httpx.Query(c, "code"),
		Issuer: httpx.Query(c, "iss"), Error: httpx.Query(c, "error"), Caller: caller,
		Address: httpx.Address(c, s.trusted), Client: httpx.Header(c, fiber.HeaderUserAgent)})
	httpx.DropCookie(c, s.providerCookie(c), "/", httpx.Secure(c, s.trusted))
	if err != nil && out.Linked {
		if problem := domain.AsError(err); linkProblems[problem.Code] != nil {
			return leave(c, at(factorsPage, "problem", problem.Code))
		}
	}
	if err != nil {
		return s.turnedAway(c, err)
	}
	if out.Linked {
		return leave(c, nextPage(out.Next))
	}
	s.enter(c, &out.SignedIn)
	if out.Principal.Missing > domain.ByPassword {
		return leave(c, at(provePage, "next", nextPage(out.Next)))
	}
	return leave(c, nextPage(out.Next))
}

// turnedAway shows the page to sign in with what went wrong on the way to a provider or back.
func (s *Surface) turnedAway(c *fiber.Ctx, err error) error {
	status, problem := httpx.Problem(c, err)
	if problem.Kind == domain.Internal {
		return err
	}
	v := s.view(c, "")
	page := &signIn{next: homePage}
	if !page.explain(v, problem) || domain.ErrProviderUnreachable.Is(problem) {
		page.problem = v.words.problem(problem)
	}
	v.other = at(signInPage, "lang", v.words.Other)
	if failed := s.renderSignIn(c, status, v, page); failed != nil {
		return failed
	}
	return errAnswered{err}
}

func decodeSignedOut(c *fiber.Ctx) (accounts.SignOutProvider, error) {
	key, ok := domain.ParseProviderKey(httpx.Param(c, "provider"))
	if !ok {
		return accounts.SignOutProvider{}, domain.ErrProviderNotFound
	}
	form, err := posted(c)
	return accounts.SignOutProvider{Provider: key, Token: form["logout_token"]}, err
}

// signedOut ends the sessions of which a provider says that they ended there, and answers it as OpenID Connect
// Back-Channel Logout 1.0, 2.8, has it: whatever goes wrong is 400, and nothing of it is a page.
func (s *Surface) signedOut(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	in, err := decodeSignedOut(c)
	if err == nil {
		err = s.uses.Providers.SignOut(c.UserContext(), in)
	}
	if err == nil {
		c.Status(fiber.StatusOK)
		return nil
	}
	_, problem := httpx.Problem(c, err)
	said := problem.Public
	if domain.ErrProviderAnswer.Is(problem) {
		said = "The logout token is not this provider's for this client, is too old, or was used before."
	}
	c.Status(fiber.StatusBadRequest)
	if failed := c.JSON(map[string]string{"error": "invalid_request", "error_description": said}); failed != nil {
		return failed
	}
	return errAnswered{err}
}
