package authn

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

func TestTheLastOneIsNextAndThenTheFirst(t *testing.T) {
	var l lanes
	require.NoError(t, l.enter(t.Context(), "a"))
	require.NoError(t, l.enter(t.Context(), "b"), "another lane is free")
	first, second, third, gone := l.join("a"), l.join("a"), l.join("a"), l.join("a")
	l.abandon("a", gone)
	l.leave("a", false)
	require.NoError(t, <-third)
	l.leave("a", false)
	require.Len(t, first, 1)
	require.Empty(t, second)
	l.abandon("a", first) // it went away as its turn came
	require.NoError(t, <-second)
	began := time.Now()
	l.leave("a", true)
	require.NoError(t, l.enter(t.Context(), "a"))
	require.GreaterOrEqual(t, time.Since(began), laneRest)
	oldest := l.join("a")
	for range laneMost {
		l.join("a")
	}
	require.ErrorIs(t, <-oldest, domain.ErrTooMany)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, l.enter(ended, "a"), domain.ErrOverloaded)
	for range laneMost { // the one that ended made room
		l.leave("a", false)
	}
	l.leave("b", false)
	require.Empty(t, l.busy)
}

// Somebody whose address others share gets in, while these try password after password.
func TestGuessesFromAKnownAddress(t *testing.T) {
	c := newClock()
	hasher := NewHasher(cheap, 6)
	accounts := accountsOf(t, c, hasher.hash("correct horse"), "ada")
	const address = "192.0.2.1"
	start := func() *Passwords { return NewPasswords(hasher, accounts, []byte("key"), 0, unlooked{}, c.now) }
	p := start()
	try := func(password string) error {
		return signIn(t.Context(), p, "ada", password, address, true)
	}
	require.NoError(t, try("correct horse"))

	p = start() // which remembers nothing
	ctx, enough := context.WithCancel(t.Context())
	var guessers sync.WaitGroup
	var mu sync.Mutex
	guesses, began := 0, time.Now()
	for n := range 8 {
		guessers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if _, err := p.Recognise(ctx, "ada", fmt.Sprint("guess ", n, i), address); domain.ErrBadCredentials.Is(err) {
					mu.Lock()
					guesses++
					mu.Unlock()
				}
			}
		})
	}
	require.Eventually(t, func() bool { return p.guessed.Len() == 1 }, 10*time.Second, time.Millisecond)
	for range 3 {
		asked := time.Now()
		require.NoError(t, try("correct horse"))
		require.Less(t, time.Since(asked), 10*time.Second)
	}
	enough()
	guessers.Wait()
	most := int(time.Since(began)/laneRest) + pairFree*4 + 20 // it begins anew with each success
	require.LessOrEqual(t, guesses, most)
}

// What is remembered of a password is no way to try many: from another address it counts as
// any other, right or wrong.
func TestWhatIsRememberedCannotBeGuessed(t *testing.T) {
	c := newClock()
	hasher := NewHasher(cheap, 6)
	accounts := accountsOf(t, c, hasher.hash("correct horse"), "ada")
	p := NewPasswords(hasher, accounts, []byte("key"), 0, unlooked{}, c.now)
	try := func(password, address string) error {
		return signIn(t.Context(), p, "ada", password, address, true)
	}
	require.NoError(t, try("correct horse", "192.0.2.1"))
	for n := range pairFree {
		require.ErrorIs(t, try(fmt.Sprint("guess ", n), "198.51.100.1"), domain.ErrBadCredentials)
	}
	require.ErrorIs(t, try("another guess", "198.51.100.1"), domain.ErrTooMany)
	require.ErrorIs(t, try("correct horse", "198.51.100.1"), domain.ErrTooMany)
	require.NoError(t, try("correct horse", "192.0.2.1"))
}
