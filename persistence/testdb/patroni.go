package testdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// managedPatience bounds the start of managed servers, and how long they take to be whole again.
const managedPatience = 3 * time.Minute

// Managed are three servers of PostgreSQL of which Patroni, by way of etcd, has one take changes. What that
// acknowledges is on a second one too.
type Managed struct {
	base     *Cluster // its folder, its user and its programs
	guardian *guardian
	etcd     *exec.Cmd
	nodes    [3]*node
}

// A node is one of them with the Patroni that looks after it.
type node struct {
	name    string
	data    string
	port    int
	rest    int       // the port of Patroni's own interface
	patroni *exec.Cmd // nil while it does not run
	frozen  []int     // processes that are stopped
}

// Patroni starts managed servers, and returns when there are three and one of them follows in step. They are stopped
// when the test ends. It needs Debian's packages patroni, etcd-server and python3-etcd.
func Patroni(tb testing.TB) *Managed {
	tb.Helper()
	notShort(tb)
	m := &Managed{base: &Cluster{bin: "/usr/bin"}}
	if err := m.base.makeFolder(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := m.stop(); err != nil {
			tb.Errorf("stopping Patroni: %v", err)
		}
	})
	if err := m.start(tb.Context()); err != nil {
		tb.Fatalf("starting Patroni: %v\n%s", err, m.base.logTail())
	}
	return m
}

func (m *Managed) start(ctx context.Context) (err error) {
	if m.guardian, err = newGuardian(guardMany, m.base.folder); err != nil {
		return err
	}
	bin, err := programs()
	if err != nil {
		return err
	}
	ports := make([]int, 8)
	for i := range ports {
		if ports[i], err = freePort(); err != nil {
			return err
		}
	}
	clients, peers := fmt.Sprintf("http://127.0.0.1:%d", ports[6]), fmt.Sprintf("http://127.0.0.1:%d", ports[7])
	// Of its interfaces the old one is taken: Patroni 3.0 loses the lock to a leader that was stopped for long, and
	// with it what was acknowledged since, by the new one.
	m.etcd, err = m.launch("etcd", "--enable-v2", "--unsafe-no-fsync", "--name", "one",
		"--data-dir", filepath.Join(m.base.folder, "etcd"), "--listen-client-urls", clients,
		"--advertise-client-urls", clients, "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers,
		"--initial-cluster", "one="+peers)
	if err != nil {
		return err
	}
	for i := range m.nodes {
		n := &node{name: fmt.Sprintf("n%d", i+1), port: ports[2*i], rest: ports[2*i+1]}
		n.data = filepath.Join(m.base.folder, n.name)
		m.nodes[i] = n
		settings := []byte(n.settings(m.base.folder, bin, ports[6]))
		if err := os.WriteFile(n.data+".yml", settings, 0o644); err != nil { //nolint:gosec // another user reads it
			return err
		}
		if err := m.run(n); err != nil {
			return err
		}
		if err := m.await(ctx, "a leader", func() bool { return m.leader(ctx) != nil }); err != nil {
			return err // the others copy it
		}
	}
	return m.Whole(ctx)
}

// settings returns the settings of a node's Patroni.
func (n *node) settings(folder, bin string, etcd int) string {
	return strings.NewReplacer("NAME", n.name, "FOLDER", folder, "BIN", bin, "PORT", strconv.Itoa(n.port),
		"REST", strconv.Itoa(n.rest), "ETCD", strconv.Itoa(etcd)).Replace(`
scope: canopy
name: NAME
restapi: {listen: "127.0.0.1:REST", connect_address: "127.0.0.1:REST"}
etcd: {hosts: "127.0.0.1:ETCD"}
bootstrap:
  dcs:
    ttl: 10
    loop_wait: 1
    retry_timeout: 3
    primary_start_timeout: 0
    synchronous_mode: true
    failsafe_mode: true
    maximum_lag_on_failover: 1048576
    postgresql:
      use_pg_rewind: true
      use_slots: true
      parameters: {wal_log_hints: "on", wal_retrieve_retry_interval: 200ms, max_connections: 100, fsync: "off"}
  initdb: [{encoding: UTF8}, {locale: C.UTF-8}, {auth-host: trust}, {auth-local: trust}, no-sync]
  pg_hba: ["local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]
postgresql:
  listen: "127.0.0.1:PORT"
  connect_address: "127.0.0.1:PORT"
  data_dir: FOLDER/NAME
  bin_dir: BIN
  pgpass: FOLDER/NAME.pgpass
  authentication:
    superuser: {username: postgres}
    replication: {username: replicator}
    rewind: {username: rewinder}
  parameters: {unix_socket_directories: FOLDER}
`)
}

