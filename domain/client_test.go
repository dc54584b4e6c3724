package domain_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// TestProgramsAreNamedPlainly holds that nothing but a plain word is taken for the name of a program, since letters
// have it.
func TestProgramsAreNamedPlainly(t *testing.T) {
	for agent, want := range map[string]string{
		"curl/8.5.0": "curl", "okhttp": "okhttp", "Go-http-client/2.0": "Go-http-client", "": "", "/1": "",
		"evil.example/1": "", "Your account is locked/1": "", "curl\n": "", "curl:8": "",
	} {
		require.Equal(t, want, domain.ProgramOf(agent), agent)
	}
}
