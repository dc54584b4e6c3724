package tellius

import (
	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/domain"
)

// encodeTokens answers a sign-in and a refresh.
func encodeTokens(c *fiber.Ctx, in accounts.SignedIn) error {
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Text("id", string(in.Principal.UUID))
	w.Text("refreshToken", in.Refresh)
	w.Text("token", in.Access)
	w.Close('}')
	return send(c, fiber.StatusOK, w)
}

// encodeToken answers a sign-in of the newer page.
func encodeToken(c *fiber.Ctx, in accounts.SignedIn) error {
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Text("id", string(in.Principal.UUID))
	w.Text("message", "Login successful")
	w.Text("token", in.Access)
	w.Close('}')
	return send(c, fiber.StatusOK, w)
}

func encodeUserList(c *fiber.Ctx, list directory.Listed[directory.UserDocument]) error {
	httpx.LinkNext(c, list.Next)
	return httpx.Stream(c, list.Items,
		func(w *httpx.Writer) {
			w.Open("", '{')
			w.Open("users", '[')
		},
		writeUser,
		func(w *httpx.Writer) {
			w.Close(']')
			w.Close('}')
		})
}

func encodeUser(c *fiber.Ctx, u directory.UserDocument) error {
	w := &httpx.Writer{}
	writeUser(w, &u)
	return send(c, fiber.StatusOK, w)
}

// writeUser writes a user as a change and the list show one.
func writeUser(w *httpx.Writer, u *directory.UserDocument) {
	w.Open("", '{')
	w.Text("username", u.Alias)
	w.Text("email", u.Person.Mail)
	writeGroups(w, u)
	w.Text("id", string(u.UUID))
	w.Close('}')
}

// encodeWholeUser answers with a user as a creation shows one.
func encodeWholeUser(c *fiber.Ctx, u directory.UserDocument) error {
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Text("username", u.Alias)
	w.Text("firstName", u.Person.FirstName)
	w.Text("lastName", u.Person.LastName)
	w.Text("email", u.Person.Mail)
	writeGroups(w, &u)
	w.Text("id", string(u.UUID))
	w.Text("role", wordOf(u.Role, u.Attributes[attributeRole]))
	config := u.Attributes[attributeConfig]
	if config == "" {
		config = "{}"
	}
	w.Raw("config", []byte(config))
	w.Close('}')
	return send(c, fiber.StatusOK, w)
}

func writeGroups(w *httpx.Writer, u *directory.UserDocument) {
	w.Open("groups", '[')
	for g := range u.NamedGroups() {
		w.Open("", '{')
		w.Text("name", g.Alias)
		w.Open("permissions", '[')
		w.Close(']')
		w.Text("id", string(g.UUID))
		w.Close('}')
	}
	w.Close(']')
}

func encodeGroup(c *fiber.Ctx, g directory.GroupDocument) error {
	w := &httpx.Writer{}
	writeGroup(w, &g.Group)
	return send(c, fiber.StatusOK, w)
}

func encodeGroups(c *fiber.Ctx, list directory.Listed[directory.GroupDocument]) error {
	return httpx.Stream(c, list.Items,
		func(w *httpx.Writer) {
			w.Open("", '{')
			w.Open("groups", '[')
		},
		func(w *httpx.Writer, g *directory.GroupDocument) { writeGroup(w, &g.Group) },
		func(w *httpx.Writer) {
			w.Close(']')
			w.Close('}')
		})
}

func writeGroup(w *httpx.Writer, g *domain.Group) {
	w.Open("", '{')
	w.Text("name", g.Alias)
	w.Text("id", string(g.UUID))
	w.Text("role", wordOf(g.Role, g.RoleTitle))
	w.Close('}')
}
