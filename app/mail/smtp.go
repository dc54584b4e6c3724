package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"canopy/domain"
)

const (
	// dialWithin is how long a server may take to be reached.
	dialWithin = 10 * time.Second
	// mailWithin is how long it may take to let us in, and then for one mail. Servers look at
	// a text before they answer, for minutes (RFC 5321, 4.5.3.2.6); whoever does not wait
	// sends it again.
	mailWithin = 5 * time.Minute
)

// ErrRefused reports a mail that a server will not take, now or later.
var ErrRefused = errors.New("the mail was refused for good")

// Transport takes mail away.
type Transport interface {
	// Connect returns a connection for one mail after the other.
	Connect(ctx context.Context) (Connection, error)
}

// Connection sends mail. It is for one goroutine.
type Connection interface {
	// Send returns nil once the mail is somebody else's to deliver, and ErrRefused if it
	// will never be. After any other error the mail may be tried again on another
	// connection. Errors tell neither the address nor the text.
	Send(m domain.OutgoingMail) error
	// Usable reports whether another mail can be sent after the last one.
	Usable() bool
	// Close ends the connection.
	Close()
}

// Config says by which server mail leaves.
type Config struct {
	// URL is smtp://user@host:587 for STARTTLS or smtps://user@host:465 for TLS from the
	// beginning. Without encryption mail leaves only for this machine.
	URL      string
	Password string // of the user in URL
	From     string // the sender: an address, or a name with an address
	// Roots are the authorities that may vouch for the server; nil is the system's.
	Roots *x509.CertPool
}

// smtp sends mail to a server. It is safe for concurrent use.
type smtp struct {
	host    string
	options []gomail.Option
	from    *mail.Address
	now     func() time.Time
}

// NewSMTP returns the transport to a mail server. It does not connect yet.
func NewSMTP(cfg Config, now func() time.Time) (Transport, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" ||
		u.RawQuery != "" {
		return nil, errors.New("--smtp-url: smtp://user@host:587 or smtps://user@host:465 is expected")
	}
	if _, given := u.User.Password(); given {
		return nil, errors.New(
			"--smtp-url: the password does not belong into the URL; set CANOPY_SMTP_PASSWORD or CANOPY_SMTP_PASSWORD_FILE")
	}
	from, err := Sender(cfg.From)
	if err != nil {
		return nil, err
	}
	port := map[string]int{"smtp": 587, "smtps": 465}[u.Scheme]
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil || port < 1 || port > 65535 {
			return nil, errors.New("--smtp-url: the port is not a number from 1 to 65535")
		}
	}
	options := []gomail.Option{
		gomail.WithPort(port), gomail.WithTimeout(mailWithin), gomail.WithTLSPolicy(gomail.TLSMandatory),
		gomail.WithTLSConfig(&tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12, RootCAs: cfg.Roots}),
	}
	switch {
	case u.Scheme == "smtps":
		options = append(options, gomail.WithSSL())
	case loopback(u.Hostname()):
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	}
	if user := u.User.Username(); user != "" {
		if cfg.Password == "" {
			return nil, errors.New("--smtp-url names a user: set CANOPY_SMTP_PASSWORD or CANOPY_SMTP_PASSWORD_FILE")
		}
		options = append(options, gomail.WithUsername(user), gomail.WithPassword(cfg.Password),
			gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover))
	}
	return &smtp{host: u.Hostname(), options: options, from: from, now: now}, nil
}

// Sender reads the address mail is from.
func Sender(text string) (*mail.Address, error) {
	from, err := mail.ParseAddress(text)
	if err != nil {
		return nil, errors.New("--mail-from: an address is expected, such as \"Canopy <canopy@example.org>\"")
	}
	return from, nil
}

// loopback reports whether a host is this machine itself.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Connect implements Transport.
func (s *smtp) Connect(ctx context.Context) (Connection, error) {
	client, err := gomail.NewClient(s.host, s.options...)
	if err != nil {
		return nil, plain(err)
	}
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	if err := client.DialWithContext(ctx); err != nil {
		return nil, fmt.Errorf("the mail server does not let us in: %w", plain(err))
	}
	return &smtpConnection{smtp: s, client: client}, nil
}

type smtpConnection struct {
	*smtp
	client *gomail.Client
	ended  bool
}

// Send implements Connection.
func (c *smtpConnection) Send(m domain.OutgoingMail) error {
	msg, err := compose(m, c.from, c.now())
	if err != nil {
		return err
	}
	if err = c.client.Send(msg); err == nil {
		return nil
	}
	c.ended = true
	if msg.IsDelivered() {
		return nil // what fails after the server took it does not matter
	}
	var sending *gomail.SendError
	if errors.As(err, &sending) && sending.ErrorCode() >= 500 {
		switch sending.Reason {
		case gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
			c.ended = false
			return fmt.Errorf("%w: %w", ErrRefused, plain(err))
		}
	}
	return plain(err)
}

// Usable implements Connection.
func (c *smtpConnection) Usable() bool { return !c.ended }

// Close implements Connection.
func (c *smtpConnection) Close() { _ = c.client.Close() }

// plain returns err without what a server or library says in its own words, which may
// quote the address.
func plain(err error) error {
	var sending *gomail.SendError
	var answer *textproto.Error
	var network net.Error
	switch {
	case errors.As(err, &sending) && sending.ErrorCode() > 0:
		return fmt.Errorf("the mail server answered %d %s", sending.ErrorCode(), sending.EnhancedStatusCode())
	case errors.As(err, &answer):
		return fmt.Errorf("the mail server answered %d", answer.Code)
	case errors.As(err, &sending):
		return errors.New("the connection to the mail server was lost")
	case errors.As(err, &network):
		return network
	}
	return err
}

// compose writes the message. The same mail has the same Message-ID each time.
func compose(m domain.OutgoingMail, from *mail.Address, now time.Time) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(from)
	if err := msg.To(m.To); err != nil {
		return nil, fmt.Errorf("%w: the address cannot be read", ErrRefused)
	}
	_, host, _ := strings.Cut(from.Address, "@")
	msg.SetMessageIDWithValue(string(m.ID) + "@" + host)
	msg.SetDateWithValue(now)
	msg.Subject(oneLine(m.Subject))
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	return msg, nil
}