// launch starts a program whose output goes to the log.
func (m *Managed) launch(program string, args ...string) (*exec.Cmd, error) {
	log, err := os.OpenFile(m.base.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := m.base.command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	return cmd, cmd.Start()
}

func (m *Managed) run(n *node) (err error) {
	n.patroni, err = m.launch("patroni", n.data+".yml")
	return err
}

// await waits until a condition holds.
func (m *Managed) await(ctx context.Context, what string, holds func() bool) error {
	for limit := time.Now().Add(managedPatience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(limit) || ctx.Err() != nil {
			return fmt.Errorf("there is not %s in time", what)
		}
	}
	return nil
}

// URL names all servers, and asks for the one that takes changes.
func (m *Managed) URL() string {
	var hosts []string
	for _, n := range m.nodes {
		hosts = append(hosts, fmt.Sprintf("127.0.0.1:%d", n.port))
	}
	return "postgres://" + superuser + "@" + strings.Join(hosts, ",") +
		"/postgres?sslmode=disable&target_session_attrs=read-write&connect_timeout=2"
}

// leader returns the node that takes changes, nil for none.
func (m *Managed) leader(ctx context.Context) *node {
	for _, n := range m.nodes {
		if n != nil && n.leads(ctx) {
			return n
		}
	}
	return nil
}

// leads reports whether a node takes changes.
func (n *node) leads(ctx context.Context) (leads bool) {
	if n.patroni == nil || n.frozen != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://%s@127.0.0.1:%d/postgres?sslmode=disable", superuser, n.port))
	if err != nil {
		return false
	}
	defer conn.Close(ctx)
	err = conn.QueryRow(ctx, "SELECT NOT pg_is_in_recovery()").Scan(&leads)
	return err == nil && leads
}

// Whole returns when one server takes changes and two follow, one of them in step.
func (m *Managed) Whole(ctx context.Context) error {
	var said string
	err := m.await(ctx, "three servers", func() bool {
		if m.leader(ctx) == nil {
			return false
		}
		text, err := m.control("list", "--format", "tsv").Output()
		said = string(text)
		var roles []string
		for line := range strings.Lines(said) {
			columns := strings.Split(line, "\t") // cluster, member, address, role, state and more
			if len(columns) > 4 && (columns[4] == "running" || columns[4] == "streaming") {
				roles = append(roles, columns[3])
			}
		}
		slices.Sort(roles)
		return err == nil && slices.Equal(roles, []string{"Leader", "Replica", "Sync Standby"})
	})
	if err != nil {
		err = fmt.Errorf("%w:\n%s", err, said)
	}
	return err
}

// control prepares Patroni's program for operators.
func (m *Managed) control(args ...string) *exec.Cmd {
	cmd := m.base.command("patronictl", append([]string{"-c", m.nodes[0].data + ".yml"}, args...)...)
	cmd.Env = append(cmd.Env, "HOME="+m.base.folder)
	return cmd
}

// An Event takes the lead from a server, which Whole has back when the returned function was called.
type Event func(ctx context.Context, m *Managed, leader *node) (repair func() error, err error)

// Happen lets an event happen to the server that takes changes, and returns when another one does: when that was, and
// what repairs the first.
func (m *Managed) Happen(ctx context.Context, e Event) (promoted time.Time, repair func() error, err error) {
	leader := m.leader(ctx)
	if leader == nil {
		return promoted, nil, errors.New("no server takes changes")
	}
	if repair, err = e(ctx, m, leader); err != nil {
		return promoted, nil, err
	}
	err = m.await(ctx, "another leader", func() bool {
		for _, n := range m.nodes {
			if n != leader && n.leads(ctx) {
				return true
			}
		}
		return false
	})
	return time.Now(), repair, err
}

// Switchover has another server take the lead, as planned.
func Switchover(ctx context.Context, m *Managed, leader *node) (func() error, error) {
	said, err := m.control("switchover", "--leader", leader.name, "--force").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("patronictl: %w\n%s", err, said)
	}
	return func() error { return nil }, err
}

// Crash kills a server and its Patroni, as the loss of a machine does.
func Crash(_ context.Context, m *Managed, leader *node) (func() error, error) {
	processes, err := leader.processes()
	if err != nil {
		return nil, err
	}
	err = signalAll(processes, syscall.SIGKILL)
	_ = leader.patroni.Wait() // it was killed
	leader.patroni = nil
	return func() error { return m.run(leader) }, err
}

// Freeze stops a server and its Patroni where they are, as a machine does that hangs. Repaired, they go on.
func Freeze(_ context.Context, _ *Managed, leader *node) (func() error, error) {
	processes, err := leader.processes()
	if err != nil {
		return nil, err
	}
	leader.frozen = processes
	return leader.thaw, signalAll(processes, syscall.SIGSTOP)
}

func (n *node) thaw() error {
	frozen := n.frozen
	n.frozen = nil
	return signalAll(frozen, syscall.SIGCONT)
}

// processes returns Patroni, the server, and the server's processes.
func (n *node) processes() ([]int, error) {
	text, err := os.ReadFile(filepath.Join(n.data, "postmaster.pid"))
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	server, err := strconv.Atoi(first)
	if err != nil {
		return nil, err
	}
	children, err := childrenOf(server)
	return append([]int{n.patroni.Process.Pid, server}, children...), err
}

// signalAll sends a signal to processes, some of which may have ended.
func signalAll(processes []int, signal syscall.Signal) (err error) {
	for _, process := range processes {
		if problem := syscall.Kill(process, signal); !errors.Is(problem, syscall.ESRCH) {
			err = errors.Join(err, problem)
		}
	}
	return err
}

// stop ends everything: each Patroni stops its server, those that lead last.
func (m *Managed) stop() (err error) {
	for _, n := range m.nodes {
		if n != nil && n.patroni != nil {
			err = errors.Join(err, n.thaw(), n.patroni.Process.Signal(syscall.SIGTERM))
		}
	}
	for _, n := range m.nodes {
		if n != nil && n.patroni != nil {
			_ = n.patroni.Wait() // it was told to end
		}
	}
	if m.etcd != nil {
		err = errors.Join(err, m.etcd.Process.Kill())
		_ = m.etcd.Wait() // it was killed
	}
	if m.guardian != nil {
		err = errors.Join(err, m.guardian.close())
	}
	return errors.Join(err, m.base.guardian.close())
}
