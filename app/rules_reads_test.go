package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence/storetest"
)

// acting are the routes whose GET acts, because a product's document says so.
var acting = map[string][]string{
	"axway": {"/api/portal/v1.3/users/resetpassword", "/api/portal/v1.3/users/validateuser",
		"/api/portal/v1.4/users/resetpassword", "/api/portal/v1.4/users/validateuser"},
	"tat": {"/user/verify/:username/:token"},
	"ethersource": {"/ethersource/rest/v2/users/apiKey", "/ethersource/rest/v2/users/:userId/apiKey", "/users/apiKey",
		"/users/:userId/apiKey"},
}

// refusal is the status with which a surface refuses a method.
func refusal(surface string) int {
	if surface == "tat" {
		return http.StatusNotFound // as the engine does
	}
	return http.StatusMethodNotAllowed
}

// TestHeadChangesNothing sends HEAD to every route of every surface that has GET, as somebody who may
// do everything, to what is there and to what is not. It changes nothing, nor is it answered as GET is
// where that acts.
func TestHeadChangesNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		c := newClock(storyBegins)
		r := serve(t, fixtureSettings(t, engine, "rest", c))
		operator, err := r.directory.Operator(t.Context())
		require.NoError(t, err)
		admin, err := r.directory.Users.Get(t.Context(), operator, directory.GetUser{User: domain.UserRef{Alias: "admin"}})
		require.NoError(t, err)
		user, err := r.directory.Users.Get(t.Context(), operator, directory.GetUser{User: domain.UserRef{Alias: "user1"}})
		require.NoError(t, err)
		basic := basicCaller(r.Address(), "admin", "secret1").header
		headers := map[string]map[string]string{"rest": basic, "axway": basic, "ethersource": basic, "oauth": basic, "console": {},
			"tat":     {"Tat_username": "admin", "Tat_password": "secret1"},
			"tellius": {"Authorization": signIn(t, r.Address(), "admin", "secret1")}}
		ask := func(method, surface, path string) *http.Response {
			t.Helper()
			request, err := http.NewRequestWithContext(t.Context(), method, r.Address()+path, nil)
			require.NoError(t, err)
			for name, value := range headers[surface] {
				request.Header.Set(name, value)
			}
			response, err := http.DefaultTransport.RoundTrip(request)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			return response
		}
		ask("GET", "rest", "/rest/me") // that the admin signed in is noted once
		ask("GET", "tat", "/user/me")
		ask("GET", "rest", "/rest/audit") // which has the sign-ins counted so far written down
		before, asked, refused := storetest.Dump(t, r.directory.DB), 0, map[string]int{}
		values := []string{"admin", "user1", string(admin.UUID), string(user.UUID), "1", "41", "none"}
		for _, offered := range r.Applications() {
			require.NotNil(t, headers[offered.Name], offered.Name)
			for _, route := range offered.App.GetRoutes(true) {
				if route.Method != http.MethodHead {
					continue
				}
				for _, value := range values {
					path := fiberParameter.ReplaceAllString(route.Path, value)
					response := ask("HEAD", offered.Name,
						path+"?email=auth@abcd.com&validator=x&mailaddress=auth@abcd.com&secret=x&user="+value)
					asked++
					require.Less(t, response.StatusCode, 500, "%s: HEAD %s", offered.Name, path)
					if slices.Contains(acting[offered.Name], route.Path) {
						require.Equal(t, refusal(offered.Name), response.StatusCode, path)
						refused[offered.Name]++
					}
					ask("HEAD", offered.Name, path)
					if path == route.Path {
						break
					}
				}
			}
		}
		require.Equal(t, before, storetest.Dump(t, r.directory.DB))
		require.Greater(t, asked, 200)
		for surface, paths := range acting {
			require.GreaterOrEqual(t, refused[surface], len(paths), surface)
		}
	})
}

// TestHeadUsesNoSecret holds that HEAD of the links that a product's document wants to act leaves the
// secret to be used.
func TestHeadUsesNoSecret(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := serve(t, fixtureSettings(t, engine, "rest", newClock(storyBegins)))
		p := person{base: r.Address()}
		r.forget(t, "auth@abcd.com")
		require.NoError(t, r.directory.RunJobs(t.Context()))
		secret := r.mailedSecret(t, "auth@abcd.com")
		for _, path := range []string{"/api/portal/v1.3/users/resetpassword?email=auth@abcd.com&validator=" + secret,
			"/api/portal/v1.4/users/resetpassword?email=auth@abcd.com&validator=" + secret, "/user/verify/user1/" + secret} {
			before := storetest.Dump(t, r.directory.DB)
			require.Contains(t, []int{refusal("axway"), refusal("tat")}, p.ask(t, "HEAD", path, nil).status, path)
			require.Equal(t, before, storetest.Dump(t, r.directory.DB), path)
		}
		require.True(t, r.signsIn(t, "user1", "abcdef"))
		got, _ := caller{base: r.Address()}.call(t, "GET", "/user/verify/user1/"+secret, "")
		require.Equal(t, 200, got)
		require.False(t, r.signsIn(t, "user1", "abcdef"))
	})
}

