package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app"
)

func TestNewEnough(t *testing.T) {
	for _, c := range []struct {
		version, needs string
		want           bool
	}{
		{"v0.2.0", "0.2", true},
		{"v0.2.1", "0.2", true},
		{"v0.2.1", "0.2.1", true},
		{"v0.10.0", "0.9", true},
		{"v1.0.0", "0.9.9", true},
		{"v0.2.1-0.20261124180000-0123456789ab", "0.2", true}, // built behind 0.2.0
		{"v0.2.0+dirty", "0.2", true},
		{"v0.1.9", "0.2", false},
		{"v0.2.0", "0.2.1", false},
		{"v0.2.0-rc.1", "0.2", false},
		{"v0.2.1-0.20261124180000-0123456789ab", "0.2.1", false}, // built before 0.2.1
		{"v0.0.0-20261124180000-0123456789ab", "0.1", false},     // no version
		{"(devel)", "0.1", false},
		{"devel", "0.1", false},
		{"", "0.1", false},
		{"v0.2.0", "", false},
		{"v0.2.0", "soon", false},
	} {
		require.Equal(t, c.want, app.NewEnough(c.version, c.needs), "%q for %q", c.version, c.needs)
	}
}
