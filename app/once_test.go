package app_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/domain"
	"canopy/persistence/faultdb"
	"canopy/persistence/testdb"
)

// withoutKey are the POSTs of rest that take no key, or cannot be sent again, with the reason.
var withoutKey = map[string]string{
	"POST /auth":                       "a token is not kept anywhere",
	"POST /rest/accounts/mail":         "a stranger has no place for keys, and a secret works once",
	"POST /rest/accounts/accept":       "a stranger has no place for keys, and a secret works once",
	"POST /rest/accounts/forgot":       "a stranger has no place for keys, and is answered the same",
	"POST /rest/accounts/reset":        "a stranger has no place for keys, and a secret works once",
	"POST /rest/accounts/resend":       "a stranger has no place for keys, and is answered the same",
	"POST /rest/accounts/verify":       "a stranger has no place for keys, and a secret works once",
	"POST /rest/me/factors/{}/confirm": "who has a factor is somebody else to the password alone",
	"POST /rest/me/factors/{}/remove":  "the session that was proved by the factor has ended",
	"POST /rest/me/password":           "who changed their password is somebody else to the old one",
	"POST /rest/objects/{}/usage":      "it is counted in memory, and written down by a job",
}

// notLost are POSTs of rest that TestOnce does not lose the answers of.
var notLost = map[string]bool{
	"POST /rest/environments/{}/signin/preview": true, // it changes nothing
	"POST /rest/providers/preview":              true, // it changes nothing
	"POST /rest/users/invitations":              true, // it goes on: TestOnceGoesOn
}

// withKey adds a key to a request.
func withKey(request []byte, key string) []byte {
	head, rest, _ := bytes.Cut(request, []byte("\r\n"))
	return slices.Concat(head, []byte("\r\nIdempotency-Key: "+key+"\r\n"), rest)
}

// TestOnce sends one request of every POST of rest again and again with the same key. The server ends as soon as the
// first one has made its change; those after it are answered as the first would have been, all the same, and none of
// them changes anything, not even the audit trail or the mail to be sent.
func TestOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		all := surfaces(t)
		described := describe(t, all[slices.IndexFunc(all, func(o app.Offered) bool { return o.Name == "rest" })])
		expected := map[string]bool{}
		for operation := range operations(described.doc) {
			if strings.HasPrefix(operation, "POST ") && withoutKey[operation] == "" {
				expected[operation] = true
			}
		}
		operations := len(expected)
		for _, told := range stories(t, "rest") {
			if strings.HasPrefix(filepath.Base(told.name), "idempotency") {
				continue
			}
			tried := map[string]bool{}
			last := 0
			for i := range told.steps {
				s := &told.steps[i]
				operation := described.operationOf(t, s)
				if s.method == "POST" && s.status[0] == '2' && expected[operation] && !strings.Contains(s.target, "dryRun") {
					delete(expected, operation)
					tried[s.place], last = true, i
				}
			}
			if len(tried) == 0 {
				continue
			}
			told.steps = told.steps[:last+1]
			t.Run(filepath.Base(told.name), func(t *testing.T) {
				t.Parallel()
				c := newClock(storyBegins)
				cfg := fixtureSettings(t, engine, "rest", c)
				faults, err := faultdb.New(engine == "postgres")
				require.NoError(t, err)
				faults.Beside = besideStatement.MatchString
				faults.Whose = func(ctx context.Context) bool { return domain.RequestFrom(ctx).Surface == "rest" }
				db, address := openFaulty(t, &cfg, faults)
				db.Now = cfg.Now
				server := serveOver(t, cfg, db)
				d := newDumper(t, engine, address)
				play(t, told, server, c, described, func(caller *client, s *step, request []byte) (*reply, error) {
					if !tried[s.place] {
						return caller.send(request, s.method)
					}
					request = withKey(request, "key")
					if operation := described.operationOf(t, s); !notLost[operation] {
						done := faults.Follow(faultdb.Plan{Dies: true})
						lost, err := caller.send(request, s.method)
						require.NoError(t, err)
						require.True(t, done().Failed, s.place)
						require.Equal(t, "503 Service Unavailable", lost.status, s.place)
						before := d.dump()
						_, err = caller.send(request, s.method)
						require.NoError(t, err)
						require.Equal(t, before, d.dump(), s.place)
					}
					first, err := caller.send(request, s.method)
					if err != nil {
						return nil, err
					}
					before := d.dump()
					again, err := caller.send(request, s.method)
					require.NoError(t, err)
					require.Equal(t, first.status, again.status, s.place)
					require.Equal(t, string(first.body), string(again.body), s.place)
					for _, of := range []*reply{first, again} {
						of.header.Del("Date")
					}
					id := first.header["X-Request-Id"]
					require.NotEqual(t, id, again.header["X-Request-Id"])
					again.header["X-Request-Id"] = id
					require.Equal(t, first.header, again.header, s.place)
					if after := d.dump(); after != before {
						t.Errorf("%s: the second one changed something: %s", s.place, difference(before, after))
					}
					_, err = d.db.Exec("DELETE FROM kept_answers")
					require.NoError(t, err)
					return first, nil
				})
			})
		}
		require.Greater(t, operations, 25)
		for operation := range expected {
			t.Errorf("no contract file has a request of %s that could be sent twice", operation)
		}
	})
}

