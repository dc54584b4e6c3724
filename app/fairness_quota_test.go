package app_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence/testdb"
)

// TestQuotas holds that of each kind an organization and a user have as many as may be and no more,
// however many ask at once, that the refusal says how many that is and where it is changed, and that
// what goes makes room again.
func TestQuotas(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine, func(cfg *app.Config) {
			// Acme has three users, three environments, a group and three objects, of which one user owns one.
			require.NoError(t, cfg.SetQuotas(map[string]int64{"users": 5, "environments": 5, "groups": 3, "objects": 6,
				"owned": 2, "keys": 2, "sessions": 3}))
		})
		admin := visitorFrom(t, "127.0.0.2", "Bearer "+signIn(t, w.Address(), "acme.admin", testPassword))
		user := visitorFrom(t, "127.0.0.3", "Bearer "+signIn(t, w.Address(), "acme.user", testPassword))
		for _, c := range []struct {
			kind, path, body string
			by               visitor
			room, most       int
		}{
			{"users", "/rest/users",
				`{"alias":"quota%d","password":"secret-1","group":"User","envId":"Acme","person":{"firstname":"Q","lastname":"Q","mailaddress":"q%[1]d@example.org"}}`, admin, 2, 5},
			{"environments", "/rest/environments", `{"alias":"quota%d","parent":"Acme"}`, admin, 2, 5},
			{"groups", "/rest/groups", `{"alias":"quota%d","permission":0}`, admin, 2, 3},
			{"objects", "/rest/objects", `{"kind":"observer","name":"quota%d"}`, user, 1, 2},
			{"objects", "/rest/objects", `{"kind":"observer","name":"quota1%d"}`, admin, 1, 2}, // who owns a topic
			{"keys", "/rest/me/keys", `{"name":"quota%d"}`, user, 2, 2},
		} {
			var made, refused atomic.Int64
			var said sync.Map
			var all sync.WaitGroup
			for i := range c.room + 4 {
				all.Go(func() {
					body := fmt.Sprintf(strings.ReplaceAll(c.body, "%[1]d", fmt.Sprint(i)), i)
					status, answer := c.by.ask(t, "POST", w.Address()+c.path, body)
					switch status {
					case http.StatusOK:
						made.Add(1)
					case http.StatusConflict:
						refused.Add(1)
						said.Store(answer, true)
					default:
						t.Errorf("%s: %d %s", c.kind, status, answer)
					}
				})
			}
			all.Wait()
			require.EqualValues(t, c.room, made.Load(), c.kind)
			require.EqualValues(t, 4, refused.Load(), c.kind)
			said.Range(func(answer, _ any) bool {
				require.Contains(t, answer, fmt.Sprintf("at most %d ", c.most), c.kind)
				require.Contains(t, answer, "--quotas", c.kind)
				return true
			})
		}
		below, err := w.directory.Environments.Children(t.Context(), w.operator(t),
			directory.ListChildren{Parent: "Acme"})
		require.NoError(t, err)
		var children []directory.EnvironmentDocument
		for e, err := range below.Items {
			require.NoError(t, err)
			children = append(children, e)
		}
		made := slices.IndexFunc(children,
			func(e directory.EnvironmentDocument) bool { return strings.HasPrefix(e.Alias, "quota") })
		status, answer := admin.ask(t, "DELETE", fmt.Sprint(w.Address(), "/rest/environments/", int64(children[made].ID)), "")
		require.Equal(t, 200, status, answer)
		status, answer = admin.ask(t, "POST", w.Address()+"/rest/environments", `{"alias":"again","parent":"Acme"}`)
		require.Equal(t, 200, status, answer)
		// Others have their own room.
		bolt := visitorFrom(t, "127.0.0.4", "Bearer "+signIn(t, w.Address(), "bolt.admin", testPassword))
		status, answer = bolt.ask(t, "POST", w.Address()+"/rest/environments", `{"alias":"mine","parent":"Bolt"}`)
		require.Equal(t, 200, status, answer)
		for range 5 {
			signIn(t, w.Address(), "bolt.user", testPassword)
		}
		sessions, err := w.directory.Sessions.List(t.Context(), w.principal(t, "bolt.user"), domain.UserRef{})
		require.NoError(t, err)
		require.Len(t, sessions, 3)
	})
}

// ask sends a request and returns status and body of the answer.
func (v visitor) ask(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header = v.header.Clone()
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := v.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(res.Body)
	require.NoError(t, err)
	return res.StatusCode, text.String()
}

