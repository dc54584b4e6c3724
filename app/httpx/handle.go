package httpx

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"canopy/domain"
)

// Auth finds the principal of a request; its error is Unauthenticated if there is none.
type Auth func(c *fiber.Ctx) (domain.Principal, error)

// Handle makes a handler of a use case: who asks, what they ask, run, answer. Who comes
// first, so that a stranger learns nothing about what is malformed. Errors are returned
// to the surface's error handler. Where the surface uses Keyed, a request with a key is run once.
func Handle[In, Out any](auth Auth, decode func(*fiber.Ctx) (In, error),
	run func(context.Context, domain.Principal, In) (Out, error), encode func(*fiber.Ctx, Out) error) fiber.Handler {
	return func(c *fiber.Ctx) error {
		caller, err := auth(c)
		if err != nil {
			return err
		}
		c.Locals(principalKey{}, caller)
		d := deadlineOf(c)
		turn, err := d.turn(d.party(c), turnWithin)
		if err != nil {
			return err
		}
		defer turn.Return()
		write := func(out Out) error {
			if user, ok := any(&out).(interface{ AsksForProof() bool }); ok && user.AsksForProof() {
				c.Set(HeaderMailConfirmation, "sent")
			}
			return encode(c, out)
		}
		return once(c, &caller, func(ctx context.Context) error {
			in, err := decode(c)
			if err != nil {
				return err
			}
			out, err := run(ctx, caller, in)
			if err != nil {
				return err
			}
			return write(out)
		}, func(outcome any) (bool, error) {
			out, ok := outcomeOf[Out](outcome)
			if !ok {
				return false, nil
			}
			return true, write(out)
		})
	}
}

// outcomeOf returns an outcome that a use case concluded as what is encoded: as it is, or as a *Out takes it.
func outcomeOf[Out any](outcome any) (out Out, ok bool) {
	if taker, is := any(&out).(interface{ TakeOutcome(any) bool }); is {
		ok = taker.TakeOutcome(outcome)
		return out, ok
	}
	if outcome == nil {
		return out, true
	}
	out, ok = outcome.(Out)
	return out, ok
}

// HeaderMailConfirmation says "sent" in an answer to somebody who asked for another mail address of
// their own: it was sent a link, and counts once that is followed. Handle sets it for every use
// case that returns a user, so that no surface tells an address that is not in force yet as if it
// were.
const HeaderMailConfirmation = "X-Mail-Confirmation"

// Open is Handle for what needs no principal, such as signing in.
func Open[In, Out any](decode func(*fiber.Ctx) (In, error), run func(context.Context, In) (Out, error),
	encode func(*fiber.Ctx, Out) error) fiber.Handler {
	return func(c *fiber.Ctx) error {
		in, err := decode(c)
		if err != nil {
			return err
		}
		out, err := run(c.UserContext(), in)
		if err != nil {
			return err
		}
		return encode(c, out)
	}
}

// Just is the input of a use case that takes none.
type Just struct{}

// Nothing decodes Just.
func Nothing(*fiber.Ctx) (Just, error) { return Just{}, nil }

// Alone adapts a use case that takes nothing but the principal.
func Alone[Out any](run func(context.Context, domain.Principal) (Out, error)) func(context.Context, domain.Principal,
	Just) (Out, error) {
	return func(ctx context.Context, caller domain.Principal, _ Just) (Out, error) { return run(ctx, caller) }
}

// AloneDone adapts a use case that takes nothing but the principal and returns nothing but an
// error.
func AloneDone(run func(context.Context, domain.Principal) error) func(context.Context, domain.Principal,
	Just) (Just, error) {
	return func(ctx context.Context, caller domain.Principal, _ Just) (Just, error) {
		return Just{}, run(ctx, caller)
	}
}

// Done adapts a use case that returns nothing but an error.
func Done[In any](run func(context.Context, domain.Principal, In) error) func(context.Context, domain.Principal,
	In) (Just, error) {
	return func(ctx context.Context, caller domain.Principal, in In) (Just, error) {
		return Just{}, run(ctx, caller, in)
	}
}

// OpenNothing is the use case of routes that always answer the same.
func OpenNothing(context.Context, Just) (Just, error) { return Just{}, nil }

// OpenAlone adapts a use case of a stranger that takes nothing.
func OpenAlone[Out any](run func(context.Context) (Out, error)) func(context.Context, Just) (Out, error) {
	return func(ctx context.Context, _ Just) (Out, error) { return run(ctx) }
}

// SignedIn is the use case of routes that answer the same to everybody who is signed in.
func SignedIn(context.Context, domain.Principal, Just) (Just, error) { return Just{}, nil }

// OpenDone adapts a use case of a stranger that returns nothing but an error.
func OpenDone[In any](run func(context.Context, In) error) func(context.Context, In) (Just, error) {
	return func(ctx context.Context, in In) (Just, error) { return Just{}, run(ctx, in) }
}

// NoContent answers that something was done, without a body (204).
func NoContent[T any](c *fiber.Ctx, _ T) error {
	c.Status(fiber.StatusNoContent)
	return nil
}

// Empty answers that something was done, with an empty body (200).
func Empty[T any](c *fiber.Ctx, _ T) error {
	c.Status(fiber.StatusOK)
	return nil
}

type principalKey struct{}

// PrincipalOf returns the principal that Handle found, for the request log.
func PrincipalOf(c *fiber.Ctx) (domain.Principal, bool) {
	p, ok := c.Locals(principalKey{}).(domain.Principal)
	return p, ok
}
