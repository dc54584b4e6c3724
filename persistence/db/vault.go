package db

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
)

// Vault keeps what must not be readable in the database: it hashes what only has to be
// compared, and seals what has to be read again. Its zero value has no key and fails.
// It is safe for concurrent use.
type Vault struct {
	key  []byte
	seal cipher.AEAD
}

// NewVault returns a vault under keys derived from key, which all servers of one
// directory share.
func NewVault(key []byte) Vault {
	derive := func(purpose string) []byte {
		k, err := hkdf.Key(sha256.New, key, nil, "vault "+purpose, 32)
		if err != nil {
			panic(err) // for absurd lengths only
		}
		return k
	}
	block, err := aes.NewCipher(derive("seal"))
	if err != nil {
		panic(err) // for other lengths of keys only
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // for other block sizes only
	}
	return Vault{key: derive("hash"), seal: seal}
}

// ErrNoKey reports a database that was opened without the server's key.
var ErrNoKey = errors.New("the database was opened without a key for its secrets")

// HasKey reports whether the vault has a key.
func (v Vault) HasKey() bool { return v.key != nil }

// Hash is a keyed hash of the parts, which cannot run into one another.
func (v Vault) Hash(parts ...string) (string, error) {
	if v.key == nil {
		return "", ErrNoKey
	}
	h := hmac.New(sha256.New, v.key)
	for _, part := range parts {
		sum := sha256.Sum256([]byte(part))
		h.Write(sum[:])
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)), nil
}

// Seal returns text so that only a vault of the same key can open it, at the same place.
func (v Vault) Seal(place, text string) (string, error) {
	if v.seal == nil {
		return "", ErrNoKey
	}
	return base64.RawStdEncoding.EncodeToString(v.seal.Seal(nil, nil, []byte(text), []byte(place))), nil
}

// Open returns the text that was sealed for the place.
func (v Vault) Open(place, text string) (string, error) {
	if v.seal == nil {
		return "", ErrNoKey
	}
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return "", err
	}
	plain, err := v.seal.Open(nil, nil, raw, []byte(place))
	return string(plain), err
}
