package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"canopy/persistence/db"
	"canopy/persistence/skewed"
)

// serverKey is the key of all servers that are measured.
const serverKey = "the million's server key, for measuring only"

// password is everybody's in the directory.
const password = "million-admin"

// A program is Canopy as it was built of one commit.
type program struct{ name, file string }

// build builds the program of a commit, or of the files as they are if the commit is empty.
func build(ctx context.Context, folder, commit string) (program, error) {
	p := program{name: "now", file: filepath.Join(folder, "canopy")}
	source := "."
	if commit != "" {
		p.name, p.file, source = commit, filepath.Join(folder, "canopy-"+commit), filepath.Join(folder, "source-"+commit)
		if err := run(ctx, ".", "git", "worktree", "add", "--detach", source, commit); err != nil {
			return p, err
		}
		defer func() {
			_ = run(context.WithoutCancel(ctx), ".", "git", "worktree", "remove", "--force", source)
		}()
	}
	return p, run(ctx, source, "go", "build", "-o", p.file, "./cmd/canopy")
}

func run(ctx context.Context, folder, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// A server is a program that serves a directory.
type server struct {
	program
	address string
	cmd     *exec.Cmd
}

// start serves the directory at a place: a folder, or the URL of a PostgreSQL database.
func (p program) start(ctx context.Context, place string) (*server, error) {
	args := []string{"serve", "--listen", "127.0.0.1:0", "--log-level", "error", "--data", place}
	if isURL(place) {
		scratch, err := os.MkdirTemp("", "canopy-bench-")
		if err != nil {
			return nil, err
		}
		args = append(args[:len(args)-1], scratch, "--database-url", place)
	}
	s := &server{program: p, cmd: exec.CommandContext(ctx, p.file, args...)}
	s.cmd.Env = append(os.Environ(), "CANOPY_SERVER_KEY="+serverKey, "CANOPY_ADMIN_PASSWORD="+password)
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	s.cmd.WaitDelay = time.Minute
	var said strings.Builder
	s.cmd.Stderr = &said
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "Canopy listens on "); ok {
			s.address = address
			go io.Copy(io.Discard, out) //nolint:errcheck // ends with the server
			return s, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("%s did not start: %s", p.file, said.String()), lines.Err(), s.cmd.Wait())
}

func (s *server) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	return s.cmd.Wait()
}

func isURL(place string) bool { return strings.HasPrefix(place, "postgres") }

// fill makes a directory at a place with the schema of a program.
func (p program) fill(ctx context.Context, place string, size skewed.Directory) error {
	s, err := p.start(ctx, place)
	if err != nil {
		return err
	}
	if err := s.stop(); err != nil {
		return err
	}
	d, err := open(ctx, place)
	if err != nil {
		return err
	}
	defer d.Close()
	return size.Fill(ctx, d)
}

func open(ctx context.Context, place string) (*db.DB, error) {
	if isURL(place) {
		return db.OpenPostgres(ctx, place)
	}
	return db.OpenSQLite(filepath.Join(place, "canopy.db"))
}

// An engine is where directories are kept. The one that is filled is kept as it is: servers change copies.
type engine interface {
	name() string
	// template returns the place of the filled directory and whether there is one.
	template(ctx context.Context) (place string, there bool, err error)
	// copy returns the place of a copy, and what removes it.
	copy(ctx context.Context, name string) (place string, remove func() error, err error)
}

// files is the embedded database, in folders of one.
type files struct{ folder string }

func (f files) name() string { return "SQLite" }

func (f files) template(context.Context) (string, bool, error) {
	place := filepath.Join(f.folder, "sqlite")
	_, err := os.Stat(filepath.Join(place, "canopy.db"))
	if errors.Is(err, os.ErrNotExist) {
		return place, false, os.MkdirAll(place, 0o700)
	}
	return place, err == nil, err
}

func (f files) copy(_ context.Context, name string) (string, func() error, error) {
	place := filepath.Join(f.folder, "sqlite-"+name)
	if err := os.RemoveAll(place); err != nil {
		return "", nil, err
	}
	remove := func() error { return os.RemoveAll(place) }
	return place, remove, os.CopyFS(place, os.DirFS(filepath.Join(f.folder, "sqlite")))
}

// cluster is a PostgreSQL server, by the URL of its database postgres.
type cluster struct{ url string }

func (c cluster) name() string { return "PostgreSQL" }

func (c cluster) database(name string) string {
	before, after, _ := strings.Cut(c.url, "/postgres?")
	return before + "/" + name + "?" + after
}

// template is the database million, which is made if it is not there.
func (c cluster) template(ctx context.Context) (string, bool, error) {
	place := c.database("million")
	if d, err := db.OpenPostgres(ctx, place); err == nil {
		defer d.Close()
		if filled, err := skewed.Filled(ctx, d); err == nil && filled {
			return place, true, nil
		}
	}
	if err := c.exec(ctx, "DROP DATABASE IF EXISTS million WITH (FORCE)"); err != nil {
		return "", false, err
	}
	return place, false, c.exec(ctx, "CREATE DATABASE million")
}

func (c cluster) copy(ctx context.Context, name string) (string, func() error, error) {
	name = "million_" + name
	if err := c.exec(ctx, "DROP DATABASE IF EXISTS "+name); err != nil {
		return "", nil, err
	}
	remove := func() error { return c.exec(ctx, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)) }
	return c.database(name), remove, c.exec(ctx, "CREATE DATABASE "+name+" TEMPLATE million STRATEGY file_copy")
}

func (c cluster) exec(ctx context.Context, statement string) error {
	d, err := db.OpenPostgres(ctx, c.url+"&statement_timeout=0") // a million are copied for a while
	if err != nil {
		return err
	}
	defer d.Close()
	_, err = d.Writer().ExecContext(ctx, statement)
	return err
}
