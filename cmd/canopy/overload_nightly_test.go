//go:build nightly

package main_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answered is what came back after how long.
type answered struct {
	status int
	took   time.Duration
}

// repeat sends a request of somebody at an address over a connection of its own until a time, one each interval or
// without a pause if that is shorter, and returns what came back.
func (s *server) repeat(t *testing.T, token, from, path string, every time.Duration, until time.Time) (all []answered) {
	c, err := net.Dial("tcp", strings.TrimPrefix(s.address, "http://"))
	if !assert.NoError(t, err) {
		return nil
	}
	defer c.Close()
	request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nX-Forwarded-For: %s\r\n\r\n", path,
		token, from)
	read := bufio.NewReader(c)
	for next := time.Now(); time.Now().Before(until); next = next.Add(every) {
		time.Sleep(time.Until(next))
		began := time.Now()
		_, err := io.WriteString(c, request)
		if !assert.NoError(t, err) {
			return all
		}
		a, err := http.ReadResponse(read, nil)
		if !assert.NoError(t, err) {
			return all
		}
		_, err = io.Copy(io.Discard, a.Body)
		assert.NoError(t, err)
		all = append(all, answered{a.StatusCode, time.Since(began)})
		if a.StatusCode == http.StatusServiceUnavailable {
			assert.NotEmpty(t, a.Header.Get("Retry-After"))
		}
	}
	return all
}

// summary returns the times of the answers with a status, ascending.
func summary(all []answered, status int) (times []time.Duration) {
	for _, a := range all {
		if a.status == status {
			times = append(times, a.took)
		}
	}
	slices.Sort(times)
	return times
}

func percentile(times []time.Duration, n int) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return times[(len(times)-1)*n/100].Round(time.Millisecond)
}

// When for a minute ten times as much is asked as can be answered, what is answered is so in time, the rest is told to
// come back, memory is bounded, and afterwards all is as before at once. Somebody who asks little is always answered.
func TestOverload(t *testing.T) {
	const people, lasts, page = 128, time.Minute, "/rest/users?limit=40&sort=name&total=true"
	for engine, at := range places {
		t.Run(engine, func(t *testing.T) {
			in := at(t)
			s := serve(t, in, append(fleetFlags, "--max-connections", "4096")...)
			table := strings.Builder{}
			table.WriteString("alias,firstName,group,environment\n")
			for i := range 2000 {
				fmt.Fprintf(&table, "person%d,Person %d,Admin,/\n", i, i)
			}
			file := filepath.Join(t.TempDir(), "people.csv")
			require.NoError(t, os.WriteFile(file, []byte(table.String()), 0o600))
			canopy("import", file).in(in).succeeds(t)
			tokens := make([]string, people)
			for i := range tokens {
				path := fmt.Sprintf("/rest/users/person%d", i)
				s.admin().post(t, path, fields{"password": "long enough", "role": "oadmin"}).ok(t)
				tokens[i] = s.signIn(t, fmt.Sprintf("person%d", i), "long enough")
			}

			// Each of several callers asks for so long, so often.
			storm := func(callers, connections int, every, lasts time.Duration) (all []answered) {
				var mu sync.Mutex
				var crowd sync.WaitGroup
				until := time.Now().Add(lasts)
				for i := range connections {
					crowd.Go(func() {
						who := i % callers
						got := s.repeat(t, tokens[who], fmt.Sprintf("10.0.%d.1", who/2), page, every, until)
						mu.Lock()
						defer mu.Unlock()
						all = append(all, got...)
					})
				}
				crowd.Wait()
				return all
			}
			before, _ := s.memory(t)
			const asking = 16
			capacity := float64(len(storm(asking, asking, 0, 5*time.Second))) / 5
			// A caller alone waits for their own turn, up to ten seconds.
			for callers, most := range map[int]time.Duration{1: 12 * time.Second, people - 1: 5 * time.Second} {
				const connections = 1500
				quiet := make(chan []answered)
				go func() {
					quiet <- s.repeat(t, tokens[people-1], "10.1.1.1", "/rest/me", 100*time.Millisecond, time.Now().Add(lasts))
				}()
				all := storm(callers, connections, time.Duration(connections/capacity/10*float64(time.Second)), lasts)
				calm := time.Now()
				s.bearing(tokens[0]).get(t, page).ok(t)
				recovered := time.Since(calm)
				beside := <-quiet
				now, peak := s.memory(t)
				served, refused, quietly := summary(all, 200), summary(all, 503), summary(beside, 200)
				t.Logf("%d callers, capacity %.0f/s, asked for %.0f/s: %d answered, p50 %s, p99 %s; %d refused, p50 %s, p99 %s; "+
					"quiet: %d of %d answered, p99 %s; again after %s; memory %d MiB before, %d at the peak, %d after", callers,
					capacity, float64(len(all))/lasts.Seconds(), len(served), percentile(served, 50), percentile(served, 99),
					len(refused), percentile(refused, 50), percentile(refused, 99), len(quietly), len(beside),
					percentile(quietly, 99), recovered.Round(time.Millisecond), before, peak, now)
				assert.Equal(t, len(all), len(served)+len(refused), "nothing but 200 and 503")
				assert.Positive(t, len(served))
				if callers > 1 { // 1,500 connections of one caller have their turn in time where pages are quick
					assert.Positive(t, len(refused))
				}
				assert.Less(t, percentile(served, 99), most)
				assert.Less(t, percentile(refused, 99), 5*time.Second)
				assert.Equal(t, len(beside), len(quietly), "somebody who asks little is answered")
				assert.Less(t, recovered, 2*time.Second)
				assert.LessOrEqual(t, peak, 600)
			}
			s.stop(t)
		})
	}
}
