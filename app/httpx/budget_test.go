package httpx

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

func party(user int64, address string) Party {
	p := Party{User: domain.UserKey{Organization: 1, User: domain.UserID(user)}}
	if address != "" {
		p.Network = NetworkOf(netip.MustParseAddr(address))
	}
	return p
}

func TestBudgetHasShares(t *testing.T) {
	b := NewBudget(10, 3, 5)
	refused := 0
	b.Refused = func() { refused++ }
	take := func(n int64, by Party) *Part {
		part, err := b.Take(t.Context(), 0, n, by)
		if err != nil {
			require.True(t, domain.ErrOverloaded.Is(err))
			require.Nil(t, part)
		}
		return part
	}
	require.NotNil(t, take(3, party(1, "192.0.2.1")))
	require.Nil(t, take(1, party(1, "192.0.2.9")), "a user's share, from anywhere")
	two := take(2, party(2, "192.0.2.1"))
	require.NotNil(t, two)
	require.Nil(t, take(1, party(3, "::ffff:192.0.2.1")), "an address's share, however it is written")
	require.NotNil(t, take(3, party(4, "2001:db8::1")))
	require.Nil(t, take(3, party(5, "2001:db8::2")), "64 bits are one network")
	require.NotNil(t, take(2, party(0, "")), "of nobody known there is no share")
	require.Nil(t, take(1, party(6, "198.51.100.1")), "all is taken")
	require.Equal(t, 4, refused)
	two.Return()
	require.NotNil(t, take(1, party(6, "198.51.100.1")))
	used, waiting := b.Used()
	require.EqualValues(t, 9, used)
	require.Zero(t, waiting)
}

// Who waits is given what becomes free, and nobody waits for somebody at their own share.
func TestBudgetIsWaitedFor(t *testing.T) {
	b := NewBudget(2, 1, 0)
	mine, err := b.Take(t.Context(), 0, 1, party(1, ""))
	require.NoError(t, err)
	again := make(chan *Part)
	go func() {
		part, _ := b.Take(context.Background(), time.Minute, 1, party(1, ""))
		again <- part
	}()
	require.Eventually(t, func() bool { _, n := b.Used(); return n == 1 }, time.Minute, time.Millisecond)
	other, err := b.Take(t.Context(), 0, 1, party(2, ""))
	require.NoError(t, err, "there is one left for others")
	mine.Return()
	part := <-again
	require.NotNil(t, part)
	_, err = b.Take(t.Context(), time.Millisecond, 1, party(2, ""))
	require.True(t, domain.ErrOverloaded.Is(err), "in vain")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = b.Take(ended, time.Minute, 1, party(2, ""))
	require.True(t, domain.ErrOverloaded.Is(err), "nobody waits for the answer")
	other.Return()
	part.Return()
	require.Empty(t, b.users, "nobody is remembered")
	require.Zero(t, b.used)
}

// However parts are taken and returned, never more is taken than there is, and nothing is lost.
func TestBudgetNeverGivesTooMuch(t *testing.T) {
	const total = 7
	b := NewBudget(total, 3, 5)
	var held atomic.Int64
	var all sync.WaitGroup
	for w := range int64(24) {
		all.Go(func() {
			for range 300 {
				n := 1 + rand.Int64N(3)
				part, err := b.Take(context.Background(), time.Duration(rand.IntN(3))*time.Millisecond, n,
					party(1+w%5, "192.0.2.1"))
				if err != nil {
					continue
				}
				if held.Add(n) > 5 {
					t.Error("more than the network's share")
				}
				held.Add(-n)
				part.Return()
			}
		})
	}
	all.Wait()
	used, waiting := b.Used()
	require.Zero(t, used)
	require.Zero(t, waiting)
	require.Empty(t, b.users)
	require.Empty(t, b.nets)
}
