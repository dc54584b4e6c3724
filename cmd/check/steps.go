package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/format"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// raceOwn leaves the race detector out of the translated C of SQLite. It is most of what the tests
// execute, has no goroutines of its own, and takes five times as long with it. No other package is left
// out: where one uses sync.Map its copy of that could become everybody's, and races would be seen that
// are none.
const raceOwn = "-gcflags=modernc.org/...=-race=false"

// inTurn names tests that are never run with the race detector: they ask one thing after the other,
// of code that others run side by side, or read the source. They would take most of its time.
const inTurn = "^(TestContract|TestModel|TestObjectModel|TestRenameAndArchive|TestNonInterference|" +
	"TestWhetherAnAddressHasAnAccountIsToldByNothing|TestImportsFollowTheLayers|TestForbiddenCalls|" +
	"TestPagesAreAccessible|TestPagesCostTheSame|TestPagesTellNothingOfOthers|TestPreviewsTellTheDifference|" +
	"TestModelCarriesOutChanges)$"

// nightlyToo has a tool read the tests of the night, too, so that they cannot rot by day.
const nightlyToo = "-tags=nightly"

// raceByNight names tests that are run with the race detector by night only: they take a minute with it.
const raceByNight = "^(TestListsStream|TestLogOfAnOutageIsShort|TestBackupOfABusyServer)$"

// steps returns what is to be run. What reads the tree does so beside the tests, with what they leave of the
// processors (nice); tests that measure come last, when nothing else runs.
func (c *checker) steps() []step {
	built, tested := []string{"go build"}, []string{"go build", "postgresql"}
	switch c.word {
	case "fast":
		return []step{
			{name: "gofmt", run: checkFormat},
			{name: "go build", run: tool("go", "build", "./...")},
			{name: "go vet", needs: built, beside: true, run: vet},
			{name: "staticcheck", needs: built, beside: true, run: staticcheck},
			{name: "tests", needs: built, run: c.goTest(&c.tests, "-short", "-timeout=10m", "./...")},
		}
	case "release":
		return []step{{name: "release", run: func(ctx context.Context, out io.Writer) (string, error) {
			return release(ctx, out, c.folder)
		}}}
	case "fuzz":
		return []step{
			{name: "go build", run: tool("go", "build", "./...")},
			{name: "postgresql", needs: built, run: c.startCluster},
			{name: "seeds", needs: tested,
				run: c.goTest(&c.tests, "-run=^Fuzz", "-timeout=20m", "./...")},
			{name: "fuzzing", needs: []string{"go build", "postgresql", "seeds"}, run: c.fuzz},
		}
	}
	races := c.racesAtOnce
	if c.word == "nightly" {
		races = c.racesOfAll
	}
	steps := []step{
		{name: "gofmt", run: checkFormat},
		{name: "go.mod", run: tool("go", "mod", "tidy", "-diff")},
		{name: "go build", run: tool("go", "build", "./...")},
		{name: "go vet", needs: built, beside: true, run: vet},
		{name: "staticcheck", needs: built, beside: true, run: staticcheck},
		{name: "govulncheck", needs: built, beside: true, run: c.findVulnerabilities},
		{name: "postgresql", needs: built, run: c.startCluster},
		{name: "tests", needs: tested, run: c.testMost},
	}
	if c.word == "nightly" {
		steps = append(steps,
			step{name: "packages", needs: built, run: installPackages},
			step{name: "nightly tests", needs: append(tested, "packages"), run: c.testNightly})
	}
	return append(steps,
		step{name: "races", needs: tested, run: races},
		step{name: "timed tests", needs: tested, alone: true, run: c.testAlone},
		step{name: "skipped tests", needs: tested, run: c.checkSkipped})
}

// tool makes a step of a program that fails if it finds something.
func tool(name string, args ...string) func(context.Context, io.Writer) (string, error) {
	return func(ctx context.Context, out io.Writer) (string, error) {
		return "", command(ctx, out, name, args...)
	}
}

// vet fails if go vet finds something, or a result is used before the error that came with it was looked at.
func vet(ctx context.Context, out io.Writer) (string, error) {
	folder, err := os.MkdirTemp("", "canopy-vet-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(folder)
	tool := filepath.Join(folder, "early")
	// The go command remembers what it vetted, the library's packages included, as long as the tool is the same file: so
	// neither the folder of the tree nor the commit is written into it.
	if err := command(ctx, out, "nice", "-n5", "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-w", "-o", tool,
		"./cmd/check/early"); err != nil {
		return "", err
	}
	return "", command(ctx, out, "nice", "-n5", "go", "vet", nightlyToo, "-vettool="+tool, "./...")
}

// staticcheck fails if staticcheck finds something.
func staticcheck(ctx context.Context, out io.Writer) (string, error) {
	return "", command(ctx, out, "nice", "-n5", "go", "tool", "staticcheck", nightlyToo, "./...")
}

// tracked returns the files of a pattern that are tracked or wait to be added, and not deleted, sorted.
func tracked(ctx context.Context, pattern string) ([]string, error) {
	list, err := output(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", pattern)
	if err != nil {
		return nil, err
	}
	files := slices.DeleteFunc(strings.FieldsFunc(list, func(r rune) bool { return r == 0 }), func(file string) bool {
		_, err := os.Stat(file)
		return errors.Is(err, fs.ErrNotExist) // the deletion is not yet committed
	})
	slices.Sort(files)
	return files, nil
}

// checkFormat fails if gofmt would change a Go file that is tracked or waits to be added.
func checkFormat(ctx context.Context, out io.Writer) (string, error) {
	files, err := tracked(ctx, "*.go")
	if err != nil {
		return "", err
	}
	wrong := 0
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		formatted, err := format.Source(source)
		switch {
		case err != nil:
			fmt.Fprintf(out, "%s: %v\n", file, err)
			wrong++
		case !bytes.Equal(source, formatted):
			fmt.Fprintln(out, file)
			wrong++
		}
	}
	if wrong > 0 {
		return "", fmt.Errorf("%d of %d files are not formatted", wrong, len(files))
	}
	return fmt.Sprintf("%d files", len(files)), nil
}
