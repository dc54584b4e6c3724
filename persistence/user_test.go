package persistence_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/persistence/faultdb"
	"canopy/persistence/storetest"
)

// TestAliasOfElsewhereTakesNoOtherTime holds that looking somebody up by an alias of another tenant
// asks the database what looking for nobody's asks.
func TestAliasOfElsewhereTakesNoOtherTime(t *testing.T) {
	faults, err := faultdb.New(false)
	require.NoError(t, err)
	d, err := db.OpenSQLite(filepath.Join(t.TempDir(), "canopy.db"), db.Through(faults.Connector, faults.Hot))
	require.NoError(t, err)
	defer d.Close()
	_, err = d.Migrate(t.Context())
	require.NoError(t, err)
	w := storetest.NewWorld(t, d)
	sc := w.Scope(t, "acme.admin", domain.UserRead).Read()
	asked := func(alias string) int {
		done := faults.Follow(faultdb.Plan{})
		_, err := w.Users.Get(t.Context(), sc, domain.UserRef{Alias: alias})
		require.ErrorIs(t, err, domain.ErrUserNotFound)
		return len(done().Statements)
	}
	asked("somebody else") // prepares the statement
	require.Equal(t, asked("nobody"), asked("bolt.user"))
	require.Positive(t, asked("nobody"))
}
