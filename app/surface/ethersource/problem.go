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
	if field := FieldNames.OfError(p); field != "" {
		message = strings.TrimSuffix(message, ".") + ": " + field
	}
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Text("message", message)
	w.Close('}')
	return send(c, status, w)
}

// FieldNames are what the surface calls fields.
var FieldNames = httpx.FieldNames{
	"alias": "userId", "person.first_name": "firstName", "person.last_name": "lastName", "person.mail": "email",
	"attributes." + attributeCompany: "company", "attributes." + attributeCountry: "country",
	"secret": "uuId", "copy_request": "copyRequestId",
	"link": "confirmationLink", "purpose": "confirmationType", "end": "timestampEnd",
	"user": "", "state": "", "home": "", "key": "", "group": "", "role": "", "allowed": "", "blocked": "", "current": "",
}
