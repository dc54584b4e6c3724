package rest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/domain"
)

// decodeSignIn reads user, password, code and env from the body, or, as an older revision of the
// original had it, from the headers login, password and env.
func (s *Surface) decodeSignIn(c *fiber.Ctx) (accounts.SignInByCode, error) {
	in := accounts.SignInByCode{SignIn: accounts.SignIn{
		Login: httpx.Header(c, "login"), Password: httpx.Header(c, "password"),
		Environment: domain.EnvironmentRef(httpx.Header(c, "env")), Address: httpx.Address(c, s.trusted),
		Client: httpx.Header(c, fiber.HeaderUserAgent),
	}}
	if in.Login != "" && c.Request().Header.ContentLength() <= 0 {
		return in, nil
	}
	f := body(c, "user", "password", "code", "env", "audience")
	if f.Has("audience") && json.Unmarshal(f.Object["audience"], &in.Audience) != nil {
		f.fail("audience", "a list of surfaces")
	}
	in.Login, in.Password = f.text("user", in.Login), f.text("password", in.Password)
	in.Code = f.text("code", "")
	in.Environment = domain.EnvironmentRef(f.text("env", string(in.Environment)))
	return in, f.Err
}

func (s *Surface) decodePasswordChange(c *fiber.Ctx) (directory.ChangePassword, error) {
	f := body(c, "oldPassword", "newPassword")
	f.Require("oldPassword", "newPassword")
	in := directory.ChangePassword{Old: f.text("oldPassword", ""), New: f.text("newPassword", ""),
		Address: httpx.Address(c, s.trusted)}
	return in, f.Err
}

func decodeUserList(c *fiber.Ctx) (directory.ListUsers, error) {
	in := directory.ListUsers{
		Environment: domain.EnvironmentRef(httpx.Query(c, "env")),
		Group:       domain.GroupRef(httpx.Query(c, "group")),
	}
	if err := httpx.RefuseUnknown(c, append(slices.Clip(userParameters), paramDryRun)...); err != nil {
		return in, err
	}
	var err error
	if in.Filter, err = decodeUserFilter(c); err != nil {
		return in, err
	}
	if in.Page, err = httpx.QueryPage(c); err != nil {
		return in, err
	}
	if in.Filter.Order, err = domain.ParseUserOrder(httpx.Query(c, "sort")); err != nil {
		return in, err
	}
	children, err := httpx.QueryFlag(c, "children")
	if err != nil {
		return in, err
	}
	in.Alone = children != nil && !*children
	if in.OldKeys, err = queryTrue(c, "oldKeys"); err != nil {
		return in, err
	}
	if in.Usable, err = queryTrue(c, "usable"); err != nil {
		return in, err
	}
	if in.Homes, err = asTable(c); err != nil {
		return in, err
	}
	in.Total, err = queryTrue(c, "total")
	return in, err
}

// userParameters are those of a list of users.
var userParameters = []string{"limit", "after", "env", "children", "group", "sort", "total", "format", "q", "role",
	"active", "state", "connected", "notConnectedSince", "connectedSince", "mail", "blockedAnywhere", "blockedHome",
	"allowedOutside", "factor", "weakerThan", "programs", "oldKeys", "actsAs", "usable", "linked", "except",
	"emergency"}

