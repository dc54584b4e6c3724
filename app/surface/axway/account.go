package axway

import (
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/domain"
)

// The links of mails lead where the document wants them: the secret is the validator.
const (
	verifyLink = "/api/portal/v1.3/users/validateuser?email=" + accounts.PlaceMail + "&validator=" + accounts.PlaceSecret
	resetLink  = "/api/portal/v1.3/users/resetpassword?email=" + accounts.PlaceMail + "&validator=" + accounts.PlaceSecret
)

// pageKey is the parameter that the links of our mails have and the document does not know: it says
// that a person is to see what the link is for. Its value is their language.
const pageKey = "lang"

// mailed returns a link as it is mailed.
func (s *Surface) mailed(c *fiber.Ctx, link string) string {
	if s.config.Pages == "" {
		return httpx.Mounted(c, link)
	}
	return httpx.Mounted(c, link) + "&" + pageKey + "=" + accounts.PlaceLanguage
}

// onPage sends a browser that follows a link of our mails to the page where the person does what the
// link is for. Everybody else is answered by h.
func (s *Surface) onPage(page string, h fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if s.config.Pages == "" || !httpx.HasQuery(c, pageKey) {
			return h(c)
		}
		query := url.Values{"mailaddress": {httpx.Query(c, "email")}, "secret": {httpx.Query(c, "validator")},
			"lang": {httpx.Query(c, pageKey)}}
		return redirect(c, string(s.config.Pages)+"/"+page+"?"+query.Encode())
	}
}

// How long the links work.
const (
	verifyLifetime = 3 * 24 * time.Hour
	resetLifetime  = time.Hour
)

func (s *Surface) decodeForgot(c *fiber.Ctx) (accounts.AskLink, error) {
	form, err := httpx.ReadForm(c, "email", "success", "failure")
	if err != nil {
		return accounts.AskLink{}, err
	}
	if err := s.keepRedirects(c, form); err != nil {
		return accounts.AskLink{}, err
	}
	return accounts.AskLink{Whose: accounts.Whose{Mail: form["email"]}, Link: s.mailed(c, resetLink),
		Lifetime: resetLifetime,
		Source:   httpx.Address(c, s.trusted)}, form.Require("email")
}

// registerKeys are the fields of a registration; properties have others.
var registerKeys = []string{"name", "email", "password", "token", "success", "failure", "loginName", "surname",
	"description", "phone", "mobile"}

func (s *Surface) decodeRegister(c *fiber.Ctx) (accounts.Register, error) {
	form, err := httpx.ReadForm(c, slices.Concat(registerKeys, s.config.Properties.Users.Keys())...)
	if err != nil {
		return accounts.Register{}, err
	}
	if err := s.keepRedirects(c, form); err != nil {
		return accounts.Register{}, err
	}
	var person domain.Person
	person.Rename(form["name"], form["surname"])
	in := accounts.Register{Alias: form["loginName"], FirstName: person.FirstName, LastName: person.LastName,
		Mail: form["email"], Password: form["password"],
		Phone: form["phone"], Code: form["token"], Link: s.mailed(c, verifyLink), Lifetime: verifyLifetime,
		Source:     httpx.Address(c, s.trusted),
		Attributes: domain.Attributes{}, Properties: map[string]string{}}
	if in.Alias == "" {
		in.Alias = in.Mail
	}
	for _, name := range []string{domain.AttributeDescription, domain.AttributeMobile} {
		if form[name] != "" {
			in.Attributes[name] = form[name]
		}
	}
	for _, key := range s.config.Properties.Users.Keys() {
		if value, given := form[key]; given {
			in.Properties[key] = value
		}
	}
	return in, form.Require("name", "email", "password")
}

// reservedKeys are the keys that no property can have.
var reservedKeys = slices.Concat(UserKeys, ignoredKeys, registerKeys)

// validated reads the query of a mailed link.
func (s *Surface) validated(way accounts.NewPassword) func(*fiber.Ctx) (accounts.Redeem, error) {
	return func(c *fiber.Ctx) (in accounts.Redeem, err error) {
		if err := httpx.RefuseUnknown(c, "email", "validator"); err != nil {
			return in, err
		}
		in.Mail, in.Secret, in.Way, in.Source = httpx.Query(c, "email"), httpx.Query(c, "validator"), way,
			httpx.Address(c, s.trusted)
		if in.Mail == "" || in.Secret == "" {
			err = domain.ErrSecret
		}
		return in, err
	}
}

// absent makes a handler answer a link that does not fit as something that is not there.
func absent(h fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		err := h(c)
		if errors.Is(err, domain.ErrSecret) {
			return domain.ErrNotFound
		}
		return err
	}
}

func encodeForgot(c *fiber.Ctx, _ httpx.Just) error {
	if to := redirectsOf(c).success; to != "" {
		return redirect(c, to)
	}
	var w httpx.Writer
	w.Open("", '{')
	w.Close('}')
	return send(c, fiber.StatusCreated, &w)
}

