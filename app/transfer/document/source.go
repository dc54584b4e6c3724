package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

const (
	// window is how much of a document is kept at once, unless a value is longer.
	window = 64 << 10
	// enough is how much of it is there before a record is read, so that few records are cut off.
	enough = 16 << 10
)

// source reads the text of a document: its punctuation, and values as they stand there.
type source struct {
	in       io.Reader // UTF-8
	buf      []byte
	from, to int   // what of buf was not passed yet
	err      error // of in, once everything in buf was passed
	// line is where what was passed last ends, ahead where what comes next begins, and read where what was read ends.
	line, ahead, read int
}

func newSource(text io.Reader) *source {
	in := transform.NewReader(decoded(text), encoding.UTF8Validator)
	return &source{in: in, buf: make([]byte, window), line: 1, ahead: 1, read: 1}
}

// fill reads more, and reports whether there was more.
func (s *source) fill() bool {
	if s.err != nil {
		return false
	}
	if s.to == len(s.buf) {
		if s.from < len(s.buf)/2 {
			s.buf = append(s.buf, make([]byte, len(s.buf))...)
		}
		s.from, s.to = 0, copy(s.buf, s.buf[s.from:s.to])
	}
	n, err := s.in.Read(s.buf[s.to:])
	s.read += bytes.Count(s.buf[s.to:s.to+n], []byte("\n"))
	s.to, s.err = s.to+n, err
	return n > 0 || s.fill()
}

// peek returns what comes next behind white space, or the error of there being nothing.
func (s *source) peek() (byte, error) {
	for {
		for ; s.from < s.to; s.from++ {
			switch c := s.buf[s.from]; c {
			case '\n':
				s.ahead++
			case ' ', '\t', '\r':
			default:
				return c, nil
			}
		}
		if !s.fill() {
			return 0, s.err
		}
	}
}

// pass passes n bytes, which peek was at the first of.
func (s *source) pass(n int) {
	s.line = s.ahead + bytes.Count(s.buf[s.from:s.from+n], []byte("\n"))
	s.from, s.ahead = s.from+n, s.line
}

// more reports whether the array or object has another member.
func (s *source) more() bool {
	c, err := s.peek()
	return err == nil && c != ']' && c != '}'
}

// expect passes what must come next. The error says that it does not, in these words if there are some.
func (s *source) expect(want byte, words string) error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	if c != want {
		if words == "" {
			words = fmt.Sprintf("%q is expected", string(want))
		}
		return errors.New(words)
	}
	s.pass(1)
	return nil
}

// value passes the next value, and returns its text.
func (s *source) value() ([]byte, error) {
	if _, err := s.peek(); err != nil {
		return nil, err
	}
	for {
		var text json.RawMessage
		d := json.NewDecoder(bytes.NewReader(s.buf[s.from:s.to]))
		err := d.Decode(&text)
		cut := errors.Is(err, io.ErrUnexpectedEOF) || err == nil && d.InputOffset() == int64(s.to-s.from)
		switch {
		case cut && s.double():
		case err == nil:
			s.pass(int(d.InputOffset()))
			return text, nil
		case cut && !errors.Is(s.err, io.EOF):
			return nil, s.err
		default:
			return nil, err
		}
	}
}

// double reads as much again as is there, and reports whether there was more.
func (s *source) double() bool {
	more := false
	for all := 2 * (s.to - s.from); s.to-s.from < all && s.fill(); {
		more = true
	}
	return more
}
