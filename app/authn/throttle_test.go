package authn

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// guesser tries to sign in.
type guesser struct {
	t testing.TB
	*throttle
	clock *clock
	ada   domain.Account
}

func newGuesser(t *testing.T) *guesser {
	t.Helper()
	c := newClock()
	accounts := accountsOf(t, c, "", "ada")
	ada, err := accounts.ByLogin(t.Context(), "ada")
	require.NoError(t, err)
	return &guesser{t, &throttle{accounts: accounts, key: []byte("key"), now: c.now}, c, ada}
}

// try begins an attempt, which fails as long as nobody says otherwise.
func (g *guesser) try(login, address string) (attempt, error) {
	var account *domain.Account
	if login == "ada" {
		account = &g.ada
	}
	return g.begin(g.t.Context(), login, address, account)
}

// fails lets n attempts through.
func (g *guesser) fails(n int, login, address string) {
	g.t.Helper()
	for range n {
		_, err := g.try(login, address)
		require.NoError(g.t, err)
	}
}

// waits requires that an attempt is let through only after that time, and makes it then.
func (g *guesser) waits(want time.Duration, login, address string) {
	g.t.Helper()
	_, err := g.try(login, address)
	require.ErrorIs(g.t, err, domain.ErrTooMany)
	require.Equal(g.t, int(want/time.Second)+1, domain.AsError(err).RetryAfter)
	g.clock.at = g.clock.at.Add(want - time.Millisecond)
	_, err = g.try(login, address)
	require.ErrorIs(g.t, err, domain.ErrTooMany)
	g.clock.at = g.clock.at.Add(time.Millisecond)
	g.fails(1, login, address)
}

// succeeds makes an attempt that succeeds.
func (g *guesser) succeeds(login, address string) {
	g.t.Helper()
	a, err := g.try(login, address)
	require.NoError(g.t, err)
	require.NoError(g.t, g.succeeded(g.t.Context(), a))
	require.NoError(g.t, g.accounts.RememberAddress(g.t.Context(), g.ada.Organization, g.ada.User, a.from, g.now()))
}

func TestThrottleOfOneNameFromOneAddress(t *testing.T) {
	g := newGuesser(t)
	g.fails(pairFree, "ada", "192.0.2.1")
	g.waits(time.Second, "ada", "192.0.2.1")
	g.waits(2*time.Second, "ADA", "::ffff:192.0.2.1")
	g.waits(4*time.Second, "ada", "192.0.2.1")
	g.fails(1, "ada", "192.0.2.2")
	g.fails(1, "bob", "192.0.2.1")

	// Who knows the password may sign in when the wait is over, and begins anew.
	g.clock.at = g.clock.at.Add(8 * time.Second)
	g.succeeds("ada", "192.0.2.1")
	for n := range pairFree + 1 {
		a, err := g.try("ada", "192.0.2.1")
		require.NoError(t, err)
		require.Equal(t, n == pairFree, a.guessed)
	}
}

func TestThrottleForgets(t *testing.T) {
	g := newGuesser(t)
	began := g.clock.at
	g.fails(pairFree, "ada", "192.0.2.1")
	for wait := time.Second; g.clock.at.Add(wait).Before(began.Add(failureWindow)); wait *= 2 {
		g.waits(wait, "ada", "192.0.2.1")
	}
	_, err := g.try("ada", "192.0.2.1")
	require.ErrorIs(t, err, domain.ErrTooMany)
	g.clock.at = began.Add(failureWindow + time.Millisecond)
	g.fails(pairFree, "ada", "192.0.2.1")
	g.waits(time.Second, "ada", "192.0.2.1")
}

func TestThrottleOfOneAddress(t *testing.T) {
	g := newGuesser(t)
	g.succeeds("ada", "2001:db8::1")
	for n := range addressFree {
		g.fails(1, fmt.Sprint("user", n), fmt.Sprintf("2001:db8::%d", n))
	}
	g.waits(time.Second, "somebody", "2001:db8::ffff:1")
	g.fails(1, "ada", "2001:db8::2")         // she has signed in from there
	g.fails(1, "somebody", "2001:db8:0:1::") // another network
	_, err := g.try("bob", "2001:db8::2")
	require.ErrorIs(t, err, domain.ErrTooMany)

	g.clock.at = g.clock.at.Add(failureWindow + time.Millisecond)
	g.fails(pairFree, "bob", "2001:db8::2")
}

