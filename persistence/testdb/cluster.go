package testdb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"
)

const (
	// startPatience bounds a start: initdb, recovery after a kill, and the wait for the children of
	// a killed server, which hold its shared memory until they notice.
	startPatience = 60 * time.Second
	// stopPatience is how long a server may take to shut down before it is killed.
	stopPatience = 10 * time.Second
	// superuser is the role that owns a cluster. It needs no password.
	superuser = "postgres"
)

var errEnded = errors.New("postgres ended while it was starting")

// Cluster is a private PostgreSQL server with a throw-away folder. It listens on one port of
// 127.0.0.1 and on no socket, trusts whoever connects, and speaks UTF-8, UTC and the C.UTF-8 locale.
// It ends with this process at the latest. Its methods may be used from several goroutines.
type Cluster struct {
	bin      string
	folder   string
	fsync    bool
	copied   bool // or may be
	owner    *syscall.Credential
	guardian *guardian
	port     int

	mu      sync.Mutex // guards what follows
	running *program   // nil while nothing runs
	killed  bool
	stopped bool
	frozen  []int // its processes, nil unless they are stopped
}

// An Option changes how a cluster is started.
type Option func(*Cluster)

// WithFsync makes the server keep its data on a disk and wait for that, as in production. By default
// it does not: a test that kills no server has no use for it.
func WithFsync() Option {
	return func(c *Cluster) { c.fsync = true }
}

// WithStandby lets the server have a standby.
func WithStandby() Option {
	return func(c *Cluster) { c.copied = true }
}

// OnPort makes the server listen on a port that nobody listens on, such as that of one that was stopped.
func OnPort(port int) Option {
	return func(c *Cluster) { c.port = port }
}

// Port returns the port of 127.0.0.1 that the server listens on.
func (c *Cluster) Port() int { return c.port }

// Start makes a new cluster and returns when it accepts connections. Where PostgreSQL 15 or newer is
// missing it is installed if this process is root and has apt-get, else the error says in one line
// what to install. The context bounds the start only; the caller must Stop the cluster.
func Start(ctx context.Context, options ...Option) (*Cluster, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	c := &Cluster{bin: bin}
	for _, option := range options {
		option(c)
	}
	if err := c.makeFolder(); err != nil {
		return nil, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	if err := c.create(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("starting PostgreSQL: %w", err), c.Stop())
	}
	return c, nil
}

// makeFolder makes the cluster's folder and its guardian. PostgreSQL refuses to run as root, so root
// gives the folder to the user postgres, and everything in it is run as that user.
func (c *Cluster) makeFolder() error {
	base := os.TempDir()
	if os.Geteuid() == 0 || c.fsync {
		base = "/tmp" // a TMPDIR may lie in memory, and one of root's where nobody else can enter
	}
	if os.Geteuid() == 0 {
		var err error
		if c.owner, err = credential(superuser); err != nil {
			return err
		}
	}
	if memory := Memory(); !c.fsync && memory != "" {
		base = memory
	}
	folder, err := os.MkdirTemp(base, "canopy-postgres-")
	if err != nil {
		return err
	}
	c.folder = folder
	if c.owner != nil {
		err = os.Chown(folder, int(c.owner.Uid), int(c.owner.Gid))
	}
	if err == nil {
		c.guardian, err = newGuardian(guard, folder)
	}
	if err != nil {
		return errors.Join(err, os.Remove(folder))
	}
	return nil
}

// Memory returns a folder that the system keeps in memory and that has room for the databases of all
// tests, or "" if there is none. Databases are made there several times as fast.
func Memory() string {
	const folder, enough = "/dev/shm", 4 << 30
	var s unix.Statfs_t
	if unix.Statfs(folder, &s) != nil || s.Bavail*uint64(s.Bsize) < enough || unix.Access(folder, unix.W_OK) != nil {
		return ""
	}
	return folder
}

// credential returns the ids of a user of this machine.
func credential(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root and needs the user %s: %w", name, err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// create fills the folder and starts the server in it. A free port may be taken by somebody else
// before the server has it, so a few are tried.
func (c *Cluster) create(ctx context.Context) error {
	initdb := c.command("initdb", "--pgdata", c.data(), "--username", superuser, "--auth", "trust",
		"--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	if err := c.complete(ctx, initdb); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, c.logTail())
	}
	return c.serveSomewhere(ctx)
}

// serveSomewhere starts the server on its port, or on a free one if it has none.
func (c *Cluster) serveSomewhere(ctx context.Context) error {
	if c.port != 0 {
		return c.serve(ctx)
	}
	var err error
	for range 5 {
		if c.port, err = freePort(); err != nil {
			return err
		}
		if err = c.serve(ctx); !errors.Is(err, errEnded) {
			return err
		}
	}
	return err
}

// freePort returns a port of 127.0.0.1 that nobody listens on. It lies below the range from which
// the system takes the ports of outgoing connections, so that none of those can occupy it while the
// server is down.
func freePort() (int, error) {
	var problem error
	for range 100 {
		port := 20000 + rand.IntN(10000)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, l.Close()
		}
		problem = err
	}
	return 0, fmt.Errorf("no free port: %w", problem)
}

