package domain

import (
	"cmp"
	"time"
)

// RegistrationCode lets newcomers into an organization without further approval. Its text
// is made by Canopy.
type RegistrationCode struct {
	Organization OrganizationID
	Code         SecretText
	Created      time.Time
	CreatedBy    string    // the alias of who made it
	Expires      time.Time // zero is never
	MaxUsers     int64     // how many it lets in; 0 is any number
	Used         int64     // how many it has let in
	Enabled      bool
}

// maxUsers bounds MaxUsers.
const maxUsers = 1_000_000

// Open reports whether the code lets somebody in at now.
func (c *RegistrationCode) Open(now time.Time) bool {
	return c.Enabled && (c.Expires.IsZero() || now.Before(c.Expires)) && (c.MaxUsers == 0 || c.Used < c.MaxUsers)
}

// SetLeft makes the code let n more in. It returns Invalid for none of a code that has let nobody in,
// which is one that is not enabled.
func (c *RegistrationCode) SetLeft(n int64) error {
	if n < 0 || n > maxUsers || c.Used+n == 0 {
		return InvalidField("left", "Give a number from 1 to %d.", maxUsers)
	}
	c.MaxUsers = c.Used + n
	return nil
}

// Validate returns an Invalid error for the first field that breaks a rule.
func (c *RegistrationCode) Validate() error {
	if c.MaxUsers < 0 || c.MaxUsers > maxUsers {
		return InvalidField("max_users", "Give a number from 0 to %d.", maxUsers)
	}
	if c.MaxUsers > 0 && c.MaxUsers < c.Used {
		return InvalidField("max_users", "The code has let in %d users already.", c.Used)
	}
	return nil
}

// Fields returns what the audit trail keeps of a registration code; its text is secret.
func (c *RegistrationCode) Fields() Fields {
	return Fields{
		{"expiry", moment(c.Expires)},
		{"max_users", number(c.MaxUsers)},
		{"enabled", flag(c.Enabled)},
	}
}

// ClaimedMail returns the mail address in whose name an unverified account keeps its login name.
func (u *User) ClaimedMail() string { return cmp.Or(u.Person.Mail, u.Claims) }

// Claim makes u, which is not verified, keep its login name and nothing else.
func (u *User) Claim() {
	u.Claims = u.ClaimedMail()
	u.Person.Mail = ""
}

// Errors about signing up.
var (
	ErrSignUpClosed = &Error{Kind: Forbidden, Code: "sign_up_closed",
		Public: "This directory does not take registrations without a code."}
	ErrRegistrationCode = &Error{Kind: Invalid, Code: "registration_code_invalid", Field: "token",
		Public: "This registration code is not valid."}
	ErrRegistrationCodeNotFound = &Error{Kind: NotFound, Code: "registration_code_not_found", Field: "token",
		Public: "This registration code does not exist."}
	ErrRegistrationCodeTaken = &Error{Kind: Conflict, Code: "registration_code_taken", Field: "code",
		Public: "This registration code is another organization's already."}
	ErrNotFirst   = &Error{Kind: Conflict, Code: "not_first", Public: "The directory has users already."}
	ErrNotWaiting = &Error{Kind: Conflict, Code: "not_waiting", Field: "state",
		Public: "This account does not wait for approval."}
	ErrNoMail = &Error{Kind: Conflict, Code: "no_mail", Field: "person.mail",
		Public: "Give this account a mail address first."}
)
