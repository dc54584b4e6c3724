package domain

import "time"

// SecretPurpose says what a one-time secret is good for. A secret of one purpose proves
// nothing for another.
type SecretPurpose string

// The purposes.
const (
	VerifyAddress SecretPurpose = "verify" // proves the mail address of a sign-up
	ResetPassword SecretPurpose = "reset"  // lets somebody choose another password
	ChangeAddress SecretPurpose = "change" // proves the mail address an account is to have
	AcceptInvite  SecretPurpose = "invite" // opens an account that was made for somebody
)

// SecretPurposes lists all purposes.
var SecretPurposes = []SecretPurpose{VerifyAddress, ResetPassword, ChangeAddress, AcceptInvite}

// Fits reports whether a secret of that purpose is good for anything at now with an account of
// that standing: whether one may be given out, and taken. Nothing opens an account that was
// closed but who closed it.
func (p SecretPurpose) Fits(s *Standing, now time.Time) bool {
	if s.Closed(now) {
		return false
	}
	switch p {
	case VerifyAddress:
		return s.State == Unverified
	case AcceptInvite:
		return s.State == Invited
	case ResetPassword, ChangeAddress:
		return s.State == Approved
	}
	return false
}

// MaxSecrets is how many secrets of one purpose an account has at once; a further one
// takes the place of the oldest.
const MaxSecrets = 3

// Secret is a one-time secret of an account, bound to the purpose, the account and the
// mail address it was sent to. It is stored hashed.
type Secret struct {
	Purpose SecretPurpose
	Text    SecretText // empty when read
	Address string     // the mail address it was sent to
	Expires time.Time
	// Approves means that who proves the address needs no further approval.
	Approves bool
}

// SecretText is the text of a one-time secret. It does not print.
type SecretText string

// String hides the secret, in logs above all.
func (SecretText) String() string { return "[secret]" }

// GoString hides the secret too.
func (s SecretText) GoString() string { return s.String() }

// Presented is a secret that somebody presents, good for one of the purposes.
type Presented struct {
	Text     SecretText
	Purposes []SecretPurpose
}

// ErrSecret reports a one-time secret that does not fit: wrong, used, expired, for another
// purpose, account or address. It does not tell which.
var ErrSecret = &Error{Kind: Invalid, Code: "secret_invalid", Field: "secret",
	Public: "This link or code is not valid; it may have been used or have expired."}
