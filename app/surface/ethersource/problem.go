package ethersource

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"canopy/app/httpx"
)

// problem answers an error in the surface's envelope. The document knows no 409.
func problem(c *fiber.Ctx, err error) error {
	status, p := httpx.Problem(c, err)
	switch status {
	case fiber.StatusConflict:
		status = fiber.StatusBadRequest
	case fiber.StatusUnauthorized:
		c.Set(fiber.HeaderWWWAuthenticate, `Basic realm="Canopy", charset="UTF-8"`)
	}
	message := p.Public
	if field := fieldOf(p.Field); field != "" {
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
	"alias": "userId", "person.firstname": "firstName", "person.lastname": "lastName", "person.mailaddress": "email",
	"attributes." + attributeCompany: "company", "attributes." + attributeCountry: "country",
	"secret": "uuId", "copyrequest": "copyRequestId",
	"user": "", "state": "", "envId": "", "key": "", "group": "", "role": "", "envs": "", // nothing that was sent is called so
}

func fieldOf(field string) string {
	if name, known := fields[field]; known {
		return name
	}
	return field
}
