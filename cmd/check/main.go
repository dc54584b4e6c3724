package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"canopy/persistence/testdb"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout))
}

// run returns the exit status: 1 if a step failed, 2 if nothing could be run.
func run(args []string, out io.Writer) int {
	// An interrupt ends the step that is running, and the cluster.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parseOptions(args, out)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		err = enterRoot(ctx)
	}
	if err != nil {
		fmt.Fprintln(out, "check:", err)
		return 2
	}
	collectLess()
	tidy, err := useMemory()
	if err != nil {
		fmt.Fprintln(out, "check:", err)
		return 2
	}
	defer tidy()
	c := &checker{options: o, out: out}
	if !c.run(ctx, c.steps()) {
		return 1
	}
	return 0
}

// collectLess has the tools and the tests collect garbage as rarely as the program does, unless they hold much.
func collectLess() {
	for name, value := range map[string]string{"GOGC": "400", "GOMEMLIMIT": "2GiB"} {
		if os.Getenv(name) == "" {
			os.Setenv(name, value) // never fails
		}
	}
}

// useMemory has the tests keep their files in memory, where there is room. The go command does not:
// test programs are large. What it returns removes what was left.
func useMemory() (tidy func(), err error) {
	memory := testdb.Memory()
	if memory == "" {
		return func() {}, nil
	}
	// The go command remembers how tests ended that were told the same, so each run tells them the same folder, unless
	// another run has it or was killed with it.
	folder := filepath.Join(memory, "canopy-check-"+strconv.Itoa(os.Getuid()))
	if err = os.Mkdir(folder, 0o700); errors.Is(err, fs.ErrExist) {
		folder, err = os.MkdirTemp(memory, "canopy-check-")
	}
	if err != nil {
		return nil, err
	}
	return func() { os.RemoveAll(folder) }, errors.Join(os.Setenv("GOTMPDIR", os.TempDir()), os.Setenv("TMPDIR", folder))
}

// options are what the command line chooses.
type options struct {
	word     string // "fast", "nightly", "fuzz", "release", or "" for what decides
	folder   string // of the release
	verbose  bool
	fuzzTime time.Duration
	database string
}

const usage = `Usage: go run ./cmd/check [flags] [fast|nightly|fuzz|release FOLDER]

Without a word it runs formatting, go.mod, build, vet (with results used before their errors),
staticcheck, known vulnerabilities, all tests on SQLite and PostgreSQL with the seeds of the fuzz
targets, and those that do several things at once a second time, with the race detector. With the
word nightly the tests of the night run too (in files that begin with //go:build nightly; the
packages that only they need are installed), and the race detector watches all others with -short.
With the word fast it runs what takes a few minutes: formatting, build, vet, staticcheck and, on SQLite,
the tests with -short. With the word fuzz it runs each fuzz target for a while.
With the word release it checks nothing: it writes archives of the commit for linux, darwin and
windows into the folder, with their sums.

PostgreSQL is started and stopped by the command itself; the programs must be installed
(as root on a system with apt-get they are installed if missing).

Flags:
`

// parseOptions reads the command line. Asked for help it writes that to out, and returns flag.ErrHelp.
func parseOptions(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the caller writes the error, once
	flags.BoolVar(&o.verbose, "v", false, "show what the steps write while they run, and the slowest tests")
	flags.DurationVar(&o.fuzzTime, "fuzztime", 10*time.Second, "with the word fuzz: how long each target runs")
	flags.StringVar(&o.database, "govulndb", os.Getenv("GOVULNDB"),
		"the vulnerability database's `URL`, such as file:///path; by default $GOVULNDB, else\n"+
			publicDatabase+" if it answers")
	err := flags.Parse(args)
	if word := flags.Arg(0); err == nil && slices.Contains([]string{"fast", "nightly", "fuzz", "release"}, word) {
		o.word = word
		err = flags.Parse(flags.Args()[1:])
	}
	if o.word == "release" && err == nil {
		if o.folder = flags.Arg(0); o.folder == "" {
			err = errors.New("release needs the folder to write to")
		} else if o.folder, err = filepath.Abs(o.folder); err == nil {
			err = flags.Parse(flags.Args()[1:])
		}
	}
	if err == nil && o.fuzzTime <= 0 {
		err = errors.New("-fuzztime must be more than 0") // go test would take 0 for no end
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, usage)
		flags.SetOutput(out)
		flags.PrintDefaults()
		return o, err
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unknown word %q", flags.Arg(0))
	}
	if err != nil {
		return o, fmt.Errorf("%w; see go run ./cmd/check -h", err)
	}
	return o, nil
}

// enterRoot makes the folder of go.mod the current one.
func enterRoot(ctx context.Context) error {
	gomod, err := output(ctx, "go", "env", "GOMOD")
	if err != nil {
		return err
	}
	if gomod == "" || gomod == os.DevNull {
		return errors.New("there is no go.mod here or above")
	}
	return os.Chdir(filepath.Dir(gomod))
}
