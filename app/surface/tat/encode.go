package tat

import (
	"bytes"
	"encoding/json"
	"iter"
	"time"

	"github.com/gofiber/fiber/v2"

	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/app/objects"
	"canopy/domain"
)

const mimeJSON = "application/json; charset=utf-8"

// send answers with JSON as the engine writes it: with what HTML knows escaped, on a line.
func send(c *fiber.Ctx, status int, w *httpx.Writer) error {
	var b bytes.Buffer
	json.HTMLEscape(&b, w.Bytes())
	b.WriteByte('\n')
	c.Set(fiber.HeaderContentType, mimeJSON)
	return c.Status(status).Send(b.Bytes())
}

// encodeText answers with one text under a key.
func encodeText(c *fiber.Ctx, status int, key, words string) error {
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Text(key, fill(c, words))
	w.Close('}')
	return send(c, status, w)
}

func encodeInfo[T any](status int, words string) func(*fiber.Ctx, T) error {
	return func(c *fiber.Ctx, _ T) error { return encodeText(c, status, "info", words) }
}

// encodeUpdated answers that a user was changed, and that of the admin's own mail address a mail was
// sent first.
func encodeUpdated(c *fiber.Ctx, u domain.User) error {
	if u.AsksForProof() {
		return encodeText(c, fiber.StatusCreated, "info", "user updated, please check your mail to validate your new address")
	}
	return encodeText(c, fiber.StatusCreated, "info", "user updated")
}

func encodeMessage(words string) func(*fiber.Ctx, httpx.Just) error {
	return func(c *fiber.Ctx, _ httpx.Just) error { return encodeText(c, fiber.StatusCreated, "message", words) }
}

// encodeEmpty answers with the empty text.
func encodeEmpty[T any](status int) func(*fiber.Ctx, T) error {
	return func(c *fiber.Ctx, _ T) error {
		w := &httpx.Writer{}
		w.Text("", "")
		return send(c, status, w)
	}
}

func encodeRegistered(c *fiber.Ctx, _ domain.User) error {
	return encodeText(c, fiber.StatusCreated, "info", "please check your mail to validate your account.")
}

// encodePassword answers with a password that was made, which is shown this once.
func (s *Surface) encodePassword(status int, message string) func(*fiber.Ctx, directory.Proven) error {
	return func(c *fiber.Ctx, p directory.Proven) error {
		w := &httpx.Writer{}
		w.Open("", '{')
		w.Text("message", message)
		w.Text("password", p.Password)
		w.Text("url", s.address(httpx.Mounted(c, "")))
		w.Text("username", p.User.Alias)
		w.Close('}')
		return send(c, status, w)
	}
}

// textUnlessEmpty, flagUnlessFalse and textsUnlessEmpty leave out what is not there.
func textUnlessEmpty(w *httpx.Writer, key, s string) {
	if s != "" {
		w.Text(key, s)
	}
}

func flagUnlessFalse(w *httpx.Writer, key string, yes bool) {
	if yes {
		w.Flag(key, true)
	}
}

func textsUnlessEmpty(w *httpx.Writer, key string, all []string) {
	if len(all) == 0 {
		return
	}
	w.Open(key, '[')
	for _, s := range all {
		w.Text("", s)
	}
	w.Close(']')
}

func groupNames(u *directory.UserDocument) (names []string) {
	for group := range u.AllGroups() {
		names = append(names, group.Alias)
	}
	return names
}

func writeCreated(w *httpx.Writer, t time.Time) {
	if !t.IsZero() {
		w.Number("dateCreation", t.Unix())
	}
}

func encodeProfile(c *fiber.Ctx, p objects.Profile) error {
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Open("user", '{')
	w.Text("_id", formatID(p.ID))
	w.Text("username", p.Alias)
	w.Text("fullname", p.Person.Name())
	textUnlessEmpty(w, "email", p.Person.Mail)
	textsUnlessEmpty(w, "groups", groupNames(&p.UserDocument))
	flagUnlessFalse(w, "isAdmin", isAdmin(&p.User))
	flagUnlessFalse(w, "isSystem", p.System)
	flagUnlessFalse(w, "isArchived", p.Archived)
	flagUnlessFalse(w, "canListUsersAsAdmin", p.ListsUsers)
	textsUnlessEmpty(w, "favoritesTopics", p.Favourites[domain.FavouriteTopics])
	textsUnlessEmpty(w, "offNotificationsTopics", p.Favourites[domain.MutedTopics])
	textsUnlessEmpty(w, "favoritesTags", p.Favourites[domain.FavouriteTags])
	writeCreated(w, p.Created)
	if len(p.Contacts) > 0 {
		writeContacts(w, p.Contacts)
	}
	w.Close('}')
	w.Close('}')
	return send(c, fiber.StatusOK, w)
}

