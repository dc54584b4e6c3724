package persistence_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

// Callers are remembered while nothing is written, where that can be known.
func TestCallersAreRemembered(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d *db.DB) {
		w, ctx := storetest.NewWorld(t, d), t.Context()
		callers := persistence.NewAccountStore(d)
		begun := w.NewSession("acme.user", domain.TokenSession)
		key, err := callers.Begin(ctx, begun, 100, nil)
		require.NoError(t, err)
		session := begun.SessionKey
		w.AddAPIKey(t, "acme.user", "secret")
		ask := func(t *testing.T) (byLogin, bySession, byKey string) {
			t.Helper()
			a, err := callers.ByLogin(ctx, "Acme.User")
			require.NoError(t, err)
			b, signed, err := callers.BySession(ctx, session, key)
			require.NoError(t, err)
			require.True(t, signed)
			c, err := callers.ByAPIKey(ctx, "secret")
			require.NoError(t, err)
			return a.Alias, b.Alias, c.Alias
		}
		ask(t)
		persistence.Rename(callers, "remembered")
		want := "acme.user"
		if _, known := d.Version(); known {
			want = "remembered"
		}
		byLogin, bySession, byKey := ask(t)
		require.Equal(t, want, byLogin)
		require.Equal(t, want, bySession)
		require.Equal(t, want, byKey)
		_, err = callers.ByAPIKey(ctx, "another secret")
		require.ErrorIs(t, err, domain.ErrAPIKeyNotFound)
		_, signed, err := callers.BySession(ctx, session, "0123456789abcdef")
		require.NoError(t, err)
		require.False(t, signed)

		// Whatever is written.
		_, err = w.InsertGroup(ctx, w.Scope(t, "bolt.admin", domain.GroupWrite),
			domain.Group{Organization: w.SignIns["bolt.user"].Organization, Alias: "Others", Parent: domain.UserGroup})
		require.NoError(t, err)
		byLogin, bySession, byKey = ask(t)
		require.Equal(t, "acme.user", byLogin)
		require.Equal(t, "acme.user", bySession)
		require.Equal(t, "acme.user", byKey)
	})
}

// What was written is known to whoever asks after it was acknowledged, to whichever process.
func TestNoCallerIsRememberedTooLong(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			open := storetest.Fresh(t, engine)
			here, there := open(), open()
			w := storetest.NewWorld(t, here)
			session := w.SignIns["acme.user"].SessionKey
			w.AddAPIKey(t, "acme.user", "secret")
			var acknowledged atomic.Int64
			var all sync.WaitGroup
			for range 3 {
				callers := persistence.NewAccountStore(here)
				for range 2 {
					all.Go(func() {
						for done := false; !done; {
							before := acknowledged.Load()
							done = before < 0
							byLogin, err := callers.ByLogin(t.Context(), "acme.user")
							bySession, _, errSession := callers.BySession(t.Context(), session, "")
							byKey, errKey := callers.ByAPIKey(t.Context(), "secret")
							if err := errors.Join(err, errSession, errKey); err != nil ||
								min(byLogin.Epoch, bySession.Epoch, byKey.Epoch) < before {
								t.Errorf("%v: %d, %d and %d, but %d was acknowledged", err, byLogin.Epoch,
									bySession.Epoch, byKey.Epoch, before)
								return
							}
						}
					})
				}
			}
			for epoch := int64(1000); epoch < 1100; epoch++ {
				by := there
				if epoch%3 == 0 {
					by = here
				}
				_, err := by.ExecContext(t.Context(), "UPDATE users SET epoch = ? WHERE alias = 'acme.user'", epoch)
				require.NoError(t, err)
				acknowledged.Store(epoch)
			}
			acknowledged.Store(-1)
			all.Wait()
		})
	}
}