// encodeRegistered answers with what was sent: whether there is an account now is for the owner
// of the address to know.
func encodeRegistered(c *fiber.Ctx, u domain.User) error {
	if to := redirectsOf(c).success; to != "" {
		return redirect(c, to)
	}
	var w httpx.Writer
	w.Open("", '{')
	w.Text("name", u.Person.Name())
	w.TextOrNull("description", u.Attributes[domain.AttributeDescription])
	w.Text("loginName", u.Alias)
	w.Text("email", u.Person.Mail)
	w.Text("phone", u.Person.Phone)
	w.TextOrNull("mobile", u.Attributes[domain.AttributeMobile])
	w.Text("role", wireRoles.of(u.Role))
	w.Null("image")
	w.Flag("enabled", u.Active)
	w.Number("createdOn", u.Created.UnixMilli())
	w.Text("state", wireStates.of(u.State))
	w.Close('}')
	return send(c, fiber.StatusCreated, &w)
}

func encodeProven(c *fiber.Ctx, _ directory.Proven) error { return redirect(c, "") }

// codeKeys are the keys of a registration token, in the order in which answers have them.
var codeKeys = []string{"token", "organizationId", "expiry", "createdOn", "createdBy", "userQuota", "maxUsers",
	"enabled"}

func decodeCode(c *fiber.Ctx) (accounts.OrganizationCode, error) {
	ref, err := decodeOrganizationRef(c)
	return accounts.OrganizationCode{Organization: ref, Code: domain.SecretText(httpx.Param(c, "token"))}, err
}

func decodeCodePatch(c *fiber.Ctx) (in accounts.RegistrationCodePatch, err error) {
	f := httpx.BodyOf(c, codeKeys...)
	in.MaxUsers, in.Left, in.Enabled = httpx.Member[int64](f, "maxUsers"), httpx.Member[int64](f, "userQuota"),
		httpx.Member[bool](f, "enabled")
	in.Tenant = httpx.Parsed(f, "organizationId", domain.ParseUUID)
	token, by, on := httpx.Member[string](f, "token"), httpx.Member[string](f, "createdBy"),
		httpx.Member[int64](f, "createdOn")
	in.Revise = func(code *domain.RegistrationCode) error {
		switch {
		case token != nil && *token != string(code.Code):
			return domain.InvalidField("token", "This field cannot be set.")
		case by != nil && *by != code.CreatedBy:
			return domain.InvalidField("createdBy", "This field cannot be set.")
		case on != nil && *on != code.Created.UnixMilli():
			return domain.InvalidField("createdOn", "This field cannot be set.")
		case in.Left != nil && *in.Left > 0 && in.MaxUsers != nil && *in.MaxUsers != code.Used+*in.Left:
			return domain.InvalidField("userQuota", "This does not fit maxUsers, which would become %d; send one of them.",
				code.Used+*in.Left)
		}
		return nil
	}
	if ms := httpx.Member[int64](f, "expiry"); ms != nil {
		if *ms < 0 || *ms > maxTime {
			return in, domain.InvalidField("expiry", "Give a time in milliseconds.")
		}
		expires := time.Time{}
		if *ms > 0 {
			expires = time.UnixMilli(*ms).UTC()
		}
		in.Expires = &expires
	}
	return in, f.Err
}

// maxTime is the end of the year 9999.
const maxTime = 253402300799999

func decodeNewCode(c *fiber.Ctx) (in accounts.CreateRegistrationCode, err error) {
	if in.Organization, err = decodeOrganizationRef(c); err != nil {
		return in, err
	}
	in.RegistrationCodePatch, err = decodeCodePatch(c)
	return in, err
}

func decodeCodeChange(c *fiber.Ctx) (in accounts.UpdateRegistrationCode, err error) {
	if in.OrganizationCode, err = decodeCode(c); err != nil {
		return in, err
	}
	in.RegistrationCodePatch, err = decodeCodePatch(c)
	return in, err
}

func encodeCode(c *fiber.Ctx, code accounts.CodeDocument) error {
	return sendCode(c, fiber.StatusOK, &code)
}

func encodeCreatedCode(c *fiber.Ctx, code accounts.CodeDocument) error {
	return sendCode(c, fiber.StatusCreated, &code)
}

func sendCode(c *fiber.Ctx, status int, code *accounts.CodeDocument) error {
	var w httpx.Writer
	writeCode(&w, code)
	return send(c, status, &w)
}

func encodeCodes(c *fiber.Ctx, codes []accounts.CodeDocument) error {
	var w httpx.Writer
	w.Open("", '[')
	for i := range codes {
		writeCode(&w, &codes[i])
	}
	w.Close(']')
	return send(c, fiber.StatusOK, &w)
}

// writeCode writes a registration token. The quota is
// how many it still lets in, null for any number.
func writeCode(w *httpx.Writer, code *accounts.CodeDocument) {
	w.Open("", '{')
	w.Text("token", string(code.Code))
	w.Text("organizationId", string(code.Tenant))
	if code.Expires.IsZero() {
		w.Null("expiry")
	} else {
		w.Number("expiry", code.Expires.UnixMilli())
	}
	w.Number("createdOn", code.Created.UnixMilli())
	w.TextOrNull("createdBy", code.CreatedBy)
	if code.MaxUsers == 0 {
		w.Null("userQuota")
	} else {
		w.Number("userQuota", max(code.MaxUsers-code.Used, 0))
	}
	w.Number("maxUsers", code.MaxUsers)
	w.Flag("enabled", code.Enabled)
	w.Close('}')
}