// What is more than one transaction goes on where it stopped when it is sent again with its key: nobody is invited
// twice, and an organization is not left without its admin.
func TestOnceGoesOn(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		faults, err := faultdb.New(engine == "postgres")
		require.NoError(t, err)
		faults.Beside = besideStatement.MatchString
		faults.Whose = func(ctx context.Context) bool { return domain.RequestFrom(ctx).Surface == "rest" }
		cfg := fixtureSettings(t, engine, "rest", newClock(storyBegins))
		db, _ := openFaulty(t, &cfg, faults)
		db.Now = cfg.Now
		server := serveOver(t, cfg, db)
		admin := basicCaller(server.Address(), "admin", "secret1")
		lose := func(path, body string) string {
			done := faults.Follow(faultdb.Plan{Dies: true})
			lost := withAKey(t, server, "admin:secret1", path, path, body)
			require.True(t, done().Failed)
			require.Equal(t, "503 Service Unavailable", lost.status)
			first := withAKey(t, server, "admin:secret1", path, path, body)
			require.Equal(t, "200 OK", first.status, string(first.body))
			again := withAKey(t, server, "admin:secret1", path, path, body)
			require.Equal(t, string(first.body), string(again.body))
			other := withAKey(t, server, "admin:secret1", path, path, strings.ReplaceAll(body, "one", "two"))
			require.Equal(t, "422 Unprocessable Entity", other.status, string(other.body))
			return string(first.body)
		}
		invited := lose("/rest/users/invitations",
			`{"addresses": ["one@example.org", "no address", "three@example.org"], "envId": 19, "group": "User"}`)
		require.Equal(t, 1, strings.Count(invited, `"userid":null`), invited)
		for _, alias := range []string{"one@example.org", "three@example.org"} {
			_, user := admin.call(t, "GET", "/rest/users/"+alias, "")
			require.Contains(t, invited, fmt.Sprintf(`"userid":%v,`, user.find(t, "data", "userid")))
		}

		const admins = `, "parent": 1, "admin": {"alias": "founder", ` +
			`"person": {"firstname": "F", "lastname": "", "mailaddress": "%s@example.org"}}}`
		founded := lose("/rest/environments", `{"alias": "one"`+fmt.Sprintf(admins, "founder"))
		_, founder := admin.call(t, "GET", "/rest/users/founder", "")
		home := founder.find(t, "data", "envId")
		require.Contains(t, founded, fmt.Sprintf(`"envid":%v,`, home))

		// One whose admin cannot be invited is refused each time, and then made.
		refused := func() *reply {
			return withAKey(t, server, "admin:secret1", "third", "/rest/environments",
				`{"alias": "third"`+fmt.Sprintf(admins, "third"))
		}
		require.Equal(t, "409 Conflict", refused().status)
		got := refused()
		require.Equal(t, "409 Conflict", got.status)
		require.Contains(t, string(got.body), domain.ErrUserAliasTaken.Code)
		status, _ := admin.call(t, "POST", fmt.Sprintf("/rest/users/%v", founder.find(t, "data", "userid")),
			`{"alias": "earlier"}`)
		require.Equal(t, 200, status)
		got = refused()
		require.Equal(t, "200 OK", got.status, string(got.body))
		_, founder = admin.call(t, "GET", "/rest/users/founder", "")
		home = founder.find(t, "data", "envId")
		require.Contains(t, string(got.body), fmt.Sprintf(`"envid":%v,`, home))
	})
}

// withAKey sends a request with a key to rest.
func withAKey(t *testing.T, server *running, login, key, path, body string) *reply {
	t.Helper()
	c := &client{address: server.host()}
	defer c.close()
	request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\n\r\n%s", path, base64.StdEncoding.EncodeToString([]byte(login)), len(body), body)
	got, err := c.send(withKey([]byte(request), key), "POST")
	require.NoError(t, err)
	return got
}

