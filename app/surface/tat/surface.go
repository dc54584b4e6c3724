package tat

import (
	"context"
	_ "embed"
	"net/netip"
	"net/url"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/app/objects"
	"canopy/domain"
)

// OpenAPI is the description of the surface.
//
//go:embed openapi.yaml
var OpenAPI []byte

// The headers of credentials in all their spellings. Case does not matter; some proxies drop
// names with an underscore, hence the dashes.
var (
	UsernameHeaders = []string{"Tat_username", "Tat-Username", "X-Tat_username", "X-Tat-Username"}
	PasswordHeaders = []string{"Tat_password", "Tat-Password", "X-Tat_password", "X-Tat-Password"}
)

// Uses are the use cases the surface offers.
type Uses struct {
	Accounts *accounts.Accounts
	Social   *objects.Social
	People   *directory.People
	Admins   *directory.Admins
	Users    *directory.Users
	Groups   *directory.Groups
	Topics   *objects.Topics
	Objects  *objects.Objects
}

// Surface answers requests of this API.
type Surface struct {
	uses    Uses
	auth    httpx.Auth
	trusted []netip.Prefix
	public  *url.URL
	pages   accounts.Pages
}

// New returns the application of the surface. auth finds the principal of a request; public
// is where people reach the server, pages where the links of its own letters lead.
func New(server *httpx.Server, uses Uses, auth httpx.Auth, public string, pages accounts.Pages) *fiber.App {
	address, err := url.Parse(public)
	if err != nil {
		address = &url.URL{}
	}
	s := &Surface{uses: uses, auth: auth, trusted: server.Trusted, public: address, pages: pages}
	anywhere := *server
	anywhere.AnySite = true // see open
	app := anywhere.NewApp("tat", s.problem)
	app.Use(open)
	s.routes(app)
	return app
}

// open lets pages of every origin call: credentials come in headers that a browser does not
// send by itself. It answers what browsers ask before, and drops the slash at the end of the
// lists' addresses.
func open(c *fiber.Ctx) error {
	c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
	if c.Method() == fiber.MethodOptions {
		c.Set(fiber.HeaderAccessControlAllowMethods, "GET, POST, PUT, DELETE, OPTIONS")
		c.Set(fiber.HeaderAccessControlAllowHeaders, "Content-Type, Tat_username, Tat_password, Tat-Username, Tat-Password, "+
			"X-Tat_username, X-Tat_password, X-Tat-Username, X-Tat-Password, X-Tat-Referer")
		return c.Status(fiber.StatusOK).Send(nil)
	}
	switch path := c.Path(); path {
	case "/users/", "/topics/", "/groups/", "/presences/":
		to := url.URL{Path: httpx.Mounted(c, path[:len(path)-1]), RawQuery: string(c.Request().URI().QueryString())}
		return c.Redirect(to.String(), fiber.StatusMovedPermanently)
	}
	return c.Next()
}

