package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

// oddNames are login names that nobody is given.
var oddNames = []string{"ad\u034fmin", "ad\u3164min", "admin\ufe0f", "ａｄｍｉｎ", "\u0430dmin", "e\u0301va"}

// Who has a login name from before the rules keeps it: they sign in, are read and changed, and are
// archived. Nobody else gets a name that differs from it by its spelling alone.
func TestLoginNamesOfBeforeKeepWorking(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		store := persistence.NewDirectoryStore(db)
		for i, alias := range append([]string{"ａｎｎ"}, oddNames...) {
			u := s.find("bob")
			u.ID, u.UUID, u.Person.ID, u.Alias = domain.UserID(1000+i), "", domain.PersonID(1000+i), alias
			_, err := store.Claim(t.Context(), storetest.Everything(domain.OrganizationWrite), domain.Numbers{0, 0, 2000, 2000})
			require.NoError(t, err)
			require.NoError(t, store.Write(t.Context(), storetest.Everything(domain.OrganizationWrite),
				func(tx *persistence.DirectoryTx) error {
					return tx.InsertUsers([]domain.StoredUser{{User: u}}) // which asks no rule
				}), "%+q", alias)
		}
		password, phone := "a new password", "1"
		for _, alias := range oddNames {
			u := s.find(alias)
			_, err := s.d.Users.Update(t.Context(), s.as("admin"), directory.UpdateUser{User: domain.UserRef{ID: u.ID},
				UserPatch: directory.UserPatch{Alias: &alias, Phone: &phone, Password: &password}})
			require.NoError(t, err, "%+q", alias)
			require.Equal(t, u.ID, s.as(alias).User)
		}
		report := importText(t, db,
			`{"canopy": "directory/1", "organizations": [{"path": "Acme", "environments": [], "groups": [], "users": [
			{"alias": "ａｄｍｉｎ", "environment": "Acme", "firstname": "Again"}]}]}`)
		require.Empty(t, report.Problems)

		home := domain.EnvironmentRef("Acme")
		for _, taken := range []string{"\u00e9va", "\u00c9VA", "ann", "Ann"} {
			_, err := s.d.Users.Create(t.Context(), s.as("admin"),
				directory.UserPatch{Alias: &taken, FirstName: &taken, Home: &home})
			require.ErrorIs(t, err, domain.ErrUserAliasTaken, "%+q", taken)
			_, err = s.d.Users.Update(t.Context(), s.as("admin"),
				directory.UpdateUser{User: domain.UserRef{ID: s.find("ada").ID}, UserPatch: directory.UserPatch{Alias: &taken}})
			require.ErrorIs(t, err, domain.ErrUserAliasTaken, "%+q", taken)
			report := importText(t, db,
				`{"canopy": "directory/1", "organizations": [{"path": "Acme", "environments": [], "groups": [], "users": [
				{"alias": "`+taken+`", "environment": "Acme", "firstname": "New"}]}]}`)
			require.Len(t, report.Problems, 1)
			require.ErrorIs(t, report.Problems[0].Err, domain.ErrUserAliasTaken)
		}
		require.NoError(t, s.d.People.Archive(t.Context(), s.as("admin"), oddNames[0]))
	})
}

// Nobody is given an odd name, by whichever way a user comes or is renamed, and nothing is changed.
func TestOddLoginNamesAreRefusedEverywhere(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, nil)
		ctx := t.Context()
		admin := s.as(t, "acme.admin")
		for _, alias := range oddNames {
			ways := map[string]func() error{
				"create": func() error {
					_, err := s.Users.Create(ctx, admin, directory.UserPatch{Alias: &alias, FirstName: &alias})
					return err
				},
				"rename": func() error {
					_, err := s.Users.Update(ctx, admin, directory.UpdateUser{User: domain.UserRef{ID: s.as(t, "acme.user").User},
						UserPatch: directory.UserPatch{Alias: &alias}})
					return err
				},
				"tat's rename": func() error {
					return s.People.Rename(ctx, admin, directory.RenameUser{Alias: "acme.user", To: alias})
				},
				"register": func() error {
					_, err := s.Accounts.Register(ctx,
						accounts.Register{Alias: alias, FirstName: "N", Mail: "new@example.org", Password: testPassword})
					return err
				},
			}
			for way, try := range ways {
				err := try()
				require.Error(t, err, "%s %+q", way, alias)
				require.Equal(t, domain.Invalid, domain.AsError(err).Kind, "%s %+q: %v", way, alias, err)
				require.Equal(t, "alias", domain.AsError(err).Field, way)
			}
			report := importText(t, s.DB,
				`{"canopy": "directory/1", "organizations": [{"path": "Acme", "environments": [], "groups": [], "users": [
				{"alias": "`+alias+`", "environment": "Acme", "firstname": "New"}]}]}`)
			require.Len(t, report.Problems, 1)
			require.Equal(t, "alias", report.Problems[0].Err.Field)
			_, err := s.Users.Get(ctx, s.operator(t), directory.GetUser{User: domain.UserRef{Alias: alias}})
			require.ErrorIs(t, err, domain.ErrUserNotFound)
		}
	})
}
