package tat

import (
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"canopy/app/httpx"
	"canopy/domain"
)

// texts say how a route words errors: the status and the engine's sentence, in which
// parameters of the request stand in braces.
type texts map[*domain.Error]text

type text struct {
	status int
	words  string
}

// told is an error in the words of a route.
type told struct {
	error
	text
}

func (t told) Unwrap() error { return t.error }

// telling makes a handler whose errors have the words of the route.
func (s *Surface) telling(handle fiber.Handler, words texts) fiber.Handler {
	return func(c *fiber.Ctx) error {
		err := handle(c)
		if err == nil {
			return nil
		}
		for kind, text := range words {
			if kind.Is(err) || errors.Is(err, kind) {
				return told{err, text}
			}
		}
		return err
	}
}

// problem answers an error in the surface's envelope.
func (s *Surface) problem(c *fiber.Ctx, err error) error {
	status, p := httpx.Problem(c, err)
	words := p.Public
	var worded told
	switch {
	case errors.As(err, &worded):
		status, words = worded.status, fill(c, worded.words)
	case status == fiber.StatusNotFound && p.Code == "route_not_found", status == fiber.StatusMethodNotAllowed:
		c.Response().Header.Del(fiber.HeaderAllow)
		c.Set(fiber.HeaderContentType, fiber.MIMETextPlain)
		return c.Status(fiber.StatusNotFound).SendString("404 page not found")
	case status == fiber.StatusUnsupportedMediaType:
		status = fiber.StatusBadRequest
	case domain.ErrUnauthenticated.Is(p):
		status, words = fiber.StatusBadRequest, "Invalid Tat Headers"
	case domain.ErrBadCredentials.Is(p):
		words = "Invalid Tat credentials for username " + given(c, UsernameHeaders)
	case domain.ErrForbidden.Is(p):
		c.Response().Header.Del(fiber.HeaderContentType)
		return c.Status(status).Send(nil)
	case FieldNames.OfError(p) != "":
		words = strings.TrimSuffix(words, ".") + " : " + FieldNames.OfError(p)
	}
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Text("error", words)
	w.Close('}')
	return send(c, status, w)
}

// FieldNames are what the surface calls fields.
var FieldNames = httpx.FieldNames{
	"alias": "username", "person.first_name": "fullname", "person.last_name": "fullname", "person.mail": "email",
	"group": "groupname", "object": "topic", "pattern": "nameRegex",
	"home": "", "allowed": "", "blocked": "", "current": "",
}

// fill puts what the request says into the words of a route.
func fill(c *fiber.Ctx, words string) string {
	if !strings.Contains(words, "{") {
		return words
	}
	caller, _ := httpx.PrincipalOf(c)
	pairs := []string{"{me}", caller.Alias}
	body, _ := httpx.Body(c)
	for _, key := range []string{"username", "newUsername", "newFullname", "newEmail", "topic", "status", "name",
		"groupname"} {
		value := httpx.Param(c, key)
		if value == "" {
			value = httpx.Given[string](&httpx.Members{Object: body}, key)
		}
		if key == "topic" {
			value = topicOf(c, value)
		}
		pairs = append(pairs, "{"+key+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(words)
}

// topicOf returns the full name of the topic that a request names in its address, else in
// its body.
func topicOf(c *fiber.Ctx, body string) string {
	if name := httpx.Param(c, "*"); name != "" {
		return domain.TopicName(name)
	}
	return domain.TopicName(body)
}

// given returns the first of the headers that the request has.
func given(c *fiber.Ctx, headers []string) string {
	for _, name := range headers {
		if value := httpx.Header(c, name); value != "" {
			return value
		}
	}
	return ""
}
