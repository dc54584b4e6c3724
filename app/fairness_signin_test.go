package app_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/authn"
	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence/storetest"
)

// A door is a server at which people sign in; the password of all of them is testPassword.
type door struct {
	*running
	fresh atomic.Int64 // how many addresses were made
}

func newDoor(t *testing.T, engine string, cost authn.Cost, people ...string) *door {
	cfg := settings(t, newClock(time.Now()))
	if engine == "postgres" {
		cfg.DatabaseURL = storetest.PostgresURL(t)
	}
	cfg.AdminPassword, cfg.PasswordCost, cfg.RequestLimit = testPassword, cost, 8*time.Second
	db, err := app.OpenDatabase(t.Context(), &cfg)
	require.NoError(t, err)
	_, err = app.Begin(t.Context(), &cfg, db)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	d := &door{running: serve(t, cfg)}
	operator, err := d.directory.Operator(t.Context())
	require.NoError(t, err)
	for _, alias := range people {
		_, err := d.directory.Users.Create(t.Context(), operator, directory.UserPatch{Alias: &alias, FirstName: &alias,
			Home: new(domain.EnvironmentRef("/")), Group: new(domain.GroupRef("User")), Password: new(testPassword)})
		require.NoError(t, err)
	}
	return d
}

// anew returns somebody at an address from which nobody has come yet.
func (d *door) anew(t *testing.T, authorization string) visitor {
	n := d.fresh.Add(1)
	return visitorFrom(t, fmt.Sprintf("127.7.%d.%d", n/250, 1+n%250), authorization)
}

// signIn signs in at rest and returns the status.
func (d *door) signIn(ctx context.Context, v visitor, login, password string) (int, error) {
	return v.send(ctx, "POST", d.Address()+"/auth",
		strings.NewReader(fmt.Sprintf(`{"user":%q,"password":%q}`, login, password)))
}

// basic returns the header of somebody who sends a name and a password.
func basic(login, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(login+":"+password))
}

// costly takes a while to be checked, though not so long as passwords do outside of tests.
var costly = authn.Cost{Memory: 4 << 10, Passes: 2}

// Whoever signs in from an address of their own notices nothing of who tries names that nobody has,
// nor of who changes their password again and again.
func TestSigningInIsFair(t *testing.T) {
	flood(t)
	for _, noise := range []string{"names that nobody has", "a password that is too short"} {
		t.Run(noise, func(t *testing.T) {
			d := newDoor(t, "sqlite", costly, "quiet", "noisy")
			noisy := visitorFrom(t, "127.0.0.2", basic("noisy", testPassword))
			var tried atomic.Int64
			loud := func(ctx context.Context) {
				_, _ = d.signIn(ctx, noisy, fmt.Sprint("nobody ", tried.Add(1)), "wrong")
			}
			if noise != "names that nobody has" {
				loud = func(ctx context.Context) {
					body := fmt.Sprintf(`{"oldPassword":%q,"newPassword":"short"}`, testPassword)
					_, _ = noisy.send(ctx, "POST", d.Address()+"/rest/me/password", strings.NewReader(body))
				}
			}
			fair(t, 24, loud, func() error {
				status, err := d.signIn(t.Context(), d.anew(t, ""), "quiet", testPassword)
				if err == nil && status != http.StatusOK {
					err = fmt.Errorf("the status is %d", status)
				}
				return err
			})
		})
	}
}

// Whoever changes their password notices nothing of somebody who tries to change theirs without
// knowing it.
func TestChangingPasswordsIsFair(t *testing.T) {
	flood(t)
	d := newDoor(t, "sqlite", costly, "quiet", "noisy")
	noisy := visitorFrom(t, "127.0.0.2", basic("noisy", testPassword))
	var tried atomic.Int64
	loud := func(ctx context.Context) {
		body := fmt.Sprintf(`{"oldPassword":"guess %d","newPassword":"surely long enough"}`, tried.Add(1))
		_, _ = noisy.send(ctx, "POST", d.Address()+"/rest/me/password", strings.NewReader(body))
	}
	password, changes := testPassword, 0
	fair(t, 24, loud, func() error {
		changes++
		next := fmt.Sprintf("a long way to number %d", changes)
		body := strings.NewReader(fmt.Sprintf(`{"oldPassword":%q,"newPassword":%q}`, password, next))
		err := d.anew(t, basic("quiet", password)).
			expect(t.Context(), http.StatusOK, "POST", d.Address()+"/rest/me/password", body)
		password = next
		return err
	})
}

