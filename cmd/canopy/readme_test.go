package main_test

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// step is one command of the README with the output that it shows.
type step struct {
	line    int
	command string
	output  string
}

// readme returns the steps of all console blocks of the README.
func readme(t *testing.T) []step {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	var steps []step
	inside := false
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			require.NotContains(t, []string{"```sh", "```bash", "```shell"}, line, "README line %d: commands that nobody runs",
				i+1)
			inside = line == "```console"
		case inside && strings.HasPrefix(line, "$ "):
			steps = append(steps, step{line: i + 1, command: line[2:]})
		case inside:
			steps[len(steps)-1].output += line + "\n"
		}
	}
	require.Greater(t, len(steps), 10)
	return steps
}

// TestReadmeIsTrue runs the commands of the README word by word, in one shell in an empty
// folder, and compares what they print; … stands for anything. Only the folder in which Go
// builds the program is this one, what it would run at once is built already, and the port is a free one.
func TestReadmeIsTrue(t *testing.T) {
	folder := t.TempDir()
	here, err := os.Getwd()
	require.NoError(t, err)
	address := freeAddress(t)
	adapt := func(s string) string {
		s = strings.ReplaceAll(s, "go build -o canopy ./cmd/canopy", "go build -C '"+here+"' -o '"+folder+"/canopy' .")
		s = strings.ReplaceAll(s, "go run ./cmd/canopy", "'"+binary+"'")
		return strings.ReplaceAll(s, "127.0.0.1:8080", address)
	}
	environment := append(os.Environ(), "CANOPY_LISTEN="+address)
	run := func(ctx context.Context, command string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "bash", "-c", command)
		cmd.Dir, cmd.Env = folder, environment
		return cmd
	}
	for _, s := range readme(t) {
		if strings.Contains(s.command, "canopy serve") {
			serveReadme(t, run(t.Context(), "exec env "+adapt(s.command)), adapt(s.output), s.line)
			continue
		}
		out, err := run(t.Context(), adapt(s.command)).Output()
		require.NoError(t, err, "README line %d: %s", s.line, s.command)
		got := strings.ReplaceAll(string(out), "\r", "")
		if got != "" && !strings.HasSuffix(got, "\n") {
			got += "\n" // curl does not end its line
		}
		require.Regexp(t, pattern(adapt(s.output)), got, "README line %d: %s", s.line, s.command)
	}
	require.FileExists(t, filepath.Join(folder, "data", "canopy.db"))
}

// pattern matches text in which … stands for anything.
func pattern(text string) *regexp.Regexp {
	return regexp.MustCompile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(text), "…", ".*?") + "$")
}

// serveReadme starts the server of the tour and compares what it prints until it is ready.
func serveReadme(t *testing.T, cmd *exec.Cmd, want string, line int) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	lines := make(chan string)
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
		close(lines)
	}()
	for _, expected := range strings.Split(strings.TrimSuffix(want, "\n"), "\n") {
		select {
		case got := <-lines:
			require.Regexp(t, pattern(expected), got, "README line %d", line)
		case <-time.After(30 * time.Second):
			t.Fatalf("README line %d: the server did not print %q", line, expected)
		}
	}
}

// freeAddress returns an address of this machine that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}
