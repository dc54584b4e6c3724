package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
)

// nobodyMinds is the check of a change that no rule is against.
func nobodyMinds(domain.User) error { return nil }

// Sessions tests what the ports of sessions promise.
func Sessions(t *testing.T, db *persistence.DB) {
	w := NewWorld(t, db)
	ctx := t.Context()
	all := Everything(domain.UserUpdate)
	list := func(t *testing.T, alias string) []domain.Session {
		t.Helper()
		sessions, err := w.Sessions.List(ctx, all.Read(), w.People[alias].ID)
		require.NoError(t, err)
		return sessions
	}

	t.Run("a session comes back as it was stored", func(t *testing.T) {
		require.Equal(t, []domain.Session{w.SignIns["acme.user"]}, list(t, "acme.user"))
	})
}
