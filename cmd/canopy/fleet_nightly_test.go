//go:build nightly

package main_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/persistence/testdb"
)

// What TestFleet says holds also while the database's server is killed and its standby takes its place.
func TestFleetLosesItsLeader(t *testing.T) {
	p := newPair(t)
	front := fleet(t, place{"--data", t.TempDir(), "--database-url", p.url("")})
	watch(t, front, 10, func(h *history) {
		h.more(t, 300)
		for range 2 {
			require.NoError(t, p.primary.Kill())
			old, _ := p.promote(t)
			h.more(t, 300)
			require.NoError(t, old.Stop())
			p.follow(t, testdb.OnPort(old.Port()))
			h.more(t, 100)
		}
	}).requireSound(t)
	require.NoError(t, p.primary.Stop())
}

// It holds behind pgbouncer, too, where each transaction may be on another connection.
func TestFleetBehindAPooler(t *testing.T) {
	through := testdb.Pooler(t, testdb.Postgres(t))
	watch(t, fleet(t, place{"--data", t.TempDir(), "--database-url", through}), 25, func(*history) {}).requireSound(t)
}
