package directory

import (
	"context"

	"canopy/domain"
	"canopy/tenancy"
)

// JudgeChosen returns the errors of Passwords.JudgeChosen for a password that the user chooses for themselves, by the
// rules of their home. factors are those that the user has. A password that others set or that is made is not asked
// for here.
func JudgeChosen(ctx context.Context, gate *tenancy.Gate, passwords Passwords, u *domain.User, password string) error {
	organization, err := gate.OrganizationAlias(ctx, u.Organization, u.HomePath)
	if err != nil {
		return err
	}
	return passwords.JudgeChosen(domain.ChosenPassword{Text: password, Words: u.GuessWords(organization)})
}
