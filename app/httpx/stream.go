package httpx

import (
	"io"
	"iter"

	"github.com/gofiber/fiber/v2"
)

// wholeSize is up to how many bytes an answer is sent whole.
const wholeSize = 256 << 10

// Stream answers with everything open, each and end write, in constant memory: whole if
// it is small, else in pieces as they are read. An error of entries before anything was
// sent is returned; later it ends the connection.
func Stream[T any](c *fiber.Ctx, entries iter.Seq2[T, error], open func(*Writer), each func(*Writer, *T), end func(*Writer)) error {
	next, stop := iter.Pull2(entries)
	s := &stream[T]{next: next, stop: stop, each: each, end: end, deadline: deadlineOf(c)}
	s.w.text = c.Context().Response.SwapBody(nil)[:0] // the connection's own buffer, grown by answers before
	open(&s.w)
	for !s.ended && len(s.w.Bytes()) < wholeSize {
		if err := s.more(); err != nil {
			stop()
			return err
		}
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	if s.ended {
		stop()
		c.Context().Response.SwapBody(s.w.Bytes())
		return nil
	}
	if c.Method() == fiber.MethodHead {
		// fasthttp would end a stream that it does not send, and the next answer begin with that.
		stop()
		c.Context().Response.Header.SetContentLength(-1)
		return nil
	}
	s.deadline.keep()
	c.Context().Response.SetBodyStream(s, -1)
	return nil
}

// stream is the rest of a long answer as something to read from.
type stream[T any] struct {
	w        Writer
	next     func() (T, error, bool)
	stop     func()
	each     func(*Writer, *T)
	end      func(*Writer)
	ended    bool
	sent     int
	deadline *deadline
}

// more writes one more entry, or the end.
func (s *stream[T]) more() error {
	entry, err, ok := s.next()
	if err != nil {
		return err
	}
	if ok {
		s.each(&s.w, &entry)
		return nil
	}
	s.end(&s.w)
	s.ended = true
	return nil
}

// Read implements io.Reader.
func (s *stream[T]) Read(p []byte) (int, error) {
	s.deadline.extend()
	for s.sent == len(s.w.Bytes()) {
		if s.ended {
			return 0, io.EOF
		}
		s.w.Reset()
		s.sent = 0
		if err := s.more(); err != nil {
			s.deadline.log.Error("a list broke off", "error", because(s.deadline.ctx, err))
			return 0, err
		}
	}
	n := copy(p, s.w.Bytes()[s.sent:])
	s.sent += n
	return n, nil
}

// Close implements io.Closer; fasthttp calls it when it is done, also after an error.
func (s *stream[T]) Close() error {
	s.stop()
	s.deadline.end()
	return nil
}
