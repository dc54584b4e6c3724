package axway

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"canopy/app/httpx"
	"canopy/domain"
)

// noAccess is the code of the original for who is not known, and for what is not there.
const noAccess = 102

// problem answers an error in the surface's envelope.
func (s *Surface) problem(c *fiber.Ctx, err error) error {
	dress(c)
	status, p := httpx.Problem(c, err)
	code, message := status, sentence(p, c.Route().Path)
	switch {
	case domain.ErrPictureTooLarge.Is(p):
		status = fiber.StatusRequestEntityTooLarge
		code = status
	case domain.ErrEnvironmentNotFound.Is(p) && p.Field == "home":
		status = fiber.StatusBadRequest
		code, message = status, "This organization does not exist (organizationId)"
	// 409 is not among the document's answers
	case domain.ErrSuperUserOutside.Is(p), domain.ErrAdminOutside.Is(p), domain.ErrNotWaiting.Is(p):
		status = fiber.StatusForbidden
		code = status
	case domain.ErrSignUpClosed.Is(p), domain.ErrNoMail.Is(p):
		status = fiber.StatusBadRequest
		code = status
	case status == fiber.StatusUnauthorized:
		c.Set(fiber.HeaderWWWAuthenticate, `Basic realm="Canopy", charset="UTF-8"`)
		code, message = noAccess, "Authorization required"
	case status == fiber.StatusNotFound:
		code, message = noAccess, "Not Found"
	}
	var w httpx.Writer
	w.Open("", '{')
	w.Open("errors", '[')
	w.Open("", '{')
	w.Number("code", int64(code))
	w.Text("message", message)
	w.Close('}')
	w.Close(']')
	w.Close('}')
	return send(c, status, &w)
}

// FieldNames are what the surface calls fields.
var FieldNames = httpx.FieldNames{
	"alias": "loginName", "person.first_name": "name", "person.last_name": "name", "person.mail": "email",
	"person.phone": "phone", "home": "organizationId", "organization": "organizationId", "active": "enabled",
	"picture": "image", "secret": "validator",
	"left": "userQuota", "max_users": "maxUsers", "old_password": "oldPassword", "new_password": "newPassword",
	"attributes.description": "description", "attributes.mobile": "mobile", "attributes.email": "email",
	"attributes.phone": "phone", "attributes.axway.virtualHost": "virtualHost",
	"allowed": "", "blocked": "", "current": "", "part": "value",
}

// sentence says what is wrong and with which field, as it is called on a route.
func sentence(p *domain.Error, route string) string {
	text := strings.TrimSuffix(p.Public, ".")
	field := strings.TrimPrefix(FieldNames.OfError(p), "attributes.custom.")
	switch {
	case p.Field == "alias" && strings.Contains(route, "/organizations"):
		field = "name"
	case p.Field == "password" && strings.HasSuffix(route, "/changepassword"):
		field = "newPassword"
	}
	if field == "" || field == "user" || field == "environment" {
		return text
	}
	return text + " (" + field + ")"
}

func send(c *fiber.Ctx, status int, w *httpx.Writer) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Status(status).Send(w.Bytes())
}
