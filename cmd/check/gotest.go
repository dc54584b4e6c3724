package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// goTest makes the step that runs tests with these arguments of go test and leaves the report in kept.
func (c *checker) goTest(kept **report, args ...string) func(context.Context, io.Writer) (string, error) {
	return func(ctx context.Context, out io.Writer) (string, error) { return c.test(ctx, out, kept, nil, args...) }
}

// test runs tests with these arguments of go test, and variables beside those that there are, and leaves the report in
// kept. Vet is a step of its own.
func (c *checker) test(ctx context.Context, out io.Writer, kept **report, variables []string,
	args ...string) (string, error) {
	args = append([]string{"test", "-json", "-vet=off", "-parallel=4"}, args...) // most of the time tests wait

	r, err := runTests(ctx, c.stream(out), variables, args...) //nolint:early // a report is there in any case
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

// findRaces runs the tests that chosen, arguments of go test, leaves, with -short under the race detector. Its flags
// are in the environment, so that a program which the tests build is built with them too, from the same packages.
func (c *checker) findRaces(ctx context.Context, out io.Writer, chosen ...string) (string, error) {
	flags := "GOFLAGS=" + os.Getenv("GOFLAGS") + " -race " + raceOwn
	args := append([]string{"-short", "-count=1", "-timeout=40m"}, chosen...)
	return c.test(ctx, out, &c.raced, []string{flags}, args...)
}

// racesOfAll looks for races in all tests but those that inTurn names.
func (c *checker) racesOfAll(ctx context.Context, out io.Writer) (string, error) {
	return c.findRaces(ctx, out, "-skip="+inTurn, "./...")
}

// racesAtOnce looks for races in the tests that do several things at once themselves, but those that raceByNight names.
func (c *checker) racesAtOnce(ctx context.Context, out io.Writer) (string, error) {
	names, packages, err := testsWith(ctx, byDay, startsGoroutine)
	if err != nil {
		return "", err
	}
	return c.findRaces(ctx, out, append([]string{"-run=" + names, "-skip=" + raceByNight}, packages...)...)
}

// testMost runs all tests but those that measure how long others wait, many side by side.
func (c *checker) testMost(ctx context.Context, out io.Writer) (string, error) {
	names, _, err := testsWith(ctx, byDay, measures)
	if err != nil {
		return "", err
	}
	return c.goTest(&c.tests, "-count=1", "-timeout=40m", "-skip="+names, "./...")(ctx, out)
}

// testAlone runs the tests that testMost does not, one package at a time.
func (c *checker) testAlone(ctx context.Context, out io.Writer) (string, error) {
	names, packages, err := testsWith(ctx, byDay, measures)
	if err != nil {
		return "", err
	}
	args := append([]string{"-count=1", "-timeout=40m", "-p=1", "-run=" + names}, packages...)
	return c.goTest(&c.timed, args...)(ctx, out)
}

// testNightly runs the tests of the night, one package at a time: most of them start several servers.
func (c *checker) testNightly(ctx context.Context, out io.Writer) (string, error) {
	names, packages, err := testsWith(ctx, byNight, func(ast.Node) bool { return true })
	if err != nil {
		return "", err
	}
	args := append([]string{"-count=1", "-timeout=4h", "-p=1", nightlyToo, "-run=" + names}, packages...)
	return c.goTest(&c.long, args...)(ctx, out)
}

// byNight reports whether a file's tests run by night only: it begins with //go:build nightly.
func byNight(file *ast.File) bool {
	return len(file.Comments) > 0 && file.Comments[0].List[0].Text == "//go:build nightly"
}

func byDay(file *ast.File) bool { return !byNight(file) }

// testsWith returns a pattern of the tests with a node in their bodies, of the files that are chosen, and the packages
// that have one: a test program is linked for each package that is named.
func testsWith(ctx context.Context, chosen func(*ast.File) bool,
	node func(ast.Node) bool) (pattern string, packages []string, err error) {
	files, err := tracked(ctx, "*_test.go")
	if err != nil {
		return "", nil, err
	}
	var names []string
	for _, file := range files {
		found, err := testsOf(file, chosen, node)
		if err != nil {
			return "", nil, err
		}
		if len(found) > 0 {
			names, packages = append(names, found...), append(packages, "./"+filepath.Dir(file))
		}
	}
	slices.Sort(packages)
	return "^(" + strings.Join(names, "|") + ")$", slices.Compact(packages), nil
}

// testsOf returns the tests of a file with a node in their bodies, none if the file is not chosen.
func testsOf(file string, chosen func(*ast.File) bool, node func(ast.Node) bool) (names []string, err error) {
	syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution|parser.ParseComments)
	if err != nil || !chosen(syntax) {
		return nil, err
	}
	for _, d := range syntax.Decls {
		test, is := d.(*ast.FuncDecl)
		if !is || !strings.HasPrefix(test.Name.Name, "Test") || test.Name.Name == "TestMain" {
			continue
		}
		has := false
		ast.Inspect(test.Body, func(n ast.Node) bool {
			has = has || n != nil && node(n)
			return !has
		})
		if has {
			names = append(names, test.Name.Name)
		}
	}
	return names, nil
}

// startsGoroutine reports whether n starts a goroutine.
func startsGoroutine(n ast.Node) bool {
	if selector, is := n.(*ast.SelectorExpr); is {
		return selector.Sel.Name == "Go" // of a sync.WaitGroup
	}
	_, is := n.(*ast.GoStmt)
	return is
}

// measures reports whether n measures how long somebody waits beside somebody noisy.
func measures(n ast.Node) bool {
	call, is := n.(*ast.CallExpr)
	if !is {
		return false
	}
	name, is := call.Fun.(*ast.Ident)
	return is && (name.Name == "fair" || name.Name == "timed")
}

// stream returns where the tests' own words go while they run.
func (c *checker) stream(out io.Writer) io.Writer {
	if c.verbose {
		return out
	}
	return io.Discard
}

// runTests runs the go command with args, which must ask for JSON, and variables beside those that there are, and
// reports on what was run, also if there is an error. The tests' own words go to stream.
func runTests(ctx context.Context, stream io.Writer, variables []string, args ...string) (*report, error) {
	r := newReport(stream)
	var complaints bytes.Buffer
	cmd := prepare(ctx, "go", args...)
	cmd.Env = append(cmd.Environ(), variables...)
	cmd.Stdout, cmd.Stderr = r, &complaints
	err := cmd.Run()
	r.other = append(r.other, strings.SplitAfter(complaints.String(), "\n")...)
	return r, err
}

// checkSkipped fails for each skipped test: a test that cannot run must fail and say why, or go.
func (c *checker) checkSkipped(_ context.Context, out io.Writer) (string, error) {
	var tests []*test
	for _, r := range c.ordinary() {
		tests = append(tests, r.skipped()...)
	}
	for _, t := range tests {
		fmt.Fprintf(out, "    %s %s: %s\n", t.path, t.name, strings.Join(t.words(), " "))
	}
	if len(tests) > 0 {
		return "", fmt.Errorf("%d skipped", len(tests))
	}
	return "none", nil
}
