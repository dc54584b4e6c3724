package axway

import (
	"github.com/gofiber/fiber/v2"

	"canopy/app/httpx"
	"canopy/domain"
)

// Home is where a browser goes behind a sign-in that says nothing else. Something must answer there.
const Home = "/home"

// cookiePath is below what the cookie of a session is sent.
const cookiePath = "/api/portal/"

// redirects are where a form wants the browser sent; empty is nowhere.
type redirects struct{ success, failure string }

type redirectsKey struct{}

// keepRedirects keeps the redirects of a form for the answer. It returns Invalid for one that is not
// on the configured list.
func (s *Surface) keepRedirects(c *fiber.Ctx, form httpx.Form) error {
	for _, name := range []string{"success", "failure"} {
		if form[name] != "" && !s.config.Redirects.Allows(form[name]) {
			return domain.InvalidField(name, "Give an address on the server's --redirects.")
		}
	}
	c.Locals(redirectsKey{}, redirects{form["success"], form["failure"]})
	return nil
}

func redirectsOf(c *fiber.Ctx) redirects {
	r, _ := c.Locals(redirectsKey{}).(redirects)
	return r
}

// redirecting makes a handler answer a refusal by sending the browser where the form wants it.
func (s *Surface) redirecting(h fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		err := h(c)
		failure := redirectsOf(c).failure
		if err == nil || failure == "" {
			return err
		}
		if status, _ := httpx.Problem(c, err); status >= fiber.StatusInternalServerError {
			return err
		}
		return redirect(c, failure)
	}
}

// redirect sends a browser elsewhere, to get what is there.
func redirect(c *fiber.Ctx, to string) error {
	if to == "" {
		to = Home
	}
	c.Set(fiber.HeaderLocation, to)
	c.Status(fiber.StatusSeeOther)
	return nil
}