// URL returns the address of a database of this cluster, for its superuser. The database need not
// exist; "postgres" always does.
func (c *Cluster) URL(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.User(superuser),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Stop shuts the server down, breaking off what it is doing, and removes the folder. A cluster that
// is stopped cannot be started again. Stopping it once more does nothing.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil
	}
	c.stopped = true
	problem := c.thaw()
	if c.killed {
		// The shared memory of a killed server lies outside the folder. Only a server started on the
		// same folder gives it back.
		problem = errors.Join(problem, c.restart(context.Background()))
	}
	return errors.Join(problem, c.end(syscall.SIGINT), c.guardian.close())
}

// Kill ends the server at once with SIGKILL and keeps the folder, as a crash does. What was committed
// is there again after Restart. The server's children end by themselves a little later. Killing a
// server that does not run is not an error.
func (c *Cluster) Kill() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil
	}
	c.killed = true
	return c.end(syscall.SIGKILL)
}

// Restart starts the server again after Kill, on the same folder and port, and returns when it has
// recovered. It waits for children of the killed server that are still busy, and fails if they are
// for more than a minute.
func (c *Cluster) Restart(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped || !c.killed {
		return errors.New("restarting PostgreSQL: only a killed server can be restarted")
	}
	return c.restart(ctx)
}

func (c *Cluster) restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		// PostgreSQL itself refuses to start while a child of the killed server has its memory.
		err := c.serve(ctx)
		if err == nil {
			c.killed = false
			return nil
		}
		if !errors.Is(err, errEnded) || ctx.Err() != nil {
			return fmt.Errorf("restarting PostgreSQL: %w", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// serve starts the server and returns when it answers. The error is errEnded if it gave up by itself.
func (c *Cluster) serve(ctx context.Context) error {
	args := []string{"-D", c.data(), "-p", strconv.Itoa(c.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=200",
		"-c", "timezone=UTC", "-c", "log_timezone=UTC"}
	if !c.fsync {
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "autovacuum=off")
	}
	switch {
	case c.copied:
		args = append(args, "-c", "wal_log_hints=on", "-c", "wal_retrieve_retry_interval=200ms")
	case !c.fsync:
		args = append(args, "-c", "synchronous_commit=off", "-c", "wal_level=minimal", "-c", "max_wal_senders=0")
	}
	if err := c.launch(c.command("postgres", args...)); err != nil {
		return err
	}
	for !c.answers(ctx) {
		select {
		case <-c.running.ended:
			problem := fmt.Errorf("%w (%v)\n%s", errEnded, c.running.err, c.logTail())
			return errors.Join(problem, c.end(syscall.SIGKILL))
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%w\n%s", ctx.Err(), c.logTail()), c.end(syscall.SIGKILL))
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// answers reports whether this very server, and no other that took the port first, can be used.
func (c *Cluster) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.URL("postgres"))
	if err != nil {
		return false
	}
	defer conn.Close(ctx)
	var folder string
	err = conn.QueryRow(ctx, "SHOW data_directory").Scan(&folder)
	return err == nil && folder == c.data()
}

func (c *Cluster) data() string { return filepath.Join(c.folder, "data") }

func (c *Cluster) log() string { return filepath.Join(c.folder, "log") }

// logTail returns the end of what the cluster's programs wrote.
func (c *Cluster) logTail() string {
	const enough = 2000
	out, err := os.ReadFile(c.log())
	if err != nil {
		return err.Error()
	}
	return string(out[max(0, len(out)-enough):])
}

// command prepares one of PostgreSQL's programs. It gets none of our environment, because variables
// like PGPORT would change what it does, and leaves our folder, which its user may not enter.
func (c *Cluster) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, program), args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.owner, Setsid: true}
	return cmd
}

// A program of the cluster that was launched, and may have ended by itself.
type program struct {
	process *os.Process
	ended   chan struct{}
	err     error // how it ended; to be read after ended is closed
}

// launch starts cmd under the guardian's watch. Its output goes to the log. Whoever launches a
// program must end it, also if it ends by itself.
func (c *Cluster) launch(cmd *exec.Cmd) error {
	log, err := os.OpenFile(c.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	p := &program{process: cmd.Process, ended: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	c.running = p
	if err := c.guardian.watch(cmd.Process.Pid); err != nil {
		return errors.Join(err, c.end(syscall.SIGKILL))
	}
	return nil
}

// complete runs a program of the cluster that ends by itself.
func (c *Cluster) complete(ctx context.Context, cmd *exec.Cmd) error {
	if err := c.launch(cmd); err != nil {
		return err
	}
	p := c.running
	select {
	case <-p.ended:
		return errors.Join(p.err, c.end(syscall.SIGINT))
	case <-ctx.Done():
		return errors.Join(ctx.Err(), c.end(syscall.SIGINT))
	}
}

// end sends a signal to what is running, waits until it is gone, and kills it if that takes too long.
func (c *Cluster) end(signal os.Signal) error {
	p := c.running
	if p == nil {
		return nil
	}
	if err := p.process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.ended:
	case <-time.After(stopPatience):
		if err := p.process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		<-p.ended
	}
	c.running = nil
	return c.guardian.forget()
}
