package httpx

import (
	"context"
	"log/slog"
	"time"

	"github.com/gofiber/fiber/v2"

	"canopy/domain"
)

// deadline bounds how long a request may take. A client that goes away does not cancel
// its request, so without one a handler could wait for ever. For an answer that streams
// it bounds each step instead of the whole.
type deadline struct {
	ctx    context.Context
	server *Server
	// id and surface are the request's.
	id, surface string
	limit       time.Duration
	cancel      context.CancelCauseFunc
	timer       *time.Timer
	kept        bool
}

type deadlineKey struct{}

// begin gives the request a context that ends after limit.
func begin(c *fiber.Ctx, ctx context.Context, limit time.Duration) *deadline {
	ctx, cancel := context.WithCancelCause(ctx)
	d := &deadline{ctx: ctx, limit: limit, cancel: cancel}
	d.timer = time.AfterFunc(limit, func() { cancel(context.DeadlineExceeded) })
	c.SetUserContext(ctx)
	c.Locals(deadlineKey{}, d)
	return d
}

// log is for what goes wrong after the handler returned.
func (d *deadline) log() *slog.Logger { return d.server.Log.With("id", d.id, "surface", d.surface) }

// deadlineOf returns the deadline of a request; NewApp gives every request one.
func deadlineOf(c *fiber.Ctx) *deadline { return c.Locals(deadlineKey{}).(*deadline) }

// keep lets the context outlive the handler, until end.
func (d *deadline) keep() { d.kept = true }

// extend starts the time anew, and pause stops it until then.
func (d *deadline) extend() { d.timer.Reset(d.limit) }
func (d *deadline) pause()  { d.timer.Stop() }

// turnWithin is how long a request waits until fewer of the same user are worked on. An answer
// that has begun waits as long as it may take.
const turnWithin = 10 * time.Second

// turn waits until it is the user's turn. The part is to be returned when the work is done, and
// is not held while a client reads.
func (d *deadline) turn(by Party, within time.Duration) (*Part, error) {
	return d.server.Turns.Take(d.ctx, within, 1, by)
}

// answerWithin is how long an answer that is to be large waits until others were read.
const answerWithin = 50 * time.Millisecond

// answer takes what a large answer needs until it was read.
func (d *deadline) answer(by Party) (*Part, error) {
	return d.server.Answers.Take(d.ctx, answerWithin, 1, by)
}

// party returns who a request is from, as far as that is known.
func (d *deadline) party(c *fiber.Ctx) Party {
	by := Party{Network: NetworkOf(remote(c.Context(), d.server.Trusted))}
	if caller, ok := PrincipalOf(c); ok {
		by.User = domain.UserKey{Organization: caller.Organization, User: caller.User}
	}
	return by
}

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