// isAdmin says who is Tat's admin.
func isAdmin(u *domain.User) bool { return u.Role >= domain.RoleOAdmin }

func writeContacts(w *httpx.Writer, contacts []domain.Contact) {
	w.Open("contacts", '[')
	for i := range contacts {
		writeContact(w, "", &contacts[i])
	}
	w.Close(']')
}

func writeContact(w *httpx.Writer, key string, c *domain.Contact) {
	w.Open(key, '{')
	w.Text("username", c.Alias)
	w.Text("fullname", c.Name)
	w.Close('}')
}

func encodeContacts(c *fiber.Ctx, seen objects.ContactsSeen) error {
	w := &httpx.Writer{}
	w.Open("", '{')
	writeContacts(w, seen.Contacts)
	w.Number("countContactsPresences", int64(len(seen.Presences)))
	writePresences(w, "contactsPresence", seen.Presences)
	w.Close('}')
	return send(c, fiber.StatusOK, w)
}

func encodeEither(c *fiber.Ctx, seen *objects.ContactsSeen) error {
	if seen == nil {
		return encodeEmpty[httpx.Just](fiber.StatusCreated)(c, httpx.Just{})
	}
	return encodeContacts(c, *seen)
}

// writePresences writes presences, null for none.
func writePresences(w *httpx.Writer, key string, presences []domain.Presence) {
	if len(presences) == 0 {
		w.Null(key)
		return
	}
	w.Open(key, '[')
	for i := range presences {
		p := &presences[i]
		w.Open("", '{')
		w.Text("_id", "")
		w.Text("status", string(p.Status))
		w.Text("topic", p.Topic)
		w.Number("datePresence", p.At.Unix())
		w.Text("dateTimePresence", p.At.UTC().Truncate(time.Second).Format(time.RFC3339))
		writeContact(w, "userPresence", &p.User)
		w.Close('}')
	}
	w.Close(']')
}

func encodePresences(c *fiber.Ctx, presences []domain.Presence) error {
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Number("count", int64(len(presences)))
	writePresences(w, "presences", presences)
	w.Close('}')
	return send(c, fiber.StatusOK, w)
}

func encodePresenceList(c *fiber.Ctx, list objects.PresenceList) error {
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Number("count", list.Total)
	writePresences(w, "presences", list.Presences)
	w.Close('}')
	return send(c, fiber.StatusOK, w)
}

// encodeNull answers with null.
func encodeNull[T any](c *fiber.Ctx, _ T) error {
	w := &httpx.Writer{}
	w.Null("")
	return send(c, fiber.StatusOK, w)
}

func encodePeople(c *fiber.Ctx, list directory.PeopleList) error {
	if list.None {
		w := &httpx.Writer{}
		w.Open("", '{')
		w.Number("count", list.Total)
		w.Null("users")
		w.Close('}')
		return send(c, fiber.StatusOK, w)
	}
	return stream(c, list.Items, list.Total, "users", func(w *httpx.Writer, u *directory.UserDocument) {
		writePerson(w, u, list.Whole, list.Groups)
	}, func(*httpx.Writer) {})
}

// stream answers with a count, a list and what more writes behind it, written as send writes.
func stream[T any](c *fiber.Ctx, entries iter.Seq2[T, error], count int64, key string, write func(*httpx.Writer, *T),
	more func(*httpx.Writer)) error {
	err := httpx.Stream(c, entries,
		func(w *httpx.Writer) {
			w.Open("", '{')
			w.Number("count", count)
			w.Open(key, '[')
		},
		func(w *httpx.Writer, entry *T) {
			var one httpx.Writer
			write(&one, entry)
			var b bytes.Buffer
			json.HTMLEscape(&b, one.Bytes())
			w.Raw("", b.Bytes())
		},
		func(w *httpx.Writer) {
			w.Close(']')
			more(w)
			w.Close('}')
			w.End()
		})
	c.Set(fiber.HeaderContentType, mimeJSON)
	return err
}

