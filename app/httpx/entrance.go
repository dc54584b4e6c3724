package httpx

import (
	"context"
	"hash/maphash"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"canopy/domain"
)

// An Entrance bounds how many requests are worked on at once, before anybody is known. The others wait, for a
// moment only: networks in turn, and in a network credentials in turn. Where waiting takes long, or too many wait,
// one of those is refused of whom most are there. So whoever sends a few requests is served beside somebody who
// sends very many. A nil Entrance lets everybody in. It is safe for concurrent use.
type Entrance struct {
	places, most int
	// Refused is told of each request that was not let in.
	Refused func()

	mu      sync.Mutex
	working int
	waiting int
	// every is how often one was let in lately of those who waited, the last of them at last.
	every time.Duration
	last  time.Time
	// crowds are the networks of which somebody waits, in the order of their turns.
	crowds []*crowd
	// inside are how many were let in and have not left, of a network in all and by what they carry.
	inside map[origins]int
}

// origins are where somebody comes from: a network, and the credentials, 0 for all.
type origins struct {
	network     netip.Prefix
	credentials uint64
}

// crowd are those who wait from one network: a queue for the credentials that they carry, in the order of their turns.
type crowd struct {
	network netip.Prefix
	waiting int
	queues  []*queue
}

type queue struct {
	credentials uint64
	guests      []*guest // in the order in which they came
}

// guest is somebody who waits. What is sent on decided is nil when they are let in.
type guest struct{ decided chan error }

const (
	// waitsLong is how long those who wait may have to by what is known, so that more may.
	waitsLong = time.Second
	// entersWithin is how long somebody waits where nobody leaves.
	entersWithin = 2 * time.Second
	// waitingOf is how many may wait for each one that is worked on.
	waitingOf = 4
)

// NewEntrance returns an entrance that lets in so many at once.
func NewEntrance(places int) *Entrance {
	return &Entrance{places: places, most: places * waitingOf, Refused: func() {}, inside: make(map[origins]int)}
}

// A Place is that of a request that was let in, or is to be.
type Place struct {
	entrance *Entrance
	from     origins
	mu       sync.Mutex
	in       bool
	outside  int // how many things are waited for
}

// enter waits until the request may be worked on. It returns domain.ErrOverloaded if it may not.
func (p *Place) enter(ctx context.Context, network netip.Prefix, credentials uint64) error {
	if p.entrance == nil {
		return nil
	}
	if err := p.entrance.enter(ctx, network, credentials); err != nil {
		p.entrance.Refused()
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.in, p.from = true, origins{network, credentials}
	return nil
}

// leave gives the place to somebody else.
func (p *Place) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.in {
		return
	}
	p.in = false
	p.entrance.gone(p.from)
	if p.outside == 0 {
		p.entrance.leave()
	}
}

// aside gives the place to others while the request waits for something else, until back is called. It comes back
// whether or not there is a place: there are few who do, and they have been worked on already.
func (p *Place) aside() (back func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.in {
		return func() {}
	}
	if p.outside++; p.outside == 1 {
		p.entrance.leave()
	}
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.outside--; p.outside == 0 && p.in {
			p.entrance.back()
		}
	})
}

func (e *Entrance) enter(ctx context.Context, network netip.Prefix, credentials uint64) error {
	g := &guest{make(chan error, 1)}
	if in, err := e.join(g, network, credentials); in || err != nil {
		return err
	}
	timer := time.NewTimer(entersWithin)
	defer timer.Stop()
	select {
	case err := <-g.decided:
		return err
	case <-timer.C:
	case <-ctx.Done():
	}
	return e.abandon(g)
}

// join lets g in if there is a place, or has it wait if somebody may.
func (e *Entrance) join(g *guest, network netip.Prefix, credentials uint64) (in bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.waiting == 0 && e.working < e.places {
		e.working++
		e.count(network, credentials, 1)
		return true, nil
	}
	if e.waiting == 0 {
		e.last = time.Now()
	}
	c := e.crowdOf(network)
	q := c.queueOf(credentials)
	q.guests = append(q.guests, g)
	c.waiting++
	e.waiting++
	switch {
	case e.waiting > e.most:
		e.refuse(1)
	case time.Duration(e.waiting)*e.every > waitsLong:
		e.refuse(2) // whoever comes alone may wait
	}
	return false, nil
}