// Many who send the same at once get the same answer, and what they ask for is done once.
func TestOnceAtTheSameTime(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		server := serveFixture(t, engine, "rest", newClock(storyBegins))
		bodies := make(chan string, 16)
		var crowd sync.WaitGroup
		for range cap(bodies) {
			crowd.Go(func() {
				got := withAKey(t, server, "admin:secret1", "same", "/rest/environments", `{"parent": 19, "alias": "New"}`)
				bodies <- got.status + string(got.body)
			})
		}
		crowd.Wait()
		first := <-bodies
		require.Contains(t, first, "200 OK")
		for range cap(bodies) - 1 {
			require.Equal(t, first, <-bodies)
		}
	})
}

// A commit over which the connection is lost is found out about, and where that cannot be done within the request, its
// retry says what was done. Nothing is done twice.
func TestOnceWhereCommitsAreLost(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		faults, err := faultdb.New(engine == "postgres")
		require.NoError(t, err)
		faults.Beside = besideStatement.MatchString
		faults.Whose = func(ctx context.Context) bool { return domain.RequestFrom(ctx).Surface == "rest" }
		c := newClock(storyBegins)
		cfg := fixtureSettings(t, engine, "rest", c)
		db, _ := openFaulty(t, &cfg, faults)
		db.Now = cfg.Now
		server := serveOver(t, cfg, db)
		send := func(key, alias string) *reply {
			return withAKey(t, server, "admin:secret1", key, "/rest/environments", `{"parent": 19, "alias": "`+alias+`"}`)
		}
		done := faults.Follow(faultdb.Plan{Unknown: 1})
		first := send("one", "One")
		require.True(t, done().Failed)
		require.Equal(t, "200 OK", first.status, string(first.body))
		require.Equal(t, string(first.body), string(send("one", "One").body))

		// The answer is lost with the server; what was done is not.
		_, err = db.ExecContext(t.Context(), "UPDATE kept_answers SET answer = ''")
		require.NoError(t, err)
		running := send("one", "One")
		require.Equal(t, "409 Conflict", running.status)
		require.Equal(t, "1", running.header.Get("Retry-After"), "somebody may be about to answer")
		c.set(storyBegins.Add(2 * time.Minute))
		lost := send("one", "One")
		require.Equal(t, "409 Conflict", lost.status)
		require.Contains(t, string(lost.body), domain.ErrOnceDone.Code)
		require.Contains(t, string(first.body), `"envid":`+strings.TrimPrefix(lost.header.Get("Location"),
			"/rest/environments/")+",")

		// Without a key nobody can know.
		done = faults.Follow(faultdb.Plan{Unknown: 1})
		require.Equal(t, "503 Service Unavailable", basicOf(t, server, "/rest/environments", `{"parent": 19, "alias": "Two"}`))
		require.True(t, done().Failed)
		require.Equal(t, "409 Conflict", basicOf(t, server, "/rest/environments", `{"parent": 19, "alias": "Two"}`))
	})
}

// basicOf sends a request of the admin's without a key, and returns the status.
func basicOf(t *testing.T, server *running, path, body string) string {
	t.Helper()
	status, _ := basicCaller(server.Address(), "admin", "secret1").call(t, "POST", path, body)
	return map[int]string{409: "409 Conflict", 503: "503 Service Unavailable"}[status]
}

