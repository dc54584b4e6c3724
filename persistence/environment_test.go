package persistence_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence/faultdb"
	"canopy/persistence/storetest"
)

// TestChangesOfPlacesReadNobodyElsewhere holds that a change of an environment takes as many statements with
// thousands of people in another organization, on whose lists there is a place of theirs, as with a hundred, and
// that no statement walks them.
func TestChangesOfPlacesReadNobodyElsewhere(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			d, plain, faults := watched(t, engine)
			w, ctx := storetest.NewWorld(t, d), t.Context()
			_, err := w.Users.Update(ctx, storetest.Everything(domain.UserUpdate), w.KeyOf("bolt.user"), "",
				func(u *domain.User) error {
					u.Allowed = append(u.Allowed, w.Grant("Bolt/Prod"))
					return nil
				})
			require.NoError(t, err)
			all := storetest.Everything(domain.EnvironmentWrite)
			place := w.Places["Acme/Prod"]
			update := func(change func(*domain.Environment)) {
				_, err := w.Environments.Update(ctx, all, place.ID, func(e *domain.Environment) error {
					change(e)
					return nil
				})
				require.NoError(t, err)
			}
			asked, there := 0, 0
			for _, size := range []int{100, 5_000} {
				crowd(t, d, there, size)
				there = size
				done := faults.Follow(faultdb.Plan{})
				for _, alias := range []string{"Renamed", place.Alias} {
					update(func(e *domain.Environment) { e.Alias = alias })
				}
				for _, parent := range []string{"Acme/Test", "Acme"} {
					update(func(e *domain.Environment) { e.Parent = w.Places[parent].ID })
				}
				for _, active := range []bool{false, true} {
					update(func(e *domain.Environment) { e.Active = active })
				}
				for _, border := range []bool{false, true} {
					made := domain.NewEnvironment(place.ID)
					made.Alias, made.IsOrganization = "Made", border
					made, err := w.Environments.Insert(ctx, all, made)
					require.NoError(t, err)
					require.NoError(t, w.Environments.Delete(ctx, all, made.ID))
				}
				statements := slices.DeleteFunc(done().Statements, func(s string) bool {
					return s == "BEGIN" || s == "COMMIT" || strings.Contains(s, "id_blocks") // numbers are leased in advance
				})
				if asked == 0 {
					asked = len(statements)
				}
				require.Len(t, statements, asked)
				for _, statement := range statements {
					if strings.HasPrefix(statement, "INSERT") {
						continue // nothing is looked for
					}
					l, err := storetest.LookAt(t.Context(), plain, statement)
					require.NoError(t, err)
					require.Less(t, l.Read, 1_000, "with %d people: %s\n%s", size, statement, l.Plan)
				}
			}
		})
	}
}
