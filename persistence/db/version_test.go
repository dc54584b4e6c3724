package db

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersion(t *testing.T) {
	path := t.TempDir() + "/canopy.db"
	open := func() *DB {
		d, err := OpenSQLite(path)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, d.Close()) })
		return d
	}
	ask := func(d *DB) Version {
		v, ok := d.Version()
		require.True(t, ok)
		return v
	}
	here, there := open(), open()
	_, err := here.ExecContext(t.Context(), "CREATE TABLE words (word text)")
	require.NoError(t, err)
	asked := ask(here)
	require.Equal(t, asked, ask(here), "nothing was written")
	for name, d := range map[string]*DB{"this process": here, "another one": there} {
		_, err := d.ExecContext(t.Context(), "INSERT INTO words VALUES ('x')")
		require.NoError(t, err)
		now := ask(here)
		require.NotEqual(t, asked, now, "%s has written", name)
		asked = now
		require.Equal(t, asked, ask(here))
	}

	// A connection counts from the same number on as the one before.
	fresh := ask(open())
	require.Equal(t, fresh, ask(open()), "the test asks for something else")
	d := open()
	require.Equal(t, fresh, ask(d))
	require.NoError(t, d.versions.hangUp())
	require.NotEqual(t, fresh, ask(d), "the new connection does not know what was written before it")
}