func decodeUserFilter(c *fiber.Ctx) (f domain.UserFilter, err error) {
	f.Prefix = httpx.Query(c, "q")
	if part, inside := strings.CutPrefix(f.Prefix, "~"); inside {
		f.Prefix, f.Part = "", part
	}
	if role := httpx.Query(c, "role"); role != "" {
		if f.Role, err = domain.ParseRole(role); err != nil {
			return f, err
		}
	}
	if text := httpx.Query(c, "state"); text != "" {
		state, err := domain.ParseUserState(text)
		if err != nil {
			return f, err
		}
		f.State = &state
	}
	if f.Active, err = httpx.QueryFlag(c, "active"); err != nil {
		return f, err
	}
	if f.Connected, err = httpx.QueryFlag(c, "connected"); err != nil {
		return f, err
	}
	if f.Blocked, err = httpx.QueryFlag(c, "blockedAnywhere"); err != nil {
		return f, err
	}
	if f.BlockedHome, err = httpx.QueryFlag(c, "blockedHome"); err != nil {
		return f, err
	}
	if f.AllowedOutside, err = httpx.QueryFlag(c, "allowedOutside"); err != nil {
		return f, err
	}
	if f.Programs, err = httpx.QueryFlag(c, "programs"); err != nil {
		return f, err
	}
	if f.Linked, err = httpx.QueryFlag(c, "linked"); err != nil {
		return f, err
	}
	if f.Except, err = domain.ParseBreakGlass("except", httpx.Query(c, "except")); err != nil {
		return f, err
	}
	if role := httpx.Query(c, "actsAs"); role != "" {
		if f.ActsAs, err = domain.ParseRole(role); err != nil {
			return f, domain.AsError(err).On("actsAs")
		}
	}
	if f.Emergency, err = httpx.QueryFlag(c, "emergency"); err != nil {
		return f, err
	}
	if text := httpx.Query(c, "factor"); text != "" {
		strongest, err := domain.ParseProof("factor", text)
		if err != nil {
			return f, err
		}
		f.Strongest = &strongest
	}
	if text := httpx.Query(c, "weakerThan"); text != "" {
		if f.Weaker, err = domain.ParseProof("weakerThan", text); err != nil {
			return f, err
		}
	}
	f.Mail = httpx.Query(c, "mail")
	if f.ConnectedSince, err = queryDay(c, "connectedSince"); err != nil {
		return f, err
	}
	f.NotConnectedSince, err = queryDay(c, "notConnectedSince")
	return f, err
}

// queryDay reads a day, which begins at midnight in UTC, or a time as queryTime does.
func queryDay(c *fiber.Ctx, name string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, httpx.Query(c, name)); err == nil {
		return day, nil
	}
	t, err := queryTime(c, name)
	if err != nil {
		err = domain.InvalidField(name,
			"Give a day like 2026-11-22, a time like 2026-11-22T08:00:00Z, or milliseconds since 1970.")
	}
	return t, err
}

// bare is decode for an address whose query has no parameters.
func bare[In any](decode func(*fiber.Ctx) (In, error)) func(*fiber.Ctx) (In, error) {
	return func(c *fiber.Ctx) (In, error) {
		if err := httpx.RefuseUnknown(c); err != nil {
			var none In
			return none, err
		}
		return decode(c)
	}
}

// decodeNothing is for lists without filters.
func decodeNothing(c *fiber.Ctx) (httpx.Just, error) { return httpx.Just{}, httpx.RefuseUnknown(c) }

func decodeAlias(c *fiber.Ctx) (directory.GetUser, error) {
	return directory.GetUser{User: domain.UserRef{Alias: httpx.Param(c, "alias")}}, nil
}

// The keys of a user that may be sent: those that mean something, and those that only our
// answers carry, so that an answer can be changed and sent back.
var (
	userKeys = []string{"userid", "person", "group", "alias", "envId", "password", "passworddelay", "language",
		"lastconnected", "lastpassword", "active", "revokedelay", "defaultpage", "firstaccess", "logged", "timezone",
		"envs", "envsbloque", "role", "organization", "groups", "id", "state", "factors"}
	personKeys = []string{"trkid", "firstname", "lastname", "mailaddress", "phone", "role", "service"}
)

