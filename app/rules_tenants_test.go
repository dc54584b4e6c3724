package app_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/directory"
	"canopy/app/transfer"
	"canopy/domain"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

// importText imports a directory document, and returns what it says.
func importText(t *testing.T, db *db.DB, text string) transfer.ImportReport {
	t.Helper()
	read := app.ReadJSON(func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil })
	report, err := app.Transfer(db, "(test)").Import(t.Context(), read, transfer.ImportOptions{})
	require.NoError(t, err)
	return report
}

// An import makes of an environment what a surface would: directly below the root a tenant,
// unless it says that it is none.
func TestAnImportMakesTenantsAsSurfacesDo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		m := newStaff(t, db)
		report := importText(t, db, `{"canopy": "directory/1", "organizations": [
			{"path": "Bolt", "environments": [{"path": "Bolt"}, {"path": "Bolt/Labs"}], "groups": [], "users": [
				{"alias": "bea", "environment": "Bolt", "role": "oadmin", "group": "/Admin", "firstname": "Bea"}]},
			{"path": "/", "environments": [{"path": "Office", "organization": false}], "groups": [], "users": [
				{"alias": "otto", "environment": "Office", "role": "power", "group": "Admin", "firstname": "Otto"}]}]}`)
		require.Empty(t, report.Problems)
		for path, organization := range map[domain.EnvironmentRef]bool{"Bolt": true, "Bolt/Labs": false, "Office": false} {
			e, err := m.d.Environments.Get(t.Context(), m.as("admin"), path)
			require.NoError(t, err)
			require.Equal(t, organization, e.IsOrganization, path)
		}
		report = importText(t, db,
			`{"canopy": "directory/1", "organizations": [{"path": "/", "environments": [], "groups": [], "users": [
			{"alias": "otto", "environment": "Office", "role": "oadmin", "group": "Admin", "firstname": "Otto"}]}]}`)
		require.Len(t, report.Problems, 1)
		require.ErrorIs(t, report.Problems[0].Err, domain.ErrAdminOutside)
		require.Equal(t, "role", report.Problems[0].Err.Field)
		require.Equal(t, 2, report.Problems[0].Line)
		report = importText(t, db, `{"canopy": "directory/1", "organizations": [
			{"path": "/", "environments": [{"path": "Attic"}], "groups": [], "users": []}]}`)
		require.Len(t, report.Problems, 1)
		require.Equal(t, "organization", report.Problems[0].Err.Field)
	})
}

// A part of a document about an environment that is no organization is refused, with its people.
func TestAnImportRefusesAPartThatIsNoOrganization(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		report := importText(t, db, `{"canopy": "directory/1", "organizations": [
			{"path": "Bolt", "environments": [{"path": "Bolt", "organization": false}], "groups": [], "users": [
				{"alias": "bea", "environment": "Bolt", "role": "power", "group": "/Admin", "firstname": "Bea"}]}]}`)
		require.NotEmpty(t, report.Problems)
		require.Equal(t, []string{"Bolt"}, report.Refused)
		_, err := s.d.Users.Get(t.Context(), s.as("admin"), directory.GetUser{User: domain.UserRef{Alias: "bea"}})
		require.ErrorIs(t, err, domain.ErrUserNotFound)
	})
}

// Who was made an admin of the root's organization from a corner of it, by an earlier rule,
// acts as power there. Everything else of them can be changed; the role can only be given up.
func TestAnAdminByAnEarlierRuleActsAsPower(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		office, below, no := "Office", domain.EnvironmentRef("Office"), false
		_, err := s.d.Environments.Create(t.Context(), s.as("admin"),
			directory.EnvironmentPatch{Alias: &office, IsOrganization: &no})
		require.NoError(t, err)
		floor := "Floor"
		_, err = s.d.Environments.Create(t.Context(), s.as("admin"),
			directory.EnvironmentPatch{Parent: &below, Alias: &floor})
		require.NoError(t, err)
		otto, role, group := "otto", domain.RolePower, domain.GroupRef("Admin")
		made, err := s.d.Users.Create(t.Context(), s.as("admin"),
			directory.UserPatch{Alias: &otto, FirstName: &otto, Home: &below, Role: &role, Group: &group})
		require.NoError(t, err)
		_, err = db.Writer().ExecContext(t.Context(), "UPDATE users SET role = ?, epoch = epoch + 1 WHERE id = ?",
			int64(domain.RoleOAdmin), int64(made.ID))
		require.NoError(t, err)

		who := s.as("otto")
		acts, err := s.d.Gate.Role(t.Context(), &who)
		require.NoError(t, err)
		require.Equal(t, domain.RolePower, acts)
		list, err := s.d.Users.List(t.Context(), who, directory.ListUsers{Everywhere: true})
		require.NoError(t, err)
		var seen []string
		for u, err := range list.Items {
			require.NoError(t, err)
			seen = append(seen, u.Alias)
		}
		require.Equal(t, []string{"otto"}, seen, "neither the superUser nor Acme's people")
		_, err = s.d.Environments.Create(t.Context(), who, directory.EnvironmentPatch{Alias: &office})
		require.ErrorIs(t, err, domain.ErrForbidden, "which is for admins")

		phone, up, admin, home := "1", domain.EnvironmentRef("Office/Floor"), domain.RoleOAdmin, domain.EnvironmentRef("/")
		_, err = s.d.Users.Update(t.Context(), s.as("admin"),
			directory.UpdateUser{User: domain.UserRef{ID: made.ID}, UserPatch: directory.UserPatch{Phone: &phone, Role: &admin}})
		require.NoError(t, err, "the role is left as it is")
		_, err = s.d.Users.Update(t.Context(), s.as("admin"),
			directory.UpdateUser{User: domain.UserRef{ID: made.ID}, UserPatch: directory.UserPatch{Home: &up}})
		require.ErrorIs(t, err, domain.ErrAdminOutside, "but not given again elsewhere")
		report := importText(t, db,
			`{"canopy": "directory/1", "organizations": [{"path": "/", "environments": [], "groups": [], "users": [
			{"alias": "otto", "environment": "Office", "role": "oadmin", "group": "Admin", "firstname": "Other"}]}]}`)
		require.Empty(t, report.Problems, "nor does an import mind")
		_, err = s.d.Users.Update(t.Context(), s.as("admin"),
			directory.UpdateUser{User: domain.UserRef{ID: made.ID}, UserPatch: directory.UserPatch{Role: &role}})
		require.NoError(t, err)
		_, err = s.d.Users.Update(t.Context(), s.as("admin"),
			directory.UpdateUser{User: domain.UserRef{ID: made.ID}, UserPatch: directory.UserPatch{Role: &admin}})
		require.ErrorIs(t, err, domain.ErrAdminOutside)
		_, err = s.d.Users.Update(t.Context(), s.as("admin"),
			directory.UpdateUser{User: domain.UserRef{ID: made.ID}, UserPatch: directory.UserPatch{Role: &admin, Home: &home}})
		require.NoError(t, err, "at home in the root")
	})
}
