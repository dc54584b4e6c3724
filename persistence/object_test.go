package persistence_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/persistence/faultdb"
	"canopy/persistence/storetest"
	"canopy/tenancy"
)

// TestRenamingTakesNoMoreForMore holds that another name of a topic takes statements whose number and size do not
// depend on how much lies below it.
func TestRenamingTakesNoMoreForMore(t *testing.T) {
	d, faults := follows(t)
	w := storetest.NewWorld(t, d)
	renamed := func(top domain.Object, name string) (n, longest int) {
		done := faults.Follow(faultdb.Plan{})
		_, err := w.Objects.Update(t.Context(), storetest.Everything(domain.ObjectManage), top,
			func(o *domain.Object) error { o.Name = name; return nil })
		require.NoError(t, err)
		statements := done().Statements
		for _, s := range statements {
			longest = max(longest, len(s))
		}
		return len(statements), longest
	}
	top := w.AddObject(t, "Acme", "Top", domain.KindTopic, "Acme", "acme.admin", nil)
	below := 0
	add := func(n int) {
		for range n {
			below++
			w.AddObject(t, "Acme", strconv.Itoa(below), domain.KindTopic, "Acme", "acme.admin",
				func(o *domain.Object) { o.Parent = top.ID })
		}
	}
	add(1)
	n, longest := renamed(top, "One")
	add(100)
	m, longer := renamed(top, "Two")
	require.Equal(t, n, m)
	require.Equal(t, longest, longer)
}

// TestObjectListsAreTheSameInAllWays holds that a list has the same objects in the same order whichever way finds them:
// by walking in its order, or by an index.
func TestObjectListsAreTheSameInAllWays(t *testing.T) {
	orders := []string{"o.environment_path, o.id", "o.full_name_key, o.id", "o.full_name, o.id"}
	storetest.Each(t, func(t *testing.T, d *db.DB) {
		w, ctx := storetest.NewWorld(t, d), t.Context()
		storetest.AddObjects(t, w)
		talk := w.Things["Acme/Talk"]
		w.AddObject(t, "Acme", "Used", domain.KindAPI, "Acme/Prod", "acme.user", nil)
		api := w.Things["Acme/Used"]
		w.AddObject(t, "Acme", "Using", domain.KindApplication, "Acme/Prod", "acme.user",
			func(o *domain.Object) { o.Uses = []domain.ObjectID{api.ID} })
		filters := []domain.ObjectFilter{{}, {Owner: w.KeyOf("acme.user")}, {Owner: w.KeyOf("root.admin")},
			{Parent: talk.ID}, {Uses: api.ID}, {IDs: []domain.ObjectID{talk.ID, api.ID, 9999}},
			{Names: []string{"/talk", "USED", "nothing"}}, {Prefix: "THING 3"}, {Prefix: "%"}, {Prefix: "zzz"},
			{Kinds: []domain.ObjectKind{domain.KindSector, domain.KindAPI}}, {Kinds: []domain.ObjectKind{domain.KindKey}},
			{Kinds: []domain.ObjectKind{domain.KindAPI}, Prefix: "thing"}, {AtLeast: domain.LevelWrite},
			{Without: "/TALK"}, {Organization: w.Places["Bolt"].Organization}}
		store := persistence.NewObjectStore(d)
		ways := []*persistence.ObjectStore{store, persistence.PatientObjects(store, 1, 0),
			persistence.PatientObjects(store, 1, 1000)}
		kept := 0
		for _, caller := range storetest.ObjectReaders {
			managed := w.ObjectScope(t, caller).Read()
			for _, sc := range []tenancy.Scope{managed, managed.Personally()} {
				for n, f := range filters {
					f.Order = domain.ObjectOrder(n % len(orders))
					want, err := persistence.BuiltObjects(ctx, store, sc, f, orders[f.Order])
					require.NoError(t, err)
					kept += len(want)
					for way, s := range ways {
						var got []domain.ObjectID
						for page := (domain.Page{Limit: 3}); page.Limit > 0; {
							some, next, err := s.List(ctx, sc, f, page)
							require.NoError(t, err)
							for i := range some {
								got = append(got, some[i].ID)
							}
							if page.After = next; next == "" {
								page.Limit = 0
							}
						}
						require.Equal(t, want, got, "%s, %+v, in way %d", caller, f, way)
					}
				}
			}
		}
		require.Greater(t, kept, 700)
	})
}

// TestManyRangesAreReadByTheirIndex holds that PostgreSQL finds what lies in many ranges by the index on the places,
// and does not compare each of them with all there is of an organization.
func TestManyRangesAreReadByTheirIndex(t *testing.T) {
	d := storetest.Fresh(t, "postgres")()
	_, err := d.Writer().ExecContext(t.Context(), `SET LOCAL session_replication_role = replica;
		INSERT INTO environment_counts (organization_id, environment_id, environment_path, users)
		SELECT 2 + n % 5, n, '/1/' || 2 + n % 5 || '/' || n || '/', 1 FROM generate_series(100, 10099) AS n;
		ANALYZE environment_counts`)
	require.NoError(t, err)
	var ranges []tenancy.Range
	for n := 1000; n < 9000; n += 100 {
		from := domain.EnvironmentPath(fmt.Sprintf("/1/2/%d/", n))
		ranges = append(ranges, tenancy.Range{From: from, Until: from.End()})
	}
	across := d.Across(ranges, "environment_counts c", "c.environment_path", db.Where("c.organization_id = 2"))
	query := d.NewSelect().ColumnExpr("c.users").TableExpr(across.Raw, across.Args...).String()
	l, err := storetest.LookAt(t.Context(), d, query)
	require.NoError(t, err)
	require.Contains(t, l.Plan, "environment_counts_environment_path_idx")
	require.Equal(t, 80, l.Read, l.Plan)
}
