package authn

import (
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// breachedLines returns the lines of a file of passwords, in order.
func breachedLines(passwords ...string) []string {
	lines := make([]string, len(passwords))
	for i, password := range passwords {
		lines[i] = fmt.Sprintf("%X:%d", sha1.Sum([]byte(password)), i*i*i+1)
	}
	slices.Sort(lines)
	return lines
}

func breachedFile(t testing.TB, text string) string {
	path := filepath.Join(t.TempDir(), "breached.txt")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestBreached(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 1000, 20_000} {
		var passwords []string
		for i := range n {
			passwords = append(passwords, fmt.Sprintf("breached %d", i))
		}
		lines := breachedLines(passwords...)
		for _, end := range []string{"\n", "\r\n"} {
			for _, last := range []string{"", end} {
				b, err := OpenBreached(breachedFile(t, strings.Join(lines, end)+last))
				require.NoError(t, err)
				for i, password := range passwords {
					found, err := b.Contains(password)
					require.NoError(t, err)
					require.True(t, found, "%q of %d", password, n)
					found, err = b.Contains(fmt.Sprintf("another %d", i))
					require.NoError(t, err)
					require.False(t, found)
				}
				require.NoError(t, b.Close())
			}
		}
	}
}

func TestBreachedRefusesOtherFiles(t *testing.T) {
	lines := breachedLines("one", "two", "three", "four", "five")
	swapped := slices.Clone(lines)
	swapped[3], swapped[4] = swapped[4], swapped[3]
	good := strings.Join(lines, "\n") + "\n"
	for name, text := range map[string]string{
		"nothing":             "",
		"prose":               "These are passwords.\n",
		"passwords":           "one\ntwo\nthree\n",
		"hashes alone":        strings.ReplaceAll(good, ":", ""),
		"hashes of NTLM":      strings.ReplaceAll(good, lines[2][:40], lines[2][:32]),
		"one twice":           lines[0] + "\n" + good,
		"the last two turned": strings.Join(swapped, "\n"),
		"in order of counts":  strings.Join(append(slices.Clone(lines[1:]), lines[0]), "\n"),
		"no digits":           strings.Replace(good, lines[1][:2], "G0", 1),
		"no count":            strings.Replace(good, lines[4], lines[4][:41], 1),
		"a line too long":     strings.Replace(good, lines[4], lines[4]+strings.Repeat("0", 200), 1),
		"an empty line":       good + "\n",
		"a folder":            "folder",
	} {
		t.Run(name, func(t *testing.T) {
			path := breachedFile(t, text)
			if text == "folder" {
				path = filepath.Dir(path)
			}
			_, err := OpenBreached(path)
			require.ErrorContains(t, err, path)
		})
	}
	_, err := OpenBreached(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestJudgeChosenAgainstBreached(t *testing.T) {
	b, err := OpenBreached(breachedFile(t, strings.Join(breachedLines("tr0ub4dor & three", "caf\u00e9 correct"), "\n")))
	require.NoError(t, err)
	h := NewHasher(cheap, 6)
	h.Against(b)
	for _, least := range []int{0, 6} {
		for text, want := range map[string]*domain.Error{"tr0ub4dor & three": domain.ErrPasswordBreached,
			"cafe\u0301 correct": domain.ErrPasswordBreached, "Tr0ub4dor & three": nil} {
			err := h.JudgeChosen(domain.ChosenPassword{Text: text, Least: least})
			if want == nil {
				require.NoError(t, err, "%q", text)
				continue
			}
			require.ErrorIs(t, err, want, "%q", text)
			require.NoError(t, h.Judge(text), "set by others")
		}
	}
	require.NoError(t, b.Close())
	err = h.JudgeChosen(domain.ChosenPassword{Text: "a file that cannot be read"})
	require.ErrorIs(t, err, domain.ErrInternal, "lets nothing pass")
}

// BenchmarkBreached looks passwords up in a file of a million lines; the real one has a thousand times as many, and
// takes ten steps more.
func BenchmarkBreached(b *testing.B) {
	var passwords []string
	for i := range 1_000_000 {
		passwords = append(passwords, fmt.Sprintf("breached %d", i))
	}
	file, err := OpenBreached(breachedFile(b, strings.Join(breachedLines(passwords...), "\r\n")))
	require.NoError(b, err)
	defer file.Close()
	for i := 0; b.Loop(); i++ {
		if _, err := file.Contains(fmt.Sprintf("breached %d", i)); err != nil {
			b.Fatal(err)
		}
	}
}
