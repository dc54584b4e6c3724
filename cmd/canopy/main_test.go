// The tests of this package run the program as an operator does: the real binary, built once, over
// real sockets and real databases. What is here is what only whole processes can show: starting,
// stopping, crashing, several servers of one directory, and what is printed.
package main_test

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"canopy/persistence/testdb"
)

// binary is the program under test, guarded by keep.
var (
	binary string
	keep   *keeper
)

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = flag.Set("test.parallel", "4") // most of the time the tests wait for other processes
	}
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	testdb.Main(m)
}

// build makes the program in a folder that the keeper removes.
func build() error {
	folder, err := os.MkdirTemp("", "canopy-program-")
	if err != nil {
		return err
	}
	if keep, err = newKeeper(folder); err != nil {
		return err
	}
	binary = filepath.Join(folder, "canopy")
	args := []string{"build", "-o", binary}
	if testdb.Race {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		return fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return nil
}

// keeping reads "+ID" and "-ID" for processes that began and ended, until its input ends because
// the tests are gone, however they went. Then it kills what is left and removes the folder.
const keeping = `
left=" "
while read -r line; do
	id=${line#?}
	case $line in
	+*) left="$left$id " ;;
	-*) left="${left%% $id *} ${left#* $id }" ;;
	esac
done
kill -KILL $left 2>/dev/null
for again in 1 2 3 4 5; do rm -rf -- "$1" 2>/dev/null && exit 0; sleep 0.2; done
`

// A keeper ends what the tests started, also if they are killed.
type keeper struct{ input io.Writer }

func newKeeper(folder string) (*keeper, error) {
	cmd := exec.Command("/bin/sh", "-c", keeping, "sh", folder)
	cmd.Dir = "/"
	// An interrupt typed at the terminal is for the tests; the keeper ends after them.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return &keeper{input}, cmd.Start()
}

// began and ended name a process that must not, or cannot any more, outlive the tests. A line is
// written at once, so callers need no lock.
func (k *keeper) began(pid int) { _, _ = io.WriteString(k.input, "+"+strconv.Itoa(pid)+"\n") }
func (k *keeper) ended(pid int) { _, _ = io.WriteString(k.input, "-"+strconv.Itoa(pid)+"\n") }
