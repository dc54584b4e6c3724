package testdb

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"time"
)

// guard reads process ids, one a line, until its input ends: because the guardian was closed, or
// because the process at the other end is gone. Then it ends the process it was told last, if any,
// and removes the folder. Removing is tried again, because the children of a killed server may still
// be writing into it.
const guard = `
server=
while read -r line; do server=$line; done
[ -z "$server" ] || kill -CONT "$server" $(cat "/proc/$server/task/$server/children") 2>/dev/null
if [ -n "$server" ] && kill -INT "$server"; then
	left=100
	while kill -0 "$server" && [ $left -gt 0 ]; do sleep 0.1; left=$((left - 1)); done
	[ $left -gt 0 ] || kill -KILL "$server"
fi 2>/dev/null
for again in 1 2 3 4 5; do rm -rf -- "$1" 2>/dev/null && exit 0; sleep 0.5; done
exit 1
`

// guardMany waits as guard does. Then it ends every process that was started with a file of the folder.
const guardMany = `
while read -r line; do :; done
for process in /proc/[0-9]*; do
	if tr '\0' ' ' <"$process/cmdline" | grep -qF -- "$1/"; then kill -KILL "${process#/proc/}"; fi
done 2>/dev/null
exit 0
`

// guardianPatience is longer than the shell above can take.
const guardianPatience = 20 * time.Second

// A guardian cleans up after a cluster, also if this process is killed.
type guardian struct {
	folder string
	cmd    *exec.Cmd
	input  io.WriteCloser
	done   chan error
}

// newGuardian starts a guardian of a folder: what it will do is in the script.
func newGuardian(script, folder string) (*guardian, error) {
	cmd := exec.Command("/bin/sh", "-c", script, "sh", folder)
	cmd.Dir = "/"
	// A session of its own keeps an interrupt typed at the terminal from ending it with us.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	g := &guardian{folder: folder, cmd: cmd, input: input, done: make(chan error, 1)}
	go func() { g.done <- cmd.Wait() }()
	return g, nil
}

// watch names the process that must not outlive this one.
func (g *guardian) watch(pid int) error {
	_, err := fmt.Fprintln(g.input, pid)
	return err
}

// forget says that the process watched has ended, so that its id may belong to another one soon.
func (g *guardian) forget() error {
	_, err := fmt.Fprintln(g.input)
	return err
}

// close lets the guardian do its work and waits for its end.
func (g *guardian) close() error {
	if err := g.input.Close(); err != nil {
		return err
	}
	select {
	case err := <-g.done:
		if err != nil {
			return fmt.Errorf("cleaning up %s: %w", g.folder, err)
		}
		return nil
	case <-time.After(guardianPatience):
		return errors.Join(fmt.Errorf("cleaning up %s takes too long", g.folder), g.cmd.Process.Kill())
	}
}
