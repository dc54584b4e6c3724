package main_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"canopy/persistence/testdb"
)

// A pair is two places for PostgreSQL, of which one takes changes and the other follows.
type pair struct {
	ports            [2]int
	primary, standby *testdb.Cluster
}

// newPair starts a pair whose standby has all that the primary acknowledges.
func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{primary: testdb.Server(t, testdb.WithStandby())}
	p.follow(t)
	p.ports = [2]int{p.primary.Port(), p.standby.Port()}
	return p
}

// follow gives the primary a standby.
func (p *pair) follow(t *testing.T, options ...testdb.Option) {
	t.Helper()
	standby, err := p.primary.Standby(t.Context(), options...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, standby.Stop()) })
	p.standby = standby
}

// promote has the standby take the primary's place, and returns when it takes changes.
func (p *pair) promote(t *testing.T) (old *testdb.Cluster, at time.Time) {
	t.Helper()
	require.NoError(t, p.standby.Promote(context.Background()))
	old, p.primary = p.primary, p.standby
	return old, time.Now()
}

// url names both places.
func (p *pair) url(parameters string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d,127.0.0.1:%d/postgres?sslmode=disable&target_session_attrs="+
		"read-write&connect_timeout=2%s", p.ports[0], p.ports[1], parameters)
}

// A load is requests to servers through failovers: changes under names of the client's, sent again
// until they are acknowledged, and tokens that are good and that were taken away.
type load struct {
	t       *testing.T
	servers [2]*server
	admin   caller
	running sync.WaitGroup
	stop    atomic.Bool

	mu       sync.Mutex
	statuses map[int]int
	names    []string    // acknowledged
	at       []time.Time // when each was
}

// startLoad starts two servers of a database and the load on them, and returns when there were changes and a user's
// rights have been taken away.
func startLoad(t *testing.T, database string) *load {
	t.Helper()
	at := place{"--data", t.TempDir(), "--database-url", database + "&pool_max_conns=6"}
	flags := []string{"--write-rate", "100000", "--quotas", "environments=1000000", "--log-level", "warn"}
	servers := [2]*server{serve(t, at, flags...)}
	token := servers[0].signIn(t, "admin", adminPassword)
	servers[1] = serve(t, at, flags...)
	admin := servers[0].bearing(token)
	admin.post(t, "/rest/users", newUser("gone", "long enough")).ok(t)
	gone := servers[0].signIn(t, "gone", "long enough")
	servers[1].bearing(gone).get(t, "/rest/me").ok(t)

	l := &load{t: t, servers: servers, admin: admin, statuses: map[int]int{}}
	t.Cleanup(func() { l.stop.Store(true); l.running.Wait() })
	for i := range 4 {
		l.running.Go(func() { l.write(servers[i%2].bearing(token), fmt.Sprintf("writer%d", i)) })
	}
	for i := range 18 { // three times as many as connections
		l.running.Go(func() { l.ask(servers[i%2].bearing(token), "/rest/me", http.StatusOK) })
	}
	l.warm(10)
	admin.post(t, "/rest/users/gone", fields{"active": false}).ok(t)
	for i := range 2 {
		l.running.Go(func() { l.ask(servers[i].bearing(gone), "/rest/me", http.StatusUnauthorized) })
	}
	return l
}

// end ends the load, and requires that each change that was acknowledged is there once.
func (l *load) end(figures map[string]time.Duration) {
	t := l.t
	t.Helper()
	time.Sleep(time.Second)
	l.stop.Store(true)
	l.running.Wait()
	require.False(t, t.Failed())
	var all []struct{ Alias string }
	l.admin.get(t, "/rest/environments").ok(t).into(t, &all)
	found := make(map[string]int)
	for _, e := range all {
		found[e.Alias]++
	}
	for _, name := range l.names {
		require.Equal(t, 1, found[name], "how often %s is there", name)
	}
	t.Logf("%d acknowledged, answers %v, next acknowledged after %v", len(l.names), l.statuses, figures)
}

