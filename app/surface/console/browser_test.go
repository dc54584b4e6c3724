package console

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBrowsersHaveReadableNames holds that browsers are named as people know them, and programs as they name themselves.
func TestBrowsersHaveReadableNames(t *testing.T) {
	v := &view{words: &english}
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                         "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36":        "Chrome on Windows",
		"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0":          "Edge on Windows",
		"Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36":           "Chrome on Android",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 Version/19 Safari/604": "Safari on iPhone",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1 Version/19 Safari/605.1":      "Safari on macOS",
		"Mozilla/5.0 (Haiku) Firefox/140.0":                                                              "Firefox", "Mozilla/5.0 (unknown)": "Mozilla/5.0 (unknown)",
		"curl/8.5 Firefox/1": "curl/8.5 Firefox/1", "": "",
	} {
		require.Equal(t, want, v.client(agent), agent)
	}
}