func decodeUser(c *fiber.Ctx) (f fields, in directory.UserPatch) {
	f = body(c, userKeys...)
	in.Alias, in.Password = f.textIf("alias"), f.textIf("password")
	in.Home = refIf[domain.EnvironmentRef](f, "envId", "envid")
	in.Group = refIf[domain.GroupRef](f, "group", "id")
	in.Groups = refs[domain.GroupRef](f, "groups", "id")
	in.Allowed = refs[domain.EnvironmentRef](f, "envs", "envid")
	in.Blocked = refs[domain.EnvironmentRef](f, "envsbloque", "envid")
	in.Active, in.FirstAccess = f.flagIf("active"), f.flagIf("firstaccess")
	in.Language, in.TimeZone = f.textIf("language"), f.textIf("timezone")
	in.DefaultPage = f.numberIf("defaultpage")
	in.PasswordDelay, in.RevokeDelay = f.daysIf("passworddelay"), f.daysIf("revokedelay")
	in.Role = parseIf(f, "role", domain.ParseRole)
	in.State = parseIf(f, "state", domain.ParseUserState)
	organization := f.numberIf("organization")
	in.Revise = func(u *domain.User) error {
		if organization != nil && *organization != int64(u.Organization) {
			return domain.InvalidField("organization", "The organization follows from envId.")
		}
		return nil
	}
	if f.Has("person") {
		p := person(f)
		in.FirstName, in.LastName = p.textIf("firstname"), p.textIf("lastname")
		in.Mail, in.Phone = p.textIf("mailaddress"), p.textIf("phone")
		in.JobTitle, in.Department = p.textIf("role"), p.textIf("service")
		f.Fail(inside("person", p.Err))
	}
	return f, in
}

// person reads the person of a user.
func person(f fields) fields {
	o, err := f.Object.Object("person")
	f.Fail(err)
	return fields{&httpx.Members{Object: o, Err: o.RefuseUnknown(personKeys...)}}
}

// inside puts the name of an object before the field of an error about a member of it.
func inside(object string, err error) error {
	if err == nil {
		return nil
	}
	e := domain.AsError(err)
	return e.On(object + "." + e.Field)
}

func decodeNewUser(c *fiber.Ctx) (directory.UserPatch, error) {
	f, in := decodeUser(c)
	f.refuseGiven("userid", "id")
	return in, requireUser(f, "alias", "password", "group", "person")
}

// requireUser returns an Invalid error for the first of keys, or of what a person must have,
// that is missing.
func requireUser(f fields, keys ...string) error {
	f.Require(keys...)
	if f.Err != nil {
		return f.Err
	}
	return inside("person", person(f).Object.Require("firstname", "lastname", "mailaddress"))
}

func decodeUserChange(c *fiber.Ctx) (in directory.UpdateUser, err error) {
	in.User, in.Version = userOf(c), version(c)
	f, patch := decodeUser(c)
	in.UserPatch = patch
	id, uuid, agrees := f.numberIf("userid"), parseIf(f, "id", domain.ParseUUID), patch.Revise
	errOther := domain.InvalidField("userid", "This must be the user in the address, or be left out.")
	if id != nil && in.User.ID != 0 && *id != int64(in.User.ID) {
		return in, errOther
	}
	in.Revise = func(u *domain.User) error {
		if id != nil && *id != int64(u.ID) {
			return errOther
		}
		if err := agrees(u); err != nil {
			return err
		}
		if uuid != nil && *uuid != u.UUID {
			return domain.InvalidField("id", "This must be the id of the user, or be left out.")
		}
		return nil
	}
	return in, f.Err
}

func userOf(c *fiber.Ctx) domain.UserRef { return domain.ParseUserRef(httpx.Param(c, "id")) }

func decodeUserRef(c *fiber.Ctx) (domain.UserRef, error) { return userOf(c), nil }

func decodeDeleteUser(c *fiber.Ctx) (directory.DeleteUser, error) {
	return directory.DeleteUser{User: userOf(c), Version: version(c)}, nil
}

// sessionOf reads which session of which user is meant.
func sessionOf(user func(*fiber.Ctx) (domain.UserRef, error), name string) func(
	*fiber.Ctx) (accounts.OfUser[domain.UUID], error) {
	return func(c *fiber.Ctx) (in accounts.OfUser[domain.UUID], err error) {
		if in.User, err = user(c); err != nil {
			return in, err
		}
		id, ok := httpx.UUIDParam(c, name)
		if !ok {
			return in, domain.ErrSessionNotFound
		}
		in.In = id
		return in, nil
	}
}

