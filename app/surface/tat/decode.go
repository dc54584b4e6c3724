package tat

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/app/objects"
	"canopy/domain"
)

// linkLifetime is how long a link of a mail works.
const linkLifetime = 30 * time.Minute

// verifyLink is where the links of mails lead that clients write, and ours without pages.
const verifyLink = "/user/verify/" + accounts.PlaceAlias + "/" + accounts.PlaceSecret

// link returns where the link of a letter in our own words leads.
func (s *Surface) link(c *fiber.Ctx) string {
	if s.pages == "" {
		return httpx.Mounted(c, verifyLink)
	}
	return s.pages.Begin()
}

// members reads the texts of a body that has no other keys than these and flags. A number or
// flag is no text; a key that is missing or null is empty.
func members(c *fiber.Ctx, keys []string, flags ...string) (values map[string]string, f *httpx.Members) {
	f = httpx.BodyOf(c, append(flags, keys...)...)
	values = make(map[string]string, len(keys))
	for _, key := range keys {
		values[key] = strings.TrimSpace(httpx.Given[string](f, key))
	}
	return values, f
}

// flag reads a member that is true or false, or says so as text.
func flag(f *httpx.Members, key string) bool {
	if !f.Has(key) {
		return false
	}
	var yes bool
	var text string
	err := json.Unmarshal(f.Object[key], &yes)
	if err != nil && json.Unmarshal(f.Object[key], &text) == nil {
		yes, err = strconv.ParseBool(text)
	}
	if err != nil {
		f.Fail(domain.InvalidField(key, "Give one of true and false."))
	}
	return yes
}

// shortest are the lengths below which the engine takes no user name, full name and mail address.
const (
	shortestName = 3
	shortestMail = 7
)

func short(s string, least int) bool { return len([]rune(s)) < least }

func (s *Surface) decodeRegister(c *fiber.Ctx) (accounts.Register, error) {
	in, f := members(c, []string{"username", "fullname", "email", "callback"})
	if f.Err != nil {
		return accounts.Register{}, f.Err
	}
	var person domain.Person
	person.Rename(in["fullname"], "")
	if short(in["username"], shortestName) || short(in["fullname"], shortestName) || short(in["email"], shortestMail) {
		return accounts.Register{}, domain.ErrInvalid.Saying("Invalid username (%s) or fullname (%s) or email (%s)",
			in["username"], in["fullname"], in["email"])
	}
	return accounts.Register{Alias: in["username"], FirstName: person.FirstName, LastName: person.LastName,
		Mail: in["email"],
		Link: s.link(c), Lifetime: linkLifetime, Note: s.note(in["callback"], httpx.Mounted(c, "")), TellTaken: true,
		Source: httpx.Address(c, s.trusted)}, nil
}

func (s *Surface) decodeReset(c *fiber.Ctx) (accounts.AskLink, error) {
	in, f := members(c, []string{"username", "email", "callback"})
	if f.Err != nil {
		return accounts.AskLink{}, f.Err
	}
	if short(in["username"], shortestName) || short(in["email"], shortestMail) {
		return accounts.AskLink{},
			domain.ErrInvalid.Saying("Invalid username (%s) or email (%s)", in["username"], in["email"])
	}
	return accounts.AskLink{Whose: accounts.Whose{Alias: in["username"], Mail: in["email"]}, Link: s.link(c),
		Lifetime: linkLifetime,
		Note:     s.note(in["callback"], httpx.Mounted(c, "")), Source: httpx.Address(c, s.trusted)}, nil
}

// note returns the text that a client wants to be mailed with its placeholders replaced: the
// ones of the server's address by where people reach it, below the surface's own path, the
// others by those of use cases. The document's own example writes scheme without its colon.
func (s *Surface) note(callback, below string) string {
	port := s.public.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[s.public.Scheme]
	}
	base := s.address(below)
	return strings.NewReplacer(
		":scheme://:host::port:path", base, "scheme://:host::port:path", base,
		":scheme://:host::port", base, "scheme://:host::port", base,
		":scheme://:host", base, "scheme://:host", base,
		":scheme", s.public.Scheme, ":host", s.public.Hostname(), ":port", port, ":path", s.public.Path+below,
		":username", accounts.PlaceAlias, ":token", accounts.PlaceSecret,
	).Replace(callback)
}

func (s *Surface) decodeVerify(c *fiber.Ctx) (accounts.Redeem, error) {
	return accounts.Redeem{Whose: accounts.Whose{Alias: httpx.Param(c, "username")}, Secret: httpx.Param(c, "token"),
		Way: accounts.ReturnPassword, OrReset: true, Topic: true, Source: httpx.Address(c, s.trusted)}, nil
}

