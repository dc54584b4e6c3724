//go:build nightly

package main_test

import (
	"encoding/json"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The image is built here as far as that goes without a network: its first stage on this machine, by the same commands,
// and its last one as it stands. What is in it serves as the user and with the settings that the image names.
func TestImage(t *testing.T) {
	require.Zero(t, os.Geteuid(), "only root can enter an image")
	here, err := filepath.Abs(root)
	require.NoError(t, err)
	folder := t.TempDir()
	steps := dockerfile(t)
	last := slices.Index(steps, [2]string{"FROM", "scratch"})
	recipe := []string{"FROM scratch AS build", "COPY image /image/", "COPY empty /empty/"}
	for _, s := range steps[:last] {
		if s[0] == "RUN" && s[1] != "go mod download" {
			line := strings.NewReplacer(" /image", " "+folder+"/image", " /empty", " "+folder+"/empty").Replace(s[1])
			cmd := exec.Command("/bin/sh", "-c", line)
			cmd.Dir = here
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s: %s", line, out)
		}
	}
	for _, s := range steps[last:] {
		recipe = append(recipe, s[0]+" "+s[1])
	}
	file := write(t, "Dockerfile", strings.Join(recipe, "\n")+"\n")

	images := []string{"--root", t.TempDir(), "--runroot", t.TempDir(), "--storage-driver", "vfs"}
	buildah := func(args ...string) string {
		out, err := exec.Command("buildah", append(slices.Clone(images), args...)...).Output()
		require.NoError(t, err, "%v", args)
		return strings.TrimSpace(string(out))
	}
	buildah("bud", "--isolation", "chroot", "--format", "docker", "--tag", "canopy", "--file", file, folder)
	var image struct {
		Docker struct {
			Config struct {
				User            string
				Env             []string
				Entrypoint, Cmd []string
				Healthcheck     struct{ Test []string }
				Volumes         map[string]any
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(buildah("inspect", "--type", "image", "canopy")), &image))
	config := image.Docker.Config
	container := buildah("from", "--pull-never", "canopy")
	inside := buildah("mount", container)
	t.Cleanup(func() { buildah("rm", container) })
	require.Contains(t, config.Volumes, "/data")
	require.Equal(t, []string{"canopy", "etc/ssl/certs/ca-certificates.crt"}, filesIn(t, inside))
	run := func(args ...string) *invocation {
		i := canopy(append([]string{"--userspec=" + config.User, inside}, args...)...)
		i.program, i.env = "/usr/sbin/chroot", slices.Clone(config.Env)
		return i
	}
	require.Equal(t, []string{"CMD"}, config.Healthcheck.Test[:1])
	health := config.Healthcheck.Test[1:]
	run(health...).fails(t)
	s := run(append(config.Entrypoint, config.Cmd...)...).with("CANOPY_ADMIN_PASSWORD", adminPassword).serve(t)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.address, "http://"))
	require.NoError(t, err)
	run(health...).with("CANOPY_LISTEN", "0.0.0.0:"+port).succeeds(t)
	// The zones are in the program: there are no files of them.
	expires := func() time.Time {
		var token struct {
			At string `json:"Expiration_date"`
		}
		s.anonymous().post(t, "/auth", fields{"user": "admin", "password": adminPassword}).ok(t).into(t, &token)
		at, err := time.Parse("2006/01/02 15:04:05", token.At)
		require.NoError(t, err)
		return at
	}
	before := expires()
	s.admin().post(t, "/rest/environments/1", fields{"timezone": "Asia/Kolkata"}).ok(t)
	require.Greater(t, expires().Sub(before), 5*time.Hour)
	s.stop(t)
	for _, written := range filesIn(t, inside)[1:] {
		require.True(t, strings.HasPrefix(written, "data/") || strings.HasPrefix(written, "etc/ssl/"), written)
	}
}

// filesIn returns the files below a folder, sorted.
func filesIn(t *testing.T, folder string) (files []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			path, err = filepath.Rel(folder, path)
			files = append(files, path)
		}
		return err
	}))
	return files
}
