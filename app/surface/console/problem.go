package console

import (
	"errors"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"canopy/app/httpx"
	"canopy/domain"
)

// problem answers an error with a page that says what to do.
func (s *Surface) problem(c *fiber.Ctx, err error) error {
	if errors.As(err, new(errAnswered)) {
		return nil
	}
	if s.guest(c) && (domain.ErrFactorMissing.Is(err) || domain.ErrProveAgain.Is(err)) {
		return leave(c, at(provePage, "next", s.wanted(c)))
	}
	if s.guest(c) && domain.AsError(err).Kind == domain.Unauthenticated {
		return s.askToSignIn(c)
	}
	if v, _ := c.Locals(visitKey{}).(*visit); v != nil {
		return s.fail(c, v, err)
	}
	f, _ := c.Locals(formKey{}).(*form)
	if f == nil {
		f = &form{}
	}
	return s.refuse(c, s.view(c, f.lang), err)
}

// guest reports whether the request is for a page of somebody who is signed in: those of links are not.
func (s *Surface) guest(c *fiber.Ctx) bool {
	f, _ := c.Locals(formKey{}).(*form)
	return f == nil
}

// askToSignIn sends the browser to the page to sign in, which leads back to where it was going, and from a part of a
// page to where it was.
func (s *Surface) askToSignIn(c *fiber.Ctx) error {
	s.forget(c)
	ended := ""
	if httpx.Cookie(c, s.cookieName(c)) != "" {
		ended = "1"
	}
	return leave(c, at(signInPage, "next", s.wanted(c), "ended", ended))
}

// wanted returns the page that the browser was going to, and for a part of a page where it was; for a form the page
// that had it, which says that nothing was done.
func (s *Surface) wanted(c *fiber.Ctx) string {
	if partial(c) {
		if u, err := url.Parse(httpx.Header(c, "HX-Current-URL")); err == nil {
			return addressOf(u.Path, u.RawQuery)
		}
		return ""
	}
	if httpx.Method(c) == fiber.MethodGet {
		return addressOf(c.Path(), string(c.Context().URI().QueryString()))
	}
	form, err := posted(c)
	if back := ourPage(form[backField]); err == nil && back != "" && !strings.HasSuffix(c.Path(), "/sign-out") {
		return saying(back, "undone")
	}
	return ""
}

// addressOf returns the address of a page as the links of others have it.
func addressOf(path, query string) string {
	name := path[strings.LastIndexByte(path, '/')+1:]
	if query == "" {
		return name
	}
	return name + "?" + query
}

// fail sends a page to somebody who is signed in that says why there is not the one they asked for.
func (s *Surface) fail(c *fiber.Ctx, v *visit, err error) error {
	status, problem := httpx.Problem(c, err)
	w := &v.words.Shell
	title, text := w.Failed, v.words.problem(problem)
	switch problem.Kind {
	case domain.NotFound:
		title, text = w.Absent, w.AbsentText
	case domain.Forbidden:
		title = w.Refused
	case domain.Unavailable:
		text = v.words.Busy
	case domain.Internal:
		text = v.words.Failed
	}
	v.wrong = nil
	return renderWith(c, scripted, status, failPage(v, title, text))
}

// refuse sends a page without a form.
func (s *Surface) refuse(c *fiber.Ctx, v *view, err error) error {
	status, problem := httpx.Problem(c, err)
	w := v.words
	switch {
	case domain.ErrCSRF.Is(problem):
		return render(c, status, wordPage(v, w.FailedTitle, w.Shell.Stale, ""))
	case domain.ErrSecret.Is(problem):
		return render(c, status, wordPage(v, w.SpentTitle, w.Spent, w.SpentNext))
	case status == fiber.StatusNotFound || status == fiber.StatusMethodNotAllowed:
		return render(c, status, wordPage(v, w.AbsentTitle, w.Absent, ""))
	case problem.Kind == domain.Unavailable:
		return render(c, status, wordPage(v, w.FailedTitle, w.Busy, ""))
	}
	return render(c, status, wordPage(v, w.FailedTitle, w.Failed, ""))
}
