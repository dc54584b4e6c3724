package console

import (
	"context"
	"crypto/rand"
	"sync"

	"canopy/domain"
)

// progress is how far the work is that this server does for people who wait for it. What another server does it does
// not know.
type progress struct {
	mu    sync.Mutex
	works map[workKey]howFar
}

// workKey is a session and what the page that waits calls the work.
type workKey struct {
	session domain.UUID
	name    string
}

// howFar is how much of something is done.
type howFar struct{ done, all int }

// maxWorks is how many works are known at once; of more it is not said how far they are.
const maxWorks = 1000

// workName names a work to be.
func workName() string { return rand.Text() }

// begin returns what the work of a visit is told by, and what ends it.
func (p *progress) begin(v *visit, name string) (tell func(done, all int), end func()) {
	key := workKey{v.caller.Session, name}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, twice := p.works[key]; twice || len(name) != len(workName()) || len(p.works) == maxWorks {
		return nil, func() {}
	}
	if p.works == nil {
		p.works = make(map[workKey]howFar)
	}
	p.works[key] = howFar{}
	tell = func(done, all int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.works[key] = howFar{done, all}
	}
	return tell, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.works, key)
	}
}

// of returns how far a work of the visitor's session is; the zero value is not known.
func (p *progress) of(v *visit, name string) howFar {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.works[workKey{v.caller.Session, name}]
}

// showProgress answers with the part of a page that says how far its work is, and asks again.
func (s *Surface) showProgress(_ context.Context, v *visit) (answer, error) {
	name := v.query("work")
	return shown(progressPart(v, name, s.progress.of(v, name)))
}

// progressText says how far a work is.
func (v *visit) progressText(s howFar) string {
	w := &v.words.Import
	switch {
	case s.all == 0:
		return w.Running
	case s.done == s.all:
		return w.Checking
	}
	return fill(v.counted(w.DoneOf, int64(s.all)), "done", v.number(int64(s.done)))
}
