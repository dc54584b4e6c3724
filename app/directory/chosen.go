package directory

import (
	"context"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// OwnPasswords judge the passwords that people choose for themselves, by the rules of where they are at home, and those
// that administrators set for them, where the rules say so. What is made is not asked of it.
type OwnPasswords struct {
	gate      *tenancy.Gate
	rules     *tenancy.SignInRules
	passwords Passwords
	now       func() time.Time
}

// NewOwnPasswords returns the judge of passwords that people choose.
func NewOwnPasswords(gate *tenancy.Gate, rules *tenancy.SignInRules, passwords Passwords,
	now func() time.Time) *OwnPasswords {
	return &OwnPasswords{gate: gate, rules: rules, passwords: passwords, now: now}
}

// Judge returns the errors of Passwords.JudgeChosen for a password that the user, who has those factors, chooses.
func (o *OwnPasswords) Judge(ctx context.Context, u *domain.User, f domain.Factors, password string) error {
	all, err := o.all(ctx, u.HomePath)
	if err != nil {
		return err
	}
	return o.judge(ctx, u, all.MinLength(f), password)
}

// JudgeSet returns the errors of Passwords.JudgeChosen for a password that an administrator sets for the user, where an
// environment on the way to one of the places says how long those must be.
func (o *OwnPasswords) JudgeSet(ctx context.Context, u *domain.User, password string,
	places ...domain.EnvironmentPath) error {
	least := 0
	for _, place := range places {
		all, err := o.all(ctx, place)
		if err != nil {
			return err
		}
		least = max(least, all.MinSetPassword)
	}
	if least == 0 {
		return nil
	}
	return o.judge(ctx, u, least, password)
}

func (o *OwnPasswords) judge(ctx context.Context, u *domain.User, least int, password string) error {
	organization, err := o.gate.OrganizationAlias(ctx, u.Organization)
	if err != nil {
		return err
	}
	return o.passwords.JudgeChosen(domain.ChosenPassword{Text: password, Least: least,
		Words: u.GuessWords(organization)})
}

// all returns what the environments from the root down to home ask.
func (o *OwnPasswords) all(ctx context.Context, home domain.EnvironmentPath) (domain.SignInRules, error) {
	rules, err := o.rules.Latest(ctx, home)
	if err != nil {
		return domain.SignInRules{}, err
	}
	return domain.Strictest(o.now(), rules...), nil
}
