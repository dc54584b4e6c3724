package db

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/persistence/db/migrations"
)

// What a step says of the programs it needs is understood.
func TestNeedsOfSteps(t *testing.T) {
	steps, err := fs.Glob(migrations.SQLite(), "*.sql")
	require.NoError(t, err)
	require.NotEmpty(t, steps)
	for _, step := range steps {
		text, err := fs.ReadFile(migrations.SQLite(), step)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "-- canopy:") {
				require.Regexp(t, needsLine, strings.TrimSuffix(line, "\n"), "%s", step)
			}
		}
	}
	require.Equal(t, "0.2", string(needsLine.FindSubmatch([]byte("-- +goose Up\n-- canopy: needs 0.2\nSELECT 1;\n"))[1]))
	for _, wrong := range []string{"-- canopy: needs 2", "-- canopy: needs v0.2", "-- canopy: needs 0.2 or so",
		"  -- canopy: needs 0.2"} {
		require.NotRegexp(t, needsLine, wrong)
	}
}

// The database knows its steps by name.
func TestStepsAreWrittenDown(t *testing.T) {
	db, err := OpenSQLite(filepath.Join(t.TempDir(), "canopy.db"))
	require.NoError(t, err)
	defer db.Close()
	for range 2 {
		_, err := db.Migrate(t.Context())
		require.NoError(t, err)
		steps, err := db.MigrationStatus(t.Context())
		require.NoError(t, err)
		rows, err := db.read.QueryContext(t.Context(), "SELECT name FROM schema_steps ORDER BY version")
		names, err := Collect(rows, err, Scalar[string])
		require.NoError(t, err)
		require.Len(t, names, len(steps))
		for i, step := range steps {
			require.Equal(t, step.Name, names[i])
			require.False(t, step.Unknown)
		}
	}
}

// TestStepsComeAfterThoseThatLanded holds that no step is put among those that directories have been through, which
// would not start with it. Whoever lands a step writes its number and the count of all here.
func TestStepsComeAfterThoseThatLanded(t *testing.T) {
	const last, landed = "20261130191000", 37
	steps, err := fs.Glob(migrations.SQLite(), "*.sql")
	require.NoError(t, err)
	before := 0
	for _, step := range steps {
		if step[:len(last)] <= last {
			before++
		}
	}
	require.Equal(t, landed, before, "a step has a number before %s: give it a later one", last)
}
