package persistence

import (
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence/db"
)

// TestSealedKeysStayInTheirPlace holds that what was sealed for one key opens for no other
// one, and under no other server's key.
func TestSealedKeysStayInTheirPlace(t *testing.T) {
	ref := func(o domain.OrganizationID, u domain.UserID, id domain.UUID) domain.APIKeyRef {
		return domain.APIKeyRef{UserKey: domain.UserKey{Organization: o, User: u}, ID: id}
	}
	vault := db.NewVault([]byte("one key"))
	place := apiKeyPlace(ref(1, 23, "4-5"))
	sealed, err := vault.Seal(place, "text")
	require.NoError(t, err)
	require.NotContains(t, sealed, "text")
	text, err := vault.Open(place, sealed)
	require.NoError(t, err)
	require.Equal(t, "text", text)
	for _, other := range []domain.APIKeyRef{ref(2, 23, "4-5"), ref(1, 24, "4-5"), ref(1, 23, "4-6"), ref(12, 3, "4-5"),
		ref(1, 2, "34-5")} {
		_, err := vault.Open(apiKeyPlace(other), sealed)
		require.Error(t, err, "%v", other)
	}
	_, err = db.NewVault([]byte("another key")).Open(place, sealed)
	require.Error(t, err)
	_, err = db.Vault{}.Open(place, sealed)
	require.ErrorIs(t, err, db.ErrNoKey)
}
