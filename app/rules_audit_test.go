package app_test

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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

// TestTheAuditTrailNamesWhatItHasByNumber holds that who asks for names reads those of what they reach, of the groups
// of their own organization too, and of nothing else.
func TestTheAuditTrailNamesWhatItHasByNumber(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *db.DB) {
		s := newStaff(t, db)
		place := func(alias, parent string) domain.EnvironmentRef {
			above := domain.EnvironmentRef(parent)
			e, err := s.d.Environments.Create(t.Context(), s.as("admin"), directory.EnvironmentPatch{Alias: &alias, Parent: &above})
			require.NoError(t, err)
			return domain.NumberRef(e.ID)
		}
		office, secret := place("Office", "Acme"), place("Secret", "/")
		readers, err := s.group("ada", "Readers", domain.RoleUser)
		require.NoError(t, err)
		group := domain.GroupRef("Readers")
		_, err = s.d.Users.Update(t.Context(), s.as("ada"), directory.UpdateUser{User: domain.UserRef{Alias: "bob"},
			UserPatch: directory.UserPatch{Group: &group}})
		require.NoError(t, err)
		_, err = s.d.Users.Update(t.Context(), s.as("admin"), directory.UpdateUser{User: domain.UserRef{Alias: "bob"},
			UserPatch: directory.UserPatch{Allowed: &[]domain.EnvironmentRef{office, secret}, Home: &office}})
		require.NoError(t, err)

		type change struct{ place, before, after string }
		told := func(who string, in directory.ListAudit) map[string]change {
			in.Filter = domain.AuditFilter{Target: "bob", Action: "user:update"}
			list, err := s.d.Audit.List(t.Context(), s.as(who), in)
			require.NoError(t, err)
			all := make(map[string]change)
			for e, err := range list.Items {
				require.NoError(t, err)
				for i, c := range e.Changes {
					named := directory.NamedChange{}
					if in.Named {
						named = e.Named[i]
					}
					all[c.Field] = change{e.ShownPlace, strings.Join(named.Before, ";"), strings.Join(named.After, ";")}
				}
			}
			return all
		}
		named := directory.ListAudit{Named: true, Everywhere: true}
		require.Equal(t, map[string]change{"home": {"Acme/Office", "Acme", "Acme/Office"},
			"allowed": {"Acme/Office", "", "Acme/Office"}, "group": {"Acme", "User", "Readers"}}, told("ada", named))
		require.Equal(t, change{"Acme/Office", "", "Acme/Office;Secret"}, told("admin", named)["allowed"])
		require.Equal(t, change{}, told("admin", directory.ListAudit{})["allowed"], "nobody asked for names")

		// Of a way the reader is told what they reach of it.
		inner, acme, yes := "Inner", domain.EnvironmentRef("Acme"), true
		_, err = s.d.Environments.Create(t.Context(), s.as("admin"),
			directory.EnvironmentPatch{Alias: &inner, Parent: &acme, IsOrganization: &yes})
		require.NoError(t, err)
		boss, role, admins, home := "boss", domain.RoleOAdmin, domain.GroupRef("Admin"), domain.EnvironmentRef("Acme/Inner")
		_, err = s.d.Users.Create(t.Context(), s.as("admin"), directory.UserPatch{Alias: &boss, FirstName: &boss,
			Home: &home, Role: &role, Group: &admins})
		require.NoError(t, err)
		made, err := s.d.Audit.List(t.Context(), s.as("boss"), directory.ListAudit{Named: true, Everywhere: true,
			Filter: domain.AuditFilter{Target: "boss", Action: "user:create"}})
		require.NoError(t, err)
		places := []string{}
		for e, err := range made.Items {
			require.NoError(t, err)
			places = append(places, e.ShownPlace)
		}
		require.Equal(t, []string{"Inner"}, places)

		// What is gone is named by its number.
		user := domain.GroupRef("User")
		_, err = s.d.Users.Update(t.Context(), s.as("admin"), directory.UpdateUser{User: domain.UserRef{Alias: "bob"},
			UserPatch: directory.UserPatch{Group: &user}})
		require.NoError(t, err)
		require.NoError(t, s.d.Groups.Delete(t.Context(), s.as("ada"), directory.DeleteGroup{Group: group}))
		require.Equal(t, strconv.FormatInt(int64(readers.ID), 10), told("ada", named)["group"].after, "the older entry")

		require.Empty(t, told("admin", directory.ListAudit{Environment: secret}), "everywhere is more than one place")
	})
}
