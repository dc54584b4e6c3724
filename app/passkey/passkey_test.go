package passkey_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app/passkey"
	"canopy/domain"
)

// A server that people reach by an address has no passkeys: they are for names.
func TestPasskeysAreForNames(t *testing.T) {
	for address, possible := range map[string]bool{"https://canopy.example": true, "http://localhost:8080": true,
		"https://192.0.2.1": false, "https://[2001:db8::1]:8443": false, "": false} {
		p, err := passkey.New(address)
		require.NoError(t, err)
		if possible {
			require.NoError(t, p.Possible(), address)
		} else {
			require.ErrorIs(t, p.Possible(), domain.ErrNoPasskeys, address)
		}
	}
}
