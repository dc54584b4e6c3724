package app

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/bits"
	"strconv"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"canopy/app/httpx"
)

// freeBody is how much of a body is read without asking: so much is held for every connection at
// most, and requests of people fit in it. A larger one needs a part of the budget of bodies for
// all that it declared, or for the most there may be if it did not, and has it until it was
// handled.
const freeBody = 16 << 10

// bodyWithin is how long a body waits for its part.
const bodyWithin = 2 * time.Second

// errBrokenBody is about a body that ends before it is complete.
var errBrokenBody = errors.New("the body broke off")

// A body is what was read of a request's.
type body struct {
	text []byte
	part *httpx.Part
}

// receive reads the body of a request. It is fasthttp.ErrBodyTooLarge for one that is larger than
// may be, domain.ErrOverloaded for one that there is no room for, or an error of the connection;
// after any of them the connection cannot be used further.
func (s *Server) receive(c *fasthttp.RequestCtx) (b body, err error) {
	if s.declaredTooLarge(&c.Request.Header) {
		return b, fasthttp.ErrBodyTooLarge
	}
	stream, declared := c.RequestBodyStream(), c.Request.Header.ContentLength()
	if stream == nil || declared == 0 {
		return b, nil
	}
	defer func() {
		if err != nil {
			b.release()
		}
	}()
	limit := s.http.MaxRequestBodySize
	size := limit
	if declared > 0 {
		size = declared
	}
	b.text = takeBody(min(size, freeBody))
	whole, err := b.fill(c, stream, min(size, freeBody), declared)
	if err != nil || whole {
		return b, s.finish(c, &b, err)
	}
	if b.part, err = s.bodies.Take(context.Background(), bodyWithin, int64(size),
		httpx.Party{Network: httpx.Network(c, s.config.TrustedProxies)}); err != nil {
		return b, err
	}
	for !whole && err == nil && len(b.text) < size {
		room := min(size, 2*len(b.text)) // what did not come yet is not held
		larger := append(takeBody(room), b.text...)
		giveBody(b.text)
		b.text = larger
		whole, err = b.fill(c, stream, room, declared)
	}
	if err == nil && !whole { // a body without a length may end just where it may not be larger
		var more [1]byte
		n, failed := io.ReadFull(stream, more[:])
		if whole, err = n == 0 && errors.Is(failed, io.EOF), failed; n > 0 {
			err = fasthttp.ErrBodyTooLarge
		}
	}
	if whole {
		err = nil
	}
	return b, s.finish(c, &b, err)
}

// fill reads until there are n bytes, and reports whether the body ended.
func (b *body) fill(c *fasthttp.RequestCtx, stream io.Reader, n, declared int) (bool, error) {
	read, err := io.ReadFull(stream, b.text[len(b.text):n])
	b.text = b.text[:len(b.text)+read]
	switch {
	case declared == len(b.text):
		return true, nil
	case err == nil:
		return false, nil
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		// fasthttp takes the end of the connection between two chunks for the end of the body.
		if conn := plain(c.Conn()); declared >= 0 || conn != nil && conn.ended {
			return false, errBrokenBody
		}
		return true, nil
	}
	return false, err
}

// finish makes what was read the body of the request.
func (s *Server) finish(c *fasthttp.RequestCtx, b *body, err error) error {
	if err == nil {
		c.Request.SetBodyRaw(b.text)
	}
	return err
}

// release gives back what holds a body; nobody reads it any more.
func (b *body) release() {
	giveBody(b.text)
	b.part.Return()
	b.text, b.part = nil, nil
}

// headed is told of the head of each request before its body is read. A body that is too large is
// not waited for.
func (s *Server) headed(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	if h.ContentLength() > s.http.MaxRequestBodySize {
		h.SetContentLength(0)
		h.SetConnectionClose()
		h.Del(fiber.HeaderExpect)
	}
	return fasthttp.RequestConfig{}
}

// declaredTooLarge reports whether headed found a body too large.
func (s *Server) declaredTooLarge(h *fasthttp.RequestHeader) bool {
	if h.ContentLength() != 0 || !h.ConnectionClose() {
		return false
	}
	for line := range bytes.Lines(h.RawHeaders()) {
		if hasName(line, "content-length:") {
			n, err := strconv.Atoi(string(bytes.TrimSpace(line[len("content-length:"):])))
			return err == nil && n > 0
		}
	}
	return false
}

// bodies keeps what held bodies, by the power of two of their size: allocated anew for each, they
// would be garbage of several times the budget.
var bodies [bits.UintSize]sync.Pool

// takeBody returns an empty buffer with room for n bytes.
func takeBody(n int) []byte {
	class := bits.Len(uint(max(n, 1<<10) - 1))
	if b, ok := bodies[class].Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, 1<<class)
}

func giveBody(b []byte) {
	if cap(b) > 0 {
		bodies[bits.Len(uint(cap(b)-1))].Put(&b)
	}
}
