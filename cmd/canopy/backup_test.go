package main_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// backup backs a place up into a new file and returns its path.
func backup(t testing.TB, at place) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "canopy.backup")
	canopy("backup", file).in(at).succeeds(t)
	return file
}

func restored(t testing.TB, file string) place {
	t.Helper()
	to := place{"--data", filepath.Join(t.TempDir(), "restored")}
	canopy("restore", file).in(to).succeeds(t)
	return to
}

// names returns what a folder has.
func names(t testing.TB, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	all := []string{}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// Whatever a server has acknowledged before a backup of it begins is in the backup, however much
// is written meanwhile, and the restored directory is served.
func TestBackupOfABusyServer(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	s := serve(t, at, "--demo")
	token := s.signIn(t, "admin", adminPassword)
	admin := s.bearing(token)
	const writers = 4
	var acknowledged [writers]atomic.Int64
	var running sync.WaitGroup
	done := make(chan struct{})
	for n := range writers {
		running.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				alias := fmt.Sprintf("place-%d-%d", n, acknowledged[n].Load())
				if a, err := admin.send(http.MethodPost, "/rest/environments",
					fields{"alias": alias, "parent": "/Acme"}); err != nil || a.status != http.StatusOK {
					return
				}
				acknowledged[n].Add(1)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "canopy.backup")
	for range 3 {
		var before [writers]int64
		for n := range writers {
			least := acknowledged[n].Load() + 5
			eventually(t, func() bool { return acknowledged[n].Load() >= least }, "writes")
		}
		for n := range writers {
			before[n] = acknowledged[n].Load()
		}
		require.Contains(t, canopy("backup", file).in(at).succeeds(t), "found whole")
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		require.Equal(t, []string{"canopy.backup"}, names(t, filepath.Dir(file)), "nothing is left beside it")

		to := restored(t, file)
		text := export(t, to)
		for n, count := range before {
			for i := range count {
				require.Contains(t, text, fmt.Sprintf(`"path":"Acme/place-%d-%d"`, n, i))
			}
		}
	}
	close(done)
	running.Wait()
	for n := range writers {
		require.Greater(t, acknowledged[n].Load(), int64(15), "the writers were not stopped by the backups")
	}
	canopy("backup", file).in(at).succeeds(t)
	s.stop(t)
	to := restored(t, file)
	require.ElementsMatch(t, []string{"canopy.db", "server.key"}, names(t, to.data()))
	for _, name := range names(t, to.data()) {
		info, err := os.Stat(filepath.Join(to.data(), name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
	require.Equal(t, export(t, at, "--hashes"), export(t, to, "--hashes"))
	again := serve(t, to)
	again.bearing(token).get(t, "/rest/me").ok(t) // by the restored key
	again.as("grace.hopper", adminPassword).get(t, "/rest/me").ok(t)
}

// A server whose key is in a variable is backed up with that key.
func TestBackupHasTheKeyOfTheVariable(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	key := strings.Repeat("key ", 10)
	s := canopy("serve").in(at).with("CANOPY_ADMIN_PASSWORD", adminPassword).with("CANOPY_SERVER_KEY", key).serve(t)
	token := s.signIn(t, "admin", adminPassword)
	file := filepath.Join(t.TempDir(), "canopy.backup")
	require.Contains(t, canopy("backup", file).in(at).fails(t), "set CANOPY_SERVER_KEY")
	require.Contains(t, canopy("backup", file).in(at).with("CANOPY_SERVER_KEY", strings.Repeat("another ", 8)).fails(t),
		"another server key")
	require.NoFileExists(t, file)
	canopy("backup", file).in(at).with("CANOPY_SERVER_KEY", key).succeeds(t)
	serve(t, restored(t, file)).bearing(token).get(t, "/rest/me").ok(t)

	// A directory that was never served has no key yet.
	bare := inSQLite(t)
	importFile(bare, write(t, "list.txt", "Acme\n")).succeeds(t)
	serve(t, restored(t, backup(t, bare))).admin().get(t, "/rest/me").ok(t)
}

func TestBackupReplacesBackupsOnly(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	serve(t, at).stop(t)
	folder := t.TempDir()
	for name, text := range map[string]string{"notes.txt": "kept", "empty": "", "old.tar": strings.Repeat("x", 2048)} {
		file := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
		require.Contains(t, canopy("backup", file).in(at).fails(t), "only an earlier backup is replaced", name)
		got, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, text, string(got))
	}
	require.Contains(t, canopy("backup", filepath.Join(at.data(), "canopy.db")).in(at).fails(t),
		"only an earlier backup is replaced")
	require.Contains(t, canopy("backup", folder).in(at).fails(t), "is a folder")
	require.Contains(t, canopy("backup", "/dev/null").in(at).fails(t), "is no file that can be replaced")
	require.Contains(t, canopy("backup", filepath.Join(folder, "none", "file")).in(at).fails(t),
		"no such file or directory")

	nowhere := place{"--data", filepath.Join(folder, "nowhere")}
	require.Contains(t, canopy("backup", filepath.Join(folder, "new")).in(nowhere).fails(t), "there is no directory in")
	require.Contains(t, canopy("backup", filepath.Join(folder, "new")).in(inPostgres(t)).fails(t), "pg_dump")
	require.Contains(t, canopy("restore", filepath.Join(folder, "new")).in(inPostgres(t)).fails(t), "pg_restore")
	require.ElementsMatch(t, []string{"notes.txt", "empty", "old.tar"}, names(t, folder))

	// A backup of a damaged database is refused, and the one before stays.
	file := backup(t, at)
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	database, err := os.ReadFile(filepath.Join(at.data(), "canopy.db"))
	require.NoError(t, err)
	for at := 3 * 4096; at < len(database); at += 4096 {
		copy(database[at:], bytes.Repeat([]byte{0xff}, 64))
	}
	require.NoError(t, os.WriteFile(filepath.Join(at.data(), "canopy.db"), database, 0o600))
	canopy("backup", file).in(at).fails(t)
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Equal(t, []string{"canopy.backup"}, names(t, filepath.Dir(file)))
}

func TestRestoreWritesOverNothing(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	s := serve(t, at)
	require.Contains(t, canopy("restore", backup(t, at)).in(at).fails(t), "restore writes over nothing")
	s.admin().get(t, "/rest/me").ok(t)
	s.stop(t)
	file, before := backup(t, at), export(t, at, "--hashes")
	require.Contains(t, canopy("restore", file).in(at).fails(t), "restore writes over nothing")
	require.Equal(t, before, export(t, at, "--hashes"))

	other := inSQLite(t)
	require.NoError(t, os.WriteFile(filepath.Join(other.data(), "server.key"), []byte(strings.Repeat("other", 10)), 0o600))
	require.Contains(t, canopy("restore", file).in(other).fails(t), "another server key")
	require.Equal(t, []string{"server.key"}, names(t, other.data()))

	// What else is in the folder stays, such as the key itself.
	key, err := os.ReadFile(filepath.Join(at.data(), "server.key"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(other.data(), "server.key"), key, 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(other.data(), "lost+found"), 0o700))
	canopy("restore", file).in(other).succeeds(t)
	require.ElementsMatch(t, []string{"canopy.db", "lost+found", "server.key"}, names(t, other.data()))
	require.Equal(t, before, export(t, other, "--hashes"))
}

// A file that is no backup, or not a whole one, is refused, and leaves nothing behind.
func TestRestoreRefusesWhatIsNotWhole(t *testing.T) {
	t.Parallel()
	at := inSQLite(t)
	serve(t, at).stop(t)
	good, err := os.ReadFile(backup(t, at))
	require.NoError(t, err)
	broken := map[string][]byte{
		"empty":           {},
		"text":            []byte(strings.Repeat("no backup ", 300)),
		"another format":  bytes.Replace(good, []byte(`"backup/1"`), []byte(`"backup/9"`), 1),
		"another size":    bytes.Replace(good, []byte(`"size":`), []byte(`"size":9`), 1),
		"another key":     bytes.Replace(good, good[3*512:3*512+10], []byte("0123456789"), 1),
		"another name":    bytes.Replace(good, []byte("canopy.db"), []byte("../canopy"), 1),
		"only the header": good[:512],
	}
	for i := range 8 {
		changed := bytes.Clone(good)
		changed[len(good)*(i+1)/9] ^= 0x10
		broken[fmt.Sprintf("changed %d", i)] = changed
		broken[fmt.Sprintf("cut %d", i)] = good[:len(good)*(i+1)/9]
	}
	for name, text := range broken {
		require.NotEqual(t, good, text, name)
		to := place{"--data", filepath.Join(t.TempDir(), "restored")}
		canopy("restore", write(t, "broken.backup", string(text))).in(to).fails(t)
		require.NoDirExists(t, to.data(), name)
	}
	require.Contains(t, canopy("restore", "missing.backup").in(inSQLite(t)).fails(t), "no such file")
}