// TestWritesAreBounded holds that a user who changes too much is told to wait, on every surface and
// whatever credentials they use, that reading goes on, and that nobody else is told so.
func TestWritesAreBounded(t *testing.T) {
	w := newTwoTenants(t, "sqlite", func(cfg *app.Config) { cfg.WriteRate = 1 })
	user := visitorFrom(t, "127.0.0.2", "Bearer "+signIn(t, w.Address(), "acme.user", testPassword))
	key := w.newKey(t, "acme.user", accounts.NewAPIKey{})
	status, refused := 0, 0
	for range 30 {
		if status, _ = user.ask(t, "POST", w.Address()+"/rest/me/keys", `{"name":""}`); status == http.StatusTooManyRequests {
			refused++
		}
	}
	require.Greater(t, refused, 10)
	status, answer := w.withKey(t, "apiKey", key, "POST", "/rest/me/keys", `{"name":"other"}`)
	require.Equal(t, http.StatusTooManyRequests, status, answer)
	status, answer = w.axway(t, "acme.user", "PUT", "/api/portal/v1.3/currentuser", "application/json", "{}")
	require.Equal(t, http.StatusTooManyRequests, status, answer)
	status, answer = user.ask(t, "GET", w.Address()+"/rest/me", "")
	require.Equal(t, 200, status, answer)
	status, answer = w.axway(t, "acme.admin", "PUT", "/api/portal/v1.3/currentuser", "application/json", "{}")
	require.Equal(t, 200, status, answer)
}

// Somebody who changes things over many connections leaves others their turn.
func TestWritingIsFair(t *testing.T) {
	flood(t)
	inTurn(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		noisy := visitorFrom(t, "127.0.0.2", "Bearer "+signIn(t, w.Address(), "acme.admin", testPassword))
		quiet := visitorFrom(t, "127.0.0.3", "Bearer "+signIn(t, w.Address(), "bolt.admin", testPassword))
		ctx, made := t.Context(), atomic.Int64{}
		user, other := w.principal(t, "acme.user").User, w.principal(t, "bolt.user").User
		change := func(n int64) *strings.Reader {
			return strings.NewReader(fmt.Sprintf(`{"person":{"phone":"%d"}}`, n))
		}
		require.NoError(t, noisy.expect(ctx, 200, "POST", fmt.Sprint(w.Address(), "/rest/users/", int64(user)), change(0)),
			"noise is answered")
		fair(t, 64,
			func(ctx context.Context) {
				_, _ = noisy.send(ctx, "POST", fmt.Sprint(w.Address(), "/rest/users/", int64(user)), change(made.Add(1)))
			},
			func() error {
				return quiet.expect(ctx, 200, "POST", fmt.Sprint(w.Address(), "/rest/users/", int64(other)), change(made.Add(1)))
			})
	})
}

// previewNoise is by how much more than twice as long a change may take beside previews: what a machine with few
// processors needs to get to it.
const previewNoise = 10 * time.Millisecond

// Somebody who previews changes of ten thousand people one after the other leaves others their turn: they are told to
// wait, and the previews that there are keep nobody from changing anything.
func TestPreviewingIsFair(t *testing.T) {
	flood(t)
	inTurn(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine, func(cfg *app.Config) { cfg.Previews = app.DefaultConfig().Previews })
		many{organizations: 1, environments: 2, users: 10_000, hash: adminHash(t, w.directory)}.fill(t, w.directory.DB)
		noisy := visitorFrom(t, "127.0.0.2", "Bearer "+signIn(t, w.Address(), "user0.0", testPassword))
		quiet := visitorFrom(t, "127.0.0.3", "Bearer "+signIn(t, w.Address(), "bolt.admin", testPassword))
		place, err := w.directory.Gate.Environment(t.Context(), ref(w.principal(t, "user0.0")), "/Org0/e1")
		require.NoError(t, err)
		other, made := w.principal(t, "bolt.user").User, atomic.Int64{}
		preview := func(ctx context.Context) (int, error) {
			return noisy.send(ctx, "POST", fmt.Sprint(w.Address(), "/rest/environments/", int64(place.ID), "?dryRun=true"),
				strings.NewReader(`{"active": false}`))
		}
		change := func() error {
			return quiet.expect(t.Context(), 200, "POST", fmt.Sprint(w.Address(), "/rest/users/", int64(other)),
				strings.NewReader(fmt.Sprintf(`{"person":{"phone":"%d"}}`, made.Add(1))))
		}
		status, err := preview(t.Context())
		require.NoError(t, err)
		require.Equal(t, 200, status, "noise is answered")
		percentile := quietCalls * 95 / 100
		for range 3 { // other work on the machine is noise too
			alone := timed(t, "alone", change)[percentile]
			ctx, hush := context.WithCancel(t.Context())
			var crowd sync.WaitGroup
			var answered, refused atomic.Int64
			for range 2 {
				crowd.Go(func() {
					for ctx.Err() == nil {
						switch status, _ := preview(ctx); status {
						case 200:
							answered.Add(1)
						case http.StatusTooManyRequests:
							refused.Add(1)
							time.Sleep(20 * time.Millisecond) // requests as such are no preview's doing
						}
					}
				})
			}
			beside := time.Duration(0)
			for n := 0; n < 30 && answered.Load()+refused.Load() == 0; n++ { // until a preview has come to its end
				beside = max(beside, timed(t, "beside previews", change)[percentile])
			}
			hush()
			crowd.Wait()
			require.Positive(t, answered.Load()+refused.Load(), "nothing was previewed")
			t.Logf("p95 is %s alone and %s beside previews, of which %d were answered and %d refused", alone, beside,
				answered.Load(), refused.Load())
			if testdb.Race || beside <= 2*alone+previewNoise {
				return
			}
		}
		require.Fail(t, "somebody quiet waits too long")
	})
}

