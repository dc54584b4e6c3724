package persistence_test

import (
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/persistence/faultdb"
	"canopy/persistence/storetest"
)

// TestRenamingTakesNoMoreForMore holds that another name of a topic takes statements whose number and size do not
// depend on how much lies below it.
func TestRenamingTakesNoMoreForMore(t *testing.T) {
	faults, err := faultdb.New(false)
	require.NoError(t, err)
	d, err := db.OpenSQLite(filepath.Join(t.TempDir(), "canopy.db"), db.Through(faults.Connector, faults.Hot))
	require.NoError(t, err)
	defer d.Close()
	_, err = d.Migrate(t.Context())
	require.NoError(t, err)
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
