package domain

import "time"

// AccessToken is what an access token says.
type AccessToken struct {
	Session SessionKey
	// Alias is the user's login name, and Environment where the token is used, at the time of issue.
	Alias       string
	Environment Environment
	// Key is the name of the key that signs it.
	Key string
	// Audience are the surfaces on which it is good. A token that is to be issued names none for all that read tokens.
	Audience []string
	// Client is the surface on which it was asked for.
	Client  string
	Expires time.Time // in whole seconds

	// Issuer, Issued and ID are said by whoever issues it: the server's address, when, and which token it is.
	Issuer string
	Issued time.Time
	ID     string
}

// VerifyingKey is the public half of a key that signs access tokens, by which everybody can check them.
type VerifyingKey struct {
	ID      string // as it is in the header of tokens
	Ed25519 []byte // RFC 8032
}
