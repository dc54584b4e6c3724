package directory_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence/storetest"
	"canopy/tenancy"
)

// meanwhile is a store to which something happens between a decision and its change.
type meanwhile struct {
	directory.EnvironmentStore
	happens func()
}

func (m meanwhile) Update(ctx context.Context, w tenancy.WriteScope, id domain.EnvironmentID, change func(*domain.Environment) error) (domain.Environment, error) {
	m.happens()
	return m.EnvironmentStore.Update(ctx, w, id, change)
}

// What was decided about an environment in one place is not done to it in another one.
func TestAnEnvironmentIsMovedBeforeItIsChanged(t *testing.T) {
	w := storetest.NewWorld(t, storetest.SQLite(t))
	to := func(path string) func(*domain.Environment) error {
		return func(e *domain.Environment) error { e.Parent = w.Places[path].ID; return nil }
	}
	environments := directory.NewEnvironments(w.Gate, meanwhile{w.Environments, func() {
		_, err := w.Environments.Update(t.Context(), storetest.Everything(domain.EnvironmentWrite), w.Places["Acme/Prod/East"].ID, to("Acme/Test"))
		require.NoError(t, err)
	}})
	code := "E"
	_, err := environments.Update(t.Context(), *w.As(t, "acme.admin"), "Prod/East", directory.EnvironmentPatch{Code: &code})
	require.ErrorIs(t, err, domain.ErrChanged)
	_, err = environments.Update(t.Context(), *w.As(t, "acme.admin"), "Test/East", directory.EnvironmentPatch{Code: &code})
	require.NoError(t, err, "nothing happens to it any more")
}
