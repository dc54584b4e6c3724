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

// FactorsOf returns the sets of kinds of which the strongest proof is p.
func FactorsOf(p Proof) []Factors {
	var all []Factors
	for f := range CodeFactor | PasskeyFactor + 1 {
		if f.Strongest() == p {
			all = append(all, f)
		}
	}
	return all
}

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

// String returns the name of one kind, that of the proof it gives: "otp" or "passkey".
func (f Factors) String() string {
	switch f {
	case CodeFactor:
		return ByCode.String()
	case PasskeyFactor:
		return ByPasskey.String()
	}
	return "unknown"
}

// Factor is what a user proves themselves by beside a password.
type Factor struct {
	UserKey
	ID   UUID
	Kind Factors // one of the kinds
	Name string  // what its user calls it
	// Secret is the secret of one-time codes in base32, or the credential of a passkey. It is empty where it was not
	// asked for.
	Secret SecretText
	// Step is the last time step whose code was taken, or a passkey's signature count.
	Step int64
	// Confirmed means that the user has proved to have it. One that is not confirmed does not count.
	Confirmed         bool
	Created, LastUsed time.Time // LastUsed is zero for never
}

// Validate returns an Invalid error for a name that breaks a rule.
func (f *Factor) Validate() error { return checkName("name", f.Name) }

// Ticket is the kind of what a browser holds while its user proves a passkey. It is made and read as what it holds of a
// session.
type Ticket = SessionKind

// The kinds of what a client holds while it makes or proves a passkey, beside those of sessions.
const (
	PasskeyOffer  Ticket = 16 + iota // to make one
	PasskeyProof                     // to prove one in a session
	PasskeySignIn                    // to sign in by one
)

// PasskeyWithin is how long somebody may take to make or prove a passkey.
const PasskeyWithin = 10 * time.Minute

// MaxFactors is how many factors one user may have.
const MaxFactors = 10

// OfferedFor is how long a factor that is not confirmed can be.
const OfferedFor = 15 * time.Minute

// Errors about factors.
var (
	ErrFactorNotFound = &Error{Kind: NotFound, Code: "factor_not_found", Field: "factor",
		Public: "There is no such factor."}
	ErrTooManyFactors = &Error{Kind: Conflict, Code: "factors_too_many", Field: "factor",
		Public: "There are too many factors; remove one first."}
	ErrBadCode = &Error{Kind: Forbidden, Code: "bad_code", Field: "code",
		Public: "This code is wrong, too old, or was used already."}
	ErrBadPasskey = &Error{Kind: Forbidden, Code: "bad_passkey", Field: "passkey",
		Public: "The passkey was not accepted; try again."}
	// ErrNoPasskeys reports a server that has no name to which passkeys could be bound.
	ErrNoPasskeys = &Error{Kind: Conflict, Code: "passkeys_impossible", Field: "passkey",
		Public: "Passkeys are not possible here: the server's --public-url has no name."}
	ErrNoFactor = &Error{Kind: Conflict, Code: "factor_missing", Field: "factor",
		Public: "Add a second factor first."}
)
