package authn

import (
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// garbage bounds the memory of hashes that nobody uses any more. Each hash takes a block of megabytes and leaves it
// behind. The collector lets as much lie as is several times what is in use, which is right for what requests leave
// behind and would be hundreds of megabytes of blocks. It is safe for concurrent use.
type garbage struct {
	most int64 // bytes that may lie there
	rest time.Duration

	mu      sync.Mutex
	left    int64 // bytes
	resting *time.Timer
}

const (
	// leastGarbage is worth collecting: a collection takes a tenth of the time of so many hashes.
	leastGarbage = 64 << 20
	// restAfter is how long no hash was made when the memory is given back to the system.
	restAfter = 5 * time.Second
)

// newGarbage returns what bounds the garbage of hashes, of which so many are made at once. What the program began with
// is given back after the first rest.
func newGarbage(atOnce int, rest time.Duration) *garbage {
	return &garbage{most: max(leastGarbage, int64(atOnce)*int64(DefaultCost.Memory)<<10), rest: rest,
		resting: time.AfterFunc(rest, debug.FreeOSMemory)}
}

// stop gives nothing back any more, until the next add.
func (g *garbage) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.resting.Stop()
}

// add is told of the KiB of a block that was left behind, and collects what lies there if it is too much.
func (g *garbage) add(memory uint32) {
	g.mu.Lock()
	g.left += int64(memory) << 10
	full := g.left >= g.most
	if full {
		g.left = 0
	}
	g.resting.Reset(g.rest)
	g.mu.Unlock()
	if full {
		runtime.GC()
	}
}
