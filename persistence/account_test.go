package persistence_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
