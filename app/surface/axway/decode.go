package axway

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/app/objects"
	"canopy/domain"
)

// UserKeys are the keys of a user in the order of the document. Properties have others.
var UserKeys = []string{"id", "organizationId", "name", "description", "loginName", "email", "phone", "mobile", "role",
	"image", "enabled", "createdOn", "state", "type", "authAttrs", "surname", "dn"}

// ignoredKeys are keys that later versions of API Manager send back with what was read. As id,
// createdOn, type, authAttrs and dn of users, and the trial of organizations, they are the server's to
// say: whatever they hold changes nothing.
var ignoredKeys = []string{"orgs2Role", "orgs2Name", "lastSeen"}

// decodeUser reads a user.
func (s *Surface) decodeUser(c *fiber.Ctx) (f *httpx.Members, in directory.UserPatch) {
	in = directory.UserPatch{Memberships: &directory.Memberships{}, Properties: map[string]string{}}
	f = httpx.BodyOf(c, slices.Concat(UserKeys, ignoredKeys, s.config.Properties.Users.Keys())...)
	in.Tenant = httpx.Parsed(f, "organizationId", domain.ParseUUID)
	name, surname := httpx.Member[string](f, "name"), httpx.Member[string](f, "surname")
	in.Alias, in.Mail, in.Phone = httpx.Member[string](f, "loginName"), httpx.Member[string](f, "email"),
		httpx.Member[string](f, "phone")
	in.Attributes = make(domain.Attributes)
	for _, name := range []string{domain.AttributeDescription, domain.AttributeMobile} {
		if text := httpx.Member[string](f, name); text != nil {
			in.Attributes[name] = *text
		}
	}
	roles := httpx.Parsed(f, "role", wireRoles.parse)
	in.Active = httpx.Member[bool](f, "enabled")
	states := httpx.Parsed(f, "state", wireStates.parse)
	in.Picture = image(f)
	readProperties(f, s.config.Properties.Users, in.Properties)
	if name == nil {
		in.LastName = surname
	}
	in.Revise = func(u *domain.User) error {
		if name != nil {
			u.Person.Rename(*name, orEmpty(surname))
		}
		become(&u.Role, roles)
		become(&u.State, states)
		return nil
	}
	return f, in
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// become leaves a value as it is if it is one that was meant, else makes it the first of those.
func become[T comparable](value *T, means *[]T) {
	if means != nil && !slices.Contains(*means, *value) {
		*value = (*means)[0]
	}
}

// readProperties puts the properties that an object has into values.
func readProperties(f *httpx.Members, declared domain.Properties, values map[string]string) {
	for _, key := range declared.Keys() {
		if text := propertyIf(f, key); text != nil {
			values[key] = *text
		}
	}
}

// propertyIf returns a property: text, or a flag or number as its text.
func propertyIf(f *httpx.Members, key string) *string {
	if !f.Has(key) {
		return nil
	}
	raw := strings.Trim(string(f.Object[key]), " ")
	if raw[0] == '"' || raw[0] == '{' || raw[0] == '[' {
		return httpx.Member[string](f, key)
	}
	return &raw
}

// image returns an image that comes as a data URI, and no byte for the empty text. Any other text
// is the address of an image, such as answers have, and changes nothing.
func image(f *httpx.Members) *[]byte {
	text := httpx.Member[string](f, "image")
	switch {
	case text == nil || f.Err != nil:
		return nil
	case *text == "":
		return &[]byte{}
	case !strings.HasPrefix(*text, "data:"):
		return nil
	}
	head, data, _ := strings.Cut(*text, ",")
	kind, encoded := strings.CutSuffix(head, ";base64")
	if !encoded || kind != "data:image/jpeg" && kind != "data:image/jpg" && kind != "data:image/png" {
		f.Err = domain.InvalidField("image", "Give a JPEG or PNG image as data URI in base64.")
		return nil
	}
	decoded, err := base64.StdEncoding.DecodeString(data)
	if err != nil || len(decoded) == 0 {
		f.Err = domain.InvalidField("image", "Give this in base64.")
	}
	return &decoded
}

func (s *Surface) decodeNewUser(c *fiber.Ctx) (directory.UserPatch, error) {
	f, in := s.decodeUser(c)
	f.Require("organizationId", "name", "email")
	if f.Err != nil {
		return in, f.Err
	}
	if *in.Mail == "" {
		return in, domain.InvalidField("email", "A value is required.")
	}
	if in.Alias == nil {
		local := (*in.Mail)[:max(strings.LastIndexByte(*in.Mail, '@'), 0)]
		in.Alias = &local
	}
	if in.Active == nil {
		in.Active = new(bool)
	}
	in.Whole = true
	return in, nil
}

func (s *Surface) decodeUserChange(c *fiber.Ctx) (directory.UpdateUser, error) {
	return s.userChange(c, userOf(c))
}

func (s *Surface) decodeOwnChange(c *fiber.Ctx) (directory.UpdateUser, error) {
	return s.userChange(c, oneself(c))
}

func (s *Surface) userChange(c *fiber.Ctx, user domain.UserRef) (directory.UpdateUser, error) {
	f, in := s.decodeUser(c)
	in.Whole = true
	id, revise := httpx.Parsed(f, "id", domain.ParseUUID), in.Revise
	in.Revise = func(u *domain.User) error {
		switch {
		case u.Person.Mail != "" && in.Mail != nil && *in.Mail == "":
			return domain.InvalidField("email", "A value is required.")
		case id != nil && *id != u.UUID:
			return domain.InvalidField("id", "This must be the id of the user, or be left out.")
		}
		return revise(u)
	}
	return directory.UpdateUser{User: user, UserPatch: in}, f.Err
}

// userOf names the user of the address, oneself whoever asks.
func userOf(c *fiber.Ctx) domain.UserRef { return domain.ParseUserRef(httpx.Param(c, "id")) }

func oneself(c *fiber.Ctx) domain.UserRef {
	caller, _ := httpx.PrincipalOf(c)
	return caller.Ref()
}

func decodeUserRef(c *fiber.Ctx) (domain.UserRef, error) { return userOf(c), nil }

func decodeDeleteUser(c *fiber.Ctx) (directory.DeleteUser, error) {
	return directory.DeleteUser{User: userOf(c)}, nil
}

func decodeGetUser(c *fiber.Ctx) (directory.GetUser, error) {
	return directory.GetUser{User: userOf(c), Whole: true}, nil
}

func decodeGetSelf(c *fiber.Ctx) (directory.GetUser, error) {
	return directory.GetUser{User: oneself(c), Whole: true}, nil
}

func decodeUserList(c *fiber.Ctx) (directory.ListUsers, error) {
	conditions, err := parseFilter(httpx.QueryPairs(c), userFields)
	return directory.ListUsers{Everywhere: true, Whole: true, Filter: domain.UserFilter{Conditions: conditions}}, err
}

func decodePassword(c *fiber.Ctx) (directory.UpdateUser, error) {
	in := directory.UpdateUser{User: userOf(c)}
	form, err := httpx.ReadForm(c, "newPassword")
	if err != nil {
		return in, err
	}
	password := form["newPassword"]
	in.Password = &password
	return in, form.Require("newPassword")
}

func (s *Surface) decodeOwnPassword(c *fiber.Ctx) (directory.ChangePassword, error) {
	form, err := httpx.ReadForm(c, "oldPassword", "newPassword")
	if err != nil {
		return directory.ChangePassword{}, err
	}
	return directory.ChangePassword{Old: form["oldPassword"], New: form["newPassword"],
			Address: httpx.Address(c, s.trusted)},
		form.Require("oldPassword", "newPassword")
}

func decodePicture(c *fiber.Ctx) (in directory.UpdateUser, err error) {
	in.User = userOf(c)
	in.Picture, err = imageFile(c)
	return in, err
}

func decodeOrganizationPicture(c *fiber.Ctx) (in directory.UpdateOrganization, err error) {
	if in.Organization, err = decodeOrganizationRef(c); err != nil {
		return in, err
	}
	in.Image, err = imageFile(c)
	return in, err
}

// imageFile returns the image that a form uploads.
func imageFile(c *fiber.Ctx) (*[]byte, error) {
	if err := httpx.RefuseUnknown(c, "type"); err != nil {
		return nil, err
	}
	if httpx.Query(c, "type") != "" {
		return nil, domain.InvalidField("type", "Leave this out.")
	}
	file, err := httpx.ReadFile(c, "file")
	if err == nil && len(file) == 0 {
		err = domain.ErrPictureBroken.On("file")
	}
	return &file, err
}

// decodeLogin reads a sign-in, and where to send the browser behind it.
func (s *Surface) decodeLogin(c *fiber.Ctx) (accounts.SignIn, error) {
	form, err := httpx.ReadForm(c, "username", "password", "success", "failure")
	if err != nil {
		return accounts.SignIn{}, err
	}
	if err := s.keepRedirects(c, form); err != nil {
		return accounts.SignIn{}, err
	}
	return accounts.SignIn{Login: form["username"], Password: form["password"], Kind: domain.CookieSession,
			Address: httpx.Address(c, s.trusted), Client: httpx.Header(c, fiber.HeaderUserAgent)},
		form.Require("username", "password")
}

// organizationKeys are the keys of an organization, in the order in which answers have them.
var organizationKeys = []string{"id", "name", "description", "email", "image", "restricted", "virtualHost", "phone",
	"enabled",
	"development", "dn", "createdOn", "startTrialDate", "endTrialDate", "trialDuration", "isTrial"}

// Attributes of organizations that only these clients know.
const (
	attributeHost        = "axway.virtualHost"
	attributeRestricted  = "axway.restricted"
	attributeDevelopment = "axway.development"
)

func (s *Surface) decodeOrganizationPatch(c *fiber.Ctx) (f *httpx.Members, in directory.OrganizationPatch) {
	in = directory.OrganizationPatch{Properties: map[string]string{}}
	f = httpx.BodyOf(c, slices.Concat(organizationKeys, ignoredKeys, s.config.Properties.Organizations.Keys())...)
	in.Alias, in.Active = httpx.Member[string](f, "name"), httpx.Member[bool](f, "enabled")
	in.Attributes = make(domain.Attributes)
	for key, name := range map[string]string{"description": domain.AttributeDescription, "email": domain.AttributeMail,
		"phone": domain.AttributePhone, "virtualHost": attributeHost} {
		if text := httpx.Member[string](f, key); text != nil {
			in.Attributes[name] = *text
		}
	}
	for key, name := range map[string]string{"restricted": attributeRestricted, "development": attributeDevelopment} {
		if yes := httpx.Member[bool](f, key); yes != nil {
			in.Attributes[name] = map[bool]string{true: "true"}[*yes]
		}
	}
	in.Image = image(f)
	readProperties(f, s.config.Properties.Organizations, in.Properties)
	return f, in
}

func (s *Surface) decodeNewOrganization(c *fiber.Ctx) (directory.OrganizationPatch, error) {
	f, in := s.decodeOrganizationPatch(c)
	f.Require("name")
	return in, f.Err
}

func decodeOrganizationRef(c *fiber.Ctx) (domain.EnvironmentRef, error) {
	ref := domain.EnvironmentRef(httpx.Param(c, "id"))
	if ref == "" {
		return "", domain.ErrEnvironmentNotFound
	}
	return ref, nil
}

func (s *Surface) decodeOrganizationChange(c *fiber.Ctx) (in directory.UpdateOrganization, err error) {
	if in.Organization, err = decodeOrganizationRef(c); err != nil {
		return in, err
	}
	f, patch := s.decodeOrganizationPatch(c)
	in.OrganizationPatch = patch
	if id := httpx.Parsed(f, "id", domain.ParseUUID); id != nil {
		in.Revise = func(e *domain.Environment) error {
			if *id != e.UUID {
				return domain.InvalidField("id", "This must be the organization in the address, or be left out.")
			}
			return nil
		}
	}
	return in, f.Err
}

func decodeOrganizationEnd(c *fiber.Ctx) (in directory.DeleteOrganization, err error) {
	if in.Organization, err = decodeOrganizationRef(c); err != nil {
		return in, err
	}
	in.Confirm = httpx.Query(c, "confirm")
	return in, httpx.RefuseUnknown(c, "confirm")
}

func decodeOrganizationList(c *fiber.Ctx) (domain.OrganizationFilter, error) {
	conditions, err := parseFilter(httpx.QueryPairs(c), organizationFields)
	return domain.OrganizationFilter{Conditions: conditions}, err
}

// decodeAPIs asks for the APIs of an organization.
func decodeAPIs(c *fiber.Ctx) (objects.ListObjects, error) {
	ref, err := decodeOrganizationRef(c)
	if err == nil {
		err = httpx.RefuseUnknown(c)
	}
	return objects.ListObjects{Environment: ref, Within: true,
		Filter: domain.ObjectFilter{Kinds: []domain.ObjectKind{domain.KindAPI}}}, err
}
