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
