package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
)

// withKey sends a request with an API key, in the header of that name or as a token, and returns
// status and body.
func (w *twoTenants) withKey(t *testing.T, header, key, method, path, body string) (int, string) {
	t.Helper()
	req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(res)
	req.SetRequestURI(w.Address() + path)
	req.Header.SetMethod(method)
	if header == "Authorization" {
		key = "Bearer " + key
	}
	req.Header.Set(header, key)
	if body != "" {
		req.Header.SetContentType("application/json")
		req.SetBodyString(body)
	}
	require.NoError(t, fasthttp.Do(req, res))
	return res.StatusCode(), string(res.Body())
}

// newKey makes a key of somebody.
func (w *twoTenants) newKey(t *testing.T, alias string, in accounts.NewAPIKey) string {
	t.Helper()
	in.Name = "key"
	key, err := w.directory.APIKeys.Create(t.Context(), w.principal(t, alias), accounts.OfUser[accounts.NewAPIKey]{In: in})
	require.NoError(t, err)
	return string(key.Text)
}

// TestKeysAreGoodOnRest holds that a key is as good as its user's password, where tokens go and in a
// header of its own, until it expires.
func TestKeysAreGoodOnRest(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		plain := w.newKey(t, "acme.admin", accounts.NewAPIKey{})
		brief := w.newKey(t, "acme.admin", accounts.NewAPIKey{Expires: storyBegins.Add(time.Hour)})
		for _, header := range []string{"Authorization", "apiKey"} {
			for _, key := range []string{plain, brief} {
				status, answer := w.withKey(t, header, key, "GET", "/rest/me", "")
				require.Equal(t, 200, status, answer)
				require.Contains(t, answer, `"alias":"acme.admin"`)
			}
			status, answer := w.withKey(t, header, strings.Repeat("A", 52), "GET", "/rest/me", "")
			require.Equal(t, 401, status, answer)
		}
		w.clock.set(storyBegins.Add(time.Hour))
		status, answer := w.withKey(t, "apiKey", brief, "GET", "/rest/me", "")
		require.Equal(t, 401, status, answer)
		status, _ = w.withKey(t, "apiKey", plain, "GET", "/rest/me", "")
		require.Equal(t, 200, status)
	})
}

// TestNarrowedKeys holds that a program with a narrowed key has nothing but what is left, nor any way
// to more.
func TestNarrowedKeys(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		mask := domain.UserRead.Mask() | domain.UserUpdate.Mask() | domain.EnvironmentRead.Mask() | domain.APIRead.Mask() | domain.APIKeyManage.Mask()
		key := w.newKey(t, "acme.admin", accounts.NewAPIKey{Mask: &mask, Environment: "Acme/Prod"})
		ask := func(method, path, body string) (int, string) { return w.withKey(t, "apiKey", key, method, path, body) }
		alias := func(path string) (string, int) {
			status, answer := ask("GET", path, "")
			require.Equal(t, 200, status, answer)
			return answer, strings.Count(answer, `"alias":"acme.`)
		}

		answer, n := alias("/rest/users?sort=alias")
		require.Equal(t, 2, n, "power and user are at home in Prod: %s", answer)
		_, n = alias("/rest/users")
		require.Equal(t, 2, n, "its place is where it is")
		user, power := w.principal(t, "acme.user"), w.principal(t, "acme.power")
		for _, refused := range []struct {
			status             int
			method, path, body string
		}{
			{404, "GET", "/rest/users/acme.labs", ""},
			{404, "GET", "/rest/users/bolt.user", ""},
			{404, "GET", "/rest/environments/byAlias/Labs", ""},
			{404, "GET", "/rest/users?env=Acme", ""},
			{403, "POST", "/rest/users",
				`{"alias":"x","password":"secret-1","group":"User","envId":"Prod","person":{"firstname":"X","lastname":"Y","mailaddress":"x@acme.example"}}`},
			{403, "POST", "/rest/environments", `{"alias":"X","parent":"Prod"}`},
			{403, "GET", "/rest/groups", ""},
			{403, "GET", "/rest/audit", ""},
			{403, "POST", "/rest/me/keys", `{"name":"wide"}`},
			{403, "GET", "/rest/me/keys", ""},
			{403, "GET", "/rest/me/sessions", ""},
			{403, "POST", "/rest/me/password", fmt.Sprintf(`{"oldPassword":%q,"newPassword":"other-secret"}`, testPassword)},
			{403, "POST", "/rest/me/mail", `{"mailaddress":"x@example.org"}`},
			// The admin could; but the user has permissions that the key has not.
			{403, "POST", fmt.Sprintf("/rest/users/%d", user.User), `{"person":{"phone":"1"}}`},
			{403, "POST", fmt.Sprintf("/rest/users/%d/keys", power.User), `{"name":"theirs"}`},
		} {
			status, answer := ask(refused.method, refused.path, refused.body)
			require.Equal(t, refused.status, status, "%s %s: %s", refused.method, refused.path, answer)
		}
		answer, _ = alias("/rest/objects?everywhere=true")
		require.NotContains(t, answer, "Prices", "what the organization shares lies outside the place")

		to := domain.EnvironmentRef("Acme/Test")
		_, err := w.directory.Environments.Update(t.Context(), w.operator(t),
			directory.UpdateEnvironment{Environment: "Acme/Prod", EnvironmentPatch: directory.EnvironmentPatch{Parent: &to}})
		require.NoError(t, err)
		_, n = alias("/rest/users?sort=alias")
		require.Equal(t, 2, n, "the key goes where its place goes")

		blocked := []domain.EnvironmentRef{"Acme/Test"}
		_, err = w.directory.Users.Update(t.Context(), w.operator(t),
			directory.UpdateUser{User: domain.UserRef{ID: w.principal(t, "acme.admin").User},
				UserPatch: directory.UserPatch{Blocked: &blocked}})
		require.NoError(t, err)
		status, answer := ask("GET", "/rest/users", "")
		require.Equal(t, 403, status, "it has nothing of what its user has no more: %s", answer)
	})
}

// TestNarrowedKeysGoWithTheirPlace holds that a key is revoked with the environment that it is narrowed
// to, and does not become a wider one.
func TestNarrowedKeysGoWithTheirPlace(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		w.addEnvironment(t, "Acme/Test", "Brief", false)
		brief := w.newKey(t, "acme.admin", accounts.NewAPIKey{Environment: "Acme/Test/Brief"})
		labs := w.newKey(t, "acme.admin", accounts.NewAPIKey{Environment: "Acme/Labs"})
		status, _ := w.withKey(t, "apiKey", brief, "GET", "/rest/environments", "")
		require.Equal(t, 200, status)
		require.NoError(t, w.directory.Environments.Delete(t.Context(), w.operator(t), directory.DeleteEnvironment{Environment: "Acme/Test/Brief"}))
		status, _ = w.withKey(t, "apiKey", brief, "GET", "/rest/environments", "")
		require.Equal(t, 401, status)
		status, _ = w.withKey(t, "apiKey", labs, "GET", "/rest/environments", "")
		require.Equal(t, 200, status)
		keys, err := w.directory.APIKeys.List(t.Context(), w.principal(t, "acme.admin"), domain.UserRef{})
		require.NoError(t, err)
		require.Len(t, keys, 1)
		require.Equal(t, "Acme/Labs", keys[0].Environment.ShownPath)
	})
}
