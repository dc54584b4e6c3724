package authn

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha512"
	"errors"
	"hash"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"canopy/domain"
)

// tokenType is the type of tokens in their header (RFC 9068, 2.1): nothing else that a key signs can be taken for one.
const tokenType = "at+jwt"

// kidPrefix stands before the name of a key in the header of a token that is signed with Ed25519 (RFC 8037). A name
// alone is that of a key of HMAC with SHA-512, with which tokens were signed before.
const kidPrefix = "ed25519-"

func kidOf(key string) string { return kidPrefix + key }

// signingKeyLength is that of the name of a key.
const signingKeyLength = 16

// keyNamed returns the name of the key that a token's header gives, empty if it gives none, and whether it is one of
// those that sign now.
func keyNamed(token *jwt.Token) (name string, signs bool) {
	kid, _ := token.Header["kid"].(string)
	if name, signs = strings.CutPrefix(kid, kidPrefix); len(name) != signingKeyLength {
		return "", signs
	}
	return name, signs
}

// What is wrong with the header of a token that cannot be ours.
var (
	errNoKey     = errors.New("not the name of a key")
	errNoType    = errors.New("not the type of an access token")
	errAlgorithm = errors.New("not the algorithm of the key")
)

// verifyingKey returns what the signature of a token is checked with. The algorithm is that of the key's kind,
// whatever the token says. Every name has a key, so that a name nobody knows costs no look-up; whether the key is good
// is asked together with the session.
func (t *Tokens) verifyingKey(token *jwt.Token) (any, error) {
	name, signs := keyNamed(token)
	switch {
	case name == "":
		return nil, errNoKey
	case !signs:
		if token.Method != jwt.SigningMethodHS512 {
			return nil, errAlgorithm
		}
		return derive(sha512.New, t.root, "signing key "+name, 64), nil
	case token.Method != jwt.SigningMethodEdDSA:
		return nil, errAlgorithm
	case token.Header["typ"] != tokenType:
		return nil, errNoType
	}
	return t.privateKey(name).Public(), nil
}

// privateKey returns the key with that name.
func (t *Tokens) privateKey(name string) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(derive(sha512.New, t.root, "ed25519 seed "+name, ed25519.SeedSize))
}

// namedKey is a private key with its name.
type namedKey struct {
	name string
	key  ed25519.PrivateKey
}

// signingKey returns the key with that name, with which most tokens are signed: it is made anew only if it is not that
// of the last time.
func (t *Tokens) signingKey(name string) ed25519.PrivateKey {
	last := t.last.Load()
	if last == nil || last.name != name {
		last = &namedKey{name, t.privateKey(name)}
		t.last.Store(last)
	}
	return last.key
}

// Public returns the public half of the key with that name.
func (t *Tokens) Public(name string) domain.VerifyingKey {
	public := t.privateKey(name).Public().(ed25519.PublicKey)
	return domain.VerifyingKey{ID: kidOf(name), Ed25519: public}
}

func derive[H hash.Hash](of func() H, key []byte, purpose string, length int) []byte {
	derived, err := hkdf.Key(of, key, nil, "canopy "+purpose, length)
	if err != nil {
		panic(err) // for absurd lengths only
	}
	return derived
}
