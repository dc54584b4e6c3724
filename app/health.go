package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"canopy/persistence/db"
)

// watch is what is seen of the server and its database while they work.
type watch struct {
	db      *db.DB
	metrics *metrics
	health  *health
	schema  schemaWatch
}

func newWatch(database *db.DB, log *slog.Logger) *watch {
	w := &watch{db: database, metrics: newMetrics(database)}
	w.health = newHealth(database, log, w.metrics.troubled)
	w.metrics.showHealth(w.health.up)
	return w
}

// unknownSteps returns the steps of the schema that this program does not have.
func (w *watch) unknownSteps(ctx context.Context) ([]string, error) {
	return w.schema.unknown(ctx, w.db)
}

// health knows how the database is. It learns of trouble from what is logged: what nobody was
// refused for is none. Then it asks the database itself, until it is well again.
type health struct {
	db    *db.DB
	log   *slog.Logger
	count func(db.Trouble)

	mu      sync.Mutex
	trouble db.Trouble // TroubleNone while all is well
	err     error      // of the trouble
	away    bool       // the database itself says so
	since   time.Time
	hidden  int           // errors that were not logged since then
	asked   chan struct{} // closed when the database was asked once since then
	stop    context.CancelFunc
	asking  sync.WaitGroup
	closed  bool
}

// askWithin is how long the database may take to say how it is, and askEvery how often one in
// trouble is asked. Errors of that time share a line in the log.
const (
	askWithin = 800 * time.Millisecond
	askEvery  = time.Second
)

func newHealth(db *db.DB, log *slog.Logger, count func(db.Trouble)) *health {
	return &health{db: db, log: log, count: count}
}

// up reports whether the database is there, as far as is known.
func (h *health) up() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.away
}

// note takes note of an error of the database, and reports whether it came in the wake of one that
// is logged already.
func (h *health) note(t db.Trouble, err error) (follows bool) {
	h.count(t)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.trouble != db.TroubleNone {
		h.hidden++
		return true
	}
	if h.closed {
		return false
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.trouble, h.err, h.since, h.hidden, h.asked, h.stop = t, err, time.Now(), 0, make(chan struct{}), cancel
	h.asking.Go(func() { h.ask(ctx, h.asked) })
	return false
}

// ask asks the database how it is until it is well, or ctx ends.
func (h *health) ask(ctx context.Context, asked chan struct{}) {
	first := true
	for {
		err := h.askOnce(ctx)
		if ctx.Err() != nil {
			err = nil
		}
		h.learn(err)
		if first {
			close(asked)
			first = false
		}
		if ctx.Err() != nil || err == nil && h.settle() {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(askEvery):
		}
	}
}

// askOnce returns nil if the database answers, and takes changes if it was said not to.
func (h *health) askOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	h.mu.Lock()
	trouble := h.trouble
	h.mu.Unlock()
	switch trouble {
	case db.TroubleFull, db.TroubleReadOnly, db.TroubleStorage:
		return h.db.TryWriting(ctx)
	}
	return h.db.Ping(ctx)
}

// learn keeps what the database said.
func (h *health) learn(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		h.err = err
		if t := db.TroubleOf(err); t != db.TroubleNone {
			h.trouble = t
		}
	}
	switch {
	case err != nil && !h.away:
		h.away = true
		h.log.Error("the database is away", "trouble", h.trouble, "error", err)
	case err == nil && h.away:
		h.away = false
		h.log.Warn("the database is back", "after", time.Since(h.since).Round(time.Millisecond).String(), "errors", h.hidden)
		h.hidden = 0
		h.since = time.Time{}
	}
}

// settle ends the trouble unless it only just began: whoever has it again at once would fill the
// log, a line each time.
func (h *health) settle() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.since) < askEvery {
		return false
	}
	if h.hidden > 0 {
		h.log.Warn("the database had more errors like the one before", "trouble", h.trouble, "errors", h.hidden)
	}
	h.trouble, h.err = db.TroubleNone, nil
	h.stop()
	return true
}

// check returns nil if the database is well. It takes little longer than askWithin, whatever the
// database does.
func (h *health) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	h.mu.Lock()
	trouble, asked := h.trouble, h.asked
	h.mu.Unlock()
	if trouble == db.TroubleNone {
		answer := make(chan error, 1)
		go func() { answer <- h.db.Ping(ctx) }()
		select {
		case err := <-answer:
			return err
		case <-time.After(askWithin + 50*time.Millisecond): // whatever a driver makes of its context
			return context.DeadlineExceeded
		}
	}
	silent := false
	select {
	case <-asked:
	case <-ctx.Done():
		silent = true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.away || silent {
		return h.err
	}
	return nil
}

// close stops asking.
func (h *health) close() {
	h.mu.Lock()
	h.closed = true
	if h.stop != nil {
		h.stop()
	}
	h.mu.Unlock()
	h.asking.Wait()
}

// outage is a handler of the log that keeps it short while the database is in trouble: of the lines
// about errors of the database that come in the wake of the first, there is only their number.
type outage struct {
	slog.Handler
	health *health
}

// Handle implements slog.Handler.
func (o outage) Handle(ctx context.Context, r slog.Record) error {
	follows := false
	r.Attrs(func(a slog.Attr) bool {
		if a.Value.Kind() != slog.KindAny { // the others would be copied
			return true
		}
		err, ok := a.Value.Any().(error)
		if !ok {
			return true
		}
		if t := db.TroubleOf(err); t != db.TroubleNone {
			follows = o.health.note(t, err)
			return false
		}
		return true
	})
	if follows {
		return nil
	}
	return o.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (o outage) WithAttrs(attrs []slog.Attr) slog.Handler {
	return outage{o.Handler.WithAttrs(attrs), o.health}
}

// WithGroup implements slog.Handler.
func (o outage) WithGroup(name string) slog.Handler {
	return outage{o.Handler.WithGroup(name), o.health}
}
