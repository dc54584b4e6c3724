package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestCheckerRun(t *testing.T) {
	say := func(name string, err error, needs ...string) step {
		return step{name: name, needs: needs, run: func(_ context.Context, out io.Writer) (string, error) {
			fmt.Fprintln(out, "words of "+name)
			return "note of " + name, err
		}}
	}
	steps := []step{
		say("fine", nil),
		say("broken", errors.New("two faults")),
		say("absent", errNotRun),
		say("after", nil, "broken"),
		say("last", nil, "fine", "absent"),
	}
	t.Run("a failed step is told with its words and does not stop the others", func(t *testing.T) {
		var out strings.Builder
		c := &checker{out: &out}
		if c.run(t.Context(), steps) {
			t.Error("all is said to be well")
		}
		want := `ok    fine             0.0s  note of fine
FAIL  broken           0.0s  two faults
words of broken
-     absent           0.0s  not run: note of absent
-     after            0.0s  not run: it needs broken
ok    last             0.0s  note of last

Failed after 0s: broken.
`
		if out.String() != want {
			t.Errorf("wrote\n%s\nwant\n%s", out.String(), want)
		}
	})
	t.Run("a step that could not be run is no failure", func(t *testing.T) {
		c := &checker{out: io.Discard}
		if !c.run(t.Context(), steps[2:3]) {
			t.Error("it is a failure")
		}
	})
	t.Run("the words of all steps are shown if asked for", func(t *testing.T) {
		var out strings.Builder
		c := &checker{out: &out, options: options{verbose: true}}
		c.run(t.Context(), steps)
		if n := strings.Count(out.String(), "words of"); n != 4 {
			t.Errorf("the words of %d steps are shown, want 4:\n%s", n, out.String())
		}
	})
	t.Run("what follows need not wait for a step beside, unless it runs alone", func(t *testing.T) {
		var order strings.Builder // two goroutines never write it at once, says the detector of races
		second := make(chan struct{})
		note := func(name string, wait, done chan struct{}) func(context.Context, io.Writer) (string, error) {
			return func(context.Context, io.Writer) (string, error) {
				if wait != nil {
					<-wait
				}
				order.WriteString(name + " ")
				if done != nil {
					close(done)
				}
				return "", errors.New("bad")
			}
		}
		c := &checker{out: io.Discard}
		c.run(t.Context(), []step{
			{name: "first", beside: true, run: note("first", second, nil)},
			{name: "next", beside: true, run: note("next", nil, nil)},
			{name: "second", run: note("second", nil, second)},
			{name: "last", alone: true, run: note("last", nil, nil)},
		})
		if got := order.String(); got != "second first next last " || len(c.failed) != 4 {
			t.Errorf("ran %s and failed %q", got, c.failed)
		}
	})
	t.Run("an interrupt ends the run", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var out strings.Builder
		c := &checker{out: &out}
		if c.run(ctx, steps) || strings.Contains(out.String(), "broken") || !strings.Contains(out.String(), "Interrupted") {
			t.Errorf("wrote\n%s", out.String())
		}
	})
}

func TestCheckFormat(t *testing.T) {
	writeTree(t, map[string]string{
		".gitignore":   "ignored.go\n",
		"good.go":      "package p\n",
		"tracked.go":   "package  p\n",
		"untracked.go": "package p;\n",
		"invalid.go":   "no package\n",
		"ignored.go":   "package  p\n",
		"gone.go":      "package  p\n",
	})
	for _, args := range [][]string{{"init", "-q"}, {"add", "good.go", "tracked.go", "gone.go"}} {
		if _, err := output(t.Context(), "git", args...); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove("gone.go"); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	_, err := checkFormat(t.Context(), &out)
	if err == nil || !regexp.MustCompile(`^invalid.go: .*\ntracked.go\nuntracked.go\n$`).MatchString(out.String()) {
		t.Errorf("checkFormat returned %v and wrote\n%s", err, out.String())
	}
}

func TestAnswers(t *testing.T) {
	server := httptest.NewServer(http.StripPrefix("/there", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	defer server.Close()
	if !answers(t.Context(), server.URL+"/there") {
		t.Error("an address that can be read does not answer")
	}
	for _, address := range []string{server.URL + "/elsewhere", "http://127.0.0.1:1", ":"} {
		if answers(t.Context(), address) {
			t.Errorf("%s answers", address)
		}
	}
}

func TestOnlyLate(t *testing.T) {
	const late = "--- FAIL: FuzzX (5.05s)\n    context deadline exceeded\nFAIL\n"
	if !onlyLate(late) {
		t.Error("the end of the fuzz time is a failure")
	}
	for _, said := range []string{
		"--- FAIL: FuzzX (0.05s)\n    x_test.go:9: wrong\n",
		late + "    Failing input written to testdata/fuzz/FuzzX/1\n",
		"failure while testing seed corpus entry: FuzzX/seed#0\n" + late,
	} {
		if onlyLate(said) {
			t.Errorf("no failure: %s", said)
		}
	}
}

func TestParseOptions(t *testing.T) {
	t.Setenv("GOVULNDB", "file:///db")
	normal := options{fuzzTime: 10 * time.Second, database: "file:///db"}
	fast, verbose, slow, night := normal, normal, normal, normal
	fast.word, night.word = "fast", "nightly"
	verbose.word, verbose.verbose = "fast", true
	slow.word = "fuzz"
	slow.fuzzTime, slow.database = time.Minute, "x"
	for line, want := range map[string]options{
		"":                               normal,
		"fast":                           fast,
		"nightly":                        night,
		"fast -v":                        verbose,
		"-v fast":                        verbose,
		"fuzz -fuzztime 1m -govulndb  x": slow,
	} {
		got, err := parseOptions(strings.Fields(line), io.Discard)
		if err != nil || got != want {
			t.Errorf("%q gives %+v (%v), want %+v", line, got, err, want)
		}
	}
	for _, line := range []string{"slow", "fast fast", "-x", "-fuzztime often", "fuzz -fuzztime 0"} {
		if _, err := parseOptions(strings.Fields(line), io.Discard); err == nil {
			t.Errorf("%q is taken", line)
		}
	}
	var help bytes.Buffer
	if _, err := parseOptions([]string{"-h"}, &help); !errors.Is(err, flag.ErrHelp) ||
		!strings.Contains(help.String(), "-fuzztime") {
		t.Errorf("-h gives %v and\n%s", err, &help)
	}
}
