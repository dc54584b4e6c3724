package directory

import (
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// TestSameRights holds that what was decided by somebody's rights is not done when they have
// others meanwhile.
func TestSameRights(t *testing.T) {
	before := domain.User{Alias: "tat.system.x", Role: domain.RoleUser, Groups: []domain.GroupID{5, 2}}
	for name, c := range map[string]struct {
		change func(*domain.User)
		want   error
	}{
		"nothing":       {func(*domain.User) {}, nil},
		"the mail":      {func(u *domain.User) { u.Person.Mail = "x@example.org" }, nil},
		"the alias":     {func(u *domain.User) { u.Alias = "else" }, domain.ErrChanged},
		"the role":      {func(u *domain.User) { u.Role = domain.RolePower }, domain.ErrChanged},
		"a group more":  {func(u *domain.User) { u.Groups = append(u.Groups, 3) }, domain.ErrChanged},
		"another group": {func(u *domain.User) { u.Groups[1] = 3 }, domain.ErrChanged},
		"the check":     {func(u *domain.User) { u.Active = true }, domain.ErrSystem},
	} {
		now := before.Clone()
		holds := sameRights(&before, func(u *domain.User) error {
			if u.Active {
				return domain.ErrSystem
			}
			return nil
		})
		c.change(&now)
		if err := holds(&now); c.want == nil {
			require.NoError(t, err, name)
		} else {
			require.ErrorIs(t, err, c.want, name)
		}
	}
}