// decodeOthers reads whether the session of the request goes on.
func decodeOthers(c *fiber.Ctx) (httpx.Just, error) {
	if err := httpx.RefuseUnknown(c, "others"); err != nil {
		return httpx.Just{}, err
	}
	_, err := httpx.QueryFlag(c, "others")
	return httpx.Just{}, err
}

// ofOneself is decode where what is asked for is about whoever asks.
func ofOneself(decode func(*fiber.Ctx) (httpx.Just, error)) func(*fiber.Ctx) (domain.UserRef, error) {
	return func(c *fiber.Ctx) (domain.UserRef, error) {
		_, err := decode(c)
		return domain.UserRef{}, err
	}
}

func decodeGroupID(c *fiber.Ctx) (domain.GroupRef, error) {
	ref := domain.GroupRef(httpx.Param(c, "id"))
	if _, ok := ref.Number(); !ok {
		return "", domain.ErrGroupNotFound
	}
	return ref, nil
}

func decodeGroups(c *fiber.Ctx) (in directory.PageOfGroups, err error) {
	if err := httpx.RefuseUnknown(c, "counts", "limit", "after", "env", "q"); err != nil { // which are empty
		return in, err
	}
	if in.Counted, err = queryTrue(c, "counts"); err != nil {
		return in, err
	}
	in.Page, err = httpx.QueryPage(c)
	in.Page.Limit = cmp.Or(in.Page.Limit, domain.MaxLimit) // nobody shows more, and there may be very many
	return in, err
}

func decodeUsable(c *fiber.Ctx) (directory.ListUsable, error) {
	in := directory.ListUsable{Environment: domain.EnvironmentRef(httpx.Query(c, "env"))}
	if err := httpx.RefuseUnknown(c, "env", "counts", "limit", "after", "q"); err != nil {
		return in, err
	}
	counts, err := httpx.QueryFlag(c, "counts")
	if err != nil {
		return in, err
	}
	in.Counted = counts != nil && *counts
	in.Page, err = httpx.QueryPage(c)
	return in, err
}

func decodeMembers(c *fiber.Ctx) (in directory.ListMembers, err error) {
	if err := httpx.RefuseUnknown(c, "limit", "after"); err != nil {
		return in, err
	}
	if in.Group, err = decodeGroupID(c); err != nil {
		return in, err
	}
	in.Page, err = httpx.QueryPage(c)
	return in, err
}

func decodeEnvironmentList(c *fiber.Ctx) (directory.ListEnvironments, error) {
	in := directory.ListEnvironments{Environment: domain.EnvironmentRef(httpx.Query(c, "env"))}
	if err := httpx.RefuseUnknown(c, "limit", "after", "env", "q"); err != nil {
		return in, err
	}
	var err error
	in.Page, err = httpx.QueryPage(c)
	return in, err
}

func decodeEnvironmentSearch(c *fiber.Ctx) (directory.SearchEnvironments, error) {
	in := directory.SearchEnvironments{Environment: domain.EnvironmentRef(httpx.Query(c, "env")),
		Prefix: httpx.Query(c, "q")}
	if err := httpx.RefuseUnknown(c, "limit", "env", "q"); err != nil {
		return in, err
	}
	page, err := httpx.QueryPage(c)
	in.Limit = page.Limit
	return in, err
}

func decodeChildren(c *fiber.Ctx) (in directory.ListChildren, err error) {
	if err := httpx.RefuseUnknown(c, "limit", "after", "counts"); err != nil {
		return in, err
	}
	if in.Parent, err = decodeEnvironmentID(c); err != nil {
		return in, err
	}
	if in.Counts, err = queryTrue(c, "counts"); err != nil {
		return in, err
	}
	in.Page, err = httpx.QueryPage(c)
	return in, err
}

// queryTrue reads a flag that is false if it is missing.
func queryTrue(c *fiber.Ctx, name string) (bool, error) {
	flag, err := httpx.QueryFlag(c, name)
	if err != nil || flag == nil {
		return false, err
	}
	return *flag, nil
}