// routes lists every route, in the order of the document, then what clients need beside it.
func (s *Surface) routes(r fiber.Router) {
	accounts, social, people := s.uses.Accounts, s.uses.Social, s.uses.People

	r.Post("/user", s.telling(httpx.Open(s.decodeRegister, accounts.Register, encodeRegistered), texts{
		domain.ErrUserAliasTaken: {400,
			"Please check your username, email or fullname. If you are already registered, please reset your password"},
	}))
	r.Get("/user/verify/:username/:token",
		s.telling(httpx.Acts(httpx.Open(s.decodeVerify, accounts.Verify, s.encodePassword(200, "Verification successful"))),
			texts{
				domain.ErrSecret: {400, "Error on verify token for username {username}"},
			}))
	r.Post("/user/reset", httpx.Open(s.decodeReset, httpx.OpenDone(accounts.Forgot),
		encodeInfo[httpx.Just](201, "please check your mail to validate your account")))
	r.Get("/user/me", httpx.Handle(s.auth, httpx.Nothing, httpx.Alone(social.Profile), encodeProfile))

	seconds := texts{errSeconds: {400, "Invalid since parameter : must be an interger"}}
	contact := texts{
		domain.ErrUserNotFound:    {400, "user with username {username} does not exist"},
		domain.ErrContact:         {409, "Error while add contact {username} to user:{me}"},
		domain.ErrTooManyContacts: {409, "Error while add contact {username} to user:{me}"},
	}
	r.Get("/user/me/contacts/:username",
		s.telling(httpx.Handle(s.auth, decodeSeconds, social.Contacts, encodeContacts), seconds))
	r.Post("/user/me/contacts/:username", s.telling(s.contact(), contact))
	r.Post("/user/me/contact/:username",
		s.telling(httpx.Handle(s.auth, decodeUsername, httpx.Done(social.AddContact), encodeEmpty[httpx.Just](201)), contact))
	noContact := texts{domain.ErrNotContact: {404, "Error while remove contact {username} to user:{me}"}}
	r.Delete("/user/me/contacts/:username",
		s.telling(httpx.Handle(s.auth, decodeUsername, httpx.Done(social.RemoveContact),
			encodeInfo[httpx.Just](200, "Contact {username} is removed")), noContact))
	r.Delete("/user/me/contact/:username",
		s.telling(httpx.Handle(s.auth, decodeUsername, httpx.Done(social.RemoveContact),
			encodeInfo[httpx.Just](200, "Contact {username} is removed")), noContact))

	const unknownTopic = "topic {topic} does not exist or you have no Read Access on it"
	r.Post("/user/me/topics/*",
		s.telling(httpx.Handle(s.auth, decodeFavourite(domain.FavouriteTopics), httpx.Done(social.AddFavourite),
			encodeInfo[httpx.Just](201, "Topic {topic} added to favorites")), texts{
			domain.ErrObjectNotFound:    {400, unknownTopic},
			domain.ErrAlreadyFavourite:  {409, "Error while add favorite topic to user:{me}"},
			domain.ErrTooManyFavourites: {409, "Error while add favorite topic to user:{me}"},
		}))
	r.Delete("/user/me/topics/*",
		s.telling(httpx.Handle(s.auth, decodeFavourite(domain.FavouriteTopics), httpx.Done(social.RemoveFavourite),
			encodeInfo[httpx.Just](200, "Topic {topic} removed from favorites")), texts{
			domain.ErrNotFavourite: {404,
				"Error while remove favorite topic {topic} to user:{me} err:Remove favorite topic is not possible, {topic} is " +
					"not a favorite of this user"},
		}))
	r.Post("/user/me/enable/notifications/topics/*",
		s.telling(httpx.Handle(s.auth, decodeFavourite(domain.MutedTopics), httpx.Done(social.RemoveFavourite),
			encodeInfo[httpx.Just](201, "Notications enabled on Topic {topic}")), texts{
			domain.ErrObjectNotFound: {400, unknownTopic},
			domain.ErrNotFavourite:   {409, "Error while enable notication on topic {topic} to user:{me}"},
		}))
	r.Post("/user/me/disable/notifications/topics/*",
		s.telling(httpx.Handle(s.auth, decodeFavourite(domain.MutedTopics), httpx.Done(social.AddFavourite),
			encodeInfo[httpx.Just](201, "Notications disabled on topic {topic}")), texts{
			domain.ErrAlreadyFavourite: {409,
				"Error while disable notications on topic {topic} to user:{me} err:DisableNotificationsTopic not possible, " +
					"notifications are already off on topic {topic}"},
		}))
	r.Post("/user/me/enable/notifications/alltopics", httpx.Handle(s.auth, httpx.Nothing,
		httpx.AloneDone(social.UnmuteAll), encodeInfo[httpx.Just](201, "Notications enabled on all topics")))
	r.Post("/user/me/disable/notifications/alltopics", httpx.Handle(s.auth, httpx.Nothing, httpx.AloneDone(social.MuteAll),
		encodeInfo[httpx.Just](201, "Notications disabled on all topics")))
	r.Post("/user/me/tags/:tag",
		s.telling(httpx.Handle(s.auth, decodeFavourite(domain.FavouriteTags), httpx.Done(social.AddFavourite),
			encodeEmpty[httpx.Just](201)), texts{
			domain.ErrAlreadyFavourite:  {409, "Error while add favorite tag to user:{me}"},
			domain.ErrTooManyFavourites: {409, "Error while add favorite tag to user:{me}"},
		}))
	r.Delete("/user/me/tags/:tag",
		s.telling(httpx.Handle(s.auth, decodeFavourite(domain.FavouriteTags), httpx.Done(social.RemoveFavourite),
			encodeEmpty[httpx.Just](200)), texts{
			domain.ErrNotFavourite: {404, "Error while remove favorite tag to user:{me}"},
		}))

	r.Get("/users", httpx.Handle(s.auth, decodeList, people.List, encodePeople))
	const prefix = "Username does not begin with tat.system ({username}), it's not possible to "
	system := func(what string) texts {
		return texts{
			domain.ErrSystemAlias:  {400, prefix + what + " this user"},
			domain.ErrUserNotFound: {400, "user with username {username} does not exist"},
			domain.ErrNotSystem:    {400, "user with username {username} is not a system user"},
			domain.ErrSystem:       {400, "user with username {username} is already a system user"},
			domain.ErrAdmin:        {400, "user with username {username} is already an admin user"},
			domain.ErrArchived:     {400, "user with username {username} is already archived"},
		}
	}
	r.Put("/user/convert",
		s.telling(admin(s, decodeSystem, people.MakeSystem, s.encodePassword(201, "Verification successful")),
			system("convert")))
	r.Put("/user/updatesystem",
		s.telling(admin(s, decodeSystem, httpx.Done(people.ChangeSystem), encodeMessage("Update successful")),
			system("update")))
	r.Put("/user/resetsystem",
		s.telling(admin(s, decodeName, people.ResetSystem, s.encodePassword(201, "Reset password successful")),
			system("reset password for")))
	r.Put("/user/setadmin", s.telling(admin(s, decodeName, httpx.Done(people.MakeAdmin), encodeEmpty[httpx.Just](201)),
		system("")))
	r.Put("/user/rename",
		s.telling(admin(s, decodeRename, httpx.Done(people.Rename), encodeInfo[httpx.Just](201, "user is renamed")), texts{
			domain.ErrUserNotFound:   {400, "user with username {username} does not exist"},
			domain.ErrUserAliasTaken: {400, "user with username {newUsername} already exists"},
		}))
	r.Put("/user/update", s.telling(admin(s, decodeUpdate, people.Readdress, encodeUpdated), texts{
		domain.ErrUserNotFound: {400, "user with username {username} does not exist"},
		domain.ErrUserMailTaken: {400,
			"Update {username} user to fullname {newFullname} and email {newEmail} failed : Email {newEmail} already exists"},
	}))
	r.Put("/user/archive", s.telling(admin(s, decodeName, httpx.Done(people.Archive), encodeEmpty[httpx.Just](201)),
		system("")))
	r.Put("/user/check", s.telling(admin(s, decodeCheck, people.Check, encodeChecked), texts{
		domain.ErrUserNotFound: {400, "user with username {username} does not exist"},
	}))

	s.neighbours(r)
}

