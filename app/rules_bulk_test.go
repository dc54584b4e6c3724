package app_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

// everybody is the list of all in Acme and below.
var everybody = directory.ListUsers{Environment: "Acme"}

// A change of a list is made of all or of none, under the rules of a change of one.
func TestAListIsChangedWhole(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		s.add("admin", "cleo", domain.RoleUser, domain.UserGroup)
		s.add("admin", "strong", domain.RoleOAdmin, domain.AdminGroup)
		language, power, oadmin, no := "Fr", domain.RolePower, domain.RoleOAdmin, false
		update := func(who string, in directory.UpdateUsers) (directory.UsersUpdated, error) {
			in.List = everybody
			return s.d.Users.UpdateAll(t.Context(), s.as(who), in)
		}

		three := int64(3)
		_, err := update("ada", directory.UpdateUsers{Language: &language, Expect: &three})
		require.ErrorIs(t, err, domain.ErrChanged, "there are four")
		require.ErrorContains(t, err, "There are 4 people on this list, not 3.")
		four := int64(4)
		done, err := update("ada", directory.UpdateUsers{Language: &language, Expect: &four})
		require.NoError(t, err)
		require.Equal(t, directory.UsersUpdated{Changed: 3, Unchanged: 1}, done)
		require.Equal(t, "Fr", s.find("bob").Language)
		require.Empty(t, s.find("ada").Language, "one's own account is left as it is")
		done, err = update("ada", directory.UpdateUsers{Language: &language})
		require.NoError(t, err)
		require.Equal(t, directory.UsersUpdated{Unchanged: 4}, done, "nothing is changed again")

		s.add("admin", "pat", domain.RolePower, domain.AdminGroup)
		before := storetest.Dump(t, db)
		language = "De"
		_, err = update("pat", directory.UpdateUsers{Language: &language})
		require.ErrorIs(t, err, domain.ErrHasMore, "ada and strong have more than pat")
		require.ErrorContains(t, err, "ada: ")
		var refused *directory.RefusedUsers
		require.ErrorAs(t, err, &refused)
		require.Equal(t, 2, refused.N)
		for i, alias := range []string{"ada", "strong"} {
			require.Equal(t, alias, refused.First[i].User.Alias)
			require.ErrorIs(t, refused.First[i].Why, domain.ErrHasMore)
		}
		_, err = update("pat", directory.UpdateUsers{Role: &oadmin})
		require.ErrorIs(t, err, domain.ErrClimbing)
		_, err = update("bob", directory.UpdateUsers{Language: &language})
		require.ErrorIs(t, err, domain.ErrForbidden)
		_, err = update("pat", directory.UpdateUsers{Action: directory.DeleteUsers})
		require.ErrorIs(t, err, domain.ErrHasMore)
		_, err = s.d.Users.UpdateAll(t.Context(), s.as("admin"), directory.UpdateUsers{Action: directory.DeleteUsers,
			List: directory.ListUsers{Environment: "/", Alone: true}})
		require.NoError(t, err, "admin alone is there, and left")
		root := domain.EnvironmentRef("/")
		_, err = update("ada", directory.UpdateUsers{Home: &root})
		require.ErrorIs(t, err, domain.ErrEnvironmentNotFound, "ada does not reach it")
		_, err = update("admin", directory.UpdateUsers{Home: &root})
		require.Error(t, err, "nobody leaves the organization")
		require.Equal(t, before, storetest.Dump(t, db), "nothing is changed of what was refused")

		done, err = update("ada", directory.UpdateUsers{Role: &power, Active: &no})
		require.NoError(t, err)
		require.Equal(t, directory.UsersUpdated{Changed: 4, Unchanged: 1}, done)
		require.Equal(t, domain.RolePower, s.find("strong").Role)
		require.False(t, s.find("pat").Active)
		done, err = update("ada", directory.UpdateUsers{Action: directory.DeleteUsers})
		require.NoError(t, err)
		require.Equal(t, directory.UsersUpdated{Changed: 4, Unchanged: 1}, done)
	})
}

