package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
)

// TestStopBeforeServe holds that a server which is told to stop before it begins to serve does not
// serve for ever.
func TestStopBeforeServe(t *testing.T) {
	cfg := settings(t, newClock(storyBegins))
	db, err := app.OpenDatabase(t.Context(), &cfg)
	require.NoError(t, err)
	directory, err := app.Wire(t.Context(), cfg, db)
	require.NoError(t, err)
	defer directory.Close()
	listener, err := app.Listen(&cfg)
	require.NoError(t, err)
	server, err := app.NewServer(directory, listener)
	require.NoError(t, err)
	require.NoError(t, server.Stop(t.Context()))
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	select {
	case err := <-served:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("it serves")
	}
}
