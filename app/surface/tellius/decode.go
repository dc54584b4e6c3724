package tellius

import (
	"bytes"
	"encoding/json"

	"github.com/gofiber/fiber/v2"

	"canopy/app/httpx"
	"canopy/app/usecase"
	"canopy/domain"
)

// texts reads the members with these keys, in this order, into fields.
func texts(o httpx.Object, keys []string, fields ...**string) (err error) {
	for i, key := range keys {
		if *fields[i], err = httpx.Value[string](o, key); err != nil {
			return err
		}
	}
	return nil
}

func (s *Surface) decodeSignIn(c *fiber.Ctx) (usecase.SignIn, error) {
	o, err := httpx.BodyOf(c, "username", "password")
	if err != nil {
		return usecase.SignIn{}, err
	}
	in, err := s.signIn(c, o)
	in.Kind = domain.RefreshSession
	return in, err
}

// decodeNewerSignIn reads what the newer page of the document sends.
func (s *Surface) decodeNewerSignIn(c *fiber.Ctx) (usecase.SignIn, error) {
	o, err := httpx.BodyOf(c, "username", "password", "session")
	if err != nil {
		return usecase.SignIn{}, err
	}
	cookie, err := httpx.Value[bool](o, "session")
	if err != nil {
		return usecase.SignIn{}, err
	}
	if cookie != nil && *cookie {
		return usecase.SignIn{}, domain.InvalidField("session", "There are no cookies here; send the token with each request.")
	}
	return s.signIn(c, o)
}

func (s *Surface) signIn(c *fiber.Ctx, o httpx.Object) (usecase.SignIn, error) {
	in := usecase.SignIn{Address: httpx.Address(c, s.trusted), Client: httpx.Header(c, fiber.HeaderUserAgent)}
	if err := o.Require("username", "password"); err != nil {
		return in, err
	}
	login, err := httpx.Value[string](o, "username")
	if err != nil {
		return in, err
	}
	password, err := httpx.Value[string](o, "password")
	if err != nil {
		return in, err
	}
	in.Login, in.Password = *login, *password
	return in, nil
}

func (s *Surface) decodeRefresh(c *fiber.Ctx) (usecase.Refresh, error) {
	in := usecase.Refresh{Address: httpx.Address(c, s.trusted), Client: httpx.Header(c, fiber.HeaderUserAgent)}
	o, err := httpx.BodyOf(c, "refreshToken")
	if err != nil {
		return in, err
	}
	if err := o.Require("refreshToken"); err != nil {
		return in, err
	}
	token, err := httpx.Value[string](o, "refreshToken")
	if err != nil {
		return in, err
	}
	in.Token = *token
	return in, nil
}

// decodeNothing is for lists without filters.
func decodeNothing(c *fiber.Ctx) (httpx.Just, error) { return httpx.Just{}, httpx.RefuseUnknown(c) }

func decodeList(c *fiber.Ctx) (in usecase.ListUsers, err error) {
	if err := httpx.RefuseUnknown(c, "limit", "after"); err != nil {
		return in, err
	}
	in.Page, err = httpx.QueryPage(c)
	return in, err
}