// count takes note of an answer, which must be one of those or a 503 that says when to come back.
func (l *load) count(a answer, err error, expected ...int) bool {
	if !assert.NoError(l.t, err) {
		l.stop.Store(true)
		return false
	}
	l.mu.Lock()
	l.statuses[a.status]++
	l.mu.Unlock()
	if a.status == http.StatusServiceUnavailable && assert.NotEmpty(l.t, a.header.Get("Retry-After")) {
		time.Sleep(20 * time.Millisecond) // sooner than it says
		return false
	}
	if !assert.Contains(l.t, expected, a.status, "%s", a.body) {
		l.stop.Store(true)
	}
	return true
}

// write has one environment made after the other. One that is there already was made by a try whose
// answer was lost.
func (l *load) write(from caller, name string) {
	for i := 0; !l.stop.Load(); i++ {
		alias := fmt.Sprintf("%s-%d", name, i)
		for tries := 0; !l.stop.Load(); tries++ {
			expected := []int{http.StatusOK}
			if tries > 0 {
				expected = append(expected, http.StatusConflict)
			}
			a, err := from.send("POST", "/rest/environments", fields{"alias": alias, "parent": "/"})
			if l.count(a, err, expected...) {
				l.mu.Lock()
				l.names, l.at = append(l.names, alias), append(l.at, time.Now())
				l.mu.Unlock()
				break
			}
		}
	}
}

// ask sends the same request until the end.
func (l *load) ask(from caller, path string, expected int) {
	for !l.stop.Load() {
		a, err := from.send("GET", path, nil)
		l.count(a, err, expected)
		time.Sleep(10 * time.Millisecond)
	}
}

// next returns how long after a time a change was acknowledged that was sent after it, as far as that
// can be told: each writer may have had one under way.
func (l *load) next(after time.Time) time.Duration {
	l.t.Helper()
	var found time.Time
	eventually(l.t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		i := slices.IndexFunc(l.at, func(at time.Time) bool { return at.After(after) })
		if i >= 0 {
			found = l.at[i]
		}
		return i >= 0 || l.stop.Load()
	}, "a change that is acknowledged")
	return found.Sub(after)
}

// warm waits for a number of changes.
func (l *load) warm(n int) {
	l.t.Helper()
	for range n {
		l.next(time.Now())
	}
	require.False(l.t, l.t.Failed())
}

// Through failovers of a pair of servers nothing that was acknowledged is lost or done twice, what was
// revoked stays so, nobody is refused what they may, and whoever cannot be served is told to come back.
func TestFailover(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	l := startLoad(t, p.url(""))
	figures := map[string]time.Duration{}

	// The primary is gone at once, and the standby promoted.
	require.NoError(t, p.primary.Kill())
	old, promoted := p.promote(t)
	figures["killed, promoted at once"] = l.next(promoted)
	require.NoError(t, old.Stop())
	p.follow(t, testdb.OnPort(old.Port()))
	l.warm(10)

	// The standby is promoted later: meanwhile nobody takes changes.
	require.NoError(t, p.primary.Kill())
	time.Sleep(2 * time.Second)
	l.servers[0].anonymous().get(t, "/readyz").is(t, http.StatusServiceUnavailable)
	old, promoted = p.promote(t)
	figures["killed, promoted late"] = l.next(promoted)
	require.NoError(t, old.Stop())
	p.follow(t, testdb.OnPort(old.Port()))
	l.warm(10)

	// The primary says nothing any more, and comes back when it is none.
	frozen := time.Now()
	require.NoError(t, p.primary.Freeze())
	began := time.Now()
	l.servers[0].anonymous().get(t, "/readyz").is(t, http.StatusServiceUnavailable)
	assert.Less(t, time.Since(began), 1500*time.Millisecond, "readiness")
	old, promoted = p.promote(t)
	figures["frozen, from the freeze"], figures["frozen, from the promotion"] = l.next(frozen), l.next(promoted)
	l.warm(10)
	require.NoError(t, old.Thaw())
	thawed := time.Now()
	figures["thawed"] = l.next(thawed)
	l.end(figures)
	for what, took := range figures { // a third of it, where nothing else runs
		assert.Less(t, took, 5*time.Second, what)
	}
	require.NoError(t, errors.Join(old.Stop(), p.primary.Stop()))
}