// A preview is refused before it looks at more people than it takes, and an organization that has previewed much is
// told when to ask again, while others go on.
func TestPreviewsAreBounded(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine, func(cfg *app.Config) { cfg.Previews.People = 3 })
		admin := visitorFrom(t, "127.0.0.2", "Bearer "+signIn(t, w.Address(), "acme.admin", testPassword))
		off := func(name string) (int, string) {
			e, err := w.directory.Gate.Environment(t.Context(), ref(w.principal(t, "acme.admin")), domain.EnvironmentRef(name))
			require.NoError(t, err)
			return admin.ask(t, "POST", fmt.Sprint(w.Address(), "/rest/environments/", int64(e.ID), "?dryRun=true"),
				`{"active": false}`)
		}
		status, answer := off("/Acme/Prod") // which its two people, two admins and the superUser reach
		require.Equal(t, http.StatusConflict, status, answer)
		require.Contains(t, answer, "more than 3 people")
		status, answer = admin.ask(t, "POST", fmt.Sprint(w.Address(), "/rest/users/",
			int64(w.principal(t, "acme.user").User), "?dryRun=true"), `{"active": false}`)
		require.Equal(t, 200, status, answer)
	})
	t.Run("share", func(t *testing.T) {
		w := newTwoTenants(t, "sqlite", func(cfg *app.Config) { cfg.Previews.Share = 1e-3 })
		callers := make(map[string]visitor)
		for i, alias := range []string{"acme.admin", "acme.power", "acme.user", "bolt.admin"} {
			callers[alias] = visitorFrom(t, fmt.Sprint("127.0.0.", 2+i), "Bearer "+signIn(t, w.Address(), alias, testPassword))
		}
		preview := func(alias string) (int, string) { // of one's own account
			return callers[alias].ask(t, "POST", fmt.Sprint(w.Address(), "/rest/users/",
				int64(w.principal(t, alias).User), "?dryRun=true"), `{"person": {"firstname": "New"}}`)
		}
		spend := func(alias string, took time.Duration) {
			caller := w.principal(t, alias)
			w.directory.Previews.Spend(caller.UserKey(), took)
		}
		status, answer := preview("acme.admin")
		require.Equal(t, 200, status, answer)
		_, hash, _ := strings.Cut(answer, `"hash":"`)
		hash = hash[:32]
		spend("acme.admin", 10*time.Second)
		status, answer = preview("acme.admin")
		require.Equal(t, http.StatusTooManyRequests, status, answer)
		require.Contains(t, answer, "Your previews took much time")
		for _, other := range []string{"acme.power", "bolt.admin"} {
			status, answer = preview(other)
			require.Equal(t, 200, status, answer)
		}
		// Who was told what a change does may make it, once.
		carryOut := func() (int, string) {
			callers["acme.admin"].header.Set("If-Plan", hash)
			defer callers["acme.admin"].header.Del("If-Plan")
			return callers["acme.admin"].ask(t, "POST", fmt.Sprint(w.Address(), "/rest/users/",
				int64(w.principal(t, "acme.admin").User)), `{"person": {"firstname": "New"}}`)
		}
		status, answer = carryOut()
		require.Equal(t, 200, status, answer)
		status, answer = carryOut()
		require.Equal(t, http.StatusTooManyRequests, status, answer)

		spend("acme.power", time.Hour) // of which five minutes' worth are owed
		status, answer = preview("acme.user")
		require.Equal(t, http.StatusTooManyRequests, status, answer)
		require.Contains(t, answer, "The previews of your organization")
		_, seconds, _ := strings.Cut(answer, "Ask again in ")
		seconds, _, _ = strings.Cut(seconds, " ")
		wait, err := strconv.Atoi(seconds)
		require.NoError(t, err)
		require.LessOrEqual(t, wait, 301)
		status, answer = preview("bolt.admin")
		require.Equal(t, 200, status, answer)
	})
}

func ref[T any](v T) *T { return &v }
