package console

import (
	"cmp"
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/httpx"
	"canopy/domain"
)

// The cookies of a session. Over HTTPS it has the prefix by which a browser takes it from this host alone, so
// that no neighbour under the same domain can set it (RFC 6265bis, 4.1.3.2); over plain HTTP browsers
// refuse that prefix.
const (
	SessionCookie       = "canopy-session"
	SecureSessionCookie = "__Host-canopy-session"
)

// CSRFHeader is the header in which a session's CSRF token comes back; a form has it in the field csrf.
const CSRFHeader = "X-CSRF-Token"

// csrfField is the field of forms that counts as CSRFHeader, which forms cannot send.
const csrfField = "csrf"

// onceField is the field of forms that names the form as it was shown, so that pressing twice does once what it does.
const onceField = "once"

// backField is the field of forms that says on which page to go on where the form led away before it was done.
const backField = "back"

// tokenFields are what each form has by itself.
var tokenFields = []string{csrfField, onceField, backField}

// onceFor is how long it is known that a form was sent.
const onceFor = 10 * time.Minute

// sentForm returns what names a form that was sent: as which it was shown, where to, and all that is in it. One that
// was changed and sent again is another form.
func sentForm(c *fiber.Ctx) (key, request string, err error) {
	form, err := posted(c)
	if err != nil || form[onceField] == "" {
		return "", "", err
	}
	parts := []string{c.Path()}
	for _, p := range httpx.QueryPairs(c) {
		parts = append(parts, p.Name, p.Value)
	}
	for _, name := range slices.Sorted(maps.Keys(form)) {
		parts = append(parts, name, form[name])
	}
	files := c.Locals(filesKey{}).(httpx.Files)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		parts = append(parts, name, string(files[name]))
	}
	return httpx.Digest(parts...), "", nil
}

// leadOn answers a form that did what it does, though its answer was lost: with the page of what it changed, else with
// the page that had the form, which says so.
func (s *Surface) leadOn(c *fiber.Ctx, t domain.Target) error {
	to := pageOf(t)
	if form, err := posted(c); to == "" && err == nil {
		to = ourPage(form[backField])
	}
	return leave(c, saying(cmp.Or(to, "me"), "saved"))
}

// signedIn finds the principal as auth does, of whose session the CSRF token may come in a form.
func signedIn(auth httpx.Auth) httpx.Auth {
	return func(c *fiber.Ctx) (domain.Principal, error) {
		if httpx.Method(c) == fiber.MethodPost && httpx.Header(c, CSRFHeader) == "" {
			form, err := posted(c)
			if err != nil {
				return domain.Principal{}, err
			}
			c.Request().Header.Set(CSRFHeader, form[csrfField])
		}
		return auth(c)
	}
}

// cookieName returns the name of the session's cookie for a client.
func (s *Surface) cookieName(c *fiber.Ctx) string {
	if httpx.Secure(c, s.trusted) {
		return SecureSessionCookie
	}
	return SessionCookie
}

// signInPage is where the page is.
const signInPage = "sign-in"

// homePage is where somebody begins who is signed in.
const homePage = "home"

// A signIn is the page, with what was typed.
type signIn struct {
	login, next string
	// expired asks for another password, as the one that was sent must be changed first.
	expired   bool
	ended     bool // the session has ended that there was
	problem   string
	providers []accounts.ProviderDocument // by which whoever typed login can sign in
	// wrong and againWrong are what is wrong with the new password.
	wrong, againWrong string
}

// ours matches the addresses of pages of ours, as they stand in the page's own.
var ours = regexp.MustCompile(`^[a-z-]+(\?[^\\\s]*)?$`)

// nextPage returns a page that was asked for before signing in, if it is one of ours, else the first one.
func nextPage(asked string) string { return cmp.Or(ourPage(asked), homePage) }

// ourPage returns the address of a page if it is one of ours, else nothing.
func ourPage(asked string) string {
	if !ours.MatchString(asked) {
		return ""
	}
	return asked
}

func (s *Surface) showSignIn(c *fiber.Ctx) error {
	v := s.view(c, "")
	next := nextPage(httpx.Query(c, "next"))
	v.other = at(signInPage, "next", next, "lang", v.words.Other)
	return s.renderSignIn(c, fiber.StatusOK, v, &signIn{next: next, ended: httpx.Query(c, "ended") != ""})
}

// renderSignIn sends the page to sign in, which needs a script for passkeys.
func (s *Surface) renderSignIn(c *fiber.Ctx, status int, v *view, page *signIn) error {
	v.passkeys, v.chooses = s.uses.Factors.PasskeysPossible() == nil, page.expired
	return renderWith(c, v.policy(), status, signInPageOf(v, page))
}

