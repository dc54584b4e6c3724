package main_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// root is the folder of the repository.
const root = "../.."

// dockerfile returns the instructions of the Dockerfile, each with its arguments.
func dockerfile(t *testing.T) [][2]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	require.NoError(t, err)
	var steps [][2]string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		require.False(t, strings.HasSuffix(line, `\`), "this test reads one line at a time")
		name, rest, _ := strings.Cut(line, " ")
		steps = append(steps, [2]string{name, rest})
	}
	return steps
}

func TestDockerfile(t *testing.T) {
	t.Parallel()
	steps := dockerfile(t)
	last := slices.Index(steps, [2]string{"FROM", "scratch"})
	require.Positive(t, last, "the image begins with nothing")
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(gomod))[1]
	require.Equal(t, [2]string{"FROM", "golang:" + version + " AS build"}, steps[0], "it is built with Go as go.mod says")

	for _, s := range steps[:last] {
		require.Contains(t, []string{"FROM", "WORKDIR", "COPY", "RUN"}, s[0])
		if s[0] == "COPY" {
			words := strings.Fields(s[1])
			for _, source := range words[:len(words)-1] {
				require.FileExists(t, filepath.Join(root, source, map[bool]string{true: "go.mod"}[source == "."]))
			}
		}
	}
	image := make(map[string]string)
	for _, s := range steps[last+1:] {
		if s[0] == "COPY" {
			require.Contains(t, s[1], "--from=build ", "nothing of the machine that builds comes along")
		}
		image[s[0]] = s[1]
	}
	require.Regexp(t, `^[1-9]\d*:[1-9]\d*$`, image["USER"], "not root")
	require.Contains(t, image["COPY"], "--chown="+image["USER"]+" ", "who owns the data is who runs")
	require.Regexp(t, `CMD \["/canopy", "health"\]$`, image["HEALTHCHECK"])
	require.Equal(t, `["/canopy"]`, image["ENTRYPOINT"])
	require.Equal(t, `["serve"]`, image["CMD"])
	for setting := range strings.FieldsSeq(image["ENV"]) {
		requireSetting(t, setting)
	}

	// What git does not keep is not sent to be built either; what it keeps is, else the version would say that the
	// source was changed.
	ignored, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	require.NoError(t, err)
	unsent, err := os.ReadFile(filepath.Join(root, ".dockerignore"))
	require.NoError(t, err)
	require.Equal(t, string(ignored), string(unsent))
}

// requireSetting requires that NAME=VALUE sets what serve knows.
func requireSetting(t *testing.T, setting string) {
	t.Helper()
	name, _, _ := strings.Cut(setting, "=")
	if !strings.HasPrefix(name, "CANOPY_") {
		return
	}
	require.Contains(t, helps(t)["serve"], strings.TrimSuffix(name, "_FILE"), "a setting that is none")
}

func TestCompose(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "compose.yaml"))
	require.NoError(t, err)
	type service struct {
		Build       string
		Image       string
		Environment map[string]string
		DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
		Ports       []string
		Volumes     []string
		Profiles    []string
		Healthcheck struct{ Test []string }
		StopGrace   string `yaml:"stop_grace_period"`
		ReadOnly    bool   `yaml:"read_only"`
		NetworkMode string `yaml:"network_mode"`
	}
	var file struct {
		Services map[string]service
		Volumes  map[string]any
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	require.ElementsMatch(t, []string{"server-1", "server-2", "database", "mail-1", "mail-2"},
		slices.Collect(maps.Keys(file.Services)))

	var published []string
	for name, s := range file.Services {
		require.NotContains(t, s.Image, "latest", name)
		published = append(published, s.Ports...)
		for _, volume := range s.Volumes {
			require.Contains(t, file.Volumes, volume[:strings.Index(volume, ":")], name)
		}
		for dependsOn := range s.DependsOn {
			require.NotEmpty(t, file.Services[dependsOn].Healthcheck.Test, "%s waits for the health of %s", name, dependsOn)
		}
		for variable := range s.Environment {
			requireSetting(t, variable)
		}
		if strings.HasPrefix(name, "server-") {
			require.Equal(t, ".", s.Build)
			require.True(t, s.ReadOnly)
			require.Equal(t, "30s", s.StopGrace, "requests under way may take 20 seconds to end")
			require.Contains(t, s.Environment["CANOPY_SERVER_KEY"], ":?", "servers of one database share a key")
			require.Contains(t, s.Volumes[0], ":/data")
		} else if name != "database" {
			require.Equal(t, []string{"mail"}, s.Profiles)
			require.Contains(t, file.Services, strings.TrimPrefix(s.NetworkMode, "service:"))
		}
	}
	for _, port := range published {
		require.True(t, strings.HasPrefix(port, "127.0.0.1:"), "%s is for this machine alone", port)
		host := port[:strings.LastIndex(port, ":")]
		require.Equal(t, 1, strings.Count(strings.Join(published, " "), host+":"), "%s is published once", host)
	}
}

// What is printed sets what the server knows, and passes on what it believes of a proxy.
func TestPrintedConfigurations(t *testing.T) {
	t.Parallel()
	unit := canopy("print", "systemd").succeeds(t)
	settings := regexp.MustCompile(`(?m)^#?Environment=(\S+)`).FindAllStringSubmatch(unit, -1)
	require.Len(t, settings, 3)
	for _, s := range settings {
		requireSetting(t, s[1])
	}
	for _, line := range []string{"DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=",
		"MemoryDenyWriteExecute=yes", "TimeoutStopSec=30"} {
		require.Contains(t, unit, "\n"+line+"\n")
	}
	nginx := canopy("print", "nginx").succeeds(t)
	for _, line := range []string{"underscores_in_headers on;", "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
		"proxy_set_header X-Forwarded-Proto $scheme;", "proxy_set_header X-Forwarded-Host $host;"} {
		require.Contains(t, nginx, "\t"+line+"\n")
	}
	caddy := canopy("print", "caddy").succeeds(t)
	require.Contains(t, caddy, "\n# \t\texpected_underscore_headers tat_username tat_password\n")
	for _, proxy := range []string{nginx, caddy} {
		require.Contains(t, proxy, "--trusted-proxies")
		require.Contains(t, proxy, "/metrics")
	}
}
