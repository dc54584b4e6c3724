package domain

import (
	"errors"
	"strconv"
	"time"
)

// SignInRules are what an environment asks of the sign-ins of people in and below it. The zero value asks for nothing.
type SignInRules struct {
	// MinPassword is how many characters (code points) a password needs at least that somebody chooses for themselves,
	// MinPasswordWithFactor the same for who has a second factor; 0 says nothing. PasswordDays is after how many days a
	// password must be changed; 0 is never.
	MinPassword, MinPasswordWithFactor int
	PasswordDays                       int
	// People is the least proof that is demanded of people at home there, Admins of those among them with more than the
	// role user, and Above of whoever administers from elsewhere: with less they do not reach it.
	People, Admins, Above Proof
	// ProofAge is how old a proof may be for what is dangerous; 0 is as old as the session.
	ProofAge time.Duration
	// Grace is until when People and Admins are not demanded yet; zero is no time.
	Grace time.Time
	// ProgramsExempt says that People and Admins are not demanded of accounts of programs, which have API keys only.
	ProgramsExempt bool
}

// The bounds of sign-in rules. Nobody is asked for a longer password than MaxMinPassword, nor for a change of it after
// more than MaxPasswordDays.
const (
	MaxMinPassword  = 64
	MaxPasswordDays = 3650
	minProofAge     = time.Minute
	maxProofAge     = 30 * 24 * time.Hour
)

// DefaultSignInRules are those of the root of a new directory: 15 characters for a password that is the only proof,
// and 8 beside a second factor (NIST SP 800-63B-4, 3.1.1.2).
var DefaultSignInRules = SignInRules{MinPassword: 15, MinPasswordWithFactor: 8}

// Validate returns an Invalid error for each field that breaks a rule, joined.
func (r *SignInRules) Validate() error {
	var age error
	if r.ProofAge != 0 && (r.ProofAge < minProofAge || r.ProofAge > maxProofAge) {
		age = InvalidField("proof_age", "Give a time from one minute to 30 days, or 0 for none.")
	}
	return errors.Join(
		checkNumber("min_password", int64(r.MinPassword), MaxMinPassword, "Give a number of characters from 0 to %d."),
		checkNumber("min_password_with_factor", int64(r.MinPasswordWithFactor), MaxMinPassword,
			"Give a number of characters from 0 to %d."),
		checkNumber("password_days", int64(r.PasswordDays), MaxPasswordDays, "Give a number of days from 0 to %d."),
		checkProof("people", r.People), checkProof("admins", r.Admins), checkProof("above", r.Above), age,
	)
}

func checkProof(field string, p Proof) error {
	_, err := ParseProof(field, p.String())
	return err
}

// Fields returns what the audit trail keeps of the rules.
func (r *SignInRules) Fields() Fields {
	return Fields{
		{"min_password", strconv.Itoa(r.MinPassword)},
		{"min_password_with_factor", strconv.Itoa(r.MinPasswordWithFactor)},
		{"password_days", strconv.Itoa(r.PasswordDays)},
		{"people", r.People.String()}, {"admins", r.Admins.String()}, {"above", r.Above.String()},
		{"proof_age", r.ProofAge.String()},
		{"grace", moment(r.Grace)},
		{"programs_exempt", strconv.FormatBool(r.ProgramsExempt)},
	}
}

// Strictest returns what several environments ask together: of each rule the strictest. Rules whose grace has not
// passed at now demand nothing yet. Programs are exempt where all exempt them that demand anything.
func Strictest(now time.Time, rules ...SignInRules) SignInRules {
	var all SignInRules
	exempt := true
	for _, r := range rules {
		all.MinPassword = max(all.MinPassword, r.MinPassword)
		all.MinPasswordWithFactor = max(all.MinPasswordWithFactor, r.MinPasswordWithFactor)
		all.PasswordDays = least(all.PasswordDays, r.PasswordDays)
		all.ProofAge = least(all.ProofAge, r.ProofAge)
		all.Above = max(all.Above, r.Above)
		if now.Before(r.Grace) {
			continue
		}
		all.People, all.Admins = max(all.People, r.People), max(all.Admins, r.Admins)
		if r.People > ByPassword || r.Admins > ByPassword {
			exempt = exempt && r.ProgramsExempt
		}
	}
	all.ProgramsExempt = exempt && (all.People > ByPassword || all.Admins > ByPassword)
	return all
}

// least returns the smaller one of two numbers of which 0 is none.
func least[N int | time.Duration](a, b N) N {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// Demands returns the least proof that is demanded of an account of that role at home where the rules hold; program
// says that it is a program's.
func (r *SignInRules) Demands(role Role, program bool) Proof {
	switch {
	case program && r.ProgramsExempt:
		return ByPassword
	case role > RoleUser:
		return max(r.People, r.Admins)
	}
	return r.People
}

// MinLength returns how many characters a password needs at least that somebody with these factors chooses; 0 is none.
func (r *SignInRules) MinLength(f Factors) int {
	if f != 0 && r.MinPasswordWithFactor > 0 {
		return r.MinPasswordWithFactor
	}
	return r.MinPassword
}

// Errors about the strength of a sign-in.
var (
	// ErrFactorNeeded reports an account that is proved by less than it needs.
	ErrFactorNeeded = &Error{Kind: Unauthenticated, Code: "second_factor_required",
		Public: "This account needs a second factor: sign in on the pages of the server, or use a service account's key."}
	// ErrFactorMissing is ErrFactorNeeded for a session that can go on to prove more.
	ErrFactorMissing = &Error{Kind: Forbidden, Code: "second_factor_missing",
		Public: "Prove your second factor first."}
	// ErrProgram reports an attempt to sign in on the pages as a program.
	ErrProgram = &Error{Kind: Forbidden, Code: "program_account",
		Public: "This is a program's account, which signs in by API keys only."}
	// ErrProveAgain reports a proof that is too old for what was asked (RFC 9470).
	ErrProveAgain = &Error{Kind: Unauthenticated, Code: "step_up_required",
		Public: "Prove again who you are, for this needs a recent sign-in."}
)