func writePerson(w *httpx.Writer, u *directory.UserDocument, whole, groups bool) {
	w.Open("", '{')
	w.Text("_id", formatID(u.ID))
	w.Text("username", u.Alias)
	w.Text("fullname", u.Person.Name())
	if whole {
		textUnlessEmpty(w, "email", u.Person.Mail)
		if groups {
			textsUnlessEmpty(w, "groups", groupNames(u))
		}
		flagUnlessFalse(w, "isAdmin", isAdmin(&u.User))
		flagUnlessFalse(w, "canListUsersAsAdmin", u.ListsUsers)
		writeCreated(w, u.Created)
	}
	w.Close('}')
}

// encodeChecked answers with the engine's sentences, blanks at their ends included.
func encodeChecked(c *fiber.Ctx, checked directory.Checked) error {
	group := "user in default group " + checked.Group + " KO"
	switch {
	case checked.InGroup:
		group = "user in " + checked.Group + " OK"
	case checked.Joined:
		group = "user added in default group " + checked.Group
	}
	topic := " " + checked.Topic + " OK; "
	if !checked.TopicThere {
		topic = " " + checked.Topic + " KO : not exist; "
		if checked.Begun {
			topic += " " + checked.Topic + " created; "
		}
	}
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Text("defaultGroup", group)
	w.Text("topics", topic)
	w.Close('}')
	return send(c, fiber.StatusCreated, w)
}

func encodeVersion(c *fiber.Ctx, _ httpx.Just) error {
	return encodeText(c, fiber.StatusOK, "version", "")
}

func encodeCapabilities(c *fiber.Ctx, _ httpx.Just) error {
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Flag("username_from_email", false)
	w.Open("hooks", '[')
	w.Close(']')
	w.Close('}')
	return send(c, fiber.StatusOK, w)
}

func encodeTopics(c *fiber.Ctx, list objects.TopicList) error {
	return stream(c, list.Items, list.Total, "topics", func(w *httpx.Writer, o *objects.ObjectDocument) {
		writeTopic(w, "", o, false)
	}, func(w *httpx.Writer) {
		writeUnseen(w, list.Unseen)
	})
}

// writeUnseen writes in how many topics the reader was, and the topics where they never were. Of
// messages, which would make others unread, there are none here.
func writeUnseen(w *httpx.Writer, unseen *objects.UnseenTopics) {
	if unseen == nil {
		w.Number("countTopicsMsgUnread", 0)
		w.Null("topicsMsgUnread")
		return
	}
	topics := make(map[string]int, len(unseen.Names))
	for _, name := range unseen.Names {
		topics[name] = -1
	}
	text, _ := json.Marshal(topics) // numbers always marshal
	w.Number("countTopicsMsgUnread", unseen.Visited)
	w.Raw("topicsMsgUnread", text)
}

func encodeTopic(status int) func(*fiber.Ctx, objects.ObjectDocument) error {
	return func(c *fiber.Ctx, o objects.ObjectDocument) error {
		w := &httpx.Writer{}
		writeTopic(w, "", &o, true)
		return send(c, status, w)
	}
}

func encodeOneTopic(c *fiber.Ctx, o objects.ObjectDocument) error {
	w := &httpx.Writer{}
	w.Open("", '{')
	writeTopic(w, "topic", &o, true)
	w.Flag("isTopicRw", o.Level >= domain.LevelWrite)
	w.Flag("isTopicAdmin", o.Level >= domain.LevelAdmin)
	w.Close('}')
	return send(c, fiber.StatusOK, w)
}

// What every topic allows: messages are not kept here.
const (
	maxLength  = 1000
	maxReplies = 30
)