func decodeUsername(c *fiber.Ctx) (string, error) { return httpx.Param(c, "username"), nil }

// decodeFavourite reads a name for a list of one's own: a tag, or a topic's.
func decodeFavourite(list domain.FavouriteList) func(*fiber.Ctx) (objects.Favourite, error) {
	return func(c *fiber.Ctx) (objects.Favourite, error) {
		if list == domain.FavouriteTags {
			return objects.Favourite{List: list, Name: httpx.Param(c, "tag")}, nil
		}
		return objects.Favourite{List: list, Name: topicOf(c, "")}, nil
	}
}

func decodeTopic(c *fiber.Ctx) (domain.ObjectRef, error) {
	return domain.ObjectRef(topicOf(c, "")), nil
}

func decodeDeleteTopic(c *fiber.Ctx) (objects.DeleteObject, error) {
	return objects.DeleteObject{Object: domain.ObjectRef(topicOf(c, ""))}, nil
}

// errSeconds reports a time that is no number of seconds.
var errSeconds = &domain.Error{Kind: domain.Invalid, Code: "seconds_invalid", Public: "Give a number of seconds."}

// longest bounds how far back somebody can look.
const longest = 10 * 365 * 24 * time.Hour

func decodeSeconds(c *fiber.Ctx) (time.Duration, error) {
	n, err := strconv.ParseInt(httpx.Param(c, "username"), 10, 64)
	if err != nil || n < 0 {
		return 0, errSeconds
	}
	return time.Duration(min(n, int64(longest/time.Second))) * time.Second, nil
}

// either is a word that names somebody or a time.
type either struct {
	alias  string
	within time.Duration
}

func decodeEither(c *fiber.Ctx) (either, error) {
	within, err := decodeSeconds(c)
	return either{httpx.Param(c, "username"), within}, err
}

// decodeList reads the filters of a list. Clients send all of them, also empty ones.
func decodeList(c *fiber.Ctx) (in directory.ListPeople, err error) {
	if err := httpx.RefuseUnknown(c, "skip", "limit", "username", "fullname", "idUser", "dateMinCreation",
		"dateMaxCreation", "withGroups"); err != nil {
		return in, err
	}
	if in.Skip, in.Limit, err = part(c, 100); err != nil {
		return in, err
	}
	in.Filter.Aliases, in.Filter.Names = listed(c, "username"), listed(c, "fullname")
	for _, text := range listed(c, "idUser") {
		in.Filter.IDs = append(in.Filter.IDs, parseID[domain.UserID](text))
	}
	if in.Filter.Since, err = moment(c, "dateMinCreation", 0); err != nil {
		return in, err
	}
	if in.Filter.Until, err = moment(c, "dateMaxCreation", time.Second); err != nil {
		return in, err
	}
	in.Groups, _ = strconv.ParseBool(httpx.Query(c, "withGroups"))
	return in, nil
}

// part reads which part of a list is asked for. What is no number falls back, the limit to
// standard.
func part(c *fiber.Ctx, standard int) (skip, limit int, err error) {
	if text := httpx.Query(c, "skip"); text != "" {
		if skip, err = strconv.Atoi(text); err != nil {
			skip = 0
		}
	}
	limit = standard
	if n, err := strconv.Atoi(httpx.Query(c, "limit")); err == nil {
		limit = n
	}
	if skip < 0 || skip > domain.MaxSkip {
		return 0, 0, domain.InvalidField("skip", "Give a number from 0 to %d.", domain.MaxSkip)
	}
	if limit < 0 {
		return 0, 0, domain.InvalidField("limit", "Give 0 or more.")
	}
	return skip, limit, nil
}

