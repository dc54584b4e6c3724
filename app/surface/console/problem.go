package console

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"canopy/app/httpx"
	"canopy/domain"
)

// problem answers an error with a page that says what to do.
func (s *Surface) problem(c *fiber.Ctx, err error) error {
	if errors.As(err, new(errAnswered)) {
		return nil
	}
	f, _ := c.Locals(formKey{}).(*form)
	if f == nil {
		f = &form{}
	}
	return s.refuse(c, s.view(c, f.lang), err)
}

// refuse sends a page without a form.
func (s *Surface) refuse(c *fiber.Ctx, v *view, err error) error {
	status, problem := httpx.Problem(c, err)
	w := v.words
	switch {
	case domain.ErrSecret.Is(problem):
		return render(c, status, wordPage(v, w.SpentTitle, w.Spent, w.SpentNext))
	case status == fiber.StatusNotFound || status == fiber.StatusMethodNotAllowed:
		return render(c, status, wordPage(v, w.AbsentTitle, w.Absent, ""))
	case problem.Kind == domain.Unavailable:
		return render(c, status, wordPage(v, w.FailedTitle, w.Busy, ""))
	}
	return render(c, status, wordPage(v, w.FailedTitle, w.Failed, ""))
}
