package authn

import (
	"context"
	"slices"
	"sync"
	"time"

	"canopy/domain"
)

// lanes let the attempts of one key through one after the other, with a rest after each that failed.
// Next are in turn the one that came last and the one that came first: somebody who guesses with many
// requests waits for all of them, somebody with one mostly does not, and nobody waits for ever. It
// is safe for concurrent use.
type lanes struct {
	mu sync.Mutex
	// busy has the lanes of keys that have an attempt under way or rest.
	busy map[string]*lane
}

type lane struct {
	waiting []chan error // in order of arrival
	first   bool         // the next one is the one that came first
}

const (
	// laneRest is how long a lane rests after an attempt that failed.
	laneRest = 200 * time.Millisecond
	// laneMost is how many may wait in a lane; the one that came first gives way.
	laneMost = 256
)

// enter waits for the turn of an attempt, which lasts until leave. It returns domain.ErrTooMany if
// too many come behind it, and domain.ErrOverloaded if ctx ends before.
func (l *lanes) enter(ctx context.Context, key string) error {
	decided := l.join(key)
	if decided == nil {
		return nil
	}
	defer domain.Aside(ctx)()
	select {
	case err := <-decided:
		return err
	case <-ctx.Done():
		l.abandon(key, decided)
		return domain.ErrOverloaded.Because(ctx.Err())
	}
}

// join returns what says that the turn has come, nil if it has.
func (l *lanes) join(key string) chan error {
	l.mu.Lock()
	defer l.mu.Unlock()
	in, busy := l.busy[key]
	if !busy {
		if l.busy == nil {
			l.busy = make(map[string]*lane)
		}
		l.busy[key] = new(lane)
		return nil
	}
	if len(in.waiting) >= laneMost {
		in.take(0) <- tooMany(laneRest)
	}
	decided := make(chan error, 1)
	in.waiting = append(in.waiting, decided)
	return decided
}

// abandon takes out an attempt whose context ended, or passes its turn on.
func (l *lanes) abandon(key string, decided chan error) {
	l.mu.Lock()
	in, waits := l.busy[key], -1
	if in != nil {
		waits = slices.Index(in.waiting, decided)
	}
	if waits >= 0 {
		in.take(waits)
	}
	l.mu.Unlock()
	if waits < 0 && <-decided == nil {
		l.next(key)
	}
}

// leave ends a turn.
func (l *lanes) leave(key string, failed bool) {
	if failed {
		time.AfterFunc(laneRest, func() { l.next(key) })
		return
	}
	l.next(key)
}

func (l *lanes) next(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	in := l.busy[key]
	if len(in.waiting) == 0 {
		delete(l.busy, key)
		return
	}
	i := len(in.waiting) - 1
	if in.first {
		i = 0
	}
	in.first = !in.first
	in.take(i) <- nil
}

// take takes the i-th out of those who wait.
func (in *lane) take(i int) chan error {
	taken := in.waiting[i]
	in.waiting = slices.Delete(in.waiting, i, i+1)
	return taken
}
