package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestTestsOf(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a_test.go")
	source := `package a
func TestMain(m *testing.M) { go wait() }
func TestAlone(t *testing.T) { wait() }
func TestGo(t *testing.T) { t.Run("a", func(t *testing.T) { go wait() }) }
func TestGroup(t *testing.T) { var wg sync.WaitGroup; wg.Go(wait) }
func TestFair(t *testing.T) { t.Run("a", func(t *testing.T) { fair(t, 64, loud, quiet) }) }
func TestTimed(t *testing.T) { before := timed(t, "alone", quiet) }
func helper() { go wait(); fair() }
`
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if names, err := testsOf(file, byDay, startsGoroutine); err != nil || !slices.Equal(names, []string{"TestGo", "TestGroup"}) {
		t.Errorf("at once: %v (%v)", names, err)
	}
	if names, err := testsOf(file, byDay, measures); err != nil || !slices.Equal(names, []string{"TestFair", "TestTimed"}) {
		t.Errorf("measured: %v (%v)", names, err)
	}
	night := filepath.Join(t.TempDir(), "night_test.go")
	if err := os.WriteFile(night, []byte("//go:build nightly\n\n"+source), 0o600); err != nil {
		t.Fatal(err)
	}
	if names, err := testsOf(night, byDay, startsGoroutine); err != nil || len(names) > 0 {
		t.Errorf("of the night, by day: %v (%v)", names, err)
	}
	if names, err := testsOf(night, byNight, measures); err != nil || !slices.Equal(names, []string{"TestFair", "TestTimed"}) {
		t.Errorf("of the night, by night: %v (%v)", names, err)
	}
	if names, err := testsOf(file, byNight, measures); err != nil || len(names) > 0 {
		t.Errorf("of the day, by night: %v (%v)", names, err)
	}
}
