package app_test

import (
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

// Who made a change is told where the reader may read the user, and the filter tells no more
// than the entries do.
func TestTheAuditTrailNamesWhoCanBeRead(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		s.add("admin", "eve", domain.RoleOAdmin, domain.AdminGroup)
		s.add("admin", "gone", domain.RoleOAdmin, domain.AdminGroup)
		patch := func(who, phone string) {
			_, err := s.d.Users.Update(t.Context(), s.as(who),
				directory.UpdateUser{User: domain.UserRef{ID: s.find("bob").ID}, UserPatch: directory.UserPatch{Phone: &phone}})
			require.NoError(t, err)
		}
		for i, who := range []string{"admin", "ada", "eve", "gone"} {
			patch(who, strconv.Itoa(i))
		}
		require.NoError(t, s.d.Users.Delete(t.Context(), s.as("admin"), directory.DeleteUser{User: domain.UserRef{ID: s.find("gone").ID}}))
		office, acme := "Office", domain.EnvironmentRef("Acme")
		_, err := s.d.Environments.Create(t.Context(), s.as("ada"), directory.EnvironmentPatch{Alias: &office, Parent: &acme})
		require.NoError(t, err)
		home := domain.EnvironmentRef("Acme/Office")
		_, err = s.d.Users.Update(t.Context(), s.as("admin"),
			directory.UpdateUser{User: domain.UserRef{ID: s.find("eve").ID}, UserPatch: directory.UserPatch{Home: &home}})
		require.NoError(t, err)
		_, err = s.d.Users.Update(t.Context(), s.as("admin"), directory.UpdateUser{User: domain.UserRef{ID: s.find("ada").ID},
			UserPatch: directory.UserPatch{Blocked: &[]domain.EnvironmentRef{home}}})
		require.NoError(t, err)
		told := func(who, actor string) (actors []string) {
			list, err := s.d.Audit.List(t.Context(), s.as(who), directory.ListAudit{
				Environment: "Acme", Filter: domain.AuditFilter{Actor: actor, Target: "bob", Action: "user:update"}})
			require.NoError(t, err)
			for e, err := range list.Items {
				require.NoError(t, err)
				actors = append(actors, e.Actor.Alias)
			}
			return actors
		}
		require.Equal(t, []string{"gone", "eve", "ada", "admin"}, told("admin", ""))
		require.Equal(t, []string{"gone", "", "ada", ""}, told("ada", ""), "eve is out of ada's reach")
		require.Equal(t, []string{"gone", "eve", "ada", ""}, told("eve", ""))
		for who, found := range map[string][]string{"admin": {"gone", "eve", "ada", "admin"}, "ada": {"gone", "ada"},
			"eve": {"gone", "eve", "ada"}} {
			for _, actor := range []string{"gone", "eve", "ada", "admin"} {
				if slices.Contains(found, actor) {
					require.Equal(t, []string{actor}, told(who, actor), who)
				} else {
					require.Empty(t, told(who, actor), "%s by %s", actor, who)
				}
			}
		}
	})
}

// TestTheAuditTrailShowsNoPropertyThatIsHidden holds that whoever may not read a property does
// not read it in the audit trail either, be it declared for others or no more.
func TestTheAuditTrailShowsNoPropertyThatIsHidden(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		cfg := testConfig(t)
		cfg.CustomProperties = filepath.Join("surface", "axway", "testdata", "properties.json")
		var err error
		s.d, err = app.Wire(t.Context(), cfg, db)
		require.NoError(t, err)
		bob := s.find("bob")
		_, err = s.d.Users.Update(t.Context(), s.as("admin"),
			directory.UpdateUser{User: domain.UserRef{ID: bob.ID}, UserPatch: directory.UserPatch{
				Properties: map[string]string{"costCenter": "4711", "newsletter": "true"},
				Attributes: domain.Attributes{"custom.gone": "1"}}})
		require.NoError(t, err)
		told := func(who string) map[string]string {
			list, err := s.d.Audit.List(t.Context(), s.as(who),
				directory.ListAudit{Filter: domain.AuditFilter{Target: "bob", Action: "user:update"}})
			require.NoError(t, err)
			all := make(map[string]string)
			for e, err := range list.Items {
				require.NoError(t, err)
				for _, c := range e.Changes {
					all[c.Field] = c.After
				}
			}
			return all
		}
		require.Equal(t, map[string]string{"attributes.custom.costCenter": "4711", "attributes.custom.newsletter": "",
			"attributes.custom.gone": ""}, told("ada"))
		require.Equal(t, map[string]string{"attributes.custom.costCenter": "4711", "attributes.custom.newsletter": "true",
			"attributes.custom.gone": ""}, told("admin"))
	})
}
