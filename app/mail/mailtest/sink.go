// Package mailtest is a mail server for tests: a real SMTP listener that keeps what it is
// sent, and can misbehave in the ways real ones do.
package mailtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Received is a mail that the server answered 250 to.
type Received struct {
	From, To string
	Subject  string
	ID       string // the Message-ID
	Text     string
	Header   mail.Header
}

// Mood is what the server does with the nth mail that is begun, counted from 1.
type Mood func(n int, to string) Behaviour

// Behaviour is what the server does with a mail.
type Behaviour uint8

// The behaviours.
const (
	Accept     Behaviour = iota
	Later                // 451 to the address
	Never                // 550 to the address
	LaterData            // 451 to the text
	Cut                  // the connection ends in the middle of the text
	CutAfter             // the text is taken, and the connection ends before the answer
	Slow                 // the text is answered when SlowFor is over
	CutAtReset           // the text is taken and answered, and the connection ends then
)

// SlowFor is how long a slow server looks at a text: longer than one is waited for to be reached.
const SlowFor = 11 * time.Second

// Sink is a mail server on this machine.
type Sink struct {
	Address string
	Roots   *x509.CertPool // vouch for it, if it has TLS
	mood    Mood
	user    string
	pass    string

	mu       sync.Mutex
	begun    int
	received []Received
	arrived  chan struct{}
	secure   bool
}

// Options are how a server is met.
type Options struct {
	Mood           Mood
	StartTLS, TLS  bool
	User, Password string // needed if User is not empty
}

// New starts a server that ends with the test.
func New(tb testing.TB, o Options) *Sink {
	tb.Helper()
	s := &Sink{mood: o.Mood, user: o.User, pass: o.Password, arrived: make(chan struct{}, 1), secure: o.StartTLS || o.TLS}
	server := smtp.NewServer(
		smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{sink: s, conn: c}, nil }))
	server.Domain, server.AllowInsecureAuth, server.ErrorLog = "mail.test", !s.secure, silent{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s.Address = listener.Addr().String()
	if s.secure {
		certificate, roots := certify(tb)
		s.Roots = roots
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
		if o.TLS {
			listener = tls.NewListener(listener, server.TLSConfig)
		}
	}
	done := make(chan struct{})
	go func() { _ = server.Serve(listener); close(done) }()
	tb.Cleanup(func() {
		_ = server.Close()
		_ = listener.Close() // of which the server knows nothing if it did not begin yet
		<-done
	})
	return s
}

type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

// All returns what was received so far.
func (s *Sink) All() []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Received(nil), s.received...)
}

// Arrived has a signal soon after a mail was received.
func (s *Sink) Arrived() <-chan struct{} { return s.arrived }

// Begun returns how many mails were begun.
func (s *Sink) Begun() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun
}

func (s *Sink) behaviour(to string) Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun++
	if s.mood == nil {
		return Accept
	}
	return s.mood(s.begun, to)
}

type session struct {
	sink      *Sink
	conn      *smtp.Conn
	let       bool
	from, to  string
	behaviour Behaviour
}

// AuthMechanisms implements smtp.AuthSession.
func (s *session) AuthMechanisms() []string {
	if s.sink.user == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth implements smtp.AuthSession.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.sink.user || password != s.sink.pass {
			return smtp.ErrAuthFailed
		}
		s.let = true
		return nil
	}), nil
}

// Reset implements smtp.Session.
func (s *session) Reset() { s.from, s.to = "", "" }

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.sink.user != "" && !s.let {
		return smtp.ErrAuthRequired
	}
	if _, ok := s.conn.TLSConnectionState(); s.sink.secure && !ok {
		return &smtp.SMTPError{Code: 530, Message: "encrypt first"}
	}
	s.from = from
	return nil
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to, s.behaviour = to, s.sink.behaviour(to)
	switch s.behaviour {
	case Later:
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "not now, " + to}
	case Never:
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "nobody here is " + to}
	}
	return nil
}

// Data implements smtp.Session.
func (s *session) Data(r io.Reader) error {
	if s.behaviour == Cut {
		_, _ = io.CopyN(io.Discard, r, 40)
		s.conn.Conn().Close()
		return errors.New("cut")
	}
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		return err
	}
	if s.behaviour == LaterData {
		return &smtp.SMTPError{Code: 451, Message: "not now"}
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return err
	}
	s.sink.mu.Lock()
	s.sink.received = append(s.sink.received,
		Received{From: s.from, To: s.to, Subject: subject, ID: m.Header.Get("Message-ID"),
			Text: strings.ReplaceAll(string(text), "\r\n", "\n"), Header: m.Header})
	s.sink.mu.Unlock()
	select {
	case s.sink.arrived <- struct{}{}:
	default:
	}
	switch s.behaviour {
	case Slow:
		time.Sleep(SlowFor)
	case CutAfter:
		s.conn.Conn().Close()
	case CutAtReset:
		// The answer is written when this returns; what the client says next finds nobody.
		conn := s.conn.Conn()
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.CloseRead()
		}
	}
	return nil
}

// certify returns a certificate for this machine and what vouches for it.
func certify(tb testing.TB) (tls.Certificate, *x509.CertPool) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}