// refuseSignIn sends the page to sign in again, which says what is wrong. Who has to sign in by a provider, and has
// proved by something else who they are, is shown the way there.
func (s *Surface) refuseSignIn(c *fiber.Ctx, v *view, page *signIn, proved *domain.Principal, err error) error {
	status, problem := httpx.Problem(c, err)
	if !page.explain(v, problem) {
		return err
	}
	if domain.ErrOnlyProvider.Is(err) {
		var failed error
		page.providers, failed = s.uses.Providers.Offered(c.UserContext(), *proved)
		if failed != nil && !domain.ErrForbidden.Is(failed) {
			return failed
		}
	}
	v.other = at(signInPage, "next", page.next, "lang", v.words.Other)
	if failed := s.renderSignIn(c, status, v, page); failed != nil {
		return failed
	}
	return errAnswered{err}
}

// signIn begins a session. What is wrong is said on the page; the password is never shown again.
func (s *Surface) signIn(c *fiber.Ctx) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	v := s.view(c, form["lang"])
	page := &signIn{login: form["login"], next: nextPage(form["next"]), expired: form["new"] != "" || form["again"] != ""}
	if form["company"] != "" {
		return s.findProvider(c, v, page)
	}
	if page.expired && form["new"] != form["again"] {
		return s.refuseSignIn(c, v, page, nil, errDifferent)
	}
	out, err := s.uses.Sessions.SignIn(c.UserContext(), accounts.SignIn{Login: form["login"], Password: form["password"],
		NewPassword: form["new"], Kind: domain.CookieSession, Steps: true, Address: httpx.Address(c, s.trusted),
		Client: httpx.Header(c, fiber.HeaderUserAgent)})
	if err != nil {
		return s.refuseSignIn(c, v, page, &out.Principal, err)
	}
	s.enter(c, &out)
	if out.Principal.Missing > domain.ByPassword {
		return leave(c, at(provePage, "next", page.next))
	}
	return leave(c, page.next)
}

// explain writes into the page what is wrong, and reports whether it can be mended there.
func (p *signIn) explain(v *view, problem *domain.Error) bool {
	w := &v.words.SignIn
	switch {
	case domain.ErrBadCredentials.Is(problem):
		p.problem, p.expired = w.Wrong, false
	case domain.ErrPasswordExpired.Is(problem):
		p.expired, p.problem = true, w.Expired
	case errDifferent.Is(problem) && problem.Field == "again":
		p.againWrong = v.words.Different
	case problem.Field == "new_password":
		p.wrong = v.words.problem(problem)
	case domain.ErrBadPasskey.Is(problem), domain.ErrNoPasskeys.Is(problem), domain.ErrOnlyProvider.Is(problem):
		p.problem = v.words.problem(problem)
	case domain.ErrNoEnvironment.Is(problem):
		p.problem = w.Nowhere
	case problem.Kind == domain.TooMany:
		p.problem = v.waiting(problem)
	case problem.Kind == domain.Unavailable:
		p.problem = v.words.Busy
	default:
		return false
	}
	return true
}

// signOut ends the session, and has the browser forget all it keeps of this server.
func (s *Surface) signOut(ctx context.Context, v *visit) (answer, error) {
	if err := s.uses.Sessions.SignOut(ctx, v.caller); err != nil {
		return answer{}, err
	}
	s.forget(v.c)
	return answer{to: signInPage}, nil
}

// forget has the browser drop the session and everything it kept of it.
func (s *Surface) forget(c *fiber.Ctx) {
	httpx.DropCookie(c, s.cookieName(c), "/", httpx.Secure(c, s.trusted))
	c.Set("Clear-Site-Data", `"cache", "storage"`)
}

// forgotPage is where somebody asks for another password.
const forgotPage = "forgot"

// resetLifetime is how long the link of that page works.
const resetLifetime = time.Hour

// A forgotten is the page, with what was typed.
type forgotten struct {
	name          string
	sent          bool
	problem, lost string // lost is what is wrong with the name
}

func (s *Surface) showForgot(c *fiber.Ctx) error {
	v := s.view(c, "")
	v.other = at(forgotPage, "lang", v.words.Other)
	return render(c, fiber.StatusOK, forgotPageOf(v, &forgotten{sent: httpx.Query(c, "sent") != ""}))
}

// named returns the account that somebody means who typed their login name or mail address.
func named(name string) accounts.Whose {
	if strings.Contains(name, "@") {
		return accounts.Whose{Mail: name}
	}
	return accounts.Whose{Alias: name}
}

// forgot sends a link by mail. The answer is the same whether or not there is such an account.
func (s *Surface) forgot(c *fiber.Ctx) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	v, page := s.view(c, form["lang"]), &forgotten{name: form["name"]}
	if page.name == "" {
		page.lost = v.words.Forgot.Required
		return render(c, fiber.StatusUnprocessableEntity, forgotPageOf(v, page))
	}
	err = s.uses.Accounts.Forgot(c.UserContext(), accounts.AskLink{Whose: named(page.name),
		Link: s.config.Pages.Reset(), Lifetime: resetLifetime, Source: httpx.Address(c, s.trusted)})
	if err == nil {
		return leave(c, at(forgotPage, "sent", "1", "lang", v.words.Language))
	}
	status, problem := httpx.Problem(c, err)
	if problem.Kind != domain.TooMany {
		return err
	}
	page.problem = v.waiting(problem)
	if failed := render(c, status, forgotPageOf(v, page)); failed != nil {
		return failed
	}
	return errAnswered{err}
}
