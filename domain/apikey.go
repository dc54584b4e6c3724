package domain

import "time"

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
	LastUsed time.Time // about when a request came with it; zero is never
}

// MaxAPIKeys is how many API keys one user can have.
const MaxAPIKeys = 10

// Validate returns an Invalid error for a name that breaks a rule.
func (k *APIKey) Validate() error { return checkName("name", k.Name) }

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
