package main_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/persistence/testdb"
)

// patience bounds every wait for something that must come. It is no measure of speed.
const patience = 3 * time.Minute

// eventually waits until a condition holds.
func eventually(t testing.TB, holds func() bool, what string, args ...any) {
	t.Helper()
	for limit := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			require.Failf(t, "it did not come", what, args...)
		}
	}
}

// A place is where a directory lies, as flags of every command.
type place []string

func inSQLite(t testing.TB) place { return place{"--data", t.TempDir()} }

func inPostgres(t testing.TB) place {
	return place{"--data", t.TempDir(), "--database-url", testdb.Postgres(t)}
}

// data returns the folder of the server's key and the embedded database.
func (p place) data() string { return p[1] }

// places are the engines; every behaviour is the same on both.
var places = map[string]func(testing.TB) place{"sqlite": inSQLite, "postgres": inPostgres}

// everywhere runs a test on both engines, beside other tests.
func everywhere(t *testing.T, test func(t *testing.T, at place)) {
	t.Parallel()
	for engine, at := range places {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			test(t, at(t))
		})
	}
}

// An invocation is the program with arguments, before it is run.
type invocation struct {
	program   string
	args, env []string
	stdin     string
}

// canopy returns the program with arguments. It sees none of the variables that set it up, but
// those given.
func canopy(args ...string) *invocation {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "CANOPY_") })
	return &invocation{program: binary, args: args, env: env}
}

func (i *invocation) in(p place) *invocation {
	i.args = append(i.args, p...)
	return i
}

func (i *invocation) with(variable, value string) *invocation {
	i.env = append(i.env, variable+"="+value)
	return i
}

func (i *invocation) reading(stdin string) *invocation {
	i.stdin = stdin
	return i
}

// start runs the program; it is killed at the end of the test at the latest.
func (i *invocation) start(t testing.TB) *program {
	t.Helper()
	p := &program{gone: make(chan struct{})}
	p.cmd = exec.Command(i.program, i.args...)
	p.cmd.Env, p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = i.env, strings.NewReader(i.stdin), &p.out, &p.err
	require.NoError(t, p.cmd.Start())
	p.watch(t)
	return p
}

// run runs the program to its end.
func (i *invocation) run(t testing.TB) *program {
	t.Helper()
	p := i.start(t)
	p.wait(t)
	return p
}

// succeeds runs the program to an end without error, and returns what it printed.
func (i *invocation) succeeds(t testing.TB) string {
	t.Helper()
	p := i.run(t)
	require.Zero(t, p.code(), "%v: %s", i.args, p.err.String())
	return p.out.String()
}

// fails runs the program to an end with an error, which must be one plain line, and returns that.
func (i *invocation) fails(t testing.TB) string {
	t.Helper()
	p := i.run(t)
	line := p.err.String()
	require.Equal(t, 1, p.code(), "%v: %s", i.args, line)
	require.Regexp(t, `\Acanopy: [^\n]+\n\z`, line, "%v", i.args)
	return strings.TrimSuffix(strings.TrimPrefix(line, "canopy: "), "\n")
}

// A program is a running process, or one that has ended.
type program struct {
	cmd      *exec.Cmd
	out, err transcript
	gone     chan struct{} // closed when it has ended
}

func (p *program) watch(t testing.TB) {
	keep.began(p.cmd.Process.Pid)
	go func() {
		_ = p.cmd.Wait()
		keep.ended(p.cmd.Process.Pid)
		close(p.gone)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.gone
		if t.Failed() {
			t.Logf("%v said:\n%s%s", p.cmd.Args[1:], p.out.tail(), p.err.tail())
		}
	})
}

// wait waits for the end.
func (p *program) wait(t testing.TB) {
	t.Helper()
	select {
	case <-p.gone:
	case <-time.After(patience):
		require.Failf(t, "it does not end", "%v: %s", p.cmd.Args[1:], p.err.tail())
	}
}

// code returns how it ended: 0 is well, -1 by a signal.
func (p *program) code() int { return p.cmd.ProcessState.ExitCode() }

// kill ends it as a crash does.
func (p *program) kill(t testing.TB) {
	t.Helper()
	p.signal(t, syscall.SIGKILL)
	p.wait(t)
}

func (p *program) signal(t testing.TB, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); !errors.Is(err, os.ErrProcessDone) {
		require.NoError(t, err)
	}
}

// stop ends it as an operator does, and it must end well.
func (p *program) stop(t testing.TB) {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	p.wait(t)
	require.Zero(t, p.code(), p.err.tail())
}

// A transcript is what a program has written so far.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *transcript) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *transcript) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// tail returns the end of it, for messages.
func (w *transcript) tail() string {
	const enough = 1500
	text := w.String()
	return text[max(0, len(text)-enough):]
}