// What is kept cannot be read in the database, is not shown to somebody whose rights are others by then, is bounded in
// length and number, and goes after a day.
func TestAnswersKept(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		c := newClock(storyBegins)
		cfg := fixtureSettings(t, engine, "rest", c)
		cfg.Quotas.Answers = 4
		address := cfg.DatabaseURL
		if address == "" {
			address = filepath.Join(cfg.Data, "canopy.db")
		}
		server := serve(t, cfg)
		d := newDumper(t, engine, address)
		send := func(key, body string) *reply { return withAKey(t, server, "user1:abcdef", key, "/rest/me/keys", body) }
		const key = `{"name": "mine"}`
		first := send("one", key)
		require.Equal(t, "200 OK", first.status, string(first.body))
		_, secret, _ := strings.Cut(string(first.body), `"text":"`)
		secret, _, _ = strings.Cut(secret, `"`)
		require.NotEmpty(t, secret)
		dump := d.dump()
		require.NotContains(t, dump, secret)
		require.NotContains(t, dump, base64.StdEncoding.EncodeToString([]byte(secret))[:8])

		admin := basicCaller(server.Address(), "admin", "secret1")
		status, _ := admin.call(t, "POST", "/rest/users/41", `{"role": "power"}`)
		require.Equal(t, 200, status)
		changed := send("one", key)
		require.Equal(t, "409 Conflict", changed.status, "the rights are others now")
		require.NotContains(t, string(changed.body), secret)
		status, _ = admin.call(t, "POST", "/rest/users/41", `{"role": "user"}`)
		require.Equal(t, 200, status)
		require.Equal(t, string(first.body), string(send("one", key).body))

		part := strings.Repeat("\u2028", 2000) // six bytes each in JSON
		long := `{"kind": "observer", "name": "Long", "attributes": {"description": "` + part + `", "keywords": "` +
			part + part + `"}}`
		thing := withAKey(t, server, "admin:secret1", "long", "/rest/objects", long)
		require.Equal(t, "200 OK", thing.status, string(thing.body))
		require.Greater(t, len(thing.body), domain.MaxKeptAnswer)
		again := withAKey(t, server, "admin:secret1", "long", "/rest/objects", long)
		require.Equal(t, "409 Conflict", again.status)
		require.Equal(t, thing.header.Get("Location"), again.header.Get("Location"))
		require.NotEmpty(t, again.header.Get("Location"))

		for i := range 3 {
			require.Equal(t, "200 OK", send(fmt.Sprint("more", i), fmt.Sprintf(`{"name": "more %d"}`, i)).status)
		}
		require.Equal(t, "429 Too Many Requests", send("toomany", `{"name": "too many"}`).status)
		require.Equal(t, string(first.body), string(send("one", key).body), "what was sent before is answered")
		c.set(storyBegins.Add(domain.AnswerKept))
		require.Equal(t, "200 OK", send("toomany", `{"name": "too many"}`).status)
		require.NoError(t, server.directory.Accounts.Sweep(t.Context()))
		var left int
		require.NoError(t, d.db.QueryRow("SELECT count(*) FROM kept_answers").Scan(&left))
		require.Equal(t, 1, left)
	})
}

// A form that is sent twice, as when its button is pressed twice, does once what it does, and is answered alike. One
// that says something else is another, and so is that of a page that is shown again.
func TestFormOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		g := openConsole(t, engine, nil).visitAs(t, "grace.hopper")
		page := g.get(t, linkTo(t, g.get(t, "place?id=Acme"), "New place"))
		form := formOf(t, page, "place-new")
		form.Set("alias", "Once")
		require.NotEmpty(t, form.Get("once"))
		first := g.send(t, http.MethodPost, "place-new", form)
		again := g.send(t, http.MethodPost, "place-new", form)
		require.Equal(t, http.StatusSeeOther, first.status, first.text)
		require.Equal(t, http.StatusSeeOther, again.status, again.text)
		require.Equal(t, first.header.Get("Location"), again.header.Get("Location"))
		form.Set("once", formOf(t, g.get(t, linkTo(t, g.get(t, "place?id=Acme"), "New place")), "place-new").Get("once"))
		require.Equal(t, http.StatusConflict, g.send(t, http.MethodPost, "place-new", form).status, "the name is taken")
	})
}

// A form whose answer was lost with the server leads to what it made, and makes it once.
func TestFormWhoseAnswerIsLost(t *testing.T) {
	faults, err := faultdb.New(false)
	require.NoError(t, err)
	faults.Beside = besideStatement.MatchString
	faults.Whose = func(ctx context.Context) bool { return domain.RequestFrom(ctx).Surface == "console" }
	cfg := settings(t, newClock(time.Now()))
	cfg.AnswerFloor, cfg.AdminPassword, cfg.PublicURL = 0, demoPassword, publicURL
	cfg.Data = filepath.Dir(testdb.SQLiteFrom(t, "demo", func(path string) error {
		demo := cfg
		demo.Data = filepath.Dir(path)
		return fillDemo(t.Context(), demo)
	}))
	db, _ := openFaulty(t, &cfg, faults)
	db.Now = cfg.Now
	g := serveOver(t, cfg, db).visitAs(t, "grace.hopper")
	form := formOf(t, g.get(t, linkTo(t, g.get(t, "place?id=Acme"), "New place")), "place-new")
	form.Set("alias", "Lost")
	done := faults.Follow(faultdb.Plan{Dies: true})
	lost := g.send(t, http.MethodPost, "place-new", form)
	require.True(t, done().Failed)
	require.Equal(t, http.StatusServiceUnavailable, lost.status, lost.text)
	again := g.send(t, http.MethodPost, "place-new", form)
	require.Equal(t, http.StatusSeeOther, again.status, again.text)
	page := g.get(t, again.header.Get("Location"))
	require.Contains(t, page.text, "Lost")
	require.Contains(t, page.text, "Saved.")
}