// TestReadsChangeNothing holds that a use case which changes something fails in a request that only
// reads, whichever route it was put behind.
func TestReadsChangeNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, nil)
		require.NoError(t, s.Accounts.Forgot(t.Context(),
			accounts.AskLink{Whose: accounts.Whose{Alias: "acme.user"}, Link: confirmLink, Lifetime: time.Hour, Source: "1"}))
		q := follow(t, s.mail(t, domain.LetterForgot, "acme.user@example.org"))
		reset := accounts.Redeem{Whose: accounts.Whose{Mail: q.Get("mail")}, Secret: q.Get("secret"), Password: "quite another one",
			Source: "1"}
		operator := s.operator(t)
		user, err := s.Users.Get(t.Context(), operator, directory.GetUser{User: domain.UserRef{Alias: "acme.user"}})
		require.NoError(t, err)
		name, before := "Other", storetest.Dump(t, s.DB)
		reading := domain.WithRequest(t.Context(), domain.Request{Reads: true})
		for what, change := range map[string]func() error{
			"reset":    func() error { _, err := s.Accounts.Reset(reading, reset); return err },
			"register": func() error { _, err := s.Accounts.Register(reading, ada()); return err },
			"password": func() error {
				_, err := s.Accounts.ResetPassword(reading, operator, domain.UserRef{ID: user.ID})
				return err
			},
			"update": func() error {
				_, err := s.Users.Update(reading, operator,
					directory.UpdateUser{User: domain.UserRef{ID: user.ID}, UserPatch: directory.UserPatch{FirstName: &name}})
				return err
			},
			"delete": func() error {
				return s.Users.Delete(reading, operator, directory.DeleteUser{User: domain.UserRef{ID: user.ID}})
			},
			"environment": func() error {
				_, err := s.Environments.Create(reading, operator, directory.EnvironmentPatch{Alias: &name})
				return err
			},
		} {
			err := change()
			require.ErrorIs(t, err, domain.ErrInternal, what)
			require.True(t, strings.Contains(err.Error(), "only reads"), what)
			require.Equal(t, before, storetest.Dump(t, s.DB), what)
		}
		_, err = s.Accounts.Reset(t.Context(), reset)
		require.NoError(t, err, "and works where it may")
	})
}

// TestListsShowTheFirstOfVeryManyEnvironments holds that a list shows the first fifty environments that somebody is
// blocked from, of those that the reader reaches, and how many these are; that a single user is whole; and that what a
// list has shortened is not taken back.
func TestListsShowTheFirstOfVeryManyEnvironments(t *testing.T) {
	for _, engine := range databases {
		t.Run(engine.name, func(t *testing.T) {
			db, _ := engine.open(t)
			d, address := serveFor(t, db, nil)
			many{organizations: 1, environments: 70, users: 140, hash: adminHash(t, d)}.fill(t, db)
			admin, tenant := basicCaller(address, "admin", testPassword), basicCaller(address, "user0.0", testPassword)
			var blocked []string
			_, places := admin.call(t, "GET", "/rest/environments?limit=100", "")
			for _, e := range places.each(t, "data") {
				if alias := e.find(t, "alias").(string); strings.HasPrefix(alias, "e") && len(blocked) < 60 {
					blocked = append(blocked, fmt.Sprint(e.find(t, "envid")))
				}
			}
			status, answer := admin.call(t, "PUT", "/rest/users/user0.65", `{"envsbloque":[`+strings.Join(blocked, ",")+`]}`)
			require.Equal(t, 200, status, answer)
			find := func(c caller) answered {
				_, list := c.call(t, "GET", "/rest/users?limit=500", "")
				for _, u := range list.each(t, "data") {
					if u.find(t, "alias") == "user0.65" {
						return u
					}
				}
				t.Fatal("user0.65 is not listed")
				return answered{}
			}
			listed := find(admin)
			require.Len(t, listed.each(t, "envsbloque"), 50)
			require.EqualValues(t, 60, listed.find(t, "envsbloqueCount"))
			require.Nil(t, listed.find(t, "envsCount"))
			_, single := admin.call(t, "GET", "/rest/users/user0.65", "")
			require.Len(t, single.each(t, "data", "envsbloque"), 60)
			require.Nil(t, single.find(t, "data", "envsbloqueCount"))
			back, err := json.Marshal(listed.value)
			require.NoError(t, err)
			status, _ = admin.call(t, "PUT", "/rest/users/user0.65", string(back))
			require.Equal(t, 400, status)
			// Of what is outside of the reader's reach not even a number is told.
			status, answer = admin.call(t, "PUT", "/rest/users/user0.0", `{"envsbloque":[`+strings.Join(blocked[:11], ",")+`]}`)
			require.Equal(t, 200, status, answer)
			seen := find(tenant)
			require.Less(t, len(seen.each(t, "envsbloque")), 50)
			require.Nil(t, seen.find(t, "envsbloqueCount"))
		})
	}
}
