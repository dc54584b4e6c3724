package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

// A version is of what the reader is shown: what is hidden from them changes without another one, and is neither
// in the way of their change nor undone by it.
func TestVersionsTellNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		other, yes := "Other", true
		_, err := s.d.Environments.Create(t.Context(), s.as("admin"),
			directory.EnvironmentPatch{Alias: &other, IsOrganization: &yes})
		require.NoError(t, err)
		bob := func(who string) domain.Version {
			u, err := s.d.Users.Get(t.Context(), s.as(who), directory.GetUser{User: domain.UserRef{Alias: "bob"}})
			require.NoError(t, err)
			return u.Version()
		}
		acme := func(who string) domain.Version {
			e, err := s.d.Environments.Get(t.Context(), s.as(who), "Acme")
			require.NoError(t, err)
			return e.Version()
		}
		change := func(who string, version domain.Version, patch directory.UserPatch) error {
			_, err := s.d.Users.Update(t.Context(), s.as(who),
				directory.UpdateUser{User: domain.UserRef{Alias: "bob"}, Version: version, UserPatch: patch})
			return err
		}

		adas, admins := bob("ada"), bob("admin")
		blocked := []domain.EnvironmentRef{"Other"}
		require.NoError(t, change("admin", admins, directory.UserPatch{Blocked: &blocked}))
		require.Equal(t, adas, bob("ada"), "ada is not shown Other")
		require.NotEqual(t, admins, bob("admin"))
		require.ErrorIs(t, change("admin", admins, directory.UserPatch{}), domain.ErrStale)
		none, phone := []domain.EnvironmentRef{}, "1"
		require.NoError(t, change("ada", adas, directory.UserPatch{Blocked: &none, Phone: &phone}))
		require.Len(t, s.find("bob").Blocked, 1, "what ada is not shown stays")
		require.ErrorIs(t, change("ada", adas, directory.UserPatch{Blocked: &none}), domain.ErrStale)

		adas, admins = acme("ada"), acme("admin")
		parent := domain.EnvironmentRef("Other")
		_, err = s.d.Environments.Update(t.Context(), s.as("admin"), directory.UpdateEnvironment{Environment: "Acme",
			EnvironmentPatch: directory.EnvironmentPatch{Parent: &parent}})
		require.NoError(t, err)
		require.Equal(t, adas, acme("ada"), "ada is not shown what is above Acme")
		require.NotEqual(t, admins, acme("admin"))
	})
}

// A place that is moved is the same place on the list of a user.
func TestVersionsAreNotOfPaths(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		acme := domain.EnvironmentRef("Acme")
		for _, alias := range []string{"From", "To"} {
			_, err := s.d.Environments.Create(t.Context(), s.as("ada"), directory.EnvironmentPatch{Alias: &alias, Parent: &acme})
			require.NoError(t, err)
		}
		allowed := []domain.EnvironmentRef{"From"}
		_, err := s.d.Users.Update(t.Context(), s.as("ada"), directory.UpdateUser{User: domain.UserRef{Alias: "bob"},
			UserPatch: directory.UserPatch{Allowed: &allowed}})
		require.NoError(t, err)
		read := func() domain.Version {
			u, err := s.d.Users.Get(t.Context(), s.as("ada"), directory.GetUser{User: domain.UserRef{Alias: "bob"}})
			require.NoError(t, err)
			return u.Version()
		}
		before := read()
		to := domain.EnvironmentRef("To")
		_, err = s.d.Environments.Update(t.Context(), s.as("ada"), directory.UpdateEnvironment{Environment: "From",
			EnvironmentPatch: directory.EnvironmentPatch{Parent: &to}})
		require.NoError(t, err)
		require.Equal(t, before, read())
	})
}
