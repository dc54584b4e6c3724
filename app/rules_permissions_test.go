package app_test

import (
	"encoding/csv"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// TestPermissionsSayWhoMay holds that the roles which the catalogue shows beside a permission are those
// of the policy's truth table.
func TestPermissionsSayWhoMay(t *testing.T) {
	w := newTwoTenants(t, "sqlite")
	shown, err := w.directory.Explain.Permissions(t.Context(), w.principal(t, "acme.user"))
	require.NoError(t, err)
	require.Len(t, shown, len(domain.Catalogue))
	roles := map[string][]domain.Role{}
	for _, p := range shown {
		roles[p.Code()+" self"], roles[p.Code()+" reach"] = p.Own, p.Reach
	}
	file, err := os.Open("../policies/matrix.csv")
	require.NoError(t, err)
	defer file.Close()
	table, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	for _, row := range table[1:] {
		if row[2] == "outside" || row[2] == "above" { // not shown
			continue
		}
		role, err := domain.ParseRole(row[0])
		require.NoError(t, err)
		require.Equal(t, row[3] == "allow", slices.Contains(roles[row[1]+" "+row[2]], role), "%v", row)
	}
}
