//go:build linux

package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A terminal is a pseudo-terminal with a person before it.
type terminal struct {
	keyboard, screen *os.File // the person's side, and the program's
	shown            transcript
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	screen, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(int(screen.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 25, Col: 80}))
	tt := &terminal{keyboard: keyboard, screen: screen}
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = keyboard.WriteTo(&tt.shown) // ends with an error when the program's side is closed
	}()
	t.Cleanup(func() {
		screen.Close()
		<-read
		keyboard.Close()
	})
	return tt
}

// run runs an invocation whose standard error is the terminal, and its standard input too if that
// is asked for.
func (tt *terminal) run(t *testing.T, i *invocation, asking bool) *program {
	t.Helper()
	p := &program{gone: make(chan struct{})}
	p.cmd = exec.Command(binary, i.args...)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = append(i.env, "TERM=xterm"), &p.out, tt.screen
	if asking {
		p.cmd.Stdin = tt.screen
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	require.NoError(t, p.cmd.Start())
	p.watch(t)
	return p
}

// answer waits for a question whose answer is not shown, and types it.
func (tt *terminal) answer(t *testing.T, question, answer string) {
	t.Helper()
	eventually(t, func() bool {
		settings, err := unix.IoctlGetTermios(int(tt.screen.Fd()), unix.TCGETS)
		require.NoError(t, err)
		return strings.HasSuffix(tt.shown.String(), question) && settings.Lflag&unix.ECHO == 0
	}, question)
	_, err := tt.keyboard.WriteString(answer + "\n")
	require.NoError(t, err)
}

func TestImportShowsABarOnATerminal(t *testing.T) {
	t.Parallel()
	table, _ := community(3, 5, 400)
	file := write(t, "community.csv", table)

	tt, at := newTerminal(t), inSQLite(t)
	p := tt.run(t, importFile(at, file, "--create-environments"), false)
	p.wait(t)
	require.Zero(t, p.code(), tt.shown.String())
	eventually(t, func() bool {
		return regexp.MustCompile(`users 100% \|█+\| \(1200/1200, [^)]*\)`).MatchString(tt.shown.String())
	},
		"a full bar in %q", tt.shown.String())
	require.Regexp(t, `users +0% \| +\|`, tt.shown.String(), "it begins empty")
	require.NotContains(t, p.out.String(), "100%")

	// Somewhere else there is no trace of it.
	quiet := importFile(inSQLite(t), file, "--create-environments").run(t)
	require.Zero(t, quiet.code())
	require.Empty(t, quiet.err.String())
	require.Equal(t, p.out.String(), quiet.out.String())
	require.NotContains(t, quiet.out.String(), "\r")
}

// A document that is refused leaves no full bar behind.
func TestImportOfARefusedDocumentOnATerminal(t *testing.T) {
	t.Parallel()
	tt := newTerminal(t)
	p := tt.run(t, importFile(inSQLite(t), write(t, "people.csv", "alias,role\nada,king\n")), false)
	p.wait(t)
	require.Equal(t, 1, p.code())
	eventually(t, func() bool { return strings.HasSuffix(tt.shown.String(), "\r\n") }, "a line")
	lines := strings.Split(strings.TrimSpace(tt.shown.String()), "\n")
	require.Contains(t, tt.shown.String(), "line 2: role: Give one of user, power, oadmin and superUser.")
	require.Equal(t, "canopy: nothing was imported, because some of the lines above cannot be read", lines[len(lines)-1])
	require.NotContains(t, tt.shown.String(), "100%")
}

func TestPasswordIsAskedForOnATerminal(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	s := serve(t, at)
	ask := func(once, again string) (*program, *terminal) {
		tt := newTerminal(t)
		p := tt.run(t, canopy("user", "set-password", "admin").in(at), true)
		tt.answer(t, "New password: ", once)
		tt.answer(t, "Again: ", again)
		p.wait(t)
		require.NotContains(t, tt.shown.String(), once, "what is typed is not shown")
		return p, tt
	}
	p, tt := ask("typed by hand", "typed by hands")
	require.Equal(t, 1, p.code())
	eventually(t, func() bool { return strings.Contains(tt.shown.String(), "the passwords differ") }, "the reason")
	s.admin().get(t, "/rest/me").ok(t)
	p, tt = ask("typed by hand", "typed by hand")
	require.Zero(t, p.code(), tt.shown.String())
	s.as("admin", "typed by hand").get(t, "/rest/me").ok(t)
}

// Ctrl-C ends the question, and what is typed afterwards is shown again.
func TestPasswordPromptCanBeInterrupted(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	serve(t, at).stop(t)
	tt := newTerminal(t)
	echoes := func() bool {
		settings, err := unix.IoctlGetTermios(int(tt.screen.Fd()), unix.TCGETS)
		require.NoError(t, err)
		return settings.Lflag&unix.ECHO != 0
	}
	p := tt.run(t, canopy("user", "set-password", "admin").in(at), true)
	eventually(t, func() bool { return strings.HasSuffix(tt.shown.String(), "New password: ") && !echoes() },
		"the question")
	p.signal(t, syscall.SIGINT)
	p.wait(t)
	require.Equal(t, 1, p.code())
	require.True(t, echoes())
	eventually(t, func() bool { return strings.Contains(tt.shown.String(), "canopy: interrupted") }, "the reason")
}
