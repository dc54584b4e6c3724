package domain

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Less of any rule is less, whatever else is more, and more of any is not.
func TestRulesThatAskForLess(t *testing.T) {
	now := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	before := SignInRules{MinPassword: 15, MinPasswordWithFactor: 8, MinSetPassword: 10, PasswordDays: 90, People: ByCode,
		Admins: ByPasskey, Above: ByCode, ProofAge: time.Hour, ProgramsExempt: false, OnlyProvider: true,
		BreakGlass: BreakGlass{7, 9}}
	for field, change := range map[string][2]func(*SignInRules){ // less and more
		"min_password": {func(r *SignInRules) { r.MinPassword = 14 }, func(r *SignInRules) { r.MinPassword = 16 }},
		"min_password_with_factor": {func(r *SignInRules) { r.MinPasswordWithFactor = 7 },
			func(r *SignInRules) { r.MinPasswordWithFactor = 0 }}, // as many as without one
		"min_set_password": {func(r *SignInRules) { r.MinSetPassword = 0 }, func(r *SignInRules) { r.MinSetPassword = 11 }},
		"password_days":    {func(r *SignInRules) { r.PasswordDays = 0 }, func(r *SignInRules) { r.PasswordDays = 89 }},
		"people":           {func(r *SignInRules) { r.People = ByPassword }, func(r *SignInRules) { r.People = ByPasskey }},
		"admins": {func(r *SignInRules) { r.Admins = ByCode },
			func(r *SignInRules) { r.People, r.Admins = ByPasskey, ByPassword }}, // who is people too
		"above":     {func(r *SignInRules) { r.Above = ByPassword }, func(r *SignInRules) { r.Above = ByPasskey }},
		"proof_age": {func(r *SignInRules) { r.ProofAge = 0 }, func(r *SignInRules) { r.ProofAge = time.Minute }},
		"grace": {func(r *SignInRules) { r.Grace = now.Add(time.Hour) },
			func(r *SignInRules) { r.Grace = now.Add(-time.Hour) }},
		"programs_exempt": {func(r *SignInRules) { r.ProgramsExempt = true }, func(*SignInRules) {}},
		"only_provider":   {func(r *SignInRules) { r.OnlyProvider = false }, func(*SignInRules) {}},
		"break_glass": {func(r *SignInRules) { r.BreakGlass = BreakGlass{7, 8} },
			func(r *SignInRules) { r.BreakGlass = BreakGlass{9} }},
	} {
		less, more := before, before
		change[0](&less)
		change[1](&more)
		require.Equal(t, field, less.loosens(&before, now))
		require.Empty(t, more.loosens(&before, now), field)
	}
	announced := SignInRules{People: ByCode, Grace: now.Add(time.Hour)}
	require.Empty(t, announced.loosens(&SignInRules{}, now), "nothing was demanded")
	later := announced
	later.Grace = now.Add(2 * time.Hour)
	require.Equal(t, "grace", later.loosens(&announced, now))
}

// What was set from above is taken back from there or higher only; below it is made stricter.
func TestRulesAreHeldFromAbove(t *testing.T) {
	now := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	var rules SignInRules
	change := func(least, levels int) error { return rules.Change(SignInRules{MinPassword: least}, levels, now) }
	held := func(least, levels int) {
		t.Helper()
		require.Equal(t, SignInRules{MinPassword: least, FromAbove: levels}, rules)
	}
	require.NoError(t, change(12, 0))
	require.NoError(t, change(10, -1), "nobody above set it")
	held(10, 0)
	require.NoError(t, change(15, 2))
	for _, levels := range []int{1, 0, -1} {
		require.ErrorIs(t, change(14, levels), ErrRulesHeld)
		held(15, 2)
	}
	require.NoError(t, change(20, 0), "stricter")
	held(20, 2)
	require.NoError(t, change(12, 3), "higher")
	held(12, 3)
	require.ErrorIs(t, change(11, 2), ErrRulesHeld)
	require.NoError(t, change(0, 3))
	held(0, 0)
}

// A branch cannot ask those who have a second factor for a shorter password than the places above it do.
func TestStrictestOfLengths(t *testing.T) {
	all := Strictest(time.Time{}, SignInRules{MinPassword: 20}, SignInRules{MinPassword: 4, MinPasswordWithFactor: 1,
		MinSetPassword: 9}, SignInRules{MinSetPassword: 7})
	require.Equal(t, 20, all.MinLength(CodeFactor))
	require.Equal(t, 9, all.MinSetPassword)
}
