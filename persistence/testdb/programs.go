package testdb

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// oldest is the first major version of PostgreSQL that Canopy supports.
const oldest = 15

var errNoPrograms = fmt.Errorf("PostgreSQL %d or newer is missing: install the package postgresql, "+
	"or put the folder of initdb and postgres into PATH", oldest)

// programs returns the folder that holds initdb and postgres. Where they are missing and this
// process may do so, it installs them.
func programs() (string, error) {
	if folder := findPrograms(); folder != "" {
		return folder, nil
	}
	problem := Install("postgresql")
	// Looking comes first: another test process may have installed them meanwhile.
	if folder := findPrograms(); folder != "" {
		return folder, nil
	}
	if problem != nil {
		return "", fmt.Errorf("%w (%w)", errNoPrograms, problem)
	}
	return "", errNoPrograms
}

// findPrograms returns the folder of a PostgreSQL that is new enough, or nothing. PATH wins over
// Debian's folders, which are not in it.
func findPrograms() string {
	var folders []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil { // the other programs may have no link
			path = real
		}
		folders = append(folders, filepath.Dir(path))
	}
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	folders = append(folders, newestFirst(debian)...)
	for _, folder := range folders {
		_, err := os.Stat(filepath.Join(folder, "initdb"))
		if err == nil && majorVersion(filepath.Join(folder, "postgres")) >= oldest {
			return folder
		}
	}
	return ""
}

// newestFirst sorts folders like /usr/lib/postgresql/15/bin by the version in their path.
func newestFirst(folders []string) []string {
	version := func(folder string) float64 {
		v, _ := strconv.ParseFloat(filepath.Base(filepath.Dir(folder)), 64)
		return v
	}
	slices.SortFunc(folders, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
	return folders
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// majorVersion asks the program postgres for its version. It is 0 if there is no answer.
func majorVersion(postgres string) int {
	out, err := exec.Command(postgres, "--version").Output()
	if err != nil {
		return 0
	}
	found := versionPattern.FindSubmatch(out)
	if found == nil {
		return 0
	}
	major, _ := strconv.Atoi(string(found[1]))
	return major
}

// Install gets packages from the system, as root where there is apt-get. It runs to its end whatever
// happens to the caller's context: cut short, it would leave the package manager in pieces.
func Install(packages ...string) error {
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("only root can install packages")
	}
	run := func(args ...string) ([]byte, error) {
		// Test processes start together, so one may have to wait for another's lock.
		cmd := exec.Command(apt, append([]string{"-q", "-o", "DPkg::Lock::Timeout=300"}, args...)...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		return cmd.CombinedOutput()
	}
	// Old lists may do, so a failed update alone is no failure.
	_, _ = run("update")
	out, err := run(append([]string{"install", "-y", "--no-install-recommends"}, packages...)...)
	if err != nil {
		return fmt.Errorf("apt-get install %s: %s (%w)", strings.Join(packages, " "), lastLine(out), err)
	}
	return nil
}

// lastLine returns the last line of a program's output that is not empty.
func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
