package app

import (
	"net"
	"net/netip"
	"slices"
	"sync"

	"canopy/app/httpx"
)

// A door bounds how many connections there are, in all and from one network: each holds memory
// before anybody is known. A few beyond the bound are let in to be told; the others are closed.
type door struct {
	total, ofNetwork int
	trusted          []netip.Prefix // of proxies, behind which there are many

	mu   sync.Mutex
	open int
	nets map[netip.Prefix]int
	// refused is told of each connection that is over the bound; it is set before the first.
	refused func()
}

// The share of a network in the connections, and how many beyond the bound are told so.
const (
	networkShare = 4
	toldShare    = 8
)

func newDoor(total int, trusted []netip.Prefix) *door {
	return &door{total: total, ofNetwork: max(total/networkShare, 1), trusted: trusted, nets: make(map[netip.Prefix]int),
		refused: func() {}}
}

// passage is the place of a connection.
type passage struct {
	door    *door
	network netip.Prefix // not valid for a trusted proxy's
	// crowded is whether the connection is over the bound, and is to be told only.
	crowded bool
	once    sync.Once
}

// enter returns the place of a connection, nil if it is to be closed.
func (d *door) enter(address net.Addr) *passage {
	p := &passage{door: d}
	if tcp, ok := address.(*net.TCPAddr); ok {
		ip := tcp.AddrPort().Addr().Unmap()
		if !slices.ContainsFunc(d.trusted, func(t netip.Prefix) bool { return t.Contains(ip) }) {
			p.network = httpx.NetworkOf(ip)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	mine := 0
	if p.network.IsValid() {
		mine = d.nets[p.network]
	}
	if p.crowded = d.open >= d.total || mine >= d.ofNetwork; p.crowded {
		d.refused()
	}
	if d.open >= d.total+d.total/toldShare+1 || mine >= d.ofNetwork+d.ofNetwork/toldShare+1 {
		return nil
	}
	d.open++
	if p.network.IsValid() {
		d.nets[p.network]++
	}
	return p
}

// leave gives the place back.
func (p *passage) leave() {
	p.once.Do(func() {
		d := p.door
		d.mu.Lock()
		defer d.mu.Unlock()
		d.open--
		if p.network.IsValid() {
			if d.nets[p.network]--; d.nets[p.network] == 0 {
				delete(d.nets, p.network)
			}
		}
	})
}

// count returns how many connections there are.
func (d *door) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open
}
