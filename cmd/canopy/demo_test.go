package main_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestServeDemo(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := canopy("serve", "--demo").in(at).serve(t)
		eventually(t, func() bool { return strings.HasSuffix(s.out.String(), "/console\n") }, "the line that opens the console")
		words := s.out.String()
		password := regexp.MustCompile(`(?m)^The demo has three organizations\. Everybody's password is (\S+)$`).
			FindStringSubmatch(words)
		require.NotNil(t, password, words)
		curl := regexp.MustCompile(`(?m)^  curl -u (\S+):(\S+) '(\S+)'$`).FindStringSubmatch(words)
		require.NotNil(t, curl, words)
		require.Equal(t, password[1], curl[2])

		console := regexp.MustCompile(`(?m)^Open the console, and sign in as grace\.hopper:\n  (\S+)\n$`).
			FindStringSubmatch(words[strings.Index(words, "Open the console"):])
		require.NotNil(t, console, "the last line: %s", words)
		require.Equal(t, s.address+"/console", console[1])

		path, ours := strings.CutPrefix(curl[3], s.address)
		require.True(t, ours, curl[3])
		require.Len(t, s.as(curl[1], curl[2]).get(t, path).list(t), 3, "what the curl shows")
		grace := s.as("grace.hopper", password[1]).get(t, "/rest/users").list(t)
		everybody := s.as("admin", password[1]).get(t, "/rest/users").list(t)
		require.InDelta(t, 53, len(everybody), 5)
		require.Len(t, grace, 24, "the organization Acme")
		s.stop(t)

		// Once more it is the same directory, and says so.
		s = canopy("serve", "--demo").in(at).serve(t)
		eventually(t, func() bool { return strings.Contains(s.out.String(), "The demo is there from before") }, "the hint")
		require.Equal(t, everybody, s.as("admin", password[1]).get(t, "/rest/users").list(t))
		s.stop(t)
	})
}

func TestServeDemoOnlyIntoAnEmptyDirectory(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		s := serve(t, at)
		s.stop(t)
		line := canopy("serve", "--demo", "--listen", "127.0.0.1:0").in(at).fails(t)
		require.Equal(t, "the directory is not empty; --demo fills only an empty one", line)
		s = serve(t, at)
		require.Len(t, s.admin().get(t, "/rest/users").list(t), 1)
	})
}
