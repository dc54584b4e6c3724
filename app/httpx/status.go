package httpx

import (
	"errors"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"canopy/domain"
)

// statuses maps each kind of error to the status of HTTP (RFC 9110) that means it.
var statuses = map[domain.Kind]int{
	domain.Internal:        fiber.StatusInternalServerError,
	domain.Invalid:         fiber.StatusBadRequest,
	domain.Unauthenticated: fiber.StatusUnauthorized,
	domain.Forbidden:       fiber.StatusForbidden,
	domain.NotFound:        fiber.StatusNotFound,
	domain.Conflict:        fiber.StatusConflict,
	domain.TooMany:         fiber.StatusTooManyRequests,
	domain.Unavailable:     fiber.StatusServiceUnavailable,
}

// Status returns the status of a kind of error.
func Status(k domain.Kind) int { return statuses[k] }

// errorsOf gives Fiber's own errors, whose texts are not ours to show, words of ours.
var errorsOf = map[int]*domain.Error{
	fiber.StatusNotFound: {Kind: domain.NotFound, Code: "route_not_found", Public: "There is nothing at this address."},
	fiber.StatusMethodNotAllowed: {Kind: domain.Invalid, Code: "method_not_allowed",
		Public: "This address does not take that method."},
	fiber.StatusNotImplemented:        {Kind: domain.Invalid, Code: "method_unknown", Public: "This method is not known."},
	fiber.StatusRequestEntityTooLarge: {Kind: domain.Invalid, Code: "body_too_large", Public: "The body is too large."},
	fiber.StatusUnsupportedMediaType: {Kind: domain.Invalid, Code: "media_type",
		Public: "The body must be JSON, with Content-Type: application/json."},
	fiber.StatusRequestTimeout: {Kind: domain.Unavailable, Code: "request_timeout",
		Public: "The request took too long to arrive."},
	fiber.StatusRequestHeaderFieldsTooLarge: {Kind: domain.Invalid, Code: "header_too_large",
		Public: "The header is too large."},
}

// Problem returns what to answer to err: a status and an error of the domain with a public
// sentence. It sets Retry-After where the error says when to try again.
func Problem(c *fiber.Ctx, err error) (status int, problem *domain.Error) {
	var raw *fiber.Error
	if errors.As(err, &raw) {
		status, problem = raw.Code, errorsOf[raw.Code]
		if problem == nil && status >= 400 && status < 500 {
			problem = domain.ErrInvalid
		}
		if problem != nil {
			return status, problem.Because(err)
		}
	}
	problem = domain.AsError(err)
	if problem.RetryAfter > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(problem.RetryAfter))
	}
	return Status(problem.Kind), problem
}