// decodeEnvironmentID reads an environment's number.
func decodeEnvironmentID(c *fiber.Ctx) (domain.EnvironmentRef, error) {
	ref := domain.EnvironmentRef(httpx.Param(c, "id"))
	if _, ok := ref.Number(); !ok {
		return "", domain.ErrEnvironmentNotFound
	}
	return ref, nil
}

// decodeEnvironmentAlias reads an alias, or a path whose slashes are encoded.
func decodeEnvironmentAlias(c *fiber.Ctx) (domain.EnvironmentRef, error) {
	ref := domain.EnvironmentRef(httpx.Param(c, "alias"))
	if _, numbered := ref.Number(); numbered || ref == "" {
		return "", domain.ErrEnvironmentNotFound
	}
	return ref, nil
}

var environmentKeys = []string{"envid", "parent", "alias", "code", "sendurl", "active", "timezone", "gitRepository",
	"organization", "path", "id"}

// decodeEnvironment reads a new environment; one that has an admin is an organization.
func (s *Surface) decodeEnvironment(c *fiber.Ctx) (accounts.Found, error) {
	f, environment := decodeEnvironmentPatch(c, "admin")
	f.refuseGiven("envid", "id")
	f.Require("alias")
	in := accounts.Found{Environment: environment, Link: s.pages.Accept(), Lifetime: acceptLifetime}
	if !f.Has("admin") || f.Err != nil {
		return in, f.Err
	}
	o, err := f.Object.Object("admin")
	f.Fail(err)
	a := fields{&httpx.Members{Object: o, Err: o.RefuseUnknown("alias", "language", "person")}}
	a.Require("alias", "person")
	admin := directory.UserPatch{Alias: a.textIf("alias"), Language: a.textIf("language")}
	if a.Err == nil {
		p := person(a)
		admin.FirstName, admin.LastName, admin.Mail = p.textIf("firstname"), p.textIf("lastname"), p.textIf("mailaddress")
		a.Fail(inside("person", cmp.Or(p.Err, p.Object.Require("firstname", "lastname", "mailaddress"))))
	}
	in.Admin = &admin
	f.Fail(inside("admin", a.Err))
	return in, f.Err
}

func decodeEnvironmentPatch(c *fiber.Ctx, more ...string) (f fields, in directory.EnvironmentPatch) {
	f = body(c, slices.Concat(environmentKeys, more)...)
	in.Parent = refIf[domain.EnvironmentRef](f, "parent", "envid")
	in.Alias, in.Code = f.textIf("alias"), f.textIf("code")
	in.SendURL, in.Active = f.flagIf("sendurl"), f.flagIf("active")
	in.TimeZone, in.GitRepository = f.textIf("timezone"), f.textIf("gitRepository")
	in.IsOrganization = f.flagIf("organization")
	return f, in
}

func decodeEnvironmentChange(c *fiber.Ctx) (in directory.UpdateEnvironment, err error) {
	if in.Environment, err = decodeEnvironmentID(c); err != nil {
		return in, err
	}
	in.Version = version(c)
	f, patch := decodeEnvironmentPatch(c)
	in.EnvironmentPatch = patch
	if id := f.numberIf("envid"); id != nil && domain.NumberRef(domain.EnvironmentID(*id)) != in.Environment {
		return in, domain.InvalidField("envid", "This must be the environment in the address, or be left out.")
	}
	return in, f.Err
}

var groupKeys = []string{"id", "alias", "parent", "permission", "organization", "effective", "uuid", "permissions",
	"effectivePermissions", "warnings"}

func decodeGroup(c *fiber.Ctx) (directory.GroupPatch, error) {
	f, in := decodeGroupPatch(c)
	f.refuseGiven("id", "uuid")
	f.Require("alias")
	return in, f.Err
}

func decodeGroupPatch(c *fiber.Ctx) (f fields, in directory.GroupPatch) {
	f = body(c, groupKeys...)
	in.Alias = f.textIf("alias")
	in.Parent = refIf[domain.GroupRef](f, "parent", "id")
	in.Mask, in.Named = f.masks("permission", "permissions")
	in.Organization = refIf[domain.EnvironmentRef](f, "organization", "envid")
	return f, in
}

