package main_test

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"canopy/persistence/testdb"
)

// clients send requests to a server without a pause, and look at every answer.
type clients struct {
	t                  *testing.T
	limit              time.Duration // of a request
	stop               atomic.Bool
	running            sync.WaitGroup
	served, turnedAway atomic.Int64
	mu                 sync.Mutex
	acknowledged       []string // users
}

// runClients runs clients of every kind until the test ends.
func runClients(t *testing.T, s *server, limit time.Duration) *clients {
	t.Helper()
	c := &clients{t: t, limit: limit}
	token := s.signIn(t, "admin", adminPassword)
	paths := []string{"/rest/users?limit=20&total=true", "/rest/users", "/rest/me", "/rest/environments", "/rest/groups",
		"/rest/audit?limit=5"}
	for n, path := range paths {
		c.running.Go(func() {
			for !c.stop.Load() {
				c.send(s.bearing(token), "GET", path, nil)
				if n == 0 {
					c.send(s.admin(), "GET", path, nil)
				}
			}
		})
	}
	c.running.Go(func() {
		for i := 0; !c.stop.Load(); i++ {
			alias := fmt.Sprintf("failover-%d", i)
			if c.send(s.bearing(token), "POST", "/rest/users", newUser(alias, "long enough")) == http.StatusOK {
				c.mu.Lock()
				c.acknowledged = append(c.acknowledged, alias)
				c.mu.Unlock()
			}
		}
	})
	c.running.Go(func() {
		for i := 0; !c.stop.Load(); i++ {
			c.send(s.bearing(token), "POST", "/rest/users/1", fields{"person": fields{"phone": strconv.Itoa(i)}})
		}
	})
	t.Cleanup(c.end)
	return c
}

func (c *clients) end() {
	c.stop.Store(true)
	c.running.Wait()
}

// send sends a request, whose answer must be a 200 or a 503 that says when to come back.
func (c *clients) send(from caller, method, path string, body any) int {
	began := time.Now()
	a, err := from.send(method, path, body)
	took := time.Since(began)
	if !assert.NoError(c.t, err, "%s %s", method, path) {
		c.stop.Store(true)
		return 0
	}
	assert.Less(c.t, took, c.limit+10*time.Second, "%s %s", method, path)
	switch a.status {
	case http.StatusOK:
		c.served.Add(1)
	case http.StatusServiceUnavailable:
		c.turnedAway.Add(1)
		wait, err := strconv.Atoi(a.header.Get("Retry-After"))
		if assert.NoError(c.t, err, "%s %s", method, path) {
			assert.Positive(c.t, wait)
		}
		assert.Equal(c.t, "unavailable", a.code(c.t))
	default:
		assert.Fail(c.t, "another answer", "%s %s: %d %s\n%s", method, path, a.status, a.body, c.logged(from, a))
		c.stop.Store(true)
	}
	return a.status
}

// logged returns what the log says of an answer.
func (c *clients) logged(from caller, a answer) (line string) {
	id := a.header.Get("X-Request-Id")
	for text := range strings.Lines(from.err.String()) {
		if strings.Contains(text, id) {
			line = text
		}
	}
	return line
}

// more waits until a count has grown.
func (c *clients) more(n *atomic.Int64, by int64, what string) {
	c.t.Helper()
	from := n.Load()
	eventually(c.t, func() bool { return n.Load() >= from+by || c.stop.Load() }, what)
	require.False(c.t, c.t.Failed())
}

// The database is killed under requests and started again: meanwhile every answer is a 503 within
// the limit, and afterwards everything works without the server having been touched.
func TestDatabaseGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	cluster := testdb.Server(t, testdb.WithFsync())
	at := place{"--data", t.TempDir(), "--database-url", cluster.URL("postgres")}
	const limit = 5 * time.Second
	s := serve(t, at, "--request-limit", limit.String())
	nobody := s.anonymous()
	c := runClients(t, s, limit)
	for range 2 {
		c.more(&c.served, 100, "answers")
		require.NoError(t, cluster.Kill())
		eventually(t, func() bool { return nobody.get(t, "/readyz").status == http.StatusServiceUnavailable }, "not ready")
		c.more(&c.turnedAway, 50, "refusals")
		nobody.get(t, "/healthz").ok(t)
		require.NoError(t, cluster.Restart(t.Context()))
		eventually(t, func() bool { return nobody.get(t, "/readyz").status == http.StatusOK }, "ready again")
	}
	c.more(&c.served, 100, "answers again")
	c.end()
	require.NotEmpty(t, c.acknowledged)
	here := make(map[string]bool)
	for _, u := range s.admin().get(t, "/rest/users").list(t) {
		here[u.Alias] = true
	}
	for _, alias := range c.acknowledged {
		require.True(t, here[alias], "%s was acknowledged", alias)
	}
	s.stop(t)

	// The log says when the database went and when it was back, and little more: not a line for each
	// of the requests meanwhile.
	log := s.err.String()
	away, back, errors := strings.Count(log, `"msg":"the database is away"`),
		strings.Count(log, `"msg":"the database is back"`), strings.Count(log, `"level":"ERROR"`)
	require.GreaterOrEqual(t, away, 2)
	require.Equal(t, away, back)
	require.Less(t, errors, 20, "%d requests were turned away", c.turnedAway.Load())
}

