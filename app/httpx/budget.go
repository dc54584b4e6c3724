package httpx

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"canopy/domain"
)

// A Party is who takes from a budget. Whoever is not known has no part in the share of users, and
// a network that is not valid none in that of networks.
type Party struct {
	User    domain.UserKey
	Network netip.Prefix
}

// A Budget is how much of something all requests may hold together. No user and no network gets
// more of it than their share, so that one of them cannot take it from the others. A nil Budget
// bounds nothing.
type Budget struct {
	total, ofUser, ofNetwork int64 // 0 is no bound
	// Refused is told of each request that got nothing.
	Refused func()

	mu      sync.Mutex
	used    int64
	users   map[domain.UserKey]int64
	nets    map[netip.Prefix]int64
	waiting []*claim
}

// NewBudget returns a budget of total, of which one user gets at most ofUser and one network at
// most ofNetwork. 0 is no bound.
func NewBudget(total, ofUser, ofNetwork int64) *Budget {
	return &Budget{total: total, ofUser: ofUser, ofNetwork: ofNetwork, Refused: func() {},
		users: make(map[domain.UserKey]int64), nets: make(map[netip.Prefix]int64)}
}

// claim is somebody who waits for n of a budget.
type claim struct {
	n     int64
	by    Party
	given chan struct{} // closed when they have it
}

// A Part is what somebody took of a budget.
type Part struct {
	budget *Budget
	n      int64
	by     Party
}

// Take takes n, and waits up to wait, and no longer than ctx, until that much is free: for those
// who waited first, except that nobody waits for somebody who is at their own share. It returns
// domain.ErrOverloaded if it did not become free. Whoever takes a part returns it.
func (b *Budget) Take(ctx context.Context, wait time.Duration, n int64, by Party) (*Part, error) {
	if b == nil {
		return nil, nil
	}
	part := &Part{b, n, by}
	b.mu.Lock()
	if b.fits(n, by) {
		b.add(n, by)
		b.mu.Unlock()
		return part, nil
	}
	if wait <= 0 {
		b.mu.Unlock()
		b.Refused()
		return nil, domain.ErrOverloaded
	}
	c := &claim{n: n, by: by, given: make(chan struct{})}
	b.waiting = append(b.waiting, c)
	b.mu.Unlock()
	defer domain.Aside(ctx)()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	cause := errors.New("nothing became free in time")
	select {
	case <-c.given:
		return part, nil
	case <-timer.C:
	case <-ctx.Done():
		cause = context.Cause(ctx)
	}
	b.mu.Lock()
	at := slices.Index(b.waiting, c)
	if at >= 0 {
		b.waiting = slices.Delete(b.waiting, at, at+1)
	}
	b.mu.Unlock()
	if at < 0 { // it was given just now
		return part, nil
	}
	b.Refused()
	return nil, domain.ErrOverloaded.Because(cause)
}

// Return gives the part back. Nobody returns a part that is nil, and nothing happens.
func (p *Part) Return() {
	if p == nil {
		return
	}
	b := p.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	b.add(-p.n, p.by)
	b.waiting = slices.DeleteFunc(b.waiting, func(c *claim) bool {
		if !b.fits(c.n, c.by) {
			return false
		}
		b.add(c.n, c.by)
		close(c.given)
		return true
	})
}

// Used returns how much is taken, and how many wait.
func (b *Budget) Used() (used int64, waiting int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used, len(b.waiting)
}

func (b *Budget) fits(n int64, by Party) bool {
	return (b.total == 0 || b.used+n <= b.total) &&
		(b.ofUser == 0 || by.User.User == 0 || b.users[by.User]+n <= b.ofUser) &&
		(b.ofNetwork == 0 || !by.Network.IsValid() || b.nets[by.Network]+n <= b.ofNetwork)
}

func (b *Budget) add(n int64, by Party) {
	b.used += n
	if b.ofUser > 0 && by.User.User != 0 {
		count(b.users, by.User, n)
	}
	if b.ofNetwork > 0 && by.Network.IsValid() {
		count(b.nets, by.Network, n)
	}
}

func count[K comparable](held map[K]int64, key K, n int64) {
	if held[key] += n; held[key] == 0 {
		delete(held, key)
	}
}

// NetworkOf returns the network whose clients share what is for one: an address of IPv4, and the
// 64 bits of IPv6 that one subscriber has. It is not valid for an address that is not.
func NetworkOf(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	network, _ := ip.Prefix(bits)
	return network
}
