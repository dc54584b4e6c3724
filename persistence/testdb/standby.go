package testdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// standbyName is what a standby calls itself.
const standbyName = "standby"

// Standby makes a server that follows c, which was started WithStandby, and returns when what c
// acknowledges is on both. The context bounds that; the caller must Stop the standby. A server has one
// at most, and a standby can have one itself once it was promoted.
func (c *Cluster) Standby(ctx context.Context, options ...Option) (*Cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	s := &Cluster{bin: c.bin, fsync: c.fsync, copied: true}
	for _, option := range options {
		option(s)
	}
	if err := s.makeFolder(); err != nil {
		return nil, fmt.Errorf("starting a standby: %w", err)
	}
	err := s.complete(ctx, s.command("pg_basebackup", "--pgdata", s.data(), "--checkpoint", "fast",
		"--wal-method", "stream", "--write-recovery-conf", "--create-slot", "--slot", standbyName, "--no-sync", "--dbname",
		c.URL("postgres")+"&application_name="+standbyName))
	if err != nil {
		err = fmt.Errorf("pg_basebackup: %w\n%s", err, s.logTail())
	} else {
		err = s.serveSomewhere(ctx)
	}
	if err == nil {
		err = administer(c.URL("postgres"), "ALTER SYSTEM SET synchronous_standby_names = '"+standbyName+"'",
			"SELECT pg_reload_conf()")
	}
	for in := false; err == nil && !in; {
		in, err = c.inStep(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting a standby: %w", err), s.Stop())
	}
	return s, nil
}

// Promote makes a standby a server that takes changes, and returns when it does.
func (c *Cluster) Promote(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, c.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var done bool
	if err := conn.QueryRow(ctx, "SELECT pg_promote(true, 30)").Scan(&done); err != nil {
		return err
	}
	if !done {
		return errors.New("the standby was not promoted in time")
	}
	return nil
}

// inStep reports whether c waits for its standby.
func (c *Cluster) inStep(ctx context.Context) (in bool, err error) {
	time.Sleep(20 * time.Millisecond)
	conn, err := pgx.Connect(ctx, c.URL("postgres"))
	if err != nil {
		return false, err
	}
	defer conn.Close(ctx)
	err = conn.QueryRow(ctx, "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'").Scan(&in)
	return in, err
}

// Freeze stops all processes of the server where they are, as a machine does that hangs. Connections
// to it stay open, and new ones are taken by the system and never answered.
func (c *Cluster) Freeze() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil || c.frozen != nil {
		return errors.New("freezing PostgreSQL: it does not run")
	}
	server := c.running.process.Pid
	if err := syscall.Kill(server, syscall.SIGSTOP); err != nil { // so that it starts no more
		return err
	}
	children, err := childrenOf(server)
	c.frozen = append(children, server)
	for _, child := range children {
		if problem := syscall.Kill(child, syscall.SIGSTOP); !errors.Is(problem, syscall.ESRCH) {
			err = errors.Join(err, problem)
		}
	}
	return err
}

// Thaw lets a frozen server go on.
func (c *Cluster) Thaw() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.thaw()
}

func (c *Cluster) thaw() (err error) {
	for _, process := range c.frozen {
		if problem := syscall.Kill(process, syscall.SIGCONT); !errors.Is(problem, syscall.ESRCH) {
			err = errors.Join(err, problem)
		}
	}
	c.frozen = nil
	return err
}

// childrenOf returns the processes that a process has started.
func childrenOf(process int) ([]int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var children []int
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// The name, in parentheses, may have anything in it; the state and the parent follow.
		rest := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(rest) > 1 && rest[1] == strconv.Itoa(process) {
			id, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				return nil, err
			}
			children = append(children, id)
		}
	}
	return children, nil
}
