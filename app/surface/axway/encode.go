package axway

import (
	"strconv"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/app/objects"
	"canopy/domain"
)

func (s *Surface) encodeUser(c *fiber.Ctx, u directory.UserDocument) error {
	return s.sendUser(c, fiber.StatusOK, &u)
}

func (s *Surface) encodeCreatedUser(c *fiber.Ctx, u directory.UserDocument) error {
	return s.sendUser(c, fiber.StatusCreated, &u)
}

// sendUser answers with a user and, within a session of a cookie, its CSRF token.
func (s *Surface) sendUser(c *fiber.Ctx, status int, u *directory.UserDocument) error {
	if caller, ok := httpx.PrincipalOf(c); ok {
		if token := s.uses.Sessions.CSRF(caller); token != "" {
			setCSRF(c, token)
		}
	}
	var w httpx.Writer
	userWriter(c)(&w, u)
	return send(c, status, &w)
}

func (s *Surface) encodeUsers(c *fiber.Ctx, list directory.Listed[directory.UserDocument]) error {
	return httpx.Stream(c, list.Items,
		func(w *httpx.Writer) { w.Open("", '[') },
		userWriter(c),
		func(w *httpx.Writer) { w.Close(']') })
}

// userWriter returns what writes users into the answer to a request.
func userWriter(c *fiber.Ctx) func(*httpx.Writer, *directory.UserDocument) {
	base := httpx.Mounted(c, Bases[0])
	return func(w *httpx.Writer, u *directory.UserDocument) { writeUser(w, base, u) }
}

// writeUser writes a user as the document shows one, with the properties behind.
func writeUser(w *httpx.Writer, base string, u *directory.UserDocument) {
	w.Open("", '{')
	w.Text("id", string(u.UUID))
	if u.Tenant != nil {
		w.Text("organizationId", string(u.Tenant.UUID))
	} else {
		w.Null("organizationId") // it was deleted a moment ago
	}
	w.Text("name", u.Person.Name())
	w.TextOrNull("description", u.Attributes[domain.AttributeDescription])
	w.Text("loginName", u.Alias)
	w.Text("email", u.Person.Mail)
	w.Text("phone", u.Person.Phone)
	w.TextOrNull("mobile", u.Attributes[domain.AttributeMobile])
	w.Text("role", wireRoles.of(u.Role))
	writeImage(w, base+"/users/", u.UUID, u.Picture)
	w.Flag("enabled", u.Active)
	w.Number("createdOn", u.Created.UnixMilli())
	w.Text("state", wireStates.of(u.State))
	w.Text("type", "internal")
	w.Null("authAttrs")
	w.Text("surname", surname(&u.Person))
	w.Null("dn")
	for _, p := range u.Properties {
		w.Text(p.Key, p.Value)
	}
	w.Close('}')
}

// surname returns the last name, or the first where that is all there is.
func surname(p *domain.Person) string {
	if p.LastName == "" {
		return p.FirstName
	}
	return p.LastName
}

// encodePicture answers with a JPEG, or that the client has it already (RFC 9110, 13.1.2).
func encodePicture(c *fiber.Ctx, p domain.Picture) error {
	tag := `"` + p.Tag + `"`
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	c.Set(fiber.HeaderETag, tag)
	if httpx.HasTag(c, tag) {
		c.Status(fiber.StatusNotModified)
		return nil
	}
	c.Set(fiber.HeaderContentType, "image/jpeg")
	return c.Send(p.JPEG)
}

func (s *Surface) encodeLogin(c *fiber.Ctx, in accounts.SignedIn) error {
	httpx.SetCookie(c, SessionCookie, in.Cookie, httpx.Mounted(c, cookiePath), in.Expires, httpx.Secure(c, s.trusted))
	setCSRF(c, in.CSRF)
	return redirect(c, redirectsOf(c).success)
}

func (s *Surface) encodeLogout(c *fiber.Ctx, _ httpx.Just) error {
	httpx.DropCookie(c, SessionCookie, httpx.Mounted(c, cookiePath), httpx.Secure(c, s.trusted))
	return httpx.NoContent(c, httpx.Just{})
}

func encodeOrganization(c *fiber.Ctx, e directory.OrganizationDocument) error {
	return sendOrganization(c, fiber.StatusOK, &e)
}

func encodeCreatedOrganization(c *fiber.Ctx, e directory.OrganizationDocument) error {
	return sendOrganization(c, fiber.StatusCreated, &e)
}

func sendOrganization(c *fiber.Ctx, status int, e *directory.OrganizationDocument) error {
	var w httpx.Writer
	organizationWriter(c)(&w, e)
	return send(c, status, &w)
}

