package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
)

// fuzz runs each fuzz target for a short time, one after the other. The targets are known from the
// test run, which has run their seeds: asking go test for a list would link every test program again.
func (c *checker) fuzz(ctx context.Context, out io.Writer) (string, error) {
	targets, broken := c.tests.fuzzTargets(), 0
	if len(targets) == 0 {
		return "no targets", nil
	}
	for _, t := range targets {
		var said bytes.Buffer
		err := command(ctx, io.MultiWriter(c.stream(out), &said), "go", "test", "-vet=off", "-run=^$",
			"-fuzz=^"+t.name+"$", "-fuzztime="+c.fuzzTime.String(), "-parallel=2", t.path)
		if err != nil && !onlyLate(said.String()) {
			broken++
			writeWords(out, t.path+" "+t.name, trim([]string{said.String()}))
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
	}
	if broken > 0 {
		return "", fmt.Errorf("%d failed of %d targets", broken, len(targets))
	}
	return fmt.Sprintf("%d targets, %v each", len(targets), c.fuzzTime), nil
}

// onlyLate recognises a failure that is none: up to Go 1.26 the end of the fuzz time can race with a
// worker and be reported as the target's error (go.dev/issue/75804). A true failure names its input.
func onlyLate(said string) bool {
	return strings.Contains(said, "\n    context deadline exceeded\n") &&
		!strings.Contains(said, "Failing input written to") &&
		!strings.Contains(said, "failure while testing seed corpus entry")
}
