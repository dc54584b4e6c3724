package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// An outcome is how a test ended. The empty one belongs to a test that did not come to its end.
type outcome string

const (
	pass outcome = "pass"
	fail outcome = "fail"
	skip outcome = "skip"
)

// A test is a test function, one of its sub-tests, or a fuzz target.
type test struct {
	path    string // of the package
	name    string
	outcome outcome
	seconds float64
	output  []string
}

// top says that t is no sub-test.
func (t *test) top() bool { return !strings.Contains(t.name, "/") }

// A pack is the test program of one package.
type pack struct {
	path    string
	outcome outcome
	seconds float64
	output  []string // what belongs to no single test
	build   string   // the import path that failed to build, if that is why the package failed
	tests   []*test
	byName  map[string]*test
}

// test returns the test of that name, which is new if it was not heard of before.
func (p *pack) test(name string) *test {
	t, ok := p.byName[name]
	if !ok {
		t = &test{path: p.path, name: name}
		p.byName[name] = t
		p.tests = append(p.tests, t)
	}
	return t
}

// A report is an account of a run of go test -json, whose output is to be written to it.
type report struct {
	stream   io.Writer // gets the tests' own words as they come
	packages map[string]*pack
	builds   map[string][]string // compilers' errors by import path
	other    []string            // lines that are no events
	rest     []byte              // of a line whose end has not been written
}

func newReport(stream io.Writer) *report {
	return &report{stream: stream, packages: map[string]*pack{}, builds: map[string][]string{}}
}

// Write never fails.
func (r *report) Write(text []byte) (int, error) {
	r.rest = append(r.rest, text...)
	for {
		line, rest, found := bytes.Cut(r.rest, []byte("\n"))
		if !found {
			return len(text), nil
		}
		r.add(line)
		r.rest = rest
	}
}

// add takes one line, as described by go doc test2json and go help buildjson.
func (r *report) add(line []byte) {
	var e struct {
		Action, Package, Test, Output, ImportPath, FailedBuild string
		Elapsed                                                float64
	}
	if err := json.Unmarshal(line, &e); err != nil {
		r.other = append(r.other, string(line)+"\n")
		return
	}
	fmt.Fprint(r.stream, e.Output)
	if e.Action == "build-output" {
		r.builds[e.ImportPath] = append(r.builds[e.ImportPath], e.Output)
	}
	if e.Package == "" {
		return
	}
	p, ok := r.packages[e.Package]
	if !ok {
		p = &pack{path: e.Package, byName: map[string]*test{}}
		r.packages[e.Package] = p
	}
	if e.Test == "" {
		p.add(outcome(e.Action), e.Output, e.Elapsed)
		p.build = e.FailedBuild
		return
	}
	p.test(e.Test).add(outcome(e.Action), e.Output, e.Elapsed)
}

func (p *pack) add(action outcome, output string, seconds float64) {
	switch action {
	case pass, fail, skip:
		p.outcome, p.seconds = action, seconds
	case "output":
		p.output = append(p.output, output)
	}
}

func (t *test) add(action outcome, output string, seconds float64) {
	switch action {
	case pass, fail, skip:
		t.outcome, t.seconds = action, seconds
		if action == pass {
			t.output = nil // nobody will ask
		}
	case "output":
		t.output = append(t.output, output)
	}
}

// sorted returns the packages that have tests, or failed to have any, by path.
func (r *report) sorted() []*pack {
	packs := slices.SortedFunc(maps.Values(r.packages), func(a, b *pack) int { return cmp.Compare(a.path, b.path) })
	return slices.DeleteFunc(packs, func(p *pack) bool { return len(p.tests) == 0 && p.outcome != fail })
}

// counts returns how many tests, sub-tests included, ended in which way.
func (r *report) counts() (passed, failed, skipped int) {
	for _, p := range r.packages {
		pp, pf, ps := p.counts()
		passed, failed, skipped = passed+pp, failed+pf, skipped+ps
	}
	return passed, failed, skipped
}

// counts takes a test without an end for failed. A package that failed without a test of its own to
// blame counts as one.
func (p *pack) counts() (passed, failed, skipped int) {
	for _, t := range p.tests {
		switch t.outcome {
		case pass:
			passed++
		case skip:
			skipped++
		default:
			failed++
		}
	}
	if p.outcome == fail && failed == 0 {
		failed = 1
	}
	return passed, failed, skipped
}

// all returns the tests of all packages that are as asked.
func (r *report) all(asked func(*test) bool) []*test {
	var tests []*test
	for _, p := range r.sorted() {
		for _, t := range p.tests {
			if asked(t) {
				tests = append(tests, t)
			}
		}
	}
	return tests
}

// skipped returns the tests that were skipped.
func (r *report) skipped() []*test {
	return r.all(func(t *test) bool { return t.outcome == skip })
}

// fuzzTargets returns the fuzz targets. Their seeds were run like tests.
func (r *report) fuzzTargets() []*test {
	return r.all(func(t *test) bool { return t.top() && strings.HasPrefix(t.name, "Fuzz") })
}

// slowest returns the n tests that took longest, without sub-tests, the slowest first.
func (r *report) slowest(n int) []*test {
	tests := r.all((*test).top)
	slices.SortStableFunc(tests, func(a, b *test) int { return cmp.Compare(b.seconds, a.seconds) })
	return tests[:min(n, len(tests))]
}
