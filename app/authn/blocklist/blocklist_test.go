package blocklist

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
)

var (
	update = flag.Bool("update", false, "write common.bin anew from testdata/words.txt.gz")
	lists  = flag.String("lists", "", "with -update: write the words anew too, from the lists in this `folder`")
)

const (
	wordsFile = "testdata/words.txt.gz"
	listFile  = "common.bin"
	most      = 90_000 // words
	shortest  = 6      // letters of what is no password but a word
)

// The list that the program holds is the one that follows from the words.
func TestListIsCurrent(t *testing.T) {
	if *update && *lists != "" {
		writeWords(t, collect(t, *lists))
	}
	built := build(t, readWords(t))
	if *update {
		require.NoError(t, os.WriteFile(listFile, built, 0o644))
		return
	}
	require.True(t, string(built) == common, "common.bin is not what the words give; see doc.go")
	require.InDelta(t, 250_000, len(built), 15_000, "what the program carries")
}

func TestContains(t *testing.T) {
	for _, word := range readWords(t) {
		if !Contains(word) {
			t.Fatalf("%q is in the words and not found", word)
		}
	}
	for _, password := range []string{"password", "PassWord", "qwertyuiop12345", "administrator", "résumé"} {
		require.True(t, Contains(password), password)
	}
	found := 0
	const tried = 1_000_000
	for i := range tried {
		if Contains(fmt.Sprintf("correct horse %d", i)) {
			found++
		}
	}
	require.Less(t, found, 12, "of %d that are not in the list", tried)
}

func BenchmarkContains(b *testing.B) {
	for b.Loop() {
		Contains("correct horse battery staple")
	}
}

// collect returns the words of the lists, the commonest first.
func collect(t *testing.T, folder string) (words []string) {
	seen := map[string]bool{}
	for _, name := range []string{"passwords", "commonWords", "firstnames", "wikipedia", "lastnames"} {
		text, err := os.ReadFile(filepath.Join(folder, name+".json"))
		require.NoError(t, err)
		var list []string
		require.NoError(t, json.Unmarshal(text, &list))
		for _, word := range list {
			word = strings.ToLower(norm.NFKC.String(word))
			short := name != "passwords" && utf8.RuneCountInString(word) < shortest
			if len(words) < most && !short && !seen[word] {
				seen[word], words = true, append(words, word)
			}
		}
	}
	return words
}

func writeWords(t *testing.T, words []string) {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	require.NoError(t, err)
	_, err = io.WriteString(w, strings.Join(words, "\n"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(wordsFile, packed.Bytes(), 0o644))
}

func readWords(t *testing.T) []string {
	file, err := os.Open(wordsFile)
	require.NoError(t, err)
	defer file.Close()
	r, err := gzip.NewReader(file)
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	words := strings.Split(string(text), "\n")
	require.Len(t, words, most)
	return words
}

// build returns the list of the words, in the form that the constants say.
func build(t *testing.T, words []string) []byte {
	fingerprints := make([][]uint32, buckets)
	for _, word := range words {
		bucket, fingerprint := locate(word)
		if !slices.Contains(fingerprints[bucket], fingerprint) {
			fingerprints[bucket] = append(fingerprints[bucket], fingerprint)
		}
	}
	list, n := make([]byte, sizesLength), 0
	for bucket, some := range fingerprints {
		require.Less(t, len(some), 16, "more than a bucket counts")
		list[bucket/2] |= byte(len(some) << (bucket % 2 * 4))
		slices.Sort(some)
		for _, f := range some {
			if n%2 == 0 {
				list = append(list, byte(f>>12), byte(f>>4), byte(f<<4), 0, 0)
			} else {
				last := list[len(list)-3:]
				last[0], last[1], last[2] = last[0]|byte(f>>16), byte(f>>8), byte(f)
			}
			n++
		}
	}
	return list
}
