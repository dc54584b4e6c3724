package main_test

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A history is what clients of a directory saw. Changes of one right are made one after the other; replies may come
// from anybody at any time.
type history struct {
	mu      sync.Mutex
	began   time.Time
	changes map[string][]made // by right, in their order
	replies []reply
	strange []string // answers that are neither yes, no nor later
}

// made is a change that gives or takes a right. It is known if it was acknowledged: else it may have been made or not.
type made struct {
	gives, known bool
	from, to     time.Duration
}

// A reply is a yes or a no to a request that needs the right.
type reply struct {
	right    string
	yes      bool
	from, to time.Duration
	said     string
}

func newHistory() *history { return &history{began: time.Now(), changes: make(map[string][]made)} }

// A question is a request that needs a right. Once it is past, other rights that it needs may be taken, so that a no
// means nothing any more.
type question struct {
	right string
	ask   func() (answer, error)
	past  atomic.Bool
}

// ask sends the request and notes the reply.
func (h *history) ask(q *question) {
	from := time.Since(h.began)
	a, err := q.ask()
	to := time.Since(h.began)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err != nil:
		h.strange = append(h.strange, fmt.Sprintf("%s: %v", q.right, err))
	case a.status == http.StatusOK:
		h.replies = append(h.replies, reply{q.right, true, from, to, "200"})
	case q.past.Load():
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden || a.status == http.StatusNotFound:
		h.replies = append(h.replies, reply{q.right, false, from, to, fmt.Sprint(a.status, " ", string(a.body))})
	case a.status != http.StatusServiceUnavailable:
		h.strange = append(h.strange, fmt.Sprintf("%s: %d %s", q.right, a.status, a.body))
	}
}

// change makes a change that gives or takes rights, notes it, and reports whether it was acknowledged.
func (h *history) change(gives bool, send func() (answer, error), rights ...string) bool {
	c := made{gives: gives, from: time.Since(h.began)}
	a, err := send()
	c.to, c.known = time.Since(h.began), err == nil && a.status == http.StatusOK
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, right := range rights {
		h.changes[right] = append(h.changes[right], c)
	}
	if err == nil && !c.known && a.status != http.StatusServiceUnavailable {
		h.strange = append(h.strange, fmt.Sprintf("change of %v: %d %s", rights, a.status, a.body))
	}
	return c.known
}

// changeAtLast is change, sent again until it is acknowledged: the next one needs it.
func (h *history) changeAtLast(gives bool, send func() (answer, error), rights ...string) {
	for began := time.Now(); !h.change(gives, send, rights...) && time.Since(began) < time.Minute; {
		time.Sleep(10 * time.Millisecond)
	}
}

// faults returns each reply that contradicts the last change before it, the latest last. One that began before a
// change was acknowledged, or ended after the next one began, may be either.
func (h *history) faults() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	slices.SortFunc(h.replies, func(a, b reply) int { return cmp.Compare(a.from, b.from) })
	var found []string
	for _, r := range h.replies {
		changes := h.changes[r.right]
		next := slices.IndexFunc(changes, func(c made) bool { return c.to >= r.from })
		if next < 0 {
			next = len(changes)
		}
		if next == 0 || next < len(changes) && changes[next].from <= r.to {
			continue
		}
		if last := changes[next-1]; last.known && last.gives != r.yes {
			found = append(found, fmt.Sprintf("%s: %s (%s) at %s to a request of %s, %s by a change acknowledged at %s", r.right,
				word(r.yes, "yes", "no"), r.said, r.to, r.from, word(last.gives, "given", "taken away"), last.to))
		}
	}
	return found
}

func word(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// requireSound requires that no reply contradicts a change, and that enough was seen to say so.
func (h *history) requireSound(t *testing.T) {
	t.Helper()
	require.Empty(t, h.faults())
	require.Empty(t, h.strange)
	said := make(map[bool]int)
	for _, r := range h.replies {
		said[r.yes]++
	}
	require.Greater(t, min(said[true], said[false]), 50, "%d yes, %d no", said[true], said[false])
	t.Logf("%d rights, %d yes, %d no", len(h.changes), said[true], said[false])
}

func TestHistoryTellsFaults(t *testing.T) {
	t.Parallel()
	give := func(from, to time.Duration) made { return made{true, true, from, to} }
	take := func(from, to time.Duration) made { return made{false, true, from, to} }
	lost := func(c made) made { c.known = false; return c }
	yes := func(from, to time.Duration) reply { return reply{"r", true, from, to, ""} }
	no := func(from, to time.Duration) reply { return reply{"r", false, from, to, ""} }
	for _, test := range []struct {
		name    string
		changes []made
		reply   reply
		fault   bool
	}{
		{"yes after no", []made{take(1, 2)}, yes(3, 4), true},
		{"yes after no after yes", []made{give(1, 2), take(3, 4)}, yes(5, 6), true},
		{"yes that began before no was acknowledged", []made{take(1, 3)}, yes(2, 4), false},
		{"yes beside the next change", []made{take(1, 2), give(4, 6)}, yes(3, 5), false},
		{"yes before the next change", []made{take(1, 2), give(5, 6)}, yes(3, 4), true},
		{"yes after yes", []made{take(1, 2), give(3, 4)}, yes(5, 6), false},
		{"no after yes", []made{take(1, 2), give(3, 4)}, no(5, 6), true},
		{"no after no", []made{take(1, 2)}, no(3, 4), false},
		{"yes after a no that may not have been", []made{lost(take(1, 2))}, yes(3, 4), false},
		{"yes after a yes that may not have been", []made{take(1, 2), lost(give(3, 4))}, yes(5, 6), false},
		{"before any change", []made{take(5, 6)}, yes(1, 2), false},
		{"of another right", nil, yes(3, 4), false},
	} {
		h := newHistory()
		h.changes["r"], h.replies = test.changes, []reply{test.reply}
		require.Equal(t, test.fault, len(h.faults()) == 1, test.name)
	}
}
