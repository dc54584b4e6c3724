package app

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// Listener takes connections, up to a bound, that give up on a peer who reads too slowly, and can
// hang up on those that have not said anything yet: fasthttp waits for them as for requests under
// way.
type Listener struct {
	net.Listener
	door *door

	mu      sync.Mutex
	silent  map[*silence]bool
	stopped bool
}

// silence is a connection before its first byte.
type silence struct {
	listener *Listener
	conn     net.Conn
	once     sync.Once
}

// listen returns the listener over l, with TLS if config is not nil, for as many connections as the
// door lets in.
func listen(l net.Listener, config *tls.Config, d *door) *Listener {
	l = patient{l, slowest}
	if config != nil {
		l = tls.NewListener(l, config)
	}
	return &Listener{Listener: l, door: d, silent: make(map[*silence]bool)}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if p := l.door.enter(c.RemoteAddr()); p != nil {
			return l.let(c, p), nil
		}
		c.Close()
	}
}

// let returns what a server reads of a connection that was let in.
func (l *Listener) let(c net.Conn, p *passage) net.Conn {
	s := &silence{listener: l, conn: c}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent[s] = true
	if l.stopped {
		c.Close()
	}
	h := heard{Conn: c, silence: s, passage: p}
	if secure, ok := c.(*tls.Conn); ok {
		return &heardTLS{h, secure}
	}
	return &h
}

// hush hangs up on every connection that has not said anything, from now on.
func (l *Listener) hush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	for s := range l.silent {
		s.conn.Close()
	}
}

func (s *silence) end() {
	s.once.Do(func() {
		s.listener.mu.Lock()
		defer s.listener.mu.Unlock()
		delete(s.listener.silent, s)
	})
}

// heard is a connection whose first byte ends its silence; heardTLS keeps the methods by
// which fasthttp knows a connection with TLS.
type (
	heard struct {
		net.Conn
		silence *silence
		passage *passage
		ended   bool // the peer sends nothing any more
		lingers bool // something that the peer sends is not read
	}
	heardTLS struct {
		heard
		secure *tls.Conn
	}
)

// Handshake and ConnectionState are what a connection with TLS has.
func (c *heardTLS) Handshake() error                     { return c.secure.Handshake() }
func (c *heardTLS) ConnectionState() tls.ConnectionState { return c.secure.ConnectionState() }

// Read implements net.Conn.
func (c *heard) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.ended = c.ended || errors.Is(err, io.EOF)
	c.silence.end()
	return n, err
}

// toldWithin is how long somebody who is only told that there are too many may take to ask.
const toldWithin = 5 * time.Second

// SetReadDeadline implements net.Conn.
func (c *heard) SetReadDeadline(t time.Time) error {
	if soon := time.Now().Add(toldWithin); c.passage.crowded && t.After(soon) {
		t = soon
	}
	return c.Conn.SetReadDeadline(t)
}

// lingersFor is how long what a peer still sends is thrown away before the connection is closed.
const lingersFor = time.Second

// linger has the connection of a request that is not read to its end be closed only when its client had a moment to
// read the answer: closed with something unread, a connection breaks off on both ways, and the answer is lost.
func linger(c *fasthttp.RequestCtx) {
	if conn := plain(c.Conn()); conn != nil {
		conn.lingers = true
	}
}

// Close implements net.Conn.
func (c *heard) Close() error {
	c.silence.end()
	if c.lingers && c.Conn.SetReadDeadline(time.Now().Add(lingersFor)) == nil {
		_, _ = io.Copy(io.Discard, c.Conn)
	}
	c.passage.leave()
	return c.Conn.Close()
}

// plain returns the connection of a request, whether it has TLS or not; nil for one that was not
// taken by a Listener.
func plain(c net.Conn) *heard {
	switch c := c.(type) {
	case *heard:
		return c
	case *heardTLS:
		return &c.heard
	}
	return nil
}

// pace is the slowest that a peer may take what is sent: so many bytes a second, and with as much
// delay in all as the grace. Only the time counts in which a write waits for the peer.
type pace struct {
	grace     time.Duration
	perSecond int64
}

// slowest is the pace of all connections.
var slowest = pace{grace: 30 * time.Second, perSecond: 4 << 10}

// due returns how long a peer may take for n bytes.
func (p pace) due(n int) time.Duration {
	return time.Duration(float64(n) / float64(p.perSecond) * float64(time.Second))
}

// patient is a listener whose connections give up on a peer who reads slower than the pace. A
// long answer may take as long as it is being read.
type patient struct {
	net.Listener
	pace pace
}

// Accept implements net.Listener.
func (l patient) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &patientConn{Conn: c, pace: l.pace}, nil
}

type patientConn struct {
	net.Conn
	pace pace
	late time.Duration // how far the peer is behind the pace
}

// Write implements net.Conn.
func (c *patientConn) Write(p []byte) (int, error) {
	began := time.Now()
	if err := c.SetWriteDeadline(began.Add(c.pace.grace - c.late + c.pace.due(len(p)))); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	c.late = max(0, c.late+time.Since(began)-c.pace.due(n))
	return n, err
}
