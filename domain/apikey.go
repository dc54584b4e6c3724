package domain

import (
	"strings"
	"time"
)

// APIKeyRef is where an API key is stored.
type APIKeyRef struct {
	UserKey
	ID UUID
}

// APIKey lets a program act as a user for as long as it is not revoked.
type APIKey struct {
	APIKeyRef
	Name string // what its user calls it
	// Text is what a client sends. It is empty where it was not asked for.
	Text     SecretText
	Created  time.Time
	Expires  time.Time // from then on it is not good; zero is never
	Narrowed Narrowing // what a program that has it is narrowed to
	LastUsed time.Time // about when a request came with it; zero is never
}

// apiKeyLength is that of the texts of keys that we make: letters and digits of base32, in capitals.
const apiKeyLength = 52

// IsAPIKey reports whether a text has the form of those of API keys, which no token has.
func IsAPIKey(text string) bool {
	return len(text) == apiKeyLength && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// Validate returns an Invalid error for a name that breaks a rule, and for a key that has expired when
// it is made.
func (k *APIKey) Validate() error {
	if !k.Expires.IsZero() && !k.Expires.After(k.Created) {
		return InvalidField("expires", "Give a time in the future.")
	}
	return checkName("name", k.Name)
}

// Expired reports whether the key is no longer good at now.
func (k *APIKey) Expired(now time.Time) bool { return !k.Expires.IsZero() && !now.Before(k.Expires) }

// Plain reports whether the key is good for ever and for everything its user may do.
func (k *APIKey) Plain() bool { return k.Expires.IsZero() && k.Narrowed == (Narrowing{}) }

// Errors about API keys.
var (
	ErrAPIKeyNotFound = &Error{Kind: NotFound, Code: "api_key_not_found", Field: "key",
		Public: "This API key does not exist."}
	ErrTooManyAPIKeys = &Error{Kind: Conflict, Code: "api_keys_too_many", Field: "key",
		Public: "There are too many API keys; revoke one first."}
	ErrAPIKeyTaken = &Error{Kind: Conflict, Code: "api_key_taken", Field: "key",
		Public: "This API key is another one's already."}
	ErrBadAPIKey = &Error{Kind: Unauthenticated, Code: "bad_api_key",
		Public: "The API key is wrong, or its user's name or password does not go with it."}
)
