package tellius

import (
	"bytes"
	"encoding/json"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/app/objects"
	"canopy/domain"
)

func (s *Surface) decodeSignIn(c *fiber.Ctx) (accounts.SignIn, error) {
	f := httpx.BodyOf(c, "username", "password")
	in := s.signIn(c, f)
	in.Kind = domain.RefreshSession
	return in, f.Err
}

// decodeNewerSignIn reads what the newer page of the document sends.
func (s *Surface) decodeNewerSignIn(c *fiber.Ctx) (accounts.SignIn, error) {
	f := httpx.BodyOf(c, "username", "password", "session")
	if httpx.Given[bool](f, "session") {
		f.Fail(domain.InvalidField("session", "There are no cookies here; send the token with each request."))
	}
	return s.signIn(c, f), f.Err
}

func (s *Surface) signIn(c *fiber.Ctx, f *httpx.Members) accounts.SignIn {
	f.Require("username", "password")
	return accounts.SignIn{Login: httpx.Given[string](f, "username"), Password: httpx.Given[string](f, "password"),
		Address: httpx.Address(c, s.trusted), Client: httpx.Header(c, fiber.HeaderUserAgent)}
}

func (s *Surface) decodeRefresh(c *fiber.Ctx) (accounts.Refresh, error) {
	f := httpx.BodyOf(c, "refreshToken")
	f.Require("refreshToken")
	return accounts.Refresh{Token: httpx.Given[string](f, "refreshToken"),
		Address: httpx.Address(c, s.trusted), Client: httpx.Header(c, fiber.HeaderUserAgent)}, f.Err
}

// decodeGroups asks for all groups.
func decodeGroups(c *fiber.Ctx) (in directory.PageOfGroups, err error) {
	return in, httpx.RefuseUnknown(c)
}

func decodeList(c *fiber.Ctx) (in directory.ListUsers, err error) {
	if err := httpx.RefuseUnknown(c, "limit", "after"); err != nil {
		return in, err
	}
	in.Page, err = httpx.QueryPage(c)
	return in, err
}

func userOf(c *fiber.Ctx) domain.UserRef { return domain.ParseUserRef(httpx.Param(c, "userId")) }

func decodeDeleteUser(c *fiber.Ctx) (directory.DeleteUser, error) {
	return directory.DeleteUser{User: userOf(c)}, nil
}

func decodeGetUser(c *fiber.Ctx) (directory.GetUser, error) {
	return directory.GetUser{User: userOf(c), Whole: true}, nil
}

func decodeGroupID(c *fiber.Ctx) (domain.UUID, error) {
	id, err := domain.ParseUUID(httpx.Param(c, "groupId"))
	if err != nil {
		return "", domain.ErrGroupNotFound
	}
	return id, nil
}

var userKeys = []string{"username", "firstName", "lastName", "password", "email", "role", "config"}

// decodeUser reads what a creation and a change have in common.
func decodeUser(f *httpx.Members) (in directory.UserPatch) {
	in.Alias = httpx.Member[string](f, "username")
	in.FirstName, in.LastName = httpx.Member[string](f, "firstName"), httpx.Member[string](f, "lastName")
	in.Password, in.Mail = httpx.Member[string](f, "password"), httpx.Member[string](f, "email")
	in.Attributes = make(domain.Attributes, 2)
	if given := httpx.Parsed(f, "role", parseRole); given != nil {
		in.Role, in.Attributes[attributeRole] = &given.role, given.title
		in.Memberships = &directory.Memberships{}
		if given.role >= domain.RoleOAdmin {
			yes := true
			in.Memberships.Default = &yes
		}
	}
	if f.Has("config") {
		config, err := decodeConfig(f.Object)
		f.Fail(err)
		in.Attributes[attributeConfig] = config
	}
	return in
}

// decodeConfig returns the object as it came, without the white space between its tokens,
// and nothing for an empty one.
func decodeConfig(o httpx.Object) (string, error) {
	if _, err := o.Object("config"); err != nil {
		return "", err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, o["config"]); err != nil {
		return "", err
	}
	if compact.String() == "{}" {
		return "", nil
	}
	return compact.String(), nil
}

