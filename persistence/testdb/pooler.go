package testdb

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Pooler starts a pgbouncer in transaction mode with a handful of connections to a server, and returns
// the address of the same database through it. It is stopped when the test ends. Where pgbouncer is
// missing it is installed, as PostgreSQL is.
func Pooler(tb testing.TB, address string) string {
	tb.Helper()
	notShort(tb)
	ctx, cancel := context.WithTimeout(tb.Context(), startPatience)
	defer cancel()
	through, stop, err := startPooler(ctx, address)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := stop(); err != nil {
			tb.Errorf("stopping pgbouncer: %v", err)
		}
	})
	return through
}

func startPooler(ctx context.Context, address string) (through string, stop func() error, err error) {
	program, err := findOrInstall("pgbouncer", "/usr/sbin/pgbouncer")
	if err != nil {
		return "", nil, err
	}
	server, err := url.Parse(address)
	if err != nil {
		return "", nil, err
	}
	c := &Cluster{bin: filepath.Dir(program)}
	if err := c.makeFolder(); err != nil {
		return "", nil, fmt.Errorf("starting pgbouncer: %w", err)
	}
	stop = func() error { return errors.Join(c.end(syscall.SIGTERM), c.guardian.close()) }
	if c.port, err = freePort(); err == nil {
		err = c.pool(ctx, server)
	}
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("starting pgbouncer: %w\n%s", err, c.logTail()), stop())
	}
	server.Host = "127.0.0.1:" + strconv.Itoa(c.port)
	return server.String(), stop, nil
}

// pool starts pgbouncer and returns when it lets clients through.
func (c *Cluster) pool(ctx context.Context, server *url.URL) error {
	settings := filepath.Join(c.folder, "pgbouncer.ini")
	text := fmt.Sprintf(`[databases]
* = host=%s port=%s user=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 5
`, server.Hostname(), server.Port(), server.User.Username(), c.port)
	if err := os.WriteFile(settings, []byte(text), 0o644); err != nil { //nolint:gosec // another user reads it
		return err
	}
	if err := c.launch(c.command("pgbouncer", settings)); err != nil {
		return err
	}
	through := *server
	through.Host = "127.0.0.1:" + strconv.Itoa(c.port)
	for {
		conn, err := pgx.Connect(ctx, through.String())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-c.running.ended:
			return errEnded
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// findOrInstall returns a program of the package of the same name.
func findOrInstall(name, place string) (string, error) {
	find := func() string {
		for _, file := range []string{name, place} {
			if path, err := exec.LookPath(file); err == nil {
				return path
			}
		}
		return ""
	}
	if path := find(); path != "" {
		return path, nil
	}
	problem := Install(name)
	if path := find(); path != "" {
		return path, nil
	}
	return "", fmt.Errorf("%s is missing: install the package %s (%w)", name, name, problem)
}
