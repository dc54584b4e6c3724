package app_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/usecase"
	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/storetest"
)

// TestTheAuditTrailShowsNoPropertyThatIsHidden holds that whoever may not read a property does
// not read it in the audit trail either, be it declared for others or no more.
func TestTheAuditTrailShowsNoPropertyThatIsHidden(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *persistence.DB) {
		s := newStaff(t, db)
		cfg := testConfig(t)
		cfg.CustomProperties = filepath.Join("surface", "axway", "testdata", "properties.json")
		var err error
		s.d, err = app.Wire(t.Context(), cfg, db)
		require.NoError(t, err)
		bob := s.find("bob")
		_, err = s.d.Users.Update(t.Context(), s.as("admin"), bob.ID, usecase.UserPatch{
			Properties: map[string]string{"costCenter": "4711", "newsletter": "true"}, Attributes: domain.Attributes{"custom.gone": "1"}})
		require.NoError(t, err)
		told := func(who string) map[string]string {
			list, err := s.d.Audit.List(t.Context(), s.as(who), usecase.ListAudit{Filter: domain.AuditFilter{Target: "bob", Action: "user:update"}})
			require.NoError(t, err)
			all := make(map[string]string)
			for e, err := range list.Entries {
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
