//go:build nightly

package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// The unit that is printed is one that systemd reads without a word, and leaves the server little to do harm with.
func TestUnitIsSound(t *testing.T) {
	text := replaced(t, canopy("print", "systemd").succeeds(t), "/usr/local/bin/canopy", binary)
	unit := filepath.Join(t.TempDir(), "canopy.service")
	require.NoError(t, os.WriteFile(unit, []byte(text), 0o600))
	said, err := exec.Command("systemd-analyze", "verify", unit).CombinedOutput()
	require.NoError(t, err, "%s", said)
	require.Empty(t, string(said))

	// Ten times the exposure that systemd calculates from what a unit leaves open; without any of that it is 96.
	const most = "11"
	said, err = exec.Command("systemd-analyze", "security", "--offline=true", "--threshold="+most, unit).CombinedOutput()
	require.NoError(t, err, "%s", said)
	t.Log(regexp.MustCompile(`Overall exposure.*`).FindString(string(said)))
}