// Sign-ins of one user at once, right and wrong ones, are each answered for what they are.
func TestSignInsOfOneUserAtOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		d := newDoor(t, engine, quickly, "ada")
		for range 3 {
			var all sync.WaitGroup
			var mu sync.Mutex
			got := map[string]int{}
			for i := range 64 {
				v := d.anew(t, "")
				all.Go(func() {
					password := testPassword
					if i%2 == 1 {
						password = fmt.Sprint("wrong ", i)
					}
					status, err := d.signIn(t.Context(), v, "ada", password)
					mu.Lock()
					defer mu.Unlock()
					got[fmt.Sprint(password == testPassword, " ", status, " ", err)]++
				})
			}
			all.Wait()
			require.Equal(t, map[string]int{"true 200 <nil>": 32, "false 401 <nil>": 32}, got)
		}
	})
}

// A server that has too many passwords to check says so on every surface in its words, which are
// not those for somebody who guesses, and counts it.
func TestBusyDoorSaysSo(t *testing.T) {
	flood(t)
	d := newDoor(t, "sqlite", authn.Cost{Memory: 8, Passes: 1 << 17})
	var crowd sync.WaitGroup
	for i := range runtime.GOMAXPROCS(0) * 65 {
		v := d.anew(t, "")
		crowd.Go(func() { _, _ = d.signIn(t.Context(), v, fmt.Sprint("nobody ", i), "wrong") })
	}
	full := fmt.Sprintf("\ncanopy_password_hashes_waiting %d\n", runtime.GOMAXPROCS(0)*64)
	metrics := func() string {
		res, err := http.Get(d.Address() + "/metrics")
		require.NoError(t, err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return string(text)
	}
	json := func(text string) io.Reader { return strings.NewReader(text) }
	for _, ask := range []struct {
		surface, method, path, body, says string
		header                            map[string]string
	}{
		{"rest", "POST", "/auth", `{"user":"x","password":"y"}`, `"thechnicalError":"overloaded"`, nil},
		{"rest", "GET", "/rest/me", "", `"thechnicalError":"overloaded"`,
			map[string]string{"Authorization": basic("x", "y")}},
		{"axway", "GET", "/api/portal/v1.3/users", "", `{"errors":[{"code":503,"message":"The server is busy right now`,
			map[string]string{"Authorization": basic("x", "y")}},
		{"tellius", "POST", "/api/login", `{"username":"x","password":"y"}`, `{"message":"The server is busy right now`, nil},
		{"tat", "GET", "/user/me", "", `{"error":"The server is busy right now`,
			map[string]string{"Tat_username": "x", "Tat_password": "y"}},
		{"ethersource", "GET", "/ethersource/rest/v2/users/bookmarks", "", `{"message":"The server is busy right now`,
			map[string]string{"Authorization": basic("x", "y")}},
	} {
		require.Eventually(t, func() bool { return strings.Contains(metrics(), full) }, 7*time.Second, 5*time.Millisecond,
			"the queue is not full")
		req, err := http.NewRequestWithContext(t.Context(), ask.method, d.Address()+ask.path, json(ask.body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		for name, value := range ask.header {
			req.Header[name] = []string{value}
		}
		res, err := d.anew(t, "").Do(req)
		require.NoError(t, err)
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		require.NoError(t, err)
		require.Equal(t, http.StatusServiceUnavailable, res.StatusCode, "%s: %s", ask.surface, text)
		seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
		require.NoError(t, err, ask.surface)
		require.Positive(t, seconds)
		require.Contains(t, strings.ReplaceAll(string(text), ": ", ":"), ask.says, ask.surface)
	}
	require.NotContains(t, metrics(), "\ncanopy_password_hashes_refused_total 0\n")
	crowd.Wait()
}
