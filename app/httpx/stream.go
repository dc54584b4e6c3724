package httpx

import (
	"io"
	"iter"
	"sync"

	"github.com/gofiber/fiber/v2"
)

// smallSize is up to how many bytes an answer needs no part of the budget of answers: so much is
// held for every connection at most. Up to wholeSize it is sent whole; a longer list is written in
// steps of about stepSize.
const (
	smallSize = 64 << 10
	wholeSize = 256 << 10
	stepSize  = 16 << 10
)

// Buffers for small answers and for whole ones. One that grew for a large entry is not kept.
var (
	smallBuffers = sync.Pool{New: func() any { b := make([]byte, 0, smallSize+stepSize); return &b }}
	wholeBuffers = sync.Pool{New: func() any { b := make([]byte, 0, wholeSize+stepSize); return &b }}
)

func takeBuffer(pool *sync.Pool) []byte { return (*pool.Get().(*[]byte))[:0] }

func giveBuffer(b []byte) {
	switch cap(b) {
	case smallSize + stepSize:
		smallBuffers.Put(&b)
	case wholeSize + stepSize:
		wholeBuffers.Put(&b)
	}
}

// Stream answers with everything open, each and end write, in constant memory: whole if
// it is small, else in pieces as they are read. An error of entries before anything was
// sent is returned, and domain.ErrOverloaded if too many large answers are being sent; an error
// later ends the connection.
func Stream[T any](c *fiber.Ctx, entries iter.Seq2[T, error], open func(*Writer), each func(*Writer, *T),
	end func(*Writer)) error {
	return streamAs(c, fiber.MIMEApplicationJSON, entries, open, each, end)
}

func streamAs[T any](c *fiber.Ctx, kind string, entries iter.Seq2[T, error], open func(*Writer),
	each func(*Writer, *T), end func(*Writer)) error {
	next, stop := iter.Pull2(entries)
	s := &stream[T]{next: next, stop: stop, each: each, end: end, deadline: deadlineOf(c)}
	s.w.text = takeBuffer(&smallBuffers)
	open(&s.w)
	err := s.write(smallSize)
	if err == nil && !s.ended && c.Method() != fiber.MethodHead {
		err = s.large(c)
	}
	if err != nil {
		s.release()
		return err
	}
	c.Set(fiber.HeaderContentType, kind)
	switch {
	case s.ended:
		stop()
		text, part := s.w.Bytes(), s.part
		c.Context().Response.SetBodyStream(&whole{text: text, done: func() {
			giveBuffer(text)
			part.Return()
		}}, len(text))
	case c.Method() == fiber.MethodHead:
		// fasthttp would end a stream that it does not send, and the next answer begin with that.
		s.release()
		c.Context().Response.Header.SetContentLength(-1)
	default:
		s.deadline.keep()
		c.Context().Response.SetBodyStream(s, -1)
	}
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
	by       Party
	part     *Part
}

// large goes on with an answer that turns out to be large, up to wholeSize.
func (s *stream[T]) large(c *fiber.Ctx) (err error) {
	s.by = s.deadline.party(c)
	if s.part, err = s.deadline.answer(s.by); err != nil {
		return err
	}
	begun := s.w.text
	s.w.text = append(takeBuffer(&wholeBuffers), begun...)
	giveBuffer(begun)
	return s.write(wholeSize)
}

// write writes entries until there are size bytes or more, or the end.
func (s *stream[T]) write(size int) error {
	var entry T // each has it until the next one
	for !s.ended && len(s.w.Bytes()) < size {
		var err error
		var ok bool
		entry, err, ok = s.next()
		if err != nil {
			return err
		}
		if ok {
			s.each(&s.w, &entry)
			continue
		}
		s.end(&s.w)
		s.ended = true
	}
	return nil
}

// step writes the next piece. It counts as work of the user, which the time that a client takes
// to read does not, nor for the deadline.
func (s *stream[T]) step() error {
	s.deadline.extend()
	defer s.deadline.pause()
	turn, err := s.deadline.turn(s.by, s.deadline.limit)
	if err != nil {
		return err
	}
	defer turn.Return()
	if cap(s.w.text) > smallSize+stepSize {
		giveBuffer(s.w.text)
		s.w.text = takeBuffer(&smallBuffers)
	}
	s.w.Reset()
	s.sent = 0
	return s.write(stepSize)
}

// Read implements io.Reader.
func (s *stream[T]) Read(p []byte) (int, error) {
	for s.sent == len(s.w.Bytes()) {
		if s.ended {
			return 0, io.EOF
		}
		if err := s.step(); err != nil {
			s.deadline.log().Error("a list broke off", "error", because(s.deadline.ctx, err))
			return 0, err
		}
	}
	n := copy(p, s.w.Bytes()[s.sent:])
	s.sent += n
	return n, nil
}

// Close implements io.Closer; fasthttp calls it when it is done, also after an error.
func (s *stream[T]) Close() error {
	s.release()
	s.deadline.end()
	return nil
}

func (s *stream[T]) release() {
	s.stop()
	s.part.Return()
	giveBuffer(s.w.text)
	s.part, s.w.text = nil, nil
}

// whole is an answer that is sent as it is.
type whole struct {
	text []byte
	sent int
	done func() // is called once, when nobody reads the text any more
}

// Read implements io.Reader.
func (a *whole) Read(p []byte) (int, error) {
	if a.sent == len(a.text) {
		return 0, io.EOF
	}
	n := copy(p, a.text[a.sent:])
	a.sent += n
	return n, nil
}

// WriteTo implements io.WriterTo, with which fasthttp spares a copy.
func (a *whole) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(a.text[a.sent:])
	a.sent += n
	return int64(n), err
}

// Close implements io.Closer.
func (a *whole) Close() error {
	if a.done != nil {
		a.done()
	}
	a.done, a.text = nil, nil
	return nil
}

// holdWhole takes a part of the budget of answers for one that was built whole and is large, until
// it was read.
func holdWhole(c *fiber.Ctx) error {
	response := &c.Context().Response
	if response.IsBodyStream() || len(response.Body()) <= smallSize || c.Method() == fiber.MethodHead {
		return nil
	}
	d := deadlineOf(c)
	part, err := d.answer(d.party(c))
	if err != nil {
		response.ResetBody()
		return err
	}
	text := response.Body()
	if own := response.SwapBody(nil); len(own) > 0 { // else it belongs to nobody, such as a file of the program
		text = own
	}
	response.SetBodyStream(&whole{text: text, done: part.Return}, len(text))
	return nil
}
