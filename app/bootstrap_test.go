package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/storetest"
)

// A new directory is never there without what its root asks of passwords, at whatever statement the server dies.
func TestANewDirectoryHasItsRules(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		cfg := settings(t, newClock(storyBegins))
		if engine == "postgres" {
			cfg.DatabaseURL = storetest.PostgresURL(t)
		}
		cfg.AdminPassword = testPassword
		db, err := app.OpenDatabase(t.Context(), &cfg)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		rename := func(from, to string) {
			_, err := db.Writer().ExecContext(t.Context(), "ALTER TABLE "+from+" RENAME TO "+to)
			require.NoError(t, err)
		}
		rename("sign_in_rules", "rules_aside")
		_, err = app.Begin(t.Context(), &cfg, db)
		require.Error(t, err)
		rename("rules_aside", "sign_in_rules")
		begun, err := app.Begin(t.Context(), &cfg, db)
		require.NoError(t, err)
		require.True(t, begun.New)
		rules, err := persistence.NewSource(db).SignInRules(t.Context(), []domain.EnvironmentID{domain.RootEnvironment})
		require.NoError(t, err)
		require.Equal(t, []domain.SignInRules{domain.DefaultSignInRules}, rules)
		begun, err = app.Begin(t.Context(), &cfg, db)
		require.NoError(t, err)
		require.False(t, begun.New)
	})
}
