package persistence_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

// Servers of one directory take numbers at the same time, and none gets another's.
func TestNumbersOfSeveralServers(t *testing.T) {
	url := storetest.PostgresURL(t)
	var mu sync.Mutex
	var wg sync.WaitGroup
	taken := make(map[int64]bool)
	for range 4 {
		db, err := db.OpenPostgres(t.Context(), url)
		require.NoError(t, err)
		t.Cleanup(func() { db.Close() })
		store := persistence.NewDirectoryStore(db)
		wg.Go(func() {
			for range 25 {
				first, err := store.Reserve(t.Context(), storetest.Everything(domain.UserCreate), domain.UserNumber, 1)
				if !assert.NoError(t, err) {
					return
				}
				mu.Lock()
				assert.False(t, taken[first], first)
				taken[first] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.Len(t, taken, 100)
}

// What is only tried has numbers that nothing is ever given, also where an import has almost the last of them.
func TestNumbersOfRehearsalsAreNobodys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		rehearsed, err := db.NextID(domain.WithRehearsal(t.Context()), "user")
		require.NoError(t, err)
		require.Greater(t, rehearsed, int64(domain.MaxGiven))
		store, w := persistence.NewDirectoryStore(db), storetest.Everything(domain.UserCreate)
		_, err = store.Claim(t.Context(), w, domain.Numbers{domain.UserNumber: rehearsed})
		require.ErrorIs(t, err, domain.ErrUnavailable)
		_, err = store.Claim(t.Context(), w, domain.Numbers{domain.UserNumber: domain.MaxGiven - 1})
		require.NoError(t, err)
		_, err = store.Reserve(t.Context(), w, domain.UserNumber, 1)
		require.ErrorIs(t, err, domain.ErrUnavailable)
	})
}
