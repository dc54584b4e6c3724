package directory_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/storetest"
	"canopy/tenancy"
)

// meanwhile is a store to which something happens between a decision and its change.
type meanwhile struct {
	storetest.EnvironmentStore
	store   *persistence.Store
	happens func()
}

func (m meanwhile) NextEnvironment(ctx context.Context) (domain.EnvironmentID, error) {
	return m.store.NextEnvironment(ctx)
}

func (m meanwhile) Do(ctx context.Context, w tenancy.WriteScope, work func(directory.EnvironmentTx) error) error {
	m.happens()
	return m.store.Do(ctx, w, func(tx *persistence.Tx) error { return work(tx) })
}

// What was decided about an environment in one place is not done to it in another one.
func TestAnEnvironmentIsMovedBeforeItIsChanged(t *testing.T) {
	w := storetest.NewWorld(t, storetest.SQLite(t))
	to := func(path string) func(*domain.Environment) error {
		return func(e *domain.Environment) error { e.Parent = w.Places[path].ID; return nil }
	}
	environments := directory.NewEnvironments(w.Gate, meanwhile{w.Environments, persistence.NewStore(w.DB), func() {
		_, err := w.Environments.Update(t.Context(), storetest.Everything(domain.EnvironmentWrite),
			w.Places["Acme/Prod/East"].ID, to("Acme/Test"))
		require.NoError(t, err)
	}}, nil, nil, time.Now)
	code := "E"
	_, err := environments.Update(t.Context(), *w.As(t, "acme.admin"),
		directory.UpdateEnvironment{Environment: "Prod/East", EnvironmentPatch: directory.EnvironmentPatch{Code: &code}})
	require.ErrorIs(t, err, domain.ErrChanged)
	_, err = environments.Update(t.Context(), *w.As(t, "acme.admin"),
		directory.UpdateEnvironment{Environment: "Test/East", EnvironmentPatch: directory.EnvironmentPatch{Code: &code}})
	require.NoError(t, err, "nothing happens to it any more")
}
