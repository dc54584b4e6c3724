package tenancy

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// Where places are before and after moves is what looking through all of them says.
func TestMovesAreFoundAsByLookingThroughThem(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		at := func(from, n int) domain.EnvironmentPath {
			p := domain.RootPath
			for range 1 + random.IntN(3) {
				p = p.Child(domain.EnvironmentID(from + random.IntN(n)))
			}
			return p
		}
		var all []Move
		for _, from := range TopsOf([]domain.EnvironmentPath{at(1, 12), at(1, 12), at(1, 12)}) {
			if m := (Move{From: from}); random.IntN(2) == 0 {
				all = append(all, m)
			} else { // to a place of its own, since no other has what was moved
				m.To = domain.RootPath.Child(domain.EnvironmentID(100 + len(all)))
				all = append(all, m)
			}
		}
		for range 4 {
			all = append(all, Move{To: at(200, 12)})
		}
		moves := MovesOf(all)
		for range 50 {
			before, after := at(1, 12), at(195, 20)
			if random.IntN(2) == 0 {
				after = domain.RootPath.Child(domain.EnvironmentID(100 + random.IntN(4))).Child(7)
			}
			later, there, earlier := before, true, after
			for _, m := range all {
				if m.From != "" && m.From.Contains(before) {
					if there = m.To != ""; there {
						later = m.To + before[len(m.From):]
					}
				}
				if m.To != "" && m.To.Contains(after) {
					if earlier = ""; m.From != "" {
						earlier = m.From + after[len(m.To):]
					}
				}
			}
			got, found := moves.Later(before)
			require.Equal(t, later, got, "%v: %s", all, before)
			require.Equal(t, there, found, "%v: %s", all, before)
			require.Equal(t, earlier, moves.Earlier(after), "%v: %s", all, after)
			require.Equal(t, earlier == "", moves.Made(after), "%v: %s", all, after)
		}
	}
}

// Somebody's differences take no time for what is made where they have nothing, and little for what is made where they
// do: it takes hours to look through all that is made for each place of each of them.
func TestDifferencesBesideMuchThatIsMade(t *testing.T) {
	const made, people = 5000, 5000
	border := domain.RootPath.Child(2)
	all := make([]Move, made)
	for i := range all {
		all[i].To = border.Child(domain.EnvironmentID(10 + i))
	}
	moves := MovesOf(all)
	effect := func(role domain.Role, home domain.EnvironmentPath) *Effect {
		reach := newReach(&domain.Subject{Role: role, Organization: 2, Home: home}, nil)
		return &Effect{Role: role, Within: domain.AllPermissions, reach: reach, nominal: reach}
	}
	began := time.Now()
	for i := range people {
		got := Differences(&Effect{}, effect(domain.RoleUser, all[i].To), &moves)
		require.Len(t, got, 1)
		require.Equal(t, all[i].To, got[0].After)
	}
	admin := effect(domain.RoleOAdmin, border)
	require.Len(t, Differences(admin, admin, &moves), made)
	require.Less(t, time.Since(began), 10*time.Second)
}
