package authn

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"

	"canopy/domain"
)

// queue gives turns to parties that wait for one of a few places to run. The next turn goes to the
// party whose account and whose network had theirs the longest time ago, so that whoever comes for
// the first time is next, however many wait for others. Known parties and strangers take turns, so
// that neither can keep the other waiting. It is safe for concurrent use.
type queue struct {
	most    int // may wait
	refused atomic.Int64

	mu      sync.Mutex
	free    int
	waiting []*turn // in order of arrival
	turns   uint64  // that were given
	// last is the turn that an account or network had last.
	last *lru.Cache[string, uint64]
	// strangers says who is to have the next turn if both are there.
	strangers bool
}

// turn is one party that waits. What is sent on decided is nil when its turn has come.
type turn struct {
	domain.Party
	decided chan error
}

// remembered is how many accounts and networks a queue remembers to have had a turn.
const remembered = 4096

// newQueue returns a queue for places, for each of which most may wait.
func newQueue(places, most int) *queue {
	q := &queue{free: places, most: places * most}
	q.last, _ = lru.New[string, uint64](remembered) // fails for sizes below 1 only
	return q
}

// enter waits for p's turn, which lasts until leave. It returns domain.ErrOverloaded if too many
// wait and none of them is to go for p, or if ctx ends before.
func (q *queue) enter(ctx context.Context, p domain.Party) error {
	t := &turn{Party: p, decided: make(chan error, 1)}
	if err := q.join(t); err != nil {
		return err
	}
	defer domain.Aside(ctx)()
	select {
	case err := <-t.decided:
		return err
	case <-ctx.Done():
		q.abandon(t)
		return domain.ErrOverloaded.Because(ctx.Err())
	}
}

// join gives t a place to run or to wait.
func (q *queue) join(t *turn) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.free > 0 {
		q.free--
		q.give(t)
		return nil
	}
	if len(q.waiting) >= q.most && !q.makeRoom(t) {
		q.refused.Add(1)
		return domain.ErrOverloaded
	}
	q.waiting = append(q.waiting, t)
	return nil
}

// leave ends a turn.
func (q *queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.next()
}

// abandon takes out t, whose context ended, or passes its turn on.
func (q *queue) abandon(t *turn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.waiting, t); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
		return
	}
	if err := <-t.decided; err == nil {
		q.next()
	}
}

// next gives a place that became free to one of those who wait.
func (q *queue) next() {
	i := q.best(q.strangers)
	if i < 0 {
		i = q.best(!q.strangers)
	}
	if i < 0 {
		q.free++
		return
	}
	t := q.waiting[i]
	q.waiting = slices.Delete(q.waiting, i, i+1)
	q.strangers = t.Known
	q.give(t)
}

func (q *queue) give(t *turn) {
	q.turns++
	for _, key := range t.keys() {
		q.last.Add(key, q.turns)
	}
	t.decided <- nil
}

// best returns the index of the stranger or known party that is to have its turn, -1 for none.
func (q *queue) best(strangers bool) int {
	found, least := -1, [2]uint64{math.MaxUint64, math.MaxUint64}
	for i, t := range q.waiting {
		if t.Known == strangers {
			continue
		}
		if had := t.ranks(func(key string) uint64 { n, _ := q.last.Peek(key); return n }); slices.Compare(had[:],
			least[:]) < 0 {
			found, least = i, had
		}
	}
	return found
}

// makeRoom takes the turn from whoever has most others waiting beside them, if these are more than
// wait beside t, and reports whether there is room now. Known parties and strangers give way to
// one another where they hold more than half of the places.
func (q *queue) makeRoom(t *turn) bool {
	beside := make(map[string]uint64)
	known := 0
	for _, w := range q.waiting {
		if w.Known {
			known++
		}
	}
	for _, w := range append(q.waiting, t) {
		for _, key := range w.keys() {
			beside[key]++
		}
	}
	theirs := known // places of those on the other side
	if t.Known {
		theirs = len(q.waiting) - known
	}
	const first = 1 << 32 // counts more than any number of those who wait
	cost := func(w *turn) [2]uint64 {
		n := w.ranks(func(key string) uint64 { return beside[key] })
		if w.Known != t.Known {
			if 2*theirs <= len(q.waiting) {
				return [2]uint64{}
			}
			n[0] += first
		}
		return n
	}
	worst, most := -1, cost(t)
	for i, w := range q.waiting {
		if n := cost(w); slices.Compare(n[:], most[:]) > 0 || worst >= 0 && n == most {
			worst, most = i, n
		}
	}
	if worst < 0 {
		return false
	}
	q.refused.Add(1)
	q.waiting[worst].decided <- domain.ErrOverloaded
	q.waiting = slices.Delete(q.waiting, worst, worst+1)
	return true
}

// keys returns what is counted for a party.
func (t *turn) keys() []string {
	var keys []string
	if t.Account != "" {
		keys = append(keys, t.Account)
	}
	if t.Network != "" {
		keys = append(keys, "network "+t.Network)
	}
	return keys
}

// ranks returns what of says of the party's account and network, the greater first.
func (t *turn) ranks(of func(key string) uint64) (ranks [2]uint64) {
	for i, key := range t.keys() {
		ranks[i] = of(key)
	}
	slices.SortFunc(ranks[:], func(a, b uint64) int { return cmp.Compare(b, a) })
	return ranks
}

// load returns how many wait.
func (q *queue) load() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}
