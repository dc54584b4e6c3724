package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// writeFailures writes, for each test and package that failed, its name and what it said. Where
// nothing failed it writes nothing.
func (r *report) writeFailures(out io.Writer) {
	for _, p := range r.sorted() {
		for _, t := range p.tests {
			switch {
			case t.outcome == fail && !(len(t.words()) == 0 && p.failedWithin(t)):
				writeWords(out, t.path+" "+t.name, t.words())
			case t.outcome == "":
				writeWords(out, t.path+" "+t.name+" did not come to its end", t.words())
			}
		}
		if said := append(trim(r.builds[p.build]), trim(p.output)...); p.outcome == fail && len(said) > 0 {
			writeWords(out, p.path, said)
		}
	}
	if _, failed, _ := r.counts(); failed > 0 && len(trim(r.other)) > 0 {
		writeWords(out, "go test", trim(r.other))
	}
}

// failedWithin reports whether a sub-test of t failed, which then says why t did.
func (p *pack) failedWithin(t *test) bool {
	return slices.ContainsFunc(p.tests, func(sub *test) bool {
		return sub.outcome != pass && strings.HasPrefix(sub.name, t.name+"/")
	})
}

// words returns what a test said, line by line, without what go test says about it.
func (t *test) words() []string { return trim(t.output) }

// trim leaves out the lines that only repeat what the events say anyway.
func trim(output []string) []string {
	var lines []string
	for line := range strings.Lines(strings.Join(output, "")) {
		line = strings.TrimRight(line, "\r\n")
		if word := strings.TrimSpace(line); word != "" && !frame.MatchString(word) {
			lines = append(lines, strings.TrimPrefix(line, "    "))
		}
	}
	return lines
}

var frame = regexp.MustCompile(`^(=== (RUN|PAUSE|CONT|NAME) |--- (PASS|FAIL|SKIP): |FAIL$|FAIL\t|PASS$|exit status 1$)`)

func writeWords(out io.Writer, title string, lines []string) {
	fmt.Fprintln(out, "    "+title)
	for _, line := range lines {
		fmt.Fprintln(out, "        "+line)
	}
}

// writeDetails writes how each package did and which tests were the slowest.
func (r *report) writeDetails(out io.Writer) {
	fmt.Fprintln(out, "\nPackages:")
	for _, p := range r.sorted() {
		passed, failed, skipped := p.counts()
		fmt.Fprintf(out, "%8.1fs  %s: %d passed, %d failed, %d skipped.\n", p.seconds, p.path, passed, failed, skipped)
	}
	fmt.Fprintln(out, "\nSlowest tests:")
	for _, t := range r.slowest(5) {
		fmt.Fprintf(out, "%8.1fs  %s %s\n", t.seconds, t.path, t.name)
	}
}
