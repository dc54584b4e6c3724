package main_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/persistence/testdb"
)

// A sign-in is one of a list of sessions.
type signIn struct {
	ID      string
	Client  string
	Current bool
}

func (c caller) sessions(t *testing.T, path string) (all []signIn) {
	t.Helper()
	c.get(t, path).ok(t).into(t, &all)
	return all
}

// A session that was ended on one server is refused by the other from the answer on, whoever ended
// it and however many ask meanwhile.
func TestEndedSessions(t *testing.T) {
	t.Parallel()
	m := twoServers(t, 1)[0]
	here, there := m.servers[0], m.servers[1]
	rounds := 12
	if testing.Short() || testdb.Race {
		rounds = 6
	}
	for n := range rounds {
		token, other := here.signIn(t, "member0", "long enough"), there.signIn(t, "member0", "long enough")
		for _, s := range m.servers {
			s.bearing(token).get(t, "/rest/me").ok(t)
			s.bearing(other).get(t, "/rest/me").ok(t)
		}
		// Others keep asking, so that whatever is remembered is remembered.
		stop := make(chan struct{})
		var hammers sync.WaitGroup
		for _, s := range m.servers {
			hammers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						_, _ = s.bearing(token).send("GET", "/rest/me", nil)
					}
				}
			})
		}
		survives := false
		switch n % 3 {
		case 0:
			all := here.bearing(token).sessions(t, "/rest/me/sessions")
			for _, s := range all {
				if s.Current {
					there.bearing(other).delete(t, "/rest/me/sessions/"+s.ID).ok(t)
				}
			}
			survives = true
		case 1:
			here.bearing(token).delete(t, "/rest/me/sessions").ok(t)
		case 2:
			m.admins[0].delete(t, fmt.Sprintf("/rest/users/%d/sessions", m.id)).ok(t)
		}
		for range 3 {
			there.bearing(token).get(t, "/rest/me").is(t, http.StatusUnauthorized)
			here.bearing(token).get(t, "/rest/me").is(t, http.StatusUnauthorized)
		}
		close(stop)
		hammers.Wait()
		for _, s := range m.servers {
			if survives {
				s.bearing(other).get(t, "/rest/me").ok(t)
			} else {
				s.bearing(other).get(t, "/rest/me").is(t, http.StatusUnauthorized)
			}
		}
	}
}

// Keys that sign tokens are rotated while two servers run: both take the new tokens at once and the
// old ones as before, and after a revocation neither takes an old one.
func TestKeys(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		servers := []*server{serve(t, at, "--log-level", "warn")}
		if len(at) > 2 {
			servers = append(servers, serve(t, at, "--log-level", "warn"))
		}
		takes := func(token string, status int) {
			t.Helper()
			for _, s := range servers {
				s.bearing(token).get(t, "/rest/me").is(t, status)
			}
		}
		one := servers[0].signIn(t, "admin", adminPassword)
		takes(one, http.StatusOK)
		listed := canopy("keys", "list").in(at).succeeds(t)
		require.Equal(t, 1, strings.Count(listed, "signing"), listed)

		said := canopy("keys", "rotate").in(at).succeeds(t)
		key, _, _ := strings.Cut(said, " ")
		require.Len(t, key, 16, said)
		for _, s := range servers {
			two := s.signIn(t, "admin", adminPassword)
			require.NotEqual(t, strings.Split(one, ".")[0], strings.Split(two, ".")[0], "the header names another key")
			takes(two, http.StatusOK)
		}
		takes(one, http.StatusOK)
		listed = canopy("keys", "list").in(at).succeeds(t)
		require.Regexp(t, "(?m)^"+key+" .* signing$", listed)
		require.Equal(t, 1, strings.Count(listed, "tokens it has signed, until"), listed)

		two := servers[0].signIn(t, "admin", adminPassword)
		takes(two, http.StatusOK)
		canopy("keys", "rotate", "--revoke").in(at).succeeds(t)
		takes(one, http.StatusUnauthorized)
		takes(two, http.StatusUnauthorized)
		takes(servers[0].signIn(t, "admin", adminPassword), http.StatusOK)
		listed = canopy("keys", "list").in(at).succeeds(t)
		require.NotContains(t, listed, key)
		require.Equal(t, 2, strings.Count(listed, "\n"), listed)
	})
}