// writeTopic writes a topic, with the times of its changes if dated says so. Whose it is, as far
// as the reader may know, is among those who may write.
func writeTopic(w *httpx.Writer, key string, o *objects.ObjectDocument, dated bool) {
	of := map[domain.Level][2][]string{}
	add := func(level domain.Level, kind int, name string) {
		lists := of[level]
		lists[kind] = append(lists[kind], name)
		of[level] = lists
	}
	if o.OwnerAlias != "" && o.Level >= domain.LevelAdmin {
		add(objects.OwnersLevel, 0, o.OwnerAlias)
	}
	for _, a := range o.Access {
		kind := 0
		if a.Group != 0 {
			kind = 1
		}
		if a.Name != "" {
			add(a.Level, kind, a.Name)
		}
	}
	w.Open(key, '{')
	w.Text("_id", formatID(o.ID))
	w.Text("collection", "messages"+formatID(o.ID))
	w.Text("topic", o.FullName)
	w.Text("description", o.Attributes["description"])
	textsUnlessEmpty(w, "roGroups", of[domain.LevelRead][1])
	textsUnlessEmpty(w, "rwGroups", of[domain.LevelWrite][1])
	textsUnlessEmpty(w, "roUsers", of[domain.LevelRead][0])
	textsUnlessEmpty(w, "rwUsers", of[domain.LevelWrite][0])
	textsUnlessEmpty(w, "adminUsers", of[domain.LevelAdmin][0])
	textsUnlessEmpty(w, "adminGroups", of[domain.LevelAdmin][1])
	w.Null("history")
	w.Number("maxlength", maxLength)
	w.Number("maxreplies", maxReplies)
	w.Flag("canForceDate", false)
	w.Flag("canUpdateMsg", o.Attributes["canUpdateMsg"] == "true")
	w.Flag("canDeleteMsg", o.Attributes["canDeleteMsg"] == "true")
	for _, never := range []string{"canUpdateAllMsg", "canDeleteAllMsg", "adminCanUpdateAllMsg", "adminCanDeleteAllMsg"} {
		w.Flag(never, false)
	}
	w.Flag("isAutoComputeTags", true)
	w.Flag("isAutoComputeLabels", true)
	if dated {
		if o.Changed.After(o.Created) {
			w.Number("dateModificationn", o.Changed.Unix()) // sic
		}
		writeCreated(w, o.Created)
	}
	w.Null("filters")
	w.Close('}')
}

// encodeGroups writes a group, and its members as they are read.
func encodeGroups(c *fiber.Ctx, list directory.Listed[directory.GroupLine]) error {
	var group directory.GroupLine // what is being written
	members := false              // some of its members were
	done := func(w *httpx.Writer) {
		if members {
			w.Close(']')
		}
		if group.Group != nil {
			endGroup(w, group.Group, group.Admins)
		}
		members = false
	}
	err := httpx.Stream(c, list.Items,
		func(w *httpx.Writer) {
			w.Open("", '{')
			w.Number("count", list.Total)
			w.Open("groups", '[')
		},
		func(w *httpx.Writer, line *directory.GroupLine) {
			if line.Group != nil {
				done(w)
				group = *line
				beginGroup(w, group.Group)
				return
			}
			if !members {
				w.Open("users", '[')
				members = true
			}
			escaped(w, "", line.Member)
		},
		func(w *httpx.Writer) {
			done(w)
			w.Close(']')
			w.Close('}')
			w.End()
		})
	c.Set(fiber.HeaderContentType, mimeJSON)
	return err
}

// escaped writes a text as send writes it.
func escaped(w *httpx.Writer, key, s string) {
	var one httpx.Writer
	one.Text("", s)
	var b bytes.Buffer
	json.HTMLEscape(&b, one.Bytes())
	w.Raw(key, b.Bytes())
}

func encodeGroup(status int) func(*fiber.Ctx, directory.GroupDocument) error {
	return func(c *fiber.Ctx, g directory.GroupDocument) error {
		w := &httpx.Writer{}
		beginGroup(w, &g.Group)
		endGroup(w, &g.Group, nil)
		c.Set(fiber.HeaderContentType, mimeJSON)
		w.End()
		return c.Status(status).Send(w.Bytes())
	}
}

// beginGroup writes what stands before a group's members, endGroup what stands behind them.
func beginGroup(w *httpx.Writer, g *domain.Group) {
	w.Open("", '{')
	escaped(w, "_id", formatID(g.ID))
	escaped(w, "name", g.Alias)
	escaped(w, "description", g.Description)
}

func endGroup(w *httpx.Writer, g *domain.Group, admins []string) {
	if len(admins) > 0 {
		w.Open("adminUsers", '[')
		for _, admin := range admins {
			escaped(w, "", admin)
		}
		w.Close(']')
	}
	writeCreated(w, g.Created)
	w.Close('}')
}
