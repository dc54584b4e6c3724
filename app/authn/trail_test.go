package authn

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// However many names and addresses somebody tries, an hour has a bounded number of entries, which
// count everything, and whoever is really guessed at is still told apart.
func TestGuessesDoNotFillTheTrail(t *testing.T) {
	c := newClock()
	accounts := accountsOf(t, c, "", "ada")
	ada, err := accounts.ByLogin(t.Context(), "ada")
	require.NoError(t, err)
	trail := trail{accounts: accounts, now: c.now}
	const tries = 5000
	for hour := 1; hour <= 2; hour++ {
		for i := range tries {
			trail.failed(t.Context(), fmt.Sprint("name ", i), nil, fmt.Sprintf("10.1.%d.%d", i/250, i%250))
			trail.failed(t.Context(), "ada", &ada, fmt.Sprintf("10.2.%d.%d", i/250, i%250))
		}
		times := map[domain.UserID]int64{}
		for _, s := range trail.counted {
			times[s.User.User] += s.Times
		}
		require.Equal(t, map[domain.UserID]int64{0: int64(hour) * tries, ada.User: int64(hour) * tries}, times)
		require.LessOrEqual(t, len(trail.counted), hour*(toldAtAll+1+toldApart+1))
		c.at = c.at.Add(failureHour)
	}
	require.NoError(t, trail.flush(t.Context()))
	require.Empty(t, trail.counted)

	// A right one of a client that is always there is one entry a minute.
	for range 100 {
		trail.signedIn(t.Context(), &ada, "192.0.2.1")
	}
	require.Len(t, trail.counted, 1)
	c.at = c.at.Add(time.Minute)
	trail.signedIn(t.Context(), &ada, "192.0.2.1")
	require.Len(t, trail.counted, 2)
}

// What cannot be written down is not lost.
func TestTheTrailWaitsForTheDatabase(t *testing.T) {
	c := newClock()
	accounts := accountsOf(t, c, "", "ada")
	trail := trail{accounts: accounts, now: c.now}
	trail.failed(t.Context(), "x", nil, "192.0.2.1")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, trail.flush(ended), domain.ErrUnavailable)
	trail.failed(t.Context(), "x", nil, "192.0.2.1")
	require.Len(t, trail.counted, 1)
	for _, s := range trail.counted {
		require.EqualValues(t, 2, s.Times)
	}
	require.NoError(t, trail.flush(t.Context()))
}
