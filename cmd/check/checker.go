package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"canopy/persistence/testdb"
)

// A checker runs the steps and keeps what one leaves for another.
type checker struct {
	options
	out     io.Writer
	cluster *testdb.Cluster // nil before the step that starts it
	tests   *report         // nil before the step that runs them
	timed   *report         // of those that run alone, since they measure time; nil before
	long    *report         // of those that run by night only; nil before
	raced   *report         // of those that ran with the race detector; nil before

	mu     sync.Mutex // guards what follows, and what is written to out
	failed []string   // steps
}

// A step is one thing that must hold.
type step struct {
	name string
	// needs names steps without whose success this one has nothing to say, those they need included.
	needs []string
	// beside says that those behind it need not wait for it. Steps beside others run one after the other.
	beside bool
	// alone says that it begins when all others before it have ended.
	alone bool
	// run writes to out what helps to repair a failure, and returns a short note for the step's line.
	run func(ctx context.Context, out io.Writer) (note string, err error)
}

// errNotRun says that a step could not be run, and that this is no failure. The note says why.
var errNotRun = errors.New("not run")

// run runs steps, prints the summary and reports whether all is well.
func (c *checker) run(ctx context.Context, steps []step) bool {
	began := time.Now()
	behind := make(chan struct{}) // closed when the steps beside others that have begun have ended
	close(behind)
	for _, s := range steps {
		switch {
		case s.beside:
			before, done := behind, make(chan struct{})
			behind = done
			go func() {
				defer close(done)
				if <-before; ctx.Err() == nil {
					c.runStep(ctx, s)
				}
			}()
			continue
		case s.alone:
			<-behind
		}
		if c.runStep(ctx, s); ctx.Err() != nil {
			break
		}
	}
	<-behind
	if err := c.stopCluster(); err != nil {
		fmt.Fprintln(c.out, "stopping PostgreSQL:", err)
		c.failed = append(c.failed, "postgresql")
	}
	c.summary(ctx.Err() != nil, c.failed, time.Since(began))
	return ctx.Err() == nil && len(c.failed) == 0
}

// runStep runs one step, unless one that it needs has failed, and prints its line. What a step says that runs beside
// others is shown when it has ended, if at all.
func (c *checker) runStep(ctx context.Context, s step) {
	var kept bytes.Buffer
	var out io.Writer = &kept
	c.mu.Lock()
	missing := intersection(s.needs, c.failed)
	if c.verbose && !s.beside {
		fmt.Fprintln(c.out, ">", s.name)
		out = locked{c}
	}
	c.mu.Unlock()
	began := time.Now()
	note, err := "it needs "+strings.Join(missing, " and "), errNotRun
	if len(missing) == 0 {
		note, err = s.run(ctx, out)
	}
	took := time.Since(began)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.line("ok", s.name, took, note)
	case errors.Is(err, errNotRun):
		c.line("-", s.name, took, "not run: "+note)
		return
	default:
		c.line("FAIL", s.name, took, err.Error())
		c.failed = append(c.failed, s.name)
	}
	if err != nil || c.verbose {
		io.Copy(c.out, &kept)
	}
}

// locked is where steps write to that are shown while they run.
type locked struct{ *checker }

func (l locked) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(text)
}

func (c *checker) line(verdict, name string, took time.Duration, note string) {
	line := fmt.Sprintf("%-4s  %-13s %6.1fs  %s", verdict, name, took.Seconds(), note)
	fmt.Fprintln(c.out, strings.TrimRight(line, " "))
}

// summary closes the run. Its last line counts the tests, if any were run; those that fail under the
// race detector are among the failed ones.
func (c *checker) summary(interrupted bool, failed []string, took time.Duration) {
	for _, r := range append(c.ordinary(), c.raced) {
		if r != nil && c.verbose {
			r.writeDetails(c.out)
		}
	}
	fmt.Fprintln(c.out)
	switch {
	case interrupted:
		fmt.Fprintf(c.out, "Interrupted after %.0fs.\n", took.Seconds())
	case len(failed) > 0:
		fmt.Fprintf(c.out, "Failed after %.0fs: %s.\n", took.Seconds(), strings.Join(failed, ", "))
	default:
		fmt.Fprintf(c.out, "All is well after %.0fs.\n", took.Seconds())
	}
	if ordinary := c.ordinary(); len(ordinary) > 0 {
		passed, failed, skipped := 0, 0, 0
		for _, r := range ordinary {
			p, f, s := r.counts()
			passed, failed, skipped = passed+p, failed+f, skipped+s
		}
		if c.raced != nil {
			_, raced, _ := c.raced.counts()
			failed += raced
		}
		fmt.Fprintf(c.out, "%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	}
}

// ordinary returns the reports there are of tests that ran without the race detector.
func (c *checker) ordinary() []*report {
	return slices.DeleteFunc([]*report{c.tests, c.timed, c.long}, func(r *report) bool { return r == nil })
}

// startCluster starts the PostgreSQL that the tests of all packages share.
func (c *checker) startCluster(ctx context.Context, _ io.Writer) (string, error) {
	cluster, err := testdb.Start(ctx)
	if err != nil {
		return "", err
	}
	c.cluster = cluster
	return "", os.Setenv(testdb.ServerVariable, cluster.URL("postgres"))
}

func (c *checker) stopCluster() error {
	if c.cluster == nil {
		return nil
	}
	return c.cluster.Stop()
}

// intersection returns the elements of a that are also in b.
func intersection(a, b []string) []string {
	var both []string
	for _, s := range a {
		if slices.Contains(b, s) {
			both = append(both, s)
		}
	}
	return both
}
