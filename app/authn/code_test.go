package authn

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// TestGuessedCodesWait holds that wrong codes of an account cost more and more time, from wherever they come, that a
// right one ends that, and that what is no attempt is not counted.
func TestGuessedCodesWait(t *testing.T) {
	c := newClock()
	accounts := accountsOf(t, c, "", "ada", "bob")
	p := NewPasswords(NewHasher(cheap, 8), accounts, []byte("key"), 0, unlooked{}, c.now)
	ada, err := accounts.ByLogin(t.Context(), "ada")
	require.NoError(t, err)
	bob, err := accounts.ByLogin(t.Context(), "bob")
	require.NoError(t, err)
	calls := 0
	try := func(a domain.Account, address string, err error) (int64, error) {
		return p.TryCode(t.Context(), a, address, func() error { calls++; return err })
	}
	for n := range int64(5) {
		wrong, err := try(ada, "192.0.2.1", domain.ErrBadCode)
		require.ErrorIs(t, err, domain.ErrBadCode)
		require.Equal(t, n+1, wrong)
	}
	for failed := errors.New("failed"); calls < 15; {
		wrong, err := try(bob, "192.0.2.1", failed)
		require.ErrorIs(t, err, failed)
		require.Zero(t, wrong, "it was no attempt")
	}
	wait := time.Second
	for range 12 {
		before := calls
		for _, address := range []string{"192.0.2.1", "192.0.2.2"} {
			_, err := try(ada, address, domain.ErrBadCode)
			require.ErrorIs(t, err, domain.ErrTooMany)
		}
		require.Equal(t, before, calls, "it was tried")
		c.at = c.at.Add(wait)
		_, err = try(ada, "192.0.2.2", domain.ErrBadCode)
		require.ErrorIs(t, err, domain.ErrBadCode)
		wait = min(2*wait, 15*time.Minute)
	}
	_, err = try(bob, "192.0.2.1", nil)
	require.NoError(t, err, "another account does not wait")
	c.at = c.at.Add(wait)
	_, err = try(ada, "192.0.2.1", nil)
	require.NoError(t, err)
	wrong, err := try(ada, "192.0.2.1", domain.ErrBadCode)
	require.ErrorIs(t, err, domain.ErrBadCode)
	require.Equal(t, int64(1), wrong, "a right code ends the count")
}

// TestGuessedCodesWaitTogether holds the limit for codes that are tried at the same moment.
func TestGuessedCodesWaitTogether(t *testing.T) {
	c := newClock()
	accounts := accountsOf(t, c, "", "ada")
	p := NewPasswords(NewHasher(cheap, 8), accounts, []byte("key"), 0, unlooked{}, c.now)
	ada, err := accounts.ByLogin(t.Context(), "ada")
	require.NoError(t, err)
	var tried sync.WaitGroup
	var calls atomic.Int64
	for range 40 {
		tried.Go(func() {
			_, _ = p.TryCode(context.WithoutCancel(t.Context()), ada, "192.0.2.1", func() error {
				calls.Add(1)
				return domain.ErrBadCode
			})
		})
	}
	tried.Wait()
	require.LessOrEqual(t, calls.Load(), int64(codeFree+1))
}