// Groups are added behind those that there are and taken away; who is in none is in that of their role.
func TestAListJoinsAndLeavesGroups(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		editors, err := s.group("ada", "Editors", 0)
		require.NoError(t, err)
		update := func(in directory.UpdateUsers) error {
			in.List = directory.ListUsers{Environment: "Acme", Filter: domain.UserFilter{Role: domain.RoleUser}}
			_, err := s.d.Users.UpdateAll(t.Context(), s.as("ada"), in)
			return err
		}
		require.NoError(t, update(directory.UpdateUsers{Join: []domain.GroupRef{"Editors"}}))
		require.Equal(t, []domain.GroupID{domain.UserGroup, editors.ID}, s.find("bob").Groups)
		require.NoError(t, update(directory.UpdateUsers{Leave: []domain.GroupRef{"User"}}))
		require.Equal(t, []domain.GroupID{editors.ID}, s.find("bob").Groups)
		require.NoError(t, update(directory.UpdateUsers{Leave: []domain.GroupRef{"Editors"}}))
		require.Equal(t, []domain.GroupID{domain.UserGroup}, s.find("bob").Groups)
		require.ErrorIs(t, update(directory.UpdateUsers{Join: []domain.GroupRef{"Nobody"}}), domain.ErrGroupNotFound)
	})
}

// Somebody who became another while the list was looked at is not changed for what they were.
func TestAListIsChangedAsItWasRead(t *testing.T) {
	db := storetest.Postgres(t)
	s := newStaff(t, db)
	ada, language := s.as("ada"), "Fr"
	err := meanwhile(t, db, "UPDATE users SET role = 2 WHERE alias = 'bob'", func() error {
		_, err := s.d.Users.UpdateAll(t.Context(), ada, directory.UpdateUsers{Language: &language,
			List: directory.ListUsers{Filter: domain.UserFilter{Role: domain.RoleUser}}})
		return err
	})
	require.ErrorIs(t, err, domain.ErrChanged)
	require.Empty(t, s.find("bob").Language)
}

// As many people as one request may change are changed, and more are refused with what to do.
func TestAListHasABound(t *testing.T) {
	notShort(t)
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		language := "Fr"
		for i := range 1000 {
			s.add("admin", fmt.Sprintf("u%d", i), domain.RoleUser, domain.UserGroup)
		}
		in := directory.UpdateUsers{List: everybody, Language: &language}
		_, err := s.d.Users.UpdateAll(t.Context(), s.as("ada"), in)
		require.ErrorIs(t, err, domain.ErrInvalid)
		require.ErrorContains(t, err, "At most 1000 people")
		in.List.Filter.Prefix = "u"
		done, err := s.d.Users.UpdateAll(t.Context(), s.as("ada"), in)
		require.NoError(t, err)
		require.Equal(t, directory.UsersUpdated{Changed: 1000}, done)
		in.Action = directory.DeleteUsers
		_, err = s.d.Users.UpdateAll(t.Context(), s.as("ada"), in)
		require.ErrorContains(t, err, "At most 200 people")
	})
}

// Of many who cannot be changed the first are named, and all are counted.
func TestWhoCannotBeChangedIsNamed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		s.add("admin", "pat", domain.RolePower, domain.AdminGroup)
		for i := range directory.MaxRefused {
			s.add("admin", fmt.Sprintf("boss%d", i), domain.RoleOAdmin, domain.AdminGroup)
		}
		before := storetest.Dump(t, db)
		_, err := s.d.Users.UpdateAll(t.Context(), s.as("pat"),
			directory.UpdateUsers{Language: new("De"), List: everybody})
		var refused *directory.RefusedUsers
		require.ErrorAs(t, err, &refused)
		require.Equal(t, directory.MaxRefused+1, refused.N, "ada too")
		require.Len(t, refused.First, directory.MaxRefused)
		require.Equal(t, before, storetest.Dump(t, db), "bob could have been changed, and is not")
	})
}
