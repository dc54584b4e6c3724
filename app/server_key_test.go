package app

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/persistence"
)

// startKeys loads the keys of a directory in the folder as a server does at its start.
func startKeys(t *testing.T, folder, key string) (keys, error) {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Data, cfg.ServerKey = folder, key
	db, err := OpenDatabase(t.Context(), &cfg)
	require.NoError(t, err)
	defer db.Close()
	return loadKeys(t.Context(), &cfg, persistence.NewSettingStore(db))
}

func TestServerKey(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, keyFile)
	made, err := startKeys(t, folder, "")
	require.NoError(t, err)
	require.Len(t, made.tokens, 64)
	require.Len(t, made.addresses, 32)
	require.NotEqual(t, made.addresses, made.tokens[:32], "each purpose has a key of its own")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	secret := strings.TrimSpace(string(text))
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	for _, given := range []string{"", secret} { // from the file, and from the configuration
		again, err := startKeys(t, folder, given)
		require.NoError(t, err)
		require.Equal(t, made, again)
	}
	_, err = startKeys(t, folder, strings.Repeat("x", minKeyLength))
	require.ErrorContains(t, err, "made with another server key")
	_, err = startKeys(t, folder, strings.Repeat("x", minKeyLength-1))
	require.ErrorContains(t, err, "at least 32 characters")

	require.NoError(t, os.Remove(file))
	_, err = startKeys(t, folder, "")
	require.ErrorContains(t, err, "there is none here")
	require.NoFileExists(t, file)

	elsewhere, err := startKeys(t, t.TempDir(), "")
	require.NoError(t, err)
	require.NotEqual(t, made.tokens, elsewhere.tokens)
}

// What a start that broke off has left of the file is nothing to derive keys from.
func TestServerKeyOfABrokenFile(t *testing.T) {
	for _, left := range []string{"", "\n", "ABCDEF"} {
		folder := t.TempDir()
		file := filepath.Join(folder, keyFile)
		require.NoError(t, os.WriteFile(file, []byte(left), 0o600))
		_, err := startKeys(t, folder, "")
		require.ErrorContains(t, err, file)
		require.ErrorContains(t, err, "at least 32 characters")
	}
}

func TestServerKeyIsMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", keyFile)
	var all sync.WaitGroup
	made := make([]string, 8)
	for i := range made {
		all.Go(func() {
			key, err := makeServerKey(path)
			if err == nil && key == "" {
				t.Error("an empty key")
			}
			made[i] = key
		})
	}
	all.Wait()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	secret := strings.TrimSpace(string(text))
	require.Contains(t, made, secret)
	for _, key := range made {
		require.Contains(t, []string{secret, ""}, key)
	}
}
