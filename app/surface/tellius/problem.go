package tellius

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"canopy/app/httpx"
)

// problem answers an error in the surface's envelope.
func problem(c *fiber.Ctx, err error) error {
	status, p := httpx.Problem(c, err)
	if status == fiber.StatusUnauthorized {
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="Canopy"`)
	}
	message := p.Public
	if field := fieldOf(p.Field, c.Route().Path); field != "" {
		message = strings.TrimSuffix(message, ".") + ": " + field
	}
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Text("message", message)
	w.Close('}')
	return send(c, status, w)
}

// fields are the names that the surface's clients know fields by.
var fields = map[string]string{
	"alias": "username", "person.firstname": "firstName", "person.lastname": "lastName", "person.mailaddress": "email",
	"permission": "role", "attributes." + attributeConfig: "config",
	"from": "previousOwnerId", "to": "newOwnerId",
	"user": "", "group": "", // there are no keys of these names: the address named the user or the group
}

// fieldOf returns how a field is called on a route.
func fieldOf(field, route string) string {
	if field == "alias" && strings.HasPrefix(route, "/groups") {
		return "name"
	}
	if name, known := fields[field]; known {
		return name
	}
	return field
}

func send(c *fiber.Ctx, status int, w *httpx.Writer) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Status(status).Send(w.Bytes())
}
