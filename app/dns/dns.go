// Package dns asks DNS for text records.
package dns

import (
	"context"
	"errors"
	"net"
	"time"

	"canopy/domain"
)

// within bounds one question, with all attempts at it.
const within = 5 * time.Second

// Resolver asks DNS. An answer has 64 KiB at most. It is safe for concurrent use.
type Resolver struct{ resolver *net.Resolver }

// NewResolver returns what asks a name server, a host and port, or those of the system if that is empty.
func NewResolver(server string) *Resolver {
	r := &net.Resolver{PreferGo: true}
	if server != "" {
		r.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, server)
		}
	}
	return &Resolver{r}
}

// Texts returns the texts of the TXT records at a name, the strings of each as one (RFC 7208, 3.3); none if there are
// none. It returns domain.ErrDNSUnreachable where that cannot be known.
func (r *Resolver) Texts(ctx context.Context, name string) ([]string, error) {
	bounded, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	texts, err := r.resolver.LookupTXT(bounded, name+".") // with the dot, nothing is looked for in domains of the machine
	var failed *net.DNSError
	if errors.As(err, &failed) && failed.IsNotFound {
		return nil, nil
	}
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, domain.ErrDNSUnreachable.Because(err)
	}
	return texts, nil
}
