package app_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/persistence/testdb"
)

// quietCalls is how many requests of somebody quiet are measured, alone and beside noise. Under the
// race detector they are only made.
var quietCalls = map[bool]int{false: 100, true: 20}[testdb.Race]

// leastNoticed is the shortest time that counts: what takes less alone varies by more than ten
// times for reasons of the machine.
const leastNoticed = 5 * time.Millisecond

// fair requires that somebody quiet notices little of somebody noisy. While loud is called again
// and again by so many at once, whatever comes of it, every call of quiet must succeed, and the
// slowest hundredth must take at most ten times as long as it does alone. Time is measured up to
// three times, since other work on the machine is noise too; a failure is final. The context of
// loud ends when it is enough. What comes once is not measured, such as the connections that are made
// for the first calls; nor is anything under the race detector, which makes this program ten times
// slower and a database beside it not. It returns how many calls of loud were finished.
func fair(t *testing.T, loudly int, loud func(ctx context.Context), quiet func() error) int64 {
	t.Helper()
	var calls atomic.Int64
	alone, beside := time.Hour, time.Duration(0)
	for range 3 {
		alone = min(alone, slowest(t, "alone", quiet)) // what the noise before has left is not alone
		ctx, hush := context.WithCancel(t.Context())
		var crowd sync.WaitGroup
		answered := make(chan struct{}, loudly)
		for range loudly {
			crowd.Go(func() {
				for ctx.Err() == nil {
					loud(ctx)
					calls.Add(1)
					select {
					case answered <- struct{}{}:
					default:
					}
				}
			})
		}
		for range loudly {
			<-answered
		}
		beside = slowest(t, "beside noise", quiet)
		hush()
		crowd.Wait()
		t.Logf("p99 is %s alone and %s beside %d noisy ones, who were answered %d times", alone, beside, loudly, calls.Load())
		if testdb.Race || beside <= 10*max(alone, leastNoticed) {
			return calls.Load()
		}
	}
	require.Failf(t, "somebody quiet waits too long", "p99 is %s beside noise and %s alone", beside, alone)
	return 0
}

// slowest returns the 99th percentile of the time that a call takes.
func slowest(t *testing.T, when string, call func() error) time.Duration {
	t.Helper()
	return timed(t, when, call)[quietCalls*99/100-1]
}

// timed returns the times that a call takes, ascending.
func timed(t *testing.T, when string, call func() error) []time.Duration {
	t.Helper()
	took := make([]time.Duration, quietCalls)
	for i := range took {
		began := time.Now()
		require.NoError(t, call(), "call %d, %s", i, when)
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took
}

// A visitor sends requests from a network address of their own.
type visitor struct {
	*http.Client
	header http.Header
}

// visitorFrom returns somebody whose requests come from an address of this machine, 127.0.0.1 to
// 127.255.255.254, and carry that Authorization unless it is empty.
func visitorFrom(t *testing.T, address, authorization string) visitor {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport := &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 1000}
	t.Cleanup(transport.CloseIdleConnections)
	v := visitor{&http.Client{Transport: transport, Timeout: time.Minute}, make(http.Header)}
	if authorization != "" {
		v.header.Set("Authorization", authorization)
	}
	return v
}

// send sends a request, with a JSON body unless that is nil, reads the answer to its end, and
// returns its status.
func (v visitor) send(ctx context.Context, method, url string, body io.Reader) (int, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return 0, err
	}
	req.Header = v.header.Clone()
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := v.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

// expect is send, and an error for another status.
func (v visitor) expect(ctx context.Context, status int, method, url string, body io.Reader) error {
	got, err := v.send(ctx, method, url, body)
	if err == nil && got != status {
		err = fmt.Errorf("%s %s: the status is %d, not %d", method, url, got, status)
	}
	return err
}

// Somebody who reads the largest lists over many connections leaves others their turn.
func TestReadingListsIsFair(t *testing.T) {
	flood(t)
	for _, engine := range databases {
		t.Run(engine.name, func(t *testing.T) {
			db, _ := engine.open(t)
			d, address := serveFor(t, db, nil)
			many{organizations: 2, environments: 20, users: 3000, hash: adminHash(t, d)}.fill(t, db)
			noisy := visitorFrom(t, "127.0.0.2", "Bearer "+signIn(t, address, "user0.0", testPassword))
			quiet := visitorFrom(t, "127.0.0.3", "Bearer "+signIn(t, address, "user1.0", testPassword))
			ctx := t.Context()
			require.NoError(t, noisy.expect(ctx, 200, "GET", address+"/rest/users", nil), "noise is answered")
			fair(t, 64,
				func(ctx context.Context) { _, _ = noisy.send(ctx, "GET", address+"/rest/users", nil) },
				func() error { return quiet.expect(ctx, 200, "GET", address+"/rest/users?limit=50", nil) })
		})
	}
}