// groups returns a list of ids of groups; nil if there is none.
func groups(f *httpx.Members, key string) *[]domain.GroupRef {
	list := httpx.Member[[]string](f, key)
	if list == nil {
		return nil
	}
	refs := make([]domain.GroupRef, len(*list))
	for i, text := range *list {
		id, err := domain.ParseUUID(text)
		if err != nil {
			f.Fail(domain.ErrGroupNotFound.On(key))
		}
		refs[i] = domain.GroupRef(id)
	}
	return &refs
}

func decodeNewUser(c *fiber.Ctx) (directory.UserPatch, error) {
	f := httpx.BodyOf(c, append([]string{"groupsIds", "assignDefaultGroup"}, userKeys...)...)
	f.Require("username", "password")
	in := decodeUser(f)
	if in.Memberships == nil {
		in.Memberships = &directory.Memberships{}
	}
	in.Memberships.Named = groups(f, "groupsIds")
	standard := httpx.Given[bool](f, "assignDefaultGroup")
	if in.Memberships.Default == nil {
		in.Memberships.Default = &standard
	}
	in.Whole = true
	return in, f.Err
}

func decodeUserChange(c *fiber.Ctx) (directory.UpdateUser, error) {
	f := httpx.BodyOf(c, append([]string{"groups"}, userKeys...)...)
	in := directory.UpdateUser{User: userOf(c), UserPatch: decodeUser(f)}
	in.Whole = true
	if named := groups(f, "groups"); named != nil {
		if in.Memberships == nil {
			in.Memberships = &directory.Memberships{}
		}
		in.Memberships.Named = named
	}
	return in, f.Err
}

func decodeGroup(c *fiber.Ctx) (f *httpx.Members, in directory.GroupPatch) {
	f = httpx.BodyOf(c, "name", "role")
	in.Alias = httpx.Member[string](f, "name")
	if given := httpx.Parsed(f, "role", parseRole); given != nil {
		in.Role, in.RoleTitle = &given.role, &given.title
	}
	return f, in
}

func decodeNewGroup(c *fiber.Ctx) (directory.GroupPatch, error) {
	f, in := decodeGroup(c)
	f.Require("name")
	return in, f.Err
}

func decodeGroupRef(c *fiber.Ctx) (domain.GroupRef, error) {
	id, err := decodeGroupID(c)
	return domain.GroupRef(id), err
}

func decodeDeleteGroup(c *fiber.Ctx) (in directory.DeleteGroup, err error) {
	in.Group, err = decodeGroupRef(c)
	return in, err
}

func decodeGroupChange(c *fiber.Ctx) (in directory.UpdateGroup, err error) {
	if in.Group, err = decodeGroupRef(c); err != nil {
		return in, err
	}
	f, patch := decodeGroup(c)
	in.GroupPatch = patch
	return in, f.Err
}

func decodeMembers(c *fiber.Ctx) (in directory.GroupMembers, err error) {
	group, err := decodeGroupID(c)
	if err != nil {
		return in, err
	}
	in.Group = domain.GroupRef(group)
	f := httpx.BodyOf(c, "users")
	f.Require("users")
	for _, text := range httpx.Given[[]string](f, "users") {
		in.Users = append(in.Users, domain.ParseUserRef(text))
	}
	return in, f.Err
}

func decodeHandOver(c *fiber.Ctx) (objects.HandOverAll, error) {
	f := httpx.BodyOf(c, "previousOwnerId", "newOwnerId")
	f.Require("previousOwnerId", "newOwnerId")
	return objects.HandOverAll{From: userRef(f, "previousOwnerId"), To: userRef(f, "newOwnerId")}, f.Err
}

func userRef(f *httpx.Members, key string) domain.UserRef {
	return domain.ParseUserRef(httpx.Given[string](f, key))
}
