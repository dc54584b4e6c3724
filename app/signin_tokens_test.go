package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app/accounts"
	"canopy/app/authn"
	"canopy/domain"
)

// A client that uses its token up to the end it was told is never refused.
func TestTokensLastAsLongAsTold(t *testing.T) {
	cfg := DefaultConfig()
	now := time.Date(2026, 11, 22, 8, 0, 0, 999_000_000, time.UTC)
	cfg.Data, cfg.AdminPassword, cfg.Now = t.TempDir(), "correct horse", func() time.Time { return now }
	cfg.PasswordCost, cfg.Sessions.Token = authn.Cost{Memory: 64, Passes: 1}, time.Hour
	db, err := OpenDatabase(t.Context(), &cfg)
	require.NoError(t, err)
	_, err = Begin(t.Context(), &cfg, db)
	require.NoError(t, err)
	d, err := Wire(t.Context(), cfg, db)
	require.NoError(t, err)
	defer d.Close()
	began := now
	for _, kind := range []domain.SessionKind{domain.TokenSession, domain.RefreshSession} {
		now = began
		in, err := d.Sessions.SignIn(t.Context(), accounts.SignIn{Login: "admin", Password: "correct horse", Kind: kind})
		require.NoError(t, err)
		require.WithinRange(t, in.Expires, began.Add(time.Hour-time.Second), began.Add(time.Hour))
		now = in.Expires.Add(-time.Millisecond)
		_, err = d.access.tokens.Principal(t.Context(), in.Access, "rest")
		require.NoError(t, err, kind)
		now = in.Expires
		_, err = d.access.tokens.Principal(t.Context(), in.Access, "rest")
		require.ErrorIs(t, err, domain.ErrUnauthenticated, kind)
	}
}
