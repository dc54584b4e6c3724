package archive

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// format is what a backup calls itself.
const format = "backup/1"

// The names of the entries.
const (
	manifestEntry = "manifest.json"
	keyEntry      = "server.key"
	databaseEntry = "canopy.db"
)

// The largest sizes of what is read into memory.
const (
	maxManifest = 64 << 10
	maxKey      = 4 << 10
)

// Manifest says what a backup has.
type Manifest struct {
	Format  string    `json:"canopy"`
	Version string    `json:"version"` // of the program that wrote it
	Schema  int64     `json:"schema"`  // the last migration of the database
	Time    time.Time `json:"time"`    // when the database was as it is in the backup
	Size    int64     `json:"size"`    // of the database, in bytes
	SHA256  string    `json:"sha256"`  // of the database
	HasKey  bool      `json:"key"`
}

// Write writes a backup of the database in the file, with the server's key unless that is
// empty, to path, readable by its owner only. m needs its version, schema and time. A backup
// that is there stays until the new one is complete; so does, for good, any other file, and
// then an error is returned.
func Write(path, database, key string, m Manifest) (Manifest, error) {
	if err := CheckTarget(path); err != nil {
		return m, err
	}
	source, err := os.Open(database)
	if err != nil {
		return m, err
	}
	defer source.Close()
	sum := sha256.New()
	if m.Size, err = io.Copy(sum, source); err != nil {
		return m, err
	}
	if _, err := source.Seek(0, io.SeekStart); err != nil {
		return m, err
	}
	m.Format, m.SHA256, m.HasKey = format, hex.EncodeToString(sum.Sum(nil)), key != ""
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return m, err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone when all went well
	if err := write(f, m, key, source); err != nil {
		return m, errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return m, err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return m, err
	}
	return m, SyncFolder(filepath.Dir(path))
}

func write(out io.Writer, m Manifest, key string, database io.Reader) error {
	w := tar.NewWriter(out)
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	type entry struct {
		name string
		size int64
		text io.Reader
	}
	entries := []entry{{manifestEntry, int64(len(text)), bytes.NewReader(text)}}
	if key != "" {
		entries = append(entries, entry{keyEntry, int64(len(key)), strings.NewReader(key)})
	}
	for _, e := range append(entries, entry{databaseEntry, m.Size, database}) {
		head := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Size: e.size, Mode: 0o600, ModTime: m.Time,
			Format: tar.FormatPAX}
		if err := w.WriteHeader(head); err != nil {
			return err
		}
		if _, err := io.Copy(w, e.text); err != nil {
			return err
		}
	}
	return w.Close()
}

// CheckTarget returns an error if a backup cannot be written to path because something is there
// that is no backup.
func CheckTarget(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s is a folder; name the file to write", path)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file that can be replaced", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, _, err := begin(f); err != nil {
		return fmt.Errorf("%s is there and is no backup; only an earlier backup is replaced", path)
	}
	return nil
}

// begin reads the manifest.
func begin(in io.Reader) (*tar.Reader, Manifest, error) {
	var m Manifest
	r := tar.NewReader(in)
	text, err := small(r, manifestEntry, maxManifest)
	if err != nil {
		return nil, m, err
	}
	if err := json.Unmarshal(text, &m); err != nil || !strings.HasPrefix(m.Format, "backup/") {
		return nil, m, errNoBackup
	}
	return r, m, nil
}

var errNoBackup = errors.New("this is no backup of Canopy")

// next goes to the entry with that name, which must come now.
func next(r *tar.Reader, name string, most int64) (*tar.Header, error) {
	head, err := r.Next()
	if err != nil || head.Name != name || head.Typeflag != tar.TypeReg || head.Size > most {
		return nil, errNoBackup
	}
	return head, nil
}

func small(r *tar.Reader, name string, most int64) ([]byte, error) {
	if _, err := next(r, name, most); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, errNoBackup
	}
	return text, nil
}

// Extract writes the database of the backup at path to a file that must not be there, readable by
// its owner only, and returns the server's key, empty if there is none. It fails if the backup is
// of another format, was cut off or changed; what it wrote then is of no use.
func Extract(path, database string) (m Manifest, key string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return m, "", err
	}
	defer f.Close()
	r, m, err := begin(f)
	if err != nil {
		return m, "", fmt.Errorf("%s: %w", path, err)
	}
	if m.Format != format {
		return m, "", fmt.Errorf("%s is a backup of the format %q, written by version %s; this program knows %q", path,
			m.Format, m.Version, format)
	}
	if m.HasKey {
		text, err := small(r, keyEntry, maxKey)
		if err != nil {
			return m, "", fmt.Errorf("%s: %w", path, errDamaged)
		}
		key = string(text)
	}
	if head, err := next(r, databaseEntry, m.Size); err != nil || head.Size != m.Size {
		return m, "", fmt.Errorf("%s: %w", path, errDamaged)
	}
	out, err := os.OpenFile(database, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return m, "", err
	}
	sum := sha256.New()
	_, errCopy := io.Copy(io.MultiWriter(out, sum), r)
	if errors.Is(errCopy, io.ErrUnexpectedEOF) {
		errCopy = fmt.Errorf("%s: %w", path, errDamaged)
	}
	if err := errors.Join(errCopy, out.Sync(), out.Close()); err != nil {
		return m, "", err
	}
	if hex.EncodeToString(sum.Sum(nil)) != m.SHA256 {
		return m, "", fmt.Errorf("%s: %w", path, errDamaged)
	}
	return m, key, nil
}

var errDamaged = errors.New("the backup is damaged or was cut off; take another one")

// SyncFolder makes a change of names in a folder survive a power cut.
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
