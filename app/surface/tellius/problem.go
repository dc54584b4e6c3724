package tellius

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"canopy/app/httpx"
	"canopy/domain"
)

// problem answers an error in the surface's envelope.
func problem(c *fiber.Ctx, err error) error {
	status, p := httpx.Problem(c, err)
	if status == fiber.StatusUnauthorized {
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="Canopy"`)
	}
	message := p.Public
	if field := fieldOf(p, c.Route().Path); field != "" {
		message = strings.TrimSuffix(message, ".") + ": " + field
	}
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Text("message", message)
	w.Close('}')
	return send(c, status, w)
}

// FieldNames are what the surface calls fields. Addresses name the user or the group.
var FieldNames = httpx.FieldNames{
	"alias": "username", "person.first_name": "firstName", "person.last_name": "lastName", "person.mail": "email",
	"permission": "role", "attributes." + attributeConfig: "config",
	"from": "previousOwnerId", "to": "newOwnerId",
	"user": "", "group": "", "home": "", "allowed": "", "blocked": "", "current": "",
}

// fieldOf returns how the field of an error is called on a route.
func fieldOf(p *domain.Error, route string) string {
	if p.Field == "alias" && strings.HasPrefix(route, "/groups") {
		return "name"
	}
	return FieldNames.OfError(p)
}

func send(c *fiber.Ctx, status int, w *httpx.Writer) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Status(status).Send(w.Bytes())
}
