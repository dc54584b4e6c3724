package main_test

import (
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// helps returns the help of every command, by its words.
func helps(t *testing.T) map[string]string {
	t.Helper()
	helpOnce.Do(func() { helpTexts = readHelps(t) })
	return helpTexts
}

var (
	helpOnce  sync.Once
	helpTexts map[string]string
)

func readHelps(t *testing.T) map[string]string {
	t.Helper()
	listed := regexp.MustCompile(`(?m)^  ([a-z-]+) +\S`)
	found := make(map[string]string)
	var walk func(words []string)
	walk = func(words []string) {
		help := canopy(append([]string{"help"}, words...)...).succeeds(t)
		found[strings.Join(words, " ")] = help
		_, commands, _ := strings.Cut(help, "\nAvailable Commands:\n")
		commands, _, _ = strings.Cut(commands, "\n\n")
		for _, command := range listed.FindAllStringSubmatch(commands, -1) {
			walk(append(words[:len(words):len(words)], command[1]))
		}
	}
	walk(nil)
	return found
}

func TestHelpIsComplete(t *testing.T) {
	t.Parallel()
	all := helps(t)
	for _, command := range []string{"", "serve", "migrate", "migrate up", "migrate status", "migrate distribute", "import", "export", "backup",
		"restore", "user",
		"user create", "user set-password", "user show", "user activate", "user deactivate", "user delete", "explain",
		"health", "print", "print systemd", "print nginx", "print caddy",
		"version", "completion", "completion bash", "completion zsh", "completion fish", "completion powershell", "help"} {
		require.Contains(t, all, command)
	}
	flag := regexp.MustCompile(`(?m)^ +(?:-\w, +)?--([a-z-]+) *(.*)$`)
	for command, help := range all {
		t.Run("canopy "+command, func(t *testing.T) {
			t.Parallel()
			described, _, _ := strings.Cut(help, "\n")
			require.Greater(t, len(strings.Fields(described)), 2, "it begins with what the command does")
			require.Contains(t, help, "\nUsage:\n  canopy")
			require.Contains(t, help, "\nExamples:\n")
			for _, f := range flag.FindAllStringSubmatch(help, -1) {
				require.NotEmpty(t, f[2], "--%s is described", f[1])
				if f[1] != "help" {
					require.Contains(t, f[2], "[CANOPY_"+strings.ToUpper(strings.ReplaceAll(f[1], "-", "_"))+"]")
				}
			}
			if command != "" {
				require.Equal(t, help, canopy(append(strings.Fields(command), "--help")...).succeeds(t))
			}
		})
	}
}

// The examples are of commands and flags that there are: with --help behind they run.
func TestHelpExamplesRun(t *testing.T) {
	t.Parallel()
	example := regexp.MustCompile(`(?m)^  (?:[A-Z_]+=\S+ |source <\()?canopy ([^>)\n]*)`)
	for command, help := range helps(t) {
		_, examples, _ := strings.Cut(help, "\nExamples:\n")
		examples, _, _ = strings.Cut(examples, "\n\n")
		lines := strings.Split(strings.TrimRight(examples, "\n"), "\n")
		found := example.FindAllStringSubmatch(examples, -1)
		require.Len(t, found, len(lines), "each line of the examples of %q is one", command)
		for _, e := range found {
			canopy(append(strings.Fields(e[1]), "--help")...).succeeds(t)
			if command != "" {
				require.True(t, strings.HasPrefix(e[1], command), "%q is no example of %q", e[0], command)
			}
		}
	}
}

func TestHelpOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	for _, words := range []string{"grow", "migrate sideways", "user rename", "completion tcsh", "help grow",
		"help user rename", "version 2"} {
		require.Contains(t, canopy(strings.Fields(words)...).fails(t), "unknown command")
	}
	for _, words := range []string{"", "migrate", "user", "completion"} {
		require.Contains(t, canopy(strings.Fields(words)...).succeeds(t), "Available Commands:")
	}
	for words, want := range map[string]string{
		"import":                 "accepts 1 arg",
		"import a b":             "accepts 1 arg",
		"import missing.json":    "no such file",
		"import .":               "is a folder",
		"export more":            "unknown command",
		"export --format xml":    `--format: "xml" is neither json nor csv`,
		"user create":            "accepts 1 arg",
		"explain --permission x": `--permission: "x" is not one of profile:read`,
	} {
		require.Contains(t, canopy(strings.Fields(words)...).in(inSQLite(t)).fails(t), want, words)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	require.Regexp(t, `\Acanopy \S+( [0-9a-f]{40})? go1\.\S+\n\z`, canopy("version").succeeds(t))
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		script := canopy("completion", shell).succeeds(t)
		require.Contains(t, script, "canopy")
		require.Contains(t, script, "__complete")
	}
	// What the scripts ask for.
	require.Contains(t, canopy("__complete", "user", "").succeeds(t), "set-password\tGive a user another password")
	require.Contains(t, canopy("__complete", "serve", "--tls").succeeds(t), "--tls-self-signed\t")
}
