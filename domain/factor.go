package domain

import (
	"slices"
	"time"
)

// Proof is how strongly somebody has proved to be who they say. Proofs are ordered.
type Proof uint8

// The proofs, from the weakest to the strongest.
const (
	ByPassword Proof = iota // by a password, or an API key
	ByCode                  // by a one-time code besides, or a recovery code in its place
	ByPasskey               // by a passkey whose authenticator verified the user
)

// Proofs lists all proofs, from the weakest to the strongest.
var Proofs = []Proof{ByPassword, ByCode, ByPasskey}

var proofNames = [...]string{"none", "otp", "passkey"}

// String returns the name of a proof, as rules demand it: "none", "otp" or "passkey".
func (p Proof) String() string {
	if int(p) < len(proofNames) {
		return proofNames[p]
	}
	return "unknown"
}

// ParseProof reads what String writes. It returns an Invalid error on field for anything else.
func ParseProof(field, text string) (Proof, error) {
	if i := slices.Index(proofNames[:], text); i >= 0 {
		return Proof(i), nil
	}
	return 0, InvalidField(field, "Give one of none, otp and passkey.")
}

// Factors is the set of kinds of confirmed factors that a user has.
type Factors uint8

// The kinds of factors.
const (
	CodeFactor    Factors = 1 << iota // one-time codes (RFC 6238)
	PasskeyFactor                     // passkeys (WebAuthn)
)

// Strongest returns the strongest proof that somebody with these factors can give.
func (f Factors) Strongest() Proof {
	switch {
	case f&PasskeyFactor != 0:
		return ByPasskey
	case f&CodeFactor != 0:
		return ByCode
	}
	return ByPassword
}

// Proved is what somebody has proved in a request or session: how strongly, by which factor, which is empty for none,
// and when.
type Proved struct {
	Proof  Proof
	Factor UUID
	At     time.Time
}
