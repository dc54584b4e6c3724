package app

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"canopy/persistence"
)

// keyFile is where the server's key is kept beside the embedded database.
const keyFile = "server.key"

// minKeyLength is how long a key must be that somebody chose.
const minKeyLength = 32

// keys are the secrets of a directory, all derived from the server's key (RFC 5869).
type keys struct {
	tokens    []byte // signs tokens
	addresses []byte // hides names and addresses of failed sign-ins
	vault     []byte // hides one-time secrets, registration codes and mail
}

// loadKeys reads the server's key from the configuration or the file in the data folder,
// or makes one for a new directory. It fails if the directory was made with another key.
func loadKeys(ctx context.Context, cfg *Config, settings *persistence.SettingStore) (keys, error) {
	secret, err := serverKey(ctx, cfg, settings)
	if err != nil {
		return keys{}, err
	}
	known, err := settings.Keep(ctx, keyCheck, checkOf(secret))
	if err != nil {
		return keys{}, err
	}
	if known != checkOf(secret) {
		return keys{}, errOtherKey
	}
	return keys{tokens: derive(secret, "tokens", 64), addresses: derive(secret, "addresses", 32),
		vault: derive(secret, "vault", 32)}, nil
}

// keyCheck is the setting by which another server key is noticed.
const keyCheck = "server_key_check"

// checkOf returns what keyCheck is for a server key.
func checkOf(secret string) string {
	return base64.RawStdEncoding.EncodeToString(derive(secret, "check", 16))
}

func derive(secret, purpose string, length int) []byte {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "canopy "+purpose, length)
	if err != nil {
		panic(err) // for absurd lengths only
	}
	return key
}

// Errors about a server key that is not the directory's.
var (
	errOtherKey = errors.New("the directory was made with another server key; set CANOPY_SERVER_KEY, or put the file " +
		keyFile + " of the first server into the data folder")
	errKeyMissing = errors.New(
		"the directory has a server key, but there is none here; set CANOPY_SERVER_KEY, or put the file " +
			keyFile + " of the first server into the data folder")
)

func serverKey(ctx context.Context, cfg *Config, settings *persistence.SettingStore) (string, error) {
	if cfg.ServerKey != "" {
		return cfg.ServerKey, checkServerKey(cfg.ServerKey)
	}
	path := filepath.Join(cfg.Data, keyFile)
	if key, err := readServerKey(path); !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if known, err := settings.Get(ctx, keyCheck); err != nil || known != "" {
		if err == nil {
			err = errKeyMissing
		}
		return "", err
	}
	return makeServerKey(path)
}

// checkServerKey refuses a configured key, empty for none, that is too short.
func checkServerKey(key string) error {
	if key != "" && len(key) < minKeyLength {
		return fmt.Errorf("CANOPY_SERVER_KEY: the server key must have at least %d characters", minKeyLength)
	}
	return nil
}

// readServerKey reads the key in the file. It fails if the key is too short: a start that
// broke off may have left an empty file, from which everybody could derive the keys.
func readServerKey(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the server key: %w", err)
	}
	key := strings.TrimRight(string(text), "\r\n")
	if len(key) < minKeyLength {
		return "", fmt.Errorf(
			"the server key in %s must have at least %d characters; remove the file if the directory is new", path, minKeyLength)
	}
	return key, nil
}

// makeServerKey writes a new key into the file, readable by its owner only. Of two that try
// at once, one gets what the other wrote, or an error if that is not complete yet.
func makeServerKey(path string) (string, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("make the data folder: %w", err)
	}
	key := rand.Text() + rand.Text()
	err := writeServerKey(path, key)
	if errors.Is(err, fs.ErrExist) {
		return readServerKey(path)
	}
	return key, err
}

// writeServerKey writes the key into a file that is not there, readable by its owner only. It
// leaves none if it fails.
func writeServerKey(path, key string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the server key: %w", err)
	}
	_, err = f.WriteString(key + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the server key: %w", errors.Join(err, os.Remove(path)))
	}
	return nil
}
