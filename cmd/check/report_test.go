package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// module is a tree in which everything that can happen to a test happens.
var module = map[string]string{
	"go.mod": "module example.org/m\n\ngo 1.26\n",
	"good/good_test.go": `package good

import (
	"os"
	"testing"
)

func TestGood(t *testing.T) { t.Run("sub", func(t *testing.T) { t.Log("nobody asks, but " + os.Getenv("ASKS")) }) }

func FuzzGood(f *testing.F) { f.Fuzz(func(*testing.T, int) {}) }
`,
	"bad/bad_test.go": `package bad

import "testing"

func TestBad(t *testing.T) {
	t.Run("sub", func(t *testing.T) { t.Error("the reason") })
	t.Run("fine", func(t *testing.T) {})
}

func TestSkipped(t *testing.T) { t.Skip("the excuse") }
`,
	"broken/broken_test.go": "package broken\n\nfunc init() { unknown() }\n",
	"leaves/leaves_test.go": `package leaves

import (
	"os"
	"testing"
)

func TestLeaves(t *testing.T) { t.Log("the last word"); os.Exit(3) }
`,
	"silent/silent_test.go": `package silent

import (
	"os"
	"testing"
)

func TestMain(*testing.M) { os.Exit(4) }
`,
	"untested/untested.go": "package untested\n",
}

func TestReport(t *testing.T) {
	writeTree(t, module)
	var stream bytes.Buffer
	r, err := runTests(t.Context(), &stream, []string{"ASKS=somebody"}, "test", "-json", "-vet=off", "./...")
	if err == nil {
		t.Error("the run is not an error")
	}
	if passed, failed, skipped := r.counts(); passed != 4 || failed != 5 || skipped != 1 {
		t.Errorf("counted %d passed, %d failed, %d skipped, want 4, 5, 1", passed, failed, skipped)
	}
	if !strings.Contains(stream.String(), "nobody asks, but somebody") {
		t.Errorf("the stream lacks a test's words, or the test its variable:\n%s", &stream)
	}

	var said strings.Builder
	r.writeFailures(&said)
	want := `    example.org/m/bad TestBad/sub
        bad_test.go:6: the reason
    example.org/m/broken
        # example.org/m/broken [example.org/m/broken.test]
        broken/broken_test.go:3:15: undefined: unknown
    example.org/m/leaves TestLeaves did not come to its end
        leaves_test.go:8: the last word
    example.org/m/silent
        exit status 4
`
	if said.String() != want {
		t.Errorf("wrote\n%s\nwant\n%s", said.String(), want)
	}

	said.Reset()
	c := checker{tests: r}
	if _, err := c.checkSkipped(t.Context(), &said); err == nil ||
		!strings.Contains(said.String(), "bad TestSkipped: bad_test.go:10: the excuse") {
		t.Errorf("checkSkipped returned %v and wrote %q", err, said.String())
	}
	if targets := r.fuzzTargets(); len(targets) != 1 || targets[0].name != "FuzzGood" ||
		targets[0].path != "example.org/m/good" {
		t.Errorf("found the fuzz targets %v", targets)
	}
	if slow := r.slowest(2); len(slow) != 2 || slow[0].seconds < slow[1].seconds {
		t.Errorf("the slowest tests are %v", slow)
	}
	for _, p := range r.sorted() {
		if strings.Contains(p.path, "untested") {
			t.Error("a package without tests is reported")
		}
	}
}

func TestFuzz(t *testing.T) {
	writeTree(t, map[string]string{
		"go.mod": module["go.mod"],
		"fuzz_test.go": `package m

import "testing"

func FuzzEmpty(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		if s != "" {
			t.Error("not empty")
		}
	})
}

func FuzzFine(f *testing.F) { f.Fuzz(func(*testing.T, int) {}) }
`,
	})
	r, err := runTests(t.Context(), io.Discard, nil, "test", "-json", "./...")
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	c := checker{options: options{fuzzTime: 300 * time.Millisecond}, tests: r}
	_, err = c.fuzz(t.Context(), &said)
	if err == nil || err.Error() != "1 failed of 2 targets" || !strings.Contains(said.String(), "not empty") {
		t.Errorf("fuzz returned %v and wrote\n%s", err, said.String())
	}
}

// writeTree makes a folder with these files the current one.
func writeTree(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
