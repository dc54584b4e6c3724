package authn_test

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app/authn"
	"canopy/domain"
	"canopy/persistence/storetest"
)

type uncounted struct{}

func (uncounted) Looked(string, bool) {}

// newDoor returns where the people of a small directory sign in; acme.user and bolt.user
// with "right " and their name, the others have no password. Its clock stands still.
func newDoor(t *testing.T, cost authn.Cost) (*authn.Passwords, *storetest.World) {
	w := storetest.NewWorld(t, storetest.SQLite(t))
	hasher := authn.NewHasher(cost, authn.MinPasswordLength)
	for _, alias := range []string{"acme.user", "bolt.user"} {
		hash, err := hasher.Hash(t.Context(), domain.Party{}, "right "+alias)
		require.NoError(t, err)
		_, err = w.Users.Update(t.Context(), storetest.Everything(domain.UserUpdate), w.KeyOf(alias), hash,
			func(*domain.User) error { return nil })
		require.NoError(t, err)
	}
	now := time.Now()
	return authn.NewPasswords(hasher, w.Accounts, []byte("a key"), 0, uncounted{}, func() time.Time { return now }), w
}

// What is remembered of a good password is good for the user who gave it only.
func TestPasswordsAreRememberedByUser(t *testing.T) {
	p, _ := newDoor(t, authn.Cost{Memory: 8, Passes: 1})
	for range 2 {
		a, err := p.Recognise(t.Context(), "acme.user", "right acme.user", "192.0.2.1")
		require.NoError(t, err)
		require.NoError(t, p.Admit(t.Context(), &a, "192.0.2.1"))
		_, err = p.Recognise(t.Context(), "bolt.user", "right acme.user", "192.0.2.1")
		require.ErrorIs(t, err, domain.ErrBadCredentials)
	}
}

// A program that begins with many requests at once is not taken for somebody who guesses.
func TestManySignInsAtOnce(t *testing.T) {
	p, _ := newDoor(t, authn.Cost{Memory: 8 << 10, Passes: 1})
	errs := make([]error, 64)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { _, errs[i] = p.Recognise(t.Context(), "acme.user", "right acme.user", "192.0.2.1") })
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
}

// Whoever is signed in and guesses the password is slowed down as at the door.
func TestGuessesOfTheOldPassword(t *testing.T) {
	p, w := newDoor(t, authn.Cost{Memory: 8, Passes: 1})
	a, err := w.Accounts.ByLogin(t.Context(), "acme.user")
	require.NoError(t, err)
	for range 5 {
		require.ErrorIs(t, p.Check(t.Context(), a, "wrong", "192.0.2.1"), domain.ErrBadCredentials)
	}
	require.ErrorIs(t, p.Check(t.Context(), a, "right acme.user", "192.0.2.1"), domain.ErrTooMany)
	_, err = p.Recognise(t.Context(), "acme.user", "right acme.user", "192.0.2.1")
	require.ErrorIs(t, err, domain.ErrTooMany)
}

// A name that nobody has, and an account without a password, cost the work of a wrong
// password. Time would say it too, but not on a busy machine: the memory does.
func TestStrangersCostAsMuch(t *testing.T) {
	const memory = 16 << 20
	p, _ := newDoor(t, authn.Cost{Memory: memory >> 10, Passes: 1})
	for _, login := range []string{"acme.user", "nobody", "acme.admin"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := p.Recognise(t.Context(), login, "a guess", "192.0.2.1")
		require.ErrorIs(t, err, domain.ErrBadCredentials)
		runtime.ReadMemStats(&after)
		require.Greater(t, after.TotalAlloc-before.TotalAlloc, uint64(memory), login)
	}
}
