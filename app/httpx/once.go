package httpx

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"canopy/domain"
)

// AnswerKeeper keeps the answers to requests with a key.
type AnswerKeeper interface {
	// Kept returns what is known of the request's key, and whether anything is. It returns domain.ErrOnceReused if
	// the key came with another request.
	Kept(ctx context.Context, o *domain.Once) (kept domain.Kept, found bool, err error)
	// Keep keeps what the request was answered, and its key if it changed nothing.
	Keep(ctx context.Context, o *domain.Once, a domain.Answer) error
}

// A Keyed says which requests of a surface have a key, by which they have their effect once.
type Keyed struct {
	// Key returns the key that a POST carries, empty for none, and what is asked for, whole.
	Key func(c *fiber.Ctx) (key, request string, err error)
	// Place returns the address of what was changed, empty for none.
	Place func(domain.Target) string
	// Lead, which may be nil, answers a request that was carried out and whose answer is not kept, by what it changed.
	Lead func(*fiber.Ctx, domain.Target) error
	// For is how long an answer is kept.
	For time.Duration
	// Changes keeps the answers to requests that changed something only.
	Changes bool
}

type keyedKey struct{}

// Use has each POST that Handle takes have its effect once, if it carries a key: sent again it is answered as the first
// time, for as long as answers are kept.
func (k *Keyed) Use(c *fiber.Ctx) error {
	if c.Method() == fiber.MethodPost {
		c.Locals(keyedKey{}, k)
	}
	return c.Next()
}

// How long a request waits for the answer to the same one, which is being worked on, and how often it looks.
const (
	sameWithin = 2 * time.Second
	sameEvery  = 50 * time.Millisecond
	keepWithin = 2 * time.Second
)

// once has answer answer a request, or answers as the same request was before. write writes the answer with an outcome
// that is known before the end, and reports whether it is one.
func once(c *fiber.Ctx, caller *domain.Principal, answer func(context.Context) error,
	write func(outcome any) (bool, error)) error {
	ctx := c.UserContext()
	keyed, ok := c.Locals(keyedKey{}).(*Keyed)
	if !ok {
		return answer(ctx)
	}
	key, request, err := keyed.Key(c)
	if err != nil {
		return err
	}
	if key == "" {
		return answer(ctx)
	}
	r := repeated{c: c, keyed: keyed, server: deadlineOf(c).server, o: &domain.Once{By: caller.UserKey(),
		Key: fmt.Sprintf("%s %d %s", key, caller.Narrowed.Mask, caller.Narrowed.Place), Request: request, For: keyed.For,
		Rights: fmt.Sprint(caller.Subject, caller.Proved.Proof), Attempt: rand.Text()}}
	r.o.Write = func(outcome any) (domain.Answer, bool) { return r.answeredWith(outcome, write) }
	for began := time.Now(); ; {
		found, err := r.again(ctx, time.Since(began) > sameWithin)
		if err != nil || found {
			return err
		}
		err = answer(domain.WithOnce(ctx, r.o))
		if done, err := r.ended(ctx, err); done {
			return err
		}
		select {
		case <-ctx.Done():
			return domain.ErrOnceRunning
		case <-time.After(sameEvery):
		}
	}
}

// repeated is a request with a key.
type repeated struct {
	c      *fiber.Ctx
	keyed  *Keyed
	server *Server
	o      *domain.Once
}

// again answers as the same request was, and reports whether there was one. It waits for one that is being worked on.
func (r *repeated) again(ctx context.Context, late bool) (found bool, err error) {
	for until := time.Now().Add(sameWithin); ; {
		kept, found, err := r.server.Keeper.Kept(ctx, r.o)
		switch {
		case err != nil || !found:
			return found, err
		case kept.Given:
			return true, r.replay(&kept)
		case (late || time.Now().After(until)) && r.keyed.Lead != nil: // it was committed, as it can be read
			return true, r.replay(&kept)
		case late || time.Now().After(until):
			return true, domain.ErrOnceRunning
		}
		select {
		case <-ctx.Done():
			return true, domain.ErrOnceRunning
		case <-time.After(sameEvery):
		}
	}
}

// replay answers as before, or says that this cannot be done.
func (r *repeated) replay(kept *domain.Kept) error {
	a := &kept.Answer
	for _, h := range a.Header {
		r.c.Set(h[0], h[1])
	}
	if a.Status == 0 && r.keyed.Lead != nil {
		return r.keyed.Lead(r.c, kept.Target)
	}
	if a.Status == 0 {
		if place := r.keyed.Place(kept.Target); place != "" && len(a.Header) == 0 {
			r.c.Set(fiber.HeaderLocation, place)
		}
		return domain.ErrOnceDone
	}
	return r.c.Status(a.Status).Send(a.Body)
}

