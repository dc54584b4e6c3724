//go:build nightly

package main_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"canopy/persistence/testdb"
)

// What TestFailover says holds also where Patroni decides who takes changes: in a switch that was planned, when the
// machine of the leader is lost, and when it hangs and comes back.
func TestPatroni(t *testing.T) {
	m := testdb.Patroni(t)
	l := startLoad(t, m.URL())
	figures := map[string]time.Duration{}
	for name, event := range map[string]testdb.Event{
		"switchover": testdb.Switchover, "crash": testdb.Crash, "freeze": testdb.Freeze,
	} {
		began := time.Now()
		promoted, repair, err := m.Happen(t.Context(), event)
		require.NoError(t, err, name)
		next := l.next(promoted)
		figures[name], figures[name+", from the promotion"] = promoted.Add(next).Sub(began), next
		assert.Less(t, next, time.Second, name) // a fifth of it on a busy machine
		l.warm(10)
		require.NoError(t, repair(), name)
		require.NoError(t, m.Whole(t.Context()), name)
		l.warm(10)
	}
	l.end(figures)
	for _, s := range l.servers {
		s.stop(t)
	}
}
