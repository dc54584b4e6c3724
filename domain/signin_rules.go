package domain

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SignInRules are what an environment asks of the sign-ins of people in and below it. The zero value asks for nothing.
type SignInRules struct {
	// MinPassword is how many characters (code points) a password needs at least that somebody chooses for themselves; 0
	// says nothing. MinPasswordWithFactor is the same for who has a second factor; 0 is as many as for others.
	// MinSetPassword is the same for one that an administrator sets for somebody; 0 leaves it to the server. PasswordDays
	// is after how many days a password must be changed; 0 is never.
	MinPassword, MinPasswordWithFactor int
	MinSetPassword                     int
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
	// FromAbove is how many levels above the environment they stand who set the rules from highest up: only who stands
	// there or above takes something back. 0 is nobody above it.
	FromAbove int
	// OnlyProvider says that people at home there sign in by a provider of their organization and by nothing else, but
	// for the accounts of BreakGlass: they sign in on the pages, and each time is told.
	OnlyProvider bool
	BreakGlass   BreakGlass
}

// MaxBreakGlass is how many accounts an environment may leave out.
const MaxBreakGlass = 5

// BreakGlass are accounts that are left out of SignInRules.OnlyProvider, in order; 0 is none.
type BreakGlass [MaxBreakGlass]UserID

// BreakGlassOf returns the accounts with those numbers, each once. It returns an Invalid error for too many.
func BreakGlassOf(users []UserID) (b BreakGlass, err error) {
	users = slices.Compact(slices.Sorted(slices.Values(users)))
	if len(users) > MaxBreakGlass {
		return b, InvalidField("break_glass", "Name at most %d accounts.", MaxBreakGlass)
	}
	copy(b[:], users)
	return b, nil
}

// ParseBreakGlass reads the numbers of accounts with commas between them; the empty text is none. It returns an Invalid
// error on the field for anything else.
func ParseBreakGlass(field, text string) (b BreakGlass, err error) {
	if text == "" {
		return b, nil
	}
	var users []UserID
	for name := range strings.SplitSeq(text, ",") {
		id, ok := ParseID[UserID](name)
		if !ok || len(users) == MaxBreakGlass {
			return b, InvalidField(field, "Give up to %d numbers of accounts, with commas between them.", MaxBreakGlass)
		}
		users = append(users, id)
	}
	return BreakGlassOf(users)
}

// String writes what ParseBreakGlass reads.
func (b *BreakGlass) String() string { return strings.ReplaceAll(numbers(b.Users()), " ", ",") }

// Users returns the accounts.
func (b *BreakGlass) Users() []UserID {
	return slices.DeleteFunc(slices.Clone(b[:]), func(u UserID) bool { return u == 0 })
}

// Has reports whether an account is among them.
func (b *BreakGlass) Has(u UserID) bool { return u != 0 && slices.Contains(b[:], u) }

// both returns the accounts that are in b and in other.
func (b *BreakGlass) both(other *BreakGlass) BreakGlass {
	shared, _ := BreakGlassOf(slices.DeleteFunc(b.Users(), func(u UserID) bool { return !other.Has(u) })) // not more
	return shared
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
		checkNumber("min_set_password", int64(r.MinSetPassword), MaxMinPassword,
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
		{"min_set_password", strconv.Itoa(r.MinSetPassword)},
		{"password_days", strconv.Itoa(r.PasswordDays)},
		{"people", r.People.String()}, {"admins", r.Admins.String()}, {"above", r.Above.String()},
		{"proof_age", r.ProofAge.String()},
		{"grace", moment(r.Grace)},
		{"programs_exempt", strconv.FormatBool(r.ProgramsExempt)},
		{"from_above", strconv.Itoa(r.FromAbove)},
		{"only_provider", strconv.FormatBool(r.OnlyProvider)},
		{"break_glass", numbers(r.BreakGlass.Users())},
	}
}

// Change sets r to rules of somebody who stands so many levels above the environment; below 0 is not on the way to it.
// It returns ErrRulesHeld, on the field, if they ask for less than r, which was set from higher up.
func (r *SignInRules) Change(to SignInRules, levels int, now time.Time) error {
	to.FromAbove = r.FromAbove
	if field := to.loosens(r, now); field == "" {
		to.FromAbove = max(r.FromAbove, levels)
	} else if r.FromAbove > 0 && levels < r.FromAbove {
		return ErrRulesHeld.On(field)
	} else {
		to.FromAbove = max(levels, 0)
	}
	if to == (SignInRules{FromAbove: to.FromAbove}) {
		to.FromAbove = 0
	}
	*r = to
	return nil
}

// Loosens reports whether r asks for less than rules before it, at some time from now on.
func (r *SignInRules) Loosens(before *SignInRules, now time.Time) bool {
	return r.loosens(before, now) != ""
}