// ended keeps the answer, if there is one, and reports whether it is to be sent. It is not if the same request
// was there before, which may be why this one failed.
func (r *repeated) ended(ctx context.Context, err error) (bool, error) {
	switch {
	case r.o.Kept && err == nil:
		return true, nil
	case r.o.Kept: // it was done, whatever came after it
		return true, r.replay(&domain.Kept{Answer: *r.o.Concluded, Target: r.o.Target})
	case r.o.Made || err == nil && !r.o.Tried && !r.keyed.Changes:
		r.keep(ctx, r.answered(err))
		return true, err
	case err == nil:
		return true, nil
	}
	kept, found, failed := r.server.Keeper.Kept(ctx, r.o)
	if failed != nil || !found {
		return true, err
	}
	if kept.Own { // it was committed, though that could not be told
		r.o.Made = true
		r.keep(ctx, domain.Answer{})
		return true, r.replay(&kept)
	}
	return false, nil
}

// keep keeps the answer, whether or not the request's time is up.
func (r *repeated) keep(ctx context.Context, a domain.Answer) {
	keeping, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepWithin)
	defer cancel()
	if err := r.server.Keeper.Keep(keeping, r.o, a); err != nil {
		deadlineOf(r.c).log().Warn("an answer could not be kept", "error", err)
	}
}

// madeAnew are headers of an answer that are those of each request, or of its connection.
var madeAnew = []string{fiber.HeaderXRequestID, fiber.HeaderDate, fiber.HeaderContentLength, fiber.HeaderConnection,
	fiber.HeaderServer, fiber.HeaderTransferEncoding, fiber.HeaderStrictTransportSecurity}

// answered returns what was answered, as far as it is kept: nothing of a failure, and of what is long or opens
// something only where it is.
func (r *repeated) answered(err error) domain.Answer {
	res := r.c.Response()
	if err != nil {
		return domain.Answer{}
	}
	if body := res.Body; res.IsBodyStream() || len(body()) > domain.MaxKeptAnswer ||
		len(res.Header.Peek(fiber.HeaderSetCookie)) > 0 {
		if place := string(res.Header.Peek(fiber.HeaderLocation)); place != "" {
			return domain.Answer{Header: [][2]string{{fiber.HeaderLocation, place}}}
		}
		return domain.Answer{}
	}
	a := domain.Answer{Status: res.StatusCode(), Body: res.Body()}
	for name, value := range res.Header.All() {
		h := [2]string{string(name), string(value)}
		if !slices.ContainsFunc(madeAnew, func(anew string) bool { return strings.EqualFold(anew, h[0]) }) {
			a.Header = append(a.Header, h)
		}
	}
	return a
}

// answeredWith returns what is kept of the answer with an outcome, which is not sent.
func (r *repeated) answeredWith(outcome any, write func(any) (bool, error)) (a domain.Answer, ok bool) {
	var before fasthttp.Response
	res := r.c.Response()
	res.CopyTo(&before)
	defer before.CopyTo(res)
	if ok, err := write(outcome); err != nil || !ok {
		return a, false
	}
	a = r.answered(nil)
	a.Body = slices.Clone(a.Body)
	return a, true
}

// HeaderIdempotencyKey carries the key that a client chose for a request.
const HeaderIdempotencyKey = "Idempotency-Key"

// maxKey bounds such a key.
const maxKey = 255

// KeyInHeader returns the key in the header Idempotency-Key, as a string of RFC 8941 or bare, and what is asked for:
// the method, the address, the body, and the headers that say what is meant by it.
func KeyInHeader(headers ...string) func(c *fiber.Ctx) (key, request string, err error) {
	return func(c *fiber.Ctx) (string, string, error) {
		if !HasHeader(c, HeaderIdempotencyKey) {
			return "", "", nil
		}
		key := Header(c, HeaderIdempotencyKey)
		if quoted, ok := strings.CutPrefix(key, `"`); ok {
			key, ok = strings.CutSuffix(quoted, `"`)
			if !ok {
				return "", "", domain.ErrOnceKey
			}
		}
		if len(key) == 0 || len(key) > maxKey || len(c.Request().Header.PeekAll(HeaderIdempotencyKey)) > 1 ||
			strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			return "", "", domain.ErrOnceKey
		}
		parts := []string{c.Method(), c.OriginalURL()}
		for _, name := range headers {
			parts = append(parts, name+": "+c.Get(name))
		}
		return key, Digest(append(parts, string(c.Request().Body()))...), nil
	}
}

// Digest returns a hash of the parts, which cannot run into one another.
func Digest(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		sum := sha256.Sum256([]byte(part))
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}
