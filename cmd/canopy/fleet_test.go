package main_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A balancer is one address of several servers: each request goes to any of them.
type balancer struct {
	servers   atomic.Pointer[[]*url.URL]
	transport http.Transport
}

func newBalancer(t *testing.T, servers ...*server) *balancer {
	t.Helper()
	b := &balancer{transport: http.Transport{MaxIdleConnsPerHost: 100}}
	t.Cleanup(b.transport.CloseIdleConnections)
	b.use(t, servers...)
	return b
}

// use sends requests that come from now on to these servers.
func (b *balancer) use(t *testing.T, servers ...*server) {
	t.Helper()
	var addresses []*url.URL
	for _, s := range servers {
		address, err := url.Parse(s.address)
		require.NoError(t, err)
		addresses = append(addresses, address)
	}
	b.servers.Store(&addresses)
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	servers := *b.servers.Load()
	proxy := httputil.ReverseProxy{Transport: &b.transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(servers[rand.IntN(len(servers))])
		r.SetXForwarded()
	}}
	proxy.ServeHTTP(w, r)
}

// at returns what answers by the handler, as if it were one server.
func at(t *testing.T, handler http.Handler) *server {
	t.Helper()
	front := httptest.NewServer(handler)
	t.Cleanup(front.Close)
	client := &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	t.Cleanup(client.CloseIdleConnections)
	return &server{address: front.URL, client: client}
}

// fleetFlags are those of a server that stands behind a balancer and is asked by tests.
var fleetFlags = []string{"--log-level", "warn", "--trusted-proxies", "127.0.0.1", "--write-rate", "10000"}

// fleet runs three servers of a directory behind one address.
func fleet(t *testing.T, in place) *server {
	t.Helper()
	return at(t, newBalancer(t, serve(t, in, fleetFlags...), serve(t, in, fleetFlags...), serve(t, in, fleetFlags...)))
}

// watch has clients take rights away and give them back while others use them, in so many rounds and until meanwhile
// has returned, and returns what they saw.
func watch(t *testing.T, front *server, rounds int, meanwhile func(*history)) *history {
	t.Helper()
	members := teams(t, [2]*server{front, front}, 4)
	h := newHistory()
	current := make([]atomic.Pointer[question], len(members)+2)
	var workers, users sync.WaitGroup
	var over, stop atomic.Bool
	for i, m := range members {
		workers.Go(func() {
			for n := 0; n < rounds || !over.Load(); n++ {
				m.losesAndRegains(h, rights[rand.IntN(len(rights))], i, &current[i])
			}
		})
	}
	for i := range 2 {
		guest := newGuest(t, front, members[0].admins[0], fmt.Sprintf("guest%d", i))
		workers.Go(func() {
			for n := 0; n < rounds/2 || !over.Load(); n++ {
				guest.comesAndGoes(h, n, &current[len(members)+i])
			}
		})
	}
	for range 3 {
		users.Go(func() {
			for !stop.Load() {
				if q := current[rand.IntN(len(current))].Load(); q != nil {
					h.ask(q)
				}
			}
		})
	}
	meanwhile(h)
	over.Store(true)
	workers.Wait()
	stop.Store(true)
	users.Wait()
	return h
}

// losesAndRegains takes a right from a member and gives it back.
func (m *member) losesAndRegains(h *history, r *right, number int, current *atomic.Pointer[question]) {
	q := &question{right: fmt.Sprintf("member %d, %s", number, r.name), ask: func() (answer, error) {
		return m.servers[0].bearing(m.token).send("GET", r.ask(m), nil)
	}}
	defer q.past.Store(true)
	current.Store(q)
	h.ask(q)
	for _, step := range []struct {
		gives bool
		send  func(*member) (string, fields)
	}{{false, r.take}, {true, r.give}} {
		h.changeAtLast(step.gives, func() (answer, error) {
			path, change := step.send(m)
			return m.admins[0].send("POST", path, change)
		}, q.right)
		h.ask(q)
		h.ask(q)
	}
}

// A guest is a user who signs in and whose sessions and passwords end.
type guest struct {
	front    *server
	admin    caller
	path     string // of the user
	alias    string
	password string
}

func newGuest(t *testing.T, front *server, admin caller, alias string) *guest {
	t.Helper()
	admin.post(t, "/rest/users", newUser(alias, "long enough")).ok(t)
	var made user
	admin.get(t, "/rest/users/"+alias).ok(t).into(t, &made)
	return &guest{front, admin, fmt.Sprintf("/rest/users/%d", made.UserID), alias, "long enough"}
}

// comesAndGoes signs the guest in, and ends that by ending the sessions or by another password.
func (g *guest) comesAndGoes(h *history, round int, current *atomic.Pointer[question]) {
	session := fmt.Sprintf("%s, session %d", g.alias, round)
	var signedIn answer
	if !h.change(true, func() (a answer, err error) {
		a, err = g.front.anonymous().send("POST", "/auth", fields{"user": g.alias, "password": g.password})
		signedIn = a
		return a, err
	}, session) {
		return
	}
	token := tokenOf(signedIn)
	byToken := &question{right: session, ask: func() (answer, error) {
		return g.front.bearing(token).send("GET", "/rest/me", nil)
	}}
	current.Store(byToken)
	h.ask(byToken)
	if round%4 > 0 {
		h.changeAtLast(false, func() (answer, error) { return g.admin.send("DELETE", g.path+"/sessions", nil) }, session)
		h.ask(byToken)
		return
	}
	before, after := g.password, fmt.Sprintf("password %d", round)
	oldPassword := fmt.Sprintf("%s, password before round %d", g.alias, round)
	byPassword := &question{right: oldPassword, ask: func() (answer, error) {
		return g.front.as(g.alias, before).send("GET", "/rest/me", nil)
	}}
	h.ask(byPassword)
	h.changeAtLast(false, func() (answer, error) { return g.admin.send("POST", g.path, fields{"password": after}) },
		session, oldPassword)
	g.password = after
	h.ask(byToken)
	h.ask(byPassword)
}

// Whatever several clients do at the same time to three servers behind one address: no request that began after a
// right was taken away is granted, and none after it was given back is refused.
func TestFleet(t *testing.T) {
	t.Parallel()
	watch(t, fleet(t, inPostgres(t)), 25, func(*history) {}).requireSound(t)
}

// A server that remembers answers for a while would be found out.
func TestFleetFindsWhatIsStale(t *testing.T) {
	t.Parallel()
	fresh := newBalancer(t, serve(t, inPostgres(t), fleetFlags...))
	var remembered sync.Map
	stale := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("Authorization") + r.URL.Path
		if body, ok := remembered.Load(key); ok && r.Method == http.MethodGet {
			_, _ = w.Write(body.([]byte))
			return
		}
		answered := httptest.NewRecorder()
		fresh.ServeHTTP(answered, r)
		if r.Method == http.MethodGet && answered.Code == http.StatusOK {
			remembered.Store(key, answered.Body.Bytes())
		}
		w.WriteHeader(answered.Code)
		_, _ = w.Write(answered.Body.Bytes())
	})
	faults := watch(t, at(t, stale), 2, func(*history) {}).faults()
	require.NotEmpty(t, faults)
	require.Contains(t, faults[0], ": yes (200) at ")
}
