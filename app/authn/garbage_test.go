package authn

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// What hashes leave behind is collected also where the collector by itself would not, and is given back to the system
// when no more are made.
func TestGarbageOfHashesIsBounded(t *testing.T) {
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	h := NewHasher(Cost{Memory: DefaultCost.Memory, Passes: 1}, MinPasswordLength)
	h.left = newGarbage(1, time.Hour)
	held := func() (inUse, atRest int64) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc), int64(m.HeapIdle - m.HeapReleased)
	}
	before, _ := held()
	const block = 19 << 20
	hash := func() {
		_, err := h.Hash(t.Context(), domain.Party{}, "long enough")
		require.NoError(t, err)
	}
	for range 10 {
		hash()
		inUse, _ := held()
		require.Less(t, inUse-before, int64(leastGarbage+block))
	}
	h.left.rest = time.Millisecond
	hash()
	require.Eventually(t, func() bool {
		inUse, atRest := held()
		return inUse-before < block && atRest < block
	}, time.Minute, 10*time.Millisecond, "the blocks are given back")
}

// Many hashers may have been closed while a program goes on, so those collect nothing any more.
func TestClosedHasherCollectsNothing(t *testing.T) {
	h := NewHasher(cheap, MinPasswordLength)
	h.left.resting.Reset(time.Hour)
	h.Close()
	require.False(t, h.left.resting.Stop(), "it would have collected later")
}
