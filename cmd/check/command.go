package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// command runs a program, which writes to out. When the context ends, the program and what it has
// started are interrupted.
func command(ctx context.Context, out io.Writer, name string, args ...string) error {
	cmd := prepare(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = out, out
	return cmd.Run()
}

// output runs a program and returns what it writes, without the last line's end. The error holds what
// it says on its standard error.
func output(ctx context.Context, name string, args ...string) (string, error) {
	out, err := prepare(ctx, name, args...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimSuffix(string(out), "\n"), err
}

func prepare(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	// The go command leaves the test programs that it has started running if it is killed alone, so
	// they get a process group that can be interrupted together.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 20 * time.Second
	return cmd
}
