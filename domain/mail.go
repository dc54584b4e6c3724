package domain

import (
	"strings"
	"time"
)

// Mail is one message to one address, in plain text.
type Mail struct {
	// Kind is the name of the letter, for the metrics and the log.
	Kind    string
	To      string
	Subject string
	Text    string
	// User is whose account the mail is about.
	User UserKey
}

// LetterKind is what a mail tells.
type LetterKind string

// The letters.
const (
	LetterVerify      LetterKind = "verify"       // follow the link to prove the address
	LetterMailTaken   LetterKind = "mail_taken"   // somebody registered an address that has an account
	LetterAliasTaken  LetterKind = "alias_taken"  // the login name of a registration is in use
	LetterWaiting     LetterKind = "waiting"      // to those who approve: somebody waits
	LetterWelcome     LetterKind = "welcome"      // the account can be used
	LetterRejected    LetterKind = "rejected"     // the account will not be
	LetterForgot      LetterKind = "forgot"       // follow the link to choose another password
	LetterPassword    LetterKind = "password"     // a password that was made for the account
	LetterChanged     LetterKind = "changed"      // the password was changed
	LetterAddress     LetterKind = "address"      // follow the link to have mail sent here
	LetterAddressLeft LetterKind = "address_left" // to the address before: it was changed
	LetterInvite      LetterKind = "invite"       // follow the link to accept an account

	LetterFactorAdded   LetterKind = "factor_added"   // a second factor was added
	LetterFactorRemoved LetterKind = "factor_removed" // a second factor was removed
	LetterRecoveryMade  LetterKind = "recovery_made"  // there are other recovery codes
	LetterRecoveryUsed  LetterKind = "recovery_used"  // one of the recovery codes was used
	LetterBreakGlass    LetterKind = "break_glass"    // to administrators: an account that is left out signed in
	LetterEmergencyLost LetterKind = "emergency_lost" // to administrators: such an account can no longer sign in
	LetterCodesGuessed  LetterKind = "codes_guessed"  // somebody who has the password tries codes
	LetterFactorAsked   LetterKind = "factor_asked"   // a second factor will be demanded
	LetterNewDevice     LetterKind = "new_device"     // a session was begun from elsewhere or with something else

	LetterLinked   LetterKind = "linked"   // somebody at an identity provider is let in to the account
	LetterUnlinked LetterKind = "unlinked" // and is not any more
)

// LetterKinds lists all letters.
var LetterKinds = []LetterKind{LetterVerify, LetterMailTaken, LetterAliasTaken, LetterWaiting, LetterWelcome,
	LetterRejected,
	LetterForgot, LetterPassword, LetterChanged, LetterAddress, LetterAddressLeft, LetterInvite,
	LetterFactorAdded, LetterFactorRemoved, LetterRecoveryMade, LetterRecoveryUsed, LetterCodesGuessed,
	LetterFactorAsked, LetterNewDevice, LetterLinked, LetterUnlinked, LetterBreakGlass,
	LetterEmergencyLost}

// Letter is what a mail is written from. Nothing of it was written by somebody whose
// address is not proven, except Note.
type Letter struct {
	Kind     LetterKind
	Language string // of the reader
	Site     string // the address of this directory
	Link     string
	Code     SecretText    // the secret by itself, where there is no link
	Valid    time.Duration // of the link or code
	Login    string        // the reader's login name; empty where it is not to be named
	Password SecretText
	Number   int64 // of the account that waits, or how many recovery codes are left
	// Passkey says that a passkey will be demanded, and nothing less.
	Passkey bool
	// At is when somebody signed in, or from when on something is demanded. From is the network they signed in from,
	// empty for one that is no address, and Browser and System what with, both empty where that is not known.
	At              time.Time
	From            string
	Browser, System string
	// Subject and Note, where they are not empty, take the place of the letter's own
	// subject and text. They are cleaned.
	Subject, Note string
}

// MailState says how far a mail of the outbox has come.
type MailState uint8

// The states of a mail.
const (
	MailWaiting MailState = iota
	MailSent
	MailFailed // given up
)

// MailKept is how long it can be seen what became of a mail.
const MailKept = 30 * 24 * time.Hour

// OutgoingMail is a mail that one worker has claimed. Nobody else has it until the claim
// ends.
type OutgoingMail struct {
	Mail
	Organization OrganizationID
	ID           UUID
	Attempts     int64 // with this one
	Created      time.Time
	Claimed      string // who claimed it
}

// MailMatches reports whether two mail addresses are the same mailbox to the directory.
func MailMatches(a, b string) bool { return Fold(a) == Fold(b) }

// CheckMail returns an Invalid error unless address is a bare mail address.
func CheckMail(address string) error {
	if strings.TrimSpace(address) == "" {
		return InvalidField("person.mail", "A mail address is required.")
	}
	return checkMail(address)
}