// neighbours lists the routes that clients touch beside the document's.
func (s *Surface) neighbours(r fiber.Router) {
	topics, users, groups := s.uses.Topics, s.uses.Users, s.uses.Groups

	r.Get("/version", httpx.Open(httpx.Nothing, httpx.OpenNothing, encodeVersion))
	r.Get("/capabilities", httpx.Open(httpx.Nothing, httpx.OpenNothing, encodeCapabilities))
	const unknownTopic = "topic {topic} does not exist or you have no Read Access on it"
	r.Get("/topics", httpx.Handle(s.auth, decodeTopics, topics.List, encodeTopics))
	r.Get("/topic/*", s.telling(httpx.Handle(s.auth, decodeTopic, topics.Get, encodeOneTopic), texts{
		domain.ErrObjectNotFound: {400, "topic {topic} does not exist or you have no access on it"},
	}))
	r.Delete("/topic/*",
		s.telling(httpx.Handle(s.auth, decodeDeleteTopic, httpx.Done(s.uses.Objects.Delete),
			encodeInfo[httpx.Just](200, "Topic {topic} is deleted")), texts{
			domain.ErrObjectNotFound: {400, unknownTopic},
		}))
	for list, level := range levels {
		for _, whom := range []string{"user", "group"} {
			decode := decodeShare(whom+"name", level)
			shared := texts{
				domain.ErrObjectNotFound: {400, unknownTopic},
				domain.ErrUserNotFound:   {400, "user with username {username} does not exist"},
				domain.ErrGroupNotFound:  {404, "groupname {groupname} does not exist"},
				domain.ErrOwnerKeeps:     {409, "user {username} is the owner of topic {topic} and keeps all rights on it"},
			}
			r.Put("/topic/add/"+list+whom,
				s.telling(httpx.Handle(s.auth, decode, httpx.Done(topics.Share), encodeEmpty[httpx.Just](201)), shared))
			r.Put("/topic/remove/"+list+whom,
				s.telling(httpx.Handle(s.auth, decode, httpx.Done(topics.Unshare), encodeEmpty[httpx.Just](200)), shared))
		}
	}
	r.Post("/topic", s.telling(httpx.Handle(s.auth, decodeNewTopic, topics.Create, encodeTopic(201)), texts{
		domain.ErrObjectNotFound:  {400, "Parent Topic of {topic} does not exist or you have no Read Access on it"},
		domain.ErrObjectNameTaken: {409, "Topic {topic} already exists"},
	}))
	r.Post("/presenceget/*", s.telling(httpx.Handle(s.auth, decodePresence, s.uses.Social.SetPresence, encodePresences),
		texts{
			domain.ErrObjectNotFound: {400, unknownTopic},
			domain.ErrPresenceStatus: {400, "Invalid Status, should be online or offline or busy :{status}"},
		}))
	s.presences(r, unknownTopic)
	r.Get("/groups", httpx.Handle(s.auth, decodeGroups, groups.ListWhole, encodeGroups))
	r.Post("/group", s.telling(admin(s, decodeGroup, groups.Create, encodeGroup(201)), texts{
		domain.ErrGroupAliasTaken: {409, "Group {name} already exists"},
	}))
	member := texts{
		domain.ErrGroupNotFound: {400, "Group {groupname} does not exist"},
		domain.ErrUserNotFound:  {400, "user with username {username} does not exist"},
	}
	r.Put("/group/add/user",
		s.telling(httpx.Handle(s.auth, decodeMember, httpx.Done(users.Admit), encodeEmpty[httpx.Just](201)), member))
	r.Put("/group/remove/user",
		s.telling(httpx.Handle(s.auth, decodeMember, httpx.Done(users.Dismiss), encodeEmpty[httpx.Just](200)), member))
	r.Put("/group/add/adminuser",
		s.telling(admin(s, decodeMember, httpx.Done(groups.AddAdmin), encodeEmpty[httpx.Just](201)), member))
	r.Put("/group/remove/adminuser",
		s.telling(admin(s, decodeMember, httpx.Done(groups.RemoveAdmin), encodeEmpty[httpx.Just](200)), member))
	r.Put("/group/edit/:group",
		s.telling(admin(s, decodeEditGroup, groups.Update, encodeEmpty[directory.GroupDocument](201)), texts{
			domain.ErrGroupNotFound:   {400, "Invalid Group"},
			domain.ErrGroupAliasTaken: {409, "Group Name already exists"},
		}))
	r.Delete("/group/edit/:group",
		s.telling(admin(s, decodeDeleteGroup, httpx.Done(groups.Delete), encodeEmpty[httpx.Just](200)), texts{
			domain.ErrGroupNotFound: {404, "Invalid Group"},
		}))
}