// Whether a server is ready is said within a second, also of a database that neither answers nor
// refuses and with requests that may take long.
func TestReadinessOfASilentDatabase(t *testing.T) {
	t.Parallel()
	address, err := url.Parse(testdb.Postgres(t))
	require.NoError(t, err)
	c := newCable(t, address.Host)
	address.Host = c.listener.Addr().String()
	s := serve(t, place{"--data", t.TempDir(), "--database-url", address.String()})
	nobody := s.anonymous()
	nobody.get(t, "/readyz").ok(t)
	mend := c.sever()
	t.Cleanup(mend)
	for range 5 {
		began := time.Now()
		a := nobody.get(t, "/readyz")
		took := time.Since(began)
		require.Equal(t, http.StatusServiceUnavailable, a.status)
		require.Less(t, took, time.Second)
	}
	nobody.get(t, "/healthz").ok(t)
	require.Zero(t, s.metric(t, "canopy_database_up"))
	mend()
	eventually(t, func() bool { return nobody.get(t, "/readyz").status == http.StatusOK }, "ready again")
	require.Equal(t, 1.0, s.metric(t, "canopy_database_up"))
	s.stop(t)
}

// A cable between the server and its database, which can be cut without either side noticing.
type cable struct {
	listener net.Listener
	cut      atomic.Pointer[chan struct{}] // closed when the cable is whole again
	conns    sync.Map
}

func newCable(t *testing.T, to string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &cable{listener: l}
	whole := make(chan struct{})
	close(whole)
	c.cut.Store(&whole)
	go func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", to)
			if err != nil {
				here.Close()
				continue
			}
			c.conns.Store(here, there)
			go c.carry(here, there)
			go c.carry(there, here)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		c.conns.Range(func(here, there any) bool {
			here.(net.Conn).Close()
			there.(net.Conn).Close()
			return true
		})
	})
	return c
}

// carry copies what comes, and holds it back while the cable is cut.
func (c *cable) carry(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		<-*c.cut.Load()
		if _, errWrite := to.Write(buffer[:n]); err != nil || errWrite != nil {
			return
		}
	}
}

// sever cuts the cable until the returned function is called.
func (c *cable) sever() (mend func()) {
	cut := make(chan struct{})
	c.cut.Store(&cut)
	return sync.OnceFunc(func() { close(cut) })
}

// A database that neither answers nor refuses is waited for no longer than a request may take.
func TestDatabaseFallsSilent(t *testing.T) {
	t.Parallel()
	address, err := url.Parse(testdb.Postgres(t))
	require.NoError(t, err)
	c := newCable(t, address.Host)
	address.Host = c.listener.Addr().String()
	const limit = 2 * time.Second
	s := serve(t, place{"--data", t.TempDir(), "--database-url", address.String()}, "--request-limit", limit.String())
	nobody := s.anonymous()
	all := runClients(t, s, limit)
	all.more(&all.served, 100, "answers")
	mend := c.sever()
	t.Cleanup(mend)
	all.more(&all.turnedAway, 20, "refusals")
	require.Equal(t, http.StatusServiceUnavailable, nobody.get(t, "/readyz").status)
	nobody.get(t, "/healthz").ok(t)
	mend()
	eventually(t, func() bool { return nobody.get(t, "/readyz").status == http.StatusOK }, "ready again")
	all.more(&all.served, 100, "answers again")
	all.end()
	s.stop(t)
}

// snap breaks all connections that there are at the moment.
func (c *cable) snap() {
	c.conns.Range(func(here, there any) bool {
		c.conns.Delete(here)
		here.(net.Conn).Close()
		there.(net.Conn).Close()
		return true
	})
}

// Connections that break under a statement or a commit are no fault of the server's.
func TestDatabaseConnectionsBreak(t *testing.T) {
	t.Parallel()
	address, err := url.Parse(testdb.Postgres(t))
	require.NoError(t, err)
	c := newCable(t, address.Host)
	address.Host = c.listener.Addr().String()
	const limit = 5 * time.Second
	s := serve(t, place{"--data", t.TempDir(), "--database-url", address.String()}, "--request-limit", limit.String())
	all := runClients(t, s, limit)
	for range 15 {
		all.more(&all.served, 20, "answers")
		c.snap()
	}
	all.more(&all.served, 100, "answers again")
	all.end()
	s.stop(t)
}
