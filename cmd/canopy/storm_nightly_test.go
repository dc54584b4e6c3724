//go:build nightly

package main_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A storm is so long, and so long after it memory is looked at.
const (
	stormLasts = time.Minute
	stormOver  = time.Minute
)

var memoryLine = regexp.MustCompile(`(?m)^(VmRSS|VmHWM):\s+(\d+) kB$`)

// memory returns how many MiB of the program are in memory, and the most that ever were.
func (p *program) memory(t *testing.T) (now, peak int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(t, err)
	for _, found := range memoryLine.FindAllStringSubmatch(string(text), -1) {
		kib, err := strconv.Atoi(found[2])
		require.NoError(t, err)
		if found[1] == "VmRSS" {
			now = kib >> 10
		} else {
			peak = kib >> 10
		}
	}
	require.Positive(t, now)
	return now, peak
}

// A minute of sign-ins by two hundred clients, with right and wrong passwords and names that nobody has, takes a bounded
// amount of memory, and a minute later it is given back.
func TestMemoryOfSignInStorms(t *testing.T) {
	for engine, at := range places {
		t.Run(engine, func(t *testing.T) {
			s := serve(t, at(t), fleetFlags...)
			const people, clients = 40, 200
			for i := range people {
				s.admin().post(t, "/rest/users", newUser(fmt.Sprintf("person%d", i), "long enough")).ok(t)
			}
			time.Sleep(15 * time.Second)
			idle, _ := s.memory(t)

			var crowd sync.WaitGroup
			var statuses [600]atomic.Int64
			until := time.Now().Add(stormLasts)
			for range clients {
				crowd.Go(func() {
					for time.Now().Before(until) {
						login, password := fmt.Sprintf("person%d", rand.IntN(people)), "long enough"
						switch rand.IntN(3) {
						case 0:
							password = "wrong"
						case 1:
							login = fmt.Sprintf("nobody%d", rand.IntN(1000))
						}
						from := fmt.Sprintf("10.%d.%d.%d", rand.IntN(256), rand.IntN(256), rand.IntN(256))
						a, err := s.anonymous().with("X-Forwarded-For", from).
							send("POST", "/auth", fields{"user": login, "password": password})
						if !assert.NoError(t, err) {
							return
						}
						statuses[a.status].Add(1)
						if a.status == http.StatusServiceUnavailable {
							assert.NotEmpty(t, a.header.Get("Retry-After"))
						}
					}
				})
			}
			crowd.Wait()
			during, peak := s.memory(t)
			time.Sleep(stormOver)
			after, _ := s.memory(t)
			counts := make(map[int]int64)
			for status := range statuses {
				if n := statuses[status].Load(); n > 0 {
					counts[status] = n
				}
			}
			t.Logf("%d MiB idle, %d at the peak, %d at the end, %d a minute later; answers %v", idle, peak, during, after,
				counts)
			s.stop(t)
			require.Positive(t, counts[http.StatusOK])
			require.Subset(t, []int{200, 401, 429, 503}, keysOf(counts))
			require.LessOrEqual(t, peak, 300)
			require.LessOrEqual(t, after, 150)
		})
	}
}

func keysOf(counts map[int]int64) (keys []int) {
	for key := range counts {
		keys = append(keys, key)
	}
	return keys
}
