package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a_test.go")
	source := `package a
func TestMain(m *testing.M) { go wait() }
func TestAlone(t *testing.T) { wait() }
func TestGo(t *testing.T) { t.Run("a", func(t *testing.T) { go wait() }) }
func TestGroup(t *testing.T) { var wg sync.WaitGroup; wg.Go(wait) }
func helper() { go wait() }
`
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if names, err := atOnce(file); err != nil || !slices.Equal(names, []string{"TestGo", "TestGroup"}) {
		t.Errorf("found %v (%v)", names, err)
	}
}
