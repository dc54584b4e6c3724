package testdb_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"canopy/persistence/testdb"
)

// lonelyVariable makes the test program start a cluster, print where it is, and wait to be killed.
const lonelyVariable = "CANOPY_TESTDB_LONELY"

func TestMain(m *testing.M) {
	if os.Getenv(lonelyVariable) != "" {
		startAndWait()
	}
	if flag.Parse(); testing.Short() && !testdb.Race {
		_ = flag.Set("test.skip", "Postgres|Cluster")
	}
	testdb.Main(m)
}

func startAndWait() {
	c, err := testdb.Start(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(c.URL("postgres"))
	time.Sleep(10 * time.Minute)
}

func TestClusterSettings(t *testing.T) {
	t.Parallel()
	c := testdb.Server(t)
	conn := connect(t, c.URL("postgres"))
	for setting, want := range map[string]string{
		"listen_addresses":        "127.0.0.1",
		"unix_socket_directories": "",
		"fsync":                   "off",
		"max_connections":         "200",
		"server_encoding":         "UTF8",
		"lc_collate":              "C.UTF-8",
		"lc_ctype":                "C.UTF-8",
		"timezone":                "UTC",
	} {
		if got := show(t, conn, setting); got != want {
			t.Errorf("%s is %q, want %q", setting, got, want)
		}
	}
	if got := show(t, conn, "server_version_num"); got < "150000" {
		t.Errorf("server_version_num is %s, want at least 150000", got)
	}
}

func TestClusterStop(t *testing.T) {
	t.Parallel()
	c := testdb.Server(t)
	address := c.URL("postgres")
	folder := show(t, connect(t, address), "data_directory")
	if err := c.Stop(); err != nil {
		t.Fatalf("Stop with an open connection: %v", err)
	}
	requireGone(t, address, folder)
	if err := c.Stop(); err != nil {
		t.Errorf("Stop a second time: %v", err)
	}
	if err := c.Restart(t.Context()); err == nil {
		t.Error("a stopped cluster was restarted")
	}
}

func TestClusterKillAndRestart(t *testing.T) {
	t.Parallel()
	c := testdb.Server(t, testdb.WithFsync())
	address := c.URL("postgres")
	conn := connect(t, address)
	if got := show(t, conn, "fsync"); got != "on" {
		t.Fatalf("fsync is %s, want on", got)
	}
	mustExec(t, conn, "CREATE TABLE kept (id bigint PRIMARY KEY)")
	for range 3 {
		mustExec(t, conn, "INSERT INTO kept SELECT coalesce(max(id), 0) + 1 FROM kept")
		open := connect(t, address)
		mustExec(t, open, "BEGIN")
		mustExec(t, open, "INSERT INTO kept VALUES (1000)")
		// A busy child of the killed server does not notice at once, and must be waited for.
		busy, done := connect(t, address), make(chan struct{})
		go func() {
			defer close(done)
			_, _ = busy.Exec(context.Background(), "SELECT count(*) FROM generate_series(1, 2000000)")
		}()

		if err := c.Kill(); err != nil {
			t.Fatalf("Kill: %v", err)
		}
		if err := c.Kill(); err != nil {
			t.Fatalf("Kill a second time: %v", err)
		}
		if _, err := pgx.Connect(t.Context(), address); err == nil {
			t.Fatal("the killed server answers")
		}
		if err := c.Restart(t.Context()); err != nil {
			t.Fatalf("Restart: %v", err)
		}
		<-done
		conn = connect(t, address)
	}
	var ids []int64
	rows, err := conn.Query(t.Context(), "SELECT id FROM kept ORDER BY id")
	if err == nil {
		ids, err = pgx.CollectRows(rows, pgx.RowTo[int64])
	}
	if err != nil || fmt.Sprint(ids) != "[1 2 3]" {
		t.Errorf("kept %v (%v), want [1 2 3]", ids, err)
	}
	if err := c.Restart(t.Context()); err == nil {
		t.Error("a running cluster was restarted")
	}
}

func TestClusterStopAfterKill(t *testing.T) {
	t.Parallel()
	c := testdb.Server(t)
	address := c.URL("postgres")
	folder := show(t, connect(t, address), "data_directory")
	if err := errors.Join(c.Kill(), c.Stop()); err != nil {
		t.Fatal(err)
	}
	requireGone(t, address, folder)
}

func TestClusterEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	lonely := exec.Command(os.Args[0])
	lonely.Env = append(os.Environ(), lonelyVariable+"=1")
	lonely.Stderr = os.Stderr
	out, err := lonely.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := lonely.Start(); err != nil {
		t.Fatal(err)
	}
	var address string
	_, err = fmt.Fscanln(out, &address)
	if err != nil {
		t.Fatal(errors.Join(err, lonely.Process.Kill()))
	}
	folder := show(t, connect(t, address), "data_directory")
	if err := lonely.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = lonely.Wait()
	requireGone(t, address, folder)
}

func TestStartIsGivenUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	c, err := testdb.Start(ctx)
	if c != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Start returned %v and %v, want the context's error", c, err)
	}
}

// requireGone waits for a server and its folder to disappear. The guardian takes ten seconds where
// nobody collects the server's exit status.
func requireGone(t *testing.T, address, folder string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		conn, dialErr := net.Dial("tcp", u.Host)
		if dialErr == nil {
			conn.Close()
		}
		_, statErr := os.Stat(strings.TrimSuffix(folder, "/data"))
		if dialErr != nil && errors.Is(statErr, os.ErrNotExist) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("the server at %s or its folder %s is still there", u.Host, folder)
}

// connect returns a connection that is closed when the test ends.
func connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func show(t *testing.T, conn *pgx.Conn, setting string) string {
	t.Helper()
	var value string
	if err := conn.QueryRow(t.Context(), "SHOW "+setting).Scan(&value); err != nil {
		t.Fatalf("SHOW %s: %v", setting, err)
	}
	return value
}

func mustExec(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