// presences lists the routes of who was when in which topic.
func (s *Surface) presences(r fiber.Router, unknownTopic string) {
	social := s.uses.Social
	r.Get("/presences", httpx.Handle(s.auth, decodePresences, social.ListPresences, encodePresenceList))
	r.Get("/presences/*", s.telling(httpx.Handle(s.auth, decodePresences, social.ListPresences, encodePresenceList), texts{
		domain.ErrObjectNotFound: {400, unknownTopic},
	}))
	r.Delete("/presences/*",
		s.telling(httpx.Handle(s.auth, decodeAbsence, httpx.Done(social.EndPresence), encodeNull[httpx.Just]), texts{
			domain.ErrObjectNotFound: {400, unknownTopic},
			domain.ErrUserNotFound:   {400, "user with username {username} does not exist"},
		}))
}

// levels are the beginnings of the names of a topic's lists, with what who is on one may do.
var levels = map[string]domain.Level{"ro": domain.LevelRead, "rw": domain.LevelWrite, "admin": domain.LevelAdmin}

// admin is httpx.Handle for what the document keeps for Tat's admins.
func admin[In, Out any](s *Surface, decode func(*fiber.Ctx) (In, error), run directory.Run[In, Out],
	encode func(*fiber.Ctx, Out) error) fiber.Handler {
	return httpx.Handle(s.auth, decode, directory.ByAdmins(s.uses.Admins, run), encode)
}

// contact is the one route with two meanings: the document asks for the contacts by a number
// of seconds with POST, where the engine adds somebody. A number that is nobody's alias is
// seconds.
func (s *Surface) contact() fiber.Handler {
	add := httpx.Handle(s.auth, decodeUsername, httpx.Done(s.uses.Social.AddContact), encodeEmpty[httpx.Just](201))
	either := httpx.Handle(s.auth, decodeEither, s.addOrSee, encodeEither)
	return func(c *fiber.Ctx) error {
		if _, err := decodeSeconds(c); err != nil {
			return add(c)
		}
		return either(c)
	}
}

// addOrSee adds the contact with that alias; if nobody has it, it returns the contacts.
func (s *Surface) addOrSee(ctx context.Context, caller domain.Principal, in either) (*objects.ContactsSeen, error) {
	err := s.uses.Social.AddContact(ctx, caller, in.alias)
	if !domain.ErrUserNotFound.Is(err) {
		return nil, err
	}
	seen, err := s.uses.Social.Contacts(ctx, caller, in.within)
	return &seen, err
}
