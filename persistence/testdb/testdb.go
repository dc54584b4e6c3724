package testdb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// ServerVariable names the environment variable with the address of the server that Postgres and
// PostgresFrom use: a postgres:// URL for a role that may create databases.
const ServerVariable = "CANOPY_TEST_POSTGRES_URL"

// statementPatience bounds what is done around a test: making and dropping a database.
const statementPatience = time.Minute

// Postgres returns the URL of an empty database that only this test knows. It is dropped when the
// test ends, also if connections to it are left open. Without a PostgreSQL the test fails; with -short
// it is skipped, except under the race detector.
func Postgres(tb testing.TB) string {
	tb.Helper()
	return create(tb, "template0")
}

// PostgresFrom is like Postgres for a database that prepare has filled. Preparing is done once in a
// process for each name of a template; every test gets a copy of the result. Where prepare fails,
// each test that wants a copy fails with its error. Connections that prepare leaves open are closed.
func PostgresFrom(tb testing.TB, template string, prepare func(url string) error) string {
	tb.Helper()
	server := serverURL(tb)
	t, _ := templates.LoadOrStore(template, &preparation{name: newName()})
	p := t.(*preparation)
	p.once.Do(func() {
		p.err = errors.New("it did not come to its end") // if prepare leaves by a panic or Goexit
		p.err = p.make(server, prepare)
	})
	if p.err != nil {
		tb.Fatalf("preparing the database template %s: %v", template, p.err)
	}
	return create(tb, p.name)
}

// SQLite returns the path of a database file that does not exist yet. It is removed, with what
// SQLite puts beside it, when the test ends.
func SQLite(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "canopy.db")
}

// SQLiteFrom is like SQLite for a file that prepare has filled and closed. As with PostgresFrom,
// preparing is done once in a process for each name of a template.
func SQLiteFrom(tb testing.TB, template string, prepare func(path string) error) string {
	tb.Helper()
	content, _ := files.LoadOrStore(template, sync.OnceValues(func() ([]byte, error) {
		folder, err := os.MkdirTemp("", "canopy-template-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(folder)
		path := filepath.Join(folder, "canopy.db")
		if err := prepare(path); err != nil {
			return nil, err
		}
		return os.ReadFile(path)
	}))
	text, err := content.(func() ([]byte, error))()
	path := SQLite(tb)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		tb.Fatalf("preparing the database template %s: %v", template, err)
	}
	return path
}

// files holds what makes the content of a file, for each name that a caller gave a template.
var files sync.Map

// Server returns a cluster of this test's own, for tests that kill it or change its settings. It is
// stopped when the test ends. Starting one takes more than a second, so most tests want Postgres. With
// -short the test is skipped as with that.
func Server(tb testing.TB, options ...Option) *Cluster {
	tb.Helper()
	notShort(tb)
	c, err := Start(tb.Context(), options...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Stop(); err != nil {
			tb.Errorf("stopping PostgreSQL: %v", err)
		}
	})
	return c
}

// Main runs the tests of a package, drops the templates and stops the cluster that they started, and
// exits. It is for the TestMain of packages that use PostgreSQL. Without it a cluster of this process
// ends a moment after it, and the templates stay as long as the server.
func Main(m *testing.M) {
	code := m.Run()
	if err := finish(); err != nil {
		fmt.Fprintln(os.Stderr, "testdb:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// process tells the databases of this process from those of others on the same server.
var process = strings.ToLower(rand.Text()[:12])

// databases counts those made by this process.
var databases atomic.Int64

// newName returns the name of a database that exists on no server. It needs no quoting in SQL.
func newName() string {
	return fmt.Sprintf("canopy_%s_%d", process, databases.Add(1))
}

// templates holds a *preparation for each name that a caller gave one.
var templates sync.Map

// A preparation is a template database, made when it is first wanted.
type preparation struct {
	name string
	once sync.Once
	err  error
}

// make creates the template, fills it, and closes it to everybody: a database that somebody is
// connected to cannot be copied.
func (p *preparation) make(server string, prepare func(url string) error) error {
	if err := administer(server, "CREATE DATABASE "+p.name+" TEMPLATE template0"); err != nil {
		return err
	}
	if err := prepare(databaseURL(server, p.name)); err != nil {
		return err
	}
	return administer(server,
		"ALTER DATABASE "+p.name+" ALLOW_CONNECTIONS false",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+p.name+"'")
}

// create copies a template for one test.
func create(tb testing.TB, template string) string {
	tb.Helper()
	server := serverURL(tb)
	name := newName()
	if err := administer(server, "CREATE DATABASE "+name+" TEMPLATE "+template+" STRATEGY file_copy"); err != nil {
		tb.Fatalf("creating a database: %v", err)
	}
	tb.Cleanup(func() {
		if err := administer(server, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			tb.Errorf("dropping the database: %v", err)
		}
	})
	return databaseURL(server, name)
}

// own is the cluster of this process, nil if none was started.
var own *Cluster

var ownServer = sync.OnceValues(func() (string, error) {
	if server := os.Getenv(ServerVariable); server != "" {
		u, err := url.Parse(server)
		if err != nil || u.Host == "" {
			return "", fmt.Errorf("%s is not a URL with a host", ServerVariable)
		}
		return server, nil
	}
	c, err := Start(context.Background())
	if err != nil {
		return "", err
	}
	own = c
	return c.URL("postgres"), nil
})

// notShort leaves a test out with -short, except under the race detector.
func notShort(tb testing.TB) {
	tb.Helper()
	if testing.Short() && !Race {
		tb.Skip("PostgreSQL is left out with -short")
	}
}

// serverURL returns the server of this process, which the first caller starts.
func serverURL(tb testing.TB) string {
	tb.Helper()
	notShort(tb)
	server, err := ownServer()
	if err != nil {
		tb.Fatal(err)
	}
	return server
}

// finish undoes what outlives the single test.
func finish() error {
	if own != nil {
		return own.Stop()
	}
	var problems []error
	templates.Range(func(_, t any) bool {
		server, err := ownServer()
		if err == nil {
			err = administer(server, "DROP DATABASE IF EXISTS "+t.(*preparation).name+" WITH (FORCE)")
		}
		problems = append(problems, err)
		return true
	})
	return errors.Join(problems...)
}

// databaseURL returns the URL of another database of the same server.
func databaseURL(server, database string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(err) // ownServer has parsed it before
	}
	u.Path = "/" + database
	return u.String()
}

// administer runs statements one by one on a connection of its own.
func administer(server string, statements ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), statementPatience)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
