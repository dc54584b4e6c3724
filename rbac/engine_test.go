package rbac_test

import (
	"encoding/csv"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/policies"
	"canopy/rbac"
)

// positions returns where a target of p can stand.
func positions(p domain.Permission) []domain.Position {
	return append([]domain.Position{domain.Outside}, domain.Positions(p)...)
}

func newEngine(tb testing.TB) *rbac.Engine {
	tb.Helper()
	e, err := rbac.New(policies.Model, policies.Policy)
	require.NoError(tb, err)
	return e
}

// matrix reads the truth table; the key is "role permission position".
func matrix(tb testing.TB) map[string]bool {
	tb.Helper()
	rows, err := csv.NewReader(strings.NewReader(policies.Matrix)).ReadAll()
	require.NoError(tb, err)
	table := make(map[string]bool)
	for _, row := range rows[1:] {
		require.Contains(tb, []string{"allow", "deny"}, row[3])
		table[strings.Join(row[:3], " ")] = row[3] == "allow"
	}
	return table
}

func TestMatrix(t *testing.T) {
	e, table := newEngine(t), matrix(t)
	asked := 0
	for _, role := range domain.Roles {
		for _, info := range domain.Catalogue {
			for _, position := range positions(info.Permission) {
				asked++
				question := strings.Join([]string{role.String(), info.Code(), position.String()}, " ")
				want, known := table[question]
				require.True(t, known, question)
				got := e.Decide(role, domain.AllPermissions, position, info.Permission)
				require.Equal(t, want, got.Allowed, question)
				require.Equal(t, want, got.Policy != "", "an allowed verdict names its row: %s", question)
				without := domain.AllPermissions &^ info.Permission.Mask()
				require.Zero(t, e.Decide(role, without, position, info.Permission), "without the bit: %s", question)
			}
		}
	}
	require.Len(t, table, asked, "every question has one row")
}

func TestPolicyDeniesWhatHasNoName(t *testing.T) {
	e := newEngine(t)
	for bit := range domain.Permission(64) {
		if _, named := bit.Info(); named {
			continue
		}
		for position := range domain.Above + 1 {
			require.Zero(t, e.Decide(domain.RoleSuperUser, domain.AllPermissions, position, bit), bit)
		}
	}
	require.Zero(t, e.Decide(0, domain.AllPermissions, domain.Within, domain.UserRead), "no role")
	require.Zero(t, e.Decide(domain.RoleSuperUser+1, domain.AllPermissions, domain.Within, domain.UserRead), "no role")
	above := domain.Above + 1
	require.Zero(t, e.Decide(domain.RoleSuperUser, domain.AllPermissions, above, domain.GroupWrite), "no position")
}

// A policy with which something is wrong is refused, and the error says with which row.
func TestPolicyIsRefused(t *testing.T) {
	for name, row := range map[string]string{
		"unknown role":                      "p, root, reach, user, read",
		"unknown position":                  "p, user, everywhere, user, read",
		"unknown object":                    "p, user, reach, users, read",
		"unknown action":                    "p, user, reach, user, reed",
		"nothing is permitted outside":      "p, user, outside, user, read",
		"nobody's account is above":         "p, user, above, user, read",
		"a role below has it":               "p, superUser, reach, user, read",
		"a word too few":                    "p, user, reach, user",
		"a word too many":                   "p, user, reach, user, read, deny",
		"unknown kind of row":               "q, user, reach, user, read",
		"a quote that does not end":         `p, user, "reach, user, read`,
		"inherits from an unknown role":     "g, power, guest",
		"an unknown role inherits":          "g, guest, user",
		"inherits from itself":              "g, user, user",
		"inherits in a circle":              "g, user, superUser",
		"inherits nothing":                  "g, power",
		"inherits with a word too many":     "g, power, user, acme",
		"inherits from nobody by that name": "g, power, User",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rbac.New(policies.Model, policies.Policy+"\n"+row)
			require.ErrorContains(t, err, strconv.Quote(row))
		})
	}
}

func TestPolicyThatCannotDecideIsRefused(t *testing.T) {
	undecided := strings.Replace(policies.Model, "holds(r.mask, r.object, r.action)", "holds(r.mask)", 1)
	_, err := rbac.New(undecided, policies.Policy)
	require.ErrorContains(t, err, `decide "p, user, self, profile, read"`)
	_, err = rbac.New(policies.Model+"\n[nothing", policies.Policy)
	require.Error(t, err)
}

func BenchmarkDecide(b *testing.B) {
	e := newEngine(b)
	b.ReportAllocs()
	for b.Loop() {
		e.Decide(domain.RoleOAdmin, domain.AllPermissions, domain.Within, domain.UserRead)
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newEngine(b)
	}
}