func decodeGroupChange(c *fiber.Ctx) (in directory.UpdateGroup, err error) {
	if in.Group, err = decodeGroupID(c); err != nil {
		return in, err
	}
	in.Version = version(c)
	f, patch := decodeGroupPatch(c)
	in.GroupPatch = patch
	if id := f.numberIf("id"); id != nil && strconv.FormatInt(*id, 10) != string(in.Group) {
		return in, domain.InvalidField("id", "This must be the group in the address, or be left out.")
	}
	return in, f.Err
}

func decodeDeleteEnvironment(c *fiber.Ctx) (in directory.DeleteEnvironment, err error) {
	in.Environment, err = decodeEnvironmentID(c)
	in.Version = version(c)
	return in, err
}

func decodeDeleteGroup(c *fiber.Ctx) (in directory.DeleteGroup, err error) {
	in.Group, err = decodeGroupID(c)
	in.Version = version(c)
	return in, err
}

func decodeExplain(c *fiber.Ctx) (directory.ExplainDecision, error) {
	in := directory.ExplainDecision{User: domain.UserRef{Alias: httpx.Query(c, "user")},
		Environment: domain.EnvironmentRef(httpx.Query(c, "environment"))}
	if err := httpx.RefuseUnknown(c, "user", "permission", "environment", "changes"); err != nil {
		return in, err
	}
	changes, err := httpx.QueryFlag(c, "changes")
	if err != nil {
		return in, err
	}
	in.Changes = changes != nil && *changes
	in.Permission, err = domain.ParsePermission(httpx.Query(c, "permission"))
	return in, err
}

func decodeOverview(c *fiber.Ctx) (domain.EnvironmentRef, error) {
	return domain.EnvironmentRef(httpx.Query(c, "env")), httpx.RefuseUnknown(c, "env")
}

func decodeAudit(c *fiber.Ctx) (directory.ListAudit, error) {
	in := directory.ListAudit{
		Environment: domain.EnvironmentRef(httpx.Query(c, "env")),
		Filter: domain.AuditFilter{
			Actor: httpx.Query(c, "actor"), Target: httpx.Query(c, "target"), Action: httpx.Query(c, "action"),
		},
	}
	if err := httpx.RefuseUnknown(c, "limit", "after", "env", "actor", "target", "action", "from", "until", "names",
		"format"); err != nil {
		return in, err
	}
	named, err := httpx.QueryFlag(c, "names")
	if err != nil {
		return in, err
	}
	table, err := asTable(c)
	if err != nil {
		return in, err
	}
	in.Named = table || named != nil && *named
	if in.Filter.From, err = queryTime(c, "from"); err != nil {
		return in, err
	}
	if in.Filter.Until, err = queryTime(c, "until"); err != nil {
		return in, err
	}
	in.Page, err = httpx.QueryPage(c)
	return in, err
}

// asTable reports whether a list is asked for as a table (CSV) instead of JSON.
func asTable(c *fiber.Ctx) (bool, error) {
	switch format := httpx.Query(c, "format"); format {
	case "", "json":
		return false, nil
	case "csv":
		return true, nil
	}
	return false, domain.InvalidField("format", "Give one of json and csv.")
}

// queryTime reads a time in milliseconds since 1970, as answers have it, or in the form
// of RFC 3339.
func queryTime(c *fiber.Ctx, name string) (time.Time, error) {
	text := httpx.Query(c, name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := parseTime(text)
	if err != nil {
		return t, domain.AsError(err).On(name)
	}
	return t, nil
}

// parseTime reads a time as queryTime does.
func parseTime(text string) (time.Time, error) {
	if ms, ok := domain.ParseID[int64](text); ok {
		return time.UnixMilli(ms), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, domain.InvalidField("time", "Give milliseconds since 1970 or a time like 2026-11-22T08:00:00Z.")
	}
	return t, nil
}
