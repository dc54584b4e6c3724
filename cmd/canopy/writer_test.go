package main_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A state is what one user is to be, as far as the writers change it; the zero state is nobody.
type state struct {
	exists   bool
	phone    string
	envs     string // the numbers of the allowed environments
	password string
}

// A change is a write that was sent: from what was acknowledged before to what it asks for.
type change struct {
	alias    string
	from, to state
}

// A writer creates, changes and deletes users of its own, one request after the other, and knows
// what was acknowledged and what is in doubt.
type writer struct {
	name   string
	places []int64 // environments to allow
	users  map[string]state
	ids    map[string]int64
	made   int
	doubt  *change // the write that was not answered

	signedIn map[string]bool // who was seen to be able to
}

// writers are several that work at once on a server.
type writers struct {
	all          []*writer
	acknowledged atomic.Int64
	running      sync.WaitGroup
}

func newWriters(n int, places []int64) *writers {
	w := &writers{}
	for i := range n {
		w.all = append(w.all, &writer{name: fmt.Sprintf("w%d", i), places: places, users: make(map[string]state),
			ids: make(map[string]int64), signedIn: make(map[string]bool)})
	}
	return w
}

// run lets the writers work until each has met a write that is not acknowledged.
func (w *writers) run(admin caller) {
	for _, one := range w.all {
		w.running.Go(func() {
			for one.doubt == nil {
				if one.step(admin) {
					w.acknowledged.Add(1)
				}
			}
		})
	}
}

// step sends one write, and reports whether it was acknowledged.
func (w *writer) step(admin caller) bool {
	c := w.next()
	method, path, body := http.MethodPost, "/rest/users", any(nil)
	switch {
	case !c.from.exists:
		fresh := newUser(c.alias, c.to.password)
		fresh["person"].(fields)["phone"] = c.to.phone
		fresh["envs"] = w.allowed(c.to.envs)
		body = fresh
	case !c.to.exists:
		method, path = http.MethodDelete, fmt.Sprintf("/rest/users/%d", w.ids[c.alias])
	default:
		path = fmt.Sprintf("/rest/users/%d", w.ids[c.alias])
		body = fields{"person": fields{"phone": c.to.phone}, "envs": w.allowed(c.to.envs)}
	}
	w.doubt = &c
	a, err := admin.send(method, path, body)
	if err != nil || a.status != http.StatusOK {
		return false
	}
	w.doubt = nil
	w.settle(c.alias, c.to)
	if !c.from.exists {
		w.learn(admin, c.alias)
	}
	return true
}

// learn finds out the number of a new user, by which it is changed.
func (w *writer) learn(admin caller, alias string) {
	var envelope struct{ Data user }
	if a, err := admin.send(http.MethodGet, "/rest/users/"+alias, nil); err == nil &&
		json.Unmarshal(a.body, &envelope) == nil {
		w.ids[alias] = envelope.Data.UserID
	}
}

// settle notes what a user is.
func (w *writer) settle(alias string, s state) {
	if s.exists {
		w.users[alias] = s
	} else {
		delete(w.users, alias)
	}
}

// next thinks up a write: mostly changes, which are cheaper than hashing a password.
func (w *writer) next() change {
	known := slices.Sorted(maps.Keys(w.users))
	known = slices.DeleteFunc(known, func(alias string) bool { return w.ids[alias] == 0 })
	dice := rand.IntN(16)
	if dice == 0 || len(known) == 0 {
		w.made++
		return change{alias: fmt.Sprintf("%s-%d", w.name, w.made),
			to: state{exists: true, phone: "0", envs: w.choose(), password: fmt.Sprintf("password of %s %d", w.name, w.made)}}
	}
	alias := known[rand.IntN(len(known))]
	c := change{alias: alias, from: w.users[alias], to: w.users[alias]}
	if dice == 1 && len(known) > 2 {
		c.to = state{}
	} else {
		c.to.phone, c.to.envs = fmt.Sprint(rand.IntN(1_000_000)), w.choose()
	}
	return c
}

// choose returns some of the places.
func (w *writer) choose() string {
	var some []int64
	for _, place := range w.places {
		if rand.IntN(2) == 0 {
			some = append(some, place)
		}
	}
	return fmt.Sprint(some)
}

func (w *writer) allowed(envs string) []int64 {
	some := []int64{}
	for _, place := range w.places {
		if slices.Contains(strings.Fields(strings.Trim(envs, "[]")), fmt.Sprint(place)) {
			some = append(some, place)
		}
	}
	return some
}

// verify looks at everything after a crash: every acknowledged write is there; of one in doubt all
// or nothing; nobody is half there, and nobody is there whom no writer knows.
func (w *writers) verify(t testing.TB, s *server, admin caller) {
	t.Helper()
	w.running.Wait()
	answered := admin.get(t, "/rest/users?total=true")
	list := answered.list(t)
	require.Equal(t, fmt.Sprint(len(list)), answered.header.Get("X-Total-Count"))
	here := make(map[string]user)
	for _, u := range list {
		require.NotContains(t, here, u.Alias, "twice in the list")
		here[u.Alias] = u
	}
	delete(here, "admin")
	var entries []struct {
		Action string
		Target struct{ Name string }
	}
	admin.get(t, "/rest/audit?action=user:create").ok(t).into(t, &entries)
	created := make(map[string]int)
	for _, e := range entries {
		created[e.Target.Name]++
	}
	for _, one := range w.all {
		if c := one.doubt; c != nil {
			got := stateOf(here, c.alias, max(c.from.password, c.to.password)) // they differ where one is nobody
			require.Contains(t, []state{c.from, c.to}, got, "%s is neither what it was nor what it was to be", c.alias)
			one.settle(c.alias, got)
			if !got.exists {
				// Its names are free again: not even a part of it is left.
				admin.post(t, "/rest/users", newUser(c.alias, "long enough")).ok(t)
				var again user
				admin.get(t, "/rest/users/"+c.alias).ok(t).into(t, &again)
				admin.delete(t, fmt.Sprintf("/rest/users/%d", again.UserID)).ok(t)
			}
			one.doubt = nil
		}
		for alias, want := range one.users {
			require.Equal(t, want, stateOf(here, alias, want.password), "%s was acknowledged", alias)
			u := here[alias]
			require.Equal(t, alias, u.Person.FirstName)
			require.Equal(t, alias+"@example.org", u.Person.MailAddress)
			require.Equal(t, "User", u.Group.Alias)
			require.Equal(t, 1, created[alias], "how often it was created in the audit trail")
			if !one.signedIn[alias] { // new since the last crash
				s.signIn(t, alias, want.password)
				one.signedIn[alias] = true
			}
			one.ids[alias] = u.UserID
			delete(here, alias)
		}
	}
	require.Empty(t, here, "users of whom nobody knows")
}

// stateOf returns what a user in a list is.
func stateOf(here map[string]user, alias, password string) state {
	u, found := here[alias]
	if !found {
		return state{}
	}
	var envs []int64
	for _, e := range u.Envs {
		envs = append(envs, e.EnvID)
	}
	slices.Sort(envs)
	return state{exists: true, phone: u.Person.Phone, envs: fmt.Sprint(envs), password: password}
}
