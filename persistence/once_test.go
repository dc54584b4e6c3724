package persistence_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
	"canopy/tenancy"
)

// What follows a change that concluded its request, and may fail, takes nothing back of its answer.
func TestNothingFollowsWhatConcluded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d *db.DB) {
		w := storetest.NewWorld(t, d)
		o := &domain.Once{By: w.SignIns["acme.user"].UserKey, Key: "key", Request: "request", Attempt: "first", For: time.Hour,
			Write: func(outcome any) (domain.Answer, bool) { return domain.Answer{Status: outcome.(int)}, true }}
		ctx, store := domain.WithOnce(t.Context(), o), persistence.NewStore(d)
		require.NoError(t, store.Do(ctx, tenancy.WriteScope{}, func(*persistence.Tx) error {
			domain.Conclude(ctx, 201)
			return nil
		}))
		no := errors.New("no")
		for _, end := range []error{nil, no} {
			require.ErrorIs(t, store.Do(ctx, tenancy.WriteScope{}, func(*persistence.Tx) error {
				domain.Conclude(ctx, 500)
				return end
			}), end)
			require.True(t, o.Kept)
			require.Equal(t, 201, o.Concluded.Status)
		}
		kept, found, err := persistence.NewAnswerStore(d).Kept(t.Context(), o)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, 201, kept.Answer.Status)
	})
}
