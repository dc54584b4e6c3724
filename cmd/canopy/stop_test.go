package main_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A request that is under way when the server is told to stop is answered, nothing new is taken,
// and the program ends well.
func TestStopWaitsForRequestsUnderWay(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := serve(t, at)
		admin := s.bearing(s.signIn(t, "admin", adminPassword))
		admin.get(t, "/rest/me").ok(t)
		idle := s.dial(t)
		release := at.holdWrites(t)
		answers := make(chan answer, 1)
		go func() {
			a, err := admin.send("POST", "/rest/users", newUser("late", "long enough"))
			if err != nil {
				a.body = []byte(err.Error())
			}
			answers <- a
		}()
		s.waitUntilBusy(t)
		s.signal(t, syscall.SIGTERM)
		eventually(t, func() bool {
			c, err := net.Dial("tcp", strings.TrimPrefix(s.address, "http://"))
			if err == nil {
				c.Close()
			}
			return err != nil
		}, "an end of new connections")
		select {
		case a := <-answers:
			require.Fail(t, "answered before it was done", "%d %s", a.status, a.body)
		case <-s.gone:
			require.Fail(t, "ended with a request under way")
		default:
		}
		release()
		a := <-answers
		a.ok(t)
		_, err := idle.Read(make([]byte, 1))
		require.Error(t, err, "an idle connection is closed")
		s.wait(t)
		require.Zero(t, s.code(), s.err.tail())
		serve(t, at).as("late", "long enough").get(t, "/rest/me").ok(t)
	})
}

// With a grace a server that is told to stop says so for as long, and goes on answering meanwhile, also
// on new connections.
func TestStopGrace(t *testing.T) {
	t.Parallel()
	const grace = 1500 * time.Millisecond
	s := serve(t, inSQLite(t), "--stop-grace", grace.String())
	nobody := s.anonymous()
	nobody.get(t, "/readyz").ok(t)
	began := time.Now()
	s.signal(t, syscall.SIGTERM)
	eventually(t, func() bool { return nobody.get(t, "/readyz").status == http.StatusServiceUnavailable }, "not ready")
	for time.Since(began) < grace/2 {
		s.client.CloseIdleConnections()
		s.admin().get(t, "/rest/me").ok(t)
	}
	s.wait(t)
	require.Zero(t, s.code(), s.err.tail())
	require.GreaterOrEqual(t, time.Since(began), grace)
	require.Contains(t, canopy("serve", "--stop-grace", "-1s").in(inSQLite(t)).fails(t), "--stop-grace")
}

// Told to stop in a stream of writes, the server refuses none that it has taken, and what it
// has acknowledged is there afterwards.
func TestStopLosesNothingThatWasAcknowledged(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := serve(t, at)
		token := s.signIn(t, "admin", adminPassword)
		var written, refused atomic.Int64
		var writers sync.WaitGroup
		names := make([][]string, 4)
		for w := range names {
			writers.Go(func() {
				for i := 0; ; i++ {
					alias := fmt.Sprintf("user-%d-%d", w, i)
					a, err := s.bearing(token).send("POST", "/rest/environments", fields{"alias": alias, "parent": "/"})
					if err != nil {
						return // no connection any more
					}
					if a.status != 200 {
						refused.Add(1)
						return
					}
					names[w] = append(names[w], alias)
					written.Add(1)
				}
			})
		}
		eventually(t, func() bool { return written.Load() > 40 }, "some writes")
		s.stop(t)
		writers.Wait()
		require.Zero(t, refused.Load(), "requests that were answered but not done")

		var all []struct{ Alias string }
		serve(t, at).admin().get(t, "/rest/environments").ok(t).into(t, &all)
		found := make(map[string]bool)
		for _, e := range all {
			found[e.Alias] = true
		}
		for _, list := range names {
			for _, name := range list {
				require.True(t, found[name], "%s was acknowledged", name)
			}
		}
	})
}

// An interrupt is a stop too, and one that comes before the server is ready ends it as well.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	s := serve(t, inSQLite(t))
	s.signal(t, syscall.SIGINT)
	s.wait(t)
	require.Zero(t, s.code(), s.err.tail())
}

// A second interrupt ends a stop that takes too long.
func TestSecondInterrupt(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	s := serve(t, at)
	admin := s.bearing(s.signIn(t, "admin", adminPassword))
	release := at.holdWrites(t)
	defer release()
	go func() { _, _ = admin.send("POST", "/rest/users", newUser("late", "long enough")) }()
	s.waitUntilBusy(t)
	s.signal(t, syscall.SIGINT)
	s.logs(t, `"msg":"stopping"`)
	eventually(t, func() bool {
		s.signal(t, syscall.SIGINT)
		select {
		case <-s.gone:
			return true
		default:
			return false
		}
	}, "an end")
	require.Equal(t, -1, s.code(), "ended by the signal")
}
