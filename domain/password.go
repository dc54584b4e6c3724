package domain

import "strings"

// ChosenPassword is a password that somebody chooses for an account of their own.
type ChosenPassword struct {
	Text string
	// Least is how many characters the environments above the account ask for; 0 if none asks for any, and then
	// the password may also be a common one.
	Least int
	// Words are what others would guess it from: the names of the account and of what it belongs to.
	Words []string
}

// What is wrong with a password that somebody chooses.
var (
	ErrPasswordCommon = &Error{Kind: Invalid, Code: "password_common", Field: "password",
		Public: "This is one of the passwords that are guessed first. Choose several words, or use a password manager."}
	ErrPasswordNames = &Error{Kind: Invalid, Code: "password_names", Field: "password",
		Public: "This password is made of names that others know. Choose one that has nothing to do with the account."}
	ErrPasswordBreached = &Error{Kind: Invalid, Code: "password_breached", Field: "password",
		Public: "This password is known from a breach of some service. Choose one that was never used anywhere."}
)

// GuessWords returns the words that others would guess the user's password from: those of their login name, names
// and mail address, of the organization with that alias, and the product's. Some may be empty.
func (u *User) GuessWords(organization string) []string {
	local, _, _ := strings.Cut(u.Person.Mail, "@")
	return []string{u.Alias, u.Person.FirstName, u.Person.LastName, local, organization, "canopy"}
}