// listed reads a parameter with commas between its values.
func listed(c *fiber.Ctx, name string) []string {
	text := httpx.Query(c, name)
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// moment reads a time in seconds since 1970, and adds some.
func moment(c *fiber.Ctx, name string, more time.Duration) (time.Time, error) {
	text := httpx.Query(c, name)
	if text == "" {
		return time.Time{}, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return time.Time{}, domain.InvalidField(name, "Give a number of seconds since 1970.")
	}
	if n == 0 && more == 0 {
		return time.Time{}, nil
	}
	return time.Unix(n, 0).Add(more).UTC(), nil
}

// formatID writes a number as Tat's ids look.
func formatID[T ~int64](id T) string { return fmt.Sprintf("%024x", int64(id)) }

// parseID reads what formatID wrote. For anything else it is a number that nothing has.
func parseID[T ~int64](text string) T {
	n, err := strconv.ParseInt(text, 16, 64)
	if err != nil || len(text) != 24 || n <= 0 || n > domain.MaxID || formatID(n) != text {
		return -1
	}
	return T(n)
}

// decodeName reads a body that names a user.
func decodeName(c *fiber.Ctx) (string, error) {
	in, f := members(c, []string{"username"})
	return in["username"], needs(f, in, "username")
}

// needs returns what is wrong with the body, or an Invalid error on the first key without a value.
func needs(f *httpx.Members, in map[string]string, keys ...string) error {
	for _, key := range keys {
		if in[key] == "" {
			f.Fail(domain.InvalidField(key, "A value is required."))
		}
	}
	return f.Err
}

func decodeSystem(c *fiber.Ctx) (directory.SystemUser, error) {
	in, f := members(c, []string{"username"}, "canListUsersAsAdmin")
	lists := flag(f, "canListUsersAsAdmin")
	return directory.SystemUser{Alias: in["username"], Lists: lists}, needs(f, in, "username")
}

func decodeRename(c *fiber.Ctx) (directory.RenameUser, error) {
	in, f := members(c, []string{"username", "newUsername"})
	return directory.RenameUser{Alias: in["username"], To: in["newUsername"]}, needs(f, in, "username", "newUsername")
}

func decodeUpdate(c *fiber.Ctx) (directory.Readdress, error) {
	in, f := members(c, []string{"username", "newFullname", "newEmail"})
	return directory.Readdress{Alias: in["username"], Name: in["newFullname"], Mail: in["newEmail"]},
		needs(f, in, "username", "newFullname", "newEmail")
}

func decodeCheck(c *fiber.Ctx) (directory.CheckUser, error) {
	in, f := members(c, []string{"username"}, "fixPrivateTopics", "fixDefaultGroup")
	check := directory.CheckUser{Alias: in["username"], FixTopic: flag(f, "fixPrivateTopics"),
		FixDefaultGroup: flag(f, "fixDefaultGroup")}
	return check, needs(f, in, "username")
}

func decodeTopics(c *fiber.Ctx) (in objects.ListTopics, err error) {
	if err := httpx.RefuseUnknown(c, "skip", "limit", "topic", "topicPath", "idTopic", "description", "Description",
		"dateMinCreation",
		"DateMinCreation", "dateMaxCreation", "DateMaxCreation", "onlyFavorites", "getForTatAdmin",
		"getNbMsgUnread"); err != nil {
		return in, err
	}
	if in.Skip, in.Limit, err = part(c, 500); err != nil {
		return in, err
	}
	for _, name := range listed(c, "topic") {
		in.Names = append(in.Names, domain.TopicName(name))
	}
	for _, text := range listed(c, "idTopic") {
		in.IDs = append(in.IDs, parseID[domain.ObjectID](text))
	}
	if in.Prefix = httpx.Query(c, "topicPath"); in.Prefix != "" && in.Prefix[0] != '/' {
		in.Prefix = "/" + in.Prefix
	}
	in.Descriptions = listed(c, spelled(c, "description"))
	if in.Since, err = moment(c, spelled(c, "dateMinCreation"), 0); err != nil {
		return in, err
	}
	if in.Until, err = moment(c, spelled(c, "dateMaxCreation"), time.Second); err != nil {
		return in, err
	}
	in.Favourites = httpx.Query(c, "onlyFavorites") == "true"
	in.Managed = httpx.Query(c, "getForTatAdmin") == "true"
	in.Unseen = httpx.Query(c, "getNbMsgUnread") == "true"
	return in, nil
}

// spelled returns the name of a parameter as the request has it: clients begin some with a
// capital letter.
func spelled(c *fiber.Ctx, name string) string {
	if capital := strings.ToUpper(name[:1]) + name[1:]; httpx.Query(c, capital) != "" {
		return capital
	}
	return name
}

// decodeShare reads a body that names a topic, and under the key whom who is to be on one of
// its lists.
func decodeShare(whom string, level domain.Level) func(*fiber.Ctx) (objects.ShareTopic, error) {
	return func(c *fiber.Ctx) (objects.ShareTopic, error) {
		in, f := members(c, []string{"topic", whom}, "recursive")
		share := objects.ShareTopic{GrantObject: objects.GrantObject{Object: domain.ObjectRef(domain.TopicName(in["topic"])),
			Level: level},
			Below: flag(f, "recursive")}
		if whom == "groupname" {
			share.Group = domain.GroupRef(in[whom])
		} else {
			share.User = domain.UserRef{Alias: in[whom]}
		}
		return share, needs(f, in, "topic", whom)
	}
}

func decodeNewTopic(c *fiber.Ctx) (objects.NewTopic, error) {
	in, f := members(c, []string{"topic", "description"})
	name := domain.TopicName(in["topic"])
	if n := len([]rune(name)); n < 4 || n > domain.MaxFullName {
		f.Fail(domain.InvalidField("topic", "Give a name of 4 to %d characters.", domain.MaxFullName))
	}
	return objects.NewTopic{Name: name, Description: in["description"]}, f.Err
}

func decodePresence(c *fiber.Ctx) (objects.SetPresence, error) {
	in, f := members(c, []string{"status", "topic", "Topic"}) // the address says in which topic
	return objects.SetPresence{Topic: domain.ObjectRef(topicOf(c, "")), Status: domain.PresenceStatus(in["status"])}, f.Err
}

func decodePresences(c *fiber.Ctx) (in objects.ListPresences, err error) {
	if err := httpx.RefuseUnknown(c, "skip", "limit", "idPresence", "status", "username", "dateMinPresence",
		"dateMaxPresence"); err != nil {
		return in, err
	}
	if in.Skip, in.Limit, err = part(c, 10); err != nil {
		return in, err
	}
	if httpx.Param(c, "*") != "" {
		in.Topic = domain.ObjectRef(topicOf(c, ""))
	}
	in.None = httpx.Query(c, "idPresence") != "" // no presence is shown with an id
	for _, text := range listed(c, "status") {
		status, err := domain.ParsePresenceStatus(text)
		if err != nil {
			return in, err
		}
		in.Filter.Statuses = append(in.Filter.Statuses, status)
	}
	in.Filter.Aliases = listed(c, "username")
	if in.Filter.Since, err = moment(c, "dateMinPresence", 0); err != nil {
		return in, err
	}
	in.Filter.Until, err = moment(c, "dateMaxPresence", time.Second)
	return in, err
}

// decodeAbsence reads who is to be nowhere any more; a request without a body means oneself.
func decodeAbsence(c *fiber.Ctx) (objects.Absence, error) {
	in := objects.Absence{Topic: domain.ObjectRef(topicOf(c, ""))}
	if len(c.Request().Body()) == 0 {
		return in, nil
	}
	body, f := members(c, []string{"status", "username", "topic", "Topic"})
	in.User = domain.UserRef{Alias: body["username"]}
	return in, f.Err
}

func decodeGroups(c *fiber.Ctx) (in directory.ListGroups, err error) {
	if err := httpx.RefuseUnknown(c, "skip", "limit", "idGroup", "name", "nameRegex", "description", "dateMinCreation",
		"dateMaxCreation"); err != nil {
		return in, err
	}
	if in.Skip, in.Limit, err = part(c, 100); err != nil {
		return in, err
	}
	for _, text := range listed(c, "idGroup") {
		in.IDs = append(in.IDs, parseID[domain.GroupID](text))
	}
	in.Names, in.Descriptions, in.Pattern = listed(c, "name"), listed(c, "description"), httpx.Query(c, "nameRegex")
	if in.Since, err = moment(c, "dateMinCreation", 0); err != nil {
		return in, err
	}
	in.Until, err = moment(c, "dateMaxCreation", time.Second)
	return in, err
}

func decodeDeleteGroup(c *fiber.Ctx) (directory.DeleteGroup, error) {
	return directory.DeleteGroup{Group: domain.GroupRef(httpx.Param(c, "group"))}, nil
}

func decodeEditGroup(c *fiber.Ctx) (directory.UpdateGroup, error) {
	in, f := members(c, []string{"newName", "newDescription"})
	name, description := in["newName"], in["newDescription"]
	return directory.UpdateGroup{Group: domain.GroupRef(httpx.Param(c, "group")),
			GroupPatch: directory.GroupPatch{Alias: &name, Description: &description}},
		needs(f, in, "newName", "newDescription")
}

func decodeGroup(c *fiber.Ctx) (directory.GroupPatch, error) {
	in, f := members(c, []string{"name", "description"})
	name, description := in["name"], in["description"]
	return directory.GroupPatch{Alias: &name, Description: &description}, needs(f, in, "name")
}

func decodeMember(c *fiber.Ctx) (directory.GroupMember, error) {
	in, f := members(c, []string{"groupname", "username"})
	return directory.GroupMember{Group: domain.GroupRef(in["groupname"]), User: domain.UserRef{Alias: in["username"]}},
		needs(f, in, "groupname", "username")
}

// address returns where people reach the surface, which answers below a path of its own.
func (s *Surface) address(below string) string {
	return strings.TrimSuffix(s.public.String(), "/") + below
}