// refuse refuses the last one who came of the credentials of which most wait or are inside, in the network of
// which most do, if these are at least so many.
func (e *Entrance) refuse(least int) {
	ofCrowd := func(c *crowd) int { return c.waiting + e.inside[origins{c.network, 0}] }
	c := mostOf(e.crowds, ofCrowd)
	if ofCrowd(c) < least {
		return
	}
	q := mostOf(c.queues, func(q *queue) int { return len(q.guests) + e.inside[origins{c.network, q.credentials}] })
	last := len(q.guests) - 1
	q.guests[last].decided <- domain.ErrOverloaded
	e.remove(c, q, last)
}

func mostOf[T any](all []T, count func(T) int) (found T) {
	most := 0
	for _, one := range all {
		if n := count(one); n >= most {
			found, most = one, n
		}
	}
	return found
}

// leave gives a place to whose turn it is.
func (e *Entrance) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.working--
	for e.working < e.places && e.waiting > 0 {
		e.working++
		e.letIn()
	}
}

// letIn lets in whose turn it is.
func (e *Entrance) letIn() {
	now := time.Now()
	e.every += (now.Sub(e.last) - e.every) / 8
	e.last = now
	c := e.crowds[0]
	q := c.queues[0]
	q.guests[0].decided <- nil
	e.count(c.network, q.credentials, 1)
	e.remove(c, q, 0)
	turned(c.queues, q)
	turned(e.crowds, c)
}

// count notes that n more are inside.
func (e *Entrance) count(network netip.Prefix, credentials uint64, n int) {
	for _, from := range [2]origins{{network, 0}, {network, credentials}} {
		if e.inside[from] += n; e.inside[from] == 0 {
			delete(e.inside, from)
		}
	}
}

// gone notes that one is not inside any more.
func (e *Entrance) gone(from origins) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count(from.network, from.credentials, -1)
}

// turned puts one at the end, if it is there.
func turned[T comparable](all []T, one T) {
	if i := slices.Index(all, one); i >= 0 {
		copy(all[i:], all[i+1:])
		all[len(all)-1] = one
	}
}

// back has somebody worked on who was let in before.
func (e *Entrance) back() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.working++
}

// abandon takes out g, who waits no longer. Who was let in just now is in.
func (e *Entrance) abandon(g *guest) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.crowds {
		for _, q := range c.queues {
			if i := slices.Index(q.guests, g); i >= 0 {
				e.remove(c, q, i)
				return domain.ErrOverloaded
			}
		}
	}
	return <-g.decided
}

// remove takes a guest out, and the queue and the crowd where they were the last.
func (e *Entrance) remove(c *crowd, q *queue, i int) {
	q.guests = slices.Delete(q.guests, i, i+1)
	c.waiting--
	e.waiting--
	if len(q.guests) > 0 {
		return
	}
	c.queues = slices.DeleteFunc(c.queues, func(other *queue) bool { return other == q })
	if len(c.queues) == 0 {
		e.crowds = slices.DeleteFunc(e.crowds, func(other *crowd) bool { return other == c })
	}
}

func (e *Entrance) crowdOf(network netip.Prefix) *crowd {
	for _, c := range e.crowds {
		if c.network == network {
			return c
		}
	}
	c := &crowd{network: network}
	e.crowds = append(e.crowds, c)
	return c
}

func (c *crowd) queueOf(credentials uint64) *queue {
	for _, q := range c.queues {
		if q.credentials == credentials {
			return q
		}
	}
	q := &queue{credentials: credentials}
	c.queues = append(c.queues, q)
	return q
}

// Waiting returns how many wait.
func (e *Entrance) Waiting() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.waiting
}

// credentialHeaders are the headers by which requests of one network are told apart before anybody is known.
var credentialHeaders = []string{fiber.HeaderAuthorization, fiber.HeaderCookie, "token", "Tat_username"}

var credentialSeed = maphash.MakeSeed()

// credentialsOf returns a hash of what a request shows of who sends it.
func credentialsOf(c *fiber.Ctx) uint64 {
	var h maphash.Hash
	h.SetSeed(credentialSeed)
	for _, name := range credentialHeaders {
		_, _ = h.Write(c.Request().Header.Peek(name))
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}
