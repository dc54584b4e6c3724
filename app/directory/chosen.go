package directory

import (
	"context"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// OwnPasswords judge the passwords that people choose for themselves, by the rules of where they are at home. What
// others give them, and what is made, is not asked of it.
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
	least, err := o.least(ctx, u.HomePath, f)
	if err != nil {
		return err
	}
	organization, err := o.gate.OrganizationAlias(ctx, u.Organization)
	if err != nil {
		return err
	}
	return o.passwords.JudgeChosen(domain.ChosenPassword{Text: password, Least: least,
		Words: u.GuessWords(organization)})
}

// least returns how many characters the environments from the root down to home ask for, 0 if none asks.
func (o *OwnPasswords) least(ctx context.Context, home domain.EnvironmentPath, f domain.Factors) (int, error) {
	rules, err := o.rules.Latest(ctx, home)
	if err != nil {
		return 0, err
	}
	all := domain.Strictest(o.now(), rules...)
	return all.MinLength(f), nil
}
