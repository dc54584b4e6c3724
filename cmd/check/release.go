package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A target is a system and a processor that releases are for.
type target struct{ system, processor string }

var targets = []target{
	{"linux", "amd64"}, {"linux", "arm64"},
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
}

// releaseFlags are those of go build, the same as the Dockerfile's: what comes out depends on the commit and the
// version of Go alone, and knows the commit.
var releaseFlags = []string{"-trimpath", "-ldflags=-s -w", "-buildvcs=true"}

// besides is what an archive has besides the program.
var besides = []string{"CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md"}

// release builds the program for every target and writes an archive of each into folder, with their sums.
func release(ctx context.Context, out io.Writer, folder string) (string, error) {
	changed, err := output(ctx, "git", "status", "--porcelain")
	if err != nil {
		return "", err
	}
	if changed != "" {
		return "", errors.New("there are changes that are not committed")
	}
	made, err := output(ctx, "git", "log", "-1", "--format=%ct")
	if err != nil {
		return "", err
	}
	seconds, err := strconv.ParseInt(made, 10, 64)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	var sums strings.Builder
	for _, t := range targets {
		archive, err := t.archive(ctx, out, time.Unix(seconds, 0).UTC())
		if err != nil {
			return "", fmt.Errorf("%s/%s: %w", t.system, t.processor, err)
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(archive.content), archive.name)
		if err := os.WriteFile(filepath.Join(folder, archive.name), archive.content, 0o644); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d archives in %s", len(targets), folder),
		os.WriteFile(filepath.Join(folder, "SHA256SUMS"), []byte(sums.String()), 0o644)
}

// An entry is a file, or will be one.
type entry struct {
	name    string
	mode    int64
	content []byte
}

// archive builds the program and packs it. All its files are as old as the commit, so that the archive does not change
// either.
func (t target) archive(ctx context.Context, out io.Writer, made time.Time) (entry, error) {
	program, version, err := t.build(ctx, out)
	if err != nil {
		return entry{}, err
	}
	name := "canopy"
	if t.system == "windows" {
		name += ".exe"
	}
	entries := []entry{{name, 0o755, program}}
	for _, file := range besides {
		content, err := os.ReadFile(file)
		if err != nil {
			return entry{}, err
		}
		entries = append(entries, entry{file, 0o644, content})
	}
	folder := strings.Join([]string{"canopy", version, t.system, t.processor}, "_")
	for i := range entries {
		entries[i].name = folder + "/" + entries[i].name
	}
	pack, kind := writeTar, ".tar.gz"
	if t.system == "windows" {
		pack, kind = writeZip, ".zip"
	}
	var packed bytes.Buffer
	err = pack(&packed, entries, made)
	return entry{name: folder + kind, content: packed.Bytes()}, err
}

// build returns the program and its version.
func (t target) build(ctx context.Context, out io.Writer) (program []byte, version string, err error) {
	folder, err := os.MkdirTemp("", "canopy-release-")
	if err != nil {
		return nil, "", err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "canopy")
	cmd := prepare(ctx, "go", append(append([]string{"build", "-o", path}, releaseFlags...), "./cmd/canopy")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS="+t.system, "GOARCH="+t.processor)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return nil, "", err
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, "", err
	}
	// Go reads no commit where the folder .git is a file, as in a second working tree.
	if !slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "vcs.revision" }) {
		return nil, "", errors.New("the program does not know its commit: release from a clone of its own")
	}
	program, err = os.ReadFile(path)
	return program, info.Main.Version, err
}

func writeTar(out io.Writer, entries []entry, made time.Time) error {
	packer := gzip.NewWriter(out)
	archive := tar.NewWriter(packer)
	for _, e := range entries {
		header := &tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.content)), ModTime: made, Format: tar.FormatUSTAR}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(e.content); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), packer.Close())
}

func writeZip(out io.Writer, entries []entry, made time.Time) error {
	archive := zip.NewWriter(out)
	for _, e := range entries {
		w, err := archive.CreateHeader(&zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: made})
		if err != nil {
			return err
		}
		if _, err := w.Write(e.content); err != nil {
			return err
		}
	}
	return archive.Close()
}
