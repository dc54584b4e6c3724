package mail

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"canopy/domain"
)

// Outbox gives out mail and keeps what became of it.
type Outbox interface {
	// Claim returns the mail that is due for longest and keeps it from others until the
	// given time, or domain.ErrNotFound.
	Claim(ctx context.Context, claimant string, now, until time.Time) (domain.OutgoingMail, error)
	// Keep keeps a claimed mail from others until a later time.
	Keep(ctx context.Context, m domain.OutgoingMail, until time.Time) error
	// Sent, Retry and GiveUp say what became of a claimed mail; they are
	// domain.ErrChanged if the claim has ended.
	Sent(ctx context.Context, m domain.OutgoingMail) error
	Retry(ctx context.Context, m domain.OutgoingMail, then time.Time, why string) error
	GiveUp(ctx context.Context, m domain.OutgoingMail, why string) error
}

// Counter counts mail for the metrics.
type Counter interface {
	// Mailed counts a mail that was sent, is to be retried, or failed.
	Mailed(result string)
}

const (
	// claimFor is how long a mail is kept from others once its sender has died; while it
	// lives it claims the mail anew.
	claimFor = time.Minute
	// senders is how many mails a server sends at once.
	senders = 4
	// firstPause is how long to wait after a first failure; it doubles up to maxPause.
	firstPause = 30 * time.Second
	maxPause   = time.Hour
	// giveUpAfter is how long a mail is tried.
	giveUpAfter = 24 * time.Hour
)

// Worker sends what is in the outbox.
type Worker struct {
	outbox    Outbox
	transport Transport
	name      string
	counter   Counter
	log       *slog.Logger
	now       func() time.Time
	claimFor  time.Duration
}

// NewWorker returns the worker of that name, which no other worker of the directory has.
func NewWorker(outbox Outbox, transport Transport, name string, c Counter, log *slog.Logger,
	now func() time.Time) *Worker {
	return &Worker{outbox: outbox, transport: transport, name: name, counter: c, log: log, now: now, claimFor: claimFor}
}

// Run sends all mail that is due. When ctx ends it finishes the mails it is sending and
// takes no other.
func (w *Worker) Run(ctx context.Context) error {
	first, err := w.claim(ctx)
	if err != nil {
		return quiet(err)
	}
	errs := make([]error, senders)
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			m := first
			if i > 0 {
				var err error
				if m, err = w.claim(ctx); err != nil {
					errs[i] = quiet(err)
					return
				}
			}
			errs[i] = w.send(ctx, m)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// quiet hides that no mail is due.
func quiet(err error) error {
	if domain.ErrNotFound.Is(err) {
		return nil
	}
	return err
}

func (w *Worker) claim(ctx context.Context) (domain.OutgoingMail, error) {
	if err := ctx.Err(); err != nil {
		return domain.OutgoingMail{}, domain.ErrNotFound // no more of them
	}
	now := w.now()
	return w.outbox.Claim(context.WithoutCancel(ctx), w.name, now, now.Add(w.claimFor))
}

// hold keeps the mail from others until it is let go.
func (w *Worker) hold(ctx context.Context, m domain.OutgoingMail) (letGo func()) {
	ctx, cancel := context.WithCancel(ctx)
	var holding sync.WaitGroup
	holding.Go(func() {
		tick := time.NewTicker(w.claimFor / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := w.outbox.Keep(ctx, m, w.now().Add(w.claimFor)); err != nil && ctx.Err() == nil {
				w.log.Warn("a mail that is being sent could not be kept from others", "mail", m.ID, "error", err)
			}
		}
	})
	return func() {
		cancel()
		holding.Wait()
	}
}

// send sends m and then one mail after the other over one connection. After a failure the
// next one gets a new connection; a server that cannot be reached ends it.
func (w *Worker) send(ctx context.Context, m domain.OutgoingMail) error {
	var c Connection
	defer func() {
		if c != nil {
			c.Close()
		}
	}()
	for {
		letGo := w.hold(context.WithoutCancel(ctx), m)
		var failure error
		if c == nil {
			c, failure = w.transport.Connect(context.WithoutCancel(ctx))
		}
		reached := failure == nil
		if reached {
			failure = c.Send(m)
			if !c.Usable() {
				c.Close()
				c = nil
			}
		}
		letGo()
		if err := w.settle(context.WithoutCancel(ctx), m, failure); err != nil && !domain.ErrChanged.Is(err) {
			return err
		}
		if !reached {
			return nil
		}
		var err error
		if m, err = w.claim(ctx); err != nil {
			return quiet(err)
		}
	}
}

// settle notes what became of the mail.
func (w *Worker) settle(ctx context.Context, m domain.OutgoingMail, failure error) error {
	switch now := w.now(); {
	case failure == nil:
		w.counter.Mailed("sent")
		return w.outbox.Sent(ctx, m)
	case errors.Is(failure, ErrRefused) || now.Sub(m.Created) >= giveUpAfter:
		w.counter.Mailed("failed")
		w.log.Error("a mail was given up", "mail", m.ID, "kind", m.Kind, "organization", int64(m.Organization),
			"user", int64(m.User.User), "attempts", m.Attempts, "error", failure)
		return w.outbox.GiveUp(ctx, m, failure.Error())
	default:
		then := now.Add(pause(m.Attempts))
		w.counter.Mailed("retried")
		w.log.Warn("a mail could not be sent yet", "mail", m.ID, "kind", m.Kind, "attempts", m.Attempts, "again", then,
			"error", failure)
		return w.outbox.Retry(ctx, m, then, failure.Error())
	}
}

// pause is how long to wait after the nth failure, a little different each time.
func pause(n int64) time.Duration {
	d := min(firstPause<<min(n-1, 20), maxPause)
	return d - rand.N(d/5)
}
