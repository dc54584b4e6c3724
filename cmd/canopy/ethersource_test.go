package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var mailedUUID = regexp.MustCompile(`https://portal\.example/confirm\?uuId=([0-9a-f-]{36})`)

// mailedUUIDTo waits for the mail with the link of a confirmation to an address, and returns its uuId.
func mailedUUIDTo(t *testing.T, at place, address string) (found string) {
	t.Helper()
	eventually(t, func() bool {
		names, err := filepath.Glob(filepath.Join(at.data(), "outbox", "*.eml"))
		require.NoError(t, err)
		for _, name := range names {
			raw, err := os.ReadFile(name)
			require.NoError(t, err)
			text := strings.NewReplacer("=\r\n", "", "=3D", "=").Replace(string(raw))
			if m := mailedUUID.FindStringSubmatch(text); m != nil && strings.Contains(text, "To: <"+address+">") {
				found = m[1]
			}
		}
		return found != ""
	}, "the mail to "+address)
	return found
}

// TestEthersourceDocument sends every request of Ethersource's document to a server without a
// mail server, whose first user is its administrator, at the product's place and at the root.
func TestEthersourceDocument(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"/ethersource/rest/v2", ""} {
		t.Run(base, func(t *testing.T) {
			t.Parallel()
			at := inSQLite(t)
			s := canopy("serve", "--bootstrap", "first-user", "--public-url", "http://tat.example:8080").in(at).serve(t)
			first := signedUp(t, s, at, "boss")
			admin := s.as("boss", first.header.Get("Tat_password")).with("Content-Type", `application/json;charset="UTF-8"`)
			send := func(by caller, method, path, body string, status int, want string) string {
				t.Helper()
				var sent any
				if body != "" {
					sent = body
				}
				got := by.mustSend(t, method, base+path, sent)
				require.Equal(t, status, got.status, "%s %s: %s", method, path, got.body)
				require.Regexp(t, "^"+want+"$", string(got.body), "%s %s", method, path)
				return string(got.body)
			}
			anna := `{"userId": "anna", "firstName": "Anna", "lastName": "Berg", "email": "anna@example.org", "password": "secret11", "company": "Gavagai", "country": "SE", "language": "EN"}`
			created := send(admin, "POST", "/users", anna, 201, `\{"userId":"anna",.*"active":false,"apiKey":"[A-Z2-7]{52}"\}`)
			var user struct{ APIKey string }
			require.NoError(t, json.Unmarshal([]byte(created), &user))
			send(admin, "GET", "/users/apiKey", "", 200, `\{"userId":"boss","apiKey":"[A-Z2-7]{52}"\}`)
			send(admin, "GET", "/users/anna/apiKey", "", 200, `\{"userId":"anna","apiKey":"`+user.APIKey+`"\}`)

			confirmation := func(kind string) {
				send(admin, "POST", "/users/anna/sendConfirmationEmail?confirmationLink=https%3A%2F%2Fportal.example%2Fconfirm"+
					kind,
					`{"from": "support@example.org", "subject": "Confirm", "body": "Follow {<%URL_PlaceHolder%>} please."}`, 201,
					"true")
			}
			confirmation("")
			activation := mailedUUIDTo(t, at, "anna@example.org")
			send(admin, "POST", "/users/anna/activate?uuId="+activation, "", 201, "true")
			send(admin, "PUT", "/users/anna/email?email=anna.berg%40example.org", "", 204, "")
			confirmation("&confirmationType=EMAIL_CHANGE")
			change := mailedUUIDTo(t, at, "anna.berg@example.org")
			send(admin, "POST", "/users/anna/email/confirm?uuId="+change, "", 201, "true")
			send(admin, "PUT", "/users/anna", strings.Replace(anna, "anna@", "anna.berg@", 1), 204, "")
			send(admin, "PUT", "/users/anna/password?password=secret22", "", 204, "")
			send(admin, "GET", "/users/roles", "", 200, `\{"userId":"boss","roles":\["AUTHENTICATED_USER","TRUSTED_USER"\]\}`)
			send(admin, "GET", "/users/confirm/credentials", "", 200, "")
			send(s.as("boss", "wrong"), "GET", "/users/confirm/credentials", "", 401, `\{"message":".*"\}`)

			// What there is to list is made at rest.
			for i := range 4 {
				kind := []string{"observer", "sector"}[i%2]
				var made struct{ ID int64 }
				admin.post(t, "/rest/objects", fields{"kind": kind, "name": fmt.Sprintf("Thing %d", i)}).ok(t).into(t, &made)
				admin.post(t, fmt.Sprintf("/rest/objects/%d/copies", made.ID), fields{"to": "anna"}).ok(t)
				admin.post(t, fmt.Sprintf("/rest/objects/%d/bookmark", made.ID), nil).ok(t)
				admin.post(t, fmt.Sprintf("/rest/objects/%d/usage", made.ID), fields{"count": 3}).ok(t)
			}
			send(admin, "GET", "/users/bookmarks", "", 200, `\{"observers":\[.*"Thing 0".*\],"sectors":\[.*"Thing 3".*\]\}`)
			byName, byKey := s.as("anna", "secret22"), s.anonymous().with("apiKey", user.APIKey)
			for _, by := range []caller{byName, byKey, byName.with("apiKey", user.APIKey)} {
				send(by, "GET", "/users/copyrequests", "", 200,
					`\{"observerCopyRequests":\[\{.*"fromUserId":"boss","toUserId":"anna".*\],"sectorCopyRequests":\[.*"title":"Thing 1".*\]\}`)
			}
			send(byName, "DELETE", "/users/copyobserverrequests/1", "", 204, "")
			send(byName, "DELETE", "/users/copysectorrequests/2", "", 204, "")
			send(byKey, "PUT", "/users/copyobserverrequests/3/activate", "", 204, "")
			send(byKey, "PUT", "/users/copysectorrequests/4/activate?apiKey="+user.APIKey, "", 204, "")
			send(byName, "GET", "/users/copyrequests", "", 200, `\{"observerCopyRequests":\[\],"sectorCopyRequests":\[\]\}`)
			eventually(t, func() bool {
				got := admin.get(t, base+
					"/users/usagestatistics?timestampBegin=2014-05-08%2000%3A00%3A00%20CEST&timestampEnd=2999-01-01")
				return got.status == 200 && strings.Count(string(got.body), `"documents":3`) == 2
			}, "the usage of both observers")
			send(byName, "GET", "/users/usagestatistics?timestampBegin=1399500000000&timestampEnd=2999-01-01T00:00:00Z", "", 200,
				`\{"timestampBegin":"2014-05-01 00:00:00 UTC","timestampEnd":"2999-01-01 00:00:00 UTC","statistics":\[\]\}`)

			s.stop(t)
			for _, secret := range []string{user.APIKey, activation, change, "secret11", "secret22", "anna.berg"} {
				require.NotContains(t, s.err.String(), secret, "nothing of a query is in the log")
			}
		})
	}
}
