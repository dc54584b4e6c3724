//go:build nightly

package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// A release has what it says for every target, its program starts, and whoever builds it in another folder, without
// anything compiled before, gets the same bytes.
func TestRelease(t *testing.T) {
	t.Chdir("../..")
	first, second := clone(t, "canopy"), clone(t, "a folder with a longer name")
	folder := t.TempDir()
	t.Chdir(first)
	commit := said(t, "git", "rev-parse", "HEAD")
	if _, err := release(t.Context(), os.Stderr, folder); err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(folder, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(sums), "\n"); lines != len(targets) {
		t.Errorf("%d sums of %d archives", lines, len(targets))
	}
	var here []byte // the archive for this machine
	for line := range strings.Lines(string(sums)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(content)); got != sum {
			t.Errorf("%s: %s, said to be %s", name, got, sum)
		}
		files, err := unpack(name, content)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		program := "canopy"
		if strings.Contains(name, "_windows_") {
			program += ".exe"
		}
		for _, file := range append([]string{program}, besides...) {
			if len(files[file]) == 0 {
				t.Errorf("%s: no %s", name, file)
			}
		}
		info, err := buildinfo.Read(bytes.NewReader(files[program]))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		built := make(map[string]string)
		for _, s := range info.Settings {
			built[s.Key] = s.Value
		}
		target, _, _ := strings.Cut(strings.TrimPrefix(name, "canopy_"+info.Main.Version+"_"), ".")
		if want := built["GOOS"] + "_" + built["GOARCH"]; target != want {
			t.Errorf("%s: built for %s", name, want)
		}
		if built["vcs.revision"] != commit || built["vcs.modified"] != "false" {
			t.Errorf("%s: built from %s, modified %s, not from %s", name, built["vcs.revision"], built["vcs.modified"], commit)
		}
		if built["GOOS"] == runtime.GOOS && built["GOARCH"] == runtime.GOARCH {
			here = content
			start(t, files[program], info.Main.Version, commit)
		}
	}
	if here == nil {
		t.Fatalf("no archive for %s/%s in\n%s", runtime.GOOS, runtime.GOARCH, sums)
	}

	t.Chdir(second)
	t.Setenv("GOCACHE", t.TempDir())
	made := said(t, "git", "log", "-1", "--format=%cI")
	at, err := time.Parse(time.RFC3339, made)
	if err != nil {
		t.Fatal(err)
	}
	again, err := target{runtime.GOOS, runtime.GOARCH}.archive(t.Context(), os.Stderr, at.UTC())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.content, here) {
		t.Errorf("built again it has the sum %x", sha256.Sum256(again.content))
	}
}

// clone returns a copy of the repository's last commit in a folder of this name.
func clone(t *testing.T, name string) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), name)
	said(t, "git", "clone", "--quiet", ".", folder)
	return folder
}

// said runs a program and returns what it writes.
func said(t *testing.T, name string, args ...string) string {
	t.Helper()
	text, err := output(t.Context(), name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// unpack returns the files of an archive by their name in its one folder.
func unpack(name string, content []byte) (map[string][]byte, error) {
	files := make(map[string][]byte)
	if strings.HasSuffix(name, ".zip") {
		archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return nil, err
		}
		for _, f := range archive.File {
			r, err := f.Open()
			if err != nil {
				return nil, err
			}
			if files[path.Base(f.Name)], err = io.ReadAll(r); err != nil {
				return nil, err
			}
		}
		return files, nil
	}
	packed, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	archive := tar.NewReader(packed)
	for {
		f, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if files[path.Base(f.Name)], err = io.ReadAll(archive); err != nil {
			return nil, err
		}
	}
}

// start runs a program that was unpacked: it says what it is, and serves.
func start(t *testing.T, program []byte, version, commit string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "canopy")
	if err := os.WriteFile(file, program, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(said(t, file, "version")); !slices.Contains(got, version) || !slices.Contains(got, commit) {
		t.Errorf("it says that it is %v, not %s of %s", got, version, commit)
	}
	if deps := said(t, file, "version", "--deps"); !strings.Contains(deps, `"version": "`+version+`"`) {
		t.Errorf("its bill of materials is of another version:\n%s", deps)
	}
	cmd := exec.Command(file, "serve", "--listen", "127.0.0.1:0", "--data", t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill() //nolint:errcheck // it has ended, if all is well
	time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	var text strings.Builder
	for listens := regexp.MustCompile(`Canopy listens on (http\S+)\n`); !listens.MatchString(text.String()); {
		piece := make([]byte, 1<<10)
		n, err := out.Read(piece)
		if err != nil {
			t.Fatalf("it does not serve: %v\n%s", err, text.String())
		}
		text.Write(piece[:n])
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it does not end well: %v", err)
	}
}
