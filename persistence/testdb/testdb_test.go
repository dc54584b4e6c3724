package testdb_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"canopy/persistence/testdb"
)

func TestPostgres(t *testing.T) {
	var first, second string
	t.Run("a test has an empty database to itself", func(t *testing.T) {
		first, second = testdb.Postgres(t), testdb.Postgres(t)
		if first == second {
			t.Fatalf("two databases have the URL %s", first)
		}
		mustExec(t, connect(t, first), "CREATE TABLE mine ()")
		if n := tables(t, second); n != 0 {
			t.Errorf("a fresh database has %d tables", n)
		}
		// Left open on purpose: it must not keep the database alive.
		if _, err := pgx.Connect(context.Background(), first); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("it is gone after the test", func(t *testing.T) {
		for _, address := range []string{first, second} {
			if _, err := pgx.Connect(t.Context(), address); err == nil {
				t.Errorf("%s is still there", address)
			}
		}
	})
}

func TestPostgresFrom(t *testing.T) {
	template := rand.Text() // another one each time, also with -count
	var prepared atomic.Int32
	prepare := func(address string) error {
		prepared.Add(1)
		// Left open on purpose: it must not keep the template from being copied.
		conn, err := pgx.Connect(context.Background(), address)
		if err != nil {
			return err
		}
		_, err = conn.Exec(context.Background(), "CREATE TABLE prepared AS SELECT 1 AS id")
		return err
	}
	t.Run("copies", func(t *testing.T) {
		for range 6 {
			t.Run("is its own", func(t *testing.T) {
				t.Parallel()
				address := testdb.PostgresFrom(t, template, prepare)
				if n := tables(t, address); n != 1 {
					t.Errorf("the copy has %d tables, want 1", n)
				}
				mustExec(t, connect(t, address), "ALTER TABLE prepared RENAME TO mine")
			})
		}
	})
	if n := prepared.Load(); n != 1 {
		t.Errorf("prepared %d times, want once", n)
	}
}

func TestPostgresFromFailingPreparation(t *testing.T) {
	template := rand.Text()
	var prepared int
	for range 2 {
		tb := &recorder{TB: t}
		tb.run(func() {
			testdb.PostgresFrom(tb, template, func(string) error {
				prepared++
				return errors.New("no such luck")
			})
		})
		if !strings.Contains(tb.fatal, "no such luck") {
			t.Errorf("failed with %q, want the error of prepare", tb.fatal)
		}
	}
	if prepared != 1 {
		t.Errorf("prepared %d times, want once", prepared)
	}
}

func TestSQLite(t *testing.T) {
	path := testdb.SQLite(t)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v, want no such file", path, err)
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		t.Errorf("the folder of the file: %v", err)
	}
	if again := testdb.SQLite(t); again == path {
		t.Errorf("two files have the path %s", path)
	}
}

func TestPostgresWithoutSharedServer(t *testing.T) {
	out, err := runTestPostgres("")
	if err != nil || !strings.Contains(out, "--- PASS: TestPostgres ") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestPostgresUnreachable(t *testing.T) {
	out, err := runTestPostgres("postgres://postgres@127.0.0.1:1/postgres")
	if err == nil || !strings.Contains(out, "--- FAIL: TestPostgres ") {
		t.Errorf("%v, want a failed test\n%s", err, out)
	}
}

// runTestPostgres runs TestPostgres in a process of its own, with the given shared server.
func runTestPostgres(server string) (string, error) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestPostgres$", "-test.v")
	cmd.Env = append(os.Environ(), testdb.ServerVariable+"="+server)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// tables returns the number of tables in a database.
func tables(t *testing.T, address string) int {
	t.Helper()
	var n int
	err := connect(t, address).QueryRow(t.Context(),
		"SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'").Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A recorder is a test that keeps its fatal error to itself.
type recorder struct {
	testing.TB
	fatal string
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// run calls f, which may end in Fatalf.
func (r *recorder) run(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}
