package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// signedUp makes an account with Tat's requests alone: it registers, follows the link of the mail
// that lands in the data folder, and returns a caller with the password that answers.
func signedUp(t *testing.T, s *server, at place, username string) caller {
	t.Helper()
	created := s.anonymous().
		mustSend(t, "POST", "/user", `{"username": "`+username+`", "fullname": "User AA", "email": "`+username+`@foo.net",
		"callback": " Click on scheme://:host::port/user/verify/:username/:token to validate your account"}`)
	require.Equal(t, 201, created.status, string(created.body))
	link := regexp.MustCompile(`Click on http://tat\.example:8080(/user/verify/` + regexp.QuoteMeta(username) +
		`/\S+) to validate`)
	path := ""
	eventually(t, func() bool {
		names, _ := filepath.Glob(filepath.Join(at.data(), "outbox", "*.eml"))
		for _, name := range names {
			text, err := os.ReadFile(name)
			plain := strings.NewReplacer("=\r\n", "", "\r\n", " ", "=3D", "=").Replace(string(text))
			if found := link.FindStringSubmatch(plain); err == nil && found != nil {
				path = found[1]
				return true
			}
		}
		return false
	}, "the mail with the link")
	var proven struct{ Password, Username string }
	verified := s.anonymous().mustSend(t, "GET", path, nil)
	require.Equal(t, 200, verified.status, string(verified.body))
	require.NoError(t, json.Unmarshal(verified.body, &proven))
	require.Equal(t, username, proven.Username)
	require.NotEmpty(t, proven.Password)
	require.Equal(t, 400, s.anonymous().mustSend(t, "GET", path, nil).status, "a link works once")
	return s.anonymous().with("Tat_username", username).with("Tat_password", proven.Password)
}

// TestTatDocument sends every request that Tat's document prints to a server without a mail
// server, whose first user is its administrator.
func TestTatDocument(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	s := canopy("serve", "--bootstrap", "first-user", "--signup-environment", "/", "--auto-approve", "--public-url",
		"http://tat.example:8080").in(at).serve(t)
	admin := signedUp(t, s, at, "userAdmin")
	user := signedUp(t, s, at, "userA")
	for _, name := range []string{"username", "tat.system.convert", "usernameToGrant", "usernameToRename"} {
		signedUp(t, s, at, name)
	}
	for _, topic := range []string{`{"topic": "/myTopic"}`, `{"topic": "/myTopic/sub-topic"}`} {
		require.Equal(t, 201, admin.mustSend(t, "POST", "/topic", topic).status)
	}
	for _, request := range []struct {
		from               caller
		method, path, body string
		status             int
		answer             string
	}{
		{s.anonymous(), "POST", "/user/reset", `{"username": "userA", "email": "userA@foo.net"}`, 201,
			`{"info":"please check your mail to validate your account"}`},
		{user, "GET", "/user/me", "", 200, `{"user":{"_id":"`},
		{user, "POST", "/user/me/contacts/15", "", 200, `{"contacts":[],"countContactsPresences":0,"contactsPresence":null}`},
		{admin, "POST", "/user/me/contact/username", "", 201, `""`},
		{admin, "DELETE", "/user/me/contacts/username", "", 200, `{"info":"Contact username is removed"}`},
		{admin, "POST", "/user/me/topics/myTopic/sub-topic", "", 201,
			`{"info":"Topic /myTopic/sub-topic added to favorites"}`},
		{admin, "DELETE", "/user/me/topics/myTopic/sub-topic", "", 200,
			`{"info":"Topic /myTopic/sub-topic removed from favorites"}`},
		{admin, "POST", "/user/me/disable/notifications/topics/myTopic/sub-topic", "", 201,
			`{"info":"Notications disabled on topic /myTopic/sub-topic"}`},
		{admin, "POST", "/user/me/enable/notifications/topics/myTopic/sub-topic", "", 201,
			`{"info":"Notications enabled on Topic /myTopic/sub-topic"}`},
		{user, "POST", "/user/me/enable/notifications/alltopics", "", 201, `{"info":"Notications enabled on all topics"}`},
		{user, "POST", "/user/me/disable/notifications/alltopics", "", 201, `{"info":"Notications disabled on all topics"}`},
		{user, "POST", "/user/me/tags/myTag", "", 201, `""`},
		{user, "DELETE", "/user/me/tags/myTag", "", 200, `""`},
		{user, "GET", "/users?skip=0&limit=100", "", 200, `{"count":1,"users":[{"_id":"`},
		{admin, "GET", "/users?skip=0&limit=100&withGroups=true", "", 200, `{"count":6,"users":[{"_id":"`},
		{admin, "PUT", "/user/convert", `{ "username": "tat.system.convert", "canListUsersAsAdmin": "true" }`, 201,
			`{"message":"Verification successful","password":"`},
		{admin, "PUT", "/user/updatesystem", `{ "username": "tat.system.convert", "canListUsersAsAdmin": "true" }`, 201,
			`{"message":"Update successful"}`},
		{admin, "PUT", "/user/resetsystem", `{ "username": "tat.system.convert" }`, 201,
			`{"message":"Reset password successful","password":"`},
		{admin, "PUT", "/user/setadmin", `{ "username": "usernameToGrant" }`, 201, `""`},
		{admin, "PUT", "/user/rename", `{ "username": "usernameToRename", "newUsername": "NewUsername" }`, 201,
			`{"info":"user is renamed"}`},
		{admin, "PUT", "/user/update",
			`{ "username": "NewUsername", "newFullname": "NewFullname", "newEmail": "NewEmail@foo.net" }`, 201,
			`{"info":"user updated"}`},
		{admin, "PUT", "/user/check", `{ "username": "NewUsername",  "fixPrivateTopics": true, "fixDefaultGroup": true }`,
			201,
			`{"defaultGroup":"user in User OK","topics":" /Private/NewUsername OK; "}`},
		{admin, "PUT", "/user/archive", `{ "username": "NewUsername" }`, 201, `""`},
		{user, "PUT", "/user/archive", `{ "username": "username" }`, 403, ``},
	} {
		var body any
		if request.body != "" {
			body = request.body
		}
		got := request.from.mustSend(t, request.method, request.path, body)
		require.Equal(t, request.status, got.status, "%s %s: %s", request.method, request.path, got.body)
		require.True(t, strings.HasPrefix(string(got.body), request.answer), "%s %s: %s", request.method, request.path,
			got.body)
	}
	s.stop(t)
	for _, secret := range []string{admin.header.Get("Tat_password"), "/user/verify/userA/"} {
		require.NotContains(t, s.err.String(), secret, "nothing secret is in the log")
	}
}
