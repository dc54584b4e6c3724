package httpx

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// comer is somebody who comes to an entrance.
type comer struct {
	network     string
	credentials uint64
	*Place
	answered chan error
}

// come has somebody come who does not leave by themselves, and returns when they were let in, refused, or wait, be it in
// the place of one of others.
func come(t *testing.T, e *Entrance, network string, credentials uint64, others ...*comer) *comer {
	t.Helper()
	c := &comer{network, credentials, &Place{entrance: e}, make(chan error, 1)}
	e.mu.Lock()
	before := e.waiting
	e.mu.Unlock()
	go func() {
		c.answered <- c.enter(context.Background(), NetworkOf(netip.MustParseAddr(network)), credentials)
	}()
	settled := func(c *comer) bool { return len(c.answered) > 0 }
	require.Eventually(t, func() bool { return settled(c) || slices.ContainsFunc(others, settled) || e.Waiting() != before },
		time.Minute, 10*time.Microsecond)
	return c
}

// next lets somebody leave, and returns who was let in by that.
func next(t *testing.T, leaves *comer, of []*comer) (in *comer) {
	t.Helper()
	leaves.leave()
	require.Eventually(t, func() bool {
		for _, c := range of {
			select {
			case err := <-c.answered:
				require.NoError(t, err)
				in = c
			default:
			}
		}
		return in != nil
	}, time.Minute, 10*time.Microsecond)
	return in
}

// Whoever comes once has their turn beside somebody who comes often: networks in turn, and in a network credentials.
func TestEntranceTakesTurns(t *testing.T) {
	e := NewEntrance(1)
	working := come(t, e, "192.0.2.1", 1)
	require.NoError(t, <-working.answered)
	const noisy, quiet = "192.0.2.1", "192.0.2.2"
	waiting := []*comer{come(t, e, noisy, 1), come(t, e, noisy, 1), come(t, e, noisy, 2), come(t, e, quiet, 3)}
	var turns []uint64
	for range waiting {
		working = next(t, working, waiting)
		turns = append(turns, working.credentials)
	}
	require.Equal(t, []uint64{1, 3, 2, 1}, turns)
	working.leave()
	require.Zero(t, e.working)
	require.Empty(t, e.crowds)
}

// Where too many wait, one of those is refused of whom most do.
func TestEntranceRefusesWhomMostWaitOf(t *testing.T) {
	e := NewEntrance(1)
	refused := 0
	e.Refused = func() { refused++ }
	const noisy, quiet = "192.0.2.1", "192.0.2.2"
	require.NoError(t, <-come(t, e, "192.0.2.3", 5).answered)
	var waiting []*comer
	for _, credentials := range []uint64{1, 2, 2, 2} {
		waiting = append(waiting, come(t, e, noisy, credentials))
	}
	require.ErrorIs(t, <-come(t, e, noisy, 2).answered, domain.ErrOverloaded, "more of the same")
	require.Empty(t, come(t, e, quiet, 3, waiting...).answered)
	require.ErrorIs(t, <-waiting[3].answered, domain.ErrOverloaded, "who came last")
	require.Empty(t, come(t, e, noisy, 4, waiting...).answered)
	require.ErrorIs(t, <-waiting[2].answered, domain.ErrOverloaded)
	require.Equal(t, 4, e.Waiting())
	require.Equal(t, 3, refused)
}

// Those inside count, also where they wait for something else.
func TestEntranceRefusesWhoIsInside(t *testing.T) {
	e := NewEntrance(1)
	for _, other := range []string{"192.0.2.9", "192.0.2.1"} { // the same network, with other credentials, or another one
		working := come(t, e, "192.0.2.1", 1)
		require.NoError(t, <-working.answered)
		back := working.aside()
		last := come(t, e, "192.0.2.7", 7)
		require.NoError(t, <-last.answered)
		e.every = waitsLong
		same := come(t, e, "192.0.2.1", 1)
		require.Empty(t, same.answered)
		quiet := come(t, e, other, 2, same)
		require.ErrorIs(t, <-same.answered, domain.ErrOverloaded)
		require.Empty(t, quiet.answered)
		e.every = 0
		require.Equal(t, quiet, next(t, last, []*comer{quiet}))
		for _, c := range []*comer{working, quiet} {
			c.leave()
		}
		back()
		require.Zero(t, e.working)
		require.Empty(t, e.inside)
	}
}

// Where those who wait would do so for long, more are refused at once.
func TestEntranceKeepsWaitsShort(t *testing.T) {
	e := NewEntrance(1)
	working := come(t, e, "192.0.2.9", 1)
	require.NoError(t, <-working.answered)
	e.every = 2 * waitsLong / 3
	first := come(t, e, "192.0.2.1", 1)
	require.Empty(t, first.answered)
	require.ErrorIs(t, <-come(t, e, "192.0.2.1", 1).answered, domain.ErrOverloaded)
	alone := come(t, e, "192.0.2.2", 1)
	require.Empty(t, alone.answered, "nobody else is there from there")
	working = next(t, working, []*comer{first})
	working = next(t, working, []*comer{alone})
	first = come(t, e, "192.0.2.1", 1)
	e.every = 2 * waitsLong / 3
	for range 100 { // it becomes quick
		working = next(t, working, []*comer{first})
		first = come(t, e, "192.0.2.1", 1)
	}
	require.Empty(t, come(t, e, "192.0.2.1", 1).answered)
}

// Who waits for something else leaves the place to others meanwhile, and who goes away in the queue is in nobody's way.
func TestEntranceIsLeftWhileWaiting(t *testing.T) {
	e := NewEntrance(1)
	working := come(t, e, "192.0.2.1", 1)
	require.NoError(t, <-working.answered)
	back := working.aside()
	again := working.aside()
	other := come(t, e, "192.0.2.1", 1)
	require.NoError(t, <-other.answered)
	back()
	require.Equal(t, 1, e.working, "there is something else yet")
	again()
	again()
	require.Equal(t, 2, e.working)
	working.leave()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, (&Place{entrance: e}).enter(gone, netip.Prefix{}, 0), domain.ErrOverloaded)
	late := other.aside()
	other.leave()
	late()
	require.Zero(t, e.working)
	require.Zero(t, e.Waiting())
}

// However they come and go, no more are worked on than there are places, and nobody is forgotten.
func TestEntranceForManyAtOnce(t *testing.T) {
	const places = 4
	e := NewEntrance(places)
	var inside, served, refused atomic.Int64
	var all sync.WaitGroup
	for w := range 32 {
		all.Go(func() {
			for range 200 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(1000))*time.Microsecond)
				p := &Place{entrance: e}
				err := p.enter(ctx, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(w % 5)}), 32), uint64(w%3))
				cancel()
				if err != nil {
					refused.Add(1)
					continue
				}
				served.Add(1)
				if inside.Add(1) > places {
					t.Error("more than there are places")
				}
				inside.Add(-1)
				p.leave()
			}
		})
	}
	all.Wait()
	require.Zero(t, e.working)
	require.Zero(t, e.Waiting())
	require.Empty(t, e.crowds)
	require.EqualValues(t, 32*200, served.Load()+refused.Load())
}
