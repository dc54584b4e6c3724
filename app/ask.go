package app

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// answerWithin is how long a server may take to say how it is.
const answerWithin = 3 * time.Second

// Ask returns what the server that is set up like cfg on this machine says at a path, such as /readyz. A status other
// than 200 is an error. The server's certificate is not checked: it need not be one for an address of this machine.
func Ask(cfg *Config, path string) (string, error) {
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return "", fmt.Errorf("--listen: %q is no address and port, such as 127.0.0.1:8080", cfg.Listen)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1" // it listens there, too, and in an image nobody may know what localhost is
	}
	scheme := "http"
	if cfg.TLSCert != "" || cfg.TLSSelfSigned {
		scheme = "https"
	}
	client := fasthttp.Client{
		Dial:      fasthttp.DialDualStack,
		TLSConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
	}
	status, body, err := client.GetTimeout(nil, scheme+"://"+net.JoinHostPort(host, port)+path, answerWithin)
	if err != nil {
		return "", fmt.Errorf("no server answers at %s: %w", cfg.Listen, err)
	}
	text := strings.TrimSpace(string(body))
	if status != fasthttp.StatusOK {
		return "", fmt.Errorf("the server at %s answers %d: %s", cfg.Listen, status, text)
	}
	return text, nil
}