func encodeOrganizations(c *fiber.Ctx, list directory.Listed[directory.OrganizationDocument]) error {
	return httpx.Stream(c, list.Items,
		func(w *httpx.Writer) { w.Open("", '[') },
		organizationWriter(c),
		func(w *httpx.Writer) { w.Close(']') })
}

// organizationWriter returns what writes organizations into the answer to a request.
func organizationWriter(c *fiber.Ctx) func(*httpx.Writer, *directory.OrganizationDocument) {
	base := httpx.Mounted(c, Bases[0])
	return func(w *httpx.Writer, e *directory.OrganizationDocument) { writeOrganization(w, base, e) }
}

// writeOrganization writes an organization with its properties behind.
func writeOrganization(w *httpx.Writer, base string, e *directory.OrganizationDocument) {
	w.Open("", '{')
	w.Text("id", string(e.UUID))
	w.Text("name", e.Alias)
	w.TextOrNull("description", e.Attributes[domain.AttributeDescription])
	w.TextOrNull("email", e.Attributes[domain.AttributeMail])
	writeImage(w, base+"/organizations/", e.UUID, e.Picture)
	w.Flag("restricted", e.Attributes[attributeRestricted] != "")
	w.TextOrNull("virtualHost", e.Attributes[attributeHost])
	w.TextOrNull("phone", e.Attributes[domain.AttributePhone])
	w.Flag("enabled", e.Active)
	w.Flag("development", e.Attributes[attributeDevelopment] != "")
	w.Null("dn")
	w.Number("createdOn", createdOn(&e.Environment))
	w.Null("startTrialDate")
	w.Null("endTrialDate")
	w.Null("trialDuration")
	w.Flag("isTrial", false)
	for _, p := range e.Properties {
		w.Text(p.Key, p.Value)
	}
	w.Close('}')
}

// writeImage writes the address of a picture, which is an image below the thing it belongs to.
func writeImage(w *httpx.Writer, base string, id domain.UUID, p domain.Picture) {
	if p.Tag == "" {
		w.Null("image")
		return
	}
	w.Text("image", base+string(id)+"/image/")
}

// encodeAPIs answers with APIs of an organization as those that it has access to.
func encodeAPIs(c *fiber.Ctx, list directory.Listed[objects.ObjectDocument]) error {
	return httpx.Stream(c, list.Items,
		func(w *httpx.Writer) { w.Open("", '[') },
		func(w *httpx.Writer, o *objects.ObjectDocument) {
			w.Open("", '{')
			w.Text("id", string(o.UUID))
			w.Text("apiId", string(o.UUID))
			w.TextOrNull("createdBy", o.OwnerAlias)
			w.Number("createdOn", o.Created.UnixMilli())
			w.Text("state", "approved")
			w.Flag("enabled", true)
			w.Close('}')
		},
		func(w *httpx.Writer) { w.Close(']') })
}

// createdOn returns when an organization was made; of one that was imported its id may tell.
func createdOn(e *domain.Environment) int64 {
	if ms, err := strconv.ParseInt(e.Attributes[domain.AttributeCreated], 10, 64); err == nil {
		return ms
	}
	return e.UUID.Time()
}

// encodeConfig answers with what clients look at of the configuration.
func (s *Surface) encodeConfig(c *fiber.Ctx, _ httpx.Just) error {
	var w httpx.Writer
	w.Open("", '{')
	w.Flag("registrationEnabled", s.config.Registration)
	w.Flag("resetPasswordEnabled", true)
	w.Number("minimumPasswordLength", int64(s.config.MinPasswordLength))
	w.Flag("autoApproveUserRegistration", s.config.AutoApprove)
	w.Flag("delegateUserAdministration", true)
	w.Text("loginNameRegex", "[^:/]{1,100}")
	w.Number("sessionIdleTimeout", s.config.SessionIdle.Milliseconds())
	w.Text("productVersion", product)
	w.Close('}')
	return send(c, fiber.StatusOK, &w)
}

func encodeSystem(c *fiber.Ctx, _ httpx.Just) error {
	var w httpx.Writer
	w.Open("", '{')
	w.Open("disabledApis", '[')
	w.Close(']')
	w.Close('}')
	return send(c, fiber.StatusOK, &w)
}

// setCSRF gives the client the CSRF token of its session, in a header with exactly the letters of
// the original's: there are clients that look for these.
func setCSRF(c *fiber.Ctx, token string) {
	h := &c.Response().Header
	h.DisableNormalizing()
	h.Set(CSRFHeader, token)
	h.EnableNormalizing()
}
