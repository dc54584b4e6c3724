package app

import (
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// Listener takes connections that give up on a peer who stops reading, and can hang up on
// those that have not said anything yet: fasthttp waits for them as for requests under way.
type Listener struct {
	net.Listener

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

// listen returns the listener over l, with TLS if config is not nil.
func listen(l net.Listener, config *tls.Config) *Listener {
	l = patient{l}
	if config != nil {
		l = tls.NewListener(l, config)
	}
	return &Listener{Listener: l, silent: make(map[*silence]bool)}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	s := &silence{listener: l, conn: c}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent[s] = true
	if l.stopped {
		c.Close()
	}
	if secure, ok := c.(*tls.Conn); ok {
		return &heardTLS{secure, s}, nil
	}
	return &heard{c, s}, nil
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
	}
	heardTLS struct {
		*tls.Conn
		silence *silence
	}
)

// Read implements net.Conn.
func (c *heard) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.silence.end()
	return n, err
}

// Read implements net.Conn.
func (c *heardTLS) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.silence.end()
	return n, err
}

// patient is a listener whose connections give up on a peer that stops reading. The limit
// is for each write, so that a long answer may take as long as it is being read.
type patient struct{ net.Listener }

// Accept implements net.Listener.
func (l patient) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return patientConn{c}, nil
}

type patientConn struct{ net.Conn }

// Write implements net.Conn.
func (c patientConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
