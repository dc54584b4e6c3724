package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// goTest makes the step that runs all tests with these flags of go test and leaves the report in kept.
// Vet is a step of its own.
func (c *checker) goTest(kept **report, flags ...string) func(context.Context, io.Writer) (string, error) {
	args := append([]string{"test", "-json", "-vet=off", "-parallel=4"}, flags...) // most of the time tests wait
	return func(ctx context.Context, out io.Writer) (string, error) {
		r, err := runTests(ctx, c.stream(out), append(args, "./...")...) //nolint:early // a report is there in any case
		*kept = r
		r.writeFailures(out)
		passed, failed, _ := r.counts()
		switch {
		case failed > 0:
			return "", fmt.Errorf("%d failed", failed)
		case err != nil:
			return "", err
		case passed == 0:
			return "", errors.New("no test was run")
		}
		return fmt.Sprintf("%d passed in %d packages", passed, len(r.sorted())), nil
	}
}

// findRaces runs the tests with -short under the race detector. Its flags are in the environment, so
// that a program which the tests build is built with them too, from the same packages.
func (c *checker) findRaces(ctx context.Context, out io.Writer) (string, error) {
	before := os.Getenv("GOFLAGS")
	if err := os.Setenv("GOFLAGS", before+" -race "+raceOwn); err != nil {
		return "", err
	}
	note, err := c.goTest(&c.raced, "-short", "-count=1", "-timeout=40m", "-skip="+inTurn)(ctx, out)
	return note, errors.Join(err, os.Setenv("GOFLAGS", before))
}

// stream returns where the tests' own words go while they run.
func (c *checker) stream(out io.Writer) io.Writer {
	if c.verbose {
		return out
	}
	return io.Discard
}

// runTests runs the go command with args, which must ask for JSON, and reports on what was run, also
// if there is an error. The tests' own words go to stream.
func runTests(ctx context.Context, stream io.Writer, args ...string) (*report, error) {
	r := newReport(stream)
	var complaints bytes.Buffer
	cmd := prepare(ctx, "go", args...)
	cmd.Stdout, cmd.Stderr = r, &complaints
	err := cmd.Run()
	r.other = append(r.other, strings.SplitAfter(complaints.String(), "\n")...)
	return r, err
}

// checkSkipped fails for each skipped test: a test that cannot run must fail and say why, or go.
func (c *checker) checkSkipped(_ context.Context, out io.Writer) (string, error) {
	tests := c.tests.skipped()
	for _, t := range tests {
		fmt.Fprintf(out, "    %s %s: %s\n", t.path, t.name, strings.Join(t.words(), " "))
	}
	if len(tests) > 0 {
		return "", fmt.Errorf("%d skipped", len(tests))
	}
	return "none", nil
}
