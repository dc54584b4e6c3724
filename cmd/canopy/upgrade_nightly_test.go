//go:build nightly

package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// before is the commit that the program before this one was built from.
const before = "918c0de41f13cbf4a2f62736c279b1858fa3e3a8"

// buildBefore builds the program before this one, from git.
func buildBefore(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	run := func(name string, args ...string) {
		cmd := exec.Command(name, args...)
		cmd.Dir = folder
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s %v: %s", name, args, out)
	}
	here, err := filepath.Abs(root)
	require.NoError(t, err)
	if err := exec.Command("git", "-C", here, "cat-file", "-e", before+"^{commit}").Run(); err != nil {
		require.FailNow(t, "the commit before is not here", "fetch all of the history: git fetch --unshallow")
	}
	archive := filepath.Join(folder, "before.tar")
	run("git", "-C", here, "archive", "--output", archive, before)
	run("tar", "-xf", archive)
	require.NoError(t, os.Remove(archive))
	built := filepath.Join(t.TempDir(), "canopy")
	run("go", "build", "-buildvcs=false", "-o", built, "./cmd/canopy")
	return built
}

// The program before and this one serve one database side by side, whichever was there first: while one joins the
// other, and while the first one goes, no request fails, and no right that was taken away is used.
func TestUpgradeAndRollBackUnderTraffic(t *testing.T) {
	old := buildBefore(t)
	for name, programs := range map[string][2]string{"upgrade": {old, binary}, "roll back": {binary, old}} {
		t.Run(name, func(t *testing.T) {
			in := inPostgres(t)
			start := func(program string) *server {
				i := canopy(append([]string{"serve"}, fleetFlags...)...).in(in).with("CANOPY_ADMIN_PASSWORD", adminPassword)
				i.program = program
				return i.serve(t)
			}
			first := start(programs[0])
			balancer := newBalancer(t, first)
			front := at(t, balancer)
			var second *server
			h := watch(t, front, 5, func(h *history) {
				h.more(t, 100)
				second = start(programs[1])
				balancer.use(t, first, second)
				h.more(t, 500)
				balancer.use(t, second)
				h.more(t, 100) // what was on its way to the first one has been answered
				first.stop(t)
				h.more(t, 200)
			})
			h.requireSound(t)
			second.stop(t)
		})
	}
}

// more waits until others have had answers.
func (h *history) more(t *testing.T, answers int) {
	t.Helper()
	count := func() int {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.replies)
	}
	from := count()
	eventually(t, func() bool { return count() >= from+answers }, "answers")
}
