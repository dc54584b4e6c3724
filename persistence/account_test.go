package persistence_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

// Sign-ins of one user at once count failures and take them back: each names several counts, in any
// order, and none has to go for another.
func TestFailuresAreCountedAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		accounts := persistence.NewAccountStore(db)
		const workers, rounds = 16, 10
		subjects := []string{"pair", "address", "name", "another"}
		var all sync.WaitGroup
		errs := make(chan error, 2*workers*rounds)
		for range workers {
			all.Go(func() {
				for range rounds {
					order := make([]string, len(subjects))
					for i, j := range rand.Perm(len(subjects)) {
						order[i] = subjects[j]
					}
					now := time.Now()
					_, err := accounts.CountFailure(t.Context(), order, now, now.Add(-time.Hour))
					errs <- err
					errs <- accounts.Forgive(t.Context(), "", order)
				}
			})
		}
		all.Wait()
		close(errs)
		failed := map[string]int{}
		for err := range errs {
			if err != nil {
				failed[fmt.Sprint(err)]++
			}
		}
		require.Empty(t, failed)
		left, err := accounts.Failures(t.Context(), subjects)
		require.NoError(t, err)
		for subject, f := range left {
			require.Zero(t, f.Count, subject)
		}
	})
}

// Whose a name or a key is, is remembered as a guess: one that is not true any more finds nobody, and one that was
// nobody's finds who has it now.
func TestNamesThatAreRememberedAreAskedFor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, database *db.DB) {
		w := storetest.NewWorld(t, database)
		named := func(alias string, key domain.UserKey) {
			t.Helper()
			for range 3 {
				a, err := w.Accounts.ByLogin(t.Context(), alias)
				if key == (domain.UserKey{}) {
					require.ErrorIs(t, err, domain.ErrUserNotFound, alias)
					continue
				}
				require.NoError(t, err, alias)
				require.Equal(t, key, a.UserKey(), alias)
			}
		}
		rename := func(from, to string) {
			t.Helper()
			_, err := w.Users.Update(t.Context(), storetest.Everything(domain.UserUpdate), w.KeyOf(from), "",
				func(u *domain.User) error { u.Alias = to; return nil })
			require.NoError(t, err)
		}
		acme, bolt, nobody := w.KeyOf("acme.user"), w.KeyOf("bolt.user"), domain.UserKey{}
		named("ACME.user", acme)
		named("fresh", nobody)
		rename("acme.user", "fresh")
		named("acme.user", nobody)
		named("fresh", acme)
		rename("bolt.user", "acme.user")
		named("acme.user", bolt)
		require.NoError(t, w.Users.Delete(t.Context(), storetest.Everything(domain.UserDelete), bolt))
		named("acme.user", nobody)

		key := w.Keys["acme.user"]
		for range 2 {
			a, err := w.Accounts.ByAPIKey(t.Context(), key.Text)
			require.NoError(t, err)
			require.Equal(t, acme, a.UserKey())
		}
		require.NoError(t, w.APIKeys.Delete(t.Context(), storetest.Everything(domain.UserUpdate), acme, key.ID,
			func(domain.User) error { return nil }))
		for range 2 {
			_, err := w.Accounts.ByAPIKey(t.Context(), key.Text)
			require.ErrorIs(t, err, domain.ErrAPIKeyNotFound)
		}
	})
}