func decodeUserID(c *fiber.Ctx) (domain.UUID, error) {
	id, err := domain.ParseUUID(httpx.Param(c, "userId"))
	if err != nil {
		return "", domain.ErrUserNotFound
	}
	return id, nil
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
func decodeUser(o httpx.Object) (in usecase.UserPatch, err error) {
	err = texts(o, []string{"username", "firstName", "lastName", "password", "email"},
		&in.Alias, &in.FirstName, &in.LastName, &in.Password, &in.Mail)
	if err != nil {
		return in, err
	}
	in.Attributes = make(domain.Attributes, 2)
	word, err := httpx.Value[string](o, "role")
	if err != nil {
		return in, err
	}
	if word != nil {
		role, title, err := parseRole(*word)
		if err != nil {
			return in, err
		}
		in.Role, in.Attributes[attributeRole] = &role, title
		in.Memberships = &usecase.Memberships{}
		if role >= domain.RoleOAdmin {
			yes := true
			in.Memberships.Default = &yes
		}
	}
	if o.Has("config") {
		in.Attributes[attributeConfig], err = decodeConfig(o)
	}
	return in, err
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
func groups(o httpx.Object, key string) (*[]domain.GroupRef, error) {
	list, err := httpx.Value[[]string](o, key)
	if err != nil || list == nil {
		return nil, err
	}
	refs := make([]domain.GroupRef, len(*list))
	for i, text := range *list {
		id, err := domain.ParseUUID(text)
		if err != nil {
			return nil, domain.ErrGroupNotFound.On(key)
		}
		refs[i] = domain.GroupRef(id)
	}
	return &refs, nil
}

func decodeNewUser(c *fiber.Ctx) (usecase.UserPatch, error) {
	o, err := httpx.BodyOf(c, append([]string{"groupsIds", "assignDefaultGroup"}, userKeys...)...)
	if err != nil {
		return usecase.UserPatch{}, err
	}
	if err := o.Require("username", "password"); err != nil {
		return usecase.UserPatch{}, err
	}
	in, err := decodeUser(o)
	if err != nil {
		return in, err
	}
	if in.Memberships == nil {
		in.Memberships = &usecase.Memberships{}
	}
	if in.Memberships.Named, err = groups(o, "groupsIds"); err != nil {
		return in, err
	}
	standard, err := httpx.Value[bool](o, "assignDefaultGroup")
	if err != nil {
		return in, err
	}
	if in.Memberships.Default == nil {
		in.Memberships.Default = new(bool)
		if standard != nil {
			in.Memberships.Default = standard
		}
	}
	return in, nil
}

func decodeUserChange(c *fiber.Ctx) (in httpx.Numbered[domain.UUID, usecase.UserPatch], err error) {
	if in.ID, err = decodeUserID(c); err != nil {
		return in, err
	}
	o, err := httpx.BodyOf(c, append([]string{"groups"}, userKeys...)...)
	if err != nil {
		return in, err
	}
	if in.In, err = decodeUser(o); err != nil {
		return in, err
	}
	named, err := groups(o, "groups")
	if err != nil || named == nil {
		return in, err
	}
	if in.In.Memberships == nil {
		in.In.Memberships = &usecase.Memberships{}
	}
	in.In.Memberships.Named = named
	return in, nil
}

func decodeGroup(c *fiber.Ctx) (o httpx.Object, in usecase.GroupPatch, err error) {
	if o, err = httpx.BodyOf(c, "name", "role"); err != nil {
		return nil, in, err
	}
	if in.Alias, err = httpx.Value[string](o, "name"); err != nil {
		return nil, in, err
	}
	word, err := httpx.Value[string](o, "role")
	if err != nil || word == nil {
		return o, in, err
	}
	role, title, err := parseRole(*word)
	in.Role, in.RoleTitle = &role, &title
	return o, in, err
}

func decodeNewGroup(c *fiber.Ctx) (usecase.GroupPatch, error) {
	o, in, err := decodeGroup(c)
	if err != nil {
		return in, err
	}
	return in, o.Require("name")
}

func decodeGroupChange(c *fiber.Ctx) (in httpx.Numbered[domain.UUID, usecase.GroupPatch], err error) {
	if in.ID, err = decodeGroupID(c); err != nil {
		return in, err
	}
	_, in.In, err = decodeGroup(c)
	return in, err
}

func decodeMembers(c *fiber.Ctx) (in usecase.GroupMembers, err error) {
	if in.Group, err = decodeGroupID(c); err != nil {
		return in, err
	}
	o, err := httpx.BodyOf(c, "users")
	if err != nil {
		return in, err
	}
	if err := o.Require("users"); err != nil {
		return in, err
	}
	list, err := httpx.Value[[]string](o, "users")
	if err != nil {
		return in, err
	}
	for _, text := range *list {
		id, err := domain.ParseUUID(text)
		if err != nil {
			return in, domain.ErrUserNotFound.On("users")
		}
		in.Users = append(in.Users, id)
	}
	return in, nil
}

func decodeHandOver(c *fiber.Ctx) (in usecase.HandOverAll, err error) {
	o, err := httpx.BodyOf(c, "previousOwnerId", "newOwnerId")
	if err != nil {
		return in, err
	}
	if err := o.Require("previousOwnerId", "newOwnerId"); err != nil {
		return in, err
	}
	if in.From, err = owner(o, "previousOwnerId"); err != nil {
		return in, err
	}
	in.To, err = owner(o, "newOwnerId")
	return in, err
}

func owner(o httpx.Object, key string) (ref domain.UserRef, err error) {
	id, err := httpx.Value[string](o, key)
	if err != nil {
		return ref, err
	}
	if ref.UUID, err = domain.ParseUUID(*id); err != nil {
		return ref, domain.ErrUserNotFound.On(key)
	}
	return ref, nil
}
