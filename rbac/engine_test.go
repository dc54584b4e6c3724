package rbac_test

import (
	"encoding/csv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/policies"
	"canopy/rbac"
)

var positions = []domain.Position{domain.Outside, domain.Self, domain.Within}

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

func TestPolicyIsItsTruthTable(t *testing.T) {
	e, table := newEngine(t), matrix(t)
	require.Len(t, table, len(domain.Roles)*len(domain.Catalogue)*len(positions), "every question has one row")
	for _, role := range domain.Roles {
		for _, info := range domain.Catalogue {
			for _, position := range positions {
				question := strings.Join([]string{role.String(), info.Code(), position.String()}, " ")
				want, known := table[question]
				require.True(t, known, question)
				for range 2 { // decided, then from the cache
					got := e.Decide(role, domain.AllPermissions, position, info.Permission)
					require.Equal(t, want, got.Allowed, question)
					require.Equal(t, want, got.Policy != "", "an allowed verdict names its row: %s", question)
				}
				without := domain.AllPermissions &^ info.Permission.Mask()
				require.False(t, e.Decide(role, without, position, info.Permission).Allowed, "without the bit: %s", question)
			}
		}
	}
}

func TestPolicyDeniesWhatHasNoName(t *testing.T) {
	e := newEngine(t)
	for bit := range domain.Permission(64) {
		if _, named := bit.Info(); named {
			continue
		}
		for _, position := range positions {
			require.False(t, e.Decide(domain.RoleSuperUser, domain.AllPermissions, position, bit).Allowed, bit)
		}
	}
	require.False(t, e.Decide(0, domain.AllPermissions, domain.Within, domain.UserRead).Allowed, "no role")
}

func TestPolicyThatCannotDecideDenies(t *testing.T) {
	e, err := rbac.New(strings.Replace(policies.Model, "holds(r.mask, r.object, r.action)", "holds(r.mask)", 1), policies.Policy)
	require.NoError(t, err)
	for range 2 {
		require.Zero(t, e.Decide(domain.RoleSuperUser, domain.AllPermissions, domain.Within, domain.UserRead))
	}
}

func TestPolicyWithUnknownWordsIsRefused(t *testing.T) {
	for _, row := range []string{
		"p, root, reach, user, read",
		"p, user, outside, user, read",
		"p, user, everywhere, user, read",
		"p, user, reach, user, reed",
	} {
		_, err := rbac.New(policies.Model, policies.Policy+"\n"+row)
		require.Error(t, err, row)
	}
}

// The enforcer has no lock of its own; this holds it, under -race, to being usable
// without one as long as nobody changes it.
func TestEngineIsSafeForConcurrentUse(t *testing.T) {
	var wg sync.WaitGroup
	e := newEngine(t)
	for range 8 {
		wg.Go(func() {
			for _, role := range domain.Roles {
				for _, info := range domain.Catalogue {
					e.Decide(role, domain.AllPermissions, domain.Within, info.Permission)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkDecide(b *testing.B) {
	b.Run("warm", func(b *testing.B) {
		e := newEngine(b)
		b.ReportAllocs()
		for b.Loop() {
			e.Decide(domain.RoleOAdmin, domain.AllPermissions, domain.Within, domain.UserRead)
		}
	})
	b.Run("cold", func(b *testing.B) {
		e := newEngine(b)
		for b.Loop() {
			rbac.Ask(e, domain.RoleOAdmin, domain.AllPermissions, domain.Within, domain.UserRead)
		}
	})
}
