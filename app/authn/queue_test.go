package authn

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// crowd are parties at a queue with one place, which somebody has.
type crowd struct {
	*testing.T
	*queue
	served chan string // in the order of their turns, which they keep
	failed map[string]chan error
}

func newCrowd(t *testing.T, most int) *crowd {
	c := &crowd{t, newQueue(1, most), make(chan string, 1000), make(map[string]chan error)}
	require.NoError(t, c.enter(t.Context(), domain.Party{Account: "the first", Network: "the first"}))
	return c
}

// waits lets n parties come one after the other, who are called name.
func (c *crowd) waits(n int, name string, party func(i int) domain.Party) {
	c.Helper()
	if c.failed[name] == nil {
		c.failed[name] = make(chan error, 1000)
	}
	failed := c.failed[name]
	for i := range n {
		t := &turn{Party: party(i), decided: make(chan error, 1)}
		if err := c.join(t); err != nil {
			failed <- err
			continue
		}
		go func() {
			if err := <-t.decided; err != nil {
				failed <- err
				return
			}
			c.served <- name
		}()
	}
}

// next ends the turn of whoever has it, and returns who is next.
func (c *crowd) next() string {
	c.leave()
	select {
	case name := <-c.served:
		return name
	case <-time.After(10 * time.Second):
		require.FailNow(c, "nobody is next")
		return ""
	}
}

func one(p domain.Party) func(int) domain.Party { return func(int) domain.Party { return p } }

func TestWhoComesForTheFirstTimeIsNext(t *testing.T) {
	user := func(account, network string) domain.Party {
		return domain.Party{Account: account, Network: network, Known: true}
	}
	tests := []struct {
		name  string
		noisy func(i int) domain.Party
		quiet domain.Party
	}{
		{"another account at another network", one(user("noisy", "192.0.2.1")), user("quiet", "192.0.2.2")},
		{"another account at the same network", one(user("noisy", "192.0.2.1")), user("quiet", "192.0.2.1")},
		{"among many accounts at one network", func(i int) domain.Party { return user(fmt.Sprint("noisy", i), "192.0.2.1") },
			user("quiet", "192.0.2.2")},
		{"among many networks of one account", func(i int) domain.Party { return user("noisy", fmt.Sprint("192.0.2.", i)) },
			user("quiet", "198.51.100.1")},
		{"a stranger among users", one(user("noisy", "")), domain.Party{Account: "name quiet", Network: "192.0.2.2"}},
		{"a user among strangers from everywhere", func(i int) domain.Party {
			return domain.Party{Account: fmt.Sprint("name noisy", i), Network: fmt.Sprint("network", i)}
		}, user("quiet", "192.0.2.1")},
	}
	for _, tt := range tests {
		for _, most := range []int{100, 20} { // with room and without
			t.Run(fmt.Sprintf("%s, %d may wait", tt.name, most), func(t *testing.T) {
				c := newCrowd(t, most)
				c.waits(50, "noisy", tt.noisy)
				require.Equal(t, "noisy", c.next())
				c.waits(max(0, most-49), "noisy", tt.noisy)
				for range 3 {
					c.waits(1, "quiet", one(tt.quiet))
					turns := 1
					for c.next() != "quiet" {
						turns++
					}
					require.LessOrEqual(t, turns, 2)
				}
				require.Empty(t, c.failed["quiet"])
			})
		}
	}
}

func TestAFullQueueRefusesWhoHasMostInIt(t *testing.T) {
	c := newCrowd(t, 10)
	at := func(network string) func(int) domain.Party { return one(domain.Party{Network: network}) }
	c.waits(2, "some", at("192.0.2.2"))
	c.waits(12, "noisy", at("192.0.2.1"))
	require.Len(t, c.failed["noisy"], 4)
	require.ErrorIs(t, <-c.failed["noisy"], domain.ErrOverloaded)
	c.waits(2, "fresh", at("192.0.2.3"))
	require.Empty(t, c.failed["fresh"])
	require.Empty(t, c.failed["some"])
	require.Equal(t, 10, c.load())
	_, refused := (&Hasher{queue: c.queue}).Waiting()
	require.EqualValues(t, 6, refused)
	require.Equal(t, 1, domain.AsError(domain.ErrOverloaded).RetryAfter)
}

// Whoever goes away while they wait gives back what they have, at whatever moment.
func TestWhoGoesAwayHoldsNothing(t *testing.T) {
	const places = 3
	q := newQueue(places, 64)
	var running, most atomic.Int64
	var all sync.WaitGroup
	for i := range 400 {
		all.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			if i%2 == 0 {
				go cancel()
			}
			defer cancel()
			err := q.enter(ctx, domain.Party{Account: fmt.Sprint(i % 7), Network: fmt.Sprint(i % 11), Known: i%3 == 0})
			if err != nil {
				return
			}
			most.Store(max(most.Load(), running.Add(1)))
			running.Add(-1)
			q.leave()
		})
	}
	all.Wait()
	require.LessOrEqual(t, most.Load(), int64(places))
	require.Equal(t, places, q.free)
	require.Zero(t, q.load())
}

// A program's requests that are one attempt are not refused because the one that came first ended.
func TestWhoComesTogetherDoesNotEndTogether(t *testing.T) {
	c := newClock()
	hasher := NewHasher(cheap, 6)
	accounts := accountsOf(t, c, hasher.hash("correct horse"), "ada")
	p := NewPasswords(hasher, accounts, []byte("key"), 0, unlooked{}, c.now)
	hasher.queue = newQueue(1, 64)
	require.NoError(t, hasher.queue.enter(t.Context(), domain.Party{Account: "somebody"}))
	first, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 2)
	signIn := func(ctx context.Context) {
		_, err := p.Recognise(ctx, "ada", "correct horse", "192.0.2.1")
		failed <- err
	}
	go signIn(first)
	require.Eventually(t, func() bool { return hasher.queue.load() == 1 }, 10*time.Second, time.Millisecond)
	go signIn(t.Context())
	cancel()
	require.ErrorIs(t, <-failed, domain.ErrOverloaded)
	hasher.queue.leave()
	require.NoError(t, <-failed)
}