func TestThrottleOfOneName(t *testing.T) {
	g := newGuesser(t)
	g.succeeds("ada", "192.0.2.1")
	for n := range nameFree {
		g.fails(1, "ada", fmt.Sprintf("198.51.100.%d", n))
	}
	// Whoever has not tried yet may, and may mistype.
	g.fails(1, "ada", "203.0.113.1")
	g.waits(freshPause, "ada", "203.0.113.1")
	g.waits(2*freshPause, "ada", "203.0.113.1")
	// From then on all who have tried share one attempt per pause.
	g.waits(namePause, "ada", "203.0.113.1")
	g.clock.at = g.clock.at.Add(namePause)
	g.fails(1, "ada", "203.0.113.1")
	g.fails(1, "ada", "203.0.113.2")
	g.fails(1, "bob", "203.0.113.1")

	// What an address has tried is not forgotten with the count of the name.
	g.clock.at = g.clock.at.Add(failureWindow + time.Millisecond)
	for n := range nameFree {
		g.fails(1, "ada", fmt.Sprintf("198.51.101.%d", n))
	}
	g.clock.at = g.clock.at.Add(time.Second)
	g.waits(namePause-time.Second, "ada", "203.0.113.1")

	// The address from which she signs in is not shut out, for some time, and to her only.
	g.fails(2*pairFree, "ada", "192.0.2.1")
	g.clock.at = g.clock.at.Add(knownFor)
	for n := range nameFree {
		g.fails(1, "ada", fmt.Sprintf("198.51.100.%d", n))
	}
	g.fails(1, "ada", "192.0.2.1")
	g.waits(freshPause, "ada", "192.0.2.1")
}

// Others at an address from which somebody signs in cannot keep them out, whatever they try.
func TestThrottleOfAKnownAddress(t *testing.T) {
	g := newGuesser(t)
	g.succeeds("ada", "192.0.2.1")
	for n := range addressFree {
		g.fails(1, fmt.Sprint("user", n), "192.0.2.1")
	}
	for n := range 3 * pairFree {
		a, err := g.try("ada", "192.0.2.1")
		require.NoError(t, err)
		require.Equal(t, n >= pairFree, a.guessed, n)
	}
	_, err := g.try("bob", "192.0.2.1")
	require.ErrorIs(t, err, domain.ErrTooMany)
	g.succeeds("ada", "192.0.2.1")
}

// TestGuessesAreFew counts what somebody with many addresses can try of one name in an hour, and
// holds that meanwhile a new address gets in within ten seconds.
func TestGuessesAreFew(t *testing.T) {
	const addresses, others = 55, 6
	g := newGuesser(t)
	began := g.clock.at
	next := make([]time.Time, addresses)
	guesses := 0
	for g.clock.at.Before(began.Add(time.Hour)) {
		g.clock.at = g.clock.at.Add(time.Second)
		for i := range next {
			if next[i].After(g.clock.at) {
				continue
			}
			_, err := g.try("ada", fmt.Sprintf("198.51.100.%d", i))
			if err == nil {
				guesses++
				continue
			}
			require.ErrorIs(t, err, domain.ErrTooMany)
			next[i] = g.clock.at.Add(time.Duration(domain.AsError(err).RetryAfter) * time.Second)
		}
	}
	const windows = int(time.Hour / failureWindow)
	most := windows*nameFree + int(time.Hour/namePause) + freshTries*addresses
	t.Logf("%d guesses within an hour from %d addresses; at most %d", guesses, addresses, most)
	require.LessOrEqual(t, guesses, most+windows)
	for i := range others {
		g.succeeds("ada", fmt.Sprintf("203.0.113.%d", i))
	}
}

func TestThrottleOfManyAtOnce(t *testing.T) {
	g := newGuesser(t)
	var passed atomic.Int64
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			_, err := g.try("ada", "192.0.2.1")
			if err == nil {
				passed.Add(1)
			}
		})
	}
	all.Wait()
	require.GreaterOrEqual(t, passed.Load(), int64(pairFree))
	require.LessOrEqual(t, passed.Load(), int64(pairFree+1))
}

// Attempts that cost nothing let others through also if they were counted later than the others began: by a server
// whose clock is ahead, or in between.
func TestFreeFailuresOfAClockThatIsAhead(t *testing.T) {
	g := newGuesser(t)
	g.clock.at = g.clock.at.Add(10 * time.Second)
	g.fails(1, "ada", "192.0.2.1")
	g.clock.at = g.clock.at.Add(-10 * time.Second)
	g.fails(1, "ada", "192.0.2.1")
	g.fails(1, "bob", "192.0.2.1")
}

func TestPause(t *testing.T) {
	for n, want := range map[int64]time.Duration{
		0: 0, 4: 0, 5: time.Second, 6: 2 * time.Second, 14: 512 * time.Second, 15: maxWait, 25: maxWait, 1 << 62: maxWait,
	} {
		require.Equal(t, want, pause(n, 5), n)
	}
}
