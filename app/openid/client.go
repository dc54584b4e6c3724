package openid

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/time/rate"
)

// The bounds of a request to a provider.
const (
	requestTime  = 5 * time.Second
	answerSize   = 1 << 20
	maxRedirects = 3
	fetchEvery   = 10 * time.Second
	fetchesAtOne = 6
)

// newTransport returns what connects to providers, to public addresses only unless private.
func newTransport(private bool) *http.Transport {
	dialer := &net.Dialer{Timeout: requestTime}
	if !private {
		dialer.Control = func(_, address string, _ syscall.RawConn) error { return checkAddress(address) }
	}
	return &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: requestTime,
		ResponseHeaderTimeout: requestTime, MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: 2,
		IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true}
}

// special are networks that are nobody's on the internet though netip takes their addresses for ordinary ones, or that
// lead to others (RFC 6890 and the IANA registries of special-purpose addresses).
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fec0::/10"),
}

// checkAddress returns an error unless an address, with a port, is a public one.
func checkAddress(address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := to.Addr().Unmap().WithZone("")
	public := ip.IsGlobalUnicast() && !ip.IsPrivate()
	for _, network := range special {
		public = public && !network.Contains(ip)
	}
	if !public {
		return fmt.Errorf("%s is not a public address; see --allow-private-providers", ip)
	}
	return nil
}

// guarded sends the requests of one provider.
type guarded struct {
	next   http.RoundTripper
	plain  bool // lets requests be without TLS
	fetch  *rate.Limiter
	places chan struct{}
}

// newClient returns what sends requests to one provider.
func newClient(next http.RoundTripper, plain bool) *http.Client {
	return &http.Client{Timeout: requestTime, Transport: &guarded{next: next, plain: plain,
		fetch: rate.NewLimiter(rate.Every(fetchEvery), fetchesAtOne), places: make(chan struct{}, 4)},
		CheckRedirect: func(r *http.Request, before []*http.Request) error {
			if from := before[0].URL; len(before) > maxRedirects || r.URL.Host != from.Host || r.URL.Scheme != from.Scheme {
				return errors.New("the provider leads to another host, or in a circle")
			}
			return nil
		}}
}

// RoundTrip implements http.RoundTripper.
func (g *guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !g.plain {
		return nil, errors.New("the provider is asked with TLS only; see --allow-private-providers")
	}
	if r.Method == http.MethodGet && !g.fetch.Allow() {
		return nil, errors.New("what the provider publishes was fetched too often a moment ago")
	}
	select {
	case g.places <- struct{}{}:
		defer func() { <-g.places }()
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	answer, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if answer.ContentLength > answerSize {
		return nil, errors.Join(errTooLarge, answer.Body.Close())
	}
	answer.Body = &bounded{answer.Body, answerSize}
	return answer, nil
}

var errTooLarge = errors.New("the provider's answer is too large")

// bounded reads so many bytes, and fails then instead of ending.
type bounded struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
