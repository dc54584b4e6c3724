package httpx

import (
	"context"
	"log/slog"
	"time"

	"github.com/gofiber/fiber/v2"
)

// deadline bounds how long a request may take. A client that goes away does not cancel
// its request, so without one a handler could wait for ever. For an answer that streams
// it bounds each step instead of the whole.
type deadline struct {
	ctx    context.Context
	log    *slog.Logger // for what goes wrong after the handler returned
	limit  time.Duration
	cancel context.CancelCauseFunc
	timer  *time.Timer
	kept   bool
}

type deadlineKey struct{}

// begin gives the request a context that ends after limit.
func begin(c *fiber.Ctx, ctx context.Context, limit time.Duration) *deadline {
	ctx, cancel := context.WithCancelCause(ctx)
	d := &deadline{ctx: ctx, log: slog.Default(), limit: limit, cancel: cancel}
	d.timer = time.AfterFunc(limit, func() { cancel(context.DeadlineExceeded) })
	c.SetUserContext(ctx)
	c.Locals(deadlineKey{}, d)
	return d
}

// deadlineOf returns the deadline of a request; NewApp gives every request one.
func deadlineOf(c *fiber.Ctx) *deadline { return c.Locals(deadlineKey{}).(*deadline) }

// keep lets the context outlive the handler, until end.
func (d *deadline) keep() { d.kept = true }

// extend starts the time anew.
func (d *deadline) extend() { d.timer.Reset(d.limit) }

// returned releases the context unless the answer still needs it.
func (d *deadline) returned() {
	if !d.kept {
		d.end()
	}
}

// end releases the context.
func (d *deadline) end() {
	d.timer.Stop()
	d.cancel(context.Canceled)
}