// loosens returns the first field by which r asks for less than before, empty for none.
func (r *SignInRules) loosens(before *SignInRules, now time.Time) string {
	demanded := max(before.People, before.Admins) > ByPassword || before.OnlyProvider
	for _, check := range []struct {
		field  string
		looser bool
	}{
		{"min_password", r.MinLength(0) < before.MinLength(0)},
		{"min_password_with_factor", r.MinLength(CodeFactor) < before.MinLength(CodeFactor)},
		{"min_set_password", r.MinSetPassword < before.MinSetPassword},
		{"password_days", later(r.PasswordDays, before.PasswordDays)},
		{"people", r.People < before.People},
		{"admins", max(r.People, r.Admins) < max(before.People, before.Admins)},
		{"above", r.Above < before.Above},
		{"proof_age", later(r.ProofAge, before.ProofAge)},
		{"grace", demanded && r.Grace.After(now) && r.Grace.After(before.Grace)},
		{"programs_exempt", demanded && r.ProgramsExempt && !before.ProgramsExempt},
		{"only_provider", before.OnlyProvider && !r.OnlyProvider},
		{"break_glass", before.OnlyProvider && r.BreakGlass.both(&before.BreakGlass) != r.BreakGlass},
	} {
		if check.looser {
			return check.field
		}
	}
	return ""
}

// PlacedRules are the rules of the environment at Path.
type PlacedRules struct {
	Path EnvironmentPath
	SignInRules
}

// Together returns what rules of several environments ask together at now, as Strictest does.
func Together(now time.Time, placed []PlacedRules) SignInRules {
	rules := make([]SignInRules, len(placed))
	for i := range placed {
		rules[i] = placed[i].SignInRules
	}
	return Strictest(now, rules...)
}

// Announced is Together once all graces have passed.
func Announced(placed []PlacedRules) SignInRules {
	open := slices.Clone(placed)
	for i := range open {
		open[i].Grace = time.Time{}
	}
	return Together(time.Time{}, open)
}

// Laxer reports whether people are asked for less where the rules after hold than where those before do, at now or
// once something counts that is announced before.
func Laxer(now time.Time, before, after []PlacedRules) bool {
	from := []time.Time{now}
	for i := range before {
		if grace := before[i].Grace; grace.After(now) {
			from = append(from, grace)
		}
	}
	return slices.ContainsFunc(from, func(at time.Time) bool {
		b, a := Together(at, before), Together(at, after)
		return a.Loosens(&b, at)
	})
}

// later reports whether a is later than b, which is never if it is 0.
func later[N int | time.Duration](a, b N) bool { return b != 0 && (a == 0 || a > b) }

// Strictest returns what several environments ask together: of each rule the strictest. Rules whose grace has not
// passed at now demand nothing yet. Programs are exempt where all exempt them that demand anything, and accounts are
// left out where all leave them out that ask for a provider only.
func Strictest(now time.Time, rules ...SignInRules) SignInRules {
	var all SignInRules
	exempt := true
	for _, r := range rules {
		all.MinPassword = max(all.MinPassword, r.MinPassword)
		all.MinPasswordWithFactor = max(all.MinPasswordWithFactor, r.MinLength(CodeFactor))
		all.MinSetPassword = max(all.MinSetPassword, r.MinSetPassword)
		all.PasswordDays = least(all.PasswordDays, r.PasswordDays)
		all.ProofAge = least(all.ProofAge, r.ProofAge)
		all.Above = max(all.Above, r.Above)
		if now.Before(r.Grace) {
			continue
		}
		all.People, all.Admins = max(all.People, r.People), max(all.Admins, r.Admins)
		if r.demandsAny() {
			exempt = exempt && r.ProgramsExempt
		}
		if r.OnlyProvider && all.OnlyProvider {
			all.BreakGlass = all.BreakGlass.both(&r.BreakGlass)
		} else if r.OnlyProvider {
			all.OnlyProvider, all.BreakGlass = true, r.BreakGlass
		}
	}
	all.ProgramsExempt = exempt && all.demandsAny()
	return all
}

// demandsAny reports whether the rules demand anything that keeps somebody out.
func (r *SignInRules) demandsAny() bool {
	return r.People > ByPassword || r.Admins > ByPassword || r.OnlyProvider
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
	// ErrRulesHeld reports rules that were set from above and are to ask for less.
	ErrRulesHeld = &Error{Kind: Forbidden, Code: "sign_in_rules_held",
		Public: "This was set from above: only who stands there or higher can ask for less."}
	// ErrLaxer reports people who would be moved from where more is asked than their mover may change.
	ErrLaxer = &Error{Kind: Forbidden, Code: "laxer_place",
		Public: "Less is asked of sign-ins there: only who may change what is asked where they are now can move people away."}
	// ErrKeyWeakens reports an API key that asks for what makes sign-ins weaker.
	ErrKeyWeakens = &Error{Kind: Forbidden, Code: "key_proves_nobody",
		Public: "An API key proves nobody anew, so it cannot make sign-ins weaker: sign in for this."}
	// ErrOnlyProvider reports an account that was proved by something else than its organization's identity provider.
	ErrOnlyProvider = &Error{Kind: Unauthenticated, Code: "provider_required",
		Public: "This account signs in by its organization's identity provider only."}
	// ErrNoBreakGlass reports rules that would leave no way in where no provider answers.
	ErrNoBreakGlass = &Error{Kind: Invalid, Code: "invalid", Field: "break_glass",
		Public: "Name an account at home there that can sign in with a password or a passkey, for when no provider answers."}
	// ErrProveAgain reports a proof that is too old for what was asked (RFC 9470).
	ErrProveAgain = &Error{Kind: Unauthenticated, Code: "step_up_required",
		Public: "Prove again who you are, for this needs a recent sign-in."}
)
